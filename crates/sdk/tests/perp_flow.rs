//! A perp connector: its commands, what it may be asked for, and how it stands beside a spot connector of one library.

#![allow(clippy::unwrap_used, missing_docs)]

use colibri_sdk::abi::{OrderOp, Text48, op_flag, op_kind, order_side, order_type, position_side, time_in_force};
use colibri_sdk::model::{
    Amount, Asset, ClientOrderId, Contract, Decimal, Exponents, InstrumentId, Leverage, MarginMode, MarkPrice,
    OrderTerms, OrderType, PositionMode, PositionSide, Price, Quantity, Side, StatedPosition, TriggerBy, TriggerIntent,
    TriggerKind, WallNs,
};
use colibri_sdk::standard::{
    Capability, Channel, Command, ConnectorConfig, EnvironmentConfig, Event, FundingPaymentsSince, FundingRateQuery,
    Margin, MarkPriceEvent, OpenSession, Outcome, PlaceTrigger, PositionReport, PositionScope, Positions,
    PositionsEvent, Refusal, RejectReason, ReportSource, SessionRole, SetLeverage, SetPositionMode, Settings,
    Subscription, TradesSince, TriggerEvent, TriggerStatus, TriggerStatusQuery, UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};
use colibri_sdk::{
    Asked, Authentication, Emit, Heard, Moment, Opening, OrderRef, Perp, PlaceOrder, Reply, Request, SessionPlan, Spot,
    SpotRuntime, Step, Topic, TopicChange, Unreadable, unsupported,
};

/// The capabilities that the stand-in declares.
const CAPABILITIES: &[Capability] = &[
    Capability::ReduceOnly,
    Capability::SetLeverage,
    Capability::TriggerByMark,
];

struct Contracts {
    channels: &'static [Channel],
}

impl Spot for Contracts {
    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }
    fn channels(&self) -> &'static [Channel] {
        self.channels
    }
    fn authenticate(&self, _: &mut Request, _: Authentication, _: &Moment) {}
    fn refusal(&self, _: &Reply<'_>) -> Outcome {
        Outcome::Unknown(Refusal::new(RejectReason::ExchangeFault, "x"))
    }
    fn place(&self, order: &PlaceOrder<'_>) -> Asked {
        let size = order.instrument.contract.as_ref().map(|c| c.size.to_string());
        Ok(Request::to("place", "/order")
            .query("reduce", order.terms.effect.as_str())
            .query("size", size.unwrap_or_default())
            .reads(|_, _| Ok(Step::Done)))
    }
    fn cancel(&self, _: &OrderRef<'_>) -> Asked {
        Err(unsupported("x"))
    }
    fn instruments(&self) -> Asked {
        Err(unsupported("x"))
    }
    fn server_time(&self) -> Asked {
        Err(unsupported("x"))
    }
    fn book_snapshot(&self, _: &UsedInstrument, _: u32) -> Asked {
        Err(unsupported("x"))
    }
    fn balances(&self) -> Asked {
        Err(unsupported("x"))
    }
    fn open_orders(&self, _: Option<&UsedInstrument>) -> Asked {
        Err(unsupported("x"))
    }
    fn order_status(&self, _: &OrderRef<'_>) -> Asked {
        Err(unsupported("x"))
    }
    fn trades_since(&self, _: &UsedInstrument, _: &TradesSince) -> Asked {
        Err(unsupported("x"))
    }
    fn session(&self, _: SessionRole) -> Result<Opening, Refusal> {
        Ok(Opening::Stream(SessionPlan::stream("stream", "stream", "/ws")))
    }
    fn topics(&self, _: TopicChange, topics: &[Topic<'_>], id: u64) -> String {
        let channels: Vec<&str> = topics.iter().map(|t| t.channel.as_str()).collect();
        format!("{id} {}", channels.join(","))
    }
    fn frame(&mut self, _: SessionRole, _: &[u8], out: &mut Emit<'_>) -> Result<Heard, Unreadable> {
        out.event(MarkPriceEvent {
            instrument: InstrumentId(1),
            price: MarkPrice {
                mark: Price(Decimal::ONE),
                index: None,
            },
            exchange_time: None,
        });
        Ok(Heard::Data)
    }
}

impl Perp for Contracts {
    fn positions(&self, instrument: Option<&UsedInstrument>) -> Asked {
        let instrument = instrument.map(|i| (i.id, i.symbol.clone()));
        Ok(Request::to("positions", "/positions").reads(move |_, out| {
            let one = instrument.clone().map(|(id, symbol)| PositionReport {
                instrument: Some(id),
                symbol,
                position: StatedPosition {
                    quantity: Quantity(Decimal::from(-2)),
                    unrealized: Some(Amount(Decimal::ONE)),
                    ..StatedPosition::default()
                },
            });
            out.event(PositionsEvent {
                scope: match &instrument {
                    Some(_) => PositionScope::Instrument,
                    None => PositionScope::All,
                },
                instrument: instrument.as_ref().map(|(id, _)| *id),
                positions: one.into_iter().collect(),
                source: ReportSource::Query,
                exchange_time: None,
            });
            Ok(Step::Done)
        }))
    }
    fn settings(&self, _: Option<&UsedInstrument>) -> Asked {
        Ok(Request::to("settings", "/settings").reads(|_, _| Ok(Step::Done)))
    }
    fn margin(&self) -> Asked {
        Ok(Request::to("margin", "/margin").reads(|_, _| Ok(Step::Done)))
    }
    fn funding_rate(&self, instrument: &UsedInstrument) -> Asked {
        Ok(Request::to("funding", "/funding")
            .query("symbol", &instrument.symbol)
            .reads(|_, _| Ok(Step::Done)))
    }
    fn set_leverage(&self, _: &UsedInstrument, wanted: &SetLeverage) -> Asked {
        Ok(Request::to("leverage", "/leverage")
            .query("leverage", wanted.leverage.to_string())
            .reads(|_, _| Ok(Step::Done)))
    }
    fn place_trigger(&self, instrument: &UsedInstrument, trigger: &TriggerIntent) -> Asked {
        let (symbol, client_id) = (instrument.symbol.clone(), trigger.client_id.clone());
        Ok(Request::to("trigger", "/trigger").reads(move |_, out| {
            out.event(TriggerEvent {
                client_id: Some(client_id.clone()),
                op: out.op(),
                ..TriggerEvent::new(&symbol, ReportSource::Ack, TriggerStatus::Placed)
            });
            Ok(Step::Done)
        }))
    }
}

fn config() -> ConnectorConfig {
    let addresses = ["rest", "stream"].map(|role| (role.to_owned(), "https://x.example.com".to_owned()));
    ConnectorConfig {
        environment: EnvironmentConfig {
            name: "live".to_owned(),
            addresses: addresses.into(),
        },
        ..ConnectorConfig::default()
    }
}

fn used() -> UseInstruments {
    UseInstruments {
        instruments: vec![UsedInstrument {
            id: InstrumentId(1),
            pair: "BTC-USDT".parse().unwrap(),
            symbol: "BTCUSDT".to_owned(),
            exponents: Exponents {
                price: -2,
                quantity: -3,
            },
            contract: Some(Contract {
                size: Decimal::new(1, 2),
                ..Contract::linear(Asset::new("USDT"))
            }),
        }],
    }
}

fn stage_of(runtime: SpotRuntime) -> Stage {
    let mut stage = Stage::new(runtime);
    stage.command(1, &Command::UseInstruments(used()));
    stage
}

fn stage() -> Stage {
    let connector = Contracts {
        channels: Channel::PERP,
    };
    stage_of(SpotRuntime::perp(Box::new(connector), &config()).unwrap())
}

fn stop(terms: OrderTerms) -> TriggerIntent {
    TriggerIntent {
        client_id: ClientOrderId::new("t-1").unwrap(),
        instrument: InstrumentId(1),
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(Decimal::ONE_HUNDRED),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(Quantity(Decimal::ONE)),
        terms,
    }
}

fn reason(actions: &[Action], op: u64) -> Option<(RejectReason, bool)> {
    match outcome(actions, op)? {
        Outcome::NotSent(refusal) => Some((refusal.reason, true)),
        other => other.refusal().map(|r| (r.reason.clone(), false)),
    }
}

fn urls(actions: &[Action]) -> Vec<&str> {
    let mut urls = Vec::new();
    for action in actions {
        if let Action::Request { url, .. } = action {
            urls.push(url.as_str());
        }
    }
    urls
}

#[test]
fn positions_are_asked_for_and_told() {
    let mut stage = stage();
    let query = Positions {
        instrument: Some(InstrumentId(1)),
    };
    let done = stage.ask(2, &Command::Positions(query), 200, b"{}");
    assert_eq!(outcome(&done, 2), Some(Outcome::Done));
    let told = events(&done);
    let Event::Positions(told) = &told[0] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (told.scope, told.positions[0].position.quantity.0),
        (PositionScope::Instrument, Decimal::from(-2))
    );
    let foreign = Positions {
        instrument: Some(InstrumentId(9)),
    };
    let refused = stage.command(3, &Command::Positions(foreign));
    assert_eq!(reason(&refused, 3), Some((RejectReason::BadRequest, true)));
}

#[test]
fn every_question_reaches_its_function() {
    let mut stage = stage();
    let five = Leverage::new(Decimal::from(5)).unwrap();
    for (op, command, url) in [
        (2, Command::Settings(Settings { instrument: None }), "/settings"),
        (3, Command::Margin(Margin {}), "/margin"),
        (
            4,
            Command::FundingRate(FundingRateQuery {
                instrument: InstrumentId(1),
            }),
            "/funding?symbol=BTCUSDT",
        ),
        (
            5,
            Command::SetLeverage(SetLeverage::of(InstrumentId(1), five)),
            "/leverage?leverage=5",
        ),
    ] {
        stage.command(op, &command);
        let sent = stage.granted(op);
        assert_eq!(urls(&sent), [format!("https://x.example.com{url}")], "{command:?}");
    }
}

#[test]
fn what_the_connector_lacks_is_not_sent() {
    let mut stage = stage();
    let five = Leverage::new(Decimal::from(5)).unwrap();
    for (op, command) in [
        (
            2,
            Command::SetPositionMode(SetPositionMode {
                instrument: None,
                mode: PositionMode::Hedge,
            }),
        ),
        (
            3,
            Command::FundingPaymentsSince(FundingPaymentsSince {
                instrument: None,
                since: WallNs(0),
            }),
        ),
        (
            4,
            Command::SetLeverage(SetLeverage::of(InstrumentId(1), five).of_side(PositionSide::Long)),
        ),
        (
            5,
            Command::PlaceTrigger(PlaceTrigger {
                trigger: stop(OrderTerms {
                    margin_mode: Some(MarginMode::Isolated),
                    ..OrderTerms::default()
                }),
                // A host that forgot what it needs.
                needs: Vec::new(),
            }),
        ),
        (
            6,
            Command::TriggerStatus(TriggerStatusQuery {
                instrument: InstrumentId(1),
                client_id: ClientOrderId::new("t-1").ok(),
                exchange_id: None,
            }),
        ),
    ] {
        let refused = stage.command(op, &command);
        assert_eq!(
            reason(&refused, op),
            Some((RejectReason::Unsupported, true)),
            "{command:?}"
        );
    }
}

#[test]
fn a_trigger_is_placed_or_refused_for_its_form() {
    let mut stage = stage();
    let place = Command::PlaceTrigger(PlaceTrigger::of(stop(OrderTerms::default())));
    let done = stage.ask(2, &place, 200, b"{}");
    let told = events(&done);
    assert!(
        matches!(&told[0], Event::Trigger(t) if t.status == TriggerStatus::Placed && t.op.is_some_and(|op| op.0 == 2)),
        "{told:?}"
    );
    let mut formless = stop(OrderTerms::default());
    formless.quantity = None;
    let refused = stage.command(3, &Command::PlaceTrigger(PlaceTrigger::of(formless)));
    assert_eq!(reason(&refused, 3), Some((RejectReason::BadRequest, true)));
}

#[test]
fn an_order_says_what_it_may_do_or_is_not_sent() {
    let op = OrderOp {
        kind: op_kind::PLACE,
        instrument: 1,
        side: order_side::SELL,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::GTC,
        price: 100,
        quantity: 5,
        flags: op_flag::REDUCE_ONLY,
        client_id: Text48::new("c-1").unwrap(),
        grant: colibri_sdk::abi::Grant {
            op: 2,
            ..Default::default()
        },
        ..OrderOp::default()
    };
    let sent = stage().orders(&[op]);
    assert_eq!(
        urls(&sent),
        ["https://x.example.com/order?reduce=reduce_only&size=0.01"]
    );
    let hedged = op.of_position(position_side::LONG, 0);
    assert_eq!(
        reason(&stage().orders(&[hedged]), 2),
        Some((RejectReason::Unsupported, true))
    );
}

#[test]
fn a_session_carries_the_channels_of_its_standard() {
    let open = |channels: Vec<Channel>| {
        Command::OpenSession(OpenSession {
            session: 1,
            role: SessionRole::Market,
            subscriptions: vec![Subscription {
                instrument: InstrumentId(1),
                channels,
            }],
        })
    };
    let wanted = vec![Channel::Book, Channel::MarkPrice, Channel::FundingRate];
    let mut stage = stage();
    stage.command(2, &open(wanted.clone()));
    let sent = stage.stream_opened(1);
    let frames: Vec<&str> = sent
        .iter()
        .filter_map(|action| match action {
            Action::Send { frame, .. } => Some(frame.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        frames.len() == 1 && frames[0].ends_with("book,mark_price,funding_rate"),
        "{frames:?}"
    );
    let told = events(&stage.frame(1, b"{}"));
    assert!(matches!(&told[0], Event::MarkPrice(_)), "{told:?}");

    let spot = Contracts {
        channels: Channel::SPOT,
    };
    let mut stage = stage_of(SpotRuntime::new(Box::new(spot), &config()).unwrap());
    stage.command(2, &open(wanted));
    assert_eq!(
        reason(&stage.stream_opened(1), 2),
        Some((RejectReason::Unsupported, true))
    );
}

#[test]
fn a_spot_connector_has_no_contracts() {
    let spot = Contracts {
        channels: Channel::SPOT,
    };
    let mut stage = stage_of(SpotRuntime::new(Box::new(spot), &config()).unwrap());
    let refused = stage.command(2, &Command::Margin(Margin {}));
    assert_eq!(reason(&refused, 2), Some((RejectReason::Unsupported, true)));
}

/// One library, two connectors: what `export_connectors!` expands to is checked by compiling it.
mod exported {
    use super::*;

    fn new(_: &ConnectorConfig) -> Result<Contracts, String> {
        Ok(Contracts {
            channels: Channel::PERP,
        })
    }

    colibri_sdk::export_connectors! {
        manifest = "",
        "two" => spot(new),
        "two_perpetual" => perp(new),
    }
}

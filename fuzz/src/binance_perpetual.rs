//! The connector of Binance's contracts: frames of its streams and answers to its requests, on a stage that plays the host.

use colibri_connector_binance::perpetual::BinancePerpetual;
use colibri_sdk::SpotRuntime;
use colibri_sdk::abi::{OrderOp, Text48, op_kind, order_side, order_type, time_in_force};
use colibri_sdk::model::{
    Asset, ClientOrderId, CollateralMode, Contract, InstrumentId, Leverage, MarginMode, OrderTerms, OrderType,
    PositionMode, Price, Quantity, Side, TriggerBy, TriggerIntent, TriggerKind, WallNs,
};
use colibri_sdk::standard::{
    Balances, BookSnapshot, CancelAll, CancelAllTriggers, CancelTrigger, Channel, Command, ConnectorConfig, Credential,
    EnvironmentConfig, Fees, FundingPaymentsSince, FundingRateQuery, Instruments, KeyKind, Margin, MarginTiers,
    OpenOrders, OpenSession, OpenTriggers, OrderStatusQuery, OrdersSince, PlaceTrigger, Positions, RenewSession,
    SessionRole, SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode, Settings, Subscription, TradesSince,
    TriggerStatusQuery, UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Stage};

use crate::binance::{BTC, EXPONENTS, OP, answer, check, is_json, is_market_data};
use crate::input::{head, lines};

/// Frames of a live market stream of contracts, a line each.
///
/// # Panics
/// As [`binance_market_frames`](crate::binance_market_frames).
pub fn binance_perpetual_market_frames(data: &[u8]) {
    let (mut stage, mut careful) = (stage(), stage());
    for stage in [&mut stage, &mut careful] {
        let session = OpenSession {
            session: 1,
            role: SessionRole::Market,
            subscriptions: vec![Subscription {
                instrument: BTC,
                channels: Channel::PERP.to_vec(),
            }],
        };
        stage.command(OP, &Command::OpenSession(session));
        for stream in [1, 2] {
            stage.stream_opened(stream);
            stage.frame(stream, format!(r#"{{"result":null,"id":{stream}}}"#).as_bytes());
        }
    }
    for frame in lines(data) {
        let actions = stage.frame(1, frame);
        check(&actions);
        let with_care = careful.frame(1, &[b" ", frame].concat());
        if actions.iter().any(is_market_data) || with_care.iter().any(is_market_data) {
            assert_eq!(
                format!("{actions:?}"),
                format!("{with_care:?}"),
                "both ways read the same"
            );
        }
        let moved = actions.iter().any(is_market_data);
        assert!(!moved || is_json(frame), "a frame that is not JSON has moved the book");
    }
}

/// Frames of a live user stream of contracts, a line each.
///
/// # Panics
/// As [`binance_market_frames`](crate::binance_market_frames).
pub fn binance_perpetual_user_frames(data: &[u8]) {
    let mut stage = live_user();
    for frame in lines(data) {
        check(&stage.frame(1, frame));
    }
}

/// An answer: `<question> <status> [retry-after]`, and the body from the second line on.
///
/// # Panics
/// As [`binance_response`](crate::binance_response).
pub fn binance_perpetual_response(data: &[u8]) {
    let Some((question, body)) = head(data) else { return };
    let mut words = question.split(' ');
    let (Some(name), Some(status)) = (words.next(), words.next()) else {
        return;
    };
    let Ok(status) = status.parse::<u32>() else { return };
    if let Some(mut stage) = ask(name) {
        answer(&mut stage, status, words.next(), body);
    }
}

fn stage() -> Stage {
    let addresses = [
        ("rest", "https://fapi.binance.com"),
        ("market", "wss://fstream.binance.com"),
        ("private", "wss://fstream.binance.com"),
    ];
    let key = Credential::Public {
        value: "KEY1".to_owned(),
    };
    let secret = Credential::Secret {
        kind: KeyKind::HmacSha256,
    };
    let config = ConnectorConfig {
        environment: EnvironmentConfig {
            name: "live".to_owned(),
            addresses: addresses
                .map(|(role, address)| (role.to_owned(), address.to_owned()))
                .into(),
        },
        credentials: [("api_key".to_owned(), key), ("secret".to_owned(), secret)].into(),
        ..ConnectorConfig::default()
    };
    let connector = BinancePerpetual::new(&config).expect("the credentials are whole");
    let runtime = SpotRuntime::perp(Box::new(connector), &config).expect("the configuration is whole");
    let mut stage = Stage::new(runtime);
    let used = |id, pair: &str, symbol: &str| UsedInstrument {
        id,
        pair: pair.parse().expect("a pair"),
        symbol: symbol.to_owned(),
        exponents: EXPONENTS,
        contract: Some(Contract::linear(Asset::new("USDT"))),
    };
    let instruments = vec![
        used(BTC, "BTC-USDT", "BTCUSDT"),
        used(InstrumentId(2), "ETH-USDT", "ETHUSDT"),
    ];
    stage.command(9_000, &Command::UseInstruments(UseInstruments { instruments }));
    stage
}

fn user_session() -> Command {
    Command::OpenSession(OpenSession {
        session: 2,
        role: SessionRole::User,
        subscriptions: Vec::new(),
    })
}

fn live_user() -> Stage {
    let mut stage = stage();
    stage.ask(
        OP,
        &user_session(),
        200,
        br#"{"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1"}"#,
    );
    stage.stream_opened(1);
    stage
}

/// Asks a question by the name of its command or order operation, up to the sending of its request; `None` where there is
/// none.
fn ask(name: &str) -> Option<Stage> {
    let client_id = ClientOrderId::new("x-C1").ok();
    let command = match name {
        "place" => return Some(order(op_kind::PLACE)),
        "cancel" => return Some(order(op_kind::CANCEL)),
        "amend" => return Some(order(op_kind::AMEND)),
        "open_session" => user_session(),
        "renew_session" => Command::RenewSession(RenewSession { session: 2 }),
        "cancel_all" => Command::CancelAll(CancelAll { instrument: BTC }),
        "open_orders" => Command::OpenOrders(OpenOrders { instrument: Some(BTC) }),
        "order_status" => Command::OrderStatus(OrderStatusQuery {
            instrument: BTC,
            client_id,
            exchange_id: None,
        }),
        "orders_since" => Command::OrdersSince(OrdersSince {
            instrument: BTC,
            from_id: None,
            since: Some(WallNs(0)),
        }),
        "trades_since" => Command::TradesSince(TradesSince {
            instrument: BTC,
            from_id: None,
            since: Some(WallNs(0)),
            exchange_id: None,
        }),
        "balances" => Command::Balances(Balances {}),
        "fees" => Command::Fees(Fees { instrument: BTC }),
        "instruments" => Command::Instruments(Instruments {}),
        "book_snapshot" => Command::BookSnapshot(BookSnapshot {
            instrument: BTC,
            depth: 100,
        }),
        "positions" => Command::Positions(Positions { instrument: None }),
        "margin" => Command::Margin(Margin {}),
        "margin_tiers" => Command::MarginTiers(MarginTiers { instrument: BTC }),
        "settings" => Command::Settings(Settings { instrument: None }),
        "set_leverage" => {
            let five = Leverage::new(5.into()).expect("a leverage");
            Command::SetLeverage(SetLeverage::of(BTC, five))
        }
        "set_margin_mode" => Command::SetMarginMode(SetMarginMode {
            instrument: Some(BTC),
            mode: MarginMode::Isolated,
        }),
        "set_position_mode" => Command::SetPositionMode(SetPositionMode {
            instrument: None,
            mode: PositionMode::Hedge,
        }),
        "set_collateral_mode" => Command::SetCollateralMode(SetCollateralMode {
            mode: CollateralMode::MultiAsset,
        }),
        "funding_rate" => Command::FundingRate(FundingRateQuery { instrument: BTC }),
        "funding_payments_since" => Command::FundingPaymentsSince(FundingPaymentsSince {
            instrument: None,
            since: WallNs(0),
        }),
        "place_trigger" => Command::PlaceTrigger(PlaceTrigger::of(trigger())),
        "cancel_trigger" => Command::CancelTrigger(CancelTrigger {
            instrument: BTC,
            client_id,
            exchange_id: None,
        }),
        "cancel_all_triggers" => Command::CancelAllTriggers(CancelAllTriggers { instrument: BTC }),
        "open_triggers" => Command::OpenTriggers(OpenTriggers { instrument: None }),
        "trigger_status" => Command::TriggerStatus(TriggerStatusQuery {
            instrument: BTC,
            client_id,
            exchange_id: None,
        }),
        _ => return None,
    };
    let mut stage = match name {
        "renew_session" => live_user(),
        _ => stage(),
    };
    stage.command(OP, &command);
    stage.granted(OP);
    Some(stage)
}

fn trigger() -> TriggerIntent {
    TriggerIntent {
        client_id: ClientOrderId::new("t-1").expect("it is short"),
        instrument: BTC,
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(60_000.into()),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(Quantity(1.into())),
        terms: OrderTerms::default(),
    }
}

/// An order operation that was sent.
fn order(kind: u32) -> Stage {
    let mut order = OrderOp {
        kind,
        instrument: BTC.0,
        side: order_side::BUY,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::GTC,
        price_exponent: EXPONENTS.price,
        quantity_exponent: EXPONENTS.quantity,
        price: 6_000_000_000_000,
        quantity: 500_000,
        client_id: Text48::new("x-C1").expect("it is short"),
        exchange_id: Text48::new("28").expect("it is short"),
        ..OrderOp::default()
    };
    order.grant.op = OP;
    let mut stage = stage();
    let actions = stage.orders(&[order]);
    assert!(
        actions.iter().any(|action| matches!(action, Action::Request { .. })),
        "the order was not sent: {actions:?}"
    );
    stage
}

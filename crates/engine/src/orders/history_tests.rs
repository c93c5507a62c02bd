//! Any history that an exchange can bring about, told in any order, any number of times, or not at all: once the exchange has
//! been asked, tracker and ledger say what it says.
#![allow(clippy::unwrap_used)]

use colibri_model::{
    AccountId, Amount, Asset, ClientOrderId, Decimal, ExchangeOrderId, Fee, Fill, FillCause, FillKey, InstrumentId,
    MonoNs, OrderEvidence, OrderIntent, OrderState, OrderTerms, OrderType, Pair, PositionSide, Price, Quantity,
    QuantityUnit, Side, StrategyId, TimeInForce, TradeId, VenueId, WallNs,
};
use colibri_standard::ReportSource;
use proptest::prelude::*;

use crate::orders::{FillLedger, InFlightOrder, OrderReport, OrderTracker, Recorded};

/// How an order ends at the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Rests,
    Cancelled,
    Expired,
    Refused,
}

/// What happens to an order at the exchange, in order.
#[derive(Debug, Clone)]
struct History {
    quantity: u32,
    /// Trades, and amends to so much above what is filled then.
    steps: Vec<Step>,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Trade(u32),
    Amend(u32),
}

/// The order at the exchange at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    time: i64,
    quantity: u32,
    filled: u32,
    evidence: OrderEvidence,
}

/// Something that reaches us.
#[derive(Debug, Clone)]
enum Report {
    /// The order, as it stood at a moment.
    Order(Standing, ReportSource),
    /// A trade, by which ids, with or without its fee.
    Trade { number: usize, by_name: ByName, fee: Told },
    /// The placement timed out.
    TimedOut,
    /// A cache denied the order, once too often.
    Denied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByName {
    Ours,
    Theirs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

fn decimal(number: u32) -> Quantity {
    Quantity(Decimal::from(number))
}

impl History {
    /// Every standing, oldest first, and the sizes of the trades.
    fn play(&self) -> (Vec<Standing>, Vec<u32>) {
        let (mut quantity, mut filled, mut trades) = (self.quantity, 0, Vec::new());
        let standing = |time, quantity, filled| Standing {
            time,
            quantity,
            filled,
            evidence: match filled {
                0 => OrderEvidence::Open,
                _ if filled >= quantity => OrderEvidence::Filled,
                _ => OrderEvidence::PartiallyFilled,
            },
        };
        if self.end == End::Refused {
            let evidence = OrderEvidence::Rejected;
            return (
                vec![Standing {
                    evidence,
                    ..standing(0, quantity, 0)
                }],
                trades,
            );
        }
        let mut all = vec![standing(0, quantity, 0)];
        for (at, step) in self.steps.iter().enumerate() {
            match *step {
                Step::Trade(size) => {
                    let size = size.min(quantity - filled);
                    if size > 0 {
                        trades.push(size);
                        filled += size;
                    }
                }
                Step::Amend(above) => quantity = (filled + above).min(quantity),
            }
            all.push(standing(at as i64 + 1, quantity, filled));
        }
        let evidence = match self.end {
            End::Cancelled => OrderEvidence::Cancelled,
            End::Expired => OrderEvidence::Expired,
            End::Rests | End::Refused => return (all, trades),
        };
        if filled < quantity {
            all.push(Standing {
                evidence,
                ..standing(100, quantity, filled)
            });
        }
        (all, trades)
    }
}

fn history() -> impl Strategy<Value = History> {
    let step = prop_oneof![3 => (1u32..5).prop_map(Step::Trade), 1 => (1u32..5).prop_map(Step::Amend)];
    let end = prop_oneof![
        2 => Just(End::Rests),
        3 => Just(End::Cancelled),
        1 => Just(End::Expired),
        1 => Just(End::Refused),
    ];
    (1u32..12, prop::collection::vec(step, 0..6), end).prop_map(|(quantity, steps, end)| History {
        quantity,
        steps,
        end,
    })
}

/// What is told of a history: everything once by the stream and by the acknowledgement, then a choice of it again or not at all,
/// shuffled.
fn told(history: &History) -> impl Strategy<Value = Vec<Report>> + use<> {
    let (standings, trades) = history.play();
    let mut all = vec![Report::TimedOut];
    for standing in standings {
        for source in [ReportSource::Ack, ReportSource::Stream, ReportSource::Query] {
            all.push(Report::Order(standing, source));
        }
        let acknowledged = OrderEvidence::Acknowledged;
        if standing.time == 0 && history.end != End::Refused {
            all.push(Report::Order(
                Standing {
                    evidence: acknowledged,
                    ..standing
                },
                ReportSource::Ack,
            ));
            all.push(Report::Denied);
        }
    }
    for number in 0..trades.len() {
        for by_name in [ByName::Ours, ByName::Theirs] {
            for fee in [Told::Yes, Told::No] {
                all.push(Report::Trade { number, by_name, fee });
            }
        }
    }
    let most = all.len() * 2;
    prop::collection::vec(prop::sample::select(all), 0..most)
}

struct Desk {
    tracker: OrderTracker,
    ledger: FillLedger,
    trades: Vec<u32>,
    now: u64,
}

fn ours() -> ClientOrderId {
    ClientOrderId::new("clb1").unwrap()
}

fn theirs() -> ExchangeOrderId {
    ExchangeOrderId::new("x1").unwrap()
}

impl Desk {
    fn new(history: &History) -> Desk {
        let intent = OrderIntent {
            client_id: ours(),
            instrument: InstrumentId(1),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: Some(TimeInForce::Gtc),
            price: Some(Price(Decimal::from(100))),
            quantity: decimal(history.quantity),
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms::default(),
        };
        let pair: Pair = "BTC-USDT".parse().unwrap();
        let mut order = InFlightOrder::new(StrategyId::new("s").unwrap(), 0, pair, intent, MonoNs(0), WallNs(0));
        order.answered = Some(MonoNs(0));
        let mut tracker = OrderTracker::default();
        tracker.track(order);
        Desk {
            tracker,
            ledger: FillLedger::default(),
            trades: history.play().1,
            now: 1,
        }
    }

    fn order(&self) -> &InFlightOrder {
        self.tracker.get(&ours()).unwrap()
    }

    fn hear(&mut self, report: &Report) {
        self.now += 1;
        let now = MonoNs(self.now);
        match report {
            Report::Order(standing, source) => {
                let time = Some(WallNs(standing.time));
                let order = self.tracker.get_mut(&ours()).unwrap();
                if !order.is_older_news(time) {
                    order.learn_quantity(decimal(standing.quantity), *source);
                }
                let report = OrderReport {
                    exchange_id: Some(theirs()),
                    filled: Some(decimal(standing.filled)),
                    reason: None,
                    exchange_time: time,
                    source: Some(*source),
                };
                self.tracker.learn(&ours(), standing.evidence, &report, now);
            }
            Report::Trade { number, by_name, fee } => self.hear_trade(*number, *by_name, *fee),
            Report::TimedOut => {
                self.tracker
                    .learn(&ours(), OrderEvidence::OutcomeUnknown, &OrderReport::default(), now);
            }
            Report::Denied => {
                self.tracker
                    .learn(&ours(), OrderEvidence::Absent, &OrderReport::default(), now);
            }
        }
    }

    fn hear_trade(&mut self, number: usize, by_name: ByName, fee: Told) {
        let fill = Fill {
            key: FillKey {
                account: AccountId::new("a").unwrap(),
                venue: VenueId::new("v").unwrap(),
                pair: "BTC-USDT".parse().unwrap(),
                trade_id: TradeId::new(&number.to_string()).unwrap(),
                side: Side::Buy,
            },
            client_id: (by_name == ByName::Ours).then(ours),
            exchange_id: Some(theirs()),
            side: Side::Buy,
            price: Price(Decimal::from(100)),
            quantity: decimal(self.trades[number]),
            fee: (fee == Told::Yes).then(|| Fee {
                asset: Asset::new("BNB"),
                amount: Amount(Decimal::ONE),
            }),
            liquidity: None,
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            exchange_time: WallNs(0),
            local_time: WallNs(0),
        };
        let found = self.tracker.find(
            Some(InstrumentId(1)),
            fill.client_id.as_ref(),
            fill.exchange_id.as_ref(),
        );
        // One that names nothing we know is put aside by the engine until it is.
        let Some(id) = found else { return };
        match self.ledger.record(&fill) {
            Recorded::New => {
                self.tracker.add_fill(&id, &fill, MonoNs(self.now));
            }
            Recorded::FeeLearned => self.tracker.get_mut(&id).unwrap().add_fee(&fill),
            Recorded::Known => {}
        }
    }

    /// What holds at every moment, whatever was told so far.
    fn is_sound(&self, end: &Standing) -> Result<(), TestCaseError> {
        let order = self.order();
        prop_assert!(
            order.filled() <= decimal(end.filled),
            "nothing is filled that was not traded"
        );
        prop_assert_eq!(self.tracker.live_count() == 1, order.may_be_live());
        if order.state() == OrderState::Filled {
            prop_assert_eq!(end.evidence, OrderEvidence::Filled);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn once_asked_the_exchange_is_right((history, reports) in history().prop_flat_map(|h| (Just(h.clone()), told(&h)))) {
        let (standings, trades) = history.play();
        let end = *standings.last().unwrap();
        let mut desk = Desk::new(&history);
        for report in &reports {
            desk.hear(report);
            desk.is_sound(&end)?;
        }
        // Everything is asked for, as it is until nothing is in doubt.
        desk.hear(&Report::Order(end, ReportSource::Query));
        for number in 0..trades.len() {
            desk.hear(&Report::Trade { number, by_name: ByName::Theirs, fee: Told::Yes });
        }
        desk.is_sound(&end)?;
        let order = desk.order();
        prop_assert_eq!(order.state().after(end.evidence), Ok(order.state()), "{:?} here, {:?} there", order.state(), end);
        prop_assert_eq!(order.filled(), decimal(end.filled));
        prop_assert_eq!(order.intent.quantity, decimal(end.quantity));
        prop_assert!(order.missing_fills().is_zero());
        prop_assert_eq!(order.average_price().is_some(), end.filled > 0);
        let fees = order.fees().values().copied().sum::<Amount>();
        prop_assert_eq!(fees, Amount(Decimal::from(trades.len())), "each fee counts once");
        let may_be_live = !matches!(end.evidence, OrderEvidence::Filled | OrderEvidence::Cancelled | OrderEvidence::Expired | OrderEvidence::Rejected);
        prop_assert_eq!(order.may_be_live(), may_be_live);
    }
}

//! What holds after any sequence of operations.

use proptest::prelude::*;

use super::*;
use crate::identity::OrderId;

#[derive(Debug, Clone)]
enum Step {
    Place { account: usize, order: NewOrder },
    Cancel { account: usize, id: u64 },
    CancelAll { account: usize },
    Amend { account: usize, id: u64, lots: i64 },
}

fn new_order() -> impl Strategy<Value = NewOrder> {
    let prevention = prop_oneof![
        Just(SelfTradePrevention::None),
        Just(SelfTradePrevention::ExpireTaker),
        Just(SelfTradePrevention::ExpireMaker),
        Just(SelfTradePrevention::ExpireBoth),
        Just(SelfTradePrevention::Decrement),
    ];
    let time_in_force = prop_oneof![
        4 => Just(TimeInForce::GoodTillCancel),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
    ];
    let kind = prop_oneof![6 => Just(OrderKind::Limit), 2 => Just(OrderKind::LimitMaker), 2 => Just(OrderKind::Market)];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    (
        side,
        kind,
        time_in_force,
        prevention,
        95_i64..106,
        1_i64..3000,
        any::<bool>(),
        0_u32..20,
    )
        .prop_map(
            |(side, kind, time_in_force, self_trade_prevention, price, lots, by_quote, name)| {
                let base = OrderSize::Base(Decimal::new(lots, 3));
                let market = kind == OrderKind::Market;
                let limit = kind == OrderKind::Limit;
                NewOrder {
                    client_id: ClientOrderId::new(format!("c{name}")),
                    side,
                    kind,
                    time_in_force: if limit {
                        time_in_force
                    } else {
                        TimeInForce::GoodTillCancel
                    },
                    price: if market { Decimal::ZERO } else { Decimal::from(price) },
                    size: if market && by_quote {
                        OrderSize::Quote(Decimal::from(lots))
                    } else {
                        base
                    },
                    self_trade_prevention,
                    strategy_id: None,
                    strategy_type: None,
                    terms: ContractTerms::default(),
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..2, new_order()).prop_map(|(account, order)| Step::Place { account, order }),
        2 => (0_usize..2, 1_u64..60).prop_map(|(account, id)| Step::Cancel { account, id }),
        1 => (0_usize..2).prop_map(|account| Step::CancelAll { account }),
        2 => (0_usize..2, 1_u64..60, 1_i64..3000).prop_map(|(account, id, lots)| Step::Amend { account, id, lots }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn assets_are_conserved_and_the_book_is_sound(steps in proptest::collection::vec(step(), 1..80)) {
        let mut engine = engine();
        let before = (total(&engine, "BTC"), total(&engine, "USDT"));
        let mut last_update = 0;
        let mut replica = std::collections::BTreeMap::new();
        for (moment, step) in steps.into_iter().enumerate() {
            let now = at(moment as i64);
            match step {
                Step::Place { account, order } => {
                    let asked = order.clone();
                    if let Ok(report) = engine.place(MARKET, AccountId(account), order, now) {
                        let traded: Decimal = report.fills.iter().map(|fill| fill.quantity).sum();
                        prop_assert_eq!(traded, report.order.executed);
                        for fill in &report.fills {
                            let accepted = match (asked.kind, asked.side) {
                                (OrderKind::Market, _) => true,
                                (_, Side::Buy) => fill.price <= asked.price,
                                (_, Side::Sell) => fill.price >= asked.price,
                            };
                            prop_assert!(accepted);
                        }
                    }
                }
                Step::Cancel { account, id } => {
                    let key = OrderKey::Id(OrderId(id));
                    let name = ClientOrderId::from("x");
                    let _ = engine.cancel(MARKET, AccountId(account), &key, CancelRestriction::None, name, now);
                }
                Step::CancelAll { account } => {
                    engine.cancel_all(MARKET, AccountId(account), &ClientOrderId::from("x"), now);
                }
                Step::Amend { account, id, lots } => {
                    let amend = Amend {
                        key: OrderKey::Id(OrderId(id)),
                        client_id: ClientOrderId::new(format!("c{}", lots % 20)),
                        quantity: Decimal::new(lots, 3),
                    };
                    let _ = engine.amend(MARKET, AccountId(account), amend, now);
                }
            }
            sound(&engine);
            prop_assert_eq!(before, (total(&engine, "BTC"), total(&engine, "USDT")));
            for change in engine.market_mut(MARKET).take_changes() {
                prop_assert_eq!(change.id.0, last_update + 1);
                last_update = change.id.0;
                if change.quantity.is_zero() {
                    replica.remove(&(change.side, change.price));
                } else {
                    replica.insert((change.side, change.price), change.quantity);
                }
            }
            let market = engine.market(MARKET);
            let book: std::collections::BTreeMap<_, _> = [Side::Buy, Side::Sell]
                .into_iter()
                .flat_map(|side| market.book().levels(side).map(move |(price, level)| ((side, price), level.quantity)))
                .collect();
            prop_assert_eq!(&book, &replica);
        }
    }
}

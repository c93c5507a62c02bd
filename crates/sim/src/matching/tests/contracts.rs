//! What must hold of contracts whatever happens: positions add up to nothing, money is moved and never made, and nobody who
//! was not liquidated owes.

use proptest::prelude::*;

use super::*;
use crate::margin::{IncomeKind, MarginKind, PositionMode, PositionSide, Tier, Tiers};

const MARKETS: usize = 2;
const CLIENTS: usize = 3;
const WALLET: i64 = 20_000;
const FUND: i64 = 5_000;

fn contracts(history: [History; CLIENTS]) -> Engine {
    let mut engine = Engine::new();
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let tier = |cap: i64, max_leverage, rate: &str| Tier {
            cap: Decimal::from(cap),
            max_leverage,
            maintenance_rate: dec(rate),
        };
        let tiers = Tiers::new(vec![tier(50_000, 50, "0.01"), tier(10_000_000, 20, "0.025")]).expect("they grow");
        let market = engine.add_market(MarketSettings {
            symbol: Symbol::from(symbol),
            base: Asset::from("BASE"),
            quote: Asset::from("USDT"),
            lot: dec("0.001"),
            settlement: Settlement::Contract(ContractRules {
                tiers,
                liquidation_fee: dec("0.0125"),
                tick: dec("0.1"),
            }),
        });
        engine.set_mark(market, Decimal::from(1_000));
    }
    for (place, history) in history.into_iter().enumerate() {
        let settings = AccountSettings {
            name: AccountName::new(format!("client {place}")),
            fees: FeeRates {
                maker: dec("0.0002"),
                taker: dec("0.0005"),
            },
            fee_asset: None,
            trade_group: None,
            history,
        };
        let id = engine.add_account(settings, [], at(0));
        engine.open_margin_account(id, Decimal::from(WALLET), at(0));
    }
    engine.endow_insurance_fund(Decimal::from(FUND));
    engine
}

#[derive(Debug, Clone)]
enum Step {
    Order {
        account: usize,
        market: usize,
        buys: u8,
        ticks: i64,
        lots: i64,
        market_order: u8,
        reduce: u8,
        side: u8,
    },
    Cancel {
        account: usize,
        market: usize,
    },
    Modify {
        account: usize,
        market: usize,
        ticks: i64,
        lots: i64,
    },
    Mark {
        market: usize,
        ticks: i64,
    },
    Funding {
        market: usize,
        rate: i64,
    },
    Leverage {
        account: usize,
        market: usize,
        leverage: u32,
    },
    Isolate {
        account: usize,
        market: usize,
        isolated: u8,
    },
    Mode {
        account: usize,
        hedge: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (account, market) = (0..CLIENTS, 0..MARKETS);
    prop_oneof![
        10 => (account.clone(), market.clone(), 0..2_u8, -300..300_i64, 1..60_000_i64, 0..4_u8, 0..4_u8, 0..3_u8).prop_map(
            |(account, market, buys, ticks, lots, market_order, reduce, side)| Step::Order {
                account, market, buys, ticks, lots, market_order, reduce, side,
            },
        ),
        1 => (account.clone(), market.clone()).prop_map(|(account, market)| Step::Cancel { account, market }),
        1 => (account.clone(), market.clone(), -300..300_i64, 1..60_000_i64)
            .prop_map(|(account, market, ticks, lots)| Step::Modify { account, market, ticks, lots }),
        3 => (market.clone(), -4_000..4_000_i64).prop_map(|(market, ticks)| Step::Mark { market, ticks }),
        1 => (market.clone(), -30..30_i64).prop_map(|(market, rate)| Step::Funding { market, rate }),
        1 => (account.clone(), market.clone(), 1..60_u32)
            .prop_map(|(account, market, leverage)| Step::Leverage { account, market, leverage }),
        1 => (account.clone(), market.clone(), 0..2_u8)
            .prop_map(|(account, market, isolated)| Step::Isolate { account, market, isolated }),
        1 => (account, 0..2_u8).prop_map(|(account, hedge)| Step::Mode { account, hedge }),
    ]
}

fn price(ticks: i64) -> Decimal {
    Decimal::from(1_000) + Decimal::new(ticks, 1)
}

/// Does a step; what is refused changes nothing.
fn take(engine: &mut Engine, step: &Step, number: usize) {
    let now = at(number as i64 * 1_000);
    match *step {
        Step::Order {
            account,
            market,
            buys,
            ticks,
            lots,
            market_order,
            reduce,
            side,
        } => {
            let side_of = |number| PositionSide::ALL[usize::from(number)];
            let position = match engine.account(AccountId(account)).margin.position_mode {
                PositionMode::OneWay => PositionSide::Both,
                PositionMode::Hedge => side_of(1 + side % 2),
            };
            let order = NewOrder {
                client_id: ClientOrderId::new(number.to_string()),
                side: if buys == 0 { Side::Buy } else { Side::Sell },
                kind: if market_order == 0 {
                    OrderKind::Market
                } else {
                    OrderKind::Limit
                },
                time_in_force: TimeInForce::GoodTillCancel,
                price: if market_order == 0 { Decimal::ZERO } else { price(ticks) },
                size: OrderSize::Base(Decimal::new(lots, 3)),
                self_trade_prevention: SelfTradePrevention::ExpireMaker,
                strategy_id: None,
                strategy_type: None,
                terms: ContractTerms {
                    position,
                    effect: if reduce == 0 { Effect::ReduceOnly } else { Effect::Any },
                    ..ContractTerms::default()
                },
            };
            let _ = engine.place(MarketId(market), AccountId(account), order, now);
        }
        Step::Cancel { account, market } => {
            engine.cancel_all(MarketId(market), AccountId(account), &ClientOrderId::from("c"), now);
        }
        Step::Modify {
            account,
            market,
            ticks,
            lots,
        } => {
            let open = engine.market(MarketId(market)).open_orders(AccountId(account)).next();
            let modify = open.map(|order| Modify {
                key: OrderKey::Id(order.id),
                side: order.side,
                quantity: Decimal::new(lots, 3),
                price: price(ticks),
            });
            if let Some(modify) = modify {
                let _ = engine.modify(MarketId(market), AccountId(account), &modify, now);
            }
        }
        Step::Mark { market, ticks } => {
            engine.set_mark(MarketId(market), price(ticks));
            engine.liquidate(dec("0.8"), now);
        }
        Step::Funding { market, rate } => {
            engine.settle_funding(MarketId(market), Decimal::new(rate, 4), now);
            engine.liquidate(dec("0.8"), now);
        }
        Step::Leverage {
            account,
            market,
            leverage,
        } => {
            let _ = engine.set_leverage(AccountId(account), MarketId(market), leverage);
        }
        Step::Isolate {
            account,
            market,
            isolated,
        } => {
            let kind = if isolated == 0 {
                MarginKind::Isolated
            } else {
                MarginKind::Cross
            };
            let _ = engine.set_margin_kind(AccountId(account), MarketId(market), kind);
        }
        Step::Mode { account, hedge } => {
            let mode = if hedge == 0 {
                PositionMode::Hedge
            } else {
                PositionMode::OneWay
            };
            let _ = engine.set_position_mode(AccountId(account), mode);
        }
    }
}

fn check(engine: &Engine) {
    let accounts = || (0..CLIENTS).map(|place| &engine.account(AccountId(place)).margin);
    for market in (0..MARKETS).map(MarketId) {
        let held = accounts().flat_map(|margin| PositionSide::ALL.map(|side| margin.position(market, side)));
        let (amounts, costs) = held.fold((Decimal::ZERO, Decimal::ZERO), |(amounts, costs), position| {
            (amounts + position.amount, costs + position.cost())
        });
        assert_eq!(amounts, Decimal::ZERO, "positions add up to nothing");
        let realized: Decimal = accounts()
            .flat_map(|margin| PositionSide::ALL.map(|side| margin.position(market, side).realized))
            .sum();
        // What the open positions cost is what was realised against them.
        assert_eq!(costs, realized);
    }
    let fees = engine.collected_fees().values().sum::<Decimal>();
    let wallets: Decimal = accounts().map(|margin| margin.wallet()).sum();
    let costs: Decimal = accounts()
        .flat_map(|margin| margin.open_positions().map(|(.., position)| position.cost()))
        .sum();
    let all = Decimal::from(WALLET * CLIENTS as i64 + FUND);
    assert_eq!(
        wallets + fees + engine.insurance_fund().balance() - costs,
        all,
        "money is moved, never made"
    );
    for margin in accounts() {
        let booked: Decimal = margin.income().iter().map(|entry| entry.amount).sum();
        assert_eq!(margin.wallet(), booked, "a wallet is the sum of its entries");
        let isolated: Decimal = margin
            .open_positions()
            .map(|(.., position)| position.isolated_wallet)
            .sum();
        assert_eq!(
            margin.cross_wallet() + isolated,
            margin.wallet(),
            "nothing is set aside for what is closed"
        );
        for (_, side, position) in margin.open_positions() {
            match side {
                PositionSide::Both => {}
                PositionSide::Long => assert!(position.amount > Decimal::ZERO),
                PositionSide::Short => assert!(position.amount < Decimal::ZERO),
            }
        }
    }
    for market in engine.markets().map(|(_, market)| market) {
        for order in (0..CLIENTS).flat_map(|place| market.open_orders(AccountId(place))) {
            assert!(order.remaining() > Decimal::ZERO);
        }
    }
}

/// Whoever has no entry of a liquidation has not less than nothing, at the marks of the last check.
fn check_solvency(engine: &Engine) {
    for account in (0..CLIENTS).map(AccountId) {
        let figures = engine.figures(account);
        let entries = engine.account(account).margin.income();
        let liquidated = entries.iter().any(|entry| entry.kind == IncomeKind::InsuranceClear);
        let exhausted = engine.insurance_fund().balance().is_zero();
        assert!(
            figures.cross_balance() >= Decimal::ZERO || liquidated || exhausted,
            "{figures:?}"
        );
        let short = figures.cross_balance() < figures.cross_maintenance;
        assert!(
            !short || figures.cross_maintenance.is_zero(),
            "what is short is liquidated: {figures:?}"
        );
    }
    assert!(
        engine.insurance_fund().balance() >= Decimal::ZERO,
        "the fund pays what it has"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_positions_and_money_add_up(steps in prop::collection::vec(step(), 1..120)) {
        let mut engine = contracts([History::Keep; CLIENTS]);
        for (number, step) in steps.iter().enumerate() {
            take(&mut engine, step, number);
            check(&engine);
            engine.liquidate(dec("0.8"), at(number as i64 * 1_000));
            check(&engine);
            check_solvency(&engine);
        }
    }
}

/// An order at the first mark price.
fn order(side: Side, quantity: &str, name: &str) -> NewOrder {
    NewOrder {
        client_id: ClientOrderId::from(name),
        side,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::GoodTillCancel,
        price: Decimal::from(1_000),
        size: OrderSize::Base(dec(quantity)),
        self_trade_prevention: SelfTradePrevention::None,
        strategy_id: None,
        strategy_type: None,
        terms: ContractTerms::default(),
    }
}

/// In hedge mode the short position gained what the long one lost: it answers for it, and nothing of it is left to close.
#[test]
fn a_position_that_answers_for_the_other_of_its_account_is_not_closed_again() {
    let mut engine = contracts([History::Forget, History::Keep, History::Keep]);
    let (house, hedged) = (AccountId(0), AccountId(1));
    let market = MarketId(0);
    engine
        .set_position_mode(hedged, PositionMode::Hedge)
        .expect("it holds nothing");
    let of = |position, order: NewOrder| NewOrder {
        terms: ContractTerms {
            position,
            ..ContractTerms::default()
        },
        ..order
    };
    let orders = [
        (house, order(Side::Sell, "200", "a")),
        (hedged, of(PositionSide::Long, order(Side::Buy, "200", "b"))),
        (house, order(Side::Buy, "100", "c")),
        (hedged, of(PositionSide::Short, order(Side::Sell, "100", "d"))),
    ];
    for (account, order) in orders {
        engine.place(market, account, order, at(0)).expect("there is margin");
    }
    engine.set_mark(market, Decimal::from(1));
    engine.liquidate(dec("0.8"), at(1));
    let margin = &engine.account(hedged).margin;
    for side in [PositionSide::Long, PositionSide::Short] {
        assert_eq!(margin.position(market, side).amount, Decimal::ZERO, "{side:?}");
    }
}

#[test]
fn who_makes_the_market_is_deleveraged_last() {
    let mut engine = contracts([History::Forget, History::Keep, History::Keep]);
    let (house, long, short) = (AccountId(0), AccountId(1), AccountId(2));
    let market = MarketId(0);
    for (account, side, quantity) in [
        (house, Side::Sell, "100"),
        (short, Side::Sell, "100"),
        (long, Side::Buy, "200"),
    ] {
        engine
            .place(market, account, order(side, quantity, "a"), at(0))
            .expect("there is margin");
    }
    // The book is empty: whoever gained is closed at the bankruptcy price, clients first.
    engine.set_mark(market, Decimal::from(900));
    engine.liquidate(dec("0.8"), at(1));
    let held = |engine: &Engine, account: AccountId| {
        engine
            .account(account)
            .margin
            .position(market, PositionSide::Both)
            .amount
    };
    assert_eq!(held(&engine, long), Decimal::ZERO);
    assert_eq!(held(&engine, short), Decimal::ZERO);
    assert_eq!(held(&engine, house), Decimal::ZERO);
    let closed = engine
        .market(market)
        .orders_of(short)
        .last()
        .expect("it was deleveraged");
    assert_eq!(
        (closed.client_id.as_str(), closed.status),
        ("adl_autoclose", OrderStatus::Filled)
    );
}

//! Statements worked by hand, and what holds of any fills: the figures are what was paid and received, and what is held.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::{
    AccountId, Amount, Asset, Contract, Fee, Fill, FillCause, FillKey, FundingKey, FundingPayment, FundingPaymentId,
    OpenedPosition, Pair, PositionSide, Price, Quantity, Side, StrategyId, TradeId, VenueId, WallNs,
};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn amount(text: &str) -> Amount {
    Amount(dec(text))
}

fn venue() -> VenueId {
    VenueId::new("binance").unwrap()
}

fn account() -> AccountId {
    AccountId::new("main").unwrap()
}

fn maker() -> Option<StrategyId> {
    Some(StrategyId::new("maker").unwrap())
}

fn seconds(seconds: i64) -> WallNs {
    WallNs(seconds * 1_000_000_000)
}

/// A fill of BTC-USDT, numbered by its time, its fee as `0.1 USDT`.
fn fill(time: i64, side: Side, price: &str, quantity: &str, fee: &str) -> Fill {
    Fill {
        key: FillKey {
            account: account(),
            venue: venue(),
            pair: "BTC-USDT".parse().unwrap(),
            trade_id: TradeId::new(&time.to_string()).unwrap(),
            side,
        },
        client_id: None,
        exchange_id: None,
        side,
        price: Price(dec(price)),
        quantity: Quantity(dec(quantity)),
        fee: fee.split_once(' ').map(|(paid, asset)| Fee {
            asset: Asset::new(asset),
            amount: amount(paid),
        }),
        liquidity: None,
        position_side: PositionSide::Net,
        cause: FillCause::Order,
        exchange_time: seconds(time),
        local_time: seconds(time),
    }
}

fn of_maker(fill: Fill) -> ProfitEvent {
    ProfitEvent::Fill {
        strategy: maker(),
        fill,
    }
}

fn price_of(pair: &str, price: &str, time: i64) -> ProfitEvent {
    ProfitEvent::Price {
        venue: venue(),
        pair: pair.parse().unwrap(),
        price: Price(dec(price)),
        time: seconds(time),
    }
}

fn funding(time: i64, asset: &str, paid: &str) -> FundingPayment {
    FundingPayment {
        key: FundingKey {
            account: account(),
            venue: venue(),
            pair: "BTC-USDT".parse().unwrap(),
            time: seconds(time),
            id: FundingPaymentId::new(&format!("f{time}")).unwrap(),
        },
        asset: Asset::new(asset),
        amount: amount(paid),
        position_side: PositionSide::Net,
        rate: None,
        quantity: None,
        local_time: seconds(time),
    }
}

fn contracts(contract: Contract) -> Contracts {
    [((venue(), account(), "BTC-USDT".parse().unwrap()), contract)].into()
}

fn at(mark: &str) -> Vec<RecordedPrice> {
    vec![RecordedPrice {
        price: Price(dec(mark)),
        source: PriceSource::Given {
            pair: "BTC-USDT".parse().unwrap(),
        },
    }]
}

fn lines(contracts: Contracts, since: Option<i64>, events: Vec<ProfitEvent>, mark: &str) -> Vec<ProfitLine> {
    let mut statement = Statement::new(contracts, since.map(seconds), Detail::Steps);
    for event in events {
        statement.count(event).unwrap();
    }
    statement.lines(&at(mark))
}

fn only(lines: Vec<ProfitLine>) -> ProfitLine {
    let [line] = <[ProfitLine; 1]>::try_from(lines).unwrap();
    line
}

/// Two buys, one with its fee in the base asset and one with it in a third, a partial close, and a turn-over.
fn a_morning() -> Vec<ProfitEvent> {
    vec![
        of_maker(fill(10, Side::Buy, "100", "1.001", "0.001 BTC")),
        price_of("BNB-USDT", "600", 15),
        of_maker(fill(20, Side::Buy, "110", "1", "0.002 BNB")),
        of_maker(fill(30, Side::Sell, "120", "1", "0.12 USDT")),
        of_maker(fill(40, Side::Sell, "115", "3", "0.345 USDT")),
    ]
}

#[test]
fn a_spot_morning_worked_by_hand() {
    let line = only(lines(Contracts::new(), None, a_morning(), "110"));
    // 1.001 at 100, of which 0.001 went as the fee: 1 at 100. With 1 at 110: 2 at 105, that cost 210. One is sold at 120:
    // 15. The other at 115: 10, and two are short at 115.
    assert_eq!(line.realized, amount("25"));
    // 0.001 × 100 + 0.002 × 600 + 0.12 + 0.345.
    assert_eq!(line.fees, amount("1.765"));
    assert_eq!(line.held().quantity, Quantity(dec("-2")));
    assert_eq!(line.held().average(line.terms()), Some(Price(dec("115"))));
    // Two, short at 115, at 110.
    assert_eq!(line.unrealized(), Some(amount("10")));
    assert_eq!(line.net(), Some(amount("33.235")));
    // Paid 100.1 + 110, received 120 + 345, holding -2 × 110; fees 0.465 USDT and 0.002 BNB at 600.
    assert_eq!(
        dec("465") - dec("210.1") - dec("220") - dec("0.465") - dec("1.2"),
        dec("33.235")
    );
    assert_eq!(line.net_by_flow(), line.net());
    assert!(line.other_fees.is_empty());

    let source = |step: &ProfitStep| match &step.counted {
        Counted::Fill { fee: Some(fee), .. } => fee.worth.clone().unwrap().1.source,
        counted => panic!("{counted:?}"),
    };
    let sources: Vec<_> = line.steps.iter().map(source).collect();
    let journaled = RateSource::Recorded(PriceSource::Journal {
        venue: venue(),
        pair: "BNB-USDT".parse().unwrap(),
        time: seconds(15),
    });
    assert_eq!(
        sources,
        [
            RateSource::OwnFill,
            journaled,
            RateSource::SameAsset,
            RateSource::SameAsset
        ]
    );
    let realized: Vec<_> = line.steps.iter().map(|step| step.realized).collect();
    assert_eq!(realized, [amount("0"), amount("0"), amount("15"), amount("10")]);
    let trades: Vec<_> = line.fills.iter().map(TradeId::as_str).collect();
    assert_eq!(trades, ["10", "20", "30", "40"]);
}

#[test]
fn what_was_held_before_is_carried_in_at_its_cost() {
    let line = only(lines(Contracts::new(), Some(25), a_morning(), "110"));
    assert_eq!(
        (line.carried.quantity, line.carried.cost),
        (Quantity(dec("2")), amount("210"))
    );
    assert_eq!((line.realized, line.fees), (amount("25"), amount("0.465")));
    assert_eq!(line.fills.len(), 2);
    assert_eq!(line.net(), Some(amount("34.535")));
    assert_eq!(line.net_by_flow(), line.net());
}

#[test]
fn a_fee_without_a_rate_stays_in_its_asset() {
    let bought = || of_maker(fill(100, Side::Buy, "100", "1", "0.002 BNB"));
    let line = only(lines(Contracts::new(), None, vec![bought()], "100"));
    assert_eq!(line.other_fees, [(Asset::new("BNB"), amount("0.002"))].into());
    assert_eq!((line.fees, line.net()), (amount("0"), Some(amount("0"))));
    // A price of a minute before is one of that time; an older one is none.
    for (time, fee) in [(40, "1.2"), (39, "0")] {
        let events = vec![price_of("BNB-USDT", "600", time), bought()];
        assert_eq!(only(lines(Contracts::new(), None, events, "100")).fees, amount(fee));
    }
    // The price may be the other way about: 0.002 BNB / 0.00125 BNB a USDT.
    let events = vec![price_of("USDT-BNB", "0.00125", 99), bought()];
    assert_eq!(only(lines(Contracts::new(), None, events, "100")).fees, amount("1.6"));
}

#[test]
fn a_linear_contract_with_funding_worked_by_hand() {
    let events = vec![
        of_maker(fill(10, Side::Sell, "50000", "2", "50 USDT")),
        ProfitEvent::Funding {
            strategy: maker(),
            payment: funding(20, "USDT", "3.09"),
        },
        of_maker(fill(30, Side::Buy, "49000", "1", "0.0005 BTC")),
    ];
    let line = only(lines(
        contracts(Contract::linear(Asset::new("USDT"))),
        None,
        events,
        "49500",
    ));
    assert_eq!(line.realized, amount("1000"));
    assert_eq!(line.unrealized(), Some(amount("500")));
    // 0.0005 BTC at 49,000 are 24.5; a contract's position is not made smaller by a fee.
    assert_eq!((line.fees, line.funding), (amount("74.5"), amount("3.09")));
    assert_eq!(line.held().quantity, Quantity(dec("-1")));
    assert_eq!(line.net(), Some(amount("1428.59")));
    assert_eq!(line.net_by_flow(), line.net());
    assert_eq!(line.payments.len(), 1);
}

#[test]
fn an_inverse_contract_worked_by_hand() {
    let events = vec![
        of_maker(fill(10, Side::Buy, "50000", "1000", "0.001 BTC")),
        ProfitEvent::Funding {
            strategy: maker(),
            payment: funding(20, "BTC", "-0.0002"),
        },
        of_maker(fill(30, Side::Sell, "100000", "500", "100 USDT")),
    ];
    let inverse = Contract::inverse(Decimal::from(100), Asset::new("BTC"));
    let line = only(lines(contracts(inverse), None, events, "100000"));
    // 1,000 contracts of 100 at 50,000 are 2 BTC; half of them at 100,000 are 0.5 BTC, and cost 1.
    assert_eq!(line.asset(), &Asset::new("BTC"));
    assert_eq!(line.realized, amount("0.5"));
    assert_eq!(line.unrealized(), Some(amount("0.5")));
    assert_eq!((line.fees, line.funding), (amount("0.002"), amount("-0.0002")));
    assert_eq!(line.net(), Some(amount("0.9978")));
    assert_eq!(line.net_by_flow(), line.net());
}

#[test]
fn what_is_no_strategy_s_has_a_line_of_its_own() {
    let mut forced = fill(30, Side::Sell, "80", "1", "0.8 USDT");
    forced.cause = FillCause::Liquidation;
    let nobody = |fill| ProfitEvent::Fill { strategy: None, fill };
    let events = vec![
        ProfitEvent::Opened {
            venue: venue(),
            account: account(),
            pair: "BTC-USDT".parse().unwrap(),
            position: OpenedPosition {
                side: PositionSide::Net,
                quantity: Quantity(dec("-2")),
                price: Price(dec("75")),
            },
            time: seconds(1),
        },
        of_maker(fill(10, Side::Buy, "100", "1", "")),
        nobody(fill(20, Side::Buy, "90", "1", "")),
        nobody(forced),
        ProfitEvent::Funding {
            strategy: None,
            payment: funding(40, "USDT", "1"),
        },
    ];
    let lines = lines(contracts(Contract::linear(Asset::new("USDT"))), None, events, "70");
    let found: Vec<_> = lines
        .iter()
        .map(|line| (line.key.owner.to_string(), line.net().unwrap()))
        .collect();
    let net = |owner: &str, net: &str| (owner.to_owned(), amount(net));
    assert_eq!(
        found,
        [
            net("maker", "-30"),
            net("(foreign)", "-20"),
            net("(liquidation)", "9.2"),
            net("(shared)", "1"),
            net("(before)", "10"),
        ]
    );
    assert_eq!(lines[4].carried.cost, amount("-150"));
    assert_eq!(lines[0].fills_without_fee, 1);
}

#[test]
fn the_newest_price_values_what_is_held_and_one_that_was_given_before_all() {
    let pair: Pair = "BTC-USDT".parse().unwrap();
    let book = |time, price: &str| RecordedPrice {
        price: Price(dec(price)),
        source: PriceSource::Book {
            venue: venue(),
            pair: pair.clone(),
            time: seconds(time),
        },
    };
    let mark = |marks: &[RecordedPrice]| {
        let mut statement = Statement::new(Contracts::new(), None, Detail::Sums);
        statement.count(of_maker(fill(10, Side::Buy, "100", "1", ""))).unwrap();
        only(statement.lines(marks)).mark.unwrap().price
    };
    assert_eq!(mark(&[]), Price(dec("100")), "its own last fill");
    assert_eq!(mark(&[book(11, "105")]), Price(dec("105")));
    assert_eq!(mark(&[book(9, "95")]), Price(dec("100")));
    assert_eq!(mark(&[at("7").remove(0), book(11, "105")]), Price(dec("7")));
}

#[test]
fn sums_beyond_a_decimal_are_an_error_that_names_the_pair() {
    let mut statement = Statement::new(Contracts::new(), None, Detail::Sums);
    let huge = fill(1, Side::Buy, "79228162514264337593543950335", "2", "");
    let error = statement.count(of_maker(huge)).unwrap_err();
    assert!(error.to_string().contains("BTC-USDT at binance"), "{error}");
}

/// A fill: side, price in cents, quantity in thousandths, which asset its fee is in, the fee in millionths.
type Traded = (bool, i64, i64, u8, i64);

fn traded() -> impl Strategy<Value = Vec<Traded>> {
    let one = (
        any::<bool>(),
        100i64..10_000_000,
        1i64..5_000_000,
        0u8..5,
        -1_000i64..1_000_000,
    );
    prop::collection::vec(one, 0..50)
}

proptest! {
    /// Realised and unrealised less fees are the money that came less the money that went, and what is held at the mark: the
    /// base asset that a fee took is held no more, and a third asset went at the rate of its minute.
    #[test]
    fn spot_profit_is_what_was_paid_and_received_and_what_is_held(fills in traded(), mark in 100i64..10_000_000, since in 0i64..60) {
        let (mut cash, mut base, mut bnb) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        let mut unconverted = Decimal::ZERO;
        let mut events = vec![price_of("BNB-USDT", "612.5", 0)];
        for (at, &(buy, price, quantity, asset, fee)) in fills.iter().enumerate() {
            let side = if buy { Side::Buy } else { Side::Sell };
            let (price, quantity, fee) = (Decimal::new(price, 2), Decimal::new(quantity, 3), Decimal::new(fee, 6));
            let paid = match asset {
                0 => { base -= fee; format!("{fee} BTC") }
                1 => { cash -= fee; format!("{fee} USDT") }
                2 => { bnb += fee; format!("{fee} BNB") }
                3 => { unconverted += fee; format!("{fee} XYZ") }
                _ => String::new(),
            };
            let signed = if buy { quantity } else { -quantity };
            base += signed;
            cash -= signed * price;
            events.push(of_maker(fill(at as i64, side, &price.to_string(), &quantity.to_string(), &paid)));
        }
        let mark = Decimal::new(mark, 2).to_string();
        let all = lines(Contracts::new(), None, events.clone(), &mark);
        let Some(line) = all.first() else { return Ok(()) };
        prop_assert_eq!(line.held().quantity.0, base);
        let expected = cash + base * dec(&mark) - bnb * dec("612.5");
        prop_assert_eq!(line.net().unwrap().0, expected);
        prop_assert_eq!(line.net_by_flow(), line.net());
        prop_assert_eq!(line.other_fees.get(&Asset::new("XYZ")).copied().unwrap_or_default().0, unconverted);
        let last = line.steps.last().unwrap();
        prop_assert_eq!(last.total(), line.realized.0 - line.fees.0);

        // Of any part of the time: what was held at its begin is carried in at its cost.
        for line in lines(Contracts::new(), Some(since), events, &mark) {
            prop_assert_eq!(line.net_by_flow(), line.net());
        }
    }

    /// The same of contracts, with funding.
    #[test]
    fn profit_of_contracts_is_what_was_paid_and_received_and_what_is_held(
        fills in traded(), payments in prop::collection::vec(-1_000_000i64..1_000_000, 0..10), mark in 100i64..10_000_000, is_inverse in any::<bool>()
    ) {
        let contract = if is_inverse {
            Contract::inverse(Decimal::from(100), Asset::new("BTC"))
        } else {
            Contract::linear(Asset::new("USDT"))
        };
        let settle = contract.settle.as_str().to_owned();
        let (mut money, mut held) = (Amount::ZERO, Quantity::ZERO);
        let mut events = Vec::new();
        for (at, &(buy, price, quantity, _, fee)) in fills.iter().enumerate() {
            let side = if buy { Side::Buy } else { Side::Sell };
            let (price, quantity, fee) = (Decimal::new(price, 2), Decimal::new(quantity, 3), Decimal::new(fee, 6));
            let signed = Quantity(if buy { quantity } else { -quantity });
            held += signed;
            money -= contract.worth(signed, Price(price)) + Amount(fee);
            let paid = format!("{fee} {settle}");
            events.push(of_maker(fill(at as i64, side, &price.to_string(), &quantity.to_string(), &paid)));
        }
        for (at, &paid) in payments.iter().enumerate() {
            let paid = Decimal::new(paid, 6);
            money += Amount(paid);
            events.push(ProfitEvent::Funding {
                strategy: maker(),
                payment: funding(100 + at as i64, &settle, &paid.to_string()),
            });
        }
        let mark = Decimal::new(mark, 2);
        let all = lines(contracts(contract.clone()), None, events, &mark.to_string());
        let Some(line) = all.first() else { return Ok(()) };
        prop_assert_eq!(line.net(), Some(money + contract.worth(held, Price(mark))));
        prop_assert_eq!(line.net_by_flow(), line.net());
    }
}

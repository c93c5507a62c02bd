//! What profit is counted from comes out of the history as it went into the journal: in the order of the exchange's times, each
//! thing once, with positions, causes and contracts.
#![allow(clippy::unwrap_used)]

mod samples;

use colibri_model::profit::ProfitEvent;
use colibri_model::{
    Amount, Asset, Contract, Decimal, Fee, FillCause, FundingKey, FundingPayment, FundingPaymentId, OpenedPosition,
    PositionSide, Price, Quantity, Record, Side, StrategyId, WallNs,
};
use colibri_store::history::{History, HistoryError};
use colibri_store::journal::{Durability, JournalFile, JournalId, JournalReader, MemoryDisk};
use colibri_store::query::Filter;
use samples::{account, fill, intent, pair, strategy, venue};

use colibri_model::Journal;

fn built_from(records: &[Record]) -> History {
    let disk = MemoryDisk::default();
    let (mut journal, _) = JournalFile::on(disk.clone(), Durability::Process, JournalId(1)).unwrap();
    for record in records {
        journal.append(std::slice::from_ref(record)).unwrap();
    }
    let mut history = History::in_memory().unwrap();
    history.catch_up(&mut JournalReader::on(disk).unwrap()).unwrap();
    history
}

fn events(history: &History, until: Option<i64>) -> Vec<ProfitEvent> {
    let mut events = Vec::new();
    let take = |event| {
        events.push(event);
        Ok::<(), HistoryError>(())
    };
    history.each_profit_event(until.map(WallNs), take).unwrap();
    events
}

fn funding(id: &str, owner: Option<StrategyId>, time: i64) -> Record {
    Record::FundingPaid {
        strategy: owner,
        payment: FundingPayment {
            key: FundingKey {
                account: account(),
                venue: venue(),
                pair: pair(),
                time: WallNs(time),
                id: FundingPaymentId::new(id).unwrap(),
            },
            asset: Asset::new("USDT"),
            amount: Amount(Decimal::new(-309, 2)),
            position_side: PositionSide::Long,
            rate: Some(Decimal::new(1, 4)),
            quantity: Some(Quantity(Decimal::new(5, 1))),
            local_time: WallNs(time + 5),
        },
    }
}

fn price_seen(of: i64) -> Record {
    Record::PriceSeen {
        venue: venue(),
        pair: "BNB-USDT".parse().unwrap(),
        price: Price(Decimal::from(600)),
        of: WallNs(of),
        time: WallNs(of + 7),
    }
}

fn forced(trade: u32, time: i64) -> Record {
    let mut record = fill(trade, 9, Side::Sell, 10_000, 1, time);
    if let Record::Filled { fill, .. } = &mut record {
        fill.cause = FillCause::Liquidation;
        fill.position_side = PositionSide::Long;
    }
    record
}

#[test]
fn events_come_in_the_order_of_the_exchange_s_times_however_they_were_learned() {
    let opened = Record::PositionsOpened {
        venue: venue(),
        account: account(),
        pair: pair(),
        positions: vec![OpenedPosition {
            side: PositionSide::Short,
            quantity: Quantity(Decimal::from(-2)),
            price: Price(Decimal::from(75)),
        }],
        time: WallNs(500),
    };
    let history = built_from(&[
        intent(1, 1),
        fill(10, 1, Side::Buy, 10_000, 1, 40),
        fill(9, 1, Side::Buy, 10_000, 1, 40),
        funding("b", None, 40),
        price_seen(40),
        fill(2, 1, Side::Sell, 11_000, 1, 30),
        forced(3, 50),
        funding("a", Some(strategy()), 35),
        funding("b", Some(strategy()), 40),
        fill(9, 1, Side::Buy, 10_000, 1, 41),
        opened,
    ]);
    let told: Vec<String> = events(&history, None)
        .iter()
        .map(|event| match event {
            ProfitEvent::Opened { position, .. } => format!("opened {}", position.quantity),
            ProfitEvent::Fill { fill, strategy } => {
                let owner = strategy.as_ref().map_or("nobody", StrategyId::as_str);
                let (side, cause) = (fill.position_side.as_str(), fill.cause.as_str());
                format!("{} {owner} {side} {cause}", fill.key.trade_id)
            }
            ProfitEvent::Funding { payment, strategy } => {
                let owner = strategy.as_ref().map_or("nobody", StrategyId::as_str);
                assert_eq!(payment.rate, Some(Decimal::new(1, 4)));
                assert_eq!(payment.quantity, Some(Quantity(Decimal::new(5, 1))));
                assert_eq!(payment.local_time.0, payment.key.time.0 + 5);
                format!(
                    "{} {owner} {} {}",
                    payment.key.id,
                    payment.amount,
                    payment.position_side.as_str()
                )
            }
            ProfitEvent::Price { price, pair, .. } => format!("{pair} {price}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            "opened -2",
            "t2 maker net order",
            "a maker -3.09 long",
            "BNB-USDT 600",
            "t9 maker net order",
            "t10 maker net order",
            "b maker -3.09 long",
            "t3 nobody long liquidation",
        ]
    );
    assert_eq!(
        events(&history, Some(40)).len(),
        2,
        "what was opened was learned after that"
    );
}

#[test]
fn a_contract_is_what_it_was_told_to_be_last() {
    let known = |size: i64, time: i64| Record::ContractKnown {
        venue: venue(),
        account: account(),
        pair: pair(),
        contract: Contract::inverse(Decimal::from(size), Asset::new("BTC")),
        time: WallNs(time),
    };
    let history = built_from(&[
        known(10, 1),
        known(100, 2),
        fill(1, 1, Side::Buy, 5_000_000, 10_000_000, 3),
        fill(2, 2, Side::Sell, 10_000_000, 5_000_000, 4),
    ]);
    let contracts = history.contracts().unwrap();
    let of = (venue(), account(), pair());
    assert_eq!(contracts[&of], Contract::inverse(Decimal::from(100), Asset::new("BTC")));
    // 1,000 contracts of 100 from 50,000, half of them to 100,000: counted in the base asset.
    let summary = history.summary(&Filter::default()).unwrap();
    assert_eq!(summary[0].realised, Amount(Decimal::new(5, 1)));
    assert_eq!(summary[0].asset(), &Asset::new("BTC"));
    assert_eq!(summary[0].volume, Amount(Decimal::from(150_000)));
    assert_eq!(summary[0].average_price(), Some(Price(Decimal::from(50_000))));
}

#[test]
fn what_a_fee_took_of_the_base_asset_is_held_no_more() {
    let mut bought = fill(1, 1, Side::Buy, 10_000, 10_010, 1);
    if let Record::Filled { fill, .. } = &mut bought {
        fill.fee = Some(Fee {
            asset: Asset::new("BTC"),
            amount: Amount(Decimal::new(1, 3)),
        });
    }
    let history = built_from(&[bought, fill(2, 2, Side::Sell, 11_000, 10_000, 2)]);
    let [pair] = &history.summary(&Filter::default()).unwrap()[..] else {
        panic!("one pair was traded");
    };
    assert_eq!(
        (pair.position.quantity, pair.bought),
        (Quantity::ZERO, Quantity(Decimal::new(1001, 3)))
    );
    assert_eq!(pair.realised, Amount(Decimal::from(10)));
}

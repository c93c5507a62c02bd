//! What a run finds that it did not leave: orders that no journal tells of, fills that the journal lacks, funds that came from
//! outside, another environment's journal.
#![allow(clippy::unwrap_used)]

use colibri_engine::orders::{ClientIdSource, OrderOrigin};
use colibri_engine::{LogLevel, VenuePhase};
use colibri_model::{
    Amount, Asset, ClientOrderId, Decimal, ExchangeOrderId, NO_STRATEGY, OrderState, Price, Quantity, Record, Side,
    StrategyId, WallNs,
};
use colibri_standard::{BalanceChangeEvent, ClientIdManifest, OrderStatus, ReportSource, SessionRole, SessionStatus};

use crate::desk::{Delivery, Desk, QUOTES, Resting, START};
use crate::trading::{order_of, state_of};

/// Whether a record is about an order, or a fill of it.
fn is_about(record: &Record, id: &ClientOrderId) -> bool {
    match record {
        Record::Intent { order, .. } | Record::Adopted { order, .. } => order.client_id == *id,
        Record::OrderChanged { client_id, .. } | Record::CancelIntent { client_id, .. } => client_id == id,
        Record::Filled { fill, .. } => fill.client_id.as_ref() == Some(id),
        _ => false,
    }
}

/// The journal loses what it has of an order, as a power cut takes the last seconds.
fn lose(desk: &Desk, id: &ClientOrderId) {
    desk.journal.0.borrow_mut().records.retain(|r| !is_about(r, id));
}

/// An order that somebody else placed.
fn stranger(id: &str, number: &str) -> Resting {
    Resting {
        client_id: ClientOrderId::new(id).unwrap(),
        exchange_id: ExchangeOrderId::new(number).unwrap(),
        side: Side::Buy,
        price: Price(Decimal::from(90)),
        quantity: Quantity(Decimal::ONE),
        filled: Quantity::ZERO,
        status: OrderStatus::Open,
    }
}

fn adopted(desk: &Desk) -> Vec<(Option<StrategyId>, ClientOrderId)> {
    let records = &desk.journal.0.borrow().records;
    let adopted = records.iter().filter_map(|r| match r {
        Record::Adopted { strategy, order, .. } => Some((strategy.clone(), order.client_id.clone())),
        _ => None,
    });
    adopted.collect()
}

#[test]
fn an_open_order_that_the_journal_lost_is_adopted_by_its_id_and_attributed() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "0.4", now);
        Vec::new()
    });
    lose(&desk, &buy);
    let mut desk = desk.crash(QUOTES, 1_000);
    let now = desk.now();
    desk.engine.start(now);
    desk.drain();
    desk.run(60);
    let view = desk.view();
    let order = view.order(&buy).unwrap();
    assert_eq!(order.origin, OrderOrigin::Adopted);
    assert_eq!(order.strategy, desk.strategy_id());
    assert_eq!(adopted(&desk), [(Some(desk.strategy_id()), buy.clone())]);
    desk.run(2_000);
    let view = desk.view();
    let order = view.order(&buy).unwrap();
    assert_eq!(order.filled().0, Decimal::new(4, 1), "its fills are its own");
    let market = view.markets().next().unwrap();
    assert_eq!(market.position().inventory.0, Decimal::new(4, 1));
    assert_eq!(view.venues().next().unwrap().foreign_orders().count(), 0);
    // The strategy does not know which of its levels it is, and makes its quotes anew.
    desk.book_beats(1_000, 20);
    assert!(state_of(&desk, &buy).is_terminal());
    // Its strategy is in the journal beside the fill, and a run after this one takes it up from there.
    let records = desk.journal.0.borrow().records.clone();
    let owner = records.iter().rev().find_map(|r| match r {
        Record::Filled { strategy, .. } => Some(strategy.clone()),
        _ => None,
    });
    assert_eq!(owner, Some(Some(desk.strategy_id())));
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(
        desk.view().markets().next().unwrap().position().inventory.0,
        Decimal::new(4, 1)
    );
    assert_eq!(adopted(&desk).len(), 1);
    desk.stop();
    assert!(desk.engine.is_stopped());
}

#[test]
fn an_order_that_was_lost_and_ended_meanwhile_is_found_with_its_fills() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let sell = order_of(&desk, Side::Sell);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&sell, "1", now);
        Vec::new()
    });
    lose(&desk, &sell);
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(state_of(&desk, &sell), OrderState::Filled);
    assert_eq!(desk.view().order(&sell).unwrap().filled().0, Decimal::ONE);
    assert_eq!(desk.view().counts().orders_adopted, 1);
    // The database from which the history is answered forgets that it ended: that proves nothing.
    desk.exchange.history_lags.insert(sell.clone());
    let asked = desk.exchange.history_asked_since.len();
    assert!(asked >= 2, "once a run at least");
    let before = desk.exchange.history_asked_since[asked - 1].unwrap();
    desk.book_beats(1_000, 130);
    let asked = desk.exchange.history_asked_since.len() - asked;
    assert!((1..=3).contains(&asked), "and on the slow cadence: {asked}");
    assert_eq!(state_of(&desk, &sell), OrderState::Filled);
    // What was asked for reaches back behind what is known.
    let last = desk.exchange.history_asked_since.last().unwrap().unwrap();
    assert!(before < last && last.0 < desk.now().wall.0 - 299_000_000_000);
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(state_of(&desk, &sell), OrderState::Filled, "nor after a restart");
}

#[test]
fn an_order_that_shows_while_the_stream_is_lost_is_adopted_and_cancelled_by_the_stop() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    // One that this bot made in a run that no journal tells of.
    let mut ids = ClientIdSource::new(
        &ClientIdManifest {
            max_length: 36,
            extra_characters: String::new(),
        },
        "bot",
        WallNs::from_millis(START - 5_000_000),
        3,
    )
    .unwrap();
    let gone = ids.next_id(&StrategyId::new("a-strategy-of-before").unwrap());
    desk.exchange
        .orders
        .insert(gone.clone(), stranger(gone.as_str(), "9001"));
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Down));
    desk.run(100);
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
    desk.run(500);
    assert_eq!(desk.view().order(&gone).unwrap().strategy.as_str(), NO_STRATEGY);
    assert_eq!(adopted(&desk), [(None, gone.clone())]);
    desk.stop();
    assert!(desk.engine.is_stopped());
    assert_eq!(desk.exchange.orders[&gone].status, OrderStatus::Cancelled);
}

#[test]
fn another_bot_s_orders_and_a_person_s_are_shown_and_left_alone() {
    let mut desk = Desk::new(QUOTES);
    let manifest = ClientIdManifest {
        max_length: 36,
        extra_characters: String::new(),
    };
    let mut other = ClientIdSource::new(&manifest, "bot-2", WallNs::from_millis(START), 3).unwrap();
    let other = other.next_id(&desk.strategy_id());
    let person = ClientOrderId::new("web_77").unwrap();
    for (id, number) in [(&other, "9001"), (&person, "9002")] {
        desk.exchange.orders.insert(id.clone(), stranger(id.as_str(), number));
    }
    desk.start();
    let shown = |desk: &Desk| desk.view().venues().next().unwrap().foreign_orders().count();
    assert_eq!(shown(&desk), 2);
    desk.book_beats(1_000, 70);
    // A person's is filled, and the database from which the history is answered does not know yet.
    desk.exchange.orders.get_mut(&person).unwrap().status = OrderStatus::Filled;
    desk.exchange.history_lags.insert(person.clone());
    desk.book_beats(1_000, 70);
    assert_eq!(
        shown(&desk),
        1,
        "what the question about open orders does not tell is not open"
    );
    desk.exchange.orders.get_mut(&person).unwrap().status = OrderStatus::Open;
    desk.book_beats(1_000, 70);
    desk.stop();
    assert!(desk.engine.is_stopped());
    assert_eq!(desk.engine.stop_report().unwrap().venues[0].foreign, 2);
    assert_eq!((desk.exchange.open().count(), adopted(&desk).len()), (2, 0));
}

#[test]
fn an_order_that_the_user_names_is_adopted_and_no_other() {
    let mut desk = Desk::new(QUOTES);
    for number in ["9001", "9002"] {
        let order = stranger(&format!("web_{number}"), number);
        desk.exchange.orders.insert(order.client_id.clone(), order);
    }
    desk.exchange.adopt.insert(ExchangeOrderId::new("9001").unwrap());
    let records = desk.journal.clone();
    let exchange = std::mem::replace(&mut desk.exchange, crate::desk::Exchange::new());
    let mut desk = Desk::with(QUOTES, colibri_engine::Recovered::default(), exchange, records);
    desk.start();
    let ours = ClientOrderId::new("web_9001").unwrap();
    assert_eq!(adopted(&desk), [(None, ours.clone())]);
    assert_eq!(desk.view().venues().next().unwrap().foreign_orders().count(), 1);
    desk.stop();
    assert!(desk.engine.is_stopped());
    assert_eq!(desk.exchange.open().count(), 1);
    assert_eq!(state_of(&desk, &ours), OrderState::Cancelled);
}

#[test]
fn what_cannot_be_journaled_as_adopted_is_cancelled_by_the_stop_all_the_same() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    lose(&desk, &buy);
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.journal.0.borrow_mut().fails = Some("disk full".to_owned());
    desk.start();
    desk.stop();
    assert_eq!(desk.exchange.open().count(), 0);
    assert!(adopted(&desk).is_empty());
    assert!(desk.engine.is_stopped() && desk.logged("facts of this run are not in it"));
    // The disk has room again: another run learns it all from the exchange.
    desk.journal.0.borrow_mut().fails = None;
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(state_of(&desk, &buy), OrderState::Cancelled);
    assert_eq!(adopted(&desk).len(), 1);
}

/// A partial fill of an order that is cancelled behind it; the run goes on for minutes; the journal has no record of the fill.
fn with_a_fill_that_the_journal_lacks(keep_counter: bool) -> (Desk, ClientOrderId) {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "0.4", now);
        exchange.orders.get_mut(&buy).unwrap().status = OrderStatus::Cancelled;
        exchange.stream(&buy, now, 1)
    });
    // It dies before it has asked for the fill.
    desk.run(100);
    {
        let inner = &mut desk.journal.0.borrow_mut();
        inner.records.retain(|r| !matches!(r, Record::Filled { .. }));
        for record in &mut inner.records {
            if let Record::OrderChanged { filled, .. } = record
                && !keep_counter
            {
                *filled = None;
            }
        }
        // A journal that goes on for long behind that, for whichever reason.
        let late = Record::Stopped {
            bot: "bot".to_owned(),
            reason: "long after".to_owned(),
            time: WallNs::from_millis(START + 600_000),
        };
        let mut balances = inner
            .records
            .iter()
            .find(|r| matches!(r, Record::Balances { .. }))
            .unwrap()
            .clone();
        if let Record::Balances { time, .. } = &mut balances {
            *time = WallNs::from_millis(START + 600_000);
        }
        inner.records.extend([balances, late]);
    }
    (desk.crash(QUOTES, 600_000), buy)
}

#[test]
fn a_fill_that_the_journal_lacks_is_found_from_the_watermark_however_long_ago() {
    let (mut desk, buy) = with_a_fill_that_the_journal_lacks(false);
    desk.start();
    assert_eq!(state_of(&desk, &buy), OrderState::Cancelled);
    assert_eq!(desk.view().order(&buy).unwrap().filled().0, Decimal::new(4, 1));
    desk.stop();
    let records = &desk.journal.0.borrow().records;
    assert_eq!(records.iter().filter(|r| matches!(r, Record::Filled { .. })).count(), 1);
}

#[test]
fn a_fill_that_the_journal_lacks_is_known_from_the_exchange_s_counter_at_the_end_of_its_order() {
    let (desk, buy) = with_a_fill_that_the_journal_lacks(true);
    // Watermarks that claim what is not so: the counter alone tells.
    for record in &mut desk.journal.0.borrow_mut().records {
        if let Record::Reconciled { trades_since, .. } = record {
            *trades_since = WallNs::from_millis(START + 500_000);
        }
    }
    let mut desk = desk.crash(QUOTES, 10);
    desk.start();
    assert_eq!(desk.view().order(&buy).unwrap().filled().0, Decimal::new(4, 1));
}

#[test]
fn a_run_asks_from_where_the_one_before_was_complete() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let sell = order_of(&desk, Side::Sell);
    desk.at_exchange(|exchange, now| {
        let fill = exchange.trade(&sell, "0.3", now);
        let mut answers = exchange.stream(&sell, now, 1);
        answers.push((1, Delivery::Event(fill.into())));
        answers
    });
    let told = desk.exchange.trades[0].trade_id.clone();
    // Told by the stream at once; a whole answer tells it within a minute, and a minute later it counts.
    desk.book_beats(1_000, 200);
    let mark = desk.journal.0.borrow().records.iter().rev().find_map(|r| match r {
        Record::Reconciled { trade, .. } => Some(trade.clone()),
        _ => None,
    });
    assert_eq!(mark, Some(Some(told.clone())));
    let mut desk = desk.crash(QUOTES, 1_000);
    let asked = desk.exchange.account_fills_asked_from.len();
    desk.start();
    assert_eq!(desk.exchange.account_fills_asked_from[asked], Some(told));
}

#[test]
fn an_answer_that_breaks_off_between_its_pages_moves_no_watermark() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let (buy, sell) = (order_of(&desk, Side::Buy), order_of(&desk, Side::Sell));
    // Two trades that only a question tells of, and the orders' own counters do not show.
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "0.3", now);
        exchange.trade(&sell, "0.3", now);
        Vec::new()
    });
    desk.exchange.break_account_fills = 100;
    let asked = desk.exchange.account_fills_asked_from.len();
    desk.book_beats(1_000, 240);
    let since = desk.exchange.account_fills_asked_from[asked..].to_vec();
    assert!(since.len() > 5 && since.iter().all(Option::is_none), "{since:?}");
    desk.exchange.break_account_fills = 0;
    desk.book_beats(1_000, 60);
    for id in [&buy, &sell] {
        assert_eq!(desk.view().order(id).unwrap().filled().0, Decimal::new(3, 1));
    }
    desk.book_beats(1_000, 180);
    assert!(
        desk.exchange.account_fills_asked_from.last().unwrap().is_some(),
        "whole answers do"
    );
}

/// Funds come in at the exchange, and what its stream says of it.
fn deposit(desk: &mut Desk, amount: i64, told: bool) -> Delivery {
    let change = Amount(Decimal::from(amount));
    let now = desk.now();
    let event = BalanceChangeEvent {
        asset: Asset::new("USDT"),
        change,
        exchange_time: Some(now.wall),
    };
    let event = Delivery::Event(event.into());
    desk.at_exchange(|exchange, now| {
        *exchange.balances.get_mut(&Asset::new("USDT")).unwrap() += change;
        let balances = exchange.balances_event(ReportSource::Stream, now);
        let told = told.then(|| (1, event.clone()));
        [Some((1, Delivery::Event(balances))), told]
            .into_iter()
            .flatten()
            .collect()
    });
    event
}

#[test]
fn funds_that_come_and_go_are_in_the_ledger_once_and_what_is_not_told_is_shown() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.run(1_000);
    let told = deposit(&mut desk, 250, true);
    desk.run(10);
    deposit(&mut desk, -50, true);
    // The stream repeats itself.
    desk.deliver(5, told);
    desk.run(500);
    desk.assert_ledger_agrees();
    let usdt = |desk: &Desk| {
        let ledger = desk.view().venues().next().unwrap().ledger_balances();
        ledger.into_iter().find(|l| l.asset.as_str() == "USDT").unwrap()
    };
    assert_eq!(usdt(&desk).external.0, Decimal::from(200));
    let changes = |r: &&Record| matches!(r, Record::ExternalChange { .. });
    assert_eq!(desk.journal.0.borrow().records.iter().filter(changes).count(), 2);
    // What no event tells of is found by asking, and is not taken for granted however often it is stated.
    deposit(&mut desk, 7, false);
    desk.book_beats(1_000, 130);
    assert_eq!(usdt(&desk).unexplained().0, Decimal::from(7));
    assert!(!usdt(&desk).agrees());
}

/// What came or left while no run watched, and no trade explains, is said once, entered once, and in the opening balances.
#[test]
fn funds_that_come_or_leave_between_two_runs_are_said_and_entered_as_from_outside() {
    let moved = |desk: &Desk| desk.view().venues().next().unwrap().moved_meanwhile();
    let entered = |desk: &Desk| -> Vec<(String, Decimal)> {
        let records = &desk.journal.0.borrow().records;
        let changes = records.iter().filter_map(|r| match r {
            Record::ExternalChange { asset, change, .. } => Some((asset.to_string(), change.0)),
            _ => None,
        });
        changes.collect()
    };
    let mut desk = Desk::new(QUOTES);
    desk.start();
    assert_eq!(moved(&desk), None, "nothing is known of before");
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        let fill = exchange.trade(&buy, "0.4", now);
        let mut told = exchange.stream(&buy, now, 2);
        told.push((1, Delivery::Event(fill.into())));
        told
    });
    desk.run(500);
    desk.stop();
    assert!(desk.engine.is_stopped());
    *desk.exchange.balances.get_mut(&Asset::new("USDT")).unwrap() += Amount(Decimal::from(250));
    *desk.exchange.balances.get_mut(&Asset::new("BTC")).unwrap() += Amount(Decimal::from(-3));
    desk.exchange.balances.insert(Asset::new("BNB"), Amount(Decimal::ONE));
    let mut desk = desk.crash(QUOTES, 60_000);
    desk.start();
    let said = moved(&desk).unwrap();
    assert!(said.contains("1 BNB came, 3 BTC left, 250 USDT came"), "{said}");
    assert!(desk.logged(&said));
    let expected = [("BNB", 1), ("BTC", -3), ("USDT", 250)].map(|(asset, n)| (asset.to_owned(), Decimal::from(n)));
    assert_eq!(entered(&desk), expected);
    desk.assert_ledger_agrees();
    desk.stop();
    // Nothing moves: nothing is said, nor entered again.
    let mut desk = desk.crash(QUOTES, 60_000);
    desk.start();
    assert_eq!((moved(&desk), entered(&desk).len()), (None, 3));
    // Trades of orders that a crash left working are no transfers, and after a crash nothing is concluded.
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "0.4", now);
        Vec::new()
    });
    let mut desk = desk.crash(QUOTES, 60_000);
    desk.start();
    assert_eq!((moved(&desk), entered(&desk).len()), (None, 3));
    desk.stop();
    assert!(desk.engine.is_stopped());
}

/// An exchange need not list what is zero: an asset that left altogether is said to have left once, not at every later start.
#[test]
fn an_asset_that_left_altogether_between_two_runs_is_said_once() {
    let moved = |desk: &Desk| desk.view().venues().next().unwrap().moved_meanwhile();
    let mut desk = Desk::new(QUOTES);
    desk.exchange.balances.insert(Asset::new("BNB"), Amount(Decimal::ONE));
    desk.start();
    desk.stop();
    assert!(desk.engine.is_stopped());
    desk.exchange.balances.remove(&Asset::new("BNB"));
    let mut desk = desk.crash(QUOTES, 60_000);
    desk.start();
    let said = moved(&desk).unwrap();
    assert!(said.contains("1 BNB left"), "{said}");
    desk.stop();
    assert!(desk.engine.is_stopped());
    let mut desk = desk.crash(QUOTES, 60_000);
    desk.start();
    assert_eq!(moved(&desk), None);
}

/// Somebody trades by hand in the account while the bot is stopped: that is a trade, and no transfer.
#[test]
fn a_person_s_trade_between_two_runs_is_no_transfer() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.stop();
    let mut desk = desk.crash(QUOTES, 60_000);
    let person = ClientOrderId::new("web_77").unwrap();
    desk.exchange.orders.insert(person.clone(), stranger("web_77", "9001"));
    desk.at_exchange(|exchange, now| {
        exchange.trade(&person, "0.5", now);
        Vec::new()
    });
    desk.start();
    assert_eq!(desk.view().venues().next().unwrap().moved_meanwhile(), None);
    desk.assert_ledger_agrees();
}

#[test]
fn a_journal_of_another_environment_is_not_taken_up() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    assert_eq!(desk.engine.environment_conflicts(), []);
    desk.exchange.environment = "testnet".to_owned();
    let mut desk = desk.crash(QUOTES, 1_000);
    let conflicts = desk.engine.environment_conflicts();
    assert_eq!(conflicts.len(), 1);
    let text = conflicts[0].to_string();
    assert!(
        text.contains("\"live\"") && text.contains("\"testnet\"") && text.contains("another name"),
        "{text}"
    );
    let placements = desk.exchange.placements;
    desk.start();
    let view = desk.view();
    let venue = view.venues().next().unwrap();
    assert!(matches!(venue.phase(), VenuePhase::Failed(_)));
    assert_eq!((venue.orders().count(), desk.exchange.placements), (0, placements));
    assert!(
        desk.log
            .iter()
            .any(|(level, line)| *level == LogLevel::Error && line.contains("testnet"))
    );
    // Nothing was written of it: back in its own environment, all is as it was.
    desk.exchange.environment = "live".to_owned();
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(*desk.view().venues().next().unwrap().phase(), VenuePhase::Ready);
}

#[test]
fn fee_rates_are_asked_for_until_they_are_told() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.lose_fees = 4;
    desk.start();
    let maker = |desk: &Desk| desk.view().markets().next().unwrap().fees().maker;
    assert_eq!(maker(&desk), Decimal::ZERO);
    desk.book_beats(1_000, 10);
    assert_eq!((desk.exchange.lose_fees, maker(&desk)), (0, Decimal::new(1, 3)));
}

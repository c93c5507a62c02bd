//! Triggers in the history, and the orders that they became.
#![allow(clippy::unwrap_used)]

mod samples;

use colibri_model::{Decimal, Journal, OrderState, Quantity, Record, Side, TriggerState, WallNs};
use colibri_store::export::{self, Format};
use colibri_store::history::History;
use colibri_store::journal::{Durability, JournalFile, JournalId, JournalReader, MemoryDisk};
use colibri_store::query::Filter;
use samples::{changed, client_id, fill, started, strategy, trigger_cancel, trigger_changed, trigger_intent};

fn history_of(records: &[Record]) -> History {
    let disk = MemoryDisk::default();
    let (mut journal, _) = JournalFile::on(disk.clone(), Durability::Process, JournalId(1)).unwrap();
    journal.append(records).unwrap();
    let mut history = History::in_memory().unwrap();
    history.catch_up(&mut JournalReader::on(disk).unwrap()).unwrap();
    history
}

#[test]
fn a_trigger_is_told_as_it_was_decided_and_as_it_ended() {
    let history = history_of(&[
        started(10),
        trigger_intent(1, 20),
        trigger_intent(2, 21),
        trigger_changed(1, TriggerState::Placed, 30),
        trigger_cancel(1, 31),
        trigger_changed(1, TriggerState::Cancelled, 32),
        trigger_changed(2, TriggerState::Rejected, 33),
    ]);
    let triggers = history.triggers(&Filter::default()).unwrap();
    let Record::TriggerIntent { trigger, .. } = trigger_intent(1, 20) else {
        unreachable!()
    };
    let [cancelled, refused] = &triggers[..] else {
        panic!("{triggers:?}")
    };
    assert_eq!(cancelled.intent, trigger);
    assert_eq!(
        (cancelled.state, cancelled.cancel_requested),
        (TriggerState::Cancelled, Some(WallNs(31)))
    );
    assert_eq!(
        (cancelled.created, cancelled.updated, cancelled.bot.as_deref()),
        (WallNs(20), WallNs(32), Some("bot"))
    );
    assert_eq!(refused.reason.as_deref(), Some("no margin"));
    assert_eq!(
        history.orders(&Filter::default()).unwrap().len(),
        0,
        "none became an order"
    );
    let newest = Filter {
        limit: Some(1),
        ..Filter::default()
    };
    assert_eq!(history.triggers(&newest).unwrap()[0].intent.client_id, client_id(102));

    let mut csv = Vec::new();
    export::triggers(&triggers, Format::Csv, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(
        csv.contains("stop,mark,60000.00,sell,market,,,,close_position,net,cancelled,c101,x1"),
        "{csv}"
    );
}

#[test]
fn the_order_that_it_became_is_an_order_of_its_strategy_with_its_fills() {
    let history = history_of(&[
        started(10),
        trigger_intent(1, 20),
        trigger_changed(1, TriggerState::Placed, 30),
        trigger_changed(1, TriggerState::BecameOrder, 40),
        fill(1, 101, Side::Sell, 5_990_000, 5_000, 41),
        changed(101, OrderState::Filled, 42),
        // The same again, from a later report.
        trigger_changed(1, TriggerState::BecameOrder, 43),
    ]);
    let triggers = history.triggers(&Filter::default()).unwrap();
    assert_eq!(triggers[0].became.as_ref().map(|id| id.as_str()), Some("e101"));
    let orders = history.orders(&Filter::default()).unwrap();
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((order.state, &order.strategy), (OrderState::Filled, &strategy()));
    assert_eq!(order.exchange_id.as_ref().map(|id| id.as_str()), Some("e101"));
    assert_eq!(order.filled, Quantity(Decimal::new(5_000, 4)));
    assert_eq!(order.created, WallNs(40));
    let trades = history.trades(&Filter::default()).unwrap();
    assert_eq!(trades[0].strategy, Some(strategy()), "attributed by its order");
}

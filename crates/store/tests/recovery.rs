//! What a restarted engine learns from the journal.
#![allow(clippy::unwrap_used)]

mod samples;

use colibri_model::{Amount, Asset, Decimal, Journal, OrderState, Record, Side, WallNs};
use colibri_store::journal::{Durability, JournalFile, JournalId, JournalReader, MemoryDisk};
use colibri_store::recovery::{Recovered, RunEnd, recover};
use samples::{account, balances, cancel, changed, client_id, fill, intent, pair, started, stopped, venue};

fn recovered(records: &[Record]) -> Recovered {
    let disk = MemoryDisk::default();
    let (mut journal, _) = JournalFile::on(disk.clone(), Durability::Process, JournalId(1)).unwrap();
    journal.append(records).unwrap();
    recover(&mut JournalReader::on(disk).unwrap()).unwrap()
}

#[test]
fn orders_that_may_be_live_come_back_with_their_intent_and_fills() {
    let known = recovered(&[
        started(1),
        intent(1, 2),
        intent(2, 3),
        intent(3, 4),
        changed(1, OrderState::Open, 5),
        changed(2, OrderState::Filled, 6),
        fill(1, 1, Side::Buy, 100, 5, 7),
        fill(1, 1, Side::Buy, 100, 5, 9),
        changed(1, OrderState::PartiallyFilled, 8),
        cancel(1, 9),
        balances(500, 10),
        balances(700, 11),
    ]);
    let [first, third] = &known.orders[..] else {
        panic!("{:?}", known.orders);
    };
    assert_eq!(first.intent.client_id, client_id(1));
    assert_eq!(first.state, OrderState::PartiallyFilled);
    assert_eq!(first.exchange_id.as_ref().unwrap().as_str(), "e1");
    assert_eq!(first.cancel_requested, Some(WallNs(9)));
    assert_eq!(first.fills.len(), 1, "a fill that was journaled twice counts once");
    assert_eq!(
        (&third.intent.client_id, third.state),
        (&client_id(3), OrderState::PendingCreate)
    );
    assert_eq!(known.fills.len(), 1);
    assert_eq!(known.watermarks[&(account(), venue(), pair())], WallNs(7));
    assert_eq!(
        known.balances[&(venue(), account())][&Asset::new("USDT")].free,
        Amount(Decimal::new(700, 2))
    );
    assert_eq!((known.runs, known.intents, known.strays), (1, 3, 0));
    assert_eq!(known.newest, Some(WallNs(11)));
    assert_eq!(known.last_run.unwrap().end, RunEnd::Unsaid);
}

#[test]
fn an_order_taken_for_rejected_that_turns_out_to_work_comes_back() {
    let known = recovered(&[
        intent(1, 1),
        changed(1, OrderState::Rejected, 2),
        changed(1, OrderState::Open, 3),
        changed(9, OrderState::Open, 4),
    ]);
    assert_eq!(known.orders.len(), 1);
    assert_eq!(known.strays, 1, "a change of an order that was never intended");
}

#[test]
fn a_run_that_was_stopped_says_so() {
    let known = recovered(&[started(1), stopped(2), started(3), stopped(4)]);
    assert_eq!(known.runs, 2);
    assert_eq!(
        known.last_run.unwrap().end,
        RunEnd::Stopped {
            time: WallNs(4),
            reason: "asked to".into()
        }
    );
}

#[test]
fn an_empty_journal_knows_nothing() {
    let disk = MemoryDisk::default();
    JournalFile::on(disk.clone(), Durability::Process, JournalId(1)).unwrap();
    assert_eq!(
        recover(&mut JournalReader::on(disk).unwrap()).unwrap(),
        Recovered::default()
    );
}

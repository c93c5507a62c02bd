//! What the profit of a session is made of where there are contracts.

use colibri_engine::risk::RiskLimits;
use colibri_model::{Amount, ClientOrderId, Record};

use super::{filled, limited, perp, price, settle, usdt};
use crate::desk::{Delivery, Perp};
use crate::orders::{Scene, buy};

/// Limits that nothing here comes near.
fn judged() -> RiskLimits {
    RiskLimits {
        max_loss: Some(usdt("10000")),
        ..RiskLimits::default()
    }
}

fn session(scene: &Scene) -> Option<Amount> {
    scene
        .desk
        .view()
        .session_profits()
        .get(&settle())
        .map(|value| value.profit)
}

/// An order of an earlier run in a contract that the exchange does not list any more, and what else the journal has of that one.
fn with_left_order(scene: &Scene, is_known: impl Fn(&Record) -> bool) {
    let old: colibri_model::Pair = "OLD-USDT".parse().unwrap();
    let records = &mut scene.desk.journal.0.borrow_mut().records;
    let mut left = Vec::new();
    for record in records.iter().filter(|record| is_known(record)) {
        let mut record = record.clone();
        match &mut record {
            Record::Intent { pair, order, .. } => {
                *pair = old.clone();
                order.client_id = ClientOrderId::new("clbold").unwrap();
            }
            Record::ContractKnown { pair, contract, .. } => {
                *pair = old.clone();
                *contract = Perp::contract();
            }
            Record::Filled { fill, .. } => {
                fill.key.pair = old.clone();
                fill.client_id = Some(ClientOrderId::new("clbold").unwrap());
            }
            _ => continue,
        }
        left.push(record);
    }
    assert!(left.len() >= 2, "{left:?}");
    records.extend(left);
}

#[test]
fn what_an_unlisted_contract_has_made_is_judged_by_what_the_journal_knows_of_it() {
    let mut scene = limited(|_| {}, judged());
    filled(&mut scene, buy(99, "2"));
    with_left_order(&scene, |_| true);
    let mut scene = scene.crash_limited(1_000, judged());
    scene.run(3_000);
    assert!(scene.desk.logged("does not list OLD-USDT any more"));
    assert!(session(&scene).is_some(), "the limits on loss are judged");
    assert!(!scene.desk.logged("are not judged"));
    let asked = perp(&mut scene).positions_asked;
    scene.run(10_000);
    assert!(
        perp(&mut scene).positions_asked - asked < 5,
        "what is gone is not compared"
    );
}

#[test]
fn where_nobody_knows_what_an_unlisted_contract_is_of_it_is_said() {
    let mut scene = limited(|_| {}, judged());
    filled(&mut scene, buy(99, "2"));
    with_left_order(&scene, |record| !matches!(record, Record::ContractKnown { .. }));
    let mut scene = scene.crash_limited(1_000, judged());
    scene.run(3_000);
    assert_eq!(session(&scene), None);
    let said = scene
        .desk
        .log
        .iter()
        .filter(|(_, text)| text.contains("max_loss and max_drawdown are not judged in USDT"));
    assert_eq!(said.count(), 1);
}

/// A mark price that nobody tells any more does not value what is held beside a book that moves.
#[test]
fn an_old_mark_price_values_nothing() {
    let mut scene = limited(|_| {}, judged());
    filled(&mut scene, buy(99, "2"));
    scene.run(5_000);
    let before = session(&scene).unwrap();
    perp(&mut scene).mark = price(86);
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange.perp.as_ref().unwrap().mark_event(now);
        vec![(0, Delivery::Event(told))]
    });
    perp(&mut scene).tells_no_mark = true;
    scene.run(29_000);
    assert_eq!(
        session(&scene),
        Some(before - usdt("28")),
        "by the mark price, twice 14 below"
    );
    scene.run(3_000);
    assert_eq!(session(&scene), Some(before), "by the book, whose middle is at 100");
}

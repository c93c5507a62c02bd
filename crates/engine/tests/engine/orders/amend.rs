//! Amending: half failed, refused, unknown, renamed, and against a cancel.

use colibri_engine::Recovered;
use colibri_engine::strategy::RequestEnd;
use colibri_model::{OrderState, Quantity, Record};
use colibri_standard::{OrderStatus, ReportSource};

use super::{Race, Scene, Told, quantity, run_all};
use crate::desk::Amendment;

fn amended(scene: &Scene) -> Vec<RequestEnd> {
    scene
        .told()
        .into_iter()
        .filter_map(|t| match t {
            Told::Amended(told) => Some(told.end),
            _ => None,
        })
        .collect()
}

/// The order's quantity, and what it may have instead.
fn quantities(scene: &Scene) -> (Quantity, Option<Quantity>) {
    let view = scene.desk.view();
    let order = view.order(&scene.order).unwrap();
    (order.intent.quantity, order.amend_to)
}

fn done() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Done));
    scene.amend("1.5");
    scene.run(100);
    assert_eq!(amended(&scene), [RequestEnd::Done]);
    assert_eq!(quantities(&scene), (quantity("1.5"), None));
    let fill = scene.trade("1.5");
    scene.tell(0, fill);
    scene.run(500);
    scene
}

/// The answer is lost: the order may have either quantity until the exchange tells which.
fn unknown_and_done() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::DoneAnswerLost));
    scene.amend("1.5");
    scene.run(10_050);
    assert_eq!(amended(&scene), [RequestEnd::Unknown]);
    assert_eq!(quantities(&scene), (quantity("2"), Some(quantity("1.5"))));
    scene.run(1_000);
    assert_eq!(quantities(&scene), (quantity("1.5"), None), "read back");
    scene
}

fn unknown_and_not_done() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::LostAnswerLost));
    scene.amend("1.5");
    scene.run(12_000);
    assert_eq!(quantities(&scene), (quantity("2"), None), "read back");
    scene
}

/// Filled while the amend was under way, wholly by either quantity, and nobody told.
fn unknown_and_filled_meanwhile() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::DoneAnswerLost));
    scene.amend("1.5");
    let fill = scene.trade("1.5");
    scene.tell(0, fill);
    scene.run(100);
    assert_eq!(
        scene.state(),
        OrderState::PartiallyFilled,
        "whether there is more to it is not known yet"
    );
    scene.run(15_000);
    scene
}

fn refused_because_it_was_filled_meanwhile() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Done));
    scene.trade("2");
    scene.amend("1.5");
    scene.run(3_000);
    assert!(matches!(amended(&scene).as_slice(), [RequestEnd::Refused(_)]));
    assert_eq!(quantities(&scene), (quantity("2"), None));
    scene
}

fn refused_and_still_resting() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Refused));
    scene.amend("1.5");
    scene.run(3_000);
    assert_eq!(quantities(&scene), (quantity("2"), None));
    scene
}

/// The exchange gives it another name; everything that is told under either, and everything that is asked and cancelled, is
/// still of the one order.
fn renamed() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Renamed));
    scene.amend("1.5");
    scene.run(100);
    let mut fill = scene.trade("0.5");
    fill.exchange_id = None;
    scene.tell(0, fill);
    scene.run(100);
    assert_eq!(scene.filled(), quantity("0.5"), "told under the new name");
    scene.tell_status(0, ReportSource::Stream);
    scene.run(70_000);
    assert_eq!(scene.state(), OrderState::PartiallyFilled, "a reconciliation finds it");
    assert_eq!(scene.others(), []);
    scene.cancel();
    scene.run(1_000);
    scene
}

/// An order that is being cancelled is not amended; one that is being amended is cancelled all the same.
fn amended_while_a_cancel_is_under_way() -> Scene {
    let mut scene = Scene::resting();
    scene.cancel();
    scene.amend("1.5");
    scene.run(1_000);
    assert_eq!(scene.desk.exchange.amends, 0);
    let refusals = scene
        .told()
        .into_iter()
        .filter(|t| matches!(t, Told::Refused(r) if r.client_id.is_some()));
    assert_eq!(refusals.count(), 1, "the strategy is told");
    scene
}

fn cancelled_while_an_amend_is_under_way() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::DoneAnswerLost));
    scene.amend("1.5");
    scene.cancel();
    scene.run(15_000);
    assert_eq!(quantities(&scene).0, quantity("1.5"));
    scene
}

/// A report from before the amend comes after its confirmation: the quantity stays what the exchange confirmed.
fn an_older_report_after_it() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Done));
    scene.tell_status(1_000, ReportSource::Stream);
    scene.run(500);
    scene.amend("1.5");
    scene.run(2_000);
    assert_eq!(quantities(&scene), (quantity("1.5"), None));
    scene
}

/// What was filled turns out to be the whole of the amended order: its end is asked for where nobody tells it.
fn amended_to_what_is_filled() -> Scene {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Done));
    scene.amend("1.5");
    scene.run(1);
    let fill = scene.trade("1.5");
    scene.desk.exchange.orders.get_mut(&scene.order).unwrap().status = OrderStatus::Filled;
    scene.tell(0, fill);
    scene.run(2_000);
    scene
}

#[test]
fn every_end_of_an_amend() {
    use OrderState::{Cancelled, Filled, Open};
    let race = |name, script, ends, filled| Race {
        name,
        script,
        ends,
        filled,
    };
    run_all(&[
        race("done", done, Filled, "1.5"),
        race("unknown and done", unknown_and_done, Open, "0"),
        race("unknown and not done", unknown_and_not_done, Open, "0"),
        race(
            "unknown and filled meanwhile",
            unknown_and_filled_meanwhile,
            Filled,
            "1.5",
        ),
        race(
            "refused because it was filled",
            refused_because_it_was_filled_meanwhile,
            Filled,
            "2",
        ),
        race("refused and still resting", refused_and_still_resting, Open, "0"),
        race("renamed", renamed, Cancelled, "0.5"),
        race(
            "amended while a cancel is under way",
            amended_while_a_cancel_is_under_way,
            Cancelled,
            "0",
        ),
        race(
            "cancelled while an amend is under way",
            cancelled_while_an_amend_is_under_way,
            Cancelled,
            "0",
        ),
        race("an older report after it", an_older_report_after_it, Open, "0"),
        race("amended to what is filled", amended_to_what_is_filled, Filled, "1.5"),
    ]);
}

#[test]
fn an_amend_is_journaled_before_it_is_sent() {
    let mut scene = Scene::resting();
    scene.desk.journal.0.borrow_mut().fails = Some("disk full".to_owned());
    scene.amend("1.5");
    assert_eq!(scene.desk.exchange.amends, 0);
    scene.desk.journal.0.borrow_mut().fails = None;
    scene.run(1_500);
    scene.amend("1.5");
    let records = scene.desk.journal.0.borrow().records.clone();
    assert!(records.iter().any(|r| matches!(r, Record::AmendIntent { .. })));
    let recovered = Recovered::from_records(&records);
    assert_eq!(recovered.orders[&scene.order].amend_to, Some(quantity("1.5")));
}

/// Both names are in the journal: a run after a crash knows the order by either, asks about it by the new one, and cancels it.
#[test]
fn a_name_that_an_amend_gave_outlives_a_crash() {
    let mut scene = Scene::resting_at(|exchange| exchange.amend_script.push_back(Amendment::Renamed));
    scene.amend("1.5");
    scene.run(100);
    let renamed = |r: &&Record| matches!(r, Record::Renamed { .. });
    let records = scene.desk.journal.0.borrow().records.clone();
    let Some(Record::Renamed { client_id, name, .. }) = records.iter().find(renamed) else {
        panic!("{records:?}")
    };
    assert_eq!(client_id, &scene.order);
    let recovered = Recovered::from_records(&records);
    assert_eq!(recovered.orders[client_id].names, std::slice::from_ref(name));
    scene.run(70_000);
    let records = scene.desk.journal.0.borrow().records.clone();
    assert_eq!(records.iter().filter(renamed).count(), 1, "once");
    // The exchange's id is lost with the last seconds of the journal: the names alone remain.
    for record in &mut scene.desk.journal.0.borrow_mut().records {
        if let Record::OrderChanged { exchange_id, .. } = record {
            *exchange_id = None;
        }
    }
    let (order, name) = (scene.order.clone(), name.clone());
    let mut desk = scene.desk.crash(crate::desk::QUOTES, 1_000);
    let now = desk.now();
    desk.engine.start(now);
    desk.drain();
    desk.run(60);
    let view = desk.view();
    let known = view.order(&order).unwrap();
    assert_eq!(known.name_at_exchange(), &name);
    assert!(known.exchange_id.is_some(), "found by the name that it has there");
    assert_eq!(view.venues().next().unwrap().foreign_orders().count(), 0);
    assert_eq!(
        view.order(&name).map(|o| o.client_id().clone()),
        None,
        "it is no other order"
    );
    desk.stop();
    assert!(desk.engine.is_stopped());
    assert_eq!(desk.exchange.open().count(), 0, "cancelled by its new name");
}

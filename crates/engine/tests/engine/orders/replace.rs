//! Replacing: in one request where each half has its own end, and by a cancel and a placement where there is no such request.

use colibri_engine::Recovered;
use colibri_engine::strategy::{RequestEnd, StrategyAction};
use colibri_model::{Amount, Asset, Decimal, OrderState, Record};
use colibri_standard::{OrderStatus, ReportSource, SessionRole, SessionStatus};

use super::{Race, Scene, Told, buy, run_all};
use crate::desk::{Placement, Replacing};

fn at_once(script: Replacing) -> Scene {
    Scene::resting_at(|exchange| {
        exchange.replaces_at_once = true;
        exchange.replace_script.push_back(script);
    })
}

/// The state of the order that came, the only other one.
fn newcomer(scene: &Scene) -> OrderState {
    let [(_, state)] = scene.others().try_into().unwrap();
    state
}

fn is_refused(end: &RequestEnd) -> bool {
    matches!(end, RequestEnd::Refused(_))
}

fn both() -> Scene {
    let mut scene = at_once(Replacing::Both);
    scene.replace(buy(98, "1"));
    scene.run(1_000);
    let told = scene.replaced();
    assert_eq!(
        (told.cancel, told.place, told.tag),
        (RequestEnd::Done, RequestEnd::Done, 7)
    );
    assert_eq!(
        (told.replaced, told.by.as_ref()),
        (scene.order.clone(), scene.others().first().map(|o| &o.0))
    );
    assert_eq!(newcomer(&scene), OrderState::Open);
    assert_eq!((scene.desk.exchange.replaces, scene.desk.exchange.placements), (1, 1));
    scene
}

/// A part was filled before: it counts, and the newcomer has its own quantity.
fn both_with_a_part_filled() -> Scene {
    let mut scene = at_once(Replacing::Both);
    let fill = scene.trade("0.5");
    scene.replace(buy(98, "1"));
    scene.tell(300, fill);
    scene.run(1_000);
    assert_eq!(newcomer(&scene), OrderState::Open);
    scene
}

fn both_and_the_answer_lost() -> Scene {
    let mut scene = at_once(Replacing::BothAnswerLost);
    scene.replace(buy(98, "1"));
    scene.run(10_050);
    let told = scene.replaced();
    assert_eq!((told.cancel, told.place), (RequestEnd::Unknown, RequestEnd::Unknown));
    scene.run(5_000);
    assert_eq!(newcomer(&scene), OrderState::Open, "asked about");
    scene
}

/// The request never arrived: the old order is left working, the newcomer is found not to exist, and nothing is sent again.
fn nothing_arrived() -> Scene {
    let mut scene = at_once(Replacing::LostAnswerLost);
    scene.replace(buy(98, "1"));
    scene.run(40_000);
    assert_eq!(newcomer(&scene), OrderState::Rejected);
    assert_eq!((scene.desk.exchange.replaces, scene.desk.exchange.placements), (1, 1));
    scene
}

fn nothing_sent() -> Scene {
    let mut scene = at_once(Replacing::NotSent);
    scene.replace(buy(98, "1"));
    scene.run(5_000);
    let told = scene.replaced();
    assert!(is_refused(&told.cancel), "{told:?}");
    assert_eq!(
        (told.place, newcomer(&scene)),
        (RequestEnd::NotAttempted, OrderState::Rejected)
    );
    // It can be replaced again.
    scene.replace(buy(97, "1"));
    scene.run(1_000);
    assert_eq!(scene.desk.exchange.replaces, 2);
    scene
}

fn filled_before_the_cancel() -> Scene {
    let mut scene = at_once(Replacing::Both);
    scene.trade("2");
    scene.replace(buy(98, "1"));
    scene.run(3_000);
    let told = scene.replaced();
    assert!(is_refused(&told.cancel), "{told:?}");
    assert_eq!(
        (told.place, newcomer(&scene)),
        (RequestEnd::NotAttempted, OrderState::Rejected)
    );
    scene
}

fn cancelled_and_not_placed() -> Scene {
    let mut scene = at_once(Replacing::PlaceFails);
    scene.replace(buy(98, "1"));
    scene.run(1_000);
    let told = scene.replaced();
    assert_eq!(told.cancel, RequestEnd::Done);
    assert!(is_refused(&told.place), "{told:?}");
    assert_eq!(newcomer(&scene), OrderState::Rejected);
    scene
}

fn cancelled_and_the_placement_unknown() -> Scene {
    let mut scene = at_once(Replacing::PlaceUnknown);
    scene.replace(buy(98, "1"));
    scene.run(50);
    let told = scene.replaced();
    assert_eq!((told.cancel, told.place), (RequestEnd::Done, RequestEnd::Unknown));
    assert_eq!(newcomer(&scene), OrderState::Unknown);
    scene.run(2_000);
    assert_eq!(newcomer(&scene), OrderState::Open, "asked about");
    scene
}

/// A connector that says no more than that it is done: both halves are asked about.
fn no_result_is_told() -> Scene {
    let mut scene = at_once(Replacing::NoResult);
    scene.replace(buy(98, "1"));
    scene.run(5_000);
    assert_eq!(newcomer(&scene), OrderState::Open);
    scene
}

/// Cancelled for its own sake while the replace is unknown: the cancel is carried on.
fn cancelled_while_the_replace_is_unknown() -> Scene {
    let mut scene = at_once(Replacing::LostAnswerLost);
    scene.replace(buy(98, "1"));
    scene.run(1_000);
    scene.cancel();
    scene.run(40_000);
    assert_eq!(newcomer(&scene), OrderState::Rejected);
    scene
}

fn by_turns() -> Scene {
    let mut scene = Scene::resting();
    scene.replace(buy(98, "1"));
    assert_eq!(
        (scene.desk.exchange.placements, scene.others().len()),
        (1, 0),
        "the cancel comes first"
    );
    scene.run(1_000);
    let told = scene.replaced();
    assert_eq!((told.cancel, told.place), (RequestEnd::Done, RequestEnd::Done));
    assert_eq!(newcomer(&scene), OrderState::Open);
    scene
}

/// Nothing is placed before there is evidence that the old order is gone.
fn by_turns_and_the_cancel_s_answer_lost() -> Scene {
    let mut scene = Scene::resting();
    scene.desk.exchange.lose_cancel_answers = 1;
    scene.desk.exchange.stream_is_up = false;
    scene.replace(buy(98, "1"));
    scene.run(9_000);
    assert_eq!(scene.others(), []);
    scene.desk.exchange.stream_is_up = true;
    scene.run(10_000);
    assert_eq!(newcomer(&scene), OrderState::Open);
    scene
}

fn by_turns_and_filled_before_the_cancel() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("2");
    scene.replace(buy(98, "1"));
    scene.tell(50, fill);
    scene.run(3_000);
    let told = scene.replaced();
    assert!(is_refused(&told.cancel) && told.by.is_none(), "{told:?}");
    assert_eq!((told.place, scene.others().len()), (RequestEnd::NotAttempted, 0));
    scene
}

fn by_turns_and_not_placed() -> Scene {
    let mut scene = Scene::resting();
    scene.desk.exchange.script.push_back(Placement::Refused);
    scene.replace(buy(98, "1"));
    scene.run(1_000);
    let told = scene.replaced();
    assert_eq!(told.cancel, RequestEnd::Done);
    assert!(is_refused(&told.place), "{told:?}");
    assert_eq!(newcomer(&scene), OrderState::Rejected);
    scene
}

/// A cancel in the meantime withdraws what was not placed yet.
fn by_turns_and_withdrawn() -> Scene {
    let mut scene = Scene::resting();
    scene.desk.exchange.lose_cancels = 1;
    scene.replace(buy(98, "1"));
    scene.run(1_000);
    scene.cancel();
    scene.run(20_000);
    assert_eq!(scene.others(), []);
    scene
}

/// When the old order is gone, the placement must pass every check anew.
fn by_turns_and_refused_when_it_is_time() -> Scene {
    let mut scene = Scene::resting();
    scene.desk.exchange.lose_cancel_answers = 1;
    scene.replace(buy(98, "1"));
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Down));
    scene.run(500);
    let status = scene.desk.exchange.orders[&scene.order].status.clone();
    assert_eq!(status, OrderStatus::Cancelled);
    scene.tell_status(0, ReportSource::Query);
    scene.run(100);
    let told = scene.replaced();
    assert_eq!(told.cancel, RequestEnd::Done);
    assert!(is_refused(&told.place) && told.by.is_none(), "{told:?}");
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
    scene.run(2_000);
    scene
}

#[test]
fn every_end_of_a_replace() {
    use OrderState::{Cancelled, Filled, Open};
    let race = |name, script, ends, filled| Race {
        name,
        script,
        ends,
        filled,
    };
    run_all(&[
        race("both", both, Cancelled, "0"),
        race("both, with a part filled", both_with_a_part_filled, Cancelled, "0.5"),
        race("both, and the answer lost", both_and_the_answer_lost, Cancelled, "0"),
        race("nothing arrived", nothing_arrived, Open, "0"),
        race("nothing sent, and then both", nothing_sent, Cancelled, "0"),
        race("filled before the cancel", filled_before_the_cancel, Filled, "2"),
        race("cancelled and not placed", cancelled_and_not_placed, Cancelled, "0"),
        race(
            "cancelled and the placement unknown",
            cancelled_and_the_placement_unknown,
            Cancelled,
            "0",
        ),
        race("no result is told", no_result_is_told, Cancelled, "0"),
        race(
            "cancelled while the replace is unknown",
            cancelled_while_the_replace_is_unknown,
            Cancelled,
            "0",
        ),
        race("by turns", by_turns, Cancelled, "0"),
        race(
            "by turns, the cancel's answer lost",
            by_turns_and_the_cancel_s_answer_lost,
            Cancelled,
            "0",
        ),
        race(
            "by turns, filled before the cancel",
            by_turns_and_filled_before_the_cancel,
            Filled,
            "2",
        ),
        race("by turns, not placed", by_turns_and_not_placed, Cancelled, "0"),
        race("by turns, withdrawn", by_turns_and_withdrawn, Cancelled, "0"),
        race(
            "by turns, refused when it is time",
            by_turns_and_refused_when_it_is_time,
            Cancelled,
            "0",
        ),
    ]);
}

/// Both halves stand in the journal before the request is out, or it is not.
#[test]
fn both_halves_are_journaled_first() {
    let mut scene = at_once(Replacing::LostAnswerLost);
    scene.desk.journal.0.borrow_mut().fails = Some("disk full".to_owned());
    scene.replace(buy(98, "1"));
    assert_eq!((scene.desk.exchange.replaces, scene.others().len()), (0, 0));
    scene.desk.journal.0.borrow_mut().fails = None;
    scene.run(1_500);
    scene.replace(buy(98, "1"));
    let records = scene.desk.journal.0.borrow().records.clone();
    let [.., Record::Intent { order, .. }, Record::CancelIntent { client_id, .. }] = records.as_slice() else {
        panic!("{:?}", records.last())
    };
    assert_eq!((client_id, scene.desk.exchange.replaces), (&scene.order, 1));
    // After a crash here both are asked about, and what works is cancelled.
    let recovered = Recovered::from_records(&records);
    assert_eq!(recovered.orders[&order.client_id].state, OrderState::PendingCreate);
    assert!(recovered.orders[client_id].cancel_wanted.is_some());
}

/// What the old order holds counts as free for the one that takes its place; what neither has is refused, and the old one
/// keeps its place.
#[test]
fn a_replacement_is_paid_with_what_the_old_order_holds() {
    for replaces_at_once in [true, false] {
        let mut scene = Scene::empty(|exchange| exchange.replaces_at_once = replaces_at_once);
        scene.wish(StrategyAction::Create(buy(99, "100")));
        scene.order = scene
            .desk
            .view()
            .live_orders(&scene.desk.strategy_id())
            .next()
            .unwrap()
            .client_id()
            .clone();
        scene.run(500);
        scene.replace(buy(98, "103"));
        scene.run(500);
        let [Told::Refused(refused)] = &scene.told()[1..] else {
            panic!("{:?}", scene.told())
        };
        assert_eq!(refused.client_id.as_ref(), Some(&scene.order));
        assert_eq!(scene.state(), OrderState::Open, "it is left alone");
        scene.replace(buy(98, "102"));
        scene.run(1_000);
        assert_eq!(
            (scene.state(), newcomer(&scene)),
            (OrderState::Cancelled, OrderState::Open)
        );
        scene.check("paid");
    }
}

/// What is free of the quote asset, as the engine counts.
fn free(scene: &Scene) -> Amount {
    let view = scene.desk.view();
    view.venues().next().unwrap().available(&Asset::new("USDT"))
}

/// Once a replaced order has ended it holds nothing, told by a statement or not, and is given back once: what is free is what
/// the other order leaves. What was filled of it is not given back.
#[test]
fn a_replaced_order_holds_nothing_once_it_has_ended_and_is_given_back_once() {
    for replaces_at_once in [true, false] {
        let mut scene = Scene::resting_at(|exchange| exchange.replaces_at_once = replaces_at_once);
        assert_eq!(free(&scene), Amount(Decimal::from(10_000 - 198)), "two at 99");
        // From here on no statement comes by itself: the last one has the old order's funds locked.
        scene.desk.exchange.stream_is_up = false;
        scene.replace(buy(98, "3"));
        scene.run(50);
        assert_eq!(
            (scene.state(), newcomer(&scene)),
            (OrderState::Cancelled, OrderState::Open)
        );
        let left = Amount(Decimal::from(10_000 - 3 * 98));
        assert_eq!(free(&scene), left, "before any statement");
        scene.tell_status(0, ReportSource::Stream);
        scene.run(10);
        assert_eq!(free(&scene), left, "a statement that knows both");
        scene.run(70_000);
        assert_eq!(free(&scene), left, "and after a reconciliation");
        scene.check("given back once");
    }
}

/// A part that was filled before the cancel is spent: what is given back is what was left of the order.
#[test]
fn what_was_filled_of_a_replaced_order_is_not_given_back() {
    for replaces_at_once in [true, false] {
        let mut scene = Scene::resting_at(|exchange| exchange.replaces_at_once = replaces_at_once);
        scene.desk.exchange.stream_is_up = false;
        let fill = scene.trade("0.5");
        scene.tell(0, fill);
        scene.tell_status(0, ReportSource::Stream);
        scene.run(20);
        scene.replace(buy(98, "1"));
        scene.run(50);
        assert_eq!(newcomer(&scene), OrderState::Open);
        // Bought half of one at 99, and one at 98 is open.
        let left = Amount("9852.5".parse().unwrap());
        assert_eq!(free(&scene), left, "before any statement");
        scene.run(70_000);
        assert_eq!(free(&scene), left, "and after a reconciliation");
        scene.check("what was filled");
    }
}

/// Only an order that rests can be replaced.
#[test]
fn what_does_not_rest_is_not_replaced() {
    let mut scene = Scene::sent(|exchange| exchange.script.push_back(Placement::TakenAnswerLost));
    scene.replace(buy(98, "1"));
    scene.run(12_000);
    scene.cancel();
    scene.replace(buy(98, "1"));
    scene.run(1_000);
    scene.replace(buy(98, "1"));
    scene.run(100);
    let refused = scene
        .told()
        .into_iter()
        .filter(|t| matches!(t, Told::Refused(_)))
        .count();
    assert_eq!((refused, scene.desk.exchange.replaces, scene.others().len()), (3, 0, 0));
}

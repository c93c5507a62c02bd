//! Placing, filling and cancelling in every order of report.

use colibri_engine::strategy::StrategyAction;
use colibri_model::{ClientOrderId, OrderState};
use colibri_standard::{OrderStatus, ReportSource, SessionRole, SessionStatus};

use super::{Race, Scene, buy, quantity, run_all};
use crate::desk::Placement;

/// A fill that happened before the cancel is told after it: the cancel wins the state, the fill counts.
fn a_fill_before_the_cancel_told_after_it() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("0.5");
    scene.cancel();
    scene.run(100);
    scene.tell(0, fill);
    scene.run(1_000);
    scene
}

fn a_fill_told_before_the_cancel() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("0.5");
    scene.tell(0, fill);
    scene.tell_status(0, ReportSource::Stream);
    scene.run(10);
    scene.cancel();
    scene.run(1_000);
    scene
}

/// The fill comes between the cancel's acknowledgement and the stream's word of it, by both sources.
fn a_fill_between_the_cancel_and_its_confirmation() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("0.5");
    scene.cancel();
    scene.tell(4, fill.clone());
    scene.tell(6, fill);
    scene.run(1_000);
    scene
}

fn the_whole_fill_beats_the_cancel() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("2");
    scene.cancel();
    scene.tell(300, fill);
    scene.tell_status(301, ReportSource::Stream);
    scene.run(2_000);
    scene
}

/// An exchange that said cancelled and then filled: the last fill is the truth.
fn filled_after_cancelled_was_told() -> Scene {
    let mut scene = Scene::resting();
    scene.cancel();
    scene.run(100);
    assert_eq!(scene.state(), OrderState::Cancelled);
    let fill = scene.trade("2");
    scene.desk.exchange.orders.get_mut(&scene.order).unwrap().status = OrderStatus::Filled;
    scene.tell(0, fill);
    scene.tell_status(1, ReportSource::Stream);
    scene.run(1_000);
    scene
}

fn a_fill_before_the_acknowledgement() -> Scene {
    let mut scene = Scene::sent(|exchange| exchange.script.push_back(Placement::TakenAnswerLost));
    assert_eq!(scene.state(), OrderState::PendingCreate);
    let fill = scene.trade("0.5");
    scene.tell(0, fill);
    scene.run(100);
    assert_eq!(scene.state(), OrderState::PartiallyFilled);
    scene.run(15_000);
    scene
}

/// By the exchange's number alone, which nobody has told us yet.
fn a_fill_that_names_nothing_we_know_before_the_acknowledgement() -> Scene {
    let mut scene = Scene::sent(|exchange| exchange.script.push_back(Placement::TakenAnswerLost));
    let mut fill = scene.trade("0.5");
    fill.client_id = None;
    scene.tell(0, fill);
    scene.run(100);
    assert!(scene.filled().is_zero());
    scene.run(15_000);
    scene
}

fn wholly_filled_before_the_acknowledgement() -> Scene {
    let mut scene = Scene::sent(|exchange| exchange.script.push_back(Placement::TakenAnswerLost));
    let first = scene.trade("1.5");
    let second = scene.trade("0.5");
    scene.tell(0, second);
    scene.tell(1, first);
    scene.run(100);
    assert_eq!(scene.state(), OrderState::Filled);
    scene.run(15_000);
    scene
}

fn filled_is_told_before_its_trades() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("2");
    scene.tell_status(0, ReportSource::Stream);
    scene.run(100);
    assert_eq!((scene.state(), scene.filled()), (OrderState::Filled, quantity("0")));
    scene.tell(0, fill);
    scene.run(100);
    scene
}

/// No stream ever tells them: they are asked for.
fn filled_is_told_and_its_trades_never() -> Scene {
    let mut scene = Scene::resting();
    scene.trade("1.25");
    scene.trade("0.75");
    scene.tell_status(0, ReportSource::Stream);
    scene.run(3_000);
    scene
}

fn a_fill_hours_after_the_end() -> Scene {
    let mut scene = Scene::resting();
    scene.cancel();
    scene.run(1_000);
    scene.desk.exchange.hides_trades = true;
    let mut fill = scene.trade("0.5");
    // For hours there is nothing but a book.
    scene.desk.book_beats(5_000, 3 * 720);
    assert_eq!((scene.state(), scene.filled()), (OrderState::Cancelled, quantity("0")));
    scene.tell(0, fill.clone());
    scene.desk.exchange.hides_trades = false;
    fill.source = ReportSource::Query;
    fill.client_id = None;
    scene.tell(1, fill);
    scene.tell_status(1, ReportSource::Stream);
    scene.run(1_000);
    scene
}

/// Told thrice by the stream, by the acknowledgement without its fee, and by questions.
fn a_fill_told_by_everybody() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("0.5");
    let mut ack = fill.clone();
    (ack.source, ack.fee) = (ReportSource::Ack, None);
    scene.tell(0, ack);
    for after in 1..4 {
        scene.tell(after, fill.clone());
    }
    let mut asked = fill;
    (asked.source, asked.client_id) = (ReportSource::Query, None);
    scene.tell(5, asked);
    scene.tell_status(2, ReportSource::Stream);
    scene.run(130_000);
    scene
}

/// The exchange denies the order for so long that it counts as gone, and then tells of it.
fn denied_and_then_told() -> Scene {
    let mut scene = Scene::sent(|exchange| {
        exchange.script.push_back(Placement::TakenAnswerLost);
        exchange.denies_orders = true;
    });
    scene.run(30_000);
    assert_eq!(scene.state(), OrderState::Rejected);
    scene.desk.exchange.denies_orders = false;
    let fill = scene.trade("0.5");
    scene.tell_status(0, ReportSource::Stream);
    scene.tell(1, fill);
    scene.run(1_000);
    scene
}

/// A cancelled order that a lagging answer tells as open is still cancelled.
fn an_old_answer_after_the_cancel() -> Scene {
    let mut scene = Scene::resting();
    let old = scene
        .desk
        .exchange
        .order_event(&scene.order, ReportSource::Query, scene.desk.now());
    scene.cancel();
    scene.run(100);
    scene.tell(0, old);
    scene.run(1_000);
    scene
}

fn a_part_filled_after_the_outcome_was_unknown() -> Scene {
    let mut scene = Scene::sent(|exchange| {
        exchange.script.push_back(Placement::TakenAnswerLost);
        exchange.denies_orders = true;
    });
    scene.run(10_500);
    assert_eq!(scene.state(), OrderState::Unknown);
    let fill = scene.trade("0.5");
    scene.tell(0, fill);
    scene.run(100);
    assert_eq!(scene.state(), OrderState::PartiallyFilled);
    scene.desk.exchange.denies_orders = false;
    scene.run(3_000);
    scene
}

/// The wish to cancel is older than the knowledge that there is something to cancel.
fn cancelled_while_unknown() -> Scene {
    let mut scene = Scene::sent(|exchange| exchange.script.push_back(Placement::TakenAnswerLost));
    scene.cancel();
    let fill = scene.trade("0.5");
    scene.run(12_000);
    scene.tell(0, fill);
    scene.run(100);
    scene
}

fn a_cancel_whose_answer_is_lost_and_a_fill_that_nobody_told() -> Scene {
    let mut scene = Scene::resting();
    scene.trade("0.5");
    scene.desk.exchange.lose_cancel_answers = 1;
    scene.cancel();
    scene.run(15_000);
    scene
}

fn a_cancel_that_never_arrived() -> Scene {
    let mut scene = Scene::resting();
    scene.desk.exchange.lose_cancels = 1;
    scene.cancel();
    scene.run(20_000);
    scene
}

/// The stream is down while all of it happens.
fn everything_while_the_stream_is_down() -> Scene {
    let mut scene = Scene::resting();
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Down));
    scene.run(100);
    scene.trade("0.5");
    scene.cancel();
    scene.run(5_000);
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
    scene.run(5_000);
    scene
}

fn expired_with_a_part_filled() -> Scene {
    let mut scene = Scene::resting();
    let fill = scene.trade("0.5");
    scene.desk.exchange.orders.get_mut(&scene.order).unwrap().status = OrderStatus::Expired;
    scene.tell_status(0, ReportSource::Stream);
    scene.tell(50, fill);
    scene.run(1_000);
    scene
}

#[test]
fn every_race_of_fills_cancels_and_reports() {
    use OrderState::{Cancelled, Expired, Filled, PartiallyFilled};
    let race = |name, script, ends, filled| Race {
        name,
        script,
        ends,
        filled,
    };
    run_all(&[
        race(
            "a fill before the cancel told after it",
            a_fill_before_the_cancel_told_after_it,
            Cancelled,
            "0.5",
        ),
        race(
            "a fill told before the cancel",
            a_fill_told_before_the_cancel,
            Cancelled,
            "0.5",
        ),
        race(
            "a fill between the cancel and its confirmation",
            a_fill_between_the_cancel_and_its_confirmation,
            Cancelled,
            "0.5",
        ),
        race(
            "the whole fill beats the cancel",
            the_whole_fill_beats_the_cancel,
            Filled,
            "2",
        ),
        race(
            "filled after cancelled was told",
            filled_after_cancelled_was_told,
            Filled,
            "2",
        ),
        race(
            "a fill before the acknowledgement",
            a_fill_before_the_acknowledgement,
            PartiallyFilled,
            "0.5",
        ),
        race(
            "a fill of an unknown number before the acknowledgement",
            a_fill_that_names_nothing_we_know_before_the_acknowledgement,
            PartiallyFilled,
            "0.5",
        ),
        race(
            "wholly filled before the acknowledgement",
            wholly_filled_before_the_acknowledgement,
            Filled,
            "2",
        ),
        race(
            "filled is told before its trades",
            filled_is_told_before_its_trades,
            Filled,
            "2",
        ),
        race(
            "filled is told and its trades never",
            filled_is_told_and_its_trades_never,
            Filled,
            "2",
        ),
        race(
            "a fill hours after the end",
            a_fill_hours_after_the_end,
            Cancelled,
            "0.5",
        ),
        race(
            "a fill told by everybody",
            a_fill_told_by_everybody,
            PartiallyFilled,
            "0.5",
        ),
        race("denied and then told", denied_and_then_told, PartiallyFilled, "0.5"),
        race(
            "an old answer after the cancel",
            an_old_answer_after_the_cancel,
            Cancelled,
            "0",
        ),
        race(
            "a part filled after the outcome was unknown",
            a_part_filled_after_the_outcome_was_unknown,
            PartiallyFilled,
            "0.5",
        ),
        race("cancelled while unknown", cancelled_while_unknown, Cancelled, "0.5"),
        race(
            "a cancel whose answer is lost, a fill that nobody told",
            a_cancel_whose_answer_is_lost_and_a_fill_that_nobody_told,
            Cancelled,
            "0.5",
        ),
        race(
            "a cancel that never arrived",
            a_cancel_that_never_arrived,
            Cancelled,
            "0",
        ),
        race(
            "everything while the stream is down",
            everything_while_the_stream_is_down,
            Cancelled,
            "0.5",
        ),
        race("expired with a part filled", expired_with_a_part_filled, Expired, "0.5"),
    ]);
}

/// Orders of one slice, as a batch would carry them: one taken, one refused, one not sent, one whose answer is lost, one that
/// never arrived. Each ends by itself.
#[test]
fn the_orders_of_one_slice_each_have_their_own_end() {
    let mut scene = Scene::empty(|_| {});
    scene.desk.exchange.script.extend([
        Placement::Taken,
        Placement::Refused,
        Placement::NotSent,
        Placement::TakenAnswerLost,
        Placement::LostAnswerLost,
    ]);
    let wishes = [95, 96, 97, 98, 99].map(|price| StrategyAction::Create(buy(price, "1")));
    scene.wishes(wishes);
    assert_eq!(scene.desk.exchange.slices, [5], "they are handed over together");
    let at = |scene: &Scene, price: i64| {
        let view = scene.desk.view();
        let venue = view.venues().next().unwrap();
        let found = venue.orders().find(|o| o.intent.price.unwrap().0 == price.into());
        found.unwrap().state()
    };
    scene.run(1_000);
    use OrderState::{Open, PendingCreate, Rejected};
    let states: Vec<OrderState> = (95..100).map(|price| at(&scene, price)).collect();
    assert_eq!(states, [Open, Rejected, Rejected, PendingCreate, PendingCreate]);
    scene.run(40_000);
    let states: Vec<OrderState> = (95..100).map(|price| at(&scene, price)).collect();
    assert_eq!(states, [Open, Rejected, Rejected, Open, Rejected]);
    let placements = scene.desk.exchange.placements;
    assert_eq!(placements, 5, "nothing was sent twice");
    scene.check("a slice");
}

/// Ids are the run's own: another run, even one that begins at the same moment, uses none of them again.
#[test]
fn a_restart_uses_no_client_order_id_again() {
    let mut seen: Vec<ClientOrderId> = Vec::new();
    let mut desk = crate::desk::Desk::new(crate::desk::QUOTES);
    for after in [0, 1, 5_000] {
        desk.start();
        desk.book_beats(2_000, 3);
        let intents: Vec<ClientOrderId> = desk
            .journal
            .0
            .borrow()
            .records
            .iter()
            .filter_map(|r| match r {
                colibri_model::Record::Intent { order, .. } => Some(order.client_id.clone()),
                _ => None,
            })
            .collect();
        assert!(intents.len() > seen.len());
        let mut distinct = intents.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), intents.len(), "an id was used twice");
        for id in &intents {
            assert!(id.as_str().starts_with("clb") && id.as_str().len() <= 36);
        }
        seen = intents;
        desk = desk.crash(crate::desk::QUOTES, after);
    }
}

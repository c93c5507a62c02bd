//! A position that no fill explains, and a person who accepts it.

use colibri_model::{FillCause, Pair, Quantity, Record, Side};

use super::{filled, held, perp, place, price, records, refusal, scene};
use crate::orders::{Scene, buy, quantity};

fn accepts(scene: &mut Scene, stated: &str) {
    let pair: Pair = "BTC-USDT".parse().unwrap();
    let choices = &mut perp(scene).choices.pairs;
    choices.entry(pair).or_default().accepted_position = Some(quantity(stated));
}

fn acceptances(scene: &Scene) -> Vec<colibri_model::Fill> {
    let accepted = records(scene).into_iter().filter_map(|record| match record {
        Record::Filled { strategy: None, fill } if fill.cause == FillCause::Accepted => Some(fill),
        _ => None,
    });
    accepted.collect()
}

/// Fills make two, and the exchange states one and a half.
fn reduced() -> Scene {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    perp(&mut scene).misstated = quantity("-0.5");
    scene.run(70_000);
    assert_eq!(place(&mut scene, buy(99, "1")), None);
    let words = refusal(&scene);
    assert!(
        words.contains("accept_positions = { BTC-USDT = 1.5 } in its [[venue]]"),
        "{words}"
    );
    scene
}

#[test]
fn what_a_person_accepts_is_entered_once_and_opening_goes_on() {
    let mut scene = reduced();
    accepts(&mut scene, "1.5");
    scene.run(70_000);
    assert_eq!(held(&scene), quantity("2"), "not while it runs");
    let mut scene = scene.crash(1_000);
    scene.run(5_000);
    assert_eq!(held(&scene), quantity("1.5"));
    let entered = acceptances(&scene);
    let [fill] = &entered[..] else { panic!("{entered:?}") };
    assert_eq!(
        (fill.side, fill.quantity, fill.price),
        (Side::Sell, quantity("0.5"), price(100))
    );
    assert!(scene.desk.logged("are entered at the mark price of 100"));
    assert!(place(&mut scene, buy(99, "1")).is_some());
    let mut scene = scene.crash(1_000);
    scene.run(5_000);
    assert_eq!((held(&scene), acceptances(&scene).len()), (quantity("1.5"), 1), "once");
    // The line is in the file still: what is found later is another matter.
    perp(&mut scene).misstated = Quantity::ZERO;
    scene.run(70_000);
    assert_eq!(held(&scene), quantity("1.5"));
    assert_eq!(place(&mut scene, buy(98, "1")), None);
}

#[test]
fn another_position_than_was_accepted_is_not() {
    let mut scene = reduced();
    accepts(&mut scene, "1.4");
    let mut scene = scene.crash(1_000);
    scene.run(70_000);
    assert_eq!((held(&scene), acceptances(&scene).len()), (quantity("2"), 0));
    assert_eq!(place(&mut scene, buy(99, "1")), None);
}

/// What differed once and was made up for by fills is over: a number in the file that comes true later changes nothing.
#[test]
fn once_all_agreed_nothing_is_accepted_before_the_next_start() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    accepts(&mut scene, "1.5");
    let mut scene = scene.crash(1_000);
    scene.run(5_000);
    perp(&mut scene).misstated = quantity("-0.5");
    scene.run(130_000);
    assert_eq!((held(&scene), acceptances(&scene).len()), (quantity("2"), 0));
    assert_eq!(place(&mut scene, buy(99, "1")), None);
}

//! From when on the exchange is asked about contracts.

use super::{filled, scene};
use crate::orders::buy;

/// The times from which fills of the account are asked for, in seconds before now.
fn asked_since(scene: &crate::orders::Scene) -> Option<i64> {
    let since = *scene.desk.exchange.account_fills_asked_since.last().unwrap();
    since.map(|since| (scene.desk.now().wall.0 - since.0) / 1_000_000_000)
}

#[test]
fn an_instrument_that_has_never_traded_is_not_asked_about_from_its_first_day_on() {
    let mut scene = scene(|_| {});
    for _ in 0..10 {
        scene.run(60_000);
    }
    let since = asked_since(&scene).unwrap();
    // A minute that the exchange may tell late, and the cadence of questions about prices and of reconciliations.
    assert!((60..240).contains(&since), "asked from {since} seconds ago");
    // The next run goes on from there.
    let mut scene = scene.crash(1_000);
    scene.run(1_000);
    let since = asked_since(&scene).unwrap();
    assert!((60..240).contains(&since), "asked from {since} seconds ago");
    filled(&mut scene, buy(99, "1"));
    scene.run(240_000);
    assert_eq!(asked_since(&scene), None, "by its first trade from there on");
    super::check(scene);
}

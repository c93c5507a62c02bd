//! Orders while the journal cannot be written, and nothing waits to be written.

use colibri_engine::strategy::StrategyAction;

use super::{Scene, buy};

#[test]
fn a_journal_beyond_repair_is_a_fault_until_it_is_mended() {
    let mut scene = Scene::empty(|_| {});
    scene.desk.journal.0.borrow_mut().fails = Some("no batch can be cut off".to_owned());
    scene.wish(StrategyAction::Create(buy(99, "2")));
    scene.run(3_000);
    assert_eq!(scene.desk.exchange.placements, 0);
    assert!(scene.desk.logged("no batch can be cut off"));
    assert!(
        !scene.desk.logged("the journal can be written again") && !scene.desk.logged("the journal is tried again"),
        "nothing was written since"
    );
    scene.desk.journal.0.borrow_mut().fails = None;
    scene.run(1_500);
    assert!(scene.desk.logged("the journal is tried again with the next order"));
    scene.wish(StrategyAction::Create(buy(99, "2")));
    scene.run(500);
    assert_eq!(scene.desk.exchange.placements, 1);
}

//! Fills of the exchange's own orders that are learned from lists, which do not say why a trade was made.

use colibri_model::{FillCause, FillKey, Record, Side};
use colibri_standard::ReportSource;

use super::{check, filled, held, liquidated, other_trade, records, scene, venue};
use crate::orders::{Scene, Told, buy, quantity};

fn cause_of_last(scene: &Scene) -> (FillKey, FillCause) {
    let fill = venue(scene).fills().last().unwrap();
    (fill.key.clone(), fill.cause)
}

/// What is written down of a fill, last.
fn journaled(scene: &Scene, key: &FillKey) -> Option<FillCause> {
    let of_it = records(scene).into_iter().filter_map(|record| match record {
        Record::Filled { fill, .. } if fill.key == *key => Some(fill.cause),
        _ => None,
    });
    of_it.last()
}

#[test]
fn a_fill_that_was_listed_before_its_order_was_told_as_forced_is_known_as_forced() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    let trade = other_trade(&mut scene, FillCause::Order, Side::Sell, 80, "2");
    let (key, cause) = cause_of_last(&scene);
    assert_eq!(cause, FillCause::Order, "a list does not say");
    scene.tell(0, liquidated(trade.exchange_id.clone()));
    scene.run(100);
    assert_eq!(cause_of_last(&scene), (key.clone(), FillCause::Liquidation));
    assert_eq!(journaled(&scene, &key), Some(FillCause::Liquidation));
    let told = scene.told();
    let again = told.iter().filter(|told| match told {
        Told::Position(told) => told.fill.key == key && !told.fill.cause.is_order() && told.change.closed.is_zero(),
        _ => false,
    });
    assert_eq!(again.count(), 1, "strategies are told, and that nothing changed by it");
    assert_eq!(held(&scene), quantity("0"));
    let mut scene = scene.crash(1_000);
    scene.run(3_000);
    assert_eq!(cause_of_last(&scene), (key, FillCause::Liquidation));
    check(scene);
}

#[test]
fn a_fill_of_an_order_that_was_told_as_forced_is_forced_whoever_tells_it_and_when() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "3"));
    let trade = other_trade(&mut scene, FillCause::Liquidation, Side::Sell, 80, "1");
    let order = trade.exchange_id.clone().unwrap();
    scene.tell(0, liquidated(Some(order.clone())));
    scene.run(100);
    let listed = |at: u64| {
        let mut listed = trade.clone();
        listed.trade_id = colibri_model::TradeId::new(&format!("9{at}")).unwrap();
        listed.cause = FillCause::Order;
        listed.source = ReportSource::Query;
        listed
    };
    scene.tell(0, listed(1));
    scene.run(100);
    assert_eq!(cause_of_last(&scene).1, FillCause::Liquidation);
    let mut scene = scene.crash(1_000);
    scene.run(3_000);
    scene.tell(0, listed(2));
    scene.run(100);
    assert_eq!(
        cause_of_last(&scene).1,
        FillCause::Liquidation,
        "the journal knows the order"
    );
}

//! What strategies are told: amounts, average price, fees by asset and both times, each as it was at that moment.

use colibri_model::{Amount, Asset, Decimal, OrderState, Price, WallNs};
use colibri_standard::ReportSource;

use super::{Scene, Told, quantity};

#[test]
fn every_report_carries_the_totals_of_its_moment_and_both_times() {
    let mut scene = Scene::resting();
    let first = scene.trade("0.5");
    let traded = scene.desk.now().wall;
    let mut second = scene.trade("0.25");
    second.price = Price(Decimal::from(98));
    second.fee = None;
    let mut whole = second.clone();
    whole.fee = first.fee.clone();
    // All of it reaches the engine before the strategy is told of any.
    scene.tell(300, first);
    scene.tell(300, second);
    scene.tell(400, whole);
    scene.run(300);
    let learned = scene.desk.now().wall;
    scene.run(200);
    let told = scene.told();
    let [
        Told::Order(opened),
        Told::Fill(one),
        Told::Order(part),
        Told::Fill(two),
        Told::Fee(fee),
    ] = told.as_slice()
    else {
        panic!("{told:#?}")
    };
    assert_eq!((opened.from, opened.to), (OrderState::PendingCreate, OrderState::Open));
    assert!(opened.totals.filled.is_zero() && opened.totals.average_price().is_none());
    assert!(opened.exchange_time.is_some_and(|time| time <= opened.local_time));

    let fee_of = |totals: &colibri_engine::orders::OrderTotals| totals.fees.get(&Asset::new("BTC")).copied();
    assert_eq!(
        (one.totals.filled, one.leaves, one.tag),
        (quantity("0.5"), quantity("1.5"), 7)
    );
    assert_eq!(one.totals.average_price(), Some(Price(Decimal::from(99))));
    assert_eq!(fee_of(&one.totals), Some(Amount(Decimal::new(5, 4))));
    assert_eq!((one.fill.exchange_time, one.fill.local_time), (traded, learned));

    assert_eq!(
        (part.to, part.totals.filled),
        (OrderState::PartiallyFilled, quantity("0.5")),
        "as it was then"
    );
    assert_eq!((part.exchange_time, part.local_time), (Some(traded), learned));

    assert_eq!((two.totals.filled, two.leaves), (quantity("0.75"), quantity("1.25")));
    assert_eq!(two.totals.filled_quote, Amount("74".parse().unwrap()));
    assert_eq!(
        fee_of(&two.totals),
        Some(Amount(Decimal::new(5, 4))),
        "what the second cost is not known yet"
    );
    assert_eq!(fee_of(&fee.totals), Some(Amount(Decimal::new(10, 4))));
    assert_eq!(fee.fill.key, two.fill.key);
}

#[test]
fn a_status_that_comes_before_its_trades_says_what_the_ledger_has() {
    let mut scene = Scene::resting();
    let fill = scene.trade("2");
    scene.tell_status(0, ReportSource::Stream);
    scene.run(100);
    scene.tell(0, fill);
    scene.run(100);
    let told = scene.told();
    let [_, Told::Order(filled), Told::Fill(fill)] = told.as_slice() else {
        panic!("{told:#?}")
    };
    assert_eq!((filled.to, filled.totals.filled), (OrderState::Filled, quantity("0")));
    assert_eq!((fill.totals.filled, fill.leaves), (quantity("2"), quantity("0")));
    assert!(filled.local_time < fill.fill.local_time && filled.local_time > WallNs(0));
}

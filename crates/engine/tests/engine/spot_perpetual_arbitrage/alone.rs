//! Arbitrage counts what is held in its two markets as its own: it has each to itself.

use colibri_engine::strategy::build;
use colibri_model::StrategyId;

use super::carry::Carry;
use crate::contracts::suits::table;

fn conflicts_with(kind: &str, venue: &str) -> Vec<String> {
    let mut carry = Carry::new("", |_| {});
    assert!(carry.engine.strategy_conflicts().is_empty(), "by itself it has them");
    let mut table = table(kind);
    table.insert("venue".to_owned(), venue.into());
    let other = build(kind, StrategyId::new("other").unwrap(), table).unwrap();
    carry.engine.add_strategy(other);
    let conflicts = carry.engine.strategy_conflicts();
    conflicts.iter().map(ToString::to_string).collect()
}

#[test]
fn two_strategies_in_one_of_its_markets_are_refused_at_the_start() {
    for (kind, venue) in [("pure_market_making", "spot"), ("perpetual_market_making", "perp")] {
        let found = conflicts_with(kind, venue);
        let [words] = &found[..] else { panic!("{found:?}") };
        let expected =
            format!("counts what is held of BTC-USDT at {venue} as its own, and the strategy other trades there too");
        assert!(words.contains(&expected), "{words}");
    }
    let elsewhere = conflicts_with("pure_market_making", "another");
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

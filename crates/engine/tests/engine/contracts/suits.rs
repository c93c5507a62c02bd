//! Strategies that contracts do not suit.

use colibri_engine::Recovered;
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::build;
use colibri_model::StrategyId;

use crate::desk::{Desk, Exchange, Memory, Perp, QUOTES};

/// A table of the strategy for the desk's market.
pub fn table(kind: &str) -> toml::Table {
    let mut table: toml::Table = QUOTES.parse().unwrap();
    if kind == "perpetual_market_making" {
        let of_contracts = "leverage = 5\nlong_profit_taking_spread = 0.02\nshort_profit_taking_spread = 0.02\nstop_loss_spread = 0.05";
        table.extend(of_contracts.parse::<toml::Table>().unwrap());
    }
    table
}

fn conflicts(kind: &str, perp: Option<Perp>) -> Vec<String> {
    let strategy = build(kind, StrategyId::new("mm").unwrap(), table(kind)).unwrap();
    let mut exchange = Exchange::new();
    exchange.perp = perp;
    let desk = Desk::made(
        strategy,
        Recovered::default(),
        exchange,
        Memory::default(),
        RiskLimits::default(),
    );
    let found = desk.engine.strategy_conflicts();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn market_making_by_balances_is_refused_where_there_are_contracts() {
    let found = conflicts("pure_market_making", Some(Perp::new()));
    let [words] = &found[..] else { panic!("{found:?}") };
    assert!(words.contains("BTC-USDT at fake is a contract"), "{words}");
    assert!(
        words.contains("use kind = \"perpetual_market_making\" there"),
        "{words}"
    );
    assert!(conflicts("pure_market_making", None).is_empty());
    assert!(conflicts("perpetual_market_making", Some(Perp::new())).is_empty());
}

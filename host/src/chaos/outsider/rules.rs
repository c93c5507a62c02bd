//! Trading rules of contracts that the exchange changes.

use colibri_model::{Decimal, SplitMix64};
use colibri_sim::config::PerpetualConfig;
use colibri_sim::identity::Symbol;
use colibri_sim::time::{Span, Timestamp};
use colibri_sim::usdm::{Exchange, TradingRules};

use super::{Outsider, choose, in_seconds};

/// How long lots that are fine again are not shown.
const SHOWN_AFTER: Span = Span::from_secs(10);

/// Each contract, and the rules that it begins with.
fn listed() -> [(Symbol, TradingRules); 2] {
    [PerpetualConfig::btcusdt(), PerpetualConfig::ethusdt()].map(|config| {
        let rules = TradingRules::from(&config);
        (config.symbol, rules)
    })
}

impl Outsider {
    /// Coarser ticks and lots, or finer again; another least notional. Shown some seconds later.
    pub(super) fn change_contract_rules(
        &mut self,
        symbol: &Symbol,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let Some((_, listed)) = listed().into_iter().find(|(of, _)| of == symbol) else {
            return false;
        };
        let tick = choose(&[1, 10, 100], random).unwrap_or(1);
        let lot = choose(&[1, 10], random).unwrap_or(1);
        let notional = choose(&[5, 20, 100], random).unwrap_or(5);
        let change = |rules: &mut TradingRules| {
            rules.price.tick = listed.price.tick * Decimal::from(tick);
            for (lots, listed) in [(&mut rules.lot, listed.lot), (&mut rules.market_lot, listed.market_lot)] {
                lots.step = listed.step * Decimal::from(lot);
                lots.min = lots.step;
            }
            rules.min_notional = Decimal::from(notional);
        };
        self.in_contracts.shown = Some(in_seconds(now, 1, 60, random));
        exchange.change_rules(symbol, change, now)
    }

    /// Lots are as fine as they were at first: no coarser one closes what was opened in them.
    pub(super) fn end_coarse_lots(&mut self, exchange: &mut Exchange, now: Timestamp) {
        for (symbol, listed) in listed() {
            let change = |rules: &mut TradingRules| (rules.lot, rules.market_lot) = (listed.lot, listed.market_lot);
            exchange.change_rules(&symbol, change, now);
        }
        self.in_contracts.shown.get_or_insert(now.after(SHOWN_AFTER));
    }

    /// Shows the rules that bind, where it is time.
    pub(super) fn show_contract_rules_if_due(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if self.in_contracts.shown.is_some_and(|at| at <= now) {
            self.in_contracts.shown = None;
            exchange.show_rules();
        }
    }
}

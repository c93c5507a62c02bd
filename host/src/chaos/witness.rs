//! What strategies were told, beside what the ledger says: each fill once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use colibri_engine::View;
use colibri_engine::orders::OrderOrigin;
use colibri_engine::strategy::{Input, MarketNeed, Strategy, StrategyActions};
use colibri_model::{FillKey, SnapshotUnusable, StrategyId};

/// How often each fill was told, in one process.
pub type Told = Rc<RefCell<BTreeMap<FillKey, u32>>>;

/// A strategy that is listened to.
pub struct Witness {
    strategy: Box<dyn Strategy>,
    told: Told,
}

impl Witness {
    /// Listens to what a strategy is told.
    #[must_use]
    pub fn listening_to(strategy: Box<dyn Strategy>, told: Told) -> Box<dyn Strategy> {
        Box::new(Witness { strategy, told })
    }
}

impl Strategy for Witness {
    fn id(&self) -> &StrategyId {
        self.strategy.id()
    }
    fn kind(&self) -> &'static str {
        self.strategy.kind()
    }
    fn needs(&self) -> Vec<MarketNeed> {
        self.strategy.needs()
    }
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        if let Input::Fill(fill) = &input {
            *self.told.borrow_mut().entry(fill.fill.key.clone()).or_default() += 1;
        }
        self.strategy.input(input, view, actions);
    }
    fn status(&self) -> String {
        self.strategy.status()
    }
    fn snapshot(&self) -> Option<serde_json::Value> {
        self.strategy.snapshot()
    }
    fn restore(&mut self, state: serde_json::Value) -> Result<(), SnapshotUnusable> {
        self.strategy.restore(state)
    }
}

/// Fills of orders that this process placed and that were not told exactly once; of others that were told more than once.
#[must_use]
pub fn misled(told: &Told, view: &View<'_>) -> Vec<String> {
    let told = told.borrow();
    let mut broken: Vec<String> = told
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(key, count)| {
            format!(
                "a strategy was told {count} times of the fill {} of {}",
                key.trade_id, key.pair
            )
        })
        .collect();
    for fill in view.venues().flat_map(|venue| venue.fills()) {
        let order = fill.client_id.as_ref().and_then(|id| view.order(id));
        let placed_here = order.is_some_and(|order| order.origin == OrderOrigin::ThisRun);
        if placed_here && !told.contains_key(&fill.key) {
            let (trade, pair) = (&fill.key.trade_id, &fill.key.pair);
            broken.push(format!("the strategy was never told of the fill {trade} of {pair}"));
        }
    }
    broken
}

//! Triggers: orders that wait at the exchange for a price.
//!
//! What lives here: their way out, what the exchange tells of them, the orders that they become, questions, reconciliation and
//! proof, recovery, what they may add to a position. What must not live here: their states (the model's), one trigger's ids,
//! ends and cancel (`crate::orders`), and the lives of the orders that they became: those are orders as any other.
//!
//! An order that a trigger became is tracked under the trigger's client id, whatever the exchange calls it: the two live in
//! trackers of their own.

mod becoming;
mod exposure;
mod outcomes;
mod placement;
mod questions;
mod recovery;
mod reports;

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::{ClientOrderId, ExchangeOrderId, InstrumentId, Price, Quantity, Side, TriggerKind};
use colibri_standard::TriggerManifest;
use serde::{Deserialize, Serialize};

use crate::engine::venue::Venue;
use crate::orders::{ClientIdSource, TriggerTracker};

pub use recovery::RecoveredTrigger;

/// A trigger in the account that is not tracked: shown, and not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignTrigger {
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// Of which instrument, where it is one in use.
    pub instrument: Option<InstrumentId>,
    /// Its client id.
    pub client_id: Option<ClientOrderId>,
    /// Its exchange id.
    pub exchange_id: Option<ExchangeOrderId>,
    /// In which direction the price must go.
    pub kind: Option<TriggerKind>,
    /// Buy or sell.
    pub side: Option<Side>,
    /// The price at which it fires.
    pub trigger_price: Option<Price>,
    /// The order's quantity.
    pub quantity: Option<Quantity>,
}

impl ForeignTrigger {
    /// Whether its id looks like one that a Colibri bot made (another bot, or one whose journal was lost).
    #[must_use]
    pub fn is_a_bots(&self) -> bool {
        self.client_id.as_ref().is_some_and(ClientIdSource::is_ours)
    }
}

/// The triggers of a venue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Triggers {
    pub(crate) tracker: TriggerTracker,
    /// Those that a question is due about.
    pub(crate) in_doubt: BTreeSet<ClientOrderId>,
    pub(crate) foreign: BTreeMap<String, ForeignTrigger>,
    /// Those that a query has told of since what waits was last asked for.
    pub(crate) seen: BTreeSet<ClientOrderId>,
    /// Triggers of others that were told of since then, by whichever source; `None` where that was their end.
    pub(crate) foreign_seen: BTreeMap<String, Option<ForeignTrigger>>,
}

impl Triggers {
    /// What waits is being asked for from here on.
    pub(crate) fn begin_asking(&mut self) {
        self.seen.clear();
        self.foreign_seen.clear();
    }

    /// What waits was asked for and told as a whole: that, and what the stream told meanwhile, is what there is of others.
    pub(crate) fn end_asking(&mut self) {
        let seen = std::mem::take(&mut self.foreign_seen);
        let waiting = seen.into_iter().filter_map(|(key, trigger)| Some((key, trigger?)));
        self.foreign = waiting.collect();
    }
}

impl Triggers {
    /// Triggers that may wait, and those of which it is not known whether they have become orders, or which.
    pub(crate) fn may_be_live(&self) -> BTreeSet<ClientOrderId> {
        self.tracker
            .live_ids()
            .into_iter()
            .chain(self.in_doubt.iter().cloned())
            .collect()
    }
}

impl Venue {
    /// How many orders may be open and triggers wait.
    pub(crate) fn may_be_live(&self) -> usize {
        self.orders.live_count() + self.triggers.may_be_live().len()
    }

    /// What the connector says of its triggers; `None` where it has none, and nothing is ever asked about them.
    pub(crate) fn trigger_manifest(&self) -> Option<&TriggerManifest> {
        self.manifest.perpetual.as_ref()?.triggers.as_ref()
    }

    /// Whether the order that a trigger became has the trigger's client id at the exchange.
    pub(crate) fn order_keeps_client_id(&self) -> bool {
        self.trigger_manifest().is_some_and(|t| t.order_keeps_client_id)
    }

    /// The instrument that an event is about, by its handle or by its name.
    pub(crate) fn instrument_of(&self, instrument: Option<InstrumentId>, symbol: &str) -> Option<InstrumentId> {
        instrument.or_else(|| {
            let named = |m: &&crate::engine::market::Market| m.instrument.as_ref().is_some_and(|i| i.symbol == symbol);
            self.markets.iter().find(named).map(|m| m.id)
        })
    }
}

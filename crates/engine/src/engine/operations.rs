//! What is under way at one venue: the operations that have not ended, and what each is for.

use std::collections::BTreeMap;

use colibri_model::{ClientOrderId, InstrumentId, OpId, Quantity};
use serde::{Deserialize, Serialize};

use crate::engine::contracts::ContractsPurpose;

/// What an operation is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Purpose {
    Instruments,
    UseInstruments,
    Fees(InstrumentId),
    StartBalances,
    Balances,
    Snapshot(InstrumentId),
    Resubscribe(InstrumentId),
    Place(ClientOrderId),
    Cancel(ClientOrderId),
    Amend(ClientOrderId, Quantity),
    Replace {
        cancel: ClientOrderId,
        place: ClientOrderId,
    },
    OrderStatus(ClientOrderId),
    OrderFills(ClientOrderId),
    ReconcileOrders(InstrumentId),
    ReconcileFills(InstrumentId),
    ReconcileHistory(InstrumentId),
    ReconcileBalances,
    Proof,
    Contracts(ContractsPurpose),
    PlaceTrigger(ClientOrderId),
    CancelTrigger(ClientOrderId),
    TriggerStatus(ClientOrderId),
    /// Whether a trigger that the exchange denies became an order.
    TriggerOrder(ClientOrderId),
    ReconcileTriggers(InstrumentId),
}

/// Operations that have not ended. Whether a purpose has one is answered without going through them: every order in doubt
/// asks that, and after an outage there may be as many operations as orders.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<OpId, Purpose>", into = "BTreeMap<OpId, Purpose>")]
pub(crate) struct Operations {
    by_id: BTreeMap<OpId, Purpose>,
    /// How many operations each purpose has; none that has none.
    by_purpose: BTreeMap<Purpose, usize>,
}

impl Operations {
    pub(crate) fn begin(&mut self, op: OpId, purpose: Purpose) {
        *self.by_purpose.entry(purpose.clone()).or_default() += 1;
        if let Some(earlier) = self.by_id.insert(op, purpose) {
            self.count_off(&earlier);
        }
    }

    /// What the operation was for; `None` where it is not under way.
    pub(crate) fn end(&mut self, op: OpId) -> Option<Purpose> {
        let purpose = self.by_id.remove(&op)?;
        self.count_off(&purpose);
        Some(purpose)
    }

    pub(crate) fn get(&self, op: OpId) -> Option<&Purpose> {
        self.by_id.get(&op)
    }

    /// Whether one of this purpose is under way.
    pub(crate) fn has(&self, purpose: &Purpose) -> bool {
        self.by_purpose.contains_key(purpose)
    }

    /// The purposes that have operations, each once.
    pub(crate) fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.by_purpose.keys()
    }

    /// Instruments of which a snapshot of the book is being asked for.
    pub(crate) fn snapshots(&self) -> usize {
        let all = Purpose::Snapshot(InstrumentId(u32::MIN))..=Purpose::Snapshot(InstrumentId(u32::MAX));
        self.by_purpose.range(all).count()
    }

    fn count_off(&mut self, purpose: &Purpose) {
        if let Some(count) = self.by_purpose.get_mut(purpose) {
            *count -= 1;
            if *count == 0 {
                self.by_purpose.remove(purpose);
            }
        }
    }
}

impl From<BTreeMap<OpId, Purpose>> for Operations {
    fn from(by_id: BTreeMap<OpId, Purpose>) -> Operations {
        let mut operations = Operations::default();
        for (op, purpose) in by_id {
            operations.begin(op, purpose);
        }
        operations
    }
}

impl From<Operations> for BTreeMap<OpId, Purpose> {
    fn from(operations: Operations) -> BTreeMap<OpId, Purpose> {
        operations.by_id
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Begin(u64, u32),
        End(u64),
        Kept,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..12_u64, 0..4_u32).prop_map(|(op, of)| Step::Begin(op, of)),
            4 => (0..12_u64).prop_map(Step::End),
            1 => Just(Step::Kept),
        ];
        prop::collection::vec(step, 0..80)
    }

    /// Two kinds, one of them counted by itself.
    fn purpose(of: u32) -> Purpose {
        match of % 2 {
            0 => Purpose::Snapshot(InstrumentId(of)),
            _ => Purpose::Fees(InstrumentId(of)),
        }
    }

    proptest! {
        #[test]
        fn a_purpose_has_an_operation_while_one_is_under_way(steps in steps()) {
            let mut operations = Operations::default();
            let mut plain: BTreeMap<OpId, Purpose> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Begin(op, of) => {
                        operations.begin(OpId(op), purpose(of));
                        plain.insert(OpId(op), purpose(of));
                    }
                    Step::End(op) => prop_assert_eq!(operations.end(OpId(op)), plain.remove(&OpId(op))),
                    Step::Kept => {
                        let text = serde_json::to_string(&operations).unwrap();
                        prop_assert_eq!(&text, &serde_json::to_string(&plain).unwrap());
                        operations = serde_json::from_str(&text).unwrap();
                    }
                }
                for of in 0..4 {
                    prop_assert_eq!(operations.has(&purpose(of)), plain.values().any(|p| *p == purpose(of)));
                }
                let snapshots: BTreeSet<_> =
                    plain.values().filter(|p| matches!(p, Purpose::Snapshot(_))).collect();
                prop_assert_eq!(operations.snapshots(), snapshots.len());
                prop_assert_eq!(operations.purposes().count(), plain.values().collect::<BTreeSet<_>>().len());
            }
        }
    }
}

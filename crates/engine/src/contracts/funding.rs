//! Funding payments: entries of the account's ledger, each once, and up to where they are complete.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::{FundingKey, FundingPayment, Millis, MonoNs, WallNs};
use serde::{Deserialize, Serialize};

use crate::HostNow;

/// Entries that are remembered for telling repetitions: more than an account with positions in every contract of an exchange
/// is paid within the span that is asked for again.
const REMEMBERED: usize = 10_000;
/// Payments are asked for from so long before the time up to which they are known: an exchange's ledger lags.
const OVERLAP_NS: i64 = 600_000_000_000;

/// A settlement that is to come, and when that is by this process's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SettlementDue {
    /// The exchange's time of it.
    pub(crate) time: WallNs,
    pub(crate) at: MonoNs,
}

impl SettlementDue {
    /// What was just told, `told` by the exchange's clock. The clock of this machine may be wrong by minutes: it is asked only
    /// where the exchange does not say when it told.
    pub(crate) fn new(time: WallNs, told: Option<WallNs>, now: HostNow) -> SettlementDue {
        let left = time.0.saturating_sub(told.unwrap_or(now.wall).0);
        let left = u64::try_from(left).unwrap_or(0);
        SettlementDue {
            time,
            at: MonoNs(now.mono.0.saturating_add(left)),
        }
    }

    /// The same settlement told again: what was on its way for less long knows better.
    pub(crate) fn or_told(self, earlier: Option<SettlementDue>) -> SettlementDue {
        let earlier = earlier.filter(|earlier| earlier.time == self.time);
        let at = earlier.map_or(self.at, |earlier| earlier.at.min(self.at));
        SettlementDue { at, ..self }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct FundingLedger {
    #[serde(with = "crate::kept::pairs")]
    entries: BTreeMap<FundingKey, FundingPayment>,
    /// Payments of before are none of this bot's: the venue was not used yet.
    first: WallNs,
    /// Complete up to this time of the exchange.
    through: WallNs,
    /// Up to where the journal says so.
    pub(crate) journaled: WallNs,
    /// Whether this run has had an answer.
    is_answered: bool,
    /// Up to when the question that is under way will have it complete.
    asked: Option<WallNs>,
    /// When payments are asked for next on the regular cadence, or because one was told of.
    pub(crate) due: MonoNs,
    /// When they are asked for because of settlements.
    pub(crate) after_settlement: BTreeSet<MonoNs>,
    pub(crate) failures: u32,
}

impl FundingLedger {
    /// Begins with what the journal holds: payments before `through` are known, and those before `first` none of this bot's.
    pub(crate) fn begin(&mut self, first: WallNs, through: WallNs, entries: impl Iterator<Item = FundingPayment>) {
        self.first = first;
        self.through = through;
        self.journaled = through;
        for payment in entries {
            self.enter(payment);
        }
    }

    /// Enters a payment. Whether it was not known, and is this bot's.
    pub(crate) fn enter(&mut self, payment: FundingPayment) -> bool {
        if payment.key.time < self.first || self.entries.contains_key(&payment.key) {
            return false;
        }
        self.entries.insert(payment.key.clone(), payment);
        if self.entries.len() > REMEMBERED {
            let oldest = self.entries.keys().min_by_key(|key| key.time).cloned();
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        true
    }

    /// When payments are asked for next.
    pub(crate) fn next_due(&self) -> MonoNs {
        let after_settlement = self.after_settlement.first().copied();
        after_settlement.map_or(self.due, |at| at.min(self.due))
    }

    /// They are asked for now.
    pub(crate) fn is_asked_at(&mut self, now: MonoNs, every: Millis) {
        self.due = now.plus(every);
        self.after_settlement.retain(|at| *at > now);
    }

    /// Payments are asked for, at a time of the exchange: from when on.
    pub(crate) fn ask(&mut self, exchange_now: WallNs) -> WallNs {
        self.asked = Some(exchange_now);
        WallNs(self.through.0.saturating_sub(OVERLAP_NS))
    }

    /// The question was answered to its end.
    pub(crate) fn answered(&mut self) {
        if let Some(asked) = self.asked.take() {
            // What was settled right before it was asked may not stand in the exchange's ledger yet; from there on it is
            // asked for again, by the overlap.
            self.through = self.through.max(asked);
            self.failures = 0;
            self.is_answered = true;
        }
    }

    /// Whether this run has had an answer.
    pub(crate) const fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// Up to which time of the exchange every payment is known.
    pub(crate) fn complete_through(&self) -> WallNs {
        WallNs(self.through.0.saturating_sub(OVERLAP_NS))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &FundingPayment> {
        self.entries.values()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_model::{AccountId, Amount, Asset, Decimal, FundingPaymentId, PositionSide, VenueId};

    fn payment(id: &str, time: i64) -> FundingPayment {
        FundingPayment {
            key: FundingKey {
                account: AccountId::new("a").unwrap(),
                venue: VenueId::new("v").unwrap(),
                pair: "BTC-USDT".parse().unwrap(),
                time: WallNs(time),
                id: FundingPaymentId::new(id).unwrap(),
            },
            asset: Asset::new("USDT"),
            amount: Amount(Decimal::ONE),
            position_side: PositionSide::Net,
            rate: None,
            quantity: None,
            local_time: WallNs(0),
        }
    }

    #[test]
    fn a_payment_counts_once_and_the_oldest_are_forgotten() {
        let mut ledger = FundingLedger::default();
        ledger.begin(WallNs(1), WallNs(5), [payment("1", 1)].into_iter());
        assert!(!ledger.enter(payment("1", 1)));
        assert!(!ledger.enter(payment("0", 0)), "the venue was not used yet");
        assert!(ledger.enter(payment("2", 1)));
        for time in 0..10_000 {
            assert!(ledger.enter(payment("x", time + 10)));
        }
        assert_eq!(ledger.iter().count(), REMEMBERED);
        assert!(ledger.iter().all(|p| p.key.time >= WallNs(10)));
    }

    #[test]
    fn a_question_that_failed_moves_nothing() {
        let mut ledger = FundingLedger::default();
        let hour = 3_600_000_000_000;
        ledger.begin(WallNs(0), WallNs(hour), std::iter::empty());
        assert_eq!(ledger.ask(WallNs(2 * hour)), WallNs(hour - OVERLAP_NS));
        assert_eq!(ledger.complete_through(), WallNs(hour - OVERLAP_NS));
        ledger.answered();
        assert_eq!(ledger.complete_through(), WallNs(2 * hour - OVERLAP_NS));
        assert_eq!(ledger.ask(WallNs(3 * hour)), WallNs(2 * hour - OVERLAP_NS));
    }
}

//! From where on the exchange is asked for fills: behind everything that a whole answer has told, and never ahead.

use std::collections::VecDeque;

use colibri_model::{Millis, MonoNs, TradeId, WallNs};
use serde::{Deserialize, Serialize};

/// A trade may show at the exchange so long after one that came later than it: questions reach back behind what was told
/// last by so much.
const OVERLAP: Millis = Millis(60_000);
const OVERLAP_NS: i64 = 60_000_000_000;

/// The place in an instrument's fills before which none is missing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct FillsWatermark {
    /// Before any trade is known: the time from which fills are asked for.
    since: WallNs,
    /// The newest trade that was told long enough ago.
    settled: Option<TradeId>,
    /// The newest trades that whole answers have told since, and when, oldest first.
    young: VecDeque<(MonoNs, TradeId)>,
    /// The newest trade of the answer that is coming in.
    told: Option<TradeId>,
    /// The exchange's time when the question was sent that is being answered.
    #[serde(default)]
    asked_at: Option<WallNs>,
}

impl FillsWatermark {
    /// Fills are complete up to a trade, or where none is known up to a time.
    pub(crate) const fn new(settled: Option<TradeId>, since: WallNs) -> FillsWatermark {
        FillsWatermark {
            since,
            settled,
            young: VecDeque::new(),
            told: None,
            asked_at: None,
        }
    }

    /// The trade from which to ask (inclusive), or the time where no trade is known.
    pub(crate) fn from(&mut self, now: MonoNs) -> (Option<TradeId>, Option<WallNs>) {
        while let Some((_, trade)) = self.young.pop_front_if(|(told, _)| now.since(*told) >= OVERLAP) {
            self.settled = Some(trade);
        }
        let since = self.settled.is_none().then_some(self.since);
        (self.settled.clone(), since)
    }

    /// Before which place fills are complete: what an answer told lately does not count yet.
    pub(crate) const fn complete(&self) -> (Option<&TradeId>, WallNs) {
        (self.settled.as_ref(), self.since)
    }

    /// A question from [`FillsWatermark::from`] on is sent. `at` is what the exchange's clock shows at least, where it is known.
    pub(crate) fn asked(&mut self, at: Option<WallNs>) {
        self.told = None;
        self.asked_at = at;
    }

    /// The answer to the question has come to a trade. It may go no further.
    pub(crate) fn tells(&mut self, newest: TradeId) {
        self.told = Some(newest);
    }

    /// Every page of the answer has come. One without any trade is complete up to when it was asked for, less what may show
    /// late: else an instrument that never trades is asked about from its first day on for ever.
    pub(crate) fn answered(&mut self, now: MonoNs) {
        let asked_at = self.asked_at.take();
        if self.told.is_none() && self.settled.is_none() && self.young.is_empty() {
            let complete = asked_at.map(|at| WallNs(at.0.saturating_sub(OVERLAP_NS)));
            self.since = complete.map_or(self.since, |complete| complete.max(self.since));
        }
        if let Some(trade) = self.told.take()
            && self.young.back().map(|(_, last)| last).or(self.settled.as_ref()) != Some(&trade)
        {
            self.young.push_back((now, trade));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: u64) -> MonoNs {
        MonoNs(seconds * 1_000_000_000)
    }
    fn trade(number: u32) -> TradeId {
        TradeId::new(&number.to_string()).unwrap()
    }

    #[test]
    fn it_moves_when_an_answer_is_whole_and_stays_behind_it() {
        let mut mark = FillsWatermark::new(None, WallNs(5));
        mark.asked(None);
        mark.tells(trade(3));
        assert_eq!(
            mark.from(at(1)),
            (None, Some(WallNs(5))),
            "half an answer moves nothing"
        );
        mark.answered(at(1));
        assert_eq!(mark.from(at(60)), (None, Some(WallNs(5))), "nor does a young one");
        mark.asked(None);
        mark.tells(trade(8));
        mark.asked(None);
        mark.answered(at(60));
        assert_eq!(mark.from(at(61)), (Some(trade(3)), None));
        assert_eq!(mark.complete(), (Some(&trade(3)), WallNs(5)));
        assert_eq!(
            mark.from(at(1_000)),
            (Some(trade(3)), None),
            "the answer that broke off never counts"
        );
    }

    #[test]
    fn what_has_never_traded_is_asked_about_from_shortly_before_the_last_whole_answer() {
        let minute = 60_000_000_000;
        let mut mark = FillsWatermark::new(None, WallNs(minute));
        mark.asked(Some(WallNs(10 * minute)));
        assert_eq!(
            mark.from(at(1)),
            (None, Some(WallNs(minute))),
            "not before it is answered"
        );
        mark.answered(at(2));
        assert_eq!(
            mark.from(at(2)),
            (None, Some(WallNs(9 * minute))),
            "what shows late is told"
        );
        assert_eq!(mark.complete(), (None, WallNs(9 * minute)));
        // A question that broke off, an unknown time, and a clock that went back move nothing.
        mark.asked(Some(WallNs(20 * minute)));
        mark.asked(None);
        mark.answered(at(3));
        mark.asked(Some(WallNs(5 * minute)));
        mark.answered(at(4));
        assert_eq!(mark.from(at(4)), (None, Some(WallNs(9 * minute))));
        // Its first trade may be young: questions go on from the time.
        mark.asked(Some(WallNs(30 * minute)));
        mark.tells(trade(3));
        mark.answered(at(5));
        mark.asked(Some(WallNs(31 * minute)));
        mark.answered(at(6));
        assert_eq!(mark.from(at(6)), (None, Some(WallNs(9 * minute))));
        assert_eq!(mark.from(at(65)), (Some(trade(3)), None));
    }
}

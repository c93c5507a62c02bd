//! Where a venue's connectors come from: what makes another instance like the first, and the bulk lane around the second.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use colibri_abi::Connector;
use colibri_driver::Rest;
use colibri_driver::bulk_lane::{BulkLane, BulkReport};
use colibri_model::{Millis, MonoNs, OpId};
use colibri_standard::{Command, Outcome, Refusal, RejectReason, UseInstruments};

/// The first restart of a connector waits so long; each further one twice as long.
const FIRST_WAIT: Millis = Millis(1_000);
/// No restart waits longer.
const LONGEST_WAIT: Millis = Millis(60_000);

/// Makes a connector instance like the first one.
pub type Make = Box<dyn Fn() -> Result<Connector, String>>;
/// Makes a bulk lane like the first one.
pub type MakeLane = Box<dyn Fn() -> Result<BulkLane, String>>;

/// When something that broke is made anew: after a wait that doubles each time.
#[derive(Debug, Default)]
struct Restart {
    broken: Option<MonoNs>,
    times: u32,
}

impl Restart {
    /// Whether what has been broken since some time is to be made anew now.
    fn is_due(&mut self, now: MonoNs) -> bool {
        let since = *self.broken.get_or_insert(now);
        let wait = Millis(FIRST_WAIT.0.saturating_mul(1 << self.times.min(16)).min(LONGEST_WAIT.0));
        let due = now >= since.plus(wait);
        if due {
            self.times += 1;
            self.broken = None;
        }
        due
    }
}

/// The connectors of one venue.
pub struct Supply {
    make: Make,
    lane: Option<BulkLane>,
    make_lane: Option<MakeLane>,
    lane_restart: Restart,
    /// What a lane that is made anew must be told.
    instruments: Option<UseInstruments>,
    /// What the lane was given and has not told the end of.
    pending: BTreeSet<OpId>,
    /// What the exchange refuses, and until when: a lane that is made anew must be told.
    rests: Vec<(Rest, MonoNs)>,
}

impl Supply {
    /// What makes a venue's connectors.
    pub fn new(make: Make) -> Supply {
        Supply {
            make,
            lane: None,
            make_lane: None,
            lane_restart: Restart::default(),
            instruments: None,
            pending: BTreeSet::new(),
            rests: Vec::new(),
        }
    }

    /// With a bulk lane, for what its connector declares as bulk.
    ///
    /// # Errors
    /// The lane cannot be made.
    pub fn with_lane(mut self, make_lane: MakeLane) -> Result<Supply, String> {
        self.lane = Some(make_lane()?);
        self.make_lane = Some(make_lane);
        Ok(self)
    }

    /// Hands a command to the bulk lane. Its end comes as a report, whatever becomes of the lane.
    ///
    /// # Errors
    /// Nothing was sent: there is no lane, or it waits to be made anew, or it takes no more.
    pub fn command(&mut self, op: OpId, command: Command) -> Result<(), Refusal> {
        let anew = || Refusal::new(RejectReason::NotConnected, "the bulk lane is being made anew");
        self.lane.as_mut().ok_or_else(anew)?.command(op, command)?;
        self.pending.insert(op);
        Ok(())
    }

    /// Tells the lane the instruments in use, now and whenever it is made anew.
    ///
    /// # Errors
    /// The lane does not take it.
    pub fn use_instruments(&mut self, instruments: &UseInstruments) -> Result<(), Refusal> {
        self.instruments = Some(instruments.clone());
        self.lane
            .as_mut()
            .map_or(Ok(()), |lane| lane.use_instruments(instruments))
    }

    /// Tells the lane that the exchange refuses something until later, and one that takes its place before that is over.
    ///
    /// # Errors
    /// The lane does not take it.
    pub fn rest(&mut self, rest: &Rest, now: MonoNs) -> Result<(), Refusal> {
        self.rests
            .retain(|(known, until)| *until > now && (known.what != rest.what || *until > now.plus(rest.span)));
        self.rests.push((rest.clone(), now.plus(rest.span)));
        self.lane.as_mut().map_or(Ok(()), |lane| lane.rest(rest))
    }

    /// A report of the lane, where one is there. A lane that has ended is let go, and what it had not told the end of ends
    /// as unknown.
    pub fn poll_lane(&mut self, context: &mut Context<'_>) -> Poll<BulkReport> {
        if let Some(lane) = &mut self.lane {
            let next = pin!(lane.next()).poll(context);
            match next {
                Poll::Ready(Some(report)) => {
                    if let BulkReport::Completed(op, _) = &report {
                        self.pending.remove(op);
                    }
                    return Poll::Ready(report);
                }
                Poll::Ready(None) => self.lane = None,
                Poll::Pending => return Poll::Pending,
            }
        }
        match self.pending.pop_first() {
            Some(op) => {
                let refusal = Refusal::new(RejectReason::NotConnected, "the bulk lane ended before it had answered");
                Poll::Ready(BulkReport::Completed(op, Outcome::Unknown(refusal)))
            }
            None => Poll::Pending,
        }
    }

    /// Makes a lane that has ended anew, where its wait is over; says how that went.
    pub fn restart_lane(&mut self, now: MonoNs) -> Option<Result<(), String>> {
        let make_lane = self.make_lane.as_ref().filter(|_| self.lane.is_none())?;
        if !self.lane_restart.is_due(now) {
            return None;
        }
        Some(make_lane().and_then(|mut lane| {
            if let Some(instruments) = &self.instruments {
                lane.use_instruments(instruments).map_err(|e| e.to_string())?;
            }
            for (rest, until) in self.rests.iter().filter(|(_, until)| *until > now) {
                let what = rest.what.clone();
                let span = until.since(now);
                lane.rest(&Rest { what, span }).map_err(|e| e.to_string())?;
            }
            self.lane = Some(lane);
            Ok(())
        }))
    }

    /// Another connector like the first.
    ///
    /// # Errors
    /// The library refuses to create it.
    pub fn connector(&self) -> Result<Connector, String> {
        (self.make)()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::RefCell;
    use std::rc::Rc;

    use colibri_driver::Resting;
    use colibri_driver::bulk_lane::LaneEnd;

    use super::*;

    fn instruments() -> Command {
        Command::Instruments(colibri_standard::Instruments {})
    }

    fn told(supply: &mut Supply) -> Vec<BulkReport> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut told = Vec::new();
        while let Poll::Ready(report) = supply.poll_lane(&mut context) {
            told.push(report);
        }
        told
    }

    /// A supply whose lanes have no thread; the ends of those that were made.
    fn with_lanes() -> (Supply, Rc<RefCell<Vec<LaneEnd>>>) {
        let ends: Rc<RefCell<Vec<LaneEnd>>> = Rc::default();
        let kept = Rc::clone(&ends);
        let supply = Supply::new(Box::new(|| Err("none is wanted".to_owned())));
        let supply = supply.with_lane(Box::new(move || {
            let (lane, end) = BulkLane::pair();
            kept.borrow_mut().push(end);
            Ok(lane)
        }));
        (supply.unwrap(), ends)
    }

    #[test]
    fn what_a_lane_was_asked_that_died_without_a_word_ends_once_and_as_unknown() {
        let (mut supply, ends) = with_lanes();
        for op in 1..=3 {
            supply.command(OpId(op), instruments()).unwrap();
        }
        let end = ends.borrow_mut().pop().unwrap();
        end.report(BulkReport::Completed(OpId(2), Outcome::Done)).unwrap();
        // Its thread is gone: what it had told is heard, the rest ends here.
        drop(end);
        let heard = told(&mut supply);
        assert_eq!(heard[0], BulkReport::Completed(OpId(2), Outcome::Done));
        let ended: Vec<u64> = heard[1..]
            .iter()
            .map(|report| match report {
                BulkReport::Completed(op, Outcome::Unknown(refusal)) => {
                    assert_eq!(refusal.reason, RejectReason::NotConnected);
                    op.0
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ended, [1, 3]);
        assert_eq!(told(&mut supply), [], "once");
        // Nothing is taken until there is another, and that one owes nothing of the old one's.
        let refused = supply.command(OpId(4), instruments()).unwrap_err();
        assert_eq!(refused.reason, RejectReason::NotConnected);
        assert!(supply.restart_lane(MonoNs(1)).is_none(), "not at once");
        let later = MonoNs(1).plus(FIRST_WAIT);
        assert_eq!(supply.restart_lane(later), Some(Ok(())));
        supply.command(OpId(5), instruments()).unwrap();
        ends.borrow_mut().clear();
        assert_eq!(told(&mut supply).len(), 1);
    }

    #[test]
    fn a_lane_that_is_made_anew_is_told_what_still_rests() {
        let (mut supply, ends) = with_lanes();
        let rest = |what, span| Rest {
            what,
            span: Millis(span),
        };
        supply.rest(&rest(Resting::Everything, 10_000), MonoNs(0)).unwrap();
        supply.rest(&rest(Resting::Everything, 60_000), MonoNs(0)).unwrap();
        supply.rest(&rest(Resting::Everything, 5_000), MonoNs(0)).unwrap();
        supply
            .rest(&rest(Resting::Pool("weight".to_owned()), 1_500), MonoNs(0))
            .unwrap();
        ends.borrow_mut().clear();
        assert_eq!(told(&mut supply), []);
        assert!(supply.restart_lane(MonoNs(0).plus(Millis(1_000))).is_none());
        assert_eq!(supply.restart_lane(MonoNs(0).plus(Millis(2_000))), Some(Ok(())));
        let mut ends = ends.borrow_mut();
        let rests = ends[0].rests();
        assert!(rests.contains(&rest(Resting::Everything, 58_000)), "{rests:?}");
        assert!(!rests.iter().any(|r| r.what != Resting::Everything), "over: {rests:?}");
    }

    #[test]
    fn each_restart_waits_twice_as_long_up_to_a_minute() {
        let mut restart = Restart::default();
        let mut now = MonoNs(1);
        for wait in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert!(!restart.is_due(now), "it has only just broken");
            now = now.plus(Millis(wait - 1));
            assert!(!restart.is_due(now), "{wait}");
            now = now.plus(Millis(1));
            assert!(restart.is_due(now), "{wait}");
        }
    }
}

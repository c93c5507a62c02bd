//! One venue of a run: its driver, its bulk lane, and how its connector is made anew after a fault.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use colibri_abi::Connector;
use colibri_driver::bulk_lane::{BulkLane, BulkReport};
use colibri_driver::{ConnectorState, Driver};
use colibri_model::{Millis, MonoNs};

/// The first restart of a connector waits so long; each further one twice as long.
const FIRST_WAIT: Millis = Millis(1_000);
/// No restart waits longer.
const LONGEST_WAIT: Millis = Millis(60_000);

/// Makes a connector instance like the first one.
pub type Make = Box<dyn Fn() -> Result<Connector, String>>;

/// A venue.
pub struct Venue {
    /// Its driver.
    pub driver: Driver,
    lane: Option<BulkLane>,
    make: Make,
    restarts: u32,
}

impl Venue {
    /// A venue. `lane` carries what its connector declares as bulk.
    pub fn new(driver: Driver, lane: Option<BulkLane>, make: Make) -> Venue {
        Venue {
            driver,
            lane,
            make,
            restarts: 0,
        }
    }

    /// The bulk lane, while it runs.
    pub fn lane(&mut self) -> Option<&mut BulkLane> {
        self.lane.as_mut()
    }

    /// A report of the lane, where one is there. A lane that has ended is let go.
    pub fn poll_lane(&mut self, context: &mut Context<'_>) -> Poll<BulkReport> {
        let Some(lane) = &mut self.lane else {
            return Poll::Pending;
        };
        let next = pin!(lane.next()).poll(context);
        match next {
            Poll::Ready(Some(report)) => Poll::Ready(report),
            Poll::Ready(None) => {
                self.lane = None;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// A new connector where the old one has faulted and its wait is over; or why there is none.
    pub fn restarted(&mut self, now: MonoNs) -> Option<Result<Connector, String>> {
        let ConnectorState::Faulted { since, .. } = self.driver.state() else {
            return None;
        };
        let wait = Millis(
            FIRST_WAIT
                .0
                .saturating_mul(1 << self.restarts.min(16))
                .min(LONGEST_WAIT.0),
        );
        if now < since.plus(wait) {
            return None;
        }
        self.restarts += 1;
        Some((self.make)())
    }
}

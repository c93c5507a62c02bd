//! The exchange is gone for a while, and has announced nothing.

use colibri_driver::simulated_transport::Answers;
use colibri_driver::{DriverIndex, HttpFailure, HttpResponse, RequestId};
use colibri_model::{Millis, SplitMix64};

use super::fault::Fault;
use super::requests::respond;

/// What it does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Nothing listens.
    Restart,
    /// Front servers answer everything with 503.
    Maintenance,
}

impl Outage {
    /// The outage of a fault.
    #[must_use]
    pub fn of(fault: Fault) -> Outage {
        if fault == Fault::Maintenance {
            Outage::Maintenance
        } else {
            Outage::Restart
        }
    }

    /// How long it is to last.
    pub fn length(self, random: &mut SplitMix64) -> Millis {
        let (least, more) = match self {
            Outage::Restart => (1_000, 9_000),
            Outage::Maintenance => (5_000, 115_000),
        };
        Millis(least + random.below(more))
    }

    /// The status that a handshake is refused with; 0 where nobody answers.
    #[must_use]
    pub const fn handshake_status(self) -> u16 {
        match self {
            Outage::Restart => 0,
            Outage::Maintenance => 503,
        }
    }

    /// Answers a request: it was not executed.
    pub fn answer(self, driver: DriverIndex, request: RequestId, answers: &mut Answers) {
        match self {
            Outage::Restart => {
                answers.fail(driver, request, HttpFailure::NotSent("connection refused".to_owned()));
            }
            Outage::Maintenance => {
                let page = HttpResponse {
                    status: 503,
                    headers: vec![("content-type".to_owned(), "text/html".to_owned())],
                    body: b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>".to_vec(),
                };
                respond(answers, driver, request, Millis(0), page);
            }
        }
    }
}

//! What goes wrong on purpose, between the sockets and the exchange. By default nothing does.
//!
//! A plan counts and compares; it draws no random numbers and reads no clock, so the same traffic meets the same faults.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RequestFault {
    /// Nothing goes wrong.
    #[default]
    None,
    /// Answered with this status and an HTML body; the exchange never sees it.
    Refuse {
        /// The HTTP status, such as 503.
        status: u16,
    },
    /// Executed, but answered with this status and an HTML body: the client cannot know that it was executed.
    LoseReply {
        /// The HTTP status, such as 504.
        status: u16,
    },
    /// Executed at once; the answer comes late.
    Delay {
        /// How late.
        micros: Span,
    },
}

/// What becomes of a frame that the exchange sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FrameFault {
    /// Nothing goes wrong.
    #[default]
    None,
    /// It is never sent.
    Drop,
    /// It is never sent and the connection is cut without a close frame.
    Disconnect,
}

/// A fault for some of the requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRule {
    /// Requests whose `METHOD path` begins with this, such as `POST /api/v3/order`.
    pub prefix: String,
    /// Every how many of them, 1 or more; 1 is each.
    pub every: u64,
    /// What happens.
    pub fault: RequestFault,
}

/// A fault for some of the frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRule {
    /// Frames that contain this text, such as `depthUpdate`.
    pub contains: String,
    /// Every how many of them, 1 or more; 1 is each.
    pub every: u64,
    /// What happens.
    pub fault: FrameFault,
}

/// Which faults happen when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultPlan {
    /// The first rule that matches and whose turn it is decides.
    pub requests: Vec<RequestRule>,
    /// The first rule that matches and whose turn it is decides.
    pub frames: Vec<FrameRule>,
    #[serde(skip)]
    requests_seen: Vec<u64>,
    #[serde(skip)]
    frames_seen: Vec<u64>,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// A plan of these rules.
    pub fn new(requests: Vec<RequestRule>, frames: Vec<FrameRule>) -> Self {
        Self {
            requests,
            frames,
            ..Self::default()
        }
    }

    /// What becomes of the request `METHOD path`.
    pub fn on_request(&mut self, method_and_path: &str) -> RequestFault {
        self.requests_seen.resize(self.requests.len(), 0);
        for (rule, seen) in self.requests.iter().zip(&mut self.requests_seen) {
            if method_and_path.starts_with(&rule.prefix) && its_turn(seen, rule.every) {
                return rule.fault;
            }
        }
        RequestFault::None
    }

    /// What becomes of a text frame.
    pub fn on_frame(&mut self, text: &str) -> FrameFault {
        self.frames_seen.resize(self.frames.len(), 0);
        for (rule, seen) in self.frames.iter().zip(&mut self.frames_seen) {
            if text.contains(&rule.contains) && its_turn(seen, rule.every) {
                return rule.fault;
            }
        }
        FrameFault::None
    }
}

fn its_turn(seen: &mut u64, every: u64) -> bool {
    *seen += 1;
    seen.is_multiple_of(every.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_at_its_turn_alone() {
        let fault = RequestFault::LoseReply { status: 504 };
        let rule = RequestRule {
            prefix: "POST /api/v3/order".to_owned(),
            every: 2,
            fault,
        };
        let mut plan = FaultPlan::new(vec![rule], Vec::new());
        let seen: Vec<_> = (0..4).map(|_| plan.on_request("POST /api/v3/order")).collect();
        assert_eq!(seen, [RequestFault::None, fault, RequestFault::None, fault]);
        assert_eq!(plan.on_request("GET /api/v3/order"), RequestFault::None);
        assert_eq!(FaultPlan::none().on_frame("anything"), FrameFault::None);
    }
}

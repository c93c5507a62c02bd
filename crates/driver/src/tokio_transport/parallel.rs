//! One stream over several connections: of each frame the one that comes first is told, and the same frame on the others is
//! not. What is told is recorded as of one stream, so a replay needs no second connection.
//!
//! For public market data alone: every connection carries the same frames, byte for byte, in the same order. What must not
//! live here: knowing what a frame says.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio_tungstenite::Connector;
use twox_hash::XxHash3_128;

use super::TransportOptions;
use super::connection::Connection;
use crate::{DriverIndex, FrameKind, OutgoingFrame, StreamDial, StreamId, TransportEvent};

/// Frames that one connection may be behind another; those before are forgotten.
const BEHIND: usize = 4_096;
/// The first rest before a connection that is lost is opened anew; each further one twice as long until one is open.
const FIRST_REST: Duration = Duration::from_secs(5);
/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Which frames each connection has yet to bring because another was first.
#[derive(Debug)]
struct FirstWins {
    /// By connection; `None` while it is not open.
    owed: Vec<Option<VecDeque<u128>>>,
}

impl FirstWins {
    fn new(connections: usize) -> FirstWins {
        FirstWins {
            owed: vec![None; connections],
        }
    }

    fn opened(&mut self, at: usize) {
        self.owed[at] = Some(VecDeque::new());
    }

    fn closed(&mut self, at: usize) {
        self.owed[at] = None;
    }

    /// Whether no other connection has brought this frame already. The same frame twice on one connection is two frames.
    fn is_first(&mut self, at: usize, bytes: &[u8]) -> bool {
        let name = XxHash3_128::oneshot(bytes);
        if let Some(owed) = &mut self.owed[at]
            && let Some(place) = owed.iter().position(|other| *other == name)
        {
            owed.remove(place);
            return false;
        }
        for (other, owed) in self.owed.iter_mut().enumerate() {
            if let Some(owed) = owed.as_mut().filter(|_| other != at) {
                if owed.len() == BEHIND {
                    owed.pop_front();
                }
                owed.push_back(name);
            }
        }
        true
    }
}

enum Lane {
    Connected(Box<Connection>),
    Resting(Pin<Box<tokio::time::Sleep>>),
}

/// Several connections as one.
pub(super) struct Parallel {
    driver: DriverIndex,
    dial: StreamDial,
    options: TransportOptions,
    tls: Option<Connector>,
    lanes: Vec<Lane>,
    rests: Vec<u32>,
    first: FirstWins,
    /// What was sent, for a connection that opens later.
    said: Vec<OutgoingFrame>,
    told: Told,
    turn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Opened,
}

impl Parallel {
    pub(super) fn dial(
        driver: DriverIndex,
        dial: StreamDial,
        options: &TransportOptions,
        tls: Option<Connector>,
        connections: usize,
    ) -> Parallel {
        let lane = |_| Lane::Connected(Box::new(Connection::dial(driver, dial.clone(), options, tls.clone())));
        Parallel {
            driver,
            lanes: (0..connections).map(lane).collect(),
            rests: vec![0; connections],
            first: FirstWins::new(connections),
            dial,
            options: options.clone(),
            tls,
            said: Vec::new(),
            told: Told::Nothing,
            turn: 0,
        }
    }

    pub(super) fn is(&self, driver: DriverIndex, id: StreamId) -> bool {
        self.driver == driver && self.dial.id == id
    }

    pub(super) const fn driver(&self) -> DriverIndex {
        self.driver
    }

    /// Writes a frame on every connection that is open.
    ///
    /// # Errors
    /// Why no byte of it was written on any.
    pub(super) fn send(&mut self, frame: &OutgoingFrame) -> Result<(), String> {
        let mut result = Err("the stream is not open".to_owned());
        for lane in &mut self.lanes {
            if let Lane::Connected(connection) = lane {
                match (connection.send(frame), &result) {
                    (Ok(()), _) => result = Ok(()),
                    (Err(why), Err(_)) => result = Err(why),
                    (Err(_), Ok(())) => {}
                }
            }
        }
        if result.is_ok() && frame.kind != FrameKind::Ping {
            self.said.push(frame.clone());
        }
        result
    }

    /// Says goodbye on every connection and lets go.
    pub(super) fn close(&mut self, code: u16) {
        for lane in &mut self.lanes {
            if let Lane::Connected(connection) = lane {
                connection.close(code);
            }
        }
    }

    /// The next thing that happens to the stream. It is closed when its last connection is.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<TransportEvent> {
        let count = self.lanes.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            while let Poll::Ready(event) = self.poll_lane(at, context) {
                if let Some(event) = event {
                    self.turn = (at + 1) % count;
                    return Poll::Ready(event);
                }
            }
        }
        Poll::Pending
    }

    /// What happens on one connection: `None` is nothing to tell of.
    fn poll_lane(&mut self, at: usize, context: &mut Context<'_>) -> Poll<Option<TransportEvent>> {
        let event = match &mut self.lanes[at] {
            Lane::Resting(sleep) => {
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                let again = Connection::dial(self.driver, self.dial.clone(), &self.options, self.tls.clone());
                self.lanes[at] = Lane::Connected(Box::new(again));
                return Poll::Ready(None);
            }
            Lane::Connected(connection) => match connection.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(event) => event,
            },
        };
        Poll::Ready(match event {
            TransportEvent::StreamOpened { .. } => self.opened(at, event),
            TransportEvent::StreamClosed { .. } => self.closed(at, event),
            TransportEvent::Frame { ref bytes, .. } if !self.first.is_first(at, bytes.as_slice()) => None,
            other => Some(other),
        })
    }

    fn opened(&mut self, at: usize, event: TransportEvent) -> Option<TransportEvent> {
        self.first.opened(at);
        self.rests[at] = 0;
        if self.told == Told::Nothing {
            self.told = Told::Opened;
            return Some(event);
        }
        if let Lane::Connected(connection) = &mut self.lanes[at] {
            for frame in &self.said {
                // A connection that does not take it ends, and is opened anew.
                if connection.send(frame).is_err() {
                    break;
                }
            }
        }
        None
    }

    #[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
    fn closed(&mut self, at: usize, event: TransportEvent) -> Option<TransportEvent> {
        self.first.closed(at);
        let rest = FIRST_REST.saturating_mul(1 << self.rests[at].min(6)).min(LONGEST_REST);
        self.rests[at] += 1;
        self.lanes[at] = Lane::Resting(Box::pin(tokio::time::sleep(rest)));
        let connected = self.lanes.iter().filter(|l| matches!(l, Lane::Connected(_)));
        let left = match self.told {
            // Another one may still open.
            Told::Nothing => connected.count(),
            Told::Opened => self.first.owed.iter().flatten().count(),
        };
        (left == 0).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn open() -> FirstWins {
        let mut first = FirstWins::new(2);
        first.opened(0);
        first.opened(1);
        first
    }

    #[test]
    fn the_same_frame_twice_on_one_connection_is_two_frames() {
        let mut first = open();
        assert!(first.is_first(0, b"pong") && first.is_first(0, b"pong"));
        assert!(!first.is_first(1, b"pong") && !first.is_first(1, b"pong"));
        assert!(first.is_first(1, b"pong"));
    }

    #[test]
    fn a_connection_that_opens_anew_owes_nothing() {
        let mut first = open();
        first.closed(1);
        assert!(first.is_first(0, b"1"));
        first.opened(1);
        assert!(first.is_first(0, b"2"));
        assert!(!first.is_first(1, b"2") && first.is_first(1, b"3"));
        assert!(!first.is_first(0, b"3"));
    }

    proptest! {
        /// However two connections take turns, each frame is told once and in order.
        #[test]
        fn each_frame_is_told_once_and_in_order(turns in proptest::collection::vec(any::<bool>(), 0..400)) {
            let mut first = open();
            let (mut next, mut told) = ([0_u64; 2], Vec::new());
            for turn in turns {
                let at = usize::from(turn);
                if first.is_first(at, &next[at].to_le_bytes()) {
                    told.push(next[at]);
                }
                next[at] += 1;
            }
            let expected: Vec<u64> = (0..next[0].max(next[1])).collect();
            prop_assert_eq!(told, expected);
        }
    }
}

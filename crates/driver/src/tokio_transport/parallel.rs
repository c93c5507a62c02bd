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

/// Frames that one connection may be behind another. One that is further behind is given up: what it would bring is old,
/// and could no longer be told from what is new.
const BEHIND: usize = 4_096;
/// Frames told before a connection opened that it may bring once more, because it is slower than those that told them.
const RECENT: usize = 1_024;
/// Frames said that are kept for a connection that opens later. With more, one that is lost is not opened anew.
const MOST_SAID: usize = 512;
/// Between two frames that a connection is told which opened later, and after the last of them until it counts: exchanges
/// limit how many they take in a second, and a subscription takes a moment to have effect.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(500);
/// The first rest before a connection that is lost is opened anew; each further one twice as long until one serves.
const FIRST_REST: Duration = Duration::from_secs(5);
/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Which frames each connection has yet to bring because another was first.
#[derive(Debug)]
struct FirstWins {
    /// By connection; `None` while it is not open.
    owed: Vec<Option<VecDeque<u128>>>,
    /// What was told last, by whichever.
    recent: VecDeque<u128>,
}

impl FirstWins {
    fn new(connections: usize) -> FirstWins {
        FirstWins {
            owed: vec![None; connections],
            recent: VecDeque::new(),
        }
    }

    /// Another may have been quicker with what this one begins with.
    fn opened(&mut self, at: usize) {
        self.owed[at] = Some(self.recent.clone());
    }

    fn closed(&mut self, at: usize) {
        self.owed[at] = None;
    }

    fn is_open(&self, at: usize) -> bool {
        self.owed[at].is_some()
    }

    /// A connection that is so far behind that it is of no use.
    fn too_far_behind(&self) -> Option<usize> {
        self.owed
            .iter()
            .position(|owed| owed.as_ref().is_some_and(|owed| owed.len() > BEHIND))
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
                owed.push_back(name);
            }
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(name);
        true
    }
}

enum Lane {
    Connected(Box<Connection>),
    Resting(Pin<Box<tokio::time::Sleep>>),
}

/// A connection that opened later and is being told what was said before.
struct CatchUp {
    /// How many frames it was told.
    said: usize,
    /// When the next one is due.
    due: Pin<Box<tokio::time::Sleep>>,
}

#[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
fn sleep(wait: Duration) -> Pin<Box<tokio::time::Sleep>> {
    Box::pin(tokio::time::sleep(wait))
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
    /// What was sent, for a connection that opens later; more than [`MOST_SAID`] is not all of it.
    said: Vec<OutgoingFrame>,
    /// Those that have not been told all of it yet, by connection.
    behind: Vec<Option<CatchUp>>,
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
            behind: (0..connections).map(|_| None).collect(),
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

    /// Writes a frame on every connection that is open. One that is still told of earlier ones gets it after them; one that
    /// does not take what another took is given up, for it no longer carries the same.
    ///
    /// # Errors
    /// Why no byte of it was written on any.
    pub(super) fn send(&mut self, frame: &OutgoingFrame) -> Result<(), String> {
        let mut result = Err("the stream is not open".to_owned());
        let mut refusing = Vec::new();
        for (at, lane) in self.lanes.iter_mut().enumerate() {
            let Lane::Connected(connection) = lane else {
                continue;
            };
            if self.behind[at].is_some() && frame.kind != FrameKind::Ping {
                continue;
            }
            match connection.send(frame) {
                Ok(()) => result = Ok(()),
                Err(why) => {
                    if self.first.is_open(at) {
                        refusing.push(at);
                    }
                    if result.is_err() {
                        result = Err(why);
                    }
                }
            }
        }
        if result.is_ok() && frame.kind != FrameKind::Ping {
            for at in refusing {
                self.rest(at);
            }
            if self.said.len() <= MOST_SAID {
                self.said.push(frame.clone());
            }
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
        self.catch_up(at, context);
        let event = match &mut self.lanes[at] {
            Lane::Resting(sleep) => {
                if self.said.len() > MOST_SAID || sleep.as_mut().poll(context).is_pending() {
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
            TransportEvent::Frame { ref bytes, .. } => {
                let first = self.first.is_first(at, bytes.as_slice());
                self.served(at);
                first.then_some(event)
            }
            other => Some(other),
        })
    }

    /// Whether what is said is brought here from now on.
    fn serves(&self, at: usize) -> bool {
        self.first.is_open(at) && self.behind[at].is_none()
    }

    /// A frame came: others that are too far behind this connection are given up.
    fn served(&mut self, at: usize) {
        if !self.serves(at) {
            return;
        }
        self.rests[at] = 0;
        while let Some(other) = self.first.too_far_behind().filter(|other| *other != at) {
            self.rest(other);
        }
    }

    fn opened(&mut self, at: usize, event: TransportEvent) -> Option<TransportEvent> {
        self.first.opened(at);
        if self.told == Told::Nothing {
            self.told = Told::Opened;
            return Some(event);
        }
        if self.said.len() > MOST_SAID {
            self.rest(at);
        } else if !self.said.is_empty() {
            self.behind[at] = Some(CatchUp {
                said: 0,
                due: sleep(Duration::ZERO),
            });
        }
        None
    }

    /// Tells a connection what was said before it opened, a frame at a time.
    fn catch_up(&mut self, at: usize, context: &mut Context<'_>) {
        while let Some(behind) = &mut self.behind[at] {
            if behind.due.as_mut().poll(context).is_pending() {
                return;
            }
            let (Some(frame), Lane::Connected(connection)) = (self.said.get(behind.said), &mut self.lanes[at]) else {
                self.behind[at] = None;
                return;
            };
            if connection.send(frame).is_err() {
                self.rest(at);
                return;
            }
            behind.said += 1;
            behind.due = sleep(CATCH_UP_PAUSE);
        }
    }

    /// Lets go of a connection; it is opened anew after a while.
    fn rest(&mut self, at: usize) {
        self.first.closed(at);
        self.behind[at] = None;
        let wait = FIRST_REST.saturating_mul(1 << self.rests[at].min(6)).min(LONGEST_REST);
        self.rests[at] = self.rests[at].saturating_add(1);
        self.lanes[at] = Lane::Resting(sleep(wait));
    }

    fn closed(&mut self, at: usize, event: TransportEvent) -> Option<TransportEvent> {
        self.rest(at);
        let left = match self.told {
            // Another one may still open.
            Told::Nothing => self.lanes.iter().any(|lane| matches!(lane, Lane::Connected(_))),
            // One that has not been told everything yet would leave a gap that nobody hears of.
            Told::Opened => (0..self.lanes.len()).any(|other| self.serves(other)),
        };
        (!left).then_some(event)
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
    fn a_connection_that_opens_anew_does_not_tell_again_what_was_told() {
        let mut first = open();
        first.closed(1);
        assert!(first.is_first(0, b"0") && first.is_first(0, b"1"));
        first.opened(1);
        assert!(!first.is_first(1, b"1"), "it is slower, and begins with what was told");
        assert!(first.is_first(0, b"2"));
        assert!(!first.is_first(1, b"2") && first.is_first(1, b"3"));
        assert!(!first.is_first(0, b"3"));
    }

    #[test]
    fn a_connection_that_is_too_far_behind_is_known() {
        let mut first = open();
        for number in 0..BEHIND {
            assert!(first.is_first(0, &number.to_le_bytes()));
        }
        assert_eq!(first.too_far_behind(), None);
        assert!(
            !first.is_first(1, &0_usize.to_le_bytes()),
            "it is still known what is old"
        );
        assert!(first.is_first(0, b"more") && first.is_first(0, b"and more"));
        assert_eq!(first.too_far_behind(), Some(1));
        first.closed(1);
        assert_eq!(first.too_far_behind(), None);
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

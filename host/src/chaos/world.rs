//! The other side of the wires: the local exchange in virtual time, and the faults between it and the host.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_driver::simulated_transport::{Answers, World};
use colibri_driver::{
    DriverIndex, Effect, FrameKind, HostTime, HttpRequest, HttpResponse, RequestId, StreamDial, StreamId,
    TransportEvent,
};
use colibri_model::{Millis, MonoNs, SplitMix64};
use colibri_sim::binance::SocketPath;
use colibri_sim::identity::{AccountId, ConnectionId};
use colibri_sim::matching::Engine;
use colibri_sim::time::{Span, Timestamp};
use colibri_sim::venue::Venue;

use super::ends::Denials;
use super::fault::{Fault, Place};
use super::outage::Outage;
use super::outsider::{Outsider, account};
use super::requests::respond;
use super::stage::{Face, Stage};
use super::wire;

/// A stream as the exchange's end knows it.
pub(super) struct Wire {
    pub(super) driver: DriverIndex,
    pub(super) stream: StreamId,
    /// Nothing comes through, in either direction.
    pub(super) silent: bool,
    /// A frame that the next one overtakes.
    pub(super) held: Option<String>,
}

/// The exchange behind bad wires.
pub struct FaultyExchange {
    /// The exchange.
    pub venue: Venue,
    /// Where the host trades.
    pub stage: Stage,
    /// How often each fault has struck.
    pub struck: BTreeMap<Fault, u64>,
    /// Answers of the exchange itself that say that a limit was exceeded.
    pub limits_exceeded: Vec<String>,
    /// Orders that were denied to the host.
    pub denials: Denials,
    /// What somebody else does with the account.
    pub outsider: Outsider,
    /// Microseconds since 1970 at monotonic time zero.
    epoch: i64,
    pub(super) random: SplitMix64,
    pub(super) wires: BTreeMap<ConnectionId, Wire>,
    by_stream: BTreeMap<(DriverIndex, StreamId), ConnectionId>,
    pub(super) armed: VecDeque<Fault>,
    pub(super) delayed: BTreeMap<(MonoNs, DriverIndex, RequestId), HttpRequest>,
    /// Answers to reads, by what was asked.
    pub(super) answered: BTreeMap<String, (MonoNs, HttpResponse)>,
    /// The first snapshot of each book since the last that was repeated, by what was asked.
    pub(super) snapshots: BTreeMap<String, HttpResponse>,
    /// When an order of this name was last placed or cancelled.
    pub(super) written: BTreeMap<String, MonoNs>,
    /// Nothing is answered until then.
    pub(super) outage: Option<(Outage, MonoNs)>,
    /// Drivers whose process has ended.
    gone: BTreeSet<DriverIndex>,
    /// When the exchange was last looked at by the clock.
    looked: Timestamp,
}

/// How often what the exchange does by its clock is looked at, where contracts are traded.
const LOOK: Span = Span::from_millis(100);

impl FaultyExchange {
    /// An exchange that opens at `epoch`, microseconds since 1970, where the monotonic clock is zero.
    #[must_use]
    pub fn new((venue, stage): (Venue, Stage), outsider: Outsider, epoch: i64, seed: u64) -> FaultyExchange {
        FaultyExchange {
            venue,
            stage,
            struck: BTreeMap::new(),
            limits_exceeded: Vec::new(),
            denials: Denials::default(),
            outsider,
            epoch,
            random: SplitMix64::new(seed),
            wires: BTreeMap::new(),
            by_stream: BTreeMap::new(),
            armed: VecDeque::new(),
            delayed: BTreeMap::new(),
            answered: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            written: BTreeMap::new(),
            outage: None,
            gone: BTreeSet::new(),
            looked: Timestamp::from_micros(epoch),
        }
    }

    /// The engine of a face that the host trades at.
    #[must_use]
    pub fn engine(&self, face: Face) -> Option<&Engine> {
        match face {
            _ if !self.stage.has(face) => None,
            Face::Spot => Some(self.venue.spot_face().engine()),
            Face::Contracts => Some(self.venue.contracts_face()?.engine()),
        }
    }

    /// The faces that the host trades at, each with its engine and the account there.
    pub fn faces(&self) -> impl Iterator<Item = (Face, &Engine, AccountId)> {
        self.stage.faces().iter().filter_map(|face| {
            let engine = self.engine(*face)?;
            Some((*face, engine, account(engine)?))
        })
    }

    /// The exchange's time.
    #[must_use]
    pub fn timestamp(&self, at: MonoNs) -> Timestamp {
        Timestamp::from_micros(self.epoch.saturating_add_unsigned(at.0 / 1_000))
    }

    /// The next thing of its place meets this fault.
    pub fn arm(&mut self, fault: Fault) {
        self.armed.push_back(fault);
    }

    /// Faults that have struck.
    #[must_use]
    pub fn struck_count(&self) -> u64 {
        self.struck.values().sum()
    }

    /// From now on nothing goes wrong any more.
    pub fn clear_up(&mut self, at: MonoNs) {
        self.armed.clear();
        self.outage = None;
        let now = self.timestamp(at);
        self.outsider.clear_up(&mut self.venue, now);
    }

    /// Somebody else's orders that may trade at any moment are cancelled.
    pub fn leave_the_market(&mut self, at: MonoNs) {
        let now = self.timestamp(at);
        self.outsider.leave_the_market(&mut self.venue, now);
    }

    /// A process has ended: its connections break.
    pub fn forget(&mut self, driver: DriverIndex, at: MonoNs) {
        let now = self.timestamp(at);
        self.gone.insert(driver);
        let its: Vec<ConnectionId> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.driver == driver)
            .map(|(id, _)| *id)
            .collect();
        for id in its {
            self.disconnect(id, now);
        }
    }

    /// Counts a fault that has struck.
    pub fn strike(&mut self, fault: Fault) {
        *self.struck.entry(fault).or_default() += 1;
    }

    pub(super) fn disconnect(&mut self, id: ConnectionId, now: Timestamp) {
        if let Some(wire) = self.wires.remove(&id) {
            self.by_stream.remove(&(wire.driver, wire.stream));
        }
        self.venue.ws_close(id, now);
    }

    /// The first fault that waits for this place.
    pub(super) fn armed_for(&mut self, place: Place) -> Option<Fault> {
        if self.armed.front().is_some_and(|fault| fault.place() == place) {
            return self.armed.pop_front();
        }
        let at = self.armed.iter().position(|fault| fault.place() == place)?;
        self.armed.remove(at)
    }

    fn open(&mut self, at: MonoNs, driver: DriverIndex, dial: &StreamDial, answers: &mut Answers) {
        let stream = dial.id;
        if let Some((outage, _)) = self.outage {
            return answers.closed(driver, stream, outage.handshake_status(), "the handshake was refused");
        }
        match self.armed_for(Place::Handshake) {
            Some(Fault::HandshakeSilent) => {
                self.strike(Fault::HandshakeSilent);
                let reason = "the handshake was not answered in time".to_owned();
                let closed = TransportEvent::StreamClosed {
                    stream,
                    code: 0,
                    reason,
                };
                return answers.send_after(dial.deadline, driver, closed);
            }
            Some(fault) => {
                self.strike(fault);
                let code = [429, 403, 503, 500][usize::try_from(self.random.below(4)).unwrap_or(0)];
                return answers.closed(driver, stream, code, "the handshake was refused");
            }
            None => {}
        }
        let (path, query) = wire::path_and_query(&dial.url);
        let now = self.timestamp(at);
        let Some(path) = SocketPath::parse(path) else {
            return answers.closed(driver, stream, 404, "no such path");
        };
        match self.venue.ws_open(&path, query, wire::HOST, now) {
            Ok(id) => {
                let wire = Wire {
                    driver,
                    stream,
                    silent: false,
                    held: None,
                };
                self.wires.insert(id, wire);
                self.by_stream.insert((driver, stream), id);
                answers.opened(driver, stream);
            }
            Err(refused) => {
                if matches!(refused.status, 418 | 429) {
                    self.limits_exceeded.push(format!("handshake: {}", refused.body));
                }
                answers.closed(driver, stream, refused.status, "the handshake was refused");
            }
        }
    }

    fn cut_all(&mut self, now: Timestamp, (code, reason): (u16, &str), answers: &mut Answers) {
        let all: Vec<_> = self.wires.iter().map(|(id, w)| (*id, w.driver, w.stream)).collect();
        for (id, driver, stream) in all {
            self.disconnect(id, now);
            answers.closed(driver, stream, code, reason);
        }
    }

    /// What is armed for the exchange itself happens.
    fn strike_exchange(&mut self, at: MonoNs, answers: &mut Answers) {
        while let Some(fault) = self.armed_for(Place::Exchange) {
            let now = self.timestamp(at);
            let struck = match fault {
                Fault::Shutdown => {
                    self.venue.announce_shutdown(now);
                    self.deliver(at, answers);
                    self.cut_all(now, (1001, "Server shutdown"), answers);
                    true
                }
                Fault::ExchangeRestart | Fault::Maintenance => {
                    let outage = Outage::of(fault);
                    self.outage = Some((outage, at.plus(outage.length(&mut self.random))));
                    self.delayed.clear();
                    self.cut_all(now, (0, "connection reset"), answers);
                    true
                }
                _ => self
                    .outsider
                    .act(fault, (&mut self.venue, self.stage), &mut self.random, now),
            };
            if struck {
                self.strike(fault);
            }
        }
    }
}

impl World for FaultyExchange {
    fn arrived(&mut self, time: HostTime, driver: DriverIndex, effect: &Effect, answers: &mut Answers) {
        let at = time.mono;
        let now = self.timestamp(at);
        match effect {
            Effect::Http(request) => self.http(at, driver, request, answers),
            Effect::AbandonHttp(_) => {}
            // A process that has ended opens nothing: what it wrote before may still be executed.
            Effect::OpenStream(_) if self.gone.contains(&driver) => {}
            Effect::OpenStream(dial) => self.open(at, driver, dial, answers),
            Effect::SendFrame(frame) => {
                if let Some(id) = self.by_stream.get(&(driver, frame.stream)).copied()
                    && self.wires.get(&id).is_some_and(|wire| !wire.silent)
                    && frame.kind == FrameKind::Text
                {
                    let text = String::from_utf8_lossy(&frame.bytes);
                    self.note_written(&text, at);
                    self.venue.ws_message(id, &text, now);
                }
            }
            Effect::CloseStream { stream, .. } => {
                if let Some(id) = self.by_stream.get(&(driver, *stream)).copied() {
                    self.disconnect(id, now);
                }
            }
        }
        self.deliver(at, answers);
    }

    fn next(&self) -> Option<MonoNs> {
        // Contracts have ticks between those at which books are sent: they are made up for at the next of these.
        let due = match self.stage {
            Stage::Spot => self.venue.next_due(),
            Stage::Contracts | Stage::Both => self.venue.next_due().max(self.looked.window_start(LOOK).after(LOOK)),
        };
        let micros = due.micros().saturating_sub(self.epoch);
        let due = MonoNs(u64::try_from(micros).unwrap_or(0).saturating_mul(1_000));
        let delayed = self.delayed.keys().next().map(|(at, ..)| *at);
        Some(delayed.into_iter().fold(due, MonoNs::min))
    }

    fn act(&mut self, time: HostTime, answers: &mut Answers) {
        let at = time.mono;
        let now = self.timestamp(at);
        self.venue.advance(now);
        self.looked = now;
        self.strike_exchange(at, answers);
        if self.outage.is_some_and(|(_, until)| until <= at) {
            self.outage = None;
        }
        self.outsider.undo_if_due(&mut self.venue, now);
        while let Some(first) = self.delayed.first_entry().filter(|first| first.key().0 <= at) {
            let driver = first.key().1;
            let request = first.remove();
            let answer = self.ask(at, &request);
            respond(answers, driver, request.id, Millis(0), answer);
        }
        self.deliver(at, answers);
    }
}

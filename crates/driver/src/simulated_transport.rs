//! The transport in virtual time: the same effects and events, a world of the test's making on the other side, latency from
//! a seed, no socket.
//!
//! An effect takes a while to arrive, what the world answers takes a while to come back, and frames of a stream keep their
//! order. The same seed gives the same run.

use std::collections::BTreeMap;

use colibri_model::{Millis, MonoNs, SplitMix64, WallNs};

use crate::{
    DriverIndex, Effect, FrameKind, HostTime, HttpFailure, HttpResponse, OutgoingFrame, RequestId, StreamDial,
    StreamId, TransportEvent,
};

/// The other side: what is at the end of the wires.
pub trait World {
    /// An effect has arrived.
    fn arrived(&mut self, time: HostTime, driver: DriverIndex, effect: &Effect, answers: &mut Answers);

    /// When the world does something by itself next; nothing by default.
    fn next(&self) -> Option<MonoNs> {
        None
    }

    /// That time has come.
    fn act(&mut self, time: HostTime, answers: &mut Answers) {
        let _ = (time, answers);
    }
}

impl<F: FnMut(HostTime, DriverIndex, &Effect, &mut Answers)> World for F {
    fn arrived(&mut self, time: HostTime, driver: DriverIndex, effect: &Effect, answers: &mut Answers) {
        self(time, driver, effect, answers);
    }
}

/// What a world sends back.
#[derive(Debug, Default)]
pub struct Answers {
    events: Vec<(Millis, DriverIndex, TransportEvent)>,
}

impl Answers {
    /// Sends an event, so long after now, the wire's latency apart.
    pub fn send_after(&mut self, delay: Millis, driver: DriverIndex, event: TransportEvent) {
        self.events.push((delay, driver, event));
    }

    /// Answers a request.
    pub fn answer(&mut self, driver: DriverIndex, request: RequestId, status: u16, body: impl Into<Vec<u8>>) {
        let answer = HttpResponse {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        let result = Ok(answer);
        self.send_after(Millis(0), driver, TransportEvent::Http { request, result });
    }

    /// Fails a request.
    pub fn fail(&mut self, driver: DriverIndex, request: RequestId, failure: HttpFailure) {
        let result = Err(failure);
        self.send_after(Millis(0), driver, TransportEvent::Http { request, result });
    }

    /// Completes a stream's handshake.
    pub fn opened(&mut self, driver: DriverIndex, stream: StreamId) {
        self.send_after(Millis(0), driver, TransportEvent::StreamOpened { stream });
    }

    /// Sends a text frame.
    pub fn text(&mut self, driver: DriverIndex, stream: StreamId, text: impl Into<String>) {
        let event = TransportEvent::Frame {
            stream,
            kind: FrameKind::Text,
            bytes: text.into().into_bytes().into(),
        };
        self.send_after(Millis(0), driver, event);
    }

    /// Closes a stream.
    pub fn closed(&mut self, driver: DriverIndex, stream: StreamId, code: u16, reason: impl Into<String>) {
        let reason = reason.into();
        self.send_after(Millis(0), driver, TransportEvent::StreamClosed { stream, code, reason });
    }
}

/// How long a message takes one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// At least.
    pub min: Millis,
    /// At most.
    pub max: Millis,
}

#[derive(Debug)]
enum Underway {
    ToWorld(Effect),
    ToDriver(TransportEvent),
}

/// A wire: what keeps its order.
type Wire = (DriverIndex, Option<StreamId>);

/// The transport in virtual time.
#[derive(Debug)]
pub struct SimulatedTransport<W> {
    /// The other side.
    pub world: W,
    latency: Latency,
    random: SplitMix64,
    epoch: WallNs,
    underway: BTreeMap<(MonoNs, u64), (DriverIndex, Underway)>,
    /// Until when each stream's last message is underway, to the world and back.
    last: BTreeMap<(Wire, Direction), MonoNs>,
    sequence: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Direction {
    There,
    Back,
}

fn stream_of(event: &TransportEvent) -> Option<StreamId> {
    match event {
        TransportEvent::Http { .. } => None,
        TransportEvent::StreamOpened { stream }
        | TransportEvent::Frame { stream, .. }
        | TransportEvent::Pinged { stream }
        | TransportEvent::FrameRefused { stream, .. }
        | TransportEvent::StreamClosed { stream, .. } => Some(*stream),
    }
}

impl<W: World> SimulatedTransport<W> {
    /// A transport to a world. `epoch` is the wall clock at monotonic time zero.
    #[must_use]
    pub fn new(world: W, latency: Latency, epoch: WallNs, seed: u64) -> SimulatedTransport<W> {
        SimulatedTransport {
            world,
            latency,
            random: SplitMix64::new(seed),
            epoch,
            underway: BTreeMap::new(),
            last: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Both clocks at a monotonic time.
    #[must_use]
    pub fn time_at(&self, mono: MonoNs) -> HostTime {
        HostTime::new(mono, WallNs(self.epoch.0.saturating_add_unsigned(mono.0)))
    }

    fn send(&mut self, now: MonoNs, wire: Wire, direction: Direction, what: Underway) {
        let Latency { min, max } = self.latency;
        let span = max.0.saturating_sub(min.0).saturating_mul(1_000_000);
        let mut at = MonoNs(now.plus(min).0 + self.random.below(span + 1));
        if wire.1.is_some() {
            let last = self.last.entry((wire, direction)).or_default();
            at = at.max(*last);
            *last = at;
        }
        self.sequence += 1;
        self.underway.insert((at, self.sequence), (wire.0, what));
    }

    /// Carries an effect out.
    pub fn execute(&mut self, now: MonoNs, driver: DriverIndex, effect: Effect) {
        let effect = match effect {
            Effect::Http(request) => {
                let id = request.id;
                match request.complete() {
                    Ok(request) => Effect::Http(request),
                    Err(failure) => {
                        let (request, result) = (id, Err(failure));
                        let event = TransportEvent::Http { request, result };
                        self.send(now, (driver, None), Direction::Back, Underway::ToDriver(event));
                        return;
                    }
                }
            }
            Effect::SendFrame(frame) => {
                let (stream, frame_id) = (frame.stream, frame.id);
                match frame.complete() {
                    Ok(frame) => Effect::SendFrame(frame),
                    Err(reason) => {
                        let frame = frame_id;
                        let event = TransportEvent::FrameRefused { stream, frame, reason };
                        self.send(now, (driver, Some(stream)), Direction::Back, Underway::ToDriver(event));
                        return;
                    }
                }
            }
            other => other,
        };
        let stream = match &effect {
            Effect::Http(_) => None,
            Effect::AbandonHttp(request) => {
                // Nobody waits for it: it arrives all the same, and its answer is dropped.
                let request = *request;
                self.drop_answers(
                    driver,
                    |e| matches!(e, TransportEvent::Http { request: r, .. } if *r == request),
                );
                None
            }
            Effect::OpenStream(StreamDial { id, .. }) => Some(*id),
            Effect::SendFrame(OutgoingFrame { stream, .. }) => Some(*stream),
            Effect::CloseStream { stream, .. } => {
                let stream = *stream;
                self.drop_answers(driver, |e| stream_of(e) == Some(stream));
                Some(stream)
            }
        };
        self.send(now, (driver, stream), Direction::There, Underway::ToWorld(effect));
    }

    fn drop_answers(&mut self, driver: DriverIndex, matching: impl Fn(&TransportEvent) -> bool) {
        self.underway
            .retain(|_, (to, what)| !matches!(what, Underway::ToDriver(event) if *to == driver && matching(event)));
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Option<MonoNs> {
        let underway = self.underway.keys().next().map(|(at, _)| *at);
        underway.into_iter().chain(self.world.next()).min()
    }

    /// The next event up to a time, with its own time.
    pub fn next(&mut self, until: MonoNs) -> Option<(HostTime, DriverIndex, TransportEvent)> {
        while let Some(at) = self.next_at().filter(|at| *at <= until) {
            let time = self.time_at(at);
            let mut answers = Answers::default();
            match self.underway.first_entry().filter(|first| first.key().0 <= at) {
                Some(first) => match first.remove() {
                    (driver, Underway::ToDriver(event)) => return Some((time, driver, event)),
                    (driver, Underway::ToWorld(effect)) => self.world.arrived(time, driver, &effect, &mut answers),
                },
                None => self.world.act(time, &mut answers),
            }
            for (delay, driver, event) in answers.events {
                let wire = (driver, stream_of(&event));
                self.send(at.plus(delay), wire, Direction::Back, Underway::ToDriver(event));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use colibri_abi::outcome_kind;
    use colibri_model::OpId;
    use colibri_standard::Outcome;

    use super::*;
    use crate::driver::tests::{Heard, Told, balances, finish, ordinary, scripted, setup, unsupported};
    use crate::{Driver, Input, LimitShare, Limiter};

    /// Runs a driver against a world for so long, in virtual time.
    fn run<W: World>(driver: &mut Driver, told: &mut Told, transport: &mut SimulatedTransport<W>, from: u64, to: u64) {
        let until = MonoNs(to * 1_000_000);
        let mut now = MonoNs(from * 1_000_000);
        loop {
            for effect in driver.take_effects() {
                transport.execute(now, DriverIndex(0), effect);
            }
            let wake = driver.next_wake().map(|w| w.max(now));
            let next = wake.into_iter().chain(transport.next_at()).min();
            let Some(at) = next.filter(|at| *at <= until) else {
                return;
            };
            if let Some((time, _, event)) = transport.next(at) {
                now = time.mono;
                driver.post(time, event.as_input(), told);
            } else {
                now = at;
                driver.post(transport.time_at(at), Input::Wake, told);
            }
        }
    }

    fn simulate(seed: u64) -> (Vec<(OpId, Outcome)>, usize, Vec<u64>) {
        let (connector, heard) = scripted(|now, heard, out| match heard {
            Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
            Heard::Ended(op, outcome_kind::UNKNOWN) => finish(*op, &Outcome::Done, out),
            _ => ordinary(now, heard, out),
        });
        let mut arrivals = Vec::new();
        let mut requests = 0;
        let world = |time: HostTime, driver: DriverIndex, effect: &Effect, answers: &mut Answers| {
            if let Effect::Http(request) = effect {
                arrivals.push(time.mono.0);
                requests += 1;
                match requests % 4 {
                    // No answer at all.
                    0 => {}
                    1 => answers.fail(driver, request.id, HttpFailure::Unknown("cut".into())),
                    _ => answers.answer(driver, request.id, 200, ""),
                }
            }
        };
        let latency = Latency {
            min: Millis(5),
            max: Millis(50),
        };
        let mut transport = SimulatedTransport::new(world, latency, WallNs::from_millis(1_700_000_000_000), seed);
        let mut driver = Driver::new(&setup(), connector, Limiter::shared(LimitShare::WHOLE)).unwrap();
        let mut told = Told::default();
        let start = transport.time_at(MonoNs(1_000_000_000));
        driver.post(start, Input::Wake, &mut told);
        for op in 1..=20 {
            let command = balances();
            driver.post(
                start,
                Input::Command {
                    op: OpId(op),
                    command: &command,
                },
                &mut told,
            );
        }
        run(&mut driver, &mut told, &mut transport, 1_000, 120_000);
        assert_eq!(driver.health().operations, 0, "every operation has ended");
        drop(transport);
        let heard = heard.lock().unwrap().len();
        (told.completed, heard, arrivals)
    }

    #[test]
    fn every_operation_ends_once_and_the_same_seed_gives_the_same_run() {
        let (completed, heard, arrivals) = simulate(1);
        assert_eq!(completed.len(), 20);
        assert_eq!((completed, heard, arrivals.clone()), simulate(1));
        assert_ne!(arrivals, simulate(2).2);
    }

    #[test]
    fn frames_of_a_stream_keep_their_order_and_end_with_it() {
        let world = |_: HostTime, driver: DriverIndex, effect: &Effect, answers: &mut Answers| {
            if let Effect::OpenStream(dial) = effect {
                answers.opened(driver, dial.id);
                for number in 0..50 {
                    answers.text(driver, dial.id, number.to_string());
                }
            }
        };
        let latency = Latency {
            min: Millis(0),
            max: Millis(100),
        };
        let mut transport = SimulatedTransport::new(world, latency, WallNs(0), 3);
        let stream = StreamId(1);
        let dial = StreamDial {
            id: stream,
            url: "ws://x".into(),
            headers: vec![],
            inflate: Default::default(),
            deadline: Millis(1),
        };
        transport.execute(MonoNs(0), DriverIndex(0), Effect::OpenStream(dial));
        let far = MonoNs(1_000_000_000);
        assert!(matches!(
            transport.next(far),
            Some((_, _, TransportEvent::StreamOpened { .. }))
        ));
        for number in 0..20 {
            let Some((_, _, TransportEvent::Frame { bytes, .. })) = transport.next(far) else {
                panic!("no frame");
            };
            assert_eq!(bytes.as_slice(), number.to_string().as_bytes());
        }
        transport.execute(far, DriverIndex(0), Effect::CloseStream { stream, code: 1000 });
        assert_eq!(transport.next(MonoNs(u64::MAX)), None);
    }
}

//! The other side of the wires: the local exchange in virtual time, and the faults between it and the host.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_driver::simulated_transport::{Answers, World};
use colibri_driver::{DriverIndex, Effect, FrameKind, HostTime, HttpFailure, HttpRequest, RequestId, StreamDial};
use colibri_driver::{StreamId, TransportEvent};
use colibri_model::{Millis, MonoNs, SplitMix64};
use colibri_sim::binance::{Exchange, Outgoing, SocketPath};
use colibri_sim::identity::ConnectionId;
use colibri_sim::time::Timestamp;

use super::fault::{Fault, Place};
use super::outsider::Outsider;
use super::spoil;
use super::wire;

/// A read denies an order that is younger than this, and repeats an answer that is younger than this.
const STALENESS: Millis = Millis(2_000);

/// A stream as the exchange's end knows it.
struct Wire {
    driver: DriverIndex,
    stream: StreamId,
    /// Nothing comes through, in either direction.
    silent: bool,
    /// A frame that the next one overtakes.
    held: Option<String>,
}

/// The exchange behind bad wires.
pub struct FaultyExchange {
    /// The exchange.
    pub exchange: Exchange,
    /// How often each fault has struck.
    pub struck: BTreeMap<Fault, u64>,
    /// Answers of the exchange itself that say that a limit was exceeded.
    pub limits_exceeded: Vec<String>,
    /// What somebody else does with the account.
    pub outsider: Outsider,
    /// Microseconds since 1970 at monotonic time zero.
    epoch: i64,
    random: SplitMix64,
    wires: BTreeMap<ConnectionId, Wire>,
    by_stream: BTreeMap<(DriverIndex, StreamId), ConnectionId>,
    armed: VecDeque<Fault>,
    delayed: BTreeMap<(MonoNs, RequestId), (DriverIndex, HttpRequest)>,
    /// Answers to reads, by what was asked.
    answered: BTreeMap<String, (MonoNs, colibri_driver::HttpResponse)>,
    /// When an order of this name was last placed or cancelled.
    written: BTreeMap<String, MonoNs>,
    /// Drivers whose process has ended.
    gone: BTreeSet<DriverIndex>,
}

impl FaultyExchange {
    /// An exchange that opens at `epoch`, microseconds since 1970, where the monotonic clock is zero.
    #[must_use]
    pub fn new(exchange: Exchange, epoch: i64, seed: u64) -> FaultyExchange {
        FaultyExchange {
            exchange,
            struck: BTreeMap::new(),
            limits_exceeded: Vec::new(),
            outsider: Outsider::default(),
            epoch,
            random: SplitMix64::new(seed),
            wires: BTreeMap::new(),
            by_stream: BTreeMap::new(),
            armed: VecDeque::new(),
            delayed: BTreeMap::new(),
            answered: BTreeMap::new(),
            written: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
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

    /// From now on nothing goes wrong any more, and what was half open is cut.
    pub fn clear_up(&mut self, at: MonoNs) {
        self.armed.clear();
        self.outsider.clear();
        self.outsider.resume(
            &mut self.exchange,
            Timestamp::from_micros(self.epoch.saturating_add_unsigned(at.0 / 1_000)),
        );
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

    fn disconnect(&mut self, id: ConnectionId, now: Timestamp) {
        if let Some(wire) = self.wires.remove(&id) {
            self.by_stream.remove(&(wire.driver, wire.stream));
        }
        self.exchange.ws_close(id, now);
    }

    /// The first fault that waits for this place.
    fn armed_for(&mut self, place: Place) -> Option<Fault> {
        if self.armed.front().is_some_and(|fault| fault.place() == place) {
            return self.armed.pop_front();
        }
        let at = self.armed.iter().position(|fault| fault.place() == place)?;
        self.armed.remove(at)
    }

    /// Asks the exchange.
    fn ask(&mut self, at: MonoNs, request: &HttpRequest) -> colibri_driver::HttpResponse {
        let asked = wire::to_exchange(request);
        let now = self.timestamp(at);
        let answer = self.exchange.http(&asked, now);
        if matches!(answer.status, 418 | 429) {
            let what = format!("{} {}: {}", request.method, asked.path, answer.body);
            self.limits_exceeded.push(what);
        }
        let answer = wire::to_host(answer);
        if request.method == "GET" {
            self.answered.retain(|_, (then, _)| at.since(*then) <= STALENESS);
            self.answered.insert(wire::question(&asked), (at, answer.clone()));
        } else {
            for name in ["newClientOrderId", "origClientOrderId"] {
                if let Some(id) = wire::parameter(&asked, name) {
                    self.written.insert(id.to_owned(), at);
                }
            }
            self.written.retain(|_, then| at.since(*then) <= STALENESS);
        }
        answer
    }

    /// What a replica that lags says, where it can say anything.
    fn ask_replica(&self, at: MonoNs, request: &HttpRequest) -> Option<colibri_driver::HttpResponse> {
        let asked = wire::to_exchange(request);
        let old = self.answered.get(&wire::question(&asked));
        if let Some((_, answer)) = old.filter(|(then, _)| at.since(*then) <= STALENESS) {
            return Some(answer.clone());
        }
        let id = wire::parameter(&asked, "origClientOrderId")?;
        let then = self.written.get(id).filter(|_| asked.path == "/api/v3/order")?;
        (at.since(*then) <= STALENESS).then(|| colibri_driver::HttpResponse {
            status: 400,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: br#"{"code":-2013,"msg":"Order does not exist."}"#.to_vec(),
        })
    }

    fn http(&mut self, at: MonoNs, driver: DriverIndex, request: &HttpRequest, answers: &mut Answers) {
        let fault = self.armed_for(Place::Request);
        let Some(fault) = fault else {
            let answer = self.ask(at, request);
            return respond(answers, driver, request.id, Millis(0), answer);
        };
        if fault == Fault::StaleRead {
            match self.ask_replica(at, request).filter(|_| request.method == "GET") {
                Some(answer) => {
                    self.strike(fault);
                    respond(answers, driver, request.id, Millis(0), answer);
                }
                None => {
                    // Waits for a read that can be stale.
                    self.armed.push_back(fault);
                    let answer = self.ask(at, request);
                    respond(answers, driver, request.id, Millis(0), answer);
                }
            }
            return;
        }
        self.strike(fault);
        self.faulty_http(at, driver, request, fault, answers);
    }

    fn faulty_http(
        &mut self,
        at: MonoNs,
        driver: DriverIndex,
        request: &HttpRequest,
        fault: Fault,
        answers: &mut Answers,
    ) {
        let id = request.id;
        match fault {
            Fault::ConnectionRefused => {
                return answers.fail(driver, id, HttpFailure::NotSent("connection refused".to_owned()));
            }
            Fault::RequestLost => {
                return answers.fail(driver, id, HttpFailure::Unknown("connection reset".to_owned()));
            }
            Fault::RequestSwallowed => return,
            Fault::RequestDelayed => {
                let wait = Millis(300 + self.random.below(12_000));
                self.delayed.insert((at.plus(wait), id), (driver, request.clone()));
                return;
            }
            Fault::AnswerLost => {
                self.ask(at, request);
                return answers.fail(driver, id, HttpFailure::Unknown("connection reset".to_owned()));
            }
            Fault::AnswerSwallowed => {
                self.ask(at, request);
                return;
            }
            Fault::AnswerDelayed => {
                let answer = self.ask(at, request);
                let wait = Millis(500 + self.random.below(25_000));
                return respond(answers, driver, id, wait, answer);
            }
            _ => {}
        }
        let unknown = [
            r#"{"code":-1006,"msg":"An unexpected response was received from the message bus. Execution status unknown."}"#,
            r#"{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}"#,
        ];
        let random = &mut self.random;
        let answer = match fault {
            Fault::Status400 => spoil::answer(
                400,
                &[r#"{"code":-1000,"msg":"An unknown error occurred while processing the request."}"#],
                random,
            ),
            Fault::Status401 => spoil::answer(
                401,
                &[r#"{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#],
                random,
            ),
            Fault::Status403 => spoil::answer(403, &["{}"], random),
            Fault::Status404 => spoil::answer(404, &["{}"], random),
            Fault::Status418 => spoil::answer(
                418,
                &[r#"{"code":-1003,"msg":"Way too much request weight used; IP banned."}"#],
                random,
            ),
            Fault::Status429 => spoil::answer(
                429,
                &[r#"{"code":-1003,"msg":"Too much request weight used."}"#],
                random,
            ),
            Fault::Status408 => {
                let answer = spoil::answer(408, &unknown, random);
                if random.below(2) == 0 {
                    self.ask(at, request);
                }
                answer
            }
            Fault::Status5xx => {
                let status = [500, 502, 503, 504][usize::try_from(random.below(4)).unwrap_or(0)];
                spoil::answer(status, &unknown, random)
            }
            Fault::Status5xxExecuted => {
                let status = [500, 502, 503, 504][usize::try_from(random.below(4)).unwrap_or(0)];
                let answer = spoil::answer(status, &unknown, random);
                self.ask(at, request);
                answer
            }
            _ => {
                let mut answer = self.ask(at, request);
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                answer.body = match fault {
                    Fault::AnswerTruncated => spoil::cut(&text, &mut self.random),
                    Fault::AnswerMalformed => text.replace(':', ";"),
                    Fault::AnswerHtml => "<html><body>Welcome</body></html>".to_owned(),
                    _ => spoil::with_unknown_members(&text),
                }
                .into_bytes();
                answer
            }
        };
        respond(answers, driver, id, Millis(0), answer);
    }

    fn open(&mut self, at: MonoNs, driver: DriverIndex, dial: &StreamDial, answers: &mut Answers) {
        let stream = dial.id;
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
        match self.exchange.ws_open(&path, query, wire::HOST, now) {
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

    /// What the exchange has sent on its streams goes out, faults applied.
    fn deliver(&mut self, at: MonoNs, answers: &mut Answers) {
        for (id, outgoing) in self.exchange.drain() {
            let Some(wire) = self.wires.get(&id) else { continue };
            let (driver, stream, silent) = (wire.driver, wire.stream, wire.silent);
            match outgoing {
                Outgoing::Close(code, reason) => {
                    let now = self.timestamp(at);
                    self.disconnect(id, now);
                    if !silent {
                        answers.closed(driver, stream, code.number(), reason);
                    }
                }
                _ if silent => {}
                Outgoing::Ping(payload) => {
                    let now = self.timestamp(at);
                    self.exchange.ws_pong(id, &payload, now);
                    answers.send_after(Millis(0), driver, TransportEvent::Pinged { stream });
                }
                Outgoing::Text(text) => {
                    // A fault of a frame waits for the user stream half of the time: it is the rarer one.
                    let fault = if text.starts_with("{\"stream\"") && self.random.below(200) > 0 {
                        None
                    } else {
                        self.armed_for(Place::Frame)
                    };
                    self.frame(at, id, text, fault, answers);
                }
            }
        }
    }

    fn frame(&mut self, at: MonoNs, id: ConnectionId, text: String, fault: Option<Fault>, answers: &mut Answers) {
        let now = self.timestamp(at);
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let (driver, stream) = (wire.driver, wire.stream);
        let overtaken = wire.held.take();
        if let Some(fault) = fault {
            *self.struck.entry(fault).or_default() += 1;
        }
        match fault {
            None => answers.text(driver, stream, text),
            Some(Fault::FrameDropped) => {}
            Some(Fault::FrameDuplicated) => {
                answers.text(driver, stream, text.clone());
                answers.text(driver, stream, text);
            }
            Some(Fault::FrameReordered) => wire.held = Some(text),
            Some(Fault::FrameMalformed) => {
                let cut = spoil::cut(&text, &mut self.random);
                answers.text(driver, stream, cut);
            }
            Some(Fault::FrameUnknownFields) => answers.text(driver, stream, spoil::with_unknown_members(&text)),
            Some(Fault::FrameUnknownKind) => {
                answers.text(driver, stream, spoil::unknown_event(&text));
                answers.text(driver, stream, text);
            }
            Some(Fault::FrameUnknownValue) => answers.text(driver, stream, spoil::with_unknown_values(&text)),
            Some(Fault::StreamLagging) => {
                let wait = Millis(1_000 + self.random.below(15_000));
                let event = TransportEvent::Frame {
                    stream,
                    kind: FrameKind::Text,
                    bytes: text.into_bytes().into(),
                };
                answers.send_after(wait, driver, event);
            }
            Some(Fault::StreamHalfOpen) => wire.silent = true,
            Some(Fault::StreamClosed) => {
                self.disconnect(id, now);
                let code = [1000, 1001, 1008, 1011][usize::try_from(self.random.below(4)).unwrap_or(0)];
                answers.closed(driver, stream, code, "closed");
            }
            Some(_) => {
                self.disconnect(id, now);
                answers.closed(driver, stream, 0, "connection reset");
            }
        }
        if let Some(text) = overtaken {
            answers.text(driver, stream, text);
        }
    }

    /// What is armed for the exchange itself happens.
    fn strike_exchange(&mut self, at: MonoNs, answers: &mut Answers) {
        while let Some(fault) = self.armed_for(Place::Exchange) {
            let now = self.timestamp(at);
            let struck = match fault {
                Fault::Shutdown => {
                    self.exchange.announce_shutdown(now);
                    self.deliver(at, answers);
                    let all: Vec<_> = self.wires.iter().map(|(id, w)| (*id, w.driver, w.stream)).collect();
                    for (id, driver, stream) in all {
                        self.disconnect(id, now);
                        answers.closed(driver, stream, 1001, "Server shutdown");
                    }
                    true
                }
                Fault::SymbolHalted => self.outsider.halt(&mut self.exchange, &mut self.random, now),
                Fault::OutsideTransfer => self.outsider.transfer(&mut self.exchange, &mut self.random, now),
                _ => self.outsider.cancel(&mut self.exchange, &mut self.random, now),
            };
            if struck {
                self.strike(fault);
            }
        }
    }
}

fn respond(
    answers: &mut Answers,
    driver: DriverIndex,
    request: RequestId,
    wait: Millis,
    answer: colibri_driver::HttpResponse,
) {
    let result = Ok(answer);
    answers.send_after(wait, driver, TransportEvent::Http { request, result });
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
                    self.exchange.ws_message(id, &text, now);
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
        let micros = self.exchange.next_due().micros().saturating_sub(self.epoch);
        let due = MonoNs(u64::try_from(micros).unwrap_or(0).saturating_mul(1_000));
        let delayed = self.delayed.keys().next().map(|(at, _)| *at);
        Some(delayed.into_iter().fold(due, MonoNs::min))
    }

    fn act(&mut self, time: HostTime, answers: &mut Answers) {
        let at = time.mono;
        let now = self.timestamp(at);
        self.exchange.advance(now);
        self.strike_exchange(at, answers);
        self.outsider.resume_if_due(&mut self.exchange, now);
        while let Some(first) = self.delayed.first_entry().filter(|first| first.key().0 <= at) {
            let (driver, request) = first.remove();
            let answer = self.ask(at, &request);
            respond(answers, driver, request.id, Millis(0), answer);
        }
        self.deliver(at, answers);
    }
}

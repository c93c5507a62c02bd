//! A stage for a connector's tests: it plays the host, keeps every action, and has no network.
//!
//! Only tests use it; what a library does not call is not linked into it.

use colibri_abi::{
    Actions, BookBatch, Connector, Grant, Header, Level, Now, OrderOp, PublicTrade, Request, Response, StreamOpen,
    StreamSend, TopOfBook, TradeBatch, accepted, frame_kind,
};
use colibri_standard::{Command, Event, Outcome};

/// A signing recipe, as the host would get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The placeholder.
    pub name: String,
    /// The credential field.
    pub slot: String,
    /// Scheme and encoding, as numbers of the boundary.
    pub recipe: (u32, u32),
    /// The parts of the preimage as text, one after the other.
    pub preimage: String,
}

/// What a connector did.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the boundary's actions")]
pub enum Action {
    Want {
        op: u64,
        endpoint: String,
    },
    Request {
        op: u64,
        endpoint: String,
        url: String,
        headers: Vec<(String, String)>,
        body: String,
        signed: Vec<Signed>,
    },
    Open {
        stream: u32,
        session: u32,
        endpoint: String,
        url: String,
    },
    Send {
        stream: u32,
        op: u64,
        endpoint: String,
        frame: String,
        signed: Vec<Signed>,
    },
    Close {
        stream: u32,
        code: u32,
    },
    Timer {
        timer: u64,
        at_mono_ns: u64,
    },
    Book {
        instrument: u32,
        flags: u32,
        ids: (u64, u64, u64),
        exchange_ns: i64,
        exponents: (i32, i32),
        bids: Vec<Level>,
        asks: Vec<Level>,
    },
    Trades {
        instrument: u32,
        trades: Vec<PublicTrade>,
    },
    Top(Box<TopOfBook>),
    Event(Box<Event>),
    Complete {
        op: u64,
        outcome: Outcome,
    },
    Log {
        level: u32,
        text: String,
    },
    Snapshot(Vec<u8>),
}

#[derive(Debug, Default)]
struct Recorder {
    actions: Vec<Action>,
    refuse: bool,
}

fn signed(signs: &[colibri_abi::Sign<'_>]) -> Vec<Signed> {
    signs
        .iter()
        .map(|s| Signed {
            name: s.name.as_str().to_owned(),
            slot: s.slot.as_str().to_owned(),
            recipe: (s.scheme, s.encoding),
            preimage: s
                .preimage
                .iter()
                .map(|p| String::from_utf8_lossy(p.bytes.as_slice()).into_owned())
                .collect(),
        })
        .collect()
}

impl Recorder {
    fn keep(&mut self, action: Action) -> u32 {
        self.actions.push(action);
        if self.refuse { accepted::REFUSED } else { accepted::YES }
    }
}

impl Actions for Recorder {
    fn want(&mut self, op: u64, endpoint: &str) -> u32 {
        self.keep(Action::Want {
            op,
            endpoint: endpoint.to_owned(),
        })
    }
    fn request(&mut self, request: &Request<'_>) -> u32 {
        self.keep(Action::Request {
            op: request.op,
            endpoint: request.endpoint.as_str().to_owned(),
            url: request.url.as_str().to_owned(),
            headers: request
                .headers
                .iter()
                .map(|h| (h.name.as_str().to_owned(), h.value.as_str().to_owned()))
                .collect(),
            body: String::from_utf8_lossy(request.body.as_slice()).into_owned(),
            signed: signed(request.signs.as_slice()),
        })
    }
    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        self.keep(Action::Open {
            stream: open.stream,
            session: open.session,
            endpoint: open.endpoint.as_str().to_owned(),
            url: open.url.as_str().to_owned(),
        })
    }
    fn send(&mut self, send: &StreamSend<'_>) -> u32 {
        self.keep(Action::Send {
            stream: send.stream,
            op: send.op,
            endpoint: send.endpoint.as_str().to_owned(),
            frame: String::from_utf8_lossy(send.frame.as_slice()).into_owned(),
            signed: signed(send.signs.as_slice()),
        })
    }
    fn close(&mut self, stream: u32, code: u32) -> u32 {
        self.keep(Action::Close { stream, code })
    }
    fn set_timer(&mut self, timer: u64, at_mono_ns: u64) -> u32 {
        self.keep(Action::Timer { timer, at_mono_ns })
    }
    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        self.keep(Action::Book {
            instrument: batch.instrument,
            flags: batch.flags,
            ids: (batch.first_id, batch.last_id, batch.previous_id),
            exchange_ns: batch.exchange_ns,
            exponents: (batch.price_exponent, batch.quantity_exponent),
            bids: batch.bids.to_vec(),
            asks: batch.asks.to_vec(),
        })
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        self.keep(Action::Trades {
            instrument: batch.instrument,
            trades: batch.trades.to_vec(),
        })
    }
    fn top(&mut self, top: &TopOfBook) -> u32 {
        self.keep(Action::Top(Box::new(*top)))
    }
    fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        match Event::parse(kind, payload) {
            Ok(Some(event)) => self.keep(Action::Event(Box::new(event))),
            other => self.keep(Action::Log {
                level: colibri_abi::level::ERROR,
                text: format!("an event {kind:?} that the standard does not have: {other:?}"),
            }),
        }
    }
    fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32 {
        self.keep(Action::Complete {
            op,
            outcome: Outcome::from_boundary(outcome, detail),
        })
    }
    fn log(&mut self, level: u32, text: &str) -> u32 {
        self.keep(Action::Log {
            level,
            text: text.to_owned(),
        })
    }
    fn snapshot(&mut self, state: &[u8]) -> u32 {
        self.keep(Action::Snapshot(state.to_vec()))
    }
}

/// A connector and the host that plays with it. Every method posts one input and returns what the connector did.
///
/// # Panics
/// Every method panics, so that the test fails, where the connector panics.
#[derive(Debug)]
pub struct Stage {
    connector: Connector,
    recorder: Recorder,
    /// What time it is.
    pub now: Now,
}

impl Stage {
    /// A stage for a connector, at the time zero of the monotonic clock and 1,700,000,000 s of the others.
    #[must_use]
    pub fn new<I: colibri_abi::Instance + Send + 'static>(connector: I) -> Stage {
        Stage {
            connector: Connector::linked(connector),
            recorder: Recorder::default(),
            now: Now {
                mono_ns: 0,
                wall_ns: 1_700_000_000_000_000_000,
                exchange_ns: 1_700_000_000_000_000_000,
            },
        }
    }

    /// Lets time pass.
    pub fn pass_ms(&mut self, millis: u64) {
        let nanos = millis * 1_000_000;
        self.now.mono_ns += nanos;
        self.now.wall_ns += nanos as i64;
        self.now.exchange_ns += nanos as i64;
    }

    /// From now on the host refuses every action (it is over its bounds), or takes them again.
    pub fn refuse(&mut self, refuse: Refuse) {
        self.recorder.refuse = refuse == Refuse::Everything;
    }

    fn post(
        &mut self,
        input: impl FnOnce(&mut Connector, Now, &mut Recorder) -> Result<(), colibri_abi::Fault>,
    ) -> Vec<Action> {
        let result = input(&mut self.connector, self.now, &mut self.recorder);
        let actions = std::mem::take(&mut self.recorder.actions);
        assert!(result.is_ok(), "the connector panicked: {actions:?}");
        actions
    }

    /// A command.
    pub fn command(&mut self, op: u64, command: &Command) -> Vec<Action> {
        let payload = command.to_json();
        self.raw_command(op, command.kind(), &payload)
    }
    /// A command as its bytes.
    pub fn raw_command(&mut self, op: u64, kind: &str, payload: &[u8]) -> Vec<Action> {
        self.post(|c, now, r| c.command(now, op, kind, payload, r))
    }
    /// Order operations.
    pub fn orders(&mut self, ops: &[OrderOp]) -> Vec<Action> {
        self.post(|c, now, r| c.orders(now, ops, r))
    }
    /// An admission.
    pub fn granted(&mut self, op: u64) -> Vec<Action> {
        let grant = Grant {
            op,
            nonce: op,
            ..Grant::default()
        };
        self.post(|c, now, r| c.granted(now, &grant, r))
    }
    /// An answer.
    pub fn response(&mut self, op: u64, status: u32, body: &[u8]) -> Vec<Action> {
        self.response_with(op, status, &[], body)
    }
    /// An answer with headers.
    pub fn response_with(&mut self, op: u64, status: u32, headers: &[(&str, &str)], body: &[u8]) -> Vec<Action> {
        let headers: Vec<Header<'_>> = headers
            .iter()
            .map(|(name, value)| Header {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect();
        let response = Response {
            op,
            status,
            reserved: 0,
            headers: headers.as_slice().into(),
            body: body.into(),
            ext: [0; 4],
        };
        self.post(|c, now, r| c.response(now, &response, r))
    }
    /// A command, its admission, and an answer: what the connector did with the answer.
    pub fn ask(&mut self, op: u64, command: &Command, status: u32, body: &[u8]) -> Vec<Action> {
        self.command(op, command);
        self.granted(op);
        self.response(op, status, body)
    }
    /// The end of an operation by the host.
    pub fn ended(&mut self, op: u64, outcome: u32) -> Vec<Action> {
        self.post(|c, now, r| c.ended(now, op, outcome, r))
    }
    /// A stream's handshake.
    pub fn stream_opened(&mut self, stream: u32) -> Vec<Action> {
        self.post(|c, now, r| c.stream_opened(now, stream, r))
    }
    /// A text frame.
    pub fn frame(&mut self, stream: u32, text: &[u8]) -> Vec<Action> {
        self.post(|c, now, r| c.frame(now, stream, frame_kind::TEXT, text, r))
    }
    /// A stream's end.
    pub fn stream_closed(&mut self, stream: u32, code: u32, reason: &str) -> Vec<Action> {
        self.post(|c, now, r| c.stream_closed(now, stream, code, reason, r))
    }
    /// A timer.
    pub fn timer(&mut self, timer: u64) -> Vec<Action> {
        self.post(|c, now, r| c.timer(now, timer, r))
    }
    /// The state.
    pub fn snapshot(&mut self) -> Vec<Action> {
        self.post(|c, _, r| c.snapshot(r))
    }
}

/// Whether the host of a [`Stage`] takes actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuse {
    /// All are refused.
    Everything,
    /// None is.
    Nothing,
}

/// The events among actions.
#[must_use]
pub fn events(actions: &[Action]) -> Vec<Event> {
    actions
        .iter()
        .filter_map(|a| match a {
            Action::Event(event) => Some(event.as_ref().clone()),
            _ => None,
        })
        .collect()
}

/// The outcome that completes an operation, among actions.
#[must_use]
pub fn outcome(actions: &[Action], of: u64) -> Option<Outcome> {
    actions.iter().find_map(|a| match a {
        Action::Complete { op, outcome } if *op == of => Some(outcome.clone()),
        _ => None,
    })
}

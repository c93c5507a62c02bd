//! The core against a connector that is linked in and does what each test says.
#![allow(clippy::unwrap_used)]

mod batches;
mod clock;
mod faults;
mod limits;
mod operations;
mod order_entry;
mod pacing;
mod properties;
mod sessions;
mod several_streams;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use colibri_abi::{
    BookBatch, Connector, Grant, Header, Instance, Now, OrderOp, Out, PreimagePart, RSlice, Request, Response, Sign,
    StreamOpen, StreamSend, TopOfBook, TradeBatch, encoding, key_encoding, op_kind, scheme, transform,
};
use colibri_model::{AccountId, Millis, MonoNs, OpId, VenueId, WallNs};
use colibri_standard::{Command, Event, KeyKind, Manifest, Outcome, Refusal, RejectReason, SessionRole, SessionStatus};

use crate::{
    Credentials, Driver, DriverSetup, Effect, HostTime, HttpFailure, HttpResponse, Input, LimitShare, Limiter,
    LogLevel, RequestId, Secret, Sink, StreamId,
};

pub const MANIFEST: &str = r#"
    [library]
    name = "example"
    version = "0.1.0"
    abi = "1.0"
    maintainer = "someone"
    licence = "Apache-2.0"

    [[connector]]
    name = "example"
    standard = "spot"
    documentation = "https://example.com/api"
    orders = { place = "place", cancel = "cancel" }
    book = { rule = "overlap", snapshot_by_request = true, snapshot_depth = 1000 }
    client_id = { max_length = 36 }
    polling = { time_ms = 60000 }
    liveness = { market_silence_ms = 30000, user_silence_ms = 90000, connection_life_ms = 3600000 }
    environments.live = { rest = "https://api.example.com/v1", market = "wss://ws.example.com" }
    credentials.api_key = { role = "public", label = "API key" }
    credentials.secret = { role = "secret", label = "API secret", kinds = ["hmac-sha256"] }
    credentials.passphrase = { role = "secret", label = "Passphrase", kinds = ["text"] }
    pools.weight = { scope = "ip", limit = 10, window_ms = 1000, aligned = true, usage_header = "X-Used" }
    pools.orders = { scope = "account", limit = 2, window_ms = 10000 }
    pools.frames = { scope = "connection", limit = 5, window_ms = 1000 }

    [connector.endpoints.place]
    method = "POST"
    host = "rest"
    path = "/order"
    costs = [{ pool = "weight", weight = 1 }, { pool = "orders", weight = 1, refunded_on_success = true }]
    priority = "place"
    auth = "signed"
    deadline_ms = 5000

    [connector.endpoints.cancel]
    method = "DELETE"
    host = "rest"
    path = "/order"
    costs = [{ pool = "weight", weight = 1 }]
    priority = "cancel"
    auth = "signed"
    deadline_ms = 5000

    [connector.endpoints.query]
    method = "GET"
    host = "rest"
    path = "/query"
    costs = [{ pool = "weight", weight = 2 }]
    idempotent = true
    deadline_ms = 4000

    [connector.endpoints.once]
    method = "POST"
    host = "rest"
    path = "/once"
    deadline_ms = 4000

    [connector.endpoints.serial]
    method = "POST"
    host = "rest"
    path = "/serial"
    serial = "key"

    [connector.endpoints.instruments]
    method = "GET"
    host = "rest"
    path = "/instruments"
    lane = "bulk"

    [connector.endpoints.stream]
    transport = "stream"
    method = "GET"
    host = "market"
    path = "/ws"
    frames = [{ pool = "frames", weight = 1 }]

    [connector.endpoints.stream_order]
    transport = "send"
    host = "market"
    path = "order.place"
    auth = "signed"
    deadline_ms = 3000
"#;

/// What a connector was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Command(u64, String, String),
    Orders(Vec<OrderOp>),
    Granted(Grant),
    Response(u64, u32, String),
    Ended(u64, u32),
    Opened(u32),
    Frame(u32, Vec<u8>),
    Closed(u32, u32),
    Timer(u64),
}

type Behaviour = Box<dyn FnMut(Now, &Heard, &mut Out<'_>) + Send>;

/// A connector that does what it is told.
pub struct Scripted {
    heard: Arc<Mutex<Vec<Heard>>>,
    behaviour: Behaviour,
}

impl Scripted {
    fn hear(&mut self, now: Now, heard: Heard, out: &mut Out<'_>) {
        (self.behaviour)(now, &heard, out);
        self.heard.lock().unwrap().push(heard);
    }
}

impl Instance for Scripted {
    fn command(&mut self, now: Now, op: u64, kind: &str, payload: &[u8], out: &mut Out<'_>) {
        let payload = String::from_utf8(payload.to_vec()).unwrap();
        self.hear(now, Heard::Command(op, kind.to_owned(), payload), out);
    }
    fn orders(&mut self, now: Now, ops: &[OrderOp], out: &mut Out<'_>) {
        self.hear(now, Heard::Orders(ops.to_vec()), out);
    }
    fn granted(&mut self, now: Now, grant: &Grant, out: &mut Out<'_>) {
        self.hear(now, Heard::Granted(*grant), out);
    }
    fn response(&mut self, now: Now, response: &Response<'_>, out: &mut Out<'_>) {
        let body = String::from_utf8(response.body.as_slice().to_vec()).unwrap();
        self.hear(now, Heard::Response(response.op, response.status, body), out);
    }
    fn ended(&mut self, now: Now, op: u64, outcome: u32, out: &mut Out<'_>) {
        self.hear(now, Heard::Ended(op, outcome), out);
    }
    fn stream_opened(&mut self, now: Now, stream: u32, out: &mut Out<'_>) {
        self.hear(now, Heard::Opened(stream), out);
    }
    fn frame(&mut self, now: Now, stream: u32, _: u32, bytes: &[u8], out: &mut Out<'_>) {
        self.hear(now, Heard::Frame(stream, bytes.to_vec()), out);
    }
    fn stream_closed(&mut self, now: Now, stream: u32, code: u32, _: &str, out: &mut Out<'_>) {
        self.hear(now, Heard::Closed(stream, code), out);
    }
    fn timer(&mut self, now: Now, timer: u64, out: &mut Out<'_>) {
        self.hear(now, Heard::Timer(timer), out);
    }
    fn snapshot(&mut self, out: &mut Out<'_>) {
        out.snapshot(b"state");
    }
}

/// What a driver told.
#[derive(Debug, Default)]
pub struct Told {
    pub books: usize,
    pub events: Vec<Event>,
    pub completed: Vec<(OpId, Outcome)>,
    pub sessions: Vec<(SessionRole, SessionStatus)>,
    pub rests: Vec<(SessionRole, String, MonoNs)>,
    pub log: Vec<(LogLevel, String)>,
}

impl Sink for Told {
    fn book(&mut self, _: &BookBatch<'_>) {
        self.books += 1;
    }
    fn trades(&mut self, _: &TradeBatch<'_>) {}
    fn top(&mut self, _: &TopOfBook) {}
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }
    fn completed(&mut self, op: OpId, outcome: Outcome) {
        self.completed.push((op, outcome));
    }
    fn session(&mut self, role: SessionRole, status: SessionStatus) {
        self.sessions.push((role, status));
    }
    fn session_rests(&mut self, role: SessionRole, reason: &str, until: MonoNs) {
        self.rests.push((role, reason.to_owned(), until));
    }
    fn log(&mut self, level: LogLevel, text: &str) {
        self.log.push((level, text.to_owned()));
    }
}

/// A driver, its connector and its world.
pub struct Bench {
    pub driver: Driver,
    pub told: Told,
    pub heard: Arc<Mutex<Vec<Heard>>>,
    pub now_ms: u64,
    /// By how much somebody has set the wall clock.
    pub wall_set: i64,
    pub effects: Vec<Effect>,
}

pub fn setup() -> DriverSetup {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let mut setup = DriverSetup::new(VenueId::new("example").unwrap(), manifest.connectors[0].clone());
    setup.account = Some(AccountId::new("main").unwrap());
    setup.credentials = Credentials::none()
        .with_public("api_key", "KEY")
        .with_secret("secret", KeyKind::HmacSha256, Secret::from_text("key".into()))
        .with_secret("passphrase", KeyKind::Text, Secret::from_text("hunter\"2".into()));
    setup
}

pub fn scripted(
    behaviour: impl FnMut(Now, &Heard, &mut Out<'_>) + Send + 'static,
) -> (Connector, Arc<Mutex<Vec<Heard>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let connector = Connector::linked(Scripted {
        heard: heard.clone(),
        behaviour: Box::new(behaviour),
    });
    (connector, heard)
}

impl Bench {
    /// A driver whose clock is at one second. The connector cannot tell the time.
    pub fn new(mut behaviour: impl FnMut(Now, &Heard, &mut Out<'_>) + Send + 'static) -> Bench {
        let (connector, heard) = scripted(move |now, heard, out| match heard {
            Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
            _ => behaviour(now, heard, out),
        });
        Bench::with(connector, heard)
    }

    pub fn with(connector: Connector, heard: Arc<Mutex<Vec<Heard>>>) -> Bench {
        Bench::set_up(&setup(), connector, heard)
    }

    pub fn set_up(setup: &DriverSetup, connector: Connector, heard: Arc<Mutex<Vec<Heard>>>) -> Bench {
        let driver = Driver::new(setup, connector, Limiter::shared(LimitShare::WHOLE)).unwrap();
        let mut bench = Bench {
            driver,
            told: Told::default(),
            heard,
            now_ms: 1_000,
            wall_set: 0,
            effects: Vec::new(),
        };
        bench.wake();
        bench.heard.lock().unwrap().clear();
        bench
    }

    pub fn time(&self) -> HostTime {
        HostTime::new(
            MonoNs(self.now_ms * 1_000_000),
            WallNs::from_millis(1_700_000_000_000 + self.now_ms as i64 + self.wall_set),
        )
    }

    pub fn post(&mut self, input: Input<'_>) {
        let time = self.time();
        self.driver.post(time, input, &mut self.told);
        self.effects.extend(self.driver.take_effects());
    }

    pub fn wake(&mut self) {
        self.post(Input::Wake);
    }

    /// Lets time pass, waking the driver whenever it asks to be.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while let Some(wake) = self.driver.next_wake().filter(|w| w.0 <= end * 1_000_000) {
            self.now_ms = self.now_ms.max(wake.0.div_ceil(1_000_000));
            self.wake();
        }
        self.now_ms = end;
    }

    pub fn command(&mut self, op: u64, command: &Command) {
        self.post(Input::Command { op: OpId(op), command });
    }

    pub fn order(&mut self, op: u64, kind: u32) {
        self.orders(&[(op, kind, 1)]);
    }

    /// Order operations in one slice: number, kind and instrument of each.
    pub fn orders(&mut self, ops: &[(u64, u32, u32)]) {
        let mut orders: Vec<OrderOp> = ops
            .iter()
            .map(|&(op, kind, instrument)| {
                let mut order = OrderOp {
                    kind,
                    instrument,
                    ..OrderOp::default()
                };
                order.grant.op = op;
                order
            })
            .collect();
        self.post(Input::Orders(&mut orders));
    }

    pub fn place(&mut self, op: u64) {
        self.order(op, op_kind::PLACE);
    }

    /// The requests that went out since the last call.
    pub fn requests(&mut self) -> Vec<crate::HttpRequest> {
        let mut requests = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Http(request) => {
                requests.push(request.clone());
                false
            }
            _ => true,
        });
        requests
    }

    pub fn answer(&mut self, request: RequestId, status: u16, headers: &[(&str, &str)], body: &str) {
        let result = Ok(HttpResponse {
            status,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        });
        self.post(Input::Http {
            request,
            result: &result,
        });
    }

    pub fn fail(&mut self, request: RequestId, failure: HttpFailure) {
        self.post(Input::Http {
            request,
            result: &Err(failure),
        });
    }

    pub fn outcome(&self, op: u64) -> Option<&Outcome> {
        let mut all = self.told.completed.iter().filter(|(id, _)| *id == OpId(op));
        let outcome = all.next().map(|(_, outcome)| outcome);
        assert!(all.next().is_none(), "op {op} was completed twice");
        outcome
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The streams that were to be opened since the last call.
    pub fn dialed(&mut self) -> Vec<StreamId> {
        let mut dialed = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::OpenStream(dial) => {
                dialed.push(dial.id);
                false
            }
            _ => true,
        });
        dialed
    }
}

pub fn reason(outcome: Option<&Outcome>) -> Option<RejectReason> {
    Some(outcome?.refusal()?.reason.clone())
}

pub fn finish(op: u64, outcome: &Outcome, out: &mut Out<'_>) {
    out.complete(op, outcome.kind(), &outcome.to_json());
}

pub fn unsupported(op: u64, out: &mut Out<'_>) {
    finish(op, &Outcome::NotSent(Refusal::new(RejectReason::Unsupported, "")), out);
}

/// Sends a signed request, as a connector would.
pub fn signed_request(op: u64, endpoint: &str, path: &str, out: &mut Out<'_>) -> u32 {
    let query = format!("op={op}");
    let part = [PreimagePart {
        transform: transform::NONE,
        reserved: 0,
        bytes: RSlice::from_slice(query.as_bytes()),
    }];
    let sign = [Sign {
        name: "sig".into(),
        slot: "secret".into(),
        scheme: scheme::OF_THE_KEY,
        encoding: encoding::OF_THE_KEY_PERCENT,
        key_encoding: key_encoding::RAW,
        reserved: 0,
        preimage: RSlice::from_slice(&part),
    }];
    let url = format!("https://api.example.com/v1{path}?{query}&signature=${{sig}}");
    request(op, endpoint, &url, &sign, b"", out)
}

/// Sends a request without a signature.
pub fn plain_request(op: u64, endpoint: &str, url: &str, out: &mut Out<'_>) -> u32 {
    request(op, endpoint, url, &[], b"", out)
}

pub fn request(op: u64, endpoint: &str, url: &str, signs: &[Sign<'_>], body: &[u8], out: &mut Out<'_>) -> u32 {
    let headers = [Header {
        name: "X-KEY".into(),
        value: "KEY".into(),
    }];
    out.request(&Request {
        op,
        endpoint: endpoint.into(),
        url: url.into(),
        headers: RSlice::from_slice(&headers),
        body: body.into(),
        signs: RSlice::from_slice(signs),
        ext: [0; 4],
    })
}

pub fn open_stream(stream: u32, session: u32, url: &str, out: &mut Out<'_>) -> u32 {
    out.open(&StreamOpen {
        stream,
        session,
        endpoint: "stream".into(),
        url: url.into(),
        headers: RSlice::from_slice(&[]),
        signs: RSlice::from_slice(&[]),
        inflate: 0,
        reserved: 0,
        ext: [0; 4],
    })
}

pub fn send_frame(stream: u32, op: u64, frame: &str, out: &mut Out<'_>) -> u32 {
    out.send(&StreamSend {
        stream,
        kind: 1,
        op,
        endpoint: if op == 0 { "" } else { "stream_order" }.into(),
        frame: frame.as_bytes().into(),
        signs: RSlice::from_slice(&[]),
        ext: [0; 4],
    })
}

/// What most connectors do: a query wants, asks and completes; an order asks and completes by the status.
pub fn ordinary(_: Now, heard: &Heard, out: &mut Out<'_>) {
    match heard {
        Heard::Command(op, kind, _) => match kind.as_str() {
            "balances" => {
                out.want(*op, "query");
            }
            "cancel_all" => {
                out.want(*op, "once");
            }
            "fees" => {
                out.want(*op, "serial");
            }
            _ => finish(*op, &Outcome::Done, out),
        },
        Heard::Granted(grant) => {
            plain_request(grant.op, "query", "https://api.example.com/v1/query?a=b", out);
        }
        Heard::Orders(ops) => {
            for op in ops {
                let endpoint = if op.kind == op_kind::PLACE { "place" } else { "cancel" };
                signed_request(op.grant.op, endpoint, "/order", out);
            }
        }
        Heard::Response(op, status, body) => {
            let refusal = || Refusal::new(RejectReason::Other("test".into()), body.clone());
            let outcome = match status {
                200 => Outcome::Done,
                429 => Outcome::Throttled {
                    retry_after: body.parse().ok().map(Millis),
                    pool: None,
                    refusal: refusal(),
                },
                418 => Outcome::Banned {
                    until: None,
                    refusal: refusal(),
                },
                401 => Outcome::ClockSkew(refusal()),
                500.. => Outcome::Unknown(refusal()),
                _ => Outcome::Rejected(refusal()),
            };
            finish(*op, &outcome, out);
        }
        _ => {}
    }
}

pub fn balances() -> Command {
    Command::Balances(colibri_standard::Balances {})
}

#[test]
fn addresses_and_credentials_are_checked_when_a_driver_is_made() {
    let make = |setup: &DriverSetup| {
        let (connector, _) = scripted(ordinary);
        Driver::new(setup, connector, Limiter::shared(LimitShare::WHOLE)).map(|_| ())
    };
    let mut wrong = setup();
    wrong.environment = "moon".into();
    assert!(make(&wrong).unwrap_err().to_string().contains("moon"));
    let mut wrong = setup();
    wrong.addresses = BTreeMap::from([("rest".into(), "ftp://x".into())]);
    assert!(make(&wrong).unwrap_err().to_string().contains("rest"));
    let mut wrong = setup();
    wrong.credentials = Credentials::none().with_public("api_key", "KEY");
    assert!(make(&wrong).unwrap_err().to_string().contains("missing"));
    let text = format!("{:?}", setup());
    assert!(!text.contains("hunter"), "a setup prints no secret");
    assert!(setup().connector_config().unwrap().credentials.contains_key("secret"));
}

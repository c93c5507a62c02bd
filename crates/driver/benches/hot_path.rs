//! What a driver adds to a connector on the two hot paths: a frame on its way to the book, an order on its way to the wire.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use colibri_abi::{
    BookBatch, Connector, Grant, Instance, Level, Now, OrderOp, Out, PreimagePart, RSlice, Request, Response, Sign,
    StreamOpen, TopOfBook, TradeBatch, encoding, op_kind,
};
use colibri_driver::{
    Credentials, Driver, DriverSetup, Effect, FrameKind, HostTime, HttpResponse, Input, LimitShare, Limiter, LogLevel,
    Secret, Sink, StreamId,
};
use colibri_model::{InstrumentId, MonoNs, OpId, VenueId, WallNs};
use colibri_standard::{Channel, Event, KeyKind, Manifest, Outcome, SessionRole, SessionStatus, Subscription};
use criterion::{Criterion, criterion_group, criterion_main};

const MANIFEST: &str = r#"
    library = { name = "bench", version = "0.1.0", abi = "1.0", maintainer = "-", licence = "Apache-2.0" }
    [[connector]]
    name = "bench"
    standard = "spot"
    documentation = "https://example.com"
    orders = { place = "place", cancel = "place" }
    book = { rule = "overlap", snapshot_by_request = true, snapshot_depth = 1000 }
    client_id = { max_length = 36 }
    environments.live = { rest = "https://api.example.com", market = "wss://ws.example.com" }
    credentials.secret = { role = "secret", label = "Secret", kinds = ["hmac-sha256"] }
    pools.weight = { scope = "ip", limit = 1000000000, window_ms = 1000, aligned = true }
    pools.orders = { scope = "account", limit = 1000000000, window_ms = 10000, aligned = true }
    endpoints.stream = { transport = "stream", host = "market", path = "/ws" }
    [connector.endpoints.place]
    method = "POST"
    host = "rest"
    path = "/order"
    auth = "signed"
    priority = "place"
    costs = [{ pool = "weight", weight = 1 }, { pool = "orders", weight = 1 }]
"#;

/// Emits twenty levels a frame and signs one request an order: no JSON, so that what is measured is the driver.
struct Bare;

impl Instance for Bare {
    fn command(&mut self, _: Now, op: u64, kind: &str, _: &[u8], out: &mut Out<'_>) {
        if kind == "open_session" {
            out.open(&StreamOpen {
                stream: 1,
                session: 1,
                endpoint: "stream".into(),
                url: "wss://ws.example.com/ws".into(),
                headers: RSlice::from_slice(&[]),
                signs: RSlice::from_slice(&[]),
                inflate: 0,
                reserved: 0,
                ext: [0; 4],
            });
        }
        out.complete(op, Outcome::Done.kind(), &Outcome::Done.to_json());
    }
    fn orders(&mut self, now: Now, ops: &[OrderOp], out: &mut Out<'_>) {
        for op in ops {
            let query = format!(
                "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=64000.01&newClientOrderId={}&timestamp={}",
                op.client_id.as_str(),
                now.exchange_ns / 1_000_000
            );
            let parts = [PreimagePart {
                transform: 0,
                reserved: 0,
                bytes: query.as_bytes().into(),
            }];
            let sign = [Sign {
                name: "sig".into(),
                slot: "secret".into(),
                scheme: 0,
                encoding: encoding::OF_THE_KEY_PERCENT,
                key_encoding: 0,
                reserved: 0,
                preimage: RSlice::from_slice(&parts),
            }];
            let url = format!("https://api.example.com/order?{query}&signature=${{sig}}");
            out.request(&Request {
                op: op.grant.op,
                endpoint: "place".into(),
                url: url.as_str().into(),
                headers: RSlice::from_slice(&[]),
                body: RSlice::from_slice(&[]),
                signs: RSlice::from_slice(&sign),
                ext: [0; 4],
            });
        }
    }
    fn granted(&mut self, _: Now, _: &Grant, _: &mut Out<'_>) {}
    fn response(&mut self, _: Now, response: &Response<'_>, out: &mut Out<'_>) {
        out.complete(response.op, Outcome::Done.kind(), b"");
    }
    fn ended(&mut self, _: Now, _: u64, _: u32, _: &mut Out<'_>) {}
    fn stream_opened(&mut self, _: Now, _: u32, _: &mut Out<'_>) {}
    fn frame(&mut self, now: Now, _: u32, _: u32, bytes: &[u8], out: &mut Out<'_>) {
        let level = Level {
            price: i64::from(bytes[0]),
            quantity: 1,
        };
        out.book(&BookBatch {
            instrument: 1,
            flags: 0,
            first_id: 1,
            last_id: 1,
            previous_id: 0,
            exchange_ns: now.exchange_ns,
            checksum: 0,
            price_exponent: -2,
            quantity_exponent: -5,
            reserved: 0,
            bids: RSlice::from_slice(&[level; 10]),
            asks: RSlice::from_slice(&[level; 10]),
            ext: [0; 4],
        });
    }
    fn stream_closed(&mut self, _: Now, _: u32, _: u32, _: &str, _: &mut Out<'_>) {}
    fn timer(&mut self, _: Now, _: u64, _: &mut Out<'_>) {}
    fn snapshot(&mut self, _: &mut Out<'_>) {}
}

#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn book(&mut self, batch: &BookBatch<'_>) {
        self.0 += batch.bids.len() as u64;
    }
    fn trades(&mut self, _: &TradeBatch<'_>) {}
    fn top(&mut self, _: &TopOfBook) {}
    fn event(&mut self, _: Event) {}
    fn completed(&mut self, op: OpId, _: Outcome) {
        self.0 += op.0;
    }
    fn session(&mut self, _: SessionRole, _: SessionStatus) {}
    fn log(&mut self, _: LogLevel, _: &str) {}
}

fn time(ns: u64) -> HostTime {
    HostTime::new(MonoNs(ns), WallNs(1_700_000_000_000_000_000 + ns as i64))
}

fn driver() -> Driver {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let mut setup = DriverSetup::new(VenueId::new("bench").unwrap(), manifest.connectors[0].clone());
    setup.credentials =
        Credentials::none().with_secret("secret", KeyKind::HmacSha256, Secret::from_text("a secret".into()));
    Driver::new(&setup, Connector::linked(Bare), Limiter::shared(LimitShare::WHOLE)).unwrap()
}

fn frame(c: &mut Criterion) {
    let mut driver = driver();
    let mut sink = Count::default();
    driver.want(
        SessionRole::Market,
        vec![Subscription {
            instrument: InstrumentId(1),
            channels: vec![Channel::Book],
        }],
    );
    driver.post(time(1), Input::Wake, &mut sink);
    let stream: StreamId = driver
        .take_effects()
        .find_map(|e| match e {
            Effect::OpenStream(dial) => Some(dial.id),
            _ => None,
        })
        .unwrap();
    driver.post(time(2), Input::StreamOpened { stream }, &mut sink);
    let bytes = vec![7u8; 1_475];
    let mut now = 2;
    c.bench_function("a frame to the sink, 20 levels, nothing decoded", |b| {
        b.iter(|| {
            now += 1;
            let bytes = black_box(bytes.as_slice());
            let kind = FrameKind::Text;
            driver.post(time(now), Input::Frame { stream, kind, bytes }, &mut sink);
            black_box(driver.next_wake());
        });
    });
    assert!(sink.0 > 0);
}

fn order(c: &mut Criterion) {
    let mut driver = driver();
    let mut sink = Count::default();
    let answer = Ok(HttpResponse {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
    });
    let mut op = 0;
    c.bench_function("an order to a signed request, and its answer", |b| {
        b.iter(|| {
            op += 1;
            let mut order = OrderOp {
                kind: op_kind::PLACE,
                ..OrderOp::default()
            };
            order.grant.op = op;
            driver.post(time(op), Input::Orders(&mut [order]), &mut sink);
            let effect = driver.take_effects().next();
            if let Some(Effect::Http(request)) = black_box(effect) {
                let request = request.id;
                driver.post(
                    time(op),
                    Input::Http {
                        request,
                        result: &answer,
                    },
                    &mut sink,
                );
            }
        });
    });
    assert!(sink.0 > 0);
}

criterion_group!(benches, frame, order);
criterion_main!(benches);

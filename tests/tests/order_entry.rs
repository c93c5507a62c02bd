//! Orders over the WebSocket API end to end: the shipped library, the driver, real sockets, and the local exchange behind
//! them, by a key that signs each request and by one that logs on.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use colibri_abi::{BookBatch, OrderOp, Text48, TopOfBook, TradeBatch, op_kind, order_side, order_type, time_in_force};
use colibri_driver::tokio_transport::{HostClock, Transport, TransportOptions};
use colibri_driver::{
    Credentials, Driver, DriverIndex, DriverSetup, Input, LimitShare, Limiter, LogLevel, Secret, Sink,
};
use colibri_loader::{LoadRequest, Loader};
use colibri_model::{AccountId, Exponents, InstrumentId, OpId, VenueId};
use colibri_sim::SimConfig;
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_sim::faults::{FaultPlan, FrameFault, FrameRule};
use colibri_sim::front::{Server, serve};
use colibri_standard::{
    Command, Event, KeyKind, Manifest, OrderEntry, OrderStatus, OrderStatusQuery, Outcome, ReportSource, SessionRole,
    SessionStatus, UseInstruments, UsedInstrument,
};
use colibri_tests::built;

/// Far above what anything here takes: a test fails instead of hanging.
const DEADLINE: Duration = Duration::from_secs(60);
const BTC: InstrumentId = InstrumentId(1);
const DRIVER: DriverIndex = DriverIndex(0);

const ED25519_API_KEY: &str = "colibriDemoApiKeyForTheLocalExchange0000000000000000000000ED25519";
/// As printed in docs/sim.md: it opens nothing but a local exchange.
const ED25519_KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGNvbGlicmkgbG9jYWwgZXhjaGFuZ2UgZGVtbyBrZXkh\n\
                           -----END PRIVATE KEY-----\n";

/// What the driver tells.
#[derive(Debug, Default)]
struct Told {
    events: Vec<Event>,
    completed: BTreeMap<OpId, Outcome>,
    user: Option<SessionStatus>,
    log: Vec<String>,
}

impl Sink for Told {
    fn book(&mut self, _: &BookBatch<'_>) {}
    fn trades(&mut self, _: &TradeBatch<'_>) {}
    fn top(&mut self, _: &TopOfBook) {}
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }
    fn completed(&mut self, op: OpId, outcome: Outcome) {
        assert_eq!(self.completed.insert(op, outcome), None, "{op} ended twice");
    }
    fn session(&mut self, role: SessionRole, status: SessionStatus) {
        if role == SessionRole::User {
            self.user = Some(status);
        }
    }
    fn log(&mut self, level: LogLevel, text: &str) {
        self.log.push(format!("{level:?} {text}"));
    }
}

impl Told {
    /// Whether a source has told that an order stands so.
    fn has_told(&self, id: &str, source: ReportSource, status: &OrderStatus) -> bool {
        self.events.iter().any(|event| match event {
            Event::Order(order) => {
                order.client_id.as_ref().is_some_and(|c| c.as_str() == id)
                    && order.source == source
                    && order.status == *status
            }
            _ => false,
        })
    }

    /// The trades of an order that a source has told.
    fn trades(&self, id: &str, source: ReportSource) -> Vec<String> {
        let of = |event: &Event| match event {
            Event::Fill(fill) if fill.client_id.as_ref().is_some_and(|c| c.as_str() == id) && fill.source == source => {
                Some(fill.trade_id.to_string())
            }
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }
}

/// One account at a local exchange, its orders over the stream.
struct Desk {
    driver: Driver,
    transport: Transport,
    clock: HostClock,
    told: Told,
    next_op: u64,
    _exchange: Server,
}

impl Desk {
    async fn open(kind: KeyKind, faults: FaultPlan) -> Desk {
        let exchange = serve(SimConfig {
            faults,
            ..SimConfig::demo()
        })
        .await
        .unwrap();
        let store = tempfile::tempdir().unwrap();
        let library = Loader::new(store.path())
            .load(&LoadRequest::new(built::connector("binance")))
            .unwrap();
        let manifest = Manifest::parse(library.manifest_text()).unwrap();
        let mut setup = DriverSetup::new(
            VenueId::new("binance").unwrap(),
            manifest.connector("binance").unwrap().clone(),
        );
        setup.manifest.orders.entry = OrderEntry::Stream;
        setup.account = Some(AccountId::new("demo").unwrap());
        setup.environment = "local".to_owned();
        let at = exchange.address();
        for (role, address) in [("rest", "http"), ("market", "ws"), ("ws_api", "ws")] {
            setup.addresses.insert(role.to_owned(), format!("{address}://{at}"));
        }
        let (api_key, secret) = match kind {
            KeyKind::Ed25519 => (ED25519_API_KEY, ED25519_KEY),
            _ => (DEMO_API_KEY, DEMO_SECRET),
        };
        setup.credentials = Credentials::none().with_public("api_key", api_key).with_secret(
            "secret",
            kind,
            Secret::from_text(secret.to_owned()),
        );
        let config = serde_json::to_vec(&setup.connector_config().unwrap()).unwrap();
        let connector = library.create("binance", &config).unwrap();
        let mut desk = Desk {
            driver: Driver::new(&setup, connector, Limiter::shared(LimitShare::WHOLE)).unwrap(),
            transport: Transport::new(TransportOptions::default()).unwrap(),
            clock: HostClock::start(),
            told: Told::default(),
            next_op: 1,
            _exchange: exchange,
        };
        let set = UseInstruments {
            instruments: vec![UsedInstrument {
                id: BTC,
                pair: "BTC-USDT".parse().unwrap(),
                symbol: "BTCUSDT".to_owned(),
                exponents: Exponents {
                    price: -2,
                    quantity: -5,
                },
                contract: None,
            }],
        };
        let op = desk.command(&Command::UseInstruments(set));
        desk.ended(op).await;
        desk.driver.want(SessionRole::User, Vec::new());
        desk.live().await;
        desk
    }

    fn post(&mut self, input: Input<'_>) {
        self.driver.post(self.clock.now(), input, &mut self.told);
        for effect in self.driver.take_effects().collect::<Vec<_>>() {
            self.transport.execute(DRIVER, effect);
        }
    }

    fn op(&mut self) -> OpId {
        self.next_op += 1;
        OpId(self.next_op)
    }

    fn command(&mut self, command: &Command) -> OpId {
        let op = self.op();
        self.post(Input::Command { op, command });
        op
    }

    fn send(&mut self, order: OrderOp) -> OpId {
        let op = self.op();
        let mut orders = [order];
        orders[0].grant.op = op.0;
        self.post(Input::Orders(&mut orders));
        op
    }

    /// Goes on until something is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Desk) -> bool) {
        let waiting = async {
            loop {
                self.post(Input::Wake);
                if is_so(self) {
                    return;
                }
                let wake = self.driver.next_wake().map(|at| self.clock.instant(at));
                let slept = async {
                    match wake {
                        Some(at) => tokio::time::sleep_until(at.into()).await,
                        None => std::future::pending().await,
                    }
                };
                let event = tokio::select! {
                    (_, event) = self.transport.next() => Some(event),
                    () = slept => None,
                };
                if let Some(event) = event {
                    self.post(event.as_input());
                }
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            panic!("{what} has not come: {:#?}", self.told);
        }
    }

    async fn live(&mut self) {
        self.until("a live user stream", |desk| desk.told.user == Some(SessionStatus::Live))
            .await;
    }

    async fn ended(&mut self, op: OpId) -> Outcome {
        self.until("an outcome", |desk| desk.told.completed.contains_key(&op))
            .await;
        self.told.completed[&op].clone()
    }

    async fn streamed(&mut self, id: &str, status: OrderStatus) {
        let what = format!("{id} as {status:?} on the stream");
        self.until(&what, |desk| desk.told.has_told(id, ReportSource::Stream, &status))
            .await;
    }

    /// Order operations on the stream so far, and HTTP requests.
    fn written(&self) -> (u64, u64) {
        let health = self.driver.health();
        (health.order_entry.over_stream, health.counts.requests)
    }
}

fn order(kind: u32, id: &str) -> OrderOp {
    OrderOp {
        kind,
        instrument: BTC.0,
        price_exponent: -2,
        quantity_exponent: -5,
        client_id: Text48::new(id).unwrap(),
        ..OrderOp::default()
    }
}

/// A buy far below the market: it rests.
fn resting(id: &str) -> OrderOp {
    OrderOp {
        side: order_side::BUY,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::GTC,
        price: 4_000_000,
        quantity: 100,
        ..order(op_kind::PLACE, id)
    }
}

fn taking(id: &str) -> OrderOp {
    OrderOp {
        side: order_side::BUY,
        order_type: order_type::MARKET,
        quantity: 100,
        ..order(op_kind::PLACE, id)
    }
}

/// Places, amends, replaces, cancels and takes; nothing of it over HTTP.
async fn a_day_of_trading(kind: KeyKind) {
    let mut desk = Desk::open(kind, FaultPlan::none()).await;
    let (_, before) = desk.written();

    let placed = desk.send(resting("e-1"));
    assert_eq!(desk.ended(placed).await, Outcome::Done);
    assert!(desk.told.has_told("e-1", ReportSource::Ack, &OrderStatus::Open));
    desk.streamed("e-1", OrderStatus::Open).await;

    let amended = desk.send(OrderOp {
        quantity: 60,
        ..order(op_kind::AMEND, "e-1")
    });
    assert_eq!(desk.ended(amended).await, Outcome::Done);
    desk.until("the amended quantity on the stream", |desk| {
        desk.told.events.iter().any(|event| {
            matches!(event, Event::Order(order) if order.source == ReportSource::Stream
                && order.quantity.is_some_and(|q| q.to_string().starts_with("0.00060")))
        })
    })
    .await;

    let replaced = desk.send(OrderOp {
        kind: op_kind::REPLACE,
        other_client_id: Text48::new("e-1").unwrap(),
        flags: colibri_abi::op_flag::STOP_ON_FAILURE,
        ..resting("e-2")
    });
    assert_eq!(desk.ended(replaced).await, Outcome::Done);
    desk.streamed("e-1", OrderStatus::Cancelled).await;
    desk.streamed("e-2", OrderStatus::Open).await;

    let cancelled = desk.send(order(op_kind::CANCEL, "e-2"));
    assert_eq!(desk.ended(cancelled).await, Outcome::Done);
    desk.streamed("e-2", OrderStatus::Cancelled).await;
    let again = desk.send(order(op_kind::CANCEL, "e-2"));
    assert!(matches!(desk.ended(again).await, Outcome::Rejected(_)));

    let taken = desk.send(taking("e-3"));
    assert_eq!(desk.ended(taken).await, Outcome::Done);
    desk.streamed("e-3", OrderStatus::Filled).await;
    let trades = desk.told.trades("e-3", ReportSource::Ack);
    assert!(!trades.is_empty());
    assert_eq!(trades, desk.told.trades("e-3", ReportSource::Stream));

    let (frames, requests) = desk.written();
    assert_eq!(frames, 6);
    assert!(
        requests <= before + 1,
        "the exchange's time may have been asked for, nothing else: {requests}"
    );
    let pools = desk.driver.health().pools;
    let counted = pools.iter().find(|p| p.pool == "orders_1d").unwrap();
    assert!(
        counted.used > 0,
        "the answers say how many orders were counted: {counted:?}"
    );
}

#[tokio::test]
async fn a_key_that_signs_each_request_trades_over_the_stream() {
    a_day_of_trading(KeyKind::HmacSha256).await;
}

#[tokio::test]
async fn a_key_that_logs_on_trades_over_the_stream() {
    a_day_of_trading(KeyKind::Ed25519).await;
}

/// The connection breaks when the exchange has taken the order and before its answer is there.
#[tokio::test]
async fn an_order_whose_stream_breaks_is_unknown_asked_about_and_cancelled_over_http() {
    let lost = FrameRule {
        contains: "\"lost-1\"".to_owned(),
        every: 1,
        fault: FrameFault::Disconnect,
    };
    let mut desk = Desk::open(KeyKind::HmacSha256, FaultPlan::new(Vec::new(), vec![lost])).await;
    let placed = desk.send(resting("lost-1"));
    assert!(desk.ended(placed).await.is_unknown());
    assert_eq!(desk.driver.health().order_entry.now, OrderEntry::Http);

    let asked = desk.command(&Command::OrderStatus(OrderStatusQuery {
        instrument: BTC,
        client_id: colibri_model::ClientOrderId::new("lost-1").ok(),
        exchange_id: None,
    }));
    assert_eq!(desk.ended(asked).await, Outcome::Done);
    assert!(
        desk.told.has_told("lost-1", ReportSource::Query, &OrderStatus::Open),
        "the exchange has it once"
    );
    let (frames, before) = desk.written();
    let cancelled = desk.send(order(op_kind::CANCEL, "lost-1"));
    assert_eq!(desk.ended(cancelled).await, Outcome::Done);
    assert_eq!(desk.written().0, frames);
    assert!(desk.written().1 > before, "it went over HTTP");

    desk.live().await;
    let placed = desk.send(resting("e-9"));
    assert_eq!(desk.ended(placed).await, Outcome::Done);
    assert_eq!(desk.written().0, frames + 1, "over the stream again");
}

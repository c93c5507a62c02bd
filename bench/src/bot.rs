//! A whole bot without sockets: a desk (an engine, a driver, the connector in its library), whose requests the local
//! exchange answers, and whose market data is told by whoever measures. Time stands still but for what a frame takes.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::rc::Rc;

use colibri_desk::{Desk, DeskAction, DeskInput, DeskVenue, Unobserved};
use colibri_driver::{
    Credentials, Driver, DriverIndex, DriverSetup, Effect, FrameKind, HostTime, HttpRequest, HttpResponse, Input,
    LimitShare, Limiter, LogLevel, Secret, StreamId,
};
use colibri_engine::strategy::{Input as Told, MarketNeed, Strategy, StrategyActions};
use colibri_engine::{
    ContractChoices, Engine, EngineSetup, Recovered, RecoveredOrder, StrategyState, VenueSetup, View,
};
use colibri_loader::{LoadRequest, Loader};
use colibri_model::{
    AccountId, ClientOrderId, ExchangeOrderId, InstrumentId, Journal, JournalError, Millis, MonoNs, OrderIntent,
    OrderState, OrderTerms, OrderType, Pair, Price, Quantity, QuantityUnit, Record, Side, StrategyId, TimeInForce,
    VenueId, WallNs,
};
use colibri_sim::SimConfig;
use colibri_sim::binance::{self, Exchange, Method, Outgoing, SocketPath};
use colibri_sim::config::{AccountConfig, DEMO_API_KEY, DEMO_SECRET, FlowConfig, LimitConfig, MarketConfig};
use colibri_sim::identity::ConnectionId;
use colibri_sim::time::Timestamp;
use colibri_standard::{KeyKind, Manifest};

/// When it all happens, microseconds since 1970.
const EPOCH: i64 = 1_723_161_255_000_000;
/// What a frame takes.
const STEP: u64 = 100;
/// Turns until a bot must be trading.
const PATIENCE: usize = 20_000;
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Keeps nothing: what a journal costs has a bench of its own.
struct NoJournal;

impl Journal for NoJournal {
    fn append(&mut self, _: &[Record]) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Listens to every market, and reads the best prices of each book that changes.
struct Listener {
    id: StrategyId,
    needs: Vec<MarketNeed>,
    /// Books that changed, and trades.
    heard: Rc<Cell<u64>>,
}

impl Strategy for Listener {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "listener"
    }
    fn needs(&self) -> Vec<MarketNeed> {
        self.needs.clone()
    }
    fn input(&mut self, input: Told<'_>, view: &View<'_>, _: &mut StrategyActions) {
        match input {
            Told::Book(market) => {
                let book = view.market(market).and_then(|m| m.book());
                let best = book.and_then(|book| Some((book.best_bid()?, book.best_ask()?)));
                self.heard.set(self.heard.get() + u64::from(best.is_some()));
            }
            Told::Trades { trades, .. } => self.heard.set(self.heard.get() + trades.len() as u64),
            _ => {}
        }
    }
}

/// A bot that trades.
pub struct Bot {
    desk: Desk<NoJournal>,
    exchange: Exchange,
    sockets: BTreeMap<StreamId, ConnectionId>,
    market: Option<StreamId>,
    /// The open orders that the exchange tells of, where they are not its own.
    open_orders: Option<OpenOrders>,
    before_first_id: u64,
    now: u64,
    heard: Rc<Cell<u64>>,
    told_before: u64,
}

/// The symbol of one of many markets: the first is BTCUSDT.
#[must_use]
pub fn symbol(index: usize) -> String {
    format!("{}USDT", base(index))
}

fn base(index: usize) -> String {
    if index == 0 {
        "BTC".to_owned()
    } else {
        format!("C{index:04}")
    }
}

fn settings(instruments: usize) -> SimConfig {
    let market = |index: usize| {
        let mut market = MarketConfig::btcusdt();
        market.symbol = symbol(index).as_str().into();
        market.base = base(index).as_str().into();
        market
    };
    SimConfig {
        markets: (0..instruments).map(market).collect(),
        accounts: vec![AccountConfig::demo()],
        flow: FlowConfig::None,
        limits: LimitConfig {
            weight_per_minute: 100_000_000,
            requests_per_5_minutes: 100_000_000,
            orders_per_10_seconds: 100_000_000,
            orders_per_day: 100_000_000,
            ..LimitConfig::default()
        },
        ..SimConfig::demo()
    }
}

/// How the exchange tells of open orders.
struct OpenOrders {
    /// Of all of them.
    all: Vec<u8>,
    /// Of each, by the id that the exchange gave it.
    each: BTreeMap<String, String>,
}

/// Orders of an earlier run that are still open, and how the exchange tells of them.
fn left_orders(count: usize) -> (Recovered, OpenOrders) {
    let (mut recovered, mut each) = (Recovered::default(), BTreeMap::new());
    for at in 0..count {
        let name = format!("clbfbenchxyz{at:08}");
        let client_id = ClientOrderId::new(&name).unwrap();
        let (price, quantity) = ("50000.00000000", "0.00100000");
        let number = (at + 1).to_string();
        let told = format!(
            r#"{{"symbol":"BTCUSDT","orderId":{number},"orderListId":-1,"clientOrderId":"{name}","price":"{price}","origQty":"{quantity}","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000","time":{EPOCH},"updateTime":{EPOCH},"isWorking":true,"workingTime":{EPOCH},"selfTradePreventionMode":"NONE"}}"#
        );
        each.insert(number.clone(), told);
        let order = RecoveredOrder {
            strategy: StrategyId::new("listener").unwrap(),
            venue: VenueId::new("binance").unwrap(),
            account: AccountId::new("main").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
            intent: OrderIntent {
                client_id: client_id.clone(),
                instrument: InstrumentId(1),
                side: Side::Buy,
                order_type: OrderType::Limit,
                time_in_force: Some(TimeInForce::Gtc),
                price: Some(Price(price.parse().unwrap())),
                quantity: Quantity(quantity.parse().unwrap()),
                quantity_unit: QuantityUnit::Base,
                terms: OrderTerms::default(),
            },
            amend_to: None,
            exchange_id: Some(ExchangeOrderId::new(&number).unwrap()),
            state: OrderState::Open,
            names: Vec::new(),
            reported_filled: None,
            cancel_wanted: None,
            created: WallNs(EPOCH * 1_000),
        };
        recovered.orders.insert(client_id, order);
    }
    let all: Vec<&str> = each.values().map(String::as_str).collect();
    let all = format!("[{}]", all.join(",")).into_bytes();
    (recovered, OpenOrders { all, each })
}

impl Bot {
    /// A bot on so many instruments, with so many orders that are open, whose first depth frame of each book follows
    /// `before_first_id`. It has begun to trade.
    #[must_use]
    pub fn new(library: &Path, instruments: usize, orders: usize, before_first_id: u64) -> Bot {
        let (venue, account) = (VenueId::new("binance").unwrap(), AccountId::new("main").unwrap());
        let library = Loader::new(library.parent().unwrap().join("libraries"))
            .load(&LoadRequest::new(library))
            .unwrap();
        // A thousand books at once are beyond what the exchange allows in a minute.
        let text = library.manifest_text().replace("limit = 6000,", "limit = 600000000,");
        let manifest = Manifest::parse(&text).unwrap().connectors[0].clone();
        let mut setup = DriverSetup::new(venue.clone(), manifest.clone());
        setup.account = Some(account.clone());
        setup.environment = "local".to_owned();
        for (role, scheme) in [("rest", "http"), ("market", "ws"), ("ws_api", "ws")] {
            setup
                .addresses
                .insert(role.to_owned(), format!("{scheme}://127.0.0.1:9"));
        }
        setup.credentials = Credentials::none().with_public("api_key", DEMO_API_KEY).with_secret(
            "secret",
            KeyKind::HmacSha256,
            Secret::new(DEMO_SECRET.as_bytes().to_vec()),
        );
        let config = serde_json::to_vec(&setup.connector_config().unwrap()).unwrap();
        let connector = library.create("binance", &config).unwrap();
        let driver = Driver::new(&setup, connector, Limiter::shared(LimitShare::WHOLE)).unwrap();
        let pairs: Vec<Pair> = (0..instruments)
            .map(|at| format!("{}-USDT", base(at)).parse().unwrap())
            .collect();
        let (recovered, told) = left_orders(orders);
        let mut engine = Engine::new(
            EngineSetup {
                bot: "bench".to_owned(),
                tick: Millis(1_000),
                seed: 1,
                recovered,
                ..EngineSetup::default()
            },
            NoJournal,
        );
        engine.add_venue(VenueSetup {
            venue: venue.clone(),
            account,
            manifest,
            pairs: pairs.clone(),
            environment: setup.environment.clone(),
            adopt: BTreeSet::new(),
            contracts: ContractChoices::default(),
        });
        let heard = Rc::new(Cell::new(0));
        let needs = pairs.into_iter().map(|pair| MarketNeed {
            venue: venue.clone(),
            pair,
        });
        engine.add_strategy(Box::new(Listener {
            id: StrategyId::new("listener").unwrap(),
            needs: needs.collect(),
            heard: heard.clone(),
        }));
        let mut bot = Bot {
            desk: Desk::new(engine, vec![DeskVenue::new(driver)]),
            exchange: Exchange::new(&settings(instruments), Vec::new(), Timestamp::from_micros(EPOCH)).unwrap(),
            sockets: BTreeMap::new(),
            market: None,
            open_orders: (orders > 0).then_some(told),
            before_first_id,
            now: 1_000,
            heard,
            told_before: 0,
        };
        let time = bot.time();
        bot.desk.post(time, DeskInput::Start, &mut Unobserved);
        bot.bring_up();
        let tracked: usize = bot.desk.engine().view().venues().map(|v| v.live_orders().count()).sum();
        assert_eq!(tracked, orders, "every order is tracked");
        bot.told_before = bot.heard.get();
        bot
    }

    /// How often the strategy was told of a book or a trade since it began to run.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.heard.get() - self.told_before
    }

    fn time(&self) -> HostTime {
        HostTime::new(MonoNs(self.now), WallNs(EPOCH * 1_000 + self.now.cast_signed()))
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_micros(EPOCH + (self.now / 1_000).cast_signed())
    }

    /// One market-data frame, to the strategy and what it wants.
    #[inline]
    pub fn frame(&mut self, bytes: &[u8]) {
        let stream = self.market.expect("the market stream is open");
        let kind = FrameKind::Text;
        self.post(Input::Frame { stream, kind, bytes });
        let time = self.time();
        self.desk.post(time, DeskInput::Turn, &mut Unobserved);
        self.now += STEP;
    }

    /// Whether the last frames made it want anything of the outside.
    #[must_use]
    pub fn is_quiet(&mut self) -> bool {
        self.desk.take_actions().next().is_none()
    }

    fn post(&mut self, input: Input<'_>) {
        let driver = DriverIndex(0);
        let time = self.time();
        self.desk
            .post(time, DeskInput::Driver { driver, input }, &mut Unobserved);
    }

    /// Turns until the strategy runs and nothing more is asked.
    fn bring_up(&mut self) {
        let mut quiet = 0;
        for _ in 0..PATIENCE {
            let time = self.time();
            self.desk.post(time, DeskInput::Turn, &mut Unobserved);
            let actions: Vec<DeskAction> = self.desk.take_actions().collect();
            quiet = if actions.is_empty() { quiet + 1 } else { 0 };
            for action in actions {
                self.carry_out(action);
            }
            self.exchange.advance(self.timestamp());
            self.deliver();
            let mut strategies = self.desk.engine().view().strategies();
            if quiet > 20 && strategies.all(|s| s.state == StrategyState::Running) {
                return;
            }
            self.now += if quiet == 0 { 10_000 } else { 20_000_000 };
        }
        panic!("the bot does not trade");
    }

    fn carry_out(&mut self, action: DeskAction) {
        match action {
            DeskAction::Effect { effect, .. } => self.effect(effect),
            DeskAction::Log {
                level: LogLevel::Error | LogLevel::Warn,
                text,
            } => println!("{text}"),
            _ => {}
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Http(request) => {
                let answer = Ok(self.answer(&request));
                let request = request.id;
                self.post(Input::Http {
                    request,
                    result: &answer,
                });
            }
            Effect::OpenStream(dial) => {
                if dial.url.contains("/ws-api") {
                    let opened = self.exchange.ws_open(&SocketPath::Api, "", HOST, self.timestamp());
                    self.sockets
                        .insert(dial.id, opened.unwrap_or_else(|r| panic!("{}", r.status)));
                } else {
                    self.market = Some(dial.id);
                }
                self.post(Input::StreamOpened { stream: dial.id });
            }
            Effect::SendFrame(frame) => {
                let text = String::from_utf8(frame.bytes).unwrap();
                match self.sockets.get(&frame.stream) {
                    Some(id) => self.exchange.ws_message(*id, &text, self.timestamp()),
                    None => {
                        let (_, id) = text.rsplit_once("\"id\":").unwrap();
                        let answer = format!("{{\"result\":null,\"id\":{id}");
                        let (stream, kind, bytes) = (frame.stream, FrameKind::Text, answer.as_bytes());
                        self.post(Input::Frame { stream, kind, bytes });
                    }
                }
            }
            Effect::AbandonHttp(_) | Effect::CloseStream { .. } => {}
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        for (id, outgoing) in self.exchange.drain() {
            let Some(stream) = self.sockets.iter().find(|(_, s)| **s == id).map(|(stream, _)| *stream) else {
                continue;
            };
            match outgoing {
                Outgoing::Text(text) => {
                    let (kind, bytes) = (FrameKind::Text, text.as_bytes());
                    self.post(Input::Frame { stream, kind, bytes });
                }
                Outgoing::Ping(payload) => self.exchange.ws_pong(id, &payload, self.timestamp()),
                Outgoing::Close(..) => panic!("the exchange closed the user stream"),
            }
        }
    }

    fn answer(&mut self, request: &HttpRequest) -> HttpResponse {
        let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let canned = match path {
            "/api/v3/depth" => Some(
                format!(
                    r#"{{"lastUpdateId":{},"bids":[["61000.00000000","1.00000000"]],"asks":[["62500.00000000","1.00000000"]]}}"#,
                    self.before_first_id
                )
                .into_bytes(),
            ),
            "/api/v3/openOrders" => self.open_orders.as_ref().map(|open| open.all.clone()),
            "/api/v3/order" => self.open_orders.as_ref().map(|open| {
                let asked = query.split('&').find_map(|part| part.strip_prefix("orderId="));
                let asked = asked.expect("the connector asks for an order by the id that the exchange told");
                open.each[asked].clone().into_bytes()
            }),
            _ => None,
        };
        if let Some(body) = canned {
            return HttpResponse {
                status: 200,
                headers: Vec::new(),
                body,
            };
        }
        let asked = binance::HttpRequest {
            method: match request.method.as_str() {
                "POST" => Method::Post,
                "PUT" => Method::Put,
                "DELETE" => Method::Delete,
                _ => Method::Get,
            },
            path: path.to_owned(),
            query: query.to_owned(),
            headers: request.headers.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            peer: HOST,
        };
        let answer = self.exchange.http(&asked, self.timestamp());
        HttpResponse {
            status: answer.status,
            headers: answer
                .headers
                .into_iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value))
                .collect(),
            body: answer.body.into_bytes(),
        }
    }
}

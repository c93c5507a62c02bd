//! The Binance connector: frames of its streams and answers to its requests, on a stage that plays the host.

use colibri_connector_binance::spot::BinanceSpot;
use colibri_sdk::SpotRuntime;
use colibri_sdk::abi::{OrderOp, Text48, op_kind, order_side, order_type, time_in_force};
use colibri_sdk::model::{ClientOrderId, Exponents, InstrumentId};
use colibri_sdk::standard::{
    Balances, BookSnapshot, CancelAll, Candles, Channel, Command, ConnectorConfig, Credential, EnvironmentConfig, Fees,
    Instruments, KeyKind, OpenOrders, OpenSession, OrderStatusQuery, OrdersSince, ServerTime, SessionRole,
    Subscription, TradesSince, UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Stage};
use serde::de::IgnoredAny;

use crate::input::{head, lines};

pub(crate) const BTC: InstrumentId = InstrumentId(1);
pub(crate) const EXPONENTS: Exponents = Exponents {
    price: -8,
    quantity: -8,
};
/// The operation that every input asks.
pub(crate) const OP: u64 = 1;
/// Answers to one operation: enough for a page and what follows it.
const MOST_PAGES: usize = 4;

/// Frames of a live market stream, a line each.
///
/// # Panics
/// Where the connector panics, tells what the standard does not have, makes market data of a frame that is not JSON, or makes
/// something else of a frame when its fast way, which knows no white space, is closed by a space before it.
pub fn binance_market_frames(data: &[u8]) {
    let (mut stage, mut careful) = (stage(), stage());
    for stage in [&mut stage, &mut careful] {
        open(stage, SessionRole::Market);
        stage.frame(1, br#"{"result":null,"id":1}"#);
    }
    for frame in lines(data) {
        let actions = stage.frame(1, frame);
        check(&actions);
        let with_care = careful.frame(1, &[b" ", frame].concat());
        if actions.iter().any(is_market_data) || with_care.iter().any(is_market_data) {
            assert_eq!(
                format!("{actions:?}"),
                format!("{with_care:?}"),
                "both ways read the same"
            );
        }
        let moved = actions.iter().any(is_market_data);
        assert!(!moved || is_json(frame), "a frame that is not JSON has moved the book");
    }
}

pub(crate) const fn is_market_data(action: &Action) -> bool {
    matches!(action, Action::Book { .. } | Action::Trades { .. } | Action::Top(_))
}

/// Frames of a live user stream, a line each.
///
/// # Panics
/// As [`binance_market_frames`].
pub fn binance_user_frames(data: &[u8]) {
    let mut stage = stage();
    open(&mut stage, SessionRole::User);
    stage.granted(OP);
    stage.frame(1, br#"{"id":1,"status":200,"result":{"subscriptionId":0}}"#);
    for frame in lines(data) {
        check(&stage.frame(1, frame));
    }
}

/// An answer: `<question> <status> [retry-after]`, and the body from the second line on.
///
/// # Panics
/// Where the connector panics, tells what the standard does not have, makes a book of a refusal, or does not end the
/// operation: by one outcome, or by wanting another page.
pub fn binance_response(data: &[u8]) {
    let Some((question, body)) = head(data) else { return };
    let mut words = question.split(' ');
    let (Some(name), Some(status)) = (words.next(), words.next()) else {
        return;
    };
    let Ok(status) = status.parse::<u32>() else { return };
    let mut stage = stage();
    if !ask(&mut stage, name) {
        return;
    }
    answer(&mut stage, status, words.next(), body);
}

/// Answers the operation until it has ended, or for a few pages.
pub(crate) fn answer(stage: &mut Stage, status: u32, retry_after: Option<&str>, body: &[u8]) {
    let retry_after: Vec<(&str, &str)> = retry_after.map(|value| ("retry-after", value)).into_iter().collect();
    for _ in 0..MOST_PAGES {
        let actions = stage.response_with(OP, status, &retry_after, body);
        check(&actions);
        let book = actions.iter().any(|action| matches!(action, Action::Book { .. }));
        assert!(!book || (200..300).contains(&status), "a refusal was read as a book");
        let ends = actions
            .iter()
            .filter(|action| matches!(action, Action::Complete { op: OP, .. }))
            .count();
        let goes_on = actions
            .iter()
            .any(|action| matches!(action, Action::Want { op: OP, .. }));
        // The answer to the question that begins a session opens its stream.
        let opens = actions.iter().any(|action| matches!(action, Action::Open { .. }));
        assert_eq!(
            ends + usize::from(goes_on) + usize::from(opens),
            1,
            "an operation ends once: {actions:?}"
        );
        if !goes_on {
            break;
        }
        stage.granted(OP);
    }
}

fn stage() -> Stage {
    let config = ConnectorConfig {
        environment: EnvironmentConfig {
            name: "live".to_owned(),
            addresses: [
                ("rest", "https://api.binance.com"),
                ("market", "wss://stream.binance.com:9443"),
                ("ws_api", "wss://ws-api.binance.com:443"),
            ]
            .into_iter()
            .map(|(role, address)| (role.to_owned(), address.to_owned()))
            .collect(),
        },
        credentials: [
            (
                "api_key".to_owned(),
                Credential::Public {
                    value: "KEY1".to_owned(),
                },
            ),
            (
                "secret".to_owned(),
                Credential::Secret {
                    kind: KeyKind::HmacSha256,
                },
            ),
        ]
        .into(),
        ..ConnectorConfig::default()
    };
    let connector = BinanceSpot::new(&config).expect("the credentials are whole");
    let runtime = SpotRuntime::new(Box::new(connector), &config).expect("the configuration is whole");
    let mut stage = Stage::new(runtime);
    let used = |id, pair: &str, symbol: &str| UsedInstrument {
        id,
        pair: pair.parse().expect("a pair"),
        symbol: symbol.to_owned(),
        exponents: EXPONENTS,
        contract: None,
    };
    let instruments = vec![
        used(BTC, "BTC-USDT", "BTCUSDT"),
        used(InstrumentId(2), "ETH-BTC", "ETHBTC"),
    ];
    stage.command(9_000, &Command::UseInstruments(UseInstruments { instruments }));
    stage
}

fn open(stage: &mut Stage, role: SessionRole) {
    let subscriptions = match role {
        SessionRole::Market => vec![Subscription {
            instrument: BTC,
            channels: vec![Channel::Book, Channel::Trades, Channel::Top],
        }],
        SessionRole::User => Vec::new(),
    };
    let session = OpenSession {
        session: 1,
        role,
        subscriptions,
    };
    stage.command(OP, &Command::OpenSession(session));
    stage.stream_opened(1);
}

/// Asks a question by the name of its command or order operation, up to the sending of its request; whether there is one.
fn ask(stage: &mut Stage, name: &str) -> bool {
    let command = match name {
        "place" => return order(stage, op_kind::PLACE),
        "cancel" => return order(stage, op_kind::CANCEL),
        "amend" => return order(stage, op_kind::AMEND),
        "replace" => return order(stage, op_kind::REPLACE),
        "cancel_all" => Command::CancelAll(CancelAll { instrument: BTC }),
        "open_orders" => Command::OpenOrders(OpenOrders { instrument: Some(BTC) }),
        "order_status" => Command::OrderStatus(OrderStatusQuery {
            instrument: BTC,
            client_id: ClientOrderId::new("x-C1").ok(),
            exchange_id: None,
        }),
        "orders_since" => Command::OrdersSince(OrdersSince {
            instrument: BTC,
            from_id: None,
            since: None,
        }),
        "trades_since" => Command::TradesSince(TradesSince {
            instrument: BTC,
            from_id: None,
            since: None,
            exchange_id: None,
        }),
        "balances" => Command::Balances(Balances {}),
        "fees" => Command::Fees(Fees { instrument: BTC }),
        "instruments" => Command::Instruments(Instruments {}),
        "server_time" => Command::ServerTime(ServerTime {}),
        "book_snapshot" => Command::BookSnapshot(BookSnapshot {
            instrument: BTC,
            depth: 100,
        }),
        "candles" => Command::Candles(Candles {
            instrument: BTC,
            interval: "1m".to_owned(),
            since: None,
            until: None,
            limit: None,
        }),
        _ => return false,
    };
    stage.command(OP, &command);
    stage.granted(OP);
    true
}

fn order(stage: &mut Stage, kind: u32) -> bool {
    let mut order = OrderOp {
        kind,
        instrument: BTC.0,
        side: order_side::BUY,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::GTC,
        price_exponent: EXPONENTS.price,
        quantity_exponent: EXPONENTS.quantity,
        price: if kind == op_kind::AMEND { 0 } else { 6_000_000_000_000 },
        quantity: 500_000,
        client_id: Text48::new("x-C1").expect("it is short"),
        exchange_id: Text48::new("28").expect("it is short"),
        ..OrderOp::default()
    };
    order.grant.op = OP;
    let actions = stage.orders(&[order]);
    assert!(
        actions.iter().any(|action| matches!(action, Action::Request { .. })),
        "the order was not sent: {actions:?}"
    );
    true
}

/// What holds of every action, whatever came in.
pub(crate) fn check(actions: &[Action]) {
    for action in actions {
        match action {
            Action::Book {
                instrument, exponents, ..
            } => {
                assert!(
                    [1, 2].contains(instrument),
                    "a book of an instrument that is not in use"
                );
                assert_eq!(*exponents, (EXPONENTS.price, EXPONENTS.quantity));
            }
            Action::Trades { instrument, .. } => assert!([1, 2].contains(instrument)),
            Action::Top(top) => assert!([1, 2].contains(&top.instrument)),
            Action::Log { text, .. } => assert!(
                !text.contains("that the standard does not have"),
                "an event that a host cannot read: {text}"
            ),
            _ => {}
        }
    }
}

pub(crate) fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

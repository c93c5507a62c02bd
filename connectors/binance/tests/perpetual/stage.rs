//! A stage with the connector, an account and two instruments; and what every action must keep to.

use colibri_connector_binance::perpetual::BinancePerpetual;
use colibri_sdk::SpotRuntime;
use colibri_sdk::abi::{OrderOp, Text48, op_kind, order_side, order_type, time_in_force};
use colibri_sdk::model::{Asset, Contract, Exponents, InstrumentId};
use colibri_sdk::standard::{
    Command, ConnectorConfig, Credential, EnvironmentConfig, KeyKind, OpenSession, Outcome, SessionRole,
    UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Stage, outcome};

pub const BTC: InstrumentId = InstrumentId(1);
pub const ETH: InstrumentId = InstrumentId(2);
pub const EXPONENTS: Exponents = Exponents {
    price: -8,
    quantity: -8,
};

pub fn config() -> ConnectorConfig {
    ConnectorConfig {
        environment: EnvironmentConfig {
            name: "live".to_owned(),
            addresses: [
                ("rest", "https://fapi.binance.com"),
                ("market", "wss://fstream.binance.com"),
                ("private", "wss://fstream.binance.com"),
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
    }
}

pub fn used(id: InstrumentId, pair: &str, symbol: &str) -> UsedInstrument {
    UsedInstrument {
        id,
        pair: pair.parse().unwrap(),
        symbol: symbol.to_owned(),
        exponents: EXPONENTS,
        contract: Some(Contract::linear(Asset::new("USDT"))),
    }
}

pub fn stage_of(config: &ConnectorConfig) -> Stage {
    let connector = BinancePerpetual::new(config).unwrap();
    let mut stage = Stage::new(SpotRuntime::perp(Box::new(connector), config).unwrap());
    let set = UseInstruments {
        instruments: vec![used(BTC, "BTC-USDT", "BTCUSDT"), used(ETH, "ETH-USDT", "ETHUSDT")],
    };
    let done = stage.command(9_000, &Command::UseInstruments(set));
    assert_eq!(outcome(&done, 9_000), Some(Outcome::Done));
    stage
}

pub fn stage() -> Stage {
    stage_of(&config())
}

pub fn limit(op: u64) -> OrderOp {
    let mut order = OrderOp {
        kind: op_kind::PLACE,
        instrument: BTC.0,
        side: order_side::BUY,
        order_type: order_type::LIMIT,
        time_in_force: time_in_force::GTC,
        price_exponent: -8,
        quantity_exponent: -8,
        price: 6_000_000_000_000,
        quantity: 500_000,
        client_id: Text48::new("x-C1").unwrap(),
        ..OrderOp::default()
    };
    order.grant.op = op;
    order
}

/// A user session that opens on stream 1, with what it did to get there.
pub fn opening(stage: &mut Stage) -> Vec<Action> {
    let session = OpenSession {
        session: 2,
        role: SessionRole::User,
        subscriptions: Vec::new(),
    };
    let mut actions = stage.command(1, &Command::OpenSession(session));
    actions.extend(stage.granted(1));
    actions.extend(stage.response(1, 200, br#"{"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1"}"#));
    actions
}

/// A live user session on stream 1.
pub fn user() -> Stage {
    let mut stage = stage();
    opening(&mut stage);
    let actions = stage.stream_opened(1);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    stage
}

/// The one request among actions: its endpoint, and its URL without the address.
pub fn request(actions: &[Action]) -> (String, String) {
    let found: Vec<_> = actions
        .iter()
        .filter_map(|a| match a {
            Action::Request { endpoint, url, .. } => Some((endpoint.clone(), url.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(found.len(), 1, "{actions:?}");
    let (endpoint, url) = found.into_iter().next().unwrap();
    (
        endpoint,
        url.strip_prefix("https://fapi.binance.com").unwrap().to_owned(),
    )
}

/// The request of a command.
pub fn asked(stage: &mut Stage, op: u64, command: &Command) -> (String, String) {
    stage.command(op, command);
    request(&stage.granted(op))
}

/// The payload of the one event among actions.
macro_rules! only {
    ($actions:expr, $kind:ident) => {{
        let told = colibri_sdk::testing::events(&$actions);
        match told.as_slice() {
            [colibri_sdk::standard::Event::$kind(event)] => event.clone(),
            other => panic!("{other:?}"),
        }
    }};
}
pub(crate) use only;

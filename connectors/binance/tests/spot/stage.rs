//! A stage with the connector, an account and two instruments; and what every action must keep to.

use colibri_connector_binance::spot::BinanceSpot;
use colibri_sdk::SpotRuntime;
use colibri_sdk::abi::{OrderOp, Text48, op_kind, order_side, order_type, time_in_force};
use colibri_sdk::model::{Exponents, InstrumentId};
use colibri_sdk::standard::{
    Command, ConnectorConfig, Credential, EnvironmentConfig, KeyKind, Outcome, UseInstruments, UsedInstrument,
};
use colibri_sdk::testing::{Action, Stage, outcome};

pub const BTC: InstrumentId = InstrumentId(1);
pub const ETH: InstrumentId = InstrumentId(2);
pub const EXPONENTS: Exponents = Exponents {
    price: -8,
    quantity: -8,
};

pub fn config(kind: KeyKind) -> ConnectorConfig {
    ConnectorConfig {
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
            ("secret".to_owned(), Credential::Secret { kind }),
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
        contract: None,
    }
}

pub fn stage_with(kind: KeyKind) -> Stage {
    let config = config(kind);
    let connector = BinanceSpot::new(&config).unwrap();
    let mut stage = Stage::new(SpotRuntime::new(Box::new(connector), &config).unwrap());
    let set = UseInstruments {
        instruments: vec![used(BTC, "BTC-USDT", "BTCUSDT"), used(ETH, "ETH-BTC", "ETHBTC")],
    };
    let done = stage.command(9_000, &Command::UseInstruments(set));
    assert_eq!(outcome(&done, 9_000), Some(Outcome::Done));
    stage
}

pub fn stage() -> Stage {
    stage_with(KeyKind::HmacSha256)
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
        url.strip_prefix("https://api.binance.com").unwrap().to_owned(),
    )
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

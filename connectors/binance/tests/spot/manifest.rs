//! The manifest, and that the code keeps to it.

use colibri_connector_binance::MANIFEST;
use colibri_connector_binance::spot::BinanceSpot;
use colibri_sdk::Spot;
use colibri_sdk::abi::{OrderOp, Text48, op_kind};
use colibri_sdk::standard::{
    Balances, BookSnapshot, CancelAll, Candles, Capability, Command, Fees, Instruments, KeyKind, OpenOrders,
    OrderStatusQuery, OrdersSince, ServerTime, TradesSince,
};
use colibri_sdk::testing::{Action, outcome};
use colibri_standard::{ConnectorManifest, Manifest, Transport};

use crate::stage::{BTC, config, limit, stage};

fn manifest() -> ConnectorManifest {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert_eq!(manifest.library.version, env!("CARGO_PKG_VERSION"));
    manifest.connector("binance").unwrap().clone()
}

#[test]
fn capabilities_are_those_of_the_code() {
    let connector = BinanceSpot::new(&config(KeyKind::HmacSha256)).unwrap();
    let declared: Vec<Capability> = manifest().capabilities.into_iter().collect();
    let mut known = connector.capabilities().to_vec();
    known.sort();
    assert_eq!(declared, known);
}

/// The endpoint of a request is declared, with that path.
fn assert_declared(actions: &[Action], used: &mut Vec<String>) {
    let manifest = manifest();
    for action in actions {
        let Action::Request { endpoint, url, .. } = action else {
            continue;
        };
        let declared = &manifest.endpoints[endpoint];
        assert_eq!(declared.transport, Transport::Http);
        let path = url.split('?').next().unwrap();
        assert_eq!(
            path,
            format!(
                "{}{}",
                manifest.environments["live"].addresses[&declared.host], declared.path
            )
        );
        used.push(endpoint.clone());
    }
}

#[test]
fn every_request_is_of_a_declared_endpoint_and_every_endpoint_is_used() {
    let mut used = Vec::new();
    let trades = TradesSince {
        instrument: BTC,
        from_id: None,
        since: None,
        exchange_id: None,
    };
    let mut of_order = trades.clone();
    of_order.exchange_id = colibri_sdk::model::ExchangeOrderId::new("1").ok();
    let depth = |depth| Command::BookSnapshot(BookSnapshot { instrument: BTC, depth });
    let commands = [
        Command::Instruments(Instruments {}),
        Command::ServerTime(ServerTime {}),
        Command::Balances(Balances {}),
        Command::Fees(Fees { instrument: BTC }),
        Command::OpenOrders(OpenOrders { instrument: Some(BTC) }),
        Command::OpenOrders(OpenOrders { instrument: None }),
        Command::OrderStatus(OrderStatusQuery {
            instrument: BTC,
            client_id: colibri_sdk::model::ClientOrderId::new("x").ok(),
            exchange_id: None,
        }),
        Command::OrdersSince(OrdersSince {
            instrument: BTC,
            from_id: None,
            since: None,
        }),
        Command::TradesSince(trades),
        Command::TradesSince(of_order),
        Command::CancelAll(CancelAll { instrument: BTC }),
        Command::Candles(Candles {
            instrument: BTC,
            interval: "1h".to_owned(),
            since: None,
            until: None,
            limit: None,
        }),
        depth(100),
        depth(500),
        depth(1000),
        depth(5000),
    ];
    for command in commands {
        let mut stage = stage();
        stage.command(1, &command);
        assert_declared(&stage.granted(1), &mut used);
    }
    let id = Text48::new("1").unwrap();
    for kind in [op_kind::PLACE, op_kind::CANCEL, op_kind::AMEND, op_kind::REPLACE] {
        let order = OrderOp {
            kind,
            exchange_id: id,
            price: if kind == op_kind::AMEND { 0 } else { 1 },
            ..limit(1)
        };
        assert_declared(&stage().orders(&[order]), &mut used);
    }
    used.sort();
    let manifest = manifest();
    let declared: Vec<&String> = manifest
        .endpoints
        .iter()
        .filter(|(_, e)| e.transport == Transport::Http)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(used.iter().collect::<Vec<_>>(), declared);
}

#[test]
fn what_is_needed_and_not_declared_is_not_sent() {
    let actions = stage().raw_command(1, "balances", br#"{"needs":["fee_rates","moon"]}"#);
    assert!(outcome(&actions, 1).unwrap().refusal().unwrap().text.contains("moon"));
    let actions = stage().raw_command(1, "balances", br#"{"needs":["fee_rates"]}"#);
    assert!(matches!(actions.as_slice(), [Action::Want { .. }]));
    let actions = stage().raw_command(1, "dance", b"{}");
    assert!(outcome(&actions, 1).unwrap().refusal().unwrap().text.contains("dance"));
    let actions = stage().raw_command(1, "fees", b"{");
    assert!(outcome(&actions, 1).is_some());
}

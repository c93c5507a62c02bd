//! The manifest, and that the code keeps to it.

use colibri_connector_binance::MANIFEST;
use colibri_connector_binance::perpetual::BinancePerpetual;
use colibri_sdk::Spot;
use colibri_sdk::abi::{OrderOp, Text48, op_kind, order_side};
use colibri_sdk::model::{
    ClientOrderId, CollateralMode, Leverage, MarginMode, OrderTerms, OrderType, PositionMode, Price, Quantity, Side,
    TriggerBy, TriggerIntent, TriggerKind, WallNs,
};
use colibri_sdk::standard::{
    Balances, BookSnapshot, CancelAll, CancelAllTriggers, CancelTrigger, Candles, Capability, Channel, Command, Fees,
    FundingPaymentsSince, FundingRateQuery, Instruments, Margin, MarginTiers, OpenOrders, OpenSession, OpenTriggers,
    OrderStatusQuery, OrdersSince, PlaceTrigger, Positions, RenewSession, ServerTime, SessionRole, SetCollateralMode,
    SetLeverage, SetMarginMode, SetPositionMode, Settings, Subscription, TradesSince, TriggerStatusQuery,
};
use colibri_sdk::testing::{Action, Stage};
use colibri_standard::{ConnectorManifest, Manifest, PoolScope, Transport};

use crate::stage::{BTC, config, limit, stage, user};

fn manifest() -> ConnectorManifest {
    Manifest::parse(MANIFEST)
        .unwrap()
        .connector("binance_perpetual")
        .unwrap()
        .clone()
}

#[test]
fn capabilities_are_those_of_the_code() {
    let connector = BinancePerpetual::new(&config()).unwrap();
    let declared: Vec<Capability> = manifest().capabilities.into_iter().collect();
    let mut known = connector.capabilities().to_vec();
    known.sort();
    assert_eq!(declared, known);
}

#[test]
fn limits_that_the_contract_markets_share_have_a_word() {
    for (id, pool) in manifest().pools {
        let counted_together = matches!(id.as_str(), "weight" | "orders_10s" | "orders_1m");
        assert_eq!(
            pool.shared.is_some_and(|word| word.starts_with("binance_contracts")),
            counted_together,
            "{id}"
        );
        assert!(!counted_together || pool.scope != PoolScope::Connection);
    }
}

/// The endpoint of a request or a stream is declared, with that path.
fn assert_declared(actions: &[Action], used: &mut Vec<String>) {
    let manifest = manifest();
    for action in actions {
        let (endpoint, url, transport) = match action {
            Action::Request { endpoint, url, .. } => (endpoint, url, Transport::Http),
            Action::Open { endpoint, url, .. } => (endpoint, url, Transport::Stream),
            _ => continue,
        };
        let declared = &manifest.endpoints[endpoint];
        assert_eq!(declared.transport, transport);
        let address = &manifest.environments["live"].addresses[&declared.host];
        let path = url.split('?').next().unwrap().strip_prefix(address.as_str()).unwrap();
        match declared.path.strip_suffix('*') {
            Some(beginning) => assert!(path.starts_with(beginning), "{path}"),
            None => assert_eq!(path, declared.path),
        }
        used.push(endpoint.clone());
    }
}

fn trigger() -> TriggerIntent {
    TriggerIntent {
        client_id: ClientOrderId::new("t-1").unwrap(),
        instrument: BTC,
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(60_000.into()),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(Quantity(1.into())),
        terms: OrderTerms::default(),
    }
}

fn commands() -> Vec<Command> {
    let depth = |depth| Command::BookSnapshot(BookSnapshot { instrument: BTC, depth });
    let candles = |limit| {
        Command::Candles(Candles {
            instrument: BTC,
            interval: "1h".to_owned(),
            since: None,
            until: None,
            limit: Some(limit),
        })
    };
    let id = ClientOrderId::new("t-1").ok();
    let some = Some(BTC);
    vec![
        Command::Instruments(Instruments {}),
        Command::ServerTime(ServerTime {}),
        Command::Balances(Balances {}),
        Command::Fees(Fees { instrument: BTC }),
        Command::OpenOrders(OpenOrders { instrument: some }),
        Command::OpenOrders(OpenOrders { instrument: None }),
        Command::OrderStatus(OrderStatusQuery {
            instrument: BTC,
            client_id: id.clone(),
            exchange_id: None,
        }),
        Command::OrdersSince(OrdersSince {
            instrument: BTC,
            from_id: None,
            since: None,
        }),
        Command::TradesSince(TradesSince {
            instrument: BTC,
            from_id: None,
            since: None,
            exchange_id: None,
        }),
        Command::CancelAll(CancelAll { instrument: BTC }),
        depth(50),
        depth(100),
        depth(500),
        depth(1000),
        candles(50),
        candles(400),
        candles(1000),
        Command::Positions(Positions { instrument: some }),
        Command::Settings(Settings { instrument: some }),
        Command::SetLeverage(SetLeverage::of(BTC, Leverage::new(5.into()).unwrap())),
        Command::SetMarginMode(SetMarginMode {
            instrument: some,
            mode: MarginMode::Cross,
        }),
        Command::SetPositionMode(SetPositionMode {
            instrument: None,
            mode: PositionMode::Hedge,
        }),
        Command::SetCollateralMode(SetCollateralMode {
            mode: CollateralMode::MultiAsset,
        }),
        Command::Margin(Margin {}),
        Command::MarginTiers(MarginTiers { instrument: BTC }),
        Command::FundingRate(FundingRateQuery { instrument: BTC }),
        Command::FundingPaymentsSince(FundingPaymentsSince {
            instrument: None,
            since: WallNs(0),
        }),
        Command::PlaceTrigger(PlaceTrigger::of(trigger())),
        Command::CancelTrigger(CancelTrigger {
            instrument: BTC,
            client_id: id.clone(),
            exchange_id: None,
        }),
        Command::CancelAllTriggers(CancelAllTriggers { instrument: BTC }),
        Command::OpenTriggers(OpenTriggers { instrument: some }),
        Command::OpenTriggers(OpenTriggers { instrument: None }),
        Command::TriggerStatus(TriggerStatusQuery {
            instrument: BTC,
            client_id: id,
            exchange_id: None,
        }),
        Command::OpenSession(OpenSession {
            session: 2,
            role: SessionRole::User,
            subscriptions: Vec::new(),
        }),
    ]
}

/// What a second request of an operation is to.
fn second(stage: &mut Stage, command: &Command, body: &[u8], used: &mut Vec<String>) {
    stage.ask(1, command, 200, body);
    assert_declared(&stage.granted(1), used);
}

#[test]
fn every_request_is_of_a_declared_endpoint_and_every_endpoint_is_used() {
    let mut used = Vec::new();
    for command in commands() {
        let mut stage = stage();
        stage.command(1, &command);
        assert_declared(&stage.granted(1), &mut used);
    }
    let config = br#"{"dualSidePosition":true,"multiAssetsMargin":false}"#;
    second(
        &mut stage(),
        &Command::Settings(Settings { instrument: None }),
        config,
        &mut used,
    );
    let index = br#"{"symbol":"BTCUSDT","markPrice":"1","lastFundingRate":"0.1"}"#;
    second(
        &mut stage(),
        &Command::FundingRate(FundingRateQuery { instrument: BTC }),
        index,
        &mut used,
    );
    second(
        &mut stage(),
        &Command::Margin(Margin {}),
        br#"{"assets":[]}"#,
        &mut used,
    );
    assert_declared(&crate::stage::opening(&mut stage()), &mut used);
    let mut renewed = user();
    renewed.command(5, &Command::RenewSession(RenewSession { session: 2 }));
    assert_declared(&renewed.granted(5), &mut used);
    let market = OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: vec![Subscription {
            instrument: BTC,
            channels: Channel::PERP.to_vec(),
        }],
    };
    assert_declared(&stage().command(1, &Command::OpenSession(market)), &mut used);
    for kind in [op_kind::PLACE, op_kind::CANCEL, op_kind::AMEND] {
        let order = OrderOp {
            kind,
            side: order_side::BUY,
            exchange_id: Text48::new("1").unwrap(),
            ..limit(1)
        };
        assert_declared(&stage().orders(&[order]), &mut used);
        if kind != op_kind::AMEND {
            assert_declared(&stage().orders(&[order.in_batch_of(1)]), &mut used);
        }
    }
    used.sort();
    used.dedup();
    let declared: Vec<String> = manifest().endpoints.into_keys().collect();
    assert_eq!(used, declared);
}

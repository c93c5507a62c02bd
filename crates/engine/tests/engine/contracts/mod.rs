//! Contracts at a desk: what is chosen, what is held, what is paid, and what the gate lets through.
#![allow(clippy::unwrap_used)]

mod accepted;
mod chaos;
mod forced;
mod funding;
mod gate;
mod kept;
mod positions;
mod questions;
mod session;
mod settings;
pub mod suits;
mod terms;

use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{OrderRequest, StrategyAction};
use colibri_engine::{MarketView, VenueView};
use colibri_model::{
    Amount, Asset, ClientOrderId, Decimal, ExchangeOrderId, FillCause, OrderTerms, PositionEffect, PositionSide, Price,
    Quantity, Record, Side,
};
use colibri_standard::{FillEvent, ForcedEvent, ReportSource};

use crate::desk::{Delivery, Exchange, Perp};
use crate::orders::{Scene, Told, buy, quantity};

/// A desk at an exchange for contracts, at which nothing was placed yet.
fn scene(prepare: impl FnOnce(&mut Exchange)) -> Scene {
    limited(prepare, RiskLimits::default())
}

fn limited(prepare: impl FnOnce(&mut Exchange), risk: RiskLimits) -> Scene {
    let mut scene = Scene::limited(risk, |exchange| {
        exchange.perp = Some(Perp::new());
        prepare(exchange);
    });
    scene.run(3_000);
    scene
}

fn perp(scene: &mut Scene) -> &mut Perp {
    scene.desk.exchange.perp.as_mut().unwrap()
}

fn market(scene: &Scene) -> MarketView<'_> {
    scene.desk.view().markets().next().unwrap()
}

fn venue(scene: &Scene) -> VenueView<'_> {
    scene.desk.view().venues().next().unwrap()
}

fn held(scene: &Scene) -> Quantity {
    market(scene).held()
}

fn sell(price: i64, amount: &str) -> OrderRequest {
    OrderRequest {
        side: Side::Sell,
        ..buy(price, amount)
    }
}

fn reducing(order: OrderRequest) -> OrderRequest {
    OrderRequest {
        terms: OrderTerms {
            effect: PositionEffect::ReduceOnly,
            ..order.terms
        },
        ..order
    }
}

fn of_side(order: OrderRequest, position_side: PositionSide) -> OrderRequest {
    OrderRequest {
        terms: OrderTerms {
            position_side,
            ..order.terms
        },
        ..order
    }
}

/// Places an order and lets it rest. `None` where it was refused.
fn place(scene: &mut Scene, order: OrderRequest) -> Option<ClientOrderId> {
    let before: Vec<ClientOrderId> = venue(scene).live_orders().map(|o| o.client_id().clone()).collect();
    scene.wish(StrategyAction::Create(order));
    scene.run(500);
    let id = venue(scene)
        .live_orders()
        .map(|o| o.client_id().clone())
        .find(|id| !before.contains(id))?;
    scene.order = id.clone();
    Some(id)
}

/// Places an order and has it filled and told.
fn filled(scene: &mut Scene, order: OrderRequest) -> FillEvent {
    let amount = order.quantity.to_string();
    place(scene, order).unwrap();
    let fill = scene.trade(&amount);
    scene.tell(0, fill.clone());
    scene.run(500);
    fill
}

/// The last refusal, in words.
fn refusal(scene: &Scene) -> String {
    let told = scene.told();
    let last = told.iter().rev().find_map(|told| match told {
        Told::Refused(refused) => Some(refused.reason.to_string()),
        _ => None,
    });
    last.unwrap_or_default()
}

fn refusals(scene: &Scene) -> usize {
    let told = scene.told();
    told.iter().filter(|told| matches!(told, Told::Refused(_))).count()
}

fn usdt(amount: &str) -> Amount {
    Amount(amount.parse().unwrap())
}

fn records(scene: &Scene) -> Vec<Record> {
    scene.desk.journal.0.borrow().records.clone()
}

/// A trade of somebody else's order, or of the exchange's, told on the stream.
fn other_trade(scene: &mut Scene, cause: FillCause, side: Side, price: i64, amount: &str) -> FillEvent {
    let now = scene.desk.now();
    let fill = scene.desk.exchange.trade_by_itself(cause, side, price, amount, now);
    scene.desk.deliver(0, Delivery::Event(fill.clone().into()));
    scene.run(500);
    fill
}

/// The exchange's word that it sells two by itself, by an order of this name where it says one.
fn liquidated(order: Option<ExchangeOrderId>) -> ForcedEvent {
    ForcedEvent {
        instrument: None,
        symbol: "BTCUSDT".to_owned(),
        position_side: PositionSide::Net,
        cause: FillCause::Liquidation,
        side: Some(Side::Sell),
        quantity: Some(quantity("2")),
        price: Some(price(80)),
        exchange_id: order,
        source: ReportSource::Stream,
        exchange_time: None,
    }
}

/// Stops with proof; the exchange's wallet is what the ledger says, and its positions are those of the fills.
fn check(mut scene: Scene) {
    scene.run(70_000);
    scene.desk.stop();
    assert!(scene.desk.engine.is_stopped(), "{:?}", scene.desk.engine.stop_report());
    scene.desk.assert_ledger_agrees();
    let truth = scene.desk.exchange.perp.as_ref().unwrap().positions.clone();
    let positions = market(&scene).positions().unwrap();
    for (side, position) in truth.iter() {
        let ours = positions.of(side);
        assert_eq!(
            (ours.quantity, ours.cost),
            (position.quantity, position.cost),
            "{side:?}"
        );
        assert_eq!(ours.realized, position.realized, "{side:?}");
    }
}

fn price(amount: i64) -> Price {
    Price(Decimal::from(amount))
}

fn settle() -> Asset {
    Asset::new("USDT")
}

//! The strategy of the bench: answers each frame with one order, at once. In no registry: no bot's file can name it.

use colibri_engine::MarketId;
use colibri_engine::View;
use colibri_engine::strategy::{Input, MarketNeed, OrderRequest, Strategy, StrategyActions};
use colibri_model::{
    Decimal, OrderTerms, OrderType, Price, Quantity, QuantityUnit, Side, StrategyId, TimeInForce, VenueId,
};

use crate::frames::FrameShape;

/// Buys at the best ask, immediate or cancel: the exchange's own book is empty, so each order is over at once.
pub struct Responder {
    id: StrategyId,
    need: MarketNeed,
    shape: FrameShape,
}

impl Responder {
    pub fn new(shape: FrameShape) -> Responder {
        let need = MarketNeed {
            venue: VenueId::new("binance").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
        };
        Responder {
            id: StrategyId::new("responder").unwrap(),
            need,
            shape,
        }
    }
}

fn buy(market: MarketId, price: Price) -> OrderRequest {
    OrderRequest {
        market,
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Ioc),
        price: Some(price),
        quantity: Quantity::from(Decimal::new(1, 2)),
        quantity_unit: QuantityUnit::Base,
        terms: OrderTerms::default(),
        tag: 0,
    }
}

impl Strategy for Responder {
    fn id(&self) -> &StrategyId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "responder"
    }

    fn needs(&self) -> Vec<MarketNeed> {
        vec![self.need.clone()]
    }

    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        match (input, self.shape) {
            (Input::Book(market), FrameShape::Depth) => {
                let book = view.market(market).and_then(|m| m.book());
                if let Some(best) = book.and_then(|book| book.best_ask()) {
                    actions.create(buy(market, best.price));
                }
            }
            (Input::Trades { market, .. }, FrameShape::Trade) => {
                if let Some(price) = view.market(market).and_then(|m| m.last_trade()) {
                    actions.create(buy(market, price));
                }
            }
            _ => {}
        }
    }
}

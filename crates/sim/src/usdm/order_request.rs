//! From parameters to an order. Source: Binance, USD-M futures, "New Order".

use rust_decimal::Decimal;

use super::exchange::Exchange;
use super::rejection;
use super::render::OrderDetail;
use crate::identity::{AccountId, ClientOrderId, MarketId};
use crate::margin::{PositionMode, PositionSide};
use crate::matching::{
    Cause, ContractTerms, Effect, NewOrder, OrderKey, OrderKind, OrderSize, SelfTradePrevention, Side, TimeInForce,
};
use crate::time::{Span, Timestamp};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

/// How much of an order a reply to placing it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// That it was accepted.
    Ack,
    /// What became of it at once.
    Result,
}

/// An order as it was asked for.
#[derive(Debug)]
pub struct Asked {
    pub new: NewOrder,
    pub detail: OrderDetail,
    pub response: ResponseType,
}

impl Exchange {
    /// The market of `symbol`.
    ///
    /// # Errors
    /// -1102, -1100 or -1121.
    pub(super) fn listed(&self, params: &Params) -> Result<MarketId, ApiError> {
        self.engine
            .find_market(&params.symbol()?)
            .ok_or_else(rejection::unknown_symbol)
    }

    /// The market of `symbol`, where there is one.
    ///
    /// # Errors
    /// -1100 or -1121.
    pub(super) fn maybe_listed(&self, params: &Params) -> Result<Option<MarketId>, ApiError> {
        params.get("symbol").map(|_| self.listed(params)).transpose()
    }

    /// Reads an order of `POST /fapi/v1/order`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn asked_order(
        &mut self,
        market: MarketId,
        account: AccountId,
        params: &Params,
    ) -> Result<Asked, ApiError> {
        let side = side_of(params)?;
        let time_in_force = params.get("timeInForce");
        let limit = match params.required("type")? {
            "LIMIT" => true,
            "MARKET" => false,
            "STOP" | "STOP_MARKET" | "TAKE_PROFIT" | "TAKE_PROFIT_MARKET" | "TRAILING_STOP_MARKET" => {
                let message = "Order type not supported for this endpoint. Please use the Algo Order API endpoints \
                               instead.";
                return Err(ApiError::bad(-4120, message));
            }
            _ => return Err(rejection::bad_order_type()),
        };
        if params.boolean("closePosition")? == Some(true) {
            return Err(ApiError::not_required("closePosition"));
        }
        let (kind, in_force, good_till) = if limit {
            self.life_of(time_in_force.ok_or_else(|| ApiError::missing("timeInForce"))?, params)?
        } else if time_in_force.is_some() {
            return Err(ApiError::not_required("timeInForce"));
        } else {
            (OrderKind::Market, TimeInForce::GoodTillCancel, None)
        };
        let (position, effect) = self.position_of(account, params)?;
        let mut detail = OrderDetail::plain(kind);
        let price = match (limit, price_match(params)?) {
            (true, None) => self
                .price_of(market, params, "price")?
                .ok_or_else(|| ApiError::missing("price"))?,
            (false, _) if params.get("price").is_some() => return Err(ApiError::not_required("price")),
            (false, _) => Decimal::ZERO,
            (true, Some(_)) if params.get("price").is_some() => return Err(ApiError::not_required("price")),
            (true, Some(matched)) => {
                detail.price_match = matched.name;
                self.matched_price(market, side, matched)?
            }
        };
        let quantity = self
            .quantity_of(market, params)?
            .ok_or_else(|| ApiError::missing("quantity"))?;
        let response = match params.get("newOrderRespType") {
            None | Some("ACK") => ResponseType::Ack,
            Some("RESULT") => ResponseType::Result,
            Some(_) => return Err(ApiError::bad(-1118, "Invalid newOrderRespType.")),
        };
        let new = NewOrder {
            client_id: client_id(params, "newClientOrderId")?.unwrap_or_else(|| self.new_name()),
            side,
            kind,
            time_in_force: in_force,
            price,
            size: OrderSize::Base(quantity),
            self_trade_prevention: prevention_of(params)?,
            strategy_id: None,
            strategy_type: None,
            terms: ContractTerms {
                position,
                effect,
                cause: Cause::Client,
                good_till,
            },
        };
        Ok(Asked { new, detail, response })
    }

    /// Reads `timeInForce`, and `goodTillDate` where it asks for one.
    pub(super) fn life_of(
        &self,
        time_in_force: &str,
        params: &Params,
    ) -> Result<(OrderKind, TimeInForce, Option<Timestamp>), ApiError> {
        let until = params.integer("goodTillDate")?.filter(|until| *until != 0);
        if until.is_some() && time_in_force != "GTD" {
            return Err(ApiError::not_required("goodTillDate"));
        }
        Ok(match time_in_force {
            "GTC" => (OrderKind::Limit, TimeInForce::GoodTillCancel, None),
            "IOC" => (OrderKind::Limit, TimeInForce::ImmediateOrCancel, None),
            "FOK" => (OrderKind::Limit, TimeInForce::FillOrKill, None),
            "GTX" => (OrderKind::LimitMaker, TimeInForce::GoodTillCancel, None),
            "GTD" => {
                let until = until.ok_or_else(|| ApiError::missing("goodTillDate"))?;
                // The exchange reads whole seconds.
                let until = Timestamp::from_millis(until / 1_000 * 1_000);
                let shortest = Span::from_secs(i64::from(self.contracts.good_till_seconds));
                if until <= self.now.after(shortest) {
                    return Err(ApiError::invalid("goodTillDate"));
                }
                (OrderKind::Limit, TimeInForce::GoodTillCancel, Some(until))
            }
            _ => return Err(rejection::bad_time_in_force()),
        })
    }

    /// Reads `positionSide` and `reduceOnly`, as the account's mode has them.
    pub(super) fn position_of(&self, account: AccountId, params: &Params) -> Result<(PositionSide, Effect), ApiError> {
        let mode = self.engine.account(account).margin.position_mode;
        let position = match params.get("positionSide") {
            None => PositionSide::Both,
            Some(text) => PositionSide::parse(text).ok_or_else(|| ApiError::bad(-4060, "Invalid position side."))?,
        };
        if !mode.has(position) {
            return Err(rejection::wrong_position_side());
        }
        let effect = match params.boolean("reduceOnly")? {
            Some(_) if mode == PositionMode::Hedge => return Err(ApiError::not_required("reduceonly")),
            Some(true) => Effect::ReduceOnly,
            Some(false) | None => Effect::Any,
        };
        Ok((position, effect))
    }

    /// Reads a price with no more digits than the contract has.
    pub(super) fn price_of(&self, market: MarketId, params: &Params, name: &str) -> Result<Option<Decimal>, ApiError> {
        number(params, name, self.config(market).price.tick)
    }

    /// Reads `quantity` with no more digits than the contract has.
    pub(super) fn quantity_of(&self, market: MarketId, params: &Params) -> Result<Option<Decimal>, ApiError> {
        number(params, "quantity", self.config(market).lot.step)
    }

    /// The price of a level of the book.
    pub(super) fn matched_price(&self, market: MarketId, side: Side, matched: PriceMatch) -> Result<Decimal, ApiError> {
        let of = match matched.queue {
            Queue::Own => side,
            Queue::Opponent => side.opposite(),
        };
        let level = self.engine.market(market).book().levels(of).nth(matched.level - 1);
        level
            .map(|(price, _)| price)
            .ok_or_else(|| ApiError::bad(-5041, "No depth matches this BBO order."))
    }
}

/// Whose queue a price is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    Own,
    Opponent,
}

/// A price that is read off the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PriceMatch {
    pub name: &'static str,
    pub queue: Queue,
    /// From 1, the best.
    pub level: usize,
}

/// Reads `priceMatch`.
pub(super) fn price_match(params: &Params) -> Result<Option<PriceMatch>, ApiError> {
    const ALL: [(&str, Queue, usize); 8] = [
        ("OPPONENT", Queue::Opponent, 1),
        ("OPPONENT_5", Queue::Opponent, 5),
        ("OPPONENT_10", Queue::Opponent, 10),
        ("OPPONENT_20", Queue::Opponent, 20),
        ("QUEUE", Queue::Own, 1),
        ("QUEUE_5", Queue::Own, 5),
        ("QUEUE_10", Queue::Own, 10),
        ("QUEUE_20", Queue::Own, 20),
    ];
    match params.get("priceMatch") {
        None | Some("NONE") => Ok(None),
        Some(text) => ALL
            .into_iter()
            .find(|(name, ..)| *name == text)
            .map(|(name, queue, level)| Some(PriceMatch { name, queue, level }))
            .ok_or_else(|| ApiError::bad(-5037, "Invalid price match")),
    }
}

/// Reads `side`.
pub(super) fn side_of(params: &Params) -> Result<Side, ApiError> {
    match params.required("side")? {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(ApiError::bad(-1117, "Invalid side.")),
    }
}

/// Reads `selfTradePreventionMode`.
pub(super) fn prevention_of(params: &Params) -> Result<SelfTradePrevention, ApiError> {
    match params.get("selfTradePreventionMode") {
        None | Some("EXPIRE_MAKER") => Ok(SelfTradePrevention::ExpireMaker),
        Some("EXPIRE_TAKER") => Ok(SelfTradePrevention::ExpireTaker),
        Some("EXPIRE_BOTH") => Ok(SelfTradePrevention::ExpireBoth),
        Some("NONE") => Ok(SelfTradePrevention::None),
        Some(_) => Err(ApiError::invalid("selfTradePreventionMode")),
    }
}

/// A client's name for an order or a trigger. Source: `^[\.A-Z\:/a-z0-9_-]{1,36}$`.
pub(super) fn client_id(params: &Params, name: &str) -> Result<Option<ClientOrderId>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    if text.len() > 36 {
        return Err(ApiError::bad(
            -4015,
            "Client order id length should be less than 36 chars",
        ));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
    if !text.bytes().all(legal) {
        return Err(ApiError::illegal_characters(name, "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"));
    }
    Ok(Some(ClientOrderId::from(text)))
}

/// How an order is named: by `orderId`, or else by `origClientOrderId`.
pub(super) fn order_key(params: &Params) -> Result<OrderKey, ApiError> {
    if let Some(id) = params.order_id("orderId")? {
        return Ok(OrderKey::Id(id));
    }
    client_id(params, "origClientOrderId")?
        .map(OrderKey::ClientId)
        .ok_or_else(|| ApiError::missing_both("orderId", "origClientOrderId"))
}

fn number(params: &Params, name: &str, step: Decimal) -> Result<Option<Decimal>, ApiError> {
    params
        .decimal(name, step.normalize().scale() as usize)
        .map_err(|error| match error.code {
            -1111 => ApiError::bad(-1111, "Precision is over the maximum defined for this asset."),
            _ => error,
        })
}

//! What an account asks about itself: orders, trades, balances, commission.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::call::{Call, unknown_symbol};
use super::exchange::Exchange;
use super::public_data::{PageEnd, page, within};
use super::render::{self, amount};
use crate::identity::{AccountId, MarketId, OrderId};
use crate::matching::Balance;
use crate::time::{Span, Timestamp};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

/// The longest range of times in one query.
const LONGEST_RANGE: Span = Span::from_secs(86_400);

impl Exchange {
    pub(super) fn query_order(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let market = self.listed(call.params)?;
        let order = self.find_queried(market, call.account()?, call.params)?;
        Ok(render::queried(self.symbol(market), order, call.unit))
    }

    pub(super) fn open_orders(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let markets = match call.params.get("symbol") {
            Some(_) => vec![self.listed(call.params)?],
            None => (0..self.markets.len()).map(MarketId).collect(),
        };
        let of_market = |market: MarketId| {
            let orders = self.engine.market(market).open_orders(account);
            orders.map(move |order| render::queried(self.symbol(market), order, call.unit))
        };
        Ok(markets.into_iter().flat_map(of_market).collect())
    }

    pub(super) fn all_orders(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let (account, market) = (call.account()?, self.listed(call.params)?);
        let limit = call.params.limit(500, 1_000)?;
        let (start, end) = range(call.params)?;
        let from = call.params.order_id("orderId")?;
        let rows = self
            .engine
            .market(market)
            .orders_of(account)
            .filter(|order| from.is_none_or(|from| order.id >= from))
            .filter(|order| within(order.created, start, end))
            .map(|order| render::queried(self.symbol(market), order, call.unit));
        Ok(page(
            rows.collect(),
            limit,
            PageEnd::of(&[from.is_some(), start.is_some()]),
        ))
    }

    pub(super) fn my_trades(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let (account, market) = (call.account()?, self.listed(call.params)?);
        let limit = call.params.limit(500, 1_000)?;
        let (start, end) = range(call.params)?;
        let (order, from) = (call.params.order_id("orderId")?, call.params.integer("fromId")?);
        // Source: "These are the supported combinations of all parameters".
        let ranged = start.is_some() || end.is_some();
        if ranged && (order.is_some() || from.is_some()) {
            return Err(ApiError::bad(-1128, "Combination of optional parameters invalid."));
        }
        let rows = self
            .engine
            .market(market)
            .trades_of(account)
            .iter()
            .filter(|trade| order.is_none_or(|order| trade.order == order))
            .filter(|trade| from.is_none_or(|from| trade.id.0 as i64 >= from))
            .filter(|trade| within(trade.time, start, end))
            .map(|trade| render::my_trade(self.symbol(market), trade, call.unit));
        Ok(page(
            rows.collect(),
            limit,
            PageEnd::of(&[from.is_some(), start.is_some()]),
        ))
    }

    pub(super) fn prevented_matches(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let (account, market) = (call.account()?, self.listed(call.params)?);
        let limit = call.params.limit(500, 1_000)?;
        let one = call.params.integer("preventedMatchId")?;
        let from = call.params.integer("fromPreventedMatchId")?;
        let order = call.params.order_id("orderId")?;
        if one.is_none() && order.is_none() {
            return Err(ApiError::missing_both("preventedMatchId", "orderId"));
        }
        let place = self.engine.market(market);
        let owns = |id: OrderId| place.order(id).is_some_and(|order| order.account == account);
        let group = self.engine.account(account).settings.trade_group;
        let rows = place
            .prevented_matches()
            .iter()
            .filter(|prevented| owns(prevented.taker) || owns(prevented.maker))
            .filter(|prevented| one.is_none_or(|one| prevented.id.0 as i64 == one))
            .filter(|prevented| from.is_none_or(|from| prevented.id.0 as i64 >= from))
            .filter(|prevented| order.is_none_or(|order| prevented.taker == order || prevented.maker == order))
            .map(|prevented| render::prevented(self.symbol(market), prevented, group, call.unit));
        Ok(page(rows.collect(), limit, PageEnd::Oldest))
    }

    pub(super) fn account_information(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let id = call.account()?;
        let account = self.engine.account(id);
        let omit_zero = call.params.boolean("omitZeroBalances")?.unwrap_or(false);
        let shown = |balance: &Balance| !omit_zero || !(balance.free + balance.locked).is_zero();
        let balances: Value = account
            .ledger
            .iter()
            .filter(|(_, balance)| shown(balance))
            .map(|(asset, balance)| {
                json!({ "asset": asset.as_str(), "free": amount(balance.free), "locked": amount(balance.locked) })
            })
            .collect();
        let fees = account.settings.fees;
        let basis_points = |rate: Decimal| (rate * Decimal::from(10_000)).to_i64().unwrap_or_default();
        Ok(json!({
            "makerCommission": basis_points(fees.maker),
            "takerCommission": basis_points(fees.taker),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": amount(fees.maker),
                "taker": amount(fees.taker),
                "buyer": amount(Decimal::ZERO),
                "seller": amount(Decimal::ZERO),
            },
            "canTrade": true,
            "canWithdraw": true,
            "canDeposit": true,
            "brokered": false,
            "requireSelfTradePrevention": false,
            "preventSor": false,
            "updateTime": call.unit.of(account.updated),
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
            "uid": 1_000_000 + id.0,
        }))
    }

    pub(super) fn commission_rates(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self
            .engine
            .find_market(&call.params.symbol()?)
            .ok_or_else(unknown_symbol)?;
        Ok(self.commission_values(market, account))
    }

    pub(super) fn commission_values(&self, market: MarketId, account: AccountId) -> Value {
        let settings = &self.engine.account(account).settings;
        let rates = |maker: Decimal, taker: Decimal| {
            json!({ "maker": amount(maker), "taker": amount(taker), "buyer": amount(Decimal::ZERO),
                "seller": amount(Decimal::ZERO) })
        };
        let fee_asset = settings.fee_asset.as_ref();
        json!({
            "symbol": self.symbol(market).as_str(),
            "standardCommission": rates(settings.fees.maker, settings.fees.taker),
            "specialCommission": rates(Decimal::ZERO, Decimal::ZERO),
            "taxCommission": rates(Decimal::ZERO, Decimal::ZERO),
            "discount": {
                "enabledForAccount": fee_asset.is_some(),
                "enabledForSymbol": fee_asset.is_some(),
                "discountAsset": fee_asset.map_or("BNB", |fee_asset| fee_asset.asset.as_str()),
                "discount": amount(fee_asset.map_or(Decimal::ZERO, |fee_asset| fee_asset.discount)),
            },
        })
    }
}

/// `startTime` and `endTime`, which may be at most a day apart.
fn range(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
    if let (Some(start), Some(end)) = (start, end)
        && end.since(start) > LONGEST_RANGE
    {
        return Err(ApiError::bad(
            -1127,
            "More than 24 hours between startTime and endTime.",
        ));
    }
    Ok((start, end))
}

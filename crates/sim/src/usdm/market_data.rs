//! Public operations: what is listed, books, trades, candles, prices, funding. Source: Binance, USD-M futures, "Market Data".

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::filters::{self, TradingRules};
use super::pricing::Settled;
use super::render::{plain, stepped};
use super::trading::page;
use crate::config::{MarketStatus, PerpetualConfig};
use crate::identity::MarketId;
use crate::matching::{PublicTrade, Side};
use crate::wire::candles::{Candle, Interval};
use crate::wire::error::ApiError;
use crate::wire::feed::{AggregateTrade, BestPrices};
use crate::wire::params::Params;
use crate::wire::text::amount;

/// What the exchange says of a contract that is never delivered: the year 2100.
const NEVER_DELIVERED: i64 = 4_133_404_800_000;
/// Binance's hours between two settlements, of which `fundingInfo` says nothing.
const USUAL_INTERVAL: u32 = 28_800;

impl Exchange {
    pub(super) fn exchange_info(&self) -> Value {
        let asset = json!({ "asset": self.margin_asset(), "marginAvailable": true, "autoAssetExchange": "-10000" });
        json!({
            "timezone": "UTC",
            "serverTime": self.now.millis(),
            "futuresType": "U_MARGINED",
            "rateLimits": self.limits.describe(),
            "exchangeFilters": [],
            "assets": [asset],
            "symbols": self.shown().map(|(config, rules)| describe_symbol(config, rules)).collect::<Vec<_>>(),
        })
    }

    pub(super) fn depth(&self, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let limit = params.limit(500, 1_000)?;
        if ![5, 10, 20, 50, 100, 500, 1_000].contains(&limit) {
            return Err(ApiError::bad(-4021, format!("{limit} is not valid depth limit")));
        }
        let config = self.config(market);
        let place = self.engine.market(market);
        let side = |side| -> Value {
            let levels = place.book().levels(side).take(limit);
            levels
                .map(|(price, level)| level_text(config, price, level.quantity))
                .collect()
        };
        Ok(json!({
            "lastUpdateId": place.last_update().0,
            "E": self.now.millis(),
            "T": self.now.millis(),
            "bids": side(Side::Buy),
            "asks": side(Side::Sell),
        }))
    }

    pub(super) fn recent_trades(&self, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let config = self.config(market);
        let limit = params.limit(500, 1_000)?;
        let rows = self
            .engine
            .market(market)
            .trades()
            .iter()
            .map(|trade| trade_row(config, trade))
            .collect();
        Ok(page(rows, limit, false))
    }

    pub(super) fn aggregate_trades(&self, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let config = self.config(market);
        let limit = params.limit(500, 1_000)?;
        let from = params.integer("fromId")?;
        let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
        let rows = self.feeds[market.0]
            .aggregates
            .iter()
            .filter(|trade| from.is_none_or(|from| trade.id as i64 >= from))
            .filter(|trade| start.is_none_or(|start| trade.time.millis() >= start.millis()))
            .filter(|trade| end.is_none_or(|end| trade.time.millis() <= end.millis()))
            .map(|trade| aggregate_row(config, trade))
            .collect();
        Ok(page(rows, limit, from.is_some() || start.is_some()))
    }

    pub(super) fn klines(&mut self, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let interval = Interval::parse(params.required("interval")?).filter(|interval| *interval != Interval::S1);
        let interval = interval.ok_or_else(|| ApiError::bad(-1120, "Invalid interval."))?;
        let limit = params.limit(500, 1_500)?;
        let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
        let config = self.markets[market.0].clone();
        let rows = self.feeds[market.0]
            .candles
            .of(interval, self.now)
            .iter()
            .filter(|candle| start.is_none_or(|start| candle.open_time.millis() >= start.millis()))
            .filter(|candle| end.is_none_or(|end| candle.open_time.millis() <= end.millis()))
            .map(|candle| kline_row(&config, candle))
            .collect();
        Ok(page(rows, limit, start.is_some()))
    }

    /// One contract's row where `symbol` names it, those of all otherwise.
    pub(super) fn rows(
        &mut self,
        params: &Params,
        row: impl Fn(&mut Self, MarketId) -> Value,
    ) -> Result<Value, ApiError> {
        match self.maybe_listed(params)? {
            Some(market) => Ok(row(self, market)),
            None => Ok((0..self.markets.len())
                .map(|place| row(self, MarketId(place)))
                .collect()),
        }
    }

    pub(super) fn premium_index(&mut self, market: MarketId) -> Value {
        let pricing = &self.prices[market.0];
        json!({
            "symbol": self.symbol(market).as_str(),
            "markPrice": amount(pricing.mark),
            "indexPrice": amount(pricing.index),
            "estimatedSettlePrice": amount(pricing.index),
            "lastFundingRate": amount(pricing.rate()),
            "interestRate": amount(self.config(market).funding.interest_rate),
            "nextFundingTime": pricing.next_funding().millis(),
            "time": self.now.millis(),
        })
    }

    pub(super) fn funding_rates(&self, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let limit = params.limit(100, 1_000)?;
        let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
        let markets = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id));
        let mut settled: Vec<(MarketId, Settled)> = markets
            .flat_map(|id| self.prices[id.0].settled.iter().map(move |settled| (id, *settled)))
            .filter(|(_, settled)| start.is_none_or(|start| settled.time.millis() >= start.millis()))
            .filter(|(_, settled)| end.is_none_or(|end| settled.time.millis() <= end.millis()))
            .collect();
        settled.sort_by_key(|(_, settled)| settled.time);
        let rows = settled.into_iter().map(|(market, settled)| {
            json!({
                "symbol": self.symbol(market).as_str(),
                "fundingTime": settled.time.millis(),
                "fundingRate": amount(settled.rate),
                "markPrice": amount(settled.mark),
                "rateType": "Regular",
            })
        });
        Ok(page(rows.collect(), limit, start.is_some()))
    }

    /// Contracts whose funding is not the usual one. An interval below an hour cannot be said in hours: it shows as 0.
    pub(super) fn funding_info(&self) -> Value {
        let unusual = self
            .markets
            .iter()
            .filter(|market| market.funding.interval_seconds != USUAL_INTERVAL);
        unusual
            .map(|market| {
                json!({
                    "symbol": market.symbol.as_str(),
                    "adjustedFundingRateCap": amount(market.funding.cap),
                    "adjustedFundingRateFloor": amount(-market.funding.cap),
                    "fundingIntervalHours": market.funding.interval_seconds / 3_600,
                    "disclaimer": false,
                    "updateTime": self.now.millis(),
                })
            })
            .collect()
    }

    pub(super) fn ticker_24h(&mut self, market: MarketId) -> Value {
        let now = self.now;
        let config = self.markets[market.0].clone();
        let last = self
            .engine
            .market(market)
            .trades()
            .back()
            .map_or(Decimal::ZERO, |trade| trade.quantity);
        let Some(day) = self.feeds[market.0].candles.day(now) else {
            return json!({ "symbol": config.symbol.as_str() });
        };
        let price = |value| stepped(value, config.price.tick);
        let percent = if day.open.is_zero() {
            Decimal::ZERO
        } else {
            (day.close - day.open) / day.open * Decimal::ONE_HUNDRED
        };
        let weighted = if day.volume.is_zero() {
            day.close
        } else {
            day.quote_volume / day.volume
        };
        let (first, latest) = day
            .span
            .map_or((-1, -1), |(first, last)| (first.0 as i64, last.0 as i64));
        json!({
            "symbol": config.symbol.as_str(),
            "priceChange": price(day.close - day.open),
            "priceChangePercent": format!("{percent:.3}"),
            "weightedAvgPrice": price(weighted),
            "lastPrice": price(day.close),
            "lastQty": plain(last),
            "openPrice": price(day.open),
            "highPrice": price(day.high),
            "lowPrice": price(day.low),
            "volume": plain(day.volume),
            "quoteVolume": plain(day.quote_volume),
            "openTime": day.open_time.millis(),
            "closeTime": now.millis(),
            "firstId": first,
            "lastId": latest,
            "count": day.trades,
        })
    }

    pub(super) fn ticker_price(&mut self, market: MarketId) -> Value {
        let price = self.engine.market(market).last_price().unwrap_or_default();
        json!({
            "symbol": self.symbol(market).as_str(),
            "price": stepped(price, self.config(market).price.tick),
            "time": self.now.millis(),
        })
    }

    pub(super) fn ticker_book(&mut self, market: MarketId) -> Value {
        let config = self.config(market);
        let place = self.engine.market(market);
        let best = BestPrices::of(place.book());
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        json!({
            "symbol": config.symbol.as_str(),
            "bidPrice": stepped(bid.0, config.price.tick),
            "bidQty": stepped(bid.1, config.lot.step),
            "askPrice": stepped(ask.0, config.price.tick),
            "askQty": stepped(ask.1, config.lot.step),
            "time": self.now.millis(),
            "lastUpdateId": place.last_update().0,
        })
    }
}

/// A level as `[price, quantity]`.
pub(super) fn level_text(config: &PerpetualConfig, price: Decimal, quantity: Decimal) -> Value {
    json!([stepped(price, config.price.tick), stepped(quantity, config.lot.step)])
}

fn trade_row(config: &PerpetualConfig, trade: &PublicTrade) -> Value {
    json!({
        "id": trade.id.0,
        "price": stepped(trade.price, config.price.tick),
        "qty": stepped(trade.quantity, config.lot.step),
        "quoteQty": plain(trade.price * trade.quantity),
        "time": trade.time.millis(),
        "isBuyerMaker": trade.taker_side == Side::Sell,
        "isRPITrade": false,
    })
}

/// A row of `aggTrades`; there are no retail-price-improvement orders here, so all of it is `nq`, too.
pub(super) fn aggregate_row(config: &PerpetualConfig, trade: &AggregateTrade) -> Value {
    json!({
        "a": trade.id,
        "p": stepped(trade.price, config.price.tick),
        "q": stepped(trade.quantity, config.lot.step),
        "nq": stepped(trade.quantity, config.lot.step),
        "f": trade.first.0,
        "l": trade.last.0,
        "T": trade.time.millis(),
        "m": trade.taker_side == Side::Sell,
    })
}

fn kline_row(config: &PerpetualConfig, candle: &Candle) -> Value {
    let price = |value| stepped(value, config.price.tick);
    json!([
        candle.open_time.millis(),
        price(candle.open),
        price(candle.high),
        price(candle.low),
        price(candle.close),
        stepped(candle.volume, config.lot.step),
        candle.next_open.millis() - 1,
        plain(candle.quote_volume),
        candle.trades,
        stepped(candle.taker_base, config.lot.step),
        plain(candle.taker_quote),
        "0",
    ])
}

fn describe_symbol(config: &PerpetualConfig, rules: &TradingRules) -> Value {
    let first = &config.tiers[0];
    let required = Decimal::ONE_HUNDRED / Decimal::from(first.max_leverage);
    json!({
        "symbol": config.symbol.as_str(),
        "pair": config.symbol.as_str(),
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_DELIVERED,
        "onboardDate": 0,
        "status": match config.status {
            MarketStatus::Trading | MarketStatus::CancelOnly => "TRADING",
            MarketStatus::Halt | MarketStatus::Break => "PENDING_TRADING",
        },
        "maintMarginPercent": format!("{:.4}", first.maintenance_rate * Decimal::ONE_HUNDRED),
        "requiredMarginPercent": format!("{required:.4}"),
        "baseAsset": config.base.as_str(),
        "quoteAsset": config.quote.as_str(),
        "marginAsset": config.quote.as_str(),
        "pricePrecision": config.price.tick.normalize().scale(),
        "quantityPrecision": config.lot.step.normalize().scale(),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": format!("{:.4}", config.trigger_protect),
        "liquidationFee": format!("{:.6}", config.liquidation_fee),
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": filters::describe(config, rules),
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["COPY"],
    })
}

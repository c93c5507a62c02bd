//! Modes, leverage, margin types. Source: Binance, USD-M futures, "Trade" and "Account" endpoints.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::rejection;
use super::render::plain;
use crate::identity::{AccountId, MarketId};
use crate::margin::{AssetsMode, MarginKind, PositionMode, PositionSide, Tiers};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

fn success() -> Value {
    json!({ "code": 200, "msg": "success" })
}

impl Exchange {
    pub(super) fn position_mode(&self, account: AccountId) -> Value {
        let mode = self.engine.account(account).margin.position_mode;
        json!({ "dualSidePosition": mode == PositionMode::Hedge })
    }

    pub(super) fn set_position_mode(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let mode = match params.boolean("dualSidePosition")? {
            Some(true) => PositionMode::Hedge,
            Some(false) => PositionMode::OneWay,
            None => return Err(ApiError::missing("dualSidePosition")),
        };
        // A trigger that waits is an open order to whoever set it.
        if self.engine.account(account).margin.position_mode != mode && self.algos.waits_for(account, None) {
            return Err(rejection::position_mode(crate::matching::SettingRefused::OpenOrders));
        }
        self.engine
            .set_position_mode(account, mode)
            .map_err(rejection::position_mode)?;
        Ok(success())
    }

    pub(super) fn assets_mode(&self, account: AccountId) -> Value {
        let mode = self.engine.account(account).margin.assets_mode;
        json!({ "multiAssetsMargin": mode == AssetsMode::Multi })
    }

    pub(super) fn set_assets_mode(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let mode = match params.boolean("multiAssetsMargin")? {
            Some(true) => AssetsMode::Multi,
            Some(false) => AssetsMode::Single,
            None => return Err(ApiError::missing("multiAssetsMargin")),
        };
        self.engine
            .set_assets_mode(account, mode)
            .map_err(rejection::assets_mode)?;
        self.tell_assets_mode(account, mode);
        Ok(success())
    }

    pub(super) fn set_leverage(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let asked = params
            .integer("leverage")?
            .ok_or_else(|| ApiError::missing("leverage"))?;
        let leverage = u32::try_from(asked).unwrap_or(0);
        let most = self
            .engine
            .set_leverage(account, market, leverage)
            .map_err(|refused| rejection::leverage(refused, asked))?;
        self.tell_leverage(account, market, leverage);
        Ok(json!({
            "leverage": leverage,
            "maxNotionalValue": plain(most),
            "symbol": self.symbol(market).as_str(),
        }))
    }

    pub(super) fn set_margin_type(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let kind = match params.required("marginType")? {
            "CROSSED" | "CROSS" => MarginKind::Cross,
            "ISOLATED" => MarginKind::Isolated,
            _ => return Err(ApiError::bad(-4051, "Invalid margin type.")),
        };
        let current = self.engine.account(account).margin.settings(market).margin;
        if current != kind && self.algos.waits_for(account, Some(market)) {
            return Err(rejection::margin_type(crate::matching::SettingRefused::OpenOrders));
        }
        self.engine
            .set_margin_kind(account, market, kind)
            .map_err(rejection::margin_type)?;
        Ok(success())
    }

    pub(super) fn move_margin(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let mode = self.engine.account(account).margin.position_mode;
        let side = match params.get("positionSide") {
            None => PositionSide::Both,
            Some(text) => PositionSide::parse(text).ok_or_else(rejection::wrong_position_side)?,
        };
        if !mode.has(side) {
            return Err(rejection::wrong_position_side());
        }
        let amount = params.decimal("amount", 8)?.filter(|amount| *amount > Decimal::ZERO);
        let amount = amount.ok_or_else(|| ApiError::missing("amount"))?;
        let kind = params.integer("type")?;
        let delta = match kind {
            Some(1) => amount,
            Some(2) => -amount,
            _ => return Err(ApiError::missing("type")),
        };
        self.engine
            .move_margin(account, market, side, delta, self.now)
            .map_err(rejection::margin_move)?;
        self.settle();
        Ok(json!({
            "amount": amount,
            "code": 200,
            "msg": "Successfully modify position margin.",
            "type": kind,
        }))
    }

    pub(super) fn leverage_brackets(&self, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let markets = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id));
        Ok(markets.map(|market| self.brackets_of(market)).collect())
    }

    fn brackets_of(&self, market: MarketId) -> Value {
        let config = self.config(market);
        // What the exchange opened with was checked then.
        let rows = Tiers::new(config.tiers.clone()).map_or_else(
            |_| Vec::new(),
            |tiers| {
                tiers
                    .rows()
                    .enumerate()
                    .map(|(place, (tier, floor, deduction))| {
                        json!({
                            "bracket": place + 1,
                            "initialLeverage": tier.max_leverage,
                            "notionalCap": number(tier.cap),
                            "notionalFloor": number(floor),
                            "maintMarginRatio": number(tier.maintenance_rate),
                            "cum": number(deduction),
                        })
                    })
                    .collect()
            },
        );
        json!({ "symbol": config.symbol.as_str(), "brackets": rows })
    }
}

/// A decimal as a number of JSON, as brackets alone have them.
fn number(value: Decimal) -> Value {
    let text = value.normalize().to_string();
    serde_json::from_str(&text).unwrap_or(json!(text))
}

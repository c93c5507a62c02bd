//! What an account may set for its contracts, and what stands in the way.
//!
//! Source: Binance, USD-M futures, "Change Position Mode", "Change Multi-Assets Mode", "Change Initial Leverage", "Change
//! Margin Type", "Modify Isolated Position Margin".

use rust_decimal::Decimal;

use super::contract::UpdateReason;
use super::engine::Engine;
use crate::identity::{AccountId, MarketId};
use crate::margin::{AssetsMode, MarginKind, PositionMode, PositionSide};
use crate::time::Timestamp;

/// Why a setting was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingRefused {
    /// It is so already.
    Unchanged,
    /// Open orders stand in the way.
    OpenOrders,
    /// A position stands in the way.
    Position,
    /// No position of that leverage.
    LeverageOutOfRange,
    /// What is held is too large for that leverage.
    PositionTooLarge,
    /// The margin would not do.
    InsufficientMargin,
    /// Isolated positions and several assets exclude each other.
    Excluded,
    /// Margin can be moved to an isolated position alone, and there is none.
    NotIsolated,
}

impl Engine {
    fn has_open_orders(&self, account: AccountId) -> bool {
        self.markets.iter().any(|market| market.open_count(account) > 0)
    }

    /// Changes the position mode of an account.
    ///
    /// # Errors
    /// [`SettingRefused`]; nothing has changed then.
    pub fn set_position_mode(&mut self, account: AccountId, mode: PositionMode) -> Result<(), SettingRefused> {
        if self.accounts[account.0].margin.position_mode == mode {
            return Err(SettingRefused::Unchanged);
        }
        if self.has_open_orders(account) {
            return Err(SettingRefused::OpenOrders);
        }
        let margin = &mut self.accounts[account.0].margin;
        if margin.open_positions().next().is_some() {
            return Err(SettingRefused::Position);
        }
        margin.position_mode = mode;
        Ok(())
    }

    /// Changes the assets mode of an account.
    ///
    /// # Errors
    /// [`SettingRefused`]; nothing has changed then.
    pub fn set_assets_mode(&mut self, account: AccountId, mode: AssetsMode) -> Result<(), SettingRefused> {
        let margin = &self.accounts[account.0].margin;
        if margin.assets_mode == mode {
            return Err(SettingRefused::Unchanged);
        }
        let mut markets = (0..self.markets.len()).map(MarketId);
        if markets.any(|market| margin.settings(market).margin == MarginKind::Isolated) {
            return Err(SettingRefused::Excluded);
        }
        if self.has_open_orders(account) {
            return Err(SettingRefused::OpenOrders);
        }
        self.accounts[account.0].margin.assets_mode = mode;
        Ok(())
    }

    /// Changes the leverage of an account in a contract; answers with the greatest position that it allows.
    ///
    /// # Errors
    /// [`SettingRefused`]; nothing has changed then. To set what is set already is no error.
    pub fn set_leverage(
        &mut self,
        account: AccountId,
        market: MarketId,
        leverage: u32,
    ) -> Result<Decimal, SettingRefused> {
        let Some(rules) = self.markets[market.0].contract() else {
            return Err(SettingRefused::LeverageOutOfRange);
        };
        if leverage == 0 || leverage > rules.tiers.max_leverage() {
            return Err(SettingRefused::LeverageOutOfRange);
        }
        let most = rules.tiers.most_notional(leverage);
        let held = |side| self.demand(account, market, side).most_notional;
        if PositionSide::ALL.into_iter().any(|side| held(side) > most) {
            return Err(SettingRefused::PositionTooLarge);
        }
        let margin = &self.accounts[account.0].margin;
        let before = margin.settings(market);
        let isolated = before.margin == MarginKind::Isolated;
        let holds = margin.open_positions().any(|(other, ..)| other == market);
        if isolated && holds && leverage < before.leverage {
            return Err(SettingRefused::Position);
        }
        let balance = self.figures(account);
        self.accounts[account.0].margin.set_leverage(market, leverage);
        let after = self.figures(account);
        let needs_more =
            after.position_initial + after.order_initial > balance.position_initial + balance.order_initial;
        if needs_more && after.available.is_zero() {
            self.accounts[account.0].margin.set_leverage(market, before.leverage);
            return Err(SettingRefused::InsufficientMargin);
        }
        Ok(most)
    }

    /// Changes what answers for an account's positions in a contract.
    ///
    /// # Errors
    /// [`SettingRefused`]; nothing has changed then.
    pub fn set_margin_kind(
        &mut self,
        account: AccountId,
        market: MarketId,
        kind: MarginKind,
    ) -> Result<(), SettingRefused> {
        let margin = &self.accounts[account.0].margin;
        if margin.settings(market).margin == kind {
            return Err(SettingRefused::Unchanged);
        }
        if kind == MarginKind::Isolated && margin.assets_mode == AssetsMode::Multi {
            return Err(SettingRefused::Excluded);
        }
        if self.markets[market.0].open_count(account) > 0 {
            return Err(SettingRefused::OpenOrders);
        }
        if margin.open_positions().any(|(other, ..)| other == market) {
            return Err(SettingRefused::Position);
        }
        self.accounts[account.0].margin.set_margin_kind(market, kind);
        Ok(())
    }

    /// Adds margin to an isolated position, or takes some back when `amount` is negative.
    ///
    /// # Errors
    /// [`SettingRefused`]; nothing has changed then.
    pub fn move_margin(
        &mut self,
        account: AccountId,
        market: MarketId,
        side: PositionSide,
        amount: Decimal,
        now: Timestamp,
    ) -> Result<(), SettingRefused> {
        let margin = &self.accounts[account.0].margin;
        let position = margin.position(market, side);
        if margin.settings(market).margin != MarginKind::Isolated || position.is_flat() {
            return Err(SettingRefused::NotIsolated);
        }
        let enough = if amount > Decimal::ZERO {
            self.figures(account).available >= amount
        } else {
            let demand = self.demand(account, market, side);
            let left = position.isolated_wallet + amount;
            left + demand.unrealized.min(Decimal::ZERO) >= demand.position_initial
        };
        if !enough {
            return Err(SettingRefused::InsufficientMargin);
        }
        self.accounts[account.0].margin.pledge(market, side, amount, now);
        let changed = [(market, side)].into_iter().collect();
        self.tell_positions(account, UpdateReason::MarginTransfer, changed, Decimal::ZERO, now);
        Ok(())
    }
}

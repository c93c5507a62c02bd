//! One account's wallet, settings and positions, and how fills, funding and settings change them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::booked;
use super::income::{Income, IncomeKind};
use super::position::{Position, PositionSide};
use crate::identity::{MarketId, TradeId};
use crate::matching::Side;
use crate::time::Timestamp;

/// Whether a contract has one position, or a long and a short one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PositionMode {
    /// One.
    #[default]
    OneWay,
    /// Two.
    Hedge,
}

impl PositionMode {
    /// Whether an order of this mode may name the side.
    pub const fn has(self, side: PositionSide) -> bool {
        match self {
            Self::OneWay => matches!(side, PositionSide::Both),
            Self::Hedge => matches!(side, PositionSide::Long | PositionSide::Short),
        }
    }
}

/// Whether the margin asset alone answers, or several assets together. There is one margin asset here, so the second says no
/// more than that positions cannot be isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssetsMode {
    /// One.
    #[default]
    Single,
    /// Several.
    Multi,
}

/// What answers for a contract's positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarginKind {
    /// The whole account.
    #[default]
    Cross,
    /// What is set aside for each.
    Isolated,
}

/// What an account set for a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractSettings {
    /// Notional divided by initial margin.
    pub leverage: u32,
    /// What answers.
    pub margin: MarginKind,
}

impl Default for ContractSettings {
    /// Source: Binance: 20x and cross are what a new account has.
    fn default() -> Self {
        Self {
            leverage: 20,
            margin: MarginKind::Cross,
        }
    }
}

/// One account.
#[derive(Debug, Default)]
pub struct MarginAccount {
    /// Everything, what is set aside for isolated positions included, without unrealised profit.
    wallet: Decimal,
    /// One position or two.
    pub position_mode: PositionMode,
    /// One asset or several.
    pub assets_mode: AssetsMode,
    settings: BTreeMap<MarketId, ContractSettings>,
    positions: BTreeMap<(MarketId, PositionSide), Position>,
    income: Vec<Income>,
    entries: u64,
}

impl MarginAccount {
    /// The wallet balance, in the margin asset.
    pub fn wallet(&self) -> Decimal {
        self.wallet
    }

    /// What of the wallet is not set aside for an isolated position.
    pub fn cross_wallet(&self) -> Decimal {
        self.wallet
            - self
                .positions
                .values()
                .map(|position| position.isolated_wallet)
                .sum::<Decimal>()
    }

    /// Every entry, oldest first.
    pub fn income(&self) -> &[Income] {
        &self.income
    }

    /// What is set for a contract.
    pub fn settings(&self, market: MarketId) -> ContractSettings {
        self.settings.get(&market).copied().unwrap_or_default()
    }

    /// Sets the leverage of a contract.
    pub fn set_leverage(&mut self, market: MarketId, leverage: u32) {
        self.settings.entry(market).or_default().leverage = leverage;
    }

    /// Sets what answers for a contract's positions; there must be none.
    pub fn set_margin_kind(&mut self, market: MarketId, margin: MarginKind) {
        self.settings.entry(market).or_default().margin = margin;
    }

    /// A position; flat where there never was one.
    pub fn position(&self, market: MarketId, side: PositionSide) -> Position {
        self.positions.get(&(market, side)).cloned().unwrap_or_default()
    }

    /// Every position that is not flat.
    pub fn open_positions(&self) -> impl Iterator<Item = (MarketId, PositionSide, &Position)> {
        self.positions
            .iter()
            .filter(|(_, position)| !position.is_flat())
            .map(|((market, side), position)| (*market, *side, position))
    }

    /// The positions that this account's mode gives a contract, flat ones too.
    pub fn sides(&self) -> &'static [PositionSide] {
        match self.position_mode {
            PositionMode::OneWay => &[PositionSide::Both],
            PositionMode::Hedge => &[PositionSide::Long, PositionSide::Short],
        }
    }

    /// Base that an order could close: nothing where it would open.
    pub fn closable(&self, market: MarketId, position: PositionSide, side: Side) -> Decimal {
        self.positions
            .get(&(market, position))
            .map_or(Decimal::ZERO, |position| position.closable(side))
    }

    /// Books a fill; answers with what it realised.
    ///
    /// An isolated position takes its initial margin out of the cross wallet when it grows, and gives back its share when it
    /// shrinks; profit, loss and fees are the cross wallet's. Where the documentation is silent on that, so are we.
    pub(crate) fn fill(&mut self, fill: &ContractFill, now: Timestamp) -> Decimal {
        let settings = self.settings(fill.market);
        let position = self.positions.entry((fill.market, fill.position)).or_default();
        let applied = position.apply(fill.side, fill.quantity, fill.price, fill.fee, now);
        if settings.margin == MarginKind::Isolated {
            let released = if applied.closed_part == Decimal::ONE {
                position.isolated_wallet
            } else {
                booked(position.isolated_wallet * applied.closed_part)
            };
            let pledged = booked(applied.opened * fill.price / Decimal::from(settings.leverage));
            position.isolated_wallet += pledged - released;
        }
        let trade = Some(fill.trade);
        if applied.closed > Decimal::ZERO {
            self.enter(IncomeKind::RealizedPnl, Some(fill.market), applied.realized, trade, now);
        }
        if !fill.fee.is_zero() {
            self.enter(IncomeKind::Commission, Some(fill.market), -fill.fee, trade, now);
        }
        applied.realized
    }

    /// Books funding of a position: out of what is set aside for it where it is isolated.
    pub(crate) fn fund(&mut self, market: MarketId, side: PositionSide, amount: Decimal, now: Timestamp) {
        let isolated = self.settings(market).margin == MarginKind::Isolated;
        if let (true, Some(position)) = (isolated, self.positions.get_mut(&(market, side))) {
            position.isolated_wallet += amount;
        }
        self.enter(IncomeKind::FundingFee, Some(market), amount, None, now);
    }

    /// Moves margin between the cross wallet and an isolated position; below zero gives it back.
    pub(crate) fn pledge(&mut self, market: MarketId, side: PositionSide, amount: Decimal, now: Timestamp) {
        let position = self.positions.entry((market, side)).or_default();
        position.isolated_wallet += amount;
        position.updated = now;
    }

    /// Books an entry that is of no position.
    pub(crate) fn enter(
        &mut self,
        kind: IncomeKind,
        market: Option<MarketId>,
        amount: Decimal,
        trade: Option<TradeId>,
        now: Timestamp,
    ) {
        self.wallet += amount;
        self.entries += 1;
        self.income.push(Income {
            kind,
            market,
            amount,
            time: now,
            id: self.entries,
            trade,
        });
    }

    /// Forgets the entries, not what they did: for accounts about whose past nobody asks.
    pub(crate) fn forget_income(&mut self) {
        self.income.clear();
    }
}

/// A fill of a contract, as one of its two accounts has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContractFill {
    pub market: MarketId,
    pub position: PositionSide,
    pub side: Side,
    pub quantity: Decimal,
    pub price: Decimal,
    pub fee: Decimal,
    pub trade: TradeId,
}

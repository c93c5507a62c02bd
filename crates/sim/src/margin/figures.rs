//! What an account's positions and orders need, and what it has: pure functions of both.
//!
//! Source: Binance, "Account Information V3" (totals), "Leverage and Margin of USD-M Futures" (brackets), "How to calculate
//! the cost required to open a position" (initial margin and open loss).

use rust_decimal::Decimal;

use super::account::{MarginAccount, MarginKind};
use super::booked;
use super::position::PositionSide;
use super::tiers::Tiers;
use crate::identity::MarketId;
use crate::matching::Side;

/// Values of an account's open orders in a contract that would open a position, by position side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pledged {
    /// Of the buys, in the margin asset.
    pub bids: Decimal,
    /// Of the sells.
    pub asks: Decimal,
}

impl Pledged {
    /// Adds an order of this value.
    pub fn add(&mut self, side: Side, value: Decimal) {
        match side {
            Side::Buy => self.bids += value,
            Side::Sell => self.asks += value,
        }
    }
}

/// A contract with what an account has in it, as far as margin is concerned.
#[derive(Debug, Clone)]
pub struct ContractView<'a> {
    /// Which.
    pub market: MarketId,
    /// Its mark price.
    pub mark: Decimal,
    /// Its brackets.
    pub tiers: &'a Tiers,
    /// The account's open orders there, by position side.
    pub pledged: Vec<(PositionSide, Pledged)>,
}

/// What one contract needs of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Initial margin of the positions at the mark price.
    pub position_initial: Decimal,
    /// What open orders need beyond that.
    pub order_initial: Decimal,
    /// Maintenance margin.
    pub maintenance: Decimal,
    /// Unrealised profit.
    pub unrealized: Decimal,
    /// The greatest value that a position could have if the orders of one side filled.
    pub most_notional: Decimal,
}

impl Demand {
    /// Of one position side of a contract.
    pub fn of(account: &MarginAccount, view: &ContractView<'_>, side: PositionSide) -> Self {
        let position = account.position(view.market, side);
        let pledged = view.pledged.iter().find(|(other, _)| *other == side);
        let pledged = pledged.map_or_else(Pledged::default, |(_, pledged)| *pledged);
        let leverage = Decimal::from(account.settings(view.market).leverage);
        let notional = position.notional(view.mark);
        let most_notional = (notional + pledged.bids).abs().max((notional - pledged.asks).abs());
        let position_initial = booked(notional.abs() / leverage);
        Self {
            position_initial,
            order_initial: (booked(most_notional / leverage) - position_initial).max(Decimal::ZERO),
            maintenance: if position.is_flat() {
                Decimal::ZERO
            } else {
                view.tiers.maintenance(notional.abs())
            },
            unrealized: position.unrealized(view.mark),
            most_notional,
        }
    }

    /// Initial margin in all.
    pub fn initial(&self) -> Decimal {
        self.position_initial + self.order_initial
    }
}

/// What an account has and needs in all, in the margin asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Wallet balance.
    pub wallet: Decimal,
    /// What of it no isolated position has.
    pub cross_wallet: Decimal,
    /// Unrealised profit of all positions.
    pub unrealized: Decimal,
    /// Of the cross ones.
    pub cross_unrealized: Decimal,
    /// Initial margin of all positions.
    pub position_initial: Decimal,
    /// What open orders need beyond that.
    pub order_initial: Decimal,
    /// Maintenance margin of all positions.
    pub maintenance: Decimal,
    /// Of the cross ones.
    pub cross_maintenance: Decimal,
    /// What new orders may need; never below zero.
    pub available: Decimal,
}

impl Figures {
    /// Of an account with what it has in every contract.
    pub fn of(account: &MarginAccount, views: &[ContractView<'_>]) -> Self {
        let mut figures = Self {
            wallet: account.wallet(),
            cross_wallet: account.cross_wallet(),
            ..Self::default()
        };
        let mut bound = Decimal::ZERO;
        for view in views {
            let isolated = account.settings(view.market).margin == MarginKind::Isolated;
            for side in PositionSide::ALL {
                let demand = Demand::of(account, view, side);
                figures.unrealized += demand.unrealized;
                figures.position_initial += demand.position_initial;
                figures.order_initial += demand.order_initial;
                figures.maintenance += demand.maintenance;
                bound += demand.order_initial;
                if !isolated {
                    figures.cross_unrealized += demand.unrealized;
                    figures.cross_maintenance += demand.maintenance;
                    bound += demand.position_initial;
                }
            }
        }
        figures.available = (figures.cross_balance() - bound).max(Decimal::ZERO);
        figures
    }

    /// Wallet and unrealised profit.
    pub fn margin_balance(&self) -> Decimal {
        self.wallet + self.unrealized
    }

    /// What answers for cross positions.
    pub fn cross_balance(&self) -> Decimal {
        self.cross_wallet + self.cross_unrealized
    }

    /// What may be taken out: no unrealised profit.
    pub fn withdrawable(&self) -> Decimal {
        self.available.min(self.cross_wallet).max(Decimal::ZERO)
    }
}

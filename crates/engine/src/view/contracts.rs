//! What strategies and screens see of contracts: positions as the fills make them, prices, funding, margin, settings.

use colibri_model::{
    Amount, Asset, CollateralMode, Contract, Decimal, FundingPayment, FundingRate, Leverage, MarginMode, MarkPrice,
    Millis, Position, PositionMode, PositionSide, Positions, Price, Quantity, StatedPosition, WallNs,
};

use super::{MarketView, VenueView};
use crate::contracts::{
    ForcedReduction, HeldPosition, MarginCall, PositionDifference, SettingDifference, StatedMargin,
};

impl<'a> MarketView<'a> {
    /// What the instrument is a contract of; `None` for spot, and before it is known.
    #[must_use]
    pub fn contract(&self) -> Option<&'a Contract> {
        self.market.contract()
    }

    /// The account's positions in the instrument, as its fills make them, by whoever's orders; `None` for spot.
    #[must_use]
    pub fn positions(&self) -> Option<&'a Positions> {
        Some(self.market.contracts.as_deref()?.positions())
    }

    /// The position of a side: `net` in one-way mode, `long` or `short` in hedge mode.
    #[must_use]
    pub fn position_of(&self, side: PositionSide) -> Option<&'a Position> {
        Some(self.positions()?.of(side))
    }

    /// How much is held in all, long less short; zero for spot.
    #[must_use]
    pub fn held(&self) -> Quantity {
        self.positions().map_or(Quantity::ZERO, Positions::quantity)
    }

    /// What closing every position at the mark price would realise, in the settle asset, before fees.
    #[must_use]
    pub fn unrealized(&self) -> Option<Amount> {
        Some(self.positions()?.unrealized(self.contract()?, self.mark_price()?))
    }

    /// The size of all positions at the mark price, in the settle asset.
    #[must_use]
    pub fn notional(&self) -> Option<Amount> {
        Some(self.positions()?.notional(self.contract()?, self.mark_price()?))
    }

    /// A position as the exchange states it: to be looked at, never traded on instead of the one that the fills make.
    #[must_use]
    pub fn stated_position(&self, side: PositionSide) -> Option<&'a StatedPosition> {
        let stated = &self.market.contracts.as_deref()?.stated;
        stated.get(&side).map(|stated| &stated.position)
    }

    /// How much the exchange states of a position: zero where it has stated all of them and listed no such one; `None` where it has
    /// not stated them.
    #[must_use]
    pub fn stated_quantity(&self, side: PositionSide) -> Option<Quantity> {
        let contracts = self.market.contracts.as_deref()?;
        match contracts.stated.get(&side) {
            Some(stated) => Some(stated.position.quantity),
            None => contracts.stated_whole.map(|_| Quantity::ZERO),
        }
    }

    /// Where the exchange goes on to state another quantity than the fills make: until they agree nothing is opened.
    pub fn position_differences(&self) -> impl Iterator<Item = (PositionSide, &'a PositionDifference)> + use<'a> {
        let contracts = self.market.contracts.as_deref().into_iter();
        let differences = contracts.flat_map(|contracts| contracts.differences.iter());
        differences.filter(|(_, d)| d.is_lasting()).map(|(side, d)| (*side, d))
    }

    /// The price at which the exchange liquidates a position, as it last estimated; `None` where no price would, or it does not
    /// say, or nothing is held.
    #[must_use]
    pub fn liquidation_price(&self, side: PositionSide) -> Option<Price> {
        self.market.contracts.as_deref()?.liquidation_price(side)
    }

    /// How far the mark price may still move against a position before it is liquidated, as a fraction of the mark price.
    #[must_use]
    pub fn distance_to_liquidation(&self, side: PositionSide) -> Option<Decimal> {
        self.market.contracts.as_deref()?.distance_to_liquidation(side)
    }

    /// The mark price, which positions are valued at.
    #[must_use]
    pub fn mark_price(&self) -> Option<Price> {
        self.market.contracts.as_deref()?.mark()
    }

    /// The index, where the exchange says.
    #[must_use]
    pub fn index_price(&self) -> Option<Price> {
        self.mark_and_index()?.index
    }

    /// Mark price and index as they were told last.
    #[must_use]
    pub fn mark_and_index(&self) -> Option<MarkPrice> {
        self.market.contracts.as_deref()?.mark
    }

    /// How long ago the mark price was told.
    #[must_use]
    pub fn mark_price_age(&self) -> Option<Millis> {
        self.market.contracts.as_deref()?.mark_age(self.now.mono)
    }

    /// The funding rate of the next settlement, as it was forecast last.
    #[must_use]
    pub fn funding_rate(&self) -> Option<FundingRate> {
        self.market.contracts.as_deref()?.funding
    }

    /// When funding is settled next, exchange time.
    #[must_use]
    pub fn next_funding_time(&self) -> Option<WallNs> {
        self.funding_rate()?.next_time
    }

    /// The leverage of a position, as the exchange last told it.
    #[must_use]
    pub fn leverage(&self, side: PositionSide) -> Option<Leverage> {
        self.market.contracts.as_deref()?.told.leverage_of(side)
    }

    /// How the margin of its positions is kept, as the exchange last told it.
    #[must_use]
    pub fn margin_mode(&self) -> Option<MarginMode> {
        let of_market = self.market.contracts.as_deref()?.told.margin_mode;
        of_market.or(self.venue.contracts.as_deref()?.told.margin_mode)
    }

    /// How many positions it may have, as the exchange last told it.
    #[must_use]
    pub fn position_mode(&self) -> Option<PositionMode> {
        self.venue.position_mode(self.market)
    }
}

impl<'a> VenueView<'a> {
    /// Whether it is a venue for contracts.
    #[must_use]
    pub const fn has_contracts(&self) -> bool {
        self.venue.contracts.is_some()
    }

    /// How the account stands, as the exchange last stated it.
    #[must_use]
    pub fn margin(&self) -> Option<&'a StatedMargin> {
        self.venue.contracts.as_deref()?.margin.as_ref()
    }

    /// What is free of margin for new orders in contracts that settle in an asset, less what orders take that the exchange has
    /// not counted yet; `None` where it is not told.
    #[must_use]
    pub fn margin_available(&self, settle: &Asset) -> Option<Amount> {
        self.venue.margin_available(settle)
    }

    /// How many positions an instrument may have, as the exchange last told it of the account.
    #[must_use]
    pub fn position_mode(&self) -> Option<PositionMode> {
        self.venue.contracts.as_deref()?.told.position_mode
    }

    /// Which assets answer for cross positions, as the exchange last told it.
    #[must_use]
    pub fn collateral_mode(&self) -> Option<CollateralMode> {
        self.venue.contracts.as_deref()?.told.collateral_mode
    }

    /// What is set otherwise than it was chosen: nothing is placed then.
    #[must_use]
    pub fn setting_differences(&self) -> &'a [SettingDifference] {
        let contracts = self.venue.contracts.as_deref();
        contracts.map_or(&[], |contracts| &contracts.settings.differences)
    }

    /// Positions that are held.
    #[must_use]
    pub fn held_positions(&self) -> Vec<HeldPosition> {
        self.venue.held_positions()
    }

    /// The last margin call of this run.
    #[must_use]
    pub fn last_margin_call(&self) -> Option<&'a MarginCall> {
        self.venue.contracts.as_deref()?.last_call.as_ref()
    }

    /// Positions that the exchange reduced by itself in this run, oldest first: the last of them.
    pub fn forced_reductions(&self) -> impl Iterator<Item = &'a ForcedReduction> + use<'a> {
        let contracts = self.venue.contracts.as_deref().into_iter();
        contracts.flat_map(|contracts| contracts.forced.iter())
    }

    /// Funding payments that are remembered, earlier runs' among them.
    pub fn funding_payments(&self) -> impl Iterator<Item = &'a FundingPayment> + use<'a> {
        let contracts = self.venue.contracts.as_deref().into_iter();
        contracts.flat_map(|contracts| contracts.funding.iter())
    }
}

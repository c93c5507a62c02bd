//! What orders say of contracts, on their way out: completed, compared with what the connector has declared, and written into
//! the operation.

use colibri_abi::{OrderOp, margin_mode, op_flag, position_side};
use colibri_model::{
    MarginMode, OrderIntent, OrderTerms, PositionEffect, PositionMode, PositionSide, Price, TimeInForce, WallNs,
};
use colibri_standard::{Capability, SettingScope};

use crate::engine::market::Market;
use crate::engine::venue::Venue;
use crate::orders::InFlightOrder;
use crate::risk::RiskRefusal;

/// The flags of an operation that places an order with such terms.
pub(crate) const fn flags_of(terms: &OrderTerms) -> u64 {
    match terms.effect {
        PositionEffect::Any => 0,
        PositionEffect::ReduceOnly => op_flag::REDUCE_ONLY,
        PositionEffect::ClosePosition => op_flag::CLOSE_POSITION,
    }
}

/// An operation with what else an order says.
pub(crate) fn with_terms(op: OrderOp, terms: &OrderTerms) -> OrderOp {
    let side = match terms.position_side {
        PositionSide::Net => position_side::NET,
        PositionSide::Long => position_side::LONG,
        PositionSide::Short => position_side::SHORT,
    };
    let margin = match terms.margin_mode {
        None => margin_mode::UNSAID,
        Some(MarginMode::Cross) => margin_mode::CROSS,
        Some(MarginMode::Isolated) => margin_mode::ISOLATED,
    };
    let op = op.of_position(side, margin);
    match terms.good_till {
        Some(until) => op.good_till(until.0),
        None => op,
    }
}

/// What a connector must have declared to take an order with such terms.
fn needs(terms: &OrderTerms) -> impl Iterator<Item = Capability> {
    let needs = [
        (!terms.position_side.is_net(), Capability::HedgeMode),
        (terms.margin_mode.is_some(), Capability::OrderMarginMode),
        (terms.effect == PositionEffect::ReduceOnly, Capability::ReduceOnly),
        (terms.effect == PositionEffect::ClosePosition, Capability::ClosePosition),
        (terms.good_till.is_some(), Capability::GoodTillDate),
    ];
    needs
        .into_iter()
        .filter(|(needed, _)| *needed)
        .map(|(_, capability)| capability)
}

impl Venue {
    /// What is set of a market's positions by mode: as the exchange told it.
    pub(crate) fn position_mode(&self, market: &Market) -> Option<PositionMode> {
        let of_market = market.contracts.as_ref().and_then(|c| c.told.position_mode);
        of_market.or(self.contracts.as_ref()?.told.position_mode)
    }

    /// The terms of an order with what the user chose of it: the margin mode, where each order says it; and the date as exact as
    /// the exchange takes it, never later than was wanted.
    pub(crate) fn full_terms(&self, market: &Market, mut terms: OrderTerms) -> OrderTerms {
        let perp = self.manifest.perpetual.as_ref();
        if let (Some(perp), Some(contracts)) = (perp, &self.contracts)
            && perp.margin_mode_scope == SettingScope::Order
            && terms.margin_mode.is_none()
        {
            let choices = contracts.choices.pairs.get(&market.pair);
            terms.margin_mode = choices.and_then(|choices| choices.margin_mode);
        }
        let precise = perp.and_then(|perp| perp.good_till);
        if let (Some(until), Some(precise)) = (terms.good_till, precise) {
            let step = i64::try_from(precise.precision_ms.0).unwrap_or(1).max(1) * 1_000_000;
            terms.good_till = Some(WallNs(until.0 - until.0.rem_euclid(step)));
        }
        terms
    }

    /// Whether an order may say what it says: to this connector, in this market, in the mode that its positions are in.
    ///
    /// # Errors
    /// What it may not say.
    pub(crate) fn check_terms(&self, market: &Market, order: &OrderIntent, now: WallNs) -> Result<(), RiskRefusal> {
        let terms = &order.terms;
        if let Some(lacking) = needs(terms).find(|need| !self.has(need)) {
            return Err(RiskRefusal::Unsupported(lacking));
        }
        self.check_date(order.time_in_force, terms.good_till, now)?;
        if terms.effect == PositionEffect::ClosePosition && !order.quantity.is_zero() {
            return Err(RiskRefusal::Terms("an order that closes the position has no quantity"));
        }
        if market.contract().is_none() {
            let is_plain = OrderTerms {
                good_till: None,
                ..*terms
            }
            .is_plain();
            return if is_plain {
                Ok(())
            } else {
                Err(RiskRefusal::Terms("the instrument is no contract"))
            };
        }
        self.check_position_side(market, terms.position_side)
    }

    /// Whether an order, or a trigger, that is good till a date says one, and one that the exchange takes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check_date(
        &self,
        time_in_force: Option<TimeInForce>,
        good_till: Option<WallNs>,
        now: WallNs,
    ) -> Result<(), RiskRefusal> {
        let has_date = time_in_force == Some(TimeInForce::Gtd);
        if has_date != good_till.is_some() {
            return Err(RiskRefusal::Terms(
                "a date stands in orders that are good till a date, and in no others",
            ));
        }
        let exact = self.manifest.perpetual.as_ref().and_then(|perp| perp.good_till);
        if let (Some(until), Some(exact)) = (good_till, exact) {
            let left = u64::try_from(until.0.saturating_sub(now.0) / 1_000_000).unwrap_or(0);
            if left < exact.least_ms.0 {
                return Err(RiskRefusal::Terms(
                    "the date until which it is to work is nearer than the exchange takes",
                ));
            }
        }
        Ok(())
    }

    /// Whether positions of a market may be of such a side, in the mode that they are in.
    ///
    /// # Errors
    /// They may not.
    pub(crate) fn check_position_side(&self, market: &Market, side: PositionSide) -> Result<(), RiskRefusal> {
        match self.position_mode(market) {
            Some(mode) if !mode.allows(side) => Err(RiskRefusal::PositionMode { mode, side }),
            _ => Ok(()),
        }
    }

    /// What the exchange's price band of a market is around.
    pub(crate) fn band_reference(&self, market: &Market, mid: Price) -> Price {
        let of_mark = market.instrument.as_ref().is_some_and(|i| i.rule.price_band_of_mark);
        let mark = market.contracts.as_ref().and_then(|contracts| contracts.mark());
        mark.filter(|_| of_mark).unwrap_or(mid)
    }

    /// The price that an amend carries beside the quantity: exchanges of contracts ask for it.
    ///
    /// # Errors
    /// It does not fit the boundary.
    pub(crate) fn amend_price(&self, market: &Market, order: &InFlightOrder) -> Result<i64, RiskRefusal> {
        match (order.intent.price, market.exponents(), market.contract()) {
            (Some(price), Some(exponents), Some(_)) => exponents
                .price_mantissa(price)
                .map_err(|e| RiskRefusal::DoesNotFit(e.to_string())),
            _ => Ok(0),
        }
    }
}

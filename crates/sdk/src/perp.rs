//! The perp standard as a trait: what the author of a perp connector writes beside [`Spot`].

use colibri_model::{CollateralMode, MarginMode, PositionMode, TriggerIntent, WallNs};
use colibri_standard::{SetLeverage, UsedInstrument};

use crate::{Asked, OrderRef, Spot, unsupported};

/// A perp connector: [`Spot`]'s functions, which mean the same for contracts (instruments with their
/// [`Contract`](colibri_model::Contract), books, orders with their [`OrderTerms`](colibri_model::OrderTerms), fills, balances,
/// sessions), and these. An exchange's spot and perp connector share a core by sharing the values and functions that both
/// call; what differs is an implementation of each.
///
/// Whatever the exchange does not offer keeps its default, which refuses with NotSent(unsupported). A setting that the
/// exchange says it has already is Done.
pub trait Perp: Spot {
    /// Asks for positions, of an instrument or of all. Tells one `positions` event.
    fn positions(&self, instrument: Option<&UsedInstrument>) -> Asked;
    /// Asks what is set: position mode, margin modes, leverages; of an instrument or of all that are in use. Tells one
    /// `settings` event.
    fn settings(&self, instrument: Option<&UsedInstrument>) -> Asked;
    /// Asks how the account stands. Tells one `margin` event.
    fn margin(&self) -> Asked;
    /// Asks for mark price and funding rate. Tells a `mark_price` and a `funding_rate` event.
    fn funding_rate(&self, instrument: &UsedInstrument) -> Asked;
    /// Asks for funding payments since a time, page by page, oldest first. Tells `funding_payment` events, each with its id,
    /// and one `funding_progress`.
    fn funding_payments_since(&self, _instrument: Option<&UsedInstrument>, _since: WallNs) -> Asked {
        Err(unsupported("listing funding payments"))
    }
    /// Asks for an instrument's margin tiers. Tells a `margin_tiers` event.
    fn margin_tiers(&self, _instrument: &UsedInstrument) -> Asked {
        Err(unsupported("margin tiers"))
    }

    /// Sets the leverage.
    fn set_leverage(&self, _instrument: &UsedInstrument, _wanted: &SetLeverage) -> Asked {
        Err(unsupported("setting leverage"))
    }
    /// Sets the margin mode, of an instrument or of the account.
    fn set_margin_mode(&self, _instrument: Option<&UsedInstrument>, _mode: MarginMode) -> Asked {
        Err(unsupported("setting the margin mode"))
    }
    /// Sets the position mode, of an instrument or of the account.
    fn set_position_mode(&self, _instrument: Option<&UsedInstrument>, _mode: PositionMode) -> Asked {
        Err(unsupported("setting the position mode"))
    }
    /// Sets which assets answer for cross positions.
    fn set_collateral_mode(&self, _mode: CollateralMode) -> Asked {
        Err(unsupported("choosing collateral"))
    }

    /// Places a trigger, whose form is checked and which says nothing that the connector has not declared. Tells a `trigger`
    /// event of source `ack`.
    fn place_trigger(&self, _instrument: &UsedInstrument, _trigger: &TriggerIntent) -> Asked {
        Err(unsupported("triggers"))
    }
    /// Cancels a trigger. Tells a `trigger` event of source `ack`.
    fn cancel_trigger(&self, _trigger: &OrderRef<'_>) -> Asked {
        Err(unsupported("triggers"))
    }
    /// Cancels every trigger of an instrument. Tells `trigger` events of source `ack`.
    fn cancel_all_triggers(&self, _instrument: &UsedInstrument) -> Asked {
        Err(unsupported("cancelling all triggers"))
    }
    /// Asks for the triggers that wait. Tells a `trigger` event for each.
    fn open_triggers(&self, _instrument: Option<&UsedInstrument>) -> Asked {
        Err(unsupported("triggers"))
    }
    /// Asks about one trigger. Tells a `trigger` event, or ends as Rejected(order_not_found).
    fn trigger_status(&self, _trigger: &OrderRef<'_>) -> Asked {
        Err(unsupported("triggers"))
    }
}

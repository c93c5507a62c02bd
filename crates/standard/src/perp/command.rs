//! Commands of the perp standard.

use colibri_model::{
    ClientOrderId, CollateralMode, ExchangeOrderId, InstrumentId, Leverage, MarginMode, OrderType, PositionEffect,
    PositionMode, PositionSide, TriggerBy, TriggerIntent, WallNs,
};
use serde::{Deserialize, Serialize};

use crate::Capability;

/// Fetch positions. Answered by one `positions` event, of scope `all` or `instrument`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Positions {
    /// Of one instrument; of the whole account where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
}

/// Read back what is set: position mode, margin modes, leverages. Answered by one `settings` event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Of one instrument and of the account; of every instrument in use where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
}

/// Set the leverage of an instrument's positions. Done where the exchange took it or has it already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLeverage {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The leverage.
    pub leverage: Leverage,
    /// Of one position of hedge mode, where the exchange keeps a leverage for each; of all where it is net.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// Of positions of this margin mode, where the exchange keeps a leverage for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_mode: Option<MarginMode>,
    /// What the connector must have declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Capability>,
}

impl SetLeverage {
    /// One leverage for every position of an instrument.
    #[must_use]
    pub fn of(instrument: InstrumentId, leverage: Leverage) -> SetLeverage {
        SetLeverage {
            instrument,
            leverage,
            position_side: PositionSide::Net,
            margin_mode: None,
            needs: vec![Capability::SetLeverage],
        }
    }

    /// The leverage of one position of hedge mode.
    #[must_use]
    pub fn of_side(mut self, side: PositionSide) -> SetLeverage {
        self.position_side = side;
        self.needs.push(Capability::LeverageBySide);
        self
    }
}

/// Set what answers for positions. Done where the exchange took it or has it already; Rejected(`has_position_or_orders`) where
/// something that is open forbids it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMarginMode {
    /// Of one instrument; of the account where absent. Which of them an exchange has, its manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The mode.
    pub mode: MarginMode,
}

/// Set how many positions an instrument may have. As [`SetMarginMode`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPositionMode {
    /// Of one instrument; of the account where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The mode.
    pub mode: PositionMode,
}

/// Set which assets answer for cross positions. As [`SetMarginMode`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCollateralMode {
    /// The mode.
    pub mode: CollateralMode,
}

/// Fetch how the account stands. Answered by one `margin` event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Margin {}

/// Fetch an instrument's margin tiers (leverage brackets). Answered by one `margin_tiers` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginTiers {
    /// Of which instrument.
    pub instrument: InstrumentId,
}

/// Fetch mark price and funding rate of an instrument. Answered by a `mark_price` and a `funding_rate` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRateQuery {
    /// Of which instrument.
    pub instrument: InstrumentId,
}

/// Fetch the account's funding payments, oldest first, from a time on (inclusive). Answered by a `funding_payment` event for
/// each and one `funding_progress` event, then Done. The connector pages until nothing is left, each page a new admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPaymentsSince {
    /// Of one instrument; of the whole account where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// From this time on, exchange time.
    pub since: WallNs,
}

/// Place a trigger. Tells a `trigger` event of source `ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceTrigger {
    /// When it fires, and the order that it becomes.
    pub trigger: TriggerIntent,
    /// What the connector must have declared: [`PlaceTrigger::of`] lists it.
    #[serde(default)]
    pub needs: Vec<Capability>,
}

impl PlaceTrigger {
    /// The command for a trigger, with all that it needs.
    #[must_use]
    pub fn of(trigger: TriggerIntent) -> PlaceTrigger {
        let mut needs = vec![match trigger.by {
            TriggerBy::Last => Capability::TriggerByLast,
            TriggerBy::Mark => Capability::TriggerByMark,
            TriggerBy::Index => Capability::TriggerByIndex,
        }];
        if trigger.order_type != OrderType::Market {
            needs.push(Capability::TriggerLimit);
        }
        let terms = &trigger.terms;
        match terms.effect {
            PositionEffect::Any => {}
            PositionEffect::ReduceOnly => needs.push(Capability::ReduceOnly),
            PositionEffect::ClosePosition => needs.push(Capability::TriggerClosePosition),
        }
        if !terms.position_side.is_net() {
            needs.push(Capability::HedgeMode);
        }
        if terms.margin_mode.is_some() {
            needs.push(Capability::OrderMarginMode);
        }
        if terms.good_till.is_some() {
            needs.push(Capability::TriggerGoodTill);
        }
        PlaceTrigger { trigger, needs }
    }
}

/// Cancel one trigger, by either id. Tells a `trigger` event of source `ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelTrigger {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Our id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientOrderId>,
    /// The exchange's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
}

/// Cancel every trigger of an instrument. Answered by a `trigger` event for each, then Done (also when there was none).
/// `cancel_all` does not cover triggers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelAllTriggers {
    /// Of which instrument.
    pub instrument: InstrumentId,
}

/// Fetch the triggers that wait. Answered by a `trigger` event for each, then Done. `open_orders` does not tell them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpenTriggers {
    /// Of one instrument; of all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
}

/// Ask about one trigger, by either id. Answered by a `trigger` event, or Rejected(`order_not_found`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerStatusQuery {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Our id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientOrderId>,
    /// The exchange's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Command;

    #[test]
    fn a_trigger_needs_what_it_says() {
        let json = br#"{"trigger":{"client_id":"t-1","instrument":1,"kind":"stop","by":"mark","trigger_price":"60000","side":"sell","order_type":"limit","time_in_force":"gtc","price":"59900","quantity":"1","terms":{"position_side":"long","effect":"reduce_only"}}}"#;
        let Command::PlaceTrigger(read) = Command::parse("place_trigger", json).unwrap() else {
            panic!("it is a place_trigger");
        };
        let command = Command::PlaceTrigger(PlaceTrigger::of(read.trigger));
        assert_eq!(
            Command::needs(&command.to_json()),
            [
                Capability::TriggerByMark,
                Capability::TriggerLimit,
                Capability::ReduceOnly,
                Capability::HedgeMode
            ]
        );
    }

    #[test]
    fn a_leverage_for_each_side_is_a_need() {
        let five = Leverage::new(5.into()).unwrap();
        let plain = SetLeverage::of(InstrumentId(1), five);
        assert!(!plain.needs.contains(&Capability::LeverageBySide));
        let of_one = plain.of_side(PositionSide::Short);
        assert!(of_one.needs.contains(&Capability::LeverageBySide));
    }
}

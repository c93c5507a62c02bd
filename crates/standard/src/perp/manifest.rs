//! What a manifest says of a perp connector alone.

use std::collections::BTreeSet;

use colibri_model::{CollateralMode, MarginMode, Millis, OrderType, PositionMode, TriggerBy, TriggerKind};
use serde::{Deserialize, Serialize};

use crate::Capability;

/// What a setting is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingScope {
    /// The account: one for every instrument.
    Account,
    /// Each instrument.
    Instrument,
    /// Each position: an instrument's long and short one may differ.
    Position,
    /// Each order says it.
    Order,
}

/// How exact, and how far ahead, the date of an order must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoodTillManifest {
    /// It is at least so far ahead.
    pub least_ms: Millis,
    /// It is a multiple of this.
    pub precision_ms: Millis,
}

/// The triggers that an exchange has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerManifest {
    /// The kinds.
    pub kinds: BTreeSet<TriggerKind>,
    /// The prices that they may watch.
    pub by: BTreeSet<TriggerBy>,
    /// The types of order that they may become.
    pub orders: BTreeSet<OrderType>,
    /// Whether the order that a trigger became has the trigger's client id. Else the host finds it by the exchange's id alone.
    pub order_keeps_client_id: bool,
}

/// A perp connector's own part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerpManifest {
    /// The position modes that there are.
    pub position_modes: BTreeSet<PositionMode>,
    /// What a position mode is kept for: `account` or `instrument`.
    pub position_mode_scope: SettingScope,
    /// Whether setting the account's position mode sets that of the exchange's other contract markets too.
    #[serde(default)]
    pub position_mode_reaches_beyond: bool,
    /// The margin modes that there are.
    pub margin_modes: BTreeSet<MarginMode>,
    /// What a margin mode is kept for: `account`, `instrument` or `order`.
    pub margin_mode_scope: SettingScope,
    /// What a leverage is kept for: `account`, `instrument` or `position`.
    pub leverage_scope: SettingScope,
    /// Which assets may answer for cross positions; empty where there is no choice.
    #[serde(default)]
    pub collateral_modes: BTreeSet<CollateralMode>,
    /// Orders with a date, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_till: Option<GoodTillManifest>,
    /// Triggers, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggers: Option<TriggerManifest>,
    /// How often funding payments are asked for, beside each time that one is told of and each settlement.
    #[serde(default = "default_funding")]
    pub funding_ms: Millis,
}

const fn default_funding() -> Millis {
    Millis(600_000)
}

impl PerpManifest {
    /// What is wrong with it, beside the connector's capabilities.
    pub(crate) fn check(&self, capabilities: &BTreeSet<Capability>) -> Result<(), String> {
        if self.position_modes.is_empty() || self.margin_modes.is_empty() {
            return Err("a perp connector has a position mode and a margin mode at least".to_owned());
        }
        use SettingScope as S;
        let scopes = [
            (
                "position mode",
                self.position_mode_scope,
                [S::Account, S::Instrument].as_slice(),
            ),
            (
                "margin mode",
                self.margin_mode_scope,
                &[S::Account, S::Instrument, S::Order],
            ),
            (
                "leverage",
                self.leverage_scope,
                &[S::Account, S::Instrument, S::Position],
            ),
        ];
        if let Some((what, scope, _)) = scopes.into_iter().find(|(_, scope, may)| !may.contains(scope)) {
            return Err(format!("no {what} is kept for {scope:?}"));
        }
        let empty = TriggerManifest {
            kinds: BTreeSet::new(),
            by: BTreeSet::new(),
            orders: BTreeSet::new(),
            order_keeps_client_id: false,
        };
        let triggers = self.triggers.as_ref();
        if triggers.is_some_and(|t| t.kinds.is_empty() || t.by.is_empty() || !t.orders.contains(&OrderType::Market)) {
            return Err("triggers have a kind, a price to watch, and become market orders at least".to_owned());
        }
        let triggers = triggers.unwrap_or(&empty);
        let told = [
            (
                Capability::HedgeMode,
                self.position_modes.contains(&PositionMode::Hedge),
            ),
            (Capability::OrderMarginMode, self.margin_mode_scope == S::Order),
            (Capability::LeverageBySide, self.leverage_scope == S::Position),
            (Capability::GoodTillDate, self.good_till.is_some()),
            (Capability::SetCollateralMode, !self.collateral_modes.is_empty()),
            (Capability::TriggerByLast, triggers.by.contains(&TriggerBy::Last)),
            (Capability::TriggerByMark, triggers.by.contains(&TriggerBy::Mark)),
            (Capability::TriggerByIndex, triggers.by.contains(&TriggerBy::Index)),
            (Capability::TriggerLimit, triggers.orders.contains(&OrderType::Limit)),
        ];
        match told
            .iter()
            .find(|(capability, told)| capabilities.contains(capability) != *told)
        {
            Some((capability, _)) => Err(format!(
                "{} stands among the capabilities or in perpetual, and not in both",
                capability.as_str()
            )),
            None => Ok(()),
        }
    }
}

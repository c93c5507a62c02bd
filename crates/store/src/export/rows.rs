//! The columns of an export. Names and their order are what other programs rely on: add at the end, change none.

use std::io::{self, Write};

use colibri_model::{Liquidity, OrderState, QuantityUnit, TimeInForce, TriggerState};
use serde::{Serialize, Serializer};

use super::timestamp::utc;
use crate::query::{Order, Trade, Trigger};

/// Something that is exported as a row.
pub(super) trait Row {
    /// The names of its columns.
    const COLUMNS: &'static [&'static str];
    /// Its values, as many as there are columns.
    fn cells(&self) -> Vec<Option<String>>;
}

impl Row for Trade {
    const COLUMNS: &'static [&'static str] = &[
        "time",
        "bot",
        "strategy",
        "venue",
        "account",
        "pair",
        "side",
        "price",
        "quantity",
        "notional",
        "fee",
        "fee_asset",
        "liquidity",
        "trade_id",
        "client_order_id",
        "exchange_order_id",
        "received",
    ];

    fn cells(&self) -> Vec<Option<String>> {
        let fill = &self.fill;
        let fee = fill.fee.as_ref();
        vec![
            Some(utc(fill.exchange_time)),
            self.bot.clone(),
            text(self.strategy.as_ref()),
            text(Some(&fill.key.venue)),
            text(Some(&fill.key.account)),
            text(Some(&fill.key.pair)),
            Some(fill.side.as_str().to_owned()),
            text(Some(&fill.price)),
            text(Some(&fill.quantity)),
            fill.price
                .0
                .checked_mul(fill.quantity.0)
                .map(|notional| notional.to_string()),
            text(fee.map(|fee| fee.amount)),
            text(fee.map(|fee| &fee.asset)),
            text(fill.liquidity.map(liquidity)),
            text(Some(&fill.key.trade_id)),
            text(fill.client_id.as_ref()),
            text(fill.exchange_id.as_ref()),
            Some(utc(fill.local_time)),
        ]
    }
}

impl Row for Order {
    const COLUMNS: &'static [&'static str] = &[
        "created",
        "bot",
        "strategy",
        "venue",
        "account",
        "pair",
        "side",
        "type",
        "time_in_force",
        "price",
        "quantity",
        "quantity_unit",
        "state",
        "filled",
        "filled_notional",
        "average_price",
        "client_order_id",
        "exchange_order_id",
        "updated",
        "exchange_time",
        "cancel_requested",
        "reason",
    ];

    fn cells(&self) -> Vec<Option<String>> {
        let intent = &self.intent;
        vec![
            Some(utc(self.created)),
            self.bot.clone(),
            text(Some(&self.strategy)),
            text(Some(&self.venue)),
            text(Some(&self.account)),
            text(Some(&self.pair)),
            Some(intent.side.as_str().to_owned()),
            Some(intent.order_type.as_str().to_owned()),
            text(intent.time_in_force.map(TimeInForce::as_str)),
            text(intent.price),
            text(Some(intent.quantity)),
            text(Some(quantity_unit(intent.quantity_unit))),
            text(Some(order_state(self.state))),
            text(Some(self.filled)),
            text(Some(self.filled_notional)),
            text(self.average_price()),
            text(Some(&intent.client_id)),
            text(self.exchange_id.as_ref()),
            Some(utc(self.updated)),
            self.exchange_time.map(utc),
            self.cancel_requested.map(utc),
            self.reason.clone(),
        ]
    }
}

impl Row for Trigger {
    const COLUMNS: &'static [&'static str] = &[
        "created",
        "bot",
        "strategy",
        "venue",
        "account",
        "pair",
        "kind",
        "by",
        "trigger_price",
        "side",
        "type",
        "time_in_force",
        "price",
        "quantity",
        "effect",
        "position_side",
        "state",
        "client_order_id",
        "exchange_trigger_id",
        "became_order",
        "updated",
        "exchange_time",
        "cancel_requested",
        "reason",
    ];

    fn cells(&self) -> Vec<Option<String>> {
        let intent = &self.intent;
        vec![
            Some(utc(self.created)),
            self.bot.clone(),
            text(Some(&self.strategy)),
            text(Some(&self.venue)),
            text(Some(&self.account)),
            text(Some(&self.pair)),
            text(Some(intent.kind.as_str())),
            text(Some(intent.by.as_str())),
            text(Some(intent.trigger_price)),
            text(Some(intent.side.as_str())),
            text(Some(intent.order_type.as_str())),
            text(intent.time_in_force.map(TimeInForce::as_str)),
            text(intent.price),
            text(intent.quantity),
            text(Some(intent.terms.effect.as_str())),
            text(Some(intent.terms.position_side.as_str())),
            text(Some(trigger_state(self.state))),
            text(Some(&intent.client_id)),
            text(self.exchange_id.as_ref()),
            text(self.became.as_ref()),
            Some(utc(self.updated)),
            self.exchange_time.map(utc),
            self.cancel_requested.map(utc),
            self.reason.clone(),
        ]
    }
}

/// Writes a row as a JSON object, its columns in their order.
pub(super) fn json<R: Row>(row: &R, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(to, &Object(row)).map_err(io::Error::from)
}

struct Object<'a, R>(&'a R);

impl<R: Row> Serialize for Object<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(R::COLUMNS.iter().zip(self.0.cells()))
    }
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// `maker` or `taker`.
#[must_use]
pub const fn liquidity(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
    }
}

/// `base` or `quote`.
#[must_use]
pub const fn quantity_unit(unit: QuantityUnit) -> &'static str {
    match unit {
        QuantityUnit::Base => "base",
        QuantityUnit::Quote => "quote",
    }
}

/// `open`, `filled`, and so on.
#[must_use]
pub const fn order_state(state: OrderState) -> &'static str {
    match state {
        OrderState::PendingCreate => "pending_create",
        OrderState::Acknowledged => "acknowledged",
        OrderState::Open => "open",
        OrderState::PartiallyFilled => "partially_filled",
        OrderState::Unknown => "unknown",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
        OrderState::Rejected => "rejected",
        OrderState::Expired => "expired",
    }
}

/// `placed`, `became_order`, and so on.
#[must_use]
pub const fn trigger_state(state: TriggerState) -> &'static str {
    match state {
        TriggerState::PendingPlace => "pending_place",
        TriggerState::Placed => "placed",
        TriggerState::Unknown => "unknown",
        TriggerState::Triggered => "triggered",
        TriggerState::BecameOrder => "became_order",
        TriggerState::Expired => "expired",
        TriggerState::Cancelled => "cancelled",
        TriggerState::Rejected => "rejected",
    }
}

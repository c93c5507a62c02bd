//! An order operation as a line states it, and as it crosses the boundary.

use colibri_abi::{
    Grant, OrderOp, Text48, margin_mode, op_flag, op_kind, order_side, order_type, position_side, time_in_force,
};
use colibri_model::{Exponents, mantissa_of_text};
use serde::Deserialize;

use super::text::Text;

/// Names of flag bits, or the bits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Flags {
    /// The bits themselves, known or not.
    Bits(u64),
    /// By name: `quote_quantity`, `reduce_only`, `close_position`, `stop_on_failure`.
    Names(Vec<String>),
}

/// An order operation. Which fields it needs depends on its kind, and the connector says so: nothing is checked here but
/// form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderLine {
    /// Its operation; the next free number where absent.
    pub op: Option<u64>,
    /// `place` (where absent), `cancel`, `amend` or `replace`.
    pub kind: Option<String>,
    /// The handle; or the pair; or the exchange's symbol.
    pub instrument: Option<u32>,
    /// The pair.
    pub pair: Option<String>,
    /// The exchange's symbol.
    pub symbol: Option<String>,
    /// `buy` or `sell`.
    pub side: Option<String>,
    /// `limit`, `market` or `limit_maker`.
    #[serde(alias = "type")]
    pub order_type: Option<String>,
    /// `gtc`, `ioc`, `fok` or `gtd`; `gtc` for limit orders where absent.
    #[serde(alias = "tif")]
    pub time_in_force: Option<String>,
    /// Limit price, decimal.
    pub price: Option<Text>,
    /// Quantity of the base asset, decimal.
    pub quantity: Option<Text>,
    /// Quantity of the quote asset instead.
    pub quote_quantity: Option<Text>,
    /// The id of the order to create, or to act on.
    pub client_id: Option<Text>,
    /// The exchange's id of the order to act on.
    pub exchange_id: Option<Text>,
    /// Replace: the client id of the order to cancel. Amend: the new client id.
    pub other_client_id: Option<Text>,
    /// The operation whose request carries this one, where several go out in one.
    pub batch: Option<u64>,
    /// Flag bits.
    pub flags: Option<Flags>,
    /// `net`, `long` or `short`.
    pub position_side: Option<String>,
    /// `cross` or `isolated`.
    pub margin_mode: Option<String>,
    /// Until when it works, in nanoseconds since 1970.
    pub good_till: Option<i64>,
    /// The nonce of its admission; the next where absent.
    pub nonce: Option<u64>,
}

impl OrderLine {
    /// The same operation of a kind that was told beside it.
    pub(super) fn of_kind(mut self, kind: &str) -> OrderLine {
        self.kind = Some(kind.to_owned());
        self
    }

    /// As it crosses the boundary, `exponents` being those of its instrument: a value with more digits than they have room
    /// for crosses at its own.
    ///
    /// # Errors
    /// A name that stands for nothing, a number that is none, an id that is too long.
    pub fn to_op(&self, instrument: u32, exponents: Exponents, grant: Grant) -> Result<OrderOp, String> {
        let kind = match self.kind.as_deref() {
            None => op_kind::PLACE,
            Some(kind) => named(
                kind,
                "kind of order operation",
                &[
                    ("place", op_kind::PLACE),
                    ("cancel", op_kind::CANCEL),
                    ("amend", op_kind::AMEND),
                    ("replace", op_kind::REPLACE),
                ],
            )?,
        };
        let side = self.side.as_deref().map_or(Ok(0), |side| {
            named(side, "side", &[("buy", order_side::BUY), ("sell", order_side::SELL)])
        })?;
        let creates = kind == op_kind::PLACE || kind == op_kind::REPLACE;
        let order_type = match self.order_type.as_deref() {
            Some(kind) => named(
                kind,
                "order type",
                &[
                    ("limit", order_type::LIMIT),
                    ("market", order_type::MARKET),
                    ("limit_maker", order_type::LIMIT_MAKER),
                ],
            )?,
            None if creates && self.price.is_none() => order_type::MARKET,
            None if creates => order_type::LIMIT,
            None => 0,
        };
        let time_in_force = match self.time_in_force.as_deref() {
            Some(tif) => named(
                tif,
                "time in force",
                &[
                    ("gtc", time_in_force::GTC),
                    ("ioc", time_in_force::IOC),
                    ("fok", time_in_force::FOK),
                    ("gtd", time_in_force::GTD),
                ],
            )?,
            None if order_type == order_type::LIMIT => time_in_force::GTC,
            None => 0,
        };
        let (price_exponent, price) = mantissa("price", self.price.as_ref(), exponents.price)?;
        let mut flags = self.flag_bits()?;
        let quantity = match (&self.quantity, &self.quote_quantity) {
            (Some(_), Some(_)) => return Err("it states both quantity and quote_quantity".to_owned()),
            (None, Some(quote)) => {
                flags |= op_flag::QUOTE_QUANTITY;
                Some(quote)
            }
            (base, None) => base.as_ref(),
        };
        let (quantity_exponent, quantity) = mantissa("quantity", quantity, exponents.quantity)?;
        let op = OrderOp {
            kind,
            instrument,
            grant,
            side,
            order_type,
            time_in_force,
            price_exponent,
            quantity_exponent,
            flags,
            price,
            quantity,
            client_id: id("client_id", self.client_id.as_ref())?,
            exchange_id: id("exchange_id", self.exchange_id.as_ref())?,
            other_client_id: id("other_client_id", self.other_client_id.as_ref())?,
            ..OrderOp::default()
        };
        let op = self.with_terms(op)?;
        Ok(self.batch.map_or(op, |carrier| op.in_batch_of(carrier)))
    }

    /// With what it says of a contract.
    fn with_terms(&self, op: OrderOp) -> Result<OrderOp, String> {
        let side = self.position_side.as_deref().map_or(Ok(position_side::NET), |side| {
            let sides = [
                ("net", position_side::NET),
                ("long", position_side::LONG),
                ("short", position_side::SHORT),
            ];
            named(side, "position side", &sides)
        })?;
        let margin = self.margin_mode.as_deref().map_or(Ok(margin_mode::UNSAID), |mode| {
            let modes = [("cross", margin_mode::CROSS), ("isolated", margin_mode::ISOLATED)];
            named(mode, "margin mode", &modes)
        })?;
        let op = op.of_position(side, margin);
        Ok(self.good_till.map_or(op, |nanos| op.good_till(nanos)))
    }

    fn flag_bits(&self) -> Result<u64, String> {
        match &self.flags {
            None => Ok(0),
            Some(Flags::Bits(bits)) => Ok(*bits),
            Some(Flags::Names(names)) => names.iter().try_fold(0, |bits, name| match name.as_str() {
                "quote_quantity" => Ok(bits | op_flag::QUOTE_QUANTITY),
                "reduce_only" => Ok(bits | op_flag::REDUCE_ONLY),
                "close_position" => Ok(bits | op_flag::CLOSE_POSITION),
                "stop_on_failure" => Ok(bits | op_flag::STOP_ON_FAILURE),
                "over_stream" => Ok(bits | op_flag::OVER_STREAM),
                other => Err(format!("no flag is called {other:?}")),
            }),
        }
    }
}

fn named(text: &str, what: &str, names: &[(&str, u32)]) -> Result<u32, String> {
    let lower = text.to_ascii_lowercase();
    names
        .iter()
        .find(|(name, _)| *name == lower)
        .map(|(_, number)| *number)
        .ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            format!("{text:?} is no {what}; write one of {}", known.join(", "))
        })
}

fn mantissa(what: &str, text: Option<&Text>, exponent: i32) -> Result<(i32, i64), String> {
    let Some(text) = text else {
        return Ok((exponent, 0));
    };
    let digits = text.as_str();
    if let Ok(mantissa) = mantissa_of_text(digits.as_bytes(), exponent) {
        return Ok((exponent, mantissa));
    }
    let places = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let own = i32::try_from(places).map_or(exponent, |places| -places);
    mantissa_of_text(digits.as_bytes(), own)
        .map(|mantissa| (own, mantissa))
        .map_err(|e| format!("{what}: {e}"))
}

fn id(what: &str, text: Option<&Text>) -> Result<Text48, String> {
    let Some(text) = text else {
        return Ok(Text48::EMPTY);
    };
    Text48::new(text.as_str()).ok_or_else(|| format!("{what} is longer than {} bytes", Text48::CAPACITY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EXPONENTS: Exponents = Exponents {
        price: -2,
        quantity: -8,
    };

    fn op(json: &str) -> Result<OrderOp, String> {
        let line: OrderLine = serde_json::from_str(json).map_err(|e| e.to_string())?;
        line.to_op(3, EXPONENTS, Grant::default())
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let limit = op(r#"{"side":"BUY","price":"61824.01","quantity":0.5,"client_id":"c-1"}"#).unwrap();
        assert_eq!(
            (limit.kind, limit.order_type, limit.time_in_force),
            (op_kind::PLACE, order_type::LIMIT, time_in_force::GTC)
        );
        assert_eq!(
            (limit.price, limit.quantity, limit.instrument),
            (6_182_401, 50_000_000, 3)
        );
        let market = op(r#"{"side":"sell","quote_quantity":"10"}"#).unwrap();
        assert_eq!(
            (market.order_type, market.time_in_force, market.flags),
            (order_type::MARKET, 0, op_flag::QUOTE_QUANTITY)
        );
        let cancel = op(r#"{"kind":"cancel","exchange_id":77,"flags":8}"#).unwrap();
        assert_eq!(
            (cancel.order_type, cancel.exchange_id.as_str(), cancel.flags),
            (0, "77", 8)
        );
        let carried = op(r#"{"kind":"cancel","exchange_id":77,"batch":5}"#).unwrap();
        assert_eq!((carried.batch(), cancel.batch()), (Some(5), None));
    }

    #[test]
    fn more_digits_than_the_instrument_has_cross_at_their_own_exponent() {
        let fine = op(r#"{"price":"1.23456","quantity":"1"}"#).unwrap();
        assert_eq!((fine.price_exponent, fine.price), (-5, 123_456));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (json, told) in [
            (r#"{"side":"up"}"#, "\"up\" is no side"),
            (r#"{"kind":"dance"}"#, "no kind of order operation"),
            (r#"{"quantity":"1","quote_quantity":"1"}"#, "both"),
            (r#"{"price":"cheap"}"#, "price: "),
            (r#"{"flags":["moon"]}"#, "moon"),
            (r#"{"stop_price":"1"}"#, "stop_price"),
            (
                r#"{"client_id":"012345678901234567890123456789012345678901234567"}"#,
                "client_id is longer",
            ),
        ] {
            let error = op(json).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}

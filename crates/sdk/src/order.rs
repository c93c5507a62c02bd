//! Order operations as they come over the boundary, told apart and checked: what this version does not know is refused.

use colibri_abi as abi;
use colibri_abi::OrderOp;
use colibri_model::{InstrumentId, OrderType, QuantityUnit, Side, TimeInForce};
use colibri_standard::{Refusal, RejectReason, UsedInstrument};

use crate::{Asked, Instruments, Numeral, Spot, unsupported};

/// An order to place.
#[derive(Debug, Clone, Copy)]
pub struct PlaceOrder<'a> {
    /// Of which instrument.
    pub instrument: &'a UsedInstrument,
    /// Our id for it.
    pub client_id: &'a str,
    /// Buy or sell.
    pub side: Side,
    /// How it trades.
    pub order_type: OrderType,
    /// How long it lives; `None` for market orders, and for limit makers that rest as usual.
    pub time_in_force: Option<TimeInForce>,
    /// Limit price; `None` for market orders.
    pub price: Option<Numeral>,
    /// How much.
    pub quantity: Numeral,
    /// Of which asset.
    pub unit: QuantityUnit,
}

/// An order to act on: by either id, at least one of which is there.
#[derive(Debug, Clone, Copy)]
pub struct OrderRef<'a> {
    /// Of which instrument.
    pub instrument: &'a UsedInstrument,
    /// Our id.
    pub client_id: Option<&'a str>,
    /// The exchange's id.
    pub exchange_id: Option<&'a str>,
}

/// A live order to change, its identity kept.
#[derive(Debug, Clone, Copy)]
pub struct AmendOrder<'a> {
    /// Which.
    pub order: OrderRef<'a>,
    /// Its new whole quantity.
    pub quantity: Numeral,
    /// Its new price, where it is to change.
    pub price: Option<Numeral>,
    /// Its new client id, where it is to change.
    pub new_client_id: Option<&'a str>,
}

/// What becomes of the placement of a replace whose cancel fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenCancelFails {
    /// It is not attempted.
    Stop,
    /// It is attempted all the same.
    Place,
}

/// An order to cancel and one to place, in one request.
#[derive(Debug, Clone, Copy)]
pub struct ReplaceOrder<'a> {
    /// The order to cancel.
    pub cancel: OrderRef<'a>,
    /// The order to place.
    pub place: PlaceOrder<'a>,
    /// What happens when the cancel fails.
    pub when_cancel_fails: WhenCancelFails,
}

/// An order operation.
#[derive(Debug, Clone, Copy)]
pub enum OrderCommand<'a> {
    /// A new order.
    Place(PlaceOrder<'a>),
    /// The end of one.
    Cancel(OrderRef<'a>),
    /// A change to one.
    Amend(AmendOrder<'a>),
    /// The end of one and a new one.
    Replace(ReplaceOrder<'a>),
}

fn bad(what: &str) -> Refusal {
    Refusal::new(RejectReason::BadRequest, what)
}

impl<'a> OrderCommand<'a> {
    /// The connector's request for it, over HTTP.
    pub(crate) fn over_http(&self, connector: &dyn Spot) -> Asked {
        match self {
            OrderCommand::Place(order) => connector.place(order),
            OrderCommand::Cancel(order) => connector.cancel(order),
            OrderCommand::Amend(order) => connector.amend(order),
            OrderCommand::Replace(order) => connector.replace(order),
        }
    }

    /// Reads an operation. What this version does not know is refused, never dropped: a number, a flag, spare room in use.
    pub(crate) fn read(op: &'a OrderOp, instruments: &'a Instruments) -> Result<OrderCommand<'a>, Refusal> {
        let batchable = matches!(op.kind, abi::op_kind::PLACE | abi::op_kind::CANCEL);
        let unknown = if batchable { &op.ext[1..] } else { &op.ext[..] };
        if op.reserved != 0 || unknown.iter().any(|room| *room != 0) || op.grant.ext != [0; 2] {
            return Err(unsupported("an order with fields of a later version"));
        }
        let instrument = instruments
            .get(InstrumentId(op.instrument))
            .ok_or_else(|| bad("the order's instrument is not in use"))?;
        let known_flags = match op.kind {
            abi::op_kind::PLACE => abi::op_flag::QUOTE_QUANTITY,
            abi::op_kind::REPLACE => abi::op_flag::QUOTE_QUANTITY | abi::op_flag::STOP_ON_FAILURE,
            abi::op_kind::CANCEL | abi::op_kind::AMEND => 0,
            _ => return Err(unsupported("this kind of order operation")),
        };
        if op.flags & !(known_flags | abi::op_flag::OVER_STREAM) != 0 {
            return Err(unsupported("an order with these flags"));
        }
        let order_of = |client_id: &'a abi::Text48| OrderRef {
            instrument,
            client_id: filled(client_id),
            exchange_id: filled(&op.exchange_id),
        };
        match op.kind {
            abi::op_kind::PLACE => Ok(OrderCommand::Place(place(op, instrument)?)),
            abi::op_kind::CANCEL => Ok(OrderCommand::Cancel(identified(order_of(&op.client_id))?)),
            abi::op_kind::AMEND => Ok(OrderCommand::Amend(AmendOrder {
                order: identified(order_of(&op.client_id))?,
                quantity: quantity(op)?,
                price: (op.price != 0).then_some(price(op)),
                new_client_id: filled(&op.other_client_id),
            })),
            _ => Ok(OrderCommand::Replace(ReplaceOrder {
                cancel: identified(order_of(&op.other_client_id))?,
                place: place(op, instrument)?,
                when_cancel_fails: if op.flags & abi::op_flag::STOP_ON_FAILURE != 0 {
                    WhenCancelFails::Stop
                } else {
                    WhenCancelFails::Place
                },
            })),
        }
    }
}

/// Reads the operations of a batch, all of one kind, and asks the connector for their request. What cannot be read fails the
/// whole: the operations were admitted for one request.
pub(crate) fn read_batch<'op>(
    ops: impl Iterator<Item = &'op OrderOp>,
    instruments: &Instruments,
    connector: &dyn Spot,
) -> Asked {
    let (mut places, mut cancels) = (Vec::new(), Vec::new());
    for op in ops {
        if op.is_over_stream() {
            return Err(unsupported("batches over a stream"));
        }
        match OrderCommand::read(op, instruments)? {
            OrderCommand::Place(order) => places.push(order),
            OrderCommand::Cancel(order) => cancels.push(order),
            OrderCommand::Amend(_) | OrderCommand::Replace(_) => return Err(unsupported("this kind of batch")),
        }
    }
    match (places.is_empty(), cancels.is_empty()) {
        (false, true) => connector.place_batch(&places),
        (true, false) => connector.cancel_batch(&cancels),
        _ => Err(bad("a batch is of placements, or of cancels")),
    }
}

fn filled(text: &abi::Text48) -> Option<&str> {
    Some(text.as_str()).filter(|t| !t.is_empty())
}

fn identified(order: OrderRef<'_>) -> Result<OrderRef<'_>, Refusal> {
    if order.client_id.is_none() && order.exchange_id.is_none() {
        return Err(bad("the order to act on has neither id"));
    }
    Ok(order)
}

const fn price(op: &OrderOp) -> Numeral {
    Numeral {
        mantissa: op.price,
        exponent: op.price_exponent,
    }
}

fn quantity(op: &OrderOp) -> Result<Numeral, Refusal> {
    let quantity = Numeral {
        mantissa: op.quantity,
        exponent: op.quantity_exponent,
    };
    if quantity.is_positive() {
        Ok(quantity)
    } else {
        Err(bad("the order's quantity is not above zero"))
    }
}

fn place<'a>(op: &'a OrderOp, instrument: &'a UsedInstrument) -> Result<PlaceOrder<'a>, Refusal> {
    let client_id = filled(&op.client_id).ok_or_else(|| bad("the order has no client id"))?;
    let side = match op.side {
        abi::order_side::BUY => Side::Buy,
        abi::order_side::SELL => Side::Sell,
        _ => return Err(unsupported("this side of an order")),
    };
    let order_type = match op.order_type {
        abi::order_type::LIMIT => OrderType::Limit,
        abi::order_type::MARKET => OrderType::Market,
        abi::order_type::LIMIT_MAKER => OrderType::LimitMaker,
        _ => return Err(unsupported("this type of order")),
    };
    let time_in_force = match op.time_in_force {
        0 => None,
        abi::time_in_force::GTC => Some(TimeInForce::Gtc),
        abi::time_in_force::IOC => Some(TimeInForce::Ioc),
        abi::time_in_force::FOK => Some(TimeInForce::Fok),
        _ => return Err(unsupported("this time in force")),
    };
    let unit = if op.flags & abi::op_flag::QUOTE_QUANTITY != 0 {
        QuantityUnit::Quote
    } else {
        QuantityUnit::Base
    };
    let limit = match (order_type, op.price) {
        (OrderType::Market, 0) => None,
        (OrderType::Market, _) => return Err(bad("a market order has no price")),
        (_, price) if price <= 0 => return Err(bad("a limit order needs a price above zero")),
        _ => Some(price(op)),
    };
    match (order_type, time_in_force) {
        (OrderType::Limit, None) => return Err(bad("a limit order needs a time in force")),
        (OrderType::Market, Some(_)) => return Err(bad("a market order has no time in force")),
        (OrderType::LimitMaker, Some(TimeInForce::Ioc | TimeInForce::Fok)) => {
            return Err(bad("an order that must rest cannot be immediate"));
        }
        _ => {}
    }
    if unit == QuantityUnit::Quote && order_type != OrderType::Market {
        return Err(unsupported("a limit order with a quantity in the quote asset"));
    }
    Ok(PlaceOrder {
        instrument,
        client_id,
        side,
        order_type,
        time_in_force,
        price: limit,
        quantity: quantity(op)?,
        unit,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use abi::Text48;
    use colibri_model::Exponents;
    use colibri_standard::UseInstruments;
    use proptest::prelude::*;

    fn instruments() -> Instruments {
        Instruments::new(UseInstruments {
            instruments: vec![UsedInstrument {
                id: InstrumentId(1),
                pair: "BTC-USDT".parse().unwrap(),
                symbol: "BTCUSDT".to_owned(),
                exponents: Exponents {
                    price: -8,
                    quantity: -8,
                },
            }],
        })
    }

    fn limit() -> OrderOp {
        OrderOp {
            kind: abi::op_kind::PLACE,
            instrument: 1,
            side: abi::order_side::BUY,
            order_type: abi::order_type::LIMIT,
            time_in_force: abi::time_in_force::GTC,
            price: 100,
            quantity: 5,
            client_id: Text48::new("x").unwrap(),
            ..OrderOp::default()
        }
    }

    fn refused(op: OrderOp) -> RejectReason {
        OrderCommand::read(&op, &instruments()).unwrap_err().reason
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(OrderCommand::read(&limit(), &instruments()).is_ok());
        for op in [
            OrderOp { kind: 9, ..limit() },
            OrderOp { kind: 0, ..limit() },
            OrderOp {
                flags: abi::op_flag::REDUCE_ONLY,
                ..limit()
            },
            OrderOp {
                flags: 1 << 40,
                ..limit()
            },
            OrderOp {
                flags: abi::op_flag::STOP_ON_FAILURE,
                ..limit()
            },
            OrderOp { side: 3, ..limit() },
            OrderOp {
                order_type: 4,
                ..limit()
            },
            OrderOp {
                time_in_force: 4,
                ..limit()
            },
            OrderOp {
                ext: [0, 1, 0, 0],
                ..limit()
            },
            OrderOp {
                flags: abi::op_flag::QUOTE_QUANTITY,
                ..limit()
            },
        ] {
            assert_eq!(refused(op), RejectReason::Unsupported, "{op:?}");
        }
    }

    #[test]
    fn a_malformed_order_is_refused() {
        for op in [
            OrderOp {
                instrument: 2,
                ..limit()
            },
            OrderOp { price: 0, ..limit() },
            OrderOp { price: -1, ..limit() },
            OrderOp { quantity: 0, ..limit() },
            OrderOp {
                time_in_force: 0,
                ..limit()
            },
            OrderOp {
                client_id: Text48::EMPTY,
                ..limit()
            },
            OrderOp {
                kind: abi::op_kind::CANCEL,
                client_id: Text48::EMPTY,
                ..limit()
            },
            OrderOp {
                order_type: abi::order_type::MARKET,
                ..limit()
            },
            OrderOp {
                order_type: abi::order_type::LIMIT_MAKER,
                time_in_force: abi::time_in_force::IOC,
                ..limit()
            },
        ] {
            assert_eq!(refused(op), RejectReason::BadRequest, "{op:?}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_or_refused(kind in 0u32..6, side in 0u32..4, order_type in 0u32..5, tif in 0u32..5, flags in any::<u64>(), price in any::<i64>(), quantity in any::<i64>()) {
            let op = OrderOp { kind, side, order_type, time_in_force: tif, flags, price, quantity, ..limit() };
            let _ = OrderCommand::read(&op, &instruments());
        }
    }
}

//! Order operations as they come over the boundary, told apart and checked: what this version does not know is refused.

use colibri_abi as abi;
use colibri_abi::OrderOp;
use colibri_model::{
    InstrumentId, MarginMode, OrderTerms, OrderType, PositionEffect, PositionSide, QuantityUnit, Side, TimeInForce,
    WallNs,
};
use colibri_standard::{Capability, Refusal, RejectReason, UsedInstrument};

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
    /// How much; zero where the order closes its position, whatever that is by then.
    pub quantity: Numeral,
    /// Of which asset.
    pub unit: QuantityUnit,
    /// What it says beyond that, where it is of a contract: nothing that the connector has not declared.
    pub terms: OrderTerms,
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
    /// Its side, where the host says: some exchanges ask for it.
    pub side: Option<Side>,
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
    pub(crate) fn read(
        op: &'a OrderOp,
        instruments: &'a Instruments,
        known: &[Capability],
    ) -> Result<OrderCommand<'a>, Refusal> {
        let batchable = matches!(op.kind, abi::op_kind::PLACE | abi::op_kind::CANCEL);
        let creates = matches!(op.kind, abi::op_kind::PLACE | abi::op_kind::REPLACE);
        let says_terms = op.ext[1] != 0 || op.ext[2] != 0;
        if op.has_unknown_room()
            || (!batchable && op.batch().is_some())
            || (!creates && says_terms)
            || op.grant.ext != [0; 2]
        {
            return Err(unsupported("an order with fields of a later version"));
        }
        let instrument = instruments
            .get(InstrumentId(op.instrument))
            .ok_or_else(|| bad("the order's instrument is not in use"))?;
        let of_placements = abi::op_flag::QUOTE_QUANTITY | abi::op_flag::REDUCE_ONLY | abi::op_flag::CLOSE_POSITION;
        let known_flags = match op.kind {
            abi::op_kind::PLACE => of_placements,
            abi::op_kind::REPLACE => of_placements | abi::op_flag::STOP_ON_FAILURE,
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
            abi::op_kind::PLACE => Ok(OrderCommand::Place(place(op, instrument, known)?)),
            abi::op_kind::CANCEL => Ok(OrderCommand::Cancel(identified(order_of(&op.client_id))?)),
            abi::op_kind::AMEND => Ok(OrderCommand::Amend(AmendOrder {
                order: identified(order_of(&op.client_id))?,
                side: match op.side {
                    0 => None,
                    number => Some(side(number)?),
                },
                quantity: quantity(op)?,
                price: (op.price != 0).then_some(price(op)),
                new_client_id: filled(&op.other_client_id),
            })),
            _ => Ok(OrderCommand::Replace(ReplaceOrder {
                cancel: identified(order_of(&op.other_client_id))?,
                place: place(op, instrument, known)?,
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
        match OrderCommand::read(op, instruments, connector.capabilities())? {
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

/// The quantity of an order that has none: it closes its position.
fn no_quantity(op: &OrderOp) -> Result<Numeral, Refusal> {
    if op.quantity == 0 {
        Ok(Numeral {
            mantissa: 0,
            exponent: op.quantity_exponent,
        })
    } else {
        Err(bad("an order that closes the position has no quantity"))
    }
}

fn side(number: u32) -> Result<Side, Refusal> {
    match number {
        abi::order_side::BUY => Ok(Side::Buy),
        abi::order_side::SELL => Ok(Side::Sell),
        _ => Err(unsupported("this side of an order")),
    }
}

/// What a placement says beyond side, price and quantity. What the connector has not declared is refused: an order that may
/// only reduce a position must never become one that opens it.
fn terms(op: &OrderOp, known: &[Capability]) -> Result<OrderTerms, Refusal> {
    let position_side = match op.position_side() {
        abi::position_side::NET => PositionSide::Net,
        abi::position_side::LONG => PositionSide::Long,
        abi::position_side::SHORT => PositionSide::Short,
        _ => return Err(unsupported("this position side")),
    };
    let margin_mode = match op.margin_mode() {
        abi::margin_mode::UNSAID => None,
        abi::margin_mode::CROSS => Some(MarginMode::Cross),
        abi::margin_mode::ISOLATED => Some(MarginMode::Isolated),
        _ => return Err(unsupported("this margin mode")),
    };
    let set = |flag| op.flags & flag != 0;
    let effect = match (set(abi::op_flag::REDUCE_ONLY), set(abi::op_flag::CLOSE_POSITION)) {
        (false, false) => PositionEffect::Any,
        (true, false) => PositionEffect::ReduceOnly,
        (false, true) => PositionEffect::ClosePosition,
        (true, true) => return Err(bad("an order that closes the position says nothing of reducing it")),
    };
    let good_till = op.good_till_ns().map(WallNs);
    let needs = [
        (!position_side.is_net(), Capability::HedgeMode),
        (margin_mode.is_some(), Capability::OrderMarginMode),
        (effect == PositionEffect::ReduceOnly, Capability::ReduceOnly),
        (effect == PositionEffect::ClosePosition, Capability::ClosePosition),
        (
            good_till.is_some() || op.time_in_force == abi::time_in_force::GTD,
            Capability::GoodTillDate,
        ),
    ];
    if let Some((_, lacking)) = needs.iter().find(|(needed, what)| *needed && !known.contains(what)) {
        return Err(unsupported(lacking.as_str()));
    }
    if good_till.is_some() != (op.time_in_force == abi::time_in_force::GTD) {
        return Err(bad(
            "a date stands in orders that are good till a date, and in no others",
        ));
    }
    Ok(OrderTerms {
        position_side,
        effect,
        margin_mode,
        good_till,
    })
}

fn place<'a>(op: &'a OrderOp, instrument: &'a UsedInstrument, known: &[Capability]) -> Result<PlaceOrder<'a>, Refusal> {
    let terms = terms(op, known)?;
    let client_id = filled(&op.client_id).ok_or_else(|| bad("the order has no client id"))?;
    let side = side(op.side)?;
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
        abi::time_in_force::GTD => Some(TimeInForce::Gtd),
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
        quantity: if terms.effect == PositionEffect::ClosePosition {
            no_quantity(op)?
        } else {
            quantity(op)?
        },
        unit,
        terms,
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
                contract: None,
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
        OrderCommand::read(&op, &instruments(), &[]).unwrap_err().reason
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(OrderCommand::read(&limit(), &instruments(), &[]).is_ok());
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

    /// Every term that an order can say, and what a connector must have declared.
    fn with_terms() -> [(OrderOp, Capability); 6] {
        let of_position = |side, margin| limit().of_position(side, margin);
        let flag = |flags, quantity| OrderOp {
            flags,
            quantity,
            ..limit()
        };
        let dated = OrderOp {
            time_in_force: abi::time_in_force::GTD,
            ..limit()
        };
        [
            (of_position(abi::position_side::LONG, 0), Capability::HedgeMode),
            (of_position(abi::position_side::SHORT, 0), Capability::HedgeMode),
            (of_position(0, abi::margin_mode::ISOLATED), Capability::OrderMarginMode),
            (flag(abi::op_flag::REDUCE_ONLY, 5), Capability::ReduceOnly),
            (flag(abi::op_flag::CLOSE_POSITION, 0), Capability::ClosePosition),
            (dated.good_till(1_723_161_254_000_000_000), Capability::GoodTillDate),
        ]
    }

    #[test]
    fn what_a_connector_has_not_declared_is_never_dropped() {
        let all: Vec<Capability> = with_terms().into_iter().map(|(_, need)| need).collect();
        for (op, need) in with_terms() {
            let others: Vec<Capability> = all.iter().filter(|c| **c != need).cloned().collect();
            let refusal = OrderCommand::read(&op, &instruments(), &others).unwrap_err();
            assert_eq!(refusal.reason, RejectReason::Unsupported, "{need:?}");
            assert!(refusal.text.contains(need.as_str()), "{refusal}");
            let map = instruments();
            let read = OrderCommand::read(&op, &map, &all).unwrap();
            let OrderCommand::Place(order) = read else {
                panic!("it places")
            };
            assert!(!order.terms.is_plain(), "{need:?}");
            for kind in [abi::op_kind::CANCEL, abi::op_kind::AMEND] {
                let other = OrderOp { kind, ..op };
                let says = op.flags != 0 || op.ext != [0; 4];
                assert_eq!(OrderCommand::read(&other, &map, &all).is_err(), says, "{need:?}");
            }
        }
    }

    #[test]
    fn terms_that_contradict_each_other_are_refused() {
        let all: Vec<Capability> = with_terms().into_iter().map(|(_, need)| need).collect();
        let both = abi::op_flag::REDUCE_ONLY | abi::op_flag::CLOSE_POSITION;
        for op in [
            OrderOp {
                flags: both,
                quantity: 0,
                ..limit()
            },
            OrderOp {
                flags: abi::op_flag::CLOSE_POSITION,
                ..limit()
            },
            OrderOp {
                time_in_force: abi::time_in_force::GTD,
                ..limit()
            },
            limit().good_till(5),
        ] {
            let refusal = OrderCommand::read(&op, &instruments(), &all).unwrap_err();
            assert_eq!(refusal.reason, RejectReason::BadRequest, "{op:?}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_or_refused(kind in 0u32..6, side in 0u32..4, order_type in 0u32..5, tif in 0u32..5, flags in any::<u64>(), price in any::<i64>(), quantity in any::<i64>(), ext in any::<[u64; 4]>()) {
            let op = OrderOp { kind, side, order_type, time_in_force: tif, flags, price, quantity, ext, ..limit() };
            let _ = OrderCommand::read(&op, &instruments(), &[Capability::ReduceOnly, Capability::HedgeMode, Capability::GoodTillDate]);
        }
    }
}

//! Orders on their way into a connector: one slice of plain values for place, cancel, amend and replace.

use abi_stable::StableAbi;

use crate::{Grant, Text48};

/// Values of [`OrderOp::kind`].
pub mod op_kind {
    /// Place a new order.
    pub const PLACE: u32 = 1;
    /// Cancel one order, by exchange id where known, else by client id.
    pub const CANCEL: u32 = 2;
    /// Change quantity (and price, where the exchange can) of a live order that keeps its identity.
    pub const AMEND: u32 = 3;
    /// Cancel one order and place another in one request of the exchange.
    pub const REPLACE: u32 = 4;
}

/// Values of [`OrderOp::side`].
pub mod order_side {
    /// Buy the base asset.
    pub const BUY: u32 = 1;
    /// Sell the base asset.
    pub const SELL: u32 = 2;
}

/// Values of [`OrderOp::order_type`].
pub mod order_type {
    /// Rests at its price or trades at better.
    pub const LIMIT: u32 = 1;
    /// Trades at any price, now.
    pub const MARKET: u32 = 2;
    /// A limit order that is refused when it would trade at once (post-only).
    pub const LIMIT_MAKER: u32 = 3;
}

/// Values of [`OrderOp::time_in_force`]; zero where the order type has none.
pub mod time_in_force {
    /// Good till cancelled.
    pub const GTC: u32 = 1;
    /// Immediate or cancel.
    pub const IOC: u32 = 2;
    /// Fill or kill.
    pub const FOK: u32 = 3;
    /// Good till the time that [`OrderOp::good_till_ns`](super::OrderOp::good_till_ns) gives.
    pub const GTD: u32 = 4;
}

/// Bits of [`OrderOp::flags`]. A connector answers NotSent(unsupported) to a bit that it does not know: the meaning of
/// an order is never dropped.
pub mod op_flag {
    /// `quantity` is in the quote asset (market orders).
    pub const QUOTE_QUANTITY: u64 = 1;
    /// Only reduce a position (perpetuals).
    pub const REDUCE_ONLY: u64 = 2;
    /// A replace whose cancel fails must not place.
    pub const STOP_ON_FAILURE: u64 = 4;
    /// It is admitted for the endpoint of a stream: it goes out on the account's session, not over HTTP. Only to connectors
    /// whose manifest has such endpoints.
    pub const OVER_STREAM: u64 = 8;
    /// End the position, however large it is by then: `quantity` is zero (perpetuals).
    pub const CLOSE_POSITION: u64 = 16;
}

/// One order operation, admitted already: the grant travels with it, so that order entry crosses the boundary once.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderOp {
    /// One of [`op_kind`].
    pub kind: u32,
    /// The host's handle of the instrument.
    pub instrument: u32,
    /// The admission; its `op` is the operation's id.
    pub grant: Grant,
    /// One of [`order_side`].
    pub side: u32,
    /// One of [`order_type`].
    pub order_type: u32,
    /// One of [`time_in_force`], or zero.
    pub time_in_force: u32,
    /// Decimal exponent of `price`.
    pub price_exponent: i32,
    /// Decimal exponent of `quantity`.
    pub quantity_exponent: i32,
    /// Spare room; zero.
    pub reserved: u32,
    /// Bits of [`op_flag`].
    pub flags: u64,
    /// Price mantissa; zero where the order type has no price.
    pub price: i64,
    /// Quantity mantissa: the order's whole quantity (for an amend, the new whole quantity).
    pub quantity: i64,
    /// Place and replace: the id of the order to create. Cancel and amend: the id of the order to act on.
    pub client_id: Text48,
    /// The exchange's id of the order to act on, where known.
    pub exchange_id: Text48,
    /// Replace: the client id of the order to cancel. Amend: the new client id, where the exchange renames on amend.
    pub other_client_id: Text48,
    /// Spare room; zero, but for what [`OrderOp::batch`] and the accessors of order terms read.
    pub ext: [u64; 4],
}

impl OrderOp {
    /// The operation whose request carries this one, where several go out in one: every operation of the batch names the
    /// same, which is one of them. `None` for an operation that has a request of its own.
    #[must_use]
    pub const fn batch(&self) -> Option<u64> {
        match self.ext[0] {
            0 => None,
            op => Some(op),
        }
    }

    /// Whether it goes out on a stream.
    #[must_use]
    pub const fn is_over_stream(&self) -> bool {
        self.flags & op_flag::OVER_STREAM != 0
    }

    /// The same operation, carried by the request of operation `op`. Only for placements and cancels, at connectors whose
    /// manifest has an endpoint for batches of them.
    #[must_use]
    pub const fn in_batch_of(mut self, op: u64) -> OrderOp {
        self.ext[0] = op;
        self
    }
}

impl Default for OrderOp {
    fn default() -> Self {
        OrderOp {
            kind: 0,
            instrument: 0,
            grant: Grant::default(),
            side: 0,
            order_type: 0,
            time_in_force: 0,
            price_exponent: 0,
            quantity_exponent: 0,
            reserved: 0,
            flags: 0,
            price: 0,
            quantity: 0,
            client_id: Text48::EMPTY,
            exchange_id: Text48::EMPTY,
            other_client_id: Text48::EMPTY,
            ext: [0; 4],
        }
    }
}

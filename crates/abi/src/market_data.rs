//! Market data on its way out of a connector: borrowed for the length of one call.

use abi_stable::StableAbi;
use abi_stable::std_types::RSlice;

use crate::Text48;

/// One price level, or its new absolute state: quantity zero removes the level.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// Price mantissa.
    pub price: i64,
    /// Quantity mantissa, absolute; zero removes.
    pub quantity: i64,
}

/// Bits of [`BookBatch::flags`]. A bit that the host does not know makes the batch an error.
pub mod book_flag {
    /// The batch is the whole book (down to the depth the exchange sends), not a change.
    pub const SNAPSHOT: u32 = 1;
    /// `first_id` and `last_id` are the exchange's.
    pub const RANGE_IDS: u32 = 2;
    /// `previous_id` is the exchange's: the `last_id` of the update before this one.
    pub const PREVIOUS_ID: u32 = 4;
    /// `checksum` is the exchange's.
    pub const CHECKSUM: u32 = 8;
}

/// A snapshot of an order book or a change to it.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct BookBatch<'a> {
    /// The host's handle of the instrument.
    pub instrument: u32,
    /// Bits of [`book_flag`].
    pub flags: u32,
    /// The first update id that the batch covers.
    pub first_id: u64,
    /// The last update id that the batch covers.
    pub last_id: u64,
    /// The last id of the batch before, where the exchange chains them.
    pub previous_id: u64,
    /// The exchange's time, nanoseconds since 1970; zero where it gives none.
    pub exchange_ns: i64,
    /// The exchange's checksum of the book after this batch; the same 32 bits where it states it as a signed number.
    pub checksum: u32,
    /// Decimal exponent of every price mantissa.
    pub price_exponent: i32,
    /// Decimal exponent of every quantity mantissa.
    pub quantity_exponent: i32,
    /// Spare room that keeps the slices aligned; zero.
    pub reserved: u32,
    /// Bids, in any order.
    pub bids: RSlice<'a, Level>,
    /// Asks, in any order.
    pub asks: RSlice<'a, Level>,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

impl BookBatch<'_> {
    /// The exchange's checksum of the book after this batch, where it sent one.
    #[must_use]
    pub const fn stated_checksum(&self) -> Option<u32> {
        if self.flags & book_flag::CHECKSUM == 0 {
            None
        } else {
            Some(self.checksum)
        }
    }
}

/// Bits of [`PublicTrade::flags`].
pub mod trade_flag {
    /// The taker bought.
    pub const TAKER_BUY: u32 = 1;
    /// The taker sold.
    pub const TAKER_SELL: u32 = 2;
}

/// A trade that the exchange made public.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublicTrade {
    /// Price mantissa.
    pub price: i64,
    /// Quantity mantissa.
    pub quantity: i64,
    /// The exchange's time of the trade, nanoseconds since 1970.
    pub exchange_ns: i64,
    /// Bits of [`trade_flag`].
    pub flags: u32,
    /// Spare room; zero.
    pub reserved: u32,
    /// The exchange's trade id.
    pub id: Text48,
}

/// Trades of one instrument, oldest first.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct TradeBatch<'a> {
    /// The host's handle of the instrument.
    pub instrument: u32,
    /// No bit has a meaning yet: zero.
    pub flags: u32,
    /// Decimal exponent of every price mantissa.
    pub price_exponent: i32,
    /// Decimal exponent of every quantity mantissa.
    pub quantity_exponent: i32,
    /// The trades.
    pub trades: RSlice<'a, PublicTrade>,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

/// The best bid and ask as the exchange's ticker states them. A side that is empty has quantity zero.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TopOfBook {
    /// The host's handle of the instrument.
    pub instrument: u32,
    /// No bit has a meaning yet: zero.
    pub flags: u32,
    /// The exchange's update id; zero where it gives none.
    pub update_id: u64,
    /// The exchange's time, nanoseconds since 1970; zero where it gives none.
    pub exchange_ns: i64,
    /// Decimal exponent of both prices.
    pub price_exponent: i32,
    /// Decimal exponent of both quantities.
    pub quantity_exponent: i32,
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
    /// Spare room; zero.
    pub ext: [u64; 4],
}

//! What a connector tells while it reads a frame or an answer.

use colibri_abi as abi;
use colibri_abi::{Level, PublicTrade};
use colibri_model::{Exponents, InstrumentId, OpId};
use colibri_standard::{Channel, Event};

use crate::Instruments;
use crate::session::Session;

/// Buffers that live as long as the connector, so that market data is emitted without allocation.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
    pub(crate) trades: Vec<PublicTrade>,
}

/// The ids of a book update, as the exchange gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookIds {
    /// First and last id that the update covers.
    pub range: Option<(u64, u64)>,
    /// The last id of the update before.
    pub previous: Option<u64>,
    /// The checksum of the book after the update; see [`BookIds::with_checksum`].
    pub checksum: Option<u32>,
}

impl BookIds {
    /// With the checksum as the exchange states it: unsigned, or signed in 32 bits. The host compares it with that of its
    /// book, made as the manifest's `book.checksum` says.
    ///
    /// Where the exchange sends a placeholder (OKX sends zero since June 2026), do not set it.
    #[must_use]
    pub const fn with_checksum(self, stated: i64) -> BookIds {
        BookIds {
            checksum: Some(stated as u32),
            ..self
        }
    }
}

/// Whether a book message is the whole book or a change to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookKind {
    /// The whole, as deep as the exchange sends it.
    Snapshot,
    /// A change.
    Change,
}

/// Where a connector emits to while it handles one input.
pub struct Emit<'a> {
    pub(crate) out: abi::Out<'a>,
    pub(crate) instruments: &'a Instruments,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) op: Option<OpId>,
    /// Where the answer is that of a batch: the operations of its orders.
    pub(crate) items: &'a [u64],
    pub(crate) sessions: &'a [Session],
    pub(crate) now: abi::Now,
}

impl<'a> Emit<'a> {
    /// The instruments in use.
    #[must_use]
    pub const fn instruments(&self) -> &'a Instruments {
        self.instruments
    }
    /// The operation that is being answered.
    #[must_use]
    pub const fn op(&self) -> Option<OpId> {
        self.op
    }
    /// In the answer to a batch: what is told from here on is of the order that stands at `index` in it, from 0 on.
    pub fn of_item(&mut self, index: usize) {
        self.op = self.items.get(index).map(|op| OpId(*op));
    }
    /// The exchange's clock as the host estimates it, nanoseconds since 1970.
    #[must_use]
    pub const fn exchange_ns(&self) -> i64 {
        self.now.exchange_ns
    }
    /// Whether a session has something of an instrument subscribed: where one message of the exchange's holds more than what
    /// is wanted of it.
    #[must_use]
    pub fn is_subscribed(&self, instrument: InstrumentId, channel: Channel) -> bool {
        self.sessions.iter().any(|session| session.wants(instrument, channel))
    }
    /// Tells an event.
    pub fn event(&mut self, event: impl Into<Event>) {
        let event = event.into();
        self.out.event(event.kind(), &event.to_json());
    }
    /// Writes a line to the host's log, for the operator.
    pub fn warn(&mut self, text: &str) {
        self.out.log(abi::level::WARN, text);
    }
    /// Writes a line to the host's log, for the author.
    pub fn debug(&mut self, text: &str) {
        self.out.log(abi::level::DEBUG, text);
    }

    /// The buffers for bids and asks, empty.
    pub fn levels(&mut self) -> (&mut Vec<Level>, &mut Vec<Level>) {
        self.scratch.bids.clear();
        self.scratch.asks.clear();
        (&mut self.scratch.bids, &mut self.scratch.asks)
    }

    /// Emits the levels that are in the buffers as a book message. `exchange_ns` is zero where the exchange gives no time.
    pub fn book(
        &mut self,
        instrument: InstrumentId,
        exponents: Exponents,
        kind: BookKind,
        ids: BookIds,
        exchange_ns: i64,
    ) {
        let mut flags = 0;
        if kind == BookKind::Snapshot {
            flags |= abi::book_flag::SNAPSHOT;
        }
        if ids.range.is_some() {
            flags |= abi::book_flag::RANGE_IDS;
        }
        if ids.previous.is_some() {
            flags |= abi::book_flag::PREVIOUS_ID;
        }
        if ids.checksum.is_some() {
            flags |= abi::book_flag::CHECKSUM;
        }
        let (first_id, last_id) = ids.range.unwrap_or_default();
        self.out.book(&abi::BookBatch {
            instrument: instrument.0,
            flags,
            first_id,
            last_id,
            previous_id: ids.previous.unwrap_or_default(),
            exchange_ns,
            checksum: ids.checksum.unwrap_or_default(),
            price_exponent: exponents.price,
            quantity_exponent: exponents.quantity,
            reserved: 0,
            bids: self.scratch.bids.as_slice().into(),
            asks: self.scratch.asks.as_slice().into(),
            ext: [0; 4],
        });
    }

    /// The buffer for trades, empty.
    pub fn trade_buffer(&mut self) -> &mut Vec<PublicTrade> {
        self.scratch.trades.clear();
        &mut self.scratch.trades
    }

    /// Emits the trades that are in the buffer.
    pub fn trades(&mut self, instrument: InstrumentId, exponents: Exponents) {
        self.out.trades(&abi::TradeBatch {
            instrument: instrument.0,
            flags: 0,
            price_exponent: exponents.price,
            quantity_exponent: exponents.quantity,
            trades: self.scratch.trades.as_slice().into(),
            ext: [0; 4],
        });
    }

    /// Emits a best bid and ask.
    pub fn top(
        &mut self,
        instrument: InstrumentId,
        exponents: Exponents,
        bid: Level,
        ask: Level,
        update_id: u64,
        exchange_ns: i64,
    ) {
        self.out.top(&abi::TopOfBook {
            instrument: instrument.0,
            flags: 0,
            update_id,
            exchange_ns,
            price_exponent: exponents.price,
            quantity_exponent: exponents.quantity,
            bid,
            ask,
            ext: [0; 4],
        });
    }
}

//! One number for everything that a desk told, wanted and did: two runs that agree in it did the same.

use colibri_abi::{BookBatch, Header, Level, OrderOp, Sign, TopOfBook, TradeBatch};
use colibri_desk::Observer;
use colibri_driver::{Asked, LogLevel};
use colibri_engine::VenueIndex;
use colibri_model::OpId;
use colibri_standard::{Command, Event, Outcome, SessionRole, SessionStatus};
use twox_hash::XxHash3_128;

use crate::bytes::{put_bytes, put_json, put_number, put_signed, put_text};

/// The number (XXH3, 128 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestValue(pub u128);

impl std::fmt::Display for DigestValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Takes everything in that a desk lets an onlooker see, in order.
#[derive(Default)]
pub struct Digest {
    hasher: XxHash3_128,
    /// One thing at a time is put together here: the hash takes few long pieces faster than many short ones.
    piece: Vec<u8>,
}

impl Digest {
    /// Of what follows a digest of this value.
    #[must_use]
    pub fn following(value: DigestValue) -> Digest {
        let mut digest = Digest::default();
        digest.hasher.write(&value.0.to_le_bytes());
        digest
    }

    /// The number of everything so far.
    #[must_use]
    pub fn value(&self) -> DigestValue {
        DigestValue(self.hasher.finish_128())
    }

    pub(crate) fn take(&mut self, kind: u8, venue: VenueIndex, put: impl FnOnce(&mut Vec<u8>)) {
        self.piece.clear();
        self.piece.push(kind);
        put_number(&mut self.piece, venue.0 as u64);
        put(&mut self.piece);
        self.hasher.write(&self.piece);
    }
}

fn put_levels(out: &mut Vec<u8>, levels: &[Level]) {
    put_number(out, levels.len() as u64);
    // Room is made once, not for each number: most of what is taken in are levels.
    let start = out.len();
    out.resize(start + levels.len() * 16, 0);
    for (bytes, level) in out[start..].chunks_exact_mut(16).zip(levels) {
        bytes[..8].copy_from_slice(&level.price.to_le_bytes());
        bytes[8..].copy_from_slice(&level.quantity.to_le_bytes());
    }
}

fn put_exponents(out: &mut Vec<u8>, price: i32, quantity: i32) {
    put_signed(out, price.into());
    put_signed(out, quantity.into());
}

fn put_headers(out: &mut Vec<u8>, headers: &[Header<'_>]) {
    put_number(out, headers.len() as u64);
    for header in headers {
        put_text(out, header.name.as_str());
        put_text(out, header.value.as_str());
    }
}

/// What is to be signed, and how; never a signature.
fn put_signs(out: &mut Vec<u8>, signs: &[Sign<'_>]) {
    put_number(out, signs.len() as u64);
    for sign in signs {
        put_text(out, sign.name.as_str());
        put_text(out, sign.slot.as_str());
        for number in [sign.scheme, sign.encoding, sign.key_encoding] {
            put_number(out, number.into());
        }
        for part in sign.preimage.iter() {
            put_number(out, part.transform.into());
            put_bytes(out, part.bytes.as_slice());
        }
    }
}

fn put_order(out: &mut Vec<u8>, op: &OrderOp) {
    for number in [op.kind, op.instrument, op.side, op.order_type, op.time_in_force] {
        put_number(out, number.into());
    }
    put_number(out, op.grant.op);
    put_number(out, op.flags);
    put_exponents(out, op.price_exponent, op.quantity_exponent);
    put_signed(out, op.price);
    put_signed(out, op.quantity);
    for id in [&op.client_id, &op.exchange_id, &op.other_client_id] {
        put_text(out, id.as_str());
    }
    for spare in op.ext {
        put_number(out, spare);
    }
}

impl Observer for Digest {
    fn book(&mut self, venue: VenueIndex, batch: &BookBatch<'_>) {
        self.take(1, venue, |out| {
            put_number(out, batch.instrument.into());
            put_number(out, batch.flags.into());
            for id in [batch.first_id, batch.last_id, batch.previous_id] {
                put_number(out, id);
            }
            put_signed(out, batch.exchange_ns);
            put_number(out, batch.checksum.into());
            put_exponents(out, batch.price_exponent, batch.quantity_exponent);
            put_levels(out, batch.bids.as_slice());
            put_levels(out, batch.asks.as_slice());
        });
    }

    fn trades(&mut self, venue: VenueIndex, batch: &TradeBatch<'_>) {
        self.take(2, venue, |out| {
            put_number(out, batch.instrument.into());
            put_exponents(out, batch.price_exponent, batch.quantity_exponent);
            for trade in batch.trades.iter() {
                put_signed(out, trade.price);
                put_signed(out, trade.quantity);
                put_signed(out, trade.exchange_ns);
                put_number(out, trade.flags.into());
                put_text(out, trade.id.as_str());
            }
        });
    }

    fn top(&mut self, venue: VenueIndex, top: &TopOfBook) {
        self.take(3, venue, |out| {
            put_number(out, top.instrument.into());
            put_number(out, top.update_id);
            put_signed(out, top.exchange_ns);
            put_exponents(out, top.price_exponent, top.quantity_exponent);
            put_levels(out, &[top.bid, top.ask]);
        });
    }

    fn event(&mut self, venue: VenueIndex, event: &Event) {
        self.take(4, venue, |out| {
            put_text(out, event.kind());
            put_bytes(out, &event.to_json());
        });
    }

    fn completed(&mut self, venue: VenueIndex, op: OpId, outcome: &Outcome) {
        self.take(5, venue, |out| {
            put_number(out, op.0);
            put_json(out, outcome);
        });
    }

    fn session(&mut self, venue: VenueIndex, role: SessionRole, status: SessionStatus) {
        self.take(6, venue, |out| {
            put_json(out, &role);
            put_json(out, &status);
        });
    }

    fn asked(&mut self, venue: VenueIndex, asked: Asked<'_>) {
        self.take(7, venue, |out| match asked {
            Asked::Request(request) => {
                out.push(0);
                put_number(out, request.op);
                put_text(out, request.endpoint.as_str());
                put_text(out, request.url.as_str());
                put_headers(out, request.headers.as_slice());
                put_bytes(out, request.body.as_slice());
                put_signs(out, request.signs.as_slice());
            }
            Asked::Stream(open) => {
                out.push(1);
                for number in [open.stream, open.session, open.inflate] {
                    put_number(out, number.into());
                }
                put_text(out, open.endpoint.as_str());
                put_text(out, open.url.as_str());
                put_headers(out, open.headers.as_slice());
                put_signs(out, open.signs.as_slice());
            }
            Asked::Frame(send) => {
                out.push(2);
                put_number(out, send.stream.into());
                put_number(out, send.kind.into());
                put_number(out, send.op);
                put_text(out, send.endpoint.as_str());
                put_bytes(out, send.frame.as_slice());
                put_signs(out, send.signs.as_slice());
            }
        });
    }

    fn log(&mut self, level: LogLevel, text: &str) {
        self.take(8, VenueIndex(0), |out| {
            out.push(match level {
                LogLevel::Error => 0,
                LogLevel::Warn => 1,
                LogLevel::Info => 2,
                LogLevel::Debug => 3,
            });
            put_text(out, text);
        });
    }

    fn orders(&mut self, venue: VenueIndex, ops: &[OrderOp]) {
        self.take(9, venue, |out| {
            put_number(out, ops.len() as u64);
            for op in ops {
                put_order(out, op);
            }
        });
    }

    fn command(&mut self, venue: VenueIndex, op: OpId, command: &Command) {
        self.take(10, venue, |out| {
            put_number(out, op.0);
            put_text(out, command.kind());
            put_bytes(out, &command.to_json());
        });
    }
}

//! The checksum of a book, made as the exchange makes it.
//!
//! Sources of the forms that the manifest can describe: Kraken, "Book checksum (WebSocket v2)"; OKX, "Order book channel"
//! (its checksum is a constant zero since June 2026: "Order Book Channels Checksum Field Deprecation"); Bitget, "Depth
//! channel"; Bitfinex, "WebSocket Checksum"; Aevo, "Orderbook checksum"; CoinEx, "Market depth".

use colibri_abi::Level;
use colibri_model::{Exponents, Side};
use colibri_standard::{ChecksumAlgorithm, ChecksumAsks, ChecksumManifest, ChecksumNumbers, ChecksumOrder};

use crate::book::OrderBook;

/// Makes the checksum of a book. Its text lives on, so that nothing is allocated once it has grown.
#[derive(Debug, Clone)]
pub struct BookChecksum {
    manifest: ChecksumManifest,
    text: Vec<u8>,
}

impl BookChecksum {
    /// Checksums as a manifest describes them.
    #[must_use]
    pub fn new(manifest: ChecksumManifest) -> BookChecksum {
        BookChecksum {
            manifest,
            text: Vec::new(),
        }
    }

    /// The manifest's description.
    #[must_use]
    pub const fn manifest(&self) -> &ChecksumManifest {
        &self.manifest
    }

    /// The checksum of a book as it is now.
    #[must_use]
    pub fn of(&mut self, book: &OrderBook) -> u32 {
        let text = self.text(book);
        match self.manifest.algorithm {
            ChecksumAlgorithm::Crc32 => crc32fast::hash(text),
        }
    }

    /// The text that is summed.
    fn text(&mut self, book: &OrderBook) -> &[u8] {
        let mut text = Text {
            manifest: &self.manifest,
            exponents: book.exponents(),
            bytes: &mut self.text,
        };
        text.bytes.clear();
        let depth = self.manifest.depth as usize;
        let side = |side| book.raw_levels(side).take(depth);
        match self.manifest.order {
            ChecksumOrder::AsksThenBids => {
                side(Side::Sell).for_each(|level| text.level(Side::Sell, level));
                side(Side::Buy).for_each(|level| text.level(Side::Buy, level));
            }
            ChecksumOrder::BidsThenAsks => {
                side(Side::Buy).for_each(|level| text.level(Side::Buy, level));
                side(Side::Sell).for_each(|level| text.level(Side::Sell, level));
            }
            ChecksumOrder::Interleaved => {
                let (mut bids, mut asks) = (side(Side::Buy), side(Side::Sell));
                loop {
                    let (bid, ask) = (bids.next(), asks.next());
                    if let Some(bid) = bid {
                        text.level(Side::Buy, bid);
                    }
                    if let Some(ask) = ask {
                        text.level(Side::Sell, ask);
                    }
                    if bid.is_none() && ask.is_none() {
                        break;
                    }
                }
            }
        }
        &self.text
    }
}

struct Text<'a> {
    manifest: &'a ChecksumManifest,
    exponents: Exponents,
    bytes: &'a mut Vec<u8>,
}

impl Text<'_> {
    fn level(&mut self, side: Side, level: Level) {
        self.separate();
        self.number(level.price, self.exponents.price);
        self.separate();
        if side == Side::Sell && self.manifest.asks == ChecksumAsks::Negative {
            self.bytes.push(b'-');
        }
        self.number(level.quantity, self.exponents.quantity);
    }

    fn separate(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.extend_from_slice(self.manifest.separator.as_bytes());
        }
    }

    /// A positive number: levels of a book are.
    fn number(&mut self, mantissa: i64, exponent: i32) {
        let (mut mantissa, mut exponent) = (mantissa.unsigned_abs(), exponent);
        if self.manifest.numbers == ChecksumNumbers::Shortest {
            while exponent < 0 && mantissa.is_multiple_of(10) {
                mantissa /= 10;
                exponent += 1;
            }
        }
        let mut digits = [b'0'; MOST_DIGITS];
        let mut at = digits.len();
        while mantissa > 0 {
            at -= 1;
            digits[at] = b'0' + (mantissa % 10) as u8;
            mantissa /= 10;
        }
        let after_point = exponent.min(0).unsigned_abs() as usize;
        if self.manifest.numbers == ChecksumNumbers::Digits || after_point == 0 {
            self.bytes.extend_from_slice(&digits[at..]);
        } else {
            // At least one digit before the point; exponents are bounded, so the digits reach.
            let point = digits.len() - after_point.min(digits.len() - 1);
            self.bytes.extend_from_slice(&digits[at.min(point - 1)..point]);
            self.bytes.push(b'.');
            self.bytes.extend_from_slice(&digits[point..]);
        }
        for _ in 0..exponent.max(0) {
            self.bytes.push(b'0');
        }
    }
}

/// Room for the digits of a mantissa and the zeros before it, at the lowest exponent that a model's instrument has.
const MOST_DIGITS: usize = 40;

#[cfg(test)]
#[path = "checksum_tests.rs"]
mod tests;

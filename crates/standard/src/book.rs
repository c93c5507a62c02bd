//! What a manifest declares about order books: how updates follow each other, where a snapshot comes from, and how the
//! exchange's checksum is made.
//!
//! The host keeps the books and makes every check; a connector emits each message as it comes. So a rule is stated here and
//! nowhere else.

use serde::{Deserialize, Serialize};

/// How book updates follow each other. A checksum may stand beside any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookRule {
    /// An update covers a range of ids; it follows when the range holds or directly continues the book's id.
    Overlap,
    /// An update names the id before it.
    Previous,
    /// Ids rise by one.
    Next,
    /// Every message is the whole book.
    Snapshots,
    /// The exchange numbers nothing: that an update is missing shows in the checksum alone.
    Checksum,
}

/// How books are sequenced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookManifest {
    /// The rule.
    pub rule: BookRule,
    /// Whether a snapshot must be asked for. Else the stream begins with one, and a book that was dropped is had again by
    /// unsubscribing and subscribing it, which the host does.
    pub snapshot_by_request: bool,
    /// Levels a side to ask for.
    pub snapshot_depth: u32,
    /// Levels a side that the stream tells of, where it tells no removal of a level that is pushed below them: the host
    /// forgets what lies deeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_depth: Option<u32>,
    /// The checksum that the exchange sends of its book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<ChecksumManifest>,
}

/// The function of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumAlgorithm {
    /// CRC-32 as zlib has it (reflected polynomial EDB88320). An exchange that states it as a signed number means the same 32 bits.
    Crc32,
}

/// In which order levels are summed, each side from its best level on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumOrder {
    /// Every ask, then every bid.
    AsksThenBids,
    /// Every bid, then every ask.
    BidsThenAsks,
    /// The best bid, the best ask, the second bid and so on; the longer side goes on alone.
    Interleaved,
}

/// How a price or a quantity is written, of a number with the exponents of the instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumNumbers {
    /// All digits of the instrument's precision, without point and leading zeros: `0.05000` at five decimals is `5000`.
    Digits,
    /// A decimal with all digits of the instrument's precision: `0.05000`.
    Fixed,
    /// A decimal without trailing zeros: `0.05`.
    Shortest,
}

/// How the quantity of an ask is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumAsks {
    /// As that of a bid.
    #[default]
    Plain,
    /// With a minus before it.
    Negative,
}

/// With which messages a checksum comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecksumSent {
    /// With every message of the stream: one without is a fault.
    #[default]
    Always,
    /// With some, or in messages of its own, which carry no levels.
    Sometimes,
}

/// How the exchange makes the checksum of its book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecksumManifest {
    /// The function.
    pub algorithm: ChecksumAlgorithm,
    /// Levels a side that are summed; a side with fewer is summed whole.
    pub depth: u32,
    /// The order of levels.
    pub order: ChecksumOrder,
    /// How numbers are written.
    pub numbers: ChecksumNumbers,
    /// What stands between two numbers.
    #[serde(default)]
    pub separator: String,
    /// How the quantity of an ask is written.
    #[serde(default)]
    pub asks: ChecksumAsks,
    /// With which messages it comes.
    #[serde(default)]
    pub sent: ChecksumSent,
}

/// The most levels a side that a checksum may be of: it is made anew with every update.
const MOST_SUMMED: u32 = 1_000;

impl BookManifest {
    /// Books whose snapshot is asked for.
    #[must_use]
    pub fn by_request(rule: BookRule, snapshot_depth: u32) -> BookManifest {
        BookManifest {
            rule,
            snapshot_by_request: true,
            snapshot_depth,
            stream_depth: None,
            checksum: None,
        }
    }

    /// Books whose stream begins with a snapshot.
    #[must_use]
    pub fn by_stream(rule: BookRule, snapshot_depth: u32) -> BookManifest {
        BookManifest {
            snapshot_by_request: false,
            ..BookManifest::by_request(rule, snapshot_depth)
        }
    }

    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.rule == BookRule::Checksum {
            if self.checksum.is_none() {
                return Err("the book's rule is checksum, and no checksum is described".to_owned());
            }
            if self.snapshot_by_request {
                return Err(
                    "updates without ids cannot be joined to a snapshot that was asked for: the rule checksum needs \
                     snapshot_by_request = false"
                        .to_owned(),
                );
            }
        }
        if self.stream_depth == Some(0) {
            return Err("the book's stream_depth is zero".to_owned());
        }
        let Some(checksum) = &self.checksum else {
            return Ok(());
        };
        if !(1..=MOST_SUMMED).contains(&checksum.depth) {
            return Err(format!("the checksum's depth is not between 1 and {MOST_SUMMED}"));
        }
        let known = self.stream_depth.unwrap_or(u32::MAX).min(if self.snapshot_by_request {
            self.snapshot_depth
        } else {
            u32::MAX
        });
        if checksum.depth > known {
            return Err(format!(
                "the checksum is of {} levels a side, the book is known to {known}",
                checksum.depth
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> BookManifest {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_checksum_is_described() {
        let book = read(
            r#"
            rule = "checksum"
            snapshot_by_request = false
            snapshot_depth = 100
            stream_depth = 100
            checksum = { algorithm = "crc32", depth = 10, order = "asks_then_bids", numbers = "digits" }
            "#,
        );
        assert_eq!(book.check(), Ok(()));
        let checksum = book.checksum.unwrap();
        assert_eq!(
            (checksum.sent, checksum.asks),
            (ChecksumSent::Always, ChecksumAsks::Plain)
        );
        assert!(
            toml::from_str::<ChecksumManifest>(
                r#"algorithm = "adler", depth = 10, order = "interleaved", numbers = "fixed""#
            )
            .is_err()
        );
    }

    #[test]
    fn what_could_never_be_checked_is_refused() {
        let ten = ChecksumManifest {
            algorithm: ChecksumAlgorithm::Crc32,
            depth: 10,
            order: ChecksumOrder::Interleaved,
            numbers: ChecksumNumbers::Shortest,
            separator: ":".to_owned(),
            asks: ChecksumAsks::Plain,
            sent: ChecksumSent::Always,
        };
        let with = |book: BookManifest, depth| BookManifest {
            checksum: Some(ChecksumManifest { depth, ..ten.clone() }),
            ..book
        };
        let wrong = [
            BookManifest::by_stream(BookRule::Checksum, 10),
            with(BookManifest::by_request(BookRule::Checksum, 10), 10),
            with(BookManifest::by_request(BookRule::Next, 5), 10),
            with(BookManifest::by_stream(BookRule::Next, 5), 0),
            with(BookManifest::by_stream(BookRule::Next, 5), 1_001),
            with(
                BookManifest {
                    stream_depth: Some(9),
                    ..BookManifest::by_stream(BookRule::Next, 5)
                },
                10,
            ),
            BookManifest {
                stream_depth: Some(0),
                ..BookManifest::by_stream(BookRule::Next, 5)
            },
        ];
        for book in wrong {
            assert!(book.check().is_err(), "{book:?}");
        }
        assert_eq!(with(BookManifest::by_stream(BookRule::Previous, 5), 25).check(), Ok(()));
    }
}

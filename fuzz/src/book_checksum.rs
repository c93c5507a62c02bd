//! Checksums of order books: the same batches into a keeper that compares checksums and into one that does not.
//!
//! An input is text: `<depth> <asks|bids|both> <digits|fixed|shortest> <plain|negative> <separator|->`, then the head of
//! `book_keeper`, then a line a batch as there, before which stands how its checksum is: `=` right, `!` wrong, `.` none.

use colibri_engine::book::{BookChange, BookChecksum, BookFault, BookKeeper, OrderBook};
use colibri_model::{MonoNs, Side};
use colibri_standard::{
    BookManifest, ChecksumAlgorithm, ChecksumAsks, ChecksumManifest, ChecksumNumbers, ChecksumOrder, ChecksumSent,
};

use crate::book::{Batch, EXPONENTS, manifest};
use crate::input::{head, text_lines};

/// The flag of a batch with a checksum.
const CHECKSUM: u32 = colibri_abi::book_flag::CHECKSUM;

/// Batches with right, wrong and no checksums.
///
/// # Panics
/// Where a right checksum makes a difference, a wrong one does not, or a checksum is not that of the text that its
/// description gives.
pub fn book_checksum(data: &[u8]) {
    let Some((form, rest)) = head(data) else { return };
    let Some(form) = checksum(form) else { return };
    let Some((first, rest)) = head(rest) else { return };
    let Some((plain, grid)) = manifest(first) else { return };
    let checked = BookManifest {
        checksum: Some(form.clone()),
        ..plain.clone()
    };
    let mut sum = BookChecksum::new(form.clone());
    let mut plain = BookKeeper::new(&plain, EXPONENTS, grid);
    let mut keeper = BookKeeper::new(&checked, EXPONENTS, grid);
    for line in text_lines(rest) {
        let Some((kind, line)) = line.split_at_checked(1) else {
            continue;
        };
        let Some(mut batch) = Batch::read(line) else { continue };
        batch.flags &= !CHECKSUM;
        let now = MonoNs(1);
        let expected = plain.apply(&batch.on_the_wire(), now);
        if let ("=" | "!", Some(book)) = (kind, plain.book()) {
            batch.flags |= CHECKSUM;
            batch.checksum = sum.of(book);
            assert_eq!(batch.checksum, crc32fast::hash(text(&form, book).as_bytes()));
            if kind == "!" {
                batch.checksum ^= 1;
            }
        }
        let change = keeper.apply(&batch.on_the_wire(), now);
        let is_told = matches!(expected, BookChange::Applied | BookChange::Synchronized);
        if kind == "!" && is_told && matches!(change, BookChange::Dropped(BookFault::Checksum { .. })) {
            assert!(keeper.book().is_none());
            // Both begin anew.
            keeper.drop_book(BookFault::StreamDown);
            plain.drop_book(BookFault::StreamDown);
            continue;
        }
        // A wrong checksum is overlooked only where the batch, or what it is kept for, is not applied now.
        assert!(
            kind != "!" || !is_told || batch.flags & CHECKSUM == 0,
            "{expected:?} {change:?}"
        );
        let same = match (expected, change) {
            // A buffered update with a wrong checksum shows when it is replayed.
            (_, BookChange::Dropped(BookFault::Checksum { .. })) => {
                keeper.drop_book(BookFault::StreamDown);
                plain.drop_book(BookFault::StreamDown);
                continue;
            }
            (expected, change) => expected == change,
        };
        assert!(same, "{expected:?} {change:?}");
    }
}

fn checksum(words: &str) -> Option<ChecksumManifest> {
    let mut words = words.split_ascii_whitespace();
    Some(ChecksumManifest {
        algorithm: ChecksumAlgorithm::Crc32,
        depth: words.next()?.parse().ok().filter(|depth| (1..=1_000).contains(depth))?,
        order: match words.next()? {
            "asks" => ChecksumOrder::AsksThenBids,
            "bids" => ChecksumOrder::BidsThenAsks,
            "both" => ChecksumOrder::Interleaved,
            _ => return None,
        },
        numbers: match words.next()? {
            "digits" => ChecksumNumbers::Digits,
            "fixed" => ChecksumNumbers::Fixed,
            "shortest" => ChecksumNumbers::Shortest,
            _ => return None,
        },
        asks: match words.next()? {
            "plain" => ChecksumAsks::Plain,
            "negative" => ChecksumAsks::Negative,
            _ => return None,
        },
        separator: words.next()?.trim_matches('-').to_owned(),
        sent: ChecksumSent::Sometimes,
    })
}

/// The text of a checksum, by way of decimals.
fn text(form: &ChecksumManifest, book: &OrderBook) -> String {
    let number = |value: colibri_model::Decimal| match form.numbers {
        ChecksumNumbers::Digits => value.to_string().replace('.', "").trim_start_matches('0').to_owned(),
        ChecksumNumbers::Fixed => value.to_string(),
        ChecksumNumbers::Shortest => value.normalize().to_string(),
    };
    let side = |side: Side| -> Vec<[String; 2]> {
        let levels = book.depth(side, form.depth as usize).into_iter();
        let minus = if side == Side::Sell && form.asks == ChecksumAsks::Negative {
            "-"
        } else {
            ""
        };
        let level = |level: colibri_engine::book::BookLevel| {
            [number(level.price.0), format!("{minus}{}", number(level.quantity.0))]
        };
        levels.map(level).collect()
    };
    let (bids, asks) = (side(Side::Buy), side(Side::Sell));
    let levels: Vec<&[String; 2]> = match form.order {
        ChecksumOrder::AsksThenBids => asks.iter().chain(&bids).collect(),
        ChecksumOrder::BidsThenAsks => bids.iter().chain(&asks).collect(),
        ChecksumOrder::Interleaved => (0..bids.len().max(asks.len()))
            .flat_map(|at| [bids.get(at), asks.get(at)])
            .flatten()
            .collect(),
    };
    let numbers: Vec<&str> = levels.into_iter().flatten().map(String::as_str).collect();
    numbers.join(&form.separator)
}

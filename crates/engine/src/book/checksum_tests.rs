//! The examples that exchanges publish, and the forms of numbers.
#![allow(clippy::unwrap_used)]

use colibri_standard::ChecksumSent;
use proptest::prelude::*;

use super::*;
use crate::book::Grid;

fn manifest(depth: u32, order: ChecksumOrder, numbers: ChecksumNumbers, separator: &str) -> ChecksumManifest {
    ChecksumManifest {
        algorithm: ChecksumAlgorithm::Crc32,
        depth,
        order,
        numbers,
        separator: separator.to_owned(),
        asks: ChecksumAsks::Plain,
        sent: ChecksumSent::Always,
    }
}

fn kraken() -> BookChecksum {
    BookChecksum::new(manifest(10, ChecksumOrder::AsksThenBids, ChecksumNumbers::Digits, ""))
}

fn okx() -> BookChecksum {
    BookChecksum::new(manifest(25, ChecksumOrder::Interleaved, ChecksumNumbers::Shortest, ":"))
}

/// A mantissa of a decimal text, which must fit the exponent.
fn mantissa(text: &str, exponent: i32) -> i64 {
    colibri_model::mantissa_of_text(text.as_bytes(), exponent).unwrap()
}

fn book(exponents: (i32, i32), bids: &[(&str, &str)], asks: &[(&str, &str)]) -> OrderBook {
    let exponents = Exponents {
        price: exponents.0,
        quantity: exponents.1,
    };
    let mut book = OrderBook::new(exponents, Grid::UNIT);
    for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
        for (price, quantity) in levels {
            let level = Level {
                price: mantissa(price, exponents.price),
                quantity: mantissa(quantity, exponents.quantity),
            };
            book.set(side, level).unwrap();
        }
    }
    book
}

/// <https://docs.kraken.com/exchange/guides/websockets/book-checksum-v2>
#[test]
fn krakens_example_of_version_2() {
    let book = book(
        (-1, -8),
        &[
            ("45283.5", "0.10000000"),
            ("45283.4", "1.54582015"),
            ("45282.1", "0.10000000"),
            ("45281.0", "0.10000000"),
            ("45280.3", "1.54592586"),
            ("45279.0", "0.07990000"),
            ("45277.6", "0.03310103"),
            ("45277.5", "0.30000000"),
            ("45277.3", "1.54602737"),
            ("45276.6", "0.15445238"),
        ],
        &[
            ("45285.2", "0.00100000"),
            ("45286.4", "1.54571953"),
            ("45286.6", "1.54571109"),
            ("45289.6", "1.54560911"),
            ("45290.2", "0.15890660"),
            ("45291.8", "1.54553491"),
            ("45294.7", "0.04454749"),
            ("45296.1", "0.35380000"),
            ("45297.5", "0.09945542"),
            ("45299.5", "0.18772827"),
        ],
    );
    let mut checksum = kraken();
    let text = String::from_utf8(checksum.text(&book).to_vec()).unwrap();
    assert!(text.starts_with("452852100000452864154571953"), "{text}");
    assert_eq!(checksum.of(&book), 3_310_070_434);
}

/// <https://docs.kraken.com/api/docs/guides/spot-ws-book-v1>: leading zeros of prices and quantities; and what lies below
/// the tenth level is not summed.
#[test]
fn krakens_example_of_version_1() {
    let asks: Vec<String> = (1..=10).map(|i| format!("0.0{}", 5000 + 5 * i)).collect();
    let bids = [
        "0.05000", "0.04995", "0.04990", "0.04980", "0.04975", "0.04970", "0.04965", "0.04960", "0.04955", "0.04950",
    ];
    let deeper = [("0.06", "1"), ("0.01", "1")];
    let quantity = "0.00000500";
    let asks: Vec<_> = asks.iter().map(|price| (price.as_str(), quantity)).collect();
    let bids: Vec<_> = bids.iter().map(|&price| (price, quantity)).collect();
    let mut book = book((-5, -8), &bids, &asks);
    assert_eq!(kraken().of(&book), 974_947_235);
    for (side, (price, quantity)) in [(Side::Sell, deeper[0]), (Side::Buy, deeper[1])] {
        let level = Level {
            price: mantissa(price, -5),
            quantity: mantissa(quantity, -8),
        };
        book.set(side, level).unwrap();
    }
    assert_eq!(kraken().of(&book), 974_947_235);
}

/// OKX, "Order book channel", as it was until June 2026; the signed numbers are the documentation's. The second has fewer
/// bids than asks.
#[test]
fn okx_examples() {
    let even = book(
        (-1, 0),
        &[("3366.1", "7"), ("3366", "6")],
        &[("3366.8", "9"), ("3368", "8")],
    );
    let odd = book(
        (-1, 0),
        &[("3366.1", "7")],
        &[("3366.8", "9"), ("3368", "8"), ("3372", "8")],
    );
    assert_eq!(okx().text(&even), b"3366.1:7:3366.8:9:3366:6:3368:8");
    assert_eq!(okx().of(&even) as i32, -1_881_014_294);
    assert_eq!(okx().of(&odd) as i32, 831_078_360);
}

/// <https://api-docs.aevo.xyz/reference/orderbook-checksum>
#[test]
fn aevos_example() {
    let book = book((-2, -3), &[("9", "2")], &[("10", "1")]);
    let mut checksum = BookChecksum::new(manifest(
        100,
        ChecksumOrder::Interleaved,
        ChecksumNumbers::Shortest,
        ":",
    ));
    assert_eq!(checksum.of(&book), 1_226_559_413);
}

/// The strings of Bitget (interleaved, all digits), CoinEx (bids first, all digits) and Bitfinex (asks are negative).
#[test]
fn other_forms() {
    let book = book(
        (-2, -4),
        &[("26274.8", "0.0009"), ("26274.7", "10")],
        &[("0.05", "0.05")],
    );
    let text = |manifest| String::from_utf8(BookChecksum::new(manifest).text(&book).to_vec()).unwrap();
    let fixed = |order| manifest(25, order, ChecksumNumbers::Fixed, ":");
    assert_eq!(
        text(fixed(ChecksumOrder::Interleaved)),
        "26274.80:0.0009:0.05:0.0500:26274.70:10.0000"
    );
    assert_eq!(
        text(fixed(ChecksumOrder::BidsThenAsks)),
        "26274.80:0.0009:26274.70:10.0000:0.05:0.0500"
    );
    assert_eq!(
        text(ChecksumManifest {
            asks: ChecksumAsks::Negative,
            ..manifest(25, ChecksumOrder::Interleaved, ChecksumNumbers::Shortest, ":")
        }),
        "26274.8:0.0009:0.05:-0.05:26274.7:10"
    );
    assert_eq!(
        text(manifest(1, ChecksumOrder::AsksThenBids, ChecksumNumbers::Digits, "|")),
        "5|500|2627480|9"
    );
}

#[test]
fn an_empty_book_is_summed_too() {
    let book = book((-2, -4), &[], &[]);
    assert_eq!(okx().of(&book), 0);
    assert_eq!(kraken().of(&book), 0);
}

fn written(numbers: ChecksumNumbers, mantissa: i64, exponent: i32) -> String {
    let manifest = manifest(1, ChecksumOrder::Interleaved, numbers, "");
    let mut bytes = Vec::new();
    Text {
        manifest: &manifest,
        exponents: Exponents { price: 0, quantity: 0 },
        bytes: &mut bytes,
    }
    .number(mantissa, exponent);
    String::from_utf8(bytes).unwrap()
}

proptest! {
    /// Numbers are written as a decimal of that scale is.
    #[test]
    fn numbers_are_written_as_decimals_are(mantissa in 1i64.., exponent in -18i32..=9) {
        let value = colibri_model::from_mantissa(mantissa, exponent);
        let fixed = written(ChecksumNumbers::Fixed, mantissa, exponent);
        prop_assert_eq!(&fixed, &value.to_string());
        prop_assert_eq!(written(ChecksumNumbers::Shortest, mantissa, exponent), value.normalize().to_string());
        let digits = fixed.replace('.', "");
        prop_assert_eq!(written(ChecksumNumbers::Digits, mantissa, exponent), digits.trim_start_matches('0'));
    }
}

//! The scanner against the reader: where it answers, the reader answers the same.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::json::{JsonError, Reader};

/// Everything that the reader makes of the beginning of `text`, and where it stops.
fn read<'a, T>(text: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, JsonError>) -> Option<(T, usize)> {
    let mut reader = Reader::new(text);
    let value = read(&mut reader).ok()?;
    Some((value, reader.at))
}

fn exponents(price: i32, quantity: i32) -> Exponents {
    Exponents { price, quantity }
}

/// Whether the scanner read the levels itself.
fn same_levels(text: &[u8], exponents: Exponents) -> bool {
    let mut scanner = Scanner::new(text);
    let mut levels = Vec::new();
    let scanned = scanner
        .literal(b"[")
        .and_then(|()| scanner.levels(exponents, &mut levels));
    if scanned.is_some() {
        let expected = read(text, |r| {
            let mut levels = Vec::new();
            r.levels(exponents, &mut levels).map(|()| levels)
        });
        let left = text.len() - scanner.rest.len();
        assert_eq!(expected, Some((levels, left)), "{:?}", String::from_utf8_lossy(text));
    }
    scanned.is_some()
}

#[test]
fn the_usual_level_is_scanned() {
    for text in [
        r#"[["61824.01000000","0.00100000"]]"#,
        r#"[["61824.01000000","0.00100000"],["1.0","99999999.99999999"],["61824.01","0.00000000"]],"a":[]}}"#,
        "[]",
        r#"[["5","1"]]"#,
    ] {
        assert!(same_levels(text.as_bytes(), exponents(-8, -8)), "{text}");
    }
    assert!(same_levels(br#"[["61824.01000000","7.00000000"]]"#, exponents(-2, 0)));
}

#[test]
fn what_is_unusual_is_left_to_the_reader() {
    for text in [
        r#"[ ["61824.01000000","0.00100000"]]"#,
        r#"[["61824.01000000", "0.00100000"]]"#,
        r#"[["61824.01000000","0.00100000",1]]"#,
        r#"[["61824.01000000"]]"#,
        r#"[["-61824.01000000","0.00100000"]]"#,
        r#"[["61824.01000000","0.0010000\u0030"]]"#,
        r#"[["61824.010000001","0.00100000"]]"#,
        r#"[["61824.","0.00100000"]]"#,
        r#"[[".5","0.00100000"]]"#,
        r#"[["","0.00100000"]]"#,
        r#"[[61824.01,0.001]]"#,
        r#"[["61824.01000000","0.00100000"],]"#,
        r#"[["61824.01000000","0.00100000"]"#,
        r#"[["61824.01000000","0.00100000"}]"#,
        r#"[["99999999999999999999.0","0.00100000"]]"#,
    ] {
        for end in ["", "                                                                "] {
            assert!(
                !same_levels(format!("{text}{end}").as_bytes(), exponents(-8, -8)),
                "{text}"
            );
        }
    }
    // Places that the instrument has not, and exponents that no window has.
    assert!(!same_levels(br#"[["61824.01100000","7.00000000"]]"#, exponents(-2, 0)));
    assert!(!same_levels(br#"[["61824.01000000","7.00000000"]]"#, exponents(-9, 0)));
    assert!(!same_levels(br#"[["61824.01000000","7.00000000"]]"#, exponents(-2, 1)));
}

#[test]
fn every_byte_ends_digits_but_a_digit() {
    for at in 0..8 {
        for byte in 0..=255u8 {
            let mut eight = *b"12345678";
            eight[at] = byte;
            let first = (not_digits(u64::from_le_bytes(eight) ^ DIGITS).trailing_zeros() / 8) as usize;
            assert_eq!(first, if byte.is_ascii_digit() { 8 } else { at }, "{eight:?}");
        }
    }
    assert_eq!(eight_digits(u64::from_le_bytes(*b"12345678") ^ DIGITS), 12_345_678);
    assert_eq!(eight_digits(u64::from_le_bytes(*b"99999999") ^ DIGITS), 99_999_999);
}

#[test]
fn a_string_ends_at_its_quote_and_has_no_other_byte_than_plain_ones() {
    for length in 0..20 {
        let plain = "a".repeat(length);
        let mut scanner = Scanner::new(plain.as_bytes());
        assert_eq!(scanner.text(), None, "no quote ends it");
        for byte in 0..=255u8 {
            let mut text = plain.clone().into_bytes();
            text.push(byte);
            text.extend_from_slice(b"bb\"ccccccccccc");
            let mut scanner = Scanner::new(&text);
            let expected = match byte {
                b'"' => Some(&text[..length]),
                b'\\' | 0..0x20 | 0x80.. => None,
                _ => Some(&text[..length + 3]),
            };
            assert_eq!(scanner.text(), expected, "{byte} at {length}");
        }
    }
}

fn numeral() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[0-9]{1,8}\\.[0-9]{1,8}",
        2 => "[0-9]{1,6}\\.[0-9]{2}000000",
        1 => "-?[0-9]{0,20}(\\.[0-9]{0,12})?(e[0-9])?",
    ]
}

proptest! {
    #[test]
    fn levels_are_what_the_reader_reads(
        numerals in prop::collection::vec((numeral(), numeral()), 0..6),
        cut in prop::option::of(0usize..400),
        put in prop::option::of((0usize..400, any::<u8>())),
        price in -9i32..=1,
        quantity in -9i32..=1,
        rest in prop_oneof![Just(""), Just(r#","a":[["61824.01000000","0.00100000"],["61824.01000000","0.00100000"]]}}"#)],
    ) {
        let levels: Vec<String> = numerals.iter().map(|(p, q)| format!("[\"{p}\",\"{q}\"]")).collect();
        let mut text = format!("[{}]{rest}", levels.join(",")).into_bytes();
        if let Some((at, byte)) = put
            && let Some(place) = text.get_mut(at)
        {
            *place = byte;
        }
        text.truncate(cut.unwrap_or(usize::MAX));
        same_levels(&text, exponents(price, quantity));
    }

    #[test]
    fn numbers_are_what_the_reader_reads(text in "0?[0-9]{0,22}[,.e}x]?", after in "[0-9,\"}]{0,12}") {
        let text = format!("{text}{after}");
        let mut scanner = Scanner::new(text.as_bytes());
        if let Some((digits, value)) = scanner.unsigned() {
            prop_assert_eq!(std::str::from_utf8(digits).unwrap().parse::<u64>().unwrap(), value);
            // The reader goes on over a point or an exponent, where the scanner stops before what it does not expect.
            if let Some((read, at)) = read(text.as_bytes(), |r| r.u64()) {
                prop_assert_eq!((read, at), (value, text.len() - scanner.rest.len()));
            } else {
                prop_assert!(scanner.rest.first().is_some_and(|b| b".e".contains(b)));
            }
        }
    }

    #[test]
    fn mantissas_are_what_the_reader_reads(text in numeral(), exponent in -9i32..=1, after in "\"?[0-9,\"]{0,60}") {
        let text = format!("\"{text}{after}");
        let mut scanner = Scanner::new(&text.as_bytes()[1..]);
        if let Some(mantissa) = scanner.mantissa(exponent) {
            let left = text.len() - scanner.rest.len();
            prop_assert_eq!(read(text.as_bytes(), |r| r.mantissa(exponent)), Some((mantissa, left)));
        }
    }
}

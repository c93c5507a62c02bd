//! Decimal text to mantissa: how every price and quantity of an exchange comes in.

use colibri_model::{Decimal, MantissaError, from_mantissa, mantissa_of_text, to_mantissa};
use colibri_sdk::Numeral;

/// `<exponent> <text>`, the exponent in −18..=9 as a manifest's are: read by [`mantissa_of_text`], and by [`Decimal`] where
/// that has room for the digits.
///
/// # Panics
/// Where the two disagree, or a mantissa written as text is not read back.
pub fn numeral(data: &[u8]) {
    let Some(space) = data.iter().position(|byte| *byte == b' ') else {
        return;
    };
    let exponent = std::str::from_utf8(&data[..space])
        .ok()
        .and_then(|text| text.parse().ok());
    let Some(exponent) = exponent.filter(|exponent: &i32| (-18..=9).contains(exponent)) else {
        return;
    };
    let text = &data[space + 1..];
    let read = mantissa_of_text(text, exponent);
    if let Ok(mantissa) = read {
        written_and_read(mantissa, exponent);
    }
    match decimal(text) {
        Numeric::NotANumber => assert!(read.is_err(), "{text:?} was read as {read:?}"),
        Numeric::TooLong => {}
        Numeric::Value(value) => agree(value, exponent, &read),
    }
}

fn agree(value: Decimal, exponent: i32, read: &Result<i64, MantissaError>) {
    let expected = to_mantissa(value, exponent);
    match (read, &expected) {
        (Ok(mantissa), Ok(expected)) => {
            assert_eq!(mantissa, expected, "{value} at 10^{exponent}");
            assert_eq!(from_mantissa(*mantissa, exponent), value);
        }
        // Text is read from the left into 64 bits, sign last: it refuses the lowest mantissa, and digits that a positive
        // exponent would have taken off again.
        (Err(MantissaError::Overflow { .. }), Ok(expected)) => {
            assert!(*expected == i64::MIN || exponent > 0, "{value} at 10^{exponent} fits");
        }
        (Ok(mantissa), Err(error)) => panic!("{value} at 10^{exponent} was read as {mantissa}: {error}"),
        (Err(error), Ok(_)) => panic!("{value} at 10^{exponent}: {error}"),
        (Err(_), Err(_)) => {}
    }
}

fn written_and_read(mantissa: i64, exponent: i32) {
    if exponent > 0 {
        return;
    }
    let written = Numeral { mantissa, exponent }.to_string();
    assert_eq!(
        mantissa_of_text(written.as_bytes(), exponent).ok(),
        Some(mantissa),
        "{written}"
    );
}

enum Numeric {
    /// Not of the form that exchanges write.
    NotANumber,
    /// A number of more digits than [`Decimal`] has.
    TooLong,
    Value(Decimal),
}

/// The grammar in one place and the value in another, neither of them the reader's own.
fn decimal(text: &[u8]) -> Numeric {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let points = digits.iter().filter(|byte| **byte == b'.').count();
    let plain = digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if !plain || points > 1 || digits.len() == points {
        return Numeric::NotANumber;
    }
    let value = std::str::from_utf8(text).ok().map(Decimal::from_str_exact);
    match value {
        Some(Ok(value)) => Numeric::Value(value),
        _ => Numeric::TooLong,
    }
}

//! The sdk's scanner against its reader.

use colibri_model::Exponents;
use colibri_sdk::json::{JsonError, Reader, Scanner};

/// A byte for each exponent, and the beginning of a message.
///
/// # Panics
/// Where the scanner reads levels, a mantissa, an integer or a string that the reader refuses or reads as something else.
pub fn scanner(data: &[u8]) {
    let [price, quantity, text @ ..] = data else { return };
    let exponent = |byte: u8| 1 - i32::from(byte % 12);
    let exponents = Exponents {
        price: exponent(*price),
        quantity: exponent(*quantity),
    };
    let mut levels = Vec::new();
    let mut scanner = Scanner::new(text);
    if scanner
        .literal(b"[")
        .and_then(|()| scanner.levels(exponents, &mut levels))
        .is_some()
    {
        let read = read(text, |r| {
            let mut levels = Vec::new();
            r.levels(exponents, &mut levels).map(|()| levels)
        });
        assert_eq!(read, Some(levels), "levels");
    }
    let mut scanner = Scanner::new(text);
    if let Some(mantissa) = scanner.literal(b"\"").and_then(|()| scanner.mantissa(exponents.price)) {
        assert_eq!(
            read(text, |r| r.mantissa(exponents.price)),
            Some(mantissa),
            "a mantissa"
        );
    }
    let mut scanner = Scanner::new(text);
    if let Some(string) = scanner.literal(b"\"").and_then(|()| scanner.text()) {
        let read = read(text, |r| r.string().map(|s| s.into_owned().into_bytes()));
        assert_eq!(read.as_deref(), Some(string), "a string");
    }
    if let Some((digits, value)) = Scanner::new(text).unsigned() {
        assert_eq!(read(digits, |r| r.u64()), Some(value), "an integer");
    }
}

fn read<'a, T>(text: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, JsonError>) -> Option<T> {
    read(&mut Reader::new(text)).ok()
}

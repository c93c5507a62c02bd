//! How a signature is written, and what is done to a piece of a preimage.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use colibri_abi::{encoding, transform as transforms};
use ring::digest;

use super::SigningError;

/// Whether a key is shared with the exchange or has a public half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyClass {
    /// HMAC.
    Symmetric,
    /// Ed25519, RSA, ECDSA.
    Asymmetric,
}

/// Lower-case hexadecimal.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
#[must_use]
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

/// Writes a signature in one of [`encoding`].
///
/// # Errors
/// A number that stands for no encoding.
pub fn encode(number: u32, class: KeyClass, signature: &[u8]) -> Result<String, SigningError> {
    Ok(match (number, class) {
        (encoding::HEX, _) | (encoding::OF_THE_KEY | encoding::OF_THE_KEY_PERCENT, KeyClass::Symmetric) => {
            hex(signature)
        }
        (encoding::BASE64, _) | (encoding::OF_THE_KEY, KeyClass::Asymmetric) => STANDARD.encode(signature),
        (encoding::BASE64_URL, _) => URL_SAFE_NO_PAD.encode(signature),
        (encoding::BASE64_PERCENT, _) | (encoding::OF_THE_KEY_PERCENT, KeyClass::Asymmetric) => {
            percent(&STANDARD.encode(signature))
        }
        _ => {
            return Err(SigningError::Unsupported {
                what: "signature encoding",
                number,
            });
        }
    })
}

/// Applies one of [`transform`](colibri_abi::transform) to a piece of a preimage.
///
/// # Errors
/// A number that stands for no transform.
pub fn transform(number: u32, bytes: &[u8]) -> Result<Cow<'_, [u8]>, SigningError> {
    Ok(match number {
        transforms::NONE => Cow::Borrowed(bytes),
        transforms::SHA256 => Cow::Owned(digest::digest(&digest::SHA256, bytes).as_ref().to_vec()),
        transforms::SHA512 => Cow::Owned(digest::digest(&digest::SHA512, bytes).as_ref().to_vec()),
        transforms::SHA512_HEX => Cow::Owned(hex(digest::digest(&digest::SHA512, bytes).as_ref()).into_bytes()),
        transforms::SHA256_HEX => Cow::Owned(hex(digest::digest(&digest::SHA256, bytes).as_ref()).into_bytes()),
        _ => {
            return Err(SigningError::Unsupported {
                what: "preimage transform",
                number,
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_of_the_same_bytes() {
        let bytes = [0xfb, 0xff, 0x00];
        let written = |number, class| encode(number, class, &bytes).unwrap_or_default();
        assert_eq!(written(encoding::HEX, KeyClass::Asymmetric), "fbff00");
        assert_eq!(written(encoding::BASE64, KeyClass::Symmetric), "+/8A");
        assert_eq!(written(encoding::BASE64_URL, KeyClass::Symmetric), "-_8A");
        assert_eq!(written(encoding::BASE64_PERCENT, KeyClass::Symmetric), "%2B%2F8A");
        assert_eq!(written(encoding::OF_THE_KEY, KeyClass::Symmetric), "fbff00");
        assert_eq!(written(encoding::OF_THE_KEY, KeyClass::Asymmetric), "+/8A");
        assert_eq!(written(encoding::OF_THE_KEY_PERCENT, KeyClass::Asymmetric), "%2B%2F8A");
        assert!(encode(99, KeyClass::Symmetric, &bytes).is_err());
        assert!(transform(99, &bytes).is_err());
    }
}

//! Frames that an exchange compresses by itself (not the WebSocket extension, which is never offered).

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder};

use crate::Inflate;

/// The most bytes of a frame once inflated.
pub(super) const MAX_INFLATED: u64 = 64 << 20;

/// Inflates a binary frame.
///
/// # Errors
/// What is wrong: not compressed as declared, or too large.
pub(super) fn inflate(how: Inflate, bytes: &[u8], limit: u64) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(4));
    let read = match how {
        Inflate::None => Read::read_to_end(&mut bytes.take(limit + 1), &mut out),
        Inflate::Gzip => GzDecoder::new(bytes).take(limit + 1).read_to_end(&mut out),
        Inflate::Deflate => DeflateDecoder::new(bytes).take(limit + 1).read_to_end(&mut out),
    };
    match read {
        Err(error) => Err(format!("a frame cannot be inflated: {error}")),
        Ok(_) if out.len() as u64 > limit => Err(format!("a frame inflates to more than {limit} bytes")),
        Ok(_) => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};

    use super::*;

    #[test]
    fn both_forms_are_read_and_bombs_are_not() {
        let text = vec![b'a'; 100_000];
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(inflate(Inflate::Gzip, &gzip, 100_000).unwrap(), text);
        assert!(inflate(Inflate::Gzip, &gzip, 99_999).unwrap_err().contains("99999"));
        assert!(inflate(Inflate::Gzip, b"not gzip", 100).is_err());
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
        deflate.write_all(&text).unwrap();
        assert_eq!(
            inflate(Inflate::Deflate, &deflate.finish().unwrap(), 100_000).unwrap(),
            text
        );
    }
}

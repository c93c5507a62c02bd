//! Short text inside a plain value.

use abi_stable::StableAbi;

/// Up to 47 bytes of UTF-8 by value: a client order id, an exchange order id, a trade id.
///
/// Every bit pattern is a value: a length over the room reads as the whole room, bytes that are not UTF-8 read as empty.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, PartialEq, Eq)]
pub struct Text48 {
    len: u8,
    bytes: [u8; 47],
}

impl Text48 {
    /// The most bytes that fit.
    pub const CAPACITY: usize = 47;
    /// No text.
    pub const EMPTY: Text48 = Text48 { len: 0, bytes: [0; 47] };

    /// The text as a value, or `None` when it is longer than [`Text48::CAPACITY`]: never cut.
    #[must_use]
    pub fn new(text: &str) -> Option<Text48> {
        Text48::of_bytes(text.as_bytes())
    }

    /// As [`Text48::new`], of bytes that are known to be UTF-8, such as digits; others would read as empty.
    #[inline]
    #[must_use]
    pub fn of_bytes(text: &[u8]) -> Option<Text48> {
        let mut value = Text48::EMPTY;
        value.bytes.get_mut(..text.len())?.copy_from_slice(text);
        value.len = u8::try_from(text.len()).ok()?;
        Some(value)
    }

    /// The text; empty where the bytes are not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = usize::from(self.len).min(Text48::CAPACITY);
        std::str::from_utf8(&self.bytes[..len]).unwrap_or("")
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl Default for Text48 {
    fn default() -> Self {
        Text48::EMPTY
    }
}

impl std::fmt::Debug for Text48 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Text48;

    #[test]
    fn keeps_what_fits_and_refuses_what_does_not() {
        assert_eq!(
            Text48::new("x-C1").map(|t| t.as_str().to_owned()).as_deref(),
            Some("x-C1")
        );
        assert!(Text48::new(&"a".repeat(47)).is_some());
        assert!(Text48::new(&"a".repeat(48)).is_none());
    }

    #[test]
    fn every_bit_pattern_reads() {
        let odd = Text48 {
            len: 255,
            bytes: [0xff; 47],
        };
        assert_eq!(odd.as_str(), "");
    }
}

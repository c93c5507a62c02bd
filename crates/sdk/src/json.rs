//! A JSON reader for messages that come often: it validates all of the text, allocates nothing unless a string holds an
//! escape, and hands numbers out as they are written.
//!
//! It reads exactly the texts that `serde_json` reads (of UTF-8, nested at most [`MAX_DEPTH`] deep), to the same values: the
//! tests compare them. For messages that come seldom, [`Object`] is easier to read; for those that come most
//! often, a [`Scanner`] may try first.

use std::borrow::Cow;
use std::fmt;

use colibri_abi::Level;
use colibri_model::{Decimal, Exponents, MantissaError, mantissa_of_text};

mod escape;
mod mantissa;
mod object;
mod scan;

pub use object::{MemberError, Object};
pub use scan::Scanner;

/// How deep objects and arrays may nest.
pub const MAX_DEPTH: u32 = 127;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// The byte at which it was noticed.
    pub at: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for JsonError {}

/// The kinds of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// `null`
    Null,
}

type Result<T> = std::result::Result<T, JsonError>;

/// A position in a JSON text. Every method reads one value and leaves the position behind it.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// The bytes between two quotes, still escaped.
struct RawString<'a> {
    /// Without the quotes.
    inner: &'a [u8],
    escaped: bool,
    ascii: bool,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, depth: 0 }
    }

    /// Reads a whole text with `read`: nothing but white space may follow the value.
    ///
    /// # Errors
    /// What `read` says, or that something follows.
    pub fn whole<T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T>) -> Result<T> {
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader)?;
        reader.white_space();
        if reader.at == bytes.len() {
            Ok(value)
        } else {
            Err(reader.error("something follows the value"))
        }
    }

    /// An error at this position.
    #[must_use]
    pub fn error(&self, what: &'static str) -> JsonError {
        JsonError { at: self.at, what }
    }

    #[inline]
    fn white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// The first byte of the next value.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        self.white_space();
        self.bytes.get(self.at).copied()
    }

    /// What the next value is by its first byte; `None` where none begins here.
    pub fn next_kind(&mut self) -> Option<Kind> {
        Some(match self.peek()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b't' | b'f' => Kind::Flag,
            b'n' => Kind::Null,
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => return None,
        })
    }

    #[inline]
    fn expect(&mut self, byte: u8, what: &'static str) -> Result<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.error(what))
        }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("too deeply nested"));
        }
        Ok(())
    }

    /// Reads an object, handing each key to `member`, which reads the member's value.
    ///
    /// # Errors
    /// Not an object, malformed, or what `member` says.
    #[inline]
    pub fn object(&mut self, mut member: impl FnMut(&[u8], &mut Reader<'a>) -> Result<()>) -> Result<()> {
        self.members(|key, r| member(key.as_bytes(), r))
    }

    #[inline]
    fn members(&mut self, mut member: impl FnMut(Cow<'a, str>, &mut Reader<'a>) -> Result<()>) -> Result<()> {
        self.expect(b'{', "an object was expected")?;
        self.deeper()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':', "a colon was expected")?;
            member(key, self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.error("a comma or the object's end was expected")),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array, calling `element` to read each element.
    ///
    /// # Errors
    /// Not an array, malformed, or what `element` says.
    #[inline]
    pub fn array(&mut self, mut element: impl FnMut(&mut Reader<'a>) -> Result<()>) -> Result<()> {
        self.expect(b'[', "an array was expected")?;
        self.deeper()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            element(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.error("a comma or the array's end was expected")),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    #[inline]
    fn raw_string(&mut self) -> Result<RawString<'a>> {
        self.expect(b'"', "a string was expected")?;
        let start = self.at;
        let mut escaped = false;
        let mut seen = 0u8;
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(self.error("a string does not end"));
            };
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                0..=0x1f => return Err(self.error("a control character in a string")),
                _ => {
                    seen |= byte;
                    self.at += 1;
                }
            }
        }
        let inner = &self.bytes[start..self.at];
        self.at += 1;
        Ok(RawString {
            inner,
            escaped,
            ascii: seen < 0x80,
        })
    }

    /// Steps over an escape sequence; whether surrogates pair is left to whoever decodes it.
    fn escape(&mut self) -> Result<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match self.bytes.get(self.at + 2..self.at + 6) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => self.at += 6,
                _ => return Err(self.error("a unicode escape without four digits")),
            },
            _ => return Err(self.error("an unknown escape")),
        }
        Ok(())
    }

    /// Reads a string; borrowed unless it holds an escape.
    ///
    /// # Errors
    /// Not a string, malformed, not UTF-8, or an escape that stands for no character.
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        let raw = self.raw_string()?;
        if raw.escaped {
            return self.unescape(&raw);
        }
        match std::str::from_utf8(raw.inner) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => Err(self.error("a string is not UTF-8")),
        }
    }

    #[cold]
    fn unescape(&self, raw: &RawString<'a>) -> Result<Cow<'a, str>> {
        escape::decode(raw.inner)
            .map(Cow::Owned)
            .ok_or_else(|| self.error("a string with an escape that stands for no character, or not UTF-8"))
    }

    /// Reads a number as it is written.
    ///
    /// # Errors
    /// Not a number, or malformed.
    #[inline]
    pub fn number(&mut self) -> Result<&'a str> {
        self.white_space();
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.error("a number was expected")),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        std::str::from_utf8(&self.bytes[start..self.at]).map_err(|_| self.error("a number is not text"))
    }

    #[inline]
    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<()> {
        let from = self.at;
        self.digits();
        if self.at == from {
            return Err(self.error("a digit was expected"));
        }
        Ok(())
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// Not a number, not an integer, negative, or beyond 64 bits.
    #[inline]
    pub fn u64(&mut self) -> Result<u64> {
        let text = self.number()?;
        text.parse()
            .map_err(|_| self.error("a number is not an unsigned integer of 64 bits"))
    }

    /// Reads an integer.
    ///
    /// # Errors
    /// Not a number, not an integer, or beyond 64 bits.
    #[inline]
    pub fn i64(&mut self) -> Result<i64> {
        let text = self.number()?;
        text.parse()
            .map_err(|_| self.error("a number is not an integer of 64 bits"))
    }

    fn word(&mut self, word: &'static [u8]) -> bool {
        let here = self.bytes.get(self.at..).unwrap_or_default();
        let found = here.starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// Neither.
    pub fn boolean(&mut self) -> Result<bool> {
        self.white_space();
        if self.word(b"true") {
            Ok(true)
        } else if self.word(b"false") {
            Ok(false)
        } else {
            Err(self.error("true or false was expected"))
        }
    }

    /// Reads `null` and answers true, or reads nothing and answers false.
    pub fn null(&mut self) -> bool {
        self.white_space();
        self.word(b"null")
    }

    /// Reads a decimal, a string or a number, as a mantissa at `exponent`.
    ///
    /// # Errors
    /// Not a decimal, or one that does not fit: never wrapped, never rounded.
    #[inline]
    pub fn mantissa(&mut self, exponent: i32) -> Result<i64> {
        if self.peek() == Some(b'"')
            && let Some((mantissa, length)) = mantissa::of_quoted(&self.bytes[self.at + 1..], exponent)
        {
            self.at += length + 2;
            return Ok(mantissa);
        }
        self.odd_mantissa(exponent)
    }

    /// A decimal that is not the usual numeral in quotes, or is wrong.
    #[cold]
    fn odd_mantissa(&mut self, exponent: i32) -> Result<i64> {
        let parsed = if self.peek() == Some(b'"') {
            let raw = self.raw_string()?;
            if raw.escaped {
                mantissa_of_text(self.unescape(&raw)?.as_bytes(), exponent)
            } else {
                mantissa_of_text(raw.inner, exponent)
            }
        } else {
            mantissa_of_text(self.number()?.as_bytes(), exponent)
        };
        parsed.map_err(|error| {
            self.error(match error {
                MantissaError::NotANumber(_) => "a decimal was expected",
                MantissaError::Inexact { .. } => "a decimal has more places than its instrument",
                MantissaError::Overflow { .. } => "a decimal does not fit its instrument",
            })
        })
    }

    /// Reads a decimal, a string or a number without an exponent. Never rounded.
    ///
    /// # Errors
    /// Not a decimal, or one of more digits than a decimal has.
    pub fn decimal(&mut self) -> Result<Decimal> {
        let text = match self.peek() {
            Some(b'"') => self.string()?,
            _ => Cow::Borrowed(self.number()?),
        };
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.'));
        Decimal::from_str_exact(&text)
            .ok()
            .filter(|_| plain)
            .ok_or_else(|| self.error("a decimal was expected"))
    }

    /// Reads price levels, `[["price","quantity"],…]`, into `levels`. What follows a quantity is skipped.
    ///
    /// # Errors
    /// Not of that form, or a decimal that does not fit.
    #[inline]
    pub fn levels(&mut self, exponents: Exponents, levels: &mut Vec<Level>) -> Result<()> {
        self.array(|r| {
            let mut place = 0u32;
            let mut level = Level::default();
            r.array(|r| {
                match place {
                    0 => level.price = r.mantissa(exponents.price)?,
                    1 => level.quantity = r.mantissa(exponents.quantity)?,
                    _ => r.skip()?,
                }
                place += 1;
                Ok(())
            })?;
            if place < 2 {
                return Err(r.error("a level is not a price and a quantity"));
            }
            levels.push(level);
            Ok(())
        })
    }

    /// Reads a value of any kind and drops it, checked all the same.
    ///
    /// # Errors
    /// Malformed.
    pub fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(|_, r| r.skip()),
            Some(b'[') => self.array(Reader::skip),
            Some(b'"') => {
                let raw = self.raw_string()?;
                if !raw.ascii && std::str::from_utf8(raw.inner).is_err() {
                    return Err(self.error("a string is not UTF-8"));
                }
                Ok(())
            }
            Some(b't' | b'f') => self.boolean().map(|_| ()),
            Some(b'n') if self.null() => Ok(()),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            _ => Err(self.error("a value was expected")),
        }
    }

    /// Reads a value of any kind and hands out its text, for a reader of its own.
    ///
    /// # Errors
    /// Malformed.
    pub fn raw(&mut self) -> Result<&'a [u8]> {
        self.white_space();
        let start = self.at;
        self.skip()?;
        Ok(&self.bytes[start..self.at])
    }
}

/// The texts of an array's elements, for lists that are decoded item by item.
///
/// # Errors
/// Not an array, or malformed.
pub fn elements(bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    Reader::whole(bytes, |r| {
        r.array(|r| {
            found.push(r.raw()?);
            Ok(())
        })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;

//! A scanner for messages that come most often of all, in the one form in which their exchange writes them: members in its
//! order, no white space, no escapes, numerals that are short and unsigned.
//!
//! Every method answers `None` where the text is anything else, malformed or merely unusual. Then the whole message goes to
//! the [`Reader`](super::Reader), which decides what it is: what a scanner accepts, the reader reads to the same values
//! (tests and the fuzz target `scanner` compare them), so that a scanner is never more than the faster of two ways.

use colibri_abi::Level;
use colibri_model::Exponents;

use super::mantissa::of_quoted;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;
/// Bytes that a level of the usual form has at most, and what may follow it: `["12345678.12345678","12345678.12345678"],`.
const LEVEL: usize = 48;

/// A position in a message that is thought to be of its usual form.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Scanner<'a> {
        Scanner { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Steps over `text`, which must come next.
    #[inline(always)]
    pub fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        if head != text {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// The rest of a string whose opening quote was stepped over, and steps over its closing quote: ASCII without escapes.
    #[inline(always)]
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let mut at = 0;
        // Eight at a time while there are so many; which of them ends the string, if any, is the lowest bit that is set.
        while let Some(eight) = self.rest.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*eight);
            let odd = is_zero(word ^ (u64::from(b'"') * ONES))
                | is_zero(word ^ (u64::from(b'\\') * ONES))
                | (word.wrapping_sub(0x20 * ONES) & !word & HIGH)
                | (word & HIGH);
            if odd != 0 {
                return self.close(at + (odd.trailing_zeros() / 8) as usize);
            }
            at += 8;
        }
        while let Some(0x20..0x80) = self.rest.get(at).filter(|&&b| b != b'"' && b != b'\\') {
            at += 1;
        }
        self.close(at)
    }

    /// The text before the quote that must stand at `at`.
    #[inline(always)]
    fn close(&mut self, at: usize) -> Option<&'a [u8]> {
        let (text, rest) = self.rest.split_at_checked(at)?;
        let (b'"', rest) = rest.split_first()? else { return None };
        self.rest = rest;
        Some(text)
    }

    /// The digits of an unsigned integer of at most eighteen, as they are written, and their value.
    #[inline(always)]
    pub fn unsigned(&mut self) -> Option<(&'a [u8], u64)> {
        let (mut value, mut at) = (0u64, 0);
        if let Some(eight) = self.rest.first_chunk::<8>() {
            let digits = u64::from_le_bytes(*eight) ^ DIGITS;
            if not_digits(digits) == 0 {
                (value, at) = (eight_digits(digits), 8);
            }
        }
        while let Some(digit) = self.rest.get(at).map(|b| b.wrapping_sub(b'0')).filter(|&d| d < 10) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        // JSON's numbers begin with no zero, and more digits may overflow. A point or an exponent is met by whoever expects
        // what follows.
        if !(1..=18).contains(&at) || (self.rest[0] == b'0' && at != 1) {
            return None;
        }
        let (text, rest) = self.rest.split_at(at);
        self.rest = rest;
        Some((text, value))
    }

    /// `true` or `false`.
    #[inline(always)]
    pub fn boolean(&mut self) -> Option<bool> {
        match self.literal(b"true") {
            Some(()) => Some(true),
            None => self.literal(b"false").map(|()| false),
        }
    }

    /// The mantissa of a numeral whose opening quote was stepped over, and steps over its closing quote.
    #[inline(always)]
    pub fn mantissa(&mut self, exponent: i32) -> Option<i64> {
        let (mantissa, length) = match (self.rest.first_chunk::<LEVEL>(), Places::of(exponent)) {
            (Some(window), Some(places)) => usual(window, 0, places).or_else(|| of_quoted(self.rest, exponent))?,
            _ => of_quoted(self.rest, exponent)?,
        };
        self.rest = self.rest.get(length + 1..)?;
        Some(mantissa)
    }

    /// Price levels, `["price","quantity"],…]`, after their list's opening bracket, into `levels`; steps over the closing one.
    #[inline(always)]
    pub fn levels(&mut self, exponents: Exponents, levels: &mut Vec<Level>) -> Option<()> {
        if self.literal(b"]").is_some() {
            return Some(());
        }
        let (price, quantity) = (Places::of(exponents.price)?, Places::of(exponents.quantity)?);
        loop {
            let level = match self.rest.first_chunk::<LEVEL>().and_then(|w| level(w, price, quantity)) {
                Some((level, length)) => {
                    self.rest = &self.rest[length..];
                    level
                }
                None => self.careful_level(exponents)?,
            };
            levels.push(level);
            let (&next, rest) = self.rest.split_first()?;
            self.rest = rest;
            match next {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A level with a numeral that is long or whole, or the last of a message.
    #[inline(never)]
    fn careful_level(&mut self, exponents: Exponents) -> Option<Level> {
        self.literal(b"[\"")?;
        let price = self.mantissa(exponents.price)?;
        self.literal(b",\"")?;
        let quantity = self.mantissa(exponents.quantity)?;
        self.literal(b"]")?;
        Some(Level { price, quantity })
    }
}

/// How many decimal places a mantissa keeps of the eight that are read at once.
#[derive(Debug, Clone, Copy)]
struct Places {
    /// Half of the bits that they take, of one character each.
    half: u32,
    power: u64,
}

impl Places {
    #[inline(always)]
    fn of(exponent: i32) -> Option<Places> {
        const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
        let places = exponent.checked_neg()?;
        let power = *POWERS.get(usize::try_from(places).ok()?)?;
        Some(Places {
            half: places as u32 * 4,
            power,
        })
    }
}

/// A level at the beginning of a window, and its length.
#[inline(always)]
fn level(window: &[u8; LEVEL], price: Places, quantity: Places) -> Option<(Level, usize)> {
    let (price, at) = usual(window, 2, price)?;
    // The numerals' closing quotes have been seen.
    if window[..2] != *b"[\"" || window.get(at + 1..at + 3)? != b",\"" {
        return None;
    }
    let (quantity, at) = usual(window, at + 3, quantity)?;
    if *window.get(at + 1)? != b']' {
        return None;
    }
    Some((Level { price, quantity }, at + 2))
}

/// The mantissa of the numeral at `at`, one to eight digits on both sides of a point and a closing quote, and where that quote
/// stands. `None` for everything else, and for places that the mantissa does not keep.
#[inline(always)]
fn usual(window: &[u8; LEVEL], at: usize, places: Places) -> Option<(i64, usize)> {
    let (whole, digits) = digits_at(window, at)?;
    let point = at + digits;
    let (part, digits) = digits_at(window, point + 1)?;
    let end = point + 1 + digits;
    if *window.get(point)? != b'.' || *window.get(end)? != b'"' {
        return None;
    }
    // The characters of the text are the bytes of a number from its lowest on. Shifted to the top, the last digit has the
    // least weight; what is missing before it is zeros. In two steps, because a shift by all bits is none.
    let whole = whole << (64 - 8 * (point - at));
    let part = part & (u64::MAX >> (64 - 8 * digits));
    if part >> places.half >> places.half != 0 {
        return None;
    }
    let kept = part << (32 - places.half) << (32 - places.half);
    // Below 10^16.
    Some(((eight_digits(whole) * places.power + eight_digits(kept)) as i64, end))
}

/// Eight characters as digits from `at` on, and how many of them are; at least one.
#[inline(always)]
fn digits_at(window: &[u8; LEVEL], at: usize) -> Option<(u64, usize)> {
    let eight = window.get(at..)?.first_chunk::<8>()?;
    let digits = u64::from_le_bytes(*eight) ^ DIGITS;
    let count = (not_digits(digits).trailing_zeros() / 8) as usize;
    (count != 0).then_some((digits, count))
}

const DIGITS: u64 = b'0' as u64 * ONES;

/// Of characters that were combined with [`DIGITS`]: the high bit of the first that is no digit, and of some behind it.
#[inline(always)]
const fn not_digits(digits: u64) -> u64 {
    // A carry comes only of a byte that is no digit itself.
    (digits.wrapping_add(0x76 * ONES) | digits) & HIGH
}

/// The high bit of the first byte that is zero, and of some behind it.
#[inline(always)]
const fn is_zero(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The value of eight digits, the first in the lowest byte: pairs are joined to numbers of two, four and eight digits.
#[inline(always)]
const fn eight_digits(digits: u64) -> u64 {
    let twos = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

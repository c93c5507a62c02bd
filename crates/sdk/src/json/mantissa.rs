//! The numerals of price levels, which are most of a market-data frame: digits, a point, digits, a quote.

/// Powers of ten that 64 bits hold.
const POWERS: [u64; 19] = {
    let mut powers = [1u64; 19];
    let mut i = 1;
    while i < 19 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The mantissa of the unsigned numeral before a closing quote, and the numeral's length. `None` for everything that is not
/// as usual (a sign, an escape, many digits, a value that does not fit): then the careful way decides.
#[inline]
pub(super) fn of_quoted(bytes: &[u8], exponent: i32) -> Option<(i64, usize)> {
    let (mut value, mut at) = (0u64, 0);
    while let Some(digit) = digit(bytes.get(at)) {
        value = value.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let whole = at;
    let mut places = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        if let Some(eight) = eight_digits(bytes.get(at..at + 8)?) {
            value = value.wrapping_mul(100_000_000).wrapping_add(eight);
            at += 8;
            places = 8;
        }
        while let Some(digit) = digit(bytes.get(at)) {
            value = value.wrapping_mul(10).wrapping_add(digit);
            at += 1;
            places += 1;
        }
    }
    // Eighteen digits never overflow; beside a point there must be some on both sides.
    let usual = whole > 0 && whole + places <= 18 && at != whole + 1;
    if !usual || bytes.get(at) != Some(&b'"') {
        return None;
    }
    let shift = -exponent - i32::try_from(places).ok()?;
    let power = *POWERS.get(usize::try_from(shift.unsigned_abs()).ok()?)?;
    let mantissa = if shift >= 0 {
        value.checked_mul(power)?
    } else if value.is_multiple_of(power) {
        value / power
    } else {
        return None;
    };
    Some((i64::try_from(mantissa).ok()?, at))
}

#[inline]
fn digit(byte: Option<&u8>) -> Option<u64> {
    let value = byte?.wrapping_sub(b'0');
    (value < 10).then_some(u64::from(value))
}

/// The value of eight digits, read at once: pairs are joined to numbers of two, four and eight digits.
#[inline]
fn eight_digits(bytes: &[u8]) -> Option<u64> {
    let text = u64::from_le_bytes(bytes.try_into().ok()?);
    // A byte is a digit when its high half is 3, and still is after adding 6.
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let high = text & HIGH;
    let carried = text.wrapping_add(0x0606_0606_0606_0606) & HIGH;
    if high | (carried >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    let ones = text & 0x0f0f_0f0f_0f0f_0f0f;
    let twos = (ones.wrapping_mul(10).wrapping_add(ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul(100).wrapping_add(twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use colibri_model::mantissa_of_text;
    use proptest::prelude::*;

    #[test]
    fn eight_digits_are_digits() {
        assert_eq!(eight_digits(b"12345678"), Some(12_345_678));
        assert_eq!(eight_digits(b"00000000"), Some(0));
        assert_eq!(eight_digits(b"99999999"), Some(99_999_999));
        for at in 0..8 {
            for byte in 0..=255u8 {
                let mut bytes = *b"12345678";
                bytes[at] = byte;
                assert_eq!(eight_digits(&bytes).is_some(), byte.is_ascii_digit(), "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_at_once_is_what_is_read_with_care(text in "-?[0-9]{0,14}(\\.[0-9]{0,12})?[x\"]?", exponent in -12i32..=3) {
            if let Some((mantissa, length)) = of_quoted(format!("{text}\"").as_bytes(), exponent) {
                prop_assert_eq!(mantissa_of_text(&text.as_bytes()[..length], exponent).ok(), Some(mantissa));
            }
        }

        #[test]
        fn the_usual_is_read_at_once(price in 0u64..10_000_000_000, place in 0u64..100_000_000) {
            let text = format!("{price}.{place:08}\"");
            let expected = i64::try_from(price * 100_000_000 + place).ok();
            prop_assert_eq!(of_quoted(text.as_bytes(), -8).map(|(m, _)| m), expected);
        }
    }
}

//! A mantissa and its exponent, written as the decimal text that exchanges read.

use std::fmt;

/// `mantissa × 10^exponent`, displayed without an exponent and without zeros that say nothing: `61824.01`, `5`, `0.001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numeral {
    /// The mantissa.
    pub mantissa: i64,
    /// The decimal exponent.
    pub exponent: i32,
}

impl Numeral {
    /// Whether the value is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether the value is above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.mantissa > 0
    }
}

impl fmt::Display for Numeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mantissa == 0 {
            return f.write_str("0");
        }
        if self.mantissa < 0 {
            f.write_str("-")?;
        }
        let mut digits = self.mantissa.unsigned_abs();
        let mut exponent = self.exponent;
        while exponent < 0 && digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        if exponent >= 0 {
            write!(f, "{digits}")?;
            for _ in 0..exponent {
                f.write_str("0")?;
            }
            return Ok(());
        }
        let places = exponent.unsigned_abs();
        match 10u64.checked_pow(places) {
            Some(power) => write!(
                f,
                "{}.{:0width$}",
                digits / power,
                digits % power,
                width = places as usize
            ),
            // More places than a mantissa has digits.
            None => write!(f, "0.{digits:0width$}", width = places as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Numeral;
    use colibri_model::mantissa_of_text;
    use proptest::prelude::*;

    fn text(mantissa: i64, exponent: i32) -> String {
        Numeral { mantissa, exponent }.to_string()
    }

    #[test]
    fn is_written_as_exchanges_read_it() {
        assert_eq!(text(6_182_401_000_000, -8), "61824.01");
        assert_eq!(text(500, -2), "5");
        assert_eq!(text(1, -3), "0.001");
        assert_eq!(text(-25, -1), "-2.5");
        assert_eq!(text(7, 3), "7000");
        assert_eq!(text(0, -8), "0");
        assert_eq!(text(i64::MIN, -18), "-9.223372036854775808");
        assert_eq!(text(12, -22), "0.0000000000000000000012");
    }

    proptest! {
        #[test]
        fn is_read_back(mantissa in -i64::MAX..i64::MAX, exponent in -18i32..=0) {
            prop_assert_eq!(mantissa_of_text(text(mantissa, exponent).as_bytes(), exponent).ok(), Some(mantissa));
        }
    }
}

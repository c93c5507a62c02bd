//! Decimals as `i64` mantissas with an exponent: how money crosses the boundary. Checked: a value that does not fit is an
//! error, never wrapped, never rounded.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Price, Quantity};

/// A value that cannot be said as a mantissa at an exponent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MantissaError {
    /// More digits after the point than the exponent has room for.
    #[error("{value} has digits below 10^{exponent}")]
    Inexact {
        /// The value.
        value: String,
        /// The exponent.
        exponent: i32,
    },
    /// Beyond 64 bits.
    #[error("{value} at 10^{exponent} does not fit 64 bits")]
    Overflow {
        /// The value.
        value: String,
        /// The exponent.
        exponent: i32,
    },
    /// Not a decimal number.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
}

/// The decimal exponents of an instrument: `value = mantissa × 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exponents {
    /// Of prices, in −18..=9.
    pub price: i32,
    /// Of quantities, in −18..=9.
    pub quantity: i32,
}

impl Exponents {
    /// A price's mantissa.
    ///
    /// # Errors
    /// The price does not fit.
    pub fn price_mantissa(self, price: Price) -> Result<i64, MantissaError> {
        to_mantissa(price.0, self.price)
    }
    /// A quantity's mantissa.
    ///
    /// # Errors
    /// The quantity does not fit.
    pub fn quantity_mantissa(self, quantity: Quantity) -> Result<i64, MantissaError> {
        to_mantissa(quantity.0, self.quantity)
    }
    /// The price of a mantissa.
    #[must_use]
    pub fn price(self, mantissa: i64) -> Price {
        Price(from_mantissa(mantissa, self.price))
    }
    /// The quantity of a mantissa.
    #[must_use]
    pub fn quantity(self, mantissa: i64) -> Quantity {
        Quantity(from_mantissa(mantissa, self.quantity))
    }
}

const POWERS: [i128; 38] = {
    let mut powers = [1i128; 38];
    let mut i = 1;
    while i < 38 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The mantissa of `value` at `exponent`.
///
/// # Errors
/// [`MantissaError::Inexact`] or [`MantissaError::Overflow`].
pub fn to_mantissa(value: Decimal, exponent: i32) -> Result<i64, MantissaError> {
    let overflow = || MantissaError::Overflow {
        value: value.to_string(),
        exponent,
    };
    // value = m × 10^-scale, so the mantissa is m × 10^(-scale - exponent).
    let shift = -i64::from(value.scale()) - i64::from(exponent);
    let power = *POWERS
        .get(usize::try_from(shift.unsigned_abs()).map_err(|_| overflow())?)
        .ok_or_else(overflow)?;
    let mantissa = if shift >= 0 {
        value.mantissa().checked_mul(power).ok_or_else(overflow)?
    } else {
        if value.mantissa() % power != 0 {
            return Err(MantissaError::Inexact {
                value: value.to_string(),
                exponent,
            });
        }
        value.mantissa() / power
    };
    i64::try_from(mantissa).map_err(|_| overflow())
}

/// The value of a mantissa: exact for exponents in −28..=9, which every manifest is held to.
#[must_use]
pub fn from_mantissa(mantissa: i64, exponent: i32) -> Decimal {
    if exponent <= 0 {
        Decimal::from_i128_with_scale(i128::from(mantissa), exponent.unsigned_abs().min(28))
    } else {
        let power = POWERS[(exponent as usize).min(9)];
        Decimal::from_i128_with_scale(i128::from(mantissa) * power, 0)
    }
}

/// The mantissa of a decimal numeral as exchanges write it (`-12.3400`), without allocation. Zeros beyond the exponent
/// are allowed; other digits there are not.
///
/// # Errors
/// Any of [`MantissaError`].
pub fn mantissa_of_text(text: &[u8], exponent: i32) -> Result<i64, MantissaError> {
    let shown = || String::from_utf8_lossy(text).into_owned();
    let overflow = || MantissaError::Overflow {
        value: shown(),
        exponent,
    };
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    let mut seen = false;
    let mut point = false;
    // How many more digits after the point still count.
    let mut room = -exponent;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                let digit = i64::from(byte - b'0');
                if point {
                    if room <= 0 {
                        if digit != 0 {
                            return Err(MantissaError::Inexact {
                                value: shown(),
                                exponent,
                            });
                        }
                        continue;
                    }
                    room -= 1;
                }
                value = value
                    .checked_mul(10)
                    .and_then(|v| v.checked_add(digit))
                    .ok_or_else(overflow)?;
            }
            b'.' if !point => point = true,
            _ => return Err(MantissaError::NotANumber(shown())),
        }
    }
    if !seen {
        return Err(MantissaError::NotANumber(shown()));
    }
    if room > 0 {
        let power = POWERS.get(room as usize).and_then(|p| i64::try_from(*p).ok());
        value = match power {
            Some(power) => value.checked_mul(power).ok_or_else(overflow)?,
            None if value == 0 => 0,
            None => return Err(overflow()),
        };
    } else if exponent > 0 {
        let power = POWERS
            .get(exponent as usize)
            .and_then(|p| i64::try_from(*p).ok())
            .ok_or_else(overflow)?;
        if value % power != 0 {
            return Err(MantissaError::Inexact {
                value: shown(),
                exponent,
            });
        }
        value /= power;
    }
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_does_not_fit_is_an_error() {
        assert_eq!(mantissa_of_text(b"61824.01000000", -2), Ok(6_182_401));
        assert_eq!(mantissa_of_text(b"0.34769", -8), Ok(34_769_000));
        assert!(matches!(
            mantissa_of_text(b"0.001", -2),
            Err(MantissaError::Inexact { .. })
        ));
        assert!(matches!(
            mantissa_of_text(b"99999999999999999999", 0),
            Err(MantissaError::Overflow { .. })
        ));
        for bad in [&b""[..], b"-", b".", b"1e5", b"1.2.3", b"+1", b" 1", b"NaN"] {
            assert!(
                matches!(mantissa_of_text(bad, -2), Err(MantissaError::NotANumber(_))),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn there_and_back(mantissa in any::<i64>(), exponent in -18i32..=0) {
            prop_assert_eq!(to_mantissa(from_mantissa(mantissa, exponent), exponent), Ok(mantissa));
        }

        #[test]
        fn text_and_decimal_agree(mantissa in -1_000_000_000_000_000i64..1_000_000_000_000_000, scale in 0u32..12, exponent in -12i32..=2) {
            let value = Decimal::new(mantissa, scale);
            let by_text = mantissa_of_text(value.to_string().as_bytes(), exponent).ok();
            prop_assert_eq!(by_text, to_mantissa(value, exponent).ok());
        }
    }
}

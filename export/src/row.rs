//! Rows and their columns, and how a value becomes what Parquet stores: exactly, or not at all.

use std::borrow::Cow;

use colibri_model::Decimal;

/// Digits of a Parquet decimal of sixteen bytes: the widest that pandas (pyarrow) and polars read.
pub const PRECISION: u32 = 38;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8.
    Text,
    /// `DECIMAL(38, scale)` in sixteen bytes; the scale is the file's.
    Decimal,
    /// `TIMESTAMP(NANOS, UTC)`.
    Instant,
    /// `INTEGER(64, unsigned)`.
    Number,
}

/// Whether every row has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Each has.
    Always,
    /// Null where it is not known, or does not apply.
    Maybe,
}

/// A column. Names are what other programs rely on: add at the end, change none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: ColumnType,
    /// Whether every row has it.
    pub presence: Presence,
}

impl Column {
    /// A column that every row has a value of.
    #[must_use]
    pub const fn always(name: &'static str, holds: ColumnType) -> Column {
        let presence = Presence::Always;
        Column { name, holds, presence }
    }

    /// A column that may be null.
    #[must_use]
    pub const fn maybe(name: &'static str, holds: ColumnType) -> Column {
        let presence = Presence::Maybe;
        Column { name, holds, presence }
    }
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Null.
    Absent,
    /// Of a [`ColumnType::Text`].
    Text(Cow<'a, str>),
    /// Of a [`ColumnType::Decimal`].
    Decimal(Exact),
    /// Of a [`ColumnType::Instant`]: nanoseconds since 1970-01-01 UTC.
    Instant(i64),
    /// Of a [`ColumnType::Number`].
    Number(u64),
}

impl<'a> Cell<'a> {
    /// A text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Cell<'a> {
        Cell::Text(text.into())
    }

    /// What it shows as, where there is one.
    pub fn shown(value: Option<impl ToString>) -> Cell<'a> {
        value.map_or(Cell::Absent, |value| Cell::Text(Cow::Owned(value.to_string())))
    }

    /// A decimal, where there is one.
    #[must_use]
    pub fn decimal(value: Option<Decimal>) -> Cell<'a> {
        value.map_or(Cell::Absent, |value| Cell::Decimal(value.into()))
    }

    /// An instant, where there is one.
    #[must_use]
    pub fn instant(nanos: Option<i64>) -> Cell<'a> {
        nanos.map_or(Cell::Absent, Cell::Instant)
    }

    /// A number, where there is one.
    #[must_use]
    pub fn number(number: Option<u64>) -> Cell<'a> {
        number.map_or(Cell::Absent, Cell::Number)
    }
}

/// Something that is exported as a row.
pub trait Row {
    /// Its columns.
    const COLUMNS: &'static [Column];

    /// Its values, one a column, in their order.
    fn cells(&self) -> impl Iterator<Item = Cell<'_>>;
}

/// An exact decimal: `mantissa × 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    mantissa: i128,
    exponent: i32,
}

/// How many digits after the point a file's decimals have, at most [`PRECISION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale(u32);

/// A decimal that a file's columns cannot say. It is never rounded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// More digits after the point than the scale has.
    #[error("{value} has more than {scale} digits after the point")]
    Deeper {
        /// The value.
        value: String,
        /// The scale.
        scale: u32,
        /// One that it has room in.
        needed: Scale,
    },
    /// More digits than [`PRECISION`] altogether.
    #[error("{value} with {scale} digits after the point has more than 38 digits, which Parquet's decimals end at")]
    Longer {
        /// The value.
        value: String,
        /// The scale.
        scale: u32,
    },
}

impl Scale {
    /// That of every export unless a history has a value that is deeper: the smallest unit that a connector may state is
    /// 10^-18, so that every price and quantity of a recording is held, up to 10^20. The same scale in every file lets files
    /// be read together.
    pub const USUAL: Scale = Scale(18);

    /// Digits after the point.
    #[must_use]
    pub const fn digits(self) -> u32 {
        self.0
    }
}

impl Exact {
    /// `mantissa × 10^exponent`, as prices and quantities cross the boundary.
    #[must_use]
    pub const fn new(mantissa: i64, exponent: i32) -> Exact {
        Exact {
            mantissa: mantissa as i128,
            exponent,
        }
    }

    /// The same in units of `10^-scale`.
    ///
    /// # Errors
    /// [`NotHeld`].
    pub fn at(self, scale: Scale) -> Result<i128, NotHeld> {
        let Exact { mantissa, exponent } = self.shortest();
        if mantissa == 0 {
            return Ok(0);
        }
        let value = || format!("{mantissa}e{exponent}");
        let digits = i64::from(exponent) + i64::from(scale.0);
        let Ok(digits) = u32::try_from(digits) else {
            return Err(match exponent.unsigned_abs() {
                needed @ ..=PRECISION => NotHeld::Deeper {
                    value: value(),
                    scale: scale.0,
                    needed: Scale(needed),
                },
                _ => NotHeld::Longer {
                    value: value(),
                    scale: scale.0,
                },
            });
        };
        10_i128
            .checked_pow(digits)
            .and_then(|power| mantissa.checked_mul(power))
            .filter(|units| units.unsigned_abs() < 10_u128.pow(PRECISION))
            .ok_or_else(|| NotHeld::Longer {
                value: value(),
                scale: scale.0,
            })
    }

    /// Without zeros at the mantissa's end.
    const fn shortest(mut self) -> Exact {
        while self.mantissa != 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.exponent += 1;
        }
        self
    }
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Exact {
        Exact {
            mantissa: value.mantissa(),
            exponent: -i32::try_from(value.scale()).expect("a decimal's scale is at most 28"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_deep_says_how_deep_it_is_and_what_is_too_long_is_refused() {
        assert_eq!(
            Exact::new(5_993_248, -2).at(Scale::USUAL),
            Ok(59_932_480_000_000_000_000_000)
        );
        assert_eq!(Exact::new(-1, -18).at(Scale::USUAL), Ok(-1));
        // Zeros at the end are no digits.
        assert_eq!(Exact::new(1_000, -20).at(Scale::USUAL), Ok(10));
        assert_eq!(Exact::new(0, -40).at(Scale::USUAL), Ok(0));
        assert_eq!(Exact::new(99, 18).at(Scale::USUAL), Ok(99 * 10_i128.pow(36)));
        let deeper = Exact::new(1_203, -21).at(Scale::USUAL);
        assert!(
            matches!(deeper, Err(NotHeld::Deeper { needed: Scale(21), .. })),
            "{deeper:?}"
        );
        for (mantissa, exponent) in [(1, 20), (i64::MAX, 2), (1, i32::MAX), (1, -39)] {
            let longer = Exact::new(mantissa, exponent).at(Scale::USUAL);
            assert!(matches!(longer, Err(NotHeld::Longer { .. })), "{longer:?}");
        }
    }

    proptest! {
        /// Whatever a connector may state of a price or a quantity below 10^20.
        #[test]
        fn a_recordings_values_are_all_held(mantissa in any::<i64>(), exponent in -18..=1_i32) {
            let units = Exact::new(mantissa, exponent).at(Scale::USUAL).unwrap();
            prop_assert_eq!(units, i128::from(mantissa) * 10_i128.pow(u32::try_from(exponent + 18).unwrap()));
        }

        #[test]
        fn a_decimal_is_held_or_refused_never_rounded(mantissa in any::<i64>(), scale in 0..=28_u32) {
            let value = Exact::from(Decimal::from_i128_with_scale(mantissa.into(), scale));
            let held = match value.at(Scale::USUAL) {
                Err(NotHeld::Deeper { needed, .. }) => value.at(needed).map(|units| (units, needed.digits())),
                held => held.map(|units| (units, 18)),
            };
            let (units, digits) = held.unwrap();
            let power = |exponent: u32| 10_i128.pow(exponent);
            let stated = i128::from(mantissa);
            prop_assert_eq!(units * power(scale.saturating_sub(digits)), stated * power(digits.saturating_sub(scale)));
        }
    }
}

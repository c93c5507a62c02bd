//! Price, quantity and amount: exact decimals that are not mixed up.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

macro_rules! money {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "rust_decimal::serde::str")] pub Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: $name = $name(Decimal::ZERO);

            /// Whether it is zero.
            #[must_use]
            pub const fn is_zero(&self) -> bool {
                self.0.is_zero()
            }
            /// Whether it is above zero.
            #[must_use]
            pub fn is_positive(&self) -> bool {
                self.0 > Decimal::ZERO
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl From<Decimal> for $name {
            fn from(value: Decimal) -> $name {
                $name(value)
            }
        }
    };
}

macro_rules! additive {
    ($name:ident) => {
        impl Add for $name {
            type Output = $name;
            fn add(self, other: $name) -> $name {
                $name(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = $name;
            fn sub(self, other: $name) -> $name {
                $name(self.0 - other.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                self.0 += other.0;
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: $name) {
                self.0 -= other.0;
            }
        }
        impl Neg for $name {
            type Output = $name;
            fn neg(self) -> $name {
                $name(-self.0)
            }
        }
        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = $name>>(items: I) -> $name {
                items.fold($name::ZERO, Add::add)
            }
        }
    };
}

money!(
    /// Units of the quote asset for one unit of the base asset.
    Price
);
money!(
    /// Units of the base asset.
    Quantity
);
money!(
    /// Units of some asset that stands beside it: a notional in the quote asset, a balance, a fee.
    Amount
);
additive!(Quantity);
additive!(Amount);

impl Mul<Quantity> for Price {
    type Output = Amount;
    /// The notional. Exact up to the 28 digits that a decimal holds.
    fn mul(self, quantity: Quantity) -> Amount {
        Amount(self.0 * quantity.0)
    }
}

impl Quantity {
    /// As an amount of the base asset.
    #[must_use]
    pub const fn as_base_amount(self) -> Amount {
        Amount(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, Price, Quantity};
    use rust_decimal::Decimal;

    #[test]
    fn a_notional_is_price_times_quantity_exactly() {
        let notional = Price(Decimal::new(6_182_401, 2)) * Quantity(Decimal::new(34_769, 5));
        assert_eq!(notional, Amount(Decimal::new(214_955_900_369, 7)));
    }

    #[test]
    fn money_travels_as_text() {
        let text = serde_json::to_string(&Price(Decimal::new(100, 3))).expect("a decimal serialises");
        assert_eq!(text, "\"0.100\"");
    }
}

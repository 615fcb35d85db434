//! Money is integers in minor units; a rate is a decimal between *major* units. No floating point.

use core::fmt;
use core::num::NonZeroU16;

/// ISO 4217 numeric currency code, 1 to 999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Currency(NonZeroU16);

impl Currency {
    /// `None` outside 1 to 999.
    pub const fn new(numeric: u16) -> Option<Self> {
        match NonZeroU16::new(numeric) {
            Some(numeric) if numeric.get() <= 999 => Some(Self(numeric)),
            _ => None,
        }
    }

    /// The numeric code.
    pub const fn numeric(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:03}", self.0)
    }
}

/// An amount in the minor unit of its currency (ISO 4217 exponent). Never negative on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Money {
    /// Minor units, 0 to 999,999,999,999 where ISO 8583 must carry it (DE 4, `n 12`).
    pub minor: i64,
    /// Which currency's minor unit.
    pub currency: Currency,
}

/// Largest amount that every protocol can carry: twelve digits.
pub const MINOR_UNITS_MAX: i64 = 999_999_999_999;

impl Money {
    /// An amount that every protocol can carry; `None` where it is negative or too large.
    pub const fn new(minor: i64, currency: Currency) -> Option<Self> {
        if minor >= 0 && minor <= MINOR_UNITS_MAX {
            Some(Self { minor, currency })
        } else {
            None
        }
    }
}

/// Major unit x rate = major unit, with rate = mantissa x 10^exponent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rate {
    /// Digits of the rate; positive.
    pub mantissa: i64,
    /// Power of ten, -18 to 0.
    pub exponent: i8,
}

impl Rate {
    /// ISO 8583 DE 9/10: one digit for the decimals, then seven digits of mantissa (`n 8`).
    /// `None` where the first digit is above 7 or the mantissa is zero.
    pub fn from_iso(digits: u32) -> Option<Self> {
        let decimals = i8::try_from(digits / 10_000_000).ok()?;
        let mantissa = i64::from(digits % 10_000_000);
        (decimals <= 9 && mantissa > 0).then_some(Self {
            mantissa,
            exponent: decimals.checked_neg()?,
        })
    }

    /// The nearest ISO 8583 form (seven digits, up to nine decimals, half up); `None` where it has
    /// none: the stated amounts rule then.
    pub fn to_iso(self) -> Option<u32> {
        let mut mantissa = u64::try_from(self.mantissa)
            .ok()
            .filter(|mantissa| *mantissa > 0)?;
        let mut decimals = i32::from(self.exponent).checked_neg()?;
        while decimals < 0 {
            mantissa = mantissa.checked_mul(10)?;
            decimals = decimals.checked_add(1)?;
        }
        while mantissa > 9_999_999 || decimals > 9 {
            decimals = decimals.checked_sub(1).filter(|decimals| *decimals >= 0)?;
            mantissa = mantissa
                .checked_add(5)?
                .checked_div(10)
                .filter(|mantissa| *mantissa > 0)?;
        }
        let decimals = u32::try_from(decimals).ok()?;
        decimals
            .checked_mul(10_000_000)?
            .checked_add(u32::try_from(mantissa).ok()?)
    }
}

/// ISO 4217 exponents by numeric code: how many decimals a major unit has.
#[derive(Clone, PartialEq, Eq)]
pub struct Exponents([u8; 1_000]);

/// Most decimals that a currency has (UYW and CLF).
pub const EXPONENT_MAX: u8 = 4;

impl Exponents {
    const UNKNOWN: u8 = u8::MAX;

    /// The exponents that `of` tells; what it does not tell, or is above [`EXPONENT_MAX`], is
    /// unknown.
    pub fn new(of: impl Fn(Currency) -> Option<u8>) -> Self {
        let mut table = [Self::UNKNOWN; 1_000];
        for (numeric, exponent) in (0..).zip(&mut table) {
            *exponent = Currency::new(numeric)
                .and_then(&of)
                .filter(|exponent| *exponent <= EXPONENT_MAX)
                .unwrap_or(Self::UNKNOWN);
        }
        Self(table)
    }

    /// The decimals of a currency; `None` where it has no minor unit or is not known.
    pub fn of(&self, currency: Currency) -> Option<u8> {
        let exponent = *self.0.get(usize::from(currency.numeric()))?;
        (exponent != Self::UNKNOWN).then_some(exponent)
    }
}

impl fmt::Debug for Exponents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.iter().filter(|it| **it != Self::UNKNOWN).count();
        write!(formatter, "Exponents({known} currencies)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    #[test]
    #[expect(
        clippy::inconsistent_digit_grouping,
        clippy::zero_prefixed_literal,
        reason = "the first digit counts decimals"
    )]
    fn iso_rates_are_a_decimal_place_digit_and_seven_digits() {
        for (digits, mantissa, exponent) in [
            (6_9_100_000, 9_100_000, -6),
            (0_0_000_007, 7, 0),
            (9_0_000_001, 1, -9),
        ] {
            let rate = Rate::from_iso(digits).unwrap();
            assert_eq!((rate.mantissa, rate.exponent), (mantissa, exponent));
            assert_eq!(rate.to_iso(), Some(digits));
        }
        assert_eq!(Rate::from_iso(30_000_000), None);
    }

    #[test]
    fn a_long_rate_is_rounded_half_up_as_the_decimal_library_does() {
        for mantissa in [
            1_085_123_456_789_i64,
            7_123_456_500,
            999_999_950,
            123_456_784,
        ] {
            let rate = Rate {
                mantissa,
                exponent: -8,
            };
            let kept = Rate::from_iso(rate.to_iso().unwrap()).unwrap();
            let scale = u32::from(kept.exponent.unsigned_abs());
            let expected = Decimal::new(mantissa, 8).round_dp_with_strategy(
                scale,
                rust_decimal::RoundingStrategy::MidpointAwayFromZero,
            );
            let error = (Decimal::new(kept.mantissa, scale) - expected).abs();
            assert!(
                error <= Decimal::new(1, scale),
                "{mantissa}: {kept:?} against {expected}"
            );
        }
        assert_eq!(
            Rate {
                mantissa: 12_345_678_901,
                exponent: 0
            }
            .to_iso(),
            None
        );
    }
}

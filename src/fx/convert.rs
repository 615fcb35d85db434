//! From one minor unit to another at a stated rate: exact integers and one rounding.
#![deny(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

use core::fmt;

use crate::fx::rounding::Rounding;
use crate::model::money::{Currency, Exponents, Money, Rate};

/// Why an amount cannot be converted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoConversion {
    /// ISO 4217 knows no minor unit of this currency.
    UnknownCurrency(Currency),
    /// The rate is not positive, or has an exponent that no stated rate has.
    BadRate,
    /// The amount is negative, or it or the result has more than twelve digits.
    OutOfRange,
}

impl fmt::Display for NoConversion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCurrency(currency) => {
                write!(formatter, "currency {currency} has no known minor unit")
            }
            Self::BadRate => write!(formatter, "the rate is not a positive stated rate"),
            Self::OutOfRange => write!(formatter, "the amount has more than twelve digits"),
        }
    }
}

impl core::error::Error for NoConversion {}

/// `amount` in `to`: major unit x rate = major unit, rounded once to a whole minor unit.
///
/// Exact: at most 10^12 x 2^63 x 10^4, and at most 10^22 below the line, which 128 bits hold.
pub fn convert(
    amount: Money,
    rate: Rate,
    rounding: Rounding,
    to: Currency,
    exponents: &Exponents,
) -> Result<Money, NoConversion> {
    let exponent = |currency| {
        let known = exponents.of(currency).map(i32::from);
        known.ok_or(NoConversion::UnknownCurrency(currency))
    };
    let (minor_from, minor_to) = (exponent(amount.currency)?, exponent(to)?);
    if rate.mantissa <= 0 || rate.exponent > 0 || rate.exponent < EXPONENT_MIN {
        return Err(NoConversion::BadRate);
    }
    if Money::new(amount.minor, amount.currency).is_none() {
        return Err(NoConversion::OutOfRange);
    }
    let product = u128::from(amount.minor.unsigned_abs())
        .saturating_mul(u128::from(rate.mantissa.unsigned_abs()));
    let shift = i32::from(rate.exponent)
        .saturating_add(minor_to)
        .saturating_sub(minor_from);
    let power = 10_u128.saturating_pow(shift.unsigned_abs());
    let minor = if shift >= 0 {
        product.saturating_mul(power)
    } else {
        rounding.divide(product, power)
    };
    i64::try_from(minor)
        .ok()
        .and_then(|minor| Money::new(minor, to))
        .ok_or(NoConversion::OutOfRange)
}

/// Least exponent of a [`Rate`].
const EXPONENT_MIN: i8 = -18;

/// What a part of a converted amount is worth: a refund of `part` minor units, after `before` minor
/// units, of a payment of `whole` that was `converted` at `rate`.
///
/// Counted from the whole and never from part to part: after each part all parts together are the
/// conversion of their sum, so that no chain of parts drifts, the last one takes what is left, and
/// all together are exactly `converted` and never more.
pub fn share(
    whole: Money,
    converted: Money,
    before: i64,
    part: i64,
    rate: Rate,
    rounding: Rounding,
    exponents: &Exponents,
) -> Result<Money, NoConversion> {
    let after = before
        .checked_add(part)
        .filter(|after| *after <= whole.minor);
    let after = after.ok_or(NoConversion::OutOfRange)?;
    let of = |minor: i64| {
        if minor == whole.minor {
            return Ok(converted.minor);
        }
        let sum = Money::new(minor, whole.currency).ok_or(NoConversion::OutOfRange)?;
        let sum = convert(sum, rate, rounding, converted.currency, exponents)?;
        Ok(sum.minor.min(converted.minor))
    };
    let minor = of(after)?.checked_sub(of(before)?);
    minor
        .and_then(|minor| Money::new(minor, converted.currency))
        .ok_or(NoConversion::OutOfRange)
}

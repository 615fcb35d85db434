//! The amounts of a remembered transaction, in half the room that they take in a message.
//!
//! There are millions of them, and a start writes every one. Knows no currency's exponent and
//! converts nothing.

use crate::model::message::Amounts;
use crate::model::money::{Currency, Money, Rate};

/// [`Amounts`], as they are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeptAmounts {
    amount_minor: i64,
    billing_minor: i64,
    settlement_minor: i64,
    billing_mantissa: i64,
    settlement_mantissa: i64,
    currency: Currency,
    billing_currency: Option<Currency>,
    settlement_currency: Option<Currency>,
    billing_exponent: i8,
    settlement_exponent: i8,
}

const _: () = assert!(size_of::<KeptAmounts>() == 48);

/// What stands where there is no rate. Nothing is nothing at any exponent, so it is no rate either.
const NO_RATE: (i64, i8) = (0, i8::MAX);

impl KeptAmounts {
    #[inline]
    pub(super) fn of(amounts: &Amounts) -> Self {
        let (billing_minor, billing_currency) = parts(amounts.billing);
        let (settlement_minor, settlement_currency) = parts(amounts.settlement);
        let (billing_mantissa, billing_exponent) = digits(amounts.billing_rate);
        let (settlement_mantissa, settlement_exponent) = digits(amounts.settlement_rate);
        Self {
            amount_minor: amounts.amount.minor,
            billing_minor,
            settlement_minor,
            billing_mantissa,
            settlement_mantissa,
            currency: amounts.amount.currency,
            billing_currency,
            settlement_currency,
            billing_exponent,
            settlement_exponent,
        }
    }

    #[inline]
    pub(super) fn amount(&self) -> Money {
        Money {
            minor: self.amount_minor,
            currency: self.currency,
        }
    }

    #[inline]
    pub(super) fn all(&self) -> Amounts {
        Amounts {
            amount: self.amount(),
            billing: money(self.billing_minor, self.billing_currency),
            settlement: money(self.settlement_minor, self.settlement_currency),
            billing_rate: rate(self.billing_mantissa, self.billing_exponent),
            settlement_rate: rate(self.settlement_mantissa, self.settlement_exponent),
        }
    }
}

#[inline]
fn parts(money: Option<Money>) -> (i64, Option<Currency>) {
    money.map_or((0, None), |money| (money.minor, Some(money.currency)))
}

#[inline]
fn digits(rate: Option<Rate>) -> (i64, i8) {
    rate.map_or(NO_RATE, |rate| (rate.mantissa, rate.exponent))
}

#[inline]
fn money(minor: i64, currency: Option<Currency>) -> Option<Money> {
    currency.map(|currency| Money { minor, currency })
}

#[inline]
fn rate(mantissa: i64, exponent: i8) -> Option<Rate> {
    ((mantissa, exponent) != NO_RATE).then_some(Rate { mantissa, exponent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some_money() -> impl Strategy<Value = Money> {
        (any::<i64>(), 1_u16..1_000).prop_map(|(minor, numeric)| Money {
            minor,
            currency: Currency::new(numeric).unwrap(),
        })
    }

    fn some_rate() -> impl Strategy<Value = Rate> {
        (any::<i64>(), any::<i8>()).prop_map(|(mantissa, exponent)| Rate { mantissa, exponent })
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_was_given(
            amount in some_money(),
            billing in proptest::option::of(some_money()),
            settlement in proptest::option::of(some_money()),
            billing_rate in proptest::option::of(some_rate()),
            settlement_rate in proptest::option::of(some_rate()),
        ) {
            let given = Amounts { amount, billing, settlement, billing_rate, settlement_rate };
            let kept = KeptAmounts::of(&given);
            prop_assert_eq!(kept.all(), given);
            prop_assert_eq!(kept.amount(), amount);
        }
    }
}

//! Conversion is what `rust_decimal` says it is, and parts of it never drift.

use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};

use super::money;
use crate::fx::exponents::{by_letters, iso_4217};
use crate::fx::{NoConversion, Rounding, convert, share};
use crate::model::money::{Currency, MINOR_UNITS_MAX, Money, Rate};

const fn strategy(rounding: Rounding) -> RoundingStrategy {
    match rounding {
        Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
        Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
        Rounding::Up => RoundingStrategy::AwayFromZero,
        Rounding::Down => RoundingStrategy::ToZero,
    }
}

fn decimals(currency: Currency) -> u32 {
    u32::from(iso_4217().of(currency).unwrap())
}

/// The same by the library: exact as long as the product has 28 digits.
fn by_library(amount: Money, rate: Rate, rounding: Rounding, to: Currency) -> Decimal {
    let rate = Decimal::new(rate.mantissa, u32::from(rate.exponent.unsigned_abs()));
    let amount = Decimal::new(amount.minor, decimals(amount.currency));
    let mut minor = (amount * rate).round_dp_with_strategy(decimals(to), strategy(rounding));
    minor.rescale(decimals(to));
    Decimal::from(minor.mantissa())
}

fn check(text: &str, rate: (i64, i8), rounding: Rounding, to: &str, expected: Option<i64>) {
    let (minor, from) = text.split_once(' ').unwrap();
    let rate = Rate {
        mantissa: rate.0,
        exponent: rate.1,
    };
    let amount = money(minor.parse().unwrap(), from);
    let to = by_letters(to).unwrap();
    let found = convert(amount, rate, rounding, to, &iso_4217());
    let expected = expected.map(|minor| Money::new(minor, to).unwrap());
    assert_eq!(found.ok(), expected, "{text} at {rate:?}");
}

#[test]
fn amounts_cross_from_decimals_to_none_and_back() {
    use Rounding::{Down, HalfEven, HalfUp, Up};
    // 128.00 CNY at 205.5499 KRW: 26,310.3872 KRW.
    check("12800 CNY", (2_055_499, -4), HalfUp, "KRW", Some(26_310));
    check("12800 CNY", (2_055_499, -4), Up, "KRW", Some(26_311));
    // 1 KRW at 0.005 CNY: half a fen.
    check("1 KRW", (5, -3), HalfUp, "CNY", Some(1));
    check("1 KRW", (5, -3), HalfEven, "CNY", Some(0));
    check("3 KRW", (5, -3), HalfEven, "CNY", Some(2));
    check("1 KRW", (5, -3), Down, "CNY", Some(0));
    // 1.000 BHD at 18.85 CNY, and 0.01 CNY at 0.05305 BHD.
    check("1000 BHD", (1_885, -2), HalfUp, "CNY", Some(1_885));
    check("1 CNY", (5_305, -5), HalfUp, "BHD", Some(1));
    check("0 CNY", (5_305, -5), Up, "BHD", Some(0));
    check(
        "999999999999 CNY",
        (1, 0),
        HalfUp,
        "USD",
        Some(999_999_999_999),
    );
}

#[test]
fn what_cannot_be_converted_is_refused() {
    use Rounding::HalfUp;
    check("999999999999 CNY", (101, -2), HalfUp, "USD", None);
    check("999999999999 KRW", (1, 0), HalfUp, "CNY", None);
    check("999999999999 KRW", (i64::MAX, 0), HalfUp, "BHD", None);
    check("1 CNY", (0, 0), HalfUp, "USD", None);
    check("1 CNY", (-1, 0), HalfUp, "USD", None);
    check("1 CNY", (1, 1), HalfUp, "USD", None);
    check("1 CNY", (1, -19), HalfUp, "USD", None);
    check("1 XAU", (1, 0), HalfUp, "USD", None);
    let one = Rate {
        mantissa: 1,
        exponent: 0,
    };
    let negative = Money {
        minor: -1,
        currency: by_letters("CNY").unwrap(),
    };
    let usd = by_letters("USD").unwrap();
    assert_eq!(
        convert(negative, one, HalfUp, usd, &iso_4217()),
        Err(NoConversion::OutOfRange)
    );
}

/// Currencies with no, two and three decimals.
fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["KRW", "VND", "CNY", "USD", "LAK", "BHD", "KWD"])
        .prop_map(|letters| by_letters(letters).unwrap())
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(Rounding::ALL.to_vec())
}

/// Amounts of all lengths, and as many short ones as long ones.
fn minor() -> impl Strategy<Value = i64> {
    (0_u32..12).prop_flat_map(|digits| 0..10_i64.pow(digits + 1))
}

fn rate() -> impl Strategy<Value = Rate> {
    let digits = (0_u32..12).prop_flat_map(|digits| 1..10_i64.pow(digits + 1));
    (digits, -12_i8..=0).prop_map(|(mantissa, exponent)| Rate { mantissa, exponent })
}

proptest! {
    #[test]
    fn conversion_is_what_the_decimal_library_says(
        minor in minor(), from in currency(), to in currency(), rate in rate(),
        rounding in rounding(),
    ) {
        let amount = Money::new(minor, from).unwrap();
        let expected = by_library(amount, rate, rounding, to);
        match convert(amount, rate, rounding, to, &iso_4217()) {
            Ok(converted) => prop_assert_eq!(Decimal::from(converted.minor), expected),
            Err(error) => {
                prop_assert_eq!(error, NoConversion::OutOfRange);
                prop_assert!(expected > Decimal::from(MINOR_UNITS_MAX));
            }
        }
    }

    /// Half a minor unit where it goes to the nearest, less than one otherwise.
    #[test]
    fn the_error_is_half_a_minor_unit_at_most(
        minor in minor(), from in currency(), to in currency(), rate in rate(),
        rounding in rounding(),
    ) {
        let amount = Money::new(minor, from).unwrap();
        let Ok(converted) = convert(amount, rate, rounding, to, &iso_4217()) else {
            return Ok(());
        };
        let exact = Decimal::new(minor, decimals(from))
            * Decimal::new(rate.mantissa, u32::from(rate.exponent.unsigned_abs()));
        let error = (Decimal::new(converted.minor, decimals(to)) - exact).abs();
        let unit = Decimal::new(1, decimals(to));
        match rounding {
            Rounding::HalfUp | Rounding::HalfEven => {
                prop_assert!(error + error <= unit);
            }
            Rounding::Up | Rounding::Down => prop_assert!(error < unit),
        }
    }

    /// Whatever the parts, all of them up to any point are the conversion of their sum, and all of
    /// them together are what was charged.
    #[test]
    fn refunds_in_parts_neither_drift_nor_exceed_the_payment(
        minor in minor(), to in currency(), rate in rate(), rounding in rounding(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (exponents, from) = (iso_4217(), by_letters("CNY").unwrap());
        let whole = Money::new(minor, from).unwrap();
        let Ok(converted) = convert(whole, rate, rounding, to, &exponents) else {
            return Ok(());
        };
        let length = usize::try_from(minor).unwrap() + 1;
        let mut ends: Vec<i64> =
            cuts.iter().map(|cut| i64::try_from(cut.index(length)).unwrap()).collect();
        ends.push(minor);
        ends.sort_unstable();
        let (mut before, mut given) = (0, 0);
        for end in ends {
            let part = end - before;
            let share = share(whole, converted, before, part, rate, rounding, &exponents).unwrap();
            given += share.minor;
            before = end;
            prop_assert!(given <= converted.minor);
            let sum = Money::new(before, from).unwrap();
            let expected = convert(sum, rate, rounding, to, &exponents).unwrap();
            prop_assert_eq!(given, expected.minor);
        }
        prop_assert_eq!(given, converted.minor);
        let beyond = share(whole, converted, before, 1, rate, rounding, &exponents);
        prop_assert_eq!(beyond, Err(NoConversion::OutOfRange));
    }

    /// Where the stated amount is not the conversion, as where somebody else converted, the parts
    /// still add up to it and never pass it.
    #[test]
    fn parts_of_an_amount_that_others_stated_never_exceed_it(
        minor in 1..1_000_000_i64, stated in 0..1_000_000_i64, cut in any::<prop::sample::Index>(),
        rate in rate(),
    ) {
        let exponents = iso_4217();
        let whole = money(minor, "CNY");
        let stated = money(stated, "USD");
        let first = i64::try_from(cut.index(usize::try_from(minor).unwrap())).unwrap();
        let part = |before, part| {
            share(whole, stated, before, part, rate, Rounding::HalfUp, &exponents)
        };
        if let (Ok(one), Ok(two)) = (part(0, first), part(first, minor - first)) {
            prop_assert_eq!(one.minor + two.minor, stated.minor);
        }
    }
}

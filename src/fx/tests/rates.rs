//! Tables of rates: what is stated, what is crossed, when, and what is wrong with a row.

use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::fx::exponents::by_letters;
use crate::fx::rates::{BadRow, RowFault};
use crate::fx::{Rates, Rounding, Settings, StatedRate};
use crate::model::money::{Currency, Rate};
use crate::model::time::Wall;

fn currency(letters: &str) -> Currency {
    by_letters(letters).unwrap()
}

fn settings() -> Settings {
    Settings {
        pivot: currency("CNY"),
        significant_digits: 7,
    }
}

/// `MYR CNY 1.7152 margin from until`.
fn row(text: &str) -> StatedRate {
    let words: Vec<&str> = text.split(' ').collect();
    let [base, quote, rate, margin_bp, from, until] = words.as_slice() else {
        panic!("{text}")
    };
    StatedRate {
        base: currency(base),
        quote: currency(quote),
        rate: rate.parse().unwrap(),
        margin_bp: margin_bp.parse().unwrap(),
        rounding: Rounding::HalfUp,
        valid_from: Wall(from.parse().unwrap()),
        valid_until: Wall(until.parse().unwrap()),
        source: "test".to_owned(),
    }
}

fn build(rows: &[&str]) -> Result<Rates, Vec<BadRow>> {
    let rows: Vec<_> = rows.iter().map(|text| row(text)).collect();
    Rates::build(&rows, &settings())
}

/// What applies: `mantissa exponent until`, or why nothing does.
fn found(rates: &Rates, from: &str, to: &str, at: u64) -> String {
    match rates.find(currency(from), currency(to), Wall(at)) {
        Ok(it) => format!(
            "{}e{} {}",
            it.rate.mantissa, it.rate.exponent, it.valid_until.0
        ),
        Err(why) => format!("{why:?}"),
    }
}

#[test]
fn a_pair_has_its_rate_from_its_first_instant_up_to_its_last() {
    let rates = build(&[
        "MYR CNY 1.7152 0 10 20",
        "MYR CNY 1.8 0 20 30",
        "MYR CNY 1.90 0 35 40",
    ])
    .unwrap();
    for (at, expected) in [
        (9, "NotYetValid"),
        (10, "17152e-4 20"),
        (19, "17152e-4 20"),
        (20, "18e-1 30"),
        (30, "Stale"),
        (34, "Stale"),
        (35, "19e-1 40"),
        (40, "Stale"),
    ] {
        assert_eq!(found(&rates, "MYR", "CNY", at), expected, "at {at}");
    }
    // Never inverted; a currency in itself needs no row.
    assert_eq!(found(&rates, "CNY", "MYR", 10), "UnknownPair");
    assert_eq!(found(&rates, "USD", "MYR", 10), "UnknownPair");
    assert_eq!(found(&rates, "USD", "USD", 10), "1e0 18446744073709551615");
    assert_eq!(found(&Rates::none(), "MYR", "CNY", 10), "UnknownPair");
    assert_eq!(
        found(&Rates::none(), "CNY", "CNY", 0),
        "1e0 18446744073709551615"
    );
}

#[test]
fn a_margin_is_part_of_the_rate() {
    let rates = build(&["MYR CNY 1.7152 50 0 9", "CNY MYR 0.5830224 -25 0 9"]).unwrap();
    // 1.7152 x 1.005 = 1.723776; 0.5830224 x 0.9975 = 0.581564844, to seven digits.
    assert_eq!(found(&rates, "MYR", "CNY", 1), "1723776e-6 9");
    assert_eq!(found(&rates, "CNY", "MYR", 1), "5815648e-7 9");
    // Without a margin a stated rate stays as it is written, however long.
    let rates = build(&["USD CNY 7.10850000001 0 0 9"]).unwrap();
    assert_eq!(found(&rates, "USD", "CNY", 1), "710850000001e-11 9");
}

#[test]
fn a_pair_that_is_not_stated_is_crossed_where_both_legs_are_valid() {
    let rates = build(&[
        "MYR CNY 1.7152 0 10 20",
        "MYR CNY 1.8 100 20 30",
        "CNY THB 4.57 0 5 15",
        "CNY THB 4.6 0 18 25",
        "CNY USD 0.14 0 0 99",
        "MYR USD 0.24 0 50 60",
    ])
    .unwrap();
    // 1.7152 x 4.57 = 7.838464; 1.7152 x 4.6 = 7.88992; 1.8 x 1.01 x 4.6 = 8.3628.
    for (at, expected) in [
        (9, "NotYetValid"),
        (10, "7838464e-6 15"),
        (15, "Stale"),
        (18, "788992e-5 20"),
        (20, "83628e-4 25"),
        (25, "Stale"),
    ] {
        assert_eq!(found(&rates, "MYR", "THB", at), expected, "at {at}");
    }
    // A pair that is stated is never crossed, also when its rate is not valid.
    assert_eq!(found(&rates, "MYR", "USD", 20), "NotYetValid");
    assert_eq!(found(&rates, "THB", "MYR", 10), "UnknownPair");
}

#[test]
fn the_rounding_of_a_cross_is_that_of_the_leg_to_its_currency() {
    let mut rows = [row("MYR CNY 1.7 0 0 9"), row("CNY THB 4.5 0 0 9")];
    rows[1].rounding = Rounding::Up;
    let rates = Rates::build(&rows, &settings()).unwrap();
    let found = rates
        .find(currency("MYR"), currency("THB"), Wall(1))
        .unwrap();
    assert_eq!(found.rounding, Rounding::Up);
}

/// Rows, and what is wrong with which of them.
fn refused(rows: &[&str], expected: &[(usize, RowFault)]) {
    let bad = build(rows).unwrap_err();
    let bad: Vec<_> = bad.iter().map(|bad| (bad.row, bad.fault)).collect();
    assert_eq!(bad, expected, "{rows:?}");
}

#[test]
fn one_bad_row_and_there_is_no_table() {
    let good = "USD CNY 7.1 0 0 9";
    refused(&[good, "USD CNY 7.2 0 8 10"], &[(1, RowFault::Overlaps(0))]);
    refused(
        &["USD CNY 7.3 0 8 10", good, "MYR MYR 1 0 0 9"],
        &[(2, RowFault::SameCurrency), (1, RowFault::Overlaps(0))],
    );
    refused(
        &[good, "XAU CNY 1 0 0 9"],
        &[(1, RowFault::UnknownCurrency(currency("XAU")))],
    );
    for rate in ["0", "-1", "1.234567890123", "0.0000000000000000001"] {
        refused(
            &[good, &format!("MYR CNY {rate} 0 0 9")],
            &[(1, RowFault::BadRate)],
        );
    }
    refused(&["USD CNY 7.1 10001 0 9"], &[(0, RowFault::BadMargin)]);
    refused(&["USD CNY 7.1 -10000 0 9"], &[(0, RowFault::BadMargin)]);
    refused(&["USD CNY 7.1 0 9 9"], &[(0, RowFault::EndsFirst)]);
    refused(
        &[
            "LAK CNY 0.000000000000000001 0 0 9",
            "CNY LAK 0.1 0 0 9",
            "CNY USD 0.1 0 0 9",
        ],
        &[(2, RowFault::Unstatable(Some(0)))],
    );
    build(&[good, "USD CNY 7.2 0 9 10"]).unwrap();
}

/// A rate of up to six digits, as the library and as text has it.
fn rate() -> impl Strategy<Value = Decimal> {
    (1..1_000_000_i64, 0..9_u32).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

fn as_decimal(rate: Rate) -> Decimal {
    Decimal::new(rate.mantissa, u32::from(rate.exponent.unsigned_abs()))
}

proptest! {
    /// Margins and crosses are what `rust_decimal` says, rounded once.
    #[test]
    fn a_reckoned_rate_is_what_the_decimal_library_says(
        one in rate(), two in rate(), first_bp in -9_999..=10_000_i32, second_bp in -9_999..=10_000,
    ) {
        let mut rows = [row("MYR CNY 1 0 0 9"), row("CNY THB 1 0 0 9")];
        (rows[0].rate, rows[0].margin_bp) = (one, first_bp);
        (rows[1].rate, rows[1].margin_bp) = (two, second_bp);
        let rates = Rates::build(&rows, &settings()).unwrap();
        let with = |rate: Decimal, margin: i32| {
            rate * (Decimal::ONE + Decimal::new(i64::from(margin), 4))
        };
        let rounded = |rate: Decimal| {
            rate.round_sf_with_strategy(7, RoundingStrategy::MidpointAwayFromZero).unwrap()
        };
        let find = |from, to| rates.find(currency(from), currency(to), Wall(1)).unwrap().rate;
        prop_assert_eq!(as_decimal(find("MYR", "CNY")), rounded(with(one, first_bp)));
        let cross = rounded(with(one, first_bp) * with(two, second_bp));
        prop_assert_eq!(as_decimal(find("MYR", "THB")), cross);
        // ISO 8583 DE 9 and 10 say it exactly, where nine decimals are enough.
        if find("MYR", "THB").exponent >= -9 && find("MYR", "THB").mantissa <= 9_999_999 {
            let said = find("MYR", "THB").to_iso().and_then(Rate::from_iso).unwrap();
            prop_assert_eq!(as_decimal(said), cross);
        }
    }
}

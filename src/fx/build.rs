//! From stated rows to a table: checks, margins, crosses. Runs when tables are loaded, never hot.
//!
//! Rates are multiplied as whole numbers, exactly, and rounded once, half up, to the stated number
//! of digits. A stated rate without a margin stays as it is written.

use std::collections::BTreeMap;

use crate::fx::rates::{
    BadRow, MARGIN_BP_MAX, PERIODS_MAX, Period, RATE_DECIMALS_MAX, Rates, RowFault,
    STATED_DIGITS_MAX, Settings, Span, StatedRate,
};
use crate::fx::rounding::Rounding;
use crate::model::money::{Currency, Exponents, Rate};
use crate::model::time::Wall;

/// A stated rate as whole numbers: `mantissa` x 10^`exponent`, its margin included.
#[derive(Clone, Copy, Debug)]
struct Exact {
    mantissa: u128,
    exponent: i32,
    /// Nothing was reckoned yet.
    as_stated: bool,
}

/// One row, checked.
#[derive(Clone, Copy, Debug)]
struct Leg {
    row: usize,
    from: Wall,
    until: Wall,
    exact: Exact,
    rounding: Rounding,
}

type Legs = BTreeMap<(Currency, Currency), Vec<Leg>>;

pub(in crate::fx) fn rates(
    rows: &[StatedRate],
    settings: &Settings,
    exponents: Exponents,
) -> Result<Rates, Vec<BadRow>> {
    let mut bad = Vec::new();
    let legs = legs(rows, &exponents, &mut bad);
    let mut currencies: Vec<Currency> = legs.keys().flat_map(|pair| [pair.0, pair.1]).collect();
    currencies.sort();
    currencies.dedup();
    let mut built = Rates {
        slots: [Rates::NO_SLOT; 1_000],
        slot_count: currencies.len(),
        pairs: Vec::with_capacity(currencies.len() * currencies.len()),
        periods: Vec::new(),
        stated: rows.len(),
        exponents,
    };
    for (slot, currency) in (0..).zip(&currencies) {
        if let Some(place) = built.slots.get_mut(usize::from(currency.numeric())) {
            *place = slot;
        }
    }
    for from in &currencies {
        for to in &currencies {
            let first = built.periods.len();
            pair(*from, *to, &legs, settings, &mut built.periods, &mut bad);
            let count = built.periods.len() - first;
            let fits = |number| u32::try_from(number).expect("fewer periods than 2^32");
            built.pairs.push(Span {
                first: fits(first),
                count: fits(count),
            });
            if built.periods.len() > PERIODS_MAX {
                bad.push(BadRow {
                    row: rows.len() - 1,
                    fault: RowFault::TooMany,
                });
                return Err(bad);
            }
        }
    }
    if bad.is_empty() { Ok(built) } else { Err(bad) }
}

/// Every row under its pair, in the order of their beginnings.
fn legs(rows: &[StatedRate], exponents: &Exponents, bad: &mut Vec<BadRow>) -> Legs {
    let mut legs = Legs::new();
    for (row, stated) in rows.iter().enumerate() {
        let faults: Vec<RowFault> = faults(stated, exponents).collect();
        if faults.is_empty() {
            legs.entry((stated.base, stated.quote))
                .or_default()
                .push(leg(row, stated));
        }
        bad.extend(faults.into_iter().map(|fault| BadRow { row, fault }));
    }
    for pair in legs.values_mut() {
        pair.sort_by_key(|leg| (leg.from, leg.row));
        for (earlier, later) in pair.iter().zip(pair.iter().skip(1)) {
            if later.from < earlier.until {
                let (first, row) = (earlier.row.min(later.row), earlier.row.max(later.row));
                bad.push(BadRow {
                    row,
                    fault: RowFault::Overlaps(first),
                });
            }
        }
    }
    legs
}

fn faults(stated: &StatedRate, exponents: &Exponents) -> impl Iterator<Item = RowFault> {
    let unknown = [stated.base, stated.quote]
        .into_iter()
        .find(|currency| exponents.of(*currency).is_none())
        .map(RowFault::UnknownCurrency);
    let rate = stated.rate.normalize();
    let digits = rate.mantissa().unsigned_abs().checked_ilog10();
    let good_rate = rate.is_sign_positive()
        && digits.is_some_and(|digits| digits < STATED_DIGITS_MAX)
        && rate.scale() <= RATE_DECIMALS_MAX;
    let good_margin = stated.margin_bp > -MARGIN_BP_MAX && stated.margin_bp <= MARGIN_BP_MAX;
    [
        unknown,
        (stated.base == stated.quote).then_some(RowFault::SameCurrency),
        (!good_rate).then_some(RowFault::BadRate),
        (!good_margin).then_some(RowFault::BadMargin),
        (stated.valid_until <= stated.valid_from).then_some(RowFault::EndsFirst),
    ]
    .into_iter()
    .flatten()
}

fn leg(row: usize, stated: &StatedRate) -> Leg {
    let rate = stated.rate.normalize();
    let mantissa = rate.mantissa().unsigned_abs();
    let exponent = -i32::try_from(rate.scale()).expect("28 decimals at most");
    let exact = if stated.margin_bp == 0 {
        Exact {
            mantissa,
            exponent,
            as_stated: true,
        }
    } else {
        let factor = MARGIN_BP_MAX + stated.margin_bp;
        let factor = u128::try_from(factor).expect("a margin is above -100 %");
        Exact {
            mantissa: mantissa * factor,
            exponent: exponent - 4,
            as_stated: false,
        }
    };
    Leg {
        row,
        from: stated.valid_from,
        until: stated.valid_until,
        exact,
        rounding: stated.rounding,
    }
}

/// The periods of one pair: as it is stated, or else crossed through the pivot.
fn pair(
    from: Currency,
    to: Currency,
    legs: &Legs,
    settings: &Settings,
    periods: &mut Vec<Period>,
    bad: &mut Vec<BadRow>,
) {
    let digits = settings.significant_digits;
    if let Some(stated) = legs.get(&(from, to)) {
        for leg in stated {
            match applied(leg.exact, digits) {
                Some(rate) => periods.push(period(leg, rate)),
                None => bad.push(BadRow {
                    row: leg.row,
                    fault: RowFault::Unstatable(None),
                }),
            }
        }
        return;
    }
    let pivot = settings.pivot;
    let (Some(first), Some(second)) = (legs.get(&(from, pivot)), legs.get(&(pivot, to))) else {
        return;
    };
    if from == to {
        return;
    }
    // Both are in the order of time: whichever ends first makes way for its successor.
    let (mut first, mut second) = (first.as_slice(), second.as_slice());
    while let (Some(one), Some(two)) = (first.first(), second.first()) {
        let common = Leg {
            from: one.from.max(two.from),
            until: one.until.min(two.until),
            ..*two
        };
        if common.from < common.until {
            match applied(product(one.exact, two.exact), digits) {
                Some(rate) => periods.push(period(&common, rate)),
                None => bad.push(BadRow {
                    row: one.row.max(two.row),
                    fault: RowFault::Unstatable(Some(one.row.min(two.row))),
                }),
            }
        }
        if one.until <= two.until {
            first = first.get(1..).unwrap_or(&[]);
        }
        if two.until <= one.until {
            second = second.get(1..).unwrap_or(&[]);
        }
    }
}

const fn period(leg: &Leg, rate: Rate) -> Period {
    Period {
        from: leg.from,
        until: leg.until,
        rate,
        rounding: leg.rounding,
    }
}

/// Both, one after the other: 10^12 x 10^12 x 20,000 x 20,000 at most, which is below 2^128.
fn product(one: Exact, two: Exact) -> Exact {
    Exact {
        mantissa: one.mantissa * two.mantissa,
        exponent: one.exponent + two.exponent,
        as_stated: false,
    }
}

/// The rate that is used from here on; `None` where it has more digits or decimals than a rate can
/// have.
fn applied(exact: Exact, significant_digits: u32) -> Option<Rate> {
    let Exact {
        mut mantissa,
        mut exponent,
        as_stated,
    } = exact;
    let digits = mantissa.checked_ilog10()? + 1;
    if !as_stated && digits > significant_digits {
        let dropped = digits - significant_digits;
        mantissa = Rounding::HalfUp.divide(mantissa, 10_u128.pow(dropped));
        exponent += i32::try_from(dropped).ok()?;
    }
    while exponent < 0 && mantissa.is_multiple_of(10) {
        (mantissa, exponent) = (mantissa / 10, exponent + 1);
    }
    while exponent > 0 {
        (mantissa, exponent) = (mantissa.checked_mul(10)?, exponent - 1);
    }
    let least = -i32::try_from(RATE_DECIMALS_MAX).ok()?;
    Some(Rate {
        mantissa: i64::try_from(mantissa).ok()?,
        exponent: i8::try_from(exponent).ok().filter(|_| exponent >= least)?,
    })
}

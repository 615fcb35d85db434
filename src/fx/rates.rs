//! The table of rates: every pair that is stated, and every pair that follows from two that are,
//! with when it may be used. Built once and never changed; looked up in a few nanoseconds.
//!
//! ```text
//! currency -> slot      slot x slots + slot -> first, count      periods, by their beginnings
//! [u16; 1000]           [Span]                                   [Period]
//! ```

use core::fmt;

use rust_decimal::Decimal;

use crate::fx::convert::{NoConversion, convert};
use crate::fx::exponents::iso_4217;
use crate::fx::rounding::Rounding;
use crate::model::money::{Currency, Exponents, Money, Rate};
use crate::model::time::Wall;

/// One row of a rates file: what an operator states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatedRate {
    /// Of which one major unit is worth `rate`.
    pub base: Currency,
    /// In major units of this.
    pub quote: Currency,
    /// Positive; at most [`STATED_DIGITS_MAX`] significant digits and [`RATE_DECIMALS_MAX`]
    /// decimals.
    pub rate: Decimal,
    /// Hundredths of a percent that are added to the rate: above -10,000, 10,000 at most.
    pub margin_bp: i32,
    /// Of amounts in `quote`.
    pub rounding: Rounding,
    /// From this instant on.
    pub valid_from: Wall,
    /// Up to this instant, and not at it.
    pub valid_until: Wall,
    /// Where the rate comes from.
    pub source: String,
}

/// Significant digits of a stated rate: two of them with their margins, multiplied, fit in 128
/// bits (10^12 x 10^12 x 20,000 x 20,000).
pub const STATED_DIGITS_MAX: u32 = 12;
/// Decimals of any rate: the least exponent of [`Rate`].
pub const RATE_DECIMALS_MAX: u32 = 18;
/// Largest margin: a rate is doubled at most.
pub const MARGIN_BP_MAX: i32 = 10_000;
/// Significant digits of a rate that was reckoned, at least and at most.
pub const SIGNIFICANT_DIGITS: core::ops::RangeInclusive<u32> = 4..=15;
/// Periods in all, crossed ones included: some 40 bytes each.
pub const PERIODS_MAX: usize = 2_000_000;

/// How a table is made of what is stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Through which currency a pair is crossed that is not stated.
    pub pivot: Currency,
    /// To how many digits a rate with a margin, or a crossed one, is rounded, half up: within
    /// [`SIGNIFICANT_DIGITS`]. Seven is what ISO 8583 DE 9 and 10 can say.
    pub significant_digits: u32,
}

/// Why a table cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadRow {
    /// Which row, from 0.
    pub row: usize,
    /// What is wrong with it.
    pub fault: RowFault,
}

/// What is wrong with a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowFault {
    /// ISO 4217 knows no minor unit of this currency.
    UnknownCurrency(Currency),
    /// A currency needs no rate to itself.
    SameCurrency,
    /// The rate is not positive, or has too many digits or decimals.
    BadRate,
    /// The margin is 100 % or more.
    BadMargin,
    /// It ends before it begins.
    EndsFirst,
    /// The row is valid at the same time as this one for the same pair.
    Overlaps(usize),
    /// With its margin, or crossed with this row, the rate has more digits or decimals than a rate
    /// can have.
    Unstatable(Option<usize>),
    /// There are more than [`PERIODS_MAX`] periods with it.
    TooMany,
}

/// The rate that applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// With all margins: this is the rate, stated and exact.
    pub rate: Rate,
    /// Of the converted amount.
    pub rounding: Rounding,
    /// Up to this instant, and not at it.
    pub valid_until: Wall,
}

/// Why no rate applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRate {
    /// The pair is neither stated nor crossed.
    UnknownPair,
    /// Its first period has not begun.
    NotYetValid,
    /// Its last period that has begun is over.
    Stale,
}

impl fmt::Display for NoRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnknownPair => "no rate is stated for this pair",
            Self::NotYetValid => "the rate for this pair is not valid yet",
            Self::Stale => "the rate for this pair is stale",
        })
    }
}

impl core::error::Error for NoRate {}

/// When a pair has which rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::fx) struct Period {
    pub(in crate::fx) from: Wall,
    pub(in crate::fx) until: Wall,
    pub(in crate::fx) rate: Rate,
    pub(in crate::fx) rounding: Rounding,
}

/// The periods of one pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::fx) struct Span {
    pub(in crate::fx) first: u32,
    pub(in crate::fx) count: u32,
}

/// All rates of one table snapshot.
#[derive(Clone)]
pub struct Rates {
    pub(in crate::fx) slots: [u16; 1_000],
    pub(in crate::fx) slot_count: usize,
    pub(in crate::fx) pairs: Vec<Span>,
    pub(in crate::fx) periods: Vec<Period>,
    pub(in crate::fx) stated: usize,
    pub(in crate::fx) exponents: Exponents,
}

impl Rates {
    pub(in crate::fx) const NO_SLOT: u16 = u16::MAX;

    /// A table of these rows, or what is wrong with them: one bad row, and there is no table.
    pub fn build(rows: &[StatedRate], settings: &Settings) -> Result<Self, Vec<BadRow>> {
        assert!(
            SIGNIFICANT_DIGITS.contains(&settings.significant_digits),
            "the configuration checks it"
        );
        crate::fx::build::rates(rows, settings, iso_4217())
    }

    /// No rates: every currency can be paid in itself alone.
    pub fn none() -> Self {
        Self {
            slots: [Self::NO_SLOT; 1_000],
            slot_count: 0,
            pairs: Vec::new(),
            periods: Vec::new(),
            stated: 0,
            exponents: iso_4217(),
        }
    }

    /// The rate from one currency to another at an instant. A currency is itself at 1.
    pub fn find(&self, from: Currency, to: Currency, at: Wall) -> Result<Applied, NoRate> {
        if from == to {
            return Ok(Applied {
                rate: ONE,
                rounding: Rounding::default(),
                valid_until: Wall(u64::MAX),
            });
        }
        let periods = self.periods(from, to);
        if periods.is_empty() {
            return Err(NoRate::UnknownPair);
        }
        let begun = periods.partition_point(|period| period.from <= at);
        let Some(period) = begun.checked_sub(1).and_then(|last| periods.get(last)) else {
            return Err(NoRate::NotYetValid);
        };
        if at >= period.until {
            return Err(NoRate::Stale);
        }
        Ok(Applied {
            rate: period.rate,
            rounding: period.rounding,
            valid_until: period.until,
        })
    }

    /// `amount` in `to`, at a rate that was found.
    pub fn convert(
        &self,
        amount: Money,
        applied: &Applied,
        to: Currency,
    ) -> Result<Money, NoConversion> {
        convert(amount, applied.rate, applied.rounding, to, &self.exponents)
    }

    /// The decimals of currencies.
    pub const fn exponents(&self) -> &Exponents {
        &self.exponents
    }

    fn periods(&self, from: Currency, to: Currency) -> &[Period] {
        let slot = |currency: Currency| {
            let slot = *self.slots.get(usize::from(currency.numeric()))?;
            (slot != Self::NO_SLOT).then_some(usize::from(slot))
        };
        let found = || {
            let index = slot(from)? * self.slot_count + slot(to)?;
            let span = self.pairs.get(index)?;
            let first = usize::try_from(span.first).ok()?;
            let count = usize::try_from(span.count).ok()?;
            self.periods.get(first..first + count)
        };
        found().unwrap_or(&[])
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stated, periods) = (self.stated, self.periods.len());
        write!(formatter, "Rates({stated} stated, {periods} periods)")
    }
}

/// A currency in itself.
const ONE: Rate = Rate {
    mantissa: 1,
    exponent: 0,
};

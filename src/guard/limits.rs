//! Limits of corridors: amounts, KYC levels and merchant categories.
//!
//! A row holds for one corridor, or for all that begin or end somewhere, or for all; every row that
//! fits a payment must hold. A look-up asks four hash places and then reads at most
//! [`ROWS_OF_CORRIDOR_MAX`] rows of each rule at each, however many rows there are.

use core::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::guard::{Ask, GuardError, Place, Within};
use crate::model::limits::LIMIT_ROWS_MAX;
use crate::model::money::Currency;
use crate::model::outcome::{KycLevel, Presentation};

/// Rows of one rule that name the same corridor, at most: a payment reads all of them.
pub const ROWS_OF_CORRIDOR_MAX: usize = 64;

/// Stands for any country, of which none has this number.
const ANY: u16 = 0;

/// From the payer's wallet to the merchant, ISO 3166-1 numeric; none: any country.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Corridor {
    /// The country of the payer's wallet.
    pub payer: Option<u16>,
    /// The country of the merchant.
    pub merchant: Option<u16>,
}

/// What a row demands. Amounts are minor units of the limits' currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// One payment is at least and at most so much.
    Amount {
        /// The least that may be paid.
        least_minor: i64,
        /// The most; `i64::MAX` where there is no such bound.
        most_minor: i64,
    },
    /// Above an amount, the payer must be known so well.
    KycLevel {
        /// Up to here, this included, the row demands nothing.
        above_minor: i64,
        /// At least.
        level: KycLevel,
    },
    /// All payments of one payer together, this one among them, are at most so much. Where the
    /// payer shows the code, only the wallet knows who pays, and keeps such limits itself.
    Total {
        /// For payers that are known so well at most.
        up_to: KycLevel,
        /// In a calendar year; `i64::MAX` where there is no such bound.
        year_most_minor: i64,
        /// How many in a day; `u32::MAX` where there is no such bound.
        day_count_most: u32,
    },
    /// Merchants of these categories are not paid; 0 is the category of those that name none.
    Category {
        /// The first.
        first: u16,
        /// The last, at least the first.
        last: u16,
    },
}

impl Rule {
    /// Its place in [`Rows`].
    const fn kind(&self) -> usize {
        match self {
            Self::Amount { .. } => AMOUNTS,
            Self::KycLevel { .. } => KYC_LEVELS,
            Self::Category { .. } => CATEGORIES,
            Self::Total { .. } => TOTALS,
        }
    }
}

const AMOUNTS: usize = 0;
const KYC_LEVELS: usize = 1;
const CATEGORIES: usize = 2;
const TOTALS: usize = 3;
const KINDS: usize = 4;

/// One line of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitRow {
    /// From 1.
    pub line: u32,
    /// Where it holds.
    pub corridor: Corridor,
    /// For which payments; none: for both.
    pub presentation: Option<Presentation>,
    /// What it demands.
    pub rule: Rule,
}

/// Where a corridor's rows are, by kind of rule.
type Rows = [Range<usize>; KINDS];

/// All limits of one generation.
#[derive(Debug, Default)]
pub(super) struct Limits {
    currency: Option<Currency>,
    /// By corridor, kind of rule and line.
    rows: Vec<LimitRow>,
    corridors: HashMap<(u16, u16), Rows, FixedState>,
    /// Whether payers are to be counted.
    counts: bool,
}

impl Limits {
    pub(super) fn new(
        currency: Option<Currency>,
        mut rows: Vec<LimitRow>,
    ) -> Result<Self, GuardError> {
        if rows.len() > LIMIT_ROWS_MAX {
            return Err(GuardError::TooManyLimits);
        }
        let unmeasurable = |row: &&LimitRow| match row.rule {
            Rule::Category { .. } => false,
            Rule::Total {
                year_most_minor, ..
            } => year_most_minor < i64::MAX,
            Rule::Amount { .. } | Rule::KycLevel { .. } => true,
        };
        if let (None, Some(row)) = (currency, rows.iter().find(unmeasurable)) {
            return Err(GuardError::NoCurrency(row.line));
        }
        rows.sort_by_key(|row| (key(row.corridor), row.rule.kind(), row.line));
        let mut corridors: HashMap<(u16, u16), Rows, FixedState> = HashMap::default();
        for (place, row) in rows.iter().enumerate() {
            let found = corridors
                .entry(key(row.corridor))
                .or_insert_with(|| [const { 0..0 }; KINDS]);
            let rows = &mut found[row.rule.kind()];
            if rows.start == rows.end {
                rows.start = place;
            }
            rows.end = place.saturating_add(1);
            if rows.len() > ROWS_OF_CORRIDOR_MAX {
                return Err(GuardError::TooManyOfCorridor(row.line));
            }
        }
        Ok(Self {
            counts: rows.iter().any(|row| row.rule.kind() == TOTALS),
            currency,
            rows,
            corridors,
        })
    }

    pub(super) const fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// The line of the first limit over time.
    pub(super) fn first_total(&self) -> Option<u32> {
        let totals = self.rows.iter().filter(|row| row.rule.kind() == TOTALS);
        totals.map(|row| row.line).min()
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there are limits over time.
    pub(super) const fn counts(&self) -> bool {
        self.counts
    }

    /// The limits that may hold for this payment.
    pub(super) fn of(&self, ask: &Ask) -> LimitsOf<'_> {
        let (payer, merchant) = (ask.payer_country, ask.merchant_country);
        let corridors = [(payer, merchant), (payer, ANY), (ANY, merchant), (ANY, ANY)];
        LimitsOf {
            rows: &self.rows,
            corridors: if self.rows.is_empty() {
                [None; 4]
            } else {
                corridors.map(|corridor| self.corridors.get(&corridor))
            },
            presentation: ask.presentation,
            minor: self.currency.and_then(|currency| ask.measured(currency)),
        }
    }
}

fn key(corridor: Corridor) -> (u16, u16) {
    (
        corridor.payer.unwrap_or(ANY),
        corridor.merchant.unwrap_or(ANY),
    )
}

/// The smaller of two bounds, of which either may be none.
fn strictest<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// The limits that may hold for one payment.
pub(super) struct LimitsOf<'t> {
    rows: &'t [LimitRow],
    /// From the narrowest corridor to the widest.
    corridors: [Option<&'t Rows>; 4],
    presentation: Presentation,
    /// The amount in the limits' currency, where it is known.
    minor: Option<i64>,
}

impl<'t> LimitsOf<'t> {
    /// The first line that limits amounts, where the amount is not known in their currency.
    /// `totals`: those of the payer are limited here, too.
    pub(super) fn unmeasured(&self, known: Option<KycLevel>, totals: bool) -> Option<Place> {
        if self.minor.is_some() {
            return None;
        }
        let summed = |row: &&LimitRow| match row.rule {
            Rule::Total {
                year_most_minor, ..
            } => year_most_minor < i64::MAX,
            _ => false,
        };
        let totals = self.totals(known).filter(summed).filter(|_| totals);
        let rows = self.rows(AMOUNTS).chain(self.rows(KYC_LEVELS));
        let line = rows.chain(totals).map(|row| row.line).min();
        line.map(Place::Limits)
    }

    /// The first row that limits what a payer like this does over time.
    pub(super) fn over_time(&self, known: Option<KycLevel>) -> Option<Place> {
        let mut rows = self.totals(known);
        rows.next().map(|row| Place::Limits(row.line))
    }

    /// The first row whose yearly total is exceeded.
    pub(super) fn above_year(&self, known: Option<KycLevel>, minor: i64) -> Option<Place> {
        let exceeds = |row: &&LimitRow| match row.rule {
            Rule::Total {
                year_most_minor, ..
            } => minor > year_most_minor,
            _ => false,
        };
        let mut rows = self.totals(known).filter(exceeds);
        rows.next().map(|row| Place::Limits(row.line))
    }

    /// The first row whose daily number is exceeded.
    pub(super) fn above_day(&self, known: Option<KycLevel>, count: u32) -> Option<Place> {
        let exceeds = |row: &&LimitRow| match row.rule {
            Rule::Total { day_count_most, .. } => count > day_count_most,
            _ => false,
        };
        let mut rows = self.totals(known).filter(exceeds);
        rows.next().map(|row| Place::Limits(row.line))
    }

    /// The strictest of the limits over time.
    pub(super) fn within(&self, known: Option<KycLevel>) -> Within {
        let mut within = Within::default();
        for row in self.totals(known) {
            let Rule::Total {
                year_most_minor,
                day_count_most,
                ..
            } = row.rule
            else {
                continue;
            };
            let year = Some(year_most_minor).filter(|most| *most < i64::MAX);
            let day = Some(day_count_most).filter(|most| *most < u32::MAX);
            within.year_most_minor = strictest(within.year_most_minor, year);
            within.day_count_most = strictest(within.day_count_most, day);
        }
        within
    }

    /// The rows that hold for payers that are known so well.
    fn totals(&self, known: Option<KycLevel>) -> impl Iterator<Item = &'t LimitRow> {
        let known = known.unwrap_or(KycLevel::None);
        let holds =
            move |row: &&LimitRow| matches!(row.rule, Rule::Total { up_to, .. } if known <= up_to);
        self.rows(TOTALS).filter(holds)
    }

    /// The first row whose minimum is not reached.
    pub(super) fn below(&self) -> Option<Place> {
        let minor = self.minor?;
        self.first(
            AMOUNTS,
            |rule| matches!(rule, Rule::Amount { least_minor, .. } if minor < least_minor),
        )
    }

    /// The first row whose maximum is exceeded.
    pub(super) fn above(&self) -> Option<Place> {
        let minor = self.minor?;
        self.first(
            AMOUNTS,
            |rule| matches!(rule, Rule::Amount { most_minor, .. } if minor > most_minor),
        )
    }

    /// The first row that demands to know the payer better.
    pub(super) fn kyc_level_missing(&self, known: Option<KycLevel>) -> Option<Place> {
        let minor = self.minor?;
        let known = known.unwrap_or(KycLevel::None);
        self.first(KYC_LEVELS, |rule| {
            matches!(rule, Rule::KycLevel { above_minor, level }
                if minor > above_minor && known < level)
        })
    }

    /// The first row that forbids the merchant's category.
    pub(super) fn forbidden_category(&self, mcc: Option<u16>) -> Option<Place> {
        let mcc = mcc.unwrap_or(0);
        self.first(
            CATEGORIES,
            |rule| matches!(rule, Rule::Category { first, last } if (first..=last).contains(&mcc)),
        )
    }

    fn first(&self, kind: usize, fails: impl Fn(Rule) -> bool) -> Option<Place> {
        self.rows(kind)
            .find(|row| fails(row.rule))
            .map(|row| Place::Limits(row.line))
    }

    fn rows(&self, kind: usize) -> impl Iterator<Item = &'t LimitRow> {
        let (rows, presentation) = (self.rows, self.presentation);
        self.corridors
            .into_iter()
            .flatten()
            .flat_map(move |corridor| rows.get(corridor[kind].clone()).unwrap_or_default())
            .filter(move |row| row.presentation.is_none_or(|only| only == presentation))
    }
}

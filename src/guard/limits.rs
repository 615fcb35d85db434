//! Limits of corridors: amounts, KYC levels and merchant categories.
//!
//! A row holds for one corridor, or for all that begin or end somewhere, or for all; every row that
//! fits a payment must hold. A look-up asks four hash places and then reads at most
//! [`ROWS_OF_CORRIDOR_MAX`] rows of each rule at each, however many rows there are.

use core::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::guard::{Ask, GuardError, Place};
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
        }
    }
}

const AMOUNTS: usize = 0;
const KYC_LEVELS: usize = 1;
const CATEGORIES: usize = 2;

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
type Rows = [Range<usize>; 3];

/// All limits of one generation.
#[derive(Debug, Default)]
pub(super) struct Limits {
    currency: Option<Currency>,
    /// By corridor, kind of rule and line.
    rows: Vec<LimitRow>,
    corridors: HashMap<(u16, u16), Rows, FixedState>,
}

impl Limits {
    pub(super) fn new(
        currency: Option<Currency>,
        mut rows: Vec<LimitRow>,
    ) -> Result<Self, GuardError> {
        if rows.len() > LIMIT_ROWS_MAX {
            return Err(GuardError::TooManyLimits);
        }
        let unmeasurable = |row: &&LimitRow| row.rule.kind() != CATEGORIES;
        if let (None, Some(row)) = (currency, rows.iter().find(unmeasurable)) {
            return Err(GuardError::NoCurrency(row.line));
        }
        rows.sort_by_key(|row| (key(row.corridor), row.rule.kind(), row.line));
        let mut corridors: HashMap<(u16, u16), Rows, FixedState> = HashMap::default();
        for (place, row) in rows.iter().enumerate() {
            let found = corridors
                .entry(key(row.corridor))
                .or_insert_with(|| [const { 0..0 }; 3]);
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
            currency,
            rows,
            corridors,
        })
    }

    pub(super) const fn currency(&self) -> Option<Currency> {
        self.currency
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
    /// Whether there are limits on amounts, and none could be looked at.
    pub(super) fn unmeasured(&self) -> bool {
        self.minor.is_none()
            && self
                .rows(AMOUNTS)
                .chain(self.rows(KYC_LEVELS))
                .next()
                .is_some()
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

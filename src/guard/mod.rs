//! WHAT IS ALLOWED: one immutable table of limits and lists, and the verdict on a payment.
//!
//! Pure: the same table and the same question give the same verdict. What is refused is refused
//! before anything is sent, by the first check that fails in the order of [`ORDER`]. Asked of new
//! payments alone: reversals, advices, inquiries and refunds of what exists always pass, because
//! nothing that was allowed once may be left half done. Knows no rates (whoever asks says what the
//! amount is in the limits' currency, and what the payer's totals are), and never keeps or prints
//! the value behind a keyed hash.

#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

mod checks;
mod limits;
mod lists;

use core::fmt;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::model::chars::Chars;
use crate::model::hold::PayerHash;
use crate::model::ids::Institution;
use crate::model::limits::{LIMIT_ROWS_MAX, LISTED_MAX, LISTS_MAX};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{Check, KycLevel, Presentation};

pub use checks::{CHECKS, ORDER, Refusal, Verdict, Within, response_code};
pub use limits::{Corridor, LimitRow, ROWS_OF_CORRIDOR_MAX, Rule};
pub use lists::{KeyedHash, LIST_KEY_BYTES_MIN, List, ListKey, ListRow, Listed};

use limits::Limits;
use lists::Lists;

/// What is asked about a new payment, once it is known where it would go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Who shows the code. MPM: the wallet originates. CPM: the acquirer does.
    pub presentation: Presentation,
    /// The institution that holds the payer.
    pub wallet: Institution,
    /// Its country, ISO 3166-1 numeric: where the corridor begins.
    pub payer_country: u16,
    /// The institution that holds the merchant.
    pub acquirer: Institution,
    /// The merchant's country, ISO 3166-1 numeric: where the corridor ends.
    pub merchant_country: u16,
    /// In the merchant's currency.
    pub amount: Money,
    /// The same in [`Guard::currency`]; none where no rate leads there. Not looked at where the
    /// amount itself is in that currency.
    pub in_limits_currency: Option<Money>,
    /// As the wallet says; none counts as [`KycLevel::None`].
    pub kyc_level: Option<KycLevel>,
    /// ISO 18245 merchant category; none counts as 0.
    pub mcc: Option<u16>,
    /// The payer's token at the wallet. None in most CPM requests, where only the wallet knows
    /// whose code it is: no list of payers is asked then.
    pub payer_token: Option<Chars<32>>,
    /// The merchant's id at the acquirer.
    pub merchant_id: Option<Chars<15>>,
    /// What the payment would count for, if anybody counts.
    pub counted: Counted,
}

/// What a payment counts for beside itself, with the payment itself.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// What the payer's payments of this year come to, in minor units of the limits' currency.
    pub year_minor: i64,
    /// How many they are today.
    pub day_count: u32,
    /// Whether another payment has its order.
    pub order_taken: bool,
}

impl Ask {
    const fn originator(&self) -> Institution {
        match self.presentation {
            Presentation::Mpm => self.wallet,
            Presentation::Cpm => self.acquirer,
        }
    }

    const fn destination(&self) -> Institution {
        match self.presentation {
            Presentation::Mpm => self.acquirer,
            Presentation::Cpm => self.wallet,
        }
    }

    /// The amount in `currency`, if it is known.
    fn measured(&self, currency: Currency) -> Option<i64> {
        if self.amount.currency == currency {
            return Some(self.amount.minor);
        }
        self.in_limits_currency
            .filter(|money| money.currency == currency)
            .map(|money| money.minor)
    }
}

/// All that a guard is built from.
#[derive(Debug, Default)]
pub struct Rules {
    /// What the amounts of all rows are in; none where no row has an amount.
    pub currency: Option<Currency>,
    /// Amounts, KYC levels and categories.
    pub limits: Vec<LimitRow>,
    /// Under which the entries of all lists are hashed; none where there is no list.
    pub list_key: Option<ListKey>,
    /// Who and what is blocked.
    pub lists: Vec<List>,
    /// Every institution that a participant speaks for: no other comes as far as the guard.
    pub institutions: Vec<Institution>,
    /// Those of suspended participants.
    pub suspended: Vec<Institution>,
    /// Corridors that are stopped, from the payer's country to the merchant's (zero: any), each
    /// with its line.
    pub stopped: Vec<((u16, u16), u32)>,
    /// Those of wallets that keep limits over time themselves.
    pub self_counting: Vec<Institution>,
}

/// Why there is no guard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuardError {
    /// More rows of limits than [`LIMIT_ROWS_MAX`].
    TooManyLimits,
    /// More rows of one rule for one corridor than [`ROWS_OF_CORRIDOR_MAX`]; the line of the first
    /// one too many.
    TooManyOfCorridor(u32),
    /// An amount, and no currency that it is in; its line.
    NoCurrency(u32),
    /// More than [`LISTS_MAX`] lists.
    TooManyLists,
    /// More entries than [`LISTED_MAX`] in all lists together.
    TooManyListed,
    /// There are lists, and no key under which a value could be looked up.
    NoListKey,
    /// There are limits over time, and no key under which payers could be counted; its line.
    NoPayerKey(u32),
}

impl fmt::Display for GuardError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyLimits => write!(formatter, "more than {LIMIT_ROWS_MAX} limits"),
            Self::TooManyOfCorridor(line) => write!(
                formatter,
                "line {line}: more than {ROWS_OF_CORRIDOR_MAX} rows of this rule for one corridor"
            ),
            Self::NoCurrency(line) => write!(formatter, "line {line}: an amount of no currency"),
            Self::TooManyLists => write!(formatter, "more than {LISTS_MAX} lists"),
            Self::TooManyListed => write!(formatter, "more than {LISTED_MAX} entries in all lists"),
            Self::NoPayerKey(line) => write!(
                formatter,
                "line {line}: payers are counted under keyed hashes, and there is no key: name its \
                 file as `tables.list_key_file`"
            ),
            Self::NoListKey => write!(formatter, "lists without the key of their hashes"),
        }
    }
}

impl core::error::Error for GuardError {}

/// One immutable generation of limits, lists and suspensions.
#[derive(Debug, Default)]
pub struct Guard {
    limits: Limits,
    lists: Lists,
    suspended: HashSet<Institution, FixedState>,
    stopped: HashMap<(u16, u16), u32, FixedState>,
    self_counting: HashSet<Institution, FixedState>,
    /// Whether anything could be forbidden.
    has_rules: bool,
}

impl Guard {
    /// Builds it.
    pub fn new(rules: Rules) -> Result<Self, GuardError> {
        let limits = Limits::new(rules.currency, rules.limits)?;
        if let (Some(line), None) = (limits.first_total(), &rules.list_key) {
            return Err(GuardError::NoPayerKey(line));
        }
        let lists = Lists::new(rules.list_key, rules.lists, &rules.institutions)?;
        let suspended: HashSet<_, _> = rules.suspended.into_iter().collect();
        Ok(Self {
            has_rules: !limits.is_empty()
                || !lists.is_empty()
                || !suspended.is_empty()
                || !rules.stopped.is_empty(),
            limits,
            lists,
            suspended,
            stopped: rules.stopped.into_iter().collect(),
            self_counting: rules.self_counting.into_iter().collect(),
        })
    }

    /// Whether anything could be forbidden: otherwise, where its order is not paid yet, a payment
    /// is allowed unasked.
    pub const fn has_rules(&self) -> bool {
        self.has_rules
    }

    /// What the amounts of its limits are in; none where it limits no amount.
    pub const fn currency(&self) -> Option<Currency> {
        self.limits.currency()
    }

    /// Whether limits over time hold anywhere, so that payers are to be counted.
    pub const fn counts(&self) -> bool {
        self.limits.counts()
    }

    /// Under what a payer's payments are counted; none where nobody counts them here: the wallet
    /// does, or the payer is not named.
    pub fn payer(
        &self,
        presentation: Presentation,
        wallet: Institution,
        token: Option<&Chars<32>>,
    ) -> Option<PayerHash> {
        if !self.counts_for(presentation, wallet) {
            return None;
        }
        let KeyedHash(hash) = self.lists.payer_hash(wallet, token?)?;
        Some(PayerHash(hash))
    }

    /// Whether the payments of this wallet's payers are counted here. Where the payer shows the
    /// code, only the wallet knows whose it is.
    fn counts_for(&self, presentation: Presentation, wallet: Institution) -> bool {
        self.counts() && presentation == Presentation::Mpm && !self.self_counting.contains(&wallet)
    }

    /// Name and version of a list, by its place in [`Rules::lists`].
    pub fn list(&self, index: u16) -> Option<(&str, &str)> {
        self.lists.named(index)
    }

    /// Whether a payment may go on. Allocates nothing.
    pub fn check(&self, ask: &Ask) -> Verdict {
        let limits = self.limits.of(ask);
        let (known, counted) = (ask.kyc_level, ask.counted);
        let counts = self.counts_for(ask.presentation, ask.wallet);
        for check in ORDER {
            let place = match check {
                Check::PayerUnnamed if !counts || ask.payer_token.is_some() => None,
                Check::PayerUnnamed => limits.over_time(known),
                Check::AmountUnmeasured => limits.unmeasured(known, counts),
                Check::YearTotal | Check::DayCount if !counts => None,
                Check::YearTotal => limits.above_year(known, counted.year_minor),
                Check::DayCount => limits.above_day(known, counted.day_count),
                Check::OrderTaken => counted.order_taken.then_some(Place::Payments),
                Check::OriginatorSuspended => self.suspended(ask.originator()),
                Check::DestinationSuspended => self.suspended(ask.destination()),
                Check::CorridorStopped => self.stopped(ask.payer_country, ask.merchant_country),
                Check::InstitutionListed => self
                    .lists
                    .institution(ask.wallet)
                    .or_else(|| self.lists.institution(ask.acquirer)),
                Check::PayerListed => self.lists.payer(ask.wallet, ask.payer_token.as_ref()),
                Check::MerchantListed => {
                    self.lists.merchant(ask.acquirer, ask.merchant_id.as_ref())
                }
                Check::Category => limits.forbidden_category(ask.mcc),
                Check::AmountBelow => limits.below(),
                Check::AmountAbove => limits.above(),
                Check::KycLevel => limits.kyc_level_missing(ask.kyc_level),
            };
            if let Some(place) = place {
                return Verdict::Refused(Refusal::new(check, place));
            }
        }
        Verdict::Allowed(if counts {
            limits.within(known)
        } else {
            Within::default()
        })
    }

    fn suspended(&self, institution: Institution) -> Option<Place> {
        (!self.suspended.is_empty() && self.suspended.contains(&institution))
            .then_some(Place::Configuration)
    }

    fn stopped(&self, payer: u16, merchant: u16) -> Option<Place> {
        if self.stopped.is_empty() {
            return None;
        }
        let corridors = [(payer, merchant), (payer, 0), (0, merchant), (0, 0)];
        let line = corridors.iter().find_map(|it| self.stopped.get(it));
        line.map(|line| Place::Standing(*line))
    }
}

/// Which line of which file decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// The participant's own entry, or what the standing says of it.
    Configuration,
    /// A line of the standing, from 1.
    Standing(u32),
    /// None: another payment.
    Payments,
    /// A line of the file of limits, from 1.
    Limits(u32),
    /// A line of a list, from 1.
    List {
        /// Its place in [`Rules::lists`].
        list: u16,
        /// From 1.
        line: u32,
    },
}

#[cfg(test)]
mod tests;

//! WHAT IS ALLOWED: one immutable table of limits and lists, and the verdict on a payment.
//!
//! Pure: the same table and the same question give the same verdict. What is refused is refused
//! before anything is sent, by the first check that fails in the order of [`ORDER`]. Asked of new
//! payments alone: reversals, advices, inquiries and refunds of what exists always pass, because
//! nothing that was allowed once may be left half done. Knows no rates (whoever asks says what the
//! amount is in the limits' currency), no totals over time, and never keeps or prints the value
//! behind a keyed hash.

#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

mod checks;
mod limits;
mod lists;

use core::fmt;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::model::chars::Chars;
use crate::model::ids::Institution;
use crate::model::limits::{LIMIT_ROWS_MAX, LISTED_MAX, LISTS_MAX};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{Check, KycLevel, Presentation};

pub use checks::{CHECKS, ORDER, Refusal, Verdict, response_code};
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
}

impl Guard {
    /// Builds it.
    pub fn new(rules: Rules) -> Result<Self, GuardError> {
        let limits = Limits::new(rules.currency, rules.limits)?;
        let lists = Lists::new(rules.list_key, rules.lists, &rules.institutions)?;
        Ok(Self {
            limits,
            lists,
            suspended: rules.suspended.into_iter().collect(),
        })
    }

    /// What the amounts of its limits are in; none where it limits no amount.
    pub const fn currency(&self) -> Option<Currency> {
        self.limits.currency()
    }

    /// Name and version of a list, by its place in [`Rules::lists`].
    pub fn list(&self, index: u16) -> Option<(&str, &str)> {
        self.lists.named(index)
    }

    /// Whether a payment may go on. Allocates nothing.
    pub fn check(&self, ask: &Ask) -> Verdict {
        let limits = self.limits.of(ask);
        for check in ORDER {
            let place = match check {
                Check::OriginatorSuspended => self.suspended(ask.originator()),
                Check::DestinationSuspended => self.suspended(ask.destination()),
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
        Verdict::Allowed {
            unmeasured: limits.unmeasured(),
        }
    }

    fn suspended(&self, institution: Institution) -> Option<Place> {
        (!self.suspended.is_empty() && self.suspended.contains(&institution))
            .then_some(Place::Configuration)
    }
}

/// Which line of which file decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// The participant's own entry.
    Configuration,
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

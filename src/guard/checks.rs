//! THE TABLE OF CHECKS: in which order they decide, and what each is answered with.

use core::fmt;

use crate::guard::Place;
use crate::model::outcome::{Check, ResponseCode};

/// How many checks there are.
pub const CHECKS: usize = 15;

/// Where several fail, the first of these decides. Who speaks comes before what is said. Lists come
/// before limits, so that nobody who is blocked learns what the limits are. What no change of the
/// amount heals comes before amounts, and those before what a better known payer may do. What other
/// payments have taken comes last: it may be otherwise tomorrow.
pub const ORDER: [Check; CHECKS] = [
    Check::OriginatorSuspended,
    Check::DestinationSuspended,
    Check::CorridorStopped,
    Check::InstitutionListed,
    Check::PayerUnnamed,
    Check::PayerListed,
    Check::MerchantListed,
    Check::Category,
    Check::AmountUnmeasured,
    Check::AmountBelow,
    Check::AmountAbove,
    Check::KycLevel,
    Check::YearTotal,
    Check::DayCount,
    Check::OrderTaken,
];

const _: () = assert!(Check::ALL.len() == CHECKS);

/// What the originator is told. A destination that is suspended is answered like one that is down
/// (91): 62 would be read as the payer's or the merchant's own fault, and would tell every
/// counterparty what is between us and that institution. The counter of this check tells *us*.
pub const fn response_code(check: Check) -> ResponseCode {
    match check {
        Check::OriginatorSuspended => ResponseCode::NOT_PERMITTED,
        Check::DestinationSuspended => ResponseCode::DESTINATION_DOWN,
        Check::InstitutionListed | Check::PayerListed | Check::MerchantListed => {
            ResponseCode::BLOCKED
        }
        // There is no way there, as for a code that nobody owns; another day there is.
        Check::CorridorStopped => ResponseCode::NO_ROUTE,
        Check::Category | Check::KycLevel => ResponseCode::NOT_PERMITTED_TO_PAYER,
        Check::PayerUnnamed => ResponseCode::INVALID_TRANSACTION,
        // That there is no such rate is our fault, and no other amount would do.
        Check::AmountUnmeasured => ResponseCode::MALFUNCTION,
        Check::AmountBelow => ResponseCode::INVALID_AMOUNT,
        Check::AmountAbove => ResponseCode::AMOUNT_LIMIT,
        Check::YearTotal | Check::DayCount => ResponseCode::COUNT_LIMIT,
        // Used up, as a code or a quote that has run out. 94 would say that the payment's own key
        // goes with another body.
        Check::OrderTaken => ResponseCode::EXPIRED,
    }
}

/// Why a payment is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What the originator is told.
    pub response_code: ResponseCode,
    /// What failed.
    pub check: Check,
    /// By which line.
    pub place: Place,
}

impl Refusal {
    pub(super) const fn new(check: Check, place: Place) -> Self {
        Self {
            response_code: response_code(check),
            check,
            place,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.check.name())?;
        match self.place {
            Place::Configuration | Place::Payments => Ok(()),
            Place::Standing(line) => write!(formatter, " (standing, line {line})"),
            Place::Limits(line) => write!(formatter, " (limits, line {line})"),
            Place::List { list, line } => write!(formatter, " (list {list}, line {line})"),
        }
    }
}

/// The limits over time that held for a payment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Within {
    /// What all payments of its payer may come to in a year, in minor units of the limits'
    /// currency, by the strictest of the rows that fit; none: none does.
    pub year_most_minor: Option<i64>,
    /// How many of them there may be in a day.
    pub day_count_most: Option<u32>,
}

/// Whether a payment may go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may.
    Allowed(Within),
    /// It may not.
    Refused(Refusal),
}

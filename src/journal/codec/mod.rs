//! Records <-> bytes: the payload of each kind, field by field, in the order written here.
//!
//! Every kind has one size, whatever is absent: an absent field is zeros, told from a present one
//! by a value that no present one has (institution, currency and enumerators start at 1, texts are
//! printable) or by a flag. What the types of `model` exclude is refused when it is read.
//!
//! | part | bytes |
//! |---|---|
//! | institution | u64; zero: none |
//! | key | institution, date u32 YYYYMMDD, reference 12 characters |
//! | money | minor i64, currency u16; all zero: none |
//! | rate | mantissa i64, exponent i8; present by flag |
//! | amounts | flags u8 (1 billing rate, 2 settlement rate), 3 x money, 2 x rate |
//! | hash | 16 bytes; all zero: none |
//! | echoed | flags u8 (1 local time, 2 MCC), time u32, presentation u8, MCC u16, texts 8 and 15 |
#![deny(clippy::indexing_slicing)]

mod decode;
mod encode;
pub mod raw;

use core::fmt;

pub use decode::decode;
pub use encode::encode;

use crate::journal::layout::{RECORD_ALIGNMENT_BYTES, RECORD_HEADER_BYTES};
use crate::model::limits::{RECORD_BYTES_MAX, TEXT_BYTES_MAX};
use crate::model::record::Record;

const KEY_BYTES: usize = 8 + 4 + 12;
const MONEY_BYTES: usize = 8 + 2;
const RATE_BYTES: usize = 8 + 1;
/// Bytes of what a payment or an answer is about.
pub const AMOUNTS_BYTES: usize = 1 + 3 * MONEY_BYTES + 2 * RATE_BYTES;
const ECHOED_BYTES: usize = 1 + 4 + 1 + 2 + 8 + 15;
const TEXT_BYTES: usize = 1 + TEXT_BYTES_MAX;
const DECISION_BYTES: usize = 1 + 3 * 8;

/// Sizes of whole records, header and padding included.
mod size {
    use super::*;

    const fn record(payload: usize) -> usize {
        RECORD_HEADER_BYTES + payload.next_multiple_of(RECORD_ALIGNMENT_BYTES)
    }

    pub(super) const OPENED: usize = record(4 + 2 + 2 + 4 + 8);
    pub(super) const PAYMENT: usize =
        record(6 * 8 + KEY_BYTES + DECISION_BYTES + 1 + 1 + 4 + 4 + AMOUNTS_BYTES + ECHOED_BYTES);
    pub(super) const ANSWER: usize = record(8 + 1 + 2 + 1 + 6 + AMOUNTS_BYTES + TEXT_BYTES);
    pub(super) const UNKNOWN: usize = record(8 + 1);
    pub(super) const REVERSAL: usize =
        record(8 + (KEY_BYTES + 1) + KEY_BYTES + 1 + 1 + 8 + 1 + MONEY_BYTES + 8);
    pub(super) const REVERSAL_ANSWER: usize = record(8 + 2 + 1);
    pub(super) const REVERSAL_ESCALATION: usize = record(8 + 8);
    pub(super) const ADVICE: usize = record(8 + 8);
    pub(super) const ADVICE_ANSWER: usize = record(8 + 2);
    pub(super) const LATE_ANSWER: usize = record(8 + 2);
    pub(super) const IN_DOUBT: usize = record(8 + 1 + 1);
    pub(super) const INQUIRY: usize = record(8 + 8);
    pub(super) const INQUIRY_END: usize = record(8 + 2);
    pub(super) const FINDING: usize = ANSWER;
    pub(super) const PENDING: usize = record(8 + 8);
    pub(super) const QUEUED: usize = record(8 + 1 + 8);
    pub(super) const REFUND: usize = record(
        4 * 8 + 2 * KEY_BYTES + DECISION_BYTES + 1 + 1 + 4 + 4 + AMOUNTS_BYTES + ECHOED_BYTES,
    );
    pub(super) const RECALLED: usize =
        record(6 * 8 + KEY_BYTES + 4 + 6 + AMOUNTS_BYTES + ECHOED_BYTES + TEXT_BYTES + 2 + 3 * 8);
    pub(super) const HOLD: usize = record(8 + 2 * 16 + 4 + 1 + MONEY_BYTES + 8 + 4);
    pub(super) const TOTAL: usize = record(16 + 2 + MONEY_BYTES);
    pub(super) const RULED: usize = record(8 + 1 + 8);
}

/// The largest record of all.
pub const RECORD_BYTES_LARGEST: usize = size::RECALLED;

const _: () = assert!(size::REFUND <= 216 && size::PAYMENT <= size::REFUND);
const _: () = assert!(size::REFUND <= size::RECALLED && size::RECALLED <= 240);
const _: () = assert!(size::PAYMENT <= 224);
const _: () = assert!(size::ANSWER <= 120 && size::HOLD <= 88 && size::TOTAL <= 48);
const _: () = assert!(size::REVERSAL <= RECORD_BYTES_LARGEST);
const _: () = assert!(RECORD_BYTES_LARGEST <= RECORD_BYTES_MAX);

/// The version of every kind's payload that this build writes.
const RECORD_VERSION: u8 = 1;

/// Why bytes whose checksum is right are no record of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// A kind that this build does not know.
    Kind(u8),
    /// A version of a known kind that this build does not read.
    Version(u8),
    /// Not the size of its kind.
    Length(usize),
    /// A value that the field cannot have.
    Field(&'static str),
    /// Padding is not zero.
    Padding,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(formatter, "kind {kind} is unknown to this build"),
            Self::Version(version) => write!(formatter, "version {version} is unknown here"),
            Self::Length(length) => write!(formatter, "{length} bytes do not fit its kind"),
            Self::Field(name) => write!(formatter, "field {name} has an impossible value"),
            Self::Padding => write!(formatter, "its padding is not zero"),
        }
    }
}

impl core::error::Error for Malformed {}

const fn kind(record: &Record) -> u8 {
    match record {
        Record::Opened(_) => 1,
        Record::Payment(_) => 2,
        Record::Answer(_) => 3,
        Record::Unknown(_) => 4,
        Record::Reversal(_) => 5,
        Record::ReversalAnswer(_) => 6,
        Record::ReversalEscalation(_) => 7,
        Record::Advice(_) => 8,
        Record::AdviceAnswer(_) => 9,
        Record::LateAnswer(_) => 10,
        Record::InDoubt(_) => 11,
        Record::Inquiry(_) => 12,
        Record::InquiryEnd(_) => 13,
        Record::Finding(_) => 14,
        Record::Pending(_) => 15,
        Record::Queued(_) => 16,
        Record::Refund(_) => 17,
        Record::Recalled(_) => 18,
        Record::Held(_) => 19,
        Record::Released(_) => 20,
        Record::Total(_) => 21,
        Record::Ruled(_) => 22,
    }
}

const fn bytes_of_kind(kind: u8) -> Option<usize> {
    match kind {
        1 => Some(size::OPENED),
        2 => Some(size::PAYMENT),
        3 => Some(size::ANSWER),
        4 => Some(size::UNKNOWN),
        5 => Some(size::REVERSAL),
        6 => Some(size::REVERSAL_ANSWER),
        7 => Some(size::REVERSAL_ESCALATION),
        8 => Some(size::ADVICE),
        9 => Some(size::ADVICE_ANSWER),
        10 => Some(size::LATE_ANSWER),
        11 => Some(size::IN_DOUBT),
        12 => Some(size::INQUIRY),
        13 => Some(size::INQUIRY_END),
        14 => Some(size::FINDING),
        15 => Some(size::PENDING),
        16 => Some(size::QUEUED),
        17 => Some(size::REFUND),
        18 => Some(size::RECALLED),
        19 | 20 => Some(size::HOLD),
        21 => Some(size::TOTAL),
        22 => Some(size::RULED),
        _ => None,
    }
}

/// How many bytes a record takes.
pub const fn record_bytes(record: &Record) -> usize {
    bytes_of_kind(kind(record)).expect("every kind has a size")
}

const CLAIMS: u8 = 1;
const ADVICE: u8 = 2;
const HAS_MATCH_KEY: u8 = 4;
const BILLING_RATE: u8 = 1;
const SETTLEMENT_RATE: u8 = 2;
const LOCAL_TIME: u8 = 1;
const MCC: u8 = 2;
const YEAR_MOST: u8 = 1;
const DAY_COUNT_MOST: u8 = 2;

#[cfg(test)]
mod tests;

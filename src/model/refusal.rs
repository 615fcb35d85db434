//! Why a message was refused: small, `Copy`, without any byte of the message itself.

use core::fmt;

use crate::model::ids::MatchKey;
use crate::model::message::Kind;
use crate::model::outcome::ResponseCode;

/// What is wrong with a message. The number is `reason` of Reject and `Rrrr` of DE 44.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u16)]
pub enum Fault {
    /// The body ends inside a header, field or length.
    Truncated = 1,
    /// Bytes follow the last field.
    TrailingBytes = 2,
    /// The template or MTI is not one of ours.
    UnknownKind = 3,
    /// Schema id or version is not ours, or not a version that we read.
    UnknownSchema = 4,
    /// The block is shorter than the template's, or a length does not fit.
    BadLength = 5,
    /// A bitmap is malformed (a third bitmap, or no bit set).
    BadBitmap = 6,
    /// The field is not in this participant's dialect.
    NotInDialect = 7,
    /// A mandatory field is absent or null.
    Missing = 8,
    /// A character does not belong to the field's class (a non-digit, a control character).
    BadCharacter = 9,
    /// The value is out of range, or no such date, time, currency or enumerator.
    BadValue = 10,
    /// A tag of DE 48 appears twice.
    DuplicateTag = 11,
    /// Two fields contradict each other.
    Inconsistent = 12,
    /// The other side's encoding cannot carry the field.
    NotCarried = 13,
    /// The kind is known but not delivered yet.
    NotSupported = 14,
    /// The frame is longer than the listener allows.
    Oversize = 15,
    /// The framing header itself makes no sense: the link is cut.
    FramingLost = 16,
    /// The session has not signed on.
    NotSignedOn = 17,
    /// The institution is neither the session's own nor one that it fronts.
    ForeignInstitution = 18,
    /// A window, rate or table is full.
    Shed = 19,
    /// The key's date is too far from ours.
    DateOutOfWindow = 20,
    /// Text is not valid in the character set.
    BadText = 21,
}

impl Fault {
    /// Every fault, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::Truncated,
        Self::TrailingBytes,
        Self::UnknownKind,
        Self::UnknownSchema,
        Self::BadLength,
        Self::BadBitmap,
        Self::NotInDialect,
        Self::Missing,
        Self::BadCharacter,
        Self::BadValue,
        Self::DuplicateTag,
        Self::Inconsistent,
        Self::NotCarried,
        Self::NotSupported,
        Self::Oversize,
        Self::FramingLost,
        Self::NotSignedOn,
        Self::ForeignInstitution,
        Self::Shed,
        Self::DateOutOfWindow,
        Self::BadText,
    ];

    /// The stable word for metrics, logs and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing-bytes",
            Self::UnknownKind => "unknown-kind",
            Self::UnknownSchema => "unknown-schema",
            Self::BadLength => "bad-length",
            Self::BadBitmap => "bad-bitmap",
            Self::NotInDialect => "not-in-dialect",
            Self::Missing => "missing",
            Self::BadCharacter => "bad-character",
            Self::BadValue => "bad-value",
            Self::DuplicateTag => "duplicate-tag",
            Self::Inconsistent => "inconsistent",
            Self::NotCarried => "not-carried",
            Self::NotSupported => "not-supported",
            Self::Oversize => "oversize",
            Self::FramingLost => "framing-lost",
            Self::NotSignedOn => "not-signed-on",
            Self::ForeignInstitution => "foreign-institution",
            Self::Shed => "shed",
            Self::DateOutOfWindow => "date-out-of-window",
            Self::BadText => "bad-text",
        }
    }

    /// The response code that tells the sender.
    pub const fn response_code(self) -> ResponseCode {
        match self {
            Self::NotCarried | Self::NotSupported | Self::UnknownKind | Self::UnknownSchema => {
                ResponseCode::NOT_SUPPORTED
            }
            Self::NotSignedOn | Self::ForeignInstitution => ResponseCode::NOT_PERMITTED,
            Self::Shed => ResponseCode::SHED,
            Self::Truncated
            | Self::TrailingBytes
            | Self::BadLength
            | Self::BadBitmap
            | Self::NotInDialect
            | Self::Missing
            | Self::BadCharacter
            | Self::BadValue
            | Self::DuplicateTag
            | Self::Inconsistent
            | Self::Oversize
            | Self::FramingLost
            | Self::DateOutOfWindow
            | Self::BadText => ResponseCode::FORMAT,
        }
    }
}

/// One fault at one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What is wrong.
    pub fault: Fault,
    /// SBE field id or DE number; zero: the message as a whole.
    pub field_id: u16,
    /// Offset of the fault in the body, in bytes.
    pub offset: u32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} in field {} at offset {}",
            self.fault.name(),
            self.field_id,
            self.offset
        )
    }
}

impl core::error::Error for Refusal {}

/// What of a refused message could be read all the same: enough to answer it, or to know which
/// request of ours it was meant to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The first fault.
    pub refusal: Refusal,
    /// Match key, where it was readable. Without it there is no answer.
    pub match_key: Option<MatchKey>,
    /// Template id or MTI as a number, where it was readable (see `Reject::regarding`).
    pub regarding: u16,
    /// The kind, where template, or MTI with DE 3, 48 and 70, told it.
    pub kind: Option<Kind>,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "message {}: {}", self.regarding, self.refusal)
    }
}

impl core::error::Error for Refused {}

//! A message as a list of named values, for tools: SBE fields by name, ISO 8583 fields by number.
//!
//! Owned and loose, unlike everything else in this room: never used where payments flow. Reading
//! loses nothing that writing needs, so that what was read can be written again.

use core::fmt;

/// A message, field by field, in the order of the wire.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// The template's name, or the MTI.
    pub message: String,
    /// The fields that are there. Nulls are not.
    pub fields: Vec<(String, Value)>,
}

/// One value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A number, date or time.
    Number(u64),
    /// Nanoseconds since 1970.
    Instant(u64),
    /// Yes or no.
    Flag(bool),
    /// Text, or the word of an enumerator.
    Text(String),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// Minor units and ISO 4217 number.
    Money {
        /// Minor units.
        minor: i64,
        /// Which currency.
        currency: u16,
    },
    /// mantissa x 10^exponent.
    Rate {
        /// Digits.
        mantissa: i64,
        /// Power of ten.
        exponent: i8,
    },
    /// A list of tags, as in ISO 8583 DE 48.
    Tags(Vec<(String, String)>),
}

/// Why a list of values is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unwritable {
    /// Which field, or `message`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Unwritable {
    /// `problem` with `field`.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.problem)
    }
}

impl core::error::Error for Unwritable {}

impl Named {
    /// The value with this name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }
}

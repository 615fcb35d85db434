//! ISO 8583:1987 in ASCII and in BCD/binary.

use crate::model::message::Message;
use crate::model::refusal::{Refusal, Refused};
use crate::model::time::Date;
use crate::wire::Encoded;

/// A participant's field table.
#[derive(Clone, Debug)]
pub struct Dialect {}

impl Dialect {
    /// The plain ASCII dialect.
    pub const fn ascii() -> Self {
        Self {}
    }

    /// The plain BCD/binary dialect.
    pub const fn binary() -> Self {
        Self {}
    }
}

/// Reads one body.
pub fn decode<'a>(_: &Dialect, _: &'a [u8], _: Date) -> Result<Message<'a>, Refused> {
    unreachable!("not written yet")
}

/// Writes one body.
pub fn encode(_: &Dialect, _: &Message<'_>, _: &mut [u8]) -> Result<Encoded, Refusal> {
    unreachable!("not written yet")
}

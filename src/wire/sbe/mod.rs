//! FIX SBE 1.0, schema 17232.

use crate::model::message::Message;
use crate::model::refusal::{Refusal, Refused};
use crate::wire::Encoded;

/// Reads one body.
pub fn decode(_: &[u8]) -> Result<Message<'_>, Refused> {
    unreachable!("not written yet")
}

/// Writes one body.
pub fn encode(_: &Message<'_>, _: &mut [u8]) -> Result<Encoded, Refusal> {
    unreachable!("not written yet")
}

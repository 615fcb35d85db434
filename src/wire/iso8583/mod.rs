//! ISO 8583:1987 in ASCII and in BCD/binary.
//!
//! ```text
//! bytes -> scan (index, form) -> read (values) -> decode (kinds) -> Message
//! bytes <- write (cursor)     <- draft (fields) <- encode (kinds) <- Message
//! ```
//!
//! `fields` is the standard's table, `dialect` a participant's, `plan` what the scan needs of it,
//! `kinds` which message is which, `tags` the list in DE 48, `reject` the text in DE 44.
//!
//! What does not survive a round trip, by design: `header.transmit_time` is zero; a rate is rounded
//! to seven digits; a quote's expiry to seconds; blank texts and zero MCC or country are null; a
//! refused message's `regarding` loses its repeat digit and its text; an outcome that the response
//! code implies is always stated. MAC and wrapped key are borrowed, so that in ASCII they are the
//! hexadecimal digits of the wire; both forms of a MAC can be encoded in both dialects. The MAC is
//! always the last field: it covers the body up to its own bytes.

mod bases;
mod by_number;
mod charset;
mod check;
mod decode;
mod dialect;
mod draft;
mod encode;
mod fields;
mod kinds;
mod plan;
mod read;
mod reject;
mod scan;
mod tags;
#[cfg(test)]
mod tests;
mod write;

pub use bases::{BASES, Base};
pub use by_number::{read_named, write_named};
pub use dialect::{Charset, Coding, Dialect, DialectError, FieldFormat, Form};
pub use fields::{Class, FIELD_MAX, FIELDS, Field, Size};

use crate::model::limits::SCRATCH_BYTES;
use crate::model::message::Message;
use crate::model::refusal::{Refusal, Refused};
use crate::model::time::Date;
use crate::wire::Encoded;

/// Reads one body. A code that DE 62 cannot hold alone is refused as not supported: it lies in two
/// places, and this function has nowhere to join them. So is a text in another character set than
/// ours. [`decode_joining`] has a place for both.
pub fn decode<'a>(dialect: &Dialect, body: &'a [u8], today: Date) -> Result<Message<'a>, Refused> {
    decode::decode(dialect, body, today, &mut [])
}

/// As [`decode()`]; `scratch`, of `SCRATCH_BYTES` bytes, takes a code that is continued in DE 63,
/// and texts that are not in UTF-8.
pub fn decode_joining<'a>(
    dialect: &Dialect,
    body: &'a [u8],
    today: Date,
    scratch: &'a mut [u8],
) -> Result<Message<'a>, Refused> {
    decode::decode(dialect, body, today, scratch)
}

/// Writes one body.
pub fn encode(
    dialect: &Dialect,
    message: &Message<'_>,
    out: &mut [u8],
) -> Result<Encoded, Refusal> {
    encode::encode(dialect, message, out)
}

/// Indexes and checks a body without reading its values: how many fields it has.
pub fn count_fields(dialect: &Dialect, body: &[u8]) -> Result<u32, Refusal> {
    let (view, result) = scan::scan(dialect, body);
    result.map(|()| view.present.0.count_ones())
}

/// For fuzzing: what is accepted must encode without loss, and decode to the same message again.
/// Returns whether it was accepted.
pub fn check_identity(dialect: &Dialect, body: &[u8], today: Date) -> bool {
    let (mut scratch, mut again) = (vec![0; SCRATCH_BYTES], vec![0; SCRATCH_BYTES]);
    let Ok(message) = decode_joining(dialect, body, today, &mut scratch) else {
        return false;
    };
    let mut bytes = vec![0; 64 * 1024];
    let encoded = encode(dialect, &message, &mut bytes).expect("what was read can be written");
    assert!(encoded.dropped == 0 && encoded.replaced == 0);
    let bytes = bytes.get(..encoded.bytes).expect("no more than the buffer");
    let decoded = decode_joining(dialect, bytes, today, &mut again);
    assert!(decoded == Ok(message), "a message changed on its way");
    true
}

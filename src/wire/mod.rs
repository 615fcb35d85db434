//! BYTES <-> MESSAGES. Nobody outside this room sees a field number, a template offset or a length.
//!
//! A [`Dialect`] is what one participant's links speak: a protocol, its framing and, for ISO 8583,
//! the field table with the participant's overrides. Decoding borrows from the frame, allocates
//! nothing and never panics; encoding writes into the buffer it is given.

#![deny(clippy::indexing_slicing)]

pub mod frame;
pub mod iso8583;
pub mod named;
pub mod redact;
pub mod sbe;

use crate::model::message::Message;
use crate::model::participant::Protocol;
use crate::model::refusal::{Fault, Refusal, Refused};
use crate::model::time::Date;
use crate::wire::frame::{Framing, Tpdu};

/// What a participant's links speak.
#[derive(Clone, Debug)]
pub enum Dialect {
    /// FIX SBE, schema 17232.
    Sbe,
    /// ISO 8583:1987 with a field table of the participant's own.
    Iso8583(Box<iso8583::Dialect>),
}

/// A message that was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Encoded {
    /// Length in bytes, from the start of the buffer.
    pub bytes: usize,
    /// Fields of an answer or advice that this encoding cannot carry, and that were left out.
    pub dropped: u32,
    /// Characters of a merchant's name that the other side's character set lacks or its field has
    /// no room for: written otherwise, or left out.
    pub replaced: u32,
}

impl Dialect {
    /// The protocol without any override.
    pub fn plain(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Sbe => Self::Sbe,
            Protocol::Iso8583Ascii => Self::Iso8583(Box::new(iso8583::Dialect::ascii())),
            Protocol::Iso8583Binary => Self::Iso8583(Box::new(iso8583::Dialect::binary())),
        }
    }

    /// Reads one body (a frame without its framing header). The whole body is validated before any
    /// field is used. `today` is the date of receipt in UTC: ISO 8583 dates have no year.
    pub fn decode<'a>(&self, body: &'a [u8], today: Date) -> Result<Message<'a>, Refused> {
        match self {
            Self::Sbe => sbe::decode(body),
            Self::Iso8583(dialect) => iso8583::decode(dialect, body, today),
        }
    }

    /// As [`Dialect::decode`]; `scratch`, of `SCRATCH_BYTES` bytes, takes what cannot be borrowed:
    /// an ISO 8583 code that is continued in DE 63, and texts in another character set.
    pub fn decode_joining<'a>(
        &self,
        body: &'a [u8],
        today: Date,
        scratch: &'a mut [u8],
    ) -> Result<Message<'a>, Refused> {
        match self {
            Self::Sbe => sbe::decode(body),
            Self::Iso8583(dialect) => iso8583::decode_joining(dialect, body, today, scratch),
        }
    }

    /// Writes one body. A request with a field that this encoding cannot carry is refused
    /// (`NotCarried`), an answer loses the field. `BadLength` where `out` is too short.
    pub fn encode(&self, message: &Message<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
        match self {
            Self::Sbe => sbe::encode(message, out),
            Self::Iso8583(dialect) => iso8583::encode(dialect, message, out),
        }
    }
}

/// Writes one frame: header, then body. `bytes` of the result counts both. `BadLength` where `out`
/// is too short, or the body longer than the framing can say.
pub fn encode_frame(
    dialect: &Dialect,
    framing: Framing,
    tpdu: Option<Tpdu>,
    message: &Message<'_>,
    out: &mut [u8],
) -> Result<Encoded, Refusal> {
    let too_short = Refusal {
        fault: Fault::BadLength,
        field_id: 0,
        offset: 0,
    };
    // The body first, behind the gap: the header says how long it is.
    let (_, body) = out
        .split_at_mut_checked(framing.header_bytes())
        .ok_or(too_short)?;
    let encoded = dialect.encode(message, body)?;
    let header_bytes = framing
        .write_header(out, encoded.bytes, tpdu)
        .ok_or(too_short)?;
    Ok(Encoded {
        bytes: header_bytes + encoded.bytes,
        ..encoded
    })
}

//! `message`: one message from bytes to JSON and back, for people who look at what a link carries.

mod decode;
mod encode;
mod json;
mod unframe;

#[cfg(test)]
mod tests;

use crate::model::limits::{FRAME_BYTES_MAX, SCRATCH_BYTES};
use crate::model::participant::Protocol;
use crate::model::refusal::Refused;
use crate::model::time::Date;
use crate::wire::named::{Named, Unwritable};
use crate::wire::{Dialect, iso8583, sbe};

use super::arguments::Message;
use super::console::Console;
use super::exit::{Ended, Exit, Failure};

pub(super) fn execute(command: &Message, console: &mut Console<'_>) -> Ended {
    match command {
        Message::Decode(arguments) => decode::execute(arguments, console),
        Message::Encode(arguments) => encode::execute(arguments, console),
    }
}

/// The bytes of standard input: at most a frame, twice that in hexadecimal, or its JSON.
fn input(console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    const INPUT_BYTES_MAX: usize = 16 * FRAME_BYTES_MAX;
    let bytes = console.read(INPUT_BYTES_MAX).map_err(|error| {
        Failure::new(
            Exit::Environment,
            format!("cannot read standard input: {error}"),
        )
    })?;
    if bytes.is_empty() {
        return Err(Failure::new(Exit::Usage, "standard input is empty")
            .hint("give the message on standard input, as in `... < message.bin`"));
    }
    if bytes.len() > INPUT_BYTES_MAX {
        let problem = format!("standard input is longer than {INPUT_BYTES_MAX} bytes");
        return Err(Failure::new(Exit::Usage, problem).hint("give one message"));
    }
    Ok(bytes)
}

/// Why a participant would see this body refused.
fn refusal(protocol: Protocol, body: &[u8], today: Date) -> Option<Refused> {
    let mut scratch = vec![0; SCRATCH_BYTES];
    match Dialect::plain(protocol) {
        Dialect::Sbe => sbe::decode(body).err(),
        Dialect::Iso8583(dialect) => {
            iso8583::decode_joining(&dialect, body, today, &mut scratch).err()
        }
    }
}

/// Reads the fields of a body, whatever they mean.
fn read_named(protocol: Protocol, body: &[u8]) -> Result<Named, Refused> {
    match Dialect::plain(protocol) {
        Dialect::Sbe => sbe::read_named(body),
        Dialect::Iso8583(dialect) => iso8583::read_named(&dialect, body),
    }
}

/// Writes a body from its fields.
fn write_named(protocol: Protocol, named: &Named) -> Result<Vec<u8>, Unwritable> {
    match Dialect::plain(protocol) {
        Dialect::Sbe => sbe::write_named(named),
        Dialect::Iso8583(dialect) => iso8583::write_named(&dialect, named),
    }
}

/// What a field is called.
fn field_name(protocol: Protocol, field: u16) -> Option<&'static str> {
    match protocol {
        Protocol::Sbe => sbe::field_name(field),
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => iso8583::FIELDS
            .get(usize::from(field))
            .map(|field| field.name),
    }
}

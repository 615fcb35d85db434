//! What the targets have in common: nothing panics, and what is accepted survives a round trip.

pub mod archive;
pub mod digest;
pub mod folder;

/// The words, from their own files.
#[path = "../../../src/model/mod.rs"]
pub mod model;

/// The wire, from its own files; that it builds without any other room is a test of the walls.
#[path = "../../../src/wire/mod.rs"]
pub mod wire;

use model::participant::Protocol;
use model::time::Date;
use wire::Dialect;
use wire::iso8583;
use wire::redact::Redacted;

/// Decodes `body`; if it is accepted, encodes it and decodes that: the same message.
///
/// # Panics
///
/// Where it is not.
pub fn round_trip(protocol: Protocol, body: &[u8]) {
    let dialect = Dialect::plain(protocol);
    let today = Date::from_yyyymmdd(20_261_121).expect("a date");
    let form = match protocol {
        Protocol::Sbe => None,
        Protocol::Iso8583Ascii => Some(iso8583::Form::Ascii),
        Protocol::Iso8583Binary => Some(iso8583::Form::Binary),
    };
    if let Some(form) = form {
        let base = iso8583::Base::named("unionpay-like").expect("it is in the table");
        iso8583::check_identity(&base.dialect(form), body, today);
    }
    let Ok(message) = dialect.decode(body, today) else {
        return;
    };
    let line = Redacted(&message).to_string();
    assert!(!line.contains(char::is_control), "a log line is one line: {line:?}");
    let mut out = [0_u8; 16_384];
    let encoded = match dialect.encode(&message, &mut out) {
        Ok(encoded) => encoded,
        Err(refusal) => panic!("accepted {message:?}, but does not write it: {refusal}"),
    };
    assert_eq!(encoded.dropped, 0, "lost of {message:?}");
    let again = dialect.decode(&out[..encoded.bytes], today);
    assert_eq!(again, Ok(message));
}

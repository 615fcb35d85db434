//! Codes from elsewhere, codes made at random, and what is wrong with what.

mod faults;
mod generator;
mod properties;
mod samples;

use super::*;

/// What is said of a payload in one line: kind, initiation, owners; or the first fault's place.
fn outcome(code: &Code<'_>) -> String {
    if let Some(fault) = code.faults().first() {
        return format!("fault {} at {}", fault.problem.name(), fault.byte);
    }
    let mut words = vec![code.kind().word()];
    match code.kind() {
        Kind::Merchant(Initiation::Static) => words.push("static"),
        Kind::Merchant(Initiation::Dynamic) => words.push("dynamic"),
        Kind::Consumer | Kind::Url | Kind::Number | Kind::Unknown => {}
    }
    words.extend(code.owners().iter().map(|owner| owner.scheme.word()));
    words.join(" ")
}

/// A payload with its checksum.
fn with_checksum(body: &str) -> String {
    let body = format!("{body}6304");
    let crc = crc::crc16(body.as_bytes());
    format!("{body}{crc:04X}")
}

//! THE TABLE OF TAGS of consumer-presented codes.
//!
//! EMVCo, QR Code Specification for Payment Systems, Consumer-Presented Mode, section 4; lengths in
//! bytes. Formats are asked of text alone: what is binary or packed digits has a length.

use crate::qr::format::Format;
use crate::qr::rule::{Inside, Rule, Secrecy};

pub(super) const FORMAT_INDICATOR: u16 = 0x85;
pub(super) const APPLICATION: u16 = 0x61;
pub(super) const COMMON_DATA: u16 = 0x62;
pub(super) const TRANSPARENT: u16 = 0x63;
pub(super) const AID: u16 = 0x4f;
pub(super) const TRACK_2: u16 = 0x57;
pub(super) const PAN: u16 = 0x5a;

/// At the root.
pub(super) const ROOT: &[Rule] = &[
    text(FORMAT_INDICATOR, "payload format indicator", (5, 5)).mandatory(),
    template(APPLICATION, "application", IN_APPLICATION).mandatory(),
    template(COMMON_DATA, "common data", IN_COMMON_DATA),
    template(TRANSPARENT, "transparent data", IN_TRANSPARENT),
];

/// Inside of 61.
const IN_APPLICATION: &[Rule] = &[
    bytes(AID, "application identifier (AID)", (5, 16)).mandatory(),
    text(0x50, "application label", (1, 16)),
    bytes(TRACK_2, "track 2 equivalent", (1, 19)).secret(Secrecy::Withheld),
    bytes(PAN, "account number (PAN)", (1, 10)).secret(Secrecy::Withheld),
    text(0x5f20, "cardholder's name", (2, 26)).secret(Secrecy::Withheld),
    text(0x5f2d, "languages", (2, 8)),
    text(0x5f50, "issuer's address", (1, 99)).secret(Secrecy::Free),
    bytes(0x9f08, "application version", (2, 2)),
    bytes(0x9f19, "token requestor", (6, 6)).secret(Secrecy::Withheld),
    text(0x9f24, "payment account reference (PAR)", (29, 29)).secret(Secrecy::Withheld),
    bytes(0x9f25, "last four digits of the account number", (2, 2)),
    template(TRANSPARENT, "transparent data", IN_TRANSPARENT),
];

/// Inside of 62.
const IN_COMMON_DATA: &[Rule] = &[
    bytes(AID, "application identifier (AID)", (5, 16)),
    text(0x50, "application label", (1, 16)),
    bytes(TRACK_2, "track 2 equivalent", (1, 19)).secret(Secrecy::Withheld),
    bytes(PAN, "account number (PAN)", (1, 10)).secret(Secrecy::Withheld),
    text(0x5f20, "cardholder's name", (2, 26)).secret(Secrecy::Withheld),
    text(0x5f2d, "languages", (2, 8)),
    text(0x5f50, "issuer's address", (1, 99)).secret(Secrecy::Free),
    bytes(0x9f08, "application version", (2, 2)),
    bytes(0x9f19, "token requestor", (6, 6)).secret(Secrecy::Withheld),
    text(0x9f24, "payment account reference (PAR)", (29, 29)).secret(Secrecy::Withheld),
    bytes(0x9f25, "last four digits of the account number", (2, 2)),
    template(0x64, "transparent common data", IN_TRANSPARENT),
];

/// Inside of 63 and 64.
const IN_TRANSPARENT: &[Rule] = &[
    bytes(0x82, "application interchange profile", (2, 2)),
    bytes(0x9f10, "issuer's application data", (1, 32)).secret(Secrecy::Withheld),
    bytes(0x9f26, "cryptogram", (8, 8)).secret(Secrecy::Withheld),
    bytes(0x9f27, "kind of cryptogram", (1, 1)),
    bytes(0x9f36, "transaction counter (ATC)", (2, 2)),
    bytes(0x9f37, "unpredictable number", (4, 4)).secret(Secrecy::Withheld),
];

const fn bytes(tag: u16, name: &'static str, lengths: (u16, u16)) -> Rule {
    Rule::new(tag, name, Format::Bytes, lengths)
}

const fn text(tag: u16, name: &'static str, lengths: (u16, u16)) -> Rule {
    Rule::new(tag, name, Format::Printable, lengths)
}

const fn template(tag: u16, name: &'static str, inside: &'static [Rule]) -> Rule {
    let mut rule = Rule::new(tag, name, Format::Bytes, (1, 384));
    rule.inside = Inside::Template(inside);
    rule
}

//! Messages written by hand, field by field: not by our encoder, whose mistakes they would share.

use crate::wire::iso8583::fields::{FIELDS, FieldSet, Size};

/// Fields of a message that is accepted; a test changes, adds or takes one away.
pub(super) type Fields = Vec<(u8, &'static str)>;

pub(super) fn payment() -> Fields {
    vec![
        (3, "000000"),
        (4, "000000012550"),
        (7, "1121140509"),
        (11, "004711"),
        (12, "220509"),
        (13, "1121"),
        (18, "5814"),
        (22, "030"),
        (32, "48000702"),
        (37, "WX2026112101"),
        (41, "T0000042"),
        (42, "CAFE-42        "),
        (48, "01001M"),
        (49, "156"),
    ]
}

pub(super) fn refund() -> Fields {
    let fields = with(payment(), 3, "200000");
    with(fields, 48, "06031WX20261121012026112100048000702")
}

pub(super) fn result() -> Fields {
    vec![
        (3, "000000"),
        (4, "000000012550"),
        (7, "1121140509"),
        (11, "004711"),
        (13, "1121"),
        (32, "48000702"),
        (37, "WX2026112101"),
        (38, "A1B2C3"),
        (39, "00"),
        (49, "156"),
    ]
}

pub(super) fn reversal() -> Fields {
    vec![
        (3, "000000"),
        (4, "000000012550"),
        (7, "1121140509"),
        (11, "004711"),
        (13, "1121"),
        (32, "48000702"),
        (37, "WX2026112101"),
        (49, "156"),
        (90, "020000471111211405090004800070200000000000"),
    ]
}

pub(super) fn inquiry() -> Fields {
    vec![
        (3, "380000"),
        (7, "1121140509"),
        (11, "004711"),
        (12, "220509"),
        (13, "1121"),
        (32, "48000702"),
        (37, "WX2026112101"),
        (62, "https://pay.example/1"),
    ]
}

pub(super) fn status() -> Fields {
    vec![
        (3, "000000"),
        (7, "1121140509"),
        (11, "004711"),
        (13, "1121"),
        (32, "48000702"),
        (37, "WX2026112101"),
        (48, "14001S"),
    ]
}

pub(super) fn network(code: &'static str) -> Fields {
    vec![
        (7, "1121140509"),
        (11, "004711"),
        (32, "48000702"),
        (70, code),
    ]
}

pub(super) fn without(mut fields: Fields, field: u8) -> Fields {
    fields.retain(|(number, _)| *number != field);
    fields
}

pub(super) fn with(fields: Fields, field: u8, value: &'static str) -> Fields {
    let mut fields = without(fields, field);
    fields.push((field, value));
    fields.sort_unstable();
    fields
}

/// Written by hand, not by our encoder.
pub(super) fn ascii(mti: &str, fields: &Fields) -> Vec<u8> {
    let set = fields
        .iter()
        .fold(FieldSet::default(), |set, (field, _)| set.with(*field));
    let mut bytes = mti.as_bytes().to_vec();
    if set.needs_secondary() {
        bytes.extend(format!("{:032X}", set.with(1).0).bytes());
    } else {
        bytes.extend(format!("{:016X}", set.0 >> 64).bytes());
    }
    for (field, value) in fields {
        match FIELDS[usize::from(*field)].size {
            Size::Fixed(_) => {}
            Size::Ll(_) => bytes.extend(format!("{:02}", value.len()).bytes()),
            Size::Lll(_) => bytes.extend(format!("{:03}", value.len()).bytes()),
        }
        bytes.extend(value.bytes());
    }
    bytes
}

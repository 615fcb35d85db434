//! Tests of dialects and message headers: what departs from a base, and what a wrong one is told.

use std::collections::BTreeSet;

use super::tests::{SMALL, said};
use super::*;
use crate::wire::iso8583::{Charset, Coding};

const ASCII: &str = "protocol = \"iso8583-ascii\"";

/// A dialect, and what is said of it.
const DIALECTS: &[(&str, &str)] = &[
    ("bitmap = \"binary\"\ncharacter_set = \"utf-8\"", ""),
    (
        "fields.44 = { length = \"...99\" }\nfields.35 = { absent = true }",
        "",
    ),
    (
        "fields.120 = { format = \"ans\", length = \"..99\", coding = \"ascii\" }",
        "",
    ),
    ("character_set = \"gbk\"", ""),
    ("base = \"unionpay-like\"", ""),
    (
        "base = \"unionpay-like\"\nbitmap = \"hex\"\ncharacter_set = \"gb18030\"",
        "",
    ),
    ("base = \"acquirer-generic\"\nname_tag = true", ""),
    (
        "base = \"union-pay-like\"",
        "15:8 `participants[].dialect.base` cannot be \"union-pay-like\" | did you mean \
         `unionpay-like`?",
    ),
    (
        "character_set = \"ebcdic\"",
        "15:17 character set Ebcdic is not supported yet | use \"ascii\", \"utf-8\", \"gbk\" or \
         \"gb18030\"",
    ),
    (
        "fields.65 = { absent = true }",
        "15:8 `65` is not the number of a data element | use 2 to 64 or 66 to 128: the others are \
         bitmaps",
    ),
    (
        "fields.37 = { absent = true }",
        "15:8 DE 37 cannot be absent: our messages need it | remove `absent`",
    ),
    (
        "fields.35 = { absent = true, length = \"6\" }",
        "15:24 an absent field has no `length` | remove one of the two",
    ),
    (
        "fields.4 = { length = \"..12\" }",
        "15:8 DE 4 cannot have this length: its value is read | remove `length`, or use one that \
         is long enough",
    ),
    (
        "fields.44 = { length = \"LL99\" }",
        "15:24 \"LL99\" is not the length of a field | write \"6\" for a fixed length, \"..19\" \
         for two digits of length, \"...999\" for three",
    ),
    (
        "fields.44 = { fromat = \"n\" }",
        "15:15 unknown key `fromat` in [participants.dialect.fields.N] | did you mean `format`?",
    ),
];

#[test]
fn dialects_are_the_plain_one_with_departures() {
    let plain = SMALL.replace("protocol = \"sbe\"", ASCII);
    let hash = Configuration::from_text("small.toml", &plain)
        .unwrap()
        .table_hash;
    let mut hashes = BTreeSet::new();
    for (dialect, expected) in DIALECTS {
        let text = plain.replace(
            "code_prefixes = [\"2836\"]\n",
            &format!("[participants.dialect]\n{dialect}\n"),
        );
        match Configuration::from_text("small.toml", &text) {
            Ok(configuration) => {
                assert_eq!("", *expected, "{dialect}");
                assert_ne!(configuration.table_hash, hash, "{dialect}");
                assert!(hashes.insert(configuration.table_hash), "{dialect}");
            }
            Err(errors) => assert_eq!(said(&errors), *expected, "{dialect}"),
        }
    }
    let sbe = format!("{SMALL}[participants.dialect]\ncharacter_set = \"utf-8\"\n");
    let errors = Configuration::from_text("small.toml", &sbe).unwrap_err();
    assert_eq!(said(&errors), "15:1 sbe has one dialect | remove the table");
}

/// What a base says already is no departure from it.
#[test]
fn a_base_is_a_table_of_departures() {
    let read = |dialect: &str| {
        let plain = SMALL.replace("protocol = \"sbe\"", ASCII);
        let text = format!("{plain}[participants.dialect]\n{dialect}\n");
        let configuration = Configuration::from_text("small.toml", &text).unwrap();
        let Dialect::Iso8583(dialect) = &configuration.participants[0].dialect else {
            panic!("not ISO 8583")
        };
        (configuration.table_hash, dialect.clone())
    };
    let (hash, dialect) = read("base = \"unionpay-like\"");
    assert_eq!(dialect.charset(), Charset::Gbk);
    assert_eq!(dialect.bitmap(), Coding::Binary);
    assert!(dialect.has_name_tag());
    let (same, _) = read(
        "base = \"unionpay-like\"\ncharacter_set = \"gbk\"\nbitmap = \"binary\"\nname_tag = true",
    );
    assert_eq!(same, hash);
    let (_, changed) = read("base = \"unionpay-like\"\nbitmap = \"hex\"\nname_tag = false");
    assert_eq!(changed.bitmap(), Coding::Ascii);
    assert!(!changed.has_name_tag());
}

#[test]
fn a_message_header_is_written_in_hexadecimal() {
    let plain = SMALL.replace("protocol = \"sbe\"", ASCII);
    for (header, expected) in [
        ("\"603100311000\"", None),
        ("\"6031003110\"", None),
        ("\"\"", Some("\"\" is not a message header")),
        ("\"603\"", Some("\"603\" is not a message header")),
        (
            "\"60310031100000aa\"",
            Some("\"60310031100000aa\" is not a message header"),
        ),
        ("\"60x1\"", Some("\"60x1\" is not a message header")),
    ] {
        let text = plain.replacen(ASCII, &format!("{ASCII}\nmessage_header = {header}"), 1);
        let found = Configuration::from_text("small.toml", &text);
        match (&found, expected) {
            (Ok(configuration), None) => {
                let written = configuration.listeners[0].framing.message_header();
                assert_eq!(written.bytes().len(), (header.len() - 2) / 2);
            }
            (Err(errors), Some(expected)) => {
                let said = said(errors);
                assert!(
                    said.contains(expected) && said.contains("1 to 7 bytes"),
                    "{said}"
                );
            }
            other => panic!("{header}: {other:?}"),
        }
    }
    let sbe = SMALL.replacen(
        "protocol = \"sbe\"",
        "protocol = \"sbe\"\nmessage_header = \"60\"",
        1,
    );
    let errors = Configuration::from_text("small.toml", &sbe).unwrap_err();
    assert!(said(&errors).contains("sbe has no message header"));
}

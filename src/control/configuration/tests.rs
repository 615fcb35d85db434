//! Tests of the configuration: the sandbox, the document, and what a wrong file is told.

use std::collections::BTreeSet;

use super::keys::{KEYS, Key, Kind, Presence};
use super::section::{element, number};
use super::*;
use crate::control::tables::FORMS;
use crate::control::tables::sheet::{Column, Needed};
use crate::control::tables::standing::WITHOUT_FILE;
use crate::model::participant::Role;

const DOCUMENT: &str = include_str!("../CONFIGURATION.md");

/// The smallest configuration that is right, of 15 lines.
pub(super) const SMALL: &str = r#"[admin]
address = "127.0.0.1:0"
[[listeners]]
name = "sbe"
protocol = "sbe"
address = "127.0.0.1:7100"
[[participants]]
name = "dana"
institution = 36000001
role = "wallet"
country = "ID"
currency = "IDR"
protocol = "sbe"
code_prefixes = ["2836"]
"#;

#[test]
fn the_sandbox_has_a_wallet_and_an_acquirer_for_every_protocol() {
    let sandbox = Configuration::sandbox();
    assert_eq!(sandbox.shards, 1);
    assert_eq!(sandbox.journal.data, Path::new("data"));
    for protocol in Protocol::ALL {
        assert!(
            sandbox
                .listeners
                .iter()
                .any(|listener| listener.protocol == protocol)
        );
        for role in [Role::Wallet, Role::Acquirer] {
            assert!(sandbox.participants.iter().any(|entry| {
                entry.participant.protocol == protocol && entry.participant.role == role
            }));
        }
    }
    for entry in &sandbox.participants {
        assert_eq!(entry.participant.institution.to_string().len(), 8);
        let wallet = entry.participant.role == Role::Wallet;
        assert_eq!(wallet, !entry.code_prefixes.is_empty());
        assert!(entry.admits("127.0.0.1".parse().unwrap()));
        assert!(!entry.admits("192.0.2.1".parse().unwrap()));
    }
}

#[test]
fn the_document_has_a_row_for_every_key_and_no_other() {
    let columns = FORMS.iter().flat_map(|form| {
        form.columns
            .iter()
            .map(|column| column_row(form.key, column))
    });
    let expected: BTreeSet<String> = KEYS.iter().map(row).chain(columns).collect();
    let found: BTreeSet<String> = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = expected.difference(&found).map(String::as_str).collect();
    let surplus: Vec<_> = found.difference(&expected).map(String::as_str).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "add to CONFIGURATION.md:\n{}\nremove:\n{}",
        missing.join("\n"),
        surplus.join("\n"),
    );
}

fn row(key: &Key) -> String {
    let default = match key.presence {
        Presence::Required => "**required**".to_owned(),
        Presence::Default(value) => format!("`{value}`"),
        Presence::Optional(what) => what.to_owned(),
        Presence::NotYet => "not supported yet".to_owned(),
    };
    let takes = shape::takes(key.kind);
    format!("| `{}` | {takes} | {default} | {} |", key.path, key.meaning)
}

fn column_row(table: &str, column: &Column) -> String {
    let otherwise = match column.needed {
        Needed::Always => "**required**",
        Needed::Else(otherwise) => otherwise,
    };
    let (name, takes, meaning) = (column.name, column.takes, column.meaning);
    format!("| `{table}: {name}` | {takes} | {otherwise} | {meaning} |")
}

#[test]
fn every_table_file_has_a_key_and_columns_with_names_of_their_own() {
    for form in FORMS {
        let path = format!("tables.{}", form.key);
        assert!(KEYS.iter().any(|key| key.path == path), "{path}");
        let names: BTreeSet<_> = form.columns.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), form.columns.len(), "{path}");
    }
}

#[test]
fn a_table_that_is_missing_or_wrong_is_told_with_its_own_name() {
    let text = format!("[tables]\nrates = \"rates.tsv\"\n{SMALL}");
    let read = |table: std::io::Result<&str>| {
        let table = table.map(str::to_owned).map_err(|error| error.kind());
        Configuration::from_text_and_tables("etc/small.toml", &text, &|name| {
            if name == WITHOUT_FILE {
                return Err(std::io::ErrorKind::NotFound.into());
            }
            assert_eq!(name, "rates.tsv");
            table.clone().map_err(std::io::Error::from)
        })
    };
    let head = "base\tquote\trate\tvalid_from\tvalid_until\tsource\n";
    let row = "MYR\tCNY\t1.7\t2026-01-01T00:00:00Z\t2027-01-01T00:00:00Z\tbank\n";
    let good = read(Ok(&format!("{head}{row}"))).unwrap();
    let [file, standing] = good.table_files.as_slice() else {
        panic!("{:?}", good.table_files)
    };
    assert_eq!((standing.key, standing.tally.rows), ("standing", 0));
    assert_eq!(
        (file.key, file.name.as_str(), file.tally.rows),
        ("rates", "rates.tsv", 1)
    );
    let plain = Configuration::from_text("small.toml", SMALL).unwrap();
    let other = read(Ok(&format!("{head}{}", row.replace("1.7", "1.8")))).unwrap();
    assert_ne!(good.table_hash, plain.table_hash);
    assert_ne!(good.table_hash, other.table_hash);

    let missing = read(Err(std::io::ErrorKind::NotFound.into())).unwrap_err();
    assert_eq!(
        said(&missing),
        "2:9 cannot read the table \"rates.tsv\": entity not found | the path starts at the \
         configuration's own folder: correct it"
    );
    let wrong = read(Ok(&format!("{head}{row}{}", row.replace("MYR", "MYX")))).unwrap_err();
    let expected = "error: `base`: \"MYX\" is not a currency with a minor unit
  --> etc/rates.tsv:3:1
    |
  3 | MYX ...
    | ^^^
    = remedy: did you mean `MYR`?

etc/small.toml: 1 error";
    assert_eq!(wrong.to_string(), expected);
}

#[test]
fn every_default_is_a_value_of_its_key() {
    for key in KEYS {
        let Presence::Default(default) = key.presence else {
            continue;
        };
        let value = toml::de::DeValue::parse(default).unwrap();
        let value = value.get_ref();
        let good = match key.kind {
            Kind::Text => value.is_str(),
            Kind::Word(words) => words.contains(&value.as_str().unwrap()),
            Kind::Flag => value.is_bool(),
            Kind::Texts | Kind::Wholes(..) | Kind::ManyDigits(..) => value.is_array(),
            kind => number(value, element(kind)).is_some(),
        };
        assert!(good, "{}", key.path);
    }
}

#[test]
fn every_key_stands_in_a_table_that_is_there_and_is_not_there_twice() {
    for (index, key) in KEYS.iter().enumerate() {
        let (table, _) = key.split();
        let holder = table
            .strip_suffix("fields[]")
            .map_or(table, |_| table.trim_end_matches("[]"));
        assert!(
            table.is_empty() || KEYS.iter().any(|key| key.path == holder),
            "{}",
            key.path
        );
        assert!(
            KEYS[..index].iter().all(|before| before.path != key.path),
            "{}",
            key.path
        );
    }
}

#[test]
fn equal_tables_have_equal_hashes() {
    let hash = |text: &str| {
        Configuration::from_text("small.toml", text)
            .unwrap()
            .table_hash
    };
    let spaced = SMALL
        .replace(" = ", "   =  ")
        .replace("[admin]", "# a comment\n[admin]");
    assert_eq!(hash(&spaced), hash(SMALL));
    assert_ne!(hash(&SMALL.replace("2836", "2837")), hash(SMALL));
    assert_ne!(hash(&SMALL.replace("\"IDR\"", "\"USD\"")), hash(SMALL));
    assert_eq!(hash(&SMALL.replace("\"IDR\"", "\"360\"")), hash(SMALL));
}

/// `SMALL` with one change, and what is said of it: `line:column problem | remedy`.
const REFUSALS: &[(&str, &str, &str)] = &[
    (
        "name = \"dana\"",
        "name = \"dana",
        "8:13 this is not TOML: invalid basic string, expected `\"` | quote texts with \"...\", \
        write lists as [a, b], put each key on its own line",
    ),
    (
        "role = \"wallet\"",
        "rolle = \"wallet\"",
        "7:1 `participants[].role` is missing | add it: `wallet` holds payers, `acquirer` holds \
        merchants, `infrastructure` fronts both.\n10:1 unknown key `rolle` in [[participants]] | \
        did you mean `role`?",
    ),
    (
        "role = \"wallet\"",
        "role = \"walet\"",
        "10:8 `participants[].role` cannot be \"walet\" | did you mean `wallet`?",
    ),
    (
        "[admin]",
        "window_in = 3\n[admin]",
        "1:1 unknown key `window_in` at the top level | `window_in` belongs in [[participants]]",
    ),
    (
        "127.0.0.1:0\"\n[[listeners]]",
        "0.0.0.0:9464\"\n[[listeners]]",
        "2:11 `admin.address` 0.0.0.0:9464 is not a loopback one, and without tokens | name a file \
        of tokens as `admin.tokens`, or use 127.0.0.1 or [::1]",
    ),
    (
        "[admin]",
        "[admin]\ntokens = \"tokens\"",
        "2:10 cannot read the token file \"tokens\": no files are at hand here | the path starts \
        at the configuration's own folder: correct it",
    ),
    (
        "36000001",
        "360000010000",
        "9:15 `participants[].institution` cannot be 360000010000: it goes from 1 to 99999999999 \
        | use a number from 1 to 99999999999",
    ),
    (
        "36000001",
        "\"36x\"",
        "9:15 `participants[].institution` cannot be \"36x\" | use a number from 1 to 99999999999",
    ),
    (
        "\"ID\"",
        "\"IDN\"",
        "11:11 \"IDN\" is not a country that is known here | did you mean `ID`?",
    ),
    (
        "\"ID\"",
        "true",
        "11:11 `participants[].country` cannot be true or false | use a text in quotes",
    ),
    (
        "\"IDR\"",
        "\"Rupiah\"",
        "12:12 \"Rupiah\" is not a currency that is known here | use its three digits of ISO \
        4217, such as \"458\"",
    ),
    (
        "\"dana\"",
        "\"Dana Wallet\"",
        "8:8 \"Dana Wallet\" is not a name | use 1 to 32 lower-case letters, digits and hyphens, \
        such as \"kakao-pay\"",
    ),
    (
        "\"2836\"",
        "\"28\", \"28\"",
        "14:24 the code prefix 28 is used twice | change one of them; the first is on line 14",
    ),
    (
        "\"2836\"",
        "\"28x6\"",
        "14:18 \"28x6\" is not the beginning of a payment code | use 1 to 12 digits",
    ),
    (
        "role = \"wallet\"",
        "role = \"acquirer\"",
        "14:18 an acquirer has no payers, and so no payment codes | remove `code_prefixes`, or \
        make the role \"wallet\"",
    ),
    (
        "currency = \"IDR\"\nprotocol = \"sbe\"",
        "currency = \"IDR\"\nprotocol = \"iso8583-ascii\"",
        "13:12 no listener speaks iso8583-ascii | add [[listeners]] with protocol = \
        \"iso8583-ascii\"",
    ),
    (
        "127.0.0.1:7100",
        "localhost:7100",
        "6:11 \"localhost:7100\" is not an IP address and a port | write it as \"127.0.0.1:7100\" \
        or \"[::1]:7100\"; host names are not looked up",
    ),
    (
        "127.0.0.1:0",
        "127.0.0.1:7100",
        "6:11 the address 127.0.0.1:7100 is used twice | change one of them; the first is on line \
        2",
    ),
    (
        "name = \"sbe\"",
        "framing = \"len2\"\nname = \"sbe\"",
        "4:11 sbe cannot be framed with `len2` | use \"sofh\", or leave it out",
    ),
    (
        "name = \"sbe\"",
        "frame_bytes_max = \"1 MiB\"\nname = \"sbe\"",
        "4:19 `listeners[].frame_bytes_max` cannot be \"1 MiB\" | use a number of bytes or a text \
        such as \"64 MiB\", from 4 KiB to 64 KiB",
    ),
    (
        "name = \"sbe\"",
        "tls = true\nname = \"sbe\"",
        "4:1 `listeners[].tls` is not supported yet: TLS 1.3 with client certificates | remove \
        the key; this version of the switch works without it",
    ),
    (
        "[admin]",
        "[shard]\ncount = 2\nforward = \"written\"\n[admin]",
        "3:11 `shard.forward` = \"written\" is not supported yet | use \"committed\"",
    ),
    (
        "[admin]",
        "[shard]\ncores = [0, 1]\n[admin]",
        "2:13 2 cores for 1 shard(s) | name one core for each shard, or none",
    ),
    (
        "[admin]",
        "[journal]\nsegment_bytes = \"64 MiB\"\nbytes_max = \"100 MiB\"\n[admin]",
        "3:13 `journal.bytes_max` has no room for two segments | use at least 128 MiB, or smaller \
        segments",
    ),
    (
        "[admin]",
        "[journal]\ntail_bytes = 10000001\n[admin]",
        "2:14 `journal.tail_bytes` is not a multiple of 4096 | use whole KiB that four divides, \
        such as \"64 MiB\"",
    ),
    (
        "[admin]",
        "[limits]\nlinks_max = 10\nunsigned_links_max = 11\n[admin]",
        "3:22 `limits.unsigned_links_max` (11) is more than `limits.links_max` (10) | links that \
        have not signed on are part of all links: lower it, or raise `links_max`",
    ),
    (
        "code_prefixes = [\"2836\"]",
        "[participants.credentials]\naddresses = [\"10.0.0.1/8\"]",
        "15:14 \"10.0.0.1/8\" is not a network: bits of the address are set beyond the prefix | \
        write it as \"10.1.0.0/16\", \"2001:db8::/32\" or a single address",
    ),
];

#[test]
fn what_is_wrong_is_said_with_its_place_and_remedy() {
    Configuration::from_text("small.toml", SMALL).expect("it is right before it is changed");
    for (from, to, expected) in REFUSALS {
        assert!(SMALL.contains(from), "{from}");
        let text = SMALL.replacen(from, to, 1);
        let errors = Configuration::from_text("small.toml", &text).expect_err(to);
        assert_eq!(said(&errors), *expected, "for {to}");
    }
}

/// Every error as `line:column problem | remedy`.
pub(super) fn said(errors: &Diagnostics) -> String {
    let said = errors.errors().iter().map(|error| {
        format!(
            "{}:{} {} | {}",
            error.line, error.column, error.problem, error.remedy
        )
    });
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_answer_that_comes_too_late_for_an_originator_is_refused() {
    let acquirer = SMALL
        .split_once("[[participants]]")
        .map(|(_, wallet)| wallet)
        .unwrap()
        .replace("dana", "qris")
        .replace("36000001", "36000002")
        .replace("\"wallet\"", "\"acquirer\"")
        .replace("code_prefixes = [\"2836\"]", "answers_within_ms = 5000");
    let text = format!("{SMALL}[[participants]]{acquirer}");
    let errors = Configuration::from_text("small.toml", &text).unwrap_err();
    let [error] = errors.errors() else {
        panic!("{errors}")
    };
    assert_eq!(
        error.problem,
        "`qris` may take 5000 ms to answer, and `dana` waits 5000 ms"
    );
    let text = text.replace("= 5000", "= 4000");
    Configuration::from_text("small.toml", &text).unwrap();
}

#[test]
fn people_see_the_line_and_a_caret() {
    let text = SMALL.replace("country = \"ID\"", "country = \"IX\" # Indonesia");
    let errors = Configuration::from_text("small.toml", &text).unwrap_err();
    let expected = "error: \"IX\" is not a country that is known here
  --> small.toml:11:11
    |
 11 | country = \"IX\" ...
    |           ^^^^
    = remedy: use its three digits of ISO 3166-1, such as \"458\"

small.toml: 1 error";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn a_secret_is_never_shown() {
    for line in [
        "mac_key = \"SESAME\"",
        "mac_keys = \"SESAME\"",
        "mac_key = \"SESAME",
    ] {
        let text = format!("{SMALL}[participants.credentials]\n{line}\n");
        let errors = Configuration::from_text("small.toml", &text).unwrap_err();
        let json = serde_json::to_string(&errors).unwrap();
        assert!(
            !format!("{errors}{json}").contains("SESAME"),
            "{errors}\n{json}"
        );
    }
}

proptest::proptest! {
    /// Whatever is cut out of a right file, or put into it, is answered and never a panic.
    #[test]
    fn a_damaged_file_is_answered(at in 0..SANDBOX.len(), cut in 0_usize..40, put in ".{0,8}") {
        let end = (at + cut).min(SANDBOX.len());
        let (head, tail) = (SANDBOX.get(..at).unwrap_or(""), SANDBOX.get(end..).unwrap_or(""));
        let text = format!("{head}{put}{tail}");
        if let Err(errors) = Configuration::from_text("sandbox.toml", &text) {
            assert!(!errors.errors().is_empty() && !errors.to_string().is_empty());
        }
    }
}

#[test]
fn rates_and_quotes_are_as_the_file_says() {
    let plain = Configuration::from_text("small.toml", SMALL).unwrap();
    assert_eq!(plain.fx.settings.pivot.numeric(), 156);
    assert_eq!(plain.fx.settings.significant_digits, 7);
    assert_eq!((plain.fx.settlement, plain.quotes.valid_s), (None, 60));
    assert!(plain.quotes.keys.is_none());
    let text = format!(
        "[fx]\npivot = \"USD\"\nsettlement = \"EUR\"\nsignificant_digits = 9\n[quotes]\n\
         valid_s = 90\n{SMALL}"
    );
    let said = Configuration::from_text("small.toml", &text).unwrap();
    assert_eq!(said.fx.settings.pivot.numeric(), 840);
    assert_eq!(said.fx.settlement.map(|it| it.numeric()), Some(978));
    assert_eq!(
        (said.fx.settings.significant_digits, said.quotes.valid_s),
        (9, 90)
    );
    assert_ne!(said.table_hash, plain.table_hash);
}

#[test]
fn a_key_file_holds_one_key_or_two_and_is_never_shown() {
    let text = format!("[quotes]\nkey_file = \"quotes.hex\"\n{SMALL}");
    let read = |file: &str| {
        Configuration::from_text_and_tables("small.toml", &text, &|name| {
            if name == WITHOUT_FILE {
                return Err(std::io::ErrorKind::NotFound.into());
            }
            assert_eq!(name, "quotes.hex");
            Ok(file.to_owned())
        })
    };
    // The canary: what is in the file is in no report and in no rendering of what was read.
    let (one, two) = ("5e5a3e".repeat(11), "0BadCafe".repeat(8));
    let one = one.get(..64).unwrap();
    for good in [format!("{one}\n"), format!("\n  {one}\n{two}\n\n")] {
        let configuration = read(&good).unwrap();
        let shown = format!("{:?}", configuration.quotes);
        assert!(configuration.quotes.keys.is_some());
        assert!(
            !shown.contains("5e5a") && !shown.contains("94, 90"),
            "{shown}"
        );
    }
    let short = one.get(1..).unwrap();
    for bad in [
        String::new(),
        short.to_owned(),
        format!("{short}g"),
        format!("{one}0"),
        format!("{one}\n{two}\n{two}"),
    ] {
        let errors = read(&bad).unwrap_err();
        let json = serde_json::to_string(&errors).unwrap();
        assert_eq!(errors.errors().len(), 1);
        assert!(
            !format!("{errors}{json}").contains("5e5a3e"),
            "{errors}{json}"
        );
    }
}

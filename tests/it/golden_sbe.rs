//! Bytes that other implementations of FIX SBE made from our schema, held against our codec: read,
//! compared value by value, and written again to the same bytes.
//!
//! `tests/golden/make_sbe.sh` makes the files; each names its tool, version and command.

use std::path::Path;

use cpg_switch::model::message::{Kind, Message};
use cpg_switch::wire::redact::{Secrets, Value, each_field};
use cpg_switch::wire::sbe;
use serde_json::{Map, Value as Json, json};

fn document(file: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/data")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let document: Json = serde_json::from_str(&text).unwrap();
    for note in ["tool", "version", "command"] {
        assert!(
            document[note].is_string(),
            "{file} does not name its {note}"
        );
    }
    document
}

fn cases(document: &Json) -> &[Json] {
    document["cases"].as_array().unwrap()
}

fn bytes(case: &Json) -> Vec<u8> {
    let hex = case["hex"].as_str().unwrap();
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
        panic!("half a byte in {hex}");
    };
    pairs
        .iter()
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The schema writes `lateApproval` where the house writes `late-approval`.
fn humped(word: &str) -> String {
    let mut parts = word.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |sum, part| {
        let (head, tail) = part.split_at(1);
        sum + &head.to_uppercase() + tail
    })
}

/// The fields of a message in the form in which `sbe_values.json` documents them.
fn fields(message: &Message<'_>) -> Map<String, Json> {
    let mut fields = Map::new();
    each_field(message, Secrets::Shown, &mut |name, value| {
        let value = match value {
            Value::Number(number) => json!(number),
            Value::Flag(flag) => json!(u8::from(flag)),
            Value::Word(word) => json!(humped(word)),
            Value::Date(date) => json!(date.yyyymmdd()),
            Value::Time(time) => json!(time.hhmmss()),
            Value::Wall(wall) => json!(wall.0),
            Value::Money(it) => json!({"mantissa": it.minor, "currency": it.currency.numeric()}),
            Value::Rate(it) => json!({"mantissa": it.mantissa, "exponent": it.exponent}),
            Value::Text(text) => json!(text.exact().unwrap()),
            Value::Code(_) | Value::Bytes(_) | Value::Masked(_) | Value::Withheld(_) => {
                json!(value.to_string())
            }
        };
        assert!(
            fields.insert(name.to_owned(), value).is_none(),
            "{name} twice"
        );
    });
    fields
}

#[test]
fn what_another_codec_wrote_is_read_and_written_alike() {
    let document = document("sbe_gen.json");
    let mut kinds = Vec::new();
    for case in cases(&document) {
        let body = bytes(case);
        let message = sbe::decode(&body).unwrap_or_else(|refused| panic!("{case}: {refused}"));
        assert_eq!(format!("{:?}", message.kind()), case["template"]);
        let expected = case["fields"].as_object().unwrap();
        assert_eq!(&fields(&message), expected, "{}", case["name"]);

        let mut out = vec![0; body.len()];
        let encoded = sbe::encode(&message, &mut out).unwrap();
        assert_eq!((encoded.bytes, encoded.dropped), (body.len(), 0));
        assert_eq!(out, body, "{}", case["name"]);
        kinds.push(message.kind());
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, Kind::ALL, "a template has no golden bytes");
}

#[test]
fn a_second_codec_wrote_the_same_fixed_parts() {
    let (ours, other) = (document("sbe_gen.json"), document("sbe_pypi.json"));
    assert_eq!(cases(&ours).len(), cases(&other).len());
    for (whole, fixed) in cases(&ours).iter().zip(cases(&other)) {
        assert_eq!(whole["name"], fixed["name"]);
        let (whole, fixed) = (bytes(whole), bytes(fixed));
        let message = sbe::decode(&whole).unwrap();
        let mut out = vec![0; whole.len()];
        sbe::encode(&message, &mut out).unwrap();
        assert_eq!(out[..fixed.len()], fixed, "{:?}", message.kind());
    }
}

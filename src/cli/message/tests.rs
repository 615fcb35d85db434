//! Messages to JSON and back, as a person would type it.

use serde_json::Value as Json;

use super::unframe::{from_hex, to_hex};
use crate::cli::exit::Exit;
use crate::cli::tests::{run, run_bytes};
use crate::model::message::Kind;
use crate::model::participant::Protocol;
use crate::wire::frame::Framing;
use crate::wire::sbe::samples::{Draw, message};
use crate::wire::{Dialect, encode_frame};

fn framed(protocol: Protocol, framing: Framing, kind: Kind) -> Vec<u8> {
    let mut out = vec![0; 16 * 1024];
    let message = message(kind, &mut Draw(7));
    let encoded = encode_frame(&Dialect::plain(protocol), framing, None, &message, &mut out);
    out.truncate(encoded.unwrap().bytes);
    out
}

fn decode(protocol: &str, words: &[&str], bytes: &[u8]) -> (Exit, String, String) {
    let given = ["message", "decode", "--protocol", protocol, "--json"];
    run(&[&given, words].concat(), bytes)
}

fn encode(protocol: &str, words: &[&str], json: &str) -> (Exit, Vec<u8>, String) {
    let given = ["message", "encode", "--protocol", protocol];
    run_bytes(&[&given, words].concat(), json.as_bytes())
}

#[test]
fn every_sbe_message_comes_back_byte_for_byte_framed_or_bare() {
    for kind in Kind::ALL {
        let frame = framed(Protocol::Sbe, Framing::Sofh, kind);
        for bytes in [&frame[..], &frame[6..]] {
            let (exit, json, error) = decode("sbe", &["--unmask"], bytes);
            assert_eq!((exit, error.as_str()), (Exit::Good, ""), "{json}");
            let (exit, again, error) = encode("sbe", &[], &json);
            assert_eq!((exit, error.as_str()), (Exit::Good, ""), "{json}");
            assert_eq!(again, bytes, "{json}");

            let hex = to_hex(bytes);
            assert_eq!(
                decode("sbe", &["--unmask", "--hex"], hex.as_bytes()).1,
                json
            );
            let (_, again, _) = encode("sbe", &["--hex"], &json);
            assert_eq!(from_hex(&again).unwrap(), bytes);
        }
    }
}

#[test]
fn fields_are_under_their_names_in_the_order_of_the_wire() {
    let frame = framed(Protocol::Sbe, Framing::Sofh, Kind::PaymentRequest);
    let (_, text, _) = decode("sbe", &["--unmask"], &frame);
    let json: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(json["framing"], "sofh");
    assert_eq!(json["message"], "PaymentRequest");
    assert!(json["fields"]["amount"]["minor"].is_i64());
    assert!(text.find("\"linkRef\"").unwrap() < text.find("\"amount\"").unwrap());
    assert!(text.find("\"amount\"").unwrap() < text.find("\"code\"").unwrap());
}

#[test]
fn secrets_are_masked_and_a_masked_message_is_not_written() {
    let frame = framed(Protocol::Sbe, Framing::Sofh, Kind::PaymentRequest);
    let (_, open, _) = decode("sbe", &["--unmask"], &frame);
    let open: Json = serde_json::from_str(&open).unwrap();
    let (_, text, _) = decode("sbe", &[], &frame);
    let masked: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(masked["masked"], true);
    assert!(!text.contains(open["fields"]["code"].as_str().unwrap()));
    let (exit, bytes, error) = encode("sbe", &[], &text);
    assert_eq!((exit, bytes.len()), (Exit::Failed, 0));
    assert!(
        error.contains("masked") && error.contains("--unmask"),
        "{error}"
    );
}

#[test]
fn a_refused_message_is_shown_with_the_refusal() {
    let mut frame = framed(Protocol::Sbe, Framing::Sofh, Kind::SignOn);
    // businessDate becomes a day that does not exist.
    frame[6 + 8 + 26] = 0x01;
    let (exit, text, error) = decode("sbe", &[], &frame);
    assert_eq!(exit, Exit::Failed);
    let json: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(json["refused"]["fault"], "bad-value");
    assert_eq!(json["refused"]["response_code"], "30");
    assert_eq!(json["refused"]["field_name"], "businessDate");
    assert_eq!(json["message"], "SignOn");
    assert!(
        error.contains("field 12 (businessDate) at offset 34"),
        "{error}"
    );
}

#[test]
fn what_is_not_one_message_is_told_so() {
    let frame = framed(Protocol::Sbe, Framing::Sofh, Kind::Echo);
    let two = [&frame[..], &frame[..]].concat();
    for (words, bytes, exit, expected) in [
        (
            &[][..],
            &two[..],
            Exit::Failed,
            "bytes follow the first message",
        ),
        (
            &[][..],
            to_hex(&frame).as_bytes(),
            Exit::Failed,
            "add --hex",
        ),
        (&["--hex"][..], &frame[..], Exit::Usage, "leave out --hex"),
        (&["--hex"][..], b"abc", Exit::Usage, "odd"),
        (&[][..], b"", Exit::Usage, "standard input is empty"),
        (
            &[][..],
            b"\x00\x55080082200000",
            Exit::Failed,
            "looks like ISO 8583 behind len2",
        ),
        (&[][..], &frame[..frame.len() - 1], Exit::Failed, "refused"),
    ] {
        let (found, _, error) = decode("sbe", words, bytes);
        assert_eq!(found, exit, "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn json_that_is_no_message_is_told_what_is_missing() {
    for (json, expected) in [
        ("{", "not JSON"),
        ("{}", "`message` is missing"),
        (r#"{"message": "SignOn"}"#, "fields: it must be an object"),
        (r#"{"message": "Sign", "fields": {}}"#, "no template `Sign`"),
        (
            r#"{"message": "SignOn", "fields": {"nonce": []}}"#,
            "nonce: no field has such a value",
        ),
        (
            r#"{"message": "SignOn", "fields": {"nonce": -1}}"#,
            "nonce: no field has such a value",
        ),
        (
            r#"{"message": "SignOn", "fields": {"nonse": 1}}"#,
            "nonse: SignOn has no such field",
        ),
        (
            r#"{"message": "SignOn", "fields": {}, "framing": "len9"}"#,
            "use one of sofh, len2",
        ),
        (
            r#"{"protocol": "iso8583-ascii", "message": "SignOn"}"#,
            "--protocol says otherwise",
        ),
    ] {
        let (exit, bytes, error) = encode("sbe", &[], json);
        assert_eq!((exit, bytes.len()), (Exit::Failed, 0), "{json}");
        assert!(error.contains(expected), "{json}: {error}");
    }
}

/// A consumer-presented payment in ASCII, written by hand.
const PAYMENT: &str = concat!(
    "0200",
    "3238440108C18004",
    "000000",
    "000000012550",
    "1121140509",
    "004711",
    "220509",
    "1121",
    "5814",
    "030",
    "08",
    "15600021",
    "WX2026112101",
    "T0000042",
    "CAFE-42        ",
    "006",
    "01001C",
    "156",
    "018",
    "281045678901234567",
);

#[test]
fn iso_8583_fields_are_under_their_numbers_in_every_framing() {
    let length = u16::try_from(PAYMENT.len()).unwrap();
    let len2 = [&length.to_be_bytes()[..], PAYMENT.as_bytes()].concat();
    let len4 = [format!("{length:04}").as_bytes(), PAYMENT.as_bytes()].concat();
    let tpdu = [
        &(length + 5).to_be_bytes()[..],
        &[0x60, 0, 1, 0, 2],
        PAYMENT.as_bytes(),
    ]
    .concat();
    for (framing, bytes) in [
        (Json::Null, PAYMENT.as_bytes()),
        ("len2".into(), &len2[..]),
        ("len4".into(), &len4[..]),
        ("len2-tpdu".into(), &tpdu[..]),
    ] {
        let (exit, text, error) =
            decode("iso8583-ascii", &["--unmask", "--date", "20261121"], bytes);
        assert_eq!((exit, error.as_str()), (Exit::Good, ""), "{text}");
        let json: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(json["framing"], framing);
        assert_eq!(json["mti"], "0200");
        assert_eq!(json["fields"]["4"], "000000012550");
        assert_eq!(json["fields"]["48"]["01"], "C");
        assert_eq!(json["fields"]["62"], "281045678901234567");
        assert!(text.find("\"4\"").unwrap() < text.find("\"37\"").unwrap());
        let (exit, again, error) = encode("iso8583-ascii", &[], &text);
        assert_eq!((exit, error.as_str()), (Exit::Good, ""));
        assert_eq!(again, bytes);
    }
    let (_, masked, _) = decode("iso8583-ascii", &[], PAYMENT.as_bytes());
    assert!(
        !masked.contains("281045") && masked.contains("[18 bytes withheld]"),
        "{masked}"
    );
}

#[test]
fn iso_8583_fields_move_from_ascii_to_binary_under_the_same_numbers() {
    let (_, text, _) = decode("iso8583-ascii", &["--unmask"], PAYMENT.as_bytes());
    let mut json: Json = serde_json::from_str(&text).unwrap();
    json["protocol"] = "iso8583-binary".into();
    let (exit, hex, error) = encode("iso8583-binary", &["--hex"], &json.to_string());
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    let start =
        "02003238440108c1800400000000000001255011211405090047112205091121581400300815600021";
    assert!(
        hex.starts_with(start.as_bytes()),
        "{}",
        String::from_utf8_lossy(&hex)
    );
    let (exit, again, error) = decode("iso8583-binary", &["--hex", "--unmask"], &hex);
    assert_eq!((exit, error.as_str()), (Exit::Good, ""));
    let again: Json = serde_json::from_str(&again).unwrap();
    assert_eq!(again["fields"], json["fields"]);
}

#[test]
fn a_refused_iso_8583_message_names_the_data_element() {
    let wrong = PAYMENT.replace("220509", "226509");
    let (exit, text, error) = decode("iso8583-ascii", &[], wrong.as_bytes());
    assert_eq!(exit, Exit::Failed, "{text}");
    assert!(
        error.contains("DE 12 (") && error.contains("at offset 54"),
        "{error}"
    );
    let (exit, _, error) = decode(
        "iso8583-ascii",
        &[],
        &framed(Protocol::Sbe, Framing::Sofh, Kind::Echo),
    );
    assert_eq!(exit, Exit::Failed);
    assert!(error.contains("looks like SBE"), "{error}");
}

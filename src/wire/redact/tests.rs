//! What is printed, and above all what is not.

use super::{Redacted, Secrets, Text, each_field, mask};
use crate::model::chars::{Chars, Sensitive};
use crate::model::message::{Kind, Message};
use crate::wire::sbe::samples::{self, Draw};

fn payment() -> Message<'static> {
    let Message::PaymentRequest(mut request) = samples::message(Kind::PaymentRequest, &mut Draw(1))
    else {
        unreachable!("as asked");
    };
    request.code = Sensitive(b"281234567890123456");
    request.payer_token = Chars::padded(b"tok_0123456789abcdef");
    request.merchant_name = "Caf\u{e9} \"\n\u{202e}6222021234567890127".as_bytes();
    request.quote = b"AQIDBAUGBwgJ";
    request.mac = b"\x01\x02\x03";
    Message::PaymentRequest(request)
}

#[test]
fn a_log_line_shows_no_secret_and_no_control_character() {
    let message = payment();
    let line = Redacted(&message).to_string();
    assert_eq!(line, format!("{:?}", Redacted(&message)));
    for secret in ["28123", "tok_", "AQID", "010203", "6222", "\n", "\u{202e}"] {
        assert!(!line.contains(secret), "{secret:?} in {line}");
    }
    for shown in [
        "PaymentRequest linkRef=",
        " code=[18 bytes withheld]",
        " payerToken=****cdef",
        " quote=[12 bytes withheld]",
        " mac=[3 bytes withheld]",
        " merchantName=\"Caf\u{e9} \\\"\\n\\u{202e}****0127\"",
    ] {
        assert!(line.contains(shown), "{shown:?} not in {line}");
    }
}

#[test]
fn secrets_are_shown_to_who_asks() {
    let mut line = String::new();
    each_field(&payment(), Secrets::Shown, &mut |name, value| {
        line += &format!(" {name}={value}");
    });
    for shown in [
        " code=\"281234567890123456\"",
        " payerToken=\"tok_0123456789abcdef\"",
        " mac=010203",
    ] {
        assert!(line.contains(shown), "{shown:?} not in {line}");
    }
}

#[test]
fn every_message_prints_on_one_line() {
    for kind in Kind::ALL {
        for seed in 0..50 {
            let message = samples::message(kind, &mut Draw(seed));
            let line = Redacted(&message).to_string();
            assert!(line.starts_with(&format!("{kind:?} linkRef=")));
            assert!(
                !line.contains(char::is_control) && line.len() < 2_000,
                "{line}"
            );
        }
    }
}

#[test]
fn masks_and_cuts() {
    for (bytes, expected) in [
        (&b""[..], "****"),
        (b"12345678901", "****"),
        (b"123456789012", "****9012"),
        (b"123456789012   ", "****9012"),
        (b"12345678901\n", "****"),
        (b"123456789\xff12", "****9*12"),
    ] {
        assert_eq!(mask(bytes).to_string(), expected, "{bytes:x?}");
    }
    let cut = |bytes: &[u8]| Text::new(bytes, Secrets::Masked).to_string();
    assert_eq!(cut(b"a\xffb"), "a\\xffb");
    assert_eq!(cut(b"acct 12345678 x 1234567"), "acct **** x 1234567");
    assert_eq!(cut(&[b'a'; 100]).len(), super::TEXT_CHARACTERS_MAX + 3);
}

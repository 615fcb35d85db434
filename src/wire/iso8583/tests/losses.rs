//! What an encoding cannot carry: refused in a request, left out and counted in an answer. And
//! which dialects can be configured at all.

use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::MatchKey;
use crate::model::message::{Kind, Message};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{CodeKind, Presentation, ResponseCode};
use crate::model::refusal::{Fault, Refusal};
use crate::wire::iso8583::tests::samples::{payment, payment_result};
use crate::wire::iso8583::tests::today;
use crate::wire::iso8583::*;

#[track_caller]
fn check(message: Message<'_>, expected: Result<u32, (Fault, u16)>) {
    let mut out = [0; 4_096];
    let result = encode(&Dialect::ascii(), &message, &mut out)
        .map(|encoded| encoded.dropped)
        .map_err(
            |Refusal {
                 fault, field_id, ..
             }| (fault, field_id),
        );
    assert_eq!(result, expected);
}

#[test]
fn a_request_is_refused_where_it_cannot_be_carried() {
    use Fault::{Missing, NotCarried};
    let base = payment();
    let check = |change: &dyn Fn(&mut crate::model::message::PaymentRequest<'static>), expected| {
        let mut message = base;
        change(&mut message);
        check(Message::PaymentRequest(message), expected);
    };
    check(&|_| {}, Ok(0));
    check(
        &|message| message.header.match_key = MatchKey(u64::MAX),
        Err((NotCarried, 11)),
    );
    check(
        &|message| message.amounts.amount.minor = 1_000_000_000_000,
        Err((NotCarried, 4)),
    );
    check(
        &|message| message.amounts.amount.minor = -1,
        Err((NotCarried, 4)),
    );
    check(&|message| message.local_time = None, Err((Missing, 12)));
    check(&|message| message.mcc = Some(10_000), Err((NotCarried, 18)));
    check(
        &|message| message.country = Some(1_000),
        Err((NotCarried, 19)),
    );
    check(
        &|message| message.code = Sensitive(&[b'9'; 1_999]),
        Err((NotCarried, 62)),
    );
    check(
        &|message| message.code = Sensitive(b"\xff"),
        Err((NotCarried, 62)),
    );
    check(
        &|message| message.merchant_name = b"\xff",
        Err((NotCarried, 48)),
    );
    check(
        &|message| message.merchant_name = &[b'x'; 995],
        Err((NotCarried, 48)),
    );
    check(&|message| message.merchant_name = &[b'x'; 900], Ok(0));
    check(
        &|message| message.quote = b"two words",
        Err((NotCarried, 48)),
    );
    check(&|message| message.mac = b"short", Err((NotCarried, 64)));
    check(
        &|message| {
            message.presentation = Presentation::Cpm;
            message.code = Sensitive(b"");
        },
        Err((Missing, 62)),
    );
    // Null has a form: zeros, blanks.
    check(
        &|message| (message.mcc, message.terminal, message.merchant_id) = (None, None, None),
        Ok(0),
    );
}

#[test]
fn an_answer_goes_without() {
    let base = payment_result();
    let check = |change: &dyn Fn(&mut crate::model::message::PaymentResult<'static>), expected| {
        let mut message = base;
        change(&mut message);
        check(Message::PaymentResult(message), expected);
    };
    check(&|_| {}, Ok(0));
    check(
        &|message| message.text = b"more than five and twenty!",
        Ok(1),
    );
    check(&|message| message.text = b"line\n", Ok(1));
    check(
        &|message| {
            // A decline that reads as the place of a fault would be taken for a Reject.
            message.response_code = ResponseCode::NO_ROUTE;
            message.text = b"F037R010O00123";
        },
        Ok(1),
    );
    check(&|message| message.echoed.mcc = Some(10_000), Ok(1));
    check(
        &|message| {
            let currency = Currency::new(840).unwrap();
            message.amounts.billing = Some(Money {
                minor: -1,
                currency,
            });
            message.amounts.settlement = Some(Money {
                minor: 1_000_000_000_000,
                currency,
            });
        },
        Ok(2),
    );
    // Without its amount it would be no answer.
    check(
        &|message| message.amounts.amount.minor = -1,
        Err((Fault::NotCarried, 4)),
    );
}

#[test]
fn values_without_a_place_are_counted() {
    let bytes = &mut [0; 512];
    let result = payment_result();
    let message = Message::CodeResult(crate::model::message::CodeResult {
        header: result.header,
        key: result.key,
        response_code: ResponseCode::APPROVED,
        code_kind: Some(CodeKind::Url),
        owner: None,
        amount: None,
        billing: None,
        billing_rate: None,
        quote_expiry: None,
        mcc: None,
        country: None,
        merchant_id: None,
        merchant_name: b"",
        quote: b"",
        text: b"",
        mac: b"",
    });
    assert_eq!(
        encode(&Dialect::ascii(), &message, bytes).unwrap().dropped,
        1
    );
}

#[test]
fn an_approval_without_a_code_has_a_blank_one() {
    let mut message = payment_result();
    message.approval_code = None;
    let mut out = [0; 512];
    let encoded = encode(
        &Dialect::ascii(),
        &Message::PaymentResult(message),
        &mut out,
    )
    .unwrap();
    let decoded = decode(&Dialect::ascii(), &out[..encoded.bytes], today());
    assert_eq!(decoded, Ok(Message::PaymentResult(message)));
}

#[test]
fn a_mac_is_hexadecimal_or_bytes_in_either_form() {
    let mut message = payment();
    let hex: &[u8] = b"0011223344AABBCC";
    let raw: &[u8] = b"\x00\x11\x22\x33\x44\xaa\xbb\xcc";
    for (dialect, expected) in [(Dialect::ascii(), hex), (Dialect::binary(), raw)] {
        for mac in [hex, raw] {
            message.mac = mac;
            let mut out = [0; 512];
            let encoded = encode(&dialect, &Message::PaymentRequest(message), &mut out).unwrap();
            assert!(out[..encoded.bytes].ends_with(expected));
        }
    }
}

#[test]
fn every_buffer_that_is_too_short_is_refused() {
    for dialect in [Dialect::ascii(), Dialect::binary()] {
        let message = Message::PaymentRequest(payment());
        let mut out = [0; 512];
        let bytes = encode(&dialect, &message, &mut out).unwrap().bytes;
        for length in 0..bytes {
            let refusal = encode(&dialect, &message, &mut out[..length]).unwrap_err();
            assert_eq!(refusal.fault, Fault::BadLength);
        }
        encode(&dialect, &message, &mut out[..bytes]).unwrap();
    }
}

#[test]
fn a_reject_answers_requests_only() {
    let reject = crate::model::message::Reject {
        header: payment().header,
        regarding: 200,
        response_code: ResponseCode::FORMAT,
        reason: 10,
        field_id: 37,
        offset: 123,
        text: b"",
        mac: b"",
    };
    let mut out = [0; 128];
    for (regarding, answer) in [
        (200, Some("0210")),
        (421, Some("0430")),
        (600, Some("0610")),
        (210, None),
        (202, None),
        (30, None),
        (0, None),
    ] {
        let message = Message::Reject(crate::model::message::Reject {
            regarding,
            ..reject
        });
        let result = encode(&Dialect::ascii(), &message, &mut out);
        assert_eq!(result.is_ok(), answer.is_some(), "{regarding}");
        if let Some(answer) = answer {
            assert!(out.starts_with(answer.as_bytes()));
        }
    }
    let approved = crate::model::message::Reject {
        response_code: ResponseCode::APPROVED,
        ..reject
    };
    encode(&Dialect::ascii(), &Message::Reject(approved), &mut out).unwrap_err();
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line per case")]
fn dialects_that_cannot_work_are_refused() {
    let ascii = Dialect::ascii;
    let present = |class, size| FieldFormat::Present {
        class,
        size,
        coding: Coding::Ascii,
    };
    let packed = |class, size| FieldFormat::Present {
        class,
        size,
        coding: Coding::Binary,
    };
    for (field, format, expected) in [
        (0, FieldFormat::Absent, DialectError::NoSuchField(0)),
        (1, FieldFormat::Absent, DialectError::NoSuchField(1)),
        (
            65,
            present(Class::B, Size::Fixed(8)),
            DialectError::NoSuchField(65),
        ),
        (129, FieldFormat::Absent, DialectError::NoSuchField(129)),
        (37, FieldFormat::Absent, DialectError::Mandatory(37)),
        (62, FieldFormat::Absent, DialectError::Mandatory(62)),
        (
            4,
            present(Class::Ans, Size::Fixed(12)),
            DialectError::ClassIsFixed(4),
        ),
        (
            43,
            present(Class::N, Size::Fixed(40)),
            DialectError::ClassIsFixed(43),
        ),
        (
            2,
            present(Class::N, Size::Ll(100)),
            DialectError::BadSize(2),
        ),
        (2, present(Class::N, Size::Ll(0)), DialectError::BadSize(2)),
        (
            55,
            present(Class::B, Size::Lll(500)),
            DialectError::BadSize(55),
        ),
        (
            28,
            packed(Class::Xn, Size::Fixed(8)),
            DialectError::BadSize(28),
        ),
        (
            4,
            present(Class::N, Size::Fixed(10)),
            DialectError::SizeIsFixed(4),
        ),
        (
            32,
            present(Class::N, Size::Ll(6)),
            DialectError::SizeIsFixed(32),
        ),
        (
            32,
            present(Class::N, Size::Ll(19)),
            DialectError::SizeIsFixed(32),
        ),
        (
            48,
            present(Class::Ans, Size::Lll(100)),
            DialectError::SizeIsFixed(48),
        ),
        (
            62,
            present(Class::Ans, Size::Fixed(200)),
            DialectError::SizeIsFixed(62),
        ),
        (
            44,
            present(Class::Ans, Size::Ll(13)),
            DialectError::SizeIsFixed(44),
        ),
    ] {
        let error = ascii().with_override(field, format).unwrap_err();
        assert_eq!(error, expected);
        assert!(error.to_string().contains(&format!("DE {field}")));
    }
    let error = ascii().with_charset(Charset::Ebcdic).unwrap_err();
    assert!(error.to_string().contains("not supported yet"));
    Dialect::binary().with_binary_bitmap().unwrap_err();
    assert_eq!(
        ascii()
            .with_fields_of(Kind::SignOn, &[7, 11, 70])
            .unwrap_err(),
        DialectError::KindNeeds(Kind::SignOn, 32)
    );
    ascii()
        .with_fields_of(Kind::SignOn, &[1, 7, 11, 32, 70])
        .unwrap_err();
}

#[test]
fn overrides_change_the_wire_and_nothing_else() {
    let format = |class, size, coding| FieldFormat::Present {
        class,
        size,
        coding,
    };
    let dialect = Dialect::binary()
        .with_override(4, format(Class::N, Size::Fixed(12), Coding::Ascii))
        .unwrap()
        .with_override(32, format(Class::N, Size::Fixed(11), Coding::Binary))
        .unwrap()
        .with_override(43, format(Class::Ans, Size::Ll(99), Coding::Ascii))
        .unwrap()
        .with_override(48, format(Class::Ans, Size::Lll(600), Coding::Ascii))
        .unwrap()
        .with_override(64, format(Class::B, Size::Fixed(8), Coding::Ascii))
        .unwrap()
        .with_charset(Charset::Utf8)
        .unwrap();
    let mut message = payment();
    message.merchant_name = "\u{9762}\u{9986} Noodle House on a Road with a Long Name".as_bytes();
    message.terminal = Chars::padded(b"T1");
    message.mac = b"0011223344AABBCC";
    let message = Message::PaymentRequest(message);
    let mut out = [0; 512];
    let encoded = encode(&dialect, &message, &mut out).unwrap();
    assert_eq!(
        decode(&dialect, &out[..encoded.bytes], today()),
        Ok(message)
    );
    assert!(out[..encoded.bytes].ends_with(b"0011223344AABBCC"));
}

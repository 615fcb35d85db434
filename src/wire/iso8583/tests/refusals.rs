//! What is refused, and as what: one line per case, in order of precedence.

use crate::model::ids::MatchKey;
use crate::model::message::Kind;
use crate::model::refusal::{Fault, Refusal, Refused};
use crate::wire::iso8583::tests::builder::*;
use crate::wire::iso8583::tests::today;
use crate::wire::iso8583::{Coding, Dialect, FieldFormat, decode, decode_joining};

fn refused(dialect: &Dialect, bytes: &[u8]) -> Option<Refused> {
    decode_joining(dialect, bytes, today(), &mut [0; 2_000]).err()
}

#[track_caller]
fn check(bytes: &[u8], expected: Option<(Fault, u16, u32)>) {
    let found = refused(&Dialect::ascii(), bytes).map(|refused| {
        let Refusal {
            fault,
            field_id,
            offset,
        } = refused.refusal;
        (fault, field_id, offset)
    });
    assert_eq!(found, expected);
}

#[track_caller]
fn check_fields(mti: &str, fields: Fields, expected: Option<(Fault, u16)>) {
    let found = refused(&Dialect::ascii(), &ascii(mti, &fields));
    let found = found.map(|refused| (refused.refusal.fault, refused.refusal.field_id));
    assert_eq!(found, expected);
}

#[test]
fn bodies_that_are_no_messages() {
    use Fault::*;
    check(b"", Some((Truncated, 0, 0)));
    check(b"020", Some((Truncated, 0, 3)));
    check(b"02x0", Some((BadCharacter, 0, 2)));
    check(b"0200", Some((Truncated, 1, 4)));
    check(b"020070000000000000", Some((Truncated, 1, 4)));
    check(b"02007000000G00000000", Some((BadBitmap, 1, 11)));
    check(b"0800\x30000000000000000", Some((BadBitmap, 1, 20)));
    // A secondary bitmap that ends too early, is empty, or announces a third.
    check(b"0200F0000000000000000000", Some((Truncated, 1, 20)));
    check(
        b"020080000000000000000000000000000000",
        Some((BadBitmap, 1, 36)),
    );
    check(
        b"0200F0000000000000008000000000000000",
        Some((BadBitmap, 65, 20)),
    );
    // Lengths.
    check(b"02004000000000000000", Some((Truncated, 2, 20)));
    check(b"020040000000000000002x123", Some((BadCharacter, 2, 21)));
    check(b"0200400000000000000020123", Some((BadLength, 2, 20)));
    check(b"0200400000000000000000", Some((BadLength, 2, 20)));
    check(b"020040000000000000000412", Some((Truncated, 2, 20)));
    // Classes.
    check(b"020020000000000000000000a0", Some((BadCharacter, 3, 24)));
    check(b"0200200000000000000000000", Some((Truncated, 3, 20)));
    check(
        b"0200200000000000000000000000",
        Some((TrailingBytes, 0, 26)),
    );
    // Lower-case bitmaps are read; no message is this short.
    check(b"02002000000000000000000000", Some((Missing, 4, 0)));
}

#[test]
fn messages_that_are_not_ours() {
    use Fault::*;
    for mti in [
        "0000", "0010", "0102", "0120", "0202", "0203", "0211", "0300", "0402", "0500", "1200",
        "9999",
    ] {
        check_fields(mti, payment(), Some((UnknownKind, 0)));
    }
    // The MTI is told first: the fields may follow another standard.
    check_fields(
        "1200",
        with(payment(), 4, "00000001255x"),
        Some((UnknownKind, 0)),
    );
    check_fields("0200", with(payment(), 3, "010000"), Some((UnknownKind, 3)));
    check_fields("0200", with(payment(), 3, "380000"), Some((UnknownKind, 3)));
    check_fields("0100", with(inquiry(), 3, "310000"), Some((UnknownKind, 3)));
    check_fields("0800", network("162"), Some((UnknownKind, 70)));
    check_fields("0400", with(reversal(), 3, "380000"), Some((BadValue, 3)));
}

#[test]
fn every_mandatory_field_of_every_kind() {
    let answer = |fields: Fields| with(without(fields, 48), 39, "00");
    for (mti, fields, kind) in [
        ("0200", payment(), Kind::PaymentRequest),
        ("0201", payment(), Kind::PaymentRequest),
        ("0200", refund(), Kind::RefundRequest),
        ("0210", result(), Kind::PaymentResult),
        (
            "0210",
            without(with(result(), 3, "200000"), 38),
            Kind::RefundResult,
        ),
        ("0220", without(result(), 38), Kind::PaymentAdvice),
        ("0221", without(result(), 38), Kind::PaymentAdvice),
        ("0230", answer(status()), Kind::PaymentAdviceAck),
        ("0400", reversal(), Kind::ReversalRequest),
        ("0401", reversal(), Kind::ReversalRequest),
        ("0420", reversal(), Kind::ReversalAdvice),
        ("0410", without(result(), 38), Kind::ReversalResult),
        ("0430", without(result(), 38), Kind::ReversalAdviceAck),
        ("0100", inquiry(), Kind::CodeInquiry),
        (
            "0110",
            answer(with(status(), 3, "380000")),
            Kind::CodeResult,
        ),
        ("0100", status(), Kind::StatusInquiry),
        ("0110", answer(status()), Kind::StatusResult),
        ("0800", network("001"), Kind::SignOn),
        ("0810", answer(without(network("001"), 32)), Kind::SignOnAck),
        ("0800", without(network("002"), 32), Kind::SignOff),
        ("0800", without(network("301"), 32), Kind::Echo),
        ("0810", answer(without(network("301"), 32)), Kind::EchoAck),
        (
            "0800",
            without(with(network("161"), 48, "250011"), 32),
            Kind::KeyChange,
        ),
        (
            "0800",
            without(with(network("201"), 15, "1122"), 32),
            Kind::Cutover,
        ),
    ] {
        check_fields(mti, fields.clone(), None);
        let message = ascii(mti, &fields);
        assert_eq!(
            decode(&Dialect::ascii(), &message, today()).unwrap().kind(),
            kind
        );
        for (field, _) in &fields {
            check_fields(
                mti,
                without(fields.clone(), *field),
                Some((Fault::Missing, u16::from(*field))),
            );
        }
    }
}

#[test]
fn the_lowest_missing_field_is_told_before_values() {
    use Fault::*;
    check_fields(
        "0200",
        without(without(payment(), 4), 37),
        Some((Missing, 4)),
    );
    check_fields(
        "0200",
        without(with(payment(), 22, "011"), 49),
        Some((Missing, 49)),
    );
    check_fields("0210", with(without(result(), 38), 39, "51"), None);
    check_fields("0200", with(payment(), 48, "01001C"), Some((Missing, 62)));
    check_fields(
        "0200",
        with(with(payment(), 48, "01001C"), 62, ""),
        Some((Missing, 62)),
    );
    check_fields(
        "0200",
        with(with(payment(), 48, "01001C"), 62, "28123"),
        None,
    );
    check_fields("0400", with(reversal(), 3, "200000"), Some((Missing, 48)));
    check_fields("0200", with(refund(), 48, "01001M"), Some((Missing, 48)));
    check_fields(
        "0200",
        with(payment(), 5, "000000000001"),
        Some((Missing, 50)),
    );
    check_fields(
        "0200",
        with(payment(), 6, "000000000001"),
        Some((Missing, 51)),
    );
    check_fields("0100", with(status(), 48, "20001S"), Some((Missing, 48)));
}

#[test]
fn values_that_are_none() {
    use Fault::*;
    for (field, value) in [
        (9, "60000000"),
        (10, "00000000"),
        (12, "246000"),
        (13, "0229"),
        (13, "1301"),
        (22, "051"),
        (32, "0"),
        (33, "00000000000"),
        (37, "WX20261121 1"),
        (49, "15X"),
        (49, "000"),
        (100, "0"),
    ] {
        check_fields(
            "0200",
            with(payment(), field, value),
            Some((BadValue, u16::from(field))),
        );
    }
    check_fields("0210", with(result(), 39, "a0"), Some((BadValue, 39)));
    check_fields("0210", with(result(), 15, "0230"), Some((BadValue, 15)));
    for (tags, fault) in [
        ("01001X", BadValue),
        ("01001M020015", BadValue),
        ("01001M02000", BadValue),
        ("01001M02001x", BadCharacter),
        ("01001M030013", BadValue),
        ("01001M04001 ", BadValue),
        ("01001M05001 ", BadValue),
        ("01001M07000", BadValue),
        ("01001M01001M", DuplicateTag),
        ("01001M28001x28001y", DuplicateTag),
        ("01001M9", BadLength),
        ("01002M", BadLength),
        ("0X001M", BadCharacter),
        ("01001M07001\u{7f}", BadCharacter),
    ] {
        check_fields("0200", with(payment(), 48, tags), Some((fault, 48)));
    }
    check_fields(
        "0200",
        with(payment(), 48, "01001M28003any9900000001x"),
        None,
    );
    check_fields(
        "0200",
        with(payment(), 62, "line\nfeed"),
        Some((BadCharacter, 62)),
    );
    check_fields(
        "0200",
        with(
            payment(),
            43,
            "0123456789012345678901234567890123456\u{e9}4",
        ),
        Some((BadCharacter, 43)),
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line per case")]
fn fields_that_contradict_each_other() {
    use Fault::*;
    let other_root = "06031WX20261121022026112100048000702";
    check_fields(
        "0400",
        with(reversal(), 48, other_root),
        Some((Inconsistent, 48)),
    );
    check_fields(
        "0400",
        with(reversal(), 48, "06031WX20261121012026112000048000702"),
        Some((Inconsistent, 48)),
    );
    check_fields(
        "0400",
        with(reversal(), 48, "06031WX20261121012024112100048000702"),
        None,
    );
    check_fields(
        "0400",
        with(reversal(), 48, "06031WX20261121012026113100048000702"),
        Some((BadValue, 48)),
    );
    check_fields(
        "0400",
        with(reversal(), 48, "06030WX2026112101202611210004800070"),
        Some((BadValue, 48)),
    );
    check_fields(
        "0400",
        with(with(reversal(), 3, "200000"), 48, other_root),
        None,
    );
    check_fields(
        "0400",
        with(reversal(), 95, "0000000001000000000000000000000000000000 0"),
        Some((NotSupported, 95)),
    );
    check_fields(
        "0100",
        with(inquiry(), 48, "14001S"),
        Some((Inconsistent, 48)),
    );
    check_fields("0100", with(status(), 48, "14001X"), Some((BadValue, 48)));
    check_fields(
        "0800",
        with(with(network("201"), 15, "1122"), 48, "2400820261124"),
        Some((Inconsistent, 15)),
    );
    check_fields(
        "0800",
        with(with(network("201"), 15, "1122"), 48, "2400820261122"),
        None,
    );
    check_fields(
        "0200",
        with(with(payment(), 62, "00020101"), 63, "02"),
        Some((Inconsistent, 63)),
    );
    // A MAC is the last field, and there is one.
    check_fields("0200", with(payment(), 64, "0011223344AABBCC"), None);
    check_fields("0200", with(payment(), 128, "0011223344AABBCC"), None);
    check_fields(
        "0200",
        with(with(payment(), 64, "0011223344AABBCC"), 100, "7"),
        Some((Inconsistent, 64)),
    );
    check_fields(
        "0200",
        with(
            with(payment(), 64, "0011223344AABBCC"),
            128,
            "0011223344AABBCC",
        ),
        Some((Inconsistent, 64)),
    );
}

#[test]
fn a_code_of_two_fields_needs_a_place_to_be_joined() {
    let long: &'static str = Box::leak("9".repeat(999).into_boxed_str());
    let fields = with(with(payment(), 62, long), 63, "8");
    check_fields("0200", fields.clone(), None);
    let refused = decode(&Dialect::ascii(), &ascii("0200", &fields), today()).unwrap_err();
    assert_eq!(
        (refused.refusal.fault, refused.refusal.field_id),
        (Fault::NotSupported, 63)
    );
}

#[test]
fn a_declining_answer_that_names_a_place_is_a_reject() {
    let bytes = ascii(
        "0210",
        &vec![
            (7, "1121140509"),
            (11, "004711"),
            (39, "30"),
            (44, "F037R010O00123"),
        ],
    );
    let message = decode(&Dialect::ascii(), &bytes, today()).unwrap();
    assert_eq!(message.kind(), Kind::Reject);
    // The whole answer may be there, but an approval stays an approval.
    let text = with(result(), 44, "F037R010O00123");
    let kind = |fields: &Fields| {
        decode(&Dialect::ascii(), &ascii("0210", fields), today())
            .unwrap()
            .kind()
    };
    assert_eq!(kind(&text), Kind::PaymentResult);
    assert_eq!(kind(&with(text, 39, "30")), Kind::Reject);
}

#[test]
fn what_can_be_read_of_a_refused_message_is_told() {
    let key = Some(MatchKey::from_iso(4_711, 1_121_140_509));
    for (fields, expected) in [
        (
            with(payment(), 37, "WX20261121 1"),
            (key, 200, Some(Kind::PaymentRequest)),
        ),
        // A wrong character in DE 12, 11 or 3: DE 7 and 11 are read all the same where they can be.
        (
            with(payment(), 12, "2205x9"),
            (key, 200, Some(Kind::PaymentRequest)),
        ),
        (
            with(payment(), 11, "00471x"),
            (None, 200, Some(Kind::PaymentRequest)),
        ),
        (with(payment(), 3, "00000x"), (key, 200, None)),
        (
            without(payment(), 11),
            (None, 200, Some(Kind::PaymentRequest)),
        ),
    ] {
        let refused = refused(&Dialect::ascii(), &ascii("0200", &fields)).unwrap();
        assert_eq!(
            (refused.match_key, refused.regarding, refused.kind),
            expected
        );
    }
    let unknown = refused(&Dialect::ascii(), &ascii("0620", &payment())).unwrap();
    assert_eq!(
        (unknown.match_key, unknown.regarding, unknown.kind),
        (key, 620, None)
    );
}

#[test]
fn binary_digits_and_their_padding() {
    use Fault::*;
    // 0800, DE 7, 11, 70 = 301 (BCD 03 01).
    let echo =
        b"\x08\x00\x82\x20\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x11\x21\x14\x05\x09\x00\x47\x11\x03\x01";
    let dialect = Dialect::binary();
    assert_eq!(decode(&dialect, echo, today()).unwrap().kind(), Kind::Echo);
    for (at, byte, expected) in [
        (0, 0x0a, (BadCharacter, 0, 0)),
        (18, 0x1a, (BadCharacter, 7, 18)),
        (24, 0xa7, (BadCharacter, 11, 24)),
        // An odd fixed field has a zero in front.
        (26, 0x13, (BadCharacter, 70, 26)),
    ] {
        let mut bytes = echo.to_vec();
        bytes[at] = byte;
        let Refusal {
            fault,
            field_id,
            offset,
        } = refused(&dialect, &bytes).unwrap().refusal;
        assert_eq!((fault, field_id, offset), expected);
    }
    // DE 32 of five digits has a zero behind; its length is BCD, and eleven at most.
    let sign_on = b"\x08\x00\x82\x20\0\x01\0\0\0\0\x04\0\0\0\0\0\0\0\
        \x11\x21\x14\x05\x09\x00\x47\x11\x05\x48\x00\x70\x00\x01";
    assert_eq!(
        decode(&dialect, sign_on, today()).unwrap().kind(),
        Kind::SignOn
    );
    for (at, byte, expected) in [
        (26, 0x0a, (BadCharacter, 32, 26)),
        (26, 0x12, (BadLength, 32, 26)),
        (26, 0x00, (BadLength, 32, 26)),
        (29, 0x71, (BadCharacter, 32, 29)),
    ] {
        let mut bytes = sign_on.to_vec();
        bytes[at] = byte;
        let Refusal {
            fault,
            field_id,
            offset,
        } = refused(&dialect, &bytes).unwrap().refusal;
        assert_eq!((fault, field_id, offset), expected, "{at}");
    }
}

#[test]
fn fields_that_are_not_in_the_dialect() {
    let dialect = Dialect::ascii()
        .with_override(100, FieldFormat::Absent)
        .unwrap();
    let bytes = ascii("0200", &with(payment(), 100, "7"));
    let refusal = refused(&dialect, &bytes).unwrap().refusal;
    assert_eq!(
        (refusal.fault, refusal.field_id),
        (Fault::NotInDialect, 100)
    );

    let narrow = Dialect::ascii()
        .with_fields_of(
            Kind::PaymentRequest,
            &[3, 4, 7, 11, 12, 13, 18, 22, 32, 37, 41, 42, 48, 49, 62],
        )
        .unwrap();
    decode(&narrow, &ascii("0200", &payment()), today()).unwrap();
    let refusal = refused(&narrow, &ascii("0200", &with(payment(), 100, "7")))
        .unwrap()
        .refusal;
    assert_eq!(
        (refusal.fault, refusal.field_id),
        (Fault::NotInDialect, 100)
    );
    decode(&narrow, &ascii("0100", &inquiry()), today()).unwrap();

    let binary_mac = Dialect::ascii()
        .with_override(
            64,
            match Dialect::binary().format(64) {
                FieldFormat::Present {
                    class,
                    size,
                    coding,
                } => {
                    assert_eq!(coding, Coding::Binary);
                    FieldFormat::Present {
                        class,
                        size,
                        coding,
                    }
                }
                FieldFormat::Absent => unreachable!("in the table"),
            },
        )
        .unwrap();
    let mut bytes = ascii("0200", &with(payment(), 64, ""));
    bytes.extend([0xff; 8]);
    decode(&binary_mac, &bytes, today()).unwrap();
}

//! What the codec promises, over every template: identity, refusals that name field and offset, and
//! no panic whatever the bytes.

use proptest::prelude::*;

use crate::model::message::{Kind, Message};
use crate::model::refusal::{Fault, Refusal, Refused};
use crate::wire::Encoded;
use crate::wire::sbe::samples::{self, Draw};
use crate::wire::sbe::{decode, encode, field_name, layout};

/// Room for any sample.
const OUT_BYTES: usize = 8_192;

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut out = vec![0xaa; OUT_BYTES];
    let Encoded { bytes, dropped, .. } = encode(message, &mut out).unwrap();
    assert_eq!(dropped, 0);
    assert!(out[bytes..].iter().all(|byte| *byte == 0xaa));
    out.truncate(bytes);
    out
}

/// Any bytes: refused, or read, and then what is written reads the same.
fn decode_any(bytes: &[u8]) {
    match decode(bytes) {
        Err(refused) => {
            let offset = usize::try_from(refused.refusal.offset).unwrap();
            assert!(offset <= bytes.len(), "{refused}");
            let id = refused.refusal.field_id;
            assert!(id == 0 || field_name(id).is_some(), "{refused}");
        }
        Ok(message) => assert_eq!(decode(&encoded(&message)), Ok(message)),
    }
}

#[test]
fn every_kind_is_read_as_it_was_written() {
    for kind in Kind::ALL {
        for seed in 0..300 {
            let message = samples::message(kind, &mut Draw(seed));
            assert_eq!(message.kind(), kind);
            let bytes = encoded(&message);
            assert_eq!(decode(&bytes), Ok(message), "{kind:?} seed {seed}");
        }
    }
}

#[test]
fn a_body_cut_anywhere_is_refused_and_a_longer_one_too() {
    for kind in Kind::ALL {
        let bytes = encoded(&samples::message(kind, &mut Draw(7)));
        for cut in 0..bytes.len() {
            let Refused {
                refusal,
                match_key,
                regarding,
                kind: told,
            } = decode(&bytes[..cut]).unwrap_err();
            assert_eq!(refusal.fault, Fault::Truncated, "{kind:?} cut at {cut}");
            assert_eq!(match_key.is_some(), cut >= 16);
            assert_eq!(regarding == kind.template_id(), cut >= 8);
            assert_eq!(told == Some(kind), cut >= 8);
        }
        let longer = [&bytes[..], b"\0"].concat();
        let refused = decode(&longer).unwrap_err();
        assert_eq!(refused.refusal.fault, Fault::TrailingBytes);
        assert_eq!(
            usize::try_from(refused.refusal.offset).unwrap(),
            bytes.len()
        );
    }
}

#[test]
fn out_may_be_just_long_enough() {
    for kind in Kind::ALL {
        let message = samples::message(kind, &mut Draw(3));
        let bytes = encoded(&message).len();
        let mut out = vec![0; bytes];
        assert_eq!(encode(&message, &mut out).unwrap().bytes, bytes);
        for short in 0..bytes {
            let refusal = encode(&message, &mut out[..short]).unwrap_err();
            assert_eq!(refusal.fault, Fault::BadLength, "{kind:?} in {short} bytes");
        }
    }
}

#[test]
fn a_newer_version_is_read_by_skipping_what_it_appended() {
    for kind in Kind::ALL {
        let message = samples::message(kind, &mut Draw(11));
        let mut bytes = encoded(&message);
        let block = layout::template(kind.template_id()).unwrap().block_bytes;
        let longer = u16::try_from(block + 3).unwrap();
        bytes.splice(8 + block..8 + block, [0xff; 3]);
        bytes[..2].copy_from_slice(&longer.to_le_bytes());
        bytes[6] = 1;
        assert_eq!(decode(&bytes), Ok(message));
        // Of a block that is one byte too short, the match key can still be told.
        bytes[..2].copy_from_slice(&u16::try_from(block - 1).unwrap().to_le_bytes());
        let refused = decode(&bytes).unwrap_err();
        assert_eq!(refused.refusal.fault, Fault::BadLength);
        assert_eq!(refused.match_key, Some(message.header().match_key));
    }
}

/// What is at fault where some bytes of a good message are replaced.
fn check(kind: Kind, at: usize, bytes: &[u8], expected: (Fault, u16, u32)) {
    // The message with the fewest nulls among some.
    let mut body = (0..64)
        .map(|seed| encoded(&samples::message(kind, &mut Draw(seed))))
        .min_by_key(|body| body.iter().filter(|byte| **byte == 0xff).count())
        .unwrap();
    body[at..at + bytes.len()].copy_from_slice(bytes);
    let Refusal {
        fault,
        field_id,
        offset,
    } = decode(&body).unwrap_err().refusal;
    assert_eq!(
        (fault, field_id, offset),
        expected,
        "{kind:?} with {bytes:x?} at {at}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a flat table: one line per case")]
fn refusals_name_field_and_offset() {
    use Fault::{BadCharacter, BadLength, BadValue, Missing, UnknownKind, UnknownSchema};
    let null_money = [i64::MIN.to_le_bytes().as_slice(), &[0xff, 0xff]].concat();
    for (kind, at, bytes, expected) in [
        // In order of precedence: schema, template, block.
        (Kind::Echo, 4, &b"\0\0"[..], (UnknownSchema, 0, 4)),
        (Kind::Echo, 2, b"\x0b\0\0", (UnknownSchema, 0, 4)),
        (Kind::Echo, 2, b"\x0b", (UnknownKind, 0, 2)),
        (Kind::Echo, 0, b"\x17\0\x0b", (UnknownKind, 0, 2)),
        (Kind::Echo, 0, b"\x17", (BadLength, 0, 0)),
        // Fields of a payment request, in order.
        (Kind::PaymentRequest, 8, &[0xff; 8], (Missing, 1, 8)),
        (Kind::PaymentRequest, 16, &[0x7f; 8], (BadValue, 2, 16)),
        (Kind::PaymentRequest, 24, &[0xff; 8], (Missing, 20, 24)),
        (Kind::PaymentRequest, 24, &[0; 8], (BadValue, 20, 24)),
        (
            Kind::PaymentRequest,
            24,
            &100_000_000_000_u64.to_le_bytes(),
            (BadValue, 20, 24),
        ),
        (Kind::PaymentRequest, 32, &[0xff; 4], (Missing, 21, 32)),
        (
            Kind::PaymentRequest,
            32,
            &20_260_229_u32.to_le_bytes(),
            (BadValue, 21, 32),
        ),
        (Kind::PaymentRequest, 36, &[0; 12], (Missing, 22, 36)),
        (
            Kind::PaymentRequest,
            36,
            b"ABC 01234567",
            (BadCharacter, 22, 39),
        ),
        (
            Kind::PaymentRequest,
            36,
            b"ABCDEFGHIJK\0",
            (BadCharacter, 22, 47),
        ),
        (
            Kind::PaymentRequest,
            48,
            &240_000_u32.to_le_bytes(),
            (BadValue, 27, 48),
        ),
        (Kind::PaymentRequest, 52, &[0; 8], (BadValue, 28, 52)),
        (Kind::PaymentRequest, 68, &[0xff], (Missing, 30, 68)),
        (Kind::PaymentRequest, 68, &[3], (BadValue, 30, 68)),
        (Kind::PaymentRequest, 69, &[0], (BadValue, 31, 69)),
        (Kind::PaymentRequest, 70, &null_money, (Missing, 50, 70)),
        (
            Kind::PaymentRequest,
            70,
            &(-1_i64).to_le_bytes(),
            (BadValue, 50, 70),
        ),
        (
            Kind::PaymentRequest,
            70,
            &1_000_000_000_000_i64.to_le_bytes(),
            (BadValue, 50, 70),
        ),
        (
            Kind::PaymentRequest,
            70,
            &i64::MIN.to_le_bytes(),
            (Missing, 50, 70),
        ),
        (Kind::PaymentRequest, 78, &[0xff; 2], (Missing, 50, 78)),
        (Kind::PaymentRequest, 78, &[0; 2], (BadValue, 50, 78)),
        (
            Kind::PaymentRequest,
            78,
            &1_000_u16.to_le_bytes(),
            (BadValue, 50, 78),
        ),
        (Kind::PaymentRequest, 100, &[0; 8], (BadValue, 53, 100)),
        (
            Kind::PaymentRequest,
            100,
            &[1, 0, 0, 0, 0, 0, 0, 0, 1],
            (BadValue, 53, 108),
        ),
        (
            Kind::PaymentRequest,
            100,
            &[1, 0, 0, 0, 0, 0, 0, 0, 0x80],
            (Missing, 53, 108),
        ),
        (
            Kind::PaymentRequest,
            118,
            &10_000_u16.to_le_bytes(),
            (BadValue, 34, 118),
        ),
        (Kind::PaymentRequest, 120, &[0; 2], (BadValue, 35, 120)),
        (
            Kind::PaymentRequest,
            122,
            b"T\xc3\xa9     ",
            (BadCharacter, 36, 123),
        ),
        (
            Kind::PaymentRequest,
            122,
            b"T\0\0\0\0\0\0X",
            (BadCharacter, 36, 123),
        ),
        (Kind::PaymentRequest, 177, &[3], (BadValue, 40, 177)),
        // Others.
        (Kind::PaymentResult, 48, &[0, 0], (Missing, 3, 48)),
        (Kind::PaymentResult, 48, b"0a", (BadCharacter, 3, 48)),
        (Kind::StatusInquiry, 48, &[0xff], (Missing, 23, 48)),
        (Kind::StatusInquiry, 48, &[4], (BadValue, 23, 48)),
        (Kind::StatusInquiry, 49, &[0xff; 8], (Missing, 24, 49)),
        (Kind::ReversalAdvice, 84, &[2], (BadValue, 47, 84)),
        (Kind::KeyChange, 36, b"      ", (Missing, 18, 36)),
        (Kind::CodeInquiry, 53, &[0, 0], (BadValue, 41, 53)),
    ] {
        check(kind, at, bytes, expected);
    }
}

/// The same, for the bytes of `text` of a payment advice's acknowledgement.
fn check_text(text: &[u8], expected: Result<(), (Fault, u32)>) {
    let mut body = vec![0; 8 + 43];
    body[..51]
        .copy_from_slice(&encoded(&samples::message(Kind::PaymentAdviceAck, &mut Draw(1)))[..51]);
    body.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
    body.extend(text);
    body.extend([0, 0]);
    let result = decode(&body).map(|_| ()).map_err(|refused| {
        assert_eq!(refused.refusal.field_id, 6);
        (refused.refusal.fault, refused.refusal.offset)
    });
    assert_eq!(result, expected, "{text:x?}");
}

#[test]
fn text_is_utf_8_without_control_characters() {
    let ascii = [b'a'; 100];
    check_text(&ascii, Ok(()));
    check_text("商户 – Café".as_bytes(), Ok(()));
    check_text(
        &[&ascii[..], b"\n"].concat(),
        Err((Fault::BadCharacter, 153)),
    );
    check_text(b"a\x7f", Err((Fault::BadCharacter, 54)));
    check_text("a\u{85}".as_bytes(), Err((Fault::BadCharacter, 54)));
    check_text(b"ab\xff", Err((Fault::BadText, 55)));
    check_text(b"\xe5\x95", Err((Fault::BadText, 53)));
}

#[test]
fn nulls_and_padding_of_standard_generators_are_understood() {
    for (wire, expected) in [
        (*b"T1      ", Some("T1")),
        (*b"T1\0\0\0\0\0\0", Some("T1")),
        (*b"T1  \0\0\0\0", Some("T1")),
        (*b"        ", None),
        (*b"  \0\0\0\0\0\0", None),
        ([0; 8], None),
        (*b"\0garbage", None),
    ] {
        let mut body = encoded(&samples::message(Kind::PaymentRequest, &mut Draw(5)));
        body[122..130].copy_from_slice(&wire);
        let Ok(Message::PaymentRequest(request)) = decode(&body) else {
            panic!("{wire:?}");
        };
        let terminal = request.terminal.map(|text| text.to_string());
        assert_eq!(terminal.as_deref(), expected);
    }
}

#[test]
fn what_the_wire_would_take_for_null_is_not_sent() {
    let mut out = [0; OUT_BYTES];
    let mut d = Draw(1);
    let Message::SignOn(mut sign_on) = samples::message(Kind::SignOn, &mut d) else {
        unreachable!("as asked");
    };
    sign_on.protocol_version = Some(u16::MAX);
    let refusal = encode(&Message::SignOn(sign_on), &mut out).unwrap_err();
    assert_eq!((refusal.fault, refusal.field_id), (Fault::NotCarried, 11));
    let Message::PaymentAdviceAck(mut ack) = samples::message(Kind::PaymentAdviceAck, &mut d)
    else {
        unreachable!("as asked");
    };
    static LONG: [u8; 65_535] = [b'x'; 65_535];
    ack.text = &LONG;
    let Encoded { bytes, dropped, .. } = encode(&Message::PaymentAdviceAck(ack), &mut out).unwrap();
    assert_eq!(dropped, 1);
    ack.text = b"";
    assert_eq!(decode(&out[..bytes]), Ok(Message::PaymentAdviceAck(ack)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        decode_any(&bytes);
    }

    #[test]
    fn no_bytes_behind_a_good_header_make_it_panic(
        kind in 0..Kind::ALL.len(),
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let template = layout::template(Kind::ALL[kind].template_id()).unwrap();
        let block = u16::try_from(template.block_bytes).unwrap().to_le_bytes();
        let [id, schema] = [template.kind.template_id(), layout::SCHEMA_ID].map(u16::to_le_bytes);
        decode_any(&[&block[..], &id, &schema, &[0, 0], &bytes].concat());
    }

    #[test]
    fn no_damage_makes_it_panic(
        kind in 0..Kind::ALL.len(),
        seed in any::<u64>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encoded(&samples::message(Kind::ALL[kind], &mut Draw(seed)));
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        decode_any(&bytes);
    }
}

//! One payment and its answer, and the bytes that another implementation writes for the payment.

use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, MatchKey, Reference};
use crate::model::keys::Key;
use crate::model::message::{Amounts, Echoed, Header, Message, PaymentRequest, PaymentResult};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{KycLevel, Outcome, Presentation, ResponseCode, Scenario};
use crate::model::time::{Date, LocalTime, Wall};
use crate::wire::iso8583::tests::today;
use crate::wire::iso8583::{Dialect, count_fields, decode, encode};

fn money(minor: i64, currency: u16) -> Money {
    Money::new(minor, Currency::new(currency).unwrap()).unwrap()
}

fn header() -> Header {
    Header {
        match_key: MatchKey::from_iso(4_711, 1_121_140_509),
        transmit_time: Wall::default(),
    }
}

fn key() -> Key {
    Key {
        originator: Institution::new(48_000_702).unwrap(),
        local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
        reference: Reference::new(*b"WX2026112101").unwrap(),
    }
}

fn amounts() -> Amounts {
    Amounts {
        amount: money(12_550, 156),
        billing: Some(money(1_788, 840)),
        settlement: None,
        billing_rate: Some(Rate {
            mantissa: 1_424_700,
            exponent: -7,
        }),
        settlement_rate: None,
    }
}

pub(super) fn payment() -> PaymentRequest<'static> {
    PaymentRequest {
        header: header(),
        key: key(),
        local_time: LocalTime::from_hhmmss(220_509),
        destination: None,
        forwarder: None,
        presentation: Presentation::Mpm,
        scenario: Some(Scenario::InboundMpm),
        amounts: amounts(),
        mcc: Some(5_814),
        country: Some(156),
        terminal: Chars::padded(b"T0000042"),
        merchant_id: Chars::padded(b"CAFE-42"),
        payer_token: None,
        kyc_level: Some(KycLevel::Verified),
        code: Sensitive(b"00020101021126"),
        merchant_name: b"NOODLE HOUSE SHANGHAI",
        quote: b"",
        mac: b"",
    }
}

pub(super) fn payment_result() -> PaymentResult<'static> {
    PaymentResult {
        header: header(),
        key: key(),
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        approval_code: Chars::padded(b"A1B2C3"),
        amounts: amounts(),
        settlement_date: Date::from_yyyymmdd(20_261_122),
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    }
}

/// pyiso8583 4.0.1: `iso8583.encode(document, ASCII_SPEC)` of tests/golden/iso8583_spec.py.
const ASCII: &[u8] = b"02003678640108E1A004000000\
    000000012550000000001788112114050971424700004711220509112158141560300848000702WX2026112101\
    T0000042CAFE-42        NOODLE HOUSE SHANGHAI                   \
    01801001M02001103001215684001400020101021126";

/// The same document with `BINARY_SPEC`, in hexadecimal.
const BINARY: &str = "\
    02003678640108e1a0040000000000000125500000000017881121140509714247000047112205091121581401\
    56003008480007025758323032363131323130315430303030303432434146452d343220202020202020204e4f\
    4f444c4520484f555345205348414e474841492020202020202020202020202020202020202000183031303031\
    4d30323030313130333030313231353638343000143030303230313031303231313236";

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    digits
        .iter()
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn a_payment_is_what_pyiso8583_writes() {
    for (dialect, bytes) in [
        (Dialect::ascii(), ASCII.to_vec()),
        (Dialect::binary(), from_hex(BINARY)),
    ] {
        let message = Message::PaymentRequest(payment());
        assert_eq!(decode(&dialect, &bytes, today()), Ok(message));
        let mut out = [0; 512];
        let encoded = encode(&dialect, &message, &mut out).unwrap();
        assert_eq!(out[..encoded.bytes], bytes);
        assert_eq!(count_fields(&dialect, &bytes), Ok(20));
    }
}

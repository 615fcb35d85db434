//! Messages of every kind, drawn from a seed: nulls, extremes and ordinary values. Only for tests.

use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, MatchKey, Reference};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::{CODE_BYTES_MAX, INSTITUTION_MAX};
use crate::model::message::{
    Amounts, CodeInquiry, CodeResult, Cutover, Echoed, Header, KeyChange, Kind, Message, Notice,
    NoticeAck, PaymentAdvice, PaymentAdviceAck, PaymentRequest, PaymentResult, RefundRequest,
    RefundResult, Reject, Reversal, ReversalResult, SignOn, SignOnAck, StatusInquiry, StatusResult,
};
use crate::model::money::{Currency, MINOR_UNITS_MAX, Money, Rate};
use crate::model::outcome::{
    CodeKind, KycLevel, Outcome, Presentation, Reason, ResponseCode, Scenario, State,
};
use crate::model::time::{DAY_NS, Date, LocalTime, Wall};

/// A stream of draws (splitmix64): the same seed, the same message.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, the ends more often than their share.
    fn number(&mut self, low: u64, high: u64) -> u64 {
        match self.next() % 8 {
            0 => low,
            1 => high,
            _ => low + self.next() % (high - low).saturating_add(1).max(1),
        }
    }

    fn u16(&mut self, low: u16, high: u16) -> u16 {
        u16::try_from(self.number(low.into(), high.into())).unwrap()
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.next().is_multiple_of(4)).then(|| value(self))
    }

    fn any_of<T: Copy>(&mut self, all: &[T]) -> T {
        let n = self.number(0, all.len() as u64 - 1);
        all[usize::try_from(n).unwrap()]
    }

    fn text<const N: usize>(&mut self) -> Chars<N> {
        let length = usize::try_from(self.number(1, N as u64)).unwrap();
        let mut bytes = [b' '; N];
        for byte in &mut bytes[..length] {
            *byte = u8::try_from(self.number(0x20, 0x7e)).unwrap();
        }
        bytes[0] = b'x';
        Chars::new(bytes).unwrap()
    }

    fn institution(&mut self) -> Institution {
        Institution::new(self.number(1, INSTITUTION_MAX)).unwrap()
    }

    fn date(&mut self) -> Date {
        let days = self.number(0, 84_005).cast_signed();
        Date::from_days(days - 25_567 + 1)
    }

    fn local_time(&mut self) -> LocalTime {
        let (h, m, s) = (self.number(0, 23), self.number(0, 59), self.number(0, 59));
        LocalTime::from_hhmmss(u32::try_from(h * 10_000 + m * 100 + s).unwrap()).unwrap()
    }

    fn currency(&mut self) -> Currency {
        Currency::new(self.u16(1, 999)).unwrap()
    }

    fn money(&mut self) -> Money {
        let minor = self.number(0, MINOR_UNITS_MAX.unsigned_abs()).cast_signed();
        Money::new(minor, self.currency()).unwrap()
    }

    fn rate(&mut self) -> Rate {
        Rate {
            mantissa: self.number(1, u64::MAX >> 1).cast_signed(),
            exponent: -i8::try_from(self.number(0, 18)).unwrap(),
        }
    }

    fn key(&mut self) -> Key {
        let mut reference = [0; 12];
        for byte in &mut reference {
            *byte = self.any_of(b"0123456789ABCZabcz");
        }
        Key {
            originator: self.institution(),
            local_date: self.date(),
            reference: Reference::new(reference).unwrap(),
        }
    }

    fn target(&mut self) -> BusinessKey {
        BusinessKey {
            key: self.key(),
            class: self.any_of(&[Class::Payment, Class::Refund, Class::CodeInquiry]),
        }
    }

    fn amounts(&mut self) -> Amounts {
        Amounts {
            amount: self.money(),
            billing: self.maybe(Self::money),
            settlement: self.maybe(Self::money),
            billing_rate: self.maybe(Self::rate),
            settlement_rate: self.maybe(Self::rate),
        }
    }

    fn response_code(&mut self) -> ResponseCode {
        ResponseCode::new(*self.any_of(&[b"00", b"09", b"68", b"A1", b"96"])).unwrap()
    }

    fn header(&mut self) -> Header {
        Header {
            match_key: MatchKey(self.number(0, u64::MAX - 1)),
            transmit_time: Wall(self.number(0, 20_000 * DAY_NS)),
        }
    }

    fn words(&mut self) -> &'static [u8] {
        self.any_of(&[
            b"",
            b"00020101021229300012D156000000000510A93FO3230Q31280012D15600\
              000001030812345678520441115802CN5914BEST TRANSPORT6007BEIJIN\
              G6304A13A",
            "最佳运输 Café ☕".as_bytes(),
            b"https://qr.example/p/7f3a?x=1",
            b"281234567890123456",
        ])
    }

    fn token(&mut self) -> &'static [u8] {
        self.any_of(&[b"", b"AQIDBAUGBwgJCgsMDQ4PEA-_", b"eA"])
    }

    fn code(&mut self) -> Sensitive<'static> {
        static LONG: [u8; CODE_BYTES_MAX] = [b'7'; CODE_BYTES_MAX];
        let words = self.words();
        Sensitive(self.any_of(&[words, words, words, &LONG]))
    }

    fn bytes(&mut self) -> &'static [u8] {
        self.any_of(&[b"", b"\0\x01\xfe\xff\0\0\x80\x7f", b"\xff"])
    }
}

/// A message of this kind.
#[expect(
    clippy::too_many_lines,
    reason = "a flat table: one message after the other"
)]
pub(crate) fn message(kind: Kind, d: &mut Draw) -> Message<'static> {
    let header = d.header();
    let mac = d.bytes();
    let notice = Notice {
        header,
        institution: d.maybe(Draw::institution),
        mac,
    };
    let notice_ack = NoticeAck {
        header,
        response_code: d.response_code(),
        mac,
    };
    let reversal = Reversal {
        header,
        target: d.target(),
        root: d.key(),
        amount: d.money(),
        reason: d.maybe(|d| d.any_of(Reason::ALL)),
        repeat: d.any_of(&[false, true]),
        original: None,
        mac,
    };
    let reversal_result = ReversalResult {
        header,
        target: d.target(),
        response_code: d.response_code(),
        outcome: d.maybe(|d| d.any_of(Outcome::ALL)),
        amount: None,
        mac,
    };
    match kind {
        Kind::SignOff => Message::SignOff(notice),
        Kind::Echo => Message::Echo(notice),
        Kind::SignOffAck => Message::SignOffAck(notice_ack),
        Kind::EchoAck => Message::EchoAck(notice_ack),
        Kind::KeyChangeAck => Message::KeyChangeAck(notice_ack),
        Kind::CutoverAck => Message::CutoverAck(notice_ack),
        Kind::ReversalRequest => Message::ReversalRequest(reversal),
        Kind::ReversalAdvice => Message::ReversalAdvice(reversal),
        Kind::ReversalResult => Message::ReversalResult(reversal_result),
        Kind::ReversalAdviceAck => Message::ReversalAdviceAck(reversal_result),
        Kind::SignOn => Message::SignOn(SignOn {
            header,
            institution: d.institution(),
            protocol_version: d.maybe(|d| d.u16(0, 65_534)),
            business_date: d.maybe(Draw::date),
            nonce: d.maybe(|d| d.number(0, u64::MAX - 1)),
            mac,
        }),
        Kind::SignOnAck => Message::SignOnAck(SignOnAck {
            header,
            response_code: d.response_code(),
            shards: d.maybe(|d| d.u16(1, 64)),
            shard: d.maybe(|d| d.u16(0, 63)),
            heartbeat_seconds: d.maybe(|d| d.u16(0, 65_534)),
            business_date: d.maybe(Draw::date),
            mac,
        }),
        Kind::KeyChange => Message::KeyChange(KeyChange {
            header,
            institution: d.maybe(Draw::institution),
            key_id: u32::try_from(d.number(0, u64::from(u32::MAX) - 1)).unwrap(),
            check_value: d.text(),
            wrapped_key: Sensitive(d.bytes()),
            mac,
        }),
        Kind::Cutover => Message::Cutover(Cutover {
            header,
            business_date: d.date(),
            mac,
        }),
        Kind::CodeInquiry => Message::CodeInquiry(CodeInquiry {
            header,
            key: d.key(),
            local_time: d.maybe(Draw::local_time),
            presentation: d.maybe(|d| d.any_of(Presentation::ALL)),
            wallet_currency: d.maybe(Draw::currency),
            payer_token: d.maybe(Draw::text),
            code: d.code(),
            mac,
        }),
        Kind::CodeResult => Message::CodeResult(CodeResult {
            header,
            key: d.key(),
            response_code: d.response_code(),
            code_kind: d.maybe(|d| d.any_of(CodeKind::ALL)),
            owner: d.maybe(Draw::institution),
            amount: d.maybe(Draw::money),
            billing: d.maybe(Draw::money),
            billing_rate: d.maybe(Draw::rate),
            quote_expiry: d.maybe(|d| Wall(d.number(0, 84_006 * DAY_NS - 1))),
            mcc: d.maybe(|d| d.u16(1, 9_999)),
            country: d.maybe(|d| d.u16(1, 999)),
            merchant_id: d.maybe(Draw::text),
            merchant_name: d.words(),
            quote: d.token(),
            text: d.words(),
            mac,
        }),
        Kind::PaymentRequest => Message::PaymentRequest(PaymentRequest {
            header,
            key: d.key(),
            local_time: d.maybe(Draw::local_time),
            destination: d.maybe(Draw::institution),
            forwarder: d.maybe(Draw::institution),
            presentation: d.any_of(Presentation::ALL),
            scenario: d.maybe(|d| d.any_of(Scenario::ALL)),
            amounts: d.amounts(),
            mcc: d.maybe(|d| d.u16(1, 9_999)),
            country: d.maybe(|d| d.u16(1, 999)),
            terminal: d.maybe(Draw::text),
            merchant_id: d.maybe(Draw::text),
            payer_token: d.maybe(Draw::text),
            kyc_level: d.maybe(|d| d.any_of(KycLevel::ALL)),
            code: d.code(),
            merchant_name: d.words(),
            quote: d.token(),
            mac,
        }),
        Kind::PaymentResult => Message::PaymentResult(PaymentResult {
            header,
            key: d.key(),
            response_code: d.response_code(),
            outcome: d.maybe(|d| d.any_of(Outcome::ALL)),
            approval_code: d.maybe(Draw::text),
            amounts: d.amounts(),
            settlement_date: d.maybe(Draw::date),
            echoed: Echoed::default(),
            text: d.words(),
            mac,
        }),
        Kind::PaymentAdvice => Message::PaymentAdvice(PaymentAdvice {
            header,
            target: d.target(),
            root: d.key(),
            repeat: false,
            response_code: d.response_code(),
            outcome: d.maybe(|d| d.any_of(Outcome::ALL)),
            approval_code: d.maybe(Draw::text),
            amounts: d.amounts(),
            settlement_date: d.maybe(Draw::date),
            text: d.words(),
            mac,
        }),
        Kind::PaymentAdviceAck => Message::PaymentAdviceAck(PaymentAdviceAck {
            header,
            target: d.target(),
            response_code: d.response_code(),
            text: d.words(),
            mac,
        }),
        Kind::RefundRequest => Message::RefundRequest(RefundRequest {
            header,
            key: d.key(),
            local_time: d.maybe(Draw::local_time),
            root: d.key(),
            destination: d.maybe(Draw::institution),
            forwarder: d.maybe(Draw::institution),
            presentation: d.maybe(|d| d.any_of(Presentation::ALL)),
            amounts: d.amounts(),
            mcc: d.maybe(|d| d.u16(1, 9_999)),
            country: d.maybe(|d| d.u16(1, 999)),
            terminal: d.maybe(Draw::text),
            merchant_id: d.maybe(Draw::text),
            reason: d.maybe(|d| d.any_of(Reason::ALL)),
            mac,
        }),
        Kind::RefundResult => Message::RefundResult(RefundResult {
            header,
            key: d.key(),
            response_code: d.response_code(),
            outcome: d.maybe(|d| d.any_of(Outcome::ALL)),
            amounts: d.amounts(),
            settlement_date: d.maybe(Draw::date),
            refunded_so_far: d.maybe(Draw::money),
            echoed: Echoed::default(),
            text: d.words(),
            mac,
        }),
        Kind::StatusInquiry => Message::StatusInquiry(StatusInquiry {
            header,
            target: d.target(),
            root: d.key(),
            mac,
        }),
        Kind::StatusResult => Message::StatusResult(StatusResult {
            header,
            target: d.target(),
            response_code: d.response_code(),
            state: d.maybe(|d| d.any_of(State::ALL)),
            outcome: d.maybe(|d| d.any_of(Outcome::ALL)),
            approval_code: d.maybe(Draw::text),
            amount: d.maybe(Draw::money),
            billing: d.maybe(Draw::money),
            settlement: d.maybe(Draw::money),
            refunded_so_far: d.maybe(Draw::money),
            text: d.words(),
            mac,
        }),
        Kind::Reject => Message::Reject(Reject {
            header,
            regarding: d.u16(0, 65_534),
            response_code: d.response_code(),
            reason: d.u16(0, 21),
            field_id: d.u16(0, 63),
            offset: u32::try_from(d.number(0, 70_000)).unwrap(),
            text: d.words(),
            mac,
        }),
    }
}

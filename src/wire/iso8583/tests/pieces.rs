//! Values for every message of the house, drawn at random, and messages built from them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, MatchKey, Reference};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::*;
use crate::model::money::{Currency, MINOR_UNITS_MAX, Money, Rate};
use crate::model::outcome::*;
use crate::model::time::{Date, LocalTime, Wall};
use crate::wire::iso8583::decode::{implied_outcome, implied_reversal};
use crate::wire::iso8583::tests::today;

/// Whatever a message may hold; each message takes what it has.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    match_key: MatchKey,
    original: Option<MatchKey>,
    key: Key,
    root: Key,
    refund: bool,
    institutions: [Option<Institution>; 3],
    moneys: [Option<Money>; 4],
    rates: [Option<Rate>; 2],
    local_time: LocalTime,
    dates: [Option<Date>; 2],
    numbers: [Option<u16>; 3],
    nonce: Option<u64>,
    expiry_seconds: Option<u64>,
    flags: (bool, bool, bool),
    response_code: ResponseCode,
    outcome: Option<Outcome>,
    presentation: Option<Presentation>,
    scenario: Option<Scenario>,
    kyc_level: Option<KycLevel>,
    state: Option<State>,
    reason: Option<Reason>,
    approval_code: Option<Chars<6>>,
    terminal: Option<Chars<8>>,
    merchant_id: Option<Chars<15>>,
    payer_token: Option<Chars<32>>,
    name: Vec<u8>,
    text: Vec<u8>,
    code: Vec<u8>,
    quote: Vec<u8>,
    wrapped_key: Vec<u8>,
    mac: Vec<u8>,
}

fn chars<const N: usize>() -> impl Strategy<Value = Option<Chars<N>>> {
    option::of(vec(0x20..=0x7e_u8, 1..=N)).prop_map(|text| {
        text.and_then(|text| Chars::padded(&text))
            .filter(|chars| !chars.is_blank())
    })
}

fn institution() -> impl Strategy<Value = Institution> {
    (1..=99_999_999_999_u64).prop_map(|code| Institution::new(code).unwrap())
}

/// A date in the years around `today`, so that DE 13 finds its year (`days` below half a year).
fn date(days: i64) -> impl Strategy<Value = Date> {
    (-days..=days).prop_map(|days| Date::from_days(today().days() + days))
}

fn key(days: i64) -> impl Strategy<Value = Key> {
    (institution(), date(days), "[0-9A-Za-z]{12}").prop_map(|(originator, local_date, text)| Key {
        originator,
        local_date,
        reference: Reference::new(text.as_bytes().try_into().unwrap()).unwrap(),
    })
}

fn match_key() -> impl Strategy<Value = MatchKey> {
    (0..=999_999_u32, 0..=9_999_999_999_u64)
        .prop_map(|(stan, transmission)| MatchKey::from_iso(stan, transmission))
}

fn money() -> impl Strategy<Value = Option<Money>> {
    option::of((0..=MINOR_UNITS_MAX, 1..=999_u16)).prop_map(|drawn| {
        let (minor, currency) = drawn?;
        Money::new(minor, Currency::new(currency)?)
    })
}

fn rate() -> impl Strategy<Value = Option<Rate>> {
    option::of((0..=9_u32, 1..10_000_000_u32)).prop_map(|drawn| {
        drawn.and_then(|(point, digits)| Rate::from_iso(point * 10_000_000 + digits))
    })
}

fn any_of<T: Copy + core::fmt::Debug + 'static>(
    all: &'static [T],
) -> impl Strategy<Value = Option<T>> {
    option::of(select(all))
}

fn numbers() -> impl Strategy<Value = Pieces> {
    let keys = (
        match_key(),
        option::of(match_key()),
        key(170),
        key(4_000),
        any::<bool>(),
    );
    let institutions = [
        option::of(institution()),
        option::of(institution()),
        option::of(institution()),
    ];
    let amounts = ([money(), money(), money(), money()], [rate(), rate()]);
    let times = (
        (0..24_u32, 0..60_u32, 0..60_u32),
        [option::of(date(170)), option::of(date(4_000))],
        [
            option::of(1..=999_u16),
            option::of(1..=999_u16),
            option::of(0..=u16::MAX),
        ],
    );
    let wide = (
        option::of(any::<u64>()),
        option::of(0..=18_000_000_000_u64),
        any::<(bool, bool, bool)>(),
    );
    (keys, institutions, amounts, times, wide).prop_map(
        |((match_key, original, key, root, refund), institutions, (moneys, rates), times, wide)| {
            let ((hour, minute, second), dates, numbers) = times;
            let (nonce, expiry_seconds, flags) = wide;
            Pieces {
                match_key,
                original: original.filter(|key| key.0 != 0),
                key,
                root,
                refund,
                institutions,
                moneys,
                rates,
                local_time: LocalTime::from_hhmmss(hour * 10_000 + minute * 100 + second).unwrap(),
                dates,
                numbers,
                nonce,
                expiry_seconds,
                flags,
                ..blank(match_key, key)
            }
        },
    )
}

/// Nothing but a key: what the numbers are added to, then the texts.
fn blank(match_key: MatchKey, key: Key) -> Pieces {
    Pieces {
        match_key,
        original: None,
        key,
        root: key,
        refund: false,
        institutions: [None; 3],
        moneys: [None; 4],
        rates: [None; 2],
        local_time: LocalTime::default(),
        dates: [None; 2],
        numbers: [None; 3],
        nonce: None,
        expiry_seconds: None,
        flags: (false, false, false),
        response_code: ResponseCode::APPROVED,
        outcome: None,
        presentation: None,
        scenario: None,
        kyc_level: None,
        state: None,
        reason: None,
        approval_code: None,
        terminal: None,
        merchant_id: None,
        payer_token: None,
        name: Vec::new(),
        text: Vec::new(),
        code: Vec::new(),
        quote: Vec::new(),
        wrapped_key: Vec::new(),
        mac: Vec::new(),
    }
}

/// `hex_mac`: the sixteen digits of the ASCII form, or eight bytes.
pub(super) fn pieces(hex_mac: bool) -> impl Strategy<Value = Pieces> {
    let mac = if hex_mac {
        "([0-9A-F]{16})?".prop_map(String::into_bytes).boxed()
    } else {
        prop_oneof![Just(Vec::new()), vec(any::<u8>(), 8)].boxed()
    };
    let codes = [
        ResponseCode::APPROVED,
        ResponseCode::PENDING,
        ResponseCode::NO_ANSWER,
        ResponseCode::NO_ROUTE,
        ResponseCode::BAD_MAC,
    ];
    let words = (
        select(codes.to_vec()),
        any_of(Outcome::ALL),
        any_of(Presentation::ALL),
        any_of(Scenario::ALL),
        any_of(KycLevel::ALL),
        any_of(State::ALL),
        any_of(Reason::ALL),
    );
    let fixed = (chars::<6>(), chars::<8>(), chars::<15>(), chars::<32>());
    // Letters of one to four bytes; DE 62 and 63 together have room for 1,998.
    let texts = (
        prop_oneof![
            "[ -~]{0,45}",
            "[ -~\u{a0}-\u{17f}\u{4e00}-\u{9fff}\u{1f300}-\u{1f5ff}]{0,60}"
        ],
        "[ -EG-~]?[ -~]{0,24}",
        prop_oneof![
            "[ -~]{0,120}",
            "[ -~\u{4e00}-\u{9fff}\u{1f300}-\u{1f5ff}]{300,490}"
        ],
        "[!-~]{0,120}",
        "([0-9a-fA-F]{2}){0,64}",
        mac,
    );
    (numbers(), words, fixed, texts).prop_map(|(numbers, words, fixed, texts)| Pieces {
        response_code: words.0,
        outcome: words.1,
        presentation: words.2,
        scenario: words.3,
        kyc_level: words.4,
        state: words.5,
        reason: words.6,
        approval_code: fixed.0,
        terminal: fixed.1,
        merchant_id: fixed.2,
        payer_token: fixed.3,
        name: texts.0.into_bytes(),
        text: texts.1.into_bytes(),
        code: texts.2.into_bytes(),
        quote: texts.3.into_bytes(),
        wrapped_key: texts.4.into_bytes(),
        mac: texts.5,
        ..numbers
    })
}

impl Pieces {
    fn header(&self) -> Header {
        Header {
            match_key: self.match_key,
            transmit_time: Wall::default(),
        }
    }

    /// A payment is its own root, and may be older than DE 13 can tell.
    fn target(&self) -> (BusinessKey, Key) {
        if self.refund {
            (
                BusinessKey {
                    key: self.key,
                    class: Class::Refund,
                },
                self.root,
            )
        } else {
            (
                BusinessKey {
                    key: self.root,
                    class: Class::Payment,
                },
                self.root,
            )
        }
    }

    fn amount(&self) -> Money {
        self.moneys[0].unwrap_or(Money {
            minor: 1_250,
            currency: Currency::new(156).unwrap(),
        })
    }

    fn amounts(&self) -> Amounts {
        Amounts {
            amount: self.amount(),
            billing: self.moneys[1],
            settlement: self.moneys[2],
            billing_rate: self.rates[0],
            settlement_rate: self.rates[1],
        }
    }

    fn refunded_so_far(&self, first: Option<Money>) -> Option<Money> {
        let refunded = self.moneys[3]?;
        Some(Money {
            currency: first.map_or(refunded.currency, |money| money.currency),
            ..refunded
        })
    }

    fn echoed(&self) -> Echoed {
        Echoed {
            local_time: self.flags.0.then_some(self.local_time),
            presentation: self.presentation,
            mcc: self.numbers[0],
            terminal: self.terminal,
            merchant_id: self.merchant_id,
        }
    }

    fn some_code(&self) -> &[u8] {
        if self.code.is_empty() {
            b"281000000000000000"
        } else {
            &self.code
        }
    }

    fn implied(&self) -> Option<Outcome> {
        self.outcome.or_else(|| implied_outcome(self.response_code))
    }

    /// A message of this kind. Flat: one arm per kind.
    #[expect(clippy::too_many_lines, reason = "one arm per kind")]
    pub(super) fn message(&self, kind: Kind) -> Message<'_> {
        let (header, mac, text) = (self.header(), &self.mac[..], &self.text[..]);
        let response_code = self.response_code;
        let (target, root) = self.target();
        let notice = Notice {
            header,
            institution: self.institutions[0],
            mac,
        };
        let notice_ack = NoticeAck {
            header,
            response_code,
            mac,
        };
        let reversal = Reversal {
            header,
            target,
            root,
            amount: self.amount(),
            reason: self.reason,
            repeat: self.flags.1,
            original: self.original,
            mac,
        };
        let reversal_result = ReversalResult {
            header,
            target,
            response_code,
            outcome: self.outcome.or_else(|| implied_reversal(response_code)),
            amount: Some(self.amount()),
            mac,
        };
        match kind {
            Kind::SignOn => Message::SignOn(SignOn {
                header,
                institution: self.key.originator,
                protocol_version: self.numbers[2],
                business_date: self.dates[1],
                nonce: self.nonce,
                mac,
            }),
            Kind::SignOnAck => Message::SignOnAck(SignOnAck {
                header,
                response_code,
                shards: self.numbers[1],
                shard: self.numbers[2],
                heartbeat_seconds: None,
                business_date: self.dates[1],
                mac,
            }),
            Kind::SignOff => Message::SignOff(notice),
            Kind::SignOffAck => Message::SignOffAck(notice_ack),
            Kind::Echo => Message::Echo(notice),
            Kind::EchoAck => Message::EchoAck(notice_ack),
            Kind::KeyChange => Message::KeyChange(KeyChange {
                header,
                institution: self.institutions[0],
                key_id: self.match_key.stan(),
                check_value: self.approval_code.unwrap_or_default(),
                wrapped_key: Sensitive(&self.wrapped_key),
                mac,
            }),
            Kind::KeyChangeAck => Message::KeyChangeAck(notice_ack),
            Kind::Cutover => Message::Cutover(Cutover {
                header,
                business_date: self.key.local_date,
                mac,
            }),
            Kind::CutoverAck => Message::CutoverAck(notice_ack),
            Kind::CodeInquiry => Message::CodeInquiry(CodeInquiry {
                header,
                key: self.key,
                local_time: Some(self.local_time),
                presentation: self.presentation,
                wallet_currency: self.moneys[1].map(|money| money.currency),
                payer_token: self.payer_token,
                code: Sensitive(self.some_code()),
                mac,
            }),
            Kind::CodeResult => Message::CodeResult(CodeResult {
                header,
                key: self.key,
                response_code,
                code_kind: None,
                owner: self.institutions[0],
                amount: self.moneys[0],
                billing: self.moneys[1],
                billing_rate: self.rates[0],
                quote_expiry: self
                    .expiry_seconds
                    .map(|seconds| Wall(seconds * 1_000_000_000)),
                mcc: self.numbers[0],
                country: self.numbers[1],
                merchant_id: self.merchant_id,
                merchant_name: &self.name,
                quote: &self.quote,
                text,
                mac,
            }),
            Kind::PaymentRequest => Message::PaymentRequest(PaymentRequest {
                header,
                key: self.key,
                local_time: Some(self.local_time),
                destination: self.institutions[0],
                forwarder: self.institutions[1],
                presentation: if self.code.is_empty() {
                    Presentation::Mpm
                } else {
                    Presentation::Cpm
                },
                scenario: self.scenario,
                amounts: self.amounts(),
                mcc: self.numbers[0],
                country: self.numbers[1],
                terminal: self.terminal,
                merchant_id: self.merchant_id,
                payer_token: self.payer_token,
                kyc_level: self.kyc_level,
                code: Sensitive(&self.code),
                merchant_name: &self.name,
                quote: &self.quote,
                mac,
            }),
            Kind::PaymentResult => Message::PaymentResult(PaymentResult {
                header,
                key: self.key,
                response_code,
                outcome: self.implied(),
                approval_code: self.approval_code,
                amounts: self.amounts(),
                settlement_date: self.dates[0],
                echoed: self.echoed(),
                text,
                mac,
            }),
            Kind::PaymentAdvice => Message::PaymentAdvice(PaymentAdvice {
                header,
                target,
                root,
                repeat: self.flags.1,
                response_code,
                outcome: self.implied(),
                approval_code: self.approval_code,
                amounts: self.amounts(),
                settlement_date: self.dates[0],
                text,
                mac,
            }),
            Kind::PaymentAdviceAck => Message::PaymentAdviceAck(PaymentAdviceAck {
                header,
                target,
                response_code,
                text,
                mac,
            }),
            Kind::ReversalRequest => Message::ReversalRequest(reversal),
            Kind::ReversalResult => Message::ReversalResult(reversal_result),
            Kind::ReversalAdvice => Message::ReversalAdvice(reversal),
            Kind::ReversalAdviceAck => Message::ReversalAdviceAck(reversal_result),
            Kind::RefundRequest => Message::RefundRequest(RefundRequest {
                header,
                key: self.key,
                local_time: Some(self.local_time),
                root: self.root,
                destination: self.institutions[0],
                forwarder: self.institutions[1],
                presentation: self.presentation,
                amounts: self.amounts(),
                mcc: self.numbers[0],
                country: self.numbers[1],
                terminal: self.terminal,
                merchant_id: self.merchant_id,
                reason: self.reason,
                mac,
            }),
            Kind::RefundResult => Message::RefundResult(RefundResult {
                header,
                key: self.key,
                response_code,
                outcome: self.implied(),
                amounts: self.amounts(),
                settlement_date: self.dates[0],
                refunded_so_far: self.refunded_so_far(Some(self.amount())),
                echoed: self.echoed(),
                text,
                mac,
            }),
            Kind::StatusInquiry => Message::StatusInquiry(StatusInquiry {
                header,
                target,
                root,
                mac,
            }),
            Kind::StatusResult => Message::StatusResult(StatusResult {
                header,
                target,
                response_code,
                state: self.state,
                outcome: self.outcome,
                approval_code: self.approval_code,
                amount: self.moneys[0],
                billing: self.moneys[1],
                settlement: self.moneys[2],
                refunded_so_far: self.refunded_so_far(self.moneys[0]),
                text,
                mac,
            }),
            Kind::Reject => Message::Reject(Reject {
                header,
                regarding: [100, 200, 220, 400, 420, 800][usize::from(self.flags.0) * 3],
                response_code: ResponseCode::FORMAT,
                reason: self.numbers[0].unwrap_or(10),
                field_id: self.numbers[1].unwrap_or(0),
                offset: u32::from(self.numbers[2].unwrap_or(0)),
                text: b"",
                mac,
            }),
        }
    }
}

//! Records for tests: one full example of each kind, and strategies for any record at all.

use proptest::option;
use proptest::prelude::*;

use crate::model::chars::Chars;
use crate::model::fingerprint::Fingerprint;
use crate::model::hold::{Hold, OrderHash, PayerHash, Total};
use crate::model::ids::{
    Epoch, Institution, MatchKey, Reference, ShardId, TableVersion, TransactionNumber,
};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::INSTITUTION_MAX;
use crate::model::message::{Amounts, Echoed};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{
    Check, Outcome, Presentation, QueueReason, Reason, Resolution, ResponseCode, Ruling, Scenario,
    Source,
};
use crate::model::record::{
    Actor, Advice, AdviceAnswer, Answer, Decision, Finding, InDoubt, Inquiry, InquiryEnd,
    LateAnswer, Opened, Payment, Pending, Queued, Recalled, Record, Refund, Refunded, Reversal,
    ReversalAnswer, ReversalEscalation, ShortText, Unknown,
};
use crate::model::ruling::Ruled;
use crate::model::time::{Date, LocalTime, Wall};

prop_compose! {
    fn institution()(code in 1..=INSTITUTION_MAX) -> Institution {
        Institution::new(code).unwrap()
    }
}

prop_compose! {
    pub(super) fn key()(
        originator in institution(),
        days in 0_i64..40_000,
        reference in "[0-9A-Za-z]{12}",
    ) -> Key {
        Key {
            originator,
            local_date: Date::from_days(days),
            reference: Reference::new(reference.as_bytes().try_into().unwrap()).unwrap(),
        }
    }
}

prop_compose! {
    fn money()(minor: i64, currency in 1_u16..=999) -> Money {
        Money { minor, currency: Currency::new(currency).unwrap() }
    }
}

prop_compose! {
    fn rate()(mantissa: i64, exponent: i8) -> Rate {
        Rate { mantissa, exponent }
    }
}

prop_compose! {
    fn amounts()(
        amount in money(),
        billing in option::of(money()),
        settlement in option::of(money()),
        billing_rate in option::of(rate()),
        settlement_rate in option::of(rate()),
    ) -> Amounts {
        Amounts { amount, billing, settlement, billing_rate, settlement_rate }
    }
}

fn chars<const N: usize>() -> impl Strategy<Value = Chars<N>> {
    proptest::collection::vec(0x20_u8..=0x7e, N).prop_map(|text| Chars::padded(&text).unwrap())
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

prop_compose! {
    fn echoed()(
        local_time in option::of(0_u32..24),
        presentation in option::of(one_of(Presentation::ALL)),
        mcc: Option<u16>,
        terminal in option::of(chars()),
        merchant_id in option::of(chars()),
    ) -> Echoed {
        let local_time = local_time.map(|hour| LocalTime::from_hhmmss(hour * 10_000).unwrap());
        Echoed { local_time, presentation, mcc, terminal, merchant_id }
    }
}

fn decision() -> impl Strategy<Value = Decision> {
    let forward = (institution(), any::<u64>(), any::<u64>());
    prop_oneof![
        forward.prop_map(|(destination, match_key, deadline)| Decision::Forward {
            destination,
            match_key: MatchKey(match_key),
            deadline: Wall(deadline),
        }),
        (any::<[u8; 2]>(), option::of(one_of(Check::ALL))).prop_map(|(code, check)| {
            Decision::Decline {
                response_code: ResponseCode(code),
                check,
            }
        }),
    ]
}

prop_compose! {
    fn payment()(
        numbers: (u64, u64, u64, u32),
        key in key(),
        parties in (institution(), option::of(institution()), option::of(institution())),
        presentation in one_of(Presentation::ALL),
        scenario in option::of(one_of(Scenario::ALL)),
        amounts in amounts(),
        echoed in echoed(),
        days in 0_i64..40_000,
        decision in decision(),
    ) -> Record {
        Record::Payment(Payment {
            number: TransactionNumber(numbers.0),
            key,
            fingerprint: Fingerprint(numbers.1),
            originator: parties.0,
            match_key: MatchKey(numbers.2),
            named_destination: parties.1,
            forwarder: parties.2,
            presentation,
            scenario,
            amounts,
            echoed,
            settlement_date: Date::from_days(days),
            table: TableVersion(numbers.3),
            decision,
        })
    }
}

const ACTORS: &[Actor] = &[Actor::Originator, Actor::Destination, Actor::Switch];
const CLASSES: &[Class] = &[Class::Payment, Class::Refund, Class::CodeInquiry];

prop_compose! {
    fn answer()(
        number: u64,
        by in one_of(ACTORS),
        response_code: [u8; 2],
        outcome in one_of(Outcome::ALL),
        approval_code in option::of(chars()),
        amounts in amounts(),
        text in proptest::collection::vec(any::<u8>(), 0..=25),
    ) -> Record {
        Record::Answer(Answer {
            number: TransactionNumber(number),
            by,
            response_code: ResponseCode(response_code),
            outcome,
            approval_code,
            amounts,
            text: ShortText::new(&text),
        })
    }
}

/// A finding has the fields of an answer.
fn finding() -> impl Strategy<Value = Record> {
    (answer(), one_of(Source::ALL)).prop_map(|(record, source)| match record {
        Record::Answer(answer) => Record::Finding(Finding {
            number: answer.number,
            source,
            response_code: answer.response_code,
            outcome: answer.outcome,
            approval_code: answer.approval_code,
            amounts: answer.amounts,
            text: answer.text,
        }),
        other => other,
    })
}

/// A refund has most fields of a payment.
fn refund() -> impl Strategy<Value = Record> {
    let rest = (key(), option::of(one_of(Reason::ALL)));
    (payment(), rest).prop_map(|(record, (root, reason))| match record {
        Record::Payment(payment) => Record::Refund(Refund {
            number: payment.number,
            key: payment.key,
            root,
            fingerprint: payment.fingerprint,
            originator: payment.originator,
            match_key: payment.match_key,
            presentation: payment.echoed.presentation,
            reason,
            amounts: payment.amounts,
            echoed: payment.echoed,
            settlement_date: payment.settlement_date,
            table: payment.table,
            decision: payment.decision,
        }),
        other => other,
    })
}

prop_compose! {
    fn reversal()(
        number: u64,
        keys in (key(), key()),
        class in one_of(CLASSES),
        flags: (bool, bool),
        by in one_of(ACTORS),
        participant in option::of(institution()),
        reason in option::of(one_of(Reason::ALL)),
        amount in money(),
        match_key: Option<u64>,
    ) -> Record {
        Record::Reversal(Reversal {
            number: TransactionNumber(number),
            target: BusinessKey { key: keys.0, class },
            root: keys.1,
            claims: flags.0,
            by,
            participant,
            advice: flags.1,
            reason,
            amount,
            match_key: match_key.map(MatchKey),
        })
    }
}

prop_compose! {
    fn recalled()(
        numbers: (u64, u64, u64, u64),
        key in key(),
        parties in (option::of(institution()), option::of(institution())),
        approval_code in option::of(chars()),
        amounts in amounts(),
        echoed in echoed(),
        days in 0_i64..40_000,
        taken: (u16, i64, i64, i64),
    ) -> Record {
        Record::Recalled(Recalled {
            number: TransactionNumber(numbers.0),
            key,
            fingerprint: Fingerprint(numbers.1),
            received: Wall(numbers.2),
            originator: parties.0,
            destination: parties.1,
            match_key: MatchKey(numbers.3),
            settlement_date: Date::from_days(days),
            approval_code,
            amounts,
            echoed,
            text: ShortText::new(b"as it was"),
            refunded: Refunded {
                count: taken.0,
                amount_minor: taken.1,
                billing_minor: taken.2,
                settlement_minor: taken.3,
            },
        })
    }
}

prop_compose! {
    fn hold()(
        number: u64,
        payer in option::of(any::<[u8; 16]>()),
        order in option::of(any::<[u8; 16]>()),
        days in 0_i64..40_000,
        amount in option::of(money()),
        year_most_minor: Option<i64>,
        day_count_most: Option<u32>,
    ) -> Hold {
        let hash = |bytes: Option<[u8; 16]>| bytes.filter(|bytes| *bytes != [0; 16]);
        Hold {
            number: TransactionNumber(number),
            payer: hash(payer).map(PayerHash),
            date: Date::from_days(days),
            amount,
            year_most_minor,
            day_count_most,
            order: hash(order).map(OrderHash),
        }
    }
}

fn counted() -> impl Strategy<Value = Record> {
    let total = (any::<u128>(), 1_900_u16..2_200, money());
    let total = total.prop_map(|(payer, year, amount)| {
        let payer = PayerHash(payer.max(1).to_le_bytes());
        Record::Total(Total {
            payer,
            year,
            amount,
        })
    });
    prop_oneof![
        hold().prop_map(Record::Held),
        hold().prop_map(Record::Released),
        total
    ]
}

fn small() -> impl Strategy<Value = Record> {
    let values = (any::<u64>(), any::<u64>(), any::<[u8; 2]>(), any::<bool>());
    (values, one_of(Reason::ALL), 0..13).prop_map(|((number, other, code, flag), reason, kind)| {
        let number = TransactionNumber(number);
        let (match_key, response_code) = (MatchKey(other), ResponseCode(code));
        match kind {
            0 => Record::Unknown(Unknown { number, reason }),
            1 => Record::ReversalAnswer(ReversalAnswer {
                number,
                response_code,
                reversed: flag,
            }),
            2 => Record::ReversalEscalation(ReversalEscalation { number, match_key }),
            3 => Record::Advice(Advice { number, match_key }),
            4 => Record::AdviceAnswer(AdviceAnswer {
                number,
                response_code,
            }),
            5 => Record::LateAnswer(LateAnswer {
                number,
                response_code,
            }),
            6 => Record::InDoubt(InDoubt {
                number,
                reason,
                resolution: Resolution::ALL[usize::from(code[0]) % Resolution::ALL.len()],
            }),
            7 => Record::Inquiry(Inquiry { number, match_key }),
            8 => Record::InquiryEnd(InquiryEnd {
                number,
                response_code,
            }),
            9 => Record::Pending(Pending {
                number,
                until: Wall(other),
            }),
            10 => Record::Queued(Queued {
                number,
                reason: QueueReason::ALL[usize::from(code[1]) % QueueReason::ALL.len()],
                with: Institution::new(other % 99_999_999_999 + 1).unwrap(),
            }),
            11 => Record::Ruled(Ruled {
                number,
                ruling: Ruling::ALL[usize::from(code[0]) % Ruling::ALL.len()],
                action: other,
            }),
            _ => opened(u32::from(code[0]), other),
        }
    })
}

/// Any record that the types allow.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    // Boxed: together they are too large for the stack of a test.
    prop_oneof![
        payment().boxed(),
        answer().boxed(),
        finding().boxed(),
        refund().boxed(),
        recalled().boxed(),
        counted().boxed(),
        reversal().boxed(),
        small().boxed()
    ]
}

/// The first record of an epoch.
pub(super) fn opened(epoch: u32, table_hash: u64) -> Record {
    Record::Opened(Opened {
        epoch: Epoch(epoch),
        shard: ShardId(1),
        shards: 4,
        table: TableVersion(7),
        table_hash,
    })
}

/// A payment with nothing absent.
pub(super) fn full_payment(number: u64) -> Record {
    let institution = |code| Institution::new(code).unwrap();
    let money = |minor, numeric| Money {
        minor,
        currency: Currency::new(numeric).unwrap(),
    };
    let rate = |mantissa| Rate {
        mantissa,
        exponent: -6,
    };
    Record::Payment(Payment {
        number: TransactionNumber(number),
        key: example_key(number),
        fingerprint: Fingerprint(0xfeed),
        originator: institution(48_000_702),
        match_key: MatchKey(number),
        named_destination: Some(institution(48_000_344)),
        forwarder: Some(institution(48_000_156)),
        presentation: Presentation::Mpm,
        scenario: Some(Scenario::InboundMpm),
        amounts: Amounts {
            amount: money(12_345, 156),
            billing: Some(money(2_345, 702)),
            settlement: Some(money(1_745, 840)),
            billing_rate: Some(rate(190_012)),
            settlement_rate: Some(rate(141_300)),
        },
        echoed: Echoed {
            local_time: LocalTime::from_hhmmss(235_959),
            presentation: Some(Presentation::Mpm),
            mcc: Some(5_411),
            terminal: Chars::padded(b"T0000001"),
            merchant_id: Chars::padded(b"M00000000000001"),
        },
        settlement_date: Date::from_yyyymmdd(20_261_121).unwrap(),
        table: TableVersion(3),
        decision: Decision::Forward {
            destination: institution(48_000_344),
            match_key: MatchKey(number),
            deadline: Wall(1_795_298_705_000_000_123),
        },
    })
}

/// The key of [`full_payment`].
pub(super) fn example_key(number: u64) -> Key {
    let reference = format!("{:012}", number % 1_000_000_000_000);
    Key {
        originator: Institution::new(48_000_702).unwrap(),
        local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
        reference: Reference::new(reference.as_bytes().try_into().unwrap()).unwrap(),
    }
}

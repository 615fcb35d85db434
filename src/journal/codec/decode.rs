//! Bytes -> records. Strict: what no [`super::encode()`] writes is refused, with the field's name.
#![deny(clippy::indexing_slicing)]

use super::{
    ADVICE, BILLING_RATE, CLAIMS, DAY_COUNT_MOST, HAS_MATCH_KEY, LOCAL_TIME, MCC, Malformed,
    RECORD_VERSION, SETTLEMENT_RATE, YEAR_MOST, bytes_of_kind,
};
use crate::journal::layout::{RECORD_HEADER_BYTES, Reader};
use crate::model::chars::Chars;
use crate::model::fingerprint::Fingerprint;
use crate::model::hold::{Hold, OrderHash, PayerHash, Total};
use crate::model::ids::{
    Epoch, Institution, MatchKey, Reference, ShardId, TableVersion, TransactionNumber,
};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::TEXT_BYTES_MAX;
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

/// Decodes a record whose checksum [`crate::journal::layout::Records`] has found right.
pub fn decode(bytes: &[u8]) -> Result<(Wall, Record), Malformed> {
    let Some((header, payload)) = bytes.split_first_chunk::<RECORD_HEADER_BYTES>() else {
        return Err(Malformed::Length(bytes.len()));
    };
    let mut header = Reader::new(header);
    let _check: [u8; 4] = header.take();
    let _length: [u8; 2] = header.take();
    let [kind, version] = header.take();
    let wall = Wall(u64::from_le_bytes(header.take()));
    let expected = bytes_of_kind(kind).ok_or(Malformed::Kind(kind))?;
    if version != RECORD_VERSION {
        return Err(Malformed::Version(version));
    }
    if bytes.len() != expected {
        return Err(Malformed::Length(bytes.len()));
    }
    let mut reader = Reader::new(payload);
    let record = read_kind(&mut reader, kind)?;
    if reader.finish() {
        Ok((wall, record))
    } else {
        Err(Malformed::Padding)
    }
}

fn read_kind(reader: &mut Reader<'_>, kind: u8) -> Result<Record, Malformed> {
    Ok(match kind {
        1 => Record::Opened(read_opened(reader)),
        2 => Record::Payment(read_payment(reader)?),
        3 => Record::Answer(read_answer(reader)?),
        4 => Record::Unknown(Unknown {
            number: read_number(reader),
            reason: present(read_reason(reader)?, "reason")?,
        }),
        5 => Record::Reversal(read_reversal(reader)?),
        6 => Record::ReversalAnswer(ReversalAnswer {
            number: read_number(reader),
            response_code: ResponseCode(reader.take()),
            reversed: read_bool(reader, "reversed")?,
        }),
        7 => Record::ReversalEscalation(ReversalEscalation {
            number: read_number(reader),
            match_key: read_match_key(reader),
        }),
        8 => Record::Advice(Advice {
            number: read_number(reader),
            match_key: read_match_key(reader),
        }),
        9 => Record::AdviceAnswer(AdviceAnswer {
            number: read_number(reader),
            response_code: ResponseCode(reader.take()),
        }),
        10 => Record::LateAnswer(LateAnswer {
            number: read_number(reader),
            response_code: ResponseCode(reader.take()),
        }),
        11..=22 => return read_resolution(reader, kind),
        unknown => return Err(Malformed::Kind(unknown)),
    })
}

/// The kinds of the resolver, of refunds, and of what is counted.
fn read_resolution(reader: &mut Reader<'_>, kind: u8) -> Result<Record, Malformed> {
    Ok(match kind {
        11 => Record::InDoubt(InDoubt {
            number: read_number(reader),
            reason: present(read_reason(reader)?, "reason")?,
            resolution: required(reader, Resolution::from_u8, "resolution")?,
        }),
        12 => Record::Inquiry(Inquiry {
            number: read_number(reader),
            match_key: read_match_key(reader),
        }),
        13 => Record::InquiryEnd(InquiryEnd {
            number: read_number(reader),
            response_code: ResponseCode(reader.take()),
        }),
        14 => Record::Finding(Finding {
            number: read_number(reader),
            source: required(reader, Source::from_u8, "source")?,
            response_code: ResponseCode(reader.take()),
            outcome: required(reader, Outcome::from_u8, "outcome")?,
            approval_code: read_chars(reader, "approval_code")?,
            amounts: read_amounts(reader)?,
            text: read_text(reader)?,
        }),
        15 => Record::Pending(Pending {
            number: read_number(reader),
            until: Wall(u64::from_le_bytes(reader.take())),
        }),
        16 => Record::Queued(Queued {
            number: read_number(reader),
            reason: required(reader, QueueReason::from_u8, "reason")?,
            with: present(read_institution(reader)?, "with")?,
        }),
        17 => Record::Refund(read_refund(reader)?),
        18 => Record::Recalled(read_recalled(reader)?),
        19 => Record::Held(read_hold(reader)?),
        20 => Record::Released(read_hold(reader)?),
        21 => Record::Total(Total {
            payer: PayerHash(present(read_hash(reader), "payer")?),
            year: read_year(reader)?,
            amount: present(read_money(reader)?, "amount")?,
        }),
        22 => Record::Ruled(Ruled {
            number: read_number(reader),
            ruling: required(reader, Ruling::from_u8, "ruling")?,
            action: u64::from_le_bytes(reader.take()),
        }),
        unknown => return Err(Malformed::Kind(unknown)),
    })
}

fn read_hold(reader: &mut Reader<'_>) -> Result<Hold, Malformed> {
    let number = read_number(reader);
    let payer = read_hash(reader).map(PayerHash);
    let order = read_hash(reader).map(OrderHash);
    let date = read_date(reader, "date")?;
    let [flags] = reader.take();
    if flags & !(YEAR_MOST | DAY_COUNT_MOST) != 0 {
        return Err(Malformed::Field("flags"));
    }
    let amount = read_money(reader)?;
    let year_most = i64::from_le_bytes(reader.take());
    let day_count_most = u32::from_le_bytes(reader.take());
    Ok(Hold {
        number,
        payer,
        date,
        amount,
        year_most_minor: flagged(flags & YEAR_MOST != 0, year_most, "year_most_minor")?,
        day_count_most: flagged(
            flags & DAY_COUNT_MOST != 0,
            day_count_most,
            "day_count_most",
        )?,
        order,
    })
}

/// A number that is zero where it is not given.
fn flagged<T: PartialEq + Default>(
    given: bool,
    value: T,
    name: &'static str,
) -> Result<Option<T>, Malformed> {
    match given {
        true => Ok(Some(value)),
        false if value == T::default() => Ok(None),
        false => Err(Malformed::Field(name)),
    }
}

fn read_hash(reader: &mut Reader<'_>) -> Option<[u8; 16]> {
    let hash: [u8; 16] = reader.take();
    (hash != [0; 16]).then_some(hash)
}

/// A year that a date can have.
fn read_year(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    let year = u16::from_le_bytes(reader.take());
    let first = Date::from_yyyymmdd(u32::from(year) * 10_000 + 101);
    first.map(|_| year).ok_or(Malformed::Field("year"))
}

fn read_recalled(reader: &mut Reader<'_>) -> Result<Recalled, Malformed> {
    Ok(Recalled {
        number: read_number(reader),
        key: read_key(reader)?,
        fingerprint: Fingerprint(u64::from_le_bytes(reader.take())),
        received: Wall(u64::from_le_bytes(reader.take())),
        originator: read_institution(reader)?,
        destination: read_institution(reader)?,
        match_key: read_match_key(reader),
        settlement_date: read_date(reader, "settlement_date")?,
        approval_code: read_chars(reader, "approval_code")?,
        amounts: read_amounts(reader)?,
        echoed: read_echoed(reader)?,
        text: read_text(reader)?,
        refunded: Refunded {
            count: u16::from_le_bytes(reader.take()),
            amount_minor: i64::from_le_bytes(reader.take()),
            billing_minor: i64::from_le_bytes(reader.take()),
            settlement_minor: i64::from_le_bytes(reader.take()),
        },
    })
}

fn read_refund(reader: &mut Reader<'_>) -> Result<Refund, Malformed> {
    Ok(Refund {
        number: read_number(reader),
        key: read_key(reader)?,
        root: read_key(reader)?,
        fingerprint: Fingerprint(u64::from_le_bytes(reader.take())),
        originator: present(read_institution(reader)?, "originator")?,
        match_key: read_match_key(reader),
        decision: read_decision(reader)?,
        presentation: read_presentation(reader)?,
        reason: read_reason(reader)?,
        settlement_date: read_date(reader, "settlement_date")?,
        table: TableVersion(u32::from_le_bytes(reader.take())),
        amounts: read_amounts(reader)?,
        echoed: read_echoed(reader)?,
    })
}

fn read_opened(reader: &mut Reader<'_>) -> Opened {
    Opened {
        epoch: Epoch(u32::from_le_bytes(reader.take())),
        shard: ShardId(u16::from_le_bytes(reader.take())),
        shards: u16::from_le_bytes(reader.take()),
        table: TableVersion(u32::from_le_bytes(reader.take())),
        table_hash: u64::from_le_bytes(reader.take()),
    }
}

fn read_payment(reader: &mut Reader<'_>) -> Result<Payment, Malformed> {
    let number = read_number(reader);
    let key = read_key(reader)?;
    let fingerprint = Fingerprint(u64::from_le_bytes(reader.take()));
    let originator = present(read_institution(reader)?, "originator")?;
    let match_key = read_match_key(reader);
    let named_destination = read_institution(reader)?;
    let forwarder = read_institution(reader)?;
    let decision = read_decision(reader)?;
    Ok(Payment {
        number,
        key,
        fingerprint,
        originator,
        match_key,
        named_destination,
        forwarder,
        decision,
        presentation: present(read_presentation(reader)?, "presentation")?,
        scenario: read_enumerator(reader, Scenario::from_u8, "scenario")?,
        settlement_date: read_date(reader, "settlement_date")?,
        table: TableVersion(u32::from_le_bytes(reader.take())),
        amounts: read_amounts(reader)?,
        echoed: read_echoed(reader)?,
    })
}

fn read_decision(reader: &mut Reader<'_>) -> Result<Decision, Malformed> {
    let [decision] = reader.take();
    match decision {
        1 => Ok(Decision::Forward {
            destination: present(read_institution(reader)?, "destination")?,
            match_key: read_match_key(reader),
            deadline: Wall(u64::from_le_bytes(reader.take())),
        }),
        2 => {
            let response_code = ResponseCode(reader.take());
            let check = read_enumerator(reader, Check::from_u8, "check")?;
            let rest: [u8; 21] = reader.take();
            if rest != [0; 21] {
                return Err(Malformed::Padding);
            }
            Ok(Decision::Decline {
                response_code,
                check,
            })
        }
        _ => Err(Malformed::Field("decision")),
    }
}

fn read_answer(reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    Ok(Answer {
        number: read_number(reader),
        by: read_actor(reader)?,
        response_code: ResponseCode(reader.take()),
        outcome: present(
            read_enumerator(reader, Outcome::from_u8, "outcome")?,
            "outcome",
        )?,
        approval_code: read_chars(reader, "approval_code")?,
        amounts: read_amounts(reader)?,
        text: read_text(reader)?,
    })
}

fn read_reversal(reader: &mut Reader<'_>) -> Result<Reversal, Malformed> {
    let number = read_number(reader);
    let key = read_key(reader)?;
    let class = read_enumerator(reader, Class::from_u8, "class")?;
    let root = read_key(reader)?;
    let flags = read_flags(reader, CLAIMS | ADVICE | HAS_MATCH_KEY)?;
    let by = read_actor(reader)?;
    let participant = read_institution(reader)?;
    let reason = read_reason(reader)?;
    let amount = present(read_money(reader)?, "amount")?;
    let match_key = read_match_key(reader);
    let match_key = optional(flags, HAS_MATCH_KEY, match_key, "match_key")?;
    Ok(Reversal {
        number,
        target: BusinessKey {
            key,
            class: present(class, "class")?,
        },
        root,
        claims: flags & CLAIMS != 0,
        by,
        participant,
        advice: flags & ADVICE != 0,
        reason,
        amount,
        match_key,
    })
}

fn read_key(reader: &mut Reader<'_>) -> Result<Key, Malformed> {
    Ok(Key {
        originator: present(read_institution(reader)?, "key.originator")?,
        local_date: read_date(reader, "key.local_date")?,
        reference: Reference::new(reader.take()).ok_or(Malformed::Field("key.reference"))?,
    })
}

fn read_institution(reader: &mut Reader<'_>) -> Result<Option<Institution>, Malformed> {
    match u64::from_le_bytes(reader.take()) {
        0 => Ok(None),
        code => Institution::new(code)
            .map(Some)
            .ok_or(Malformed::Field("institution")),
    }
}

fn read_money(reader: &mut Reader<'_>) -> Result<Option<Money>, Malformed> {
    let minor = i64::from_le_bytes(reader.take());
    match (minor, u16::from_le_bytes(reader.take())) {
        (0, 0) => Ok(None),
        (minor, currency) => Currency::new(currency)
            .map(|currency| Some(Money { minor, currency }))
            .ok_or(Malformed::Field("currency")),
    }
}

fn read_amounts(reader: &mut Reader<'_>) -> Result<Amounts, Malformed> {
    let flags = read_flags(reader, BILLING_RATE | SETTLEMENT_RATE)?;
    let amount = present(read_money(reader)?, "amount")?;
    let billing = read_money(reader)?;
    let settlement = read_money(reader)?;
    let mut rate = |flag| {
        let rate = Rate {
            mantissa: i64::from_le_bytes(reader.take()),
            exponent: i8::from_le_bytes(reader.take()),
        };
        match (flags & flag != 0, rate) {
            (true, rate) => Ok(Some(rate)),
            (
                false,
                Rate {
                    mantissa: 0,
                    exponent: 0,
                },
            ) => Ok(None),
            (false, _) => Err(Malformed::Field("rate")),
        }
    };
    Ok(Amounts {
        amount,
        billing,
        settlement,
        billing_rate: rate(BILLING_RATE)?,
        settlement_rate: rate(SETTLEMENT_RATE)?,
    })
}

fn read_echoed(reader: &mut Reader<'_>) -> Result<Echoed, Malformed> {
    let flags = read_flags(reader, LOCAL_TIME | MCC)?;
    let local_time = LocalTime::from_hhmmss(u32::from_le_bytes(reader.take()))
        .ok_or(Malformed::Field("echoed.local_time"))?;
    let presentation = read_presentation(reader)?;
    let mcc = u16::from_le_bytes(reader.take());
    Ok(Echoed {
        local_time: optional(flags, LOCAL_TIME, local_time, "echoed.local_time")?,
        presentation,
        mcc: optional(flags, MCC, mcc, "echoed.mcc")?,
        terminal: read_chars(reader, "echoed.terminal")?,
        merchant_id: read_chars(reader, "echoed.merchant_id")?,
    })
}

fn read_text(reader: &mut Reader<'_>) -> Result<ShortText, Malformed> {
    let [length] = reader.take();
    let bytes: [u8; TEXT_BYTES_MAX] = reader.take();
    match bytes.split_at_checked(usize::from(length)) {
        Some((text, rest)) if rest.iter().all(|byte| *byte == 0) => Ok(ShortText::new(text)),
        Some(_) | None => Err(Malformed::Field("text")),
    }
}

fn read_number(reader: &mut Reader<'_>) -> TransactionNumber {
    TransactionNumber(u64::from_le_bytes(reader.take()))
}

fn read_match_key(reader: &mut Reader<'_>) -> MatchKey {
    MatchKey(u64::from_le_bytes(reader.take()))
}

fn read_date(reader: &mut Reader<'_>, name: &'static str) -> Result<Date, Malformed> {
    Date::from_yyyymmdd(u32::from_le_bytes(reader.take())).ok_or(Malformed::Field(name))
}

fn read_actor(reader: &mut Reader<'_>) -> Result<Actor, Malformed> {
    present(read_enumerator(reader, Actor::from_u8, "by")?, "by")
}

fn read_reason(reader: &mut Reader<'_>) -> Result<Option<Reason>, Malformed> {
    read_enumerator(reader, Reason::from_u8, "reason")
}

fn read_presentation(reader: &mut Reader<'_>) -> Result<Option<Presentation>, Malformed> {
    read_enumerator(reader, Presentation::from_u8, "presentation")
}

fn read_enumerator<T>(
    reader: &mut Reader<'_>,
    from_u8: impl Fn(u8) -> Option<T>,
    name: &'static str,
) -> Result<Option<T>, Malformed> {
    let [value] = reader.take();
    match value {
        0 => Ok(None),
        value => from_u8(value).map(Some).ok_or(Malformed::Field(name)),
    }
}

fn required<T>(
    reader: &mut Reader<'_>,
    from_u8: impl Fn(u8) -> Option<T>,
    name: &'static str,
) -> Result<T, Malformed> {
    present(read_enumerator(reader, from_u8, name)?, name)
}

fn read_bool(reader: &mut Reader<'_>, name: &'static str) -> Result<bool, Malformed> {
    match reader.take() {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Malformed::Field(name)),
    }
}

fn read_flags(reader: &mut Reader<'_>, known: u8) -> Result<u8, Malformed> {
    let [flags] = reader.take();
    if flags & !known == 0 {
        Ok(flags)
    } else {
        Err(Malformed::Field("flags"))
    }
}

fn read_chars<const N: usize>(
    reader: &mut Reader<'_>,
    name: &'static str,
) -> Result<Option<Chars<N>>, Malformed> {
    let bytes: [u8; N] = reader.take();
    if bytes == [0; N] {
        return Ok(None);
    }
    Chars::new(bytes).map(Some).ok_or(Malformed::Field(name))
}

fn optional<T: Default + PartialEq>(
    flags: u8,
    flag: u8,
    value: T,
    name: &'static str,
) -> Result<Option<T>, Malformed> {
    if flags & flag != 0 {
        Ok(Some(value))
    } else if value == T::default() {
        Ok(None)
    } else {
        Err(Malformed::Field(name))
    }
}

fn present<T>(value: Option<T>, name: &'static str) -> Result<T, Malformed> {
    value.ok_or(Malformed::Field(name))
}

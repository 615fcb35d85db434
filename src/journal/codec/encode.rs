//! Records -> bytes. Never fails: every record that the types of `model` allow has an encoding.
#![deny(clippy::indexing_slicing)]

use super::{
    ADVICE, AMOUNTS_BYTES, BILLING_RATE, CLAIMS, DAY_COUNT_MOST, DECISION_BYTES, ECHOED_BYTES,
    HAS_MATCH_KEY, KEY_BYTES, LOCAL_TIME, MCC, RECORD_VERSION, SETTLEMENT_RATE, YEAR_MOST, size,
};
use crate::journal::layout::{RECORD_CHECK_BYTES, Writer};
use crate::model::chars::Chars;
use crate::model::hold::Hold;
use crate::model::ids::Institution;
use crate::model::keys::Key;
use crate::model::limits::RECORD_BYTES_MAX;
use crate::model::message::{Amounts, Echoed};
use crate::model::money::Money;
use crate::model::record::{
    Answer, Decision, Finding, Opened, Payment, Recalled, Record, Refund, Reversal, ShortText,
};
use crate::model::time::Wall;

/// Encodes `record` to the start of `place`, all but its check.
///
/// Until [`check_records`](crate::journal::layout::check_records) has chained it, whoever walks the
/// chain stops before it. Reading back at once what was just stored in pieces would stall until the
/// last piece is in the cache; later it costs the CRC alone, and those of several records overlap:
/// 110 against 100 ns for a payment, and then 77 with places handed on (`benches/journal.rs`).
pub fn encode(place: &mut [u8], wall: Wall, record: &Record) {
    match record {
        Record::Opened(it) => encode_sized::<{ size::OPENED }>(place, 1, wall, |w| opened(w, it)),
        Record::Payment(it) => {
            encode_sized::<{ size::PAYMENT }>(place, 2, wall, |w| payment(w, it));
        }
        Record::Answer(it) => encode_sized::<{ size::ANSWER }>(place, 3, wall, |w| answer(w, it)),
        Record::Unknown(it) => encode_sized::<{ size::UNKNOWN }>(place, 4, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put([it.reason as u8]);
        }),
        Record::Reversal(it) => {
            encode_sized::<{ size::REVERSAL }>(place, 5, wall, |w| reversal(w, it));
        }
        Record::ReversalAnswer(it) => {
            encode_sized::<{ size::REVERSAL_ANSWER }>(place, 6, wall, |w| {
                w.put(it.number.0.to_le_bytes());
                w.put(it.response_code.0);
                w.put([u8::from(it.reversed)]);
            });
        }
        Record::ReversalEscalation(it) => {
            encode_sized::<{ size::REVERSAL_ESCALATION }>(place, 7, wall, |w| {
                w.put(it.number.0.to_le_bytes());
                w.put(it.match_key.0.to_le_bytes());
            });
        }
        Record::Advice(it) => encode_sized::<{ size::ADVICE }>(place, 8, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put(it.match_key.0.to_le_bytes());
        }),
        Record::AdviceAnswer(it) => encode_sized::<{ size::ADVICE_ANSWER }>(place, 9, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put(it.response_code.0);
        }),
        Record::LateAnswer(it) => encode_sized::<{ size::LATE_ANSWER }>(place, 10, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put(it.response_code.0);
        }),
        Record::InDoubt(_)
        | Record::Inquiry(_)
        | Record::InquiryEnd(_)
        | Record::Finding(_)
        | Record::Pending(_)
        | Record::Queued(_)
        | Record::Ruled(_)
        | Record::Refund(_)
        | Record::Recalled(_) => encode_resolution(place, wall, record),
        Record::Held(it) => encode_sized::<{ size::HOLD }>(place, 19, wall, |w| hold(w, it)),
        Record::Released(it) => encode_sized::<{ size::HOLD }>(place, 20, wall, |w| hold(w, it)),
        Record::Total(it) => encode_sized::<{ size::TOTAL }>(place, 21, wall, |w| {
            w.put(it.payer.0);
            w.put(it.year.to_le_bytes());
            money(w, Some(it.amount));
        }),
    }
}

fn hold(writer: &mut Writer<'_>, it: &Hold) {
    let year_most = it.year_most_minor.map_or(0, |_| YEAR_MOST);
    let day_count_most = it.day_count_most.map_or(0, |_| DAY_COUNT_MOST);
    writer.put(it.number.0.to_le_bytes());
    writer.put(it.payer.map_or([0; 16], |payer| payer.0));
    writer.put(it.order.map_or([0; 16], |order| order.0));
    writer.put(it.date.yyyymmdd().to_le_bytes());
    writer.put([year_most | day_count_most]);
    money(writer, it.amount);
    writer.put(it.year_most_minor.unwrap_or(0).to_le_bytes());
    writer.put(it.day_count_most.unwrap_or(0).to_le_bytes());
}

/// The kinds of the resolver and of refunds.
fn encode_resolution(place: &mut [u8], wall: Wall, record: &Record) {
    match record {
        Record::InDoubt(it) => encode_sized::<{ size::IN_DOUBT }>(place, 11, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put([it.reason as u8, it.resolution as u8]);
        }),
        Record::Inquiry(it) => encode_sized::<{ size::INQUIRY }>(place, 12, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put(it.match_key.0.to_le_bytes());
        }),
        Record::InquiryEnd(it) => encode_sized::<{ size::INQUIRY_END }>(place, 13, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put(it.response_code.0);
        }),
        Record::Finding(it) => {
            encode_sized::<{ size::FINDING }>(place, 14, wall, |w| finding(w, it));
        }
        Record::Pending(it) => encode_sized::<{ size::PENDING }>(place, 15, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put(it.until.0.to_le_bytes());
        }),
        Record::Queued(it) => encode_sized::<{ size::QUEUED }>(place, 16, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put([it.reason as u8]);
            institution(w, Some(it.with));
        }),
        Record::Ruled(it) => encode_sized::<{ size::RULED }>(place, 22, wall, |w| {
            w.put(it.number.0.to_le_bytes());
            w.put([it.ruling as u8]);
            w.put(it.action.to_le_bytes());
        }),
        Record::Refund(it) => encode_sized::<{ size::REFUND }>(place, 17, wall, |w| refund(w, it)),
        Record::Recalled(it) => {
            encode_sized::<{ size::RECALLED }>(place, 18, wall, |w| recalled(w, it));
        }
        Record::Opened(_)
        | Record::Payment(_)
        | Record::Answer(_)
        | Record::Unknown(_)
        | Record::Reversal(_)
        | Record::ReversalAnswer(_)
        | Record::ReversalEscalation(_)
        | Record::Advice(_)
        | Record::AdviceAnswer(_)
        | Record::Held(_)
        | Record::Released(_)
        | Record::Total(_)
        | Record::LateAnswer(_) => unreachable!("the caller has encoded these kinds"),
    }
}

#[inline]
fn encode_sized<const N: usize>(
    place: &mut [u8],
    kind: u8,
    wall: Wall,
    payload: impl FnOnce(&mut Writer<'_>),
) {
    const { assert!(N <= RECORD_BYTES_MAX) };
    let place: &mut [u8; N] = place
        .first_chunk_mut()
        .expect("the caller compared the record's size with the room");
    let (_, covered) = place
        .split_at_mut_checked(RECORD_CHECK_BYTES)
        .expect("N is larger");
    let mut writer = Writer::new(covered);
    writer.put(
        u16::try_from(N)
            .expect("RECORD_BYTES_MAX fits")
            .to_le_bytes(),
    );
    writer.put([kind, RECORD_VERSION]);
    writer.put(wall.0.to_le_bytes());
    payload(&mut writer);
    writer.finish();
}

fn opened(writer: &mut Writer<'_>, it: &Opened) {
    writer.put(it.epoch.0.to_le_bytes());
    writer.put(it.shard.0.to_le_bytes());
    writer.put(it.shards.to_le_bytes());
    writer.put(it.table.0.to_le_bytes());
    writer.put(it.table_hash.to_le_bytes());
}

#[inline]
fn payment(writer: &mut Writer<'_>, it: &Payment) {
    writer.put(it.number.0.to_le_bytes());
    key(writer.part(), &it.key);
    writer.put(it.fingerprint.0.to_le_bytes());
    institution(writer, Some(it.originator));
    writer.put(it.match_key.0.to_le_bytes());
    institution(writer, it.named_destination);
    institution(writer, it.forwarder);
    decision(writer.part(), &it.decision);
    writer.put([it.presentation as u8]);
    writer.put([it.scenario.map_or(0, |value| value as u8)]);
    writer.put(it.settlement_date.yyyymmdd().to_le_bytes());
    writer.put(it.table.0.to_le_bytes());
    amounts(writer.part(), &it.amounts);
    echoed(writer.part(), &it.echoed);
}

#[inline]
fn decision(place: &mut [u8; DECISION_BYTES], it: &Decision) {
    let writer = &mut Writer::new(place);
    match *it {
        Decision::Forward {
            destination,
            match_key,
            deadline,
        } => {
            writer.put([1]);
            institution(writer, Some(destination));
            writer.put(match_key.0.to_le_bytes());
            writer.put(deadline.0.to_le_bytes());
        }
        Decision::Decline {
            response_code,
            check,
        } => {
            writer.put([2]);
            writer.put(response_code.0);
            writer.put([check.map_or(0, |value| value as u8)]);
            writer.put([0; 21]);
        }
    }
}

fn refund(writer: &mut Writer<'_>, it: &Refund) {
    writer.put(it.number.0.to_le_bytes());
    key(writer.part(), &it.key);
    key(writer.part(), &it.root);
    writer.put(it.fingerprint.0.to_le_bytes());
    institution(writer, Some(it.originator));
    writer.put(it.match_key.0.to_le_bytes());
    decision(writer.part(), &it.decision);
    writer.put([it.presentation.map_or(0, |value| value as u8)]);
    writer.put([it.reason.map_or(0, |value| value as u8)]);
    writer.put(it.settlement_date.yyyymmdd().to_le_bytes());
    writer.put(it.table.0.to_le_bytes());
    amounts(writer.part(), &it.amounts);
    echoed(writer.part(), &it.echoed);
}

fn recalled(writer: &mut Writer<'_>, it: &Recalled) {
    writer.put(it.number.0.to_le_bytes());
    key(writer.part(), &it.key);
    writer.put(it.fingerprint.0.to_le_bytes());
    writer.put(it.received.0.to_le_bytes());
    institution(writer, it.originator);
    institution(writer, it.destination);
    writer.put(it.match_key.0.to_le_bytes());
    writer.put(it.settlement_date.yyyymmdd().to_le_bytes());
    writer.put(it.approval_code.map_or([0; 6], |code| *code.bytes()));
    amounts(writer.part(), &it.amounts);
    echoed(writer.part(), &it.echoed);
    text(writer, &it.text);
    writer.put(it.refunded.count.to_le_bytes());
    writer.put(it.refunded.amount_minor.to_le_bytes());
    writer.put(it.refunded.billing_minor.to_le_bytes());
    writer.put(it.refunded.settlement_minor.to_le_bytes());
}

fn finding(writer: &mut Writer<'_>, it: &Finding) {
    writer.put(it.number.0.to_le_bytes());
    writer.put([it.source as u8]);
    writer.put(it.response_code.0);
    writer.put([it.outcome as u8]);
    writer.put(it.approval_code.map_or([0; 6], |code| *code.bytes()));
    amounts(writer.part(), &it.amounts);
    text(writer, &it.text);
}

#[inline]
fn answer(writer: &mut Writer<'_>, it: &Answer) {
    writer.put(it.number.0.to_le_bytes());
    writer.put([it.by as u8]);
    writer.put(it.response_code.0);
    writer.put([it.outcome as u8]);
    chars(writer, it.approval_code.as_ref());
    amounts(writer.part(), &it.amounts);
    text(writer, &it.text);
}

fn reversal(writer: &mut Writer<'_>, it: &Reversal) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    writer.put(it.number.0.to_le_bytes());
    key(writer.part(), &it.target.key);
    writer.put([it.target.class as u8]);
    key(writer.part(), &it.root);
    writer.put([flag(it.claims, CLAIMS)
        | flag(it.advice, ADVICE)
        | flag(it.match_key.is_some(), HAS_MATCH_KEY)]);
    writer.put([it.by as u8]);
    institution(writer, it.participant);
    writer.put([it.reason.map_or(0, |value| value as u8)]);
    money(writer, Some(it.amount));
    writer.put(it.match_key.unwrap_or_default().0.to_le_bytes());
}

#[inline]
fn key(place: &mut [u8; KEY_BYTES], it: &Key) {
    let writer = &mut Writer::new(place);
    institution(writer, Some(it.originator));
    writer.put(it.local_date.yyyymmdd().to_le_bytes());
    writer.put_text(it.reference.bytes());
}

#[inline]
fn institution(writer: &mut Writer<'_>, it: Option<Institution>) {
    writer.put(it.map_or(0, Institution::code).to_le_bytes());
}

#[inline]
fn money(writer: &mut Writer<'_>, it: Option<Money>) {
    writer.put(it.map_or(0, |money| money.minor).to_le_bytes());
    writer.put(it.map_or(0, |money| money.currency.numeric()).to_le_bytes());
}

#[inline]
fn amounts(place: &mut [u8; AMOUNTS_BYTES], it: &Amounts) {
    let writer = &mut Writer::new(place);
    let billing = it.billing_rate.map_or(0, |_| BILLING_RATE);
    let settlement = it.settlement_rate.map_or(0, |_| SETTLEMENT_RATE);
    writer.put([billing | settlement]);
    money(writer, Some(it.amount));
    money(writer, it.billing);
    money(writer, it.settlement);
    for rate in [it.billing_rate, it.settlement_rate] {
        writer.put(rate.map_or(0, |rate| rate.mantissa).to_le_bytes());
        writer.put(rate.map_or(0, |rate| rate.exponent).to_le_bytes());
    }
}

#[inline]
fn echoed(place: &mut [u8; ECHOED_BYTES], it: &Echoed) {
    let writer = &mut Writer::new(place);
    let local_time = it.local_time.map_or(0, |_| LOCAL_TIME);
    writer.put([local_time | it.mcc.map_or(0, |_| MCC)]);
    writer.put(it.local_time.unwrap_or_default().hhmmss().to_le_bytes());
    writer.put([it.presentation.map_or(0, |value| value as u8)]);
    writer.put(it.mcc.unwrap_or_default().to_le_bytes());
    chars(writer, it.terminal.as_ref());
    chars(writer, it.merchant_id.as_ref());
}

#[inline]
fn chars<const N: usize>(writer: &mut Writer<'_>, it: Option<&Chars<N>>) {
    match it {
        Some(text) => writer.put_text(text.bytes()),
        None => writer.put_text(&[0; N]),
    }
}

#[inline]
fn text(writer: &mut Writer<'_>, it: &ShortText) {
    writer.put([u8::try_from(it.bytes().len()).expect("TEXT_BYTES_MAX fits")]);
    writer.put_text(it.padded());
}

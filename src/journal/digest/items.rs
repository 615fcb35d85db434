//! Entries of a digest <-> records.
//!
//! What many payments of a segment have in common (parties, dates, currencies, tables) stands once,
//! in a *context* of 64 bytes; an entry names it. Then follow what every payment has, and what the
//! entry's flags say is there:
//!
//! ```text
//! entry   0       2         6         10         18          30            38          46     54
//!         +-------+---------+---------+----------+-----------+-------------+-----------+--------+
//!         | flags | context | number  | wall, ns | reference | fingerprint | match key | amount |
//!         +-------+---------+---------+----------+-----------+-------------+-----------+--------+
//!         | match key, deadline: or the code of a decline                                       |
//!         | billing, settlement: minor units, where the context has a currency                  |
//!         | rates (9 each), local time 4, MCC 2, terminal 8, merchant 15: by flag               |
//!         | answer: by, outcome, code 2, wall 8, approval code 6 by flag; or a record, by flag  |
//!         +-------------------------------------------------------------------------------------+
//! loose   | flags | where it ends in the segment, / 8 | the record, as it is there              |
//! ```
//!
//! `number` is counted from the header's; an answer is a record where it has a text or other
//! amounts than its payment.
#![deny(clippy::indexing_slicing)]

use super::{BadDigest, DigestHeader};
use crate::journal::Entry;
use crate::journal::codec;
use crate::journal::layout::{RECORD_ALIGNMENT_BYTES, RECORD_HEADER_BYTES, Reader, Writer};
use crate::model::chars::Chars;
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{Institution, Lsn, MatchKey, Reference, TableVersion, TransactionNumber};
use crate::model::keys::Key;
use crate::model::message::{Amounts, Echoed};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Outcome, Presentation, ResponseCode, Scenario};
use crate::model::record::{Actor, Answer, Decision, Payment, Record, ShortText};
use crate::model::time::{Date, LocalTime, Wall};

pub(super) const CONTEXT_BYTES: usize = 64;
const PAYMENT_BYTES: usize = 54;

const LOOSE: u16 = 1;
const DECLINED: u16 = 1 << 1;
const BILLING_RATE: u16 = 1 << 2;
const SETTLEMENT_RATE: u16 = 1 << 3;
const LOCAL_TIME: u16 = 1 << 4;
const MCC: u16 = 1 << 5;
const TERMINAL: u16 = 1 << 6;
const MERCHANT: u16 = 1 << 7;
const ANSWERED: u16 = 1 << 8;
const APPROVAL_CODE: u16 = 1 << 9;
const ANSWER_RECORD: u16 = 1 << 10;
const KNOWN: u16 = (1 << 11) - 1;

/// A payment, and its answer where that is in the same segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// When the payment was written.
    pub wall: Wall,
    /// The payment.
    pub payment: Payment,
    /// When its answer was written, and the answer.
    pub answer: Option<(Wall, Answer)>,
}

/// What a digest holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// A payment.
    Settled(Settled),
    /// Any other record.
    Loose(Entry),
}

/// What payments have in common.
#[derive(Clone, Copy, Debug)]
struct Context {
    key_originator: Institution,
    local_date: Date,
    originator: Institution,
    named_destination: Option<Institution>,
    forwarder: Option<Institution>,
    destination: Option<Institution>,
    settlement_date: Date,
    table: TableVersion,
    currency: Currency,
    billing: Option<Currency>,
    settlement: Option<Currency>,
    presentation: Presentation,
    scenario: Option<Scenario>,
    echoed: Option<Presentation>,
}

/// The context of a payment, as it is written.
pub(super) fn context_of(payment: &Payment) -> [u8; CONTEXT_BYTES] {
    let code =
        |institution: Option<Institution>| institution.map_or(0, Institution::code).to_le_bytes();
    let currency = |money: Option<Money>| {
        money
            .map_or(0, |money| money.currency.numeric())
            .to_le_bytes()
    };
    let destination = match payment.decision {
        Decision::Forward { destination, .. } => Some(destination),
        Decision::Decline { .. } => None,
    };
    let amounts = &payment.amounts;
    let mut bytes = [0; CONTEXT_BYTES];
    let mut writer = Writer::new(&mut bytes);
    writer.put(code(Some(payment.key.originator)));
    writer.put(code(Some(payment.originator)));
    writer.put(code(payment.named_destination));
    writer.put(code(payment.forwarder));
    writer.put(code(destination));
    writer.put(payment.key.local_date.yyyymmdd().to_le_bytes());
    writer.put(payment.settlement_date.yyyymmdd().to_le_bytes());
    writer.put(payment.table.0.to_le_bytes());
    writer.put(currency(Some(amounts.amount)));
    writer.put(currency(amounts.billing));
    writer.put(currency(amounts.settlement));
    writer.put([payment.presentation as u8]);
    writer.put([payment.scenario.map_or(0, |value| value as u8)]);
    writer.put([payment.echoed.presentation.map_or(0, |value| value as u8)]);
    writer.finish();
    bytes
}

fn read_context(bytes: &[u8; CONTEXT_BYTES]) -> Option<Context> {
    let mut reader = Reader::new(bytes);
    let mut institution = || u64::from_le_bytes(reader.take());
    let optional = |code| match code {
        0 => Some(None),
        code => Institution::new(code).map(Some),
    };
    let key_originator = Institution::new(institution())?;
    let originator = Institution::new(institution())?;
    let named_destination = optional(institution())?;
    let forwarder = optional(institution())?;
    let destination = optional(institution())?;
    let local_date = Date::from_yyyymmdd(u32::from_le_bytes(reader.take()))?;
    let settlement_date = Date::from_yyyymmdd(u32::from_le_bytes(reader.take()))?;
    let table = TableVersion(u32::from_le_bytes(reader.take()));
    let mut currency = || match u16::from_le_bytes(reader.take()) {
        0 => Some(None),
        numeric => Currency::new(numeric).map(Some),
    };
    let context = Context {
        key_originator,
        local_date,
        originator,
        named_destination,
        forwarder,
        destination,
        settlement_date,
        table,
        currency: currency()??,
        billing: currency()?,
        settlement: currency()?,
        presentation: enumerator(reader.take(), Presentation::from_u8)??,
        scenario: enumerator(reader.take(), Scenario::from_u8)?,
        echoed: enumerator(reader.take(), Presentation::from_u8)?,
    };
    reader.finish().then_some(context)
}

/// A value that may be absent, which is zero; none where it is neither.
fn enumerator<T>([value]: [u8; 1], from_u8: impl Fn(u8) -> Option<T>) -> Option<Option<T>> {
    match value {
        0 => Some(None),
        value => from_u8(value).map(Some),
    }
}

/// The answer of an entry as it is written: its record, and the same decoded.
pub(super) struct AnswerRecord<'a> {
    pub(super) wall: Wall,
    pub(super) answer: &'a Answer,
    pub(super) bytes: &'a [u8],
}

/// Writes a payment. `number` is counted from the header's.
pub(super) fn put_settled(
    items: &mut Vec<u8>,
    (context, number): (u32, u32),
    wall: Wall,
    payment: &Payment,
    answer: Option<AnswerRecord<'_>>,
) {
    let start = items.len();
    items.extend_from_slice(&[0; 2]);
    items.extend_from_slice(&context.to_le_bytes());
    items.extend_from_slice(&number.to_le_bytes());
    items.extend_from_slice(&wall.0.to_le_bytes());
    items.extend_from_slice(payment.key.reference.bytes());
    items.extend_from_slice(&payment.fingerprint.0.to_le_bytes());
    items.extend_from_slice(&payment.match_key.0.to_le_bytes());
    items.extend_from_slice(&payment.amounts.amount.minor.to_le_bytes());
    debug_assert_eq!(items.len() - start, PAYMENT_BYTES);
    let mut flags = 0;
    match payment.decision {
        Decision::Forward {
            destination: _,
            match_key,
            deadline,
        } => {
            items.extend_from_slice(&match_key.0.to_le_bytes());
            items.extend_from_slice(&deadline.0.to_le_bytes());
        }
        Decision::Decline { response_code } => {
            flags |= DECLINED;
            items.extend_from_slice(&response_code.0);
        }
    }
    flags |= put_amounts(items, &payment.amounts);
    flags |= put_echoed(items, &payment.echoed);
    if let Some(answer) = answer {
        flags |= put_answer(items, &payment.amounts, &answer);
    }
    let place = items.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
    *place.expect("two bytes were put there") = flags.to_le_bytes();
}

fn put_amounts(items: &mut Vec<u8>, amounts: &Amounts) -> u16 {
    let Amounts {
        amount: _,
        billing,
        settlement,
        billing_rate,
        settlement_rate,
    } = amounts;
    for money in [billing, settlement].into_iter().flatten() {
        items.extend_from_slice(&money.minor.to_le_bytes());
    }
    let mut flags = 0;
    for (rate, flag) in [
        (billing_rate, BILLING_RATE),
        (settlement_rate, SETTLEMENT_RATE),
    ] {
        if let Some(rate) = rate {
            items.extend_from_slice(&rate.mantissa.to_le_bytes());
            items.extend_from_slice(&rate.exponent.to_le_bytes());
            flags |= flag;
        }
    }
    flags
}

fn put_echoed(items: &mut Vec<u8>, echoed: &Echoed) -> u16 {
    let Echoed {
        local_time,
        presentation: _,
        mcc,
        terminal,
        merchant_id,
    } = echoed;
    let mut flags = 0;
    if let Some(time) = local_time {
        items.extend_from_slice(&time.hhmmss().to_le_bytes());
        flags |= LOCAL_TIME;
    }
    if let Some(mcc) = mcc {
        items.extend_from_slice(&mcc.to_le_bytes());
        flags |= MCC;
    }
    if let Some(terminal) = terminal {
        items.extend_from_slice(terminal.bytes());
        flags |= TERMINAL;
    }
    if let Some(merchant_id) = merchant_id {
        items.extend_from_slice(merchant_id.bytes());
        flags |= MERCHANT;
    }
    flags
}

fn put_answer(items: &mut Vec<u8>, paid: &Amounts, record: &AnswerRecord<'_>) -> u16 {
    let Answer {
        number: _,
        by,
        response_code,
        outcome,
        approval_code,
        amounts,
        text,
    } = record.answer;
    if amounts != paid || *text != ShortText::EMPTY {
        items.extend_from_slice(record.bytes);
        return ANSWERED | ANSWER_RECORD;
    }
    items.extend_from_slice(&[*by as u8, *outcome as u8]);
    items.extend_from_slice(&response_code.0);
    items.extend_from_slice(&record.wall.0.to_le_bytes());
    match approval_code {
        None => ANSWERED,
        Some(code) => {
            items.extend_from_slice(code.bytes());
            ANSWERED | APPROVAL_CODE
        }
    }
}

/// Writes a record that is kept as it is; it ends at 8 x `end` in its segment.
pub(super) fn put_loose(items: &mut Vec<u8>, end: u32, record: &[u8]) {
    items.extend_from_slice(&LOOSE.to_le_bytes());
    items.extend_from_slice(&end.to_le_bytes());
    items.extend_from_slice(record);
}

/// The entries of a digest, in order.
#[derive(Debug)]
pub struct Items<'a> {
    contexts: Vec<Context>,
    rest: &'a [u8],
    number_first: u64,
    start: Lsn,
    segment_bytes: u64,
}

impl<'a> Items<'a> {
    pub(super) fn new(header: &DigestHeader, body: &'a [u8]) -> Result<Self, BadDigest> {
        let count = usize::try_from(header.contexts).map_err(|_| BadDigest::Damaged)?;
        let (contexts, rest) = count
            .checked_mul(CONTEXT_BYTES)
            .and_then(|bytes| body.split_at_checked(bytes))
            .ok_or(BadDigest::Damaged)?;
        let (contexts, _) = contexts.as_chunks::<CONTEXT_BYTES>();
        let contexts: Option<Vec<Context>> = contexts.iter().map(read_context).collect();
        // No LSN in this segment is beyond the last that there can be.
        let start = header
            .segment
            .checked_sub(1)
            .and_then(|before| before.checked_mul(header.segment_bytes))
            .filter(|start| start.checked_add(header.segment_bytes).is_some())
            .ok_or(BadDigest::Damaged)?;
        Ok(Self {
            contexts: contexts.ok_or(BadDigest::Damaged)?,
            rest,
            number_first: header.number_first,
            start: Lsn(start),
            segment_bytes: header.segment_bytes,
        })
    }

    /// The next entry; none at the end. Of a [`super::Digest`] that was read, none is damaged.
    #[inline(always)]
    pub fn next_item(&mut self) -> Result<Option<Item>, BadDigest> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.read_item().map(Some).ok_or(BadDigest::Damaged)
    }

    #[inline(always)]
    fn read_item(&mut self) -> Option<Item> {
        let flags = u16::from_le_bytes(*self.rest.first_chunk()?);
        if flags & LOOSE != 0 {
            return (flags == LOOSE)
                .then(|| self.read_loose())?
                .map(Item::Loose);
        }
        (flags & !KNOWN == 0)
            .then(|| self.read_settled(flags))?
            .map(Item::Settled)
    }

    fn read_loose(&mut self) -> Option<Entry> {
        let _flags: [u8; 2] = self.take()?;
        let end = u64::from(u32::from_le_bytes(self.take()?)) * RECORD_ALIGNMENT_BYTES as u64;
        if end > self.segment_bytes {
            return None;
        }
        let (wall, record) = self.read_record()?;
        Some(Entry {
            lsn: self.start.plus(end),
            wall,
            record,
        })
    }

    fn read_record(&mut self) -> Option<(Wall, Record)> {
        let header: &[u8; RECORD_HEADER_BYTES] = self.rest.first_chunk()?;
        let [_, _, _, _, low, high, ..] = *header;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let (record, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        codec::decode(record).ok()
    }

    #[inline(always)]
    fn read_settled(&mut self, flags: u16) -> Option<Settled> {
        let fixed: [u8; PAYMENT_BYTES] = self.take()?;
        let mut reader = Reader::new(&fixed);
        let _flags: [u8; 2] = reader.take();
        let context = u32::from_le_bytes(reader.take());
        let context = *self.contexts.get(usize::try_from(context).ok()?)?;
        let number = u64::from(u32::from_le_bytes(reader.take()));
        let number = TransactionNumber(self.number_first.checked_add(number)?);
        let wall = Wall(u64::from_le_bytes(reader.take()));
        let reference = Reference::new(reader.take())?;
        let fingerprint = Fingerprint(u64::from_le_bytes(reader.take()));
        let match_key = MatchKey(u64::from_le_bytes(reader.take()));
        let minor = i64::from_le_bytes(reader.take());
        let decision = self.read_decision(flags, &context)?;
        let amounts = self.read_amounts(flags, minor, &context)?;
        let echoed = self.read_echoed(flags, &context)?;
        let answer = match flags & (ANSWERED | APPROVAL_CODE | ANSWER_RECORD) {
            0 => None,
            kind => Some(self.read_answer(kind, number, &amounts)?),
        };
        let payment = Payment {
            number,
            key: Key {
                originator: context.key_originator,
                local_date: context.local_date,
                reference,
            },
            fingerprint,
            originator: context.originator,
            match_key,
            named_destination: context.named_destination,
            forwarder: context.forwarder,
            presentation: context.presentation,
            scenario: context.scenario,
            amounts,
            echoed,
            settlement_date: context.settlement_date,
            table: context.table,
            decision,
        };
        Some(Settled {
            wall,
            payment,
            answer,
        })
    }

    #[inline]
    fn read_decision(&mut self, flags: u16, context: &Context) -> Option<Decision> {
        if flags & DECLINED != 0 {
            let response_code = ResponseCode(self.take()?);
            return (context.destination.is_none()).then_some(Decision::Decline { response_code });
        }
        Some(Decision::Forward {
            destination: context.destination?,
            match_key: MatchKey(u64::from_le_bytes(self.take()?)),
            deadline: Wall(u64::from_le_bytes(self.take()?)),
        })
    }

    #[inline]
    fn read_amounts(&mut self, flags: u16, minor: i64, context: &Context) -> Option<Amounts> {
        Some(Amounts {
            amount: Money {
                minor,
                currency: context.currency,
            },
            billing: self.read_money(context.billing)?,
            settlement: self.read_money(context.settlement)?,
            billing_rate: self.read_rate(flags & BILLING_RATE != 0)?,
            settlement_rate: self.read_rate(flags & SETTLEMENT_RATE != 0)?,
        })
    }

    #[inline]
    fn read_money(&mut self, currency: Option<Currency>) -> Option<Option<Money>> {
        let Some(currency) = currency else {
            return Some(None);
        };
        let minor = i64::from_le_bytes(self.take()?);
        Some(Some(Money { minor, currency }))
    }

    #[inline]
    fn read_rate(&mut self, given: bool) -> Option<Option<Rate>> {
        if !given {
            return Some(None);
        }
        Some(Some(Rate {
            mantissa: i64::from_le_bytes(self.take()?),
            exponent: i8::from_le_bytes(self.take()?),
        }))
    }

    #[inline]
    fn read_echoed(&mut self, flags: u16, context: &Context) -> Option<Echoed> {
        let mut echoed = Echoed {
            presentation: context.echoed,
            ..Echoed::default()
        };
        if flags & LOCAL_TIME != 0 {
            let time = LocalTime::from_hhmmss(u32::from_le_bytes(self.take()?))?;
            echoed.local_time = Some(time);
        }
        if flags & MCC != 0 {
            echoed.mcc = Some(u16::from_le_bytes(self.take()?));
        }
        if flags & TERMINAL != 0 {
            echoed.terminal = Some(Chars::new(self.take()?)?);
        }
        if flags & MERCHANT != 0 {
            echoed.merchant_id = Some(Chars::new(self.take()?)?);
        }
        Some(echoed)
    }

    fn read_answer(
        &mut self,
        kind: u16,
        number: TransactionNumber,
        paid: &Amounts,
    ) -> Option<(Wall, Answer)> {
        if kind == ANSWERED | ANSWER_RECORD {
            return match self.read_record()? {
                (wall, Record::Answer(answer)) if answer.number == number => Some((wall, answer)),
                _ => None,
            };
        }
        if kind & ANSWER_RECORD != 0 || kind & ANSWERED == 0 {
            return None;
        }
        let [by, outcome] = self.take()?;
        let response_code = ResponseCode(self.take()?);
        let wall = Wall(u64::from_le_bytes(self.take()?));
        let approval_code = if kind & APPROVAL_CODE != 0 {
            Some(Chars::new(self.take()?)?)
        } else {
            None
        };
        let answer = Answer {
            number,
            by: Actor::from_u8(by)?,
            response_code,
            outcome: Outcome::from_u8(outcome)?,
            approval_code,
            amounts: *paid,
            text: ShortText::EMPTY,
        };
        Some((wall, answer))
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

//! Entries of a digest -> records. How they are laid out is said where they are written:
//! [`super::entry`].
#![deny(clippy::indexing_slicing)]

use super::entry::{
    ANSWER_RECORD, ANSWERED, APPROVAL_CODE, BILLING_RATE, CHECK, CONTEXT_BYTES, DECLINED, KNOWN,
    LOCAL_TIME, LOOSE, MCC, MERCHANT, PAYMENT_BYTES, SETTLEMENT_RATE, TERMINAL,
};
use super::{BadDigest, DigestHeader};
use crate::journal::Entry;
use crate::journal::codec;
use crate::journal::layout::{RECORD_ALIGNMENT_BYTES, RECORD_HEADER_BYTES, Reader};
use crate::model::chars::{Chars, is_printable};
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{Institution, Lsn, MatchKey, Reference, TableVersion, TransactionNumber};
use crate::model::keys::Key;
use crate::model::message::{Amounts, Echoed};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Check, Outcome, Presentation, ResponseCode, Scenario};
use crate::model::record::{Actor, Answer, Decision, Payment, Record, ShortText};
use crate::model::time::{Date, LocalTime, Wall};

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

/// What a digest holds, and the merchant of a payment that has one, where it stands.
pub type Shown<'a> = (Item, Option<&'a [u8; 15]>);

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

/// An entry as the index sees it: of a payment, only what it is found by.
#[expect(
    clippy::large_enum_variant,
    reason = "most are payments, and a box for each other would be allocated for each"
)]
#[derive(Clone, Copy, Debug)]
pub(in crate::journal) enum Skimmed {
    /// A payment.
    Settled(Glimpse),
    /// Any other record.
    Loose(Entry),
}

/// What a payment, settled or not, is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::journal) struct Glimpse {
    /// Its number.
    pub(in crate::journal) number: TransactionNumber,
    /// Its key's date and reference.
    pub(in crate::journal) local_date: Date,
    pub(in crate::journal) reference: Reference,
    /// Ours on the destination's leg, where it was forwarded.
    pub(in crate::journal) match_key: Option<MatchKey>,
    /// When it was written, and its answer: the same where that stands elsewhere.
    pub(in crate::journal) walls: (Wall, Wall),
}

impl Glimpse {
    #[inline(always)]
    fn of(settled: &Settled) -> Self {
        let Settled {
            wall,
            payment,
            answer,
        } = settled;
        Self {
            number: payment.number,
            local_date: payment.key.local_date,
            reference: payment.key.reference,
            match_key: match payment.decision {
                Decision::Forward { match_key, .. } => Some(match_key),
                Decision::Decline { .. } => None,
            },
            walls: (*wall, answer.map_or(*wall, |(wall, _)| wall)),
        }
    }
}

/// The entries of a digest, in order.
#[derive(Debug)]
pub struct Items<'a> {
    contexts: Vec<Context>,
    rest: Rest<'a>,
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
            rest: Rest(rest),
            number_first: header.number_first,
            start: Lsn(start),
            segment_bytes: header.segment_bytes,
        })
    }

    /// Bytes of the entries that were not read yet.
    pub(super) const fn bytes_left(&self) -> usize {
        self.rest.0.len()
    }

    /// The next entry; none at the end. Of a [`super::Digest`] that was read, none is damaged.
    #[inline(always)]
    pub fn next_item(&mut self) -> Result<Option<Item>, BadDigest> {
        let item = match self.rest.flags() {
            None => return Ok(None),
            Some(LOOSE) => self.read_loose().map(Item::Loose),
            Some(flags) => self.read_settled(flags).map(|(mut settled, merchant)| {
                settled.payment.echoed.merchant_id = merchant.and_then(Chars::read);
                Item::Settled(settled)
            }),
        };
        item.map(Some).ok_or(BadDigest::Damaged)
    }

    /// As [`Items::next_item`], but the merchant of a payment is left out and shown where it
    /// stands: a copy of 15 bytes is written in two pieces that overlap, and read again over both,
    /// which waits for all writes before.
    #[inline(always)]
    pub fn next_shown(&mut self) -> Result<Option<Shown<'a>>, BadDigest> {
        let item = match self.rest.flags() {
            None => return Ok(None),
            Some(LOOSE) => self.read_loose().map(|entry| (Item::Loose(entry), None)),
            Some(flags) => self
                .read_settled(flags)
                .map(|(settled, merchant)| (Item::Settled(settled), merchant)),
        };
        item.map(Some).ok_or(BadDigest::Damaged)
    }

    /// As [`Items::next_item`], and as strict, for who needs little of it: what else is made of it,
    /// and what the caller does not look at, the compiler leaves out.
    #[inline(always)]
    pub(super) fn skim(&mut self) -> Result<Option<Skimmed>, BadDigest> {
        let skimmed = match self.rest.flags() {
            None => return Ok(None),
            Some(LOOSE) => self.read_loose().map(Skimmed::Loose),
            Some(flags) => {
                let settled = self.read_settled(flags);
                settled.map(|(settled, _)| Skimmed::Settled(Glimpse::of(&settled)))
            }
        };
        skimmed.map(Some).ok_or(BadDigest::Damaged)
    }

    fn read_loose(&mut self) -> Option<Entry> {
        let _flags: [u8; 2] = self.rest.take()?;
        let end = u64::from(u32::from_le_bytes(self.rest.take()?)) * RECORD_ALIGNMENT_BYTES as u64;
        if end > self.segment_bytes {
            return None;
        }
        let (wall, record) = self.rest.read_record()?;
        Some(Entry {
            lsn: self.start.plus(end),
            wall,
            record,
        })
    }

    #[inline(always)]
    fn read_settled(&mut self, flags: u16) -> Option<(Settled, Option<&'a [u8; 15]>)> {
        if flags & (!KNOWN | LOOSE) != 0 {
            return None;
        }
        let fixed: &[u8; PAYMENT_BYTES] = self.rest.take_where_it_is()?;
        let mut reader = Reader::new(fixed);
        let _flags: [u8; 2] = reader.take();
        let context = u32::from_le_bytes(reader.take());
        let context = self.contexts.get(usize::try_from(context).ok()?)?;
        let number = u64::from(u32::from_le_bytes(reader.take()));
        let number = TransactionNumber(self.number_first.checked_add(number)?);
        let wall = Wall(u64::from_le_bytes(reader.take()));
        let reference = Reference::new(reader.take())?;
        let fingerprint = Fingerprint(u64::from_le_bytes(reader.take()));
        let match_key = MatchKey(u64::from_le_bytes(reader.take()));
        let minor = i64::from_le_bytes(reader.take());
        let decision = self.rest.read_decision(flags, context)?;
        let amounts = self.rest.read_amounts(flags, minor, context)?;
        let (echoed, merchant) = self.rest.read_echoed(flags, context)?;
        let answer = match flags & (ANSWERED | APPROVAL_CODE | ANSWER_RECORD) {
            0 => None,
            kind => Some(self.rest.read_answer(kind, number, &amounts)?),
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
        let settled = Settled {
            wall,
            payment,
            answer,
        };
        Some((settled, merchant))
    }
}

/// The bytes of the entries that were not read yet.
#[derive(Debug)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// The flags of the next entry; none at the end. Where there is half of them, more are set than
    /// are known.
    #[inline(always)]
    fn flags(&self) -> Option<u16> {
        match self.0.first_chunk() {
            Some(flags) => Some(u16::from_le_bytes(*flags)),
            None if self.0.is_empty() => None,
            None => Some(u16::MAX),
        }
    }

    fn read_record(&mut self) -> Option<(Wall, Record)> {
        let header: &[u8; RECORD_HEADER_BYTES] = self.0.first_chunk()?;
        let [_, _, _, _, low, high, ..] = *header;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let (record, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        codec::decode(record).ok()
    }

    #[inline(always)]
    fn read_decision(&mut self, flags: u16, context: &Context) -> Option<Decision> {
        if flags & DECLINED != 0 {
            let response_code = ResponseCode(self.take()?);
            let check = if flags & CHECK == 0 {
                None
            } else {
                let [check] = self.take()?;
                Some(Check::from_u8(check)?)
            };
            return context.destination.is_none().then_some(Decision::Decline {
                response_code,
                check,
            });
        }
        if flags & CHECK != 0 {
            return None;
        }
        Some(Decision::Forward {
            destination: context.destination?,
            match_key: MatchKey(u64::from_le_bytes(self.take()?)),
            deadline: Wall(u64::from_le_bytes(self.take()?)),
        })
    }

    #[inline(always)]
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

    #[inline(always)]
    fn read_money(&mut self, currency: Option<Currency>) -> Option<Option<Money>> {
        let Some(currency) = currency else {
            return Some(None);
        };
        let minor = i64::from_le_bytes(self.take()?);
        Some(Some(Money { minor, currency }))
    }

    #[inline(always)]
    fn read_rate(&mut self, given: bool) -> Option<Option<Rate>> {
        if !given {
            return Some(None);
        }
        Some(Some(Rate {
            mantissa: i64::from_le_bytes(self.take()?),
            exponent: i8::from_le_bytes(self.take()?),
        }))
    }

    #[inline(always)]
    fn read_echoed(
        &mut self,
        flags: u16,
        context: &Context,
    ) -> Option<(Echoed, Option<&'a [u8; 15]>)> {
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
            echoed.terminal = Chars::read(self.take_where_it_is()?);
            echoed.terminal.as_ref()?;
        }
        let mut merchant = None;
        if flags & MERCHANT != 0 {
            let bytes = self.take_where_it_is()?;
            if !is_printable(bytes) {
                return None;
            }
            merchant = Some(bytes);
        }
        Some((echoed, merchant))
    }

    #[inline(always)]
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
            Some(Chars::read(self.take_where_it_is()?)?)
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

    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take_where_it_is().copied()
    }

    #[inline(always)]
    fn take_where_it_is<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }
}

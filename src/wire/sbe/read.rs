//! The fields of a validated body, read front to back, each checked as it is read.
//!
//! Refusals name the schema's field id and the offset of the first bad byte in the body. Never
//! panics, never allocates.

use crate::model::chars::{Sensitive, is_printable};
use crate::model::ids::{Institution, MatchKey, Reference};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::CODE_BYTES_MAX;
use crate::model::message::{Amounts, Header};
use crate::model::money::{Currency, MINOR_UNITS_MAX, Money, Rate};
use crate::model::outcome::ResponseCode;
use crate::model::refusal::{Fault, Refused};
use crate::model::time::{DAY_NS, Date, LocalTime, Wall};
use crate::wire::sbe::layout::{self, Field};
use crate::wire::sbe::view::{Known, split_data};

/// The fields that have not been read yet. The methods are inlined, always: only so does `end -
/// block.len()` fold into a constant, and a decoder into plain loads.
pub(super) struct Fields<'a> {
    known: Known,
    block: &'a [u8],
    /// Where the block ends in the body.
    end: usize,
    data: &'a [u8],
    /// Where the var data ends in the body.
    data_end: usize,
    /// How many have been read. Of use only in debug builds, to be held against the template.
    read: usize,
}

impl<'a> Fields<'a> {
    /// `block` ends at offset `end` of the body, `data` at offset `data_end`.
    #[inline(always)]
    pub(super) const fn new(
        known: Known,
        block: &'a [u8],
        end: usize,
        data: &'a [u8],
        data_end: usize,
    ) -> Self {
        Self {
            known,
            block,
            end,
            data,
            data_end,
            read: 0,
        }
    }

    /// The next bytes, which must be those of `field`.
    #[inline(always)]
    fn take<const N: usize>(&mut self, field: Field) -> Result<&'a [u8; N], Refused> {
        debug_assert_eq!(field.bytes(), N);
        debug_assert_eq!(
            self.known.template.and_then(|it| it.fields.get(self.read)),
            Some(&field)
        );
        let Some((bytes, rest)) = self.block.split_first_chunk::<N>() else {
            return Err(self.refuse(Fault::Truncated, field, 0));
        };
        self.block = rest;
        self.read += 1;
        Ok(bytes)
    }

    /// Refuses `field`, of which the last `back` bytes before the next field are at fault.
    #[inline(always)]
    fn refuse(&self, fault: Fault, field: Field, back: usize) -> Refused {
        self.known
            .refuse(fault, field.id, self.end - self.block.len() - back)
    }

    /// A value that must be there, of the field just read.
    #[inline(always)]
    pub(super) fn need<T>(&self, field: Field, value: Option<T>) -> Result<T, Refused> {
        match value {
            Some(value) => Ok(value),
            None => Err(self.refuse(Fault::Missing, field, field.bytes())),
        }
    }

    /// A value that must be right, of the field just read.
    #[inline(always)]
    fn valid<T>(&self, field: Field, value: Option<T>) -> Result<T, Refused> {
        match value {
            Some(value) => Ok(value),
            None => Err(self.refuse(Fault::BadValue, field, field.bytes())),
        }
    }

    #[inline(always)]
    pub(super) fn u16(&mut self, field: Field) -> Result<Option<u16>, Refused> {
        let value = u16::from_le_bytes(*self.take(field)?);
        Ok((value != u16::MAX).then_some(value))
    }

    #[inline(always)]
    pub(super) fn u32(&mut self, field: Field) -> Result<Option<u32>, Refused> {
        let value = u32::from_le_bytes(*self.take(field)?);
        Ok((value != u32::MAX).then_some(value))
    }

    #[inline(always)]
    pub(super) fn u64(&mut self, field: Field) -> Result<Option<u64>, Refused> {
        let value = u64::from_le_bytes(*self.take(field)?);
        Ok((value != u64::MAX).then_some(value))
    }

    /// A number from 1 to `max`; what else is null or refused.
    #[inline(always)]
    pub(super) fn code(&mut self, field: Field, max: u16) -> Result<Option<u16>, Refused> {
        match self.u16(field)? {
            None => Ok(None),
            Some(value) => self
                .valid(field, (value >= 1 && value <= max).then_some(value))
                .map(Some),
        }
    }

    /// ISO 18245: as in ISO 8583, 0000 is null.
    #[inline(always)]
    pub(super) fn mcc(&mut self) -> Result<Option<u16>, Refused> {
        match self.u16(layout::MCC)? {
            None | Some(0) => Ok(None),
            Some(value) => self
                .valid(layout::MCC, (value <= MCC_MAX).then_some(value))
                .map(Some),
        }
    }

    #[inline(always)]
    pub(super) fn country(&mut self) -> Result<Option<u16>, Refused> {
        self.code(layout::COUNTRY, COUNTRY_MAX)
    }

    #[inline(always)]
    pub(super) fn currency(&mut self, field: Field) -> Result<Option<Currency>, Refused> {
        match self.u16(field)? {
            None => Ok(None),
            Some(value) => self.valid(field, Currency::new(value)).map(Some),
        }
    }

    #[inline(always)]
    pub(super) fn institution(&mut self, field: Field) -> Result<Option<Institution>, Refused> {
        match self.u64(field)? {
            None => Ok(None),
            Some(value) => self.valid(field, Institution::new(value)).map(Some),
        }
    }

    #[inline(always)]
    pub(super) fn date(&mut self, field: Field) -> Result<Option<Date>, Refused> {
        match self.u32(field)? {
            None => Ok(None),
            Some(value) => self.valid(field, Date::from_yyyymmdd(value)).map(Some),
        }
    }

    #[inline(always)]
    pub(super) fn local_time(&mut self) -> Result<Option<LocalTime>, Refused> {
        match self.u32(layout::LOCAL_TIME)? {
            None => Ok(None),
            Some(value) => self
                .valid(layout::LOCAL_TIME, LocalTime::from_hhmmss(value))
                .map(Some),
        }
    }

    /// An enumeration, by the function that knows its numbers.
    #[inline(always)]
    pub(super) fn one_of<T>(
        &mut self,
        field: Field,
        from_u8: impl Fn(u8) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let [value] = *self.take(field)?;
        match value {
            u8::MAX => Ok(None),
            _ => self.valid(field, from_u8(value)).map(Some),
        }
    }

    /// Text of a fixed width. Null, and blank, are `None`. The caller makes `Chars` of it where it
    /// wants them: passed around by value they cost more than everything else here.
    #[inline(always)]
    pub(super) fn chars<const N: usize>(
        &mut self,
        field: Field,
    ) -> Result<Option<&'a [u8; N]>, Refused> {
        let bytes = self.take::<N>(field)?;
        match bytes.first() {
            Some(0) => Ok(None),
            Some(0x21..) if is_printable(bytes) => Ok(Some(bytes)),
            _ => match unusual_text(bytes) {
                Ok(blank) => Ok((!blank).then_some(bytes)),
                Err(back) => Err(self.refuse(Fault::BadCharacter, field, back)),
            },
        }
    }

    #[inline(always)]
    fn reference(&mut self, field: Field) -> Result<Reference, Refused> {
        let bytes = self.take::<12>(field)?;
        match Reference::new(*bytes) {
            Some(reference) => Ok(reference),
            None => {
                let (fault, back) = not_a_reference(bytes);
                Err(self.refuse(fault, field, back))
            }
        }
    }

    #[inline(always)]
    pub(super) fn response_code(&mut self) -> Result<ResponseCode, Refused> {
        let bytes = self.take(layout::RESPONSE_CODE)?;
        match (ResponseCode::new(*bytes), bytes) {
            (Some(code), _) => Ok(code),
            (None, [0, _]) => Err(self.refuse(Fault::Missing, layout::RESPONSE_CODE, 2)),
            (None, _) => Err(self.refuse(Fault::BadCharacter, layout::RESPONSE_CODE, 2)),
        }
    }

    /// Nanoseconds since 1970, before the year 2200, which is as far as our calendar goes.
    #[inline(always)]
    pub(super) fn instant(&mut self, field: Field) -> Result<Option<Wall>, Refused> {
        match self.u64(field)? {
            None => Ok(None),
            Some(value) => self
                .valid(field, (value < INSTANT_END).then_some(Wall(value)))
                .map(Some),
        }
    }

    #[inline(always)]
    pub(super) fn header(&mut self) -> Result<Header, Refused> {
        let link_ref = self.u64(layout::LINK_REF)?;
        Ok(Header {
            match_key: MatchKey(self.need(layout::LINK_REF, link_ref)?),
            transmit_time: self.instant(layout::TRANSMIT_TIME)?.unwrap_or_default(),
        })
    }

    #[inline(always)]
    fn key_of(&mut self, fields: [Field; 3]) -> Result<Key, Refused> {
        let [who, when, which] = fields;
        let originator = self.institution(who)?;
        let originator = self.need(who, originator)?;
        let local_date = self.date(when)?;
        Ok(Key {
            originator,
            local_date: self.need(when, local_date)?,
            reference: self.reference(which)?,
        })
    }

    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Key, Refused> {
        self.key_of([layout::ORIGINATOR, layout::LOCAL_DATE, layout::REFERENCE])
    }

    #[inline(always)]
    pub(super) fn root(&mut self) -> Result<Key, Refused> {
        self.key_of([
            layout::ROOT_ORIGINATOR,
            layout::ROOT_LOCAL_DATE,
            layout::ROOT_REFERENCE,
        ])
    }

    #[inline(always)]
    pub(super) fn target(&mut self) -> Result<BusinessKey, Refused> {
        let key = self.key()?;
        let class = self.one_of(layout::TARGET_CLASS, Class::from_u8)?;
        let class = self.need(layout::TARGET_CLASS, class)?;
        Ok(BusinessKey { key, class })
    }

    #[inline(always)]
    pub(super) fn money(&mut self, field: Field) -> Result<Option<Money>, Refused> {
        let (minor, currency) = halves::<10, 8, 2>(self.take(field)?);
        let minor = i64::from_le_bytes(minor);
        let currency = u16::from_le_bytes(currency);
        match (minor, currency) {
            (i64::MIN, u16::MAX) => Ok(None),
            (0..=MINOR_UNITS_MAX, _) => match Currency::new(currency) {
                Some(currency) => Ok(Some(Money { minor, currency })),
                None => Err(self.refuse(fault_of(currency == u16::MAX), field, 2)),
            },
            _ => Err(self.refuse(fault_of(minor == i64::MIN), field, 10)),
        }
    }

    #[inline(always)]
    pub(super) fn rate(&mut self, field: Field) -> Result<Option<Rate>, Refused> {
        let (mantissa, exponent) = halves::<9, 8, 1>(self.take(field)?);
        let mantissa = i64::from_le_bytes(mantissa);
        let exponent = i8::from_le_bytes(exponent);
        match (mantissa, exponent) {
            (i64::MIN, i8::MIN) => Ok(None),
            (1.., RATE_EXPONENT_MIN..=0) => Ok(Some(Rate { mantissa, exponent })),
            (1.., _) => Err(self.refuse(fault_of(exponent == i8::MIN), field, 1)),
            _ => Err(self.refuse(fault_of(mantissa == i64::MIN), field, 9)),
        }
    }

    #[inline(always)]
    pub(super) fn amounts(&mut self) -> Result<Amounts, Refused> {
        let amount = self.money(layout::AMOUNT)?;
        Ok(Amounts {
            amount: self.need(layout::AMOUNT, amount)?,
            billing: self.money(layout::BILLING)?,
            settlement: self.money(layout::SETTLEMENT)?,
            billing_rate: self.rate(layout::BILLING_RATE)?,
            settlement_rate: self.rate(layout::SETTLEMENT_RATE)?,
        })
    }

    /// The next var data, whatever it holds.
    #[inline(always)]
    pub(super) fn data(&mut self, field: Field) -> Result<&'a [u8], Refused> {
        debug_assert!(self.block.is_empty());
        debug_assert_eq!(
            self.known
                .template
                .and_then(|it| it.data.get(self.read - it.fields.len())),
            Some(&field)
        );
        let Some((bytes, rest)) = split_data(self.data) else {
            return Err(self.refuse_data(Fault::Truncated, field, 0));
        };
        self.data = rest;
        self.read += 1;
        Ok(bytes)
    }

    /// Refuses var data, of which the last `back` bytes before the next one are at fault.
    #[inline(always)]
    fn refuse_data(&self, fault: Fault, field: Field, back: usize) -> Refused {
        self.known
            .refuse(fault, field.id, self.data_end - self.data.len() - back)
    }

    /// UTF-8 text without control characters.
    #[inline(always)]
    pub(super) fn text(&mut self, field: Field) -> Result<&'a [u8], Refused> {
        let bytes = self.data(field)?;
        if is_printable(bytes) {
            return Ok(bytes);
        }
        match text_fault(bytes) {
            None => Ok(bytes),
            Some((fault, back)) => Err(self.refuse_data(fault, field, back)),
        }
    }

    /// A payment code: text of a bounded length that is not to be printed.
    #[inline(always)]
    pub(super) fn payment_code(&mut self) -> Result<Sensitive<'a>, Refused> {
        let bytes = self.text(layout::CODE)?;
        if bytes.len() > CODE_BYTES_MAX {
            return Err(self.refuse_data(Fault::BadLength, layout::CODE, bytes.len()));
        }
        Ok(Sensitive(bytes))
    }

    /// An opaque token: printable ASCII.
    #[inline(always)]
    pub(super) fn token(&mut self, field: Field) -> Result<&'a [u8], Refused> {
        let bytes = self.data(field)?;
        if is_printable(bytes) {
            return Ok(bytes);
        }
        let good = bytes.iter().take_while(|byte| is_text(**byte)).count();
        Err(self.refuse_data(Fault::BadCharacter, field, bytes.len() - good))
    }

    /// The last field of every message.
    #[inline(always)]
    pub(super) fn mac(&mut self) -> Result<&'a [u8], Refused> {
        let bytes = self.data(layout::MAC)?;
        debug_assert!(self.data.is_empty());
        Ok(bytes)
    }
}

// What is rare is told by functions that know no more than the bytes: a reference to `Fields` would
// keep all of it in memory.

/// Text may be blank, or padded with zeros, as standard generators do where their user left it
/// short: `Chars::printable` makes spaces of them. Whether it is blank; or how many bytes before
/// its end the first bad one is.
#[cold]
fn unusual_text<const N: usize>(bytes: &[u8; N]) -> Result<bool, usize> {
    let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let text = bytes.split_at(N - padding).0;
    match text.iter().position(|byte| !is_text(*byte)) {
        Some(at) => Err(N - at),
        None => Ok(text.trim_ascii_end().is_empty()),
    }
}

/// What is wrong with a reference, and how many bytes before its end.
#[cold]
fn not_a_reference(bytes: &[u8; 12]) -> (Fault, usize) {
    let bad = bytes.iter().position(|byte| !byte.is_ascii_alphanumeric());
    match (bytes.first(), bad.unwrap_or(0)) {
        (Some(0), _) => (Fault::Missing, 12),
        (_, at) => (Fault::BadCharacter, 12 - at),
    }
}

/// What is wrong with text that is not all printable ASCII, and how many bytes before its end.
#[inline(never)]
fn text_fault(bytes: &[u8]) -> Option<(Fault, usize)> {
    let text = match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Some((Fault::BadText, bytes.len() - error.valid_up_to())),
    };
    if !may_have_controls(bytes) {
        return None;
    }
    text.char_indices()
        .find(|(_, character)| character.is_control())
        .map(|(at, _)| (Fault::BadCharacter, bytes.len() - at))
}

/// The two members of a composite, in whole: put together from single bytes they would not become
/// single loads.
#[inline(always)]
fn halves<const N: usize, const A: usize, const B: usize>(bytes: &[u8; N]) -> ([u8; A], [u8; B]) {
    const { assert!(A + B == N) };
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => unreachable!("A and B make N"),
    }
}

/// One half of a composite is at fault: null beside a value, or out of range.
const fn fault_of(null: bool) -> Fault {
    if null {
        Fault::Missing
    } else {
        Fault::BadValue
    }
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// Whether UTF-8 has a byte that a control character has: itself, or the first of U+0080 to U+00BF.
fn may_have_controls(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| {
        found | matches!(byte, 0..0x20 | 0x7f | 0xc2)
    })
}

/// 2200-01-01T00:00:00Z.
const INSTANT_END: u64 = 84_006 * DAY_NS;
/// Largest merchant category code: four digits.
const MCC_MAX: u16 = 9_999;
/// Largest ISO 3166-1 numeric code: three digits.
const COUNTRY_MAX: u16 = 999;
/// Rates have 18 decimals at most.
const RATE_EXPONENT_MIN: i8 = -18;

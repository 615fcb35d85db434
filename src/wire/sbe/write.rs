//! A body, written front to back: header, block, var data.
//!
//! Never allocates, never panics; what does not fit or cannot be said is remembered and told by
//! [`Writer::finish`].

use crate::model::chars::Chars;
use crate::model::ids::{Institution, Reference};
use crate::model::keys::{BusinessKey, Key};
use crate::model::message::{Amounts, Header, Kind};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::ResponseCode;
use crate::model::refusal::{Fault, Refusal};
use crate::model::time::{Date, LocalTime};
use crate::wire::Encoded;
use crate::wire::sbe::layout::{self, DATA_BYTES_MAX, Field, HEADER_BYTES, Template};

/// What is left to write to. As in reading, the methods are inlined so that offsets are constants.
pub(super) struct Writer<'a> {
    template: &'static Template,
    block: &'a mut [u8],
    data: &'a mut [u8],
    /// Length of the whole body so far; the block counts from the start.
    bytes: usize,
    /// Whether something did not fit.
    short: bool,
    /// The first field whose value the schema has no bytes for, and how many there were.
    uncarried: Option<Field>,
    dropped: u32,
    /// How many fields were written. Of use only in debug builds, to be held against the template.
    written: usize,
}

impl<'a> Writer<'a> {
    /// Writes the header and reserves the block.
    #[inline(always)]
    pub(super) fn new(template: &'static Template, out: &'a mut [u8]) -> Result<Self, Refusal> {
        let available = out.len();
        let block_bytes = template.block_bytes;
        let Some((header, block, data)) =
            out.split_first_chunk_mut::<HEADER_BYTES>()
                .and_then(|(header, rest)| {
                    let (block, data) = rest.split_at_mut_checked(block_bytes)?;
                    Some((header, block, data))
                })
        else {
            return Err(too_short(available));
        };
        let [b0, b1] = u16::try_from(block_bytes)
            .expect("a block is shorter than 64 KiB")
            .to_le_bytes();
        let [t0, t1] = template.kind.template_id().to_le_bytes();
        let [s0, s1] = layout::SCHEMA_ID.to_le_bytes();
        let [v0, v1] = layout::VERSION.to_le_bytes();
        *header = [b0, b1, t0, t1, s0, s1, v0, v1];
        Ok(Self {
            template,
            block,
            data,
            bytes: HEADER_BYTES + block_bytes,
            short: false,
            uncarried: None,
            dropped: 0,
            written: 0,
        })
    }

    /// The next field's bytes, as they are.
    #[inline(always)]
    pub(super) fn number<const N: usize>(&mut self, field: Field, bytes: [u8; N]) {
        debug_assert_eq!(field.bytes(), N);
        debug_assert_eq!(self.template.fields.get(self.written), Some(&field));
        self.written += 1;
        match core::mem::take(&mut self.block).split_first_chunk_mut::<N>() {
            Some((place, rest)) => {
                *place = bytes;
                self.block = rest;
            }
            None => self.short = true,
        }
    }

    /// As [`Writer::number`], from where the bytes are: by value they would be copied to the stack
    /// and read back in pieces that straddle the stores, which costs more than all the rest.
    #[inline(always)]
    fn text<const N: usize>(&mut self, field: Field, bytes: &[u8; N]) {
        debug_assert_eq!(field.bytes(), N);
        debug_assert_eq!(self.template.fields.get(self.written), Some(&field));
        self.written += 1;
        match core::mem::take(&mut self.block).split_first_chunk_mut::<N>() {
            Some((place, rest)) => {
                place.copy_from_slice(bytes);
                self.block = rest;
            }
            None => self.short = true,
        }
    }

    /// A value that the wire would take for null is left out, and counted.
    #[inline(always)]
    fn carried<T: PartialEq>(&mut self, field: Field, value: Option<T>, null: T) -> T {
        match value {
            None => null,
            Some(value) => {
                if value == null {
                    self.leave_out(field);
                }
                value
            }
        }
    }

    #[cold]
    fn leave_out(&mut self, field: Field) {
        self.dropped += 1;
        self.uncarried = self.uncarried.or(Some(field));
    }

    /// An enumerator's number, or a flag.
    #[inline(always)]
    pub(super) fn byte(&mut self, field: Field, value: Option<u8>) {
        self.number(field, [value.unwrap_or(u8::MAX)]);
    }

    #[inline(always)]
    pub(super) fn u16(&mut self, field: Field, value: Option<u16>) {
        let value = self.carried(field, value, u16::MAX);
        self.number(field, value.to_le_bytes());
    }

    #[inline(always)]
    pub(super) fn u32(&mut self, field: Field, value: Option<u32>) {
        let value = self.carried(field, value, u32::MAX);
        self.number(field, value.to_le_bytes());
    }

    #[inline(always)]
    pub(super) fn u64(&mut self, field: Field, value: Option<u64>) {
        let value = self.carried(field, value, u64::MAX);
        self.number(field, value.to_le_bytes());
    }

    #[inline(always)]
    pub(super) fn institution(&mut self, field: Field, value: Option<Institution>) {
        self.u64(field, value.map(Institution::code));
    }

    #[inline(always)]
    pub(super) fn date(&mut self, field: Field, value: Option<Date>) {
        self.u32(field, value.map(Date::yyyymmdd));
    }

    #[inline(always)]
    pub(super) fn local_time(&mut self, value: Option<LocalTime>) {
        self.u32(layout::LOCAL_TIME, value.map(LocalTime::hhmmss));
    }

    #[inline(always)]
    pub(super) fn currency(&mut self, field: Field, value: Option<Currency>) {
        self.u16(field, value.map(Currency::numeric));
    }

    #[inline(always)]
    pub(super) fn chars<const N: usize>(&mut self, field: Field, value: Option<&Chars<N>>) {
        match value {
            Some(text) => self.text(field, text.bytes()),
            None => self.text(field, &[0; N]),
        }
    }

    #[inline(always)]
    pub(super) fn response_code(&mut self, code: ResponseCode) {
        self.number(layout::RESPONSE_CODE, code.0);
    }

    /// Match key and transmit time, of which zero is unknown.
    #[inline(always)]
    pub(super) fn header(&mut self, header: &Header) {
        self.u64(layout::LINK_REF, Some(header.match_key.0));
        let time = Some(header.transmit_time.0).filter(|ns| *ns != 0);
        self.u64(layout::TRANSMIT_TIME, time);
    }

    #[inline(always)]
    fn key_of(&mut self, fields: [Field; 3], key: &Key) {
        let [who, when, which] = fields;
        self.institution(who, Some(key.originator));
        self.date(when, Some(key.local_date));
        self.text(which, Reference::bytes(&key.reference));
    }

    #[inline(always)]
    pub(super) fn key(&mut self, key: &Key) {
        let fields = [layout::ORIGINATOR, layout::LOCAL_DATE, layout::REFERENCE];
        self.key_of(fields, key);
    }

    #[inline(always)]
    pub(super) fn root(&mut self, root: &Key) {
        self.key_of(
            [
                layout::ROOT_ORIGINATOR,
                layout::ROOT_LOCAL_DATE,
                layout::ROOT_REFERENCE,
            ],
            root,
        );
    }

    #[inline(always)]
    pub(super) fn target(&mut self, target: &BusinessKey) {
        self.key(&target.key);
        self.byte(layout::TARGET_CLASS, Some(target.class as u8));
    }

    #[inline(always)]
    pub(super) fn money(&mut self, field: Field, value: Option<Money>) {
        let (minor, currency) = value.map_or((i64::MIN, u16::MAX), |money| {
            (money.minor, money.currency.numeric())
        });
        debug_assert!(value.is_none_or(|money| Money::new(minor, money.currency).is_some()));
        let [m0, m1, m2, m3, m4, m5, m6, m7] = minor.to_le_bytes();
        let [c0, c1] = currency.to_le_bytes();
        self.number(field, [m0, m1, m2, m3, m4, m5, m6, m7, c0, c1]);
    }

    #[inline(always)]
    pub(super) fn rate(&mut self, field: Field, value: Option<Rate>) {
        let (mantissa, exponent) =
            value.map_or((i64::MIN, i8::MIN), |rate| (rate.mantissa, rate.exponent));
        let [m0, m1, m2, m3, m4, m5, m6, m7] = mantissa.to_le_bytes();
        let [e0] = exponent.to_le_bytes();
        self.number(field, [m0, m1, m2, m3, m4, m5, m6, m7, e0]);
    }

    #[inline(always)]
    pub(super) fn amounts(&mut self, amounts: &Amounts) {
        self.money(layout::AMOUNT, Some(amounts.amount));
        self.money(layout::BILLING, amounts.billing);
        self.money(layout::SETTLEMENT, amounts.settlement);
        self.rate(layout::BILLING_RATE, amounts.billing_rate);
        self.rate(layout::SETTLEMENT_RATE, amounts.settlement_rate);
    }

    /// The next var data.
    #[inline(always)]
    pub(super) fn data(&mut self, field: Field, bytes: &[u8]) {
        debug_assert!(self.block.is_empty());
        debug_assert_eq!(
            self.template
                .data
                .get(self.written - self.template.fields.len()),
            Some(&field)
        );
        self.written += 1;
        let (bytes, length) = match u16::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= DATA_BYTES_MAX => (bytes, length),
            _ => {
                self.leave_out(field);
                (&[][..], 0)
            }
        };
        let place = core::mem::take(&mut self.data)
            .split_first_chunk_mut::<2>()
            .and_then(|(place, rest)| {
                let (text, rest) = rest.split_at_mut_checked(bytes.len())?;
                Some((place, text, rest))
            });
        match place {
            Some((place, text, rest)) => {
                *place = length.to_le_bytes();
                text.copy_from_slice(bytes);
                self.bytes += 2 + bytes.len();
                self.data = rest;
            }
            None => self.short = true,
        }
    }

    /// Writes `mac`, the last field, and tells how it went.
    #[inline(always)]
    pub(super) fn finish(mut self, mac: &[u8]) -> Result<Encoded, Refusal> {
        self.data(layout::MAC, mac);
        debug_assert_eq!(
            self.written,
            self.template.fields.len() + self.template.data.len()
        );
        match self.uncarried {
            _ if self.short => Err(too_short(self.bytes)),
            Some(field) if !may_lose_fields(self.template.kind) => Err(Refusal {
                fault: Fault::NotCarried,
                field_id: field.id,
                offset: 0,
            }),
            _ => Ok(Encoded {
                bytes: self.bytes,
                dropped: self.dropped,
                replaced: 0,
            }),
        }
    }
}

/// `out` ended at, or just after, this many bytes.
#[cold]
fn too_short(bytes: usize) -> Refusal {
    Refusal {
        fault: Fault::BadLength,
        field_id: 0,
        offset: u32::try_from(bytes).unwrap_or(u32::MAX),
    }
}

/// Answers and advices tell what has happened: better with a field less than not at all.
const fn may_lose_fields(kind: Kind) -> bool {
    kind.is_answer() || matches!(kind, Kind::PaymentAdvice | Kind::ReversalAdvice)
}

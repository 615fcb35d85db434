//! A checked cursor over the caller's buffer: MTI, bitmaps, fields, tags, in the dialect's format.
//!
//! Never allocates and never writes past the buffer. What a field means is decided in `encode.rs`.

use crate::model::message::Kind;
use crate::model::refusal::{Fault, Refusal};
use crate::wire::Encoded;
use crate::wire::iso8583::check;
use crate::wire::iso8583::dialect::{Charset, Coding, Dialect, Form};
use crate::wire::iso8583::fields::FieldSet;
use crate::wire::iso8583::kinds;
use crate::wire::iso8583::plan::{Check, FieldPlan, Prefix};
use crate::wire::iso8583::scan::refusal;
use crate::wire::iso8583::tags::TAG_HEADER_BYTES;

/// Writes one message, fields in ascending order.
pub(super) struct Writer<'d, 'o> {
    dialect: &'d Dialect,
    out: &'o mut [u8],
    at: usize,
    bitmap_at: usize,
    secondary: bool,
    written: FieldSet,
    carried: FieldSet,
    required: FieldSet,
    loses_quietly: bool,
    dropped: u32,
    replaced: u32,
    /// Where the open tag list starts, its length included.
    list_at: usize,
}

/// The decimal digits of a number, `WIDTH` of them.
pub(super) fn decimal<const WIDTH: usize>(mut number: u64) -> [u8; WIDTH] {
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        if number == 0 {
            break;
        }
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    digits
}

/// A number's digits without leading zeros; "0" for zero.
pub(super) fn shortest(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let from = zeros.min(digits.len().saturating_sub(1));
    digits.get(from..).unwrap_or_default()
}

impl<'d, 'o> Writer<'d, 'o> {
    /// Starts a message: MTI, and room for the bitmaps. `secondary`: whether a field above 64, the
    /// MAC apart, will be there.
    pub(super) fn new(
        dialect: &'d Dialect,
        kind: Kind,
        mti: u16,
        secondary: bool,
        out: &'o mut [u8],
    ) -> Result<Self, Refusal> {
        let mut writer = Self {
            dialect,
            out,
            at: 0,
            bitmap_at: 0,
            secondary,
            written: FieldSet::default(),
            carried: dialect.carried(kind),
            required: kinds::required(kind),
            loses_quietly: kinds::loses_quietly(kind),
            dropped: 0,
            replaced: 0,
            list_at: 0,
        };
        let digits = decimal::<4>(u64::from(mti));
        match dialect.form() {
            Form::Ascii => writer.put(&digits)?,
            Form::Binary => writer.put_packed(&digits, false)?,
        }
        writer.bitmap_at = writer.at;
        let bitmaps = if secondary { 2 } else { 1 };
        for _ in 0..bitmaps {
            match dialect.bitmap() {
                Coding::Ascii => writer.put(&[b'0'; 16])?,
                Coding::Binary => writer.put(&[0; 8])?,
            }
        }
        Ok(writer)
    }

    /// Fills in the bitmaps.
    pub(super) fn finish(mut self) -> Result<Encoded, Refusal> {
        let bytes = self.at;
        assert!(self.secondary || !self.written.needs_secondary());
        self.at = self.bitmap_at;
        let first = if self.secondary { 1 << 127 } else { 0 };
        let bits = (self.written.0 | first).to_be_bytes();
        let wanted = if self.secondary { 16 } else { 8 };
        for byte in bits.into_iter().take(wanted) {
            match self.dialect.bitmap() {
                Coding::Ascii => self.put(&hex_of(byte))?,
                Coding::Binary => self.put(&[byte])?,
            }
        }
        Ok(Encoded {
            bytes,
            dropped: self.dropped,
            replaced: self.replaced,
        })
    }

    /// Whether this dialect has the field in this kind of message.
    pub(super) const fn carries(&self, field: u8) -> bool {
        self.carried.contains(field)
    }

    pub(super) const fn requires(&self, field: u8) -> bool {
        self.required.contains(field)
    }

    /// The field's value does not fit: a request, and any message that needs the field, is refused;
    /// an answer or advice goes without it.
    pub(super) fn lose(&mut self, field: u8) -> Result<(), Refusal> {
        if self.loses_quietly && !self.requires(field) {
            self.dropped += 1;
            Ok(())
        } else {
            Err(refusal(Fault::NotCarried, field, 0))
        }
    }

    /// A number, with leading zeros in a fixed field.
    pub(super) fn number(&mut self, field: u8, number: u64) -> Result<(), Refusal> {
        let digits = decimal::<20>(number);
        let plan = self.plan(field);
        let most = usize::from(plan.max);
        let digits = match plan.prefix {
            Prefix::None if most <= digits.len() => {
                let (over, kept) = digits.split_at(digits.len() - most);
                if over.iter().any(|digit| *digit != b'0') {
                    return self.lose(field);
                }
                kept
            }
            _ => shortest(&digits),
        };
        self.digits(field, digits)
    }

    /// Digits as they are; a fixed field must get all of them.
    pub(super) fn digits(&mut self, field: u8, digits: &[u8]) -> Result<(), Refusal> {
        let plan = self.plan(field);
        let fits = match plan.prefix {
            Prefix::None => digits.len() == usize::from(plan.max),
            _ => digits.len() <= usize::from(plan.max),
        };
        if !self.carries(field) || !fits {
            return self.lose(field);
        }
        self.open(field, plan, digits.len())?;
        match plan.check {
            Check::Digits => self.put(digits),
            check => self.put_packed(digits, check == Check::BcdRight),
        }
    }

    /// Text, padded with spaces in a fixed field.
    pub(super) fn text(&mut self, field: u8, text: &[u8]) -> Result<(), Refusal> {
        let plan = self.plan(field);
        let most = usize::from(plan.max);
        let Some(bytes) = self.bytes_in(field, text) else {
            return self.lose(field);
        };
        let count = if plan.prefix == Prefix::None {
            most
        } else {
            bytes
        };
        self.open(field, plan, count)?;
        match (plan.check, core::str::from_utf8(text)) {
            (Check::Chinese(set), Ok(text)) => self.put_fitted(set.as_charset(), text, most)?,
            _ => self.put(text)?,
        }
        self.put_spaces(count - bytes)
    }

    /// As much of a name as the field and its character set take: see [`Charset::fit`]. What is
    /// changed is counted, and nothing is refused for it.
    pub(super) fn name(&mut self, field: u8, name: &str) -> Result<(), Refusal> {
        let plan = self.plan(field);
        let (charset, most) = (self.dialect.charset(), usize::from(plan.max));
        let fitted = charset.fit(name, most, |_| {});
        self.replaced = self.replaced.saturating_add(fitted.replaced);
        if !self.carries(field) || fitted.bytes == 0 {
            self.dropped += 1;
            return Ok(());
        }
        let count = if plan.prefix == Prefix::None {
            most
        } else {
            fitted.bytes
        };
        self.open(field, plan, count)?;
        self.put_fitted(charset, name, most)?;
        self.put_spaces(count - fitted.bytes)
    }

    /// Whether `text` can travel in the field as it is, and come back the same.
    pub(super) fn fits(&self, field: u8, text: &[u8]) -> bool {
        self.bytes_in(field, text).is_some()
    }

    /// The bytes that `text` takes in the field where it fits.
    fn bytes_in(&self, field: u8, text: &[u8]) -> Option<usize> {
        let plan = self.plan(field);
        let bytes = match plan.check {
            Check::Chinese(set) => set.length(text),
            check => check::passes(check, text, text.len()).then_some(text.len()),
        };
        bytes.filter(|bytes| self.carries(field) && *bytes <= usize::from(plan.max))
    }

    /// Whether tag 07 carries the names that DE 43 cannot.
    pub(super) const fn has_name_tag(&self) -> bool {
        self.dialect.has_name_tag()
    }

    /// Greatest length of a field.
    pub(super) fn most(&self, field: u8) -> usize {
        usize::from(self.plan(field).max)
    }

    /// A MAC: eight bytes, or sixteen hexadecimal digits that stand for them.
    pub(super) fn mac(&mut self, mac: &[u8]) -> Result<(), Refusal> {
        let field = if self.secondary { 128 } else { 64 };
        let plan = self.plan(field);
        let hex = mac.len() == 16 && mac.iter().all(u8::is_ascii_hexdigit);
        if !self.carries(field) || !(hex || mac.len() == 8) {
            return self.lose(field);
        }
        self.open(field, plan, usize::from(plan.max))?;
        match (plan.check == Check::Hex, hex) {
            (true, true) | (false, false) => self.put(mac),
            (true, false) => mac.iter().try_for_each(|byte| self.put(&hex_of(*byte))),
            (false, true) => {
                mac.as_chunks::<2>().0.iter().try_for_each(|[high, low]| {
                    self.put(&[(nibble_of(*high) << 4) | nibble_of(*low)])
                })
            }
        }
    }

    /// Starts DE 48. [`Writer::tag`] fills it, [`Writer::close_tags`] ends it.
    pub(super) fn open_tags(&mut self) -> Result<(), Refusal> {
        self.list_at = self.at;
        for _ in 0..self.plan(48).prefix.bytes() {
            self.put(b"0")?;
        }
        Ok(())
    }

    /// Appends a tag to DE 48.
    pub(super) fn tag(&mut self, tag: u8, value: &[u8]) -> Result<(), Refusal> {
        let used = self.at - self.list_at - self.plan(48).prefix.bytes();
        if !self.carries(48) || used + TAG_HEADER_BYTES + value.len() > self.most(48) {
            return self.lose(48);
        }
        self.put(&decimal::<2>(u64::from(tag)))?;
        self.put(&decimal::<3>(
            u64::try_from(value.len()).unwrap_or(u64::MAX),
        ))?;
        self.put(value)
    }

    /// Appends a name to DE 48, in the set of its texts. UTF-8 carries it as it is; of another set
    /// see [`Charset::fit`].
    pub(super) fn name_tag(&mut self, tag: u8, name: &str) -> Result<(), Refusal> {
        let Check::Chinese(set) = self.plan(48).check else {
            return self.tag(tag, name.as_bytes());
        };
        let used = self.at - self.list_at - self.plan(48).prefix.bytes() + TAG_HEADER_BYTES;
        let most = self.most(48).saturating_sub(used);
        let fitted = set.as_charset().fit(name, most, |_| {});
        self.replaced = self.replaced.saturating_add(fitted.replaced);
        if !self.carries(48) || fitted.bytes == 0 {
            return self.lose(48);
        }
        self.put(&decimal::<2>(u64::from(tag)))?;
        let bytes = u64::try_from(fitted.bytes).unwrap_or(u64::MAX);
        self.put(&decimal::<3>(bytes))?;
        self.put_fitted(set.as_charset(), name, most)
    }

    /// Ends DE 48; without a tag there is no field.
    pub(super) fn close_tags(&mut self) -> Result<(), Refusal> {
        let plan = self.plan(48);
        let end = self.at;
        let bytes = end - self.list_at - plan.prefix.bytes();
        self.at = self.list_at;
        if bytes == 0 {
            return Ok(());
        }
        self.open(48, plan, bytes)?;
        self.at = end;
        Ok(())
    }

    fn plan(&self, field: u8) -> FieldPlan {
        self.dialect
            .plans()
            .get(usize::from(field))
            .copied()
            .unwrap_or(FieldPlan::ABSENT)
    }

    /// Marks the field as written and writes its length.
    fn open(&mut self, field: u8, plan: FieldPlan, count: usize) -> Result<(), Refusal> {
        // Fields are written in ascending order: the bits below are still clear.
        assert!(
            self.written.0 << (field - 1) == 0,
            "DE {field} out of order"
        );
        self.written = self.written.with(field);
        let digits = decimal::<4>(u64::try_from(count).unwrap_or(u64::MAX));
        let [_, hundreds, tens, ones] = digits;
        match plan.prefix {
            Prefix::Absent | Prefix::None => Ok(()),
            Prefix::Ascii2 => self.put(&[tens, ones]),
            Prefix::Ascii3 => self.put(&[hundreds, tens, ones]),
            Prefix::Bcd1 => self.put_packed(&[tens, ones], false),
            Prefix::Bcd2 => self.put_packed(&digits, false),
        }
    }

    /// Packs ASCII digits; an odd number gets a zero behind or in front.
    fn put_packed(&mut self, digits: &[u8], zero_behind: bool) -> Result<(), Refusal> {
        let mut rest = digits;
        let odd = digits.len() % 2 == 1;
        if let Some((first, others)) = digits.split_first().filter(|_| odd && !zero_behind) {
            self.put(&[first & 0x0f])?;
            rest = others;
        }
        let (pairs, last) = rest.as_chunks::<2>();
        for [high, low] in pairs {
            self.put(&[(high & 0x0f) << 4 | (low & 0x0f)])?;
        }
        last.iter()
            .try_for_each(|digit| self.put(&[(digit & 0x0f) << 4]))
    }

    fn put_fitted(&mut self, set: Charset, text: &str, most: usize) -> Result<(), Refusal> {
        let mut result = Ok(());
        set.fit(text, most, |bytes| {
            if result.is_ok() {
                result = self.put(bytes);
            }
        });
        result
    }

    fn put_spaces(&mut self, count: usize) -> Result<(), Refusal> {
        let at = self.at;
        let place = self
            .out
            .get_mut(at..at + count)
            .ok_or_else(|| refusal(Fault::BadLength, 0, at))?;
        place.fill(b' ');
        self.at = at + count;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let at = self.at;
        let place = self
            .out
            .get_mut(at..at + bytes.len())
            .ok_or_else(|| refusal(Fault::BadLength, 0, at))?;
        place.copy_from_slice(bytes);
        self.at = at + bytes.len();
        Ok(())
    }
}

fn hex_of(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + nibble - 10,
    };
    [digit(byte >> 4), digit(byte & 0x0f)]
}

/// The value of a hexadecimal digit; zero for others.
fn nibble_of(digit: u8) -> u8 {
    char::from(digit)
        .to_digit(16)
        .and_then(|nibble| u8::try_from(nibble).ok())
        .unwrap_or(0)
}

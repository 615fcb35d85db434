//! ONE PASS OVER A BODY: where each field is, and that each is well-formed.
//!
//! ```text
//! MTI | bitmap 1-64 | bitmap 65-128, if bit 1 | fields, ascending | nothing
//! ```
//!
//! The whole body is checked before any value is used. Borrows; never allocates, never panics, and
//! never knows what a field means.

use crate::model::ids::MatchKey;
use crate::model::refusal::{Fault, Refusal};
use crate::wire::iso8583::check;
use crate::wire::iso8583::dialect::{Coding, Dialect, Form};
use crate::wire::iso8583::fields::{FIELDS_LEN, FieldSet};
use crate::wire::iso8583::plan::{Check, FieldPlan, Plans, Prefix};

/// Where a field's value is: offset of its first byte, and how many digits, characters or bytes.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: u16,
    count: u16,
}

/// A field's slot, its value, and where the next field starts.
type Found<'a> = (Slot, &'a [u8], usize);

/// The index of a body. After a refusal it holds the fields before the fault, and DE 7 and 11 where
/// they could still be read.
pub(super) struct View<'d, 'a> {
    body: &'a [u8],
    plans: &'d Plans,
    /// `None` where the MTI itself could not be read.
    pub(super) mti: Option<u16>,
    /// Fields that were found and are well-formed.
    pub(super) present: FieldSet,
    slots: [Slot; FIELDS_LEN],
}

/// Indexes `body`. The view is good up to the refusal, if there is one.
pub(super) fn scan<'d, 'a>(
    dialect: &'d Dialect,
    body: &'a [u8],
) -> (View<'d, 'a>, Result<(), Refusal>) {
    let mut view = View {
        body,
        plans: dialect.plans(),
        mti: None,
        present: FieldSet::default(),
        slots: [Slot::default(); FIELDS_LEN],
    };
    let result = view.walk(dialect);
    (view, result)
}

pub(super) fn refusal(fault: Fault, field: u8, offset: usize) -> Refusal {
    Refusal {
        fault,
        field_id: u16::from(field),
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
    }
}

impl<'d, 'a> View<'d, 'a> {
    /// Refusals in order of precedence: size, MTI, bitmaps, then field by field, then what follows.
    fn walk(&mut self, dialect: &Dialect) -> Result<(), Refusal> {
        if self.body.len() > usize::from(u16::MAX) {
            return Err(refusal(Fault::Oversize, 0, usize::from(u16::MAX)));
        }
        let mut at = self.read_mti(dialect.form())?;
        let mut announced = u128::from(self.read_bitmap(&mut at, dialect.bitmap())?) << 64;
        if announced >> 127 == 1 {
            let secondary_at = at;
            let secondary = self.read_bitmap(&mut at, dialect.bitmap())?;
            if secondary >> 63 == 1 {
                return Err(refusal(Fault::BadBitmap, 65, secondary_at));
            }
            announced |= u128::from(secondary);
            announced &= u128::MAX >> 1;
        }
        if announced == 0 {
            return Err(refusal(Fault::BadBitmap, 1, at));
        }
        let at = self.walk_fields(FieldSet(announced), at)?;
        if at == self.body.len() {
            Ok(())
        } else {
            Err(refusal(Fault::TrailingBytes, 0, at))
        }
    }

    fn read_mti(&mut self, form: Form) -> Result<usize, Refusal> {
        let (bytes, checked) = match form {
            Form::Ascii => (4, Check::Digits),
            Form::Binary => (2, Check::BcdLeft),
        };
        let value = self
            .body
            .get(..bytes)
            .ok_or_else(|| refusal(Fault::Truncated, 0, self.body.len()))?;
        if !check::passes(checked, value, 4) {
            let (offset, fault) = check::fault_in(checked, value, 4);
            return Err(refusal(fault, 0, offset));
        }
        let number = match form {
            Form::Ascii => ascii_number(value),
            Form::Binary => bcd_number(value),
        };
        self.mti = u16::try_from(number).ok();
        Ok(bytes)
    }

    fn read_bitmap(&self, at: &mut usize, coding: Coding) -> Result<u64, Refusal> {
        let truncated = || refusal(Fault::Truncated, 1, *at);
        let rest = self.body.get(*at..).ok_or_else(truncated)?;
        match coding {
            Coding::Binary => {
                let bytes = rest.first_chunk::<8>().ok_or_else(truncated)?;
                *at += bytes.len();
                Ok(u64::from_be_bytes(*bytes))
            }
            Coding::Ascii => {
                let digits = rest.first_chunk::<16>().ok_or_else(truncated)?;
                let start = *at;
                let mut bits = 0;
                let mut bad = 0_u8;
                for digit in digits {
                    let nibble = hex_nibble(*digit);
                    bad |= nibble;
                    bits = (bits << 4) | u64::from(nibble & 0x0f);
                }
                if bad > 0x0f {
                    let offset = digits.iter().position(|digit| hex_nibble(*digit) > 0x0f);
                    return Err(refusal(Fault::BadBitmap, 1, start + offset.unwrap_or(0)));
                }
                *at += digits.len();
                Ok(bits)
            }
        }
    }

    /// Field by field, in ascending order; returns where the last one ends.
    fn walk_fields(&mut self, announced: FieldSet, mut at: usize) -> Result<usize, Refusal> {
        for (base, half) in announced.halves() {
            let mut left = half;
            while left != 0 {
                // A place of 0 to 63: it fits.
                let place = u8::try_from(left.leading_zeros()).unwrap_or(0);
                left &= !(1 << 63 >> place);
                let field = base + place;
                let plan = self.plan(field);
                let (slot, value, end) = match self.locate(plan, field, at) {
                    Ok(found) => found,
                    Err(refusal) => {
                        self.present = announced.below(field);
                        return Err(refusal);
                    }
                };
                if !check::passes(plan.check, value, usize::from(slot.count)) {
                    self.present = announced.below(field);
                    self.read_on_for_match_key(announced.above(field), end);
                    return Err(bad_character(plan, field, slot, value));
                }
                if let Some(place) = self.slots.get_mut(usize::from(field)) {
                    *place = slot;
                }
                at = end;
            }
        }
        self.present = announced;
        Ok(at)
    }

    /// A field with a wrong character does not hide those after it: DE 7 and 11 are still read, so
    /// that the message can be answered.
    #[cold]
    fn read_on_for_match_key(&mut self, mut left: FieldSet, mut at: usize) {
        const LAST: u8 = 11;
        while let Some(field) = left.first().filter(|field| *field <= LAST) {
            left = left.without(field);
            let plan = self.plan(field);
            let Ok((slot, value, end)) = self.locate(plan, field, at) else {
                return;
            };
            let place = self.slots.get_mut(usize::from(field));
            if let (Some(place), true) = (
                place,
                check::passes(plan.check, value, usize::from(slot.count)),
            ) {
                *place = slot;
                self.present = self.present.with(field);
            }
            at = end;
        }
    }

    /// Finds the field that starts at `at`, and where the next one does. Fixed fields, the most,
    /// are found without a jump through a table: the processor guesses those badly.
    #[inline(always)]
    fn locate(&self, plan: &FieldPlan, field: u8, at: usize) -> Result<Found<'a>, Refusal> {
        let (start, count) = if plan.prefix == Prefix::None {
            (at, plan.max)
        } else {
            let count = self.read_length(plan, field, at)?;
            (at + plan.prefix.bytes(), count)
        };
        let end = start + usize::from(plan.wire_bytes(count));
        match self.body.get(start..end) {
            Some(value) => {
                // It fits: a body has at most `u16::MAX` bytes.
                let start = u16::try_from(start).unwrap_or(u16::MAX);
                Ok((Slot { start, count }, value, end))
            }
            None => Err(refusal(Fault::Truncated, field, at)),
        }
    }

    /// The length in front of a variable field.
    fn read_length(&self, plan: &FieldPlan, field: u8, at: usize) -> Result<u16, Refusal> {
        let rest = self.body.get(at..).unwrap_or_default();
        let length = match plan.prefix {
            Prefix::None => Some(Some(plan.max)),
            Prefix::Ascii2 => rest.first_chunk::<2>().map(ascii_length),
            Prefix::Ascii3 => rest.first_chunk::<3>().map(ascii_length),
            Prefix::Bcd1 => rest.first_chunk::<1>().map(bcd_length),
            Prefix::Bcd2 => rest.first_chunk::<2>().map(bcd_length),
            Prefix::Absent => return Err(refusal(Fault::NotInDialect, field, at)),
        };
        let count = match length {
            Some(Some(count)) => count,
            Some(None) => return Err(bad_length_character(plan, field, at, rest)),
            None => return Err(refusal(Fault::Truncated, field, at)),
        };
        // Hexadecimal digits come in pairs, packed digits behind a sign too.
        let unpaired = match plan.check {
            Check::Hex => count % 2 == 1,
            Check::SignedBcd => count % 2 == 0,
            _ => false,
        };
        if count > plan.max || count < plan.least || unpaired {
            return Err(refusal(Fault::BadLength, field, at));
        }
        Ok(count)
    }

    #[inline]
    fn plan(&self, field: u8) -> &'d FieldPlan {
        self.plans
            .get(usize::from(field))
            .unwrap_or(&FieldPlan::ABSENT)
    }

    fn plan_and_slot(&self, field: u8) -> (&FieldPlan, Slot) {
        let index = usize::from(field);
        let plan = self.plans.get(index).unwrap_or(&FieldPlan::ABSENT);
        (plan, self.slots.get(index).copied().unwrap_or_default())
    }

    pub(super) fn has(&self, field: u8) -> bool {
        self.present.contains(field)
    }

    /// Where the value of a field that is present starts.
    pub(super) fn offset(&self, field: u8) -> usize {
        usize::from(self.plan_and_slot(field).1.start)
    }

    /// Digits, characters or bytes of a field that is present, as its length states them.
    pub(super) fn count(&self, field: u8) -> usize {
        usize::from(self.plan_and_slot(field).1.count)
    }

    /// The bytes of a field as they are on the wire, without length; empty where it is absent.
    pub(super) fn bytes(&self, field: u8) -> &'a [u8] {
        if !self.has(field) {
            return &[];
        }
        let (plan, slot) = self.plan_and_slot(field);
        let start = usize::from(slot.start);
        let end = start + usize::from(plan.wire_bytes(slot.count));
        self.body.get(start..end).unwrap_or_default()
    }

    /// Whether a variable field has its greatest length.
    pub(super) fn is_full(&self, field: u8) -> bool {
        let (plan, slot) = self.plan_and_slot(field);
        self.has(field) && slot.count == plan.max
    }

    /// A numeric field of at most eighteen digits.
    pub(super) fn number(&self, field: u8) -> Option<u64> {
        if !self.has(field) {
            return None;
        }
        let (plan, slot) = self.plan_and_slot(field);
        let bytes = self.bytes(field);
        Some(match plan.check {
            Check::Digits => ascii_number(bytes),
            Check::BcdRight if slot.count % 2 == 1 => bcd_number(bytes) / 10,
            _ => bcd_number(bytes),
        })
    }

    /// Digits `from..to` of a numeric field whose length is even, such as DE 90.
    pub(super) fn part(&self, field: u8, from: usize, to: usize) -> Option<u64> {
        if !self.has(field) {
            return None;
        }
        let bytes = self.bytes(field);
        match self.plan_and_slot(field).0.check {
            Check::Digits => bytes.get(from..to).map(ascii_number),
            _ => bytes.get(from / 2..to / 2).map(bcd_number),
        }
    }

    /// DE 11 and DE 7, where both are there.
    pub(super) fn match_key(&self) -> Option<MatchKey> {
        let stan = u32::try_from(self.number(11)?).ok()?;
        Some(MatchKey::from_iso(stan, self.number(7)?))
    }
}

#[cold]
fn bad_character(plan: &FieldPlan, field: u8, slot: Slot, value: &[u8]) -> Refusal {
    let (offset, fault) = check::fault_in(plan.check, value, usize::from(slot.count));
    refusal(fault, field, usize::from(slot.start) + offset)
}

#[cold]
fn bad_length_character(plan: &FieldPlan, field: u8, at: usize, rest: &[u8]) -> Refusal {
    let length = rest.get(..plan.prefix.bytes()).unwrap_or_default();
    let checked = match plan.prefix {
        Prefix::Ascii2 | Prefix::Ascii3 => Check::Digits,
        Prefix::Bcd1 | Prefix::Bcd2 | Prefix::None | Prefix::Absent => Check::BcdLeft,
    };
    let (offset, fault) = check::fault_in(checked, length, 0);
    refusal(fault, field, at + offset)
}

/// `None` where a character is not a digit.
#[inline]
fn ascii_length<const DIGITS: usize>(digits: &[u8; DIGITS]) -> Option<u16> {
    let (number, bad) = digits.iter().fold((0_u16, false), |(number, bad), digit| {
        let value = digit.wrapping_sub(b'0');
        let number = number.wrapping_mul(10).wrapping_add(u16::from(value));
        (number, bad | (value > 9))
    });
    (!bad).then_some(number)
}

/// `None` where a nibble is not a digit.
#[inline]
fn bcd_length<const BYTES: usize>(bytes: &[u8; BYTES]) -> Option<u16> {
    let (number, bad) = bytes.iter().fold((0_u16, false), |(number, bad), byte| {
        let (high, low) = (byte >> 4, byte & 0x0f);
        let value = u16::from(high) * 10 + u16::from(low);
        (
            number.wrapping_mul(100).wrapping_add(value),
            bad | (high > 9) | (low > 9),
        )
    });
    (!bad).then_some(number)
}

/// The number that ASCII digits state. Meaningless for other bytes, and past eighteen digits.
#[inline]
pub(super) fn ascii_number(digits: &[u8]) -> u64 {
    digits.iter().fold(0_u64, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit & 0x0f))
    })
}

#[inline]
fn bcd_number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0_u64, |number, byte| {
        number
            .wrapping_mul(100)
            .wrapping_add(u64::from(byte >> 4) * 10 + u64::from(byte & 0x0f))
    })
}

/// 0 to 15; above for what is no hexadecimal digit.
#[inline]
const fn hex_nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0xf0,
    }
}

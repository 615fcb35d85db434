//! THE TAG LIST OF DE 48: tag (two digits), length (three digits, bytes), value; again and again.
//!
//! The same characters in both forms. Finds the tags; never knows a kind of message. Tags that are
//! not ours are checked for their form and otherwise ignored.

use crate::model::refusal::{Fault, Refusal};
use crate::wire::iso8583::scan::{ascii_number, refusal};

/// The tags that mean something to us.
pub(super) mod tag {
    pub(in crate::wire::iso8583) const PRESENTATION: u8 = 1;
    pub(in crate::wire::iso8583) const SCENARIO: u8 = 2;
    pub(in crate::wire::iso8583) const KYC_LEVEL: u8 = 3;
    pub(in crate::wire::iso8583) const PAYER_TOKEN: u8 = 4;
    pub(in crate::wire::iso8583) const QUOTE: u8 = 5;
    pub(in crate::wire::iso8583) const ROOT: u8 = 6;
    pub(in crate::wire::iso8583) const MERCHANT_NAME: u8 = 7;
    pub(in crate::wire::iso8583) const STATE: u8 = 8;
    pub(in crate::wire::iso8583) const REFUNDED_SO_FAR: u8 = 9;
    pub(in crate::wire::iso8583) const WALLET_CURRENCY: u8 = 10;
    pub(in crate::wire::iso8583) const OWNER: u8 = 11;
    pub(in crate::wire::iso8583) const REASON: u8 = 12;
    pub(in crate::wire::iso8583) const QUOTE_EXPIRY: u8 = 13;
    pub(in crate::wire::iso8583) const INQUIRY_KIND: u8 = 14;
    pub(in crate::wire::iso8583) const OUTCOME: u8 = 15;
    pub(in crate::wire::iso8583) const NONCE: u8 = 20;
    pub(in crate::wire::iso8583) const PROTOCOL_VERSION: u8 = 21;
    pub(in crate::wire::iso8583) const SHARDS: u8 = 22;
    pub(in crate::wire::iso8583) const SHARD: u8 = 23;
    pub(in crate::wire::iso8583) const BUSINESS_DATE: u8 = 24;
    pub(in crate::wire::iso8583) const KEY_ID: u8 = 25;
    pub(in crate::wire::iso8583) const CHECK_VALUE: u8 = 26;
    pub(in crate::wire::iso8583) const WRAPPED_KEY: u8 = 27;
}

/// Tag and length.
pub(super) const TAG_HEADER_BYTES: usize = 5;
/// Reference, date, institution.
pub(super) const ROOT_BYTES: usize = 12 + 8 + 11;
const TAGS_LEN: usize = 28;

/// One tag's value and its place in the body.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) value: &'a [u8],
    pub(super) offset: usize,
}

/// The index of a tag list.
pub(super) struct Tags<'a> {
    /// Offset in the list and length of each known tag's value; offset zero: not there.
    slots: [(u16, u16); TAGS_LEN],
    list: &'a [u8],
    list_at: usize,
}

impl<'a> Tags<'a> {
    /// Indexes the list that starts at `list_at` of the body.
    pub(super) fn parse(list: &'a [u8], list_at: usize) -> Result<Self, Refusal> {
        let mut tags = Self {
            slots: [(0, 0); TAGS_LEN],
            list,
            list_at,
        };
        let mut seen = 0_u128;
        let mut at = 0;
        while at < list.len() {
            let refused = |fault, at: usize| refusal(fault, 48, list_at + at);
            let header = list
                .get(at..at + TAG_HEADER_BYTES)
                .ok_or_else(|| refused(Fault::BadLength, at))?;
            if let Some(place) = header.iter().position(|byte| !byte.is_ascii_digit()) {
                return Err(refused(Fault::BadCharacter, at + place));
            }
            // Five digits: the tag is below 100.
            let number = ascii_number(header);
            let (number, length) = (number / 1_000, number % 1_000);
            if seen >> number & 1 == 1 {
                return Err(refused(Fault::DuplicateTag, at));
            }
            seen |= 1 << number;
            let start = at + TAG_HEADER_BYTES;
            let end = usize::try_from(length)
                .ok()
                .map(|length| start + length)
                .filter(|end| *end <= list.len())
                .ok_or_else(|| refused(Fault::BadLength, at))?;
            let slot = usize::try_from(number)
                .ok()
                .and_then(|number| tags.slots.get_mut(number));
            if let (Some(slot), Ok(start), Ok(length)) =
                (slot, u16::try_from(start), u16::try_from(length))
            {
                *slot = (start, length);
            }
            at = end;
        }
        Ok(tags)
    }

    /// A known tag, if it is there.
    pub(super) fn find(&self, number: u8) -> Option<Tag<'a>> {
        let (start, length) = self.slots.get(usize::from(number)).copied()?;
        let start = usize::from(start);
        let value = self.list.get(start..start + usize::from(length))?;
        (start > 0).then_some(Tag {
            value,
            offset: self.list_at + start,
        })
    }
}

impl Tag<'_> {
    /// The value is not one of those that the tag may have.
    pub(super) fn bad_value(&self) -> Refusal {
        refusal(Fault::BadValue, 48, self.offset)
    }

    /// A number of one to twenty digits.
    pub(super) fn number(&self) -> Result<u64, Refusal> {
        if self.value.is_empty() || self.value.len() > 20 {
            return Err(self.bad_value());
        }
        if let Some(place) = self.value.iter().position(|byte| !byte.is_ascii_digit()) {
            return Err(refusal(Fault::BadCharacter, 48, self.offset + place));
        }
        self.value
            .iter()
            .try_fold(0_u64, |number, digit| {
                number.checked_mul(10)?.checked_add(u64::from(digit & 0x0f))
            })
            .ok_or_else(|| self.bad_value())
    }

    /// A number that fits `T`.
    pub(super) fn small<T: TryFrom<u64>>(&self) -> Result<T, Refusal> {
        T::try_from(self.number()?).map_err(|_| self.bad_value())
    }

    /// One of an enumeration's numbers.
    pub(super) fn one_of<T>(&self, from_u8: impl Fn(u8) -> Option<T>) -> Result<T, Refusal> {
        from_u8(self.small()?).ok_or_else(|| self.bad_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_refused_where_it_is_not_one() {
        for (list, expected) in [
            (&b"01001M02001199003abc"[..], None),
            (b"01001M01001C", Some((Fault::DuplicateTag, 106))),
            (b"99001x99001x", Some((Fault::DuplicateTag, 106))),
            (b"01001M0", Some((Fault::BadLength, 106))),
            (b"01002M", Some((Fault::BadLength, 100))),
            (b"0x001M", Some((Fault::BadCharacter, 101))),
            (b"0100xM", Some((Fault::BadCharacter, 104))),
            (b"", None),
        ] {
            let found = Tags::parse(list, 100).err();
            assert_eq!(found.map(|r| (r.fault, r.offset)), expected);
        }
    }

    #[test]
    fn a_tag_is_found_with_its_place() {
        let tags = Tags::parse(b"00000 ".trim_ascii_end(), 10).unwrap();
        assert!(tags.find(1).is_none());
        let tags = Tags::parse(b"20003042", 10).unwrap();
        assert_eq!(tags.find(tag::NONCE).unwrap().offset, 15);
        assert_eq!(tags.find(tag::NONCE).unwrap().number().unwrap(), 42);
    }
}

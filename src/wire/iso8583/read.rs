//! Values of a scanned body: each accessor reads one field or tag into the word of the model, or
//! says what is wrong with it and where. Never decides which fields a message needs.

use core::cell::Cell;

use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, MatchKey, Reference};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, Echoed, Header};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Outcome, Presentation, ResponseCode};
use crate::model::refusal::{Fault, Refusal};
use crate::model::time::{Date, LocalTime, Wall};
use crate::wire::iso8583::charset::{self, Chinese};
use crate::wire::iso8583::kinds;
use crate::wire::iso8583::scan::{View, ascii_number, refusal};
use crate::wire::iso8583::tags::{ROOT_BYTES, Tag, Tags, tag};

/// A scanned body, its tag list, and the date on which it came.
pub(super) struct Reader<'v, 'd, 'a> {
    pub(super) view: &'v View<'d, 'a>,
    pub(super) tags: Tags<'a>,
    pub(super) today: Date,
    /// The character set of its texts, where that is not ours.
    pub(super) set: Option<Chinese>,
    /// What is left of the caller's scratch.
    pub(super) scratch: Cell<&'a mut [u8]>,
}

pub(super) fn missing(field: u8) -> Refusal {
    refusal(Fault::Missing, field, 0)
}

/// DE 13 and DE 15 have no year: the nearest to `today`.
fn date_of(view: &View<'_, '_>, field: u8, today: Date) -> Result<Option<Date>, Refusal> {
    view.number(field)
        .map(|mmdd| {
            u32::try_from(mmdd)
                .ok()
                .and_then(|mmdd| Date::nearest(mmdd, today))
                .ok_or_else(|| refusal(Fault::BadValue, field, view.offset(field)))
        })
        .transpose()
}

impl<'a> Reader<'_, '_, 'a> {
    fn bad_value(&self, field: u8) -> Refusal {
        refusal(Fault::BadValue, field, self.view.offset(field))
    }

    /// DE 7 and 11.
    pub(super) fn header(&self) -> Result<Header, Refusal> {
        Ok(Header {
            match_key: self.view.match_key().ok_or_else(|| missing(11))?,
            transmit_time: Wall::default(),
        })
    }

    /// DE 64, or 128 where a field above 64 is there: as on the wire.
    pub(super) fn mac(&self) -> &'a [u8] {
        let field = if self.view.has(128) { 128 } else { 64 };
        self.view.bytes(field)
    }

    /// DE 3.
    pub(super) fn class(&self) -> Result<Class, Refusal> {
        let code = self.view.number(3).ok_or_else(|| missing(3))?;
        kinds::class_of(code).ok_or_else(|| self.bad_value(3))
    }

    /// DE 13, 32, 37.
    pub(super) fn key(&self) -> Result<Key, Refusal> {
        let local_date = self.date(13)?.ok_or_else(|| missing(13))?;
        self.key_of(local_date)
    }

    /// DE 32 and 37 with a date that is known.
    fn key_of(&self, local_date: Date) -> Result<Key, Refusal> {
        let originator = self.institution(32)?.ok_or_else(|| missing(32))?;
        let reference = <[u8; 12]>::try_from(self.view.bytes(37))
            .ok()
            .and_then(Reference::new)
            .ok_or_else(|| self.bad_value(37))?;
        Ok(Key {
            originator,
            local_date,
            reference,
        })
    }

    /// The key in DE 13, 32, 37 as a target, and tag 06. A payment is its own root, so that tag 06
    /// then states the year that DE 13 lacks, however long ago it was.
    pub(super) fn target(&self) -> Result<(BusinessKey, Option<Key>), Refusal> {
        let class = self.class()?;
        // An inquiry cannot be undone, asked about or advised of.
        if class == Class::CodeInquiry {
            return Err(self.bad_value(3));
        }
        let root = self.root()?;
        let Some(stated) = root.filter(|_| class == Class::Payment) else {
            let key = self.key()?;
            return Ok((BusinessKey { key, class }, root));
        };
        let key = self.key_of(stated.local_date)?;
        let same_day = self.view.number(13) == Some(u64::from(stated.local_date.mmdd()));
        if key != stated || !same_day {
            return Err(refusal(Fault::Inconsistent, 48, self.tag_offset(tag::ROOT)));
        }
        Ok((BusinessKey { key, class }, root))
    }

    /// Target and root of a message that states both: a payment's root is itself.
    pub(super) fn target_and_root(&self) -> Result<(BusinessKey, Key), Refusal> {
        let (target, root) = self.target()?;
        match (root, target.class) {
            (Some(root), _) => Ok((target, root)),
            (None, Class::Payment) => Ok((target, target.key)),
            (None, Class::Refund | Class::CodeInquiry) => Err(missing(48)),
        }
    }

    /// Tag 06: reference, date with year, institution.
    pub(super) fn root(&self) -> Result<Option<Key>, Refusal> {
        let Some(tag) = self.tags.find(tag::ROOT) else {
            return Ok(None);
        };
        let bytes = <&[u8; ROOT_BYTES]>::try_from(tag.value).map_err(|_| tag.bad_value())?;
        let (reference, digits) = bytes
            .split_first_chunk::<12>()
            .ok_or_else(|| tag.bad_value())?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(tag.bad_value());
        }
        let (date, institution) = digits.split_at(8);
        let key = || {
            Some(Key {
                originator: Institution::new(ascii_number(institution))?,
                local_date: Date::from_yyyymmdd(u32::try_from(ascii_number(date)).ok()?)?,
                reference: Reference::new(*reference)?,
            })
        };
        key().map(Some).ok_or_else(|| tag.bad_value())
    }

    pub(super) fn institution(&self, field: u8) -> Result<Option<Institution>, Refusal> {
        self.view
            .number(field)
            .map(|code| Institution::new(code).ok_or_else(|| self.bad_value(field)))
            .transpose()
    }

    pub(super) fn date(&self, field: u8) -> Result<Option<Date>, Refusal> {
        date_of(self.view, field, self.today)
    }

    /// DE 12.
    pub(super) fn local_time(&self) -> Result<Option<LocalTime>, Refusal> {
        self.view
            .number(12)
            .map(|number| {
                u32::try_from(number)
                    .ok()
                    .and_then(LocalTime::from_hhmmss)
                    .ok_or_else(|| self.bad_value(12))
            })
            .transpose()
    }

    /// DE 18 and 19: zero is null.
    pub(super) fn nonzero(&self, field: u8) -> Option<u16> {
        let number = self.view.number(field).filter(|number| *number > 0)?;
        u16::try_from(number).ok()
    }

    /// DE 38, 41, 42: blank is null.
    pub(super) fn chars<const N: usize>(&self, field: u8) -> Option<Chars<N>> {
        let bytes = <[u8; N]>::try_from(self.view.bytes(field)).ok()?;
        Chars::new(bytes).filter(|chars| !chars.is_blank())
    }

    /// DE 39.
    pub(super) fn response_code(&self) -> Result<ResponseCode, Refusal> {
        <[u8; 2]>::try_from(self.view.bytes(39))
            .ok()
            .and_then(ResponseCode::new)
            .ok_or_else(|| self.bad_value(39))
    }

    /// DE 49, 50, 51.
    pub(super) fn currency(&self, field: u8) -> Result<Option<Currency>, Refusal> {
        if !self.view.has(field) {
            return Ok(None);
        }
        currency_of(self.view.bytes(field))
            .map(Some)
            .ok_or_else(|| self.bad_value(field))
    }

    /// An amount and its currency. A currency alone says nothing.
    pub(super) fn money(&self, amount: u8, currency: u8) -> Result<Option<Money>, Refusal> {
        let unit = self.currency(currency)?;
        let Some(minor) = self.view.number(amount) else {
            return Ok(None);
        };
        let unit = unit.ok_or_else(|| missing(currency))?;
        i64::try_from(minor)
            .ok()
            .and_then(|minor| Money::new(minor, unit))
            .map(Some)
            .ok_or_else(|| self.bad_value(amount))
    }

    /// DE 9, 10.
    pub(super) fn rate(&self, field: u8) -> Result<Option<Rate>, Refusal> {
        self.view
            .number(field)
            .map(|digits| {
                u32::try_from(digits)
                    .ok()
                    .and_then(Rate::from_iso)
                    .ok_or_else(|| self.bad_value(field))
            })
            .transpose()
    }

    /// DE 4, 5, 6, 9, 10, 49, 50, 51.
    pub(super) fn amounts(&self) -> Result<Amounts, Refusal> {
        Ok(Amounts {
            amount: self.money(4, 49)?.ok_or_else(|| missing(4))?,
            settlement: self.money(5, 50)?,
            billing: self.money(6, 51)?,
            settlement_rate: self.rate(9)?,
            billing_rate: self.rate(10)?,
        })
    }

    /// DE 12, 18, 41, 42 and tag 01 of an answer.
    pub(super) fn echoed(&self) -> Result<Echoed, Refusal> {
        Ok(Echoed {
            local_time: self.local_time()?,
            presentation: self.presentation()?,
            mcc: self.nonzero(18),
            terminal: self.chars(41),
            merchant_id: self.chars(42),
        })
    }

    /// Tag 01.
    pub(super) fn presentation(&self) -> Result<Option<Presentation>, Refusal> {
        self.find(tag::PRESENTATION, |tag| match tag.value {
            b"M" => Ok(Presentation::Mpm),
            b"C" => Ok(Presentation::Cpm),
            _ => Err(tag.bad_value()),
        })
    }

    /// Tag 15; without it `otherwise`.
    pub(super) fn outcome(&self, otherwise: Option<Outcome>) -> Result<Option<Outcome>, Refusal> {
        let stated = self.find(tag::OUTCOME, |tag| tag.one_of(Outcome::from_u8))?;
        Ok(stated.or(otherwise))
    }

    /// Tag 09, in the minor unit of DE 49.
    pub(super) fn refunded_so_far(&self) -> Result<Option<Money>, Refusal> {
        self.find(tag::REFUNDED_SO_FAR, |tag| {
            let currency = self.currency(49)?.ok_or_else(|| missing(49))?;
            Money::new(tag.small()?, currency).ok_or_else(|| tag.bad_value())
        })
    }

    /// Tag 24, or else DE 15. The two may not contradict each other.
    pub(super) fn business_date(&self) -> Result<Option<Date>, Refusal> {
        let stated = self.find(tag::BUSINESS_DATE, |tag| {
            Some(tag.small()?)
                .filter(|_| tag.value.len() == 8)
                .and_then(Date::from_yyyymmdd)
                .ok_or_else(|| tag.bad_value())
        })?;
        let short = self.date(15)?;
        match (stated, short) {
            (Some(stated), Some(short)) if stated.mmdd() != short.mmdd() => {
                Err(refusal(Fault::Inconsistent, 15, self.view.offset(15)))
            }
            (stated, short) => Ok(stated.or(short)),
        }
    }

    /// Tag 07, or else DE 43 without its padding.
    pub(super) fn merchant_name(&self) -> Result<&'a [u8], Refusal> {
        let name = self.find(tag::MERCHANT_NAME, |tag| {
            Some(tag.value)
                .filter(|name| !name.is_empty())
                .ok_or_else(|| tag.bad_value())
        })?;
        match name {
            Some(name) => self.in_utf8(48, name),
            None => self.in_utf8(43, self.view.bytes(43).trim_ascii_end()),
        }
    }

    /// DE 44.
    pub(super) fn text(&self) -> Result<&'a [u8], Refusal> {
        self.in_utf8(44, self.view.bytes(44))
    }

    /// A text in our own character set: the bytes as they are, or in the scratch.
    fn in_utf8(&self, field: u8, bytes: &'a [u8]) -> Result<&'a [u8], Refusal> {
        if self.set.is_none() || bytes.is_ascii() {
            return Ok(bytes);
        }
        let scratch = self.scratch.take();
        let Some(length) = charset::to_utf8(bytes, scratch) else {
            return Err(refusal(Fault::NotSupported, field, self.view.offset(field)));
        };
        let (text, rest) = scratch.split_at_mut(length);
        self.scratch.set(rest);
        Ok(text)
    }

    /// Tag 05: characters without spaces; only the issuer reads them.
    pub(super) fn quote(&self) -> Result<&'a [u8], Refusal> {
        let quote = self.find(tag::QUOTE, |tag| {
            Some(tag.value)
                .filter(|quote| is_token(quote))
                .ok_or_else(|| tag.bad_value())
        })?;
        Ok(quote.unwrap_or_default())
    }

    /// Tag 04 or another short text.
    pub(super) fn short<const N: usize>(&self, number: u8) -> Result<Option<Chars<N>>, Refusal> {
        self.find(number, |tag| {
            Chars::padded(tag.value)
                .filter(|chars| !chars.is_blank())
                .ok_or_else(|| tag.bad_value())
        })
    }

    /// Tag 10.
    pub(super) fn wallet_currency(&self) -> Result<Option<Currency>, Refusal> {
        self.find(tag::WALLET_CURRENCY, |tag| {
            currency_of(tag.value).ok_or_else(|| tag.bad_value())
        })
    }

    /// Tag 27: an even number of hexadecimal digits, as on the wire.
    pub(super) fn wrapped_key(&self) -> Result<Sensitive<'a>, Refusal> {
        let key = self.find(tag::WRAPPED_KEY, |tag| {
            Some(tag.value)
                .filter(|key| is_hex(key))
                .ok_or_else(|| tag.bad_value())
        })?;
        Ok(Sensitive(key.unwrap_or_default()))
    }

    /// DE 62, continued in 63 where it is full; then joined in `scratch`.
    pub(super) fn code(&self) -> Result<Sensitive<'a>, Refusal> {
        let (first, more) = (self.view.bytes(62), self.view.bytes(63));
        let code = if more.is_empty() {
            first
        } else {
            if !self.view.is_full(62) {
                return Err(refusal(Fault::Inconsistent, 63, self.view.offset(63)));
            }
            self.join(first, more)
                .ok_or_else(|| refusal(Fault::NotSupported, 63, self.view.offset(63)))?
        };
        match core::str::from_utf8(code) {
            Ok(_) => Ok(Sensitive(code)),
            Err(error) => {
                let at = error.valid_up_to();
                Err(match at.checked_sub(first.len()) {
                    None => refusal(Fault::BadText, 62, self.view.offset(62) + at),
                    Some(at) => refusal(Fault::BadText, 63, self.view.offset(63) + at),
                })
            }
        }
    }

    fn join(&self, first: &[u8], more: &[u8]) -> Option<&'a [u8]> {
        let (joined, rest) = self
            .scratch
            .take()
            .split_at_mut_checked(first.len() + more.len())?;
        self.scratch.set(rest);
        let (start, end) = joined.split_at_mut(first.len());
        start.copy_from_slice(first);
        end.copy_from_slice(more);
        Some(joined)
    }

    /// DE 90: STAN and DE 7 of the original; zeros are none. What else is there is not read.
    pub(super) fn original(&self) -> Option<MatchKey> {
        let stan = u32::try_from(self.view.part(90, 4, 10)?).ok()?;
        let transmission = self.view.part(90, 10, 20)?;
        (stan != 0 || transmission != 0).then(|| MatchKey::from_iso(stan, transmission))
    }

    /// Reads a tag if it is there.
    pub(super) fn find<T>(
        &self,
        number: u8,
        read: impl FnOnce(Tag<'a>) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        self.tags.find(number).map(read).transpose()
    }

    fn tag_offset(&self, number: u8) -> usize {
        self.tags.find(number).map_or(0, |tag| tag.offset)
    }
}

/// Three digits, 001 to 999.
fn currency_of(digits: &[u8]) -> Option<Currency> {
    let whole = digits.len() == 3 && digits.iter().all(u8::is_ascii_digit);
    u16::try_from(ascii_number(digits))
        .ok()
        .filter(|_| whole)
        .and_then(Currency::new)
}

/// Visible ASCII characters, at least one.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_graphic)
}

/// An even number of hexadecimal digits, at least two.
pub(super) fn is_hex(text: &[u8]) -> bool {
    !text.is_empty() && text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit)
}

//! One message as ISO 8583 fields and tags, before it is written: every field that any message of
//! ours has, in ascending order. `encode.rs` fills it, this file writes it.

use crate::model::chars::Chars;
use crate::model::ids::{Institution, MatchKey, Reference};
use crate::model::keys::{Class, Key};
use crate::model::message::{Amounts, Echoed, Kind};
use crate::model::money::{Currency, MINOR_UNITS_MAX, Money, Rate};
use crate::model::outcome::{
    KycLevel, Outcome, Presentation, Reason, ResponseCode, Scenario, State,
};
use crate::model::refusal::{Fault, Refusal};
use crate::model::time::{Date, LocalTime, Wall};
use crate::wire::Encoded;
use crate::wire::iso8583::dialect::Dialect;
use crate::wire::iso8583::kinds;
use crate::wire::iso8583::read::{is_hex, is_token, missing};
use crate::wire::iso8583::reject;
use crate::wire::iso8583::scan::refusal;
use crate::wire::iso8583::tags::{ROOT_BYTES, tag};
use crate::wire::iso8583::write::{Writer, decimal, shortest};

/// The fields of one message. What is empty is not written, except where the kind requires the
/// field and it has a null form: DE 18 zeros, DE 38, 41 and 42 blank.
#[derive(Default)]
pub(super) struct Draft<'m> {
    pub(super) class: Option<Class>,
    pub(super) amount: Option<Money>,
    pub(super) settlement: Option<Money>,
    pub(super) billing: Option<Money>,
    pub(super) match_key: MatchKey,
    pub(super) settlement_rate: Option<Rate>,
    pub(super) billing_rate: Option<Rate>,
    pub(super) local_time: Option<LocalTime>,
    pub(super) local_date: Option<Date>,
    /// DE 15.
    pub(super) settlement_date: Option<Date>,
    pub(super) mcc: Option<u16>,
    pub(super) country: Option<u16>,
    /// DE 22 = 030.
    pub(super) by_code: bool,
    /// DE 32.
    pub(super) institution: Option<Institution>,
    pub(super) forwarder: Option<Institution>,
    pub(super) reference: Option<Reference>,
    pub(super) approval_code: Option<Chars<6>>,
    /// An approved payment has DE 38, blank if need be.
    pub(super) approval_required: bool,
    pub(super) response_code: Option<ResponseCode>,
    pub(super) terminal: Option<Chars<8>>,
    pub(super) merchant_id: Option<Chars<15>>,
    /// DE 43, or tag 07.
    pub(super) merchant_name: &'m [u8],
    pub(super) text: &'m [u8],
    pub(super) tags: TagDraft<'m>,
    pub(super) code: &'m [u8],
    pub(super) code_required: bool,
    pub(super) original: Option<Original>,
    pub(super) destination: Option<Institution>,
    pub(super) mac: &'m [u8],
    /// Last digit of the MTI. ISO 8583:1987 section 4.1.
    pub(super) repeat: bool,
    /// Values of the message for which ISO 8583 has no place at all.
    pub(super) dropped: u32,
}

/// The tags of DE 48.
#[derive(Default)]
pub(super) struct TagDraft<'m> {
    pub(super) presentation: Option<Presentation>,
    pub(super) scenario: Option<Scenario>,
    pub(super) kyc_level: Option<KycLevel>,
    pub(super) payer_token: Option<Chars<32>>,
    pub(super) quote: &'m [u8],
    pub(super) root: Option<Key>,
    pub(super) state: Option<State>,
    pub(super) refunded_so_far: Option<Money>,
    pub(super) wallet_currency: Option<Currency>,
    pub(super) owner: Option<Institution>,
    pub(super) reason: Option<Reason>,
    pub(super) quote_expiry: Option<Wall>,
    pub(super) status_inquiry: bool,
    pub(super) outcome: Option<Outcome>,
    pub(super) nonce: Option<u64>,
    pub(super) protocol_version: Option<u16>,
    pub(super) shards: Option<u16>,
    pub(super) shard: Option<u16>,
    pub(super) business_date: Option<Date>,
    pub(super) key_id: Option<u32>,
    pub(super) check_value: Option<Chars<6>>,
    pub(super) wrapped_key: &'m [u8],
}

/// DE 90 as far as we fill it.
#[derive(Clone, Copy)]
pub(super) struct Original {
    pub(super) match_key: Option<MatchKey>,
    pub(super) originator: Institution,
}

impl<'m> Draft<'m> {
    /// DE 4, 5, 6, 9, 10, 49, 50, 51.
    pub(super) const fn with_amounts(mut self, amounts: &Amounts) -> Self {
        self.amount = Some(amounts.amount);
        self.settlement = amounts.settlement;
        self.billing = amounts.billing;
        self.settlement_rate = amounts.settlement_rate;
        self.billing_rate = amounts.billing_rate;
        self
    }

    /// DE 12, 18, 22, 41, 42 and tag 01 of an answer.
    pub(super) const fn with_echoed(mut self, echoed: &Echoed) -> Self {
        self.local_time = echoed.local_time;
        self.mcc = echoed.mcc;
        self.by_code = echoed.presentation.is_some();
        self.terminal = echoed.terminal;
        self.merchant_id = echoed.merchant_id;
        self.tags.presentation = echoed.presentation;
        self
    }

    /// Writes the message. The order of the lines is the order of the fields.
    pub(super) fn write(
        &self,
        dialect: &Dialect,
        kind: Kind,
        mti: u16,
        out: &mut [u8],
    ) -> Result<Encoded, Refusal> {
        let network_code = kinds::wire_of(kind).and_then(|(_, code)| code);
        let destination_fits = self.destination.is_some() && dialect.carried(kind).contains(100);
        let secondary = network_code.is_some() || self.original.is_some() || destination_fits;
        let mut to = Writer::new(dialect, kind, mti, secondary, out)?;
        if let Some(class) = self.class {
            to.number(3, u64::from(kinds::processing_code(class)))?;
        }
        money(&mut to, 4, self.amount)?;
        money(&mut to, 5, self.settlement)?;
        money(&mut to, 6, self.billing)?;
        self.write_match_key(&mut to)?;
        rate(&mut to, 9, self.settlement_rate)?;
        rate(&mut to, 10, self.billing_rate)?;
        to.number(11, u64::from(self.match_key.stan()))?;
        optional(
            &mut to,
            12,
            self.local_time.map(|time| u64::from(time.hhmmss())),
        )?;
        optional(
            &mut to,
            13,
            self.local_date.map(|date| u64::from(date.mmdd())),
        )?;
        optional(
            &mut to,
            15,
            self.settlement_date.map(|date| u64::from(date.mmdd())),
        )?;
        self.write_merchant_numbers(&mut to)?;
        optional(&mut to, 32, self.institution.map(Institution::code))?;
        optional(&mut to, 33, self.forwarder.map(Institution::code))?;
        if let Some(reference) = &self.reference {
            to.text(37, reference.bytes())?;
        }
        chars(&mut to, 38, self.approval_code, self.approval_required)?;
        if let Some(code) = self.response_code {
            to.text(39, &code.0)?;
        }
        let (terminal_needed, merchant_needed) = (to.requires(41), to.requires(42));
        chars(&mut to, 41, self.terminal, terminal_needed)?;
        chars(&mut to, 42, self.merchant_id, merchant_needed)?;
        let name_in_43 = self.write_name(&mut to)?;
        self.write_text(&mut to, kind)?;
        self.write_tags(&mut to, if name_in_43 { &[] } else { self.merchant_name })?;
        self.write_currencies(&mut to)?;
        self.write_code(&mut to)?;
        if !secondary && !self.mac.is_empty() {
            to.mac(self.mac)?;
        }
        if let Some(code) = network_code {
            to.number(70, u64::from(code))?;
        }
        if let Some(original) = &self.original {
            to.digits(90, &original.digits())?;
        }
        optional(&mut to, 100, self.destination.map(Institution::code))?;
        if secondary && !self.mac.is_empty() {
            to.mac(self.mac)?;
        }
        let mut encoded = to.finish()?;
        encoded.dropped += self.dropped;
        Ok(encoded)
    }

    /// DE 7; DE 11 follows further on. A key that was not packed from the two has no ISO form.
    fn write_match_key(&self, to: &mut Writer<'_, '_>) -> Result<(), Refusal> {
        if self.match_key.stan() > 999_999 || self.match_key.transmission() > 9_999_999_999 {
            return Err(refusal(Fault::NotCarried, 11, 0));
        }
        to.number(7, self.match_key.transmission())
    }

    /// DE 18, 19, 22.
    fn write_merchant_numbers(&self, to: &mut Writer<'_, '_>) -> Result<(), Refusal> {
        match self.mcc.filter(|mcc| *mcc > 0) {
            Some(mcc) if mcc <= 9_999 => to.number(18, u64::from(mcc))?,
            Some(_) => to.lose(18)?,
            None if to.requires(18) => to.number(18, 0)?,
            None => {}
        }
        if let Some(country) = self.country.filter(|country| *country > 0) {
            to.number(19, u64::from(country))?;
        }
        if self.by_code {
            to.number(22, 30)?;
        }
        Ok(())
    }

    /// DE 43 where it carries the name exactly, or where the dialect has no other place for it.
    /// False: tag 07 has to.
    fn write_name(&self, to: &mut Writer<'_, '_>) -> Result<bool, Refusal> {
        let name = self.merchant_name;
        let exact = name.trim_ascii_end().len() == name.len();
        let carried = exact && !name.is_empty() && to.fits(43, name);
        match core::str::from_utf8(name.trim_ascii_end()) {
            _ if carried => to.text(43, name)?,
            Ok(name) if !name.is_empty() && !to.has_name_tag() => {
                to.name(43, name)?;
                return Ok(true);
            }
            Ok(_) | Err(_) => {}
        }
        Ok(carried)
    }

    /// DE 44. A decline's text that reads as a place would make it a Reject.
    fn write_text(&self, to: &mut Writer<'_, '_>, kind: Kind) -> Result<(), Refusal> {
        let declined = self.response_code != Some(ResponseCode::APPROVED);
        let misread = kind != Kind::Reject
            && kind.is_answer()
            && declined
            && reject::parse(self.text).is_some();
        if self.text.is_empty() {
            Ok(())
        } else if misread {
            to.lose(44)
        } else {
            to.text(44, self.text)
        }
    }

    /// DE 49, 50, 51. An amount that was refused took its currency with it.
    fn write_currencies(&self, to: &mut Writer<'_, '_>) -> Result<(), Refusal> {
        let first = self.amount.filter(carriable).or(self.tags.refunded_so_far);
        for (field, money) in [(49, first), (50, self.settlement), (51, self.billing)] {
            if let Some(money) = money.filter(carriable) {
                to.text(field, &decimal::<3>(u64::from(money.currency.numeric())))?;
            }
        }
        Ok(())
    }

    /// DE 62, and 63 for what is left over.
    fn write_code(&self, to: &mut Writer<'_, '_>) -> Result<(), Refusal> {
        if self.code.is_empty() {
            return if self.code_required {
                Err(missing(62))
            } else {
                Ok(())
            };
        }
        let (first, more) = self.code.split_at(self.code.len().min(to.most(62)));
        let fits = core::str::from_utf8(self.code).is_ok()
            && to.fits(62, first)
            && (more.is_empty() || to.fits(63, more));
        if !fits {
            return to.lose(62);
        }
        to.text(62, first)?;
        if more.is_empty() {
            Ok(())
        } else {
            to.text(63, more)
        }
    }

    /// DE 48, tags in ascending order.
    fn write_tags(&self, to: &mut Writer<'_, '_>, name: &[u8]) -> Result<(), Refusal> {
        let tags = &self.tags;
        to.open_tags()?;
        if let Some(presentation) = tags.presentation {
            let letter = match presentation {
                Presentation::Mpm => b"M",
                Presentation::Cpm => b"C",
            };
            to.tag(tag::PRESENTATION, letter)?;
        }
        tag_number(to, tag::SCENARIO, tags.scenario.map(|value| value as u64))?;
        tag_number(to, tag::KYC_LEVEL, tags.kyc_level.map(|value| value as u64))?;
        tag_chars(to, tag::PAYER_TOKEN, tags.payer_token)?;
        tag_bytes(to, tag::QUOTE, tags.quote, is_token(tags.quote))?;
        if let Some(root) = &tags.root {
            to.tag(tag::ROOT, &root_text(root))?;
        }
        match core::str::from_utf8(name) {
            Ok("") => {}
            Ok(name) if !name.contains(|letter: char| letter.is_ascii_control()) => {
                to.name_tag(tag::MERCHANT_NAME, name)?;
            }
            Ok(_) | Err(_) => to.lose(48)?,
        }
        tag_number(to, tag::STATE, tags.state.map(|value| value as u64))?;
        self.write_refunded(to)?;
        if let Some(currency) = tags.wallet_currency {
            to.tag(
                tag::WALLET_CURRENCY,
                &decimal::<3>(u64::from(currency.numeric())),
            )?;
        }
        tag_number(to, tag::OWNER, tags.owner.map(Institution::code))?;
        tag_number(to, tag::REASON, tags.reason.map(|value| value as u64))?;
        tag_number(
            to,
            tag::QUOTE_EXPIRY,
            tags.quote_expiry.map(|at| at.0 / 1_000_000_000),
        )?;
        if tags.status_inquiry {
            to.tag(tag::INQUIRY_KIND, b"S")?;
        }
        tag_number(to, tag::OUTCOME, tags.outcome.map(|value| value as u64))?;
        tag_number(to, tag::NONCE, tags.nonce)?;
        tag_number(
            to,
            tag::PROTOCOL_VERSION,
            tags.protocol_version.map(u64::from),
        )?;
        tag_number(to, tag::SHARDS, tags.shards.map(u64::from))?;
        tag_number(to, tag::SHARD, tags.shard.map(u64::from))?;
        if let Some(date) = tags.business_date {
            to.tag(
                tag::BUSINESS_DATE,
                &decimal::<8>(u64::from(date.yyyymmdd())),
            )?;
        }
        tag_number(to, tag::KEY_ID, tags.key_id.map(u64::from))?;
        tag_chars(to, tag::CHECK_VALUE, tags.check_value)?;
        tag_bytes(
            to,
            tag::WRAPPED_KEY,
            tags.wrapped_key,
            is_hex(tags.wrapped_key),
        )?;
        to.close_tags()
    }

    /// Tag 09 has no currency of its own: it is DE 49's.
    fn write_refunded(&self, to: &mut Writer<'_, '_>) -> Result<(), Refusal> {
        let Some(refunded) = self.tags.refunded_so_far else {
            return Ok(());
        };
        let same = self
            .amount
            .filter(carriable)
            .is_none_or(|amount| amount.currency == refunded.currency);
        match u64::try_from(refunded.minor) {
            Ok(minor) if same && carriable(&refunded) => {
                to.tag(tag::REFUNDED_SO_FAR, &decimal::<12>(minor))
            }
            _ => to.lose(48),
        }
    }
}

impl Original {
    /// MTI, STAN, DE 7, acquirer, forwarder. ISO 8583:1987 section 4.3.90; zeros where unknown.
    fn digits(self) -> [u8; 42] {
        let known = self
            .match_key
            .filter(|key| key.stan() <= 999_999 && key.transmission() <= 9_999_999_999)
            .unwrap_or_default();
        let mut digits = [b'0'; 42];
        let parts: [(usize, &[u8]); 4] = [
            // Payments and refunds, all that can be reversed, are 0200.
            (0, b"0200"),
            (4, &decimal::<6>(u64::from(known.stan()))),
            (10, &decimal::<10>(known.transmission())),
            (20, &decimal::<11>(self.originator.code())),
        ];
        for (at, part) in parts {
            if let Some(place) = digits.get_mut(at..at + part.len()) {
                place.copy_from_slice(part);
            }
        }
        digits
    }
}

/// Fills in `field`; absent is an error only where the kind requires it.
fn optional(to: &mut Writer<'_, '_>, field: u8, number: Option<u64>) -> Result<(), Refusal> {
    match number {
        Some(number) => to.number(field, number),
        None if to.requires(field) => Err(missing(field)),
        None => Ok(()),
    }
}

/// Twelve digits, not negative.
fn carriable(money: &Money) -> bool {
    (0..=MINOR_UNITS_MAX).contains(&money.minor)
}

fn money(to: &mut Writer<'_, '_>, field: u8, money: Option<Money>) -> Result<(), Refusal> {
    match money {
        None => Ok(()),
        Some(money) if carriable(&money) => {
            to.number(field, u64::try_from(money.minor).unwrap_or(u64::MAX))
        }
        Some(_) => to.lose(field),
    }
}

/// A rate that seven digits cannot state goes without: the stated amounts rule.
fn rate(to: &mut Writer<'_, '_>, field: u8, rate: Option<Rate>) -> Result<(), Refusal> {
    match rate.and_then(Rate::to_iso) {
        Some(digits) => to.number(field, u64::from(digits)),
        None => Ok(()),
    }
}

/// Blank counts as null, and null is written only where it must be.
fn chars<const N: usize>(
    to: &mut Writer<'_, '_>,
    field: u8,
    chars: Option<Chars<N>>,
    needed: bool,
) -> Result<(), Refusal> {
    match chars.filter(|chars| !chars.is_blank()) {
        Some(chars) => to.text(field, chars.bytes()),
        None if needed => to.text(field, Chars::<N>::BLANK.bytes()),
        None => Ok(()),
    }
}

fn tag_number(to: &mut Writer<'_, '_>, tag: u8, number: Option<u64>) -> Result<(), Refusal> {
    match number {
        Some(number) => to.tag(tag, shortest(&decimal::<20>(number))),
        None => Ok(()),
    }
}

fn tag_chars<const N: usize>(
    to: &mut Writer<'_, '_>,
    tag: u8,
    chars: Option<Chars<N>>,
) -> Result<(), Refusal> {
    match chars.filter(|chars| !chars.is_blank()) {
        Some(chars) => to.tag(tag, chars.trimmed()),
        None => Ok(()),
    }
}

fn tag_bytes(
    to: &mut Writer<'_, '_>,
    tag: u8,
    bytes: &[u8],
    well_formed: bool,
) -> Result<(), Refusal> {
    if bytes.is_empty() {
        Ok(())
    } else if well_formed {
        to.tag(tag, bytes)
    } else {
        to.lose(48)
    }
}

fn root_text(root: &Key) -> [u8; ROOT_BYTES] {
    let mut text = [b'0'; ROOT_BYTES];
    let parts: [(usize, &[u8]); 3] = [
        (0, root.reference.bytes()),
        (12, &decimal::<8>(u64::from(root.local_date.yyyymmdd()))),
        (20, &decimal::<11>(root.originator.code())),
    ];
    for (at, part) in parts {
        if let Some(place) = text.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }
    text
}

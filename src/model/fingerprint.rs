//! What tells a repeat from a conflict: a keyed hash of a request's business fields.
//!
//! The journal keeps it, so it must not help to find a payment code by trying. Never a key by
//! itself: only requests under one business key are compared.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::model::chars::Chars;
use crate::model::ids::Institution;
use crate::model::keys::{Class, Key};
use crate::model::message::{Amounts, PaymentRequest, RefundRequest};
use crate::model::money::Money;
use crate::model::time::LocalTime;

/// Room for all fixed fields of a request; what they leave of it is zero.
const FIELD_BYTES: usize = 192;

/// Hash of a request's business fields: tells a repeat from a conflict. Keyed, because the journal
/// keeps it and a code must not be found by trying.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Fingerprint(pub u64);

impl PaymentRequest<'_> {
    /// Everything but match key, transmit time, forwarder's repeat marks and MAC.
    pub fn fingerprint(&self, seed: u64) -> Fingerprint {
        let mut fields = [0_u8; FIELD_BYTES];
        let mut at = Packer::new(&mut fields);
        at.key(&self.key);
        at.put(&[Class::Payment as u8, self.presentation as u8]);
        at.time(self.local_time);
        at.put(&self.destination.map_or(0, Institution::code).to_le_bytes());
        at.put(&self.forwarder.map_or(0, Institution::code).to_le_bytes());
        at.amounts(&self.amounts);
        at.put(&self.mcc.unwrap_or(u16::MAX).to_le_bytes());
        at.put(&self.country.unwrap_or(u16::MAX).to_le_bytes());
        at.chars(self.terminal.as_ref());
        at.chars(self.merchant_id.as_ref());
        at.chars(self.payer_token.as_ref());
        at.put(&[self.kyc_level.map_or(u8::MAX, |level| level as u8)]);
        let mut hash = xxh3_64_with_seed(&fields, seed);
        for text in [self.code.expose(), self.merchant_name, self.quote] {
            hash = xxh3_64_with_seed(text, hash);
        }
        Fingerprint(hash)
    }
}

impl RefundRequest<'_> {
    /// The same for a refund.
    pub fn fingerprint(&self, seed: u64) -> Fingerprint {
        let mut fields = [0_u8; FIELD_BYTES];
        let mut at = Packer::new(&mut fields);
        at.key(&self.key);
        at.put(&[Class::Refund as u8]);
        at.key(&self.root);
        at.put(&[self.presentation.map_or(0, |value| value as u8)]);
        at.put(&[self.reason.map_or(0, |value| value as u8)]);
        at.time(self.local_time);
        at.put(&self.destination.map_or(0, Institution::code).to_le_bytes());
        at.put(&self.forwarder.map_or(0, Institution::code).to_le_bytes());
        at.amounts(&self.amounts);
        at.put(&self.mcc.unwrap_or(u16::MAX).to_le_bytes());
        at.put(&self.country.unwrap_or(u16::MAX).to_le_bytes());
        at.chars(self.terminal.as_ref());
        at.chars(self.merchant_id.as_ref());
        Fingerprint(xxh3_64_with_seed(&fields, seed))
    }
}

/// Writes fixed fields one after the other for hashing. Inlined, always: only so are the places
/// constants, and no length is asked for at each of some thirty fields.
struct Packer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Packer<'a> {
    #[inline(always)]
    const fn new(bytes: &'a mut [u8; FIELD_BYTES]) -> Self {
        Self { rest: bytes }
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_first_chunk_mut::<N>()
            .expect("FIELD_BYTES hold every field");
        // From where it is: a copy on the stack would be read back in pieces that straddle its
        // stores.
        place.copy_from_slice(bytes);
        self.rest = rest;
    }

    #[inline(always)]
    fn chars<const N: usize>(&mut self, text: Option<&Chars<N>>) {
        match text {
            Some(text) => self.put(text.bytes()),
            None => self.put(Chars::<N>::BLANK.bytes()),
        }
    }

    #[inline(always)]
    fn key(&mut self, key: &Key) {
        self.put(&key.originator.code().to_le_bytes());
        self.put(&key.local_date.yyyymmdd().to_le_bytes());
        self.put(key.reference.bytes());
    }

    #[inline(always)]
    fn time(&mut self, time: Option<LocalTime>) {
        self.put(&time.map_or(u32::MAX, LocalTime::hhmmss).to_le_bytes());
    }

    #[inline(always)]
    fn money(&mut self, money: Option<Money>) {
        let (minor, currency) =
            money.map_or((-1, 0), |money| (money.minor, money.currency.numeric()));
        self.put(&minor.to_le_bytes());
        self.put(&currency.to_le_bytes());
    }

    #[inline(always)]
    fn amounts(&mut self, amounts: &Amounts) {
        self.money(Some(amounts.amount));
        self.money(amounts.billing);
        self.money(amounts.settlement);
        for rate in [amounts.billing_rate, amounts.settlement_rate] {
            let (mantissa, exponent) = rate.map_or((0, 0), |rate| (rate.mantissa, rate.exponent));
            self.put(&mantissa.to_le_bytes());
            self.put(&exponent.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::chars::Sensitive;
    use crate::model::ids::{MatchKey, Reference};
    use crate::model::message::Header;
    use crate::model::money::{Currency, Rate};
    use crate::model::outcome::{KycLevel, Presentation};
    use crate::model::time::{Date, Wall};

    /// What was hashed ever since journals keep it: any other bytes would make conflicts of repeats
    /// after an update.
    fn spelled_out(it: &PaymentRequest<'_>, seed: u64) -> u64 {
        fn text<const N: usize>(text: Option<Chars<N>>) -> Vec<u8> {
            text.map_or_else(|| vec![b' '; N], |text| text.bytes().to_vec())
        }
        let money = |money: Option<Money>| {
            let (minor, currency) = money.map_or((-1, 0), |it| (it.minor, it.currency.numeric()));
            [
                minor.to_le_bytes().to_vec(),
                currency.to_le_bytes().to_vec(),
            ]
            .concat()
        };
        let rate = |rate: Option<Rate>| {
            let (mantissa, exponent) = rate.map_or((0, 0), |it| (it.mantissa, it.exponent));
            [
                mantissa.to_le_bytes().to_vec(),
                exponent.to_le_bytes().to_vec(),
            ]
            .concat()
        };
        let code = |code: Option<u16>| code.unwrap_or(u16::MAX).to_le_bytes().to_vec();
        let institution =
            |it: Option<Institution>| it.map_or(0, Institution::code).to_le_bytes().to_vec();
        let mut bytes = [
            institution(Some(it.key.originator)),
            it.key.local_date.yyyymmdd().to_le_bytes().to_vec(),
            it.key.reference.bytes().to_vec(),
            vec![1, it.presentation as u8],
            it.local_time
                .map_or(u32::MAX, LocalTime::hhmmss)
                .to_le_bytes()
                .to_vec(),
            institution(it.destination),
            institution(it.forwarder),
            money(Some(it.amounts.amount)),
            money(it.amounts.billing),
            money(it.amounts.settlement),
            rate(it.amounts.billing_rate),
            rate(it.amounts.settlement_rate),
            code(it.mcc),
            code(it.country),
            text(it.terminal),
            text(it.merchant_id),
            text(it.payer_token),
            vec![it.kyc_level.map_or(u8::MAX, |level| level as u8)],
        ]
        .concat();
        bytes.resize(192, 0);
        let texts = [it.code.expose(), it.merchant_name, it.quote];
        texts
            .iter()
            .fold(xxh3_64_with_seed(&bytes, seed), |hash, text| {
                xxh3_64_with_seed(text, hash)
            })
    }

    proptest! {
        #[test]
        fn a_fingerprint_is_of_the_bytes_that_it_was_always_of(
            seed: u64,
            full: bool,
            minor in 0_i64..1_000_000_000,
            reference in "[A-Z0-9]{12}",
            words in prop::collection::vec("[ -~]{0,40}", 3),
        ) {
            let money = |minor| Money::new(minor, Currency::new(156).unwrap()).unwrap();
            let rate = Rate { mantissa: minor + 1, exponent: -7 };
            let request = PaymentRequest {
                header: Header { match_key: MatchKey(1), transmit_time: Wall(2) },
                key: Key {
                    originator: Institution::new(27_510_458).unwrap(),
                    local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
                    reference: Reference::new(reference.as_bytes().try_into().unwrap()).unwrap(),
                },
                local_time: full.then(|| LocalTime::from_hhmmss(93_015).unwrap()),
                destination: full.then(|| Institution::new(48_000_702).unwrap()),
                forwarder: full.then(|| Institution::new(48_000_703).unwrap()),
                presentation: if full { Presentation::Cpm } else { Presentation::Mpm },
                scenario: None,
                amounts: Amounts {
                    amount: money(minor),
                    billing: full.then(|| money(minor / 2)),
                    settlement: full.then(|| money(minor / 3)),
                    billing_rate: full.then_some(rate),
                    settlement_rate: full.then_some(rate),
                },
                mcc: full.then_some(5_411),
                country: full.then_some(156),
                terminal: full.then(|| Chars::padded(b"T0000042").unwrap()),
                merchant_id: full.then(|| Chars::padded(b"M12345678901").unwrap()),
                payer_token: full.then(|| Chars::padded(b"payer").unwrap()),
                kyc_level: full.then_some(KycLevel::from_u8(1).unwrap()),
                code: Sensitive(words[0].as_bytes()),
                merchant_name: words[1].as_bytes(),
                quote: words[2].as_bytes(),
                mac: b"",
            };
            prop_assert_eq!(request.fingerprint(seed).0, spelled_out(&request, seed));
        }
    }
}

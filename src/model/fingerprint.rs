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

/// Hash of a request's business fields: tells a repeat from a conflict. Keyed, because the journal
/// keeps it and a code must not be found by trying.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Fingerprint(pub u64);

impl PaymentRequest<'_> {
    /// Everything but match key, transmit time, forwarder's repeat marks and MAC.
    pub fn fingerprint(&self, seed: u64) -> Fingerprint {
        let mut fields = [0_u8; 192];
        let mut at = Packer {
            bytes: &mut fields,
            used: 0,
        };
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
        let mut fields = [0_u8; 192];
        let mut at = Packer {
            bytes: &mut fields,
            used: 0,
        };
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

/// Writes fixed fields one after the other for hashing.
struct Packer<'a> {
    bytes: &'a mut [u8; 192],
    used: usize,
}

impl Packer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        self.bytes[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }

    /// From where it is: a copy on the stack would be read back in pieces that straddle its stores.
    fn chars<const N: usize>(&mut self, text: Option<&Chars<N>>) {
        match text {
            Some(text) => self.put(text.bytes()),
            None => self.put(Chars::<N>::BLANK.bytes()),
        }
    }

    fn key(&mut self, key: &Key) {
        self.put(&key.originator.code().to_le_bytes());
        self.put(&key.local_date.yyyymmdd().to_le_bytes());
        self.put(key.reference.bytes());
    }

    fn time(&mut self, time: Option<LocalTime>) {
        self.put(&time.map_or(u32::MAX, LocalTime::hhmmss).to_le_bytes());
    }

    fn money(&mut self, money: Option<Money>) {
        self.put(&money.map_or(-1, |money| money.minor).to_le_bytes());
        self.put(
            &money
                .map_or(0, |money| money.currency.numeric())
                .to_le_bytes(),
        );
    }

    fn amounts(&mut self, amounts: &Amounts) {
        self.money(Some(amounts.amount));
        self.money(amounts.billing);
        self.money(amounts.settlement);
        for rate in [amounts.billing_rate, amounts.settlement_rate] {
            self.put(&rate.map_or(0, |rate| rate.mantissa).to_le_bytes());
            self.put(&rate.map_or(0, |rate| rate.exponent).to_le_bytes());
        }
    }
}

//! What is said in the conversation: messages of the counterparty, and those that are put to the
//! participant. Amounts are small and codes are made up.

use crate::control::configuration::ParticipantEntry;
use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, Reference};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Amounts, Header, Message, PaymentRequest, RefundRequest, Reversal, StatusInquiry,
};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{Outcome, Presentation, Reason, ResponseCode};
use crate::model::participant::Role;
use crate::model::time::LocalTime;
use crate::sys::clock::Clock;

/// Digits of the codes that are made up.
pub(super) const CODE_DIGITS: usize = 18;
/// Minor units of each payment, and of the refund of it.
const PAID: i64 = 1_200;
const REFUNDED: i64 = 500;

/// Who pays whom, and how.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    pub(super) presentation: Presentation,
    originator: Institution,
    destination: Institution,
    currency: Currency,
    country: u16,
    code: Vec<u8>,
    /// Tells the keys of one conversation from those of others.
    first: u64,
}

impl Roles {
    /// `from` pays through, or asks for a payment by, `to`.
    pub(super) fn new(from: &ParticipantEntry, to: &ParticipantEntry) -> Self {
        // Whoever holds the merchant says in which currency; the other side holds the payer.
        let presentation = presentation(from, to);
        let (merchant, payer) = match presentation {
            Presentation::Cpm => (from, to),
            Presentation::Mpm => (to, from),
        };
        let code = match presentation {
            Presentation::Cpm => made_up_code(payer),
            Presentation::Mpm => Vec::new(),
        };
        Self {
            presentation,
            originator: from.participant.institution,
            destination: to.participant.institution,
            currency: merchant.participant.currency,
            country: merchant.participant.country,
            code,
            first: Clock.now().wall.0 / 1_000_000 % 10_000_000 * 100,
        }
    }

    /// The key of a conversation's payment or refund by number.
    pub(super) fn key(&self, number: u64) -> Key {
        let text = format!("ONB{:09}", (self.first + number) % 1_000_000_000);
        let reference = text.into_bytes().try_into().ok().and_then(Reference::new);
        Key {
            originator: self.originator,
            local_date: Clock.now().wall.date(),
            reference: reference.expect("three letters and nine digits"),
        }
    }

    fn amounts(&self, minor: i64) -> Amounts {
        Amounts {
            amount: Money::new(minor, self.currency).expect("a small amount"),
            settlement: None,
            billing: None,
            settlement_rate: None,
            billing_rate: None,
        }
    }

    pub(super) fn payment(&self, header: Header, key: Key) -> Message<'_> {
        Message::PaymentRequest(PaymentRequest {
            header,
            key,
            local_time: local_time(),
            destination: Some(self.destination),
            forwarder: None,
            presentation: self.presentation,
            scenario: None,
            amounts: self.amounts(PAID),
            mcc: Some(5_411),
            country: Some(self.country),
            terminal: Chars::padded(b"ONBOARD1"),
            merchant_id: Chars::padded(b"ONBOARDING"),
            payer_token: None,
            kyc_level: None,
            code: Sensitive(&self.code),
            merchant_name: b"ONBOARDING TEST",
            quote: b"",
            mac: b"",
        })
    }

    pub(super) fn refund(&self, header: Header, key: Key, root: Key) -> Message<'static> {
        Message::RefundRequest(RefundRequest {
            header,
            key,
            local_time: local_time(),
            root,
            destination: Some(self.destination),
            forwarder: None,
            presentation: Some(self.presentation),
            amounts: self.amounts(REFUNDED),
            mcc: Some(5_411),
            country: Some(self.country),
            terminal: Chars::padded(b"ONBOARD1"),
            merchant_id: Chars::padded(b"ONBOARDING"),
            reason: Some(Reason::Merchant),
            mac: b"",
        })
    }

    pub(super) fn reversal_advice(&self, header: Header, root: Key) -> Message<'static> {
        Message::ReversalAdvice(Reversal {
            header,
            target: payment_of(root),
            root,
            amount: self.amounts(PAID).amount,
            reason: Some(Reason::Merchant),
            repeat: false,
            original: None,
            mac: b"",
        })
    }

    pub(super) const fn status_inquiry(header: Header, root: Key) -> Message<'static> {
        Message::StatusInquiry(StatusInquiry {
            header,
            target: payment_of(root),
            root,
            mac: b"",
        })
    }
}

/// How these two meet: a merchant's side asks the payer's (CPM), or is asked by it (MPM).
pub(super) fn presentation(from: &ParticipantEntry, to: &ParticipantEntry) -> Presentation {
    match (from.participant.role, to.participant.role) {
        (Role::Acquirer, _) | (Role::Infrastructure, Role::Wallet) => Presentation::Cpm,
        (Role::Infrastructure, Role::Infrastructure) if !to.code_prefixes.is_empty() => {
            Presentation::Cpm
        }
        (Role::Wallet | Role::Infrastructure, _) => Presentation::Mpm,
    }
}

/// A code of its payers: its first prefix, and zeros.
fn made_up_code(payer: &ParticipantEntry) -> Vec<u8> {
    let prefix = payer.code_prefixes.first().map_or("", String::as_str);
    format!("{prefix:0<CODE_DIGITS$}").into_bytes()
}

const fn payment_of(key: Key) -> BusinessKey {
    BusinessKey {
        key,
        class: Class::Payment,
    }
}

fn local_time() -> Option<LocalTime> {
    let time = Clock.now().wall.transmission() % 1_000_000;
    u32::try_from(time).ok().and_then(LocalTime::from_hhmmss)
}

/// A code and an outcome, as a report has them.
pub(super) fn words(code: ResponseCode, outcome: Option<Outcome>) -> String {
    match outcome {
        Some(outcome) => format!("{code} {}", outcome.name()),
        None => code.to_string(),
    }
}

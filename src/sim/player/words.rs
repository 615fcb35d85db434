//! What participants say: messages with every field that all encodings carry.

use crate::fx::quotes::QUOTE_CHARACTERS_MAX;
use crate::fx::{QuoteTerms, Rounding};
use crate::model::chars::{Chars, Sensitive};
use crate::model::hold::OrderHash;
use crate::model::ids::{ParticipantIndex, Reference, TableVersion};
use crate::model::keys::{BusinessKey, Key};
use crate::model::message::{Amounts, Header, Message, PaymentRequest, Reversal, StatusInquiry};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Presentation, Reason};
use crate::model::participant::Role;
use crate::model::time::{Date, LocalTime, Wall};
use crate::sim::plan::{BILLING_RATE, Plan, SETTLEMENT_RATE, payer_of, prefix, token_of};
use crate::sim::player::{Player, Stage};

/// Stands in every payment code, and must stand in no journal.
pub(in crate::sim) const CANARY: &[u8] = b"7700kanarie";

impl Player {
    pub(super) fn header(&mut self, stage: &Stage<'_>) -> Header {
        Header {
            match_key: self.draw_key(stage),
            transmit_time: stage.wall,
        }
    }

    /// A reference that nobody else uses.
    pub(super) fn new_key(&mut self, date: Date, fronted: bool) -> Key {
        self.payments += 1;
        let text = format!("P{:02}{:09}", self.index, self.payments);
        let bytes = text.as_bytes().try_into().expect("twelve characters");
        let originator = if fronted {
            self.known.fronted[0]
        } else {
            self.known.institution
        };
        Key {
            originator,
            local_date: date,
            reference: Reference::new(bytes).expect("letters and digits"),
        }
    }

    /// The code of a payment: a wallet's own, or one that leads nowhere.
    pub(super) fn code(key: &Key, destination: usize, unroutable: bool) -> Vec<u8> {
        let index = ParticipantIndex(u16::try_from(destination).expect("few"));
        let mut code = if unroutable {
            b"9999".to_vec()
        } else {
            prefix(index).into_bytes()
        };
        code.extend_from_slice(CANARY);
        code.extend_from_slice(key.reference.bytes());
        code
    }

    /// The quote of a payment, where it is for an order; else empty.
    pub(super) fn quote(
        &self,
        key: &Key,
        (destination, unroutable): (usize, bool),
        code: &[u8],
        plan: &Plan,
    ) -> Vec<u8> {
        let order = plan.order_of(key).filter(|_| !unroutable);
        let (Some(order), Some(pricing)) = (order, plan.pricing()) else {
            return Vec::new();
        };
        if self.known.role != Role::Wallet {
            return Vec::new();
        }
        let terms = QuoteTerms {
            table: TableVersion(1),
            wallet: self.known.institution,
            destination: plan.participants[destination].institution,
            code: pricing.keys.digest(code),
            amount_currency: Currency::new(156).expect("three digits"),
            amount_minor: None,
            billing_currency: self.known.currency,
            billing_minor: None,
            rate: Rate {
                mantissa: BILLING_RATE,
                exponent: 0,
            },
            rounding: Rounding::HalfUp,
            // Longer than any world goes on, whatever its clock says.
            expiry: Wall(4_000_000_000 * 1_000_000_000),
            settlement: None,
            order: Some(OrderHash([order + 1; 16])),
        };
        let mut token = [0; QUOTE_CHARACTERS_MAX];
        pricing.keys.seal(&terms, &mut token).to_vec()
    }

    pub(super) fn request<'m>(
        &self,
        header: Header,
        (key, minor): (Key, i64),
        (destination, unroutable): (usize, bool),
        (code, quote): (&'m [u8], &'m [u8]),
        plan: &Plan,
    ) -> PaymentRequest<'m> {
        let presentation = match self.known.role {
            Role::Acquirer => Presentation::Cpm,
            Role::Wallet | Role::Infrastructure => Presentation::Mpm,
        };
        let named = plan.participants[destination].institution;
        let mpm = presentation == Presentation::Mpm;
        let fronted = key.originator != self.known.institution;
        PaymentRequest {
            header,
            key,
            local_time: LocalTime::from_hhmmss(93_015),
            destination: (mpm && !unroutable).then_some(named),
            forwarder: fronted.then_some(self.known.institution),
            presentation,
            scenario: None,
            amounts: Self::stated(&key, minor, plan),
            mcc: Some(5_411),
            country: Some(156),
            terminal: Chars::padded(b"T0000042"),
            merchant_id: Chars::padded(b"M12345678901"),
            payer_token: token_of(payer_of(&key)),
            kyc_level: None,
            code: Sensitive(code),
            merchant_name: b"Lanzhou Noodles",
            quote,
            mac: b"",
        }
    }

    pub(super) fn reversal(
        header: Header,
        (target, root): (BusinessKey, Key),
        minor: i64,
        (advice, repeat): (bool, bool),
    ) -> Message<'static> {
        let reversal = Reversal {
            header,
            target,
            root,
            amount: money(minor, 156),
            reason: Some(Reason::Merchant),
            repeat,
            original: None,
            mac: b"",
        };
        if advice {
            Message::ReversalAdvice(reversal)
        } else {
            Message::ReversalRequest(reversal)
        }
    }

    /// Where the switch converts, every other payment leaves it to it: a repeat like the first.
    fn stated(key: &Key, minor: i64, plan: &Plan) -> Amounts {
        let [.., last] = *key.reference.bytes();
        let all = amounts(minor);
        if !plan.converts || last % 2 == 0 {
            return all;
        }
        Amounts {
            billing: None,
            settlement: None,
            ..all
        }
    }

    pub(super) fn inquiry(header: Header, (target, root): (BusinessKey, Key)) -> Message<'static> {
        Message::StatusInquiry(StatusInquiry {
            header,
            target,
            root,
            mac: b"",
        })
    }
}

pub(super) fn money(minor: i64, currency: u16) -> Money {
    let currency = Currency::new(currency).expect("three digits");
    Money::new(minor, currency).expect("small")
}

/// The same in three currencies, so that each is seen to arrive.
fn amounts(minor: i64) -> Amounts {
    Amounts {
        amount: money(minor, 156),
        billing: Some(money(minor * BILLING_RATE, 458)),
        settlement: Some(money(minor * SETTLEMENT_RATE, 840)),
        billing_rate: None,
        settlement_rate: None,
    }
}

/// Makes a frame unreadable: the first place where `reference` stands begins with a question mark.
pub(super) fn spoil(frame: &mut [u8], reference: &[u8]) {
    let found = frame
        .windows(reference.len())
        .position(|window| window == reference);
    if let Some(at) = found {
        frame[at] = b'?';
    }
}

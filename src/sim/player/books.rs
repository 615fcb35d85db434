//! The two books of a participant.

use crate::model::chars::Chars;
use crate::model::ids::MatchKey;
use crate::model::keys::Key;
use crate::model::message::{Amounts, PaymentResult};
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::participant::Role;
use crate::model::time::Date;

/// A final answer, as far as repeats must be equal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sim) struct Final {
    pub(in crate::sim) code: ResponseCode,
    pub(in crate::sim) outcome: Outcome,
    pub(in crate::sim) approval_code: Option<Chars<6>>,
    pub(in crate::sim) amounts: Amounts,
    pub(in crate::sim) settlement_date: Option<Date>,
    text: Vec<u8>,
}

impl Final {
    pub(in crate::sim) fn of(result: &PaymentResult<'_>, outcome: Outcome) -> Self {
        Self {
            code: result.response_code,
            outcome,
            approval_code: result.approval_code,
            amounts: result.amounts,
            settlement_date: result.settlement_date,
            text: result.text.to_vec(),
        }
    }
}

/// Whether an originator took its payment back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum TakenBack {
    No,
    /// Asked, and no answer that says how it ended.
    Asked,
    /// The switch has taken it on: it is undone, or will be.
    Accepted,
    /// The destination refused.
    Refused,
}

/// An originator's page.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Asked {
    /// Amounts in minor units: of the payment, and of what else was sent under its key.
    pub(in crate::sim) bodies: Vec<i64>,
    pub(in crate::sim) destination: usize,
    pub(in crate::sim) unroutable: bool,
    pub(in crate::sim) sent: u32,
    /// The body that the switch has accepted, as its answers say.
    pub(in crate::sim) accepted: Option<usize>,
    /// The body that the switch refused as another than the first.
    pub(in crate::sim) contradicted: Option<usize>,
    pub(in crate::sim) last: Option<Final>,
    pub(in crate::sim) told_68: bool,
    /// Times that nothing was recorded, and the sender told so.
    pub(in crate::sim) refused: u32,
    pub(in crate::sim) advised: Option<Outcome>,
    pub(in crate::sim) taken_back: TakenBack,
    pub(in crate::sim) reversal_advised: bool,
    /// Of the last reversal that was asked for: a refusal of an earlier one says nothing.
    pub(in crate::sim) reversal_key: MatchKey,
    /// The reversal was acknowledged before the payment was first sent.
    pub(in crate::sim) barred: bool,
}

impl Asked {
    /// Nothing was sent yet.
    pub(in crate::sim) fn new(minor: i64, destination: usize, unroutable: bool) -> Self {
        Self {
            bodies: vec![minor],
            destination,
            unroutable,
            sent: 0,
            accepted: None,
            contradicted: None,
            last: None,
            told_68: false,
            refused: 0,
            advised: None,
            taken_back: TakenBack::No,
            reversal_advised: false,
            reversal_key: MatchKey(0),
            barred: false,
        }
    }

    /// Whether this is the amount of the body that was accepted, as far as that is known.
    pub(in crate::sim) fn is_of(&self, minor: i64) -> bool {
        match self.accepted {
            Some(body) => self.bodies[body] == minor,
            None => self.bodies.contains(&minor),
        }
    }

    /// The body to ask with: the one that the switch knows, as far as it was told.
    pub(in crate::sim) fn body(&self) -> usize {
        self.accepted
            .unwrap_or_else(|| usize::from(self.contradicted == Some(0)))
    }

    /// Whether its outcome is known.
    pub(in crate::sim) fn is_answered(&self) -> bool {
        self.last.is_some() || self.advised.is_some()
    }

    /// Whether nothing more is to be expected.
    pub(in crate::sim) fn is_settled(&self) -> bool {
        self.is_answered() && self.taken_back != TakenBack::Asked
    }
}

/// What a request of ours is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Subject {
    /// A payment, with this body.
    Payment(usize),
    /// A reversal of ours; an advice, or with another amount.
    Reversal {
        advice: bool,
        wrong_amount: bool,
    },
    /// As a destination: a reversal advice.
    TakeBack,
    Inquiry,
    /// About a payment of somebody else.
    Meddling,
    /// It could not be read.
    Unreadable,
}

/// A request of ours.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Question {
    pub(in crate::sim) key: Key,
    pub(in crate::sim) subject: Subject,
    pub(in crate::sim) sent: u32,
    pub(in crate::sim) answered: u32,
}

/// How a payment stands in its destination's accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Balance {
    /// The amount is taken (wallet) or credited (acquirer).
    Debited,
    Declined,
    /// Debited, and given back.
    Released,
    /// The reversal came first.
    Barred,
}

/// A destination's page.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Seen {
    pub(in crate::sim) minor: i64,
    pub(in crate::sim) requests: u32,
    pub(in crate::sim) match_key: MatchKey,
    pub(in crate::sim) balance: Balance,
    pub(in crate::sim) reversals: u32,
    /// Taken back by the destination itself; whether the switch has acknowledged it.
    pub(in crate::sim) taken_back: Option<bool>,
}

/// Who may pay whom: an acquirer a wallet's code, a wallet an acquirer.
pub(in crate::sim) fn opposite(role: Role) -> Role {
    match role {
        Role::Acquirer => Role::Wallet,
        Role::Wallet | Role::Infrastructure => Role::Acquirer,
    }
}

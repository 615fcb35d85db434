//! The two books of a participant.

use crate::model::chars::Chars;
use crate::model::ids::MatchKey;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, PaymentResult, RefundResult};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::participant::Role;
use crate::model::time::Date;

/// The answer to a payment or a refund.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Told<'m> {
    pub(super) match_key: MatchKey,
    pub(super) key: Key,
    pub(super) code: ResponseCode,
    pub(super) outcome: Option<Outcome>,
    pub(super) approval_code: Option<Chars<6>>,
    pub(super) amounts: Amounts,
    pub(super) settlement_date: Option<Date>,
    /// Of the payment behind a refund: what had been given back by then.
    pub(super) refunded: Option<Money>,
    text: &'m [u8],
}

impl<'m> From<&PaymentResult<'m>> for Told<'m> {
    fn from(result: &PaymentResult<'m>) -> Self {
        Self {
            match_key: result.header.match_key,
            key: result.key,
            code: result.response_code,
            outcome: result.outcome,
            approval_code: result.approval_code,
            amounts: result.amounts,
            settlement_date: result.settlement_date,
            refunded: None,
            text: result.text,
        }
    }
}

impl<'m> From<&RefundResult<'m>> for Told<'m> {
    fn from(result: &RefundResult<'m>) -> Self {
        Self {
            match_key: result.header.match_key,
            key: result.key,
            code: result.response_code,
            outcome: result.outcome,
            approval_code: None,
            amounts: result.amounts,
            settlement_date: result.settlement_date,
            refunded: result.refunded_so_far,
            text: result.text,
        }
    }
}

/// A final answer, as far as repeats must be equal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sim) struct Final {
    pub(in crate::sim) code: ResponseCode,
    pub(in crate::sim) outcome: Outcome,
    pub(in crate::sim) approval_code: Option<Chars<6>>,
    pub(in crate::sim) amounts: Amounts,
    pub(in crate::sim) settlement_date: Option<Date>,
    refunded: Option<Money>,
    text: Vec<u8>,
}

impl Final {
    pub(super) fn of(told: &Told<'_>, outcome: Outcome) -> Self {
        Self {
            code: told.code,
            outcome,
            approval_code: told.approval_code,
            amounts: told.amounts,
            settlement_date: told.settlement_date,
            refunded: told.refunded,
            text: told.text.to_vec(),
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

/// An originator's page: a payment, or a refund.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Asked {
    /// Of a refund: the payment of each body.
    pub(in crate::sim) roots: Vec<Key>,
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
            roots: Vec::new(),
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

    /// What a reversal or an inquiry names: its key with its class, and the payment behind it.
    pub(in crate::sim) fn target(&self, key: Key) -> (BusinessKey, Key) {
        target(key, self.root(self.body()))
    }

    /// Of a refund: the payment from which a body gives back, the same unless it says otherwise.
    pub(in crate::sim) fn root(&self, body: usize) -> Option<Key> {
        self.roots.get(body).or(self.roots.last()).copied()
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

/// A key with its class, and the payment behind it.
pub(in crate::sim) fn target(key: Key, root: Option<Key>) -> (BusinessKey, Key) {
    let class = if root.is_some() {
        Class::Refund
    } else {
        Class::Payment
    };
    (BusinessKey { key, class }, root.unwrap_or(key))
}

/// What a request of ours is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Subject {
    /// A payment or a refund, with this body.
    Request(usize),
    /// A reversal of ours; an advice, or with another amount.
    Reversal {
        advice: bool,
        wrong_amount: bool,
    },
    /// As a destination: a reversal advice.
    TakeBack,
    /// As a destination: a payment advice.
    Advice,
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

/// How far a destination has come in telling what it had answered with 09.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Advising {
    /// It owes nothing.
    No,
    /// It is to tell the outcome, again and again.
    Due,
    /// The switch has acknowledged it.
    Done,
}

/// A destination's page: a payment, or a refund.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Seen {
    /// Of a refund: its payment.
    pub(in crate::sim) root: Option<Key>,
    pub(in crate::sim) amounts: Amounts,
    pub(in crate::sim) advising: Advising,
    /// It has said something of it that is not so: what others make of it is not their fault.
    pub(in crate::sim) lied: bool,
    pub(in crate::sim) requests: u32,
    pub(in crate::sim) match_key: MatchKey,
    pub(in crate::sim) balance: Balance,
    pub(in crate::sim) reversals: u32,
    /// Taken back by the destination itself; whether the switch has acknowledged it.
    pub(in crate::sim) taken_back: Option<bool>,
}

impl Seen {
    /// Nothing was asked for yet: what was reversed first.
    pub(super) const fn barred(root: Option<Key>, amounts: Amounts) -> Self {
        Self {
            root,
            amounts,
            advising: Advising::No,
            lied: false,
            requests: 0,
            match_key: MatchKey(0),
            balance: Balance::Barred,
            reversals: 0,
            taken_back: None,
        }
    }

    /// How it ended, as its destination sees it.
    pub(super) const fn outcome(&self) -> Outcome {
        match self.balance {
            Balance::Debited => Outcome::Approved,
            Balance::Declined | Balance::Barred => Outcome::Declined,
            Balance::Released => Outcome::Reversed,
        }
    }

    /// Whether the switch has yet to be told something.
    pub(in crate::sim) fn owes(&self) -> bool {
        self.taken_back == Some(false) || self.advising == Advising::Due
    }
}

/// Who may pay whom: an acquirer a wallet's code, a wallet an acquirer.
pub(in crate::sim) fn opposite(role: Role) -> Role {
    match role {
        Role::Acquirer => Role::Wallet,
        Role::Wallet | Role::Infrastructure => Role::Acquirer,
    }
}

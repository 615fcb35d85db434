//! One page for each transaction: what the records have said of it so far.

use crate::journal::audit::Open;
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{Institution, Lsn};
use crate::model::keys::BusinessKey;
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Ruling};
use crate::model::time::Wall;

/// Nanoseconds in a millisecond.
const MS: u64 = 1_000_000;

/// A page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) key: BusinessKey,
    /// Where its claim ends.
    pub(super) lsn: Lsn,
    pub(super) received: Wall,
    /// The opening under which it was claimed.
    pub(super) epoch: u32,
    /// The participant that sent it, by its own institution.
    pub(super) originator: Option<Institution>,
    pub(super) fingerprint: Fingerprint,
    pub(super) amount: Money,
    /// The same in the wallet's currency and in that of settlement, where they are stated.
    pub(super) billing: Option<Money>,
    pub(super) settlement: Option<Money>,
    /// Who holds the payer and who the merchant, as far as that is known.
    pub(super) sides: (Option<Institution>, Option<Institution>),
    /// Where it was forwarded to, and until when it is to be answered.
    pub(super) forwarded: Option<(Institution, Wall)>,
    pub(super) by_reversal: bool,
    /// The payment behind a refund.
    pub(super) root: Option<BusinessKey>,
    pub(super) outcome: Option<Outcome>,
    /// 68 or 09 was said, and nothing else since.
    pub(super) unresolved: bool,
    pub(super) reversal_open: bool,
    /// A reversal of ours or of a participant is on record.
    pub(super) reversing: bool,
    pub(super) reversed: bool,
    pub(super) advice_open: bool,
    pub(super) queued: bool,
    /// What an operator has decided, until it is so.
    pub(super) ruled: Option<Ruling>,
    /// Approved refunds of this payment, in the minor units of its amount, of its billing amount
    /// and of its settlement amount.
    pub(super) refunded_minor: i64,
    pub(super) refunded_billing_minor: i64,
    pub(super) refunded_settlement_minor: i64,
}

impl Page {
    /// Whether a forwarded transaction has neither an answer nor a record of having none.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.forwarded.is_some() && self.outcome.is_none() && !self.unresolved && !self.reversed
    }

    /// Whether it should have been answered by now, under the same opening. What was open at a
    /// restart is resolved by the next opening, which may not have come to it yet.
    pub(super) fn waits_since(&self, epoch: u32, now: Wall, late_ms: u64) -> bool {
        let due = self.forwarded.map(|(_, deadline)| deadline.0);
        let past = due.is_some_and(|due| now.0 > due.saturating_add(late_ms * MS));
        self.epoch == epoch && self.is_unanswered() && !self.reversing && past
    }

    /// Whether `at` is later than an answer may be.
    pub(super) fn is_late(&self, epoch: u32, at: Wall, late_ms: u64) -> bool {
        let due = self.forwarded.map(|(_, deadline)| deadline.0);
        self.epoch == epoch && due.is_some_and(|due| at.0 > due.saturating_add(late_ms * MS))
    }

    pub(super) fn count_open(&self, open: &mut Open) {
        let unanswered = self.is_unanswered();
        let unresolved = self.unresolved && self.outcome.is_none() && !self.reversed;
        open.unanswered += u64::from(unanswered);
        open.unresolved += u64::from(unresolved);
        open.reversals += u64::from(self.reversal_open);
        open.advices += u64::from(self.advice_open);
        open.queued += u64::from(self.queued);
        if unanswered || unresolved || self.reversal_open || self.advice_open || self.queued {
            let oldest = open.oldest.get_or_insert(self.received);
            *oldest = (*oldest).min(self.received);
        }
    }
}

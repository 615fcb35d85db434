//! How a record changes what is remembered: the same live and in replay.
//!
//! Nothing here decides, sends or opens an exchange.

use crate::engine::Engine;
use crate::engine::kept_amounts::KeptAmounts;
use crate::engine::operator_queue::NOT_QUEUED;
use crate::engine::transactions::{AdviceState, FinalAnswer, Transaction};
use crate::engine::transitions::Phase;
use crate::model::ids::{MatchKey, ParticipantIndex};
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::Amounts;
use crate::model::outcome::{Outcome, ResponseCode, Ruling};
use crate::model::record::{
    Actor, Answer, Decision, Finding, Payment, Queued, Record, Refund, Reversal, ReversalAnswer,
};
use crate::model::ruling::Ruled;
use crate::model::time::Wall;
use crate::route::Tables;

/// A record that contradicts what is remembered: the journal is not what we wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplayError {
    /// The record's kind.
    pub record: &'static str,
    /// The transaction that it names.
    pub number: u64,
}

impl core::fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            formatter,
            "a record \"{}\" names transaction {}, which does not fit",
            self.record, self.number
        )
    }
}

impl core::error::Error for ReplayError {}

/// A match key that an earlier run drew for a participant.
pub type Drawn = (ParticipantIndex, MatchKey);

impl Engine {
    /// Applies one record of an earlier run. Returns the match key that it drew, if it did.
    pub fn replay(
        &mut self,
        record: &Record,
        wall: Wall,
        tables: &Tables,
    ) -> Result<Option<Drawn>, ReplayError> {
        let number = record.number();
        let error = ReplayError {
            record: record.name(),
            number: number.0,
        };
        if matches!(record, Record::Opened(_) | Record::Total(_)) {
            return Ok(None);
        }
        let claims = record.claim().is_some();
        if number.0 == 0 {
            return Err(error);
        }
        if let Some(drawn) = self.replay_forgotten(record, claims, tables) {
            return Ok(drawn);
        }
        let known = self.transactions.by_number(number);
        if claims == known.is_some() {
            return Err(error);
        }
        let slot = self.apply(record, wall, tables).or(known).ok_or(error)?;
        self.note_unreleased(number);
        let transaction = self.transactions.get(slot);
        if transaction.is_over() {
            self.replayed_open.remove(&number);
        } else {
            self.replayed_open.insert(number);
        }
        let drawn = |participant: Option<_>, key: Option<MatchKey>| participant.zip(key);
        Ok(match record {
            Record::Payment(Payment { decision, .. }) | Record::Refund(Refund { decision, .. }) => {
                match *decision {
                    Decision::Forward { match_key, .. } => {
                        drawn(transaction.destination, Some(match_key))
                    }
                    Decision::Decline { .. } => None,
                }
            }
            Record::Inquiry(inquiry) => drawn(transaction.destination, Some(inquiry.match_key)),
            Record::Reversal(reversal) => drawn(transaction.destination, reversal.match_key),
            Record::ReversalEscalation(record) => {
                drawn(transaction.destination, Some(record.match_key))
            }
            Record::Advice(advice) => drawn(transaction.originator, Some(advice.match_key)),
            Record::Opened(_)
            | Record::Recalled(_)
            | Record::Held(_)
            | Record::Released(_)
            | Record::Total(_)
            | Record::Answer(_)
            | Record::Unknown(_)
            | Record::ReversalAnswer(_)
            | Record::AdviceAnswer(_)
            | Record::LateAnswer(_)
            | Record::InDoubt(_)
            | Record::InquiryEnd(_)
            | Record::Finding(_)
            | Record::Pending(_)
            | Record::Queued(_)
            | Record::Ruled(_) => None,
        })
    }

    /// Applies any record; the slot is told where the record claims one.
    pub(super) fn apply(&mut self, record: &Record, wall: Wall, tables: &Tables) -> Option<u32> {
        let slot = self.transactions.by_number(record.number());
        if let Some(slot) = slot {
            self.transactions.touch(slot);
        }
        if let (true, Some(slot)) = (record.ends_queue(), slot) {
            self.leave_queue(slot);
        }
        match record {
            Record::Opened(_) | Record::LateAnswer(_) | Record::Total(_) => None,
            Record::Held(hold) => self.holds.put(slot?, Some(hold)),
            Record::Released(_) => self.holds.put(slot?, None),
            Record::Payment(payment) => Some(self.apply_payment(payment, tables, wall)),
            Record::Answer(answer) => self.apply_answer(slot?, answer),
            Record::Unknown(_) => {
                let transaction = self.transactions.at(slot?);
                transaction.told_unknown = true;
                if transaction.phase == Phase::Forwarded {
                    transaction.phase = Phase::Unknown;
                }
                None
            }
            Record::Reversal(reversal) => self.apply_reversal(slot, reversal, tables, wall),
            Record::ReversalAnswer(answer) => self.apply_reversal_answer(slot?, answer),
            Record::ReversalEscalation(escalation) => {
                let transaction = self.transactions.at(slot?);
                transaction.set_reversal_key(Some(escalation.match_key));
                transaction.reversal_is_advice = true;
                // Whoever asked for it hears 09, and by an advice how it ended.
                transaction.told_reversing = true;
                forget_advice(transaction);
                None
            }
            Record::Advice(advice) => {
                let transaction = self.transactions.at(slot?);
                transaction.advice = AdviceState::Owed;
                transaction.set_advice_key(Some(advice.match_key));
                None
            }
            Record::AdviceAnswer(_) => {
                self.transactions.at(slot?).advice = AdviceState::Acknowledged;
                None
            }
            Record::InDoubt(doubt) => {
                let transaction = self.transactions.at(slot?);
                transaction.told_unknown = true;
                transaction.phase = Phase::Inquiring;
                transaction.resolution = doubt.resolution;
                None
            }
            Record::Inquiry(inquiry) => {
                self.transactions.at(slot?).inquiry_key = inquiry.match_key;
                None
            }
            Record::InquiryEnd(_) => {
                self.transactions.at(slot?).phase = Phase::Unknown;
                None
            }
            Record::Finding(finding) => self.apply_finding(slot?, finding),
            Record::Pending(pending) => {
                let transaction = self.transactions.at(slot?);
                transaction.told_unknown = true;
                transaction.phase = Phase::Pending;
                let seconds = pending.until.0 / 1_000_000_000;
                transaction.pending_until_s = u32::try_from(seconds).unwrap_or(u32::MAX);
                None
            }
            Record::Queued(queued) => self.apply_queued(slot?, queued, tables, wall),
            Record::Ruled(ruled) => self.apply_ruled(slot?, ruled),
            Record::Refund(refund) => Some(self.apply_refund(refund, tables, wall)),
            Record::Recalled(recalled) => Some(self.apply_recalled(recalled, tables)),
        }
    }

    fn apply_finding(&mut self, slot: u32, finding: &Finding) -> Option<u32> {
        let answer = Answer {
            number: finding.number,
            by: Actor::Destination,
            response_code: finding.response_code,
            outcome: finding.outcome,
            approval_code: finding.approval_code,
            amounts: finding.amounts,
            text: finding.text,
        };
        self.apply_answer(slot, &answer)
    }

    fn apply_queued(
        &mut self,
        slot: u32,
        queued: &Queued,
        tables: &Tables,
        wall: Wall,
    ) -> Option<u32> {
        let transaction = self.transactions.get(slot);
        let with = tables.speaks_for(queued.with);
        // A participant that has left the tables is nobody's: its parties stand in for it.
        let with = with
            .or(transaction.destination)
            .or(transaction.originator)?;
        if transaction.queued == NOT_QUEUED {
            let place = self.queue.enter(slot, (with, queued.reason), wall);
            self.transactions.at(slot).queued = place.unwrap_or(NOT_QUEUED);
        }
        None
    }

    /// An outcome is in the record behind it.
    fn apply_ruled(&mut self, slot: u32, ruled: &Ruled) -> Option<u32> {
        if ruled.ruling == Ruling::Told {
            self.transactions.at(slot).advice = AdviceState::Acknowledged;
        }
        None
    }

    /// Whatever it waited for in the operator queue has come.
    pub(super) fn leave_queue(&mut self, slot: u32) {
        let place = core::mem::replace(&mut self.transactions.at(slot).queued, NOT_QUEUED);
        if place != NOT_QUEUED {
            self.queue.leave(place);
        }
    }

    pub(super) fn apply_payment(&mut self, payment: &Payment, tables: &Tables, wall: Wall) -> u32 {
        let slot = self.transactions.insert(claimed(payment, tables, wall));
        self.transactions.at(slot).root = slot;
        slot
    }

    fn apply_answer(&mut self, slot: u32, answer: &Answer) -> Option<u32> {
        answered(self.transactions.at(slot), answer);
        self.total_refunds(slot);
        None
    }

    /// A reversal of the originator is under way until it is answered; one of the destination is
    /// done; one of ours changes nothing by itself.
    fn apply_reversal(
        &mut self,
        slot: Option<u32>,
        reversal: &Reversal,
        tables: &Tables,
        wall: Wall,
    ) -> Option<u32> {
        if reversal.claims {
            return Some(self.claim_reversed(reversal, tables, wall));
        }
        let transaction = self.transactions.at(slot?);
        transaction.reversal_by = reversal.by;
        transaction.reversal_is_advice = reversal.advice;
        transaction.reversal_reason = reversal.reason;
        transaction.set_reversal_key(reversal.match_key);
        match reversal.by {
            Actor::Originator => {
                transaction.phase = Phase::Reversing;
                if transaction.advice == AdviceState::Owed {
                    forget_advice(transaction);
                }
            }
            Actor::Destination => {
                forget_advice(transaction);
                close_as_reversed(transaction);
            }
            Actor::Switch => {}
        }
        None
    }

    fn apply_reversal_answer(&mut self, slot: u32, answer: &ReversalAnswer) -> Option<u32> {
        let transaction = self.transactions.at(slot);
        if answer.reversed {
            close_as_reversed(transaction);
        } else {
            transaction.set_reversal_key(None);
            transaction.phase = match transaction.answer {
                Some(_) => Phase::Approved,
                None => Phase::Unknown,
            };
        }
        None
    }

    /// The target is not known: its key is claimed, so that the payment, should it come, is
    /// declined.
    fn claim_reversed(&mut self, reversal: &Reversal, tables: &Tables, wall: Wall) -> u32 {
        let amounts = Amounts {
            amount: reversal.amount,
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        };
        let (number, target) = (reversal.number, reversal.target);
        self.transactions.insert(Transaction {
            phase: Phase::Reversed,
            claimed_by_reversal: true,
            answer: Some(FinalAnswer {
                response_code: ResponseCode::INVALID_TRANSACTION,
                outcome: Outcome::Declined,
            }),
            originator: reversal
                .participant
                .and_then(|institution| tables.speaks_for(institution)),
            reversal_by: reversal.by,
            reversal_is_advice: reversal.advice,
            reversal_reason: reversal.reason,
            ..Transaction::claimed(number, target, wall, amounts, wall.date())
        })
    }
}

/// A payment as it is when its key is claimed; its root, which is its own place, is not in it.
#[inline(always)]
pub(super) fn claimed(payment: &Payment, tables: &Tables, wall: Wall) -> Transaction {
    let (phase, destination, match_key, answer) = begun(&payment.decision, tables);
    let target = BusinessKey {
        key: payment.key,
        class: Class::Payment,
    };
    let (number, amounts) = (payment.number, payment.amounts);
    Transaction {
        fingerprint: payment.fingerprint,
        phase,
        answer,
        originator: tables.speaks_for(payment.originator),
        destination,
        echoed: payment.echoed,
        match_key,
        ..Transaction::claimed(number, target, wall, amounts, payment.settlement_date)
    }
}

/// Where a decision puts a transaction: its phase, its destination and our match key there, and the
/// answer where it is final at once.
#[inline(always)]
pub(super) fn begun(
    decision: &Decision,
    tables: &Tables,
) -> (
    Phase,
    Option<ParticipantIndex>,
    MatchKey,
    Option<FinalAnswer>,
) {
    match *decision {
        Decision::Forward {
            destination,
            match_key,
            ..
        } => (
            Phase::Forwarded,
            tables.speaks_for(destination),
            match_key,
            None,
        ),
        Decision::Decline { response_code, .. } => {
            let answer = FinalAnswer {
                response_code,
                outcome: Outcome::Declined,
            };
            (Phase::Declined, None, MatchKey(0), Some(answer))
        }
    }
}

/// It has its final answer.
#[inline]
pub(super) fn answered(transaction: &mut Transaction, answer: &Answer) {
    transaction.phase = match answer.outcome {
        Outcome::Approved => Phase::Approved,
        Outcome::Declined => Phase::Declined,
        Outcome::Reversed => Phase::Reversed,
    };
    transaction.answer = Some(FinalAnswer {
        response_code: answer.response_code,
        outcome: answer.outcome,
    });
    transaction.approval_code = answer.approval_code;
    transaction.amounts = KeptAmounts::of(&answer.amounts);
    transaction.text = answer.text;
}

/// What it was told, or was about to be told, is no longer so: it is told anew, under a new key.
fn forget_advice(transaction: &mut Transaction) {
    transaction.advice = AdviceState::None;
    transaction.set_advice_key(None);
}

/// Undone. What the originator was told last stays its final answer; if it was told nothing final,
/// the final answer is 68 with the outcome "reversed".
fn close_as_reversed(transaction: &mut Transaction) {
    transaction.phase = Phase::Reversed;
    if transaction.answer.is_none() {
        transaction.answer = Some(FinalAnswer {
            response_code: ResponseCode::NO_ANSWER,
            outcome: Outcome::Reversed,
        });
    }
}

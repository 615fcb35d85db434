//! RULINGS: what an operator decides about a transaction that waits for one.
//!
//! A ruling is an event of the transition table like any other. It is written down with the number
//! of the operator's action, and what follows is what the same outcome, learnt by an inquiry or an
//! acknowledgement, would bring: advice, release of what it counts for, refunds. What is final
//! stays final; what is to be undone is never approved by a word.

use crate::engine::answers::approval_code;
use crate::engine::effects::Effects;
use crate::engine::operator_queue::{Entry, NOT_QUEUED};
use crate::engine::resolve::Case;
use crate::engine::transactions::{NO_EXCHANGE, Transaction};
use crate::engine::transitions::{Act, Event, Phase, step};
use crate::engine::{Context, Engine, Legs};
use crate::model::ids::{ParticipantIndex, TransactionNumber};
use crate::model::keys::BusinessKey;
use crate::model::money::Money;
use crate::model::outcome::{Outcome, QueueReason, ResponseCode, Ruling, Source};
use crate::model::record::{Actor, Answer, Record, ShortText};
use crate::model::ruling::Ruled;
use crate::model::time::Wall;

/// Why a ruling was not taken. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotRuled {
    /// It does not wait for an operator, or not any more.
    NotQueued,
    /// It waits, but not for this: see [`Waits::may`].
    NotForThis,
    /// It is being tried just now, or there is no room to try it.
    Busy,
}

/// One transaction that waits for an operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    /// Its number.
    pub number: TransactionNumber,
    /// Its key.
    pub target: BusinessKey,
    /// What it is about.
    pub amount: Money,
    /// Where it is.
    pub phase: Phase,
    /// Why it waits.
    pub reason: QueueReason,
    /// For whom.
    pub with: ParticipantIndex,
    /// Since when.
    pub since: Wall,
    /// What may be decided about it, by [`Ruling`] as they stand in its `ALL`.
    pub may: [bool; Ruling::ALL.len()],
}

impl Engine {
    /// The first `most` of those who wait for an operator, oldest first.
    pub fn waiting<L: Legs>(
        &self,
        most: usize,
        context: &Context<'_, L>,
        mut show: impl FnMut(Waits),
    ) {
        for entry in self.queue.iter().take(most) {
            let transaction = self.transactions.get(entry.slot);
            let mut may = [false; Ruling::ALL.len()];
            for (may, ruling) in may.iter_mut().zip(Ruling::ALL) {
                *may = self.judge(entry, *ruling, context).is_ok();
            }
            show(Waits {
                number: transaction.number,
                target: transaction.target,
                amount: transaction.amounts.amount(),
                phase: transaction.phase,
                reason: entry.reason,
                with: entry.with,
                since: entry.since,
                may,
            });
        }
    }

    /// An operator decides.
    ///
    /// # Errors
    /// It does not wait any more, or not for this, or is being tried just now.
    pub fn handle_ruling<L: Legs>(
        &mut self,
        ruled: &Ruled,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> Result<(), NotRuled> {
        let judged = self.ruled_event(ruled, context);
        match judged {
            Ok(_) => self.tally.operator_rulings += 1,
            Err(_) => self.tally.operator_rulings_refused += 1,
        }
        let (slot, event) = judged?;
        let answer = outcome(ruled.ruling).map(|it| found_out(self.transactions.get(slot), it));
        let case = Case {
            answer,
            source: Source::Operator,
            response_code: ResponseCode::APPROVED,
            ruling: Some((ruled.ruling, ruled.action)),
            ..Case::of(event)
        };
        // The answer of what is being reversed is what it was told before.
        let reversing = self.transactions.get(slot).phase == Phase::Reversing;
        let answer = case.answer.filter(|_| !reversing);
        self.advance(slot, &Case { answer, ..case }, context, effects);
        Ok(())
    }

    fn ruled_event<L: Legs>(
        &self,
        ruled: &Ruled,
        context: &Context<'_, L>,
    ) -> Result<(u32, Event), NotRuled> {
        // No transaction has the number zero, and none is looked for under it.
        if ruled.number == TransactionNumber(0) {
            return Err(NotRuled::NotQueued);
        }
        let slot = self.transactions.by_number(ruled.number);
        let slot = slot.ok_or(NotRuled::NotQueued)?;
        let place = self.transactions.get(slot).queued;
        if place == NOT_QUEUED {
            return Err(NotRuled::NotQueued);
        }
        let event = self.judge(self.queue.get(place), ruled.ruling, context)?;
        Ok((slot, event))
    }

    /// The event that a ruling is, where the table has a row for it and there is something to it.
    fn judge<L: Legs>(
        &self,
        entry: &Entry,
        ruling: Ruling,
        context: &Context<'_, L>,
    ) -> Result<Event, NotRuled> {
        let transaction = self.transactions.get(entry.slot);
        let event = event(ruling);
        let step = step(transaction.resolution, transaction.phase, event);
        if step.acts == [Act::Impossible] {
            return Err(NotRuled::NotForThis);
        }
        let contradiction = entry.reason == QueueReason::ContradictoryAnswers;
        let settled = transaction.phase.is_settled();
        let makes_sense = match ruling {
            Ruling::Approved | Ruling::Declined | Ruling::Reversed => true,
            Ruling::SendAgain if settled => transaction.needs_advice(),
            Ruling::SendAgain => {
                transaction.phase != Phase::Unknown || !self.is_too_late(entry.slot, context)
            }
            Ruling::Told => !contradiction && transaction.needs_advice(),
            Ruling::Noted => contradiction,
        };
        if !makes_sense {
            return Err(NotRuled::NotForThis);
        }
        let open = if settled {
            transaction.payment_advice
        } else {
            transaction.reversal
        };
        let tried = open != NO_EXCHANGE || self.exchanges.free() == 0;
        if ruling == Ruling::SendAgain && tried {
            return Err(NotRuled::Busy);
        }
        Ok(event)
    }

    /// Writes down what was decided.
    pub(super) fn rule<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let (ruling, action) = case.ruling.expect("an operator has decided");
        let record = Ruled {
            number: self.transactions.get(slot).number,
            ruling,
            action,
        };
        self.append(Record::Ruled(record), context, effects);
    }
}

const fn event(ruling: Ruling) -> Event {
    match ruling {
        Ruling::Approved => Event::OperatorApproves,
        Ruling::Declined => Event::OperatorDeclines,
        Ruling::Reversed => Event::OperatorReverses,
        Ruling::SendAgain => Event::OperatorSendsAgain,
        Ruling::Told => Event::OperatorTells,
        Ruling::Noted => Event::OperatorNotes,
    }
}

const fn outcome(ruling: Ruling) -> Option<Outcome> {
    match ruling {
        Ruling::Approved => Some(Outcome::Approved),
        Ruling::Declined => Some(Outcome::Declined),
        Ruling::Reversed => Some(Outcome::Reversed),
        Ruling::SendAgain | Ruling::Told | Ruling::Noted => None,
    }
}

/// What a person found out, as an inquiry would have told it: the codes are the same.
fn found_out(transaction: &Transaction, outcome: Outcome) -> Answer {
    Answer {
        number: transaction.number,
        by: Actor::Destination,
        response_code: match outcome {
            Outcome::Approved => ResponseCode::APPROVED,
            Outcome::Declined | Outcome::Reversed => ResponseCode::NO_ANSWER,
        },
        outcome,
        approval_code: approval_code(outcome, None, transaction),
        amounts: transaction.amounts.all(),
        text: ShortText::EMPTY,
    }
}

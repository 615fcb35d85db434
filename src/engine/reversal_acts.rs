//! The acts of the transition table that carry a reversal: recorded, passed on, answered, ended.

use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::Talk;
use crate::engine::replies::{self, Verdict};
use crate::engine::resolve::{Asked, Case};
use crate::engine::transactions::NO_EXCHANGE;
use crate::engine::transitions::{Event, Phase};
use crate::engine::{Context, Engine, Legs};
use crate::model::ids::{MatchKey, ParticipantIndex};
use crate::model::outcome::{Outcome, Reason, ResponseCode};
use crate::model::record::{
    Actor, Record, Reversal, ReversalAnswer, ReversalEscalation, ShortText,
};

impl Engine {
    /// A reversal advice of our own, new or, after a restart, the one that was on its way.
    pub(super) fn reverse<L: Legs>(
        &mut self,
        slot: u32,
        reason: Reason,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let Some(destination) = transaction.destination else {
            return;
        };
        if self.is_too_late(slot, context) {
            let case = Case::of(Event::ReversalExhausted);
            return self.hand_to_operator(slot, &case, context, effects);
        }
        if self.exchanges.free() == 0 {
            return self.postponed.push_back(slot);
        }
        if let Some(key) = transaction.reversal_key() {
            return self.open_reversal(slot, destination, key, true, context, effects);
        }
        let Some(key) = context.legs.draw(destination, context.now.wall) else {
            return self.postponed.push_back(slot);
        };
        let record = Reversal {
            number: transaction.number,
            target: transaction.target,
            root: self.root_key(transaction),
            claims: false,
            by: Actor::Switch,
            participant: None,
            advice: true,
            reason: Some(reason),
            amount: transaction.amounts.amount(),
            match_key: Some(key),
        };
        self.append(Record::Reversal(record), context, effects);
        self.open_reversal(slot, destination, key, false, context, effects);
    }

    /// Opens the exchange of a recorded reversal, and sends it. Where it was on its way before a
    /// restart, nobody knows whether it arrived: `again` marks it as a repeat.
    pub(super) fn open_reversal<L: Legs>(
        &mut self,
        slot: u32,
        destination: ParticipantIndex,
        key: MatchKey,
        again: bool,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.at(slot);
        let talk = if transaction.reversal_is_advice {
            Talk::ReversalAdvice
        } else {
            Talk::Reversal
        };
        let index = self.exchanges.open(talk, slot, destination, key);
        self.exchanges.at(index).sent = again;
        transaction.reversal = index;
        let (by, asker) = (transaction.reversal_by, transaction.originator);
        if let (Talk::Reversal, Some(asker)) = (talk, asker) {
            let timeout_ms = context.tables.participant(asker).answer_timeout_ms;
            self.exchanges
                .timers
                .set(index, timeout_ms, context.now.monotonic);
            return self.send_exchange(index, context, effects);
        }
        let profile = &context.tables.participant(destination).resolver;
        // What somebody asked for goes at once, and so does what is on its way already.
        let wait_ms = if by == Actor::Switch && !again {
            profile.reversal_after_ms
        } else {
            0
        };
        self.launch(index, u64::from(wait_ms), context, effects);
    }

    pub(super) fn pass_reversal_on<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let asked = case.asked.expect("somebody asked");
        let transaction = self.transactions.get(slot);
        let drawn = transaction.destination.and_then(|destination| {
            // Room that open payments may need is theirs.
            let open = usize::try_from(self.open_forwards).expect("usize holds a u32");
            let room = self.exchanges.free() > 2 * open;
            let key = if room {
                context.legs.draw(destination, context.now.wall)
            } else {
                None
            };
            key.map(|key| (destination, key))
        });
        let Some((destination, key)) = drawn else {
            self.tally.shed += 1;
            let shed = Verdict {
                response_code: ResponseCode::SHED,
                outcome: None,
            };
            self.reply_reversal(&asked, shed, Gate::Free, context, effects);
            return false;
        };
        self.close_advice(slot);
        self.close_reversal(slot);
        self.stop_waiting_for_advice(slot);
        let record = self.reversal_record(slot, &asked, Actor::Originator, Some(key), context);
        self.append(Record::Reversal(record), context, effects);
        self.open_reversal(slot, destination, key, false, context, effects);
        if asked.advice {
            let taken = Verdict {
                response_code: ResponseCode::APPROVED,
                outcome: None,
            };
            self.reply_reversal(&asked, taken, Gate::Committed, context, effects);
        } else {
            let waiter = replies::waiter(asked.sender, &asked.reversal.header);
            let index = self.transactions.get(slot).reversal;
            self.exchanges.at(index).waiters.push(waiter);
        }
        true
    }

    /// A pending transaction that is being reversed has no deadline of its own any more.
    fn stop_waiting_for_advice(&mut self, slot: u32) {
        let transaction = self.transactions.get(slot);
        if transaction.phase == Phase::Pending && transaction.forward != NO_EXCHANGE {
            self.alarms.cancel(transaction.forward);
        }
    }

    pub(super) fn reversal_record<L: Legs>(
        &self,
        slot: u32,
        asked: &Asked<'_>,
        by: Actor,
        match_key: Option<MatchKey>,
        context: &Context<'_, L>,
    ) -> Reversal {
        let transaction = self.transactions.get(slot);
        Reversal {
            number: transaction.number,
            target: transaction.target,
            root: asked.reversal.root,
            claims: false,
            by,
            participant: Some(
                context
                    .tables
                    .participant(asked.sender.participant)
                    .institution,
            ),
            advice: asked.advice,
            reason: asked.reversal.reason,
            amount: transaction.amounts.amount(),
            match_key,
        }
    }

    pub(super) fn reply_reversal<L: Legs>(
        &self,
        asked: &Asked<'_>,
        verdict: Verdict,
        gate: Gate,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let wall = context.now.wall;
        let message = replies::reversal_result(asked.reversal, asked.advice, verdict, wall);
        let waiter = replies::waiter(asked.sender, &asked.reversal.header);
        replies::answer(effects, &waiter, gate, message, ShortText::EMPTY);
    }

    /// The destination took it back by itself: whatever we had on the way to it is moot.
    pub(super) fn record_reversal<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let asked = case.asked.expect("somebody asked");
        let record = self.reversal_record(slot, &asked, Actor::Destination, None, context);
        self.append(Record::Reversal(record), context, effects);
        self.tally.reversed += 1;
        let done = Verdict {
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Reversed),
        };
        self.answer_reversal_waiters(slot, done, context, effects);
        self.close_reversal(slot);
        self.close_advice(slot);
    }

    pub(super) fn acknowledge_reversal<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let asked = case.asked.expect("somebody asked");
        let outcome = match self.transactions.get(slot).phase {
            Phase::Reversed => Some(Outcome::Reversed),
            Phase::Declined => Some(Outcome::Declined),
            Phase::Forwarded
            | Phase::Pending
            | Phase::Approved
            | Phase::Inquiring
            | Phase::Unknown
            | Phase::Reversing => None,
        };
        let verdict = Verdict {
            response_code: ResponseCode::APPROVED,
            outcome,
        };
        self.reply_reversal(&asked, verdict, Gate::Committed, context, effects);
    }

    pub(super) fn join_reversal<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let asked = case.asked.expect("somebody asked");
        if asked.advice {
            let taken = Verdict {
                response_code: ResponseCode::APPROVED,
                outcome: None,
            };
            return self.reply_reversal(&asked, taken, Gate::Committed, context, effects);
        }
        let index = self.transactions.get(slot).reversal;
        let waiter = replies::waiter(asked.sender, &asked.reversal.header);
        let request = index != NO_EXCHANGE && self.exchanges.get(index).talk == Talk::Reversal;
        if !request || self.exchanges.at(index).waiters.try_push(waiter).is_err() {
            let pending = Verdict {
                response_code: ResponseCode::PENDING,
                outcome: None,
            };
            self.reply_reversal(&asked, pending, Gate::Committed, context, effects);
        }
    }

    pub(super) fn end_reversal_exchange<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let number = self.transactions.get(slot).number;
        let reversed = matches!(
            case.event,
            Event::ReversalAccepted | Event::OperatorReverses
        );
        let record = ReversalAnswer {
            number,
            response_code: case.response_code,
            reversed,
        };
        self.append(Record::ReversalAnswer(record), context, effects);
        let verdict = if reversed {
            self.tally.reversed += 1;
            Verdict {
                response_code: ResponseCode::APPROVED,
                outcome: Some(Outcome::Reversed),
            }
        } else {
            Verdict {
                response_code: case.response_code,
                outcome: None,
            }
        };
        self.answer_reversal_waiters(slot, verdict, context, effects);
        self.close_reversal(slot);
    }

    pub(super) fn answer_reversal_waiters<L: Legs>(
        &mut self,
        slot: u32,
        verdict: Verdict,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        if transaction.reversal == NO_EXCHANGE {
            return;
        }
        let waiters = core::mem::take(&mut self.exchanges.at(transaction.reversal).waiters);
        for waiter in &waiters {
            let (key, wall) = (waiter.match_key, context.now.wall);
            let message = replies::reversal_result_later(transaction, verdict, key, wall);
            replies::answer(effects, waiter, Gate::Committed, message, ShortText::EMPTY);
        }
    }

    pub(super) fn escalate_reversal<L: Legs>(
        &mut self,
        slot: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let pending = Verdict {
            response_code: ResponseCode::PENDING,
            outcome: None,
        };
        self.answer_reversal_waiters(slot, pending, context, effects);
        self.close_reversal(slot);
        let transaction = self.transactions.get(slot);
        let Some(destination) = transaction.destination else {
            return;
        };
        if self.exchanges.free() == 0 {
            return self.postponed.push_back(slot);
        }
        if let (true, Some(key)) = (transaction.reversal_is_advice, transaction.reversal_key()) {
            return self.open_reversal(slot, destination, key, true, context, effects);
        }
        let number = transaction.number;
        let Some(match_key) = context.legs.draw(destination, context.now.wall) else {
            return self.postponed.push_back(slot);
        };
        let record = ReversalEscalation { number, match_key };
        self.append(Record::ReversalEscalation(record), context, effects);
        self.open_reversal(slot, destination, match_key, false, context, effects);
    }

    pub(super) fn close_reversal(&mut self, slot: u32) {
        let index = self.transactions.get(slot).reversal;
        if index != NO_EXCHANGE {
            self.close_exchange(index);
            self.transactions.at(slot).reversal = NO_EXCHANGE;
        }
    }
}

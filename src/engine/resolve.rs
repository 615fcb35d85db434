//! Carrying out the rows of the transition table, and everything that time brings: deadlines,
//! repeats with back-off, and what a restart left open.

use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::{ExchangeId, Talk};
use crate::engine::replies::{self, Verdict};
use crate::engine::transactions::NO_EXCHANGE;
use crate::engine::transitions::{Act, Event, Phase, step};
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::message::Reversal as ReversalMessage;
use crate::model::outcome::{Outcome, Reason, ResponseCode};
use crate::model::record::{Actor, Advice, Answer, LateAnswer, Record, ShortText, Unknown};

/// Doublings of the time between repeats.
pub(super) const BACK_OFF_STEPS: u8 = 4;

/// Time before the repeat after `repeats` repeats.
pub(super) fn back_off_ms(repeat_ms: u32, repeats: u8) -> u32 {
    repeat_ms.saturating_mul(1 << repeats.min(BACK_OFF_STEPS))
}

/// A reversal that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'m> {
    pub(super) sender: Sender,
    pub(super) reversal: &'m ReversalMessage<'m>,
    pub(super) advice: bool,
}

/// An event, with what it brings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'m> {
    pub(super) event: Event,
    pub(super) answer: Option<Answer>,
    pub(super) asked: Option<Asked<'m>>,
    pub(super) response_code: ResponseCode,
    pub(super) reason: Reason,
}

impl Case<'_> {
    pub(super) const fn of(event: Event) -> Self {
        Self {
            event,
            answer: None,
            asked: None,
            response_code: ResponseCode::NO_ANSWER,
            reason: Reason::Timeout,
        }
    }
}

impl Engine {
    /// Takes one step of the table.
    pub(super) fn advance<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let phase = self.transactions.get(slot).phase;
        self.steps[phase as usize][case.event as usize] += 1;
        let step = step(phase, case.event);
        for act in step.acts {
            let done = self.perform(*act, slot, case, context, effects);
            if !done {
                return;
            }
        }
        let transaction = self.transactions.get(slot);
        assert_eq!(
            transaction.phase, step.phase,
            "the records say what the table says"
        );
        if transaction.phase.is_settled() {
            self.end_forward(slot);
        }
    }

    /// `false`: it could not be done now, nothing has changed, and the sender has been told.
    fn perform<L: Legs>(
        &mut self,
        act: Act,
        slot: u32,
        case: &Case<'_>,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        match act {
            Act::AnswerPayment => self.answer_payment(slot, case, context, effects),
            Act::TellUnknown => self.tell_unknown(slot, case, context, effects),
            Act::Reverse => self.reverse(slot, case.reason, context, effects),
            Act::PassReversalOn => return self.pass_reversal_on(slot, case, context, effects),
            Act::RecordReversal => self.record_reversal(slot, case, context, effects),
            Act::AcknowledgeReversal => self.acknowledge_reversal(slot, case, context, effects),
            Act::JoinReversal => self.join_reversal(slot, case, context, effects),
            Act::EndReversal => self.end_reversal_exchange(slot, case, context, effects),
            Act::EscalateReversal => self.escalate_reversal(slot, context, effects),
            Act::Advise => self.advise(slot, context, effects),
            Act::NoteLate => self.note_late(slot, case, context, effects),
            Act::Ignore => self.tally.unhandled_answers += 1,
        }
        true
    }

    pub(super) fn append<L: Legs>(
        &mut self,
        record: Record,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        effects.append(record);
        let claimed = self.apply(&record, context.now.wall, context.tables);
        assert!(
            claimed.is_none(),
            "only payments and early reversals claim a place"
        );
    }

    fn answer_payment<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        if let Some(answer) = case.answer {
            match answer.outcome {
                Outcome::Approved => self.tally.approved += 1,
                Outcome::Declined | Outcome::Reversed => self.tally.declined += 1,
            }
            self.append(Record::Answer(answer), context, effects);
        }
        let transaction = self.transactions.get(slot);
        let answer = transaction
            .answer
            .expect("an answered payment has an answer");
        let verdict = Verdict {
            response_code: answer.response_code,
            outcome: Some(answer.outcome),
        };
        self.answer_waiters(slot, verdict, context, effects);
    }

    /// Tells everyone who waits for the payment, and forgets that they wait.
    fn answer_waiters<L: Legs>(
        &mut self,
        slot: u32,
        verdict: Verdict,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        if transaction.forward == NO_EXCHANGE {
            return;
        }
        let waiters = core::mem::take(&mut self.exchanges.at(transaction.forward).waiters);
        for waiter in &waiters {
            let wall = context.now.wall;
            let message = replies::payment_result(transaction, verdict, waiter.match_key, wall);
            replies::answer(effects, waiter, Gate::Committed, message, transaction.text);
        }
    }

    fn tell_unknown<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        if !transaction.told_unknown && transaction.answer.is_none() {
            let record = Unknown {
                number: transaction.number,
                reason: case.reason,
            };
            self.append(Record::Unknown(record), context, effects);
            self.tally.unknown += 1;
        }
        self.answer_waiters(slot, Verdict::UNKNOWN, context, effects);
        self.expire_forward(slot);
    }

    /// Tells the originator how it ended, where that differs from what it was told.
    fn advise<L: Legs>(
        &mut self,
        slot: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        if !transaction.needs_advice() {
            return;
        }
        let Some(originator) = transaction.originator else {
            return;
        };
        let again = transaction.advice_key.is_some();
        let number = transaction.number;
        let key = match transaction.advice_key {
            Some(key) => key,
            None => match context.legs.draw(originator, context.now.wall) {
                Some(match_key) => {
                    let record = Advice { number, match_key };
                    self.append(Record::Advice(record), context, effects);
                    match_key
                }
                None => return self.postponed.push_back(slot),
            },
        };
        let index = self
            .exchanges
            .open(Talk::PaymentAdvice, slot, originator, key);
        self.exchanges.at(index).sent = again;
        self.transactions.at(slot).payment_advice = index;
        let repeat_ms = context.tables.participant(originator).repeat_ms;
        self.exchanges
            .timers
            .set(index, repeat_ms, context.now.monotonic);
        self.send_exchange(index, context, effects);
    }

    fn note_late<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.tally.late_answers += 1;
        let number = self.transactions.get(slot).number;
        let record = LateAnswer {
            number,
            response_code: case.response_code,
        };
        self.append(Record::LateAnswer(record), context, effects);
        let forward = self.transactions.get(slot).forward;
        if forward != NO_EXCHANGE && self.exchanges.get(forward).expired {
            self.end_forward(slot);
        }
    }

    /// Sends, or sends again, what an exchange is about.
    pub(super) fn send_exchange<L: Legs>(
        &mut self,
        index: u32,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let open = self.exchanges.get(index);
        let transaction = self.transactions.get(open.slot);
        let (key, repeat, wall) = (open.match_key, open.sent, context.now.wall);
        let message = match open.talk {
            Talk::Forward => return,
            Talk::Reversal => replies::reversal(transaction, key, false, repeat, wall),
            Talk::ReversalAdvice => replies::reversal(transaction, key, true, repeat, wall),
            Talk::PaymentAdvice => replies::payment_advice(transaction, key, repeat, wall),
        };
        let id = self.exchanges.id(index);
        replies::ask(effects, open.with, id, message, ShortText::EMPTY);
    }

    /// The forward no longer counts as open; it stays to recognise a late answer.
    fn expire_forward(&mut self, slot: u32) {
        let index = self.transactions.get(slot).forward;
        if index == NO_EXCHANGE || self.exchanges.get(index).expired {
            return;
        }
        self.exchanges.timers.cancel(index);
        let forward = self.exchanges.at(index);
        forward.expired = true;
        let destination = forward.with;
        self.open_forwards -= 1;
        self.in_flight[usize::from(destination.0)].1 -= 1;
        if let Some(originator) = self.transactions.get(slot).originator {
            self.in_flight[usize::from(originator.0)].0 -= 1;
        }
    }

    fn end_forward(&mut self, slot: u32) {
        let index = self.transactions.get(slot).forward;
        if index == NO_EXCHANGE {
            return;
        }
        self.expire_forward(slot);
        self.exchanges.close(index);
        self.transactions.at(slot).forward = NO_EXCHANGE;
    }

    /// Handles one deadline that has passed, or one postponed duty. `false`: there is none.
    pub fn handle_deadline<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let Some(index) = self.exchanges.timers.expire(context.now.monotonic) else {
            return self.take_up_postponed(context, effects);
        };
        let open = self.exchanges.get(index);
        let (slot, sent) = (open.slot, open.sent);
        match open.talk {
            Talk::Forward if sent => {
                self.advance(slot, &Case::of(Event::Deadline), context, effects);
            }
            Talk::Forward => {
                let up = context.legs.is_up(open.with);
                let answer = self.answer_unsent(slot, up);
                let case = Case {
                    answer: Some(answer),
                    ..Case::of(Event::DeadlineUnsent)
                };
                self.advance(slot, &case, context, effects);
            }
            Talk::Reversal => {
                self.advance(slot, &Case::of(Event::ReversalDeadline), context, effects);
            }
            Talk::ReversalAdvice | Talk::PaymentAdvice => self.repeat(index, context, effects),
        }
        true
    }

    /// A request of ours cannot be said in its destination's encoding: what never left is declined.
    pub fn handle_unsendable<L: Legs>(
        &mut self,
        exchange: ExchangeId,
        response_code: ResponseCode,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let Some(index) = self.exchanges.resolve(exchange) else {
            return;
        };
        let open = self.exchanges.get(index);
        let (slot, talk) = (open.slot, open.talk);
        if talk == Talk::Forward {
            let answer = Answer {
                response_code,
                ..self.answer_unsent(slot, true)
            };
            let case = Case {
                answer: Some(answer),
                ..Case::of(Event::DeadlineUnsent)
            };
            self.advance(slot, &case, context, effects);
        }
    }

    /// What never left us is declined for certain.
    fn answer_unsent(&self, slot: u32, up: bool) -> Answer {
        let transaction = self.transactions.get(slot);
        let code = if up {
            ResponseCode::MALFUNCTION
        } else {
            ResponseCode::DESTINATION_DOWN
        };
        Answer {
            number: transaction.number,
            by: Actor::Switch,
            response_code: code,
            outcome: Outcome::Declined,
            approval_code: None,
            amounts: transaction.amounts,
            text: ShortText::EMPTY,
        }
    }

    fn repeat<L: Legs>(&mut self, index: u32, context: &Context<'_, L>, effects: &mut Effects<'_>) {
        let with = self.exchanges.get(index).with;
        let repeat_ms = context.tables.participant(with).repeat_ms;
        let up = context.legs.is_up(with);
        let open = self.exchanges.at(index);
        if up {
            open.repeats = open.repeats.saturating_add(1);
        }
        let interval_ms = back_off_ms(repeat_ms, open.repeats);
        self.exchanges
            .timers
            .set(index, interval_ms, context.now.monotonic);
        if up {
            self.tally.repeats_sent += 1;
            self.send_exchange(index, context, effects);
        }
    }

    /// Tries once more what found no match key.
    fn take_up_postponed<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let Some(slot) = self.postponed.pop_front() else {
            return false;
        };
        let transaction = self.transactions.get(slot);
        let (before, phase) = (self.postponed.len(), transaction.phase);
        match phase {
            Phase::Unknown if transaction.reversal == NO_EXCHANGE => {
                self.reverse(slot, Reason::Timeout, context, effects);
            }
            Phase::Reversing if transaction.reversal == NO_EXCHANGE => {
                self.escalate_reversal(slot, context, effects);
            }
            Phase::Reversed => self.advise(slot, context, effects),
            Phase::Forwarded
            | Phase::Approved
            | Phase::Declined
            | Phase::Unknown
            | Phase::Reversing => {}
        }
        // Postponed again: the second is not over yet.
        self.postponed.len() == before
    }

    /// After replay: takes up one transaction that an earlier run left open. `false`: none is left.
    pub fn resume<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let Some(number) = self.replayed_open.pop_first() else {
            return false;
        };
        let Some(slot) = self.transactions.by_number(number) else {
            return true;
        };
        if self.transactions.get(slot).phase.is_settled() {
            self.advise(slot, context, effects);
        } else {
            self.advance(slot, &Case::of(Event::Restart), context, effects);
        }
        true
    }
}

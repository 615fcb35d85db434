//! Carrying out the rows of the transition table: the acts that answer and tell.

use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::{ExchangeId, Talk};
use crate::engine::parties::Fate;
use crate::engine::replies::{self, Verdict};
use crate::engine::transactions::NO_EXCHANGE;
use crate::engine::transitions::{Act, Event, Phase, step};
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::message::Reversal as ReversalMessage;
use crate::model::outcome::{Outcome, Reason, Resolution, ResponseCode, Ruling, Source};
use crate::model::record::{
    Actor, Advice, Answer, Finding, LateAnswer, Pending, Record, ShortText, Unknown,
};
use crate::model::time::Wall;

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
    /// Where the answer came from, if it was not one in time.
    pub(super) source: Source,
    pub(super) asked: Option<Asked<'m>>,
    pub(super) response_code: ResponseCode,
    pub(super) reason: Reason,
    /// What an operator decided, and which of his actions that was.
    pub(super) ruling: Option<(Ruling, u64)>,
}

impl Case<'_> {
    pub(super) const fn of(event: Event) -> Self {
        Self {
            event,
            answer: None,
            source: Source::LateAnswer,
            asked: None,
            response_code: ResponseCode::NO_ANSWER,
            reason: Reason::Timeout,
            ruling: None,
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
        let resolution = self.resolution(slot, context);
        let phase = self.transactions.get(slot).phase;
        self.steps[phase as usize][case.event as usize] += 1;
        let step = step(resolution, phase, case.event);
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
            self.close_reversal(slot);
        }
    }

    /// How an unknown outcome is resolved: as was decided when it became unknown; before that, as
    /// the destination's profile says now.
    fn resolution<L: Legs>(&self, slot: u32, context: &Context<'_, L>) -> Resolution {
        let transaction = self.transactions.get(slot);
        match (transaction.phase, transaction.destination) {
            (Phase::Forwarded | Phase::Pending, Some(destination)) => {
                let profile = &context.tables.participant(destination).resolver;
                profile.resolution(transaction.target.class, transaction.echoed.presentation)
            }
            (
                Phase::Forwarded
                | Phase::Pending
                | Phase::Approved
                | Phase::Declined
                | Phase::Inquiring
                | Phase::Unknown
                | Phase::Reversing
                | Phase::Reversed,
                _,
            ) => transaction.resolution,
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
            Act::Answer => self.answer_payment(slot, case, context, effects),
            Act::TellPending => self.tell_pending(slot, context, effects),
            Act::TellUnknown => self.tell_unknown(slot, case, context, effects),
            Act::TellInDoubt => self.tell_in_doubt(slot, case, context, effects),
            Act::Inquire => self.inquire(slot, context, effects),
            Act::InquireAgain => self.inquire_again(slot, case.event, context),
            Act::EndInquiries => self.end_inquiries(slot, case, context, effects),
            Act::Settle => self.settle(slot, case, context, effects),
            Act::Reverse => self.reverse(slot, case.reason, context, effects),
            Act::PassReversalOn => return self.pass_reversal_on(slot, case, context, effects),
            Act::RecordReversal => self.record_reversal(slot, case, context, effects),
            Act::AcknowledgeReversal => self.acknowledge_reversal(slot, case, context, effects),
            Act::JoinReversal => self.join_reversal(slot, case, context, effects),
            Act::EndReversal => self.end_reversal_exchange(slot, case, context, effects),
            Act::EscalateReversal => self.escalate_reversal(slot, context, effects),
            Act::Advise => self.advise(slot, context, effects),
            Act::NoteLate => self.note_late(slot, case, context, effects),
            Act::Queue => self.hand_to_operator(slot, case, context, effects),
            Act::Rule => self.rule(slot, case, context, effects),
            Act::EndAdvice => self.close_advice(slot),
            Act::Await => {}
            Act::Ignore | Act::Impossible => self.tally.unhandled_answers += 1,
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
        self.release_hold(record.number(), context, effects);
    }

    /// Counts how a transaction ended, by who is at its ends.
    pub(super) fn count_ended(&mut self, slot: u32, end: (Fate, ResponseCode)) {
        let transaction = self.transactions.get(slot);
        let ends = (transaction.originator, transaction.destination);
        self.parties.ended(ends, end);
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
            self.count_ended(slot, (answer.outcome.into(), answer.response_code));
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
    pub(super) fn answer_waiters<L: Legs>(
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
            let message = replies::result(transaction, verdict, waiter.match_key, wall);
            replies::answer(effects, waiter, Gate::Committed, message, transaction.text);
        }
    }

    /// The destination says 09: the originator hears the same, and the deadline is a longer one.
    fn tell_pending<L: Legs>(
        &mut self,
        slot: u32,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let Some(destination) = transaction.destination else {
            return;
        };
        let timeout_s = context
            .tables
            .participant(destination)
            .resolver
            .pending_timeout_s;
        let wait_ms = u64::from(timeout_s) * 1_000;
        let until = context.now.wall.0.saturating_add(wait_ms * 1_000_000);
        let (number, until) = (transaction.number, Wall(until));
        self.append(Record::Pending(Pending { number, until }), context, effects);
        self.tally.pending += 1;
        self.answer_waiters(slot, Verdict::PENDING, context, effects);
        self.expire_forward(slot);
        self.await_advice(slot, context);
    }

    /// Sets the alarm of a pending transaction, on its forward exchange.
    pub(super) fn await_advice<L: Legs>(&mut self, slot: u32, context: &Context<'_, L>) {
        let transaction = self.transactions.get(slot);
        let (index, until_s) = (transaction.forward, transaction.pending_until_s);
        let now_ms = context.now.wall.0 / 1_000_000;
        let left_ms = (u64::from(until_s) * 1_000).saturating_sub(now_ms);
        // A wall clock that was set back over a restart must not make it longer than it was.
        let timeout_s = transaction.destination.map_or(0, |with| {
            context.tables.participant(with).resolver.pending_timeout_s
        });
        let wait_ms = left_ms.min(u64::from(timeout_s) * 1_000);
        self.alarms
            .set(index, context.now.monotonic.plus_ms(wait_ms));
    }

    /// An outcome that nobody knew is known.
    fn settle<L: Legs>(
        &mut self,
        slot: u32,
        case: &Case<'_>,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let answer = case.answer.expect("what is settled has an answer");
        let finding = Finding {
            number: answer.number,
            source: case.source,
            response_code: answer.response_code,
            outcome: answer.outcome,
            approval_code: answer.approval_code,
            amounts: answer.amounts,
            text: answer.text,
        };
        match answer.outcome {
            Outcome::Approved => self.tally.approved += 1,
            Outcome::Declined => self.tally.declined += 1,
            Outcome::Reversed => self.tally.reversed += 1,
        }
        // Who was told 68 is counted so; what nobody was told yet ends here.
        if !self.transactions.get(slot).told_unknown {
            self.count_ended(slot, (answer.outcome.into(), answer.response_code));
        }
        self.append(Record::Finding(finding), context, effects);
        self.close_reversal(slot);
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
            self.count_ended(slot, (Fate::Unknown, ResponseCode::NO_ANSWER));
        }
        self.answer_waiters(slot, Verdict::UNKNOWN, context, effects);
        self.expire_forward(slot);
    }

    /// Tells the originator how it ended, where that differs from what it was told.
    pub(super) fn advise<L: Legs>(
        &mut self,
        slot: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.close_advice(slot);
        let transaction = self.transactions.get(slot);
        if !transaction.needs_advice() {
            return;
        }
        let Some(originator) = transaction.originator else {
            return;
        };
        let (again, number) = (transaction.advice_key().is_some(), transaction.number);
        if self.exchanges.free() == 0 {
            return self.postponed.push_back(slot);
        }
        let key = match transaction.advice_key() {
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
        self.launch(index, 0, context, effects);
    }

    /// The advice that is on its way is no longer repeated.
    pub(super) fn close_advice(&mut self, slot: u32) {
        let index = self.transactions.get(slot).payment_advice;
        if index != NO_EXCHANGE {
            self.close_exchange(index);
            self.transactions.at(slot).payment_advice = NO_EXCHANGE;
        }
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

    /// The forward no longer counts as open; it stays to recognise a late answer.
    pub(super) fn expire_forward(&mut self, slot: u32) {
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

    pub(super) fn end_forward(&mut self, slot: u32) {
        let index = self.transactions.get(slot).forward;
        if index == NO_EXCHANGE {
            return;
        }
        self.expire_forward(slot);
        if self.transactions.get(slot).pending_until_s > 0 {
            self.alarms.cancel(index);
        }
        self.exchanges.close(index);
        self.transactions.at(slot).forward = NO_EXCHANGE;
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
            self.decline_unsent(slot, Event::LinkLostUnsent, response_code, context, effects);
        }
    }

    /// Not one byte of it left us, and nobody can have seen it.
    pub(super) fn decline_unsent<L: Legs>(
        &mut self,
        slot: u32,
        event: Event,
        response_code: ResponseCode,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let answer = Answer {
            number: transaction.number,
            by: Actor::Switch,
            response_code,
            outcome: Outcome::Declined,
            approval_code: None,
            amounts: transaction.amounts.all(),
            text: ShortText::EMPTY,
        };
        let case = Case {
            answer: Some(answer),
            reason: Reason::LinkLost,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
    }
}

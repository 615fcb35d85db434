//! Payment advices: the destination tells how a pending transaction ended, and the originator
//! acknowledges what we tell it.

use crate::engine::answers::{self, Told};
use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::Talk;
use crate::engine::replies;
use crate::engine::resolve::Case;
use crate::engine::transactions::AdviceState;
use crate::engine::transitions::Event;
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::message::{PaymentAdvice, PaymentAdviceAck};
use crate::model::outcome::{Reason, ResponseCode, Source};
use crate::model::record::{AdviceAnswer, Record, ShortText};

impl Engine {
    /// A destination tells how a transaction ended that it had answered with 09. It is acknowledged
    /// once that is committed; whatever else it may say is acknowledged too, and changes nothing.
    pub fn handle_payment_advice<L: Legs>(
        &mut self,
        advice: &PaymentAdvice<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.tally.advices += 1;
        let wall = context.now.wall;
        let acknowledge = |code: ResponseCode, gate: Gate, effects: &mut Effects<'_>| {
            let message = replies::advice_ack(advice, code, wall);
            let waiter = replies::waiter(sender, &advice.header);
            replies::answer(effects, &waiter, gate, message, ShortText::EMPTY);
        };
        let Some(slot) = self.transactions.find(&advice.target) else {
            return acknowledge(ResponseCode::NOT_FOUND, Gate::Committed, effects);
        };
        let transaction = self.transactions.get(slot);
        if transaction.destination != Some(sender.participant) {
            self.tally.security_events += 1;
            return acknowledge(ResponseCode::NOT_PERMITTED, Gate::Free, effects);
        }
        let told = Told {
            key: advice.target,
            response_code: advice.response_code,
            outcome: advice.outcome,
            approval_code: advice.approval_code,
            amounts: &advice.amounts,
            text: advice.text,
        };
        let (event, answer) = answers::judge(&told, transaction);
        let Some(event) = event.filter(|event| *event != Event::PendingAnswer) else {
            // 09 and 68 tell nothing that an advice could be for.
            return acknowledge(ResponseCode::APPROVED, Gate::Committed, effects);
        };
        if event == Event::Malformed {
            // What cannot be right is not taken: the destination must look at it.
            self.tally.malformed_answers += 1;
            return acknowledge(ResponseCode::INVALID_AMOUNT, Gate::Committed, effects);
        }
        let case = Case {
            answer: Some(answer),
            source: Source::Advice,
            response_code: advice.response_code,
            reason: Reason::Timeout,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
        acknowledge(ResponseCode::APPROVED, Gate::Committed, effects);
    }

    /// The originator has heard how its payment or refund ended.
    pub fn handle_payment_advice_ack(
        &mut self,
        ack: &PaymentAdviceAck<'_>,
        sender: Sender,
        effects: &mut Effects<'_>,
    ) {
        let key = ack.header.match_key;
        let found = self
            .exchanges
            .find(Talk::PaymentAdvice, sender.participant, key)
            .map(|index| self.exchanges.get(index).slot)
            .or_else(|| self.find_advised(ack, sender));
        let Some(slot) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let transaction = self.transactions.at(slot);
        if transaction.target != ack.target || ack.response_code != ResponseCode::APPROVED {
            // Not understood or not stored: it is repeated.
            return self.tally.malformed_answers += 1;
        }
        transaction.advice = AdviceState::Acknowledged;
        let record = Record::AdviceAnswer(AdviceAnswer {
            number: transaction.number,
            response_code: ack.response_code,
        });
        self.close_advice(slot);
        if record.ends_queue() {
            self.leave_queue(slot);
        }
        effects.append(record);
    }

    /// In the operator queue no exchange is open; a late acknowledgement is welcome all the same.
    fn find_advised(&self, ack: &PaymentAdviceAck<'_>, sender: Sender) -> Option<u32> {
        let slot = self.transactions.find(&ack.target)?;
        let transaction = self.transactions.get(slot);
        let owed = transaction.advice == AdviceState::Owed
            && transaction.originator == Some(sender.participant)
            && transaction.advice_key() == Some(ack.header.match_key);
        owed.then_some(slot)
    }
}

//! What a counterparty answers: which of our requests is it about, and can it be used?

use crate::engine::effects::Effects;
use crate::engine::exchanges::Talk;
use crate::engine::resolve::Case;
use crate::engine::transactions::Transaction;
use crate::engine::transitions::Event;
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::chars::Chars;
use crate::model::ids::{MatchKey, ParticipantIndex, Reference};
use crate::model::message::{Amounts, PaymentAdviceAck, PaymentResult, Reject, ReversalResult};
use crate::model::outcome::{Outcome, Reason, ResponseCode};
use crate::model::record::{Actor, AdviceAnswer, Answer, Record, ShortText};

/// Codes that acknowledge a reversal: done, or there was nothing to be undone.
const REVERSED_CODES: [ResponseCode; 2] = [ResponseCode::APPROVED, ResponseCode::NOT_FOUND];

impl Engine {
    /// A destination answers a payment.
    pub fn handle_payment_result<L: Legs>(
        &mut self,
        result: &PaymentResult<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let found = self
            .exchanges
            .find(Talk::Forward, sender.participant, result.header.match_key);
        let Some(index) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let slot = self.exchanges.get(index).slot;
        let transaction = self.transactions.get(slot);
        let (event, answer) = judge(result, transaction);
        if event == Some(Event::Malformed) {
            self.tally.malformed_answers += 1;
        }
        // 09 and 68 are no outcomes: the deadline decides.
        let Some(event) = event else { return };
        let case = Case {
            answer: Some(answer),
            response_code: result.response_code,
            reason: Reason::MalformedAnswer,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
    }

    /// A counterparty could not read, or would not take, a request of ours.
    pub fn handle_reject<L: Legs>(
        &mut self,
        reject: &Reject<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        // Template ids and MTIs, see `Reject::regarding`.
        let talk = match reject.regarding {
            30 | 200 => Talk::Forward,
            40 | 400 | 401 => Talk::Reversal,
            // An advice that is refused is repeated: it must be taken in the end.
            42 | 420 | 421 | 32 | 220 | 221 => return,
            _ => return self.tally.unhandled_answers += 1,
        };
        let found = self
            .exchanges
            .find(talk, sender.participant, reject.header.match_key);
        let Some(index) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let slot = self.exchanges.get(index).slot;
        let code = reject.response_code;
        match talk {
            Talk::Forward => {
                let transaction = self.transactions.get(slot);
                let final_no = !matches!(
                    code,
                    ResponseCode::APPROVED | ResponseCode::PENDING | ResponseCode::NO_ANSWER
                );
                let event = if final_no {
                    Event::Decline
                } else {
                    Event::Malformed
                };
                let answer = Answer {
                    number: transaction.number,
                    by: Actor::Destination,
                    response_code: code,
                    outcome: Outcome::Declined,
                    approval_code: None,
                    amounts: transaction.amounts,
                    text: ShortText::EMPTY,
                };
                let case = Case {
                    answer: Some(answer),
                    response_code: code,
                    reason: Reason::MalformedAnswer,
                    ..Case::of(event)
                };
                self.advance(slot, &case, context, effects);
            }
            Talk::Reversal => self.end_reversal(slot, code, context, effects),
            Talk::ReversalAdvice | Talk::PaymentAdvice => {}
        }
    }

    /// An answer of a counterparty could not be read. Where it belongs to a payment, nobody knows
    /// its outcome; anything else is repeated in its own time.
    pub fn handle_unreadable_answer<L: Legs>(
        &mut self,
        match_key: MatchKey,
        from: ParticipantIndex,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.tally.malformed_answers += 1;
        let Some(index) = self.exchanges.find(Talk::Forward, from, match_key) else {
            return;
        };
        let slot = self.exchanges.get(index).slot;
        let case = Case {
            reason: Reason::MalformedAnswer,
            ..Case::of(Event::Malformed)
        };
        self.advance(slot, &case, context, effects);
    }

    /// A counterparty answers a reversal request (`advice` false) or acknowledges an advice.
    pub fn handle_reversal_result<L: Legs>(
        &mut self,
        result: &ReversalResult<'_>,
        advice: bool,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let talk = if advice {
            Talk::ReversalAdvice
        } else {
            Talk::Reversal
        };
        let found = self
            .exchanges
            .find(talk, sender.participant, result.header.match_key);
        let Some(index) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let slot = self.exchanges.get(index).slot;
        if self.transactions.get(slot).target != result.target {
            // The key and the match key disagree: not an answer to what we asked. We ask again.
            return self.tally.malformed_answers += 1;
        }
        if advice && !REVERSED_CODES.contains(&result.response_code) {
            // An advice cannot be refused: it is repeated.
            return self.tally.malformed_answers += 1;
        }
        self.end_reversal(slot, result.response_code, context, effects);
    }

    fn end_reversal<L: Legs>(
        &mut self,
        slot: u32,
        response_code: ResponseCode,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let answered = self.transactions.get(slot).answer.is_some();
        let event = match (REVERSED_CODES.contains(&response_code), answered) {
            (true, _) => Event::ReversalAccepted,
            (false, true) => Event::ReversalRefused,
            (false, false) => Event::ReversalRefusedUnanswered,
        };
        let case = Case {
            response_code,
            reason: Reason::Timeout,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
    }

    /// The originator has heard how its payment ended.
    pub fn handle_payment_advice_ack(
        &mut self,
        ack: &PaymentAdviceAck<'_>,
        sender: Sender,
        effects: &mut Effects<'_>,
    ) {
        let found = self.exchanges.find(
            Talk::PaymentAdvice,
            sender.participant,
            ack.header.match_key,
        );
        let Some(index) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let slot = self.exchanges.get(index).slot;
        let transaction = self.transactions.at(slot);
        if transaction.target != ack.target || ack.response_code != ResponseCode::APPROVED {
            // Not understood or not stored: it is repeated.
            return self.tally.malformed_answers += 1;
        }
        transaction.payment_advice = super::transactions::NO_EXCHANGE;
        let record = AdviceAnswer {
            number: transaction.number,
            response_code: ack.response_code,
        };
        transaction.advice = super::transactions::AdviceState::Acknowledged;
        self.exchanges.close(index);
        effects.append(Record::AdviceAnswer(record));
    }
}

/// What a result means for its transaction; no event where it is not an outcome.
fn judge(result: &PaymentResult<'_>, transaction: &Transaction) -> (Option<Event>, Answer) {
    let approves = result.response_code == ResponseCode::APPROVED;
    let outcome = if approves {
        Outcome::Approved
    } else {
        Outcome::Declined
    };
    let approval_code = match result.approval_code {
        None if approves => Some(approval_code_of(&transaction.target.key.reference)),
        given => given,
    };
    let answer = Answer {
        number: transaction.number,
        by: Actor::Destination,
        response_code: result.response_code,
        outcome,
        approval_code,
        amounts: merged(&transaction.amounts, &result.amounts),
        text: ShortText::new(result.text),
    };
    let interim = [ResponseCode::PENDING, ResponseCode::NO_ANSWER].contains(&result.response_code);
    let fits = result.key == transaction.target.key
        && result.amounts.amount == transaction.amounts.amount
        && (interim || result.outcome.is_none_or(|stated| stated == outcome));
    let event = match (fits, interim, approves) {
        (false, _, _) => Some(Event::Malformed),
        (true, true, _) => None,
        (true, false, true) => Some(Event::Approval),
        (true, false, false) => Some(Event::Decline),
    };
    (event, answer)
}

/// ISO 8583 wants an approval code with every approval; SBE lets the destination give none. Then it
/// is the end of the reference, which both sides know.
fn approval_code_of(reference: &Reference) -> Chars<6> {
    let [.., a, b, c, d, e, f] = *reference.bytes();
    Chars::new([a, b, c, d, e, f]).expect("references are letters and digits")
}

/// The destination's amounts where it states any, the request's otherwise.
fn merged(request: &Amounts, answer: &Amounts) -> Amounts {
    Amounts {
        amount: request.amount,
        billing: answer.billing.or(request.billing),
        settlement: answer.settlement.or(request.settlement),
        billing_rate: answer.billing_rate.or(request.billing_rate),
        settlement_rate: answer.settlement_rate.or(request.settlement_rate),
    }
}

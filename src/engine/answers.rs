//! What a counterparty answers: which of our requests is it about, and can it be used?

use crate::engine::effects::Effects;
use crate::engine::exchanges::Talk;
use crate::engine::resolve::Case;
use crate::engine::transactions::{NO_EXCHANGE, Transaction};
use crate::engine::transitions::{Event, Phase};
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::chars::Chars;
use crate::model::ids::{MatchKey, ParticipantIndex, Reference};
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{Amounts, PaymentResult, RefundResult, Reject, ReversalResult};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Reason, ResponseCode, Source};
use crate::model::record::{Actor, Answer, ShortText};

/// Codes that acknowledge a reversal: done, or there was nothing to be undone.
const REVERSED_CODES: [ResponseCode; 2] = [ResponseCode::APPROVED, ResponseCode::NOT_FOUND];

/// The code that the originator is told for a destination's decline.
///
/// 30, A0 and A1 say of a message that it was not taken: nothing is recorded, and its key may be
/// used again. Here it is recorded, and final: passed on as they are they would ask the originator
/// to send the same payment for ever.
const fn told_code(code: ResponseCode) -> ResponseCode {
    match code {
        ResponseCode::SHED | ResponseCode::BAD_MAC => ResponseCode::DESTINATION_DOWN,
        ResponseCode::FORMAT => ResponseCode::MALFUNCTION,
        other => other,
    }
}

impl Engine {
    /// A destination answers a payment.
    pub fn handle_payment_result<L: Legs>(
        &mut self,
        result: &PaymentResult<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let told = Told {
            key: BusinessKey {
                key: result.key,
                class: Class::Payment,
            },
            response_code: result.response_code,
            outcome: result.outcome,
            approval_code: result.approval_code,
            amounts: &result.amounts,
            text: result.text,
        };
        self.handle_result(&told, result.header.match_key, sender, context, effects);
    }

    /// A destination answers a refund.
    pub fn handle_refund_result<L: Legs>(
        &mut self,
        result: &RefundResult<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let told = Told {
            key: BusinessKey {
                key: result.key,
                class: Class::Refund,
            },
            response_code: result.response_code,
            outcome: result.outcome,
            approval_code: None,
            amounts: &result.amounts,
            text: result.text,
        };
        self.handle_result(&told, result.header.match_key, sender, context, effects);
    }

    fn handle_result<L: Legs>(
        &mut self,
        told: &Told<'_>,
        match_key: MatchKey,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let found = self
            .exchanges
            .find(Talk::Forward, sender.participant, match_key)
            .map(|index| self.note_answer_time(index, sender, context))
            .or_else(|| self.find_unsettled(told, match_key, sender));
        let Some(slot) = found else {
            return self.tally.unhandled_answers += 1;
        };
        let (event, answer) = judge(told, self.transactions.get(slot));
        if event == Some(Event::Malformed) {
            self.tally.malformed_answers += 1;
        }
        // 68 is no outcome: the deadline decides.
        let Some(event) = event else { return };
        let case = Case {
            answer: Some(answer),
            source: Source::LateAnswer,
            response_code: told.response_code,
            reason: Reason::MalformedAnswer,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
    }

    /// Counts how long a destination took, and tells which transaction it answers.
    fn note_answer_time<L: Legs>(
        &mut self,
        index: u32,
        sender: Sender,
        context: &Context<'_, L>,
    ) -> u32 {
        let exchange = self.exchanges.get(index);
        if exchange.sent {
            let ns = context.now.monotonic.0.saturating_sub(exchange.sent_at.0);
            self.parties.answered(sender.participant, ns);
        }
        exchange.slot
    }

    /// In the operator queue no exchange is open; a late answer is welcome all the same.
    fn find_unsettled(&self, told: &Told<'_>, match_key: MatchKey, sender: Sender) -> Option<u32> {
        let slot = self.transactions.find(&told.key)?;
        let transaction = self.transactions.get(slot);
        let open = !transaction.phase.is_settled() && transaction.phase != Phase::Forwarded;
        let his = transaction.destination == Some(sender.participant);
        (open && his && transaction.match_key == match_key).then_some(slot)
    }

    /// A counterparty could not read, or would not take, a request of ours.
    pub fn handle_reject<L: Legs>(
        &mut self,
        reject: &Reject<'_>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let wall = context.now.wall;
        let match_key = reject.header.match_key;
        // Template ids and MTIs, see `Reject::regarding`. Both kinds of inquiry are 0100.
        if matches!(reject.regarding, 20 | 100)
            && self.refuse_inquiry((sender.participant, match_key), wall, effects)
        {
            return;
        }
        let talk = match reject.regarding {
            30 | 50 | 200 => Talk::Forward,
            60 | 100 => Talk::Inquiry,
            40 | 400 | 401 => Talk::Reversal,
            // An advice that is refused is repeated: it must be taken in the end.
            42 | 420 | 421 | 32 | 220 | 221 => return,
            _ => return self.tally.unhandled_answers += 1,
        };
        let found = self.exchanges.find(talk, sender.participant, match_key);
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
                    response_code: told_code(code),
                    outcome: Outcome::Declined,
                    approval_code: None,
                    amounts: transaction.amounts.all(),
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
            Talk::Inquiry => {
                let case = Case {
                    response_code: code,
                    ..Case::of(self.or_exhausted(slot, Event::InquiryOpen, context))
                };
                self.advance(slot, &case, context, effects);
            }
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
            self.refuse_inquiry((from, match_key), context.now.wall, effects);
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
            .find(talk, sender.participant, result.header.match_key)
            .map(|index| self.exchanges.get(index).slot)
            .or_else(|| self.find_reversing(result, advice, sender));
        let Some(slot) = found else {
            return self.tally.unhandled_answers += 1;
        };
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

    /// In the operator queue no exchange is open; a late acknowledgement is welcome all the same.
    fn find_reversing(
        &self,
        result: &ReversalResult<'_>,
        advice: bool,
        sender: Sender,
    ) -> Option<u32> {
        let slot = self.transactions.find(&result.target)?;
        let transaction = self.transactions.get(slot);
        let reversing = matches!(transaction.phase, Phase::Unknown | Phase::Reversing)
            && transaction.reversal == NO_EXCHANGE
            && transaction.reversal_is_advice
            && advice;
        let his = transaction.destination == Some(sender.participant)
            && transaction.reversal_key() == Some(result.header.match_key);
        (reversing && his).then_some(slot)
    }
}

/// A result of a payment or a refund, as far as it decides anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'m> {
    pub(super) key: BusinessKey,
    pub(super) response_code: ResponseCode,
    pub(super) outcome: Option<Outcome>,
    pub(super) approval_code: Option<Chars<6>>,
    pub(super) amounts: &'m Amounts,
    pub(super) text: &'m [u8],
}

/// What a result means for its transaction; no event where it is not an outcome.
pub(super) fn judge(told: &Told<'_>, transaction: &Transaction) -> (Option<Event>, Answer) {
    let interim = [ResponseCode::PENDING, ResponseCode::NO_ANSWER].contains(&told.response_code);
    let outcome = match told.outcome {
        _ if told.response_code == ResponseCode::APPROVED => Outcome::Approved,
        Some(Outcome::Reversed) => Outcome::Reversed,
        Some(Outcome::Approved | Outcome::Declined) | None => Outcome::Declined,
    };
    // 68 is an outcome where one is stated beside it.
    let interim = interim && told.outcome.is_none();
    let answer = Answer {
        number: transaction.number,
        by: Actor::Destination,
        response_code: told_code(told.response_code),
        outcome,
        approval_code: approval_code(outcome, told.approval_code, transaction),
        amounts: merged(&transaction.amounts.all(), told.amounts),
        text: ShortText::new(told.text),
    };
    let fits = told.key == transaction.target
        && told.amounts.amount == transaction.amounts.amount()
        && (interim || told.outcome.is_none_or(|stated| stated == outcome))
        && agrees(told.key.class, &transaction.amounts.all(), told.amounts);
    let event = match (fits, interim, outcome) {
        (false, _, _) => Some(Event::Malformed),
        (true, true, _) if told.response_code == ResponseCode::PENDING => {
            Some(Event::PendingAnswer)
        }
        (true, true, _) => None,
        (true, false, Outcome::Approved) => Some(Event::Approval),
        (true, false, Outcome::Declined) => Some(Event::Decline),
        (true, false, Outcome::Reversed) => Some(Event::InquiryReversed),
    };
    (event, answer)
}

/// The approval code that the originator is told.
pub(super) fn approval_code(
    outcome: Outcome,
    given: Option<Chars<6>>,
    transaction: &Transaction,
) -> Option<Chars<6>> {
    match (outcome, given) {
        (Outcome::Approved, None) => Some(approval_code_of(&transaction.target.key.reference)),
        (_, given) => given,
    }
}

/// Whether a destination pays, or gives back, what it was asked for, in every currency it names. A
/// payment's other amounts are its own to state where nobody has stated them before.
fn agrees(class: Class, request: &Amounts, answer: &Amounts) -> bool {
    let may_state = class == Class::Payment;
    let same = |stated: Option<Money>, asked: Option<Money>| {
        stated.is_none() || stated == asked || (asked.is_none() && may_state)
    };
    same(answer.billing, request.billing) && same(answer.settlement, request.settlement)
}

/// ISO 8583 wants an approval code with every approval; SBE lets the destination give none. Then it
/// is the end of the reference, which both sides know.
fn approval_code_of(reference: &Reference) -> Chars<6> {
    let [.., a, b, c, d, e, f] = *reference.bytes();
    Chars::new([a, b, c, d, e, f]).expect("references are letters and digits")
}

/// The request's amounts, and the destination's where the request has none. Amounts agree; of rates
/// the request's is the exact one, where seven digits of ISO 8583 are too few to give it back.
fn merged(request: &Amounts, answer: &Amounts) -> Amounts {
    Amounts {
        amount: request.amount,
        billing: request.billing.or(answer.billing),
        settlement: request.settlement.or(answer.settlement),
        billing_rate: request.billing_rate.or(answer.billing_rate),
        settlement_rate: request.settlement_rate.or(answer.settlement_rate),
    }
}

//! What we say: answers, reversals and advices, built from what is remembered.
//!
//! Nothing here decides anything.

use crate::engine::Sender;
use crate::engine::effects::{Effects, Gate, Outgoing};
use crate::engine::exchanges::{ExchangeId, Waiter};
use crate::engine::operator_queue::NOT_QUEUED;
use crate::engine::transactions::Transaction;
use crate::engine::transitions::Phase;
use crate::model::ids::{MatchKey, ParticipantIndex};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Echoed, Header, Message, PaymentAdvice, PaymentAdviceAck, PaymentRequest, PaymentResult,
    RefundRequest, RefundResult, Reversal, ReversalResult, StatusInquiry, StatusResult,
};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, ResponseCode, State};
use crate::model::record::ShortText;
use crate::model::time::Wall;

/// The two parts of an answer that differ between 68, a final answer and an advice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) response_code: ResponseCode,
    pub(super) outcome: Option<Outcome>,
}

impl Verdict {
    pub(super) const UNKNOWN: Self = Self {
        response_code: ResponseCode::NO_ANSWER,
        outcome: None,
    };

    pub(super) const PENDING: Self = Self {
        response_code: ResponseCode::PENDING,
        outcome: None,
    };
}

/// Sends an answer to a waiter.
pub(super) fn answer(
    effects: &mut Effects<'_>,
    waiter: &Waiter,
    gate: Gate,
    message: Message<'static>,
    text: ShortText,
) {
    effects.send(Outgoing {
        to: waiter.participant,
        link: Some(waiter.link),
        message,
        text,
        gate,
        exchange: None,
    });
}

/// Sends a request of ours.
pub(super) fn ask<'a>(
    effects: &mut Effects<'a>,
    to: ParticipantIndex,
    exchange: ExchangeId,
    message: Message<'a>,
    text: ShortText,
) {
    let gate = Gate::Committed;
    effects.send(Outgoing {
        to,
        link: None,
        message,
        text,
        gate,
        exchange: Some(exchange),
    });
}

/// The waiter that a request makes.
pub(super) fn waiter(sender: Sender, header: &Header) -> Waiter {
    Waiter {
        participant: sender.participant,
        link: sender.link,
        match_key: header.match_key,
    }
}

fn header(match_key: MatchKey, wall: Wall) -> Header {
    Header {
        match_key,
        transmit_time: wall,
    }
}

/// What an ISO 8583 answer repeats from its request.
pub(super) fn echoed(request: &PaymentRequest<'_>) -> Echoed {
    Echoed {
        local_time: request.local_time,
        presentation: Some(request.presentation),
        mcc: request.mcc,
        terminal: request.terminal,
        merchant_id: request.merchant_id,
    }
}

/// The answer to a payment of which nothing is, or will be, remembered.
pub(super) fn refuse_payment(
    request: &PaymentRequest<'_>,
    response_code: ResponseCode,
    wall: Wall,
) -> Message<'static> {
    Message::PaymentResult(PaymentResult {
        header: header(request.header.match_key, wall),
        key: request.key,
        response_code,
        outcome: None,
        approval_code: None,
        amounts: request.amounts,
        settlement_date: None,
        echoed: echoed(request),
        text: b"",
        mac: b"",
    })
}

/// The answer to a refund of which nothing is, or will be, remembered.
pub(super) fn refuse_refund(
    request: &RefundRequest<'_>,
    response_code: ResponseCode,
    wall: Wall,
) -> Message<'static> {
    Message::RefundResult(RefundResult {
        header: header(request.header.match_key, wall),
        key: request.key,
        response_code,
        outcome: None,
        amounts: request.amounts,
        settlement_date: None,
        refunded_so_far: None,
        echoed: echoed_refund(request),
        text: b"",
        mac: b"",
    })
}

/// A refusal for another reason.
pub(super) fn recoded(refusal: Message<'static>, response_code: ResponseCode) -> Message<'static> {
    if let Message::PaymentResult(result) = refusal {
        Message::PaymentResult(PaymentResult {
            response_code,
            ..result
        })
    } else if let Message::RefundResult(result) = refusal {
        Message::RefundResult(RefundResult {
            response_code,
            ..result
        })
    } else {
        refusal
    }
}

/// What an ISO 8583 answer repeats from a refund.
pub(super) fn echoed_refund(request: &RefundRequest<'_>) -> Echoed {
    Echoed {
        local_time: request.local_time,
        presentation: request.presentation,
        mcc: request.mcc,
        terminal: request.terminal,
        merchant_id: request.merchant_id,
    }
}

/// The answer to a payment or a refund, to one of those who asked.
pub(super) fn result(
    transaction: &Transaction,
    verdict: Verdict,
    match_key: MatchKey,
    wall: Wall,
) -> Message<'static> {
    let header = header(match_key, wall);
    let settlement_date = Some(transaction.settlement_date);
    if transaction.target.class == Class::Refund {
        return Message::RefundResult(RefundResult {
            header,
            key: transaction.target.key,
            response_code: verdict.response_code,
            outcome: verdict.outcome,
            amounts: transaction.amounts.all(),
            settlement_date,
            refunded_so_far: refunded(transaction, verdict.outcome),
            echoed: transaction.echoed,
            text: b"",
            mac: b"",
        });
    }
    Message::PaymentResult(PaymentResult {
        header,
        key: transaction.target.key,
        response_code: verdict.response_code,
        outcome: verdict.outcome,
        approval_code: transaction.approval_code,
        amounts: transaction.amounts.all(),
        settlement_date,
        echoed: transaction.echoed,
        text: b"",
        mac: b"",
    })
}

/// The answer to a payment or refund that was reversed before it came, from its refusal. What it
/// asked for is its own: the reversal knew the key and perhaps another amount.
pub(super) fn barred(refusal: Message<'static>, transaction: &Transaction) -> Message<'static> {
    let outcome = Some(Outcome::Declined);
    let settlement_date = Some(transaction.settlement_date);
    if let Message::PaymentResult(result) = refusal {
        Message::PaymentResult(PaymentResult {
            outcome,
            settlement_date,
            ..result
        })
    } else if let Message::RefundResult(result) = refusal {
        Message::RefundResult(RefundResult {
            outcome,
            settlement_date,
            ..result
        })
    } else {
        refusal
    }
}

/// What had been given back of the payment once this refund had its outcome.
fn refunded(transaction: &Transaction, outcome: Option<Outcome>) -> Option<Money> {
    outcome.map(|_| Money {
        minor: transaction.refunded_minor,
        currency: transaction.amounts.amount().currency,
    })
}

/// What the originator is to be told now.
pub(super) fn verdict(transaction: &Transaction) -> Verdict {
    match transaction.answer {
        Some(answer) => Verdict {
            response_code: answer.response_code,
            outcome: Some(answer.outcome),
        },
        None if transaction.phase == Phase::Pending => Verdict::PENDING,
        None => Verdict::UNKNOWN,
    }
}

/// How a payment or refund ended, to an originator that was told something else.
pub(super) fn payment_advice(
    transaction: &Transaction,
    root: Key,
    match_key: MatchKey,
    repeat: bool,
    wall: Wall,
) -> Message<'static> {
    // Undone since its answer: 68, with the outcome beside it.
    let verdict = match transaction.phase {
        Phase::Reversed => Verdict {
            response_code: ResponseCode::NO_ANSWER,
            outcome: Some(Outcome::Reversed),
        },
        Phase::Forwarded
        | Phase::Pending
        | Phase::Approved
        | Phase::Declined
        | Phase::Inquiring
        | Phase::Unknown
        | Phase::Reversing => verdict(transaction),
    };
    let approved = verdict.outcome == Some(Outcome::Approved);
    Message::PaymentAdvice(PaymentAdvice {
        header: header(match_key, wall),
        target: transaction.target,
        root,
        repeat,
        response_code: verdict.response_code,
        outcome: verdict.outcome,
        approval_code: transaction.approval_code.filter(|_| approved),
        amounts: transaction.amounts.all(),
        settlement_date: Some(transaction.settlement_date),
        text: b"",
        mac: b"",
    })
}

/// The answer to a payment advice of a destination.
pub(super) fn advice_ack(
    advice: &PaymentAdvice<'_>,
    response_code: ResponseCode,
    wall: Wall,
) -> Message<'static> {
    Message::PaymentAdviceAck(PaymentAdviceAck {
        header: header(advice.header.match_key, wall),
        target: advice.target,
        response_code,
        text: b"",
        mac: b"",
    })
}

/// A status inquiry of ours to the destination.
pub(super) fn inquiry(
    transaction: &Transaction,
    root: Key,
    match_key: MatchKey,
    wall: Wall,
) -> Message<'static> {
    Message::StatusInquiry(StatusInquiry {
        header: header(match_key, wall),
        target: transaction.target,
        root,
        mac: b"",
    })
}

/// A reversal of ours to the destination: as an advice or a request, for the first time or again.
pub(super) fn reversal(
    transaction: &Transaction,
    root: Key,
    match_key: MatchKey,
    (advice, repeat): (bool, bool),
    wall: Wall,
) -> Message<'static> {
    let reversal = Reversal {
        header: header(match_key, wall),
        target: transaction.target,
        root,
        amount: transaction.amounts.amount(),
        reason: transaction.reversal_reason,
        repeat,
        original: Some(transaction.match_key),
        mac: b"",
    };
    if advice {
        Message::ReversalAdvice(reversal)
    } else {
        Message::ReversalRequest(reversal)
    }
}

/// The answer to a reversal.
pub(super) fn reversal_result(
    reversal: &Reversal<'_>,
    advice: bool,
    verdict: Verdict,
    wall: Wall,
) -> Message<'static> {
    let result = ReversalResult {
        header: header(reversal.header.match_key, wall),
        target: reversal.target,
        response_code: verdict.response_code,
        outcome: verdict.outcome,
        amount: Some(reversal.amount),
        mac: b"",
    };
    if advice {
        Message::ReversalAdviceAck(result)
    } else {
        Message::ReversalResult(result)
    }
}

/// The answer to a reversal request that had to wait.
pub(super) fn reversal_result_later(
    transaction: &Transaction,
    verdict: Verdict,
    match_key: MatchKey,
    wall: Wall,
) -> Message<'static> {
    Message::ReversalResult(ReversalResult {
        header: header(match_key, wall),
        target: transaction.target,
        response_code: verdict.response_code,
        outcome: verdict.outcome,
        amount: Some(transaction.amounts.amount()),
        mac: b"",
    })
}

/// The state of now.
pub(super) fn status(
    inquiry: &StatusInquiry<'_>,
    transaction: &Transaction,
    refunded_so_far: Option<Money>,
    wall: Wall,
) -> Message<'static> {
    let queued = transaction.queued != NOT_QUEUED;
    let (state, outcome) = match transaction.phase {
        Phase::Inquiring | Phase::Unknown | Phase::Reversing if queued => (
            State::OperatorQueue,
            transaction.answer.map(|answer| answer.outcome),
        ),
        Phase::Pending => (State::Pending, None),
        Phase::Forwarded => (State::Forwarded, None),
        Phase::Approved => (State::Answered, Some(Outcome::Approved)),
        Phase::Declined => (State::Answered, Some(Outcome::Declined)),
        Phase::Inquiring | Phase::Unknown => (State::Unknown, None),
        Phase::Reversing => (
            State::Reversing,
            transaction.answer.map(|answer| answer.outcome),
        ),
        Phase::Reversed => (State::Answered, Some(Outcome::Reversed)),
    };
    Message::StatusResult(StatusResult {
        header: header(inquiry.header.match_key, wall),
        target: inquiry.target,
        response_code: ResponseCode::APPROVED,
        state: Some(state),
        outcome,
        approval_code: transaction.approval_code,
        amount: Some(transaction.amounts.amount()),
        billing: transaction.amounts.all().billing,
        settlement: transaction.amounts.all().settlement,
        refunded_so_far,
        text: b"",
        mac: b"",
    })
}

/// No state to tell.
pub(super) fn no_status(
    inquiry: &StatusInquiry<'_>,
    response_code: ResponseCode,
    wall: Wall,
) -> Message<'static> {
    Message::StatusResult(StatusResult {
        header: header(inquiry.header.match_key, wall),
        target: inquiry.target,
        response_code,
        state: None,
        outcome: None,
        approval_code: None,
        amount: None,
        billing: None,
        settlement: None,
        refunded_so_far: None,
        text: b"",
        mac: b"",
    })
}

/// The target of a payment's own key.
pub(super) fn target_of(request: &PaymentRequest<'_>) -> BusinessKey {
    BusinessKey {
        key: request.key,
        class: Class::Payment,
    }
}

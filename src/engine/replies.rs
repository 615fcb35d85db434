//! What we say: answers, reversals and advices, built from what is remembered.
//!
//! Nothing here decides anything.

use crate::engine::Sender;
use crate::engine::effects::{Effects, Gate, Outgoing};
use crate::engine::exchanges::{ExchangeId, Waiter};
use crate::engine::transactions::Transaction;
use crate::engine::transitions::Phase;
use crate::model::ids::{MatchKey, ParticipantIndex};
use crate::model::keys::BusinessKey;
use crate::model::message::{
    Echoed, Header, Message, PaymentAdvice, PaymentRequest, PaymentResult, Reversal,
    ReversalResult, StatusInquiry, StatusResult,
};
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

/// The answer to a payment, to one of those who asked.
pub(super) fn payment_result(
    transaction: &Transaction,
    verdict: Verdict,
    match_key: MatchKey,
    wall: Wall,
) -> Message<'static> {
    Message::PaymentResult(PaymentResult {
        header: header(match_key, wall),
        key: transaction.target.key,
        response_code: verdict.response_code,
        outcome: verdict.outcome,
        approval_code: transaction.approval_code,
        amounts: transaction.amounts,
        settlement_date: Some(transaction.settlement_date),
        echoed: transaction.echoed,
        text: b"",
        mac: b"",
    })
}

/// The answer to a payment that was reversed before it came. What it asked for is its own: the
/// reversal knew the key and perhaps another amount.
pub(super) fn barred(
    transaction: &Transaction,
    request: &PaymentRequest<'_>,
    wall: Wall,
) -> Message<'static> {
    Message::PaymentResult(PaymentResult {
        header: header(request.header.match_key, wall),
        key: request.key,
        response_code: ResponseCode::INVALID_TRANSACTION,
        outcome: Some(Outcome::Declined),
        approval_code: None,
        amounts: request.amounts,
        settlement_date: Some(transaction.settlement_date),
        echoed: echoed(request),
        text: b"",
        mac: b"",
    })
}

/// How a payment ended, to an originator that was told something else.
pub(super) fn payment_advice(
    transaction: &Transaction,
    match_key: MatchKey,
    repeat: bool,
    wall: Wall,
) -> Message<'static> {
    Message::PaymentAdvice(PaymentAdvice {
        header: header(match_key, wall),
        target: transaction.target,
        root: transaction.target.key,
        repeat,
        response_code: ResponseCode::NO_ANSWER,
        outcome: Some(Outcome::Reversed),
        approval_code: None,
        amounts: transaction.amounts,
        settlement_date: Some(transaction.settlement_date),
        text: b"",
        mac: b"",
    })
}

/// A reversal of ours to the destination.
pub(super) fn reversal(
    transaction: &Transaction,
    match_key: MatchKey,
    advice: bool,
    repeat: bool,
    wall: Wall,
) -> Message<'static> {
    let reversal = Reversal {
        header: header(match_key, wall),
        target: transaction.target,
        root: transaction.target.key,
        amount: transaction.amounts.amount,
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
        amount: Some(transaction.amounts.amount),
        mac: b"",
    })
}

/// The state of now.
pub(super) fn status(
    inquiry: &StatusInquiry<'_>,
    transaction: &Transaction,
    wall: Wall,
) -> Message<'static> {
    let (state, outcome) = match transaction.phase {
        Phase::Forwarded => (State::Forwarded, None),
        Phase::Approved => (State::Answered, Some(Outcome::Approved)),
        Phase::Declined => (State::Answered, Some(Outcome::Declined)),
        Phase::Unknown => (State::Unknown, None),
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
        amount: Some(transaction.amounts.amount),
        billing: transaction.amounts.billing,
        settlement: transaction.amounts.settlement,
        refunded_so_far: None,
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
        class: crate::model::keys::Class::Payment,
    }
}

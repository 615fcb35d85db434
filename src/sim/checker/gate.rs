//! Whether a message that leaves is borne out by what is really committed.

use crate::model::ids::MatchKey;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, Message, ReversalResult, StatusResult};
use crate::model::outcome::{Outcome, ResponseCode, State};
use crate::model::record::Actor;
use crate::sim::checker::shadow::{Page, Shadow};

/// Codes that bind nobody: nothing was recorded, or nothing has changed.
const FREE: [ResponseCode; 8] = [
    ResponseCode::SHED,
    ResponseCode::FORMAT,
    ResponseCode::NOT_PERMITTED,
    ResponseCode::NOT_SUPPORTED,
    ResponseCode::BAD_MAC,
    ResponseCode::CONFLICT,
    ResponseCode::INVALID_AMOUNT,
    ResponseCode::NOT_FOUND,
];

/// What is not borne out, if anything.
pub(in crate::sim) fn unfounded(shadow: &Shadow, message: &Message<'_>) -> Option<&'static str> {
    match message {
        Message::PaymentRequest(asked) => {
            let page = page(shadow, &asked.key, Class::Payment);
            request(page, asked.header.match_key, &asked.amounts)
        }
        Message::RefundRequest(asked) => {
            let page = page(shadow, &asked.key, Class::Refund);
            request(page, asked.header.match_key, &asked.amounts)
        }
        Message::PaymentResult(told) => {
            let page = page(shadow, &told.key, Class::Payment);
            result(page, told.response_code, told.outcome)
        }
        Message::RefundResult(told) => {
            let page = page(shadow, &told.key, Class::Refund);
            result(page, told.response_code, told.outcome)
        }
        Message::PaymentAdvice(advice) => {
            let told = |page: &Page| {
                page.advices.contains(&advice.header.match_key)
                    && match (advice.outcome, page.answer()) {
                        (Some(Outcome::Reversed), answer) => {
                            let found = answer.is_some_and(|(_, told)| told == Outcome::Reversed);
                            page.is_reversed() || found
                        }
                        (Some(outcome), Some((_, told))) => outcome == told,
                        (_, _) => false,
                    }
            };
            let page = shadow.page(&advice.target);
            (!page.is_some_and(told)).then_some("an advice whose record is not committed")
        }
        Message::ReversalRequest(reversal) | Message::ReversalAdvice(reversal) => {
            let drawn = |page: &Page| has_drawn(page, reversal.header.match_key);
            let page = shadow.page(&reversal.target);
            (!page.is_some_and(drawn)).then_some("a reversal whose record is not committed")
        }
        Message::ReversalResult(result) | Message::ReversalAdviceAck(result) => {
            reversal_result(shadow.page(&result.target), result)
        }
        Message::StatusInquiry(inquiry) => {
            let drawn = |page: &Page| page.inquiries.contains(&inquiry.header.match_key);
            let page = shadow.page(&inquiry.target);
            (!page.is_some_and(drawn)).then_some("an inquiry whose record is not committed")
        }
        Message::StatusResult(result) => status(shadow.page(&result.target), result),
        _ => None,
    }
}

/// The key that a message is about, if it is about one.
pub(in crate::sim) fn subject<'m>(message: &'m Message<'_>) -> Option<&'m Key> {
    match message {
        Message::PaymentRequest(request) => Some(&request.key),
        Message::RefundRequest(request) => Some(&request.key),
        Message::PaymentResult(result) => Some(&result.key),
        Message::RefundResult(result) => Some(&result.key),
        Message::PaymentAdvice(advice) => Some(&advice.target.key),
        Message::ReversalRequest(reversal) | Message::ReversalAdvice(reversal) => {
            Some(&reversal.target.key)
        }
        Message::ReversalResult(result) | Message::ReversalAdviceAck(result) => {
            Some(&result.target.key)
        }
        Message::StatusInquiry(inquiry) => Some(&inquiry.target.key),
        Message::StatusResult(result) => Some(&result.target.key),
        _ => None,
    }
}

fn page<'s>(shadow: &'s Shadow, key: &Key, class: Class) -> Option<&'s Page> {
    shadow.page(&BusinessKey { key: *key, class })
}

fn request(page: Option<&Page>, match_key: MatchKey, amounts: &Amounts) -> Option<&'static str> {
    let drawn = |page: &Page| {
        page.forwards
            .iter()
            .any(|(_, drawn, _)| *drawn == match_key)
    };
    match page {
        Some(page) if drawn(page) => {
            let same = page.amounts.is_some_and(|recorded| recorded == *amounts);
            (!same).then_some("a request with other amounts than are recorded")
        }
        _ => Some("a request whose record is not committed"),
    }
}

fn has_drawn(page: &Page, key: MatchKey) -> bool {
    let reversals = page.reversals.iter().any(|(.., drawn)| *drawn == Some(key));
    reversals || page.escalations.contains(&key)
}

fn result(
    page: Option<&Page>,
    code: ResponseCode,
    outcome: Option<Outcome>,
) -> Option<&'static str> {
    let interim = [ResponseCode::NO_ANSWER, ResponseCode::PENDING].contains(&code);
    match page {
        _ if FREE.contains(&code) => None,
        None => Some("an answer of which nothing is committed"),
        Some(page) if interim && outcome.is_none() => {
            let known = if code == ResponseCode::PENDING {
                page.pending
            } else {
                page.unknown || page.in_doubt || !page.reversals.is_empty()
            };
            (!known).then_some("68 or 09 before it is committed")
        }
        Some(page) => {
            let outcome = outcome.unwrap_or(if code == ResponseCode::APPROVED {
                Outcome::Approved
            } else {
                Outcome::Declined
            });
            let good = page.answer() == Some((code, outcome));
            (!good).then_some("an answer whose record is not committed, or another one")
        }
    }
}

fn reversal_result(page: Option<&Page>, result: &ReversalResult<'_>) -> Option<&'static str> {
    let ended = [Outcome::Declined, Outcome::Reversed];
    let declined = |page: &Page| page.answer().is_some_and(|(_, told)| ended.contains(&told));
    match page {
        _ if result.response_code != ResponseCode::APPROVED => None,
        None => Some("a reversal acknowledged of which nothing is committed"),
        Some(page) => {
            let asked = page.reversals.iter().any(|(by, ..)| *by != Actor::Switch);
            let good = asked || page.is_reversed() || declined(page) || page.unknown;
            (!good).then_some("a reversal acknowledged before it is committed")
        }
    }
}

fn status(page: Option<&Page>, result: &StatusResult<'_>) -> Option<&'static str> {
    let state = result.state?;
    let Some(page) = page else {
        return Some("a state of which nothing is committed");
    };
    let good = match (state, result.outcome) {
        (State::Answered, Some(Outcome::Reversed)) => {
            let found = page
                .answer()
                .is_some_and(|(_, told)| told == Outcome::Reversed);
            page.is_reversed() || found
        }
        (State::Answered, Some(outcome)) => page.answer().is_some_and(|(_, told)| told == outcome),
        // Unknown, too, is what nobody answered and whose reversal was refused.
        (State::Unknown, _) => {
            let refused = page.reversal_answers.iter().any(|(_, reversed)| !reversed);
            page.unknown || page.in_doubt || (refused && page.answer().is_none())
        }
        (State::Reversing, _) => !page.reversals.is_empty(),
        (State::Answered | State::Received | State::Forwarded, _) => page.claims > 0,
        (State::Pending, _) => page.pending,
        (State::OperatorQueue, _) => page.queued,
    };
    (!good).then_some("a state that is not committed")
}

//! What goes out, in a few characters that a test can compare.

use crate::engine::{Gate, Outgoing};
use crate::model::message::Message;
use crate::model::outcome::Outcome;

pub(super) fn tell(outgoing: &Outgoing<'_>) -> String {
    let to = match outgoing.to.0 {
        0 => "acquirer",
        1 => "wallet",
        _ => "stranger",
    };
    let what = outgoing.with_message(|message| match *message {
        Message::PaymentRequest(request) => format!("pay#{}", request.header.match_key.0),
        Message::PaymentResult(result) => {
            let outcome = result.outcome.map_or("-", Outcome::name);
            format!(
                "{}/{outcome}#{}",
                result.response_code, result.header.match_key.0
            )
        }
        Message::PaymentAdvice(advice) => {
            let (repeat, outcome) = (advice.repeat, advice.outcome.map_or("-", Outcome::name));
            format!(
                "advice/{outcome}#{}{}",
                advice.header.match_key.0,
                star(repeat)
            )
        }
        Message::ReversalRequest(reversal) => {
            format!(
                "0400#{}{}",
                reversal.header.match_key.0,
                star(reversal.repeat)
            )
        }
        Message::ReversalAdvice(reversal) => {
            format!(
                "0420#{}{}",
                reversal.header.match_key.0,
                star(reversal.repeat)
            )
        }
        Message::ReversalResult(result) => {
            format!(
                "0410:{}/{}",
                result.response_code,
                result.outcome.map_or("-", Outcome::name)
            )
        }
        Message::ReversalAdviceAck(result) => {
            format!(
                "0430:{}/{}",
                result.response_code,
                result.outcome.map_or("-", Outcome::name)
            )
        }
        Message::StatusResult(result) => format!(
            "status:{}/{}/{}",
            result.response_code,
            result.state.map_or("-", |state| state.name()),
            result.outcome.map_or("-", Outcome::name)
        ),
        other => tell_more(&other),
    });
    let free = if outgoing.gate == Gate::Free { "!" } else { "" };
    format!("{what}>{to}{free}")
}

fn tell_more(message: &Message<'_>) -> String {
    match message {
        Message::StatusInquiry(inquiry) => format!("inquiry#{}", inquiry.header.match_key.0),
        Message::PaymentAdviceAck(ack) => format!("0230:{}", ack.response_code),
        Message::RefundRequest(request) => format!(
            "refund#{}/{}",
            request.header.match_key.0, request.amounts.amount.minor
        ),
        Message::RefundResult(result) => format!(
            "{}/{}#{}={}",
            result.response_code,
            result.outcome.map_or("-", Outcome::name),
            result.header.match_key.0,
            result
                .refunded_so_far
                .map_or("-".to_owned(), |money| money.minor.to_string())
        ),
        other => format!("{other:?}"),
    }
}

fn star(repeat: bool) -> &'static str {
    if repeat { "*" } else { "" }
}

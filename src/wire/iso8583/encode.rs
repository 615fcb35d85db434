//! From a message to its fields: which of them carries what. Writes no byte itself.

use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    CodeInquiry, CodeResult, Cutover, KeyChange, Kind, Message, Notice, NoticeAck, PaymentAdvice,
    PaymentAdviceAck, PaymentRequest, PaymentResult, RefundRequest, RefundResult, Reject, Reversal,
    ReversalResult, SignOn, SignOnAck, StatusInquiry, StatusResult,
};
use crate::model::outcome::{Outcome, Presentation, ResponseCode};
use crate::model::refusal::{Fault, Refusal};
use crate::wire::Encoded;
use crate::wire::iso8583::decode::{implied_outcome, implied_reversal};
use crate::wire::iso8583::dialect::Dialect;
use crate::wire::iso8583::draft::{Draft, Original, TagDraft};
use crate::wire::iso8583::kinds;
use crate::wire::iso8583::reject::{self, Place};
use crate::wire::iso8583::scan::refusal;

/// Writes one body.
pub(super) fn encode(
    dialect: &Dialect,
    message: &Message<'_>,
    out: &mut [u8],
) -> Result<Encoded, Refusal> {
    let mut draft = match message {
        Message::SignOn(message) => sign_on(message),
        Message::SignOnAck(message) => sign_on_ack(message),
        Message::SignOff(message) | Message::Echo(message) => notice(message),
        Message::SignOffAck(message)
        | Message::EchoAck(message)
        | Message::KeyChangeAck(message)
        | Message::CutoverAck(message) => notice_ack(message),
        Message::KeyChange(message) => key_change(message),
        Message::Cutover(message) => cutover(message),
        Message::CodeInquiry(message) => code_inquiry(message),
        Message::CodeResult(message) => code_result(message),
        Message::PaymentRequest(message) => payment(message),
        Message::PaymentResult(message) => payment_result(message),
        Message::PaymentAdvice(message) => payment_advice(message),
        Message::PaymentAdviceAck(message) => payment_advice_ack(message),
        Message::ReversalRequest(message) | Message::ReversalAdvice(message) => reversal(message),
        Message::ReversalResult(message) | Message::ReversalAdviceAck(message) => {
            reversal_result(message)
        }
        Message::RefundRequest(message) => refund(message),
        Message::RefundResult(message) => refund_result(message),
        Message::StatusInquiry(message) => status_inquiry(message),
        Message::StatusResult(message) => status_result(message),
        Message::Reject(message) => return encode_reject(dialect, message, out),
    };
    draft.match_key = message.header().match_key;
    let kind = message.kind();
    let (mti, _) = kinds::wire_of(kind).ok_or_else(|| refusal(Fault::UnknownKind, 0, 0))?;
    draft.write(dialect, kind, mti + u16::from(draft.repeat), out)
}

fn sign_on<'m>(message: &SignOn<'m>) -> Draft<'m> {
    Draft {
        institution: Some(message.institution),
        tags: TagDraft {
            nonce: message.nonce,
            protocol_version: message.protocol_version,
            business_date: message.business_date,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..Draft::default()
    }
}

fn sign_on_ack<'m>(message: &SignOnAck<'m>) -> Draft<'m> {
    Draft {
        response_code: Some(message.response_code),
        tags: TagDraft {
            shards: message.shards,
            shard: message.shard,
            business_date: message.business_date,
            ..TagDraft::default()
        },
        mac: message.mac,
        dropped: u32::from(message.heartbeat_seconds.is_some()),
        ..Draft::default()
    }
}

fn notice<'m>(message: &Notice<'m>) -> Draft<'m> {
    Draft {
        institution: message.institution,
        mac: message.mac,
        ..Draft::default()
    }
}

fn notice_ack<'m>(message: &NoticeAck<'m>) -> Draft<'m> {
    Draft {
        response_code: Some(message.response_code),
        mac: message.mac,
        ..Draft::default()
    }
}

fn key_change<'m>(message: &KeyChange<'m>) -> Draft<'m> {
    Draft {
        institution: message.institution,
        tags: TagDraft {
            key_id: Some(message.key_id),
            check_value: Some(message.check_value),
            wrapped_key: message.wrapped_key.expose(),
            ..TagDraft::default()
        },
        mac: message.mac,
        ..Draft::default()
    }
}

fn cutover<'m>(message: &Cutover<'m>) -> Draft<'m> {
    Draft {
        // DE 15 for hosts that do not read tags, tag 24 for the year.
        settlement_date: Some(message.business_date),
        tags: TagDraft {
            business_date: Some(message.business_date),
            ..TagDraft::default()
        },
        mac: message.mac,
        ..Draft::default()
    }
}

fn code_inquiry<'m>(message: &CodeInquiry<'m>) -> Draft<'m> {
    Draft {
        class: Some(Class::CodeInquiry),
        local_time: message.local_time,
        tags: TagDraft {
            presentation: message.presentation,
            wallet_currency: message.wallet_currency,
            payer_token: message.payer_token,
            ..TagDraft::default()
        },
        code: message.code.expose(),
        code_required: true,
        mac: message.mac,
        ..of_key(&message.key)
    }
}

fn code_result<'m>(message: &CodeResult<'m>) -> Draft<'m> {
    Draft {
        class: Some(Class::CodeInquiry),
        response_code: Some(message.response_code),
        amount: message.amount,
        billing: message.billing,
        billing_rate: message.billing_rate,
        mcc: message.mcc,
        country: message.country,
        merchant_id: message.merchant_id,
        merchant_name: message.merchant_name,
        text: message.text,
        tags: TagDraft {
            owner: message.owner,
            quote_expiry: message.quote_expiry,
            quote: message.quote,
            ..TagDraft::default()
        },
        mac: message.mac,
        dropped: u32::from(message.code_kind.is_some()),
        ..of_key(&message.key)
    }
}

fn payment<'m>(message: &PaymentRequest<'m>) -> Draft<'m> {
    Draft {
        class: Some(Class::Payment),
        local_time: message.local_time,
        destination: message.destination,
        forwarder: message.forwarder,
        by_code: true,
        mcc: message.mcc,
        country: message.country,
        terminal: message.terminal,
        merchant_id: message.merchant_id,
        merchant_name: message.merchant_name,
        code: message.code.expose(),
        code_required: message.presentation == Presentation::Cpm,
        tags: TagDraft {
            presentation: Some(message.presentation),
            scenario: message.scenario,
            payer_token: message.payer_token,
            kyc_level: message.kyc_level,
            quote: message.quote,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_key(&message.key)
    }
    .with_amounts(&message.amounts)
}

fn payment_result<'m>(message: &PaymentResult<'m>) -> Draft<'m> {
    let implied = implied_outcome(message.response_code);
    Draft {
        class: Some(Class::Payment),
        response_code: Some(message.response_code),
        approval_code: message.approval_code,
        approval_required: message.response_code == ResponseCode::APPROVED,
        settlement_date: message.settlement_date,
        text: message.text,
        tags: TagDraft {
            outcome: stated(message.outcome, implied),
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_key(&message.key)
    }
    .with_amounts(&message.amounts)
    .with_echoed(&message.echoed)
}

fn payment_advice<'m>(message: &PaymentAdvice<'m>) -> Draft<'m> {
    let implied = implied_outcome(message.response_code);
    Draft {
        repeat: message.repeat,
        response_code: Some(message.response_code),
        approval_code: message.approval_code,
        settlement_date: message.settlement_date,
        text: message.text,
        tags: TagDraft {
            root: root_of(&message.target, Some(&message.root)),
            outcome: stated(message.outcome, implied),
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_target(&message.target)
    }
    .with_amounts(&message.amounts)
}

fn payment_advice_ack<'m>(message: &PaymentAdviceAck<'m>) -> Draft<'m> {
    Draft {
        response_code: Some(message.response_code),
        text: message.text,
        mac: message.mac,
        ..of_target(&message.target)
    }
}

fn reversal<'m>(message: &Reversal<'m>) -> Draft<'m> {
    Draft {
        repeat: message.repeat,
        amount: Some(message.amount),
        original: Some(Original {
            match_key: message.original,
            originator: message.target.key.originator,
        }),
        tags: TagDraft {
            root: root_of(&message.target, Some(&message.root)),
            reason: message.reason,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_target(&message.target)
    }
}

fn reversal_result<'m>(message: &ReversalResult<'m>) -> Draft<'m> {
    let implied = implied_reversal(message.response_code);
    Draft {
        response_code: Some(message.response_code),
        amount: message.amount,
        tags: TagDraft {
            root: root_of(&message.target, None),
            outcome: stated(message.outcome, implied),
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_target(&message.target)
    }
}

fn refund<'m>(message: &RefundRequest<'m>) -> Draft<'m> {
    Draft {
        class: Some(Class::Refund),
        local_time: message.local_time,
        destination: message.destination,
        forwarder: message.forwarder,
        by_code: true,
        mcc: message.mcc,
        country: message.country,
        terminal: message.terminal,
        merchant_id: message.merchant_id,
        tags: TagDraft {
            root: Some(message.root),
            presentation: message.presentation,
            reason: message.reason,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_key(&message.key)
    }
    .with_amounts(&message.amounts)
}

fn refund_result<'m>(message: &RefundResult<'m>) -> Draft<'m> {
    let implied = implied_outcome(message.response_code);
    Draft {
        class: Some(Class::Refund),
        response_code: Some(message.response_code),
        settlement_date: message.settlement_date,
        text: message.text,
        tags: TagDraft {
            outcome: stated(message.outcome, implied),
            refunded_so_far: message.refunded_so_far,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_key(&message.key)
    }
    .with_amounts(&message.amounts)
    .with_echoed(&message.echoed)
}

fn status_inquiry<'m>(message: &StatusInquiry<'m>) -> Draft<'m> {
    Draft {
        tags: TagDraft {
            root: root_of(&message.target, Some(&message.root)),
            status_inquiry: true,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_target(&message.target)
    }
}

fn status_result<'m>(message: &StatusResult<'m>) -> Draft<'m> {
    Draft {
        response_code: Some(message.response_code),
        approval_code: message.approval_code,
        amount: message.amount,
        billing: message.billing,
        settlement: message.settlement,
        text: message.text,
        tags: TagDraft {
            root: root_of(&message.target, None),
            state: message.state,
            outcome: message.outcome,
            refunded_so_far: message.refunded_so_far,
            ..TagDraft::default()
        },
        mac: message.mac,
        ..of_target(&message.target)
    }
}

/// DE 13, 32, 37.
fn of_key<'m>(key: &Key) -> Draft<'m> {
    Draft {
        institution: Some(key.originator),
        local_date: Some(key.local_date),
        reference: Some(key.reference),
        ..Draft::default()
    }
}

/// DE 3, 13, 32, 37 are the target's; tag 06 is its root.
fn of_target<'m>(target: &BusinessKey) -> Draft<'m> {
    Draft {
        class: Some(target.class),
        tags: TagDraft {
            root: root_of(target, None),
            ..TagDraft::default()
        },
        ..of_key(&target.key)
    }
}

/// A payment is its own root, so that answers about it carry the year too, which DE 13 has not.
fn root_of(target: &BusinessKey, root: Option<&Key>) -> Option<Key> {
    match target.class {
        Class::Payment => Some(target.key),
        Class::Refund | Class::CodeInquiry => root.copied(),
    }
}

/// Tag 15 only where the response code does not say it.
fn stated(outcome: Option<Outcome>, implied: Option<Outcome>) -> Option<Outcome> {
    outcome.filter(|_| outcome != implied)
}

/// The answer that the refused message would have had, with the place in DE 44. There is no such
/// answer to an answer, to an MTI of more than four digits, and none that approves.
fn encode_reject(
    dialect: &Dialect,
    message: &Reject<'_>,
    out: &mut [u8],
) -> Result<Encoded, Refusal> {
    let request = message.regarding - message.regarding % 10;
    let answerable = message.regarding < 10_000
        && message.regarding % 10 <= 1
        && kinds::is_answer_mti(request + 10);
    // An SBE field id may have more digits than the text has room for; zero names no field.
    let place = Place {
        field_id: if message.field_id > 999 {
            0
        } else {
            message.field_id
        },
        reason: message.reason,
        offset: message.offset.min(99_999),
    };
    let text = reject::text(place).filter(|_| message.response_code != ResponseCode::APPROVED);
    let (true, Some(text)) = (answerable, text) else {
        return Err(refusal(Fault::BadValue, 44, 0));
    };
    let draft = Draft {
        match_key: message.header.match_key,
        response_code: Some(message.response_code),
        text: &text,
        mac: message.mac,
        dropped: u32::from(!message.text.is_empty()),
        ..Draft::default()
    };
    draft.write(dialect, Kind::Reject, request + 10, out)
}

//! Bodies into messages: each function names the fields of one template, in the order of the wire.
//!
//! What SBE does not carry is empty: `echoed` of results, `amount` of reversal results, `original`
//! of reversals, `repeat` of payment advices. Never reads a field of a body that is not whole.

use crate::model::chars::{Chars, Sensitive};
use crate::model::message::{
    CodeInquiry, CodeResult, Cutover, Echoed, KeyChange, Kind, Message, Notice, NoticeAck,
    PaymentAdvice, PaymentAdviceAck, PaymentRequest, PaymentResult, RefundRequest, RefundResult,
    Reject, Reversal, ReversalResult, SignOn, SignOnAck, StatusInquiry, StatusResult,
};
use crate::model::outcome::{CodeKind, KycLevel, Outcome, Presentation, Reason, Scenario, State};
use crate::model::refusal::Refused;
use crate::wire::sbe::layout::{self as f, Template};
use crate::wire::sbe::view::View;

/// Reads one body. The whole body is validated before any field is read.
pub fn decode(body: &[u8]) -> Result<Message<'_>, Refused> {
    let view = View::of(body)?;
    // Each function builds the whole message, so that it is built where the caller wants it.
    match view.template.kind {
        Kind::SignOn => sign_on(&view),
        Kind::SignOnAck => sign_on_ack(&view),
        Kind::SignOff => notice(&view, &f::SIGN_OFF).map(Message::SignOff),
        Kind::SignOffAck => notice_ack(&view, &f::SIGN_OFF_ACK).map(Message::SignOffAck),
        Kind::Echo => notice(&view, &f::ECHO).map(Message::Echo),
        Kind::EchoAck => notice_ack(&view, &f::ECHO_ACK).map(Message::EchoAck),
        Kind::KeyChange => key_change(&view),
        Kind::KeyChangeAck => notice_ack(&view, &f::KEY_CHANGE_ACK).map(Message::KeyChangeAck),
        Kind::Cutover => cutover(&view),
        Kind::CutoverAck => notice_ack(&view, &f::CUTOVER_ACK).map(Message::CutoverAck),
        Kind::CodeInquiry => code_inquiry(&view),
        Kind::CodeResult => code_result(&view),
        Kind::PaymentRequest => payment_request(&view),
        Kind::PaymentResult => payment_result(&view),
        Kind::PaymentAdvice => payment_advice(&view),
        Kind::PaymentAdviceAck => payment_advice_ack(&view),
        Kind::ReversalRequest => {
            reversal(&view, &f::REVERSAL_REQUEST).map(Message::ReversalRequest)
        }
        Kind::ReversalResult => {
            reversal_result(&view, &f::REVERSAL_RESULT).map(Message::ReversalResult)
        }
        Kind::ReversalAdvice => reversal(&view, &f::REVERSAL_ADVICE).map(Message::ReversalAdvice),
        Kind::ReversalAdviceAck => {
            reversal_result(&view, &f::REVERSAL_ADVICE_ACK).map(Message::ReversalAdviceAck)
        }
        Kind::RefundRequest => refund_request(&view),
        Kind::RefundResult => refund_result(&view),
        Kind::StatusInquiry => status_inquiry(&view),
        Kind::StatusResult => status_result(&view),
        Kind::Reject => reject(&view),
    }
}

fn sign_on<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::SIGN_ON.block_bytes }>(&f::SIGN_ON)?;
    Ok(Message::SignOn(SignOn {
        header: at.header()?,
        institution: {
            let institution = at.institution(f::INSTITUTION)?;
            at.need(f::INSTITUTION, institution)?
        },
        protocol_version: at.u16(f::PROTOCOL_VERSION)?,
        business_date: at.date(f::BUSINESS_DATE)?,
        nonce: at.u64(f::NONCE)?,
        mac: at.mac()?,
    }))
}

fn sign_on_ack<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::SIGN_ON_ACK.block_bytes }>(&f::SIGN_ON_ACK)?;
    Ok(Message::SignOnAck(SignOnAck {
        header: at.header()?,
        response_code: at.response_code()?,
        shards: at.u16(f::SHARDS)?,
        shard: at.u16(f::SHARD)?,
        heartbeat_seconds: at.u16(f::HEARTBEAT_SECONDS)?,
        business_date: at.date(f::BUSINESS_DATE)?,
        mac: at.mac()?,
    }))
}

fn notice<'a>(view: &View<'a>, template: &'static Template) -> Result<Notice<'a>, Refused> {
    let mut at = view.fields::<NOTICE_BYTES>(template)?;
    Ok(Notice {
        header: at.header()?,
        institution: at.institution(f::INSTITUTION)?,
        mac: at.mac()?,
    })
}

fn notice_ack<'a>(view: &View<'a>, template: &'static Template) -> Result<NoticeAck<'a>, Refused> {
    let mut at = view.fields::<NOTICE_ACK_BYTES>(template)?;
    Ok(NoticeAck {
        header: at.header()?,
        response_code: at.response_code()?,
        mac: at.mac()?,
    })
}

fn key_change<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::KEY_CHANGE.block_bytes }>(&f::KEY_CHANGE)?;
    Ok(Message::KeyChange(KeyChange {
        header: at.header()?,
        institution: at.institution(f::INSTITUTION)?,
        key_id: {
            let key_id = at.u32(f::KEY_ID)?;
            at.need(f::KEY_ID, key_id)?
        },
        check_value: {
            let check_value = at.chars(f::CHECK_VALUE)?;
            Chars::printable(at.need(f::CHECK_VALUE, check_value)?)
        },
        wrapped_key: Sensitive(at.data(f::WRAPPED_KEY)?),
        mac: at.mac()?,
    }))
}

fn cutover<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::CUTOVER.block_bytes }>(&f::CUTOVER)?;
    Ok(Message::Cutover(Cutover {
        header: at.header()?,
        business_date: {
            let business_date = at.date(f::BUSINESS_DATE)?;
            at.need(f::BUSINESS_DATE, business_date)?
        },
        mac: at.mac()?,
    }))
}

fn code_inquiry<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::CODE_INQUIRY.block_bytes }>(&f::CODE_INQUIRY)?;
    Ok(Message::CodeInquiry(CodeInquiry {
        header: at.header()?,
        key: at.key()?,
        local_time: at.local_time()?,
        presentation: at.one_of(f::PRESENTATION, Presentation::from_u8)?,
        wallet_currency: at.currency(f::WALLET_CURRENCY)?,
        payer_token: at.chars(f::PAYER_TOKEN)?.map(Chars::printable),
        code: at.payment_code()?,
        mac: at.mac()?,
    }))
}

fn code_result<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::CODE_RESULT.block_bytes }>(&f::CODE_RESULT)?;
    Ok(Message::CodeResult(CodeResult {
        header: at.header()?,
        key: at.key()?,
        response_code: at.response_code()?,
        code_kind: at.one_of(f::CODE_KIND, CodeKind::from_u8)?,
        owner: at.institution(f::OWNER)?,
        amount: at.money(f::AMOUNT)?,
        billing: at.money(f::BILLING)?,
        billing_rate: at.rate(f::BILLING_RATE)?,
        quote_expiry: at.instant(f::QUOTE_EXPIRY)?,
        mcc: at.mcc()?,
        country: at.country()?,
        merchant_id: at.chars(f::MERCHANT_ID)?.map(Chars::printable),
        merchant_name: at.text(f::MERCHANT_NAME)?,
        quote: at.token(f::QUOTE)?,
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

fn payment_request<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::PAYMENT_REQUEST.block_bytes }>(&f::PAYMENT_REQUEST)?;
    Ok(Message::PaymentRequest(PaymentRequest {
        header: at.header()?,
        key: at.key()?,
        local_time: at.local_time()?,
        destination: at.institution(f::DESTINATION)?,
        forwarder: at.institution(f::FORWARDER)?,
        presentation: {
            let presentation = at.one_of(f::PRESENTATION, Presentation::from_u8)?;
            at.need(f::PRESENTATION, presentation)?
        },
        scenario: at.one_of(f::SCENARIO, Scenario::from_u8)?,
        amounts: at.amounts()?,
        mcc: at.mcc()?,
        country: at.country()?,
        terminal: at.chars(f::TERMINAL)?.map(Chars::printable),
        merchant_id: at.chars(f::MERCHANT_ID)?.map(Chars::printable),
        payer_token: at.chars(f::PAYER_TOKEN)?.map(Chars::printable),
        kyc_level: at.one_of(f::KYC_LEVEL, KycLevel::from_u8)?,
        code: at.payment_code()?,
        merchant_name: at.text(f::MERCHANT_NAME)?,
        quote: at.token(f::QUOTE)?,
        mac: at.mac()?,
    }))
}

fn payment_result<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::PAYMENT_RESULT.block_bytes }>(&f::PAYMENT_RESULT)?;
    Ok(Message::PaymentResult(PaymentResult {
        header: at.header()?,
        key: at.key()?,
        response_code: at.response_code()?,
        outcome: at.one_of(f::OUTCOME, Outcome::from_u8)?,
        approval_code: at.chars(f::APPROVAL_CODE)?.map(Chars::printable),
        amounts: at.amounts()?,
        settlement_date: at.date(f::SETTLEMENT_DATE)?,
        echoed: Echoed::default(),
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

fn payment_advice<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::PAYMENT_ADVICE.block_bytes }>(&f::PAYMENT_ADVICE)?;
    Ok(Message::PaymentAdvice(PaymentAdvice {
        header: at.header()?,
        target: at.target()?,
        root: at.root()?,
        repeat: false,
        response_code: at.response_code()?,
        outcome: at.one_of(f::OUTCOME, Outcome::from_u8)?,
        approval_code: at.chars(f::APPROVAL_CODE)?.map(Chars::printable),
        amounts: at.amounts()?,
        settlement_date: at.date(f::SETTLEMENT_DATE)?,
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

fn payment_advice_ack<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::PAYMENT_ADVICE_ACK.block_bytes }>(&f::PAYMENT_ADVICE_ACK)?;
    Ok(Message::PaymentAdviceAck(PaymentAdviceAck {
        header: at.header()?,
        target: at.target()?,
        response_code: at.response_code()?,
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

fn reversal<'a>(view: &View<'a>, template: &'static Template) -> Result<Reversal<'a>, Refused> {
    let mut at = view.fields::<REVERSAL_BYTES>(template)?;
    Ok(Reversal {
        header: at.header()?,
        target: at.target()?,
        root: at.root()?,
        amount: {
            let amount = at.money(f::AMOUNT)?;
            at.need(f::AMOUNT, amount)?
        },
        reason: at.one_of(f::REASON, Reason::from_u8)?,
        repeat: at.one_of(f::REPEAT, flag)?.unwrap_or(false),
        original: None,
        mac: at.mac()?,
    })
}

fn reversal_result<'a>(
    view: &View<'a>,
    template: &'static Template,
) -> Result<ReversalResult<'a>, Refused> {
    let mut at = view.fields::<REVERSAL_RESULT_BYTES>(template)?;
    Ok(ReversalResult {
        header: at.header()?,
        target: at.target()?,
        response_code: at.response_code()?,
        outcome: at.one_of(f::OUTCOME, Outcome::from_u8)?,
        amount: None,
        mac: at.mac()?,
    })
}

fn refund_request<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::REFUND_REQUEST.block_bytes }>(&f::REFUND_REQUEST)?;
    Ok(Message::RefundRequest(RefundRequest {
        header: at.header()?,
        key: at.key()?,
        local_time: at.local_time()?,
        root: at.root()?,
        destination: at.institution(f::DESTINATION)?,
        forwarder: at.institution(f::FORWARDER)?,
        presentation: at.one_of(f::PRESENTATION, Presentation::from_u8)?,
        amounts: at.amounts()?,
        mcc: at.mcc()?,
        country: at.country()?,
        terminal: at.chars(f::TERMINAL)?.map(Chars::printable),
        merchant_id: at.chars(f::MERCHANT_ID)?.map(Chars::printable),
        reason: at.one_of(f::REASON, Reason::from_u8)?,
        mac: at.mac()?,
    }))
}

fn refund_result<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::REFUND_RESULT.block_bytes }>(&f::REFUND_RESULT)?;
    Ok(Message::RefundResult(RefundResult {
        header: at.header()?,
        key: at.key()?,
        response_code: at.response_code()?,
        outcome: at.one_of(f::OUTCOME, Outcome::from_u8)?,
        amounts: at.amounts()?,
        settlement_date: at.date(f::SETTLEMENT_DATE)?,
        refunded_so_far: at.money(f::REFUNDED_SO_FAR)?,
        echoed: Echoed::default(),
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

fn status_inquiry<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::STATUS_INQUIRY.block_bytes }>(&f::STATUS_INQUIRY)?;
    Ok(Message::StatusInquiry(StatusInquiry {
        header: at.header()?,
        target: at.target()?,
        root: at.root()?,
        mac: at.mac()?,
    }))
}

fn status_result<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::STATUS_RESULT.block_bytes }>(&f::STATUS_RESULT)?;
    Ok(Message::StatusResult(StatusResult {
        header: at.header()?,
        target: at.target()?,
        response_code: at.response_code()?,
        state: at.one_of(f::STATE, State::from_u8)?,
        outcome: at.one_of(f::OUTCOME, Outcome::from_u8)?,
        approval_code: at.chars(f::APPROVAL_CODE)?.map(Chars::printable),
        amount: at.money(f::AMOUNT)?,
        billing: at.money(f::BILLING)?,
        settlement: at.money(f::SETTLEMENT)?,
        refunded_so_far: at.money(f::REFUNDED_SO_FAR)?,
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

fn reject<'a>(view: &View<'a>) -> Result<Message<'a>, Refused> {
    let mut at = view.fields::<{ f::REJECT.block_bytes }>(&f::REJECT)?;
    Ok(Message::Reject(Reject {
        header: at.header()?,
        regarding: at.u16(f::TEMPLATE_ID)?.unwrap_or(0),
        response_code: at.response_code()?,
        reason: at.u16(f::REJECT_REASON)?.unwrap_or(0),
        field_id: at.u16(f::FIELD_ID)?.unwrap_or(0),
        offset: at.u32(f::OFFSET)?.unwrap_or(0),
        text: at.text(f::TEXT)?,
        mac: at.mac()?,
    }))
}

/// Whether a reversal is a repeat.
const fn flag(value: u8) -> Option<bool> {
    match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

// Templates that share a shape.
const NOTICE_BYTES: usize = f::ECHO.block_bytes;
const NOTICE_ACK_BYTES: usize = f::ECHO_ACK.block_bytes;
const REVERSAL_BYTES: usize = f::REVERSAL_REQUEST.block_bytes;
const REVERSAL_RESULT_BYTES: usize = f::REVERSAL_RESULT.block_bytes;

//! Messages into bodies: each function names the fields of one template, in the order of the wire.
//!
//! What SBE does not carry is left out: `echoed` of results, `amount` of reversal results,
//! `original` of reversals, `repeat` of payment advices; they belong to a leg in ISO 8583, not to
//! the business, and are not counted as dropped. Never writes beyond the bytes it reports.

use crate::model::message::{
    CodeInquiry, CodeResult, Cutover, KeyChange, Message, Notice, NoticeAck, PaymentAdvice,
    PaymentAdviceAck, PaymentRequest, PaymentResult, RefundRequest, RefundResult, Reject, Reversal,
    ReversalResult, SignOn, SignOnAck, StatusInquiry, StatusResult,
};
use crate::model::refusal::Refusal;
use crate::wire::Encoded;
use crate::wire::sbe::layout as f;
use crate::wire::sbe::write::Writer;

/// Writes one body: header, block and var data. `BadLength` where `out` is too short.
pub fn encode(message: &Message<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    match message {
        Message::SignOn(message) => sign_on(message, out),
        Message::SignOnAck(message) => sign_on_ack(message, out),
        Message::SignOff(message) => notice(message, Writer::new(&f::SIGN_OFF, out)?),
        Message::Echo(message) => notice(message, Writer::new(&f::ECHO, out)?),
        Message::SignOffAck(message) => notice_ack(message, Writer::new(&f::SIGN_OFF_ACK, out)?),
        Message::EchoAck(message) => notice_ack(message, Writer::new(&f::ECHO_ACK, out)?),
        Message::KeyChangeAck(message) => {
            notice_ack(message, Writer::new(&f::KEY_CHANGE_ACK, out)?)
        }
        Message::CutoverAck(message) => notice_ack(message, Writer::new(&f::CUTOVER_ACK, out)?),
        Message::KeyChange(message) => key_change(message, out),
        Message::Cutover(message) => cutover(message, out),
        Message::CodeInquiry(message) => code_inquiry(message, out),
        Message::CodeResult(message) => code_result(message, out),
        Message::PaymentRequest(message) => payment_request(message, out),
        Message::PaymentResult(message) => payment_result(message, out),
        Message::PaymentAdvice(message) => payment_advice(message, out),
        Message::PaymentAdviceAck(message) => payment_advice_ack(message, out),
        Message::ReversalRequest(message) => {
            reversal(message, Writer::new(&f::REVERSAL_REQUEST, out)?)
        }
        Message::ReversalAdvice(message) => {
            reversal(message, Writer::new(&f::REVERSAL_ADVICE, out)?)
        }
        Message::ReversalResult(message) => {
            reversal_result(message, Writer::new(&f::REVERSAL_RESULT, out)?)
        }
        Message::ReversalAdviceAck(message) => {
            reversal_result(message, Writer::new(&f::REVERSAL_ADVICE_ACK, out)?)
        }
        Message::RefundRequest(message) => refund_request(message, out),
        Message::RefundResult(message) => refund_result(message, out),
        Message::StatusInquiry(message) => status_inquiry(message, out),
        Message::StatusResult(message) => status_result(message, out),
        Message::Reject(message) => reject(message, out),
    }
}

fn sign_on(message: &SignOn<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::SIGN_ON, out)?;
    to.header(&message.header);
    to.institution(f::INSTITUTION, Some(message.institution));
    to.u16(f::PROTOCOL_VERSION, message.protocol_version);
    to.date(f::BUSINESS_DATE, message.business_date);
    to.u64(f::NONCE, message.nonce);
    to.finish(message.mac)
}

fn sign_on_ack(message: &SignOnAck<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::SIGN_ON_ACK, out)?;
    to.header(&message.header);
    to.response_code(message.response_code);
    to.u16(f::SHARDS, message.shards);
    to.u16(f::SHARD, message.shard);
    to.u16(f::HEARTBEAT_SECONDS, message.heartbeat_seconds);
    to.date(f::BUSINESS_DATE, message.business_date);
    to.finish(message.mac)
}

fn notice(message: &Notice<'_>, mut to: Writer<'_>) -> Result<Encoded, Refusal> {
    to.header(&message.header);
    to.institution(f::INSTITUTION, message.institution);
    to.finish(message.mac)
}

fn notice_ack(message: &NoticeAck<'_>, mut to: Writer<'_>) -> Result<Encoded, Refusal> {
    to.header(&message.header);
    to.response_code(message.response_code);
    to.finish(message.mac)
}

fn key_change(message: &KeyChange<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::KEY_CHANGE, out)?;
    to.header(&message.header);
    to.institution(f::INSTITUTION, message.institution);
    to.u32(f::KEY_ID, Some(message.key_id));
    to.chars(f::CHECK_VALUE, Some(&message.check_value));
    to.data(f::WRAPPED_KEY, message.wrapped_key.expose());
    to.finish(message.mac)
}

fn cutover(message: &Cutover<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::CUTOVER, out)?;
    to.header(&message.header);
    to.date(f::BUSINESS_DATE, Some(message.business_date));
    to.finish(message.mac)
}

fn code_inquiry(message: &CodeInquiry<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::CODE_INQUIRY, out)?;
    to.header(&message.header);
    to.key(&message.key);
    to.local_time(message.local_time);
    to.byte(f::PRESENTATION, message.presentation.map(|it| it as u8));
    to.currency(f::WALLET_CURRENCY, message.wallet_currency);
    to.chars(f::PAYER_TOKEN, message.payer_token.as_ref());
    to.data(f::CODE, message.code.expose());
    to.finish(message.mac)
}

fn code_result(message: &CodeResult<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::CODE_RESULT, out)?;
    to.header(&message.header);
    to.key(&message.key);
    to.response_code(message.response_code);
    to.byte(f::CODE_KIND, message.code_kind.map(|it| it as u8));
    to.institution(f::OWNER, message.owner);
    to.money(f::AMOUNT, message.amount);
    to.money(f::BILLING, message.billing);
    to.rate(f::BILLING_RATE, message.billing_rate);
    to.u64(f::QUOTE_EXPIRY, message.quote_expiry.map(|wall| wall.0));
    to.u16(f::MCC, message.mcc);
    to.u16(f::COUNTRY, message.country);
    to.chars(f::MERCHANT_ID, message.merchant_id.as_ref());
    to.data(f::MERCHANT_NAME, message.merchant_name);
    to.data(f::QUOTE, message.quote);
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

fn payment_request(message: &PaymentRequest<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::PAYMENT_REQUEST, out)?;
    to.header(&message.header);
    to.key(&message.key);
    to.local_time(message.local_time);
    to.institution(f::DESTINATION, message.destination);
    to.institution(f::FORWARDER, message.forwarder);
    to.byte(f::PRESENTATION, Some(message.presentation as u8));
    to.byte(f::SCENARIO, message.scenario.map(|it| it as u8));
    to.amounts(&message.amounts);
    to.u16(f::MCC, message.mcc);
    to.u16(f::COUNTRY, message.country);
    to.chars(f::TERMINAL, message.terminal.as_ref());
    to.chars(f::MERCHANT_ID, message.merchant_id.as_ref());
    to.chars(f::PAYER_TOKEN, message.payer_token.as_ref());
    to.byte(f::KYC_LEVEL, message.kyc_level.map(|it| it as u8));
    to.data(f::CODE, message.code.expose());
    to.data(f::MERCHANT_NAME, message.merchant_name);
    to.data(f::QUOTE, message.quote);
    to.finish(message.mac)
}

fn payment_result(message: &PaymentResult<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::PAYMENT_RESULT, out)?;
    to.header(&message.header);
    to.key(&message.key);
    to.response_code(message.response_code);
    to.byte(f::OUTCOME, message.outcome.map(|it| it as u8));
    to.chars(f::APPROVAL_CODE, message.approval_code.as_ref());
    to.amounts(&message.amounts);
    to.date(f::SETTLEMENT_DATE, message.settlement_date);
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

fn payment_advice(message: &PaymentAdvice<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::PAYMENT_ADVICE, out)?;
    to.header(&message.header);
    to.target(&message.target);
    to.root(&message.root);
    to.response_code(message.response_code);
    to.byte(f::OUTCOME, message.outcome.map(|it| it as u8));
    to.chars(f::APPROVAL_CODE, message.approval_code.as_ref());
    to.amounts(&message.amounts);
    to.date(f::SETTLEMENT_DATE, message.settlement_date);
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

fn payment_advice_ack(message: &PaymentAdviceAck<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::PAYMENT_ADVICE_ACK, out)?;
    to.header(&message.header);
    to.target(&message.target);
    to.response_code(message.response_code);
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

fn reversal(message: &Reversal<'_>, mut to: Writer<'_>) -> Result<Encoded, Refusal> {
    to.header(&message.header);
    to.target(&message.target);
    to.root(&message.root);
    to.money(f::AMOUNT, Some(message.amount));
    to.byte(f::REASON, message.reason.map(|it| it as u8));
    to.byte(f::REPEAT, Some(u8::from(message.repeat)));
    to.finish(message.mac)
}

fn reversal_result(message: &ReversalResult<'_>, mut to: Writer<'_>) -> Result<Encoded, Refusal> {
    to.header(&message.header);
    to.target(&message.target);
    to.response_code(message.response_code);
    to.byte(f::OUTCOME, message.outcome.map(|it| it as u8));
    to.finish(message.mac)
}

fn refund_request(message: &RefundRequest<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::REFUND_REQUEST, out)?;
    to.header(&message.header);
    to.key(&message.key);
    to.local_time(message.local_time);
    to.root(&message.root);
    to.institution(f::DESTINATION, message.destination);
    to.institution(f::FORWARDER, message.forwarder);
    to.byte(f::PRESENTATION, message.presentation.map(|it| it as u8));
    to.amounts(&message.amounts);
    to.u16(f::MCC, message.mcc);
    to.u16(f::COUNTRY, message.country);
    to.chars(f::TERMINAL, message.terminal.as_ref());
    to.chars(f::MERCHANT_ID, message.merchant_id.as_ref());
    to.byte(f::REASON, message.reason.map(|it| it as u8));
    to.finish(message.mac)
}

fn refund_result(message: &RefundResult<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::REFUND_RESULT, out)?;
    to.header(&message.header);
    to.key(&message.key);
    to.response_code(message.response_code);
    to.byte(f::OUTCOME, message.outcome.map(|it| it as u8));
    to.amounts(&message.amounts);
    to.date(f::SETTLEMENT_DATE, message.settlement_date);
    to.money(f::REFUNDED_SO_FAR, message.refunded_so_far);
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

fn status_inquiry(message: &StatusInquiry<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::STATUS_INQUIRY, out)?;
    to.header(&message.header);
    to.target(&message.target);
    to.root(&message.root);
    to.finish(message.mac)
}

fn status_result(message: &StatusResult<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::STATUS_RESULT, out)?;
    to.header(&message.header);
    to.target(&message.target);
    to.response_code(message.response_code);
    to.byte(f::STATE, message.state.map(|it| it as u8));
    to.byte(f::OUTCOME, message.outcome.map(|it| it as u8));
    to.chars(f::APPROVAL_CODE, message.approval_code.as_ref());
    to.money(f::AMOUNT, message.amount);
    to.money(f::BILLING, message.billing);
    to.money(f::SETTLEMENT, message.settlement);
    to.money(f::REFUNDED_SO_FAR, message.refunded_so_far);
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

fn reject(message: &Reject<'_>, out: &mut [u8]) -> Result<Encoded, Refusal> {
    let mut to = Writer::new(&f::REJECT, out)?;
    to.header(&message.header);
    // Written as they are: what was refused may have had template 65535.
    to.number(f::TEMPLATE_ID, message.regarding.to_le_bytes());
    to.response_code(message.response_code);
    to.number(f::REJECT_REASON, message.reason.to_le_bytes());
    to.number(f::FIELD_ID, message.field_id.to_le_bytes());
    to.number(f::OFFSET, message.offset.to_le_bytes());
    to.data(f::TEXT, message.text);
    to.finish(message.mac)
}

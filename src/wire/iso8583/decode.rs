//! From a scanned body to a message: which kind it is, that it is complete, what it says.
//!
//! The tables of the protocol's ISO 8583 mapping. Never reads bytes itself.

use core::cell::Cell;

use crate::model::ids::Institution;
use crate::model::keys::Class;
use crate::model::message::{
    CodeInquiry, CodeResult, Cutover, KeyChange, Kind, Message, Notice, NoticeAck, PaymentAdvice,
    PaymentAdviceAck, PaymentRequest, PaymentResult, RefundRequest, RefundResult, Reject, Reversal,
    ReversalResult, SignOn, SignOnAck, StatusInquiry, StatusResult,
};
use crate::model::outcome::{
    KycLevel, Outcome, Presentation, Reason, ResponseCode, Scenario, State,
};
use crate::model::refusal::{Fault, Refusal, Refused};
use crate::model::time::{Date, Wall};
use crate::wire::iso8583::dialect::Dialect;
use crate::wire::iso8583::fields::FieldSet;
use crate::wire::iso8583::kinds;
use crate::wire::iso8583::read::{Reader, missing};
use crate::wire::iso8583::reject;
use crate::wire::iso8583::scan::{View, refusal, scan};
use crate::wire::iso8583::tags::{Tags, tag};

/// Reads one body. A code that DE 62 cannot hold alone is joined in `scratch`, and a text in
/// another character set is put into UTF-8 there; where it is too short the message is refused as
/// not supported.
pub(super) fn decode<'a>(
    dialect: &Dialect,
    body: &'a [u8],
    today: Date,
    scratch: &'a mut [u8],
) -> Result<Message<'a>, Refused> {
    let (view, scanned) = scan(dialect, body);
    let kind = kind_of(&view);
    let result = match (&kind, scanned) {
        // The fields of a message that is not ours may be another standard's.
        (Err(unknown), _) if unknown.fault == Fault::UnknownKind && unknown.field_id == 0 => {
            Err(*unknown)
        }
        (_, Err(refusal)) => Err(refusal),
        (Err(refusal), Ok(())) => Err(*refusal),
        (Ok(kind), Ok(())) => read(dialect, &view, *kind, today, scratch),
    };
    result.map_err(|refusal| Refused {
        refusal,
        match_key: view.match_key(),
        regarding: view.mti.unwrap_or(0),
        kind: kind.ok(),
    })
}

/// Which message it is: MTI, then DE 3 or DE 70. An answer that declines with the place of a fault
/// in DE 44 is a Reject, whatever else it is.
fn kind_of(view: &View<'_, '_>) -> Result<Kind, Refusal> {
    let mti = view.mti.ok_or_else(|| refusal(Fault::Truncated, 0, 0))?;
    let answer = kinds::is_answer_mti(mti);
    if answer && is_reject(view) {
        return Ok(Kind::Reject);
    }
    Ok(match mti {
        100 | 101 | 110 => match (class_of(view)?, answer) {
            (Class::CodeInquiry, false) => Kind::CodeInquiry,
            (Class::CodeInquiry, true) => Kind::CodeResult,
            (Class::Payment | Class::Refund, false) => Kind::StatusInquiry,
            (Class::Payment | Class::Refund, true) => Kind::StatusResult,
        },
        200 | 201 | 210 => match (class_of(view)?, answer) {
            (Class::Payment, false) => Kind::PaymentRequest,
            (Class::Payment, true) => Kind::PaymentResult,
            (Class::Refund, false) => Kind::RefundRequest,
            (Class::Refund, true) => Kind::RefundResult,
            (Class::CodeInquiry, _) => {
                return Err(refusal(Fault::UnknownKind, 3, view.offset(3)));
            }
        },
        220 | 221 => Kind::PaymentAdvice,
        230 => Kind::PaymentAdviceAck,
        400 | 401 => Kind::ReversalRequest,
        410 => Kind::ReversalResult,
        420 | 421 => Kind::ReversalAdvice,
        430 => Kind::ReversalAdviceAck,
        800 | 801 | 810 => {
            let code = view.number(70).ok_or_else(|| missing(70))?;
            kinds::network_kind(code, answer)
                .ok_or_else(|| refusal(Fault::UnknownKind, 70, view.offset(70)))?
        }
        _ => return Err(refusal(Fault::UnknownKind, 0, 0)),
    })
}

fn class_of(view: &View<'_, '_>) -> Result<Class, Refusal> {
    let code = view.number(3).ok_or_else(|| missing(3))?;
    kinds::class_of(code).ok_or_else(|| refusal(Fault::UnknownKind, 3, view.offset(3)))
}

fn is_reject(view: &View<'_, '_>) -> bool {
    view.has(39)
        && view.bytes(39) != ResponseCode::APPROVED.0
        && reject::parse(view.bytes(44)).is_some()
}

/// Refusals in order of precedence: fields that this kind may not carry, a MAC that is not the last
/// field, what we do not do yet, what is missing, the tag list, then values.
fn read<'a>(
    dialect: &Dialect,
    view: &View<'_, 'a>,
    kind: Kind,
    today: Date,
    scratch: &'a mut [u8],
) -> Result<Message<'a>, Refusal> {
    if let Some(field) = view.present.except(dialect.fields_of(kind)).first() {
        return Err(refusal(Fault::NotInDialect, field, view.offset(field)));
    }
    if view.has(64) && view.present.needs_secondary() {
        return Err(refusal(Fault::Inconsistent, 64, view.offset(64)));
    }
    if view.has(95) && matches!(kind, Kind::ReversalRequest | Kind::ReversalAdvice) {
        return Err(refusal(Fault::NotSupported, 95, view.offset(95)));
    }
    if let Some(field) = missing_field(view, kind) {
        return Err(missing(field));
    }
    let tags = Tags::parse(view.bytes(48), view.offset(48))?;
    let reader = Reader {
        view,
        tags,
        today,
        set: dialect.charset().chinese(),
        scratch: Cell::new(scratch),
    };
    match kind {
        Kind::SignOn => reader.sign_on().map(Message::SignOn),
        Kind::SignOnAck => reader.sign_on_ack().map(Message::SignOnAck),
        Kind::SignOff => reader.notice().map(Message::SignOff),
        Kind::SignOffAck => reader.notice_ack().map(Message::SignOffAck),
        Kind::Echo => reader.notice().map(Message::Echo),
        Kind::EchoAck => reader.notice_ack().map(Message::EchoAck),
        Kind::KeyChange => reader.key_change().map(Message::KeyChange),
        Kind::KeyChangeAck => reader.notice_ack().map(Message::KeyChangeAck),
        Kind::Cutover => reader.cutover().map(Message::Cutover),
        Kind::CutoverAck => reader.notice_ack().map(Message::CutoverAck),
        Kind::CodeInquiry => reader.code_inquiry().map(Message::CodeInquiry),
        Kind::CodeResult => reader.code_result().map(Message::CodeResult),
        Kind::PaymentRequest => reader.payment().map(Message::PaymentRequest),
        Kind::PaymentResult => reader.payment_result().map(Message::PaymentResult),
        Kind::PaymentAdvice => reader.payment_advice().map(Message::PaymentAdvice),
        Kind::PaymentAdviceAck => reader.payment_advice_ack().map(Message::PaymentAdviceAck),
        Kind::ReversalRequest => reader.reversal().map(Message::ReversalRequest),
        Kind::ReversalResult => reader.reversal_result().map(Message::ReversalResult),
        Kind::ReversalAdvice => reader.reversal().map(Message::ReversalAdvice),
        Kind::ReversalAdviceAck => reader.reversal_result().map(Message::ReversalAdviceAck),
        Kind::RefundRequest => reader.refund().map(Message::RefundRequest),
        Kind::RefundResult => reader.refund_result().map(Message::RefundResult),
        Kind::StatusInquiry => reader.status_inquiry().map(Message::StatusInquiry),
        Kind::StatusResult => reader.status_result().map(Message::StatusResult),
        Kind::Reject => reader.reject().map(Message::Reject),
    }
}

/// The lowest field that this kind needs and the body lacks.
fn missing_field(view: &View<'_, '_>, kind: Kind) -> Option<u8> {
    let mut required = kinds::required(kind);
    // DE 38 comes with an approval. ISO 8583:1987 section 5, condition "if approved".
    if kind == Kind::PaymentResult && view.bytes(39) == ResponseCode::APPROVED.0 {
        required = required.union(FieldSet::of(&[38]));
    }
    required.except(view.present).first()
}

/// What a payment's or refund's response code says of its outcome where tag 15 does not.
pub(super) fn implied_outcome(code: ResponseCode) -> Option<Outcome> {
    match code {
        ResponseCode::APPROVED => Some(Outcome::Approved),
        // Not decided yet, or said of this message alone and not of what its key names.
        ResponseCode::PENDING
        | ResponseCode::NO_ANSWER
        | ResponseCode::CONFLICT
        | ResponseCode::BAD_MAC
        | ResponseCode::SHED => None,
        _ => Some(Outcome::Declined),
    }
}

/// The same for a reversal: it was done, or nothing is known.
pub(super) fn implied_reversal(code: ResponseCode) -> Option<Outcome> {
    (code == ResponseCode::APPROVED).then_some(Outcome::Reversed)
}

impl<'a> Reader<'_, '_, 'a> {
    fn sign_on(&self) -> Result<SignOn<'a>, Refusal> {
        Ok(SignOn {
            header: self.header()?,
            institution: self.institution(32)?.ok_or_else(|| missing(32))?,
            protocol_version: self.find(tag::PROTOCOL_VERSION, |tag| tag.small())?,
            business_date: self.business_date()?,
            nonce: self.find(tag::NONCE, |tag| tag.number())?,
            mac: self.mac(),
        })
    }

    fn sign_on_ack(&self) -> Result<SignOnAck<'a>, Refusal> {
        Ok(SignOnAck {
            header: self.header()?,
            response_code: self.response_code()?,
            shards: self.find(tag::SHARDS, |tag| tag.small())?,
            shard: self.find(tag::SHARD, |tag| tag.small())?,
            // ISO 8583 has no place for it.
            heartbeat_seconds: None,
            business_date: self.business_date()?,
            mac: self.mac(),
        })
    }

    fn notice(&self) -> Result<Notice<'a>, Refusal> {
        Ok(Notice {
            header: self.header()?,
            institution: self.institution(32)?,
            mac: self.mac(),
        })
    }

    fn notice_ack(&self) -> Result<NoticeAck<'a>, Refusal> {
        Ok(NoticeAck {
            header: self.header()?,
            response_code: self.response_code()?,
            mac: self.mac(),
        })
    }

    fn key_change(&self) -> Result<KeyChange<'a>, Refusal> {
        Ok(KeyChange {
            header: self.header()?,
            institution: self.institution(32)?,
            key_id: self
                .find(tag::KEY_ID, |tag| tag.small())?
                .ok_or_else(|| missing(48))?,
            check_value: self.short(tag::CHECK_VALUE)?.unwrap_or_default(),
            wrapped_key: self.wrapped_key()?,
            mac: self.mac(),
        })
    }

    fn cutover(&self) -> Result<Cutover<'a>, Refusal> {
        Ok(Cutover {
            header: self.header()?,
            business_date: self.business_date()?.ok_or_else(|| missing(15))?,
            mac: self.mac(),
        })
    }

    fn code_inquiry(&self) -> Result<CodeInquiry<'a>, Refusal> {
        self.inquiry_kind(false)?;
        let code = self.code()?;
        if code.is_empty() {
            return Err(missing(62));
        }
        Ok(CodeInquiry {
            header: self.header()?,
            key: self.key()?,
            local_time: self.local_time()?,
            presentation: self.presentation()?,
            wallet_currency: self.wallet_currency()?,
            payer_token: self.short(tag::PAYER_TOKEN)?,
            code,
            mac: self.mac(),
        })
    }

    fn code_result(&self) -> Result<CodeResult<'a>, Refusal> {
        Ok(CodeResult {
            header: self.header()?,
            key: self.key()?,
            response_code: self.response_code()?,
            // ISO 8583 has no place for it.
            code_kind: None,
            owner: self.find(tag::OWNER, |tag| {
                Institution::new(tag.number()?).ok_or_else(|| tag.bad_value())
            })?,
            amount: self.money(4, 49)?,
            billing: self.money(6, 51)?,
            billing_rate: self.rate(10)?,
            quote_expiry: self.find(tag::QUOTE_EXPIRY, |tag| {
                tag.number()?
                    .checked_mul(1_000_000_000)
                    .map(Wall)
                    .ok_or_else(|| tag.bad_value())
            })?,
            mcc: self.nonzero(18),
            country: self.nonzero(19),
            merchant_id: self.chars(42),
            merchant_name: self.merchant_name()?,
            quote: self.quote()?,
            text: self.text()?,
            mac: self.mac(),
        })
    }

    /// Tag 14 is `S` in a status inquiry and absent elsewhere.
    fn inquiry_kind(&self, status: bool) -> Result<(), Refusal> {
        match self.tags.find(tag::INQUIRY_KIND) {
            None if status => Err(missing(48)),
            Some(tag) if tag.value != b"S" => Err(tag.bad_value()),
            Some(tag) if !status => Err(refusal(Fault::Inconsistent, 48, tag.offset)),
            None | Some(_) => Ok(()),
        }
    }

    /// DE 22 is 030, a code, in every request that has it.
    fn entry_mode(&self) -> Result<(), Refusal> {
        match self.view.number(22) {
            Some(30) => Ok(()),
            _ => Err(refusal(Fault::BadValue, 22, self.view.offset(22))),
        }
    }

    fn payment(&self) -> Result<PaymentRequest<'a>, Refusal> {
        self.entry_mode()?;
        let presentation = self.presentation()?.ok_or_else(|| missing(48))?;
        let code = self.code()?;
        if presentation == Presentation::Cpm && code.is_empty() {
            return Err(missing(62));
        }
        Ok(PaymentRequest {
            header: self.header()?,
            key: self.key()?,
            local_time: self.local_time()?,
            destination: self.institution(100)?,
            forwarder: self.institution(33)?,
            presentation,
            scenario: self.find(tag::SCENARIO, |tag| tag.one_of(Scenario::from_u8))?,
            amounts: self.amounts()?,
            mcc: self.nonzero(18),
            country: self.nonzero(19),
            terminal: self.chars(41),
            merchant_id: self.chars(42),
            payer_token: self.short(tag::PAYER_TOKEN)?,
            kyc_level: self.find(tag::KYC_LEVEL, |tag| tag.one_of(KycLevel::from_u8))?,
            code,
            merchant_name: self.merchant_name()?,
            quote: self.quote()?,
            mac: self.mac(),
        })
    }

    fn payment_result(&self) -> Result<PaymentResult<'a>, Refusal> {
        let response_code = self.response_code()?;
        Ok(PaymentResult {
            header: self.header()?,
            key: self.key()?,
            response_code,
            outcome: self.outcome(implied_outcome(response_code))?,
            approval_code: self.chars(38),
            amounts: self.amounts()?,
            settlement_date: self.date(15)?,
            echoed: self.echoed()?,
            text: self.text()?,
            mac: self.mac(),
        })
    }

    fn payment_advice(&self) -> Result<PaymentAdvice<'a>, Refusal> {
        let (target, root) = self.target_and_root()?;
        let response_code = self.response_code()?;
        Ok(PaymentAdvice {
            header: self.header()?,
            target,
            root,
            repeat: self.is_repeat(),
            response_code,
            outcome: self.outcome(implied_outcome(response_code))?,
            approval_code: self.chars(38),
            amounts: self.amounts()?,
            settlement_date: self.date(15)?,
            text: self.text()?,
            mac: self.mac(),
        })
    }

    fn payment_advice_ack(&self) -> Result<PaymentAdviceAck<'a>, Refusal> {
        Ok(PaymentAdviceAck {
            header: self.header()?,
            target: self.target()?.0,
            response_code: self.response_code()?,
            text: self.text()?,
            mac: self.mac(),
        })
    }

    /// The MTI's last digit. ISO 8583:1987 section 4.1: 1 marks a repeat.
    fn is_repeat(&self) -> bool {
        self.view.mti.is_some_and(|mti| mti % 10 == 1)
    }

    fn reversal(&self) -> Result<Reversal<'a>, Refusal> {
        let (target, root) = self.target_and_root()?;
        Ok(Reversal {
            header: self.header()?,
            target,
            root,
            amount: self.money(4, 49)?.ok_or_else(|| missing(4))?,
            reason: self.find(tag::REASON, |tag| tag.one_of(Reason::from_u8))?,
            repeat: self.is_repeat(),
            original: self.original(),
            mac: self.mac(),
        })
    }

    fn reversal_result(&self) -> Result<ReversalResult<'a>, Refusal> {
        let response_code = self.response_code()?;
        Ok(ReversalResult {
            header: self.header()?,
            target: self.target()?.0,
            response_code,
            outcome: self.outcome(implied_reversal(response_code))?,
            amount: self.money(4, 49)?,
            mac: self.mac(),
        })
    }

    fn refund(&self) -> Result<RefundRequest<'a>, Refusal> {
        self.entry_mode()?;
        Ok(RefundRequest {
            header: self.header()?,
            key: self.key()?,
            local_time: self.local_time()?,
            root: self.root()?.ok_or_else(|| missing(48))?,
            destination: self.institution(100)?,
            forwarder: self.institution(33)?,
            presentation: self.presentation()?,
            amounts: self.amounts()?,
            mcc: self.nonzero(18),
            country: self.nonzero(19),
            terminal: self.chars(41),
            merchant_id: self.chars(42),
            reason: self.find(tag::REASON, |tag| tag.one_of(Reason::from_u8))?,
            mac: self.mac(),
        })
    }

    fn refund_result(&self) -> Result<RefundResult<'a>, Refusal> {
        let response_code = self.response_code()?;
        Ok(RefundResult {
            header: self.header()?,
            key: self.key()?,
            response_code,
            outcome: self.outcome(implied_outcome(response_code))?,
            amounts: self.amounts()?,
            settlement_date: self.date(15)?,
            refunded_so_far: self.refunded_so_far()?,
            echoed: self.echoed()?,
            text: self.text()?,
            mac: self.mac(),
        })
    }

    fn status_inquiry(&self) -> Result<StatusInquiry<'a>, Refusal> {
        self.inquiry_kind(true)?;
        let (target, root) = self.target_and_root()?;
        Ok(StatusInquiry {
            header: self.header()?,
            target,
            root,
            mac: self.mac(),
        })
    }

    fn status_result(&self) -> Result<StatusResult<'a>, Refusal> {
        Ok(StatusResult {
            header: self.header()?,
            target: self.target()?.0,
            response_code: self.response_code()?,
            state: self.find(tag::STATE, |tag| tag.one_of(State::from_u8))?,
            // 00 says that the inquiry was answered, not how the transaction ended.
            outcome: self.outcome(None)?,
            approval_code: self.chars(38),
            amount: self.money(4, 49)?,
            billing: self.money(6, 51)?,
            settlement: self.money(5, 50)?,
            refunded_so_far: self.refunded_so_far()?,
            text: self.text()?,
            mac: self.mac(),
        })
    }

    fn reject(&self) -> Result<Reject<'a>, Refusal> {
        let place = reject::parse(self.view.bytes(44)).ok_or_else(|| missing(44))?;
        Ok(Reject {
            header: self.header()?,
            // The request's MTI: an answer's is ten more.
            regarding: self.view.mti.unwrap_or(0).saturating_sub(10),
            response_code: self.response_code()?,
            reason: place.reason,
            field_id: place.field_id,
            offset: place.offset,
            text: &[],
            mac: self.mac(),
        })
    }
}

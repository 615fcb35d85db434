//! THE COMMON MESSAGE: what participants say to each other, whatever bytes they say it in.
//!
//! A message borrows texts and codes from the frame it was decoded from and copies everything
//! else. `Option::None` is a null value in SBE and an absent field in ISO 8583.

pub use crate::model::kind::Kind;

use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, MatchKey};
use crate::model::keys::{BusinessKey, Key};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{CodeKind, KycLevel, Outcome, Presentation};
use crate::model::outcome::{Reason, ResponseCode, Scenario, State};
use crate::model::time::{Date, LocalTime, Wall};

/// What every message starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Echoed by the answer. SBE `linkRef`; ISO 8583 DE 7 and DE 11, packed.
    pub match_key: MatchKey,
    /// When the sender sent it, by its own clock. SBE `transmitTime` (null: zero); in ISO 8583 the
    /// only trace is DE 7, which is part of the match key, so a decoded header has zero here.
    pub transmit_time: Wall,
}

/// First message of a session. SBE 1, ISO 8583 0800 with DE 70 = 001.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct SignOn<'a> {
    pub header: Header,
    pub institution: Institution,
    pub protocol_version: Option<u16>,
    pub business_date: Option<Date>,
    pub nonce: Option<u64>,
    pub mac: &'a [u8],
}

/// Answer to [`SignOn`]. SBE 2, 0810.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct SignOnAck<'a> {
    pub header: Header,
    pub response_code: ResponseCode,
    pub shards: Option<u16>,
    pub shard: Option<u16>,
    pub heartbeat_seconds: Option<u16>,
    pub business_date: Option<Date>,
    pub mac: &'a [u8],
}

/// SignOff (SBE 3, DE 70 = 002) and Echo (SBE 5, DE 70 = 301).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct Notice<'a> {
    pub header: Header,
    /// DE 32, which ISO 8583 needs in a sign-on only.
    pub institution: Option<Institution>,
    pub mac: &'a [u8],
}

/// SignOffAck, EchoAck, KeyChangeAck, CutoverAck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct NoticeAck<'a> {
    pub header: Header,
    pub response_code: ResponseCode,
    pub mac: &'a [u8],
}

/// A new working key. SBE 7, DE 70 = 161.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct KeyChange<'a> {
    pub header: Header,
    pub institution: Option<Institution>,
    pub key_id: u32,
    pub check_value: Chars<6>,
    pub wrapped_key: Sensitive<'a>,
    pub mac: &'a [u8],
}

/// A new business date. SBE 9, DE 70 = 201.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct Cutover<'a> {
    pub header: Header,
    pub business_date: Date,
    pub mac: &'a [u8],
}

/// Whose code is this, what does it cost? SBE 20, 0100 with DE 3 = 380000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct CodeInquiry<'a> {
    pub header: Header,
    pub key: Key,
    pub local_time: Option<LocalTime>,
    pub presentation: Option<Presentation>,
    pub wallet_currency: Option<Currency>,
    pub payer_token: Option<Chars<32>>,
    pub code: Sensitive<'a>,
    pub mac: &'a [u8],
}

/// Answer to [`CodeInquiry`]. SBE 21, 0110.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct CodeResult<'a> {
    pub header: Header,
    pub key: Key,
    pub response_code: ResponseCode,
    pub code_kind: Option<CodeKind>,
    pub owner: Option<Institution>,
    pub amount: Option<Money>,
    pub billing: Option<Money>,
    pub billing_rate: Option<Rate>,
    /// SBE carries nanoseconds; ISO 8583 whole seconds.
    pub quote_expiry: Option<Wall>,
    pub mcc: Option<u16>,
    pub country: Option<u16>,
    pub merchant_id: Option<Chars<15>>,
    pub merchant_name: &'a [u8],
    pub quote: &'a [u8],
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// The amounts of a payment in up to three currencies, and how they relate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amounts {
    /// The merchant's currency. DE 4, 49.
    pub amount: Money,
    /// The wallet's currency. DE 6, 51.
    pub billing: Option<Money>,
    /// The settlement currency. DE 5, 50.
    pub settlement: Option<Money>,
    /// Amount to billing. DE 10.
    pub billing_rate: Option<Rate>,
    /// Amount to settlement. DE 9.
    pub settlement_rate: Option<Rate>,
}

/// Pay. SBE 30, 0200 with DE 3 = 000000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct PaymentRequest<'a> {
    pub header: Header,
    pub key: Key,
    pub local_time: Option<LocalTime>,
    /// Null: by the code. DE 100.
    pub destination: Option<Institution>,
    /// The session's institution where it fronts the originator. DE 33.
    pub forwarder: Option<Institution>,
    pub presentation: Presentation,
    /// The switch fills it. DE 48 tag 02.
    pub scenario: Option<Scenario>,
    pub amounts: Amounts,
    /// DE 18; 0000 is null.
    pub mcc: Option<u16>,
    /// The merchant's country, ISO 3166-1 numeric. DE 19.
    pub country: Option<u16>,
    /// DE 41; blank is null.
    pub terminal: Option<Chars<8>>,
    /// DE 42; blank is null.
    pub merchant_id: Option<Chars<15>>,
    /// DE 48 tag 04.
    pub payer_token: Option<Chars<32>>,
    /// DE 48 tag 03.
    pub kyc_level: Option<KycLevel>,
    /// UTF-8. DE 62, continued in 63.
    pub code: Sensitive<'a>,
    /// UTF-8. DE 48 tag 07.
    pub merchant_name: &'a [u8],
    /// An opaque token, base64url text in both encodings. DE 48 tag 05.
    pub quote: &'a [u8],
    pub mac: &'a [u8],
}

/// What ISO 8583 answers repeat from their request, beside the key. SBE results do not carry it:
/// decoded from SBE it is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "as in PaymentRequest")]
pub struct Echoed {
    pub local_time: Option<LocalTime>,
    pub presentation: Option<Presentation>,
    pub mcc: Option<u16>,
    pub terminal: Option<Chars<8>>,
    pub merchant_id: Option<Chars<15>>,
}

/// Answer to [`PaymentRequest`] (SBE 31, 0210) and body of [`PaymentAdvice`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct PaymentResult<'a> {
    pub header: Header,
    pub key: Key,
    pub response_code: ResponseCode,
    /// DE 48 tag 15; where ISO 8583 omits it: 00 approved, 09 and 68 nothing, others declined.
    pub outcome: Option<Outcome>,
    /// DE 38.
    pub approval_code: Option<Chars<6>>,
    pub amounts: Amounts,
    /// Ours. DE 15.
    pub settlement_date: Option<Date>,
    pub echoed: Echoed,
    /// DE 44.
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// The result of a payment that was answered 09 or 68. SBE 32, 0220 (repeat: 0221).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct PaymentAdvice<'a> {
    pub header: Header,
    pub target: BusinessKey,
    pub root: Key,
    pub repeat: bool,
    pub response_code: ResponseCode,
    pub outcome: Option<Outcome>,
    pub approval_code: Option<Chars<6>>,
    pub amounts: Amounts,
    pub settlement_date: Option<Date>,
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// SBE 33, 0230.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct PaymentAdviceAck<'a> {
    pub header: Header,
    pub target: BusinessKey,
    pub response_code: ResponseCode,
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// ReversalRequest (SBE 40, 0400/0401) and ReversalAdvice (SBE 42, 0420/0421): undo all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct Reversal<'a> {
    pub header: Header,
    pub target: BusinessKey,
    pub root: Key,
    pub amount: Money,
    /// DE 48 tag 12.
    pub reason: Option<Reason>,
    pub repeat: bool,
    /// DE 90: DE 11 and 7 of the target on this leg; zeros and SBE: none. A cross-check, not a key.
    pub original: Option<MatchKey>,
    pub mac: &'a [u8],
}

/// ReversalResult (SBE 41, 0410) and ReversalAdviceAck (SBE 43, 0430).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct ReversalResult<'a> {
    pub header: Header,
    pub target: BusinessKey,
    pub response_code: ResponseCode,
    pub outcome: Option<Outcome>,
    /// Echoed in ISO 8583 (DE 4, 49); SBE does not carry it.
    pub amount: Option<Money>,
    pub mac: &'a [u8],
}

/// Give money back. SBE 50, 0200 with DE 3 = 200000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct RefundRequest<'a> {
    pub header: Header,
    pub key: Key,
    pub local_time: Option<LocalTime>,
    pub root: Key,
    pub destination: Option<Institution>,
    pub forwarder: Option<Institution>,
    pub presentation: Option<Presentation>,
    pub amounts: Amounts,
    pub mcc: Option<u16>,
    pub country: Option<u16>,
    pub terminal: Option<Chars<8>>,
    pub merchant_id: Option<Chars<15>>,
    pub reason: Option<Reason>,
    pub mac: &'a [u8],
}

/// Answer to [`RefundRequest`]. SBE 51, 0210 with DE 3 = 200000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct RefundResult<'a> {
    pub header: Header,
    pub key: Key,
    pub response_code: ResponseCode,
    pub outcome: Option<Outcome>,
    pub amounts: Amounts,
    pub settlement_date: Option<Date>,
    pub refunded_so_far: Option<Money>,
    pub echoed: Echoed,
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// How is it now? SBE 60, 0100 with DE 48 tag 14 = S.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct StatusInquiry<'a> {
    pub header: Header,
    pub target: BusinessKey,
    pub root: Key,
    pub mac: &'a [u8],
}

/// Answer to [`StatusInquiry`]. SBE 61, 0110.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct StatusResult<'a> {
    pub header: Header,
    pub target: BusinessKey,
    pub response_code: ResponseCode,
    pub state: Option<State>,
    pub outcome: Option<Outcome>,
    pub approval_code: Option<Chars<6>>,
    pub amount: Option<Money>,
    pub billing: Option<Money>,
    pub settlement: Option<Money>,
    pub refunded_so_far: Option<Money>,
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// The message with this match key was refused. SBE 99. ISO 8583 has no such message: there it is
/// the answer of the refused kind, with DE 39 and DE 44 = `FdddRrrrOooooo`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields of the schema, under their own names"
)]
pub struct Reject<'a> {
    pub header: Header,
    /// The refused message's template id (SBE) or MTI as a number, 200 for 0200 (ISO 8583).
    pub regarding: u16,
    pub response_code: ResponseCode,
    /// [`crate::model::refusal::Fault`] as a number.
    pub reason: u16,
    /// SBE field id or DE number; zero: none.
    pub field_id: u16,
    /// Offset in the body, in bytes.
    pub offset: u32,
    pub text: &'a [u8],
    pub mac: &'a [u8],
}

/// Any message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each is documented on its own type")]
pub enum Message<'a> {
    SignOn(SignOn<'a>),
    SignOnAck(SignOnAck<'a>),
    SignOff(Notice<'a>),
    SignOffAck(NoticeAck<'a>),
    Echo(Notice<'a>),
    EchoAck(NoticeAck<'a>),
    KeyChange(KeyChange<'a>),
    KeyChangeAck(NoticeAck<'a>),
    Cutover(Cutover<'a>),
    CutoverAck(NoticeAck<'a>),
    CodeInquiry(CodeInquiry<'a>),
    CodeResult(CodeResult<'a>),
    PaymentRequest(PaymentRequest<'a>),
    PaymentResult(PaymentResult<'a>),
    PaymentAdvice(PaymentAdvice<'a>),
    PaymentAdviceAck(PaymentAdviceAck<'a>),
    ReversalRequest(Reversal<'a>),
    ReversalResult(ReversalResult<'a>),
    ReversalAdvice(Reversal<'a>),
    ReversalAdviceAck(ReversalResult<'a>),
    RefundRequest(RefundRequest<'a>),
    RefundResult(RefundResult<'a>),
    StatusInquiry(StatusInquiry<'a>),
    StatusResult(StatusResult<'a>),
    Reject(Reject<'a>),
}

impl Message<'_> {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::SignOn(_) => Kind::SignOn,
            Self::SignOnAck(_) => Kind::SignOnAck,
            Self::SignOff(_) => Kind::SignOff,
            Self::SignOffAck(_) => Kind::SignOffAck,
            Self::Echo(_) => Kind::Echo,
            Self::EchoAck(_) => Kind::EchoAck,
            Self::KeyChange(_) => Kind::KeyChange,
            Self::KeyChangeAck(_) => Kind::KeyChangeAck,
            Self::Cutover(_) => Kind::Cutover,
            Self::CutoverAck(_) => Kind::CutoverAck,
            Self::CodeInquiry(_) => Kind::CodeInquiry,
            Self::CodeResult(_) => Kind::CodeResult,
            Self::PaymentRequest(_) => Kind::PaymentRequest,
            Self::PaymentResult(_) => Kind::PaymentResult,
            Self::PaymentAdvice(_) => Kind::PaymentAdvice,
            Self::PaymentAdviceAck(_) => Kind::PaymentAdviceAck,
            Self::ReversalRequest(_) => Kind::ReversalRequest,
            Self::ReversalResult(_) => Kind::ReversalResult,
            Self::ReversalAdvice(_) => Kind::ReversalAdvice,
            Self::ReversalAdviceAck(_) => Kind::ReversalAdviceAck,
            Self::RefundRequest(_) => Kind::RefundRequest,
            Self::RefundResult(_) => Kind::RefundResult,
            Self::StatusInquiry(_) => Kind::StatusInquiry,
            Self::StatusResult(_) => Kind::StatusResult,
            Self::Reject(_) => Kind::Reject,
        }
    }

    /// Its header.
    pub const fn header(&self) -> &Header {
        match self {
            Self::SignOn(message) => &message.header,
            Self::SignOnAck(message) => &message.header,
            Self::SignOff(message) | Self::Echo(message) => &message.header,
            Self::SignOffAck(message)
            | Self::EchoAck(message)
            | Self::KeyChangeAck(message)
            | Self::CutoverAck(message) => &message.header,
            Self::KeyChange(message) => &message.header,
            Self::Cutover(message) => &message.header,
            Self::CodeInquiry(message) => &message.header,
            Self::CodeResult(message) => &message.header,
            Self::PaymentRequest(message) => &message.header,
            Self::PaymentResult(message) => &message.header,
            Self::PaymentAdvice(message) => &message.header,
            Self::PaymentAdviceAck(message) => &message.header,
            Self::ReversalRequest(message) | Self::ReversalAdvice(message) => &message.header,
            Self::ReversalResult(message) | Self::ReversalAdviceAck(message) => &message.header,
            Self::RefundRequest(message) => &message.header,
            Self::RefundResult(message) => &message.header,
            Self::StatusInquiry(message) => &message.header,
            Self::StatusResult(message) => &message.header,
            Self::Reject(message) => &message.header,
        }
    }
}

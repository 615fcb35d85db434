//! Where each field is: the code's side of `schema.xml`, which is the source.
//!
//! Fields follow one another without padding, so that a template is a list and every offset is a
//! sum. The tests prove ids, names, offsets, lengths, nulls and enumerators equal to the schema's;
//! readers and writers assert in debug builds that they follow this list.
//!
//! ```text
//! body = message header (8) | block (block_bytes or more) | var data: u16 length, bytes | .. | mac
//! message header = blockLength u16 | templateId u16 | schemaId u16 | version u16, little-endian
//! ```

use crate::model::message::Kind;

/// How a field is encoded. Multi-byte numbers are little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Null 255. Enumerations and flags too.
    U8,
    /// Null 65535.
    U16,
    /// Null 4294967295.
    U32,
    /// Null 2^64 - 1.
    U64,
    /// ASCII, padded with spaces on the right; null where the first byte is 0.
    Chars(usize),
    /// i64 and u16, both null (the least i64, 65535) or neither.
    Money,
    /// i64 and i8, both null (the least of each) or neither.
    Rate,
    /// After the block: u16 length and as many bytes. Empty is null.
    Data,
}

/// A field of the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    /// Its id, the same in all messages.
    pub(super) id: u16,
    /// Its name in the schema.
    pub(super) name: &'static str,
    /// How it is encoded.
    pub(super) form: Form,
}

impl Field {
    const fn new(id: u16, name: &'static str, form: Form) -> Self {
        Self { id, name, form }
    }

    /// Bytes in the block; var data has none there.
    pub(super) const fn bytes(self) -> usize {
        match self.form {
            Form::U8 => 1,
            Form::U16 => 2,
            Form::U32 => 4,
            Form::U64 => 8,
            Form::Chars(length) => length,
            Form::Money => 10,
            Form::Rate => 9,
            Form::Data => 0,
        }
    }
}

/// A message of the schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Template {
    /// Which; its number is the template id.
    pub(super) kind: Kind,
    /// The block, in order, without padding.
    pub(super) fields: &'static [Field],
    /// The var data, in order; the last is always `mac`.
    pub(super) data: &'static [Field],
    /// `blockLength` of version 0: what a block has at least.
    pub(super) block_bytes: usize,
}

impl Template {
    const fn new(kind: Kind, fields: &'static [Field], data: &'static [Field]) -> Self {
        Self {
            kind,
            fields,
            data,
            block_bytes: offset_in(fields, fields.len()),
        }
    }

    /// Where the `n`-th field starts, from the start of the block.
    #[cfg(test)]
    pub(super) const fn offset(&self, n: usize) -> usize {
        offset_in(self.fields, n)
    }
}

/// Sum of the lengths of the first `n` of `fields`.
const fn offset_in(mut fields: &[Field], n: usize) -> usize {
    let (mut sum, mut left) = (0, n);
    while let [first, rest @ ..] = fields {
        if left == 0 {
            break;
        }
        sum += first.bytes();
        left -= 1;
        fields = rest;
    }
    sum
}

/// `schemaId`: "CP".
pub(super) const SCHEMA_ID: u16 = 0x4350;
/// The version that we write, and the oldest that we read.
pub(super) const VERSION: u16 = 0;
/// Bytes of the message header.
pub(super) const HEADER_BYTES: usize = 8;
/// Largest length of var data; 65535 is the null of its length type.
pub(super) const DATA_BYTES_MAX: usize = 65_534;

/// The template with this id.
pub(super) const fn template(id: u16) -> Option<&'static Template> {
    // A match, not a search: it is a jump table, on the way of every message.
    Some(match id {
        1 => &SIGN_ON,
        2 => &SIGN_ON_ACK,
        3 => &SIGN_OFF,
        4 => &SIGN_OFF_ACK,
        5 => &ECHO,
        6 => &ECHO_ACK,
        7 => &KEY_CHANGE,
        8 => &KEY_CHANGE_ACK,
        9 => &CUTOVER,
        10 => &CUTOVER_ACK,
        20 => &CODE_INQUIRY,
        21 => &CODE_RESULT,
        30 => &PAYMENT_REQUEST,
        31 => &PAYMENT_RESULT,
        32 => &PAYMENT_ADVICE,
        33 => &PAYMENT_ADVICE_ACK,
        40 => &REVERSAL_REQUEST,
        41 => &REVERSAL_RESULT,
        42 => &REVERSAL_ADVICE,
        43 => &REVERSAL_ADVICE_ACK,
        50 => &REFUND_REQUEST,
        51 => &REFUND_RESULT,
        60 => &STATUS_INQUIRY,
        61 => &STATUS_RESULT,
        99 => &REJECT,
        _ => return None,
    })
}

// Fields, by id. The groups of ids are explained in the schema.

pub(super) const LINK_REF: Field = Field::new(1, "linkRef", Form::U64);
pub(super) const TRANSMIT_TIME: Field = Field::new(2, "transmitTime", Form::U64);
pub(super) const RESPONSE_CODE: Field = Field::new(3, "responseCode", Form::Chars(2));
pub(super) const OUTCOME: Field = Field::new(4, "outcome", Form::U8);
pub(super) const STATE: Field = Field::new(5, "state", Form::U8);
pub(super) const TEXT: Field = Field::new(6, "text", Form::Data);
pub(super) const MAC: Field = Field::new(7, "mac", Form::Data);
pub(super) const INSTITUTION: Field = Field::new(10, "institution", Form::U64);
pub(super) const PROTOCOL_VERSION: Field = Field::new(11, "protocolVersion", Form::U16);
pub(super) const BUSINESS_DATE: Field = Field::new(12, "businessDate", Form::U32);
pub(super) const NONCE: Field = Field::new(13, "nonce", Form::U64);
pub(super) const SHARDS: Field = Field::new(14, "shards", Form::U16);
pub(super) const SHARD: Field = Field::new(15, "shard", Form::U16);
pub(super) const HEARTBEAT_SECONDS: Field = Field::new(16, "heartbeatSeconds", Form::U16);
pub(super) const KEY_ID: Field = Field::new(17, "keyId", Form::U32);
pub(super) const CHECK_VALUE: Field = Field::new(18, "checkValue", Form::Chars(6));
pub(super) const WRAPPED_KEY: Field = Field::new(19, "wrappedKey", Form::Data);
pub(super) const ORIGINATOR: Field = Field::new(20, "originator", Form::U64);
pub(super) const LOCAL_DATE: Field = Field::new(21, "localDate", Form::U32);
pub(super) const REFERENCE: Field = Field::new(22, "reference", Form::Chars(12));
pub(super) const TARGET_CLASS: Field = Field::new(23, "targetClass", Form::U8);
pub(super) const ROOT_ORIGINATOR: Field = Field::new(24, "rootOriginator", Form::U64);
pub(super) const ROOT_LOCAL_DATE: Field = Field::new(25, "rootLocalDate", Form::U32);
pub(super) const ROOT_REFERENCE: Field = Field::new(26, "rootReference", Form::Chars(12));
pub(super) const LOCAL_TIME: Field = Field::new(27, "localTime", Form::U32);
pub(super) const DESTINATION: Field = Field::new(28, "destination", Form::U64);
pub(super) const FORWARDER: Field = Field::new(29, "forwarder", Form::U64);
pub(super) const PRESENTATION: Field = Field::new(30, "presentation", Form::U8);
pub(super) const SCENARIO: Field = Field::new(31, "scenario", Form::U8);
pub(super) const CODE_KIND: Field = Field::new(32, "codeKind", Form::U8);
pub(super) const OWNER: Field = Field::new(33, "owner", Form::U64);
pub(super) const MCC: Field = Field::new(34, "mcc", Form::U16);
pub(super) const COUNTRY: Field = Field::new(35, "country", Form::U16);
pub(super) const TERMINAL: Field = Field::new(36, "terminal", Form::Chars(8));
pub(super) const MERCHANT_ID: Field = Field::new(37, "merchantId", Form::Chars(15));
pub(super) const MERCHANT_NAME: Field = Field::new(38, "merchantName", Form::Data);
pub(super) const PAYER_TOKEN: Field = Field::new(39, "payerToken", Form::Chars(32));
pub(super) const KYC_LEVEL: Field = Field::new(40, "kycLevel", Form::U8);
pub(super) const WALLET_CURRENCY: Field = Field::new(41, "walletCurrency", Form::U16);
pub(super) const CODE: Field = Field::new(42, "code", Form::Data);
pub(super) const QUOTE: Field = Field::new(43, "quote", Form::Data);
pub(super) const QUOTE_EXPIRY: Field = Field::new(44, "quoteExpiry", Form::U64);
pub(super) const APPROVAL_CODE: Field = Field::new(45, "approvalCode", Form::Chars(6));
pub(super) const REASON: Field = Field::new(46, "reason", Form::U8);
pub(super) const REPEAT: Field = Field::new(47, "repeat", Form::U8);
pub(super) const SETTLEMENT_DATE: Field = Field::new(48, "settlementDate", Form::U32);
pub(super) const AMOUNT: Field = Field::new(50, "amount", Form::Money);
pub(super) const BILLING: Field = Field::new(51, "billing", Form::Money);
pub(super) const SETTLEMENT: Field = Field::new(52, "settlement", Form::Money);
pub(super) const BILLING_RATE: Field = Field::new(53, "billingRate", Form::Rate);
pub(super) const SETTLEMENT_RATE: Field = Field::new(54, "settlementRate", Form::Rate);
pub(super) const REFUNDED_SO_FAR: Field = Field::new(55, "refundedSoFar", Form::Money);
pub(super) const TEMPLATE_ID: Field = Field::new(60, "templateId", Form::U16);
pub(super) const REJECT_REASON: Field = Field::new(61, "reason", Form::U16);
pub(super) const FIELD_ID: Field = Field::new(62, "fieldId", Form::U16);
pub(super) const OFFSET: Field = Field::new(63, "offset", Form::U32);

// Templates, by id.

pub(super) static SIGN_ON: Template = Template::new(
    Kind::SignOn,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        INSTITUTION,
        PROTOCOL_VERSION,
        BUSINESS_DATE,
        NONCE,
    ],
    &[MAC],
);
pub(super) static SIGN_ON_ACK: Template = Template::new(
    Kind::SignOnAck,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        RESPONSE_CODE,
        SHARDS,
        SHARD,
        HEARTBEAT_SECONDS,
        BUSINESS_DATE,
    ],
    &[MAC],
);
pub(super) static SIGN_OFF: Template = Template::new(
    Kind::SignOff,
    &[LINK_REF, TRANSMIT_TIME, INSTITUTION],
    &[MAC],
);
pub(super) static SIGN_OFF_ACK: Template = Template::new(
    Kind::SignOffAck,
    &[LINK_REF, TRANSMIT_TIME, RESPONSE_CODE],
    &[MAC],
);
pub(super) static ECHO: Template =
    Template::new(Kind::Echo, &[LINK_REF, TRANSMIT_TIME, INSTITUTION], &[MAC]);
pub(super) static ECHO_ACK: Template = Template::new(
    Kind::EchoAck,
    &[LINK_REF, TRANSMIT_TIME, RESPONSE_CODE],
    &[MAC],
);
pub(super) static KEY_CHANGE: Template = Template::new(
    Kind::KeyChange,
    &[LINK_REF, TRANSMIT_TIME, INSTITUTION, KEY_ID, CHECK_VALUE],
    &[WRAPPED_KEY, MAC],
);
pub(super) static KEY_CHANGE_ACK: Template = Template::new(
    Kind::KeyChangeAck,
    &[LINK_REF, TRANSMIT_TIME, RESPONSE_CODE],
    &[MAC],
);
pub(super) static CUTOVER: Template = Template::new(
    Kind::Cutover,
    &[LINK_REF, TRANSMIT_TIME, BUSINESS_DATE],
    &[MAC],
);
pub(super) static CUTOVER_ACK: Template = Template::new(
    Kind::CutoverAck,
    &[LINK_REF, TRANSMIT_TIME, RESPONSE_CODE],
    &[MAC],
);
pub(super) static CODE_INQUIRY: Template = Template::new(
    Kind::CodeInquiry,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        LOCAL_TIME,
        PRESENTATION,
        WALLET_CURRENCY,
        PAYER_TOKEN,
    ],
    &[CODE, MAC],
);
pub(super) static CODE_RESULT: Template = Template::new(
    Kind::CodeResult,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        RESPONSE_CODE,
        CODE_KIND,
        OWNER,
        AMOUNT,
        BILLING,
        BILLING_RATE,
        QUOTE_EXPIRY,
        MCC,
        COUNTRY,
        MERCHANT_ID,
    ],
    &[MERCHANT_NAME, QUOTE, TEXT, MAC],
);
pub(super) static PAYMENT_REQUEST: Template = Template::new(
    Kind::PaymentRequest,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        LOCAL_TIME,
        DESTINATION,
        FORWARDER,
        PRESENTATION,
        SCENARIO,
        AMOUNT,
        BILLING,
        SETTLEMENT,
        BILLING_RATE,
        SETTLEMENT_RATE,
        MCC,
        COUNTRY,
        TERMINAL,
        MERCHANT_ID,
        PAYER_TOKEN,
        KYC_LEVEL,
    ],
    &[CODE, MERCHANT_NAME, QUOTE, MAC],
);
pub(super) static PAYMENT_RESULT: Template = Template::new(
    Kind::PaymentResult,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        RESPONSE_CODE,
        OUTCOME,
        APPROVAL_CODE,
        AMOUNT,
        BILLING,
        SETTLEMENT,
        BILLING_RATE,
        SETTLEMENT_RATE,
        SETTLEMENT_DATE,
    ],
    &[TEXT, MAC],
);
pub(super) static PAYMENT_ADVICE: Template = Template::new(
    Kind::PaymentAdvice,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        ROOT_ORIGINATOR,
        ROOT_LOCAL_DATE,
        ROOT_REFERENCE,
        RESPONSE_CODE,
        OUTCOME,
        APPROVAL_CODE,
        AMOUNT,
        BILLING,
        SETTLEMENT,
        BILLING_RATE,
        SETTLEMENT_RATE,
        SETTLEMENT_DATE,
    ],
    &[TEXT, MAC],
);
pub(super) static PAYMENT_ADVICE_ACK: Template = Template::new(
    Kind::PaymentAdviceAck,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        RESPONSE_CODE,
    ],
    &[TEXT, MAC],
);
pub(super) static REVERSAL_REQUEST: Template = Template::new(
    Kind::ReversalRequest,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        ROOT_ORIGINATOR,
        ROOT_LOCAL_DATE,
        ROOT_REFERENCE,
        AMOUNT,
        REASON,
        REPEAT,
    ],
    &[MAC],
);
pub(super) static REVERSAL_RESULT: Template = Template::new(
    Kind::ReversalResult,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        RESPONSE_CODE,
        OUTCOME,
    ],
    &[MAC],
);
pub(super) static REVERSAL_ADVICE: Template = Template::new(
    Kind::ReversalAdvice,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        ROOT_ORIGINATOR,
        ROOT_LOCAL_DATE,
        ROOT_REFERENCE,
        AMOUNT,
        REASON,
        REPEAT,
    ],
    &[MAC],
);
pub(super) static REVERSAL_ADVICE_ACK: Template = Template::new(
    Kind::ReversalAdviceAck,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        RESPONSE_CODE,
        OUTCOME,
    ],
    &[MAC],
);
pub(super) static REFUND_REQUEST: Template = Template::new(
    Kind::RefundRequest,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        LOCAL_TIME,
        ROOT_ORIGINATOR,
        ROOT_LOCAL_DATE,
        ROOT_REFERENCE,
        DESTINATION,
        FORWARDER,
        PRESENTATION,
        AMOUNT,
        BILLING,
        SETTLEMENT,
        BILLING_RATE,
        SETTLEMENT_RATE,
        MCC,
        COUNTRY,
        TERMINAL,
        MERCHANT_ID,
        REASON,
    ],
    &[MAC],
);
pub(super) static REFUND_RESULT: Template = Template::new(
    Kind::RefundResult,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        RESPONSE_CODE,
        OUTCOME,
        AMOUNT,
        BILLING,
        SETTLEMENT,
        BILLING_RATE,
        SETTLEMENT_RATE,
        SETTLEMENT_DATE,
        REFUNDED_SO_FAR,
    ],
    &[TEXT, MAC],
);
pub(super) static STATUS_INQUIRY: Template = Template::new(
    Kind::StatusInquiry,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        ROOT_ORIGINATOR,
        ROOT_LOCAL_DATE,
        ROOT_REFERENCE,
    ],
    &[MAC],
);
pub(super) static STATUS_RESULT: Template = Template::new(
    Kind::StatusResult,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        ORIGINATOR,
        LOCAL_DATE,
        REFERENCE,
        TARGET_CLASS,
        RESPONSE_CODE,
        STATE,
        OUTCOME,
        APPROVAL_CODE,
        AMOUNT,
        BILLING,
        SETTLEMENT,
        REFUNDED_SO_FAR,
    ],
    &[TEXT, MAC],
);
pub(super) static REJECT: Template = Template::new(
    Kind::Reject,
    &[
        LINK_REF,
        TRANSMIT_TIME,
        TEMPLATE_ID,
        RESPONSE_CODE,
        REJECT_REASON,
        FIELD_ID,
        OFFSET,
    ],
    &[TEXT, MAC],
);

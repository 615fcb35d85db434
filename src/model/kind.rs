//! The kinds of message, numbered as the SBE templates are. Says nothing of what they carry.

/// The kinds of message, numbered as the SBE templates are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u16)]
#[expect(missing_docs, reason = "each is the message of the same name")]
pub enum Kind {
    SignOn = 1,
    SignOnAck = 2,
    SignOff = 3,
    SignOffAck = 4,
    Echo = 5,
    EchoAck = 6,
    KeyChange = 7,
    KeyChangeAck = 8,
    Cutover = 9,
    CutoverAck = 10,
    CodeInquiry = 20,
    CodeResult = 21,
    PaymentRequest = 30,
    PaymentResult = 31,
    PaymentAdvice = 32,
    PaymentAdviceAck = 33,
    ReversalRequest = 40,
    ReversalResult = 41,
    ReversalAdvice = 42,
    ReversalAdviceAck = 43,
    RefundRequest = 50,
    RefundResult = 51,
    StatusInquiry = 60,
    StatusResult = 61,
    Reject = 99,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 25] = [
        Self::SignOn,
        Self::SignOnAck,
        Self::SignOff,
        Self::SignOffAck,
        Self::Echo,
        Self::EchoAck,
        Self::KeyChange,
        Self::KeyChangeAck,
        Self::Cutover,
        Self::CutoverAck,
        Self::CodeInquiry,
        Self::CodeResult,
        Self::PaymentRequest,
        Self::PaymentResult,
        Self::PaymentAdvice,
        Self::PaymentAdviceAck,
        Self::ReversalRequest,
        Self::ReversalResult,
        Self::ReversalAdvice,
        Self::ReversalAdviceAck,
        Self::RefundRequest,
        Self::RefundResult,
        Self::StatusInquiry,
        Self::StatusResult,
        Self::Reject,
    ];

    /// The kind with this SBE template id.
    pub fn from_template_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == id)
    }

    /// The SBE template id.
    pub const fn template_id(self) -> u16 {
        self as u16
    }

    /// Whether it answers a request (and so is found by its match key).
    pub const fn is_answer(self) -> bool {
        match self {
            Self::SignOnAck
            | Self::SignOffAck
            | Self::EchoAck
            | Self::KeyChangeAck
            | Self::CutoverAck
            | Self::CodeResult
            | Self::PaymentResult
            | Self::PaymentAdviceAck
            | Self::ReversalResult
            | Self::ReversalAdviceAck
            | Self::RefundResult
            | Self::StatusResult
            | Self::Reject => true,
            Self::SignOn
            | Self::SignOff
            | Self::Echo
            | Self::KeyChange
            | Self::Cutover
            | Self::CodeInquiry
            | Self::PaymentRequest
            | Self::PaymentAdvice
            | Self::ReversalRequest
            | Self::ReversalAdvice
            | Self::RefundRequest
            | Self::StatusInquiry => false,
        }
    }
}

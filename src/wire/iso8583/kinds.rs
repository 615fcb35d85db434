//! Which message is which: MTI, DE 3 and DE 70 of each kind, and what it cannot do without.
//!
//! The tables of the protocol's ISO 8583 mapping; never looks at values beyond the three that tell
//! the kind.

use crate::model::keys::Class;
use crate::model::message::Kind;
use crate::wire::iso8583::fields::FieldSet;

/// DE 70 of each network management message. ISO 8583:1987 table of network management codes.
pub(super) mod network {
    pub(in crate::wire::iso8583) const SIGN_ON: u16 = 1;
    pub(in crate::wire::iso8583) const SIGN_OFF: u16 = 2;
    pub(in crate::wire::iso8583) const KEY_CHANGE: u16 = 161;
    pub(in crate::wire::iso8583) const CUTOVER: u16 = 201;
    pub(in crate::wire::iso8583) const ECHO: u16 = 301;
}

/// DE 3 of a class.
pub(super) const fn processing_code(class: Class) -> u32 {
    match class {
        Class::Payment => 0,
        Class::Refund => 200_000,
        Class::CodeInquiry => 380_000,
    }
}

/// The class of a DE 3.
pub(super) const fn class_of(processing_code: u64) -> Option<Class> {
    match processing_code {
        0 => Some(Class::Payment),
        200_000 => Some(Class::Refund),
        380_000 => Some(Class::CodeInquiry),
        _ => None,
    }
}

/// MTI and, where it has one, DE 70 of a kind. `None` for a Reject, whose MTI is the refused
/// message's.
pub(super) const fn wire_of(kind: Kind) -> Option<(u16, Option<u16>)> {
    Some(match kind {
        Kind::SignOn => (800, Some(network::SIGN_ON)),
        Kind::SignOnAck => (810, Some(network::SIGN_ON)),
        Kind::SignOff => (800, Some(network::SIGN_OFF)),
        Kind::SignOffAck => (810, Some(network::SIGN_OFF)),
        Kind::Echo => (800, Some(network::ECHO)),
        Kind::EchoAck => (810, Some(network::ECHO)),
        Kind::KeyChange => (800, Some(network::KEY_CHANGE)),
        Kind::KeyChangeAck => (810, Some(network::KEY_CHANGE)),
        Kind::Cutover => (800, Some(network::CUTOVER)),
        Kind::CutoverAck => (810, Some(network::CUTOVER)),
        Kind::CodeInquiry | Kind::StatusInquiry => (100, None),
        Kind::CodeResult | Kind::StatusResult => (110, None),
        Kind::PaymentRequest | Kind::RefundRequest => (200, None),
        Kind::PaymentResult | Kind::RefundResult => (210, None),
        Kind::PaymentAdvice => (220, None),
        Kind::PaymentAdviceAck => (230, None),
        Kind::ReversalRequest => (400, None),
        Kind::ReversalResult => (410, None),
        Kind::ReversalAdvice => (420, None),
        Kind::ReversalAdviceAck => (430, None),
        Kind::Reject => return None,
    })
}

/// Whether `mti` is an answer's: its function is odd, and answers are not repeated.
pub(super) const fn is_answer_mti(mti: u16) -> bool {
    mti >= 100 && matches!(mti / 10 % 10, 1 | 3) && mti.is_multiple_of(10)
}

/// The kind of a network management message.
pub(super) const fn network_kind(code: u64, answer: bool) -> Option<Kind> {
    const SIGN_ON: u64 = network::SIGN_ON as u64;
    const SIGN_OFF: u64 = network::SIGN_OFF as u64;
    const KEY_CHANGE: u64 = network::KEY_CHANGE as u64;
    const CUTOVER: u64 = network::CUTOVER as u64;
    const ECHO: u64 = network::ECHO as u64;
    Some(match (code, answer) {
        (SIGN_ON, false) => Kind::SignOn,
        (SIGN_ON, true) => Kind::SignOnAck,
        (SIGN_OFF, false) => Kind::SignOff,
        (SIGN_OFF, true) => Kind::SignOffAck,
        (ECHO, false) => Kind::Echo,
        (ECHO, true) => Kind::EchoAck,
        (KEY_CHANGE, false) => Kind::KeyChange,
        (KEY_CHANGE, true) => Kind::KeyChangeAck,
        (CUTOVER, false) => Kind::Cutover,
        (CUTOVER, true) => Kind::CutoverAck,
        _ => return None,
    })
}

/// Fields without which a message of this kind is refused. Conditions beside it: DE 62 in a
/// consumer-presented payment, DE 38 in an approval, DE 15 or tag 24 in a cutover.
pub(super) const fn required(kind: Kind) -> FieldSet {
    const PAYMENT: FieldSet = FieldSet::of(&[3, 4, 7, 11, 12, 13, 18, 22, 32, 37, 41, 42, 48, 49]);
    const ANSWER: FieldSet = FieldSet::of(&[3, 7, 11, 13, 32, 37, 39]);
    const ANSWER_WITH_AMOUNT: FieldSet = ANSWER.with(4).with(49);
    match kind {
        Kind::SignOn => FieldSet::of(&[7, 11, 32, 70]),
        Kind::SignOff | Kind::Echo | Kind::Cutover => FieldSet::of(&[7, 11, 70]),
        Kind::KeyChange => FieldSet::of(&[7, 11, 48, 70]),
        Kind::SignOnAck
        | Kind::SignOffAck
        | Kind::EchoAck
        | Kind::KeyChangeAck
        | Kind::CutoverAck => FieldSet::of(&[7, 11, 39, 70]),
        Kind::CodeInquiry => FieldSet::of(&[3, 7, 11, 12, 13, 32, 37, 62]),
        Kind::PaymentRequest | Kind::RefundRequest => PAYMENT,
        Kind::ReversalRequest | Kind::ReversalAdvice => {
            FieldSet::of(&[3, 4, 7, 11, 13, 32, 37, 49, 90])
        }
        Kind::StatusInquiry => FieldSet::of(&[3, 7, 11, 13, 32, 37, 48]),
        Kind::CodeResult | Kind::StatusResult | Kind::PaymentAdviceAck => ANSWER,
        Kind::PaymentResult
        | Kind::PaymentAdvice
        | Kind::ReversalResult
        | Kind::ReversalAdviceAck
        | Kind::RefundResult => ANSWER_WITH_AMOUNT,
        Kind::Reject => FieldSet::of(&[7, 11, 39, 44]),
    }
}

/// Fields that a message of this kind needs or that we always write: what a dialect that narrows
/// the kind must leave. Conditions included.
pub(super) fn indispensable(kind: Kind) -> FieldSet {
    let beside: &[u8] = match kind {
        Kind::PaymentRequest => &[62],
        Kind::PaymentResult => &[38],
        Kind::Cutover => &[15, 48],
        // Tag 06: the root, and the year of a payment.
        Kind::PaymentAdvice
        | Kind::PaymentAdviceAck
        | Kind::ReversalRequest
        | Kind::ReversalResult
        | Kind::ReversalAdvice
        | Kind::ReversalAdviceAck
        | Kind::StatusResult => &[48],
        Kind::SignOn
        | Kind::SignOnAck
        | Kind::SignOff
        | Kind::SignOffAck
        | Kind::Echo
        | Kind::EchoAck
        | Kind::KeyChange
        | Kind::KeyChangeAck
        | Kind::CutoverAck
        | Kind::CodeInquiry
        | Kind::CodeResult
        | Kind::RefundRequest
        | Kind::RefundResult
        | Kind::StatusInquiry
        | Kind::Reject => &[],
    };
    required(kind).union(FieldSet::of(beside))
}

/// Whether what cannot be carried is left out and counted (answers and advices), or refused
/// (requests).
pub(super) const fn loses_quietly(kind: Kind) -> bool {
    kind.is_answer() || matches!(kind, Kind::PaymentAdvice | Kind::ReversalAdvice)
}

/// All that any message of ours needs: no dialect may be without.
pub(super) fn mandatory() -> FieldSet {
    Kind::ALL
        .into_iter()
        .fold(FieldSet::default(), |set, kind| {
            set.union(indispensable(kind))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_known_mti_that_says_whether_it_answers() {
        for kind in Kind::ALL {
            let Some((mti, code)) = wire_of(kind) else {
                assert_eq!(kind, Kind::Reject);
                continue;
            };
            assert_eq!(is_answer_mti(mti), kind.is_answer(), "{kind:?}");
            if let Some(code) = code {
                assert_eq!(network_kind(u64::from(code), kind.is_answer()), Some(kind));
            }
        }
    }

    #[test]
    fn classes_and_processing_codes_agree() {
        for class in [Class::Payment, Class::Refund, Class::CodeInquiry] {
            assert_eq!(class_of(u64::from(processing_code(class))), Some(class));
        }
        assert_eq!(class_of(10_000), None);
    }
}

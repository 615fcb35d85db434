//! What players say: messages built from the cast and a payment's script, the same every time.

use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{Institution, MatchKey};
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, Notice, PaymentRequest, PaymentResult, Reversal, SignOn,
    StatusInquiry,
};
use cpg_switch::model::money::Money;
use cpg_switch::model::outcome::{Outcome, Presentation, Reason, ResponseCode};

use crate::cast::{Cast, Player};
use crate::mix::Script;

/// A payment code: the wallet's prefix and the payer's digits. It has no `Debug`: it is never
/// printed.
pub(crate) struct Code {
    digits: [u8; CODE_DIGITS_MAX],
    length: usize,
}

impl Code {
    /// The code of `payer` at `wallet`. A wallet's prefixes take turns.
    pub(crate) fn new(wallet: &Player, payer: u64) -> Self {
        let prefixes = u64::try_from(wallet.prefixes.len()).expect("a length fits");
        assert!(prefixes > 0, "a lane by code leads to a wallet with codes");
        let which = usize::try_from(payer % prefixes).expect("smaller than a length");
        let prefix = wallet.prefixes[which].as_bytes();
        let length = prefix.len() + PAYER_DIGITS;
        let mut digits = [b'0'; CODE_DIGITS_MAX];
        digits[..prefix.len()].copy_from_slice(prefix);
        put_digits(payer, &mut digits[prefix.len()..length]);
        Self { digits, length }
    }

    /// No code: the payment names its destination.
    pub(crate) const fn none() -> Self {
        Self {
            digits: [0; CODE_DIGITS_MAX],
            length: 0,
        }
    }

    fn bytes(&self) -> Sensitive<'_> {
        Sensitive(&self.digits[..self.length])
    }
}

/// The code of a payment; none in MPM.
pub(crate) fn code(cast: &Cast, script: &Script) -> Code {
    let lane = cast.lane(script.lane);
    match lane.presentation {
        Presentation::Cpm => Code::new(cast.player(lane.destination), script.payer),
        Presentation::Mpm => Code::none(),
    }
}

/// Payment `number`. The header is filled in by whoever sends it.
pub(crate) fn payment<'a>(
    cast: &Cast,
    number: u64,
    script: &Script,
    code: &'a Code,
) -> PaymentRequest<'a> {
    let lane = cast.lane(script.lane);
    let destination = cast.player(lane.destination).institution;
    let merchant = match lane.presentation {
        Presentation::Cpm => cast.player(lane.originator),
        Presentation::Mpm => cast.player(lane.destination),
    };
    PaymentRequest {
        header: Header::default(),
        key: cast.key(number, script.lane),
        local_time: Some(cast.local_time),
        destination: (lane.presentation == Presentation::Mpm).then_some(destination),
        forwarder: None,
        presentation: lane.presentation,
        scenario: None,
        amounts: amounts(cast.money(script.lane, script.minor)),
        mcc: Some(MCC_GROCERIES),
        country: Some(merchant.country),
        terminal: Chars::padded(b"T0000001"),
        merchant_id: merchant_id(script.merchant),
        payer_token: payer_token(lane.presentation, script.payer),
        kyc_level: None,
        code: code.bytes(),
        merchant_name: b"",
        quote: b"",
        mac: b"",
    }
}

/// A destination's answer to `request`.
pub(crate) fn payment_result(
    request: &PaymentRequest<'_>,
    approval: Option<Chars<6>>,
) -> PaymentResult<'static> {
    let (response_code, outcome) = match approval {
        Some(_) => (ResponseCode::APPROVED, Outcome::Approved),
        None => (FUNDS, Outcome::Declined),
    };
    PaymentResult {
        header: request.header,
        key: request.key,
        response_code,
        outcome: Some(outcome),
        approval_code: approval,
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed {
            local_time: request.local_time,
            presentation: Some(request.presentation),
            mcc: request.mcc,
            terminal: request.terminal,
            merchant_id: request.merchant_id,
        },
        text: b"",
        mac: b"",
    }
}

/// A full reversal of payment `number` by its originator.
pub(crate) fn reversal(
    cast: &Cast,
    number: u64,
    script: &Script,
    repeat: bool,
) -> Reversal<'static> {
    let target = cast.target(number, script.lane);
    Reversal {
        header: Header::default(),
        target,
        root: target.key,
        amount: cast.money(script.lane, script.minor),
        reason: Some(Reason::Customer),
        repeat,
        original: None,
        mac: b"",
    }
}

/// How does payment `number` stand?
pub(crate) fn inquiry(cast: &Cast, number: u64, lane: u16) -> StatusInquiry<'static> {
    let target = cast.target(number, lane);
    StatusInquiry {
        header: Header::default(),
        target,
        root: target.key,
        mac: b"",
    }
}

/// First message of a session.
pub(crate) fn sign_on(header: Header, institution: Institution) -> Message<'static> {
    Message::SignOn(SignOn {
        header,
        institution,
        protocol_version: Some(0),
        business_date: None,
        nonce: None,
        mac: b"",
    })
}

/// Last message of a session, for now.
pub(crate) const fn sign_off(header: Header) -> Message<'static> {
    Message::SignOff(Notice {
        header,
        institution: None,
        mac: b"",
    })
}

/// Are you there?
pub(crate) const fn echo(header: Header) -> Message<'static> {
    Message::Echo(Notice {
        header,
        institution: None,
        mac: b"",
    })
}

/// The header of an answer.
pub(crate) const fn answering(match_key: MatchKey, now: cpg_switch::model::time::Wall) -> Header {
    Header {
        match_key,
        transmit_time: now,
    }
}

/// DE 42 of a merchant: a letter and its number from 1.
pub(super) fn merchant_id(merchant: u32) -> Option<Chars<15>> {
    let mut digits = *b"M00000000000000";
    put_digits(u64::from(merchant) + 1, &mut digits[1..]);
    Chars::padded(&digits)
}

/// By what a wallet names its payer where it is the wallet that asks: what counts over time counts
/// under it.
pub(super) fn payer_token(presentation: Presentation, payer: u64) -> Option<Chars<32>> {
    let mut digits = *b"PAYER000000000000000";
    put_digits(payer % NAMED_PAYERS, &mut digits[5..]);
    (presentation == Presentation::Mpm)
        .then(|| Chars::padded(&digits))
        .flatten()
}

/// Payers that a wallet names: few enough that one pays more than once in a run.
const NAMED_PAYERS: u64 = 10_000;

/// A number in all of `place`, with zeros before it.
fn put_digits(mut value: u64, place: &mut [u8]) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).expect("a digit");
        value /= 10;
    }
}

const fn amounts(amount: Money) -> Amounts {
    Amounts {
        amount,
        billing: None,
        settlement: None,
        billing_rate: None,
        settlement_rate: None,
    }
}

/// ISO 18245: grocery stores and supermarkets.
pub(super) const MCC_GROCERIES: u16 = 5_411;
/// Declined: funds.
const FUNDS: ResponseCode = ResponseCode(*b"51");
/// Ten digits of payer follow the prefix.
const PAYER_DIGITS: usize = 12;
/// A prefix has twelve digits at most.
const CODE_DIGITS_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::tests::two_players;
    use crate::mix::Fate;
    use cpg_switch::wire::Dialect;

    #[test]
    fn a_code_is_prefix_and_payer_and_is_not_printed() {
        let cast = two_players();
        let code = Code::new(cast.player(0), 42);
        assert_eq!(code.bytes().expose(), b"281045000000000042");
        assert_eq!(format!("{:?}", code.bytes()), "[18 bytes withheld]");
    }

    #[test]
    fn payments_of_both_presentations_survive_the_wire() {
        let cast = two_players();
        for lane in 0..2 {
            let script = Script {
                lane,
                fate: Fate::Approve,
                minor: 1_234,
                payer: 7,
                merchant: 41,
                order: None,
            };
            let code = code(&cast, &script);
            let sent = Message::PaymentRequest(payment(&cast, 9, &script, &code));
            let mut bytes = [0; 1_024];
            let encoded = Dialect::Sbe.encode(&sent, &mut bytes).unwrap();
            let read = Dialect::Sbe
                .decode(&bytes[..encoded.bytes], cast.local_date)
                .unwrap();
            assert_eq!(read, sent);
        }
    }
}

//! Payers scan merchants' codes: the wallet asks about the code, the acquirer says whose it is, and
//! the wallet pays under the switch's quote.

use cpg_switch::model::chars::Sensitive;
use cpg_switch::model::message::{CodeInquiry, CodeResult, Kind, Message};
use cpg_switch::model::money::Money;
use cpg_switch::model::outcome::{Presentation, ResponseCode};

use crate::cast::Player;
use crate::judge::Fault;
use crate::judge::verdict::Rule;
use crate::mix::{Fate, Script};
use crate::pair::{Purpose, Request};
use crate::send::floor::Floor;
use crate::send::messages::{self, payer_token};

/// What the wallet was told about a code, for as long as it may send the payment again.
#[derive(Clone, Debug)]
pub(super) struct Quoted {
    /// The switch's, to be handed back.
    quote: Vec<u8>,
    /// What the payment costs the payer.
    billing: Option<Money>,
    /// The code, once more.
    code: Vec<u8>,
}

impl Quoted {
    /// What the payment says of it.
    pub(super) fn parts(&self) -> (&[u8], Sensitive<'_>, Option<Money>) {
        (&self.quote, Sensitive(&self.code), self.billing)
    }
}

/// The code at the till of payment `number`, as the sandbox's acquirers print theirs, or show it
/// for one order; none where this one is not of the sandbox, or shows none. Its merchants are made
/// up: nobody can pay with it.
fn merchant_code(acquirer: &Player, number: u64, script: &Script) -> Option<Vec<u8>> {
    if let Some(order) = script.order {
        let is_shown = acquirer.name == "sgqr";
        return is_shown.then(|| singapore(order % TILLS, Some((order, script.minor))));
    }
    let till = number % TILLS;
    match acquirer.name.as_str() {
        "alipay-acceptance" => Some(format!("https://qr.alipay.com/fkx0{till:012}").into_bytes()),
        "weixin-pay-acceptance" => {
            Some(format!("weixin://wxpay/bizpayurl?pr=sandbox{till:06}").into_bytes())
        }
        "sgqr" => Some(singapore(till, None)),
        _ => None,
    }
}

/// A code of Singapore with a PayNow account (EMVCo merchant-presented mode, section 3): static, or
/// for one order, with its amount in cents and the number of its bill.
fn singapore(till: u64, order: Option<(u64, i64)>) -> Vec<u8> {
    let account = format!("0009SG.PAYNOW010120210T{till:09}0301");
    let bytes = account.len() + 1;
    let (kind, editable, amount, bill) = match order {
        None => (11, 1, String::new(), String::new()),
        Some((order, cents)) => {
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            let amount = format!("54{:02}{amount}", amount.len());
            (12, 0, amount, format!("62160112{order:012}"))
        }
    };
    let (mcc, currency) = ("52045812", "5303702");
    let mut code = format!(
        "0002010102{kind}26{bytes:02}{account}{editable}{mcc}{currency}{amount}\
         5802SG5912CHICKEN RICE6009Singapore{bill}6304"
    )
    .into_bytes();
    let check = format!("{:04X}", crc(&code));
    code.extend_from_slice(check.as_bytes());
    code
}

/// CRC-16 of ISO/IEC 13239 as EMVCo has it: polynomial 1021, begun with FFFF, not reflected.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

impl Floor<'_> {
    /// Whether the payer of this payment scans a code first: across the border of China, because
    /// the gateway has no routes for other codes.
    pub(super) fn is_scanned(&self, script: &Script) -> bool {
        let lane = self.cast.lane(script.lane);
        let acquirer = self.cast.player(lane.destination);
        let is_chinese = |player: &Player| player.country == CHINA;
        let crosses = is_chinese(self.cast.player(lane.originator)) != is_chinese(acquirer);
        matches!(script.fate, Fate::Quote | Fate::Order | Fate::OrderAgain)
            && lane.presentation == Presentation::Mpm
            && crosses
            && merchant_code(acquirer, 0, script).is_some()
    }

    /// Asks about the code of payment `number`.
    pub(super) fn ask_code(
        &mut self,
        player: u8,
        number: u64,
        script: &Script,
        request: Request,
    ) -> bool {
        let lane = self.cast.lane(script.lane);
        let Some(code) = merchant_code(self.cast.player(lane.destination), number, script) else {
            return false;
        };
        let Some(place) = self.pick(player) else {
            return false;
        };
        let key = self.cast.key(number, script.lane);
        let local_time = Some(self.cast.local_time);
        let asked = self.ask_on(place, request, |header| {
            Message::CodeInquiry(CodeInquiry {
                header,
                key,
                local_time,
                presentation: Some(Presentation::Mpm),
                wallet_currency: None,
                payer_token: payer_token(Presentation::Mpm, script.payer),
                code: Sensitive(&code),
                mac: b"",
            })
        });
        self.tally.code_inquiries += u64::from(asked);
        asked
    }

    /// The switch says whose the code is and what it costs: the payer pays, or cannot.
    pub(super) fn on_code_result(
        &mut self,
        player: u8,
        request: &Request,
        result: &CodeResult<'_>,
    ) -> Result<(), Fault> {
        let number = request.number;
        let script = self.mix.script(number);
        let lane = self.cast.lane(script.lane);
        let code = result.response_code;
        if code != ResponseCode::APPROVED {
            self.in_flight -= 1;
            return self.judge.originators.not_quoted(number, code);
        }
        let owner = self.cast.player(lane.destination);
        if result.owner != Some(owner.institution) {
            let what = "a code is said to be another acquirer's";
            return Err(Fault::of(number, Rule::WrongParticipant, what));
        }
        let payload = merchant_code(owner, number, &script).unwrap_or_default();
        let quoted = Quoted {
            quote: result.quote.to_vec(),
            billing: result.billing,
            code: payload,
        };
        self.tally.quotes += u64::from(!quoted.quote.is_empty());
        self.quotes.insert(number, quoted);
        let payment = Request {
            kind: Kind::PaymentRequest,
            purpose: Purpose::Payment,
            number,
            intended_ns: self.now.monotonic.0,
            sent_ns: 0,
        };
        if !self.ask_payment(player, number, &script, payment) {
            self.lost.push((player, payment));
            self.in_flight -= 1;
        }
        Ok(())
    }

    /// A wallet of somebody else's asks about a code of ours.
    pub(super) fn on_code_inquiry(&mut self, place: usize, inquiry: &CodeInquiry<'_>) {
        let player = self.links[place].player;
        let acquirer = self.cast.player(player);
        let number = self.cast.number(&inquiry.key);
        let known = number
            .and_then(|number| merchant_code(acquirer, number, &self.mix.script(number)))
            .is_some_and(|code| code == inquiry.code.expose());
        if number.is_none() {
            self.tally.foreign += 1;
        } else if !known {
            let what = "a code came to another acquirer";
            let fault = Fault::about_nothing(Rule::WrongDestination, what);
            self.fault(player, Fault { number, ..fault });
        }
        let response_code = if known {
            ResponseCode::APPROVED
        } else {
            ResponseCode::NO_SUCH_CODE
        };
        let merchant = number.map_or(0, |number| self.mix.script(number).merchant);
        let result = CodeResult {
            header: messages::answering(inquiry.header.match_key, self.now.wall),
            key: inquiry.key,
            response_code,
            code_kind: None,
            owner: Some(acquirer.institution),
            amount: None,
            billing: None,
            billing_rate: None,
            quote_expiry: None,
            mcc: Some(messages::MCC_GROCERIES),
            country: Some(acquirer.country),
            merchant_id: messages::merchant_id(merchant),
            merchant_name: b"CHICKEN RICE",
            quote: b"",
            text: b"",
            mac: b"",
        };
        self.put(place, &Message::CodeResult(result));
    }
}

/// ISO 3166-1 numeric.
const CHINA: u16 = 156;
/// Tills of each acquirer.
const TILLS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use cpg_switch::qr::{Code, Initiation, Kind as CodeKind};

    #[test]
    fn the_tills_print_codes_that_are_good() {
        assert_eq!(crc(b"123456789"), 0x29b1);
        let mut player = crate::cast::tests::two_players().players()[1].clone();
        let plain = Script {
            lane: 0,
            fate: Fate::Quote,
            minor: 1_205,
            payer: 1,
            merchant: 0,
            order: None,
        };
        let none = merchant_code(&player, 1, &plain);
        assert!(none.is_none(), "not of the sandbox");
        for name in ["alipay-acceptance", "weixin-pay-acceptance", "sgqr"] {
            player.name = name.to_owned();
            for number in [0, 999, 12_345_678] {
                let payload = merchant_code(&player, number, &plain).unwrap();
                let code = Code::read(&payload);
                assert!(code.is_good(), "{name}: {:?}", code.faults());
                assert_eq!(code.owners().len(), 1);
                assert_eq!(code.amount(), None);
            }
        }
        let ordered = Script {
            order: Some(12_345_678),
            ..plain
        };
        let shown = |number| merchant_code(&player, number, &ordered).unwrap();
        assert_eq!(shown(1), shown(2), "whoever scans it");
        let payload = shown(1);
        let code = Code::read(&payload);
        assert!(code.is_good(), "{:?}", code.faults());
        assert_eq!(code.kind(), CodeKind::Merchant(Initiation::Dynamic));
        assert!(code.amount().is_some());
        player.name = "alipay-acceptance".to_owned();
        assert!(merchant_code(&player, 1, &ordered).is_none());
    }
}

//! Every pairing of the three protocols, originator and destination, both presentations: what one
//! says, the other hears, field for field.

use super::*;
use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::Reference;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Amounts, Echoed, PaymentRequest, PaymentResult, Reversal, ReversalResult, StatusInquiry,
};
use crate::model::money::{Money, Rate};
use crate::model::outcome::{KycLevel, Outcome, Presentation, Reason, Scenario, State};
use crate::model::time::LocalTime;

fn money(minor: i64, currency: u16) -> Money {
    Money::new(minor, Currency::new(currency).unwrap()).unwrap()
}

pub(super) fn key(originator: u64, reference: &[u8; 12]) -> Key {
    Key {
        originator: Institution::new(originator).unwrap(),
        local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
        reference: Reference::new(*reference).unwrap(),
    }
}

/// A payment with every field that all encodings carry.
pub(super) fn request(presentation: Presentation, stan: u32) -> PaymentRequest<'static> {
    let (originator, destination) = match presentation {
        Presentation::Cpm => (ACQUIRER, WALLET),
        Presentation::Mpm => (WALLET, ACQUIRER),
    };
    PaymentRequest {
        header: header(stan),
        // An institution that the participant fronts, so that the forwarder is named.
        key: key(originator + 1, b"Ab0123456789"),
        local_time: LocalTime::from_hhmmss(93_015),
        destination: Institution::new(destination),
        forwarder: Institution::new(originator),
        presentation,
        scenario: None,
        amounts: Amounts {
            amount: money(12_345, 156),
            billing: Some(money(7_950, 458)),
            settlement: Some(money(1_712, 840)),
            billing_rate: Some(Rate {
                mantissa: 6_439_854,
                exponent: -7,
            }),
            settlement_rate: Some(Rate {
                mantissa: 1_386_796,
                exponent: -7,
            }),
        },
        mcc: Some(5_411),
        country: Some(156),
        terminal: Chars::padded(b"T0000042"),
        merchant_id: Chars::padded(b"M12345678901"),
        payer_token: Chars::padded(b"token-0123456789abcdef0123456789"),
        kyc_level: Some(KycLevel::Verified),
        code: Sensitive(b"281234567890123456"),
        merchant_name: "兰州拉面 Lanzhou Noodles".as_bytes(),
        quote: b"cXVvdGUtMDEyMzQ1Njc4OQ",
        mac: b"",
    }
}

fn result(request: &PaymentRequest<'_>, header: Header) -> PaymentResult<'static> {
    PaymentResult {
        header,
        key: request.key,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        approval_code: Chars::padded(b"A1B2C3"),
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"thank you",
        mac: b"",
    }
}

/// What ISO 8583 answers repeat and SBE answers do not.
fn echoed(protocol: Protocol, request: &PaymentRequest<'_>) -> Echoed {
    match protocol {
        Protocol::Sbe => Echoed::default(),
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Echoed {
            local_time: request.local_time,
            presentation: Some(request.presentation),
            mcc: request.mcc,
            terminal: request.terminal,
            merchant_id: request.merchant_id,
        },
    }
}

fn pairings() -> impl Iterator<Item = (Protocol, Protocol, Presentation)> {
    Protocol::ALL.into_iter().flat_map(|one| {
        Protocol::ALL.into_iter().flat_map(move |other| {
            [Presentation::Cpm, Presentation::Mpm]
                .map(move |presentation| (one, other, presentation))
        })
    })
}

/// The two links, originator's first.
fn sides(links: (LinkId, LinkId), presentation: Presentation) -> (LinkId, LinkId) {
    match presentation {
        Presentation::Cpm => links,
        Presentation::Mpm => (links.1, links.0),
    }
}

/// Headers differ by leg; what remains must be equal.
fn without_header(message: Message<'_>) -> Message<'_> {
    let header = Header::default();
    match message {
        Message::PaymentRequest(message) => {
            Message::PaymentRequest(PaymentRequest { header, ..message })
        }
        Message::PaymentResult(message) => {
            Message::PaymentResult(PaymentResult { header, ..message })
        }
        Message::ReversalRequest(message) => Message::ReversalRequest(Reversal {
            header,
            original: None,
            ..message
        }),
        Message::ReversalAdvice(message) => Message::ReversalAdvice(Reversal {
            header,
            original: None,
            ..message
        }),
        Message::ReversalResult(message) => Message::ReversalResult(ReversalResult {
            header,
            amount: None,
            ..message
        }),
        Message::ReversalAdviceAck(message) => Message::ReversalAdviceAck(ReversalResult {
            header,
            amount: None,
            ..message
        }),
        other => other,
    }
}

#[test]
fn every_pairing_translates_a_payment_field_for_field() {
    let mut pairs = 0;
    for (acquirer, wallet, presentation) in pairings() {
        let case = format!("{} {} {presentation:?}", acquirer.name(), wallet.name());
        let mut world = World::new(acquirer, wallet, CommitMode::Memory);
        let links = world.open();
        let (from, to) = sides(links, presentation);
        let request = request(presentation, 42);
        world.say(from, &Message::PaymentRequest(request));

        let body = world
            .heard(to)
            .unwrap_or_else(|| panic!("{case}: nothing was forwarded"));
        let dialect = world.dialect_of(to);
        let heard = dialect.decode(&body, world.today()).unwrap();
        let scenario = match presentation {
            Presentation::Cpm => Scenario::InboundCpm,
            Presentation::Mpm => Scenario::InboundMpm,
        };
        let expected = PaymentRequest {
            scenario: Some(scenario),
            ..request
        };
        assert_eq!(
            without_header(heard),
            without_header(Message::PaymentRequest(expected)),
            "{case}: the request"
        );

        let answer = result(&request, *heard.header());
        world.say(to, &Message::PaymentResult(answer));
        let body = world
            .heard(from)
            .unwrap_or_else(|| panic!("{case}: no answer"));
        let dialect = world.dialect_of(from);
        let told = dialect.decode(&body, world.today()).unwrap();
        assert_eq!(told.header().match_key, request.header.match_key, "{case}");
        let protocol = world.link_protocols[usize::try_from(from.slot).unwrap()];
        let settlement_date = Some(world.today());
        let expected = PaymentResult {
            settlement_date,
            echoed: echoed(protocol, &request),
            ..answer
        };
        assert_eq!(
            without_header(told),
            without_header(Message::PaymentResult(expected)),
            "{case}: the answer"
        );
        pairs += 1;
    }
    assert_eq!(pairs, 18);
}

/// A wallet of the mainland in GBK, an acquirer elsewhere in UTF-8: names and texts go both ways
/// letter for letter, and a letter that one side has no place for is left out and counted.
#[test]
fn gbk_and_utf8_are_translated_letter_for_letter() {
    use crate::model::limits::SCRATCH_BYTES;
    use crate::wire::iso8583::{Base, Charset, Form};
    let unionpay = Base::named("unionpay-like").unwrap().dialect(Form::Binary);
    let plain = Base::named("iso8583-1987").unwrap().dialect(Form::Ascii);
    let utf8 = plain.with_charset(Charset::Utf8).unwrap();
    let spoken = [utf8, unionpay].map(|dialect| Dialect::Iso8583(Box::new(dialect)));
    let mut world = World::speaking(
        Some(spoken),
        &[],
        ((ShardId(0), 1), Ports::default()),
        (Protocol::Iso8583Ascii, Protocol::Iso8583Binary),
        CommitMode::Memory,
    );
    let links = world.open();
    let names = [
        ("兰州拉面 Lanzhou", "兰州拉面 Lanzhou", 0),
        (
            "兰州拉面（南京路步行街旗舰店）",
            "兰州拉面（南京路步行街旗舰店）",
            0,
        ),
        (
            "Caf\u{e9} \u{e04}\u{e23}\u{e31}\u{e27} 兰州",
            "Caf\u{e9}  兰州",
            4,
        ),
    ];
    let mut replaced = 0;
    for (number, (said, heard_as, lost)) in (0..).zip(names) {
        let (from, to) = sides(links, Presentation::Cpm);
        let mut request = request(Presentation::Cpm, 42 + number);
        request.key = key(ACQUIRER + 1, &[b'0' + u8::try_from(number).unwrap(); 12]);
        request.merchant_name = said.as_bytes();
        world.say(from, &Message::PaymentRequest(request));
        let body = world.heard(to).expect("it is forwarded");
        let mut scratch = vec![0; SCRATCH_BYTES];
        let wallet = world.dialect_of(to);
        let heard = wallet
            .decode_joining(&body, world.today(), &mut scratch)
            .unwrap();
        let Message::PaymentRequest(forwarded) = heard else {
            panic!("{:?}", heard.kind())
        };
        assert_eq!(core::str::from_utf8(forwarded.merchant_name), Ok(heard_as));
        replaced += lost;
        assert_eq!(
            world.shard.stats().get(Counter::CharactersReplaced),
            replaced
        );

        // The wallet's own words on the way back: twelve bytes there, eighteen here.
        let mut answer = result(&request, forwarded.header);
        answer.response_code = ResponseCode::new(*b"51").unwrap();
        (answer.outcome, answer.approval_code) = (Some(Outcome::Declined), None);
        answer.text = "余额不足请充".as_bytes();
        world.say(to, &Message::PaymentResult(answer));
        let body = world.heard(from).expect("it is answered");
        let told = world.dialect_of(from);
        let Message::PaymentResult(told) = told.decode(&body, world.today()).unwrap() else {
            panic!("not an answer")
        };
        assert_eq!(core::str::from_utf8(told.text), Ok("余额不足请充"));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one conversation, told in order")]
fn every_pairing_translates_reversals_and_inquiries() {
    for (acquirer, wallet, presentation) in pairings() {
        for advice in [false, true] {
            let case = format!(
                "{} {} {presentation:?} {advice}",
                acquirer.name(),
                wallet.name()
            );
            let mut world = World::new(acquirer, wallet, CommitMode::Memory);
            let links = world.open();
            let (from, to) = sides(links, presentation);
            let request = request(presentation, 42);
            world.say(from, &Message::PaymentRequest(request));
            let body = world.heard(to).unwrap();
            let forwarded = *world
                .dialect_of(to)
                .decode(&body, world.today())
                .unwrap()
                .header();
            world.say(to, &Message::PaymentResult(result(&request, forwarded)));
            world.heard(from).unwrap();

            let target = BusinessKey {
                key: request.key,
                class: Class::Payment,
            };
            let reversal = Reversal {
                header: header(43),
                target,
                root: request.key,
                amount: request.amounts.amount,
                reason: Some(Reason::Merchant),
                repeat: false,
                original: None,
                mac: b"",
            };
            let message = if advice {
                Message::ReversalAdvice(reversal)
            } else {
                Message::ReversalRequest(reversal)
            };
            world.say(from, &message);
            let body = world
                .heard(to)
                .unwrap_or_else(|| panic!("{case}: not passed on"));
            let dialect = world.dialect_of(to);
            let heard = dialect.decode(&body, world.today()).unwrap();
            assert_eq!(without_header(heard), without_header(message), "{case}");
            let done = ReversalResult {
                header: *heard.header(),
                target,
                response_code: ResponseCode::APPROVED,
                outcome: Some(Outcome::Reversed),
                amount: Some(request.amounts.amount),
                mac: b"",
            };
            // An advice is acknowledged before it is done. SBE can leave the outcome open; in ISO
            // 8583 a code of 00 implies it.
            let protocol = world.link_protocols[usize::try_from(from.slot).unwrap()];
            let implied = (protocol != Protocol::Sbe).then_some(Outcome::Reversed);
            let (answer, outcome) = if advice {
                (Message::ReversalAdviceAck(done), implied)
            } else {
                (Message::ReversalResult(done), Some(Outcome::Reversed))
            };
            world.say(to, &answer);
            let body = world
                .heard(from)
                .unwrap_or_else(|| panic!("{case}: no acknowledgement"));
            let dialect = world.dialect_of(from);
            let told = dialect.decode(&body, world.today()).unwrap();
            assert_eq!(told.header().match_key, header(43).match_key, "{case}");
            let expected = ReversalResult { outcome, ..done };
            let expected = if advice {
                Message::ReversalAdviceAck(expected)
            } else {
                Message::ReversalResult(expected)
            };
            assert_eq!(without_header(told), without_header(expected), "{case}");
            assert_status(&mut world, from, target, &case);
        }
    }
}

fn assert_status(world: &mut World, from: LinkId, target: BusinessKey, case: &str) {
    let inquiry = StatusInquiry {
        header: header(44),
        target,
        root: target.key,
        mac: b"",
    };
    world.say(from, &Message::StatusInquiry(inquiry));
    let body = world.heard(from).unwrap();
    let dialect = world.dialect_of(from);
    match dialect.decode(&body, world.today()).unwrap() {
        Message::StatusResult(status) => {
            assert_eq!(status.target, target, "{case}");
            assert_eq!(status.response_code, ResponseCode::APPROVED, "{case}");
            assert_eq!(status.state, Some(State::Answered), "{case}");
            assert_eq!(status.outcome, Some(Outcome::Reversed), "{case}");
        }
        other => panic!("{case}: {:?}", other.kind()),
    }
}

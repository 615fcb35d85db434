//! Codes, quotes and conversions through a whole shard: what a wallet asks, what it is told, and
//! what it then pays.

use super::translation::{key, request};
use super::*;
use crate::engine::Pricing;
use crate::fx::quotes::KEY_BYTES;
use crate::fx::{QuoteKey, QuoteKeys, Rates, Rounding, Settings, StatedRate};
use crate::model::chars::{Chars, Sensitive};
use crate::model::message::{Amounts, CodeInquiry, CodeResult, PaymentRequest, PaymentResult};
use crate::model::money::{Money, Rate};
use crate::model::outcome::{CodeKind, Outcome, Presentation};
use crate::model::time::LocalTime;

/// Whose codes are the acquirer's: digits, because no table of routes is needed for them.
const CODE: &[u8] = b"2899000011112222";
const RATE: Rate = Rate {
    mantissa: 6_125,
    exponent: -4,
};

/// 1 CNY is 0.6125 MYR, for ever.
pub(super) fn pricing() -> Pricing {
    let currency = |numeric| Currency::new(numeric).unwrap();
    let row = StatedRate {
        base: currency(156),
        quote: currency(458),
        rate: rust_decimal::Decimal::new(RATE.mantissa, 4),
        margin_bp: 0,
        rounding: Rounding::HalfUp,
        valid_from: Wall(0),
        valid_until: Wall(u64::MAX),
        source: "made up".to_owned(),
    };
    let settings = Settings {
        pivot: currency(156),
        significant_digits: 12,
    };
    Pricing {
        rates: Rates::build(&[row], &settings).unwrap(),
        keys: QuoteKeys::new(QuoteKey::new(&[7; KEY_BYTES]), None),
        quote_valid_s: 60,
        settlement: None,
    }
}

fn money(minor: i64, currency: u16) -> Money {
    Money::new(minor, Currency::new(currency).unwrap()).unwrap()
}

fn inquiry(stan: u32) -> CodeInquiry<'static> {
    CodeInquiry {
        header: header(stan),
        key: key(WALLET, b"Qu0123456789"),
        local_time: LocalTime::from_hhmmss(93_015),
        presentation: Some(Presentation::Mpm),
        wallet_currency: None,
        payer_token: None,
        code: Sensitive(CODE),
        mac: b"",
    }
}

/// The owner's answer; `amount` where the code is for one payment.
fn owned(asked: &Message<'_>, amount: Option<Money>) -> CodeResult<'static> {
    let Message::CodeInquiry(asked) = asked else {
        panic!("{:?}", asked.kind());
    };
    CodeResult {
        header: asked.header,
        key: asked.key,
        response_code: ResponseCode::APPROVED,
        code_kind: None,
        owner: None,
        amount,
        billing: None,
        billing_rate: None,
        quote_expiry: None,
        mcc: Some(5_812),
        country: Some(156),
        merchant_id: Chars::padded(b"M12345678901"),
        merchant_name: "兰州拉面".as_bytes(),
        quote: b"of-the-owner",
        text: b"",
        mac: b"",
    }
}

/// Says something at one end and hears it at the other.
fn pass(world: &mut World, from: LinkId, to: LinkId, message: &Message<'_>) -> Vec<u8> {
    world.say(from, message);
    world.heard(to).expect("it was passed on")
}

/// A wallet asks, the owner answers: what the wallet is told, as a body.
fn asked(
    world: &mut World,
    (acquirer, wallet): (LinkId, LinkId),
    amount: Option<Money>,
) -> Vec<u8> {
    let body = pass(world, wallet, acquirer, &Message::CodeInquiry(inquiry(7)));
    let dialect = world.dialect_of(acquirer);
    let heard = dialect.decode(&body, world.today()).unwrap();
    let answer = Message::CodeResult(owned(&heard, amount));
    pass(world, acquirer, wallet, &answer)
}

fn told<'b>(world: &World, link: LinkId, body: &'b [u8]) -> CodeResult<'b> {
    let dialect = world.dialect_of(link);
    match dialect.decode(body, world.today()).unwrap() {
        Message::CodeResult(result) => result,
        other => panic!("{:?}", other.kind()),
    }
}

/// A payment under a quote; it names no destination.
fn under<'q>(quote: &'q [u8], minor: i64, stan: u32, reference: &[u8; 12]) -> PaymentRequest<'q> {
    let mut request = request(Presentation::Mpm, stan);
    request.key = key(WALLET, reference);
    request.forwarder = None;
    request.destination = None;
    request.code = Sensitive(CODE);
    request.quote = quote;
    request.amounts = Amounts {
        amount: money(minor, 156),
        billing: None,
        settlement: None,
        billing_rate: None,
        settlement_rate: None,
    };
    request
}

fn code_told(world: &mut World, link: LinkId) -> ResponseCode {
    let body = world.heard(link).expect("an answer");
    let dialect = world.dialect_of(link);
    match dialect.decode(&body, world.today()).unwrap() {
        Message::PaymentResult(result) => result.response_code,
        Message::CodeResult(result) => result.response_code,
        other => panic!("{:?}", other.kind()),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one conversation, told in order")]
fn a_quote_is_given_and_paid_in_every_pairing() {
    for acquirer_speaks in Protocol::ALL {
        for wallet_speaks in Protocol::ALL {
            let case = format!("{} {}", acquirer_speaks.name(), wallet_speaks.name());
            let mut world = World::priced(acquirer_speaks, wallet_speaks);
            let links = world.open();
            let (acquirer, wallet) = links;
            let records = world.shard.journal().appended();
            let body = asked(&mut world, links, None);
            let result = told(&world, wallet, &body);
            assert_eq!(result.response_code, ResponseCode::APPROVED, "{case}");
            assert_eq!(result.header.match_key, header(7).match_key, "{case}");
            assert_eq!(result.owner, Institution::new(ACQUIRER), "{case}");
            // ISO 8583 has no place for it.
            let kind = (wallet_speaks == Protocol::Sbe).then_some(CodeKind::Digits);
            assert_eq!(result.code_kind, kind, "{case}");
            assert_eq!(
                result.billing_rate.unwrap().to_iso(),
                RATE.to_iso(),
                "{case}"
            );
            assert_eq!(result.amount, None, "{case}");
            let expiry = world.now().wall.0 / 1_000_000_000 + 60;
            let told_expiry = result.quote_expiry.map(|at| at.0 / 1_000_000_000);
            assert_eq!(told_expiry, Some(expiry), "{case}");
            assert_ne!(result.quote, b"of-the-owner", "{case}");
            assert_eq!(
                world.shard.journal().appended(),
                records,
                "nothing is recorded"
            );

            let payment = under(result.quote, 12_345, 8, b"Qp0123456789");
            let body = pass(
                &mut world,
                wallet,
                acquirer,
                &Message::PaymentRequest(payment),
            );
            let dialect = world.dialect_of(acquirer);
            let Message::PaymentRequest(heard) = dialect.decode(&body, world.today()).unwrap()
            else {
                panic!("{case}");
            };
            // 123.45 x 0.6125 = 75.613125
            assert_eq!(heard.amounts.billing, Some(money(7_561, 458)), "{case}");
            assert_eq!(heard.amounts.amount, money(12_345, 156), "{case}");
            assert_eq!(heard.quote, b"", "it is between the wallet and us");
            assert_eq!(
                heard.destination,
                Institution::new(ACQUIRER),
                "whose code it is"
            );
            let answer = PaymentResult {
                header: heard.header,
                key: heard.key,
                response_code: ResponseCode::APPROVED,
                outcome: Some(Outcome::Approved),
                approval_code: Chars::padded(b"A1B2C3"),
                amounts: heard.amounts,
                settlement_date: None,
                echoed: crate::model::message::Echoed {
                    local_time: heard.local_time,
                    presentation: Some(heard.presentation),
                    mcc: heard.mcc,
                    terminal: heard.terminal,
                    merchant_id: heard.merchant_id,
                },
                text: b"",
                mac: b"",
            };
            let body = pass(
                &mut world,
                acquirer,
                wallet,
                &Message::PaymentResult(answer),
            );
            let dialect = world.dialect_of(wallet);
            let Message::PaymentResult(paid) = dialect.decode(&body, world.today()).unwrap() else {
                panic!("{case}");
            };
            assert_eq!(paid.outcome, Some(Outcome::Approved), "{case}");
            assert_eq!(paid.amounts.billing, Some(money(7_561, 458)), "{case}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one conversation, told in order")]
fn a_quote_is_honoured_for_what_it_says_and_nothing_else() {
    let mut world = World::priced(Protocol::Sbe, Protocol::Sbe);
    let links = world.open();
    let (acquirer, wallet) = links;
    let body = asked(&mut world, links, Some(money(1_000, 156)));
    let result = told(&world, wallet, &body);
    assert_eq!(result.amount, Some(money(1_000, 156)));
    // 10.00 x 0.6125 = 6.125, and a half goes up.
    assert_eq!(result.billing, Some(money(613, 458)));
    let quote = result.quote.to_vec();
    let mut forged = quote.clone();
    forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
    let good = under(&quote, 1_000, 10, b"Qa0123456789");
    let cases = [
        (
            "forged",
            PaymentRequest {
                quote: &forged,
                ..good
            },
            b"12",
        ),
        (
            "not a quote",
            PaymentRequest {
                quote: b"abc",
                ..good
            },
            b"12",
        ),
        (
            "another code",
            PaymentRequest {
                code: Sensitive(b"2899"),
                ..good
            },
            b"12",
        ),
        (
            "another amount",
            under(&quote, 1_001, 10, b"Qa0123456789"),
            b"13",
        ),
        (
            "another price",
            PaymentRequest {
                amounts: Amounts {
                    billing: Some(money(612, 458)),
                    ..good.amounts
                },
                ..good
            },
            b"13",
        ),
        (
            "another destination",
            PaymentRequest {
                destination: Institution::new(WALLET + 1),
                ..good
            },
            b"92",
        ),
    ];
    for (stan, (case, payment, expected)) in (20_u32..).zip(cases) {
        let reference = format!("Qb{stan:010}");
        let mut payment = payment;
        payment.header = header(stan);
        payment.key = key(WALLET, reference.as_bytes().try_into().unwrap());
        world.say(wallet, &Message::PaymentRequest(payment));
        assert_eq!(
            code_told(&mut world, wallet),
            ResponseCode(*expected),
            "{case}"
        );
        assert!(world.heard(acquirer).is_none(), "{case}");
    }
    world.say(wallet, &Message::PaymentRequest(good));
    assert!(world.heard(acquirer).is_some(), "the true one goes on");
    world.pass_ms(61_000);
    while world.heard(wallet).is_some() {}
    let late = under(&quote, 1_000, 40, b"Qc0123456789");
    world.say(wallet, &Message::PaymentRequest(late));
    assert_eq!(code_told(&mut world, wallet), ResponseCode::EXPIRED);
}

#[test]
fn an_inquiry_that_cannot_be_answered_is_refused_in_time() {
    let mut world = World::priced(Protocol::Iso8583Ascii, Protocol::Iso8583Binary);
    let (acquirer, wallet) = world.open();
    let ask = |world: &mut World, stan, code: &'static [u8]| {
        let mut inquiry = inquiry(stan);
        inquiry.code = Sensitive(code);
        world.say(wallet, &Message::CodeInquiry(inquiry));
    };
    ask(&mut world, 1, b"7777000011112222");
    assert_eq!(code_told(&mut world, wallet), ResponseCode::NO_ROUTE);
    ask(&mut world, 2, b"00020101021126");
    assert_eq!(code_told(&mut world, wallet), ResponseCode::NO_SUCH_CODE);
    // Its owner says nothing.
    ask(&mut world, 3, CODE);
    assert!(world.heard(acquirer).is_some());
    world.pass_ms(4_999);
    assert_eq!(world.shard.engine.open_code_inquiries(), 1);
    world.pass_ms(1);
    assert_eq!(
        code_told(&mut world, wallet),
        ResponseCode::DESTINATION_DOWN
    );
    assert_eq!(world.shard.engine.open_code_inquiries(), 0);
    // Its owner does not know it; or answers about something else.
    for (stan, change, expected) in [(4, false, *b"14"), (5, true, *b"96")] {
        ask(&mut world, stan, CODE);
        let body = world.heard(acquirer).unwrap();
        let dialect = world.dialect_of(acquirer);
        let heard = dialect.decode(&body, world.today()).unwrap();
        let mut answer = owned(&heard, None);
        if change {
            answer.key = key(WALLET, b"another12345");
        } else {
            answer.response_code = ResponseCode::NO_SUCH_CODE;
        }
        world.say(acquirer, &Message::CodeResult(answer));
        assert_eq!(code_told(&mut world, wallet), ResponseCode(expected));
        // A second answer finds nobody.
        world.say(acquirer, &Message::CodeResult(answer));
        assert!(world.heard(wallet).is_none());
    }
}

#[test]
fn a_payment_by_the_payers_code_is_converted_and_checked() {
    let mut world = World::priced(Protocol::Sbe, Protocol::Sbe);
    let (acquirer, wallet) = world.open();
    let mut payment = request(Presentation::Cpm, 1);
    payment.amounts = Amounts {
        amount: money(12_345, 156),
        billing: None,
        settlement: None,
        billing_rate: None,
        settlement_rate: None,
    };
    let body = pass(
        &mut world,
        acquirer,
        wallet,
        &Message::PaymentRequest(payment),
    );
    let dialect = world.dialect_of(wallet);
    let Message::PaymentRequest(heard) = dialect.decode(&body, world.today()).unwrap() else {
        panic!("a payment");
    };
    assert_eq!(heard.amounts.billing, Some(money(7_561, 458)));
    assert_eq!(heard.amounts.billing_rate, Some(RATE));
    for (stan, amounts, expected) in [
        (
            2,
            Amounts {
                billing: Some(money(7_562, 458)),
                ..payment.amounts
            },
            ResponseCode::INVALID_AMOUNT,
        ),
        (
            3,
            Amounts {
                amount: money(1, 392),
                ..payment.amounts
            },
            ResponseCode::NOT_SUPPORTED,
        ),
    ] {
        let reference = format!("Qd{stan:010}");
        let mut other = payment;
        other.header = header(stan);
        other.key = key(ACQUIRER, reference.as_bytes().try_into().unwrap());
        other.forwarder = None;
        other.amounts = amounts;
        world.say(acquirer, &Message::PaymentRequest(other));
        assert_eq!(code_told(&mut world, acquirer), expected);
        assert!(world.heard(wallet).is_none());
    }
}

/// A merchant's code of 215.00 CNY for one order (`12` in field 01), as far as that goes.
const DYNAMIC: &str = "0002010102121531480007024800070200000000000TEST\
    5204541153031565406215.005802CN";

#[test]
fn the_quote_of_a_dynamic_code_names_its_order_under_any_key() {
    let order_of = |code: &str, secret: u8| {
        let mut world = World::priced(Protocol::Sbe, Protocol::Sbe);
        let (acquirer, wallet) = world.open();
        let read = crate::qr::Code::read(code.as_bytes());
        let terms = codes::scanned(&read, &world.shard.tables).terms;
        // The code of digits leads to its owner here; what it says is the other's.
        let pricing = Pricing {
            keys: QuoteKeys::new(QuoteKey::new(&[secret; KEY_BYTES]), None),
            ..pricing()
        };
        let (participants, mut prefixes) = two(Protocol::Sbe, Protocol::Sbe);
        prefixes.insert("2899", ParticipantIndex(0)).unwrap();
        let tables = Tables::new(TableVersion(3), 9, participants, prefixes).unwrap();
        world.shard.tables = Arc::new(Snapshot::new(tables).with_pricing(pricing));
        let digits = crate::qr::Code::read(CODE);
        let scanned = crate::engine::Scanned {
            marks: digits.marks(),
            terms: crate::engine::CodeTerms {
                currency: Currency::new(156),
                ..terms
            },
        };
        let asked = CodeInquiry {
            code: Sensitive(code.as_bytes()),
            ..inquiry(7)
        };
        let sender = crate::engine::Sender {
            participant: ParticipantIndex(1),
            link: crate::model::ids::LinkAddress {
                shard: ShardId(0),
                link: wallet,
            },
        };
        let (now, mut submissions) = (world.now(), Vec::new());
        world.shard.engage(
            &mut Pass {
                now,
                tail: &mut world.tail,
                submissions: &mut submissions,
            },
            |engine, context, effects| {
                engine.handle_code_inquiry((&asked, &scanned), sender, context, effects);
            },
        );
        world.turn(Vec::new());
        let body = world.heard(acquirer).unwrap();
        let heard = world.dialect_of(acquirer);
        let heard = heard.decode(&body, world.today()).unwrap();
        let answer = Message::CodeResult(owned(&heard, None));
        let body = pass(&mut world, acquirer, wallet, &answer);
        let quote = told(&world, wallet, &body).quote.to_vec();
        let keys = &world.shard.tables.pricing().unwrap().keys;
        assert_eq!(keys.is_of_order(&quote), terms.is_order);
        keys.open(&quote, world.now().wall).unwrap().order
    };
    let dynamic = format!("{DYNAMIC}5904SHOP6007BEIJING");
    let order = order_of(&dynamic, 7);
    assert!(order.is_some());
    assert_eq!(order, order_of(&dynamic, 8), "whatever key seals it");
    assert_ne!(order_of(&dynamic.replace("SHOP", "SHIP"), 7), order);
    let fixed = dynamic.replacen("010212", "010211", 1);
    assert_eq!(order_of(&fixed, 7), None, "a code for any number of orders");
}

//! What becomes of a payment after its first answer, or without one, over real frames: pending,
//! asked about, given back.

use super::translation::{key, request};
use super::*;
use crate::model::chars::Chars;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Amounts, Echoed, PaymentAdvice, PaymentAdviceAck, PaymentResult, RefundRequest, RefundResult,
    StatusInquiry, StatusResult,
};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Presentation, Reason, State};
use crate::shard::stats::Counter;

fn pairs() -> impl Iterator<Item = (Protocol, Protocol)> {
    Protocol::ALL
        .into_iter()
        .flat_map(|one| Protocol::ALL.map(move |other| (one, other)))
}

/// The links of originator and destination.
fn sides((acquirer, wallet): (LinkId, LinkId), presentation: Presentation) -> (LinkId, LinkId) {
    match presentation {
        Presentation::Cpm => (acquirer, wallet),
        Presentation::Mpm => (wallet, acquirer),
    }
}

/// The next message on a link, shown to `look`.
fn hear<R>(world: &mut World, link: LinkId, look: impl FnOnce(&Message<'_>) -> R) -> R {
    let body = world.heard(link).expect("a message");
    let dialect = world.dialect_of(link);
    let message = dialect.decode(&body, world.today()).unwrap();
    look(&message)
}

fn forwarded(world: &mut World, link: LinkId) -> Header {
    hear(world, link, |message| *message.header())
}

fn result(presentation: Presentation, header: Header, code: &[u8; 2]) -> Message<'static> {
    let request = request(presentation, 1);
    let approved = code == b"00";
    Message::PaymentResult(PaymentResult {
        header,
        key: request.key,
        response_code: ResponseCode(*code),
        outcome: None,
        approval_code: Chars::padded(b"A1B2C3").filter(|_| approved),
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed {
            local_time: request.local_time,
            presentation: Some(presentation),
            mcc: request.mcc,
            terminal: request.terminal,
            merchant_id: request.merchant_id,
        },
        text: b"",
        mac: b"",
    })
}

fn pay(world: &mut World, links: (LinkId, LinkId), presentation: Presentation) -> Header {
    let (originator, destination) = sides(links, presentation);
    world.say(
        originator,
        &Message::PaymentRequest(request(presentation, 7)),
    );
    forwarded(world, destination)
}

fn told(message: &Message<'_>) -> (ResponseCode, Option<Outcome>) {
    match message {
        Message::PaymentResult(result) => (result.response_code, result.outcome),
        Message::PaymentAdvice(advice) => (advice.response_code, advice.outcome),
        Message::RefundResult(result) => (result.response_code, result.outcome),
        other => panic!("{:?}", other.kind()),
    }
}

fn target(presentation: Presentation) -> BusinessKey {
    BusinessKey {
        key: request(presentation, 1).key,
        class: Class::Payment,
    }
}

fn acknowledge(world: &mut World, link: LinkId, target: BusinessKey, header: Header) {
    let ack = PaymentAdviceAck {
        header,
        target,
        response_code: ResponseCode::APPROVED,
        text: b"",
        mac: b"",
    };
    world.say(link, &Message::PaymentAdviceAck(ack));
}

fn refund(root: Key, minor: i64) -> RefundRequest<'static> {
    let of = request(Presentation::Cpm, 1);
    RefundRequest {
        header: header(21),
        key: key(ACQUIRER + 1, b"Refund000001"),
        local_time: of.local_time,
        root,
        destination: Institution::new(WALLET),
        forwarder: Institution::new(ACQUIRER),
        presentation: Some(Presentation::Cpm),
        amounts: Amounts {
            amount: Money::new(minor, of.amounts.amount.currency).unwrap(),
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        mcc: of.mcc,
        country: None,
        terminal: of.terminal,
        merchant_id: of.merchant_id,
        reason: Some(Reason::Merchant),
        mac: b"",
    }
}

fn refund_result(heard: &RefundRequest<'_>) -> Message<'static> {
    Message::RefundResult(RefundResult {
        header: heard.header,
        key: heard.key,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        amounts: heard.amounts,
        settlement_date: None,
        refunded_so_far: None,
        echoed: Echoed {
            local_time: heard.local_time,
            presentation: heard.presentation,
            mcc: heard.mcc,
            terminal: heard.terminal,
            merchant_id: heard.merchant_id,
        },
        text: b"",
        mac: b"",
    })
}

#[test]
fn a_refund_goes_from_the_merchants_side_to_the_payers_in_every_protocol() {
    for ((acquirer, wallet), presentation) in
        pairs().flat_map(|pair| [(pair, Presentation::Cpm), (pair, Presentation::Mpm)])
    {
        let place = format!("{acquirer:?} {wallet:?} {presentation:?}");
        let mut world = World::new(acquirer, wallet, CommitMode::Memory);
        let links = world.open();
        let (originator, destination) = sides(links, presentation);
        let asked = pay(&mut world, links, presentation);
        world.say(destination, &result(presentation, asked, b"00"));
        forwarded(&mut world, originator);
        let root = target(presentation).key;
        let mut asked = refund(root, 5_000);
        asked.presentation = Some(presentation);
        world.say(links.0, &Message::RefundRequest(asked));
        // The payment's rates: 5000/12345 of 79.50 and of 17.12.
        let answer = hear(&mut world, links.1, |message| {
            let Message::RefundRequest(heard) = message else {
                panic!("{place}: {:?}", message.kind());
            };
            let minor = |money: Option<Money>| money.map(|money| money.minor);
            assert_eq!(heard.key, asked.key, "{place}");
            assert_eq!(heard.root, root, "{place}");
            assert_eq!(heard.amounts.amount.minor, 5_000, "{place}");
            let converted = (
                minor(heard.amounts.billing),
                minor(heard.amounts.settlement),
            );
            assert_eq!(converted, (Some(3_220), Some(693)), "{place}");
            refund_result(heard)
        });
        world.say(links.1, &answer);
        hear(&mut world, links.0, |message| {
            let Message::RefundResult(result) = message else {
                panic!("{place}: {:?}", message.kind());
            };
            let outcome = (result.response_code, result.outcome);
            let approved = (ResponseCode::APPROVED, Some(Outcome::Approved));
            assert_eq!(outcome, approved, "{place}");
            let so_far = result.refunded_so_far.map(|money| money.minor);
            assert_eq!(so_far, Some(5_000), "{place}");
        });
        // A status inquiry of the refund, and one refund too many.
        let inquiry = StatusInquiry {
            header: header(22),
            target: BusinessKey {
                key: asked.key,
                class: Class::Refund,
            },
            root,
            mac: b"",
        };
        world.say(links.0, &Message::StatusInquiry(inquiry));
        hear(&mut world, links.0, |message| {
            let Message::StatusResult(status) = message else {
                panic!("{place}: {:?}", message.kind());
            };
            assert_eq!(status.outcome, Some(Outcome::Approved), "{place}");
            let so_far = status.refunded_so_far.map(|money| money.minor);
            assert_eq!(so_far, Some(5_000), "{place}");
        });
        let mut more = refund(root, 7_346);
        (more.header, more.key) = (header(23), key(ACQUIRER + 1, b"Refund000002"));
        world.say(links.0, &Message::RefundRequest(more));
        let refused = (ResponseCode::REFUND_TOO_LARGE, Some(Outcome::Declined));
        assert_eq!(hear(&mut world, links.0, told), refused, "{place}");
    }
}

#[test]
fn a_pending_payment_is_told_as_such_and_settled_by_an_advice() {
    for (acquirer, wallet) in pairs() {
        let place = format!("{acquirer:?} {wallet:?}");
        let presentation = Presentation::Cpm;
        let mut world = World::new(acquirer, wallet, CommitMode::Memory);
        let links = world.open();
        let asked = pay(&mut world, links, presentation);
        world.say(links.1, &result(presentation, asked, b"09"));
        let pending = (ResponseCode::PENDING, None);
        assert_eq!(hear(&mut world, links.0, told), pending, "{place}");
        let of = request(presentation, 1);
        let advice = PaymentAdvice {
            header: header(31),
            target: target(presentation),
            root: of.key,
            repeat: false,
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Approved),
            approval_code: Chars::padded(b"Z9Y8X7"),
            amounts: of.amounts,
            settlement_date: None,
            text: b"",
            mac: b"",
        };
        world.say(links.1, &Message::PaymentAdvice(advice));
        hear(&mut world, links.1, |message| {
            let Message::PaymentAdviceAck(ack) = message else {
                panic!("{place}: {:?}", message.kind());
            };
            assert_eq!(ack.response_code, ResponseCode::APPROVED, "{place}");
        });
        let header = hear(&mut world, links.0, |message| {
            let approved = (ResponseCode::APPROVED, Some(Outcome::Approved));
            assert_eq!(told(message), approved, "{place}");
            *message.header()
        });
        acknowledge(&mut world, links.0, target(presentation), header);
        world.pass_ms(60_000);
        world.shard.count_all();
        assert_eq!(world.shard.stats().get(Counter::ExchangesNow), 0, "{place}");
        assert_eq!(world.shard.stats().get(Counter::Pending), 1, "{place}");
    }
}

#[test]
fn where_the_goods_may_be_gone_the_destination_is_asked_and_its_word_counts() {
    for (acquirer, wallet) in pairs() {
        let place = format!("{acquirer:?} {wallet:?}");
        let presentation = Presentation::Mpm;
        let mut world = World::new(acquirer, wallet, CommitMode::Memory);
        let links = world.open();
        let (originator, destination) = sides(links, presentation);
        pay(&mut world, links, presentation);
        world.pass_ms(5_000);
        let unknown = (ResponseCode::NO_ANSWER, None);
        assert_eq!(hear(&mut world, originator, told), unknown, "{place}");
        assert!(
            world.heard(destination).is_none(),
            "{place}: nothing is undone"
        );
        world.pass_ms(1_000);
        let header = hear(&mut world, destination, |message| {
            let Message::StatusInquiry(inquiry) = message else {
                panic!("{place}: {:?}", message.kind());
            };
            assert_eq!(inquiry.target, target(presentation), "{place}");
            inquiry.header
        });
        let of = request(presentation, 1);
        let status = StatusResult {
            header,
            target: target(presentation),
            response_code: ResponseCode::APPROVED,
            state: Some(State::Answered),
            outcome: Some(Outcome::Approved),
            approval_code: Chars::padded(b"Q1W2E3"),
            amount: Some(of.amounts.amount),
            billing: None,
            settlement: None,
            refunded_so_far: None,
            text: b"",
            mac: b"",
        };
        world.say(destination, &Message::StatusResult(status));
        hear(&mut world, originator, |message| {
            let Message::PaymentAdvice(advice) = message else {
                panic!("{place}: {:?}", message.kind());
            };
            let approved = (ResponseCode::APPROVED, Some(Outcome::Approved));
            assert_eq!(told(message), approved, "{place}");
            assert_eq!(advice.approval_code, Chars::padded(b"Q1W2E3"), "{place}");
        });
    }
}

#[test]
fn a_participant_that_signs_on_is_sent_its_reversals_at_once() {
    let mut world = World::new(Protocol::Iso8583Ascii, Protocol::Sbe, CommitMode::Memory);
    let links = world.open();
    pay(&mut world, links, Presentation::Cpm);
    let link = links.1;
    world.turn(vec![Completion::Ended {
        link,
        errno: Errno(104),
    }]);
    world.pass_ms(5_000);
    assert_eq!(
        hear(&mut world, links.0, told),
        (ResponseCode::NO_ANSWER, None)
    );
    world.pass_ms(600_000);
    let again = world.connect(Protocol::Sbe);
    world.sign_on(again, WALLET);
    let kind = hear(&mut world, again, |message| message.kind());
    assert_eq!(kind, crate::model::message::Kind::ReversalAdvice);
}

#[test]
fn a_request_that_no_link_took_a_byte_of_is_declined_at_once() {
    let mut world = World::new(Protocol::Iso8583Ascii, Protocol::Sbe, CommitMode::Memory);
    let (acquirer, wallet) = world.open();
    let frame = world.frame(
        acquirer,
        &Message::PaymentRequest(request(Presentation::Cpm, 7)),
    );
    let now = world.now();
    let mut submissions = Vec::new();
    let mut pass = Pass {
        now,
        tail: &mut world.tail,
        submissions: &mut submissions,
    };
    let received = Completion::Received {
        link: acquirer,
        bytes: &frame,
    };
    world.shard.handle(received, &mut pass);
    world.shard.finish(&mut pass);
    let sent = submissions
        .into_iter()
        .find_map(|submission| match submission {
            Submission::Send { link, buffer } => Some((link, buffer)),
            _ => None,
        });
    let (link, buffer) = sent.expect("the request was submitted");
    assert_eq!(link, wallet);
    let errno = Errno(104);
    world.turn(vec![
        Completion::Ended { link, errno },
        Completion::Sent {
            link,
            buffer,
            errno,
        },
    ]);
    assert_eq!(
        hear(&mut world, acquirer, told),
        (ResponseCode::DESTINATION_DOWN, Some(Outcome::Declined)),
        "nobody can have seen it"
    );
    world.pass_ms(60_000);
    world.shard.count_all();
    assert_eq!(world.shard.stats().get(Counter::ExchangesNow), 0);
}

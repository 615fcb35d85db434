//! What a turn must and must not do: gates, broken bytes, lost links, draining.

use super::translation::{key, request};
use super::*;
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{Echoed, PaymentResult, Reversal};
use crate::model::outcome::Presentation;
use crate::model::refusal::Fault;
use crate::shard::stats::Counter;
use crate::sys::operation::SendBuffer;

pub(super) fn iso_world(mode: CommitMode) -> (World, LinkId, LinkId) {
    let mut world = World::new(Protocol::Iso8583Ascii, Protocol::Sbe, mode);
    let (acquirer, wallet) = world.open();
    (world, acquirer, wallet)
}

pub(super) fn pay(world: &mut World, link: LinkId, stan: u32) {
    world.say(
        link,
        &Message::PaymentRequest(request(Presentation::Cpm, stan)),
    );
}

pub(super) fn forwarded(world: &mut World, link: LinkId) -> Header {
    let body = world.heard(link).expect("a request");
    *world
        .dialect_of(link)
        .decode(&body, world.today())
        .unwrap()
        .header()
}

pub(super) fn approve(world: &mut World, link: LinkId, header: Header) {
    let request = request(Presentation::Cpm, 1);
    let result = PaymentResult {
        header,
        key: request.key,
        response_code: ResponseCode::APPROVED,
        outcome: None,
        approval_code: None,
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    };
    world.say(link, &Message::PaymentResult(result));
}

pub(super) fn answer_code(world: &mut World, link: LinkId) -> Option<ResponseCode> {
    let body = world.heard(link)?;
    match world.dialect_of(link).decode(&body, world.today()).unwrap() {
        Message::PaymentResult(result) => Some(result.response_code),
        Message::Reject(reject) => Some(reject.response_code),
        other => panic!("{:?}", other.kind()),
    }
}

pub(super) fn complete_writes(world: &mut World) {
    world.hold_writes = false;
    let writes = core::mem::take(&mut world.writes);
    let done = writes.into_iter().map(|write| Completion::Written {
        write,
        errno: Errno(0),
    });
    world.turn(done.collect());
    // What follows was submitted within that turn and completes by itself.
    for _ in 0..10 {
        world.pass_ms(1);
    }
}

#[test]
fn nothing_that_binds_leaves_before_it_is_committed() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Disk);
    world.hold_writes = true;
    pay(&mut world, acquirer, 11);
    for _ in 0..500 {
        world.pass_ms(1);
    }
    assert!(
        world.heard(wallet).is_none(),
        "the request is not committed"
    );
    assert!(world.echo(acquirer), "echoes do not wait");
    complete_writes(&mut world);
    let header = forwarded(&mut world, wallet);
    world.hold_writes = true;
    approve(&mut world, wallet, header);
    for _ in 0..500 {
        world.pass_ms(1);
    }
    assert!(
        world.heard(acquirer).is_none(),
        "the answer is not committed"
    );
    complete_writes(&mut world);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::APPROVED)
    );
}

#[test]
fn a_write_error_fences_and_nothing_leaves_any_more() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Disk);
    world.hold_writes = true;
    pay(&mut world, acquirer, 11);
    world.pass_ms(1);
    world.hold_writes = false;
    let write = world.writes.pop().expect("a write is due");
    world.turn(vec![Completion::Written {
        write,
        errno: Errno(5),
    }]);
    // Past the deadline, and before anybody is asked for an echo.
    for _ in 0..60 {
        world.pass_ms(100);
    }
    assert!(world.heard(wallet).is_none());
    assert!(world.heard(acquirer).is_none());
    assert_eq!(world.shard.journal().fence().unwrap().errno, Errno(5));
}

#[test]
fn a_session_comes_first_and_speaks_only_for_its_own() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let link = world.connect(Protocol::Iso8583Ascii);
    pay(&mut world, link, 11);
    assert_eq!(
        answer_code(&mut world, link),
        Some(ResponseCode::NOT_PERMITTED)
    );
    assert_eq!(world.sign_on(link, 99), ResponseCode::NOT_PERMITTED);
    assert_eq!(
        world.sign_on(link, ACQUIRER + 1),
        ResponseCode::NOT_PERMITTED,
        "fronted"
    );
    assert_eq!(
        world.sign_on(link, WALLET),
        ResponseCode::NOT_SUPPORTED,
        "another protocol"
    );
    assert_eq!(world.sign_on(link, ACQUIRER), ResponseCode::APPROVED);
    let mut foreign = request(Presentation::Cpm, 12);
    foreign.key = key(WALLET, b"000000000001");
    world.say(acquirer, &Message::PaymentRequest(foreign));
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::NOT_PERMITTED)
    );
    world.shard.count_all();
    assert_eq!(world.shard.stats().get(Counter::SecurityEvents), 3);
    assert_eq!(world.shard.stats().refusals(Fault::NotSignedOn), 1);
    assert!(world.heard(wallet).is_none());
}

#[test]
fn frames_may_arrive_byte_by_byte_and_several_at_once() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let frame = world.frame(
        acquirer,
        &Message::PaymentRequest(request(Presentation::Cpm, 11)),
    );
    for byte in &frame {
        world.turn(vec![Completion::Received {
            link: acquirer,
            bytes: &[*byte],
        }]);
    }
    forwarded(&mut world, wallet);
    let mut other = request(Presentation::Cpm, 12);
    other.key = key(ACQUIRER, b"000000000002");
    other.forwarder = None;
    let second = world.frame(acquirer, &Message::PaymentRequest(other));
    let both = [frame.as_slice(), &second].concat();
    let (head, rest) = both.split_at(frame.len() + 3);
    world.turn(vec![Completion::Received {
        link: acquirer,
        bytes: head,
    }]);
    world.turn(vec![Completion::Received {
        link: acquirer,
        bytes: rest,
    }]);
    forwarded(&mut world, wallet);
    assert!(world.heard(wallet).is_none(), "the repeat waits");
    assert_eq!(world.shard.open_payments(), 2);
}

#[test]
fn garbage_is_answered_where_it_can_be_and_harms_nobody_else() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let mut frame = world.frame(
        acquirer,
        &Message::PaymentRequest(request(Presentation::Cpm, 11)),
    );
    // A letter in the amount: DE 4 begins after length, MTI, bitmaps and DE 3.
    frame[2 + 4 + 32 + 6 + 3] = b'x';
    world.turn(vec![Completion::Received {
        link: acquirer,
        bytes: &frame,
    }]);
    let body = world.heard(acquirer).unwrap();
    match world
        .dialect_of(acquirer)
        .decode(&body, world.today())
        .unwrap()
    {
        Message::Reject(reject) => {
            assert_eq!(reject.response_code, ResponseCode::FORMAT);
            assert_eq!(reject.reason, Fault::BadCharacter as u16);
            assert_eq!((reject.field_id, reject.offset), (4, 4 + 32 + 6 + 3));
        }
        other => panic!("{:?}", other.kind()),
    }
    world.turn(vec![Completion::Received {
        link: acquirer,
        bytes: b"\x00\x04junk",
    }]);
    assert!(
        world.heard(acquirer).is_none(),
        "no MTI: counted, and no answer"
    );
    world.turn(vec![Completion::Received {
        link: acquirer,
        bytes: b"\xff\xff",
    }]);
    assert_eq!(world.closed, [acquirer], "longer than the listener allows");
    assert!(world.echo(wallet), "the other session is not disturbed");
    world.shard.count_all();
    let stats = world.shard.stats();
    assert_eq!(
        stats.refusals(Fault::BadCharacter),
        2,
        "in the amount, and in the MTI"
    );
    assert_eq!(stats.refusals(Fault::Oversize), 1);
    assert_eq!(
        (
            stats.get(Counter::Unanswerable),
            stats.get(Counter::LinksCutFraming)
        ),
        (1, 1)
    );
}

#[test]
fn a_code_of_any_length_passes() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let mut code = b"2812".to_vec();
    code.resize(1_998, b'7');
    let mut long = request(Presentation::Cpm, 11);
    long.code = crate::model::chars::Sensitive(&code);
    world.say(acquirer, &Message::PaymentRequest(long));
    let body = world.heard(wallet).expect("forwarded");
    match world
        .dialect_of(wallet)
        .decode(&body, world.today())
        .unwrap()
    {
        Message::PaymentRequest(request) => assert!(request.code.expose() == code),
        other => panic!("{:?}", other.kind()),
    }
}

#[test]
fn an_unreadable_answer_makes_the_outcome_unknown() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    pay(&mut world, acquirer, 11);
    let header = forwarded(&mut world, wallet);
    let request = request(Presentation::Cpm, 1);
    let result = PaymentResult {
        header,
        key: request.key,
        response_code: ResponseCode::APPROVED,
        outcome: None,
        approval_code: None,
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    };
    let mut frame = world.frame(wallet, &Message::PaymentResult(result));
    // SOFH 6, header 8, linkRef 8, transmitTime 8, originator 8, localDate 4, reference 12: "0?".
    frame[6 + 8 + 8 + 8 + 8 + 4 + 12 + 1] = b'?';
    world.turn(vec![Completion::Received {
        link: wallet,
        bytes: &frame,
    }]);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::NO_ANSWER)
    );
    let body = world.heard(wallet).unwrap();
    let reversal = world.dialect_of(wallet);
    assert!(matches!(
        reversal.decode(&body, world.today()).unwrap(),
        Message::ReversalAdvice(_)
    ));
}

/// A link fails, and what was submitted to it comes back.
fn reset(world: &mut World, link: LinkId, buffer: SendBuffer) {
    let errno = Errno(104);
    world.turn(vec![
        Completion::Ended { link, errno },
        Completion::Sent {
            link,
            buffer,
            errno,
        },
    ]);
}

/// A payment is submitted to a link of its destination, and the kernel has not taken a byte of it.
fn submitted(world: &mut World, acquirer: LinkId) -> (LinkId, SendBuffer) {
    let frame = world.frame(
        acquirer,
        &Message::PaymentRequest(request(Presentation::Cpm, 11)),
    );
    let mut submissions = Vec::new();
    let now = world.now();
    let mut pass = Pass {
        now,
        tail: &mut world.tail,
        submissions: &mut submissions,
    };
    world.shard.handle(
        Completion::Received {
            link: acquirer,
            bytes: &frame,
        },
        &mut pass,
    );
    world.shard.finish(&mut pass);
    let sent = submissions
        .into_iter()
        .find_map(|submission| match submission {
            Submission::Send { link, buffer } => Some((link, buffer)),
            _ => None,
        });
    sent.expect("the request was submitted")
}

/// Found by `cpg-switch sim --seed 1052`: a request that waited on a link that failed came out over
/// another, after its deadline, behind the reversal of it that had been acknowledged there.
#[test]
fn a_request_that_is_too_late_does_not_follow_a_lost_link() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let other = world.connect(Protocol::Sbe);
    world.sign_on(other, WALLET);
    let (link, buffer) = submitted(&mut world, acquirer);
    world.ns += 5_100_000_000;
    reset(&mut world, link, buffer);
    world.shard.count_all();
    assert_eq!(world.shard.stats().get(Counter::FramesMoved), 0);
    assert_eq!(world.shard.stats().get(Counter::HeldBack), 1);
    let rest = if link == wallet { other } else { wallet };
    let body = world.heard(rest).expect("its reversal");
    let dialect = world.dialect_of(rest);
    let message = dialect.decode(&body, world.today()).unwrap();
    assert!(
        matches!(message, Message::ReversalAdvice(_)),
        "{:?}",
        message.kind()
    );
    assert!(world.heard(rest).is_none());
}

#[test]
fn what_a_lost_link_had_not_sent_goes_over_another() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let other = world.connect(Protocol::Sbe);
    world.sign_on(other, WALLET);
    // The kernel takes nothing of the request, and the link fails.
    let (link, buffer) = submitted(&mut world, acquirer);
    assert!([wallet, other].contains(&link));
    reset(&mut world, link, buffer);
    let rest = if link == wallet { other } else { wallet };
    let header = forwarded(&mut world, rest);
    approve(&mut world, rest, header);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::APPROVED)
    );
    world.shard.count_all();
    assert_eq!(world.shard.stats().get(Counter::FramesMoved), 1);
}

/// Found by `cpg-switch sim --seed 1400`: the answer carried the amount of the reversal.
#[test]
fn a_payment_that_was_reversed_first_is_declined_with_its_own_amounts() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let request = request(Presentation::Cpm, 12);
    let mut amount = request.amounts.amount;
    amount.minor += 1;
    let reversal = Reversal {
        header: header(11),
        target: BusinessKey {
            key: request.key,
            class: Class::Payment,
        },
        root: request.key,
        amount,
        reason: None,
        repeat: false,
        original: None,
        mac: b"",
    };
    world.say(acquirer, &Message::ReversalAdvice(reversal));
    world.heard(acquirer).expect("acknowledged");
    world.say(acquirer, &Message::PaymentRequest(request));
    let body = world.heard(acquirer).expect("declined");
    let dialect = world.dialect_of(acquirer);
    match dialect.decode(&body, world.today()).unwrap() {
        Message::PaymentResult(result) => {
            assert_eq!(result.response_code, ResponseCode::INVALID_TRANSACTION);
            assert_eq!(result.amounts, request.amounts);
        }
        other => panic!("{:?}", other.kind()),
    }
    assert!(world.heard(wallet).is_none());
}

/// Found by `cpg-switch sim --seed 291`: a 68 that waited behind a reader who did not read came out
/// over another link, after the advice that had ended it.
#[test]
fn an_interim_answer_does_not_follow_a_lost_link() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let other = world.connect(Protocol::Iso8583Ascii);
    world.sign_on(other, ACQUIRER);
    pay(&mut world, acquirer, 11);
    forwarded(&mut world, wallet);
    world.ns += 5_100_000_000;
    let mut submissions = Vec::new();
    let now = world.now();
    world.shard.finish(&mut Pass {
        now,
        tail: &mut world.tail,
        submissions: &mut submissions,
    });
    let sent = submissions
        .into_iter()
        .find_map(|submission| match submission {
            Submission::Send { link, buffer } => (link == acquirer).then_some(buffer),
            _ => None,
        });
    let (link, buffer) = (acquirer, sent.expect("68 was submitted"));
    reset(&mut world, link, buffer);
    assert!(world.heard(other).is_none());
    pay(&mut world, other, 12);
    assert_eq!(
        answer_code(&mut world, other),
        Some(ResponseCode::NO_ANSWER),
        "who asks again is told as it is now"
    );
}

#[test]
fn an_answer_finds_another_link_of_its_originator() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let other = world.connect(Protocol::Iso8583Ascii);
    world.sign_on(other, ACQUIRER);
    pay(&mut world, acquirer, 11);
    let header = forwarded(&mut world, wallet);
    world.turn(vec![Completion::Ended {
        link: acquirer,
        errno: Errno(0),
    }]);
    approve(&mut world, wallet, header);
    assert_eq!(answer_code(&mut world, other), Some(ResponseCode::APPROVED));
}

#[test]
fn a_participant_without_links_is_answered_for_and_told_later() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    world.turn(vec![Completion::Ended {
        link: wallet,
        errno: Errno(0),
    }]);
    pay(&mut world, acquirer, 11);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::DESTINATION_DOWN)
    );
}

#[test]
fn a_frame_that_stops_midway_is_cut_and_so_is_a_link_that_never_signs_on() {
    let (mut world, acquirer, _) = iso_world(CommitMode::Memory);
    let silent = world.connect(Protocol::Sbe);
    world.turn(vec![Completion::Received {
        link: acquirer,
        bytes: &[0],
    }]);
    world.pass_ms(4_900);
    assert!(world.closed.is_empty());
    world.pass_ms(200);
    assert_eq!(world.closed, [acquirer]);
    world.pass_ms(5_000);
    assert!(world.closed.contains(&silent));
}

#[test]
fn draining_answers_what_is_open_and_takes_nothing_new() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Disk);
    pay(&mut world, acquirer, 11);
    world.pass_ms(1);
    let header = forwarded(&mut world, wallet);
    world.shard.drain();
    assert!(!world.pass_ms(10).done, "one payment is open");
    let mut other = request(Presentation::Cpm, 12);
    other.key = key(ACQUIRER, b"000000000002");
    other.forwarder = None;
    world.say(acquirer, &Message::PaymentRequest(other));
    assert_eq!(answer_code(&mut world, acquirer), Some(ResponseCode::SHED));
    approve(&mut world, wallet, header);
    let ends: Vec<bool> = (0..20).map(|_| world.pass_ms(1).done).collect();
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::APPROVED)
    );
    assert!(ends.last().unwrap(), "drained");
}

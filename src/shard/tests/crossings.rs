//! The originator's link, the owner and the destination's link on three different shards.

use super::town::{DESTINATION, ORIGINATOR, OWNER, Town, owned_request, target};
use super::translation::{key, request};
use super::*;
use crate::model::chars::Chars;
use crate::model::message::{Echoed, PaymentRequest, PaymentResult, Reversal, ReversalResult};
use crate::model::outcome::{Outcome, Presentation, State};
use crate::shard::stats::Counter;

#[test]
fn a_payment_goes_all_the_way_over_three_shards() {
    let mut town = Town::new(CommitMode::Memory);
    let request = town.pay(11);
    let forwarded = town.forwarded().expect("forwarded");
    assert_eq!(town.worlds[OWNER].shard.open_payments(), 1);
    town.approve(&request, forwarded);
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::APPROVED)
    );
    assert_eq!(
        town.inquire(&request, 12),
        (ResponseCode::APPROVED, Some(State::Answered))
    );
    // Only the owner has written anything down.
    for (shard, records) in [(ORIGINATOR, 0), (OWNER, 2), (DESTINATION, 0)] {
        assert_eq!(
            town.count(shard, Counter::JournalRecords),
            records,
            "{shard}"
        );
    }
    assert_eq!(town.count(OWNER, Counter::Payments), 1);
}

#[test]
fn a_repeat_over_another_shards_link_gets_the_same_answer_there() {
    let mut town = Town::new(CommitMode::Memory);
    let other = town.worlds[DESTINATION].connect(Protocol::Iso8583Ascii);
    town.worlds[DESTINATION].sign_on(other, ACQUIRER);
    town.settle();
    let request = town.pay(11);
    // While it is open: the repeat waits, and each is answered over its own link.
    let mut repeat = request;
    repeat.header = header(12);
    town.say(DESTINATION, other, &Message::PaymentRequest(repeat));
    let forwarded = town.forwarded().expect("forwarded");
    assert!(town.forwarded().is_none(), "once");
    town.approve(&request, forwarded);
    let approved = Some(ResponseCode::APPROVED);
    assert_eq!(town.code(ORIGINATOR, town.acquirer), approved);
    assert_eq!(town.code(DESTINATION, other), approved);
    // And once it is answered; over the owner's own link, too.
    let third = town.worlds[OWNER].connect(Protocol::Iso8583Ascii);
    town.worlds[OWNER].sign_on(third, ACQUIRER);
    town.settle();
    for (shard, link) in [(DESTINATION, other), (OWNER, third)] {
        town.say(shard, link, &Message::PaymentRequest(request));
        assert_eq!(town.code(shard, link), approved);
    }
    let mut conflict = request;
    conflict.amounts.amount =
        crate::model::money::Money::new(1, Currency::new(156).unwrap()).unwrap();
    town.say(OWNER, third, &Message::PaymentRequest(conflict));
    assert_eq!(town.code(OWNER, third), Some(ResponseCode::CONFLICT));
}

#[test]
fn a_reversal_goes_all_the_way_over_three_shards() {
    let mut town = Town::new(CommitMode::Memory);
    let request = town.pay(11);
    let forwarded = town.forwarded().expect("forwarded");
    town.approve(&request, forwarded);
    town.code(ORIGINATOR, town.acquirer);
    let reversal = Reversal {
        header: header(13),
        target: target(&request),
        root: request.key,
        amount: request.amounts.amount,
        reason: None,
        repeat: false,
        original: None,
        mac: b"",
    };
    town.say(
        ORIGINATOR,
        town.acquirer,
        &Message::ReversalRequest(reversal),
    );
    let asked = town.heard(DESTINATION, town.wallet, |message| match message {
        Message::ReversalRequest(reversal) => reversal.header,
        other => panic!("{:?}", other.kind()),
    });
    let result = ReversalResult {
        header: asked.expect("the wallet is asked"),
        target: reversal.target,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Reversed),
        amount: Some(reversal.amount),
        mac: b"",
    };
    town.say(DESTINATION, town.wallet, &Message::ReversalResult(result));
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::APPROVED)
    );
    assert_eq!(town.count(OWNER, Counter::Reversed), 1);
}

#[test]
fn nothing_leaves_on_any_shard_before_the_owner_has_committed() {
    let mut town = Town::new(CommitMode::Disk);
    town.worlds[OWNER].hold_writes = true;
    let request = town.pay(11);
    for _ in 0..200 {
        town.pass_ms(1);
    }
    assert!(town.forwarded().is_none(), "the request is not committed");
    complete_writes(&mut town);
    let forwarded = town.forwarded().expect("forwarded");
    town.worlds[OWNER].hold_writes = true;
    town.approve(&request, forwarded);
    for _ in 0..200 {
        town.pass_ms(1);
    }
    assert!(
        town.code(ORIGINATOR, town.acquirer).is_none(),
        "nor is the answer"
    );
    complete_writes(&mut town);
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::APPROVED)
    );
}

fn complete_writes(town: &mut Town) {
    let owner = &mut town.worlds[OWNER];
    owner.hold_writes = false;
    let writes = core::mem::take(&mut owner.writes);
    let done = writes.into_iter().map(|write| Completion::Written {
        write,
        errno: Errno(0),
    });
    owner.turn(done.collect());
    for _ in 0..10 {
        town.pass_ms(1);
    }
}

#[test]
fn a_request_that_is_too_late_once_committed_does_not_leave_over_another_shard() {
    let mut town = Town::new(CommitMode::Disk);
    town.worlds[OWNER].hold_writes = true;
    town.pay(11);
    // Past the originator's deadline, a little at a time so that echoes are answered for.
    town.pass_ms(5_100);
    complete_writes(&mut town);
    assert!(town.forwarded().is_none(), "it never leaves");
    assert!(town.count(OWNER, Counter::HeldBack) >= 1);
}

#[test]
fn what_waits_for_a_lost_link_takes_another_of_any_shard() {
    let mut town = Town::new(CommitMode::Memory);
    let other = town.worlds[OWNER].connect(Protocol::Iso8583Ascii);
    town.worlds[OWNER].sign_on(other, ACQUIRER);
    town.settle();
    let request = town.pay(11);
    let forwarded = town.forwarded().expect("forwarded");
    // The link is gone, and the owner does not know it yet: the answer comes back and goes on.
    let link = town.acquirer;
    town.worlds[ORIGINATOR].turn(vec![Completion::Ended {
        link,
        errno: Errno(0),
    }]);
    town.approve(&request, forwarded);
    assert_eq!(town.code(OWNER, other), Some(ResponseCode::APPROVED));
}

#[test]
fn a_destination_is_up_as_long_as_one_shard_has_a_link_of_it() {
    let mut town = Town::new(CommitMode::Memory);
    let link = town.wallet;
    town.worlds[DESTINATION].turn(vec![Completion::Ended {
        link,
        errno: Errno(0),
    }]);
    town.settle();
    town.pay(11);
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::DESTINATION_DOWN)
    );
    let again = town.worlds[ORIGINATOR].connect(Protocol::Sbe);
    town.worlds[ORIGINATOR].sign_on(again, WALLET);
    town.settle();
    town.pay(12);
    let code = town.heard(ORIGINATOR, again, |message| message.kind());
    assert_eq!(code, Some(crate::model::message::Kind::PaymentRequest));
}

#[test]
fn sign_off_stops_requests_to_that_link_alone() {
    let mut town = Town::new(CommitMode::Memory);
    let other = town.worlds[OWNER].connect(Protocol::Sbe);
    town.worlds[OWNER].sign_on(other, WALLET);
    let sign_off = Message::SignOff(Notice {
        header: header(5),
        institution: Institution::new(WALLET),
        mac: b"",
    });
    town.say(OWNER, other, &sign_off);
    town.worlds[OWNER].heard(other).expect("acknowledged");
    town.settle();
    town.pay(11);
    assert!(town.worlds[OWNER].heard(other).is_none(), "signed off");
    town.forwarded().expect("over the link that is signed on");
}

#[test]
fn a_full_ring_sheds_requests_and_leaves_room_for_answers() {
    let mut town = Town::new(CommitMode::Memory);
    let open = town.pay(11);
    let forwarded = town.forwarded().expect("forwarded");
    // The owner takes no turn while the acquirer goes on asking.
    let mut shed = 0;
    for stan in 1_000..3_000 {
        let request = Message::PaymentRequest(owned_request(stan));
        let link = town.acquirer;
        town.worlds[ORIGINATOR].say(link, &request);
        if let Some(code) = town.code(ORIGINATOR, link) {
            assert_eq!(code, ResponseCode::SHED);
            shed += 1;
        }
    }
    assert!(shed > 100, "{shed}");
    assert_eq!(town.count(ORIGINATOR, Counter::CrossingsRefused), shed);
    // An answer of a participant there still passes.
    let answering = town.worlds[ORIGINATOR].connect(Protocol::Sbe);
    town.worlds[ORIGINATOR].sign_on(answering, WALLET);
    let refused = town.count(ORIGINATOR, Counter::CrossingsRefused);
    let result = PaymentResult {
        header: forwarded,
        key: open.key,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        approval_code: Chars::padded(b"A1B2C3"),
        amounts: open.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    };
    town.worlds[ORIGINATOR].say(answering, &Message::PaymentResult(result));
    assert_eq!(town.count(ORIGINATOR, Counter::CrossingsRefused), refused);
    town.settle();
    assert_eq!(town.count(OWNER, Counter::AnswersApproved), 1);
    // Once the owner has caught up, requests pass again.
    let before = town.count(OWNER, Counter::Repeats);
    town.say(ORIGINATOR, town.acquirer, &Message::PaymentRequest(open));
    assert_eq!(town.count(OWNER, Counter::Repeats), before + 1);
}

#[test]
fn an_unreadable_answer_reaches_the_owner() {
    let mut town = Town::new(CommitMode::Memory);
    let request = town.pay(11);
    let header = town.forwarded().expect("forwarded");
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
    let link = town.wallet;
    let mut frame = town.worlds[DESTINATION].frame(link, &Message::PaymentResult(result));
    // As in `an_unreadable_answer_makes_the_outcome_unknown`: the reference's second character.
    frame[6 + 8 + 8 + 8 + 8 + 4 + 12 + 1] = b'?';
    town.worlds[DESTINATION].turn(vec![Completion::Received {
        link,
        bytes: &frame,
    }]);
    town.settle();
    assert_eq!(town.count(OWNER, Counter::MalformedAnswers), 1);
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::NO_ANSWER)
    );
}

#[test]
fn what_an_ended_shard_owned_is_shed_and_the_rest_goes_on() {
    let mut town = Town::new(CommitMode::Memory);
    town.pay(11);
    town.forwarded().expect("forwarded");
    for shard in [ORIGINATOR, DESTINATION] {
        let ended = ShardId(u16::try_from(OWNER).unwrap());
        town.worlds[shard].shard.handle_peer_ended(ended);
    }
    town.pay(12);
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::SHED)
    );
    let mut other = request(Presentation::Cpm, 13);
    other.forwarder = None;
    other.key = (0..u64::MAX)
        .map(|count| {
            key(
                ACQUIRER,
                &format!("{count:012}").into_bytes().try_into().unwrap(),
            )
        })
        .find(|key| usize::from(key.owner(3).0) == DESTINATION)
        .unwrap();
    town.say(ORIGINATOR, town.acquirer, &Message::PaymentRequest(other));
    let forwarded = town.forwarded().expect("forwarded");
    town.approve(&other, forwarded);
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::APPROVED)
    );
}

#[test]
fn all_shards_drain_together() {
    let mut town = Town::new(CommitMode::Disk);
    let request = town.pay(11);
    town.pass_ms(1);
    let forwarded = town.forwarded().expect("forwarded");
    for world in &mut town.worlds {
        world.shard.drain();
    }
    for _ in 0..20 {
        let ends = town.pass_ms(1);
        assert!(
            ends.iter().all(|end| !end.done),
            "the owner waits, and the others for it"
        );
    }
    town.approve(&request, forwarded);
    let mut done = [false; 3];
    for _ in 0..30 {
        for (done, end) in done.iter_mut().zip(town.pass_ms(1)) {
            *done |= end.done;
        }
    }
    assert_eq!(
        town.code(ORIGINATOR, town.acquirer),
        Some(ResponseCode::APPROVED)
    );
    assert_eq!(done, [true; 3]);
}

/// Found by `cpg-switch sim --seed 9545`: a 68 whose link was gone went on to a third shard, and
/// came out there after the advice that had ended it.
#[test]
fn an_interim_answer_goes_no_other_way_than_it_was_asked() {
    let mut town = Town::new(CommitMode::Memory);
    let other = town.worlds[DESTINATION].connect(Protocol::Iso8583Ascii);
    town.worlds[DESTINATION].sign_on(other, ACQUIRER);
    town.settle();
    let request = town.pay(11);
    town.forwarded().expect("forwarded");
    let link = town.acquirer;
    town.worlds[ORIGINATOR].turn(vec![Completion::Ended {
        link,
        errno: Errno(0),
    }]);
    town.settle();
    town.pass_ms(5_100);
    assert_eq!(town.code(DESTINATION, other), None);
    let again = PaymentRequest {
        header: header(12),
        ..request
    };
    town.say(DESTINATION, other, &Message::PaymentRequest(again));
    assert_eq!(
        town.code(DESTINATION, other),
        Some(ResponseCode::NO_ANSWER),
        "who asks again is told as it is now"
    );
}

/// Found by `cpg-switch sim --seed 483` (of its day): an advice that the owner repeats waited on a
/// link of another shard, which failed; it came out over a third, behind the reversal that had
/// ended it.
#[test]
fn what_another_shard_repeats_does_not_follow_a_lost_link() {
    let mut town = Town::new(CommitMode::Memory);
    let other = town.worlds[DESTINATION].connect(Protocol::Sbe);
    town.worlds[DESTINATION].sign_on(other, WALLET);
    town.settle();
    town.pay(11);
    town.worlds[OWNER].pass_ms(5_100);
    // The reversal of the owner is on its way over one of the two, and that one fails.
    let world = &mut town.worlds[DESTINATION];
    world.ns += 5_100_000_000;
    let (now, mut submissions) = (world.now(), Vec::new());
    let mut pass = Pass {
        now,
        tail: &mut world.tail,
        submissions: &mut submissions,
    };
    world.shard.handle(Completion::Woken, &mut pass);
    world.shard.finish(&mut pass);
    let sent = submissions
        .into_iter()
        .find_map(|submission| match submission {
            Submission::Send { link, buffer } => Some((link, buffer)),
            _ => None,
        });
    let (lost, buffer) = sent.expect("the reversal was submitted");
    let errno = Errno(104);
    let (link, rest) = (lost, if lost == other { town.wallet } else { other });
    while world.heard(rest).is_some() {}
    world.turn(vec![
        Completion::Sent {
            link,
            buffer,
            errno,
        },
        Completion::Ended { link, errno },
    ]);
    town.settle();
    let held_back = town.count(DESTINATION, Counter::HeldBack);
    assert!(held_back >= 1, "{held_back}");
    let early = town.heard(DESTINATION, rest, |message| message.kind());
    assert_eq!(early, None);
    // Its owner says it again.
    for _ in 0..50 {
        town.pass_ms(100);
    }
    let again = town.heard(DESTINATION, rest, |message| message.kind());
    assert_eq!(again, Some(crate::model::message::Kind::ReversalAdvice));
}

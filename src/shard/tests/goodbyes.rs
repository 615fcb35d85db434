//! What participants hear before the switch ends, and when an operator drains one of them.

use super::translation::{key, request};
use super::turns::{answer_code, approve, forwarded, iso_world, pay};
use super::*;
use crate::model::message::{NoticeAck, PaymentRequest};
use crate::model::outcome::Presentation;
use crate::session::LinkState;
use crate::shard::stats::Health;

/// The goodbye that a link has heard.
fn goodbye(world: &mut World, link: LinkId) -> Header {
    let body = world.heard(link).expect("a goodbye");
    match world.dialect_of(link).decode(&body, world.today()).unwrap() {
        Message::SignOff(notice) => notice.header,
        other => panic!("{:?}", other.kind()),
    }
}

fn acknowledge(world: &mut World, link: LinkId, header: Header) {
    let ack = NoticeAck {
        header,
        response_code: ResponseCode::APPROVED,
        mac: b"",
    };
    world.say(link, &Message::SignOffAck(ack));
}

/// Another payment than that of [`pay`].
fn another(number: u32) -> PaymentRequest<'static> {
    let mut other = request(Presentation::Cpm, number);
    other.key = key(
        ACQUIRER,
        format!("{number:012}").as_bytes().try_into().unwrap(),
    );
    other.forwarder = None;
    other
}

#[test]
fn everybody_hears_that_it_ends_before_anything_is_shed() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    world.told(Vec::new(), Shard::say_goodbye);
    assert_eq!(world.shard.health(), Health::Draining);
    let (first, second) = (goodbye(&mut world, acquirer), goodbye(&mut world, wallet));
    // It was on its way before the goodbye was heard.
    pay(&mut world, acquirer, 11);
    let header = forwarded(&mut world, wallet);
    acknowledge(&mut world, wallet, second);
    acknowledge(&mut world, acquirer, first);
    assert!(!world.pass_ms(1).done, "one payment is open");
    world.say(acquirer, &Message::PaymentRequest(another(12)));
    assert_eq!(answer_code(&mut world, acquirer), Some(ResponseCode::SHED));
    approve(&mut world, wallet, header);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::APPROVED)
    );
    let ends: Vec<bool> = (0..20).map(|_| world.pass_ms(1).done).collect();
    assert!(ends.last().unwrap(), "drained");
}

#[test]
fn who_does_not_answer_the_goodbye_is_waited_for_half_a_second_and_no_longer() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    world.told(Vec::new(), Shard::say_goodbye);
    let first = goodbye(&mut world, acquirer);
    acknowledge(&mut world, acquirer, first);
    goodbye(&mut world, wallet);
    world.pass_ms(499);
    // Told once more, it says it no second time.
    world.told(Vec::new(), Shard::say_goodbye);
    assert_eq!(world.heard(acquirer), None);
    pay(&mut world, acquirer, 11);
    let header = forwarded(&mut world, wallet);
    world.pass_ms(1);
    world.say(acquirer, &Message::PaymentRequest(another(12)));
    assert_eq!(answer_code(&mut world, acquirer), Some(ResponseCode::SHED));
    approve(&mut world, wallet, header);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::APPROVED)
    );
}

#[test]
fn whose_links_are_gone_is_not_waited_for() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    world.told(Vec::new(), Shard::say_goodbye);
    for link in [acquirer, wallet] {
        world.turn(vec![Completion::Ended {
            link,
            errno: Errno(0),
        }]);
    }
    let ends: Vec<bool> = (0..20).map(|_| world.pass_ms(1).done).collect();
    assert!(ends.last().unwrap(), "drained");
}

#[test]
fn a_participant_that_is_drained_hears_it_alone_and_what_is_in_flight_is_answered() {
    let (mut world, acquirer, wallet) = iso_world(CommitMode::Memory);
    let wallets = ParticipantIndex(1);
    pay(&mut world, acquirer, 11);
    let header = forwarded(&mut world, wallet);
    world.told(Vec::new(), |shard, pass| shard.sign_off_with(wallets, pass));
    goodbye(&mut world, wallet);
    assert_eq!(world.heard(acquirer), None);
    // Nothing new goes to it; what it had is answered over the same link.
    world.say(acquirer, &Message::PaymentRequest(another(12)));
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::DESTINATION_DOWN)
    );
    approve(&mut world, wallet, header);
    assert_eq!(
        answer_code(&mut world, acquirer),
        Some(ResponseCode::APPROVED)
    );
    world.told(Vec::new(), |shard, pass| shard.end_links_of(wallets, pass));
    assert_eq!(world.closed, [wallet]);
    // It may come again, over another link, and that one is not ended with the old ones.
    let again = world.connect(Protocol::Sbe);
    assert_eq!(world.sign_on(again, WALLET), ResponseCode::APPROVED);
    world.told(Vec::new(), |shard, pass| shard.end_links_of(wallets, pass));
    let speaker = world.shard.sessions.speaker(again);
    assert_eq!(speaker, Some((wallets, LinkState::SignedOn)));
}

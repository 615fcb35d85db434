//! Sessions as a participant lives them.

use super::*;
use crate::model::ids::Institution;
use crate::model::money::Currency;
use crate::model::participant::{ResolverProfile, Role};

fn participant(protocol: Protocol, rate_per_second: u32) -> Participant {
    Participant {
        institution: Institution::new(1).unwrap(),
        name: "p".into(),
        role: Role::Wallet,
        protocol,
        country: 156,
        currency: Currency::new(156).unwrap(),
        fronted: Vec::new(),
        window_in: 1,
        window_out: 1,
        rate_per_second,
        answer_timeout_ms: 1,
        repeat_ms: 1,
        echo_idle_ms: 1_000,
        echo_missed_max: 2,
        resolver: ResolverProfile::default(),
    }
}

const P: ParticipantIndex = ParticipantIndex(0);
const Q: ParticipantIndex = ParticipantIndex(1);

fn house() -> (Sessions, Vec<Participant>) {
    let participants = vec![
        participant(Protocol::Sbe, 0),
        participant(Protocol::Iso8583Ascii, 10),
    ];
    let limits = SessionLimits {
        links_max: 8,
        unsigned_links_max: 3,
    };
    (
        Sessions::new(limits, &participants, (ShardId(0), 1), Epoch(1)),
        participants,
    )
}

fn link(slot: u32) -> LinkId {
    LinkId {
        slot,
        generation: slot + 10,
    }
}

fn at(ms: u64) -> Now {
    Now {
        monotonic: Monotonic(0).plus_ms(ms),
        wall: Wall(0),
    }
}

fn sign_on(sessions: &mut Sessions, slot: u32, index: ParticipantIndex, known: &Participant) {
    assert!(sessions.on_accepted(link(slot), known.protocol, Monotonic(0)));
    sessions
        .handle_sign_on(link(slot), (index, known), true, Monotonic(0))
        .unwrap();
}

#[test]
fn links_take_turns_and_a_lost_one_leaves_the_turn() {
    let (mut sessions, participants) = house();
    for slot in 0..3 {
        sign_on(&mut sessions, slot, P, &participants[0]);
    }
    let picked: Vec<u32> = (0..6).map(|_| sessions.pick(P).unwrap().slot).collect();
    assert_eq!(picked, [0, 1, 2, 0, 1, 2]);
    sessions.on_closed(link(1));
    let picked: Vec<u32> = (0..4).map(|_| sessions.pick(P).unwrap().slot).collect();
    assert_eq!(picked, [0, 2, 0, 2]);
    sessions.handle_sign_off(link(0)).unwrap();
    sessions.on_closed(link(2));
    assert_eq!(sessions.pick(P), None);
    assert!(!sessions.is_up(P));
    assert_eq!(sessions.speaker(link(0)), Some((P, LinkState::SignedOff)));
    assert_eq!(sessions.speaker(link(2)), None);
}

#[test]
fn a_sign_on_is_refused_in_order_of_precedence() {
    let (mut sessions, participants) = house();
    let known = (P, &participants[0]);
    let other = (Q, &participants[1]);
    let now = Monotonic(0);
    assert_eq!(
        sessions.handle_sign_on(link(0), known, true, now),
        Err(Fault::NotSignedOn)
    );
    assert!(sessions.on_accepted(link(0), Protocol::Sbe, now));
    assert_eq!(sessions.handle_sign_off(link(0)), Err(Fault::NotSignedOn));
    assert_eq!(
        sessions.handle_sign_on(link(0), known, false, now),
        Err(Fault::ForeignInstitution)
    );
    assert_eq!(
        sessions.handle_sign_on(link(0), other, true, now),
        Err(Fault::NotSupported)
    );
    assert_eq!(sessions.handle_sign_on(link(0), known, true, now), Ok(()));
    assert_eq!(sessions.handle_sign_on(link(0), known, true, now), Ok(()));
    assert_eq!(sessions.links_of(P), 1);
    let stale = LinkId {
        slot: 0,
        generation: 0,
    };
    assert_eq!(sessions.speaker(stale), None);
}

#[test]
fn links_that_do_not_sign_on_are_few_and_short_lived() {
    let (mut sessions, participants) = house();
    for slot in 0..3 {
        assert!(sessions.on_accepted(link(slot), Protocol::Sbe, Monotonic(0)));
    }
    assert!(!sessions.on_accepted(link(3), Protocol::Sbe, Monotonic(0)));
    let mut cut = Vec::new();
    sessions.care(at(SIGN_ON_DEADLINE_MS - 1), &participants, |care| {
        cut.push(care);
    });
    assert_eq!(cut, []);
    sessions.care(at(SIGN_ON_DEADLINE_MS), &participants, |care| {
        cut.push(care);
    });
    assert_eq!(cut[0], Care::Cut(link(0), CutReason::NoSignOn));
    assert_eq!(cut.len(), 3);
    sessions.on_closed(link(0));
    assert!(sessions.on_accepted(link(3), Protocol::Sbe, Monotonic(0)));
}

#[test]
fn an_idle_link_is_asked_and_then_cut() {
    let (mut sessions, participants) = house();
    sign_on(&mut sessions, 0, P, &participants[0]);
    let mut seen = Vec::new();
    for ms in [999, 1_000, 1_500, 2_000, 2_999, 3_000] {
        sessions.care(at(ms), &participants, |care| seen.push((ms, care)));
    }
    let ask = Care::AskEcho(link(0), P);
    let cut = Care::Cut(link(0), CutReason::EchoesMissed);
    assert_eq!(seen, [(1_000, ask), (2_000, ask), (3_000, cut)]);
    sessions.on_received(link(0), at(3_000).monotonic);
    seen.clear();
    sessions.care(at(3_500), &participants, |care| seen.push((0, care)));
    assert_eq!(seen, []);
}

#[test]
fn a_rate_lets_a_seconds_worth_through_and_sheds_the_rest() {
    let (mut sessions, participants) = house();
    let admitted = |sessions: &mut Sessions, ms: u64| {
        (0..100)
            .filter(|_| sessions.admit(Q, &participants[1], at(ms).monotonic))
            .count()
    };
    assert_eq!(admitted(&mut sessions, 1_000), 10);
    assert_eq!(admitted(&mut sessions, 1_000), 0);
    assert_eq!(admitted(&mut sessions, 1_300), 3);
    assert_eq!(admitted(&mut sessions, 9_000), 10);
    assert!((0..100).all(|_| sessions.admit(P, &participants[0], at(0).monotonic)));
}

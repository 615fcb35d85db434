//! What an operator is told, and when.

use super::translation::request;
use super::*;
use crate::engine::NotRuled;
use crate::model::fingerprint::Fingerprint;
use crate::model::message::Echoed;
use crate::model::outcome::{Presentation, QueueReason, Reason, Resolution, Ruling};
use crate::model::record::{Decision, InDoubt, Payment, Queued};
use crate::model::ruling::Ruled;

const ONE: TransactionNumber = TransactionNumber(1);

/// A payment that the wallet was asked about in vain.
fn waiting() -> [Record; 3] {
    let institution = |code| Institution::new(code).unwrap();
    let request = request(Presentation::Cpm, 1);
    let payment = Payment {
        number: ONE,
        key: request.key,
        fingerprint: Fingerprint(1),
        originator: institution(ACQUIRER),
        match_key: MatchKey(1),
        named_destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: None,
        amounts: request.amounts,
        echoed: Echoed::default(),
        settlement_date: Wall(START).date(),
        table: TableVersion(3),
        decision: Decision::Forward {
            destination: institution(WALLET),
            match_key: MatchKey(7),
            deadline: Wall(START + 1),
        },
    };
    let doubt = InDoubt {
        number: ONE,
        reason: Reason::Timeout,
        resolution: Resolution::InquireOnly,
    };
    let queued = Queued {
        number: ONE,
        reason: QueueReason::OutcomeUnknown,
        with: institution(WALLET),
    };
    [
        Record::Payment(payment),
        Record::InDoubt(doubt),
        Record::Queued(queued),
    ]
}

fn world(mode: CommitMode) -> World {
    let ids = (ShardId(0), 1);
    let protocols = (Protocol::Sbe, Protocol::Sbe);
    World::after(&waiting(), ids, Ports::default(), protocols, mode)
}

impl World {
    fn rule(&mut self, ticket: u32, ruling: Ruling) {
        let ruled = Ruled {
            number: ONE,
            ruling,
            action: 3,
        };
        let mut submissions = Vec::new();
        let mut pass = Pass {
            now: self.now(),
            tail: &mut self.tail,
            submissions: &mut submissions,
        };
        self.shard.handle_ruling(ticket, &ruled, &mut pass);
        assert!(submissions.is_empty(), "the turn's end submits");
    }

    fn replied(&mut self) -> Option<(u32, Result<(), NotTaken>)> {
        let Reply { ticket, said } = self.shard.told_ruling()?;
        match said {
            Said::Ruled(result) => Some((ticket, result)),
            other => panic!("{other:?}"),
        }
    }

    fn waits(&mut self) -> Vec<TransactionNumber> {
        let (now, mut all) = (self.now(), Vec::new());
        let depth = self.shard.each_waiting(now, |one, with| {
            assert_eq!(with.code(), WALLET);
            all.push(one.number);
        });
        assert_eq!(depth, all.len());
        all
    }
}

#[test]
fn an_operator_is_told_once_it_is_committed_and_the_originator_too() {
    let mut world = world(CommitMode::Disk);
    let (acquirer, _wallet) = world.open();
    while world.heard(acquirer).is_some() {}
    world.hold_writes = true;
    assert_eq!(world.waits(), [ONE]);
    world.rule(8, Ruling::Approved);
    assert_eq!(world.waits(), []);
    world.rule(9, Ruling::Declined);
    for _ in 0..20 {
        world.pass_ms(1);
    }
    assert_eq!(
        world.replied(),
        None,
        "neither that it is so, nor that it was so before"
    );
    assert!(world.heard(acquirer).is_none());
    turns::complete_writes(&mut world);
    assert_eq!(world.replied(), Some((8, Ok(()))));
    let refused = Err(NotTaken::Not(NotRuled::NotQueued));
    assert_eq!(world.replied(), Some((9, refused)));
    let body = world.heard(acquirer).expect("its advice");
    let advice = world.dialect_of(acquirer).decode(&body, world.today());
    match advice.unwrap() {
        Message::PaymentAdvice(advice) => {
            assert_eq!(advice.response_code, ResponseCode::APPROVED);
        }
        other => panic!("{:?}", other.kind()),
    }
}

#[test]
fn a_fenced_journal_takes_no_decision() {
    let mut world = world(CommitMode::Disk);
    world.hold_writes = true;
    world.rule(8, Ruling::SendAgain);
    world.pass_ms(1);
    let write = world.writes.pop().expect("a write is due");
    let errno = Errno(5);
    world.turn(vec![Completion::Written { write, errno }]);
    assert!(world.shard.journal().fence().is_some());
    let appended = world.shard.journal().appended();
    world.rule(9, Ruling::Approved);
    assert_eq!(world.shard.journal().appended(), appended);
    assert_eq!(world.waits(), [ONE], "nothing has changed");
    let fenced = Err(NotTaken::Fenced);
    assert_eq!(
        world.replied(),
        Some((8, fenced)),
        "nobody knows whether it is kept"
    );
    assert_eq!(world.replied(), Some((9, fenced)));
    assert_eq!(world.replied(), None);
}

#[test]
fn decisions_beyond_the_bound_are_refused_and_never_wait() {
    let mut world = world(CommitMode::Disk);
    world.hold_writes = true;
    for ticket in 0..300 {
        world.rule(ticket, Ruling::Noted);
    }
    world.hold_writes = false;
    turns::complete_writes(&mut world);
    let told: Vec<_> = core::iter::from_fn(|| world.replied()).collect();
    let not = |why| Err(NotTaken::Not(why));
    let count = |result| told.iter().filter(|(_, told)| *told == result).count();
    assert_eq!(count(not(NotRuled::NotForThis)), RULINGS_MAX);
    assert_eq!(count(not(NotRuled::Busy)), told.len() - RULINGS_MAX);
    assert_eq!(world.waits(), [ONE]);
}

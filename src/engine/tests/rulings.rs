//! What operators decide: only what waits, only what makes sense, never what is final.

use super::*;
use crate::model::outcome::{QueueReason, Resolution, Ruling};
use crate::model::ruling::Ruled;

/// What came of a decision, and what followed from it.
type Came = (Result<(), NotRuled>, String);

impl World {
    fn rule(&mut self, number: u64, ruling: Ruling) -> Came {
        let mut result = Ok(());
        let told = self.run(|engine, context, effects| {
            let ruled = Ruled {
                number: TransactionNumber(number),
                ruling,
                action: 17,
            };
            result = engine.handle_ruling(&ruled, context, effects);
        });
        (result, told)
    }

    /// Who waits, why, and for what decisions.
    fn waiting(&mut self) -> Vec<(u64, QueueReason, Vec<Ruling>)> {
        let mut all = Vec::new();
        self.run(|engine, context, _| {
            engine.waiting(9, context, |one| {
                let may = Ruling::ALL.iter().zip(one.may).filter(|(_, may)| *may);
                let may = may.map(|(ruling, _)| *ruling).collect();
                all.push((one.number.0, one.reason, may));
            });
        });
        all
    }

    /// Decisions that do not fit are refused, and change nothing.
    fn refuses_all_but(&mut self, number: u64, may: &[Ruling]) {
        let records = self.records.len();
        for ruling in Ruling::ALL.iter().filter(|ruling| !may.contains(ruling)) {
            let came = self.rule(number, *ruling);
            assert_eq!(
                came,
                (Err(NotRuled::NotForThis), String::new()),
                "{ruling:?}"
            );
        }
        assert_eq!(self.records.len(), records);
    }
}

fn taken(told: &str) -> Came {
    (Ok(()), told.to_owned())
}

/// Every send once, and nothing waits for long.
fn impatient() -> ResolverProfile {
    ResolverProfile {
        sends_max: 1,
        inquiries_max: 1,
        inquiry_first_ms: 0,
        ..ResolverProfile::default()
    }
}

/// A payment that the destination is asked about in vain, and that nobody may reverse.
fn in_doubt() -> World {
    let mut world = World::with(ResolverProfile {
        cpm: Resolution::InquireOnly,
        ..impatient()
    });
    world.pay(1, 500, 1);
    assert!(world.release());
    world.pass(1_000);
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued");
    world
}

/// A payment whose reversal nobody acknowledges.
fn unacknowledged() -> World {
    let mut world = World::with(impatient());
    world.pay(1, 500, 1);
    assert!(world.release());
    world.pass(1_000);
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued");
    world
}

#[test]
fn what_was_found_out_is_what_an_inquiry_would_have_told() {
    use Ruling as R;
    for (ruling, follows, code) in [
        (R::Approved, "advice/approved#1003>acquirer", "00/approved"),
        (R::Declined, "advice/declined#1003>acquirer", "68/declined"),
        (R::Reversed, "advice/reversed#1003>acquirer", "68/reversed"),
    ] {
        let mut world = in_doubt();
        let may = [R::Approved, R::Declined, R::Reversed, R::SendAgain];
        let expected = (1, QueueReason::OutcomeUnknown, may.to_vec());
        assert_eq!(world.waiting(), [expected]);
        world.refuses_all_but(1, &may);
        assert_eq!(
            world.rule(1, ruling),
            taken(&format!("+ruled +finding +advice {follows}"))
        );
        assert_eq!(world.engine.operator_queue(), (0, None));
        assert_eq!(
            world.rule(1, ruling),
            (Err(NotRuled::NotQueued), String::new())
        );
        assert_eq!(
            world.restart(),
            follows.replace("#1003", "#1003*"),
            "replay is the same"
        );
        assert_eq!(world.advice_ack(1, 1_003), "+advice-answer");
        assert_eq!(world.pay(1, 500, 9), format!("{code}#9>acquirer"));
        let tally = world.engine.tally();
        assert_eq!(
            (tally.operator_rulings, tally.operator_rulings_refused),
            (0, 0)
        );
    }
}

#[test]
fn a_late_answer_and_an_operator_do_not_settle_it_twice() {
    let mut world = in_doubt();
    world.answer(1, b"00", 1_001);
    let refused = (Err(NotRuled::NotQueued), String::new());
    assert_eq!(world.rule(1, Ruling::Declined), refused);
    assert_eq!(
        world.rule(2, Ruling::Declined),
        refused,
        "a number that nobody has"
    );
    for nobody in [0, u64::MAX] {
        assert_eq!(world.rule(nobody, Ruling::Declined), refused);
    }
    let mut world = in_doubt();
    assert_eq!(world.rule(1, Ruling::Declined).0, Ok(()));
    let late = world.answer(1, b"00", 1_001);
    assert_eq!(late, "", "no exchange waits for it any more");
    assert_eq!(world.pay(1, 500, 9), "68/declined#9>acquirer");
    let tally = world.engine.tally();
    assert_eq!(
        (tally.operator_rulings, tally.operator_rulings_refused),
        (1, 0)
    );
}

#[test]
fn what_is_to_be_undone_is_not_approved_by_a_word() {
    let mut world = unacknowledged();
    let may = [Ruling::Reversed, Ruling::SendAgain];
    let expected = (1, QueueReason::ReversalUnacknowledged, may.to_vec());
    assert_eq!(world.waiting(), [expected]);
    world.refuses_all_but(1, &may);
    assert_eq!(
        world.rule(1, Ruling::Reversed),
        taken("+ruled +finding +advice advice/reversed#1003>acquirer")
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "",
        "an acknowledgement that comes later finds it done"
    );
    assert_eq!(world.pay(1, 500, 9), "68/reversed#9>acquirer");
}

#[test]
fn what_is_sent_again_has_as_many_tries_and_waits_meanwhile() {
    let mut world = unacknowledged();
    assert_eq!(
        world.rule(1, Ruling::SendAgain),
        taken("+ruled 0420#1002*>wallet")
    );
    assert_eq!(world.rule(1, Ruling::SendAgain).0, Err(NotRuled::Busy));
    assert_eq!(world.engine.operator_queue().0, 1);
    assert_eq!(
        world.pass(500),
        "",
        "once more in vain: it is in the queue already"
    );
    assert_eq!(
        world.rule(1, Ruling::SendAgain),
        taken("+ruled 0420#1002*>wallet")
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "+reversal-answer +advice advice/reversed#1003>acquirer"
    );
    assert_eq!(world.engine.operator_queue().0, 0);
    let mut world = in_doubt();
    assert_eq!(
        world.rule(1, Ruling::SendAgain),
        taken("+ruled inquiry#1002>wallet")
    );
    assert_eq!(
        world.status_answer(1, Some(Outcome::Approved), 1_002),
        "+finding +advice advice/approved#1003>acquirer"
    );
}

#[test]
fn it_is_not_sent_when_it_is_too_late() {
    let mut world = World::with(ResolverProfile {
        reversal_within_s: 1,
        ..impatient()
    });
    world.pay(1, 500, 1);
    assert!(world.release());
    assert_eq!(world.pass(2_000), "+unknown 68/-#1>acquirer +queued");
    world.refuses_all_but(1, &[Ruling::Reversed]);
    assert_eq!(
        world.rule(1, Ruling::Reversed),
        taken("+ruled +finding +advice advice/reversed#1002>acquirer")
    );
}

#[test]
fn what_the_originator_has_reversed_ends_with_the_answer_that_it_had() {
    let mut world = World::with(impatient());
    world.pay(1, 500, 1);
    assert!(world.release());
    world.answer(1, b"00", 1_001);
    world.reverse(ACQUIRER, 1, false);
    assert!(world.release());
    world.pass(1_000);
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued");
    world.refuses_all_but(1, &[Ruling::Reversed, Ruling::SendAgain]);
    assert_eq!(
        world.rule(1, Ruling::SendAgain),
        taken("+ruled 0420#1003*>wallet")
    );
    assert_eq!(
        world.rule(1, Ruling::Reversed),
        taken("+ruled +reversal-answer +advice advice/reversed#1004>acquirer"),
        "while it is tried, too"
    );
    assert_eq!(world.pay(1, 500, 9), "00/approved#9>acquirer");
    assert_eq!(world.engine.operator_queue(), (0, None));
}

#[test]
fn an_originator_that_was_told_is_told_no_more() {
    let mut world = in_doubt();
    world.answer(1, b"00", 1_001);
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued");
    let may = [Ruling::SendAgain, Ruling::Told];
    let expected = (1, QueueReason::AdviceUnacknowledged, may.to_vec());
    assert_eq!(world.waiting(), [expected]);
    world.refuses_all_but(1, &may);
    assert_eq!(
        world.rule(1, Ruling::SendAgain),
        taken("+ruled advice/approved#1003*>acquirer")
    );
    assert_eq!(
        world.rule(1, Ruling::Told),
        taken("+ruled"),
        "while it is sent, too"
    );
    assert_eq!(world.engine.open_exchanges(), 0);
    assert_eq!(world.pass(60_000), "");
    assert_eq!(world.restart(), "", "and a restart knows that");
    assert_eq!(world.engine.operator_queue(), (0, None));
}

#[test]
fn a_contradiction_that_was_looked_at_leaves_the_queue_and_its_advice_goes_on() {
    let mut world = in_doubt();
    world.answer(1, b"00", 1_001);
    assert!(world.release());
    let told = world.advise(target(1), b"51", 500);
    assert!(told.starts_with("+late-answer +queued"), "{told}");
    let may = [Ruling::Noted];
    let expected = (1, QueueReason::ContradictoryAnswers, may.to_vec());
    assert_eq!(world.waiting(), [expected]);
    assert_eq!(
        world.rule(1, Ruling::Noted),
        taken("+ruled advice/approved#1003*>acquirer")
    );
    assert_eq!(world.engine.operator_queue(), (0, None));
    assert_eq!(
        world.pay(1, 500, 9),
        "00/approved#9>acquirer",
        "the outcome stays"
    );
    assert_eq!(world.advice_ack(1, 1_003), "+advice-answer");
    assert_eq!(world.restart(), "");
}

//! Bugs that others had, each under its name: what we must never do again. Those of the wire and of
//! the currencies have their tests there.

use super::*;

fn silent(world: &mut World, reference: u8) {
    world.pay(reference, 500, u64::from(reference));
    assert!(world.release());
    world.pass(1_000);
}

#[test]
fn a_resend_on_timeout_is_never_a_new_transaction() {
    let mut world = World::new();
    silent(&mut world, 1);
    // The originator asks again and again: one request reached the wallet, and no other will.
    for match_key in 20..25 {
        assert_eq!(
            world.pay(1, 500, match_key),
            format!("68/-#{match_key}>acquirer")
        );
    }
    assert_eq!(world.engine.tally().payments, 1);
}

#[test]
fn a_timeout_gives_its_place_back() {
    let mut world = World::new();
    for reference in 1..=9 {
        silent(&mut world, reference);
        let key = world.legs.drawn;
        world.reversal_answer(reference, b"00", true, key);
        let key = world.legs.drawn;
        world.advice_ack(reference, key);
    }
    assert_eq!(world.engine.open_payments(), 0);
    assert_eq!(world.engine.open_exchanges(), 0);
    assert_eq!(world.pay(0, 500, 1), "+payment pay#1028>wallet");
}

#[test]
fn a_timer_does_not_fire_for_what_is_final() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    world.answer(1, b"00", 1_001);
    assert_eq!(world.pass(86_400_000), "");
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/answered/approved>acquirer"
    );
}

#[test]
fn one_fact_has_one_code_whoever_wins_the_race() {
    // The deadline first, or the loss of the link first: what never left is declined, with 91.
    let mut by_deadline = World::new();
    by_deadline.pay(1, 500, 11);
    by_deadline.legs.up[1] = false;
    let mut by_loss = World::new();
    by_loss.pay(1, 500, 11);
    assert!(by_loss.release());
    let exchange = by_loss.last_exchange.unwrap();
    let told = by_loss.run(|engine, context, effects| {
        engine.handle_no_link(exchange, context, effects);
    });
    assert_eq!(by_deadline.pass(1_000), told);
}

#[test]
fn a_repeat_is_always_answered_and_never_swallowed() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    world.answer(1, b"09", 1_001);
    assert_eq!(world.pay(1, 500, 12), "09/-#12>acquirer");
    world.pass(300_000);
    assert_eq!(world.pay(1, 500, 13), "68/-#13>acquirer");
    world.pass(1_000);
    world.status_answer(1, None, 1_002);
    assert_eq!(world.pay(1, 500, 14), "68/-#14>acquirer");
    world.reversal_answer(1, b"00", true, 1_003);
    assert_eq!(world.pay(1, 500, 15), "68/reversed#15>acquirer");
}

#[test]
fn a_late_response_is_put_on_record() {
    let mut world = World::new();
    silent(&mut world, 1);
    assert_eq!(world.answer(1, b"00", 1_001), "+late-answer");
    assert_eq!(world.engine.tally().late_answers, 1);
}

#[test]
fn no_reversal_is_ever_dropped() {
    let profile = ResolverProfile {
        sends_max: 1,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    silent(&mut world, 1);
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued");
    for _ in 0..3 {
        world.set_up(WALLET, false);
        assert_eq!(world.pass(86_400_000), "");
        world.set_up(WALLET, true);
        assert_eq!(world.pass(0), "0420#1002*>wallet", "at each sign-on");
        assert_eq!(world.pass(500), "", "it is in the queue already");
    }
    assert_eq!(world.engine.operator_queue().0, 1);
}

#[test]
fn one_that_does_not_answer_does_not_hold_up_the_rest() {
    let profile = ResolverProfile {
        window: 1,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    for reference in 1..=3 {
        world.pay(reference, 500, u64::from(reference));
        assert!(world.release());
    }
    assert_eq!(world.pass(1_000).matches("0420").count(), 1);
    // The first is never acknowledged; the others have their turn while it waits.
    assert_eq!(world.pass(500), "0420#1005>wallet");
    world.reversal_answer(2, b"00", true, 1_005);
    assert_eq!(world.pass(0), "0420#1006>wallet");
    world.reversal_answer(3, b"00", true, 1_006);
    assert_eq!(world.pass(0), "0420#1004>wallet", "and it its own");
}

#[test]
fn a_repeat_after_silence_is_marked_as_one() {
    let mut world = World::new();
    silent(&mut world, 1);
    assert!(world.release());
    assert_eq!(world.pass(500), "0420#1002*>wallet");
}

#[test]
fn a_response_code_that_merely_contains_the_right_one_acknowledges_nothing() {
    let mut world = World::new();
    silent(&mut world, 1);
    for code in [b"0 ", b"05", b"10", b"02"] {
        assert_eq!(world.reversal_answer(1, code, true, 1_002), "", "{code:?}");
    }
}

#[test]
fn a_reversal_that_overtakes_its_original_declines_it() {
    let mut world = World::new();
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "+reversal 0430:00/reversed>acquirer"
    );
    assert_eq!(world.pay(1, 500, 11), "12/declined#11>acquirer");
    assert_eq!(world.restart(), "");
    assert_eq!(world.pay(1, 500, 12), "12/declined#12>acquirer");
}

#[test]
fn a_reversal_applied_twice_undoes_once() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    world.answer(1, b"00", 1_001);
    world.reverse(ACQUIRER, 1, true);
    assert_eq!(world.reverse(ACQUIRER, 1, true), "0430:00/->acquirer");
    world.reversal_answer(1, b"00", true, 1_002);
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "0430:00/reversed>acquirer"
    );
    assert_eq!(world.engine.tally().reversed, 1);
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "",
        "nobody waits for a second acknowledgement"
    );
}

#[test]
fn a_partial_approval_is_no_approval() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    assert_eq!(
        world.answer_with(1, b"00", 1_001, 300),
        "+unknown 68/-#11>acquirer +reversal 0420#1002>wallet"
    );
}

#[test]
fn states_of_ours_are_not_the_participants_business() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    world.reverse(ACQUIRER, 1, true);
    let told = world.status(ACQUIRER, 1);
    assert_eq!(
        told, "status:00/reversing/->acquirer",
        "a state of PROTOCOL"
    );
}

#[test]
fn a_place_that_nobody_settles_does_not_stop_the_switch() {
    let mut world = World::new();
    silent(&mut world, 1);
    for reference in 2..=9 {
        world.pay(reference, 500, 1);
        let key = world.legs.drawn;
        world.answer(reference, b"00", key);
    }
    // Sixteen places: they come round, and the first is still open.
    world.ms += 6 * 86_400_000;
    let date = Date::from_days(key(1).local_date.days() + 6);
    for reference in 0..9_u8 {
        let told = world.decline_on(reference, date);
        assert!(told.starts_with("+payment"), "{reference}: {told}");
    }
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/unknown/->acquirer",
        "not forgotten"
    );
}

#[test]
fn what_a_destination_says_of_a_message_is_not_said_of_a_payment() {
    // A1 and A0 ask for the same key again, 30 for a better message: the outcome here is final.
    for (reference, code, told) in [(1, b"A1", "91"), (2, b"A0", "91"), (3, b"30", "96")] {
        let mut world = World::new();
        world.pay(reference, 500, 11);
        assert!(world.release());
        let key = world.legs.drawn;
        assert_eq!(
            world.answer(reference, code, key),
            format!("+answer {told}/declined#11>acquirer")
        );
        let repeat = format!("{told}/declined#12>acquirer");
        assert_eq!(world.pay(reference, 500, 12), repeat);
    }
}

#[test]
fn a_journal_that_names_no_transaction_is_refused_in_words() {
    let mut world = World::new();
    let number = TransactionNumber(0);
    let record = Record::LateAnswer(crate::model::record::LateAnswer {
        number,
        response_code: ResponseCode::APPROVED,
    });
    let refused = world.engine.replay(&record, Wall(START), &world.tables);
    assert!(refused.unwrap_err().to_string().contains("transaction 0"));
}

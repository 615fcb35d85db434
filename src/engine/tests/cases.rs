//! What happens, told in short words: `+record` is written down, `code>who` is sent.

use super::*;

#[test]
fn a_payment_is_forwarded_answered_and_its_repeats_get_the_same() {
    let mut world = World::new();
    assert_eq!(world.pay(1, 500, 11), "+payment pay#1001>wallet");
    assert!(world.release());
    assert_eq!(world.pay(1, 500, 12), "", "a repeat waits");
    assert_eq!(
        world.answer(1, b"00", 1_001),
        "+answer 00/approved#11>acquirer 00/approved#12>acquirer"
    );
    assert_eq!(world.pay(1, 500, 13), "00/approved#13>acquirer");
    assert_eq!(world.pay(1, 501, 14), "94/-#14>acquirer");
    assert_eq!(
        world.answer(1, b"05", 1_001),
        "",
        "nobody waits for a second answer"
    );
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/answered/approved>acquirer"
    );
    assert_eq!(
        world.status(WALLET, 1),
        "status:00/answered/approved>wallet"
    );
    assert_eq!(world.status(STRANGER, 1), "status:58/-/->stranger!");
    assert_eq!(world.status(ACQUIRER, 2), "status:25/-/->acquirer");
    let tally = *world.engine.tally();
    assert_eq!((tally.payments, tally.approved, tally.repeats), (1, 1, 2));
    assert_eq!(
        (
            tally.conflicts,
            tally.unhandled_answers,
            tally.security_events
        ),
        (1, 1, 1)
    );
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn what_cannot_be_forwarded_is_declined_on_record() {
    let mut world = World::new();
    world.legs.up[1] = false;
    assert_eq!(world.pay(1, 500, 11), "+payment 91/declined#11>acquirer");
    world.legs.up[1] = true;
    assert_eq!(
        world.pay(1, 500, 12),
        "91/declined#12>acquirer",
        "final answers never change"
    );
    world.legs.exhausted = true;
    assert_eq!(world.pay(2, 500, 13), "A1/-#13>acquirer!");
    world.legs.exhausted = false;
    assert_eq!(
        world.pay(2, 500, 14),
        "+payment pay#1001>wallet",
        "nothing was recorded"
    );
}

#[test]
fn windows_room_and_dates_are_kept() {
    let mut world = World::new();
    for reference in 1..=3 {
        world.pay(reference, 500, 1);
    }
    assert_eq!(
        world.pay(4, 500, 14),
        "A1/-#14>acquirer!",
        "the window is full"
    );
    assert_eq!(world.pay(1, 500, 15), "", "a repeat still waits");
    world.answer(1, b"05", 1_001);
    world.room = Room::OutcomesOnly;
    assert_eq!(world.pay(4, 500, 16), "A1/-#16>acquirer!");
    assert_eq!(
        world.answer(2, b"00", 1_002),
        "+answer 00/approved#1>acquirer"
    );
    world.room = Room::Ample;
    world.ms = 3 * 86_400_000;
    assert_eq!(world.pay(4, 500, 17), "30/-#17>acquirer!");
}

#[test]
fn four_repeats_wait_and_the_fifth_is_shed() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    for match_key in 12..16 {
        assert_eq!(world.pay(1, 500, match_key), "");
    }
    assert_eq!(world.pay(1, 500, 16), "A1/-#16>acquirer!");
    assert_eq!(
        world.answer(1, b"00", 1_001).matches("00/approved").count(),
        5
    );
}

#[test]
fn no_answer_in_time_is_68_then_a_reversal_until_acknowledged_then_an_advice() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    assert_eq!(
        world.pass(1_000),
        "+unknown 68/-#11>acquirer +reversal 0420#1002>wallet"
    );
    assert!(world.release());
    assert_eq!(world.pay(1, 500, 12), "68/-#12>acquirer");
    assert_eq!(world.status(ACQUIRER, 1), "status:00/unknown/->acquirer");
    assert_eq!(world.pass(500), "0420#1002*>wallet");
    assert_eq!(world.pass(500), "", "no answer to that one either");
    assert_eq!(world.pass(499), "");
    assert_eq!(world.pass(126), "0420#1002*>wallet", "with back-off");
    assert_eq!(
        world.answer(1, b"00", 1_001),
        "+late-answer",
        "too late to be an approval"
    );
    assert_eq!(
        world.reversal_answer(1, b"96", true, 1_002),
        "",
        "an advice cannot be refused"
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "+reversal-answer +advice advice/reversed#1003>acquirer"
    );
    assert!(world.release());
    assert_eq!(world.pass(500), "advice/reversed#1003*>acquirer");
    assert_eq!(world.advice_ack(1, 1_003), "+advice-answer");
    assert_eq!(world.pass(60_000), "");
    assert_eq!(world.pay(1, 500, 13), "68/reversed#13>acquirer");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn what_never_left_is_declined_and_what_is_late_does_not_leave() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.ms = 1_000;
    assert!(!world.release(), "too late");
    assert_eq!(world.pass(0), "+answer 96/declined#11>acquirer");
    assert!(!world.release(), "over");
    world.pay(2, 500, 12);
    world.legs.up[1] = false;
    assert_eq!(world.pass(1_000), "+answer 91/declined#12>acquirer");
}

#[test]
fn an_answer_that_cannot_be_used_makes_the_outcome_unknown() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    assert_eq!(
        world.answer_with(1, b"00", 1_001, 499),
        "+unknown 68/-#11>acquirer +reversal 0420#1002>wallet"
    );
    world.pay(2, 500, 12);
    assert!(world.release());
    assert_eq!(
        world.answer(1, b"00", 1_003),
        "+unknown 68/-#12>acquirer +reversal 0420#1004>wallet"
    );
    world.pay(3, 500, 13);
    assert!(world.release());
    assert_eq!(world.answer(3, b"68", 1_005), "", "68 is no outcome");
    assert_eq!(
        world.answer(3, b"00", 1_005),
        "+answer 00/approved#13>acquirer"
    );
    let unreadable = |world: &mut World, match_key| {
        world.run(|engine, context, effects| {
            engine.handle_unreadable_answer(MatchKey(match_key), WALLET, context, effects);
        })
    };
    world.pay(4, 500, 14);
    assert!(world.release());
    assert_eq!(unreadable(&mut world, 9), "");
    assert_eq!(
        unreadable(&mut world, 1_006),
        "+unknown 68/-#14>acquirer +reversal 0420#1007>wallet"
    );
}

#[test]
fn the_originator_reverses_before_during_and_after() {
    let mut world = World::new();
    // Before: remembered, and the payment declined.
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "+reversal 0430:00/reversed>acquirer"
    );
    assert_eq!(world.pay(1, 500, 11), "12/declined#11>acquirer");
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "0430:00/reversed>acquirer"
    );
    assert_eq!(
        world.reverse(WALLET, 9, true),
        "0430:25/->wallet",
        "not its own"
    );
    // During: the payment's answer waits for the reversal's end.
    world.pay(2, 500, 12);
    assert!(world.release());
    assert_eq!(
        world.reverse(ACQUIRER, 2, true),
        "+reversal 0420#1002>wallet 0430:00/->acquirer"
    );
    assert_eq!(world.reverse(ACQUIRER, 2, true), "0430:00/->acquirer");
    assert_eq!(world.answer(2, b"00", 1_001), "+late-answer");
    assert_eq!(
        world.reversal_answer(2, b"00", true, 1_002),
        "+reversal-answer 68/reversed#12>acquirer"
    );
    // After: undone, and the first answer stays.
    world.pay(3, 500, 13);
    world.answer(3, b"00", 1_003);
    assert_eq!(
        world.reverse(ACQUIRER, 3, false),
        "+reversal 0400#1004>wallet"
    );
    assert_eq!(
        world.reversal_answer(3, b"00", false, 1_004),
        "+reversal-answer 0410:00/reversed>acquirer"
    );
    assert_eq!(world.pay(3, 500, 14), "00/approved#14>acquirer");
    assert_eq!(
        world.status(ACQUIRER, 3),
        "status:00/answered/reversed>acquirer"
    );
    assert_eq!(world.reverse(STRANGER, 3, true), "0430:58/->stranger!");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn a_reversal_request_may_be_refused_and_an_unanswered_one_becomes_an_advice() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.answer(1, b"00", 1_001);
    world.reverse(ACQUIRER, 1, false);
    assert_eq!(
        world.reversal_answer(1, b"12", false, 1_002),
        "+reversal-answer 0410:12/->acquirer"
    );
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/answered/approved>acquirer"
    );
    assert_eq!(
        world.reverse(ACQUIRER, 1, false),
        "+reversal 0400#1003>wallet"
    );
    assert!(world.release());
    assert_eq!(world.reverse(ACQUIRER, 1, false), "", "joins");
    assert_eq!(
        world.pass(1_000),
        "0410:09/->acquirer 0410:09/->acquirer +reversal-escalation 0420#1004>wallet"
    );
    assert_eq!(world.reverse(ACQUIRER, 1, false), "0410:09/->acquirer");
    assert_eq!(
        world.reversal_answer(1, b"25", true, 1_004),
        "+reversal-answer +advice advice/reversed#1005>acquirer",
        "whoever heard 09 hears how it ended"
    );
    // Refused while the payment itself has no answer: then it is a reversal of our own.
    world.pay(2, 500, 12);
    assert!(world.release());
    world.reverse(ACQUIRER, 2, false);
    assert_eq!(
        world.reversal_answer(2, b"12", false, 1_007),
        "+reversal-answer 0410:12/->acquirer +unknown 68/-#12>acquirer +reversal 0420#1008>wallet"
    );
}

#[test]
fn a_destination_that_takes_it_back_is_passed_on_as_an_advice() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.answer(1, b"00", 1_001);
    assert_eq!(
        world.reverse(WALLET, 1, true),
        "+reversal 0430:00/reversed>wallet +advice advice/reversed#1002>acquirer"
    );
    world.pay(2, 500, 12);
    assert_eq!(
        world.reverse(WALLET, 2, true),
        "+reversal 0430:00/reversed>wallet 68/reversed#12>acquirer"
    );
}

#[test]
fn a_restart_resolves_what_was_open_and_remembers_what_was_not() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.answer(1, b"00", 1_001);
    world.pay(2, 500, 12);
    world.pay(3, 500, 13);
    world.release();
    world.pass(1_000);
    world.pay(4, 500, 16);
    assert_eq!(
        world.restart(),
        "0420#1004*>wallet +unknown +reversal 0420#1006>wallet",
        "one is repeated; what was open counts as expired, sent or not"
    );
    assert_eq!(world.pay(1, 500, 14), "00/approved#14>acquirer");
    assert_eq!(world.pay(1, 7, 15), "94/-#15>acquirer");
    assert_eq!(
        world.pay(2, 500, 17),
        "96/declined#17>acquirer",
        "it had never left"
    );
    assert_eq!(world.pay(4, 500, 18), "68/-#18>acquirer");
    let told = world.reversal_answer(3, b"00", true, 1_004);
    assert_eq!(
        told,
        "+reversal-answer +advice advice/reversed#1007>acquirer"
    );
    world.reversal_answer(4, b"25", true, 1_006);
    assert_eq!(
        world.restart(),
        "advice/reversed#1007*>acquirer advice/reversed#1008*>acquirer"
    );
    assert_eq!(world.advice_ack(3, 1_007), "+advice-answer");
    assert_eq!(world.advice_ack(4, 1_008), "+advice-answer");
    assert_eq!(world.restart(), "");
    assert_eq!(world.engine.open_exchanges(), 0);
}

//! What nobody knows is found out or undone, in lanes, and never forgotten.

use super::*;
use crate::model::outcome::Resolution;

/// Everything that MPM would do, for the CPM payments of this world.
fn asking() -> ResolverProfile {
    ResolverProfile {
        cpm: Resolution::Inquire,
        ..ResolverProfile::default()
    }
}

/// A payment whose answer did not come in time.
fn silent(world: &mut World, reference: u8) -> String {
    world.pay(reference, 500, u64::from(reference));
    assert!(world.release());
    world.pass(1_000)
}

#[test]
fn the_destination_is_asked_first_where_the_goods_may_be_gone() {
    let mut world = World::with(asking());
    assert_eq!(silent(&mut world, 1), "+in-doubt 68/-#1>acquirer +inquiry");
    assert_eq!(world.pay(1, 500, 2), "68/-#2>acquirer");
    assert_eq!(world.status(ACQUIRER, 1), "status:00/unknown/->acquirer");
    assert_eq!(world.pass(999), "", "the first inquiry has its time");
    assert_eq!(world.pass(1), "inquiry#1002>wallet");
    assert_eq!(
        world.status_answer(1, Some(Outcome::Approved), 1_002),
        "+finding +advice advice/approved#1003>acquirer",
        "an approval that is confirmed stands"
    );
    assert_eq!(world.pay(1, 500, 3), "00/approved#3>acquirer");
    assert_eq!(world.advice_ack(1, 1_003), "+advice-answer");
    assert_eq!(world.pass(60_000), "");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn what_the_destination_says_is_what_happened_and_what_it_does_not_know_is_reversed() {
    let mut world = World::with(asking());
    silent(&mut world, 1);
    world.pass(1_000);
    assert_eq!(
        world.status_answer(1, Some(Outcome::Declined), 1_002),
        "+finding +advice advice/declined#1003>acquirer"
    );
    world.advice_ack(1, 1_003);
    silent(&mut world, 2);
    world.pass(1_000);
    assert_eq!(
        world.status_answer(2, Some(Outcome::Reversed), 1_005),
        "+finding +advice advice/reversed#1006>acquirer"
    );
    world.advice_ack(2, 1_006);
    silent(&mut world, 3);
    world.pass(1_000);
    assert_eq!(
        world.status_answer(3, None, 1_008),
        "+inquiry-end +reversal 0420#1009>wallet"
    );
    assert_eq!(
        world.reversal_answer(3, b"00", true, 1_009),
        "+reversal-answer +advice advice/reversed#1010>acquirer"
    );
    world.advice_ack(3, 1_010);
    assert_eq!(world.pay(1, 500, 9), "68/declined#9>acquirer");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn asking_in_vain_ends_in_a_reversal() {
    let profile = ResolverProfile {
        inquiries_max: 2,
        inquiry_first_ms: 0,
        ..asking()
    };
    let mut world = World::with(profile);
    assert_eq!(
        silent(&mut world, 1),
        "+in-doubt 68/-#1>acquirer +inquiry inquiry#1002>wallet"
    );
    // Still pending there, or so it says: asked again after a while, not at once.
    assert_eq!(world.status_result(target(1), b"09", None, 1_002), "");
    assert_eq!(
        world.status_result(target(1), b"09", None, 1_002),
        "",
        "twice"
    );
    assert_eq!(world.pass(2_999), "");
    assert_eq!(world.pass(751), "inquiry#1002>wallet");
    assert_eq!(
        world.pass(500),
        "+inquiry-end +reversal 0420#1003>wallet",
        "nobody answered the last one"
    );
}

#[test]
fn an_answer_that_comes_while_we_ask_settles_it() {
    let mut world = World::with(asking());
    silent(&mut world, 1);
    assert_eq!(
        world.answer(1, b"00", 1_001),
        "+finding +advice advice/approved#1003>acquirer"
    );
    assert_eq!(
        world.status_answer(1, Some(Outcome::Declined), 1_002),
        "",
        "the answer to an inquiry that is over"
    );
    silent(&mut world, 2);
    world.pass(1_000);
    assert_eq!(
        world.answer_with(2, b"00", 1_004, 499),
        "",
        "it cannot be right"
    );
    assert_eq!(
        world.run(|engine, context, effects| {
            let result = StatusResult {
                header: header(1_005),
                target: target(3),
                response_code: ResponseCode::APPROVED,
                state: None,
                outcome: Some(Outcome::Approved),
                approval_code: None,
                amount: None,
                billing: None,
                settlement: None,
                refunded_so_far: None,
                text: b"",
                mac: b"",
            };
            engine.handle_status_result(&result, sender(WALLET), context, effects);
        }),
        "",
        "another target: not an answer to what was asked"
    );
}

#[test]
fn the_originator_may_reverse_what_is_being_asked_about() {
    let mut world = World::with(asking());
    silent(&mut world, 1);
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "+reversal 0420#1003>wallet 0430:00/->acquirer"
    );
    assert_eq!(
        world.status_answer(1, Some(Outcome::Approved), 1_002),
        "",
        "the originator has decided"
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_003),
        "+reversal-answer +advice advice/reversed#1004>acquirer"
    );
}

#[test]
fn what_is_never_acknowledged_waits_for_an_operator_and_a_late_answer_settles_it() {
    let profile = ResolverProfile {
        sends_max: 2,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    silent(&mut world, 1);
    assert!(world.release());
    assert_eq!(world.pass(500), "0420#1002*>wallet");
    assert_eq!(world.pass(500), "+queued");
    assert_eq!(world.pass(86_400_000), "", "nothing is sent any more");
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/operator-queue/->acquirer"
    );
    assert_eq!(world.engine.open_exchanges(), 0, "it costs no exchange");
    let since = Wall(START + 2_000 * 1_000_000);
    assert_eq!(world.engine.operator_queue(), (1, Some(since)));
    assert_eq!(world.restart(), "", "a restart finds it where it was");
    assert_eq!(world.engine.operator_queue(), (1, Some(since)));
    assert_eq!(world.answer(1, b"00", 1_001), "+late-answer");
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "+reversal-answer +advice advice/reversed#1003>acquirer"
    );
    assert_eq!(world.engine.operator_queue(), (0, None));
    assert_eq!(world.advice_ack(1, 1_003), "+advice-answer");
    assert_eq!(world.engine.operator_queue(), (0, None));
}

#[test]
fn a_participant_that_comes_back_is_served_at_once() {
    let profile = ResolverProfile {
        down_s: 10,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    for reference in 1..=2 {
        world.pay(reference, 500, u64::from(reference));
        assert!(world.release());
    }
    world.pass(1_000);
    world.set_up(WALLET, false);
    assert_eq!(world.pass(500), "", "what was sent waits for the next link");
    world.set_up(WALLET, true);
    assert_eq!(world.pass(0), "0420#1003>wallet 0420#1004>wallet");
    world.set_up(WALLET, false);
    assert_eq!(world.pass(3_000), "", "no answer came");
    assert_eq!(world.pass(3_000), "", "the back-off is over");
    assert_eq!(
        world.pass(10_000),
        "+queued +queued",
        "an operator hears of it"
    );
    assert_eq!(world.engine.operator_queue().0, 2);
    world.set_up(WALLET, true);
    assert_eq!(
        world.pass(0),
        "0420#1003*>wallet 0420#1004*>wallet",
        "and what the operator has is tried again"
    );
    world.reversal_answer(1, b"00", true, 1_003);
    world.reversal_answer(2, b"25", true, 1_004);
    assert_eq!(world.engine.operator_queue(), (0, None));
}

/// Of those that its return wakes, the window lets one go; the others wait without a link again.
#[test]
fn who_comes_back_and_goes_at_once_leaves_nobody_forgotten() {
    let profile = ResolverProfile {
        down_s: 10,
        window: 1,
        ..ResolverProfile::default()
    };
    for steps in 0..80 {
        let mut world = World::with(profile);
        for reference in 1..=3 {
            world.pay(reference, 500, u64::from(reference));
            assert!(world.release());
        }
        world.pass(1_000);
        for _ in 0..steps {
            world.pass(250);
        }
        world.set_up(WALLET, false);
        world.set_up(WALLET, true);
        world.pass(0);
        world.set_up(WALLET, false);
        for _ in 0..60 {
            world.pass(1_000);
        }
        let (queued, _) = world.engine.operator_queue();
        assert_eq!(queued, 3, "back after {steps} steps");
    }
}

#[test]
fn an_outage_is_not_followed_by_a_storm() {
    let profile = ResolverProfile {
        window: 2,
        per_second: 3,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    world.set_up(WALLET, true);
    for reference in 1..=3 {
        world.pay(reference, 500, u64::from(reference));
        assert!(world.release());
    }
    let told = world.pass(1_000);
    assert_eq!(told.matches("0420#").count(), 2, "the window: {told}");
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_004),
        "+reversal-answer +advice advice/reversed#1007>acquirer"
    );
    assert_eq!(
        world.pass(0),
        "0420#1006>wallet",
        "one is over, the next one goes"
    );
    let told = world.pass(400);
    assert_eq!(told, "", "three in this second: the budget is spent");
}

#[test]
fn it_may_be_too_late_to_reverse() {
    let profile = ResolverProfile {
        reversal_within_s: 1,
        reversal_after_ms: 100,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    assert_eq!(silent(&mut world, 1), "+unknown 68/-#1>acquirer +reversal");
    assert_eq!(
        world.pass(100),
        "0420#1002>wallet",
        "not earlier than agreed"
    );
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued", "and not later");
    world.pay(2, 500, 2);
    assert!(world.release());
    assert_eq!(
        world.pass(2_000),
        "+unknown 68/-#2>acquirer +queued",
        "too late from the start"
    );
}

#[test]
fn a_full_operator_queue_is_no_reason_to_drop_anything() {
    let profile = ResolverProfile {
        sends_max: 1,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    for reference in 1..=5 {
        silent(&mut world, reference);
        assert!(world.release());
        world.pass(500);
    }
    assert_eq!(world.engine.operator_queue().0, 4);
    assert_eq!(world.engine.tally().operator_queue_full, 1);
    let told = world.pass(20_000);
    assert!(told.contains("0420#"), "it is tried on: {told}");
}

/// Nobody can acknowledge what still waits for its commit (sim seed 7003691).
#[test]
fn what_waits_for_our_own_disk_is_not_handed_to_an_operator() {
    let profile = ResolverProfile {
        sends_max: 1,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    silent(&mut world, 1);
    for _ in 0..3 {
        assert_eq!(world.pass(20_000), "0420#1002>wallet");
        assert_eq!(world.pass(20_000), "", "a pause");
        assert_eq!(world.engine.operator_queue(), (0, None));
    }
    assert!(world.release(), "it leaves");
    assert_eq!(world.pass(20_000), "0420#1002*>wallet");
    assert_eq!(world.pass(20_000), "+queued", "nobody has answered it");
}

/// It is too late to reverse, and there is no room for it in the queue: nothing is on its way that
/// a timer would bring back (sim seeds 1006631, 1009115, 1011007, 1019452).
#[test]
fn what_finds_the_operator_queue_full_is_queued_when_there_is_room() {
    let profile = ResolverProfile {
        reversal_within_s: 1,
        reversal_after_ms: 100,
        ..ResolverProfile::default()
    };
    let mut world = World::with(profile);
    silent(&mut world, 1);
    assert_eq!(world.pass(100), "0420#1002>wallet");
    assert!(world.release());
    assert_eq!(world.pass(500), "+queued");
    for reference in 2..=5 {
        world.pay(reference, 500, u64::from(reference));
        assert!(world.release());
        world.pass(2_000);
    }
    assert_eq!(world.engine.operator_queue().0, 4);
    for _ in 0..10 {
        assert_eq!(world.pass(1_000), "", "no room yet");
    }
    assert_eq!(world.engine.tally().operator_queue_full, 1, "counted once");
    let told = world.reversal_answer(1, b"00", true, 1_002) + &world.pass(0);
    assert!(told.contains("+queued"), "there is room: {told}");
    assert_eq!(world.engine.operator_queue().0, 4);
}

#[test]
fn a_restart_asks_on_and_repeats_with_the_same_keys() {
    let mut world = World::with(asking());
    silent(&mut world, 1);
    world.pass(1_000);
    assert_eq!(world.restart(), "inquiry#1002>wallet");
    assert_eq!(
        world.status_answer(1, Some(Outcome::Approved), 1_002),
        "+finding +advice advice/approved#1003>acquirer"
    );
    assert_eq!(world.restart(), "advice/approved#1003*>acquirer");
    world.pay(2, 500, 2);
    assert_eq!(
        world.restart(),
        "advice/approved#1003*>acquirer +in-doubt +inquiry",
        "what was open is asked about"
    );
}

#[test]
fn nobody_took_a_byte_and_it_is_declined_at_once() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    let exchange = world.last_exchange.unwrap();
    assert_eq!(
        world.run(|engine, context, effects| engine.handle_no_link(exchange, context, effects)),
        "+answer 91/declined#11>acquirer"
    );
    world.pay(2, 500, 12);
    assert!(world.release());
    let leg = (Talk::Forward, WALLET, MatchKey(1_002));
    assert_eq!(
        world.run(|engine, context, effects| engine.handle_not_taken(leg, context, effects)),
        "+answer 91/declined#12>acquirer"
    );
    // A part of it was taken: it may have arrived, and the answer may come over another link.
    world.pay(3, 500, 13);
    assert!(world.release());
    let leg = (Talk::Forward, WALLET, MatchKey(1_003));
    assert_eq!(
        world.run(|engine, context, effects| engine.handle_torn(leg, context, effects)),
        ""
    );
    assert_eq!(
        world.pass(1_000),
        "+unknown 68/-#13>acquirer +reversal 0420#1004>wallet"
    );
    // A reversal that nobody took waits for the next link.
    let leg = (Talk::ReversalAdvice, WALLET, MatchKey(1_004));
    world.set_up(WALLET, false);
    assert_eq!(
        world.run(|engine, context, effects| engine.handle_not_taken(leg, context, effects)),
        ""
    );
    assert_eq!(world.pass(5_000), "");
    world.set_up(WALLET, true);
    assert_eq!(world.pass(0), "0420#1004>wallet");
}

#[test]
fn the_settlement_date_is_that_of_acceptance() {
    let mut world = World::new();
    // Half a second before midnight.
    world.ms = 6_894_500;
    world.pay(1, 500, 11);
    let accepted = world.records[0].0.date();
    assert!(world.release());
    world.ms += 600;
    let answered = world.answer(1, b"00", 1_001);
    assert_eq!(answered, "+answer 00/approved#11>acquirer");
    assert_ne!(
        world.records[1].0.date(),
        accepted,
        "answered after the cutover"
    );
    let Record::Payment(payment) = world.records[0].1 else {
        panic!("the claim")
    };
    assert_eq!(payment.settlement_date, accepted);
}

//! Old keys are looked up in the archive and answered from it as they were remembered; new ones
//! never are.

use super::*;
use crate::engine::transitions::Phase;
use crate::model::record::Refunded;

const DAY_MS: u64 = 86_400_000;

/// A world with an archive, which has everything that was forgotten.
fn archived() -> World {
    let mut world = World::new();
    world.engine.serve_look_ups();
    world
}

fn approved(world: &mut World, reference: u8, key: u64) {
    world.pay(reference, 500, u64::from(reference));
    assert!(world.release());
    world.answer(reference, b"00", key);
}

fn forget_all(world: &mut World) {
    let wall = Wall(START + world.ms * 1_000_000);
    world.engine.transactions.memory.newest = wall;
    world.engine.forget_through(TransactionNumber(u64::MAX));
    world.engine.forget_some(wall);
    assert_eq!(world.engine.remembered_keys(), 0);
}

/// What the archive says about the last that was asked, as the librarian tells it.
fn look_up(world: &World) -> LookedUp {
    let wanted = world.wanted.last().unwrap();
    let root = BusinessKey {
        key: wanted.root,
        class: Class::Payment,
    };
    let targets = [Some(wanted.target), wanted.or_root.then_some(root)];
    let mut found = targets
        .iter()
        .flatten()
        .filter_map(|target| Aged::of(target, &world.records, &world.tables).unwrap());
    found.next().map_or(LookedUp::Absent, LookedUp::Found)
}

fn looked_up(world: &mut World, found: &LookedUp) -> String {
    let id = world.wanted.last().unwrap().id;
    world.run(|engine, context, effects| engine.handle_looked_up(id, found, context, effects))
}

#[test]
fn an_aged_payment_and_its_refund_are_told_as_they_were_remembered() {
    let mut world = archived();
    approved(&mut world, 1, 1_001);
    world.refund(1, 1, 200, 21);
    world.refund_answer(1, b"00", 200, 1_002);
    let status = world.status(WALLET, 1);
    let repeat = world.pay(1, 500, 31);
    let refunded = world.refund(1, 1, 200, 32);
    world.pass(6 * DAY_MS);
    forget_all(&mut world);
    assert_eq!(world.status(WALLET, 1), "?1");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), status);
    assert_eq!(world.pay(1, 500, 31), "?2", "a repeat");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), repeat);
    assert_eq!(world.refund(1, 1, 200, 32), "?3");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), refunded);
    // Another body under the same key; a stranger who asks.
    assert_eq!(world.pay(1, 501, 33), "?4");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "94/-#33>acquirer");
    assert_eq!(world.status(STRANGER, 1), "?5");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "status:58/-/->stranger");
    assert_eq!(world.engine.tally().look_ups, 5);
    assert_eq!(world.engine.look_ups(), 0);
}

#[test]
fn what_the_archive_does_not_have_or_cannot_tell_is_said_so() {
    let mut world = archived();
    world.pass(6 * DAY_MS);
    assert_eq!(world.status(WALLET, 1), "?1");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "status:25/-/->wallet");
    assert_eq!(world.pay(1, 500, 31), "?2");
    assert_eq!(looked_up(&mut world, &LookedUp::Absent), "30/-#31>acquirer");
    assert_eq!(world.pay(1, 500, 32), "?3");
    let unavailable = LookedUp::Unavailable;
    assert_eq!(looked_up(&mut world, &unavailable), "96/-#32>acquirer");
    assert_eq!(looked_up(&mut world, &unavailable), "", "once");
    // Nobody waits for longer than two seconds.
    assert_eq!(world.status(WALLET, 1), "?4");
    let expire = |world: &mut World| {
        world.run(|engine, context, effects| {
            engine.expire_look_up(context, effects);
        })
    };
    assert_eq!(expire(&mut world), "");
    world.pass(2_000);
    assert_eq!(expire(&mut world), "status:96/-/->wallet");
    assert_eq!(looked_up(&mut world, &LookedUp::Absent), "", "too late");
    assert_eq!(world.engine.tally().look_ups_failed, 2);
    assert!(world.records.is_empty(), "nothing of this is recorded");
}

#[test]
fn no_participant_takes_all_look_ups_and_reversals_have_room_of_their_own() {
    let mut world = archived();
    world.pass(6 * DAY_MS);
    for from in [WALLET, STRANGER, ACQUIRER] {
        for _ in 0..LOOK_UPS_SHARE {
            assert!(world.status(from, 1).starts_with('?'));
        }
        assert!(world.status(from, 1).starts_with("status:A1/-/->"));
    }
    assert_eq!(world.pay(1, 500, 33), "A1/-#33>acquirer!");
    assert_eq!(world.engine.look_ups(), LOOK_UPS_MAX - LOOK_UPS_SHARE);
    for _ in 0..LOOK_UPS_SHARE {
        assert!(world.reverse(ACQUIRER, 1, true).starts_with('?'));
    }
    assert_eq!(world.reverse(ACQUIRER, 1, true), "0430:A1/->acquirer!");
    assert_eq!(world.engine.look_ups(), LOOK_UPS_MAX);
}

#[test]
fn a_payment_that_is_recalled_meanwhile_is_told_of_as_it_is_now() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    approved(&mut world, 1, 1_001);
    forget_all(&mut world);
    assert_eq!(world.status(WALLET, 1), "?1");
    let found = look_up(&world);
    assert_eq!(world.reverse(ACQUIRER, 1, true), "?2");
    looked_up(&mut world, &found);
    let told = world.run(|engine, context, effects| {
        engine.handle_looked_up(1, &found, context, effects);
    });
    assert_eq!(told, "status:00/reversing/approved>wallet");
}

#[test]
fn an_aged_payment_is_recalled_only_for_who_may_refund_it() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    approved(&mut world, 1, 1_001);
    forget_all(&mut world);
    let records = world.records.len();
    assert_eq!(world.refund_as(STRANGER, refund(1, 1, 200, 21)), "?1");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "58/-#21=->stranger!");
    assert_eq!(world.records.len(), records, "nothing is recorded");
    assert_eq!(world.engine.tally().security_events, 1);
}

#[test]
fn a_payment_without_refunds_is_recalled_though_no_more_with_refunds_can_be() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    approved(&mut world, 1, 1_001);
    forget_all(&mut world);
    let refunded = Refunded {
        count: 1,
        ..Refunded::default()
    };
    // Slots that the table does not have.
    let mut slot = 1_000;
    while world.engine.transactions.may_recall() {
        world.engine.transactions.note_refunded(slot, refunded);
        slot += 1;
    }
    assert_eq!(world.refund(1, 1, 200, 21), "?1");
    let found = look_up(&world);
    let told = looked_up(&mut world, &found);
    assert!(told.starts_with("+recalled +refund refund#"), "{told}");
}

#[test]
fn new_keys_are_never_looked_up() {
    let mut world = archived();
    assert!(world.pay(1, 500, 1).starts_with("+payment"));
    assert_eq!(world.status(ACQUIRER, 2), "status:25/-/->acquirer");
    // Two days on, a key of that day may still be new; and it is not yet forgotten.
    world.pass(2 * DAY_MS);
    assert!(world.pay(3, 500, 3).starts_with("+payment"));
    assert_eq!(world.status(ACQUIRER, 2), "status:25/-/->acquirer");
    assert!(world.wanted.is_empty());
    // With nobody to look it up, an old key is refused as it always was.
    let mut alone = World::new();
    alone.pass(6 * DAY_MS);
    assert_eq!(alone.pay(1, 500, 31), "30/-#31>acquirer!");
    assert_eq!(alone.status(WALLET, 1), "status:25/-/->wallet");
}

#[test]
fn an_aged_payment_is_refunded_like_any_other_and_never_beyond_its_amount() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    approved(&mut world, 1, 1_001);
    world.refund(1, 1, 200, 21);
    world.refund_answer(1, b"00", 200, 1_002);
    forget_all(&mut world);
    // Two at once: both are looked up, and the second finds what the first brought back.
    assert_eq!(world.refund(2, 1, 250, 22), "?1");
    assert_eq!(world.refund(3, 1, 100, 23), "?2");
    let found = look_up(&world);
    let told = world.run(|engine, context, effects| {
        engine.handle_looked_up(1, &found, context, effects);
    });
    assert_eq!(told, "+recalled +refund refund#1003/250>wallet");
    assert_eq!(
        looked_up(&mut world, &found),
        "+refund 64/declined#23=200>acquirer"
    );
    assert_eq!(
        world.refund_answer(2, b"00", 250, 1_003),
        "+answer 00/approved#22=450>acquirer"
    );
    // It is a payment like any other again, also after a restart.
    let repeat = world.pay(1, 500, 31);
    assert_eq!(repeat, "00/approved#31>acquirer");
    world.restart();
    world.engine.serve_look_ups();
    world.engine.remember_for_ms(0);
    assert_eq!(world.pay(1, 500, 31), repeat);
    // One of its refunds is in the archive alone: every other is looked for there.
    assert_eq!(world.refund(4, 1, 51, 24), "?1");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+refund 64/declined#24=450>acquirer"
    );
    // Forgotten once more: what was given back before and since counts.
    forget_all(&mut world);
    assert_eq!(world.refund(5, 1, 51, 25), "?2");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+recalled +refund 64/declined#25=450>acquirer"
    );
    assert_eq!(world.refund(6, 1, 50, 26), "?3");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+refund refund#1004/50>wallet"
    );
    world.refund_answer(6, b"00", 50, 1_004);
    forget_all(&mut world);
    // Each refund is found under its own key, as it was answered.
    for (reference, minor, key, answer) in [
        (1, 200, 41, "00/approved#41=200>acquirer"),
        (2, 250, 42, "00/approved#42=450>acquirer"),
        (6, 50, 43, "00/approved#43=500>acquirer"),
    ] {
        let target = BusinessKey {
            key: refund_key(reference),
            class: Class::Refund,
        };
        let aged = Aged::of(&target, &world.records, &world.tables).unwrap();
        let found = LookedUp::Found(aged.unwrap());
        // Asked by a repeat with a date that is too old for a new key.
        world.ms += 3 * DAY_MS;
        assert!(world.refund(reference, 1, minor, key).starts_with('?'));
        let told = looked_up(&mut world, &found);
        world.ms -= 3 * DAY_MS;
        assert_eq!(told, answer);
    }
}

#[test]
fn a_young_refund_that_was_forgotten_with_its_payment_is_known_again() {
    let mut world = archived();
    world.engine.remember_for_ms(DAY_MS);
    approved(&mut world, 1, 1_001);
    world.pass(DAY_MS);
    world.refund(1, 1, 200, 21);
    world.refund_answer(1, b"00", 200, 1_002);
    world.pass(600_000);
    forget_all(&mut world);
    assert_eq!(world.refund(1, 1, 200, 31), "?1");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "00/approved#31=200>acquirer",
        "once and not twice"
    );
    assert_eq!(world.refund(1, 1, 201, 32), "?2");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "94/-#32=->acquirer");
    // Another one finds what is left.
    assert_eq!(world.refund(2, 1, 301, 33), "?3");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+recalled +refund 64/declined#33=200>acquirer"
    );
    // The payment is known now, and still the first refund is not a new one.
    assert_eq!(world.refund(1, 1, 200, 34), "?4");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "00/approved#34=200>acquirer");
    assert_eq!(world.refund(3, 1, 300, 35), "?5");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+refund refund#1003/300>wallet"
    );
    // That one is remembered with it.
    assert_eq!(
        world.refund_answer(3, b"00", 300, 1_003),
        "+answer 00/approved#35=500>acquirer"
    );
    assert_eq!(world.refund(3, 1, 300, 36), "00/approved#36=500>acquirer");
}

#[test]
fn a_refund_of_what_is_not_there_or_not_approved_is_declined_on_record() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    world.pay(1, 500, 1);
    assert!(world.release());
    world.answer(1, b"51", 1_001);
    forget_all(&mut world);
    assert_eq!(world.refund(1, 1, 200, 21), "?1");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+refund 12/declined#21=0>acquirer"
    );
    assert_eq!(world.refund(2, 9, 200, 22), "?2");
    let found = look_up(&world);
    assert_eq!(
        looked_up(&mut world, &found),
        "+refund 25/declined#22=0>acquirer"
    );
    assert_eq!(world.refund(3, 9, 200, 23), "?3");
    let unavailable = LookedUp::Unavailable;
    assert_eq!(looked_up(&mut world, &unavailable), "96/-#23=->acquirer!");
}

#[test]
fn an_aged_payment_is_reversed_like_any_other() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    approved(&mut world, 1, 1_001);
    forget_all(&mut world);
    assert_eq!(world.reverse(STRANGER, 1, true), "?1");
    let found = look_up(&world);
    assert_eq!(looked_up(&mut world, &found), "0430:58/->stranger");
    assert_eq!(world.reverse(ACQUIRER, 1, true), "?2");
    let told = looked_up(&mut world, &found);
    assert!(told.starts_with("+recalled +reversal "), "{told}");
    world.reversal_answer(1, b"00", true, 1_002);
    forget_all(&mut world);
    assert_eq!(world.reverse(ACQUIRER, 1, true), "?3");
    let found = look_up(&world);
    let told = looked_up(&mut world, &found);
    assert!(told.starts_with("0430:00/reversed"), "{told}");
    assert_eq!(world.reverse(ACQUIRER, 2, true), "?4");
    assert!(looked_up(&mut world, &LookedUp::Absent).starts_with("+reversal "));
}

#[test]
fn a_reversal_is_acknowledged_only_where_the_archive_says_that_nothing_is_left_to_be_undone() {
    let mut world = archived();
    world.engine.remember_for_ms(0);
    approved(&mut world, 1, 1_001);
    forget_all(&mut world);
    for phase in Phase::ALL {
        if phase == Phase::Approved {
            continue;
        }
        world.reverse(ACQUIRER, 1, true);
        let LookedUp::Found(mut aged) = look_up(&world) else {
            unreachable!("it is there")
        };
        aged.transaction.phase = phase;
        let told = looked_up(&mut world, &LookedUp::Found(aged));
        let expected = match phase {
            Phase::Declined | Phase::Reversed => "0430:00/reversed>acquirer",
            _ => "0430:96/->acquirer",
        };
        assert_eq!(told, expected, "{phase:?}");
    }
}

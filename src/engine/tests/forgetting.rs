//! What is forgotten is old, over and archived; and what is remembered is what a start from a later
//! segment remembers.

use std::collections::BTreeMap;

use super::*;

const DAY_MS: u64 = 86_400_000;

/// What time it is, when something was claimed just now.
fn now(world: &mut World) -> Wall {
    let wall = Wall(START + world.ms * 1_000_000);
    world.engine.transactions.memory.newest = wall;
    wall
}

fn forget(world: &mut World, number: u64) -> u64 {
    let wall = now(world);
    world.engine.forget_through(TransactionNumber(number));
    world.engine.forget_some(wall);
    world.engine.forgotten().0
}

fn remembered(engine: &Engine) -> BTreeMap<u64, String> {
    let mut all = BTreeMap::new();
    engine.each_remembered(|number, transaction| {
        all.insert(number.0, format!("{transaction:?}"));
    });
    all
}

fn approved(world: &mut World, reference: u8, key: u64) {
    world.pay(reference, 500, u64::from(reference));
    assert!(world.release());
    world.answer(reference, b"00", key);
}

/// The journal from its later beginning on: nothing that was claimed up to `number`.
fn restarted_after(world: &World, number: u64) -> Engine {
    let mut claimed = std::collections::BTreeSet::new();
    let mut engine = engine(&world.tables);
    engine.start_after(TransactionNumber(number));
    for (wall, record) in &world.records {
        let known = record.number().0;
        let claims = record.claimed_root().is_some() && claimed.insert(known);
        if !(claims && known <= number) {
            engine.replay(record, *wall, &world.tables).unwrap();
        }
    }
    engine
}

#[test]
fn what_is_young_stands_in_the_way_and_what_is_open_does_not() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    approved(&mut world, 2, 1_002);
    assert_eq!(forget(&mut world, 1), 0, "young");
    world.pass(5 * DAY_MS);
    assert_eq!(forget(&mut world, 1), 1);
    assert_eq!(world.status(ACQUIRER, 1), "status:25/-/->acquirer");
    assert_eq!(
        world.status(ACQUIRER, 2),
        "status:00/answered/approved>acquirer"
    );
    // Reversed by its originator, and the destination has not said yes.
    world.reverse(ACQUIRER, 2, true);
    assert_eq!(forget(&mut world, 2), 2);
    assert_eq!(world.engine.remembered_keys(), 1, "open again");
    assert_eq!(review(&mut world), [2]);
    world.reversal_answer(2, b"00", true, 1_003);
    assert!(review(&mut world).is_empty());
    assert_eq!(world.engine.remembered_keys(), 0);
}

#[test]
fn a_payment_is_forgotten_with_its_refunds_by_its_own_age() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    world.pass(2 * DAY_MS);
    world.refund(1, 1, 200, 21);
    world.refund_answer(1, b"00", 200, 1_002);
    assert_eq!(
        world.refund(2, 1, 400, 22),
        "+refund 64/declined#22=200>acquirer"
    );
    world.pass(2 * DAY_MS);
    assert_eq!(forget(&mut world, 1), 0, "paid four days ago");
    world.pass(DAY_MS);
    assert_eq!(forget(&mut world, 3), 2, "the refund that was declined");
    assert_eq!(world.engine.remembered_keys(), 1);
    world.pass(2 * DAY_MS);
    assert_eq!(forget(&mut world, 3), 3);
    assert_eq!(world.engine.remembered_keys(), 0);
}

fn carried(world: &World) -> Vec<u64> {
    let numbers = world.engine.carried().iter().map(|number| number.0);
    numbers.filter(|number| *number != 0).collect()
}

/// As often as it takes to have looked at all.
fn review(world: &mut World) -> Vec<u64> {
    let wall = now(world);
    for _ in 0..CARRIED_MAX / 64 {
        world.engine.review_carried(wall);
    }
    carried(world)
}

#[test]
fn what_is_old_and_not_over_is_carried_and_does_not_stand_in_the_way() {
    let mut world = World::new();
    world.engine.remember_for_ms(DAY_MS);
    approved(&mut world, 1, 1_001);
    approved(&mut world, 2, 1_002);
    world.refund(1, 1, 200, 21);
    world.refund_answer(1, b"00", 200, 1_003);
    world.pass(DAY_MS);
    world.refund(2, 1, 100, 22);
    world.reverse(ACQUIRER, 2, true);
    let cut = world.records.len();
    world.pay(3, 500, 3);
    assert!(world.release());
    // The payment of the open refund is carried, and the refund before that one with it.
    assert_eq!(forget(&mut world, 5), 3, "the open refund is young");
    assert_eq!(review(&mut world), [1, 2, 3]);
    // A start from a later segment takes up what is carried, and goes on with it.
    let mut restarted = engine(&world.tables);
    for (at, (wall, record)) in world.records.iter().enumerate() {
        if at == cut {
            restarted.start_after(TransactionNumber(4));
        }
        restarted.replay(record, *wall, &world.tables).unwrap();
    }
    assert_eq!(remembered(&restarted), remembered(&world.engine));
    assert_eq!(
        restarted.carried()[..4],
        [1, 2, 3, 4].map(TransactionNumber)
    );
    // Its answer comes; but who asked may not have heard it, and take it back.
    let answered = world.refund_answer(2, b"00", 100, 1_004);
    assert_eq!(answered, "+answer 00/approved#22=300>acquirer");
    world.reversal_answer(2, b"00", true, 1_005);
    assert_eq!(review(&mut world), [1, 3]);
    world.pass(600_000);
    // The payment is looked at after its refund, which goes in the next round.
    assert_eq!(review(&mut world), [3]);
    assert!(review(&mut world).is_empty());
    assert_eq!(world.engine.remembered_keys(), 1);
    assert_eq!(forget(&mut world, 5), 4);
}

#[test]
fn a_clock_that_is_days_ahead_makes_nothing_old() {
    let mut world = World::new();
    approved(&mut world, 1, 1_001);
    world.pass(2 * DAY_MS);
    world.pay(2, 500, 2);
    // Nothing of the true date can be claimed any more.
    let ahead = Wall(START + 9 * DAY_MS * 1_000_000);
    world.engine.forget_through(TransactionNumber(1));
    world.engine.forget_some(ahead);
    assert_eq!(world.engine.forgotten(), TransactionNumber(0));
    world.pass(3 * DAY_MS);
    assert_eq!(forget(&mut world, 1), 1);
}

#[test]
fn what_the_archive_does_not_have_yet_is_not_forgotten() {
    let mut world = World::new();
    world.engine.start_in_segment(3);
    approved(&mut world, 1, 1_001);
    world.engine.enter_segment(7);
    world.pass(6 * DAY_MS);
    world.engine.archived(3);
    forget(&mut world, 1);
    assert_eq!(
        review(&mut world),
        [1],
        "its last record may be in segment 4"
    );
    world.engine.archived(4);
    world.reverse(ACQUIRER, 1, true);
    world.reversal_answer(1, b"00", true, 1_002);
    assert_eq!(review(&mut world), [1], "it was touched since");
    world.engine.archived(8);
    assert!(review(&mut world).is_empty());
    assert_eq!(world.engine.remembered_keys(), 0);
}

#[test]
fn a_start_from_a_later_segment_remembers_what_was_remembered_before_it() {
    let mut world = World::new();
    for (reference, key) in [(1, 1_001), (2, 1_002)] {
        approved(&mut world, reference, key);
    }
    // Its answer is in the live journal, its claim is not; and so are refunds of it.
    world.refund(1, 1, 200, 21);
    world.refund_answer(1, b"00", 200, 1_003);
    world.refund(2, 1, 900, 22);
    world.refund(3, 9, 100, 23);
    world.pay(3, 500, 3);
    assert!(world.release());
    world.engine.remember_for_ms(0);
    assert_eq!(forget(&mut world, 2), 2);
    let live = remembered(&world.engine);
    assert_eq!(
        live.len(),
        3,
        "two refunds that were declined, and a payment"
    );
    let restarted = restarted_after(&world, 2);
    let found = remembered(&restarted);
    assert!(found.keys().eq(live.keys()));
    for number in [5, 6] {
        assert_eq!(found[&number], live[&number]);
    }
    assert_eq!(restarted.forgotten(), TransactionNumber(2));
    // Numbers go on where they were, also where nothing was claimed since.
    let mut world = World::new();
    world.engine.start_after(TransactionNumber(100));
    world.pay(1, 500, 1);
    assert_eq!(world.records[0].1.number(), TransactionNumber(101));
}

#[test]
fn places_before_a_later_beginning_are_free() {
    let mut world = World::new();
    world.engine.start_after(TransactionNumber(9));
    // More than the table has places behind the first number.
    for reference in 1..=9 {
        world.pay(reference, 500, u64::from(reference));
        assert!(world.release());
        world.answer(reference, b"00", 1_000 + u64::from(reference));
    }
    assert_eq!(world.engine.remembered_keys(), 9);
    let last = world.records.last().unwrap().1.number();
    assert_eq!(last, TransactionNumber(18));
}

#[test]
fn what_is_forgotten_is_looked_up_in_all_segments_that_tell_of_it() {
    let mut world = World::new();
    world.engine.serve_look_ups();
    world.engine.start_in_segment(1);
    world.engine.archived(9);
    world.engine.enter_segment(6);
    approved(&mut world, 1, 1_001);
    world.pass(6 * DAY_MS);
    assert_eq!(forget(&mut world, 1), 1);
    // The archive was damaged since: that is what the look-up is to find out.
    world.engine.archived(2);
    world.status(ACQUIRER, 1);
    assert_eq!(world.wanted.last().unwrap().archived, 7);
    // A start reads of what was forgotten with its payment, before anybody says what is archived.
    world.engine.start_after(TransactionNumber(1));
    world.engine.replay_segment(12);
    let (wall, answer) = world.records[1];
    let restarted = world.engine.replay(&answer, wall, &world.tables).unwrap();
    assert_eq!(restarted, None);
    world.engine.start_in_segment(14);
    world.status(ACQUIRER, 1);
    assert_eq!(world.wanted.last().unwrap().archived, 12);
}

#[test]
fn a_start_takes_a_refund_whose_place_was_taken_out_of_its_chain() {
    let mut world = World::new();
    world.engine.remember_for_ms(0);
    let mut references = (1..=9).chain(17..=42);
    let mut claim = |world: &mut World| {
        let reference = references.next().unwrap();
        world.pay(reference, 500, u64::from(reference));
        assert!(world.release());
        let match_key = world.legs.drawn;
        world.answer(reference, b"00", match_key);
        world.engine.transactions.last.0
    };
    while claim(&mut world) < 4 {}
    world.refund(1, 1, 200, 91);
    let refund_key = world.legs.drawn;
    while claim(&mut world) < 16 {}
    assert_eq!(
        claim(&mut world),
        18,
        "the payment of an open refund is passed over"
    );
    world.refund_answer(1, b"00", 200, refund_key);
    assert_eq!(forget(&mut world, 5), 5);
    assert_eq!((claim(&mut world), claim(&mut world)), (19, 20));
    // In the refund's place, two days later.
    world.pass(2 * DAY_MS);
    assert_eq!(claim(&mut world), 21);
    world.restart();
    world.engine.remember_for_ms(DAY_MS);
    world.pass(600_000);
    forget(&mut world, 5);
    let youngest = remembered(&world.engine).into_keys().last();
    assert_eq!(
        youngest,
        Some(21),
        "a key that is young stays, and is not debited twice"
    );
}

//! A journal over a disk in memory: any order of completions, any timing, and what must hold.

use proptest::prelude::*;

use super::*;
use crate::journal::fixtures;
use crate::journal::layout::{Inspected, inspect, read_tail_header};
use crate::journal::world::{IDENTITY, World, config, steps};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_what_is_durable_is_on_the_disk(steps in steps(), memory: bool) {
        let mode = if memory { CommitMode::Memory } else { CommitMode::Disk };
        let mut world = World::new(config(mode));
        world.run(&steps, 0);
        world.check_disk_holds_what_is_durable();
        world.drain();
        let last = world.appended.last().map_or(Lsn(0), |last| last.0);
        prop_assert!(world.journal.durable() >= last);
        prop_assert_eq!(&world.on_disk(), &world.appended);
        prop_assert_eq!(world.journal.room(), Room::Ample);
    }

    #[test]
    fn the_first_error_fences_for_ever(steps in steps(), memory: bool) {
        let mode = if memory { CommitMode::Memory } else { CommitMode::Disk };
        let mut world = World::new(config(mode));
        world.run(&steps, 0);
        world.make_segments();
        world.append(&fixtures::full_payment(0)).ok();
        world.turn(10_000);
        prop_assume!(!world.in_flight.is_empty());
        let failed = world.in_flight[0];
        let committed = world.journal.committed();
        world.complete(0, Errno(5));
        let fence = world.journal.fence().unwrap();
        prop_assert_eq!((fence.errno, fence.segment), (Errno(5), failed.segment));
        world.drain();
        prop_assert_eq!(world.journal.fence(), Some(fence));
        prop_assert!(world.journal.durable() <= fence.lsn);
        prop_assert_eq!(world.journal.room(), Room::None);
        prop_assert_eq!(world.journal.next_deadline(), None);
        match mode {
            CommitMode::Memory => prop_assert_eq!(world.journal.committed(), committed),
            CommitMode::Disk => prop_assert!(world.journal.committed() <= fence.lsn),
        }
        world.check_disk_holds_what_is_durable();
    }
}

#[test]
fn the_watermark_moves_over_the_contiguous_prefix_only() {
    let mut world = World::new(config(CommitMode::Disk));
    world.turn(0);
    world.make_segments();
    let mut lsns = Vec::new();
    for number in 0..3 {
        lsns.push(world.append(&fixtures::full_payment(number)).unwrap());
        world.turn(300);
    }
    assert_eq!(world.in_flight.len(), 3);
    world.complete(2, Errno(0));
    world.complete(1, Errno(0));
    assert_eq!(world.journal.committed(), Lsn(0));
    world.complete(0, Errno(0));
    assert_eq!(world.journal.committed(), Lsn(3 * BLOCK));
    assert!(lsns.iter().all(|lsn| *lsn <= world.journal.committed()));
}

#[test]
fn commits_are_spaced_and_the_deadline_says_when() {
    let mut world = World::new(config(CommitMode::Disk));
    world.turn(1_000);
    world.make_segments();
    world.turn(0);
    assert_eq!(world.journal.next_deadline(), None, "nothing to do");
    world.append(&fixtures::full_payment(1)).unwrap();
    world.turn(0);
    assert_eq!(world.in_flight.len(), 1, "after a pause, at once");
    world.append(&fixtures::full_payment(2)).unwrap();
    world.turn(50);
    assert_eq!(world.in_flight.len(), 1, "too early");
    let due = world.journal.next_deadline().unwrap();
    assert_eq!(due.0 - world.now.monotonic.0, 150_000);
    world.turn(150);
    assert_eq!(world.in_flight.len(), 2);
}

#[test]
fn an_idle_journal_says_once_that_all_is_on_the_disk() {
    let mut world = World::new(config(CommitMode::Disk));
    world.append(&fixtures::full_payment(1)).unwrap();
    world.drain();
    assert_eq!(world.journal.counters().blocks, 2);
    assert_eq!(world.journal.counters().blocks_empty, 1);
    assert_eq!(world.journal.durable(), Lsn(2 * BLOCK));
    let last: &[u8; BLOCK_BYTES] = world.disk[&1][BLOCK_BYTES..2 * BLOCK_BYTES]
        .try_into()
        .unwrap();
    let Inspected::Sealed { sealing, .. } = inspect(last) else {
        unreachable!("a whole block");
    };
    assert_eq!(
        (sealing.watermark, sealing.used, sealing.closing),
        (Lsn(BLOCK), 0, false)
    );
    assert_eq!(world.journal.next_deadline(), None);
}

#[test]
fn closing_writes_all_and_says_so() {
    let mut world = World::new(config(CommitMode::Memory));
    world.turn(0);
    world.make_segments();
    world.append(&fixtures::full_payment(1)).unwrap();
    world.journal.close();
    world.drain();
    assert!(world.journal.is_closed());
    assert_eq!(world.append(&fixtures::full_payment(2)), Err(Full));
    let last: &[u8; BLOCK_BYTES] = world.disk[&1][BLOCK_BYTES..2 * BLOCK_BYTES]
        .try_into()
        .unwrap();
    assert!(matches!(inspect(last), Inspected::Sealed { sealing, .. } if sealing.closing));
}

#[test]
fn a_stuck_disk_leaves_room_for_outcomes_then_none() {
    let mut world = World::new(config(CommitMode::Memory));
    let mut rooms = vec![(world.journal.room(), 0)];
    for number in 0.. {
        let done = world.append(&fixtures::full_payment(number));
        world.turn(1);
        let room = world.journal.room();
        if rooms.last().unwrap().0 != room {
            rooms.push((room, number));
        }
        if done.is_err() {
            break;
        }
    }
    let words: Vec<Room> = rooms.iter().map(|(room, _)| *room).collect();
    assert_eq!(words, [Room::Ample, Room::OutcomesOnly, Room::None]);
    let outcomes = rooms[2].1 - rooms[1].1;
    assert!(outcomes * 208 >= 8_000, "the reserve holds: {outcomes}");
    assert_eq!(world.journal.counters().refused, 1);
    world.drain();
    assert_eq!(world.journal.room(), Room::Ample);
}

#[test]
fn a_full_disk_sheds_and_recovers() {
    let mut world = World::new(config(CommitMode::Disk));
    world.turn(0);
    for segment in std::mem::take(&mut world.asked) {
        world.journal.handle_segment_ready(segment, Errno(28));
    }
    assert_eq!(world.journal.segment_failing(), Some(Errno(28)));
    assert_eq!(world.journal.room(), Room::None);
    world.turn(1);
    assert!(world.asked.is_empty(), "not at once");
    let retry = world.journal.next_deadline().unwrap();
    world.turn((retry.0 - world.now.monotonic.0) / 1_000);
    assert_eq!(world.asked, [1]);
    world.make_segments();
    assert_eq!(world.journal.segment_failing(), None);
    assert_eq!(world.journal.room(), Room::Ample);
}

#[test]
fn the_tail_header_tells_a_reader_how_far_it_may_read() {
    let mut world = World::new(config(CommitMode::Disk));
    world.append(&fixtures::full_payment(1)).unwrap();
    world.drain();
    let (_, header) = read_tail_header(&world.tail).unwrap();
    assert_eq!(header.committed, world.journal.committed());
    assert_eq!((header.uuid, header.epoch), (IDENTITY.uuid, Epoch(1)));
    // A process killed inside one copy leaves the other.
    for place in [0, 1_024] {
        let kept = std::mem::replace(&mut world.tail[place + 70], 0xff);
        assert!(read_tail_header(&world.tail).is_some());
        world.tail[place + 70] = kept;
    }
}

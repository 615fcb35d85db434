//! A journal over a disk in memory: any order of completions, any timing, and what must hold.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::journal::fixtures;
use crate::journal::layout::{Inspected, inspect, read_tail_header};
use crate::model::ids::ShardId;

pub(crate) const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: *b"0123456789abcdef",
    shard: ShardId(1),
    shards: 4,
};

fn config(mode: CommitMode) -> JournalConfig {
    JournalConfig {
        identity: IDENTITY,
        mode,
        ring_bytes: 32 * BLOCK,
        segment_bytes: 24 * BLOCK,
        segments_max: 1_000,
        reserve_bytes: 8_000,
        pace: Pace {
            spacing_us: 200,
            batch_bytes: 4 * BLOCK,
            write_bytes_max: 6 * BLOCK,
            writes_in_flight_max: 3,
            idle_ms: 5,
        },
    }
}

const START: StartPoint = StartPoint {
    epoch: Epoch(1),
    boot_id: [9; 16],
    next: Lsn(0),
    durable: Lsn(0),
    chain: 0,
    segments_open: 0,
};

#[derive(Clone, Copy)]
struct InFlight {
    write: u64,
    segment: u64,
    segment_offset: u64,
    tail_offset: u64,
    bytes: u32,
    check: u32,
}

/// The machine: segments in memory, writes that end when the test says so.
struct World {
    journal: Journal,
    tail: Vec<u8>,
    now: Now,
    disk: BTreeMap<u64, Vec<u8>>,
    in_flight: Vec<InFlight>,
    asked: Vec<u64>,
    sealed: Vec<u64>,
    appended: Vec<(Lsn, Record)>,
    watermark: Lsn,
    segment_bytes: usize,
}

impl World {
    fn new(config: JournalConfig) -> Self {
        let ring = Ring::new(config.ring_bytes);
        let start = StartPoint {
            chain: config.identity.chain(),
            ..START
        };
        let mut world = Self {
            journal: Journal::new(config, start),
            tail: vec![0xee; ring.tail_bytes()],
            now: Now::default(),
            disk: BTreeMap::new(),
            in_flight: Vec::new(),
            asked: Vec::new(),
            sealed: Vec::new(),
            appended: Vec::new(),
            watermark: Lsn(0),
            segment_bytes: usize::try_from(config.segment_bytes).unwrap(),
        };
        world.journal.start_tail(&mut world.tail, 0);
        world
    }

    fn append(&mut self, record: &Record) -> Result<Lsn, Full> {
        let lsn = self.journal.append(&mut self.tail, self.now.wall, record)?;
        assert!(self.appended.last().is_none_or(|(last, _)| *last < lsn));
        self.appended.push((lsn, *record));
        Ok(lsn)
    }

    fn ring_bytes(&self, tail_offset: u64, bytes: u32) -> &[u8] {
        let at = usize::try_from(tail_offset).unwrap();
        &self.tail[at..at + bytes as usize]
    }

    fn turn(&mut self, us: u64) {
        self.now.monotonic.0 += us * 1_000;
        let mut submissions = Vec::new();
        self.journal
            .end_turn(&mut self.tail, self.now, &mut submissions);
        for submission in submissions {
            match submission {
                Submission::Write {
                    write,
                    segment,
                    segment_offset,
                    tail_offset,
                    bytes,
                } => {
                    assert!(self.disk.contains_key(&segment), "an open segment");
                    assert!(!self.sealed.contains(&segment));
                    assert!(segment_offset + u64::from(bytes) <= self.segment_bytes as u64);
                    let check = layout::checksum(0, self.ring_bytes(tail_offset, bytes));
                    self.in_flight.push(InFlight {
                        write,
                        segment,
                        segment_offset,
                        tail_offset,
                        bytes,
                        check,
                    });
                }
                Submission::PrepareSegment { segment } => self.asked.push(segment),
                Submission::SealSegment { segment } => {
                    assert!(self.in_flight.iter().all(|write| write.segment != segment));
                    self.sealed.push(segment);
                }
                Submission::Send { .. } | Submission::Close { .. } => unreachable!("no link"),
            }
        }
        assert!(self.in_flight.len() <= 3);
        self.check_watermark();
    }

    fn make_segments(&mut self) {
        for segment in std::mem::take(&mut self.asked) {
            self.disk.insert(segment, vec![0; self.segment_bytes]);
            self.journal.handle_segment_ready(segment, Errno(0));
        }
    }

    fn complete(&mut self, index: usize, errno: Errno) {
        let write = self.in_flight.remove(index);
        let bytes = self.ring_bytes(write.tail_offset, write.bytes).to_vec();
        assert_eq!(
            layout::checksum(0, &bytes),
            write.check,
            "nobody stored into it"
        );
        if errno == Errno(0) {
            let at = usize::try_from(write.segment_offset).unwrap();
            let segment = self.disk.get_mut(&write.segment).unwrap();
            segment[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        self.journal.handle_written(write.write, errno);
        self.check_watermark();
    }

    fn check_watermark(&mut self) {
        let committed = self.journal.committed();
        assert!(committed >= self.watermark, "it never goes back");
        assert!(committed <= self.journal.appended());
        self.watermark = committed;
    }

    /// Everything that is on the disk, in order, up to the first block that does not go on.
    fn on_disk(&self) -> Vec<(Lsn, Record)> {
        let mut found = Vec::new();
        let mut chain = self.journal.identity().chain();
        let blocks = self
            .disk
            .values()
            .flat_map(|segment| segment.chunks(BLOCK_BYTES));
        for (index, block) in blocks.enumerate() {
            let block: &[u8; BLOCK_BYTES] = block.try_into().unwrap();
            let Inspected::Sealed {
                opening,
                sealing,
                chain: after,
            } = inspect(block)
            else {
                break;
            };
            assert_eq!(opening.lsn, Lsn(index as u64 * BLOCK));
            assert_eq!(opening.chain, chain);
            assert!(sealing.watermark <= self.journal.durable());
            let mut walk = layout::Records::new(layout::payload(block), chain);
            while let Some(bytes) = walk.step() {
                let end = BLOCK_HEADER_BYTES + walk.bytes_walked();
                let (_, record) = codec::decode(bytes).unwrap();
                found.push((opening.lsn.plus(end as u64), record));
            }
            chain = after;
        }
        found
    }

    fn check_disk_holds_what_is_durable(&self) {
        let found = self.on_disk();
        let durable = self.journal.durable();
        let expected = self.appended.iter().filter(|(lsn, _)| *lsn <= durable);
        assert!(expected.eq(found.iter().filter(|(lsn, _)| *lsn <= durable)));
    }

    fn drain(&mut self) {
        for _ in 0..200 {
            self.make_segments();
            while !self.in_flight.is_empty() {
                self.complete(0, Errno(0));
            }
            self.turn(5_000);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append(u64),
    Turn(u64),
    Complete(usize),
    MakeSegments,
    RefuseSegment,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u64..40).prop_map(Step::Append),
        6 => (0_u64..400).prop_map(Step::Turn),
        4 => (0_usize..3).prop_map(Step::Complete),
        2 => Just(Step::MakeSegments),
        1 => Just(Step::RefuseSegment),
    ];
    proptest::collection::vec(step, 1..200)
}

fn run(mode: CommitMode, steps: &[Step]) -> World {
    let mut world = World::new(config(mode));
    let mut number = 0;
    for step in steps {
        match *step {
            Step::Append(count) => {
                for _ in 0..count {
                    number += 1;
                    let room = world.journal.room();
                    let done = world.append(&fixtures::full_payment(number));
                    assert!(room != Room::Ample || done.is_ok());
                }
            }
            Step::Turn(us) => world.turn(us),
            Step::Complete(index) if index < world.in_flight.len() => {
                world.complete(index, Errno(0));
            }
            Step::Complete(_) => {}
            Step::MakeSegments => world.make_segments(),
            Step::RefuseSegment => {
                for segment in std::mem::take(&mut world.asked) {
                    world.journal.handle_segment_ready(segment, Errno(28));
                }
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_what_is_durable_is_on_the_disk(steps in steps(), memory: bool) {
        let mode = if memory { CommitMode::Memory } else { CommitMode::Disk };
        let mut world = run(mode, &steps);
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
        let mut world = run(mode, &steps);
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

//! The machine in memory, for tests: segments, and writes that end when the test says so.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::journal::codec;
use crate::journal::commit::{Full, Journal, Room};
use crate::journal::config::{CommitMode, JournalConfig, Pace, StartPoint};
use crate::journal::fixtures;
use crate::journal::layout::{
    self, BLOCK, BLOCK_HEADER_BYTES, Inspected, JournalIdentity, inspect,
};
use crate::journal::tail::Ring;
use crate::model::ids::{Epoch, Lsn, ShardId};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::Record;
use crate::model::time::Now;
use crate::sys::operation::{Errno, Submission};

pub(super) const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: *b"0123456789abcdef",
    shard: ShardId(1),
    shards: 4,
};

/// Small enough to go round many times.
pub(super) fn config(mode: CommitMode) -> JournalConfig {
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

pub(super) const START: StartPoint = StartPoint {
    epoch: Epoch(1),
    boot_id: [9; 16],
    next: Lsn(0),
    durable: Lsn(0),
    chain: 0,
    segments_open: 0,
};

#[derive(Clone, Copy)]
pub(super) struct InFlight {
    pub(super) write: u64,
    pub(super) segment: u64,
    pub(super) segment_offset: u64,
    pub(super) tail_offset: u64,
    pub(super) bytes: u32,
    pub(super) check: u32,
}

/// The machine: segments in memory, writes that end when the test says so.
pub(super) struct World {
    pub(super) journal: Journal,
    pub(super) tail: Vec<u8>,
    pub(super) now: Now,
    pub(super) disk: BTreeMap<u64, Vec<u8>>,
    pub(super) in_flight: Vec<InFlight>,
    pub(super) asked: Vec<u64>,
    pub(super) sealed: Vec<u64>,
    pub(super) appended: Vec<(Lsn, Record)>,
    pub(super) watermark: Lsn,
    pub(super) segment_bytes: usize,
}

impl World {
    pub(super) fn new(config: JournalConfig) -> Self {
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
        world.journal.start_tail(&mut world.tail);
        world
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<Lsn, Full> {
        let lsn = self.journal.append(&mut self.tail, self.now.wall, record)?;
        assert!(self.appended.last().is_none_or(|(last, _)| *last < lsn));
        self.appended.push((lsn, *record));
        Ok(lsn)
    }

    pub(super) fn ring_bytes(&self, tail_offset: u64, bytes: u32) -> &[u8] {
        let at = usize::try_from(tail_offset).unwrap();
        &self.tail[at..at + bytes as usize]
    }

    pub(super) fn turn(&mut self, us: u64) {
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

    pub(super) fn make_segments(&mut self) {
        for segment in std::mem::take(&mut self.asked) {
            self.disk.insert(segment, vec![0; self.segment_bytes]);
            self.journal.handle_segment_ready(segment, Errno(0));
        }
    }

    pub(super) fn complete(&mut self, index: usize, errno: Errno) {
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

    pub(super) fn check_watermark(&mut self) {
        let committed = self.journal.committed();
        assert!(committed >= self.watermark, "it never goes back");
        assert!(committed <= self.journal.appended());
        self.watermark = committed;
    }

    /// Everything that is on the disk, in order, up to the first block that does not go on.
    pub(super) fn on_disk(&self) -> Vec<(Lsn, Record)> {
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

    pub(super) fn check_disk_holds_what_is_durable(&self) {
        let found = self.on_disk();
        let durable = self.journal.durable();
        let expected = self.appended.iter().filter(|(lsn, _)| *lsn <= durable);
        assert!(expected.eq(found.iter().filter(|(lsn, _)| *lsn <= durable)));
    }

    /// Lets time pass until there is nothing left to do.
    pub(super) fn drain(&mut self) {
        loop {
            self.make_segments();
            while !self.in_flight.is_empty() {
                self.complete(0, Errno(0));
            }
            self.turn(0);
            let idle = self.in_flight.is_empty() && self.asked.is_empty();
            match self.journal.next_deadline() {
                Some(deadline) => self.now.monotonic = self.now.monotonic.max(deadline),
                None if idle => return,
                None => {}
            }
        }
    }

    /// Walks through `steps`; payments are numbered from `first` on. Returns the next number.
    pub(super) fn run(&mut self, steps: &[Step], first: u64) -> u64 {
        let mut number = first;
        for step in steps {
            match *step {
                Step::Append(count) => {
                    for _ in 0..count {
                        number += 1;
                        let room = self.journal.room();
                        let done = self.append(&fixtures::full_payment(number));
                        assert!(room != Room::Ample || done.is_ok());
                    }
                }
                Step::Turn(us) => self.turn(us),
                Step::Complete(index) if index < self.in_flight.len() => {
                    self.complete(index, Errno(0));
                }
                Step::Complete(_) => {}
                Step::MakeSegments => self.make_segments(),
                Step::RefuseSegment => {
                    for segment in std::mem::take(&mut self.asked) {
                        self.journal.handle_segment_ready(segment, Errno(28));
                    }
                }
            }
        }
        number
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Append(u64),
    Turn(u64),
    Complete(usize),
    MakeSegments,
    RefuseSegment,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u64..40).prop_map(Step::Append),
        6 => (0_u64..400).prop_map(Step::Turn),
        4 => (0_usize..3).prop_map(Step::Complete),
        2 => Just(Step::MakeSegments),
        1 => Just(Step::RefuseSegment),
    ];
    proptest::collection::vec(step, 1..200)
}

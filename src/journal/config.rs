//! What a journal is told: what committed means, sizes, pace, and where to go on. Decides nothing.

use crate::journal::layout::JournalIdentity;
use crate::model::ids::{Epoch, Lsn};

/// When a record counts as committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitMode {
    /// When it is on the disk: survives power loss.
    Disk,
    /// When it is in the tail: survives kill -9. The disk follows, off the critical path.
    Memory,
}

/// How writes are spaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// `Disk`: from one write's start to the next one's. `Memory`: from a record to its write.
    pub spacing_us: u64,
    /// As many bytes of whole blocks are written at once, whatever the spacing.
    pub batch_bytes: u64,
    /// Largest single write.
    pub write_bytes_max: u64,
    /// More than one lets a slow write not hold the next.
    pub writes_in_flight_max: usize,
    /// After so long without a record, an empty block records the last watermark.
    pub idle_ms: u64,
}

impl Pace {
    /// Measured where a write of 4 KiB takes 150 us and costs the kernel 35-40 us: closer spacing
    /// costs a core, wider spacing costs latency.
    pub const DISK: Self = Self {
        spacing_us: 200,
        batch_bytes: 64 * 1024,
        write_bytes_max: 256 * 1024,
        writes_in_flight_max: 4,
        idle_ms: 50,
    };
    /// Nobody waits for these writes: few and large.
    pub const MEMORY: Self = Self {
        spacing_us: 5_000,
        batch_bytes: 128 * 1024,
        write_bytes_max: 256 * 1024,
        writes_in_flight_max: 4,
        idle_ms: 50,
    };
}

/// What a journal is told at its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalConfig {
    /// Whose journal.
    pub identity: JournalIdentity,
    /// What committed means.
    pub mode: CommitMode,
    /// Size of the tail's ring, without its header page.
    pub ring_bytes: u64,
    /// Size of every segment of this journal.
    pub segment_bytes: u64,
    /// The highest segment that may be made.
    pub segments_max: u64,
    /// Bytes of records for which room is kept: what in-flight payments may still need.
    pub reserve_bytes: u64,
    /// How writes are spaced.
    pub pace: Pace,
}

/// Where recovery lets the journal go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartPoint {
    /// This opening.
    pub epoch: Epoch,
    /// Which start of the machine this is.
    pub boot_id: [u8; 16],
    /// The first fresh block.
    pub next: Lsn,
    /// Up to here everything is on the disk. From here to `next` the ring holds whole, sealed
    /// blocks of the process before, which are written first.
    pub durable: Lsn,
    /// Check of the last record.
    pub chain: u32,
    /// The last of the segments that are open for writing already, the one of `durable` and those
    /// after it; one less than the one of `durable`: none is.
    pub segments_open: u64,
}

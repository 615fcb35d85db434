//! The journal of one shard while it is written: append, group commit, watermark, fence.
//!
//! Pure: the tail is lent call by call, writes leave as [`Submission`]s and come back as calls. It
//! never stores into a block that it has handed over, never reuses a ring block that is not on the
//! disk, never moves the watermark over a hole, and never forgets an error.
//!
//! ```text
//!   durable        submitted            block      position
//!      |--- writes ----|--- sealed blocks ---|-- open --|        LSN -->
//!      in flight         wait for a write      records
//! ```
//!
//! Blocks from `durable` on are in the ring; the ring is full where `position` would come round to
//! `durable`. A commit closes the open block; the next record opens another.

use core::sync::atomic::{Ordering, fence};

use crate::journal::codec::{self, RECORD_BYTES_LARGEST};
use crate::journal::config::{CommitMode, JournalConfig, StartPoint};
use crate::journal::layout::{
    self, BLOCK, BLOCK_HEADER_BYTES, BLOCK_PAYLOAD_BYTES, JournalIdentity, Opening, Sealing,
    TailHeader,
};
use crate::journal::segments::Segments;
use crate::journal::tail::Ring;
use crate::journal::writes::Writes;
use crate::model::ids::{Epoch, Lsn};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::Record;
use crate::model::time::{Monotonic, Now, Wall};
use crate::sys::operation::{Errno, Submission};

/// There is no room for the record, and it was not appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// What may be appended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Room {
    /// Nothing.
    None,
    /// What ends or undoes a payment that is already in the journal.
    OutcomesOnly,
    /// Everything.
    Ample,
}

/// Why the journal writes no more, ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence {
    /// The first byte that may not be on the disk.
    pub lsn: Lsn,
    /// In which segment.
    pub segment: u64,
    /// What the operating system said.
    pub errno: Errno,
    /// The commit watermark when it said so.
    pub committed: Lsn,
}

/// What was written, and what it took.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct JournalCounters {
    /// Records appended.
    pub records: u64,
    /// Their bytes, headers included.
    pub record_bytes: u64,
    /// Blocks closed.
    pub blocks: u64,
    /// Of these, without a record.
    pub blocks_empty: u64,
    /// Bytes in closed blocks that are neither header nor record.
    pub padding_bytes: u64,
    /// Writes submitted.
    pub writes: u64,
    /// Their bytes. Divided by `record_bytes`: the write amplification.
    pub write_bytes: u64,
    /// Records refused for want of room.
    pub refused: u64,
}

/// The journal of one shard.
#[derive(Debug)]
pub struct Journal {
    config: JournalConfig,
    hash: u64,
    ring: Ring,
    reserve_blocks: u64,
    epoch: Epoch,
    boot_id: [u8; 16],
    /// Start of the block that is open, or of the next one to be.
    block: Lsn,
    /// Bytes of the open block in use, its header included; zero: none is open.
    used: usize,
    /// Of these, the bytes up to which records have their checks, and the last of them.
    checked: usize,
    chain: u32,
    submitted: Lsn,
    writes: Writes,
    segments: Segments,
    fence: Option<Fence>,
    last_write: Monotonic,
    pending_since: Option<Monotonic>,
    /// The watermark in the last sealed block, and the end of the last block with a record.
    recorded: Lsn,
    records_end: Lsn,
    closing: bool,
    closing_block_end: Option<Lsn>,
    header_count: u64,
    /// The watermarks in the tail's header.
    published: (Lsn, Lsn),
    counters: JournalCounters,
}

impl Journal {
    /// A journal that goes on at `start`. [`Journal::start_tail`] comes next, then the record
    /// `Opened`; nothing is served before that one is committed.
    pub fn new(config: JournalConfig, start: StartPoint) -> Self {
        let pace = config.pace;
        assert!(pace.writes_in_flight_max > 0);
        assert!(pace.write_bytes_max >= BLOCK && u32::try_from(pace.write_bytes_max).is_ok());
        assert!(start.durable <= start.next);
        assert!(start.next.0.is_multiple_of(BLOCK) && start.durable.0.is_multiple_of(BLOCK));
        let ring = Ring::new(config.ring_bytes);
        assert!(start.next.0 - start.durable.0 <= ring.bytes());
        let dense = u64::try_from(BLOCK_PAYLOAD_BYTES - RECORD_BYTES_LARGEST).expect("small");
        let reserve_blocks = config.reserve_bytes.div_ceil(dense) + RESERVE_SLACK_BLOCKS;
        assert!(
            ring.bytes() / BLOCK > reserve_blocks,
            "the ring is larger than what is kept free in it"
        );
        Self {
            hash: config.identity.journal(),
            ring,
            reserve_blocks,
            epoch: start.epoch,
            boot_id: start.boot_id,
            block: start.next,
            used: 0,
            checked: 0,
            chain: start.chain,
            submitted: start.durable,
            writes: Writes::new(pace.writes_in_flight_max, start.durable),
            segments: Segments::new(
                config.segment_bytes,
                config.segments_max,
                start.durable,
                start.segments_open,
            ),
            fence: None,
            last_write: Monotonic(0),
            pending_since: None,
            recorded: start.durable,
            records_end: start.durable,
            closing: false,
            closing_block_end: None,
            header_count: 0,
            published: (Lsn(0), Lsn(0)),
            counters: JournalCounters::default(),
            config,
        }
    }

    /// Makes the tail this opening's own, in both copies of its header.
    pub fn start_tail(&mut self, tail: &mut [u8]) {
        assert!(tail.len() >= self.ring.tail_bytes());
        self.header_count = layout::read_tail_header(tail).map_or(0, |(count, _)| count);
        self.write_header(tail);
        self.write_header(tail);
    }

    /// Writes `record` to the tail and returns the LSN after it: nothing that it binds us to may
    /// leave before [`Journal::committed`] has reached that. Never waits.
    #[inline]
    pub fn append(&mut self, tail: &mut [u8], wall: Wall, record: &Record) -> Result<Lsn, Full> {
        let bytes = codec::record_bytes(record);
        if self.used == 0 || self.used + bytes > BLOCK_BYTES {
            self.next_block(tail)?;
        }
        let block = self.ring.block_mut(tail, self.block);
        codec::encode(&mut block[self.used..], wall, record);
        self.used += bytes;
        self.counters.records += 1;
        self.counters.record_bytes += bytes as u64;
        Ok(self.appended())
    }

    /// Chains what was appended since the last time: only from now on a killed process leaves it to
    /// the next, and in memory mode it is committed. Once before messages are released is enough.
    pub fn check_records(&mut self, tail: &mut [u8]) {
        if self.checked < self.used {
            let block = self.ring.block_mut(tail, self.block);
            self.chain = layout::check_records(&mut block[self.checked..self.used], self.chain);
            self.checked = self.used;
        }
    }

    /// What may be appended now. Asked once per new payment; outcomes are appended without asking,
    /// because the reserve is theirs.
    pub fn room(&self) -> Room {
        let free = self.free_blocks();
        if free > self.reserve_blocks {
            Room::Ample
        } else if free > 0 {
            Room::OutcomesOnly
        } else {
            Room::None
        }
    }

    /// Ends a turn: what is due becomes writes, and the tail's header says how far we are.
    pub fn end_turn(&mut self, tail: &mut [u8], now: Now, submissions: &mut Vec<Submission>) {
        let now = now.monotonic;
        self.check_records(tail);
        if self.fence.is_none() {
            self.segments
                .plan(self.appended(), self.durable(), now, submissions);
            if self.appended() > self.submitted && self.pending_since.is_none() {
                self.pending_since = Some(now);
            }
            self.write_batches(tail, now, submissions);
            self.write_last_watermark(tail, now, submissions);
        }
        if self.published != (self.committed(), self.durable()) {
            self.write_header(tail);
        }
    }

    /// A write is over. Completions come in any order; the first error fences the journal for ever.
    pub fn handle_written(&mut self, write: u64, errno: Errno) {
        let committed = self.committed();
        let start = self.writes.handle_written(write, errno == Errno(0));
        if errno != Errno(0) && self.fence.is_none() {
            self.fence = Some(Fence {
                lsn: start,
                segment: self.segments.of(start),
                errno,
                committed,
            });
        }
        assert!(self.durable() <= self.submitted);
    }

    /// A segment was made, or could not be.
    pub fn handle_segment_ready(&mut self, segment: u64, errno: Errno) {
        self.segments.handle_ready(segment, errno);
    }

    /// The highest segment that may be made is this one from now on: older ones were given up.
    pub fn allow_segments(&mut self, last: u64) {
        self.segments.allow(last);
    }

    /// The segment in which the next record has its place, or the one before it, and where that
    /// segment ends.
    pub fn segment(&self) -> (u64, Lsn) {
        let appended = self.appended();
        (self.segments.of(appended), self.segments.end_of(appended))
    }

    /// Whether there is a segment that takes what comes next.
    pub fn has_segment(&self) -> bool {
        self.submitted < self.segments.ready_end()
    }

    /// Asks that all be written and an empty block say so. Nothing can be appended any more; ended
    /// turns lead to [`Journal::is_closed`].
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Whether all is on the disk, and the block that says so.
    pub fn is_closed(&self) -> bool {
        self.closing_block_end
            .is_some_and(|end| end <= self.durable())
    }

    /// The LSN after the last record (or after the last closed block).
    pub const fn appended(&self) -> Lsn {
        self.block.plus(self.used as u64)
    }

    /// Up to where the records have their checks: so much a killed process leaves to the next.
    pub const fn kept(&self) -> Lsn {
        self.block.plus(self.checked as u64)
    }

    /// The commit watermark: what lies before it is committed. After a fence it stands still.
    pub const fn committed(&self) -> Lsn {
        match (self.config.mode, self.fence) {
            (CommitMode::Memory, None) => self.kept(),
            (CommitMode::Memory, Some(fence)) => fence.committed,
            (CommitMode::Disk, _) => self.durable(),
        }
    }

    /// Up to where the stream is on the disk: the end of the contiguous prefix of good writes.
    pub const fn durable(&self) -> Lsn {
        self.writes.durable()
    }

    /// Why nothing is written any more. The shard stops approving and hands over.
    pub const fn fence(&self) -> Option<Fence> {
        self.fence
    }

    /// The error for which the next segment could not be made, while that lasts.
    pub const fn segment_failing(&self) -> Option<Errno> {
        self.segments.failing()
    }

    /// What was written, and what it took.
    pub const fn counters(&self) -> &JournalCounters {
        &self.counters
    }

    /// This opening's number.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whose journal it is.
    pub const fn identity(&self) -> &JournalIdentity {
        &self.config.identity
    }

    /// When [`Journal::end_turn`] wants to run again though nothing happens.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        if self.fence.is_some() {
            return None;
        }
        let write = (self.appended() > self.submitted && self.can_write())
            .then(|| self.write_due_at())
            .flatten();
        let idle = self.owes_watermark().then(|| self.idle_due_at());
        [write, idle, self.segments.retry_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Publishes in the tail's header how far the journal is, for recovery and for live readers.
    pub fn write_header(&mut self, tail: &mut [u8]) {
        self.check_records(tail);
        let header = TailHeader {
            uuid: self.config.identity.uuid,
            shard: self.config.identity.shard,
            boot_id: self.boot_id,
            epoch: self.epoch,
            memory: self.config.mode == CommitMode::Memory,
            ring_bytes: self.ring.bytes(),
            committed: self.committed(),
            durable: self.durable(),
        };
        // The records come before the number that counts them, for whoever looks from outside.
        fence(Ordering::Release);
        self.header_count += 1;
        self.published = (header.committed, header.durable);
        layout::write_tail_header(tail, self.header_count, &header);
    }

    /// Closes the block that is full and opens the next.
    #[cold]
    fn next_block(&mut self, tail: &mut [u8]) -> Result<(), Full> {
        let at = if self.used == 0 {
            self.block
        } else {
            self.block.plus(BLOCK)
        };
        if self.closing || self.fence.is_some() || self.free_blocks_from(at) == 0 {
            self.counters.refused += 1;
            return Err(Full);
        }
        self.seal(tail, false);
        assert!(self.block == at);
        self.open(tail);
        Ok(())
    }

    fn open(&mut self, tail: &mut [u8]) {
        assert!(self.used == 0);
        assert!(self.block.0 - self.durable().0 < self.ring.bytes());
        let opening = Opening {
            journal: self.hash,
            shard: self.config.identity.shard,
            epoch: self.epoch,
            chain: self.chain,
            segment: self.segments.of(self.block),
            lsn: self.block,
        };
        layout::open_block(self.ring.block_mut(tail, self.block), &opening);
        self.used = BLOCK_HEADER_BYTES;
        self.checked = self.used;
    }

    /// Closes the open block, if one is: from here on nobody stores into it.
    fn seal(&mut self, tail: &mut [u8], closing: bool) {
        if self.used == 0 {
            return;
        }
        self.check_records(tail);
        let records = self.used - BLOCK_HEADER_BYTES;
        let sealing = Sealing {
            used: u16::try_from(records).expect("smaller than a block"),
            closing,
            memory: self.config.mode == CommitMode::Memory,
            watermark: self.durable(),
        };
        let block = self.ring.block_mut(tail, self.block);
        layout::seal_block(block, &sealing, self.chain);
        self.counters.blocks += 1;
        self.counters.blocks_empty += u64::from(records == 0);
        self.counters.padding_bytes += (BLOCK_BYTES - self.used) as u64;
        self.block = self.block.plus(BLOCK);
        self.used = 0;
        self.checked = 0;
        self.recorded = sealing.watermark;
        if records > 0 {
            self.records_end = self.block;
        }
    }

    /// Blocks that can still be opened, the open one not counted.
    fn free_blocks(&self) -> u64 {
        let next = if self.used == 0 {
            self.block
        } else {
            self.block.plus(BLOCK)
        };
        if self.fence.is_some() || self.closing {
            return 0;
        }
        self.free_blocks_from(next)
    }

    fn free_blocks_from(&self, next: Lsn) -> u64 {
        let ring_end = self.durable().plus(self.ring.bytes());
        let end = ring_end.min(self.segments.promised_end());
        end.0.saturating_sub(next.0) / BLOCK
    }

    fn can_write(&self) -> bool {
        self.writes.has_room() && self.submitted < self.segments.ready_end()
    }

    fn write_due_at(&self) -> Option<Monotonic> {
        let spacing_ns = self.config.pace.spacing_us * 1_000;
        let from = match self.config.mode {
            CommitMode::Disk => Some(self.last_write),
            CommitMode::Memory => self.pending_since,
        };
        from.map(|from| Monotonic(from.0.saturating_add(spacing_ns)))
    }

    /// Submits what is due: by time everything, the open block included; by size whole blocks only.
    fn write_batches(
        &mut self,
        tail: &mut [u8],
        now: Monotonic,
        submissions: &mut Vec<Submission>,
    ) {
        if self.appended() == self.submitted || !self.can_write() {
            return;
        }
        let due = self.closing || self.write_due_at().is_none_or(|due| due <= now);
        if due {
            self.seal(tail, false);
        } else if self.block.0 - self.submitted.0 < self.config.pace.batch_bytes {
            return;
        }
        while self.submitted < self.block && self.can_write() {
            self.submit(submissions);
            self.last_write = now;
        }
        self.pending_since = (self.appended() > self.submitted).then_some(now);
    }

    /// One write: it ends with the sealed blocks, the ring, the segment or the largest write.
    fn submit(&mut self, submissions: &mut Vec<Submission>) {
        let end = self
            .block
            .min(self.ring.lap_end(self.submitted))
            .min(self.segments.end_of(self.submitted))
            .min(self.submitted.plus(self.config.pace.write_bytes_max));
        let bytes = end.0 - self.submitted.0;
        assert!(bytes > 0 && bytes.is_multiple_of(BLOCK));
        submissions.push(Submission::Write {
            write: self.writes.push(self.submitted, end),
            segment: self.segments.of(self.submitted),
            segment_offset: self.segments.offset(self.submitted),
            tail_offset: self.ring.offset(self.submitted),
            bytes: u32::try_from(bytes).expect("write_bytes_max fits"),
        });
        self.counters.writes += 1;
        self.counters.write_bytes += bytes;
        self.submitted = end;
    }

    /// Whether the disk holds records of which it does not say yet that it holds them.
    fn owes_watermark(&self) -> bool {
        let all_written = self.durable() == self.appended();
        let untold = self.recorded < self.records_end;
        let unclosed = self.closing && self.closing_block_end.is_none();
        let room = self.submitted < self.segments.ready_end();
        all_written && room && (untold || unclosed) && self.closing_block_end.is_none()
    }

    fn idle_due_at(&self) -> Monotonic {
        if self.closing {
            Monotonic(0)
        } else {
            self.last_write.plus_ms(self.config.pace.idle_ms)
        }
    }

    /// When idle, one empty block records the last watermark, so that rot in the last commit can be
    /// told from a torn one.
    fn write_last_watermark(
        &mut self,
        tail: &mut [u8],
        now: Monotonic,
        submissions: &mut Vec<Submission>,
    ) {
        if !self.owes_watermark() || now < self.idle_due_at() {
            return;
        }
        assert!(self.used == 0, "all is written, so no block is open");
        assert!(self.durable() == self.block);
        self.open(tail);
        self.seal(tail, self.closing);
        if self.closing {
            self.closing_block_end = Some(self.block);
        }
        self.submit(submissions);
        self.last_write = now;
    }
}

/// Blocks kept free beside the dense reserve: one that each write in flight cuts short, and some.
const RESERVE_SLACK_BLOCKS: u64 = 8;

#[cfg(test)]
#[path = "tests/commit.rs"]
mod tests;

//! Reads a journal back: blocks of segments in order, then the tail. Decides nothing by itself; the
//! tables of [`super::cases`] do.
//!
//! Pure: whoever reads the files hands in blocks, and gets every record in order through a visitor.
//! Nothing is changed but the tail's unsealed blocks, and those only where they are taken over.
//!
//! 1. Blocks that continue the journal are visited: right journal, shard, segment and LSN, an epoch
//!    no older than the last one, and the chain of checksums. Of a segment with a digest that fits
//!    only the first and the last block are looked at; the digest stands for the records.
//! 2. After the first that does not, the rest is read for evidence alone: the highest watermark,
//!    the highest epoch, strange files.
//! 3. The stop is judged; then the tail goes on where the segments ended. Its blocks stay where
//!    they are in the stream and the ring; the new epoch writes them first, and opens after them.

use core::fmt;

use crate::journal::Entry;
use crate::journal::base::Base;
use crate::journal::cases::{
    Beyond, DigestFit, DigestFound, DigestUse, Ending, Fault, Found, Place, TailFound, TailUse,
    Verdict, judge_digest, judge_stop, judge_tail,
};
use crate::journal::codec;
use crate::journal::config::StartPoint;
use crate::journal::digest::DigestHeader;
use crate::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, Inspected, JournalIdentity, Opening, Records, Sealing, TailHeader,
    inspect, payload, read_opening, read_tail_header, seal_block,
};
use crate::journal::segments::{segment_of, segment_start};
use crate::journal::tail::Ring;
use crate::model::ids::{Epoch, Lsn};
use crate::model::limits::BLOCK_BYTES;

/// A journal that is not opened: what is wrong, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damage {
    /// What.
    pub fault: Fault,
    /// In which segment.
    pub segment: u64,
    /// Where in its file.
    pub offset: u64,
    /// Where in the stream.
    pub lsn: Lsn,
    /// Up to where the stream was committed to the disk.
    pub watermark: Lsn,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} (segment {}, offset {}, LSN {}, committed up to {}): {}",
            self.fault.text(),
            self.segment,
            self.offset,
            self.lsn.0,
            self.watermark.0,
            self.fault.remedy()
        )
    }
}

impl core::error::Error for Damage {}

/// Where the segments' journal ends, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// The first block that is not part of it.
    pub lsn: Lsn,
    /// What stands there.
    pub found: Found,
}

/// What was found, for people.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RecoveryReport {
    /// Blocks that are part of the journal, in segments.
    pub blocks: u64,
    /// Blocks that were taken over from the tail.
    pub tail_blocks: u64,
    /// Records in both.
    pub records: u64,
    /// Of these, from digests; their blocks were not read.
    pub digest_records: u64,
    /// Segments whose digest was used.
    pub digests: u64,
    /// Of these, from the tail alone.
    pub tail_records: u64,
    /// Bytes of records.
    pub record_bytes: u64,
    /// Highest watermark found.
    pub watermark: Lsn,
    /// Whole blocks of this journal beyond its end: written, never committed, void.
    pub void_blocks: u64,
    /// Where the segments' part ends, and what stands there.
    pub stop: Option<Stop>,
    /// What became of the tail.
    pub tail: Option<TailFound>,
    /// Committed records may be lost.
    pub loss_window: bool,
}

/// Where the journal goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// The first fresh block.
    pub next: Lsn,
    /// Where the segments' part ends; from here to `next` the ring holds the journal.
    pub durable: Lsn,
    /// Check of the last record.
    pub chain: u32,
    /// The highest epoch that was seen anywhere.
    pub epoch: Epoch,
    /// What was found.
    pub report: RecoveryReport,
}

impl Recovered {
    /// How the next opening starts. `open_last` is the last segment that is open for writing, if
    /// any is.
    pub fn start_point(
        &self,
        boot_id: [u8; 16],
        segment_bytes: u64,
        open_last: Option<u64>,
    ) -> StartPoint {
        StartPoint {
            epoch: Epoch(self.epoch.0 + 1),
            boot_id,
            next: self.next,
            durable: self.durable,
            chain: self.chain,
            segments_open: open_last.unwrap_or(segment_of(self.durable, segment_bytes) - 1),
        }
    }
}

/// The tail as it was found: its bytes, and whether the machine was restarted since.
#[derive(Debug)]
pub struct TailLeft<'a> {
    /// The whole file.
    pub bytes: &'a mut [u8],
    /// Of this start of the machine.
    pub boot_id: [u8; 16],
}

/// A journal being read.
#[derive(Debug)]
pub struct Recovery {
    identity: JournalIdentity,
    journal: u64,
    segment_bytes: u64,
    next: Lsn,
    chain: u32,
    epoch: Epoch,
    epoch_seen: Epoch,
    ending: Ending,
    beyond: Option<(Beyond, Lsn)>,
    report: RecoveryReport,
}

impl Recovery {
    /// A journal from its first block on.
    pub fn new(identity: JournalIdentity, segment_bytes: u64) -> Self {
        assert!(segment_bytes > 0 && segment_bytes.is_multiple_of(BLOCK));
        Self {
            journal: identity.journal(),
            chain: identity.chain(),
            identity,
            segment_bytes,
            next: Lsn(0),
            epoch: Epoch(0),
            epoch_seen: Epoch(0),
            ending: Ending::New,
            beyond: None,
            report: RecoveryReport::default(),
        }
    }

    /// A journal whose oldest segments are in the archive: from its base on.
    pub fn from_base(identity: JournalIdentity, segment_bytes: u64, base: &Base) -> Self {
        let mut recovery = Self::new(identity, segment_bytes);
        recovery.next = segment_start(base.first, segment_bytes);
        recovery.chain = base.chain;
        recovery.epoch = base.epoch;
        recovery.see(base.watermark, base.epoch);
        recovery
    }

    /// The block that stands on the disk at `lsn`. Blocks come in order; after a stop some may be
    /// left out.
    pub fn handle_block(
        &mut self,
        lsn: Lsn,
        block: &[u8; BLOCK_BYTES],
        visit: &mut impl FnMut(Entry),
    ) {
        assert!(lsn.0.is_multiple_of(BLOCK));
        let inspected = inspect(block);
        self.take_evidence(lsn, &inspected);
        if self.report.stop.is_some() {
            return;
        }
        assert!(lsn == self.next, "blocks come in order, without gaps");
        let found = match inspected {
            Inspected::Sealed {
                opening,
                sealing,
                chain,
            } => match self.misfit(lsn, &opening) {
                None => match self.visit_records(lsn, block, Some(&sealing), visit) {
                    Some(_) => {
                        self.accept(&opening, &sealing, chain);
                        self.report.blocks += 1;
                        return;
                    }
                    None => Found::Unreadable,
                },
                Some(found) => found,
            },
            Inspected::Blank => Found::Blank,
            Inspected::Newer { .. } => Found::Newer,
            Inspected::Damaged => Found::Damaged,
        };
        self.report.stop = Some(Stop { lsn, found });
    }

    /// At `lsn` no block can be read: the file is missing or ends before.
    pub fn handle_absent(&mut self, lsn: Lsn) {
        if self.report.stop.is_none() {
            assert!(lsn == self.next, "blocks come in order, without gaps");
            let found = Found::Absent;
            self.report.stop = Some(Stop { lsn, found });
        }
    }

    /// Where the journal goes on, as far as it was read.
    pub fn next(&self) -> Lsn {
        self.next
    }

    /// Whether the segment that comes next is taken from its digest. If so, that is done: the
    /// caller applies the digest, and goes on with the segment after it. `ends` are the first and
    /// the last block of the segment's file; none where it has not its full size.
    pub fn handle_digest(
        &mut self,
        found: Result<&DigestHeader, DigestFound>,
        ends: Option<(&[u8; BLOCK_BYTES], &[u8; BLOCK_BYTES])>,
    ) -> DigestUse {
        let (found, header) = match found {
            Ok(header) => (DigestFound::Whole, header),
            Err(found) => return judge_digest(found, DigestFit::OtherPlace),
        };
        let (fit, last) = self.fit(header, ends);
        let verdict = judge_digest(found, fit);
        if let (DigestUse::Use, Some((opening, sealing, chain))) = (verdict, last) {
            self.see(header.watermark.max(sealing.watermark), opening.epoch);
            self.accept(&opening, &sealing, chain);
            self.next = segment_start(header.segment + 1, self.segment_bytes);
            self.report.blocks += header.segment_bytes / BLOCK;
            self.report.records += header.records;
            self.report.record_bytes += header.record_bytes;
            self.report.digest_records += header.records;
            self.report.digests += 1;
        }
        verdict
    }

    /// How a digest fits, and the segment's last block where it does.
    fn fit(
        &self,
        header: &DigestHeader,
        ends: Option<(&[u8; BLOCK_BYTES], &[u8; BLOCK_BYTES])>,
    ) -> (DigestFit, Option<(Opening, Sealing, u32)>) {
        if self.report.stop.is_some() {
            return (DigestFit::AfterStop, None);
        }
        let ours = header.uuid == self.identity.uuid
            && header.shard == self.identity.shard
            && header.segment_bytes == self.segment_bytes
            && segment_of(self.next, self.segment_bytes) == header.segment
            && self.next.0.is_multiple_of(self.segment_bytes);
        if !ours || header.chain_before != self.chain || header.epoch_first < self.epoch {
            return (DigestFit::OtherPlace, None);
        }
        let whole = |block: &[u8; BLOCK_BYTES]| match inspect(block) {
            Inspected::Sealed {
                opening,
                sealing,
                chain,
            } => Some((opening, sealing, chain)),
            Inspected::Blank | Inspected::Newer { .. } | Inspected::Damaged => None,
        };
        let ends = ends.and_then(|(first, last)| whole(first).zip(whole(last)));
        let Some(((first, ..), (last, sealing, chain))) = ends else {
            return (DigestFit::OtherSegment, None);
        };
        let end = segment_start(header.segment + 1, self.segment_bytes);
        let same = self.misfit(self.next, &first).is_none()
            && first.epoch == header.epoch_first
            && self.is_ours(&last)
            && last.segment == header.segment
            && last.lsn.plus(BLOCK) == end
            && last.epoch == header.epoch_last
            && chain == header.chain_after;
        if same {
            (DigestFit::Fits, Some((last, sealing, chain)))
        } else {
            (DigestFit::OtherSegment, None)
        }
    }

    /// All segments are read: judges where they ended, and goes on with the tail.
    pub fn finish(
        mut self,
        tail: Option<TailLeft<'_>>,
        visit: &mut impl FnMut(Entry),
    ) -> Result<Recovered, Damage> {
        let (found, header) = self.find_tail(tail.as_ref());
        self.report.tail = Some(found);
        if let Some(header) = header {
            self.see(header.durable, header.epoch);
        }
        self.judge()?;
        let durable = self.next;
        let verdict = judge_tail(found, self.ending);
        let extend = |this: &mut Self, visit: &mut _| match (tail, header) {
            (Some(tail), Some(header)) => this.extend(tail.bytes, &header, visit),
            (None, _) | (_, None) => unreachable!("only a tail with a header is taken over"),
        };
        match verdict {
            TailUse::Ignore => {}
            TailUse::LossWindow => self.report.loss_window = true,
            TailUse::Refuse(fault) => return Err(self.damage(fault, self.next)),
            TailUse::Extend => {
                let reach = extend(&mut self, visit)?;
                if header.is_some_and(|header| reach < header.committed) {
                    return Err(self.damage(Fault::TailDamaged, self.next));
                }
            }
            TailUse::ExtendAsFarAsItGoes { loss_window } => {
                extend(&mut self, visit)?;
                self.report.loss_window = loss_window;
            }
        }
        Ok(Recovered {
            next: self.next,
            durable,
            chain: self.chain,
            epoch: self.epoch_seen,
            report: self.report,
        })
    }

    fn judge(&self) -> Result<(), Damage> {
        let watermark = self.report.watermark;
        let (found, lsn) = self
            .report
            .stop
            .map_or((Found::Absent, self.next), |stop| (stop.found, stop.lsn));
        let place = if lsn < watermark {
            Place::BelowWatermark
        } else {
            Place::AboveWatermark
        };
        let (beyond, beyond_lsn) = self.beyond.unwrap_or((Beyond::Nothing, lsn));
        match judge_stop(found, place, beyond) {
            Verdict::Cut => Ok(()),
            Verdict::Refuse(fault) => {
                let ordinary = judge_stop(found, place, Beyond::Nothing) == Verdict::Cut;
                Err(self.damage(fault, if ordinary { beyond_lsn } else { lsn }))
            }
        }
    }

    fn damage(&self, fault: Fault, lsn: Lsn) -> Damage {
        Damage {
            fault,
            segment: segment_of(lsn, self.segment_bytes),
            offset: lsn.0 % self.segment_bytes,
            lsn,
            watermark: self.report.watermark,
        }
    }

    /// Notes what a block says about the journal as a whole, wherever it stands.
    fn take_evidence(&mut self, lsn: Lsn, inspected: &Inspected) {
        let stopped = self.report.stop.is_some();
        match inspected {
            Inspected::Sealed {
                opening, sealing, ..
            } if self.is_ours(opening) => {
                self.see(sealing.watermark, opening.epoch);
                self.report.void_blocks += u64::from(stopped && opening.lsn == lsn);
            }
            Inspected::Sealed { .. } if stopped => {
                self.beyond.get_or_insert((Beyond::Foreign, lsn));
            }
            Inspected::Newer { .. } if stopped => {
                self.beyond.get_or_insert((Beyond::Newer, lsn));
            }
            Inspected::Sealed { .. }
            | Inspected::Newer { .. }
            | Inspected::Blank
            | Inspected::Damaged => {}
        }
    }

    fn see(&mut self, watermark: Lsn, epoch: Epoch) {
        self.report.watermark = self.report.watermark.max(watermark);
        self.epoch_seen = self.epoch_seen.max(epoch);
    }

    fn is_ours(&self, opening: &Opening) -> bool {
        opening.journal == self.journal && opening.shard == self.identity.shard
    }

    /// Why a whole block at `lsn` does not continue the journal.
    fn misfit(&self, lsn: Lsn, opening: &Opening) -> Option<Found> {
        let continues = opening.lsn == lsn
            && opening.segment == segment_of(lsn, self.segment_bytes)
            && opening.epoch >= self.epoch
            && opening.chain == self.chain;
        match (self.is_ours(opening), continues) {
            (false, _) => Some(Found::Foreign),
            (true, false) => Some(Found::Stale),
            (true, true) => None,
        }
    }

    /// Visits a block's records: those that its seal counts, or, where it has none, as far as their
    /// chain holds. `None` where one cannot be decoded.
    fn visit_records(
        &mut self,
        lsn: Lsn,
        block: &[u8; BLOCK_BYTES],
        sealing: Option<&Sealing>,
        visit: &mut impl FnMut(Entry),
    ) -> Option<Walked> {
        let records = payload(block);
        let mut walk = match sealing {
            Some(sealing) => {
                let records = records.get(..usize::from(sealing.used))?;
                Records::inspected(records, self.chain)
            }
            None => Records::new(records, self.chain),
        };
        let mut count = 0;
        while let Some(bytes) = walk.step() {
            let (wall, record) = codec::decode(bytes).ok()?;
            let end = BLOCK_HEADER_BYTES + walk.bytes_walked();
            visit(Entry {
                lsn: lsn.plus(end as u64),
                wall,
                record,
            });
            count += 1;
        }
        self.report.records += count;
        self.report.record_bytes += walk.bytes_walked() as u64;
        Some(Walked {
            records: count,
            used: u16::try_from(walk.bytes_walked()).expect("smaller than a block"),
            chain: walk.chain(),
        })
    }

    fn accept(&mut self, opening: &Opening, sealing: &Sealing, chain: u32) {
        self.chain = chain;
        self.epoch = opening.epoch;
        self.next = self.next.plus(BLOCK);
        self.ending = match (sealing.closing, sealing.memory) {
            (true, _) => Ending::Closed,
            (false, true) => Ending::Memory,
            (false, false) => Ending::Disk,
        };
    }

    fn find_tail(&self, tail: Option<&TailLeft<'_>>) -> (TailFound, Option<TailHeader>) {
        let Some(tail) = tail else {
            return (TailFound::Absent, None);
        };
        let Some((_, header)) = read_tail_header(tail.bytes) else {
            return (TailFound::Damaged, None);
        };
        let ring = header.ring_bytes > 0 && header.ring_bytes.is_multiple_of(BLOCK);
        if !ring || Ring::new(header.ring_bytes).tail_bytes() > tail.bytes.len() {
            return (TailFound::Damaged, None);
        }
        let found = if header.uuid != self.identity.uuid || header.shard != self.identity.shard {
            return (TailFound::Foreign, None);
        } else if header.epoch < self.epoch_seen {
            TailFound::Stale
        } else if header.boot_id != tail.boot_id {
            TailFound::OtherBoot
        } else {
            TailFound::Surviving
        };
        (found, Some(header))
    }

    /// Takes over the tail's blocks that continue the journal; the last was never sealed. Returns
    /// where the last of them really ends.
    fn extend(
        &mut self,
        tail: &mut [u8],
        header: &TailHeader,
        visit: &mut impl FnMut(Entry),
    ) -> Result<Lsn, Damage> {
        let ring = Ring::new(header.ring_bytes);
        let end = self.next.plus(ring.bytes());
        let mut reach = self.next;
        while self.next < end {
            let lsn = self.next;
            let block = ring.block_mut(tail, lsn);
            let Ok(opening) = read_opening(block) else {
                break;
            };
            if self.misfit(lsn, &opening).is_some() {
                break;
            }
            let whole = match inspect(block) {
                Inspected::Sealed { sealing, .. } => Some(sealing),
                Inspected::Blank | Inspected::Newer { .. } | Inspected::Damaged => None,
            };
            let Some(walked) = self.visit_records(lsn, block, whole.as_ref(), visit) else {
                return Err(self.damage(Fault::UnreadableRecord, lsn));
            };
            if whole.is_none() && walked.records == 0 {
                break;
            }
            let sealing = whole.unwrap_or(Sealing {
                used: walked.used,
                closing: false,
                memory: header.memory,
                watermark: header.durable,
            });
            if whole.is_none() {
                seal_block(block, &sealing, walked.chain);
            }
            self.accept(&opening, &sealing, walked.chain);
            self.report.tail_blocks += 1;
            self.report.tail_records += walked.records;
            reach = if whole.is_some() {
                self.next
            } else {
                lsn.plus(BLOCK_HEADER_BYTES as u64 + u64::from(walked.used))
            };
        }
        Ok(reach)
    }
}

/// What a walk over a block's records found.
struct Walked {
    records: u64,
    used: u16,
    chain: u32,
}

/// Where a segment's blocks lie in the stream: for whoever reads files.
pub fn block_lsn(segment: u64, offset: u64, segment_bytes: u64) -> Lsn {
    assert!(offset < segment_bytes);
    segment_start(segment, segment_bytes).plus(offset)
}

#[cfg(test)]
#[path = "tests/recovery.rs"]
mod tests;

//! The fake disk: segments in memory, writes in flight, and how both look after a crash.
//!
//! It knows what has really landed, whatever anybody was told about it.

use std::collections::BTreeMap;

use crate::journal::Entry;
use crate::journal::layout::{BLOCK, Inspected, JournalIdentity, inspect};
use crate::journal::recovery::{Damage, Recovered, Recovery, TailLeft};
use crate::journal::segments::segment_start;
use crate::model::ids::Lsn;
use crate::model::limits::BLOCK_BYTES;
use crate::sim::draw::Draw;

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) write: u64,
    segment: u64,
    offset: u64,
    bytes: Vec<u8>,
}

/// One shard's segments.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) segments: BTreeMap<u64, Vec<u8>>,
    /// Of sealed segments, as files.
    pub(super) digests: BTreeMap<u64, Vec<u8>>,
    pub(super) segment_bytes: u64,
    in_flight: Vec<Pending>,
    /// Landed beyond the contiguous prefix: start and end.
    islands: BTreeMap<u64, u64>,
    /// Up to where the stream has really landed.
    landed: Lsn,
}

impl Disk {
    pub(super) fn new(segment_bytes: u64) -> Self {
        Self {
            segments: BTreeMap::new(),
            digests: BTreeMap::new(),
            segment_bytes,
            in_flight: Vec::new(),
            islands: BTreeMap::new(),
            landed: Lsn(0),
        }
    }

    /// Up to where the stream has really landed.
    pub(super) fn landed(&self) -> Lsn {
        self.landed
    }

    /// The last segment there is.
    pub(super) fn last_segment(&self) -> Option<u64> {
        self.segments.keys().last().copied()
    }

    pub(super) fn make_segment(&mut self, segment: u64) {
        let bytes = usize::try_from(self.segment_bytes).expect("small");
        self.segments
            .entry(segment)
            .or_insert_with(|| vec![0; bytes]);
    }

    pub(super) fn begin(&mut self, write: u64, segment: u64, offset: u64, bytes: &[u8]) {
        assert!(
            self.segments.contains_key(&segment),
            "writes go to segments that were made"
        );
        self.in_flight.push(Pending {
            write,
            segment,
            offset,
            bytes: bytes.to_vec(),
        });
    }

    /// A write ends well: its bytes are on the disk.
    pub(super) fn land(&mut self, write: u64) {
        if let Some(index) = self.in_flight.iter().position(|one| one.write == write) {
            let pending = self.in_flight.remove(index);
            self.put(&pending);
        }
    }

    /// A write ends badly, or is never done: nothing of it is there.
    pub(super) fn lose(&mut self, write: u64) {
        self.in_flight.retain(|one| one.write != write);
    }

    fn put(&mut self, pending: &Pending) {
        let at = usize::try_from(pending.offset).expect("small");
        let segment = self.segments.get_mut(&pending.segment).expect("was made");
        segment[at..at + pending.bytes.len()].copy_from_slice(&pending.bytes);
        let start = segment_start(pending.segment, self.segment_bytes).0 + pending.offset;
        let end = start + pending.bytes.len() as u64;
        self.islands.insert(start, end);
        while let Some((start, end)) = self.islands.first_key_value().map(|(s, e)| (*s, *e)) {
            if start > self.landed.0 {
                break;
            }
            self.islands.pop_first();
            self.landed = self.landed.max(Lsn(end));
        }
    }

    /// The process is killed: what the kernel was given lands whole, or not at all.
    pub(super) fn kill(&mut self, draw: &mut Draw) {
        for pending in core::mem::take(&mut self.in_flight) {
            if draw.chance(500) {
                self.put(&pending);
            }
        }
    }

    /// The power goes: what was in flight lands by sectors, in any order, or not. Returns how many
    /// writes were torn.
    pub(super) fn lose_power(&mut self, draw: &mut Draw, torn: bool) -> u64 {
        let mut count = 0;
        for pending in core::mem::take(&mut self.in_flight) {
            match (draw.below(3), torn) {
                (0, _) => self.put(&pending),
                (1, true) => {
                    count += 1;
                    self.tear(&pending, draw);
                }
                _ => {}
            }
        }
        count
    }

    fn tear(&mut self, pending: &Pending, draw: &mut Draw) {
        let unit = draw.pick(&[512, BLOCK_BYTES]);
        let at = usize::try_from(pending.offset).expect("small");
        let segment = self.segments.get_mut(&pending.segment).expect("was made");
        for (index, bytes) in pending.bytes.chunks(unit).enumerate() {
            if draw.chance(500) {
                let start = at + index * unit;
                segment[start..start + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    /// After recovery has read everything: that is what has landed.
    pub(super) fn settle(&mut self, durable: Lsn) {
        self.landed = durable;
        self.islands.clear();
    }

    /// Runs the real recovery over these bytes, as the store does over files.
    pub(super) fn recover(
        &self,
        identity: JournalIdentity,
        tail: Option<TailLeft<'_>>,
        visit: &mut impl FnMut(Entry),
    ) -> Result<Recovered, Damage> {
        let mut recovery = Recovery::new(identity, self.segment_bytes);
        for (segment, bytes) in &self.segments {
            let start = segment_start(*segment, self.segment_bytes);
            let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
            for (index, block) in (0_u64..).zip(blocks) {
                recovery.handle_block(start.plus(index * BLOCK), block, visit);
            }
        }
        recovery.finish(tail, visit)
    }

    /// The highest watermark that the blocks themselves state: below it, damage must be told from
    /// a torn write.
    pub(super) fn watermark(&self) -> Lsn {
        let blocks = self
            .segments
            .values()
            .flat_map(|bytes| bytes.as_chunks::<BLOCK_BYTES>().0);
        let marks = blocks.filter_map(|block| match inspect(block) {
            Inspected::Sealed { sealing, .. } => Some(sealing.watermark),
            Inspected::Blank | Inspected::Newer { .. } | Inspected::Damaged => None,
        });
        marks.max().unwrap_or_default()
    }

    /// Flips one bit at `lsn`; the same call again undoes it.
    pub(super) fn flip(&mut self, lsn: Lsn, bit: u8) {
        let segment = lsn.0 / self.segment_bytes + 1;
        let at = usize::try_from(lsn.0 % self.segment_bytes).expect("small");
        if let Some(byte) = self.segments.get_mut(&segment).and_then(|s| s.get_mut(at)) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// Wipes the last block with records that landed, and what stands behind it, for a planted bug.
    /// A block without records only says that the journal was closed.
    pub(super) fn lose_last(&mut self) -> bool {
        let mut end = self.landed.0;
        while let Some(start) = end.checked_sub(BLOCK) {
            let Some(block) = self.block_mut(Lsn(start)) else {
                return false;
            };
            let empty = matches!(
                inspect(block),
                Inspected::Sealed { sealing, .. } if sealing.used == 0
            );
            block.fill(0);
            if !empty {
                return true;
            }
            end = start;
        }
        false
    }

    /// Which segment `lsn` is in.
    pub(super) fn segment_of(&self, lsn: Lsn) -> u64 {
        lsn.0 / self.segment_bytes + 1
    }

    /// The block at `lsn`, for planted bugs.
    pub(super) fn block_mut(&mut self, lsn: Lsn) -> Option<&mut [u8; BLOCK_BYTES]> {
        let segment = lsn.0 / self.segment_bytes + 1;
        let at = usize::try_from(lsn.0 % self.segment_bytes).expect("small");
        self.segments
            .get_mut(&segment)
            .and_then(|bytes| bytes.get_mut(at..))
            .and_then(<[u8]>::first_chunk_mut)
    }

    /// Whether these bytes stand anywhere on the disk.
    pub(super) fn holds(&self, needle: &[u8]) -> bool {
        let files = self.segments.values().chain(self.digests.values());
        let mut holding = files.filter(|file| file.windows(needle.len()).any(|w| w == needle));
        holding.next().is_some()
    }
}

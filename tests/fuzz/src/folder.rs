//! A shard's folder as a fuzzer's input: segments, tail header and ring as pieces, each a block.
//!
//! ```text
//! input   flags 1 | piece | piece | ...          piece   length 2 | bytes, zeros to 4,096
//! ```
//!
//! The first pieces are the blocks of the segments, then come the tail's header page and its ring.
//! With [`REPAIR`] every check is made right, so that what lies behind the checks is tried, too:
//! offsets are those that `src/journal/layout.rs` draws.

use cpg_switch::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, JournalIdentity, RECORD_HEADER_BYTES, TAIL_HEADER_BYTES, checksum,
};
use cpg_switch::journal::recovery::{Damage, Recovered, Recovery, TailLeft};
use cpg_switch::journal::{Entry, json};
use cpg_switch::model::ids::{Lsn, ShardId};
use cpg_switch::model::limits::BLOCK_BYTES;

/// Checks are made right before anything is read.
pub const REPAIR: u8 = 1;
/// There is a tail.
pub const TAIL: u8 = 2;
/// The machine was restarted since the tail was written.
pub const OTHER_BOOT: u8 = 4;

/// Whose journal it is to be.
pub const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: *b"0123456789abcdef",
    shard: ShardId(0),
    shards: 1,
};
/// Of which start of the machine its tail is.
pub const BOOT_ID: [u8; 16] = [9; 16];
/// Blocks of a segment.
pub const SEGMENT_BLOCKS: usize = 4;
/// Segments at most.
pub const SEGMENTS: usize = 3;
/// Blocks of the ring.
pub const RING_BLOCKS: usize = 16;
/// Size of a segment.
pub const SEGMENT_BYTES: u64 = SEGMENT_BLOCKS as u64 * BLOCK;

/// The folder of an input.
pub struct Folder {
    flags: u8,
    /// The segments, one after the other; fewer bytes: the rest is missing.
    disk: Vec<u8>,
    tail: Vec<u8>,
}

impl Folder {
    /// What `input` says; any bytes say something.
    pub fn read(input: &[u8]) -> Option<Self> {
        let (flags, mut rest) = input.split_first()?;
        let mut pieces = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_le_bytes(*length)).min(BLOCK_BYTES);
            let (bytes, behind) = behind.split_at(length.min(behind.len()));
            let mut block = [0; BLOCK_BYTES];
            block[..bytes.len()].copy_from_slice(bytes);
            pieces.push(block);
            rest = behind;
        }
        let all = SEGMENTS * SEGMENT_BLOCKS;
        let (disk, tail) = pieces.split_at(all.min(pieces.len()));
        let mut tail = tail.as_flattened().to_vec();
        tail.resize(TAIL_HEADER_BYTES + RING_BLOCKS * BLOCK_BYTES, 0);
        let mut folder = Self {
            flags: *flags,
            disk: disk.as_flattened().to_vec(),
            tail,
        };
        if flags & REPAIR != 0 {
            folder.repair();
        }
        Some(folder)
    }

    /// The input that says the same.
    pub fn write(flags: u8, disk: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut out = vec![flags];
        let mut disk = disk.to_vec();
        disk.resize(SEGMENTS * SEGMENT_BLOCKS * BLOCK_BYTES, 0);
        for block in disk.chunks(BLOCK_BYTES).chain(tail.chunks(BLOCK_BYTES)) {
            let length = block.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            out.extend(u16::try_from(length).expect("a block").to_le_bytes());
            out.extend(&block[..length]);
        }
        out
    }

    fn repair(&mut self) {
        let mut chain = IDENTITY.chain();
        for block in self.disk.as_chunks_mut().0 {
            chain = repair_block(block, chain);
        }
        let (page, ring) = self.tail.split_at_mut(TAIL_HEADER_BYTES);
        for at in [0, 1_024] {
            let check = checksum(0, &page[at..at + 80]);
            page[at + 80..at + 84].copy_from_slice(&check.to_le_bytes());
        }
        for block in ring.as_chunks_mut().0 {
            chain = repair_block(block, chain);
        }
    }

    /// Recovers it: every record through `visit`.
    pub fn recover(&mut self, visit: &mut impl FnMut(Entry)) -> Result<Recovered, Damage> {
        let mut recovery = Recovery::new(IDENTITY, SEGMENT_BYTES);
        let blocks = self.disk.as_chunks::<BLOCK_BYTES>().0;
        for (place, block) in (0_u64..).zip(blocks) {
            recovery.handle_block(Lsn(place * BLOCK), block, visit);
        }
        if blocks.len() < SEGMENTS * SEGMENT_BLOCKS {
            recovery.handle_absent(Lsn(blocks.len() as u64 * BLOCK));
        }
        let boot_id = if self.flags & OTHER_BOOT == 0 { BOOT_ID } else { [7; 16] };
        let tail = (self.flags & TAIL != 0).then_some(TailLeft {
            bytes: &mut self.tail,
            boot_id,
        });
        recovery.finish(tail, visit)
    }
}

/// Makes the checks of a block right, if it looks like one; the check of its last record.
fn repair_block(block: &mut [u8; BLOCK_BYTES], before: u32) -> u32 {
    if !block.starts_with(b"CPGJ") {
        return before;
    }
    block[8..16].copy_from_slice(&IDENTITY.journal().to_le_bytes());
    block[20..24].copy_from_slice(&before.to_le_bytes());
    let opening = checksum(0, &block[..40]);
    block[40..44].copy_from_slice(&opening.to_le_bytes());
    let used = usize::from(u16::from_le_bytes([block[44], block[45]]));
    let end = (BLOCK_HEADER_BYTES + used).min(BLOCK_BYTES);
    let (mut chain, mut at) = (before, BLOCK_HEADER_BYTES);
    while at + RECORD_HEADER_BYTES <= end {
        let length = usize::from(u16::from_le_bytes([block[at + 4], block[at + 5]]));
        if length < RECORD_HEADER_BYTES || at + length > end {
            break;
        }
        chain = checksum(chain, &block[at + 4..at + length]);
        block[at..at + 4].copy_from_slice(&chain.to_le_bytes());
        at += length;
    }
    let seal = checksum(chain, &block[..60]);
    block[60..64].copy_from_slice(&seal.to_le_bytes());
    chain
}

/// Recovers `input` twice, and checks what must hold of any bytes at all.
///
/// # Panics
///
/// Where it does not.
pub fn check(input: &[u8]) {
    let Some(mut folder) = Folder::read(input) else {
        return;
    };
    let mut found = Vec::new();
    let first = folder.recover(&mut |entry| found.push(entry));
    let mut last = Lsn(0);
    for entry in &found {
        assert!(entry.lsn > last, "records come in order");
        last = entry.lsn;
        assert!(json::entry(IDENTITY.shard, entry).is_object());
    }
    match first {
        Err(damage) => {
            assert!(damage.to_string().contains("segment"), "{damage}");
        }
        Ok(recovered) => {
            assert!(recovered.durable <= recovered.next && last <= recovered.next);
            assert!(recovered.next.0.is_multiple_of(BLOCK));
            assert_eq!(recovered.report.records, found.len() as u64);
            // What was taken over from the tail is sealed now: who reads again finds the same.
            let mut again = Vec::new();
            let second = folder.recover(&mut |entry| again.push(entry)).expect("it was good");
            assert_eq!(second.next, recovered.next);
            assert_eq!(again, found);
        }
    }
}

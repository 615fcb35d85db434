//! The journal's bytes: blocks, record headers and the tail's header, drawn once, here.
//!
//! A shard's journal is one stream of 4,096-byte *blocks*. An LSN is a byte offset in that stream,
//! block headers and padding included, so that LSN / segment size is the segment, and LSN modulo
//! ring size the place in the tail: nothing is looked up. All numbers are little-endian.
//!
//! **Every block stands alone.** It has a header, and records never straddle its end (a record has
//! 216 bytes at most; the waste is 2.5 % on average, beside 1.6 % for the header). So a torn batch
//! is cut at a block, a block is judged without its neighbours, and a record is encoded in place.
//! What is written together (a *batch*) is a matter of submission: no byte on the disk says it.
//!
//! ```text
//! block  0         4         6         8                   16        20        24
//!        +---------+---------+---------+-------------------+---------+---------+
//!        | "CPGJ"  | version | shard   | journal           | epoch   | chain   |  opening part:
//!        +---------+---------+---------+-------------------+---------+---------+  written once,
//!     24 | segment                     | LSN of the block            | opening |  before the
//!        +-----------------------------+-----------------------------+ check 40|  first record
//!        +---------+---------+-----------------------------+---------+---------+
//!     44 | used    | flags   | watermark                   | zero 56 | seal 60 |  sealing part:
//!        +---------+---------+-----------------------------+---------+---------+  before the write
//!     64 | record | record | ... | zeros to 4,096                               |
//!        +---------------------------------------------------------------------+
//!
//! record 0         4         6      7      8                   16
//!        +---------+---------+------+------+-------------------+------------------------+
//!        | check   | length  | kind | ver  | wall, ns          | payload, zeros to 8 n  |
//!        +---------+---------+------+------+-------------------+------------------------+
//! ```
//!
//! * `journal`: 64-bit hash of the journal's UUID. `chain`: the check of the last record before.
//! * A record's check is the CRC-32C of its bytes from 4 on, added to the check of the record
//!   before it ([`checksum`]), over block, segment and epoch borders: the chain.
//! * The opening check is the CRC-32C of bytes 0 to 40. A killed process leaves its last block
//!   unsealed in the tail; the opening part and the chain are all that recovery needs of it.
//! * The seal is the CRC-32C of bytes 0 to 60, added to the check of the block's last record:
//!   header, records and watermark are bound by one number.
//! * `watermark`: up to where the stream was known to be on the disk when the block was sealed.
//!
//! The tail's header page holds two copies, written in turn, so that a process killed in the middle
//! of one leaves the other:
//!
//! ```text
//! copy   0         4         6         8                   16
//!        +---------+---------+---------+-------------------+
//!        | "CPGT"  | version | shard   | count             |
//!        +---------+---------+---------+-------------------+---------+---------+
//!     16 | UUID                        | boot id                     | epoch 48|
//!        +-----------------------------+-----------------------------+---------+
//!     52 | mode    | ring bytes 56     | committed 64      | durable 72| check 80|
//!        +---------+-------------------+-------------------+-----------+---------+
//! ```
#![deny(clippy::indexing_slicing)]

use crate::model::ids::{Epoch, Lsn, ShardId};
use crate::model::limits::{BLOCK_BYTES, RECORD_BYTES_MAX};

/// What this build writes, and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;
/// Where a block's records start.
pub const BLOCK_HEADER_BYTES: usize = 64;
/// Room for records in one block.
pub const BLOCK_PAYLOAD_BYTES: usize = BLOCK_BYTES - BLOCK_HEADER_BYTES;
/// Where a record's payload starts.
pub const RECORD_HEADER_BYTES: usize = 16;
/// Where a record's check is, and what it covers begins after it.
pub const RECORD_CHECK_BYTES: usize = 4;
/// Records are padded to a multiple of this.
pub const RECORD_ALIGNMENT_BYTES: usize = 8;
/// The page before the ring.
pub const TAIL_HEADER_BYTES: usize = BLOCK_BYTES;
/// A block's size as an offset.
pub const BLOCK: u64 = BLOCK_BYTES as u64;

const BLOCK_MAGIC: [u8; 4] = *b"CPGJ";
const TAIL_MAGIC: [u8; 4] = *b"CPGT";
const TAIL_COPY_BYTES: usize = 84;
const TAIL_COPY_PLACES: [usize; 2] = [0, 1_024];

const _: () = assert!(RECORD_BYTES_MAX <= BLOCK_PAYLOAD_BYTES);
const _: () = assert!(RECORD_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(BLOCK_PAYLOAD_BYTES.is_multiple_of(RECORD_ALIGNMENT_BYTES));
const _: () = assert!(TAIL_COPY_PLACES[0] + TAIL_COPY_BYTES <= TAIL_COPY_PLACES[1]);
const _: () = assert!(TAIL_COPY_PLACES[1] + TAIL_COPY_BYTES <= TAIL_HEADER_BYTES);

/// The check of `bytes` after the check `before`; with zero, the CRC-32C alone.
///
/// The check before is spread and added instead of seeding the CRC, which the library does through
/// a state of 200 bytes: 97 against 76 ns for an append of a payment (`benches/journal.rs`).
/// Nothing is lost: spreading is a bijection, so that another check before always gives another
/// check.
pub fn checksum(before: u32, bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes) ^ before.wrapping_mul(SPREAD).rotate_left(15)
}

/// An odd number (2^32 divided by the golden ratio): multiplying by it is a bijection.
const SPREAD: u32 = 0x9e37_79b1;
const _: () = assert!(!SPREAD.is_multiple_of(2));

/// Whose journal: what every block and the tail repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalIdentity {
    /// Drawn when the journal's folder was made.
    pub uuid: [u8; 16],
    /// Whose part of it.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u16,
}

impl JournalIdentity {
    /// The UUID as blocks carry it.
    pub fn journal(&self) -> u64 {
        xxhash_rust::xxh64::xxh64(&self.uuid, u64::from(FORMAT_VERSION))
    }

    /// What the first record of the journal is chained to: a record of another never fits.
    pub fn chain(&self) -> u32 {
        checksum(u32::from(self.shard.0), &self.uuid)
    }
}

/// The opening part of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// Hash of the journal's UUID.
    pub journal: u64,
    /// Whose.
    pub shard: ShardId,
    /// Who wrote it.
    pub epoch: Epoch,
    /// Check of the last record before it.
    pub chain: u32,
    /// In which segment it belongs.
    pub segment: u64,
    /// Where in the stream it belongs.
    pub lsn: Lsn,
}

/// The sealing part of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealing {
    /// Bytes of records.
    pub used: u16,
    /// The journal was closed in order: nothing follows in this epoch.
    pub closing: bool,
    /// Commit mode `memory`: more than this may have been committed.
    pub memory: bool,
    /// Up to where the stream was on the disk.
    pub watermark: Lsn,
}

const FLAG_CLOSING: u16 = 1;
const FLAG_MEMORY: u16 = 2;

/// Writes the opening part.
pub fn open_block(block: &mut [u8; BLOCK_BYTES], opening: &Opening) {
    let mut header = Writer::new(block);
    header.put(BLOCK_MAGIC);
    header.put(FORMAT_VERSION.to_le_bytes());
    header.put(opening.shard.0.to_le_bytes());
    header.put(opening.journal.to_le_bytes());
    header.put(opening.epoch.0.to_le_bytes());
    header.put(opening.chain.to_le_bytes());
    header.put(opening.segment.to_le_bytes());
    header.put(opening.lsn.0.to_le_bytes());
    let check = checksum(0, covered::<40>(block));
    put_at(block, 40, check.to_le_bytes());
}

/// Gives each record in `bytes`, which [`encode`](crate::journal::codec::encode) has put there, the
/// check by which the chain goes on after `chain`, and returns the last.
pub fn check_records(mut bytes: &mut [u8], mut chain: u32) -> u32 {
    while let Some((check, rest)) = bytes.split_first_chunk_mut::<RECORD_CHECK_BYTES>() {
        let length = usize::from(u16::from_le_bytes(take_at(rest, 0)));
        let (covered, next) = length
            .checked_sub(RECORD_CHECK_BYTES)
            .and_then(|covered| rest.split_at_mut_checked(covered))
            .expect("the codec wrote the length");
        chain = checksum(chain, covered);
        *check = chain.to_le_bytes();
        bytes = next;
    }
    chain
}

/// Zeroes what no record uses and writes the sealing part. `chain` is the check of the last record.
pub fn seal_block(block: &mut [u8; BLOCK_BYTES], sealing: &Sealing, chain: u32) {
    let end = BLOCK_HEADER_BYTES + usize::from(sealing.used);
    block
        .get_mut(end..)
        .expect("records end inside the block")
        .fill(0);
    let closing = if sealing.closing { FLAG_CLOSING } else { 0 };
    let memory = if sealing.memory { FLAG_MEMORY } else { 0 };
    let flags = closing | memory;
    put_at(block, 44, sealing.used.to_le_bytes());
    put_at(block, 46, flags.to_le_bytes());
    put_at(block, 48, sealing.watermark.0.to_le_bytes());
    put_at(block, 56, [0; 4]);
    let seal = checksum(chain, covered::<60>(block));
    put_at(block, 60, seal.to_le_bytes());
}

/// What 4,096 bytes turn out to be, on their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inspected {
    /// A whole block. `chain` is the check of its last record.
    Sealed {
        /// Its place.
        opening: Opening,
        /// Its extent.
        sealing: Sealing,
        /// The check after it.
        chain: u32,
    },
    /// Nothing but zeros: never written.
    Blank,
    /// Begins like a block of a later format.
    Newer {
        /// Its version.
        version: u16,
    },
    /// Not a block, or a check fails.
    Damaged,
}

static ZEROES: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// Judges a block as it was read from a disk.
pub fn inspect(block: &[u8; BLOCK_BYTES]) -> Inspected {
    let opening = match read_opening(block) {
        Ok(opening) => opening,
        Err(Unopened::Newer(version)) => return Inspected::Newer { version },
        Err(Unopened::Damaged) if *block == ZEROES => return Inspected::Blank,
        Err(Unopened::Damaged) => return Inspected::Damaged,
    };
    let used = u16::from_le_bytes(take_at(block, 44));
    let flags = u16::from_le_bytes(take_at(block, 46));
    let (records, padding) = match payload(block).split_at_checked(usize::from(used)) {
        Some(parts) if flags & !(FLAG_CLOSING | FLAG_MEMORY) == 0 => parts,
        Some(_) | None => return Inspected::Damaged,
    };
    let mut walk = Records::new(records, opening.chain);
    while walk.step().is_some() {}
    let seal = checksum(walk.chain(), covered::<60>(block));
    let whole = walk.bytes_walked() == records.len()
        && seal == u32::from_le_bytes(take_at(block, 60))
        && ZEROES.starts_with(padding);
    if !whole {
        return Inspected::Damaged;
    }
    Inspected::Sealed {
        opening,
        sealing: Sealing {
            used,
            closing: flags & FLAG_CLOSING != 0,
            memory: flags & FLAG_MEMORY != 0,
            watermark: Lsn(u64::from_le_bytes(take_at(block, 48))),
        },
        chain: walk.chain(),
    }
}

/// Why a block has no opening part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unopened {
    /// A later format.
    Newer(u16),
    /// No magic, or the check fails.
    Damaged,
}

/// Reads the opening part alone: all that a block in a surviving tail must have.
pub fn read_opening(block: &[u8; BLOCK_BYTES]) -> Result<Opening, Unopened> {
    let mut header = Reader::new(block);
    let magic: [u8; 4] = header.take();
    let version = u16::from_le_bytes(header.take());
    let good = checksum(0, covered::<40>(block)) == u32::from_le_bytes(take_at(block, 40));
    if magic != BLOCK_MAGIC || (version <= FORMAT_VERSION && !good) || version == 0 {
        return Err(Unopened::Damaged);
    }
    if version > FORMAT_VERSION {
        return Err(if good {
            Unopened::Newer(version)
        } else {
            Unopened::Damaged
        });
    }
    Ok(Opening {
        shard: ShardId(u16::from_le_bytes(header.take())),
        journal: u64::from_le_bytes(header.take()),
        epoch: Epoch(u32::from_le_bytes(header.take())),
        chain: u32::from_le_bytes(header.take()),
        segment: u64::from_le_bytes(header.take()),
        lsn: Lsn(u64::from_le_bytes(header.take())),
    })
}

/// A block's bytes after its header.
pub fn payload(block: &[u8; BLOCK_BYTES]) -> &[u8] {
    block
        .get(BLOCK_HEADER_BYTES..)
        .expect("a block is longer than its header")
}

/// Walks records as far as their chain holds.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    chain: u32,
    inspected: bool,
}

impl<'a> Records<'a> {
    /// Starts at the first of `bytes`; `chain` is the check of the record before.
    pub const fn new(bytes: &'a [u8], chain: u32) -> Self {
        Self {
            bytes,
            at: 0,
            chain,
            inspected: false,
        }
    }

    /// As [`Records::new`], for records of a block that [`inspect`] has found whole: their
    /// checksums are read, not computed again.
    pub const fn inspected(bytes: &'a [u8], chain: u32) -> Self {
        Self {
            inspected: true,
            ..Self::new(bytes, chain)
        }
    }

    /// The bytes of the next record; `None` where the chain ends.
    pub fn step(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let (header, _) = rest.split_first_chunk::<RECORD_HEADER_BYTES>()?;
        let mut header = Reader::new(header);
        let check = u32::from_le_bytes(header.take());
        let length = usize::from(u16::from_le_bytes(header.take()));
        let bounds = RECORD_HEADER_BYTES..=RECORD_BYTES_MAX;
        if !bounds.contains(&length) || !length.is_multiple_of(RECORD_ALIGNMENT_BYTES) {
            return None;
        }
        let record = rest.get(..length)?;
        if !self.inspected && checksum(self.chain, record.get(RECORD_CHECK_BYTES..)?) != check {
            return None;
        }
        self.chain = check;
        self.at += length;
        Some(record)
    }

    /// The check of the last record walked.
    pub const fn chain(&self) -> u32 {
        self.chain
    }

    /// How far it got.
    pub const fn bytes_walked(&self) -> usize {
        self.at
    }
}

/// One copy of the tail's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TailHeader {
    /// Whose journal.
    pub uuid: [u8; 16],
    /// Whose part of it.
    pub shard: ShardId,
    /// Since which start of the machine.
    pub boot_id: [u8; 16],
    /// Who wrote it.
    pub epoch: Epoch,
    /// Commit mode `memory`: what is in the tail alone is committed all the same.
    pub memory: bool,
    /// Size of the ring that follows.
    pub ring_bytes: u64,
    /// The commit watermark.
    pub committed: Lsn,
    /// Up to where the stream is on the disk.
    pub durable: Lsn,
}

/// Writes the copy that is due: `count` grows with each, and its parity says which.
pub fn write_tail_header(page: &mut [u8], count: u64, header: &TailHeader) {
    let [even, odd] = TAIL_COPY_PLACES;
    let place = if count.is_multiple_of(2) { even } else { odd };
    let copy: &mut [u8; TAIL_COPY_BYTES] = page
        .get_mut(place..)
        .and_then(<[u8]>::first_chunk_mut)
        .expect("the header page holds both copies");
    let mut writer = Writer::new(copy);
    writer.put(TAIL_MAGIC);
    writer.put(FORMAT_VERSION.to_le_bytes());
    writer.put(header.shard.0.to_le_bytes());
    writer.put(count.to_le_bytes());
    writer.put(header.uuid);
    writer.put(header.boot_id);
    writer.put(header.epoch.0.to_le_bytes());
    writer.put(u32::from(header.memory).to_le_bytes());
    writer.put(header.ring_bytes.to_le_bytes());
    writer.put(header.committed.0.to_le_bytes());
    writer.put(header.durable.0.to_le_bytes());
    let check = checksum(0, covered::<80>(copy));
    put_at(copy, 80, check.to_le_bytes());
}

/// The newer of the two copies that are whole, with its count.
pub fn read_tail_header(page: &[u8]) -> Option<(u64, TailHeader)> {
    TAIL_COPY_PLACES
        .into_iter()
        .filter_map(|place| read_tail_copy(page.get(place..)?.first_chunk()?))
        .max_by_key(|(count, _)| *count)
}

fn read_tail_copy(copy: &[u8; TAIL_COPY_BYTES]) -> Option<(u64, TailHeader)> {
    let mut reader = Reader::new(copy);
    let magic: [u8; 4] = reader.take();
    let version = u16::from_le_bytes(reader.take());
    let shard = ShardId(u16::from_le_bytes(reader.take()));
    let count = u64::from_le_bytes(reader.take());
    let header = TailHeader {
        shard,
        uuid: reader.take(),
        boot_id: reader.take(),
        epoch: Epoch(u32::from_le_bytes(reader.take())),
        memory: u32::from_le_bytes(reader.take()) != 0,
        ring_bytes: u64::from_le_bytes(reader.take()),
        committed: Lsn(u64::from_le_bytes(reader.take())),
        durable: Lsn(u64::from_le_bytes(reader.take())),
    };
    let check = u32::from_le_bytes(reader.take());
    let good = magic == TAIL_MAGIC
        && version == FORMAT_VERSION
        && check == checksum(0, covered::<80>(copy));
    good.then_some((count, header))
}

/// Fills a place of known size from its start. Where sizes are constants, no check is left of it.
pub(super) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    #[inline]
    pub(super) const fn new(rest: &'a mut [u8]) -> Self {
        Self { rest }
    }

    #[inline]
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_first_chunk_mut()
            .expect("sizes are constants that the tests add up");
        *place = bytes;
        self.rest = rest;
    }

    /// The next `N` bytes, for whoever fills them. A place handed on costs nothing; a writer handed
    /// on is kept in memory instead of registers.
    #[inline]
    pub(super) fn part<const N: usize>(&mut self) -> &'a mut [u8; N] {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_first_chunk_mut()
            .expect("sizes are constants that the tests add up");
        self.rest = rest;
        place
    }

    /// As [`Writer::put`], from where the bytes are. By value they would be copied to the stack
    /// first and read back in pieces that straddle the stores.
    #[inline]
    pub(super) fn put_text<const N: usize>(&mut self, bytes: &[u8; N]) {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_first_chunk_mut()
            .expect("sizes are constants that the tests add up");
        *place = *bytes;
        self.rest = rest;
    }

    /// Zeroes the rest, which is padding.
    #[inline]
    pub(super) fn finish(self) {
        debug_assert!(self.rest.len() < RECORD_ALIGNMENT_BYTES);
        self.rest.fill(0);
    }
}

/// Takes a place of known size apart from its start.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    #[inline]
    pub(super) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .expect("sizes are constants, compared before");
        self.rest = rest;
        *bytes
    }

    /// Whether the rest is padding.
    #[inline]
    pub(super) fn finish(self) -> bool {
        self.rest.len() < RECORD_ALIGNMENT_BYTES && self.rest.iter().all(|byte| *byte == 0)
    }
}

fn covered<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.first_chunk().expect("headers have a constant size")
}

fn put_at<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    *bytes
        .get_mut(at..)
        .and_then(<[u8]>::first_chunk_mut)
        .expect("headers have a constant size") = value;
}

fn take_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .expect("headers have a constant size")
}

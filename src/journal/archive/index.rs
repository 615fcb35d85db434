//! The index of one digest: from a reference to the places of what bears it. Pure bytes.
//!
//! Entries are sorted by a hash, which spreads them evenly: its first bits name a *bucket* of some
//! 64 entries, and a table of buckets stands before them. A look-up reads two slots of the table
//! and one bucket; what it finds there it compares in the digest. Every part that is read alone has
//! a check of its own: rot is found, and never taken for "not there".
//!
//! ```text
//! file    +--------+---------------------------+-----------------------------------+
//!         | header | buckets, 8 each           | entries, 16 each, sorted          |
//!         +--------+---------------------------+-----------------------------------+
//! bucket  | where its entries end 4 | their check 4 |
//! entry   | first 48 bits of the hash 6 | offset in the digest's file 6 | check of the item 4 |
//!
//! header  0         4         6         8                        24
//!         +---------+---------+---------+------------------------+-------------+
//!         | "CPGX"  | version | shard   | UUID                   | segment     |
//!      32 +---------+---------+---------+---+---------+----------+-------------+
//!         | digest's header's check | buckets | entries 40       | claims 48   |
//!      56 +-------------------------+---------+------------------+-------------+
//!         | first, last number claimed        | first, last number only named 72 |
//!      88 +-----------------------------------+--------------------+------------+
//!         | first, last date of a key         | first, last wall, ns 96         |
//!     112 +---------+-------------------------+---------+----------+------------+
//!         | refunds | check of table and entries | zero   | header check 124      |
//!         +---------+----------------------------+--------+-----------------------+
//! ```
//!
//! The item's check is the CRC-32C of its bytes in the digest, added to that of its context:
//! whoever reads one item need not read the whole digest to know that it is as it was written.
#![deny(clippy::indexing_slicing)]

use super::ordered::Ordered;
use super::{By, references, refunded};
use crate::journal::Entry;
use crate::journal::digest::{BadDigest, Digest, DigestHeader, Skimmed};
pub use crate::journal::file_header::BadFile as BadIndex;
use crate::journal::file_header::{FILE_HEADER_BYTES, FileKind, Whose};
use crate::journal::layout::{Reader, Writer, checksum};
use crate::model::ids::{ShardId, TransactionNumber};
use crate::model::time::{Date, Wall};

/// What this build writes, and the only one that it reads.
pub const INDEX_VERSION: u16 = 1;
/// Where the table of buckets starts.
pub const INDEX_HEADER_BYTES: usize = FILE_HEADER_BYTES;
/// One slot of the table.
pub const BUCKET_BYTES: usize = 8;
/// One entry.
pub const ENTRY_BYTES: usize = 16;

const KIND: FileKind = FileKind {
    magic: *b"CPGX",
    version: INDEX_VERSION,
};
/// Entries of a bucket, as a rule: more than half of this, and a kilobyte at most.
const BUCKET_ENTRIES: u64 = 64;
/// Bits of a hash that an entry keeps.
const HASH_BITS: u32 = 48;

/// What an index says of its digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexHeader {
    /// Whose journal.
    pub uuid: [u8; 16],
    /// Whose part of it.
    pub shard: ShardId,
    /// Of which segment.
    pub segment: u64,
    /// The check in the digest's header, and so of the digest.
    pub digest_check: u32,
    /// Buckets: a power of two.
    pub buckets: u32,
    /// Entries.
    pub entries: u64,
    /// Keys claimed.
    pub claims: u64,
    /// The numbers claimed; the last is zero where none is.
    pub claimed: (TransactionNumber, TransactionNumber),
    /// The numbers of records that claim nothing; the last is zero where there is none.
    pub named: (TransactionNumber, TransactionNumber),
    /// Local dates of the keys claimed, as days since 1970; the last is before the first where
    /// nothing is claimed.
    pub days: (i32, i32),
    /// When the earliest and the latest record were written.
    pub walls: (Wall, Wall),
    /// Refunds claimed.
    pub refunds: u64,
    /// Check of the table and the entries.
    pub body_check: u32,
}

/// Where an item stands in a digest's file, and what its bytes must be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spot {
    /// Offset in the file.
    pub offset: u64,
    /// The item's check, [`item_check`].
    pub check: u32,
}

/// Which bytes of an index hold what is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BucketSpot {
    /// Offset of the bucket's entries in the file.
    pub offset: u64,
    /// Their bytes.
    pub bytes: usize,
    check: u32,
}

/// What an item's context adds to its check; empty where it has none.
pub fn context_check(context: &[u8]) -> u32 {
    checksum(0, context)
}

/// The check of an item: of its bytes and of its context's.
pub fn item_check(context_check: u32, item: &[u8]) -> u32 {
    checksum(context_check, item)
}

impl IndexHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; INDEX_HEADER_BYTES] {
        let whose = Whose {
            shard: self.shard,
            uuid: self.uuid,
            segment: self.segment,
        };
        KIND.encode(&whose, |writer| self.put_rest(writer))
    }

    fn put_rest(&self, writer: &mut Writer<'_>) {
        writer.put(self.digest_check.to_le_bytes());
        writer.put(self.buckets.to_le_bytes());
        writer.put(self.entries.to_le_bytes());
        writer.put(self.claims.to_le_bytes());
        for number in [self.claimed.0, self.claimed.1, self.named.0, self.named.1] {
            writer.put(number.0.to_le_bytes());
        }
        writer.put(self.days.0.to_le_bytes());
        writer.put(self.days.1.to_le_bytes());
        writer.put(self.walls.0.0.to_le_bytes());
        writer.put(self.walls.1.0.to_le_bytes());
        // Four bytes are enough: a segment has fewer records.
        writer.put(
            u32::try_from(self.refunds)
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        writer.put(self.body_check.to_le_bytes());
    }

    /// Reads a header; what follows it is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadIndex> {
        let (whose, mut reader) = KIND.decode(bytes)?;
        let digest_check = u32::from_le_bytes(reader.take());
        let buckets = u32::from_le_bytes(reader.take());
        let entries = u64::from_le_bytes(reader.take());
        let claims = u64::from_le_bytes(reader.take());
        let mut number = || TransactionNumber(u64::from_le_bytes(reader.take()));
        let (claimed, named) = ((number(), number()), (number(), number()));
        let mut day = || i32::from_le_bytes(reader.take());
        let days = (day(), day());
        let mut wall = || Wall(u64::from_le_bytes(reader.take()));
        let walls = (wall(), wall());
        let header = Self {
            uuid: whose.uuid,
            shard: whose.shard,
            segment: whose.segment,
            digest_check,
            buckets,
            entries,
            claims,
            claimed,
            named,
            days,
            walls,
            refunds: u64::from(u32::from_le_bytes(reader.take())),
            body_check: u32::from_le_bytes(reader.take()),
        };
        let sound = header.buckets.is_power_of_two() && header.entries <= u64::from(u32::MAX);
        sound.then_some(header).ok_or(BadIndex::Damaged)
    }

    /// The size of the whole file.
    pub fn file_bytes(&self) -> u64 {
        self.entries_offset() + self.entries * ENTRY_BYTES as u64
    }

    /// Whether a key of this day may be claimed here.
    pub fn has_day(&self, date: Date) -> bool {
        let (first, last) = self.days;
        (i64::from(first)..=i64::from(last)).contains(&date.days())
    }

    /// Whether a record that claims nothing may name this number here.
    pub fn may_name(&self, number: TransactionNumber) -> bool {
        (self.named.0..=self.named.1).contains(&number) && self.named.1.0 != 0
    }

    /// Which part of the table tells where `by` is: offset in the file, and bytes.
    pub fn slots(&self, by: By) -> (u64, usize) {
        let bucket = u64::from(self.bucket_of(by.hash()));
        let first = bucket.saturating_sub(1);
        let offset = INDEX_HEADER_BYTES as u64 + first * BUCKET_BYTES as u64;
        let count = if bucket == 0 { 1 } else { 2 };
        (offset, count * BUCKET_BYTES)
    }

    /// Reads that part of the table.
    pub fn bucket(&self, slots: &[u8]) -> Result<BucketSpot, BadIndex> {
        let (slots, rest) = slots.as_chunks::<BUCKET_BYTES>();
        let ends: Option<Vec<(u64, u32)>> = slots.iter().map(|slot| self.slot(slot)).collect();
        let (start, (end, check)) = match ends.as_deref() {
            Some([one]) if rest.is_empty() => (0, *one),
            Some([before, one]) if rest.is_empty() => (before.0, *one),
            Some(_) | None => return Err(BadIndex::Damaged),
        };
        let count = end.checked_sub(start).ok_or(BadIndex::Damaged)?;
        Ok(BucketSpot {
            offset: self.entries_offset() + start * ENTRY_BYTES as u64,
            bytes: usize::try_from(count).map_err(|_| BadIndex::Damaged)? * ENTRY_BYTES,
            check,
        })
    }

    fn slot(&self, slot: &[u8; BUCKET_BYTES]) -> Option<(u64, u32)> {
        let mut reader = Reader::new(slot);
        let end = u64::from(u32::from_le_bytes(reader.take()));
        let check = u32::from_le_bytes(reader.take());
        (end <= self.entries).then_some((end, check))
    }

    fn entries_offset(&self) -> u64 {
        INDEX_HEADER_BYTES as u64 + u64::from(self.buckets) * BUCKET_BYTES as u64
    }

    fn bucket_of(&self, hash: u64) -> u32 {
        match self.buckets.trailing_zeros() {
            0 => 0,
            bits => u32::try_from(hash >> (u64::BITS - bits)).expect("32 bits at most"),
        }
    }
}

/// The places in `bucket`, read from where [`IndexHeader::bucket`] says, that may be those of `by`.
pub fn spots(spot: &BucketSpot, bucket: &[u8], by: By) -> Result<Vec<Spot>, BadIndex> {
    if bucket.len() != spot.bytes || checksum(0, bucket) != spot.check {
        return Err(BadIndex::Damaged);
    }
    let wanted = short(by.hash());
    let entries = bucket.as_chunks::<ENTRY_BYTES>().0.iter().map(read_entry);
    let found = entries.filter(|(hash, _)| *hash == wanted);
    Ok(found.map(|(_, spot)| spot).collect())
}

fn short(hash: u64) -> u64 {
    hash >> (u64::BITS - HASH_BITS)
}

fn read_entry(entry: &[u8; ENTRY_BYTES]) -> (u64, Spot) {
    let wide = |[a, b, c, d, e, f]: [u8; 6]| u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    let mut reader = Reader::new(entry);
    let hash = wide(reader.take());
    let offset = wide(reader.take());
    let check = u32::from_le_bytes(reader.take());
    (hash, Spot { offset, check })
}

#[inline]
fn entry(hash: u64, spot: Spot) -> [u8; ENTRY_BYTES] {
    assert!(spot.offset >> HASH_BITS == 0, "48 bits");
    let head = u128::from(short(hash)) | u128::from(spot.offset) << HASH_BITS;
    (head | u128::from(spot.check) << (2 * HASH_BITS)).to_le_bytes()
}

/// What the items of a digest add up to.
struct Summary {
    claims: u64,
    refunds: u64,
    claimed: (TransactionNumber, TransactionNumber),
    named: (TransactionNumber, TransactionNumber),
    days: (i32, i32),
    walls: (Wall, Wall),
}

impl Summary {
    const NOTHING: Self = {
        const NONE: (TransactionNumber, TransactionNumber) =
            (TransactionNumber(u64::MAX), TransactionNumber(0));
        Self {
            claims: 0,
            refunds: 0,
            claimed: NONE,
            named: NONE,
            days: (i32::MAX, i32::MIN),
            walls: (Wall(u64::MAX), Wall(0)),
        }
    };

    #[inline]
    fn add(&mut self, skimmed: &Skimmed) {
        match skimmed {
            Skimmed::Settled(payment) => {
                self.note_walls(payment.walls);
                self.note_claim(payment.number, payment.local_date);
            }
            Skimmed::Loose(Entry { wall, record, .. }) => {
                self.note_walls((*wall, *wall));
                let number = record.number();
                if let Some(key) = record.claimed() {
                    self.refunds += u64::from(refunded(record).is_some());
                    self.note_claim(number, key.key.local_date);
                } else if number.0 != 0 {
                    self.named = (self.named.0.min(number), self.named.1.max(number));
                }
            }
        }
    }

    /// The earliest and the latest of what an item tells.
    #[inline]
    fn note_walls(&mut self, (first, last): (Wall, Wall)) {
        let latest = self.walls.1.max(first).max(last);
        self.walls = (self.walls.0.min(first), latest);
    }

    #[inline]
    fn note_claim(&mut self, number: TransactionNumber, date: Date) {
        self.claims += 1;
        self.claimed = (self.claimed.0.min(number), self.claimed.1.max(number));
        let day = i32::try_from(date.days()).expect("years of four digits");
        self.days = (self.days.0.min(day), self.days.1.max(day));
    }
}

/// Makes the index of a digest.
pub fn build(digest: &Digest) -> Result<Vec<u8>, BadDigest> {
    let header = digest.header();
    let mut summary = Summary::NOTHING;
    // A payment is found by its reference and its match key; others, as a rule, by their number.
    let mut entries = Ordered::with_room_for(2 * header.settled + header.loose);
    digest.each_skimmed(|offset, check, skimmed| {
        let spot = Spot { offset, check };
        references(skimmed, |by| entries.push(by.hash(), spot));
        summary.add(skimmed);
    })?;
    entries.sort();
    Ok(encode(header, &summary, &entries))
}

fn encode(digest: &DigestHeader, summary: &Summary, entries: &Ordered) -> Vec<u8> {
    let count = entries.len();
    let buckets = (count / BUCKET_ENTRIES).max(1).next_power_of_two();
    let mut header = IndexHeader {
        uuid: digest.uuid,
        shard: digest.shard,
        segment: digest.segment,
        digest_check: digest.own_check(),
        buckets: u32::try_from(buckets).expect("far fewer than a segment has bytes"),
        entries: count,
        claims: summary.claims,
        claimed: summary.claimed,
        named: summary.named,
        days: summary.days,
        walls: summary.walls,
        refunds: summary.refunds,
        body_check: 0,
    };
    let bytes = usize::try_from(header.file_bytes()).expect("it is in memory");
    let table = header.entries_offset();
    let mut file = Vec::with_capacity(bytes);
    file.resize(usize::try_from(table).expect("less than the file"), 0);
    let mut rest = entries.iter().peekable();
    let mut end = 0_u32;
    for bucket in 0..header.buckets {
        let start = file.len();
        while let Some((hash, spot)) = rest.next_if(|(hash, _)| header.bucket_of(*hash) <= bucket) {
            file.extend_from_slice(&entry(*hash, *spot));
            end += 1;
        }
        let check = checksum(0, file.get(start..).unwrap_or_default());
        let slot = INDEX_HEADER_BYTES + BUCKET_BYTES * usize::try_from(bucket).expect("64 bits");
        let slot = file.get_mut(slot..slot + BUCKET_BYTES);
        let mut slot = Writer::new(slot.expect("the table is there"));
        slot.put(end.to_le_bytes());
        slot.put(check.to_le_bytes());
    }
    header.body_check = checksum(0, file.get(INDEX_HEADER_BYTES..).unwrap_or_default());
    let place = file.first_chunk_mut().expect("the header's place is there");
    *place = header.encode();
    file
}

#[cfg(test)]
#[path = "../tests/index.rs"]
mod tests;

//! A digest: the records of one sealed segment, packed for a quick start.
//!
//! Most of a segment are payments and their answers. A digest holds each such pair as one entry of
//! some 130 bytes, without headers, padding, checks and what many payments have in common; every
//! other record is in it as it is in the segment (*loose*). Nothing is left out but LSNs of pairs:
//! a digest decodes to the very records it was made of, so whoever applies it remembers what it
//! would remember of the records, and nothing here knows what that is.
//!
//! The order is that of the segment, but an answer stands with its payment. That is allowed exactly
//! where nothing between the two names the payment ([`make`]); so claims, loose records and match
//! keys come in the order in which they were written.
//!
//! A digest is a pure function of its segment: made twice, it is the same bytes. It is a cache,
//! never the truth. One that is missing, damaged, of another version, or does not fit, is not used:
//! the segment's records are read instead ([`super::cases`] has the table). What a start with
//! digests does not notice is rot inside a segment that has one: of that it reads the first and
//! the last block alone. `cpg-switch journal verify` reads every block.
//!
//! ```text
//! file    +--------+----------------------+------------------------------------+
//!         | header | contexts, 64 each    | entries, one after the other       |
//!         +--------+----------------------+------------------------------------+
//!
//! header  0         4         6         8                        24
//!         +---------+---------+---------+------------------------+-----------------+
//!         | "CPGD"  | version | shard   | UUID                   | segment         |
//!      32 +---------+---------+---------+----+-------------------+--------+--------+
//!         | segment bytes     | chain before | chain after       | first, last epoch|
//!      56 +-------------------+--------------+-------------------+-----------------+
//!         | highest watermark | records      | bytes of records  | pairs 80        |
//!      88 +-------------------+--------------+----+--------------+-----------------+
//!         | loose records     | first number 96   | contexts 104 | body bytes 112  |
//!     120 +---------+---------+-------------------+--------------+-----------------+
//!         | body check        | header check 124  |
//!         +-------------------+-------------------+
//! ```
//!
//! * The chain is the check of the last record before the segment's first, and of its last.
//! * `pairs`: entries for a payment, with its answer or without.
//! * The body is all after the header; its check is its CRC-32C, the header's that of 0 to 124.
#![deny(clippy::indexing_slicing)]

mod entry;
pub mod files;
mod items;
mod make;
pub mod maker;
mod single;

pub use crate::journal::file_header::BadFile as BadDigest;
use crate::journal::file_header::{FILE_HEADER_BYTES, FileKind, Whose};
use crate::journal::layout::checksum;
use crate::model::ids::{Epoch, Lsn, ShardId};

pub(in crate::journal) use items::Skimmed;
pub use items::{Item, Items, Settled, Shown};
pub use make::{NotDigested, SegmentDigester};
pub(in crate::journal) use single::{WINDOW_BYTES, read_single};

/// What this build writes, and the only one that it reads.
pub const DIGEST_VERSION: u16 = 1;
/// Where the body starts.
pub const DIGEST_HEADER_BYTES: usize = FILE_HEADER_BYTES;

const KIND: FileKind = FileKind {
    magic: *b"CPGD",
    version: DIGEST_VERSION,
};

/// What a digest says of its segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DigestHeader {
    /// Whose journal.
    pub uuid: [u8; 16],
    /// Whose part of it.
    pub shard: ShardId,
    /// Which segment.
    pub segment: u64,
    /// Its size.
    pub segment_bytes: u64,
    /// Check of the last record before it.
    pub chain_before: u32,
    /// Check of its last record.
    pub chain_after: u32,
    /// Who wrote its first block.
    pub epoch_first: Epoch,
    /// Who wrote its last block.
    pub epoch_last: Epoch,
    /// The highest watermark in any of its blocks.
    pub watermark: Lsn,
    /// Its records.
    pub records: u64,
    /// Their bytes.
    pub record_bytes: u64,
    /// Entries for a payment, with its answer or without.
    pub settled: u64,
    /// Entries that are a record.
    pub loose: u64,
    /// What the numbers of payments are counted from.
    pub number_first: u64,
    /// How many contexts there are.
    pub contexts: u64,
    /// Size of the body.
    pub body_bytes: u64,
    /// CRC-32C of the body.
    pub body_check: u32,
}

impl DigestHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; DIGEST_HEADER_BYTES] {
        let Self {
            uuid,
            shard,
            segment,
            segment_bytes,
            chain_before,
            chain_after,
            epoch_first,
            epoch_last,
            watermark,
            records,
            record_bytes,
            settled,
            loose,
            number_first,
            contexts,
            body_bytes,
            body_check,
        } = *self;
        let whose = Whose {
            shard,
            uuid,
            segment,
        };
        KIND.encode(&whose, |writer| {
            writer.put(segment_bytes.to_le_bytes());
            writer.put(chain_before.to_le_bytes());
            writer.put(chain_after.to_le_bytes());
            writer.put(epoch_first.0.to_le_bytes());
            writer.put(epoch_last.0.to_le_bytes());
            writer.put(watermark.0.to_le_bytes());
            writer.put(records.to_le_bytes());
            writer.put(record_bytes.to_le_bytes());
            writer.put(settled.to_le_bytes());
            writer.put(loose.to_le_bytes());
            writer.put(number_first.to_le_bytes());
            writer.put(contexts.to_le_bytes());
            writer.put(body_bytes.to_le_bytes());
            writer.put(body_check.to_le_bytes());
        })
    }

    /// Reads a header; the body is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadDigest> {
        let (whose, mut reader) = KIND.decode(bytes)?;
        Ok(Self {
            shard: whose.shard,
            uuid: whose.uuid,
            segment: whose.segment,
            segment_bytes: u64::from_le_bytes(reader.take()),
            chain_before: u32::from_le_bytes(reader.take()),
            chain_after: u32::from_le_bytes(reader.take()),
            epoch_first: Epoch(u32::from_le_bytes(reader.take())),
            epoch_last: Epoch(u32::from_le_bytes(reader.take())),
            watermark: Lsn(u64::from_le_bytes(reader.take())),
            records: u64::from_le_bytes(reader.take()),
            record_bytes: u64::from_le_bytes(reader.take()),
            settled: u64::from_le_bytes(reader.take()),
            loose: u64::from_le_bytes(reader.take()),
            number_first: u64::from_le_bytes(reader.take()),
            contexts: u64::from_le_bytes(reader.take()),
            body_bytes: u64::from_le_bytes(reader.take()),
            body_check: u32::from_le_bytes(reader.take()),
        })
    }
}

/// A whole digest: its checks are right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Digest {
    header: DigestHeader,
    bytes: Vec<u8>,
}

impl Digest {
    /// Judges a file's bytes. Every entry is looked at once, so that none is found impossible when
    /// half of them are applied.
    pub fn read(bytes: Vec<u8>) -> Result<Self, BadDigest> {
        let header = DigestHeader::decode(&bytes)?;
        let body = bytes.get(DIGEST_HEADER_BYTES..).ok_or(BadDigest::Damaged)?;
        if body.len() as u64 != header.body_bytes || checksum(0, body) != header.body_check {
            return Err(BadDigest::Damaged);
        }
        let digest = Self { header, bytes };
        let (mut settled, mut loose) = (0, 0);
        digest.each(|skimmed| match skimmed {
            Skimmed::Settled(_) => settled += 1,
            Skimmed::Loose(_) => loose += 1,
        })?;
        if (settled, loose) == (header.settled, header.loose) {
            Ok(digest)
        } else {
            Err(BadDigest::Damaged)
        }
    }

    /// Shows what every entry is found by, in order.
    #[inline]
    pub(in crate::journal) fn each(&self, mut look: impl FnMut(&Skimmed)) -> Result<(), BadDigest> {
        let mut items = self.items()?;
        while let Some(skimmed) = items.skim()? {
            look(&skimmed);
        }
        Ok(())
    }

    /// What it says of its segment.
    pub fn header(&self) -> &DigestHeader {
        &self.header
    }

    /// Its size as a file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its entries, in order.
    pub fn items(&self) -> Result<Items<'_>, BadDigest> {
        let body = self.bytes.get(DIGEST_HEADER_BYTES..).unwrap_or_default();
        Items::new(&self.header, body)
    }
}

#[cfg(test)]
#[path = "../tests/digest.rs"]
mod tests;

//! The base: where a shard's live journal begins, once its oldest segments are in the archive and
//! gone. Pure bytes, and the table of what a start makes of them.
//!
//! It is written before the first segment is given up, and anew before each that follows; a segment
//! below it that is still there was being removed when a process ended, and is not read.
//!
//! ```text
//! base   0         4         6         8                        24
//!        +---------+---------+---------+------------------------+-------------------+
//!        | "CPGB"  | version | shard   | UUID                   | first segment     |
//!     32 +---------+---------+---------+--------+---------------+-------------------+
//!        | chain before | epoch before | watermark             | last number 48    |
//!     56 +--------------+--------------+-----------------------+-------------------+
//!        | check        |
//!        +--------------+
//! ```
#![deny(clippy::indexing_slicing)]

use crate::journal::layout::{JournalIdentity, Reader, Writer, checksum};
use crate::model::ids::{Epoch, Lsn, ShardId, TransactionNumber};

/// The file's name, in the shard's folder.
pub const BASE_FILE: &str = "base";
/// Its size.
pub const BASE_BYTES: usize = 60;

const MAGIC: [u8; 4] = *b"CPGB";
const VERSION: u16 = 1;
const CHECKED_BYTES: usize = BASE_BYTES - 4;

/// Where a live journal begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    /// The first segment that is read.
    pub first: u64,
    /// Check of the last record before it.
    pub chain: u32,
    /// Who wrote the last block before it.
    pub epoch: Epoch,
    /// Up to where the journal was on the disk when the base was written.
    pub watermark: Lsn,
    /// The last number that was claimed before it. What is numbered so or lower is known to the
    /// archive alone.
    pub number: TransactionNumber,
}

/// Why bytes are no base that can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadBase {
    /// Written by a later build.
    Newer(u16),
    /// Of another journal or shard.
    Foreign,
    /// No magic, a wrong size, or a check that fails.
    Damaged,
}

impl Base {
    /// The beginning of a journal of which nothing was given up.
    pub fn beginning(identity: &JournalIdentity) -> Self {
        Self {
            first: 1,
            chain: identity.chain(),
            epoch: Epoch(0),
            watermark: Lsn(0),
            number: TransactionNumber(0),
        }
    }

    /// Whether segments were given up.
    pub const fn is_late(&self) -> bool {
        self.first > 1
    }

    /// The file's bytes.
    pub fn encode(&self, identity: &JournalIdentity) -> [u8; BASE_BYTES] {
        let mut bytes = [0; BASE_BYTES];
        let mut writer = Writer::new(&mut bytes);
        writer.put(MAGIC);
        writer.put(VERSION.to_le_bytes());
        writer.put(identity.shard.0.to_le_bytes());
        writer.put(identity.uuid);
        writer.put(self.first.to_le_bytes());
        writer.put(self.chain.to_le_bytes());
        writer.put(self.epoch.0.to_le_bytes());
        writer.put(self.watermark.0.to_le_bytes());
        writer.put(self.number.0.to_le_bytes());
        let (checked, check) = bytes.split_at_mut(CHECKED_BYTES);
        check.copy_from_slice(&checksum(0, checked).to_le_bytes());
        bytes
    }

    /// Reads the file's bytes.
    pub fn decode(bytes: &[u8], identity: &JournalIdentity) -> Result<Self, BadBase> {
        let (checked, check) = bytes
            .split_first_chunk::<CHECKED_BYTES>()
            .ok_or(BadBase::Damaged)?;
        let mut reader = Reader::new(checked);
        let magic: [u8; 4] = reader.take();
        let version = u16::from_le_bytes(reader.take());
        if magic != MAGIC || checksum(0, checked).to_le_bytes() != check {
            return Err(BadBase::Damaged);
        }
        if version != VERSION {
            return Err(BadBase::Newer(version));
        }
        let shard = ShardId(u16::from_le_bytes(reader.take()));
        let uuid: [u8; 16] = reader.take();
        if (uuid, shard) != (identity.uuid, identity.shard) {
            return Err(BadBase::Foreign);
        }
        let base = Self {
            first: u64::from_le_bytes(reader.take()),
            chain: u32::from_le_bytes(reader.take()),
            epoch: Epoch(u32::from_le_bytes(reader.take())),
            watermark: Lsn(u64::from_le_bytes(reader.take())),
            number: TransactionNumber(u64::from_le_bytes(reader.take())),
        };
        (base.first > 0).then_some(base).ok_or(BadBase::Damaged)
    }
}

/// What became of the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseFound {
    /// No file.
    Absent,
    /// As it was written.
    Whole,
    /// A check fails.
    Damaged,
    /// Of another journal or shard.
    Foreign,
    /// Of a later format.
    Newer,
}

/// The first segment that is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstFound {
    /// Segment 1; or no segment at all, and no base either.
    Beginning,
    /// A later one, and the archive has the one before it: it goes on where that ended.
    Archived,
    /// A later one or none, and the archive does not prove what came before.
    Unproven,
}

/// Where a start begins to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseUse {
    /// At segment 1. That it is missing, where it is, is told like any missing segment.
    Beginning,
    /// Where the base says.
    Base,
    /// At the first segment that is there; people are told that the base is gone.
    Archive,
    /// The journal is not opened: what was given up is not known.
    Refuse,
}

struct BaseCase {
    found: &'static [BaseFound],
    first: &'static [FirstFound],
    verdict: BaseUse,
}

const CASES: &[BaseCase] = &{
    use BaseFound::{Absent, Damaged, Foreign, Newer, Whole};
    use FirstFound::{Archived, Beginning, Unproven};
    const ANY: &[FirstFound] = &[Beginning, Archived, Unproven];
    [
        BaseCase {
            found: &[Whole],
            first: ANY,
            verdict: BaseUse::Base,
        },
        BaseCase {
            found: &[Absent],
            first: &[Beginning, Unproven],
            verdict: BaseUse::Beginning,
        },
        BaseCase {
            found: &[Absent, Damaged],
            first: &[Archived],
            verdict: BaseUse::Archive,
        },
        // With a damaged base and segment 1 the first base was being written, or segments are gone
        // between: reading them tells.
        BaseCase {
            found: &[Damaged],
            first: &[Beginning],
            verdict: BaseUse::Beginning,
        },
        BaseCase {
            found: &[Damaged],
            first: &[Unproven],
            verdict: BaseUse::Refuse,
        },
        BaseCase {
            found: &[Foreign, Newer],
            first: ANY,
            verdict: BaseUse::Refuse,
        },
    ]
};

/// The verdict on a base.
pub fn judge_base(found: BaseFound, first: FirstFound) -> BaseUse {
    CASES
        .iter()
        .find(|case| case.found.contains(&found) && case.first.contains(&first))
        .map(|case| case.verdict)
        .expect("the table is complete: the test walks it")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: JournalIdentity = JournalIdentity {
        uuid: *b"0123456789abcdef",
        shard: ShardId(3),
        shards: 4,
    };
    const BASE: Base = Base {
        first: 7,
        chain: 0xfeed_beef,
        epoch: Epoch(12),
        watermark: Lsn(123_456),
        number: TransactionNumber(99),
    };

    #[test]
    fn what_is_written_is_read_and_everything_else_named() {
        let bytes = BASE.encode(&IDENTITY);
        assert_eq!(Base::decode(&bytes, &IDENTITY), Ok(BASE));
        for at in 0..bytes.len() {
            let mut changed = bytes;
            changed[at] ^= 1 << (at % 8);
            assert_eq!(Base::decode(&changed, &IDENTITY), Err(BadBase::Damaged));
        }
        let cut = &bytes[..BASE_BYTES - 1];
        assert_eq!(Base::decode(cut, &IDENTITY), Err(BadBase::Damaged));
        let other = JournalIdentity {
            shard: ShardId(2),
            ..IDENTITY
        };
        assert_eq!(Base::decode(&bytes, &other), Err(BadBase::Foreign));
    }

    #[test]
    fn every_base_has_one_row_and_nothing_is_left_out_unproven() {
        use BaseFound::{Absent, Damaged, Foreign, Newer, Whole};
        use FirstFound::{Archived, Beginning, Unproven};
        for found in [Absent, Whole, Damaged, Foreign, Newer] {
            for first in [Beginning, Archived, Unproven] {
                let rows = CASES
                    .iter()
                    .filter(|case| case.found.contains(&found) && case.first.contains(&first));
                assert_eq!(rows.count(), 1, "{found:?} {first:?}");
                let verdict = judge_base(found, first);
                // What is not read is left out on the word of a base or an archive, and no other.
                let leaves_out = matches!(verdict, BaseUse::Base | BaseUse::Archive);
                let proven =
                    found == Whole || (first == Archived && matches!(found, Absent | Damaged));
                assert_eq!(leaves_out, proven, "{found:?} {first:?}");
            }
        }
    }
}

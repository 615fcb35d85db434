//! The base: where a shard's live journal begins, once its oldest segments are in the archive and
//! gone. Pure bytes, and the table of what a start makes of them.
//!
//! It is written before the first segment is given up, and anew before each that follows; a segment
//! below it that is still there was being removed when a process ended, and is not read.
//!
//! A transaction that is not over does not keep its segment: its records are *carried* in the base,
//! as they were written, until it is. A start replays them before the journal's.
//!
//! ```text
//! base   0         4         6         8                        24
//!        +---------+---------+---------+------------------------+-------------------+
//!        | "CPGB"  | version | shard   | UUID                   | first segment     |
//!     32 +---------+---------+---------+--------+---------------+---+---------------+
//!        | chain before | epoch before | watermark             | last number 48    |
//!     56 +---------------+-------------+-----------------------+-------------------+
//!        | bytes carried | check 64    | records, each chained to the one before it |
//!        +---------------+-------------+--------------------------------------------+
//! ```
#![deny(clippy::indexing_slicing)]

use crate::journal::codec::{self, RECORD_BYTES_LARGEST};
use crate::journal::layout::{
    JournalIdentity, RECORD_CHECK_BYTES, Reader, Records, Writer, check_records, checksum,
};
use crate::model::ids::{Epoch, Lsn, ShardId, TransactionNumber};
use crate::model::record::Record;
use crate::model::time::Wall;

/// The file's name, in the shard's folder.
pub const BASE_FILE: &str = "base";
/// Size of what stands before the records.
pub const BASE_BYTES: usize = 64;

const MAGIC: [u8; 4] = *b"CPGB";
const VERSION: u16 = 1;
const CHECKED_BYTES: usize = BASE_BYTES - RECORD_CHECK_BYTES;

/// A record that is carried, and when it was written.
pub type Carried = (Wall, Record);

/// Where a live journal begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    /// The first segment that is read.
    pub first: u64,
    /// Check of the last record before it.
    pub chain: u32,
    /// Who wrote the last block before it.
    pub epoch: Epoch,
    /// Up to where the journal was in the archive, and so on the disk, when the base was written.
    pub watermark: Lsn,
    /// The last number that was claimed before it. What is numbered so or lower is carried, or
    /// known to the archive alone.
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
    pub fn encode(&self, identity: &JournalIdentity, carried: &[Carried]) -> Vec<u8> {
        let mut records = Vec::new();
        for (wall, record) in carried {
            let mut place = [0; RECORD_BYTES_LARGEST];
            codec::encode(&mut place, *wall, record);
            let bytes = place.get(..codec::record_bytes(record));
            records.extend_from_slice(bytes.expect("none is larger than the largest"));
        }
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
        let carried_bytes = u32::try_from(records.len()).expect("few are carried");
        writer.put(carried_bytes.to_le_bytes());
        let (checked, check) = bytes.split_at_mut(CHECKED_BYTES);
        let chain = checksum(0, checked);
        check.copy_from_slice(&chain.to_le_bytes());
        check_records(&mut records, chain);
        [bytes.as_slice(), &records].concat()
    }

    /// Reads the file's bytes.
    pub fn decode(
        bytes: &[u8],
        identity: &JournalIdentity,
    ) -> Result<(Self, Vec<Carried>), BadBase> {
        let (checked, rest) = bytes
            .split_first_chunk::<CHECKED_BYTES>()
            .ok_or(BadBase::Damaged)?;
        let (check, records) = rest.split_first_chunk().ok_or(BadBase::Damaged)?;
        let chain = u32::from_le_bytes(*check);
        let mut reader = Reader::new(checked);
        let magic: [u8; 4] = reader.take();
        let version = u16::from_le_bytes(reader.take());
        if magic != MAGIC || checksum(0, checked) != chain {
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
        let carried_bytes = u32::from_le_bytes(reader.take());
        let carried = read_carried(records, chain)?;
        let whole = base.first > 0 && usize::try_from(carried_bytes) == Ok(records.len());
        whole.then_some((base, carried)).ok_or(BadBase::Damaged)
    }
}

fn read_carried(bytes: &[u8], chain: u32) -> Result<Vec<Carried>, BadBase> {
    let mut records = Records::new(bytes, chain);
    let mut carried = Vec::new();
    while let Some(record) = records.step() {
        carried.push(codec::decode(record).map_err(|_| BadBase::Damaged)?);
    }
    (records.bytes_walked() == bytes.len())
        .then_some(carried)
        .ok_or(BadBase::Damaged)
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
    /// At the first segment that is there, after all that the archive has, because what was carried
    /// is not known; people are told that the base is gone.
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
    use crate::model::outcome::{Reason, ResponseCode};
    use crate::model::record::{AdviceAnswer, Unknown};

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
        let unknown = Record::Unknown(Unknown {
            number: TransactionNumber(9),
            reason: Reason::Timeout,
        });
        let queued = Record::AdviceAnswer(AdviceAnswer {
            number: TransactionNumber(9),
            response_code: ResponseCode::APPROVED,
        });
        for carried in [vec![], vec![(Wall(1), unknown), (Wall(2), queued)]] {
            let bytes = BASE.encode(&IDENTITY, &carried);
            assert_eq!(Base::decode(&bytes, &IDENTITY), Ok((BASE, carried)));
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                assert_eq!(Base::decode(&changed, &IDENTITY), Err(BadBase::Damaged));
                let cut = &bytes[..at];
                assert_eq!(Base::decode(cut, &IDENTITY), Err(BadBase::Damaged));
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert_eq!(Base::decode(&longer, &IDENTITY), Err(BadBase::Damaged));
            let other = JournalIdentity {
                shard: ShardId(2),
                ..IDENTITY
            };
            assert_eq!(Base::decode(&bytes, &other), Err(BadBase::Foreign));
        }
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

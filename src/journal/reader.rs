//! What people ask of a journal: is it whole, what is in it, what became of one transaction.
//!
//! It reads; it never prints and never changes anything.

use std::path::{Path, PathBuf};

use hashbrown::HashSet;

use crate::journal::Entry;
use crate::journal::digest::maker::{DigestsCompared, compare_all};
use crate::journal::read_only::ReadOnlyFolder;
use crate::journal::recovery::RecoveryReport;
use crate::journal::store::StoreError;
use crate::model::ids::{Lsn, ShardId, TransactionNumber};
use crate::model::keys::BusinessKey;
use crate::model::record::Record;

/// One shard, verified.
#[derive(Debug)]
pub struct ShardVerification {
    /// Which.
    pub shard: ShardId,
    /// What was found; the error names segment, offset, LSN and remedy.
    pub result: Result<ShardSummary, StoreError>,
}

/// A shard's journal that is whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardSummary {
    /// Segment files.
    pub segments: u64,
    /// Segments before them, which are in the archive alone, and their records.
    pub archived: (u64, u64),
    /// Where the journal ends.
    pub end: Lsn,
    /// Blocks, records, bytes, watermark, where it stops and why.
    pub report: RecoveryReport,
    /// The commit watermark of the switch that was writing it meanwhile.
    pub live_watermark: Option<Lsn>,
    /// The digests beside its segments.
    pub digests: DigestsCompared,
}

/// A folder, verified.
#[derive(Debug)]
pub struct VerifyReport {
    /// Which.
    pub data: PathBuf,
    /// A switch has it open.
    pub live: bool,
    /// All shards.
    pub shards: Vec<ShardVerification>,
}

impl VerifyReport {
    /// Whether every shard is whole, and every digest what its segment says.
    pub fn is_good(&self) -> bool {
        let good = |summary: &ShardSummary| summary.digests.different.is_empty();
        self.shards
            .iter()
            .all(|shard| shard.result.as_ref().is_ok_and(good))
    }
}

/// Reads every block and record of every shard, and says what is not as it was written. Digests are
/// computed again and compared.
pub fn verify(data: &Path) -> Result<VerifyReport, StoreError> {
    let folder = ReadOnlyFolder::open(data)?;
    let shards = shards(&folder).map(|shard| ShardVerification {
        shard,
        result: verify_shard(data, &folder, shard),
    });
    Ok(VerifyReport {
        data: data.to_owned(),
        live: folder.is_live(),
        shards: shards.collect(),
    })
}

fn verify_shard(
    data: &Path,
    folder: &ReadOnlyFolder,
    shard: ShardId,
) -> Result<ShardSummary, StoreError> {
    let reading = folder.read_shard(shard, &mut |_| {})?;
    let end = reading.recovered.durable;
    Ok(ShardSummary {
        segments: reading.segments,
        archived: (reading.base.first - 1, reading.archived_records),
        end: reading.recovered.next,
        report: reading.recovered.report,
        live_watermark: reading.live_watermark,
        digests: compare_all(data, folder.identity(), shard, end)?,
    })
}

/// Hands every committed record to `visit`, shard by shard, in order.
pub fn dump(data: &Path, mut visit: impl FnMut(ShardId, &Entry)) -> Result<(), StoreError> {
    let folder = ReadOnlyFolder::open(data)?;
    for shard in shards(&folder) {
        folder.read_shard(shard, &mut |entry| visit(shard, &entry))?;
    }
    Ok(())
}

/// Every record of the transaction with this key: its claim, its answer, its reversals.
pub fn explain(data: &Path, key: &BusinessKey) -> Result<Vec<(ShardId, Entry)>, StoreError> {
    let mut found = Vec::new();
    let folder = ReadOnlyFolder::open(data)?;
    for shard in shards(&folder) {
        // A number is claimed before anything else is said about it.
        let mut numbers: HashSet<TransactionNumber, foldhash::fast::FixedState> =
            HashSet::default();
        folder.read_shard(shard, &mut |entry| {
            let number = entry.record.number();
            if names(&entry.record, key) {
                numbers.insert(number);
            }
            if numbers.contains(&number) {
                found.push((shard, entry));
            }
        })?;
    }
    Ok(found)
}

fn names(record: &Record, key: &BusinessKey) -> bool {
    let reverses = matches!(record, Record::Reversal(reversal) if reversal.target == *key);
    reverses || record.claimed() == Some(*key)
}

fn shards(folder: &ReadOnlyFolder) -> impl Iterator<Item = ShardId> {
    (0..folder.identity().shards).map(ShardId)
}

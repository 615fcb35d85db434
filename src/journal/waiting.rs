//! What people ask of the operator queue: who waits, for whom, why, and since when.
//!
//! It reads the journal; it never prints and never changes anything.

use std::collections::BTreeMap;
use std::path::Path;

use crate::journal::reader::dump;
use crate::journal::store::StoreError;
use crate::model::ids::{Institution, ShardId, TransactionNumber};
use crate::model::keys::BusinessKey;
use crate::model::outcome::QueueReason;
use crate::model::record::Record;
use crate::model::time::Wall;

/// One transaction that waits for an operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// In which shard's journal.
    pub shard: ShardId,
    /// Its number there.
    pub number: TransactionNumber,
    /// Its key; none where its claim is no longer in the journal.
    pub key: Option<BusinessKey>,
    /// Why.
    pub reason: QueueReason,
    /// The participant that it waits for.
    pub with: Institution,
    /// Since when.
    pub since: Wall,
}

/// The operator queue as a journal tells it, oldest first.
pub fn operator_queue(data: &Path) -> Result<Vec<Waiting>, StoreError> {
    let mut waiting: BTreeMap<(ShardId, TransactionNumber), Waiting> = BTreeMap::new();
    dump(data, |shard, entry| {
        let place = (shard, entry.record.number());
        if entry.record.ends_queue() {
            waiting.remove(&place);
        } else if let Record::Queued(queued) = entry.record {
            waiting.entry(place).or_insert(Waiting {
                shard,
                number: queued.number,
                key: None,
                reason: queued.reason,
                with: queued.with,
                since: entry.wall,
            });
        }
    })?;
    // Few wait, and millions do not: their keys are looked up in a second reading.
    if !waiting.is_empty() {
        dump(data, |shard, entry| {
            if let Some(key) = entry.record.claimed()
                && let Some(one) = waiting.get_mut(&(shard, entry.record.number()))
            {
                one.key = Some(key);
            }
        })?;
    }
    let mut list: Vec<Waiting> = waiting.into_values().collect();
    list.sort_by_key(|one| (one.since, one.shard, one.number));
    Ok(list)
}

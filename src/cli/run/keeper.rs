//! The thread that tends sealed segments, and what it says to people.

use std::path::absolute;

use crate::control::configuration::JournalConfiguration;
use crate::journal::archive::files::Archived;
use crate::journal::digest::maker::Made;
use crate::journal::keeper::{Keeper, KeeperNote, KeeperPlan};
use crate::shard::KeeperDesk;
use crate::shard::run::RunningShards;

/// Starts it. Not from a shard's thread, which is pinned. A switch without it works; only its next
/// start takes longer, and its journal ends when it is full.
pub(super) fn start(journal: &JournalConfiguration, shards: &RunningShards) -> Option<Keeper> {
    let plan = KeeperPlan {
        data: journal.data.clone(),
        // It is written down for programs that may be run elsewhere.
        archive: journal
            .archive
            .as_ref()
            .map(|path| absolute(path).unwrap_or_else(|_| path.clone())),
        bytes_max: journal.bytes_max,
    };
    Keeper::start(plan, KeeperDesk::new(shards, tell))
        .inspect_err(|error| tracing::warn!(%error, "nothing is digested or archived"))
        .ok()
}

fn tell(note: KeeperNote) {
    match note {
        KeeperNote::Made(_, _, Made::There) | KeeperNote::Archived(_, _, Archived::There) => {}
        KeeperNote::Made(shard, segment, Made::Made { bytes, records }) => {
            tracing::debug!(shard = shard.0, segment, records, bytes, "digest made");
        }
        KeeperNote::Made(shard, segment, Made::NotWhole { offset }) => tracing::error!(
            shard = shard.0,
            segment,
            offset,
            "a sealed segment is not what was written: run `cpg-switch journal verify`, and \
             restore it from a copy before the next start"
        ),
        KeeperNote::Archived(
            shard,
            segment,
            Archived::Now {
                digest_bytes,
                index_bytes,
            },
        ) => tracing::debug!(
            shard = shard.0,
            segment,
            digest_bytes,
            index_bytes,
            "archived"
        ),
        KeeperNote::GivenUp(shard, segment) => {
            tracing::info!(shard = shard.0, segment, "given up: it is in the archive");
        }
        KeeperNote::Needed(shard, segment, number) => tracing::warn!(
            shard = shard.0,
            segment,
            transaction = number.0,
            "the journal is nearly full, and its oldest segment is still needed: by a transaction \
             that is younger than keys must be remembered, or because too many are open; new \
             payments will be shed: raise `journal.bytes_max`, and see `cpg-switch journal queue`"
        ),
        KeeperNote::NotMade(error) => {
            tracing::warn!(%error, "no digest and no segment given up, tried again later");
        }
        KeeperNote::NotArchived(error) => tracing::warn!(
            %error,
            "not archived, tried again later: the journal keeps what is not in the archive, and \
             new payments will be shed when it is full"
        ),
    }
}

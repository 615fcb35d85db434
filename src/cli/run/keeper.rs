//! The thread that tends sealed segments, and what it says.

use std::path::absolute;

use crate::control::configuration::JournalConfiguration;
use crate::journal::archive::files::Archived;
use crate::journal::digest::maker::Made;
use crate::journal::keeper::{Keeper, KeeperNote, KeeperPlan};

/// Starts it. Not from a shard's thread, which is pinned. A switch without it works; only its next
/// start takes longer, and its journal ends when it is full.
pub(super) fn start(journal: &JournalConfiguration) -> Option<Keeper> {
    let plan = KeeperPlan {
        data: journal.data.clone(),
        // It is written down for programs that may be run elsewhere.
        archive: journal
            .archive
            .as_ref()
            .map(|path| absolute(path).unwrap_or_else(|_| path.clone())),
    };
    Keeper::start(plan, tell)
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
        KeeperNote::NotMade(error) => tracing::warn!(%error, "no digest, tried again later"),
        KeeperNote::NotArchived(error) => {
            tracing::warn!(%error, "not archived, tried again later");
        }
    }
}

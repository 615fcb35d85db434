//! The thread that packs sealed segments for the next start, and what it says.

use std::path::Path;

use crate::journal::digest::maker::{DigestMaker, Made, MakerNote};

/// Starts it. Not from a shard's thread, which is pinned. A switch without it works; only its next
/// start takes longer.
pub(super) fn start(data: &Path) -> Option<DigestMaker> {
    DigestMaker::start(data.to_owned(), tell)
        .inspect_err(|error| tracing::warn!(%error, "no digests are made"))
        .ok()
}

fn tell(note: MakerNote) {
    match note {
        MakerNote::Made(_, _, Made::There) => {}
        MakerNote::Made(shard, segment, Made::Made { bytes, records }) => {
            tracing::debug!(shard = shard.0, segment, records, bytes, "digest made");
        }
        MakerNote::Made(shard, segment, Made::NotWhole { offset }) => tracing::error!(
            shard = shard.0,
            segment,
            offset,
            "a sealed segment is not what was written: run `cpg-switch journal verify`, and \
             restore it from a copy before the next start"
        ),
        MakerNote::Failed(error) => tracing::warn!(%error, "no digest, tried again later"),
    }
}

//! Reads the segments of a shard's folder into a [`Recovery`], or their digests where they have
//! one. Part of [`crate::journal::store`]: it knows files, and decides nothing.

use std::path::{Path, PathBuf};

use crate::journal::Entry;
use crate::journal::cases::DigestUse;
use crate::journal::digest::Digest;
use crate::journal::digest::files::{ReadAhead, digest_name};
use crate::journal::identity::FolderIdentity;
use crate::journal::layout::BLOCK;
use crate::journal::recovery::Recovery;
use crate::journal::segments::{segment_of, segment_start};
use crate::journal::store::{Piece, StoreError};
use crate::journal::warning::StoreWarning;
use crate::model::ids::Lsn;
use crate::model::limits::BLOCK_BYTES;
use crate::sys::segments::SegmentReader;

/// Hands every block of every segment from where `recovery` begins, and what is missing; up to
/// `limit`.
pub(super) fn read_segments(
    recovery: &mut Recovery,
    identity: &FolderIdentity,
    files: &[(u64, PathBuf)],
    limit: Option<Lsn>,
    visit: &mut impl FnMut(Entry),
) -> Result<(), StoreError> {
    let mut before = segment_of(recovery.next(), identity.segment_bytes) - 1;
    for (segment, path) in files {
        handle_gap(recovery, identity, before, *segment);
        before = *segment;
        if !read_segment(recovery, identity, (*segment, path), limit, visit)? {
            return Ok(());
        }
    }
    Ok(())
}

/// As [`read_segments`], but of a segment with a digest that can be used the digest is visited.
pub(super) fn read_digested(
    recovery: &mut Recovery,
    identity: &FolderIdentity,
    (directory, files): (&Path, &[(u64, PathBuf)]),
    warnings: &mut Vec<StoreWarning>,
    visit: &mut impl FnMut(Piece<'_>),
) -> Result<(), StoreError> {
    let ahead = ReadAhead::start(directory, files, identity.segment_bytes)?;
    let mut before = segment_of(recovery.next(), identity.segment_bytes) - 1;
    for (segment, path) in files {
        handle_gap(recovery, identity, before, *segment);
        before = *segment;
        let beside = ahead.next();
        let ends = beside.ends.as_deref().map(|[first, last]| (first, last));
        let found = beside.digest.as_ref().map(Digest::header);
        let verdict = recovery.handle_digest(found.map_err(|found| *found), ends);
        match (verdict, beside.digest) {
            (DigestUse::Use, Ok(digest)) => {
                visit(Piece::Digest(&digest));
                ahead.give_back(digest);
                continue;
            }
            (DigestUse::ReadAndTell, _) => {
                warnings.push(StoreWarning::DigestNotUsed(
                    directory.join(digest_name(*segment)),
                ));
            }
            (DigestUse::Use | DigestUse::Read, _) => {}
        }
        let mut visit = |entry| visit(Piece::Record(entry));
        read_segment(recovery, identity, (*segment, path), None, &mut visit)?;
    }
    Ok(())
}

/// Between the last segment that was read and `segment` there are files missing.
fn handle_gap(recovery: &mut Recovery, identity: &FolderIdentity, before: u64, segment: u64) {
    for missing in before + 1..segment {
        recovery.handle_absent(segment_start(missing, identity.segment_bytes));
    }
}

/// Hands a segment's blocks to `recovery`. `false`: the limit is reached.
fn read_segment(
    recovery: &mut Recovery,
    identity: &FolderIdentity,
    (segment, path): (u64, &Path),
    limit: Option<Lsn>,
    visit: &mut impl FnMut(Entry),
) -> Result<bool, StoreError> {
    let start = segment_start(segment, identity.segment_bytes);
    if limit.is_some_and(|limit| start >= limit) {
        return Ok(false);
    }
    let mut reader = SegmentReader::open(path)?;
    if reader.bytes() > identity.segment_bytes {
        return Err(StoreError::Refused {
            path: path.to_owned(),
            what: format!(
                "it is longer than the {} bytes of a segment",
                identity.segment_bytes
            ),
            remedy: "it is not a segment of this journal: find out who put it there",
        });
    }
    while let Some((offset, blocks)) = reader.next_blocks()? {
        let (blocks, _) = blocks.as_chunks::<BLOCK_BYTES>();
        for (index, block) in (0_u64..).zip(blocks) {
            let lsn = start.plus(offset + index * BLOCK);
            if limit.is_some_and(|limit| lsn >= limit) {
                return Ok(false);
            }
            recovery.handle_block(lsn, block, visit);
        }
    }
    if reader.bytes() < identity.segment_bytes {
        recovery.handle_absent(start.plus(reader.bytes() / BLOCK * BLOCK));
    }
    Ok(true)
}

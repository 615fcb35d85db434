//! Makes the digests that are missing, by command or for [`crate::journal::keeper`], and compares
//! them with their segments.
//!
//! It needs nothing from a shard: the tail's header says up to where the journal is on the disk,
//! and a segment that ends there or before is never written again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::files::{Compared, compare, compute, digest_name, is_made, write};
use super::{Digest, DigestHeader};
use crate::journal::identity::FolderIdentity;
use crate::journal::layout::{TAIL_HEADER_BYTES, read_tail_header};
use crate::journal::read_only::ReadOnlyFolder;
use crate::journal::segments::segment_start;
use crate::journal::store::{StoreError, last_tail_path, list, shard_directory};
use crate::model::ids::{Lsn, ShardId};
use crate::sys::error::MachineError;
use crate::sys::files::sync_file;

/// What became of one segment.
#[derive(Debug)]
pub enum Made {
    /// It has a digest now.
    Made {
        /// Size of the digest.
        bytes: u64,
        /// Records of the segment.
        records: u64,
    },
    /// It had one already.
    There,
    /// It is not whole: a block, at this offset, is not what was written.
    NotWhole {
        /// Where in the segment.
        offset: u64,
    },
}

/// Makes the digest of one sealed segment, unless it has one.
pub(in crate::journal) fn make(
    data: &Path,
    identity: &FolderIdentity,
    shard: ShardId,
    segment: (u64, &Path),
) -> Result<Made, StoreError> {
    let directory = shard_directory(data, shard);
    let whose = identity.shard(shard);
    if is_made(&directory, segment, &whose) {
        return Ok(Made::There);
    }
    // In commit mode `memory` a segment is written and not synced: nobody may know of it what a
    // loss of power could still take from it.
    sync_file(segment.1)?;
    let bytes = match compute(segment.1, whose, segment.0, identity.segment_bytes)? {
        Ok(bytes) => bytes,
        Err(not) => return Ok(Made::NotWhole { offset: not.offset }),
    };
    let header = DigestHeader::decode(&bytes).expect("what is encoded can be decoded");
    // A start looks at every entry before it uses one: to do so here too would cost every payment.
    debug_assert!(Digest::read(bytes.clone()).is_ok());
    write(&directory, segment, &bytes)?;
    Ok(Made::Made {
        bytes: bytes.len() as u64,
        records: header.records,
    })
}

/// Makes what is missing in a folder. Of a folder that no switch has open, every record is read
/// first, and nothing is made where the journal is damaged.
pub fn make_all(data: &Path, mut told: impl FnMut(ShardId, u64, &Made)) -> Result<(), StoreError> {
    let folder = ReadOnlyFolder::open(data)?;
    for shard in (0..folder.identity().shards).map(ShardId) {
        let end = if folder.is_live() {
            written_end(&shard_directory(data, shard))?
        } else {
            folder.read_shard(shard, &mut |_| {})?.recovered.durable
        };
        for (segment, path) in sealed(data, folder.identity(), shard, end)? {
            let made = make(data, folder.identity(), shard, (segment, &path))?;
            told(shard, segment, &made);
        }
    }
    Ok(())
}

/// The digests of a shard, compared with their segments.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DigestsCompared {
    /// As their segment says.
    pub same: u64,
    /// Of another version: a start does not use them.
    pub other_version: u64,
    /// Sealed segments without one.
    pub absent: u64,
    /// Files that are not what their segment says.
    pub different: Vec<PathBuf>,
}

/// Compares every digest of segments that end at `end` or before, byte by byte.
pub(in crate::journal) fn compare_all(
    data: &Path,
    identity: &FolderIdentity,
    shard: ShardId,
    end: Lsn,
) -> Result<DigestsCompared, StoreError> {
    let directory = shard_directory(data, shard);
    let mut found = DigestsCompared::default();
    for (segment, path) in sealed(data, identity, shard, end)? {
        let whose = identity.shard(shard);
        match compare(&directory, (segment, &path), whose, identity.segment_bytes)? {
            Compared::Absent => found.absent += 1,
            Compared::Same => found.same += 1,
            Compared::OtherVersion => found.other_version += 1,
            Compared::Different => found.different.push(directory.join(digest_name(segment))),
        }
    }
    Ok(found)
}

/// The segments that end at `end` or before.
pub(in crate::journal) fn sealed(
    data: &Path,
    identity: &FolderIdentity,
    shard: ShardId,
    end: Lsn,
) -> Result<Vec<(u64, PathBuf)>, MachineError> {
    let mut files = list(&shard_directory(data, shard))?;
    files.retain(|(segment, _)| segment_start(segment + 1, identity.segment_bytes) <= end);
    Ok(files)
}

/// Up to where a live journal is written, as its tail says; nowhere where that cannot be read.
pub(in crate::journal) fn written_end(directory: &Path) -> Result<Lsn, MachineError> {
    let Some(path) = last_tail_path(directory)? else {
        return Ok(Lsn(0));
    };
    let mut page = [0; TAIL_HEADER_BYTES];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut page, 0));
    let header = read.ok().and_then(|()| read_tail_header(&page));
    Ok(header.map_or(Lsn(0), |(_, header)| header.durable))
}

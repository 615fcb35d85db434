//! A journal's folder, read beside a live switch or after one. Takes no lock, changes nothing.
//!
//! Of a live journal the tail is read first, then the segments up to what the tail said was on the
//! disk, then the rest from the copy of the tail: nothing beyond the commit watermark is shown, and
//! nothing that moves meanwhile is taken for damage.

use std::path::{Path, PathBuf};

use crate::journal::Entry;
use crate::journal::archive::files::{archive_directory, archive_path, read_digest_header};
use crate::journal::base::Base;
use crate::journal::cases::Fault;
use crate::journal::digest::files::digest_name;
use crate::journal::first::{find_base, read_archived};
use crate::journal::identity::{FolderIdentity, IDENTITY_FILE};
use crate::journal::layout::{JournalIdentity, read_tail_header};
use crate::journal::recovery::{Recovered, Recovery, TailLeft};
use crate::journal::scan::read_segments;
use crate::journal::store::{
    StoreError, damaged, is_locked, last_tail_path, list, read_boot_id, read_file, read_identity,
    shard_directory,
};
use crate::model::ids::{Lsn, ShardId, TransactionNumber};

/// A folder that is only read: beside a live switch, or after one.
#[derive(Debug)]
pub struct ReadOnlyFolder {
    data: PathBuf,
    identity: FolderIdentity,
    live: bool,
}

/// What was found when a shard was only read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShardReading {
    /// Segment files.
    pub segments: u64,
    /// Where they begin.
    pub base: Base,
    /// Records before that, from the archive.
    pub archived_records: u64,
    /// Where the journal ends, and the rest of what recovery would find.
    pub recovered: Recovered,
    /// A switch was running: read up to its commit watermark, which this is.
    pub live_watermark: Option<Lsn>,
}

impl ReadOnlyFolder {
    /// Looks at a folder. Nothing is created, changed or kept locked.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let path = data.join(IDENTITY_FILE);
        let identity = read_identity(&path)?.ok_or_else(|| StoreError::Refused {
            path: data.to_owned(),
            what: format!("there is no {IDENTITY_FILE}: it is not a journal's folder"),
            remedy: "name the directory that `journal.data` names",
        })?;
        Ok(Self {
            live: is_locked(&data.join("lock"))?,
            data: data.to_owned(),
            identity,
        })
    }

    /// What its shards have in common.
    pub fn identity(&self) -> &FolderIdentity {
        &self.identity
    }

    /// Whether a switch has it open.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Reads a shard's journal: every committed record in order through `visit`, those of segments
    /// that are gone from the archive. There, an answer stands with its payment.
    pub fn read_shard(
        &self,
        shard: ShardId,
        visit: &mut dyn FnMut(Entry),
    ) -> Result<ShardReading, StoreError> {
        self.read_from(shard, None, visit)
    }

    /// The same of what is not in the archive: segments after `archived`, and the tail. Refused
    /// where that is more than `bytes_max`.
    pub fn read_unarchived(
        &self,
        shard: ShardId,
        archived: u64,
        bytes_max: u64,
        visit: &mut dyn FnMut(Entry),
    ) -> Result<ShardReading, StoreError> {
        self.read_from(shard, Some((archived, bytes_max)), visit)
    }

    fn read_from(
        &self,
        shard: ShardId,
        after: Option<(u64, u64)>,
        visit: &mut dyn FnMut(Entry),
    ) -> Result<ShardReading, StoreError> {
        let directory = shard_directory(&self.data, shard);
        // The tail first: what it has when it is read, or less, is missing on the disk later.
        let tail_path = last_tail_path(&directory)?;
        let mut tail = match &tail_path {
            Some(path) => read_file(path)?,
            None => None,
        };
        let header = tail.as_deref().and_then(read_tail_header);
        let live = header.map(|(_, header)| header).filter(|_| self.live);
        let mut files = list(&directory)?;
        let identity = self.identity.shard(shard);
        let segment_bytes = self.identity.segment_bytes;
        let begun = find_base(&self.data, &directory, &identity, segment_bytes, &mut files)?;
        let mut base = begun.base;
        let archived = match after {
            None => read_archived(&self.data, &identity, segment_bytes, &base, visit)?,
            Some((archived, bytes_max)) => {
                if archived >= base.first {
                    base = base_after(&self.data, &identity, archived)?;
                    files.retain(|(segment, _)| *segment > archived);
                }
                self.check_room(&directory, &files, bytes_max)?;
                0
            }
        };
        let mut recovery = Recovery::from_base(identity, segment_bytes, &base);
        let committed = live.map_or(Lsn(u64::MAX), |header| header.committed);
        let mut visit = |entry: Entry| {
            if entry.lsn <= committed {
                visit(entry);
            }
        };
        let limit = live.map(|header| header.durable);
        read_segments(&mut recovery, &self.identity, &files, limit, &mut visit)?;
        let boot_id = read_boot_id()?;
        let left = tail.as_mut().map(|bytes| TailLeft { bytes, boot_id });
        let recovered = recovery
            .finish(left, &mut visit)
            .map_err(|damage| match damage.fault {
                Fault::TailDamaged if self.live => StoreError::Refused {
                    path: directory.clone(),
                    what: "the journal went on faster than it was read".to_owned(),
                    remedy: "read it again, or when the switch is less busy",
                },
                _ => damaged(&directory, tail_path.as_deref(), damage),
            })?;
        Ok(ShardReading {
            segments: files.len() as u64,
            base,
            archived_records: archived,
            recovered,
            live_watermark: live.map(|header| header.committed),
        })
    }

    /// A reader who is waited for does not read for minutes.
    fn check_room(
        &self,
        directory: &Path,
        files: &[(u64, PathBuf)],
        bytes_max: u64,
    ) -> Result<(), StoreError> {
        let bytes = files.len() as u64 * self.identity.segment_bytes;
        if bytes <= bytes_max {
            return Ok(());
        }
        Err(StoreError::Refused {
            path: directory.to_owned(),
            what: format!("{bytes} bytes of it are not archived, which is too much to be searched"),
            remedy: "wait until the archive has caught up, or use `cpg-switch journal explain`",
        })
    }
}

/// Where the journal goes on behind an archived segment, as its digest tells.
fn base_after(data: &Path, identity: &JournalIdentity, archived: u64) -> Result<Base, StoreError> {
    let archive = archive_path(data)?;
    let path = archive_directory(&archive, identity.shard).join(digest_name(archived));
    let read = read_digest_header(&path).ok().and_then(Result::ok);
    let header = read.ok_or_else(|| StoreError::Refused {
        path,
        what: "it cannot be read".to_owned(),
        remedy: "see `cpg-switch journal archive verify`",
    })?;
    Ok(Base {
        first: archived + 1,
        chain: header.chain_after,
        epoch: header.epoch_last,
        watermark: header.watermark,
        number: TransactionNumber(0),
    })
}

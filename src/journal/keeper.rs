//! The keeper: tends what is sealed, while the switch runs, on a thread of its own at the lowest
//! priority. No shard waits for it, nor does the end.
//!
//! ```text
//! sealed -> digest made -> archived: digest and index
//! ```
//!
//! It needs nothing from a shard for that: the tail's header says up to where the journal is on the
//! disk, and a segment that ends there or before is never written again.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};

use crate::journal::archive::files::{
    Archived, archive_directory, archive_path, note_archive_path, put,
};
use crate::journal::digest::files::digest_name;
use crate::journal::digest::maker::{Made, make, sealed, written_end};
use crate::journal::identity::{FolderIdentity, IDENTITY_FILE};
use crate::journal::store::{StoreError, read_identity, shard_directory};
use crate::model::ids::ShardId;
use crate::sys::error::MachineError;
use crate::sys::files::free_bytes;
use crate::sys::threads;

/// How often the keeper looks for segments that were sealed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A disk that is full or broken stays so for a while.
const RETRY_EVERY: Duration = Duration::from_secs(60);

/// Room for so many segments is left to the journal, on its own file system and on the archive's.
const SEGMENTS_LEFT: u64 = 8;

/// What the keeper tells people.
#[derive(Debug)]
pub enum KeeperNote {
    /// A segment was looked at, for its digest.
    Made(ShardId, u64, Made),
    /// A segment is in the archive.
    Archived(ShardId, u64, Archived),
    /// No digest was made, and it is tried again.
    NotMade(StoreError),
    /// Nothing was archived, and it is tried again.
    NotArchived(StoreError),
}

/// What it is to tend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeeperPlan {
    /// The journal's folder.
    pub data: PathBuf,
    /// The archive's, if it is not in the journal's.
    pub archive: Option<PathBuf>,
}

/// The thread. Dropping it lets it end; nobody waits.
#[derive(Debug)]
pub struct Keeper {
    /// Nothing is ever sent: the thread ends when this is gone.
    _alive: Sender<()>,
}

impl Keeper {
    /// Starts it. Not from a pinned thread: it would run on that core.
    pub fn start(
        plan: KeeperPlan,
        tell: impl Fn(KeeperNote) + Send + 'static,
    ) -> Result<Self, MachineError> {
        note_archive_path(&plan.data, plan.archive.as_deref())?;
        let rounds = Rounds {
            archive: archive_path(&plan.data)?,
            data: plan.data,
            next: Vec::new(),
        };
        let (alive, ended) = channel();
        threads::spawn_in_background("cpg-keeper", move || rounds.serve(&ended, &tell))?;
        Ok(Self { _alive: alive })
    }
}

/// Where the rounds have come.
struct Rounds {
    data: PathBuf,
    archive: PathBuf,
    /// By shard: the first segment whose digest was not seen yet, and the first that was not seen
    /// in the archive.
    next: Vec<(u64, u64)>,
}

impl Rounds {
    fn serve(mut self, ended: &Receiver<()>, tell: &dyn Fn(KeeperNote)) {
        loop {
            let pause = match self.look_round(ended, tell) {
                Ok(true) => LOOK_EVERY,
                Ok(false) => RETRY_EVERY,
                Err(error) => {
                    tell(KeeperNote::NotMade(error));
                    RETRY_EVERY
                }
            };
            match ended.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Tends what has been sealed since the last time. `false`: the archive cannot be written to.
    fn look_round(
        &mut self,
        ended: &Receiver<()>,
        tell: &dyn Fn(KeeperNote),
    ) -> Result<bool, StoreError> {
        let Some(identity) = read_identity(&self.data.join(IDENTITY_FILE))? else {
            return Ok(true);
        };
        self.next.resize(usize::from(identity.shards), (1, 1));
        let mut archives = true;
        for shard in (0..identity.shards).map(ShardId) {
            let directory = shard_directory(&self.data, shard);
            let end = written_end(&directory)?;
            for (segment, path) in sealed(&self.data, &identity, shard, end)? {
                if ended.try_recv() == Err(TryRecvError::Disconnected) {
                    return Ok(archives);
                }
                self.digest(&identity, shard, (segment, &path), tell)?;
                archives = archives && self.archive(&identity, shard, segment, tell);
            }
        }
        Ok(archives)
    }

    fn digest(
        &mut self,
        identity: &FolderIdentity,
        shard: ShardId,
        segment: (u64, &Path),
        tell: &dyn Fn(KeeperNote),
    ) -> Result<(), StoreError> {
        let (next, _) = &mut self.next[usize::from(shard.0)];
        if segment.0 >= *next {
            leave_room(&self.data, identity)?;
            let made = make(&self.data, identity, shard, segment)?;
            *next = segment.0 + 1;
            tell(KeeperNote::Made(shard, segment.0, made));
        }
        Ok(())
    }

    /// Archives a segment that has a digest. `false`: it was not possible.
    fn archive(
        &mut self,
        identity: &FolderIdentity,
        shard: ShardId,
        segment: u64,
        tell: &dyn Fn(KeeperNote),
    ) -> bool {
        let (_, next) = &mut self.next[usize::from(shard.0)];
        let beside = shard_directory(&self.data, shard).join(digest_name(segment));
        // A segment that is not whole has no digest, and was told of.
        if segment < *next || !beside.exists() {
            return true;
        }
        let directory = archive_directory(&self.archive, shard);
        let whose = identity.shard(shard);
        let put = leave_room(existing(&self.archive, &self.data), identity)
            .and_then(|()| put(&directory, &whose, segment, &beside));
        match put {
            Ok(archived) => {
                *next = segment + 1;
                tell(KeeperNote::Archived(shard, segment, archived));
                true
            }
            Err(error) => {
                tell(KeeperNote::NotArchived(error));
                false
            }
        }
    }
}

/// The archive's folder, or, before its first file, that of the journal.
fn existing<'p>(archive: &'p Path, data: &'p Path) -> &'p Path {
    if archive.is_dir() { archive } else { data }
}

/// Refuses where the disk has no more room than the journal may soon need.
pub(in crate::journal) fn leave_room(
    place: &Path,
    identity: &FolderIdentity,
) -> Result<(), StoreError> {
    if free_bytes(place)? / identity.segment_bytes >= SEGMENTS_LEFT {
        return Ok(());
    }
    Err(StoreError::Refused {
        path: place.to_owned(),
        what: format!(
            "there is room for fewer than {SEGMENTS_LEFT} segments, which is left to them"
        ),
        remedy: "free space on that file system: without digests the next start takes longer, and \
                 what is not archived stays in the journal",
    })
}

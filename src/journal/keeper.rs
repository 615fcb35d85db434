//! The keeper: tends what is sealed, while the switch runs, on a thread of its own that gives way
//! to all others, until the room is nearly gone. No shard waits for it, nor does the end.
//!
//! ```text
//! sealed -> digest made -> archived -> (room is short) -> forgotten by its shard -> given up
//! ```
//!
//! It needs nothing from a shard to archive: the tail's header says up to where the journal is on
//! the disk, and a segment that ends there or before is never written again. To give up the oldest
//! segment it asks the shard to forget everything that was claimed in it, and waits until the shard
//! says that it has: then no start will need it, and no record will name it again. What the shard
//! cannot forget, because it is not over, is carried in the base. What is in the archive is
//! compared with the segment once more; then the base says where the journal begins, and only then
//! the segment is removed. A process that ends in between leaves a segment that is not read any
//! more, and the next keeper removes it.

use core::time::Duration;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use crate::journal::archive::files::{
    Archived, archive_directory, archive_path, index_header, is_archived, note_archive_path,
    prove_index, put, read_digest, sync_folder,
};
use crate::journal::base::{Base, Carried};
use crate::journal::digest::Digest;
use crate::journal::digest::files::{compute, digest_name};
use crate::journal::digest::maker::{Made, make, sealed, written_end};
use crate::journal::first::{add_totals, find_base, records_of, tell_the_same, write_base};
use crate::journal::identity::{FolderIdentity, IDENTITY_FILE};
use crate::journal::segments::{segment_of, segment_start};
use crate::journal::store::{StoreError, list, read_identity, shard_directory};
use crate::journal::totals::Totals;
use crate::model::ids::{Lsn, ShardId, TransactionNumber};
use crate::sys::error::MachineError;
use crate::sys::files::{free_bytes, remove_if_there};
use crate::sys::segments::{delete_segment, segment_name};
use crate::sys::threads;

/// How often the keeper looks for segments that were sealed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// And how often while it makes room.
const LOOK_SOON: Duration = Duration::from_millis(100);
/// A disk that is full or broken stays so for a while.
const RETRY_EVERY: Duration = Duration::from_secs(60);

/// Room for so many segments is left to the journal, on its own file system and on the archive's.
const SEGMENTS_LEFT: u64 = 8;

/// Rounds in which a shard has forgotten nothing before people are told what is in the way.
const STOOD_ROUNDS: u32 = 2;

/// Segments that are kept free: what a busy shard needs while the keeper makes room.
const FREE_MIN: u64 = 2;
const FREE_MAX: u64 = 64;

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
    /// A segment is in the archive alone now.
    GivenUp(ShardId, u64),
    /// Room is short, and the oldest segment is still needed: it holds this number, of a
    /// transaction that is younger than keys must be remembered, or open like many others.
    Needed(ShardId, u64, TransactionNumber),
}

/// How far the archive of a shard is, for the shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The first segment of the live journal.
    pub first: u64,
    /// Segments up to this one are in the archive.
    pub archived: u64,
    /// The highest segment that may be made.
    pub last: u64,
    /// Everything up to this number is to be forgotten.
    pub forget: TransactionNumber,
    /// Segments that should be given up, and that something still needs.
    pub needed: u64,
}

/// How the keeper speaks with people and with the shards.
///
/// It keeps others from the journal's folder for as long as the keeper is at work there.
pub trait Desk: Send {
    /// Tells people.
    fn tell(&self, note: KeeperNote);
    /// Tells a shard how far its archive is. `false`: it cannot be told now.
    fn tell_shard(&self, shard: ShardId, progress: Progress) -> bool;
    /// Up to which number a shard has forgotten everything.
    fn forgotten(&self, shard: ShardId) -> TransactionNumber;
    /// But for these, which are not over. Asked after [`Desk::forgotten`].
    fn carried(&self, shard: ShardId) -> BTreeSet<TransactionNumber>;
}

/// What it is to tend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeeperPlan {
    /// The journal's folder.
    pub data: PathBuf,
    /// The archive's, if it is not in the journal's.
    pub archive: Option<PathBuf>,
    /// Space that the segments of one shard may take.
    pub bytes_max: u64,
}

/// The thread. Dropping it lets it end; nobody waits.
#[derive(Debug)]
pub struct Keeper {
    /// Nothing is ever sent: the thread ends when this is gone.
    alive: Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts it. Not from a pinned thread: it would run on that core.
    pub fn start(plan: KeeperPlan, desk: impl Desk + 'static) -> Result<Self, MachineError> {
        note_archive_path(&plan.data, plan.archive.as_deref())?;
        let rounds = Rounds::new(plan)?;
        let (alive, ended) = channel();
        let body = move || rounds.serve(&ended, &desk);
        let thread = threads::spawn_in_background("cpg-keeper", body)?;
        Ok(Self { alive, thread })
    }

    /// Ends it and waits until it has: for who goes on with the folder in the same process.
    pub fn end(self) {
        drop(self.alive);
        // A panic of it was told by its hook; what it left is found by the next.
        drop(self.thread.join());
    }
}

/// Where the rounds have come.
pub(super) struct Rounds {
    data: PathBuf,
    archive: PathBuf,
    bytes_max: u64,
    /// By shard.
    parts: Vec<Part>,
    /// One of them is pressed for room.
    pressed: bool,
}

/// Where they have come with one shard.
#[derive(Clone, Copy, Default)]
struct Part {
    /// Segments up to this one were looked at for their digests.
    digested: u64,
    /// What the shard was told last.
    told: Progress,
    /// How far it had forgotten the last time.
    forgotten: Option<TransactionNumber>,
    /// Rounds since it came any further.
    stood: u32,
    /// What people were told is in the way.
    needed: TransactionNumber,
    /// Half of the segments that are kept free are in use: the journal must not wait for this.
    pressed: bool,
    /// Until it is tried again, after something went wrong.
    rest: Duration,
}

impl Rounds {
    pub(super) fn new(plan: KeeperPlan) -> Result<Self, MachineError> {
        Ok(Self {
            archive: archive_path(&plan.data)?,
            data: plan.data,
            bytes_max: plan.bytes_max,
            parts: Vec::new(),
            pressed: false,
        })
    }

    fn serve(mut self, ended: &Receiver<()>, desk: &dyn Desk) {
        loop {
            let pause = self.look_round(ended, desk).unwrap_or_else(|error| {
                desk.tell(KeeperNote::NotMade(error));
                RETRY_EVERY
            });
            match ended.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Tends what has been sealed since the last time. Returns when to look again.
    pub(super) fn look_round(
        &mut self,
        ended: &Receiver<()>,
        desk: &dyn Desk,
    ) -> Result<Duration, StoreError> {
        let Some(identity) = read_identity(&self.data.join(IDENTITY_FILE))? else {
            return Ok(LOOK_EVERY);
        };
        let count = usize::from(identity.shards);
        self.parts.resize(count, Part::default());
        let mut busy = false;
        for shard in (0..identity.shards).map(ShardId) {
            // What stands in the way of one shard is no reason to leave the others.
            if self.parts[usize::from(shard.0)].rest.is_zero() {
                busy |= self.look_at(&identity, shard, ended, desk);
            }
        }
        let pressed = self.parts.iter().any(|part| part.pressed);
        if pressed != self.pressed {
            threads::give_way(!pressed);
            self.pressed = pressed;
        }
        let pause = if busy { LOOK_SOON } else { LOOK_EVERY };
        for part in &mut self.parts {
            part.rest = part.rest.saturating_sub(pause);
        }
        Ok(pause)
    }

    /// One shard's part of a round. `true`: more may come of it soon.
    fn look_at(
        &mut self,
        identity: &FolderIdentity,
        shard: ShardId,
        ended: &Receiver<()>,
        desk: &dyn Desk,
    ) -> bool {
        let part = &mut self.parts[usize::from(shard.0)];
        let mut kept = true;
        let begun = Tending::begin(&self.data, &self.archive, identity, shard);
        let moves = begun.and_then(|mut tending| {
            if part.told == Progress::default() {
                tending.mend(desk);
            }
            // What is on the disk can be given up though nothing more finds room on it.
            kept = tending.keep(part, ended, desk).unwrap_or_else(|error| {
                desk.tell(KeeperNote::NotMade(error));
                false
            });
            tending.give_up(self.bytes_max, part, ended, desk)
        });
        let moves = moves.unwrap_or_else(|error| {
            desk.tell(KeeperNote::NotMade(error));
            // What is in the archive is looked at again: it may have been mended.
            part.told = Progress::default();
            kept = false;
            false
        });
        if !kept && !moves {
            part.rest = RETRY_EVERY;
        }
        moves
    }
}

/// Whether the keeper is to end.
fn is_over(ended: &Receiver<()>) -> bool {
    ended.try_recv() == Err(TryRecvError::Disconnected)
}

/// One shard's part of one round.
struct Tending<'r> {
    data: &'r Path,
    archive: &'r Path,
    identity: &'r FolderIdentity,
    shard: ShardId,
    base: Base,
    /// What the base carries.
    carried: Vec<Carried>,
    /// And what older payments count for.
    totals: Totals,
    /// Segments from here on may have records that are to be carried, and are not yet.
    uncarried: u64,
    /// Where the journal is on the disk.
    end: Lsn,
    /// Segments up to this one are in the archive.
    archived: u64,
}

impl<'r> Tending<'r> {
    fn begin(
        data: &'r Path,
        archive: &'r Path,
        identity: &'r FolderIdentity,
        shard: ShardId,
    ) -> Result<Self, StoreError> {
        let directory = shard_directory(data, shard);
        let whose = identity.shard(shard);
        let mut files = list(&directory)?;
        let left = files.clone();
        let mut begun = find_base(data, &directory, &whose, identity.segment_bytes, &mut files)?;
        let base = begun.base;
        let totals = Totals::of(&mut begun.carried);
        // Removing them was begun by a process that ended.
        for (segment, path) in left.iter().filter(|(segment, _)| *segment < base.first) {
            remove(&directory, *segment, path)?;
        }
        Ok(Self {
            end: written_end(&directory)?,
            archived: base.first - 1,
            data,
            archive,
            identity,
            shard,
            base,
            carried: begun.carried,
            totals,
            uncarried: begun.warning.map_or(base.first, |_| 1),
        })
    }

    fn directory(&self) -> PathBuf {
        shard_directory(self.data, self.shard)
    }

    fn archive_directory(&self) -> PathBuf {
        archive_directory(self.archive, self.shard)
    }

    fn sealed(&self) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        Ok(sealed(self.data, self.identity, self.shard, self.end)?)
    }

    /// Makes and archives what is missing. `false`: the archive cannot be written to.
    fn keep(
        &mut self,
        part: &mut Part,
        ended: &Receiver<()>,
        desk: &dyn Desk,
    ) -> Result<bool, StoreError> {
        let mut stuck = None;
        for (segment, path) in self.sealed()? {
            if is_over(ended) {
                break;
            }
            if segment <= part.told.archived {
                self.archived = segment;
            }
            if segment > part.digested {
                leave_room(self.data, self.identity)?;
                let made = make(self.data, self.identity, self.shard, (segment, &path))?;
                part.digested = segment;
                desk.tell(KeeperNote::Made(self.shard, segment, made));
            }
            if stuck.is_none() && segment > part.told.archived && !self.archive(segment, desk) {
                stuck = Some(segment);
            }
        }
        if let Some(segment) = stuck {
            // Where its digest is damaged people are told to remove it: then it is made anew.
            part.digested = part.digested.min(segment - 1);
        }
        Ok(stuck.is_none())
    }

    /// Indexes that are missing of segments that are gone are made of their digests.
    fn mend(&self, desk: &dyn Desk) {
        let (directory, whose) = (self.archive_directory(), self.identity.shard(self.shard));
        for segment in 1..self.base.first {
            let beside = self.directory().join(digest_name(segment));
            match put(&directory, &whose, segment, &beside) {
                Ok(Archived::There) => {}
                Ok(now) => desk.tell(KeeperNote::Archived(self.shard, segment, now)),
                Err(error) => desk.tell(KeeperNote::NotArchived(error)),
            }
        }
    }

    /// Archives a segment, if the one before it is. `false`: it is not possible now.
    fn archive(&mut self, segment: u64, desk: &dyn Desk) -> bool {
        if segment != self.archived + 1 {
            return true;
        }
        let beside = self.directory().join(digest_name(segment));
        let (directory, whose) = (self.archive_directory(), self.identity.shard(self.shard));
        if !beside.exists() && !is_archived(&directory, &whose, segment) {
            // The segment is not whole, which was told; or the digest was taken away.
            return false;
        }
        let put = leave_room(existing(self.archive, self.data), self.identity)
            .and_then(|()| put(&directory, &whose, segment, &beside));
        match put {
            Ok(archived) => {
                self.archived = segment;
                desk.tell(KeeperNote::Archived(self.shard, segment, archived));
                true
            }
            Err(error) => {
                desk.tell(KeeperNote::NotArchived(error));
                false
            }
        }
    }

    /// Where room is short, gives up the oldest segments that nothing needs any more. `true`: more
    /// may come of it soon.
    fn give_up(
        mut self,
        bytes_max: u64,
        part: &mut Part,
        ended: &Receiver<()>,
        desk: &dyn Desk,
    ) -> Result<bool, StoreError> {
        let most = (bytes_max / self.identity.segment_bytes).max(1);
        let wanted = self.wanted(most, part)?;
        let before = (part.forgotten, self.base.first);
        let mut forget = part.told.forget;
        while self.base.first <= wanted && !is_over(ended) {
            let last = self.last_claimed(self.base.first)?;
            forget = forget.max(self.last_claimed(wanted)?);
            let forgotten = desk.forgotten(self.shard);
            if forgotten < last {
                // It is asked first, and takes its time: told once where it comes no further.
                let next = TransactionNumber(forgotten.0 + 1);
                let stands = part.told.forget >= last && part.forgotten == Some(forgotten);
                part.stood = if stands { part.stood + 1 } else { 0 };
                if part.stood >= STOOD_ROUNDS && part.needed != next {
                    part.needed = next;
                    desk.tell(KeeperNote::Needed(self.shard, self.base.first, next));
                }
                part.forgotten = Some(forgotten);
                break;
            }
            self.give_up_first(last, &desk.carried(self.shard))?;
            desk.tell(KeeperNote::GivenUp(self.shard, self.base.first - 1));
        }
        let progress = Progress {
            first: self.base.first,
            archived: self.archived,
            last: self.base.first - 1 + most,
            forget,
            needed: (wanted + 1).saturating_sub(self.base.first),
        };
        let moves = before != (part.forgotten, self.base.first) || forget != part.told.forget;
        if progress != part.told && desk.tell_shard(self.shard, progress) {
            part.told = progress;
        }
        Ok(moves)
    }

    /// Up to which segment the journal should be given up: an eighth of the room is kept free, as
    /// far as what is sealed and archived, and not the last that is, allows it.
    fn wanted(&self, most: u64, part: &mut Part) -> Result<u64, StoreError> {
        let newest = list(&self.directory())?
            .last()
            .map_or(0, |(segment, _)| *segment);
        let free = (most / 8).clamp(FREE_MIN, FREE_MAX);
        let written = segment_of(self.end, self.identity.segment_bytes);
        let whole = self.end > segment_start(written, self.identity.segment_bytes);
        let kept = if whole { 1 } else { 2 };
        part.pressed = newest + free / 2 > most + self.base.first - 1;
        let short = (newest + free).saturating_sub(most);
        Ok(short.min(self.archived).min(written.saturating_sub(kept)))
    }

    /// The highest number that was claimed in a segment or before it.
    fn last_claimed(&self, segment: u64) -> Result<TransactionNumber, StoreError> {
        let mut last = self.base.number;
        for archived in self.base.first..=segment {
            let header = index_header(&self.archive_directory(), archived)?;
            last = last.max(header.claimed.1);
        }
        Ok(last)
    }

    /// Gives up the first segment, of which nothing is remembered any more but what is to be
    /// carried. `last` is the highest number that was claimed in it or before it.
    fn give_up_first(
        &mut self,
        last: TransactionNumber,
        carried: &BTreeSet<TransactionNumber>,
    ) -> Result<(), StoreError> {
        let segment = self.base.first;
        let (directory, whose) = (self.directory(), self.identity.shard(self.shard));
        let path = directory.join(segment_name(segment));
        let kept = read_digest(&self.archive_directory(), segment)?;
        let said = compute(&path, whose, segment, self.identity.segment_bytes)?;
        let said = said.ok().and_then(|bytes| Digest::read(bytes).ok());
        // Another version of this program may have packed it in another way.
        if !said.is_some_and(|said| tell_the_same(&kept, &said)) {
            return Err(StoreError::Refused {
                path: self.archive_directory().join(digest_name(segment)),
                what: "it is not what its segment says".to_owned(),
                remedy: "check both with `cpg-switch journal verify DIR` and `cpg-switch journal \
                         archive verify DIR`; remove the one that is damaged",
            });
        }
        prove_index(&self.archive_directory(), segment, &kept)?;
        sync_folder(&self.archive_directory())?;
        let is_carried = |(_, record): &Carried| carried.contains(&record.number());
        self.carried.retain(is_carried);
        if !carried.is_empty() {
            let archive = self.archive_directory();
            for archived in self.uncarried..=segment {
                records_of(&archive, archived, carried, &mut self.carried)?;
            }
        }
        let archive = self.archive_directory();
        for archived in self.uncarried..=segment {
            add_totals(&archive, archived, &mut self.totals)?;
        }
        self.uncarried = segment + 1;
        self.base = Base {
            first: segment + 1,
            chain: kept.header().chain_after,
            epoch: kept.header().epoch_last,
            // What is archived was synced before.
            watermark: segment_start(self.archived + 1, self.identity.segment_bytes),
            number: last,
        };
        let carried = self.carried.iter().copied().chain(self.totals.records());
        write_base(&directory, &whose, &self.base, &carried.collect::<Vec<_>>())?;
        Ok(remove(&directory, segment, &path)?)
    }
}

/// Removes a segment, and first the digest beside it: by the segment that is left, whoever goes on
/// with it finds both.
fn remove(directory: &Path, segment: u64, path: &Path) -> Result<(), MachineError> {
    remove_if_there(&directory.join(digest_name(segment)))?;
    delete_segment(path)
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

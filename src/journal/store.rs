//! Journals on a machine: a folder with its identity, one folder per shard, segments and the tail.
//! The only file here that knows files; what it decides, it decides by [`super::recovery`].
//!
//! ```text
//!   DIR/journal.json               identity; written first
//!   DIR/lock                       one process per folder
//!   DIR/shard-NN/segment-*.cpgj    the journal
//!   DIR/shard-NN/base              where it begins, once its oldest segments are in the archive
//!   DIR/shard-NN/segment-*.digest  a sealed segment, packed for a quick start: never the truth
//!   DIR/shard-NN/tail.path         where the last process kept its tail
//!   /dev/shm/cpg-switch-UUID-NN    the tail (or DIR/shard-NN/tail, with a warning)
//! ```
//!
//! Opening for writing takes the folder's lock, then every segment's, so that writes of a killed
//! process have landed; then it reads. Reading alone is [`super::read_only`]'s.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::journal::Entry;
use crate::journal::base::{Base, Carried};
use crate::journal::cases::Fault;
use crate::journal::config::StartPoint;
use crate::journal::digest::Digest;
use crate::journal::first::find_base;
use crate::journal::identity::{FolderIdentity, IDENTITY_FILE, from_hex, hex};
use crate::journal::layout::{
    JournalIdentity, TAIL_HEADER_BYTES, TailHeader, read_tail_header, write_tail_header,
};
use crate::journal::recovery::{Damage, Recovered, Recovery, RecoveryReport, TailLeft};
use crate::journal::scan::{read_digested, read_segments};
use crate::journal::segments::segment_of;
use crate::journal::tail::Ring;
use crate::journal::warning::StoreWarning;
use crate::model::ids::{ShardId, TransactionNumber};
use crate::model::limits::BLOCK_BYTES;
use crate::sys::error::MachineError;
use crate::sys::faults::{self, Point, Replaced};
use crate::sys::files::{failed, is_tmpfs, lock_path, sync_directory, sync_file_system};
use crate::sys::machine::SEGMENTS_OPEN_MAX;
use crate::sys::segments::{
    SegmentFile, SegmentPlan, fill_gaps, list_segments, open_segment, segment_name,
};
use crate::sys::tail::TailMap;

/// What the configuration says about journals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreOptions {
    /// The folder of all shards.
    pub data: PathBuf,
    /// How many shards this switch has.
    pub shards: u16,
    /// Size of each shard's tail, header page included.
    pub tail_bytes: u64,
    /// Size of one segment, where the folder is new.
    pub segment_bytes: u64,
    /// Where the tails are; none: on tmpfs where there is one.
    pub tail_dir: Option<PathBuf>,
    /// Whether new segments are written full of zeros: small synchronous writes then change no
    /// metadata. Not worth its time where writes are large and nobody waits for them.
    pub zero_fill: bool,
    /// How long to wait for the writes of a killed process.
    pub lock_wait_ms: u64,
}

/// A journal that cannot be opened or read: the thing, the place, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// What is there is not what must be there.
    #[error("{}: {damage}", path.display())]
    Damaged {
        /// The segment's file, or the tail.
        path: PathBuf,
        /// What is wrong, and where in it.
        damage: Damage,
    },
    /// It is that of another number of shards: keys would be looked for where they are not.
    #[error("{}: it is the journal of {shards} shard(s), and is to be opened with {wanted}",
        path.display())]
    OtherShards {
        /// What tells.
        path: PathBuf,
        /// How many it has.
        shards: u16,
        /// How many were asked for.
        wanted: u16,
    },
    /// It is whole, but not for us.
    #[error("{}: {what}; {remedy}", path.display())]
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// A folder that is open for writing.
#[derive(Debug)]
pub struct Folder {
    identity: FolderIdentity,
    options: StoreOptions,
    boot_id: [u8; 16],
    _lock: File,
}

/// What an opening hands out, in the journal's order: first where it begins.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// A record from before its beginning, of a transaction that is not over.
    Carried(Carried),
    /// Everything else up to this number is known to the archive alone; segments have this size.
    Base(TransactionNumber, u64),
    /// A record.
    Record(Entry),
    /// All records of a segment.
    Digest(&'a Digest),
}

/// A shard's journal, ready to go on.
#[derive(Debug)]
pub struct OpenShard {
    /// Whose.
    pub identity: JournalIdentity,
    /// Where [`crate::journal::Journal`] starts.
    pub start: StartPoint,
    /// Where the journal begins.
    pub base: Base,
    /// Size of every segment.
    pub segment_bytes: u64,
    /// Size of the tail's ring.
    pub ring_bytes: u64,
    /// The tail: for the journal, and (its view) for the machine.
    pub tail: TailMap,
    /// Open segments, for the machine to adopt.
    pub segments: Vec<(u64, SegmentFile)>,
    /// How the machine makes new ones.
    pub plan: SegmentPlan,
    /// What was found.
    pub report: RecoveryReport,
    /// What is worth a line in the log.
    pub warnings: Vec<StoreWarning>,
}

impl Folder {
    /// Opens the folder, makes it where there is none, and locks it.
    pub fn open(options: StoreOptions) -> Result<Self, StoreError> {
        make_directory(&options.data)?;
        let lock = lock_path(&options.data.join("lock"), options.lock_wait_ms)?;
        faults::pass(Point::FolderLocked);
        let path = options.data.join(IDENTITY_FILE);
        let identity = match read_identity(&path)? {
            Some(identity) => identity,
            None => make_identity(&options, xxhash_rust::xxh64::xxh64(&draw()?, 0))?,
        };
        if identity.shards != options.shards {
            return Err(StoreError::OtherShards {
                path,
                shards: identity.shards,
                wanted: options.shards,
            });
        }
        Ok(Self {
            identity,
            boot_id: read_boot_id()?,
            options,
            _lock: lock,
        })
    }

    /// Makes a folder whose requests have the same fingerprints as those of another, and locks it.
    /// Refuses one that is a journal already.
    pub fn make_like(seed: u64, options: StoreOptions) -> Result<Self, StoreError> {
        make_directory(&options.data)?;
        let path = options.data.join(IDENTITY_FILE);
        if read_identity(&path)?.is_some() {
            return Err(StoreError::Refused {
                path,
                what: "there is a journal already".to_owned(),
                remedy: "name a folder that does not exist yet",
            });
        }
        make_identity(&options, seed)?;
        Self::open(options)
    }

    /// Keys the fingerprints of requests.
    pub fn seed(&self) -> u64 {
        self.identity.seed
    }

    /// Waits until all that was written to the segments survives the power.
    pub fn sync(&self) -> Result<(), StoreError> {
        Ok(sync_file_system(&self.options.data)?)
    }

    /// Whose journals these are.
    pub fn identity(&self) -> &FolderIdentity {
        &self.identity
    }

    /// Recovers a shard's journal: every record in order through `visit`, then where it goes on.
    pub fn open_shard(
        &self,
        shard: ShardId,
        mut visit: impl FnMut(Entry),
    ) -> Result<OpenShard, StoreError> {
        self.open_pieces(shard, false, |piece| match piece {
            Piece::Record(entry) => visit(entry),
            Piece::Carried(_) | Piece::Base(..) => {}
            Piece::Digest(_) => unreachable!("none was asked for"),
        })
    }

    /// As [`Folder::open_shard`], with the digests of segments that have one in place of their
    /// records.
    pub fn open_shard_digested(
        &self,
        shard: ShardId,
        visit: impl FnMut(Piece<'_>),
    ) -> Result<OpenShard, StoreError> {
        self.open_pieces(shard, true, visit)
    }

    fn open_pieces(
        &self,
        shard: ShardId,
        digested: bool,
        mut visit: impl FnMut(Piece<'_>),
    ) -> Result<OpenShard, StoreError> {
        let directory = shard_directory(&self.options.data, shard);
        make_directory(&directory)?;
        let mut files = list_segments(&directory)?;
        let identity = self.identity.shard(shard);
        let segment_bytes = self.identity.segment_bytes;
        let data = &self.options.data;
        let begun = find_base(data, &directory, &identity, segment_bytes, &mut files)?;
        let base = begun.base;
        begun.hand_out(data, &identity, segment_bytes, &mut visit)?;
        let mut segments = self.lock_segments(&files)?;
        let wanted = self.tail_place(shard, &directory)?;
        let last = last_tail_path(&directory)?.unwrap_or_else(|| wanted.clone());
        let mut tail = open_tail(&last, self.options.lock_wait_ms)?;
        faults::pass(Point::SegmentsLocked);
        let mut recovery = Recovery::from_base(identity, segment_bytes, &base);
        let mut warnings: Vec<StoreWarning> = begun.warning.into_iter().collect();
        if digested {
            let told = &mut warnings;
            read_digested(
                &mut recovery,
                &self.identity,
                (&directory, &files),
                told,
                &mut visit,
            )?;
        }
        let mut visit = |entry| visit(Piece::Record(entry));
        if !digested {
            read_segments(&mut recovery, &self.identity, &files, None, &mut visit)?;
        }
        let left = tail.as_mut().map(|tail| TailLeft {
            bytes: tail,
            boot_id: self.boot_id,
        });
        let recovered = recovery
            .finish(left, &mut visit)
            .map_err(|damage| damaged(&directory, Some(&last), damage))?;
        let tail = self.settle_tail(&directory, wanted, tail, identity, &recovered)?;
        faults::pass(Point::TailAdopted);
        let open = segment_of(recovered.durable, self.identity.segment_bytes);
        segments.retain(|(segment, _)| *segment >= open);
        let plan = self.segment_plan(directory);
        fill_gaps(&plan, open, &mut segments)?;
        if !is_tmpfs(tail.path())? {
            warnings.push(StoreWarning::TailOnDisk(tail.path().to_owned()));
        }
        if recovered.report.loss_window {
            warnings.push(StoreWarning::LossWindow);
        }
        if self.identity.segment_bytes != self.options.segment_bytes {
            warnings.push(StoreWarning::SegmentSizeKept(self.identity.segment_bytes));
        }
        Ok(OpenShard {
            identity,
            start: recovered.start_point(
                self.boot_id,
                self.identity.segment_bytes,
                segments.last().map(|(segment, _)| *segment),
            ),
            base,
            segment_bytes: self.identity.segment_bytes,
            ring_bytes: (tail.len() - TAIL_HEADER_BYTES) as u64,
            tail,
            segments,
            plan,
            report: recovered.report,
            warnings,
        })
    }

    /// How a shard's new segments are made.
    fn segment_plan(&self, directory: PathBuf) -> SegmentPlan {
        SegmentPlan {
            directory,
            bytes: self.identity.segment_bytes,
            zero_fill: self.options.zero_fill,
        }
    }

    /// Takes the lock of every segment, and keeps the last ones open.
    fn lock_segments(
        &self,
        files: &[(u64, PathBuf)],
    ) -> Result<Vec<(u64, SegmentFile)>, StoreError> {
        let mut segments = Vec::with_capacity(SEGMENTS_OPEN_MAX + 1);
        for (segment, path) in files {
            segments.push((*segment, open_segment(path, self.options.lock_wait_ms)?));
            if segments.len() > SEGMENTS_OPEN_MAX {
                segments.remove(0);
            }
        }
        Ok(segments)
    }

    /// Where a shard's tail belongs.
    fn tail_place(&self, shard: ShardId, directory: &Path) -> Result<PathBuf, StoreError> {
        const SHARED_MEMORY: &str = "/dev/shm";
        let name = format!("cpg-switch-{}-{}", hex(&self.identity.uuid), shard.0);
        if let Some(place) = &self.options.tail_dir {
            make_directory(place)?;
            return Ok(place.join(name));
        }
        let memory = Path::new(SHARED_MEMORY);
        if memory.is_dir() && is_tmpfs(memory)? {
            Ok(memory.join(name))
        } else {
            Ok(directory.join("tail"))
        }
    }

    /// The tail that is used from here on: the one that was found, where it is in its place and has
    /// its size; otherwise a new one, which first takes over what the old one alone holds.
    fn settle_tail(
        &self,
        directory: &Path,
        wanted: PathBuf,
        found: Option<TailMap>,
        identity: JournalIdentity,
        recovered: &Recovered,
    ) -> Result<TailMap, StoreError> {
        faults::pass(Point::Replayed);
        let ring = Ring::new(self.options.tail_bytes - TAIL_HEADER_BYTES as u64);
        let found = match found {
            Some(tail) if tail.path() == wanted && tail.len() == ring.tail_bytes() => {
                note_tail_path(directory, &wanted)?;
                return Ok(tail);
            }
            Some(tail) if tail.path() == wanted => Some(self.set_aside(directory, tail)?),
            other => other,
        };
        let held = recovered.next.0 - recovered.durable.0;
        if held > ring.bytes() {
            return Err(StoreError::Refused {
                path: wanted,
                what: format!("the tail before it holds {held} bytes that are not on the disk yet"),
                remedy: "start once with the old `journal.tail_bytes`, stop, then change it",
            });
        }
        clear_place(&wanted, &identity.uuid)?;
        let mut tail = TailMap::create(&wanted, ring.tail_bytes())?;
        if let Some(old) = &found
            && let Some((_, header)) = read_tail_header(old)
        {
            let old_ring = Ring::new(header.ring_bytes);
            for offset in (0..held).step_by(BLOCK_BYTES) {
                let lsn = recovered.durable.plus(offset);
                *ring.block_mut(&mut tail, lsn) = *old_ring.block(old, lsn);
            }
            let header = TailHeader {
                ring_bytes: ring.bytes(),
                durable: recovered.durable,
                ..header
            };
            write_tail_header(&mut tail, 1, &header);
        }
        note_tail_path(directory, &wanted)?;
        if let Some(old) = found {
            let path = old.path().to_owned();
            fs::remove_file(&path)
                .map_err(|cause| failed("removing the old tail", &path, cause))?;
        }
        Ok(tail)
    }

    /// Gives a tail of the wrong size another name, which is noted before its old one is used.
    fn set_aside(&self, directory: &Path, tail: TailMap) -> Result<TailMap, StoreError> {
        let aside = tail.path().with_extension("old");
        let doing = |cause| failed("setting aside the tail", tail.path(), cause);
        if aside.exists() {
            fs::remove_file(&aside).map_err(doing)?;
        }
        fs::hard_link(tail.path(), &aside).map_err(doing)?;
        note_tail_path(directory, &aside)?;
        fs::remove_file(tail.path()).map_err(doing)?;
        drop(tail);
        Ok(TailMap::open(&aside, self.options.lock_wait_ms)?)
    }
}

/// The segments of a shard's folder; none where there is no folder.
pub(super) fn list(directory: &Path) -> Result<Vec<(u64, PathBuf)>, MachineError> {
    if directory.is_dir() {
        list_segments(directory)
    } else {
        Ok(Vec::new())
    }
}

pub(super) fn damaged(directory: &Path, tail: Option<&Path>, damage: Damage) -> StoreError {
    let path = match (damage.fault, tail) {
        (Fault::ForeignTail | Fault::TailDamaged, Some(tail)) => tail.to_owned(),
        _ => directory.join(segment_name(damage.segment)),
    };
    StoreError::Damaged { path, damage }
}

pub(super) fn shard_directory(data: &Path, shard: ShardId) -> PathBuf {
    data.join(format!("shard-{:02}", shard.0))
}

pub(super) fn make_directory(path: &Path) -> Result<(), MachineError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|cause| failed("creating the directory", path, cause))
}

pub(super) fn read_identity(path: &Path) -> Result<Option<FolderIdentity>, StoreError> {
    let Some(bytes) = read_file(path)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    FolderIdentity::read(&text)
        .map(Some)
        .map_err(|bad| StoreError::Refused {
            path: path.to_owned(),
            what: bad.to_string(),
            remedy: "start the version that wrote it, or restore the file from a copy",
        })
}

/// A new folder's identity. Refuses where there are segments already: their identity is lost.
fn make_identity(options: &StoreOptions, seed: u64) -> Result<FolderIdentity, StoreError> {
    for shard in 0..options.shards {
        let directory = shard_directory(&options.data, ShardId(shard));
        if !list(&directory)?.is_empty() {
            return Err(StoreError::Refused {
                path: options.data.join(IDENTITY_FILE),
                what: "it is missing, and there are segments".to_owned(),
                remedy: "restore the file from a copy, or start with an empty folder",
            });
        }
    }
    let identity = FolderIdentity {
        uuid: draw()?,
        shards: options.shards,
        segment_bytes: options.segment_bytes,
        seed,
    };
    write_file(&options.data, IDENTITY_FILE, identity.text().as_bytes())?;
    Ok(identity)
}

/// 122 random bits.
fn draw() -> Result<[u8; 16], MachineError> {
    read_hexadecimal("/proc/sys/kernel/random/uuid")
}

pub(super) fn read_boot_id() -> Result<[u8; 16], MachineError> {
    read_hexadecimal("/proc/sys/kernel/random/boot_id")
}

fn read_hexadecimal(path: &str) -> Result<[u8; 16], MachineError> {
    fs::read_to_string(path)
        .and_then(|text| from_hex(text.trim_end()).ok_or(io::ErrorKind::InvalidData.into()))
        .map_err(|cause| failed("reading", Path::new(path), cause))
}

/// A whole file; `None` where there is none.
pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, MachineError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed("reading", path, cause)),
    }
}

/// Replaces a file as a whole, durably.
pub(super) fn write_file(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), MachineError> {
    let (path, unfinished) = (directory.join(name), directory.join(format!("{name}.tmp")));
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| {
            faults::pass_file(name, Replaced::Written);
            fs::rename(&unfinished, &path)
        })
        .map_err(|cause| failed("writing", &path, cause))?;
    faults::pass_file(name, Replaced::Renamed);
    sync_directory(directory)
}

/// Where the last process kept its tail.
const TAIL_PATH_FILE: &str = "tail.path";

pub(super) fn last_tail_path(directory: &Path) -> Result<Option<PathBuf>, MachineError> {
    let bytes = read_file(&directory.join(TAIL_PATH_FILE))?;
    Ok(bytes.map(|bytes| PathBuf::from(String::from_utf8_lossy(&bytes).trim_end())))
}

fn note_tail_path(directory: &Path, path: &Path) -> Result<(), MachineError> {
    if last_tail_path(directory)?.as_deref() == Some(path) {
        return Ok(());
    }
    let text = format!("{}\n", path.display());
    write_file(directory, TAIL_PATH_FILE, text.as_bytes())
}

/// The tail that the last process left. One without a byte was never finished, and so never used.
fn open_tail(path: &Path, lock_wait_ms: u64) -> Result<Option<TailMap>, MachineError> {
    match fs::metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed("looking at the tail", path, cause)),
        Ok(status) if status.len() == 0 => Ok(None),
        Ok(_) => TailMap::open(path, lock_wait_ms).map(Some),
    }
}

/// Removes what a process left where a new tail belongs, unless it is another journal's.
fn clear_place(path: &Path, uuid: &[u8; 16]) -> Result<(), StoreError> {
    let Some(bytes) = read_file(path)? else {
        return Ok(());
    };
    if read_tail_header(&bytes).is_some_and(|(_, header)| header.uuid != *uuid) {
        return Err(StoreError::Refused {
            path: path.to_owned(),
            what: "it is another journal's tail".to_owned(),
            remedy: "give each switch its own `journal.tail_dir`",
        });
    }
    fs::remove_file(path).map_err(|cause| failed("removing an unfinished tail", path, cause))?;
    Ok(())
}

/// Whether a process holds the lock.
pub(super) fn is_locked(path: &Path) -> Result<bool, MachineError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(failed("opening", path, cause)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(cause)) => Err(failed("looking at the lock", path, cause)),
    }
}

#[cfg(test)]
#[path = "tests/store.rs"]
mod tests;

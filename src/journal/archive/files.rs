//! The archive as files. Knows files, decides nothing.
//!
//! A digest comes into the archive as another name of the file beside its segment, or as a copy
//! where the archive is on another file system; then its index is written. Each has its final name
//! only once it is on the disk as a whole.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::By;
use super::index::{self, BadIndex, INDEX_HEADER_BYTES, IndexHeader, Spot};
use crate::journal::digest::files::digest_name;
use crate::journal::digest::{
    BadDigest, DIGEST_HEADER_BYTES, Digest, DigestHeader, Item, WINDOW_BYTES, read_single,
};
use crate::journal::layout::JournalIdentity;
use crate::journal::store::{StoreError, make_directory, read_file, shard_directory, write_file};
use crate::model::ids::ShardId;
use crate::sys::error::MachineError;
use crate::sys::files::{failed, sync_directory};

/// The folder of the archive inside the journal's, where it is not said to be elsewhere.
const ARCHIVE: &str = "archive";
/// Where it is said.
const ARCHIVE_PATH_FILE: &str = "archive.path";

/// The file name of a segment's index.
pub fn index_name(segment: u64) -> String {
    format!("segment-{segment:010}.index")
}

/// Where a shard's part of an archive is.
pub fn archive_directory(archive: &Path, shard: ShardId) -> PathBuf {
    shard_directory(archive, shard)
}

/// Where the archive of a journal is: in it, unless a switch was told otherwise.
pub fn archive_path(data: &Path) -> Result<PathBuf, MachineError> {
    let said = read_file(&data.join(ARCHIVE_PATH_FILE))?;
    Ok(match said {
        Some(bytes) => PathBuf::from(String::from_utf8_lossy(&bytes).trim_end()),
        None => data.join(ARCHIVE),
    })
}

/// Writes down where the archive of a journal is from now on, for whoever reads the journal;
/// `None`: in it.
pub fn note_archive_path(data: &Path, archive: Option<&Path>) -> Result<(), MachineError> {
    let path = data.join(ARCHIVE_PATH_FILE);
    match archive {
        Some(archive) if archive_path(data)? != archive => {
            let text = format!("{}\n", archive.display());
            write_file(data, ARCHIVE_PATH_FILE, text.as_bytes())
        }
        None if path.exists() => fs::remove_file(&path)
            .map_err(|cause| failed("removing", &path, cause))
            .and_then(|()| sync_directory(data)),
        Some(_) | None => Ok(()),
    }
}

/// The segments of which there is something in a shard's part of an archive, in order.
pub fn list(directory: &Path) -> Result<Vec<u64>, MachineError> {
    const DOING: &str = "listing the archive in";
    let read = match fs::read_dir(directory) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|cause| failed(DOING, directory, cause))?,
    };
    let mut segments = Vec::new();
    for entry in read {
        let name = entry
            .map_err(|cause| failed(DOING, directory, cause))?
            .file_name();
        let digits = name.to_str().and_then(|name| {
            let name = name.strip_prefix("segment-")?;
            name.strip_suffix(".index").or(name.strip_suffix(".digest"))
        });
        segments.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    segments.sort_unstable();
    segments.dedup();
    Ok(segments)
}

/// The sizes of a segment's digest and index.
pub fn file_bytes(
    archive: &Path,
    shard: ShardId,
    segment: u64,
) -> Result<(u64, u64), MachineError> {
    let directory = archive_directory(archive, shard);
    let bytes = |name: String| {
        let path = directory.join(name);
        let found = fs::metadata(&path).map_err(|cause| failed("looking at", &path, cause));
        found.map(|found| found.len())
    };
    Ok((bytes(digest_name(segment))?, bytes(index_name(segment))?))
}

/// What became of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Archived {
    /// It is in the archive now.
    Now {
        /// Size of its digest.
        digest_bytes: u64,
        /// Size of its index.
        index_bytes: u64,
    },
    /// It was already.
    There,
}

/// Whether a segment is in the archive, as far as the headers of both files tell.
pub(in crate::journal) fn is_archived(
    directory: &Path,
    identity: &JournalIdentity,
    segment: u64,
) -> bool {
    let digest = read_digest_header(&directory.join(digest_name(segment)));
    let index = read_index_header(&directory.join(index_name(segment)));
    let (Ok(Ok(digest)), Ok(Ok(index))) = (digest, index) else {
        return false;
    };
    let ours =
        |uuid, shard, number| (uuid, shard, number) == (identity.uuid, identity.shard, segment);
    ours(digest.uuid, digest.shard, digest.segment)
        && ours(index.uuid, index.shard, index.segment)
        && index.digest_check == digest.own_check()
}

/// Takes a segment into the archive: its digest, which is at `beside` unless the archive has it,
/// and then its index.
pub(in crate::journal) fn put(
    directory: &Path,
    identity: &JournalIdentity,
    segment: u64,
    beside: &Path,
) -> Result<Archived, StoreError> {
    if is_archived(directory, identity, segment) {
        return Ok(Archived::There);
    }
    refuse_foreign(&directory.join(digest_name(segment)), identity)?;
    make_directory(directory)?;
    let digest = match read_digest(directory, segment) {
        Ok(digest) => digest,
        Err(_) => {
            let bytes = fs::read(beside).map_err(|cause| failed("reading", beside, cause))?;
            let digest = Digest::read(bytes).map_err(|_| unusable(beside))?;
            link_or_copy(beside, directory, &digest_name(segment), digest.bytes())?;
            digest
        }
    };
    let index = index::build(&digest).map_err(|_| unusable(beside))?;
    write_file(directory, &index_name(segment), &index)?;
    Ok(Archived::Now {
        digest_bytes: digest.bytes().len() as u64,
        index_bytes: index.len() as u64,
    })
}

/// Makes sure that the index on the disk is that of the digest, byte by byte: from now on nothing
/// else leads to what was in the segment.
pub(in crate::journal) fn prove_index(
    directory: &Path,
    segment: u64,
    digest: &Digest,
) -> Result<(), StoreError> {
    let damaged = |_: BadDigest| damaged(&directory.join(digest_name(segment)));
    let index = index::build(digest).map_err(damaged)?;
    if read_index(directory, segment)?.as_ref() != Some(&index) {
        write_file(directory, &index_name(segment), &index)?;
    }
    Ok(())
}

/// Makes sure that a loss of power takes nothing away that has a name in a shard's folder, nor the
/// folder: whoever gave those names may have ended before it had done so.
pub(in crate::journal) fn sync_folder(directory: &Path) -> Result<(), MachineError> {
    // The shard's, the archive's, and the one where that is.
    directory.ancestors().take(3).try_for_each(|folder| {
        let here = folder.as_os_str().is_empty();
        sync_directory(if here { Path::new(".") } else { folder })
    })
}

fn unusable(digest: &Path) -> StoreError {
    StoreError::Refused {
        path: digest.to_owned(),
        what: "the digest is damaged".to_owned(),
        remedy: "remove it: it is made anew from its segment",
    }
}

/// What belongs to another journal is never replaced.
fn refuse_foreign(place: &Path, identity: &JournalIdentity) -> Result<(), StoreError> {
    match read_digest_header(place) {
        Ok(Ok(header)) if header.uuid != identity.uuid || header.shard != identity.shard => {
            Err(StoreError::Refused {
                path: place.to_owned(),
                what: "it is of another journal or shard".to_owned(),
                remedy: "give each switch its own `journal.archive.path`",
            })
        }
        // Not there, or damaged: it is made anew from what we have.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Another name for the same file costs no space; what is at `beside` is never changed in place.
fn link_or_copy(
    beside: &Path,
    directory: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(), MachineError> {
    let unfinished = directory.join(format!("{name}.tmp"));
    drop(fs::remove_file(&unfinished));
    let linked = fs::hard_link(beside, &unfinished)
        .and_then(|()| fs::rename(&unfinished, directory.join(name)));
    match linked {
        // Where both names were the same file already, a rename leaves both.
        Ok(()) => {
            drop(fs::remove_file(&unfinished));
            sync_directory(directory)
        }
        Err(_) => write_file(directory, name, bytes),
    }
}

/// A file's first bytes, as what they are.
type Header<H, E> = std::io::Result<Result<H, E>>;

pub(in crate::journal) fn read_digest_header(path: &Path) -> Header<DigestHeader, BadDigest> {
    let mut bytes = [0; DIGEST_HEADER_BYTES];
    read_start(path, &mut bytes)?;
    Ok(DigestHeader::decode(&bytes))
}

pub(super) fn read_index_header(path: &Path) -> Header<IndexHeader, BadIndex> {
    let mut bytes = [0; INDEX_HEADER_BYTES];
    read_start(path, &mut bytes)?;
    Ok(IndexHeader::decode(&bytes))
}

/// What the index of an archived segment says of it.
pub(in crate::journal) fn index_header(
    directory: &Path,
    segment: u64,
) -> Result<IndexHeader, StoreError> {
    let path = directory.join(index_name(segment));
    let read = read_index_header(&path).map_err(|cause| failed("reading", &path, cause))?;
    read.map_err(|_| damaged(&path))
}

fn read_start(path: &Path, bytes: &mut [u8]) -> std::io::Result<()> {
    match File::open(path)?.read_exact_at(bytes, 0) {
        // A file that is shorter is damaged, which its bytes will tell.
        Err(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
        other => other,
    }
}

/// The places of what bears a reference: two slots of the table and one bucket are read.
pub(super) fn look_up(
    directory: &Path,
    header: &IndexHeader,
    by: By,
) -> Result<Vec<Spot>, StoreError> {
    let path = directory.join(index_name(header.segment));
    let doing = |cause| failed("looking into the index", &path, cause);
    let damaged = |_: BadIndex| damaged(&path);
    let file = File::open(&path).map_err(doing)?;
    let (offset, bytes) = header.slots(by);
    let mut slots = [0; 2 * index::BUCKET_BYTES];
    let slots = slots.get_mut(..bytes).expect("two slots at most");
    file.read_exact_at(slots, offset).map_err(doing)?;
    let spot = header.bucket(slots).map_err(damaged)?;
    let mut bucket = vec![0; spot.bytes];
    file.read_exact_at(&mut bucket, spot.offset)
        .map_err(doing)?;
    index::spots(&spot, &bucket, by).map_err(damaged)
}

/// A digest in the archive, of which single items are read.
#[derive(Debug)]
pub(super) struct OpenDigest {
    path: PathBuf,
    file: File,
    header: DigestHeader,
    contexts: Vec<u8>,
}

impl OpenDigest {
    /// Opens the digest that an index was made of.
    pub(super) fn open(directory: &Path, index: &IndexHeader) -> Result<Self, StoreError> {
        let path = directory.join(digest_name(index.segment));
        let doing = |cause| failed("reading the digest", &path, cause);
        let file = File::open(&path).map_err(doing)?;
        let mut bytes = [0; DIGEST_HEADER_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(doing)?;
        let header = DigestHeader::decode(&bytes).map_err(|_| damaged(&path))?;
        if header.own_check() != index.digest_check {
            return Err(damaged(&path));
        }
        let size = header.contexts_bytes().map_err(|_| damaged(&path))?;
        let mut contexts = vec![0; size];
        file.read_exact_at(&mut contexts, DIGEST_HEADER_BYTES as u64)
            .map_err(doing)?;
        Ok(Self {
            header,
            contexts,
            file,
            path,
        })
    }

    /// The item at a spot.
    pub(super) fn item(&self, spot: Spot) -> Result<Item, StoreError> {
        let mut window = [0; WINDOW_BYTES];
        let mut filled = 0;
        while filled < WINDOW_BYTES {
            let room = window.get_mut(filled..).expect("less than the window");
            match self.file.read_at(room, spot.offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(failed("reading the digest", &self.path, cause).into()),
            }
        }
        let window = window.get(..filled).expect("not more than the window");
        read_single(&self.header, &self.contexts, window, spot.check)
            .map_err(|_| damaged(&self.path))
    }
}

/// A file of the archive that is not what was written.
pub(super) fn damaged(path: &Path) -> StoreError {
    StoreError::Refused {
        path: path.to_owned(),
        what: "it is damaged".to_owned(),
        remedy: "check with `cpg-switch journal archive verify DIR`, and restore it from a copy",
    }
}

/// A whole digest of the archive.
pub(in crate::journal) fn read_digest(
    directory: &Path,
    segment: u64,
) -> Result<Digest, StoreError> {
    let path = directory.join(digest_name(segment));
    let bytes = fs::read(&path).map_err(|cause| failed("reading", &path, cause))?;
    Digest::read(bytes).map_err(|_| damaged(&path))
}

/// A whole index of the archive; none where there is no file.
pub(super) fn read_index(directory: &Path, segment: u64) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(read_file(&directory.join(index_name(segment)))?)
}

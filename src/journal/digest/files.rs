//! Digests as files: `segment-NNNNNNNNNN.digest` beside its segment. Reads them ahead of a start,
//! on a thread of its own; makes them, compares them with their segments.
//!
//! Part of [`crate::journal::store`]: knows files, decides nothing. A digest is written to another
//! name, synced, renamed; before that its segment is synced, so that no digest survives a loss of
//! power that its segment does not.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::{BadDigest, Digest, DigestHeader, NotDigested, SegmentDigester};
use crate::journal::cases::DigestFound;
use crate::journal::layout::JournalIdentity;
use crate::journal::store::{StoreError, write_file};
use crate::model::limits::BLOCK_BYTES;
use crate::sys::error::MachineError;
use crate::sys::files::failed;
use crate::sys::segments::SegmentReader;
use crate::sys::threads;

/// Digests that are read before they are asked for.
const AHEAD: usize = 2;

/// The file name of a segment's digest.
pub fn digest_name(segment: u64) -> String {
    format!("segment-{segment:010}.digest")
}

/// First and last block of a segment's file.
pub type Ends = Box<[[u8; BLOCK_BYTES]; 2]>;

/// What stands beside a segment, and the segment's ends.
#[derive(Debug)]
pub struct Beside {
    /// The digest, or why there is none to use.
    pub digest: Result<Digest, DigestFound>,
    /// Its segment's first and last block; none where the file has not its full size.
    pub ends: Option<Ends>,
}

impl Beside {
    const NOTHING: Self = Self {
        digest: Err(DigestFound::Absent),
        ends: None,
    };
}

/// Reads a segment's digest into `buffer`, and the segment's ends. What cannot be read counts as
/// damaged: then the segment is read, and its errors are told.
fn look(directory: &Path, segment: (u64, &Path), segment_bytes: u64, buffer: Vec<u8>) -> Beside {
    let digest = match read_into(&directory.join(digest_name(segment.0)), buffer) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Beside::NOTHING,
        Err(_) => Err(DigestFound::Damaged),
        Ok(bytes) => Digest::read(bytes).map_err(|bad| match bad {
            BadDigest::Version(_) => DigestFound::OtherVersion,
            BadDigest::Damaged => DigestFound::Damaged,
        }),
    };
    Beside {
        digest,
        ends: read_ends(segment.1, segment_bytes).ok().flatten(),
    }
}

fn read_into(path: &Path, mut buffer: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let bytes = usize::try_from(file.metadata()?.len()).map_err(std::io::Error::other)?;
    // What the buffer held is written over: no byte of it is zeroed again.
    buffer.resize(bytes, 0);
    file.read_exact_at(&mut buffer, 0)?;
    Ok(buffer)
}

fn read_ends(path: &Path, segment_bytes: u64) -> std::io::Result<Option<Ends>> {
    let file = File::open(path)?;
    if file.metadata()?.len() != segment_bytes {
        return Ok(None);
    }
    let mut ends = Box::new([[0; BLOCK_BYTES]; 2]);
    let [first, last] = &mut *ends;
    file.read_exact_at(first, 0)?;
    file.read_exact_at(last, segment_bytes - BLOCK_BYTES as u64)?;
    Ok(Some(ends))
}

/// Reads the digests of many segments, in order and ahead of who asks for them.
#[derive(Debug)]
pub(in crate::journal) struct ReadAhead {
    results: Receiver<Beside>,
    used: Sender<Vec<u8>>,
}

impl ReadAhead {
    /// Starts to read.
    pub(in crate::journal) fn start(
        directory: &Path,
        segments: &[(u64, PathBuf)],
        segment_bytes: u64,
    ) -> Result<Self, MachineError> {
        let (give, results) = sync_channel(AHEAD);
        let (used, free) = channel();
        let (directory, segments) = (directory.to_owned(), segments.to_owned());
        threads::spawn("cpg-digests", move || {
            read_all(&directory, &segments, segment_bytes, &give, &free);
        })?;
        Ok(Self { results, used })
    }

    /// What stands beside the next segment.
    pub(in crate::journal) fn next(&self) -> Beside {
        // A reader that is gone has read nothing: the records are there.
        self.results.recv().unwrap_or(Beside::NOTHING)
    }

    /// A digest was applied: its memory is used again.
    pub(in crate::journal) fn give_back(&self, digest: Digest) {
        drop(self.used.send(digest.bytes));
    }
}

fn read_all(
    directory: &Path,
    segments: &[(u64, PathBuf)],
    segment_bytes: u64,
    give: &SyncSender<Beside>,
    free: &Receiver<Vec<u8>>,
) {
    for (segment, path) in segments {
        let buffer = free.try_recv().unwrap_or_default();
        let beside = look(directory, (*segment, path), segment_bytes, buffer);
        if give.send(beside).is_err() {
            return;
        }
    }
}

/// Whether a segment has a digest of this version that stands for it, as far as its header and the
/// segment's ends tell.
pub(super) fn is_made(directory: &Path, segment: (u64, &Path), identity: &JournalIdentity) -> bool {
    let mut bytes = [0; super::DIGEST_HEADER_BYTES];
    let read = File::open(directory.join(digest_name(segment.0)))
        .and_then(|file| file.read_exact_at(&mut bytes, 0));
    let Some(header) = read.ok().and_then(|()| DigestHeader::decode(&bytes).ok()) else {
        return false;
    };
    let ours = header.uuid == identity.uuid && header.shard == identity.shard;
    let chain = |block: &[u8; BLOCK_BYTES]| crate::journal::layout::read_opening(block).ok();
    let ends = read_ends(segment.1, header.segment_bytes).ok().flatten();
    let first = ends.and_then(|ends| ends.first().and_then(chain));
    ours && first.is_some_and(|first| {
        (first.segment, first.chain, first.epoch)
            == (segment.0, header.chain_before, header.epoch_first)
    })
}

/// A segment's digest, computed from its blocks.
pub(in crate::journal) fn compute(
    path: &Path,
    identity: JournalIdentity,
    segment: u64,
    segment_bytes: u64,
) -> Result<Result<Vec<u8>, NotDigested>, StoreError> {
    let mut reader = SegmentReader::open(path)?;
    let mut digester = SegmentDigester::new(identity, segment, segment_bytes);
    while let Some((_, blocks)) = reader.next_blocks()? {
        for block in blocks.as_chunks::<BLOCK_BYTES>().0 {
            if let Err(not_digested) = digester.handle_block(block) {
                return Ok(Err(not_digested));
            }
        }
    }
    Ok(digester.finish())
}

/// Writes a segment's digest; the segment itself is on the disk before it.
pub(super) fn write(
    directory: &Path,
    segment: (u64, &Path),
    bytes: &[u8],
) -> Result<(), StoreError> {
    File::open(segment.1)
        .and_then(|file| file.sync_data())
        .map_err(|cause| failed("syncing", segment.1, cause))?;
    Ok(write_file(directory, &digest_name(segment.0), bytes)?)
}

/// What a comparison of a digest with its segment found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// There is none.
    Absent,
    /// It is what its segment says.
    Same,
    /// Of another version: never used, made anew when a switch runs.
    OtherVersion,
    /// It is not what its segment says.
    Different,
}

/// Compares a digest with its segment, byte by byte.
pub(in crate::journal) fn compare(
    directory: &Path,
    segment: (u64, &Path),
    identity: JournalIdentity,
    segment_bytes: u64,
) -> Result<Compared, StoreError> {
    let path = directory.join(digest_name(segment.0));
    let bytes = match read_into(&path, Vec::new()) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Compared::Absent),
        Err(cause) => return Err(failed("reading", &path, cause).into()),
    };
    if let Err(BadDigest::Version(_)) = DigestHeader::decode(&bytes) {
        return Ok(Compared::OtherVersion);
    }
    let expected = compute(segment.1, identity, segment.0, segment_bytes)?;
    Ok(match expected {
        Ok(expected) if expected == bytes => Compared::Same,
        Ok(_) | Err(_) => Compared::Different,
    })
}

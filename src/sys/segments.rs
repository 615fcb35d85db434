//! The journal's files: fixed in size, allocated and zeroed beforehand, past the page cache.
//!
//! ```text
//!   segment-NNNNNNNNNN.tmp  --allocate, zero, sync-->  renamed  segment-NNNNNNNNNN.cpgj
//! ```
//!
//! Whoever holds a segment open for writing, zeroing included, holds its lock. A segment that is
//! being written must not be mapped (open(2), O_DIRECT): readers use [`SegmentReader`].

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use core::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FallocateFlags, RenameFlags, fallocate, renameat_with};

use crate::model::limits::BLOCK_BYTES;
use crate::sys::error::MachineError;
use crate::sys::faults::{self, Point};
use crate::sys::files::{failed, lock, private_options, sync_directory};
use crate::sys::memory::AlignedBuffer;
use crate::sys::writer::SEGMENTS_OPEN_MAX;

/// Largest sequence number: ten digits in the file's name.
pub const SEGMENT_MAX: u64 = 9_999_999_999;
/// Bytes zeroed or read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// How a segment is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentAccess {
    /// O_DIRECT: past the page cache.
    Direct,
    /// Through the page cache: the file system refuses O_DIRECT. Slower, as durable;
    /// worth a warning.
    Buffered,
}

/// A segment open for writing, and locked.
#[derive(Debug)]
pub struct SegmentFile {
    file: File,
    access: SegmentAccess,
}

impl SegmentFile {
    /// Whether writes go past the page cache.
    pub fn access(&self) -> SegmentAccess {
        self.access
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// What a new segment looks like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentPlan {
    /// Where segments live.
    pub directory: PathBuf,
    /// Size of each; a multiple of the block size.
    pub bytes: u64,
    /// Whether to write zeroes over all of it first: then a commit changes no metadata of the file.
    pub zero_fill: bool,
}

/// The file name of segment `segment`.
pub fn segment_name(segment: u64) -> String {
    format!("segment-{segment:010}.cpgj")
}

/// The segments in `directory`, by ascending sequence number. Unfinished ones are not listed.
pub fn list_segments(directory: &Path) -> Result<Vec<(u64, PathBuf)>, MachineError> {
    const DOING: &str = "listing the segments in";
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(|cause| failed(DOING, directory, cause))? {
        let path = entry
            .map_err(|cause| failed(DOING, directory, cause))?
            .path();
        if let Some(segment) = path.file_name().and_then(|name| segment_of(name.to_str()?)) {
            found.push((segment, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn segment_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".cpgj")?;
    let decimal = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    decimal.then(|| digits.parse().ok())?
}

/// Makes segment `segment`, ready for writing: allocated, zeroed where the plan says so, synced,
/// then given its name. Takes seconds; not for a shard. `stop` ends it early with EINTR. Fails with
/// EEXIST where there is such a segment, with ENOSPC where the disk is full.
pub fn prepare_segment(
    plan: &SegmentPlan,
    segment: u64,
    stop: &AtomicBool,
) -> Result<SegmentFile, MachineError> {
    assert!(
        (1..=SEGMENT_MAX).contains(&segment),
        "segments count from 1"
    );
    assert!(plan.bytes > 0, "a segment holds something");
    assert!(
        plan.bytes.is_multiple_of(BLOCK_BYTES as u64),
        "a segment is made of blocks"
    );
    let path = plan.directory.join(segment_name(segment));
    let unfinished = path.with_extension("tmp");
    let file = claim_unfinished(&unfinished)?;
    faults::pass(Point::SegmentClaimed);
    let made = fill(&file.file, plan, &unfinished, stop).and_then(|()| {
        // NOREPLACE: a segment that exists holds what we must not forget.
        renameat_with(CWD, &unfinished, CWD, &path, RenameFlags::NOREPLACE)
            .map_err(|cause| failed("giving its name to", &path, cause))?;
        faults::pass(Point::SegmentRenamed);
        sync_directory(&plan.directory)?;
        faults::pass(Point::SegmentNamed);
        Ok(())
    });
    match made {
        Ok(()) => Ok(file),
        Err(error) => {
            // Give the space back. If that fails too, the next attempt reuses the file.
            drop(fs::remove_file(&unfinished));
            Err(error)
        }
    }
}

/// Makes what is missing between `first` and the last of `open`, which are in order: a journal goes
/// on from segment to segment. What is missing holds nothing: recovery has judged that. Fails with
/// ENOENT where so many are missing that no crash has left them out.
pub fn fill_gaps(
    plan: &SegmentPlan,
    first: u64,
    open: &mut Vec<(u64, SegmentFile)>,
) -> Result<(), MachineError> {
    static GO_ON: AtomicBool = AtomicBool::new(false);
    let last = open.last().map_or(0, |(segment, _)| *segment);
    for (place, segment) in (first..=last).enumerate() {
        if open.get(place).is_some_and(|(found, _)| *found == segment) {
            continue;
        }
        if place >= SEGMENTS_OPEN_MAX {
            return Err(MachineError::new(
                format!(
                    "looking for {} in {}",
                    segment_name(segment),
                    plan.directory.display()
                ),
                rustix::io::Errno::NOENT,
                "restore it from a copy, or move the segments after it away: nothing in them is \
                 committed",
            ));
        }
        open.insert(place, (segment, prepare_segment(plan, segment, &GO_ON)?));
    }
    Ok(())
}

/// Opens and locks the file a segment is made in; one that was left behind is used again.
fn claim_unfinished(unfinished: &Path) -> Result<SegmentFile, MachineError> {
    let segment = open(private_options().create(true).truncate(false), unfinished)?;
    // A killed predecessor may still be zeroing this very file; its lock says so.
    lock(&segment.file, unfinished, 0)?;
    // Between open and lock another process may have finished the file and renamed it.
    let doing = |cause| failed("looking again at", unfinished, cause);
    let locked = segment.file.metadata().map_err(doing)?;
    let named = fs::metadata(unfinished).map_err(doing)?;
    if locked.ino() == named.ino() {
        Ok(segment)
    } else {
        Err(failed("claiming", unfinished, rustix::io::Errno::EXIST))
    }
}

fn fill(
    file: &File,
    plan: &SegmentPlan,
    unfinished: &Path,
    stop: &AtomicBool,
) -> Result<(), MachineError> {
    fallocate(file, FallocateFlags::empty(), 0, plan.bytes)
        .and_then(|()| rustix::fs::ftruncate(file, plan.bytes))
        .map_err(io::Error::from)
        .and_then(|()| faults::attempt(Point::SegmentAllocated))
        .map_err(|cause| failed("allocating", unfinished, cause))?;
    if plan.zero_fill {
        zero(file, plan.bytes, stop)
            .and_then(|()| faults::attempt(Point::SegmentZeroed))
            .map_err(|cause| failed("zeroing", unfinished, cause))?;
    }
    file.sync_all()
        .and_then(|()| faults::attempt(Point::SegmentSynced))
        .map_err(|cause| failed("syncing", unfinished, cause))
}

fn zero(file: &File, bytes: u64, stop: &AtomicBool) -> io::Result<()> {
    let zeroes = AlignedBuffer::new(CHUNK_BYTES)?;
    let mut offset = 0;
    while offset < bytes {
        if stop.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        let chunk =
            usize::try_from(bytes - offset).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        file.write_all_at(&zeroes[..chunk], offset)?;
        offset += chunk as u64;
    }
    Ok(())
}

/// Opens an existing segment for writing, waiting `wait_ms` at most for its lock, so that writes of
/// a killed predecessor have landed before anybody reads it.
pub fn open_segment(path: &Path, wait_ms: u64) -> Result<SegmentFile, MachineError> {
    let segment = open(&mut private_options(), path)?;
    lock(&segment.file, path, wait_ms)?;
    Ok(segment)
}

/// Opens past the page cache, or through it where the file system knows no O_DIRECT (EINVAL).
fn open(options: &mut OpenOptions, path: &Path) -> Result<SegmentFile, MachineError> {
    const FLAGS: i32 = libc::O_CLOEXEC | libc::O_NOFOLLOW;
    let opened = match options.custom_flags(FLAGS | libc::O_DIRECT).open(path) {
        Err(cause) if cause.raw_os_error() == Some(libc::EINVAL) => options
            .custom_flags(FLAGS)
            .open(path)
            .map(|file| SegmentFile {
                file,
                access: SegmentAccess::Buffered,
            }),
        other => other.map(|file| SegmentFile {
            file,
            access: SegmentAccess::Direct,
        }),
    };
    opened.map_err(|cause| failed("opening", path, cause))
}

/// Removes a segment that nobody needs any more, durably.
pub fn delete_segment(path: &Path) -> Result<(), MachineError> {
    fs::remove_file(path).map_err(|cause| failed("deleting", path, cause))?;
    path.parent().map_or(Ok(()), sync_directory)
}

/// Reads a segment from its start, past the page cache, a chunk of blocks at a time.
#[derive(Debug)]
pub struct SegmentReader {
    file: File,
    path: PathBuf,
    buffer: AlignedBuffer,
    offset: u64,
    bytes: u64,
}

impl SegmentReader {
    /// Opens `path` for reading. Take its lock first ([`open_segment`]) where it may be in use.
    pub fn open(path: &Path) -> Result<Self, MachineError> {
        const FLAGS: i32 = libc::O_CLOEXEC | libc::O_NOFOLLOW;
        let doing = |cause| failed("opening for recovery", path, cause);
        let mut options = OpenOptions::new();
        options.read(true);
        let file = match options.custom_flags(FLAGS | libc::O_DIRECT).open(path) {
            Err(cause) if cause.raw_os_error() == Some(libc::EINVAL) => {
                options.custom_flags(FLAGS).open(path)
            }
            other => other,
        }
        .map_err(doing)?;
        let bytes = file.metadata().map_err(doing)?.len();
        let buffer = AlignedBuffer::new(CHUNK_BYTES).map_err(doing)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            buffer,
            offset: 0,
            bytes,
        })
    }

    /// Size of the file, which is a multiple of the block size unless it was damaged.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Goes on reading at `offset`, a multiple of the block size.
    pub fn seek(&mut self, offset: u64) {
        assert!(
            offset.is_multiple_of(BLOCK_BYTES as u64),
            "direct reads start at a block"
        );
        self.offset = offset;
    }

    /// The next blocks and the offset of the first of them; `None` at the end. A last piece that is
    /// no whole block is left out.
    pub fn next_blocks(&mut self) -> Result<Option<(u64, &[u8])>, MachineError> {
        let mut filled = 0;
        while filled < CHUNK_BYTES {
            let place = self.offset + filled as u64;
            match self.file.read_at(&mut self.buffer[filled..], place) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    let doing = format!("reading at offset {place} of");
                    return Err(failed(&doing, &self.path, cause));
                }
            }
            // After a short read the next offset is no block's: the file ends here.
            if !filled.is_multiple_of(BLOCK_BYTES) {
                break;
            }
        }
        let whole = filled - filled % BLOCK_BYTES;
        let offset = self.offset;
        self.offset += whole as u64;
        Ok((whole > 0).then(|| (offset, &self.buffer[..whole])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn plan(directory: &tempfile::TempDir, blocks: u64) -> SegmentPlan {
        SegmentPlan {
            directory: directory.path().to_owned(),
            bytes: blocks * BLOCK_BYTES as u64,
            zero_fill: true,
        }
    }

    #[test]
    fn a_segment_is_made_listed_opened_read_and_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let plan = plan(&directory, 600);
        fs::write(
            directory.path().join("segment-0000000002.tmp"),
            b"left behind",
        )
        .unwrap();
        drop(prepare_segment(&plan, 2, &GO_ON).unwrap());
        drop(prepare_segment(&plan, 10, &GO_ON).unwrap());
        fs::write(directory.path().join("segment-7.cpgj"), b"not ours").unwrap();
        let listed = list_segments(directory.path()).unwrap();
        let numbers: Vec<u64> = listed.iter().map(|(segment, _)| *segment).collect();
        assert_eq!(numbers, [2, 10]);

        let path = &listed[0].1;
        let segment = open_segment(path, 0).unwrap();
        let mut block = AlignedBuffer::new(BLOCK_BYTES).unwrap();
        block.fill(7);
        segment
            .file()
            .write_all_at(&block, 300 * BLOCK_BYTES as u64)
            .unwrap();
        let mut reader = SegmentReader::open(path).unwrap();
        assert_eq!(reader.bytes(), plan.bytes);
        let mut read = Vec::new();
        while let Some((offset, blocks)) = reader.next_blocks().unwrap() {
            assert_eq!(offset, read.len() as u64);
            read.extend_from_slice(blocks);
        }
        assert_eq!(read.len() as u64, plan.bytes);
        assert_eq!(read.iter().filter(|byte| **byte == 7).count(), BLOCK_BYTES);
        reader.seek(300 * BLOCK_BYTES as u64);
        assert_eq!(reader.next_blocks().unwrap().unwrap().1[0], 7);

        delete_segment(path).unwrap();
        assert_eq!(list_segments(directory.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_segment_is_never_made_twice_and_a_failure_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let plan = plan(&directory, 4);
        let first = prepare_segment(&plan, 1, &GO_ON).unwrap();
        let error = prepare_segment(&plan, 1, &GO_ON).unwrap_err();
        assert_eq!(error.errno().0, libc::EEXIST);
        let stopped = prepare_segment(&plan, 2, &AtomicBool::new(true)).unwrap_err();
        assert_eq!(stopped.errno().0, libc::EINTR);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let path = directory.path().join(segment_name(1));
        assert_eq!(
            open_segment(&path, 0).unwrap_err().errno().0,
            libc::EWOULDBLOCK
        );
        drop(first);
        open_segment(&path, 0).unwrap();
    }

    #[test]
    fn gaps_are_filled_and_a_gap_without_end_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let plan = plan(&directory, 4);
        let made = |segment| (segment, prepare_segment(&plan, segment, &GO_ON).unwrap());
        let mut open = vec![made(4), made(6)];
        fill_gaps(&plan, 3, &mut open).unwrap();
        let numbers: Vec<u64> = open.iter().map(|(segment, _)| *segment).collect();
        assert_eq!(numbers, [3, 4, 5, 6]);
        let listed = list_segments(directory.path()).unwrap();
        assert_eq!(listed.len(), 4);
        fill_gaps(&plan, 3, &mut open).unwrap();
        assert_eq!(open.len(), 4);
        open.push(made(1_000_000));
        let error = fill_gaps(&plan, 3, &mut open).unwrap_err().to_string();
        assert!(error.contains("segment-0000000011.cpgj"), "{error}");
        fill_gaps(&plan, 7, &mut Vec::new()).unwrap();
    }

    #[test]
    fn a_torn_last_block_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(segment_name(1));
        fs::write(&path, vec![1; BLOCK_BYTES + 100]).unwrap();
        let mut reader = SegmentReader::open(&path).unwrap();
        assert_eq!(reader.next_blocks().unwrap().unwrap().1.len(), BLOCK_BYTES);
        assert!(reader.next_blocks().unwrap().is_none());
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = list_segments(Path::new("/no/such/journal"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/no/such/journal"), "{error}");
    }
}

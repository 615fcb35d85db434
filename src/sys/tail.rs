//! The journal's tail: a named file on tmpfs, mapped, so that plain stores survive kill -9.
//!
//! ```text
//!              one file, two mappings
//!   TailMap   read-write   the journal appends here (&mut [u8])
//!   TailView  read-only    the ring writes blocks from here to a segment; never read by Rust code
//! ```
//!
//! Because the kernel reads through the view, no `&[u8]` ever overlaps the journal's `&mut [u8]`.

#![expect(unsafe_code, reason = "a shared file mapping has no safe interface")]

use core::ops::{Deref, DerefMut, Range};
use core::slice;
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::mm::{Advice, ProtFlags};
use rustix::process::geteuid;

use crate::model::limits::BLOCK_BYTES;
use crate::sys::error::MachineError;
use crate::sys::faults::{self, Point};
use crate::sys::files::{failed, lock, private_options};
use crate::sys::memory::Region;

/// The tail, mapped for writing. This process holds its file's lock.
#[derive(Debug)]
pub struct TailMap {
    region: Region,
    file: File,
    path: PathBuf,
}

impl TailMap {
    /// Makes the file `path` with `bytes` zero bytes (a multiple of the block size), all of them
    /// allocated, so that a full tmpfs is an error here (ENOSPC) and not a SIGBUS later. Fails with
    /// EEXIST where there is one already.
    pub fn create(path: &Path, bytes: usize) -> Result<Self, MachineError> {
        assert!(bytes > 0, "a tail holds something");
        assert!(
            bytes.is_multiple_of(BLOCK_BYTES),
            "a tail is made of blocks"
        );
        let file = private_options()
            .create_new(true)
            .open(path)
            .map_err(|cause| failed("creating the journal's tail", path, cause))?;
        faults::pass(Point::TailClaimed);
        let made = Self::of(file, path, bytes, 0).inspect_err(|_| {
            // Half a tail is worse than none. That removing it can fail as well changes nothing.
            drop(fs::remove_file(path));
        });
        faults::pass(Point::TailCreated);
        made
    }

    /// Opens the tail that a predecessor left at `path`, waiting `wait_ms` at most for its lock.
    /// Fails with ENOENT where there is none: the machine was restarted.
    pub fn open(path: &Path, wait_ms: u64) -> Result<Self, MachineError> {
        const DOING: &str = "opening the journal's tail";
        let file = private_options()
            .open(path)
            .map_err(|cause| failed(DOING, path, cause))?;
        let status = file
            .metadata()
            .map_err(|cause| failed(DOING, path, cause))?;
        if !status.is_file() || status.uid() != geteuid().as_raw() {
            return Err(MachineError::new(
                format!("{DOING} {}", path.display()),
                rustix::io::Errno::PERM,
                "it is not a plain file of the switch's user: somebody else put it there; \
                 find out who, then remove it",
            ));
        }
        let bytes = usize::try_from(status.len()).expect("addresses have 64 bits");
        if bytes == 0 || !bytes.is_multiple_of(BLOCK_BYTES) {
            return Err(MachineError::new(
                format!("{DOING} {} of {bytes} bytes", path.display()),
                rustix::io::Errno::INVAL,
                "its size is not a multiple of 4096: it was never finished; remove it",
            ));
        }
        Self::of(file, path, bytes, wait_ms)
    }

    fn of(file: File, path: &Path, bytes: usize, wait_ms: u64) -> Result<Self, MachineError> {
        lock(&file, path, wait_ms)?;
        let length = u64::try_from(bytes).expect("sizes have 64 bits");
        fallocate(&file, FallocateFlags::empty(), 0, length).map_err(|cause| {
            let mut error = failed("allocating the journal's tail", path, cause);
            if cause == rustix::io::Errno::NOSPC {
                error = MachineError::new(
                    format!("allocating {bytes} bytes for {}", path.display()),
                    cause,
                    "the tmpfs is full: remount it larger, free memory or configure a smaller tail",
                );
            }
            error
        })?;
        let region = Region::shared(file.as_fd(), bytes, ProtFlags::READ | ProtFlags::WRITE)
            .map_err(|cause| failed("mapping the journal's tail", path, cause))?;
        // Taken up where transparent_hugepage/shmem_enabled is `advise`; harmless elsewhere.
        region.advise(Advice::LinuxHugepage);
        Ok(Self {
            region,
            file,
            path: path.to_owned(),
        })
    }

    /// The second, read-only mapping, for [`crate::sys::machine::JournalConfig`].
    pub fn view(&self) -> Result<TailView, MachineError> {
        let region = Region::shared(self.file.as_fd(), self.region.bytes(), ProtFlags::READ)
            .map_err(|cause| failed("mapping the journal's tail again", &self.path, cause))?;
        Ok(TailView { region })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores `value`, little-endian, at `offset` (a multiple of eight) after every store that came
    /// before it in the program: how a record's head is published last.
    pub fn publish(&mut self, offset: usize, value: u64) {
        assert!(offset.is_multiple_of(8), "an atomic store is aligned");
        assert!(offset + 8 <= self.region.bytes(), "inside the tail");
        // SAFETY: the assert above keeps all eight bytes inside the mapping.
        let place = unsafe { self.region.base().add(offset) };
        // SAFETY: pages are aligned and `offset` is a multiple of eight; the memory lives as long
        // as `self`, and `&mut self` rules out a plain reference to the same bytes.
        let word = unsafe { AtomicU64::from_ptr(place.cast()) };
        word.store(value.to_le(), Ordering::Release);
    }
}

impl Deref for TailMap {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: fallocate gave every page of the mapping backing memory, and the file's lock and
        // mode keep other writers out; views of it are never dereferenced in this process.
        unsafe { slice::from_raw_parts(self.region.base(), self.region.bytes()) }
    }
}

impl DerefMut for TailMap {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is writable, `&mut self` is the only way to it in this process, and
        // the second mapping that the ring uses hands out no references.
        unsafe { slice::from_raw_parts_mut(self.region.base(), self.region.bytes()) }
    }
}

/// The tail as the ring sees it: addresses for the kernel to read from.
#[derive(Debug)]
pub struct TailView {
    region: Region,
}

impl TailView {
    /// Size of the tail in bytes.
    pub fn bytes(&self) -> usize {
        self.region.bytes()
    }

    /// The address of `range`; panics where it is not inside the tail.
    pub(crate) fn address(&self, range: &Range<usize>) -> *const u8 {
        assert!(range.start <= range.end, "a range runs forward");
        assert!(
            range.end <= self.region.bytes(),
            "a write stays inside the tail"
        );
        // SAFETY: the start is at most the mapping's length, by the two asserts above, so the
        // pointer stays within it or one past its end.
        unsafe { self.region.base().add(range.start) }
    }

    pub(crate) fn leak(&mut self) {
        self.region.leak();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("tail");
        (directory, path)
    }

    #[test]
    fn what_is_stored_is_there_for_the_next_one() {
        let (_directory, path) = place();
        let mut tail = TailMap::create(&path, 4 * BLOCK_BYTES).unwrap();
        assert!(tail.iter().all(|byte| *byte == 0));
        tail[4_096..4_101].copy_from_slice(b"hello");
        tail.publish(8_192, 0x0102_0304);
        drop(tail);
        let tail = TailMap::open(&path, 0).unwrap();
        assert_eq!(tail.len(), 4 * BLOCK_BYTES);
        assert_eq!(&tail[4_096..4_101], b"hello");
        assert_eq!(&tail[8_192..8_200], [4, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(tail.view().unwrap().bytes(), 4 * BLOCK_BYTES);
        let mode = fs::metadata(tail.path()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_tail_is_made_once_and_used_by_one() {
        let (_directory, path) = place();
        let missing = TailMap::open(&path, 0).unwrap_err();
        assert_eq!(missing.errno().0, libc::ENOENT);
        let _tail = TailMap::create(&path, BLOCK_BYTES).unwrap();
        let again = TailMap::create(&path, BLOCK_BYTES).unwrap_err();
        assert_eq!(again.errno().0, libc::EEXIST);
        let locked = TailMap::open(&path, 0).unwrap_err();
        assert_eq!(locked.errno().0, libc::EWOULDBLOCK);
    }

    #[test]
    fn a_full_tmpfs_is_an_error_with_a_remedy_and_leaves_nothing() {
        let (_directory, path) = place();
        let status = rustix::fs::statvfs("/dev/shm").unwrap();
        let bytes = usize::try_from(2 * status.f_blocks * status.f_frsize).unwrap();
        if bytes == 0 {
            return; // A tmpfs without a limit is never full.
        }
        let error = TailMap::create(&path, bytes).unwrap_err();
        assert_eq!(error.errno().0, libc::ENOSPC);
        assert!(error.to_string().contains("smaller tail"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn an_unfinished_tail_is_refused() {
        let (_directory, path) = place();
        fs::write(&path, b"short").unwrap();
        let error = TailMap::open(&path, 0).unwrap_err().to_string();
        assert!(error.contains("multiple of 4096"), "{error}");
    }
}

//! What the journal's files have in common: private modes, locks, directories, tmpfs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, statfs, statvfs};

use crate::sys::clock::Clock;
use crate::sys::error::{MachineError, file_remedy};

/// Only the switch's user may read journals: they hold account numbers.
pub(crate) const MODE_PRIVATE: u32 = 0o600;

/// How long to wait for the writes of a killed predecessor to land.
pub const LOCK_WAIT_MS_DEFAULT: u64 = 10_000;

/// The options every file of the journal is opened with.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .mode(MODE_PRIVATE)
        .custom_flags(libc::O_CLOEXEC | libc::O_NOFOLLOW);
    options
}

/// Creates or opens `path` and locks it, as [`lock`]: one process per journal directory.
pub fn lock_path(path: &Path, wait_ms: u64) -> Result<File, MachineError> {
    let file = private_options()
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|cause| failed("opening the lock file", path, cause))?;
    lock(&file, path, wait_ms)?;
    Ok(file)
}

/// Takes the exclusive lock of `file`, waiting `wait_ms` at most.
///
/// The lock (flock) belongs to the open file description, like an OFD lock: a write that is still
/// in flight in the kernel after its process was killed holds the description and so the lock.
/// Whoever gets it knows that every write of the predecessor has landed.
pub(crate) fn lock(file: impl AsFd, path: &Path, wait_ms: u64) -> Result<(), MachineError> {
    let give_up = Clock.monotonic().plus_ms(wait_ms);
    loop {
        let cause = match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::INTR) => continue,
            Err(cause) => cause,
        };
        if cause != rustix::io::Errno::WOULDBLOCK || Clock.monotonic() >= give_up {
            return Err(MachineError::new(
                format!("locking {} for {wait_ms} ms", path.display()),
                cause,
                "stop the other switch that uses this journal; if there is none, a killed one \
                 still has writes in flight: look for processes in state D and a hung disk",
            ));
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "start-up, before any shard runs")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Makes the names in `directory` durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), MachineError> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|cause| failed("syncing the directory", directory, cause))
}

/// Makes what was written to a file so far survive the power, whoever wrote it.
pub(crate) fn sync_file(path: &Path) -> Result<(), MachineError> {
    File::open(path)
        .and_then(|file| file.sync_data())
        .map_err(|cause| failed("syncing", path, cause))
}

/// Flushes the file system that holds `directory`: everything written so far survives the power.
pub fn sync_file_system(directory: &Path) -> Result<(), MachineError> {
    let doing = |cause: io::Error| failed("flushing the file system of", directory, cause);
    let file = File::open(directory).map_err(doing)?;
    rustix::fs::syncfs(file).map_err(|cause| doing(cause.into()))
}

/// Whether `path` (a file, or the directory it will be in) is on a tmpfs: memory that survives
/// kill -9, but not the power.
pub fn is_tmpfs(path: &Path) -> Result<bool, MachineError> {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let status =
        statfs(path).map_err(|cause| failed("asking for the file system of", path, cause))?;
    Ok(status.f_type == TMPFS_MAGIC)
}

/// Removes a file, where there is one. Its name may come back after a loss of power.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), MachineError> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(failed("removing", path, cause))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Bytes that files of ours may still take on the file system of `path`.
pub fn free_bytes(path: &Path) -> Result<u64, MachineError> {
    let status =
        statvfs(path).map_err(|cause| failed("asking for the room beside", path, cause))?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

pub(crate) fn failed(doing: &str, path: &Path, cause: impl Into<io::Error>) -> MachineError {
    let cause = cause.into();
    let remedy = file_remedy(&cause);
    MachineError::new(format!("{doing} {}", path.display()), cause, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_exclusive_and_ends_with_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = lock_path(&path, 0).unwrap();
        let error = lock_path(&path, 20).unwrap_err().to_string();
        assert!(error.contains("stop the other switch"), "{error}");
        drop(first);
        lock_path(&path, 0).unwrap();
    }

    #[test]
    fn tmpfs_is_told_from_other_file_systems() {
        assert!(is_tmpfs(Path::new("/dev/shm")).unwrap());
        assert!(!is_tmpfs(Path::new("/proc")).unwrap());
        let error = is_tmpfs(Path::new("/no/such/place"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/no/such/place") && error.contains("create"),
            "{error}"
        );
    }
}

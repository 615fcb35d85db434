//! The machine failed: what we were doing, what the kernel said, and what an operator can do.
//!
//! Never holds payment data: only paths, addresses, sizes and error numbers.

use std::io;

use crate::sys::operation::Errno;

/// A failure of the operating system at start-up or in the ring. It prints as
/// `doing: cause; remedy`.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}; {remedy}")]
pub struct MachineError {
    doing: String,
    #[source]
    cause: io::Error,
    remedy: String,
}

impl MachineError {
    /// `doing` names the action and its object, `remedy` what the operator should do about it.
    pub fn new(
        doing: impl Into<String>,
        cause: impl Into<io::Error>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            doing: doing.into(),
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// What was being done, and to what.
    pub fn doing(&self) -> &str {
        &self.doing
    }

    /// What the kernel said.
    pub fn cause(&self) -> &io::Error {
        &self.cause
    }

    /// What the operator can do.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The kernel's error number; EIO where the failure had none.
    pub fn errno(&self) -> Errno {
        Errno(self.cause.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// The usual remedy for an error number of the file system.
pub(crate) fn file_remedy(cause: &io::Error) -> &'static str {
    match cause.raw_os_error() {
        Some(libc::ENOSPC) => "the disk is full: free space or give the journal a larger one",
        Some(libc::EDQUOT) => "the disk quota is used up: raise it",
        Some(libc::EACCES | libc::EPERM) => {
            "give the switch's user read and write access to the directory"
        }
        Some(libc::EROFS) => "the file system is mounted read-only: remount it, check the disk",
        Some(libc::ENOENT) => "create the directory or correct the configured path",
        Some(libc::ENOTDIR) => "the configured path is not a directory: correct it",
        Some(libc::EEXIST) => "the file exists already: another run made it, or was interrupted",
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (LimitNOFILE)",
        Some(libc::EIO) => "the disk reports failure: check the kernel's log and replace it",
        _ => "check the path, its file system and the kernel's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_thing_the_cause_and_the_remedy() {
        let cause = io::Error::from_raw_os_error(libc::ENOSPC);
        let remedy = file_remedy(&cause);
        let error = MachineError::new("allocating journal/segment-1", cause, remedy);
        assert_eq!(error.errno(), Errno(libc::ENOSPC));
        let text = error.to_string();
        assert!(
            text.starts_with("allocating journal/segment-1: No space left"),
            "{text}"
        );
        assert!(text.ends_with("give the journal a larger one"), "{text}");
    }
}

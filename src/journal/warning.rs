//! What an opened journal wants to be known about itself: a line in the log each, never an error.

use std::path::PathBuf;

/// What is worth a line in the log though the journal opens.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreWarning {
    /// The tail is a file on a disk: the process's stores wait for its write-back.
    #[error("the tail {} is not on tmpfs: expect pauses; set `journal.tail_dir`", .0.display())]
    TailOnDisk(PathBuf),
    /// Committed records may be lost.
    #[error("the tail is gone, and with it what was committed in memory alone: loss window")]
    LossWindow,
    /// The segment was read in its place.
    #[error("{}: damaged, of another version, or not its segment's: not used", .0.display())]
    DigestNotUsed(PathBuf),
    /// It is proven by the archive, and written anew with the next segment that is given up.
    #[error("{}: missing or damaged: the archive says where the journal begins", .0.display())]
    BaseGone(PathBuf),
    /// The folder keeps the size it was made with.
    #[error("segments stay at {0} bytes, as the folder was made")]
    SegmentSizeKept(u64),
}

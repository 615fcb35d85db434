//! WHAT WE MUST NOT FORGET: layout, tail, segments, commit, recovery, readers.

pub mod archive;
pub mod audit;
pub mod base;
pub mod cases;
pub mod codec;
pub mod commit;
pub mod config;
pub mod digest;
mod file_header;
pub mod finding;
mod first;
#[cfg(test)]
#[path = "tests/fixtures.rs"]
pub(crate) mod fixtures;
pub mod identity;
pub mod json;
pub mod keeper;
pub mod layout;
pub mod read_only;
pub mod reader;
pub mod recovery;
mod scan;
pub mod segments;
pub mod store;
pub mod tail;
mod totals;
pub mod waiting;
pub mod warning;
#[cfg(test)]
#[path = "tests/world.rs"]
mod world;
mod writes;
#[cfg(test)]
#[path = "tests/written.rs"]
pub(crate) mod written;

use crate::model::ids::Lsn;
use crate::model::record::Record;
use crate::model::time::Wall;

pub use cases::{DigestFound, DigestUse, Ending, Fault, Found, TailFound};
pub use commit::{Fence, Full, Journal, JournalCounters, Room};
pub use config::{CommitMode, JournalConfig, Pace, StartPoint};
pub use layout::JournalIdentity;

/// A record as it is found in a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where the record ends.
    pub lsn: Lsn,
    /// When it was written.
    pub wall: Wall,
    /// What it says.
    pub record: Record,
}

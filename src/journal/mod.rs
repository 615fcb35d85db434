//! WHAT WE MUST NOT FORGET: layout, tail, segments, commit, recovery, readers.

use crate::model::ids::Lsn;
use crate::model::record::Record;
use crate::model::time::Wall;

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

//! Who may own a code, and by what: hints for a table of routes. A code may have several owners.

use arrayvec::ArrayVec;

use super::field::FieldIndex;
use super::schemes::{Row, Scheme};
use crate::model::limits::MARKS_MAX;

pub use crate::model::mark::By;

/// Bytes of a payload, or of what its base64 holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) end: u16,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self {
            start: narrow(start),
            end: narrow(end),
        }
    }

    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or_default()
    }
}

/// An offset: codes are bounded, so that all of them fit.
pub(super) fn narrow(offset: usize) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}

/// One that may own a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Whose scheme or network.
    pub scheme: Scheme,
    /// By what it is known.
    pub by: By,
    /// The field that says so, in EMV codes.
    pub field: Option<FieldIndex>,
    /// The row of the table of schemes; none where no row knows the identifier, and for codes that
    /// are not merchant-presented EMV.
    pub row: Option<&'static Row>,
    pub(super) mark: Span,
    pub(super) institution: Span,
    /// Its place among owners: the row's.
    pub(super) rank: u8,
}

/// All of them, in order.
pub(super) type Owners = ArrayVec<Owner, MARKS_MAX>;

/// Puts an owner in its place: by rank, then as they came.
pub(super) fn insert(owners: &mut Owners, owner: Owner) {
    let place = owners
        .iter()
        .filter(|known| known.rank <= owner.rank)
        .count();
    debug_assert!(!owners.is_full(), "no code has more accounts");
    if !owners.is_full() {
        owners.insert(place, owner);
    }
}

//! Who may own a code, and by what: hints for a table of routes. A code may have several owners.

use arrayvec::ArrayVec;

use super::field::FieldIndex;
use super::schemes::{Row, Scheme};

/// By what an owner is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// A globally unique identifier in a merchant account template.
    Guid,
    /// A root field that EMVCo has given to a network.
    Network,
    /// An application identifier.
    Aid,
    /// The scheme, or scheme and host, of a URL.
    Host,
    /// The first digits of a payment code.
    Prefix,
}

impl By {
    /// A word for programs. They rely on it: add, never rename.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Guid => "guid",
            Self::Network => "network",
            Self::Aid => "aid",
            Self::Host => "host",
            Self::Prefix => "prefix",
        }
    }
}

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
pub(super) type Owners = ArrayVec<Owner, OWNERS_MAX>;

/// Root fields that can hold an account: 02 to 51. A consumer-presented code has room for fewer
/// applications (nine bytes each).
pub(super) const OWNERS_MAX: usize = 50;

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

//! Lists of who and what is blocked, as keyed hashes: whoever reads the files learns nobody's name.
//!
//! An entry is the first 16 bytes of HMAC-SHA-256 (RFC 2104, FIPS 180-4), under the operator's key,
//! of
//!
//! ```text
//!     kind u8 | institution u64, most significant byte first | value without padding
//! ```
//!
//! One key serves all lists, so that a value is hashed once however many there are, and it is
//! hashed only where some list has an entry of its kind. Institutions are hashed when the table is
//! built: all that can come are known then.

use core::fmt;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::guard::{GuardError, Place};
use crate::model::chars::Chars;
use crate::model::ids::Institution;
use crate::model::limits::{LISTED_MAX, LISTS_MAX};

/// Bytes of a list key, at least: those of the hash (RFC 2104, section 3).
pub const LIST_KEY_BYTES_MIN: usize = 32;

/// What an entry is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Listed {
    /// A payer: the wallet's institution and its token for the payer.
    Payer = 1,
    /// A merchant: the acquirer's institution and its id for the merchant.
    Merchant = 2,
    /// An institution.
    Institution = 3,
}

impl Listed {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Payer, Self::Merchant, Self::Institution];

    /// The word in a file and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payer => "payer",
            Self::Merchant => "merchant",
            Self::Institution => "institution",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    const fn place(self) -> usize {
        (self as usize).saturating_sub(1)
    }
}

/// What stands for a value on a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyedHash(pub [u8; 16]);

impl KeyedHash {
    /// From 32 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high?.checked_mul(16)?.checked_add(low?)?).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for KeyedHash {
    /// 32 hexadecimal digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The key under which entries are hashed.
#[derive(Clone)]
pub struct ListKey(Hmac<Sha256>);

impl ListKey {
    /// `None` for fewer than [`LIST_KEY_BYTES_MIN`] bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < LIST_KEY_BYTES_MIN {
            return None;
        }
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// What stands for `value` at `institution`; padding on its right means nothing.
    pub fn hash(&self, kind: Listed, institution: Institution, value: &[u8]) -> KeyedHash {
        let mut mac = self.0.clone();
        mac.update(&[kind as u8]);
        mac.update(&institution.code().to_be_bytes());
        mac.update(value.trim_ascii_end());
        kept(mac)
    }

    /// Tells this key from another, and nothing of it: the hash of a kind that no entry has.
    pub fn check_value(&self) -> KeyedHash {
        let mut mac = self.0.clone();
        mac.update(&[0]);
        kept(mac)
    }
}

/// The part of a hash that is kept.
fn kept(mac: Hmac<Sha256>) -> KeyedHash {
    let mut kept = [0; 16];
    for (kept, byte) in kept.iter_mut().zip(mac.finalize().into_bytes()) {
        *kept = byte;
    }
    KeyedHash(kept)
}

impl fmt::Debug for ListKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[list key withheld]")
    }
}

/// One list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct List {
    /// What operators call it.
    pub name: String,
    /// Whatever its keeper calls this edition.
    pub version: String,
    /// Its entries.
    pub rows: Vec<ListRow>,
}

/// One entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListRow {
    /// From 1.
    pub line: u32,
    /// What it is about.
    pub kind: Listed,
    /// Whom or what.
    pub hash: KeyedHash,
}

/// All lists of one generation.
#[derive(Debug, Default)]
pub(super) struct Lists {
    key: Option<ListKey>,
    /// Payers and merchants; where several lists have one, the first names it.
    entries: HashMap<(Listed, KeyedHash), Place, FixedState>,
    /// Listed institutions among those that exist.
    institutions: HashMap<Institution, Place, FixedState>,
    /// Whether there are entries, by kind.
    any: [bool; Listed::ALL.len()],
    names: Vec<(String, String)>,
}

impl Lists {
    /// Whether nobody and nothing is listed.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.institutions.is_empty()
    }

    pub(super) fn new(
        key: Option<ListKey>,
        lists: Vec<List>,
        institutions: &[Institution],
    ) -> Result<Self, GuardError> {
        if lists.len() > LISTS_MAX {
            return Err(GuardError::TooManyLists);
        }
        let listed = lists.iter().map(|list| list.rows.len());
        let listed = listed.fold(0, usize::saturating_add);
        if listed > LISTED_MAX {
            return Err(GuardError::TooManyListed);
        }
        if listed > 0 && key.is_none() {
            return Err(GuardError::NoListKey);
        }
        let mut built = Self {
            key,
            entries: HashMap::with_capacity_and_hasher(listed, FixedState::default()),
            ..Self::default()
        };
        for (index, list) in (0_u16..).zip(lists) {
            for ListRow { line, kind, hash } in list.rows {
                let place = Place::List { list: index, line };
                built.entries.entry((kind, hash)).or_insert(place);
                built.any[kind.place()] = true;
            }
            built.names.push((list.name, list.version));
        }
        for institution in institutions {
            if let Some(place) = built.find(Listed::Institution, *institution, b"") {
                built.institutions.insert(*institution, place);
            }
        }
        Ok(built)
    }

    pub(super) fn named(&self, index: u16) -> Option<(&str, &str)> {
        let (name, version) = self.names.get(usize::from(index))?;
        Some((name, version))
    }

    pub(super) fn institution(&self, institution: Institution) -> Option<Place> {
        if self.institutions.is_empty() {
            return None;
        }
        self.institutions.get(&institution).copied()
    }

    pub(super) fn payer(&self, wallet: Institution, token: Option<&Chars<32>>) -> Option<Place> {
        self.find(Listed::Payer, wallet, token?.bytes())
    }

    pub(super) fn merchant(&self, acquirer: Institution, id: Option<&Chars<15>>) -> Option<Place> {
        self.find(Listed::Merchant, acquirer, id?.bytes())
    }

    /// What stands for a payer, on a list and wherever payers are counted.
    pub(super) fn payer_hash(&self, wallet: Institution, token: &Chars<32>) -> Option<KeyedHash> {
        let key = self.key.as_ref()?;
        Some(key.hash(Listed::Payer, wallet, token.bytes()))
    }

    fn find(&self, kind: Listed, institution: Institution, value: &[u8]) -> Option<Place> {
        if !self.any[kind.place()] {
            return None;
        }
        let hash = self.key.as_ref()?.hash(kind, institution, value);
        self.entries.get(&(kind, hash)).copied()
    }
}

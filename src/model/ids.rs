//! Names of things: institutions, references, links, shards, places in the journal.

use core::fmt;
use core::num::NonZeroU64;

use crate::model::limits::INSTITUTION_MAX;

/// An institution code, 1 to 99,999,999,999 (eleven digits; leading zeros mean nothing).
/// ISO 8583 DE 32/33/100, SBE `institution`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Institution(NonZeroU64);

impl Institution {
    /// `None` for zero and for more than eleven digits.
    pub const fn new(code: u64) -> Option<Self> {
        match NonZeroU64::new(code) {
            Some(code) if code.get() <= INSTITUTION_MAX => Some(Self(code)),
            _ => None,
        }
    }

    /// The code as a number.
    pub const fn code(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Institution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The originator's own reference for a transaction: exactly twelve of `[0-9A-Za-z]`.
/// ISO 8583 DE 37, SBE `reference`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference([u8; 12]);

impl Reference {
    /// `None` where a character is not a letter or a digit.
    #[inline]
    pub fn new(bytes: [u8; 12]) -> Option<Self> {
        // Without stopping early: so it compiles to vector instructions.
        bytes
            .iter()
            .fold(true, |good, byte| good & byte.is_ascii_alphanumeric())
            .then_some(Self(bytes))
    }

    /// The twelve characters.
    pub const fn bytes(&self) -> &[u8; 12] {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{}", char::from(*byte)))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// A live TCP connection of one shard. The generation tells a reused slot from its predecessor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId {
    /// Place in the shard's link table, 0 to `links_max` - 1.
    pub slot: u32,
    /// Counts the slot's uses, modulo 2^24 (it shares a ring's 64-bit user data with the slot).
    pub generation: u32,
}

/// A link as every shard of the switch names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkAddress {
    /// The shard whose machine holds it.
    pub shard: ShardId,
    /// There.
    pub link: LinkId,
}

/// Place of a listener in the configuration, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ListenerIndex(pub u16);

/// Place of a participant in one table snapshot, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ParticipantIndex(pub u16);

/// A shard's number, 0 to `shards` - 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShardId(pub u16);

/// Counts the times a shard's journal was opened for writing, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Epoch(pub u32);

/// Absolute byte offset in a shard's journal, block headers included. An LSN that names what has
/// been appended or committed is the offset *after* the last byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The LSN `bytes` further on.
    #[must_use]
    pub const fn plus(self, bytes: u64) -> Self {
        Self(
            self.0
                .checked_add(bytes)
                .expect("a journal ends long before 2^64 bytes"),
        )
    }
}

/// Counts the transactions of one shard's journal, from 1: the n-th business key that was claimed.
/// Stable across restarts; zero means none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TransactionNumber(pub u64);

/// Names one generation of all tables; journalled with each decision that used it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TableVersion(pub u32);

/// How an answer finds its request on a link: SBE `linkRef` as it is, or ISO 8583 STAN and DE 7
/// packed by [`MatchKey::from_iso`]. Unique per participant and class of message while it is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MatchKey(pub u64);

impl MatchKey {
    const STAN_BITS: u32 = 20;

    /// Packs DE 11 (`stan`, 0 to 999,999) below DE 7 (`transmission`, ten digits MMDDhhmmss).
    pub const fn from_iso(stan: u32, transmission: u64) -> Self {
        assert!(stan <= 999_999);
        assert!(transmission <= 9_999_999_999);
        Self((transmission << Self::STAN_BITS) | stan as u64)
    }

    /// DE 11 of a packed key.
    pub const fn stan(self) -> u32 {
        (self.0 & ((1 << Self::STAN_BITS) - 1)) as u32
    }

    /// DE 7 of a packed key, as the number MMDDhhmmss.
    pub const fn transmission(self) -> u64 {
        self.0 >> Self::STAN_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn institutions_have_eleven_digits_at_most() {
        assert_eq!(Institution::new(0), None);
        assert_eq!(
            Institution::new(99_999_999_999).unwrap().code(),
            99_999_999_999
        );
        assert_eq!(Institution::new(100_000_000_000), None);
    }

    #[test]
    fn references_are_twelve_letters_or_digits() {
        assert!(Reference::new(*b"ABCdef012345").is_some());
        assert!(Reference::new(*b"ABC def01234").is_none());
    }

    #[test]
    fn a_match_key_packs_and_unpacks() {
        let key = MatchKey::from_iso(999_999, 1_231_235_959);
        assert_eq!((key.stan(), key.transmission()), (999_999, 1_231_235_959));
    }
}

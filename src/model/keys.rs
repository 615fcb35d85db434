//! Business keys: what makes two messages speak of the same transaction, and which shard owns it.

use core::fmt;

use xxhash_rust::xxh64::xxh64;

use crate::model::ids::{Institution, Reference, ShardId};
use crate::model::time::Date;

/// Class of a business key: told by SBE template or ISO 8583 DE 3, never by the MTI.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Class {
    /// A payment, DE 3 = 000000.
    Payment = 1,
    /// A refund, DE 3 = 200000.
    Refund = 2,
    /// A code inquiry, DE 3 = 380000.
    CodeInquiry = 3,
}

impl Class {
    /// The class of a wire or journal byte.
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Payment),
            2 => Some(Self::Refund),
            3 => Some(Self::CodeInquiry),
            _ => None,
        }
    }
}

/// The part of a business key that a message states: who, on which of its own days, which
/// reference. Also the *root* of reversals, refunds and inquiries. Passes end to end unchanged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// The originating institution (in MPM the wallet), DE 32.
    pub originator: Institution,
    /// The originator's own local date, DE 13.
    pub local_date: Date,
    /// The originator's reference, DE 37.
    pub reference: Reference,
}

impl Key {
    /// Which of `shards` shards owns the transaction with this root: xxh64 with seed 0 over the
    /// originator as u64 LE, the date as u32 LE (YYYYMMDD) and the reference, modulo `shards`.
    /// Published in the protocol: clients may pick their link by it.
    pub fn owner(&self, shards: u16) -> ShardId {
        assert!(shards > 0);
        let shard = self.hash(0) % u64::from(shards);
        ShardId(u16::try_from(shard).expect("smaller than a u16"))
    }

    /// xxh64 over the key's 24 bytes, as [`Key::owner`] lays them out.
    pub fn hash(&self, seed: u64) -> u64 {
        let mut bytes = [0_u8; 24];
        bytes[..8].copy_from_slice(&self.originator.code().to_le_bytes());
        bytes[8..12].copy_from_slice(&self.local_date.yyyymmdd().to_le_bytes());
        bytes[12..].copy_from_slice(self.reference.bytes());
        xxh64(&bytes, seed)
    }
}

impl fmt::Display for Key {
    /// `INSTITUTION/YYYYMMDD/REFERENCE`, as the command line takes it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}/{}",
            self.originator, self.local_date, self.reference
        )
    }
}

/// A whole business key, and so also the *target* of a reversal, inquiry or advice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BusinessKey {
    /// Originator, date and reference.
    pub key: Key,
    /// What the key names.
    pub class: Class,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(reference: &[u8; 12]) -> Key {
        Key {
            originator: Institution::new(48_000_702).unwrap(),
            local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
            reference: Reference::new(*reference).unwrap(),
        }
    }

    #[test]
    fn ownership_is_the_published_hash() {
        // Python's xxhash 4.1.0: xxh64(struct.pack("<QI", 48000702, 20261121) + reference) % 4.
        let owners: Vec<u16> = (0..8).map(|n| key(&[b'0' + n; 12]).owner(4).0).collect();
        assert_eq!(owners, [2, 3, 0, 2, 1, 0, 2, 2]);
        assert_eq!(key(b"000000000001").owner(1), ShardId(0));
    }

    #[test]
    fn a_key_prints_as_the_command_line_takes_it() {
        assert_eq!(
            key(b"ABCDEF012345").to_string(),
            "48000702/20261121/ABCDEF012345"
        );
    }
}

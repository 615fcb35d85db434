//! The archive: what sealed segments say, kept and found again after the segments are gone.
//!
//! Of each sealed segment the archive holds two files. The *digest* is that of the journal
//! ([`super::digest`]): it decodes to the very records, in a third of their bytes, was made of
//! blocks each of which was checked, and is bound to the stretches before and after it by the chain
//! of checksums at both ends. The segment itself is not kept: what it has beside its records is
//! padding, LSNs of pairs, and the checksums that were proven when the digest was made; before a
//! segment is given up its digest is computed once more and compared, byte by byte. The *index*
//! finds records in a digest by every reference they have ([`index`]), and is a pure function of
//! it.
//!
//! ```text
//!   ARCHIVE/shard-NN/segment-NNNNNNNNNN.digest
//!   ARCHIVE/shard-NN/segment-NNNNNNNNNN.index    written last: a segment with one is archived
//! ```
//!
//! Nothing here is ever written in place, and a file of another journal is never replaced.

pub mod catalogue;
pub mod files;
pub mod index;
mod ordered;

use crate::journal::digest::Skimmed;
use crate::model::ids::{MatchKey, Reference, TransactionNumber};
use crate::model::keys::Key;
use crate::model::record::{Decision, Record, Refund};

/// By what something in the archive is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The reference of a key that a record claims: a payment's, a refund's, or that of a
    /// transaction which was reversed before it came.
    Claim(Reference),
    /// Of a refund: the reference of the payment that it gives back from.
    Root(Reference),
    /// Of a record that claims nothing: the number of its transaction.
    Number(TransactionNumber),
    /// Ours on the destination's leg, by which the destination knows the request.
    MatchKey(MatchKey),
}

impl By {
    /// What it is sorted by.
    #[inline]
    fn hash(self) -> u64 {
        let (kind, bytes) = match self {
            Self::Claim(reference) => (1, *reference.bytes()),
            Self::Root(reference) => (2, *reference.bytes()),
            Self::Number(number) => (3, wide(number.0)),
            Self::MatchKey(key) => (4, wide(key.0)),
        };
        xxhash_rust::xxh64::xxh64(&bytes, kind)
    }
}

fn wide(number: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The payment that a record gives back from, if it claims a refund.
pub fn refunded(record: &Record) -> Option<Key> {
    match record {
        Record::Refund(Refund { root, .. }) => Some(*root),
        _ => None,
    }
}

/// The match key under which the destination knows a request of ours that a record decides.
pub fn destination_key(record: &Record) -> Option<MatchKey> {
    let decided = |decision| match decision {
        Decision::Forward { match_key, .. } => Some(match_key),
        Decision::Decline { .. } => None,
    };
    match record {
        Record::Payment(payment) => decided(payment.decision),
        Record::Refund(refund) => decided(refund.decision),
        _ => None,
    }
}

/// Everything by which an entry of a digest is found.
#[inline]
fn references(skimmed: &Skimmed, mut found: impl FnMut(By)) {
    let record = match skimmed {
        Skimmed::Settled(payment) => {
            found(By::Claim(payment.reference));
            if let Some(key) = payment.match_key {
                found(By::MatchKey(key));
            }
            return;
        }
        Skimmed::Loose(entry) => &entry.record,
    };
    match record.claimed() {
        Some(key) => found(By::Claim(key.key.reference)),
        None if record.number().0 != 0 => found(By::Number(record.number())),
        None => {}
    }
    if let Some(root) = refunded(record) {
        found(By::Root(root.reference));
    }
    if let Some(key) = destination_key(record) {
        found(By::MatchKey(key));
    }
}

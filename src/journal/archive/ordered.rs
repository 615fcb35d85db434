//! The entries of an index, brought into order: spread over parts by the first byte of their hash
//! while they come, then each part sorted by itself. A part fits the processor's cache. Pure.
#![deny(clippy::indexing_slicing)]

use super::index::Spot;

/// One for each first byte.
const PARTS: usize = 1 << u8::BITS;

/// Hashes and places, in order once [`Ordered::sort`] was called.
#[derive(Debug)]
pub(super) struct Ordered {
    parts: Box<[Vec<(u64, Spot)>; PARTS]>,
}

impl Ordered {
    /// None so far. Hashes spread evenly: each part gets its share of the room, and a little more.
    pub(super) fn with_room_for(entries: u64) -> Self {
        let share = usize::try_from(entries).unwrap_or(0) / PARTS;
        // The deviation from a share is its root.
        let room = share + 4 * share.isqrt() + 4;
        let parts = core::array::from_fn(|_| Vec::with_capacity(room));
        Self {
            parts: Box::new(parts),
        }
    }

    /// Takes one in. Places come in order.
    #[inline]
    pub(super) fn push(&mut self, hash: u64, spot: Spot) {
        let [first, ..] = hash.to_be_bytes();
        let part = self.parts.get_mut(usize::from(first));
        part.expect("there is one for each").push((hash, spot));
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }

    /// Brings them into the order of their hashes, and of their places where those are the same.
    pub(super) fn sort(&mut self) {
        for part in &mut *self.parts {
            // A stable sort keeps the order in which places came.
            part.sort_by_key(|(hash, _)| *hash);
        }
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(u64, Spot)> {
        self.parts.iter().flatten()
    }
}

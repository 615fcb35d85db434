//! From a hash to a place: a table of fixed size, open addressing, and nearly always one cache line
//! for a look-up.
//!
//! An entry is eight bytes: the hash, and the place it leads to. Comparing hashes first keeps
//! look-ups of what is not there, which is what a new payment's is, away from the places. The table
//! is twice as large as it may ever be full, so it never grows and a probe ends soon; what is
//! removed leaves no trace, because entries behind it move up. Never allocates after its start.

use core::ops::Range;

use arrayvec::ArrayVec;

/// Entries that are put in late at once.
const LATE_MAX: usize = 16;

/// A table.
#[derive(Debug)]
pub(super) struct Index {
    /// `hash << 32 | place + 1`; zero is empty.
    entries: Vec<u64>,
    mask: usize,
    used: usize,
    capacity: usize,
    /// What is to be put in, oldest first from `next_late` on.
    late: ArrayVec<(u32, u32), LATE_MAX>,
    next_late: usize,
}

impl Index {
    /// Room for `capacity` places. The memory is zeroed, and taken as it is used.
    pub(super) fn new(capacity: usize) -> Self {
        let length = (capacity.max(LINE_ENTRIES) * 2).next_power_of_two();
        assert!(
            length <= 1 << 32,
            "the home of an entry is part of its hash"
        );
        Self {
            entries: vec![0; length],
            mask: length - 1,
            used: 0,
            capacity,
            late: ArrayVec::new(),
            next_late: 0,
        }
    }

    /// How many places are in it.
    pub(super) fn len(&self) -> usize {
        self.used + self.late.len()
    }

    /// The place under `hash` that `is_it` recognises.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        debug_assert!(self.late.is_empty(), "nobody looks things up meanwhile");
        let mut at = self.home(hash);
        loop {
            match self.entries[at] {
                0 => return None,
                entry if hash_of(entry) == hash && is_it(place_of(entry)) => {
                    return Some(place_of(entry));
                }
                _ => at = (at + 1) & self.mask,
            }
        }
    }

    /// Puts a place under `hash`; it must not be there yet.
    #[inline]
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        assert!(
            self.used < self.capacity,
            "the table is as large as what it indexes"
        );
        let mut at = self.home(hash);
        while self.entries[at] != 0 {
            at = (at + 1) & self.mask;
        }
        self.entries[at] = (u64::from(hash) << 32) | (u64::from(place) + 1);
        self.used += 1;
    }

    /// As [`Index::insert`], a few calls later or with [`Index::catch_up`]: until then nothing can
    /// be found, and whoever `asks` for the memory of the entry's home has it by then.
    #[inline]
    pub(super) fn insert_late(&mut self, hash: u32, place: u32, ask: impl FnOnce(&u64)) {
        ask(self.entry(hash));
        if self.late.is_full() {
            let (hash, place) = core::mem::replace(&mut self.late[self.next_late], (hash, place));
            self.next_late = (self.next_late + 1) % LATE_MAX;
            self.insert(hash, place);
        } else {
            self.late.push((hash, place));
        }
    }

    /// Puts in what is late.
    pub(super) fn catch_up(&mut self) {
        for (hash, place) in core::mem::take(&mut self.late) {
            self.insert(hash, place);
        }
        self.next_late = 0;
    }

    /// Takes out `place`, which was put under `hash`.
    #[inline]
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        if !self.late.is_empty() {
            self.catch_up();
        }
        let wanted = (u64::from(hash) << 32) | (u64::from(place) + 1);
        let mut hole = self.home(hash);
        while self.entries[hole] != wanted {
            assert!(self.entries[hole] != 0, "only what was put in is taken out");
            hole = (hole + 1) & self.mask;
        }
        self.used -= 1;
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask;
            let entry = self.entries[at];
            if entry == 0 {
                break;
            }
            // An entry may move up to the hole if that is not before its home.
            let from_home = at.wrapping_sub(self.home(hash_of(entry))) & self.mask;
            let from_hole = at.wrapping_sub(hole) & self.mask;
            if from_home >= from_hole {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = 0;
    }

    /// Every place in it, in no order.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> {
        let used = self.entries.iter().filter(|entry| **entry != 0);
        used.map(|entry| place_of(*entry))
    }

    /// Where a look-up of `hash` begins.
    #[inline]
    pub(super) fn entry(&self, hash: u32) -> &u64 {
        &self.entries[self.home(hash)]
    }

    /// Where its memory is.
    pub(super) fn memory(&self) -> Range<usize> {
        memory_of(&self.entries)
    }

    fn home(&self, hash: u32) -> usize {
        usize::try_from(hash).expect("usize holds a u32") & self.mask
    }
}

/// The addresses of all that `table` may ever hold.
pub(super) fn memory_of<T>(table: &Vec<T>) -> Range<usize> {
    let start = table.as_ptr().addr();
    start..start + table.capacity() * size_of::<T>()
}

/// Entries of one cache line of 64 bytes.
pub(super) const LINE_ENTRIES: usize = 8;

/// A hash for keys that are drawn one after the other: eight neighbours share a cache line, lines
/// are scattered. `line` is the hash of all but the lowest three bits of the key.
pub(super) const fn neighbourly(line: u64, key: u64) -> u32 {
    let [a, b, c, d, ..] = line.to_le_bytes();
    let [low, ..] = key.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) << 3 | (low & 7) as u32
}

const fn hash_of(entry: u64) -> u32 {
    let [.., a, b, c, d] = entry.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

const fn place_of(entry: u64) -> u32 {
    let [a, b, c, d, ..] = entry.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Hashes are few, so that nearly everything collides and wraps round.
        #[test]
        fn an_index_finds_what_a_plain_map_holds(
            steps in proptest::collection::vec((0_u8..4, 0_u32..64, 0_u32..6), 1..400),
        ) {
            let mut index = Index::new(32);
            let mut model = std::collections::BTreeMap::new();
            for (kind, place, hash) in steps {
                let hash = hash.wrapping_sub(3);
                if kind > 0 && model.len() < 32 && !model.contains_key(&place) {
                    match kind {
                        1 => index.insert(hash, place),
                        _ => index.insert_late(hash, place, |_| ()),
                    }
                    model.insert(place, hash);
                } else if let Some(hash) = model.remove(&place) {
                    index.remove(hash, place);
                }
                prop_assert_eq!(index.len(), model.len());
                if kind > 2 {
                    continue;
                }
                index.catch_up();
                for place in 0..64 {
                    let expected = model.get(&place).map(|_| place);
                    let under = model.get(&place).copied().unwrap_or(hash);
                    prop_assert_eq!(index.find(under, |found| found == place), expected);
                }
            }
        }
    }

    #[test]
    fn neighbours_share_a_line() {
        let homes: Vec<u32> = (0..8).map(|key| neighbourly(77, 40 + key)).collect();
        assert!(homes.iter().all(|home| home >> 3 == homes[0] >> 3));
        assert_eq!(
            homes
                .iter()
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            8
        );
    }
}

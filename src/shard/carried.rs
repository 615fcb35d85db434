//! What a shard carries, for its keeper to read: transactions that are not over, though everything
//! else that was claimed with them is forgotten.
//!
//! ```text
//!   shard:   1. stores the numbers   2. stores how far all is forgotten
//!   keeper:  4. reads the numbers    3. reads how far all is forgotten
//! ```
//!
//! A number stays in its place until its transaction is over. So whoever reads in this order finds
//! every number that is not beyond what it read, and not forgotten since.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use crossbeam_utils::CachePadded;

use crate::engine::CARRIED_MAX;
use crate::model::ids::TransactionNumber;

/// The numbers; zero where there is none.
#[derive(Debug)]
pub struct CarriedNumbers(CachePadded<[AtomicU64; CARRIED_MAX]>);

impl Default for CarriedNumbers {
    fn default() -> Self {
        Self(CachePadded::new([const { AtomicU64::new(0) }; CARRIED_MAX]))
    }
}

impl CarriedNumbers {
    /// Says what is carried: before it is said how far all is forgotten.
    pub(super) fn publish(&self, carried: &[TransactionNumber]) {
        for (place, number) in self.0.iter().zip(carried) {
            place.store(number.0, Ordering::Relaxed);
        }
        fence(Ordering::Release);
    }

    /// What is carried: read after how far all is forgotten.
    pub fn read(&self) -> impl Iterator<Item = TransactionNumber> {
        fence(Ordering::Acquire);
        let numbers = self.0.iter().map(|place| place.load(Ordering::Relaxed));
        numbers.filter(|number| *number != 0).map(TransactionNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::stats::{Counter, Counters, Stats};

    #[test]
    fn how_far_all_is_forgotten_is_never_told_without_what_is_not() {
        let (counters, mut stats) = (Counters::default(), Stats::default());
        stats.set(Counter::NumbersForgotten, 9);
        counters.publish(&stats, &[TransactionNumber(0), TransactionNumber(7)]);
        assert_eq!(counters.get(Counter::NumbersForgotten), 9);
        assert!(counters.carried.read().eq([TransactionNumber(7)]));
    }
}

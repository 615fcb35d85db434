//! Numbers on their way to people: one sample with its name and labels, and times by size.
//!
//! ```text
//! place   0          1          2          3          4     ...  48         49
//! up to   1.024 us   1.536 us   2.048 us   3.072 us   4.096 us   25.8 s     without end
//! ```
//!
//! It counts in plain integers and never allocates.

/// Places of a histogram: two in each doubling, the last without an upper bound.
pub const BUCKETS: usize = 50;

/// The smallest time that is told apart, as a power of two of nanoseconds.
const UNIT_SHIFT: u32 = 9;

/// Times by size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Histogram {
    /// How many, by place; see [`bound_ns`].
    pub counts: [u64; BUCKETS],
    /// All times together, in nanoseconds.
    pub sum_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            sum_ns: 0,
        }
    }
}

impl Histogram {
    /// Counts one time.
    #[inline]
    pub fn note(&mut self, ns: u64) {
        self.counts[place(ns)] += 1;
        self.sum_ns = self.sum_ns.wrapping_add(ns);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Takes over what another has counted.
    pub fn add(&mut self, other: &Self) {
        for (mine, others) in self.counts.iter_mut().zip(other.counts) {
            *mine += others;
        }
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
    }

    /// What was counted since `before`, which is an earlier copy of the same.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut counts = self.counts;
        for (mine, others) in counts.iter_mut().zip(before.counts) {
            *mine = mine.saturating_sub(others);
        }
        Self {
            counts,
            sum_ns: self.sum_ns.wrapping_sub(before.sum_ns),
        }
    }

    /// The upper end of the place in which `per_mille` of all times are; none where nothing was
    /// counted. Of the last place it is the lower end.
    pub fn quantile_ns(&self, per_mille: u64) -> Option<u64> {
        let count = self.count();
        let wanted = (count * per_mille.min(1_000)).div_ceil(1_000).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|counted| {
            seen += counted;
            seen >= wanted
        })?;
        Some(bound_ns(place.min(BUCKETS - 2)))
    }
}

/// The place of a time.
#[inline]
fn place(ns: u64) -> usize {
    let units = ns >> UNIT_SHIFT;
    if units < 2 {
        return 0;
    }
    let top = 63 - units.leading_zeros();
    let half = (units >> (top - 1)) & 1;
    let place = u64::from(2 * (top - 1)) + half + 1;
    usize::try_from(place).map_or(BUCKETS - 1, |place| place.min(BUCKETS - 1))
}

/// The time below which everything in a place lies, in nanoseconds; of the last place there is no
/// such time, and this is the largest number.
pub const fn bound_ns(place: usize) -> u64 {
    if place >= BUCKETS - 1 {
        return u64::MAX;
    }
    match place {
        0 => 2 << UNIT_SHIFT,
        odd if odd % 2 == 1 => 3 << (UNIT_SHIFT as usize + odd / 2),
        even => 4 << (UNIT_SHIFT as usize + even / 2 - 1),
    }
}

/// What kind of number a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'v> {
    /// It only grows.
    Counter(u64),
    /// It only grows: a time in nanoseconds, shown in seconds.
    Spent(u64),
    /// It goes up and down.
    Gauge(u64),
    /// Times, in seconds.
    Times(&'v Histogram),
}

/// One number of a metric. Samples of one name follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample<'s> {
    /// Without prefix; words of the trade, unit last.
    pub name: &'s str,
    /// What it means, in words.
    pub help: &'s str,
    /// Names and values.
    pub labels: &'s [(&'static str, &'s str)],
    /// The number.
    pub value: Value<'s>,
}

/// Receives every sample.
pub type Visit<'v> = &'v mut dyn FnMut(&Sample<'_>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Every time lies below the bound of its place and not below that of the one before.
        #[test]
        fn a_time_is_in_its_place(ns in any::<u64>(), shift in 0_u32..64) {
            let ns = ns >> shift;
            let place = place(ns);
            prop_assert!(place == BUCKETS - 1 || ns < bound_ns(place));
            prop_assert!(place == 0 || ns >= bound_ns(place - 1));
        }
    }

    #[test]
    fn bounds_are_as_the_picture_says() {
        let bounds: Vec<_> = (0..5).map(bound_ns).collect();
        assert_eq!(bounds, [1_024, 1_536, 2_048, 3_072, 4_096]);
        assert!((1..BUCKETS).all(|place| bound_ns(place) > bound_ns(place - 1)));
        assert_eq!(bound_ns(BUCKETS - 2), 25_769_803_776 / 3 * 2);
    }

    #[test]
    fn quantiles_differences_and_sums() {
        let mut times = Histogram::default();
        assert_eq!(times.quantile_ns(500), None);
        for ns in [1_000, 2_000, 100_000] {
            times.note(ns);
        }
        assert_eq!(times.quantile_ns(500), Some(2_048));
        assert_eq!(times.quantile_ns(999), Some(131_072));
        let before = times;
        times.note(u64::MAX / 2);
        assert_eq!(times.since(&before).count(), 1);
        assert_eq!(
            times.since(&before).quantile_ns(1),
            Some(bound_ns(BUCKETS - 2))
        );
        let mut both = before;
        both.add(&times.since(&before));
        assert_eq!(both, times);
    }
}

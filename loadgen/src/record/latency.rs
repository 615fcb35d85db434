//! ONE HISTOGRAM of times, and how many samples a quantile needs before it is said.

use hdrhistogram::{Counter, Histogram};

/// Nanoseconds, 1 us to a minute with three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    /// Empty.
    pub(crate) fn new() -> Self {
        Self(empty())
    }

    /// One more; longer than a minute counts as a minute.
    pub(crate) fn add(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// All of an interval more. The buckets are the same, so nothing is lost.
    pub(crate) fn merge(&mut self, interval: &IntervalLatency) {
        for bucket in interval.0.iter_recorded() {
            let count = u64::from(bucket.count_at_value());
            self.0
                .saturating_record_n(bucket.value_iterated_to(), count);
        }
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value that `share` (0.5: half) do not exceed; `None` where there are too few to tell:
    /// fewer than ten above it.
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    pub(crate) fn quantile_ns(&self, share: f64) -> Option<u64> {
        let above = self.0.len() as f64 * (1.0 - share);
        (above >= SAMPLES_ABOVE_MIN || (share <= 0.5 && !self.0.is_empty()))
            .then(|| self.0.value_at_quantile(share))
    }

    /// The longest; `None` where there is none.
    pub(crate) fn longest_ns(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.max())
    }

    /// The histogram itself, for files.
    pub(crate) const fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

/// The same buckets with small counts: what one interval of one corridor takes. A bucket that is
/// never hit is never touched, so it costs address space and no memory.
#[derive(Clone, Debug)]
pub(crate) struct IntervalLatency(Histogram<u32>);

impl IntervalLatency {
    /// Empty.
    pub(crate) fn new() -> Self {
        Self(empty())
    }

    /// One more; longer than a minute counts as a minute.
    pub(crate) fn add(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// The histogram itself.
    #[cfg(test)]
    pub(crate) const fn histogram(&self) -> &Histogram<u32> {
        &self.0
    }
}

/// The buckets of all of them, so that they merge without a loss.
fn empty<C: Counter>() -> Histogram<C> {
    Histogram::new_with_bounds(NS_MIN, NS_MAX, DIGITS)
        .expect("the bounds are valid for every histogram")
}

const NS_MIN: u64 = 1_000;
const NS_MAX: u64 = 60_000_000_000;
const DIGITS: u8 = 3;
const SAMPLES_ABOVE_MIN: f64 = 9.999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_ten_samples_above_it() {
        let mut latency = Latency::new();
        assert_eq!(
            (latency.quantile_ns(0.5), latency.longest_ns()),
            (None, None)
        );
        for ms in 1..=1_000 {
            latency.add(ms * 1_000_000);
        }
        let near = |found: Option<u64>, expected_ms: u64| {
            found.unwrap().abs_diff(expected_ms * 1_000_000) <= expected_ms * 1_000
        };
        assert!(near(latency.quantile_ns(0.5), 500));
        assert!(near(latency.quantile_ns(0.99), 990));
        assert_eq!(latency.quantile_ns(0.999), None);
    }

    #[test]
    fn intervals_merge_without_a_loss() {
        let (mut whole, mut merged) = (Latency::new(), Latency::new());
        for part in 0..4_u64 {
            let mut interval = IntervalLatency::new();
            for sample in 0..5_000_u64 {
                let ns = 700 * (part + 1) * (sample + 1);
                whole.add(ns);
                interval.add(ns);
            }
            merged.merge(&interval);
        }
        assert_eq!(merged.histogram(), whole.histogram());
        for share in [0.0, 0.5, 0.9, 0.99, 0.999, 1.0] {
            assert_eq!(merged.quantile_ns(share), whole.quantile_ns(share));
        }
    }
}

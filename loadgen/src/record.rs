//! WHAT TOOK HOW LONG: response time, service time and start lag, each in its own histogram.
//!
//! - *Response time* runs from the intended instant of the plan to the answer.
//! - *Service time* runs from the instant at which the bytes were handed to the kernel.
//! - *Start lag* runs from the intended instant to that one.
//!
//! They are never mixed and never corrected afterwards. In a closed loop the intended instant is
//! the
//! one at which the window opened.

use hdrhistogram::Histogram;

/// Nanoseconds, 1 us to a minute with three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    /// Empty.
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(NS_MIN, NS_MAX, DIGITS)
            .expect("the bounds are valid for every histogram");
        Self(histogram)
    }

    /// One more; longer than a minute counts as a minute.
    pub(crate) fn add(&mut self, ns: u64) {
        self.0.saturating_record(ns);
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
}

/// The clocks of one run.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Payments that their destination answered: from the intended instant.
    pub(crate) response: Latency,
    /// The same payments: from the real send.
    pub(crate) service: Latency,
    /// Every payment: how late it was sent.
    pub(crate) lag: Latency,
    /// Payments that were answered 68 because their destination said nothing. Their time is the
    /// switch's deadline, so they are kept apart.
    pub(crate) unanswered: Latency,
}

impl Record {
    /// Empty.
    pub(crate) fn new() -> Self {
        Self {
            response: Latency::new(),
            service: Latency::new(),
            lag: Latency::new(),
            unanswered: Latency::new(),
        }
    }

    /// Whether the generator itself was late so often that the response times are its own and not
    /// the switch's: the 99th percentile of start lag is more than a fifth of that of response
    /// time,
    /// and more than a millisecond.
    pub(crate) fn generator_was_late(&self) -> bool {
        match (self.lag.quantile_ns(0.99), self.response.quantile_ns(0.99)) {
            (Some(lag), Some(response)) => lag > LAG_NS_MAX && lag > response / LAG_SHARE_MAX,
            (None, _) | (_, None) => false,
        }
    }
}

const NS_MIN: u64 = 1_000;
const NS_MAX: u64 = 60_000_000_000;
const DIGITS: u8 = 3;
const SAMPLES_ABOVE_MIN: f64 = 9.999;
const LAG_NS_MAX: u64 = 1_000_000;
const LAG_SHARE_MAX: u64 = 5;

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
    fn a_late_generator_is_found_out_and_a_slow_switch_is_not_blamed_on_it() {
        let run = |lag_ns: u64, response_ns: u64| {
            let mut record = Record::new();
            for _ in 0..10_000 {
                record.lag.add(lag_ns);
                record.response.add(response_ns);
            }
            record.generator_was_late()
        };
        assert!(run(30_000_000, 31_000_000));
        assert!(!run(100_000, 120_000));
        assert!(!run(1_500_000, 900_000_000));
    }
}

//! THE PLAN: when each payment is meant to be sent, fixed before the run and never moved by it.
//!
//! A late generator or a slow switch does not change the plan: what is overdue is sent as soon as
//! possible, left out or ends the run, as [`Late`] says, and its response time counts from the
//! intended instant.

pub(crate) mod curve;
pub(crate) mod design;
pub(crate) mod faults;
pub(crate) mod trace;

use std::sync::Arc;

use crate::mix::random::Draw;
#[cfg(test)]
use crate::plan::curve::Stretch;
use crate::plan::curve::{Curve, PARTS};

/// How instants are spaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spacing {
    /// Equal distances in the area under the curve: at a constant rate, the same interval.
    Constant,
    /// Exponential distances: independent payers.
    Poisson,
}

/// What becomes of a payment that is overdue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Late {
    /// It is sent at once, and its response time counts from its instant.
    Send,
    /// It is left out and counted as missed.
    Skip,
    /// It ends the run, which is invalid.
    Abort,
}

impl Late {
    /// The word for people and for JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Skip => "skip",
            Self::Abort => "abort",
        }
    }
}

/// When payments are issued.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// Open loop: at intended instants, whatever the answers do.
    Open(Schedule),
    /// Closed loop: the next as soon as one of `window` is answered. It measures the highest
    /// throughput, and its latencies say nothing about an open world.
    Closed {
        /// Payments in flight at once, over all links.
        window: u32,
        /// No payment is issued at or after this instant.
        end_ns: u64,
    },
}

impl Plan {
    /// Whether nothing more will be due: for an open loop, everything has been issued.
    pub(crate) const fn is_done(&self) -> bool {
        match self {
            Self::Open(schedule) => schedule.next_ns().is_none(),
            Self::Closed { .. } => true,
        }
    }
}

/// Where the instants of an open loop come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The area under a curve.
    Curve(Arc<Curve>, Spacing),
    /// A list, sorted.
    Trace(Arc<Vec<u64>>),
}

impl Source {
    /// How many payments it plans, or where they are drawn a little more than that.
    pub(crate) fn payments_at_most(&self) -> u64 {
        match self {
            Self::Curve(curve, _) => {
                let expected = curve.parts().div_ceil(PARTS);
                expected + 8 * expected.isqrt()
            }
            Self::Trace(instants) => u64::try_from(instants.len()).expect("a length fits"),
        }
    }
}

/// Intended instants of an open loop, one after the other. Going on costs no memory.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    source: Source,
    start_ns: u64,
    next_ns: Option<u64>,
    draw: Draw,
    /// Payments that are behind us.
    passed: u64,
    /// Where the next one is in the area under the curve, and in which stretch.
    parts: u64,
    place: usize,
}

impl Schedule {
    /// The instants of `source` from `start_ns`; `seed` is for Poisson's distances.
    pub(crate) fn new(start_ns: u64, source: Source, seed: u64) -> Self {
        let mut schedule = Self {
            source,
            start_ns,
            next_ns: None,
            draw: Draw::new(seed, PLAN_STREAM),
            passed: 0,
            parts: 0,
            place: 0,
        };
        if let Source::Curve(_, Spacing::Poisson) = schedule.source {
            schedule.parts = exponential(&mut schedule.draw);
        }
        schedule.find();
        schedule
    }

    /// `rate` payments a second from `start_ns`, for `duration_ms`.
    #[cfg(test)]
    pub(crate) fn constant(
        start_ns: u64,
        duration_ms: u64,
        rate: u64,
        spacing: Spacing,
        seed: u64,
    ) -> Self {
        let curve = Curve::new(&[Stretch::constant(duration_ms, rate.saturating_mul(1_000))])
            .expect("an open loop has a rate and a duration");
        Self::new(start_ns, Source::Curve(Arc::new(curve), spacing), seed)
    }

    /// The next intended instant, if it has come.
    pub(crate) fn due(&self, now_ns: u64) -> Option<u64> {
        self.next_ns.filter(|next_ns| *next_ns <= now_ns)
    }

    /// The next intended instant, if there is one.
    pub(crate) const fn next_ns(&self) -> Option<u64> {
        self.next_ns
    }

    /// Payments whose instants are behind us: issued or missed.
    #[cfg(test)]
    pub(crate) const fn passed(&self) -> u64 {
        self.passed
    }

    /// How many instants are left until `end_ns`, without moving on.
    pub(crate) fn left_until(&self, end_ns: u64) -> u64 {
        let mut rest = self.clone();
        while rest.due(end_ns).is_some() {
            rest.advance();
        }
        rest.passed - self.passed
    }

    /// The payment of the next instant has been issued or is missed.
    pub(crate) fn advance(&mut self) {
        assert!(self.next_ns.is_some(), "the plan is at its end");
        self.passed += 1;
        match self.source {
            Source::Curve(_, Spacing::Constant) => self.parts += PARTS,
            Source::Curve(_, Spacing::Poisson) => self.parts += exponential(&mut self.draw),
            Source::Trace(_) => {}
        }
        self.find();
    }

    fn find(&mut self) {
        let offset = match &self.source {
            Source::Curve(curve, _) => {
                (self.parts < curve.parts()).then(|| curve.instant_ns(self.parts, &mut self.place))
            }
            Source::Trace(instants) => usize::try_from(self.passed)
                .ok()
                .and_then(|place| instants.get(place).copied()),
        };
        // A stretch's last digit may be rounded: the plan never goes back.
        let last_ns = self.next_ns.unwrap_or(self.start_ns);
        self.next_ns = offset.map(|offset| last_ns.max(self.start_ns + offset));
    }
}

/// An exponential distance, a payment long on average.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and 37 payments, because a draw is 2^-53 at least"
)]
fn exponential(draw: &mut Draw) -> u64 {
    (-draw.unit().ln() * PARTS as f64).round() as u64
}

/// No payment has this number.
const PLAN_STREAM: u64 = u64::MAX - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(mut schedule: Schedule) -> Vec<u64> {
        let mut instants = Vec::new();
        while let Some(instant) = schedule.due(u64::MAX) {
            instants.push(instant);
            schedule.advance();
        }
        assert_eq!(schedule.passed(), instants.len() as u64);
        instants
    }

    #[test]
    fn constant_instants_do_not_drift() {
        let instants = instants(Schedule::constant(5, 1_000, 30_000, Spacing::Constant, 0));
        assert_eq!(instants.len(), 30_000);
        assert_eq!(
            (instants[0], instants[3], instants[29_999]),
            (5, 100_005, 999_966_671)
        );
    }

    #[test]
    fn poisson_instants_have_the_rate_and_the_spread() {
        for seed in 0..20 {
            let schedule = Schedule::constant(0, 10_000, 10_000, Spacing::Poisson, seed);
            assert_eq!(
                schedule.left_until(u64::MAX),
                schedule.left_until(10_000_000_000)
            );
            let instants = instants(schedule);
            // 100,000 expected, a standard deviation of 316: five of them.
            assert!(
                instants.len().abs_diff(100_000) < 1_581,
                "{}",
                instants.len()
            );
            let short = instants
                .windows(2)
                .filter(|pair| pair[1] - pair[0] < 100_000)
                .count();
            // 1 - 1/e of the intervals are shorter than the mean.
            assert!(short.abs_diff(63_212) < 1_200, "{short}");
        }
    }

    #[test]
    fn poisson_follows_the_curve() {
        let ramp = Stretch {
            duration_ms: 10_000,
            from_milli: 0,
            to_milli: 20_000_000,
        };
        let curve = Arc::new(Curve::new(&[ramp]).unwrap());
        let instants = instants(Schedule::new(0, Source::Curve(curve, Spacing::Poisson), 4));
        let first_half = instants.partition_point(|at| *at < 5_000_000_000);
        // A quarter of 100,000 in the first half; five standard deviations of 158.
        assert!(first_half.abs_diff(25_000) < 790, "{first_half}");
    }

    #[test]
    fn what_is_late_stays_due_at_its_own_instant() {
        let mut schedule = Schedule::constant(0, 1_000, 1_000, Spacing::Constant, 0);
        assert_eq!(schedule.due(0), Some(0));
        schedule.advance();
        assert_eq!(schedule.due(999_999), None);
        // The generator was away for half a second.
        assert_eq!(schedule.due(500_000_000), Some(1_000_000));
        assert_eq!(schedule.left_until(500_000_000), 500);
        schedule.advance();
        assert_eq!(schedule.due(500_000_000), Some(2_000_000));
    }

    #[test]
    fn a_trace_is_played_as_it_was_recorded() {
        let trace = Source::Trace(Arc::new(vec![0, 0, 7, 1_000]));
        assert_eq!(instants(Schedule::new(5, trace, 1)), [5, 5, 12, 1_005]);
    }
}

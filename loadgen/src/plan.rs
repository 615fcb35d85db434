//! THE PLAN: when each payment is meant to be sent, fixed before the run and never moved by it.
//!
//! A late generator or a slow switch does not change the plan: what is overdue is sent as soon as
//! possible, and its response time counts from the intended instant.

use crate::mix::random::Draw;

/// How instants are spaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spacing {
    /// The same interval between any two.
    Constant,
    /// Exponential intervals: independent payers.
    Poisson,
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
            Self::Open(schedule) => schedule.next_ns >= schedule.end_ns,
            Self::Closed { .. } => true,
        }
    }
}

/// Intended instants of an open loop, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    start_ns: u64,
    end_ns: u64,
    rate: u64,
    spacing: Spacing,
    issued: u64,
    next_ns: u64,
    draw: Draw,
    elapsed_ns: f64,
}

impl Schedule {
    /// `rate` payments a second from `start_ns`, for `duration_ns`.
    pub(crate) fn new(
        start_ns: u64,
        duration_ns: u64,
        rate: u64,
        spacing: Spacing,
        seed: u64,
    ) -> Self {
        assert!(rate > 0, "an open loop has a rate");
        let mut schedule = Self {
            start_ns,
            end_ns: start_ns + duration_ns,
            rate,
            spacing,
            issued: 0,
            next_ns: start_ns,
            draw: Draw::new(seed, PLAN_STREAM),
            elapsed_ns: 0.0,
        };
        if spacing == Spacing::Poisson {
            schedule.next_ns = schedule.after_an_exponential_interval();
        }
        schedule
    }

    /// The next intended instant, if it has come.
    pub(crate) fn due(&self, now_ns: u64) -> Option<u64> {
        (self.next_ns <= now_ns && self.next_ns < self.end_ns).then_some(self.next_ns)
    }

    /// The next intended instant, if there is one.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        (self.next_ns < self.end_ns).then_some(self.next_ns)
    }

    /// The payment of the next instant has been issued.
    pub(crate) fn advance(&mut self) {
        assert!(self.next_ns < self.end_ns, "the plan is at its end");
        self.issued += 1;
        self.next_ns = match self.spacing {
            Spacing::Constant => self.start_ns + offset_ns(self.issued, self.rate),
            Spacing::Poisson => self.after_an_exponential_interval(),
        };
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "positive, and a run is shorter than 2^53 ns, which is 104 days"
    )]
    fn after_an_exponential_interval(&mut self) -> u64 {
        self.elapsed_ns -= self.draw.unit().ln() * 1e9 / self.rate as f64;
        self.start_ns + self.elapsed_ns as u64
    }
}

/// `count` intervals of `1 / rate` seconds, without accumulating an error.
fn offset_ns(count: u64, rate: u64) -> u64 {
    let offset = u128::from(count) * NS_PER_SECOND / u128::from(rate);
    u64::try_from(offset).expect("a run ends before 2^64 ns")
}

const NS_PER_SECOND: u128 = 1_000_000_000;
/// No payment has this number.
const PLAN_STREAM: u64 = u64::MAX - 1;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn instants(mut schedule: Schedule) -> Vec<u64> {
        let mut instants = Vec::new();
        while let Some(instant) = schedule.due(u64::MAX) {
            instants.push(instant);
            schedule.advance();
        }
        instants
    }

    #[test]
    fn constant_instants_do_not_drift() {
        let instants = instants(Schedule::new(5, SECOND_NS, 30_000, Spacing::Constant, 0));
        assert_eq!(instants.len(), 30_000);
        assert_eq!(
            (instants[0], instants[3], instants[29_999]),
            (5, 100_005, 999_966_671)
        );
    }

    #[test]
    fn poisson_instants_have_the_rate_and_the_spread() {
        let instants = instants(Schedule::new(
            0,
            10 * SECOND_NS,
            10_000,
            Spacing::Poisson,
            3,
        ));
        assert!(
            (98_000..102_000).contains(&instants.len()),
            "{}",
            instants.len()
        );
        let short = instants
            .windows(2)
            .filter(|pair| pair[1] - pair[0] < 100_000)
            .count();
        // 1 - 1/e of the intervals are shorter than the mean.
        assert!((61_000..65_500).contains(&short), "{short}");
    }

    #[test]
    fn what_is_late_stays_due_at_its_own_instant() {
        let mut schedule = Schedule::new(0, SECOND_NS, 1_000, Spacing::Constant, 0);
        assert_eq!(schedule.due(0), Some(0));
        schedule.advance();
        assert_eq!(schedule.due(999_999), None);
        // The generator was away for half a second.
        assert_eq!(schedule.due(500_000_000), Some(1_000_000));
        schedule.advance();
        assert_eq!(schedule.due(500_000_000), Some(2_000_000));
    }
}

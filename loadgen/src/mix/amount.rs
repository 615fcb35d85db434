//! Amounts as people pay them: log-normal, many small and a few large.

use crate::mix::random::Draw;
use crate::profile::Ticket;

/// A table of amounts in minor units; a draw picks one.
#[derive(Clone, Debug)]
pub(crate) struct Amounts {
    minor: Vec<i64>,
}

impl Amounts {
    /// Median 30.00, a hundredth of them above about 480.00 (a standard deviation of 1.2 in the
    /// exponent): a guess at everyday purchases, not a measurement.
    pub(crate) fn everyday(seed: u64) -> Self {
        let mut draw = Draw::new(seed, AMOUNTS_STREAM);
        let minor = (0..AMOUNTS)
            .map(|_| log_normal(&mut draw, 3_000.0, 1.2, MINOR_MAX))
            .collect();
        Self { minor }
    }

    /// As `ticket` says; `number` tells the tables of one run apart.
    #[expect(clippy::cast_precision_loss, reason = "an amount far below 2^53")]
    pub(crate) fn log_normal(seed: u64, number: u64, ticket: &Ticket) -> Self {
        let mut draw = Draw::new(seed, AMOUNTS_STREAM - 2 - number);
        let (median, most) = (ticket.median_minor as f64, ticket.most_minor as f64);
        let minor = (0..AMOUNTS).map(|_| log_normal(&mut draw, median, ticket.spread, most));
        Self {
            minor: minor.collect(),
        }
    }

    /// The amount that `draw` picks.
    pub(crate) fn pick(&self, draw: &mut Draw) -> i64 {
        self.minor[draw.below(AMOUNTS) as usize]
    }
}

/// Box and Muller 1958, rounded to minor units, from one of them to `most`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to what an i64 holds exactly"
)]
fn log_normal(draw: &mut Draw, median: f64, deviation: f64, most: f64) -> i64 {
    let radius = (-2.0 * draw.unit().ln()).sqrt();
    let normal = radius * (core::f64::consts::TAU * draw.unit()).cos();
    (median * (deviation * normal).exp())
        .round()
        .clamp(1.0, most.max(1.0)) as i64
}

const AMOUNTS: u32 = 4_096;
/// No payment has this number.
const AMOUNTS_STREAM: u64 = u64::MAX;
const MINOR_MAX: f64 = 100_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_positive_skewed_and_the_same_for_the_same_seed() {
        let amounts = Amounts::everyday(1);
        let mut sorted = amounts.minor.clone();
        sorted.sort_unstable();
        assert!(sorted[0] >= 1);
        assert!((2_500..3_500).contains(&sorted[2_048]), "{}", sorted[2_048]);
        assert!(
            (35_000..65_000).contains(&sorted[4_055]),
            "{}",
            sorted[4_055]
        );
        assert_eq!(amounts.minor, Amounts::everyday(1).minor);
        assert_ne!(amounts.minor, Amounts::everyday(2).minor);
    }
}

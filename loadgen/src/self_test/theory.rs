//! What must be measured where it is known what happens to each payment, and whether it was.
//!
//! Pure: histograms in, findings out.

use serde::Serialize;

use crate::record::latency::Latency;

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Finding {
    /// Of what.
    pub(crate) check: &'static str,
    /// What theory says, and how far it may be missed.
    pub(crate) expected: String,
    /// What was measured.
    pub(crate) measured: String,
    /// Whether it is.
    pub(crate) holds: bool,
}

/// Every answer came after `delay_ns`, and half of them within `slack_ns` more.
pub(super) fn known_delay(latency: &Latency, delay_ns: u64, slack_ns: u64) -> Vec<Finding> {
    let least = latency.histogram().min();
    let median = latency.quantile_ns(0.5);
    // The histogram's buckets are a thousandth wide.
    let floor_ns = delay_ns - delay_ns / 1_000;
    vec![
        Finding {
            check: "known delay, the quickest answer",
            expected: format!("at least {}", ms(floor_ns)),
            measured: ms(least),
            holds: latency.count() > 0 && least >= floor_ns,
        },
        Finding {
            check: "known delay, the median",
            expected: format!("{} to {}", ms(floor_ns), ms(delay_ns + slack_ns)),
            measured: median.map_or_else(|| "nothing".to_owned(), ms),
            holds: median.is_some_and(|it| (floor_ns..=delay_ns + slack_ns).contains(&it)),
        },
    ]
}

/// A target that stood still for `still_ns` of the measured `whole_ns`, in the midst of it, under a
/// constant rate: those that were due at the beginning waited for all of it, those at the end for
/// nothing. So their times are spread evenly, the mean of all is `still^2 / (2 whole)`, and the
/// quantile `q` is `still - whole (1 - q)`.
pub(super) fn freeze(
    latency: &Latency,
    still_ns: u64,
    whole_ns: u64,
    slack_ns: u64,
) -> Vec<Finding> {
    let slack_ns = slack_ns + still_ns / 50;
    let near = |check, measured_ns: u64, expected_ns: u64| Finding {
        check,
        expected: format!("{} within {}", ms(expected_ns), ms(slack_ns)),
        measured: ms(measured_ns),
        holds: measured_ns.abs_diff(expected_ns) <= slack_ns,
    };
    let mean = whole(latency.histogram().mean());
    let mean_expected = u128::from(still_ns) * u128::from(still_ns) / (2 * u128::from(whole_ns));
    let mean_expected = u64::try_from(mean_expected).unwrap_or(u64::MAX);
    let mut findings = vec![near("freeze, the mean", mean, mean_expected)];
    for (check, thousandths) in [
        ("freeze, p75", 750),
        ("freeze, p90", 900),
        ("freeze, p99", 990),
    ] {
        let above_ns = whole_ns / 1_000 * (1_000 - thousandths);
        let expected_ns = still_ns.saturating_sub(above_ns);
        let share = f64::from(u32::try_from(thousandths).expect("below a thousand")) / 1_000.0;
        let measured = latency.quantile_ns(share).unwrap_or(0);
        findings.push(near(check, measured, expected_ns));
    }
    findings
}

/// Payments in flight on average, where `per_second` are planned and each takes `each_ns`.
pub(super) fn in_flight(measured: f64, per_second: u64, each_ns: u64) -> Finding {
    let expected = count(per_second) * count(each_ns) / 1e9;
    let within = expected * IN_FLIGHT_SHARE;
    Finding {
        check: "Little's law, payments in flight",
        expected: format!("{expected:.1} = rate x median, within {within:.1}"),
        measured: format!("{measured:.1}"),
        holds: (measured - expected).abs() <= within,
    }
}

#[expect(clippy::cast_precision_loss, reason = "statistics: 53 bits are enough")]
const fn count(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of times below a minute"
)]
const fn whole(ns: f64) -> u64 {
    ns as u64
}

/// Milliseconds with three digits.
pub(super) fn ms(ns: u64) -> String {
    format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000)
}

/// The distribution of a real machine's times has a tail, which moves the mean off the median.
const IN_FLIGHT_SHARE: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Schedule, Spacing};

    const SECOND_NS: u64 = 1_000_000_000;
    const FLOOR_NS: u64 = 100_000;

    /// Six seconds at 500 a second, of which the target stands still from the second to the fifth:
    /// all on virtual instants. `sends` says whether a payment is sent while it does.
    fn frozen(sends: impl Fn(u64) -> bool) -> Latency {
        let mut latency = Latency::new();
        let mut plan = Schedule::constant(0, 6_000, 500, Spacing::Constant, 0);
        while let Some(at_ns) = plan.due(u64::MAX) {
            plan.advance();
            let is_still = (2 * SECOND_NS..5 * SECOND_NS).contains(&at_ns);
            let waits_ns = if is_still { 5 * SECOND_NS - at_ns } else { 0 };
            if !is_still || sends(at_ns) {
                latency.add(waits_ns + FLOOR_NS);
            }
        }
        latency
    }

    fn holds(findings: &[Finding]) -> bool {
        findings.iter().all(|finding| finding.holds)
    }

    #[test]
    fn an_open_loop_measures_a_freeze_as_theory_says_and_one_that_waits_does_not() {
        let slack_ns = 2 * FLOOR_NS;
        let found = |latency: &Latency| freeze(latency, 3 * SECOND_NS, 6 * SECOND_NS, slack_ns);
        let open = found(&frozen(|_| true));
        assert!(holds(&open), "{open:?}");
        // Coordinated omission: while nothing is answered, nothing is sent.
        let waiting = found(&frozen(|at_ns| at_ns == 2 * SECOND_NS));
        assert!(waiting.iter().all(|finding| !finding.holds), "{waiting:?}");
    }

    #[test]
    fn a_known_delay_is_neither_shortened_nor_stretched() {
        let of = |ns: u64| {
            let mut latency = Latency::new();
            for _ in 0..100 {
                latency.add(ns);
            }
            holds(&known_delay(&latency, 50_000_000, 1_000_000))
        };
        assert!(of(50_000_000) && of(50_900_000));
        assert!(!of(49_900_000) && !of(52_000_000));
        assert!(!holds(&known_delay(&Latency::new(), 50_000_000, 1_000_000)));
    }

    #[test]
    fn the_number_in_flight_follows_from_rate_and_time() {
        assert!(in_flight(50.5, 1_000, 50_000_000).holds);
        assert!(!in_flight(65.0, 1_000, 50_000_000).holds);
        assert_eq!(ms(1_234_567_890), "1234.567 ms");
    }
}

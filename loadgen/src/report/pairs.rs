//! Pairs of runs, one of each of two builds in the same block: by how much they differ. It assumes
//! nothing of how noise is distributed, and draws nothing.

use serde::Serialize;

/// The least confidence that an interval is given for.
const CONFIDENCE_MIN: f64 = 0.95;

/// The ratio of pairs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) pairs: usize,
    pub(crate) median: f64,
    /// Where the median of all pairs that could have been drawn lies; none of fewer than six.
    pub(crate) interval: Option<Interval>,
}

/// Between two of the ratios that were seen.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The probability that such an interval contains the median; 0.95 at least.
    pub(crate) confidence: f64,
}

/// The median of `ratios`, with the narrowest interval between two of them that has enough
/// confidence: each pair is above the true median as often as below, whatever their distribution
/// (the sign test turned round; Conover, Practical Nonparametric Statistics, 3.2).
pub(crate) fn ratio(mut ratios: Vec<f64>) -> Option<Ratio> {
    ratios.sort_by(f64::total_cmp);
    let pairs = ratios.len();
    let (lower, upper) = (
        ratios.get(pairs.checked_sub(1)? / 2)?,
        ratios.get(pairs / 2)?,
    );
    let median = f64::midpoint(*lower, *upper);
    // P(at most `left` of the pairs lie below the median), for growing `left`.
    let mut combinations = 1.0;
    let mut tail = 0.5_f64.powi(i32::try_from(pairs).ok()?);
    let whole = tail;
    let mut interval = None;
    for left in 0..pairs / 2 {
        let confidence = 1.0 - 2.0 * tail;
        if confidence < CONFIDENCE_MIN {
            break;
        }
        interval = Some(Interval {
            low: ratios[left],
            high: ratios[pairs - 1 - left],
            confidence,
        });
        combinations *= (pairs - left) as f64 / (left + 1) as f64;
        tail += combinations * whole;
    }
    Some(Ratio {
        pairs,
        median,
        interval,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        assert_eq!(ratio(vec![]), None);
        let of = |pairs: u32| ratio((1..=pairs).map(f64::from).collect()).unwrap();
        assert_eq!((of(4).median, of(5).median), (2.5, 3.0));
        assert_eq!(of(5).interval, None);
        // Conover, table A3: of 6, 9, 12 and 20 the first, second, third and sixth.
        for (pairs, left, confidence) in [
            (6, 1.0, 0.969),
            (9, 2.0, 0.961),
            (12, 3.0, 0.961),
            (20, 6.0, 0.959),
        ] {
            let found = of(pairs).interval.unwrap();
            assert_eq!(
                (found.low, found.high),
                (left, f64::from(pairs) + 1.0 - left)
            );
            assert!((found.confidence - confidence).abs() < 0.001, "{found:?}");
        }
    }
}

//! Pairs of runs, one of each of two builds in the same block: by how much they differ.

use serde::Serialize;

use crate::statistics::{Interval, median, median_interval};

/// The ratio of pairs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) pairs: usize,
    pub(crate) median: f64,
    /// Where the median of all pairs that could have been drawn lies; none of fewer than six.
    pub(crate) interval: Option<Interval>,
}

/// The median of `ratios`, with its interval: each pair is above the true median as often as below,
/// whatever their distribution.
pub(crate) fn ratio(ratios: &[f64]) -> Option<Ratio> {
    Some(Ratio {
        pairs: ratios.len(),
        median: median(ratios)?,
        interval: median_interval(ratios),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_six_pairs_have_a_median_and_no_interval() {
        assert_eq!(ratio(&[]), None);
        let five = ratio(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((five.pairs, five.median, five.interval), (5, 3.0, None));
        assert!(ratio(&[1.0; 6]).unwrap().interval.is_some());
    }
}

//! WHAT TWO SAMPLES SAY: medians with intervals, whether two builds differ, and by how much. Pure:
//! numbers in, numbers out. Nothing is assumed of how noise is distributed, nothing is left out as
//! an outlier, and what is drawn comes from a fixed seed: the same runs give the same words.

use serde::Serialize;

use crate::mix::random::Draw;

/// The least confidence that an interval is given for.
const CONFIDENCE_MIN: f64 = 0.95;

/// Between two values that were seen.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The probability that such an interval contains the true value; 0.95 at least.
    pub(crate) confidence: f64,
}

/// Two samples beside each other.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct MannWhitney {
    /// Pairs of which the first sample's value is larger; ties count half.
    pub(crate) u: f64,
    /// The probability of a difference at least as large where there is none; both sides.
    pub(crate) p: f64,
}

/// The middle; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let lower = sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(*lower, sorted[sorted.len() / 2]))
}

/// Where the median of all values that could have been seen lies: the narrowest interval between
/// two that were with enough confidence, because each is above the true median as often as below
/// (the sign test turned round; Conover, Practical Nonparametric Statistics, 3.2). `None` of fewer
/// than six.
pub(crate) fn median_interval(values: &[f64]) -> Option<Interval> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    let mut interval = None;
    for left in 0..count / 2 {
        let confidence = 1.0 - 2.0 * binomial_tail(count, left);
        if confidence < CONFIDENCE_MIN {
            break;
        }
        interval = Some(Interval {
            low: sorted[left],
            high: sorted[count - 1 - left],
            confidence,
        });
    }
    interval
}

/// The probability of at most `most` heads of `count` fair coins.
fn binomial_tail(count: usize, most: usize) -> f64 {
    let mut term = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let mut tail = term;
    for heads in 0..most {
        term *= (count - heads) as f64 / (heads + 1) as f64;
        tail += term;
    }
    tail
}

/// Whether ratios of pairs lie around 1: the exact sign test, both sides. Equal pairs say nothing
/// and are not counted.
pub(crate) fn sign_test(ratios: &[f64]) -> f64 {
    let above = ratios.iter().filter(|ratio| **ratio > 1.0).count();
    let below = ratios.iter().filter(|ratio| **ratio < 1.0).count();
    (2.0 * binomial_tail(above + below, above.min(below))).min(1.0)
}

/// Whether two samples come from the same distribution (Mann and Whitney 1947). Exact where there
/// are no ties and few values; else by the normal distribution, with corrections for ties and
/// continuity. `None` where one is empty.
pub(crate) fn mann_whitney(one: &[f64], other: &[f64]) -> Option<MannWhitney> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let mut u = 0.0;
    for value in one {
        for against in other {
            u += match value.total_cmp(against) {
                core::cmp::Ordering::Greater => 1.0,
                core::cmp::Ordering::Equal => 0.5,
                core::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let ties = ties(one, other);
    let few = one.len().max(other.len()) <= EXACT_MAX;
    let p = if few && ties == 0.0 {
        exact(one.len(), other.len(), u)
    } else {
        normal(one.len(), other.len(), u, ties)
    };
    Some(MannWhitney { u, p })
}

/// Sum of t^3 - t over groups of t equal values.
fn ties(one: &[f64], other: &[f64]) -> f64 {
    let mut all = [one, other].concat();
    all.sort_by(f64::total_cmp);
    let groups = all.chunk_by(|left, right| left == right);
    groups
        .map(|group| (group.len() as f64).powi(3) - group.len() as f64)
        .sum()
}

/// Of all orders of the values, the share that gives a U at least as far from its mean.
fn exact(one: usize, other: usize, u: f64) -> f64 {
    // ways[m][k]: choices of m values of the first sample with U = k, as values of both are added
    // one after the other in rising order: each one of the second adds nothing, each of the first
    // adds the number of the second's before it.
    let most = one * other;
    let mut ways = vec![vec![0.0_f64; most + 1]; one + 1];
    ways[0][0] = 1.0;
    for place in 0..one + other {
        for chosen in (1..=one.min(place + 1)).rev() {
            let before = place + 1 - chosen;
            if before > other {
                continue;
            }
            let (less, more) = ways.split_at_mut(chosen);
            for (k, way) in more[0].iter_mut().enumerate().skip(before) {
                *way += less[chosen - 1][k - before];
            }
        }
    }
    let all: f64 = ways[one].iter().sum();
    let far = u.max(most as f64 - u);
    let tail = ways[one].iter().enumerate();
    let tail: f64 = tail
        .filter(|(k, _)| *k as f64 >= far)
        .map(|(_, way)| way)
        .sum();
    (2.0 * tail / all).min(1.0)
}

fn normal(one: usize, other: usize, u: f64, ties: f64) -> f64 {
    let (m, n) = (one as f64, other as f64);
    let all = m + n;
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let far = u.max(m * n - u) - m * n / 2.0 - 0.5;
    both_tails((far / variance.sqrt()).max(0.0))
}

/// The probability that a normal variate lies further from its mean than `z` deviations: the
/// complementary error function by a Chebyshev series, good to 1.2e-7 of its value (Press et al.,
/// Numerical Recipes, 6.2).
fn both_tails(z: f64) -> f64 {
    let x = z / core::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let series = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let sum = series.iter().rev().fold(0.0, |sum, term| sum * t + term);
    (t * (sum - x * x).exp()).min(1.0)
}

/// Cliff's delta: how much more often a value of `other` is above one of `one` than below it, from
/// -1 to 1.
pub(crate) fn cliffs_delta(one: &[f64], other: &[f64]) -> Option<f64> {
    let pairs = (one.len() * other.len()) as f64;
    mann_whitney(one, other).map(|it| 1.0 - 2.0 * it.u / pairs)
}

/// Where the ratio of medians, `other` by `one`, lies at 95 %: percentiles of ratios of samples
/// drawn again from the values seen (Efron 1979).
pub(crate) fn ratio_interval(one: &[f64], other: &[f64]) -> Option<Interval> {
    let mut draw = Draw::new(BOOTSTRAP_SEED, 0);
    let mut again = |values: &[f64]| {
        let count = u32::try_from(values.len()).ok()?;
        let drawn: Vec<f64> = (0..count)
            .map(|_| values[draw.below(count) as usize])
            .collect();
        median(&drawn)
    };
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let mut ratios = Vec::with_capacity(BOOTSTRAPS);
    for _ in 0..BOOTSTRAPS {
        ratios.push(again(other)? / again(one)?);
    }
    ratios.sort_by(f64::total_cmp);
    let edge = BOOTSTRAPS / 40;
    Some(Interval {
        low: ratios[edge],
        high: ratios[BOOTSTRAPS - 1 - edge],
        confidence: 0.95,
    })
}

/// Several tests at once find something by chance more often than one: p values corrected so that
/// any false finding has the probability of one test (Holm 1979), in the order given.
pub(crate) fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|one, other| ps[*one].total_cmp(&ps[*other]));
    let mut adjusted = vec![0.0; ps.len()];
    let mut least = 0.0_f64;
    for (rank, place) in order.into_iter().enumerate() {
        least = least.max(ps[place] * (ps.len() - rank) as f64).min(1.0);
        adjusted[place] = least;
    }
    adjusted
}

/// The least p that so many values can give, however far apart they are.
pub(crate) fn least_p(one: usize, other: usize) -> f64 {
    let mut ways = 1.0;
    for place in 0..one {
        ways *= (other + place + 1) as f64 / (place + 1) as f64;
    }
    (2.0 / ways).min(1.0)
}

/// More values than this, and the normal distribution is as good.
const EXACT_MAX: usize = 50;
const BOOTSTRAPS: usize = 10_000;
const BOOTSTRAP_SEED: u64 = 0x5EED;

/// What the values here are compared with: scipy 1.17.1, by `scipy.stats.mannwhitneyu(one, other,
/// alternative="two-sided", method="exact")` or `"asymptotic"` where there are ties,
/// `scipy.stats.binomtest(k, n).pvalue`, and `2 * scipy.stats.norm.sf(z)`.
#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, share: f64) {
        let apart = (found - expected).abs();
        assert!(apart <= share * expected.abs(), "{found}, not {expected}");
    }

    #[test]
    fn exact_probabilities_are_scipys() {
        let (low, high) = ([1.1, 2.2, 3.3, 4.4, 5.5], [6.1, 7.2, 8.3, 9.4, 10.5]);
        let six = [12.1, 14.3, 11.9, 13.5, 12.8, 15.2];
        let seven = [13.0, 12.2, 14.9, 16.1, 15.0, 13.9, 17.2];
        let cases: [(&[f64], &[f64], f64, f64); 3] = [
            (&low, &high, 0.0, 0.007_936_507_936_507_936),
            (&six, &seven, 11.0, 0.180_652_680_652_680_64),
            (
                &[3.0, 1.0, 4.0],
                &[2.0, 5.0, 6.0, 7.0],
                2.0,
                0.228_571_428_571_428_56,
            ),
        ];
        for (one, other, u, p) in cases {
            let found = mann_whitney(one, other).unwrap();
            assert_eq!(found.u, u);
            near(found.p, p, 1e-12);
            let turned = mann_whitney(other, one).unwrap();
            near(turned.p, p, 1e-12);
            assert_eq!(turned.u + u, (one.len() * other.len()) as f64);
        }
        let one: Vec<f64> = (0..25)
            .map(|i| 100.0 + f64::from(i * 37 % 61) * 0.37)
            .collect();
        let other: Vec<f64> = (0..30)
            .map(|i| 103.0 + f64::from(i * 29 % 53) * 0.41)
            .collect();
        let found = mann_whitney(&one, &other).unwrap();
        assert_eq!(found.u, 300.0);
        near(found.p, 0.209_753_100_700_367_32, 1e-9);
        near(normal(25, 30, 300.0, 0.0), 0.207_929_272_481_644_17, 1e-6);
    }

    #[test]
    fn ties_are_corrected_for_as_scipy_does() {
        let one = [1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let other = [2.0, 3.0, 4.0, 5.0, 5.0, 6.0, 7.0, 8.0, 8.0, 9.0, 10.0, 11.0];
        let found = mann_whitney(&one, &other).unwrap();
        assert_eq!(found.u, 43.5);
        near(found.p, 0.103_993_026_826_461_62, 1e-6);
        let same = mann_whitney(&[1.0; 8], &[1.0; 8]).unwrap();
        assert_eq!((same.u, same.p), (32.0, 1.0));
        assert_eq!(mann_whitney(&[], &[1.0]), None);
    }

    #[test]
    fn tails_are_scipys() {
        for (z, p) in [
            (0.0, 1.0),
            (0.5, 0.617_075_077_451_973_8),
            (1.0, 0.317_310_507_862_914_15),
            (1.96, 0.049_995_790_296_440_87),
            (3.0, 0.002_699_796_063_260_186_6),
            (5.0, 5.733_031_437_583_866e-7),
        ] {
            near(both_tails(z), p, 1e-6);
        }
        for (above, below, p) in [
            (0, 6, 0.031_25),
            (1, 8, 0.039_062_5),
            (2, 10, 0.038_574_218_75),
            (5, 5, 1.0),
            (10, 0, 0.001_953_125),
        ] {
            let ratios = [vec![1.1; above], vec![0.9; below], vec![1.0; 3]].concat();
            near(sign_test(&ratios), p, 1e-12);
        }
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        assert_eq!((median(&[]), median_interval(&[])), (None, None));
        let of = |count: u32| (1..=count).map(f64::from).collect::<Vec<f64>>();
        assert_eq!((median(&of(4)), median(&of(5))), (Some(2.5), Some(3.0)));
        assert_eq!(median_interval(&of(5)), None);
        // Conover, table A3: of 6, 9, 12 and 20 the first, second, third and sixth.
        for (count, left, confidence) in [
            (6, 1.0, 0.969),
            (9, 2.0, 0.961),
            (12, 3.0, 0.961),
            (20, 6.0, 0.959),
        ] {
            let found = median_interval(&of(count)).unwrap();
            let expected = (left, f64::from(count) + 1.0 - left);
            assert_eq!((found.low, found.high), expected);
            assert!((found.confidence - confidence).abs() < 0.001, "{found:?}");
        }
    }

    #[test]
    fn several_tests_at_once_are_corrected_as_holm_does() {
        // statsmodels' and R's p.adjust(p, "holm") give the same.
        let found = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            near(found, expected, 1e-12);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn the_least_p_is_that_of_samples_that_do_not_overlap() {
        for (one, other) in [(1, 1), (2, 3), (4, 4), (5, 5), (7, 3)] {
            let low: Vec<f64> = (0..one).map(f64::from).collect();
            let high: Vec<f64> = (0..other).map(|value| 100.0 + f64::from(value)).collect();
            let found = mann_whitney(&low, &high).unwrap().p;
            near(least_p(low.len(), high.len()), found, 1e-12);
        }
    }

    #[test]
    fn effects_have_a_size_and_a_direction() {
        assert_eq!(cliffs_delta(&[1.0, 2.0], &[3.0, 4.0]), Some(1.0));
        assert_eq!(cliffs_delta(&[3.0, 4.0], &[1.0, 2.0]), Some(-1.0));
        assert_eq!(cliffs_delta(&[1.0, 2.0], &[1.0, 2.0]), Some(0.0));
        let one: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i % 7)).collect();
        let other: Vec<f64> = one.iter().map(|value| value * 1.5).collect();
        let found = ratio_interval(&one, &other).unwrap();
        assert!(
            found.low < 1.5 && 1.5 < found.high && found.low > 1.4,
            "{found:?}"
        );
        assert_eq!(
            Some(found),
            ratio_interval(&one, &other),
            "the seed is fixed"
        );
        assert_eq!(ratio_interval(&[], &one), None);
    }
}

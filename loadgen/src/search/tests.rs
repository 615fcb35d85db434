//! The search against modelled switches: exhaustively where they make no noise, by the thousand
//! where they do.

use super::*;
use crate::mix::random::Draw;

const BOUNDS: Bounds = Bounds {
    rate_start: 1_000,
    rate_min: 10,
    rate_max: 1_000_000,
    precision_percent: 5,
    confirmations: 3,
    trials_max: 100,
};

/// A switch that reaches each goal up to its knee, and whose generator ends where it ends. Within
/// `noise_percent` of a knee, a trial may come out either way, the likelier the nearer.
struct Model {
    lossless: u64,
    slo: u64,
    generator: u64,
    noise_percent: u64,
    draw: Draw,
}

impl Model {
    fn quiet(lossless: u64, slo: u64, generator: u64) -> Self {
        Self {
            lossless,
            slo,
            generator,
            noise_percent: 0,
            draw: Draw::new(1, 0),
        }
    }

    fn reaches(&mut self, rate: u64, knee: u64) -> bool {
        let width = knee * self.noise_percent / 100;
        let (low, high) = (knee.saturating_sub(width), knee + width);
        if rate <= low || rate > high {
            return rate <= low;
        }
        let span = u32::try_from(high - low).unwrap();
        u64::from(self.draw.below(span)) >= rate - low
    }

    fn trial(&mut self, rate: u64) -> Outcome {
        if rate > self.generator {
            return Outcome::Invalid;
        }
        let (lossless, slo) = (self.lossless, self.slo);
        Outcome::Valid {
            lossless: self.reaches(rate, lossless),
            slo: self.reaches(rate, slo),
        }
    }

    fn search(&mut self, bounds: Bounds) -> Search {
        let mut search = Search::new(bounds);
        while let Some(rate) = search.next() {
            assert!(
                (bounds.rate_min..=bounds.rate_max).contains(&rate),
                "{rate}"
            );
            assert!(search.trials() < bounds.trials_max);
            search.tell(rate, self.trial(rate));
        }
        search
    }
}

fn is_just_below(found: Found, knee: u64) -> bool {
    let rate = found.rate.unwrap();
    rate <= knee && rate * 105 / 100 + 1 >= knee.min(BOUNDS.rate_max)
}

#[test]
fn every_knee_is_found_from_every_start() {
    for knee in (10..2_000).chain([5_003, 77_777, 999_999]) {
        for rate_start in [10, 1_000, 1_000_000] {
            let bounds = Bounds {
                rate_start,
                ..BOUNDS
            };
            let search = Model::quiet(knee, knee, u64::MAX).search(bounds);
            for found in search.found() {
                assert!(
                    is_just_below(found, knee),
                    "{knee} from {rate_start}: {found:?}"
                );
                assert!(found.confirmed && found.limit == Limit::Switch, "{found:?}");
                assert!(found.missed_at.unwrap() > knee);
            }
            assert!(search.trials() < 45, "{knee}: {} trials", search.trials());
        }
    }
}

#[test]
fn two_goals_share_their_trials() {
    let alone = Model::quiet(40_000, 40_000, u64::MAX)
        .search(BOUNDS)
        .trials();
    for (lossless, slo) in [(40_000, 60_000), (60_000, 40_000), (40_000, 41_000)] {
        let search = Model::quiet(lossless, slo, u64::MAX).search(BOUNDS);
        let [first, second] = search.found();
        assert!(is_just_below(first, lossless) && is_just_below(second, slo));
        assert!(
            search.trials() < 2 * alone,
            "{} and {alone}",
            search.trials()
        );
    }
}

#[test]
fn a_generator_that_ends_first_is_said_to_be_the_bound() {
    for generator in [12, 500, 1_000, 1_001, 30_000] {
        let search = Model::quiet(50_000, 20_000, generator).search(BOUNDS);
        let [lossless, slo] = search.found();
        assert!(lossless.rate.unwrap() <= generator && is_just_below(lossless, generator));
        assert_eq!(lossless.limit, Limit::Generator);
        let expected = if generator < 20_000 {
            Limit::Generator
        } else {
            Limit::Switch
        };
        assert_eq!(slo.limit, expected, "{generator}");
    }
}

#[test]
fn a_switch_without_end_is_bounded_by_the_highest_rate_and_a_broken_one_by_the_lowest() {
    let search = Model::quiet(u64::MAX, u64::MAX, u64::MAX).search(BOUNDS);
    for found in search.found() {
        assert_eq!((found.rate, found.missed_at), (Some(1_000_000), None));
        assert!(found.confirmed && found.limit == Limit::Highest);
    }
    let search = Model::quiet(3, 0, u64::MAX).search(BOUNDS);
    for found in search.found() {
        assert_eq!((found.rate, found.missed_at), (None, Some(10)));
        assert!(found.confirmed);
    }
}

#[test]
fn a_noisy_knee_is_found_nearly_always_and_never_far_above() {
    let mut near = 0;
    for seed in 0..2_000 {
        let mut model = Model {
            noise_percent: 10,
            draw: Draw::new(seed, 7),
            ..Model::quiet(40_000, 25_000, u64::MAX)
        };
        let search = model.search(BOUNDS);
        for (found, knee) in search.found().into_iter().zip([40_000, 25_000]) {
            let rate = found.rate.unwrap();
            assert!(rate <= knee * 110 / 100, "seed {seed}: {found:?}");
            assert!(found.missed_at.is_some_and(|missed| missed > rate));
            near += u32::from(rate >= knee * 85 / 100);
        }
    }
    assert!(
        near > 3_900,
        "{near} of 4,000 within 15 % below and 10 % above"
    );
}

#[test]
fn trials_that_run_out_leave_what_is_not_confirmed() {
    let bounds = Bounds {
        trials_max: 7,
        ..BOUNDS
    };
    let search = Model::quiet(40_000, 40_000, u64::MAX).search(bounds);
    assert_eq!(search.trials(), 7);
    for found in search.found() {
        assert!(!found.confirmed, "{found:?}");
        assert!(found.rate.unwrap() <= 40_000);
    }
}

/// Every sequence of outcomes that seven trials can have: the search stays within its bounds, no
/// rate is tried more often than trials can matter, and what it says agrees with what it was told.
#[test]
fn no_sequence_of_outcomes_leads_astray() {
    const OUTCOMES: [Outcome; 5] = [
        Outcome::Invalid,
        Outcome::Valid {
            lossless: false,
            slo: false,
        },
        Outcome::Valid {
            lossless: false,
            slo: true,
        },
        Outcome::Valid {
            lossless: true,
            slo: false,
        },
        Outcome::Valid {
            lossless: true,
            slo: true,
        },
    ];
    for sequence in 0..5_usize.pow(7) {
        let mut search = Search::new(BOUNDS);
        let mut tried = BTreeMap::<u64, u32>::new();
        let mut rest = sequence;
        for _ in 0..7 {
            let Some(rate) = search.next() else { break };
            assert!((BOUNDS.rate_min..=BOUNDS.rate_max).contains(&rate));
            *tried.entry(rate).or_default() += 1;
            assert!(
                tried[&rate] <= BOUNDS.confirmations,
                "{sequence}: {rate} again"
            );
            search.tell(rate, OUTCOMES[rest % 5]);
            rest /= 5;
        }
        for found in search.found() {
            let (lower, upper) = (found.rate, found.missed_at);
            assert!(lower.is_none_or(|lower| upper.is_none_or(|upper| lower < upper)));
            assert_eq!(upper.is_none(), found.limit == Limit::Highest);
        }
    }
}

//! THE SEARCH for the highest rates: of a switch that loses nothing, and of one that keeps its
//! service level, both in one search. Pure: it is told what trials came to, and says which is next.
//!
//! After FD.io's MLRsearch: double until a goal is missed, then halve the distance (of logarithms),
//! and try each bound again until most of its trials agree. A trial counts for both goals at its
//! rate. Noise may let a rate pass above one that fails: the lowest rate that fails bounds the
//! goal, so what is found is on the safe side. A trial whose generator was the bottleneck says
//! nothing of the switch: it bounds the search, and the bound is said to be the generator's.

use std::collections::BTreeMap;

use serde::Serialize;

/// What is searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Goal {
    /// Nothing shed, refused, late beyond its deadline or left behind.
    Lossless,
    /// The service level.
    Slo,
}

impl Goal {
    /// In the order in which they are searched for.
    pub(crate) const ALL: [Self; 2] = [Self::Lossless, Self::Slo];
}

/// What a trial came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The generator was the bottleneck.
    Invalid,
    /// Which goals were reached.
    Valid { lossless: bool, slo: bool },
}

/// What a search may do. Rates are payments a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Bounds {
    /// Where it begins.
    pub(crate) rate_start: u64,
    /// It goes no lower.
    pub(crate) rate_min: u64,
    /// It goes no higher.
    pub(crate) rate_max: u64,
    /// A goal is found once the rate that misses it is at most so many percent above.
    pub(crate) precision_percent: u32,
    /// Trials of a rate of which most must agree before it bounds a goal; odd.
    pub(crate) confirmations: u32,
    /// All trials.
    pub(crate) trials_max: u32,
}

/// What became of a goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) goal: Goal,
    /// The highest rate that reached it; null: none did.
    pub(crate) rate: Option<u64>,
    /// The lowest above it that did not; null: there is none below the highest rate allowed.
    pub(crate) missed_at: Option<u64>,
    /// What the bound above is.
    pub(crate) limit: Limit,
    /// Whether both bounds were tried again, and most trials agreed.
    pub(crate) confirmed: bool,
}

/// What bounds a goal from above.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Limit {
    /// The switch missed the goal there.
    Switch,
    /// The generator was the bottleneck there: the switch may do more.
    Generator,
    /// The highest rate that was allowed.
    Highest,
}

/// Trials of one rate.
#[derive(Clone, Copy, Default, Debug)]
struct Votes {
    invalid: u32,
    lossless: u32,
    slo: u32,
    trials: u32,
}

/// How a rate stands for a goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stands {
    Passes,
    Fails,
    /// As many trials for it as against it.
    Open,
}

/// Where a search is.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    bounds: Bounds,
    rates: BTreeMap<u64, Votes>,
    trials: u32,
}

impl Search {
    /// Nothing is known.
    pub(crate) fn new(bounds: Bounds) -> Self {
        assert!(bounds.rate_min > 0 && bounds.rate_min <= bounds.rate_max);
        assert!(bounds.precision_percent > 0 && bounds.confirmations % 2 == 1);
        Self {
            bounds,
            rates: BTreeMap::new(),
            trials: 0,
        }
    }

    /// The rate of the next trial; `None`: the search is over.
    pub(crate) fn next(&self) -> Option<u64> {
        if self.trials >= self.bounds.trials_max {
            return None;
        }
        Goal::ALL.into_iter().find_map(|goal| self.next_for(goal))
    }

    /// A trial at `rate` is over.
    pub(crate) fn tell(&mut self, rate: u64, outcome: Outcome) {
        self.trials += 1;
        let votes = self.rates.entry(rate).or_default();
        votes.trials += 1;
        match outcome {
            Outcome::Invalid => votes.invalid += 1,
            Outcome::Valid { lossless, slo } => {
                votes.lossless += u32::from(lossless);
                votes.slo += u32::from(slo);
            }
        }
    }

    /// What is known of both goals.
    pub(crate) fn found(&self) -> [Found; 2] {
        Goal::ALL.map(|goal| {
            let (lower, upper) = self.around(goal);
            let agreed = |rate: Option<u64>| rate.is_none_or(|rate| self.is_agreed(rate, goal));
            let generator = |rate: u64| {
                let votes = self.rates[&rate];
                2 * votes.invalid > votes.trials - votes.of(goal)
            };
            Found {
                goal,
                rate: lower,
                missed_at: upper,
                limit: match upper {
                    None => Limit::Highest,
                    Some(rate) if generator(rate) => Limit::Generator,
                    Some(_) => Limit::Switch,
                },
                confirmed: agreed(lower) && agreed(upper) && self.next_for(goal).is_none(),
            }
        })
    }

    /// How many trials there were.
    pub(crate) const fn trials(&self) -> u32 {
        self.trials
    }

    fn next_for(&self, goal: Goal) -> Option<u64> {
        let Bounds {
            rate_min, rate_max, ..
        } = self.bounds;
        if self.rates.is_empty() {
            return Some(self.bounds.rate_start.clamp(rate_min, rate_max));
        }
        let (lower, upper) = self.around(goal);
        if let Some(rate) = self.open_between(goal, lower, upper) {
            return Some(rate);
        }
        let again = |rate: u64| (!self.is_agreed(rate, goal)).then_some(rate);
        match (lower, upper) {
            // Only what is open was tried, and nothing of that can be tried again.
            (None, None) => None,
            (None, Some(upper)) if upper <= rate_min => again(upper),
            (None, Some(upper)) => Some((upper / 2).max(rate_min)),
            (Some(lower), None) if lower >= rate_max => again(lower),
            (Some(lower), None) => Some(lower.saturating_mul(2).min(rate_max)),
            (Some(lower), Some(upper)) => {
                let apart = u128::from(upper) * 100;
                let near = u128::from(lower) * u128::from(100 + self.bounds.precision_percent);
                if apart > near && upper - lower > 1 {
                    return Some(between(lower, upper));
                }
                again(lower).or_else(|| again(upper))
            }
        }
    }

    /// The highest rate that passes below the lowest that fails, and that one.
    fn around(&self, goal: Goal) -> (Option<u64>, Option<u64>) {
        let stands =
            |wanted: Stands| move |(_, votes): &(&u64, &Votes)| votes.stands(goal) == wanted;
        let upper = self.rates.iter().find(stands(Stands::Fails));
        let upper = upper.map(|(rate, _)| *rate);
        let below = self.rates.range(..upper.unwrap_or(u64::MAX));
        let lower = below.rev().find(stands(Stands::Passes));
        (lower.map(|(rate, _)| *rate), upper)
    }

    /// A rate between the bounds about which trials disagree.
    fn open_between(&self, goal: Goal, lower: Option<u64>, upper: Option<u64>) -> Option<u64> {
        let from = lower.unwrap_or(0);
        let mut between = self.rates.range(from..upper.unwrap_or(u64::MAX));
        between
            .find(|(_, votes)| votes.stands(goal) == Stands::Open)
            .map(|(rate, _)| *rate)
    }

    /// Whether most of all the trials that a rate can have agree on it.
    fn is_agreed(&self, rate: u64, goal: Goal) -> bool {
        let votes = self.rates[&rate];
        let most = votes.of(goal).max(votes.trials - votes.of(goal));
        most > self.bounds.confirmations / 2
    }
}

impl Votes {
    const fn of(&self, goal: Goal) -> u32 {
        match goal {
            Goal::Lossless => self.lossless,
            Goal::Slo => self.slo,
        }
    }

    const fn stands(&self, goal: Goal) -> Stands {
        let (passed, failed) = (self.of(goal), self.trials - self.of(goal));
        if passed > failed {
            Stands::Passes
        } else if failed > passed {
            Stands::Fails
        } else {
            Stands::Open
        }
    }
}

/// A rate in the middle of the logarithms, and of the two only where nothing lies between.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "rates are far below 2^53"
)]
fn between(lower: u64, upper: u64) -> u64 {
    let middle = (lower as f64 * upper as f64).sqrt().round() as u64;
    middle.clamp(lower + 1, upper - 1)
}

#[cfg(test)]
mod tests;

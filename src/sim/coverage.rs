//! What seeds have reached: rows of the transition table, faults, rules; summed over many.

use crate::engine::StepCounts;
use crate::engine::transitions::{Act, Event, Phase, step};
use crate::model::outcome::Resolution;
use crate::sim::checker::rules::RULES;
use crate::sim::faults::{FAULTS, FaultCounts, TABLE};

/// Counts of one seed or of many.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Rows of the transition table.
    pub steps: StepCounts,
    /// Faults that struck.
    pub faults: FaultCounts,
    /// How often each rule was checked.
    pub checked: [u64; RULES],
    /// Events of the fake world.
    pub events: u64,
    /// Turns of shards.
    pub turns: u64,
    /// Processes that ended before their time.
    pub crashes: u64,
    /// Segments that starts took from their digests.
    pub digests: u64,
    /// Payments begun.
    pub payments: u64,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            steps: StepCounts::default(),
            faults: [0; FAULTS],
            checked: [0; RULES],
            events: 0,
            turns: 0,
            crashes: 0,
            digests: 0,
            payments: 0,
        }
    }
}

impl Coverage {
    /// Adds another's counts.
    pub fn add(&mut self, more: &Self) {
        crate::sim::crash::add_steps(&mut self.steps, &more.steps);
        for (count, more) in self.faults.iter_mut().zip(&more.faults) {
            *count += more;
        }
        for (count, more) in self.checked.iter_mut().zip(&more.checked) {
            *count += more;
        }
        self.events += more.events;
        self.turns += more.turns;
        self.crashes += more.crashes;
        self.digests += more.digests;
        self.payments += more.payments;
    }

    /// Every row of the transition table, and how often it was taken. What the table does not name
    /// is here only where it came all the same.
    pub fn rows(&self) -> impl Iterator<Item = (Phase, Event, u64)> {
        self.places()
            .filter(|(phase, event, count)| is_named(*phase, *event) || *count > 0)
    }

    fn places(&self) -> impl Iterator<Item = (Phase, Event, u64)> {
        let phases = Phase::ALL.into_iter().zip(self.steps);
        phases.flat_map(|(phase, row)| {
            let events = Event::ALL.into_iter().zip(row);
            events.map(move |(event, count)| (phase, event, count))
        })
    }

    /// Rows of the transition table that were never taken, and faults that never struck.
    pub fn never(&self) -> Vec<String> {
        let rows = self.rows().filter(|(.., count)| *count == 0);
        let rows = rows.map(|(phase, event, _)| format!("{phase:?} x {event:?}"));
        let faults = TABLE.iter().zip(self.faults);
        let faults = faults.filter(|(_, count)| *count == 0);
        rows.chain(faults.map(|((_, name, _), _)| (*name).to_owned()))
            .collect()
    }

    /// One bit for each row and each fault: whether it was reached.
    fn marks(&self) -> Marks {
        let rows = self.places().map(|(.., count)| count);
        let mut marks = [0; MARK_WORDS];
        for (place, count) in rows.chain(self.faults).enumerate() {
            marks[place / 64] |= u64::from(count > 0) << (place % 64);
        }
        marks
    }
}

/// Whether the transition table has a row for this.
fn is_named(phase: Phase, event: Event) -> bool {
    let mut ways = Resolution::ALL.iter();
    ways.any(|way| step(*way, phase, event).acts != [Act::Impossible])
}

const MARK_WORDS: usize = (Phase::ALL.len() * Event::ALL.len() + FAULTS).div_ceil(64);
type Marks = [u64; MARK_WORDS];

/// What each of many seeds has reached.
#[derive(Debug, Default)]
pub struct Reach {
    seeds: Vec<(u64, Marks)>,
}

impl Reach {
    /// Notes what a seed has reached.
    pub fn add(&mut self, seed: u64, coverage: &Coverage) {
        self.seeds.push((seed, coverage.marks()));
    }

    /// A few seeds that together reach all that any has reached: again and again the one that adds
    /// the most.
    pub fn few(&self) -> Vec<u64> {
        let (mut reached, mut few) = ([0; MARK_WORDS], Vec::new());
        let adds = |reached: &Marks, marks: &Marks| -> u32 {
            let fresh = marks.iter().zip(reached).map(|(new, old)| new & !old);
            fresh.map(u64::count_ones).sum()
        };
        while let Some((seed, marks)) = self
            .seeds
            .iter()
            .max_by_key(|(_, marks)| adds(&reached, marks))
            .filter(|(_, marks)| adds(&reached, marks) > 0)
        {
            few.push(*seed);
            for (old, new) in reached.iter_mut().zip(marks) {
                *old |= new;
            }
        }
        few
    }
}

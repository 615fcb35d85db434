//! What seeds have reached: rows of the transition table, faults, rules; summed over many.

use crate::engine::StepCounts;
use crate::engine::transitions::{Event, Phase};
use crate::sim::checker::rules::RULES;
use crate::sim::faults::{FAULTS, FaultCounts};

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
        self.payments += more.payments;
    }

    /// Every row of the transition table, and how often it was taken.
    pub fn rows(&self) -> impl Iterator<Item = (Phase, Event, u64)> {
        let phases = Phase::ALL.into_iter().zip(self.steps);
        phases.flat_map(|(phase, row)| {
            let events = Event::ALL.into_iter().zip(row);
            events.map(move |(event, count)| (phase, event, count))
        })
    }
}

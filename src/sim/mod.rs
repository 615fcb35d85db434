//! THE FAKE WORLD: the same turn, executed from a seed.
//!
//! A seed decides who takes part, how large tables and disks are, what happens and what goes wrong.
//! The shard, its journal's recovery and its replay are the real ones; clock, network, disk and
//! participants are not. When trouble has had its time everything is healed, what is open must
//! settle, and the checker compares both parties' books with the journal.
//!
//! Nothing here reads a clock or draws a random number but from the seed: a seed replays exactly.

mod arrivals;
mod checker;
mod coverage;
mod crash;
mod digests;
mod disk;
mod draw;
mod faults;
mod given_up;
mod network;
mod node;
mod operators;
mod plan;
mod plant;
mod player;
mod world;

#[cfg(test)]
mod tests;

pub use checker::rules::{RULES, Rule, TABLE as RULE_TABLE, Violation};
pub use coverage::{Coverage, Reach};
pub use faults::{FAULTS, Fault, TABLE as FAULT_TABLE};
pub use plant::{Plant, TABLE as PLANT_TABLE};

use world::World;

/// Events of one seed at most.
pub const STEPS_MAX: u64 = 2_000_000;

/// How a seed is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The world ends after so many events, settled or not.
    pub steps_max: u64,
    /// A bug to be found.
    pub plant: Option<Plant>,
    /// Whether every message and every fault is told.
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steps_max: STEPS_MAX,
            plant: None,
            trace: false,
        }
    }
}

/// What a seed came to.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub seed: u64,
    /// Hash of all that happened: equal for equal seeds.
    pub hash: u64,
    /// How long the world existed, in its own time.
    pub lasted_ns: u64,
    /// What broke, in the order of its finding.
    pub violations: Vec<Violation>,
    /// What was reached and checked.
    pub coverage: Coverage,
    /// Times that a planted bug has acted.
    pub planted: u64,
    /// What happened, where that was asked for.
    pub trace: Vec<String>,
}

/// Runs one seed.
pub fn run(seed: u64, options: &Options) -> Outcome {
    let mut world = World::new(seed, options.plant, options.trace);
    while world.steps < options.steps_max && world.step() {}
    world.finish(seed)
}

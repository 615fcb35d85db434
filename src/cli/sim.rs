//! `sim`: the switch in a fake world, seed by seed; what broke, and how much was reached.

use core::cell::Cell;
use std::sync::Once;

use serde_json::{Value, json};

use super::arguments::Sim;
use super::console::Console;
use super::exit::{Ended, Exit};
use crate::sim::{
    Coverage, FAULT_TABLE, Options, Outcome, PLANT_TABLE, Plant, RULE_TABLE, Reach, run,
};
use crate::sys::clock::Clock;

/// Violations told of one seed.
const TOLD_MAX: usize = 5;

thread_local! {
    /// The seed that is running, for the message of a panic.
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

pub(super) fn execute(arguments: &Sim, console: &mut Console<'_>) -> Ended {
    let options = Options {
        steps_max: arguments.steps,
        plant: arguments.plant,
        trace: arguments.trace,
    };
    tell_seed_of_panics();
    let clock = Clock;
    let begun = clock.monotonic();
    let (mut coverage, mut broken, mut planted) = (Coverage::default(), Vec::new(), 0);
    let mut reach = Reach::default();
    for count in 0..arguments.seeds {
        let seed = arguments.seed.wrapping_add(count);
        SEED.set(Some(seed));
        let outcome = run(seed, &options);
        for line in &outcome.trace {
            console.buffer_line(line)?;
        }
        coverage.add(&outcome.coverage);
        reach.add(seed, &outcome.coverage);
        planted += outcome.planted;
        let elapsed_ns = clock.monotonic().0 - begun.0;
        let rate = (count + 1) * 1_000_000_000 / elapsed_ns.max(1);
        console.progress(&format!(
            "{} of {} seeds, {rate} a second, {} broken",
            count + 1,
            arguments.seeds,
            broken.len()
        ));
        if !outcome.violations.is_empty() {
            if !arguments.json {
                console.progress("");
                tell(arguments, &outcome, console)?;
            }
            broken.push(outcome);
        }
    }
    SEED.set(None);
    console.progress("");
    let elapsed_ms = (clock.monotonic().0 - begun.0) / 1_000_000;
    let report = Report {
        arguments,
        coverage: &coverage,
        reach: &reach,
        broken: &broken,
        planted,
        elapsed_ms,
    };
    if arguments.json {
        console.print_line(&report.as_json().to_string())?;
    } else {
        report.in_words(console)?;
    }
    Ok(if broken.is_empty() {
        Exit::Good
    } else {
        Exit::Integrity
    })
}

/// A failed assertion of the switch ends the process: then the seed must be known.
fn tell_seed_of_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            if let Some(seed) = SEED.get() {
                let line = format!("replay: cpg-switch sim --seed {seed} --trace\n");
                Console::of_process().complain(&line);
            }
        }));
    });
}

struct Report<'r> {
    arguments: &'r Sim,
    coverage: &'r Coverage,
    reach: &'r Reach,
    broken: &'r [Outcome],
    planted: u64,
    elapsed_ms: u64,
}

/// The command that runs a seed again.
fn replay(arguments: &Sim, seed: u64) -> String {
    let plant = arguments.plant.map(Plant::name);
    let plant = plant.map_or_else(String::new, |name| format!(" --plant {name}"));
    format!("cpg-switch sim --seed {seed}{plant} --trace")
}

/// What broke in one seed, as soon as it is known.
fn tell(arguments: &Sim, outcome: &Outcome, console: &mut Console<'_>) -> std::io::Result<()> {
    let seed = outcome.seed;
    for violation in outcome.violations.iter().take(TOLD_MAX) {
        console.buffer_line(&format!("seed {seed}: {violation}"))?;
    }
    let more = outcome.violations.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        console.buffer_line(&format!("seed {seed}: and {more} more"))?;
    }
    console.buffer_line(&format!("  replay: {}", replay(arguments, seed)))?;
    console.flush()
}

impl Report<'_> {
    fn in_words(&self, console: &mut Console<'_>) -> std::io::Result<()> {
        console.buffer_line("rules checked:")?;
        for ((_, number, name, text), count) in RULE_TABLE.iter().zip(self.coverage.checked) {
            console.buffer_line(&format!("  {number:<4}{name:<20}{count:>12}  {text}"))?;
        }
        console.buffer_line("faults:")?;
        for ((_, name, _), count) in FAULT_TABLE.iter().zip(self.coverage.faults) {
            console.buffer_line(&format!("  {name:<36}{count:>12}"))?;
        }
        console.buffer_line("rows of the transition table:")?;
        for (phase, event, count) in self.coverage.rows() {
            let row = format!("{phase:?} x {event:?}");
            console.buffer_line(&format!("  {row:<44}{count:>12}"))?;
        }
        let never = self.coverage.never();
        if never.is_empty() {
            console.buffer_line("every row and every fault was reached")?;
        } else {
            console.buffer_line(&format!("never reached: {}", never.join(", ")))?;
        }
        let few: Vec<String> = self.reach.few().iter().map(u64::to_string).collect();
        if self.arguments.seeds > 1 {
            let count = few.len();
            let few = few.join(", ");
            console.buffer_line(&format!("{count} seeds that reach as much: {few}"))?;
        }
        let coverage = self.coverage;
        let seeds = self.arguments.seeds;
        console.buffer_line(&format!(
            "{seeds} seed(s), {} payments, {} crashes, {} digests used, {} turns, {} events in \
             {} ms ({} seeds a second); {} broken",
            coverage.payments,
            coverage.crashes,
            coverage.digests,
            coverage.turns,
            coverage.events,
            self.elapsed_ms,
            seeds * 1_000 / self.elapsed_ms.max(1),
            self.broken.len()
        ))?;
        if let Some(plant) = self.arguments.plant {
            let found = self.found(plant);
            let (_, _, rule, text) = PLANT_TABLE[plant as usize];
            console.buffer_line(&format!(
                "planted: {text}: {} time(s); {} found it in {found} seed(s)",
                self.planted,
                rule.name()
            ))?;
        }
        console.flush()
    }

    /// Seeds in which a planted bug was found by the rule that it breaks.
    fn found(&self, plant: Plant) -> usize {
        let by_rule = |outcome: &&Outcome| {
            let mut rules = outcome.violations.iter().map(|one| one.rule);
            rules.any(|rule| rule == plant.rule())
        };
        self.broken.iter().filter(by_rule).count()
    }

    fn as_json(&self) -> Value {
        let broken = self.broken.iter().map(|outcome| {
            let violations = outcome.violations.iter().map(|violation| {
                json!({
                    "rule": violation.rule.name(),
                    "invariant": violation.rule.number(),
                    "at_ns": violation.at_ns,
                    "what": violation.what,
                })
            });
            json!({
                "seed": outcome.seed,
                "violations": violations.collect::<Vec<_>>(),
                "replay": replay(self.arguments, outcome.seed),
            })
        });
        let rules = RULE_TABLE.iter().zip(self.coverage.checked);
        let faults = FAULT_TABLE.iter().zip(self.coverage.faults);
        let rows = self.coverage.rows().map(|(phase, event, count)| {
            json!({"phase": format!("{phase:?}"), "event": format!("{event:?}"), "count": count})
        });
        json!({
            "good": self.broken.is_empty(),
            "first_seed": self.arguments.seed,
            "seeds": self.arguments.seeds,
            "elapsed_ms": self.elapsed_ms,
            "events": self.coverage.events,
            "turns": self.coverage.turns,
            "crashes": self.coverage.crashes,
            "digests_used": self.coverage.digests,
            "payments": self.coverage.payments,
            "planted": self.planted,
            "broken": broken.collect::<Vec<_>>(),
            "rules": rules
                .map(|((_, number, name, text), count)| {
                    json!({"rule": name, "invariant": number, "text": text, "checked": count})
                })
                .collect::<Vec<_>>(),
            "faults": faults
                .map(|((_, name, _), count)| json!({"fault": name, "count": count}))
                .collect::<Vec<_>>(),
            "rows": rows.collect::<Vec<_>>(),
            "never_reached": self.coverage.never(),
            "seeds_that_reach_as_much": self.reach.few(),
        })
    }
}

//! `crash`: the switch is struck in the middle of its work and started again on the same data, as
//! often as one likes and in every way that a machine knows.
//!
//! The generator stays: its books know what was answered before. Whoever was answered must find the
//! same afterwards, on both sides and in the journal; whoever was not asks again under the same
//! key.

mod audit;
mod episode;
pub(crate) mod kinds;
mod power;
mod report;
mod sandbox;
mod strike;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use self::episode::Episode;
use self::kinds::Kind;
use self::report::CrashReport;
use crate::cli::arguments::{Commit, Crash};
use crate::cli::exit::{Exit, Failure};
use crate::mix::random::Draw;
use crate::report::{VerdictReport, table};
use crate::scratch::Scratch;

pub(super) fn execute(arguments: &Crash) -> Result<Exit, Failure> {
    let mut report = CrashReport {
        commit: arguments.commit.name(),
        shards: arguments.shards,
        seed: arguments.seed,
        rounds: Vec::new(),
        kinds: BTreeMap::new(),
        points_reached: BTreeSet::new(),
        points_missed: BTreeSet::new(),
        findings: Vec::new(),
        verdict: VerdictReport::nothing(),
    };
    let memory = arguments.commit == Commit::Memory;
    let mut draw = Draw::new(arguments.seed, CRASH_STREAM);
    let kinds = kinds(arguments);
    let mut turns: BTreeMap<Kind, u32> = BTreeMap::new();
    let mut played = 0;
    for kind in kinds.iter().copied().cycle() {
        if played >= arguments.rounds {
            break;
        }
        let turn = turns.entry(kind).or_default();
        let left = arguments.rounds - played;
        let count = kinds::rounds_per_journal(kind, arguments.per_journal, memory).min(left);
        let rounds = kinds::rounds(kind, (*turn, count), !memory, &mut draw);
        *turn += count;
        played += count;
        let scratch = Scratch::new("crash")?;
        let episode = Episode::new(arguments, kind, &scratch)?;
        let done = episode.play(&rounds, &mut draw, &mut report, &mut |round| {
            if !arguments.json {
                println!("{}", round.text());
            }
        });
        if done.is_err() {
            // What was found before it is the likely reason.
            for finding in &report.findings {
                eprintln!("FOUND: {finding}");
            }
        }
        done?;
    }
    tell(arguments, &report)?;
    Ok(if report.holds() {
        Exit::Good
    } else {
        Exit::Broken
    })
}

fn tell(arguments: &Crash, report: &CrashReport) -> Result<(), Failure> {
    if arguments.json {
        let text = serde_json::to_string_pretty(report)
            .map_err(|cause| Failure::file("write the report")(cause.into()))?;
        println!("{text}");
    } else {
        print!("{}", report.text());
        print!("{}", table::verdict_text(&report.verdict));
    }
    Ok(())
}

/// What is asked for, each once.
fn kinds(arguments: &Crash) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for wanted in &arguments.faults {
        for kind in wanted.kinds() {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds
}

/// No payment has this number.
const CRASH_STREAM: u64 = u64::MAX - 2;

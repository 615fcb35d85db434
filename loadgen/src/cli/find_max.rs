//! `find-max`: the highest rates at which a switch loses nothing, and keeps a service level.

use std::path::PathBuf;

use clap::Args;
use cpg_switch::control::configuration::Configuration;

use crate::cli::arguments::Commit;
use crate::cli::demo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::trial::{Own, Trial};
use crate::play::Piece;
use crate::record::Record;
use crate::report::Report;
use crate::report::files::Folder;
use crate::report::search::{Asked, LoadRow, SearchReport, TrialRow};
use crate::search::{Bounds, Goal, Limit, Search};
use crate::target::Ready;

/// The highest rates at which the switch loses nothing, and keeps a service level.
///
/// Open loop, everyday traffic without silent destinations. Both rates are found in one search:
/// doubling until one is missed, then halving the distance, then each bound again until most trials
/// agree. A trial whose generator was the bottleneck bounds the search and is said to. Then
/// response times at 10, 50 and 90 % of the rate that keeps the level.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen find-max --p99-ms 5 --report knee
  cpg-loadgen find-max --ready-file ready.json --trial 10 --precision 2 --core 1 --spin")]
pub(crate) struct FindMax {
    /// A switch that is running [default: a fresh one on the sandbox for each trial]
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Its configuration [default: the sandbox]
    #[arg(long, value_name = "FILE", requires = "ready_file")]
    pub(crate) config: Option<PathBuf>,
    /// The level: 99 of 100 response times within this many milliseconds
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    pub(crate) p99_ms: f64,
    /// And at most this share of first answers shed, refused, or 68
    #[arg(long, default_value_t = 0.001, value_parser = share)]
    pub(crate) error_share_max: f64,
    /// Seconds of a trial
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) trial: u64,
    /// Payments a second of the first trial
    #[arg(long, default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rate_start: u64,
    /// No trial goes higher
    #[arg(long, default_value_t = 2_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rate_max: u64,
    /// Percent between the rate that is found and one that misses
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) precision: u32,
    /// Trials of a bound, of which most must agree; odd
    #[arg(long, default_value_t = 3, value_parser = odd)]
    pub(crate) confirmations: u32,
    /// All trials
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) trials_max: u32,
    /// Links of each participant
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) links: u32,
    /// When a payment counts as committed
    #[arg(long, value_enum, default_value_t = Commit::Disk)]
    pub(crate) commit: Commit,
    /// Shards of the switch
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
    /// Payments that are approved and nothing else
    #[arg(long)]
    pub(crate) plain: bool,
    /// Pin the generator to this core
    #[arg(long)]
    pub(crate) core: Option<usize>,
    /// Poll instead of sleeping
    #[arg(long)]
    pub(crate) spin: bool,
    /// Makes the same traffic again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write report.json and report.html, with the knee, into this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Do not print each trial
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn execute(arguments: &FindMax) -> Result<Exit, Failure> {
    let bench = Bench::new(arguments)?;
    let folder = arguments.report.as_deref().map(Folder::claim).transpose()?;
    let mut search = Search::new(bench.asked.bounds);
    let mut trials: Vec<TrialRow> = Vec::new();
    let mut first = None;
    let mut holds = true;
    while let Some(rate) = search.next() {
        let (report, _) = bench.trial(rate, bench.asked.trial_ms)?;
        let row = TrialRow::new(&report, &bench.asked);
        bench.tell(&row, search.trials() + 1);
        search.tell(rate, row.outcome());
        trials.push(row);
        holds = report.verdict.holds;
        if !holds {
            print!("{}", crate::report::table::verdict_text(&report.verdict));
        }
        first.get_or_insert(report);
        if !holds {
            break;
        }
    }
    let loads = if holds {
        bench.loads(&search)?
    } else {
        Vec::new()
    };
    let first = first.expect("a search makes at least one trial");
    let report = SearchReport {
        format: 1,
        kind: "find-max",
        version: first.version,
        build: first.build,
        began_s: first.began_s,
        commit: first.commit,
        setup: first.setup,
        environment: first.environment,
        asked: bench.asked,
        trials,
        found: search.found(),
        loads,
        holds,
    };
    print(&report, arguments)?;
    if let Some(folder) = folder {
        folder.document(&report, &report.text())?;
        if !arguments.json {
            println!("report: {}", folder.path().join("report.html").display());
        }
    }
    Ok(exit(&report))
}

fn print(report: &SearchReport, arguments: &FindMax) -> Result<(), Failure> {
    if arguments.json {
        let text = serde_json::to_string_pretty(report)
            .map_err(|cause| Failure::file("write the report")(cause.into()))?;
        println!("{text}");
    } else {
        print!("\n{}", report.text());
    }
    Ok(())
}

/// A broken promise, then a level that no rate keeps, then a bound that is not the switch's.
fn exit(report: &SearchReport) -> Exit {
    let [_, slo] = &report.found;
    match (report.holds, slo.rate, slo.limit) {
        (false, _, _) => Exit::Broken,
        (true, None, Limit::Generator) | (true, Some(_), Limit::Generator) => Exit::Invalid,
        (true, None, _) => Exit::Missed,
        (true, Some(_), _) => Exit::Good,
    }
}

/// What all trials share.
struct Bench<'a> {
    arguments: &'a FindMax,
    asked: Asked,
    piece: Piece,
    /// A switch that somebody else started.
    given: Option<(Configuration, Ready)>,
}

impl<'a> Bench<'a> {
    fn new(arguments: &'a FindMax) -> Result<Self, Failure> {
        let given = match &arguments.ready_file {
            None => None,
            Some(path) => {
                let configuration = match &arguments.config {
                    Some(path) => Configuration::load(path)
                        .map_err(|error| Failure::Configuration(error.to_string()))?,
                    None => Configuration::sandbox(),
                };
                Some((configuration, Ready::read(path)?))
            }
        };
        // Fewer payments have no 99th percentile.
        let rate_min = SAMPLES_MIN.div_ceil(arguments.trial).max(1);
        let asked = Asked {
            bounds: Bounds {
                rate_start: arguments.rate_start.max(rate_min),
                rate_min,
                rate_max: arguments.rate_max.max(rate_min),
                precision_percent: arguments.precision,
                confirmations: arguments.confirmations,
                trials_max: arguments.trials_max,
            },
            p99_ms: arguments.p99_ms,
            error_share_max: arguments.error_share_max,
            trial_ms: arguments.trial * 1_000,
        };
        let piece = Piece {
            links: arguments.links,
            destination_links: arguments.links.min(8),
            core: arguments.core,
            spin: arguments.spin,
            ..demo::sandbox_piece()
        };
        Ok(Self {
            arguments,
            asked,
            piece,
            given,
        })
    }

    /// A trial of so long.
    fn trial(&self, rate: u64, duration_ms: u64) -> Result<(Report, Record), Failure> {
        let trial = Trial {
            rate,
            duration_ms,
            seed: self.arguments.seed,
            plain: self.arguments.plain,
            piece: self.piece.clone(),
        };
        match &self.given {
            Some((configuration, ready)) => trial.play(configuration, ready, || Ok(false)),
            None => {
                let own = Own {
                    program: None,
                    commit: self.arguments.commit,
                    shards: self.arguments.shards,
                };
                own.play(&trial)
            }
        }
    }

    /// At tenths of what was found.
    fn loads(&self, search: &Search) -> Result<Vec<LoadRow>, Failure> {
        let [_, slo] = search.found();
        assert_eq!(slo.goal, Goal::Slo);
        let mut loads = Vec::new();
        for percent in LOADS_PERCENT {
            let Some(rate) = slo.rate.map(|rate| rate * percent / 100) else {
                break;
            };
            let rate = rate.max(1);
            let samples_ms = (SAMPLES_MIN * 1_000 / rate).min(LOAD_MS_MAX);
            let duration_ms = samples_ms.max(self.asked.trial_ms * LOAD_TRIALS);
            let (report, _) = self.trial(rate, duration_ms)?;
            let trial = TrialRow::new(&report, &self.asked);
            if !self.arguments.json && !self.arguments.quiet {
                println!("at {percent:>2} %  {}", trial.text());
            }
            loads.push(LoadRow { percent, trial });
        }
        Ok(loads)
    }

    fn tell(&self, row: &TrialRow, number: u32) {
        if !self.arguments.json && !self.arguments.quiet {
            println!("trial {number:>2}  {}", row.text());
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
        .ok_or_else(|| format!("{text} is not a number above 0"))
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| format!("{text} is not a share from 0 to 1"))
}

fn odd(text: &str) -> Result<u32, String> {
    let number = text.parse().ok();
    number
        .filter(|number| number % 2 == 1 && *number < 100)
        .ok_or_else(|| format!("{text} is not an odd number from 1 to 99"))
}

const LOADS_PERCENT: [u64; 3] = [10, 50, 90];
/// How many times as long a load is measured as a trial, and longer where it is too few payments
/// for a 99th percentile.
const LOAD_TRIALS: u64 = 2;
const LOAD_MS_MAX: u64 = 120_000;
/// Ten above the 99th percentile, and some to spare.
const SAMPLES_MIN: u64 = 1_500;

//! `compare`: two sets of report folders, or two builds of the switch run in turns.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::arguments::Commit;
use crate::cli::demo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::trial::{Own, Trial};
use crate::report::comparison::{Comparison, Run, compare, objections};
use crate::report::files::{Folder, JSON};

/// Two sets of reports, or two builds of the switch in turns: which is better, if either is.
///
/// Medians with intervals, Mann and Whitney's test (of pairs: the sign test) corrected for the
/// number of figures, and how large a difference is. No run is left out. Runs of other machines,
/// plans or builds, invalid runs and broken promises are refused.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen compare before-1 before-2 before-3 before-4 before-5 --with after-1 after-2 ...
  cpg-loadgen compare --switch-a ../before/cpg-switch --switch-b target/release/cpg-switch \\
      --pairs 10 --rate 20000 --duration 10")]
pub(crate) struct Compare {
    /// Folders that `--report` wrote: A
    #[arg(
        value_name = "DIR",
        required_unless_present = "switch_a",
        requires = "with"
    )]
    #[arg(conflicts_with = "switch_a")]
    pub(crate) a: Vec<PathBuf>,
    /// Folders of B
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "a")]
    pub(crate) with: Vec<PathBuf>,
    /// A build of the switch: A
    #[arg(long, value_name = "PROGRAM", requires = "switch_b")]
    pub(crate) switch_a: Option<PathBuf>,
    /// Another one: B
    #[arg(long, value_name = "PROGRAM", requires = "switch_a")]
    pub(crate) switch_b: Option<PathBuf>,
    /// How often each build is run; eight at least can show anything
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) pairs: u32,
    /// Payments a second of each run
    #[arg(long, default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rate: u64,
    /// Seconds of each run
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) duration: u64,
    /// When a payment counts as committed
    #[arg(long, value_enum, default_value_t = Commit::Disk)]
    pub(crate) commit: Commit,
    /// Shards of both switches
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
    /// Payments that are approved and nothing else
    #[arg(long)]
    pub(crate) plain: bool,
    /// Of the first pair; the next one has the next
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Keep the report of each run in a folder of its own in this one
    #[arg(long, value_name = "DIR", requires = "switch_a")]
    pub(crate) report: Option<PathBuf>,
    /// Compare what should not be compared, and mark it
    #[arg(long)]
    pub(crate) anyway: bool,
    /// Exit code 1 where B is worse in any figure
    #[arg(long)]
    pub(crate) fail_if_worse: bool,
    /// Print the comparison as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn execute(arguments: &Compare) -> Result<Exit, Failure> {
    let (a, b, paired) = match (&arguments.switch_a, &arguments.switch_b) {
        (Some(a), Some(b)) => {
            let (a, b) = pairs(arguments, a, b)?;
            (a, b, true)
        }
        _ => (read(&arguments.a)?, read(&arguments.with)?, false),
    };
    let objections = objections(&a, &b);
    // Pairs took long, and differ in nothing but the build: what is wrong with one is marked.
    if !objections.is_empty() && !arguments.anyway && !paired {
        return Err(Failure::Missing(format!(
            "these runs cannot be compared; --anyway does it all the same and says so:\n  {}",
            objections.join("\n  ")
        )));
    }
    let comparison = compare(&a, &b, paired, objections);
    print(&comparison, arguments)?;
    let any = |what: fn(&Run) -> bool| paired && a.iter().chain(&b).any(what);
    Ok(if any(|run| run.report["verdict"]["holds"] != true) {
        Exit::Broken
    } else if any(|run| run.report["generator"]["valid"] != true) && !arguments.anyway {
        Exit::Invalid
    } else if arguments.fail_if_worse && comparison.is_worse() {
        Exit::Missed
    } else {
        Exit::Good
    })
}

fn print(comparison: &Comparison, arguments: &Compare) -> Result<(), Failure> {
    if arguments.json {
        let text = serde_json::to_string_pretty(comparison)
            .map_err(|cause| Failure::file("write the comparison")(cause.into()))?;
        println!("{text}");
    } else {
        print!("{}", comparison.text());
    }
    Ok(())
}

fn read(folders: &[PathBuf]) -> Result<Vec<Run>, Failure> {
    let one = |folder: &PathBuf| {
        let path = folder.join(JSON);
        let text = fs::read(&path).map_err(Failure::file(format!("read {}", path.display())))?;
        let report = serde_json::from_slice(&text)
            .map_err(|cause| Failure::file(format!("read {}", path.display()))(cause.into()))?;
        Ok(Run {
            name: folder.display().to_string(),
            report,
        })
    };
    folders.iter().map(one).collect()
}

/// Both builds in turns, and the other first in every second pair: what the machine does slowly
/// meets both alike.
fn pairs(arguments: &Compare, a: &Path, b: &Path) -> Result<(Vec<Run>, Vec<Run>), Failure> {
    let mut sides = (Vec::new(), Vec::new());
    for pair in 1..=arguments.pairs {
        let a_first = pair % 2 == 1;
        for is_a in [a_first, !a_first] {
            let (side, program, runs) = if is_a {
                ("a", a, &mut sides.0)
            } else {
                ("b", b, &mut sides.1)
            };
            let run = trial(arguments, side, pair, program)?;
            tell(arguments, &run);
            runs.push(run);
        }
    }
    Ok(sides)
}

fn trial(arguments: &Compare, side: &str, pair: u32, program: &Path) -> Result<Run, Failure> {
    let own = Own {
        program: Some(program.to_owned()),
        commit: arguments.commit,
        shards: arguments.shards,
    };
    let trial = Trial {
        rate: arguments.rate,
        duration_ms: arguments.duration * 1_000,
        seed: arguments.seed + u64::from(pair),
        plain: arguments.plain,
        piece: demo::sandbox_piece(),
    };
    let name = format!("{side}-{pair}");
    let folder = arguments.report.as_ref().map(|folder| folder.join(&name));
    let folder = folder.as_deref().map(Folder::claim).transpose()?;
    let (report, record) = own.play(&trial)?;
    if let Some(folder) = folder {
        folder.write(&report, &record)?;
    }
    let report = serde_json::to_value(&report)
        .map_err(|cause| Failure::file("keep the report")(cause.into()))?;
    Ok(Run { name, report })
}

fn tell(arguments: &Compare, run: &Run) {
    if arguments.json {
        return;
    }
    let figure = |place: &str| {
        let value = run
            .report
            .pointer(place)
            .and_then(serde_json::Value::as_f64);
        value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.1}"))
    };
    println!(
        "{:<6} {:>10} payments/s  p50 {:>9} us  p99 {:>9} us  {:>7} us CPU a payment",
        run.name,
        figure("/payments_per_second"),
        figure("/latency/response/p50_us"),
        figure("/latency/response/p99_us"),
        figure("/cpu/switch_us_per_payment"),
    );
}

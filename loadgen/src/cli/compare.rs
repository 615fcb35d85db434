//! `compare`: two sets of report folders, or two builds of the switch run in turns.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::arguments::Compare;
use crate::cli::demo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::trial::{Own, Trial};
use crate::report::comparison::{Comparison, Run, compare, objections};
use crate::report::files::{Folder, JSON};

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

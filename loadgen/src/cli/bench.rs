//! `bench`: the switch and HAProxy in turns, so that what disturbs one disturbs the other.

use std::fs;
use std::path::PathBuf;

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;
use cpg_switch::sys::cpu;
use cpg_switch::sys::machine::Idle;
use serde::Serialize;

use crate::cast::Cast;
use crate::cli::arguments::Bench;
use crate::cli::exit::{Exit, Failure};
use crate::cli::publishing::Publishing;
use crate::drive::{Course, Pace, drive};
use crate::judge::journal::Journal;
use crate::machine::{Elsewhere, file_system};
use crate::mix::{Mix, PLAIN};
use crate::play::{self, Piece};
use crate::proxy::Proxy;
use crate::report::pairs::{self, Ratio};
use crate::report::{Report, VerdictReport};
use crate::scratch::Scratch;
use crate::send::{Sizes, Stage};
use crate::statistics::median;
use crate::target::{Launch, Ready};
use crate::watch::Watch;

/// One run.
#[derive(Clone, Debug, Serialize)]
struct Sample {
    block: u32,
    cell: String,
    target: &'static str,
    payments_per_second: f64,
    payments_refused: u64,
    target_cpu_us_per_payment: Option<f64>,
    shards_cpu_us_per_payment: Option<f64>,
    generator_cpu_us_per_payment: Option<f64>,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
    /// Tables published meanwhile.
    publications: Option<u64>,
    elsewhere: Option<Elsewhere>,
    verdict: VerdictReport,
}

/// Medians of one cell: of the runs that had the machine for themselves, or of all where none had.
#[derive(Clone, Debug, Serialize)]
struct CellRow {
    cell: String,
    runs: usize,
    runs_undisturbed: usize,
    switch_payments_per_second: Option<f64>,
    proxy_payments_per_second: Option<f64>,
    throughput_ratio: Option<f64>,
    cpu_ratio: Option<f64>,
    /// CPU per payment of this build, divided by that of the other in the same block.
    cpu_against: Option<Ratio>,
    /// The same of the shards' threads alone, which payments wait for.
    shards_cpu_against: Option<Ratio>,
    /// Payments a second while tables are published, divided by those of the run beside it.
    publishing_throughput: Option<Ratio>,
    /// The same of the 99th percentile of the response.
    publishing_p99: Option<Ratio>,
    publications: u64,
}

const SWITCH: &str = "switch";
const AGAINST: &str = "against";
const PUBLISHING: &str = "publishing";

#[derive(Debug, Serialize)]
struct BenchReport {
    build: &'static str,
    target_core: Option<usize>,
    generator_core: Option<usize>,
    /// What the journal was on: a disk takes part in every figure, though nobody waits for it.
    journal_file_system: Option<String>,
    runs: Vec<Sample>,
    medians: Vec<CellRow>,
}

pub(super) fn execute(arguments: &Bench) -> Result<Exit, Failure> {
    let scratch = Scratch::new("bench")?;
    let cores = cpu::allowed_cores()?;
    let cores = (cores.len() > 1).then(|| (cores[0], cores[1]));
    let bench = Block {
        arguments,
        scratch: &scratch,
        cores,
    };
    if let Some((_, own)) = cores {
        cpu::pin_current_thread(own)?;
    }
    let cells = if arguments.cell.is_empty() {
        CELLS.to_vec()
    } else {
        arguments.cell.clone()
    };
    let mut runs = Vec::new();
    for block in 1..=arguments.blocks {
        for cell in &cells {
            if !arguments.no_switch {
                for target in bench.builds(block) {
                    runs.push(bench.switch(block, *cell, target)?);
                    bench.tell(&runs);
                }
            }
            if !arguments.no_proxy {
                runs.push(bench.proxy(block, *cell)?);
                bench.tell(&runs);
            }
        }
    }
    let medians: Vec<CellRow> = cells
        .iter()
        .map(|cell| row(&name(*cell), &runs, arguments.disturbed_percent))
        .collect();
    let holds = runs.iter().all(|run| run.verdict.holds);
    let journal_file_system = file_system(scratch.folder());
    if arguments.json {
        let report = BenchReport {
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
            target_core: cores.map(|(target, _)| target),
            generator_core: cores.map(|(_, own)| own),
            journal_file_system,
            runs,
            medians,
        };
        let text = serde_json::to_string_pretty(&report)
            .map_err(|cause| Failure::file("write the report")(cause.into()))?;
        println!("{text}");
    } else {
        medians.iter().for_each(print_row);
        if let (false, Some(kind)) = (arguments.no_switch, journal_file_system) {
            println!(
                "the journal was on {kind}, in {}",
                std::env::temp_dir().display()
            );
        }
    }
    Ok(if holds { Exit::Good } else { Exit::Broken })
}

/// What all runs share.
struct Block<'a> {
    arguments: &'a Bench,
    scratch: &'a Scratch,
    cores: Option<(usize, usize)>,
}

impl Block<'_> {
    /// The builds to run, in turns first.
    fn builds(&self, block: u32) -> Vec<&'static str> {
        let mut builds = vec![SWITCH];
        if self.arguments.against.is_some() {
            builds.insert(usize::from(block.is_multiple_of(2)), AGAINST);
        }
        if self.arguments.publish {
            builds.insert(usize::from(block.is_multiple_of(2)), PUBLISHING);
        }
        builds
    }

    fn program(&self, target: &'static str) -> Result<(PathBuf, u16), Failure> {
        Ok(match &self.arguments.against {
            Some(program) if target == AGAINST => (program.clone(), self.arguments.against_shards),
            Some(_) | None => (Launch::sibling_program()?, self.arguments.shards),
        })
    }

    fn switch(
        &self,
        block: u32,
        cell: (u32, u32),
        target: &'static str,
    ) -> Result<Sample, Failure> {
        let (program, shards) = self.program(target)?;
        let core = self.cores.map(|(target, _)| target);
        let text = configuration(
            shards,
            core.filter(|_| shards == 1),
            &self.scratch.tail_line(),
        );
        let file = self.scratch.folder().join("bench.toml");
        fs::write(&file, &text).map_err(Failure::file("write the switch's configuration"))?;
        let configuration = Configuration::from_text("bench.toml", &text)
            .map_err(|diagnostics| Failure::Configuration(diagnostics.to_string()))?;
        let data = self
            .scratch
            .folder()
            .join(format!("data-{block}-{}", name(cell)));
        let launch = Launch {
            program,
            configuration: Some(file),
            data: data.clone(),
            folder: self.scratch.folder().to_owned(),
        };
        let running = launch.start()?;
        let piece = self.piece(cell);
        let cast = play::cast(&configuration, &running.ready, &piece)?;
        let mix = Mix::new(SEED, cast.lanes().to_vec(), &PLAIN);
        let course = self.course(&cast, &piece, cell, running.ready.pid);
        let publishing = match &running.ready.socket {
            Some(socket) if target == PUBLISHING => Some(Publishing::start(socket, "wallet")?),
            Some(_) | None => None,
        };
        let played = play::play(&cast, &mix, &piece, &course, Watch::nobody())?;
        let publications = publishing.map(Publishing::stop).transpose()?;
        running.stop()?;
        let (report, _) = played.report(&cast, &course, SEED, "memory", &Journal::NotRead);
        fs::remove_dir_all(&data).map_err(Failure::file("remove the journal"))?;
        let mut sample = Sample::new(block, cell, target, &report);
        sample.publications = publications;
        Ok(sample)
    }

    fn proxy(&self, block: u32, cell: (u32, u32)) -> Result<Sample, Failure> {
        let configuration = Configuration::from_text("bench.toml", &configuration(1, None, ""))
            .map_err(|diagnostics| Failure::Configuration(diagnostics.to_string()))?;
        let piece = self.piece(cell);
        let cast = play::cast(&configuration, &Ready::nowhere(), &piece)?;
        let mix = Mix::new(SEED, cast.lanes().to_vec(), &PLAIN);
        let lane = *cast.lane(0);
        let (links, window) = cell;
        let payments =
            usize::try_from(PER_SECOND_MAX * (self.arguments.duration + 1)).unwrap_or(usize::MAX);
        let sizes = Sizes {
            links: 2 * links,
            open_max: links.saturating_mul(window),
            payments,
        };
        let mut stage = Stage::new(&cast, &mix, sizes, Idle::Park)?;
        let backend = stage.host(lane.destination)?;
        let proxy = Proxy::start(
            self.scratch.folder(),
            backend,
            self.cores.map(|(target, _)| target),
        )?;
        stage.dial_unsigned(proxy.address, lane.originator, links)?;
        let course = self.course(&cast, &piece, cell, proxy.pid());
        let driven = drive(&mut stage, &course, &mut |_| {})?;
        let (judge, record, tally) = stage.floor.into_judge();
        let played = play::Played {
            judge,
            record,
            tally,
            driven,
            samples: Vec::new(),
        };
        let (report, _) = played.report(&cast, &course, SEED, "none", &Journal::NotRead);
        Ok(Sample::new(block, cell, "haproxy", &report))
    }

    fn piece(&self, (links, _): (u32, u32)) -> Piece {
        Piece {
            protocols: vec![Protocol::Sbe],
            presentations: vec![Presentation::Cpm],
            links,
            destination_links: self.arguments.destination_links,
            core: None,
            spin: false,
        }
    }

    fn course(&self, cast: &Cast, piece: &Piece, (_, window): (u32, u32), pid: u32) -> Course {
        Course {
            pace: Pace::Window(play::window(cast, piece, window)),
            warm_up_ms: 1_000,
            duration_ms: self.arguments.duration * 1_000,
            settle_seconds: 20,
            pid: Some(pid),
            seed: SEED,
        }
    }

    fn tell(&self, runs: &[Sample]) {
        let Some(run) = runs.last().filter(|_| !self.arguments.json) else {
            return;
        };
        println!(
            "block {} {:>9} {:<8} {:>10.0} payments/s  {} us CPU a payment (shards {}, \
             generator {})  p50 {} us{}{}{}",
            run.block,
            run.cell,
            run.target,
            run.payments_per_second,
            shown(run.target_cpu_us_per_payment),
            shown(run.shards_cpu_us_per_payment),
            shown(run.generator_cpu_us_per_payment),
            shown(run.p50_us),
            if run.payments_refused > 0 {
                "  SHED: not at its limit"
            } else {
                ""
            },
            run.elsewhere
                .filter(|_| run.is_disturbed(self.arguments.disturbed_percent))
                .map_or_else(String::new, |it| format!(
                    "  DISTURBED: {:.0} % stolen, {:.0} % others",
                    it.stolen_percent, it.others_percent
                )),
            if run.verdict.holds {
                ""
            } else {
                "  PROMISES WERE BROKEN"
            },
        );
    }
}

impl Sample {
    fn new(block: u32, cell: (u32, u32), target: &'static str, report: &Report) -> Self {
        Self {
            block,
            cell: name(cell),
            target,
            payments_per_second: report.payments_per_second,
            payments_refused: report.payments_refused,
            target_cpu_us_per_payment: report.cpu.switch_us_per_payment,
            shards_cpu_us_per_payment: report.cpu.shards_us_per_payment,
            generator_cpu_us_per_payment: report.cpu.generator_us_per_payment,
            p50_us: report.latency.response.p50_us,
            p99_us: report.latency.response.p99_us,
            publications: None,
            elsewhere: report.cpu.elsewhere,
            verdict: report.verdict.clone(),
        }
    }

    /// Whether more of the machine's time than this went to others. Where the kernel does not say,
    /// nothing is known against the run.
    fn is_disturbed(&self, percent_max: f64) -> bool {
        self.elsewhere.is_some_and(|it| it.percent() > percent_max)
    }
}

fn row(cell: &str, runs: &[Sample], disturbed_percent: f64) -> CellRow {
    let all: Vec<&Sample> = runs.iter().filter(|run| run.cell == cell).collect();
    let quiet = |run: &&Sample| !run.is_disturbed(disturbed_percent);
    let undisturbed: Vec<&Sample> = all.iter().copied().filter(quiet).collect();
    let counted = if undisturbed.is_empty() {
        &all
    } else {
        &undisturbed
    };
    let of = |target: &'static str| {
        let runs = counted.iter().copied();
        runs.filter(move |run| run.target == target)
    };
    let against = |cpu: fn(&Sample) -> Option<f64>| {
        let pair = |run: &Sample| {
            let other = of(AGAINST).find(|other| other.block == run.block)?;
            Some(cpu(run)? / cpu(other)?)
        };
        pairs::ratio(&of(SWITCH).filter_map(pair).collect::<Vec<f64>>())
    };
    let publishing = |value: fn(&Sample) -> Option<f64>| {
        let pair = |run: &Sample| {
            let other = of(SWITCH).find(|other| other.block == run.block)?;
            Some(value(run)? / value(other)?)
        };
        pairs::ratio(&of(PUBLISHING).filter_map(pair).collect::<Vec<f64>>())
    };
    let speed = |target| {
        median(
            &of(target)
                .map(|run| run.payments_per_second)
                .collect::<Vec<f64>>(),
        )
    };
    let cpu = |target| {
        let values = of(target).filter_map(|run| run.target_cpu_us_per_payment);
        median(&values.collect::<Vec<f64>>())
    };
    let ratio = |one: Option<f64>, other: Option<f64>| Some(one? / other?);
    CellRow {
        cell: cell.to_owned(),
        runs: all.len(),
        runs_undisturbed: undisturbed.len(),
        switch_payments_per_second: speed(SWITCH),
        proxy_payments_per_second: speed("haproxy"),
        throughput_ratio: ratio(speed(SWITCH), speed("haproxy")),
        cpu_ratio: ratio(cpu(SWITCH), cpu("haproxy")),
        cpu_against: against(|run| run.target_cpu_us_per_payment),
        shards_cpu_against: against(|run| run.shards_cpu_us_per_payment),
        publishing_throughput: publishing(|run| Some(run.payments_per_second)),
        publishing_p99: publishing(|run| run.p99_us),
        publications: all.iter().filter_map(|run| run.publications).sum(),
    }
}

fn print_row(row: &CellRow) {
    let whole =
        |value: Option<f64>| value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.0}"));
    println!(
        "median {:>9}: switch {} payments/s, haproxy {} payments/s, ratio {} (CPU {}){}",
        row.cell,
        whole(row.switch_payments_per_second),
        whole(row.proxy_payments_per_second),
        shown(row.throughput_ratio),
        shown(row.cpu_ratio),
        match row.runs_undisturbed {
            0 => ", and every run was disturbed".to_owned(),
            quiet if quiet < row.runs => format!(", of {quiet} undisturbed runs of {}", row.runs),
            _ => String::new(),
        },
    );
    print_against("CPU per payment", row.cpu_against);
    print_against("of it, the shards'", row.shards_cpu_against);
    if row.publications > 0 {
        println!("{} publications of tables", row.publications);
    }
    print_publishing("payments a second", row.publishing_throughput);
    print_publishing("p99 of the response", row.publishing_p99);
}

fn print_against(what: &str, ratio: Option<Ratio>) {
    print_ratio(what, "against the other build", ratio);
}

fn print_publishing(what: &str, ratio: Option<Ratio>) {
    print_ratio(what, "while tables are published", ratio);
}

fn print_ratio(what: &str, when: &str, ratio: Option<Ratio>) {
    if let Some(against) = ratio {
        let interval = against.interval.map_or_else(
            || "no interval of fewer than six".to_owned(),
            |it| {
                format!(
                    "{:.3} to {:.3} at {:.1} %",
                    it.low,
                    it.high,
                    100.0 * it.confidence
                )
            },
        );
        println!(
            "{what} {when}: median ratio {:.3} of {} pairs, {interval}",
            against.median, against.pairs,
        );
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.2}"))
}

fn name((links, window): (u32, u32)) -> String {
    format!("{links}x{window}")
}

/// One acquirer, one wallet, SBE, and bounds that saturation does not reach.
fn configuration(shards: u16, core: Option<usize>, tail_line: &str) -> String {
    let cores = core.map_or_else(String::new, |core| core.to_string());
    format!(
        r#"
[shard]
count = {shards}
cores = [{cores}]

[journal]
commit = "memory"
tail_bytes = "256 MiB"
segment_bytes = "256 MiB"
bytes_max = "32 GiB"
{tail_line}
[limits]
links_max = 8192
in_flight_max = 16384
remembered_keys_max = {KEYS_MAX}

[admin]
address = "127.0.0.1:0"

[[listeners]]
name = "sbe"
protocol = "sbe"
address = "127.0.0.1:0"

[[participants]]
name = "wallet"
institution = 45800001
role = "wallet"
country = "MY"
currency = "MYR"
protocol = "sbe"
code_prefixes = ["281045"]
window_in = 16384
window_out = 16384

[[participants]]
name = "acquirer"
institution = 15600021
role = "acquirer"
country = "CN"
currency = "CNY"
protocol = "sbe"
window_in = 16384
window_out = 16384
"#
    )
}

/// PERFORMANCE's cells: few links with deep windows, many links with shallow ones.
const CELLS: [(u32, u32); 2] = [(4, 256), (64, 16)];
const SEED: u64 = 1;
const PER_SECOND_MAX: u64 = 3_000_000;
/// More payments than one run sends.
const KEYS_MAX: u32 = 8_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_one_that_the_switch_takes() {
        for (shards, core) in [(1, None), (1, Some(0)), (2, None)] {
            let text = configuration(shards, core, "tail_dir = \"/dev/shm\"\n");
            Configuration::from_text("bench", &text).unwrap();
        }
    }

    fn sample(block: u32, speed: f64, stolen_percent: f64) -> Sample {
        Sample {
            block,
            cell: name(CELLS[0]),
            target: SWITCH,
            payments_per_second: speed,
            payments_refused: 0,
            target_cpu_us_per_payment: None,
            shards_cpu_us_per_payment: None,
            generator_cpu_us_per_payment: None,
            p50_us: None,
            p99_us: None,
            publications: None,
            elsewhere: Some(Elsewhere {
                stolen_percent,
                others_percent: 1.0,
            }),
            verdict: VerdictReport::default(),
        }
    }

    #[test]
    fn runs_that_had_not_the_machine_for_themselves_are_not_in_the_median() {
        let of = |stolen: [f64; 3]| {
            let speeds = [300.0, 100.0, 200.0];
            let runs: Vec<Sample> = (1..)
                .zip(speeds.into_iter().zip(stolen))
                .map(|(block, (speed, stolen))| sample(block, speed, stolen))
                .collect();
            let row = row(&name(CELLS[0]), &runs, 5.0);
            (row.runs_undisturbed, row.switch_payments_per_second)
        };
        assert_eq!(of([0.0, 0.0, 4.0]), (3, Some(200.0)));
        assert_eq!(of([0.0, 4.1, 4.0]), (2, Some(250.0)));
        assert_eq!(of([9.0, 9.0, 9.0]), (0, Some(200.0)), "all, and it is said");
    }
}

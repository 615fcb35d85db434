//! The words of the command line. Other programs rely on them: add, never rename.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;

use crate::cli::compare::Compare;
use crate::cli::crash::kinds::Kind;
use crate::cli::find_max::FindMax;
use crate::cli::planning::Planning;
use crate::cli::profile::Profiles;
use crate::cli::self_test::SelfTest;

const EXIT_CODES: &str = "\
Exit codes:
  0  good: every promise held, every service level that was asked for was met
  1  a service level was missed
  2  a promise was broken (also: the command line is wrong)
  3  the generator was the bottleneck: its numbers are its own
  4  the machine or the switch did not let it (not built, not ready, port, core, io_uring)";

/// Plays every wallet and acquirer of a switch, measures, and judges.
///
/// The judge compares both parties' own ledgers with each other and with the switch's journal.
#[derive(Parser, Debug)]
#[command(name = "cpg-loadgen", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Start a switch on the sandbox, do business through it, judge, and stop it
    Demo(Demo),
    /// Load a switch that is already running
    Run(Run),
    /// Kill the switch in the middle of its work, again and again, and see what is lost
    Crash(Crash),
    /// Do what the emergency page says on a sandbox, and see what participants see
    Drill(Drill),
    /// The switch and a proxy that reads nothing, in turns: what a switch costs
    Bench(Bench),
    /// The highest rates at which the switch loses nothing, and keeps a service level
    FindMax(FindMax),
    /// Two sets of reports, or two builds of the switch in turns: which is better, if either is
    Compare(Compare),
    /// Which profiles there are, what they say, and whether a file is one
    Profile {
        #[command(subcommand)]
        what: Profiles,
    },
    /// Whether this program measures right, on this machine, now
    SelfTest(SelfTest),
    /// Print a completion script for your shell
    Completions {
        /// Which
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Start a switch on the sandbox, do business through it, judge, and stop it.
///
/// Four wallets and three acquirers in all protocols and both presentations, open loop, with
/// declines, repeats, conflicts, inquiries, reversals and destinations that do not answer.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen demo
  cpg-loadgen demo --profile everyday --duration 5
  cpg-loadgen demo --duration 60 --rate 50000 --json | jq .latency")]
pub(crate) struct Demo {
    /// Seconds to measure [default: 10, or as long as the profile]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) duration: Option<u64>,
    /// Payments a second [default: 20000; in a debug build 2000; of a profile, the highest rate]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rate: Option<u64>,
    #[command(flatten)]
    pub(crate) planning: Planning,
    /// When a payment counts as committed
    #[arg(long, value_enum, default_value_t = Commit::Disk)]
    pub(crate) commit: Commit,
    /// Shards of the switch
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
    /// Makes the same traffic again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) told: Told,
}

/// Load a switch that is already running, and judge it.
///
/// An open loop by default: payments have intended instants, and response times count from those.
/// `--closed` keeps a window full on every link instead and finds the highest throughput.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen run --ready-file ready.json --rate 50000 --links 4
  cpg-loadgen run --ready-file ready.json --rate 10000 --poisson --protocol iso8583-ascii
  cpg-loadgen run --ready-file ready.json --closed --plain --protocol sbe --presentation cpm \\
      --links 4 --window 256 --core 1 --spin")]
pub(crate) struct Run {
    /// Written by `cpg-switch run --ready-file`
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: PathBuf,
    /// The switch's configuration [default: the sandbox]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seconds to measure [default: 10, or as long as the profile]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) duration: Option<u64>,
    /// Seconds before that, judged but not measured
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(crate) warm_up: u64,
    /// Payments a second; 0 is `--closed` [default: 10000; of a profile, its own rates]
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    pub(crate) rate: Option<u64>,
    #[command(flatten)]
    pub(crate) planning: Planning,
    /// Exponential intervals instead of equal ones
    #[arg(long, conflicts_with = "profile")]
    pub(crate) poisson: bool,
    /// Closed loop: saturation
    #[arg(long, conflicts_with = "profile")]
    pub(crate) closed: bool,
    /// Links of each participant that sends payments [default: 2, or what the profile says]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) links: Option<u32>,
    /// Links of each participant that only answers [default: as --links, 8 at most]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) destination_links: Option<u32>,
    /// Payments in flight on each sending link of a closed loop
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) window: u32,
    /// Only participants that speak these
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "profile")]
    pub(crate) protocol: Vec<Speaks>,
    /// Only payments of this presentation
    #[arg(long, value_enum, conflicts_with = "profile")]
    pub(crate) presentation: Option<Shown>,
    /// Payments that are approved and nothing else
    #[arg(long)]
    pub(crate) plain: bool,
    /// Pin the generator to this core
    #[arg(long)]
    pub(crate) core: Option<usize>,
    /// Poll instead of sleeping: a whole core for steadier instants
    #[arg(long)]
    pub(crate) spin: bool,
    /// Do not read the journal
    #[arg(long)]
    pub(crate) no_journal: bool,
    /// Write the participants' own books here, as `cpg-switch audit --ledger` reads them
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Makes the same traffic again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) told: Told,
}

/// What people and other programs are told.
#[derive(Args, Debug)]
pub(crate) struct Told {
    /// Write report.json, report.html, histograms, junit.xml and summary.md into this new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Service levels to hold the run against (TOML); exit code 1 where one is missed
    #[arg(long, value_name = "FILE")]
    pub(crate) slo: Option<PathBuf>,
    /// Show nothing while it runs
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Strike the switch in the middle of its work, again and again, and see what is lost.
///
/// Each round loads the switch, strikes it, starts it again on the same data, repeats what was not
/// answered under the same keys, and waits until every payment has its outcome. After the rounds of
/// a journal the ledgers of all participants must agree, with each other and with it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen crash --rounds 20
  cpg-loadgen crash --rounds 20 --commit memory
  cpg-loadgen crash --rounds 200 --faults all --shards 2
  cpg-loadgen crash --rounds 100 --faults points,power --json | jq .kinds")]
pub(crate) struct Crash {
    /// How often
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: u32,
    /// What goes wrong: the kinds take turns
    #[arg(long, value_enum, value_delimiter = ',', default_value = "kill")]
    pub(crate) faults: Vec<Faults>,
    /// Rounds until a fresh journal is begun
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) per_journal: u32,
    /// When a payment counts as committed
    #[arg(long, value_enum, default_value_t = Commit::Disk)]
    pub(crate) commit: Commit,
    /// Shards of the switch
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
    /// Payments in flight
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(200..=1_024))]
    pub(crate) window: u32,
    /// Makes the same traffic again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Do what the emergency page says on a sandbox, and see what participants see.
///
/// Starts a switch in a temporary folder, suspends, stops, kills, starts again and drains it with
/// the commands of `tuning/EMERGENCY.md`, with payments of two wallets in between. Touches nothing
/// else.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen drill
  cpg-loadgen drill --shards 2")]
pub(crate) struct Drill {
    /// Shards of the switch
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
}

/// One kind of fault, or all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Faults {
    /// Each kind in its turn.
    All,
    /// This one.
    One(Kind),
}

impl Faults {
    /// Which.
    pub(crate) fn kinds(self) -> Vec<Kind> {
        match self {
            Self::All => Kind::all(),
            Self::One(kind) => vec![kind],
        }
    }
}

impl ValueEnum for Faults {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: &[Faults] = &{
            use Kind::{
                Clock, Full, IoError, Kill, NoSpace, Points, Power, Restart, Stop, TornHeader,
            };
            [
                Faults::One(Kill),
                Faults::One(Points),
                Faults::One(Power),
                Faults::One(TornHeader),
                Faults::One(IoError),
                Faults::One(NoSpace),
                Faults::One(Full),
                Faults::One(Stop),
                Faults::One(Clock),
                Faults::One(Restart),
                Faults::All,
            ]
        };
        ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::All => Some(PossibleValue::new("all").help("Each kind in its turn")),
            Self::One(kind) => kind.to_possible_value(),
        }
    }
}

/// The switch and a proxy that reads nothing, in turns: what a switch costs.
///
/// Saturation over loopback TCP, SBE, commit mode memory. The switch and HAProxy (in TCP mode) run
/// one after the other in each block, on the same core, with the same generator on another one.
/// Every run is printed; compare only runs of one block, and quote ratios. The journal is below
/// TMPDIR: on a virtual machine, a disk's work is taken from the cores, and tmpfs leaves it out.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-loadgen bench
  TMPDIR=/dev/shm cpg-loadgen bench --blocks 5
  cpg-loadgen bench --blocks 5 --duration 5 --cell 4x256 --cell 64x16 --json")]
pub(crate) struct Bench {
    /// How often each is run
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) blocks: u32,
    /// Seconds of each run
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) duration: u64,
    /// Links of the acquirer and payments in flight on each [default: 4x256 and 64x16]
    #[arg(long, value_name = "LINKSxWINDOW", value_parser = cell)]
    pub(crate) cell: Vec<(u32, u32)>,
    /// Links of the wallet to the switch
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) destination_links: u32,
    /// Shards of the switch; more than one are not pinned
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) shards: u16,
    /// Another build of the switch, run beside this one in every block: their CPU per payment is
    /// compared pair by pair (six blocks at least for an interval)
    #[arg(long, value_name = "PROGRAM", conflicts_with = "no_switch")]
    pub(crate) against: Option<PathBuf>,
    /// Shards of that one
    #[arg(long, requires = "against", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) against_shards: u16,
    /// This build once more in every block, with tables published one after the other meanwhile
    #[arg(long, conflicts_with = "no_switch")]
    pub(crate) publish: bool,
    /// A run counts as disturbed, and not in the medians, where more of the machine's time than
    /// this was stolen by its host or used by others; writing the journal back is a few of them
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub(crate) disturbed_percent: f64,
    /// Only the switch
    #[arg(long)]
    pub(crate) no_proxy: bool,
    /// Only the proxy: what the generator itself can do
    #[arg(long, conflicts_with = "no_proxy")]
    pub(crate) no_switch: bool,
    /// Print all runs as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `4x256`: four links, 256 payments in flight on each.
fn cell(text: &str) -> Result<(u32, u32), String> {
    let bad = || format!("{text} is not LINKSxWINDOW, such as 4x256");
    let (links, window) = text.split_once('x').ok_or_else(bad)?;
    let number = |text: &str| {
        text.parse()
            .ok()
            .filter(|number| (1..=65_536).contains(number))
    };
    Ok((
        number(links).ok_or_else(bad)?,
        number(window).ok_or_else(bad)?,
    ))
}

/// Commit modes, as the switch's configuration names them.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum Commit {
    /// Survives the loss of power
    Disk,
    /// Survives kill -9
    Memory,
}

impl Commit {
    /// The word in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }
}

/// Protocols, as the switch's configuration names them.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum Speaks {
    Sbe,
    #[value(name = "iso8583-ascii")]
    Ascii,
    #[value(name = "iso8583-binary")]
    Binary,
}

impl From<Speaks> for Protocol {
    fn from(speaks: Speaks) -> Self {
        match speaks {
            Speaks::Sbe => Self::Sbe,
            Speaks::Ascii => Self::Iso8583Ascii,
            Speaks::Binary => Self::Iso8583Binary,
        }
    }
}

/// Who shows the code.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum Shown {
    /// The payer: acquirers send
    Cpm,
    /// The merchant: wallets send
    Mpm,
}

impl From<Shown> for Presentation {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Cpm => Self::Cpm,
            Shown::Mpm => Self::Mpm,
        }
    }
}

//! `run`: load on a switch that somebody else started.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::participant::Protocol;

use crate::cast::Cast;
use crate::cli::arguments::Run;
use crate::cli::exit::{Exit, Failure};
use crate::cli::outputs::Outputs;
use crate::drive::{Course, Pace};
use crate::environment::Environment;
use crate::judge::journal::Journal;
use crate::mix::{EVERYDAY, Mix, PLAIN};
use crate::plan::Spacing;
use crate::plan::design::Design;
use crate::play::{self, Piece, Played};
use crate::players;
use crate::profile::Stretching;
use crate::report::Setup;
use crate::target::Ready;
use crate::watch::Watch;

pub(super) fn execute(arguments: &Run) -> Result<Exit, Failure> {
    let ready = Ready::read(&arguments.ready_file)?;
    let configuration = match &arguments.config {
        Some(path) => {
            Configuration::load(path).map_err(|error| Failure::Configuration(error.to_string()))?
        }
        None => Configuration::sandbox(),
    };
    let Prepared {
        cast,
        mix,
        piece,
        course,
        design,
    } = prepare(arguments, &configuration, &ready)?;
    let watch = Watch::of(&ready, arguments.told.json || arguments.told.quiet);
    let outputs = Outputs::new(&arguments.told, &cast)?;
    let played = play::play_by(&cast, &mix, &piece, &course, design, watch)?;
    if let Some(path) = &arguments.ledger {
        write_ledger(path, &played, &cast)?;
    }
    let journal = if arguments.no_journal {
        Journal::NotRead
    } else {
        Journal::read(&ready.data, &cast)
    };
    let seed = arguments.seed;
    let (mut report, record) = played.report(&cast, &course, seed, &ready.commit, &journal);
    report.setup = Some(Setup::of(&piece));
    report.environment = Environment::here(Some(&ready.data));
    outputs.finish(report, &record)
}

/// Who plays, what, and when. A closed loop has no design.
#[derive(Debug)]
struct Prepared {
    cast: Cast,
    mix: Mix,
    piece: Piece,
    course: Course,
    design: Option<Design>,
}

fn prepare(
    arguments: &Run,
    configuration: &Configuration,
    ready: &Ready,
) -> Result<Prepared, Failure> {
    let planning = &arguments.planning;
    let course = Course {
        pace: Pace::Rate(RATE, Spacing::Constant),
        warm_up_ms: arguments.warm_up * 1_000,
        duration_ms: arguments.duration.unwrap_or(SECONDS) * 1_000,
        settle_seconds: SETTLE_SECONDS,
        pid: Some(ready.pid),
        seed: arguments.seed,
    };
    if let Some(profile) = planning.profile()? {
        let by = Stretching {
            peak_milli: arguments.rate.map(|rate| rate * 1_000),
            scale_millionths: planning.scale,
            duration_ms: arguments.duration.map(|seconds| seconds * 1_000),
            warm_up_ms: course.warm_up_ms,
        };
        let plain = arguments.plain;
        let prepared = planning.prepare(&profile, configuration, ready, &by, course, plain)?;
        let links = arguments.links.unwrap_or(prepared.piece.links);
        return Ok(Prepared {
            piece: Piece {
                links,
                destination_links: arguments.destination_links.unwrap_or(links.min(8)),
                core: arguments.core,
                spin: arguments.spin,
                ..prepared.piece
            },
            cast: prepared.cast,
            mix: prepared.mix,
            course: prepared.course,
            design: Some(prepared.design),
        });
    }
    let piece = piece(arguments);
    let cast = play::cast(configuration, ready, &piece)?;
    let shares = if arguments.plain {
        PLAIN.as_slice()
    } else {
        EVERYDAY.as_slice()
    };
    let mix = Mix::new(arguments.seed, cast.lanes().to_vec(), shares);
    let spacing = if arguments.poisson {
        Spacing::Poisson
    } else {
        Spacing::Constant
    };
    let pace = match arguments.rate.unwrap_or(RATE) {
        rate if rate > 0 && !arguments.closed => Pace::Rate(rate, spacing),
        _ => Pace::Window(play::window(&cast, &piece, arguments.window)),
    };
    let course = Course { pace, ..course };
    let design = course.design().map(|design| planning.apply(design));
    Ok(Prepared {
        cast,
        mix,
        piece,
        course,
        design,
    })
}

fn piece(arguments: &Run) -> Piece {
    let links = arguments.links.unwrap_or(LINKS);
    let protocols: Vec<Protocol> = if arguments.protocol.is_empty() {
        Protocol::ALL.to_vec()
    } else {
        arguments
            .protocol
            .iter()
            .copied()
            .map(Protocol::from)
            .collect()
    };
    Piece {
        protocols,
        presentations: players::presentations(arguments.presentation.map(Into::into)),
        links,
        destination_links: arguments.destination_links.unwrap_or(links.min(8)),
        core: arguments.core,
        spin: arguments.spin,
    }
}

fn write_ledger(path: &Path, played: &Played, cast: &Cast) -> Result<(), Failure> {
    File::create(path)
        .and_then(|file| played.judge.write_ledger(cast, &mut BufWriter::new(file)))
        .map_err(|cause| Failure::File {
            doing: format!("write {}", path.display()),
            cause,
        })
}

/// Where neither the command line nor a profile says it.
const RATE: u64 = 10_000;
const SECONDS: u64 = 10;
const LINKS: u32 = 2;
/// As long as the longest `answer_timeout_ms` in use, and some repeats.
const SETTLE_SECONDS: u64 = 60;

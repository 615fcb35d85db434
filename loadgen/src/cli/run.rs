//! `run`: load on a switch that somebody else started.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::participant::Protocol;

use crate::cast::Cast;
use crate::cli::arguments::Run;
use crate::cli::exit::{Exit, Failure};
use crate::drive::{Course, Pace};
use crate::judge::journal::Journal;
use crate::mix::{EVERYDAY, Mix, PLAIN};
use crate::plan::Spacing;
use crate::play::{self, Piece, Played};
use crate::players;
use crate::report::progress::Line;
use crate::target::Ready;

pub(super) fn execute(arguments: &Run) -> Result<Exit, Failure> {
    let ready = Ready::read(&arguments.ready_file)?;
    let configuration = match &arguments.config {
        Some(path) => {
            Configuration::load(path).map_err(|error| Failure::Configuration(error.to_string()))?
        }
        None => Configuration::sandbox(),
    };
    let piece = piece(arguments);
    let cast = play::cast(&configuration, &ready, &piece)?;
    let shares = if arguments.plain {
        PLAIN.as_slice()
    } else {
        EVERYDAY.as_slice()
    };
    let mix = Mix::new(arguments.seed, cast.lanes().to_vec(), shares);
    let pace = if arguments.closed || arguments.rate == 0 {
        Pace::Window(play::window(&cast, &piece, arguments.window))
    } else if arguments.poisson {
        Pace::Rate(arguments.rate, Spacing::Poisson)
    } else {
        Pace::Rate(arguments.rate, Spacing::Constant)
    };
    let course = Course {
        pace,
        warm_up_ms: arguments.warm_up * 1_000,
        duration_ms: arguments.duration * 1_000,
        settle_seconds: SETTLE_SECONDS,
        pid: Some(ready.pid),
        seed: arguments.seed,
    };
    let line = Line::new(arguments.json);
    let played = play::play(&cast, &mix, &piece, &course, &line)?;
    if let Some(path) = &arguments.ledger {
        write_ledger(path, &played, &cast)?;
    }
    let journal = if arguments.no_journal {
        Journal::NotRead
    } else {
        Journal::read(&ready.data, &cast)
    };
    let report = played.report(&cast, &course, arguments.seed, &ready.commit, &journal);
    super::print(&report, arguments.json)?;
    Ok(match (report.verdict.holds, report.generator.valid) {
        (false, _) => Exit::Broken,
        (true, false) => Exit::Invalid,
        (true, true) => Exit::Good,
    })
}

fn piece(arguments: &Run) -> Piece {
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
        links: arguments.links,
        destination_links: arguments
            .destination_links
            .unwrap_or(arguments.links.min(8)),
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

/// As long as the longest `answer_timeout_ms` in use, and some repeats.
const SETTLE_SECONDS: u64 = 60;

//! `demo`: the whole house, once, in a fresh folder.

use std::fs;

use cpg_switch::control::configuration::{Configuration, SANDBOX};
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;

use crate::cli::arguments::{Commit, Demo};
use crate::cli::exit::{Exit, Failure};
use crate::cli::outputs::Outputs;
use crate::cli::planning::Prepared;
use crate::drive::{Course, Pace};
use crate::environment::Environment;
use crate::judge::journal::Journal;
use crate::mix::{EVERYDAY, Mix};
use crate::plan::Spacing;
use crate::play::{self, Piece};
use crate::profile::{Profile, Stretching};
use crate::report::Setup;
use crate::scratch::Scratch;
use crate::target::{Launch, Ready};
use crate::watch::Watch;

pub(super) fn execute(arguments: &Demo) -> Result<Exit, Failure> {
    let profile = arguments.planning.profile()?;
    let scratch = Scratch::new("demo")?;
    let (launch, configuration) = match &profile {
        None => launch(&scratch, arguments.commit, arguments.shards)?,
        Some(profile) => {
            let sandbox = sandbox(arguments.commit, arguments.shards, &scratch.tail_line());
            launch_text(&scratch, &profile.configuration(&sandbox))?
        }
    };
    let target = launch.start()?;
    let prepared = prepare(arguments, profile.as_ref(), &configuration, &target.ready)?;
    let Prepared {
        cast,
        mix,
        piece,
        course,
        design,
    } = prepared;
    let watch = Watch::of(&target.ready, arguments.told.json || arguments.told.quiet);
    let outputs = Outputs::new(&arguments.told, &cast)?;
    let commit = target.ready.commit.clone();
    let played = play::play_by(&cast, &mix, &piece, &course, Some(design), watch)?;
    target.stop()?;
    let journal = Journal::read(&launch.data, &cast);
    let (mut report, record) = played.report(&cast, &course, arguments.seed, &commit, &journal);
    report.setup = Some(Setup::of(&piece));
    report.environment = Environment::here(Some(&launch.data));
    let judged = arguments.told.slo.is_some() || report.generator.health.course.aborted;
    // How fast it went on this machine is nobody's promise, unless levels were asked for; that a
    // run was given up is.
    Ok(match outputs.finish(report, &record)? {
        Exit::Invalid if !judged => Exit::Good,
        exit => exit,
    })
}

fn prepare(
    arguments: &Demo,
    profile: Option<&Profile>,
    configuration: &Configuration,
    ready: &Ready,
) -> Result<Prepared, Failure> {
    let course = Course {
        pace: Pace::Rate(arguments.rate.unwrap_or(RATE), Spacing::Constant),
        warm_up_ms: WARM_UP_MS,
        duration_ms: arguments.duration.unwrap_or(SECONDS) * 1_000,
        settle_seconds: SETTLE_SECONDS,
        pid: Some(ready.pid),
        seed: arguments.seed,
    };
    let planning = &arguments.planning;
    if let Some(profile) = profile {
        let mut by = Stretching {
            peak_milli: arguments.rate.map(|rate| rate * 1_000),
            scale_millionths: planning.scale,
            duration_ms: arguments.duration.map(|seconds| seconds * 1_000),
            warm_up_ms: WARM_UP_MS,
        };
        if by.peak_milli.is_none() && by.scale_millionths.is_none() {
            by.peak_milli = profile.peak_milli().map(|peak| peak.min(RATE * 1_000));
        }
        return planning.prepare(profile, configuration, ready, &by, course, false);
    }
    let piece = sandbox_piece();
    let cast = play::cast(configuration, ready, &piece)?;
    let mix = Mix::new(arguments.seed, cast.lanes().to_vec(), &EVERYDAY);
    let design = course.design().expect("an open loop");
    Ok(Prepared {
        cast,
        mix,
        piece,
        course,
        design: planning.apply(design),
    })
}

/// A switch on the sandbox with this commit mode and number of shards, in the folders of `scratch`.
pub(super) fn launch(
    scratch: &Scratch,
    commit: Commit,
    shards: u16,
) -> Result<(Launch, Configuration), Failure> {
    launch_text(scratch, &sandbox(commit, shards, &scratch.tail_line()))
}

/// A switch with this configuration, in the folders of `scratch`.
pub(super) fn launch_text(
    scratch: &Scratch,
    text: &str,
) -> Result<(Launch, Configuration), Failure> {
    let folder = scratch.folder();
    let file = folder.join("sandbox.toml");
    fs::write(&file, text).map_err(Failure::file("write the switch's configuration"))?;
    let configuration = Configuration::from_text("sandbox.toml", text)
        .map_err(|diagnostics| Failure::Configuration(diagnostics.to_string()))?;
    let launch = Launch {
        program: Launch::sibling_program()?,
        configuration: Some(file),
        data: folder.join("data"),
        folder: folder.to_owned(),
    };
    Ok((launch, configuration))
}

/// Everybody in the sandbox.
pub(super) fn sandbox_piece() -> Piece {
    Piece {
        protocols: Protocol::ALL.to_vec(),
        presentations: Presentation::ALL.to_vec(),
        links: 2,
        destination_links: 2,
        core: None,
        spin: false,
    }
}

/// The embedded sandbox with another commit mode and number of shards, and another line in the
/// journal's section.
fn sandbox(commit: Commit, shards: u16, line: &str) -> String {
    let with = format!(
        "[shard]\ncount = {shards}\n\n[journal]\ncommit = \"{}\"\n{line}",
        commit.name()
    );
    let text = SANDBOX.replacen("[journal]\n", &with, 1);
    assert_ne!(text, SANDBOX, "the sandbox has a section for the journal");
    text
}

/// Modest: it must hold on any machine.
const RATE: u64 = if cfg!(debug_assertions) {
    2_000
} else {
    20_000
};
const SECONDS: u64 = 10;
const WARM_UP_MS: u64 = 500;
/// The sandbox answers 68 after five seconds and repeats what is not acknowledged after two.
const SETTLE_SECONDS: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use cpg_switch::journal::CommitMode;

    #[test]
    fn the_sandbox_takes_every_commit_mode() {
        for (commit, expected) in [
            (Commit::Disk, CommitMode::Disk),
            (Commit::Memory, CommitMode::Memory),
        ] {
            let configuration =
                Configuration::from_text("test", &sandbox(commit, 2, "tail_dir = \"/dev/shm\"\n"))
                    .unwrap();
            assert_eq!(
                (configuration.journal.commit, configuration.shards),
                (expected, 2)
            );
        }
    }
}

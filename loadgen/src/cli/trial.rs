//! One short run whose report another command uses: on a fresh switch of our own, or on one that
//! somebody else started.

use std::path::PathBuf;

use cpg_switch::control::configuration::Configuration;

use crate::cli::arguments::Commit;
use crate::cli::demo;
use crate::cli::exit::Failure;
use crate::drive::{Course, Pace};
use crate::environment::Environment;
use crate::judge::journal::Journal;
use crate::mix::{ANSWERED, Mix, PLAIN};
use crate::plan::Spacing;
use crate::play::{self, Piece};
use crate::record::Record;
use crate::report::{Report, Setup};
use crate::scratch::Scratch;
use crate::target::{Launch, Ready};
use crate::watch::Watch;

/// What is played: everyday traffic without destinations that keep silent, whose deadlines would
/// make each trial longer than itself.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// Payments a second.
    pub(super) rate: u64,
    /// Measured.
    pub(super) duration_ms: u64,
    pub(super) seed: u64,
    /// Payments that are approved and nothing else.
    pub(super) plain: bool,
    pub(super) piece: Piece,
}

/// A switch on the sandbox, made for each trial.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// The build; none: the one beside this program.
    pub(super) program: Option<PathBuf>,
    pub(super) commit: Commit,
    pub(super) shards: u16,
}

impl Own {
    /// Starts a switch, plays, stops it, and judges with its journal.
    pub(super) fn play(&self, trial: &Trial) -> Result<(Report, Record), Failure> {
        let scratch = Scratch::new("trial")?;
        let (launch, configuration) = demo::launch(&scratch, self.commit, self.shards)?;
        let launch = Launch {
            program: self.program.clone().unwrap_or(launch.program),
            ..launch
        };
        let target = launch.start()?;
        let ready = target.ready.clone();
        trial.play(&configuration, &ready, move || {
            target.stop()?;
            Ok(true)
        })
    }
}

impl Trial {
    /// Plays on a switch that is there. `stop` ends it, and says whether its journal is to be read.
    pub(super) fn play(
        &self,
        configuration: &Configuration,
        ready: &Ready,
        stop: impl FnOnce() -> Result<bool, Failure>,
    ) -> Result<(Report, Record), Failure> {
        let piece = &self.piece;
        let cast = play::cast(configuration, ready, piece)?;
        let shares = if self.plain {
            PLAIN.as_slice()
        } else {
            ANSWERED.as_slice()
        };
        let mix = Mix::new(self.seed, cast.lanes().to_vec(), shares);
        let course = Course {
            pace: Pace::Rate(self.rate, Spacing::Constant),
            warm_up_ms: WARM_UP_MS,
            duration_ms: self.duration_ms,
            settle_seconds: SETTLE_SECONDS,
            pid: Some(ready.pid),
            seed: self.seed,
        };
        let watch = Watch::of(ready, true);
        let played = play::play(&cast, &mix, piece, &course, watch)?;
        let journal = if stop()? {
            Journal::read(&ready.data, &cast)
        } else {
            Journal::NotRead
        };
        let (mut report, record) =
            played.report(&cast, &course, self.seed, &ready.commit, &journal);
        report.setup = Some(Setup::of(piece));
        report.environment = Environment::here(Some(&ready.data));
        Ok((report, record))
    }
}

const WARM_UP_MS: u64 = 500;
/// A switch beyond its limit needs its deadlines, and repeats.
const SETTLE_SECONDS: u64 = 30;

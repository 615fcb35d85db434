//! A whole run against a switch that is there: cast, stage, course, and what came of it.

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::cpu;
use cpg_switch::sys::machine::Idle;

use crate::cast::Cast;
use crate::cli::exit::Failure;
use crate::drive::{Course, Driven, Pace, drive};
use crate::judge::Judge;
use crate::judge::journal::Journal;
use crate::mix::Mix;
use crate::players::{self, PlayersError};
use crate::record::Record;
use crate::report::progress::Line;
use crate::report::{Counted, Material, Report};
use crate::send::{Sizes, Stage, Tally};
use crate::target::Ready;

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// What participants speak.
    pub(crate) protocols: Vec<Protocol>,
    /// Who shows the code.
    pub(crate) presentations: Vec<Presentation>,
    /// Links of each participant that originates.
    pub(crate) links: u32,
    /// Links of each that only answers.
    pub(crate) destination_links: u32,
    /// The core of the generator; none: not pinned.
    pub(crate) core: Option<usize>,
    /// Poll instead of sleeping.
    pub(crate) spin: bool,
}

/// What is left of a run once its links are closed.
#[derive(Debug)]
pub(crate) struct Played {
    /// Open books.
    pub(crate) judge: Judge,
    /// Histograms.
    pub(crate) record: Record,
    /// Counts.
    pub(crate) tally: Tally,
    /// What the run was.
    pub(crate) driven: Driven,
}

/// Finds the players of a running switch.
pub(crate) fn cast(
    configuration: &Configuration,
    ready: &Ready,
    piece: &Piece,
) -> Result<Cast, Failure> {
    let players = players::players(configuration, ready, &piece.protocols)?;
    let now = Clock.now().wall;
    let cast = Cast::new(players, &piece.presentations, now).ok_or(PlayersError::Nobody)?;
    Ok(cast)
}

/// A stage with every link signed on.
pub(crate) fn stage<'a>(
    cast: &'a Cast,
    mix: &'a Mix,
    piece: &Piece,
    open_max: u32,
    payments: usize,
) -> Result<Stage<'a>, Failure> {
    if let Some(core) = piece.core {
        cpu::pin_current_thread(core)?;
    }
    let links = links(cast, piece);
    let sizes = Sizes {
        links: links.iter().sum(),
        open_max,
        payments,
    };
    let idle = if piece.spin { Idle::Spin } else { Idle::Park };
    let mut stage = Stage::new(cast, mix, sizes, idle)?;
    stage.connect(&links)?;
    Ok(stage)
}

/// Links of each player.
pub(crate) fn links(cast: &Cast, piece: &Piece) -> Vec<u32> {
    let players = u8::try_from(cast.players().len()).expect("at most 255 players");
    let of = |player| {
        if cast.originates(player) {
            piece.links
        } else {
            piece.destination_links
        }
    };
    (0..players).map(of).collect()
}

/// Payments in flight of a closed loop: `window` on each link of an originator.
pub(crate) fn window(cast: &Cast, piece: &Piece, window: u32) -> u32 {
    let players = u8::try_from(cast.players().len()).expect("at most 255 players");
    let links = (0..players)
        .filter(|player| cast.originates(*player))
        .map(|_| piece.links);
    links.sum::<u32>().saturating_mul(window)
}

/// Plays `course`; the links are closed at its end.
pub(crate) fn play(
    cast: &Cast,
    mix: &Mix,
    piece: &Piece,
    course: &Course,
    line: &Line,
) -> Result<Played, Failure> {
    let (open_max, per_second) = match course.pace {
        Pace::Rate(rate, _) => (OPEN_MAX, rate),
        Pace::Window(window) => (window, CLOSED_PER_SECOND),
    };
    let ms = course.warm_up_ms + course.duration_ms;
    let payments = usize::try_from(per_second * ms / 1_000).unwrap_or(usize::MAX);
    let mut stage = stage(cast, mix, piece, open_max, payments)?;
    let driven = drive(&mut stage, course, &mut |progress| line.show(progress))?;
    line.end();
    let (judge, record, tally) = stage.floor.into_judge();
    Ok(Played {
        judge,
        record,
        tally,
        driven,
    })
}

impl Played {
    /// Closes the books and reports.
    pub(crate) fn report(
        self,
        cast: &Cast,
        course: &Course,
        seed: u64,
        commit: &str,
        journal: &Journal,
    ) -> Report {
        let counted = Counted::new(cast, &self.judge.originators);
        let verdict = self.judge.settle(cast, journal);
        let material = Material {
            cast,
            course,
            driven: &self.driven,
            record: &self.record,
            tally: &self.tally,
            commit,
        };
        Report::new(&material, seed, counted, &verdict)
    }
}

/// Requests of one participant in flight at once, in an open loop: more wait in the plan.
const OPEN_MAX: u32 = 32_768;
/// For how many payments a second of a closed loop memory is reserved; it is touched only when
/// used.
const CLOSED_PER_SECOND: u64 = 2_000_000;

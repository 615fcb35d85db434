//! A whole run against a switch that is there: cast, stage, course, and what came of it.

use cpg_switch::control::configuration::Configuration;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::Protocol;
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::cpu;
use cpg_switch::sys::machine::Idle;

use crate::cast::Cast;
use crate::cli::exit::Failure;
use crate::drive::{Course, Driven, Pace, drive_by};
use crate::judge::Judge;
use crate::judge::journal::Journal;
use crate::mix::Mix;
use crate::plan::design::{Design, IN_FLIGHT_MAX};
use crate::plan::faults::{FaultKind, PlannedFault};
use crate::players::{self, PlayersError};
use crate::profile::Profile;
use crate::record::Record;
use crate::relay::{self, Treatment};
use crate::report::{Counted, Material, Report};
use crate::send::{Sizes, Stage, Tally};
use crate::target::Ready;
use crate::watch::{Sample, Watch};

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
    /// Both processes, interval by interval.
    pub(crate) samples: Vec<Sample>,
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

/// The players of `profile`, its lanes, and what goes on them.
pub(crate) fn cast_of(
    profile: &Profile,
    configuration: &Configuration,
    ready: &Ready,
    seed: u64,
) -> Result<(Cast, Mix), Failure> {
    profile.found_in(configuration)?;
    let mut players = players::players(configuration, ready, &Protocol::ALL)?;
    players.retain(|player| profile.has(&player.name));
    for player in &mut players {
        player.links = profile.links_of(&player.name);
    }
    let (lanes, traffic) = profile.traffic(&players, seed);
    let mix = Mix::with(seed, lanes.clone(), traffic);
    let now = Clock.now().wall;
    let cast = Cast::with_lanes(lanes, players, now).ok_or(PlayersError::Nobody)?;
    Ok((cast, mix))
}

/// A stage with every link signed on.
pub(crate) fn stage<'a>(
    cast: &'a Cast,
    mix: &'a Mix,
    piece: &Piece,
    open_max: u32,
    payments: usize,
) -> Result<Stage<'a>, Failure> {
    stage_with(cast, mix, piece, (open_max, payments), &[])
}

/// As [`stage`]; the links of those who are to stall lead through relays.
fn stage_with<'a>(
    cast: &'a Cast,
    mix: &'a Mix,
    piece: &Piece,
    (open_max, payments): (u32, usize),
    faults: &[PlannedFault],
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
    for (player, who) in (0_u8..).zip(cast.players()) {
        let stalls =
            |it: &PlannedFault| it.kind == FaultKind::Stalled && it.participant == who.name;
        if faults.iter().any(stalls) {
            let treatment = Treatment {
                narrow: true,
                ..Treatment::default()
            };
            let stills = treatment.stills.clone();
            let address = relay::start(who.address, u32::MAX, treatment)
                .map_err(Failure::file("start a relay for a participant that stalls"))?;
            stage.floor.lead_through(player, address, stills);
        }
    }
    stage.connect(&links)?;
    Ok(stage)
}

/// Links of each player.
pub(crate) fn links(cast: &Cast, piece: &Piece) -> Vec<u32> {
    let players = u8::try_from(cast.players().len()).expect("at most 255 players");
    let of = |player| match cast.player(player).links {
        Some(links) => links,
        None if cast.originates(player) => piece.links,
        None => piece.destination_links,
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
    watch: Watch,
) -> Result<Played, Failure> {
    play_by(cast, mix, piece, course, course.design(), watch)
}

/// As [`play`], with an open loop by `design`.
pub(crate) fn play_by(
    cast: &Cast,
    mix: &Mix,
    piece: &Piece,
    course: &Course,
    design: Option<Design>,
    watch: Watch,
) -> Result<Played, Failure> {
    let ms = course.warm_up_ms + course.duration_ms;
    let (open_max, payments) = match (&design, course.pace) {
        (Some(design), _) => (design.in_flight_max, design.source.payments_at_most()),
        (None, Pace::Rate(rate, _)) => (IN_FLIGHT_MAX, rate * ms / 1_000),
        (None, Pace::Window(window)) => (window, CLOSED_PER_SECOND * ms / 1_000),
    };
    let payments = usize::try_from(payments).unwrap_or(usize::MAX);
    let faults = design.as_ref().map_or(&[][..], |design| &design.faults);
    let mut stage = stage_with(cast, mix, piece, (open_max, payments), faults)?;
    if watch.is_told() {
        stage.floor.record.be_watched();
    }
    let series = &mut stage.floor.record.series;
    series.prepare(course.duration_ms * 1_000_000);
    let watcher = watch.start(course.pid, series.interval_ns() / 1_000_000)?;
    let tell = &mut |progress| watcher.tell(progress);
    let driven = drive_by(&mut stage, course, design, tell)?;
    let samples = watcher.end();
    let (judge, record, tally) = stage.floor.into_judge();
    Ok(Played {
        judge,
        record,
        tally,
        driven,
        samples,
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
    ) -> (Report, Record) {
        let counted = Counted::new(cast, &self.judge.originators);
        let verdict = self.judge.settle(cast, journal);
        let material = Material {
            cast,
            course,
            driven: &self.driven,
            record: &self.record,
            tally: &self.tally,
            commit,
            samples: &self.samples,
        };
        let report = Report::new(&material, seed, counted, &verdict);
        (report, self.record)
    }
}

/// For how many payments a second of a closed loop memory is reserved; it is touched only when
/// used.
const CLOSED_PER_SECOND: u64 = 2_000_000;

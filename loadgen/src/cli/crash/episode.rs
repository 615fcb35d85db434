//! ONE JOURNAL, from an empty folder over its rounds to the verdict on it.
//!
//! ```text
//! [starts cut short] -> start -> load, strike, tamper, start, repeat what was lost -> ... -> judge
//! ```
//!
//! The players stay: their books know what was answered before each strike.

use cpg_switch::control::configuration::Configuration;
use cpg_switch::sys::clock::Clock;

use super::audit;
use super::kinds::{self, Kind, Round, Tampering};
use super::power::{self, Lost};
use super::report::{CrashReport, RoundReport};
use super::sandbox::{self, NARROW_BYTES, ROOMY_BYTES, SEGMENT_BYTES};
use super::strike::{Now, note_reached, wait_until_gone};
use super::window;
use crate::cast::Cast;
use crate::cli::arguments::{Commit, Crash};
use crate::cli::demo;
use crate::cli::exit::Failure;
use crate::judge::Judge;
use crate::judge::journal::Journal;
use crate::mix::random::Draw;
use crate::mix::{ANSWERED, Mix};
use crate::play::{self, Piece};
use crate::players;
use crate::scratch::Scratch;
use crate::send::Stage;
use crate::target::{Begun, Launch};

/// What stays the same from round to round.
pub(super) struct Episode<'a> {
    pub(super) arguments: &'a Crash,
    pub(super) kind: Kind,
    pub(super) launch: Launch,
    scratch: &'a Scratch,
    configuration: Configuration,
    piece: Piece,
}

/// What a start and the recovery after it came to.
struct Recovered {
    now: Now,
    /// None: it was struck again, or did not get there.
    ms: Option<u64>,
    sent_again: usize,
    asked_once_more: u32,
    advices: u64,
    overtaken: u64,
}

impl<'a> Episode<'a> {
    pub(super) fn new(
        arguments: &'a Crash,
        kind: Kind,
        scratch: &'a Scratch,
    ) -> Result<Self, Failure> {
        let bytes_max = if kind == Kind::Full {
            NARROW_BYTES
        } else {
            ROOMY_BYTES
        };
        let (commit, shards) = (arguments.commit, arguments.shards);
        let (launch, configuration) = sandbox::launch(scratch, commit, shards, bytes_max)?;
        Ok(Self {
            arguments,
            kind,
            launch,
            scratch,
            configuration,
            piece: demo::sandbox_piece(),
        })
    }

    /// All rounds, and the verdict, into `report`; each round is told by `tell`.
    pub(super) fn play(
        &self,
        rounds: &[Round],
        draw: &mut Draw,
        report: &mut CrashReport,
        tell: &mut dyn FnMut(&RoundReport),
    ) -> Result<(), Failure> {
        if self.kind == Kind::Points {
            self.walk(report)?;
        }
        let target = self.launch.start()?;
        let cast = play::cast(&self.configuration, &target.ready, &self.piece)?;
        // Destinations that say nothing would make every round wait for the deadline.
        let mix = Mix::new(draw.bits(), cast.lanes().to_vec(), &ANSWERED);
        let window = self.arguments.window;
        let mut stage = play::stage(&cast, &mix, &self.piece, window * 2, PAYMENTS)?;
        let mut now = Now::Up(target);
        if rounds.first().is_some_and(|round| round.fault.is_some()) {
            // Its fault is armed at a start, as all others are.
            now.stop()?;
            wait_until_gone(&mut stage)?;
            now = self.recover(&cast, &mut stage, rounds.first())?.now;
        }
        for (index, round) in rounds.iter().enumerate() {
            let struck = self.strike(&mut stage, now, round, report)?;
            if round.tampering == Tampering::Power && self.arguments.commit == Commit::Memory {
                return self.judge_window(struck, draw, report, tell);
            }
            let lost = self.tamper(round, draw)?;
            let recovered = self.recover(&cast, &mut stage, rounds.get(index + 1))?;
            now = recovered.now;
            let done = RoundReport {
                lost,
                sent_again: recovered.sent_again,
                asked_once_more: recovered.asked_once_more,
                advices: recovered.advices,
                overtaken: recovered.overtaken,
                recovered_ms: recovered.ms,
                ..struck
            };
            self.count(report, done, tell);
        }
        if !stage.floor.is_settled() {
            let name = self.kind.name();
            report.findings.push(format!(
                "{name}: {RECOVER_SECONDS} s after the last start not every outcome was known"
            ));
        }
        let (judge, ..) = stage.floor.into_judge();
        now.stop()?;
        self.judge(&cast, judge, report)
    }

    /// Starts on a folder that is new, each cut short a little later than the one before.
    fn walk(&self, report: &mut CrashReport) -> Result<(), Failure> {
        for entry in kinds::walk() {
            report.points_missed.insert(entry.name);
            match self
                .launch
                .start_with(&[format!("--fault={}", entry.name)])?
            {
                Begun::Up(target) => target.kill()?,
                Begun::Ended(ended) => {
                    note_reached(report, entry.name, &ended.said);
                    let kind = report.kinds.entry(self.kind.name()).or_default();
                    kind.starts_cut += 1;
                }
            }
        }
        Ok(())
    }

    /// Starts the switch with the fault of `next`, sends again what was lost, and waits until every
    /// outcome is known, or it is struck.
    fn recover(
        &self,
        cast: &Cast,
        stage: &mut Stage<'_>,
        next: Option<&Round>,
    ) -> Result<Recovered, Failure> {
        let fault = next.and_then(|round| round.fault.as_ref());
        let options: Vec<_> = fault
            .map(|fault| format!("--fault={fault}"))
            .into_iter()
            .collect();
        let sent_again = stage.floor.lost_count();
        let advices = stage.floor.tally.advices_seen;
        let overtaken = stage.floor.judge.originators.overtaken();
        let started = Clock.monotonic();
        let mut recovered = Recovered {
            now: Now::from(self.launch.start_with(&options)?),
            ms: None,
            sent_again,
            asked_once_more: 0,
            advices: 0,
            overtaken: 0,
        };
        let Now::Up(target) = &mut recovered.now else {
            return Ok(recovered);
        };
        let players = players::players(&self.configuration, &target.ready, &self.piece.protocols)?;
        stage
            .floor
            .move_to(players.iter().map(|player| player.address).collect());
        if let Err(error) = stage.connect(&play::links(cast, &self.piece)) {
            return match target.ended_within(ENDING_MS)? {
                Some(_) => Ok(recovered),
                None => Err(error.into()),
            };
        }
        stage.turn_until(RECOVER_SECONDS, |floor| {
            floor.links() == 0 || floor.send_lost_again()
        })?;
        if stage.floor.links() > 0 {
            recovered.asked_once_more = stage.floor.ask_once_more(ASKED_ONCE_MORE);
        }
        let settled = stage.turn_until(RECOVER_SECONDS, |floor| {
            floor.links() == 0 || floor.is_settled()
        })?;
        if settled && stage.floor.links() > 0 {
            recovered.ms = Some((Clock.monotonic().0 - started.0) / 1_000_000);
        }
        recovered.advices = stage.floor.tally.advices_seen - advices;
        recovered.overtaken = stage.floor.judge.originators.overtaken() - overtaken;
        Ok(recovered)
    }

    /// What happens to the files before the next start, and to the configuration.
    fn tamper(&self, round: &Round, draw: &mut Draw) -> Result<Lost, Failure> {
        if self.kind == Kind::Full {
            let (commit, shards) = (self.arguments.commit, self.arguments.shards);
            sandbox::launch(self.scratch, commit, shards, ROOMY_BYTES)?;
        }
        match round.tampering {
            Tampering::Nothing => Ok(Lost::default()),
            Tampering::TornHeader => {
                power::tear_headers(&self.launch.data, draw)?;
                Ok(Lost::default())
            }
            Tampering::Power => power::cut(&self.launch.data, SEGMENT_BYTES, draw),
        }
    }

    fn count(
        &self,
        report: &mut CrashReport,
        mut done: RoundReport,
        tell: &mut dyn FnMut(&RoundReport),
    ) {
        done.round = u32::try_from(report.rounds.len()).expect("few rounds") + 1;
        let kind = report.kinds.entry(self.kind.name()).or_default();
        kind.add_round(&done);
        tell(&done);
        report.rounds.push(done);
    }

    /// The power is cut in commit mode `memory`: what the journal had before and has after says
    /// whether more is gone than was told. What participants heard meanwhile may be in the window.
    fn judge_window(
        &self,
        struck: RoundReport,
        draw: &mut Draw,
        report: &mut CrashReport,
        tell: &mut dyn FnMut(&RoundReport),
    ) -> Result<(), Failure> {
        let window = window::cut_and_compare(&self.launch, draw)?;
        let lost = window.blocks;
        self.count(report, RoundReport { lost, ..struck }, tell);
        let kind = report.kinds.entry(self.kind.name()).or_default();
        kind.journals += 1;
        kind.records_in_window += window.records_in_window;
        kind.lost += window.records_before_it;
        report.findings.extend(window.finding);
        Ok(())
    }

    /// Everybody's books are compared: by us, and by the switch's own audit.
    fn judge(&self, cast: &Cast, judge: Judge, report: &mut CrashReport) -> Result<(), Failure> {
        let audited = audit::audit(&self.launch, self.kind, cast, &judge)?;
        let journal = Journal::read(&self.launch.data, cast);
        let unknown = journal.book().map(|book| book.unknowns());
        let verdict = judge.settle(cast, &journal);
        report.judge(self.kind, &verdict, unknown.unwrap_or_default());
        let kind = report.kinds.entry(self.kind.name()).or_default();
        kind.late += audited.late;
        report.findings.extend(audited.finding);
        Ok(())
    }
}

const RECOVER_SECONDS: u64 = 60;
/// A process that has lost all its links ends within this.
const ENDING_MS: u64 = 2_000;
const ASKED_ONCE_MORE: u32 = 200;
/// Reserved, not touched.
const PAYMENTS: usize = 1_000_000;

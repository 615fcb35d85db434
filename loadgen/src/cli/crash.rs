//! `crash`: the switch is killed in the middle of its work and started again on the same data.
//!
//! The generator stays: its books know what was answered before. Whoever was answered must find the
//! same afterwards, on both sides and in the journal; whoever was not asks again under the same
//! key.

use cpg_switch::control::configuration::Configuration;
use cpg_switch::sys::clock::Clock;
use serde::Serialize;

use crate::cast::Cast;
use crate::cli::arguments::Crash;
use crate::cli::demo;
use crate::cli::exit::{Exit, Failure};
use crate::judge::journal::Journal;
use crate::mix::random::Draw;
use crate::mix::{Fate, Mix};
use crate::plan::Plan;
use crate::play::{self, Piece};
use crate::players;
use crate::report::{VerdictReport, table};
use crate::scratch::Scratch;
use crate::send::Stage;
use crate::target::{Launch, Target};

/// What one round was.
#[derive(Clone, Copy, Debug, Serialize)]
struct Round {
    round: u32,
    /// Payments without an answer at the instant of the kill.
    in_flight: u32,
    /// Of these, the answer was on its way and was still read.
    answered_late: u32,
    /// Payments and reversals that were sent again.
    sent_again: usize,
    /// Answered payments that were asked for once more.
    asked_once_more: u32,
    /// Advices of outcomes after the restart.
    advices: u64,
    /// Answers 68 that came after the advice of the outcome, on another link.
    overtaken: u64,
    /// From the start of the process until every outcome was known.
    recovered_ms: u64,
}

/// All rounds.
#[derive(Debug, Serialize)]
struct CrashReport {
    commit: &'static str,
    seed: u64,
    rounds: Vec<Round>,
    verdict: VerdictReport,
}

pub(super) fn execute(arguments: &Crash) -> Result<Exit, Failure> {
    let scratch = Scratch::new("crash")?;
    let (launch, configuration) = demo::launch(&scratch, arguments.commit, arguments.shards)?;
    let mut target = launch.start()?;
    let piece = demo::sandbox_piece();
    let cast = play::cast(&configuration, &target.ready, &piece)?;
    let mix = Mix::new(arguments.seed, cast.lanes().to_vec(), &SHARES);
    let mut stage = play::stage(&cast, &mix, &piece, arguments.window * 2, PAYMENTS)?;
    let scene = Scene {
        launch: &launch,
        configuration: &configuration,
        cast: &cast,
        piece: &piece,
    };
    let mut draw = Draw::new(arguments.seed, KILL_STREAM);
    let mut rounds = Vec::new();
    for round in 1..=arguments.rounds {
        let (next, done) = scene.round(&mut stage, target, round, arguments.window, &mut draw)?;
        target = next;
        if !arguments.json {
            println!("{}", done.text());
        }
        rounds.push(done);
    }
    let (judge, ..) = stage.floor.into_judge();
    target.stop()?;
    let journal = Journal::read(&launch.data, &cast);
    let verdict = VerdictReport::of(&judge.settle(&cast, &journal));
    let exit = if verdict.holds {
        Exit::Good
    } else {
        Exit::Broken
    };
    if arguments.json {
        let commit = arguments.commit.name();
        let report = CrashReport {
            commit,
            seed: arguments.seed,
            rounds,
            verdict,
        };
        let text = serde_json::to_string_pretty(&report)
            .map_err(|cause| Failure::file("write the report")(cause.into()))?;
        println!("{text}");
    } else {
        print!("{}", table::verdict_text(&verdict));
    }
    Ok(exit)
}

/// What stays the same from round to round.
struct Scene<'a> {
    launch: &'a Launch,
    configuration: &'a Configuration,
    cast: &'a Cast,
    piece: &'a Piece,
}

impl Scene<'_> {
    fn round(
        &self,
        stage: &mut Stage<'_>,
        target: Target,
        round: u32,
        window: u32,
        draw: &mut Draw,
    ) -> Result<(Target, Round), Failure> {
        let now = Clock.monotonic();
        let kill_at = now.plus_ms(KILL_MS_MIN + u64::from(draw.below(KILL_MS_SPREAD)));
        let give_up = kill_at.plus_ms(KILL_MS_MAX);
        let mut plan = Plan::Closed {
            window,
            end_ns: u64::MAX,
        };
        while stage.floor.now() < kill_at || stage.floor.in_flight() < IN_FLIGHT_MIN {
            stage.turn(Some(&mut plan))?;
            if stage.floor.now() > give_up || stage.floor.links() == 0 {
                let why = "the switch never had 100 payments in flight, or ended by itself";
                return Err(Failure::Missing(why.to_owned()));
            }
        }
        let in_flight = stage.floor.in_flight();
        target.kill()?;
        // What had left the switch before it died is an answer, and binds it.
        stage.turn_until(RECOVER_SECONDS, |floor| {
            floor.forget_follow_ups();
            floor.links() == 0
        })?;
        let unanswered = stage.floor.lost_payments();
        let advices_before = stage.floor.tally.advices_seen;
        let overtaken_before = stage.floor.judge.originators.overtaken();
        let started = Clock.monotonic();
        let target = self.launch.start()?;
        let players = players::players(self.configuration, &target.ready, &self.piece.protocols)?;
        stage
            .floor
            .move_to(players.iter().map(|player| player.address).collect());
        stage.connect(&play::links(self.cast, self.piece))?;
        let sent_again = stage.floor.lost_count();
        stage.turn_until(RECOVER_SECONDS, |floor| floor.send_lost_again())?;
        let asked_once_more = stage.floor.ask_once_more(ASKED_ONCE_MORE);
        stage.turn_until(RECOVER_SECONDS, |floor| floor.is_settled())?;
        let recovered_ns = Clock.monotonic().0 - started.0;
        let done = Round {
            round,
            in_flight,
            answered_late: in_flight.saturating_sub(unanswered),
            sent_again,
            asked_once_more,
            advices: stage.floor.tally.advices_seen - advices_before,
            overtaken: stage.floor.judge.originators.overtaken() - overtaken_before,
            recovered_ms: recovered_ns / 1_000_000,
        };
        Ok((target, done))
    }
}

impl Round {
    fn text(&self) -> String {
        format!(
            "round {}: killed with {} payments in flight ({} answers were still read); \
             sent again {}, asked once more {}, advices {} ({} before the 68); \
             every outcome known after {} ms",
            self.round,
            self.in_flight,
            self.answered_late,
            self.sent_again,
            self.asked_once_more,
            self.advices,
            self.overtaken,
            self.recovered_ms,
        )
    }
}

/// Destinations that say nothing would make every round wait for the deadline.
const SHARES: [(Fate, u32); 7] = [
    (Fate::Decline, 200),
    (Fate::RepeatAtOnce, 50),
    (Fate::RepeatLater, 100),
    (Fate::Conflict, 50),
    (Fate::Inquire, 100),
    (Fate::ReverseByRequest, 50),
    (Fate::ReverseByAdvice, 50),
];
const IN_FLIGHT_MIN: u32 = 100;
const KILL_MS_MIN: u64 = 200;
const KILL_MS_SPREAD: u32 = 800;
const KILL_MS_MAX: u64 = 30_000;
const RECOVER_SECONDS: u64 = 60;
const ASKED_ONCE_MORE: u32 = 200;
/// Reserved, not touched.
const PAYMENTS: usize = 4_000_000;
/// No payment has this number.
const KILL_STREAM: u64 = u64::MAX - 2;

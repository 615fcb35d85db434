//! LOAD, AND THE STRIKE: the switch works until it is killed, or dies, or gives up, or was held for
//! a while; what it must do about each is checked here. Never looks into its files.

use std::os::unix::process::ExitStatusExt;

use cpg_switch::sys::clock::Clock;
use rustix::process::Signal;

use super::episode::Episode;
use super::kinds::{End, Kind, Round};
use super::report::{CrashReport, RoundReport};
use crate::cli::exit::Failure;
use crate::plan::Plan;
use crate::send::Stage;
use crate::target::{Begun, Ended, Target};

/// The switch, as far as we know.
pub(super) enum Now {
    /// It was started, and was ready.
    Up(Target),
    /// It ended before that.
    Down(Ended),
}

impl From<Begun> for Now {
    fn from(begun: Begun) -> Self {
        match begun {
            Begun::Up(target) => Self::Up(target),
            Begun::Ended(ended) => Self::Down(ended),
        }
    }
}

impl Now {
    /// It answers what is in flight, and ends with 0.
    pub(super) fn stop(self) -> Result<(), Failure> {
        match self {
            Self::Up(target) => Ok(target.stop()?),
            Self::Down(Ended { status, said }) => {
                let why = format!("the switch did not start ({status}); it said:\n{said}");
                Err(Failure::Missing(why))
            }
        }
    }
}

impl Episode<'_> {
    /// From load to the end of the process. What had left the switch by then is read: it is an
    /// answer, and binds it.
    pub(super) fn strike(
        &self,
        stage: &mut Stage<'_>,
        now: Now,
        round: &Round,
        report: &mut CrashReport,
    ) -> Result<RoundReport, Failure> {
        if let Some(point) = round.point
            && !report.points_reached.contains(point)
        {
            report.points_missed.insert(point);
        }
        let mut told = RoundReport {
            kind: self.kind.name(),
            fault: round.fault.clone(),
            ..RoundReport::default()
        };
        let ended = match now {
            Now::Down(ended) => Some(ended),
            Now::Up(mut target) => {
                self.work(stage, &mut target, round.end, report)?;
                told.in_flight = stage.floor.in_flight();
                // Without links it has ended, or is about to.
                let patience_ms = if stage.floor.links() == 0 {
                    ENDING_MS
                } else {
                    0
                };
                let ended = target.ended_within(patience_ms)?;
                if ended.is_none() {
                    target.kill()?;
                }
                ended
            }
        };
        wait_until_gone(stage)?;
        let lost = stage.floor.lost_payments();
        // Of one that died by itself we know only what it left open.
        told.in_flight = told.in_flight.max(lost);
        told.answered_late = told.in_flight - lost;
        told.reached = round.point.filter(|point| {
            ended
                .as_ref()
                .is_some_and(|ended| note_reached(report, point, &ended.said))
        });
        if let Some(finding) = self.wrong_end(round, ended.as_ref()) {
            report.findings.push(finding);
        }
        Ok(told)
    }

    /// Load, until it is time to strike or the switch is gone.
    fn work(
        &self,
        stage: &mut Stage<'_>,
        target: &mut Target,
        end: End,
        report: &mut CrashReport,
    ) -> Result<(), Failure> {
        match end {
            End::Killed { after_ms } => self.load(stage, after_ms),
            End::Dies => self.load_until(stage, DIES_MS, |_| false),
            End::Gives => self.load_until(stage, GIVES_MS, |_| false),
            End::Stopped { ms } => {
                self.load(stage, BEFORE_STOP_MS)?;
                target.hold(false)?;
                let give_up = Clock.monotonic().plus_ms(ms);
                while stage.floor.now() < give_up {
                    stage.turn(None)?;
                }
                target.hold(true)?;
                if !stage.turn_until(SETTLE_SECONDS, |floor| floor.is_settled())? {
                    let why = format!("stop: not settled {SETTLE_SECONDS} s after SIGCONT");
                    report.findings.push(why);
                }
                self.load(stage, BEFORE_STOP_MS)
            }
            End::Drained { after_ms } => {
                self.load(stage, after_ms)?;
                self.restart(stage, target, report)
            }
            End::Sheds => {
                let before = stage.floor.tally.refused;
                self.load_until(stage, SHEDS_MS, |refused| refused > before + SHED_MIN)?;
                if stage.floor.tally.refused == before {
                    let why = format!("{}: nothing was shed", self.kind.name());
                    report.findings.push(why);
                }
                Ok(())
            }
        }
    }

    /// It is told to end, while payments go on until they hear of it.
    fn restart(
        &self,
        stage: &mut Stage<'_>,
        target: &mut Target,
        report: &mut CrashReport,
    ) -> Result<(), Failure> {
        let name = self.kind.name();
        let refused = stage.floor.tally.refused;
        let goodbyes = stage.floor.tally.goodbyes;
        target.tell_to_end()?;
        let mut plan = self.plan();
        let give_up = Clock.monotonic().plus_ms(GIVES_MS);
        while stage.floor.links() > 0 && stage.floor.now() < give_up {
            stage.turn(Some(&mut plan))?;
        }
        let refused = stage.floor.tally.refused - refused;
        if refused > 0 {
            let why = format!("{name}: {refused} payments were refused by an orderly end");
            report.findings.push(why);
        }
        let lost = stage.floor.lost_payments();
        if lost > 0 {
            let why = format!("{name}: {lost} payments were left unanswered by an orderly end");
            report.findings.push(why);
        }
        if stage.floor.tally.goodbyes == goodbyes {
            report
                .findings
                .push(format!("{name}: nobody heard a goodbye"));
        }
        Ok(())
    }

    /// At least `ms`, and until enough is in flight.
    fn load(&self, stage: &mut Stage<'_>, ms: u64) -> Result<(), Failure> {
        let mut plan = self.plan();
        let until = Clock.monotonic().plus_ms(ms);
        let give_up = until.plus_ms(FILL_MS);
        while stage.floor.links() > 0
            && (stage.floor.now() < until || stage.floor.in_flight() < IN_FLIGHT_MIN)
        {
            stage.turn(Some(&mut plan))?;
            if stage.floor.now() > give_up {
                let why = "the switch never had 100 payments in flight";
                return Err(Failure::Missing(why.to_owned()));
            }
        }
        Ok(())
    }

    /// Until the switch is gone, or `done` says so of what it has refused; `ms` at most.
    fn load_until(
        &self,
        stage: &mut Stage<'_>,
        ms: u64,
        done: impl Fn(u64) -> bool,
    ) -> Result<(), Failure> {
        let mut plan = self.plan();
        let until = Clock.monotonic().plus_ms(ms);
        while stage.floor.links() > 0
            && stage.floor.now() < until
            && !done(stage.floor.tally.refused)
        {
            stage.turn(Some(&mut plan))?;
        }
        Ok(())
    }

    const fn plan(&self) -> Plan {
        Plan::Closed {
            window: self.arguments.window,
            end_ns: u64::MAX,
        }
    }

    /// What is wrong with how it ended by itself (none: we killed it).
    fn wrong_end(&self, round: &Round, ended: Option<&Ended>) -> Option<String> {
        let name = self.kind.name();
        let fault = round.fault.as_deref().unwrap_or("no fault");
        let Some(Ended { status, said }) = ended else {
            let given = matches!(round.end, End::Gives | End::Drained { .. });
            return given.then(|| format!("{name} {fault}: it went on"));
        };
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        let good = match round.end {
            End::Dies => killed,
            End::Gives => status.code() == Some(ENVIRONMENT) && said.contains("fenced"),
            End::Sheds => status.code() == Some(ENVIRONMENT) && said.contains("full"),
            End::Killed { .. } => {
                // A ring that fills up before there is room again ends it, loudly.
                let full = self.kind == Kind::NoSpace && said.contains("full");
                full && status.code() == Some(ENVIRONMENT)
            }
            End::Drained { .. } => status.success(),
            End::Stopped { .. } => false,
        };
        let lines: Vec<_> = said.lines().rev().take(5).collect();
        (!good).then(|| {
            let last: Vec<_> = lines.into_iter().rev().collect();
            format!(
                "{name} {fault}: it ended with {status}; it said: {}",
                last.join(" | ")
            )
        })
    }
}

/// Reads what is still on its way, until every link is gone.
pub(super) fn wait_until_gone(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.turn_until(SETTLE_SECONDS, |floor| {
        floor.forget_follow_ups();
        floor.links() == 0
    })?;
    Ok(())
}

/// Whether the switch says that it has reached `point`.
pub(super) fn note_reached(report: &mut CrashReport, point: &'static str, said: &str) -> bool {
    let reached = said.contains(&format!("fault: reached {point} "));
    if reached {
        report.points_missed.remove(point);
        report.points_reached.insert(point);
    }
    reached
}

const IN_FLIGHT_MIN: u32 = 100;
/// How long a window may take to fill.
const FILL_MS: u64 = 30_000;
/// A point that was not reached by then is not reached in this round.
const DIES_MS: u64 = 2_000;
const GIVES_MS: u64 = 10_000;
const BEFORE_STOP_MS: u64 = 60;
const SHEDS_MS: u64 = 20_000;
/// Payments refused for want of room before we believe it.
const SHED_MIN: u64 = 200;
const SETTLE_SECONDS: u64 = 30;
/// A process that has lost all its links ends within this.
const ENDING_MS: u64 = 5_000;
/// Exit code of the switch where the machine does not let it go on.
const ENVIRONMENT: i32 = 3;

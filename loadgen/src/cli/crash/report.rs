//! What crash rounds found: a line for each kind of fault, the points that were reached, and the
//! verdict. Counts and prints; judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use cpg_switch::sys::faults::POINTS;
use serde::Serialize;

use super::kinds::Kind;
use super::power::Lost;
use crate::judge::journal::Unknowns;
use crate::judge::verdict::{Rule, Verdict};
use crate::report::VerdictReport;

/// What one round was.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct RoundReport {
    pub(super) round: u32,
    pub(super) kind: String,
    /// What the switch was told to do; none: it was struck from outside.
    pub(super) fault: Option<String>,
    /// The point at which it died by its own hand.
    pub(super) reached: Option<&'static str>,
    /// Payments without an answer at the instant of the strike.
    pub(super) in_flight: u32,
    /// Of these, the answer was on its way and was still read.
    pub(super) answered_late: u32,
    /// Payments and reversals that were sent again.
    pub(super) sent_again: usize,
    /// Answered payments that were asked for once more.
    pub(super) asked_once_more: u32,
    /// Advices of outcomes after the restart.
    pub(super) advices: u64,
    /// Answers 68 that came after the advice of the outcome, on another link.
    pub(super) overtaken: u64,
    /// Blocks whose fate a loss of power decided.
    pub(super) lost: Lost,
    /// From the start of the process until every outcome was known; none: the next strike came
    /// first.
    pub(super) recovered_ms: Option<u64>,
}

impl RoundReport {
    pub(super) fn text(&self) -> String {
        let mut out = format!("round {} {}", self.round, self.kind);
        if let Some(fault) = &self.fault {
            out.push_str(&format!(" {fault}"));
        }
        if self.fault.is_some() && self.reached.is_some() {
            out.push_str(" (reached)");
        }
        out.push_str(&format!(
            ": {} in flight ({} answers still read), sent again {}, asked once more {}, advices {} \
             ({} before the 68)",
            self.in_flight,
            self.answered_late,
            self.sent_again,
            self.asked_once_more,
            self.advices,
            self.overtaken,
        ));
        let lost = self.lost;
        if lost != Lost::default() {
            out.push_str(&format!(
                "; blocks kept {}, zeroed {}, torn {}, old {}",
                lost.kept, lost.zeroed, lost.torn, lost.old
            ));
        }
        match self.recovered_ms {
            Some(ms) => out.push_str(&format!("; every outcome known after {ms} ms")),
            None => out.push_str("; struck again before every outcome was known"),
        }
        out
    }
}

/// All rounds of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct KindReport {
    pub(super) rounds: u32,
    /// Starts that ended before the switch was ready, on purpose.
    pub(super) starts_cut: u32,
    pub(super) journals: u32,
    pub(super) payments: u64,
    pub(super) in_flight: u64,
    pub(super) in_flight_min: u32,
    pub(super) answered_late: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) other: u64,
    /// Payments that were late by the wall clock, because the switch was held or its clock moved.
    pub(super) late: u64,
    pub(super) unknown: Unknowns,
    pub(super) blocks: Lost,
    /// Records that a loss of power took from a journal in commit mode `memory`: all of them after
    /// its last word on what is on the disk.
    pub(super) records_in_window: u64,
    pub(super) recovered_ms_max: u64,
}

impl KindReport {
    pub(super) fn add_round(&mut self, round: &RoundReport) {
        let first = self.rounds == 0;
        self.rounds += 1;
        self.in_flight += u64::from(round.in_flight);
        self.in_flight_min = if first {
            round.in_flight
        } else {
            self.in_flight_min.min(round.in_flight)
        };
        self.answered_late += u64::from(round.answered_late);
        self.blocks.add(round.lost);
        let ms = round.recovered_ms.unwrap_or(0);
        self.recovered_ms_max = self.recovered_ms_max.max(ms);
    }

    pub(super) fn add_verdict(&mut self, verdict: &Verdict, unknown: Unknowns) {
        self.journals += 1;
        self.payments += verdict.payments;
        let count =
            |rules: &[Rule]| -> u64 { rules.iter().map(|rule| verdict.violations.of(*rule)).sum() };
        let (lost, doubled) = (count(LOST), count(DOUBLED));
        self.lost += lost + unknown.forgotten();
        self.doubled += doubled;
        self.other += verdict.violations.total() - lost - doubled;
        self.unknown.all += unknown.all;
        self.unknown.resolved += unknown.resolved;
        self.unknown.queued += unknown.queued;
    }
}

/// Something that was told, done or owed is gone.
const LOST: &[Rule] = &[
    Rule::Unanswered,
    Rule::AnswerChanged,
    Rule::Unresolved,
    Rule::ApprovedNotDebited,
    Rule::NotGivenBack,
    Rule::NotInJournal,
    Rule::JournalUnreadable,
    Rule::JournalDisagrees,
];
/// Something happened twice, or where it should not have.
const DOUBLED: &[Rule] = &[
    Rule::AnsweredTwice,
    Rule::DebitedNotApproved,
    Rule::RefusedButForwarded,
    Rule::WrongDestination,
    Rule::Unasked,
];

/// All rounds.
#[derive(Debug, Serialize)]
pub(super) struct CrashReport {
    pub(super) commit: &'static str,
    pub(super) shards: u16,
    pub(super) seed: u64,
    pub(super) rounds: Vec<RoundReport>,
    pub(super) kinds: BTreeMap<String, KindReport>,
    /// Points at which the switch died by its own hand.
    pub(super) points_reached: BTreeSet<&'static str>,
    /// Points that it was to die at and never did.
    pub(super) points_missed: BTreeSet<&'static str>,
    /// What else was wrong: an end that was not as it must be, an audit that found something.
    pub(super) findings: Vec<String>,
    pub(super) verdict: VerdictReport,
}

impl CrashReport {
    /// Whether every promise held and every point that was aimed at was reached.
    pub(super) fn holds(&self) -> bool {
        let clean = |kind: &KindReport| kind.lost + kind.doubled + kind.other == 0;
        self.verdict.holds
            && self.findings.is_empty()
            && self.points_missed.is_empty()
            && self.kinds.values().all(clean)
    }

    /// Takes the verdict on one journal.
    pub(super) fn judge(&mut self, kind: Kind, verdict: &Verdict, unknown: Unknowns) {
        let kind = self.kinds.entry(kind.name()).or_default();
        kind.add_verdict(verdict, unknown);
        let one = VerdictReport::of(verdict);
        let all = &mut self.verdict;
        all.holds &= one.holds;
        all.payments += one.payments;
        all.answers += one.answers;
        all.violations += one.violations;
        all.journal_records = all
            .journal_records
            .zip(one.journal_records)
            .map(|(a, b)| a + b);
        all.listed.extend(one.listed);
    }

    /// A line for each kind, and what the points came to.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes every text");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n{:12} {:>7} {:>6} {:>9} {:>9} {:>5} {:>7} {:>6} {:>8} {:>8} {:>7} {:>8}",
            "fault",
            "rounds",
            "cut",
            "payments",
            "in flight",
            "lost",
            "doubled",
            "other",
            "unknown",
            "resolved",
            "queued",
            "slowest"
        )?;
        for (name, kind) in &self.kinds {
            writeln!(
                out,
                "{name:12} {:>7} {:>6} {:>9} {:>9} {:>5} {:>7} {:>6} {:>8} {:>8} {:>7} {:>5} ms",
                kind.rounds,
                kind.starts_cut,
                kind.payments,
                kind.in_flight,
                kind.lost,
                kind.doubled,
                kind.other,
                kind.unknown.all,
                kind.unknown.resolved,
                kind.unknown.queued,
                kind.recovered_ms_max,
            )?;
            if kind.blocks != Lost::default() {
                writeln!(
                    out,
                    "{:12} blocks kept {}, zeroed {}, torn {}, old {}; segments unnamed {}; \
                     records in the window of mode memory {}",
                    "",
                    kind.blocks.kept,
                    kind.blocks.zeroed,
                    kind.blocks.torn,
                    kind.blocks.old,
                    kind.blocks.unnamed,
                    kind.records_in_window,
                )?;
            }
        }
        let names =
            |points: &BTreeSet<&'static str>| points.iter().copied().collect::<Vec<_>>().join(", ");
        if !self.points_reached.is_empty() {
            writeln!(
                out,
                "died at {} of {} points: {}",
                self.points_reached.len(),
                POINTS.len(),
                names(&self.points_reached)
            )?;
        }
        if !self.points_missed.is_empty() {
            writeln!(out, "NEVER REACHED: {}", names(&self.points_missed))?;
        }
        for finding in &self.findings {
            writeln!(out, "FOUND: {finding}")?;
        }
        Ok(())
    }
}

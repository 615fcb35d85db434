//! How long destinations think, and who misbehaves when.

use cpg_switch::control::configuration::{Diagnostics, did_you_mean};

use super::phases::Phase;
use super::section::Section;
use super::{AnswerTimes, Person};
use crate::mix::random::Draw;
use crate::plan::faults::{FAULTS_MAX, FaultKind, PlannedFault};

/// `answers = { kind = "log-normal", p50_ms = 80, p99_ms = 400 }`.
pub(super) fn answers(
    section: &mut Section<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<AnswerTimes> {
    let mut section = section.section("answers", "in `answers`", diagnostics)?;
    section.require("kind", diagnostics);
    let kind = section.word("kind", &KINDS, diagnostics)?.value;
    let mut ms = |key| section.decimal_required(key, 3, ANSWER_MS, diagnostics);
    let (times, ordered) = match kind {
        "fixed" => (AnswerTimes::Fixed { us: ms("ms")? }, true),
        "uniform" => {
            let (least_us, most_us) = (ms("least_ms")?, ms("most_ms")?);
            (
                AnswerTimes::Uniform { least_us, most_us },
                least_us <= most_us,
            )
        }
        _ => {
            let (p50_us, p99_us) = (ms("p50_ms")?, ms("p99_ms")?);
            (AnswerTimes::LogNormal { p50_us, p99_us }, p50_us <= p99_us)
        }
    };
    if !ordered {
        let remedy = "make the first of the two times the shorter one";
        diagnostics.note(
            &section.span,
            "the times of `answers` are out of order",
            remedy,
        );
    }
    section.finish(diagnostics);
    Some(times)
}

/// `[[faults]]`, in the time of the phases.
pub(super) fn faults(
    root: &mut Section<'_>,
    people: &[Person],
    phases: &[Phase],
    diagnostics: &mut Diagnostics,
) -> Vec<PlannedFault> {
    let mut faults: Vec<PlannedFault> = Vec::new();
    let sections = root.sections("faults", "in [[faults]]", diagnostics);
    if let Some(one_more) = sections.get(FAULTS_MAX) {
        let problem = format!("{} faults", sections.len());
        diagnostics.note(&one_more.span, problem, "a profile has at most 100");
        return faults;
    }
    let whole_ms: u64 = phases.iter().map(|phase| phase.duration_ms).sum();
    for mut section in sections {
        let span = section.span.clone();
        section.require("participant", diagnostics);
        section.require("kind", diagnostics);
        let participant = section.text("participant", diagnostics);
        let kind = section.word("kind", &FaultKind::WORDS, diagnostics);
        let at_ms = section.decimal_required("at_seconds", 3, SECONDS, diagnostics);
        let for_ms = section.decimal_required("for_seconds", 3, SECONDS, diagnostics);
        let is_slow = kind.as_ref().is_some_and(|kind| kind.value == "slow");
        let delay_ms = if is_slow {
            section.decimal_required("delay_ms", 0, (1, 60_000), diagnostics)
        } else {
            Some(0)
        };
        section.finish(diagnostics);
        let (Some(participant), Some(kind), Some(at_ms), Some(for_ms), Some(delay_ms)) =
            (participant, kind, at_ms, for_ms, delay_ms)
        else {
            continue;
        };
        if !people.iter().any(|person| person.name == participant.value) {
            let names = people.iter().map(|person| person.name.as_str());
            let remedy = did_you_mean(&participant.value, names)
                .unwrap_or_else(|| "name one of the profile's participants".to_owned());
            let problem = format!("no participant is named \"{}\"", participant.value);
            diagnostics.note(&participant.span, problem, remedy);
        }
        if whole_ms > 0 && at_ms + for_ms > whole_ms {
            let remedy = "make `at_seconds` and `for_seconds` together no longer than the phases";
            diagnostics.note(&span, "the fault ends after the plan", remedy);
        }
        let fault = PlannedFault {
            participant: participant.value,
            kind: FaultKind::from_word(kind.value, delay_ms).expect("it is one of the words"),
            at_ms,
            for_ms,
        };
        if faults.iter().any(|other| meet(other, &fault)) {
            let problem = format!("{} already has such a fault then", fault.participant);
            diagnostics.note(&span, problem, "let one end before the next begins");
        }
        faults.push(fault);
    }
    faults
}

/// Whether two faults of one participant cannot be told apart while both last.
fn meet(one: &PlannedFault, other: &PlannedFault) -> bool {
    let alike =
        one.kind.word() == other.kind.word() || one.kind.is_absence() && other.kind.is_absence();
    let overlap = one.at_ms <= other.at_ms + other.for_ms && other.at_ms <= one.at_ms + one.for_ms;
    one.participant == other.participant && alike && overlap
}

impl AnswerTimes {
    /// Times in nanoseconds to draw from; `number` tells the tables of one run apart.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "positive, and at most a minute"
    )]
    pub(super) fn table(self, seed: u64, number: u64) -> Vec<u64> {
        let mut draw = Draw::new(seed, TIMES_STREAM - number);
        let mut us = || match self {
            Self::Fixed { us } => us as f64,
            Self::Uniform { least_us, most_us } => {
                least_us as f64 + draw.unit() * (most_us - least_us) as f64
            }
            Self::LogNormal { p50_us, p99_us } => {
                let radius = (-2.0 * draw.unit().ln()).sqrt();
                let normal = radius * (core::f64::consts::TAU * draw.unit()).cos();
                let spread = (p99_us as f64 / p50_us as f64).ln() / NORMAL_P99;
                p50_us as f64 * (spread * normal).exp()
            }
        };
        let most_us = ANSWER_MS.1 as f64;
        (0..TIMES)
            .map(|_| (us().clamp(1.0, most_us) * 1_000.0) as u64)
            .collect()
    }
}

const KINDS: [&str; 3] = ["fixed", "uniform", "log-normal"];
/// In microseconds: up to a minute.
const ANSWER_MS: (u64, u64) = (1, 60_000_000);
const SECONDS: (u64, u64) = (0, 86_400_000);
/// So many times are drawn from.
const TIMES: usize = 4_096;
/// No payment has this number, nor has any table of amounts.
const TIMES_STREAM: u64 = u64::MAX - 100_000;
/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_348;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_quantiles_that_were_asked_for() {
        let sorted = |times: AnswerTimes| {
            let mut table = times.table(5, 1);
            table.sort_unstable();
            table
        };
        let table = sorted(AnswerTimes::LogNormal {
            p50_us: 80_000,
            p99_us: 400_000,
        });
        let within = |found: u64, expected: u64| found.abs_diff(expected) < expected / 8;
        assert!(within(table[2_048], 80_000_000), "{}", table[2_048]);
        assert!(within(table[4_055], 400_000_000), "{}", table[4_055]);
        let table = sorted(AnswerTimes::Uniform {
            least_us: 10,
            most_us: 30,
        });
        assert!(table[0] >= 10_000 && table[4_095] <= 30_000);
        assert!(within(table[2_048], 20_000), "{}", table[2_048]);
        assert!(
            sorted(AnswerTimes::Fixed { us: 7 })
                .iter()
                .all(|ns| *ns == 7_000)
        );
    }
}

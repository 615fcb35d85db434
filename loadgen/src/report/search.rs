//! The report of a search for the highest rates: every trial, what was found, and what payments
//! take at tenths of it.

use core::fmt::{self, Write};

use serde::Serialize;

use crate::environment::Environment;
use crate::report::table::grouped;
use crate::report::{Report, Setup};
use crate::search::{Bounds, Found, Goal, Limit, Outcome};

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SearchReport {
    /// Of these fields.
    pub(crate) format: u32,
    /// `find-max`.
    pub(crate) kind: &'static str,
    pub(crate) version: &'static str,
    pub(crate) build: &'static str,
    /// When the first trial's measuring began: seconds since 1970.
    pub(crate) began_s: f64,
    pub(crate) commit: String,
    pub(crate) setup: Option<Setup>,
    pub(crate) environment: Environment,
    pub(crate) asked: Asked,
    /// In the order in which they were made.
    pub(crate) trials: Vec<TrialRow>,
    pub(crate) found: [Found; 2],
    /// Tenths of the rate that was found for the service level.
    pub(crate) loads: Vec<LoadRow>,
    /// Whether every promise held in every trial.
    pub(crate) holds: bool,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) bounds: Bounds,
    /// Of response time.
    pub(crate) p99_ms: f64,
    /// Of first answers, those that shed, refused, or did not know the outcome.
    pub(crate) error_share_max: f64,
    pub(crate) trial_ms: u64,
}

/// One trial.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TrialRow {
    /// Payments a second, planned.
    pub(crate) rate: u64,
    pub(crate) payments_per_second: f64,
    /// Whether it says something of the switch.
    pub(crate) valid: bool,
    pub(crate) lossless: bool,
    pub(crate) slo: bool,
    /// What it missed, and by how much.
    pub(crate) why: Vec<String>,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) p999_us: Option<f64>,
    pub(crate) start_lag_p99_us: Option<f64>,
    pub(crate) switch_us_per_payment: Option<f64>,
}

/// A share of the rate that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadRow {
    pub(crate) percent: u64,
    #[serde(flatten)]
    pub(crate) trial: TrialRow,
}

impl TrialRow {
    /// Judges a run. A plan that waited for room, in flight or on a link, waited for the switch:
    /// that is a loss, and not the generator's.
    pub(crate) fn new(report: &Report, asked: &Asked) -> Self {
        let health = &report.generator.health;
        let waited = health.course.waited > 0
            || health.course.in_flight_full > 0
            || report.generator.held > 0;
        let counts = report.counts();
        let mut lost = Vec::new();
        let mut count = |number: u64, what: &str| {
            if number > 0 {
                lost.push(format!("{} {what}", grouped(number)));
            }
        };
        count(report.payments_refused, "shed or refused");
        count(counts.unresolved, "answered 68");
        count(
            health.course.missed_late + health.course.missed_full + health.course.missed_at_end,
            "never sent",
        );
        count(
            report.outcomes.iter().map(|row| row.unanswered).sum(),
            "never answered",
        );
        if waited {
            lost.push("the plan waited for room".to_owned());
        }
        let planned = report.plan.rate.unwrap_or(0) as f64;
        let behind = report.payments_per_second < planned * KEEPS_UP;
        if behind {
            lost.push(format!(
                "{:.0} answered a second",
                report.payments_per_second
            ));
        }
        let response = &report.latency.response;
        let p99_ms = response.p99_us.map(|us| us / 1_000.0);
        let slow = p99_ms.is_none_or(|ms| ms > asked.p99_ms);
        let errors = counts.error_share().unwrap_or(1.0);
        let lossless = lost.is_empty();
        let mut why = lost;
        if slow {
            let shown = p99_ms.map_or_else(|| "n/a".to_owned(), |ms| format!("{ms:.2} ms"));
            why.push(format!("p99 {shown}"));
        }
        if errors > asked.error_share_max {
            why.push(format!("error share {errors:.5}"));
        }
        Self {
            rate: report.plan.rate.unwrap_or(0),
            payments_per_second: report.payments_per_second,
            valid: report.generator.valid,
            lossless,
            slo: !slow && !waited && !behind && errors <= asked.error_share_max,
            why,
            p50_us: response.p50_us,
            p99_us: response.p99_us,
            p999_us: response.p999_us,
            start_lag_p99_us: report.latency.start_lag.p99_us,
            switch_us_per_payment: report.cpu.switch_us_per_payment,
        }
    }

    /// For the search.
    pub(crate) const fn outcome(&self) -> Outcome {
        if self.valid {
            Outcome::Valid {
                lossless: self.lossless,
                slo: self.slo,
            }
        } else {
            Outcome::Invalid
        }
    }

    /// A line for people.
    pub(crate) fn text(&self) -> String {
        let verdict = match (self.valid, self.lossless, self.slo) {
            (false, _, _) => "INVALID: the generator was the bottleneck",
            (true, true, true) => "lossless, level kept",
            (true, true, false) => "lossless, level missed",
            (true, false, true) => "loses, level kept",
            (true, false, false) => "loses, level missed",
        };
        let us = |us: Option<f64>| us.map_or_else(|| "n/a".to_owned(), |us| format!("{us:.0} us"));
        let why = if self.why.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.why.join(", "))
        };
        format!(
            "{:>10}/s  p50 {:>10}  p99 {:>10}  {verdict}{why}",
            grouped(self.rate),
            us(self.p50_us),
            us(self.p99_us)
        )
    }
}

impl SearchReport {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes every text");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        if self.build == "debug" {
            writeln!(out, "debug build: the verdict counts, the numbers do not")?;
        }
        if !self.holds {
            writeln!(
                out,
                "PROMISES WERE BROKEN in a trial; its report says which"
            )?;
        }
        for found in &self.found {
            writeln!(out, "{}", said(found, &self.asked))?;
        }
        if !self.loads.is_empty() {
            writeln!(out, "\nof the rate that keeps the level:")?;
        }
        for load in &self.loads {
            writeln!(out, "{:>3} %{}", load.percent, load.trial.text())?;
        }
        Ok(())
    }
}

/// What a goal came to.
fn said(found: &Found, asked: &Asked) -> String {
    let goal = match found.goal {
        Goal::Lossless => "loses nothing".to_owned(),
        Goal::Slo => format!(
            "keeps p99 within {} ms and errors within {}",
            asked.p99_ms, asked.error_share_max
        ),
    };
    let Some(rate) = found.rate else {
        return format!(
            "{goal}: at no rate from {}/s up",
            grouped(asked.bounds.rate_min)
        );
    };
    let above = match (found.limit, found.missed_at) {
        (Limit::Switch, Some(missed)) => format!("missed at {}/s", grouped(missed)),
        (Limit::Generator, Some(missed)) => format!(
            "at {}/s THE GENERATOR was the bottleneck: the switch may do more",
            grouped(missed)
        ),
        (Limit::Highest, _) | (_, None) => "the highest rate that was allowed".to_owned(),
    };
    let sure = if found.confirmed {
        ""
    } else {
        "; NOT CONFIRMED: the trials ran out"
    };
    format!("{goal}: {}/s ({above}{sure})", grouped(rate))
}

/// A switch that answers less than this share of the plan has a queue that grows.
const KEEPS_UP: f64 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{record, report};

    const ASKED: Asked = Asked {
        bounds: Bounds {
            rate_start: 1_000,
            rate_min: 500,
            rate_max: 1_000_000,
            precision_percent: 5,
            confirmations: 3,
            trials_max: 60,
        },
        p99_ms: 5.0,
        error_share_max: 0.001,
        trial_ms: 2_000,
    };

    fn row(change: impl FnOnce(&mut Report)) -> (Outcome, String) {
        let mut report = report(&record());
        report.outcomes.clear();
        change(&mut report);
        let row = TrialRow::new(&report, &ASKED);
        (row.outcome(), row.text())
    }

    #[test]
    fn a_trial_is_judged_by_what_was_lost_and_how_long_it_took() {
        let valid = |lossless, slo| Outcome::Valid { lossless, slo };
        let (good, text) = row(|_| {});
        assert_eq!(good, valid(true, true), "{text}");
        let (slow, text) = row(|it| it.latency.response.p99_us = Some(5_001.0));
        assert_eq!(slow, valid(true, false));
        assert!(
            text.ends_with("lossless, level missed (p99 5.00 ms)"),
            "{text}"
        );
        let (unknown, _) = row(|it| it.latency.response.p99_us = None);
        assert_eq!(unknown, valid(true, false));
        let (shed, text) = row(|it| {
            it.payments_refused = 2;
            it.corridors[0].counts.refused = 2;
        });
        assert_eq!(shed, valid(false, true));
        assert!(text.contains("2 shed or refused"), "{text}");
        let (many, _) = row(|it| {
            it.payments_refused = 200;
            it.corridors[0].counts.refused = 200;
        });
        assert_eq!(many, valid(false, false));
        let (behind, _) = row(|it| it.payments_per_second = 980.0);
        assert_eq!(behind, valid(false, false));
    }

    #[test]
    fn lag_is_the_generators_and_waiting_for_room_is_the_switchs() {
        let (late, text) = row(|it| it.generator.valid = false);
        assert_eq!(late, Outcome::Invalid);
        assert!(text.contains("INVALID"), "{text}");
        let (full, _) = row(|it| it.generator.health.course.waited = 1);
        let nothing = Outcome::Valid {
            lossless: false,
            slo: false,
        };
        assert_eq!(full, nothing);
    }

    #[test]
    fn what_was_found_is_said_with_what_bounds_it() {
        let found = |rate, missed_at, limit, confirmed| Found {
            goal: Goal::Lossless,
            rate,
            missed_at,
            limit,
            confirmed,
        };
        for (found, expected) in [
            (
                found(Some(40_000), Some(41_000), Limit::Switch, true),
                "loses nothing: 40,000/s (missed at 41,000/s)",
            ),
            (
                found(Some(40_000), Some(41_000), Limit::Generator, false),
                "loses nothing: 40,000/s (at 41,000/s THE GENERATOR was the bottleneck: the \
                 switch may do more; NOT CONFIRMED: the trials ran out)",
            ),
            (
                found(None, Some(500), Limit::Switch, true),
                "loses nothing: at no rate from 500/s up",
            ),
        ] {
            assert_eq!(said(&found, &ASKED), expected);
        }
    }

    #[test]
    fn every_field_is_documented_and_drawn_from_the_same_page() {
        let run = report(&record());
        let trial = TrialRow::new(&run, &ASKED);
        let report = SearchReport {
            format: 1,
            kind: "find-max",
            version: run.version,
            build: run.build,
            began_s: run.began_s,
            commit: run.commit.clone(),
            setup: run.setup.clone(),
            environment: run.environment.clone(),
            asked: ASKED,
            trials: vec![trial.clone()],
            found: crate::search::Search::new(ASKED.bounds).found(),
            loads: vec![LoadRow { percent: 10, trial }],
            holds: true,
        };
        crate::report::tests::assert_documented(&serde_json::to_value(&report).unwrap());
        assert!(
            report
                .text()
                .contains("loses nothing: at no rate from 500/s up")
        );
    }
}

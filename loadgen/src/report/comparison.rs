//! TWO SETS OF RUNS beside each other: by how much they differ, and whether that is more than
//! noise. Runs of different conditions are not compared; runs that prove nothing are named.

use core::fmt::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::statistics::{
    Interval, cliffs_delta, holm, least_p, mann_whitney, median, median_interval, ratio_interval,
    sign_test,
};

/// A run, as `report.json` has it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// For people: where it came from.
    pub(crate) name: String,
    /// The whole report.
    pub(crate) report: Value,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    /// Of fields.
    pub(crate) format: u32,
    /// Runs of each side.
    pub(crate) runs: (usize, usize),
    /// Whether the runs are pairs, made in turns.
    pub(crate) paired: bool,
    /// Why they should not be compared, and were because somebody insisted.
    pub(crate) objections: Vec<String>,
    /// One for each figure that every run has.
    pub(crate) metrics: Vec<MetricRow>,
    /// Figures that some run has not.
    pub(crate) missing: Vec<&'static str>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MetricRow {
    pub(crate) metric: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) a: Side,
    pub(crate) b: Side,
    /// B by A: of medians, or the median of pairs.
    pub(crate) ratio: f64,
    pub(crate) ratio_interval: Option<Interval>,
    /// Cliff's delta: from -1, every run of B is below every run of A, to 1.
    pub(crate) cliffs_delta: f64,
    /// Mann and Whitney's U of A.
    pub(crate) u: f64,
    /// The probability of such a difference where there is none: of Mann and Whitney's test, or of
    /// the sign test of pairs.
    pub(crate) p: f64,
    /// The same, corrected for the number of figures (Holm).
    pub(crate) p_corrected: f64,
    pub(crate) finding: Finding,
}

/// The runs of one side.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Side {
    pub(crate) median: f64,
    pub(crate) interval: Option<Interval>,
    pub(crate) values: Vec<f64>,
}

/// What it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Finding {
    Better,
    Worse,
    NoSignificantChange,
    /// So few runs could not show any difference, however large.
    TooFewRuns,
}

/// A figure of a report.
struct Metric {
    name: &'static str,
    unit: &'static str,
    place: &'static str,
    more_is_better: bool,
}

const fn metric(name: &'static str, unit: &'static str, place: &'static str) -> Metric {
    Metric {
        name,
        unit,
        place,
        more_is_better: false,
    }
}

const METRICS: [Metric; 6] = [
    Metric {
        more_is_better: true,
        ..metric("payments answered", "/s", "/payments_per_second")
    },
    metric("response p50", "us", "/latency/response/p50_us"),
    metric("response p99", "us", "/latency/response/p99_us"),
    metric("response p99.9", "us", "/latency/response/p999_us"),
    metric("service p99", "us", "/latency/service/p99_us"),
    metric("switch CPU/payment", "us", "/cpu/switch_us_per_payment"),
];

/// What must be the same in two runs. What the switch is may differ: that is the question.
const CONDITIONS: [&str; 8] = [
    "/format",
    "/build",
    "/commit",
    "/plan",
    "/setup",
    "/environment",
    "/generator/health/late",
    "/generator/health/in_flight_limit",
];

/// Why these runs should not be compared: different conditions, and runs that count for nothing.
pub(crate) fn objections(a: &[Run], b: &[Run]) -> Vec<String> {
    let mut found = Vec::new();
    for run in a.iter().chain(b) {
        let is = |place: &str| run.report.pointer(place) == Some(&Value::Bool(true));
        if !is("/verdict/holds") {
            found.push(format!("{}: promises were broken", run.name));
        }
        if !is("/generator/valid") {
            found.push(format!(
                "{}: INVALID, its numbers are the generator's",
                run.name
            ));
        }
    }
    let cut = |run: &&Run| {
        let at = run.report.pointer("/generator/cut_short_ms");
        at.is_some_and(|at| !at.is_null())
    };
    for run in a.iter().chain(b).filter(cut) {
        found.push(format!("{}: cut short, every link was lost", run.name));
    }
    let mut all = a.iter().chain(b);
    let Some(first) = all.next() else {
        return found;
    };
    for other in all {
        for place in CONDITIONS {
            differences(
                place.trim_start_matches('/'),
                first.report.pointer(place).unwrap_or(&Value::Null),
                other.report.pointer(place).unwrap_or(&Value::Null),
                &mut |what, one, two| {
                    found.push(format!(
                        "{what}: {one} in {}, {two} in {}",
                        first.name, other.name
                    ));
                },
            );
        }
    }
    found
}

fn differences(what: &str, one: &Value, other: &Value, tell: &mut dyn FnMut(&str, &Value, &Value)) {
    if let (Value::Object(one), Value::Object(other)) = (one, other) {
        let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let of = |fields: &serde_json::Map<String, Value>| {
                fields.get(key).cloned().unwrap_or(Value::Null)
            };
            differences(&format!("{what}.{key}"), &of(one), &of(other), tell);
        }
    } else if one != other {
        tell(&what.replace('/', "."), one, other);
    }
}

/// Compares B with A. `paired`: the runs of both were made in turns, and belong together by place.
pub(crate) fn compare(a: &[Run], b: &[Run], paired: bool, objections: Vec<String>) -> Comparison {
    let mut metrics = Vec::new();
    let mut missing = Vec::new();
    for metric in &METRICS {
        match (values(a, metric), values(b, metric)) {
            (Some(one), Some(other)) => metrics.extend(row(metric, one, other, paired)),
            _ => missing.push(metric.name),
        }
    }
    let ps: Vec<f64> = metrics.iter().map(|row| row.p).collect();
    let least = if paired {
        2.0 * 0.5_f64.powi(i32::try_from(a.len()).unwrap_or(i32::MAX))
    } else {
        least_p(a.len(), b.len())
    };
    let hopeless = least * metrics.len() as f64 > SIGNIFICANT;
    for (row, corrected) in metrics.iter_mut().zip(holm(&ps)) {
        row.p_corrected = corrected;
        let is_better = METRICS
            .iter()
            .any(|it| it.name == row.metric && it.more_is_better == (row.ratio > 1.0));
        row.finding = match (hopeless, corrected <= SIGNIFICANT, is_better) {
            (true, _, _) => Finding::TooFewRuns,
            (false, false, _) => Finding::NoSignificantChange,
            (false, true, true) => Finding::Better,
            (false, true, false) => Finding::Worse,
        };
    }
    Comparison {
        format: 1,
        runs: (a.len(), b.len()),
        paired,
        objections,
        metrics,
        missing,
    }
}

fn values(runs: &[Run], metric: &Metric) -> Option<Vec<f64>> {
    let value = |run: &Run| run.report.pointer(metric.place)?.as_f64();
    runs.iter().map(value).collect()
}

fn row(metric: &Metric, a: Vec<f64>, b: Vec<f64>, paired: bool) -> Option<MetricRow> {
    let test = mann_whitney(&a, &b)?;
    let delta = cliffs_delta(&a, &b)?;
    let ratios: Vec<f64> = a.iter().zip(&b).map(|(one, other)| other / one).collect();
    let (ratio, ratio_interval, p) = if paired {
        (
            median(&ratios)?,
            median_interval(&ratios),
            sign_test(&ratios),
        )
    } else {
        let enough = a.len().min(b.len()) >= RUNS_TO_DRAW_FROM;
        let interval = enough.then(|| ratio_interval(&a, &b)).flatten();
        (median(&b)? / median(&a)?, interval, test.p)
    };
    let side = |values: Vec<f64>| {
        Some(Side {
            median: median(&values)?,
            interval: median_interval(&values),
            values,
        })
    };
    Some(MetricRow {
        metric: metric.name,
        unit: metric.unit,
        a: side(a)?,
        b: side(b)?,
        ratio,
        ratio_interval,
        cliffs_delta: delta,
        u: test.u,
        p,
        p_corrected: 1.0,
        finding: Finding::NoSignificantChange,
    })
}

impl Comparison {
    /// Whether something became worse.
    pub(crate) fn is_worse(&self) -> bool {
        let mut findings = self.metrics.iter().map(|row| row.finding);
        findings.any(|finding| finding == Finding::Worse)
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes every text");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        for objection in &self.objections {
            writeln!(out, "COMPARED ANYWAY  {objection}")?;
        }
        let (a, b) = self.runs;
        if self.paired {
            writeln!(out, "{a} pairs, made in turns; no run is left out")?;
        } else {
            writeln!(out, "{a} runs of A, {b} of B; no run is left out")?;
        }
        writeln!(
            out,
            "\n{:<23}{:>9} {:<23}{:>9} {:<23}{:>7}  change",
            "median", "A", "[interval]", "B", "[interval]", "B/A"
        )?;
        for row in &self.metrics {
            row.write(out, self.paired)?;
        }
        for metric in &self.missing {
            writeln!(
                out,
                "{metric:<23} n/a: some run has too few payments for it"
            )?;
        }
        let few = |row: &MetricRow| row.finding == Finding::TooFewRuns;
        if self.metrics.iter().any(few) {
            writeln!(out, "\nTOO FEW RUNS: {}", self.needed())?;
        }
        writeln!(
            out,
            "\nIntervals of medians: 95 % at least. p: {}, corrected for {} figures (Holm); {} \
             and less counts.",
            if self.paired {
                "sign test"
            } else {
                "Mann-Whitney U"
            },
            self.metrics.len(),
            SIGNIFICANT
        )
    }

    fn needed(&self) -> String {
        let figures = self.metrics.len() as f64;
        let enough = |count: usize| {
            let least = if self.paired {
                2.0 * 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX))
            } else {
                least_p(count, count)
            };
            least * figures <= SIGNIFICANT
        };
        let count = (1..100).find(|count| enough(*count)).unwrap_or(100);
        let what = if self.paired { "pairs" } else { "runs of each" };
        format!("so few cannot show any difference, however large; {count} {what} can")
    }
}

impl MetricRow {
    fn write(&self, out: &mut String, paired: bool) -> fmt::Result {
        let side = |side: &Side| {
            let interval = side.interval.map_or_else(
                || "[fewer than 6]".to_owned(),
                |it| format!("[{} .. {}]", shown(it.low), shown(it.high)),
            );
            (shown(side.median), interval)
        };
        let ((a, a_interval), (b, b_interval)) = (side(&self.a), side(&self.b));
        let name = format!("{} {}", self.metric, self.unit);
        write!(
            out,
            "{name:<23}{a:>9} {a_interval:<23}{b:>9} {b_interval:<23}{:>7.3}  ",
            self.ratio
        )?;
        let percent = 100.0 * (self.ratio - 1.0);
        let within = self.ratio_interval.map_or_else(String::new, |it| {
            let low = 100.0 * (it.low - 1.0);
            format!(" ({low:+.1} to {:+.1} %)", 100.0 * (it.high - 1.0))
        });
        let test = format!("p = {:.4}", self.p_corrected);
        let size = if paired {
            String::new()
        } else {
            format!(", Cliff's delta {:+.2}", self.cliffs_delta)
        };
        match self.finding {
            Finding::Better => writeln!(out, "BETTER by {percent:+.1} %{within}, {test}{size}"),
            Finding::Worse => writeln!(out, "WORSE by {percent:+.1} %{within}, {test}{size}"),
            Finding::NoSignificantChange => {
                writeln!(out, "no significant change{within}, {test}{size}")
            }
            Finding::TooFewRuns => writeln!(out, "too few runs to tell{within}"),
        }
    }
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The probability of any false finding that is put up with.
const SIGNIFICANT: f64 = 0.05;
/// Fewer, drawn again, say nothing of those that were not seen.
const RUNS_TO_DRAW_FROM: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, p99_us: f64, cores: usize) -> Run {
        let report = serde_json::json!({
            "format": 1,
            "environment": { "cores": cores, "kernel": "6.1" },
            "verdict": { "holds": true },
            "generator": { "valid": true, "health": { "late": "send" } },
            "payments_per_second": 1_000.0,
            "latency": {
                "response": { "p50_us": 100.0 + p99_us / 1e6, "p99_us": p99_us, "p999_us": null },
                "service": { "p99_us": p99_us * 0.9 },
            },
            "cpu": { "switch_us_per_payment": 3.0 },
        });
        Run {
            name: name.to_owned(),
            report,
        }
    }

    fn runs(count: u32, p99_us: f64) -> Vec<Run> {
        (0..count)
            .map(|place| run("a", p99_us + f64::from(place), 2))
            .collect()
    }

    fn of(comparison: &Comparison, metric: &str) -> Finding {
        let found = comparison.metrics.iter().find(|row| row.metric == metric);
        found.unwrap().finding
    }

    #[test]
    fn a_difference_is_found_and_none_is_not() {
        let found = compare(&runs(8, 1_000.0), &runs(8, 1_200.0), false, Vec::new());
        assert_eq!(of(&found, "response p99"), Finding::Worse);
        assert_eq!(
            of(&found, "payments answered"),
            Finding::NoSignificantChange
        );
        assert_eq!(found.missing, ["response p99.9"]);
        assert!(found.is_worse());
        let text = found.text();
        assert!(text.contains("WORSE by +19.9 %"), "{text}");
        assert!(text.contains("no significant change"), "{text}");
        assert!(text.contains("response p99.9          n/a"), "{text}");
        let found = compare(&runs(8, 1_200.0), &runs(8, 1_000.0), false, Vec::new());
        assert_eq!(of(&found, "response p99"), Finding::Better);
        assert!(!found.is_worse());
        let found = compare(&runs(8, 1_000.0), &runs(8, 1_000.5), false, Vec::new());
        assert_eq!(of(&found, "response p99"), Finding::NoSignificantChange);
    }

    #[test]
    fn too_few_runs_are_said_to_be_too_few() {
        let found = compare(&runs(3, 1_000.0), &runs(3, 9_000.0), false, Vec::new());
        assert!(
            found
                .metrics
                .iter()
                .all(|row| row.finding == Finding::TooFewRuns)
        );
        assert!(!found.is_worse());
        let text = found.text();
        assert!(
            text.contains("TOO FEW RUNS") && text.contains("; 5 runs of each can"),
            "{text}"
        );
        let five = compare(&runs(5, 1_000.0), &runs(5, 9_000.0), false, Vec::new());
        assert_eq!(of(&five, "response p99"), Finding::Worse);
    }

    #[test]
    fn pairs_are_judged_by_their_ratios() {
        // Noise between pairs is ten times the difference within them.
        let pairs = |factor: f64| -> Vec<Run> {
            let of = |place: u32| run("a", factor * (1_000.0 + 700.0 * f64::from(place % 4)), 2);
            (0..10).map(of).collect()
        };
        let found = compare(&pairs(1.0), &pairs(1.05), true, Vec::new());
        assert_eq!(of(&found, "response p99"), Finding::Worse);
        let unpaired = compare(&pairs(1.0), &pairs(1.05), false, Vec::new());
        assert_eq!(of(&unpaired, "response p99"), Finding::NoSignificantChange);
        let few = compare(&pairs(1.0)[..6], &pairs(1.05)[..6], true, Vec::new());
        assert!(few.text().contains("; 8 pairs can"), "{}", few.text());
    }

    #[test]
    fn other_conditions_and_runs_that_prove_nothing_are_named() {
        assert!(objections(&runs(2, 1.0), &runs(2, 2.0)).is_empty());
        let mut bad = vec![run("b", 1.0, 4)];
        bad[0].report["generator"]["valid"] = Value::Bool(false);
        bad[0].report["generator"]["cut_short_ms"] = Value::from(7);
        bad[0].report["verdict"]["holds"] = Value::Bool(false);
        let found = objections(&runs(1, 1.0), &bad);
        let expected = [
            "b: promises were broken",
            "b: INVALID, its numbers are the generator's",
            "b: cut short, every link was lost",
            "environment.cores: 2 in a, 4 in b",
        ];
        assert_eq!(found, expected);
        let marked = compare(&runs(1, 1.0), &bad, false, found).text();
        assert!(
            marked.contains("COMPARED ANYWAY  environment.cores"),
            "{marked}"
        );
    }
}

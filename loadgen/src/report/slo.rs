//! SERVICE LEVELS that were asked for, in a file, and whether a run met them. A quantile of which
//! there are too few samples to tell was not met: a run that is too short proves nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::cli::exit::Failure;
use crate::report::series::Counts;
use crate::report::{Quantiles, Report};

/// Bounds of a whole run, and of single corridors.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Slo {
    whole: Levels,
    /// By the name of the corridor, `MY-CN`.
    corridors: BTreeMap<String, Levels>,
}

/// Bounds by their keys; each key has one meaning in [`KEYS`].
#[derive(Clone, PartialEq, Debug)]
struct Levels(Vec<(&'static str, f64)>);

/// One service level.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct SloRow {
    /// `p99_ms`, or `MY-CN p99_ms`.
    pub(crate) name: String,
    /// The corridor; null: the whole run.
    pub(crate) scope: Option<String>,
    pub(crate) asked: String,
    pub(crate) measured: String,
    pub(crate) met: bool,
    /// Of a response time.
    pub(crate) bound_us: Option<f64>,
}

impl Slo {
    /// Reads a file.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(Failure::file(format!("read {}", path.display())))?;
        Self::from_text(&text).map_err(|why| Failure::Slo {
            path: path.to_owned(),
            why,
        })
    }

    /// Reads the text of one; says line and column of what is wrong.
    fn from_text(text: &str) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut corridors = BTreeMap::new();
        let named = table.get("corridors").and_then(toml::Value::as_table);
        for (name, levels) in named.into_iter().flatten() {
            let levels = levels
                .as_table()
                .ok_or_else(|| format!("corridors.{name} is no table{}", place(text, name)))?;
            corridors.insert(name.clone(), Levels::read(levels, text, false)?);
        }
        let whole = Levels::read(&table, text, true)?;
        if whole.0.is_empty() && corridors.values().all(|levels| levels.0.is_empty()) {
            return Err(format!(
                "it asks for nothing; it may say {}",
                KEYS.join(", ")
            ));
        }
        Ok(Self { whole, corridors })
    }

    /// Refuses bounds of corridors that a run does not have.
    pub(crate) fn check(&self, corridors: &[String]) -> Result<(), Failure> {
        let unknown = self.corridors.keys().find(|name| !corridors.contains(name));
        unknown.map_or(Ok(()), |name| {
            Err(Failure::Missing(format!(
                "the service levels name the corridor {name}, and the run has {}",
                corridors.join(", ")
            )))
        })
    }

    /// What a run came to.
    pub(crate) fn rows(&self, report: &Report) -> Vec<SloRow> {
        let seconds = report.seconds();
        let counts = report.counts();
        let mut rows = self
            .whole
            .rows(None, &report.latency.response, counts, seconds);
        for (name, levels) in &self.corridors {
            let corridor = report.corridors.iter().find(|row| row.corridor == *name);
            if let Some(row) = corridor {
                rows.extend(levels.rows(Some(name), &row.response, row.counts, seconds));
            }
        }
        rows
    }
}

impl Levels {
    fn read(table: &toml::Table, text: &str, top: bool) -> Result<Self, String> {
        let mut levels = Vec::new();
        for (name, value) in table {
            let at = || place(text, name);
            let Some(key) = KEYS.into_iter().find(|key| key == name) else {
                if top && name == "corridors" {
                    continue;
                }
                let known = KEYS.join(", ");
                return Err(format!(
                    "{name} is no service level{}; there are {known}",
                    at()
                ));
            };
            let whole = |number: i64| i32::try_from(number).ok().map(f64::from);
            let number = value.as_float().or_else(|| whole(value.as_integer()?));
            let number = number.ok_or_else(|| format!("{name} is no number{}", at()))?;
            let share = key == "error_share_max" && number > 1.0;
            if !number.is_finite() || number < 0.0 || share {
                return Err(format!("{name} = {value} is impossible{}", at()));
            }
            levels.push((key, number));
        }
        let order = |key: &str| KEYS.iter().position(|known| *known == key);
        levels.sort_by_key(|(key, _)| order(key));
        Ok(Self(levels))
    }

    fn rows(
        &self,
        scope: Option<&str>,
        response: &Quantiles,
        counts: Counts,
        seconds: f64,
    ) -> Vec<SloRow> {
        let row = |(key, bound): (&'static str, f64)| {
            let us = |us: Option<f64>| (us.map(|us| us / 1_000.0), "ms");
            let (measured, unit) = match key {
                "p50_ms" => us(response.p50_us),
                "p90_ms" => us(response.p90_us),
                "p99_ms" => us(response.p99_us),
                "p999_ms" => us(response.p999_us),
                "max_ms" => us(response.max_us),
                "error_share_max" => (counts.error_share(), ""),
                _ => (Some(counts.answered as f64 / seconds), "/s"),
            };
            let is_floor = key == "payments_per_second_min";
            let met = measured.is_some_and(|value| {
                if is_floor {
                    value >= bound
                } else {
                    value <= bound
                }
            });
            let side = if is_floor { "at least" } else { "at most" };
            SloRow {
                name: scope.map_or_else(|| key.to_owned(), |scope| format!("{scope} {key}")),
                scope: scope.map(str::to_owned),
                asked: format!("{side} {}", shown(bound, unit)),
                measured: measured.map_or_else(
                    || "n/a: too few payments".to_owned(),
                    |value| shown(value, unit),
                ),
                met,
                bound_us: key.ends_with("_ms").then_some(bound * 1_000.0),
            }
        };
        self.0.iter().copied().map(row).collect()
    }
}

impl Counts {
    /// Of first answers, those that shed, refused, or did not know the outcome.
    pub(crate) fn error_share(&self) -> Option<f64> {
        let told = self.answered + self.refused;
        (told > 0).then(|| (self.refused + self.unresolved) as f64 / told as f64)
    }
}

fn shown(value: f64, unit: &str) -> String {
    let text = match unit {
        "/s" => format!("{value:.0}"),
        "ms" => format!("{value:.3}"),
        _ => format!("{value:.6}"),
    };
    format!("{text} {unit}").trim_end().to_owned()
}

/// Where a key first stands, for people.
fn place(text: &str, key: &str) -> String {
    let line = (1..).zip(text.lines()).find(|(_, line)| {
        let line = line.trim_start_matches([' ', '\t', '[', '"']);
        line.starts_with(key)
    });
    line.map_or_else(String::new, |(number, line)| {
        let column = line.find(key).unwrap_or(0) + 1;
        format!(" (line {number}, column {column})")
    })
}

/// Response times in milliseconds, from the intended instant; of first answers, the share of those
/// that shed, refused, or did not know the outcome (68, 09); payments answered a second.
const KEYS: [&str; 7] = [
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "error_share_max",
    "payments_per_second_min",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        Counts {
            started: 1_000,
            answered: 990,
            approved: 980,
            declined: 5,
            reversed: 0,
            unresolved: 5,
            refused: 10,
        }
    }

    fn response(p999_us: Option<f64>) -> Quantiles {
        Quantiles {
            count: 985,
            p50_us: Some(300.0),
            p90_us: Some(700.0),
            p99_us: Some(2_000.0),
            p999_us,
            max_us: Some(9_000.0),
        }
    }

    #[test]
    fn each_level_is_met_or_missed_at_its_bound() {
        let text = "p50_ms = 0.3\np99_ms = 1.999\np999_ms = 5\nmax_ms = 9\n\
            error_share_max = 0.015\npayments_per_second_min = 99.1\n";
        let slo = Slo::from_text(text).unwrap();
        let rows = slo.whole.rows(None, &response(None), counts(), 10.0);
        let met: Vec<(&str, bool)> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.met))
            .collect();
        assert_eq!(
            met,
            [
                ("p50_ms", true),
                ("p99_ms", false),
                ("p999_ms", false),
                ("max_ms", true),
                ("error_share_max", true),
                ("payments_per_second_min", false),
            ]
        );
        assert_eq!(rows[1].asked, "at most 1.999 ms");
        assert_eq!(rows[1].measured, "2.000 ms");
        assert_eq!(rows[2].measured, "n/a: too few payments");
        assert_eq!(
            (rows[5].asked.as_str(), rows[5].measured.as_str()),
            ("at least 99 /s", "99 /s")
        );
    }

    #[test]
    fn corridors_have_levels_of_their_own_and_must_exist() {
        let slo = Slo::from_text("[corridors.MY-CN]\np99_ms = 3\n").unwrap();
        let levels = &slo.corridors["MY-CN"];
        let rows = levels.rows(Some("MY-CN"), &response(None), counts(), 1.0);
        assert_eq!((rows[0].name.as_str(), rows[0].met), ("MY-CN p99_ms", true));
        slo.check(&["MY-CN".to_owned()]).unwrap();
        let error = slo.check(&["KR-CN".to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("MY-CN") && error.contains("KR-CN"),
            "{error}"
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_place() {
        for (text, expected) in [
            (
                "p50_ms = 1\np98_ms = 2\n",
                "p98_ms is no service level (line 2, column 1)",
            ),
            (
                "[corridors.MY-CN]\n  p1_ms = 2\n",
                "p1_ms is no service level (line 2, column 3)",
            ),
            ("p50_ms = \"1\"\n", "p50_ms is no number (line 1, column 1)"),
            (
                "p50_ms = -1\n",
                "p50_ms = -1 is impossible (line 1, column 1)",
            ),
            ("error_share_max = 5\n", "error_share_max = 5 is impossible"),
            ("p50_ms = nan\n", "is impossible"),
            ("corridors.X = 1\n", "corridors.X is no table"),
            ("", "it asks for nothing"),
            ("p50_ms = \n", "line 1"),
        ] {
            let error = Slo::from_text(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}

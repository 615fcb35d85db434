//! THE REPORT: what a run was, what it measured, what the judge says. The same for people and JSON.

pub(crate) mod comparison;
pub(crate) mod files;
mod health;
mod histograms;
mod page;
pub(crate) mod pairs;
pub(crate) mod scenarios;
pub(crate) mod search;
pub(crate) mod series;
pub(crate) mod slo;
mod summary;
pub(crate) mod table;

use cpg_switch::model::outcome::Presentation;
use serde::Serialize;

use crate::cast::Cast;
use crate::drive::{Course, Driven, Pace};
use crate::environment::Environment;
use crate::health::Health;
use crate::judge::books::Standing;
use crate::judge::originators::Originators;
use crate::judge::verdict::Verdict;
use crate::machine::Elsewhere;
use crate::mix::Fate;
use crate::plan::Spacing;
use crate::plan::design::About;
use crate::play::Piece;
use crate::record::Record;
use crate::record::latency::Latency;
use crate::report::scenarios::ScenarioRow;
use crate::report::series::{CorridorRow, Counts, SeriesReport, Spectra};
use crate::report::slo::SloRow;
use crate::send::Tally;
use crate::watch::Sample;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Of the fields: it grows where one goes or means something else.
    pub(crate) format: u32,
    /// Of this program.
    pub(crate) version: &'static str,
    /// When measuring began: seconds since 1970.
    pub(crate) began_s: f64,
    /// `debug` numbers say nothing about speed.
    pub(crate) build: &'static str,
    /// Makes the same traffic again.
    pub(crate) seed: u64,
    /// The first four characters of every reference.
    pub(crate) run: String,
    /// `disk` or `memory`.
    pub(crate) commit: String,
    /// What was planned.
    pub(crate) plan: PlanReport,
    /// Who played, and how.
    pub(crate) setup: Option<Setup>,
    /// Where.
    pub(crate) environment: Environment,
    /// Payments sent, warm-up included.
    pub(crate) payments: u64,
    /// Payments answered in the measured time, a second.
    pub(crate) payments_per_second: f64,
    /// Payments that were shed or refused: neither throughput nor response time.
    pub(crate) payments_refused: u64,
    /// What took how long.
    pub(crate) latency: Latencies,
    /// CPU time for one payment.
    pub(crate) cpu: Cpu,
    /// What became of payments, by what was to become of them.
    pub(crate) outcomes: Vec<OutcomeRow>,
    /// Codes of the first answers.
    pub(crate) codes: Vec<CodeRow>,
    /// Payments by what both sides speak.
    pub(crate) pairs: Vec<PairRow>,
    pub(crate) scenarios: Vec<ScenarioRow>,
    /// What else was said.
    pub(crate) messages: Messages,
    /// How the generator did.
    pub(crate) generator: Generator,
    /// Whether every promise held.
    pub(crate) verdict: VerdictReport,
    /// Service levels that were asked for, and whether they were met.
    pub(crate) slo: Vec<SloRow>,
    /// The measured time by corridor.
    pub(crate) corridors: Vec<CorridorRow>,
    /// The measured time by interval.
    pub(crate) series: SeriesReport,
    /// How many payments took at most how long.
    pub(crate) spectrum: Spectra,
}

/// Who played, and how.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Setup {
    pub(crate) protocols: Vec<&'static str>,
    pub(crate) presentations: Vec<&'static str>,
    /// Of each participant that sends payments.
    pub(crate) links: u32,
    /// Of each that only answers.
    pub(crate) destination_links: u32,
    /// Of the generator; null: not pinned.
    pub(crate) core: Option<usize>,
    /// Whether the generator polls.
    pub(crate) spin: bool,
}

/// What was planned.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlanReport {
    /// `open` or `closed`. Latencies of a closed loop say nothing about an open world.
    #[serde(rename = "loop")]
    pub(crate) kind: &'static str,
    /// Payments a second, in an open loop.
    pub(crate) rate: Option<u64>,
    /// `constant` or `poisson`, in an open loop.
    pub(crate) spacing: Option<&'static str>,
    /// Payments in flight, in a closed loop.
    pub(crate) window: Option<u32>,
    /// Not measured.
    pub(crate) warm_up_ms: u64,
    /// Measured.
    pub(crate) duration_ms: u64,
    /// The profile that was played; null: none.
    pub(crate) profile: Option<About>,
}

/// The four clocks.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latencies {
    /// From the intended instant to the answer.
    pub(crate) response: Quantiles,
    /// From the real send to the answer.
    pub(crate) service: Quantiles,
    /// From the intended instant to the real send.
    pub(crate) start_lag: Quantiles,
    /// Payments answered 68, at the switch's deadline.
    pub(crate) unanswered: Quantiles,
}

/// Quantiles in microseconds; null where there were too few samples to tell.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p90_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    pub(crate) p999_us: Option<f64>,
    pub(crate) max_us: Option<f64>,
}

/// CPU time of both processes for one payment; null where it was not watched.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cpu {
    /// The switch, all its threads.
    pub(crate) switch_us_per_payment: Option<f64>,
    /// Of it, its shards' threads: what payments wait for. The rest packs and archives segments.
    pub(crate) shards_us_per_payment: Option<f64>,
    /// The generator.
    pub(crate) generator_us_per_payment: Option<f64>,
    /// What the machine did for others meanwhile.
    pub(crate) elsewhere: Option<Elsewhere>,
}

/// One fate.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct OutcomeRow {
    pub(crate) script: &'static str,
    pub(crate) approved: u64,
    pub(crate) declined: u64,
    pub(crate) reversed: u64,
    pub(crate) unresolved: u64,
    pub(crate) refused: u64,
    pub(crate) unanswered: u64,
}

/// One response code.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CodeRow {
    pub(crate) code: String,
    pub(crate) count: u64,
}

/// One pair of protocols.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PairRow {
    pub(crate) originator: &'static str,
    pub(crate) destination: &'static str,
    pub(crate) cpm: u64,
    pub(crate) mpm: u64,
}

/// Messages beside payments.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Messages {
    pub(crate) repeats: u64,
    pub(crate) conflicting_repeats: u64,
    pub(crate) conflicts_refused_94: u64,
    pub(crate) status_inquiries: u64,
    pub(crate) code_inquiries: u64,
    pub(crate) quotes: u64,
    pub(crate) reversal_requests: u64,
    pub(crate) reversal_advices: u64,
    pub(crate) reversals_at_destinations: u64,
    pub(crate) payment_advices: u64,
    pub(crate) echoes_asked: u64,
    pub(crate) echoes_answered: u64,
    pub(crate) foreign: u64,
}

/// How the generator did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Generator {
    /// Whether the response times are the switch's and not the generator's own.
    pub(crate) valid: bool,
    /// Times at which a payment was due and no link had room for it.
    pub(crate) held: u64,
    /// Most payments in flight at once.
    pub(crate) in_flight_max: u32,
    /// When every link was lost: the run ended there, and so does the report. Null: it did not.
    pub(crate) cut_short_ms: Option<u64>,
    /// Whether everything came to its end in time.
    pub(crate) settled: bool,
    /// What was offered and what became of it, threads, and Little's law.
    pub(crate) health: Health,
}

/// What the judge says.
#[derive(Clone, Default, Debug, Serialize)]
pub(crate) struct VerdictReport {
    /// Whether every promise held.
    pub(crate) holds: bool,
    /// Payments compared.
    pub(crate) payments: u64,
    /// Answers and advices heard.
    pub(crate) answers: u64,
    /// Records of the run in the journal; null: no journal was read.
    pub(crate) journal_records: Option<u64>,
    /// Broken rules.
    pub(crate) violations: u64,
    /// The first of them.
    pub(crate) listed: Vec<ViolationRow>,
}

/// One broken rule.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ViolationRow {
    pub(crate) rule: &'static str,
    pub(crate) payment: String,
    pub(crate) place: String,
    pub(crate) detail: String,
}

/// What a report is made of besides the verdict.
#[derive(Debug)]
pub(crate) struct Material<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) course: &'a Course,
    pub(crate) driven: &'a Driven,
    pub(crate) record: &'a Record,
    pub(crate) tally: &'a Tally,
    pub(crate) commit: &'a str,
    pub(crate) samples: &'a [Sample],
}

/// What is counted in the originators' book, before the judge closes it.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    outcomes: Vec<OutcomeRow>,
    codes: Vec<CodeRow>,
    pairs: Vec<PairRow>,
    scenarios: Vec<ScenarioRow>,
}

impl Counted {
    /// Counts every page.
    pub(crate) fn new(cast: &Cast, originators: &Originators) -> Self {
        let mut by_fate = [[0_u64; Standing::ALL.len()]; Fate::ALL.len()];
        let mut codes: Vec<CodeRow> = Vec::new();
        let mut pairs: Vec<PairRow> = Vec::new();
        let pages = || originators.pages().iter().filter(|page| page.sent > 0);
        for page in pages() {
            by_fate[page.fate as usize][page.standing as usize] += 1;
            let code = page
                .code
                .map_or_else(|| "none".to_owned(), |code| code.to_string());
            match codes.iter_mut().find(|row| row.code == code) {
                Some(row) => row.count += 1,
                None => codes.push(CodeRow { code, count: 1 }),
            }
            let lane = cast.lane(page.lane);
            let originator = cast.player(lane.originator).protocol.name();
            let destination = cast.player(lane.destination).protocol.name();
            let counts = (
                u64::from(lane.presentation == Presentation::Cpm),
                u64::from(lane.presentation == Presentation::Mpm),
            );
            let known = pairs
                .iter_mut()
                .find(|row| row.originator == originator && row.destination == destination);
            match known {
                Some(row) => {
                    row.cpm += counts.0;
                    row.mpm += counts.1;
                }
                None => {
                    pairs.push(PairRow {
                        originator,
                        destination,
                        cpm: counts.0,
                        mpm: counts.1,
                    });
                }
            }
        }
        codes.sort_by(|one, other| one.code.cmp(&other.code));
        pairs.sort_by_key(|row| (row.originator, row.destination));
        let outcomes = Fate::ALL
            .iter()
            .map(|fate| OutcomeRow::new(fate.name(), &by_fate[*fate as usize]))
            .filter(|row| row.total() > 0)
            .collect();
        Self {
            outcomes,
            codes,
            pairs,
            scenarios: scenarios::count(cast, pages()),
        }
    }
}

impl OutcomeRow {
    fn new(script: &'static str, counts: &[u64; Standing::ALL.len()]) -> Self {
        Self {
            script,
            approved: counts[Standing::Approved as usize],
            declined: counts[Standing::Declined as usize],
            reversed: counts[Standing::Reversed as usize],
            unresolved: counts[Standing::Unresolved as usize],
            refused: counts[Standing::Refused as usize],
            unanswered: counts[Standing::Unanswered as usize],
        }
    }

    /// All payments with this script.
    pub(crate) const fn total(&self) -> u64 {
        self.approved
            + self.declined
            + self.reversed
            + self.unresolved
            + self.refused
            + self.unanswered
    }
}

impl Report {
    /// Puts it together.
    pub(crate) fn new(
        material: &Material<'_>,
        seed: u64,
        counted: Counted,
        verdict: &Verdict,
    ) -> Self {
        let Material {
            cast,
            course,
            driven,
            record,
            tally,
            commit,
            samples,
        } = material;
        let whole = record.whole();
        let closed = matches!(course.pace, Pace::Window(_));
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            began_s: ratio(driven.from.wall.0 / 1_000_000, 1_000),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
            seed,
            run: String::from_utf8_lossy(cast.references().run()).into_owned(),
            commit: (*commit).to_owned(),
            plan: PlanReport::new(course, driven),
            setup: None,
            environment: Environment::here(None),
            payments: verdict.payments,
            payments_per_second: ratio(tally.measured, driven.measured_ns) * 1e9,
            payments_refused: tally.refused,
            latency: Latencies {
                response: Quantiles::of(&whole.response),
                service: Quantiles::of(&whole.service),
                start_lag: Quantiles::of(&whole.lag),
                unanswered: Quantiles::of(&record.unanswered),
            },
            cpu: Cpu {
                switch_us_per_payment: per(driven.target_cpu_us, tally.measured),
                shards_us_per_payment: per(driven.shards_cpu_us, tally.measured),
                generator_us_per_payment: per(driven.own_cpu_us, tally.measured),
                elsewhere: driven.elsewhere,
            },
            outcomes: counted.outcomes,
            codes: counted.codes,
            pairs: counted.pairs,
            scenarios: counted.scenarios,
            messages: Messages::of(tally),
            generator: Generator {
                valid: closed || driven.health.is_valid(whole.generator_was_late()),
                held: tally.held,
                in_flight_max: tally.course.in_flight_max,
                cut_short_ms: driven.cut_short_ms,
                settled: driven.settled,
                health: driven.health.clone(),
            },
            verdict: VerdictReport::of(verdict),
            slo: Vec::new(),
            corridors: series::corridors(record),
            series: SeriesReport::new(record, samples),
            spectrum: Spectra {
                response: series::spectrum(&whole.response),
                service: series::spectrum(&whole.service),
            },
        }
    }
}

impl Report {
    /// The measured time.
    pub(crate) fn seconds(&self) -> f64 {
        let intervals = &self.series.intervals;
        intervals.last().map_or(0.0, |row| row.end_ms / 1_000.0)
    }

    /// What to say of a run whose links were all lost; `None`: it came to its end.
    pub(crate) fn cut_short(&self) -> Option<String> {
        let ms = self.generator.cut_short_ms?;
        Some(format!(
            "every link was lost {}.{} s after measuring began: the switch ended, or was cut off; \
             what is said here is of that time, and what was unanswered then stays so",
            ms / 1_000,
            ms / 100 % 10
        ))
    }

    /// All corridors together.
    pub(crate) fn counts(&self) -> Counts {
        Counts::sum(self.corridors.iter().map(|row| row.counts))
    }
}

impl Setup {
    pub(crate) fn of(piece: &Piece) -> Self {
        let presentation = |presentation: &Presentation| match presentation {
            Presentation::Cpm => "cpm",
            Presentation::Mpm => "mpm",
        };
        Self {
            protocols: piece.protocols.iter().map(|it| it.name()).collect(),
            presentations: piece.presentations.iter().map(presentation).collect(),
            links: piece.links,
            destination_links: piece.destination_links,
            core: piece.core,
            spin: piece.spin,
        }
    }
}

impl PlanReport {
    fn new(course: &Course, driven: &Driven) -> Self {
        let (kind, rate, spacing, window) = match course.pace {
            Pace::Rate(rate, Spacing::Constant) => ("open", Some(rate), Some("constant"), None),
            Pace::Rate(rate, Spacing::Poisson) => ("open", Some(rate), Some("poisson"), None),
            Pace::Window(window) => ("closed", None, None, Some(window)),
        };
        Self {
            kind,
            rate,
            spacing,
            window,
            warm_up_ms: course.warm_up_ms,
            duration_ms: course.duration_ms,
            profile: driven.about().cloned(),
        }
    }
}

impl Quantiles {
    fn of(latency: &Latency) -> Self {
        let us = |ns: Option<u64>| ns.map(|ns| ratio(ns, 1_000));
        Self {
            count: latency.count(),
            p50_us: us(latency.quantile_ns(0.5)),
            p90_us: us(latency.quantile_ns(0.9)),
            p99_us: us(latency.quantile_ns(0.99)),
            p999_us: us(latency.quantile_ns(0.999)),
            max_us: us(latency.longest_ns()),
        }
    }
}

impl Messages {
    const fn of(tally: &Tally) -> Self {
        Self {
            repeats: tally.repeats,
            conflicting_repeats: tally.conflicts,
            conflicts_refused_94: tally.conflicts_refused,
            status_inquiries: tally.inquiries,
            code_inquiries: tally.code_inquiries,
            quotes: tally.quotes,
            reversal_requests: tally.reversal_requests,
            reversal_advices: tally.reversal_advices,
            reversals_at_destinations: tally.reversals_seen,
            payment_advices: tally.advices_seen,
            echoes_asked: tally.echoes,
            echoes_answered: tally.echoes_answered,
            foreign: tally.foreign,
        }
    }
}

impl VerdictReport {
    /// Nothing was compared yet.
    pub(crate) const fn nothing() -> Self {
        Self {
            holds: true,
            payments: 0,
            answers: 0,
            journal_records: Some(0),
            violations: 0,
            listed: Vec::new(),
        }
    }

    /// For people and JSON.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        let listed = verdict
            .violations
            .listed()
            .iter()
            .map(|violation| ViolationRow {
                rule: violation.rule.name(),
                payment: violation.key.clone(),
                place: violation.place.clone(),
                detail: violation.detail.clone(),
            });
        Self {
            holds: verdict.holds(),
            payments: verdict.payments,
            answers: verdict.answers,
            journal_records: verdict.records,
            violations: verdict.violations.total(),
            listed: listed.collect(),
        }
    }
}

/// See `report.json` in REPORT.md.
const FORMAT: u32 = 1;

fn per(total_us: Option<u64>, payments: u64) -> Option<f64> {
    (payments > 0).then_some(())?;
    total_us.map(|total_us| ratio(total_us, payments))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "statistics: 53 bits are more than was measured"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests;

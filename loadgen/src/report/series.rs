//! The run interval by interval and corridor by corridor, as the report says it.

use serde::Serialize;

use crate::judge::books::Standing;
use crate::record::Record;
use crate::record::latency::{IntervalLatency, Latency};
use crate::record::series::{Cell, Series};
use crate::report::{Quantiles, ratio};
use crate::target::ThreadsCpu;
use crate::watch::Sample;

/// Payments of one kind in one span. What is answered is counted when the answer came.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub(crate) struct Counts {
    pub(crate) started: u64,
    /// All that follow but `refused`.
    pub(crate) answered: u64,
    pub(crate) approved: u64,
    pub(crate) declined: u64,
    pub(crate) reversed: u64,
    /// Answered 68 or 09: an advice tells later.
    pub(crate) unresolved: u64,
    /// Shed or refused: no throughput.
    pub(crate) refused: u64,
}

/// One corridor over the whole measured time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CorridorRow {
    /// `MY-CN`: the payer's wallet's country and the merchant's; or a scenario.
    pub(crate) corridor: String,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    pub(crate) response: Quantiles,
    pub(crate) service: Quantiles,
}

/// The run over time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SeriesReport {
    /// Length of an interval; the last one may be shorter.
    pub(crate) interval_ms: u64,
    pub(crate) intervals: Vec<IntervalRow>,
    /// Both processes between two looks at them, which do not fall on the intervals' bounds.
    pub(crate) machine: Vec<MachineRow>,
}

/// One interval.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IntervalRow {
    /// From the beginning of the measured time.
    pub(crate) start_ms: f64,
    pub(crate) end_ms: f64,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    pub(crate) in_flight_mean: f64,
    pub(crate) in_flight_max: u32,
    /// Of payments that were intended for this interval.
    pub(crate) response: Quantiles,
    pub(crate) service: Quantiles,
    pub(crate) start_lag: Quantiles,
    /// In the order of the report's `corridors`.
    pub(crate) corridors: Vec<CellRow>,
}

/// One corridor in one interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CellRow {
    #[serde(flatten)]
    pub(crate) counts: Counts,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
}

/// What both processes did between two looks. Percent of one core. Null: it was not watched.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct MachineRow {
    pub(crate) start_ms: f64,
    pub(crate) end_ms: f64,
    pub(crate) shards_percent: Option<f64>,
    /// The switch's other threads.
    pub(crate) rest_percent: Option<f64>,
    pub(crate) generator_percent: Option<f64>,
    pub(crate) journal_records_per_second: Option<f64>,
    pub(crate) journal_writes_per_second: Option<f64>,
    pub(crate) journal_bytes_per_second: Option<f64>,
    /// At the second look.
    pub(crate) uncommitted_bytes: Option<u64>,
}

/// Points of a curve: the share of payments that took at most so long.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Spectra {
    pub(crate) response: Vec<SpectrumPoint>,
    pub(crate) service: Vec<SpectrumPoint>,
}

/// One point.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SpectrumPoint {
    /// 0 to 1.
    pub(crate) share: f64,
    pub(crate) us: f64,
}

impl Counts {
    fn of(cell: &Cell) -> Self {
        let told = |standing| cell.answered[standing as usize];
        let mut counts = Self {
            started: cell.started,
            answered: 0,
            approved: told(Standing::Approved),
            declined: told(Standing::Declined),
            reversed: told(Standing::Reversed),
            unresolved: told(Standing::Unresolved),
            refused: told(Standing::Refused),
        };
        counts.answered = counts.approved + counts.declined + counts.reversed + counts.unresolved;
        counts
    }

    pub(crate) fn sum(cells: impl Iterator<Item = Self>) -> Self {
        cells.fold(Self::default(), |sum, cell| Self {
            started: sum.started + cell.started,
            answered: sum.answered + cell.answered,
            approved: sum.approved + cell.approved,
            declined: sum.declined + cell.declined,
            reversed: sum.reversed + cell.reversed,
            unresolved: sum.unresolved + cell.unresolved,
            refused: sum.refused + cell.refused,
        })
    }
}

/// Every corridor.
pub(crate) fn corridors(record: &Record) -> Vec<CorridorRow> {
    let series = &record.series;
    let row = |(place, name): (usize, &String)| {
        let cells = series.intervals().iter().map(|it| &it.cells[place]);
        let merged = |pick: fn(&Cell) -> &IntervalLatency| {
            Quantiles::of(&series.merged(|row| row == place, pick))
        };
        CorridorRow {
            corridor: name.clone(),
            counts: Counts::sum(cells.map(Counts::of)),
            response: merged(|cell| &cell.response),
            service: merged(|cell| &cell.service),
        }
    };
    series.corridors().iter().enumerate().map(row).collect()
}

impl SeriesReport {
    pub(crate) fn new(record: &Record, samples: &[Sample]) -> Self {
        let series = &record.series;
        let places = 0..series.intervals().len();
        Self {
            interval_ms: series.interval_ns() / NS_PER_MS,
            intervals: places.map(|place| interval(series, place)).collect(),
            machine: samples
                .windows(2)
                .filter_map(|two| machine(series, &two[0], &two[1]))
                .collect(),
        }
    }
}

fn interval(series: &Series, place: usize) -> IntervalRow {
    let it = &series.intervals()[place];
    let (start_ns, end_ns) = series.span_ns(place);
    let merged = |pick: fn(&Cell) -> &IntervalLatency| {
        let mut latency = Latency::new();
        it.cells.iter().for_each(|cell| latency.merge(pick(cell)));
        Quantiles::of(&latency)
    };
    let alone = |latency: &IntervalLatency| {
        let mut whole = Latency::new();
        whole.merge(latency);
        Quantiles::of(&whole)
    };
    let cell = |cell: &Cell| {
        let response = alone(&cell.response);
        CellRow {
            counts: Counts::of(cell),
            p50_us: response.p50_us,
            p99_us: response.p99_us,
        }
    };
    IntervalRow {
        start_ms: ratio(start_ns, NS_PER_MS),
        end_ms: ratio(end_ns, NS_PER_MS),
        counts: Counts::sum(it.cells.iter().map(Counts::of)),
        in_flight_mean: ratio(it.in_flight_ns, end_ns - start_ns),
        in_flight_max: it.in_flight_max,
        response: merged(|cell| &cell.response),
        service: merged(|cell| &cell.service),
        start_lag: alone(&it.lag),
        corridors: it.cells.iter().map(cell).collect(),
    }
}

/// Between two looks in the measured time.
fn machine(series: &Series, before: &Sample, after: &Sample) -> Option<MachineRow> {
    let within = series.contains(before.at_ns) && series.contains(after.at_ns);
    let ns = after.at_ns.checked_sub(before.at_ns).filter(|_| within)?;
    let start_ns = before.at_ns - series.began_ns();
    let percent = |before: Option<u64>, after: Option<u64>| {
        Some(100.0 * ratio(after?.saturating_sub(before?), ns))
    };
    let shards = |cpu: Option<ThreadsCpu>| cpu?.shards_ns;
    let rest = |cpu: Option<ThreadsCpu>| Some(cpu?.all_ns - cpu?.shards_ns?);
    let all = |cpu: Option<ThreadsCpu>| Some(cpu?.all_ns);
    let journal = before.journal.zip(after.journal);
    let rate = |before: u64, after: u64| 1e9 * ratio(after.saturating_sub(before), ns);
    Some(MachineRow {
        start_ms: ratio(start_ns, NS_PER_MS),
        end_ms: ratio(start_ns + ns, NS_PER_MS),
        shards_percent: percent(shards(before.switch), shards(after.switch)),
        rest_percent: percent(rest(before.switch), rest(after.switch)),
        generator_percent: percent(all(before.own), all(after.own)),
        journal_records_per_second: journal.map(|(one, two)| rate(one.records, two.records)),
        journal_writes_per_second: journal.map(|(one, two)| rate(one.writes, two.writes)),
        journal_bytes_per_second: journal
            .map(|(one, two)| rate(one.written_bytes, two.written_bytes)),
        uncommitted_bytes: journal.map(|(_, two)| two.uncommitted_bytes),
    })
}

/// A curve, as far as there are samples: the last point is the longest.
pub(crate) fn spectrum(latency: &Latency) -> Vec<SpectrumPoint> {
    let points = latency.histogram().iter_quantiles(TICKS_PER_HALF);
    points
        .map(|point| SpectrumPoint {
            share: point.quantile(),
            us: ratio(point.value_iterated_to(), 1_000),
        })
        .collect()
}

const NS_PER_MS: u64 = 1_000_000;
/// Points between one power of two of what is left and the next.
const TICKS_PER_HALF: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::corridors::Corridors;
    use crate::record::series::Answered;
    use crate::watch::metrics::JournalCounters;

    const SECOND_NS: u64 = 1_000_000_000;

    fn record() -> Record {
        let mut record = Record::new(Corridors::one(1));
        record.series.measure_between(SECOND_NS, 2 * SECOND_NS);
        for sample in 0..1_000 {
            let intended_ns = SECOND_NS + sample * 1_000_000;
            record.series.started(0, intended_ns, 1);
            record.answered(&Answered {
                lane: 0,
                standing: Standing::Approved,
                intended_ns,
                sent_ns: intended_ns,
                now_ns: intended_ns + 500_000,
            });
        }
        record
    }

    #[test]
    fn intervals_add_up_to_corridors() {
        let record = record();
        let report = SeriesReport::new(&record, &[]);
        assert_eq!(report.intervals.len(), 2);
        let started: u64 = report.intervals.iter().map(|it| it.counts.started).sum();
        let corridors = corridors(&record);
        assert_eq!((started, corridors[0].counts.started), (1_000, 1_000));
        assert_eq!(corridors[0].counts.answered, 1_000);
        assert_eq!(corridors[0].response.count, 1_000);
        assert_eq!(report.intervals[1].start_ms, 500.0);
    }

    #[test]
    fn a_spectrum_rises_to_the_longest() {
        let latency = record().whole().response;
        let points = spectrum(&latency);
        assert!(points.windows(2).all(|two| two[0].share <= two[1].share));
        assert!(points.windows(2).all(|two| two[0].us <= two[1].us));
        assert_eq!(points.last().unwrap().share, 1.0);
    }

    #[test]
    fn shares_of_a_core_lie_between_two_looks() {
        let record = record();
        let at = |ms: u64, used_ms: u64, writes: u64| Sample {
            at_ns: SECOND_NS + ms * NS_PER_MS,
            switch: Some(ThreadsCpu {
                all_ns: 3 * used_ms * NS_PER_MS,
                shards_ns: Some(2 * used_ms * NS_PER_MS),
            }),
            own: None,
            journal: Some(JournalCounters {
                writes,
                ..JournalCounters::default()
            }),
        };
        let samples = [at(100, 0, 0), at(300, 50, 20), at(1_200, 60, 30)];
        let rows = SeriesReport::new(&record, &samples).machine;
        assert_eq!(rows.len(), 1, "the last look came after the end");
        let row = rows[0];
        assert_eq!((row.start_ms, row.end_ms), (100.0, 300.0));
        assert_eq!(
            (row.shards_percent, row.rest_percent),
            (Some(50.0), Some(25.0))
        );
        assert_eq!(row.generator_percent, None);
        assert_eq!(row.journal_writes_per_second, Some(100.0));
    }
}

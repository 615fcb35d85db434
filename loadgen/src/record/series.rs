//! HOW A RUN WENT, interval by interval and corridor by corridor: counts and histograms.
//!
//! All memory is taken before the run; a payment costs two histogram entries and some additions.
//! Counts belong to the interval in which they happened. Times belong to the interval for which the
//! payment was *intended*, so that a switch that stood still shows when, and not only afterwards.
//! What a whole run or a whole corridor took is merged from intervals: it is never averaged.

use crate::judge::books::Standing;
use crate::record::corridors::Corridors;
use crate::record::latency::{IntervalLatency, Latency};

/// One corridor in one interval.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// Payments issued.
    pub(crate) started: u64,
    /// First answers, by what they meant; none is unanswered.
    pub(crate) answered: [u64; Standing::ALL.len()],
    /// From the intended instant to the answer.
    pub(crate) response: IntervalLatency,
    /// From the real send to the answer.
    pub(crate) service: IntervalLatency,
}

/// One interval.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    /// By corridor.
    pub(crate) cells: Vec<Cell>,
    /// From the intended instant to the real send.
    pub(crate) lag: IntervalLatency,
    /// Most payments in flight at once.
    pub(crate) in_flight_max: u32,
    /// Payments in flight, added up over time: by the interval's length it is their mean.
    pub(crate) in_flight_ns: u64,
}

/// A payment that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// Of whom by whom.
    pub(crate) lane: u16,
    /// What the answer meant.
    pub(crate) standing: Standing,
    /// When it was to be sent.
    pub(crate) intended_ns: u64,
    /// When it was sent.
    pub(crate) sent_ns: u64,
    /// When the answer was read.
    pub(crate) now_ns: u64,
}

/// All intervals of the measured time.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    corridors: Corridors,
    from_ns: u64,
    to_ns: u64,
    interval_ns: u64,
    intervals: Vec<Interval>,
    /// The interval of the last turn: where it begins, and its place.
    current: (u64, usize),
    turn_ns: u64,
}

impl Series {
    /// Nothing is measured yet.
    pub(crate) const fn new(corridors: Corridors) -> Self {
        Self {
            corridors,
            from_ns: u64::MAX,
            to_ns: 0,
            interval_ns: 1,
            intervals: Vec::new(),
            current: (u64::MAX, 0),
            turn_ns: 0,
        }
    }

    /// Takes the memory for so long a run; it takes a while, so call it before the first instant.
    pub(crate) fn prepare(&mut self, duration_ns: u64) {
        self.interval_ns = interval_ns(duration_ns);
        let count = duration_ns.div_ceil(self.interval_ns).max(1);
        let cell = || Cell {
            started: 0,
            answered: [0; Standing::ALL.len()],
            response: IntervalLatency::new(),
            service: IntervalLatency::new(),
        };
        let interval = |_| Interval {
            cells: self.corridors.names().iter().map(|_| cell()).collect(),
            lag: IntervalLatency::new(),
            in_flight_max: 0,
            in_flight_ns: 0,
        };
        self.intervals = (0..count).map(interval).collect();
    }

    /// Measures what lies between these instants.
    pub(crate) fn measure_between(&mut self, from_ns: u64, to_ns: u64) {
        let duration_ns = to_ns.saturating_sub(from_ns);
        let prepared = u64::try_from(self.intervals.len()).unwrap_or(0) * self.interval_ns;
        if prepared < duration_ns || self.interval_ns != interval_ns(duration_ns) {
            self.prepare(duration_ns);
        }
        (self.from_ns, self.to_ns) = (from_ns, to_ns);
        self.current = (from_ns, 0);
        self.turn_ns = from_ns;
    }

    /// A turn begins, with so many payments in flight since the last one.
    pub(crate) fn turn(&mut self, now_ns: u64, in_flight: u32) {
        let since_ns = now_ns.saturating_sub(self.turn_ns.max(self.from_ns));
        let Some(place) = self.place(now_ns) else {
            return;
        };
        self.turn_ns = now_ns;
        let place_ns = u64::try_from(place).expect("a place fits") * self.interval_ns;
        self.current = (self.from_ns + place_ns, place);
        let interval = &mut self.intervals[place];
        interval.in_flight_ns += u64::from(in_flight) * since_ns;
        interval.in_flight_max = interval.in_flight_max.max(in_flight);
    }

    /// A payment is issued; so many are in flight with it.
    pub(crate) fn started(&mut self, lane: u16, now_ns: u64, in_flight: u32) {
        let row = self.corridors.of(lane);
        if let Some(place) = self.place(now_ns) {
            let interval = &mut self.intervals[place];
            interval.in_flight_max = interval.in_flight_max.max(in_flight);
            interval.cells[row].started += 1;
        }
    }

    /// A payment was really sent.
    pub(crate) fn sent(&mut self, intended_ns: u64, now_ns: u64) {
        if let Some(place) = self.place(intended_ns) {
            let lag_ns = now_ns.saturating_sub(intended_ns);
            self.intervals[place].lag.add(lag_ns);
        }
    }

    /// A payment was answered. Times are kept of what its destination answered; whether they were.
    pub(crate) fn answered(&mut self, answered: &Answered) -> bool {
        let row = self.corridors.of(answered.lane);
        if let Some(place) = self.place(answered.now_ns) {
            self.intervals[place].cells[row].answered[answered.standing as usize] += 1;
        }
        let timed = !matches!(
            answered.standing,
            Standing::Refused | Standing::Unresolved | Standing::Unanswered
        );
        let Some(place) = self.place(answered.intended_ns).filter(|_| timed) else {
            return false;
        };
        let cell = &mut self.intervals[place].cells[row];
        let since = |ns| answered.now_ns.saturating_sub(ns);
        cell.response.add(since(answered.intended_ns));
        cell.service.add(since(answered.sent_ns));
        true
    }

    /// Whether an instant is measured.
    pub(crate) const fn contains(&self, ns: u64) -> bool {
        self.from_ns <= ns && ns < self.to_ns
    }

    /// When measuring began.
    pub(crate) const fn began_ns(&self) -> u64 {
        self.from_ns
    }

    /// How long an interval is; the last one may be shorter.
    pub(crate) const fn interval_ns(&self) -> u64 {
        self.interval_ns
    }

    /// Where the interval at `place` lies, from the beginning of the measured time.
    pub(crate) fn span_ns(&self, place: usize) -> (u64, u64) {
        let whole = self.to_ns.saturating_sub(self.from_ns);
        let place = u64::try_from(place).expect("a place fits");
        let end = (place + 1).saturating_mul(self.interval_ns);
        ((place * self.interval_ns).min(whole), end.min(whole))
    }

    /// All of them.
    pub(crate) fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Names of the corridors, in the order of cells.
    pub(crate) fn corridors(&self) -> &[String] {
        self.corridors.names()
    }

    /// `pick` of all cells that `of` takes, merged.
    pub(crate) fn merged(
        &self,
        of: impl Fn(usize) -> bool,
        pick: impl Fn(&Cell) -> &IntervalLatency,
    ) -> Latency {
        let mut latency = Latency::new();
        for interval in &self.intervals {
            let cells = interval.cells.iter().enumerate();
            for (_, cell) in cells.filter(|(row, _)| of(*row)) {
                latency.merge(pick(cell));
            }
        }
        latency
    }

    /// Start lag of the whole run.
    pub(crate) fn lag(&self) -> Latency {
        let mut latency = Latency::new();
        for interval in &self.intervals {
            latency.merge(&interval.lag);
        }
        latency
    }

    /// Which interval an instant lies in; nearly always that of the last turn, without a division.
    fn place(&self, ns: u64) -> Option<usize> {
        if !self.contains(ns) {
            return None;
        }
        let (begin_ns, place) = self.current;
        if begin_ns <= ns && ns - begin_ns < self.interval_ns {
            return Some(place);
        }
        let place = (ns - self.from_ns) / self.interval_ns;
        usize::try_from(place).ok()
    }
}

/// Half a second where the run is short, then a second; longer where there would be too many.
fn interval_ns(duration_ns: u64) -> u64 {
    let long_enough = |ms: &u64| duration_ns <= ms * NS_PER_MS * INTERVALS_MAX;
    let half = if duration_ns <= SHORT_NS { 500 } else { 1_000 };
    let lengths = [half, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000];
    let found = lengths.into_iter().find(long_enough);
    let longest = duration_ns.div_ceil(INTERVALS_MAX * NS_PER_MS);
    found.unwrap_or(longest).max(1) * NS_PER_MS
}

/// A row of figures that a page can still show.
const INTERVALS_MAX: u64 = 120;
const NS_PER_MS: u64 = 1_000_000;
/// Up to this, seconds would be too few to see anything.
const SHORT_NS: u64 = 30_000 * NS_PER_MS;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = NS_PER_MS;

    fn series() -> Series {
        let mut series = Series::new(Corridors::one(1));
        series.measure_between(1_000 * MS, 3_000 * MS);
        series
    }

    fn answered(intended_ms: u64, now_ms: u64, standing: Standing) -> Answered {
        Answered {
            lane: 0,
            standing,
            intended_ns: intended_ms * MS,
            sent_ns: (intended_ms + 1) * MS,
            now_ns: now_ms * MS,
        }
    }

    #[test]
    fn runs_of_every_length_have_a_bounded_number_of_intervals() {
        for (seconds, expected_ms, count) in [
            (1, 500, 2),
            (30, 500, 60),
            (31, 1_000, 31),
            (120, 1_000, 120),
            (121, 2_000, 61),
            (3_600, 30_000, 120),
            (86_400, 720_000, 120),
        ] {
            let mut series = Series::new(Corridors::one(1));
            series.prepare(seconds * 1_000 * MS);
            let found = (series.interval_ns() / MS, series.intervals().len());
            assert_eq!(found, (expected_ms, count), "{seconds} s");
        }
    }

    #[test]
    fn counts_lie_where_they_happened_and_times_where_they_were_intended() {
        let mut series = series();
        for (now_ms, in_flight) in [(900, 9), (1_000, 3), (1_400, 1), (1_600, 2)] {
            series.turn(now_ms * MS, in_flight);
        }
        series.started(0, 1_100 * MS, 4);
        series.sent(1_100 * MS, 1_101 * MS);
        assert!(series.answered(&answered(1_100, 2_700, Standing::Approved)));
        assert!(
            !series.answered(&answered(999, 1_700, Standing::Approved)),
            "warm-up"
        );
        assert!(
            series.answered(&answered(2_999, 3_700, Standing::Declined)),
            "settling"
        );
        assert!(!series.answered(&answered(1_100, 1_700, Standing::Refused)));
        assert!(!series.answered(&answered(1_100, 1_700, Standing::Unresolved)));
        let counts: Vec<(u64, u64)> = series
            .intervals()
            .iter()
            .map(|it| (it.cells[0].started, it.cells[0].answered.iter().sum()))
            .collect();
        assert_eq!(counts, [(1, 0), (0, 3), (0, 0), (0, 1)]);
        let times: Vec<u64> = series
            .intervals()
            .iter()
            .map(|it| it.cells[0].response.histogram().len())
            .collect();
        assert_eq!(times, [1, 0, 0, 1]);
        let whole = series.merged(|_| true, |cell| &cell.service);
        assert_eq!(whole.count(), 2);
        assert!(whole.longest_ns().unwrap().abs_diff(1_599 * MS) < 2 * MS);
        assert_eq!(
            (series.lag().count(), series.intervals()[0].in_flight_max),
            (1, 4)
        );
        // 400 ms with one; the rest of that turn, 200 ms with two, counts where it ends.
        assert_eq!(series.intervals()[0].in_flight_ns, 400 * MS);
        assert_eq!(series.intervals()[1].in_flight_ns, 400 * MS);
        assert_eq!(series.span_ns(3), (1_500 * MS, 2_000 * MS));
    }

    #[test]
    fn corridors_are_merged_alone_or_together() {
        let mut series = series();
        series.answered(&answered(1_000, 1_100, Standing::Approved));
        assert_eq!(
            series.merged(|row| row == 0, |cell| &cell.response).count(),
            1
        );
        assert_eq!(
            series.merged(|row| row == 1, |cell| &cell.response).count(),
            0
        );
    }
}

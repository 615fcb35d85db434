//! Judges samples: counts since the start, with the time of their reading, go in; alerts that begin
//! and end come out. Pure: no clock, no file, no thread.
//!
//! ```text
//! sample -> window: until enough came, or long enough -> beside what is usual -> bad, well, or not
//! bad twice: raised   well three times: over   bad for an hour at least: that is usual now
//! ```
//!
//! What is judged bad is not learnt as usual. What changes more slowly than the usual does, over
//! hours, is not seen here.

use std::collections::{BTreeMap, VecDeque};

use super::rules::{Rule, Test};
use super::usual::{UNLIKELY, Usual, differ, differ_in_count, place, real};
use crate::model::metric::{BUCKETS, Histogram, bound_ns};
use crate::model::time::Wall;

/// Subjects that are watched at once, over all rules.
pub const TRACKS_MAX: usize = 4_096;
/// Alerts that are open at once; what would be more is counted.
pub const OPEN_MAX: usize = 64;
/// Alerts that are over and still told of.
pub const ENDED_MAX: usize = 100;

/// Events after which a window is full.
const ENOUGH: u64 = 50;
/// Samples after which it is full all the same.
const SAMPLES_MAX: u32 = 30;
/// Samples of a window in which is counted how many come: a minute.
const SAMPLES_OF_A_COUNT: u32 = 6;
/// Bad windows that raise, and good ones that end an alert.
const RAISE_AFTER: u32 = 2;
const END_AFTER: u32 = 3;
/// Bad windows after which what is bad is taken for usual: an hour of them, or more.
const USUAL_AFTER: u32 = 360;
/// Times below this are never slow: 10 ms.
const SLOW_NS_MIN: u64 = 10_000_000;

/// What was read of one subject. Counts are since the start.
#[derive(Clone, Copy, Debug)]
pub enum Measured<'m> {
    /// So many, and of how many.
    Share(u64, u64),
    /// So many.
    Count(u64),
    /// Times by size.
    Times(&'m Histogram),
    /// So much, now.
    Level(u64),
}

/// One number at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'s> {
    /// By which rule it is judged. Its test and what was measured are of one kind.
    pub rule: Rule,
    /// Whose it is.
    pub subject: &'s str,
    /// The number.
    pub measured: Measured<'s>,
}

/// Numbers for whoever doubts.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Evidence {
    /// In the unit of the rule, in the last window.
    pub now: f64,
    /// What is usual.
    pub usual: f64,
    /// How many it is of now.
    pub of_now: f64,
    /// How many the usual is of; older ones count less.
    pub of_usual: f64,
}

/// Something that somebody should know.
#[derive(Clone, PartialEq, Debug)]
pub struct Alert {
    /// Counts from 1.
    pub number: u64,
    /// By which rule.
    pub rule: Rule,
    /// Who or what.
    pub subject: String,
    /// When it was raised.
    pub since: Wall,
    /// When it was over, and whether only because it is usual by now.
    pub until: Option<(Wall, bool)>,
    /// When it was raised.
    pub evidence: Evidence,
    /// In the last window.
    pub latest: Evidence,
}

/// What became of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Finding {
    Bad,
    Well,
    Neither,
}

/// One subject under one rule.
#[derive(Debug)]
struct Track {
    last: Option<Vec<u64>>,
    counts: Vec<u64>,
    samples: u32,
    usual: Usual,
    bad: u32,
    well: u32,
    alert: Option<Alert>,
}

/// All that is watched.
#[derive(Debug, Default)]
pub struct Judge {
    tracks: BTreeMap<Rule, BTreeMap<String, Track>>,
    watched: usize,
    open: usize,
    ended: VecDeque<Alert>,
    raised: u64,
    left_out: u64,
}

impl Judge {
    /// Takes one sample, and tells the alert that began or ended with it.
    pub fn look(&mut self, at: Wall, sight: &Sight<'_>) -> Option<Alert> {
        let known = self.tracks.get(&sight.rule);
        if !known.is_some_and(|tracks| tracks.contains_key(sight.subject)) {
            if self.watched == TRACKS_MAX {
                self.left_out = self.left_out.saturating_add(1);
                return None;
            }
            self.watched += 1;
            let tracks = self.tracks.entry(sight.rule).or_default();
            tracks.insert(sight.subject.to_owned(), Track::new(&sight.measured));
        }
        let tracks = self.tracks.get_mut(&sight.rule)?;
        let track = tracks.get_mut(sight.subject)?;
        let (finding, evidence) = track.window(sight)?;
        track.count(finding);
        if let Some(alert) = &mut track.alert {
            alert.latest = evidence;
            let is_level = matches!(sight.rule.row().test, Test::Level(..));
            let is_usual = track.bad >= USUAL_AFTER && !is_level;
            if track.well < END_AFTER && !is_usual {
                return None;
            }
            alert.until = Some((at, is_usual));
            track.bad = 0;
            let alert = track.alert.take()?;
            self.open -= 1;
            self.ended.push_front(alert.clone());
            self.ended.truncate(ENDED_MAX);
            return Some(alert);
        }
        if track.bad < RAISE_AFTER {
            return None;
        }
        if self.open == OPEN_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.open += 1;
        self.raised += 1;
        let alert = Alert {
            number: self.raised,
            rule: sight.rule,
            subject: sight.subject.to_owned(),
            since: at,
            until: None,
            evidence,
            latest: evidence,
        };
        track.alert = Some(alert.clone());
        Some(alert)
    }

    /// What is wrong now, the oldest first.
    pub fn open(&self) -> Vec<&Alert> {
        let tracks = self.tracks.values().flat_map(BTreeMap::values);
        let mut open: Vec<_> = tracks.filter_map(|track| track.alert.as_ref()).collect();
        open.sort_by_key(|alert| alert.number);
        open
    }

    /// What is over, the newest first.
    pub fn ended(&self) -> impl Iterator<Item = &Alert> {
        self.ended.iter()
    }

    /// Samples and alerts for which there was no room.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Track {
    fn new(measured: &Measured<'_>) -> Self {
        let places = counts(measured).len();
        Self {
            last: None,
            counts: vec![0; places],
            samples: 0,
            usual: Usual::new(places),
            bad: 0,
            well: 0,
            alert: None,
        }
    }

    /// Adds a sample to the window, and judges the window if it is full.
    fn window(&mut self, sight: &Sight<'_>) -> Option<(Finding, Evidence)> {
        let total = counts(&sight.measured);
        if let Test::Level(raise, end) = sight.rule.row().test {
            return Some(level(total[0], (raise, end)));
        }
        let last = self.last.replace(total)?;
        let total = self.last.as_deref().unwrap_or_default();
        for ((count, total), last) in self.counts.iter_mut().zip(total).zip(last) {
            *count += total.saturating_sub(last);
        }
        self.samples += 1;
        let is_full = match sight.measured {
            Measured::Count(_) => self.samples >= SAMPLES_OF_A_COUNT,
            _ => self.counts.iter().sum::<u64>() >= ENOUGH || self.samples >= SAMPLES_MAX,
        };
        if !is_full {
            return None;
        }
        let judged = self.judged(sight.rule.row().test);
        let is_bad = judged.0 == Finding::Bad;
        let is_empty = self.counts.iter().all(|count| *count == 0);
        let says_nothing = is_empty && !matches!(sight.measured, Measured::Count(_));
        if is_bad && self.bad + 1 == USUAL_AFTER {
            self.usual = Usual::new(self.counts.len());
        } else if !is_bad && !says_nothing && self.alert.is_none() {
            self.usual.learn(&self.counts, self.samples);
        }
        self.counts.fill(0);
        self.samples = 0;
        Some(judged)
    }

    fn count(&mut self, finding: Finding) {
        match finding {
            Finding::Bad => (self.bad, self.well) = (self.bad.saturating_add(1), 0),
            Finding::Well => {
                self.well = self.well.saturating_add(1);
                if self.alert.is_none() || self.well >= END_AFTER {
                    self.bad = 0;
                }
            }
            Finding::Neither if self.alert.is_none() => (self.bad, self.well) = (0, 0),
            Finding::Neither => self.well = 0,
        }
    }

    fn judged(&self, test: Test) -> (Finding, Evidence) {
        if !self.usual.is_known() {
            return (Finding::Neither, Evidence::default());
        }
        match test {
            Test::ShareFalls(step) => self.share(step, -1.0),
            Test::ShareRises(step) => self.share(step, 1.0),
            Test::CountFalls(part) => self.number(|now, usual| now / usual <= part, 3.0 * part),
            Test::CountRises(times, least) => self.number(
                |now, usual| now >= real(least) && now >= usual * times,
                0.5 * times,
            ),
            Test::TimesDrift => self.times(),
            Test::Level(..) => (Finding::Neither, Evidence::default()),
        }
    }

    /// The first place is the part; all places together are the whole.
    fn share(&self, step: f64, sign: f64) -> (Finding, Evidence) {
        let (part, all) = (real(self.counts[0]), real(self.counts.iter().sum()));
        let usual_all = self.usual.from(0);
        let usual_part = usual_all - self.usual.from(1);
        if all <= 0.0 || usual_all <= 0.0 {
            return (Finding::Neither, Evidence::default());
        }
        let evidence = Evidence {
            now: part / all,
            usual: usual_part / usual_all,
            of_now: all,
            of_usual: usual_all,
        };
        let away = sign * (evidence.now - evidence.usual);
        let unlikely = differ((part, all), (usual_part, usual_all)) >= UNLIKELY;
        (found(away >= step && unlikely, away < step / 2.0), evidence)
    }

    /// In a minute. It is well again between the usual's half and `well`, or its inverse.
    fn number(&self, is_bad: impl Fn(f64, f64) -> bool, well: f64) -> (Finding, Evidence) {
        let samples = f64::from(self.samples);
        let (count, usual_count) = (real(self.counts[0]), self.usual.from(0));
        let a_minute = f64::from(SAMPLES_OF_A_COUNT);
        let evidence = Evidence {
            now: count * a_minute / samples,
            usual: usual_count * a_minute / self.usual.samples(),
            of_now: count,
            of_usual: usual_count,
        };
        let unlikely = differ_in_count((count, samples), (usual_count, self.usual.samples()));
        let is_bad = is_bad(evidence.now, evidence.usual) && unlikely >= UNLIKELY;
        let is_well = if well < 1.0 {
            evidence.now >= evidence.usual * well
        } else {
            evidence.now <= evidence.usual * well || unlikely < UNLIKELY / 2.0
        };
        (found(is_bad, is_well), evidence)
    }

    /// Two places further is twice as long.
    fn times(&self) -> (Finding, Evidence) {
        let now = self.counts.iter().map(|count| real(*count));
        let all = now.clone().sum::<f64>();
        let usual_all = self.usual.from(0);
        if all <= 0.0 || usual_all <= 0.0 {
            return (Finding::Neither, Evidence::default());
        }
        let drift = |part: f64| {
            let (is, was) = (place(now.clone(), part), self.usual.place(part));
            let slow = (was + 1).min(BUCKETS - 1);
            let slower: f64 = now.clone().skip(slow).sum();
            let unlikely = differ((slower, all), (self.usual.from(slow), usual_all));
            let is_slow = is >= was + 2 && bound_ns(is) >= SLOW_NS_MIN;
            (is_slow && unlikely >= UNLIKELY, is >= was + 2)
        };
        let (half, most) = (drift(0.5), drift(0.95));
        let ms = |place: usize| real(bound_ns(place.min(BUCKETS - 2))) / 1e6;
        let evidence = Evidence {
            now: ms(place(now.clone(), 0.95)),
            usual: ms(self.usual.place(0.95)),
            of_now: all,
            of_usual: usual_all,
        };
        (found(half.0 || most.0, !half.1 && !most.1), evidence)
    }
}

fn found(is_bad: bool, is_well: bool) -> Finding {
    match (is_bad, is_well) {
        (true, _) => Finding::Bad,
        (false, true) => Finding::Well,
        (false, false) => Finding::Neither,
    }
}

fn level(now: u64, (raise, end): (u64, u64)) -> (Finding, Evidence) {
    let evidence = Evidence {
        now: real(now),
        usual: real(raise),
        of_now: 1.0,
        of_usual: 0.0,
    };
    (found(now >= raise, now <= end), evidence)
}

fn counts(measured: &Measured<'_>) -> Vec<u64> {
    match measured {
        Measured::Share(part, all) => vec![*part, all.saturating_sub(*part)],
        Measured::Count(count) | Measured::Level(count) => vec![*count],
        Measured::Times(times) => times.counts.to_vec(),
    }
}

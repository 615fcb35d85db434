//! HOW THE GENERATOR DID: what it was to send and did not, how busy its threads were, and whether
//! its own clocks agree with its own counts.
//!
//! *Little's law*: payments in flight on average are payments a second times the time that each is
//! in flight, `N = X R`. N is counted at sends and answers as they happen; X R is summed from each
//! payment's own two clock readings, of which only the part within the measured time counts. They
//! come by different ways, so a clock that was read late or a payment that was lost sets them
//! apart.

use std::fs;

use serde::Serialize;

use crate::send::Floor;

/// What was offered and what became of it, and whether the clocks can be believed.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Health {
    /// Instants of the plan that had come when the run ended, warm-up included.
    pub(crate) offered: u64,
    /// Payments that were sent for them.
    pub(crate) started: u64,
    /// And how.
    #[serde(flatten)]
    pub(crate) course: Course,
    /// The bound on payments in flight.
    pub(crate) in_flight_limit: u32,
    /// What becomes of the overdue.
    pub(crate) late: &'static str,
    /// CPU time of each thread of the generator in the measured time.
    pub(crate) threads: Vec<ThreadLoad>,
    /// Little's law; null where nothing was answered.
    pub(crate) littles_law: Option<LittlesLaw>,
}

/// What became of the plan, counted as it happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Course {
    /// Sent late because there was no room: too many were in flight, or every link was full.
    pub(crate) waited: u64,
    /// Left out: the generator was too late (`--late skip`).
    pub(crate) missed_late: u64,
    /// Left out: the bound on payments in flight, or every link, was full for too long.
    pub(crate) missed_full: u64,
    /// Left out: its participant was cut off or signed off, as the profile says.
    pub(crate) missed_absent: u64,
    /// Sent again under the same key, because its link was cut before the answer.
    pub(crate) sent_again: u64,
    /// Answers over a new link to what was asked over one that was cut.
    pub(crate) answers_after_cut: u64,
    /// Destinations' answers that had no link left to go on.
    pub(crate) answers_lost: u64,
    /// Destinations' answers that were given at once, because too many waited for their time.
    pub(crate) answers_hurried: u64,
    /// Never sent: the plan ended first.
    pub(crate) missed_at_end: u64,
    /// `--late abort` ended the run.
    pub(crate) aborted: bool,
    /// Most payments in flight at once.
    pub(crate) in_flight_max: u32,
    /// Times at which a payment was due and as many as may be were in flight.
    pub(crate) in_flight_full: u64,
}

impl Course {
    /// Payments that were left out.
    pub(crate) const fn missed(&self) -> u64 {
        self.missed_late + self.missed_full + self.missed_absent + self.missed_at_end
    }
}

/// How busy a thread was.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ThreadLoad {
    /// As the kernel calls it.
    pub(crate) name: String,
    /// Time on a core.
    pub(crate) cpu_us: u64,
    /// Of the measured time.
    pub(crate) percent: f64,
}

/// A thread, and its time on a core since it began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ThreadTime {
    id: String,
    name: String,
    cpu_ns: u64,
}

/// `N = X R`, over the measured time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct LittlesLaw {
    /// N: counted.
    pub(crate) in_flight_mean: f64,
    /// X: payments that were answered.
    pub(crate) per_second: f64,
    /// R: the time of each in flight.
    pub(crate) in_flight_us: f64,
    /// How far X R is from N, in percent of N.
    pub(crate) apart_percent: f64,
    /// Whether that is within the tolerance.
    pub(crate) holds: bool,
}

/// Counts what is in flight, and sums how long each was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    span: (u64, u64),
    in_flight: u64,
    last_ns: u64,
    /// In flight, times nanoseconds.
    area: u128,
    /// Nanoseconds in flight, of all that were answered.
    sum_ns: u128,
    answered: u64,
}

impl Flow {
    /// Of what happens between two instants.
    pub(crate) const fn between(from_ns: u64, to_ns: u64) -> Self {
        Self {
            span: (from_ns, to_ns),
            in_flight: 0,
            last_ns: from_ns,
            area: 0,
            sum_ns: 0,
            answered: 0,
        }
    }

    /// A payment was sent.
    pub(crate) fn enter(&mut self, now_ns: u64) {
        self.pass(now_ns);
        self.in_flight += 1;
    }

    /// A payment that was sent at `sent_ns` was answered, or can never be.
    pub(crate) fn leave(&mut self, sent_ns: u64, now_ns: u64) {
        self.pass(now_ns);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.sum_ns += u128::from(self.within(sent_ns, now_ns));
        self.answered += u64::from((self.span.0..self.span.1).contains(&now_ns));
    }

    /// The law, once the measured time is over; `None` where nothing was in flight in it.
    #[expect(clippy::cast_precision_loss, reason = "statistics: 53 bits are enough")]
    pub(crate) fn law(mut self) -> Option<LittlesLaw> {
        self.pass(self.span.1);
        let whole_ns = self.span.1.saturating_sub(self.span.0) as f64;
        if self.area == 0 || self.answered == 0 {
            return None;
        }
        let counted = self.area as f64 / whole_ns;
        let summed = self.sum_ns as f64 / whole_ns;
        let apart_percent = 100.0 * (summed - counted) / counted;
        Some(LittlesLaw {
            in_flight_mean: counted,
            per_second: self.answered as f64 * 1e9 / whole_ns,
            in_flight_us: self.sum_ns as f64 / self.answered as f64 / 1e3,
            apart_percent,
            holds: apart_percent.abs() <= APART_PERCENT_MAX,
        })
    }

    fn pass(&mut self, now_ns: u64) {
        let passed_ns = self.within(self.last_ns, now_ns);
        self.area += u128::from(self.in_flight) * u128::from(passed_ns);
        self.last_ns = self.last_ns.max(now_ns);
    }

    /// How much of a time lies within ours.
    fn within(&self, from_ns: u64, to_ns: u64) -> u64 {
        to_ns
            .min(self.span.1)
            .saturating_sub(from_ns.max(self.span.0))
    }
}

impl Health {
    /// Of a run that is over.
    pub(crate) fn new(floor: &Floor<'_>, threads: Vec<ThreadLoad>) -> Self {
        let course = floor.tally.course;
        let started = floor.judge.originators.sent();
        let manner = floor.manner();
        Self {
            offered: started + course.missed(),
            started,
            course,
            in_flight_limit: manner.in_flight_max,
            late: manner.late.name(),
            threads,
            littles_law: floor.flow.law(),
        }
    }

    /// Whether so many payments waited for room that the 99th percentile of start lag is theirs:
    /// the target was slower than the plan, and the generator is not to blame.
    pub(crate) const fn is_overload(&self) -> bool {
        self.course.waited >= self.started.div_ceil(MISSED_SHARE_MAX) && self.course.waited > 0
    }

    /// Whether the numbers are the target's, where the generator `was_late` or not.
    pub(crate) fn is_valid(&self, was_late: bool) -> bool {
        self.invalid().is_none() && (self.is_overload() || !was_late)
    }

    /// Why the numbers are the generator's own; `None`: nothing here says so.
    pub(crate) fn invalid(&self) -> Option<&'static str> {
        let missed_late_max = self.offered / MISSED_SHARE_MAX;
        if self.course.aborted {
            Some("a payment was overdue, and --late abort ended the run")
        } else if self.course.missed_late > missed_late_max {
            Some("the generator left out more than a hundredth of its plan, because it was late")
        } else if self.littles_law.is_some_and(|law| !law.holds) {
            Some("its clocks and its counts disagree (Little's law, within 1 %)")
        } else {
            None
        }
    }
}

/// The time on a core of each of our threads; those whose time the kernel does not tell are left
/// out. `/proc/self/task/TID/schedstat` begins with it, in nanoseconds.
pub(crate) fn thread_times() -> Vec<ThreadTime> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let thread = |folder: std::path::PathBuf| {
        let read = |name| fs::read_to_string(folder.join(name)).ok();
        let cpu_ns = read("schedstat")?.split(' ').next()?.parse().ok()?;
        Some(ThreadTime {
            id: folder.file_name()?.to_string_lossy().into_owned(),
            name: read("comm")?.trim_end().to_owned(),
            cpu_ns,
        })
    };
    tasks.filter_map(|task| thread(task.ok()?.path())).collect()
}

/// What each thread used between two readings, `measured_ns` apart; those of one name are added up,
/// one that did nothing is left out, and so are all where there was no time to measure.
#[expect(clippy::cast_precision_loss, reason = "a share of a core")]
pub(crate) fn loads(
    before: &[ThreadTime],
    after: &[ThreadTime],
    measured_ns: u64,
) -> Vec<ThreadLoad> {
    if measured_ns < MEASURED_NS_MIN {
        return Vec::new();
    }
    let load = |thread: &ThreadTime| {
        let old = before.iter().find(|old| old.id == thread.id);
        let used_ns = thread.cpu_ns - old.map_or(0, |old| old.cpu_ns.min(thread.cpu_ns));
        (used_ns >= 1_000).then(|| ThreadLoad {
            name: thread.name.clone(),
            cpu_us: used_ns / 1_000,
            percent: 100.0 * used_ns as f64 / measured_ns as f64,
        })
    };
    let mut loads: Vec<ThreadLoad> = Vec::new();
    for load in after.iter().filter_map(load) {
        match loads.iter_mut().find(|known| known.name == load.name) {
            Some(known) => {
                known.cpu_us += load.cpu_us;
                known.percent += load.percent;
            }
            None => loads.push(load),
        }
    }
    loads
}

/// Little's law holds exactly; a clock is read a little before or after what it times.
const APART_PERCENT_MAX: f64 = 1.0;
/// A run that was given up before its measured time says nothing about it.
const MEASURED_NS_MIN: u64 = 1_000_000;
/// One payment of so many may be left out because the generator was late, or wait for room before
/// its lag counts as the target's.
const MISSED_SHARE_MAX: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn littles_law_holds_whatever_comes_and_goes_at_the_edges() {
        let mut flow = Flow::between(1_000, 2_000);
        // One was there before, one stays until after, one is within, one never was.
        flow.enter(500);
        flow.enter(1_200);
        flow.leave(500, 1_300);
        flow.leave(1_200, 1_400);
        flow.enter(1_900);
        flow.leave(1_900, 2_600);
        flow.enter(2_700);
        flow.leave(2_700, 2_800);
        let law = flow.law().unwrap();
        // 300 + 200 + 100 of 1,000.
        assert!((law.in_flight_mean - 0.6).abs() < 1e-9);
        assert!(law.apart_percent.abs() < 1e-9 && law.holds);
    }

    #[test]
    fn a_clock_that_was_read_late_is_found_out() {
        let run = |late_ns: u64| {
            let mut flow = Flow::between(0, 1_000_000);
            for number in 0..100 {
                let sent_ns = number * 10_000;
                flow.enter(sent_ns);
                flow.leave(sent_ns + late_ns, sent_ns + 5_000);
            }
            flow.law().unwrap().holds
        };
        assert!(run(0) && run(40));
        assert!(!run(100));
    }

    #[test]
    fn a_hundredth_that_waited_for_room_is_the_targets_doing() {
        for (started, waited, overload) in [(1_000, 9, false), (1_000, 10, true), (0, 0, false)] {
            let health = Health {
                started,
                course: Course {
                    waited,
                    ..Course::default()
                },
                ..Health::default()
            };
            assert_eq!(health.is_overload(), overload, "{waited} of {started}");
        }
    }

    #[test]
    fn threads_of_one_name_are_added_up_and_idle_ones_left_out() {
        let thread = |id: &str, cpu_ns| ThreadTime {
            id: id.to_owned(),
            name: "load".to_owned(),
            cpu_ns,
        };
        let before = [thread("1", 500_000), thread("2", 0)];
        let after = [
            thread("1", 1_000_000),
            thread("2", 10),
            thread("3", 250_000),
        ];
        assert_eq!(loads(&before, &after, 0), [], "nothing was measured");
        let loads = loads(&before, &after, 1_000_000);
        let found: Vec<_> = loads.iter().map(|it| (it.cpu_us, it.percent)).collect();
        assert_eq!(found, [(750, 75.0)], "of one name");
        assert!(!thread_times().is_empty());
    }
}

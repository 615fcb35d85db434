//! One run from the first payment to the last answer: warm-up, measurement, settling.

use std::sync::Arc;

use cpg_switch::model::time::{Monotonic, Now, Wall};
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::error::MachineError;

use crate::health::{self, Health, ThreadTime};
use crate::machine::{self, CoreTime, Elsewhere};
use crate::plan::curve::{Curve, Stretch};
use crate::plan::design::{About, Design};
use crate::plan::{Plan, Schedule, Source, Spacing};
use crate::record::Glance;
use crate::send::{Floor, Stage};
use crate::target;

/// How payments are issued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pace {
    /// Open loop, so many a second.
    Rate(u64, Spacing),
    /// Closed loop, so many in flight.
    Window(u32),
}

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// How payments are issued.
    pub(crate) pace: Pace,
    /// Not measured, but judged.
    pub(crate) warm_up_ms: u64,
    /// Measured.
    pub(crate) duration_ms: u64,
    /// How long answers may take at the end.
    pub(crate) settle_seconds: u64,
    /// Whose CPU time is watched.
    pub(crate) pid: Option<u32>,
    /// For a Poisson plan.
    pub(crate) seed: u64,
}

/// What a run was.
#[derive(Clone, Debug)]
pub(crate) struct Driven {
    /// When measuring began, by both clocks.
    pub(crate) from: Now,
    /// The measured time.
    pub(crate) measured_ns: u64,
    /// CPU time that the switch used in it.
    pub(crate) target_cpu_us: Option<u64>,
    /// Of it, what its shards' threads used.
    pub(crate) shards_cpu_us: Option<u64>,
    /// CPU time that the generator used in it.
    pub(crate) own_cpu_us: Option<u64>,
    /// What the machine did for others in it.
    pub(crate) elsewhere: Option<Elsewhere>,
    /// When every link was lost before the end, from the beginning of the measured time.
    pub(crate) cut_short_ms: Option<u64>,
    /// Whether everything came to its end in time.
    pub(crate) settled: bool,
    /// How the generator did.
    pub(crate) health: Health,
    /// What the plan came from; none for a closed loop.
    pub(crate) design: Option<Design>,
}

/// Where a run is, for people who watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Since the start, warm-up included.
    pub(crate) elapsed_ms: u64,
    /// Of how much.
    pub(crate) whole_ms: u64,
    /// Payments sent.
    pub(crate) sent: u64,
    /// Payments in flight.
    pub(crate) in_flight: u32,
    /// Since when `glance` counts.
    pub(crate) glance_ns: u64,
    /// What happened since then.
    pub(crate) glance: Glance,
}

impl Driven {
    /// The profile that was played.
    pub(crate) fn about(&self) -> Option<&About> {
        self.design.as_ref()?.about.as_deref()
    }
}

impl Course {
    /// What the plan of an open loop comes from.
    pub(crate) fn design(&self) -> Option<Design> {
        let Pace::Rate(rate, spacing) = self.pace else {
            return None;
        };
        let rate_milli = rate.saturating_mul(1_000);
        let stretch = Stretch::constant(self.warm_up_ms + self.duration_ms, rate_milli);
        let curve = Curve::new(&[stretch]).expect("an open loop has a rate and a duration");
        let source = Source::Curve(Arc::new(curve), spacing);
        Some(Design::of(source, self.duration_ms))
    }
}

/// Drives `stage` through `course`; `watch` is told once a second.
pub(crate) fn drive(
    stage: &mut Stage<'_>,
    course: &Course,
    watch: &mut dyn FnMut(Progress),
) -> Result<Driven, MachineError> {
    drive_by(stage, course, course.design(), watch)
}

/// As [`drive`], with an open loop by `design`.
pub(crate) fn drive_by(
    stage: &mut Stage<'_>,
    course: &Course,
    design: Option<Design>,
    watch: &mut dyn FnMut(Progress),
) -> Result<Driven, MachineError> {
    let now = Clock.now();
    let start_ns = now.monotonic.0 + LEAD_NS;
    let from_ns = start_ns + course.warm_up_ms * NS_PER_MS;
    let end_ns = from_ns + course.duration_ms * NS_PER_MS;
    let mut plan = match (&design, course.pace) {
        (Some(design), _) => {
            stage.floor.keep_to(design, start_ns);
            Plan::Open(Schedule::new(start_ns, design.source.clone(), course.seed))
        }
        (None, Pace::Window(window)) => Plan::Closed { window, end_ns },
        (None, Pace::Rate(..)) => unreachable!("an open loop has a design"),
    };
    stage.floor.measure_between(from_ns, end_ns);
    let mut meters = Meters::new(course.pid);
    let mut watched_ns = start_ns;
    loop {
        stage.turn(Some(&mut plan))?;
        let now_ns = stage.floor.now().0;
        if now_ns >= from_ns {
            meters.start();
        }
        if now_ns >= watched_ns + WATCH_NS {
            let mut progress = progress(&mut stage.floor, now_ns, start_ns, end_ns);
            progress.glance_ns = now_ns - watched_ns;
            watched_ns = now_ns;
            watch(progress);
        }
        let given_up = now_ns >= end_ns + OVERDUE_NS_MAX || stage.floor.tally.course.aborted;
        if now_ns >= end_ns && plan.is_done() || given_up || stage.floor.is_deserted() {
            break;
        }
    }
    let now_ns = stage.floor.now().0;
    let is_cut_short = stage.floor.is_deserted() && now_ns < end_ns;
    let measured_ns = now_ns.saturating_sub(from_ns).min(end_ns - from_ns);
    let used = meters.stop(measured_ns);
    // What the plan still holds was never sent.
    let left = match &plan {
        Plan::Open(schedule) => schedule.left_until(now_ns),
        Plan::Closed { .. } => 0,
    };
    stage.floor.tally.course.missed_at_end += left;
    let settled = stage.turn_until(course.settle_seconds, |floor| {
        floor.is_settled() && floor.is_whole() || floor.is_deserted()
    })?;
    // The last acknowledgements are on their way.
    stage.turn_until(1, |floor| {
        floor.now().0 >= end_ns + GRACE_NS && floor.is_quiet()
    })?;
    let health = Health::new(&stage.floor, used.threads);
    Ok(Driven {
        from: later(now, from_ns),
        measured_ns,
        target_cpu_us: used.target_cpu_us,
        shards_cpu_us: used.shards_cpu_us,
        own_cpu_us: used.own_cpu_us,
        elsewhere: used.elsewhere,
        cut_short_ms: is_cut_short.then_some(measured_ns / NS_PER_MS),
        settled,
        health,
        design,
    })
}

/// CPU time of both processes, from the start of the measured time.
#[derive(Debug)]
struct Meters {
    pid: Option<u32>,
    before: Option<Readings>,
}

#[derive(Debug)]
struct Readings {
    target_us: Option<u64>,
    shards_us: Option<u64>,
    own_us: Option<u64>,
    threads: Vec<ThreadTime>,
    cores: Option<CoreTime>,
}

struct Used {
    target_cpu_us: Option<u64>,
    shards_cpu_us: Option<u64>,
    own_cpu_us: Option<u64>,
    threads: Vec<health::ThreadLoad>,
    elsewhere: Option<Elsewhere>,
}

impl Meters {
    const fn new(pid: Option<u32>) -> Self {
        Self { pid, before: None }
    }

    /// The measured time begins; said again, it changes nothing.
    fn start(&mut self) {
        if self.before.is_none() {
            self.before = Some(self.read());
        }
    }

    fn read(&self) -> Readings {
        Readings {
            target_us: self.pid.and_then(target::cpu_us),
            shards_us: self.pid.and_then(target::shards_cpu_us),
            own_us: target::cpu_us(std::process::id()),
            threads: health::thread_times(),
            cores: machine::core_time(),
        }
    }

    /// What was used since [`Meters::start`], `measured_ns` ago.
    fn stop(&self, measured_ns: u64) -> Used {
        let after = self.read();
        let used = |after: Option<u64>, before: Option<u64>| after?.checked_sub(before?);
        let before = self.before.as_ref();
        let target_cpu_us = used(after.target_us, before.and_then(|it| it.target_us));
        let own_cpu_us = used(after.own_us, before.and_then(|it| it.own_us));
        let ours_us = target_cpu_us.unwrap_or(0) + own_cpu_us.unwrap_or(0);
        let elsewhere = before
            .and_then(|it| it.cores)
            .zip(after.cores)
            .and_then(|(before, after)| machine::elsewhere(before, after, ours_us));
        let none = Vec::new();
        let threads_before = before.map_or(&none, |it| &it.threads);
        Used {
            target_cpu_us,
            shards_cpu_us: used(after.shards_us, before.and_then(|it| it.shards_us)),
            own_cpu_us,
            threads: health::loads(threads_before, &after.threads, measured_ns),
            elsewhere,
        }
    }
}

/// Both clocks at an instant of the monotonic one.
const fn later(now: Now, monotonic_ns: u64) -> Now {
    Now {
        wall: Wall(now.wall.0 + (monotonic_ns - now.monotonic.0)),
        monotonic: Monotonic(monotonic_ns),
    }
}

fn progress(floor: &mut Floor<'_>, now_ns: u64, start_ns: u64, end_ns: u64) -> Progress {
    Progress {
        elapsed_ms: now_ns.min(end_ns).saturating_sub(start_ns) / NS_PER_MS,
        whole_ms: (end_ns - start_ns) / NS_PER_MS,
        sent: floor.judge.originators.count(),
        in_flight: floor.in_flight(),
        glance_ns: 0,
        glance: floor.record.glance(),
    }
}

const NS_PER_MS: u64 = 1_000_000;
/// From making the plan to its first instant.
const LEAD_NS: u64 = 5 * NS_PER_MS;
const WATCH_NS: u64 = 1_000 * NS_PER_MS;
/// What is overdue at the end of the plan is still sent, for this long.
const OVERDUE_NS_MAX: u64 = 5_000 * NS_PER_MS;
const GRACE_NS: u64 = 50 * NS_PER_MS;

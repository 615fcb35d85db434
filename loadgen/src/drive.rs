//! One run from the first payment to the last answer: warm-up, measurement, settling.

use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::error::MachineError;

use crate::machine::{self, Elsewhere};
use crate::plan::{Plan, Schedule, Spacing};
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driven {
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
    /// Whether everything came to its end in time.
    pub(crate) settled: bool,
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
}

/// Drives `stage` through `course`; `watch` is told a few times a second.
pub(crate) fn drive(
    stage: &mut Stage<'_>,
    course: &Course,
    watch: &mut dyn FnMut(Progress),
) -> Result<Driven, MachineError> {
    let start_ns = Clock.monotonic().0 + LEAD_NS;
    let from_ns = start_ns + course.warm_up_ms * NS_PER_MS;
    let end_ns = from_ns + course.duration_ms * NS_PER_MS;
    let mut plan = match course.pace {
        Pace::Rate(rate, spacing) => Plan::Open(Schedule::new(
            start_ns,
            end_ns - start_ns,
            rate,
            spacing,
            course.seed,
        )),
        Pace::Window(window) => Plan::Closed { window, end_ns },
    };
    stage.floor.measure_between(from_ns, end_ns);
    let cpu = |pid: Option<u32>| pid.and_then(target::cpu_us);
    let shards_cpu = || course.pid.and_then(target::shards_cpu_us);
    let own = Some(std::process::id());
    let mut before = None;
    let mut next_watch_ns = start_ns;
    loop {
        stage.turn(Some(&mut plan))?;
        let now_ns = stage.floor.now().0;
        if before.is_none() && now_ns >= from_ns {
            let cpus = (cpu(course.pid), shards_cpu(), cpu(own));
            before = Some((cpus, machine::core_time()));
        }
        if now_ns >= next_watch_ns {
            next_watch_ns = now_ns + WATCH_NS;
            watch(progress(&stage.floor, now_ns, start_ns, end_ns));
        }
        let given_up = now_ns >= end_ns + OVERDUE_NS_MAX;
        if now_ns >= end_ns && (plan.is_done() || given_up) || stage.floor.links() == 0 {
            break;
        }
    }
    let measured_ns = stage
        .floor
        .now()
        .0
        .saturating_sub(from_ns)
        .min(end_ns - from_ns);
    let used = |after: Option<u64>, before: Option<u64>| after?.checked_sub(before?);
    let (cpus_before, cores_before) = before.unwrap_or(((None, None, None), None));
    let (target_before, shards_before, own_before) = cpus_before;
    let target_cpu_us = used(cpu(course.pid), target_before);
    let shards_cpu_us = used(shards_cpu(), shards_before);
    let own_cpu_us = used(cpu(own), own_before);
    let ours_us = target_cpu_us.unwrap_or(0) + own_cpu_us.unwrap_or(0);
    let elsewhere = cores_before
        .zip(machine::core_time())
        .and_then(|(before, after)| machine::elsewhere(before, after, ours_us));
    let settled = stage.turn_until(course.settle_seconds, |floor| {
        floor.is_settled() || floor.links() == 0
    })?;
    // The last acknowledgements are on their way.
    stage.turn_until(1, |floor| {
        floor.now().0 >= end_ns + GRACE_NS && floor.is_quiet()
    })?;
    Ok(Driven {
        measured_ns,
        target_cpu_us,
        shards_cpu_us,
        own_cpu_us,
        elsewhere,
        settled,
    })
}

fn progress(floor: &Floor<'_>, now_ns: u64, start_ns: u64, end_ns: u64) -> Progress {
    Progress {
        elapsed_ms: now_ns.min(end_ns).saturating_sub(start_ns) / NS_PER_MS,
        whole_ms: (end_ns - start_ns) / NS_PER_MS,
        sent: floor.judge.originators.count(),
        in_flight: floor.in_flight(),
    }
}

const NS_PER_MS: u64 = 1_000_000;
/// From making the plan to its first instant.
const LEAD_NS: u64 = 5 * NS_PER_MS;
const WATCH_NS: u64 = 200 * NS_PER_MS;
/// What is overdue at the end of the plan is still sent, for this long.
const OVERDUE_NS_MAX: u64 = 5_000 * NS_PER_MS;
const GRACE_NS: u64 = 50 * NS_PER_MS;

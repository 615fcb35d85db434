//! Health before results: what was offered, what was not sent, how late, and whether the clocks can
//! be believed.

use core::fmt::{self, Write};

use crate::health::Health;
use crate::report::Report;
use crate::report::table::grouped;

/// All of it, ahead of any number of the switch's.
pub(super) fn write(out: &mut String, report: &Report) -> fmt::Result {
    let health = &report.generator.health;
    if let Some(why) = report.cut_short() {
        writeln!(out, "CUT SHORT: {why}")?;
    }
    write_validity(out, report)?;
    write_offered(out, health)?;
    write_room(out, report)?;
    if health.is_overload() {
        writeln!(
            out,
            "OVERLOAD: {} payments waited for room: the switch was slower than the plan, or the \
             bound or the links too few; response times count from the plan",
            grouped(health.course.waited)
        )?;
    }
    if health.course.missed_late + health.course.missed_full + health.course.missed_at_end > 0 {
        writeln!(
            out,
            "what was not sent has no response time, and would have had the longest"
        )?;
    }
    write_cuts(out, health)?;
    write_threads(out, report)?;
    writeln!(out)
}

fn write_offered(out: &mut String, health: &Health) -> fmt::Result {
    write!(
        out,
        "offered {}, started {}, warm-up included",
        grouped(health.offered),
        grouped(health.started)
    )?;
    let missed = [
        (
            health.course.missed_late,
            "missed because the generator was late",
        ),
        (
            health.course.missed_full,
            "missed because there was no room",
        ),
        (
            health.course.missed_absent,
            "left out while participants were away",
        ),
        (health.course.missed_at_end, "never sent: the run was over"),
    ];
    for (count, why) in missed.iter().filter(|(count, _)| *count > 0) {
        write!(out, ", {} {why}", grouped(*count))?;
    }
    writeln!(out, " (--late {})", health.late)
}

fn write_room(out: &mut String, report: &Report) -> fmt::Result {
    let (generator, health) = (&report.generator, &report.generator.health);
    let in_flight_max = u64::from(health.course.in_flight_max);
    write!(out, "in flight at most {}", grouped(in_flight_max))?;
    if health.in_flight_limit < u32::MAX {
        let limit = u64::from(health.in_flight_limit);
        write!(out, " of {}", grouped(limit))?;
    }
    if health.course.in_flight_full > 0 {
        let full = grouped(health.course.in_flight_full);
        write!(out, "; the plan waited {full} times for room, which is lag")?;
    }
    if generator.held > 0 {
        let held = grouped(generator.held);
        write!(
            out,
            "; it waited {held} times because no link had room: use more links"
        )?;
    }
    writeln!(out)
}

fn write_cuts(out: &mut String, health: &Health) -> fmt::Result {
    let counts = [
        (
            health.course.sent_again,
            "sent again after a cut, timed from when they were due",
        ),
        (
            health.course.answers_after_cut,
            "answered over a new link as well",
        ),
        (
            health.course.answers_lost,
            "answers of destinations lost with their links",
        ),
        (
            health.course.answers_hurried,
            "answers given too early: too many waited",
        ),
    ];
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "{} {what}", grouped(*count))?;
    }
    Ok(())
}

fn write_validity(out: &mut String, report: &Report) -> fmt::Result {
    let generator = &report.generator;
    match (generator.valid, generator.health.invalid()) {
        (true, _) => Ok(()),
        (false, Some(why)) => writeln!(out, "INVALID: {why}"),
        (false, None) => writeln!(
            out,
            "INVALID: the generator itself was late (start lag p99 above a fifth of the response \
             p99), so the response times are its own; lower the rate or give it a core"
        ),
    }
}

fn write_threads(out: &mut String, report: &Report) -> fmt::Result {
    let health = &report.generator.health;
    for thread in &health.threads {
        writeln!(
            out,
            "generator thread {}: {:.1} % of a core",
            thread.name, thread.percent
        )?;
    }
    if let Some(law) = &health.littles_law {
        writeln!(
            out,
            "Little's law: {:.2} in flight, {:.2} = {:.0}/s x {:.0} us; {:+.3} % apart, {} 1 %",
            law.in_flight_mean,
            law.per_second * law.in_flight_us / 1e6,
            law.per_second,
            law.in_flight_us,
            law.apart_percent,
            if law.holds { "within" } else { "MORE THAN" }
        )?;
    }
    Ok(())
}

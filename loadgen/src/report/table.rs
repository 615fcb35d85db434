//! The report as a text for people.

use core::fmt::{self, Write};

use crate::plan::design::{About, PhaseAbout};
use crate::profile::section::shown;
use crate::report::{Quantiles, Report, VerdictReport, health};

/// All of it.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    write_all(&mut out, report).expect("a string takes every text");
    out
}

/// The verdict alone.
pub(crate) fn verdict_text(verdict: &VerdictReport) -> String {
    let mut out = String::new();
    write_verdict(&mut out, verdict).expect("a string takes every text");
    out
}

fn write_all(out: &mut String, report: &Report) -> fmt::Result {
    write_plan(out, report)?;
    health::write(out, report)?;
    write_head(out, report)?;
    write_latencies(out, report)?;
    write_outcomes(out, report)?;
    write_scenarios(out, report)?;
    write_pairs(out, report)?;
    write_messages(out, report)?;
    write_generator(out, report)?;
    write_levels(out, report)?;
    write_verdict(out, &report.verdict)
}

fn write_plan(out: &mut String, report: &Report) -> fmt::Result {
    let plan = &report.plan;
    if let Some(about) = &plan.profile {
        write_profile(out, report, about)?;
    } else {
        write_pace(out, report)?;
    }
    if report.build == "debug" {
        writeln!(out, "debug build: the verdict counts, the numbers do not")?;
    }
    writeln!(out, "seed {}, run {}", report.seed, report.run)?;
    writeln!(out)
}

fn write_profile(out: &mut String, report: &Report, about: &About) -> fmt::Result {
    let hash = about.hash.get(..16).unwrap_or_default();
    writeln!(
        out,
        "profile {} (sha256 {hash}...): {}",
        about.profile, about.title
    )?;
    let payments = about.phases.iter().map(|phase| phase.payments).sum();
    writeln!(
        out,
        "open loop, {} payments planned in {} s ({}), at most {}/s, scale {}, commit mode {}",
        grouped(payments),
        about.duration_ms.div_ceil(1_000),
        report.plan.spacing.unwrap_or("constant"),
        grouped(about.peak_per_second),
        about.scale(),
        report.commit
    )?;
    writeln!(out, "{}", about.time())?;
    if about.phases.len() > 1 {
        let phase = |it: &PhaseAbout| format!("{} {}", it.name, grouped(it.payments));
        let phases: Vec<String> = about.phases.iter().map(phase).collect();
        writeln!(out, "payments by phase: {}", phases.join(", "))?;
    }
    for fault in &about.faults {
        writeln!(
            out,
            "on purpose: {} {} from {} s, for {} s",
            fault.participant,
            fault.kind,
            shown(fault.at_ms, 3),
            shown(fault.for_ms, 3)
        )?;
    }
    Ok(())
}

fn write_pace(out: &mut String, report: &Report) -> fmt::Result {
    let plan = &report.plan;
    let seconds = plan.duration_ms.div_ceil(1_000);
    match (plan.rate, plan.spacing, plan.window) {
        (Some(rate), Some(spacing), _) => writeln!(
            out,
            "open loop, {} payments/s planned ({spacing}), {seconds} s, commit mode {}",
            grouped(rate),
            report.commit
        ),
        (_, _, window) => writeln!(
            out,
            "closed loop (saturation: its latencies say nothing about an open world), \
             {} in flight, {seconds} s, commit mode {}",
            window.unwrap_or(0),
            report.commit
        ),
    }
}

fn write_head(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "payments answered/s   {:>12.0}",
        report.payments_per_second
    )?;
    if report.payments_refused > 0 {
        writeln!(
            out,
            "shed or refused       {:>12} (neither throughput nor response time)",
            grouped(report.payments_refused)
        )?;
    }
    if let Some(us) = report.cpu.switch_us_per_payment {
        write!(out, "switch CPU/payment    {us:>12.2} us")?;
        match report.cpu.shards_us_per_payment {
            Some(us) => writeln!(out, ", of which shards {us:.2}")?,
            None => writeln!(out)?,
        }
    }
    if let Some(us) = report.cpu.generator_us_per_payment {
        writeln!(out, "generator CPU/payment {us:>12.2} us")?;
    }
    if let Some(it) = report.cpu.elsewhere {
        writeln!(
            out,
            "machine's time        {:>12.1} % stolen by its host, {:.1} % used by others",
            it.stolen_percent, it.others_percent
        )?;
    }
    writeln!(out)
}

fn write_latencies(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "{:<26}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}",
        "microseconds", "payments", "p50", "p90", "p99", "p99.9", "max"
    )?;
    let latency = &report.latency;
    write_quantiles(out, "response (intended)", &latency.response)?;
    write_quantiles(out, "service (sent)", &latency.service)?;
    write_quantiles(out, "start lag", &latency.start_lag)?;
    if latency.unanswered.count > 0 {
        write_quantiles(out, "answered 68 (deadline)", &latency.unanswered)?;
    }
    writeln!(out)
}

fn write_quantiles(out: &mut String, name: &str, quantiles: &Quantiles) -> fmt::Result {
    write!(out, "{name:<26}{:>12}", grouped(quantiles.count))?;
    let values = [
        quantiles.p50_us,
        quantiles.p90_us,
        quantiles.p99_us,
        quantiles.p999_us,
        quantiles.max_us,
    ];
    for value in values {
        match value {
            Some(us) => write!(out, "{us:>11.0}")?,
            None => write!(out, "{:>11}", "n/a")?,
        }
    }
    writeln!(out)
}

fn write_outcomes(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "{:<22}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}",
        "script", "approved", "declined", "reversed", "refused", "open", "all"
    )?;
    for row in &report.outcomes {
        writeln!(
            out,
            "{:<22}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}",
            row.script,
            grouped(row.approved),
            grouped(row.declined),
            grouped(row.reversed),
            grouped(row.refused),
            grouped(row.unresolved + row.unanswered),
            grouped(row.total()),
        )?;
    }
    write!(out, "first answers:")?;
    for row in &report.codes {
        write!(out, "  {} x {}", row.code, grouped(row.count))?;
    }
    writeln!(out)?;
    writeln!(out)
}

fn write_scenarios(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "{:<22}{:>12}{:>11}{:>11}{:>11}",
        "scenario", "payments", "approved", "quoted", "converted"
    )?;
    for row in &report.scenarios {
        writeln!(
            out,
            "{:<22}{:>12}{:>11}{:>11}{:>11}",
            row.scenario,
            grouped(row.payments),
            grouped(row.approved),
            grouped(row.quoted),
            grouped(row.converted)
        )?;
    }
    writeln!(out)
}

fn write_pairs(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "{:<38}{:>12}{:>11}",
        "originator -> destination", "cpm", "mpm"
    )?;
    for row in &report.pairs {
        let pair = format!("{} -> {}", row.originator, row.destination);
        writeln!(
            out,
            "{pair:<38}{:>12}{:>11}",
            grouped(row.cpm),
            grouped(row.mpm)
        )?;
    }
    writeln!(out)
}

fn write_messages(out: &mut String, report: &Report) -> fmt::Result {
    let messages = &report.messages;
    let rows = [
        ("repeats", messages.repeats),
        ("conflicting repeats", messages.conflicting_repeats),
        ("refused with 94", messages.conflicts_refused_94),
        ("code inquiries", messages.code_inquiries),
        ("quotes", messages.quotes),
        ("status inquiries", messages.status_inquiries),
        ("reversal requests", messages.reversal_requests),
        ("reversal advices", messages.reversal_advices),
        (
            "reversals at destinations",
            messages.reversals_at_destinations,
        ),
        ("payment advices", messages.payment_advices),
        ("echoes", messages.echoes_asked + messages.echoes_answered),
        ("of other runs", messages.foreign),
    ];
    let said = rows.iter().filter(|(_, count)| *count > 0);
    let texts: Vec<String> = said
        .map(|(name, count)| format!("{name} {}", grouped(*count)))
        .collect();
    writeln!(out, "{}", texts.join(", "))?;
    writeln!(out)
}

fn write_generator(out: &mut String, report: &Report) -> fmt::Result {
    if !report.generator.settled {
        writeln!(
            out,
            "not everything came to its end in time; the judge says what"
        )?;
    }
    Ok(())
}

fn write_levels(out: &mut String, report: &Report) -> fmt::Result {
    for row in &report.slo {
        let word = if row.met { "met" } else { "MISSED" };
        let (name, asked, measured) = (&row.name, &row.asked, &row.measured);
        writeln!(out, "{word:<7} {name}: asked {asked}, measured {measured}")?;
    }
    Ok(())
}

fn write_verdict(out: &mut String, verdict: &VerdictReport) -> fmt::Result {
    let journal = verdict.journal_records.map_or_else(
        || "no journal read".to_owned(),
        |records| format!("{} journal records", grouped(records)),
    );
    writeln!(
        out,
        "judge: {} payments, {} answers, {journal}: {}",
        grouped(verdict.payments),
        grouped(verdict.answers),
        if verdict.holds {
            "every promise held"
        } else {
            "PROMISES WERE BROKEN"
        }
    )?;
    for row in &verdict.listed {
        writeln!(
            out,
            "  {} {} at {}: {}",
            row.rule, row.payment, row.place, row.detail
        )?;
    }
    let listed = u64::try_from(verdict.listed.len()).expect("a length fits");
    if verdict.violations > listed {
        writeln!(out, "  and {} more", grouped(verdict.violations - listed))?;
    }
    Ok(())
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }
}

//! What a build server shows of a run: JUnit's XML, and a few lines of Markdown.

use core::fmt::Write;

use crate::report::table::grouped;
use crate::report::{Quantiles, Report};

/// One thing that is good or not.
struct Case {
    name: String,
    /// Why it is not good.
    failure: Option<String>,
}

fn cases(report: &Report) -> Vec<Case> {
    let case = |name: &str, good: bool, why: String| Case {
        name: name.to_owned(),
        failure: (!good).then_some(why),
    };
    let verdict = &report.verdict;
    let listed: Vec<String> = verdict
        .listed
        .iter()
        .map(|row| {
            format!(
                "{} {} at {}: {}",
                row.rule, row.payment, row.place, row.detail
            )
        })
        .collect();
    let why = format!(
        "{} promises were broken\n{}",
        verdict.violations,
        listed.join("\n")
    );
    let late = "start lag p99 is above a millisecond and a fifth of the response p99";
    let mut cases = vec![
        case("every promise held", verdict.holds, why),
        case(
            "the generator was not the bottleneck",
            report.generator.valid,
            late.to_owned(),
        ),
        case(
            "the switch stayed until the end",
            report.generator.cut_short_ms.is_none(),
            report.cut_short().unwrap_or_default(),
        ),
        case(
            "everything came to its end in time",
            report.generator.settled,
            "the judge says what is open".to_owned(),
        ),
    ];
    cases.extend(report.slo.iter().map(|row| {
        let why = format!("asked: {}; measured: {}", row.asked, row.measured);
        case(&row.name, row.met, why)
    }));
    cases
}

/// The schema of Ant's JUnit task, as build servers read it.
pub(crate) fn junit(report: &Report) -> String {
    let cases = cases(report);
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"cpg-loadgen\" \
         tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"{:.3}\">\n",
        cases.len(),
        report.seconds(),
    );
    for case in cases {
        let name = escaped(&case.name);
        out.push_str(&match case.failure {
            None => format!("  <testcase classname=\"cpg-loadgen\" name=\"{name}\"/>\n"),
            Some(why) => format!(
                "  <testcase classname=\"cpg-loadgen\" name=\"{name}\">\n    <failure \
                 message=\"{}\"/>\n  </testcase>\n",
                escaped(&why)
            ),
        });
    }
    out.push_str("</testsuite>\n");
    out
}

/// XML 1.0, sections 2.2 and 2.4: what may not stand in an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// For a pull request's page.
pub(crate) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    write_markdown(&mut out, report).expect("a string takes every text");
    out
}

fn write_markdown(out: &mut String, report: &Report) -> core::fmt::Result {
    writeln!(out, "# cpg-loadgen\n")?;
    for case in cases(report) {
        match case.failure {
            None => writeln!(out, "- good: {}", case.name)?,
            Some(why) => {
                let first = why.lines().next().unwrap_or_default();
                writeln!(out, "- **not good: {}** ({first})", case.name)?;
            }
        }
    }
    if report.build == "debug" {
        writeln!(out, "- debug build: the verdict counts, the numbers do not")?;
    }
    writeln!(
        out,
        "\n{} payments, {:.0} answered a second, {} shed or refused, commit mode {}\n",
        grouped(report.payments),
        report.payments_per_second,
        grouped(report.payments_refused),
        report.commit
    )?;
    writeln!(
        out,
        "| microseconds | payments | p50 | p90 | p99 | p99.9 | max |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|")?;
    let latency = &report.latency;
    write_row(out, "response (from the plan)", &latency.response)?;
    write_row(out, "service (from the send)", &latency.service)?;
    write_row(out, "start lag", &latency.start_lag)?;
    for row in &report.corridors {
        write_row(out, &format!("response, {}", row.corridor), &row.response)?;
    }
    if let Some(cpu) = &report.environment.cpu {
        let kernel = report.environment.kernel.as_deref().unwrap_or("unknown");
        let cores = report.environment.cores.len();
        writeln!(out, "\n{cpu}, {cores} cores, kernel {kernel}")?;
    }
    Ok(())
}

fn write_row(out: &mut String, name: &str, it: &Quantiles) -> core::fmt::Result {
    let values = [it.p50_us, it.p90_us, it.p99_us, it.p999_us, it.max_us];
    let shown = values.map(|us| us.map_or_else(|| "n/a".to_owned(), |us| format!("{us:.0}")));
    writeln!(
        out,
        "| {name} | {} | {} |",
        grouped(it.count),
        shown.join(" | ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_cannot_be_left() {
        assert_eq!(
            escaped("a<b> & \"c\"\nd\u{7}"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;d "
        );
    }
}

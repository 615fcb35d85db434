//! A report in words, short: what `inspect` prints where nobody asked for JSON.

use super::report::{FieldReport, FindingReport, OwnerReport, Report, joined};

/// Kind, owners, fields, findings.
pub(in crate::cli) fn brief(report: &Report) -> String {
    let mut text = format!("{}\n", kind(report));
    for owner in &report.owners {
        text.push_str(&format!("  owner  {}\n", self::owner(owner)));
    }
    text.push_str(&fields(report));
    text.push_str(&findings("warning", &report.warnings));
    text.push_str(&findings("fault", &report.faults));
    text
}

/// `mpm dynamic (EMV, merchant-presented): good`.
pub(super) fn kind(report: &Report) -> String {
    let initiation = report
        .initiation
        .map(|word| format!(" {word}"))
        .unwrap_or_default();
    let long = match report.kind {
        "mpm" => "EMV, merchant-presented",
        "cpm" => "EMV, consumer-presented",
        "url" => "an address",
        "number" => "a payment code of digits",
        _ => "no code that is known",
    };
    let verdict = if report.good { "good" } else { "bad" };
    format!("{}{initiation} ({long}): {verdict}", report.kind)
}

/// `UnionPay, by network 15, institution 48000702`.
pub(super) fn owner(owner: &OwnerReport) -> String {
    let institution = owner.institution.as_ref();
    let institution = institution
        .map(|code| format!(", institution {code}"))
        .unwrap_or_default();
    format!(
        "{}, by {} {}{institution}",
        owner.name, owner.by, owner.mark
    )
}

/// One line for each field and part: where, which, what it is, what it says.
pub(super) fn fields(report: &Report) -> String {
    let mut rows = Vec::new();
    collect(&report.fields, "", &mut rows);
    for part in &report.parts {
        rows.push((part.byte, String::new(), part.name, part.value.clone()));
    }
    let widest = |width: fn(&Row) -> usize| rows.iter().map(width).max().unwrap_or_default();
    let path_width = widest(|(_, path, ..)| path.len());
    let name_width = widest(|(_, _, name, _)| name.len());
    let mut text = String::new();
    for (byte, path, name, value) in &rows {
        let line = format!("  {byte:>5}  {path:<path_width$}  {name:<name_width$}  {value}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Byte, path, name, value.
type Row = (u16, String, &'static str, String);

fn collect(fields: &[FieldReport], outer: &str, rows: &mut Vec<Row>) {
    for field in fields {
        let path = joined(outer, &field.id);
        let name = field.name.unwrap_or("unknown, ignored");
        let value = field.value.as_deref().map(escaped).unwrap_or_default();
        rows.push((field.byte, path.clone(), name, value));
        for part in &field.parts {
            rows.push((part.byte, path.clone(), part.name, escaped(&part.value)));
        }
        collect(&field.fields, &path, rows);
    }
}

/// What a terminal would act upon is shown as what it is.
fn escaped(value: &str) -> String {
    let plain = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    value.chars().map(plain).collect()
}

pub(super) fn findings(word: &str, findings: &[FindingReport]) -> String {
    let line = |finding: &FindingReport| format!("  {word}: {}\n", finding.message);
    findings.iter().map(line).collect()
}

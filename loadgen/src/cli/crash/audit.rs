//! The second opinion: `cpg-switch audit`, a program that we only start, reads the journal and the
//! participants' ledgers.

use std::fs::File;
use std::io::BufWriter;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use super::kinds::Kind;
use crate::cast::Cast;
use crate::cli::exit::Failure;
use crate::judge::Judge;
use crate::target::Launch;

/// What it said.
#[derive(Debug, Default)]
pub(super) struct Audited {
    /// Payments that were late because the switch was held, or seem so because its clock was moved.
    pub(super) late: u64,
    /// Anything else.
    pub(super) finding: Option<String>,
}

/// Has the journal audited against the books.
pub(super) fn audit(
    launch: &Launch,
    kind: Kind,
    cast: &Cast,
    judge: &Judge,
) -> Result<Audited, Failure> {
    let ledger = launch.folder.join("ledger.jsonl");
    File::create(&ledger)
        .and_then(|file| judge.write_ledger(cast, &mut BufWriter::new(file)))
        .map_err(Failure::file("write the ledger"))?;
    let output = Command::new(&launch.program)
        .args(["audit", "--json", "--ledger"])
        .arg(&ledger)
        .arg(&launch.data)
        .stdin(Stdio::null())
        .output()
        .map_err(Failure::file("run the audit"))?;
    let said = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&output.stderr).into_owned()));
    Ok(read(kind, output.status.success(), &said))
}

/// Whether it found nothing, apart from what `kind` brings about.
fn read(kind: Kind, good: bool, said: &Json) -> Audited {
    let rules = said["rules"].as_array().map(Vec::as_slice);
    let broken = |rule: &Json| rule["broken"].as_u64().unwrap_or(0);
    let (deadline, others): (Vec<_>, Vec<_>) = rules
        .unwrap_or_default()
        .iter()
        .filter(|rule| broken(rule) > 0)
        .partition(|rule| rule["invariant"] == DEADLINE_RULE);
    let late = deadline.into_iter().map(broken).sum();
    let excused = match kind {
        Kind::Stop | Kind::Clock => others.is_empty() && late > 0,
        Kind::Kill
        | Kind::Points
        | Kind::Power
        | Kind::TornHeader
        | Kind::IoError
        | Kind::NoSpace
        | Kind::Full
        | Kind::Restart => false,
    };
    if good || excused {
        return Audited {
            late,
            finding: None,
        };
    }
    let listed = said["violations"].as_array().map_or(&[][..], Vec::as_slice);
    let listed: Vec<_> = listed
        .iter()
        .take(LISTED_MAX)
        .map(Json::to_string)
        .collect();
    let rules: Vec<_> = others.into_iter().map(Json::to_string).collect();
    let name = kind.name();
    let what = if rules.is_empty() && late == 0 {
        said.to_string()
    } else {
        format!("{} ({late} late): {}", rules.join(" "), listed.join(" "))
    };
    Audited {
        late,
        finding: Some(format!("{name}: the audit found {what}")),
    }
}

/// "answered, or known to be unanswered, by the deadline": by the wall clock, which is all that a
/// journal has.
const DEADLINE_RULE: &str = "I11";
const LISTED_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(broken: &[(&str, u64)]) -> Json {
        let rules = broken
            .iter()
            .map(|(rule, broken)| json!({"invariant": rule, "broken": broken}));
        json!({"rules": rules.collect::<Vec<_>>(), "violations": [{"what": "a thing"}]})
    }

    #[test]
    fn what_the_audit_finds_is_found_and_lateness_is_excused_where_time_stood_still() {
        let clean = read(Kind::Kill, true, &said(&[("I1", 0), ("I11", 0)]));
        assert!(clean.finding.is_none() && clean.late == 0);
        for (kind, broken, excused) in [
            (Kind::Kill, ("I11", 3), false),
            (Kind::Stop, ("I11", 3), true),
            (Kind::Clock, ("I11", 3), true),
            (Kind::Stop, ("I4", 1), false),
        ] {
            let audited = read(kind, false, &said(&[("I1", 0), broken]));
            assert_eq!(audited.finding.is_none(), excused, "{kind:?} {broken:?}");
        }
        let both = read(Kind::Stop, false, &said(&[("I4", 1), ("I11", 3)]));
        assert!(both.finding.unwrap().contains("I4"));
        // It could not even read.
        assert!(
            read(Kind::Stop, false, &json!("no such folder"))
                .finding
                .is_some()
        );
    }
}

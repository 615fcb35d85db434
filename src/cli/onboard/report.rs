//! What came of each step, as a table and as JSON. Names codes and outcomes, never a payment code,
//! a text or a token.

use serde_json::{Value, json};

use crate::cli::console::Console;
use crate::control::configuration::{Listener, ParticipantEntry};
use crate::control::ready_file::framing_name;
use crate::wire::Dialect;
use crate::wire::iso8583::Charset;

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// As it must be.
    Passed(String),
    /// Not so.
    Failed {
        /// What it must be.
        expected: String,
        /// What it was.
        came: String,
    },
    /// It was not tried, or the participant did not try it.
    Skipped(String),
}

/// One step of the conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
}

impl Verdict {
    pub(super) fn failed(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self::Failed {
            expected: expected.into(),
            came: came.into(),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Failed { .. } => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Passed(what) | Self::Skipped(what) => what.clone(),
            Self::Failed { expected, came } => format!("expected {expected}; came {came}"),
        }
    }
}

/// How many steps ended so.
fn count(steps: &[Step], word: &str) -> usize {
    steps
        .iter()
        .filter(|step| step.verdict.word() == word)
        .count()
}

/// Whether no step failed.
pub(super) fn is_good(steps: &[Step]) -> bool {
    count(steps, "failed") == 0
}

/// How its links are framed and what they speak, in words.
pub(super) fn dialect_words(listener: &Listener, entry: &ParticipantEntry) -> String {
    let header = listener.framing.message_header().bytes().len();
    let header = if header > 0 {
        format!(" and {header} bytes of header")
    } else {
        String::new()
    };
    let texts = match &entry.dialect {
        Dialect::Sbe => "",
        Dialect::Iso8583(dialect) => match dialect.charset() {
            Charset::Ascii => ", texts in ASCII",
            Charset::Utf8 => ", texts in UTF-8",
            Charset::Gbk => ", texts in GBK",
            Charset::Gb18030 => ", texts in GB 18030",
            Charset::Ebcdic => ", texts in EBCDIC",
        },
    };
    let (protocol, framing) = (listener.protocol.name(), framing_name(listener.framing));
    format!("{protocol}, {framing}{header}{texts}")
}

/// Prints what came of the conversation.
pub(super) fn print(
    entry: &ParticipantEntry,
    listener: &Listener,
    steps: &[Step],
    as_json: bool,
    console: &mut Console<'_>,
) -> std::io::Result<()> {
    let name = &entry.participant.name;
    let (passed, failed, skipped) = (
        count(steps, "passed"),
        count(steps, "failed"),
        count(steps, "skipped"),
    );
    if as_json {
        let rows: Vec<Value> = steps.iter().map(row).collect();
        let report = json!({
            "participant": name,
            "institution": entry.participant.institution.to_string(),
            "protocol": listener.protocol.name(),
            "framing": framing_name(listener.framing),
            "dialect": dialect_words(listener, entry),
            "steps": rows,
            "passed": passed,
            "failed": failed,
            "skipped": skipped,
        });
        return console.print_line(&format!("{report:#}"));
    }
    let width = steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    for step in steps {
        let (word, words) = (step.verdict.word(), step.verdict.words());
        let line = format!("{:width$}  {word:7}  {words}", step.name);
        console.buffer_line(line.trim_end())?;
    }
    console.print_line(&format!(
        "{name}: {passed} passed, {failed} failed, {skipped} skipped"
    ))
}

fn row(step: &Step) -> Value {
    match &step.verdict {
        Verdict::Failed { expected, came } => json!({
            "step": step.name, "result": "failed", "expected": expected, "came": came,
        }),
        Verdict::Passed(what) | Verdict::Skipped(what) => json!({
            "step": step.name, "result": step.verdict.word(), "detail": what,
        }),
    }
}

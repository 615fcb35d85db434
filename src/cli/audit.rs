//! `audit`: whole journals, and participants' ledgers, against what is promised. Reads; never
//! changes anything.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::arguments::{self, Audit as Arguments};
use super::check::pretty;
use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use super::journal::store_failure;
use crate::fx::exponents::{iso_4217, letters};
use crate::journal::audit::{
    Audit, BalanceLine, LedgerLine, Party, Place, Report, Rule, Violation,
};
use crate::journal::reader::dump;
use crate::model::ids::Institution;
use crate::model::keys::{BusinessKey, Class};
use crate::model::money::{Currency, Money};
use crate::model::outcome::Outcome;

/// Violations that are shown to people; `--json` has more.
const SHOWN_MAX: usize = 20;

pub(super) fn execute(arguments: &Arguments, console: &mut Console<'_>) -> Ended {
    let mut audit = Audit::new(iso_4217());
    for (journal, data) in arguments.data.iter().enumerate() {
        dump(data, |shard, entry| audit.record(journal, shard, entry))
            .map_err(|error| store_failure(&error))?;
    }
    for (ledger, path) in arguments.ledger.iter().enumerate() {
        read_ledger(path, |line, it| audit.ledger(ledger, line, it))?;
    }
    let report = audit.finish();
    if arguments.json {
        console.print_line(&pretty(&in_json(arguments, &report)))?;
    } else {
        console.print(&in_words(arguments, &report))?;
    }
    Ok(if report.is_good() {
        Exit::Good
    } else {
        Exit::Integrity
    })
}

/// A line of a ledger, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    party: WrittenParty,
    institution: u64,
    class: WrittenClass,
    key: String,
    minor: i64,
    currency: u16,
    #[serde(default)]
    answers: Vec<WrittenOutcome>,
    standing: Option<WrittenOutcome>,
    #[serde(default)]
    debits: u32,
    #[serde(default)]
    given_back: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenParty {
    Originator,
    Destination,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenClass {
    Payment,
    Refund,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WrittenOutcome {
    Approved,
    Declined,
    Reversed,
}

impl From<WrittenOutcome> for Outcome {
    fn from(written: WrittenOutcome) -> Self {
        match written {
            WrittenOutcome::Approved => Self::Approved,
            WrittenOutcome::Declined => Self::Declined,
            WrittenOutcome::Reversed => Self::Reversed,
        }
    }
}

impl Written {
    fn meant(self) -> Result<LedgerLine, String> {
        let class = match self.class {
            WrittenClass::Payment => Class::Payment,
            WrittenClass::Refund => Class::Refund,
        };
        let key = arguments::key(&self.key)?;
        let currency =
            Currency::new(self.currency).ok_or("the currency is not ISO 4217 numeric")?;
        Ok(LedgerLine {
            institution: Institution::new(self.institution)
                .ok_or("the institution has 1 to 11 digits")?,
            key: BusinessKey { key, class },
            amount: Money::new(self.minor, currency).ok_or("the amount is out of range")?,
            party: match self.party {
                WrittenParty::Originator => Party::Originator {
                    answers: self.answers.into_iter().map(Outcome::from).collect(),
                    standing: self.standing.map(Outcome::from),
                },
                WrittenParty::Destination => Party::Destination {
                    debits: self.debits,
                    given_back: self.given_back,
                },
            },
        })
    }
}

fn read_ledger(path: &Path, mut each: impl FnMut(u64, LedgerLine)) -> Result<(), Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::Environment, format!("{}: {error}", path.display()))
            .hint("name a ledger as `cpg-switch audit --help` describes it")
    };
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    for (number, line) in (1_u64..).zip(file.lines()) {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        let read = serde_json::from_str::<Written>(&line).map_err(|error| error.to_string());
        let meant = read.and_then(Written::meant).map_err(|problem| {
            Failure::new(
                Exit::Usage,
                format!("{}:{number}: {problem}", path.display()),
            )
            .hint("one JSON object a line, as `cpg-switch audit --help` describes it")
        })?;
        each(number, meant);
    }
    Ok(())
}

fn in_words(arguments: &Arguments, report: &Report) -> String {
    let mut text = format!(
        "{} records, {} transactions, {} lines of {} ledger(s)\n\n",
        report.records,
        report.transactions,
        report.ledger_lines,
        arguments.ledger.len()
    );
    text.push_str("invariant   checked   broken   rule\n");
    for (rule, checked, broken) in &report.rules {
        let without = rule.needs_ledgers() && arguments.ledger.is_empty();
        let checked = if without {
            "-".to_owned()
        } else {
            checked.to_string()
        };
        let (number, says) = (rule.number(), rule.text());
        text.push_str(&format!("{number:<9} {checked:>9} {broken:>8}   {says}\n"));
    }
    let open = &report.open;
    text.push_str(&format!(
        "\nopen at the end: {} unanswered, {} unresolved, {} reversals, {} advices, \
         {} for an operator\n",
        open.unanswered, open.unresolved, open.reversals, open.advices, open.queued
    ));
    if let Some(oldest) = open.oldest {
        text.push_str(&format!("the oldest of them was received at {oldest}\n"));
    }
    text.push_str(&balance_in_words(&report.balance));
    for violation in report.violations.iter().take(SHOWN_MAX) {
        text.push_str(&format!("\n{}", violation_line(arguments, violation)));
    }
    let broken: u64 = report.rules.iter().map(|(_, _, broken)| broken).sum();
    let more = broken.saturating_sub(SHOWN_MAX as u64);
    if more > 0 {
        text.push_str(&format!("\n... and {more} more"));
    }
    text.push_str(if report.is_good() {
        "\nevery rule was kept\n"
    } else {
        "\n\nnot every rule was kept\n"
    });
    text
}

/// The trial balance, by currency; minor units.
fn balance_in_words(lines: &[BalanceLine]) -> String {
    let mut text = String::new();
    if !lines.is_empty() {
        text.push_str(
            "\ntrial balance, in minor units\ncurrency  participant   side              payments \
             refunds        reversals         standing\n",
        );
    }
    for line in lines {
        let (name, side) = (currency(line.currency), line.side.name());
        text.push_str(&format!(
            "{name:<9} {:<13} {side:<8} {:>17} {:>16} {:>16} {:>16}{}\n",
            line.participant,
            line.payments,
            line.refunds,
            line.reversals,
            line.standing,
            if line.is_balanced() {
                ""
            } else {
                "  DOES NOT BALANCE"
            }
        ));
    }
    text
}

fn currency(currency: Currency) -> String {
    letters(currency).map_or_else(|| currency.to_string(), str::to_owned)
}

fn violation_line(arguments: &Arguments, violation: &Violation) -> String {
    let Violation {
        rule, key, what, ..
    } = violation;
    let about = key.map_or_else(String::new, |key| format!(" {}", in_text(&key)));
    let place = place(arguments, violation.place);
    format!("{} {place}{about}: {what} ({})", rule.number(), rule.text())
}

fn in_text(key: &BusinessKey) -> String {
    let class = match key.class {
        Class::Payment => "payment",
        Class::Refund => "refund",
        Class::CodeInquiry => "code inquiry",
    };
    let it = &key.key;
    format!(
        "{class} {}/{}/{}",
        it.originator, it.local_date, it.reference
    )
}

fn place(arguments: &Arguments, place: Place) -> String {
    let name = |paths: &[PathBuf], index: usize| {
        paths
            .get(index)
            .map_or_else(String::new, |path| path.display().to_string())
    };
    match place {
        Place::Record {
            journal,
            shard,
            lsn,
        } => {
            format!(
                "{}: shard {}, LSN {}:",
                name(&arguments.data, journal),
                shard.0,
                lsn.0
            )
        }
        Place::Ledger { ledger, line } => format!("{}:{line}:", name(&arguments.ledger, ledger)),
        Place::Whole => "all that was read:".to_owned(),
    }
}

fn in_json(arguments: &Arguments, report: &Report) -> Json {
    let rules = report.rules.iter().map(|(rule, checked, broken)| {
        json!({
            "invariant": Rule::number(*rule),
            "rule": rule.text(),
            "needs_ledgers": rule.needs_ledgers(),
            "checked": checked,
            "broken": broken,
        })
    });
    let violations = report.violations.iter().map(|violation| {
        json!({
            "invariant": violation.rule.number(),
            "place": place(arguments, violation.place).trim_end_matches(':'),
            "key": violation.key.map(|key| in_text(&key)),
            "what": violation.what,
        })
    });
    let balance = report.balance.iter().map(|line| {
        json!({
            "currency": currency(line.currency),
            "participant": line.participant.code(),
            "side": line.side.name(),
            "payments": line.payments.to_string(),
            "refunds": line.refunds.to_string(),
            "reversals": line.reversals.to_string(),
            "standing": line.standing.to_string(),
            "balanced": line.is_balanced(),
        })
    });
    json!({
        "good": report.is_good(),
        "records": report.records,
        "transactions": report.transactions,
        "ledger_lines": report.ledger_lines,
        "rules": rules.collect::<Vec<_>>(),
        "violations": violations.collect::<Vec<_>>(),
        "trial_balance": balance.collect::<Vec<_>>(),
        "open": {
            "unanswered": report.open.unanswered,
            "unresolved": report.open.unresolved,
            "reversals": report.open.reversals,
            "advices": report.open.advices,
            "queued": report.open.queued,
            "oldest_received": report.open.oldest.map(|wall| wall.to_string()),
        },
    })
}

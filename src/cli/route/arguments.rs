//! The words of `route`. Other programs rely on them: add, never rename.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::cli::arguments::key;
use crate::model::keys::Key;
use crate::model::outcome::Presentation;
use crate::model::time::{DAY_NS, Wall};

#[derive(Subcommand, Debug)]
pub(in crate::cli) enum Route {
    /// Say where a payment with a code goes, and why
    #[command(after_help = EXAMPLES)]
    Explain(Explain),
}

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  cpg-switch route explain 281045123456789012345678
  cpg-switch route explain https://qr.alipay.com/bax0 --from touch-n-go --down alipay-acceptance
  cpg-switch route explain - --config switch.toml --amount 12.30 --currency SGD < code.txt

A code on a command line is seen by whoever may list processes: a real one belongs on standard
input. Exit codes: 0 it goes somewhere; 1 it is refused, and why is told.";

/// Where a payment with a code goes, and why.
///
/// Every rule that names something of the code is told, with the reason why it was passed over or
/// chosen. Payment codes, account numbers and what names a person are masked.
#[derive(Args, Debug)]
pub(in crate::cli) struct Explain {
    /// What the QR code or bar code holds; `-`: standard input, without its last line feed
    #[arg(value_name = "PAYLOAD")]
    pub(super) payload: OsString,
    /// Whose participants and routes [default: the embedded sandbox]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The participant that sends the payment [default: the first that finds a way]
    #[arg(long, value_name = "PARTICIPANT")]
    pub(super) from: Option<String>,
    /// Who shows the code [default: as codes of its kind are shown]
    #[arg(long, value_name = "HOW", value_parser = presentation())]
    pub(super) presentation: Option<Presentation>,
    /// The amount, in major units of `--currency` [default: the code's, or any]
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub(super) amount: Option<String>,
    /// The merchant's currency, three letters of ISO 4217 [default: the code's, or any]
    #[arg(long, value_name = "LETTERS")]
    pub(super) currency: Option<String>,
    /// The time of the day in UTC, HH:MM [default: now]
    #[arg(long, value_name = "TIME", value_parser = clock)]
    pub(super) at: Option<Wall>,
    /// A participant that is down; may be given several times
    #[arg(long, value_name = "PARTICIPANT")]
    pub(super) down: Vec<String>,
    /// The payment's key, INSTITUTION/DATE/REFERENCE: it draws one of several equals
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub(super) key: Option<Key>,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
}

fn presentation() -> impl TypedValueParser<Value = Presentation> {
    PossibleValuesParser::new(["mpm", "cpm"]).map(|word| match word.as_str() {
        "mpm" => Presentation::Mpm,
        _ => Presentation::Cpm,
    })
}

/// Some day's HH:MM: rules know no date.
fn clock(text: &str) -> Result<Wall, String> {
    let wrong = || "write the time as 22:00".to_owned();
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str, most: u64| {
        let number = digits.parse::<u64>().ok().filter(|number| *number < most);
        number.filter(|_| digits.len() == 2).ok_or_else(wrong)
    };
    let minutes = number(hours, 24)? * 60 + number(minutes, 60)?;
    Ok(Wall(minutes * (DAY_NS / 1_440)))
}

//! `code`: what a QR code or a payment code is, for people who were given one that does not work.

mod explain;
mod report;
mod words;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::arguments::{Code as Command, Inspect};
use super::check::load_failure;
use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use crate::control::configuration::Configuration;
use crate::fx::exponents;
use crate::model::limits::CODE_BYTES_MAX;
use crate::model::money::Money;
use crate::qr::Code;
use crate::wire::redact::Secrets;
pub(super) use report::Report;
pub(super) use words::brief;

pub(super) fn execute(command: &Command, console: &mut Console<'_>) -> Ended {
    match command {
        Command::Inspect(arguments) => inspect(arguments, console),
        Command::Explain(arguments) => explain::execute(arguments, console),
    }
}

fn inspect(arguments: &Inspect, console: &mut Console<'_>) -> Ended {
    let payload = payload(&arguments.payload, console)?;
    let code = Code::read(&payload);
    let report = Report::of(&code, secrets(arguments));
    let text = if arguments.json {
        pretty(&report)
    } else {
        brief(&report)
    };
    console.print_line(text.trim_end())?;
    ended(&code)
}

/// What is said at the end: nothing of a good code, the first fault of another.
fn ended(code: &Code<'_>) -> Ended {
    let Some(first) = code.faults().first() else {
        return Ok(Exit::Good);
    };
    let more = match code.faults().len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let hint =
        "scan it once more; a code that is damaged or badly made stays so: ask who issued it";
    Err(Failure::new(Exit::Failed, format!("the code is bad: {first}{more}")).hint(hint))
}

/// JSON, its keys in the order of the report.
pub(super) fn pretty(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).expect("a report is always written")
}

const fn secrets(arguments: &Inspect) -> Secrets {
    if arguments.unmask {
        Secrets::Shown
    } else {
        Secrets::Masked
    }
}

/// The configuration of `file`, or the sandbox, and what people call it.
pub(super) fn configuration(file: Option<&Path>) -> Result<(String, Configuration), Failure> {
    match file {
        Some(path) => {
            let loaded = Configuration::load(path).map_err(load_failure)?;
            Ok((path.display().to_string(), loaded))
        }
        None => Ok(("the embedded sandbox".to_owned(), Configuration::sandbox())),
    }
}

/// The amount that a code asks for.
pub(super) fn money(code: &Code<'_>) -> Option<Money> {
    let (currency, amount) = (code.currency()?, code.amount()?);
    let minor = amount.minor_units(exponents::iso_4217().of(currency)?)?;
    Money::new(i64::try_from(minor).ok()?, currency)
}

/// The payload of the command line or of standard input, without the line feed that ends a line.
pub(super) fn payload(given: &OsStr, console: &mut Console<'_>) -> Result<Vec<u8>, Failure> {
    if given != "-" {
        return Ok(given.as_bytes().to_vec());
    }
    // One byte more than any code has, and the end of a line: what is longer is refused as a code.
    let mut bytes = console.read(CODE_BYTES_MAX + 2).map_err(|error| {
        let problem = format!("cannot read standard input: {error}");
        Failure::new(Exit::Environment, problem)
    })?;
    if bytes.is_empty() {
        return Err(Failure::new(Exit::Usage, "standard input is empty")
            .hint("give the code on standard input, as in `... - < code.txt`"));
    }
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    Ok(bytes)
}

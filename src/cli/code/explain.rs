//! `code explain`: a code told for a person, and where it leads.

use serde::Serialize;

use super::report::Report;
use super::{configuration, money, payload, pretty, secrets, words};
use crate::cli::arguments::ExplainCode;
use crate::cli::console::Console;
use crate::cli::exit::Ended;
use crate::cli::route::reasons::{Question, Reasons};
use crate::cli::route::{now, shown, told as told_route};
use crate::control::configuration::Configuration;
use crate::model::ids::ParticipantIndex;
use crate::qr::{By, Code, Initiation, Kind, Leniency, Mark, Owner, Row, Scheme};
use crate::route::{Ask, Draw};

/// A report, and what only a person wants to know.
#[derive(Serialize)]
struct Explanation {
    #[serde(flatten)]
    report: Report,
    summary: String,
    because: Vec<String>,
    remedies: Vec<String>,
    route: Reasons,
}

pub(super) fn execute(arguments: &ExplainCode, console: &mut Console<'_>) -> Ended {
    let payload = payload(&arguments.inspect.payload, console)?;
    let (name, configuration) = configuration(arguments.config.as_deref())?;
    let code = Code::read(&payload);
    let report = Report::of(&code, secrets(&arguments.inspect));
    let explanation = Explanation {
        summary: summary(&code, &report),
        because: code
            .owners()
            .iter()
            .map(|owner| because(&code, owner))
            .collect(),
        remedies: code.faults().iter().map(remedy).collect(),
        route: reasons(&code, name, &configuration),
        report,
    };
    let text = if arguments.inspect.json {
        pretty(&explanation)
    } else {
        tell(&explanation)
    };
    console.print_line(text.trim_end())?;
    super::ended(&code)
}

fn tell(it: &Explanation) -> String {
    let report = &it.report;
    let mut text = format!("{}\n", it.summary);
    if !report.owners.is_empty() {
        text.push_str("\nWho may own it, in this order:\n");
        for (owner, because) in report.owners.iter().zip(&it.because) {
            text.push_str(&format!("  {}\n      {because}\n", words::owner(owner)));
        }
    }
    if !report.fields.is_empty() || !report.parts.is_empty() {
        text.push_str("\nWhat is in it (byte, field, meaning, value):\n");
        text.push_str(&words::fields(report));
    }
    if !report.warnings.is_empty() {
        text.push_str("\nWhat is unusual, and taken all the same:\n");
        text.push_str(&words::findings("warning", &report.warnings));
    }
    if report.faults.is_empty() {
        text.push_str("\nNothing is wrong with it.\n");
    } else {
        text.push_str("\nWhat is wrong, and what would be right:\n");
        for (fault, remedy) in report.faults.iter().zip(&it.remedies) {
            text.push_str(&format!("  fault: {}\n      {remedy}\n", fault.message));
        }
    }
    if report.findings_left_out > 0 {
        text.push_str(&format!("  and {} more\n", report.findings_left_out));
    }
    format!("{text}\n{}", told_route(&it.route))
}

/// Where a payment would go now that is presented as codes of its kind are.
fn reasons(code: &Code<'_>, name: String, configuration: &Configuration) -> Reasons {
    let marks = code.marks();
    let ask = Ask {
        originator: ParticipantIndex(0),
        presentation: shown(code),
        named: None,
        currency: code.currency(),
        minor: money(code).map(|money| money.minor),
        code: &marks,
        wall: now(),
        draw: Draw::Number(0),
    };
    let (from, down) = (None, [].as_slice());
    Reasons::of(name, configuration, &Question { from, down, ask })
}

/// What it is and what it asks for, in a sentence or two.
fn summary(code: &Code<'_>, report: &Report) -> String {
    let kind = match code.kind() {
        Kind::Merchant(Initiation::Static) => {
            "A merchant's code (EMV, merchant-presented), static: for any number of payments."
        }
        Kind::Merchant(Initiation::Dynamic) => {
            "A merchant's code (EMV, merchant-presented), dynamic: for one payment."
        }
        Kind::Consumer => "A payer's code (EMV, consumer-presented).",
        Kind::Url => "An address: a merchant's or receiver's code that only its issuer can read.",
        Kind::Number => "A payer's payment code of digits, good for one payment.",
        Kind::Unknown => "No code that is known.",
    };
    let Kind::Merchant(_) = code.kind() else {
        return kind.to_owned();
    };
    let money = match (&report.amount, &report.currency) {
        (Some(amount), Some(currency)) => format!("It asks for {amount} in currency {currency}"),
        (None, Some(currency)) => format!("The payer gives the amount, in currency {currency}"),
        (_, None) => "It names no currency".to_owned(),
    };
    let parts = [
        &report.merchant_name,
        &report.merchant_city,
        &report.country,
    ];
    let merchant: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
    let merchant = if merchant.is_empty() {
        String::new()
    } else {
        format!(", for {}", merchant.join(", "))
    };
    format!("{kind}\n{money}{merchant}.")
}

/// Which row of which table fits, and why.
fn because(code: &Code<'_>, owner: &Owner) -> String {
    if let Some(row) = owner.row {
        return format!("{}{}", row_fits(row), tolerances(row));
    }
    let known = owner.scheme != Scheme::Other;
    match owner.by {
        By::Guid => "no row of the table of schemes has this identifier".to_owned(),
        By::Network => "EMVCo has given this field to no network that the table knows".to_owned(),
        By::Aid if known => "its application identifier begins as the scheme's do".to_owned(),
        By::Aid => "no row of the table of applications has this identifier".to_owned(),
        By::Host => "the address begins as the scheme's do".to_owned(),
        By::Prefix => {
            let digits = code.payload().len();
            format!("its codes begin so and may have {digits} digits")
        }
    }
}

fn row_fits(row: &Row) -> String {
    let (first, last) = row.places;
    let place = if first == last {
        format!("field {first:02}")
    } else {
        format!("fields {first:02} to {last:02}")
    };
    let country = row.only_in.map(|country| format!(", in {country} alone"));
    let country = country.unwrap_or_default();
    match row.mark {
        Mark::Guid(guid) => format!("its identifier is {guid}, in {place}{country}"),
        Mark::GuidStarts(start) => {
            format!("its identifier begins with {start}, in {place}{country}")
        }
        Mark::GuidEnds(end) => format!("its identifier ends with {end}, in {place}{country}"),
        Mark::AccountAtBank => format!("an account with its bank is in {place}.00{country}"),
        Mark::Network => format!("EMVCo has given it {place}{country}"),
    }
}

fn tolerances(row: &Row) -> String {
    let told = row.lenient.iter().map(|leniency| match leniency {
        Leniency::Omits(id) => format!("no field {id:02}"),
        Leniency::FormatIndicator(value) => format!("00 = {value}"),
        Leniency::Longer {
            template,
            field,
            most,
        } => {
            format!("{template:02}.{field:02} of up to {most} characters")
        }
        Leniency::LongIdentifier(most) => format!("an identifier of up to {most} characters"),
        Leniency::Foreign(id) => format!("any letters in {id:02}"),
        Leniency::AnyForm { template, field } => format!("any text in {template:02}.{field:02}"),
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        String::new()
    } else {
        format!("; seen with the scheme and taken: {}", told.join(", "))
    }
}

/// What a right one would be.
fn remedy(fault: &crate::qr::Finding) -> String {
    let place = if fault.path.ids().next().is_some() {
        format!("field {}", fault.path)
    } else {
        format!("character {}", fault.character)
    };
    format!("right at {place}: {}", fault.problem.expected())
}

//! `route`: where payments go, and why.

pub(super) mod arguments;
pub(super) mod reasons;

#[cfg(test)]
mod tests;

use serde::Serialize;

use super::code::{self, Report};
use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use crate::control::configuration::Configuration;
use crate::control::tables::routes::{currency, minor};
use crate::fx::exponents;
use crate::model::ids::ParticipantIndex;
use crate::model::outcome::Presentation;
use crate::model::time::Wall;
use crate::qr::{Code, Kind};
use crate::route::{Ask, Draw};
use crate::sys::clock::Clock;
use crate::wire::redact::Secrets;
use arguments::{Explain, Route};
use reasons::{Question, Reasons};

pub(super) fn execute(command: &Route, console: &mut Console<'_>) -> Ended {
    match command {
        Route::Explain(arguments) => explain(arguments, console),
    }
}

/// What the code is, and where it goes.
#[derive(Serialize)]
struct Explanation {
    code: Report,
    route: Reasons,
}

fn explain(arguments: &Explain, console: &mut Console<'_>) -> Ended {
    let payload = code::payload(&arguments.payload, console)?;
    let (name, configuration) = code::configuration(arguments.config.as_deref())?;
    let participant = |name: &String| find(&configuration, name);
    let from = arguments.from.as_ref().map(participant).transpose()?;
    let down: Vec<_> = arguments
        .down
        .iter()
        .map(participant)
        .collect::<Result<_, _>>()?;
    let code = Code::read(&payload);
    let marks = code.marks();
    let (currency, minor) = money(arguments, &code)?;
    let ask = Ask {
        // Whoever is asked for in its place.
        originator: ParticipantIndex(0),
        presentation: arguments.presentation.unwrap_or_else(|| shown(&code)),
        named: None,
        currency,
        minor,
        code: &marks,
        wall: arguments.at.unwrap_or_else(now),
        draw: arguments.key.as_ref().map_or(Draw::Number(0), Draw::Of),
    };
    let down = &down;
    let route = Reasons::of(name, &configuration, &Question { from, down, ask });
    let explanation = Explanation {
        code: Report::of(&code, Secrets::Masked),
        route,
    };
    let text = if arguments.json {
        code::pretty(&explanation)
    } else {
        format!(
            "{}\n{}",
            code::brief(&explanation.code),
            told(&explanation.route)
        )
    };
    console.print_line(text.trim_end())?;
    Ok(if explanation.route.destination.is_some() {
        Exit::Good
    } else {
        Exit::Failed
    })
}

/// Now, for rules that hold at some times of the day.
pub(super) fn now() -> Wall {
    Clock.now().wall
}

/// As codes of its kind are shown.
pub(super) fn shown(code: &Code<'_>) -> Presentation {
    match code.kind() {
        Kind::Merchant(_) | Kind::Url => Presentation::Mpm,
        Kind::Consumer | Kind::Number | Kind::Unknown => Presentation::Cpm,
    }
}

fn find(configuration: &Configuration, name: &str) -> Result<ParticipantIndex, Failure> {
    let names = || {
        configuration
            .participants
            .iter()
            .map(|it| it.participant.name.as_str())
    };
    let found = (0..)
        .map(ParticipantIndex)
        .zip(names())
        .find(|(_, it)| *it == name);
    found.map(|(index, _)| index).ok_or_else(|| {
        let known: Vec<_> = names().collect();
        Failure::new(Exit::Usage, format!("no participant is called \"{name}\""))
            .hint(format!("use one of: {}", known.join(", ")))
    })
}

type Money = (Option<crate::model::money::Currency>, Option<i64>);

/// Currency and minor units: as said, or as the code says.
fn money(arguments: &Explain, code: &Code<'_>) -> Result<Money, Failure> {
    let refused = |option: &str, wrong: crate::control::tables::sheet::Wrong| {
        Failure::new(Exit::Usage, format!("{option}: {}", wrong.problem)).hint(wrong.remedy)
    };
    let Some(letters) = &arguments.currency else {
        let money = code::money(code);
        return Ok((code.currency(), money.map(|money| money.minor)));
    };
    let currency = currency(letters).map_err(|wrong| refused("--currency", wrong))?;
    let text = arguments.amount.as_deref();
    let minor = text
        .map(|text| minor(text, currency, &exponents::iso_4217()))
        .transpose();
    Ok((
        Some(currency),
        minor.map_err(|wrong| refused("--amount", wrong))?,
    ))
}

/// Rules and route in words.
pub(super) fn told(route: &Reasons) -> String {
    let version = route.table_version;
    let mut text = format!("Route, by {} (tables {version}):\n", route.configuration);
    if let Some(from) = &route.from {
        let scenario = route
            .scenario
            .map(|it| format!(", {it}"))
            .unwrap_or_default();
        text.push_str(&format!(
            "  a payment of {from}, {}{scenario}\n",
            route.presentation
        ));
    }
    for rule in &route.participants {
        let goes = if rule.chosen {
            "goes to"
        } else {
            "passed over:"
        };
        let institution = rule.institution.as_ref();
        let institution = institution.map(|it| format!(" ({it})")).unwrap_or_default();
        let place = rule.line.map(|line| format!("line {line}"));
        let place = place.unwrap_or_else(|| "code_prefixes".to_owned());
        text.push_str(&format!(
            "  {goes} {}{institution}, {}\n      {place}, priority {}: {}\n",
            rule.name, rule.rule, rule.priority, rule.why
        ));
    }
    if let Some(institution) = &route.institution {
        text.push_str(&format!("  the institution named to it is {institution}\n"));
    }
    if let Some(code) = &route.response_code {
        text.push_str(&format!("  refused with {code}: {}\n", route.note));
    }
    text
}

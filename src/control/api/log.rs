//! Doors to the log: its last lines, and how much is logged for the next while.

use axum::routing::{get, post};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Asked, Sent};
use super::authority::Role;
use super::problem::Problem;
use super::{Door, Holds, Parameter, Verb, Visit, Why};
use crate::control::log::LogFilter;
use crate::model::time::Monotonic;
use crate::sys::clock::Clock;

pub(super) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/log",
        role: Role::Operate,
        summary: "How much is logged, and the last lines: 2000 at most.",
        query: &[Parameter::new(
            "lines",
            Holds::Whole(0, u64::MAX),
            "How many lines: 200 unless told.",
        )],
        handler: || get(read),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/log",
        role: Role::Operate,
        summary: "Logs more, or less, for a while, and then as before.",
        query: &[
            Parameter::new(
                "filter",
                Holds::Text,
                "A level, or a level for each module: `warn,cpg_switch::shard=debug`.",
            )
            .required(),
            Parameter::new(
                "for_s",
                Holds::Whole(1, FOR_S_MAX),
                "For how many seconds: 900 unless told.",
            ),
        ],
        handler: || post(change),
    },
];

const LINES: usize = 200;
const FOR_S: u64 = 900;
const FOR_S_MAX: u64 = 86_400;

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Lines {
    lines: Option<usize>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Change {
    filter: String,
    for_s: Option<u64>,
}

async fn read(Extension(visit): Extension<Visit>, Asked(asked): Asked<Lines>) -> Json<Value> {
    let log = &visit.api().facts.log;
    let (filter, until) = log.filter();
    let left_s = until.map(|until| {
        let now = Clock.now().monotonic;
        until.0.saturating_sub(now.0) / 1_000_000_000
    });
    let lines = log.lines(asked.lines.unwrap_or(LINES));
    // What was written as an object is shown as one.
    let lines = lines
        .into_iter()
        .map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line)));
    Json(json!({
        "filter": filter,
        "left_s": left_s,
        "lines": lines.collect::<Vec<Value>>(),
    }))
}

async fn change(
    Extension(visit): Extension<Visit>,
    Asked(change): Asked<Change>,
    Sent(body): Sent,
) -> Result<Json<Value>, Problem> {
    let why = Why::of(&body)?;
    let filter = change.filter.parse::<LogFilter>().map_err(|error| {
        Problem::request(
            error.to_string(),
            "use off, error, warn, info, debug or trace, or levels for modules",
        )
    })?;
    let for_s = change.for_s.unwrap_or(FOR_S);
    if !(1..=FOR_S_MAX).contains(&for_s) {
        return Err(Problem::request(
            "it would last too long, or not at all",
            format!("say for_s as 1 to {FOR_S_MAX} seconds"),
        ));
    }
    let log = visit.api().facts.log.clone();
    let (before, _) = log.filter();
    let after = filter.to_string();
    let details = json!({ "before": before, "after": after, "for_s": for_s });
    visit.act("change log", &why.reason, details, |_| {
        let until = Monotonic(Clock.now().monotonic.0 + for_s * 1_000_000_000);
        log.change(filter, Some(until)).map_err(|cause| {
            let remedy = "what started this switch keeps its log: change it there";
            Problem::conflict(format!("the log cannot be changed: {cause}"), remedy)
        })
    })?;
    Ok(Json(
        json!({ "outcome": "changed", "before": before, "after": after, "for_s": for_s }),
    ))
}

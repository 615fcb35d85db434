//! Doors to the tables: what is in force, what a change would change, publishing, going back.

use core::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Asked, Named, Sent};
use super::authority::Role;
use super::change::Change;
use super::consent::{self, Wanted};
use super::problem::Problem;
use super::{Door, Holds, Parameter, Verb, Visit, Why};
use crate::control::publish::{PublishError, shown};
use crate::control::tables::FORMS;

pub(super) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/tables",
        role: Role::View,
        summary: "The tables in force: version, hash, files, and shards that have not got them.",
        query: &[],
        handler: || get(tables),
    },
    Door {
        verb: Verb::Get,
        path: "/v1/tables/{table}",
        role: Role::View,
        summary: "The text of a table in force: rates, routes, limits, lists or standing.",
        query: &[NAME],
        handler: || get(text),
    },
    Door {
        verb: Verb::Put,
        path: "/v1/tables/{table}",
        role: Role::Operate,
        summary: "Publishes a table: its whole text, in the format of its file. All or nothing.",
        query: &[
            Parameter::new("reason", Holds::Text, "Why: for the record."),
            NAME,
            DRY_RUN,
        ],
        handler: || put(publish),
    },
    Door {
        verb: Verb::Get,
        path: "/v1/generations",
        role: Role::View,
        summary: "What was published, the newest first: 1000 at most.",
        query: &[],
        handler: || get(generations),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/generations/{version}/restore",
        role: Role::Operate,
        summary: "Publishes once more what was published as this version; 0: what the files had.",
        query: &[DRY_RUN],
        handler: || post(restore),
    },
];

const NAME: Parameter = Parameter::new(
    "name",
    Holds::Text,
    "Which file, where there are several: as the configuration has it.",
);

const DRY_RUN: Parameter = Parameter::new(
    "dry_run",
    Holds::Flag,
    "`true`: only say what would change.",
);

/// Generations in one answer.
const TOLD_MAX: usize = 1_000;

/// Looks after a publication, and the time between them: two seconds for what takes a turn.
const LOOKS: u32 = 200;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a query may say.
#[derive(Clone, Default, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct How {
    #[serde(default)]
    reason: String,
    name: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

async fn tables(Extension(visit): Extension<Visit>) -> Json<Value> {
    let mut publisher = visit.api().publisher();
    let behind = publisher.deliver();
    let current = publisher.current();
    let files = current.table_files.iter().map(|file| {
        json!({
            "table": file.key,
            "name": file.name,
            "rows": file.tally.rows,
            "hash": shown(file.tally.hash),
            "published": publisher.is_published(&file.name),
        })
    });
    Json(json!({
        "version": current.table_version,
        "hash": shown(current.table_hash),
        "files": files.collect::<Vec<_>>(),
        "shards_behind": behind,
        "held": publisher.held(),
    }))
}

async fn text(
    Extension(visit): Extension<Visit>,
    Named(table): Named<String>,
    Asked(how): Asked<How>,
) -> Result<Response, Problem> {
    let publisher = visit.api().publisher();
    let name = publisher.name_of(known(&table)?, how.name.as_deref());
    let text = publisher.text(&name.map_err(problem)?);
    let text = text.ok_or_else(|| unknown_table(&table))?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/tab-separated-values; charset=utf-8",
        )],
        text,
    )
        .into_response())
}

async fn publish(
    Extension(visit): Extension<Visit>,
    Named(table): Named<String>,
    Asked(how): Asked<How>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    let key = known(&table)?;
    let text = core::str::from_utf8(&body).map_err(|_| {
        Problem::request(
            "the table is not UTF-8 text",
            "send the text of the file as it is",
        )
    })?;
    let named = visit
        .api()
        .publisher()
        .name_of(key, how.name.as_deref())
        .map_err(problem);
    let change = Change::Publish {
        key,
        name: named?,
        text: text.into(),
    };
    decide(&visit, change, &how.reason, how.dry_run).await
}

async fn generations(Extension(visit): Extension<Visit>) -> Json<Value> {
    let publisher = visit.api().publisher();
    let known = publisher.generations().known();
    let newest: Vec<_> = known.iter().rev().take(TOLD_MAX).collect();
    Json(json!({ "generations": newest, "all": known.len() }))
}

async fn restore(
    Extension(visit): Extension<Visit>,
    Named(version): Named<u32>,
    Asked(how): Asked<How>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    let why = Why::of(&body)?;
    decide(&visit, Change::Restore(version), &why.reason, how.dry_run).await
}

/// Makes a change, or has it proposed where it takes two people; unless nothing would change or
/// only that was asked.
pub(super) async fn decide(
    visit: &Visit,
    change: Change,
    reason: &str,
    dry_run: bool,
) -> Result<Response, Problem> {
    let looked = change.look(visit.api())?;
    if dry_run || looked.is_void {
        let mut shows = looked.shows;
        let (outcome, version) = if dry_run {
            (
                "not published: a dry run",
                shows["after"]["version"].clone(),
            )
        } else {
            let version = shows["before"]["version"].clone();
            ("unchanged: it is in force already", version)
        };
        shows["outcome"] = json!(outcome);
        shows["after"]["version"] = version;
        return Ok(Json(taken(visit, shows).await).into_response());
    }
    if visit.api().two_people && change.takes_two() {
        let proposed = consent::propose(visit, Wanted::Change(change), reason, looked.shows)?;
        return Ok((StatusCode::ACCEPTED, Json(proposed)).into_response());
    }
    let details = change.details(&looked.shows);
    let done = visit.act(&change.action(), reason, details, |_| {
        change.apply(visit.api(), &visit.caller.name, reason, looked)
    })?;
    Ok(Json(taken(visit, done).await).into_response())
}

/// Hands it to the shards, waits a little until they have it, and says which have not.
pub(super) async fn taken(visit: &Visit, mut answer: Value) -> Value {
    let mut behind = visit.api().publisher().deliver();
    for _ in 0..LOOKS {
        if behind.is_empty() {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        behind = visit.api().publisher().deliver();
    }
    if let Some(members) = answer.as_object_mut() {
        members.insert("shards_behind".to_owned(), json!(behind));
    }
    answer
}

/// The key of a table under `[tables]`.
fn known(table: &str) -> Result<&'static str, Problem> {
    let keys = FORMS.iter().map(|form| form.key);
    keys.into_iter()
        .find(|key| *key == table)
        .ok_or_else(|| unknown_table(table))
}

fn unknown_table(table: &str) -> Problem {
    let keys: Vec<_> = FORMS.iter().map(|form| form.key).collect();
    let table: String = table.chars().take(32).collect();
    Problem::absent(
        format!("there is no table {table:?}"),
        format!("use {}", keys.join(", ")),
    )
}

pub(super) fn problem(error: PublishError) -> Problem {
    let remedy = error.remedy();
    match error {
        PublishError::Invalid(diagnostics) => {
            let errors = serde_json::to_value(&diagnostics).unwrap_or_default();
            let detail = format!(
                "{} lines are bad, and nothing is taken",
                diagnostics.count()
            );
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail, remedy)
                .with_errors(errors["errors"].clone())
        }
        PublishError::Unknown(what) => Problem::absent(what, remedy),
        other @ (PublishError::NeedsStart(_) | PublishError::Diverged { .. }) => {
            Problem::conflict(other.to_string(), remedy)
        }
        other @ (PublishError::NotKept(_) | PublishError::Unreadable(_)) => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, other.to_string(), remedy)
        }
    }
}

//! Doors to participants and corridors: who is there, suspended, resumed, drained; what is stopped.

use core::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Asked, Named, Sent};
use super::authority::Role;
use super::change::Change;
use super::problem::Problem;
use super::tables::decide;
use super::{Api, Door, Holds, Parameter, Verb, Visit, Why};
use crate::control::configuration::country_letters;
use crate::control::tables::standing::Stopped;
use crate::model::ids::ParticipantIndex;
use crate::shard::Command;
use crate::shard::stats::PartyRead;

pub(super) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/participants",
        role: Role::View,
        summary: "Every participant: open or suspended, its links, what is in flight.",
        query: &[],
        handler: || get(participants),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/participants/{name}/suspend",
        role: Role::Operate,
        summary: "Refuses new payments from it (58) and to it (91); what exists is finished.",
        query: &[],
        handler: || post(suspend),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/participants/{name}/resume",
        role: Role::Operate,
        summary: "Takes its payments again, whatever its configuration says.",
        query: &[],
        handler: || post(resume),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/participants/{name}/drain",
        role: Role::Operate,
        summary: "Suspends it, signs off with it, and ends its links once nothing is in flight.",
        query: &[],
        handler: || post(drain),
    },
    Door {
        verb: Verb::Get,
        path: "/v1/corridors",
        role: Role::View,
        summary: "Which corridors are stopped.",
        query: &[],
        handler: || get(corridors),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/corridors/stop",
        role: Role::Operate,
        summary: "Refuses new payments of a corridor with 92; what exists is finished.",
        query: &[CORRIDOR],
        handler: || post(stop),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/corridors/start",
        role: Role::Operate,
        summary: "Takes the payments of a corridor again. What a wider line stops stays stopped.",
        query: &[CORRIDOR],
        handler: || post(start),
    },
];

const CORRIDOR: Parameter = Parameter::new(
    "corridor",
    Holds::Text,
    "From the payer's country to the merchant's: `MY->CN`; `*` is any country.",
)
.required();

/// Looks for what is in flight while a participant is drained: less than a request may take.
const LOOKS: u32 = 140;
const LOOK_EVERY: Duration = Duration::from_millis(50);
const TOLD_WITHIN: Duration = Duration::from_millis(600);

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Which {
    corridor: String,
}

async fn participants(Extension(visit): Extension<Visit>) -> Json<Value> {
    let api = visit.api();
    let publisher = api.publisher();
    let current = publisher.current();
    let told = current.participants.iter().enumerate();
    let told = told.map(|(place, entry)| {
        let (read, known) = (party(api, place), &entry.participant);
        let country = country_letters(known.country);
        let said = current.standing.of(&known.name).is_some();
        json!({
            "name": known.name,
            "institution": known.institution.to_string(),
            "role": known.role.name(),
            "country": country.map_or_else(|| known.country.to_string(), str::to_owned),
            "state": if entry.is_suspended(&current.standing) { "suspended" } else { "open" },
            "said_by": if said { "standing" } else { "configuration" },
            "links": read.links,
            "in_flight_of": read.in_flight.0,
            "in_flight_to": read.in_flight.1,
        })
    });
    Json(json!({ "participants": told.collect::<Vec<Value>>() }))
}

/// What all shards have of one.
fn party(api: &Api, place: usize) -> PartyRead {
    let mut all = PartyRead::default();
    for counters in &api.counters {
        if place < counters.participants() {
            all.add(&counters.party(place));
        }
    }
    all
}

/// The place of a participant, and its name as it is configured.
fn known(visit: &Visit, name: &str) -> Result<(usize, String), Problem> {
    let publisher = visit.api().publisher();
    let mut entries = publisher.current().participants.iter().enumerate();
    let found = entries.find(|(_, entry)| entry.participant.name == name);
    let found = found.map(|(place, entry)| (place, entry.participant.name.clone()));
    found.ok_or_else(|| {
        Problem::absent(
            "there is no participant of this name",
            "`GET /v1/participants` lists them",
        )
    })
}

async fn suspend(
    Extension(visit): Extension<Visit>,
    Named(name): Named<String>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    set_suspended(&visit, &name, true, &Why::of(&body)?).await
}

async fn resume(
    Extension(visit): Extension<Visit>,
    Named(name): Named<String>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    set_suspended(&visit, &name, false, &Why::of(&body)?).await
}

async fn set_suspended(
    visit: &Visit,
    name: &str,
    suspended: bool,
    why: &Why,
) -> Result<Response, Problem> {
    let (_, name) = known(visit, name)?;
    let change = Change::Participant { name, suspended };
    decide(visit, change, &why.reason, false).await
}

async fn drain(
    Extension(visit): Extension<Visit>,
    Named(name): Named<String>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    let why = Why::of(&body)?;
    let (place, name) = known(&visit, &name)?;
    let index = ParticipantIndex(u16::try_from(place).expect("a table has so many at most"));
    set_suspended(&visit, &name, true, &why).await?;
    visit.act(
        &format!("drain participant {name}"),
        &why.reason,
        Value::Null,
        |_| tell(visit.api(), &Command::SignOffWith(index)),
    )?;
    // An idle shard tells what it counts twice a second: what is read before that is of before.
    tokio::time::sleep(TOLD_WITHIN).await;
    let mut read = party(visit.api(), place);
    for _ in 0..LOOKS {
        if read.in_flight == (0, 0) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        read = party(visit.api(), place);
    }
    let done = read.in_flight == (0, 0);
    if done {
        tell(visit.api(), &Command::EndLinksOf(index))?;
    }
    let outcome = if done {
        "drained: it is suspended, and its links are ended"
    } else {
        "draining: it is suspended and signed off with; ask again to have its links ended"
    };
    Ok(Json(json!({
        "outcome": outcome,
        "in_flight_of": read.in_flight.0,
        "in_flight_to": read.in_flight.1,
    }))
    .into_response())
}

/// Tells every shard.
fn tell(api: &Api, command: &Command) -> Result<(), Problem> {
    let publisher = api.publisher();
    let deaf = publisher.mailboxes().iter().enumerate();
    let deaf: Vec<usize> = deaf
        .filter(|(_, mailbox)| !mailbox.send(command.clone()))
        .map(|(shard, _)| shard)
        .collect();
    if deaf.is_empty() {
        return Ok(());
    }
    Err(Problem::conflict(
        format!("shards {deaf:?} do not look into their mailboxes"),
        "`GET /v1/shards` says how they are; ask again",
    ))
}

async fn corridors(Extension(visit): Extension<Visit>) -> Json<Value> {
    let publisher = visit.api().publisher();
    let stopped = publisher.current().standing.stopped.iter();
    let stopped = stopped.map(|(corridor, _)| json!({ "corridor": corridor.to_string() }));
    Json(json!({ "stopped": stopped.collect::<Vec<Value>>() }))
}

async fn stop(
    Extension(visit): Extension<Visit>,
    Asked(which): Asked<Which>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    set_stopped(&visit, &which, true, &Why::of(&body)?).await
}

async fn start(
    Extension(visit): Extension<Visit>,
    Asked(which): Asked<Which>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    set_stopped(&visit, &which, false, &Why::of(&body)?).await
}

async fn set_stopped(
    visit: &Visit,
    which: &Which,
    stopped: bool,
    why: &Why,
) -> Result<Response, Problem> {
    let corridor = which.corridor.parse::<Stopped>().map_err(|_| {
        Problem::request(
            "the corridor is not COUNTRY->COUNTRY of countries that are known",
            "say `MY->CN`, with `*` for any country",
        )
    })?;
    let change = Change::Corridor { corridor, stopped };
    decide(visit, change, &why.reason, false).await
}

//! Doors to the switch as a whole: how it is, its shards, and its end.

use axum::routing::{get, post};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::asked::Sent;
use super::authority::Role;
use super::problem::Problem;
use super::{Door, Verb, Visit, Why};
use crate::control::publish::shown;

pub(super) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/status",
        role: Role::View,
        summary: "Whether payments are taken, by which tables, and who asks.",
        query: &[],
        handler: || get(status),
    },
    Door {
        verb: Verb::Get,
        path: "/v1/shards",
        role: Role::View,
        summary: "Each shard, and why it takes no payments if it does not.",
        query: &[],
        handler: || get(shards),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/switch/drain",
        role: Role::Operate,
        summary: "Takes nothing new, answers what is in flight, and ends the process: as SIGTERM.",
        query: &[],
        handler: || post(drain),
    },
];

async fn status(Extension(visit): Extension<Visit>) -> Json<Value> {
    let facts = &visit.api().facts;
    let unready = (visit.lobby.unready)();
    let tables = {
        let publisher = visit.api().publisher();
        let current = publisher.current();
        json!({ "version": current.table_version, "hash": shown(current.table_hash) })
    };
    let roles = visit.caller.roles();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": facts.pid,
        "ready": unready.is_none(),
        "unready": unready,
        "data": facts.data,
        "commit": facts.commit,
        "shards": visit.api().counters.len(),
        "tables": tables,
        "caller": { "name": visit.caller.name, "roles": roles },
    }))
}

async fn shards(Extension(visit): Extension<Visit>) -> Json<Value> {
    let counters = visit.api().counters.iter().enumerate();
    let shards = counters.map(|(shard, counters)| {
        let unready = counters.health().unready();
        json!({
            "shard": shard,
            "ready": unready.is_none(),
            "unready": unready,
            "tables": counters.tables(),
        })
    });
    Json(json!({ "shards": shards.collect::<Vec<_>>() }))
}

async fn drain(
    Extension(visit): Extension<Visit>,
    Sent(body): Sent,
) -> Result<Json<Value>, Problem> {
    let why = Why::of(&body)?;
    visit.act("drain switch", &why.reason, Value::Null, |_| {
        (visit.lobby.drain)();
        Ok(())
    })?;
    Ok(Json(json!({ "outcome": "draining" })))
}

//! The document of the interface, OpenAPI 3.1, made from the table of doors.

use axum::Json;
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::authority::Role;
use super::{Door, Holds, Verb, doors};
use crate::control::tables::FORMS;

pub(super) const DOORS: &[Door] = &[Door {
    verb: Verb::Get,
    path: "/v1/openapi.json",
    role: Role::View,
    summary: "This document.",
    query: &[],
    handler: || get(async || Json(document())),
}];

/// All of it.
pub fn document() -> Value {
    let mut paths = Map::new();
    for door in doors() {
        let path = paths.entry(door.path).or_insert_with(|| json!({}));
        if let Some(members) = path.as_object_mut() {
            members.insert(door.verb.name().to_owned(), operation(door));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "cpg-switch admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Over the Unix socket the kernel says who asks; over TCP a bearer \
                token does. Every action is recorded with who and why before it takes effect.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Problem": problem(), "Why": why() },
        },
    })
}

fn operation(door: &Door) -> Value {
    let in_path = door.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name, "in": "path", "required": true, "schema": path_schema(name),
        }))
    });
    let in_query = door.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.meaning,
            "required": parameter.required,
            "schema": schema(parameter.holds),
        })
    });
    let refusal = json!({
        "description": "refused, with a remedy",
        "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    });
    let mut operation = json!({
        "summary": door.summary,
        "x-role": door.role.name(),
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": { "description": "done", "content": { content(door): {} } },
            "202": {
                "description": "proposed: it takes another person's approval",
                "content": { "application/json": {} },
            },
            "default": refusal,
        },
    });
    if door.verb == Verb::Post
        && let Some(members) = operation.as_object_mut()
    {
        let schema = json!({ "$ref": "#/components/schemas/Why" });
        let body = json!({
            "required": true, "content": { "application/json": { "schema": schema } },
        });
        members.insert("requestBody".to_owned(), body);
    }
    if door.verb == Verb::Put
        && let Some(members) = operation.as_object_mut()
    {
        let content = json!({ "text/tab-separated-values": { "schema": { "type": "string" } } });
        let body = json!({ "required": true, "content": content });
        members.insert("requestBody".to_owned(), body);
    }
    operation
}

fn schema(holds: Holds) -> Value {
    match holds {
        Holds::Text => json!({ "type": "string" }),
        Holds::Flag => json!({ "type": "boolean" }),
        Holds::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
    }
}

fn path_schema(name: &str) -> Value {
    match name {
        "table" => {
            let tables: Vec<_> = FORMS.iter().map(|form| form.key).collect();
            json!({ "type": "string", "enum": tables })
        }
        "version" => schema(Holds::Whole(0, u64::from(u32::MAX))),
        "number" => schema(Holds::Whole(0, u64::MAX)),
        "shard" => schema(Holds::Whole(0, u64::from(u16::MAX))),
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}

/// What a door answers, where it is no JSON.
fn content(door: &Door) -> &'static str {
    match (door.verb, door.path) {
        (Verb::Get, "/v1/tables/{table}") => "text/tab-separated-values",
        (Verb::Get, "/v1/board/stream") => "text/event-stream",
        _ => "application/json",
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["status", "detail", "remedy"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "remedy": { "type": "string" },
            "errors": { "type": "array" },
        },
    })
}

fn why() -> Value {
    json!({
        "type": "object",
        "required": ["reason"],
        "properties": { "reason": { "type": "string", "minLength": 1, "maxLength": 1000 } },
    })
}

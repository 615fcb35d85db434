//! `GET /v1/payments?reference=...`: what became of a payment, by any of its references.
//!
//! A thread that gives way to all others reads the archive and what is not in it yet; one at a
//! time, within a bound. No shard is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use crate::control::dashboard::{Dashboard, json_text, problem};
use crate::control::story;
use crate::journal::Entry;
use crate::journal::finding::{FindBounds, Findings, Story, Wanted, find};
use crate::journal::json::entry as entry_json;
use crate::journal::store::StoreError;
use crate::sys::threads;

/// How much one question may read and be told.
const BOUNDS: FindBounds = FindBounds {
    stories_max: 16,
    steps_max: 128,
    bytes_max: 1 << 30,
};
/// How long one may take.
const WITHIN: Duration = Duration::from_secs(8);

/// One question at a time.
#[derive(Debug)]
pub struct Desk(Arc<Semaphore>);

impl Default for Desk {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The door.
pub async fn payments(
    Extension(dashboard): Extension<Arc<Dashboard>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(wanted) = query.get("reference").and_then(|it| Wanted::parse(it)) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "this is no reference",
            "give `reference`: INSTITUTION/YYYYMMDD/REFERENCE, a reference of 12 letters and \
             digits (field 37 of ISO 8583), or a match key, which is a number",
        );
    };
    let Some(data) = dashboard.subject.get().map(|subject| subject.data.clone()) else {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "the switch is starting",
            "ask again when /readyz says ready",
        );
    };
    let Ok(turn) = Arc::clone(&dashboard.finder.0).try_acquire_owned() else {
        return busy();
    };
    let (tell, told) = oneshot::channel();
    let started = threads::spawn("finder", move || {
        threads::give_way(false);
        let found = look(data, &wanted);
        // Nobody waits any more where it took too long; the next may ask from now on.
        drop(tell.send(found));
        drop(turn);
    });
    if let Err(error) = started {
        tracing::warn!(%error, "no payment can be looked for");
        return busy();
    }
    match tokio::time::timeout(WITHIN, told).await {
        Ok(Ok(Ok(findings))) => json_text(findings_json(&findings).to_string()),
        Ok(Ok(Err(error))) => {
            let (detail, remedy) = (error.to_string(), "see `cpg-switch journal verify`");
            problem(StatusCode::INTERNAL_SERVER_ERROR, &detail, remedy)
        }
        Ok(Err(_)) | Err(_) => busy(),
    }
}

/// A journal that goes on faster than it is read is read once more.
fn look(data: PathBuf, wanted: &Wanted) -> Result<Findings, StoreError> {
    find(&data, wanted, &BOUNDS).or_else(|_| find(&data, wanted, &BOUNDS))
}

fn busy() -> Response {
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "somebody else's payment is being looked for, or this one took too long",
        "ask again in a few seconds, or use `cpg-switch journal explain`",
    )
}

fn findings_json(findings: &Findings) -> Value {
    let stories: Vec<Value> = findings.stories.iter().map(story_json).collect();
    json!({ "found": stories, "cut": findings.cut, "archive_has_holes": findings.holes })
}

/// A payment as a story: what happened, when, by which tables, and where it stands.
fn story_json(found: &Story) -> Value {
    let mut state = "unknown";
    let first = found.steps.first().map_or(0, |step| step.wall.0);
    let steps: Vec<Value> = found
        .steps
        .iter()
        .map(|step| {
            state = story::state_after(&step.record, state);
            step_json(found, step, first)
        })
        .collect();
    json!({
        "title": story::title(&found.key),
        "class": story::class(&found.key),
        "shard": found.shard.0,
        "state": state,
        "steps": steps,
    })
}

fn step_json(found: &Story, step: &Entry, first: u64) -> Value {
    json!({
        "time": step.wall.to_string(),
        "after_us": step.wall.0.saturating_sub(first) / 1_000,
        "words": story::step(&step.record),
        "record": entry_json(found.shard, step),
    })
}

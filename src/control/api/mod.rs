//! The admin API: JSON over HTTP under `/v1`, for operators and their programs.
//!
//! [`DOORS`] is the table of all that can be asked. The router, the roles and the served document
//! come from it; nothing else names a path. `/healthz`, `/readyz` and `/metrics` are the office's,
//! and ask nobody who they are.
//!
//! Never blocks a shard: it reads counters and puts commands into mailboxes. Nothing is changed
//! before it is in the [`record`].

#![expect(
    clippy::disallowed_types,
    reason = "the office may lock: no shard ever waits for it"
)]

pub(in crate::control) mod asked;
pub mod authority;
mod change;
pub mod consent;
pub mod document;
mod log;
pub mod open;
mod participants;
pub mod problem;
mod process;
mod queue;
pub mod record;
pub mod serve;
mod switch;
mod tables;

#[cfg(test)]
mod consent_tests;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde::Deserialize;
use serde_json::{Map, Value};

use authority::{Authority, Caller, Role, Way};
use consent::Proposals;
use problem::Problem;
use record::{ActionRecord, Intention, REASON_BYTES_MAX};

use crate::control::dashboard;
use crate::control::log::Log;
use crate::control::monitor;
use crate::control::publish::Publisher;
use crate::model::time::Monotonic;
use crate::shard::stats::Counters;
use crate::sys::clock::Clock;

/// Of one request, its answer included: who reads and writes so slowly is cut.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Of a request that brings no table.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Of a table, and how long it may take: it is sent, read, and written down.
const TABLE_BYTES_MAX: usize = 64 * 1024 * 1024;
const TABLE_WITHIN: Duration = Duration::from_secs(60);

/// What is done with a resource.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verb {
    /// It is read.
    Get,
    /// Something is done to it: an action.
    Post,
    /// It is replaced by what is sent: an action.
    Put,
}

impl Verb {
    /// As the document has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
        }
    }
}

/// What a parameter of a query holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number between these.
    Whole(u64, u64),
}

/// A parameter of a query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// As it is written.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub meaning: &'static str,
}

impl Parameter {
    /// One that may be there.
    pub const fn new(name: &'static str, holds: Holds, meaning: &'static str) -> Self {
        Self {
            name,
            holds,
            required: false,
            meaning,
        }
    }

    /// The same, and it must be there.
    #[must_use]
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}

/// One thing that can be asked.
#[derive(Clone, Copy)]
pub struct Door {
    /// How.
    pub verb: Verb,
    /// Where; parameters in braces.
    pub path: &'static str,
    /// By whom.
    pub role: Role,
    /// What for, in a sentence.
    pub summary: &'static str,
    /// What may stand in its query.
    pub query: &'static [Parameter],
    /// What answers.
    pub handler: fn() -> MethodRouter,
}

impl fmt::Debug for Door {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb.name(), self.path)
    }
}

/// Every table of doors.
pub const DOORS: &[&[Door]] = &[
    document::DOORS,
    switch::DOORS,
    process::DOORS,
    log::DOORS,
    tables::DOORS,
    participants::DOORS,
    queue::DOORS,
    consent::DOORS,
    dashboard::DOORS,
    monitor::DOORS,
];

/// Every door.
pub fn doors() -> impl Iterator<Item = &'static Door> {
    DOORS.iter().flat_map(|doors| doors.iter())
}

/// What the switch is, for whoever asks.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The process.
    pub pid: u32,
    /// `disk` or `memory`.
    pub commit: &'static str,
    /// The directory of the journal.
    pub data: std::path::PathBuf,
    /// Where it logs.
    pub log: Log,
}

/// What the doors lead to. There once the shards are recovered.
#[derive(Debug)]
pub struct Api {
    authority: Authority,
    record: Mutex<ActionRecord>,
    facts: Facts,
    counters: Vec<Arc<Counters>>,
    publisher: Mutex<Publisher>,
    proposals: Mutex<Proposals>,
    /// Whether what moves money takes two people.
    two_people: bool,
    desk: queue::Desk,
}

impl Api {
    /// The tables.
    pub fn publisher(&self) -> MutexGuard<'_, Publisher> {
        // Whatever panicked left it whole: a generation is put in force by plain assignments.
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits for a second person.
    fn proposals(&self) -> MutexGuard<'_, Proposals> {
        // Each change is one push or one removal.
        let proposals = self.proposals.lock();
        proposals.unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what nobody has approved in time, on record.
    fn expire(&self, now: Monotonic) {
        for proposal in self.proposals().expired(now) {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            let action = format!("expire {}: {}", proposal.number, proposal.wanted.action());
            let ended = record.begin(&Intention {
                who: "switch",
                via: "itself",
                action: &action,
                reason: "nobody approved it in time",
                details: Value::Null,
            });
            let ended = ended.and_then(|number| record.end(number, "done"));
            tracing::info!(action, recorded = ended.is_ok(), "a proposal is over");
        }
    }
}

/// What is behind the doors from the office's first moment on.
pub struct Lobby {
    api: OnceLock<Api>,
    /// Why payments cannot be taken.
    pub unready: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// Accepts nothing new, answers what is in flight, ends.
    pub drain: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Lobby {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lobby").finish_non_exhaustive()
    }
}

impl Lobby {
    /// Nobody is let in yet.
    pub fn new(
        unready: impl Fn() -> Option<String> + Send + Sync + 'static,
        drain: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            api: OnceLock::new(),
            unready: Box::new(unready),
            drain: Box::new(drain),
        }
    }

    /// Hands shards what they have not got yet. Now and then.
    pub fn tend(&self) {
        if let Some(api) = self.api.get() {
            api.publisher().deliver();
            api.expire(Clock.now().monotonic);
            if api.facts.log.tend(Clock.now().monotonic) {
                tracing::info!("as much is logged as before");
            }
        }
    }

    /// From now on whoever may is let in. Once.
    pub fn open(&self, api: Api) {
        assert!(self.api.set(api).is_ok(), "a switch opens once");
    }
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub struct Visit {
    lobby: Arc<Lobby>,
    /// Who.
    pub caller: Caller,
    way: Way,
}

impl Visit {
    /// What the doors lead to.
    pub fn api(&self) -> &Api {
        let api = self.lobby.api.get();
        api.expect("nobody is let in before there is something to see")
    }

    /// Writes down what is about to be done, does it, and writes down what became of it. `act` is
    /// told the number of its line in the record.
    ///
    /// # Errors
    /// The reason is missing or too long, the record cannot be written (then nothing was done), or
    /// what `act` says.
    pub fn act<T>(
        &self,
        action: &str,
        reason: &str,
        details: Value,
        act: impl FnOnce(u64) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        // Held to the end: actions come one after the other.
        let mut record = self.record();
        let number = self.begin_in(&mut record, action, reason, details)?;
        let done = act(number);
        self.end_in(&mut record, number, action, &done);
        done
    }

    /// The same in two halves, for what takes a while: others act meanwhile.
    ///
    /// # Errors
    /// As of [`Visit::act`].
    fn begin(&self, action: &str, reason: &str, details: Value) -> Result<u64, Problem> {
        self.begin_in(&mut self.record(), action, reason, details)
    }

    fn end<T>(&self, number: u64, action: &str, done: &Result<T, Problem>) {
        self.end_in(&mut self.record(), number, action, done);
    }

    fn record(&self) -> MutexGuard<'_, ActionRecord> {
        let record = self.api().record.lock();
        record.unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_in(
        &self,
        record: &mut ActionRecord,
        action: &str,
        reason: &str,
        details: Value,
    ) -> Result<u64, Problem> {
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(Problem::request(
                "an action needs a reason",
                format!("say why, in 1 to {REASON_BYTES_MAX} bytes: it goes into the record"),
            ));
        }
        let intention = Intention {
            who: &self.caller.name,
            via: match self.way {
                Way::Network => "network",
                Way::Socket { .. } => "socket",
            },
            action,
            reason,
            details,
        };
        record.begin(&intention).map_err(|error| unrecorded(&error))
    }

    fn end_in<T>(
        &self,
        record: &mut ActionRecord,
        number: u64,
        action: &str,
        done: &Result<T, Problem>,
    ) {
        let outcome = match done {
            Ok(_) => "done".to_owned(),
            Err(problem) => format!("refused: {}", problem.line()),
        };
        tracing::info!(who = self.caller.name, action, outcome, "an operator acted");
        if let Err(error) = record.end(number, &outcome) {
            tracing::error!(%error, action, "it is done, and the record does not say so");
        }
    }
}

fn unrecorded(error: &std::io::Error) -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        format!("the record of actions cannot be written: {error}"),
        "nothing was done: free space in the data directory, or move a full record away",
    )
}

/// What every action is told in its body.
#[derive(Clone, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// In the operator's words.
    pub reason: String,
}

impl Why {
    /// Of a body.
    ///
    /// # Errors
    /// It is not `{"reason": "..."}`.
    fn of(body: &[u8]) -> Result<Self, Problem> {
        // An array of one text would do for the struct, and is not what the document says.
        let object: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
        let why = object.and_then(|object| Self::deserialize(Value::from(object)).ok());
        let fits = |why: &Self| (1..=REASON_BYTES_MAX).contains(&why.reason.len());
        why.filter(fits).ok_or_else(|| {
            let remedy =
                "send {\"reason\": \"...\"} as JSON, 1000 bytes at most: it goes into the record";
            Problem::request("the body does not say why", remedy)
        })
    }
}

/// All doors, each with its lock.
pub fn router(lobby: &Arc<Lobby>) -> Router {
    doors().fold(Router::new(), |router, door| {
        let bytes_max = match door.verb {
            Verb::Get | Verb::Post => BODY_BYTES_MAX,
            Verb::Put => TABLE_BYTES_MAX,
        };
        let locked = (door.handler)()
            .layer(DefaultBodyLimit::max(bytes_max))
            .route_layer(from_fn_with_state((Arc::clone(lobby), door), admit));
        router.route(door.path, locked)
    })
}

/// Lets in whoever may come through `door`, for a bounded time.
async fn admit(
    State((lobby, door)): State<(Arc<Lobby>, &'static Door)>,
    mut request: Request,
    next: Next,
) -> Response {
    let within = match door.verb {
        Verb::Get | Verb::Post => ANSWER_WITHIN,
        Verb::Put => TABLE_WITHIN,
    };
    match visit(lobby, door.role, &request) {
        Err(problem) => problem.into_response(),
        Ok(visit) => {
            request.extensions_mut().insert(visit);
            let answer = tokio::time::timeout(within, next.run(request)).await;
            answer.unwrap_or_else(|_| late(within).into_response())
        }
    }
}

fn visit(lobby: Arc<Lobby>, role: Role, request: &Request) -> Result<Visit, Problem> {
    let Some(api) = lobby.api.get() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the switch is starting: its journal is being recovered",
            "ask again when /readyz says ready",
        ));
    };
    let way = request.extensions().get::<Way>().copied();
    let way = way.unwrap_or(Way::Network);
    let header = request.headers().get(header::AUTHORIZATION);
    let caller = api
        .authority
        .caller(way, header.map(axum::http::HeaderValue::as_bytes))
        .ok_or_else(stranger)?;
    if !caller.may(role) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("{} has not the role {}", caller.name, role.name()),
            "ask somebody who has it, or have a line added to the token file",
        ));
    }
    Ok(Visit { lobby, caller, way })
}

fn stranger() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "nobody is let in without a token that is known",
        "send `Authorization: Bearer TOKEN`, or ask over the Unix socket as the switch's own user",
    )
}

fn late(within: Duration) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        format!("it was not answered within {} s", within.as_secs()),
        "send the whole body at once; if it was an action, look into the record for what became \
         of it",
    )
}

//! Two people: what one proposes takes effect when another approves it.
//!
//! Asked for where money is at stake, or where something is opened that was closed. To stop, to
//! suspend and to drain takes one person: who sees the fire need not look for a second one first.
//! Proposals are few, and gone after a while; what was proposed and what became of it is in the
//! record of actions. They do not outlive the process: then they are proposed again.

use core::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::asked::{Named, Sent};
use super::authority::Role;
use super::change::Change;
use super::problem::Problem;
use super::queue::Settling;
use super::tables::taken;
use super::{Door, Verb, Visit, Why};
use crate::model::time::{Monotonic, Wall};
use crate::sys::clock::Clock;

pub(super) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/proposals",
        role: Role::View,
        summary: "What waits for a second person, the oldest first.",
        query: &[],
        handler: || get(list),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/proposals/{number}/approve",
        role: Role::Operate,
        summary: "Does what another person has proposed, if it would still change the same.",
        query: &[],
        handler: || post(approve),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/proposals/{number}/refuse",
        role: Role::Operate,
        summary: "Ends a proposal: another's, or one's own.",
        query: &[],
        handler: || post(refuse),
    },
];

/// Proposals at once.
pub(super) const OPEN_MAX: usize = 32;

/// How long one waits.
pub const WAITS: Duration = Duration::from_secs(3_600);

/// What can be proposed.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// Other tables.
    Change(Change),
    /// An end to what waits for an operator.
    Settling(Settling),
}

impl Wanted {
    pub(super) fn action(&self) -> String {
        match self {
            Self::Change(change) => change.action(),
            Self::Settling(settling) => settling.action(),
        }
    }

    fn details(&self, shows: &Value) -> Value {
        match self {
            Self::Change(change) => change.details(shows),
            Self::Settling(settling) => settling.details(shows),
        }
    }
}

/// What somebody wants to be done.
#[derive(Clone, Debug)]
pub(super) struct Proposal {
    /// That of its line in the record: no two have the same, over all starts.
    pub(super) number: u64,
    pub(super) wanted: Wanted,
    /// Who.
    pub(super) by: String,
    /// Why.
    pub(super) reason: String,
    /// What it would change, as he saw it.
    pub(super) shows: Value,
    pub(super) time: Wall,
    pub(super) until: Monotonic,
}

impl Proposal {
    fn told(&self, now: Monotonic) -> Value {
        json!({
            "number": self.number,
            "action": self.wanted.action(),
            "by": self.by,
            "reason": self.reason,
            "time": self.time.to_string(),
            "left_s": self.until.0.saturating_sub(now.0) / 1_000_000_000,
            "changes": self.shows,
        })
    }
}

/// All that wait.
#[derive(Default, Debug)]
pub(super) struct Proposals(Vec<Proposal>);

impl Proposals {
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < OPEN_MAX
    }

    pub(super) fn add(&mut self, proposal: Proposal) {
        self.0.push(proposal);
    }

    fn find(&self, number: u64) -> Result<Proposal, Problem> {
        let found = self.0.iter().find(|proposal| proposal.number == number);
        found.cloned().ok_or_else(|| {
            Problem::absent(
                "there is no such proposal, or not any more",
                "`GET /v1/proposals` lists what waits; what became of others is in the record",
            )
        })
    }

    fn remove(&mut self, number: u64) {
        self.0.retain(|proposal| proposal.number != number);
    }

    /// Takes out what has waited too long.
    pub(super) fn expired(&mut self, now: Monotonic) -> Vec<Proposal> {
        let over = |proposal: &mut Proposal| now >= proposal.until;
        self.0.extract_if(.., over).collect()
    }
}

/// Writes down that somebody wants a change, and keeps it for another to approve.
pub(super) fn propose(
    visit: &Visit,
    wanted: Wanted,
    reason: &str,
    shows: Value,
) -> Result<Value, Problem> {
    let action = format!("propose: {}", wanted.action());
    let now = Clock.now();
    let number = visit.act(&action, reason, wanted.details(&shows), |number| {
        let mut proposals = visit.api().proposals();
        if !proposals.has_room() {
            return Err(Problem::conflict(
                format!("{OPEN_MAX} proposals wait already"),
                "approve or refuse some first",
            ));
        }
        proposals.add(Proposal {
            number,
            wanted,
            by: visit.caller.name.clone(),
            reason: reason.trim().to_owned(),
            shows: shows.clone(),
            time: now.wall,
            until: now.monotonic.plus_ms(WAITS.as_secs() * 1_000),
        });
        Ok(number)
    })?;
    Ok(json!({
        "outcome": "proposed: another person must approve it",
        "proposal": number,
        "expires_s": WAITS.as_secs(),
        "changes": shows,
    }))
}

async fn list(Extension(visit): Extension<Visit>) -> Json<Value> {
    let now = Clock.now().monotonic;
    let proposals = visit.api().proposals();
    let told: Vec<Value> = proposals.0.iter().map(|it| it.told(now)).collect();
    Json(json!({ "two_people": visit.api().two_people, "proposals": told }))
}

async fn approve(
    Extension(visit): Extension<Visit>,
    Named(number): Named<u64>,
    State(()): State<()>,
    Sent(body): Sent,
) -> Result<Json<Value>, Problem> {
    let why = Why::of(&body)?;
    let proposal = visit.api().proposals().find(number)?;
    may_approve(&visit, &proposal)?;
    let action = format!("approve {number}: {}", proposal.wanted.action());
    let mut details = json!({
        "proposal": number, "by": proposal.by, "because": proposal.reason,
    });
    // Whatever comes of it, it is not approved twice.
    let take = || {
        let mut proposals = visit.api().proposals();
        let proposal = proposals.find(number)?;
        proposals.remove(number);
        Ok(proposal)
    };
    match proposal.wanted {
        Wanted::Change(change) => {
            let done = visit.act(&action, &why.reason, details, |_| {
                let proposal = take()?;
                let who = format!("{}, approved by {}", proposal.by, visit.caller.name);
                change.apply_seen(visit.api(), &who, &proposal.reason, &proposal.shows)
            })?;
            Ok(Json(taken(&visit, done).await))
        }
        Wanted::Settling(settling) => {
            details["settles"] = settling.details(&proposal.shows);
            let begun = visit.begin(&action, &why.reason, details)?;
            let done = match take() {
                Ok(proposal) => {
                    settling
                        .apply(visit.api(), begun, Some(&proposal.shows))
                        .await
                }
                Err(problem) => Err(problem),
            };
            visit.end(begun, &action, &done);
            Ok(Json(done?))
        }
    }
}

/// Somebody else, and somebody: whoever has the machine is not a second person.
fn may_approve(visit: &Visit, proposal: &Proposal) -> Result<(), Problem> {
    let refused = |detail: &str, remedy: &str| {
        Err(Problem::new(
            axum::http::StatusCode::FORBIDDEN,
            detail,
            remedy,
        ))
    };
    if visit.caller.name == proposal.by {
        return refused(
            "who proposes does not approve",
            "let another person with the role `operate` approve it",
        );
    }
    if !visit.caller.is_person {
        return refused(
            "the switch's own user is nobody in particular",
            "approve it with a token of your own, or as a user that `admin.operate_users` names",
        );
    }
    Ok(())
}

async fn refuse(
    Extension(visit): Extension<Visit>,
    Named(number): Named<u64>,
    Sent(body): Sent,
) -> Result<Json<Value>, Problem> {
    let why = Why::of(&body)?;
    let proposal = visit.api().proposals().find(number)?;
    let action = format!("refuse {number}: {}", proposal.wanted.action());
    let details = json!({ "proposal": number, "by": proposal.by });
    visit.act(&action, &why.reason, details, |_| {
        let mut proposals = visit.api().proposals();
        proposals.find(number)?;
        proposals.remove(number);
        Ok(())
    })?;
    Ok(Json(json!({ "outcome": "refused", "proposal": number })))
}

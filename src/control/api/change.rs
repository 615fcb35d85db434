//! What an operator can have changed: tables as a whole, and single lines of the standing. Each is
//! looked at first, and then done; what was looked at by one and is approved by another must still
//! be the same.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Api;
use super::problem::Problem;
use super::tables::problem;
use crate::control::publish::{Candidate, Publisher, shown};
use crate::control::tables::standing::{self, Standing, Stopped};

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// Another text in the place of a table's.
    Publish {
        /// Its key under `[tables]`.
        key: &'static str,
        /// Its name there.
        name: String,
        text: Arc<str>,
    },
    /// What was published as this version.
    Restore(u32),
    /// Whether a participant is suspended.
    Participant { name: String, suspended: bool },
    /// Whether a corridor is stopped.
    Corridor { corridor: Stopped, stopped: bool },
}

/// What a change comes to.
pub(super) struct Judged {
    candidate: Candidate,
    /// `before`, `after` and `difference`.
    pub(super) shows: Value,
    /// It is so already.
    pub(super) is_void: bool,
    /// The version that it was compared with.
    over: u32,
}

impl Change {
    /// In words, for the record.
    pub(super) fn action(&self) -> String {
        match self {
            Self::Publish { key, .. } => format!("publish {key}"),
            Self::Restore(version) => format!("restore generation {version}"),
            Self::Participant { name, suspended } => {
                let verb = if *suspended { "suspend" } else { "resume" };
                format!("{verb} participant {name}")
            }
            Self::Corridor { corridor, stopped } => {
                let verb = if *stopped { "stop" } else { "start" };
                format!("{verb} corridor {corridor}")
            }
        }
    }

    /// Whether it takes two people, where two are asked for.
    pub(super) const fn takes_two(&self) -> bool {
        match self {
            Self::Publish { .. } | Self::Restore(_) => true,
            Self::Participant { suspended, .. } => !*suspended,
            Self::Corridor { stopped, .. } => !*stopped,
        }
    }

    /// What the record keeps of what it shows: no line of a table.
    pub(super) fn details(&self, shows: &Value) -> Value {
        json!({ "before": shows["before"], "after": shows["after"]["hash"] })
    }

    /// What it would change.
    pub(super) fn look(&self, api: &Api) -> Result<Judged, Problem> {
        self.judge(&api.publisher())
    }

    /// Does what was looked at: large tables are read once, unless others came in between.
    pub(super) fn apply(
        &self,
        api: &Api,
        who: &str,
        reason: &str,
        looked: Judged,
    ) -> Result<Value, Problem> {
        let mut publisher = api.publisher();
        let judged = if looked.over == publisher.current().table_version {
            looked
        } else {
            self.judge(&publisher)?
        };
        published(&mut publisher, judged, who, reason)
    }

    /// Does what somebody else has `seen`, if it shows the same now.
    pub(super) fn apply_seen(
        &self,
        api: &Api,
        who: &str,
        reason: &str,
        seen: &Value,
    ) -> Result<Value, Problem> {
        let mut publisher = api.publisher();
        let judged = self.judge(&publisher)?;
        if seen["difference"] != judged.shows["difference"] {
            return Err(Problem::conflict(
                "the tables have changed since it was proposed, and it would change something else",
                "look at what it changes now, and propose it again",
            ));
        }
        published(&mut publisher, judged, who, reason)
    }

    fn judge(&self, publisher: &Publisher) -> Result<Judged, Problem> {
        let candidate = match self {
            Self::Publish { name, text, .. } => publisher.candidate(name, text),
            Self::Restore(version) => publisher.candidate_of(*version),
            Self::Participant { name, suspended } => {
                let standing = publisher.current().standing.clone();
                candidate_of(publisher, &standing.with(name, *suspended))
            }
            Self::Corridor { corridor, stopped } => {
                let standing = publisher.current().standing.clone();
                candidate_of(publisher, &standing.with_corridor(*corridor, *stopped))
            }
        };
        let candidate = candidate.map_err(problem)?;
        let (before, hash) = (publisher.current(), candidate.hash());
        let shows = json!({
            "before": { "version": before.table_version, "hash": shown(before.table_hash) },
            "after": { "version": publisher.next_version(), "hash": shown(hash) },
            "difference": publisher.difference(&candidate),
        });
        Ok(Judged {
            is_void: hash == before.table_hash,
            over: before.table_version,
            candidate,
            shows,
        })
    }
}

fn published(
    publisher: &mut Publisher,
    judged: Judged,
    who: &str,
    reason: &str,
) -> Result<Value, Problem> {
    let mut shows = judged.shows;
    let published = publisher.publish(judged.candidate, who, reason.trim());
    let version = published.map_err(problem)?;
    shows["after"]["version"] = json!(version);
    shows["outcome"] = json!("published");
    Ok(shows)
}

fn candidate_of(
    publisher: &Publisher,
    standing: &Standing,
) -> Result<Candidate, crate::control::publish::PublishError> {
    let name = publisher.name_of(standing::FORM.key, None)?;
    publisher.candidate(&name, &standing.text())
}

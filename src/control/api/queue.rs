//! Doors to the operator queue: who waits, and what somebody decides about it.
//!
//! Shards say who waits and take decisions between two turns; the office asks one question after
//! the other and waits a bounded time. An operator hears "settled" once that is committed, and the
//! record in the journal has the number of the action that decided it.

use core::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::asked::{Asked, Named, Sent};
use super::authority::Role;
use super::consent::{self, Wanted};
use super::problem::Problem;
use super::record::REASON_BYTES_MAX;
use super::{Api, Door, Holds, Parameter, Verb, Visit, Why};
use crate::control::story;
use crate::model::ids::{Institution, TransactionNumber};
use crate::model::outcome::Ruling;
use crate::model::ruling::Ruled;
use crate::shard::stats::Health;
use crate::shard::{Command, Mailbox, NotRuled, NotTaken, Said, WAITING_TOLD_MAX, Waits};
use crate::sys::clock::Clock;

pub(super) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/queue",
        role: Role::View,
        summary: "What waits for an operator, the oldest first: why, for whom, and what may be \
                  decided about it.",
        query: &[],
        handler: || get(list),
    },
    Door {
        verb: Verb::Post,
        path: "/v1/queue/{shard}/{number}/settle",
        role: Role::Operate,
        summary: "Decides about what waits for an operator, on record. What is final stays so.",
        query: &[DECISION, EVIDENCE],
        handler: || post(settle),
    },
];

const DECISION: Parameter = Parameter::new(
    "decision",
    Holds::Text,
    "`approved`, `declined`, `reversed`: what was found out; `send-again`; `told`: the originator \
     knows; `noted`: a contradiction was looked at",
)
.required();

const EVIDENCE: Parameter = Parameter::new(
    "evidence",
    Holds::Text,
    "Where that is known from, for the record; all but `send-again` need it. No payment data.",
);

/// How long a shard may take to say who waits, and to have a decision committed.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
const RULED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Where one question after the other is put to shards: the last one's ticket.
#[derive(Default, Debug)]
pub(super) struct Desk(Mutex<u32>);

/// An end to what waits for an operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settling {
    shard: u16,
    number: TransactionNumber,
    ruling: Ruling,
    evidence: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct How {
    decision: String,
    #[serde(default)]
    evidence: String,
}

impl Settling {
    /// In words, for the record.
    pub(super) fn action(&self) -> String {
        let (shard, number, ruling) = (self.shard, self.number.0, self.ruling.name());
        format!("settle transaction {number} of shard {shard}: {ruling}")
    }

    /// What the record keeps of it.
    pub(super) fn details(&self, shows: &Value) -> Value {
        json!({ "waits": shows, "evidence": self.evidence })
    }

    /// Does it, as action `action` of the record. Where somebody has `seen` what waited, it must
    /// still wait for the same.
    pub(super) async fn apply(
        &self,
        api: &Api,
        action: u64,
        seen: Option<&Value>,
    ) -> Result<Value, Problem> {
        let mut desk = api.desk.0.lock().await;
        if let Some(seen) = seen {
            let shows = self.shown(&hear_all(api, &mut desk).await)?;
            let same = |member: &str| shows[member] == seen[member];
            if !(same("key") && same("phase") && same("reason")) {
                return Err(Problem::conflict(
                    "it waits for something else than when that was proposed",
                    "look at what it waits for now, and propose it again",
                ));
            }
        }
        let ruled = Ruled {
            number: self.number,
            ruling: self.ruling,
            action,
        };
        rule(api, &mut desk, self.shard, ruled).await?;
        let outcome = match self.ruling {
            Ruling::SendAgain => "sent again: it waits on until it is settled",
            Ruling::Approved
            | Ruling::Declined
            | Ruling::Reversed
            | Ruling::Told
            | Ruling::Noted => "settled",
        };
        Ok(json!({
            "outcome": outcome,
            "shard": self.shard,
            "number": self.number.0,
            "decision": self.ruling.name(),
            "action": action,
        }))
    }

    /// What waits, as it is listed, where this may be decided about it.
    fn shown(&self, heard: &Heard) -> Result<Value, Problem> {
        let mut waiting = heard.waiting.iter();
        let found =
            waiting.find(|(shard, one, _)| (*shard, one.number) == (self.shard, self.number));
        let Some((shard, one, with)) = found else {
            return Err(if heard.is_cut() { behind() } else { gone() });
        };
        if !decisions(one).any(|ruling| ruling == self.ruling) {
            return Err(unfit(one));
        }
        let mut shown = told(*shard, one, *with);
        if let Some(members) = shown.as_object_mut() {
            members.remove("age_s");
        }
        Ok(shown)
    }
}

async fn list(Extension(visit): Extension<Visit>) -> Json<Value> {
    let heard = {
        let mut desk = visit.api().desk.0.lock().await;
        hear_all(visit.api(), &mut desk).await
    };
    let waiting = heard.waiting.iter();
    let waiting: Vec<Value> = waiting
        .map(|(shard, one, with)| told(*shard, one, *with))
        .collect();
    Json(json!({
        "waiting": waiting,
        "all": heard.all,
        "cut": heard.is_cut(),
        "shards_unheard": heard.unheard,
    }))
}

async fn settle(
    Extension(visit): Extension<Visit>,
    Named((shard, number)): Named<(u16, u64)>,
    Asked(how): Asked<How>,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    let why = Why::of(&body)?;
    let settling = Settling {
        shard,
        number: TransactionNumber(number),
        ruling: ruling(&how.decision)?,
        evidence: evidence(&how)?,
    };
    let shows = {
        let mut desk = visit.api().desk.0.lock().await;
        settling.shown(&hear_all(visit.api(), &mut desk).await)?
    };
    if visit.api().two_people && settling.ruling != Ruling::SendAgain {
        let wanted = Wanted::Settling(settling);
        let proposed = consent::propose(&visit, wanted, &why.reason, shows)?;
        return Ok((StatusCode::ACCEPTED, Json(proposed)).into_response());
    }
    let action = settling.action();
    let begun = visit.begin(&action, &why.reason, settling.details(&shows))?;
    let done = settling.apply(visit.api(), begun, None).await;
    visit.end(begun, &action, &done);
    Ok(Json(done?).into_response())
}

fn ruling(word: &str) -> Result<Ruling, Problem> {
    let found = Ruling::ALL.iter().find(|ruling| ruling.name() == word);
    found.copied().ok_or_else(|| {
        let words: Vec<_> = Ruling::ALL.iter().map(|ruling| ruling.name()).collect();
        Problem::request(
            "this is no decision",
            format!("say one of {}", words.join(", ")),
        )
    })
}

fn evidence(how: &How) -> Result<String, Problem> {
    let evidence = how.evidence.trim();
    let needed = how.decision != Ruling::SendAgain.name();
    if evidence.len() > REASON_BYTES_MAX || (needed && evidence.is_empty()) {
        return Err(Problem::request(
            "such a decision needs evidence",
            format!(
                "say where it is known from, in 1 to {REASON_BYTES_MAX} bytes, as `evidence`: a \
                 statement, a ticket, who was called"
            ),
        ));
    }
    Ok(evidence.to_owned())
}

/// Who waits, by shard.
#[derive(Default, Debug)]
struct Heard {
    waiting: Vec<(u16, Waits, Institution)>,
    all: usize,
    /// Shards that did not answer in time.
    unheard: Vec<u16>,
}

impl Heard {
    /// Whether more wait than were told.
    fn is_cut(&self) -> bool {
        self.all > self.waiting.len()
    }
}

/// Asks every shard who waits.
async fn hear_all(api: &Api, ticket: &mut u32) -> Heard {
    let mailboxes: Vec<Mailbox> = api.publisher().mailboxes().to_vec();
    *ticket = ticket.wrapping_add(1);
    let mut heard = Heard::default();
    let mut open: Vec<(u16, Mailbox)> = (0..).zip(mailboxes).collect();
    for (_, mailbox) in &open {
        while mailbox.reply().is_some() {}
    }
    open.retain(|(shard, mailbox)| {
        let sent = mailbox.send(Command::SayWaiting(*ticket));
        if !sent {
            heard.unheard.push(*shard);
        }
        sent
    });
    let until = tokio::time::Instant::now() + TOLD_WITHIN;
    while !open.is_empty() && tokio::time::Instant::now() < until {
        open.retain(|(shard, mailbox)| {
            while let Some(reply) = mailbox.reply() {
                match reply.said {
                    _ if reply.ticket != *ticket => {}
                    Said::Waits(one, with) => heard.waiting.push((*shard, one, with)),
                    Said::Waiting(all) => {
                        heard.all += all;
                        return false;
                    }
                    Said::Ruled(_) => {}
                }
            }
            true
        });
        if !open.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    heard.unheard.extend(open.iter().map(|(shard, _)| *shard));
    heard
        .waiting
        .sort_by_key(|(shard, one, _)| (one.since, *shard, one.number));
    heard
}

/// Hands a decision to its shard, and waits until it is committed.
async fn rule(api: &Api, ticket: &mut u32, shard: u16, ruled: Ruled) -> Result<(), Problem> {
    let place = usize::from(shard);
    let mailbox = api.publisher().mailboxes().get(place).cloned();
    let mailbox = mailbox.ok_or_else(gone)?;
    while mailbox.reply().is_some() {}
    *ticket = ticket.wrapping_add(1);
    if !mailbox.send(Command::Rule(*ticket, ruled)) {
        return Err(unheard(
            "the shard does not look into its mailbox: nothing was decided",
        ));
    }
    let until = tokio::time::Instant::now() + RULED_WITHIN;
    while tokio::time::Instant::now() < until {
        while let Some(reply) = mailbox.reply() {
            if let (true, Said::Ruled(result)) = (reply.ticket == *ticket, reply.said) {
                return result.map_err(refused);
            }
        }
        let ended = api.counters.get(place).map(|counters| counters.health());
        if matches!(ended, Some(Health::Ended | Health::Fenced)) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(unheard("the shard has not said what became of it"))
}

fn refused(not: NotTaken) -> Problem {
    match not {
        NotTaken::Not(NotRuled::NotQueued) => gone(),
        NotTaken::Not(NotRuled::NotForThis) => Problem::conflict(
            "it waits, and not for such a decision",
            "`GET /v1/queue` says which decisions it waits for",
        ),
        NotTaken::Not(NotRuled::Busy) => Problem::conflict(
            "it is being tried just now, or there is no room to try it",
            "ask again in a minute",
        ),
        NotTaken::Fenced => unheard("the journal takes no more"),
    }
}

fn unheard(detail: &str) -> Problem {
    let remedy = "look into `GET /v1/queue`, after a start where the shard has ended: what still \
                  waits was not decided";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail, remedy)
}

fn gone() -> Problem {
    Problem::absent(
        "no such transaction waits for an operator, or not any more",
        "`GET /v1/queue` lists what waits; `GET /v1/payments?reference=...` tells what became of \
         others",
    )
}

fn behind() -> Problem {
    Problem::conflict(
        format!("it is not among the {WAITING_TOLD_MAX} of its shard that wait for longest"),
        "settle those first that `GET /v1/queue` lists; the journal has them all: `cpg-switch \
         journal queue`",
    )
}

fn unfit(one: &Waits) -> Problem {
    let may: Vec<&str> = decisions(one).map(Ruling::name).collect();
    let remedy = if may.is_empty() {
        "it is being tried just now: ask again in a minute".to_owned()
    } else {
        format!("it waits for one of: {}", may.join(", "))
    };
    Problem::conflict("it waits, and not for such a decision", remedy)
}

fn decisions(one: &Waits) -> impl Iterator<Item = Ruling> {
    let all = Ruling::ALL.iter().zip(one.may);
    all.filter_map(|(ruling, may)| may.then_some(*ruling))
}

fn told(shard: u16, one: &Waits, with: Institution) -> Value {
    let key = &one.target.key;
    let now = Clock.now().wall;
    json!({
        "shard": shard,
        "number": one.number.0,
        "class": story::class(&one.target),
        "key": format!("{}/{}/{}", key.originator, key.local_date, key.reference),
        "minor": one.amount.minor,
        "currency": one.amount.currency.to_string(),
        "phase": format!("{:?}", one.phase).to_lowercase(),
        "reason": one.reason.name(),
        "with": with.code(),
        "since": one.since.to_string(),
        "age_s": now.0.saturating_sub(one.since.0) / 1_000_000_000,
        "decisions": decisions(one).map(Ruling::name).collect::<Vec<_>>(),
    })
}

//! THE WATCH: what the office reads, beside what is usual, and what somebody should know of it.
//!
//! ```text
//! readings, every ten seconds -> sights -> judge -> alerts: log, /v1/alerts, a metric, the page
//! ```
//!
//! It reads what the dashboard reads, on the operations thread, and asks no shard for anything. It
//! decides nothing: people do.

#![expect(
    clippy::disallowed_types,
    reason = "the office may lock: no shard ever waits for it"
)]

pub mod judge;
pub mod rules;
mod usual;

#[cfg(test)]
mod tests;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::routing::get;
use axum::{Extension, Json};
use serde_json::{Value, json};

use self::judge::{Alert, Evidence, Judge, Measured, Sight};
use self::rules::{RULES, Rule, Severity, TABLE};
use crate::control::api::authority::Role;
use crate::control::api::{Door, Verb};
use crate::control::dashboard::Dashboard;
use crate::control::readings::{LABELLED_MAX, Readings};
use crate::model::time::Wall;
use crate::shard::stats::{Counter, PartyCount, PartyRead};

/// Between two samples.
pub const EVERY: core::time::Duration = core::time::Duration::from_secs(10);

/// How many alerts are open, by rule, where a scrape reads it.
#[derive(Debug, Default)]
pub struct AlertsNow([AtomicU64; RULES]);

impl AlertsNow {
    /// Of one rule.
    pub fn get(&self, rule: Rule) -> u64 {
        self.0[rule as usize].load(Ordering::Relaxed)
    }

    fn set(&self, open: &[&Alert]) {
        for row in &TABLE {
            let of_it = open.iter().filter(|alert| alert.rule == row.rule).count();
            let count = u64::try_from(of_it).unwrap_or(u64::MAX);
            self.0[row.rule as usize].store(count, Ordering::Relaxed);
        }
    }
}

/// The judge, where the operations thread's parts can ask it.
#[derive(Debug, Default)]
pub struct Monitor(Mutex<Judge>);

impl Monitor {
    fn judge(&self) -> MutexGuard<'_, Judge> {
        // Whatever panicked left counts that differ by one sample.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one sample of everything. To be called every [`EVERY`]; `at` is written into alerts.
    pub fn look(&self, readings: &Readings, at: Wall) {
        let mut judge = self.judge();
        sights(readings, at, &mut |sight| {
            if let Some(alert) = judge.look(at, sight) {
                log(&alert);
            }
        });
        readings.alerts().set(&judge.open());
    }

    /// What is wrong now.
    pub fn open(&self) -> Value {
        self.judge().open().into_iter().map(shown).collect()
    }

    fn all(&self) -> Value {
        let judge = self.judge();
        json!({
            "left_out": judge.left_out(),
            "open": judge.open().into_iter().map(shown).collect::<Vec<_>>(),
            "ended": judge.ended().map(shown).collect::<Vec<_>>(),
        })
    }
}

/// Alerts, for whoever may view.
pub(in crate::control) const DOORS: &[Door] = &[Door {
    verb: Verb::Get,
    path: "/v1/alerts",
    role: Role::View,
    summary: "What is not as usual, with the numbers that say so, and the last hundred that ended.",
    query: &[],
    handler: || get(alerts),
}];

async fn alerts(Extension(dashboard): Extension<Arc<Dashboard>>) -> Json<Value> {
    Json(dashboard.monitor().all())
}

fn shown(alert: &Alert) -> Value {
    let row = alert.rule.row();
    let (until, ended) = match alert.until {
        None => (None, None),
        Some((until, is_usual)) => {
            let why = if is_usual {
                "it is usual by now"
            } else {
                "it is as usual again"
            };
            (Some(until.to_string()), Some(why))
        }
    };
    json!({
        "number": alert.number,
        "rule": row.name,
        "severity": row.severity.name(),
        "subject": alert.subject,
        "what": row.what,
        "since": alert.since.to_string(),
        "until": until,
        "ended": ended,
        "unit": row.unit,
        "raised_at": evidence(&alert.evidence),
        "latest": evidence(&alert.latest),
        "remedy": row.remedy,
    })
}

fn evidence(evidence: &Evidence) -> Value {
    // More digits than three say nothing.
    let short = |number: f64| (number * 1e3).round() / 1e3;
    json!({
        "now": short(evidence.now),
        "usual": short(evidence.usual),
        "of_now": short(evidence.of_now),
        "of_usual": short(evidence.of_usual),
    })
}

fn log(alert: &Alert) {
    let row = alert.rule.row();
    let (rule, subject, number) = (row.name, &alert.subject, alert.number);
    if let Some((_, is_usual)) = alert.until {
        tracing::info!(number, rule, %subject, is_usual, "an alert is over");
        return;
    }
    let Evidence {
        now, usual, of_now, ..
    } = alert.evidence;
    let (unit, remedy) = (row.unit, row.remedy);
    match row.severity {
        Severity::Page => {
            tracing::error!(
                number, rule, %subject, now, usual, of_now, unit, remedy, "{}", row.what
            );
        }
        Severity::Ticket => {
            tracing::warn!(
                number, rule, %subject, now, usual, of_now, unit, remedy, "{}", row.what
            );
        }
    }
}

/// Everything that is judged, read once.
fn sights(readings: &Readings, at: Wall, see: &mut dyn FnMut(&Sight<'_>)) {
    for corridor in readings.corridors() {
        let (from, to) = readings.ends(&corridor);
        let subject = format!("{from} -> {to}");
        let [approved, declined, unknown] = corridor.outcomes;
        let ended = Measured::Share(approved, approved + declined + unknown);
        let requests = Measured::Count(corridor.requests);
        for (rule, measured) in [
            (Rule::CorridorSuccess, ended),
            (Rule::CorridorSilent, requests),
            (Rule::CorridorSurge, requests),
        ] {
            see(&Sight {
                rule,
                subject: &subject,
                measured,
            });
        }
    }
    for (place, seat) in readings.seats().iter().take(LABELLED_MAX).enumerate() {
        of_party(&readings.party(place), &mut |rule, measured| {
            see(&Sight {
                rule,
                subject: &seat.name,
                measured,
            });
        });
    }
    of_switch(readings, at, &mut |rule, measured| {
        see(&Sight {
            rule,
            subject: "switch",
            measured,
        });
    });
}

fn of_party(read: &PartyRead, see: &mut dyn FnMut(Rule, Measured<'_>)) {
    use PartyCount as P;
    let approved = read.get(P::AskedApproved);
    let ended = approved + read.get(P::AskedDeclined) + read.get(P::AskedUnknown);
    let requests = read.get(P::Requests);
    let (repeats, inquiries) = (read.get(P::Repeats), read.get(P::Inquiries));
    see(Rule::ParticipantApprovals, Measured::Share(approved, ended));
    see(Rule::AnswerTimes, Measured::Times(&read.answer_times));
    see(
        Rule::DuplicateStorm,
        Measured::Share(repeats, repeats + requests),
    );
    see(
        Rule::InquiryStorm,
        Measured::Share(inquiries, inquiries + requests),
    );
}

fn of_switch(readings: &Readings, at: Wall, see: &mut dyn FnMut(Rule, Measured<'_>)) {
    let sum = |counter| {
        let shards = readings.shards().iter();
        shards.map(|shard| shard.get(counter)).sum::<u64>()
    };
    let declines = readings.declines();
    let malfunctions = declines.iter().find(|(code, _)| code == "96");
    let malfunctions = malfunctions.map_or(0, |(_, count)| *count);
    let others = sum(Counter::AnswersApproved) + sum(Counter::AnswersDeclined);
    let of = others.max(malfunctions);
    see(Rule::Malfunctions, Measured::Share(malfunctions, of));
    see(
        Rule::LinksFlapping,
        Measured::Count(sum(Counter::LinksAccepted)),
    );
    see(
        Rule::QueueDepth,
        Measured::Level(sum(Counter::OperatorQueueNow)),
    );
    let since = readings.queue_oldest_s();
    let age_s = if since == 0 {
        0
    } else {
        (at.0 / 1_000_000_000).saturating_sub(since)
    };
    see(Rule::QueueAge, Measured::Level(age_s));
    see(
        Rule::JournalRoom,
        Measured::Level(sum(Counter::SegmentsNeededNow)),
    );
}

//! One picture: everything that a dashboard shows at one moment, as JSON.
//!
//! Counts are since the start; the page makes rates of two pictures. Times are those of the last
//! seconds, from the difference of two readings.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::control::readings::{LABELLED_MAX, Readings, Seat};
use crate::model::metric::{Histogram, Sample, Value as Number};
use crate::model::time::Monotonic;
use crate::shard::stats::{Counter, PartyRead, Stage};

/// Readings that times are taken over: five seconds of them.
const KEPT: usize = 10;

/// Makes pictures of one switch.
#[derive(Debug)]
pub struct Painter {
    readings: Arc<Readings>,
    kept: VecDeque<Times>,
    at: Monotonic,
}

/// Histograms at one moment.
#[derive(Debug)]
struct Times {
    stages: Vec<Histogram>,
    parties: Vec<PartyRead>,
}

impl Painter {
    /// Of what can be read there.
    pub fn new(readings: &Arc<Readings>) -> Self {
        Self {
            readings: Arc::clone(readings),
            kept: VecDeque::with_capacity(KEPT + 1),
            at: Monotonic(0),
        }
    }

    /// Reads everything once.
    pub fn look(&mut self, now: Monotonic) {
        let readings = &self.readings;
        let count = readings.seats().len().min(LABELLED_MAX);
        self.at = now;
        self.kept.push_back(Times {
            stages: Stage::ALL.map(|stage| readings.stage(stage)).to_vec(),
            parties: (0..count).map(|place| readings.party(place)).collect(),
        });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// What was seen last. `unready`: why no payments are taken, if they are not.
    /// `alerts`: what is not as usual.
    pub fn paint(&self, unready: Option<String>, alerts: &Value) -> Value {
        json!({
            "alerts": alerts,
            "at_ms": self.at.0 / 1_000_000,
            "unready": unready,
            "version": env!("CARGO_PKG_VERSION"),
            "totals": self.totals(),
            "stages": self.stages(),
            "participants": self.participants(),
            "corridors": self.corridors(),
            "declines": self.declines(),
            "not_allowed": self.by_label("payments_not_allowed"),
            "refusals": self.by_label("refusals"),
            "shards": self.shards(),
            "bounds": {
                "in_flight": self.readings.bounds().in_flight,
                "remembered_keys": self.readings.bounds().remembered_keys,
                "links": self.readings.bounds().links,
            },
        })
    }

    fn sum(&self, counter: Counter) -> u64 {
        let shards = self.readings.shards().iter();
        shards.map(|shard| shard.get(counter)).sum()
    }

    fn totals(&self) -> Value {
        json!({
            "payments": self.sum(Counter::Payments),
            "refunds": self.sum(Counter::Refunds),
            "approved": self.sum(Counter::AnswersApproved),
            "declined": self.sum(Counter::AnswersDeclined),
            "unknown": self.sum(Counter::AnswersUnknown),
            "reversed": self.sum(Counter::Reversed),
            "repeats": self.sum(Counter::Repeats),
            "shed": self.sum(Counter::Shed),
            "in_flight": self.sum(Counter::InFlightNow),
            "remembered_keys": self.sum(Counter::RememberedKeysNow),
            "links": self.sum(Counter::LinksNow),
            "queue": self.sum(Counter::OperatorQueueNow),
            "queue_oldest_s": self.readings.queue_oldest_s(),
            "security_events": self.sum(Counter::SecurityEvents),
        })
    }

    fn stages(&self) -> Value {
        let stages = Stage::ALL.iter().enumerate().map(|(place, stage)| {
            let last = |times: &Times| times.stages[place];
            (stage.name().to_owned(), self.times(last))
        });
        Value::Object(stages.collect())
    }

    /// The times between the oldest reading and the newest.
    fn times(&self, of: impl Fn(&Times) -> Histogram) -> Value {
        let (Some(first), Some(last)) = (self.kept.front(), self.kept.back()) else {
            return Value::Null;
        };
        let times = if self.kept.len() == 1 {
            of(last)
        } else {
            of(last).since(&of(first))
        };
        let us = |per_mille| times.quantile_ns(per_mille).map(|ns| ns / 1_000);
        json!({
            "count": times.count(),
            "p50_us": us(500),
            "p99_us": us(990),
            "p999_us": us(999),
        })
    }

    fn participants(&self) -> Value {
        let Some(last) = self.kept.back() else {
            return Value::Null;
        };
        let seats = self.readings.seats().iter().zip(&last.parties);
        let seats = seats.enumerate().map(|(place, (seat, party))| {
            let times = self.times(|times| {
                let party = times.parties.get(place);
                party.map_or_else(Histogram::default, |party| party.answer_times)
            });
            participant(seat, party, times)
        });
        Value::Array(seats.collect())
    }

    fn corridors(&self) -> Value {
        let corridors = self.readings.corridors();
        let list = corridors.iter().map(|corridor| {
            let (from, to) = self.readings.ends(corridor);
            let [approved, declined, unknown] = corridor.outcomes;
            json!({
                "from": from,
                "to": to,
                "requests": corridor.requests,
                "approved": approved,
                "declined": declined,
                "unknown": unknown,
            })
        });
        Value::Array(list.collect())
    }

    fn declines(&self) -> Value {
        let codes = self.readings.declines().into_iter();
        Value::Object(codes.map(|(code, count)| (code, json!(count))).collect())
    }

    /// The counters of one name that are not zero, by the value of their only label.
    fn by_label(&self, name: &str) -> Value {
        let mut found = serde_json::Map::new();
        crate::shard::stats::each(self.readings.shards(), &mut |sample: &Sample<'_>| {
            if sample.name == name
                && let (Number::Counter(count @ 1..), [(_, value)]) = (sample.value, sample.labels)
            {
                found.insert((*value).to_owned(), json!(count));
            }
        });
        Value::Object(found)
    }

    fn shards(&self) -> Value {
        let shards = self.readings.shards().iter().enumerate();
        let list = shards.map(|(shard, counters)| {
            json!({
                "shard": shard,
                "unready": counters.health().unready(),
                "busy_ms": counters.stage(Stage::Turn).sum_ns / 1_000_000,
                "payments": counters.get(Counter::Payments),
                "in_flight": counters.get(Counter::InFlightNow),
                "uncommitted_bytes": counters.get(Counter::JournalUncommittedBytesNow),
                "links": counters.get(Counter::LinksNow),
                "queue": counters.get(Counter::OperatorQueueNow),
            })
        });
        Value::Array(list.collect())
    }
}

fn participant(seat: &Seat, party: &PartyRead, times: Value) -> Value {
    let [
        requests,
        approved,
        declined,
        unknown,
        repeats,
        inquiries,
        asked,
        asked_approved,
        asked_declined,
        asked_unknown,
    ] = party.counts;
    json!({
        "name": seat.name,
        "role": seat.role.name(),
        "protocol": seat.protocol.name(),
        "country": seat.country,
        "links": party.links,
        "open_from": party.in_flight.0,
        "window_from": seat.window_in,
        "open_to": party.in_flight.1,
        "window_to": seat.window_out,
        "requests": requests,
        "approved": approved,
        "declined": declined,
        "unknown": unknown,
        "repeats": repeats,
        "inquiries": inquiries,
        "asked": asked,
        "asked_approved": asked_approved,
        "asked_declined": asked_declined,
        "asked_unknown": asked_unknown,
        "answer_times": times,
    })
}

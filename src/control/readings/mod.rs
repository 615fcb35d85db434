//! What the office reads of a running switch, as samples: the shards' counters, the participants
//! with their windows, the bounds of what can be full, and the threads.
//!
//! It asks no shard for anything: it reads copies that shards make, and files of the system.

use std::sync::Arc;

use crate::control::monitor::AlertsNow;
use crate::control::monitor::rules::TABLE as RULES;
use crate::control::threads::{self, ThreadReading};
use crate::model::ids::ParticipantIndex;
use crate::model::metric::{Histogram, Sample, Value, Visit};
use crate::model::participant::{Protocol, Role};
use crate::shard::stats::{self, Counter, Counters, PartyCount, PartyRead, Stage, code_name};

/// Participants that have labels of their own; all others are counted together as `other`.
pub const LABELLED_MAX: usize = 256;

/// A participant, as the office shows it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Its name in the configuration.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// What its links speak.
    pub protocol: Protocol,
    /// ISO 3166-1 numeric.
    pub country: u16,
    /// Requests of its own that may be open, over all shards.
    pub window_in: u32,
    /// Requests to it that may be open, over all shards.
    pub window_out: u32,
}

/// What can be full, and when it is, over all shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Payments without an answer.
    pub in_flight: u64,
    /// Business keys that are remembered.
    pub remembered_keys: u64,
    /// Open links.
    pub links: u64,
    /// Bytes of the journal's segments.
    pub journal_bytes: u64,
}

/// Everything that can be read.
#[derive(Debug)]
pub struct Readings {
    counters: Vec<Arc<Counters>>,
    seats: Vec<Seat>,
    bounds: Bounds,
    alerts: AlertsNow,
}

/// From one participant to another, over all shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CorridorRead {
    /// Who asks and who answers; none: those for which there was no place.
    pub ends: Option<(ParticipantIndex, ParticipantIndex)>,
    /// What went on to the destination.
    pub requests: u64,
    /// Approved, declined, without an answer in time.
    pub outcomes: [u64; 3],
}

impl Readings {
    /// Of these shards, with the participants of their tables.
    pub fn new(counters: Vec<Arc<Counters>>, seats: Vec<Seat>, bounds: Bounds) -> Self {
        Self {
            counters,
            seats,
            bounds,
            alerts: AlertsNow::default(),
        }
    }

    /// The participants.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// By shard.
    pub fn shards(&self) -> &[Arc<Counters>] {
        &self.counters
    }

    /// What can be full.
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// How many alerts are open: whoever watches says so here.
    pub const fn alerts(&self) -> &AlertsNow {
        &self.alerts
    }

    /// Since when the oldest waits for an operator, over all shards, in seconds since 1970; zero:
    /// none does.
    pub fn queue_oldest_s(&self) -> u64 {
        let shards = self.counters.iter();
        let since = shards.map(|shard| shard.get(Counter::OperatorQueueOldestNow));
        since.filter(|since| *since > 0).min().unwrap_or(0)
    }

    /// One participant over all shards.
    pub fn party(&self, place: usize) -> PartyRead {
        let mut all = PartyRead::default();
        for shard in &self.counters {
            all.add(&shard.party(place));
        }
        all
    }

    /// Every corridor over all shards, in the order of participants.
    pub fn corridors(&self) -> Vec<CorridorRead> {
        let mut sums = std::collections::BTreeMap::new();
        for corridor in self.counters.iter().flat_map(|shard| shard.corridors()) {
            let ends = corridor.ends.map(|(from, to)| (from.0, to.0));
            let (requests, outcomes) = sums.entry(ends).or_insert((0, [0; 3]));
            *requests += corridor.requests;
            for (sum, more) in outcomes.iter_mut().zip(corridor.outcomes) {
                *sum += more;
            }
        }
        let read = sums.into_iter().map(|(ends, (requests, outcomes))| {
            let ends = ends.map(|(from, to)| (ParticipantIndex(from), ParticipantIndex(to)));
            CorridorRead {
                ends,
                requests,
                outcomes,
            }
        });
        read.collect()
    }

    /// Declines by response code, of those that came.
    pub fn declines(&self) -> Vec<(String, u64)> {
        let mut sums: Vec<u64> = Vec::new();
        for shard in &self.counters {
            let codes = shard.codes();
            sums.resize(codes.len(), 0);
            for (sum, more) in sums.iter_mut().zip(codes) {
                *sum += more;
            }
        }
        let named = sums.into_iter().enumerate();
        let named = named.filter(|(_, count)| *count > 0);
        named
            .map(|(place, count)| (code_name(place), count))
            .collect()
    }

    /// How long a stage took, over all shards.
    pub fn stage(&self, stage: Stage) -> Histogram {
        let mut all = Histogram::default();
        for shard in &self.counters {
            all.add(&shard.stage(stage));
        }
        all
    }

    /// The name of a participant.
    pub fn name(&self, index: ParticipantIndex) -> &str {
        let seat = self.seats.get(usize::from(index.0));
        seat.map_or("other", |seat| &seat.name)
    }

    /// Every sample there is.
    pub fn each(&self, visit: Visit<'_>) {
        stats::each(&self.counters, visit);
        self.each_bound(visit);
        self.each_stage(visit);
        self.each_code(visit);
        self.each_corridor(visit);
        self.each_party(visit);
        self.each_shard(visit);
        self.each_rule(visit);
        each_thread(&threads::read(), visit);
    }

    fn each_bound(&self, visit: Visit<'_>) {
        let Bounds {
            in_flight,
            remembered_keys,
            links,
            journal_bytes,
        } = self.bounds;
        for (name, help, most) in [
            (
                "in_flight_max",
                "most payments without an answer",
                in_flight,
            ),
            (
                "remembered_keys_max",
                "most business keys remembered",
                remembered_keys,
            ),
            ("links_max", "most links that are open", links),
            (
                "journal_bytes_max",
                "most bytes of the journal's segments",
                journal_bytes,
            ),
        ] {
            visit(&Sample {
                name,
                help,
                labels: &[],
                value: Value::Gauge(most),
            });
        }
    }

    fn each_rule(&self, visit: Visit<'_>) {
        for row in &RULES {
            visit(&Sample {
                name: "alerts_now",
                help: "what is not as usual: open alerts, by rule; see /v1/alerts",
                labels: &[("rule", row.name)],
                value: Value::Gauge(self.alerts.get(row.rule)),
            });
        }
    }

    fn each_stage(&self, visit: Visit<'_>) {
        for stage in Stage::ALL {
            visit(&Sample {
                name: "stage_seconds",
                help: STAGE_HELP,
                labels: &[("stage", stage.name())],
                value: Value::Times(&self.stage(stage)),
            });
        }
    }

    fn each_code(&self, visit: Visit<'_>) {
        for (code, count) in self.declines() {
            visit(&Sample {
                name: "declines",
                help: "payments and refunds declined, by the response code that was told",
                labels: &[("code", &code)],
                value: Value::Counter(count),
            });
        }
    }

    fn each_corridor(&self, visit: Visit<'_>) {
        let corridors = self.corridors();
        for corridor in &corridors {
            let (from, to) = self.ends(corridor);
            visit(&Sample {
                name: "corridor_requests",
                help: "payments and refunds that went on, by originator and destination",
                labels: &[("originator", from), ("destination", to)],
                value: Value::Counter(corridor.requests),
            });
        }
        for corridor in &corridors {
            let (from, to) = self.ends(corridor);
            for (outcome, count) in OUTCOMES.into_iter().zip(corridor.outcomes) {
                visit(&Sample {
                    name: "corridor_outcomes",
                    help: "how they ended, by originator and destination",
                    labels: &[
                        ("originator", from),
                        ("destination", to),
                        ("outcome", outcome),
                    ],
                    value: Value::Counter(count),
                });
            }
        }
    }

    /// The names of both ends.
    pub fn ends(&self, corridor: &CorridorRead) -> (&str, &str) {
        corridor.ends.map_or(("other", "other"), |(from, to)| {
            (self.name(from), self.name(to))
        })
    }

    /// Participants with a label of their own, and the rest as one.
    fn labelled(&self) -> Vec<(&str, PartyRead, (u64, u64))> {
        let mut all: Vec<_> = Vec::new();
        let mut rest = (PartyRead::default(), (0, 0));
        for (place, seat) in self.seats.iter().enumerate() {
            let windows = (u64::from(seat.window_in), u64::from(seat.window_out));
            let read = self.party(place);
            if place < LABELLED_MAX {
                all.push((seat.name.as_str(), read, windows));
            } else {
                rest.0.add(&read);
                rest.1.0 += windows.0;
                rest.1.1 += windows.1;
            }
        }
        if self.seats.len() > LABELLED_MAX {
            all.push(("other", rest.0, rest.1));
        }
        all
    }

    fn each_party(&self, visit: Visit<'_>) {
        let parties = self.labelled();
        for (what, kind, help) in PARTY_COUNTS {
            for (name, read, _) in &parties {
                visit(&Sample {
                    name: kind,
                    help,
                    labels: &[("participant", name)],
                    value: Value::Counter(read.get(what)),
                });
            }
        }
        type Reading = fn(&PartyRead, (u64, u64)) -> u64;
        let gauges: [(&str, &str, Reading); 5] = [
            (
                "participant_links_now",
                "links that are signed on",
                |read, _| read.links,
            ),
            (
                "participant_in_flight_from_now",
                "requests of a participant that are open",
                |read, _| read.in_flight.0,
            ),
            (
                "participant_window_from_max",
                "most requests of a participant that may be open",
                |_, windows| windows.0,
            ),
            (
                "participant_in_flight_to_now",
                "requests to a participant that are open",
                |read, _| read.in_flight.1,
            ),
            (
                "participant_window_to_max",
                "most requests to a participant that may be open",
                |_, windows| windows.1,
            ),
        ];
        for (kind, help, reading) in gauges {
            for (name, read, windows) in &parties {
                visit(&Sample {
                    name: kind,
                    help,
                    labels: &[("participant", name)],
                    value: Value::Gauge(reading(read, *windows)),
                });
            }
        }
        for (name, read, _) in &parties {
            visit(&Sample {
                name: "participant_answer_seconds",
                help: "the counterparty's time: from a request that left to its answer",
                labels: &[("participant", name)],
                value: Value::Times(&read.answer_times),
            });
        }
    }

    fn each_shard(&self, visit: Visit<'_>) {
        for (shard, counters) in self.counters.iter().enumerate() {
            let shard = format!("{shard}");
            visit(&Sample {
                name: "shard_serving_now",
                help: "1 where a shard takes payments, 0 where it starts, drains, is full or ended",
                labels: &[("shard", &shard)],
                value: Value::Gauge(u64::from(counters.health().unready().is_none())),
            });
        }
        for (shard, counters) in self.counters.iter().enumerate() {
            let shard = format!("{shard}");
            visit(&Sample {
                name: "shard_busy_seconds",
                help: "time in turns, not asleep",
                labels: &[("shard", &shard)],
                value: Value::Spent(counters.stage(Stage::Turn).sum_ns),
            });
        }
    }
}

const STAGE_HELP: &str = "the switch's own time: `request` and `answer` from the turn in which a \
                          message came to that in which what follows leaves, the wait for the \
                          commit in between; `turn` one turn of a shard";

const OUTCOMES: [&str; 3] = ["approved", "declined", "unknown"];

/// Names and help texts of what is counted by participant.
const PARTY_COUNTS: [(PartyCount, &str, &str); PartyCount::ALL.len()] = {
    use PartyCount as P;
    [
        (
            P::Requests,
            "participant_requests",
            "as originator: requests that went on",
        ),
        (
            P::Approved,
            "participant_approved",
            "as originator: of its own, ended approved",
        ),
        (
            P::Declined,
            "participant_declined",
            "as originator: of its own, ended declined",
        ),
        (
            P::Unknown,
            "participant_unknown",
            "as originator: of its own, told 68",
        ),
        (
            P::Repeats,
            "participant_repeats",
            "as originator: keys that were asked for again",
        ),
        (
            P::Inquiries,
            "participant_inquiries",
            "as originator: its status inquiries",
        ),
        (
            P::Asked,
            "participant_asked",
            "as destination: requests to it",
        ),
        (
            P::AskedApproved,
            "participant_asked_approved",
            "as destination: approved by it",
        ),
        (
            P::AskedDeclined,
            "participant_asked_declined",
            "as destination: declined",
        ),
        (
            P::AskedUnknown,
            "participant_asked_unknown",
            "as destination: without a usable answer in time",
        ),
    ]
};

type ThreadValue = fn(&ThreadReading) -> Value<'static>;

/// By name of thread; threads of one name are added up.
fn each_thread(threads: &[ThreadReading], visit: Visit<'_>) {
    let rows: [(&str, &str, ThreadValue); 4] = [
        ("thread_cpu_seconds", "CPU time of a thread", |it| {
            Value::Spent(it.cpu_ns)
        }),
        (
            "thread_page_faults_major",
            "pages that a thread waited for the disk for",
            |it| Value::Counter(it.major_faults),
        ),
        (
            "thread_page_faults_minor",
            "pages that a thread took from memory for the first time",
            |it| Value::Counter(it.minor_faults),
        ),
        (
            "thread_switches_involuntary",
            "times that a thread was taken off its core while it had work",
            |it| Value::Counter(it.involuntary_switches),
        ),
    ];
    for (name, help, value) in rows {
        for thread in threads {
            visit(&Sample {
                name,
                help,
                labels: &[("thread", &thread.name)],
                value: value(thread),
            });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;

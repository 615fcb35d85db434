//! What a shard counts, and how others read it.
//!
//! The shard counts in plain integers of its own and now and then copies them into [`Counters`],
//! which anybody may read at any time: no message ever touches a shared cache line.

mod counter;
mod live;

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use crate::engine::parties::{CODES, Corridor, Parties};
use crate::model::ids::{ParticipantIndex, TransactionNumber};
use crate::model::metric::{Histogram, Sample, Value, Visit};
use crate::model::outcome::Check;
use crate::model::refusal::Fault;
use crate::shard::carried::CarriedNumbers;
use crate::shard::news::NewsQueue;

pub use crate::engine::parties::{PartyCount, code_name};
pub use counter::{Counter, TABLE};
pub use live::{PartyRead, Stage};

use counter::COUNTERS;
use live::{Live, Stages};

/// How many faults there are.
const FAULTS: usize = Fault::ALL.len();
/// How many checks there are.
const CHECKS: usize = Check::ALL.len();

/// The shard's own count.
#[derive(Clone, Debug)]
pub struct Stats {
    values: [u64; COUNTERS],
    refusals: [u64; FAULTS],
    not_allowed: [u64; CHECKS],
    stages: Stages,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            values: [0; COUNTERS],
            refusals: [0; FAULTS],
            not_allowed: [0; CHECKS],
            stages: Stages::default(),
        }
    }
}

impl Stats {
    /// Something took so long.
    #[inline]
    pub(super) fn note(&mut self, stage: Stage, ns: u64) {
        self.stages[stage as usize].note(ns);
    }

    pub(super) fn add(&mut self, counter: Counter, count: u64) {
        self.values[counter as usize] += count;
    }

    pub(super) fn set(&mut self, counter: Counter, value: u64) {
        self.values[counter as usize] = value;
    }

    /// Takes over how many payments were not allowed, by check.
    pub(super) fn set_not_allowed(&mut self, counts: [u64; CHECKS]) {
        self.not_allowed = counts;
    }

    pub(super) fn refuse(&mut self, fault: Fault) {
        self.refusals[usize::from(fault as u16 - 1)] += 1;
    }

    /// One value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// Refusals for one reason.
    pub fn refusals(&self, fault: Fault) -> u64 {
        self.refusals[usize::from(fault as u16 - 1)]
    }
}

/// Whether the shard can take payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Health {
    /// It reads its journal.
    Starting = 0,
    /// It does.
    Serving = 1,
    /// It answers what is in flight and takes nothing new.
    Draining = 2,
    /// The journal has no room for new payments; those in flight are answered.
    Full = 3,
    /// It has ended.
    Ended = 4,
    /// A write of its journal failed, and it has ended.
    Fenced = 5,
}

impl Health {
    /// Why no payment is taken; none where they are.
    pub const fn unready(self) -> Option<&'static str> {
        match self {
            Self::Starting => Some("the journal is being read"),
            Self::Serving => None,
            Self::Draining => Some("draining"),
            Self::Full => Some("the journal is full: new payments are shed"),
            Self::Ended => Some("the shard has ended"),
            Self::Fenced => Some("the journal is fenced: a write failed, and the shard has ended"),
        }
    }
}

/// The copy that others read.
#[derive(Debug)]
pub struct Counters {
    values: CachePadded<[AtomicU64; COUNTERS]>,
    refusals: CachePadded<[AtomicU64; FAULTS]>,
    not_allowed: CachePadded<[AtomicU64; CHECKS]>,
    health: CachePadded<AtomicU8>,
    live: Live,
    /// What happened to links.
    pub news: NewsQueue,
    /// The version of the tables that decide.
    tables: CachePadded<AtomicU32>,
    /// What is carried, which whoever reads it wants one by one.
    pub carried: CarriedNumbers,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Counters {
    /// For a table of so many participants.
    pub fn new(participants: usize) -> Self {
        Self {
            live: Live::new(participants),
            news: NewsQueue::default(),
            values: CachePadded::new([const { AtomicU64::new(0) }; COUNTERS]),
            refusals: CachePadded::new([const { AtomicU64::new(0) }; FAULTS]),
            not_allowed: CachePadded::new([const { AtomicU64::new(0) }; CHECKS]),
            health: CachePadded::new(AtomicU8::new(Health::Starting as u8)),
            tables: CachePadded::default(),
            carried: CarriedNumbers::default(),
        }
    }

    /// Says whether payments are taken.
    pub fn set_health(&self, health: Health) {
        self.health.store(health as u8, Ordering::Relaxed);
    }

    /// Says by which tables the shard decides from now on.
    pub fn set_tables(&self, version: u32) {
        self.tables.store(version, Ordering::Release);
    }

    /// By which tables the shard decides.
    pub fn tables(&self) -> u32 {
        self.tables.load(Ordering::Acquire)
    }

    /// Whether payments are taken.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            0 => Health::Starting,
            1 => Health::Serving,
            2 => Health::Draining,
            3 => Health::Full,
            5 => Health::Fenced,
            _ => Health::Ended,
        }
    }

    /// Takes over what the shard has counted; what it carries first, which belongs to it.
    pub fn publish(&self, stats: &Stats, carried: &[TransactionNumber]) {
        self.carried.publish(carried);
        for (place, value) in self.values.iter().zip(stats.values) {
            place.store(value, Ordering::Relaxed);
        }
        for (place, value) in self.refusals.iter().zip(stats.refusals) {
            place.store(value, Ordering::Relaxed);
        }
        for (place, value) in self.not_allowed.iter().zip(stats.not_allowed) {
            place.store(value, Ordering::Relaxed);
        }
    }

    /// Takes over what is counted by participant, corridor, response code and stage. `legs` tells
    /// the links of a participant, and what is open of it and to it.
    pub fn publish_live(
        &self,
        stats: &Stats,
        parties: &Parties,
        legs: impl Fn(ParticipantIndex) -> (u32, (u32, u32)),
    ) {
        self.live.publish(&stats.stages, parties, legs);
    }

    /// How many participants there are.
    pub fn participants(&self) -> usize {
        self.live.participants()
    }

    /// One participant, by its place in the tables.
    pub fn party(&self, place: usize) -> PartyRead {
        self.live.party(place)
    }

    /// Every corridor that is used.
    pub fn corridors(&self) -> impl Iterator<Item = Corridor> {
        self.live.corridors()
    }

    /// Declines by response code, see [`crate::engine::parties::code_name`].
    pub fn codes(&self) -> [u64; CODES] {
        self.live.codes()
    }

    /// How long a stage took.
    pub fn stage(&self, stage: Stage) -> Histogram {
        self.live.stage(stage)
    }

    /// One value.
    pub fn get(&self, counter: Counter) -> u64 {
        self.values[counter as usize].load(Ordering::Relaxed)
    }

    /// Refusals for one reason.
    fn refusals(&self, fault: Fault) -> u64 {
        self.refusals[usize::from(fault as u16 - 1)].load(Ordering::Relaxed)
    }
}

/// A name that ends so is a gauge: it goes down again. All others are counters.
const GAUGE_SUFFIX: &str = "_now";

/// Every value, summed over all shards. Samples of one name follow one another.
pub fn each(shards: &[Arc<Counters>], visit: Visit<'_>) {
    let sum = |read: &dyn Fn(&Counters) -> u64| shards.iter().map(|shard| read(shard)).sum();
    for (counter, name, help, label) in TABLE {
        let number = sum(&|shard| shard.get(counter));
        let labels = label.as_slice();
        let value = if name.ends_with(GAUGE_SUFFIX) {
            Value::Gauge(number)
        } else {
            Value::Counter(number)
        };
        visit(&Sample {
            name,
            help,
            labels,
            value,
        });
    }
    for fault in Fault::ALL {
        visit(&Sample {
            name: "refusals",
            help: "messages refused, by reason",
            labels: &[("reason", fault.name())],
            value: Value::Counter(sum(&|shard| shard.refusals(fault))),
        });
    }
    for (place, check) in Check::ALL.iter().enumerate() {
        let refused = sum(&|shard| shard.not_allowed[place].load(Ordering::Relaxed));
        visit(&Sample {
            name: "payments_not_allowed",
            help: "new payments that were not allowed, by check",
            labels: &[("check", check.name())],
            value: Value::Counter(refused),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_unique_and_documented() {
        let mut seen = std::collections::BTreeSet::new();
        for (place, (counter, name, help, label)) in TABLE.iter().enumerate() {
            assert_eq!(*counter as usize, place, "{name}");
            assert!(seen.insert((name, label)), "{name} {label:?} twice");
            assert!(help.len() > 4 && !name.contains(' '));
        }
        for (place, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(usize::from(*fault as u16), place + 1);
        }
    }

    #[test]
    fn what_is_counted_can_be_read() {
        let mut stats = Stats::default();
        stats.add(Counter::Payments, 3);
        stats.refuse(Fault::Truncated);
        let mut not_allowed = [0; CHECKS];
        not_allowed[Check::Category as usize - 1] = 2;
        stats.set_not_allowed(not_allowed);
        let shards = [Arc::new(Counters::default()), Arc::new(Counters::default())];
        shards[0].publish(&stats, &[]);
        stats.add(Counter::Payments, 1);
        shards[1].publish(&stats, &[]);
        let mut text = String::new();
        each(&shards, &mut |sample| {
            let Sample { name, labels, .. } = sample;
            if let Value::Counter(value @ 1..) = sample.value {
                text += &format!("{name} {labels:?} {value};");
            }
        });
        assert_eq!(
            text,
            "payments [] 7;refusals [(\"reason\", \"truncated\")] 2;\
             payments_not_allowed [(\"check\", \"category\")] 4;"
        );
    }
}

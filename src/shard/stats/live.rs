//! What is counted by participant, corridor, response code and stage, where others can read it.
//!
//! A copy, as with the other counters: the shard stores, anybody loads. Of many participants a part
//! is copied at a time, so that a copy costs the same for ten and for ten thousand.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::engine::parties::{CODES, CORRIDORS_MAX, Corridor, Parties, PartyCount};
use crate::model::ids::ParticipantIndex;
use crate::model::metric::{BUCKETS, Histogram};

/// Participants copied at once.
const COPIED_MAX: usize = 256;

/// Where time goes inside the switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Stage {
    /// From the turn in which a request came to that in which it leaves for its destination.
    Request = 0,
    /// From the turn in which an answer came, or was decided, to that in which it leaves.
    Answer = 1,
    /// One turn: from the reading of the clock to the next sleep.
    Turn = 2,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 3] = [Self::Request, Self::Answer, Self::Turn];

    /// As a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Turn => "turn",
        }
    }
}

/// The stages of one shard.
pub(super) type Stages = [Histogram; Stage::ALL.len()];

/// One participant, as somebody outside reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PartyRead {
    /// By [`PartyCount`].
    pub counts: [u64; PartyCount::ALL.len()],
    /// The counterparty's time.
    pub answer_times: Histogram,
    /// Links that are signed on.
    pub links: u64,
    /// Open requests of its own, and to it.
    pub in_flight: (u64, u64),
}

impl PartyRead {
    /// One number.
    pub const fn get(&self, what: PartyCount) -> u64 {
        self.counts[what as usize]
    }

    /// Takes over what another shard has of the same.
    pub fn add(&mut self, other: &Self) {
        for (mine, others) in self.counts.iter_mut().zip(other.counts) {
            *mine += others;
        }
        self.answer_times.add(&other.answer_times);
        self.links += other.links;
        self.in_flight.0 += other.in_flight.0;
        self.in_flight.1 += other.in_flight.1;
    }
}

/// Times by size, stored by one and read by many.
#[derive(Debug)]
struct Times {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum_ns: AtomicU64::new(0),
        }
    }
}

impl Times {
    fn store(&self, times: &Histogram) {
        store_all(&self.counts, &times.counts);
        self.sum_ns.store(times.sum_ns, Ordering::Relaxed);
    }

    fn read(&self) -> Histogram {
        Histogram {
            counts: read_all(&self.counts),
            sum_ns: self.sum_ns.load(Ordering::Relaxed),
        }
    }
}

#[derive(Debug, Default)]
struct PartyCells {
    counts: [AtomicU64; PartyCount::ALL.len()],
    answer_times: Times,
    links: AtomicU64,
    in_flight: (AtomicU64, AtomicU64),
}

/// Both ends in one number: no reader sees half of them.
#[derive(Debug, Default)]
struct CorridorCells {
    ends: AtomicU64,
    counts: [AtomicU64; 4],
}

/// The copy.
#[derive(Debug)]
pub(super) struct Live {
    parties: Vec<PartyCells>,
    corridors: Vec<CorridorCells>,
    codes: [AtomicU64; CODES],
    stages: [Times; Stage::ALL.len()],
    /// The participant that is copied next.
    next: AtomicUsize,
}

impl Live {
    pub(super) fn new(participants: usize) -> Self {
        Self {
            parties: core::iter::repeat_with(PartyCells::default)
                .take(participants)
                .collect(),
            corridors: core::iter::repeat_with(CorridorCells::default)
                .take(CORRIDORS_MAX + 1)
                .collect(),
            codes: [const { AtomicU64::new(0) }; CODES],
            stages: core::array::from_fn(|_| Times::default()),
            next: AtomicUsize::new(0),
        }
    }

    /// Copies what is counted; `legs` tells the links of a participant and what is open with it.
    pub(super) fn publish(
        &self,
        stages: &Stages,
        parties: &Parties,
        legs: impl Fn(ParticipantIndex) -> (u32, (u32, u32)),
    ) {
        for (cells, times) in self.stages.iter().zip(stages) {
            cells.store(times);
        }
        store_all(&self.codes, parties.codes());
        for (cells, corridor) in self.corridors.iter().zip(parties.corridors()) {
            if corridor.requests > 0 {
                cells.ends.store(packed(corridor.ends), Ordering::Relaxed);
                let [approved, declined, unknown] = corridor.outcomes;
                let counts = [corridor.requests, approved, declined, unknown];
                store_all(&cells.counts, &counts);
            }
        }
        let all = self.parties.len().min(parties.parties().len());
        let first = self.next.load(Ordering::Relaxed);
        for step in 0..all.min(COPIED_MAX) {
            let place = (first + step) % all;
            let Ok(index) = u16::try_from(place) else {
                continue;
            };
            let (party, cells) = (&parties.parties()[place], &self.parties[place]);
            store_all(&cells.counts, &party.counts);
            cells.answer_times.store(&party.answer_times);
            let (links, (from, to)) = legs(ParticipantIndex(index));
            cells.links.store(links.into(), Ordering::Relaxed);
            cells.in_flight.0.store(from.into(), Ordering::Relaxed);
            cells.in_flight.1.store(to.into(), Ordering::Relaxed);
        }
        let next = first + COPIED_MAX;
        self.next
            .store(if next < all { next } else { 0 }, Ordering::Relaxed);
    }

    pub(super) fn participants(&self) -> usize {
        self.parties.len()
    }

    pub(super) fn party(&self, place: usize) -> PartyRead {
        let Some(cells) = self.parties.get(place) else {
            return PartyRead::default();
        };
        PartyRead {
            counts: read_all(&cells.counts),
            answer_times: cells.answer_times.read(),
            links: cells.links.load(Ordering::Relaxed),
            in_flight: (
                cells.in_flight.0.load(Ordering::Relaxed),
                cells.in_flight.1.load(Ordering::Relaxed),
            ),
        }
    }

    /// Every corridor that is used.
    pub(super) fn corridors(&self) -> impl Iterator<Item = Corridor> {
        let all = self.corridors.iter().map(|cells| {
            let [requests, approved, declined, unknown] = read_all(&cells.counts);
            Corridor {
                ends: unpacked(cells.ends.load(Ordering::Relaxed)),
                requests,
                outcomes: [approved, declined, unknown],
            }
        });
        all.filter(|corridor| corridor.requests > 0)
    }

    pub(super) fn codes(&self) -> [u64; CODES] {
        read_all(&self.codes)
    }

    pub(super) fn stage(&self, stage: Stage) -> Histogram {
        self.stages[stage as usize].read()
    }
}

fn packed(ends: Option<(ParticipantIndex, ParticipantIndex)>) -> u64 {
    ends.map_or(0, |(from, to)| {
        (1 << 32) | (u64::from(from.0) << 16) | u64::from(to.0)
    })
}

fn unpacked(ends: u64) -> Option<(ParticipantIndex, ParticipantIndex)> {
    let [to_low, to_high, from_low, from_high, is_known, ..] = ends.to_le_bytes();
    (is_known != 0).then_some((
        ParticipantIndex(u16::from_le_bytes([from_low, from_high])),
        ParticipantIndex(u16::from_le_bytes([to_low, to_high])),
    ))
}

fn store_all<const N: usize>(cells: &[AtomicU64; N], values: &[u64; N]) {
    for (cell, value) in cells.iter().zip(values) {
        cell.store(*value, Ordering::Relaxed);
    }
}

fn read_all<const N: usize>(cells: &[AtomicU64; N]) -> [u64; N] {
    core::array::from_fn(|place| cells[place].load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_packed_and_unpacked() {
        for ends in [None, Some((0, 0)), Some((7, u16::MAX)), Some((u16::MAX, 1))] {
            let ends = ends.map(|(from, to)| (ParticipantIndex(from), ParticipantIndex(to)));
            assert_eq!(unpacked(packed(ends)), ends);
        }
    }

    #[test]
    fn of_many_participants_all_are_copied_in_turn() {
        let many = 2 * COPIED_MAX + 10;
        let parties = Parties::new(many);
        let live = Live::new(many);
        let stages = Stages::default();
        for copies in 1..=3 {
            live.publish(&stages, &parties, |_| (3, (2, 1)));
            let seen = (0..many).filter(|place| live.party(*place).links == 3);
            assert_eq!(seen.count(), many.min(copies * COPIED_MAX));
        }
        assert_eq!(live.party(many - 1).in_flight, (2, 1));
        assert_eq!(live.party(many), PartyRead::default());
    }
}

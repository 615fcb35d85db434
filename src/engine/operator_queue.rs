//! THE OPERATOR QUEUE: what could not be settled in the bounded number of tries, oldest first.
//!
//! It is what the records [`crate::model::record::Queued`] say: replay builds the same. Whoever is
//! in it needs no exchange and no timer; a late answer finds it by its key. When its participant
//! signs on, everything that waits for it is tried again.

use crate::engine::rows::{Places, Row};
use crate::model::ids::ParticipantIndex;
use crate::model::outcome::QueueReason;
use crate::model::time::Wall;

/// "Not in the queue".
pub(super) const NOT_QUEUED: u32 = u32::MAX;

/// One of those who wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The transaction's slot.
    pub(super) slot: u32,
    /// For whom it waits.
    pub(super) with: ParticipantIndex,
    pub(super) since: Wall,
    pub(super) reason: QueueReason,
    /// Whether it is about to be tried again.
    retrying: bool,
}

#[derive(Clone, Copy, Debug)]
struct Desk {
    resting: Row,
    retrying: Row,
}

/// All who wait.
#[derive(Debug)]
pub(super) struct OperatorQueue {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Everybody, oldest first.
    all: Row,
    by_age: Places,
    desks: Vec<Desk>,
    by_desk: Places,
}

impl OperatorQueue {
    pub(super) fn new(participants: usize, capacity: u32) -> Self {
        let unused = Entry {
            slot: 0,
            with: ParticipantIndex(0),
            since: Wall(0),
            reason: QueueReason::OutcomeUnknown,
            retrying: false,
        };
        let count = usize::try_from(capacity).expect("usize holds a u32");
        let desk = Desk {
            resting: Row::EMPTY,
            retrying: Row::EMPTY,
        };
        Self {
            entries: vec![unused; count],
            free: (0..capacity).rev().collect(),
            all: Row::EMPTY,
            by_age: Places::new(count),
            desks: vec![desk; participants],
            by_desk: Places::new(count),
        }
    }

    /// How many wait.
    pub(super) fn depth(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether one more can wait.
    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Since when the oldest waits.
    pub(super) fn oldest(&self) -> Option<Wall> {
        self.all.first().map(|place| self.get(place).since)
    }

    /// Enters one; its place, or none where the queue is full.
    pub(super) fn enter(
        &mut self,
        slot: u32,
        (with, reason): (ParticipantIndex, QueueReason),
        since: Wall,
    ) -> Option<u32> {
        let place = self.free.pop()?;
        self.entries[at(place)] = Entry {
            slot,
            with,
            since,
            reason,
            retrying: false,
        };
        self.by_age.push(&mut self.all, place);
        self.by_desk
            .push(&mut self.desks[usize::from(with.0)].resting, place);
        Some(place)
    }

    /// It is settled, or no longer a matter of this queue.
    pub(super) fn leave(&mut self, place: u32) {
        self.by_age.remove(&mut self.all, place);
        let (with, retrying) = (self.get(place).with, self.get(place).retrying);
        let desk = &mut self.desks[usize::from(with.0)];
        let row = if retrying {
            &mut desk.retrying
        } else {
            &mut desk.resting
        };
        self.by_desk.remove(row, place);
        self.free.push(place);
    }

    /// A participant came back: whatever waits for it is tried again.
    pub(super) fn retry_all(&mut self, with: ParticipantIndex) {
        let desk = &mut self.desks[usize::from(with.0)];
        let mut next = desk.resting.first();
        while let Some(place) = next {
            self.entries[at(place)].retrying = true;
            next = self.by_desk.next(place);
        }
        self.by_desk.append(&mut desk.retrying, &mut desk.resting);
    }

    /// The next that is to be tried again; it rests from now on.
    pub(super) fn take_retry(&mut self, with: ParticipantIndex) -> Option<u32> {
        let desk = &mut self.desks[usize::from(with.0)];
        let place = desk.retrying.first()?;
        self.by_desk.remove(&mut desk.retrying, place);
        self.by_desk.push(&mut desk.resting, place);
        let entry = &mut self.entries[at(place)];
        entry.retrying = false;
        Some(entry.slot)
    }

    /// Whether anything is to be tried again.
    pub(super) fn has_retries(&self, with: ParticipantIndex) -> bool {
        !self.desks[usize::from(with.0)].retrying.is_empty()
    }

    /// Those who wait, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        let first = self.all.first();
        let places = core::iter::successors(first, |place| self.by_age.next(*place));
        places.map(|place| self.get(place))
    }

    pub(super) fn get(&self, place: u32) -> &Entry {
        &self.entries[at(place)]
    }
}

fn at(place: u32) -> usize {
    usize::try_from(place).expect("usize holds a u32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_first_and_each_leaves_once() {
        let why = QueueReason::OutcomeUnknown;
        let (here, there) = (ParticipantIndex(0), ParticipantIndex(1));
        let mut queue = OperatorQueue::new(2, 3);
        let first = queue.enter(10, (here, why), Wall(5)).unwrap();
        let second = queue.enter(11, (there, why), Wall(6)).unwrap();
        let third = queue.enter(12, (here, why), Wall(7)).unwrap();
        assert!(!queue.has_room() && queue.enter(13, (here, why), Wall(8)).is_none());
        assert_eq!((queue.depth(), queue.oldest()), (3, Some(Wall(5))));
        assert_eq!(queue.take_retry(here), None);
        queue.retry_all(here);
        assert_eq!(queue.take_retry(here), Some(10));
        assert!(queue.has_retries(here) && !queue.has_retries(there));
        let slots: Vec<u32> = queue.iter().map(|entry| entry.slot).collect();
        assert_eq!(slots, [10, 11, 12]);
        queue.leave(third);
        queue.leave(first);
        assert_eq!(queue.take_retry(here), None);
        assert_eq!((queue.depth(), queue.oldest()), (1, Some(Wall(6))));
        assert_eq!(queue.get(second).slot, 11);
        queue.leave(second);
        assert_eq!((queue.depth(), queue.oldest()), (0, None));
    }
}

//! Alarms at any distance: a binary heap that knows where each entry stands.
//!
//! Payments have [`super::timers`], which are faster and need few distinct intervals. The resolver
//! spreads its repeats by jitter, so that every interval is another; there are few of them, and
//! their cost does not matter. Nothing is allocated after the start.

use crate::model::time::Monotonic;

/// "Not set".
const UNSET: u32 = u32::MAX;

/// One alarm for each of a fixed number of indexes.
#[derive(Debug)]
pub(super) struct Alarms {
    /// A heap by time: the first is due first.
    heap: Vec<(Monotonic, u32)>,
    /// Where each index stands in the heap.
    places: Vec<u32>,
}

impl Alarms {
    /// Room for `count` alarms.
    pub(super) fn new(count: usize) -> Self {
        assert!(u32::try_from(count).is_ok_and(|count| count < UNSET));
        Self {
            heap: Vec::with_capacity(count),
            places: vec![UNSET; count],
        }
    }

    /// Sets the alarm of `index`, which may be set already.
    pub(super) fn set(&mut self, index: u32, due: Monotonic) {
        self.cancel(index);
        let place = self.heap.len();
        self.heap.push((due, index));
        self.note(place);
        self.rise(place);
    }

    /// Unsets an alarm; nothing happens where it is not set.
    pub(super) fn cancel(&mut self, index: u32) {
        let place = self.places[at(index)];
        if place == UNSET {
            return;
        }
        let place = at(place);
        self.places[at(index)] = UNSET;
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.note(place);
            self.rise(place);
            self.sink(place);
        }
    }

    /// Takes one alarm that is due, the earliest first.
    pub(super) fn expire(&mut self, now: Monotonic) -> Option<u32> {
        let (due, index) = *self.heap.first()?;
        (due <= now).then(|| {
            self.cancel(index);
            index
        })
    }

    /// When the next alarm is due.
    pub(super) fn next_due(&self) -> Option<Monotonic> {
        self.heap.first().map(|(due, _)| *due)
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent] <= self.heap[place] {
                return;
            }
            self.swap(parent, place);
            place = parent;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            let right = left + 1;
            let mut least = place;
            for child in [left, right] {
                if child < self.heap.len() && self.heap[child] < self.heap[least] {
                    least = child;
                }
            }
            if least == place {
                return;
            }
            self.swap(least, place);
            place = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    fn note(&mut self, place: usize) {
        let (_, index) = self.heap[place];
        self.places[at(index)] = u32::try_from(place).expect("the count is a u32");
    }
}

fn at(index: u32) -> usize {
    usize::try_from(index).expect("usize holds a u32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn alarms_go_off_when_a_plain_map_says_so(
            steps in proptest::collection::vec((0_u32..8, 0_u64..300, 0_u8..4), 1..300),
        ) {
            let mut alarms = Alarms::new(8);
            let mut model = std::collections::BTreeMap::new();
            let mut now = 0;
            for (index, ms, kind) in steps {
                match kind {
                    0 | 1 => {
                        let due = Monotonic(0).plus_ms(now + ms);
                        alarms.set(index, due);
                        model.insert(index, due);
                    }
                    2 => {
                        alarms.cancel(index);
                        model.remove(&index);
                    }
                    _ => {
                        now += ms / 2;
                        let time = Monotonic(0).plus_ms(now);
                        let mut last = Monotonic(0);
                        while let Some(index) = alarms.expire(time) {
                            let due = model.remove(&index).unwrap();
                            prop_assert!(last <= due && due <= time, "the earliest first");
                            last = due;
                        }
                        prop_assert!(model.values().all(|due| *due > time));
                    }
                }
                prop_assert_eq!(alarms.next_due(), model.values().min().copied());
            }
        }
    }
}

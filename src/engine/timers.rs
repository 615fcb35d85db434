//! Timers without a wheel: one first-in-first-out list per distinct interval.
//!
//! There are few intervals (each participant's timeouts, and the steps of back-off), and within one
//! of them timers expire in the order in which they were set: setting, cancelling and expiring are
//! all a few stores. Entries live beside the exchanges they belong to, so nothing is allocated.

use crate::model::time::Monotonic;

/// "No neighbour", "no list".
const NONE: u32 = u32::MAX;

/// One place per exchange.
#[derive(Clone, Copy, Debug)]
struct Entry {
    next: u32,
    previous: u32,
    /// Which list; [`NONE`] while it is not set.
    list: u32,
    due: Monotonic,
}

#[derive(Clone, Copy, Debug)]
struct List {
    interval_ms: u32,
    first: u32,
    last: u32,
}

/// All timers of one engine.
#[derive(Debug)]
pub(super) struct Timers {
    entries: Vec<Entry>,
    lists: Vec<List>,
}

impl Timers {
    /// Room for `entries` timers of the given intervals.
    pub(super) fn new(entries: usize, mut intervals_ms: Vec<u32>) -> Self {
        intervals_ms.sort_unstable();
        intervals_ms.dedup();
        let unset = Entry {
            next: NONE,
            previous: NONE,
            list: NONE,
            due: Monotonic(0),
        };
        let lists = intervals_ms
            .into_iter()
            .map(|interval_ms| List {
                interval_ms,
                first: NONE,
                last: NONE,
            })
            .collect();
        Self {
            entries: vec![unset; entries],
            lists,
        }
    }

    /// Sets the timer of `index` to expire `interval_ms` after `now`; one of the known intervals.
    pub(super) fn set(&mut self, index: u32, interval_ms: u32, now: Monotonic) {
        self.cancel(index);
        let list = self
            .lists
            .binary_search_by_key(&interval_ms, |list| list.interval_ms)
            .expect("every interval of the tables was announced");
        let last = self.lists[list].last;
        let due = now.plus_ms(u64::from(interval_ms));
        let list_number = u32::try_from(list).expect("few intervals");
        *self.entry(index) = Entry {
            next: NONE,
            previous: last,
            list: list_number,
            due,
        };
        self.lists[list].last = index;
        if last == NONE {
            self.lists[list].first = index;
        } else {
            assert!(self.entry(last).due <= due, "the monotonic clock went back");
            self.entry(last).next = index;
        }
    }

    /// Unsets a timer; nothing happens where it is not set.
    pub(super) fn cancel(&mut self, index: u32) {
        let Entry {
            next,
            previous,
            list,
            ..
        } = *self.entry(index);
        if list == NONE {
            return;
        }
        self.entry(index).list = NONE;
        let list = place(list);
        if previous == NONE {
            self.lists[list].first = next;
        } else {
            self.entry(previous).next = next;
        }
        if next == NONE {
            self.lists[list].last = previous;
        } else {
            self.entry(next).previous = previous;
        }
    }

    /// Takes one timer that is due, if there is any.
    pub(super) fn expire(&mut self, now: Monotonic) -> Option<u32> {
        for list in 0..self.lists.len() {
            let first = self.lists[list].first;
            if first != NONE && self.entry(first).due <= now {
                self.cancel(first);
                return Some(first);
            }
        }
        None
    }

    /// When the next timer is due.
    pub(super) fn next_due(&self) -> Option<Monotonic> {
        self.lists
            .iter()
            .filter(|list| list.first != NONE)
            .map(|list| self.entries[place(list.first)].due)
            .min()
    }

    /// When the timer of `index` is due, if it is set.
    pub(super) fn due(&self, index: u32) -> Option<Monotonic> {
        let entry = self.entries[place(index)];
        (entry.list != NONE).then_some(entry.due)
    }

    fn entry(&mut self, index: u32) -> &mut Entry {
        &mut self.entries[place(index)]
    }
}

fn place(index: u32) -> usize {
    usize::try_from(index).expect("usize holds a u32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(u32, usize),
        Cancel(u32),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u32..8, 0_usize..3).prop_map(|(index, interval)| Step::Set(index, interval)),
            (0_u32..8).prop_map(Step::Cancel),
            (0_u64..400).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn timers_expire_when_a_plain_map_says_so(
            steps in proptest::collection::vec(step(), 1..200),
        ) {
            let intervals = [100, 250, 1_000];
            let mut timers = Timers::new(8, intervals.to_vec());
            let mut model = std::collections::BTreeMap::new();
            let mut now = Monotonic(0);
            for step in steps {
                match step {
                    Step::Set(index, interval) => {
                        timers.set(index, intervals[interval], now);
                        model.insert(index, now.plus_ms(u64::from(intervals[interval])));
                    }
                    Step::Cancel(index) => {
                        timers.cancel(index);
                        model.remove(&index);
                    }
                    Step::Pass(ms) => {
                        now = now.plus_ms(ms);
                        let mut expired: Vec<u32> =
                            core::iter::from_fn(|| timers.expire(now)).collect();
                        expired.sort_unstable();
                        let due: Vec<u32> = model
                            .iter()
                            .filter(|(_, due)| **due <= now)
                            .map(|(index, _)| *index)
                            .collect();
                        model.retain(|_, due| *due > now);
                        prop_assert_eq!(expired, due);
                    }
                }
                prop_assert_eq!(timers.next_due(), model.values().min().copied());
            }
        }
    }
}

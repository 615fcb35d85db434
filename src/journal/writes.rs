//! Writes in flight, in the order of the stream, and the contiguous prefix of those that are over.

use std::collections::VecDeque;

use crate::model::ids::Lsn;

/// The watermark and the writes beyond it.
#[derive(Debug)]
pub(super) struct Writes {
    in_flight: VecDeque<Write>,
    in_flight_max: usize,
    next: u64,
    durable: Lsn,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    id: u64,
    start: Lsn,
    end: Lsn,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    InFlight,
    Good,
    Failed,
}

impl Writes {
    pub(super) fn new(in_flight_max: usize, durable: Lsn) -> Self {
        Self {
            in_flight: VecDeque::with_capacity(in_flight_max),
            in_flight_max,
            next: 1,
            durable,
        }
    }

    pub(super) const fn durable(&self) -> Lsn {
        self.durable
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_flight.len() < self.in_flight_max
    }

    /// The blocks from `start` to `end` are on their way; returns the write's number.
    pub(super) fn push(&mut self, start: Lsn, end: Lsn) -> u64 {
        assert!(self.has_room());
        assert!(start == self.in_flight.back().map_or(self.durable, |last| last.end));
        assert!(start < end);
        let id = self.next;
        self.next += 1;
        self.in_flight.push_back(Write {
            id,
            start,
            end,
            state: State::InFlight,
        });
        id
    }

    /// Notes that write `id` is over, moves the watermark, and returns where the write started. One
    /// that failed stays where it is, so that the watermark never passes it.
    pub(super) fn handle_written(&mut self, id: u64, good: bool) -> Lsn {
        let write = self
            .in_flight
            .iter_mut()
            .find(|write| write.id == id)
            .expect("the machine completes what was submitted, once");
        assert!(write.state == State::InFlight);
        write.state = if good { State::Good } else { State::Failed };
        let start = write.start;
        while let Some(first) = self.in_flight.front()
            && first.state == State::Good
        {
            assert!(first.start == self.durable);
            self.durable = first.end;
            self.in_flight.pop_front();
        }
        start
    }
}

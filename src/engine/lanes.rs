//! THE WAY OUT OF THE RESOLVER: inquiries, reversal advices and payment advices in a lane for each
//! participant, so that one that does not answer holds up nobody else, nor its own others.
//!
//! ```text
//!            window and budget have room            no answer in time
//! Waiting ------------------------------> Sent ------------------------> Paused
//!    ^                                                                      |
//!    +------------------------------ back-off is over, or it signs on ------+
//! ```
//!
//! What is sent counts against the participant's *window* until it is answered or its time is up,
//! and against its *budget*, a bucket of tokens that fills once a second. Nothing here decides what
//! is sent, and nothing is dropped.

use std::collections::VecDeque;

use crate::engine::rows::{Places, Row};
use crate::model::ids::ParticipantIndex;
use crate::model::time::Monotonic;

/// Where an exchange of the resolver stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Not in a lane.
    Outside,
    /// It waits for its turn.
    Waiting,
    /// It waits for its answer.
    Sent,
    /// It waits until it may be sent again.
    Paused,
}

/// Why nothing may be sent now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// As many as may are waiting for an answer.
    Window,
    /// The budget is spent; when there is some again.
    Budget(Monotonic),
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    waiting: Row,
    paused: Row,
    sent: u32,
    /// Thousandths of a message that it may still be sent.
    allowance: u64,
    refilled: Monotonic,
    /// Whether it is in the ring of lanes that may have something to send.
    listed: bool,
}

/// All lanes of one engine.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    places: Places,
    stages: Vec<Stage>,
    /// Lanes to be looked at, taken in turn.
    listed: VecDeque<ParticipantIndex>,
}

impl Lanes {
    pub(super) fn new(participants: usize, exchanges: usize) -> Self {
        let lane = Lane {
            waiting: Row::EMPTY,
            paused: Row::EMPTY,
            sent: 0,
            // A full bucket from the first refill on.
            allowance: u64::MAX,
            refilled: Monotonic(0),
            listed: false,
        };
        Self {
            lanes: vec![lane; participants],
            places: Places::new(exchanges),
            stages: vec![Stage::Outside; exchanges],
            listed: VecDeque::with_capacity(participants),
        }
    }

    /// Where an exchange stands.
    pub(super) fn stage(&self, index: u32) -> Stage {
        self.stages[at(index)]
    }

    /// Who is next in a lane.
    pub(super) fn first(&self, with: ParticipantIndex) -> Option<u32> {
        self.lanes[usize::from(with.0)].waiting.first()
    }

    /// Moves an exchange to the end of those that wait or pause, to those that are sent, or out.
    pub(super) fn place(&mut self, index: u32, with: ParticipantIndex, stage: Stage) {
        let lane = &mut self.lanes[usize::from(with.0)];
        match self.stages[at(index)] {
            Stage::Outside => {}
            Stage::Waiting => self.places.remove(&mut lane.waiting, index),
            Stage::Paused => self.places.remove(&mut lane.paused, index),
            Stage::Sent => lane.sent -= 1,
        }
        match stage {
            Stage::Outside => {}
            Stage::Waiting => self.places.push(&mut lane.waiting, index),
            Stage::Paused => self.places.push(&mut lane.paused, index),
            Stage::Sent => {
                lane.sent += 1;
                lane.allowance = lane.allowance.saturating_sub(1_000);
            }
        }
        let was_sent = self.stages[at(index)] == Stage::Sent;
        self.stages[at(index)] = stage;
        if stage == Stage::Waiting || was_sent {
            self.list(with);
        }
    }

    /// Whether one more may be sent.
    pub(super) fn may_send(
        &mut self,
        with: ParticipantIndex,
        (window, per_second): (u32, u32),
        now: Monotonic,
    ) -> Result<(), Held> {
        let lane = &mut self.lanes[usize::from(with.0)];
        let (full, elapsed_ms) = (
            u64::from(per_second) * 1_000,
            now.0.saturating_sub(lane.refilled.0) / 1_000_000,
        );
        if elapsed_ms > 0 {
            lane.refilled = now;
        }
        let fresh = elapsed_ms.saturating_mul(u64::from(per_second));
        lane.allowance = lane.allowance.saturating_add(fresh).min(full);
        if lane.sent >= window {
            Err(Held::Window)
        } else if lane.allowance < 1_000 {
            let missing_ms = (1_000 - lane.allowance).div_ceil(u64::from(per_second).max(1));
            Err(Held::Budget(now.plus_ms(missing_ms.max(1))))
        } else {
            Ok(())
        }
    }

    /// Back-off is over for everything in a lane; each is shown.
    pub(super) fn wake(&mut self, with: ParticipantIndex, mut each: impl FnMut(u32)) {
        let lane = &mut self.lanes[usize::from(with.0)];
        let mut next = lane.paused.first();
        while let Some(index) = next {
            self.stages[at(index)] = Stage::Waiting;
            each(index);
            next = self.places.next(index);
        }
        self.places.append(&mut lane.waiting, &mut lane.paused);
        self.list(with);
    }

    /// A lane is to be looked at.
    pub(super) fn list(&mut self, with: ParticipantIndex) {
        let lane = &mut self.lanes[usize::from(with.0)];
        if !lane.listed {
            lane.listed = true;
            self.listed.push_back(with);
        }
    }

    /// The next lane to be looked at; it is no longer listed.
    pub(super) fn next_listed(&mut self) -> Option<ParticipantIndex> {
        let with = self.listed.pop_front()?;
        self.lanes[usize::from(with.0)].listed = false;
        Some(with)
    }
}

fn at(index: u32) -> usize {
    usize::try_from(index).expect("usize holds a u32")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: ParticipantIndex = ParticipantIndex(1);

    #[test]
    fn the_window_and_the_budget_hold_back_and_let_go() {
        let mut lanes = Lanes::new(2, 8);
        let mut now = Monotonic(0).plus_ms(10);
        for index in 0..3 {
            assert_eq!(lanes.may_send(WHO, (3, 4), now), Ok(()));
            lanes.place(index, WHO, Stage::Sent);
        }
        assert_eq!(lanes.may_send(WHO, (3, 4), now), Err(Held::Window));
        assert_eq!(lanes.may_send(WHO, (9, 4), now), Ok(()));
        lanes.place(3, WHO, Stage::Sent);
        let due = now.plus_ms(250);
        assert_eq!(lanes.may_send(WHO, (9, 4), now), Err(Held::Budget(due)));
        // Another participant is not held up.
        assert_eq!(lanes.may_send(ParticipantIndex(0), (3, 4), now), Ok(()));
        now = due;
        assert_eq!(lanes.may_send(WHO, (9, 4), now), Ok(()));
        lanes.place(4, WHO, Stage::Sent);
        // A long rest fills the bucket and no more.
        now = now.plus_ms(60_000);
        for index in 5..8 {
            assert_eq!(lanes.may_send(WHO, (99, 3), now), Ok(()));
            lanes.place(index, WHO, Stage::Sent);
        }
        assert!(matches!(
            lanes.may_send(WHO, (99, 3), now),
            Err(Held::Budget(_))
        ));
    }

    #[test]
    fn who_pauses_waits_again_when_the_lane_wakes() {
        let mut lanes = Lanes::new(2, 4);
        lanes.place(0, WHO, Stage::Waiting);
        lanes.place(1, WHO, Stage::Paused);
        lanes.place(2, WHO, Stage::Paused);
        assert_eq!(lanes.next_listed(), Some(WHO));
        assert_eq!(lanes.next_listed(), None);
        let mut woken = Vec::new();
        lanes.wake(WHO, |index| woken.push(index));
        assert_eq!(woken, [1, 2]);
        assert_eq!(lanes.next_listed(), Some(WHO), "it has something to send");
        for index in 0..3 {
            assert_eq!(lanes.first(WHO), Some(index));
            lanes.place(index, WHO, Stage::Outside);
        }
        assert_eq!(lanes.first(WHO), None);
        assert_eq!(lanes.stage(1), Stage::Outside);
    }
}

//! Answers that wait for their time: a destination thinks before it answers.
//!
//! A heap of instants over a slab of answers, both of fixed size: a payment costs no memory. Where
//! all places are taken, an answer is given at once, and counted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cpg_switch::model::message::PaymentResult;

/// How a destination gives its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Giving {
    /// Once.
    Once,
    /// Twice, one after the other.
    Twice,
    /// So that it cannot be read: the end is missing.
    Garbled,
}

/// An answer, and the link on which it was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) link: usize,
    pub(super) giving: Giving,
    pub(super) result: PaymentResult<'static>,
}

/// All answers that wait.
#[derive(Debug)]
pub(super) struct Delays {
    due: BinaryHeap<Reverse<(u64, u32)>>,
    held: Vec<Option<Held>>,
    free: Vec<u32>,
}

impl Delays {
    /// Room for `places` answers.
    pub(super) fn new(places: u32) -> Self {
        let count = usize::try_from(places).expect("addresses have 64 bits");
        Self {
            due: BinaryHeap::with_capacity(count),
            held: vec![None; count],
            free: (0..places).rev().collect(),
        }
    }

    /// Has `held` wait until `due_ns`; `false` where there is no place.
    pub(super) fn hold(&mut self, due_ns: u64, held: &Held) -> bool {
        let Some(place) = self.free.pop() else {
            return false;
        };
        self.held[index(place)] = Some(*held);
        self.due.push(Reverse((due_ns, place)));
        true
    }

    /// The first answer whose time has come.
    pub(super) fn due(&mut self, now_ns: u64) -> Option<Held> {
        let Reverse((due_ns, place)) = *self.due.peek()?;
        if due_ns > now_ns {
            return None;
        }
        self.due.pop();
        self.free.push(place);
        self.held[index(place)].take()
    }

    /// When the first one's time will come.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((due_ns, _))| *due_ns)
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).expect("addresses have 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::tests::two_players;
    use crate::mix::{Fate, Script};
    use crate::send::messages;

    #[test]
    fn answers_come_at_their_time_in_their_order_and_a_full_slab_says_so() {
        let cast = two_players();
        let script = Script {
            lane: 0,
            fate: Fate::Approve,
            minor: 1,
            payer: 1,
            merchant: 0,
            order: None,
        };
        let code = messages::code(&cast, &script);
        let request = messages::payment(&cast, 0, &script, &code);
        let held = |link| Held {
            link,
            giving: Giving::Once,
            result: messages::payment_result(&request, None),
        };
        let mut delays = Delays::new(3);
        for (due_ns, link) in [(30, 3), (10, 1), (20, 2)] {
            assert!(delays.hold(due_ns, &held(link)), "{link}");
        }
        assert!(!delays.hold(5, &held(9)), "it is full");
        assert_eq!(delays.next_ns(), Some(10));
        assert!(delays.due(9).is_none());
        let order = [10, 25, 25].map(|now_ns| delays.due(now_ns).map(|held| held.link));
        assert_eq!(order, [Some(1), Some(2), None]);
        // A place is used again.
        assert!(delays.hold(26, &held(4)));
        assert_eq!(delays.due(40).map(|held| held.link), Some(4));
        assert_eq!(delays.due(40).map(|held| held.link), Some(3));
        assert_eq!(
            (delays.next_ns(), delays.due(u64::MAX).is_none()),
            (None, true)
        );
    }
}

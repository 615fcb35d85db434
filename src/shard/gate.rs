//! COMMITTED BEFORE VISIBLE: encoded messages that wait for the commit watermark.
//!
//! A bounded ring of bytes, first in, first out: LSNs only grow, so the front is always the next to
//! be released. Bodies are kept without framing, because only at release is it known which link
//! takes them.

use std::collections::VecDeque;

use crate::engine::ExchangeId;
use crate::model::ids::{LinkAddress, Lsn, ParticipantIndex};
use crate::model::limits::FRAME_BYTES_MAX;
use crate::model::time::Monotonic;

/// Bytes per payment in flight: two messages of a usual size.
const BYTES_PER_PAYMENT: usize = 1_024;

/// One waiting message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) lsn: Lsn,
    pub(super) to: ParticipantIndex,
    pub(super) link: Option<LinkAddress>,
    pub(super) exchange: Option<ExchangeId>,
    /// The turn in which what it says came in.
    pub(super) since: Monotonic,
    start: usize,
    bytes: usize,
}

/// All waiting messages of one shard.
#[derive(Debug, Default)]
pub(super) struct GatedFrames {
    bytes: Box<[u8]>,
    waiting: VecDeque<Waiting>,
    /// Where the next body begins.
    next: usize,
    messages_max: usize,
}

impl GatedFrames {
    pub(super) fn new(in_flight_max: u32) -> Self {
        let in_flight = usize::try_from(in_flight_max).expect("usize holds a u32");
        let messages_max = 4 * in_flight + 64;
        let size = in_flight * BYTES_PER_PAYMENT + 4 * FRAME_BYTES_MAX;
        Self {
            bytes: vec![0; size].into_boxed_slice(),
            waiting: VecDeque::with_capacity(messages_max),
            next: 0,
            messages_max,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Where a body of up to [`FRAME_BYTES_MAX`] bytes may be encoded now; none while it is full.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        if self.waiting.len() >= self.messages_max {
            return None;
        }
        let oldest = self.waiting.front().map(|waiting| waiting.start);
        let (mut start, size) = (self.next, self.bytes.len());
        let limit = match oldest {
            // The waiting bytes lie before us: free up to the end, or else from the beginning.
            Some(oldest) if oldest < start => {
                if size - start >= FRAME_BYTES_MAX {
                    size
                } else {
                    start = 0;
                    oldest
                }
            }
            Some(oldest) if oldest == start && !self.waiting.is_empty() => start,
            Some(oldest) => oldest,
            None => {
                start = 0;
                size
            }
        };
        if limit - start < FRAME_BYTES_MAX {
            return None;
        }
        self.next = start;
        Some(&mut self.bytes[start..start + FRAME_BYTES_MAX])
    }

    /// Keeps the body that was just encoded into [`GatedFrames::room`].
    pub(super) fn push(
        &mut self,
        (lsn, bytes, since): (Lsn, usize, Monotonic),
        to: ParticipantIndex,
        link: Option<LinkAddress>,
        exchange: Option<ExchangeId>,
    ) {
        assert!(bytes > 0 && bytes <= FRAME_BYTES_MAX);
        assert!(
            self.waiting.back().is_none_or(|last| last.lsn <= lsn),
            "LSNs only grow"
        );
        let start = self.next;
        self.waiting.push_back(Waiting {
            lsn,
            to,
            link,
            exchange,
            since,
            start,
            bytes,
        });
        self.next = start + bytes;
    }

    /// The oldest message, if the watermark has reached it.
    pub(super) fn pop(&mut self, committed: Lsn) -> Option<Waiting> {
        self.waiting.pop_front_if(|front| front.lsn <= committed)
    }

    /// Its body; valid until the next [`GatedFrames::room`].
    pub(super) fn body(&self, waiting: &Waiting) -> &[u8] {
        &self.bytes[waiting.start..waiting.start + waiting.bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever waits is what was pushed, in order, and nothing passes before its LSN.
        #[test]
        fn bodies_come_out_as_they_went_in(
            steps in proptest::collection::vec((1_usize..4_000, any::<bool>()), 1..2_000),
        ) {
            let mut gate = GatedFrames::new(1);
            let mut model: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
            let mut lsn = 0_u64;
            for (bytes, release) in steps {
                if release {
                    let committed = model.front().map_or(0, |(lsn, _)| *lsn);
                    prop_assert!(committed == 0 || gate.pop(Lsn(committed - 1)).is_none());
                    match gate.pop(Lsn(committed)) {
                        Some(waiting) => {
                            let (_, expected) = model.pop_front().unwrap();
                            prop_assert_eq!(gate.body(&waiting), &expected[..]);
                        }
                        None => prop_assert!(model.is_empty()),
                    }
                } else if let Some(room) = gate.room() {
                    lsn += 1;
                    let fill = u8::try_from(lsn % 251).unwrap();
                    room[..bytes].fill(fill);
                    gate.push((Lsn(lsn), bytes, Monotonic(0)), ParticipantIndex(0), None, None);
                    model.push_back((lsn, vec![fill; bytes]));
                }
            }
            prop_assert_eq!(gate.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn a_full_gate_says_so() {
        let mut gate = GatedFrames::new(1);
        let mut pushed = 0;
        while gate.room().is_some() {
            let body = (Lsn(1), FRAME_BYTES_MAX, Monotonic(0));
            gate.push(body, ParticipantIndex(0), None, None);
            pushed += 1;
        }
        assert_eq!(pushed, 4);
        assert!(gate.pop(Lsn(1)).is_some());
        assert!(gate.room().is_some());
    }
}

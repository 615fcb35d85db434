//! One link: frames wait in one buffer while the kernel sends the other.
//!
//! ```text
//!   put -> filling --flush--> in flight --on_sent--> resting --flush--> filling ...
//! ```
//!
//! So all frames of a turn leave in one send. Answers that find the buffer full wait in an
//! overflow,
//! because a participant may not forget an answer; requests wait in the plan.

use cpg_switch::model::ids::{LinkId, MatchKey};
use cpg_switch::sys::operation::SendBuffer;

/// Where a link is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LinkState {
    /// Connected, not signed on.
    Dialled,
    /// Open for everything.
    SignedOn,
    /// Ended.
    Gone,
}

/// A link of a player.
#[derive(Debug)]
pub(crate) struct Link {
    /// The machine's name for it.
    pub(crate) id: LinkId,
    /// Whose.
    pub(crate) player: u8,
    /// Where it is.
    pub(crate) state: LinkState,
    /// The start of a frame whose end has not arrived.
    pub(crate) partial: Vec<u8>,
    /// Requests in `filling`, to be stamped when it is sent.
    pub(crate) staged: Vec<MatchKey>,
    filling: SendBuffer,
    resting: Option<SendBuffer>,
    overflow: Vec<u8>,
}

impl Link {
    /// A connected link.
    pub(crate) fn new(id: LinkId, player: u8) -> Self {
        Self {
            id,
            player,
            state: LinkState::Dialled,
            partial: Vec::with_capacity(FRAME_BYTES),
            staged: Vec::with_capacity(STAGED),
            filling: SendBuffer::with_capacity(SEND_BYTES),
            resting: Some(SendBuffer::with_capacity(SEND_BYTES)),
            overflow: Vec::new(),
        }
    }

    /// Whether a request may be put.
    pub(crate) fn has_room(&self) -> bool {
        self.filling.free() >= FRAME_BYTES && self.overflow.is_empty()
    }

    /// Queues one frame; whether the link has something to flush now and had nothing before.
    pub(crate) fn put(&mut self, frame: &[u8]) -> bool {
        let idle = self.filling.is_empty() && self.overflow.is_empty();
        if !self.overflow.is_empty() || !self.filling.append(frame) {
            self.overflow.extend_from_slice(frame);
        }
        idle
    }

    /// Takes what there is to send, if the kernel has nothing of this link.
    pub(crate) fn flush(&mut self) -> Option<SendBuffer> {
        if self.filling.is_empty() || self.state == LinkState::Gone {
            return None;
        }
        let fresh = self.resting.take()?;
        let full = core::mem::replace(&mut self.filling, fresh);
        if !self.overflow.is_empty() {
            let bytes = self.overflow.len().min(self.filling.free());
            let moved = self.filling.append(&self.overflow[..bytes]);
            assert!(moved, "no more than what is free");
            self.overflow.drain(..bytes);
        }
        Some(full)
    }

    /// A send came back. What the kernel did not take is handed back, to be sent first.
    pub(crate) fn on_sent(&mut self, mut buffer: SendBuffer) -> Option<SendBuffer> {
        if !buffer.is_empty() && self.state != LinkState::Gone {
            return Some(buffer);
        }
        buffer.clear();
        self.resting = Some(buffer);
        None
    }

    /// Whether the kernel has taken everything.
    pub(crate) fn is_quiet(&self) -> bool {
        self.filling.is_empty() && self.resting.is_some()
    }

    /// Whether something waits to be flushed.
    pub(crate) fn wants_flush(&self) -> bool {
        !self.filling.is_empty()
    }
}

/// Largest frame that we send or expect.
pub(crate) const FRAME_BYTES: usize = 8 * 1024;
/// One send: far more than a window of 256 payments.
const SEND_BYTES: usize = 256 * 1024;
/// Requests in one send, before the list of their keys grows.
const STAGED: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link::new(
            LinkId {
                slot: 0,
                generation: 1,
            },
            0,
        )
    }

    #[test]
    fn frames_of_one_turn_leave_in_one_send_and_one_send_is_in_flight() {
        let mut link = link();
        assert!(link.put(b"one"));
        assert!(!link.put(b"two"));
        let mut sent = link.flush().unwrap();
        assert_eq!(sent.remaining(), b"onetwo");
        assert!(link.put(b"three"));
        assert!(link.flush().is_none());
        // A short send goes on where it stopped.
        sent.advance(4);
        let mut rest = link.on_sent(sent).unwrap();
        assert_eq!(rest.remaining(), b"wo");
        rest.advance(2);
        assert!(link.on_sent(rest).is_none());
        assert_eq!(link.flush().unwrap().remaining(), b"three");
    }

    #[test]
    fn what_does_not_fit_waits_and_keeps_its_order() {
        let mut link = link();
        let frame = vec![7_u8; FRAME_BYTES];
        let mut put = 0;
        while link.has_room() {
            link.put(&frame);
            put += frame.len();
        }
        for _ in 0..40 {
            link.put(&frame);
            put += frame.len();
        }
        link.put(b"end");
        let mut sent = Vec::new();
        while let Some(mut buffer) = link.flush() {
            sent.extend_from_slice(buffer.remaining());
            buffer.advance(buffer.remaining().len());
            assert!(link.on_sent(buffer).is_none());
        }
        assert_eq!(sent.len(), put + 3);
        assert!(sent.ends_with(b"\x07end"));
    }
}

//! The links of one shard: sockets by slot, with a generation each, and what is in flight on them.
//!
//! ```text
//!   free --claim--> open --Close--> closing --nothing in flight--> closed --told--> free
//! ```
//!
//! A slot is used again only when every operation on its socket has ended, so a completion always
//! finds the link it was made for; the generation proves it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::model::ids::LinkId;
use crate::sys::operation::SendBuffer;
use crate::sys::ring::Tag;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LinkState {
    Free,
    Open,
    /// Asked to close; waits for what is in flight.
    Closing,
    /// The socket is gone; the shard has not been told yet.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) state: LinkState,
    pub(crate) generation: u32,
    socket: Option<OwnedFd>,
    /// A multishot receive is armed.
    pub(crate) receiving: bool,
    /// A cancellation is in flight.
    pub(crate) cancelling: bool,
    /// What the kernel is sending.
    pub(crate) sending: Option<SendBuffer>,
}

impl Link {
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket
            .as_ref()
            .expect("a link that is open or closing has a socket")
            .as_fd()
    }

    /// Whether the kernel may still use the socket or the send buffer.
    pub(crate) fn is_busy(&self) -> bool {
        self.receiving || self.cancelling || self.sending.is_some()
    }

    /// Closes the socket. Nothing may be in flight on it.
    pub(crate) fn close(&mut self) {
        assert!(
            self.state == LinkState::Closing,
            "only a closing link is closed"
        );
        assert!(
            !self.is_busy(),
            "a socket is closed after its last operation"
        );
        self.socket = None;
        self.state = LinkState::Closed;
    }
}

#[derive(Debug)]
pub(crate) struct Links {
    slots: Box<[Link]>,
    /// The last one freed is claimed last, so that stale identifiers stay recognisable for long.
    free: std::collections::VecDeque<u32>,
}

impl Links {
    pub(crate) fn new(links_max: u32) -> Self {
        let link = || Link {
            state: LinkState::Free,
            generation: 0,
            socket: None,
            receiving: false,
            cancelling: false,
            sending: None,
        };
        Self {
            slots: (0..links_max).map(|_| link()).collect(),
            free: (0..links_max).collect(),
        }
    }

    /// A slot for `socket`; gives it back where the table is full.
    pub(crate) fn claim(&mut self, socket: OwnedFd) -> Result<LinkId, OwnedFd> {
        let Some(slot) = self.free.pop_front() else {
            return Err(socket);
        };
        let link = self.at(slot);
        assert!(link.state == LinkState::Free, "a free slot holds no link");
        link.state = LinkState::Open;
        link.generation = (link.generation + 1) % Tag::GENERATIONS;
        link.socket = Some(socket);
        Ok(LinkId {
            slot,
            generation: link.generation,
        })
    }

    /// The link, unless `id` is of an earlier generation or was never given.
    pub(crate) fn find(&mut self, id: LinkId) -> Option<&mut Link> {
        let slot = usize::try_from(id.slot).expect("addresses have 64 bits");
        self.slots
            .get_mut(slot)
            .filter(|link| link.generation == id.generation && link.state != LinkState::Free)
    }

    /// The link that an operation was made for.
    pub(crate) fn of(&mut self, tag: Tag) -> (LinkId, &mut Link) {
        let id = LinkId {
            slot: tag.place,
            generation: tag.generation,
        };
        let link = self
            .find(id)
            .expect("a slot is not freed before its operations have ended");
        (id, link)
    }

    /// The shard has been told that the link is closed: its slot is free.
    pub(crate) fn release(&mut self, id: LinkId) {
        let link = self.at(id.slot);
        assert!(
            link.state == LinkState::Closed,
            "a slot is freed after its socket"
        );
        assert!(link.generation == id.generation, "by the link that used it");
        link.state = LinkState::Free;
        self.free.push_back(id.slot);
    }

    /// Links that are not free.
    pub(crate) fn used(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Keeps the memory of sends in flight for ever: the kernel may still read it.
    pub(crate) fn leak(&mut self) {
        for link in &mut self.slots {
            if let Some(buffer) = link.sending.take() {
                Box::leak(Box::new(buffer));
            }
        }
    }

    fn at(&mut self, slot: u32) -> &mut Link {
        let slot = usize::try_from(slot).expect("addresses have 64 bits");
        &mut self.slots[slot]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn a_slot_serves_one_generation_after_the_other() {
        let mut links = Links::new(1);
        let first = links.claim(socket()).unwrap();
        links.claim(socket()).unwrap_err();
        assert!(links.find(first).is_some());
        let link = links.find(first).unwrap();
        link.state = LinkState::Closing;
        link.close();
        assert_eq!(links.used(), 1);
        links.release(first);
        assert_eq!(links.used(), 0);
        assert!(links.find(first).is_none());
        let second = links.claim(socket()).unwrap();
        assert_eq!(
            second,
            LinkId {
                slot: 0,
                generation: first.generation + 1
            }
        );
        assert!(links.find(first).is_none());
        assert!(
            links
                .find(LinkId {
                    slot: 9,
                    generation: 0
                })
                .is_none()
        );
    }
}

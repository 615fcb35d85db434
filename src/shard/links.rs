//! Per link: what of a frame has arrived, and what waits to be sent.
//!
//! Two send buffers take turns: one fills while the machine holds the other. Their memory is taken
//! when a slot is first used and kept for its next link.

use core::net::SocketAddr;

use crate::model::ids::{LinkId, ListenerIndex, ParticipantIndex};
use crate::model::time::Monotonic;
use crate::sys::operation::{SendBuffer, Submission};
use crate::wire::frame::Tpdu;

/// Room for answers to a full window: what does not fit means that the other side does not read.
const SEND_BYTES_MAX: usize = 256 * 1024;

/// One link.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) open: bool,
    pub(super) generation: u32,
    pub(super) listener: u16,
    pub(super) peer: Option<SocketAddr>,
    /// Who signed on; kept until the slot is given up, because what was not sent is still theirs.
    pub(super) participant: Option<ParticipantIndex>,
    /// The beginning of a frame, and since when.
    pub(super) partial: Vec<u8>,
    pub(super) partial_since: Monotonic,
    /// What answers carry, where the framing has a TPDU.
    pub(super) tpdu: Option<Tpdu>,
    filling: SendBuffer,
    spare: Option<SendBuffer>,
    /// Since when the machine has had the other buffer.
    pub(super) sending_since: Option<Monotonic>,
    pub(super) closing: bool,
    /// It was told that we end, and has not said that it heard.
    pub(super) told_goodbye: bool,
    dirty: bool,
}

/// All links of one shard, by slot.
#[derive(Debug)]
pub(super) struct Links {
    links: Vec<Link>,
    dirty: Vec<LinkId>,
    open: u32,
    slots_used: usize,
}

impl Links {
    pub(super) fn new(links_max: u32) -> Self {
        let count = usize::try_from(links_max).expect("usize holds a u32");
        Self {
            links: core::iter::repeat_with(Link::default).take(count).collect(),
            dirty: Vec::with_capacity(count),
            open: 0,
            slots_used: 0,
        }
    }

    /// A new link takes its slot.
    pub(super) fn open(
        &mut self,
        id: LinkId,
        listener: ListenerIndex,
        peer: SocketAddr,
        frame_bytes_max: usize,
    ) {
        let slot = index(id.slot);
        let link = &mut self.links[slot];
        assert!(
            !link.open,
            "the machine reuses a slot only once it is closed"
        );
        link.open = true;
        link.generation = id.generation;
        link.listener = listener.0;
        link.peer = Some(peer);
        link.participant = None;
        link.partial.clear();
        link.partial.reserve(frame_bytes_max);
        link.tpdu = None;
        link.closing = false;
        link.told_goodbye = false;
        link.dirty = false;
        link.sending_since = None;
        if link.spare.is_none() {
            link.filling = SendBuffer::with_capacity(SEND_BYTES_MAX);
            link.spare = Some(SendBuffer::with_capacity(SEND_BYTES_MAX));
        }
        link.filling.clear();
        self.open += 1;
        self.slots_used = self.slots_used.max(slot + 1);
    }

    /// The machine has given the slot up.
    pub(super) fn close(&mut self, id: LinkId) {
        if let Some(link) = self.find(id) {
            link.open = false;
            self.open -= 1;
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.open
    }

    pub(super) fn find(&mut self, id: LinkId) -> Option<&mut Link> {
        let link = self.links.get_mut(index(id.slot))?;
        (link.open && link.generation == id.generation).then_some(link)
    }

    /// Appends one whole frame, header and body, to what waits for a link. `false`: no room, or it
    /// is closing.
    #[must_use]
    pub(super) fn append(&mut self, id: LinkId, header: &[u8], body: &[u8]) -> bool {
        let Some(link) = self.find(id) else {
            return false;
        };
        if link.closing || !link.filling.append_parts(header, body) {
            return false;
        }
        if !link.dirty {
            link.dirty = true;
            self.dirty.push(id);
        }
        true
    }

    /// One send for every link that has something to say and is not saying it.
    pub(super) fn flush(&mut self, now: Monotonic, submissions: &mut Vec<Submission>) {
        while let Some(id) = self.dirty.pop() {
            let Some(link) = self.find(id) else { continue };
            link.dirty = false;
            if link.closing || link.filling.is_empty() {
                continue;
            }
            // While the machine holds the other buffer, its completion flushes again.
            let Some(mut empty) = link.spare.take() else {
                continue;
            };
            empty.clear();
            let buffer = core::mem::replace(&mut link.filling, empty);
            link.sending_since = Some(now);
            submissions.push(Submission::Send { link: id, buffer });
        }
    }

    /// A send is over and its buffer back; the next may follow.
    pub(super) fn take_back(&mut self, id: LinkId, buffer: SendBuffer) {
        let Some(link) = self.links.get_mut(index(id.slot)) else {
            return;
        };
        link.spare = Some(buffer);
        if link.generation == id.generation {
            link.sending_since = None;
            if link.open && !link.closing && !link.dirty && !link.filling.is_empty() {
                link.dirty = true;
                self.dirty.push(id);
            }
        }
    }

    /// What waits for a link that is going, once no older buffer is out; it is waiting no more.
    pub(super) fn take_unsent(&mut self, id: LinkId) -> Option<SendBuffer> {
        let link = self.find(id)?;
        let last = link.closing && link.spare.is_some() && !link.filling.is_empty();
        last.then(|| core::mem::take(&mut link.filling))
    }

    /// Gives the memory of [`Links::take_unsent`] back.
    pub(super) fn restore(&mut self, id: LinkId, mut buffer: SendBuffer) {
        buffer.clear();
        if let Some(link) = self.links.get_mut(index(id.slot)) {
            link.filling = buffer;
        }
    }

    /// Whether nothing waits to be sent and nothing is being sent.
    pub(super) fn is_quiet(&self) -> bool {
        self.used()
            .all(|(_, link)| link.filling.is_empty() && link.sending_since.is_none())
    }

    /// The link in a slot, where it is open and not going; none: no slot from here on was ever
    /// used. For whoever changes links while it goes through them.
    pub(super) fn standing(&self, slot: usize) -> Option<Option<LinkId>> {
        let link = self.links.get(slot).filter(|_| slot < self.slots_used)?;
        let id = LinkId {
            slot: u32::try_from(slot).expect("slots are numbered so"),
            generation: link.generation,
        };
        Some((link.open && !link.closing).then_some(id))
    }

    /// Every open link.
    pub(super) fn used(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        let slots = self.links.iter().take(self.slots_used).zip(0_u32..);
        slots.filter(|(link, _)| link.open).map(|(link, slot)| {
            (
                LinkId {
                    slot,
                    generation: link.generation,
                },
                link,
            )
        })
    }
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).expect("usize holds a u32")
}

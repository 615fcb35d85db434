//! What a shard asks of the machine, and what the machine tells it: plain data.
//!
//! The turn makes [`Submission`]s and is handed [`Completion`]s. [`crate::sys`] carries them out on
//! a ring; the simulator carries them out in a fake world. Accepting and receiving need no
//! submission: the machine keeps them armed until a link is closed.

use core::net::SocketAddr;

use crate::model::ids::{LinkId, ListenerIndex};

/// An error number of the operating system, or zero for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

/// Bytes on their way to one link. Whoever holds it owns the memory: the machine while a send is in
/// flight, the shard otherwise, so that no buffer is ever written while the kernel reads it.
#[derive(Debug, Default)]
pub struct SendBuffer {
    bytes: Vec<u8>,
    sent: usize,
}

impl SendBuffer {
    /// An empty buffer that holds `capacity` bytes and never grows.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            sent: 0,
        }
    }

    /// What is still to be sent.
    pub fn remaining(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// All bytes since the last [`SendBuffer::clear`], those already sent included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes the kernel has taken.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Room left.
    pub fn free(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Appends whole frames; `false`, and nothing happens, where there is no room.
    #[must_use]
    pub fn append(&mut self, frames: &[u8]) -> bool {
        self.append_parts(frames, &[])
    }

    /// Appends a frame, given in two parts; `false`, and nothing happens, where there is no room.
    #[must_use]
    pub fn append_parts(&mut self, header: &[u8], body: &[u8]) -> bool {
        if header.len() + body.len() > self.free() {
            return false;
        }
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(body);
        true
    }

    /// Notes that the kernel took `bytes` more.
    pub fn advance(&mut self, bytes: usize) {
        self.sent += bytes;
        assert!(
            self.sent <= self.bytes.len(),
            "the kernel took more than there was"
        );
    }

    /// Empties it for its next use.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.remaining().is_empty()
    }
}

/// What a shard asks for. At most one send per link is in flight.
#[derive(Debug)]
pub enum Submission {
    /// Send `buffer.remaining()`; it comes back with [`Completion::Sent`].
    Send {
        /// To whom.
        link: LinkId,
        /// What.
        buffer: SendBuffer,
    },
    /// Stop sending and receiving and close the socket; [`Completion::Closed`] follows, after every
    /// other completion of this link.
    Close {
        /// Which.
        link: LinkId,
    },
    /// Write `bytes` bytes of the journal's tail, from `tail_offset`, to a segment file at
    /// `segment_offset`, past the page cache and durably. All three are multiples of the block
    /// size.
    Write {
        /// Comes back with [`Completion::Written`].
        write: u64,
        /// The segment's sequence number, from 1.
        segment: u64,
        /// Offset in the segment file.
        segment_offset: u64,
        /// Offset in the tail, its header page included.
        tail_offset: u64,
        /// How many bytes.
        bytes: u32,
    },
    /// Have segment `segment` created, allocated, zeroed, locked and open for writing; done off the
    /// shard. [`Completion::SegmentReady`] follows.
    PrepareSegment {
        /// The segment's sequence number, from 1.
        segment: u64,
    },
    /// No write to this segment will follow, and all have completed: close its file.
    SealSegment {
        /// The segment's sequence number.
        segment: u64,
    },
}

/// What happened.
#[derive(Debug)]
pub enum Completion<'a> {
    /// A participant connected; the machine is already receiving.
    Accepted {
        /// On which listener.
        listener: ListenerIndex,
        /// The new link.
        link: LinkId,
        /// From where.
        peer: SocketAddr,
    },
    /// A connection was closed at once, because the link table is full or the machine failed.
    AcceptRefused {
        /// On which listener.
        listener: ListenerIndex,
        /// Why; zero: the link table is full.
        errno: Errno,
    },
    /// Bytes arrived. They are lent for the duration of the call.
    Received {
        /// On which link.
        link: LinkId,
        /// At least one.
        bytes: &'a [u8],
    },
    /// Nothing more will arrive: the other side closed (zero) or the link failed.
    Ended {
        /// Which link.
        link: LinkId,
        /// Zero: an orderly close.
        errno: Errno,
    },
    /// A send is over; the buffer is the shard's again.
    Sent {
        /// On which link.
        link: LinkId,
        /// `advance`d by what the kernel took, which may be less than all.
        buffer: SendBuffer,
        /// Zero: good.
        errno: Errno,
    },
    /// The socket is gone and its slot may be used again.
    Closed {
        /// Which link.
        link: LinkId,
    },
    /// A journal write is over.
    Written {
        /// As in [`Submission::Write`].
        write: u64,
        /// Zero: every byte is on the disk. Anything else poisons the journal for ever.
        errno: Errno,
    },
    /// A segment can be written, or could not be made.
    SegmentReady {
        /// Its sequence number.
        segment: u64,
        /// Zero: good. ENOSPC: the disk is full; it may be asked for again.
        errno: Errno,
    },
    /// Somebody put something into the shard's mailbox.
    Woken,
}

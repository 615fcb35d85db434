//! Bytes in and out of links, and their end.
//!
//! ```text
//!   Close:  cancel all on the socket -> still busy? shut it down -> last operation ends -> closed
//! ```

#![expect(
    unsafe_code,
    reason = "receives and sends name memory the kernel uses later"
)]

use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::types::{CancelBuilder, Fd};

use rustix::net::{Shutdown, shutdown};

use crate::model::ids::LinkId;
use crate::sys::buffers;
use crate::sys::links::LinkState;
use crate::sys::machine::{Deferred, Machine};
use crate::sys::operation::{Completion, Errno, SendBuffer};
use crate::sys::ring::{Operation, Outcome, Tag};

impl Machine {
    pub(super) fn arm_receive(&mut self, id: LinkId) {
        let link = self.links.find(id).expect("only links in use receive");
        assert!(!link.receiving, "one receive per link");
        link.receiving = true;
        let socket = Fd(link.socket().as_raw_fd());
        let entry = opcode::RecvMulti::new(socket, buffers::GROUP).build();
        let tag = Tag::new(Operation::Receive, id.generation, id.slot);
        // SAFETY: the kernel writes only to buffers of the registered group, which live as long as
        // the ring; `receiving` keeps the socket open until the operation has ended.
        unsafe { self.ring.push(entry, tag) };
    }

    pub(super) fn on_received(&mut self, outcome: Outcome, handle: &mut dyn FnMut(Completion<'_>)) {
        let (id, link) = self.links.of(outcome.tag);
        link.receiving = outcome.more();
        let ended = !outcome.more();
        let open = link.state == LinkState::Open;
        if let Some(buffer) = outcome.buffer() {
            let length = usize::try_from(outcome.result).unwrap_or(0);
            if open && length > 0 {
                self.stats.received_bytes += length as u64;
                // SAFETY: this outcome names the buffer and how much of it was filled; it is
                // recycled right below, after the handler has returned.
                let bytes = unsafe { self.buffers.received(buffer, length) };
                handle(Completion::Received { link: id, bytes });
            }
            self.buffers.recycle(buffer);
        }
        if !open {
            return self.settle(id, handle);
        }
        match -outcome.result {
            libc::ENOBUFS => {
                // By the time the new receive is submitted, this drain has recycled them all.
                self.stats.buffers_exhausted += 1;
                self.arm_receive(id);
            }
            libc::EINTR | libc::EAGAIN => self.arm_receive(id),
            errno if errno >= 0 => handle(Completion::Ended {
                link: id,
                errno: Errno(errno),
            }),
            // Bytes came. Without MORE the kernel stopped for its own reasons: go on.
            _ if ended => self.arm_receive(id),
            _ => {}
        }
    }

    pub(super) fn send(&mut self, id: LinkId, buffer: SendBuffer) {
        let open = self
            .links
            .find(id)
            .filter(|link| link.state == LinkState::Open);
        let Some(link) = open else {
            let errno = Errno(libc::ENOTCONN);
            return self.deferred.push_back(Deferred::Sent {
                link: id,
                buffer,
                errno,
            });
        };
        assert!(
            link.sending.is_none(),
            "at most one send per link is in flight"
        );
        if buffer.is_empty() {
            let errno = Errno(0);
            return self.deferred.push_back(Deferred::Sent {
                link: id,
                buffer,
                errno,
            });
        }
        link.sending = Some(buffer);
        self.push_send(id);
    }

    fn push_send(&mut self, id: LinkId) {
        let link = self.links.find(id).expect("only links in use send");
        let bytes = link
            .sending
            .as_ref()
            .expect("a send has a buffer")
            .remaining();
        // More than 4 GiB cannot be asked for at once; the rest is left over, as in any short send.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let socket = Fd(link.socket().as_raw_fd());
        let entry = opcode::Send::new(socket, bytes.as_ptr(), length)
            .flags(libc::MSG_NOSIGNAL)
            .build();
        let tag = Tag::new(Operation::Send, id.generation, id.slot);
        // SAFETY: the bytes are on the heap, in a buffer that stays in `link.sending`, out of
        // everybody's reach, until this send's completion takes it (or is leaked by a machine that
        // cannot wait); the socket is not closed while `sending` is taken.
        unsafe { self.ring.push(entry, tag) };
    }

    pub(super) fn on_sent(&mut self, outcome: Outcome, handle: &mut dyn FnMut(Completion<'_>)) {
        let (id, link) = self.links.of(outcome.tag);
        let open = link.state == LinkState::Open;
        if open && matches!(-outcome.result, libc::EINTR | libc::EAGAIN) {
            return self.push_send(id);
        }
        let mut buffer = link.sending.take().expect("a send has a buffer");
        let mut errno = Errno(0);
        match usize::try_from(outcome.result) {
            Ok(sent) => {
                buffer.advance(sent);
                self.stats.sent_bytes += sent as u64;
            }
            Err(_) => errno = Errno(-outcome.result),
        }
        handle(Completion::Sent {
            link: id,
            buffer,
            errno,
        });
        self.settle(id, handle);
    }

    pub(super) fn close(&mut self, id: LinkId) {
        let open = self
            .links
            .find(id)
            .filter(|link| link.state == LinkState::Open);
        let Some(link) = open else { return };
        link.state = LinkState::Closing;
        if !link.is_busy() {
            link.close();
            return self.deferred.push_back(Deferred::Closed { link: id });
        }
        link.cancelling = true;
        let cancel = CancelBuilder::fd(Fd(link.socket().as_raw_fd())).all();
        let entry = opcode::AsyncCancel2::new(cancel).build();
        let tag = Tag::new(Operation::Cancel, id.generation, id.slot);
        // SAFETY: `cancelling` keeps the socket open until this operation has ended, so its number
        // cannot come to mean another file; a cancellation names no memory.
        unsafe { self.ring.push(entry, tag) };
    }

    pub(super) fn on_cancelled(
        &mut self,
        outcome: Outcome,
        handle: &mut dyn FnMut(Completion<'_>),
    ) {
        let (id, link) = self.links.of(outcome.tag);
        link.cancelling = false;
        if link.is_busy() {
            // What was not found to be cancelled ends now. ENOTCONN: the link failed already, and
            // its operations end by that.
            let ended = shutdown(link.socket(), Shutdown::Both);
            debug_assert!(matches!(ended, Ok(()) | Err(rustix::io::Errno::NOTCONN)));
        }
        self.settle(id, handle);
    }

    /// Closes a link that was asked to close, once nothing is in flight on it.
    fn settle(&mut self, id: LinkId, handle: &mut dyn FnMut(Completion<'_>)) {
        let link = self.links.find(id).expect("its operation has just ended");
        if link.state != LinkState::Closing || link.is_busy() {
            return;
        }
        link.close();
        self.links.release(id);
        handle(Completion::Closed { link: id });
    }
}

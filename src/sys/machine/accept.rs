//! Listeners and new links. One accept is in flight per listener: multishot accept has had kernel
//! bugs (axboe/liburing#1062), and links live long.
//!
//! One machine may listen for several: it deals what it accepts out in turn, itself first, so that
//! a participant that dials once for each has a link on each. (With a socket each and
//! SO_REUSEPORT, a hash of addresses would place links, and a second process could listen, too.)

#![expect(
    unsafe_code,
    reason = "accepts and cancellations go through the ring by descriptor"
)]

use core::net::SocketAddr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use io_uring::opcode;
use io_uring::types::{CancelBuilder, Fd};

use crate::model::ids::{LinkId, ListenerIndex};
use crate::model::time::Monotonic;
use crate::sys::error::MachineError;
use crate::sys::machine::Machine;
use crate::sys::operation::{Completion, Errno};
use crate::sys::ring::{Operation, Outcome, Tag};
use crate::sys::sockets;
use crate::sys::wake::Waker;

/// How long to wait after the machine could not accept (too many open files): the connection stays
/// in the backlog, and trying again at once would burn the core.
const RETRY_MS: u64 = 100;

/// Connections that may wait for one machine to take them; more are closed.
const ARRIVALS_MAX: usize = 256;

/// Connections that another machine has accepted.
pub(super) type Arrived = ArrayQueue<(ListenerIndex, OwnedFd)>;

/// Where a machine that listens for others leaves connections for one of them.
#[derive(Clone, Debug)]
pub struct Arrivals {
    queue: Arc<Arrived>,
    waker: Waker,
}

impl Arrivals {
    /// A place for connections, before anybody leaves one.
    pub(super) fn place() -> Arc<Arrived> {
        Arc::new(ArrayQueue::new(ARRIVALS_MAX))
    }

    /// `false`: too many wait there, and this one is closed.
    fn leave(&self, listener: ListenerIndex, socket: OwnedFd) -> bool {
        let left = self.queue.push((listener, socket)).is_ok();
        self.waker.wake();
        left
    }
}

#[derive(Debug)]
pub(super) struct Listener {
    /// `None` once it is stopped.
    socket: Option<OwnedFd>,
    stopping: bool,
    /// Who gets the next connection: zero is the machine itself.
    turn: usize,
    pub(super) retry_at: Option<Monotonic>,
}

impl Machine {
    /// Listens on `address` and starts accepting. Returns the listener's place, in the order of
    /// calls from 0, and the address it got: port 0 asks for a free one.
    pub fn listen(
        &mut self,
        address: SocketAddr,
    ) -> Result<(ListenerIndex, SocketAddr), MachineError> {
        if self.listeners.len() >= self.config.listeners_max {
            return Err(MachineError::new(
                format!("listening on {address}"),
                rustix::io::Errno::NOSPC,
                "configure fewer listeners, or a higher listeners_max",
            ));
        }
        let (socket, bound) = sockets::listen_on(address, &self.config.sockets)?;
        let index = u16::try_from(self.listeners.len()).expect("fewer than listeners_max");
        self.listeners.push(Listener {
            socket: Some(socket),
            stopping: false,
            turn: 0,
            retry_at: None,
        });
        self.arm_accept(index);
        Ok((ListenerIndex(index), bound))
    }

    /// Where another machine leaves connections for this one.
    pub fn arrivals(&self) -> Arrivals {
        Arrivals {
            queue: Arc::clone(&self.arrived),
            waker: self.waker(),
        }
    }

    /// Deals what is accepted from here on out in turn: to itself, then to each of `others`.
    pub fn deal_to(&mut self, others: Vec<Arrivals>) {
        self.others = others;
    }

    /// Accepts nobody any more and closes the listening sockets; links stay. Connections that were
    /// accepted meanwhile are closed.
    pub fn stop_listening(&mut self) {
        for place in 0..self.listeners.len() {
            let listener = &mut self.listeners[place];
            if listener.stopping {
                continue;
            }
            listener.stopping = true;
            if listener.retry_at.take().is_some() {
                listener.socket = None;
                continue;
            }
            let place = u32::try_from(place).expect("fewer than listeners_max");
            let accept = Tag::new(Operation::Accept, 0, place);
            let cancel = CancelBuilder::user_data(accept.pack());
            let entry = opcode::AsyncCancel2::new(cancel).build();
            let tag = Tag::new(Operation::CancelAccept, 0, place);
            // SAFETY: a cancellation by user data names no memory and no descriptor.
            unsafe { self.ring.push(entry, tag) };
        }
    }

    /// Connects to `address`, waiting `timeout_ms` at most, and starts receiving. Blocks: for
    /// clients, not for a shard that serves.
    pub fn connect(
        &mut self,
        address: SocketAddr,
        timeout_ms: u64,
    ) -> Result<LinkId, MachineError> {
        let socket = sockets::connect_to(address, timeout_ms, &self.config.sockets)?;
        self.claim(socket, &format!("connecting to {address}"))
    }

    /// Takes a connected TCP socket and starts receiving.
    pub fn adopt(&mut self, socket: OwnedFd) -> Result<LinkId, MachineError> {
        const DOING: &str = "taking a connected socket";
        sockets::prepare(&socket, &self.config.sockets)
            .map_err(|cause| MachineError::new(DOING, cause, "hand over a connected TCP socket"))?;
        self.claim(socket, DOING)
    }

    fn claim(&mut self, socket: OwnedFd, doing: &str) -> Result<LinkId, MachineError> {
        let link = self.links.claim(socket).map_err(|_| {
            let remedy = "the link table is full: raise links_max or close links";
            MachineError::new(doing, rustix::io::Errno::NOSPC, remedy)
        })?;
        self.arm_receive(link);
        Ok(link)
    }

    fn arm_accept(&mut self, index: u16) {
        let listener = &mut self.listeners[usize::from(index)];
        let Some(socket) = &listener.socket else {
            return;
        };
        let entry = opcode::Accept::new(
            Fd(socket.as_raw_fd()),
            core::ptr::null_mut(),
            core::ptr::null_mut(),
        )
        .flags(libc::SOCK_CLOEXEC)
        .build();
        let tag = Tag::new(Operation::Accept, 0, index.into());
        // SAFETY: null pointers tell the kernel to write no address; the listening socket is closed
        // only when its accept has ended.
        unsafe { self.ring.push(entry, tag) };
    }

    pub(super) fn retry_accepts(&mut self, now: Monotonic) {
        for place in 0..self.listeners.len() {
            if self.listeners[place].retry_at.is_some_and(|due| due <= now) {
                self.listeners[place].retry_at = None;
                self.arm_accept(u16::try_from(place).expect("fewer than listeners_max"));
            }
        }
    }

    pub(super) fn on_accepted(&mut self, outcome: Outcome, handle: &mut dyn FnMut(Completion<'_>)) {
        let index = u16::try_from(outcome.tag.place).expect("fewer than listeners_max");
        let listener = ListenerIndex(index);
        let accepted = accepted(outcome);
        let place = &mut self.listeners[usize::from(index)];
        if place.stopping {
            place.socket = None;
            return;
        }
        let errno = match accepted {
            Ok(socket) => {
                self.arm_accept(index);
                return self.deal(listener, socket, handle);
            }
            Err(errno) if is_passing(errno) => return self.arm_accept(index),
            Err(errno) => {
                place.retry_at = Some(self.clock.monotonic().plus_ms(RETRY_MS));
                errno
            }
        };
        self.stats.accept_refused += 1;
        handle(Completion::AcceptRefused { listener, errno });
    }

    /// Takes a new connection, or leaves it for the machine whose turn it is.
    fn deal(
        &mut self,
        listener: ListenerIndex,
        socket: OwnedFd,
        handle: &mut dyn FnMut(Completion<'_>),
    ) {
        let place = &mut self.listeners[usize::from(listener.0)];
        let turn = place.turn;
        place.turn = (turn + 1) % (self.others.len() + 1);
        match turn.checked_sub(1).map(|other| &self.others[other]) {
            None => self.take_in(listener, socket, handle),
            Some(other) => {
                if !other.leave(listener, socket) {
                    self.stats.accept_refused += 1;
                    let errno = Errno(0);
                    handle(Completion::AcceptRefused { listener, errno });
                }
            }
        }
    }

    /// Takes the connections that another machine has left.
    pub(super) fn take_arrivals(&mut self, handle: &mut dyn FnMut(Completion<'_>)) {
        while let Some((listener, socket)) = self.arrived.pop() {
            self.take_in(listener, socket, handle);
        }
    }

    fn take_in(
        &mut self,
        listener: ListenerIndex,
        socket: OwnedFd,
        handle: &mut dyn FnMut(Completion<'_>),
    ) {
        match self.welcome(socket) {
            Ok((link, peer)) => {
                self.stats.accepted += 1;
                handle(Completion::Accepted {
                    listener,
                    link,
                    peer,
                });
            }
            Err(errno) => {
                self.stats.accept_refused += 1;
                handle(Completion::AcceptRefused { listener, errno });
            }
        }
    }

    /// Gives an accepted socket a slot, or closes it: errno zero where the table is full.
    fn welcome(&mut self, socket: OwnedFd) -> Result<(LinkId, SocketAddr), Errno> {
        let peer = sockets::peer_of(socket.as_fd()).map_err(|cause| errno_of(&cause))?;
        let link = self.links.claim(socket).map_err(|_| Errno(0))?;
        self.arm_receive(link);
        Ok((link, peer))
    }
}

/// The new socket that an accept brought, or why there is none.
pub(super) fn accepted(outcome: Outcome) -> Result<OwnedFd, Errno> {
    assert!(
        outcome.tag.operation == Operation::Accept,
        "only accepts bring sockets"
    );
    if outcome.result < 0 {
        return Err(Errno(-outcome.result));
    }
    // SAFETY: the kernel opened this descriptor for the accept that has just ended, and every
    // outcome is looked at once, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(outcome.result) })
}

fn errno_of(cause: &io::Error) -> Errno {
    Errno(cause.raw_os_error().unwrap_or(libc::EIO))
}

/// Errors of one connection or moment, not of the listener (accept(2)).
fn is_passing(errno: Errno) -> bool {
    matches!(
        errno.0,
        libc::EINTR
            | libc::EAGAIN
            | libc::ECONNABORTED
            | libc::EPROTO
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::ETIMEDOUT
    )
}

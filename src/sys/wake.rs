//! How another thread wakes a shard: a flag while it is awake; once it is parked, a message from
//! ring to ring where the waker has a ring, an eventfd where it has none.
//!
//! A shard that spins costs its wakers no system call. A parked one costs an office thread a single
//! one, and another shard none: the message leaves with that shard's next submissions. That no
//! wake-up is lost between the two is [`crate::sys::doorbell`]'s.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};

use crate::sys::doorbell::Doorbell;

#[derive(Debug)]
struct Shared {
    bell: Doorbell,
    eventfd: OwnedFd,
    ring: OwnedFd,
}

/// Wakes one shard; [`crate::sys::operation::Completion::Woken`] follows there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Arc<Shared>,
}

impl Waker {
    /// Call it after putting something into the shard's mailbox or ring. Calls before the shard
    /// looks are one.
    pub fn wake(&self) {
        if self.ring() {
            self.write();
        }
    }

    /// `true`: it sleeps, and the caller must see to it that it is woken.
    pub(crate) fn ring(&self) -> bool {
        self.shared.bell.ring()
    }

    /// Wakes it whatever its bell says.
    #[expect(
        clippy::host_endian_bytes,
        reason = "eventfd(2) counts in the host's order"
    )]
    pub(crate) fn write(&self) {
        let written = rustix::io::write(&self.shared.eventfd, &1_u64.to_ne_bytes());
        debug_assert!(written.is_ok(), "the counter has room for 2^64 wake-ups");
    }

    /// Where to send a message that wakes it.
    pub(crate) fn address(&self) -> BorrowedFd<'_> {
        self.shared.ring.as_fd()
    }
}

/// The shard's side.
#[derive(Debug)]
pub(crate) struct Sleeper {
    shared: Arc<Shared>,
}

impl Sleeper {
    /// `ring`: the address of the ring in which the shard parks.
    pub(crate) fn new(ring: OwnedFd) -> io::Result<Self> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC)?;
        let shared = Shared {
            bell: Doorbell::default(),
            eventfd,
            ring,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker {
            shared: Arc::clone(&self.shared),
        }
    }

    /// What the ring polls while the shard is parked.
    pub(crate) fn eventfd(&self) -> BorrowedFd<'_> {
        self.shared.eventfd.as_fd()
    }

    /// Takes a wake-up. What was put there before it was sent is visible afterwards.
    pub(crate) fn take(&self) -> bool {
        self.shared.bell.take()
    }

    /// `true`: wakers will write the eventfd from now on. `false`: somebody called just now; do
    /// not park.
    pub(crate) fn begin_park(&self) -> bool {
        self.shared.bell.begin_park()
    }

    pub(crate) fn end_park(&self) {
        self.shared.bell.end_park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::ring::Ring;

    #[expect(
        clippy::host_endian_bytes,
        reason = "eventfd(2) counts in the host's order"
    )]
    fn written(sleeper: &Sleeper) -> u64 {
        rustix::io::write(sleeper.eventfd(), &1_u64.to_ne_bytes()).unwrap();
        let mut count = [0; 8];
        rustix::io::read(sleeper.eventfd(), &mut count).unwrap();
        u64::from_ne_bytes(count) - 1
    }

    #[test]
    fn only_a_parked_shard_costs_its_wakers_a_system_call() {
        let ring = Ring::new(8, 8).unwrap().address().unwrap();
        let sleeper = Sleeper::new(ring).unwrap();
        let waker = sleeper.waker();
        assert!(!sleeper.take());
        waker.wake();
        waker.wake();
        assert_eq!(written(&sleeper), 0);
        assert!(!sleeper.begin_park());
        assert!(sleeper.take());
        assert!(!sleeper.take());

        assert!(sleeper.begin_park());
        waker.wake();
        waker.wake();
        assert_eq!(written(&sleeper), 1);
        sleeper.end_park();
        assert!(sleeper.take());
    }
}

//! The sleep of a shard: how it is never missed that something was put in front of its door.
//!
//! ```text
//!   shard                             whoever brings something
//!   1 parked = true                   1 (puts it there)
//!   2 notified? then do not park      2 notified = true
//!   3 parks                           3 parked? then parked = false, and wake it
//! ```
//!
//! Step 2 is a read-modify-write on both sides, so the two are in some order: the shard's came
//! later and finds `notified`, or the other's came later, has read the shard's, and so finds
//! `parked` at its step 3. No order of all the world's accesses is needed, and every change is a
//! read-modify-write, so that each flag has one history. Tried in every order by `tests/models`.
//! Nothing here sleeps: that is [`crate::sys::wake`]'s.

use core::sync::atomic::Ordering;

use crossbeam_utils::CachePadded;

#[cfg(not(loom))]
use core::sync::atomic::AtomicBool;
#[cfg(loom)]
use loom::sync::atomic::AtomicBool;

/// The two flags of one shard.
#[derive(Debug)]
pub struct Doorbell {
    notified: CachePadded<AtomicBool>,
    parked: CachePadded<AtomicBool>,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self {
            notified: CachePadded::new(AtomicBool::new(false)),
            parked: CachePadded::new(AtomicBool::new(false)),
        }
    }
}

impl Doorbell {
    /// Something was put there. `true`: the shard sleeps, and the caller must wake it.
    #[must_use]
    pub fn ring(&self) -> bool {
        // Whoever rang before has seen to the sleeper, and what that one brought and what we bring
        // is taken together.
        !self.notified.swap(true, Ordering::AcqRel) && self.parked.swap(false, Ordering::AcqRel)
    }

    /// Whether somebody rang and [`Doorbell::take`] has not been called since.
    pub fn is_notified(&self) -> bool {
        self.notified.load(Ordering::Relaxed)
    }

    /// Takes a ring. What was put there before it is visible afterwards.
    pub fn take(&self) -> bool {
        self.is_notified() && self.notified.swap(false, Ordering::AcqRel)
    }

    /// `true`: whoever rings from now on is told to wake us. `false`: somebody rang just now; do
    /// not sleep.
    pub fn begin_park(&self) -> bool {
        self.parked.swap(true, Ordering::AcqRel);
        let parked = !self.notified.fetch_or(false, Ordering::AcqRel);
        if !parked {
            self.end_park();
        }
        parked
    }

    /// Awake again.
    pub fn end_park(&self) {
        self.parked.swap(false, Ordering::AcqRel);
    }
}

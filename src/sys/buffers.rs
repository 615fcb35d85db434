//! Receive buffers that the kernel picks from: a ring of descriptions beside a pool of bytes.
//!
//! ```text
//!   ring   | address length id | address length id | ...   tail ->   16 bytes each, shared
//!   pool   | buffer 0          | buffer 1          | ...             lent to the kernel
//! ```
//!
//! A buffer belongs to the kernel from the publication of the tail until a completion names it.

#![expect(
    unsafe_code,
    reason = "provided buffer rings are shared memory with the kernel"
)]

use core::slice;
use core::sync::atomic::{AtomicU16, Ordering};
use std::io;

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use crate::sys::memory::Region;

/// The one group of buffers a machine has.
pub(crate) const GROUP: u16 = 0;
/// Buffers at most (the kernel's limit for one ring).
pub(crate) const BUFFERS_MAX: u16 = 32_768;

#[derive(Debug)]
pub(crate) struct ReceiveBuffers {
    ring: Region,
    pool: Region,
    count: u16,
    bytes: usize,
    tail: u16,
}

impl ReceiveBuffers {
    /// Makes `count` (a power of two) buffers of `bytes` and gives them all to the kernel.
    pub(crate) fn register(kernel: &IoUring, count: u16, bytes: usize) -> io::Result<Self> {
        assert!(count.is_power_of_two(), "buffer rings wrap by a mask");
        assert!(count <= BUFFERS_MAX, "the kernel's limit");
        let ring = Region::anonymous(usize::from(count) * size_of::<BufRingEntry>())?;
        let pool = Region::anonymous(usize::from(count) * bytes)?;
        let address = ring.base().expose_provenance() as u64;
        // SAFETY: `ring` is a page-aligned region of `count` entries; it is unmapped only after the
        // machine has seen its last completion, or never.
        unsafe {
            kernel
                .submitter()
                .register_buf_ring_with_flags(address, count, GROUP, 0)
        }?;
        let mut buffers = Self {
            ring,
            pool,
            count,
            bytes,
            tail: 0,
        };
        (0..count).for_each(|id| buffers.recycle(id));
        buffers.publish();
        Ok(buffers)
    }

    /// The first `length` bytes of buffer `id`.
    ///
    /// # Safety
    ///
    /// A completion has named `id` and `length`, and `id` has not been recycled since: the kernel
    /// does not write to it.
    pub(crate) unsafe fn received(&self, id: u16, length: usize) -> &[u8] {
        assert!(id < self.count, "only buffers we gave come back");
        assert!(
            length <= self.bytes,
            "the kernel keeps to the buffer's length"
        );
        // SAFETY: `id` is below `count`, so the whole buffer lies inside the pool.
        let start = unsafe { self.pool.base().add(usize::from(id) * self.bytes) };
        // SAFETY: `length` bytes from `start` are in this buffer and initialised (the pool is
        // zeroed), and by our caller's promise nobody writes to them before `recycle(&mut self)`.
        unsafe { slice::from_raw_parts(start, length) }
    }

    /// Puts buffer `id` back; the kernel sees it after [`ReceiveBuffers::publish`].
    pub(crate) fn recycle(&mut self, id: u16) {
        assert!(id < self.count, "only buffers we gave come back");
        let start = self.pool.base().expose_provenance() + usize::from(id) * self.bytes;
        let index = usize::from(self.tail & (self.count - 1));
        let entries = self.ring.base().cast::<BufRingEntry>();
        // SAFETY: the mask keeps `index` below `count`, the number of entries in the region.
        let entry = unsafe { entries.add(index) };
        // SAFETY: the kernel reads entries from its head up to the published tail; this one is at
        // or past the tail, because no more than `count` buffers exist.
        let entry = unsafe { &mut *entry };
        entry.set_addr(start as u64);
        entry.set_len(u32::try_from(self.bytes).expect("checked with the configuration"));
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows recycled buffers to the kernel.
    pub(crate) fn publish(&self) {
        let entries = self.ring.base().cast::<BufRingEntry>().cast_const();
        // SAFETY: `entries` is the base of the ring, which is initialised (zeroed) memory.
        let tail = unsafe { BufRingEntry::tail(entries) };
        // SAFETY: the tail is two aligned bytes inside the first entry, in memory that lives as
        // long as `self`; besides this store only the kernel's load touches them.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        // Release: the kernel must see the entries before the tail that covers them.
        tail.store(self.tail, Ordering::Release);
    }

    /// Never unmaps: the kernel may still write to a buffer.
    pub(crate) fn leak(&mut self) {
        self.ring.leak();
        self.pool.leak();
    }
}

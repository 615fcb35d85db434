//! An allocator that counts, for the test that shows that a shard allocates nothing.
//!
//! It is never installed in the switch itself.

#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicU64, Ordering};

/// Passes everything on to `A` and counts how often memory is asked for.
#[derive(Debug)]
pub struct CountingAllocator<A> {
    inner: A,
    allocations: AtomicU64,
}

impl<A> CountingAllocator<A> {
    /// Counts what goes to `inner`.
    pub const fn new(inner: A) -> Self {
        Self {
            inner,
            allocations: AtomicU64::new(0),
        }
    }

    /// How often memory was asked for since the start, by any thread of the process.
    pub fn allocations(&self) -> u64 {
        self.allocations.load(Ordering::SeqCst)
    }
}

// SAFETY: every call is passed on unchanged to `A`, which keeps the trait's contract; counting
// touches no memory that is handed out.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocations.fetch_add(1, Ordering::Relaxed);
        // SAFETY: our caller promises a layout of non-zero size, which is all `A` asks of `alloc`.
        unsafe { self.inner.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: `place` came from `self.alloc` or `self.realloc`, and so from `A`, with `layout`.
        unsafe { self.inner.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.allocations.fetch_add(1, Ordering::Relaxed);
        // SAFETY: `place` is a live block of `A` with `layout`; our caller vouches for `new_size`.
        unsafe { self.inner.realloc(place, layout, new_size) }
    }
}

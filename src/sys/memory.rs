//! Mapped memory: one owner per mapping, page-aligned, returned to the kernel when it is dropped.
//!
//! None of it appears in a core dump: buffers and the journal's tail may hold account numbers.

#![expect(
    unsafe_code,
    reason = "only mmap gives page-aligned, populated and shared memory"
)]

use core::ops::{Deref, DerefMut, Range};
use core::ptr::{self, NonNull};
use core::slice;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

/// Present from the start; the interpreter of the tests knows memory alone, not when it comes.
const PRESENT: MapFlags = if cfg!(miri) {
    MapFlags::empty()
} else {
    MapFlags::POPULATE
};

/// A mapping of whole pages. It hands out pointers, never references: its wrappers decide who may
/// look at the bytes, and when.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    bytes: usize,
    leaked: bool,
}

// SAFETY: a Region is an address and a length; no thread-local state is tied to a mapping, and the
// methods that touch the bytes are unsafe or belong to wrappers with their own rules.
unsafe impl Send for Region {}

impl Region {
    /// Private, zeroed memory, present from the start so that the hot path takes no page fault.
    pub(crate) fn anonymous(bytes: usize) -> Result<Self, Errno> {
        assert!(bytes > 0, "the kernel refuses an empty mapping");
        // SAFETY: the null hint lets the kernel choose an unused range, so no live mapping changes.
        let base = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | PRESENT,
            )
        }?;
        Ok(Self::of(base.cast(), bytes))
    }

    /// The first `bytes` of `file`, shared with every other mapping of it.
    pub(crate) fn shared(
        file: BorrowedFd<'_>,
        bytes: usize,
        access: ProtFlags,
    ) -> Result<Self, Errno> {
        assert!(bytes > 0, "the kernel refuses an empty mapping");
        // SAFETY: without MAP_FIXED the kernel places the file in an unused range; `file` is only
        // needed during the call, the mapping then holds the file by itself.
        let base = unsafe {
            mmap(
                ptr::null_mut(),
                bytes,
                access,
                MapFlags::SHARED | MapFlags::POPULATE,
                file,
                0,
            )
        }?;
        Ok(Self::of(base.cast(), bytes))
    }

    fn of(base: *mut u8, bytes: usize) -> Self {
        let base = NonNull::new(base).expect("mmap without MAP_FIXED never maps page zero");
        let region = Self {
            base,
            bytes,
            leaked: false,
        };
        region.advise(Advice::LinuxDontDump);
        region
    }

    /// Follows `advice`; huge pages where the system has them.
    pub(crate) fn advise(&self, advice: Advice) {
        debug_assert!(
            matches!(advice, Advice::LinuxDontDump | Advice::LinuxHugepage),
            "no advice that drops or changes bytes"
        );
        if cfg!(miri) {
            // It has no pages to advise on.
            return;
        }
        // SAFETY: the range is this region's own, and the two kinds of advice admitted above
        // change neither its contents nor its protection.
        let advised = unsafe { madvise(self.base.as_ptr().cast(), self.bytes, advice) };
        // Huge pages are a wish; leaving memory out of core dumps is not.
        assert!(
            advised.is_ok() || advice == Advice::LinuxHugepage,
            "DONTDUMP is older than 6.1"
        );
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Leaves the mapping in place for ever: the kernel may still be using it.
    pub(crate) fn leak(&mut self) {
        self.leaked = true;
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.leaked {
            return;
        }
        // SAFETY: base and length are those that mmap returned, `drop` runs once, and every
        // reference into the region borrowed its wrapper, which is gone.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.bytes) };
        assert!(unmapped.is_ok(), "the range was mapped whole");
    }
}

/// Page-aligned bytes of this process alone, as direct reads and writes need them.
#[derive(Debug)]
pub struct AlignedBuffer {
    region: Region,
}

impl AlignedBuffer {
    /// Zeroed memory; `bytes` must be positive. Fails with ENOMEM.
    pub fn new(bytes: usize) -> std::io::Result<Self> {
        Ok(Self {
            region: Region::anonymous(bytes)?,
        })
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: an anonymous region is readable and zeroed from the start, and only this buffer
        // knows its address, so `&self` keeps writers away.
        unsafe { slice::from_raw_parts(self.region.base(), self.region.bytes()) }
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: an anonymous region is writable, and `&mut self` on the only owner of its address
        // excludes every other reference.
        unsafe { slice::from_raw_parts_mut(self.region.base(), self.region.bytes()) }
    }
}

/// Has the pages of `addresses` present and, where the system has them, huge: then the hot path
/// takes no page fault on its tables, and rarely misses the translation of an address.
///
/// What the memory holds does not change. Whether it helped is not told: it is a wish, and a page
/// that is not present now is so at its first use.
///
/// In pieces: the kernel lets nobody else map or unmap memory of this process meanwhile, and a
/// start that waits for all of it begins a second late.
pub fn settle(addresses: Range<usize>) {
    wish_huge(addresses.clone());
    let first = addresses.start.next_multiple_of(PAGE_BYTES);
    for start in (first..addresses.end).step_by(SETTLED_BYTES) {
        let end = addresses.end.min(start + SETTLED_BYTES);
        advise(start..end, Advice::LinuxPopulateWrite);
    }
}

/// Has the pages of `addresses` huge, where the system has such pages, when they come: at their
/// first use, or when they are settled. A page that came before stays small.
pub fn wish_huge(addresses: Range<usize>) {
    advise(addresses, Advice::LinuxHugepage);
}

fn advise(addresses: Range<usize>, advice: Advice) {
    debug_assert!(
        matches!(advice, Advice::LinuxHugepage | Advice::LinuxPopulateWrite),
        "no advice that drops or changes bytes"
    );
    let start = addresses.start.next_multiple_of(PAGE_BYTES);
    let end = addresses.end - addresses.end % PAGE_BYTES;
    if start >= end {
        return;
    }
    let base: *mut core::ffi::c_void = ptr::with_exposed_provenance_mut(start);
    // SAFETY: neither advice admitted above changes a byte or a protection, whatever the range is:
    // one tells how pages may be backed, the other does what a store of the same byte would do.
    unsafe { madvise(base, end - start, advice) }.unwrap_or(());
}

/// Asks for the cache line of `place`, which is needed soon. Changes nothing, waits for nothing.
#[inline]
pub fn prefetch<T>(place: &T) {
    prefetch_at(ptr::from_ref(place).cast());
}

#[inline(always)]
fn prefetch_at(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch neither faults nor changes what a program can see, at any address;
        // the instruction is part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// As [`prefetch`], all cache lines of `place`.
#[inline(always)]
pub fn prefetch_all<T>(place: &T) {
    let lines = size_of::<T>().div_ceil(LINE_BYTES);
    let start = ptr::from_ref(place).cast::<u8>();
    for line in 0..lines {
        // Only asked for, never read: it need not be inside of `place`.
        prefetch_at(start.wrapping_add(line * LINE_BYTES));
    }
}

/// Made present at once: some milliseconds.
const SETTLED_BYTES: usize = 16 << 20;

/// A cache line of every x86-64.
const LINE_BYTES: usize = 64;

/// The smallest page.
const PAGE_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aligned_buffer_is_zeroed_aligned_and_writable() {
        let mut buffer = AlignedBuffer::new(8_192).unwrap();
        assert_eq!(buffer.as_ptr().addr() % 4_096, 0);
        assert!(buffer.iter().all(|byte| *byte == 0));
        buffer[8_191] = 7;
        assert_eq!(buffer.len(), 8_192);
        assert_eq!(buffer[8_191], 7);
    }

    #[test]
    fn settled_memory_holds_what_it_held() {
        let mut table: Vec<usize> = (0..100_000).collect();
        let start = table.as_ptr().addr();
        settle(start..start + table.len() * size_of::<usize>());
        settle(start + 1..start + 2);
        assert!((0..100_000).all(|n| table[n] == n));
        table[99_999] = 7;
        assert_eq!(table[99_999], 7);
    }
}

//! A ring of bytes from one thread to another: bounded, without locks, without copies.
//!
//! ```text
//!   producer                                     consumer
//!   room(n)   bytes of the ring itself           refresh()  sees what was published
//!   push(n)   the message is whole               take()     the next message, where it lies
//!   publish() once a turn: the other sees it     release()  once a turn: its room is free again
//! ```
//!
//! A message lies in one piece behind its length; what does not fit before the end of the ring
//! begins anew at its start. Two counters, of bytes put in and bytes taken out, each on a cache
//! line of its own and written by one side only, say who may touch which bytes. Tried in every
//! order by `tests/models`. Nothing here waits and nothing wakes anybody: that is
//! [`crate::sys::wake`]'s.

#![expect(
    unsafe_code,
    reason = "two threads use the same memory, each the part that the counters leave to it"
)]

use core::sync::atomic::Ordering;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use crate::sys::memory::Region;

#[cfg(not(loom))]
use core::sync::atomic::AtomicU64;
#[cfg(loom)]
use loom::{cell::UnsafeCell, sync::atomic::AtomicU64};

/// The length before each message; messages begin at multiples of it.
const HEADER_BYTES: usize = 8;
/// In the place of a length: go on at the start of the ring.
const SKIP: u64 = u64::MAX;

/// What both sides see.
#[derive(Debug)]
struct Shared {
    memory: Region,
    /// Bytes put in and published since the start. Written by the producer.
    put: CachePadded<AtomicU64>,
    /// Bytes taken out and released since the start. Written by the consumer.
    taken: CachePadded<AtomicU64>,
    /// With loom, who touches which bytes is checked at each access.
    #[cfg(loom)]
    witnesses: Box<[UnsafeCell<()>]>,
}

// SAFETY: the counters are atomic, and the memory is only reached through `Producer` and
// `Consumer`, of which there is one each; they touch disjoint bytes, as said at each access.
unsafe impl Sync for Shared {}

/// The end where messages go in.
#[derive(Debug)]
pub struct Producer {
    shared: Arc<Shared>,
    mask: u64,
    /// Bytes put in, those included that are not published.
    put: u64,
    published: u64,
    /// Bytes taken out, as far as it was last looked.
    taken: u64,
    /// What [`Producer::room`] gave: bytes to be left out before the message, and its most bytes.
    skip: u64,
    given: usize,
}

/// The end where messages come out.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    mask: u64,
    /// Bytes taken out, those included that are not released.
    taken: u64,
    released: u64,
    /// Bytes put in, as far as it was last looked.
    put: u64,
}

/// A ring of `bytes`, a power of two. Its memory is present from the start and in no core dump.
///
/// Fails with ENOMEM.
///
/// # Panics
///
/// Where `bytes` is not a power of two, or less than 64.
pub fn ring(bytes: usize) -> std::io::Result<(Producer, Consumer)> {
    assert!(bytes.is_power_of_two() && bytes >= 64, "a power of two");
    let shared = Arc::new(Shared {
        memory: Region::anonymous(bytes)?,
        put: CachePadded::new(AtomicU64::new(0)),
        taken: CachePadded::new(AtomicU64::new(0)),
        #[cfg(loom)]
        witnesses: (0..bytes / HEADER_BYTES)
            .map(|_| UnsafeCell::new(()))
            .collect(),
    });
    let mask = bytes as u64 - 1;
    let producer = Producer {
        shared: Arc::clone(&shared),
        mask,
        put: 0,
        published: 0,
        taken: 0,
        skip: 0,
        given: 0,
    };
    let consumer = Consumer {
        shared,
        mask,
        taken: 0,
        released: 0,
        put: 0,
    };
    Ok((producer, consumer))
}

impl Producer {
    /// Largest message that always finds room in an empty ring.
    pub fn message_bytes_max(&self) -> usize {
        self.shared.memory.bytes() / 2 - HEADER_BYTES
    }

    /// Where the next message, of `bytes` at most, is written; none while the ring is too full for
    /// it, or would have less than `spare` bytes left.
    ///
    /// # Panics
    ///
    /// Where `bytes` is more than [`Producer::message_bytes_max`].
    pub fn room(&mut self, bytes: usize, spare: usize) -> Option<&mut [u8]> {
        assert!(bytes <= self.message_bytes_max(), "it would never fit");
        let need = whole(bytes);
        let size = self.mask + 1;
        let to_end = size - (self.put & self.mask);
        self.skip = if need > to_end { to_end } else { 0 };
        let wanted = self.skip + need + spare as u64;
        if size - (self.put - self.taken) < wanted {
            self.taken = self.shared.taken.load(Ordering::Acquire);
            if size - (self.put - self.taken) < wanted {
                self.given = 0;
                return None;
            }
        }
        self.given = bytes;
        let start = index((self.put + self.skip) & self.mask) + HEADER_BYTES;
        Some(self.bytes(start, bytes))
    }

    /// The message that was written to what [`Producer::room`] gave is whole, with `bytes` bytes.
    ///
    /// # Panics
    ///
    /// Where that was not asked just before, or for less.
    pub fn push(&mut self, bytes: usize) {
        assert!(bytes <= self.given, "more than there was room for");
        self.given = 0;
        if self.skip > 0 {
            self.write_length(self.put & self.mask, SKIP);
        }
        let start = self.put + self.skip;
        self.write_length(start & self.mask, bytes as u64);
        self.put = start + whole(bytes);
    }

    /// Shows the consumer what was pushed. `false`: nothing new.
    pub fn publish(&mut self) -> bool {
        let new = self.put != self.published;
        if new {
            self.published = self.put;
            self.shared.put.store(self.put, Ordering::Release);
        }
        new
    }

    fn write_length(&mut self, place: u64, length: u64) {
        self.bytes(index(place), HEADER_BYTES)
            .copy_from_slice(&length.to_le_bytes());
    }

    fn bytes(&mut self, start: usize, bytes: usize) -> &mut [u8] {
        let memory = &self.shared.memory;
        assert!(start + bytes <= memory.bytes());
        #[cfg(loom)]
        for witness in &self.shared.witnesses[words(start, bytes)] {
            witness.with_mut(|_| ());
        }
        // SAFETY: the start lies in the region, as was just asserted.
        let start = unsafe { memory.base().add(start) };
        // SAFETY: `room` made sure that the consumer has released these bytes (its store of `taken`
        // is acquired there), it does not look at them again before `publish`, and `&mut self` is
        // the only producer's. The region is mapped as long as `shared` lives.
        unsafe { core::slice::from_raw_parts_mut(start, bytes) }
    }
}

impl Consumer {
    /// Looks what has been published; [`Consumer::take`] gives that much and no more.
    pub fn refresh(&mut self) {
        self.put = self.shared.put.load(Ordering::Acquire);
    }

    /// The next message; none where all that was published at the last [`Consumer::refresh`] has
    /// been taken. It stays where it is until [`Consumer::release`].
    pub fn take(&mut self) -> Option<&[u8]> {
        if self.taken == self.put {
            return None;
        }
        let mut length = self.read_length();
        if length == SKIP {
            self.taken += self.mask + 1 - (self.taken & self.mask);
            length = self.read_length();
        }
        let bytes = index(length);
        let start = index(self.taken & self.mask) + HEADER_BYTES;
        self.taken += whole(bytes);
        assert!(self.taken <= self.put, "messages are published whole");
        Some(self.bytes(start, bytes))
    }

    /// Gives the room of all messages taken so far back to the producer.
    pub fn release(&mut self) {
        if self.taken != self.released {
            self.released = self.taken;
            self.shared.taken.store(self.taken, Ordering::Release);
        }
    }

    fn read_length(&self) -> u64 {
        let bytes = self.bytes(index(self.taken & self.mask), HEADER_BYTES);
        u64::from_le_bytes(bytes.try_into().expect("a length has eight bytes"))
    }

    fn bytes(&self, start: usize, bytes: usize) -> &[u8] {
        let memory = &self.shared.memory;
        assert!(start + bytes <= memory.bytes());
        #[cfg(loom)]
        for witness in &self.shared.witnesses[words(start, bytes)] {
            witness.with(|_| ());
        }
        // SAFETY: as for the producer, the assertion above keeps the place inside the region.
        let start = unsafe { memory.base().add(start) };
        // SAFETY: `refresh` has acquired the producer's store of `put` behind these bytes, so they
        // are written, and it does not write them again before `release`, which needs `&mut self`
        // and so the end of this borrow.
        unsafe { core::slice::from_raw_parts(start, bytes) }
    }
}

/// What a message takes in the ring.
fn whole(bytes: usize) -> u64 {
    (HEADER_BYTES + bytes.next_multiple_of(HEADER_BYTES)) as u64
}

fn index(place: u64) -> usize {
    usize::try_from(place).expect("addresses have 64 bits")
}

#[cfg(loom)]
fn words(start: usize, bytes: usize) -> core::ops::Range<usize> {
    start / HEADER_BYTES..(start + bytes).div_ceil(HEADER_BYTES)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Publish,
        Take(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_usize..=120).prop_map(Step::Push),
            1 => Just(Step::Publish),
            1 => (0_usize..6).prop_map(Step::Take),
        ]
    }

    proptest! {
        /// What comes out is what went in and was published, in order, whatever the sizes.
        #[test]
        fn messages_come_out_as_they_went_in(steps in proptest::collection::vec(step(), 1..600)) {
            let (mut producer, mut consumer) = ring(256).unwrap();
            let (mut pushed, mut published) = (VecDeque::new(), VecDeque::new());
            let mut fill = 0_u8;
            for step in steps {
                match step {
                    Step::Push(bytes) => {
                        fill = fill.wrapping_add(1);
                        if let Some(room) = producer.room(bytes, 0) {
                            room.fill(fill);
                            producer.push(bytes);
                            pushed.push_back(vec![fill; bytes]);
                        }
                    }
                    Step::Publish => {
                        prop_assert_eq!(producer.publish(), !pushed.is_empty());
                        published.append(&mut pushed);
                    }
                    Step::Take(count) => {
                        consumer.refresh();
                        for _ in 0..count {
                            prop_assert_eq!(
                                consumer.take().map(<[u8]>::to_vec),
                                published.pop_front()
                            );
                        }
                        consumer.release();
                    }
                }
            }
        }
    }

    #[test]
    fn a_full_ring_says_so_and_keeps_what_is_spared() {
        let (mut producer, mut consumer) = ring(256).unwrap();
        let mut pushed = 0;
        while producer.room(24, 64).is_some() {
            producer.push(24);
            pushed += 1;
        }
        assert_eq!(pushed, 6, "64 of 256 bytes are spared");
        while producer.room(24, 0).is_some() {
            producer.push(24);
            pushed += 1;
        }
        assert_eq!(pushed, 8);
        producer.publish();
        consumer.refresh();
        while consumer.take().is_some() {}
        assert!(producer.room(24, 0).is_none(), "taken is not released");
        consumer.release();
        assert!(producer.room(producer.message_bytes_max(), 0).is_some());
    }

    #[test]
    fn two_threads_agree() {
        const COUNT: u64 = if cfg!(miri) { 300 } else { 50_000 };
        let (mut producer, mut consumer) = ring(1 << 10).unwrap();
        let thread = crate::sys::threads::spawn("producer", move || {
            let mut next = 0_u64;
            while next < COUNT {
                let bytes = 8 + index(next % 100);
                match producer.room(bytes, 0) {
                    Some(room) => {
                        room.fill(next.to_le_bytes()[0]);
                        room[..8].copy_from_slice(&next.to_le_bytes());
                        producer.push(bytes);
                        next += 1;
                    }
                    None => std::thread::yield_now(),
                }
                // A full ring that was not shown would never be emptied.
                producer.publish();
            }
        });
        let mut expected = 0_u64;
        while expected < COUNT {
            consumer.refresh();
            while let Some(message) = consumer.take() {
                assert_eq!(message.len(), 8 + index(expected % 100));
                assert_eq!(message[..8], expected.to_le_bytes());
                assert!(
                    message[8..]
                        .iter()
                        .all(|byte| *byte == expected.to_le_bytes()[0])
                );
                expected += 1;
            }
            consumer.release();
            std::thread::yield_now();
        }
        thread.unwrap().join().unwrap();
    }
}

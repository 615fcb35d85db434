//! One io_uring: queue, submit, wait, and the names of operations in flight.
//!
//! ```text
//!   user data:  | operation 8 | generation 24 | place 32 |
//! ```
//!
//! Every operation pushed is answered by exactly one completion without the MORE flag; the ring
//! counts them, so that its owner knows when the kernel has let go of all memory. Completions that
//! another ring has put here (MSG_RING) are beside that count.

#![expect(
    unsafe_code,
    reason = "io_uring reads and writes memory behind the compiler's back"
)]

use core::marker::PhantomData;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use io_uring::squeue::Entry;
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue};

/// Entries of the completion queue at most (the kernel's IORING_MAX_CQ_ENTRIES).
const COMPLETIONS_MAX: u32 = 65_536;
/// Entries of the submission queue at most (the kernel's IORING_MAX_ENTRIES).
const SUBMISSIONS_MAX: u32 = 32_768;

/// What an operation in flight is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// `place`: the listener.
    Accept,
    /// `place`: the link's slot.
    Receive,
    /// `place`: the link's slot.
    Send,
    /// `place`: the link's slot.
    Cancel,
    /// `place`: the listener.
    CancelAccept,
    /// `place`: the write's slot.
    Write,
    /// The wake-up file.
    Wake,
    /// Everything, when the machine goes down.
    CancelAll,
    /// `place`: the neighbour to whose ring a wake-up was sent.
    Message,
    /// A wake-up from another ring: no operation of this one.
    Woken,
}

impl Operation {
    const ALL: [Self; 10] = [
        Self::Accept,
        Self::Receive,
        Self::Send,
        Self::Cancel,
        Self::CancelAccept,
        Self::Write,
        Self::Wake,
        Self::CancelAll,
        Self::Message,
        Self::Woken,
    ];
}

/// The name of an operation in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tag {
    pub(crate) operation: Operation,
    pub(crate) generation: u32,
    pub(crate) place: u32,
}

impl Tag {
    /// Generations are counted modulo this.
    pub(crate) const GENERATIONS: u32 = 1 << 24;

    pub(crate) const fn new(operation: Operation, generation: u32, place: u32) -> Self {
        assert!(generation < Self::GENERATIONS);
        Self {
            operation,
            generation,
            place,
        }
    }

    pub(crate) const fn pack(self) -> u64 {
        (self.operation as u64) << 56 | (self.generation as u64) << 32 | self.place as u64
    }

    fn unpack(packed: u64) -> Self {
        let [kind, g2, g1, g0, place @ ..] = packed.to_be_bytes();
        let operation = *Operation::ALL
            .get(usize::from(kind))
            .expect("only we write user data");
        Self {
            operation,
            generation: u32::from_be_bytes([0, g2, g1, g0]),
            place: u32::from_be_bytes(place),
        }
    }
}

/// What the kernel says about one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) tag: Tag,
    /// Bytes, a descriptor, or a negative error number.
    pub(crate) result: i32,
    pub(crate) flags: u32,
}

impl Outcome {
    /// Whether more completions of this operation will follow.
    pub(crate) fn more(&self) -> bool {
        cqueue::more(self.flags)
    }

    /// The provided buffer that holds the bytes.
    pub(crate) fn buffer(&self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }
}

/// The ring of one thread.
pub(crate) struct Ring {
    ring: IoUring,
    /// What found no room in the submission queue, in order.
    backlog: VecDeque<Entry>,
    in_flight: usize,
    enters: u64,
    /// SINGLE_ISSUER: the kernel refuses other threads, so the type stays on its own.
    thread: PhantomData<*const ()>,
}

impl core::fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Ring")
            .field("in_flight", &self.in_flight)
            .field("backlog", &self.backlog.len())
            .field("enters", &self.enters)
            .finish_non_exhaustive()
    }
}

impl Ring {
    /// A ring for the calling thread. `operations_max` in flight fit without allocation; `entries`
    /// of them can be queued between two system calls.
    pub(crate) fn new(entries: u32, operations_max: usize) -> io::Result<Self> {
        let entries = entries.clamp(8, SUBMISSIONS_MAX);
        let completions = u32::try_from(operations_max).unwrap_or(COMPLETIONS_MAX);
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_clamp()
            .setup_cqsize(completions.clamp(2 * entries, COMPLETIONS_MAX))
            .build(entries)?;
        Ok(Self {
            ring,
            backlog: VecDeque::with_capacity(operations_max),
            in_flight: 0,
            enters: 0,
            thread: PhantomData,
        })
    }

    /// The ring's own descriptor once more: by it others send to the ring, and they may do so (in
    /// vain) after its thread has ended.
    pub(crate) fn address(&self) -> io::Result<OwnedFd> {
        // SAFETY: `self.ring` owns this descriptor and outlives the borrow, which ends here.
        let own = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) };
        own.try_clone_to_owned()
    }

    pub(crate) fn kernel(&self) -> &IoUring {
        &self.ring
    }

    /// Operations whose last completion has not been taken.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// System calls made.
    pub(crate) fn enters(&self) -> u64 {
        self.enters
    }

    /// Queues an operation; the kernel sees it at the next [`Ring::enter`].
    ///
    /// # Safety
    ///
    /// Memory and descriptors that `entry` names must stay valid, and must not be written by
    /// anyone where the kernel reads, until the completion of `tag` without MORE has been taken.
    pub(crate) unsafe fn push(&mut self, entry: Entry, tag: Tag) {
        let entry = entry.user_data(tag.pack());
        self.in_flight += 1;
        if !self.backlog.is_empty() {
            self.backlog.push_back(entry);
            return;
        }
        // SAFETY: our caller promised that what `entry` names outlives the operation; the backlog
        // is empty, so no earlier operation is overtaken.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        if pushed.is_err() {
            self.backlog.push_back(entry);
        }
    }

    /// The oldest completion, if there is one in the queue.
    pub(crate) fn next(&mut self) -> Option<Outcome> {
        let entry = self.ring.completion().next()?;
        let outcome = Outcome {
            tag: Tag::unpack(entry.user_data()),
            result: entry.result(),
            flags: entry.flags(),
        };
        if !outcome.more() && outcome.tag.operation != Operation::Woken {
            self.in_flight = self
                .in_flight
                .checked_sub(1)
                .expect("each operation ends exactly once");
        }
        Some(outcome)
    }

    /// Whether a system call would do anything: operations are queued, or the kernel has work for
    /// this thread. Reads shared memory only.
    pub(crate) fn wants_enter(&mut self) -> bool {
        let queue = self.ring.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow() || !self.backlog.is_empty()
    }

    pub(crate) fn has_completions(&mut self) -> bool {
        !self.ring.completion().is_empty()
    }

    /// Submits what is queued and lets the kernel post completions, without waiting.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        self.flush_backlog()?;
        self.call(0, None)
    }

    /// As [`Ring::enter`], and waits for one completion, `wait_ns` at most where it is given.
    pub(crate) fn enter_and_wait(&mut self, wait_ns: Option<u64>) -> io::Result<()> {
        self.flush_backlog()?;
        // With something left to submit there is no time to wait.
        self.call(u32::from(self.backlog.is_empty()), wait_ns)
    }

    /// Moves what waits into the submission queue, handing the queue to the kernel whenever it is
    /// full. Stops where the kernel takes nothing: it is short of memory, or wants its completions
    /// taken first; the rest goes with the next turn.
    fn flush_backlog(&mut self) -> io::Result<()> {
        while self.fill_queue() {
            self.call(0, None)?;
            if self.ring.submission().is_full() {
                break;
            }
        }
        Ok(())
    }

    /// Fills the submission queue from the backlog; `true` where something is left.
    fn fill_queue(&mut self) -> bool {
        while let Some(entry) = self.backlog.front() {
            // SAFETY: the promise made to `push` for this entry holds until its completion,
            // which cannot be before it has been submitted here.
            let pushed = unsafe { self.ring.submission().push(entry) };
            if pushed.is_err() {
                return true;
            }
            self.backlog.pop_front();
        }
        false
    }

    fn call(&mut self, completions: u32, wait_ns: Option<u64>) -> io::Result<()> {
        self.enters += 1;
        let queued = u32::try_from(self.ring.submission().len()).expect("queues are short");
        let time = Timespec::new();
        let ns = wait_ns.unwrap_or(0);
        let fraction = u32::try_from(ns % 1_000_000_000).expect("less than a second");
        let time = time.sec(ns / 1_000_000_000).nsec(fraction);
        let mut arguments = SubmitArgs::new();
        if wait_ns.is_some() {
            arguments = arguments.timespec(&time);
        }
        // GETEVENTS always: it also runs the task work that DEFER_TASKRUN put off.
        let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        let submitter = self.ring.submitter();
        // SAFETY: EXT_ARG makes the kernel read a io_uring_getevents_arg, which `arguments` is; it
        // and the time it points to live on this frame until the call returns.
        let entered =
            unsafe { submitter.enter(queued, completions, flags.bits(), Some(&arguments)) };
        match entered {
            Ok(_) => Ok(()),
            Err(cause) => match cause.raw_os_error() {
                // Time is up; a signal came; the kernel is short of memory or wants its overflown
                // completions taken first. What was not submitted is still queued.
                Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
                _ => Err(cause),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_pack_and_unpack() {
        for operation in Operation::ALL {
            for (generation, place) in [(0, 0), (1, 2), (Tag::GENERATIONS - 1, u32::MAX)] {
                let tag = Tag::new(operation, generation, place);
                assert_eq!(Tag::unpack(tag.pack()), tag);
            }
        }
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index);
        }
    }

    /// Pushes more than the submission queue (8) holds, and with `operations_max` of 8 also more
    /// than the completion queue (16) does.
    fn check_order(operations_max: usize) {
        let mut ring = Ring::new(8, operations_max).unwrap();
        for place in 0..50 {
            let tag = Tag::new(Operation::CancelAll, 0, place);
            let entry = io_uring::opcode::Nop::new().build();
            // SAFETY: a no-op names no memory.
            unsafe { ring.push(entry, tag) };
        }
        assert_eq!(ring.in_flight(), 50);
        let mut seen = Vec::new();
        while seen.len() < 50 {
            ring.enter_and_wait(None).unwrap();
            while let Some(outcome) = ring.next() {
                seen.push(outcome.tag.place);
            }
        }
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        assert_eq!(ring.in_flight(), 0);
        assert!(!ring.wants_enter());
    }

    #[test]
    fn more_than_the_queues_hold_is_kept_in_order() {
        check_order(64);
        check_order(8);
    }

    #[test]
    fn waiting_ends_with_the_time() {
        let mut ring = Ring::new(8, 8).unwrap();
        ring.enter_and_wait(Some(1_000_000)).unwrap();
        assert!(!ring.has_completions());
    }
}

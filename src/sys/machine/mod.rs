//! The machine of one shard: carries out submissions on one io_uring and tells what happened.
//!
//! ```text
//!   loop { drain(completions -> turn -> submissions);  submit(submissions);  enter(idle, until) }
//! ```
//!
//! Accepting and receiving are kept armed here. Nothing the kernel may still touch is ever freed:
//! a send's buffer waits in its link's slot, a slot waits for its last operation, and a machine
//! that cannot get its operations back in time leaks their memory. After start nothing allocates.

#![expect(
    unsafe_code,
    reason = "operations of the ring name memory and descriptors"
)]

mod accept;
mod config;
mod traffic;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use io_uring::opcode;
use io_uring::types::{CancelBuilder, Fd};

use crate::model::ids::LinkId;
use crate::model::time::Monotonic;
use crate::sys::buffers::ReceiveBuffers;
use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::faults;
use crate::sys::links::Links;
use crate::sys::operation::{Completion, Errno, SendBuffer, Submission};
use crate::sys::probe;
use crate::sys::ring::{Operation, Outcome, Ring, Tag};
use crate::sys::segments::{SegmentAccess, SegmentFile};
use crate::sys::wake::{Sleeper, Waker};
use crate::sys::writer::Writer;

pub use accept::Arrivals;
use accept::{Arrived, Listener};
pub use config::{Idle, MachineConfig, MachineStats};

pub use crate::sys::sockets::SocketOptions;
pub use crate::sys::writer::{JournalConfig, SEGMENTS_OPEN_MAX, WriteFaults};

/// Operations a link has in flight at most: a receive, a send and a cancellation.
const OPERATIONS_PER_LINK: usize = 3;
/// Neighbours that a machine wakes at most, as there are shards: a message each is in flight.
const NEIGHBOURS_MAX: usize = 64;
/// How long a machine that is dropped waits for its operations.
const QUIESCE_MS: u64 = 5_000;

/// One shard's ring, links, listeners and journal writes. It stays on the thread that made it.
#[derive(Debug)]
pub struct Machine {
    ring: Ring,
    buffers: ReceiveBuffers,
    links: Links,
    listeners: Vec<Listener>,
    /// Connections that another machine has left for this one.
    arrived: Arc<Arrived>,
    /// Machines that this one accepts for.
    others: Vec<Arrivals>,
    writer: Option<Writer>,
    progress: faults::Progress,
    sleeper: Sleeper,
    neighbours: Vec<Waker>,
    /// Completions that no operation of the ring stands for, in order.
    deferred: VecDeque<Deferred>,
    config: config::Kept,
    clock: Clock,
    /// Something was handed over since the last [`Machine::enter`].
    active: bool,
    active_at: Monotonic,
    failure: Option<MachineError>,
    stats: MachineStats,
}

#[derive(Debug)]
enum Deferred {
    Sent {
        link: LinkId,
        buffer: SendBuffer,
        errno: Errno,
    },
    Closed {
        link: LinkId,
    },
    Written {
        write: u64,
        errno: Errno,
    },
    SegmentReady {
        segment: u64,
        errno: Errno,
    },
}

impl Machine {
    /// Makes a machine for the calling thread. Fails where the kernel lacks something, a limit is
    /// too low or memory is short; the error says what to do.
    pub fn new(config: MachineConfig) -> Result<Self, MachineError> {
        config.check()?;
        let links_max = usize::try_from(config.links_max).expect("addresses have 64 bits");
        let writes_max = config
            .journal
            .as_ref()
            .map_or(0, |journal| journal.writes_max);
        let writes_max = usize::try_from(writes_max).expect("addresses have 64 bits");
        let listeners_max = usize::from(config.listeners_max);
        let operations_max =
            OPERATIONS_PER_LINK * links_max + writes_max + 2 * listeners_max + NEIGHBOURS_MAX + 2;

        let receives = usize::from(config.receive_buffers);
        let ring = Ring::new(config.ring_entries, operations_max + receives)
            .map_err(|cause| probe::explain("setting up io_uring", cause))?;
        let bytes = usize::try_from(config.receive_buffer_bytes).expect("64-bit addresses");
        let buffers = ReceiveBuffers::register(ring.kernel(), config.receive_buffers, bytes)
            .map_err(|cause| probe::explain("registering receive buffers with io_uring", cause))?;
        let sleeper = ring
            .address()
            .and_then(Sleeper::new)
            .map_err(|cause| probe::explain("making an eventfd", cause))?;
        let kept = config::Kept::of(&config);
        let writer = config
            .journal
            .map(|journal| Writer::new(journal, sleeper.waker()));
        let mut machine = Self {
            ring,
            buffers,
            links: Links::new(config.links_max),
            listeners: Vec::with_capacity(listeners_max),
            arrived: Arrivals::place(),
            others: Vec::new(),
            writer: writer.transpose()?,
            progress: faults::Progress::default(),
            sleeper,
            neighbours: Vec::new(),
            deferred: VecDeque::with_capacity(2 * links_max + writes_max + SEGMENTS_OPEN_MAX),
            config: kept,
            clock: Clock,
            active: false,
            active_at: Clock.monotonic(),
            failure: None,
            stats: MachineStats::default(),
        };
        machine.arm_wake();
        Ok(machine)
    }

    /// Hands over every completion that is there, without blocking and without a system call.
    /// Bytes of `Received` are lent for the call; their buffer is the kernel's again afterwards.
    pub fn drain(&mut self, mut handle: impl FnMut(Completion<'_>)) {
        self.drain_all(&mut |completion| handle(completion));
    }

    fn drain_all(&mut self, handle: &mut dyn FnMut(Completion<'_>)) {
        if self.sleeper.take() {
            self.active = true;
            self.take_segments();
            self.take_arrivals(handle);
            handle(Completion::Woken);
        }
        // Before the ring's: a refused send comes before the `Closed` of its link.
        while let Some(deferred) = self.deferred.pop_front() {
            self.active = true;
            self.deliver(deferred, handle);
        }
        while let Some(outcome) = self.ring.next() {
            self.active = true;
            self.stats.completions += 1;
            self.on_outcome(outcome, handle);
        }
        self.buffers.publish();
        self.release_held(handle);
    }

    /// Queues `submissions` for the next [`Machine::enter`]. The vector is emptied and keeps its
    /// capacity.
    ///
    /// A send to a link that is closing or gone comes back as `Sent` with ENOTCONN; closing such a
    /// link again does nothing; a write to a segment that is not open comes back with EBADF. After
    /// `Close`, sends submitted before it are still tried once, and nothing more is `Received`.
    ///
    /// # Panics
    ///
    /// Where the shard breaks the contract: two sends in flight on one link, a write that is not
    /// made of blocks or leaves the tail, more writes than configured.
    pub fn submit(&mut self, submissions: &mut Vec<Submission>) {
        self.progress.on_submit();
        for submission in submissions.drain(..) {
            self.stats.submissions += 1;
            match submission {
                Submission::Send { link, buffer } => self.send(link, buffer),
                Submission::Close { link } => self.close(link),
                Submission::Write {
                    write,
                    segment,
                    segment_offset,
                    tail_offset,
                    bytes,
                } => {
                    self.write(write, (segment, segment_offset), tail_offset, bytes);
                }
                Submission::PrepareSegment { segment } => self.prepare_segment(segment),
                Submission::SealSegment { segment } => {
                    if let Some(writer) = &mut self.writer {
                        writer.seal(segment);
                    }
                }
            }
        }
    }

    /// Submits what is queued and lets the kernel do its work, in one system call; waits, where
    /// `idle` says so, for a completion, a wake-up or `until`. Makes no system call where there is
    /// nothing to submit, nothing to run and nothing to wait for.
    ///
    /// `now` is the time of this turn. An error is a failure of the ring: the shard cannot go on.
    pub fn enter(
        &mut self,
        idle: Idle,
        until: Option<Monotonic>,
        now: Monotonic,
    ) -> Result<(), MachineError> {
        self.retry_accepts(now);
        if core::mem::take(&mut self.active) {
            self.active_at = now;
        }
        let wait = self.wait(idle, now).then(|| self.sleep_until(until));
        let entered = match wait {
            Some(Some(until)) if until <= now => self.enter_if_needed(),
            Some(until) => self.park(until, now),
            None => self.enter_if_needed(),
        };
        self.stats.enters = self.ring.enters();
        self.progress.on_entered();
        entered.map_err(|cause| probe::explain("entering io_uring", cause))
    }

    /// Whether there is nothing to do and the idle mode allows to wait for something.
    fn wait(&mut self, idle: Idle, now: Monotonic) -> bool {
        let allowed = match idle {
            Idle::Spin => false,
            Idle::Park => true,
            Idle::Adaptive { spin_us } => {
                let quiet_ns = now.0.saturating_sub(self.active_at.0);
                quiet_ns >= u64::from(spin_us) * 1_000
            }
        };
        allowed && self.deferred.is_empty() && !self.ring.has_completions()
    }

    fn enter_if_needed(&mut self) -> std::io::Result<()> {
        if self.ring.wants_enter() {
            self.ring.enter()
        } else {
            Ok(())
        }
    }

    fn park(&mut self, until: Option<Monotonic>, now: Monotonic) -> std::io::Result<()> {
        if !self.sleeper.begin_park() {
            return self.enter_if_needed();
        }
        self.stats.parks += 1;
        let parked = self.ring.enter_and_wait(until.map(|until| until.0 - now.0));
        self.sleeper.end_park();
        parked
    }

    /// The first of: the shard's own time, an accept to be tried again, a write held back.
    fn sleep_until(&self, until: Option<Monotonic>) -> Option<Monotonic> {
        let accept = self
            .listeners
            .iter()
            .filter_map(|listener| listener.retry_at)
            .min();
        let held = self.writer.as_ref().and_then(Writer::held_until);
        [until, accept, held].into_iter().flatten().min()
    }

    /// Makes the shards known that this one wakes; their places here are their numbers.
    pub fn meet(&mut self, neighbours: Vec<Waker>) {
        assert!(
            neighbours.len() <= NEIGHBOURS_MAX,
            "a wake-up each has room"
        );
        self.neighbours = neighbours;
    }

    /// Wakes a neighbour, after something was put into a ring for it. Where it is parked, that is a
    /// message from ring to ring, which leaves with the next [`Machine::enter`].
    ///
    /// # Panics
    ///
    /// Where there is no such neighbour.
    pub fn wake(&mut self, neighbour: usize) {
        let waker = &self.neighbours[neighbour];
        if !waker.ring() {
            return;
        }
        let woken = Tag::new(Operation::Woken, 0, 0).pack();
        let address = Fd(waker.address().as_raw_fd());
        let entry = opcode::MsgRingData::new(address, 0, woken, None).build();
        let place = u32::try_from(neighbour).expect("shards are few");
        // SAFETY: the neighbour's waker keeps the descriptor open; it lives in the machine, which
        // drops it after its operations have ended. A message names no memory.
        unsafe {
            self.ring
                .push(entry, Tag::new(Operation::Message, 0, place));
        }
    }

    /// A message has left, or could not: then the neighbour is woken as by anybody else.
    fn on_message(&mut self, outcome: Outcome) {
        let place = usize::try_from(outcome.tag.place).expect("64-bit addresses");
        if outcome.result < 0 {
            self.stats.messages_refused += 1;
            self.neighbours[place].write();
        } else {
            self.stats.messages += 1;
        }
    }

    /// A handle with which other threads wake this shard.
    pub fn waker(&self) -> Waker {
        self.sleeper.waker()
    }

    /// Counts since the start.
    pub fn stats(&self) -> MachineStats {
        self.stats
    }

    /// Links in use, those that are closing included.
    pub fn links(&self) -> usize {
        self.links.used()
    }

    /// The text behind the last errno that came from off the ring (a segment that could not be
    /// made), for the log.
    pub fn take_failure(&mut self) -> Option<MachineError> {
        self.failure.take()
    }

    /// Takes a segment that recovery has opened, so that it can be written to.
    ///
    /// # Panics
    ///
    /// Where the machine has no journal, or the segment is open already.
    pub fn adopt_segment(&mut self, segment: u64, file: SegmentFile) {
        self.writer
            .as_mut()
            .expect("a machine with a journal")
            .adopt(segment, file);
    }

    /// How an open segment is written; `None` where it is not open.
    pub fn segment_access(&self, segment: u64) -> Option<SegmentAccess> {
        self.writer.as_ref()?.access(segment)
    }

    fn write(&mut self, write: u64, place: (u64, u64), tail_offset: u64, bytes: u32) {
        let begun = match &mut self.writer {
            Some(writer) => writer.begin(write, place, tail_offset, bytes),
            None => Err(Errno(libc::EBADF)),
        };
        let prepared = match begun {
            Ok(prepared) => prepared,
            Err(errno) => return self.deferred.push_back(Deferred::Written { write, errno }),
        };
        let entry = opcode::Write::new(Fd(prepared.file), prepared.address, prepared.bytes)
            .offset(prepared.segment_offset)
            .rw_flags(if prepared.synchronous {
                libc::RWF_DSYNC
            } else {
                0
            })
            .build();
        let tag = Tag::new(Operation::Write, 0, prepared.place);
        // SAFETY: the address lies in the tail's view, which is unmapped after the last operation
        // or never; the segment's file is not sealed while a write to it is noted in the writer;
        // and a block handed to the kernel is never stored into by the journal.
        unsafe { self.ring.push(entry, tag) };
        self.progress.on_pushed();
    }

    fn prepare_segment(&mut self, segment: u64) {
        let asked = match &self.writer {
            Some(writer) => writer.prepare(segment),
            None => Err(Errno(libc::EBADF)),
        };
        if let Err(errno) = asked {
            self.deferred
                .push_back(Deferred::SegmentReady { segment, errno });
        }
    }

    fn take_segments(&mut self) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        while let Some((segment, made)) = writer.take_prepared() {
            let errno = made.as_ref().err().map_or(Errno(0), MachineError::errno);
            self.failure = made.err().or(self.failure.take());
            self.deferred
                .push_back(Deferred::SegmentReady { segment, errno });
        }
    }

    fn deliver(&mut self, deferred: Deferred, handle: &mut dyn FnMut(Completion<'_>)) {
        match deferred {
            Deferred::Sent {
                link,
                buffer,
                errno,
            } => {
                handle(Completion::Sent {
                    link,
                    buffer,
                    errno,
                });
            }
            Deferred::Closed { link } => {
                self.links.release(link);
                handle(Completion::Closed { link });
            }
            Deferred::Written { write, errno } => handle(Completion::Written { write, errno }),
            Deferred::SegmentReady { segment, errno } => {
                handle(Completion::SegmentReady { segment, errno });
            }
        }
    }

    fn on_outcome(&mut self, outcome: Outcome, handle: &mut dyn FnMut(Completion<'_>)) {
        match outcome.tag.operation {
            Operation::Receive => self.on_received(outcome, handle),
            Operation::Send => self.on_sent(outcome, handle),
            Operation::Write => self.on_written(outcome, handle),
            Operation::Accept => self.on_accepted(outcome, handle),
            Operation::Cancel => self.on_cancelled(outcome, handle),
            Operation::CancelAccept => {}
            Operation::Wake => {
                // The flag that came with it is taken at the next drain.
                if !outcome.more() {
                    self.arm_wake();
                }
            }
            Operation::Message => self.on_message(outcome),
            // The flag that came before it is taken at the next drain.
            Operation::Woken => {}
            Operation::CancelAll => unreachable!("only a machine being dropped cancels all"),
        }
    }

    fn on_written(&mut self, outcome: Outcome, handle: &mut dyn FnMut(Completion<'_>)) {
        let writer = self.writer.as_mut().expect("only a writer writes");
        let now = || self.clock.monotonic();
        if let Some((write, errno)) = writer.finish(outcome.tag.place, outcome.result, now) {
            self.progress.on_told();
            handle(Completion::Written { write, errno });
        }
    }

    fn release_held(&mut self, handle: &mut dyn FnMut(Completion<'_>)) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        if writer.held_until().is_none() {
            return;
        }
        let now = self.clock.monotonic();
        while let Some((write, errno)) = writer.release(now) {
            self.active = true;
            self.progress.on_told();
            handle(Completion::Written { write, errno });
        }
    }

    /// Polls the eventfd for ever. Each write to it is one completion; its counter is never read.
    fn arm_wake(&mut self) {
        let file = self.sleeper.eventfd().as_raw_fd();
        let events = u32::try_from(libc::POLLIN).expect("a small constant");
        let entry = opcode::PollAdd::new(Fd(file), events).multi(true).build();
        let tag = Tag::new(Operation::Wake, 0, 0);
        // SAFETY: the eventfd lives in the sleeper, which the machine drops after its operations
        // have ended; a poll names no memory.
        unsafe { self.ring.push(entry, tag) };
    }

    /// Ends every operation and waits for it. `false`: some are still in the kernel's hands.
    fn quiesce(&mut self) -> bool {
        let entry = opcode::AsyncCancel2::new(CancelBuilder::any().all()).build();
        let tag = Tag::new(Operation::CancelAll, 0, 0);
        // SAFETY: a cancellation of everything names neither memory nor a descriptor.
        unsafe { self.ring.push(entry, tag) };
        let give_up = self.clock.monotonic().plus_ms(QUIESCE_MS);
        while self.ring.in_flight() > 0 && self.clock.monotonic() < give_up {
            if self.ring.enter_and_wait(Some(50_000_000)).is_err() {
                return false;
            }
            while let Some(outcome) = self.ring.next() {
                if outcome.tag.operation == Operation::Accept {
                    drop(accept::accepted(outcome));
                }
            }
        }
        self.ring.in_flight() == 0
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.quiesce() {
            return;
        }
        // A disk that does not answer. Better to lose memory than to free what it may still read.
        self.links.leak();
        self.buffers.leak();
        if let Some(writer) = &mut self.writer {
            writer.leak();
        }
    }
}

//! The journal's writes in flight, the segments they go to, and the thread that makes new ones.
//!
//! It prepares operations and reads their results; it never touches the ring itself.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_queue::ArrayQueue;

use crate::model::limits::BLOCK_BYTES;
use crate::model::time::Monotonic;
use crate::sys::error::MachineError;
use crate::sys::faults::{self, Point};
use crate::sys::operation::Errno;
use crate::sys::segments::{SegmentAccess, SegmentFile, SegmentPlan, prepare_segment};
use crate::sys::tail::TailView;
use crate::sys::threads;
use crate::sys::wake::Waker;

/// Segments open for writing, and asked for, at a time.
pub const SEGMENTS_OPEN_MAX: usize = 8;

/// What the machine needs to write a shard's journal.
#[derive(Debug)]
pub struct JournalConfig {
    /// Where blocks are written from.
    pub tail: TailView,
    /// How new segments are made.
    pub plan: SegmentPlan,
    /// Whether a write is over only once it survives the power (RWF_DSYNC).
    pub synchronous: bool,
    /// Writes that may be in flight.
    pub writes_max: u32,
    /// Faults for tests; none by default.
    pub faults: WriteFaults,
}

/// Misbehaviour of the disk on demand: for tests alone.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WriteFaults {
    /// Hold every `Written` back for so long.
    pub delay_written_ms: u64,
    /// After so many writes, report EIO for every further one.
    pub fail_write_after: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct WriteInFlight {
    write: u64,
    segment: u64,
    bytes: u32,
}

/// A write as the ring needs it.
pub(crate) struct PreparedWrite {
    pub(crate) place: u32,
    pub(crate) file: RawFd,
    pub(crate) address: *const u8,
    pub(crate) bytes: u32,
    pub(crate) segment_offset: u64,
    pub(crate) synchronous: bool,
}

fn errno_of(cause: std::io::Error) -> Errno {
    Errno(cause.raw_os_error().unwrap_or(libc::EIO))
}

#[derive(Debug)]
pub(crate) struct Writer {
    tail: TailView,
    segments: Vec<(u64, SegmentFile)>,
    writes: Box<[Option<WriteInFlight>]>,
    free: Vec<u32>,
    preparer: Preparer,
    faults: WriteFaults,
    synchronous: bool,
    begun: u64,
    held: VecDeque<(Monotonic, u64, Errno)>,
}

impl Writer {
    pub(crate) fn new(config: JournalConfig, waker: Waker) -> Result<Self, MachineError> {
        let writes_max = usize::try_from(config.writes_max).expect("addresses have 64 bits");
        Ok(Self {
            tail: config.tail,
            segments: Vec::with_capacity(SEGMENTS_OPEN_MAX),
            writes: vec![None; writes_max].into_boxed_slice(),
            free: (0..config.writes_max).rev().collect(),
            preparer: Preparer::start(config.plan, waker)?,
            faults: config.faults,
            synchronous: config.synchronous,
            begun: 0,
            held: VecDeque::with_capacity(writes_max),
        })
    }

    /// Takes a segment that is open already: from recovery.
    pub(crate) fn adopt(&mut self, segment: u64, file: SegmentFile) {
        assert!(
            self.segments.len() < SEGMENTS_OPEN_MAX,
            "segments are sealed in time"
        );
        assert!(self.access(segment).is_none(), "a segment is opened once");
        self.segments.push((segment, file));
    }

    pub(crate) fn access(&self, segment: u64) -> Option<SegmentAccess> {
        self.file(segment).map(SegmentFile::access)
    }

    fn file(&self, segment: u64) -> Option<&SegmentFile> {
        self.segments
            .iter()
            .find(|(number, _)| *number == segment)
            .map(|(_, file)| file)
    }

    /// Notes a write; `Err` where the segment is not open.
    pub(crate) fn begin(
        &mut self,
        write: u64,
        (segment, segment_offset): (u64, u64),
        tail_offset: u64,
        bytes: u32,
    ) -> Result<PreparedWrite, Errno> {
        const BLOCK: u64 = BLOCK_BYTES as u64;
        assert!(
            segment_offset.is_multiple_of(BLOCK),
            "a write starts at a segment's block"
        );
        assert!(
            tail_offset.is_multiple_of(BLOCK),
            "a write starts at a tail's block"
        );
        assert!(bytes > 0, "a write writes something");
        assert!(
            u64::from(bytes).is_multiple_of(BLOCK),
            "a write is made of whole blocks"
        );
        faults::attempt(Point::BlockSealed).map_err(errno_of)?;
        let file = self
            .file(segment)
            .ok_or(Errno(libc::EBADF))?
            .file()
            .as_raw_fd();
        let start = usize::try_from(tail_offset).expect("addresses have 64 bits");
        let end = start + usize::try_from(bytes).expect("addresses have 64 bits");
        let address = self.tail.address(&(start..end));
        let place = self.free.pop().expect("the journal keeps to writes_max");
        let slot = usize::try_from(place).expect("addresses have 64 bits");
        self.writes[slot] = Some(WriteInFlight {
            write,
            segment,
            bytes,
        });
        self.begun += 1;
        Ok(PreparedWrite {
            place,
            file,
            address,
            bytes,
            segment_offset,
            synchronous: self.synchronous,
        })
    }

    /// Reads a write's result: its number and what became of it. `None`: it is held back.
    pub(crate) fn finish(
        &mut self,
        place: u32,
        result: i32,
        now: impl FnOnce() -> Monotonic,
    ) -> Option<(u64, Errno)> {
        let slot = usize::try_from(place).expect("addresses have 64 bits");
        let done = self.writes[slot].take().expect("a write ends once");
        self.free.push(place);
        let mut errno = match u32::try_from(result) {
            Ok(written) if written == done.bytes => Errno(0),
            // A short write leaves a hole below what comes after it: as bad as none.
            Ok(_) => Errno(libc::EIO),
            Err(_) => Errno(-result),
        };
        let in_flight = u64::try_from(self.writes.len() - self.free.len()).expect("a small count");
        let finished = self.begun - in_flight;
        if self
            .faults
            .fail_write_after
            .is_some_and(|good| finished > good)
        {
            errno = Errno(libc::EIO);
        }
        if let Err(cause) = faults::attempt(Point::WriteCompleted) {
            errno = errno_of(cause);
        }
        if self.faults.delay_written_ms == 0 {
            return Some((done.write, errno));
        }
        let due = now().plus_ms(self.faults.delay_written_ms);
        self.held.push_back((due, done.write, errno));
        None
    }

    /// When the first write that is held back is due.
    pub(crate) fn held_until(&self) -> Option<Monotonic> {
        self.held.front().map(|(due, ..)| *due)
    }

    /// The next write that was held back and is due at `now`.
    pub(crate) fn release(&mut self, now: Monotonic) -> Option<(u64, Errno)> {
        self.held
            .pop_front_if(|(due, ..)| *due <= now)
            .map(|(_, write, errno)| (write, errno))
    }

    /// Asks the helper for a segment; EAGAIN where too many were asked for.
    pub(crate) fn prepare(&self, segment: u64) -> Result<(), Errno> {
        self.preparer.request(segment)
    }

    /// The next segment the helper has finished, or failed to.
    pub(crate) fn take_prepared(&mut self) -> Option<(u64, Result<(), MachineError>)> {
        let (segment, made) = self.preparer.shared.results.pop()?;
        Some((segment, made.map(|file| self.adopt(segment, file))))
    }

    /// Closes a segment's file.
    pub(crate) fn seal(&mut self, segment: u64) {
        let writes = self.writes.iter().flatten();
        assert!(
            writes.filter(|write| write.segment == segment).count() == 0,
            "a segment is sealed after its last write"
        );
        self.segments.retain(|(number, _)| *number != segment);
    }

    pub(crate) fn leak(&mut self) {
        self.tail.leak();
    }
}

/// The thread that makes segments, so that no shard waits for a disk to be zeroed.
#[derive(Debug)]
struct Preparer {
    shared: Arc<PreparerShared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct PreparerShared {
    requests: ArrayQueue<u64>,
    results: ArrayQueue<(u64, Result<SegmentFile, MachineError>)>,
    stop: AtomicBool,
}

impl Preparer {
    fn start(plan: SegmentPlan, waker: Waker) -> Result<Self, MachineError> {
        let shared = Arc::new(PreparerShared {
            requests: ArrayQueue::new(SEGMENTS_OPEN_MAX),
            results: ArrayQueue::new(SEGMENTS_OPEN_MAX),
            stop: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = threads::spawn("cpg-segments", move || theirs.serve(&plan, &waker))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    fn request(&self, segment: u64) -> Result<(), Errno> {
        self.shared
            .requests
            .push(segment)
            .map_err(|_| Errno(libc::EAGAIN))?;
        self.thread
            .as_ref()
            .expect("it runs until drop")
            .thread()
            .unpark();
        Ok(())
    }
}

impl PreparerShared {
    fn serve(&self, plan: &SegmentPlan, waker: &Waker) {
        while !self.stop.load(Ordering::Acquire) {
            let Some(segment) = self.requests.pop() else {
                // A request or stop that came just before leaves a token: no wake-up is lost.
                std::thread::park();
                continue;
            };
            let made = prepare_segment(plan, segment, &self.stop);
            // Full only when the shard takes no results any more: then nobody misses the file.
            drop(self.results.push((segment, made)));
            waker.wake();
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            assert!(thread.join().is_ok(), "making a segment returns its errors");
        }
    }
}

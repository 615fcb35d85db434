//! Which segment is needed when: asked for one at a time, some ahead, and sealed when all is
//! written.
//!
//! It holds no file. A segment that cannot be made is asked for again; until it comes the ring
//! absorbs, and what cannot be written to any segment is refused before it is appended.

use crate::journal::layout::BLOCK;
use crate::model::ids::Lsn;
use crate::model::time::Monotonic;
use crate::sys::operation::{Errno, Submission};

/// Segments of one journal: all of one size, numbered from 1, one after the other in the stream.
#[derive(Clone, Debug)]
pub(super) struct Segments {
    bytes: u64,
    last: u64,
    ready: u64,
    sealed: u64,
    asked: bool,
    failing: Option<Errno>,
    retry: Option<Monotonic>,
}

/// How many segments beyond the one in use are kept ready.
const AHEAD: u64 = 2;
/// A segment that could not be made is asked for again after this.
const RETRY_MS: u64 = 500;

/// The segment that holds `lsn`.
pub const fn segment_of(lsn: Lsn, segment_bytes: u64) -> u64 {
    lsn.0 / segment_bytes + 1
}

/// Where a segment starts in the stream.
pub const fn segment_start(segment: u64, segment_bytes: u64) -> Lsn {
    assert!(segment > 0, "segments are numbered from 1");
    Lsn((segment - 1)
        .checked_mul(segment_bytes)
        .expect("a journal ends long before 2^64 bytes"))
}

impl Segments {
    /// `durable` is where writing starts, `last` the highest segment allowed, `open` the last one
    /// that is open already.
    pub(super) fn new(bytes: u64, last: u64, durable: Lsn, open: u64) -> Self {
        assert!(bytes > 0 && bytes.is_multiple_of(BLOCK));
        let before = segment_of(durable, bytes) - 1;
        assert!(open >= before, "what is open begins where writing starts");
        Self {
            bytes,
            last,
            ready: open,
            sealed: before,
            asked: false,
            failing: None,
            retry: None,
        }
    }

    pub(super) const fn of(&self, lsn: Lsn) -> u64 {
        segment_of(lsn, self.bytes)
    }

    /// The end of the segment that holds `lsn`.
    pub(super) const fn end_of(&self, lsn: Lsn) -> Lsn {
        segment_start(self.of(lsn) + 1, self.bytes)
    }

    /// The highest segment allowed is this one from now on: older ones were given up.
    pub(super) fn allow(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// Where `lsn` lies in its segment.
    pub(super) const fn offset(&self, lsn: Lsn) -> u64 {
        lsn.0 % self.bytes
    }

    /// Up to where blocks can be written now.
    pub(super) const fn ready_end(&self) -> Lsn {
        segment_start(self.ready + 1, self.bytes)
    }

    /// Up to where blocks may be appended: beyond it no segment will be, as far as is known.
    pub(super) const fn promised_end(&self) -> Lsn {
        if self.failing.is_some() {
            self.ready_end()
        } else {
            segment_start(self.last + 1, self.bytes)
        }
    }

    /// The error of the last attempt, until one succeeds.
    pub(super) const fn failing(&self) -> Option<Errno> {
        self.failing
    }

    /// When a failed attempt is to be repeated.
    pub(super) const fn retry_at(&self) -> Option<Monotonic> {
        self.retry
    }

    pub(super) fn handle_ready(&mut self, segment: u64, errno: Errno) {
        assert!(self.asked, "a segment was made that nobody asked for");
        assert!(segment == self.ready + 1, "segments are made in order");
        self.asked = false;
        if errno == Errno(0) {
            self.ready = segment;
            self.failing = None;
        } else {
            self.failing = Some(errno);
        }
        self.retry = None;
    }

    /// Asks for the next segment where it is wanted, and seals those that are written.
    pub(super) fn plan(
        &mut self,
        position: Lsn,
        durable: Lsn,
        now: Monotonic,
        submissions: &mut Vec<Submission>,
    ) {
        while self.sealed < self.of(durable) - 1 && self.sealed < self.ready {
            self.sealed += 1;
            submissions.push(Submission::SealSegment {
                segment: self.sealed,
            });
        }
        let wanted = self.of(position).saturating_add(AHEAD).min(self.last);
        if self.asked || self.ready >= wanted {
            return;
        }
        if self.failing.is_some() {
            let due = *self.retry.get_or_insert(now.plus_ms(RETRY_MS));
            if now < due {
                return;
            }
        }
        self.asked = true;
        self.retry = None;
        submissions.push(Submission::PrepareSegment {
            segment: self.ready + 1,
        });
    }
}

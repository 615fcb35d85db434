//! Faults on purpose, for tests alone: a switch that dies at a named point of its work, is told
//! there that the machine failed, or reads a wall clock that was moved.
//!
//! `cpg-switch run --fault` arms them, before anything else happens, and says so in the log. Not
//! armed, a point costs one load of a word that never changes, per write or turn and never per
//! message. No point knows what is written there.

use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::sync::OnceLock;

use rustix::process::{Signal, getpid, kill_process};

use crate::sys::clock;
use crate::sys::error::MachineError;
use crate::sys::threads;

/// Where a switch can be made to die.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Point {
    /// The folder of the journal is locked; there may be no identity yet.
    FolderLocked,
    /// The identity is in its temporary file, synced.
    IdentityWritten,
    /// It has its name; the directory is not synced.
    IdentityRenamed,
    /// Segments and tail are open and locked; nothing is read.
    SegmentsLocked,
    /// Everything is read; the tail is not touched.
    Replayed,
    /// A new tail has a name and no byte.
    TailClaimed,
    /// A new tail is allocated and zero.
    TailCreated,
    /// The place of the tail is in its temporary file, synced.
    TailPathWritten,
    /// It has its name; the directory is not synced.
    TailPathRenamed,
    /// The tail is ours; its header is still that of the process before.
    TailAdopted,
    /// A new segment has its temporary name and no byte.
    SegmentClaimed,
    /// It is allocated.
    SegmentAllocated,
    /// It is zeroed; not in commit mode `memory`.
    SegmentZeroed,
    /// It is synced.
    SegmentSynced,
    /// It has its name; the directory is not synced.
    SegmentRenamed,
    /// The directory is synced.
    SegmentNamed,
    /// Blocks are sealed and about to be handed to the kernel.
    BlockSealed,
    /// The kernel has taken the write.
    WriteSubmitted,
    /// The kernel says that the write is done; the shard does not know yet.
    WriteCompleted,
    /// The tail's header says how far the disk is; what that releases has not left.
    WatermarkMoved,
    /// What the watermark released was handed to the kernel.
    AnswersSent,
    /// A digest is in its temporary file, synced.
    DigestWritten,
    /// It has its name; the directory is not synced.
    DigestRenamed,
    /// The index of an archived segment is in its temporary file, synced.
    IndexWritten,
    /// It has its name; the directory is not synced.
    IndexRenamed,
}

/// A point, as people name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PointEntry {
    /// Which.
    pub point: Point,
    /// How `--fault` names it.
    pub name: &'static str,
    /// When a switch passes it.
    pub stage: Stage,
    /// Whether an error can be reported there.
    pub may_fail: bool,
}

/// When a switch passes a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Only where the journal's folder, or its tail, is new.
    NewJournal,
    /// At every start.
    Start,
    /// While it works.
    Work,
}

const fn entry(point: Point, name: &'static str, stage: Stage) -> PointEntry {
    PointEntry {
        point,
        name,
        stage,
        may_fail: false,
    }
}

const fn fallible(point: Point, name: &'static str, stage: Stage) -> PointEntry {
    PointEntry {
        may_fail: true,
        ..entry(point, name, stage)
    }
}

/// Every point, in the order in which a switch on a new folder passes them.
pub const POINTS: [PointEntry; 25] = {
    use Stage::{NewJournal, Start, Work};
    [
        entry(Point::FolderLocked, "folder-locked", Start),
        entry(Point::IdentityWritten, "identity-written", NewJournal),
        entry(Point::IdentityRenamed, "identity-renamed", NewJournal),
        entry(Point::SegmentsLocked, "segments-locked", Start),
        entry(Point::Replayed, "replayed", Start),
        entry(Point::TailClaimed, "tail-claimed", NewJournal),
        entry(Point::TailCreated, "tail-created", NewJournal),
        entry(Point::TailPathWritten, "tail-path-written", NewJournal),
        entry(Point::TailPathRenamed, "tail-path-renamed", NewJournal),
        entry(Point::TailAdopted, "tail-adopted", Start),
        entry(Point::SegmentClaimed, "segment-claimed", Work),
        fallible(Point::SegmentAllocated, "segment-allocated", Work),
        fallible(Point::SegmentZeroed, "segment-zeroed", Work),
        fallible(Point::SegmentSynced, "segment-synced", Work),
        entry(Point::SegmentRenamed, "segment-renamed", Work),
        entry(Point::SegmentNamed, "segment-named", Work),
        fallible(Point::BlockSealed, "block-sealed", Work),
        entry(Point::WriteSubmitted, "write-submitted", Work),
        fallible(Point::WriteCompleted, "write-completed", Work),
        entry(Point::WatermarkMoved, "watermark-moved", Work),
        entry(Point::AnswersSent, "answers-sent", Work),
        entry(Point::DigestWritten, "digest-written", Work),
        entry(Point::DigestRenamed, "digest-renamed", Work),
        entry(Point::IndexWritten, "index-written", Work),
        entry(Point::IndexRenamed, "index-renamed", Work),
    ]
};

impl Point {
    /// Its row.
    pub fn entry(self) -> &'static PointEntry {
        POINTS
            .iter()
            .find(|entry| entry.point == self)
            .expect("a test walks all points")
    }
}

/// What happens at a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    /// SIGKILL, by its own hand.
    Kill,
    /// The machine is said to have failed with this.
    Fail(i32),
}

/// One fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// From the `from`th passing of `point` to the `to`th.
    At {
        point: Point,
        from: u32,
        to: u32,
        act: Act,
    },
    /// After so long, the wall clock reads so much more.
    Clock { after_ms: u64, seconds: i64 },
}

/// Why a text is no fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadFault {
    /// No such point.
    #[error("there is no point `{0}`; the points are {names}, and `clock`",
        names = POINTS.map(|entry| entry.name).join(", "))]
    Unknown(String),
    /// No error is reported there.
    #[error("`{0}` cannot fail, only be died at; those that can are {names}",
        names = fallible_names())]
    CannotFail(&'static str),
    /// Something else.
    #[error(
        "`{0}` is no fault; write POINT, POINT:COUNT, POINT:FROM-TO=eio|enospc, clock=SECONDS or \
         clock:AFTER_MS=SECONDS"
    )]
    Unreadable(String),
}

fn fallible_names() -> String {
    let names = POINTS.iter().filter(|entry| entry.may_fail);
    names.map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let bad = || BadFault::Unreadable(text.to_owned());
        let (place, act) = text
            .split_once('=')
            .map_or((text, None), |(place, act)| (place, Some(act)));
        let (name, count) = place
            .split_once(':')
            .map_or((place, None), |(name, count)| (name, Some(count)));
        if name == "clock" {
            let seconds = act.and_then(|act| act.parse().ok()).ok_or_else(bad)?;
            let after_ms = count.map_or(Ok(0), str::parse).map_err(|_| bad())?;
            return Ok(Self(Kind::Clock { after_ms, seconds }));
        }
        let entry = POINTS.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| BadFault::Unknown(name.to_owned()))?;
        let act = match act {
            None => Act::Kill,
            Some("eio") => Act::Fail(libc::EIO),
            Some("enospc") => Act::Fail(libc::ENOSPC),
            Some(_) => return Err(bad()),
        };
        if act != Act::Kill && !entry.may_fail {
            return Err(BadFault::CannotFail(entry.name));
        }
        let count = count.unwrap_or("1");
        let (from, to) = count.split_once('-').unwrap_or((count, count));
        let number = |text: &str| text.parse().map_err(|_| bad());
        let (from, to) = (number(from)?, number(to)?);
        if from == 0 || from > to {
            return Err(bad());
        }
        let point = entry.point;
        Ok(Self(Kind::At {
            point,
            from,
            to,
            act,
        }))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::At {
                point,
                from,
                to,
                act,
            } => {
                let what = match act {
                    Act::Kill => "it dies at",
                    Act::Fail(_) => "the machine fails at",
                };
                let name = point.entry().name;
                write!(formatter, "{what} {name}, passed {from} to {to} times")
            }
            Kind::Clock { after_ms, seconds } => write!(
                formatter,
                "the wall clock moves by {seconds} s after {after_ms} ms"
            ),
        }
    }
}

/// What waits at a point, and how often points of its kind were passed.
#[derive(Debug)]
struct Armed {
    point: Point,
    from: u32,
    to: u32,
    act: Act,
    passed: AtomicU32,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Arms a fault, for the rest of the process's life. One point at most is armed.
pub fn arm(fault: Fault) -> Result<(), MachineError> {
    match fault.0 {
        Kind::At {
            point,
            from,
            to,
            act,
        } => {
            let passed = AtomicU32::new(0);
            let armed = Armed {
                point,
                from,
                to,
                act,
                passed,
            };
            ARMED.set(armed).map_err(|_| {
                let cause = rustix::io::Errno::EXIST;
                MachineError::new("arming a second fault", cause, "arm one point at a time")
            })
        }
        Kind::Clock {
            after_ms: 0,
            seconds,
        } => {
            clock::move_wall(seconds);
            Ok(())
        }
        Kind::Clock { after_ms, seconds } => threads::spawn("cpg-fault", move || {
            pause(after_ms);
            clock::move_wall(seconds);
        })
        .map(drop),
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread that only tests start")]
fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// The work passes `point`; a process that is to die there does.
pub(crate) fn pass(point: Point) {
    let good = attempt(point);
    debug_assert!(good.is_ok(), "only a point that may fail is told to");
}

/// As [`pass`], where the machine may be said to have failed.
pub(crate) fn attempt(point: Point) -> io::Result<()> {
    let Some(armed) = ARMED.get().filter(|armed| armed.point == point) else {
        return Ok(());
    };
    let passed = armed.passed.fetch_add(1, Ordering::Relaxed) + 1;
    if !(armed.from..=armed.to).contains(&passed) {
        return Ok(());
    }
    let name = point.entry().name;
    // What it says decides nothing: nobody may be listening.
    drop(writeln!(io::stderr(), "fault: reached {name} ({passed})"));
    match armed.act {
        Act::Fail(errno) => Err(io::Error::from_raw_os_error(errno)),
        Act::Kill => {
            let killed = kill_process(getpid(), Signal::KILL);
            debug_assert!(killed.is_ok(), "a process may kill itself");
            // The signal may need a moment to arrive, and nothing may happen meanwhile.
            std::process::abort()
        }
    }
}

/// A file that is replaced as a whole, and how far that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replaced {
    /// Under its temporary name, synced.
    Written,
    /// It has its name; the directory is not synced.
    Renamed,
}

/// As [`pass`], for a file that is replaced; files that have no point pass none.
pub(crate) fn pass_file(name: &str, how: Replaced) {
    const FILES: [(&str, Point, Point); 4] = [
        (
            "journal.json",
            Point::IdentityWritten,
            Point::IdentityRenamed,
        ),
        ("tail.path", Point::TailPathWritten, Point::TailPathRenamed),
        (".digest", Point::DigestWritten, Point::DigestRenamed),
        (".index", Point::IndexWritten, Point::IndexRenamed),
    ];
    let row = FILES.iter().find(|(ending, ..)| name.ends_with(ending));
    if let Some((_, written, renamed)) = row {
        pass(match how {
            Replaced::Written => *written,
            Replaced::Renamed => *renamed,
        });
    }
}

/// How far a shard's machine is with its writes: between a turn and the next system call.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Progress {
    pushed: bool,
    told: bool,
    released: bool,
}

impl Progress {
    /// A write was put into the ring.
    pub(crate) fn on_pushed(&mut self) {
        self.pushed = true;
    }

    /// The shard was told that a write is done.
    pub(crate) fn on_told(&mut self) {
        self.told = true;
    }

    /// The turn is over: what it decided is about to leave.
    pub(crate) fn on_submit(&mut self) {
        if core::mem::take(&mut self.told) {
            pass(Point::WatermarkMoved);
            self.released = true;
        }
    }

    /// The kernel has what the turn submitted.
    pub(crate) fn on_entered(&mut self) {
        if core::mem::take(&mut self.pushed) {
            pass(Point::WriteSubmitted);
        }
        if core::mem::take(&mut self.released) {
            pass(Point::AnswersSent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_has_a_row_and_a_name_of_its_own() {
        for (place, entry) in POINTS.iter().enumerate() {
            assert_eq!(entry.point.entry(), entry);
            assert_eq!(entry.point as usize, place, "in the order of the enum");
            let named = POINTS.iter().filter(|other| other.name == entry.name);
            assert_eq!(named.count(), 1, "{}", entry.name);
            let killed: Fault = entry.name.parse().unwrap();
            assert!(killed.to_string().contains(entry.name));
            let failed = format!("{}=eio", entry.name).parse::<Fault>();
            assert_eq!(failed.is_ok(), entry.may_fail, "{}", entry.name);
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_in_words() {
        for (text, expected) in [
            ("segment-zereod", "there is no point `segment-zereod`"),
            ("", "there is no point ``"),
            ("replayed=eio", "`replayed` cannot fail"),
            ("block-sealed:0", "POINT:COUNT"),
            ("block-sealed:3-2=eio", "POINT:COUNT"),
            ("block-sealed:x", "POINT:COUNT"),
            ("block-sealed=eperm", "POINT:COUNT"),
            ("clock", "clock=SECONDS"),
            ("clock:soon=5", "clock=SECONDS"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn faults_are_read_as_they_are_meant() {
        let kinds = |text: &str| text.parse::<Fault>().unwrap().0;
        assert_eq!(
            kinds("segment-allocated:4-6=enospc"),
            Kind::At {
                point: Point::SegmentAllocated,
                from: 4,
                to: 6,
                act: Act::Fail(libc::ENOSPC)
            }
        );
        assert_eq!(
            kinds("clock:150=-3600"),
            Kind::Clock {
                after_ms: 150,
                seconds: -3_600
            }
        );
    }

    #[test]
    fn nothing_happens_where_nothing_is_armed() {
        for entry in POINTS {
            attempt(entry.point).unwrap();
        }
        pass_file("segment-0000000001.digest", Replaced::Written);
    }
}

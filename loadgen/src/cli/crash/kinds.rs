//! What goes wrong in a round, as a table: how the switch is started for it, how it is struck, and
//! what it must do about it. Draws; touches nothing.

use clap::ValueEnum;
use cpg_switch::sys::faults::{POINTS, PointEntry, Stage};

use crate::mix::random::Draw;

/// Kinds of faults. Other programs rely on the words: add, never rename.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// SIGKILL at a random instant
    Kill,
    /// SIGKILL by its own hand at each named point of its work
    Points,
    /// SIGKILL, then the loss of power: what was not synced is kept, lost, torn or old
    Power,
    /// SIGKILL in the middle of a copy of the tail's header
    TornHeader,
    /// A write of the journal fails: it ends by itself
    IoError,
    /// No room for new segments for a while: it sheds and goes on; then SIGKILL
    NoSpace,
    /// The journal is full for good: it sheds; then SIGKILL, and more room
    Full,
    /// SIGSTOP for longer than any deadline, then SIGCONT; later SIGKILL
    Stop,
    /// The wall clock jumps, while it runs or over a restart; then SIGKILL
    Clock,
    /// An orderly restart: nothing is refused and nothing left unanswered
    Restart,
}

impl Kind {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// The word for people and JSON.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no kind is hidden");
        value.get_name().to_owned()
    }
}

/// How the switch ends in a round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// We kill it after so many milliseconds under load.
    Killed { after_ms: u64 },
    /// It dies by its own hand; where it does not, we kill it.
    Dies,
    /// It ends by itself, says why, and exits with 3.
    Gives,
    /// It is stopped for so long, goes on and settles; then we kill it.
    Stopped { ms: u64 },
    /// It sheds for want of room; then we kill it.
    Sheds,
    /// It is told to end after so many milliseconds under load, answers what is in flight, refuses
    /// nothing that began before it said so, and exits with 0.
    Drained { after_ms: u64 },
}

/// What is done to the files while nobody has them open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tampering {
    Nothing,
    Power,
    TornHeader,
}

/// One round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Round {
    /// What `--fault` says at the start before it.
    pub(super) fault: Option<String>,
    /// The point that must be reached by it.
    pub(super) point: Option<&'static str>,
    pub(super) end: End,
    pub(super) tampering: Tampering,
}

impl Round {
    const fn killed(after_ms: u64) -> Self {
        Self {
            fault: None,
            point: None,
            end: End::Killed { after_ms },
            tampering: Tampering::Nothing,
        }
    }

    fn with(fault: String, end: End) -> Self {
        Self {
            fault: Some(fault),
            end,
            ..Self::killed(0)
        }
    }
}

/// Points that a switch on a new folder dies at, in the order in which it passes them: each start
/// gets a little further than the one before.
pub(super) fn walk() -> impl Iterator<Item = &'static PointEntry> {
    POINTS.iter().filter(|entry| entry.stage != Stage::Work)
}

/// Points that are passed on a journal that is in use. `zeroes`: segments are zeroed.
fn in_use(zeroes: bool) -> Vec<&'static PointEntry> {
    let entries = POINTS.iter();
    entries
        .filter(|entry| entry.stage != Stage::NewJournal)
        .filter(|entry| zeroes || entry.name != "segment-zeroed")
        .collect()
}

/// The rounds of one journal: `count`, after `before` of this kind on others, so that points and
/// jumps take turns. `zeroes`: segments are zeroed.
pub(super) fn rounds(
    kind: Kind,
    (before, count): (u32, u32),
    zeroes: bool,
    draw: &mut Draw,
) -> Vec<Round> {
    let points = in_use(zeroes);
    let rounds = (0..count).map(|index| {
        let place = before.wrapping_add(index);
        let after_ms = KILL_MS_MIN + u64::from(draw.below(KILL_MS_SPREAD));
        match kind {
            Kind::Kill => Round::killed(after_ms),
            Kind::Points => at_point(points[place as usize % points.len()], draw),
            Kind::Power => Round {
                tampering: Tampering::Power,
                ..Round::killed(after_ms)
            },
            Kind::TornHeader => Round {
                tampering: Tampering::TornHeader,
                ..Round::killed(after_ms)
            },
            Kind::IoError => {
                let point = ["block-sealed", "write-completed"][draw.below(2) as usize];
                let errno = ["eio", "enospc"][draw.below(2) as usize];
                let at = 1 + draw.below(300);
                Round::with(format!("{point}:{at}={errno}"), End::Gives)
            }
            Kind::NoSpace => {
                let from = 1 + draw.below(3);
                let to = from + draw.below(3);
                let end = End::Killed {
                    after_ms: after_ms + 1_000,
                };
                // The first segment of a start that has none is refused in words: not this kind.
                let point = ["segment-allocated", "segment-synced"][draw.below(2) as usize];
                Round::with(format!("{point}:{}-{}=enospc", from + 1, to + 1), end)
            }
            Kind::Full => Round {
                end: End::Sheds,
                ..Round::killed(0)
            },
            Kind::Restart => Round {
                end: End::Drained { after_ms },
                ..Round::killed(0)
            },
            Kind::Stop => Round {
                end: End::Stopped { ms: STOPPED_MS },
                ..Round::killed(0)
            },
            Kind::Clock => {
                let seconds = JUMPS_S[place as usize % JUMPS_S.len()];
                let running = (place as usize / JUMPS_S.len()).is_multiple_of(2);
                let when = if running { ":500" } else { "" };
                Round::with(
                    format!("clock{when}={seconds}"),
                    End::Killed {
                        after_ms: after_ms + 500,
                    },
                )
            }
        }
    });
    rounds.collect()
}

/// Rounds that one journal takes of a kind: what ends a journal's usefulness takes one.
pub(super) fn rounds_per_journal(kind: Kind, wished: u32, memory: bool) -> u32 {
    match kind {
        Kind::Full => 1,
        // It takes seconds, and finds nothing more the third time.
        Kind::Stop => wished.min(2),
        // Each once.
        Kind::Points => wished.max(u32::try_from(in_use(!memory).len()).expect("a small table")),
        // What was in memory alone is gone with the power: what was answered cannot be judged on.
        Kind::Power if memory => 1,
        Kind::Kill
        | Kind::Power
        | Kind::TornHeader
        | Kind::IoError
        | Kind::NoSpace
        | Kind::Clock
        | Kind::Restart => wished,
    }
}

/// It dies at `entry`, early or late.
fn at_point(entry: &'static PointEntry, draw: &mut Draw) -> Round {
    let count = match entry.name {
        name if name.starts_with("segment-") && entry.stage == Stage::Work => 3,
        name if name.starts_with("digest-") || name.starts_with("index-") => 1,
        _ if entry.stage == Stage::Work => 25,
        _ => 1,
    };
    let at = 1 + draw.below(count);
    Round {
        point: Some(entry.name),
        ..Round::with(format!("{}:{at}", entry.name), End::Dies)
    }
}

const KILL_MS_MIN: u64 = 60;
const KILL_MS_SPREAD: u32 = 340;
/// Longer than what payments may take in these rounds.
const STOPPED_MS: u64 = 2_500;
/// A leap second too many, an hour of another zone, a day.
const JUMPS_S: [i64; 6] = [3_600, -3_600, 5, -5, 86_400, -86_400];

#[cfg(test)]
mod tests {
    use super::*;
    use cpg_switch::sys::faults::Fault;

    /// What the rounds say is what the switch reads.
    #[test]
    fn every_round_of_every_kind_names_a_fault_that_the_switch_knows() {
        let mut draw = Draw::new(7, 7);
        for kind in Kind::all() {
            for round in rounds(kind, (1, 40), true, &mut draw) {
                if let Some(fault) = &round.fault {
                    fault.parse::<Fault>().unwrap();
                }
            }
        }
    }

    #[test]
    fn walk_and_rounds_come_to_every_point() {
        let mut draw = Draw::new(1, 1);
        let rounds = rounds(Kind::Points, (0, 40), true, &mut draw);
        for entry in POINTS {
            let walked = walk().any(|walked| *walked == entry);
            let played = rounds.iter().any(|round| round.point == Some(entry.name));
            assert!(walked || played, "{}", entry.name);
        }
    }
}

//! The one place where time is read. Both clocks come from the vDSO: no system call.

use core::sync::atomic::{AtomicI64, Ordering};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::model::time::{Monotonic, Now, Wall};

/// The clocks of this machine. Read once per turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// Both clocks, monotonic first.
    pub fn now(self) -> Now {
        Now {
            monotonic: self.monotonic(),
            wall: Wall(wall(
                nanoseconds(clock_gettime(ClockId::Realtime)),
                MOVED_S.load(Ordering::Relaxed),
            )),
        }
    }

    /// `CLOCK_MONOTONIC` alone.
    pub fn monotonic(self) -> Monotonic {
        Monotonic(nanoseconds(clock_gettime(ClockId::Monotonic)))
    }
}

/// By how much a test has moved the wall clock; read once per turn.
static MOVED_S: AtomicI64 = AtomicI64::new(0);

/// Moves the wall clock of this process by `seconds`: [`super::faults`] alone does.
pub(super) fn move_wall(seconds: i64) {
    MOVED_S.store(seconds, Ordering::Relaxed);
}

fn wall(nanoseconds: u64, moved_s: i64) -> u64 {
    let moved_ns = moved_s.unsigned_abs().saturating_mul(1_000_000_000);
    if moved_s < 0 {
        nanoseconds.saturating_sub(moved_ns)
    } else {
        nanoseconds.saturating_add(moved_ns)
    }
}

/// A clock before 1970 reads as 1970: it is wrong either way, and must not stop the switch.
fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let fraction = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_run_forward_and_the_wall_clock_is_in_this_century() {
        let first = Clock.now();
        let second = Clock.now();
        assert!(second.monotonic >= first.monotonic);
        assert!(first.wall.date().yyyymmdd() > 20_240_101);
    }

    #[test]
    fn a_moved_wall_clock_is_moved_both_ways_and_never_wraps() {
        assert_eq!(wall(7_000_000_000, 0), 7_000_000_000);
        assert_eq!(wall(7_000_000_000, 3), 10_000_000_000);
        assert_eq!(wall(7_000_000_000, -3), 4_000_000_000);
        assert_eq!(wall(7_000_000_000, i64::MIN), 0);
        assert_eq!(wall(7_000_000_000, i64::MAX), u64::MAX);
    }

    #[test]
    fn a_clock_before_1970_reads_as_1970() {
        let time = Timespec {
            tv_sec: -1,
            tv_nsec: 0,
        };
        assert_eq!(nanoseconds(time), 0);
    }
}

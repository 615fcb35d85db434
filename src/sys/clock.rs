//! The one place where time is read. Both clocks come from the vDSO: no system call.

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
            wall: Wall(nanoseconds(clock_gettime(ClockId::Realtime))),
        }
    }

    /// `CLOCK_MONOTONIC` alone.
    pub fn monotonic(self) -> Monotonic {
        Monotonic(nanoseconds(clock_gettime(ClockId::Monotonic)))
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
    fn a_clock_before_1970_reads_as_1970() {
        let time = Timespec {
            tv_sec: -1,
            tv_nsec: 0,
        };
        assert_eq!(nanoseconds(time), 0);
    }
}

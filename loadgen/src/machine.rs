//! What else the machine did during a run: time that its hypervisor gave to others, and time that
//! other programs took. A run on a machine that was not ours says little; this says which one.

use std::fs;

use serde::Serialize;

use crate::target::TICK_US;

/// Time of all cores since the machine started, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CoreTime {
    whole_us: u64,
    idle_us: u64,
    stolen_us: u64,
}

/// Shares of the time of all cores in a run, in percent.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Elsewhere {
    /// A hypervisor gave it to another machine.
    pub(crate) stolen_percent: f64,
    /// Neither the target nor the generator used it: other programs, and the kernel's own threads.
    pub(crate) others_percent: f64,
}

/// What all cores have done until now; `None` where the kernel does not say.
pub(crate) fn core_time() -> Option<CoreTime> {
    read(&fs::read_to_string("/proc/stat").ok()?)
}

/// The first line of proc(5) `stat`: `cpu user nice system idle iowait irq softirq steal ...`.
/// What guests use is part of `user` and `nice`.
fn read(stat: &str) -> Option<CoreTime> {
    let mut words = stat.lines().next()?.split_ascii_whitespace();
    (words.next()? == "cpu").then_some(())?;
    let ticks: Option<Vec<u64>> = words.take(FIELDS).map(|word| word.parse().ok()).collect();
    let ticks: [u64; FIELDS] = ticks?.try_into().ok()?;
    let [_, _, _, idle, iowait, _, _, steal] = ticks;
    Some(CoreTime {
        whole_us: ticks.iter().sum::<u64>() * TICK_US,
        idle_us: (idle + iowait) * TICK_US,
        stolen_us: steal * TICK_US,
    })
}

/// What went elsewhere between two moments, in which the run itself used `ours_us`.
pub(crate) fn elsewhere(before: CoreTime, after: CoreTime, ours_us: u64) -> Option<Elsewhere> {
    let whole = after.whole_us.checked_sub(before.whole_us)?;
    let idle = after.idle_us.saturating_sub(before.idle_us);
    let stolen = after.stolen_us.saturating_sub(before.stolen_us);
    let others = whole.saturating_sub(idle + stolen + ours_us);
    let percent = |part: u64| 100.0 * part as f64 / whole as f64;
    (whole > 0).then(|| Elsewhere {
        stolen_percent: percent(stolen),
        others_percent: percent(others),
    })
}

impl Elsewhere {
    /// All of it.
    pub(crate) fn percent(&self) -> f64 {
        self.stolen_percent + self.others_percent
    }
}

const FIELDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_went_elsewhere_is_what_neither_side_used() {
        let before = read("cpu  100 0 100 1000 50 0 0 20 0 0\ncpu0 1 1 1 1\n").unwrap();
        let after = read("cpu  160 0 120 1100 60 0 0 30 0 0\ncpu0 1 1 1 1\n").unwrap();
        // Two cores for a second: 110 ticks idle, 10 stolen, 80 used, of which 50 by the run.
        let found = elsewhere(before, after, 50 * TICK_US).unwrap();
        let expected = Elsewhere {
            stolen_percent: 5.0,
            others_percent: 15.0,
        };
        assert_eq!(found, expected);
        assert_eq!(found.percent(), 20.0);
        assert_eq!(elsewhere(after, after, 0), None, "no time has passed");
        for bad in [
            "",
            "cpu 1 2 3",
            "cpu0 1 2 3 4 5 6 7 8",
            "cpu a b c d e f g h",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_kernel_says_it() {
        assert!(core_time().unwrap().whole_us > 0);
    }
}

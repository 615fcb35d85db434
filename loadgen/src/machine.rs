//! What the machine had to do with a run: time that its hypervisor gave to others, and time that
//! other programs took; and which file system the journal was on. A run on a machine that was not
//! ours says little; this says which one.

use std::fs;
use std::path::Path;

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

/// The type of the file system that a folder is on, as mount(8) calls it; `None` where the kernel
/// does not say.
pub(crate) fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    mounted(&fs::read_to_string("/proc/self/mountinfo").ok()?, &folder)
}

/// From proc(5) `mountinfo`: `36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw`. The
/// longest mount point that the folder is below counts, and the later one of two that are equal.
fn mounted(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (mount, file_system) = line.split_once(" - ")?;
        let point = mount.split(' ').nth(4)?.replace("\\040", " ");
        let kind = file_system.split(' ').next()?.to_owned();
        folder.starts_with(&point).then_some((point.len(), kind))
    };
    let mounts = mounts.lines().filter_map(mount);
    mounts
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

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

    #[test]
    fn a_folder_is_on_what_is_mounted_closest_to_it() {
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      30 22 0:26 / /dev/shm rw,nosuid shared:3 - tmpfs tmpfs rw\n\
                      31 22 0:27 / /mnt/two\\040words rw - xfs /dev/vdb rw\n\
                      32 22 0:28 / /dev/shm rw - ramfs none rw\n";
        let on = |folder: &str| mounted(mounts, Path::new(folder));
        assert_eq!(on("/tmp/cpg-bench-1").as_deref(), Some("ext4"));
        assert_eq!(on("/dev/shmem").as_deref(), Some("ext4"));
        assert_eq!(on("/dev/shm/cpg-bench-1").as_deref(), Some("ramfs"));
        assert_eq!(on("/mnt/two words/here").as_deref(), Some("xfs"));
        assert_eq!(mounted("", Path::new("/tmp")), None);
    }
}

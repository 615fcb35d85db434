//! What the system says of the threads of this process: CPU time, page faults, switches. Reads
//! `/proc/self/task` when asked, and keeps nothing.

use std::fs;
use std::path::Path;

/// Threads that are read; a switch has a few for each shard.
const THREADS_MAX: usize = 512;
/// `USER_HZ`, in which the kernel tells CPU time to everybody: 100 on every Linux (proc(5)).
const TICK_NS: u64 = 10_000_000;

/// Threads of one name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ThreadReading {
    /// As `/proc/TID/comm` has it: `shard-00`.
    pub name: String,
    /// User and system time, in nanoseconds, to a hundredth of a second.
    pub cpu_ns: u64,
    /// Page faults that waited for a disk.
    pub major_faults: u64,
    /// All others.
    pub minor_faults: u64,
    /// Switches while it had work.
    pub involuntary_switches: u64,
}

/// Every thread, by name; none where the system does not tell.
pub fn read() -> Vec<ThreadReading> {
    let mut threads: Vec<ThreadReading> = Vec::new();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return threads;
    };
    // A thread that ends meanwhile is left out.
    for task in tasks.flatten().take(THREADS_MAX) {
        let Some(one) = read_one(&task.path()) else {
            continue;
        };
        match threads.iter_mut().find(|known| known.name == one.name) {
            None => threads.push(one),
            Some(known) => {
                known.cpu_ns += one.cpu_ns;
                known.major_faults += one.major_faults;
                known.minor_faults += one.minor_faults;
                known.involuntary_switches += one.involuntary_switches;
            }
        }
    }
    threads.sort_by(|left, right| left.name.cmp(&right.name));
    threads
}

fn read_one(task: &Path) -> Option<ThreadReading> {
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    let status = fs::read_to_string(task.join("status")).ok()?;
    parse(&stat, &status)
}

/// Both files as proc(5) describes them. A name may hold spaces and brackets.
fn parse(stat: &str, status: &str) -> Option<ThreadReading> {
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The third field of the file is the first one here.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let switches = status
        .lines()
        .find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?;
    Some(ThreadReading {
        name: name.to_owned(),
        minor_faults: field(10)?,
        major_faults: field(12)?,
        cpu_ns: (field(14)? + field(15)?) * TICK_NS,
        involuntary_switches: switches.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read_as_the_manual_has_them() {
        let stat = "7 (a) (b) S 1 7 7 0 -1 4194560 11 12 13 14 15 16 17 18 20 0 1 0 99\n";
        let status = "Name:\ta\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n";
        let expected = ThreadReading {
            name: "a) (b".to_owned(),
            cpu_ns: 310_000_000,
            major_faults: 13,
            minor_faults: 11,
            involuntary_switches: 6,
        };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse("7 (a", status), None);
        assert_eq!(parse(stat, "Name:\ta\n"), None);
    }

    #[test]
    fn this_thread_is_among_them() {
        let all = read();
        assert!(!all.is_empty() && all.iter().all(|one| !one.name.is_empty()));
        assert!(all.iter().any(|one| one.minor_faults > 0));
    }
}

//! Cores: which there are, which we may use, which serves the disk, and pinning to one.
#![expect(
    unsafe_code,
    reason = "scheduling policies have no safe interface here"
)]

use std::fs;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::sys::error::MachineError;

/// The cores the calling thread may run on, in ascending order: where it is not pinned, those of
/// the process. New threads inherit them.
pub fn allowed_cores() -> Result<Vec<usize>, MachineError> {
    let set = sched_getaffinity(None).map_err(|cause| {
        MachineError::new(
            "reading the cores this process may use",
            cause,
            "check the seccomp profile: sched_getaffinity must be allowed",
        )
    })?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|core| set.is_set(*core))
        .collect())
}

/// Pins the calling thread to `core`, also where it, or the thread that started it, is pinned to
/// another one. Fails with EINVAL where there is no such core, or the cgroup's cpuset forbids it.
pub fn pin_current_thread(core: usize) -> Result<(), MachineError> {
    let doing = format!("pinning a thread to core {core}");
    let mut set = CpuSet::new();
    if core < CpuSet::MAX_CPU {
        set.set(core);
    }
    // An empty set is refused like a core that does not exist.
    sched_setaffinity(None, &set).map_err(|cause| {
        let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
        let allowed = allowed_cores().unwrap_or_default();
        let remedy = format!(
            "configure a core that exists (online: {}) and that the cgroup's cpuset allows (this \
             thread may use {allowed:?} now)",
            online.trim(),
        );
        MachineError::new(doing, cause, remedy)
    })
}

/// Lets the calling thread run wherever the process's first thread may, which no switch pins: a
/// thread that a pinned one has started shares its core otherwise.
pub fn unpin_current_thread() -> Result<(), MachineError> {
    sched_getaffinity(Some(rustix::process::getpid()))
        .and_then(|set| sched_setaffinity(None, &set))
        .map_err(|cause| {
            MachineError::new(
                "letting a thread run on every core of the process",
                cause,
                "check the seccomp profile: sched_setaffinity must be allowed",
            )
        })
}

/// Lets the calling thread run only where no other thread wants to (`SCHED_IDLE`, sched(7)).
pub fn run_current_thread_when_idle() -> Result<(), MachineError> {
    schedule_current_thread(libc::SCHED_IDLE)
}

/// Lets the calling thread take turns with others again (`SCHED_OTHER`), as its niceness says.
pub fn run_current_thread_in_turn() -> Result<(), MachineError> {
    schedule_current_thread(libc::SCHED_OTHER)
}

fn schedule_current_thread(policy: i32) -> Result<(), MachineError> {
    // SAFETY: zeroes are a `sched_param` on every Linux: all of its fields are numbers.
    let parameter: libc::sched_param = unsafe { core::mem::zeroed() };
    // SAFETY: pid 0 is the calling thread; the kernel reads the parameter during the call alone.
    let set = unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) };
    if set == 0 {
        return Ok(());
    }
    Err(MachineError::new(
        "changing when a thread runs",
        std::io::Error::last_os_error(),
        "check the seccomp profile: sched_setscheduler must be allowed",
    ))
}

/// The core that has served most interrupts of each disk-like device, as `(device, core)`. Empty
/// where the kernel does not say. A spinning shard beside the disk's interrupt on the same core
/// starves its own commits.
pub fn disk_interrupt_cores() -> Vec<(String, usize)> {
    fs::read_to_string("/proc/interrupts").map_or_else(|_| Vec::new(), |text| busiest_cores(&text))
}

/// Reads the table of `/proc/interrupts`: a head that names the cores, then one line per interrupt
/// with a count per core and, last, the device's name.
fn busiest_cores(text: &str) -> Vec<(String, usize)> {
    let mut lines = text.lines();
    let cores: Vec<usize> = lines
        .next()
        .unwrap_or("")
        .split_whitespace()
        .filter_map(|name| name.strip_prefix("CPU")?.parse().ok())
        .collect();
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let counts: Vec<u64> = words
                .by_ref()
                .take(cores.len())
                .filter_map(|word| word.parse().ok())
                .collect();
            let device = words.last()?;
            let (count, core) = counts.iter().zip(&cores).max()?;
            let disk = ["-req", "nvme", "ahci", "virtio_blk", "scsi", "-request"]
                .iter()
                .any(|word| device.contains(word));
            (disk && *count > 0).then(|| (device.to_owned(), *core))
        })
        .collect()
}

/// Whether the calling thread does so.
#[cfg(test)]
pub(super) fn runs_when_idle() -> bool {
    // SAFETY: pid 0 is the calling thread; nothing is read or written.
    (unsafe { libc::sched_getscheduler(0) }) == libc::SCHED_IDLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_core_is_refused_and_the_right_ones_are_named() {
        let allowed = allowed_cores().unwrap();
        assert!(!allowed.is_empty());
        for core in [CpuSet::MAX_CPU - 1, 100_000] {
            let error = pin_current_thread(core).unwrap_err();
            assert_eq!(error.errno().0, libc::EINVAL);
            let text = error.to_string();
            assert!(text.contains(&format!("core {core}:")), "{text}");
            assert!(text.contains(&format!("{allowed:?}")), "{text}");
        }
    }

    #[test]
    fn a_pinned_thread_can_be_pinned_elsewhere() {
        let allowed = allowed_cores().unwrap();
        let thread = crate::sys::threads::spawn("pinned", move || {
            for core in allowed {
                pin_current_thread(core).unwrap();
                assert_eq!(allowed_cores().unwrap(), [core]);
            }
        });
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn the_disk_is_served_by_the_core_with_most_interrupts() {
        let text = "           CPU0       CPU1       \n  \
                    4:          9          0   IO-APIC   4-edge      ttyS0\n \
                    25:         3       7711  PCI-MSIX-0000:00:04.0   1-edge      virtio2-req.0\n \
                    LOC:   99        98   Local timer interrupts\n";
        assert_eq!(busiest_cores(text), [("virtio2-req.0".to_owned(), 1)]);
        assert_eq!(busiest_cores(""), []);
    }
}

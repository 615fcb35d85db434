//! WHERE A RUN RAN: what must be the same for two runs to be compared. Read once, after a run.
//! It names no machine, no user and no path.

use std::fs;
use std::path::Path;

use cpg_switch::sys::cpu;
use serde::{Deserialize, Serialize};

use crate::machine::file_system;

/// The machine, as far as its kernel says. Null: it does not.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Environment {
    /// Release of the kernel.
    pub(crate) kernel: Option<String>,
    /// Model of the processor.
    pub(crate) cpu: Option<String>,
    /// Its microcode.
    pub(crate) microcode: Option<String>,
    /// Whether a hypervisor runs us.
    pub(crate) virtual_machine: bool,
    /// Cores that this process may use.
    pub(crate) cores: Vec<usize>,
    /// Whether two threads share a core.
    pub(crate) smt: Option<String>,
    /// Who sets the frequency.
    pub(crate) governor: Option<String>,
    /// Whether frequencies above the nominal one are switched off.
    pub(crate) no_turbo: Option<String>,
    /// Weaknesses of the processor, and what the kernel does about each.
    pub(crate) mitigations: Vec<String>,
    /// Memory, in MiB.
    pub(crate) memory_mib: Option<u64>,
    /// The limit of the control group: quota and period in microseconds.
    pub(crate) cpu_limit: Option<String>,
    /// Default congestion control of TCP.
    pub(crate) congestion_control: Option<String>,
    /// File system of the switch's journal; null: no journal on this machine.
    pub(crate) journal_file_system: Option<String>,
}

impl Environment {
    /// Of this machine, with the switch's journal in `data`.
    pub(crate) fn here(data: Option<&Path>) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let cpu = "/sys/devices/system/cpu";
        Self {
            kernel: line("/proc/sys/kernel/osrelease"),
            cpu: field(&cpuinfo, "model name"),
            microcode: field(&cpuinfo, "microcode"),
            virtual_machine: field(&cpuinfo, "flags").is_some_and(|flags| {
                let mut flags = flags.split(' ');
                flags.any(|flag| flag == "hypervisor")
            }),
            cores: cpu::allowed_cores().unwrap_or_default(),
            smt: line(&format!("{cpu}/smt/active")),
            governor: line(&format!("{cpu}/cpu0/cpufreq/scaling_governor")),
            no_turbo: line(&format!("{cpu}/intel_pstate/no_turbo")),
            mitigations: mitigations(&format!("{cpu}/vulnerabilities")),
            memory_mib: field(&memory, "MemTotal").and_then(|text| kib(&text)),
            cpu_limit: line("/sys/fs/cgroup/cpu.max"),
            congestion_control: line("/proc/sys/net/ipv4/tcp_congestion_control"),
            journal_file_system: data.and_then(file_system),
        }
    }
}

/// The first line of a file that the kernel makes.
fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// `name : value`, the first of that name.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// `24631236 kB`, in MiB.
fn kib(text: &str) -> Option<u64> {
    let number: u64 = text.strip_suffix(" kB")?.parse().ok()?;
    Some(number / 1_024)
}

/// Only what does not read "Not affected", in order.
fn mitigations(folder: &str) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<String> = files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let text = line(file.path().to_str()?)?;
            (text != "Not affected").then(|| format!("{name}: {text}"))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_kernel_and_cores() {
        let here = Environment::here(Some(Path::new("/")));
        assert!(here.kernel.is_some() && !here.cores.is_empty());
        assert!(here.memory_mib.unwrap() > 0 && here.journal_file_system.is_some());
        assert_eq!(here, Environment::here(Some(Path::new("/"))));
    }

    #[test]
    fn fields_are_found_by_their_whole_names() {
        let text = "model\t\t: 85\nmodel name\t: Some CPU @ 2.80GHz\nflags\t: fpu hypervisor\n";
        assert_eq!(
            field(text, "model name").as_deref(),
            Some("Some CPU @ 2.80GHz")
        );
        assert_eq!(field(text, "name"), None);
        assert_eq!((kib("2048 kB"), kib("2048")), (Some(2), None));
        assert_eq!(line("/proc/none"), None);
    }
}

//! The door to the process: what the system says of it, for whoever has to help from afar.
//!
//! Reads `/proc` and asks file systems for their room. Never reads what the process has in memory,
//! its environment, or a file of the data directory.

use std::fs;
use std::path::Path;

use axum::routing::get;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use super::authority::Role;
use super::{Door, Verb, Visit};
use crate::sys::clock::Clock;

pub(super) const DOORS: &[Door] = &[Door {
    verb: Verb::Get,
    path: "/v1/process",
    role: Role::View,
    summary: "What the system says of the process: memory, limits, threads and their cores, room.",
    query: &[],
    handler: || get(process),
}];

/// Threads that are listed: shards, and a handful more.
const THREADS_MAX: usize = 256;

/// What is told of a thread.
const OF_THREAD: &[&str] = &[
    "Name",
    "State",
    "Cpus_allowed_list",
    "voluntary_ctxt_switches",
    "nonvoluntary_ctxt_switches",
];

/// What is told of the process.
const OF_PROCESS: &[&str] = &[
    "VmPeak", "VmRSS", "VmLck", "VmSwap", "RssShmem", "Threads", "FDSize", "Seccomp",
];

async fn process(Extension(visit): Extension<Visit>) -> Json<Value> {
    let facts = &visit.api().facts;
    Json(json!({
        "time": Clock.now().wall.to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "kernel": text("/proc/sys/kernel/osrelease"),
        "machine": {
            "load": text("/proc/loadavg"),
            "uptime_s": text("/proc/uptime").split(['.', ' ']).next().unwrap_or_default(),
            "cores": std::thread::available_parallelism().map_or(0, core::num::NonZero::get),
            "clock_source": text(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource"
            ),
            "memory": picked("/proc/meminfo", &["MemTotal", "MemAvailable", "SwapFree", "Shmem"]),
        },
        "process": picked("/proc/self/status", OF_PROCESS),
        "open_files": fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        "limits": limits(),
        "cgroup": text("/proc/self/cgroup"),
        "threads": threads(),
        "data": { "path": facts.data, "room": room(&facts.data) },
    }))
}

fn text(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Some lines of a file of `Key: value`.
fn picked(path: &str, keys: &[&str]) -> Map<String, Value> {
    let text = text(path);
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(key, _)| keys.contains(key))
        .map(|(key, value)| (key.to_owned(), Value::from(value.trim())))
        .collect()
}

/// Soft limits, as the kernel names them.
fn limits() -> Map<String, Value> {
    let text = text("/proc/self/limits");
    let wanted = ["Max open files", "Max locked memory", "Max processes"];
    let found = wanted.iter().filter_map(|name| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let soft = line.get(name.len()..)?.split_whitespace().next()?;
        Some(((*name).to_owned(), Value::from(soft)))
    });
    found.collect()
}

fn threads() -> Vec<Value> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let threads = names.take(THREADS_MAX).map(|id| {
        let mut told = picked(&format!("/proc/self/task/{id}/status"), OF_THREAD);
        told.insert("id".to_owned(), Value::from(id.clone()));
        // Fields 14 and 15 of proc_pid_stat(5), in hundredths of a second; the name before them may
        // hold blanks, and ends with the last bracket.
        let stat = text(&format!("/proc/self/task/{id}/stat"));
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        let ticks = |place: usize| after.split(' ').nth(place).unwrap_or_default().to_owned();
        told.insert("user_ticks".to_owned(), Value::from(ticks(11)));
        told.insert("system_ticks".to_owned(), Value::from(ticks(12)));
        Value::from(told)
    });
    threads.collect()
}

fn room(path: &Path) -> Value {
    match rustix::fs::statvfs(path) {
        Ok(room) => json!({
            "bytes": room.f_blocks.saturating_mul(room.f_frsize),
            "available_bytes": room.f_bavail.saturating_mul(room.f_frsize),
        }),
        Err(error) => Value::from(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_this_process_is_told() {
        let threads = threads();
        let own = std::process::id().to_string();
        let main = threads.iter().find(|thread| thread["id"] == own.as_str());
        let ticks = main.unwrap()["user_ticks"].as_str().unwrap();
        assert!(ticks.parse::<u64>().is_ok(), "{ticks}");
        assert!(limits()["Max open files"].as_str().is_some());
        assert!(room(Path::new("/proc/self"))["bytes"].is_u64());
        assert!(room(Path::new("/nowhere")).is_string());
        assert_eq!(picked("/proc/self/status", &["Threads"]).len(), 1);
    }
}

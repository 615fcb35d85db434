//! THE SWITCH UNDER TEST, as a process: start it, find its listeners, watch its CPU time, end it.

use core::net::SocketAddr;
use core::time::Duration;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use cpg_switch::sys::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

/// The ready file, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    /// The process.
    pub(crate) pid: u32,
    /// Where participants dial.
    pub(crate) listeners: Vec<ReadyListener>,
    /// The journal's directory.
    pub(crate) data: PathBuf,
    /// `disk` or `memory`.
    pub(crate) commit: String,
    /// Where metrics are.
    #[serde(default)]
    pub(crate) admin: Option<SocketAddr>,
    /// The Unix socket of the admin API.
    #[serde(default)]
    pub(crate) socket: Option<PathBuf>,
}

/// One listener.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReadyListener {
    /// `sbe`, `iso8583-ascii`, `iso8583-binary`.
    pub(crate) protocol: String,
    /// `sofh`, `len2`, `len4`; `-tpdu` behind it is not played.
    pub(crate) framing: String,
    /// Where.
    pub(crate) address: SocketAddr,
}

/// Why there is no switch to test.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    /// It has not been built.
    #[error("there is no {}; build it with: cargo build{profile} --bin cpg-switch", path.display())]
    NotBuilt {
        /// Where it should be.
        path: PathBuf,
        /// `" --release"`, or nothing.
        profile: &'static str,
    },
    /// It could not be started or stopped.
    #[error("cannot {doing}: {cause}")]
    Process {
        /// What we tried.
        doing: String,
        /// What the system said.
        cause: io::Error,
    },
    /// It ended before it was ready.
    #[error("the switch ended before it was ready ({status}); it said:\n{said}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of its log.
        said: String,
    },
    /// It is there and not ready.
    #[error("the switch was not ready within {seconds} s; it said:\n{said}")]
    NotReady {
        /// How long we waited.
        seconds: u64,
        /// The end of its log.
        said: String,
    },
    /// It did not end as it should.
    #[error("the switch ended with {status} after SIGTERM, and should with 0; it said:\n{said}")]
    BadEnd {
        /// How.
        status: ExitStatus,
        /// The end of its log.
        said: String,
    },
    /// The ready file makes no sense.
    #[error("the ready file {} cannot be used: {why}", path.display())]
    BadReadyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// A switch that we started. It is killed where it is dropped.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
    log: PathBuf,
    /// Where its part of the log begins.
    log_from: u64,
    /// What it told us.
    pub(crate) ready: Ready,
}

/// A switch that ended by itself, or by a signal.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How.
    pub(crate) status: ExitStatus,
    /// What it had said since its start.
    pub(crate) said: String,
}

/// What a start came to.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is ready.
    Up(Target),
    /// It ended before it was.
    Ended(Ended),
}

/// How to start it.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The binary.
    pub(crate) program: PathBuf,
    /// Configuration; none: the sandbox.
    pub(crate) configuration: Option<PathBuf>,
    /// The journal's directory.
    pub(crate) data: PathBuf,
    /// Where the ready file and the log go.
    pub(crate) folder: PathBuf,
}

impl Launch {
    /// The binary that was built together with this one.
    pub(crate) fn sibling_program() -> Result<PathBuf, TargetError> {
        let own = std::env::current_exe().map_err(|cause| TargetError::Process {
            doing: "find my own executable".to_owned(),
            cause,
        })?;
        let path = own.with_file_name("cpg-switch");
        if path.is_file() {
            return Ok(path);
        }
        let profile = if cfg!(debug_assertions) {
            ""
        } else {
            " --release"
        };
        Err(TargetError::NotBuilt { path, profile })
    }

    /// Starts the switch and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Target, TargetError> {
        match self.start_with(&[])? {
            Begun::Up(target) => Ok(target),
            Begun::Ended(Ended { status, said }) => Err(TargetError::Ended { status, said }),
        }
    }

    /// As [`Launch::start`], with more options, and it may end before it is ready.
    pub(crate) fn start_with(&self, options: &[String]) -> Result<Begun, TargetError> {
        let ready_file = self.folder.join("ready.json");
        let log = self.folder.join("switch.log");
        drop(fs::remove_file(&ready_file));
        let open = || File::options().create(true).append(true).open(&log);
        let doing = || format!("start {}", self.program.display());
        let failed = |cause| TargetError::Process {
            doing: doing(),
            cause,
        };
        // It starts in another folder than ours.
        let program = self.program.canonicalize().map_err(failed)?;
        let mut command = Command::new(program);
        command
            .arg("run")
            .arg("--ready-file")
            .arg(&ready_file)
            .arg("--data")
            .arg(&self.data)
            .args(options);
        if let Some(configuration) = &self.configuration {
            command.arg("--config").arg(configuration);
        }
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(open().map_err(failed)?)
            .stderr(open().map_err(failed)?);
        let log_from = log.metadata().map_or(0, |status| status.len());
        let mut child = command.spawn().map_err(failed)?;
        let give_up = Clock.monotonic().plus_ms(START_SECONDS * 1_000);
        loop {
            let status = child.try_wait().map_err(failed)?;
            if let Some(status) = status {
                let said = said_since(&log, log_from);
                return Ok(Begun::Ended(Ended { status, said }));
            }
            if ready_file.is_file() {
                let ready = Ready::read(&ready_file)?;
                return Ok(Begun::Up(Target {
                    child,
                    log,
                    log_from,
                    ready,
                }));
            }
            if Clock.monotonic() > give_up {
                drop(child.kill());
                drop(child.wait());
                return Err(TargetError::NotReady {
                    seconds: START_SECONDS,
                    said: end_of(&log),
                });
            }
            pause();
        }
    }
}

impl Target {
    /// SIGTERM: it answers what is in flight and exits with 0.
    pub(crate) fn stop(mut self) -> Result<(), TargetError> {
        let failed = |cause| TargetError::Process {
            doing: "stop the switch".to_owned(),
            cause,
        };
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).map_err(|cause| failed(cause.into()))?;
        let give_up = Clock.monotonic().plus_ms(STOP_SECONDS * 1_000);
        loop {
            match self.child.try_wait().map_err(failed)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(TargetError::BadEnd {
                        status,
                        said: end_of(&self.log),
                    });
                }
                None if Clock.monotonic() > give_up => {
                    let cause = io::Error::from(io::ErrorKind::TimedOut);
                    return Err(failed(cause));
                }
                None => pause(),
            }
        }
    }

    /// How it has ended by itself, if it has or does within `ms`.
    pub(crate) fn ended_within(&mut self, ms: u64) -> Result<Option<Ended>, TargetError> {
        let failed = |cause| TargetError::Process {
            doing: "look after the switch".to_owned(),
            cause,
        };
        let give_up = Clock.monotonic().plus_ms(ms);
        loop {
            if let Some(status) = self.child.try_wait().map_err(failed)? {
                let said = self.said();
                return Ok(Some(Ended { status, said }));
            }
            if Clock.monotonic() >= give_up {
                return Ok(None);
            }
            pause();
        }
    }

    /// What it has said since its start.
    pub(crate) fn said(&self) -> String {
        said_since(&self.log, self.log_from)
    }

    /// SIGSTOP, or SIGCONT where `on`.
    pub(crate) fn hold(&self, on: bool) -> Result<(), TargetError> {
        let signal = if on { Signal::CONT } else { Signal::STOP };
        kill_process(Pid::from_child(&self.child), signal).map_err(|cause| TargetError::Process {
            doing: "hold the switch".to_owned(),
            cause: cause.into(),
        })
    }

    /// SIGTERM, without waiting for what comes of it.
    pub(crate) fn tell_to_end(&self) -> Result<(), TargetError> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(|cause| {
            TargetError::Process {
                doing: "tell the switch to end".to_owned(),
                cause: cause.into(),
            }
        })
    }

    /// SIGKILL, in the middle of whatever it does.
    pub(crate) fn kill(mut self) -> Result<(), TargetError> {
        let failed = |cause| TargetError::Process {
            doing: "kill the switch".to_owned(),
            cause,
        };
        self.child.kill().map_err(failed)?;
        self.child.wait().map_err(failed)?;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Where it has ended already, there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ready {
    /// For a run without a switch.
    pub(crate) fn nowhere() -> Self {
        let listener = ReadyListener {
            protocol: "sbe".to_owned(),
            framing: "sofh".to_owned(),
            address: ([127, 0, 0, 1], 0).into(),
        };
        Self {
            pid: 0,
            listeners: vec![listener],
            data: PathBuf::new(),
            commit: "none".to_owned(),
            admin: None,
            socket: None,
        }
    }

    /// Reads a ready file.
    pub(crate) fn read(path: &Path) -> Result<Self, TargetError> {
        let bad = |why: String| TargetError::BadReadyFile {
            path: path.to_owned(),
            why,
        };
        let text = fs::read(path).map_err(|cause| bad(cause.to_string()))?;
        serde_json::from_slice(&text).map_err(|cause| bad(cause.to_string()))
    }
}

/// User and system time that process `pid` has used, in microseconds; `None` where it is gone.
/// The kernel counts in hundredths of a second.
pub(crate) fn cpu_us(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces: fields count from behind its parenthesis, where the third follows.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(UTIME_AFTER_NAME);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

/// CPU time of those threads of a process that are shards, in microseconds; `None` where there is
/// none, or the kernel does not say.
pub(crate) fn shards_cpu_us(pid: u32) -> Option<u64> {
    threads_cpu(pid)?
        .shards_ns
        .map(|on_core_ns| on_core_ns / 1_000)
}

/// CPU time of the threads that a process has now, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct ThreadsCpu {
    /// Of all of them. The time of threads that have ended is missing.
    pub(crate) all_ns: u64,
    /// Of those that are shards; `None` where there is none.
    pub(crate) shards_ns: Option<u64>,
}

/// What the threads of a process have used until now; `None` where it is gone, or the kernel does
/// not say. `/proc/PID/task/TID/schedstat` begins with the nanoseconds on a core.
pub(crate) fn threads_cpu(pid: u32) -> Option<ThreadsCpu> {
    let mut found = ThreadsCpu::default();
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // A thread may end meanwhile.
        let Ok(folder) = task.map(|task| task.path()) else {
            continue;
        };
        let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let words = read("schedstat");
        let Some(Ok(on_core_ns)) = words.split(' ').next().map(str::parse::<u64>) else {
            continue;
        };
        found.all_ns += on_core_ns;
        if read("comm").starts_with(SHARD_THREAD) {
            *found.shards_ns.get_or_insert(0) += on_core_ns;
        }
    }
    (found.all_ns > 0).then_some(found)
}

fn said_since(log: &Path, from: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let own = bytes.get(from..).unwrap_or_default();
    String::from_utf8_lossy(own).into_owned()
}

pub(crate) fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    lines[from..].join("\n")
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for another process, far from any shard"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

const START_SECONDS: u64 = 60;
const STOP_SECONDS: u64 = 30;
const LOG_LINES: usize = 20;
/// How the switch calls the threads of its shards.
const SHARD_THREAD: &str = "shard-";
/// Field 14 of proc(5) `stat`; the third is the first behind the name.
const UTIME_AFTER_NAME: usize = 11;
/// USER_HZ is 100 on every architecture of Linux that we build for.
pub(crate) const TICK_US: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_of_this_process_is_found_and_of_none_is_not() {
        let mut sum = 0_u64;
        while cpu_us(std::process::id()).unwrap() == 0 {
            sum = (0..1_000_000_u64).fold(sum, |sum, value| sum ^ value.wrapping_mul(31));
        }
        assert_eq!(cpu_us(u32::MAX), None);
        assert!(sum < u64::MAX);
    }

    #[test]
    fn only_threads_of_shards_count_as_shards() {
        let own = std::process::id();
        let name = format!("{SHARD_THREAD}07");
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let mut sum = 0_u64;
            while shards_cpu_us(own).unwrap() == 0 {
                sum = (0..1_000_000_u64).fold(sum, |sum, value| sum ^ value.wrapping_mul(31));
            }
            sum
        });
        assert!(thread.unwrap().join().unwrap() < u64::MAX);
        assert_eq!(shards_cpu_us(own), None, "it has ended");
        assert_eq!(shards_cpu_us(u32::MAX), None);
    }

    #[test]
    fn a_ready_file_is_read_and_a_wrong_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let text = r#"{"pid": 7, "listeners": [{"name": "a", "protocol": "sbe",
            "framing": "sofh", "address": "127.0.0.1:7100"}], "admin": "127.0.0.1:1",
            "data": "/data", "commit": "disk"}"#;
        fs::write(&path, text).unwrap();
        let ready = Ready::read(&path).unwrap();
        assert_eq!((ready.pid, ready.listeners.len()), (7, 1));
        fs::write(&path, "{").unwrap();
        let error = Ready::read(&path).unwrap_err().to_string();
        assert!(error.contains("ready.json"), "{error}");
    }
}

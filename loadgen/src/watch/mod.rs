//! THE WATCHER: a thread of its own that looks at both processes and at the switch's metrics once
//! an interval, and tells people how the run goes. The thread that makes payments never reads
//! `/proc`, never asks over HTTP and never paints: it hands over a few words once a second.

pub(crate) mod metrics;
mod view;

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;

use cpg_switch::model::time::Monotonic;
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::error::MachineError;
use cpg_switch::sys::threads;

use crate::drive::Progress;
use crate::target::{self, Ready, ThreadsCpu};
use crate::watch::metrics::JournalCounters;
use crate::watch::view::View;

/// Whom to watch, and who is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    quiet: bool,
    admin: Option<SocketAddr>,
}

/// One look at both processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When, on the monotonic clock.
    pub(crate) at_ns: u64,
    /// What the switch's threads have used.
    pub(crate) switch: Option<ThreadsCpu>,
    /// What the generator's have.
    pub(crate) own: Option<ThreadsCpu>,
    /// The switch's journal.
    pub(crate) journal: Option<JournalCounters>,
}

/// The thread.
#[derive(Debug)]
pub(crate) struct Watcher {
    progress: SyncSender<Progress>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Watch {
    /// Nobody is told and no metrics are read.
    pub(crate) const fn nobody() -> Self {
        Self {
            quiet: true,
            admin: None,
        }
    }

    /// The switch of a ready file; people are told unless `quiet`.
    pub(crate) const fn of(ready: &Ready, quiet: bool) -> Self {
        Self {
            quiet,
            admin: ready.admin,
        }
    }

    /// Whether people are told.
    pub(crate) const fn is_told(self) -> bool {
        !self.quiet
    }

    /// Starts to look at the switch with `pid`, and at ourselves, every `interval_ms`.
    pub(crate) fn start(self, pid: Option<u32>, interval_ms: u64) -> Result<Watcher, MachineError> {
        let (progress, told) = sync_channel(TOLD_MAX);
        let thread = threads::spawn("watcher", move || {
            let mut view = View::new(self.quiet);
            let samples = watch(&told, pid, self.admin, interval_ms, &mut view);
            view.end();
            samples
        })?;
        Ok(Watcher { progress, thread })
    }
}

impl Watcher {
    /// Hands over where the run is; dropped where the watcher is behind.
    pub(crate) fn tell(&self, progress: Progress) {
        // Full: what is shown is a second old. Gone: nothing is shown.
        let _full = self.progress.try_send(progress);
    }

    /// The end: everything that was seen.
    pub(crate) fn end(self) -> Vec<Sample> {
        drop(self.progress);
        // A watcher that has panicked has said so; the run is good without its samples.
        self.thread.join().unwrap_or_default()
    }
}

fn watch(
    told: &Receiver<Progress>,
    pid: Option<u32>,
    admin: Option<SocketAddr>,
    interval_ms: u64,
    view: &mut View,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut next = Clock.monotonic();
    let mut heard: Option<Monotonic> = None;
    loop {
        let now = Clock.monotonic();
        if now >= next {
            let is_first = samples.is_empty();
            next = now.plus_ms(interval_ms);
            if samples.len() < SAMPLES_MAX || is_first {
                samples.push(look(pid, admin));
            }
        }
        let wait_ns = next.0.saturating_sub(Clock.monotonic().0);
        match told.recv_timeout(Duration::from_nanos(wait_ns)) {
            Ok(progress) => {
                heard = Some(Clock.monotonic());
                view.show(&progress);
            }
            Err(RecvTimeoutError::Timeout) => {
                let now_ns = Clock.monotonic().0;
                let silent_ns = heard.map_or(0, |heard| now_ns.saturating_sub(heard.0));
                if silent_ns > SILENT_NS {
                    view.wait(silent_ns / 1_000_000_000);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                samples.push(look(pid, admin));
                return samples;
            }
        }
    }
}

fn look(pid: Option<u32>, admin: Option<SocketAddr>) -> Sample {
    let journal = admin.and_then(metrics::journal);
    Sample {
        at_ns: Clock.monotonic().0,
        switch: pid.and_then(target::threads_cpu),
        own: target::threads_cpu(std::process::id()),
        journal,
    }
}

/// A run that is under way says something each second.
const SILENT_NS: u64 = 2_000_000_000;
/// What waits to be shown.
const TOLD_MAX: usize = 4;
/// Warm-up, measured time and settling are some hundred intervals.
const SAMPLES_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_until_it_is_told_to_end() {
        let watcher = Watch::nobody().start(Some(std::process::id()), 1).unwrap();
        let samples = watcher.end();
        // One at the start, one at the end, and between them as many as the machine lets it.
        assert!(samples.len() >= 2);
        assert!(samples.windows(2).all(|two| two[0].at_ns < two[1].at_ns));
        assert!(
            samples
                .iter()
                .all(|it| it.own.is_some_and(|own| own.all_ns > 0))
        );
        assert!(samples[0].switch.is_some() && samples[0].journal.is_none());
    }
}

//! The one place that names and starts threads.

use std::thread::{Builder, JoinHandle};

use crate::sys::cpu;
use crate::sys::error::MachineError;

/// Starts `body` on a new thread called `name` (the kernel shows its first 15 bytes). It may run
/// wherever the process may, also where the thread that starts it is pinned: a shard's core is for
/// the shard.
pub fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, MachineError> {
    let body = move || {
        // A wish: without it, the thread shares a core until it ends.
        drop(cpu::unpin_current_thread());
        body()
    };
    Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|cause| {
            MachineError::new(
                format!("starting thread {name}"),
                cause,
                "raise the limit of tasks (TasksMax, ulimit -u) or free memory",
            )
        })
}

/// As [`spawn`], for work that nobody waits for: it runs where nobody else wants to, and gives way
/// at once. Niceness alone does not do that: at 4 x 256 the thread that makes digests, nicest of
/// all, kept a neighbour waiting for 8 % of the time, and the shard behind that one idle for 12 %.
pub fn spawn_in_background<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, MachineError> {
    spawn(name, move || {
        // A wish too. Niceness is a thread's own here, in spite of its name.
        if cpu::run_current_thread_when_idle().is_err() {
            let _level = rustix::process::nice(LOWEST);
        }
        body()
    })
}

/// Of a thread in the background: whether it gives way at once, as it does from the start, or takes
/// turns with the others, the nicest of all, because somebody waits for it now.
pub fn give_way(gives_way: bool) {
    // A wish, too.
    if gives_way {
        drop(cpu::run_current_thread_when_idle());
    } else if cpu::run_current_thread_in_turn().is_ok() {
        let _level = rustix::process::nice(LOWEST);
    }
}

/// The nicest there is.
const LOWEST: i32 = 19;

/// As [`spawn`], and `body` runs on `core` alone. It is handed the result of pinning, because only
/// the new thread can pin itself: a shard must refuse to run unpinned.
pub fn spawn_pinned<T: Send + 'static>(
    name: &str,
    core: usize,
    body: impl FnOnce(Result<(), MachineError>) -> T + Send + 'static,
) -> Result<JoinHandle<T>, MachineError> {
    spawn(name, move || body(cpu::pin_current_thread(core)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_bears_its_name() {
        let thread = spawn("named", || std::thread::current().name().map(str::to_owned)).unwrap();
        assert_eq!(thread.join().unwrap().as_deref(), Some("named"));
    }

    #[test]
    fn a_thread_does_not_share_its_starters_core_nor_stand_in_its_way() {
        let process = cpu::allowed_cores().unwrap();
        let core = process[0];
        let started = spawn_pinned("starter", core, move |pinned| {
            pinned.unwrap();
            let found = || (cpu::allowed_cores().unwrap(), cpu::runs_when_idle());
            let plain = spawn("plain", found).unwrap().join().unwrap();
            let background = spawn_in_background("background", move || {
                let before = found();
                give_way(false);
                let pressed = cpu::runs_when_idle();
                give_way(true);
                (before, pressed, cpu::runs_when_idle())
            });
            (found(), plain, background.unwrap().join().unwrap())
        });
        let (starter, plain, background) = started.unwrap().join().unwrap();
        assert_eq!(starter, (vec![core], false));
        assert_eq!(plain, (process.clone(), false));
        assert_eq!(background, ((process, true), false, true));
    }

    #[test]
    fn a_pinned_thread_is_told_of_a_wrong_core() {
        let thread = spawn_pinned("pinned", 100_000, |pinned| pinned.is_err()).unwrap();
        assert!(thread.join().unwrap());
    }
}

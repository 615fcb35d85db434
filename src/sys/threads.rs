//! The one place that names and starts threads.

use std::thread::{Builder, JoinHandle};

use crate::sys::cpu;
use crate::sys::error::MachineError;

/// Starts `body` on a new thread called `name` (the kernel shows its first 15 bytes).
pub fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, MachineError> {
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

/// As [`spawn`], at the lowest priority: for work that nobody waits for.
pub fn spawn_in_background<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, MachineError> {
    spawn(name, move || {
        // Of this thread alone, in spite of its name. It is a wish.
        let _level = rustix::process::nice(LOWEST);
        body()
    })
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
    fn a_pinned_thread_is_told_of_a_wrong_core() {
        let thread = spawn_pinned("pinned", 100_000, |pinned| pinned.is_err()).unwrap();
        assert!(thread.join().unwrap());
    }
}

//! A shard's tables made present beside its start, on a thread of its own.
//!
//! Apart from `memory`, which knows no thread: models of what threads share include it.

use core::ops::Range;

use crate::sys::error::MachineError;
use crate::sys::{memory, threads};

/// As [`memory::settle`], on a thread that is pinned to no core: a start may fill the memory
/// meanwhile, and joins it before it serves.
pub fn settle_beside(
    addresses: impl Iterator<Item = Range<usize>>,
) -> Result<std::thread::JoinHandle<()>, MachineError> {
    let addresses: Vec<_> = addresses.collect();
    threads::spawn("cpg-memory", move || {
        addresses.into_iter().for_each(memory::settle);
    })
}

//! A shard's tables made present beside its start, on a thread of its own.
//!
//! Apart from `memory`, which knows no thread: models of what threads share include it.

use core::ops::Range;

use crate::sys::error::MachineError;
use crate::sys::{memory, threads};

/// As [`memory::settle`], in the order given, on a thread that is pinned to no core: a start may
/// fill the memory meanwhile, and joins it before it serves. What it fills first is huge as well:
/// that is asked for before this returns.
pub fn settle_beside(
    addresses: impl Iterator<Item = Range<usize>>,
) -> Result<std::thread::JoinHandle<()>, MachineError> {
    let addresses: Vec<_> = addresses.collect();
    addresses.iter().cloned().for_each(memory::wish_huge);
    threads::spawn("cpg-memory", move || {
        addresses.into_iter().for_each(memory::settle);
    })
}

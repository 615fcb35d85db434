//! The machine, as far as it is tried here: the switch's own files.

#[path = "../../../src/sys/doorbell.rs"]
pub mod doorbell;
#[path = "../../../src/sys/memory.rs"]
pub mod memory;
#[path = "../../../src/sys/spsc.rs"]
pub mod spsc;

//! THE MACHINE: io_uring, buffers, maps, clock, sockets, CPU pinning. All unsafe code lives here.
//!
//! It knows no stage: no message, no transaction, no record.

// What a shard asks for and what it is told: plain data.
pub mod operation;

// The ring, the links and the journal's writes of one shard.
pub mod machine;
// Whether this kernel has what the machine needs.
pub mod probe;
// How other threads wake a shard, and why no wake-up is lost.
pub mod doorbell;
pub mod wake;
// From one shard to another.
pub mod spsc;

// The two clocks.
pub mod clock;
// Counts what is allocated, for a test.
pub mod counting;
// Which core runs what.
pub mod cpu;
// What went wrong with the machine, where, and what to do.
pub mod error;
// What goes wrong on purpose, in tests alone.
pub mod faults;
// Mapped memory.
pub mod memory;
// The same, beside a start.
pub mod settling;
// The journal's files.
pub mod segments;
// Where threads start.
pub mod threads;

// Locks, directories and tmpfs.
pub mod files;
// The journal's tail.
pub mod tail;

mod buffers;
mod links;
mod ring;
mod sockets;
mod writer;

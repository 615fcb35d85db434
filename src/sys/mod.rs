//! THE MACHINE: io_uring, buffers, maps, clock, sockets, CPU pinning. All unsafe code lives here.
//!
//! It knows no stage: no message, no transaction, no record.

pub mod operation;

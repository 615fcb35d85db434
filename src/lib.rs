//! `cpg-switch`: the switch of a cross-border QR payment gateway.
//!
//! The rooms, in the order in which a payment passes them. `src/ARCHITECTURE.md` is the map.

// The words: ids, keys, money, time, messages, records.
pub mod model;

// The machine: io_uring, memory, sockets, clock; all unsafe code.
pub mod sys;

// One core and all it owns: the turn wires the rooms below together.
pub mod shard;

// Bytes <-> messages.
pub mod wire;

// Whose code.
pub mod qr;

// Who is signed on.
pub mod session;

// Where it goes.
pub mod route;

// At what rate.
pub mod fx;

// What is allowed.
pub mod guard;

// What happens to a transaction.
pub mod engine;

// What we must not forget.
pub mod journal;

// The office: configuration, admin, metrics.
pub mod control;

// The command line.
pub mod cli;

// The fake world.
pub mod sim;

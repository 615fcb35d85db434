//! What a machine is made with, how it waits, and what it counts.

use rustix::io::Errno as OsError;

use crate::sys::buffers::BUFFERS_MAX;
use crate::sys::error::MachineError;
use crate::sys::machine::{JournalConfig, SocketOptions};
use crate::sys::ring::Tag;

/// Links of one shard at most: with their operations they fit into the largest completion queue.
const LINKS_MAX: u32 = 65_536;
const _: () = assert!(LINKS_MAX < Tag::GENERATIONS);

/// Sizes and options; everything is allocated from them at the start.
#[derive(Debug)]
pub struct MachineConfig {
    /// Links at a time, 1 to 65,536. One more is accepted and closed at once.
    pub links_max: u32,
    /// Listeners over the machine's life.
    pub listeners_max: u16,
    /// Receive buffers, shared by all links: a power of two, 32,768 at most. Where they run out
    /// within one turn, receiving goes on with the next.
    pub receive_buffers: u16,
    /// Size of each, 64 bytes to 1 MiB: the most that one `Received` brings.
    pub receive_buffer_bytes: u32,
    /// Operations queued between two system calls; more cost a further call.
    pub ring_entries: u32,
    /// Options of every socket.
    pub sockets: SocketOptions,
    /// The journal, where this machine writes one.
    pub journal: Option<JournalConfig>,
}

impl Default for MachineConfig {
    /// For a thousand links and no journal: 16 MiB of receive buffers.
    fn default() -> Self {
        Self {
            links_max: 1_024,
            listeners_max: 8,
            receive_buffers: 1_024,
            receive_buffer_bytes: 16 * 1_024,
            ring_entries: 1_024,
            sockets: SocketOptions::default(),
            journal: None,
        }
    }
}

impl MachineConfig {
    pub(super) fn check(&self) -> Result<(), MachineError> {
        let buffers = self.receive_buffers;
        let rules = [
            (
                (1..=LINKS_MAX).contains(&self.links_max),
                "links_max",
                "1 to 65536",
            ),
            (
                buffers.is_power_of_two() && buffers <= BUFFERS_MAX,
                "receive_buffers",
                "a power of two, 32768 at most",
            ),
            (
                (64..=1 << 20).contains(&self.receive_buffer_bytes),
                "receive_buffer_bytes",
                "64 to 1048576",
            ),
            (
                self.journal
                    .as_ref()
                    .is_none_or(|journal| (1..=4_096).contains(&journal.writes_max)),
                "writes_max",
                "1 to 4096",
            ),
        ];
        match rules.into_iter().find(|(kept, ..)| !kept) {
            None => Ok(()),
            Some((_, name, range)) => Err(MachineError::new(
                format!("making a machine with {name} out of range"),
                OsError::INVAL,
                format!("set {name} to {range}"),
            )),
        }
    }
}

/// What of the configuration is needed after the start.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) listeners_max: usize,
    pub(super) sockets: SocketOptions,
}

impl Kept {
    pub(super) fn of(config: &MachineConfig) -> Self {
        Self {
            listeners_max: usize::from(config.listeners_max),
            sockets: config.sockets,
        }
    }
}

/// What a shard does when there is nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idle {
    /// Looks again at once: lowest latency, a whole core.
    Spin,
    /// Sleeps in the kernel.
    Park,
    /// Spins for `spin_us` microseconds after the last completion, then sleeps.
    Adaptive {
        /// How long.
        spin_us: u32,
    },
}

/// Counts since the machine was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct MachineStats {
    /// System calls into the ring.
    pub enters: u64,
    /// Those that were allowed to sleep.
    pub parks: u64,
    /// Parked neighbours woken from ring to ring.
    pub messages: u64,
    /// Parked neighbours woken otherwise, because the kernel refused the message.
    pub messages_refused: u64,
    /// What the shard asked for.
    pub submissions: u64,
    /// Completions of the ring.
    pub completions: u64,
    /// Links accepted.
    pub accepted: u64,
    /// Connections closed at once, or that could not be accepted.
    pub accept_refused: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes the kernel took for sending.
    pub sent_bytes: u64,
    /// Receives that ended because every receive buffer was in use; they were armed again.
    pub buffers_exhausted: u64,
}

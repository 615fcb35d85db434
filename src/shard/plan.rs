//! What a shard is started with: plain data, made from a checked configuration.

use core::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::{EngineLimits, Snapshot};
use crate::journal::CommitMode;
use crate::model::ids::ShardId;
use crate::model::limits::KEY_RETENTION_DAYS;
use crate::model::participant::Protocol;
use crate::session::SessionLimits;
use crate::sys::machine::{Idle, WriteFaults};
use crate::wire::Dialect;
use crate::wire::frame::Framing;

/// How long keys are remembered, at least.
pub const KEY_RETENTION_MS: u64 = KEY_RETENTION_DAYS.unsigned_abs() * 86_400_000;

/// Where participants dial.
#[derive(Clone, Debug)]
pub struct ListenerPlan {
    /// In the ready file, metrics and logs.
    pub name: String,
    /// What its links speak.
    pub protocol: Protocol,
    /// How frames are delimited.
    pub framing: Framing,
    /// Where it listens.
    pub address: core::net::SocketAddr,
    /// Largest frame, header included.
    pub frame_bytes_max: usize,
}

/// From where a participant's links may come.
pub struct Credential(pub Box<dyn Fn(IpAddr) -> bool + Send>);

impl core::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Credential")
    }
}

/// The journal of a shard.
#[derive(Clone, Debug)]
pub struct JournalPlan {
    /// The directory of all shards' journals.
    pub data: PathBuf,
    /// When a record counts as committed.
    pub commit: CommitMode,
    /// Size of the mapped tail, header included.
    pub tail_bytes: u64,
    /// Size of one segment file.
    pub segment_bytes: u64,
    /// Space that all segments may take.
    pub bytes_max: u64,
    /// Where the tail is, if not where the journal chooses.
    pub tail_dir: Option<PathBuf>,
    /// Faults to be injected, for tests.
    pub faults: WriteFaults,
}

/// One shard's start.
#[derive(Debug)]
pub struct ShardPlan {
    /// Which shard.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u16,
    /// Where participants dial.
    pub listeners: Vec<ListenerPlan>,
    /// The tables.
    pub tables: Arc<Snapshot>,
    /// By participant.
    pub dialects: Vec<Dialect>,
    /// By participant.
    pub credentials: Vec<Credential>,
    /// Bounds of the sessions.
    pub sessions: SessionLimits,
    /// Bounds of the engine.
    pub engine: EngineLimits,
    /// How long keys are remembered, at least; shorter than [`KEY_RETENTION_MS`] only where a test
    /// cannot wait.
    pub retention_ms: u64,
    /// The journal.
    pub journal: JournalPlan,
    /// The core to run on; none: wherever the system likes.
    pub core: Option<usize>,
    /// What to do while there is nothing to do.
    pub idle: Idle,
}

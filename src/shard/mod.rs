//! ONE CORE AND ALL IT OWNS: links, sessions, transactions, timers, a journal.
//!
//! [`Shard`] is pure: completions and a time go in, submissions come out ([`turn`]). It reads no
//! clock, opens no socket and starts no thread. `run` executes it on the machine; a simulator may
//! execute the same turn in a fake world. Read `turn.rs` first.

mod care;
mod carried;
mod claims;
mod codes;
mod crossing;
mod digests;
mod frames;
mod gate;
mod holds;
mod leaving;
mod librarian;
mod links;
mod mailbox;
pub mod news;
mod peers;
pub mod plan;
pub mod reshard;
mod rulings;
pub mod run;
mod send;
mod stages;
pub mod stats;
mod tended;
mod turn;
mod work;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{
    Engine, EngineLimits, GivenBack, LOOK_UPS_MAX, LookUp, ReadHolds, ReplayError, Snapshot, Told,
};
use crate::journal::keeper::Progress;
use crate::journal::{self, Journal};
use crate::model::ids::{LinkId, Lsn, MatchKey, ParticipantIndex, ShardId, TransactionNumber};
use crate::model::limits::{FRAME_BYTES_MAX, SCRATCH_BYTES};
use crate::model::record::{Opened, Record};
use crate::model::time::{DAY_NS, Date, Monotonic, Now, Wall};
use crate::session::{Care, SessionLimits, Sessions};
use crate::shard::gate::GatedFrames;
use crate::shard::holds::GIVEN_BACK_MAX;
use crate::shard::leaving::Goodbye;
use crate::shard::links::Links;
use crate::shard::news::Noted;
use crate::shard::peers::Peers;
use crate::shard::plan::{Credential, ListenerPlan};
use crate::shard::rulings::{RULINGS_MAX, Untold};
use crate::shard::send::{UNTAKEN_MAX, Untaken};
use crate::shard::stats::{Counter, Stats};
use crate::sys::operation::Submission;
use crate::wire::Dialect;

pub use crossing::{Passage, Ports};
pub use mailbox::{Command, Handed, Mailbox};
pub use rulings::{NotRuled, NotTaken, Reply, Said, WAITING_TOLD_MAX, Waits};
pub use tended::KeeperDesk;
pub use turn::TurnEnd;

/// What a shard is made of.
#[derive(Debug)]
pub struct ShardParts {
    /// Which shard.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u16,
    /// Where participants dial.
    pub listeners: Vec<ListenerPlan>,
    /// What each participant's links speak, by participant.
    pub dialects: Vec<Dialect>,
    /// Who may sign on from where, by participant.
    pub credentials: Vec<Credential>,
    /// Bounds of the sessions.
    pub sessions: SessionLimits,
    /// Payments that are open at once.
    pub in_flight_max: u32,
}

/// One shard.
#[derive(Debug)]
pub struct Shard {
    shard: ShardId,
    shards: u16,
    listeners: Vec<ListenerPlan>,
    plain: Vec<Dialect>,
    tables: Arc<Snapshot>,
    dialects: Vec<Dialect>,
    credentials: Vec<Credential>,
    sessions: Sessions,
    engine: Engine,
    journal: Journal,
    links: Links,
    gated: GatedFrames,
    /// The ends of the rings from and to every other shard, and what is known of those.
    ports: Ports,
    peers: Peers,
    /// Where a message that waits for nothing is encoded.
    free_body: Box<[u8]>,
    /// Where a code that arrived in two fields is joined, and texts are put into our character set.
    scratch: Box<[u8]>,
    cares: Vec<Care>,
    stuck: Vec<(LinkId, Counter)>,
    /// Requests of ours that nobody took, until the engine is told.
    untaken: Vec<Untaken>,
    noted: Noted,
    /// Sign-ons and requests in the name of somebody else.
    foreign_messages: u64,
    journal_full: bool,
    stats: Stats,
    draining: bool,
    /// What was said before.
    goodbye: Option<Goodbye>,
    resumed: bool,
    /// The date of this turn, which ISO 8583 dates are read against.
    today: Date,
    /// Days since 1970 of that date.
    day: u64,
    /// Drained, and the journal is being closed: nothing is heard any more.
    closing: bool,
    /// What the keeper told last.
    tended: Progress,
    /// Where the journal's segment of now ends.
    segment_end: Lsn,
    /// What is to be given back to its home, once this is committed.
    untold: VecDeque<(Lsn, ShardId, GivenBack)>,
    /// What is to be looked up in the archive, until the librarian is told.
    wanted: Vec<LookUp>,
    /// Answers to operators, once this is committed.
    ruled: VecDeque<Untold>,
    cared: Monotonic,
    published: Monotonic,
}

/// What surrounds one turn.
#[derive(Debug)]
pub struct Pass<'p> {
    /// Both clocks, read once.
    pub now: Now,
    /// The journal's tail.
    pub tail: &'p mut [u8],
    /// What the machine shall do.
    pub submissions: &'p mut Vec<Submission>,
}

/// A shard that reads its journal: it remembers, and does nothing yet.
#[derive(Debug)]
pub struct Replaying {
    engine: Engine,
    tables: Arc<Snapshot>,
    /// The last match key drawn for each participant.
    drawn: Vec<Option<MatchKey>>,
    /// Size of the journal's segments; zero: not told.
    segment_bytes: u64,
    /// Where the segment ends from which the last record came.
    segment_end: Lsn,
    /// Refund keys that are taken, where other shards are to be told.
    told: Option<Told>,
    /// What payments count for.
    read_holds: ReadHolds,
}

impl Replaying {
    /// Remembers nothing yet. `seed` is the journal's.
    pub fn new(limits: EngineLimits, tables: Arc<Snapshot>, seed: u64) -> Self {
        let drawn = vec![None; tables.participants().len()];
        let read_holds = ReadHolds::new(tables.guard().currency());
        Self {
            engine: Engine::new(limits, &tables, seed),
            tables,
            drawn,
            segment_bytes: 0,
            segment_end: Lsn(0),
            told: None,
            read_holds,
        }
    }

    /// Where its tables are, see [`Engine::memory`].
    pub fn memory(&self) -> impl Iterator<Item = core::ops::Range<usize>> {
        self.engine.memory()
    }

    /// Applies one record of an earlier run.
    pub fn apply(&mut self, entry: &journal::Entry) -> Result<(), ReplayError> {
        self.read_holds.hear(&entry.record);
        self.apply_counted(entry)
    }

    /// The same of a record that is carried: what it counts for is among what is carried of totals.
    fn apply_carried(&mut self, entry: &journal::Entry) -> Result<(), ReplayError> {
        if let Record::Total(total) = &entry.record {
            self.read_holds.carry(total);
        }
        self.apply_counted(entry)
    }

    fn apply_counted(&mut self, entry: &journal::Entry) -> Result<(), ReplayError> {
        let drawn = self
            .engine
            .replay(&entry.record, entry.wall, &self.tables)?;
        if let Some((participant, match_key)) = drawn {
            self.drawn[usize::from(participant.0)] = Some(match_key);
        }
        if let Some(told) = &mut self.told {
            told.hear(&entry.record, entry.wall);
        }
        Ok(())
    }

    /// Keys are remembered for so long, at least: five days, unless a test cannot wait.
    pub fn remember_for_ms(&mut self, retention_ms: u64) {
        self.engine.remember_for_ms(retention_ms);
    }

    /// Forgets what may be forgotten up to a number, for whoever compares what is left. `false`:
    /// not everything may be, or be carried.
    pub fn forget_through(&mut self, number: TransactionNumber, now: Wall) -> bool {
        self.engine.forget_through(number);
        let mut before = None;
        while before != Some(self.engine.forgotten()) {
            before = Some(self.engine.forgotten());
            self.engine.forget_some(now);
        }
        self.engine.forgotten() >= number
    }

    /// What was not forgotten; zero: nothing.
    pub fn carried(&self) -> &[TransactionNumber] {
        self.engine.carried()
    }

    /// What has been remembered so far, for whoever compares it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Shard {
    /// A shard that goes on where `replayed` ended.
    pub fn new(parts: ShardParts, replayed: Replaying, journal: Journal, now: Now) -> Self {
        let participants = replayed.tables.participants();
        let ids = (parts.shard, parts.shards);
        let links_max = usize::try_from(parts.sessions.links_max).expect("usize holds a u32");
        let mut sessions = Sessions::new(parts.sessions, participants, ids, journal.epoch());
        for (index, drawn) in (0_u16..).zip(&replayed.drawn) {
            if let Some(match_key) = drawn {
                sessions.restore(ParticipantIndex(index), *match_key);
            }
        }
        let plain = parts
            .listeners
            .iter()
            .map(|listener| Dialect::plain(listener.protocol));
        let mut engine = replayed.engine;
        engine.start_in_segment(journal.segment().0);
        if parts.shards > 1 {
            engine.serve_claims();
        }
        engine.serve_holds(
            parts.shards == 1,
            replayed.tables.guard().counts(),
            replayed.tables.pricing().is_some(),
        );
        Self {
            shard: parts.shard,
            shards: parts.shards,
            plain: plain.collect(),
            links: Links::new(parts.sessions.links_max),
            gated: GatedFrames::new(parts.in_flight_max),
            ports: Ports::default(),
            peers: Peers::default(),
            engine,
            tables: replayed.tables,
            listeners: parts.listeners,
            dialects: parts.dialects,
            credentials: parts.credentials,
            sessions,
            journal,
            free_body: vec![0; FRAME_BYTES_MAX].into_boxed_slice(),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            cares: Vec::with_capacity(links_max),
            stuck: Vec::with_capacity(links_max),
            untaken: Vec::with_capacity(UNTAKEN_MAX),
            noted: Noted::new(),
            foreign_messages: 0,
            journal_full: false,
            stats: Stats::default(),
            draining: false,
            goodbye: None,
            resumed: false,
            today: now.wall.date(),
            day: now.wall.0 / DAY_NS,
            closing: false,
            tended: Progress::default(),
            segment_end: Lsn(0),
            untold: VecDeque::with_capacity(GIVEN_BACK_MAX),
            wanted: Vec::with_capacity(LOOK_UPS_MAX),
            ruled: VecDeque::with_capacity(2 * RULINGS_MAX),
            cared: now.monotonic,
            published: Monotonic(0),
        }
    }

    /// The first record of this opening. Before anything else is handled.
    pub fn open_journal(&mut self, pass: &mut Pass<'_>) {
        let opened = Opened {
            epoch: self.journal.epoch(),
            shard: self.shard,
            shards: self.shards,
            table: self.tables.version(),
            table_hash: self.tables.hash(),
        };
        let record = Record::Opened(opened);
        let appended = self.journal.append(pass.tail, pass.now.wall, &record);
        self.journal_full = appended.is_err();
    }

    /// Decides by other tables from now on, between two turns. They are of the same participants,
    /// and count in the same currency: what is open goes on under them. Frees nothing: whoever
    /// handed them over still has the old ones.
    pub fn handle_tables(&mut self, handed: Handed) {
        let (old, new) = (&self.tables, &handed.0);
        assert_eq!(old.participants().len(), new.participants().len());
        assert_eq!(old.guard().currency(), new.guard().currency());
        assert_eq!(old.guard().counts(), new.guard().counts());
        assert_eq!(old.pricing().is_some(), new.pricing().is_some());
        self.tables = handed.0;
    }

    /// The version of the tables that decide.
    pub fn table_version(&self) -> u32 {
        self.tables.version().0
    }

    /// Only the journal's part of a turn, for before anybody is heard.
    pub fn tend_journal(&mut self, pass: &mut Pass<'_>) {
        self.journal.end_turn(pass.tail, pass.now, pass.submissions);
    }

    /// What happened, counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The transactions, for whoever watches.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The journal, for whoever watches.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether all that an earlier run left open has been taken up.
    pub fn has_resumed(&self) -> bool {
        self.resumed
    }

    /// Payments without an answer yet.
    pub fn open_payments(&self) -> u32 {
        self.engine.open_payments()
    }

    /// Keys that are remembered.
    pub fn remembered_keys(&self) -> usize {
        self.engine.remembered_keys()
    }

    fn dialect(&self, participant: ParticipantIndex) -> &Dialect {
        &self.dialects[usize::from(participant.0)]
    }
}

//! One shard on its thread: its journal recovered, its machine made, its loop, its end.
//!
//! ```text
//! prepare:  journal -> replay -> machine -> (told) -> peers met and heard -> listening -> (told)
//! loop:     now; completions and commands into the turn; finish it; submit; wake peers; enter
//! ```
//!
//! This is the only place where a shard meets a clock, a socket and a file.

use core::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::engine::{Claim, ToldHolds};
use crate::journal::store::{Folder, OpenShard, StoreError};
use crate::journal::{CommitMode, Journal, JournalConfig, Pace};
use crate::model::limits::{RECORD_BYTES_MAX, SHARDS_MAX};
use crate::shard::crossing::Ports;
use crate::shard::librarian::{Librarian, Shelf};
use crate::shard::mailbox::{Command, Mailbox, REPLIES_MAX};
use crate::shard::plan::ShardPlan;
use crate::shard::rulings::Reply;
use crate::shard::run::{ShardExit, StartError};
use crate::shard::stats::Counters;
use crate::shard::{Pass, Replaying, Shard, ShardParts};
use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::machine::{self, Arrivals, Idle, Machine, MachineConfig};
use crate::sys::operation::{Errno, Submission};
use crate::sys::settling::settle_beside;
use crate::sys::tail::TailMap;
use crate::sys::wake::Waker;

/// Records that a payment may still need once it is claimed: answer or unknown, reversal, its
/// answer, advice, its answer, a late answer, with room to spare.
const RECORDS_PER_PAYMENT: u64 = 8;
/// A usual record of those, in bytes; [`RECORD_BYTES_MAX`] bounds the unusual.
const OUTCOME_BYTES: u64 = 192;
const _: () = assert!(OUTCOME_BYTES < RECORD_BYTES_MAX as u64);
/// Room for what one turn may ask for: a send or a close per link, and the journal's writes.
const SUBMISSIONS: usize = 4_096;
/// Commands that may wait at once: the office's few, and the end of each peer.
const MAILBOX: usize = 16 + SHARDS_MAX as usize;

/// A shard that has recovered its journal, told to whoever started it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) notes: Vec<String>,
    pub(super) mailbox: Mailbox,
    pub(super) waker: Waker,
    pub(super) arrivals: Arrivals,
    /// Refund keys that it has read of, by the shard that owns them.
    pub(super) claims: Vec<Vec<Claim>>,
    /// What payments count for, by the shards that are home to it.
    pub(super) holds: Vec<ToldHolds>,
}

/// What a shard learns of the others before it begins.
#[derive(Debug)]
pub(super) struct Neighbours {
    /// Of every shard, by number.
    pub(super) wakers: Vec<Waker>,
    /// Of every other shard, where this one accepts connections for all.
    pub(super) arrivals: Vec<Arrivals>,
    /// Refund keys of this shard that are taken, as each shard has read.
    pub(super) claims: Vec<Vec<Claim>>,
    /// What is counted here, as each shard has read.
    pub(super) holds: Vec<ToldHolds>,
}

/// A shard with its machine.
pub(super) struct Worker {
    shard: Shard,
    machine: Machine,
    tail: TailMap,
    clock: Clock,
    commands: Arc<ArrayQueue<Command>>,
    /// To the office.
    replies: Arc<ArrayQueue<Reply>>,
    librarian: Librarian,
    /// Holds the data directory's lock for as long as a shard writes.
    folder: Arc<Folder>,
}

impl Worker {
    /// Recovers the shard's journal and makes its machine.
    pub(super) fn prepare(
        plan: ShardPlan,
        folder: Arc<Folder>,
        ports: Ports,
    ) -> Result<(Self, Prepared), StartError> {
        let clock = Clock;
        let mut replayed = Replaying::new(plan.engine, Arc::clone(&plan.tables), folder.seed());
        replayed.remember_for_ms(plan.retention_ms);
        if plan.shards > 1 {
            replayed.gather_claims(clock.now().wall.date());
        }
        let settling = settle_beside(replayed.memory())?;
        let mut failed = None;
        let opened = folder.open_shard_digested(plan.shard, |piece| {
            if failed.is_none() {
                failed = replayed.apply_piece(piece).err();
            }
        });
        let mut open = opened.map_err(StartError::Journal)?;
        settling.join().expect("it does nothing that can fail");
        if let Some(error) = failed {
            return Err(StartError::Replay(error));
        }
        let notes = notes(&open);
        let mut machine = Machine::new(machine_config(&plan, &open)?)?;
        for (segment, file) in core::mem::take(&mut open.segments) {
            machine.adopt_segment(segment, file);
        }
        let mut journal = Journal::new(journal_config(&plan, &open), open.start);
        journal.start_tail(&mut open.tail);
        let parts = ShardParts {
            shard: plan.shard,
            shards: plan.shards,
            listeners: plan.listeners,
            dialects: plan.dialects,
            credentials: plan.credentials,
            sessions: plan.sessions,
            in_flight_max: plan.engine.in_flight_max,
        };
        let commands = Arc::new(ArrayQueue::new(MAILBOX));
        let replies = Arc::new(ArrayQueue::new(REPLIES_MAX));
        let prepared = Prepared {
            notes,
            mailbox: Mailbox::new(Arc::clone(&commands), Arc::clone(&replies), machine.waker()),
            waker: machine.waker(),
            arrivals: machine.arrivals(),
            claims: replayed.take_claims(plan.shards),
            holds: replayed.take_holds(plan.shards),
        };
        let librarian = Librarian::start(
            Shelf {
                data: plan.journal.data.clone(),
                identity: open.identity,
                segment_bytes: open.segment_bytes,
                given_up: open.base.first - 1,
                tables: plan.tables,
            },
            machine.waker(),
        )?;
        let mut shard = Shard::new(parts, replayed, journal, clock.now());
        shard.connect(ports);
        shard.serve_look_ups();
        let mut worker = Self {
            shard,
            machine,
            tail: open.tail,
            clock,
            commands,
            replies,
            librarian,
            folder,
        };
        worker.open_journal(&plan.journal.data, plan.journal.commit)?;
        Ok((worker, prepared))
    }

    /// Writes the first record and waits for a segment that takes it: a disk without room is told
    /// now, not to the first participant. In mode `memory` it waits until the record is on the
    /// disk: then a later start sees that something may have been lost with the power, however soon
    /// that failed. (A write that fails fences the shard, and its loop tells.)
    fn open_journal(&mut self, data: &Path, mode: CommitMode) -> Result<(), StartError> {
        let mut submissions = Vec::with_capacity(SUBMISSIONS);
        let (shard, machine) = (&mut self.shard, &mut self.machine);
        let tail: &mut [u8] = &mut self.tail;
        let mut opened = None;
        loop {
            let now = self.clock.now();
            let mut pass = Pass {
                now,
                tail,
                submissions: &mut submissions,
            };
            let end = *opened.get_or_insert_with(|| {
                shard.open_journal(&mut pass);
                shard.journal().appended()
            });
            machine.drain(|completion| shard.handle(completion, &mut pass));
            shard.tend_journal(&mut pass);
            machine.submit(&mut submissions);
            let journal = shard.journal();
            let is_written = journal.durable() >= end || journal.fence().is_some();
            match mode {
                CommitMode::Disk if journal.has_segment() => return Ok(()),
                CommitMode::Memory if is_written => {
                    return self.folder.sync().map_err(StartError::Journal);
                }
                CommitMode::Disk | CommitMode::Memory => {}
            }
            if let Some(errno) = shard.journal().segment_failing() {
                return Err(StartError::Journal(no_segment(data, errno)));
            }
            let until = shard.journal().next_deadline();
            machine.enter(Idle::Park, until, now.monotonic)?;
        }
    }

    /// Meets the others, and hears what they have read of this shard's refund keys and totals.
    pub(super) fn meet(&mut self, neighbours: Neighbours) {
        for claims in &neighbours.claims {
            self.shard.tell_claims(claims);
        }
        for holds in &neighbours.holds {
            self.shard.tell_holds(holds);
        }
        self.machine.deal_to(neighbours.arrivals);
        self.machine.meet(neighbours.wakers);
    }

    /// Listens; returns names and addresses in the order of the plan.
    pub(super) fn listen(&mut self) -> Result<Vec<(String, SocketAddr)>, MachineError> {
        let mut bound = Vec::with_capacity(self.shard.listeners.len());
        for listener in &self.shard.listeners {
            let (_, address) = self.machine.listen(listener.address)?;
            bound.push((listener.name.clone(), address));
        }
        Ok(bound)
    }

    /// The shard's loop. It ends when the shard is drained, told to stop, or cannot go on.
    pub(super) fn run(&mut self, idle: Idle, counters: &Counters) -> ShardExit {
        let mut submissions: Vec<Submission> = Vec::with_capacity(SUBMISSIONS);
        let (shard, machine) = (&mut self.shard, &mut self.machine);
        let tail: &mut [u8] = &mut self.tail;
        counters.set_tables(shard.table_version());
        loop {
            let now = self.clock.now();
            let mut pass = Pass {
                now,
                tail,
                submissions: &mut submissions,
            };
            machine.drain(|completion| shard.handle(completion, &mut pass));
            while let Some(command) = self.commands.pop() {
                match command {
                    Command::Drain => {
                        machine.stop_listening();
                        shard.say_goodbye(&mut pass);
                    }
                    Command::SignOffWith(it) => shard.sign_off_with(it, &mut pass),
                    Command::EndLinksOf(it) => shard.end_links_of(it, &mut pass),
                    Command::PeerEnded(peer) => shard.handle_peer_ended(peer),
                    Command::Tables(handed) => {
                        shard.handle_tables(handed);
                        counters.set_tables(shard.table_version());
                    }
                    Command::Stop => return ShardExit::Stopped,
                    Command::Tended(tended) => shard.handle_tended(tended),
                    Command::SayWaiting(ticket) => {
                        shard.say_waiting(ticket, &pass, &self.replies);
                    }
                    Command::Rule(ticket, ruled) => {
                        shard.handle_ruling(ticket, &ruled, &mut pass);
                    }
                }
            }
            // Asking a queue costs more than asking whether anything is expected of it.
            while shard.expects_look_ups()
                && let Some((id, found)) = self.librarian.found()
            {
                shard.handle_looked_up(id, &found, &mut pass);
            }
            let end = shard.finish(&mut pass);
            while let Some(reply) = shard.told_ruling() {
                self.replies.force_push(reply);
            }
            for wanted in shard.wanted() {
                self.librarian.ask(wanted);
            }
            if end.publish {
                shard.publish(counters);
                counters.set_health(shard.health());
            }
            machine.submit(&mut submissions);
            wake(machine, end.wake);
            if let Some(exit) = stopped(shard) {
                return exit;
            }
            if end.done {
                // Everything is in the segments, and they say so. In memory mode they may still be
                // on their way to the disk: then the tail has done its work only once they are.
                // That removing it can fail changes nothing, the next start ignores it.
                if self.folder.sync().is_ok() {
                    drop(std::fs::remove_file(self.tail.path()));
                }
                return ShardExit::Drained;
            }
            shard.note_turn(now.monotonic, self.clock.monotonic());
            if let Err(error) = machine.enter(idle, end.until, now.monotonic) {
                return ShardExit::Machine(error);
            }
        }
    }

    /// Shows what was counted last.
    pub(super) fn publish(&mut self, counters: &Counters) {
        self.shard.count_all();
        self.shard.publish(counters);
    }
}

/// The first segment cannot be made.
fn no_segment(data: &Path, errno: Errno) -> StoreError {
    let cause = std::io::Error::from_raw_os_error(errno.0);
    StoreError::Refused {
        path: data.to_owned(),
        what: format!("there is no room for the journal's next segment: {cause}"),
        remedy: "free space on that file system, or make `journal.segment_bytes` smaller",
    }
}

/// Taps every shard of the set on the shoulder.
fn wake(machine: &mut Machine, mut set: u64) {
    while set != 0 {
        let lowest = usize::try_from(set.trailing_zeros()).expect("less than 64");
        set &= set - 1;
        machine.wake(lowest);
    }
}

/// Why the shard cannot go on, if it cannot.
fn stopped(shard: &Shard) -> Option<ShardExit> {
    if let Some(fence) = shard.journal().fence() {
        return Some(ShardExit::Fenced(format!(
            "segment {} could not be written at LSN {}: {}",
            fence.segment,
            fence.lsn.0,
            std::io::Error::from_raw_os_error(fence.errno.0)
        )));
    }
    shard.is_journal_full().then_some(ShardExit::Full)
}

fn journal_config(plan: &ShardPlan, open: &OpenShard) -> JournalConfig {
    let wanted = u64::from(plan.engine.in_flight_max) * RECORDS_PER_PAYMENT * OUTCOME_BYTES;
    JournalConfig {
        identity: open.identity,
        mode: plan.journal.commit,
        ring_bytes: open.ring_bytes,
        segment_bytes: open.segment_bytes,
        segments_max: open.base.first - 1 + (plan.journal.bytes_max / open.segment_bytes).max(1),
        // A small tail cannot keep room for a full house; then the house is smaller.
        reserve_bytes: wanted.min(open.ring_bytes / 2),
        pace: match plan.journal.commit {
            CommitMode::Disk => Pace::DISK,
            CommitMode::Memory => Pace::MEMORY,
        },
    }
}

fn machine_config(plan: &ShardPlan, open: &OpenShard) -> Result<MachineConfig, MachineError> {
    let defaults = MachineConfig::default();
    Ok(MachineConfig {
        links_max: plan.sessions.links_max,
        listeners_max: u16::try_from(plan.listeners.len())
            .unwrap_or(u16::MAX)
            .max(1),
        journal: Some(machine::JournalConfig {
            tail: open.tail.view()?,
            plan: open.plan.clone(),
            synchronous: plan.journal.commit == CommitMode::Disk,
            writes_max: 64,
            faults: plan.journal.faults,
        }),
        ..defaults
    })
}

/// What people should know about how the journal was found.
fn notes(open: &OpenShard) -> Vec<String> {
    let report = &open.report;
    let found = format!(
        "journal of shard {} from segment {} on: {} records ({} from {} digests, {} from the \
         tail), epoch {}",
        open.identity.shard.0,
        open.base.first,
        report.records,
        report.digest_records,
        report.digests,
        report.tail_records,
        open.start.epoch.0
    );
    let warnings = open.warnings.iter().map(ToString::to_string);
    core::iter::once(found).chain(warnings).collect()
}

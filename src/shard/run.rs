//! Executes a shard on the machine: its thread, its loop, its end.
//!
//! ```text
//! loop { now; drain completions into the turn; commands; finish the turn; submit; enter the ring }
//! ```
//!
//! This is the only place where a shard meets a clock, a socket and a file.

use core::fmt;
use core::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use crossbeam_queue::ArrayQueue;

use crate::engine::ReplayError;
use crate::journal::store::{Folder, OpenShard, StoreError, StoreOptions};
use crate::journal::{CommitMode, Journal, JournalConfig, Pace};
use crate::model::ids::ShardId;
use crate::model::limits::RECORD_BYTES_MAX;
use crate::shard::mailbox::{Command, Mailbox};
use crate::shard::plan::{JournalPlan, ShardPlan};
use crate::shard::stats::{Counters, Health};
use crate::shard::{Pass, Replaying, Shard, ShardParts};
use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::machine::{self, Idle, Machine, MachineConfig};
use crate::sys::operation::Submission;
use crate::sys::tail::TailMap;
use crate::sys::{cpu, memory, threads};

/// How long a start waits for the writes of a killed predecessor.
const LOCK_WAIT_MS: u64 = 10_000;
/// Records that a payment may still need once it is claimed: answer or unknown, reversal, its
/// answer, advice, its answer, a late answer, with room to spare.
const RECORDS_PER_PAYMENT: u64 = 8;
/// A usual record of those, in bytes; [`RECORD_BYTES_MAX`] bounds the unusual.
const OUTCOME_BYTES: u64 = 192;
const _: () = assert!(OUTCOME_BYTES < RECORD_BYTES_MAX as u64);
/// Commands that may wait at once.
const MAILBOX: usize = 16;

/// Why a shard does not start.
#[derive(Debug)]
pub enum StartError {
    /// The system lacks something: the message says what to do.
    Environment(MachineError),
    /// The journal cannot be used: the message says where and what to do.
    Journal(StoreError),
    /// The journal's records contradict each other.
    Replay(ReplayError),
    /// The shard's thread ended before it was ready.
    Gone,
}

impl StartError {
    /// Whether data is damaged, rather than the environment unfit.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Environment(_) | Self::Gone => false,
            Self::Journal(error) => matches!(error, StoreError::Damaged { .. }),
            Self::Replay(_) => true,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(error) => write!(formatter, "{error}"),
            Self::Journal(error) => write!(formatter, "{error}"),
            Self::Replay(error) => write!(
                formatter,
                "the journal cannot be replayed: {error}; run `cpg-switch journal verify`, and \
                 keep a copy of the directory"
            ),
            Self::Gone => formatter.write_str("the shard's thread ended before it was ready"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<MachineError> for StartError {
    fn from(error: MachineError) -> Self {
        Self::Environment(error)
    }
}

/// How a shard ended.
#[derive(Debug)]
pub enum ShardExit {
    /// Everything in flight was answered, everything written.
    Drained,
    /// It was told to stop at once; what was open is resolved at the next start.
    Stopped,
    /// A write of the journal failed. Nothing was approved since; restart resolves what was open.
    Fenced(String),
    /// The journal is full beyond its reserve.
    Full,
    /// The ring failed.
    Machine(MachineError),
}

/// A shard at work.
#[derive(Debug)]
pub struct RunningShard {
    /// Names and addresses, in the order of the plan.
    pub listeners: Vec<(String, SocketAddr)>,
    /// What is to be told to people about the start.
    pub notes: Vec<String>,
    /// What it counts.
    pub counters: Arc<Counters>,
    /// Where commands go.
    pub mailbox: Mailbox,
    thread: JoinHandle<ShardExit>,
}

impl RunningShard {
    /// Waits for its end.
    pub fn join(self) -> ShardExit {
        self.thread
            .join()
            .unwrap_or_else(|_| ShardExit::Fenced("the shard panicked".to_owned()))
    }
}

/// What the shard's thread tells when it is ready.
struct Ready {
    listeners: Vec<(String, SocketAddr)>,
    notes: Vec<String>,
    mailbox: Mailbox,
}

/// Starts the only shard: recovers its journal, listens, serves. Returns once it is ready.
pub fn start(plan: ShardPlan) -> Result<RunningShard, StartError> {
    let counters = Arc::new(Counters::default());
    let (tell, told) = mpsc::sync_channel(1);
    let (shared, core) = (Arc::clone(&counters), plan.core);
    let body = move || match core.map_or(Ok(()), cpu::pin_current_thread) {
        Ok(()) => serve(plan, &shared, &tell),
        Err(error) => {
            drop(tell.send(Err(error.into())));
            ShardExit::Stopped
        }
    };
    let thread = threads::spawn("shard-00", body)?;
    let Ready {
        listeners,
        notes,
        mailbox,
    } = told.recv().map_err(|_| StartError::Gone)??;
    Ok(RunningShard {
        listeners,
        notes,
        counters,
        mailbox,
        thread,
    })
}

fn serve(
    plan: ShardPlan,
    counters: &Counters,
    tell: &mpsc::SyncSender<Result<Ready, StartError>>,
) -> ShardExit {
    let idle = plan.idle;
    match Worker::prepare(plan) {
        Err(error) => {
            drop(tell.send(Err(error)));
            ShardExit::Stopped
        }
        Ok((mut worker, ready)) => {
            counters.set_health(Health::Serving);
            drop(tell.send(Ok(ready)));
            let exit = worker.run(idle, counters);
            counters.set_health(Health::Ended);
            worker.shard.count_all();
            counters.publish(worker.shard.stats());
            exit
        }
    }
}

/// A shard with its machine.
struct Worker {
    shard: Shard,
    machine: Machine,
    tail: TailMap,
    clock: Clock,
    commands: Arc<ArrayQueue<Command>>,
    /// Holds the data directory's lock for as long as the shard writes.
    folder: Folder,
}

impl Worker {
    fn prepare(plan: ShardPlan) -> Result<(Self, Ready), StartError> {
        let clock = Clock;
        let folder = Folder::open(store_options(&plan.journal)).map_err(StartError::Journal)?;
        let mut replayed = Replaying::new(plan.engine, Arc::clone(&plan.tables), folder.seed());
        replayed.memory().for_each(memory::settle);
        let mut failed = None;
        let shard = ShardId(0);
        let opened = folder.open_shard(shard, |entry| {
            if failed.is_none() {
                failed = replayed.apply(&entry).err();
            }
        });
        let mut open = opened.map_err(StartError::Journal)?;
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
        let mut listeners = Vec::with_capacity(plan.listeners.len());
        for listener in &plan.listeners {
            let (_, address) = machine.listen(listener.address)?;
            listeners.push((listener.name.clone(), address));
        }
        let parts = ShardParts {
            shard,
            shards: 1,
            listeners: plan.listeners,
            dialects: plan.dialects,
            credentials: plan.credentials,
            sessions: plan.sessions,
            in_flight_max: plan.engine.in_flight_max,
        };
        let commands = Arc::new(ArrayQueue::new(MAILBOX));
        let mailbox = Mailbox::new(Arc::clone(&commands), machine.waker());
        let now = clock.now();
        let shard = Shard::new(parts, replayed, journal, now);
        let tail = open.tail;
        let worker = Self {
            shard,
            machine,
            tail,
            clock,
            commands,
            folder,
        };
        Ok((
            worker,
            Ready {
                listeners,
                notes,
                mailbox,
            },
        ))
    }

    /// The shard's loop. It ends when the shard is drained, told to stop, or cannot go on.
    fn run(&mut self, idle: Idle, counters: &Counters) -> ShardExit {
        // Room for what one turn may ask for: a send or a close per link, and the journal's writes.
        let mut submissions: Vec<Submission> = Vec::with_capacity(4_096);
        let (shard, machine) = (&mut self.shard, &mut self.machine);
        let tail: &mut [u8] = &mut self.tail;
        let now = self.clock.now();
        shard.open_journal(&mut Pass {
            now,
            tail,
            submissions: &mut submissions,
        });
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
                        shard.drain();
                    }
                    Command::Stop => return ShardExit::Stopped,
                }
            }
            let end = shard.finish(&mut pass);
            if end.publish {
                counters.publish(shard.stats());
                counters.set_health(shard.health());
            }
            machine.submit(&mut submissions);
            if let Some(fence) = shard.journal().fence() {
                return ShardExit::Fenced(format!(
                    "segment {} could not be written at LSN {}: {}",
                    fence.segment,
                    fence.lsn.0,
                    std::io::Error::from_raw_os_error(fence.errno.0)
                ));
            }
            if shard.is_journal_full() {
                return ShardExit::Full;
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
            if let Err(error) = machine.enter(idle, end.until, now.monotonic) {
                return ShardExit::Machine(error);
            }
        }
    }
}

fn store_options(plan: &JournalPlan) -> StoreOptions {
    StoreOptions {
        data: plan.data.clone(),
        shards: 1,
        tail_bytes: plan.tail_bytes,
        segment_bytes: plan.segment_bytes,
        tail_dir: plan.tail_dir.clone(),
        zero_fill: plan.commit == CommitMode::Disk,
        lock_wait_ms: LOCK_WAIT_MS,
    }
}

fn journal_config(plan: &ShardPlan, open: &OpenShard) -> JournalConfig {
    let wanted = u64::from(plan.engine.in_flight_max) * RECORDS_PER_PAYMENT * OUTCOME_BYTES;
    JournalConfig {
        identity: open.identity,
        mode: plan.journal.commit,
        ring_bytes: open.ring_bytes,
        segment_bytes: open.segment_bytes,
        segments_max: (plan.journal.bytes_max / open.segment_bytes).max(1),
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
        "journal of {} records ({} from the surviving tail), epoch {}",
        report.records, report.tail_records, open.start.epoch.0
    );
    let warnings = open.warnings.iter().map(ToString::to_string);
    core::iter::once(found).chain(warnings).collect()
}

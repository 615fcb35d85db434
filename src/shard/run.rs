//! Starts the shards of a switch, each on its thread, and waits for their end.
//!
//! ```text
//! folder locked -> each shard recovers, all at once -> they meet, and tell each other which refund
//! keys are taken (`engine/claims.rs`) and what payers have paid (`engine/holds.rs`) -> the first
//! one listens for all
//! ```
//!
//! One shard that cannot go on ends the switch, but not at once: the others answer what is in
//! flight first, and refuse what it owned.

use core::fmt;
use core::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use crate::engine::ReplayError;
use crate::journal::CommitMode;
use crate::journal::store::{Folder, StoreError, StoreOptions};
use crate::model::ids::ShardId;
use crate::shard::crossing::Ports;
use crate::shard::mailbox::{Command, Mailbox};
use crate::shard::plan::{JournalPlan, ShardPlan};
use crate::shard::stats::{Counters, Health};
use crate::shard::work::{Neighbours, Prepared, Worker};
use crate::sys::error::MachineError;
use crate::sys::{cpu, threads};

/// How long a start waits for the writes of a killed predecessor.
const LOCK_WAIT_MS: u64 = 10_000;

/// Why a switch does not start.
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

/// All shards of a switch, at work.
#[derive(Debug)]
pub struct RunningShards {
    /// Names and addresses, in the order of the plan.
    pub listeners: Vec<(String, SocketAddr)>,
    /// What is to be told to people about the start.
    pub notes: Vec<String>,
    /// What each shard counts.
    pub counters: Vec<Arc<Counters>>,
    /// Where each shard's commands go.
    pub mailboxes: Vec<Mailbox>,
    /// Locked, until the last who works in it has let go.
    pub(super) folder: Arc<Folder>,
    threads: Vec<JoinHandle<()>>,
    exits: mpsc::Receiver<(ShardId, ShardExit)>,
}

impl RunningShards {
    /// Waits for the end of all, and says how the first ended that did not drain. Where one cannot
    /// go on, the others are told, and drain.
    pub fn join(self) -> (ShardId, ShardExit) {
        let mut alive: Vec<bool> = vec![true; self.threads.len()];
        let mut told = None;
        while alive.contains(&true) {
            let (shard, exit) = self.exits.recv().expect("every thread tells its end");
            alive[usize::from(shard.0)] = false;
            let failed = !matches!(exit, ShardExit::Drained);
            let known = matches!(&told, Some((_, exit)) if !matches!(exit, ShardExit::Drained));
            if failed {
                let others = self.mailboxes.iter().zip(&alive);
                for (mailbox, _) in others.filter(|(_, alive)| **alive) {
                    let sent = mailbox.send(Command::PeerEnded(shard))
                        && (known || mailbox.send(Command::Drain));
                    debug_assert!(sent, "mailboxes have room for the end of each peer");
                }
            }
            if !known {
                told = Some((shard, exit));
            }
        }
        for thread in self.threads {
            // A panic was told as the shard's end.
            drop(thread.join());
        }
        told.expect("a switch has a shard")
    }
}

/// A shard's thread tells its end, also where it ends by a panic.
struct TellEnd {
    shard: ShardId,
    exit: ShardExit,
    tell: mpsc::Sender<(ShardId, ShardExit)>,
}

impl Drop for TellEnd {
    fn drop(&mut self) {
        let exit = core::mem::replace(&mut self.exit, ShardExit::Stopped);
        // Nobody listens where the start was given up.
        drop(self.tell.send((self.shard, exit)));
    }
}

/// A shard's thread, until it begins.
struct Starting {
    counters: Arc<Counters>,
    prepared: mpsc::Receiver<Result<Prepared, StartError>>,
    /// Dropped: the start is given up.
    begin: mpsc::SyncSender<Neighbours>,
    listening: mpsc::Receiver<Result<Vec<(String, SocketAddr)>, MachineError>>,
    thread: JoinHandle<()>,
}

/// The shard's ends of those channels.
struct Reports {
    prepared: mpsc::SyncSender<Result<Prepared, StartError>>,
    begin: mpsc::Receiver<Neighbours>,
    listening: mpsc::SyncSender<Result<Vec<(String, SocketAddr)>, MachineError>>,
}

/// Starts every shard: recovers their journals, listens, serves. Returns once all are ready.
///
/// # Panics
///
/// Where `plans` is empty or not in order.
pub fn start(plans: Vec<ShardPlan>) -> Result<RunningShards, StartError> {
    let count = u16::try_from(plans.len()).expect("as many shards as there can be");
    let first = plans.first().expect("a switch has a shard");
    let folder = Folder::open(store_options(&first.journal, count)).map_err(StartError::Journal)?;
    let folder = Arc::new(folder);
    let mesh = Ports::mesh(count).map_err(|cause| {
        let remedy = "use fewer shards, or free memory";
        MachineError::new("making the rings between shards", cause, remedy)
    })?;
    let (tell, exits) = mpsc::channel();
    let mut starting = Vec::with_capacity(plans.len());
    for ((expected, plan), ports) in (0..count).zip(plans).zip(mesh) {
        assert_eq!((plan.shard.0, plan.shards), (expected, count), "in order");
        starting.push(spawn(plan, &folder, ports, tell.clone())?);
    }
    let prepared: Result<Vec<Prepared>, StartError> = starting
        .iter()
        .map(|shard| shard.prepared.recv().map_err(|_| StartError::Gone)?)
        .collect();
    let mut prepared = prepared?;
    let wakers: Vec<_> = prepared.iter().map(|shard| shard.waker.clone()).collect();
    let mut claims = by_owner(&mut prepared, |shard| core::mem::take(&mut shard.claims));
    let mut holds = by_owner(&mut prepared, |shard| core::mem::take(&mut shard.holds));
    let mut listeners = Vec::new();
    for (index, shard) in starting.iter().enumerate().rev() {
        // The first one listens for all, once all others are there.
        let others = if index == 0 { &prepared[1..] } else { &[] };
        let neighbours = Neighbours {
            wakers: wakers.clone(),
            arrivals: others.iter().map(|other| other.arrivals.clone()).collect(),
            claims: claims.pop().expect("one part for each shard"),
            holds: holds.pop().expect("one part for each shard"),
        };
        shard.begin.send(neighbours).map_err(|_| StartError::Gone)?;
        listeners = shard.listening.recv().map_err(|_| StartError::Gone)??;
    }
    let notes = prepared.iter().flat_map(|shard| shard.notes.clone());
    Ok(RunningShards {
        listeners,
        notes: notes.collect(),
        counters: starting
            .iter()
            .map(|shard| Arc::clone(&shard.counters))
            .collect(),
        mailboxes: prepared.iter().map(|shard| shard.mailbox.clone()).collect(),
        folder,
        threads: starting.into_iter().map(|shard| shard.thread).collect(),
        exits,
    })
}

/// What all shards have read of each one's refund keys, or totals, in the order of the shards.
fn by_owner<T: Clone>(
    prepared: &mut [Prepared],
    read: impl Fn(&mut Prepared) -> Vec<T>,
) -> Vec<Vec<T>> {
    let mut all = vec![Vec::new(); prepared.len()];
    for shard in prepared {
        for (owner, part) in all.iter_mut().zip(read(shard)) {
            owner.push(part);
        }
    }
    all
}

fn spawn(
    plan: ShardPlan,
    folder: &Arc<Folder>,
    ports: Ports,
    tell: mpsc::Sender<(ShardId, ShardExit)>,
) -> Result<Starting, StartError> {
    let counters = Arc::new(Counters::new(plan.tables.participants().len()));
    let (prepare, prepared) = mpsc::sync_channel(1);
    let (begin, begun) = mpsc::sync_channel(1);
    let (listen, listening) = mpsc::sync_channel(1);
    let reports = Reports {
        prepared: prepare,
        begin: begun,
        listening: listen,
    };
    let (shared, folder) = (Arc::clone(&counters), Arc::clone(folder));
    let name = format!("shard-{:02}", plan.shard.0);
    let body = move || {
        let mut end = TellEnd {
            shard: plan.shard,
            exit: ShardExit::Fenced("the shard panicked".to_owned()),
            tell,
        };
        end.exit = match plan.core.map_or(Ok(()), cpu::pin_current_thread) {
            Ok(()) => serve(plan, folder, ports, &shared, &reports),
            Err(error) => {
                drop(reports.prepared.send(Err(error.into())));
                ShardExit::Stopped
            }
        };
    };
    let thread = threads::spawn(&name, body)?;
    Ok(Starting {
        counters,
        prepared,
        begin,
        listening,
        thread,
    })
}

fn serve(
    plan: ShardPlan,
    folder: Arc<Folder>,
    ports: Ports,
    counters: &Counters,
    reports: &Reports,
) -> ShardExit {
    let (idle, accepts) = (plan.idle, plan.shard == ShardId(0));
    let mut worker = match Worker::prepare(plan, folder, ports) {
        Err(error) => {
            drop(reports.prepared.send(Err(error)));
            return ShardExit::Stopped;
        }
        Ok((worker, prepared)) => {
            drop(reports.prepared.send(Ok(prepared)));
            worker
        }
    };
    let Ok(neighbours) = reports.begin.recv() else {
        return ShardExit::Stopped;
    };
    worker.meet(neighbours);
    let listening = if accepts {
        worker.listen()
    } else {
        Ok(Vec::new())
    };
    let good = listening.is_ok();
    counters.set_health(Health::Serving);
    drop(reports.listening.send(listening));
    if !good {
        return ShardExit::Stopped;
    }
    let exit = worker.run(idle, counters);
    counters.set_health(match exit {
        ShardExit::Fenced(_) => Health::Fenced,
        ShardExit::Full => Health::Full,
        ShardExit::Drained | ShardExit::Stopped | ShardExit::Machine(_) => Health::Ended,
    });
    worker.publish(counters);
    exit
}

fn store_options(plan: &JournalPlan, shards: u16) -> StoreOptions {
    StoreOptions {
        data: plan.data.clone(),
        shards,
        tail_bytes: plan.tail_bytes,
        segment_bytes: plan.segment_bytes,
        tail_dir: plan.tail_dir.clone(),
        zero_fill: plan.commit == CommitMode::Disk,
        lock_wait_ms: LOCK_WAIT_MS,
    }
}

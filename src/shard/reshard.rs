//! A journal for another number of shards: every transaction moves to its new owner, with its whole
//! history, and nothing else changes.
//!
//! ```text
//! read all (whole? which epoch?) -> merge by time -> number anew -> write -> read again, compare
//! ```
//!
//! Offline: no switch has either folder open. The old folder is read and never changed. The new one
//! is written by the real journal, with the old one's seed, so that repeats are still recognised,
//! and with a later epoch, so that no match key is drawn again. What is open stays open: the next
//! start resolves it as after any restart.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use hashbrown::HashMap;

use crate::journal::codec::{encode, record_bytes};
use crate::journal::layout::check_records;
use crate::journal::read_only::{ReadOnlyFolder, ShardReading};
use crate::journal::store::{Folder, StoreError, StoreOptions};
use crate::journal::{CommitMode, Entry, Full, Journal, JournalConfig, Pace};
use crate::model::ids::{Epoch, ShardId, TransactionNumber};
use crate::model::limits::RECORD_BYTES_MAX;
use crate::model::record::{Opened, Record};
use crate::model::time::{Now, Wall};
use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::files::lock_path;
use crate::sys::machine::{self, Idle, Machine, MachineConfig};
use crate::sys::operation::{Completion, Submission};
use crate::sys::tail::TailMap;
use crate::sys::threads;

/// Entries that a reader hands over at once, and how often before they are taken.
const BATCH: usize = 1_024;
const BATCHES: usize = 4;
/// The tail of a shard that is written.
const TAIL_BYTES: u64 = 16 << 20;
/// Records between two looks at the disk.
const RECORDS_PER_TURN: u64 = 256;
/// How long to wait for one write.
const WRITE_MS: u64 = 60_000;

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resharded {
    /// Shards of the old journal.
    pub before: u16,
    /// Shards of the new one.
    pub after: u16,
    /// Transactions, each with its whole history.
    pub transactions: u64,
    /// Their records.
    pub records: u64,
}

/// Why there is no new journal; what was written of it is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ReshardError {
    /// A folder cannot be read, made or locked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine does not let it.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The old journal names a transaction that it never began.
    #[error(
        "shard {shard}: a record \"{record}\" at LSN {lsn} names transaction {number}, which \
             no record begins"
    )]
    Unclaimed {
        /// Of the old journal.
        shard: u16,
        /// Its kind.
        record: &'static str,
        /// Where.
        lsn: u64,
        /// Which.
        number: u64,
    },
    /// What was written cannot be read back as it was.
    #[error("the new journal does not hold what the old one does: {0}")]
    Differs(&'static str),
    /// A write failed.
    #[error("the new journal could not be written: {0}")]
    Unwritten(String),
}

/// What all transactions of a journal are, whatever their order and numbers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Digest {
    transactions: u64,
    records: u64,
    sum: u64,
}

/// Transactions of one journal while it is read: their histories, each as one check.
#[derive(Default)]
struct Histories {
    checks: HashMap<(ShardId, TransactionNumber), u32, foldhash::fast::FixedState>,
    records: u64,
}

impl Histories {
    /// `false`: it goes on with a transaction that did not begin.
    fn add(&mut self, shard: ShardId, entry: &Entry) -> bool {
        let place = (shard, entry.record.number());
        let check = match self.checks.get_mut(&place) {
            Some(check) => check,
            None if entry.record.claimed_root().is_some() => self.checks.entry(place).or_default(),
            None => return false,
        };
        let mut bytes = [0; RECORD_BYTES_MAX];
        let mut record = entry.record;
        record.renumber(TransactionNumber(1));
        encode(&mut bytes, entry.wall, &record);
        *check = check_records(&mut bytes[..record_bytes(&record)], *check);
        self.records += 1;
        true
    }

    fn digest(&self) -> Digest {
        let checks = self.checks.values();
        let sum = checks.fold(0_u64, |sum, check| {
            sum.wrapping_add(xxhash_rust::xxh64::xxh64(&check.to_le_bytes(), 0))
        });
        Digest {
            transactions: self.checks.len() as u64,
            records: self.records,
            sum,
        }
    }
}

/// Makes a journal of `shards` shards in `to`, which holds what that in `from` does.
pub fn reshard(from: &Path, to: &Path, shards: u16) -> Result<Resharded, ReshardError> {
    let source = Arc::new(ReadOnlyFolder::open(from)?);
    if source.is_live() {
        return Err(ReshardError::Store(StoreError::Refused {
            path: from.to_owned(),
            what: "a switch is running on it".to_owned(),
            remedy: "stop the switch first",
        }));
    }
    let _kept = lock_path(&from.join("lock"), 0)?;
    let identity = *source.identity();
    // Once to the end before anything is made: is it whole, and which epoch was the last?
    let (mut epoch, mut opened) = (Epoch(0), None);
    for shard in (0..identity.shards).map(ShardId) {
        let mut last = None;
        let reading = source.read_shard(shard, &mut |entry| {
            if let Record::Opened(record) = entry.record {
                last = Some((entry.wall, record));
            }
        })?;
        if reading.base.is_late() {
            return Err(ReshardError::Store(given_up(from, shard, &reading)));
        }
        epoch = epoch.max(reading.recovered.epoch);
        opened = later(opened, last);
    }
    let options = StoreOptions {
        data: to.to_owned(),
        shards,
        tail_bytes: TAIL_BYTES,
        segment_bytes: identity.segment_bytes,
        tail_dir: None,
        zero_fill: false,
        lock_wait_ms: 0,
    };
    let folder = Folder::make_like(identity.seed, options)?;
    let next = Epoch(epoch.0 + 1);
    let written = write_all(&source, &folder, next, opened)?;
    folder.sync()?;
    let digest = written.digest();
    drop(folder);
    if read_back(to, shards)? != digest {
        return Err(ReshardError::Differs("the histories are not the same"));
    }
    Ok(Resharded {
        before: identity.shards,
        after: shards,
        transactions: digest.transactions,
        records: digest.records,
    })
}

/// What is archived is numbered, and nothing but those numbers leads to it: whoever numbers anew
/// would have to write all of the archive into the new journal, which has no room for it.
fn given_up(from: &Path, shard: ShardId, reading: &ShardReading) -> StoreError {
    StoreError::Refused {
        path: from.to_owned(),
        what: format!(
            "segments 1 to {} of shard {} are in the archive alone, and what is archived cannot be \
             numbered anew",
            reading.base.first - 1,
            shard.0
        ),
        remedy: "go on with as many shards as it has (`shard.count`); nothing was written or \
                 changed",
    }
}

/// The later of two openings.
fn later(one: Option<(Wall, Opened)>, other: Option<(Wall, Opened)>) -> Option<(Wall, Opened)> {
    one.into_iter().chain(other).max_by_key(|(wall, _)| *wall)
}

/// Writes every transaction into the journal of its new owner.
fn write_all(
    source: &Arc<ReadOnlyFolder>,
    folder: &Folder,
    epoch: Epoch,
    opened: Option<(Wall, Opened)>,
) -> Result<Histories, ReshardError> {
    let shards = folder.identity().shards;
    let mut writers = (0..shards)
        .map(|shard| Writer::open(folder, ShardId(shard), epoch, opened))
        .collect::<Result<Vec<_>, _>>()?;
    let mut histories = Histories::default();
    let mut moved: HashMap<_, (ShardId, TransactionNumber), foldhash::fast::FixedState> =
        HashMap::default();
    let mut merge = Merge::start(source)?;
    while let Some((shard, entry)) = merge.next() {
        if matches!(entry.record, Record::Opened(_)) {
            continue;
        }
        let number = entry.record.number();
        if !histories.add(shard, &entry) {
            return Err(ReshardError::Unclaimed {
                shard: shard.0,
                record: entry.record.name(),
                lsn: entry.lsn.0,
                number: number.0,
            });
        }
        if let Some(root) = entry.record.claimed_root() {
            let owner = root.owner(shards);
            let writer = &mut writers[usize::from(owner.0)];
            writer.last.0 += 1;
            moved.insert((shard, number), (owner, writer.last));
        }
        let (owner, number) = moved[&(shard, number)];
        let mut record = entry.record;
        record.renumber(number);
        writers[usize::from(owner.0)].write(entry.wall, &record)?;
    }
    merge.finish()?;
    for writer in writers {
        writer.close()?;
    }
    Ok(histories)
}

/// Reads the new journal to the end: every transaction at its owner, numbered in order.
fn read_back(data: &Path, shards: u16) -> Result<Digest, ReshardError> {
    let folder = ReadOnlyFolder::open(data)?;
    let mut histories = Histories::default();
    let mut wrong = None;
    for shard in (0..shards).map(ShardId) {
        let mut last = TransactionNumber(0);
        folder.read_shard(shard, &mut |entry| {
            if matches!(entry.record, Record::Opened(_)) {
                return;
            }
            if !histories.add(shard, &entry) {
                wrong = wrong.or(Some("a transaction that did not begin goes on"));
            }
            if let Some(root) = entry.record.claimed_root() {
                last.0 += 1;
                if root.owner(shards) != shard {
                    wrong = wrong.or(Some("a transaction is not with its owner"));
                }
                if entry.record.number() != last {
                    wrong = wrong.or(Some("a number is missing"));
                }
            }
        })?;
    }
    match wrong {
        Some(what) => Err(ReshardError::Differs(what)),
        None => Ok(histories.digest()),
    }
}

/// All old shards' records, by the time at which they were written.
struct Merge {
    readers: Vec<Reader>,
}

struct Reader {
    batches: Receiver<Vec<Entry>>,
    batch: std::vec::IntoIter<Entry>,
    /// What comes next; none at the end.
    next: Option<Entry>,
    thread: JoinHandle<Result<ShardReading, StoreError>>,
}

impl Merge {
    fn start(source: &Arc<ReadOnlyFolder>) -> Result<Self, MachineError> {
        let mut readers = Vec::new();
        for shard in (0..source.identity().shards).map(ShardId) {
            let (give, batches) = sync_channel(BATCHES);
            let source = Arc::clone(source);
            let name = format!("read-{:02}", shard.0);
            let thread = threads::spawn(&name, move || read(&source, shard, &give))?;
            let mut reader = Reader {
                batches,
                batch: Vec::new().into_iter(),
                next: None,
                thread,
            };
            reader.advance();
            readers.push(reader);
        }
        Ok(Self { readers })
    }

    fn next(&mut self) -> Option<(ShardId, Entry)> {
        let heads = self.readers.iter_mut().zip(0_u16..);
        let (reader, shard) = heads
            .filter(|(reader, _)| reader.next.is_some())
            .min_by_key(|(reader, _)| reader.next.map(|entry| entry.wall))?;
        let entry = reader.next.take()?;
        reader.advance();
        Some((ShardId(shard), entry))
    }

    /// Whether every shard was read to its end.
    fn finish(self) -> Result<(), StoreError> {
        for reader in self.readers {
            reader.thread.join().expect("a reader does not panic")?;
        }
        Ok(())
    }
}

impl Reader {
    fn advance(&mut self) {
        self.next = self.batch.next();
        if self.next.is_none()
            && let Ok(batch) = self.batches.recv()
        {
            self.batch = batch.into_iter();
            self.next = self.batch.next();
        }
    }
}

fn read(
    source: &ReadOnlyFolder,
    shard: ShardId,
    give: &SyncSender<Vec<Entry>>,
) -> Result<ShardReading, StoreError> {
    let mut batch = Vec::with_capacity(BATCH);
    let reading = source.read_shard(shard, &mut |entry| {
        batch.push(entry);
        if batch.len() == BATCH {
            // Nobody takes it where writing was given up.
            drop(give.send(core::mem::replace(&mut batch, Vec::with_capacity(BATCH))));
        }
    });
    if !batch.is_empty() {
        drop(give.send(batch));
    }
    reading
}

/// One new shard's journal, and the machine that writes it.
struct Writer {
    journal: Journal,
    tail: TailMap,
    machine: Machine,
    submissions: Vec<Submission>,
    last: TransactionNumber,
    written: u64,
}

impl Writer {
    fn open(
        folder: &Folder,
        shard: ShardId,
        epoch: Epoch,
        opened: Option<(Wall, Opened)>,
    ) -> Result<Self, ReshardError> {
        let mut open = folder.open_shard(shard, |_| {})?;
        open.start.epoch = epoch;
        let mut machine = Machine::new(MachineConfig {
            links_max: 1,
            listeners_max: 1,
            receive_buffers: 1,
            journal: Some(machine::JournalConfig {
                tail: open.tail.view()?,
                plan: open.plan.clone(),
                synchronous: false,
                writes_max: 64,
                faults: machine::WriteFaults::default(),
            }),
            ..MachineConfig::default()
        })?;
        for (segment, file) in core::mem::take(&mut open.segments) {
            machine.adopt_segment(segment, file);
        }
        let config = JournalConfig {
            identity: open.identity,
            mode: CommitMode::Memory,
            ring_bytes: open.ring_bytes,
            segment_bytes: open.segment_bytes,
            segments_max: u64::from(u32::MAX),
            reserve_bytes: 0,
            pace: Pace::MEMORY,
        };
        let mut journal = Journal::new(config, open.start);
        journal.start_tail(&mut open.tail);
        let mut writer = Self {
            journal,
            tail: open.tail,
            machine,
            submissions: Vec::with_capacity(64),
            last: TransactionNumber(0),
            written: 0,
        };
        if let Some((wall, opened)) = opened {
            let record = Record::Opened(Opened {
                epoch,
                shard,
                shards: folder.identity().shards,
                ..opened
            });
            writer.write(wall, &record)?;
        }
        Ok(writer)
    }

    fn write(&mut self, wall: Wall, record: &Record) -> Result<(), ReshardError> {
        while let Err(Full) = self.journal.append(&mut self.tail, wall, record) {
            self.turn(wall, Idle::Park)?;
        }
        self.written += 1;
        if self.written.is_multiple_of(RECORDS_PER_TURN) {
            self.turn(wall, Idle::Spin)?;
        }
        Ok(())
    }

    fn turn(&mut self, wall: Wall, idle: Idle) -> Result<(), ReshardError> {
        let monotonic = Clock.monotonic();
        let journal = &mut self.journal;
        self.machine.drain(|completion| match completion {
            Completion::Written { write, errno } => journal.handle_written(write, errno),
            Completion::SegmentReady { segment, errno } => {
                journal.handle_segment_ready(segment, errno);
            }
            Completion::Woken => {}
            other => unreachable!("{other:?} without a link"),
        });
        journal.end_turn(
            &mut self.tail,
            Now { monotonic, wall },
            &mut self.submissions,
        );
        if let Some(fence) = journal.fence() {
            let cause = std::io::Error::from_raw_os_error(fence.errno.0);
            let what = format!("segment {} at LSN {}: {cause}", fence.segment, fence.lsn.0);
            return Err(ReshardError::Unwritten(what));
        }
        if let Some(failure) = self.machine.take_failure() {
            return Err(failure.into());
        }
        self.machine.submit(&mut self.submissions);
        let soon = monotonic.plus_ms(1);
        let until = journal.next_deadline().unwrap_or(soon).min(soon);
        Ok(self.machine.enter(idle, Some(until), monotonic)?)
    }

    /// Writes all, and the block that says so.
    fn close(mut self) -> Result<(), ReshardError> {
        let give_up = Clock.monotonic().plus_ms(WRITE_MS);
        self.journal.close();
        while !self.journal.is_closed() {
            self.turn(Clock.now().wall, Idle::Park)?;
            if Clock.monotonic() >= give_up {
                let what = "the disk takes no more writes".to_owned();
                return Err(ReshardError::Unwritten(what));
            }
        }
        Ok(())
    }
}

impl Drop for Writer {
    /// The tail has done its work, or is of no use.
    fn drop(&mut self) {
        drop(std::fs::remove_file(self.tail.path()));
    }
}

#[cfg(test)]
#[path = "tests/reshard.rs"]
mod tests;

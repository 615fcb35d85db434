//! Journals in real folders: opened, killed, moved, damaged, read beside a live writer.

#[path = "archive_files.rs"]
mod archive_files;
#[path = "digest_files.rs"]
mod digest_files;
#[path = "keeper_files.rs"]
mod keeper_files;
#[path = "totals_files.rs"]
mod totals_files;

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use super::*;
use crate::journal::commit::Journal;
use crate::journal::config::{CommitMode, JournalConfig, Pace};
use crate::journal::fixtures;
use crate::journal::layout::BLOCK;
use crate::journal::reader::{dump, explain, verify};
use crate::model::ids::Epoch;
use crate::model::keys::{BusinessKey, Class};
use crate::model::record::Record;
use crate::model::time::Now;
use crate::sys::operation::{Errno, Submission};
use crate::sys::segments::prepare_segment;

struct Place {
    data: tempfile::TempDir,
    memory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            memory: tempfile::tempdir_in("/dev/shm").unwrap(),
        }
    }

    fn options(&self) -> StoreOptions {
        StoreOptions {
            data: self.data.path().to_owned(),
            shards: 2,
            tail_bytes: 33 * BLOCK,
            segment_bytes: 16 * BLOCK,
            tail_dir: Some(self.memory.path().to_owned()),
            zero_fill: true,
            lock_wait_ms: 0,
        }
    }

    fn segment(&self, segment: u64) -> PathBuf {
        self.data
            .path()
            .join("shard-01")
            .join(segment_name(segment))
    }
}

/// Found by crash rounds that cut the power: a name was lost, and the start took the segments after
/// it for all that is open; the first write to the missing one fenced the journal, at every start.
#[test]
fn a_segment_that_lost_its_name_among_empty_ones_is_made_again() {
    let place = Place::new();
    let mut first = open(place.options(), CommitMode::Disk).unwrap();
    first.pay(0..10);
    first.drain();
    let expected = first.journal.appended();
    let made: Vec<u64> = first.segments.keys().copied().collect();
    drop(first);
    assert_eq!(made, [1, 2, 3]);
    fs::remove_file(place.segment(2)).unwrap();
    let mut second = open(place.options(), CommitMode::Disk).unwrap();
    assert!(place.segment(2).is_file());
    // Into and past the one that was missing.
    second.pay(10..300);
    second.drain();
    assert!(second.journal.durable() > expected.plus(16 * BLOCK));
    assert!(second.segments.contains_key(&4));
}

/// A shard's journal with a machine that writes at once.
struct Running {
    journal: Journal,
    tail: TailMap,
    plan: SegmentPlan,
    segments: BTreeMap<u64, SegmentFile>,
    now: Now,
    replayed: Vec<Record>,
    warnings: Vec<StoreWarning>,
    _folder: Folder,
}

fn open(options: StoreOptions, mode: CommitMode) -> Result<Running, StoreError> {
    let folder = Folder::open(options)?;
    let mut replayed = Vec::new();
    let open = folder.open_shard(ShardId(1), |entry| replayed.push(entry.record))?;
    let config = JournalConfig {
        identity: open.identity,
        mode,
        ring_bytes: open.ring_bytes,
        segment_bytes: open.segment_bytes,
        segments_max: 100,
        reserve_bytes: 1,
        pace: Pace::DISK,
    };
    let mut running = Running {
        journal: Journal::new(config, open.start),
        tail: open.tail,
        plan: open.plan,
        segments: open.segments.into_iter().collect(),
        now: Now::default(),
        replayed,
        warnings: open.warnings,
        _folder: folder,
    };
    running.journal.start_tail(&mut running.tail);
    running.append(&fixtures::opened(open.start.epoch.0, 1));
    Ok(running)
}

impl Running {
    fn append(&mut self, record: &Record) {
        self.journal
            .append(&mut self.tail, self.now.wall, record)
            .unwrap();
    }

    /// Appends payments and ends a turn without a machine.
    fn pay(&mut self, numbers: core::ops::Range<u64>) {
        for number in numbers {
            self.append(&fixtures::full_payment(number));
        }
        self.journal.write_header(&mut self.tail);
    }

    fn drain(&mut self) {
        let mut submissions = Vec::new();
        for _ in 0..100 {
            self.now.monotonic.0 += 10_000_000;
            self.journal
                .end_turn(&mut self.tail, self.now, &mut submissions);
            for submission in submissions.drain(..) {
                self.perform(&submission);
            }
        }
        assert_eq!(self.journal.durable(), self.journal.appended());
    }

    fn perform(&mut self, submission: &Submission) {
        match *submission {
            Submission::Write {
                write,
                segment,
                segment_offset,
                tail_offset,
                bytes,
            } => {
                let at = usize::try_from(tail_offset).unwrap();
                let bytes = &self.tail[at..at + bytes as usize];
                let file = self.segments[&segment].file();
                file.write_all_at(bytes, segment_offset).unwrap();
                self.journal.handle_written(write, Errno(0));
            }
            Submission::PrepareSegment { segment } => {
                let file = prepare_segment(&self.plan, segment, &false.into()).unwrap();
                self.segments.insert(segment, file);
                self.journal.handle_segment_ready(segment, Errno(0));
            }
            Submission::SealSegment { segment } => drop(self.segments.remove(&segment)),
            Submission::Send { .. } | Submission::Close { .. } => unreachable!("no link"),
        }
    }
}

fn payments(records: &[Record]) -> Vec<u64> {
    let payments = records.iter().filter_map(|record| match record {
        Record::Payment(payment) => Some(payment.number.0),
        _ => None,
    });
    payments.collect()
}

#[test]
fn a_killed_switch_finds_its_records_in_the_tail() {
    for mode in [CommitMode::Memory, CommitMode::Disk] {
        let place = Place::new();
        let mut running = open(place.options(), mode).unwrap();
        assert_eq!(running.warnings, []);
        running.drain();
        running.pay(1..60);
        drop(running);
        let mut running = open(place.options(), mode).unwrap();
        assert_eq!(payments(&running.replayed), (1..60).collect::<Vec<_>>());
        assert_eq!(running.journal.epoch(), Epoch(2));
        running.pay(60..61);
        drop(running);
        let mut running = open(place.options(), mode).unwrap();
        assert_eq!(payments(&running.replayed), (1..61).collect::<Vec<_>>());
        running.drain();
        drop(running);
        assert!(verify(place.data.path()).unwrap().is_good());
    }
}

#[test]
fn a_tail_may_move_and_change_its_size() {
    let place = Place::new();
    let mut running = open(place.options(), CommitMode::Memory).unwrap();
    running.pay(1..60);
    drop(running);
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    let larger = StoreOptions {
        tail_bytes: 65 * BLOCK,
        ..place.options()
    };
    let moved = StoreOptions {
        tail_dir: Some(other.path().to_owned()),
        ..place.options()
    };
    for (options, count) in [(larger, 61), (moved, 62)] {
        let mut running = open(options.clone(), CommitMode::Memory).unwrap();
        assert_eq!(payments(&running.replayed).len(), count - 2);
        running.pay(100 + count as u64..101 + count as u64);
        drop(running);
        let files = fs::read_dir(options.tail_dir.unwrap()).unwrap();
        assert_eq!(files.count(), 1, "no old tail is left behind");
    }
    assert_eq!(fs::read_dir(place.memory.path()).unwrap().count(), 0);
    let small = StoreOptions {
        tail_bytes: 12 * BLOCK,
        ..place.options()
    };
    let held = open(small, CommitMode::Memory).map(|_| ());
    assert!(held.is_ok(), "six blocks fit into eleven: {held:?}");
}

#[test]
fn power_loss_leaves_the_segments() {
    let place = Place::new();
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    running.pay(1..100);
    running.drain();
    running.pay(100..110);
    let tail = running.tail.path().to_owned();
    drop(running);
    fs::remove_file(tail).unwrap();
    let mut records = Vec::new();
    dump(place.data.path(), |shard, entry| {
        assert_eq!(shard, ShardId(1));
        records.push(entry.record);
    })
    .unwrap();
    assert_eq!(payments(&records), (1..100).collect::<Vec<_>>());
    let key = BusinessKey {
        key: fixtures::example_key(42),
        class: Class::Payment,
    };
    let found = explain(place.data.path(), &key).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.record.number().0, 42);
    let running = open(place.options(), CommitMode::Disk).unwrap();
    assert_eq!(payments(&running.replayed), (1..100).collect::<Vec<_>>());
}

#[test]
fn a_lost_tail_in_memory_mode_is_told() {
    let place = Place::new();
    let mut running = open(place.options(), CommitMode::Memory).unwrap();
    running.drain();
    let tail = running.tail.path().to_owned();
    drop(running);
    fs::remove_file(tail).unwrap();
    let running = open(place.options(), CommitMode::Memory).unwrap();
    assert_eq!(running.warnings, [StoreWarning::LossWindow]);
}

#[test]
fn a_live_journal_is_read_up_to_its_watermark() {
    let place = Place::new();
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    running.pay(1..50);
    running.drain();
    running.pay(50..60);
    let report = verify(place.data.path()).unwrap();
    assert!(report.live && report.is_good(), "{report:?}");
    let watermark = report.shards[1].result.as_ref().unwrap().live_watermark;
    assert_eq!(watermark, Some(running.journal.committed()));
    let mut records = Vec::new();
    dump(place.data.path(), |_, entry| records.push(entry.record)).unwrap();
    assert_eq!(payments(&records), (1..50).collect::<Vec<_>>());
    let second = open(place.options(), CommitMode::Disk).map(|_| ());
    let text = second.unwrap_err().to_string();
    assert!(text.contains("stop the other switch"), "{text}");
}

#[test]
fn what_cannot_be_opened_says_what_where_and_what_to_do() {
    let place = Place::new();
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    running.pay(1..300);
    running.drain();
    drop(running);
    let error = |options: StoreOptions| {
        let opened = open(options, CommitMode::Disk).map(|_| ());
        opened.unwrap_err().to_string()
    };
    let shards = StoreOptions {
        shards: 4,
        ..place.options()
    };
    let text = error(shards);
    assert!(
        text.contains("of 2 shard(s), and is to be opened with 4"),
        "{text}"
    );

    let whole = fs::read(place.segment(1)).unwrap();
    let mut rotten = whole.clone();
    rotten[5 * BLOCK_BYTES + 77] ^= 4;
    for (bytes, expected) in [
        (&rotten[..], "segment 1, offset 20480, LSN 20480"),
        (
            &whole[..9 * BLOCK_BYTES],
            "segment 1, offset 36864, LSN 36864",
        ),
        (
            &[whole.as_slice(), &[0; 4_096]].concat(),
            "it is longer than",
        ),
    ] {
        fs::write(place.segment(1), bytes).unwrap();
        let text = error(place.options());
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("segment-0000000001.cpgj"), "{text}");
        let report = verify(place.data.path()).unwrap();
        assert!(!report.is_good());
        let told = report.shards[1].result.as_ref().unwrap_err().to_string();
        assert_eq!(told, text, "verify tells the same");
    }
    fs::remove_file(place.segment(1)).unwrap();
    let text = error(place.options());
    assert!(
        text.contains("missing") && text.contains("journal verify"),
        "{text}"
    );
    fs::write(place.segment(1), &whole).unwrap();

    let identity = place.data.path().join(IDENTITY_FILE);
    let written = fs::read_to_string(&identity).unwrap();
    fs::write(&identity, written.replace("\"format\":1", "\"format\":9")).unwrap();
    let text = error(place.options());
    assert!(text.contains("format 9"), "{text}");
    fs::remove_file(&identity).unwrap();
    let text = error(place.options());
    assert!(text.contains("there are segments"), "{text}");
    fs::write(&identity, written).unwrap();
    open(place.options(), CommitMode::Disk).unwrap();
}

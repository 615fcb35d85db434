//! How soon a switch is ready: a journal of many payments in a temporary folder, opened with
//! digests and without.
//!
//! ```text
//! cargo bench --bench start -- [payments, in millions: 1]
//! ```
//!
//! Measured, in wall time and in CPU time of the thread that starts: the journal read and replayed,
//! while other threads make the engine's tables present and read digests ahead. Each payment has
//! two records, a forward and its approval 64 payments later. Segments are read past the page
//! cache; digests through it, and once more after it was dropped, where the system permits that.
//! Not measured: the program's own start, the configuration, the ring, listeners.

#![expect(
    clippy::print_stdout,
    reason = "a command for people, not a comparison of runs"
)]

use std::fs::{File, OpenOptions, write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use cpg_switch::engine::{EngineLimits, Snapshot};
use cpg_switch::journal::digest::maker::{Made, make_all};
use cpg_switch::journal::store::{Folder, OpenShard, Piece, StoreOptions};
use cpg_switch::journal::{CommitMode, Journal, JournalConfig, Pace, Room};
use cpg_switch::model::chars::Chars;
use cpg_switch::model::fingerprint::Fingerprint;
use cpg_switch::model::ids::{
    Institution, MatchKey, Reference, ShardId, TableVersion, TransactionNumber,
};
use cpg_switch::model::keys::Key;
use cpg_switch::model::message::{Amounts, Echoed};
use cpg_switch::model::money::{Currency, Money, Rate};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode, Scenario};
use cpg_switch::model::participant::{Participant, Protocol, Role};
use cpg_switch::model::record::{Actor, Answer, Decision, Payment, Record, ShortText};
use cpg_switch::model::time::{Date, LocalTime, Now, Wall};
use cpg_switch::route::{CodePrefixes, Tables};
use cpg_switch::shard::Replaying;
use cpg_switch::sys::operation::{Errno, Submission};
use cpg_switch::sys::segments::{prepare_segment, segment_name};
use cpg_switch::sys::settling::settle_beside;
use rustix::time::{ClockId, clock_gettime};

const PARTICIPANTS: u64 = 16;
const ANSWER_AFTER: u64 = 64;
const START_NS: u64 = 1_795_298_705_000_000_000;

fn institution(code: u64) -> Institution {
    Institution::new(48_000_000 + code).expect("eleven digits at most")
}

fn tables() -> Arc<Snapshot> {
    let participant = |code| Participant {
        institution: institution(code),
        name: format!("p{code}"),
        role: Role::Wallet,
        protocol: Protocol::Sbe,
        country: 156,
        currency: Currency::new(156).expect("three digits"),
        fronted: Vec::new(),
        window_in: 10_000,
        window_out: 10_000,
        rate_per_second: 0,
        answer_timeout_ms: 10_000,
        repeat_ms: 1_000,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: cpg_switch::model::participant::ResolverProfile::default(),
    };
    let participants = (0..PARTICIPANTS).map(participant).collect();
    let tables = Tables::new(TableVersion(1), 1, participants, CodePrefixes::default());
    Arc::new(tables.expect("each institution once").into())
}

fn amounts(number: u64) -> Amounts {
    let minor = i64::try_from(number % 100_000 + 1).expect("small");
    let money = |minor, numeric| Money {
        minor,
        currency: Currency::new(numeric).expect("three digits"),
    };
    Amounts {
        amount: money(minor, 156),
        billing: Some(money(minor / 5, 702)),
        settlement: None,
        billing_rate: Some(Rate {
            mantissa: 190_012,
            exponent: -6,
        }),
        settlement_rate: None,
    }
}

fn payment(number: u64) -> Record {
    let mut reference = [b'0'; 12];
    // Scattered as a participant's own references are, and never the same twice.
    let mut digits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000 * 10_000_000 + number;
    for place in reference.iter_mut().rev() {
        *place += u8::try_from(digits % 10).expect("a digit");
        digits /= 10;
    }
    let date = Date::from_yyyymmdd(20_261_121).expect("a day");
    Record::Payment(Payment {
        number: TransactionNumber(number),
        key: Key {
            originator: institution(number % PARTICIPANTS),
            local_date: date,
            reference: Reference::new(reference).expect("digits"),
        },
        fingerprint: Fingerprint(number.wrapping_mul(77)),
        originator: institution(number % PARTICIPANTS),
        match_key: MatchKey(number),
        named_destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: Some(Scenario::InboundCpm),
        amounts: amounts(number),
        echoed: Echoed {
            local_time: LocalTime::from_hhmmss(120_000),
            presentation: Some(Presentation::Cpm),
            mcc: Some(5_411),
            terminal: Chars::padded(b"T0000001"),
            merchant_id: Chars::padded(b"M00000000000001"),
        },
        settlement_date: date,
        table: TableVersion(1),
        decision: Decision::Forward {
            destination: institution((number / 7) % PARTICIPANTS),
            match_key: MatchKey(1 << 40 | number),
            deadline: Wall(START_NS + number * 20_000 + 10_000_000_000),
        },
    })
}

fn answer(number: u64) -> Record {
    Record::Answer(Answer {
        number: TransactionNumber(number),
        by: Actor::Destination,
        response_code: ResponseCode::APPROVED,
        outcome: Outcome::Approved,
        approval_code: Chars::padded(b"A12345"),
        amounts: amounts(number),
        text: ShortText::EMPTY,
    })
}

/// A journal with a machine that writes at once.
struct Writing {
    journal: Journal,
    open: OpenShard,
    files: Vec<(u64, File)>,
    now: Now,
    submissions: Vec<Submission>,
}

impl Writing {
    fn new(folder: &Folder) -> Self {
        let mut open = folder
            .open_shard(ShardId(0), |_| {})
            .expect("the folder is new");
        let config = JournalConfig {
            identity: open.identity,
            mode: CommitMode::Memory,
            ring_bytes: open.ring_bytes,
            segment_bytes: open.segment_bytes,
            segments_max: u64::from(u32::MAX),
            reserve_bytes: 64 * 1024,
            pace: Pace::MEMORY,
        };
        let mut journal = Journal::new(config, open.start);
        journal.start_tail(&mut open.tail);
        Self {
            journal,
            open,
            files: Vec::new(),
            now: Now::default(),
            submissions: Vec::with_capacity(64),
        }
    }

    fn append(&mut self, number: u64, record: &Record) {
        while self.journal.room() != Room::Ample {
            self.turn();
        }
        let wall = Wall(START_NS + number * 20_000);
        let appended = self.journal.append(&mut self.open.tail, wall, record);
        appended.expect("there is room");
    }

    fn turn(&mut self) {
        self.now.monotonic.0 += 1_000_000;
        self.journal
            .end_turn(&mut self.open.tail, self.now, &mut self.submissions);
        for submission in core::mem::take(&mut self.submissions) {
            self.perform(&submission);
        }
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
                let at = usize::try_from(tail_offset).expect("64 bits");
                let bytes = usize::try_from(bytes).expect("64 bits");
                let bytes = &self.open.tail[at..at + bytes];
                let file = self.files.iter().find(|(number, _)| *number == segment);
                let (_, file) = file.expect("it was made");
                file.write_all_at(bytes, segment_offset).expect("a write");
                self.journal.handle_written(write, Errno(0));
            }
            Submission::PrepareSegment { segment } => {
                drop(prepare_segment(&self.open.plan, segment, &false.into()).expect("space"));
                let path = self.open.plan.directory.join(segment_name(segment));
                let file = OpenOptions::new().write(true).open(path);
                self.files.push((segment, file.expect("it was made")));
                self.journal.handle_segment_ready(segment, Errno(0));
            }
            Submission::SealSegment { segment } => {
                self.files.retain(|(number, _)| *number != segment);
            }
            Submission::Send { .. } | Submission::Close { .. } => unreachable!("no link"),
        }
    }

    fn close(mut self) {
        self.journal.close();
        while !self.journal.is_closed() {
            self.turn();
        }
    }
}

fn options(data: &Path, tails: &Path) -> StoreOptions {
    StoreOptions {
        data: data.to_owned(),
        shards: 1,
        tail_bytes: 64 << 20,
        segment_bytes: 64 << 20,
        tail_dir: Some(tails.to_owned()),
        zero_fill: false,
        lock_wait_ms: 1_000,
    }
}

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    let (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec);
    #[expect(clippy::cast_precision_loss, reason = "microseconds are enough")]
    let seconds = seconds as f64 + nanoseconds as f64 / 1e9;
    seconds
}

fn timed<T>(what: &str, body: impl FnOnce() -> T) -> (T, f64) {
    let clocks = [ClockId::Monotonic, ClockId::ThreadCPUTime];
    let before = clocks.map(seconds);
    let result = body();
    let [wall, cpu] = [0, 1].map(|clock| seconds(clocks[clock]) - before[clock]);
    println!("{what:44} {wall:7.3} s, {cpu:7.3} s of CPU");
    (result, wall)
}

/// One start; returns how many keys it remembers.
fn start(
    name: &str,
    options: &StoreOptions,
    tables: &Arc<Snapshot>,
    payments: u64,
    digested: bool,
) {
    println!("-- {name}");
    let ready = timed("ready", || {
        let folder = Folder::open(options.clone()).expect("it was written");
        let keys = u32::try_from(payments + 1_000).expect("fewer than 2^32");
        let limits = EngineLimits {
            in_flight_max: 65_536,
            remembered_keys_max: keys,
        };
        let mut replaying = Replaying::new(limits, Arc::clone(tables), folder.seed());
        let settling = settle_beside(replaying.memory()).expect("a thread");
        let (report, wall) = timed("  journal read and replayed", || {
            let apply = |piece: Piece<'_>| replaying.apply_piece(piece).expect("it replays");
            let open = if digested {
                folder.open_shard_digested(ShardId(0), apply)
            } else {
                let mut apply = apply;
                folder.open_shard(ShardId(0), |entry| apply(Piece::Record(entry)))
            };
            open.expect("it is whole").report
        });
        let (joined, _) = timed("  tables made present: the rest", || settling.join());
        joined.expect("it does nothing that can fail");
        assert_eq!(replaying.engine().remembered_keys() as u64, payments);
        #[expect(clippy::cast_precision_loss, reason = "millions")]
        let rate = report.records as f64 / wall / 1e6;
        let memory: usize = replaying.memory().map(|range| range.len()).sum();
        println!(
            "  {} records, {} from {} digests: {rate:.2} million records/s; {} bytes per key",
            report.records,
            report.digest_records,
            report.digests,
            memory / usize::try_from(payments).expect("64 bits"),
        );
        replaying
    });
    drop(ready);
}

fn write_journal(options: &StoreOptions, payments: u64) {
    let folder = Folder::open(options.clone()).expect("a new folder");
    let mut writing = Writing::new(&folder);
    for number in 1..=payments + ANSWER_AFTER {
        if number <= payments {
            writing.append(number, &payment(number));
        }
        if let Some(answered) = number
            .checked_sub(ANSWER_AFTER)
            .filter(|number| *number > 0)
        {
            writing.append(number, &answer(answered));
        }
    }
    writing.close();
    folder.sync().expect("a disk");
}

fn main() {
    let millions = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let payments: u64 = millions.unwrap_or(1_u64) * 1_000_000;
    let data = tempfile::tempdir().expect("a temporary folder");
    let tails = tempfile::tempdir_in("/dev/shm").expect("shared memory");
    let (options, tables) = (options(data.path(), tails.path()), tables());
    println!("{payments} payments, two records each");
    timed("written", || write_journal(&options, payments));
    start("records", &options, &tables, payments, false);
    let (mut bytes, mut digests) = (0, 0);
    timed("journal verified and digests made", || {
        make_all(data.path(), |_, _, made| match made {
            Made::Made { bytes: size, .. } => (bytes, digests) = (bytes + size, digests + 1),
            Made::There | Made::NotWhole { .. } => unreachable!("it is whole, and new"),
        })
        .expect("it is whole");
    });
    println!("{digests} digests, {} bytes per payment", bytes / payments);
    start("digests", &options, &tables, payments, true);
    start("digests, again", &options, &tables, payments, true);
    match write("/proc/sys/vm/drop_caches", "1") {
        Ok(()) => start(
            "digests, page cache dropped",
            &options,
            &tables,
            payments,
            true,
        ),
        Err(error) => println!("page cache not dropped: {error}"),
    }
}

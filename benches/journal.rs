//! What a record costs the shard, and how fast a journal is read back.
//!
//! Measured: encoding, checksum and store of one record into a ring in ordinary memory, block
//! headers and sealing included, and the turn's end with an imaginary disk that answers at once;
//! inspecting, chaining and decoding blocks that are in the cache; making a digest of them, with as
//! many payments open as at full load; reading the digest of a whole segment, and making its index.
//! All in CPU time of the thread, because machines are shared. Not measured: the disk, the ring's
//! system calls, page faults, a tail shared with the kernel (the loopback runs do that).

use std::hint::black_box;

use core::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};

use cpg_switch::journal::archive::index::build;
use cpg_switch::journal::digest::{Digest, SegmentDigester};
use cpg_switch::journal::layout::BLOCK;
use cpg_switch::journal::recovery::Recovery;
use cpg_switch::journal::{
    CommitMode, Journal, JournalConfig, JournalIdentity, Pace, Room, StartPoint,
};
use cpg_switch::model::chars::Chars;
use cpg_switch::model::fingerprint::Fingerprint;
use cpg_switch::model::ids::{
    Epoch, Institution, Lsn, MatchKey, Reference, ShardId, TableVersion, TransactionNumber,
};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::BLOCK_BYTES;
use cpg_switch::model::message::{Amounts, Echoed};
use cpg_switch::model::money::{Currency, Money, Rate};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode, Scenario};
use cpg_switch::model::record::{Actor, Answer, Decision, Payment, Record, ShortText};
use cpg_switch::model::time::{Date, LocalTime, Now, Wall};
use cpg_switch::sys::operation::{Errno, Submission};

const RING_BYTES: u64 = 4 * 1024 * 1024;
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: *b"a bench's own id",
    shard: ShardId(0),
    shards: 1,
};

/// The reference of a payment: its number.
fn reference(number: u64) -> Reference {
    let mut digits = [b'0'; 12];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
    }
    Reference::new(digits).expect("digits")
}

fn institution(code: u64) -> Institution {
    Institution::new(code).expect("eleven digits at most")
}

fn amounts() -> Amounts {
    let money = |minor, numeric| Money {
        minor,
        currency: Currency::new(numeric).expect("three digits"),
    };
    Amounts {
        amount: money(12_345, 156),
        billing: Some(money(2_345, 702)),
        settlement: Some(money(1_745, 840)),
        billing_rate: Some(Rate {
            mantissa: 190_012,
            exponent: -6,
        }),
        settlement_rate: None,
    }
}

fn payment() -> Record {
    Record::Payment(Payment {
        number: TransactionNumber(1),
        key: Key {
            originator: institution(48_000_702),
            local_date: Date::from_yyyymmdd(20_261_121).expect("a day"),
            reference: Reference::new(*b"000000000001").expect("digits"),
        },
        fingerprint: Fingerprint(2),
        originator: institution(48_000_702),
        match_key: MatchKey(3),
        named_destination: Some(institution(48_000_344)),
        forwarder: None,
        presentation: Presentation::Mpm,
        scenario: Some(Scenario::InboundMpm),
        amounts: amounts(),
        echoed: Echoed {
            local_time: LocalTime::from_hhmmss(120_000),
            presentation: None,
            mcc: Some(5_411),
            terminal: Chars::padded(b"T0000001"),
            merchant_id: Chars::padded(b"M00000000000001"),
        },
        settlement_date: Date::from_yyyymmdd(20_261_121).expect("a day"),
        table: TableVersion(1),
        decision: Decision::Forward {
            destination: institution(48_000_344),
            match_key: MatchKey(4),
            deadline: Wall(5),
        },
    })
}

fn answer() -> Record {
    Record::Answer(Answer {
        number: TransactionNumber(1),
        by: Actor::Destination,
        response_code: ResponseCode::APPROVED,
        outcome: Outcome::Approved,
        approval_code: Chars::padded(b"A12345"),
        amounts: amounts(),
        text: ShortText::EMPTY,
    })
}

/// A journal whose disk answers at once.
struct Bench {
    journal: Journal,
    tail: Vec<u8>,
    now: Now,
    submissions: Vec<Submission>,
}

impl Bench {
    fn new(ring_bytes: u64) -> Self {
        let config = JournalConfig {
            identity: IDENTITY,
            mode: CommitMode::Memory,
            ring_bytes,
            segment_bytes: SEGMENT_BYTES,
            segments_max: u64::from(u32::MAX),
            reserve_bytes: 64 * 1024,
            pace: Pace::MEMORY,
        };
        let start = StartPoint {
            epoch: Epoch(1),
            boot_id: [0; 16],
            next: Lsn(0),
            durable: Lsn(0),
            chain: IDENTITY.chain(),
            segments_open: 0,
        };
        let tail = usize::try_from(ring_bytes + BLOCK).expect("64 bits");
        let mut bench = Self {
            journal: Journal::new(config, start),
            tail: vec![0; tail],
            now: Now::default(),
            submissions: Vec::with_capacity(64),
        };
        bench.journal.start_tail(&mut bench.tail);
        bench
    }

    fn append(&mut self, record: &Record) {
        if self.journal.room() != Room::Ample {
            self.turn();
        }
        let lsn = self.journal.append(&mut self.tail, Wall(7), record);
        black_box(lsn).expect("the disk answers at once");
    }

    fn turn(&mut self) {
        for _ in 0..200 {
            self.now.monotonic.0 += 1_000_000;
            self.journal
                .end_turn(&mut self.tail, self.now, &mut self.submissions);
            for submission in self.submissions.drain(..) {
                match submission {
                    Submission::Write { write, .. } => self.journal.handle_written(write, Errno(0)),
                    Submission::PrepareSegment { segment } => {
                        self.journal.handle_segment_ready(segment, Errno(0));
                    }
                    Submission::SealSegment { .. }
                    | Submission::Send { .. }
                    | Submission::Close { .. } => {}
                }
            }
        }
    }
}

fn append(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(1));
    for (name, record) in [("payment-208", payment()), ("answer-112", answer())] {
        let mut bench = Bench::new(RING_BYTES);
        group.bench_function(name, |bencher| {
            bencher.iter(|| bench.append(black_box(&record)));
        });
    }
    let mut bench = Bench::new(RING_BYTES);
    group.bench_function("end-of-an-empty-turn", |bencher| {
        bencher.iter(|| {
            bench
                .journal
                .end_turn(&mut bench.tail, bench.now, &mut bench.submissions);
        });
    });
    group.finish();
}

/// Payments that wait for their answer in what is read back.
const IN_FLIGHT: u64 = 1_024;

/// Blocks of a journal of payments and their answers, as many as such a ring holds.
fn blocks(ring_bytes: u64) -> Vec<u8> {
    let mut bench = Bench::new(ring_bytes);
    let (Record::Payment(mut payment), Record::Answer(mut answer)) = (payment(), answer()) else {
        unreachable!("that is what they are")
    };
    for number in 1.. {
        if bench.journal.room() != Room::Ample {
            break;
        }
        payment.number = TransactionNumber(number);
        payment.key.reference = reference(number);
        if let Decision::Forward { match_key, .. } = &mut payment.decision {
            *match_key = MatchKey(number << 3);
        }
        let mut append = |record: &Record| {
            let written = bench.journal.append(&mut bench.tail, Wall(7), record);
            written.expect("there is room");
        };
        append(&Record::Payment(payment));
        if let Some(number) = number.checked_sub(IN_FLIGHT).filter(|number| *number > 0) {
            answer.number = TransactionNumber(number);
            append(&Record::Answer(answer));
        }
    }
    bench.turn();
    let end = usize::try_from(bench.journal.durable().0 - BLOCK).expect("64 bits");
    bench.tail[BLOCK_BYTES..BLOCK_BYTES + end].to_vec()
}

fn replay(criterion: &mut Criterion<CpuTime>) {
    let blocks = blocks(RING_BYTES);
    let (blocks, _) = blocks.as_chunks::<BLOCK_BYTES>();
    let scan = || {
        let mut recovery = Recovery::new(IDENTITY, SEGMENT_BYTES);
        let mut last = Lsn(0);
        for (lsn, block) in (0_u64..).step_by(BLOCK_BYTES).zip(blocks) {
            recovery.handle_block(Lsn(lsn), block, &mut |entry| last = black_box(entry).lsn);
        }
        let recovered = recovery.finish(None, &mut |_| {});
        recovered.expect("it is whole").report.records
    };
    let records = scan();
    assert!(records > 10_000, "a scan of some length: {records}");
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(records));
    group.sample_size(30);
    group.bench_function("payments-and-answers", |bencher| bencher.iter(scan));
    group.finish();
}

fn digest_of(blocks: &[u8]) -> Vec<u8> {
    let mut digester = SegmentDigester::new(IDENTITY, 1, blocks.len() as u64);
    for block in blocks.as_chunks::<BLOCK_BYTES>().0 {
        digester.handle_block(block).expect("it is whole");
    }
    digester.finish().expect("all of it was seen")
}

fn digest(criterion: &mut Criterion<CpuTime>) {
    let blocks = blocks(RING_BYTES);
    let make = || black_box(digest_of(&blocks));
    let digest = Digest::read(make()).expect("what is encoded can be decoded");
    let header = digest.header();
    assert!(header.settled > 5_000, "{header:?}");
    let mut group = criterion.benchmark_group("digest");
    group.throughput(Throughput::Elements(header.records));
    group.sample_size(30);
    group.bench_function("payments-and-answers", |bencher| bencher.iter(make));
    group.finish();
}

/// Of one whole segment, as the keeper does it.
fn index(criterion: &mut Criterion<CpuTime>) {
    let mut blocks = blocks(SEGMENT_BYTES + RING_BYTES);
    blocks.truncate(usize::try_from(SEGMENT_BYTES).expect("64 bits"));
    let bytes = digest_of(&blocks);
    let digest = Digest::read(bytes.clone()).expect("what is encoded can be decoded");
    let header = digest.header();
    assert!(header.settled > 150_000, "{header:?}");
    let mut group = criterion.benchmark_group("index");
    group.throughput(Throughput::Elements(header.settled));
    group.sample_size(20);
    group.bench_function("read-a-digest", |bencher| {
        bencher.iter_batched(|| bytes.clone(), Digest::read, BatchSize::PerIteration);
    });
    group.bench_function("build", |bencher| {
        bencher.iter(|| build(&digest).expect("it was read"));
    });
    group.finish();
}

/// What the thread itself used.
struct CpuTime;

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time is not negative")
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        cpu_time()
    }

    fn end(&self, start: Duration) -> Duration {
        cpu_time() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = append, replay, digest, index
}
criterion_main!(benches);

//! One payment through a shard's turn: two requests and two answers decoded, judged, journalled and
//! encoded, in batches as a busy link brings them.
//!
//! Measures everything but the kernel: no socket, no system call; the journal's tail is plain
//! memory and its writes complete at once (commit mode `memory`). Numbers are per payment.
//!
//! Where a clock is too noisy, instructions and misses of the caches can be counted, and are the
//! same every time; divide by the calls of `PaymentRequest::fingerprint`, one for each payment:
//!
//! ```text
//! valgrind --tool=callgrind --cache-sim=yes --toggle-collect='*World*batch*' \
//!     target/release/deps/turn-... --bench --profile-time 3 payment/sbe
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "a bench whose world cannot be built stops"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cpg_switch::engine::EngineLimits;
use cpg_switch::journal::{CommitMode, Journal, JournalConfig, JournalIdentity, Pace, StartPoint};
use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{
    Epoch, Institution, LinkId, ListenerIndex, Lsn, MatchKey, ParticipantIndex, Reference, ShardId,
    TableVersion,
};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::{BLOCK_BYTES, FRAME_BYTES_DEFAULT};
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, PaymentRequest, PaymentResult, SignOn,
};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode};
use cpg_switch::model::participant::{Participant, Protocol, ResolverProfile, Role};
use cpg_switch::model::time::{Date, LocalTime, Monotonic, Now, Wall};
use cpg_switch::route::{CodePrefixes, Tables};
use cpg_switch::session::SessionLimits;
use cpg_switch::shard::plan::{Credential, ListenerPlan};
use cpg_switch::shard::{Pass, Replaying, Shard, ShardParts};
use cpg_switch::sys::operation::{Completion, Errno, Submission};
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::{Dialect, encode_frame};
use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const START_NS: u64 = 1_795_298_705_000_000_000;
const BATCH: u64 = 256;
const RING_BYTES: u64 = 64 << 20;
/// Remembered keys; when they are used up, the world is made anew.
const KEYS_MAX: u32 = 4_000_000;

struct World {
    shard: Shard,
    tail: Vec<u8>,
    submissions: Vec<Submission>,
    /// What was sent over each of the two links.
    sent: [Vec<u8>; 2],
    protocol: Protocol,
    dialect: Dialect,
    requests: Vec<u8>,
    answers: Vec<u8>,
    scratch: Vec<u8>,
    next: u64,
    ns: u64,
}

fn framing(protocol: Protocol) -> Framing {
    match protocol {
        Protocol::Sbe => Framing::Sofh,
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Framing::LEN2,
    }
}

fn participant(institution: u64, role: Role, protocol: Protocol) -> Participant {
    Participant {
        institution: Institution::new(institution).unwrap(),
        name: format!("p{institution}"),
        role,
        protocol,
        country: 156,
        currency: Currency::new(156).unwrap(),
        fronted: Vec::new(),
        window_in: 10_000,
        window_out: 10_000,
        rate_per_second: 0,
        answer_timeout_ms: 10_000,
        repeat_ms: 1_000,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    }
}

fn journal() -> Journal {
    let config = JournalConfig {
        identity: JournalIdentity {
            uuid: [7; 16],
            shard: ShardId(0),
            shards: 1,
        },
        mode: CommitMode::Memory,
        ring_bytes: RING_BYTES,
        segment_bytes: 1 << 30,
        segments_max: 1 << 20,
        reserve_bytes: 1 << 20,
        pace: Pace::MEMORY,
    };
    let start = StartPoint {
        epoch: Epoch(1),
        boot_id: [1; 16],
        next: Lsn(0),
        durable: Lsn(0),
        chain: 0,
        segments_open: 0,
    };
    Journal::new(config, start)
}

fn header(number: u64) -> Header {
    let stan = u32::try_from(number % 999_999 + 1).unwrap();
    Header {
        match_key: MatchKey::from_iso(stan, 1_121_220_505),
        transmit_time: Wall(1),
    }
}

impl World {
    fn new(protocol: Protocol) -> Self {
        let mut prefixes = CodePrefixes::default();
        prefixes.insert("2812", ParticipantIndex(1)).unwrap();
        let participants = vec![
            participant(100, Role::Acquirer, protocol),
            participant(200, Role::Wallet, protocol),
        ];
        let tables = Arc::new(
            Tables::new(TableVersion(1), 1, participants, prefixes)
                .unwrap()
                .into(),
        );
        let parts = ShardParts {
            shard: ShardId(0),
            shards: 1,
            listeners: vec![ListenerPlan {
                name: "bench".to_owned(),
                protocol,
                framing: framing(protocol),
                address: "127.0.0.1:0".parse().unwrap(),
                frame_bytes_max: FRAME_BYTES_DEFAULT,
            }],
            dialects: vec![Dialect::plain(protocol), Dialect::plain(protocol)],
            credentials: (0..2).map(|_| Credential(Box::new(|_| true))).collect(),
            sessions: SessionLimits {
                links_max: 8,
                unsigned_links_max: 8,
            },
            in_flight_max: 4_096,
        };
        let limits = EngineLimits {
            in_flight_max: 4_096,
            remembered_keys_max: KEYS_MAX,
        };
        let replayed = Replaying::new(limits, tables, 3);
        replayed.memory().for_each(cpg_switch::sys::memory::settle);
        let mut journal = journal();
        let mut tail = vec![0; BLOCK_BYTES + usize::try_from(RING_BYTES).unwrap()];
        journal.start_tail(&mut tail);
        let now = Now {
            monotonic: Monotonic(0),
            wall: Wall(START_NS),
        };
        let mut world = Self {
            shard: Shard::new(parts, replayed, journal, now),
            tail,
            submissions: Vec::with_capacity(64),
            sent: [Vec::new(), Vec::new()],
            protocol,
            dialect: Dialect::plain(protocol),
            requests: Vec::new(),
            answers: Vec::new(),
            scratch: vec![0; FRAME_BYTES_DEFAULT],
            next: 1,
            ns: 0,
        };
        for (slot, institution) in [(0, 100), (1, 200)] {
            world.sign_on(slot, institution);
        }
        world
    }

    fn sign_on(&mut self, slot: u32, institution: u64) {
        let link = LinkId {
            slot,
            generation: 1,
        };
        let peer = "127.0.0.1:1".parse().unwrap();
        self.turn(Completion::Accepted {
            listener: ListenerIndex(0),
            link,
            peer,
        });
        let sign_on = Message::SignOn(SignOn {
            header: header(1),
            institution: Institution::new(institution).unwrap(),
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        });
        let framing = framing(self.protocol);
        let written = encode_frame(&self.dialect, framing, None, &sign_on, &mut self.scratch);
        let bytes = self.scratch[..written.unwrap().bytes].to_vec();
        self.turn(Completion::Received {
            link,
            bytes: &bytes,
        });
        self.sent = [Vec::new(), Vec::new()];
    }

    fn turn(&mut self, completion: Completion<'_>) {
        self.ns += 1_000;
        let now = Now {
            monotonic: Monotonic(self.ns),
            wall: Wall(START_NS + self.ns),
        };
        let mut pass = Pass {
            now,
            tail: &mut self.tail,
            submissions: &mut self.submissions,
        };
        self.shard.handle(completion, &mut pass);
        self.shard.finish(&mut pass);
        while let Some(submission) = self.submissions.pop() {
            let mut pass = Pass {
                now,
                tail: &mut self.tail,
                submissions: &mut self.submissions,
            };
            match submission {
                Submission::Send { link, mut buffer } => {
                    let bytes = buffer.remaining().len();
                    self.sent[usize::try_from(link.slot).unwrap()]
                        .extend_from_slice(buffer.remaining());
                    buffer.advance(bytes);
                    let errno = Errno(0);
                    self.shard.handle(
                        Completion::Sent {
                            link,
                            buffer,
                            errno,
                        },
                        &mut pass,
                    );
                }
                Submission::Write { write, .. } => {
                    let errno = Errno(0);
                    self.shard
                        .handle(Completion::Written { write, errno }, &mut pass);
                }
                Submission::PrepareSegment { segment } => {
                    let errno = Errno(0);
                    self.shard
                        .handle(Completion::SegmentReady { segment, errno }, &mut pass);
                }
                Submission::Close { .. } | Submission::SealSegment { .. } => {}
            }
        }
    }

    /// Encodes a batch of new requests. Not measured.
    fn prepare(&mut self) {
        self.requests.clear();
        let today = Date::from_yyyymmdd(20_261_121).unwrap();
        for _ in 0..BATCH {
            let reference = format!("{:012}", self.next)
                .into_bytes()
                .try_into()
                .unwrap();
            let request = Message::PaymentRequest(PaymentRequest {
                header: header(self.next),
                key: Key {
                    originator: Institution::new(100).unwrap(),
                    local_date: today,
                    reference: Reference::new(reference).unwrap(),
                },
                local_time: LocalTime::from_hhmmss(120_000),
                destination: None,
                forwarder: None,
                presentation: Presentation::Cpm,
                scenario: None,
                amounts: Amounts {
                    amount: Money::new(1_250, Currency::new(156).unwrap()).unwrap(),
                    billing: None,
                    settlement: None,
                    billing_rate: None,
                    settlement_rate: None,
                },
                mcc: Some(5_411),
                country: None,
                terminal: Chars::padded(b"T0000001"),
                merchant_id: Chars::padded(b"M00000000000001"),
                payer_token: None,
                kyc_level: None,
                code: Sensitive(b"281234567890123456"),
                merchant_name: b"",
                quote: b"",
                mac: b"",
            });
            let framing = framing(self.protocol);
            let written = encode_frame(&self.dialect, framing, None, &request, &mut self.scratch);
            self.requests
                .extend_from_slice(&self.scratch[..written.unwrap().bytes]);
            self.next += 1;
        }
    }

    /// Encodes the answers to what the wallet was sent. Not measured.
    fn prepare_answers(&mut self) {
        let today = Date::from_yyyymmdd(20_261_121).unwrap();
        self.answers.clear();
        let mut bytes: &[u8] = &self.sent[1];
        while let Split::Frame { body, total, .. } =
            framing(self.protocol).split(bytes, FRAME_BYTES_DEFAULT)
        {
            let Ok(Message::PaymentRequest(request)) = self.dialect.decode(&bytes[body], today)
            else {
                unreachable!("a wallet is sent requests")
            };
            let result = Message::PaymentResult(PaymentResult {
                header: request.header,
                key: request.key,
                response_code: ResponseCode::APPROVED,
                outcome: Some(Outcome::Approved),
                approval_code: Chars::padded(b"123456"),
                amounts: request.amounts,
                settlement_date: None,
                echoed: Echoed::default(),
                text: b"",
                mac: b"",
            });
            let framing = framing(self.protocol);
            let written = encode_frame(&self.dialect, framing, None, &result, &mut self.scratch);
            self.answers
                .extend_from_slice(&self.scratch[..written.unwrap().bytes]);
            bytes = &bytes[total..];
        }
    }

    fn receive(&mut self, slot: u32, bytes: &[u8]) {
        // As a machine's receive buffers bring it.
        for part in bytes.chunks(16 * 1_024) {
            let link = LinkId {
                slot,
                generation: 1,
            };
            self.turn(Completion::Received { link, bytes: part });
        }
    }

    /// A batch; returns the time that the shard took.
    fn batch(&mut self) -> Duration {
        self.prepare();
        self.sent = [Vec::new(), Vec::new()];
        let requests = std::mem::take(&mut self.requests);
        let start = WallTime.start();
        self.receive(0, &requests);
        let mut spent = WallTime.end(start);
        self.requests = requests;
        self.prepare_answers();
        let answers = std::mem::take(&mut self.answers);
        let start = WallTime.start();
        self.receive(1, &answers);
        spent += WallTime.end(start);
        self.answers = answers;
        assert!(
            !black_box(&self.sent[0]).is_empty(),
            "the acquirer has its answers"
        );
        assert_eq!(self.shard.open_payments(), 0);
        spent
    }
}

fn payments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("turn");
    group.throughput(Throughput::Elements(1));
    for protocol in Protocol::ALL {
        let mut world = World::new(protocol);
        group.bench_function(BenchmarkId::new("payment", protocol.name()), |bencher| {
            bencher.iter_custom(|payments| {
                let batches = payments.div_ceil(BATCH);
                let mut spent = Duration::ZERO;
                for _ in 0..batches {
                    if world.next + BATCH >= u64::from(KEYS_MAX) {
                        world = World::new(protocol);
                    }
                    spent += world.batch();
                }
                spent.mul_f64(payments as f64 / (batches * BATCH) as f64)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = payments
}
criterion_main!(benches);

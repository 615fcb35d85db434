//! A shard on the machine whose journal is many times as large as the room it has: kept in the
//! archive, given up, started again at several points, and nothing lost.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::journal::audit::Audit;
use crate::journal::keeper::{Keeper, KeeperNote, KeeperPlan};
use crate::journal::read_only::ReadOnlyFolder;
use crate::journal::reader::verify;
use crate::model::chars::Sensitive;
use crate::model::ids::Reference;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, PaymentRequest, StatusInquiry};
use crate::model::money::Money;
use crate::model::outcome::Presentation;
use crate::shard::plan::{JournalPlan, ShardPlan};
use crate::shard::run::{RunningShards, ShardExit, start};
use crate::sys::clock::Clock;
use crate::sys::machine::{Idle, WriteFaults};
use crate::sys::segments::list_segments;

const SEGMENT_BYTES: u64 = 1 << 18;
const SEGMENTS_MAX: u64 = 6;

fn plan(directory: &Path) -> ShardPlan {
    let participants = vec![
        participant(ACQUIRER, Role::Acquirer, 156, Protocol::Sbe),
        participant(WALLET, Role::Wallet, 156, Protocol::Sbe),
    ];
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("28", ParticipantIndex(1)).unwrap();
    let tables = Tables::new(TableVersion(1), 1, participants, prefixes);
    ShardPlan {
        shard: ShardId(0),
        shards: 1,
        listeners: vec![ListenerPlan {
            name: "sbe".to_owned(),
            protocol: Protocol::Sbe,
            framing: Framing::Sofh,
            address: "127.0.0.1:0".parse().unwrap(),
            frame_bytes_max: 8_192,
        }],
        dialects: vec![Dialect::plain(Protocol::Sbe), Dialect::plain(Protocol::Sbe)],
        credentials: vec![
            Credential(Box::new(|_| true)),
            Credential(Box::new(|_| true)),
        ],
        tables: Arc::new(tables.unwrap()),
        sessions: SessionLimits {
            links_max: 8,
            unsigned_links_max: 8,
        },
        engine: EngineLimits {
            in_flight_max: 256,
            remembered_keys_max: 200_000,
        },
        retention_ms: 0,
        journal: JournalPlan {
            data: directory.join("data"),
            commit: CommitMode::Memory,
            tail_bytes: 1 << 20,
            segment_bytes: SEGMENT_BYTES,
            bytes_max: SEGMENTS_MAX * SEGMENT_BYTES,
            tail_dir: Some(directory.join("tails")),
            faults: WriteFaults::default(),
        },
        core: None,
        idle: Idle::Park,
    }
}

/// A switch and its keeper.
struct Running {
    shards: RunningShards,
    keeper: Keeper,
    notes: Receiver<KeeperNote>,
}

impl Running {
    fn start(directory: &Path) -> Self {
        let shards = start(vec![plan(directory)]).unwrap();
        let (tell, notes) = channel();
        let desk = KeeperDesk::new(&shards, move |note| drop(tell.send(note)));
        let plan = KeeperPlan {
            data: directory.join("data"),
            archive: None,
            bytes_max: SEGMENTS_MAX * SEGMENT_BYTES,
        };
        Self {
            shards,
            keeper: Keeper::start(plan, desk).unwrap(),
            notes,
        }
    }

    fn address(&self) -> SocketAddr {
        self.shards.listeners[0].1
    }

    /// Ends at once, as a kill does.
    fn stop(self) {
        assert!(self.shards.mailboxes[0].send(Command::Stop));
        let (_, exit) = self.shards.join();
        assert!(matches!(exit, ShardExit::Stopped), "{exit:?}");
        self.keeper.end();
        for note in self.notes.try_iter() {
            let fine = !matches!(note, KeeperNote::NotMade(_) | KeeperNote::NotArchived(_));
            assert!(fine, "{note:?}");
        }
    }
}

struct Link {
    stream: TcpStream,
    received: Vec<u8>,
    today: Date,
}

impl Link {
    fn open(address: SocketAddr) -> Self {
        let mut link = Self {
            stream: TcpStream::connect(address).unwrap(),
            received: Vec::new(),
            today: Clock.now().wall.date(),
        };
        link.say(&[Message::SignOn(SignOn {
            header: Header::default(),
            institution: Institution::new(ACQUIRER).unwrap(),
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        })]);
        assert_eq!(link.hear(1), [(0, ResponseCode::APPROVED)]);
        link
    }

    fn say(&mut self, messages: &[Message<'_>]) {
        let (mut bytes, mut frame) = (Vec::new(), [0; 2_048]);
        let dialect = Dialect::plain(Protocol::Sbe);
        for message in messages {
            let written =
                crate::wire::encode_frame(&dialect, Framing::Sofh, None, message, &mut frame);
            bytes.extend_from_slice(&frame[..written.unwrap().bytes]);
        }
        self.stream.write_all(&bytes).unwrap();
    }

    /// So many answers: match key and code. What waits for no commit overtakes what does.
    fn hear(&mut self, count: usize) -> Vec<(u64, ResponseCode)> {
        let dialect = Dialect::plain(Protocol::Sbe);
        let mut codes = Vec::new();
        let mut chunk = vec![0; 65_536];
        while codes.len() < count {
            let split = Framing::Sofh.split(&self.received, 8_192);
            if let Split::Frame { body, total, .. } = split {
                match dialect.decode(&self.received[body], self.today).unwrap() {
                    Message::SignOnAck(it) => codes.push((it.header.match_key.0, it.response_code)),
                    Message::PaymentResult(it) => {
                        codes.push((it.header.match_key.0, it.response_code));
                    }
                    Message::StatusResult(it) => {
                        codes.push((it.header.match_key.0, it.response_code));
                    }
                    Message::Echo(_) => {}
                    other => unreachable!("{other:?}"),
                }
                self.received.drain(..total);
            } else {
                let count = self.stream.read(&mut chunk).unwrap();
                assert!(count > 0, "the link was closed");
                self.received.extend_from_slice(&chunk[..count]);
            }
        }
        codes
    }
}

fn reference(number: u64) -> Reference {
    let text = format!("{number:012}");
    Reference::new(text.as_bytes().try_into().unwrap()).unwrap()
}

fn request(number: u64, today: Date) -> Message<'static> {
    Message::PaymentRequest(PaymentRequest {
        header: Header {
            match_key: MatchKey(number),
            transmit_time: Wall(1),
        },
        key: Key {
            originator: Institution::new(ACQUIRER).unwrap(),
            local_date: today,
            reference: reference(number),
        },
        local_time: None,
        destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: None,
        amounts: Amounts {
            amount: Money::new(500, Currency::new(156).unwrap()).unwrap(),
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        mcc: Some(5_411),
        country: None,
        terminal: None,
        merchant_id: None,
        payer_token: None,
        kyc_level: None,
        code: Sensitive(b"281041000000000001"),
        merchant_name: b"",
        quote: b"",
        mac: b"",
    })
}

fn inquiry(number: u64, today: Date) -> Message<'static> {
    let key = Key {
        originator: Institution::new(ACQUIRER).unwrap(),
        local_date: today,
        reference: reference(number),
    };
    Message::StatusInquiry(StatusInquiry {
        header: Header {
            match_key: MatchKey(number + 1),
            transmit_time: Wall(1),
        },
        target: BusinessKey {
            key,
            class: Class::Payment,
        },
        root: key,
        mac: b"",
    })
}

/// Pays, each until it is on record (the wallet is down: 91); returns how often it was shed.
fn pay(link: &mut Link, numbers: core::ops::Range<u64>) -> u64 {
    let (mut open, mut shed): (Vec<u64>, _) = (Vec::new(), 0);
    let mut rest = numbers;
    loop {
        open.extend(rest.by_ref().take(500 - open.len()));
        if open.is_empty() {
            return shed;
        }
        let messages: Vec<_> = open
            .iter()
            .map(|number| request(*number, link.today))
            .collect();
        link.say(&messages);
        let codes = link.hear(open.len());
        let before = open.len();
        for (number, code) in codes {
            match code {
                ResponseCode::DESTINATION_DOWN => open.retain(|one| *one != number),
                ResponseCode::SHED => {}
                other => unreachable!("{other:?}"),
            }
        }
        shed += open.len() as u64;
        if open.len() == before {
            // The keeper makes room.
            std::thread::park_timeout(core::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn many_times_the_room_flows_through_over_restarts_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut next = 0;
    let mut firsts = Vec::new();
    for payments in [9_000, 3_000, 1_500, 6_000] {
        let running = Running::start(directory.path());
        let mut link = Link::open(running.address());
        pay(&mut link, next..next + payments);
        next += payments;
        running.stop();
        let segments = list_segments(&data.join("shard-00")).unwrap();
        assert!(segments.len() as u64 <= SEGMENTS_MAX + 1, "{segments:?}");
        firsts.push(segments[0].0);
    }
    assert!(firsts[0] > 1 && firsts.is_sorted(), "{firsts:?}");
    assert!(firsts[3] > SEGMENTS_MAX, "{firsts:?}");
    // What was forgotten long ago is told of as ever, and what never was is not.
    let running = Running::start(directory.path());
    let mut link = Link::open(running.address());
    let inquiries: Vec<_> = [0, 7, 2_000, next - 1, next]
        .map(|number| inquiry(number, link.today))
        .into();
    for (number, inquiry) in inquiries.iter().enumerate() {
        link.say(&[*inquiry]);
        let expected = match number {
            4 => ResponseCode::NOT_FOUND,
            _ => ResponseCode::APPROVED,
        };
        let [(_, code)] = link.hear(1)[..] else {
            unreachable!("one answer")
        };
        assert_eq!(code, expected, "{inquiry:?}");
    }
    let looked_up = || running.shards.counters[0].get(Counter::LookUps);
    while looked_up() < 4 {
        std::thread::yield_now();
    }
    running.stop();
    // All of it is in archive and journal, each once, and keeps every rule.
    let report = verify(&data).unwrap();
    assert!(report.is_good(), "{report:?}");
    let (mut found, mut audit) = (BTreeSet::new(), Audit::new());
    let mut last = 0;
    let folder = ReadOnlyFolder::open(&data).unwrap();
    folder
        .read_shard(ShardId(0), &mut |entry| {
            audit.record(0, ShardId(0), &entry);
            if let Record::Payment(payment) = entry.record {
                assert!(found.insert(payment.key.reference), "{payment:?} twice");
                assert!(payment.number.0 > last, "numbers only grow");
                last = payment.number.0;
            }
        })
        .unwrap();
    let expected: BTreeSet<Reference> = (0..next).map(reference).collect();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected);
    let report = audit.finish();
    assert!(report.is_good(), "{:?}", report.violations.first());
}

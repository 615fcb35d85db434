//! A shard on the machine whose journal is many times as large as the room it has: kept in the
//! archive, given up, started again at several points, and nothing lost.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;
use crate::engine::LOOK_UPS_SHARE;
use crate::fx::exponents::iso_4217;
use crate::journal::audit::Audit;
use crate::journal::keeper::{Keeper, KeeperNote, KeeperPlan};
use crate::journal::read_only::ReadOnlyFolder;
use crate::journal::reader::verify;
use crate::model::chars::Sensitive;
use crate::model::ids::Reference;
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{Amounts, PaymentRequest, StatusInquiry};
use crate::model::money::Money;
use crate::model::outcome::{Outcome, Presentation};
use crate::shard::plan::{JournalPlan, ShardPlan};
use crate::shard::run::{RunningShards, ShardExit, start};
use crate::sys::clock::Clock;
use crate::sys::files::lock_path;
use crate::sys::machine::{Idle, WriteFaults};
use crate::sys::segments::list_segments;

const SEGMENT_BYTES: u64 = 1 << 18;
pub(super) const SEGMENTS_MAX: u64 = 6;

pub(super) fn plan(directory: &Path, shard: u16, shards: u16) -> ShardPlan {
    // A slow machine may leave a link silent for long, and nobody here answers an echo.
    let of = |institution, role| Participant {
        echo_idle_ms: 3_600_000,
        ..participant(institution, role, 156, Protocol::Sbe)
    };
    let participants = vec![of(ACQUIRER, Role::Acquirer), of(WALLET, Role::Wallet)];
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("28", ParticipantIndex(1)).unwrap();
    let tables = Tables::new(TableVersion(1), 1, participants, prefixes);
    ShardPlan {
        shard: ShardId(shard),
        shards,
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
        tables: Arc::new(tables.unwrap().into()),
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
pub(super) struct Running {
    pub(super) shards: RunningShards,
    keeper: Keeper,
    notes: Receiver<KeeperNote>,
}

impl Running {
    pub(super) fn start(directory: &Path) -> Self {
        Self::start_shards(directory, 1)
    }

    pub(super) fn start_shards(directory: &Path, shards: u16) -> Self {
        let plans = (0..shards).map(|shard| plan(directory, shard, shards));
        let shards = start(plans.collect()).unwrap();
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

    pub(super) fn address(&self) -> SocketAddr {
        self.shards.listeners[0].1
    }

    /// Ends at once, as a kill does.
    pub(super) fn stop(self) {
        for mailbox in &self.shards.mailboxes {
            assert!(mailbox.send(Command::Stop));
        }
        let (_, exit) = self.shards.join();
        assert!(matches!(exit, ShardExit::Stopped), "{exit:?}");
        self.keeper.end();
        for note in self.notes.try_iter() {
            let fine = !matches!(note, KeeperNote::NotMade(_) | KeeperNote::NotArchived(_));
            assert!(fine, "{note:?}");
        }
    }
}

/// What was heard of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    /// The match key of ours that it answers.
    pub(super) match_key: u64,
    pub(super) code: ResponseCode,
    pub(super) outcome: Option<Outcome>,
    /// What has been given back so far.
    pub(super) refunded_minor: Option<i64>,
}

pub(super) struct Link {
    stream: TcpStream,
    received: Vec<u8>,
    pub(super) today: Date,
}

impl Link {
    pub(super) fn open(address: SocketAddr, institution: u64) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // What never comes fails its test, and does not hang it.
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        let mut link = Self {
            stream,
            received: Vec::new(),
            today: Clock.now().wall.date(),
        };
        link.say(&[Message::SignOn(SignOn {
            header: Header::default(),
            institution: Institution::new(institution).unwrap(),
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        })]);
        assert_eq!(link.hear(1)[0].code, ResponseCode::APPROVED);
        link
    }

    pub(super) fn say(&mut self, messages: &[Message<'_>]) {
        let (mut bytes, mut frame) = (Vec::new(), [0; 2_048]);
        let dialect = Dialect::plain(Protocol::Sbe);
        for message in messages {
            let written =
                crate::wire::encode_frame(&dialect, Framing::Sofh, None, message, &mut frame);
            bytes.extend_from_slice(&frame[..written.unwrap().bytes]);
        }
        self.stream.write_all(&bytes).unwrap();
    }

    /// Shows so many messages, echoes apart.
    pub(super) fn each(&mut self, count: usize, mut look: impl FnMut(&Message<'_>)) {
        let dialect = Dialect::plain(Protocol::Sbe);
        let (mut chunk, mut seen) = (vec![0; 65_536], 0);
        while seen < count {
            let split = Framing::Sofh.split(&self.received, 8_192);
            if let Split::Frame { body, total, .. } = split {
                match dialect.decode(&self.received[body], self.today).unwrap() {
                    Message::Echo(_) => {}
                    message => {
                        seen += 1;
                        look(&message);
                    }
                }
                self.received.drain(..total);
            } else {
                let count = self.stream.read(&mut chunk).unwrap();
                assert!(count > 0, "the link was closed");
                self.received.extend_from_slice(&chunk[..count]);
            }
        }
    }

    /// So many answers. They come in no order: what waits for no commit overtakes what does.
    pub(super) fn hear(&mut self, count: usize) -> Vec<Heard> {
        let mut heard = Vec::new();
        self.each(count, |message| {
            let (header, code, outcome, refunded) = match message {
                Message::SignOnAck(it) => (it.header, it.response_code, None, None),
                Message::PaymentResult(it) => (it.header, it.response_code, it.outcome, None),
                Message::RefundResult(it) => {
                    (it.header, it.response_code, it.outcome, it.refunded_so_far)
                }
                Message::StatusResult(it) => {
                    (it.header, it.response_code, it.outcome, it.refunded_so_far)
                }
                Message::ReversalAdviceAck(it) => (it.header, it.response_code, it.outcome, None),
                other => unreachable!("{other:?}"),
            };
            heard.push(Heard {
                match_key: header.match_key.0,
                code,
                outcome,
                refunded_minor: refunded.map(|money: Money| money.minor),
            });
        });
        heard
    }

    /// Says one message and hears its answer.
    pub(super) fn ask(&mut self, message: Message<'_>) -> Heard {
        self.say(&[message]);
        self.hear(1)[0]
    }
}

pub(super) fn reference(number: u64) -> Reference {
    let text = format!("{number:012}");
    Reference::new(text.as_bytes().try_into().unwrap()).unwrap()
}

pub(super) fn key(number: u64, today: Date) -> Key {
    Key {
        originator: Institution::new(ACQUIRER).unwrap(),
        local_date: today,
        reference: reference(number),
    }
}

pub(super) fn header(match_key: u64) -> Header {
    Header {
        match_key: MatchKey(match_key),
        transmit_time: Wall(1),
    }
}

pub(super) fn yuan(minor: i64) -> Amounts {
    Amounts {
        amount: Money::new(minor, Currency::new(156).unwrap()).unwrap(),
        billing: None,
        settlement: None,
        billing_rate: None,
        settlement_rate: None,
    }
}

/// A payment whose match key is its number; `code` says whose payer it is.
pub(super) fn request(number: u64, today: Date, code: &'static [u8]) -> Message<'static> {
    Message::PaymentRequest(PaymentRequest {
        header: header(number),
        key: key(number, today),
        local_time: None,
        destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: None,
        amounts: yuan(500),
        mcc: Some(5_411),
        country: None,
        terminal: None,
        merchant_id: None,
        payer_token: None,
        kyc_level: None,
        code: Sensitive(code),
        merchant_name: b"",
        quote: b"",
        mac: b"",
    })
}

/// How is it? Its match key is the number.
pub(super) fn inquiry(number: u64, today: Date) -> Message<'static> {
    Message::StatusInquiry(StatusInquiry {
        header: header(number),
        target: BusinessKey {
            key: key(number, today),
            class: Class::Payment,
        },
        root: key(number, today),
        mac: b"",
    })
}

/// A code that is nobody's, and one of the wallet's.
pub(super) const NOBODYS: &[u8] = b"990000000000";
pub(super) const WALLETS: &[u8] = b"281041000000000001";

/// Pays, each until it is on record: with a code that is nobody's, it is declined at once. Answers
/// are paired with requests by their match keys; returns how often one was shed.
pub(super) fn pay(link: &mut Link, numbers: core::ops::Range<u64>) -> u64 {
    let (mut open, mut shed): (BTreeSet<u64>, _) = (BTreeSet::new(), 0);
    let mut rest = numbers;
    loop {
        open.extend(rest.by_ref().take(500 - open.len()));
        if open.is_empty() {
            return shed;
        }
        let today = link.today;
        let requests = open.iter().map(|number| request(*number, today, NOBODYS));
        let messages: Vec<_> = requests.collect();
        link.say(&messages);
        let before = open.len();
        for heard in link.hear(before) {
            match heard.code {
                ResponseCode::NO_ROUTE => assert!(open.remove(&heard.match_key), "{heard:?}"),
                ResponseCode::SHED => assert!(open.contains(&heard.match_key), "{heard:?}"),
                other => unreachable!("{other:?}"),
            }
        }
        shed += open.len() as u64;
        if open.len() == before {
            // The keeper makes room.
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// Everything in archive and journal is whole, and keeps every rule; each payment is there once.
pub(super) fn read_all(data: &Path) -> BTreeSet<Reference> {
    let report = verify(data).unwrap();
    assert!(report.is_good(), "{report:?}");
    let (mut found, mut audit, mut last) = (BTreeSet::new(), Audit::new(iso_4217()), 0);
    let folder = ReadOnlyFolder::open(data).unwrap();
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
    let report = audit.finish();
    assert!(report.is_good(), "{:?}", report.violations.first());
    found
}

#[test]
fn a_folder_stays_locked_for_as_long_as_its_keeper_may_give_segments_up() {
    let directory = tempfile::tempdir().unwrap();
    let shards = start(vec![plan(directory.path(), 0, 1)]).unwrap();
    let desk = KeeperDesk::new(&shards, |_| {});
    assert!(shards.mailboxes[0].send(Command::Stop));
    shards.join();
    let lock = directory.path().join("data").join("lock");
    lock_path(&lock, 0).unwrap_err();
    drop(desk);
    lock_path(&lock, 0).unwrap();
}

#[test]
fn many_times_the_room_flows_through_over_restarts_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut next = 0;
    let mut firsts = Vec::new();
    for payments in [9_000, 3_000, 1_500, 6_000] {
        let running = Running::start(directory.path());
        let mut link = Link::open(running.address(), ACQUIRER);
        pay(&mut link, next..next + payments);
        next += payments;
        running.stop();
        let segments = list_segments(&data.join("shard-00")).unwrap();
        assert!(segments.len() as u64 <= SEGMENTS_MAX + 1, "{segments:?}");
        firsts.push(segments[0].0);
    }
    assert!(firsts[0] > 1 && firsts.is_sorted(), "{firsts:?}");
    assert!(firsts[3] > SEGMENTS_MAX, "{firsts:?}");
    // Every payment that was answered is told of as it was answered, from memory or the archive;
    // and what never was is not.
    let running = Running::start(directory.path());
    let mut link = Link::open(running.address(), ACQUIRER);
    let today = link.today;
    let asked: Vec<u64> = (0..50).chain((50..next).step_by(41)).collect();
    for some in asked.chunks(LOOK_UPS_SHARE) {
        let inquiries: Vec<_> = some.iter().map(|number| inquiry(*number, today)).collect();
        link.say(&inquiries);
        let heard = link.hear(some.len());
        let numbers: BTreeSet<u64> = heard.iter().map(|heard| heard.match_key).collect();
        assert!(numbers.iter().eq(some), "each is answered once");
        for heard in heard {
            let told = (heard.code, heard.outcome);
            assert_eq!(told, (ResponseCode::APPROVED, Some(Outcome::Declined)));
        }
    }
    let heard = link.ask(inquiry(next, today));
    assert_eq!(heard.code, ResponseCode::NOT_FOUND);
    let looked_up = || running.shards.counters[0].get(Counter::LookUps);
    while looked_up() < 50 {
        std::thread::yield_now();
    }
    running.stop();
    let expected: BTreeSet<Reference> = (0..next).map(reference).collect();
    assert!(read_all(&data) == expected);
}

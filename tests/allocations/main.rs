//! A shard allocates nothing once it is warm: 100,000 payments through real sockets, every pairing
//! of protocols, counted over the whole process.
//!
//! It stands alone because it counts every allocation of its process: no other test may run beside
//! it, and the client below allocates nothing either while it counts.

#![cfg(test)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use cpg_switch::engine::{EngineLimits, Snapshot};
use cpg_switch::guard::{
    Corridor, Guard, KeyedHash, LimitRow, List, ListKey, ListRow, Listed, Rule, Rules,
};
use cpg_switch::journal::CommitMode;
use cpg_switch::model::chars::{Chars, Sensitive};
use cpg_switch::model::ids::{
    Institution, MatchKey, ParticipantIndex, Reference, ShardId, TableVersion,
};
use cpg_switch::model::keys::Key;
use cpg_switch::model::limits::{FRAME_BYTES_DEFAULT, SCRATCH_BYTES};
use cpg_switch::model::message::{
    Amounts, Echoed, Header, Message, PaymentRequest, PaymentResult, SignOn,
};
use cpg_switch::model::money::{Currency, Money};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode};
use cpg_switch::model::participant::{Participant, Protocol, ResolverProfile, Role};
use cpg_switch::model::time::{Date, LocalTime, Wall};
use cpg_switch::route::{CodePrefixes, Tables};
use cpg_switch::session::SessionLimits;
use cpg_switch::shard::plan::{Credential, JournalPlan, ListenerPlan, ShardPlan};
use cpg_switch::shard::run::{ShardExit, start};
use cpg_switch::shard::{Command, stats::Counter};
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::counting::CountingAllocator;
use cpg_switch::sys::machine::{Idle, WriteFaults};
use cpg_switch::wire::frame::{Framing, Split};
use cpg_switch::wire::iso8583::{Base, Form};
use cpg_switch::wire::{Dialect, encode_frame};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

/// Payments sent before their answers are awaited.
const BATCH: u64 = 64;
const PAYMENTS: u64 = 100_000;
/// Acquirers are 100 to 102, wallets 200 to 202, one for each protocol.
const ACQUIRERS: u64 = 100;
const WALLETS: u64 = 200;

fn framing(protocol: Protocol) -> Framing {
    match protocol {
        Protocol::Sbe => Framing::Sofh,
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Framing::LEN2,
    }
}

/// Those who speak binary have their names in GBK.
fn dialect(protocol: Protocol) -> Dialect {
    match protocol {
        Protocol::Sbe | Protocol::Iso8583Ascii => Dialect::plain(protocol),
        Protocol::Iso8583Binary => {
            let base = Base::named("unionpay-like").unwrap();
            Dialect::Iso8583(Box::new(base.dialect(Form::Binary)))
        }
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
        window_in: 1_000,
        window_out: 1_000,
        rate_per_second: 0,
        answer_timeout_ms: 60_000,
        repeat_ms: 1_000,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    }
}

/// Limits and lists that every payment is held against, and that none fails.
fn guard() -> Guard {
    let row = |line, rule| LimitRow {
        line,
        corridor: Corridor::default(),
        presentation: None,
        rule,
    };
    let listed = |kind| ListRow {
        line: 5,
        kind,
        hash: KeyedHash([0; 16]),
    };
    let amount = Rule::Amount {
        least_minor: 1,
        most_minor: i64::MAX,
    };
    Guard::new(Rules {
        currency: Currency::new(156),
        limits: vec![row(2, amount), row(3, Rule::Category { first: 1, last: 1 })],
        list_key: ListKey::new(&[7; 32]),
        lists: vec![List {
            rows: vec![listed(Listed::Payer), listed(Listed::Merchant)],
            ..List::default()
        }],
        ..Rules::default()
    })
    .unwrap()
}

fn plan(directory: &std::path::Path, (shard, shards): (u16, u16)) -> ShardPlan {
    let mut participants = Vec::new();
    let mut prefixes = CodePrefixes::default();
    for (offset, protocol) in (0_u64..).zip(Protocol::ALL) {
        participants.push(participant(ACQUIRERS + offset, Role::Acquirer, protocol));
        let wallet = u16::try_from(participants.len()).unwrap();
        participants.push(participant(WALLETS + offset, Role::Wallet, protocol));
        prefixes
            .insert(&format!("28{offset}"), ParticipantIndex(wallet))
            .unwrap();
    }
    let dialects = participants
        .iter()
        .map(|known| dialect(known.protocol))
        .collect();
    let credentials = participants
        .iter()
        .map(|_| Credential(Box::new(|address| address.is_loopback())));
    let listeners = Protocol::ALL.map(|protocol| ListenerPlan {
        name: protocol.name().to_owned(),
        protocol,
        framing: framing(protocol),
        address: "127.0.0.1:0".parse().unwrap(),
        frame_bytes_max: FRAME_BYTES_DEFAULT,
    });
    ShardPlan {
        shard: ShardId(shard),
        shards,
        listeners: listeners.into(),
        dialects,
        credentials: credentials.collect(),
        tables: Arc::new(
            Snapshot::new(Tables::new(TableVersion(1), 1, participants, prefixes).unwrap())
                .with_guard(guard()),
        ),
        sessions: SessionLimits {
            links_max: 16,
            unsigned_links_max: 16,
        },
        engine: EngineLimits {
            in_flight_max: 1_024,
            remembered_keys_max: 200_000,
        },
        retention_ms: cpg_switch::shard::plan::KEY_RETENTION_MS,
        journal: JournalPlan {
            data: directory.join("data"),
            commit: CommitMode::Memory,
            tail_bytes: 16 << 20,
            segment_bytes: 128 << 20,
            bytes_max: 1 << 30,
            tail_dir: None,
            faults: WriteFaults::default(),
        },
        core: None,
        idle: Idle::Park,
    }
}

/// One signed-on link. Its buffers are taken once.
struct Link {
    stream: TcpStream,
    dialect: Dialect,
    /// The same once more, for what is said while something is heard.
    answering: Dialect,
    framing: Framing,
    out: Vec<u8>,
    received: Vec<u8>,
    used: usize,
    scratch: Vec<u8>,
    texts: Vec<u8>,
}

impl Link {
    fn open(address: std::net::SocketAddr, protocol: Protocol, institution: u64) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut link = Self {
            stream,
            dialect: dialect(protocol),
            answering: dialect(protocol),
            framing: framing(protocol),
            out: Vec::with_capacity(1 << 20),
            received: vec![0; 1 << 20],
            used: 0,
            scratch: vec![0; FRAME_BYTES_DEFAULT],
            texts: vec![0; SCRATCH_BYTES],
        };
        link.say(&Message::SignOn(SignOn {
            header: Header {
                match_key: MatchKey::from_iso(1, 101_000_000),
                ..Header::default()
            },
            institution: Institution::new(institution).unwrap(),
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        }));
        link.flush();
        link.hear(1, |message| {
            assert!(matches!(message, Message::SignOnAck(ack)
                if ack.response_code == ResponseCode::APPROVED));
        });
        link
    }

    fn say(&mut self, message: &Message<'_>) {
        let written = encode_frame(
            &self.dialect,
            self.framing,
            None,
            message,
            &mut self.scratch,
        )
        .unwrap();
        self.out.extend_from_slice(&self.scratch[..written.bytes]);
    }

    fn flush(&mut self) {
        self.stream.write_all(&self.out).unwrap();
        self.out.clear();
    }

    /// Waits for `count` messages.
    fn hear(&mut self, count: u64, mut handle: impl FnMut(&Message<'_>)) {
        let today = Clock.now().wall.date();
        let mut heard = 0;
        while heard < count {
            let mut start = 0;
            while let Split::Frame { body, total, .. } = self
                .framing
                .split(&self.received[start..self.used], FRAME_BYTES_DEFAULT)
            {
                let body = &self.received[start + body.start..start + body.end];
                let message = self.dialect.decode_joining(body, today, &mut self.texts);
                handle(&message.unwrap());
                heard += 1;
                start += total;
            }
            self.received.copy_within(start..self.used, 0);
            self.used -= start;
            if heard < count {
                let read = self.stream.read(&mut self.received[self.used..]).unwrap();
                assert!(read > 0, "the switch closed the link");
                self.used += read;
            }
        }
    }
}

fn reference(number: u64) -> Reference {
    let mut digits = [b'0'; 12];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap();
        rest /= 10;
    }
    Reference::new(digits).unwrap()
}

fn request(originator: u64, number: u64, code: &[u8], today: Date) -> PaymentRequest<'_> {
    let stan = u32::try_from(number % 999_999 + 1).unwrap();
    PaymentRequest {
        header: Header {
            match_key: MatchKey::from_iso(stan, 101_000_000),
            ..Header::default()
        },
        key: Key {
            originator: Institution::new(originator).unwrap(),
            local_date: today,
            reference: reference(number),
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
        payer_token: Chars::padded(b"TOKEN-0001"),
        kyc_level: None,
        code: Sensitive(code),
        merchant_name: "兰州拉面（南京路）".as_bytes(),
        quote: b"",
        mac: b"",
    }
}

fn result(request: &PaymentRequest<'_>) -> PaymentResult<'static> {
    PaymentResult {
        header: Header {
            match_key: request.header.match_key,
            transmit_time: Wall(1),
        },
        key: request.key,
        response_code: ResponseCode::APPROVED,
        outcome: Some(Outcome::Approved),
        approval_code: Chars::padded(b"123456"),
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed::default(),
        text: b"",
        mac: b"",
    }
}

/// One batch from an acquirer to a wallet and back.
fn batch(acquirer: &mut Link, wallet: &mut Link, (originator, code): (u64, &[u8]), first: u64) {
    let today = Clock.now().wall.date();
    for number in first..first + BATCH {
        acquirer.say(&Message::PaymentRequest(request(
            originator, number, code, today,
        )));
    }
    acquirer.flush();
    // The wallet's answers are written while its requests are read: into the acquirer's buffer,
    // which is empty now, and from there to the wallet's link.
    let (answers, scratch) = (&mut acquirer.out, &mut acquirer.scratch);
    let dialect = std::mem::replace(&mut wallet.answering, Dialect::Sbe);
    let framing = wallet.framing;
    wallet.hear(BATCH, |message| {
        let Message::PaymentRequest(request) = message else {
            panic!("not a request")
        };
        let answer = Message::PaymentResult(result(request));
        let written = encode_frame(&dialect, framing, None, &answer, scratch).unwrap();
        answers.extend_from_slice(&scratch[..written.bytes]);
    });
    wallet.answering = dialect;
    wallet.stream.write_all(answers).unwrap();
    answers.clear();
    acquirer.hear(BATCH, |message| {
        assert!(matches!(message, Message::PaymentResult(result)
            if result.response_code == ResponseCode::APPROVED));
    });
}

#[test]
fn a_warm_shard_allocates_nothing_over_100_000_payments() {
    warm_shards_allocate_nothing(1, PAYMENTS);
    // The links of acquirers on one and those of wallets on the other; half of all is crossed.
    warm_shards_allocate_nothing(2, PAYMENTS / 5);
}

fn warm_shards_allocate_nothing(shards: u16, payments: u64) {
    let directory = tempfile::tempdir().unwrap();
    let plans = (0..shards).map(|shard| plan(directory.path(), (shard, shards)));
    let running = start(plans.collect()).unwrap();
    let open = |base: u64| -> Vec<Link> {
        let addresses = running.listeners.iter().map(|(_, address)| *address);
        (0_u64..)
            .zip(Protocol::ALL.into_iter().zip(addresses))
            .map(|(offset, (protocol, address))| Link::open(address, protocol, base + offset))
            .collect()
    };
    let (mut acquirers, mut wallets) = (open(ACQUIRERS), open(WALLETS));
    let codes: [&[u8]; 3] = [
        b"280123456789012346",
        b"281123456789012346",
        b"282123456789012346",
    ];
    let mut next = 1;
    let mut round = |acquirers: &mut [Link], wallets: &mut [Link], payments: u64| {
        let end = next + payments;
        while next < end {
            for (offset, acquirer) in (0_u64..).zip(acquirers.iter_mut()) {
                for (wallet, code) in wallets.iter_mut().zip(codes) {
                    batch(acquirer, wallet, (ACQUIRERS + offset, code), next);
                    next += BATCH;
                }
            }
        }
    };
    round(&mut acquirers, &mut wallets, 5_000);
    let before = ALLOCATOR.allocations();
    round(&mut acquirers, &mut wallets, payments);
    let during = ALLOCATOR.allocations() - before;
    for mailbox in &running.mailboxes {
        assert!(mailbox.send(Command::Drain));
    }
    let counters = running.counters.clone();
    assert!(matches!(running.join(), (_, ShardExit::Drained)));
    let sum = |counter| counters.iter().map(|shard| shard.get(counter)).sum::<u64>();
    assert!(sum(Counter::AnswersApproved) >= payments + 5_000);
    assert_eq!(sum(Counter::CrossingsRefused), 0);
    assert_eq!(sum(Counter::Crossings) > payments, shards > 1);
    assert_eq!(
        during, 0,
        "allocations of the whole process during {payments} payments on {shards} shard(s)"
    );
}

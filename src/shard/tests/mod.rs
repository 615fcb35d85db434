//! A shard between participants that speak different protocols, without a machine: bytes in,
//! submissions out. The fake disk completes writes when it is told to.

mod crossings;
mod digests;
mod goodbyes;
mod holds;
mod keeping;
mod old_payments;
mod quotes;
mod refund_keys;
mod resharded;
mod resolution;
mod rulings;
mod running;
mod stages;
mod town;
mod translation;
mod turns;
mod walks;

use std::collections::VecDeque;

use super::*;
use crate::engine::{Claim, Snapshot, ToldHolds};
use crate::journal::{CommitMode, JournalConfig, JournalIdentity, Pace, StartPoint};
use crate::model::ids::{Epoch, Institution, ListenerIndex, Lsn, MatchKey, TableVersion};
use crate::model::limits::BLOCK_BYTES;
use crate::model::message::{Header, Message, Notice, SignOn};
use crate::model::money::Currency;
use crate::model::outcome::ResponseCode;
use crate::model::participant::{Participant, Protocol, ResolverProfile, Role};
use crate::model::time::Wall;
use crate::route::{CodePrefixes, Tables};
use crate::sys::operation::{Completion, Errno};
use crate::wire::frame::{Framing, Split};

const START: u64 = 1_795_298_705_000_000_000;
const RING_BYTES: u64 = 1 << 20;
const ACQUIRER: u64 = 48_000_702;
const WALLET: u64 = 27_510_458;

/// A shard, its fake machine, and one link for each of two participants.
struct World {
    shard: Shard,
    tail: Vec<u8>,
    ns: u64,
    /// What the shard sent, by link slot, as bodies.
    sent: Vec<VecDeque<Vec<u8>>>,
    writes: Vec<u64>,
    hold_writes: bool,
    closed: Vec<LinkId>,
    protocols: Vec<Protocol>,
    link_protocols: Vec<Protocol>,
    /// The dialects of the two participants, where they are not the plain ones: acquirer's first.
    spoken: Option<[Dialect; 2]>,
    /// Peers to whom something was said and who have not taken a turn since.
    wake: u64,
    /// What its records tell of refund keys, by the shard that owns them.
    claims: Vec<Vec<Claim>>,
    /// And of what payments count for, by the shard that is its home.
    holds: Vec<ToldHolds>,
}

fn participant(institution: u64, role: Role, country: u16, protocol: Protocol) -> Participant {
    Participant {
        institution: Institution::new(institution).unwrap(),
        name: format!("p{institution}"),
        role,
        protocol,
        country,
        currency: Currency::new(156).unwrap(),
        fronted: vec![Institution::new(institution + 1).unwrap()],
        window_in: 100,
        window_out: 100,
        rate_per_second: 0,
        answer_timeout_ms: 5_000,
        repeat_ms: 1_000,
        echo_idle_ms: 10_000,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    }
}

/// Everybody, and whose codes begin how.
fn two(acquirer: Protocol, wallet: Protocol) -> (Vec<Participant>, CodePrefixes) {
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("2812", ParticipantIndex(1)).unwrap();
    let participants = vec![
        participant(ACQUIRER, Role::Acquirer, 156, acquirer),
        participant(WALLET, Role::Wallet, 458, wallet),
    ];
    (participants, prefixes)
}

fn framing(protocol: Protocol) -> Framing {
    match protocol {
        Protocol::Sbe => Framing::Sofh,
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Framing::LEN2,
    }
}

fn journal(mode: CommitMode, (shard, shards): (ShardId, u16)) -> (Journal, Vec<u8>) {
    let identity = JournalIdentity {
        uuid: [7; 16],
        shard,
        shards,
    };
    let config = JournalConfig {
        identity,
        mode,
        ring_bytes: RING_BYTES,
        segment_bytes: 1 << 22,
        segments_max: 64,
        reserve_bytes: 64 * 1024,
        pace: if mode == CommitMode::Disk {
            Pace::DISK
        } else {
            Pace::MEMORY
        },
    };
    let start = StartPoint {
        epoch: Epoch(1),
        boot_id: [1; 16],
        next: Lsn(0),
        durable: Lsn(0),
        chain: 0,
        segments_open: 0,
    };
    let bytes = BLOCK_BYTES + usize::try_from(RING_BYTES).unwrap();
    let (mut journal, mut tail) = (Journal::new(config, start), vec![0; bytes]);
    journal.start_tail(&mut tail);
    (journal, tail)
}

impl World {
    fn new(acquirer: Protocol, wallet: Protocol, mode: CommitMode) -> Self {
        Self::of((ShardId(0), 1), Ports::default(), (acquirer, wallet), mode)
    }

    /// One shard of several.
    fn of(
        ids: (ShardId, u16),
        ports: Ports,
        protocols: (Protocol, Protocol),
        mode: CommitMode,
    ) -> Self {
        Self::after(&[], ids, ports, protocols, mode)
    }

    /// One shard whose wallet pays in ringgit, and which knows a rate for that; it owns the codes
    /// that begin with 2899.
    fn priced(acquirer: Protocol, wallet: Protocol) -> Self {
        let (mut participants, mut prefixes) = two(acquirer, wallet);
        participants[1].currency = Currency::new(458).unwrap();
        prefixes.insert("2899", ParticipantIndex(0)).unwrap();
        let tables = Tables::new(TableVersion(3), 9, participants, prefixes).unwrap();
        let tables = Snapshot::new(tables).with_pricing(quotes::pricing());
        let (ids, protocols) = ((ShardId(0), 1), (acquirer, wallet));
        let place = (ids, Ports::default());
        Self::with((tables, None), &[], place, protocols, CommitMode::Memory)
    }

    /// One shard of several, after it has read these records.
    fn after(
        records: &[Record],
        ids: (ShardId, u16),
        ports: Ports,
        protocols: (Protocol, Protocol),
        mode: CommitMode,
    ) -> Self {
        Self::speaking(None, records, (ids, ports), protocols, mode)
    }

    /// The same, with other dialects than the plain ones.
    fn speaking(
        spoken: Option<[Dialect; 2]>,
        records: &[Record],
        place: ((ShardId, u16), Ports),
        (acquirer, wallet): (Protocol, Protocol),
        mode: CommitMode,
    ) -> Self {
        let (participants, prefixes) = two(acquirer, wallet);
        let tables = Tables::new(TableVersion(3), 9, participants, prefixes).unwrap();
        let tables = (tables.into(), spoken);
        Self::with(tables, records, place, (acquirer, wallet), mode)
    }

    fn with(
        (tables, spoken): (Snapshot, Option<[Dialect; 2]>),
        records: &[Record],
        (ids, ports): ((ShardId, u16), Ports),
        (acquirer, wallet): (Protocol, Protocol),
        mode: CommitMode,
    ) -> Self {
        let protocols = vec![acquirer, wallet];
        let listener = |protocol: &Protocol| ListenerPlan {
            name: protocol.name().to_owned(),
            protocol: *protocol,
            framing: framing(*protocol),
            address: "127.0.0.1:0".parse().unwrap(),
            frame_bytes_max: 8_192,
        };
        let parts = ShardParts {
            shard: ids.0,
            shards: ids.1,
            listeners: Protocol::ALL.iter().map(listener).collect(),
            dialects: match &spoken {
                Some(spoken) => spoken.to_vec(),
                None => protocols.iter().copied().map(Dialect::plain).collect(),
            },
            credentials: protocols
                .iter()
                .map(|_| Credential(Box::new(|ip| ip.is_loopback())))
                .collect(),
            sessions: SessionLimits {
                links_max: 8,
                unsigned_links_max: 4,
            },
            in_flight_max: 64,
        };
        let limits = EngineLimits {
            in_flight_max: 64,
            remembered_keys_max: 256,
        };
        let mut replayed = Replaying::new(limits, Arc::new(tables), 5);
        replayed.gather_claims(Wall(START).date());
        for record in records {
            let entry = journal::Entry {
                lsn: Lsn(0),
                wall: Wall(START),
                record: *record,
            };
            replayed.apply(&entry).unwrap();
        }
        let claims = replayed.take_claims(ids.1);
        let holds = replayed.take_holds(ids.1);
        let (journal, tail) = journal(mode, ids);
        let now = Now {
            monotonic: Monotonic(0),
            wall: Wall(START),
        };
        let mut world = Self {
            shard: Shard::new(parts, replayed, journal, now),
            tail,
            ns: 0,
            sent: vec![VecDeque::new(); 8],
            writes: Vec::new(),
            hold_writes: false,
            closed: Vec::new(),
            link_protocols: Vec::new(),
            protocols,
            spoken,
            wake: 0,
            claims,
            holds,
        };
        world.shard.connect(ports);
        world.turn(Vec::new());
        world
    }

    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic(self.ns),
            wall: Wall(START + self.ns),
        }
    }

    /// One turn with these completions; then as many more as the machine's own answers take.
    fn turn(&mut self, completions: Vec<Completion<'_>>) -> TurnEnd {
        self.told(completions, |_, _| {})
    }

    /// The same with a word of the office's before it.
    fn told(
        &mut self,
        completions: Vec<Completion<'_>>,
        word: impl FnOnce(&mut Shard, &mut Pass<'_>),
    ) -> TurnEnd {
        let now = self.now();
        let mut submissions = Vec::new();
        let mut pass = Pass {
            now,
            tail: &mut self.tail,
            submissions: &mut submissions,
        };
        word(&mut self.shard, &mut pass);
        for completion in completions {
            self.shard.handle(completion, &mut pass);
        }
        let mut end = self.shard.finish(&mut pass);
        self.wake |= end.wake;
        while !submissions.is_empty() {
            let done: Vec<Completion<'_>> = submissions
                .into_iter()
                .filter_map(|submission| self.carry_out(submission))
                .collect();
            submissions = Vec::new();
            if done.is_empty() {
                break;
            }
            let mut pass = Pass {
                now,
                tail: &mut self.tail,
                submissions: &mut submissions,
            };
            for completion in done {
                self.shard.handle(completion, &mut pass);
            }
            end = self.shard.finish(&mut pass);
            self.wake |= end.wake;
        }
        end
    }

    fn carry_out(&mut self, submission: Submission) -> Option<Completion<'static>> {
        match submission {
            Submission::Send { link, mut buffer } => {
                let mut bytes = buffer.remaining();
                let slot = usize::try_from(link.slot).unwrap();
                let framing = framing(self.link_protocols[slot]);
                while let Split::Frame { body, total, .. } = framing.split(bytes, 65_536) {
                    self.sent[slot].push_back(bytes[body].to_vec());
                    bytes = &bytes[total..];
                }
                assert!(bytes.is_empty(), "only whole frames are sent");
                buffer.advance(buffer.remaining().len());
                Some(Completion::Sent {
                    link,
                    buffer,
                    errno: Errno(0),
                })
            }
            Submission::Close { link } => {
                self.closed.push(link);
                Some(Completion::Closed { link })
            }
            Submission::Write { write, .. } if self.hold_writes => {
                self.writes.push(write);
                None
            }
            Submission::Write { write, .. } => Some(Completion::Written {
                write,
                errno: Errno(0),
            }),
            Submission::PrepareSegment { segment } => Some(Completion::SegmentReady {
                segment,
                errno: Errno(0),
            }),
            Submission::SealSegment { .. } => None,
        }
    }

    fn pass_ms(&mut self, ms: u64) -> TurnEnd {
        self.ns += ms * 1_000_000;
        self.turn(Vec::new())
    }

    fn connect(&mut self, protocol: Protocol) -> LinkId {
        let slot = u32::try_from(self.link_protocols.len()).unwrap();
        let link = LinkId {
            slot,
            generation: 1,
        };
        self.link_protocols.push(protocol);
        let listener = Protocol::ALL
            .iter()
            .position(|other| *other == protocol)
            .unwrap();
        let listener = ListenerIndex(u16::try_from(listener).unwrap());
        let peer = "127.0.0.1:50000".parse().unwrap();
        self.turn(vec![Completion::Accepted {
            listener,
            link,
            peer,
        }]);
        link
    }

    fn frame(&self, link: LinkId, message: &Message<'_>) -> Vec<u8> {
        let protocol = self.link_protocols[usize::try_from(link.slot).unwrap()];
        let mut out = vec![0; 65_536];
        let dialect = self.dialect_of(link);
        let encoded =
            crate::wire::encode_frame(&dialect, framing(protocol), None, message, &mut out)
                .unwrap();
        out.truncate(encoded.bytes);
        out
    }

    fn say(&mut self, link: LinkId, message: &Message<'_>) {
        let frame = self.frame(link, message);
        self.turn(vec![Completion::Received {
            link,
            bytes: &frame,
        }]);
    }

    /// The next body that was sent over a link.
    fn heard(&mut self, link: LinkId) -> Option<Vec<u8>> {
        self.sent[usize::try_from(link.slot).unwrap()].pop_front()
    }

    fn dialect_of(&self, link: LinkId) -> Dialect {
        let slot = usize::try_from(link.slot).unwrap();
        let spoken = self.spoken.as_ref().and_then(|spoken| spoken.get(slot));
        spoken.map_or_else(|| Dialect::plain(self.link_protocols[slot]), Clone::clone)
    }

    fn today(&self) -> Date {
        self.now().wall.date()
    }

    /// A signed-on link for each participant.
    fn open(&mut self) -> (LinkId, LinkId) {
        let links: Vec<LinkId> = self
            .protocols
            .clone()
            .into_iter()
            .map(|protocol| self.connect(protocol))
            .collect();
        for (link, institution) in links.iter().zip([ACQUIRER, WALLET]) {
            self.sign_on(*link, institution);
        }
        (links[0], links[1])
    }

    fn sign_on(&mut self, link: LinkId, institution: u64) -> ResponseCode {
        let sign_on = Message::SignOn(SignOn {
            header: header(1),
            institution: Institution::new(institution).unwrap(),
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        });
        self.say(link, &sign_on);
        let body = self.heard(link).unwrap();
        match self.dialect_of(link).decode(&body, self.today()).unwrap() {
            Message::SignOnAck(ack) => ack.response_code,
            other => panic!("{:?}", other.kind()),
        }
    }

    fn echo(&mut self, link: LinkId) -> bool {
        let institution = Institution::new(ACQUIRER);
        self.say(
            link,
            &Message::Echo(Notice {
                header: header(2),
                institution,
                mac: b"",
            }),
        );
        self.heard(link).is_some()
    }
}

/// A header whose match key is valid in every protocol.
fn header(stan: u32) -> Header {
    Header {
        match_key: MatchKey::from_iso(stan, 1_121_220_505),
        transmit_time: Wall(0),
    }
}

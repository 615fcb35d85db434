//! A PARTICIPANT: its links, its sessions, and two books of its own, one for what it asked and one
//! for what it was asked.
//!
//! It speaks through the project's own codecs and knows nothing of the switch but what it is sent.

mod advices;
mod books;
mod destination;
mod originator;
mod refunds;
mod tidings;
mod words;

use std::collections::BTreeMap;

use crate::model::ids::MatchKey;
use crate::model::keys::Key;
use crate::model::message::{Kind, Message, Notice, NoticeAck, SignOn};
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::participant::{Participant, Protocol};
use crate::model::time::Wall;
use crate::sim::checker::rules::{Rule, Verdicts};
use crate::sim::faults::{Chance, Fault};
use crate::sim::plan::Plan;
use crate::sim::plant::Plant;
use crate::wire::frame::{Framing, Split};
use crate::wire::{Dialect, encode_frame};

pub(super) use books::{Asked, Balance, Question, Seen, Subject, TakenBack};
pub(super) use words::CANARY;

const MS: u64 = 1_000_000;

/// What a participant means to do later.
#[derive(Clone, Debug)]
pub(super) enum Duty {
    Dial(usize),
    /// Nothing has come over this link for too long.
    GiveUp(usize, usize),
    /// Begin a payment.
    Pay,
    /// Ask again, with this body.
    Ask(Key, usize),
    /// Reverse, by request or by advice, the whole amount or another.
    Reverse {
        key: Key,
        advice: bool,
        wrong_amount: bool,
    },
    Inquire(Key),
    /// Say what was prepared, over this link or another.
    Say(usize, Vec<u8>),
    /// As a destination: take it back.
    TakeBack(Key),
    /// As a destination: tell how it ended what was pending.
    Advise(Key),
    /// As a destination: tell what is not so.
    Contradict(Key),
    /// Begin a refund of this payment.
    Refund(Key, i64),
}

/// What a participant does now.
#[derive(Debug)]
pub(super) enum Deed {
    Say { lane: usize, frame: Vec<u8> },
    Later { delay: u64, duty: Duty },
    HangUp { lane: usize },
}

/// What surrounds a participant while it acts.
#[derive(Debug)]
pub(super) struct Stage<'w> {
    pub(super) at_ns: u64,
    pub(super) wall: Wall,
    pub(super) plan: &'w Plan,
    pub(super) chance: &'w mut Chance,
    pub(super) verdicts: &'w mut Verdicts,
    pub(super) void: bool,
    pub(super) plant: Option<Plant>,
    pub(super) planted: &'w mut u64,
    pub(super) deeds: Vec<Deed>,
    pub(super) lines: Option<Vec<String>>,
}

impl Stage<'_> {
    pub(super) fn later(&mut self, delay_ms: u64, duty: Duty) {
        let delay = delay_ms * MS + self.chance.draw.below(MS);
        self.deeds.push(Deed::Later { delay, duty });
    }

    /// Checks a rule, unless a promise was void.
    pub(super) fn check(&mut self, rule: Rule, good: bool, what: impl FnOnce() -> String) {
        if !self.void {
            self.verdicts.check(rule, self.at_ns, good, what);
        }
    }
}

/// One of a participant's links.
#[derive(Debug, Default)]
struct Lane {
    link: Option<usize>,
    signed: bool,
    partial: Vec<u8>,
    /// Payments whose advice has come over this link, and what it said.
    advised: BTreeMap<Key, Option<Outcome>>,
}

/// A participant.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) index: usize,
    pub(super) known: Participant,
    dialect: Dialect,
    framing: Framing,
    lanes: Vec<Lane>,
    /// The originator's book.
    pub(super) asked: BTreeMap<Key, Asked>,
    /// Requests of ours, by match key.
    questions: BTreeMap<MatchKey, Question>,
    /// The destination's book.
    pub(super) seen: BTreeMap<Key, Seen>,
    /// Match keys of the switch's requests, and what they were used for.
    served: BTreeMap<(Kind, MatchKey), Key>,
    next_question: u32,
    payments: u64,
}

impl Player {
    pub(super) fn new(index: usize, plan: &Plan) -> Self {
        let known = plan.participants[index].clone();
        Self {
            index,
            dialect: Dialect::plain(known.protocol),
            framing: plan.framings[index],
            lanes: (0..plan.links[index]).map(|_| Lane::default()).collect(),
            asked: BTreeMap::new(),
            questions: BTreeMap::new(),
            seen: BTreeMap::new(),
            served: BTreeMap::new(),
            next_question: 0,
            payments: 0,
            known,
        }
    }

    pub(super) fn link_of(&self, lane: usize) -> Option<usize> {
        self.lanes[lane].link
    }

    /// The connection is there: sign on.
    pub(super) fn on_dialled(&mut self, lane: usize, link: usize, stage: &mut Stage<'_>) {
        self.lanes[lane] = Lane {
            link: Some(link),
            ..Lane::default()
        };
        let sign_on = self.sign_on(stage);
        self.say(lane, &sign_on, stage);
    }

    fn sign_on(&mut self, stage: &Stage<'_>) -> Message<'static> {
        Message::SignOn(SignOn {
            header: self.header(stage),
            institution: self.known.institution,
            protocol_version: None,
            business_date: None,
            nonce: None,
            mac: b"",
        })
    }

    /// The connection is gone.
    pub(super) fn on_lost(&mut self, lane: usize) {
        self.lanes[lane] = Lane::default();
    }

    /// Takes a link out of use, and uses it again a little later.
    pub(super) fn sign_off(&mut self, lane: usize, stage: &mut Stage<'_>) {
        let Some(link) = self.lanes[lane].link.filter(|_| self.lanes[lane].signed) else {
            return;
        };
        self.lanes[lane].signed = false;
        let notice = Notice {
            header: self.header(stage),
            institution: Some(self.known.institution),
            mac: b"",
        };
        self.say(lane, &Message::SignOff(notice), stage);
        let sign_on = self.sign_on(stage);
        let frame = self.frame(&sign_on);
        let delay = stage.chance.draw.between(10, 800);
        stage.later(delay, Duty::Say(link, frame));
    }

    pub(super) fn act(&mut self, duty: Duty, stage: &mut Stage<'_>) {
        match duty {
            Duty::Pay => self.pay(stage),
            Duty::Ask(key, body) => self.ask(key, body, stage),
            Duty::Reverse {
                key,
                advice,
                wrong_amount,
            } => self.reverse(key, advice, wrong_amount, stage),
            Duty::Inquire(key) => self.inquire(key, stage),
            Duty::TakeBack(key) => self.take_back(key, stage),
            Duty::Advise(key) => self.advise(key, stage),
            Duty::Contradict(key) => self.contradict(key, stage),
            Duty::Refund(root, minor) => self.refund(root, minor, stage),
            Duty::Say(link, frame) => {
                let own = self.lanes.iter().position(|lane| lane.link == Some(link));
                if let Some(lane) = own.or_else(|| self.pick_lane(stage)) {
                    stage.deeds.push(Deed::Say { lane, frame });
                }
            }
            Duty::Dial(_) | Duty::GiveUp(..) => unreachable!("the network's"),
        }
    }

    /// Bytes have come.
    pub(super) fn on_bytes(&mut self, lane: usize, bytes: &[u8], stage: &mut Stage<'_>) {
        let mut partial = core::mem::take(&mut self.lanes[lane].partial);
        partial.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            match self.framing.split(&partial[at..], 65_536) {
                Split::Frame { body, total, .. } => {
                    let body = at + body.start..at + body.end;
                    self.on_body(lane, &partial[body], stage);
                    at += total;
                }
                Split::Partial { .. } => break,
                Split::KeepAlive { .. } | Split::Lost(_) => {
                    let what = || "the stream from the switch cannot be followed".to_owned();
                    return stage.check(Rule::Readable, false, what);
                }
            }
        }
        partial.drain(..at);
        self.lanes[lane].partial = partial;
    }

    fn on_body(&mut self, lane: usize, body: &[u8], stage: &mut Stage<'_>) {
        let dialect = self.dialect.clone();
        let garbled = self.garbled(body, stage);
        let body = garbled.as_deref().unwrap_or(body);
        let decoded = dialect.decode(body, stage.wall.date());
        stage.check(Rule::Readable, decoded.is_ok(), || {
            format!("a message from the switch cannot be read: {decoded:?}")
        });
        let Ok(message) = decoded else { return };
        if let Some(message) = self.planted(message, stage) {
            self.on_message(lane, &message, stage);
        }
    }

    /// What a planted bug makes of the bytes of a message on their way to us.
    fn garbled(&self, body: &[u8], stage: &mut Stage<'_>) -> Option<Vec<u8>> {
        let chosen = stage.plant == Some(Plant::Garbles) && body.len() > 60;
        (chosen && stage.wall.0.is_multiple_of(4)).then(|| {
            *stage.planted += 1;
            let mut garbled = body.to_vec();
            garbled.truncate(body.len() / 2);
            garbled
        })
    }

    /// What a planted bug makes of a message on its way to us; none: it is gone.
    fn planted<'m>(&self, message: Message<'m>, stage: &mut Stage<'_>) -> Option<Message<'m>> {
        let Some(plant) = stage.plant else {
            return Some(message);
        };
        let told = |key: &Key| {
            self.asked
                .get(key)
                .is_some_and(|asked| asked.last.is_some())
        };
        let (altered, count) = plant.alter(message, told, stage.wall);
        *stage.planted += count;
        altered
    }

    fn on_message(&mut self, lane: usize, message: &Message<'_>, stage: &mut Stage<'_>) {
        match message {
            Message::SignOnAck(ack) => {
                if ack.response_code == ResponseCode::APPROVED {
                    self.lanes[lane].signed = true;
                }
            }
            Message::Echo(notice) => {
                if !stage.chance.strikes(Fault::IgnoresEcho) {
                    let ack = NoticeAck {
                        header: notice.header,
                        response_code: ResponseCode::APPROVED,
                        mac: b"",
                    };
                    self.say(lane, &Message::EchoAck(ack), stage);
                }
            }
            Message::SignOff(notice) => {
                let ack = NoticeAck {
                    header: notice.header,
                    response_code: ResponseCode::APPROVED,
                    mac: b"",
                };
                self.say(lane, &Message::SignOffAck(ack), stage);
            }
            Message::PaymentResult(result) => self.on_result(lane, &result.into(), stage),
            Message::RefundResult(result) => self.on_result(lane, &result.into(), stage),
            Message::PaymentAdvice(advice) => self.on_advice(lane, advice, stage),
            Message::ReversalResult(result) => self.on_reversal_result(result, false, stage),
            Message::ReversalAdviceAck(result) => self.on_reversal_result(result, true, stage),
            Message::StatusResult(result) => self.on_status(result, stage),
            Message::Reject(reject) => self.on_reject(reject),
            Message::PaymentRequest(request) => self.on_request(lane, &request.into(), stage),
            Message::RefundRequest(request) => self.on_request(lane, &request.into(), stage),
            Message::PaymentAdviceAck(ack) => self.on_advice_ack(ack, stage),
            Message::ReversalRequest(reversal) => self.on_reversal(lane, reversal, false, stage),
            Message::ReversalAdvice(reversal) => self.on_reversal(lane, reversal, true, stage),
            Message::StatusInquiry(inquiry) => self.on_inquiry(lane, inquiry, stage),
            Message::SignOffAck(_)
            | Message::EchoAck(_)
            | Message::KeyChangeAck(_)
            | Message::CutoverAck(_)
            | Message::CodeResult(_) => {}
            Message::SignOn(_)
            | Message::KeyChange(_)
            | Message::Cutover(_)
            | Message::CodeInquiry(_) => {
                let kind = message.kind();
                stage.check(Rule::Readable, false, || {
                    format!("the switch never sends {kind:?}")
                });
            }
        }
    }

    /// A request of the switch: its match key was never used for another key.
    fn serve(&mut self, kind: Kind, match_key: MatchKey, key: Key, stage: &mut Stage<'_>) {
        let before = *self.served.entry((kind, match_key)).or_insert(key);
        stage.check(Rule::KeysUnique, before == key, || {
            format!("{kind:?} {:x} was {before}, and is {key}", match_key.0)
        });
    }

    /// Whether it has one.
    pub(super) fn is_signed_on(&self) -> bool {
        self.lanes.iter().any(|lane| lane.signed)
    }

    /// Some link that is signed on.
    fn pick_lane(&self, stage: &mut Stage<'_>) -> Option<usize> {
        let signed: Vec<usize> = (0..self.lanes.len())
            .filter(|lane| self.lanes[*lane].signed)
            .collect();
        (!signed.is_empty()).then(|| stage.chance.draw.pick(&signed))
    }

    fn say(&self, lane: usize, message: &Message<'_>, stage: &mut Stage<'_>) {
        let frame = self.frame(message);
        if let Some(lines) = &mut stage.lines {
            let shown = crate::wire::redact::Redacted(message);
            lines.push(format!("says on lane {lane}: {shown}"));
        }
        stage.deeds.push(Deed::Say { lane, frame });
    }

    fn frame(&self, message: &Message<'_>) -> Vec<u8> {
        let mut out = vec![0; 8_192];
        let encoded = encode_frame(&self.dialect, self.framing, None, message, &mut out)
            .expect("participants say what their encoding can carry");
        out.truncate(encoded.bytes);
        out
    }

    /// A match key of our own.
    fn draw_key(&mut self, stage: &Stage<'_>) -> MatchKey {
        self.next_question += 1;
        match self.known.protocol {
            Protocol::Sbe => MatchKey(u64::from(self.next_question)),
            Protocol::Iso8583Ascii | Protocol::Iso8583Binary => {
                MatchKey::from_iso(self.next_question, stage.wall.transmission())
            }
        }
    }
}

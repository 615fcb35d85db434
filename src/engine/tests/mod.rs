//! The engine between an acquirer and a wallet, with a virtual clock and no wire.

#![expect(clippy::wildcard_enum_match_arm, reason = "the engine sends few kinds")]

mod aged;
mod allowed;
mod cases;
mod classic_bugs;
mod forgetting;
mod holds;
mod pending;
mod refunds;
mod resolver;
mod rulings;
mod tell;

use std::fmt::Write as _;

use self::tell::tell;
use super::*;
use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, LinkAddress, LinkId, Reference, ShardId, TableVersion};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::mark::CodeMarks;
use crate::model::message::{
    Amounts, Echoed, Header, PaymentAdvice, PaymentAdviceAck, PaymentRequest, PaymentResult,
    RefundRequest, RefundResult, Reversal, ReversalResult, StatusInquiry, StatusResult,
};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{Outcome, Presentation, Reason, ResponseCode, State};
use crate::model::participant::{Participant, Protocol, ResolverProfile, Role};
use crate::model::record::Record;
use crate::route::CodePrefixes;

const ACQUIRER: ParticipantIndex = ParticipantIndex(0);
const WALLET: ParticipantIndex = ParticipantIndex(1);
const STRANGER: ParticipantIndex = ParticipantIndex(2);
const START: u64 = 1_795_298_705_000_000_000;

struct FakeLegs {
    up: [bool; 3],
    drawn: u64,
    exhausted: bool,
}

impl Legs for FakeLegs {
    fn is_up(&self, participant: ParticipantIndex) -> bool {
        self.up[usize::from(participant.0)]
    }

    fn draw(&mut self, _: ParticipantIndex, _: Wall) -> Option<MatchKey> {
        if self.exhausted {
            return None;
        }
        self.drawn += 1;
        Some(MatchKey(self.drawn))
    }
}

fn participant(institution: u64, role: Role) -> Participant {
    Participant {
        institution: Institution::new(institution).unwrap(),
        name: format!("p{institution}"),
        role,
        protocol: Protocol::Sbe,
        country: 156,
        currency: Currency::new(156).unwrap(),
        fronted: Vec::new(),
        window_in: 3,
        window_out: 3,
        rate_per_second: 0,
        answer_timeout_ms: 1_000,
        repeat_ms: 500,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    }
}

fn tables(profile: ResolverProfile) -> Snapshot {
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("28", WALLET).unwrap();
    let mut participants = vec![
        participant(100, Role::Acquirer),
        participant(200, Role::Wallet),
        participant(300, Role::Wallet),
    ];
    for participant in &mut participants {
        participant.resolver = profile;
    }
    Snapshot::new(Tables::new(TableVersion(1), 1, participants, prefixes).unwrap())
}

struct World {
    engine: Engine,
    tables: Snapshot,
    legs: FakeLegs,
    ms: u64,
    room: Room,
    records: Vec<(Wall, Record)>,
    last_exchange: Option<ExchangeId>,
    /// What was asked of the archive.
    wanted: Vec<LookUp>,
}

/// What a request's code is known by.
fn code_of<'a>(request: &PaymentRequest<'a>) -> Scanned<'a> {
    CodeMarks::of_digits(request.code.expose()).into()
}

fn engine(tables: &Tables) -> Engine {
    Engine::new(
        EngineLimits {
            in_flight_max: 4,
            remembered_keys_max: 16,
        },
        tables,
        7,
    )
}

fn key(reference: u8) -> Key {
    Key {
        originator: Institution::new(100).unwrap(),
        local_date: Date::from_yyyymmdd(20_261_121).unwrap(),
        reference: Reference::new([b'0' + reference; 12]).unwrap(),
    }
}

fn target(reference: u8) -> BusinessKey {
    BusinessKey {
        key: key(reference),
        class: Class::Payment,
    }
}

fn amounts(minor: i64) -> Amounts {
    Amounts {
        amount: Money::new(minor, Currency::new(156).unwrap()).unwrap(),
        billing: None,
        settlement: None,
        billing_rate: None,
        settlement_rate: None,
    }
}

fn header(match_key: u64) -> Header {
    Header {
        match_key: MatchKey(match_key),
        transmit_time: Wall(0),
    }
}

fn sender(participant: ParticipantIndex) -> Sender {
    Sender {
        participant,
        link: LinkAddress {
            shard: ShardId(0),
            link: LinkId {
                slot: u32::from(participant.0),
                generation: 1,
            },
        },
    }
}

impl World {
    fn new() -> Self {
        Self::with(ResolverProfile::default())
    }

    fn with(profile: ResolverProfile) -> Self {
        let tables = tables(profile);
        let engine = engine(&tables);
        let legs = FakeLegs {
            up: [true; 3],
            drawn: 1_000,
            exhausted: false,
        };
        let room = Room::Ample;
        Self {
            engine,
            tables,
            legs,
            ms: 0,
            room,
            records: Vec::new(),
            last_exchange: None,
            wanted: Vec::new(),
        }
    }

    /// Runs one input and tells its effects in short words: `+record` and `code>who`.
    fn run(
        &mut self,
        input: impl for<'a> FnOnce(&mut Engine, &mut Context<'_, FakeLegs>, &mut Effects<'a>),
    ) -> String {
        let wall = Wall(START + self.ms * 1_000_000);
        let now = Now {
            monotonic: Monotonic(0).plus_ms(self.ms),
            wall,
        };
        let (tables, legs, room) = (&self.tables, &mut self.legs, self.room);
        let mut context = Context {
            now,
            today: wall.date(),
            tables,
            legs,
            room,
        };
        let mut effects = Effects::new();
        input(&mut self.engine, &mut context, &mut effects);
        let mut told = String::new();
        for effect in &effects {
            match effect {
                Effect::Append(record) => {
                    self.records.push((wall, *record));
                    write!(told, "+{} ", record.name()).unwrap();
                }
                Effect::Send(outgoing) => {
                    if let Some(exchange) = outgoing.exchange {
                        self.last_exchange = Some(exchange);
                    }
                    write!(told, "{} ", tell(outgoing)).unwrap();
                }
                Effect::GiveBack(given_back, _) => self.engine.take_back(given_back),
                Effect::LookUp(wanted) => {
                    write!(told, "?{} ", wanted.id).unwrap();
                    self.wanted.push(*wanted);
                }
            }
        }
        told.trim_end().to_owned()
    }

    fn pay(&mut self, reference: u8, minor: i64, match_key: u64) -> String {
        self.run(|engine, context, effects| {
            let request = request(reference, minor, match_key);
            engine.handle_payment(
                (&request, &code_of(&request)),
                sender(ACQUIRER),
                context,
                effects,
            );
        })
    }

    /// The acquirer asks for a refund of a payment.
    fn refund(&mut self, reference: u8, root: u8, minor: i64, match_key: u64) -> String {
        self.refund_as(ACQUIRER, refund(reference, root, minor, match_key))
    }

    fn refund_as(&mut self, from: ParticipantIndex, request: RefundRequest<'static>) -> String {
        self.run(|engine, context, effects| {
            engine.handle_refund(&request, sender(from), context, effects);
        })
    }

    /// The wallet answers a refund.
    fn refund_answer(&mut self, reference: u8, code: &[u8; 2], minor: i64, key: u64) -> String {
        self.run(|engine, context, effects| {
            let result = RefundResult {
                header: header(key),
                key: refund_key(reference),
                response_code: ResponseCode(*code),
                outcome: None,
                amounts: amounts(minor),
                settlement_date: None,
                refunded_so_far: None,
                echoed: Echoed::default(),
                text: b"",
                mac: b"",
            };
            engine.handle_refund_result(&result, sender(WALLET), context, effects);
        })
    }

    /// What the turn does once the record is committed.
    fn release(&mut self) -> bool {
        let exchange = self.last_exchange.unwrap();
        self.engine.release(exchange, Monotonic(0).plus_ms(self.ms))
    }

    fn answer(&mut self, reference: u8, code: &[u8; 2], match_key: u64) -> String {
        self.answer_with(reference, code, match_key, 500)
    }

    fn answer_with(&mut self, reference: u8, code: &[u8; 2], match_key: u64, minor: i64) -> String {
        self.answer_under(key(reference), code, match_key, minor)
    }

    fn answer_under(&mut self, key: Key, code: &[u8; 2], match_key: u64, minor: i64) -> String {
        self.run(|engine, context, effects| {
            let result = PaymentResult {
                header: header(match_key),
                key,
                response_code: ResponseCode(*code),
                outcome: None,
                approval_code: Chars::padded(b"A1B2C3"),
                amounts: amounts(minor),
                settlement_date: None,
                echoed: Echoed::default(),
                text: b"thanks",
                mac: b"",
            };
            engine.handle_payment_result(&result, sender(WALLET), context, effects);
        })
    }

    /// A payment under a key of `date`, declined at once: it takes a place and leaves the window.
    fn decline_on(&mut self, reference: u8, date: Date) -> String {
        let mut request = request(reference, 500, 1);
        request.key.local_date = date;
        let told = self.run(|engine, context, effects| {
            engine.handle_payment(
                (&request, &code_of(&request)),
                sender(ACQUIRER),
                context,
                effects,
            );
        });
        self.answer_under(request.key, b"51", self.legs.drawn, 500);
        told
    }

    fn reverse(&mut self, from: ParticipantIndex, reference: u8, advice: bool) -> String {
        self.run(|engine, context, effects| {
            let reversal = Reversal {
                header: header(77),
                target: target(reference),
                root: key(reference),
                amount: amounts(500).amount,
                reason: Some(Reason::Customer),
                repeat: false,
                original: None,
                mac: b"",
            };
            engine.handle_reversal(&reversal, advice, sender(from), context, effects);
        })
    }

    fn reversal_answer(&mut self, reference: u8, code: &[u8; 2], advice: bool, key: u64) -> String {
        self.run(|engine, context, effects| {
            let result = ReversalResult {
                header: header(key),
                target: target(reference),
                response_code: ResponseCode(*code),
                outcome: None,
                amount: None,
                mac: b"",
            };
            engine.handle_reversal_result(&result, advice, sender(WALLET), context, effects);
        })
    }

    /// The destination answers our status inquiry.
    fn status_answer(&mut self, reference: u8, outcome: Option<Outcome>, key: u64) -> String {
        let code = if outcome.is_some() { b"00" } else { b"25" };
        self.status_result(target(reference), code, outcome, key)
    }

    fn status_result(
        &mut self,
        target: BusinessKey,
        code: &[u8; 2],
        outcome: Option<Outcome>,
        key: u64,
    ) -> String {
        self.run(|engine, context, effects| {
            let result = StatusResult {
                header: header(key),
                target,
                response_code: ResponseCode(*code),
                state: outcome.map(|_| State::Answered),
                outcome,
                approval_code: None,
                amount: None,
                billing: None,
                settlement: None,
                refunded_so_far: None,
                text: b"",
                mac: b"",
            };
            engine.handle_status_result(&result, sender(WALLET), context, effects);
        })
    }

    /// The destination tells by an advice how it ended.
    fn advise(&mut self, target: BusinessKey, code: &[u8; 2], minor: i64) -> String {
        self.run(|engine, context, effects| {
            let advice = PaymentAdvice {
                header: header(66),
                target,
                root: target.key,
                repeat: false,
                response_code: ResponseCode(*code),
                outcome: None,
                approval_code: Chars::padded(b"A1B2C3"),
                amounts: amounts(minor),
                settlement_date: None,
                text: b"",
                mac: b"",
            };
            engine.handle_payment_advice(&advice, sender(WALLET), context, effects);
        })
    }

    /// A participant loses its last link, or gets its first.
    fn set_up(&mut self, participant: ParticipantIndex, up: bool) {
        self.legs.up[usize::from(participant.0)] = up;
        if up {
            let now = Monotonic(0).plus_ms(self.ms);
            self.engine
                .participant_came_up(participant, &self.tables, now);
        }
    }

    fn advice_ack(&mut self, reference: u8, key: u64) -> String {
        self.run(|engine, _, effects| {
            let ack = PaymentAdviceAck {
                header: header(key),
                target: target(reference),
                response_code: ResponseCode::APPROVED,
                text: b"",
                mac: b"",
            };
            engine.handle_payment_advice_ack(&ack, sender(ACQUIRER), effects);
        })
    }

    fn status(&mut self, from: ParticipantIndex, reference: u8) -> String {
        self.run(|engine, context, effects| {
            let (header, target) = (header(88), target(reference));
            let inquiry = StatusInquiry {
                header,
                target,
                root: target.key,
                mac: b"",
            };
            engine.handle_status_inquiry(&inquiry, sender(from), context, effects);
        })
    }

    fn pass(&mut self, ms: u64) -> String {
        self.ms += ms;
        let mut told = Vec::new();
        loop {
            let mut more = false;
            let line = self.run(|engine, context, effects| {
                more = engine.handle_deadline(context, effects);
            });
            if !more {
                return told.join(" ");
            }
            if !line.is_empty() {
                told.push(line);
            }
        }
    }

    /// A crash: everything but the records is gone.
    fn restart(&mut self) -> String {
        self.engine = engine(&self.tables);
        for (wall, record) in self.records.clone() {
            self.engine.replay(&record, wall, &self.tables).unwrap();
        }
        let mut told = Vec::new();
        loop {
            let mut more = false;
            let line = self.run(|engine, context, effects| {
                more = engine.resume(context, effects);
            });
            if !more {
                return told.join(" ");
            }
            told.push(line);
        }
    }
}

fn refund_key(reference: u8) -> Key {
    Key {
        reference: Reference::new([b'a' + reference; 12]).unwrap(),
        ..key(0)
    }
}

fn refund_target(reference: u8) -> BusinessKey {
    BusinessKey {
        key: refund_key(reference),
        class: Class::Refund,
    }
}

fn refund(reference: u8, root: u8, minor: i64, match_key: u64) -> RefundRequest<'static> {
    RefundRequest {
        header: header(match_key),
        key: refund_key(reference),
        local_time: None,
        root: key(root),
        destination: None,
        forwarder: None,
        presentation: Some(Presentation::Cpm),
        amounts: amounts(minor),
        mcc: Some(5411),
        country: None,
        terminal: None,
        merchant_id: None,
        reason: Some(Reason::Merchant),
        mac: b"",
    }
}

fn request(reference: u8, minor: i64, match_key: u64) -> PaymentRequest<'static> {
    PaymentRequest {
        header: header(match_key),
        key: key(reference),
        local_time: None,
        destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: None,
        amounts: amounts(minor),
        mcc: Some(5411),
        country: None,
        terminal: None,
        merchant_id: None,
        payer_token: None,
        kyc_level: None,
        code: Sensitive(b"281234567890"),
        merchant_name: b"shop",
        quote: b"",
        mac: b"",
    }
}

//! The engine between an acquirer and a wallet, with a virtual clock and no wire.

#![expect(clippy::wildcard_enum_match_arm, reason = "the engine sends few kinds")]

use std::fmt::Write as _;

use super::*;
use crate::model::chars::{Chars, Sensitive};
use crate::model::ids::{Institution, Reference, TableVersion};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Amounts, Echoed, Header, Message, PaymentAdviceAck, PaymentRequest, PaymentResult, Reversal,
    ReversalResult, StatusInquiry,
};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{Outcome, Presentation, Reason, ResponseCode};
use crate::model::participant::{Participant, Protocol, Role};
use crate::model::record::Record;
use crate::model::time::Date;
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
    }
}

fn tables() -> Tables {
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("28", WALLET).unwrap();
    let participants = vec![
        participant(100, Role::Acquirer),
        participant(200, Role::Wallet),
        participant(300, Role::Wallet),
    ];
    Tables::new(TableVersion(1), 1, participants, prefixes).unwrap()
}

struct World {
    engine: Engine,
    tables: Tables,
    legs: FakeLegs,
    ms: u64,
    room: Room,
    records: Vec<(Wall, Record)>,
    last_exchange: Option<ExchangeId>,
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
        link: LinkId {
            slot: u32::from(participant.0),
            generation: 1,
        },
    }
}

impl World {
    fn new() -> Self {
        let tables = tables();
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
            }
        }
        told.trim_end().to_owned()
    }

    fn pay(&mut self, reference: u8, minor: i64, match_key: u64) -> String {
        self.run(|engine, context, effects| {
            let request = request(reference, minor, match_key);
            engine.handle_payment(&request, sender(ACQUIRER), context, effects);
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
        self.run(|engine, context, effects| {
            let result = PaymentResult {
                header: header(match_key),
                key: key(reference),
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

fn tell(outgoing: &Outgoing<'_>) -> String {
    let to = match outgoing.to.0 {
        0 => "acquirer",
        1 => "wallet",
        _ => "stranger",
    };
    let what = match outgoing.message() {
        Message::PaymentRequest(request) => format!("pay#{}", request.header.match_key.0),
        Message::PaymentResult(result) => {
            let outcome = result.outcome.map_or("-", Outcome::name);
            format!(
                "{}/{outcome}#{}",
                result.response_code, result.header.match_key.0
            )
        }
        Message::PaymentAdvice(advice) => {
            let (repeat, outcome) = (advice.repeat, advice.outcome.map_or("-", Outcome::name));
            format!(
                "advice/{outcome}#{}{}",
                advice.header.match_key.0,
                star(repeat)
            )
        }
        Message::ReversalRequest(reversal) => {
            format!(
                "0400#{}{}",
                reversal.header.match_key.0,
                star(reversal.repeat)
            )
        }
        Message::ReversalAdvice(reversal) => {
            format!(
                "0420#{}{}",
                reversal.header.match_key.0,
                star(reversal.repeat)
            )
        }
        Message::ReversalResult(result) => {
            format!(
                "0410:{}/{}",
                result.response_code,
                result.outcome.map_or("-", Outcome::name)
            )
        }
        Message::ReversalAdviceAck(result) => {
            format!(
                "0430:{}/{}",
                result.response_code,
                result.outcome.map_or("-", Outcome::name)
            )
        }
        Message::StatusResult(result) => format!(
            "status:{}/{}/{}",
            result.response_code,
            result.state.map_or("-", |state| state.name()),
            result.outcome.map_or("-", Outcome::name)
        ),
        other => format!("{other:?}"),
    };
    let free = if outgoing.gate == Gate::Free { "!" } else { "" };
    format!("{what}>{to}{free}")
}

fn star(repeat: bool) -> &'static str {
    if repeat { "*" } else { "" }
}

#[test]
fn a_payment_is_forwarded_answered_and_its_repeats_get_the_same() {
    let mut world = World::new();
    assert_eq!(world.pay(1, 500, 11), "+payment pay#1001>wallet");
    assert!(world.release());
    assert_eq!(world.pay(1, 500, 12), "", "a repeat waits");
    assert_eq!(
        world.answer(1, b"00", 1_001),
        "+answer 00/approved#11>acquirer 00/approved#12>acquirer"
    );
    assert_eq!(world.pay(1, 500, 13), "00/approved#13>acquirer");
    assert_eq!(world.pay(1, 501, 14), "94/-#14>acquirer");
    assert_eq!(
        world.answer(1, b"05", 1_001),
        "",
        "nobody waits for a second answer"
    );
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/answered/approved>acquirer"
    );
    assert_eq!(
        world.status(WALLET, 1),
        "status:00/answered/approved>wallet"
    );
    assert_eq!(world.status(STRANGER, 1), "status:58/-/->stranger!");
    assert_eq!(world.status(ACQUIRER, 2), "status:25/-/->acquirer");
    let tally = *world.engine.tally();
    assert_eq!((tally.payments, tally.approved, tally.repeats), (1, 1, 2));
    assert_eq!(
        (
            tally.conflicts,
            tally.unhandled_answers,
            tally.security_events
        ),
        (1, 1, 1)
    );
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn what_cannot_be_forwarded_is_declined_on_record() {
    let mut world = World::new();
    world.legs.up[1] = false;
    assert_eq!(world.pay(1, 500, 11), "+payment 91/declined#11>acquirer");
    world.legs.up[1] = true;
    assert_eq!(
        world.pay(1, 500, 12),
        "91/declined#12>acquirer",
        "final answers never change"
    );
    world.legs.exhausted = true;
    assert_eq!(world.pay(2, 500, 13), "A1/-#13>acquirer!");
    world.legs.exhausted = false;
    assert_eq!(
        world.pay(2, 500, 14),
        "+payment pay#1001>wallet",
        "nothing was recorded"
    );
}

#[test]
fn windows_room_and_dates_are_kept() {
    let mut world = World::new();
    for reference in 1..=3 {
        world.pay(reference, 500, 1);
    }
    assert_eq!(
        world.pay(4, 500, 14),
        "A1/-#14>acquirer!",
        "the window is full"
    );
    assert_eq!(world.pay(1, 500, 15), "", "a repeat still waits");
    world.answer(1, b"05", 1_001);
    world.room = Room::OutcomesOnly;
    assert_eq!(world.pay(4, 500, 16), "A1/-#16>acquirer!");
    assert_eq!(
        world.answer(2, b"00", 1_002),
        "+answer 00/approved#1>acquirer"
    );
    world.room = Room::Ample;
    world.ms = 3 * 86_400_000;
    assert_eq!(world.pay(4, 500, 17), "30/-#17>acquirer!");
}

#[test]
fn four_repeats_wait_and_the_fifth_is_shed() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    for match_key in 12..16 {
        assert_eq!(world.pay(1, 500, match_key), "");
    }
    assert_eq!(world.pay(1, 500, 16), "A1/-#16>acquirer!");
    assert_eq!(
        world.answer(1, b"00", 1_001).matches("00/approved").count(),
        5
    );
}

#[test]
fn no_answer_in_time_is_68_then_a_reversal_until_acknowledged_then_an_advice() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    assert_eq!(
        world.pass(1_000),
        "+unknown 68/-#11>acquirer +reversal 0420#1002>wallet"
    );
    assert!(world.release());
    assert_eq!(world.pay(1, 500, 12), "68/-#12>acquirer");
    assert_eq!(world.status(ACQUIRER, 1), "status:00/unknown/->acquirer");
    assert_eq!(world.pass(500), "0420#1002*>wallet");
    assert_eq!(world.pass(999), "");
    assert_eq!(world.pass(1), "0420#1002*>wallet", "with back-off");
    assert_eq!(
        world.answer(1, b"00", 1_001),
        "+late-answer",
        "too late to be an approval"
    );
    assert_eq!(
        world.reversal_answer(1, b"96", true, 1_002),
        "",
        "an advice cannot be refused"
    );
    assert_eq!(
        world.reversal_answer(1, b"00", true, 1_002),
        "+reversal-answer +advice advice/reversed#1003>acquirer"
    );
    assert!(world.release());
    assert_eq!(world.pass(500), "advice/reversed#1003*>acquirer");
    assert_eq!(world.advice_ack(1, 1_003), "+advice-answer");
    assert_eq!(world.pass(60_000), "");
    assert_eq!(world.pay(1, 500, 13), "68/reversed#13>acquirer");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn what_never_left_is_declined_and_what_is_late_does_not_leave() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.ms = 1_000;
    assert!(!world.release(), "too late");
    assert_eq!(world.pass(0), "+answer 96/declined#11>acquirer");
    assert!(!world.release(), "over");
    world.pay(2, 500, 12);
    world.legs.up[1] = false;
    assert_eq!(world.pass(1_000), "+answer 91/declined#12>acquirer");
}

#[test]
fn an_answer_that_cannot_be_used_makes_the_outcome_unknown() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    assert!(world.release());
    assert_eq!(
        world.answer_with(1, b"00", 1_001, 499),
        "+unknown 68/-#11>acquirer +reversal 0420#1002>wallet"
    );
    world.pay(2, 500, 12);
    assert!(world.release());
    assert_eq!(
        world.answer(1, b"00", 1_003),
        "+unknown 68/-#12>acquirer +reversal 0420#1004>wallet"
    );
    world.pay(3, 500, 13);
    assert!(world.release());
    assert_eq!(world.answer(3, b"09", 1_005), "", "pending is no outcome");
    assert_eq!(
        world.answer(3, b"00", 1_005),
        "+answer 00/approved#13>acquirer"
    );
    let unreadable = |world: &mut World, match_key| {
        world.run(|engine, context, effects| {
            engine.handle_unreadable_answer(MatchKey(match_key), WALLET, context, effects);
        })
    };
    world.pay(4, 500, 14);
    assert!(world.release());
    assert_eq!(unreadable(&mut world, 9), "");
    assert_eq!(
        unreadable(&mut world, 1_006),
        "+unknown 68/-#14>acquirer +reversal 0420#1007>wallet"
    );
}

#[test]
fn the_originator_reverses_before_during_and_after() {
    let mut world = World::new();
    // Before: remembered, and the payment declined.
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "+reversal 0430:00/reversed>acquirer"
    );
    assert_eq!(world.pay(1, 500, 11), "12/declined#11>acquirer");
    assert_eq!(
        world.reverse(ACQUIRER, 1, true),
        "0430:00/reversed>acquirer"
    );
    assert_eq!(
        world.reverse(WALLET, 9, true),
        "0430:25/->wallet",
        "not its own"
    );
    // During: the payment's answer waits for the reversal's end.
    world.pay(2, 500, 12);
    assert!(world.release());
    assert_eq!(
        world.reverse(ACQUIRER, 2, true),
        "+reversal 0420#1002>wallet 0430:00/->acquirer"
    );
    assert_eq!(world.reverse(ACQUIRER, 2, true), "0430:00/->acquirer");
    assert_eq!(world.answer(2, b"00", 1_001), "+late-answer");
    assert_eq!(
        world.reversal_answer(2, b"00", true, 1_002),
        "+reversal-answer 68/reversed#12>acquirer"
    );
    // After: undone, and the first answer stays.
    world.pay(3, 500, 13);
    world.answer(3, b"00", 1_003);
    assert_eq!(
        world.reverse(ACQUIRER, 3, false),
        "+reversal 0400#1004>wallet"
    );
    assert_eq!(
        world.reversal_answer(3, b"00", false, 1_004),
        "+reversal-answer 0410:00/reversed>acquirer"
    );
    assert_eq!(world.pay(3, 500, 14), "00/approved#14>acquirer");
    assert_eq!(
        world.status(ACQUIRER, 3),
        "status:00/answered/reversed>acquirer"
    );
    assert_eq!(world.reverse(STRANGER, 3, true), "0430:58/->stranger!");
    assert_eq!(world.engine.open_exchanges(), 0);
}

#[test]
fn a_reversal_request_may_be_refused_and_an_unanswered_one_becomes_an_advice() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.answer(1, b"00", 1_001);
    world.reverse(ACQUIRER, 1, false);
    assert_eq!(
        world.reversal_answer(1, b"12", false, 1_002),
        "+reversal-answer 0410:12/->acquirer"
    );
    assert_eq!(
        world.status(ACQUIRER, 1),
        "status:00/answered/approved>acquirer"
    );
    assert_eq!(
        world.reverse(ACQUIRER, 1, false),
        "+reversal 0400#1003>wallet"
    );
    assert!(world.release());
    assert_eq!(world.reverse(ACQUIRER, 1, false), "", "joins");
    assert_eq!(
        world.pass(1_000),
        "0410:09/->acquirer 0410:09/->acquirer +reversal-escalation 0420#1004>wallet"
    );
    assert_eq!(world.reverse(ACQUIRER, 1, false), "0410:09/->acquirer");
    assert_eq!(
        world.reversal_answer(1, b"25", true, 1_004),
        "+reversal-answer"
    );
    // Refused while the payment itself has no answer: then it is a reversal of our own.
    world.pay(2, 500, 12);
    assert!(world.release());
    world.reverse(ACQUIRER, 2, false);
    assert_eq!(
        world.reversal_answer(2, b"12", false, 1_006),
        "+reversal-answer 0410:12/->acquirer +unknown 68/-#12>acquirer +reversal 0420#1007>wallet"
    );
}

#[test]
fn a_destination_that_takes_it_back_is_passed_on_as_an_advice() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.answer(1, b"00", 1_001);
    assert_eq!(
        world.reverse(WALLET, 1, true),
        "+reversal 0430:00/reversed>wallet +advice advice/reversed#1002>acquirer"
    );
    world.pay(2, 500, 12);
    assert_eq!(
        world.reverse(WALLET, 2, true),
        "+reversal 0430:00/reversed>wallet 68/reversed#12>acquirer"
    );
}

#[test]
fn a_restart_resolves_what_was_open_and_remembers_what_was_not() {
    let mut world = World::new();
    world.pay(1, 500, 11);
    world.answer(1, b"00", 1_001);
    world.pay(2, 500, 12);
    world.pay(3, 500, 13);
    world.release();
    world.pass(1_000);
    world.pay(4, 500, 16);
    assert_eq!(
        world.restart(),
        "0420#1004*>wallet +unknown +reversal 0420#1006>wallet",
        "one is repeated; what was open counts as expired, sent or not"
    );
    assert_eq!(world.pay(1, 500, 14), "00/approved#14>acquirer");
    assert_eq!(world.pay(1, 7, 15), "94/-#15>acquirer");
    assert_eq!(
        world.pay(2, 500, 17),
        "96/declined#17>acquirer",
        "it had never left"
    );
    assert_eq!(world.pay(4, 500, 18), "68/-#18>acquirer");
    let told = world.reversal_answer(3, b"00", true, 1_004);
    assert_eq!(
        told,
        "+reversal-answer +advice advice/reversed#1007>acquirer"
    );
    world.reversal_answer(4, b"25", true, 1_006);
    assert_eq!(
        world.restart(),
        "advice/reversed#1007*>acquirer advice/reversed#1008*>acquirer"
    );
    assert_eq!(world.advice_ack(3, 1_007), "+advice-answer");
    assert_eq!(world.advice_ack(4, 1_008), "+advice-answer");
    assert_eq!(world.restart(), "");
    assert_eq!(world.engine.open_exchanges(), 0);
}

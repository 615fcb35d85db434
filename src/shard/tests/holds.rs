//! Totals and orders over three shards: a payment's link, its payer's home, its order's home and
//! its owner are different ones, and whatever order they take their turns in, no total is exceeded,
//! none is counted twice, and none is lost by a kill.

use proptest::prelude::*;

use super::refund_keys::written;
use super::town::Town;
use super::translation::{key, request};
use super::*;
use crate::fx::QuoteTerms;
use crate::fx::quotes::QUOTE_CHARACTERS_MAX;
use crate::guard::{Corridor, Guard, LimitRow, ListKey, Rule, Rules};
use crate::journal::store::Piece;
use crate::model::chars::Chars;
use crate::model::hold::{OrderHash, Total};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::{
    Amounts, Echoed, PaymentRequest, PaymentResult, Reversal, ReversalResult,
};
use crate::model::money::{Money, Rate};
use crate::model::outcome::{Check, KycLevel, Outcome, Presentation};
use crate::model::record::{Actor, Decision};
use crate::shard::stats::Counter;

pub(super) const SHARDS: u16 = 3;
/// Where the wallet's link is, and the acquirer's.
pub(super) const WALLETS: usize = 2;
const ACQUIRERS: usize = 0;
const YEAR_MOST: i64 = 1_000;

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::new(156).unwrap()).unwrap()
}

/// 10.00 CNY a year for each payer.
pub(super) fn snapshot() -> Snapshot {
    let (participants, prefixes) = two(Protocol::Iso8583Ascii, Protocol::Sbe);
    let tables = Tables::new(TableVersion(3), 9, participants, prefixes).unwrap();
    let rule = Rule::Total {
        up_to: KycLevel::Verified,
        year_most_minor: YEAR_MOST,
        day_count_most: u32::MAX,
    };
    let guard = Guard::new(Rules {
        currency: Currency::new(156),
        limits: vec![LimitRow {
            line: 2,
            corridor: Corridor::default(),
            presentation: None,
            rule,
        }],
        list_key: ListKey::new(&[7; 32]),
        ..Rules::default()
    });
    let snapshot = Snapshot::new(tables).with_pricing(quotes::pricing());
    snapshot.with_guard(guard.unwrap())
}

fn town(journals: &[Vec<Record>]) -> Town {
    Town::made(journals, |records, ids, ports| {
        let protocols = (Protocol::Iso8583Ascii, Protocol::Sbe);
        let tables = (snapshot(), None);
        World::with(tables, records, (ids, ports), protocols, CommitMode::Memory)
    })
}

pub(super) fn empty() -> Town {
    town(&vec![Vec::new(); usize::from(SHARDS)])
}

pub(super) fn token(payer: u8) -> Option<Chars<32>> {
    Chars::padded(&[b'a' + payer; 16])
}

/// The `count`-th key of the wallet.
pub(super) fn reference(count: u8) -> Key {
    key(
        WALLET,
        format!("H{count:011}").as_bytes().try_into().unwrap(),
    )
}

pub(super) fn payment(payer: u8, count: u8, minor: i64, stan: u32) -> PaymentRequest<'static> {
    let amounts = Amounts {
        amount: money(minor),
        billing: None,
        settlement: None,
        billing_rate: None,
        settlement_rate: None,
    };
    PaymentRequest {
        key: reference(count),
        forwarder: None,
        payer_token: token(payer),
        amounts,
        quote: b"",
        ..request(Presentation::Mpm, stan)
    }
}

/// A quote for one order.
pub(super) fn quote(order: u8) -> &'static [u8] {
    let keys = quotes::pricing().keys;
    let terms = QuoteTerms {
        table: TableVersion(3),
        wallet: Institution::new(WALLET).unwrap(),
        destination: Institution::new(ACQUIRER).unwrap(),
        code: keys.digest(b"281234567890123456"),
        amount_currency: Currency::new(156).unwrap(),
        amount_minor: None,
        billing_currency: Currency::new(156).unwrap(),
        billing_minor: None,
        rate: Rate {
            mantissa: 1,
            exponent: 0,
        },
        rounding: crate::fx::Rounding::HalfUp,
        expiry: Wall(START + 3_600_000_000_000),
        settlement: None,
        order: Some(OrderHash([order; 16])),
    };
    let place = Box::leak(Box::new([0; QUOTE_CHARACTERS_MAX]));
    keys.seal(&terms, place)
}

/// What the acquirer says to that, if it says something.
fn answer_to(message: &Message<'_>, approves: bool) -> Option<Message<'static>> {
    match message {
        Message::PaymentRequest(asked) => Some(Message::PaymentResult(PaymentResult {
            header: asked.header,
            key: asked.key,
            response_code: ResponseCode(if approves { *b"00" } else { *b"05" }),
            outcome: Some(if approves {
                Outcome::Approved
            } else {
                Outcome::Declined
            }),
            approval_code: Chars::padded(b"A1B2C3"),
            amounts: asked.amounts,
            settlement_date: None,
            echoed: Echoed {
                local_time: asked.local_time,
                presentation: Some(asked.presentation),
                mcc: asked.mcc,
                terminal: asked.terminal,
                merchant_id: asked.merchant_id,
            },
            text: b"",
            mac: b"",
        })),
        Message::ReversalAdvice(asked) => Some(Message::ReversalAdviceAck(ReversalResult {
            header: asked.header,
            target: asked.target,
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Reversed),
            amount: Some(asked.amount),
            mac: b"",
        })),
        _ => None,
    }
}

impl Town {
    fn pay_for(&mut self, request: PaymentRequest<'static>) {
        self.say(WALLETS, self.wallet, &Message::PaymentRequest(request));
    }

    /// What the wallet hears.
    fn told(&mut self) -> Option<ResponseCode> {
        self.code(WALLETS, self.wallet)
    }

    /// The acquirer answers whatever it has heard next; `false`: nothing.
    pub(super) fn answer_next(&mut self, approves: bool) -> bool {
        let answer = self.heard(ACQUIRERS, self.acquirer, |message| {
            answer_to(message, approves)
        });
        if let Some(Some(answer)) = &answer {
            self.worlds[ACQUIRERS].say(self.acquirer, answer);
        }
        answer.is_some()
    }

    pub(super) fn reverse(&mut self, count: u8, minor: i64, stan: u32) {
        let key = reference(count);
        let reversal = Message::ReversalAdvice(Reversal {
            header: header(stan),
            target: BusinessKey {
                key,
                class: Class::Payment,
            },
            root: key,
            amount: money(minor),
            reason: None,
            repeat: false,
            original: None,
            mac: b"",
        });
        self.worlds[WALLETS].say(self.wallet, &reversal);
    }

    /// The same shards, after each has read what it wrote; what was on its way is gone.
    fn killed(&self) -> Self {
        let mut journals = self.journals.clone();
        for (journal, world) in journals.iter_mut().zip(&self.worlds) {
            journal.extend(written(world));
        }
        town(&journals)
    }

    /// All that is open or approved, as the payments' own records say, by payer; and which shard
    /// has which order's payments.
    pub(super) fn standing(&self) -> Vec<(Key, i64)> {
        let mut standing = Vec::new();
        for (journal, world) in self.journals.iter().zip(&self.worlds) {
            let mut live = std::collections::BTreeMap::new();
            for record in journal.iter().chain(&written(world)) {
                let number = record.number();
                let ended = match record {
                    Record::Payment(it) => {
                        if matches!(it.decision, Decision::Forward { .. }) {
                            live.insert(number, (it.key, it.amounts.amount.minor));
                        }
                        false
                    }
                    Record::Answer(it) => it.outcome != Outcome::Approved,
                    Record::Finding(it) => it.outcome != Outcome::Approved,
                    Record::ReversalAnswer(it) => it.reversed,
                    Record::Reversal(it) => !it.claims && it.by == Actor::Destination,
                    _ => false,
                };
                if ended {
                    live.remove(&number);
                }
            }
            standing.extend(live.into_values());
        }
        standing
    }

    /// What is counted of a payer, wherever that is.
    pub(super) fn counted(&self, payer: u8) -> i64 {
        let wallet = Institution::new(WALLET).unwrap();
        let guard = snapshot();
        let hash = guard
            .guard()
            .payer(Presentation::Mpm, wallet, token(payer).as_ref());
        let today = Wall(START).date();
        let engines = self.worlds.iter().map(|world| world.shard.engine());
        let counted = engines.filter_map(|engine| engine.counted(hash.unwrap()));
        counted.map(|counts| counts.on(today).0).sum()
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        let records = self.worlds.iter().flat_map(written);
        let check = records.filter_map(|record| match record {
            Record::Payment(payment) => match payment.decision {
                Decision::Decline { check, .. } => check,
                Decision::Forward { .. } => None,
            },
            _ => None,
        });
        check.collect()
    }
}

#[test]
fn a_payers_payments_are_added_up_wherever_they_live() {
    let mut town = empty();
    let mut owners = [false; 3];
    // Ten keys live on all shards; one payer has one home.
    for count in 0..10 {
        owners[usize::from(reference(count).owner(SHARDS).0)] = true;
        town.pay_for(payment(1, count, 100, 20 + u32::from(count)));
        assert!(town.answer_next(true), "{count}");
        town.settle();
        assert_eq!(town.told(), Some(ResponseCode::APPROVED), "{count}");
    }
    assert_eq!((owners, town.counted(1)), ([true; 3], YEAR_MOST));
    town.pay_for(payment(1, 10, 1, 40));
    assert_eq!(town.told(), Some(ResponseCode::COUNT_LIMIT));
    assert_eq!(town.checks(), [Check::YearTotal]);
    town.pay_for(payment(2, 11, YEAR_MOST, 41));
    assert!(town.answer_next(false), "another payer");
    town.settle();
    assert_eq!(town.counted(2), 0, "it was declined");
    let mut town = town.killed();
    assert_eq!((town.counted(1), town.counted(2)), (YEAR_MOST, 0));
    town.pay_for(payment(1, 12, 1, 42));
    assert_eq!(town.told(), Some(ResponseCode::COUNT_LIMIT));
    // A repeat of what was paid before passes, and takes nothing.
    town.pay_for(payment(1, 3, 100, 43));
    assert_eq!(town.told(), Some(ResponseCode::APPROVED));
    assert_eq!(town.counted(1), YEAR_MOST);
    let held: u64 = (0..3)
        .map(|shard| town.count(shard, Counter::HoldsNow))
        .sum();
    assert_eq!(held, 10);
}

#[test]
fn an_order_is_paid_once_and_again_after_its_first_payment_failed() {
    let under = |order, payer, count, stan| PaymentRequest {
        quote: quote(order),
        ..payment(payer, count, 100, stan)
    };
    for order in 1..=6 {
        let mut town = empty();
        town.pay_for(under(order, 1, 1, 20));
        // Two payers, and two quotes of one payer.
        for (payer, count, stan) in [(2, 2, 21), (1, 3, 22)] {
            town.pay_for(under(order, payer, count, stan));
            assert_eq!(town.told(), Some(ResponseCode::EXPIRED), "{order}");
        }
        assert_eq!(town.checks(), [Check::OrderTaken; 2]);
        assert_eq!((town.counted(1), town.counted(2)), (100, 0));
        assert!(town.answer_next(false));
        town.settle();
        assert_eq!(town.told(), Some(ResponseCode(*b"05")));
        // Declined: the next one may pay, and then nobody, also after a kill.
        town.pay_for(under(order, 2, 4, 23));
        assert!(town.answer_next(true), "{order}");
        town.settle();
        assert_eq!(town.told(), Some(ResponseCode::APPROVED));
        let mut town = town.killed();
        town.pay_for(under(order, 1, 5, 24));
        assert_eq!(town.told(), Some(ResponseCode::EXPIRED));
        town.pay_for(under(order, 2, 4, 25));
        assert_eq!(town.told(), Some(ResponseCode::APPROVED), "a repeat");
        town.pay_for(under(order + 10, 1, 6, 26));
        assert!(town.answer_next(true), "another order");
        town.settle();
        assert_eq!(town.told(), Some(ResponseCode::APPROVED));
        // Reversed by its wallet: once more.
        town.reverse(4, 100, 27);
        town.settle();
        assert!(town.answer_next(true), "the acquirer acknowledges");
        town.settle();
        town.pay_for(under(order, 1, 7, 28));
        assert!(town.answer_next(true), "{order}");
    }
}

#[test]
fn what_a_full_ring_stops_is_shed_and_takes_nothing() {
    let mut town = empty();
    // Nobody but the wallet's shard takes a turn: its rings fill up.
    let mut shed = 0;
    for count in 0..1_200_u32 {
        let reference = format!("F{count:011}");
        let request = PaymentRequest {
            key: key(WALLET, reference.as_bytes().try_into().unwrap()),
            ..payment(u8::try_from(count % 20).unwrap(), 1, 1, 100 + count)
        };
        let wallet = town.wallet;
        town.worlds[WALLETS].say(wallet, &Message::PaymentRequest(request));
        while town.heard(WALLETS, wallet, |_| ()).is_some() {
            shed += 1;
        }
    }
    assert!(shed > 0, "a ring is full");
    town.settle();
    // What found its ring full is told a little later.
    for _ in 0..5 {
        town.pass_ms(2);
    }
    let standing: i64 = town.standing().iter().map(|(_, minor)| minor).sum();
    let counted: i64 = (0..20).map(|payer| town.counted(payer)).sum();
    assert_eq!(counted, standing);
    assert_eq!(
        (0..3)
            .map(|s| town.count(s, Counter::HoldsLost))
            .sum::<u64>(),
        0
    );
}

/// What is carried of a transaction that is not over is among the sums that are carried.
#[test]
fn what_a_base_carries_is_counted_once() {
    let mut town = town(&[Vec::new()]);
    for (count, stan) in [(1, 20), (2, 21)] {
        let (wallet, request) = (town.wallet, payment(1, count, 100, stan));
        town.worlds[0].say(wallet, &Message::PaymentRequest(request));
    }
    let records = written(&town.worlds[0]);
    let of = |number: u64| {
        let its = records.iter().copied();
        its.filter(move |record| record.number().0 == number)
    };
    let total = records.iter().find_map(|record| match record {
        Record::Held(hold) => Some(Record::Total(Total {
            payer: hold.payer?,
            year: 2026,
            amount: money(700),
        })),
        _ => None,
    });
    let limits = EngineLimits {
        in_flight_max: 8,
        remembered_keys_max: 16,
    };
    let tables = Arc::new(snapshot());
    let mut replaying = Replaying::new(limits, Arc::clone(&tables), 5);
    let carried = of(1).chain(total);
    let carried = carried.map(|record| Piece::Carried((Wall(START), record)));
    let base = [Piece::Base(TransactionNumber(1), 0)];
    let live = of(2).map(|record| {
        Piece::Record(journal::Entry {
            lsn: Lsn(0),
            wall: Wall(START),
            record,
        })
    });
    for piece in carried.chain(base).chain(live) {
        replaying.apply_piece(piece).unwrap();
    }
    let mut engine = Engine::new(limits, &tables, 5);
    engine.serve_holds(true, true, true);
    for told in replaying.take_holds(1) {
        engine.tell_holds(&told, Wall(START).date());
    }
    let Some(Record::Total(total)) = total else {
        panic!("both count");
    };
    let counts = engine.counted(total.payer).unwrap();
    assert_eq!(counts.on(Wall(START).date()), (800, 1));
    assert_eq!(replaying.engine().holds(), 2, "both may be given back yet");
}

#[test]
fn what_ended_counts_until_that_is_committed() {
    let protocols = (Protocol::Iso8583Ascii, Protocol::Sbe);
    let place = ((ShardId(0), 1), Ports::default());
    let tables = (snapshot(), None);
    let mut world = World::with(tables, &[], place, protocols, CommitMode::Disk);
    let (acquirer, wallet) = world.open();
    let wallet_code = |world: &mut World| {
        let body = world.heard(wallet)?;
        let dialect = world.dialect_of(wallet);
        match dialect.decode(&body, world.today()).unwrap() {
            Message::PaymentResult(result) => Some(result.response_code),
            other => panic!("{:?}", other.kind()),
        }
    };
    let rest = |world: &mut World| {
        for _ in 0..20 {
            world.pass_ms(1);
        }
    };
    let decline = |world: &mut World| {
        let body = world.heard(acquirer).expect("it is forwarded");
        let dialect = world.dialect_of(acquirer);
        let asked = dialect.decode(&body, world.today()).unwrap();
        let answer = answer_to(&asked, false).expect("it is a payment");
        world.say(acquirer, &answer);
    };
    let first = payment(1, 1, YEAR_MOST, 20);
    world.say(wallet, &Message::PaymentRequest(first));
    rest(&mut world);
    world.hold_writes = true;
    decline(&mut world);
    rest(&mut world);
    // If the power is lost now, the first is open again.
    let second = payment(1, 2, 1, 21);
    world.say(wallet, &Message::PaymentRequest(second));
    rest(&mut world);
    assert_eq!(wallet_code(&mut world), None, "nothing is committed");
    turns::complete_writes(&mut world);
    assert_eq!(wallet_code(&mut world), Some(ResponseCode(*b"05")));
    let refused = Some(ResponseCode::COUNT_LIMIT);
    assert_eq!(wallet_code(&mut world), refused, "there was no room yet");
    let third = payment(1, 3, YEAR_MOST, 22);
    world.say(wallet, &Message::PaymentRequest(third));
    rest(&mut world);
    decline(&mut world);
}

/// Whose the `count`-th key is in the property below.
const fn payer_of(count: u8) -> u8 {
    count % 2
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Payments, their repeats, answers, reversals and kills, while shards take their turns in any
    /// order and any number.
    #[test]
    fn in_whatever_order_shards_take_turns_no_total_is_exceeded_doubled_or_lost(
        steps in prop::collection::vec((0_u8..10, 0_u8..12, any::<bool>(), 0_usize..3), 1..120)
    ) {
        let mut town = empty();
        let mut woken = 0_u64;
        let minor = |count: u8| i64::from(count % 4 + 1) * 150;
        for (stan, (what, count, approves, shard)) in (100_u32..).zip(steps) {
            match what {
                0..=3 => {
                    let request = payment(payer_of(count), count, minor(count), stan);
                    let wallet = town.wallet;
                    town.worlds[WALLETS].say(wallet, &Message::PaymentRequest(request));
                }
                4 | 5 => {
                    town.answer_next(approves);
                }
                6 => town.reverse(count, minor(count), stan),
                7 if approves && shard == 0 => town = town.killed(),
                _ => {
                    // One shard alone takes a turn.
                    woken |= town.next_wake().unwrap_or(0);
                    if woken & 1 << shard != 0 {
                        woken &= !(1 << shard);
                        town.worlds[shard].turn(vec![Completion::Woken]);
                    }
                }
            }
            for payer in 0..2 {
                let standing = town.standing();
                let of_payer = |key: &Key| {
                    (0..12).any(|count| payer_of(count) == payer && reference(count) == *key)
                };
                let mine = standing.iter().filter(|(key, _)| of_payer(key));
                let sum: i64 = mine.map(|it| it.1).sum();
                prop_assert!(sum <= YEAR_MOST, "payer {payer} has {sum}");
            }
        }
        for shard in 0..3 {
            town.worlds[shard].turn(vec![Completion::Woken]);
        }
        town.settle();
        let standing: i64 = town.standing().iter().map(|it| it.1).sum();
        prop_assert_eq!(town.counted(0) + town.counted(1), standing);
        let again = town.killed();
        let standing: i64 = again.standing().iter().map(|it| it.1).sum();
        prop_assert_eq!(again.counted(0) + again.counted(1), standing);
    }
}

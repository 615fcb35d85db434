//! An honest history breaks no rule; one change to it breaks the rule that it should.

mod rulings;
mod totals;

use super::*;
use crate::fx::exponents::iso_4217;
use crate::fx::{Rounding, convert};
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{Epoch, Reference, TableVersion};
use crate::model::keys::{Class, Key};
use crate::model::message::{Amounts, Echoed};
use crate::model::money::{Currency, Money, Rate};
use crate::model::outcome::{Outcome, Presentation, Reason, ResponseCode};
use crate::model::record::{
    Actor, Advice, AdviceAnswer, Answer, Decision, Opened, Payment, Record, Refund, Reversal,
    ReversalAnswer, ShortText, Unknown,
};

const START: u64 = 1_795_298_705_000_000_000;
const SECOND: u64 = 1_000_000_000;
const ACQUIRER: u64 = 48_000_702;
const WALLET: u64 = 45_800_601;

fn institution(code: u64) -> Institution {
    Institution::new(code).unwrap()
}

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::new(156).unwrap()).unwrap()
}

/// One yuan in ringgit.
const RATE: Rate = Rate {
    mantissa: 5_830_224,
    exponent: -7,
};

fn ringgit(minor: i64) -> Money {
    let ringgit = Currency::new(458).unwrap();
    convert(money(minor), RATE, Rounding::HalfUp, ringgit, &iso_4217()).unwrap()
}

fn amounts(minor: i64) -> Amounts {
    Amounts {
        amount: money(minor),
        billing: Some(ringgit(minor)),
        settlement: None,
        billing_rate: Some(RATE),
        settlement_rate: None,
    }
}

fn key(number: u64) -> Key {
    Key {
        originator: institution(ACQUIRER),
        local_date: Wall(START).date(),
        reference: Reference::new(format!("A{number:011}").into_bytes().try_into().unwrap())
            .unwrap(),
    }
}

fn forward(match_key: u64, received: u64) -> Decision {
    Decision::Forward {
        destination: institution(WALLET),
        match_key: MatchKey(match_key),
        deadline: Wall(received + 5 * SECOND),
    }
}

/// What happens, second by second.
#[derive(Default)]
struct History {
    entries: Vec<Entry>,
}

impl History {
    fn push(&mut self, record: Record) -> &mut Self {
        let n = self.entries.len() as u64;
        self.entries.push(Entry {
            lsn: Lsn(4_096 + n * 64),
            wall: Wall(START + self.steps() * SECOND / 2),
            record,
        });
        self
    }

    fn opened(&mut self, epoch: u32) -> &mut Self {
        self.push(Record::Opened(Opened {
            epoch: Epoch(epoch),
            shard: ShardId(0),
            shards: 1,
            table: TableVersion(1),
            table_hash: 7,
        }))
    }

    fn payment(&mut self, number: u64, named: u64, fingerprint: u64) -> &mut Self {
        let received = START + self.steps() * SECOND / 2;
        self.push(Record::Payment(Payment {
            number: TransactionNumber(number),
            key: key(named),
            fingerprint: Fingerprint(fingerprint),
            originator: institution(ACQUIRER),
            match_key: MatchKey(number),
            named_destination: None,
            forwarder: None,
            presentation: Presentation::Cpm,
            scenario: None,
            amounts: amounts(12_800),
            echoed: Echoed::default(),
            settlement_date: Wall(received).date(),
            table: TableVersion(1),
            decision: forward(100 + number, received),
        }))
    }

    fn answer(&mut self, number: u64, outcome: Outcome, minor: i64) -> &mut Self {
        self.push(Record::Answer(Answer {
            number: TransactionNumber(number),
            by: Actor::Destination,
            response_code: ResponseCode::APPROVED,
            outcome,
            approval_code: None,
            amounts: amounts(minor),
            text: ShortText::EMPTY,
        }))
    }

    fn unknown(&mut self, number: u64) -> &mut Self {
        self.push(Record::Unknown(Unknown {
            number: TransactionNumber(number),
            reason: Reason::Timeout,
        }))
    }

    fn reversal(&mut self, number: u64, match_key: u64, minor: i64) -> &mut Self {
        self.push(Record::Reversal(Reversal {
            number: TransactionNumber(number),
            target: BusinessKey {
                key: key(number),
                class: Class::Payment,
            },
            root: key(number),
            claims: false,
            by: Actor::Switch,
            participant: None,
            advice: true,
            reason: Some(Reason::Timeout),
            amount: money(minor),
            match_key: Some(MatchKey(match_key)),
        }))
    }

    fn reversed(&mut self, number: u64) -> &mut Self {
        self.push(Record::ReversalAnswer(ReversalAnswer {
            number: TransactionNumber(number),
            response_code: ResponseCode::APPROVED,
            reversed: true,
        }))
    }

    fn refund(&mut self, number: u64, root: u64, minor: i64) -> &mut Self {
        let received = START + self.entries.len() as u64 * SECOND / 2;
        self.push(Record::Refund(Refund {
            number: TransactionNumber(number),
            key: key(1_000 + number),
            root: key(root),
            fingerprint: Fingerprint(number),
            originator: institution(ACQUIRER),
            match_key: MatchKey(number),
            presentation: None,
            reason: None,
            amounts: amounts(minor),
            echoed: Echoed::default(),
            settlement_date: Wall(received).date(),
            table: TableVersion(1),
            decision: forward(500 + number, received),
        }))
    }

    fn audit(&self) -> Audit {
        let mut audit = Audit::new(iso_4217());
        for entry in &self.entries {
            audit.record(0, ShardId(0), entry);
        }
        audit
    }
}

/// Approved; declined; unknown, reversed and advised; refunded in part.
fn honest() -> History {
    let mut history = History::default();
    history
        .opened(1)
        .payment(1, 1, 1)
        .answer(1, Outcome::Approved, 12_800);
    history
        .payment(2, 2, 2)
        .answer(2, Outcome::Declined, 12_800);
    history
        .payment(3, 3, 3)
        .unknown(3)
        .reversal(3, 203, 12_800)
        .reversed(3);
    history.push(Record::Advice(Advice {
        number: TransactionNumber(3),
        match_key: MatchKey(1),
    }));
    history.push(Record::AdviceAnswer(AdviceAnswer {
        number: TransactionNumber(3),
        response_code: ResponseCode::APPROVED,
    }));
    history
        .refund(4, 1, 5_000)
        .answer(4, Outcome::Approved, 5_000);
    history.held(1, 600).held(2, 400).released(2, 400);
    history.held(3, 400);
    history
}

fn originator(number: u64, answers: &[Outcome], standing: Outcome) -> LedgerLine {
    LedgerLine {
        institution: institution(ACQUIRER),
        key: BusinessKey {
            key: key(number),
            class: Class::Payment,
        },
        amount: money(12_800),
        party: Party::Originator {
            answers: answers.to_vec(),
            standing: Some(standing),
        },
    }
}

fn destination(number: u64, who: u64, debits: u32, given_back: u32) -> LedgerLine {
    LedgerLine {
        institution: institution(who),
        party: Party::Destination { debits, given_back },
        ..originator(number, &[], Outcome::Approved)
    }
}

fn honest_ledger() -> Vec<LedgerLine> {
    vec![
        originator(
            1,
            &[Outcome::Approved, Outcome::Approved],
            Outcome::Approved,
        ),
        destination(1, WALLET, 1, 0),
        originator(2, &[Outcome::Declined], Outcome::Declined),
        destination(2, WALLET, 0, 0),
        originator(3, &[], Outcome::Reversed),
        destination(3, WALLET, 1, 1),
    ]
}

fn report(history: &History, ledger: Vec<LedgerLine>) -> Report {
    let mut audit = history.audit();
    for (line, it) in (1..).zip(ledger) {
        audit.ledger(0, line, it);
    }
    audit.finish()
}

fn broken(report: &Report) -> Vec<Rule> {
    let broken = report.rules.iter().filter(|(_, _, broken)| *broken > 0);
    broken.map(|(rule, ..)| *rule).collect()
}

#[test]
fn an_honest_history_breaks_no_rule_and_checks_every_one() {
    let mut history = honest();
    history.settled_by_operator(5).opened(2);
    let report = report(&history, honest_ledger());
    assert_eq!(report.violations, []);
    assert!(report.is_good());
    assert_eq!(report.open, Open::default());
    for (rule, checked, _) in report.rules {
        assert!(checked > 0, "{rule:?} was never checked");
    }
}

/// The amounts of the last record.
fn last_amounts(history: &mut History) -> &mut Amounts {
    match history.entries.last_mut().map(|entry| &mut entry.record) {
        Some(Record::Payment(payment)) => &mut payment.amounts,
        Some(Record::Refund(refund)) => &mut refund.amounts,
        other => panic!("{other:?} has no amounts"),
    }
}

#[test]
fn the_trial_balance_says_what_each_participant_pays_and_receives() {
    let mut history = honest();
    history
        .payment(5, 5, 5)
        .answer(5, Outcome::Approved, 12_800)
        .reversal(5, 205, 12_800)
        .reversed(5);
    let report = report(&history, Vec::new());
    assert!(report.is_good(), "{:?}", report.violations);
    let line = |numeric, participant, side, unit: fn(i64) -> i64| BalanceLine {
        currency: Currency::new(numeric).unwrap(),
        participant: institution(participant),
        side,
        payments: i128::from(2 * unit(12_800)),
        refunds: i128::from(unit(5_000)),
        reversals: i128::from(unit(12_800)),
        standing: i128::from(unit(12_800) - unit(5_000)),
    };
    let expected = [
        line(156, ACQUIRER, Side::Merchant, |minor| minor),
        line(458, WALLET, Side::Payer, |minor| ringgit(minor).minor),
    ];
    assert_eq!(report.balance, expected);
}

#[test]
fn sums_that_do_not_come_to_what_stands_are_found() {
    let mut history = honest();
    // Debited twice on record: the sums say so, and only one payment stands.
    history.answer(1, Outcome::Approved, 12_800);
    let report = report(&history, Vec::new());
    assert_eq!(broken(&report), [Rule::OneOutcome, Rule::CurrenciesBalance]);
    let unbalanced = report.balance.iter().filter(|line| !line.is_balanced());
    assert_eq!(unbalanced.count(), 2);
    let found = report.violations.last().unwrap();
    assert_eq!((found.place, found.key), (Place::Whole, None));
}

#[test]
fn an_amount_that_its_rate_does_not_make_is_found() {
    for off_by in [-1, 1] {
        let mut history = honest();
        history.payment(5, 5, 5);
        let billing = last_amounts(&mut history).billing.as_mut().unwrap();
        billing.minor += off_by;
        // 7,462.68 ringgit: 7,463 and 7,462 are both within one sen, 7,464 is not.
        let expected: &[Rule] = if off_by > 0 {
            &[Rule::AmountsConverted]
        } else {
            &[]
        };
        assert_eq!(broken(&report(&history, Vec::new())), expected);
    }
    // No rate that can be stated; a currency without a minor unit.
    let changes: [fn(&mut Amounts); 3] = [
        |amounts| amounts.billing_rate.as_mut().unwrap().mantissa = 0,
        |amounts| amounts.billing_rate.as_mut().unwrap().exponent = 1,
        |amounts| amounts.billing.as_mut().unwrap().currency = Currency::new(959).unwrap(),
    ];
    for change in changes {
        let mut history = honest();
        history.payment(5, 5, 5);
        change(last_amounts(&mut history));
        assert_eq!(
            broken(&report(&history, Vec::new())),
            [Rule::AmountsConverted]
        );
    }
}

#[test]
fn refunds_that_exceed_the_payment_in_the_payers_currency_alone_are_found() {
    let mut history = honest();
    history
        .refund(5, 1, 7_800)
        .answer(5, Outcome::Approved, 7_800);
    assert!(report(&history, Vec::new()).is_good());
    // 12,800 yuan were refunded in two parts, and of 7,463 ringgit one too many.
    let mut history = honest();
    history.refund(5, 1, 7_800);
    let amounts = last_amounts(&mut history);
    amounts.billing = Some(Money {
        minor: 4_549,
        ..ringgit(1)
    });
    amounts.billing_rate = None;
    history.answer(5, Outcome::Approved, 7_800);
    assert_eq!(
        broken(&report(&history, Vec::new())),
        [Rule::RefundsBounded]
    );
}

#[test]
fn rules_are_counted_under_their_own_names() {
    for (place, rule) in Rule::ALL.into_iter().enumerate() {
        assert_eq!(rule as usize, place, "{rule:?}");
    }
}

#[test]
fn each_broken_rule_is_found_with_its_place() {
    type Change = (Rule, fn(&mut History) -> &mut History);
    let changes: [Change; 13] = [
        (Rule::OneOutcome, |h| h.answer(1, Outcome::Approved, 12_800)),
        (Rule::OneOutcome, |h| h.payment(5, 1, 1)),
        (Rule::OneOutcome, |h| h.unknown(2)),
        (Rule::NoApprovalAfterNegative, |h| {
            h.answer(3, Outcome::Approved, 12_800)
        }),
        (Rule::ConflictsRefused, |h| h.payment(5, 1, 99)),
        (Rule::AmountsKept, |h| {
            h.payment(5, 5, 5).answer(5, Outcome::Approved, 12_799)
        }),
        (Rule::AmountsKept, |h| {
            h.payment(5, 5, 5).unknown(5).reversal(5, 205, 1)
        }),
        (Rule::RefundsBounded, |h| {
            h.refund(5, 1, 8_000).answer(5, Outcome::Approved, 8_000)
        }),
        (Rule::ReversedOnce, |h| h.reversed(3)),
        (Rule::ReversalsEnd, |h| h.reversed(1)),
        (Rule::RecordsFit, |h| h.unknown(77)),
        (Rule::SingleWriter, |h| h.opened(1)),
        (Rule::MatchKeysUnique, |h| {
            h.payment(5, 5, 5).unknown(5).reversal(5, 101, 12_800)
        }),
    ];
    for (rule, change) in changes {
        let mut history = honest();
        change(&mut history);
        let report = report(&history, Vec::new());
        assert!(
            broken(&report).contains(&rule),
            "{rule:?}: {:?}",
            report.violations
        );
        let found = report
            .violations
            .iter()
            .find(|found| found.rule == rule)
            .unwrap();
        assert!(matches!(found.place, Place::Record { journal: 0, lsn, .. } if lsn > Lsn(4_096)));
    }
}

/// Whatever shards they are on: the same content, another payment's refund, or reversed elsewhere.
#[test]
fn a_refund_key_that_two_shards_have_is_found() {
    let elsewhere = |fingerprint: Fingerprint, reversed: bool| {
        let mut audit = honest().audit();
        let mut other = History::default();
        other
            .payment(1, 50, 50)
            .answer(1, Outcome::Approved, 12_800);
        other.refund(4, 50, 100);
        for entry in &mut other.entries {
            match &mut entry.record {
                // Drawn from this shard's own block.
                Record::Payment(Payment { decision, .. }) => *decision = forward(9_001, START),
                Record::Refund(refund) => {
                    refund.decision = forward(9_002, START + SECOND);
                    refund.fingerprint = fingerprint;
                    let reversal = Reversal {
                        number: refund.number,
                        target: BusinessKey {
                            key: refund.key,
                            class: Class::Refund,
                        },
                        root: refund.root,
                        claims: true,
                        by: Actor::Originator,
                        participant: Some(refund.originator),
                        advice: true,
                        reason: None,
                        amount: refund.amounts.amount,
                        match_key: None,
                    };
                    if reversed {
                        entry.record = Record::Reversal(reversal);
                    }
                }
                _ => {}
            }
            audit.record(0, ShardId(1), entry);
        }
        let report = audit.finish();
        let place = report
            .violations
            .first()
            .map(|found| (found.place, found.key));
        (broken(&report), place)
    };
    let place = Place::Record {
        journal: 0,
        shard: ShardId(1),
        lsn: Lsn(4_096 + 2 * 64),
    };
    let class = Class::Refund;
    let key = key(1_004);
    let found = Some((place, Some(BusinessKey { key, class })));
    let another = elsewhere(Fingerprint(77), false);
    assert_eq!(another, (vec![Rule::ConflictsRefused], found));
    let same = elsewhere(Fingerprint(4), false);
    assert_eq!(same, (vec![Rule::OneOutcome], found));
    let reversed = elsewhere(Fingerprint(77), true);
    assert_eq!(reversed, (vec![Rule::OneOutcome], found));
}

#[test]
fn a_payment_that_is_forgotten_is_found_once_its_deadline_is_past() {
    let mut history = honest();
    history.payment(5, 5, 5);
    assert!(report(&history, Vec::new()).is_good());
    assert_eq!(report(&history, Vec::new()).open.unanswered, 1);
    for n in 6..30 {
        history
            .payment(n, n, n)
            .answer(n, Outcome::Declined, 12_800);
    }
    assert_eq!(
        broken(&report(&history, Vec::new())),
        [Rule::AnsweredInTime]
    );
    // A restart resolves what was open: the next opening may not have come to it yet.
    history.opened(2);
    assert!(report(&history, Vec::new()).is_good());
}

/// Found by crash rounds: a switch of two shards was killed at one's start while the other had just
/// begun to write.
#[test]
fn an_opening_that_left_no_record_is_missed_by_nobody() {
    let mut history = honest();
    history.opened(3);
    assert!(report(&history, Vec::new()).is_good());
    history.opened(2);
    assert_eq!(broken(&report(&history, Vec::new())), [Rule::SingleWriter]);
}

#[test]
fn a_settlement_date_of_another_day_is_found() {
    let mut history = honest();
    history.payment(5, 5, 5);
    if let Some(Entry {
        record: Record::Payment(payment),
        ..
    }) = history.entries.last_mut()
    {
        payment.settlement_date = Wall(START + 3 * 86_400 * SECOND).date();
    }
    assert_eq!(
        broken(&report(&history, Vec::new())),
        [Rule::OneSettlementDate]
    );
}

#[test]
fn ledgers_that_tell_another_story_are_found() {
    let changes: [(Rule, LedgerLine); 7] = [
        (
            Rule::ToldIsWritten,
            originator(9, &[Outcome::Approved], Outcome::Approved),
        ),
        (
            Rule::ToldIsWritten,
            originator(2, &[Outcome::Approved], Outcome::Approved),
        ),
        (
            Rule::StableAnswers,
            originator(
                1,
                &[Outcome::Declined, Outcome::Approved],
                Outcome::Approved,
            ),
        ),
        (Rule::NoDuplicateDebit, destination(1, WALLET, 2, 1)),
        (Rule::OwnDestination, destination(1, 1, 1, 0)),
        (
            Rule::JournalEqualsLedgers,
            originator(3, &[], Outcome::Approved),
        ),
        (
            Rule::JournalEqualsLedgers,
            LedgerLine {
                amount: money(1),
                ..destination(1, WALLET, 1, 0)
            },
        ),
    ];
    for (rule, line) in changes {
        let report = report(&honest(), vec![line]);
        assert!(
            broken(&report).contains(&rule),
            "{rule:?}: {:?}",
            report.violations
        );
        assert!(
            report
                .violations
                .iter()
                .all(|it| it.place == Place::Ledger { ledger: 0, line: 1 })
        );
    }
}

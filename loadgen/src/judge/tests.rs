//! A judge that cannot fail is worthless: every fault is planted once, and found.

use cpg_switch::model::chars::Sensitive;
use cpg_switch::model::ids::MatchKey;
use cpg_switch::model::message::{
    Amounts, Echoed, Header, PaymentAdvice, PaymentRequest, PaymentResult, Reversal,
};
use cpg_switch::model::money::{Money, Rate};
use cpg_switch::model::outcome::{Outcome, Presentation, Reason, ResponseCode};

use super::*;
use crate::cast::tests::two_players;
use crate::judge::books::Balance;
use crate::judge::destinations::Reply;
use crate::mix::{Fate, Script};

/// The wallet answers; lane 0 is CPM.
const WALLET: u8 = 0;
const ACQUIRER: u8 = 1;

struct World {
    cast: Cast,
    judge: Judge,
    /// What the switch says that the payer pays, at 0.6.
    billing: Option<i64>,
}

impl World {
    fn new() -> Self {
        Self {
            cast: two_players(),
            judge: Judge::new(10),
            billing: None,
        }
    }

    fn ask(&mut self, fate: Fate) -> u64 {
        self.judge.originators.ask(&Script {
            lane: 0,
            fate,
            minor: 500,
            payer: 1,
            merchant: 0,
            order: None,
        })
    }

    fn amounts(&self, minor: i64) -> Amounts {
        Amounts {
            amount: self.cast.money(0, minor),
            billing: self.billing.map(|minor| Money {
                minor,
                currency: self.cast.wallet(0).currency,
            }),
            settlement: None,
            billing_rate: self.billing.map(|_| Rate {
                mantissa: 6,
                exponent: -1,
            }),
            settlement_rate: None,
        }
    }

    fn arrive(&mut self, player: u8, number: u64, minor: i64, fate: Fate) -> Reply {
        let request = PaymentRequest {
            header: Header::default(),
            key: self.cast.key(number, 0),
            local_time: None,
            destination: None,
            forwarder: None,
            presentation: Presentation::Cpm,
            scenario: None,
            amounts: self.amounts(minor),
            mcc: None,
            country: None,
            terminal: None,
            merchant_id: None,
            payer_token: None,
            kyc_level: None,
            code: Sensitive(b""),
            merchant_name: b"",
            quote: b"",
            mac: b"",
        };
        let (reply, fault) = self
            .judge
            .destinations
            .request(&self.cast, player, number, fate, 0, &request);
        if let Some(fault) = fault {
            self.judge.fault(&self.cast, player, fault);
        }
        reply
    }

    fn reverse(&mut self, number: u64) {
        let target = self.cast.target(number, 0);
        let reversal = Reversal {
            header: Header::default(),
            target,
            root: target.key,
            amount: self.cast.money(0, 500),
            reason: Some(Reason::Timeout),
            repeat: false,
            original: Some(MatchKey(1)),
            mac: b"",
        };
        let (_, fault) = self
            .judge
            .destinations
            .reversal(&self.cast, WALLET, number, 0, &reversal);
        assert_eq!(fault, None);
    }

    fn answer(&mut self, number: u64, minor: i64, code: &[u8; 2]) {
        let code = ResponseCode(*code);
        let result = PaymentResult {
            header: Header::default(),
            key: self.cast.key(number, 0),
            response_code: code,
            outcome: None,
            approval_code: (code == ResponseCode::APPROVED).then(|| Cast::approval(number)),
            amounts: self.amounts(minor),
            settlement_date: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        };
        let told = self
            .judge
            .originators
            .answered(&self.cast, number, false, &result);
        if let Err(fault) = told {
            self.judge.fault(&self.cast, ACQUIRER, fault);
        }
    }

    fn advise(&mut self, number: u64, outcome: Outcome) {
        let target = self.cast.target(number, 0);
        let advice = PaymentAdvice {
            header: Header::default(),
            target,
            root: target.key,
            repeat: false,
            response_code: ResponseCode::NO_ANSWER,
            outcome: Some(outcome),
            approval_code: None,
            amounts: self.amounts(500),
            settlement_date: None,
            text: b"",
            mac: b"",
        };
        let told = self.judge.originators.advised(&self.cast, number, &advice);
        if let Err(fault) = told {
            self.judge.fault(&self.cast, ACQUIRER, fault);
        }
    }

    fn rules(self) -> Vec<Rule> {
        let verdict = self.judge.settle(&self.cast, &Journal::NotRead);
        assert_eq!(verdict.holds(), verdict.violations.listed().is_empty());
        verdict
            .violations
            .listed()
            .iter()
            .map(|violation| violation.rule)
            .collect()
    }
}

#[test]
fn an_orderly_run_holds() {
    let mut world = World::new();
    let (approved, declined) = (world.ask(Fate::Approve), world.ask(Fate::Decline));
    let (silent, deaf) = (world.ask(Fate::Silent), world.ask(Fate::Deaf));
    assert_eq!(
        world.arrive(WALLET, approved, 500, Fate::Approve),
        Reply::Approve
    );
    assert_eq!(
        world.arrive(WALLET, declined, 500, Fate::Decline),
        Reply::Decline
    );
    assert_eq!(
        world.arrive(WALLET, silent, 500, Fate::Silent),
        Reply::Nothing
    );
    assert_eq!(world.arrive(WALLET, deaf, 500, Fate::Deaf), Reply::Nothing);
    world.answer(approved, 500, b"00");
    world.answer(declined, 500, b"51");
    for number in [silent, deaf] {
        world.answer(number, 500, b"68");
        world.reverse(number);
        world.advise(number, Outcome::Reversed);
    }
    assert_eq!(world.judge.originators.unresolved(), 0);
    assert_eq!(
        world.judge.destinations.page(silent).balance,
        Balance::Released
    );
    assert_eq!(world.judge.destinations.page(deaf).balance, Balance::Barred);
    assert_eq!(world.rules(), []);
}

#[test]
fn a_repeat_reaches_the_destination_once_more_and_debits_once() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    assert_eq!(
        world.arrive(WALLET, number, 500, Fate::Approve),
        Reply::Approve
    );
    assert_eq!(
        world.arrive(WALLET, number, 500, Fate::Approve),
        Reply::Approve
    );
    world.answer(number, 500, b"00");
    world.answer(number, 500, b"00");
    assert_eq!(world.rules(), []);
}

#[test]
fn a_lost_payment_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 500, Fate::Approve);
    assert_eq!(world.rules(), [Rule::Unanswered]);
}

#[test]
fn an_approval_without_a_debit_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.answer(number, 500, b"00");
    assert_eq!(world.rules(), [Rule::ApprovedNotDebited]);
}

#[test]
fn a_debit_that_was_declined_to_the_originator_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 500, Fate::Approve);
    world.answer(number, 500, b"51");
    assert_eq!(world.rules(), [Rule::DebitedNotApproved]);
}

#[test]
fn a_changed_amount_is_found_on_either_side() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 501, Fate::Approve);
    world.answer(number, 500, b"00");
    assert_eq!(world.rules(), [Rule::Changed]);

    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 500, Fate::Approve);
    world.answer(number, 499, b"00");
    assert_eq!(world.rules(), [Rule::Changed, Rule::Unanswered]);
}

#[test]
fn a_conversion_that_is_not_the_amount_at_its_rate_is_found_on_either_side() {
    for (asked, told, expected) in [
        (300, 300, vec![]),
        (301, 300, vec![Rule::Conversion]),
        (300, 299, vec![Rule::Conversion]),
    ] {
        let mut world = World::new();
        let number = world.ask(Fate::Approve);
        world.billing = Some(asked);
        world.arrive(WALLET, number, 500, Fate::Approve);
        world.billing = Some(told);
        world.answer(number, 500, b"00");
        assert_eq!(world.rules(), expected, "{asked} {told}");
    }
}

#[test]
fn a_refused_inquiry_about_a_code_is_no_payment_and_only_some_codes_excuse_it() {
    for (code, expected) in [
        (ResponseCode::SHED, vec![]),
        (ResponseCode::DESTINATION_DOWN, vec![]),
        (ResponseCode::NO_ROUTE, vec![Rule::RequestRefused]),
    ] {
        let mut world = World::new();
        let number = world.ask(Fate::Quote);
        let told = world.judge.originators.not_quoted(number, code);
        if let Err(fault) = told {
            world.judge.fault(&world.cast, 1, fault);
        }
        assert_eq!(world.rules(), expected);
    }
}

#[test]
fn a_payment_that_reaches_two_destinations_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 500, Fate::Approve);
    world.arrive(ACQUIRER, number, 500, Fate::Approve);
    world.answer(number, 500, b"00");
    assert_eq!(world.rules(), [Rule::WrongDestination]);
}

#[test]
fn an_order_that_is_paid_twice_is_found_and_one_that_is_paid_again_is_not() {
    for (reversed, expected) in [(false, vec![Rule::OrderPaidTwice]), (true, vec![])] {
        let mut world = World::new();
        let (first, second) = (world.ask(Fate::Order), world.ask(Fate::OrderAgain));
        for number in [first, second] {
            world.judge.originators.scanned(number, Some(first));
            world.arrive(WALLET, number, 500, Fate::Order);
            let fault = world.judge.destinations.pay_order(number, first);
            if let Some(fault) = fault {
                world.judge.fault(&world.cast, WALLET, fault);
            }
            // A repeat is no second payment.
            let repeated = world.judge.destinations.pay_order(number, first);
            assert_eq!(repeated, None);
            world.answer(number, 500, b"00");
            if number == first && reversed {
                world.judge.originators.take_back(number);
                world.reverse(number);
            }
        }
        assert_eq!(world.rules(), expected);
    }
}

#[test]
fn an_order_that_nobody_may_pay_is_found() {
    for (first_told, expected) in [(b"54", vec![Rule::OrderRefused]), (b"91", vec![])] {
        let mut world = World::new();
        let (first, second) = (world.ask(Fate::Order), world.ask(Fate::OrderAgain));
        for (number, code) in [(first, first_told), (second, b"54")] {
            world.judge.originators.scanned(number, Some(first));
            world.answer(number, 500, code);
        }
        assert_eq!(world.rules(), expected);
    }
}

#[test]
fn a_payment_that_nobody_sent_is_found() {
    let mut world = World::new();
    world.arrive(WALLET, 3, 500, Fate::Approve);
    assert_eq!(world.rules(), [Rule::Unasked]);
}

#[test]
fn an_answer_that_changes_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::RepeatLater);
    world.arrive(WALLET, number, 500, Fate::RepeatLater);
    world.answer(number, 500, b"00");
    world.answer(number, 500, b"51");
    assert_eq!(world.rules(), [Rule::AnswerChanged]);
}

#[test]
fn a_68_without_an_end_and_one_with_the_wrong_end_are_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Silent);
    world.arrive(WALLET, number, 500, Fate::Silent);
    world.answer(number, 500, b"68");
    assert_eq!(world.judge.originators.unresolved(), 1);
    assert_eq!(world.rules(), [Rule::Unresolved]);

    let mut world = World::new();
    let number = world.ask(Fate::Silent);
    world.arrive(WALLET, number, 500, Fate::Silent);
    world.answer(number, 500, b"68");
    // The reversal never reached the wallet: its payer paid for nothing.
    world.advise(number, Outcome::Reversed);
    assert_eq!(world.rules(), [Rule::DebitedNotApproved]);
}

#[test]
fn a_reversal_that_was_accepted_and_not_passed_on_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::ReverseByAdvice);
    world.arrive(WALLET, number, 500, Fate::ReverseByAdvice);
    world.answer(number, 500, b"00");
    world.judge.originators.take_back(number);
    world
        .judge
        .originators
        .take_back_answered(number, ResponseCode::APPROVED)
        .unwrap();
    assert_eq!(world.rules(), [Rule::NotGivenBack]);
}

#[test]
fn a_conflict_that_is_accepted_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Conflict);
    let answered = &mut world.judge.originators;
    answered
        .conflict_answered(number, ResponseCode::CONFLICT)
        .unwrap();
    let fault = answered
        .conflict_answered(number, ResponseCode::APPROVED)
        .unwrap_err();
    assert_eq!(fault.rule, Rule::ConflictAccepted);
}

#[test]
fn a_shed_payment_that_was_forwarded_is_found() {
    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 500, Fate::Deaf);
    world.answer(number, 500, b"A1");
    assert_eq!(world.rules(), [Rule::RefusedButForwarded]);
}

#[test]
fn violations_name_the_payment_and_the_place_and_are_bounded() {
    let mut world = World::new();
    let key = world.cast.key(0, 0).to_string();
    for _ in 0..1_000 {
        world.ask(Fate::Approve);
    }
    let verdict = world.judge.settle(&world.cast, &Journal::NotRead);
    assert_eq!(verdict.violations.total(), 1_000);
    assert_eq!(verdict.violations.listed().len(), 50);
    let first = verdict.violations.listed()[0].to_string();
    assert!(
        first.starts_with(&format!("unanswered {key} at participants' books: ")),
        "{first}"
    );
}

#[test]
fn a_journal_that_cannot_be_read_breaks_a_promise() {
    let world = World::new();
    let journal = Journal::Unreadable("segment 3 is rotten".to_owned());
    let verdict = world.judge.settle(&world.cast, &journal);
    assert_eq!(verdict.violations.listed()[0].rule, Rule::JournalUnreadable);
}

#[test]
fn a_68_that_an_advice_has_overtaken_changes_nothing() {
    let mut world = World::new();
    let number = world.ask(Fate::Deaf);
    world.arrive(WALLET, number, 500, Fate::Deaf);
    world.reverse(number);
    world.advise(number, Outcome::Reversed);
    world.answer(number, 500, b"68");
    assert_eq!(world.judge.originators.unresolved(), 0);
    assert_eq!(world.rules(), []);

    let mut world = World::new();
    let number = world.ask(Fate::Approve);
    world.arrive(WALLET, number, 500, Fate::Approve);
    world.answer(number, 500, b"00");
    world.answer(number, 500, b"68");
    assert_eq!(world.rules(), [Rule::AnswerChanged]);
}

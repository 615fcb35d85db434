//! Destinations and originators that misbehave on purpose: the switch is judged by the same rules.

use super::*;
use crate::mix::Traffic;
use crate::mix::amount::Amounts;
use crate::pair::{Purpose, Request};
use crate::plan::faults::{FaultKind, PlannedFault};

fn planned(participant: &str, kind: FaultKind, at_ms: u64, for_ms: u64) -> Design {
    let fault = PlannedFault {
        participant: participant.to_owned(),
        kind,
        at_ms,
        for_ms,
    };
    let source = Source::Trace(Vec::new().into());
    Design {
        faults: vec![fault].into(),
        ..Design::of(source, 100)
    }
}

/// A hundred payments in 100 ms while one participant does what `design` says.
fn run(cheat: Cheat, shares: &[(Fate, u32)], design: &Design) -> (Tally, u64, Vec<Rule>) {
    let mut traffic = Traffic::of(shares);
    traffic.amounts.push(Amounts::everyday(11));
    run_with(cheat, traffic, design)
}

fn run_with(cheat: Cheat, traffic: Traffic, design: &Design) -> (Tally, u64, Vec<Rule>) {
    let (mut switch, cast) = Switch::new(cheat);
    let mix = Mix::with(11, cast.lanes().to_vec(), traffic);
    let mut stage = connected(&cast, &mix, &mut switch);
    stage.floor.keep_to(design, Clock.monotonic().0);
    let mut plan = open_loop(1_000);
    let all = |floor: &mut Floor<'_>| floor.judge.originators.count() == 100;
    assert!(together(&mut stage, &mut switch, Some(&mut plan), all));
    let over = |floor: &mut Floor<'_>| floor.is_settled() && floor.is_whole();
    assert!(together(&mut stage, &mut switch, None, over));
    let tally = stage.floor.tally;
    let (judge, ..) = stage.floor.into_judge();
    let sent = judge.originators.sent();
    let verdict = judge.settle(&cast, &Journal::NotRead);
    let rules = verdict.violations.listed().iter().map(|it| it.rule);
    (tally, sent, rules.collect())
}

#[test]
fn a_second_answer_goes_nowhere_and_one_that_is_passed_on_is_found() {
    let design = planned("wallet", FaultKind::Twice, 0, 1_000);
    let (_, sent, rules) = run(Cheat::Nothing, &PLAIN, &design);
    assert_eq!((sent, rules), (100, vec![]));
    let (.., rules) = run(Cheat::PassesOnAgain, &PLAIN, &design);
    assert!(!rules.is_empty());
    assert!(
        rules.iter().all(|rule| *rule == Rule::AnsweredTwice),
        "{rules:?}"
    );
    let (.., rules) = run(Cheat::Nothing, &[(Fate::Twice, 5_000)], &design);
    assert_eq!(rules, []);
}

#[test]
fn who_has_signed_off_sends_nothing_and_comes_back() {
    let design = planned("wallet", FaultKind::SignedOff, 20, 40);
    let (tally, sent, rules) = run(Cheat::Nothing, &PLAIN, &design);
    assert!(tally.course.missed_absent > 0, "{tally:?}");
    assert_eq!((sent + tally.course.missed_absent, rules), (100, vec![]));
}

#[test]
fn a_slow_destination_answers_later_and_all_of_them_do() {
    let design = planned("wallet", FaultKind::Slow(30), 0, 1_000);
    let (tally, sent, rules) = run(Cheat::Nothing, &PLAIN, &design);
    assert_eq!(
        (sent, tally.course.answers_hurried, rules),
        (100, 0, vec![])
    );
}

/// Only the acquirer sends: where the wallet's links are cut, too, this switch would have to find
/// out what became of payments.
fn by_code() -> Traffic {
    let mut traffic = Traffic::of(&PLAIN);
    traffic.amounts.push(Amounts::everyday(11));
    traffic.weights = vec![1, 0];
    traffic
}

#[test]
fn whose_links_are_cut_dials_again_and_loses_nothing() {
    let design = planned("acquirer", FaultKind::Cut, 20, 40);
    let (tally, sent, rules) = run_with(Cheat::Nothing, by_code(), &design);
    assert!(tally.course.missed_absent > 0, "{tally:?}");
    assert_eq!((sent + tally.course.missed_absent, rules), (100, vec![]));
}

#[test]
fn a_switch_that_cheats_is_found_out_whatever_else_goes_wrong() {
    for kind in [FaultKind::Cut, FaultKind::SignedOff] {
        let design = planned("acquirer", kind, 20, 20);
        for (cheat, expected) in [
            (Cheat::AnswersTwice(97), vec![Rule::AnsweredTwice]),
            (Cheat::ApprovesByItself(98), vec![Rule::ApprovedNotDebited]),
            (
                Cheat::ForwardsAnotherAmount(99),
                vec![Rule::Changed, Rule::Changed],
            ),
        ] {
            let (_, _, rules) = run_with(cheat, by_code(), &design);
            assert_eq!(rules, expected, "{kind:?}");
        }
    }
}

#[test]
fn an_answer_after_a_cut_is_held_to_what_it_says() {
    let cast = two_players();
    let mix = Mix::new(11, cast.lanes().to_vec(), &PLAIN);
    let sizes = Sizes {
        links: 1,
        open_max: 10,
        payments: 10,
    };
    let mut floor = Floor::new(&cast, &mix, sizes);
    let script = mix.script(0);
    assert_eq!(floor.judge.originators.ask(&script), 0);
    let request = Request {
        kind: cpg_switch::model::message::Kind::PaymentRequest,
        purpose: Purpose::Payment,
        number: 0,
        intended_ns: 0,
        sent_ns: 0,
    };
    let code = messages::code(&cast, &script);
    let payment = messages::payment(&cast, 0, &script, &code);
    let approval = Some(Cast::approval(0));
    let good = messages::payment_result(&payment, approval);
    let mut changed = good;
    changed.amounts.amount.minor += 1;
    let declined = messages::payment_result(&payment, None);
    for (result, expected) in [
        (changed, Some(Rule::Changed)),
        (good, None),
        (good, None),
        (declined, Some(Rule::AnswerChanged)),
    ] {
        let told = floor.on_answer_after_cut(&request, &Message::PaymentResult(result));
        assert_eq!(told.err().map(|fault| fault.rule), expected);
    }
}

//! The choice as a table: which of two rules counts, whatever their rows; and each condition, met
//! and not met.

use super::*;

const CNY: u16 = 156;

/// Two wallets and an infrastructure abroad, and four acquirers, two of them in China.
pub(super) fn cast() -> Vec<Participant> {
    vec![
        participant(10, Role::Wallet, 458, &[]),
        participant(11, Role::Wallet, 156, &[]),
        participant(20, Role::Acquirer, 156, &[21]),
        participant(22, Role::Acquirer, 156, &[]),
        participant(23, Role::Acquirer, 702, &[]),
        participant(24, Role::Acquirer, 702, &[]),
        participant(30, Role::Infrastructure, 702, &[31]),
    ]
}

pub(super) const MALAYSIAN: u16 = 0;
const CHINESE: u16 = 1;
const ACQUIRERS: [u16; 4] = [2, 3, 4, 5];
const NETWORK: u16 = 6;

pub(super) fn to(destination: u16) -> Terms {
    Terms::of_participant(ParticipantIndex(destination))
}

pub(super) fn rule(kind: MarkKind, mark: &str, terms: Terms) -> Rule {
    let mark = RuleMark::new(kind, mark).unwrap();
    Rule { mark, terms }
}

pub(super) fn table(rules: Vec<Rule>) -> Tables {
    Tables::with_rules(TableVersion(1), 7, cast(), rules).unwrap()
}

fn mark(scheme: &'static str, by: By, value: &'static str) -> Mark<'static> {
    Mark {
        scheme,
        by,
        value: value.as_bytes(),
    }
}

fn code(marks: &[Mark<'static>]) -> CodeMarks<'static> {
    CodeMarks {
        is_bad: false,
        marks: marks.iter().copied().collect(),
    }
}

/// SGQR of two accounts.
fn two_owners() -> CodeMarks<'static> {
    code(&[
        mark("paynow", By::Guid, "SG.PAYNOW"),
        mark("unionpay", By::Network, "15"),
    ])
}

fn chosen(rules: Vec<Rule>, ask: &Ask<'_>) -> Result<u16, String> {
    let tables = table(rules);
    tables
        .choose(ask, |_| true)
        .map(|choice| choice.route.destination.0)
        .map_err(|code| code.to_string())
}

#[test]
fn of_two_rules_the_first_in_the_order_of_the_choice_counts() {
    use MarkKind::{Any, Known, Scheme};
    // From what counts most to what counts least; every pair, in both orders of rows.
    let ladder: Vec<(u16, MarkKind, &str)> = vec![
        (1, Any, ""),
        (2, Scheme, "unionpay"),
        (5, Known(By::Guid), "sg.PayNow"),
        (5, Known(By::Network), "15"),
        (5, Scheme, "PAYNOW"),
        (5, Scheme, "unionpay"),
        (5, Any, ""),
        (6, Known(By::Guid), "sg.paynow"),
        (7, Known(By::Network), "15"),
        (8, Any, ""),
    ];
    let marks = two_owners();
    let ask = ask(MALAYSIAN, Presentation::Mpm, &marks);
    for (place, (priority, kind, text)) in ladder.iter().enumerate() {
        for (later, kind_2, text_2) in &ladder[place + 1..] {
            let better = rule(
                *kind,
                text,
                Terms {
                    priority: *priority,
                    ..to(ACQUIRERS[0])
                },
            );
            let worse = rule(
                *kind_2,
                text_2,
                Terms {
                    priority: *later,
                    ..to(ACQUIRERS[1])
                },
            );
            let told = format!("{better:?} before {worse:?}");
            let rows = vec![better.clone(), worse.clone()];
            assert_eq!(chosen(rows, &ask), Ok(ACQUIRERS[0]), "{told}");
            assert_eq!(
                chosen(vec![worse, better], &ask),
                Ok(ACQUIRERS[0]),
                "{told}"
            );
        }
    }
}

#[test]
fn the_longest_beginning_of_digits_and_application_identifiers_counts() {
    let wallet = |mark: &str, kind, to_whom| rule(kind, mark, to(to_whom));
    let prefix = MarkKind::Known(By::Prefix);
    let rules = vec![
        wallet("2", prefix, MALAYSIAN),
        wallet("2810", prefix, CHINESE),
        wallet("281045123456", prefix, NETWORK),
    ];
    for (digits, expected) in [
        ("281045123456789012345678", NETWORK),
        ("281045123455789012345678", CHINESE),
        ("28", MALAYSIAN),
        ("2", MALAYSIAN),
        ("280", MALAYSIAN),
    ] {
        let marks = CodeMarks::of_digits(digits.as_bytes());
        let ask = ask(ACQUIRERS[0], Presentation::Cpm, &marks);
        assert_eq!(chosen(rules.clone(), &ask), Ok(expected), "{digits}");
    }
    let aid = MarkKind::Known(By::Aid);
    let rules = vec![
        wallet("A000000333", aid, MALAYSIAN),
        wallet("A000000333010101", aid, CHINESE),
    ];
    for (bytes, expected) in [
        (b"\xa0\0\0\x03\x33\x01\x01\x01".as_slice(), Ok(CHINESE)),
        (b"\xa0\0\0\x03\x33\x01\x01\x02", Ok(MALAYSIAN)),
        (b"\xa0\0\0\x03\x33", Ok(MALAYSIAN)),
        (b"\xa0\0\0\x03", Err("92".to_owned())),
        (b"\xb0\0\0\x03\x33\x01\x01\x01", Err("92".to_owned())),
    ] {
        let mut marks = CodeMarks::NONE;
        marks.marks.push(Mark {
            scheme: "unionpay",
            by: By::Aid,
            value: bytes,
        });
        let ask = ask(ACQUIRERS[0], Presentation::Cpm, &marks);
        assert_eq!(chosen(rules.clone(), &ask), expected, "{bytes:?}");
    }
}

#[test]
fn each_condition_is_met_or_passes_the_rule_over() {
    let band = |from, to| Band {
        currency: Currency::new(CNY).unwrap(),
        from,
        to,
    };
    let base = to(ACQUIRERS[0]);
    let inbound = Flow::Scenario(Scenario::InboundMpm);
    let outbound = Flow::Scenario(Scenario::OutboundMpm);
    let shown_by_merchant = Flow::Presented(Presentation::Mpm);
    let shown_by_payer = Flow::Presented(Presentation::Cpm);
    let dollars = Band::all(Currency::new(840).unwrap());
    let wallet = |index| Some(ParticipantIndex(index));
    use Verdict::{
        Amount, Fits, Flow as Flowing, Originator, Role as Roles, Wallet, Window as Time,
    };
    #[rustfmt::skip]
    let cases = [
        (base, Fits),
        (Terms { flow: inbound, ..base }, Fits),
        (Terms { flow: outbound, ..base }, Flowing),
        (Terms { flow: shown_by_merchant, ..base }, Fits),
        (Terms { flow: shown_by_payer, ..base }, Flowing),
        (Terms { flow: inbound, ..to(ACQUIRERS[2]) }, Flowing),
        (Terms { wallet: wallet(MALAYSIAN), ..base }, Fits),
        (Terms { wallet: wallet(CHINESE), ..base }, Wallet),
        (Terms { band: Some(band(0, 99)), ..base }, Amount),
        (Terms { band: Some(band(100, 100)), ..base }, Fits),
        (Terms { band: Some(band(101, 500)), ..base }, Amount),
        (Terms { band: Some(dollars), ..base }, Amount),
        (Terms { window: Window::new(0, 1), ..base }, Fits),
        (Terms { window: Window::new(1, 0), ..base }, Time),
        (to(CHINESE), Roles),
        (to(MALAYSIAN), Originator),
        (to(NETWORK), Fits),
        (Terms { destination: None, ..base }, Fits),
        (Terms { destination: None, flow: outbound, ..base }, Flowing),
    ];
    for (terms, expected) in cases {
        let tables = table(vec![rule(MarkKind::Any, "", terms)]);
        let ask = ask(MALAYSIAN, Presentation::Mpm, &NONE);
        let mut verdicts = Vec::new();
        tables.consider(&ask, |it| verdicts.push(it.verdict));
        assert_eq!(verdicts, [expected], "{terms:?}");
        let goes = tables.choose(&ask, |_| true).is_ok();
        assert_eq!(
            goes,
            expected == Fits && terms.destination.is_some(),
            "{terms:?}"
        );
    }
}

#[test]
fn in_cpm_the_wallet_is_who_answers() {
    let agreed = |wallet| Terms {
        wallet: Some(ParticipantIndex(wallet)),
        ..to(MALAYSIAN)
    };
    let ask = ask(ACQUIRERS[0], Presentation::Cpm, &NONE);
    for (wallet, expected) in [(MALAYSIAN, Ok(MALAYSIAN)), (CHINESE, Err("92".to_owned()))] {
        let rules = vec![rule(MarkKind::Any, "", agreed(wallet))];
        assert_eq!(chosen(rules, &ask), expected);
    }
}

#[test]
fn who_is_down_is_passed_over_rank_by_rank() {
    let of = |priority, destination| {
        let terms = Terms {
            priority,
            ..to(destination)
        };
        rule(MarkKind::Scheme, "paynow", terms)
    };
    let [a, b, c, d] = ACQUIRERS;
    let tables = table(vec![of(1, a), of(1, b), of(2, c), of(3, d)]);
    let marks = two_owners();
    for (down, expected) in [
        (vec![], Ok(vec![a, b])),
        (vec![a], Ok(vec![b])),
        (vec![b], Ok(vec![a])),
        (vec![a, b], Ok(vec![c])),
        (vec![a, b, c], Ok(vec![d])),
        (vec![a, b, c, d], Err(ResponseCode::DESTINATION_DOWN)),
    ] {
        let mut seen = std::collections::BTreeSet::new();
        let mut refused = None;
        for draw in 0..64 {
            let ask = Ask {
                draw: Draw::Number(draw),
                ..ask(MALAYSIAN, Presentation::Mpm, &marks)
            };
            match tables.choose(&ask, |index| !down.contains(&index.0)) {
                Ok(choice) => drop(seen.insert(choice.route.destination.0)),
                Err(code) => refused = Some(code),
            }
        }
        let told = refused.map_or_else(|| Ok(seen.into_iter().collect()), Err);
        assert_eq!(told, expected, "{down:?}");
    }
}

#[test]
fn a_rule_that_leads_to_nobody_refuses_and_lets_a_better_one_be() {
    let refusal = |priority| {
        let terms = Terms {
            priority,
            destination: None,
            ..to(0)
        };
        rule(MarkKind::Known(By::Guid), "sg.paynow", terms)
    };
    let open = rule(
        MarkKind::Any,
        "",
        Terms {
            priority: 5,
            ..to(ACQUIRERS[0])
        },
    );
    let marks = two_owners();
    let plain = ask(MALAYSIAN, Presentation::Mpm, &marks);
    let named = Ask {
        named: Institution::new(20),
        ..plain
    };
    for ask in [plain, named] {
        let refused = chosen(vec![refusal(5), open.clone()], &ask);
        assert_eq!(refused, Err("92".to_owned()), "{ask:?}");
        let passed = chosen(vec![refusal(6), open.clone()], &ask);
        assert_eq!(passed, Ok(ACQUIRERS[0]), "{ask:?}");
    }
    // Where a better one is only down, the refusal is not the reason.
    let tables = table(vec![refusal(6), open]);
    let down = tables.choose(&plain, |_| false).unwrap_err();
    assert_eq!(down, ResponseCode::DESTINATION_DOWN);
}

#[test]
fn a_destination_that_is_named_decides_in_mpm_and_must_fit_in_cpm() {
    let marks = two_owners();
    let rules = vec![rule(MarkKind::Scheme, "paynow", to(ACQUIRERS[3]))];
    let named = |code| Ask {
        named: Institution::new(code),
        ..ask(MALAYSIAN, Presentation::Mpm, &marks)
    };
    assert_eq!(chosen(rules.clone(), &named(21)), Ok(ACQUIRERS[0]));
    assert_eq!(chosen(rules.clone(), &named(99)), Err("15".to_owned()));
    assert_eq!(chosen(rules, &named(11)), Err("92".to_owned()));
    let terms = |destination, priority| Terms {
        priority,
        ..to(destination)
    };
    let rules = vec![
        rule(MarkKind::Any, "", terms(MALAYSIAN, 1)),
        rule(MarkKind::Any, "", terms(CHINESE, 2)),
    ];
    for (code, expected) in [
        (10, Ok(MALAYSIAN)),
        (11, Ok(CHINESE)),
        (30, Err("92".into())),
    ] {
        let ask = Ask {
            named: Institution::new(code),
            ..ask(ACQUIRERS[0], Presentation::Cpm, &NONE)
        };
        assert_eq!(chosen(rules.clone(), &ask), expected, "{code}");
    }
}

#[test]
fn a_bad_code_is_no_code_and_an_institution_is_named_to_who_fronts_it() {
    let fronted = Terms {
        institution: Institution::new(31),
        ..to(NETWORK)
    };
    let tables = table(vec![rule(MarkKind::Scheme, "paynow", fronted)]);
    let mut marks = two_owners();
    let choice = tables
        .choose(&ask(MALAYSIAN, Presentation::Mpm, &marks), |_| true)
        .unwrap();
    assert_eq!(choice.route.institution, Institution::new(31));
    assert_eq!(choice.route.destination, ParticipantIndex(NETWORK));
    marks.is_bad = true;
    for named in [None, Institution::new(20)] {
        let ask = Ask {
            named,
            ..ask(MALAYSIAN, Presentation::Mpm, &marks)
        };
        let refused = tables.choose(&ask, |_| true).unwrap_err();
        assert_eq!(refused, ResponseCode::NO_SUCH_CODE);
    }
}

#[test]
fn rules_that_make_no_table_are_named() {
    let any = |terms| rule(MarkKind::Any, "", terms);
    let at = |row, terms| any(Terms { row, ..terms });
    let refused = |rules: Vec<Rule>| {
        Tables::with_rules(TableVersion(1), 7, cast(), rules)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(vec![at(4, to(2)), at(9, Terms { weight: 7, ..to(2) })]),
        "the same rule as row 4"
    );
    assert_eq!(
        refused(vec![any(Terms { weight: 0, ..to(2) })]),
        "a weight is 1 to 1000"
    );
    assert_eq!(refused(vec![any(to(7))]), "a participant that is not there");
    let many = (0..65).map(|priority| any(Terms { priority, ..to(2) }));
    assert_eq!(refused(many.collect()), "more than 64 rules for any");
}

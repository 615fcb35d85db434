//! Routes as a table: who may send what to whom, and why not.

mod ordering;
mod properties;

use super::*;
use crate::model::mark::{By, CodeMarks, Mark};
use crate::model::money::Currency;
use crate::model::outcome::{Presentation, ResponseCode, Scenario};
use crate::model::participant::{Protocol, ResolverProfile, Role};
use crate::model::time::Wall;

fn participant(institution: u64, role: Role, country: u16, fronted: &[u64]) -> Participant {
    Participant {
        institution: Institution::new(institution).unwrap(),
        name: format!("p{institution}"),
        role,
        protocol: Protocol::Sbe,
        country,
        currency: Currency::new(country).unwrap(),
        fronted: fronted
            .iter()
            .map(|code| Institution::new(*code).unwrap())
            .collect(),
        window_in: 10,
        window_out: 10,
        rate_per_second: 0,
        answer_timeout_ms: 1_000,
        repeat_ms: 1_000,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    }
}

fn tables() -> Tables {
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("28", ParticipantIndex(0)).unwrap();
    prefixes.insert("281", ParticipantIndex(1)).unwrap();
    prefixes.insert("62", ParticipantIndex(3)).unwrap();
    let participants = vec![
        participant(10, Role::Wallet, 458, &[]),
        participant(11, Role::Wallet, 156, &[]),
        participant(20, Role::Acquirer, 156, &[21]),
        participant(30, Role::Infrastructure, 702, &[]),
    ];
    Tables::new(TableVersion(1), 7, participants, prefixes).unwrap()
}

/// No code.
static NONE: CodeMarks<'static> = CodeMarks::NONE;

/// A question about 1.00 CNY at midnight.
fn ask<'a>(from: u16, presentation: Presentation, code: &'a CodeMarks<'a>) -> Ask<'a> {
    Ask {
        originator: ParticipantIndex(from),
        presentation,
        named: None,
        currency: Currency::new(156),
        minor: Some(100),
        code,
        wall: Wall(0),
        draw: Draw::Number(0),
    }
}

fn check(
    from: u16,
    presentation: Presentation,
    to: Option<u64>,
    code: &str,
    expected: Result<(u16, Option<Scenario>), &str>,
) {
    let marks = CodeMarks::of_digits(code.as_bytes());
    let ask = Ask {
        named: to.map(|code| Institution::new(code).unwrap()),
        ..ask(from, presentation, &marks)
    };
    let tables = tables();
    let route = tables
        .choose(&ask, |_| true)
        .map(|choice| (choice.route.destination.0, choice.route.scenario))
        .map_err(|code| code.to_string());
    assert_eq!(
        route,
        expected.map_err(String::from),
        "{from} {presentation:?} {to:?} {code}"
    );
}

#[test]
fn a_payment_goes_where_its_code_or_its_destination_says() {
    use Presentation::{Cpm, Mpm};
    check(2, Cpm, None, "2899", Ok((0, Some(Scenario::InboundCpm))));
    check(2, Cpm, None, "2812", Ok((1, None)));
    check(
        2,
        Cpm,
        Some(10),
        "2899",
        Ok((0, Some(Scenario::InboundCpm))),
    );
    check(3, Cpm, None, "2812", Ok((1, Some(Scenario::OutboundCpm))));
    check(0, Mpm, Some(20), "", Ok((2, Some(Scenario::InboundMpm))));
    check(
        0,
        Mpm,
        Some(21),
        "https://x",
        Ok((2, Some(Scenario::InboundMpm))),
    );
    check(1, Mpm, Some(30), "", Ok((3, Some(Scenario::OutboundMpm))));
    check(2, Cpm, Some(11), "2899", Err("92"));
    check(2, Cpm, None, "99", Err("92"));
    check(2, Cpm, None, "", Err("92"));
    check(2, Cpm, None, "2x", Err("92"));
    check(3, Cpm, None, "62123", Err("92"));
    check(0, Mpm, None, "28", Err("92"));
    check(0, Mpm, None, "62", Ok((3, None)));
    check(0, Mpm, Some(11), "", Err("92"));
    check(0, Mpm, Some(999), "", Err("15"));
    check(0, Cpm, None, "281", Err("58"));
    check(2, Mpm, Some(10), "", Err("58"));
}

#[test]
fn prefixes_and_institutions_have_one_owner() {
    let mut prefixes = CodePrefixes::default();
    prefixes.insert("12", ParticipantIndex(4)).unwrap();
    assert_eq!(
        prefixes.insert("12", ParticipantIndex(5)),
        Err(PrefixError::Taken(ParticipantIndex(4)))
    );
    for malformed in ["", "1a", "1234567890123"] {
        assert_eq!(
            prefixes.insert(malformed, ParticipantIndex(1)),
            Err(PrefixError::Malformed)
        );
    }
    let twice = vec![
        participant(1, Role::Wallet, 156, &[]),
        participant(2, Role::Wallet, 156, &[1]),
    ];
    let error = Tables::new(TableVersion(1), 0, twice, CodePrefixes::default()).unwrap_err();
    assert_eq!(
        error,
        TablesError::InstitutionTwice(Institution::new(1).unwrap())
    );
}

//! The choice of a destination in tables of 10, 1,000, 100,000 and 1,000,000 rules.
//!
//! Measures `Tables::choose` alone: look-ups of all marks of a code, every rule's terms, rank and
//! weights. Rules are in equal parts by prefix (6 and 12 digits), GUID, application identifier and
//! host, and one for a scheme and a network. Each kind of code is asked for with 4,096 different
//! marks in turn, so that of a large table what is asked for is in no near cache. That no choice
//! allocates is asserted before anything is measured. Does not measure the reading of a code, nor
//! the building of a table.

use std::alloc::System;
use std::hint::black_box;

use cpg_switch::model::ids::{Institution, ParticipantIndex, TableVersion};
use cpg_switch::model::mark::{By, CodeMarks, Mark};
use cpg_switch::model::money::Currency;
use cpg_switch::model::outcome::Presentation;
use cpg_switch::model::participant::{Participant, Protocol, ResolverProfile, Role};
use cpg_switch::model::time::Wall;
use cpg_switch::route::{Ask, Draw, MarkKind, Rule, RuleMark, Tables, Terms};
use cpg_switch::sys::counting::CountingAllocator;
use criterion::{Criterion, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

/// Different marks of each kind that are asked for.
const ASKED: usize = 4_096;
const ACQUIRER: ParticipantIndex = ParticipantIndex(0);
/// One network that is asked both ways, whatever the kind of its codes.
const DESTINATION: ParticipantIndex = ParticipantIndex(1);

fn participant(institution: u64, role: Role) -> Participant {
    Participant {
        institution: Institution::new(institution).expect("small"),
        name: format!("p{institution}"),
        role,
        protocol: Protocol::Sbe,
        country: 156,
        currency: Currency::new(156).expect("three digits"),
        fronted: Vec::new(),
        window_in: 1,
        window_out: 1,
        rate_per_second: 0,
        answer_timeout_ms: 1_000,
        repeat_ms: 1_000,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    }
}

/// The n-th mark of a kind, as tables write it. Digits are spread as a multiplication spreads them.
fn text(by: By, number: usize) -> String {
    match by {
        By::Guid => format!("A{number:014}"),
        By::Network => "15".to_owned(),
        By::Aid => format!("A0000003{number:08}"),
        By::Host => format!("https://pay{number}.example"),
        By::Prefix if number.is_multiple_of(2) => format!("{:06}", number * 7 % 1_000_000),
        By::Prefix => format!("{:012}", number * 7_919_777 % 1_000_000_000_000),
    }
}

fn rule(kind: MarkKind, text: &str) -> Rule {
    let mark = RuleMark::new(kind, text).expect("well-formed");
    Rule {
        mark,
        terms: Terms::of_participant(DESTINATION),
    }
}

fn table(count: usize) -> Tables {
    let mut rules = vec![
        rule(MarkKind::Scheme, "unionpay"),
        rule(MarkKind::Known(By::Network), "15"),
    ];
    for number in 0..(count - rules.len()).div_ceil(4) {
        for by in [By::Prefix, By::Guid, By::Aid, By::Host] {
            rules.push(rule(MarkKind::Known(by), &text(by, number)));
        }
    }
    rules.truncate(count);
    let participants = vec![
        participant(1, Role::Infrastructure),
        participant(2, Role::Infrastructure),
    ];
    Tables::with_rules(TableVersion(1), 7, participants, rules).expect("no two are the same")
}

/// Values of marks in codes, as a reader of codes gives them.
fn values(by: By, rules: usize) -> Vec<Vec<u8>> {
    let known = (rules / 4).saturating_sub(1).max(1);
    let numbers = (0..ASKED).map(|at| at * 104_729 % known);
    numbers
        .map(|number| match by {
            By::Aid => {
                let digits = text(by, number);
                let (pairs, _) = digits.as_bytes().as_chunks::<2>();
                let byte = |pair: &[u8; 2]| {
                    let pair = core::str::from_utf8(pair).expect("ASCII");
                    u8::from_str_radix(pair, 16).expect("hexadecimal digits")
                };
                pairs.iter().map(byte).collect()
            }
            By::Prefix => format!("{:0<12}", text(by, number)).into_bytes(),
            By::Guid | By::Network | By::Host => text(by, number).into_bytes(),
        })
        .collect()
}

fn ask<'a>(code: &'a CodeMarks<'a>) -> Ask<'a> {
    Ask {
        originator: ACQUIRER,
        presentation: Presentation::Mpm,
        named: None,
        currency: Currency::new(156),
        minor: Some(100),
        code,
        wall: Wall(0),
        draw: Draw::Number(1),
    }
}

fn choices(criterion: &mut Criterion) {
    for count in [10, 1_000, 100_000, 1_000_000] {
        let tables = table(count);
        let mut group = criterion.benchmark_group(format!("route {count} rules"));
        for (name, scheme, by) in [
            ("prefix", "other", By::Prefix),
            ("guid", "other", By::Guid),
            ("aid", "other", By::Aid),
            ("host", "other", By::Host),
            ("network and scheme", "unionpay", By::Network),
        ] {
            let values = values(by, count);
            let codes: Vec<CodeMarks<'_>> = values
                .iter()
                .map(|value| CodeMarks {
                    is_bad: false,
                    marks: [Mark { scheme, by, value }].into_iter().collect(),
                })
                .collect();
            let goes =
                |code: &CodeMarks<'_>| tables.choose(&ask(black_box(code)), |_| true).is_ok();
            let before = ALLOCATOR.allocations();
            assert!(codes.iter().all(goes), "{name}: every mark has a rule");
            assert_eq!(ALLOCATOR.allocations() - before, 0, "allocations of {name}");
            let mut next = 0;
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    next = (next + 1) % ASKED;
                    goes(&codes[next])
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, choices);
criterion_main!(benches);

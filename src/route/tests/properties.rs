//! What holds for any rules and any question: the order of rows is nothing, the same question has
//! the same answer, weights are kept to, and who is down takes only its own payments elsewhere.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::ordering::{MALAYSIAN, cast, rule, table, to};
use super::*;
use crate::model::ids::Reference;
use crate::model::keys::Key;
use crate::model::time::Date;

fn any_terms() -> impl Strategy<Value = Terms> {
    let flow = select(vec![
        Flow::Any,
        Flow::Presented(Presentation::Mpm),
        Flow::Presented(Presentation::Cpm),
        Flow::Scenario(Scenario::InboundMpm),
        Flow::Scenario(Scenario::OutboundCpm),
    ]);
    let destination = prop::option::weighted(0.9, (0_u16..7).prop_map(ParticipantIndex));
    let wallet = prop::option::weighted(0.2, (0_u16..2).prop_map(ParticipantIndex));
    let band = prop::option::weighted(0.2, (0_i64..200, 0_i64..200));
    let window = prop::option::weighted(0.2, (0_u16..1_440, 0_u16..1_440));
    (1_u16..4, flow, destination, wallet, band, window, 1_u16..5).prop_map(
        |(priority, flow, destination, wallet, band, window, weight)| Terms {
            priority,
            flow,
            wallet,
            band: band.map(|(from, more)| Band {
                currency: Currency::new(156).unwrap(),
                from,
                to: from + more,
            }),
            window: window.and_then(|(from, to)| Window::new(from, to)),
            destination,
            institution: None,
            weight,
            row: 0,
        },
    )
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let mark = select(vec![
        (MarkKind::Any, ""),
        (MarkKind::Scheme, "paynow"),
        (MarkKind::Scheme, "unionpay"),
        (MarkKind::Known(By::Guid), "SG.PAYNOW"),
        (MarkKind::Known(By::Network), "15"),
        (MarkKind::Known(By::Prefix), "2"),
        (MarkKind::Known(By::Prefix), "28"),
        (MarkKind::Known(By::Prefix), "2810"),
        (MarkKind::Known(By::Host), "qr.alipay.com"),
    ]);
    (mark, any_terms()).prop_map(|((kind, text), terms)| rule(kind, text, terms))
}

fn codes() -> Vec<CodeMarks<'static>> {
    let mark = |scheme, by, value: &'static str| Mark {
        scheme,
        by,
        value: value.as_bytes(),
    };
    let guid = mark("paynow", By::Guid, "sg.paynow");
    let network = mark("unionpay", By::Network, "15");
    let digits = mark("alipay", By::Prefix, "281012345678");
    let host = mark("alipay", By::Host, "https://QR.alipay.com");
    [
        vec![],
        vec![guid, network],
        vec![network, guid],
        vec![digits],
        vec![host],
    ]
    .into_iter()
    .map(|marks| CodeMarks {
        is_bad: false,
        marks: marks.into_iter().collect(),
    })
    .collect()
}

/// Rows that say the same, but for their weight, are one.
fn distinct(rules: Vec<Rule>) -> Vec<Rule> {
    let mut kept: Vec<Rule> = Vec::new();
    for rule in rules {
        let is_kept = |other: &Rule| other.mark == rule.mark && other.terms.is_same(&rule.terms);
        if !kept.iter().any(is_kept) {
            kept.push(rule);
        }
    }
    kept
}

/// By the definition, without an index: the best of all that fit and are up.
fn by_definition(tables: &Tables, ask: &Ask<'_>, down: u8) -> Vec<Option<u16>> {
    let mut fitting: Vec<(Rank, Option<u16>)> = Vec::new();
    tables.consider(ask, |it| {
        let destination = it.terms.destination.map(|index| index.0);
        let is_up = destination.is_none_or(|index| down & 1 << index == 0);
        if it.verdict == Verdict::Fits && is_up {
            fitting.push((it.rank, destination));
        }
    });
    let best = fitting.iter().map(|(rank, _)| *rank).min();
    let equals = fitting.iter().filter(|(rank, _)| Some(*rank) == best);
    equals.map(|(_, destination)| *destination).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 512 }))]

    #[test]
    fn the_order_of_rows_is_nothing_and_the_choice_is_the_best_by_definition(
        rules in prop::collection::vec(any_rule(), 0..24),
        cuts in prop::collection::vec(any::<Index>(), 24),
        originator in 0_u16..7,
        is_mpm: bool,
        draw: u64,
        minute in 0_u64..1_440,
        minor in 0_i64..300,
        down: u8,
    ) {
        let rules = distinct(rules);
        let mut shuffled = rules.clone();
        for (place, cut) in cuts.iter().enumerate().take(rules.len()) {
            shuffled.swap(place, cut.index(rules.len()));
        }
        let (one, other) = (table(rules), table(shuffled));
        let presentation = if is_mpm { Presentation::Mpm } else { Presentation::Cpm };
        for code in &codes() {
            let ask = Ask {
                wall: Wall(minute * 60_000_000_000),
                minor: Some(minor),
                draw: Draw::Number(draw),
                ..ask(originator, presentation, code)
            };
            let is_up = |index: ParticipantIndex| down & 1 << index.0 == 0;
            let route = |tables: &Tables| tables.choose(&ask, is_up).map(|choice| choice.route);
            prop_assert_eq!(route(&one), route(&other));
            prop_assert_eq!(route(&one), route(&one));
            let best = by_definition(&one, &ask, down);
            match route(&one) {
                Ok(route) => prop_assert!(best.contains(&Some(route.destination.0))),
                Err(ResponseCode::NOT_PERMITTED) => {}
                Err(_) => prop_assert!(best.is_empty() || best.contains(&None)),
            }
        }
    }
}

fn key(number: u64) -> Key {
    let reference = format!("{number:012}");
    Key {
        originator: Institution::new(10).unwrap(),
        local_date: Date::from_yyyymmdd(20_261_122).unwrap(),
        reference: Reference::new(reference.as_bytes().try_into().unwrap()).unwrap(),
    }
}

#[test]
fn equals_share_by_weight_and_keep_what_they_have_when_another_is_down() {
    const PAYMENTS: u64 = 40_000;
    let of = |destination, weight| {
        rule(
            MarkKind::Any,
            "",
            Terms {
                weight,
                ..to(destination)
            },
        )
    };
    let weights = [(2, 1), (3, 2), (4, 5)];
    let tables = table(weights.map(|(index, weight)| of(index, weight)).to_vec());
    let goes = |number: u64, down: Option<u16>| {
        let ask = Ask {
            draw: Draw::Of(&key(number)),
            ..ask(MALAYSIAN, Presentation::Mpm, &NONE)
        };
        let is_up = |index: ParticipantIndex| Some(index.0) != down;
        tables.choose(&ask, is_up).unwrap().route.destination.0
    };
    let mut counts = vec![0_u64; cast().len()];
    for number in 0..PAYMENTS {
        let usual = goes(number, None);
        counts[usize::from(usual)] += 1;
        let without = goes(number, Some(4));
        assert!(without != 4 && (usual == 4 || without == usual));
    }
    for (index, weight) in weights {
        // Ten standard deviations of a binomial are less than a thousand.
        let expected = PAYMENTS * u64::from(weight) / 8;
        let count = counts[usize::from(index)];
        assert!(
            count.abs_diff(expected) < 1_000,
            "{index}: {count} of {expected}"
        );
    }
}

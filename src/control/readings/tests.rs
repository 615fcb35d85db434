//! What is read, and that the documents, the rules and the boards name what there is.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::control::metrics::{PREFIX, exposed};
use crate::engine::parties::Parties;
use crate::shard::stats::Stats;

/// A switch of two shards and two participants, in which one of everything happened.
pub(crate) fn readings() -> Readings {
    let seat = |name: &str| Seat {
        name: name.to_owned(),
        role: Role::Wallet,
        protocol: Protocol::Sbe,
        country: 156,
        window_in: 16,
        window_out: 32,
    };
    let mut parties = Parties::new(2);
    parties.forward_for_tests(ParticipantIndex(0), ParticipantIndex(1), *b"51");
    let counters = [(), ()].map(|()| {
        let counters = Counters::new(2);
        counters.publish(&Stats::default(), &[]);
        counters.publish_live(&Stats::default(), &parties, |_| (1, (2, 3)));
        Arc::new(counters)
    });
    let bounds = Bounds {
        in_flight: 4,
        ..Bounds::default()
    };
    Readings::new(
        counters.into(),
        vec![seat("wallet-a"), seat("bank-b")],
        bounds,
    )
}

/// Name, type, labels and meaning of everything, as a table.
fn table() -> String {
    let mut rows: BTreeMap<String, (&str, BTreeSet<&str>, String)> = BTreeMap::new();
    readings().each(&mut |sample| {
        let (name, kind) = exposed(sample);
        let row = rows
            .entry(name)
            .or_insert((kind, BTreeSet::new(), sample.help.to_owned()));
        assert_eq!((row.0, row.2.as_str()), (kind, sample.help));
        row.1.extend(sample.labels.iter().map(|(label, _)| *label));
    });
    let mut text = "| name | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for (name, (kind, labels, help)) in rows {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        text += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(" "));
    }
    text
}

fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    readings().each(&mut |sample| {
        let (name, kind) = exposed(sample);
        if kind == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        } else {
            names.insert(name);
        }
    });
    names
}

/// Every word of a text that is a name of ours.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with(&format!("{PREFIX}_")));
    ours.map(str::to_owned).collect()
}

#[test]
fn the_document_names_every_metric_as_it_is() {
    let document = include_str!("../METRICS.md");
    let (_, rest) = document.split_once("<!-- metrics: begin -->\n").unwrap();
    let (found, _) = rest.split_once("<!-- metrics: end -->").unwrap();
    let expected = table();
    assert!(found == expected, "METRICS.md should say\n{expected}");
}

#[test]
fn alert_rules_and_the_board_for_grafana_name_metrics_that_exist() {
    let names = names();
    let rules = include_str!("../../../tuning/alerts/cpg-switch.rules.yml");
    let board = include_str!("../../../tuning/alerts/grafana.json");
    serde_json::from_str::<serde_json::Value>(board).unwrap();
    for (file, text) in [("the rules", rules), ("the board", board)] {
        let used = named(text);
        assert!(used.len() > 10, "{file} name {} metrics", used.len());
        let unknown: Vec<_> = used.difference(&names).collect();
        assert!(
            unknown.is_empty(),
            "{file} name what there is not: {unknown:?}"
        );
    }
}

#[test]
fn shards_are_added_up_and_both_ends_are_named() {
    let readings = readings();
    let corridors = readings.corridors();
    assert_eq!(corridors.len(), 1);
    assert_eq!(readings.ends(&corridors[0]), ("wallet-a", "bank-b"));
    assert_eq!(
        (corridors[0].requests, corridors[0].outcomes),
        (2, [0, 2, 0])
    );
    assert_eq!(readings.declines(), [("51".to_owned(), 2)]);
    let party = readings.party(1);
    assert_eq!((party.links, party.in_flight), (2, (4, 6)));
    assert_eq!(party.get(PartyCount::AskedDeclined), 2);
    assert_eq!(readings.bounds().in_flight, 4);
}

#[test]
fn participants_beyond_the_bound_share_a_label() {
    let few = readings();
    let seats = std::iter::repeat_n(few.seats()[0].clone(), LABELLED_MAX + 5);
    let many = Readings::new(Vec::new(), seats.collect(), Bounds::default());
    let labelled = many.labelled();
    assert_eq!(labelled.len(), LABELLED_MAX + 1);
    assert_eq!(
        (labelled[LABELLED_MAX].0, labelled[LABELLED_MAX].2),
        ("other", (80, 160))
    );
}

//! A whole report, from made-up payments, and what is written of it.

use std::fs;

use cpg_switch::model::time::{Monotonic, Now, Wall};
use serde_json::Value;

use super::files::Folder;
use super::slo::SloRow;
use super::{Counted, Material, Report, Setup, ViolationRow, summary, table};
use crate::cast::tests::two_players;
use crate::drive::{Course, Driven, Pace};
use crate::health::{Health, LittlesLaw, ThreadLoad};
use crate::judge::Judge;
use crate::judge::books::Standing;
use crate::judge::journal::Journal;
use crate::machine::Elsewhere;
use crate::mix::Script;
use crate::plan::Spacing;
use crate::play::Piece;
use crate::record::Record;
use crate::record::corridors::Corridors;
use crate::record::series::Answered;
use crate::send::Tally;
use crate::target::ThreadsCpu;
use crate::watch::Sample;
use crate::watch::metrics::JournalCounters;

const MS: u64 = 1_000_000;
const FROM_NS: u64 = 1_000 * MS;

/// Two seconds of a thousand payments each; every hundredth takes ten times as long.
pub(super) fn record() -> Record {
    let mut record = Record::new(Corridors::new(&two_players()));
    record.series.measure_between(FROM_NS, FROM_NS + 2_000 * MS);
    for number in 0..2_000_u64 {
        let intended_ns = FROM_NS + number * MS;
        let took_ns = if number % 100 == 0 {
            4 * MS
        } else {
            MS * 2 / 5
        };
        record.series.turn(intended_ns, 2);
        record.series.started(0, intended_ns, 3);
        record.sent(intended_ns, intended_ns + 5_000);
        record.answered(&Answered {
            lane: 0,
            standing: Standing::Approved,
            intended_ns,
            sent_ns: intended_ns + 5_000,
            now_ns: intended_ns + took_ns,
        });
    }
    record
}

/// The report of it. Its payments were never answered, says the judge.
pub(super) fn report(record: &Record) -> Report {
    let cast = two_players();
    let mut judge = Judge::new(2);
    let script = Script {
        lane: 0,
        fate: crate::mix::Fate::Approve,
        minor: 3_000,
        payer: 1,
        merchant: 0,
        order: None,
    };
    judge.originators.ask(&script);
    let looks = [1_000, 2_000].map(|ms| Sample {
        at_ns: ms * MS,
        switch: Some(ThreadsCpu {
            all_ns: ms * MS,
            shards_ns: Some(ms * MS / 2),
        }),
        own: Some(ThreadsCpu {
            all_ns: ms * MS,
            shards_ns: None,
        }),
        journal: Some(JournalCounters::default()),
    });
    let material = Material {
        cast: &cast,
        course: &Course {
            pace: Pace::Rate(1_000, Spacing::Constant),
            warm_up_ms: 0,
            duration_ms: 2_000,
            settle_seconds: 1,
            pid: None,
            seed: 1,
        },
        driven: &driven(),
        record,
        tally: &Tally {
            measured: 2_000,
            ..Tally::default()
        },
        commit: "memory",
        samples: &looks,
    };
    let counted = Counted::new(&cast, &judge.originators);
    let verdict = judge.settle(&cast, &Journal::NotRead);
    let mut report = Report::new(&material, 1, counted, &verdict);
    report.setup = Some(Setup::of(&Piece {
        protocols: Vec::new(),
        presentations: Vec::new(),
        links: 1,
        destination_links: 1,
        core: None,
        spin: false,
    }));
    report.slo = vec![SloRow {
        name: "p99_ms".to_owned(),
        scope: None,
        asked: "at most 1.000 ms".to_owned(),
        measured: "4.000 ms".to_owned(),
        met: false,
        bound_us: Some(1_000.0),
    }];
    report
}

fn health() -> Health {
    Health {
        offered: 2_000,
        started: 2_000,
        course: crate::health::Course {
            in_flight_max: 3,
            ..Default::default()
        },
        in_flight_limit: 100,
        late: "send",
        threads: vec![ThreadLoad {
            name: "cpg-loadgen".to_owned(),
            cpu_us: 2_000,
            percent: 0.1,
        }],
        littles_law: Some(LittlesLaw {
            in_flight_mean: 0.4,
            per_second: 1_000.0,
            in_flight_us: 400.0,
            apart_percent: 0.0,
            holds: true,
        }),
    }
}

fn driven() -> Driven {
    Driven {
        from: Now {
            wall: Wall(1_795_298_705 * 1_000 * MS),
            monotonic: Monotonic(FROM_NS),
        },
        measured_ns: 2_000 * MS,
        target_cpu_us: Some(4_000),
        shards_cpu_us: Some(3_000),
        own_cpu_us: Some(2_000),
        elsewhere: Some(Elsewhere {
            stolen_percent: 0.0,
            others_percent: 1.0,
        }),
        cut_short_ms: None,
        settled: true,
        health: health(),
        design: None,
    }
}

fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.push(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// That each key of `report` stands in REPORT.md; how many there are.
pub(super) fn assert_documented(report: &Value) -> usize {
    let mut found = Vec::new();
    keys(report, &mut found);
    found.sort();
    found.dedup();
    let page = include_str!("../../REPORT.md");
    let missing: Vec<_> = found
        .iter()
        .filter(|key| !page.contains(&format!("`{key}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "REPORT.md does not say what these are: {missing:?}"
    );
    found.len()
}

#[test]
fn every_field_is_documented() {
    let report = serde_json::to_value(report(&record())).unwrap();
    let count = assert_documented(&report);
    assert!(count > 100, "the sample has every kind of row: {count}");
}

#[test]
fn a_folder_holds_all_files_of_one_report_and_never_of_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/report");
    let record = record();
    let report = report(&record);
    Folder::claim(&path)
        .unwrap()
        .write(&report, &record)
        .unwrap();
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(json["latency"]["response"]["count"], 2_000);
    assert_eq!(json["series"]["intervals"].as_array().unwrap().len(), 4);
    let page = read("report.html");
    let (_, after) = page.split_once("id=\"report\">").unwrap();
    let (data, _) = after.split_once("</script>").unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), json);
    for name in [
        "latency.hlog",
        "response.hgrm",
        "service.hgrm",
        "junit.xml",
        "summary.md",
    ] {
        assert!(!read(name).is_empty(), "{name}");
    }
    let error = Folder::claim(&path).unwrap_err().to_string();
    assert!(error.contains("holds a report already"), "{error}");
}

#[test]
fn what_is_not_good_is_said_before_any_number() {
    let mut report = report(&record());
    assert!(!report.verdict.holds, "a payment without an answer");
    report.verdict.listed = vec![ViolationRow {
        rule: "unanswered",
        payment: "15600021/1122/6KT000000000".to_owned(),
        place: "<acquirer>".to_owned(),
        detail: "a \"payment\"".to_owned(),
    }];
    let junit = summary::junit(&report);
    assert!(junit.contains("tests=\"5\" failures=\"2\""), "{junit}");
    assert!(
        junit.contains("&lt;acquirer&gt;: a &quot;payment&quot;"),
        "{junit}"
    );
    assert!(
        junit.contains("asked: at most 1.000 ms; measured: 4.000 ms"),
        "{junit}"
    );
    let markdown = summary::markdown(&report);
    let bad = markdown.find("**not good: every promise held**").unwrap();
    assert!(bad < markdown.find("| p50 |").unwrap());
    assert!(
        markdown.contains("| response (from the plan) | 2,000 | 400 |"),
        "{markdown}"
    );
    let text = table::text(&report);
    assert!(
        text.contains("MISSED  p99_ms: asked at most 1.000 ms, measured 4.000 ms"),
        "{text}"
    );
}

//! The page has every word in both languages, watchers are few, and who does not read is cut.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stream::WATCHERS_MAX;
use super::*;
use crate::control::readings::tests::readings;
use crate::model::time::Monotonic;

fn page_text(name: &str) -> &'static str {
    let part = PARTS.iter().find(|(path, ..)| *path == name);
    part.expect("it is a part of the page").2
}

fn words() -> Value {
    let text = page_text("/board-words.js");
    let (_, json) = text.split_once("export const words = ").unwrap();
    serde_json::from_str(json.trim_end().trim_end_matches(';')).unwrap()
}

fn keys(words: &Value, language: &str) -> BTreeSet<String> {
    words[language]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

/// What stands between `before` and `after`, each time.
fn between<'t>(text: &'t str, before: &str, after: char) -> impl Iterator<Item = &'t str> {
    text.split(before)
        .skip(1)
        .filter_map(move |rest| rest.split(after).next())
}

#[test]
fn both_languages_have_every_word_and_the_page_asks_for_no_other() {
    let words = words();
    let (english, chinese) = (keys(&words, "en"), keys(&words, "zh"));
    assert_eq!(english, chinese);
    for language in ["en", "zh"] {
        let empty = |key: &&String| {
            words[language][key.as_str()]
                .as_str()
                .is_none_or(str::is_empty)
        };
        assert_eq!(english.iter().find(empty), None);
    }
    let page = page_text("/");
    let script = page_text("/board.js");
    let asked: BTreeSet<_> = ["data-word=\"", "data-placeholder=\"", "data-title=\""]
        .iter()
        .flat_map(|mark| between(page, mark, '"'))
        .chain(between(script, "word(\"", '"'))
        .collect();
    assert!(asked.len() > 40);
    let unknown: Vec<_> = asked
        .iter()
        .filter(|key| !english.contains(**key))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    for (path, _, text) in PARTS {
        for mark in [
            "http://", "https://", "//cdn", "@import", "style=\"", "onclick",
        ] {
            let found = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(mark), "{path} has {mark}");
        }
    }
    for link in
        between(page_text("/"), "src=\"", '"').chain(between(page_text("/"), "href=\"/", '"'))
    {
        let link = format!("/{}", link.trim_start_matches('/'));
        assert!(
            PARTS.iter().any(|(path, ..)| *path == link),
            "{link} is not served"
        );
    }
}

#[test]
fn a_picture_has_what_the_counters_say() {
    let mut painter = Painter::new(&Arc::new(readings()));
    painter.look(Monotonic(7_000_000));
    let picture = painter.paint(Some("full".to_owned()), &json!([]));
    assert_eq!(
        (&picture["at_ms"], &picture["unready"]),
        (&json!(7), &json!("full"))
    );
    assert_eq!(picture["declines"], json!({ "51": 2 }));
    let expected = json!({
        "from": "wallet-a", "to": "bank-b",
        "requests": 2, "approved": 0, "declined": 2, "unknown": 0,
    });
    assert_eq!(picture["corridors"], json!([expected]));
    let bank = &picture["participants"][1];
    assert_eq!(bank["name"], json!("bank-b"));
    assert_eq!((&bank["links"], &bank["open_to"]), (&json!(2), &json!(6)));
    assert_eq!(picture["shards"].as_array().unwrap().len(), 2);
    assert_eq!(picture["bounds"]["in_flight"], json!(4));
}

#[test]
fn watchers_are_bounded_and_who_does_not_read_is_cut() {
    let watchers = Watchers::default();
    let mut bodies: Vec<_> = (0..WATCHERS_MAX)
        .map(|_| watchers.join().unwrap())
        .collect();
    assert!(watchers.join().is_none());
    bodies.pop();
    bodies.push(watchers.join().expect("one has gone"));
    for _ in 0..4 {
        watchers.show("{}");
        assert_eq!(watchers.count(), WATCHERS_MAX);
    }
    // Nobody has read anything, and the queues are full.
    watchers.show("{}");
    assert_eq!(watchers.count(), 0);
    assert_eq!(watchers.last().as_deref(), Some("{}"));
}

//! Publishing without shards: what is tried, kept, restored and let go.

use std::path::Path;

use super::*;
use crate::engine::Snapshot;
use crate::model::ids::TableVersion;
use crate::route::{CodePrefixes, Tables};

fn handed(configuration: &Configuration) -> Handed {
    let (version, hash) = (configuration.table_version, configuration.table_hash);
    let tables = Tables::new(
        TableVersion(version),
        hash,
        Vec::new(),
        CodePrefixes::default(),
    );
    Handed::new(Snapshot::new(tables.unwrap()))
}

/// Of the sandbox, with a data directory.
pub(in crate::control) fn publisher(data: &Path) -> Publisher {
    of(restore(Configuration::sandbox(), data).unwrap())
}

fn of(restored: Restored) -> Publisher {
    let first = handed(&restored.configuration);
    Publisher::new(restored, first, Box::new(handed), Vec::new(), Vec::new())
}

const RATES: &str = "sandbox:rates";

/// The rates with the last line once more, as a comment.
fn changed(publisher: &Publisher, by: &str) -> String {
    format!("{}# {by}\n", publisher.text(RATES).unwrap())
}

/// The rates without their last line.
fn shortened(publisher: &Publisher) -> String {
    let text = publisher.text(RATES).unwrap();
    let lines: Vec<_> = text.trim_end().lines().collect();
    lines[..lines.len() - 1].join("\n") + "\n"
}

fn publish(publisher: &mut Publisher, text: &str) -> u32 {
    let candidate = publisher.candidate(RATES, text).unwrap();
    publisher.publish(candidate, "ann", "a test").unwrap()
}

#[test]
fn a_start_goes_on_with_what_was_published_until_the_files_say_otherwise() {
    let data = tempfile::tempdir().unwrap();
    let mut first = publisher(data.path());
    let files = first.current().table_hash;
    let short = shortened(&first);
    assert_eq!(publish(&mut first, &short), 2);
    assert_ne!(first.current().table_hash, files);

    let again = publisher(data.path());
    assert_eq!(again.current().table_version, 2);
    assert_eq!(again.current().table_hash, first.current().table_hash);
    assert_eq!(again.text(RATES).unwrap(), short);
    assert!(again.is_published(RATES) && !again.is_published("sandbox:routes"));

    // Somebody changes a file, and does not say which of the two counts.
    let other = |version| Configuration {
        table_hash: files ^ 1,
        table_version: version,
        ..Configuration::sandbox()
    };
    let error = restore(other(2), data.path()).unwrap_err();
    assert!(
        matches!(error, PublishError::Diverged { published: 2 }),
        "{error}"
    );
    assert!(error.remedy().contains("above 2"), "{}", error.remedy());
    let restored = restore(other(3), data.path()).unwrap();
    assert_eq!(restored.configuration.table_hash, files ^ 1);
    assert_eq!(of(restored).next_version(), Some(4));
}

#[test]
fn every_generation_can_be_gone_back_to_and_the_files_too() {
    let data = tempfile::tempdir().unwrap();
    let mut publisher = publisher(data.path());
    let files = publisher.current().table_hash;
    let (short, text) = (shortened(&publisher), publisher.text(RATES).unwrap());
    assert_eq!(publish(&mut publisher, &short), 2);
    let second = publisher.current().table_hash;
    let shorter = shortened(&publisher);
    assert_eq!(publish(&mut publisher, &shorter), 3);

    let back = publisher.candidate_of(2).unwrap();
    assert_eq!(back.hash(), second);
    let [difference] = publisher.difference(&back).try_into().unwrap();
    assert_eq!((difference.added, difference.removed), (1, 0));
    assert!(difference.lines[0].starts_with('+'), "{difference:?}");
    assert_eq!(publisher.publish(back, "bob", "a slip").unwrap(), 4);
    assert_eq!(publisher.text(RATES).unwrap(), short);

    let back = publisher.candidate_of(FILES).unwrap();
    assert_eq!(back.hash(), files);
    assert_eq!(publisher.publish(back, "bob", "all of it").unwrap(), 5);
    assert_eq!(publisher.text(RATES).unwrap(), text);
    let unknown = publisher.candidate_of(9).unwrap_err();
    assert!(matches!(unknown, PublishError::Unknown(_)), "{unknown}");
    let who: Vec<_> = publisher
        .generations()
        .known()
        .iter()
        .map(|known| &*known.who)
        .collect();
    assert_eq!(who, ["ann", "ann", "bob", "bob"]);
}

#[test]
fn nothing_is_taken_if_one_line_is_bad_and_all_bad_ones_are_named() {
    let data = tempfile::tempdir().unwrap();
    let publisher = publisher(data.path());
    let text = format!("{}bad\nworse\n", publisher.text(RATES).unwrap());
    let error = publisher.candidate(RATES, &text).unwrap_err();
    let PublishError::Invalid(diagnostics) = error else {
        unreachable!("{error}")
    };
    assert_eq!(diagnostics.count(), 2, "{diagnostics}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    // A comment changes nothing that counts.
    let same = publisher
        .candidate(RATES, &changed(&publisher, "x"))
        .unwrap();
    assert_eq!(same.hash(), publisher.current().table_hash);
}

#[test]
fn what_only_a_start_can_change_is_not_published() {
    let data = tempfile::tempdir().unwrap();
    let publisher = publisher(data.path());
    let name = publisher.name_of("limits", None).unwrap();
    let text = publisher.text(&name).unwrap();
    // The head alone: no limits, and no currency that they are in.
    let head: String = text
        .lines()
        .take_while(|line| line.starts_with('#') || line.is_empty())
        .chain(
            text.lines()
                .find(|line| !line.starts_with('#') && !line.is_empty()),
        )
        .map(|line| format!("{line}\n"))
        .collect();
    let error = publisher.candidate(&name, &head).unwrap_err();
    assert!(matches!(error, PublishError::NeedsStart(_)), "{error}");
    let error = publisher.name_of("lists", None).unwrap_err();
    assert!(matches!(error, PublishError::Unknown(_)), "{error}");
}

#[test]
fn what_nobody_has_any_more_is_let_go_here_and_what_is_in_force_never() {
    let data = tempfile::tempdir().unwrap();
    let mut publisher = publisher(data.path());
    let shard = publisher.held[0].clone();
    for _ in 0..3 {
        let short = shortened(&publisher);
        publish(&mut publisher, &short);
        assert_eq!(publisher.deliver(), [] as [usize; 0]);
    }
    // The one that a shard has, and the one in force.
    assert_eq!(publisher.held(), 2);
    drop(shard);
    publisher.deliver();
    assert_eq!(publisher.held(), 1);
}

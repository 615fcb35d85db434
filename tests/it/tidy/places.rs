//! Words with one home, notes above unsafe code, sizes of files and lines.

use std::collections::BTreeMap;

use super::source::{code_only, has_word};
use super::{File, Finding, assert_clean, assert_finds, files};

/// Words of `src` and the rooms that may write them.
const HOMES: [(&str, &[&str]); 4] = [
    ("unsafe", &["sys"]),
    ("Mutex", &["control"]),
    ("RwLock", &["control"]),
    ("Condvar", &["control"]),
];

/// Rooms that may share memory between threads.
const ATOMIC_HOMES: [&str; 4] = ["sys", "route", "shard", "control"];

const LINES_MAX: usize = 600;
const COLUMNS_MAX: usize = 100;

/// Names that say nothing.
const EMPTY_NAMES: [&str; 4] = ["core", "utils", "common", "manager"];

/// Unsafe code, locks and atomics outside their homes.
fn homes(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let room = file.room().unwrap_or_default();
        let code = code_only(&file.text);
        for (number, line) in (1..).zip(code.lines()) {
            for (word, rooms) in HOMES {
                if has_word(line, word) && !rooms.contains(&room) {
                    let note = format!("`{word}` belongs to {rooms:?}");
                    findings.push(Finding::new(&file.path, number, note));
                }
            }
            let atomic = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word.starts_with("Atomic"));
            let ours = file.path.starts_with("src/") && !file.is_test();
            if atomic && ours && !ATOMIC_HOMES.contains(&room) {
                let note = format!("`Atomic` belongs to {ATOMIC_HOMES:?}");
                findings.push(Finding::new(&file.path, number, note));
            }
        }
    }
    findings
}

/// Unsafe blocks without a SAFETY note of their own.
fn safety_notes(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut notes: BTreeMap<String, String> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let text: Vec<&str> = file.text.lines().collect();
        for (index, code) in code_only(&file.text).lines().enumerate() {
            if !has_word(code, "unsafe") || has_word(code, "fn") || has_word(code, "extern") {
                continue;
            }
            let here = format!("{}:{}", file.path, index + 1);
            match note_above(text.get(..index).unwrap_or_default()) {
                None => findings.push(Finding::new(&file.path, index + 1, "no SAFETY note above")),
                Some(note) => {
                    if let Some(first) = notes.insert(note, here) {
                        let note = format!("the same SAFETY note as {first}");
                        findings.push(Finding::new(&file.path, index + 1, note));
                    }
                }
            }
        }
    }
    findings
}

/// The SAFETY text of the comment above a statement, which may have begun some lines before.
fn note_above(above: &[&str]) -> Option<String> {
    let comment_end = above
        .iter()
        .rposition(|line| line.trim_start().starts_with("//"))?;
    let between = above.get(comment_end + 1..)?;
    let in_statement = |line: &&str| !line.trim_end().ends_with([';', '}']) && !line.is_empty();
    if between.len() > 8 || !between.iter().all(in_statement) {
        return None;
    }
    let mut comment: Vec<&str> = above
        .get(..=comment_end)?
        .iter()
        .rev()
        .map_while(|line| line.trim_start().strip_prefix("//"))
        .collect();
    comment.reverse();
    let whole = comment.join(" ");
    let (_, note) = whole.split_once("SAFETY:")?;
    Some(note.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Long files, long lines, trailing blanks, missing heads, empty names.
fn shapes(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let code = file.is_rust() || file.path.ends_with(".py") || file.path.ends_with(".sh");
        let code = code || file.path == ".ci/run";
        for (number, line) in (1..).zip(file.text.lines()) {
            let long = line.chars().count() > COLUMNS_MAX && !line.contains("://");
            if code && long {
                findings.push(Finding::new(&file.path, number, "longer than 100 columns"));
            }
            if line.ends_with([' ', '\t']) {
                findings.push(Finding::new(&file.path, number, "trailing blanks"));
            }
        }
        if file.is_rust() && !file.text.starts_with("//!") {
            findings.push(Finding::new(
                &file.path,
                1,
                "starts without `//!`: what is it?",
            ));
        }
        let empty = |part: &str| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"));
        if file.is_rust() && file.path.split('/').any(empty) {
            findings.push(Finding::new(&file.path, 0, "a name that says nothing"));
        }
        findings.extend(length(file));
    }
    findings
}

fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (file.is_rust() && lines > LINES_MAX)
        .then(|| Finding::new(&file.path, 0, format!("{lines} lines: split it")))
}

#[test]
fn unsafe_code_locks_and_atomics_stay_at_home() {
    assert_clean(&homes(&files()));
}

#[test]
fn a_word_away_from_home_is_found() {
    let bad = [
        File::sample("src/wire/frame.rs", "fn f() { unsafe { g() } }\n"),
        File::sample("src/engine/mod.rs", "use std::sync::Mutex;\n"),
        File::sample("src/model/ids.rs", "use core::sync::atomic::AtomicU64;\n"),
        File::sample("loadgen/src/main.rs", "unsafe fn f() {}\n"),
    ];
    let expected = ["`unsafe`", "`Mutex`", "`Atomic`", "`unsafe`"];
    assert_finds(&homes(&bad), &expected);
    let good = [
        File::sample("src/sys/mod.rs", "unsafe { g() } // AtomicU64\n"),
        File::sample("src/wire/frame.rs", "//! unsafe\n#![forbid(unsafe_code)]\n"),
        File::sample(
            "src/journal/store_tests.rs",
            "use core::sync::atomic::AtomicBool;\n",
        ),
    ];
    assert_clean(&homes(&good));
}

#[test]
fn each_unsafe_block_has_a_safety_note_of_its_own() {
    assert_clean(&safety_notes(&files()));
}

#[test]
fn a_missing_or_copied_safety_note_is_found() {
    // In pieces, because clippy takes notes inside literals for notes.
    let note = concat!("// SAF", "ETY: the map is alive\n// until drop.\n");
    let noted = format!("{note}let x =\n    unsafe {{ g() }};\n");
    let bare = "let x = 1;\nunsafe { g() }\n";
    let stale = format!("{note}let x = 1;\nunsafe {{ g() }}\n");
    let bad = [
        File::sample("src/sys/a.rs", &noted),
        File::sample("src/sys/b.rs", &noted),
        File::sample("src/sys/c.rs", bare),
        File::sample("src/sys/d.rs", &stale),
    ];
    let expected = [
        "the same SAFETY note as src/sys/a.rs:4",
        "no SAFETY note above",
        "no SAFETY note above",
    ];
    assert_finds(&safety_notes(&bad), &expected);
}

#[test]
fn files_and_lines_are_short_and_introduce_themselves() {
    assert_clean(&shapes(&files()));
}

#[test]
fn long_untidy_and_nameless_files_are_found() {
    let long = format!("//! x\n{}", "\n".repeat(LINES_MAX));
    let wide = format!("//! {}\n", "x".repeat(COLUMNS_MAX));
    let bad = [
        File::sample("src/wire/long.rs", &long),
        File::sample("src/wire/wide.rs", &wide),
        File::sample("README.md", "blank \n"),
        File::sample("src/wire/headless.rs", "fn f() {}\n"),
        File::sample("src/wire/utils.rs", "//! Things.\n"),
    ];
    let expected = [
        "601 lines",
        "longer than 100",
        "trailing blanks",
        "starts without",
        "a name that says nothing",
    ];
    assert_finds(&shapes(&bad), &expected);
}

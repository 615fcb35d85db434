//! What documents promise and what no file may hold: leftovers, account numbers, other machines.

use std::collections::BTreeSet;

use super::source::has_word;
use super::{File, Finding, assert_clean, assert_finds, files};

/// Published test cards: the only account numbers that may stand in code and documents.
const TEST_CARDS: [&str; 12] = [
    "4111111111111111",
    "4242424242424242",
    "4012888888881881",
    "5555555555554444",
    "5105105105105100",
    "6200000000000005",
    "6011111111111117",
    "3530111333300000",
    "378282246310005",
    "371449635398431",
    "30569309025904",
    "38520000023237",
];

/// Folders and endings of data, which may hold any digits.
const DATA: [&str; 6] = ["/data/", ".json", ".hex", ".lock", ".tsv", ".bin"];

/// Marks of work left undone, in pieces so that this file is clean.
const LEFTOVERS: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

/// Parts of paths and names that exist on one machine only, in pieces for the same reason.
const MACHINES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("fa", "rm-"),
    concat!("../sha", "red"),
];

/// The map names each room, and each room that it names exists.
fn map(files: &[File]) -> Vec<Finding> {
    let rooms: BTreeSet<&str> = files.iter().filter_map(File::room).collect();
    let path = "src/ARCHITECTURE.md";
    let Some(map) = files.iter().find(|file| file.path == path) else {
        return vec![Finding::new(path, 0, "there is no map")];
    };
    let named: BTreeSet<&str> = quoted(&map.text)
        .filter_map(|name| name.strip_suffix('/'))
        .filter(|name| !name.contains('/'))
        .collect();
    let missing = rooms
        .difference(&named)
        .map(|room| format!("`{room}/` is not on the map"));
    let extra = named
        .difference(&rooms)
        .map(|room| format!("`{room}/` does not exist"));
    missing
        .chain(extra)
        .map(|note| Finding::new(path, 0, note))
        .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Each row of README's table of promises names a test that exists, or says pending.
fn promises(files: &[File]) -> Vec<Finding> {
    let path = "README.md";
    let Some(readme) = files.iter().find(|file| file.path == path) else {
        return vec![Finding::new(path, 0, "there is no README")];
    };
    let mut findings = Vec::new();
    let mut rows = 0;
    let in_section = |line: &&str| !line.starts_with("## ");
    let section = readme
        .text
        .lines()
        .skip_while(|line| *line != "## Promises")
        .skip(1);
    for row in section
        .take_while(in_section)
        .filter(|line| line.starts_with('|'))
        .skip(2)
    {
        rows += 1;
        let proof = row
            .trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap_or_default();
        if has_word(proof, "pending") {
            continue;
        }
        let missing: Vec<&str> = quoted(proof).filter(|name| !exists(files, name)).collect();
        if quoted(proof).next().is_none() {
            findings.push(Finding::new(
                path,
                0,
                format!("no test and not pending: {row}"),
            ));
        } else if !missing.is_empty() {
            findings.push(Finding::new(path, 0, format!("no such test: {missing:?}")));
        }
    }
    if rows == 0 {
        findings.push(Finding::new(path, 0, "there are no promises"));
    }
    findings
}

/// Whether `name` is a file of the project or a function in one of its Rust files.
fn exists(files: &[File], name: &str) -> bool {
    let function = format!("fn {}(", name.rsplit("::").next().unwrap_or_default());
    files
        .iter()
        .any(|file| file.path == name || (file.is_rust() && file.text.contains(&function)))
}

/// Files that a document names, from the root or from where it stands, and that do not exist.
fn signposts(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in (1..).zip(file.text.lines()) {
            for name in quoted(line).filter(|name| is_path(name)) {
                let beside = [format!("{folder}/{name}"), format!("{folder}/src/{name}")];
                let is = |found: &File| found.path == name || beside.contains(&found.path);
                if !files.iter().any(is) {
                    findings.push(Finding::new(&file.path, number, format!("no file {name}")));
                }
            }
        }
    }
    findings
}

/// Whether `name` is a file of the project by its form: relative, one word, with a known ending.
fn is_path(name: &str) -> bool {
    let endings = [".md", ".rs", ".py", ".sh", ".xml", ".service"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    !name.starts_with('/') && name.chars().all(plain) && endings.iter().any(|e| name.ends_with(e))
}

/// Leftovers, machine names and account numbers.
fn leaks(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let is_data = DATA.iter().any(|part| file.path.contains(part));
        for (number, line) in (1..).zip(file.text.lines()) {
            let leftover = LEFTOVERS.iter().any(|mark| has_word(line, mark));
            if leftover || line.contains(concat!("to", "do!")) {
                findings.push(Finding::new(&file.path, number, "unfinished"));
            }
            if let Some(name) = MACHINES.iter().find(|name| line.contains(**name)) {
                findings.push(Finding::new(
                    &file.path,
                    number,
                    format!("one machine: {name}"),
                ));
            }
            if !is_data && line.split(|c: char| !is_word(c)).any(is_account_number) {
                findings.push(Finding::new(
                    &file.path,
                    number,
                    "could be an account number",
                ));
            }
        }
    }
    findings
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// A whole run of 13 to 19 digits with a right check digit, not published and not only zeros.
fn is_account_number(word: &str) -> bool {
    let digits = (13..=19).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    digits && luhn(word) && !TEST_CARDS.contains(&word) && word.bytes().any(|byte| byte != b'0')
}

/// ISO/IEC 7812-1 annex B: every second digit from the right doubled, the digits' sum ends in zero.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, factor)| u32::from(digit - b'0') * factor)
        .map(|product| product / 10 + product % 10)
        .sum();
    sum.is_multiple_of(10)
}

#[test]
fn the_map_names_each_room_and_only_rooms() {
    assert_clean(&map(&files()));
}

#[test]
fn a_wrong_map_is_found() {
    let bad = [
        File::sample("src/wire/mod.rs", ""),
        File::sample("src/ARCHITECTURE.md", "`wired/` and `tests/it/`\n"),
    ];
    let expected = ["`wire/` is not on the map", "`wired/` does not exist"];
    assert_finds(&map(&bad), &expected);
    assert_finds(&map(&[]), &["there is no map"]);
}

#[test]
fn each_promise_names_a_test_or_says_pending() {
    assert_clean(&promises(&files()));
}

#[test]
fn an_empty_promise_is_found() {
    let table = "## Promises\n\n| what | proof |\n|---|---|\n";
    let rows = "| a | `is_there` |\n| b | pending |\n| c | `is_not` |\n| d | trust us |\n";
    let bad = [
        File::sample(
            "README.md",
            &format!("{table}{rows}\n## Next\n| e | none |\n"),
        ),
        File::sample("tests/it/main.rs", "fn is_there() {}\n"),
    ];
    assert_finds(
        &promises(&bad),
        &["no such test: [\"is_not\"]", "no test and not pending"],
    );
    let none = [File::sample("README.md", "## Promises\n")];
    assert_finds(&promises(&none), &["there are no promises"]);
}

#[test]
fn documents_name_only_files_that_exist() {
    assert_clean(&signposts(&files()));
}

#[test]
fn a_wrong_signpost_is_found() {
    let text = "`src/wire/mod.rs`, `beside.md`, `/etc/any.md`, `*.rs`\n`gone.sh`\n";
    let bad = [
        File::sample("src/wire/PROTOCOL.md", text),
        File::sample("src/wire/mod.rs", ""),
        File::sample("src/wire/beside.md", ""),
    ];
    assert_finds(&signposts(&bad), &["no file gone.sh"]);
}

#[test]
fn no_file_holds_leftovers_other_machines_or_account_numbers() {
    assert_clean(&leaks(&files()));
}

#[test]
fn leaks_are_found() {
    let unfinished = format!("// {}: later\n", LEFTOVERS[0]);
    let machine = format!("path = \"{}x\"\n", MACHINES[0]);
    let account = format!("pan = 41111111{}\n", "11111129");
    let bad = [
        File::sample("src/a/b.rs", &unfinished),
        File::sample("Cargo.toml", &machine),
        File::sample("README.md", &account),
        File::sample("src/a/c.rs", concat!("to", "do!()\n")),
    ];
    let expected = [
        "unfinished",
        "one machine",
        "could be an account number",
        "unfinished",
    ];
    assert_finds(&leaks(&bad), &expected);
    let good = [
        File::sample(
            "README.md",
            "4111111111111111 0000000000000000 1234567890123\n",
        ),
        File::sample("tests/golden/data/a.json", &account),
    ];
    assert_clean(&leaks(&good));
}

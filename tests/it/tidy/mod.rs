//! House rules as tests: walls between rooms, words that have one home, sizes, notes, documents.
//!
//! Each rule is a function from files to findings, so that each is shown here to be able to fail:
//! once over the real tree, which must be clean, and once over a bad sample, which must not.
//! Files are read from the package's folder; nothing is compiled and nothing is written.

mod documents;
mod places;
mod source;
mod walls;

use std::fmt;
use std::fs;
use std::path::Path;

/// One text file of the project, by its path from the root.
struct File {
    path: String,
    text: String,
}

impl File {
    /// A sample for a self-test.
    fn sample(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The room of a file of the switch: its folder under `src`; none for `lib.rs` and `main.rs`.
    fn room(&self) -> Option<&str> {
        let (room, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// Whether all of it is compiled for tests only.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
            || self.path.contains("/tests/")
    }
}

/// One breach of one rule.
#[derive(Debug)]
struct Finding {
    path: String,
    /// From 1; zero: the file as a whole.
    line: usize,
    note: String,
}

impl Finding {
    fn new(path: &str, line: usize, note: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            note: note.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.note)
    }
}

/// Every text file of the project, in the order of paths. Build output, data folders and what git
/// keeps for itself are not the project's.
fn files() -> Vec<File> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    collect(root, root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        found.iter().any(|file| file.path == "src/lib.rs"),
        "this is not the project's folder"
    );
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let ours = !matches!(
            name,
            "target" | ".git" | "__pycache__" | "corpus" | "artifacts"
        ) && relative != "data";
        if ours && path.is_dir() {
            collect(root, &path, found);
        } else if ours && let Ok(text) = fs::read_to_string(&path) {
            found.push(File::sample(relative, &text));
        }
    }
}

/// Fails with every finding on a line of its own.
fn assert_clean(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// A self-test: `expected` are the notes' beginnings, one a finding, in order.
fn assert_finds(findings: &[Finding], expected: &[&str]) {
    let notes: Vec<&str> = findings.iter().map(|found| found.note.as_str()).collect();
    let same = notes.len() == expected.len()
        && notes
            .iter()
            .zip(expected)
            .all(|(note, start)| note.starts_with(start));
    assert!(same, "expected {expected:#?}, found {notes:#?}");
}

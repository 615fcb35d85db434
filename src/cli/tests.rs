//! The command line, called as a function: what it prints, and how it ends.

use std::io::{self, Write};

use super::*;

/// Exit, standard output, standard error.
pub(super) fn run(words: &[&str], input: &[u8]) -> (Exit, String, String) {
    let (exit, output, error) = run_bytes(words, input);
    (exit, String::from_utf8(output).unwrap(), error)
}

pub(super) fn run_bytes(words: &[&str], input: &[u8]) -> (Exit, Vec<u8>, String) {
    let (mut output, mut error) = (Vec::new(), Vec::new());
    let mut console = Console::of_test(input, &mut output, &mut error);
    let words = ["cpg-switch"].iter().chain(words).map(OsString::from);
    let exit = execute(words, &mut console);
    drop(console);
    (exit, output, String::from_utf8(error).unwrap())
}

#[test]
fn the_exit_codes_are_those_that_scripts_know() {
    let codes = [
        Exit::Good,
        Exit::Failed,
        Exit::Usage,
        Exit::Environment,
        Exit::Integrity,
    ];
    assert_eq!(codes.map(|exit| exit as u8), [0, 1, 2, 3, 4]);
}

#[test]
fn every_command_has_help_with_an_example() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
    let (exit, help, _) = run(&["--help"], b"");
    assert_eq!(exit, Exit::Good);
    assert!(help.contains("Exit codes:"), "{help}");
    for command in Arguments::command().get_subcommands() {
        for nested in std::iter::once(None).chain(command.get_subcommands().map(Some)) {
            let mut words = vec![command.get_name()];
            words.extend(nested.map(clap::Command::get_name));
            words.push("--help");
            let (exit, help, _) = run(&words, b"");
            assert_eq!(exit, Exit::Good, "{words:?}");
            assert!(help.contains("Examples:"), "{words:?}:\n{help}");
            assert!(
                !help.contains('\u{1b}'),
                "colours where there is no terminal"
            );
        }
    }
}

#[test]
fn a_wrong_command_line_is_told_what_is_right() {
    for (words, expected) in [
        (&["chekc"][..], "check"),
        (&["check"][..], "<FILE>"),
        (&["check", "a", "--jsn"][..], "--json"),
        (&[][..], "Usage:"),
    ] {
        let (exit, output, error) = run(words, b"");
        assert_eq!((exit, output.as_str()), (Exit::Usage, ""), "{words:?}");
        assert!(error.contains(expected), "{words:?}: {error}");
    }
}

#[test]
fn the_sandbox_is_printed_and_is_good() {
    let (exit, text, _) = run(&["sandbox"], b"");
    assert_eq!(exit, Exit::Good);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switch.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();

    let (exit, words, _) = run(&["check", path], b"");
    assert_eq!(exit, Exit::Good);
    assert!(
        words.contains("is good: 3 listener(s), 7 participant(s), 1 shard(s)"),
        "{words}"
    );
    assert!(
        words.contains("28 row(s) of rates from sandbox:rates"),
        "{words}"
    );

    let (exit, json, _) = run(&["check", path, "--json"], b"");
    assert_eq!(exit, Exit::Good);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["good"], true);
    assert_eq!(report["table_hash"].as_str().unwrap().len(), 16);
    assert_eq!(report["table_files"][0]["table"], "rates");
    assert_eq!(report["table_files"][0]["file"], "sandbox:rates");
    assert_eq!(report["table_files"][0]["rows"], 28);
}

#[test]
fn a_wrong_configuration_is_shown_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switch.toml");
    std::fs::write(&path, "[shrad]\ncount = 1\n").unwrap();
    let path = path.to_str().unwrap();

    let (exit, output, error) = run(&["check", path], b"");
    assert_eq!((exit, output.as_str()), (Exit::Usage, ""));
    assert!(
        error.contains("unknown key `shrad` at the top level"),
        "{error}"
    );
    assert!(error.contains(&format!("{path}:1:2")), "{error}");
    assert!(error.contains("did you mean `shard`?"), "{error}");
    assert!(error.contains("hint:"), "{error}");

    let (exit, json, error) = run(&["check", path, "--json"], b"");
    assert_eq!((exit, error.as_str()), (Exit::Usage, ""));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["good"], false);
    assert_eq!(report["errors"].as_array().unwrap().len(), 3);
    let unknown = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|error| error["column"] == 2);
    assert_eq!(unknown.unwrap()["line"], 1);
}

#[test]
fn a_missing_file_is_a_slip_of_the_command_line() {
    let (exit, _, error) = run(&["check", "/nowhere/switch.toml"], b"");
    assert_eq!(exit, Exit::Usage);
    assert!(
        error.contains("/nowhere/switch.toml") && error.contains("hint:"),
        "{error}"
    );
}

#[test]
fn the_schema_is_printed_as_it_is() {
    let (exit, schema, _) = run(&["schema"], b"");
    assert_eq!((exit, schema.as_str()), (Exit::Good, SCHEMA_XML));
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (exit, script, _) = run(&["completions", shell], b"");
        assert_eq!(exit, Exit::Good);
        assert!(script.contains("cpg-switch"), "{shell}");
    }
}

/// A reader that has gone away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_closed_output_is_no_failure() {
    for words in [
        &["sandbox"][..],
        &["completions", "bash"][..],
        &["--help"][..],
    ] {
        let mut error = Vec::new();
        let mut console = Console::of_test(io::empty(), Closed, &mut error);
        let words: Vec<_> = ["cpg-switch"]
            .iter()
            .chain(words)
            .map(OsString::from)
            .collect();
        let exit = execute(words, &mut console);
        drop(console);
        assert_eq!(exit, Exit::Good);
        assert!(error.is_empty());
    }
}

#[test]
fn a_seed_runs_in_the_fake_world_and_a_planted_bug_is_found() {
    let (exit, text, _) = run(&["sim", "--seed", "7", "--seeds", "2"], b"");
    assert_eq!(exit, Exit::Good, "{text}");
    assert!(
        text.contains("2 seed(s)") && text.contains("never reached"),
        "{text}"
    );
    let words = [
        "sim",
        "--seed",
        "1",
        "--seeds",
        "5",
        "--plant",
        "changes-amount",
        "--json",
    ];
    let (exit, text, _) = run(&words, b"");
    assert_eq!(exit, Exit::Integrity, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let broken = &report["broken"][0];
    assert_eq!(broken["violations"][0]["rule"], "amounts");
    let replay = broken["replay"].as_str().unwrap();
    assert!(
        replay.ends_with("--plant changes-amount --trace"),
        "{replay}"
    );
    let (exit, _, error) = run(&["sim", "--plant", "nothing"], b"");
    assert_eq!(exit, Exit::Usage);
    assert!(error.contains("drops-reversal"), "{error}");
}

//! `list`: lines for files of who and what is blocked. Values are read from standard input, never
//! from the command line, and never written anywhere.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use crate::control::tables::lists::key_of;
use crate::guard::{ListKey, Listed};
use crate::model::chars::Chars;
use crate::model::ids::Institution;

pub(super) const EXAMPLES: &str = "\
Examples:
  openssl rand -hex 32 > list.key && chmod 600 list.key
  (printf 'kind\\tvalue\\nname\\tcouncil\\nversion\\t2026-11-22\\n'
   cpg-switch list key --key-file list.key
   cpg-switch list hash --key-file list.key payer < payers.txt
   cpg-switch list hash --key-file list.key merchant < merchants.txt) > council.tsv
  echo 45800001/TOKEN-0001 | cpg-switch list hash --key-file list.key payer

A value is one line: INSTITUTION/TOKEN for a payer (the wallet's institution and its token),
INSTITUTION/ID for a merchant (the acquirer's institution and its merchant id), and INSTITUTION
alone. A key file holds 64 hexadecimal digits or more.";

/// All input that one command takes: some ten million values.
const INPUT_BYTES_MAX: usize = 512 * 1024 * 1024;

#[derive(Subcommand, Debug)]
pub(super) enum List {
    /// Print the line that says under which key a list is made
    #[command(after_help = EXAMPLES)]
    Key(KeyFile),
    /// Values on standard input to lines of keyed hashes on standard output, in the same order
    #[command(after_help = EXAMPLES)]
    Hash(Hash),
}

#[derive(Args, Debug)]
pub(super) struct KeyFile {
    /// The key of `tables.list_key_file`
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Hash {
    #[command(flatten)]
    key: KeyFile,
    /// What the values are
    #[arg(value_name = "KIND", value_parser = kind())]
    kind: Listed,
}

fn kind() -> impl TypedValueParser<Value = Listed> {
    PossibleValuesParser::new(Listed::ALL.map(Listed::name))
        .map(|name| Listed::from_name(&name).expect("one of the names"))
}

pub(super) fn execute(command: &List, console: &mut Console<'_>) -> Ended {
    match command {
        List::Key(arguments) => {
            let key = key(&arguments.key_file)?;
            console.print_line(&format!("key\t{}", key.check_value()))?;
        }
        List::Hash(arguments) => {
            let key = key(&arguments.key.key_file)?;
            let lines = hashed(&key, arguments.kind, &input(console)?)?;
            console.print(&lines)?;
        }
    }
    Ok(Exit::Good)
}

fn key(path: &Path) -> Result<ListKey, Failure> {
    let problem = |what: String| format!("cannot take a list key from {}: {what}", path.display());
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| {
            Failure::new(Exit::Environment, problem(error.to_string()))
                .hint("name a file that this user can read")
        })?;
    key_of(&text).map_err(|what| {
        Failure::new(Exit::Usage, problem(what)).hint("make one with `openssl rand -hex 32`")
    })
}

fn input(console: &mut Console<'_>) -> Result<String, Failure> {
    let bytes = console.read(INPUT_BYTES_MAX).map_err(|error| {
        let problem = format!("cannot read standard input: {error}");
        Failure::new(Exit::Environment, problem)
    })?;
    if bytes.len() > INPUT_BYTES_MAX {
        let problem = format!("standard input has more than {INPUT_BYTES_MAX} bytes");
        return Err(Failure::new(Exit::Usage, problem).hint("give the values in several parts"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Usage, "standard input is not text in UTF-8"))
}

/// A line for each value; nothing at all where one of them is no value.
fn hashed(key: &ListKey, kind: Listed, values: &str) -> Result<String, Failure> {
    let mut lines = String::new();
    for (number, line) in (1_usize..).zip(values.lines()) {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        // What stands there may be somebody's token: the number of the line must do.
        let Some((institution, value)) = taken(kind, line) else {
            let problem = format!("line {number} of standard input is no {}", kind.name());
            return Err(Failure::new(Exit::Usage, problem).hint(form(kind)));
        };
        let hash = key.hash(kind, institution, value);
        writeln!(lines, "{}\t{hash}", kind.name()).expect("a string takes all that is written");
    }
    Ok(lines)
}

/// Institution and value, if that is what messages could carry.
fn taken(kind: Listed, line: &str) -> Option<(Institution, &[u8])> {
    let (institution, value) = match kind {
        Listed::Institution => (line, None),
        Listed::Payer | Listed::Merchant => {
            let (institution, value) = line.split_once('/')?;
            (institution, Some(value.as_bytes()))
        }
    };
    let digits = institution.bytes().all(|byte| byte.is_ascii_digit());
    let institution = Institution::new(institution.parse().ok().filter(|_| digits)?)?;
    let fits = |value: &[u8]| {
        !value.is_empty()
            && match kind {
                Listed::Payer => Chars::<32>::padded(value).is_some(),
                Listed::Merchant => Chars::<15>::padded(value).is_some(),
                Listed::Institution => false,
            }
    };
    match value {
        None => Some((institution, b"")),
        Some(value) => fits(value).then_some((institution, value)),
    }
}

const fn form(kind: Listed) -> &'static str {
    match kind {
        Listed::Payer => "write INSTITUTION/TOKEN: the wallet's, and up to 32 characters",
        Listed::Merchant => "write INSTITUTION/ID: the acquirer's, and up to 15 characters",
        Listed::Institution => "write an institution code of 1 to 11 digits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::run;

    /// Runs `list` with a key file of these contents; `KEY` in the words stands for it.
    fn listed(key: &str, words: &[&str], input: &str) -> (Exit, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.key");
        std::fs::write(&path, key).unwrap();
        let path = path.to_str().unwrap();
        let words: Vec<_> = ["list"]
            .iter()
            .chain(words)
            .map(|word| if *word == "KEY" { path } else { word })
            .collect();
        let (exit, output, error) = run(&words, input.as_bytes());
        (exit, output, error.replace(path, "KEY"))
    }

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

    #[test]
    fn values_become_lines_in_their_order() {
        let words = ["hash", "--key-file", "KEY", "payer"];
        let (exit, output, error) = listed(KEY, &words, "45800001/TOKEN-0001  \r\n\n045800001/B\n");
        assert_eq!((exit, error.as_str()), (Exit::Good, ""));
        let lines: Vec<_> = output.lines().collect();
        assert_eq!(lines.len(), 2);
        // As Python's own hmac has it: see the tests of `guard`.
        assert_eq!(lines[0], "payer\tbb83ddfc17faabb3b5b9536f65a36bf8");
        let words = ["hash", "--key-file", "KEY", "institution"];
        let (_, output, _) = listed(KEY, &words, "45800001");
        assert_eq!(output, "institution\t07007ff400b05d371f112dbc05124b7d\n");
        let (exit, output, _) = listed(KEY, &["key", "--key-file", "KEY"], "");
        assert_eq!((exit, output.len()), (Exit::Good, 4 + 32 + 1));
    }

    #[test]
    fn a_bad_value_is_told_by_its_line_and_never_repeated() {
        for (kind, input, line) in [
            ("payer", "45800001/A\nTOKEN-0001\n", 2),
            ("payer", "45800001/\n", 1),
            ("payer", "0/TOKEN-0001\n", 1),
            ("payer", "+45800001/TOKEN-0001\n", 1),
            ("merchant", "15600021/TOKEN-0001-LONGER\n", 1),
            ("institution", "45800001/TOKEN-0001\n", 1),
        ] {
            let words = ["hash", "--key-file", "KEY", kind];
            let (exit, output, error) = listed(KEY, &words, input);
            assert_eq!((exit, output.as_str()), (Exit::Usage, ""), "{input:?}");
            let expected = format!("error: line {line} of standard input is no {kind}\n");
            assert!(error.starts_with(&expected), "{error}");
            assert!(!error.contains("TOKEN-0001"), "{error}");
        }
    }

    #[test]
    fn a_key_file_that_is_none_is_told_without_its_contents() {
        let words = ["key", "--key-file", "KEY"];
        let (exit, _, error) = listed("secret", &words, "");
        assert_eq!(exit, Exit::Usage);
        assert_eq!(
            error,
            "error: cannot take a list key from KEY: it is not hexadecimal digits, two for each \
             byte\nhint: make one with `openssl rand -hex 32`\n"
        );
        let (exit, _, error) = run(&["list", "key", "--key-file", "none"], b"");
        assert_eq!(exit, Exit::Environment);
        assert!(error.contains("none: No such file"), "{error}");
    }
}

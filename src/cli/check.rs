//! `check`: everything that is wrong with a configuration file, in one go.

use std::fmt::Write;
use std::io;
use std::path::Path;

use serde_json::json;

use super::arguments::Check;
use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use crate::control::configuration::{Configuration, LoadError, commit_name};

pub(super) fn execute(arguments: &Check, console: &mut Console<'_>) -> Ended {
    match Configuration::load(&arguments.file) {
        Ok(configuration) => {
            let text = if arguments.json {
                as_json(&arguments.file, &configuration)
            } else {
                in_words(&arguments.file, &configuration)
            };
            console.print_line(&text)?;
            Ok(Exit::Good)
        }
        Err(LoadError::Invalid(diagnostics)) if arguments.json => {
            let mut report = json!(diagnostics);
            report["good"] = false.into();
            console.print_line(&pretty(&report))?;
            Ok(Exit::Usage)
        }
        Err(error) => Err(load_failure(error)),
    }
}

/// What is said where a configuration cannot be loaded.
pub(super) fn load_failure(error: LoadError) -> Failure {
    match error {
        LoadError::Unreadable { ref source, .. } => {
            let (exit, hint) = match source.kind() {
                io::ErrorKind::NotFound => (
                    Exit::Usage,
                    "check the path; `cpg-switch sandbox` prints a start",
                ),
                io::ErrorKind::InvalidData => (Exit::Usage, "the file must be UTF-8 text"),
                _ => (Exit::Environment, "let this user read the file"),
            };
            Failure::new(exit, &error).hint(hint)
        }
        LoadError::Invalid(diagnostics) => {
            let text = diagnostics.to_string();
            // Each diagnostic begins with the word that a failure begins with.
            let message = text.strip_prefix("error: ").unwrap_or(&text);
            Failure::new(Exit::Usage, message)
                .hint("every key and its default is in src/control/CONFIGURATION.md")
        }
    }
}

fn in_words(file: &Path, configuration: &Configuration) -> String {
    let journal = &configuration.journal;
    let mut files = String::new();
    for file in &configuration.table_files {
        write!(
            files,
            ", {} row(s) of {} from {}",
            file.tally.rows, file.key, file.name
        )
        .expect("a string takes all that is written");
    }
    format!(
        "{} is good: {} listener(s), {} participant(s), {} shard(s), journal in {} (commit {}), \
         tables {} ({:016x}){files}",
        file.display(),
        configuration.listeners.len(),
        configuration.participants.len(),
        configuration.shards,
        journal.data.display(),
        commit_name(journal.commit),
        configuration.table_version,
        configuration.table_hash,
    )
}

fn as_json(file: &Path, configuration: &Configuration) -> String {
    let table_files = configuration.table_files.iter().map(|file| {
        json!({
            "table": file.key,
            "file": file.name,
            "rows": file.tally.rows,
            "hash": format!("{:016x}", file.tally.hash),
        })
    });
    let table_files: Vec<_> = table_files.collect();
    pretty(&json!({
        "file": file.display().to_string(),
        "good": true,
        "errors": [],
        "listeners": configuration.listeners.len(),
        "participants": configuration.participants.len(),
        "shards": configuration.shards,
        "data": configuration.journal.data,
        "commit": commit_name(configuration.journal.commit),
        "table_version": configuration.table_version,
        "table_hash": format!("{:016x}", configuration.table_hash),
        "table_files": table_files,
    }))
}

/// JSON for people and programs.
pub(super) fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value is always written")
}

//! `run`: what the command line changes, and how an end is told.

use clap::Parser;

use super::*;
use crate::cli::arguments::{Arguments, Command as Line};
use crate::control::configuration::{CommitMode, Idle};

fn arguments(words: &[&str]) -> Run {
    let words = ["cpg-switch", "run"].iter().chain(words);
    match Arguments::try_parse_from(words).unwrap().command {
        Line::Run(arguments) => arguments,
        other => unreachable!("{other:?} is not run"),
    }
}

#[test]
fn the_command_line_overrides_the_configuration() {
    let plain = configuration(&arguments(&[])).unwrap();
    assert_eq!(plain.journal.data, Path::new("data"));
    assert_eq!(plain.journal.commit, CommitMode::Disk);
    let words = "--data d --commit memory --idle park --core 1";
    let words: Vec<_> = words.split(' ').collect();
    let changed = configuration(&arguments(&words)).unwrap();
    assert_eq!(changed.journal.data, Path::new("d"));
    assert_eq!(changed.journal.commit, CommitMode::Memory);
    assert_eq!((changed.idle, changed.cores), (Idle::Park, vec![1]));
    assert_eq!(changed.table_hash, plain.table_hash);
}

#[test]
fn the_default_of_spin_is_that_of_the_table_of_keys() {
    let words = ["--idle", "adaptive"];
    let adaptive = configuration(&arguments(&words)).unwrap();
    assert_eq!(adaptive.idle, Configuration::sandbox().idle);
}

#[test]
fn an_end_is_told_with_what_follows() {
    assert_eq!(
        ended(ShardExit::Drained, Some(Order::Drain)),
        Ok(Exit::Good)
    );
    for (exit, ordered, code) in [
        (ShardExit::Stopped, Some(Order::Stop), Exit::Failed),
        (
            ShardExit::Fenced("segment 3".to_owned()),
            None,
            Exit::Environment,
        ),
        (ShardExit::Full, None, Exit::Environment),
    ] {
        let failure = ended(exit, ordered).unwrap_err();
        assert_eq!(failure.exit, code);
        assert!(failure.hint.is_some(), "{failure:?}");
    }
}

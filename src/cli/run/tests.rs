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
    let words = "--data d --commit memory --idle park --shards 2 --core 1,0";
    let words: Vec<_> = words.split(' ').collect();
    let changed = configuration(&arguments(&words)).unwrap();
    assert_eq!(changed.journal.data, Path::new("d"));
    assert_eq!(changed.journal.commit, CommitMode::Memory);
    assert_eq!((changed.idle, changed.shards), (Idle::Park, 2));
    assert_eq!(changed.cores, [1, 0]);
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
        ended(ShardId(0), ShardExit::Drained, Some(Order::Drain)),
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
        let failure = ended(ShardId(1), exit, ordered).unwrap_err();
        assert_eq!(failure.exit, code);
        assert!(failure.hint.is_some(), "{failure:?}");
    }
}

#[test]
fn cores_are_named_for_every_shard_or_for_none() {
    let failure = configuration(&arguments(&["--shards", "3", "--core", "1"])).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(
        failure.message.contains("1 cores for 3 shard(s)"),
        "{failure:?}"
    );
}

#[test]
fn one_shard_that_cannot_go_on_makes_the_switch_unready() {
    let counters: Vec<_> = (0..3).map(|_| Arc::new(Counters::default())).collect();
    for shard in &counters {
        shard.set_health(Health::Serving);
    }
    assert_eq!(unready(&counters), None);
    counters[0].set_health(Health::Draining);
    counters[1].set_health(Health::Fenced);
    let reason = unready(&counters).unwrap();
    assert!(
        reason.starts_with("shard 1: the journal is fenced"),
        "{reason}"
    );
}

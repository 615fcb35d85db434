//! `run`: the switch itself, from its configuration to its end.
//!
//! ```text
//! configuration -> operations thread -> journal recovered, listening -> ready file -> drained
//! ```
//!
//! The shard does the work; this starts it, tells of it, and ends it.

mod plan;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Run;
use super::check::load_failure;
use super::console::Console;
use super::exit::{Ended, Exit, Failure, environment};
use super::journal::store_failure;
use crate::control::configuration::{Configuration, commit_name};
use crate::control::log::{self, LogFilter};
use crate::control::office::{Feed, Office, Order};
use crate::control::ready_file::{Ready, ReadyFile, ReadyListener};
use crate::shard::Command;
use crate::shard::run::{RunningShard, ShardExit, StartError, start};
use crate::sys::probe;

pub(super) fn execute(arguments: &Run, console: &mut Console<'_>) -> Ended {
    let filter = filter(&arguments.log)?;
    let configuration = configuration(arguments)?;
    log::start(filter);
    if let Some(path) = &arguments.ready_file {
        remove_stale(path)?;
    }
    check_machine(&configuration)?;
    let office = Office::start(configuration.admin)
        .map_err(|error| Failure::new(Exit::Environment, &error).hint(error.remedy()))?;
    let shard = match start(plan::shard_plan(&configuration)) {
        Ok(shard) => shard,
        Err(error) => {
            office.close();
            return Err(start_failure(&error));
        }
    };
    let ended = serve(arguments, &configuration, &office, shard, console);
    office.close();
    ended
}

/// From listening to the end.
fn serve(
    arguments: &Run,
    configuration: &Configuration,
    office: &Office,
    shard: RunningShard,
    console: &mut Console<'_>,
) -> Ended {
    for note in &shard.notes {
        tracing::info!("{note}");
    }
    let ready = ready(configuration, office, &shard);
    office.open(feed(&shard));
    let file = match &arguments.ready_file {
        None => None,
        Some(path) => match ReadyFile::write(path, &ready) {
            Ok(file) => Some(file),
            Err(error) => {
                let told = shard.mailbox.send(Command::Stop);
                debug_assert!(told, "a new mailbox has room");
                drop(shard.join());
                return Err(ready_file_failure(path, &error));
            }
        },
    };
    console
        .print(&welcome(&ready))
        .map_or_else(ignore_closed, Ok)?;
    let exit = shard.join();
    // The file goes before the process does: whoever reads it finds somebody listening.
    drop(file);
    ended(exit, office.ordered())
}

/// A closed standard output does not stop a switch.
fn ignore_closed(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }
}

/// The configuration of the file, or the sandbox, with what the command line says instead.
fn configuration(arguments: &Run) -> Result<Configuration, Failure> {
    let mut configuration = match &arguments.config {
        Some(path) => Configuration::load(path).map_err(load_failure)?,
        None => Configuration::sandbox(),
    };
    if let Some(data) = &arguments.data {
        configuration.journal.data.clone_from(data);
    }
    if let Some(commit) = arguments.commit {
        configuration.journal.commit = commit;
    }
    if let Some(idle) = arguments.idle {
        configuration.idle = idle;
    }
    if let Some(core) = arguments.core {
        configuration.cores = vec![core];
    }
    Ok(configuration)
}

fn filter(text: &str) -> Result<LogFilter, Failure> {
    text.parse::<LogFilter>().map_err(|error| {
        Failure::new(Exit::Usage, error).hint("use off, error, warn, info, debug or trace")
    })
}

/// A switch that was killed leaves its ready file behind: nobody may take it for ours.
fn remove_stale(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ready_file_failure(path, &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What the machine lacks is said before anything is created.
fn check_machine(configuration: &Configuration) -> Result<(), Failure> {
    let kernel = probe::check().map_err(|error| environment(&error))?;
    tracing::info!(
        kernel,
        participants = configuration.participants.len(),
        tables = configuration.table_version,
        "starting"
    );
    Ok(())
}

fn start_failure(error: &StartError) -> Failure {
    match error {
        StartError::Environment(error) => environment(error),
        StartError::Journal(error) => store_failure(error),
        StartError::Replay(cause) => Failure::new(
            Exit::Integrity,
            format!("the journal cannot be replayed: {cause}"),
        )
        .hint("keep a copy of the directory, and run `cpg-switch journal verify` on it"),
        StartError::Gone => Failure::new(Exit::Environment, error).hint("see the log"),
    }
}

fn ready_file_failure(path: &Path, error: &io::Error) -> Failure {
    let problem = format!("cannot write the ready file {}: {error}", path.display());
    Failure::new(Exit::Environment, problem)
        .hint("name a file in a folder that this user may write")
}

fn ready(configuration: &Configuration, office: &Office, shard: &RunningShard) -> Ready {
    let listeners = configuration.listeners.iter().zip(&shard.listeners);
    Ready {
        pid: std::process::id(),
        listeners: listeners
            .map(|(listener, (name, address))| {
                assert_eq!(
                    listener.name, *name,
                    "listeners are in the order of the plan"
                );
                ReadyListener::new(listener, *address)
            })
            .collect(),
        admin: office.address(),
        data: absolute(&configuration.journal.data),
        commit: commit_name(configuration.journal.commit),
    }
}

/// Whoever reads the ready file may be in another directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the office reads of the shard, and how it speaks to it.
fn feed(shard: &RunningShard) -> Feed {
    let (counters, health) = (Arc::clone(&shard.counters), Arc::clone(&shard.counters));
    let mailbox = shard.mailbox.clone();
    Feed {
        counters: Box::new(move |visit| counters.each(visit)),
        unready: Box::new(move || health.health().unready().map(str::to_owned)),
        order: Box::new(move |order| {
            let command = match order {
                Order::Drain => Command::Drain,
                Order::Stop => Command::Stop,
            };
            if !mailbox.send(command) {
                tracing::error!(?command, "the shard does not look into its mailbox");
            }
        }),
    }
}

fn welcome(ready: &Ready) -> String {
    let mut text = format!("cpg-switch is ready (pid {})\n", ready.pid);
    for listener in &ready.listeners {
        let (protocol, framing) = (listener.protocol, listener.framing);
        let name = format!("{} ({protocol}, {framing})", listener.name);
        text.push_str(&format!("  {name:32} {}\n", listener.address));
    }
    text.push_str(&format!(
        "  {:32} http://{}/readyz\n",
        "health and metrics", ready.admin
    ));
    let journal = format!("journal (commit {})", ready.commit);
    text.push_str(&format!("  {journal:32} {}\n", ready.data.display()));
    text.push_str("SIGTERM or Ctrl-C drains and ends it.\n");
    text
}

fn ended(exit: ShardExit, ordered: Option<Order>) -> Ended {
    match exit {
        ShardExit::Drained => {
            tracing::info!("drained: everything in flight was answered");
            Ok(Exit::Good)
        }
        ShardExit::Stopped if ordered.is_some() => Err(Failure::new(
            Exit::Failed,
            "stopped before everything in flight was answered",
        )
        .hint("nothing is lost: the next start resolves what was open")),
        ShardExit::Stopped => Err(Failure::new(Exit::Failed, "the shard stopped by itself")),
        ShardExit::Fenced(reason) => Err(Failure::new(
            Exit::Environment,
            format!("the journal is fenced: {reason}"),
        )
        .hint("repair the disk, then start again: what was open is resolved")),
        ShardExit::Full => Err(Failure::new(Exit::Environment, "the journal is full").hint(
            "raise `journal.bytes_max`, or move `journal.data` to a larger disk, and start again",
        )),
        ShardExit::Machine(error) => Err(environment(&error)),
    }
}

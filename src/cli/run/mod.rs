//! `run`: the switch itself, from its configuration to its end.
//!
//! ```text
//! configuration -> operations thread -> journal recovered, listening -> ready file -> drained
//! ```
//!
//! The shards do the work; this starts them, tells of them, and ends them.

mod keeper;
mod plan;
mod watch;

#[cfg(test)]
mod tests;

pub(super) use plan::shard_plans;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Run;
use super::check::load_failure;
use super::console::Console;
use super::exit::{Ended, Exit, Failure, environment};
use super::journal::store_failure;
use crate::control::api::Facts;
use crate::control::api::open::{self, Opening};
use crate::control::configuration::{Configuration, commit_name};
use crate::control::dashboard::Subject;
use crate::control::log::{self, Log, LogFilter};
use crate::control::office::{Feed, Office, Order};
use crate::control::publish::{self, PublishError, Publisher, Restored};
use crate::control::ready_file::{Ready, ReadyFile, ReadyListener};
use crate::model::ids::ShardId;
use crate::shard::Command;
use crate::shard::run::{RunningShards, ShardExit, StartError, start};
use crate::shard::stats::{Counters, Health};
use crate::sys::error::MachineError;
use crate::sys::{faults, probe};

pub(super) fn execute(arguments: &Run, console: &mut Console<'_>) -> Ended {
    let filter = filter(&arguments.log)?;
    let configuration = configuration(arguments)?;
    let log = log::start(filter);
    for fault in &arguments.fault {
        tracing::warn!("A FAULT IS ARMED, for tests alone: {fault}");
        faults::arm(*fault).map_err(|error| environment(&error))?;
    }
    if let Some(path) = &arguments.ready_file {
        remove_stale(path)?;
    }
    let restored = restored(configuration)?;
    let configuration = restored.configuration.clone();
    check_machine(&configuration)?;
    let office = Office::start(configuration.admin.address)
        .map_err(|error| Failure::new(Exit::Environment, &error).hint(error.remedy()))?;
    let plans = shard_plans(&configuration);
    let first = plan::first_tables(&plans);
    let shards = match start(plans) {
        Ok(shards) => shards,
        Err(error) => {
            office.close();
            return Err(start_failure(&error));
        }
    };
    let publisher = Publisher::new(
        restored,
        first,
        Box::new(plan::handed),
        shards.mailboxes.clone(),
        shards.counters.clone(),
    );
    let ended = serve((arguments, log), publisher, &office, shards, console);
    office.close();
    ended
}

/// From listening to the end.
fn serve(
    (arguments, log): (&Run, Log),
    publisher: Publisher,
    office: &Office,
    shards: RunningShards,
    console: &mut Console<'_>,
) -> Ended {
    let configuration = publisher.current();
    for note in &shards.notes {
        tracing::info!("{note}");
    }
    let keeper = keeper::start(&configuration.journal, &shards);
    let participants = configuration.participants.iter();
    let names = participants.map(|participant| participant.participant.name.clone());
    let watch = watch::start(&shards.counters, names.collect());
    let mut ready = ready(configuration, office, &shards);
    let feed = feed(configuration, &shards);
    let door = match door(publisher, (&ready, log), &shards) {
        Ok(door) => door,
        Err(error) => return given_up(shards, environment(&error)),
    };
    ready.socket = Some(door.socket.name.path().to_owned());
    office.open(feed);
    office.admit(door.api, door.socket.listener);
    let file = match &arguments.ready_file {
        None => None,
        Some(path) => match ReadyFile::write(path, &ready) {
            Ok(file) => Some(file),
            Err(error) => return given_up(shards, ready_file_failure(path, &error)),
        },
    };
    console
        .print(&welcome(&ready, door.token_file.as_deref()))
        .map_or_else(ignore_closed, Ok)?;
    let (shard, exit) = shards.join();
    // The file goes before the process does: whoever reads it finds somebody listening.
    drop((file, door.socket.name, keeper, watch));
    ended(shard, exit, office.ordered())
}

/// With what was published last, if that goes before the files; the keys of quotes, which last as
/// long as the process, are drawn here.
fn restored(mut configuration: Configuration) -> Result<Restored, Failure> {
    if configuration.fx.rates.is_some() && configuration.quotes.keys.is_none() {
        configuration.quotes.keys = Some(plan::drawn_keys());
    }
    let (data, files) = (
        configuration.journal.data.clone(),
        configuration.table_version,
    );
    let restored = publish::restore(configuration, &data).map_err(|error| {
        let exit = match error {
            PublishError::Unreadable(_) | PublishError::NotKept(_) => Exit::Environment,
            PublishError::Diverged { .. }
            | PublishError::Invalid(_)
            | PublishError::NeedsStart(_)
            | PublishError::Unknown(_) => Exit::Usage,
        };
        Failure::new(exit, &error).hint(error.remedy())
    })?;
    let (version, hash) = (
        restored.configuration.table_version,
        publish::shown(restored.configuration.table_hash),
    );
    if version != files {
        tracing::warn!(
            version,
            hash,
            files,
            "published tables stand in the place of the files"
        );
    }
    Ok(restored)
}

/// What operators come in by.
fn door(
    publisher: Publisher,
    (ready, log): (&Ready, Log),
    shards: &RunningShards,
) -> Result<Opening, MachineError> {
    let facts = Facts {
        pid: ready.pid,
        commit: ready.commit,
        data: ready.data.clone(),
        log,
    };
    let admin = publisher.current().admin.clone();
    open::open(&admin, facts, shards.counters.clone(), publisher)
}

/// Ends shards that nobody has heard of yet.
fn given_up(shards: RunningShards, failure: Failure) -> Ended {
    for mailbox in &shards.mailboxes {
        let told = mailbox.send(Command::Stop);
        debug_assert!(told, "a new mailbox has room");
    }
    drop(shards.join());
    Err(failure)
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
    if let Some(shards) = arguments.shards {
        configuration.shards = shards;
    }
    if !arguments.core.is_empty() {
        configuration.cores.clone_from(&arguments.core);
    }
    let (cores, shards) = (configuration.cores.len(), configuration.shards);
    if cores > 0 && cores != usize::from(shards) {
        let problem = format!("{cores} cores for {shards} shard(s)");
        return Err(
            Failure::new(Exit::Usage, problem).hint("name one core for each shard: --core 2,3")
        );
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

pub(super) fn start_failure(error: &StartError) -> Failure {
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

fn ready(configuration: &Configuration, office: &Office, shards: &RunningShards) -> Ready {
    let listeners = configuration.listeners.iter().zip(&shards.listeners);
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
        socket: None,
        data: absolute(&configuration.journal.data),
        commit: commit_name(configuration.journal.commit),
        shards: configuration.shards,
    }
}

/// Whoever reads the ready file may be in another directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the office reads of the shards, and how it speaks to them.
fn feed(configuration: &Configuration, shards: &RunningShards) -> Feed {
    let readings = Arc::new(plan::readings(configuration, &shards.counters));
    let subject = Subject {
        readings: Arc::clone(&readings),
        data: configuration.journal.data.clone(),
    };
    let watched = shards.counters.clone();
    let mailboxes = shards.mailboxes.clone();
    Feed {
        samples: Box::new(move |visit| readings.each(visit)),
        subject: Some(subject),
        shards: shards.counters.clone(),
        unready: Box::new(move || unready(&watched)),
        order: Box::new(move |order| {
            let command = match order {
                Order::Drain => Command::Drain,
                Order::Stop => Command::Stop,
            };
            for (shard, mailbox) in mailboxes.iter().enumerate() {
                if !mailbox.send(command.clone()) {
                    tracing::error!(shard, ?command, "it does not look into its mailbox");
                }
            }
        }),
    }
}

/// The first reason that a shard has for taking no payments: one is enough, because no participant
/// knows whose its next payment is.
fn unready(counters: &[Arc<Counters>]) -> Option<String> {
    let reasons = counters.iter().enumerate();
    let mut reasons =
        reasons.filter_map(|(shard, counters)| Some((shard, counters.health().unready()?)));
    // Draining is what the others do about the one that cannot go on.
    let draining = Health::Draining.unready();
    let first = reasons
        .clone()
        .find(|(_, reason)| Some(*reason) != draining)
        .or_else(|| reasons.next());
    first.map(|(shard, reason)| format!("shard {shard}: {reason}"))
}

fn welcome(ready: &Ready, token_file: Option<&Path>) -> String {
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
    if let Some(socket) = &ready.socket {
        text.push_str(&format!(
            "  {:32} {}\n",
            "admin API (socket)",
            socket.display()
        ));
    }
    if let Some(file) = token_file {
        let over = "admin API (token of this start)";
        text.push_str(&format!("  {over:32} {}\n", file.display()));
    }
    text.push_str(&format!("  {:32} http://{}/\n", "dashboard", ready.admin));
    let journal = format!("journal (commit {})", ready.commit);
    text.push_str(&format!("  {journal:32} {}\n", ready.data.display()));
    text.push_str("SIGTERM or Ctrl-C drains and ends it.\n");
    text
}

fn ended(shard: ShardId, exit: ShardExit, ordered: Option<Order>) -> Ended {
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
        ShardExit::Stopped => Err(Failure::new(
            Exit::Failed,
            format!("shard {} stopped by itself", shard.0),
        )),
        ShardExit::Fenced(reason) => Err(Failure::new(
            Exit::Environment,
            format!("the journal of shard {} is fenced: {reason}", shard.0),
        )
        .hint("repair the disk, then start again: what was open is resolved")),
        ShardExit::Full => Err(Failure::new(
            Exit::Environment,
            format!("the journal of shard {} is full", shard.0),
        )
        .hint(
            "raise `journal.bytes_max`, or move `journal.data` to a larger disk, and start again",
        )),
        ShardExit::Machine(error) => Err(environment(&error)),
    }
}

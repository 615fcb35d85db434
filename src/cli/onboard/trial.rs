//! The switch of a trial: the configuration's tables and dialects, on loopback, with a small
//! journal in a temporary directory that goes with it. Never opens the real one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::cli::exit::{Exit, Failure};
use crate::cli::run::{shard_plans, start_failure};
use crate::control::configuration::{CommitMode, Configuration, Idle, Limits};
use crate::shard::Command;
use crate::shard::run::{RunningShards, start};
use crate::sys::clock::Clock;

/// Size of the trial's tail and of each of its segments.
const SEGMENT_BYTES: u64 = 4 << 20;

/// A running switch, and the folder that it writes to.
#[derive(Debug)]
pub(super) struct Trial {
    shards: RunningShards,
    folder: Folder,
}

impl Trial {
    /// Starts a switch that has this configuration's participants.
    pub(super) fn start(configuration: &Configuration) -> Result<Self, Failure> {
        let folder = Folder::create()?;
        let shards = start(shard_plans(&on_trial(configuration, &folder.0)))
            .map_err(|error| start_failure(&error))?;
        Ok(Self { shards, folder })
    }

    /// Where the listener of this name listens.
    pub(super) fn address(&self, listener: &str) -> SocketAddr {
        let mut listeners = self.shards.listeners.iter();
        let (_, address) = listeners
            .find(|(name, _)| name == listener)
            .expect("the trial has the listeners of its configuration");
        *address
    }

    /// Stops it, and removes what it wrote.
    pub(super) fn end(self) {
        let Self { shards, folder } = self;
        for mailbox in &shards.mailboxes {
            let told = mailbox.send(Command::Stop);
            debug_assert!(told, "a mailbox that nobody used has room");
        }
        drop(shards.join());
        drop(folder);
    }
}

/// The configuration on one shard, on loopback alone, far from the real journal. Whoever dials has
/// been let in, or not, before: to the switch all links come from here.
fn on_trial(configuration: &Configuration, folder: &Path) -> Configuration {
    let mut trial = configuration.clone();
    for listener in &mut trial.listeners {
        listener.address = SocketAddr::from(([127, 0, 0, 1], 0));
    }
    for entry in &mut trial.participants {
        entry.addresses = vec!["127.0.0.0/8".parse().expect("a network")];
    }
    (trial.shards, trial.cores, trial.idle) = (1, Vec::new(), Idle::Park);
    trial.journal.data = folder.join("data");
    trial.journal.commit = CommitMode::Memory;
    (trial.journal.tail_bytes, trial.journal.segment_bytes) = (SEGMENT_BYTES, SEGMENT_BYTES);
    trial.journal.bytes_max = 16 * SEGMENT_BYTES;
    trial.journal.tail_dir = Some(folder.to_owned());
    trial.journal.archive = None;
    trial.limits = Limits {
        links_max: 16,
        unsigned_links_max: 16,
        in_flight_max: 1_024,
        remembered_keys_max: 16_384,
    };
    trial
}

/// A folder of our own; dropping it removes it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self, Failure> {
        let (process, now) = (std::process::id(), Clock.now().wall.0);
        let path = std::env::temp_dir().join(format!("cpg-switch-onboard-{process}-{now}"));
        std::fs::create_dir(&path).map_err(|error| {
            let problem = format!("cannot create {}: {error}", path.display());
            Failure::new(Exit::Environment, problem).hint("set TMPDIR to a folder with room")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is in the folder for what may be removed at any time.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_far_from_the_real_journal() {
        let configuration = Configuration::sandbox();
        let trial = on_trial(&configuration, Path::new("somewhere"));
        assert_ne!(trial.journal.data, configuration.journal.data);
        assert!(trial.journal.data.starts_with("somewhere"));
        assert_eq!(
            trial.journal.tail_dir.as_deref(),
            Some(Path::new("somewhere"))
        );
        assert_eq!(trial.journal.archive, None);
        assert!(
            trial
                .listeners
                .iter()
                .all(|one| one.address.ip().is_loopback())
        );
        assert_eq!(trial.table_hash, configuration.table_hash);
    }
}

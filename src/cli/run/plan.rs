//! From a configuration to what a shard is started with. Opens nothing and starts nothing.

use std::sync::Arc;

use crate::control::configuration::{Configuration, ParticipantEntry};
use crate::engine::EngineLimits;
use crate::model::ids::{ParticipantIndex, TableVersion};
use crate::route::{CodePrefixes, Tables};
use crate::session::SessionLimits;
use crate::shard::plan::{Credential, JournalPlan, ListenerPlan, ShardPlan};
use crate::sys::machine::WriteFaults;

/// The plan of the one shard.
pub(super) fn shard_plan(configuration: &Configuration) -> ShardPlan {
    let entries = &configuration.participants;
    let limits = &configuration.limits;
    let journal = &configuration.journal;
    ShardPlan {
        listeners: listeners(configuration),
        tables: Arc::new(tables(configuration)),
        dialects: entries.iter().map(|entry| entry.dialect.clone()).collect(),
        credentials: entries.iter().map(credential).collect(),
        sessions: SessionLimits {
            links_max: limits.links_max,
            unsigned_links_max: limits.unsigned_links_max,
        },
        engine: EngineLimits {
            in_flight_max: limits.in_flight_max,
            remembered_keys_max: limits.remembered_keys_max,
        },
        journal: JournalPlan {
            data: journal.data.clone(),
            commit: journal.commit,
            tail_bytes: journal.tail_bytes,
            segment_bytes: journal.segment_bytes,
            bytes_max: journal.bytes_max,
            tail_dir: journal.tail_dir.clone(),
            faults: WriteFaults::default(),
        },
        core: configuration.cores.first().copied(),
        idle: configuration.idle,
    }
}

fn listeners(configuration: &Configuration) -> Vec<ListenerPlan> {
    configuration
        .listeners
        .iter()
        .map(|listener| ListenerPlan {
            name: listener.name.clone(),
            protocol: listener.protocol,
            framing: listener.framing,
            address: listener.address,
            frame_bytes_max: listener.frame_bytes_max,
        })
        .collect()
}

/// The tables that the configuration describes.
fn tables(configuration: &Configuration) -> Tables {
    let mut prefixes = CodePrefixes::default();
    for (index, entry) in (0_u16..).zip(&configuration.participants) {
        for prefix in &entry.code_prefixes {
            prefixes
                .insert(prefix, ParticipantIndex(index))
                .expect("a configuration has each prefix once, of digits");
        }
    }
    let participants = configuration
        .participants
        .iter()
        .map(|entry| entry.participant.clone());
    Tables::new(
        TableVersion(configuration.table_version),
        configuration.table_hash,
        participants.collect(),
        prefixes,
    )
    .expect("a configuration has each institution once, and not too many")
}

fn credential(entry: &ParticipantEntry) -> Credential {
    let networks = entry.addresses.clone();
    Credential(Box::new(move |address| {
        networks.iter().any(|network| network.contains(address))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_a_plan_in_which_every_prefix_has_its_wallet() {
        let sandbox = Configuration::sandbox();
        let plan = shard_plan(&sandbox);
        assert_eq!(plan.listeners.len(), sandbox.listeners.len());
        assert_eq!(plan.tables.participants().len(), sandbox.participants.len());
        assert_eq!(plan.tables.hash(), sandbox.table_hash);
        for credential in &plan.credentials {
            assert!((credential.0)("127.0.0.1".parse().unwrap()));
            assert!(!(credential.0)("192.0.2.1".parse().unwrap()));
        }
    }
}

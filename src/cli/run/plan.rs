//! From a configuration to what its shards are started with. Opens nothing and starts nothing.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::control::configuration::{Configuration, ParticipantEntry};
use crate::control::readings::{Bounds, Readings, Seat};
use crate::engine::{EngineLimits, Pricing, Snapshot};
use crate::fx::quotes::KEY_BYTES;
use crate::fx::{QuoteKey, QuoteKeys};
use crate::model::ids::{ShardId, TableVersion};
use crate::model::participant::Participant;
use crate::route::Tables;
use crate::session::SessionLimits;
use crate::shard::Handed;
use crate::shard::plan::{Credential, JournalPlan, KEY_RETENTION_MS, ListenerPlan, ShardPlan};
use crate::shard::stats::Counters;
use crate::sys::machine::WriteFaults;

/// The plan of every shard, in order.
pub(in crate::cli) fn shard_plans(configuration: &Configuration) -> Vec<ShardPlan> {
    let tables = Arc::new(snapshot(configuration));
    (0..configuration.shards)
        .map(|shard| shard_plan(configuration, ShardId(shard), &tables))
        .collect()
}

fn shard_plan(configuration: &Configuration, shard: ShardId, tables: &Arc<Snapshot>) -> ShardPlan {
    let entries = &configuration.participants;
    let limits = &configuration.limits;
    let journal = &configuration.journal;
    ShardPlan {
        shard,
        shards: configuration.shards,
        listeners: listeners(configuration),
        tables: Arc::clone(tables),
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
        retention_ms: KEY_RETENTION_MS,
        journal: JournalPlan {
            data: journal.data.clone(),
            commit: journal.commit,
            tail_bytes: journal.tail_bytes,
            segment_bytes: journal.segment_bytes,
            bytes_max: journal.bytes_max,
            tail_dir: journal.tail_dir.clone(),
            faults: WriteFaults::default(),
        },
        core: configuration.cores.get(usize::from(shard.0)).copied(),
        idle: configuration.idle,
    }
}

/// What the office reads, with what it knows of participants and bounds.
pub(super) fn readings(configuration: &Configuration, counters: &[Arc<Counters>]) -> Readings {
    let seats = configuration.participants.iter().map(|entry| {
        let participant = &entry.participant;
        Seat {
            name: participant.name.clone(),
            role: participant.role,
            protocol: participant.protocol,
            country: participant.country,
            window_in: participant.window_in,
            window_out: participant.window_out,
        }
    });
    let (limits, shards) = (&configuration.limits, u64::from(configuration.shards));
    let bounds = Bounds {
        in_flight: u64::from(limits.in_flight_max) * shards,
        remembered_keys: u64::from(limits.remembered_keys_max) * shards,
        links: u64::from(limits.links_max) * shards,
        journal_bytes: configuration.journal.bytes_max * shards,
    };
    Readings::new(counters.to_vec(), seats.collect(), bounds)
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

/// All tables that the configuration describes. Without rates nothing is converted or quoted.
fn snapshot(configuration: &Configuration) -> Snapshot {
    let (fx, quotes) = (&configuration.fx, &configuration.quotes);
    let guard = Arc::clone(&configuration.guard);
    let snapshot = Snapshot::new(tables(configuration)).with_guard(guard);
    let Some(rates) = fx.rates.clone() else {
        return snapshot;
    };
    snapshot.with_pricing(Pricing {
        rates,
        keys: quotes.keys.clone().unwrap_or_else(drawn_keys),
        quote_valid_s: quotes.valid_s,
        settlement: fx.settlement,
    })
}

/// What the shards of these plans begin with.
pub(super) fn first_tables(plans: &[ShardPlan]) -> Handed {
    let first = plans.first().expect("a switch has a shard");
    Handed::new(Arc::clone(&first.tables))
}

/// The same for later tables.
pub(super) fn handed(configuration: &Configuration) -> Handed {
    Handed::new(snapshot(configuration))
}

/// A key of this start alone: nobody has to keep it, and quotes end with the process.
pub(super) fn drawn_keys() -> QuoteKeys {
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    let mut filled = 0;
    while let Some(rest) = secret.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let drawn = rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty());
        filled += drawn.expect("every Linux that has io_uring has random numbers");
    }
    QuoteKeys::new(QuoteKey::new(&secret), None)
}

/// Participants and routes.
fn tables(configuration: &Configuration) -> Tables {
    let participants = configuration
        .participants
        .iter()
        .map(|entry| of_each_shard(&entry.participant, configuration.shards));
    Tables::with_rules(
        TableVersion(configuration.table_version),
        configuration.table_hash,
        participants.collect(),
        configuration.rules(),
    )
    .expect("a configuration has each institution and each rule once, and not too many")
}

/// A participant as each of `shards` shards sees it: with its part of the windows.
fn of_each_shard(participant: &Participant, shards: u16) -> Participant {
    let shards = u32::from(shards);
    Participant {
        window_in: window_share(participant.window_in, shards),
        window_out: window_share(participant.window_out, shards),
        ..participant.clone()
    }
}

/// What one shard gives of a window. The owner of a transaction counts it, and the hash spreads
/// transactions evenly but not exactly: an equal share, and four standard deviations, so that who
/// keeps a window full is not shed by chance. All shards together give twice the window at most
/// where each share is 16 or more.
fn window_share(window: u32, shards: u32) -> u32 {
    let share = window.div_ceil(shards);
    (share + 4 * share.isqrt()).min(window)
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
        let plan = shard_plans(&sandbox).pop().unwrap();
        assert_eq!(plan.listeners.len(), sandbox.listeners.len());
        assert_eq!(plan.tables.participants().len(), sandbox.participants.len());
        assert_eq!(plan.tables.hash(), sandbox.table_hash);
        for credential in &plan.credentials {
            assert!((credential.0)("127.0.0.1".parse().unwrap()));
            assert!(!(credential.0)("192.0.2.1".parse().unwrap()));
        }
    }

    #[test]
    fn each_shard_has_its_core_and_the_same_tables() {
        let configuration = Configuration {
            shards: 2,
            cores: vec![3, 5],
            ..Configuration::sandbox()
        };
        let plans = shard_plans(&configuration);
        let [first, second] = plans.as_slice() else {
            unreachable!("two shards")
        };
        assert_eq!((first.shard, first.core), (ShardId(0), Some(3)));
        assert_eq!((second.shard, second.core), (ShardId(1), Some(5)));
        assert_eq!(second.shards, 2);
        assert!(Arc::ptr_eq(&first.tables, &second.tables));
    }

    #[test]
    fn shares_of_a_window_are_never_more_than_it_and_together_twice_it_at_most() {
        for window in [1, 2, 100, 1_024, 1_000_000] {
            assert_eq!(window_share(window, 1), window);
            for shards in 1..=64 {
                let share = window_share(window, shards);
                assert!((1..=window).contains(&share) && share * shards >= window);
                assert!(window / shards < 16 || share <= 2 * window.div_ceil(shards));
            }
        }
        assert_eq!(window_share(1_024, 4), 256 + 64);
    }
}

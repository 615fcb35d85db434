//! Two shards on the machine, one of which cannot write.

use super::*;
use crate::shard::plan::{JournalPlan, KEY_RETENTION_MS, ShardPlan};
use crate::shard::run::{ShardExit, start};
use crate::shard::stats::Health;
use crate::sys::machine::{Idle, WriteFaults};

fn plan(directory: &std::path::Path, shard: u16, faults: WriteFaults) -> ShardPlan {
    let participants = vec![participant(ACQUIRER, Role::Acquirer, 156, Protocol::Sbe)];
    let tables = Tables::new(TableVersion(1), 1, participants, CodePrefixes::default());
    ShardPlan {
        shard: ShardId(shard),
        shards: 2,
        listeners: vec![ListenerPlan {
            name: "sbe".to_owned(),
            protocol: Protocol::Sbe,
            framing: Framing::Sofh,
            address: "127.0.0.1:0".parse().unwrap(),
            frame_bytes_max: 8_192,
        }],
        dialects: vec![Dialect::plain(Protocol::Sbe)],
        credentials: vec![Credential(Box::new(|_| true))],
        tables: Arc::new(tables.unwrap()),
        sessions: SessionLimits {
            links_max: 8,
            unsigned_links_max: 8,
        },
        engine: EngineLimits {
            in_flight_max: 64,
            remembered_keys_max: 1_024,
        },
        retention_ms: KEY_RETENTION_MS,
        journal: JournalPlan {
            data: directory.join("data"),
            commit: CommitMode::Disk,
            tail_bytes: 1 << 20,
            segment_bytes: 1 << 20,
            bytes_max: 1 << 24,
            tail_dir: Some(directory.join("tails")),
            faults,
        },
        core: None,
        idle: Idle::Park,
    }
}

#[test]
fn a_fenced_shard_is_told_and_the_other_drains() {
    let directory = tempfile::tempdir().unwrap();
    let broken = WriteFaults {
        fail_write_after: Some(0),
        ..WriteFaults::default()
    };
    let plans = vec![
        plan(directory.path(), 0, WriteFaults::default()),
        plan(directory.path(), 1, broken),
    ];
    let running = start(plans).unwrap();
    let counters = running.counters.clone();
    let (shard, exit) = running.join();
    assert_eq!(shard, ShardId(1));
    assert!(matches!(exit, ShardExit::Fenced(_)), "{exit:?}");
    assert_eq!(counters[1].health(), Health::Fenced);
    assert_eq!(
        counters[0].health(),
        Health::Ended,
        "it was told, and drained"
    );
}

//! Shards on the machine: one of two cannot write; the power fails right after a start.

use super::*;
use crate::engine::NotRuled;
use crate::journal::store::{Folder, StoreOptions};
use crate::model::outcome::Ruling;
use crate::model::ruling::Ruled;
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
        tables: Arc::new(tables.unwrap().into()),
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

/// What memory took with it is told, though not one payment was written yet: the start itself was.
#[test]
fn a_loss_of_power_right_after_a_start_in_memory_mode_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan(directory.path(), 0, WriteFaults::default());
    plan.shards = 1;
    plan.journal.commit = CommitMode::Memory;
    let options = StoreOptions {
        data: directory.path().join("after"),
        shards: 1,
        tail_bytes: plan.journal.tail_bytes,
        segment_bytes: plan.journal.segment_bytes,
        tail_dir: Some(directory.path().join("other-tails")),
        zero_fill: false,
        lock_wait_ms: 1_000,
    };
    let data = plan.journal.data.clone();
    let running = start(vec![plan]).unwrap();
    copy_folder(&data, &options.data);
    // What was in memory goes with the first one's end.
    assert!(running.mailboxes[0].send(Command::Drain));
    assert!(matches!(running.join().1, ShardExit::Drained));
    let folder = Folder::open(options).unwrap();
    let opened = folder.open_shard(ShardId(0), |_| {}).unwrap();
    assert!(opened.report.loss_window, "{:?}", opened.report);
}

#[test]
fn the_office_asks_a_running_shard_who_waits_and_hears_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan(directory.path(), 0, WriteFaults::default());
    plan.shards = 1;
    let running = start(vec![plan]).unwrap();
    let mailbox = &running.mailboxes[0];
    assert!(mailbox.reply().is_none());
    assert!(mailbox.send(Command::SayWaiting(4)));
    let ruled = Ruled {
        number: TransactionNumber(1),
        ruling: Ruling::Noted,
        action: 1,
    };
    assert!(mailbox.send(Command::Rule(5, ruled)));
    let mut heard = Vec::new();
    while heard.len() < 2 {
        heard.extend(mailbox.reply().map(|reply| (reply.ticket, reply.said)));
        std::thread::yield_now();
    }
    assert!(matches!(heard[0], (4, Said::Waiting(0))), "{heard:?}");
    let not = Err(NotTaken::Not(NotRuled::NotQueued));
    assert!(
        matches!(heard[1], (5, Said::Ruled(told)) if told == not),
        "{heard:?}"
    );
    assert!(mailbox.send(Command::Drain));
    assert!(matches!(running.join().1, ShardExit::Drained));
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

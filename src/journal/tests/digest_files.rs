//! Digests beside segments in real folders: made, used, damaged, compared.

use super::keeper_files::TestDesk;
use super::*;
use crate::journal::archive::files::Archived;
use crate::journal::digest::files::digest_name;
use crate::journal::digest::maker::{Made, make_all};
use crate::journal::digest::{DIGEST_HEADER_BYTES, DigestHeader, Item};
use crate::journal::keeper::{Keeper, KeeperNote, KeeperPlan, leave_room};
use crate::journal::layout::checksum;
use crate::journal::read_only::ReadOnlyFolder;

/// What a start finds: the payments, how many segments came from digests, and what it warns of.
fn start(place: &Place) -> (Vec<u64>, u64, Vec<StoreWarning>) {
    let folder = Folder::open(place.options()).unwrap();
    let mut records = Vec::new();
    let open = folder.open_shard_digested(ShardId(1), |piece| match piece {
        Piece::Carried(_) | Piece::Base(..) => {}
        Piece::Record(entry) => records.push(entry.record),
        Piece::Digest(digest) => {
            let mut items = digest.items().unwrap();
            while let Some(item) = items.next_item().unwrap() {
                records.push(match item {
                    Item::Settled(settled) => Record::Payment(settled.payment),
                    Item::Loose(entry) => entry.record,
                });
            }
        }
    });
    let open = open.unwrap();
    assert_eq!(open.report.records, records.len() as u64);
    (payments(&records), open.report.digests, open.warnings)
}

/// A journal of some segments, and how many of them are sealed.
pub(super) fn written(place: &Place) -> u64 {
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    for payment in 1..=999 {
        running.pay(payment..payment + 1);
        if payment % 80 == 0 {
            running.drain();
        }
    }
    running.drain();
    segment_of(running.journal.durable(), 16 * BLOCK) - 1
}

fn made(place: &Place) -> (u64, u64) {
    let (mut made, mut there) = (0, 0);
    make_all(place.data.path(), |shard, _, result| {
        assert_eq!(shard, ShardId(1));
        match result {
            Made::Made { .. } => made += 1,
            Made::There => there += 1,
            Made::NotWhole { .. } => unreachable!("every sealed segment is whole"),
        }
    })
    .unwrap();
    (made, there)
}

fn digest(place: &Place, segment: u64) -> PathBuf {
    let directory = place.data.path().join("shard-01");
    directory.join(digest_name(segment))
}

#[test]
fn a_start_with_digests_finds_what_one_without_finds() {
    let place = Place::new();
    let sealed = written(&place);
    assert!(sealed >= 3);
    let all: Vec<u64> = (1..1_000).collect();
    assert_eq!(start(&place), (all.clone(), 0, vec![]));
    assert_eq!(made(&place), (sealed, 0));
    assert_eq!(made(&place), (0, sealed), "what is there is not made again");
    assert_eq!(start(&place), (all, sealed, vec![]));
    let report = verify(place.data.path()).unwrap();
    assert!(report.is_good(), "{report:?}");
    let summary = report.shards[1].result.as_ref().unwrap();
    assert_eq!(summary.digests.same, sealed);
    // The journal goes on behind them, and what is sealed later has none until it is made.
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    running.pay(1_000..1_160);
    running.drain();
    drop(running);
    let (found, digests, _) = start(&place);
    assert_eq!((found.len(), digests), (1_159, sealed));
    let (more, there) = made(&place);
    assert!(more > 0 && there == sealed);
}

#[test]
fn what_is_no_use_is_not_used_and_told() {
    let place = Place::new();
    let sealed = written(&place);
    made(&place);
    let path = digest(&place, 2);
    let whole = fs::read(&path).unwrap();
    let all: Vec<u64> = (1..1_000).collect();
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let of_another = fs::read(digest(&place, 3)).unwrap();
    for (what, bytes) in [
        ("rot in its body", changed(whole.len() / 2)),
        ("rot in its header", changed(60)),
        ("another version", changed(4)),
        ("cut short", whole[..whole.len() - 1].to_vec()),
        ("empty", Vec::new()),
        ("of another segment", of_another),
        (
            "of another journal",
            reheaded(&whole, |header| header.uuid[3] ^= 1),
        ),
        (
            "of another shard",
            reheaded(&whole, |header| header.shard.0 ^= 1),
        ),
        (
            "of another size",
            reheaded(&whole, |header| header.segment_bytes *= 2),
        ),
        (
            "another chain before",
            reheaded(&whole, |header| header.chain_before ^= 1),
        ),
        (
            "another chain after",
            reheaded(&whole, |header| header.chain_after ^= 1),
        ),
        (
            "an epoch before",
            reheaded(&whole, |header| header.epoch_first.0 = 0),
        ),
        (
            "another last epoch",
            reheaded(&whole, |header| header.epoch_last.0 += 1),
        ),
    ] {
        fs::write(&path, &bytes).unwrap();
        let told = vec![StoreWarning::DigestNotUsed(path.clone())];
        assert_eq!(start(&place), (all.clone(), sealed - 1, told), "{what}");
        let good = what == "another version";
        assert_eq!(verify(place.data.path()).unwrap().is_good(), good, "{what}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(start(&place), (all, sealed - 1, vec![]), "none is no news");
    assert!(verify(place.data.path()).unwrap().is_good());
}

fn reheaded(bytes: &[u8], change: impl Fn(&mut DigestHeader)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut header = DigestHeader::decode(&bytes).unwrap();
    change(&mut header);
    bytes[..DIGEST_HEADER_BYTES].copy_from_slice(&header.encode());
    bytes
}

#[test]
fn a_digest_that_lies_is_found_by_verify() {
    let place = Place::new();
    written(&place);
    made(&place);
    let path = digest(&place, 1);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    let check = checksum(0, &bytes[DIGEST_HEADER_BYTES..]);
    fs::write(&path, reheaded(&bytes, |header| header.body_check = check)).unwrap();
    let report = verify(place.data.path()).unwrap();
    assert!(!report.is_good());
    let summary = report.shards[1].result.as_ref().unwrap();
    assert_eq!(summary.digests.different, [path]);
}

#[test]
fn rot_inside_a_digested_segment_is_not_seen_at_a_start_but_by_verify() {
    let place = Place::new();
    let sealed = written(&place);
    made(&place);
    let whole = fs::read(place.segment(2)).unwrap();
    let all: Vec<u64> = (1..1_000).collect();
    let mut rotten = whole.clone();
    rotten[5 * BLOCK_BYTES + 77] ^= 4;
    fs::write(place.segment(2), &rotten).unwrap();
    assert_eq!(start(&place), (all.clone(), sealed, vec![]));
    assert!(!verify(place.data.path()).unwrap().is_good());
    // No digest hides a segment that is gone, too short, or another at its ends.
    let path = digest(&place, 2);
    for (bytes, expected) in [
        (damaged_at(&whole, 77), "segment 2, offset 0"),
        (
            damaged_at(&whole, 15 * BLOCK_BYTES + 77),
            "segment 2, offset 61440",
        ),
        (whole[..9 * BLOCK_BYTES].to_vec(), "segment 2, offset 36864"),
    ] {
        fs::write(place.segment(2), bytes).unwrap();
        let folder = Folder::open(place.options()).unwrap();
        let opened = folder.open_shard_digested(ShardId(1), |_| {});
        let text = opened.map(|_| ()).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
    fs::remove_file(place.segment(2)).unwrap();
    let folder = Folder::open(place.options()).unwrap();
    let text = folder.open_shard_digested(ShardId(1), |_| {}).map(|_| ());
    let text = text.unwrap_err().to_string();
    assert!(text.contains("is missing or too short"), "{text}");
    drop(folder);
    fs::write(place.segment(2), &whole).unwrap();
    assert!(path.exists());
    assert_eq!(start(&place), (all, sealed, vec![]));
}

fn damaged_at(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 4;
    bytes
}

#[test]
fn a_running_journal_is_digested_as_far_as_it_is_written() {
    let place = Place::new();
    let sealed = written(&place);
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    running.pay(2_000..2_080);
    running.drain();
    running.pay(2_080..2_100);
    let (tell, told) = std::sync::mpsc::channel();
    let plan = KeeperPlan {
        data: place.data.path().to_owned(),
        archive: None,
        bytes_max: 1 << 40,
    };
    let keeper = Keeper::start(plan, TestDesk::new(tell, 0)).unwrap();
    let end = segment_of(running.journal.durable(), 16 * BLOCK);
    assert!(end > sealed + 1);
    for expected in 1..end {
        match told.recv().unwrap() {
            KeeperNote::Made(ShardId(1), segment, Made::Made { records, .. }) => {
                assert_eq!(segment, expected);
                assert!(records > 0);
            }
            other => unreachable!("{other:?}"),
        }
        match told.recv().unwrap() {
            KeeperNote::Archived(ShardId(1), segment, Archived::Now { index_bytes, .. }) => {
                assert_eq!(segment, expected);
                assert!(index_bytes > 0);
            }
            other => unreachable!("{other:?}"),
        }
    }
    keeper.end();
    assert!(!digest(&place, end).exists(), "it is being written");
    drop(running);
    let (found, digests, warnings) = start(&place);
    assert_eq!((found.len(), digests, warnings), (1_099, end - 1, vec![]));
}

#[test]
fn the_last_room_is_left_to_the_journal() {
    let place = Place::new();
    written(&place);
    let folder = ReadOnlyFolder::open(place.data.path()).unwrap();
    let plenty = *folder.identity();
    leave_room(place.data.path(), &plenty).unwrap();
    let huge = FolderIdentity {
        segment_bytes: 1 << 62,
        ..plenty
    };
    let refused = leave_room(place.data.path(), &huge).unwrap_err();
    assert!(refused.to_string().contains("left to them"), "{refused}");
}

//! The keeper gives up what is in the archive, and every start finds where the journal begins: also
//! after an end in the middle, without the base, without the archive.

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::archive_files::catalogue;
use super::*;
use crate::journal::archive::catalogue::Verified;
use crate::journal::archive::files::archive_directory;
use crate::journal::base::{BASE_FILE, Base};
use crate::journal::keeper::{Desk, Keeper, KeeperNote, KeeperPlan, Progress, Rounds};
use crate::journal::read_only::ReadOnlyFolder;
use crate::model::ids::TransactionNumber;
use crate::model::outcome::ResponseCode;
use crate::model::record::LateAnswer;

/// Hands on what it is told; its shards have forgotten up to a number.
#[derive(Clone)]
pub(super) struct TestDesk {
    tell: Sender<KeeperNote>,
    forgotten: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
    /// But for these.
    carried: BTreeSet<TransactionNumber>,
}

impl TestDesk {
    pub(super) fn new(tell: Sender<KeeperNote>, forgotten: u64) -> Self {
        Self {
            tell,
            forgotten: Arc::new(AtomicU64::new(forgotten)),
            asked: Arc::default(),
            carried: BTreeSet::new(),
        }
    }
}

impl Desk for TestDesk {
    fn tell(&self, note: KeeperNote) {
        self.tell.send(note).ok();
    }

    fn tell_shard(&self, shard: ShardId, progress: Progress) -> bool {
        if shard == ShardId(1) {
            self.asked.store(progress.forget.0, Ordering::Relaxed);
        }
        true
    }

    fn forgotten(&self, _: ShardId) -> TransactionNumber {
        TransactionNumber(self.forgotten.load(Ordering::Relaxed))
    }

    fn carried(&self, _: ShardId) -> BTreeSet<TransactionNumber> {
        self.carried.clone()
    }
}

/// Appends payments to the journal, and leaves it as a kill does, but for the tail's rest.
fn pay(place: &Place, numbers: core::ops::Range<u64>) {
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    for number in numbers {
        running.pay(number..number + 1);
        if number % 80 == 0 {
            running.drain();
        }
    }
    running.drain();
}

fn keep(place: &Place, segments_max: u64, forgotten: u64) -> (Keeper, Receiver<KeeperNote>) {
    keep_but(place, segments_max, forgotten, &[])
}

pub(super) fn keep_but(
    place: &Place,
    segments_max: u64,
    forgotten: u64,
    carried: &[u64],
) -> (Keeper, Receiver<KeeperNote>) {
    let (tell, told) = channel();
    let mut desk = TestDesk::new(tell, forgotten);
    desk.carried = carried.iter().copied().map(TransactionNumber).collect();
    (
        Keeper::start(plan(place, segments_max), desk).unwrap(),
        told,
    )
}

fn plan(place: &Place, segments_max: u64) -> KeeperPlan {
    KeeperPlan {
        data: place.data.path().to_owned(),
        archive: None,
        bytes_max: segments_max * 16 * BLOCK,
    }
}

/// Waits until segments up to this one were given up.
pub(super) fn wait_for(told: &Receiver<KeeperNote>, given_up: u64) {
    loop {
        match told.recv().unwrap() {
            KeeperNote::GivenUp(ShardId(1), segment) if segment == given_up => return,
            KeeperNote::GivenUp(..) | KeeperNote::Made(..) | KeeperNote::Archived(..) => {}
            other => unreachable!("{other:?}"),
        }
    }
}

/// The payments that a start finds, and its warnings.
fn start(place: &Place) -> Result<(Vec<u64>, Base, Vec<StoreWarning>), StoreError> {
    let folder = Folder::open(place.options()).unwrap();
    let mut records = Vec::new();
    let open = folder.open_shard(ShardId(1), |entry| records.push(entry.record))?;
    Ok((payments(&records), open.base, open.warnings))
}

/// Every payment, from archive and journal.
fn all(place: &Place) -> Result<Vec<u64>, StoreError> {
    let folder = ReadOnlyFolder::open(place.data.path())?;
    let mut records = Vec::new();
    folder.read_shard(ShardId(1), &mut |entry| records.push(entry.record))?;
    let mut found = payments(&records);
    found.sort_unstable();
    Ok(found)
}

pub(super) fn files(place: &Place) -> Vec<u64> {
    let found = list(&place.data.path().join("shard-01")).unwrap();
    found.into_iter().map(|(segment, _)| segment).collect()
}

/// A journal of which all but a few segments were given up, and the last number in those.
fn given_up(place: &Place) -> (u64, u64) {
    pay(place, 1..2_000);
    let newest = *files(place).last().unwrap();
    assert!(newest > 10);
    let (keeper, told) = keep(place, 6, u64::MAX);
    let most = newest + 2 - 6;
    wait_for(&told, most);
    keeper.end();
    let (found, base, _) = start(place).unwrap();
    assert_eq!(base.first, most + 1);
    assert_eq!(found.first(), Some(&(base.number.0 + 1)));
    assert_eq!(found.last(), Some(&1_999));
    (most, base.number.0)
}

#[test]
fn what_is_given_up_is_in_the_archive_and_the_journal_goes_on() {
    let place = Place::new();
    let (gone, number) = given_up(&place);
    assert_eq!(files(&place).first(), Some(&(gone + 1)));
    let everything: Vec<u64> = (1..2_000).collect();
    assert_eq!(all(&place).unwrap(), everything);
    let report = verify(place.data.path()).unwrap();
    assert!(report.is_good(), "{report:?}");
    assert_eq!(report.shards[1].result.as_ref().unwrap().archived.0, gone);
    // It goes on, is given up again, and nothing is lost between.
    pay(&place, 2_000..3_000);
    let newest = *files(&place).last().unwrap();
    let (keeper, told) = keep(&place, 6, u64::MAX);
    wait_for(&told, newest + 2 - 6);
    keeper.end();
    let everything: Vec<u64> = (1..3_000).collect();
    assert_eq!(all(&place).unwrap(), everything);
    let (found, base, warnings) = start(&place).unwrap();
    assert!(base.number.0 > number && warnings.is_empty());
    assert_eq!(found, (base.number.0 + 1..3_000).collect::<Vec<_>>());
}

/// What a start is handed out as carried, by number, and whether that comes first.
fn carried(place: &Place) -> Vec<u64> {
    let folder = Folder::open(place.options()).unwrap();
    let (mut carried, mut begun) = (Vec::new(), false);
    let visit = |piece: Piece<'_>| match piece {
        Piece::Carried((_, record)) => {
            assert!(!begun, "before everything else");
            carried.push(record.number().0);
        }
        Piece::Base(..) => begun = true,
        Piece::Record(_) | Piece::Digest(_) => assert!(begun),
    };
    folder.open_shard_digested(ShardId(1), visit).unwrap();
    carried
}

#[test]
fn what_is_not_over_is_carried_until_it_is() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let newest = *files(&place).last().unwrap();
    // The last of them is in no segment that is given up, and the live journal tells of it.
    let (keeper, told) = keep_but(&place, 6, u64::MAX, &[3, 700, 701, 1_999]);
    wait_for(&told, newest + 2 - 6);
    keeper.end();
    let records = carried(&place);
    let numbers: BTreeSet<u64> = records.iter().copied().collect();
    assert_eq!(numbers, BTreeSet::from([3, 700, 701]));
    // All that was written about them, as it was.
    let folder = ReadOnlyFolder::open(place.data.path()).unwrap();
    let mut expected = Vec::new();
    let mut visit = |entry: Entry| expected.push(entry.record.number().0);
    folder.read_shard(ShardId(1), &mut visit).unwrap();
    expected.retain(|number| numbers.contains(number));
    assert_eq!(records, expected);
    // One of them is over; of the others nothing is lost by giving up more.
    pay(&place, 2_000..3_000);
    let newest = *files(&place).last().unwrap();
    let (keeper, told) = keep_but(&place, 6, u64::MAX, &[3, 701]);
    wait_for(&told, newest + 2 - 6);
    keeper.end();
    expected.retain(|number| *number != 700);
    assert_eq!(carried(&place), expected);
    assert_eq!(all(&place).unwrap(), (1..3_000).collect::<Vec<_>>());
}

#[test]
fn nothing_is_given_up_that_a_shard_still_remembers() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let before = files(&place);
    let (tell, told) = channel();
    let desk = TestDesk::new(tell, 0);
    let (forgotten, asked) = (Arc::clone(&desk.forgotten), Arc::clone(&desk.asked));
    let keeper = Keeper::start(plan(&place, 6), desk).unwrap();
    loop {
        match told.recv().unwrap() {
            KeeperNote::Needed(ShardId(1), 1, TransactionNumber(1)) => break,
            KeeperNote::Made(..) | KeeperNote::Archived(..) => {}
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(files(&place), before);
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked > 1_000);
    // As far as it has forgotten, and no segment further.
    forgotten.store(asked / 2, Ordering::Relaxed);
    let mut last = 0;
    loop {
        match told.recv().unwrap() {
            KeeperNote::GivenUp(ShardId(1), segment) => last = segment,
            KeeperNote::Needed(ShardId(1), segment, number) => {
                assert_eq!((segment, number.0), (last + 1, asked / 2 + 1));
                break;
            }
            other => unreachable!("{other:?}"),
        }
    }
    keeper.end();
    let (found, base, _) = start(&place).unwrap();
    assert_eq!(base.first, last + 1);
    assert!(base.number.0 <= asked / 2 && found.contains(&(asked / 2 + 1)));
}

#[test]
fn an_end_between_base_and_removal_leaves_nothing_that_is_read_or_kept() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let kept = tempfile::tempdir().unwrap();
    let segment = |folder: &Path, segment| folder.join(segment_name(segment));
    let shard = place.data.path().join("shard-01");
    for one in 1..4 {
        fs::copy(segment(&shard, one), segment(kept.path(), one)).unwrap();
    }
    let newest = *files(&place).last().unwrap();
    let (keeper, told) = keep(&place, 6, u64::MAX);
    wait_for(&told, newest + 2 - 6);
    keeper.end();
    let expected = start(&place).unwrap();
    // The loss of power brought names back.
    for one in 1..4 {
        fs::copy(segment(kept.path(), one), segment(&shard, one)).unwrap();
    }
    assert_eq!(start(&place).unwrap(), expected);
    assert_eq!(all(&place).unwrap(), (1..2_000).collect::<Vec<_>>());
    let (keeper, told) = keep(&place, 6, u64::MAX);
    while files(&place).contains(&1) {
        assert!(!matches!(
            told.recv_timeout(core::time::Duration::from_secs(5)),
            Ok(KeeperNote::NotMade(_))
        ));
    }
    keeper.end();
    assert_eq!(start(&place).unwrap(), expected);
}

#[test]
fn an_end_at_any_step_is_finished_by_the_next_keeper() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let newest = *files(&place).last().unwrap();
    let (keeper, told) = keep(&place, 100, u64::MAX);
    while !matches!(told.recv().unwrap(), KeeperNote::Archived(ShardId(1), 9, _)) {}
    keeper.end();
    let shard = place.data.path().join("shard-01");
    let archive = archive_directory(&place.data.path().join("archive"), ShardId(1));
    let digest = crate::journal::digest::files::digest_name;
    let index = crate::journal::archive::files::index_name;
    // A digest without index, half an index, neither, and files that were not yet renamed.
    fs::remove_file(archive.join(index(2))).unwrap();
    let whole = fs::read(archive.join(index(3))).unwrap();
    fs::write(archive.join(index(3)), &whole[..whole.len() / 2]).unwrap();
    fs::write(archive.join(index(4)), b"").unwrap();
    for segment in 5..10 {
        fs::remove_file(archive.join(digest(segment))).unwrap();
        fs::remove_file(archive.join(index(segment))).unwrap();
    }
    fs::remove_file(shard.join(digest(6))).unwrap();
    for unfinished in [digest(7), index(7)] {
        fs::write(archive.join(format!("{unfinished}.tmp")), b"half").unwrap();
    }
    fs::write(shard.join("base.tmp"), b"half").unwrap();
    assert_eq!(start(&place).unwrap().0, (1..2_000).collect::<Vec<_>>());
    let (keeper, told) = keep(&place, 6, u64::MAX);
    wait_for(&told, newest + 2 - 6);
    keeper.end();
    let expected = start(&place).unwrap();
    assert_eq!(all(&place).unwrap(), (1..2_000).collect::<Vec<_>>());
    let catalogue = catalogue(&place, &place.data.path().join("archive"));
    assert_eq!(catalogue.first_hole(expected.1.first - 1), None);
    catalogue
        .verify(|segment, verdict| {
            let good = matches!(verdict, Verified::Good { .. });
            assert!(good, "{segment}: {verdict:?}");
        })
        .unwrap();
}

#[test]
fn without_its_base_a_journal_begins_where_the_archive_proves_it_does() {
    let place = Place::new();
    let (gone, _) = given_up(&place);
    let (expected, base, _) = start(&place).unwrap();
    let path = place.data.path().join("shard-01").join(BASE_FILE);
    let whole = fs::read(&path).unwrap();
    let archive = place.data.path().join("archive");
    let aside = place.data.path().join("aside");
    // Where the archive is away, the base is enough to start; reading everything is refused.
    fs::rename(&archive, &aside).unwrap();
    assert_eq!(start(&place).unwrap(), (expected, base, vec![]));
    assert!(all(&place).unwrap_err().to_string().contains("archive"));
    fs::rename(&aside, &archive).unwrap();
    let mut damaged = whole.clone();
    damaged[30] ^= 1;
    for bytes in [None, Some(damaged), Some(Vec::new())] {
        fs::remove_file(&path).unwrap();
        if let Some(bytes) = &bytes {
            fs::write(&path, bytes).unwrap();
        }
        let (mut found, proven, warnings) = start(&place).unwrap();
        // What was carried is not known: everything is read.
        found.sort_unstable();
        assert_eq!(found, (1..2_000).collect::<Vec<_>>());
        assert_eq!(proven.first, base.first);
        assert_eq!((proven.chain, proven.number), (base.chain, base.number));
        assert_eq!(warnings, [StoreWarning::BaseGone(path.clone())]);
        // Neither base nor archive: what was given up is not known, and nothing is cut.
        fs::rename(&archive, &aside).unwrap();
        let refused = start(&place).unwrap_err().to_string();
        let missing = refused.contains("missing or too short") || refused.contains("damaged");
        assert!(missing, "{refused}");
        fs::rename(&aside, &archive).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    // An archive whose last segment is another's does not prove anything.
    let directory = archive_directory(&archive, ShardId(1));
    let digest = directory.join(crate::journal::digest::files::digest_name(gone));
    let before = directory.join(crate::journal::digest::files::digest_name(gone - 1));
    fs::remove_file(&digest).unwrap();
    fs::copy(before, &digest).unwrap();
    fs::remove_file(&path).unwrap();
    start(&place).unwrap_err();
    // The base of another shard.
    let mut other = whole;
    other[6] ^= 1;
    let check = crate::journal::layout::checksum(0, &other[..60]).to_le_bytes();
    other[60..].copy_from_slice(&check);
    fs::write(&path, other).unwrap();
    let refused = start(&place).unwrap_err().to_string();
    assert!(refused.contains("another journal or shard"), "{refused}");
}

#[test]
fn an_archive_that_is_not_what_the_segment_says_keeps_the_segment() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let (keeper, told) = keep(&place, 100, u64::MAX);
    while !matches!(told.recv().unwrap(), KeeperNote::Archived(ShardId(1), 5, _)) {}
    keeper.end();
    let directory = archive_directory(&place.data.path().join("archive"), ShardId(1));
    let digest = directory.join(crate::journal::digest::files::digest_name(1));
    let mut bytes = fs::read(&digest).unwrap();
    fs::remove_file(&digest).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&digest, bytes).unwrap();
    let (keeper, told) = keep(&place, 6, u64::MAX);
    loop {
        match told.recv().unwrap() {
            KeeperNote::NotMade(error) => {
                assert!(error.to_string().contains("damaged"), "{error}");
                break;
            }
            KeeperNote::GivenUp(..) => unreachable!("it would be lost"),
            _ => {}
        }
    }
    keeper.end();
    assert_eq!(files(&place).first(), Some(&1));
}

#[test]
fn a_shard_that_cannot_be_tended_is_told_of_and_does_not_keep_the_others_from_it() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let newest = *files(&place).last().unwrap();
    let other = place.data.path().join("shard-00");
    fs::remove_dir_all(&other).ok();
    fs::write(&other, b"no folder").unwrap();
    let (keeper, told) = keep(&place, 6, u64::MAX);
    let mut failed = 0;
    loop {
        match told.recv().unwrap() {
            KeeperNote::GivenUp(ShardId(1), segment) if segment == newest + 2 - 6 => break,
            KeeperNote::NotMade(error) => {
                assert!(error.to_string().contains("shard-00"), "{error}");
                failed += 1;
            }
            KeeperNote::GivenUp(..) | KeeperNote::Made(..) | KeeperNote::Archived(..) => {}
            other => unreachable!("{other:?}"),
        }
    }
    keeper.end();
    assert_eq!(failed, 1, "it is tried again after a while");
}

#[test]
fn a_digest_that_was_damaged_and_taken_away_is_made_anew_without_a_restart() {
    let place = Place::new();
    pay(&place, 1..2_000);
    crate::journal::digest::maker::make_all(place.data.path(), |_, _, _| {}).unwrap();
    let digest = crate::journal::digest::files::digest_name(2);
    let beside = place.data.path().join("shard-01").join(digest);
    let mut bytes = fs::read(&beside).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&beside, bytes).unwrap();
    let (tell, told) = channel();
    let desk = TestDesk::new(tell, u64::MAX);
    let mut rounds = Rounds::new(plan(&place, 100)).unwrap();
    let (_alive, ended) = channel();
    // One more than it takes until it is tried again.
    let mut look = || {
        for _ in 0..=60 {
            rounds.look_round(&ended, &desk).unwrap();
        }
        told.try_iter().collect::<Vec<_>>()
    };
    let refused = look();
    assert!(
        refused
            .iter()
            .any(|note| matches!(note, KeeperNote::NotArchived(_)))
    );
    fs::remove_file(&beside).unwrap();
    let archived = look();
    let is_second = |note: &KeeperNote| matches!(note, KeeperNote::Archived(ShardId(1), 2, _));
    assert!(archived.iter().any(is_second), "{archived:?}");
    assert!(beside.exists());
}

/// Waits for a word after each segment that was given up.
struct SlowDesk(TestDesk, Receiver<()>);

impl Desk for SlowDesk {
    fn tell(&self, note: KeeperNote) {
        let waits = matches!(note, KeeperNote::GivenUp(..));
        self.0.tell(note);
        if waits {
            self.1.recv().ok();
        }
    }

    fn tell_shard(&self, shard: ShardId, progress: Progress) -> bool {
        self.0.tell_shard(shard, progress)
    }

    fn forgotten(&self, shard: ShardId) -> TransactionNumber {
        self.0.forgotten(shard)
    }

    fn carried(&self, shard: ShardId) -> BTreeSet<TransactionNumber> {
        self.0.carried(shard)
    }
}

#[test]
fn a_keeper_that_is_to_end_gives_nothing_up_any_more() {
    let place = Place::new();
    pay(&place, 1..2_000);
    let (tell, told) = channel();
    let (go_on, waits) = channel();
    let desk = SlowDesk(TestDesk::new(tell, u64::MAX), waits);
    let keeper = Keeper::start(plan(&place, 6), desk).unwrap();
    wait_for(&told, 1);
    drop(keeper);
    drop(go_on);
    let more = told
        .iter()
        .find(|note| matches!(note, KeeperNote::GivenUp(..)));
    assert!(more.is_none(), "{more:?}");
    assert_eq!(files(&place).first(), Some(&2));
}

#[test]
fn late_answers_are_not_carried_however_many_there_are() {
    let place = Place::new();
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    let late = Record::LateAnswer(LateAnswer {
        number: TransactionNumber(3),
        response_code: ResponseCode::APPROVED,
    });
    for number in 1..2_000 {
        running.pay(number..number + 1);
        if number >= 3 {
            running.append(&late);
        }
        if number % 40 == 0 {
            running.drain();
        }
    }
    running.drain();
    drop(running);
    let newest = *files(&place).last().unwrap();
    let (keeper, told) = keep_but(&place, 6, u64::MAX, &[3]);
    wait_for(&told, newest + 2 - 6);
    keeper.end();
    assert_eq!(carried(&place), [3]);
}

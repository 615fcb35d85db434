//! Archives in real folders: what sealed segments hold is found in them, and nothing foreign or
//! damaged is taken for it.

use super::digest_files::written;
use super::*;
use crate::journal::archive::catalogue::{Catalogue, Verified};
use crate::journal::archive::files::{
    Archived, archive_directory, archive_path, index_name, note_archive_path, put,
};
use crate::journal::digest::files::digest_name;
use crate::journal::digest::maker::make_all;
use crate::journal::finding::{FindBounds, Wanted, find};
use crate::model::ids::Reference;

/// Digests made, and all of them archived; how many.
fn archived(place: &Place, archive: &Path) -> u64 {
    make_all(place.data.path(), |_, _, _| {}).unwrap();
    let beside = place.data.path().join("shard-01");
    let mut count = 0;
    for (segment, _) in list(&beside).unwrap() {
        let digest = beside.join(digest_name(segment));
        if digest.exists() {
            let directory = archive_directory(archive, ShardId(1));
            let done = put(&directory, &whose(place), segment, &digest).unwrap();
            assert!(matches!(done, Archived::Now { .. }));
            let again = put(&directory, &whose(place), segment, &digest).unwrap();
            assert_eq!(again, Archived::There);
            count += 1;
        }
    }
    count
}

fn whose(place: &Place) -> JournalIdentity {
    let identity = read_identity(&place.data.path().join(IDENTITY_FILE));
    identity.unwrap().unwrap().shard(ShardId(1))
}

pub(super) fn catalogue(place: &Place, archive: &Path) -> Catalogue {
    Catalogue::open(archive, whose(place), 16 * BLOCK).unwrap()
}

fn bad(place: &Place, archive: &Path) -> Vec<u64> {
    let mut bad = Vec::new();
    let told = |segment, verdict: &Verified| {
        if matches!(verdict, Verified::Bad(_)) {
            bad.push(segment);
        }
    };
    catalogue(place, archive).verify(told).unwrap();
    bad
}

#[test]
fn what_was_sealed_is_found_in_the_archive_by_its_reference() {
    let place = Place::new();
    let sealed = written(&place);
    let archive = place.data.path().join("archive");
    assert_eq!(archived(&place, &archive), sealed);
    assert!(bad(&place, &archive).is_empty());
    let catalogue = catalogue(&place, &archive);
    assert_eq!(catalogue.headers().len() as u64, sealed);
    assert!(!catalogue.has_holes());
    assert_eq!(catalogue.first_hole(sealed), None);
    assert_eq!(catalogue.first_hole(sealed + 1), Some(sealed + 1));
    let claims = catalogue.headers().iter().map(|header| header.claims);
    let last = catalogue.headers().last().unwrap().claimed.1.0;
    assert_eq!(claims.sum::<u64>(), last);
    for number in [1, 2, last / 2, last] {
        let Record::Payment(payment) = fixtures::full_payment(number) else {
            unreachable!("a payment")
        };
        let key = BusinessKey {
            key: payment.key,
            class: Class::Payment,
        };
        let records = catalogue.records_of(&key).unwrap();
        assert!(!records.is_empty());
        assert!(
            records
                .iter()
                .all(|entry| entry.record.number().0 == number)
        );
        assert_eq!(catalogue.keys_of(payment.key.reference).unwrap(), [key]);
    }
    let absent = Reference::new(*b"nowhere00000").unwrap();
    assert_eq!(catalogue.keys_of(absent).unwrap(), []);
}

#[test]
fn any_reference_finds_the_same_in_the_archive_and_beside_it() {
    let place = Place::new();
    let sealed = written(&place);
    let bounds = FindBounds {
        stories_max: 4,
        steps_max: 8,
        bytes_max: 1 << 30,
    };
    let data = place.data.path();
    let told = |text: &str| find(data, &Wanted::parse(text).unwrap(), &bounds).unwrap();
    let numbers = [1, 2, 500, 999];
    let wanted = numbers.map(|number| {
        let Record::Payment(payment) = fixtures::full_payment(number) else {
            unreachable!("a payment")
        };
        let key = payment.key;
        let day = key.local_date.yyyymmdd();
        let whole = format!("{}/{day}/{}", key.originator, key.reference);
        (key, [whole, key.reference.to_string()])
    });
    let before = wanted
        .clone()
        .map(|(_, texts)| texts.map(|text| told(&text)));
    let archive = data.join("archive");
    assert_eq!(archived(&place, &archive), sealed);
    for ((key, texts), before) in wanted.into_iter().zip(before) {
        let class = Class::Payment;
        let explained = explain(data, &BusinessKey { key, class }).unwrap();
        let explained: Vec<_> = explained
            .into_iter()
            .map(|(_, entry)| entry.record)
            .collect();
        assert!(!explained.is_empty());
        for (text, before) in texts.iter().zip(before) {
            let after = told(text);
            for found in [before, after] {
                assert!(!found.cut && !found.holes);
                assert_eq!(found.stories.len(), 1, "{text}");
                assert_eq!(
                    (found.stories[0].shard, found.stories[0].key.key),
                    (ShardId(1), key)
                );
                let steps = found.stories[0].steps.iter();
                let records: Vec<_> = steps.map(|entry| entry.record).collect();
                assert_eq!(records, explained, "{text}");
            }
        }
    }
    assert!(told("nowhere00000").stories.is_empty());
    let tight = FindBounds {
        bytes_max: 16 * BLOCK - 1,
        ..bounds
    };
    let error = find(data, &Wanted::parse("nowhere00000").unwrap(), &tight).unwrap_err();
    assert!(error.to_string().contains("not archived"), "{error}");
}

#[test]
fn what_is_wrong_in_an_archive_is_found() {
    let place = Place::new();
    let sealed = written(&place);
    let archive = place.data.path().join("archive");
    archived(&place, &archive);
    let directory = archive_directory(&archive, ShardId(1));
    let index = directory.join(index_name(2));
    let digest = directory.join(digest_name(2));
    let (index_bytes, digest_bytes) = (fs::read(&index).unwrap(), fs::read(&digest).unwrap());
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    for (path, bytes, expected) in [
        (&index, changed(&index_bytes, 300), vec![2]),
        (&index, changed(&index_bytes, 20), vec![2]),
        (&index, vec![], vec![2]),
        // What comes after it cannot be proven to go on behind it.
        (&digest, changed(&digest_bytes, 400), vec![2, 3]),
        (
            &digest,
            fs::read(directory.join(digest_name(3))).unwrap(),
            vec![2, 3],
        ),
    ] {
        // Another name of the same file: it is replaced, not written to.
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
        assert_eq!(bad(&place, &archive), expected);
        fs::write(&index, &index_bytes).unwrap();
        fs::write(&digest, &digest_bytes).unwrap();
    }
    assert!(bad(&place, &archive).is_empty());
    fs::remove_file(&index).unwrap();
    fs::remove_file(&digest).unwrap();
    assert_eq!(bad(&place, &archive), [3]);
    assert!(catalogue(&place, &archive).has_holes());
    assert!(sealed > 3);
}

#[test]
fn an_index_that_is_missing_is_made_of_its_digest_and_foreign_files_are_kept() {
    let place = Place::new();
    written(&place);
    let archive = place.memory.path().join("archive");
    archived(&place, &archive);
    let directory = archive_directory(&archive, ShardId(1));
    let index = directory.join(index_name(1));
    let before = fs::read(&index).unwrap();
    fs::remove_file(&index).unwrap();
    let nowhere = Path::new("/nowhere/at/all");
    put(&directory, &whose(&place), 1, nowhere).unwrap();
    assert_eq!(fs::read(&index).unwrap(), before);
    // Another journal that was told of the same folder.
    let mut other = whose(&place);
    other.uuid[0] ^= 1;
    let refused = put(&directory, &other, 1, nowhere).unwrap_err();
    assert!(refused.to_string().contains("journal.archive.path"));
    assert_eq!(fs::read(&index).unwrap(), before);
}

#[test]
fn a_journal_says_where_its_archive_is() {
    let place = Place::new();
    let data = place.data.path();
    assert_eq!(archive_path(data).unwrap(), data.join("archive"));
    let elsewhere = place.memory.path().join("kept");
    note_archive_path(data, Some(&elsewhere)).unwrap();
    assert_eq!(archive_path(data).unwrap(), elsewhere);
    note_archive_path(data, None).unwrap();
    assert_eq!(archive_path(data).unwrap(), data.join("archive"));
}

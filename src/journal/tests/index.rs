//! An index finds every record of its digest by every reference, and rot is never taken for "not
//! there".

use proptest::prelude::*;

use super::*;
use crate::journal::digest::{SegmentDigester, WINDOW_BYTES, read_single};
use crate::journal::fixtures;
use crate::journal::layout::{BLOCK, JournalIdentity};
use crate::journal::written::segments;
use crate::model::limits::BLOCK_BYTES;

const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: *b"0123456789abcdef",
    shard: ShardId(1),
    shards: 4,
};

/// Digests of as many segments as the records fill.
fn digests(records: &[(Wall, Record)], segment_blocks: u64) -> Vec<Digest> {
    let segment_bytes = segment_blocks * BLOCK;
    let written = segments(IDENTITY, segment_bytes, records);
    let digest = |(segment, bytes): (u64, &Vec<u8>)| {
        let mut digester = SegmentDigester::new(IDENTITY, segment, segment_bytes);
        for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
            digester.handle_block(block).unwrap();
        }
        Digest::read(digester.finish().unwrap()).unwrap()
    };
    (1..).zip(&written).map(digest).collect()
}

/// A look-up as files make it.
fn look_up(file: &[u8], by: By) -> Result<Vec<Spot>, BadIndex> {
    let part = |offset: u64, bytes: usize| {
        let offset = usize::try_from(offset).unwrap();
        file.get(offset..offset + bytes).ok_or(BadIndex::Damaged)
    };
    let header = IndexHeader::decode(file)?;
    let (offset, bytes) = header.slots(by);
    let spot = header.bucket(part(offset, bytes)?)?;
    spots(&spot, part(spot.offset, spot.bytes)?, by)
}

/// Everything that a digest is searched by, with the item that has it.
fn all(digest: &Digest) -> Vec<(By, u64, Item)> {
    let mut found = Vec::new();
    digest
        .each_item(|offset, _, item| references(item, |by| found.push((by, offset, *item))))
        .unwrap();
    found
}

fn single(digest: &Digest, spot: Spot) -> Result<Item, BadDigest> {
    let bytes = digest.bytes();
    let contexts = digest.header().contexts_bytes().unwrap();
    let start = usize::try_from(spot.offset).unwrap();
    let end = bytes.len().min(start + WINDOW_BYTES);
    let contexts = &bytes[128..128 + contexts];
    read_single(digest.header(), contexts, &bytes[start..end], spot.check)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_record_is_found_by_every_reference_it_has(
        records in proptest::collection::vec(fixtures::record(), 1..200),
    ) {
        let records: Vec<_> = (1_000..).map(Wall).zip(records).collect();
        for digest in digests(&records, 8) {
            let file = build(&digest).unwrap();
            prop_assert_eq!(&file, &build(&digest).unwrap());
            let header = IndexHeader::decode(&file).unwrap();
            prop_assert_eq!(header.file_bytes(), file.len() as u64);
            for (by, offset, item) in all(&digest) {
                let spots = look_up(&file, by).unwrap();
                let spot = spots.iter().find(|spot| spot.offset == offset);
                prop_assert_eq!(single(&digest, *spot.unwrap()), Ok(item));
                match by {
                    By::Claim(_) => {
                        let record = match item {
                            Item::Settled(settled) => Record::Payment(settled.payment),
                            Item::Loose(entry) => entry.record,
                        };
                        let key = record.claimed().unwrap();
                        prop_assert!(header.has_day(key.key.local_date));
                    }
                    By::Number(number) => prop_assert!(header.may_name(number)),
                    By::Root(_) | By::MatchKey(_) => {}
                }
            }
        }
    }
}

/// Payments, numbered and referenced from 1.
fn payments(count: u64) -> Vec<(Wall, Record)> {
    let payment = |number| (Wall(number), fixtures::full_payment(number));
    (1..=count).map(payment).collect()
}

#[test]
fn what_is_not_there_is_not_found() {
    let digest = digests(&payments(3_000), 400).remove(0);
    let file = build(&digest).unwrap();
    let header = IndexHeader::decode(&file).unwrap();
    assert!(header.buckets > 16 && header.claims > 1_000);
    // What an index takes of a disk: two entries for a payment, and its share of the buckets.
    assert!(header.file_bytes() <= 33 * header.claims);
    let (first, last) = header.claimed;
    assert_eq!((first.0, last.0), (1, header.claims));
    for number in 1..=2_000 {
        let by = By::Number(TransactionNumber(number));
        assert_eq!(
            look_up(&file, by),
            Ok(vec![]),
            "payments alone name nothing"
        );
    }
}

#[test]
fn rot_is_found_and_never_taken_for_not_there() {
    let digest = digests(&payments(200), 16).remove(0);
    let whole = build(&digest).unwrap();
    let wanted: Vec<(By, Vec<Spot>)> = all(&digest)
        .into_iter()
        .map(|(by, ..)| (by, look_up(&whole, by).unwrap()))
        .collect();
    for at in 0..whole.len() {
        let mut file = whole.clone();
        file[at] ^= 1 << (at % 8);
        for (by, spots) in wanted.iter().step_by(97) {
            let found = look_up(&file, *by);
            let good = found.as_ref() == Ok(spots) || found.is_err();
            assert!(good, "byte {at}: {by:?} {found:?}");
        }
    }
    let mut later = whole;
    later[4] += 1;
    let version = IndexHeader::decode(&later).unwrap_err();
    assert_eq!(version, BadIndex::Version(INDEX_VERSION + 1));
}

#[test]
fn rot_in_an_item_or_its_context_is_found() {
    let digest = digests(&payments(50), 8).remove(0);
    let (_, offset, item) = all(&digest).remove(7);
    let mut check = 0;
    digest
        .each_item(|at, found, _| {
            if at == offset {
                check = found;
            }
        })
        .unwrap();
    let spot = Spot { offset, check };
    assert_eq!(single(&digest, spot), Ok(item));
    let other = Spot {
        check: check ^ 1,
        ..spot
    };
    assert_eq!(single(&digest, other), Err(BadDigest::Damaged));
}

//! An index finds every record of its digest by every reference, and rot is never taken for "not
//! there".

use proptest::prelude::*;

use super::*;
use crate::journal::archive::destination_key;
use crate::journal::digest::{Item, SegmentDigester, WINDOW_BYTES, read_single};
use crate::journal::fixtures;
use crate::journal::layout::{BLOCK, JournalIdentity};
use crate::journal::written::segments;
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::Record;

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

/// Where the items of a digest stand, in order.
fn all_spots(digest: &Digest) -> Vec<Spot> {
    let mut found = Vec::new();
    digest
        .each_skimmed(|offset, check, _| found.push(Spot { offset, check }))
        .unwrap();
    found
}

/// Everything that an item is searched by, told by its records as a whole.
fn references_of(item: &Item) -> Vec<By> {
    let record = record_of(item);
    let mut found = Vec::new();
    match record.claimed() {
        Some(key) => found.push(By::Claim(key.key.reference)),
        None if record.number().0 != 0 => found.push(By::Number(record.number())),
        None => {}
    }
    found.extend(refunded(&record).map(|root| By::Root(root.reference)));
    found.extend(destination_key(&record).map(By::MatchKey));
    found
}

fn record_of(item: &Item) -> Record {
    match item {
        Item::Settled(settled) => Record::Payment(settled.payment),
        Item::Loose(entry) => entry.record,
    }
}

/// Everything that a digest is searched by, with the item that has it.
fn all(digest: &Digest) -> Vec<(By, Spot, Item)> {
    let mut items = digest.items().unwrap();
    let mut found = Vec::new();
    for spot in all_spots(digest) {
        let item = items.next_item().unwrap().unwrap();
        let by = references_of(&item).into_iter();
        found.extend(by.map(|by| (by, spot, item)));
    }
    assert_eq!(items.next_item(), Ok(None));
    found
}

/// The index of a digest, made in the plainest way: every item decoded, all entries sorted at once.
fn build_plainly(digest: &Digest) -> Vec<u8> {
    let found = all(digest);
    let mut entries: Vec<_> = found
        .iter()
        .map(|(by, spot, _)| (by.hash(), *spot))
        .collect();
    entries.sort_unstable();
    let mut header = summed_up(digest);
    header.entries = entries.len() as u64;
    header.buckets = u32::try_from((entries.len() / 64).max(1).next_power_of_two()).unwrap();
    let (mut table, mut body) = (Vec::new(), Vec::new());
    for bucket in 0..header.buckets {
        let start = body.len();
        let mine = |(hash, _): &&(u64, Spot)| header.bucket_of(*hash) == bucket;
        for (hash, spot) in entries.iter().filter(mine) {
            body.extend_from_slice(&(hash >> 16).to_le_bytes()[..6]);
            body.extend_from_slice(&spot.offset.to_le_bytes()[..6]);
            body.extend_from_slice(&spot.check.to_le_bytes());
        }
        let end = u32::try_from(body.len() / ENTRY_BYTES).unwrap();
        table.extend_from_slice(&end.to_le_bytes());
        table.extend_from_slice(&checksum(0, &body[start..]).to_le_bytes());
    }
    table.append(&mut body);
    header.body_check = checksum(0, &table);
    [header.encode().as_slice(), &table].concat()
}

/// What the records of a digest add up to.
fn summed_up(digest: &Digest) -> IndexHeader {
    let mut items = digest.items().unwrap();
    let (mut walls, mut claims, mut named, mut refunds) = (vec![], vec![], vec![], 0);
    while let Some(item) = items.next_item().unwrap() {
        let record = record_of(&item);
        walls.extend(match item {
            Item::Settled(settled) => [Some(settled.wall), settled.answer.map(|(wall, _)| wall)],
            Item::Loose(entry) => [Some(entry.wall), None],
        });
        refunds += u64::from(refunded(&record).is_some());
        match record.claimed() {
            Some(key) => claims.push((record.number(), key.key.local_date.days())),
            None if record.number().0 != 0 => named.push(record.number()),
            None => {}
        }
    }
    let walls = walls.iter().flatten();
    let ends = |numbers: &mut dyn Iterator<Item = TransactionNumber>| {
        numbers.fold(
            (TransactionNumber(u64::MAX), TransactionNumber(0)),
            |(first, last), number| (first.min(number), last.max(number)),
        )
    };
    let days = claims.iter().map(|(_, day)| i32::try_from(*day).unwrap());
    IndexHeader {
        uuid: digest.header().uuid,
        shard: digest.header().shard,
        segment: digest.header().segment,
        digest_check: digest.header().own_check(),
        buckets: 0,
        entries: 0,
        claims: claims.len() as u64,
        claimed: ends(&mut claims.iter().map(|(number, _)| *number)),
        named: ends(&mut named.into_iter()),
        days: days.fold((i32::MAX, i32::MIN), |(first, last), day| {
            (first.min(day), last.max(day))
        }),
        walls: walls.fold((Wall(u64::MAX), Wall(0)), |(first, last), wall| {
            (first.min(*wall), last.max(*wall))
        }),
        refunds,
        body_check: 0,
    }
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
            prop_assert_eq!(&file, &build_plainly(&digest));
            let header = IndexHeader::decode(&file).unwrap();
            prop_assert_eq!(header.file_bytes(), file.len() as u64);
            for (by, Spot { offset, .. }, item) in all(&digest) {
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

/// Of a digest with many buckets, too, and of one without an entry that is found by anything.
#[test]
fn an_index_is_what_the_plainest_way_makes() {
    for count in [1, 60, 3_000] {
        let digest = digests(&payments(count), 400).remove(0);
        assert_eq!(build(&digest).unwrap(), build_plainly(&digest), "{count}");
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
    let (_, spot, item) = all(&digest).remove(7);
    assert_eq!(single(&digest, spot), Ok(item));
    let other = Spot {
        check: spot.check ^ 1,
        ..spot
    };
    assert_eq!(single(&digest, other), Err(BadDigest::Damaged));
}

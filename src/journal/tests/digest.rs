//! Digests hold the records of their segment, and nothing damaged is taken for one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::journal::first::tell_the_same;
use crate::journal::layout::{BLOCK, JournalIdentity};
use crate::journal::written::{numbered, segments};
use crate::journal::{Entry, fixtures};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::Record;
use crate::model::time::Wall;

const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: *b"0123456789abcdef",
    shard: ShardId(1),
    shards: 4,
};
const SEGMENT_BYTES: u64 = 4 * BLOCK;

fn digest(segment: u64, bytes: &[u8]) -> Result<Vec<u8>, NotDigested> {
    let mut digester = SegmentDigester::new(IDENTITY, segment, SEGMENT_BYTES);
    for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
        digester.handle_block(block)?;
    }
    digester.finish()
}

/// What a digest holds, and how many answers stand with their payment.
fn expand(digest: &Digest) -> (Vec<(Wall, Record)>, Vec<Entry>, usize) {
    let (mut all, mut loose, mut pairs) = (Vec::new(), Vec::new(), 0);
    let mut items = digest.items().unwrap();
    while let Some(item) = items.next_item().unwrap() {
        match item {
            Item::Settled(settled) => {
                all.push((settled.wall, Record::Payment(settled.payment)));
                if let Some((wall, answer)) = settled.answer {
                    all.push((wall, Record::Answer(answer)));
                    pairs += 1;
                }
            }
            Item::Loose(entry) => {
                all.push((entry.wall, entry.record));
                loose.push(entry);
            }
        }
    }
    (all, loose, pairs)
}

/// Records of each transaction, in order.
/// What a payment counts for may stand before or behind its answer.
fn by_number(records: &[(Wall, Record)]) -> BTreeMap<(u64, bool), Vec<(Wall, Record)>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (wall, record) in records {
        let counts = matches!(record, Record::Held(_));
        let one = all.entry((record.number().0, counts)).or_default();
        one.push((*wall, *record));
    }
    all
}

fn entries(segment: &[u8], start: Lsn) -> Vec<Entry> {
    let mut found = Vec::new();
    for (index, block) in (0_u64..).zip(segment.as_chunks::<BLOCK_BYTES>().0) {
        let opening = crate::journal::layout::read_opening(block).unwrap();
        let mut walk = crate::journal::layout::Records::new(
            crate::journal::layout::payload(block),
            opening.chain,
        );
        while let Some(bytes) = walk.step() {
            let (wall, record) = crate::journal::codec::decode(bytes).unwrap();
            let end = crate::journal::layout::BLOCK_HEADER_BYTES + walk.bytes_walked();
            let lsn = start.plus(index * BLOCK + end as u64);
            found.push(Entry { lsn, wall, record });
        }
    }
    found
}

/// Any records at all, about few transactions, payments claiming the next number.
fn history() -> impl Strategy<Value = Vec<(Wall, Record)>> {
    let step = (fixtures::record(), any::<u64>(), 0_u64..4);
    proptest::collection::vec(step, 1..200).prop_map(|steps| {
        let mut last = u64::from(u32::MAX) - 3;
        let number = |(record, wall, back): (Record, u64, u64)| {
            last += u64::from(matches!(record, Record::Payment(_)));
            let claims = matches!(record, Record::Payment(_));
            let number = if claims { last } else { last - back };
            (Wall(wall), numbered(&record, number))
        };
        steps.into_iter().map(number).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_digest_holds_every_record_of_its_segment_in_the_order_that_counts(records in history()) {
        let written = segments(IDENTITY, SEGMENT_BYTES, &records);
        for (segment, bytes) in (1_u64..).zip(&written) {
            let start = Lsn((segment - 1) * SEGMENT_BYTES);
            let entries = entries(bytes, start);
            let expected: Vec<_> = entries.iter().map(|e| (e.wall, e.record)).collect();
            let made = digest(segment, bytes).unwrap();
            prop_assert_eq!(&made, &digest(segment, bytes).unwrap(), "a pure function");
            let read = Digest::read(made).unwrap();
            prop_assert_eq!(read.header().records, entries.len() as u64);
            let (all, loose, pairs) = expand(&read);
            prop_assert_eq!(by_number(&all), by_number(&expected));
            let but_answers = |records: &[(Wall, Record)]| -> Vec<_> {
                let others = records.iter().filter(|(_, r)| !matches!(r, Record::Answer(_)));
                others.copied().collect()
            };
            prop_assert_eq!(but_answers(&all), but_answers(&expected), "in order");
            prop_assert!(loose.iter().all(|entry| entries.contains(entry)), "with their LSN");
            prop_assert!(loose.is_sorted_by_key(|entry| entry.lsn));
            prop_assert_eq!(loose.len() + pairs + usize::try_from(read.header().settled).unwrap(),
                entries.len());
        }
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(at: prop::sample::Index, bit in 0_u32..8, cut: bool) {
        let bytes = example();
        let mut bad = bytes.clone();
        let at = at.index(bytes.len());
        if cut {
            bad.truncate(at);
        } else {
            bad[at] ^= 1 << bit;
        }
        prop_assert!(Digest::read(bad).is_err());
    }

    #[test]
    fn anything_with_a_right_check_is_read_or_refused(
        at: prop::sample::Index, with: [u8; 3], contexts in 0_u64..5,
    ) {
        let mut bytes = example();
        let body = bytes.len() - DIGEST_HEADER_BYTES;
        let place = DIGEST_HEADER_BYTES + at.index(body - with.len());
        bytes[place..place + with.len()].copy_from_slice(&with);
        let mut header = DigestHeader::decode(&bytes).unwrap();
        header.body_check = checksum(0, &bytes[DIGEST_HEADER_BYTES..]);
        header.contexts = contexts;
        bytes[..DIGEST_HEADER_BYTES].copy_from_slice(&header.encode());
        // Whoever only skims entries is as strict as whoever reads them.
        let unread = Digest { header, bytes: bytes.clone() };
        if let (Ok(mut items), Ok(mut skimmed)) = (unread.items(), unread.items()) {
            loop {
                let (item, skimmed) = (items.next_item(), skimmed.skim());
                prop_assert_eq!(
                    item.map(|item| item.map(|item| matches!(item, Item::Loose(_)))),
                    skimmed.map(|item| item.map(|item| matches!(item, Skimmed::Loose(_))))
                );
                if !matches!(item, Ok(Some(_))) {
                    break;
                }
            }
        }
        if let Ok(digest) = Digest::read(bytes) {
            let (all, ..) = expand(&digest);
            prop_assert!(all.len() as u64 <= 2 * header.records);
        }
    }
}

/// Two payments, one with its answer, and an answer that has lost its payment.
fn records() -> Vec<(Wall, Record)> {
    let Record::Payment(mut plain) = fixtures::full_payment(2) else {
        unreachable!("it is one")
    };
    plain.amounts.billing = None;
    let answer = |number, amounts| {
        (
            Wall(9),
            Record::Answer(crate::model::record::Answer {
                number: crate::model::ids::TransactionNumber(number),
                by: crate::model::record::Actor::Destination,
                response_code: crate::model::outcome::ResponseCode::APPROVED,
                outcome: crate::model::outcome::Outcome::Approved,
                approval_code: crate::model::chars::Chars::padded(b"A1"),
                amounts,
                text: crate::model::record::ShortText::EMPTY,
            }),
        )
    };
    vec![
        (Wall(7), fixtures::full_payment(1)),
        (Wall(8), Record::Payment(plain)),
        answer(2, plain.amounts),
        answer(5, plain.amounts),
    ]
}

fn example() -> Vec<u8> {
    digest(1, &segments(IDENTITY, SEGMENT_BYTES, &records())[0]).unwrap()
}

#[test]
fn pairs_are_small_and_an_answer_without_its_payment_is_loose() {
    let bytes = example();
    let digest = Digest::read(bytes).unwrap();
    let (all, loose, pairs) = expand(&digest);
    assert_eq!(all, records());
    assert_eq!((loose.len(), pairs), (1, 1));
    let header = digest.header();
    assert_eq!((header.settled, header.loose, header.contexts), (2, 1, 2));
    let payment = digest.bytes().len() - DIGEST_HEADER_BYTES - 2 * 64 - (6 + 112);
    assert!(
        payment <= 280,
        "{payment} bytes for two payments and an answer"
    );
}

#[test]
fn a_payment_that_is_named_again_keeps_its_answer_loose() {
    let mut records = records();
    let unknown = Record::Unknown(crate::model::record::Unknown {
        number: crate::model::ids::TransactionNumber(2),
        reason: crate::model::outcome::Reason::Timeout,
    });
    records.insert(2, (Wall(8), unknown));
    let written = segments(IDENTITY, SEGMENT_BYTES, &records);
    let read = Digest::read(digest(1, &written[0]).unwrap()).unwrap();
    let (all, loose, pairs) = expand(&read);
    assert_eq!(all, records);
    assert_eq!((loose.len(), pairs), (3, 0));
}

#[test]
fn a_segment_that_is_not_whole_has_no_digest_and_says_where() {
    let whole = segments(IDENTITY, SEGMENT_BYTES, &records()).remove(0);
    for at in 0..4_u64 {
        let mut bad = whole.clone();
        let place = usize::try_from(at * BLOCK).unwrap();
        bad[place + 70] ^= 1;
        assert_eq!(digest(1, &bad), Err(NotDigested { offset: at * BLOCK }));
    }
    let short = &whole[..2 * BLOCK_BYTES];
    assert_eq!(digest(1, short), Err(NotDigested { offset: 2 * BLOCK }));
    assert_eq!(
        digest(2, &whole),
        Err(NotDigested { offset: 0 }),
        "of another segment"
    );
    let swapped = [&whole[BLOCK_BYTES..], &whole[..BLOCK_BYTES]].concat();
    assert_eq!(digest(1, &swapped), Err(NotDigested { offset: 0 }));
}

/// Found by fuzzing: its checks were right, and the start ended in a panic.
#[test]
fn a_digest_of_a_segment_that_cannot_be_is_damaged() {
    let whole = Digest::read(example()).unwrap();
    let header = *whole.header();
    let of = |header: DigestHeader| {
        let body = whole.bytes().get(DIGEST_HEADER_BYTES..).unwrap();
        Digest::read([&header.encode()[..], body].concat())
    };
    of(header).unwrap();
    for (segment, segment_bytes) in [
        (0, SEGMENT_BYTES),
        (u64::MAX, SEGMENT_BYTES),
        (u64::MAX / SEGMENT_BYTES + 1, SEGMENT_BYTES),
        (2, u64::MAX),
        // An entry ends after it.
        (1, 8),
    ] {
        let bad = DigestHeader {
            segment,
            segment_bytes,
            ..header
        };
        assert_eq!(
            of(bad),
            Err(BadDigest::Damaged),
            "{segment} {segment_bytes}"
        );
    }
}

/// An entry is a payment or loose, not both.
#[test]
fn an_entry_of_two_kinds_is_damaged() {
    let mut bytes = example();
    let mut header = DigestHeader::decode(&bytes).unwrap();
    let contexts = usize::try_from(header.contexts).unwrap() * entry::CONTEXT_BYTES;
    bytes[DIGEST_HEADER_BYTES + contexts] ^= u8::try_from(entry::LOOSE).unwrap();
    header.body_check = checksum(0, &bytes[DIGEST_HEADER_BYTES..]);
    bytes[..DIGEST_HEADER_BYTES].copy_from_slice(&header.encode());
    assert_eq!(Digest::read(bytes), Err(BadDigest::Damaged));
}

#[test]
fn another_version_is_told_from_damage() {
    let mut bytes = example();
    bytes[4] += 1;
    assert_eq!(
        Digest::read(bytes),
        Err(BadDigest::Version(DIGEST_VERSION + 1))
    );
    assert_eq!(Digest::read(Vec::new()), Err(BadDigest::Damaged));
    assert_eq!(Digest::read(vec![0; 4_096]), Err(BadDigest::Damaged));
}

/// A segment's digest as one that packs nothing makes it, of all records but the last few.
fn loose(bytes: &[u8], without: usize) -> Vec<u8> {
    use crate::journal::layout::{BLOCK_HEADER_BYTES, Records, payload, read_opening};
    let mut records = Vec::new();
    for (index, block) in (0_u64..).zip(bytes.as_chunks::<BLOCK_BYTES>().0) {
        let mut walk = Records::new(payload(block), read_opening(block).unwrap().chain);
        while let Some(record) = walk.step() {
            let end = index * BLOCK + (BLOCK_HEADER_BYTES + walk.bytes_walked()) as u64;
            records.push((u32::try_from(end / 8).unwrap(), record.to_vec()));
        }
    }
    records.truncate(records.len() - without);
    let mut body = Vec::new();
    for (end, record) in &records {
        entry::put_loose(&mut body, *end, record);
    }
    let packed = Digest::read(digest(1, bytes).unwrap()).unwrap();
    let header = DigestHeader {
        settled: 0,
        loose: records.len() as u64,
        contexts: 0,
        body_bytes: body.len() as u64,
        body_check: checksum(0, &body),
        ..*packed.header()
    };
    [&header.encode()[..], &body].concat()
}

#[test]
fn digests_that_are_packed_in_other_ways_tell_the_same() {
    let segment = &segments(IDENTITY, SEGMENT_BYTES, &records())[0];
    let read = |bytes| Digest::read(bytes).unwrap();
    let packed = read(example());
    let unpacked = read(loose(segment, 0));
    assert_ne!(packed.bytes(), unpacked.bytes());
    assert!(tell_the_same(&packed, &unpacked));
    assert!(
        !tell_the_same(&packed, &read(loose(segment, 1))),
        "one is missing"
    );
}

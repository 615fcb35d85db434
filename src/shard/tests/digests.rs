//! An engine fed with digests remembers what one fed with records remembers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::journal::digest::{Digest, SegmentDigester};
use crate::journal::layout::BLOCK;
use crate::journal::store::Piece;
use crate::journal::written::{numbered, segments};
use crate::journal::{Entry, JournalIdentity, fixtures};
use crate::model::ids::{Institution, Lsn};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::{Decision, Record};

const IDENTITY: JournalIdentity = JournalIdentity {
    uuid: [4; 16],
    shard: ShardId(0),
    shards: 1,
};
const SEGMENT_BYTES: u64 = 4 * BLOCK;
/// Few, so that places come round.
const KEYS_MAX: u32 = 24;

fn replaying() -> Replaying {
    let participant = |institution| Participant {
        institution: Institution::new(institution).unwrap(),
        name: format!("p{institution}"),
        role: Role::Wallet,
        protocol: Protocol::Iso8583Ascii,
        country: 156,
        currency: Currency::new(156).unwrap(),
        fronted: Vec::new(),
        window_in: 9,
        window_out: 9,
        rate_per_second: 0,
        answer_timeout_ms: 1_000,
        repeat_ms: 500,
        echo_idle_ms: 0,
        echo_missed_max: 3,
        resolver: ResolverProfile::default(),
    };
    let participants = (1..=3).map(participant).collect();
    let tables = Tables::new(TableVersion(1), 1, participants, CodePrefixes::default()).unwrap();
    let limits = EngineLimits {
        in_flight_max: 64,
        remembered_keys_max: KEYS_MAX,
    };
    Replaying::new(limits, Arc::new(tables.into()), 5)
}

fn remembered(replaying: &Replaying) -> BTreeMap<u64, String> {
    let mut all = BTreeMap::new();
    replaying.engine().each_remembered(|number, transaction| {
        all.insert(number.0, format!("{transaction:?}"));
    });
    all
}

/// Between participants that there are.
fn between(record: Record, from: u64, to: u64) -> Record {
    let institution = |code| Institution::new(code % 4 + 1).unwrap();
    match record {
        Record::Payment(mut payment) => {
            payment.originator = institution(from);
            if let Decision::Forward { destination, .. } = &mut payment.decision {
                *destination = institution(to);
            }
            Record::Payment(payment)
        }
        other => other,
    }
}

/// A record that the engine takes: it claims the next number, or is about one of the last.
fn history(steps: Vec<(Record, u64, u64, u64)>) -> (Replaying, Vec<(Wall, Record)>) {
    let (mut replaying, mut last) = (replaying(), 0);
    let mut records = Vec::new();
    for (record, wall, back, from) in steps {
        for number in [last + 1, u64::saturating_sub(last, back).max(1)] {
            let record = between(numbered(&record, number), from, from + back);
            let (lsn, wall) = (Lsn(0), Wall(wall));
            if replaying.apply(&Entry { lsn, wall, record }).is_ok() {
                last = last.max(record.number().0);
                records.push((wall, record));
                break;
            }
        }
    }
    (replaying, records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn digests_bring_back_what_records_bring_back(
        steps in proptest::collection::vec(
            (fixtures::record(), 0_u64..(1 << 62), 0_u64..6, 0_u64..4),
            1..400,
        ),
        replaced in any::<u64>(),
    ) {
        let (by_records, records) = history(steps);
        let mut by_digests = replaying();
        let mut skipped = 0;
        for (segment, bytes) in (1_u64..).zip(segments(IDENTITY, SEGMENT_BYTES, &records)) {
            let mut digester = SegmentDigester::new(IDENTITY, segment, SEGMENT_BYTES);
            for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
                digester.handle_block(block).unwrap();
            }
            let digest = Digest::read(digester.finish().unwrap()).unwrap();
            // Some segments have no digest.
            if replaced >> (segment % 64) & 1 == 0 {
                by_digests.apply_piece(Piece::Digest(&digest)).unwrap();
            } else {
                let count = usize::try_from(digest.header().records).unwrap();
                for (wall, record) in &records[skipped..skipped + count] {
                    let entry = Entry { lsn: Lsn(0), wall: *wall, record: *record };
                    by_digests.apply_piece(Piece::Record(entry)).unwrap();
                }
            }
            skipped += usize::try_from(digest.header().records).unwrap();
        }
        prop_assert_eq!(skipped, records.len());
        prop_assert_eq!(remembered(&by_digests), remembered(&by_records));
        prop_assert_eq!(&by_digests.drawn, &by_records.drawn);
        prop_assert_eq!(by_digests.engine.open_at_replay(), by_records.engine.open_at_replay());
    }
}

/// What a start reads of refunds, in whatever form, it tells to the shards of their keys.
#[test]
fn claims_of_refund_keys_are_told_from_records_digests_and_what_is_carried() {
    let payment = town::owned_request(11);
    let refund = translation::key(ACQUIRER, b"REFUND000001");
    let records = resharded::refund_in_doubt(&payment, refund, MatchKey(3));
    let written: Vec<_> = records.map(|record| (Wall(START), record)).to_vec();
    let bytes = &segments(IDENTITY, SEGMENT_BYTES, &written)[0];
    let mut digester = SegmentDigester::new(IDENTITY, 1, SEGMENT_BYTES);
    for block in bytes.as_chunks::<BLOCK_BYTES>().0 {
        digester.handle_block(block).unwrap();
    }
    let digest = Digest::read(digester.finish().unwrap()).unwrap();
    let entry = |(wall, record)| Entry {
        lsn: Lsn(0),
        wall,
        record,
    };
    let by_records = written.iter().map(|it| Piece::Record(entry(*it)));
    let carried = written.iter().map(|it| Piece::Carried(*it));
    let forms: [Vec<Piece<'_>>; 3] = [
        by_records.collect(),
        vec![Piece::Digest(&digest)],
        carried
            .chain([Piece::Base(TransactionNumber(9), 0)])
            .collect(),
    ];
    for pieces in forms {
        let mut replaying = replaying();
        replaying.gather_claims(Wall(START).date());
        for piece in pieces {
            replaying.apply_piece(piece).unwrap();
        }
        let told = replaying.take_claims(3);
        let (key, root) = (refund, payment.key);
        let expected = Claim { key, root };
        assert_eq!(told[usize::from(key.owner(3).0)], [expected]);
        assert_eq!(told.iter().flatten().count(), 1);
    }
}

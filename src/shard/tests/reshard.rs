//! Journals of one number of shards made into those of another.

use super::*;
use crate::engine::{Claim, Told};
use crate::journal::reader::dump;
use crate::model::fingerprint::Fingerprint;
use crate::model::hold::{Hold, PayerHash};
use crate::model::ids::{Institution, MatchKey, Reference, TableVersion};
use crate::model::keys::Key;
use crate::model::message::{Amounts, Echoed};
use crate::model::money::{Currency, Money};
use crate::model::outcome::{Outcome, Presentation, Reason, ResponseCode};
use crate::model::record::{Actor, Answer, Decision, Payment, Refund, ShortText, Unknown};
use crate::model::time::Date;

const START: u64 = 1_795_298_705_000_000_000;

fn payment(number: u64, reference: u64) -> Payment {
    let digits = format!("{reference:012}").into_bytes();
    let today = Date::from_yyyymmdd(20_261_121).unwrap();
    let amount = Money::new(500, Currency::new(156).unwrap()).unwrap();
    Payment {
        number: TransactionNumber(number),
        key: Key {
            originator: Institution::new(100).unwrap(),
            local_date: today,
            reference: Reference::new(digits.try_into().unwrap()).unwrap(),
        },
        fingerprint: Fingerprint(reference),
        originator: Institution::new(100).unwrap(),
        match_key: MatchKey(reference),
        named_destination: None,
        forwarder: None,
        presentation: Presentation::Cpm,
        scenario: None,
        amounts: Amounts {
            amount,
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        echoed: Echoed::default(),
        settlement_date: today,
        table: TableVersion(1),
        decision: Decision::Forward {
            destination: Institution::new(200).unwrap(),
            match_key: MatchKey(reference),
            deadline: Wall(START),
        },
    }
}

fn answer(payment: &Payment) -> Record {
    Record::Answer(Answer {
        number: payment.number,
        by: Actor::Destination,
        response_code: ResponseCode::APPROVED,
        outcome: Outcome::Approved,
        approval_code: None,
        amounts: payment.amounts,
        text: ShortText::EMPTY,
    })
}

fn options(data: &Path, shards: u16) -> StoreOptions {
    StoreOptions {
        data: data.to_owned(),
        shards,
        tail_bytes: 1 << 20,
        segment_bytes: 1 << 20,
        tail_dir: Some(data.join("tails")),
        zero_fill: false,
        lock_wait_ms: 0,
    }
}

/// A journal of `shards` shards with as many payments; every third without an answer.
fn make(data: &Path, shards: u16, payments: u64) {
    let folder = Folder::open(options(data, shards)).unwrap();
    let opened = Opened {
        epoch: Epoch(7),
        shard: ShardId(0),
        shards,
        table: TableVersion(1),
        table_hash: 5,
    };
    let mut writers: Vec<Writer> = (0..shards)
        .map(|shard| {
            let opened = Some((Wall(START), opened));
            Writer::open(&folder, ShardId(shard), Epoch(7), opened).unwrap()
        })
        .collect();
    for reference in 0..payments {
        let owner = usize::from(payment(1, reference).key.owner(shards).0);
        let writer = &mut writers[owner];
        writer.last.0 += 1;
        let payment = payment(writer.last.0, reference);
        let wall = Wall(START + reference * 1_000);
        writer.write(wall, &Record::Payment(payment)).unwrap();
        let hold = Hold {
            number: payment.number,
            payer: Some(PayerHash([9; 16])),
            date: wall.date(),
            amount: Some(payment.amounts.amount),
            year_most_minor: None,
            day_count_most: None,
            order: None,
        };
        writer.write(wall, &Record::Held(hold)).unwrap();
        let record = if reference.is_multiple_of(3) {
            Record::Unknown(Unknown {
                number: payment.number,
                reason: Reason::Timeout,
            })
        } else {
            answer(&payment)
        };
        writer.write(Wall(wall.0 + 500), &record).unwrap();
    }
    writers
        .into_iter()
        .for_each(|writer| writer.close().unwrap());
}

/// A transaction: its reference, who holds it, kinds and times of its records.
type History = (u64, ShardId, Vec<(Wall, &'static str)>);

/// Every history, by reference.
fn histories(data: &Path) -> Vec<History> {
    let mut found: Vec<(u64, ShardId, TransactionNumber, Vec<_>)> = Vec::new();
    dump(data, |shard, entry| {
        let number = entry.record.number();
        if let Record::Payment(payment) = entry.record {
            found.push((payment.fingerprint.0, shard, number, Vec::new()));
        }
        if let Some((.., steps)) = found
            .iter_mut()
            .find(|(_, holder, known, _)| (*holder, *known) == (shard, number))
        {
            steps.push((entry.wall, entry.record.name()));
        }
    })
    .unwrap();
    found.sort();
    found
        .into_iter()
        .map(|(reference, shard, _, steps)| (reference, shard, steps))
        .collect()
}

#[test]
fn every_transaction_moves_to_its_owner_with_its_whole_history() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    make(&old, 2, 600);
    let before = histories(&old);
    let done = reshard(&old, &new, 3).unwrap();
    assert_eq!((done.before, done.after), (2, 3));
    assert_eq!((done.transactions, done.records), (600, 1_800));
    let after = histories(&new);
    for ((reference, _, steps), (same, shard, moved)) in before.iter().zip(&after) {
        assert_eq!((reference, steps), (same, moved));
        assert_eq!(*shard, payment(1, *reference).key.owner(3));
    }
    assert_eq!(histories(&old), before, "the old one is as it was");
    // Repeats are recognised, and no match key is drawn again.
    let read = |data: &Path| *ReadOnlyFolder::open(data).unwrap().identity();
    assert_eq!(read(&old).seed, read(&new).seed);
    assert_ne!(read(&old).uuid, read(&new).uuid);
    let folder = Folder::open(options(&new, 3)).unwrap();
    let open = folder.open_shard(ShardId(2), |_| {}).unwrap();
    assert_eq!(open.start.epoch, Epoch(9), "7, and 8 of the move");
    assert!(
        reshard(&new, &place.path().join("third"), 1).is_err(),
        "it is locked"
    );
    drop((folder, open));
    // And back: what was there at first is there again.
    let back = place.path().join("back");
    reshard(&new, &back, 2).unwrap();
    assert_eq!(histories(&back), before);
}

/// Refund keys follow from the records, whoever has them.
#[test]
fn what_is_told_of_refund_keys_is_the_same_before_and_after() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    let folder = Folder::open(options(&old, 2)).unwrap();
    let mut writers: Vec<Writer> = (0..2)
        .map(|shard| Writer::open(&folder, ShardId(shard), Epoch(7), None).unwrap())
        .collect();
    let mut expected = Vec::new();
    for reference in 0..50 {
        let (root, key) = (payment(1, reference).key, payment(1, 1_000 + reference).key);
        let writer = &mut writers[usize::from(root.owner(2).0)];
        let payment = payment(writer.last.0 + 1, reference);
        let refund = refund(writer.last.0 + 2, key, &payment);
        writer.last.0 += 2;
        for record in [Record::Payment(payment), answer(&payment), refund] {
            writer.write(Wall(START + reference), &record).unwrap();
        }
        expected.push(Claim { key, root });
    }
    for writer in writers {
        writer.close().unwrap();
    }
    drop(folder);
    reshard(&old, &new, 3).unwrap();
    for (data, shards) in [(&old, 2), (&new, 3)] {
        let mut all = Vec::new();
        for shard in (0..shards).map(ShardId) {
            let mut told = Told::new(Wall(START).date());
            let folder = ReadOnlyFolder::open(data).unwrap();
            let mut hear = |entry: Entry| told.hear(&entry.record, entry.wall);
            folder.read_shard(shard, &mut hear).unwrap();
            for (owner, claims) in (0..shards).zip(told.by_shard(shards)) {
                assert!(claims.iter().all(|it| it.key.owner(shards).0 == owner));
                all.extend(claims);
            }
        }
        all.sort();
        assert_eq!(all, expected, "{shards} shards");
    }
}

fn refund(number: u64, key: Key, payment: &Payment) -> Record {
    Record::Refund(Refund {
        number: TransactionNumber(number),
        key,
        root: payment.key,
        fingerprint: payment.fingerprint,
        originator: payment.originator,
        match_key: payment.match_key,
        presentation: None,
        reason: None,
        amounts: payment.amounts,
        echoed: payment.echoed,
        settlement_date: payment.settlement_date,
        table: payment.table,
        decision: payment.decision,
    })
}

#[test]
fn what_cannot_be_moved_is_refused_and_says_why() {
    let place = tempfile::tempdir().unwrap();
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    make(&old, 1, 5);
    let refused = |to: &Path| reshard(&old, to, 2).unwrap_err().to_string();
    assert!(refused(&old).contains("journal already"));
    let another = Folder::open(options(&old, 2)).unwrap_err().to_string();
    assert!(
        another.contains("1 shard(s), and is to be opened with 2"),
        "{another}"
    );
    // A record of a transaction that never began.
    let folder = Folder::open(options(&old, 1)).unwrap();
    let mut writer = Writer::open(&folder, ShardId(0), Epoch(9), None).unwrap();
    writer.write(Wall(START), &answer(&payment(77, 1))).unwrap();
    writer.close().unwrap();
    drop(folder);
    let said = refused(&new);
    assert!(said.contains("names transaction 77"), "{said}");
}

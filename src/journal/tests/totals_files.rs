//! What counts over time outlives the segments that told it, whatever is given up, carried, damaged
//! or read from the archive: no record is counted twice, and none is lost.

use std::collections::BTreeMap;

use super::keeper_files::{files, keep_but, wait_for};
use super::*;
use crate::journal::base::BASE_FILE;
use crate::model::hold::{Hold, PayerHash};
use crate::model::ids::TransactionNumber;
use crate::model::money::{Currency, Money};
use crate::model::time::Wall;

/// Of the `number`-th payment.
fn hold(number: u64, wall: Wall) -> Hold {
    Hold {
        number: TransactionNumber(number),
        payer: Some(PayerHash([u8::try_from(number % 3).unwrap() + 1; 16])),
        date: wall.date(),
        amount: Money::new(i64::try_from(number).unwrap(), Currency::new(840).unwrap()),
        year_most_minor: Some(1_000_000),
        day_count_most: None,
        order: None,
    }
}

/// Each payment counts, and every seventh ceases to, many records later.
fn pay_and_hold(place: &Place, numbers: core::ops::Range<u64>) {
    let mut running = open(place.options(), CommitMode::Disk).unwrap();
    for number in numbers {
        let wall = running.now.wall;
        running.pay(number..number + 1);
        running.append(&Record::Held(hold(number, wall)));
        if let Some(before) = number.checked_sub(60).filter(|it| it % 7 == 1) {
            running.append(&Record::Released(hold(before, wall)));
        }
        if number % 40 == 0 {
            running.drain();
        }
    }
    running.drain();
}

fn expected(last: u64) -> BTreeMap<u8, i64> {
    let mut sums = BTreeMap::new();
    for number in 1..=last {
        let released = number % 7 == 1 && number + 60 <= last;
        let minor = if released {
            0
        } else {
            i64::try_from(number).unwrap()
        };
        *sums
            .entry(u8::try_from(number % 3).unwrap() + 1)
            .or_insert(0) += minor;
    }
    sums
}

/// What a start counts of what it is handed out, as a shard does; and how many sums were carried.
fn counted(place: &Place) -> (BTreeMap<u8, i64>, usize) {
    let folder = Folder::open(place.options()).unwrap();
    let (mut sums, mut carried) = (BTreeMap::<u8, i64>::new(), 0);
    let mut add = |payer: PayerHash, minor| *sums.entry(payer.0[0]).or_default() += minor;
    let mut hear = |record: &Record| match record {
        Record::Held(hold) => add(hold.payer.unwrap(), hold.amount.unwrap().minor),
        Record::Released(hold) => add(hold.payer.unwrap(), -hold.amount.unwrap().minor),
        Record::Total(total) => add(total.payer, total.amount.minor),
        _ => {}
    };
    let visit = |piece: Piece<'_>| match piece {
        // What a transaction counts for that is carried itself is among the sums.
        Piece::Carried((_, record @ Record::Total(_))) => {
            carried += 1;
            hear(&record);
        }
        Piece::Carried(_) | Piece::Base(..) => {}
        Piece::Record(entry) => hear(&entry.record),
        Piece::Digest(digest) => {
            let mut items = digest.items().unwrap();
            while let Some(item) = items.next_item().unwrap() {
                if let crate::journal::digest::Item::Loose(entry) = item {
                    hear(&entry.record);
                }
            }
        }
    };
    folder.open_shard_digested(ShardId(1), visit).unwrap();
    (sums, carried)
}

#[test]
fn totals_outlive_the_segments_that_told_them() {
    let place = Place::new();
    pay_and_hold(&place, 1..2_000);
    assert_eq!(counted(&place), (expected(1_999), 0));
    // Two are not over: their records are carried, and their sums as well.
    let give_up = |carried: &[u64]| {
        let newest = *files(&place).last().unwrap();
        let (keeper, told) = keep_but(&place, 6, u64::MAX, carried);
        wait_for(&told, newest + 2 - 6);
        keeper.end();
    };
    give_up(&[3, 500]);
    assert_eq!(counted(&place), (expected(1_999), 3));
    pay_and_hold(&place, 2_000..4_000);
    give_up(&[3]);
    assert_eq!(counted(&place), (expected(3_999), 3));
    // Without its base all of the archive is read; the next keeper adds it up anew.
    let base = place.data.path().join("shard-01").join(BASE_FILE);
    fs::remove_file(&base).unwrap();
    assert_eq!(counted(&place), (expected(3_999), 0));
    pay_and_hold(&place, 4_000..4_500);
    give_up(&[3]);
    assert_eq!(counted(&place), (expected(4_499), 3));
}

//! The table of refund keys: absent, the same payment, another, far, full, come round.

use proptest::prelude::*;

use super::*;
use crate::model::ids::{Institution, Reference};

const TODAY: i64 = 20_000;

fn day(offset: i64) -> Date {
    Date::from_days(TODAY + offset)
}

fn key(number: u32, offset: i64) -> Key {
    let digits = format!("{number:012}").into_bytes();
    Key {
        originator: Institution::new(48_000_702).unwrap(),
        local_date: day(offset),
        reference: Reference::new(digits.try_into().unwrap()).unwrap(),
    }
}

/// Refund `number` of payment `root`, with a date so many days from today.
fn claim(number: u32, root: u32, offset: i64) -> Claim {
    Claim {
        key: key(number, offset),
        root: key(root, 0),
    }
}

#[test]
fn a_key_is_claimed_for_one_payment() {
    let mut claims = Claims::new(4, 7);
    let first = claim(1, 100, 0);
    assert_eq!(claims.standing(&first, day(0)), Standing::Free);
    claims.note(&first);
    assert_eq!(claims.standing(&first, day(0)), Standing::Same);
    assert_eq!(claims.standing(&claim(1, 101, 0), day(0)), Standing::Other);
    assert_eq!(claims.standing(&claim(2, 100, 0), day(0)), Standing::Free);
    assert_eq!(claims.root(&claim(1, 101, 0)), Some(first.root));
    assert_eq!(claims.root(&claim(2, 100, 0)), None);
}

#[test]
fn a_far_key_needs_no_claim_and_a_claimed_one_stays_claimed() {
    let mut claims = Claims::new(4, 7);
    for (offset, standing) in [
        (-CLAIM_DAYS_MAX - 1, Standing::Far),
        (-CLAIM_DAYS_MAX, Standing::Free),
        (CLAIM_DAYS_MAX, Standing::Free),
        (CLAIM_DAYS_MAX + 1, Standing::Far),
    ] {
        assert_eq!(claims.standing(&claim(1, 100, offset), day(0)), standing);
    }
    // Whoever takes a key for a new one is within the days of a claim, also a day later or earlier.
    for (ours, theirs) in [(0, -1), (0, 0), (0, 1)] {
        for offset in -9..9 {
            let is_new = !crate::engine::payments::is_far(day(offset), day(theirs));
            assert!(!is_new || !is_beyond(day(offset), day(ours)), "{offset}");
        }
    }
    claims.note(&claim(1, 100, 0));
    let later = day(CLAIM_DAYS_MAX + 9);
    assert_eq!(claims.standing(&claim(1, 100, 0), later), Standing::Same);
    assert_eq!(claims.standing(&claim(1, 101, 0), later), Standing::Other);
}

#[test]
fn a_full_table_sheds_until_its_oldest_claim_is_past() {
    let mut claims = Claims::new(2, 7);
    claims.note(&claim(1, 100, 0));
    claims.note(&claim(2, 100, 1));
    let third = |offset| claim(3, 100, offset);
    assert_eq!(claims.standing(&third(0), day(0)), Standing::Full);
    assert_eq!(claims.standing(&claim(1, 100, 0), day(0)), Standing::Same);
    assert_eq!(claims.standing(&claim(2, 101, 1), day(0)), Standing::Other);
    let last = CLAIM_DAYS_MAX;
    assert_eq!(claims.standing(&third(last), day(last)), Standing::Full);
    let next = day(last + 1);
    assert_eq!(claims.standing(&third(last + 1), next), Standing::Free);
    claims.note(&third(last + 1));
    // The first place came round; the second is not past yet.
    let gone = claim(1, 101, 0);
    assert_eq!(claims.standing(&gone, next), Standing::Far);
    assert_eq!(
        claims.standing(&third(last + 1), next),
        Standing::Same,
        "it took the place"
    );
    let fourth = claim(4, 100, last + 1);
    assert_eq!(claims.standing(&fourth, next), Standing::Full);
    assert_eq!(
        claims.standing(&fourth, day(last + 2)),
        Standing::Free,
        "a day later the second is past, too"
    );
}

#[test]
fn what_is_told_and_finds_no_place_leaves_no_key_free() {
    let mut claims = Claims::new(1, 7);
    claims.tell(&claim(1, 100, -1), day(0));
    claims.tell(&claim(1, 100, -1), day(0));
    assert_eq!(claims.untold, None, "told twice, noted once");
    claims.tell(&claim(9, 100, -CLAIM_DAYS_MAX - 1), day(0));
    assert_eq!(claims.untold, None, "past, and not needed");
    claims.tell(&claim(2, 100, 0), day(0));
    // The place of the first is free again a day before the second is past.
    let (freed, safe) = (day(CLAIM_DAYS_MAX), day(CLAIM_DAYS_MAX + 1));
    let other = claim(2, 101, 0);
    assert!(claims.has_room(freed));
    assert_eq!(claims.standing(&other, freed), Standing::Full);
    assert_eq!(claims.standing(&claim(3, 100, 1), freed), Standing::Full);
    assert_eq!(claims.standing(&claim(3, 100, 1), safe), Standing::Free);
}

/// Journals of before there were claims.
#[test]
fn a_key_that_was_once_taken_twice_has_repeats_of_both() {
    let mut claims = Claims::new(4, 7);
    for root in [100, 101] {
        claims.tell(&claim(1, root, 0), day(0));
    }
    for root in [100, 101] {
        let this = claim(1, root, 0);
        assert_eq!(claims.standing(&this, day(0)), Standing::Same);
        assert_eq!(claims.root(&this), Some(this.root));
    }
    assert_eq!(claims.standing(&claim(1, 102, 0), day(0)), Standing::Other);
}

fn refund(claim: Claim, wall: Wall) -> (Record, Wall) {
    use crate::model::fingerprint::Fingerprint;
    use crate::model::ids::{MatchKey, TableVersion, TransactionNumber};
    use crate::model::message::{Amounts, Echoed};
    use crate::model::money::{Currency, Money};
    use crate::model::record::{Decision, Refund};
    let record = Refund {
        number: TransactionNumber(1),
        key: claim.key,
        root: claim.root,
        fingerprint: Fingerprint(1),
        originator: claim.key.originator,
        match_key: MatchKey(1),
        presentation: None,
        reason: None,
        amounts: Amounts {
            amount: Money::new(1, Currency::new(156).unwrap()).unwrap(),
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        },
        echoed: Echoed::default(),
        settlement_date: wall.date(),
        table: TableVersion(1),
        decision: Decision::Decline {
            response_code: ResponseCode::NOT_FOUND,
            check: None,
        },
    };
    (Record::Refund(record), wall)
}

fn noon(offset: i64) -> Wall {
    let days = u64::try_from(TODAY + offset).unwrap();
    Wall(days * 86_400_000_000_000 + 43_200_000_000_000)
}

#[test]
fn what_a_journal_tells_goes_to_the_keys_shards() {
    // Today's clock is right, or days ahead: then the journal says what day it is.
    for clock in [0, 40] {
        let mut told = Told::new(day(clock));
        let mut expected = Vec::new();
        for number in 0..3_000 {
            let offset = i64::from(number) / 100 - 29;
            let claim = claim(number, number + 5_000, offset);
            let (record, wall) = refund(claim, noon(offset));
            told.hear(&record, wall);
            if offset >= -CLAIM_DAYS_MAX {
                expected.push(claim);
            }
        }
        assert!(told.claims.capacity() < 1_600, "what is past is left out");
        let parts = told.by_shard(3);
        for (shard, part) in (0..3).zip(&parts) {
            assert!(part.iter().all(|claim| claim.key.owner(3).0 == shard));
        }
        let mut all: Vec<Claim> = parts.into_iter().flatten().collect();
        all.sort();
        expected.sort();
        assert_eq!(all, expected);
    }
    // Written while the clock was a month ahead; it is right again.
    let mut told = Told::new(day(0));
    for (number, offset) in [(1, 0), (2, 30), (3, 0)] {
        let (record, wall) = refund(claim(number, 9, offset), noon(offset));
        told.hear(&record, wall);
    }
    assert_eq!(told.by_shard(1)[0].len(), 3);
}

proptest! {
    /// Against a plain map that never forgets: whatever may be asked for as a new key is known.
    #[test]
    fn no_key_goes_with_two_payments(
        steps in proptest::collection::vec((0_u32..12, 0_u32..3, -4_i64..5, 0_i64..2), 1..300),
    ) {
        let mut claims = Claims::new(8, 7);
        let mut model = std::collections::BTreeMap::new();
        let mut today = 0;
        for (number, root, offset, later) in steps {
            today += i64::from(later == 1 && number == 0);
            let claim = claim(number, root, today + offset);
            match claims.standing(&claim, day(today)) {
                Standing::Free => {
                    prop_assert!(model.insert(claim.key, claim.root).is_none());
                    claims.note(&claim);
                }
                Standing::Same => prop_assert_eq!(model.get(&claim.key), Some(&claim.root)),
                Standing::Other => prop_assert_ne!(model.get(&claim.key), Some(&claim.root)),
                Standing::Far => prop_assert!(offset.abs() > CLAIM_DAYS_MAX),
                Standing::Full => prop_assert_eq!(claims.places.len(), 8),
            }
            prop_assert!(claims.places.capacity() == 8 && claims.by_key.len() <= 8);
        }
    }
}

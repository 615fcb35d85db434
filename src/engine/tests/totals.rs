//! The tables at home: two years and days at once, places that are given up, and what is full.

use super::*;
use crate::model::ids::{Institution, Reference};

fn date(yyyymmdd: u32) -> Date {
    Date::from_yyyymmdd(yyyymmdd).unwrap()
}

const fn payer(number: u8) -> PayerHash {
    PayerHash([number; 16])
}

fn held(order: u8, reference: u8, yyyymmdd: u32) -> OrderHeld {
    OrderHeld {
        order: OrderHash([order; 16]),
        key: Key {
            originator: Institution::new(100).unwrap(),
            local_date: date(yyyymmdd),
            reference: Reference::new([b'0' + reference; 12]).unwrap(),
        },
        date: date(yyyymmdd),
    }
}

#[test]
fn a_year_and_a_day_begin_anew_and_the_one_before_is_kept() {
    let mut payers = Payers::new(2);
    assert_eq!(
        payers.count(payer(1), 500, date(20_261_231)),
        Some((500, 1))
    );
    assert_eq!(payers.count(payer(1), 70, date(20_261_231)), Some((570, 2)));
    assert_eq!(payers.count(payer(1), 30, date(20_270_101)), Some((30, 1)));
    // A clock that is an hour behind; a payment of last year that is reversed in this one.
    assert_eq!(payers.count(payer(1), 1, date(20_261_231)), Some((571, 3)));
    payers.give_back(payer(1), date(20_261_231), 500);
    assert_eq!(payers.count(payer(1), 1, date(20_270_101)), Some((31, 2)));
    assert_eq!(payers.of(payer(1)).unwrap().on(date(20_261_231)), (71, 2));
    // A clock that is years ahead, for an hour.
    assert_eq!(payers.count(payer(1), 9, date(20_300_101)), Some((9, 1)));
    assert_eq!(payers.count(payer(1), 9, date(20_270_102)), Some((40, 1)));
}

#[test]
fn who_has_nothing_left_has_no_place() {
    let mut payers = Payers::new(1);
    assert!(payers.count(payer(1), 500, date(20_260_101)).is_some());
    assert_eq!(payers.count(payer(2), 500, date(20_260_101)), None, "full");
    payers.give_back(payer(2), date(20_260_101), 500);
    payers.give_back(payer(1), date(20_260_101), 500);
    assert_eq!(payers.len(), 0);
    assert_eq!(payers.count(payer(2), 1, date(20_260_101)), Some((1, 1)));
    // Over the year, places are given up to those who come.
    assert_eq!(payers.count(payer(3), 1, date(20_261_231)), None);
    assert_eq!(payers.count(payer(3), 1, date(20_270_101)), Some((1, 1)));
    assert!(payers.of(payer(2)).is_none());
}

#[test]
fn what_is_told_and_finds_no_place_makes_all_strangers_wait() {
    let mut payers = Payers::new(2);
    let mut counts = Counts::default();
    counts.count(date(20_260_501), 100, 1);
    payers.tell(payer(1), &counts, date(20_260_601));
    payers.tell(payer(1), &counts, date(20_260_601));
    counts.add_year(2025, 7);
    payers.tell(payer(2), &counts, date(20_260_601));
    payers.tell(payer(3), &counts, date(20_260_601));
    let (year, _) = payers.count(payer(1), 1, date(20_260_601)).unwrap();
    assert_eq!(year, 201, "what two shards have read is added up");
    payers.give_back(payer(2), date(20_260_501), 100);
    payers.give_back(payer(1), date(20_260_501), 100);
    assert_eq!(payers.count(payer(3), 1, date(20_261_231)), None);
    assert_eq!(payers.count(payer(4), 1, date(20_261_231)), None);
    assert_eq!(payers.count(payer(3), 1, date(20_270_101)), Some((1, 1)));
    // What was told of years that are over takes no place.
    let mut payers = Payers::new(1);
    payers.tell(payer(1), &counts, date(20_270_601));
    assert_eq!(payers.len(), 0);
}

#[test]
fn an_order_has_one_payment_until_that_gives_it_back() {
    let mut orders = Orders::new(1);
    let (first, second) = (held(1, 1, 20_261_121), held(1, 2, 20_261_121));
    assert_eq!(orders.take(first), Taking::New);
    assert_eq!(orders.take(first), Taking::Same);
    assert_eq!(orders.take(second), Taking::Other);
    orders.give_back(second.order, &second.key);
    assert_eq!(orders.take(second), Taking::Other, "it was not its");
    orders.give_back(first.order, &first.key);
    assert_eq!(orders.take(second), Taking::New);
    assert_eq!(orders.take(held(2, 3, 20_261_126)), Taking::Full);
    // Once its payment may be forgotten, it is.
    assert_eq!(orders.take(held(2, 3, 20_261_127)), Taking::New);
    assert_eq!(orders.len(), 1);
    orders.tell(second, date(20_261_127));
    assert_eq!(orders.take(held(3, 4, 20_261_126)), Taking::Full, "untold");
}

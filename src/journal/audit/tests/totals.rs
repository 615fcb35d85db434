//! What counts over time: what is above its limit, and what is paid twice, is found with its place.

use super::*;
use crate::model::hold::{Hold, OrderHash, PayerHash};

/// The third payment has no order.
fn hold(number: u64, minor: i64) -> Hold {
    Hold {
        number: TransactionNumber(number),
        payer: Some(PayerHash([1; 16])),
        date: Wall(START).date(),
        amount: Some(money(minor)),
        year_most_minor: Some(1_000),
        day_count_most: Some(2),
        order: (number != 3).then_some(OrderHash([if number == 2 { 2 } else { 1 }; 16])),
    }
}

impl History {
    /// What is held and released takes no time.
    pub(super) fn steps(&self) -> u64 {
        let counts = |it: &&Entry| !matches!(it.record, Record::Held(_) | Record::Released(_));
        self.entries.iter().filter(counts).count() as u64
    }

    /// Of 1,000 in the year and two in the day; the first order.
    pub(super) fn held(&mut self, number: u64, minor: i64) -> &mut Self {
        self.push(Record::Held(hold(number, minor)))
    }

    pub(super) fn released(&mut self, number: u64, minor: i64) -> &mut Self {
        self.push(Record::Released(hold(number, minor)))
    }
}

#[test]
fn a_total_above_its_limit_and_an_order_paid_twice_are_found_with_their_places() {
    type Change = (Rule, fn(&mut History) -> &mut History);
    let changes: [Change; 4] = [
        (Rule::TotalsBounded, |h| h.payment(5, 5, 5).held(5, 1)),
        (Rule::TotalsBounded, |h| {
            h.payment(5, 5, 5).released(1, 600).held(5, 601)
        }),
        // Three on one day.
        (Rule::TotalsBounded, |h| h.payment(5, 5, 5).held(5, 0)),
        (Rule::OrdersPaidOnce, |h| {
            h.payment(5, 5, 5).released(3, 400).held(5, 0)
        }),
    ];
    for (rule, change) in changes {
        let mut history = honest();
        change(&mut history);
        let report = report(&history, Vec::new());
        let found = report.violations.iter().find(|found| found.rule == rule);
        let place = found.expect("it is found").place;
        let last = Lsn(4_096 + (history.entries.len() as u64 - 1) * 64);
        assert!(matches!(place, Place::Record { journal: 0, lsn, .. } if lsn == last));
    }
    let mut history = honest();
    history.payment(5, 5, 5).released(3, 400).held(5, 0);
    history.released(5, 0).payment(6, 6, 6).held(6, 400);
    let broken = broken(&report(&history, Vec::new()));
    assert!(!broken.contains(&Rule::TotalsBounded), "{broken:?}");
}

//! What payers' payments came to, of segments that were given up: a total must outlive the records
//! that it is the sum of. Pure; the keeper carries it in the base.
//!
//! A segment adds what its `held` records say and takes off what its `released` ones do, wherever
//! their payments are: so each record is counted once, in the base or in the live journal.

use std::collections::BTreeMap;

use crate::journal::base::Carried;
use crate::model::hold::{Hold, PayerHash, Total};
use crate::model::money::{Currency, Money};
use crate::model::record::Record;
use crate::model::time::Wall;

/// The sums, by payer, year and currency.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Totals(BTreeMap<(PayerHash, u16, Currency), i64>);

impl Totals {
    /// Takes the sums out of what a base carries.
    pub(super) fn of(carried: &mut Vec<Carried>) -> Self {
        let mut totals = Self::default();
        carried.retain(|(_, record)| {
            let Record::Total(total) = record else {
                return true;
            };
            totals.add(total.payer, total.year, total.amount);
            false
        });
        totals
    }

    /// A record of a segment that is given up.
    pub(super) fn hear(&mut self, record: &Record) {
        match record {
            Record::Held(hold) => self.hold(hold, 1),
            Record::Released(hold) => self.hold(hold, -1),
            _ => {}
        }
    }

    fn hold(&mut self, hold: &Hold, times: i64) {
        if let (Some(payer), Some(amount)) = (hold.payer, hold.amount) {
            let year = u16::try_from(hold.date.yyyymmdd() / 10_000).expect("four digits");
            let minor = amount.minor.saturating_mul(times);
            self.add(payer, year, Money { minor, ..amount });
        }
    }

    fn add(&mut self, payer: PayerHash, year: u16, amount: Money) {
        let sum = self.0.entry((payer, year, amount.currency)).or_default();
        *sum = sum.saturating_add(amount.minor);
    }

    /// Leaves out what nobody asks for any more: years before the one that was over when the first
    /// record of a segment was written, and sums that came to nothing.
    pub(super) fn leave_out(&mut self, first: Wall) {
        let last_year = first.date().yyyymmdd() / 10_000 - 1;
        self.0
            .retain(|(_, year, _), minor| u32::from(*year) >= last_year && *minor != 0);
    }

    /// The sums as records.
    pub(super) fn records(&self) -> impl Iterator<Item = Carried> {
        self.0.iter().map(|((payer, year, currency), minor)| {
            let amount = Money {
                minor: *minor,
                currency: *currency,
            };
            let (payer, year) = (*payer, *year);
            let total = Total {
                payer,
                year,
                amount,
            };
            (Wall(0), Record::Total(total))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::TransactionNumber;
    use crate::model::time::{DAY_NS, Date};

    fn hold(payer: u8, day: u32, minor: i64) -> Hold {
        Hold {
            number: TransactionNumber(1),
            payer: Some(PayerHash([payer; 16])),
            date: Date::from_yyyymmdd(day).unwrap(),
            amount: Money::new(minor, Currency::new(840).unwrap()),
            year_most_minor: None,
            day_count_most: None,
            order: None,
        }
    }

    fn minors(totals: &Totals) -> Vec<(u8, u16, i64)> {
        let all = totals.0.iter();
        all.map(|((payer, year, _), minor)| (payer.0[0], *year, *minor))
            .collect()
    }

    #[test]
    fn sums_go_through_a_base_and_on() {
        let mut totals = Totals::default();
        for record in [
            Record::Held(hold(1, 20_261_231, 500)),
            Record::Held(hold(1, 20_270_101, 70)),
            Record::Held(hold(2, 20_261_231, 9)),
            Record::Released(hold(2, 20_261_231, 9)),
            Record::Held(hold(3, 20_241_231, 1)),
        ] {
            totals.hear(&record);
        }
        let day = Date::from_yyyymmdd(20_270_101).unwrap().days();
        totals.leave_out(Wall(day.unsigned_abs() * DAY_NS));
        let expected = [(1, 2026, 500), (1, 2027, 70)];
        assert_eq!(minors(&totals), expected);
        let other = Record::Opened(crate::model::record::Opened {
            epoch: crate::model::ids::Epoch(1),
            shard: crate::model::ids::ShardId(0),
            shards: 1,
            table: crate::model::ids::TableVersion(1),
            table_hash: 0,
        });
        let mut carried = vec![(Wall(1), other)];
        carried.extend(totals.records());
        let mut read = Totals::of(&mut carried);
        assert_eq!((read.clone(), carried.len()), (totals, 1));
        // What is released later takes off what was counted before.
        read.hear(&Record::Released(hold(1, 20_261_231, 500)));
        read.hear(&Record::Held(hold(1, 20_270_102, 30)));
        read.leave_out(Wall(day.unsigned_abs() * DAY_NS));
        assert_eq!(minors(&read), [(1, 2027, 100)]);
    }
}

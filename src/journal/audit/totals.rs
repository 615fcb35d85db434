//! What counts over time: no payer's year or day exceeds the limits that its payments were let
//! through by, and no order is paid twice at once.
//!
//! Shards' journals come one after the other, and their payers' payments lie in all of them: so
//! what counts is kept, and added up in the order of time once everything is read. A shard reads
//! its clock once a turn; so what no longer counts is taken off as early as it may have been.

use std::collections::BTreeMap;

use crate::journal::audit::{Audit, LATE_MS, Place, Rule};
use crate::model::hold::{Hold, OrderHash, PayerHash};
use crate::model::keys::BusinessKey;
use crate::model::money::Currency;
use crate::model::time::{Date, Wall};

/// Something began to count, or ceased to.
#[derive(Clone, Copy, Debug)]
struct Event {
    at: Wall,
    /// Comes after what ceases at the same time.
    begins: bool,
    hold: Hold,
    place: Place,
    key: Option<BusinessKey>,
}

/// All of them, as they come.
#[derive(Debug, Default)]
pub(super) struct Events(Vec<Event>);

impl Audit {
    /// A payment counts from here on.
    pub(super) fn held(&mut self, place: Place, at: Wall, (key, hold): (BusinessKey, &Hold)) {
        self.events.0.push(Event {
            at,
            begins: true,
            hold: *hold,
            place,
            key: Some(key),
        });
    }

    /// It no longer does.
    pub(super) fn released(&mut self, place: Place, at: Wall, (key, hold): (BusinessKey, &Hold)) {
        self.events.0.push(Event {
            at: Wall(at.0.saturating_sub(LATE_MS * 1_000_000)),
            begins: false,
            hold: *hold,
            place,
            key: Some(key),
        });
    }

    /// Adds up what counts.
    pub(super) fn judge_totals(&mut self) {
        let mut events = core::mem::take(&mut self.events.0);
        events.sort_by_key(|event| (event.at, event.begins));
        let mut years: BTreeMap<(PayerHash, u32, Option<Currency>), i128> = BTreeMap::new();
        let mut days: BTreeMap<(PayerHash, Date), i64> = BTreeMap::new();
        let mut orders: BTreeMap<OrderHash, i64> = BTreeMap::new();
        for Event {
            begins,
            hold,
            place,
            key,
            ..
        } in events
        {
            let times = if begins { 1 } else { -1 };
            if let Some(payer) = hold.payer {
                let year = hold.date.yyyymmdd() / 10_000;
                let currency = hold.amount.map(|amount| amount.currency);
                let minor = hold.amount.map_or(0, |amount| i128::from(amount.minor));
                let sum = years.entry((payer, year, currency)).or_default();
                *sum += i128::from(times) * minor;
                let sum = *sum;
                let count = days.entry((payer, hold.date)).or_default();
                *count += times;
                let count = *count;
                let most = hold.year_most_minor.filter(|_| begins);
                self.holds_to(Rule::TotalsBounded, (sum, most.map(i128::from)), place, key);
                let most = hold.day_count_most.filter(|_| begins);
                let bounds = (i128::from(count), most.map(i128::from));
                self.holds_to(Rule::TotalsBounded, bounds, place, key);
            }
            if let Some(order) = hold.order {
                let count = orders.entry(order).or_default();
                *count += times;
                let bounds = (i128::from(*count), begins.then_some(1));
                self.holds_to(Rule::OrdersPaidOnce, bounds, place, key);
            }
        }
    }

    fn holds_to(
        &mut self,
        rule: Rule,
        (found, most): (i128, Option<i128>),
        place: Place,
        key: Option<BusinessKey>,
    ) {
        if let Some(most) = most {
            self.check(rule, found <= most, place, key, || {
                format!("it comes to {found}, and {most} is the most")
            });
        }
    }
}

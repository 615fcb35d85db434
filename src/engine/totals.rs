//! What counts over time, at its home: payers' totals by year and day, and who pays which order.
//!
//! Tables of fixed size, of what follows from the payments that the journals hold. Nothing of it is
//! recorded: how it gets here and where its truth is says [`super::holds`]. An entry is given up
//! only when nothing can ask for it any more: a payer's once the year of his last payment is over,
//! an order's once its payment may be forgotten. What is full takes nobody new, and says so.
//!
//! A payer's totals are kept for two years and two days at once, so that neither the turn of a year
//! nor a clock that is wrong for an hour loses what was counted before.

use crate::engine::index::Index;
use crate::model::hold::{OrderHash, PayerHash};
use crate::model::keys::Key;
use crate::model::limits::KEY_RETENTION_DAYS;
use crate::model::time::Date;

/// Places looked at for one that may be given up.
const LOOKED_AT_MAX: usize = 8;

/// Sums of two periods; a period is zero where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Sums([(u32, i64); 2]);

impl Sums {
    /// Adds to a period, which takes the place of the older one. What is older than both is not
    /// asked for any more.
    fn add(&mut self, period: u32, value: i64) {
        let [first, second] = &mut self.0;
        let place = match period {
            _ if first.0 == period => first,
            _ if second.0 == period => second,
            _ => {
                let older = if first.0 <= second.0 { first } else { second };
                if older.0 > period {
                    return;
                }
                *older = (period, 0);
                older
            }
        };
        place.1 = place.1.saturating_add(value);
    }

    fn of(&self, period: u32) -> i64 {
        let found = self.0.iter().find(|(known, _)| *known == period);
        found.map_or(0, |(_, value)| *value)
    }

    fn latest(&self) -> u32 {
        self.0[0].0.max(self.0[1].0)
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|(_, value)| *value == 0)
    }
}

/// What one payer's payments come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    years: Sums,
    days: Sums,
}

impl Counts {
    /// A payment of `minor` on `date` counts (`times` 1), or no longer does (-1).
    pub(super) fn count(&mut self, date: Date, minor: i64, times: i64) {
        self.years.add(year_of(date), minor.saturating_mul(times));
        self.days.add(date.yyyymmdd(), times);
    }

    /// What older payments of a year come to.
    pub(super) fn add_year(&mut self, year: u16, minor: i64) {
        self.years.add(u32::from(year), minor);
    }

    fn merge(&mut self, other: &Self) {
        for (year, minor) in other.years.0.into_iter().filter(|(year, _)| *year != 0) {
            self.years.add(year, minor);
        }
        for (day, count) in other.days.0.into_iter().filter(|(day, _)| *day != 0) {
            self.days.add(day, count);
        }
    }

    /// What all payments of the year of `date` come to, and how many there are on that day.
    pub fn on(&self, date: Date) -> (i64, u32) {
        let count = self.days.of(date.yyyymmdd()).clamp(0, i64::from(u32::MAX));
        let count = u32::try_from(count).expect("clamped");
        (self.years.of(year_of(date)), count)
    }
}

/// The calendar year of a date.
pub(super) const fn year_of(date: Date) -> u32 {
    date.yyyymmdd() / 10_000
}

/// What has a place in a table.
pub(super) trait Entry {
    /// Its place in the index.
    fn hash(&self) -> u32;
    /// Whether nothing can ask for it any more.
    fn may_go(&self, today: Date) -> bool;
}

/// A table of fixed size. The memory is reserved, and taken as it is used.
#[derive(Debug)]
pub(super) struct Places<E> {
    places: Vec<Option<E>>,
    free: Vec<u32>,
    capacity: usize,
    /// Which place is looked at next.
    hand: usize,
    index: Index,
}

impl<E: Entry> Places<E> {
    pub(super) fn new(capacity: u32) -> Self {
        let capacity = usize::try_from(capacity).expect("usize holds a u32");
        Self {
            places: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            capacity,
            hand: 0,
            index: Index::new(capacity),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, hash: u32, is_it: impl Fn(&E) -> bool) -> Option<u32> {
        let is_it = |slot| self.places[place_of(slot)].as_ref().is_some_and(&is_it);
        self.index.find(hash, is_it)
    }

    pub(super) fn at(&mut self, slot: u32) -> &mut E {
        let place = self.places[place_of(slot)].as_mut();
        place.expect("what the index leads to is there")
    }

    /// `false`: there is no place.
    pub(super) fn insert(&mut self, entry: E, today: Date) -> bool {
        let hash = entry.hash();
        if let Some(slot) = self.free.pop() {
            self.places[place_of(slot)] = Some(entry);
            self.index.insert(hash, slot);
            return true;
        }
        if self.places.len() < self.capacity {
            let slot = u32::try_from(self.places.len()).expect("the capacity is a u32");
            self.places.push(Some(entry));
            self.index.insert(hash, slot);
            return true;
        }
        for _ in 0..LOOKED_AT_MAX.min(self.capacity) {
            self.hand = (self.hand + 1) % self.capacity;
            let old = self.places[self.hand].as_ref();
            if old.is_some_and(|old| old.may_go(today)) {
                self.remove(u32::try_from(self.hand).expect("the capacity is a u32"));
                return self.insert(entry, today);
            }
        }
        false
    }

    /// Removes whatever `is_it` recognises; looks at every place.
    pub(super) fn remove_where(&mut self, is_it: impl Fn(&E) -> bool) {
        for place in 0..self.places.len() {
            if self.places[place].as_ref().is_some_and(&is_it) {
                self.remove(u32::try_from(place).expect("the capacity is a u32"));
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        let entry = self.places[place_of(slot)].take();
        let hash = entry.expect("it is there").hash();
        self.index.remove(hash, slot);
        self.free.push(slot);
    }
}

fn place_of(slot: u32) -> usize {
    usize::try_from(slot).expect("usize holds a u32")
}

/// Hashes of ours are random already.
fn head(hash: &[u8; 16]) -> u32 {
    let [.., a, b, c, d] = *hash;
    u32::from_le_bytes([a, b, c, d])
}

#[derive(Debug)]
struct Payer {
    hash: PayerHash,
    counts: Counts,
}

impl Entry for Payer {
    fn hash(&self) -> u32 {
        head(&self.hash.0)
    }

    fn may_go(&self, today: Date) -> bool {
        self.counts.years.latest() < year_of(today)
    }
}

/// The payers whose home this shard is.
#[derive(Debug)]
pub(super) struct Payers {
    places: Places<Payer>,
    /// The year of one who was told and found no place: until it is over, nobody who is not here
    /// is known to have paid nothing.
    untold: Option<u32>,
}

impl Payers {
    pub(super) fn new(capacity: u32) -> Self {
        let places = Places::new(capacity);
        Self {
            places,
            untold: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    fn find(&self, payer: PayerHash) -> Option<u32> {
        self.places
            .find(head(&payer.0), |known| known.hash == payer)
    }

    /// A payment counts; what all come to with it. None: there is no place for its payer.
    pub(super) fn count(
        &mut self,
        payer: PayerHash,
        minor: i64,
        today: Date,
    ) -> Option<(i64, u32)> {
        let slot = match self.find(payer) {
            Some(slot) => slot,
            None if self.untold.is_some_and(|year| year >= year_of(today)) => return None,
            None => {
                let counts = Counts::default();
                let hash = payer;
                self.places.insert(Payer { hash, counts }, today);
                self.find(payer)?
            }
        };
        let counts = &mut self.places.at(slot).counts;
        counts.count(today, minor, 1);
        Some(counts.on(today))
    }

    /// A payment no longer counts.
    pub(super) fn give_back(&mut self, payer: PayerHash, date: Date, minor: i64) {
        let Some(slot) = self.find(payer) else {
            return;
        };
        let counts = &mut self.places.at(slot).counts;
        counts.count(date, minor, -1);
        if counts.years.is_zero() && counts.days.is_zero() {
            self.places.remove(slot);
        }
    }

    /// Before anybody is served: what one shard has read of a payer.
    pub(super) fn tell(&mut self, payer: PayerHash, told: &Counts, today: Date) {
        if let Some(slot) = self.find(payer) {
            return self.places.at(slot).counts.merge(told);
        }
        let (hash, counts) = (payer, *told);
        if told.years.latest() >= year_of(today)
            && !self.places.insert(Payer { hash, counts }, today)
        {
            self.untold = self.untold.max(Some(told.years.latest()));
        }
    }

    /// What a payer's payments come to, for whoever compares it.
    pub(super) fn of(&self, payer: PayerHash) -> Option<&Counts> {
        let place = self.places.places[place_of(self.find(payer)?)].as_ref();
        place.map(|payer| &payer.counts)
    }
}

/// An order, and the payment that has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OrderHeld {
    /// Which order.
    pub(super) order: OrderHash,
    /// The payment's key.
    pub(super) key: Key,
    /// Since when.
    pub(super) date: Date,
}

impl Entry for OrderHeld {
    fn hash(&self) -> u32 {
        head(&self.order.0)
    }

    fn may_go(&self, today: Date) -> bool {
        self.date.days() < today.days() - KEY_RETENTION_DAYS
    }
}

/// Who has an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taking {
    /// This payment, from now on.
    New,
    /// This payment, since before.
    Same,
    /// Another payment.
    Other,
    /// Nobody, and there is no place for it.
    Full,
}

/// The orders whose home this shard is.
#[derive(Debug)]
pub(super) struct Orders {
    places: Places<OrderHeld>,
    /// The day of one that was told and found no place.
    untold: Option<Date>,
}

impl Orders {
    pub(super) fn new(capacity: u32) -> Self {
        let places = Places::new(capacity);
        Self {
            places,
            untold: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    fn find(&self, order: OrderHash) -> Option<u32> {
        self.places
            .find(head(&order.0), |known| known.order == order)
    }

    /// A payment takes an order.
    pub(super) fn take(&mut self, held: OrderHeld) -> Taking {
        if let Some(slot) = self.find(held.order) {
            return match self.places.at(slot).key == held.key {
                true => Taking::Same,
                false => Taking::Other,
            };
        }
        let remembered = held.date.days() - KEY_RETENTION_DAYS;
        if self.untold.is_some_and(|date| date.days() >= remembered)
            || !self.places.insert(held, held.date)
        {
            return Taking::Full;
        }
        Taking::New
    }

    /// A payment no longer has its order.
    pub(super) fn give_back(&mut self, order: OrderHash, key: &Key) {
        if let Some(slot) = self.find(order)
            && self.places.at(slot).key == *key
        {
            self.places.remove(slot);
        }
    }

    /// Before anybody is served: a payment that one shard has read of has an order.
    pub(super) fn tell(&mut self, held: OrderHeld, today: Date) {
        if self.find(held.order).is_none() && !self.places.insert(held, today) {
            self.untold = self.untold.max(Some(held.date));
        }
    }
}

#[cfg(test)]
#[path = "tests/totals.rs"]
mod tests;

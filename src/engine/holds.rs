//! HOLDS: what a payment counts for beside itself, under keys whose home is another shard: towards
//! its payer's totals of the year and the day, and as the one payment of its order.
//!
//! ```text
//!  the root's shard -> the payer's home -> the order's home -> the root's shard
//!  is it new?          counts, and says    takes it, and       duplicate? -> allowed? -> journal
//!                      what it comes to    says whether         |                |  payment, held
//!                         ^                it could     ^       v                v
//!                         +--- given back --------------+-- known by now, shed, or not allowed
//!                         +--- given back --------------+-- declined, reversed: journal, released
//! ```
//!
//! - **The truth is in one place**: beside the payment, in the root's journal, as two records.
//!   `held` stands behind the payment that goes on, `released` behind what declined or reversed it.
//!   Whoever adds up the first and takes off the second, over all shards, in any order, has every
//!   total. There are no two journals that could tell different stories, and nothing to reconcile.
//! - **The homes remember, and record nothing**, as with refund keys ([`super::claims`]): all
//!   shards are one process and end together, and before anybody is served each tells each other
//!   what it has read ([`ToldHolds`]). So a crash takes back what was counted and not recorded, and
//!   nothing else. What outlives its segments is carried by the base (`journal/base.rs`).
//! - **Never exceeded.** What is counted counts at once, before its payment is decided; whoever
//!   comes at the same time sees it. An unknown outcome counts until it is known to be none.
//!   Refunds give nothing back: what was paid in a year was paid.
//! - **Given back once it is committed** that it ended: otherwise another payment could take the
//!   room, and a loss of power bring the first one back.
//! - **Only the root's shard decides**: before it asks anybody whether the payment is new, since a
//!   repeat counts for nothing, and once all have been asked. Meanwhile it remembers the payment,
//!   and whatever is about it goes the same way behind it ([`super::walks`]).
//! - **A record is torn** between a payment and its `held`: it never left. Between what ended it
//!   and its `released`: the next start releases it ([`Engine::resume`]).
//! - **With one shard** all of this is in one place; where no limits over time hold and no quote is
//!   for an order, nothing is asked, recorded or passed.

use hashbrown::HashMap;

use crate::engine::effects::{Effects, Gate};
use crate::engine::snapshot::Snapshot;
use crate::engine::totals::{Counts, OrderHeld, Orders, Payers, Taking};
use crate::engine::transitions::Phase;
use crate::engine::walks::Walks;
use crate::engine::{Context, Engine, Legs};
use crate::fx::QuoteTerms;
use crate::guard::{Counted, Within};
use crate::model::hold::{Hold, OrderHash, PayerHash, Total};
use crate::model::ids::{ShardId, TransactionNumber};
use crate::model::keys::Key;
use crate::model::message::PaymentRequest;
use crate::model::money::{Currency, Money};
use crate::model::record::Record;
use crate::model::time::Date;

/// What a payment asks to count for, and how that stands by now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stake {
    /// The payment.
    pub key: Key,
    /// By which the payment's owner knows that it is back; zero where it goes nowhere.
    pub ticket: u32,
    /// It is no payment that asks, but something about one that is ahead of it: it counts for
    /// nothing.
    pub follows: bool,
    /// Towards whose totals.
    pub payer: Option<PayerStake>,
    /// As the payment of which order.
    pub order: Option<OrderStake>,
}

/// A stake in a payer's totals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayerStake {
    /// Whose.
    pub payer: PayerHash,
    /// With how much, in the currency of the limits; none where it is not measured.
    pub amount: Option<Money>,
    /// What came of it.
    pub standing: Standing<Sum>,
}

/// A stake in an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderStake {
    /// Which.
    pub order: OrderHash,
    /// What came of it.
    pub standing: Standing<()>,
}

/// How a stake stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing<T> {
    /// Its home was not asked yet.
    Unasked,
    /// It counts.
    Taken(T),
    /// It counted before, for the same payment, or counts for nothing.
    Known,
    /// Another payment has it.
    Refused,
    /// There is no room for it.
    Full,
}

/// What a payer's payments come to, this one included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sum {
    /// The day, and by it the year, that it counts in.
    pub date: Date,
    /// In that year, in minor units of the limits' currency.
    pub year_minor: i64,
    /// How many on that day.
    pub day_count: u32,
}

impl Stake {
    /// The home that must be asked next; none: all were.
    pub fn next_home(&self, shards: u16) -> Option<ShardId> {
        let payer = self.payer.filter(|it| it.standing == Standing::Unasked);
        let order = self.order.filter(|it| it.standing == Standing::Unasked);
        let hash = payer.map(|it| it.payer.0);
        let hash = hash.or(order.map(|it| it.order.0))?;
        Some(home_of(&hash, shards))
    }

    /// What counts for nothing goes past this home.
    fn pass_by(&mut self, shards: u16, here: ShardId) {
        if let Some(it) = &mut self.payer
            && home_of(&it.payer.0, shards) == here
        {
            it.standing = Standing::Known;
        }
        if let Some(it) = &mut self.order
            && home_of(&it.order.0, shards) == here
        {
            it.standing = Standing::Known;
        }
    }

    /// Whether there is no room for it, or it stands for a request that went before and is given
    /// back yet: nobody can decide now.
    pub(super) fn is_undecided(&self) -> bool {
        let payer = self.payer.map(|it| it.standing == Standing::Full);
        let order = self
            .order
            .map(|it| matches!(it.standing, Standing::Full | Standing::Known));
        payer == Some(true) || order == Some(true)
    }

    /// What the guard is told.
    pub(super) fn counted(&self) -> Counted {
        let sum = self.payer.and_then(|it| it.standing.taken());
        Counted {
            year_minor: sum.map_or(0, |sum| sum.year_minor),
            day_count: sum.map_or(0, |sum| sum.day_count),
            order_taken: self
                .order
                .is_some_and(|it| it.standing == Standing::Refused),
        }
    }

    /// What it takes, once it is decided; none: nothing.
    pub(super) fn hold(
        &self,
        number: TransactionNumber,
        today: Date,
        within: &Within,
    ) -> Option<Hold> {
        let payer = self
            .payer
            .and_then(|it| Some((it, it.standing.taken()?.date)));
        let order = self.order.filter(|it| it.standing == Standing::Taken(()));
        (payer.is_some() || order.is_some()).then(|| Hold {
            number,
            payer: payer.map(|(it, _)| it.payer),
            date: payer.map_or(today, |(_, date)| date),
            amount: payer.and_then(|(it, _)| it.amount),
            year_most_minor: payer.and(within.year_most_minor),
            day_count_most: payer.and(within.day_count_most),
            order: order.map(|it| it.order),
        })
    }
}

impl<T: Copy> Standing<T> {
    const fn taken(&self) -> Option<T> {
        match self {
            Self::Taken(it) => Some(*it),
            Self::Unasked | Self::Known | Self::Refused | Self::Full => None,
        }
    }
}

/// The shard at home for a hash.
pub(super) fn home_of(hash: &[u8; 16], shards: u16) -> ShardId {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    let home = u64::from_le_bytes([a, b, c, d, e, f, g, h]) % u64::from(shards);
    ShardId(u16::try_from(home).expect("smaller than a u16"))
}

/// What no longer counts, to be said to its homes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GivenBack {
    /// The payment.
    pub key: Key,
    /// Where it was shed on its way, for its owner: which way that was; zero: it was not.
    pub ticket: u32,
    /// Whose totals, of which day, with how much.
    pub payer: Option<(PayerHash, Date, i64)>,
    /// Which order.
    pub order: Option<OrderHash>,
}

impl GivenBack {
    fn of(key: Key, hold: &Hold) -> Self {
        let minor = hold.amount.map_or(0, |amount| amount.minor);
        Self {
            key,
            ticket: 0,
            payer: hold.payer.map(|payer| (payer, hold.date, minor)),
            order: hold.order,
        }
    }

    /// Its parts by their homes.
    pub fn parts(&self, shards: u16) -> impl Iterator<Item = (ShardId, Self)> {
        let (payer, order) = (self.payer, self.order);
        let payer = payer.map(|it| {
            (
                home_of(&it.0.0, shards),
                Self {
                    order: None,
                    ..*self
                },
            )
        });
        let order = order.map(|it| {
            (
                home_of(&it.0, shards),
                Self {
                    payer: None,
                    ..*self
                },
            )
        });
        payer.into_iter().chain(order)
    }
}

/// What this shard has of holds: as a home, and of its own payments.
#[derive(Debug, Default)]
pub(super) struct Holds {
    payers: Option<Payers>,
    orders: Option<Orders>,
    /// Payments of this shard that are on their way; none where there is no other shard.
    pub(super) walks: Option<Walks>,
    /// There is no other shard.
    alone: bool,
    /// Of its payments, by place; who else has the place by now has another number.
    of_payments: Vec<Option<Hold>>,
    /// Payments that have ended, as replay has found, and count yet.
    pub(super) unreleased: std::collections::BTreeSet<TransactionNumber>,
    /// How many of its payments count: open or approved.
    count: u64,
}

impl Holds {
    /// What the payment in this place counts for from now on. Returns none: it claims no place.
    pub(super) fn put(&mut self, slot: u32, hold: Option<&Hold>) -> Option<u32> {
        let place = usize::try_from(slot).expect("usize holds a u32");
        if self.of_payments.len() <= place {
            self.of_payments.resize(place + 1, None);
        }
        let before = core::mem::replace(&mut self.of_payments[place], hold.copied());
        self.count += u64::from(hold.is_some());
        self.count -= u64::from(before.is_some());
        None
    }

    fn at(&self, slot: u32) -> Option<&Hold> {
        let place = usize::try_from(slot).expect("usize holds a u32");
        self.of_payments.get(place)?.as_ref()
    }
}

impl Engine {
    /// What is counted here, as the tables say: payers where there are limits over time, orders
    /// where there are quotes. Before the first.
    pub fn serve_holds(&mut self, alone: bool, payers: bool, orders: bool) {
        let capacity = self.limits.remembered_keys_max;
        let holds = &mut self.holds;
        holds.alone = alone;
        holds.payers = payers.then(|| Payers::new(capacity));
        holds.orders = orders.then(|| Orders::new(capacity));
        let walks = !alone && (payers || orders);
        holds.walks = walks.then(|| Walks::new(self.limits.in_flight_max));
        if payers || orders {
            let capacity = usize::try_from(capacity).expect("usize holds a u32");
            let more = capacity.saturating_sub(holds.of_payments.len());
            holds.of_payments.reserve_exact(more);
            // All places that were ever used: from here on one comes after the other, and the
            // first payment that counts does not wait for millions that did not.
            let used = self.transactions.places_used().max(holds.of_payments.len());
            holds.of_payments.resize(used, None);
        }
    }

    /// Payers and orders whose home is here.
    pub fn held_here(&self) -> (usize, usize) {
        let payers = self.holds.payers.as_ref().map_or(0, Payers::len);
        let orders = self.holds.orders.as_ref().map_or(0, Orders::len);
        (payers, orders)
    }

    /// Payments of this shard that count for something, open or approved.
    pub fn holds(&self) -> u64 {
        self.holds.count
    }

    /// What a payer's payments come to, where this is his home, for whoever compares it.
    pub fn counted(&self, payer: PayerHash) -> Option<&Counts> {
        self.holds.payers.as_ref()?.of(payer)
    }

    /// What a payment counts for, where there is one shard.
    pub(super) fn stake_here<L: Legs>(
        &mut self,
        request: &PaymentRequest<'_>,
        quote: Option<&QuoteTerms>,
        context: &Context<'_, L>,
    ) -> Option<Stake> {
        if !self.holds.alone {
            return None;
        }
        let mut stake = stake_of(request, quote, context)?;
        self.put_stake(&mut stake, 1, ShardId(0), context.today);
        Some(stake)
    }

    /// As far as this shard is its home: from now on it counts.
    pub fn put_stake(&mut self, stake: &mut Stake, shards: u16, here: ShardId, today: Date) {
        if stake.follows {
            return stake.pass_by(shards, here);
        }
        let Holds { payers, orders, .. } = &mut self.holds;
        if let Some(it) = &mut stake.payer
            && it.standing == Standing::Unasked
            && home_of(&it.payer.0, shards) == here
        {
            let minor = it.amount.map_or(0, |amount| amount.minor);
            let sum = payers
                .as_mut()
                .and_then(|payers| payers.count(it.payer, minor, today));
            it.standing = sum.map_or(Standing::Full, |(year_minor, day_count)| {
                Standing::Taken(Sum {
                    date: today,
                    year_minor,
                    day_count,
                })
            });
        }
        if let Some(it) = &mut stake.order
            && it.standing == Standing::Unasked
            && home_of(&it.order.0, shards) == here
        {
            let (order, key, date) = (it.order, stake.key, today);
            let held = OrderHeld { order, key, date };
            it.standing = match orders.as_mut().map(|orders| orders.take(held)) {
                Some(Taking::New) => Standing::Taken(()),
                Some(Taking::Same) => Standing::Known,
                Some(Taking::Other) => Standing::Refused,
                Some(Taking::Full) | None => Standing::Full,
            };
        }
    }

    /// What was taken on the way, and will not count.
    pub fn withdraw(&mut self, stake: &Stake, effects: &mut Effects<'_>) {
        let hold = stake.hold(TransactionNumber(0), Date::LAST, &Within::default());
        if let Some(hold) = hold {
            let given_back = GivenBack::of(stake.key, &hold);
            if self.holds.alone {
                self.take_back(&given_back);
            } else {
                effects.give_back(given_back, Gate::Free);
            }
        }
    }

    /// As far as this shard is its home: it no longer counts.
    pub fn take_back(&mut self, given_back: &GivenBack) {
        if given_back.ticket != 0 {
            self.end_walk(&given_back.key, given_back.ticket);
        }
        let Holds { payers, orders, .. } = &mut self.holds;
        if let (Some(payers), Some((payer, date, minor))) = (payers, given_back.payer) {
            payers.give_back(payer, date, minor);
        }
        if let (Some(orders), Some(order)) = (orders, given_back.order) {
            orders.give_back(order, &given_back.key);
        }
    }

    /// Writes down what a payment counts for, right behind the payment.
    pub(super) fn record_hold<L: Legs>(
        &mut self,
        hold: Hold,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let record = Record::Held(hold);
        effects.append(record);
        self.apply(&record, context.now.wall, context.tables);
    }

    /// Something was recorded: a payment that is declined or reversed by it no longer counts.
    #[inline]
    pub(super) fn release_hold<L: Legs>(
        &mut self,
        number: TransactionNumber,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        if self.holds.count == 0 {
            return;
        }
        if let Some(hold) = self.ended_hold(number) {
            let slot = self.transactions.by_number(number).expect("it has ended");
            let key = self.transactions.get(slot).target.key;
            let record = Record::Released(hold);
            effects.append(record);
            self.apply(&record, context.now.wall, context.tables);
            // Whoever takes this room may act before the power is lost.
            effects.give_back(GivenBack::of(key, &hold), Gate::Committed);
        }
    }

    /// What a transaction counts for, though it is declined or reversed.
    fn ended_hold(&self, number: TransactionNumber) -> Option<Hold> {
        let slot = self.transactions.by_number(number)?;
        let hold = self.holds.at(slot).filter(|hold| hold.number == number)?;
        let phase = self.transactions.get(slot).phase;
        matches!(phase, Phase::Declined | Phase::Reversed).then_some(*hold)
    }

    /// In replay: notes whether a payment has ended and counts yet.
    pub(super) fn note_unreleased(&mut self, number: TransactionNumber) {
        if self.holds.count == 0 && self.holds.unreleased.is_empty() {
            return;
        }
        if self.ended_hold(number).is_some() {
            self.holds.unreleased.insert(number);
        } else {
            self.holds.unreleased.remove(&number);
        }
    }

    /// Before anybody is served: what one shard has read of what is counted here.
    pub fn tell_holds(&mut self, told: &ToldHolds, today: Date) {
        if let Some(payers) = &mut self.holds.payers {
            for (payer, counts) in &told.payers {
                payers.tell(*payer, counts, today);
            }
        }
        if let Some(orders) = &mut self.holds.orders {
            for held in &told.orders {
                orders.tell(*held, today);
            }
        }
    }

    /// The orders that payments of this shard have.
    fn orders_held(&self) -> impl Iterator<Item = OrderHeld> {
        self.transactions.iter().filter_map(|transaction| {
            let slot = self.transactions.by_number(transaction.number)?;
            let hold = self.holds.at(slot)?;
            let (order, key, date) = (hold.order?, transaction.target.key, hold.date);
            (hold.number == transaction.number).then_some(OrderHeld { order, key, date })
        })
    }
}

/// Whether a payment may count for anything: a look, before anything is asked.
pub fn may_count(request: &PaymentRequest<'_>, tables: &Snapshot) -> bool {
    tables.guard().counts() || is_of_order(request, tables)
}

pub(super) fn is_of_order(request: &PaymentRequest<'_>, tables: &Snapshot) -> bool {
    let pricing = tables.pricing();
    pricing.is_some_and(|it| it.keys.is_of_order(request.quote))
}

/// What a payment would count for: nobody was asked.
pub(super) fn stake_of<L: Legs>(
    request: &PaymentRequest<'_>,
    quote: Option<&QuoteTerms>,
    context: &Context<'_, L>,
) -> Option<Stake> {
    let (tables, wallet) = (context.tables, request.key.originator);
    let token = request.payer_token.as_ref();
    let payer = tables.guard().payer(request.presentation, wallet, token);
    let payer = payer.map(|payer| PayerStake {
        payer,
        amount: tables.measured(request.amounts.amount, context.now.wall),
        standing: Standing::Unasked,
    });
    let order = quote.and_then(|terms| terms.order);
    let order = order.map(|order| OrderStake {
        order,
        standing: Standing::Unasked,
    });
    (payer.is_some() || order.is_some()).then_some(Stake {
        key: request.key,
        ticket: 0,
        follows: false,
        payer,
        order,
    })
}

/// What one shard has read of holds whose home is another.
#[derive(Clone, Debug, Default)]
pub struct ToldHolds {
    payers: Vec<(PayerHash, Counts)>,
    orders: Vec<OrderHeld>,
}

impl ToldHolds {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.payers.is_empty() && self.orders.is_empty()
    }
}

/// What a replay has met of payers' totals, until they are told.
#[derive(Debug)]
pub struct ReadHolds {
    by_payer: HashMap<PayerHash, Counts, foldhash::fast::FixedState>,
    /// Of the limits: what was measured in another cannot be added.
    currency: Option<Currency>,
}

impl ReadHolds {
    /// Nothing was read yet.
    pub fn new(currency: Option<Currency>) -> Self {
        Self {
            by_payer: HashMap::default(),
            currency,
        }
    }

    /// A record of the live journal.
    #[inline]
    pub fn hear(&mut self, record: &Record) {
        if let Record::Held(hold) = record {
            self.count(hold, 1);
        } else if let Record::Released(hold) = record {
            self.count(hold, -1);
        }
    }

    /// What is carried of payments that the live journal does not tell.
    pub fn carry(&mut self, total: &Total) {
        if Some(total.amount.currency) == self.currency {
            let counts = self.by_payer.entry(total.payer).or_default();
            counts.add_year(total.year, total.amount.minor);
        }
    }

    fn count(&mut self, hold: &Hold, times: i64) {
        let Some(payer) = hold.payer else { return };
        let amount = hold.amount.filter(|it| Some(it.currency) == self.currency);
        let counts = self.by_payer.entry(payer).or_default();
        counts.count(hold.date, amount.map_or(0, |it| it.minor), times);
    }

    /// All of them, and the orders that `engine` remembers, by home, of `shards`.
    pub fn by_home(self, engine: &Engine, shards: u16) -> Vec<ToldHolds> {
        let mut all = vec![ToldHolds::default(); usize::from(shards)];
        for (payer, counts) in self.by_payer {
            let home = home_of(&payer.0, shards);
            all[usize::from(home.0)].payers.push((payer, counts));
        }
        for held in engine.orders_held() {
            let home = home_of(&held.order.0, shards);
            all[usize::from(home.0)].orders.push(held);
        }
        all
    }
}

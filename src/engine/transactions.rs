//! What is remembered of every transaction: one fixed-size place each, found by key or by number.
//!
//! Places are used in the order of transaction numbers and come round; a place is given up only
//! when its transaction is over, older than keys must be remembered, and known to the archive.
//! Nothing is allocated.

use core::hash::BuildHasher;
use core::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::engine::forgetting::Remembering;
use crate::engine::index::{Index, memory_of};
use crate::engine::kept_amounts::KeptAmounts;
use crate::engine::operator_queue::NOT_QUEUED;
use crate::engine::restore::Ask;
use crate::engine::transitions::Phase;
use crate::model::chars::Chars;
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{MatchKey, ParticipantIndex, TransactionNumber};
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{Amounts, Echoed};
use crate::model::outcome::{Outcome, Reason, Resolution, ResponseCode};
use crate::model::record::{Actor, Refunded, ShortText};
use crate::model::time::{Date, Wall};

/// "No exchange".
pub(super) const NO_EXCHANGE: u32 = u32::MAX;

/// What the originator was told, for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FinalAnswer {
    pub(super) response_code: ResponseCode,
    pub(super) outcome: Outcome,
}

/// How far a PaymentAdvice has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AdviceState {
    None,
    Owed,
    Acknowledged,
}

/// One transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    pub(super) number: TransactionNumber,
    pub(super) target: BusinessKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) received: Wall,
    pub(super) phase: Phase,
    /// Claimed by a reversal that came before its payment.
    pub(super) claimed_by_reversal: bool,
    /// 68 or 09 was given.
    pub(super) told_unknown: bool,
    /// 09 was given to its originator's reversal request.
    pub(super) told_reversing: bool,
    /// How its outcome is found out, once it is asked for.
    pub(super) resolution: Resolution,
    pub(super) advice: AdviceState,
    pub(super) answer: Option<FinalAnswer>,
    pub(super) originator: Option<ParticipantIndex>,
    pub(super) destination: Option<ParticipantIndex>,
    pub(super) amounts: KeptAmounts,
    pub(super) echoed: Echoed,
    pub(super) settlement_date: Date,
    pub(super) approval_code: Option<Chars<6>>,
    pub(super) text: ShortText,
    /// Ours, on the destination leg.
    pub(super) match_key: MatchKey,
    /// Zero: there is none.
    pub(super) reversal_key: MatchKey,
    pub(super) reversal_by: Actor,
    pub(super) reversal_is_advice: bool,
    pub(super) reversal_reason: Option<Reason>,
    /// Zero: there is none.
    pub(super) advice_key: MatchKey,
    /// Of our inquiries; zero: none was made.
    pub(super) inquiry_key: MatchKey,
    /// When a pending transaction is asked about, in seconds since 1970.
    pub(super) pending_until_s: u32,
    /// Its place in the operator queue.
    pub(super) queued: u32,
    /// Of a refund: the slot of its payment. Of a payment: its own.
    pub(super) root: u32,
    /// Of a payment: the slot of its latest refund. Of a refund: that of the one before.
    pub(super) refund: u32,
    /// Of a refund: what had been given back when it was answered, in the payment's minor units.
    pub(super) refunded_minor: i64,
    /// Live exchanges, by index. A reversal and an inquiry are never live at once.
    pub(super) forward: u32,
    pub(super) reversal: u32,
    pub(super) payment_advice: u32,
    /// The last segment of the journal that may have a record about it, since this start.
    pub(super) touched: u32,
}

/// "No match key": none is drawn as zero.
const NO_KEY: MatchKey = MatchKey(0);

/// The number of a place that nobody has.
const FORGOTTEN: TransactionNumber = TransactionNumber(0);

/// Recalled payments with refunds that are remembered at once.
const RECALLED_MAX: usize = 4_096;

/// How far ahead of the place that is written now the next ones are asked for: some 4 KiB.
const PLACES_AHEAD: usize = 12;

/// Places passed over for one claim.
const PASSED_OVER_MAX: u64 = 64;

/// A remembered transaction takes no more bytes than this; `benches/start.rs` prints what it takes.
const TRANSACTION_BYTES_MAX: usize = 448;
const _: () = assert!(size_of::<Transaction>() <= TRANSACTION_BYTES_MAX);

impl Transaction {
    /// One that is claimed now: nothing was said about it yet, and nothing is open. Who claims it
    /// writes over what differs.
    #[inline]
    pub(super) fn claimed(
        number: TransactionNumber,
        target: BusinessKey,
        received: Wall,
        amounts: Amounts,
        settlement_date: Date,
    ) -> Self {
        Self {
            number,
            target,
            fingerprint: Fingerprint(0),
            received,
            phase: Phase::Forwarded,
            claimed_by_reversal: false,
            told_unknown: false,
            told_reversing: false,
            resolution: Resolution::Reverse,
            advice: AdviceState::None,
            answer: None,
            originator: None,
            destination: None,
            amounts: KeptAmounts::of(&amounts),
            echoed: Echoed::default(),
            settlement_date,
            approval_code: None,
            text: ShortText::EMPTY,
            match_key: NO_KEY,
            reversal_key: NO_KEY,
            reversal_by: Actor::Switch,
            reversal_is_advice: false,
            reversal_reason: None,
            advice_key: NO_KEY,
            inquiry_key: NO_KEY,
            pending_until_s: 0,
            queued: NOT_QUEUED,
            root: NO_EXCHANGE,
            refund: NO_EXCHANGE,
            refunded_minor: 0,
            forward: NO_EXCHANGE,
            reversal: NO_EXCHANGE,
            payment_advice: NO_EXCHANGE,
            touched: 0,
        }
    }

    /// Our match key of its reversal, on the leg that it goes out on.
    pub(super) fn reversal_key(&self) -> Option<MatchKey> {
        (self.reversal_key != NO_KEY).then_some(self.reversal_key)
    }

    pub(super) fn set_reversal_key(&mut self, key: Option<MatchKey>) {
        self.reversal_key = key.unwrap_or(NO_KEY);
    }

    /// Our match key of its PaymentAdvice.
    pub(super) fn advice_key(&self) -> Option<MatchKey> {
        (self.advice_key != NO_KEY).then_some(self.advice_key)
    }

    pub(super) fn set_advice_key(&mut self, key: Option<MatchKey>) {
        self.advice_key = key.unwrap_or(NO_KEY);
    }

    /// Whether nothing is left to be done about it.
    #[inline(always)]
    pub(super) fn is_over(&self) -> bool {
        let told = self.advice != AdviceState::Owed && !self.needs_advice();
        self.phase.is_settled() && told && self.queued == NOT_QUEUED
    }

    /// The same, with no exchange open.
    pub(super) const fn without_exchanges(self) -> Self {
        Self {
            forward: NO_EXCHANGE,
            reversal: NO_EXCHANGE,
            payment_advice: NO_EXCHANGE,
            // Whether it is queued counts; its place there does not.
            queued: if self.queued == NOT_QUEUED {
                NOT_QUEUED
            } else {
                0
            },
            touched: 0,
            ..self
        }
    }

    /// Whether the originator was told something that is no longer so, or that is not the end of
    /// it, and has not heard how it ended.
    pub(super) fn needs_advice(&self) -> bool {
        let approved = self
            .answer
            .is_some_and(|answer| answer.outcome == Outcome::Approved);
        let taken_back = approved && self.reversal_by == Actor::Destination;
        let taken_back = taken_back && self.phase == Phase::Reversed;
        let differs = self.told_unknown || self.told_reversing || taken_back;
        self.phase.is_settled() && differs && self.advice != AdviceState::Acknowledged
    }
}

/// All remembered transactions of one shard.
#[derive(Debug)]
pub(super) struct Transactions {
    places: Vec<Transaction>,
    capacity: usize,
    by_key: Index,
    hasher: FixedState,
    pub(super) last: TransactionNumber,
    pub(super) memory: Remembering,
    /// Of payments that were recalled: what their refunds had taken before, by slot.
    refunded: HashMap<u32, Refunded, FixedState>,
}

impl Transactions {
    /// Room for `capacity` transactions. The memory is reserved, and taken as it is used.
    pub(super) fn new(capacity: u32, seed: u64) -> Self {
        let capacity = usize::try_from(capacity).expect("usize holds a u32");
        assert!(capacity > 0);
        Self {
            places: Vec::with_capacity(capacity),
            capacity,
            by_key: Index::new(capacity),
            hasher: FixedState::with_seed(seed),
            last: TransactionNumber(0),
            memory: Remembering::default(),
            refunded: HashMap::with_capacity_and_hasher(RECALLED_MAX, FixedState::default()),
        }
    }

    /// Where its memory is; first the index, which is used all over from the first key on.
    pub(super) fn memory(&self) -> [Range<usize>; 2] {
        [self.by_key.memory(), memory_of(&self.places)]
    }

    /// Places that were used so far, whoever has them now.
    pub(super) fn places_used(&self) -> usize {
        self.places.len()
    }

    /// How many are remembered.
    pub(super) fn count(&self) -> usize {
        self.by_key.len()
    }

    /// Every one of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Transaction> {
        self.by_key.places().map(|slot| self.get(slot))
    }

    /// The number that the next claim gets, if there is a place for it. Places whose transaction is
    /// old and still open are passed over: one that nobody settles costs its place, not the switch.
    pub(super) fn next_number(&self, now: Wall) -> Option<TransactionNumber> {
        for step in 1..=PASSED_OVER_MAX {
            let next = TransactionNumber(self.last.0 + step);
            let Some(old) = self.places.get(self.place(next)) else {
                return Some(next);
            };
            if old.number == FORGOTTEN {
                return Some(next);
            }
            if self.memory.is_young(old.received, now) {
                return None;
            }
            if self.may_forget(old, now) {
                return Some(next);
            }
        }
        None
    }

    /// Whether it, and the refunds of it, are over, old, and known to the archive. A refund is
    /// forgotten with its payment, which knows through it what has been given back: the payment's
    /// age counts, and one that is asked for again is looked up with its payment.
    pub(super) fn may_forget(&self, old: &Transaction, now: Wall) -> bool {
        if self.memory.is_young(old.received, now) || !self.is_done(old) {
            return false;
        }
        if old.target.class == Class::Refund {
            return self.root(old).is_none();
        }
        let slot = self.by_number(old.number).expect("it is remembered");
        self.refunds(slot)
            .all(|refund| self.is_done(refund) && self.memory.has_rested(refund.received, now))
    }

    /// The refunds that are chained to a payment, latest first.
    pub(super) fn refunds(&self, root: u32) -> impl Iterator<Item = &Transaction> {
        let before = move |slot| self.chained(root, slot);
        core::iter::successors(before(root), move |slot| before(*slot)).map(|slot| self.get(slot))
    }

    /// The refund of a payment that is chained before `slot`: the payment, or a refund of it.
    /// Whoever else has the place by now is none.
    fn chained(&self, root: u32, slot: u32) -> Option<u32> {
        let before = self.get(slot).refund;
        let is_its = |it: &Transaction| {
            it.number != FORGOTTEN && it.root == root && it.target.class == Class::Refund
        };
        (before != NO_EXCHANGE && is_its(self.get(before))).then_some(before)
    }

    fn is_done(&self, old: &Transaction) -> bool {
        old.is_over() && self.memory.is_archived(old.touched)
    }

    /// The payment behind a refund, or a payment itself; none where it is forgotten: whoever has
    /// its place since then came after the refund.
    pub(super) fn root(&self, transaction: &Transaction) -> Option<u32> {
        let slot = transaction.root;
        let known = slot != NO_EXCHANGE && {
            let number = self.get(slot).number;
            number != FORGOTTEN && number <= transaction.number
        };
        known.then_some(slot)
    }

    /// Forgets a transaction and, of a payment, its refunds: their places are free.
    pub(super) fn forget(&mut self, slot: u32) {
        if !self.refunded.is_empty() {
            self.refunded.remove(&slot);
        }
        let mut next = Some(slot);
        while let Some(place) = next {
            next = self.chained(slot, place);
            let hash = self.hash(&self.get(place).target);
            self.by_key.remove(hash, place);
            let forgotten = self.at(place);
            forgotten.number = FORGOTTEN;
            let touched = forgotten.touched;
            self.memory.bury(touched);
        }
    }

    /// Makes a place free for a new transaction. In replay a refund may still be chained to its
    /// payment there: then both were forgotten before the place was given to the new one.
    fn free(&mut self, slot: u32) {
        let old = self.get(slot);
        if old.target.class == Class::Refund
            && let Some(root) = self.root(old)
        {
            self.forget(root);
        }
        if self.get(slot).number != FORGOTTEN {
            self.forget(slot);
        }
    }

    /// What the refunds of a payment had taken before it was recalled.
    pub(super) fn refunded_before(&self, slot: u32) -> Refunded {
        if self.refunded.is_empty() {
            return Refunded::default();
        }
        self.refunded.get(&slot).copied().unwrap_or_default()
    }

    /// Whether one more payment with refunds can be recalled.
    pub(super) fn may_recall(&self) -> bool {
        self.refunded.len() < RECALLED_MAX
    }

    /// Remembers what the refunds of a recalled payment had taken.
    pub(super) fn note_refunded(&mut self, slot: u32, refunded: Refunded) {
        self.refunded.insert(slot, refunded);
    }

    /// Remembers a transaction under its number, which follows the last one.
    pub(super) fn insert(&mut self, transaction: Transaction) -> u32 {
        let (hash, slot) = self.put(transaction);
        self.by_key.insert(hash, slot);
        slot
    }

    /// The same for one of many: nothing can be found until [`Transactions::catch_up`].
    #[inline(always)]
    pub(super) fn insert_late(&mut self, transaction: Transaction, ask: &impl Ask) -> u32 {
        let (hash, slot) = self.put(transaction);
        self.by_key.insert_late(hash, slot, |home| ask.ask(home));
        let ahead = index(slot) + PLACES_AHEAD;
        if let Some(place) = self.places.get(ahead) {
            ask.ask(place);
        } else {
            let begun = self.places.len();
            if let Some(place) = self.places.spare_capacity_mut().get(ahead - begun) {
                ask.ask(place);
            }
        }
        slot
    }

    /// What was inserted late can be found.
    pub(super) fn catch_up(&mut self) {
        self.by_key.catch_up();
    }

    /// Gives it its place.
    #[inline(always)]
    fn put(&mut self, mut transaction: Transaction) -> (u32, u32) {
        // A journal that was cut at its old end starts with a later number.
        assert!(
            transaction.number > self.last,
            "transaction numbers only grow"
        );
        if self.last == FORGOTTEN {
            self.memory.forgotten = TransactionNumber(transaction.number.0 - 1);
        }
        self.last = transaction.number;
        self.memory.newest = self.memory.newest.max(transaction.received);
        let place = self.place(transaction.number);
        let slot = u32::try_from(place).expect("the capacity is a u32");
        transaction.touched = self.memory.segment;
        let hash = self.hash(&transaction.target);
        if place < self.places.len() {
            if self.places[place].number != FORGOTTEN {
                self.free(slot);
            }
            self.places[place] = transaction;
        } else {
            if self.places.len() < place {
                // Places before the first number of a cut journal are free.
                let free = Transaction {
                    number: FORGOTTEN,
                    ..transaction
                };
                self.places.resize(place, free);
            }
            self.places.push(transaction);
        }
        (hash, slot)
    }

    /// A record about it is written now.
    pub(super) fn touch(&mut self, slot: u32) {
        let segment = self.memory.segment;
        self.at(slot).touched = segment;
    }

    /// Finds a transaction by its key.
    pub(super) fn find(&self, key: &BusinessKey) -> Option<u32> {
        let hash = self.hash(key);
        self.by_key
            .find(hash, |slot| self.places[index(slot)].target == *key)
    }

    /// Where a look-up of `key` begins.
    #[inline]
    pub(super) fn entry(&self, key: &BusinessKey) -> &u64 {
        self.by_key.entry(self.hash(key))
    }

    /// Finds a transaction by its number.
    pub(super) fn by_number(&self, number: TransactionNumber) -> Option<u32> {
        let place = self.place(number);
        let found = self.places.get(place)?;
        (found.number == number && number != FORGOTTEN)
            .then(|| u32::try_from(place).expect("the capacity is a u32"))
    }

    pub(super) fn get(&self, slot: u32) -> &Transaction {
        &self.places[index(slot)]
    }

    pub(super) fn at(&mut self, slot: u32) -> &mut Transaction {
        &mut self.places[index(slot)]
    }

    fn place(&self, number: TransactionNumber) -> usize {
        let count = u64::try_from(self.capacity).expect("usize is 64 bits");
        usize::try_from((number.0 - 1) % count).expect("smaller than the capacity")
    }

    fn hash(&self, key: &BusinessKey) -> u32 {
        hash_of(&self.hasher, key)
    }
}

pub(super) fn hash_of(hasher: &FixedState, key: &BusinessKey) -> u32 {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *key.key.reference.bytes();
    let head = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let tail = u64::from(u32::from_le_bytes(rest));
    let date = u64::from(key.key.local_date.yyyymmdd());
    let class = match key.class {
        Class::Payment => 1_u64,
        Class::Refund => 2,
        Class::CodeInquiry => 3,
    };
    // Eleven digits of an institution need 37 bits, a date 25.
    let who = (key.key.originator.code() << 2) | class;
    (hasher.hash_one((head, (tail << 32) | date, who)) >> 32) as u32
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).expect("usize holds a u32")
}

//! What is remembered of every transaction: one fixed-size place each, found by key or by number.
//!
//! Places are used in the order of transaction numbers and come round; a place is given up only
//! when its transaction is over and older than keys must be remembered. Nothing is allocated.

use core::hash::BuildHasher;
use core::ops::Range;

use foldhash::fast::FixedState;

use crate::engine::index::{Index, memory_of};
use crate::engine::operator_queue::NOT_QUEUED;
use crate::engine::transitions::Phase;
use crate::model::chars::Chars;
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{MatchKey, ParticipantIndex, TransactionNumber};
use crate::model::keys::{BusinessKey, Class};
use crate::model::limits::KEY_RETENTION_DAYS;
use crate::model::message::{Amounts, Echoed};
use crate::model::outcome::{Outcome, Reason, Resolution, ResponseCode};
use crate::model::record::{Actor, ShortText};
use crate::model::time::{DAY_NS, Date, Wall};

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
    pub(super) amounts: Amounts,
    pub(super) echoed: Echoed,
    pub(super) settlement_date: Date,
    pub(super) approval_code: Option<Chars<6>>,
    pub(super) text: ShortText,
    /// Ours, on the destination leg.
    pub(super) match_key: MatchKey,
    pub(super) reversal_key: Option<MatchKey>,
    pub(super) reversal_by: Actor,
    pub(super) reversal_is_advice: bool,
    pub(super) reversal_reason: Option<Reason>,
    pub(super) advice_key: Option<MatchKey>,
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
}

/// Places passed over for one claim.
const PASSED_OVER_MAX: u64 = 64;

/// A remembered transaction takes no more bytes than this; `benches/start.rs` prints what it takes.
const TRANSACTION_BYTES_MAX: usize = 448;
const _: () = assert!(size_of::<Transaction>() <= TRANSACTION_BYTES_MAX);

impl Transaction {
    /// Whether nothing is left to be done about it.
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
    last: TransactionNumber,
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
        }
    }

    /// Where its memory is.
    pub(super) fn memory(&self) -> [Range<usize>; 2] {
        [memory_of(&self.places), self.by_key.memory()]
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
        let kept = u64::try_from(KEY_RETENTION_DAYS).expect("positive");
        for step in 1..=PASSED_OVER_MAX {
            let next = TransactionNumber(self.last.0 + step);
            let Some(old) = self.places.get(self.place(next)) else {
                return Some(next);
            };
            if now.0.saturating_sub(old.received.0) / DAY_NS < kept {
                return None;
            }
            if self.is_free(old) {
                return Some(next);
            }
        }
        None
    }

    /// Whether it is over and nothing needs it: a payment is needed by its open refunds, and a
    /// refund by its payment, which knows through it what has been given back.
    fn is_free(&self, old: &Transaction) -> bool {
        if old.target.class == Class::Refund {
            return self.root(old).is_none() && old.is_over();
        }
        let mut refund = old.refund;
        while refund != NO_EXCHANGE {
            let given_back = self.get(refund);
            if !given_back.is_over() {
                return false;
            }
            refund = given_back.refund;
        }
        old.is_over()
    }

    /// The payment behind a refund, or a payment itself; none where it is forgotten: whoever has
    /// its place since then came after the refund.
    pub(super) fn root(&self, transaction: &Transaction) -> Option<u32> {
        let slot = transaction.root;
        let known = slot != NO_EXCHANGE && self.get(slot).number <= transaction.number;
        known.then_some(slot)
    }

    /// Remembers a transaction under its number, which follows the last one.
    pub(super) fn insert(&mut self, transaction: Transaction) -> u32 {
        // A journal that was cut at its old end starts with a later number.
        assert!(
            transaction.number > self.last,
            "transaction numbers only grow"
        );
        self.last = transaction.number;
        let place = self.place(transaction.number);
        let slot = u32::try_from(place).expect("the capacity is a u32");
        if place < self.places.len() {
            let hash = self.hash(&self.places[place].target);
            self.by_key.remove(hash, slot);
            self.places[place] = transaction;
        } else {
            // Places before the first number of a cut journal are filled with copies: never found.
            while self.places.len() <= place {
                self.places.push(transaction);
            }
        }
        let hash = self.hash(&transaction.target);
        self.by_key.insert(hash, slot);
        slot
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
        (found.number == number).then(|| u32::try_from(place).expect("the capacity is a u32"))
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

fn hash_of(hasher: &FixedState, key: &BusinessKey) -> u32 {
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

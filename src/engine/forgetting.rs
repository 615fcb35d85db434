//! What may be forgotten, and when: keys that are old, over, and found in the archive from then on.
//!
//! Forgetting has two occasions. A new key takes the place of an old one; or the journal's oldest
//! segment is to be given up, and then everything that was claimed in it is forgotten first, so
//! that what is remembered is always what the next start will remember: what the live journal
//! tells.
//!
//! What is old and not over, or not wholly archived yet, does not stand in the way: it is carried,
//! which means that the keeper takes its records along when it gives up their segments.

use crate::engine::Engine;
use crate::engine::apply::Drawn;
use crate::model::ids::TransactionNumber;
use crate::model::keys::{BusinessKey, Class};
use crate::model::limits::KEY_RETENTION_DAYS;
use crate::model::record::{Decision, Record};
use crate::model::time::{DAY_NS, Date, Wall};
use crate::route::Tables;

/// Transactions that are carried at once. Where there are more, segments stay.
pub const CARRIED_MAX: usize = 1_024;
/// For so long a payment is not forgotten after a refund of it was asked for: whoever waits for its
/// answer in vain reverses it.
const REFUND_REST_NS: u64 = 600 * 1_000_000_000;

/// How long, and how far, things are remembered.
#[derive(Clone, Debug)]
pub(super) struct Remembering {
    /// How long a key is remembered at least.
    retention_ns: u64,
    /// Where the journal is now: what is written has a place in this segment or before.
    pub(super) segment: u32,
    /// Where it was at the start: what was read may have its last record there. Zero where replay
    /// was told of each record's segment.
    floor: u32,
    /// Replay was told.
    exact: bool,
    /// Segments up to this one are in the archive. All, where there is none: then what is forgotten
    /// is gone.
    archived: u32,
    /// The last segment that has a record of what is forgotten.
    buried: u32,
    /// Everything up to this number is forgotten.
    pub(super) forgotten: TransactionNumber,
    /// Everything up to this number is to be forgotten.
    asked: TransactionNumber,
    /// What is numbered so or lower was claimed before the live journal begins.
    beginning: TransactionNumber,
    /// What is not forgotten of that which was to be; zero where there is room. A number stays in
    /// its place: others look at them meanwhile.
    carried: Vec<TransactionNumber>,
    /// Which of them is looked at next.
    reviewed: usize,
    /// The last number that was claimed when some were forgotten the last time.
    seen: TransactionNumber,
    /// When the newest was received.
    pub(super) newest: Wall,
}

impl Default for Remembering {
    fn default() -> Self {
        Self {
            retention_ns: KEY_RETENTION_DAYS.unsigned_abs() * DAY_NS,
            segment: 0,
            floor: 0,
            exact: false,
            archived: u32::MAX,
            buried: 0,
            forgotten: TransactionNumber(0),
            asked: TransactionNumber(0),
            beginning: TransactionNumber(0),
            carried: vec![TransactionNumber(0); CARRIED_MAX],
            reviewed: 0,
            seen: TransactionNumber(0),
            newest: Wall(0),
        }
    }
}

/// Numbers looked at in one turn, and two more for each that was claimed since the last: a shard
/// forgets faster than it learns, and no turn becomes long by it.
const NUMBERS_PER_TURN: u64 = 64;
const CLAIMED_MAX: u64 = 512;
/// Carried numbers looked at in one round; ten follow in a second.
const REVIEWED_PER_ROUND: usize = 64;

impl Remembering {
    /// Whether a key that was used at `then` must still be remembered. A clock that is days ahead
    /// makes nothing old: keys of the true date are too far from it to be new, so nothing is
    /// claimed then, and what was claimed last says what time it is.
    pub(super) fn is_young(&self, then: Wall, now: Wall) -> bool {
        now.min(self.newest).0.saturating_sub(then.0) < self.retention_ns
    }

    /// Whether a refund that was asked for at `then` may be forgotten with its payment.
    pub(super) fn has_rested(&self, then: Wall, now: Wall) -> bool {
        now.0.saturating_sub(then.0) >= self.retention_ns.min(REFUND_REST_NS)
    }

    /// The day before whose end keys may have been forgotten.
    pub(super) fn forgotten_day(&self, now: Wall) -> Date {
        // A clock that was set back makes nothing new, either.
        let now = now.max(self.newest);
        Wall(now.0.saturating_sub(self.retention_ns)).date()
    }

    /// Segments up to this one tell all that is forgotten: also where the keeper has not said yet,
    /// or does not say any more, that they are archived.
    pub(super) fn told_through(&self) -> u64 {
        u64::from(self.archived.max(self.buried))
    }

    /// What was touched in `segment` last is forgotten.
    pub(super) fn bury(&mut self, segment: u32) {
        self.buried = self.buried.max(segment);
    }

    /// A record of what is forgotten is in the segment that is read.
    fn bury_here(&mut self) {
        self.bury(self.segment);
    }

    /// Whether the archive has all records of a transaction that was touched in `segment` last.
    pub(super) fn is_archived(&self, segment: u32) -> bool {
        segment.max(self.floor) <= self.archived
    }
}

impl Engine {
    /// Keys are remembered for so long, at least. Five days, unless a test cannot wait.
    pub fn remember_for_ms(&mut self, retention_ms: u64) {
        self.transactions.memory.retention_ns = retention_ms.saturating_mul(1_000_000);
    }

    /// Before the first record of the live journal, and after those that are carried: everything
    /// else up to `number` is known to the archive alone.
    pub fn start_after(&mut self, number: TransactionNumber) {
        let mut carried: Vec<_> = self.transactions.iter().map(|it| it.number).collect();
        assert!(carried.len() <= CARRIED_MAX, "no more were carried");
        carried.sort_unstable();
        carried.resize(CARRIED_MAX, TransactionNumber(0));
        self.transactions.last = number;
        let memory = &mut self.transactions.memory;
        (memory.forgotten, memory.beginning) = (number, number);
        memory.carried = carried;
    }

    /// What is not forgotten though it is not beyond [`Engine::forgotten`]; zero: nothing.
    pub fn carried(&self) -> &[TransactionNumber] {
        &self.transactions.memory.carried
    }

    /// In replay: the records that follow have their place in `segment`.
    pub fn replay_segment(&mut self, segment: u64) {
        let memory = &mut self.transactions.memory;
        memory.segment = narrow(segment);
        memory.exact = true;
    }

    /// After replay: the journal goes on in `segment`, and nothing is said to be archived yet.
    pub fn start_in_segment(&mut self, segment: u64) {
        let memory = &mut self.transactions.memory;
        memory.floor = if memory.exact { 0 } else { narrow(segment) };
        memory.archived = 0;
        self.enter_segment(segment);
        self.replay_skipped = std::collections::BTreeSet::new();
    }

    /// What is written from now on has a place in `segment`, or in the one after it.
    pub fn enter_segment(&mut self, segment: u64) {
        self.transactions.memory.segment = narrow(segment.saturating_add(1));
    }

    /// The archive has all segments up to this one.
    pub fn archived(&mut self, segment: u64) {
        self.transactions.memory.archived = narrow(segment);
    }

    /// Everything up to `number` is to be forgotten, as soon as it may.
    pub fn forget_through(&mut self, number: TransactionNumber) {
        let last = self.transactions.last;
        let memory = &mut self.transactions.memory;
        memory.asked = memory.asked.max(number).min(last);
    }

    /// Everything up to this number is forgotten, and no record will name it again, but for what is
    /// carried.
    pub fn forgotten(&self) -> TransactionNumber {
        self.transactions.memory.forgotten
    }

    /// Forgets some of what is to be forgotten; stops at what is young.
    #[inline]
    pub fn forget_some(&mut self, now: Wall) {
        let last = self.transactions.last;
        let memory = &mut self.transactions.memory;
        let claimed = last.0 - memory.seen.0;
        memory.seen = last;
        if memory.forgotten < memory.asked {
            self.forget_up_to(NUMBERS_PER_TURN + 2 * claimed.min(CLAIMED_MAX), now);
        }
    }

    #[cold]
    fn forget_up_to(&mut self, numbers: u64, now: Wall) {
        for _ in 0..numbers {
            let memory = &self.transactions.memory;
            if memory.forgotten >= memory.asked {
                return;
            }
            let next = TransactionNumber(memory.forgotten.0 + 1);
            if let Some(slot) = self.transactions.by_number(next) {
                let transaction = self.transactions.get(slot);
                if memory.is_young(transaction.received, now) {
                    return;
                }
                if self.transactions.may_forget(transaction, now) {
                    self.transactions.forget(slot);
                } else if !self.carry(next) {
                    return;
                }
            }
            self.transactions.memory.forgotten = next;
        }
    }

    fn carry(&mut self, number: TransactionNumber) -> bool {
        let mut places = self.transactions.memory.carried.iter_mut();
        let free = places.find(|place| **place == TransactionNumber(0));
        free.map(|place| *place = number).is_some()
    }

    /// Forgets what is carried and may be forgotten by now.
    pub fn review_carried(&mut self, now: Wall) {
        for _ in 0..REVIEWED_PER_ROUND {
            let memory = &mut self.transactions.memory;
            memory.reviewed = (memory.reviewed + 1) % CARRIED_MAX;
            let (place, number) = (memory.reviewed, memory.carried[memory.reviewed]);
            if number == TransactionNumber(0) {
                continue;
            }
            if let Some(slot) = self.transactions.by_number(number) {
                let transaction = self.transactions.get(slot);
                if !self.transactions.may_forget(transaction, now) {
                    continue;
                }
                self.transactions.forget(slot);
            }
            self.transactions.memory.carried[place] = TransactionNumber(0);
        }
    }
}

impl Engine {
    /// A record of what was forgotten before the journal's oldest segments were given up: one that
    /// names a number from before its beginning, or a refund of such a payment, which was forgotten
    /// with it. Tells the match key that it drew, if it did; `None`: it is to be applied.
    pub(super) fn replay_forgotten(
        &mut self,
        record: &Record,
        claims: bool,
        tables: &Tables,
    ) -> Option<Option<Drawn>> {
        let number = record.number();
        let beginning = self.transactions.memory.beginning;
        if beginning == TransactionNumber(0) {
            return None;
        }
        if !claims {
            let carried = self.transactions.by_number(number).is_some();
            let early = number <= beginning && !carried;
            let forgotten = early || self.replay_skipped.contains(&number);
            if forgotten {
                self.transactions.memory.bury_here();
            }
            return forgotten.then_some(None);
        }
        let Record::Refund(refund) = record else {
            return None;
        };
        let root = self.transactions.find(&BusinessKey {
            key: refund.root,
            class: Class::Payment,
        });
        let drawn = match refund.decision {
            Decision::Forward {
                destination,
                match_key,
                ..
            } => tables.speaks_for(destination).map(|to| (to, match_key)),
            // What was declined at once took nothing: it is remembered for its own sake.
            Decision::Decline { .. } => return None,
        };
        if root.is_some() || number <= self.transactions.last {
            return None;
        }
        self.transactions.last = number;
        self.transactions.memory.bury_here();
        self.replay_skipped.insert(number);
        Some(drawn)
    }
}

/// Segments are numbered with ten digits in files' names; more than 32 bits of them nobody has.
fn narrow(segment: u64) -> u32 {
    u32::try_from(segment).unwrap_or(u32::MAX)
}

//! What may be forgotten, and when: keys that are old, over, and found in the archive from then on.
//!
//! Forgetting has two occasions. A new key takes the place of an old one; or the journal's oldest
//! segment is to be given up, and then everything that was claimed in it is forgotten first, so
//! that what is remembered is always what the next start will remember: what the live journal
//! tells.

use crate::engine::Engine;
use crate::engine::apply::Drawn;
use crate::model::ids::TransactionNumber;
use crate::model::keys::{BusinessKey, Class};
use crate::model::limits::KEY_RETENTION_DAYS;
use crate::model::record::{Decision, Record};
use crate::model::time::{DAY_NS, Date, Wall};
use crate::route::Tables;

/// How long, and how far, things are remembered.
#[derive(Clone, Copy, Debug)]
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
    /// Everything up to this number is forgotten.
    pub(super) forgotten: TransactionNumber,
    /// Everything up to this number is to be forgotten.
    asked: TransactionNumber,
    /// What is numbered so or lower was claimed before the live journal begins.
    beginning: TransactionNumber,
}

impl Default for Remembering {
    fn default() -> Self {
        Self {
            retention_ns: KEY_RETENTION_DAYS.unsigned_abs() * DAY_NS,
            segment: 0,
            floor: 0,
            exact: false,
            archived: u32::MAX,
            forgotten: TransactionNumber(0),
            asked: TransactionNumber(0),
            beginning: TransactionNumber(0),
        }
    }
}

/// Numbers looked at in one round; a round follows ten times a second.
const NUMBERS_PER_ROUND: u32 = 2_048;

impl Remembering {
    /// Whether a key that was used at `then` must still be remembered.
    pub(super) fn is_young(&self, then: Wall, now: Wall) -> bool {
        now.0.saturating_sub(then.0) < self.retention_ns
    }

    /// The day before whose end keys may have been forgotten.
    pub(super) fn forgotten_day(&self, now: Wall) -> Date {
        Wall(now.0.saturating_sub(self.retention_ns)).date()
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

    /// Before the first record: everything up to `number` is known to the archive alone.
    pub fn start_after(&mut self, number: TransactionNumber) {
        debug_assert_eq!(self.transactions.count(), 0);
        self.transactions.last = number;
        self.transactions.memory.forgotten = number;
        self.transactions.memory.beginning = number;
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

    /// Everything up to this number is forgotten, and no record will name it again.
    pub fn forgotten(&self) -> TransactionNumber {
        self.transactions.memory.forgotten
    }

    /// Forgets some of what is to be forgotten; stops at what may not be forgotten yet.
    pub fn forget_some(&mut self, now: Wall) {
        for _ in 0..NUMBERS_PER_ROUND {
            let memory = &self.transactions.memory;
            if memory.forgotten >= memory.asked {
                return;
            }
            let next = TransactionNumber(memory.forgotten.0 + 1);
            if let Some(slot) = self.transactions.by_number(next) {
                if !self
                    .transactions
                    .may_forget(self.transactions.get(slot), now)
                {
                    return;
                }
                self.transactions.forget(slot);
            }
            self.transactions.memory.forgotten = next;
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
            let forgotten = number <= beginning || self.replay_skipped.contains(&number);
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
        self.replay_skipped.insert(number);
        Some(drawn)
    }
}

/// Segments are numbered with ten digits in files' names; more than 32 bits of them nobody has.
fn narrow(segment: u64) -> u32 {
    u32::try_from(segment).unwrap_or(u32::MAX)
}

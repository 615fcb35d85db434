//! What operators ask and decide, as the office hands it on.
//!
//! An answer to a decision is given once all that stood in the journal by then is committed: an
//! operator who hears that it is settled can rely on it. Nothing is allocated and nobody is waited
//! for; who does not fetch an answer loses it.

use crossbeam_queue::ArrayQueue;

use crate::model::ids::{Institution, Lsn};
use crate::model::ruling::Ruled;
use crate::model::time::Now;
use crate::shard::{Pass, Shard};

pub use crate::engine::{NotRuled, Waits};

/// Decisions that wait for their commit at once, in one shard; the next ones are refused.
pub(super) const RULINGS_MAX: usize = 64;
/// Of those who wait for an operator, the oldest that one answer tells.
pub const WAITING_TOLD_MAX: usize = 256;

/// One answer, or a part of it.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Of the question.
    pub ticket: u32,
    /// What.
    pub said: Said,
}

/// What a shard answers.
#[derive(Clone, Copy, Debug)]
pub enum Said {
    /// One who waits, and for whom.
    Waits(Waits, Institution),
    /// All were told, of so many.
    Waiting(usize),
    /// What became of a decision.
    Ruled(Result<(), NotTaken>),
}

/// Why a decision was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTaken {
    /// The engine says no.
    Not(NotRuled),
    /// The journal takes no more: a write has failed, or the shard has closed it. Whether it was
    /// written down in time the next start knows.
    Fenced,
}

impl Shard {
    /// An operator decides.
    pub fn handle_ruling(&mut self, ticket: u32, ruled: &Ruled, pass: &mut Pass<'_>) {
        let result = if self.closing || self.journal.fence().is_some() {
            Err(NotTaken::Fenced)
        } else if self.ruled.len() >= RULINGS_MAX {
            Err(NotTaken::Not(NotRuled::Busy))
        } else {
            let result = self.engage(pass, |engine, context, effects| {
                engine.handle_ruling(ruled, context, effects)
            });
            result.map_err(NotTaken::Not)
        };
        let lsn = self.journal.appended();
        if self.ruled.len() < self.ruled.capacity() {
            self.ruled.push_back((lsn, ticket, result));
        }
    }

    /// The next decision that is committed, or that was refused on what is. Once the journal is
    /// fenced nobody knows of the others.
    pub fn told_ruling(&mut self) -> Option<Reply> {
        let fenced = self.journal.fence().is_some();
        let committed = self.journal.committed();
        let is_due = |(lsn, ..): &mut Untold| fenced || *lsn <= committed;
        let (lsn, ticket, result) = self.ruled.pop_front_if(is_due)?;
        let result = if lsn <= committed {
            result
        } else {
            Err(NotTaken::Fenced)
        };
        let said = Said::Ruled(result);
        Some(Reply { ticket, said })
    }

    /// Those who wait for an operator, oldest first, and how many there are.
    pub fn each_waiting(&mut self, now: Now, mut show: impl FnMut(&Waits, Institution)) -> usize {
        let context = crate::engine::Context {
            room: self.room(),
            now,
            today: self.today,
            tables: &self.tables,
            legs: &mut self.sessions,
        };
        let tables = &self.tables;
        self.engine.waiting(WAITING_TOLD_MAX, &context, |waits| {
            show(&waits, tables.participant(waits.with).institution);
        });
        self.engine.operator_queue().0
    }

    /// Answers who waits.
    pub(super) fn say_waiting(
        &mut self,
        ticket: u32,
        pass: &Pass<'_>,
        replies: &ArrayQueue<Reply>,
    ) {
        let all = self.each_waiting(pass.now, |waits, with| {
            let said = Said::Waits(*waits, with);
            // What nobody has fetched gives way.
            replies.force_push(Reply { ticket, said });
        });
        let said = Said::Waiting(all);
        replies.force_push(Reply { ticket, said });
    }
}

/// Where a decision's answer waits for its commit.
pub(super) type Untold = (Lsn, u32, Result<(), NotTaken>);

//! How the office speaks to a shard: a bounded queue, and a tap on the shoulder.

use core::fmt;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::engine::Snapshot;
use crate::journal::keeper::Progress;
use crate::model::ids::{ParticipantIndex, ShardId};
use crate::model::ruling::Ruled;
use crate::shard::rulings::{RULINGS_MAX, Reply, WAITING_TOLD_MAX};
use crate::sys::wake::Waker;

/// One generation of all tables, to be handed to shards. Whoever makes it keeps it until it is the
/// sole holder: a shard never frees one.
#[derive(Clone)]
pub struct Handed(pub(super) Arc<Snapshot>);

impl Handed {
    /// To be handed to shards.
    pub fn new(tables: impl Into<Arc<Snapshot>>) -> Self {
        Self(tables.into())
    }

    /// Whether nobody else has it any more.
    pub fn is_sole(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl fmt::Debug for Handed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tables {}", self.0.version().0)
    }
}

impl PartialEq for Handed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Handed {}

/// What a shard is told from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Sign off with everybody, accept nothing new, answer what is in flight, then end.
    Drain,
    /// Sign off with a participant: nothing new to it and from it over its links of now.
    SignOffWith(ParticipantIndex),
    /// End the links of a participant that are signed off.
    EndLinksOf(ParticipantIndex),
    /// Another shard has ended: what it owned is refused, its links are gone.
    PeerEnded(ShardId),
    /// Decide by these tables from the next turn on.
    Tables(Handed),
    /// End now: what is open is resolved at the next start.
    Stop,
    /// How far the archive is, and what the journal may forget.
    Tended(Progress),
    /// Say who waits for an operator; the answer has this ticket.
    SayWaiting(u32),
    /// An operator has decided; the answer has this ticket.
    Rule(u32, Ruled),
}

/// Room for one whole answer to [`Command::SayWaiting`], and for some decisions.
pub(super) const REPLIES_MAX: usize = WAITING_TOLD_MAX + 1 + 4 * RULINGS_MAX;

/// The office's end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailbox {
    queue: Arc<ArrayQueue<Command>>,
    replies: Arc<ArrayQueue<Reply>>,
    waker: Waker,
}

impl Mailbox {
    pub(super) fn new(
        queue: Arc<ArrayQueue<Command>>,
        replies: Arc<ArrayQueue<Reply>>,
        waker: Waker,
    ) -> Self {
        Self {
            queue,
            replies,
            waker,
        }
    }

    /// The next answer of the shard. One office asks, one question after the other; what it does
    /// not fetch is in its way the next time.
    pub fn reply(&self) -> Option<Reply> {
        self.replies.pop()
    }

    /// Puts a command into the shard's mailbox. `false`: the mailbox is full; the shard is not
    /// looking into it.
    #[must_use]
    pub fn send(&self, command: Command) -> bool {
        let taken = self.queue.push(command).is_ok();
        self.waker.wake();
        taken
    }
}

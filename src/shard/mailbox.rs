//! How the office speaks to a shard: a bounded queue, and a tap on the shoulder.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::journal::keeper::Progress;
use crate::model::ids::ShardId;
use crate::sys::wake::Waker;

/// What a shard is told from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Accept nothing new, answer what is in flight, then end.
    Drain,
    /// Another shard has ended: what it owned is refused, its links are gone.
    PeerEnded(ShardId),
    /// End now: what is open is resolved at the next start.
    Stop,
    /// How far the archive is, and what the journal may forget.
    Tended(Progress),
}

/// The office's end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailbox {
    queue: Arc<ArrayQueue<Command>>,
    waker: Waker,
}

impl Mailbox {
    pub(super) fn new(queue: Arc<ArrayQueue<Command>>, waker: Waker) -> Self {
        Self { queue, waker }
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

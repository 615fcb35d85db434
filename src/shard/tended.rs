//! The shard's side of the archive: how far it is, what may be forgotten for it, and how its keeper
//! is spoken with.
//!
//! The keeper never takes anything away that a shard remembers: it asks, the shard forgets what it
//! may, a little at a time, and says how far it came by its counters.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{LookUp, LookedUp};
use crate::journal::keeper::{Desk, KeeperNote, Progress};
use crate::journal::store::Folder;
use crate::model::ids::{Lsn, ShardId, TransactionNumber};
use crate::shard::run::RunningShards;
use crate::shard::stats::{Counter, Counters};
use crate::shard::{Command, Mailbox, Pass, Shard};

/// Between a keeper and the shards at work: mailboxes one way, counters the other.
pub struct KeeperDesk {
    mailboxes: Vec<Mailbox>,
    counters: Vec<Arc<Counters>>,
    tell: Box<dyn Fn(KeeperNote) + Send>,
    /// What the keeper gives up, it may give up only while no other switch has the folder.
    _folder: Arc<Folder>,
}

impl core::fmt::Debug for KeeperDesk {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("KeeperDesk")
    }
}

impl KeeperDesk {
    /// For these shards; people are told by `tell`.
    pub fn new(shards: &RunningShards, tell: impl Fn(KeeperNote) + Send + 'static) -> Self {
        Self {
            mailboxes: shards.mailboxes.clone(),
            counters: shards.counters.clone(),
            tell: Box::new(tell),
            _folder: Arc::clone(&shards.folder),
        }
    }
}

impl Desk for KeeperDesk {
    fn tell(&self, note: KeeperNote) {
        (self.tell)(note);
    }

    fn tell_shard(&self, shard: ShardId, progress: Progress) -> bool {
        self.mailboxes[usize::from(shard.0)].send(Command::Tended(progress))
    }

    fn forgotten(&self, shard: ShardId) -> TransactionNumber {
        TransactionNumber(self.counters[usize::from(shard.0)].get(Counter::NumbersForgotten))
    }

    fn carried(&self, shard: ShardId) -> BTreeSet<TransactionNumber> {
        let counters = &self.counters[usize::from(shard.0)];
        counters.carried.read().collect()
    }
}

impl Shard {
    /// The keeper says how far the archive is.
    pub fn handle_tended(&mut self, tended: Progress) {
        self.journal.allow_segments(tended.last);
        self.engine.archived(tended.archived);
        self.engine.forget_through(tended.forget);
        self.tended = tended;
    }

    /// Forgets some of what is to be forgotten.
    #[inline]
    pub(super) fn forget_some(&mut self, pass: &Pass<'_>) {
        self.engine.forget_some(pass.now.wall);
    }

    /// What is not forgotten though it was asked for; zero: nothing.
    pub fn carried(&self) -> &[TransactionNumber] {
        self.engine.carried()
    }

    /// Whether anything is being looked up.
    #[inline]
    pub fn expects_look_ups(&self) -> bool {
        self.engine.look_ups() > 0
    }

    /// Somebody looks old keys up in the archive.
    pub fn serve_look_ups(&mut self) {
        self.engine.serve_look_ups();
    }

    /// What is to be looked up since the last time.
    pub fn wanted(&mut self) -> impl Iterator<Item = LookUp> {
        self.wanted.drain(..)
    }

    /// The archive was read.
    pub fn handle_looked_up(&mut self, id: u64, found: &LookedUp, pass: &mut Pass<'_>) {
        self.engage(pass, |engine, context, effects| {
            engine.handle_looked_up(id, found, context, effects);
        });
    }

    pub(super) fn expire_look_ups(&mut self, pass: &mut Pass<'_>) {
        while self.engage(pass, |engine, context, effects| {
            engine.expire_look_up(context, effects)
        }) {}
    }

    /// A record was written up to `lsn`: what follows may have its place in another segment.
    #[inline]
    pub(super) fn note_appended(&mut self, lsn: Lsn) {
        if lsn >= self.segment_end {
            let (segment, end) = self.journal.segment();
            self.engine.enter_segment(segment);
            self.segment_end = end;
        }
    }

    /// Counts what became of segments.
    pub(super) fn count_tended(&mut self) {
        let Progress {
            first,
            archived,
            needed,
            ..
        } = self.tended;
        let carried = self.engine.carried().iter();
        let carried = carried.filter(|number| number.0 != 0).count();
        let sealed = self.journal.segment().0.saturating_sub(1);
        let behind = if archived == 0 {
            0
        } else {
            sealed.saturating_sub(archived)
        };
        for (counter, value) in [
            (Counter::SegmentsArchived, archived),
            (Counter::SegmentsGivenUp, first.saturating_sub(1)),
            (Counter::SegmentsUnarchivedNow, behind),
            (Counter::SegmentsNeededNow, needed),
            (Counter::CarriedNow, carried as u64),
            (Counter::NumbersForgotten, self.engine.forgotten().0),
        ] {
            self.stats.set(counter, value);
        }
    }
}

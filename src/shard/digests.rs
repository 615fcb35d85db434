//! Replays a digest, entry by entry.

use crate::engine::{Ask, ReplayError};
use crate::journal::Entry;
use crate::journal::digest::{BadDigest, Digest, Item};
use crate::journal::segments::{segment_of, segment_start};
use crate::journal::store::Piece;
use crate::model::ids::Lsn;
use crate::shard::Replaying;
use crate::sys::memory::prefetch_all;

/// Asks the machine.
struct Prefetching;

impl Ask for Prefetching {
    #[inline(always)]
    fn ask<T>(&self, place: &T) {
        prefetch_all(place);
    }
}

impl Replaying {
    /// Applies what an opening of the journal hands out.
    pub fn apply_piece(&mut self, piece: Piece<'_>) -> Result<(), ReplayError> {
        match piece {
            Piece::Carried((wall, record)) => self.apply_carried(&Entry {
                lsn: Lsn(0),
                wall,
                record,
            }),
            Piece::Base(number, segment_bytes) => {
                self.engine.start_after(number);
                self.segment_bytes = segment_bytes;
                Ok(())
            }
            Piece::Record(entry) => {
                if self.segment_bytes > 0 && entry.lsn > self.segment_end {
                    // An entry's LSN is where it ends, which is inside its segment.
                    let segment = segment_of(Lsn(entry.lsn.0 - 1), self.segment_bytes);
                    self.engine.replay_segment(segment);
                    self.segment_end = segment_start(segment + 1, self.segment_bytes);
                }
                self.apply(&entry)
            }
            Piece::Digest(digest) => self.apply_digest(digest),
        }
    }

    /// Applies all records of a segment.
    pub fn apply_digest(&mut self, digest: &Digest) -> Result<(), ReplayError> {
        let damaged = |_: BadDigest| ReplayError {
            record: "digest",
            number: 0,
        };
        if self.segment_bytes > 0 {
            let segment = digest.header().segment;
            self.engine.replay_segment(segment);
            self.segment_end = segment_start(segment + 1, self.segment_bytes);
        }
        let mut items = digest.items().map_err(damaged)?;
        while let Some((item, merchant)) = items.next_shown().map_err(damaged)? {
            self.apply_item(&item, merchant)?;
        }
        self.engine.restored();
        Ok(())
    }

    #[inline(always)]
    fn apply_item(&mut self, item: &Item, merchant: Option<&[u8; 15]>) -> Result<(), ReplayError> {
        let settled = match item {
            Item::Loose(entry) => {
                self.engine.restored();
                return self.apply(entry);
            }
            Item::Settled(settled) => settled,
        };
        let answer = settled
            .answer
            .as_ref()
            .map(|(wall, answer)| (*wall, answer));
        let payment = (settled.wall, &settled.payment);
        let drawn = self
            .engine
            .restore(payment, merchant, answer, &self.tables, &Prefetching)?;
        if let Some((participant, match_key)) = drawn {
            self.drawn[usize::from(participant.0)] = Some(match_key);
        }
        Ok(())
    }
}

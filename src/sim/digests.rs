//! Digests in the fake world: made of sealed segments after a while, or never, and sometimes
//! damaged before they are read; and what a start makes of them.

use crate::journal::Entry;
use crate::journal::cases::{DigestFound, DigestUse};
use crate::journal::digest::{BadDigest, Digest, SegmentDigester};
use crate::journal::layout::{BLOCK, JournalIdentity};
use crate::journal::recovery::{Damage, Recovered, Recovery, TailLeft};
use crate::journal::segments::segment_start;
use crate::model::limits::BLOCK_BYTES;
use crate::shard::Replaying;
use crate::sim::checker::rules::Rule;
use crate::sim::crash::remembered;
use crate::sim::disk::Disk;
use crate::sim::draw::Draw;
use crate::sim::faults::Fault;
use crate::sim::plant::Plant;
use crate::sim::player::CANARY;
use crate::sim::world::{Event, World};

const MS: u64 = 1_000_000;

/// What a start with digests reads, in order.
#[derive(Debug)]
pub(super) enum Piece {
    Record(Entry),
    Digest(Digest),
}

impl World {
    /// A segment is sealed: somebody makes its digest, as soon as there is time for it.
    pub(super) fn digest_later(&mut self, node: usize, segment: u64) {
        if self.chance.strikes(Fault::NoDigest) {
            return;
        }
        let delay = self.chance.draw.between(1, 1_500) * MS;
        let life = self.nodes[node].life;
        self.after(delay, Event::Digested(node, life, segment));
    }

    pub(super) fn digested(&mut self, node: usize, life: u64, segment: u64) {
        let place = &mut self.nodes[node];
        if place.life == life && place.disk.make_digest(place.identity, segment) {
            if self.plant == Some(Plant::WritesCode) {
                self.planted += 1;
                let digest = place.disk.digests.get_mut(&segment).expect("made just now");
                digest.extend_from_slice(CANARY);
            }
            self.tell(|| format!("shard {node} has a digest of segment {segment}"));
        }
    }

    /// While nothing runs, digests rot like everything else.
    pub(super) fn damage_digests(&mut self, node: usize) {
        if self.chance.strikes(Fault::DamagedDigest) {
            self.nodes[node].disk.damage_digest(&mut self.chance.draw);
        }
    }

    /// As a start does it: digests in place of segments, where they can be used. It must find what
    /// the segments say.
    pub(super) fn read_digested(
        &mut self,
        node: usize,
        tail: Option<TailLeft<'_>>,
        plain: &Recovered,
    ) -> Vec<Piece> {
        let (at, place) = (self.now, &self.nodes[node]);
        let mut pieces = Vec::new();
        let read = place
            .disk
            .recover_digested(place.identity, tail, &mut |piece| pieces.push(piece));
        let same = read.as_ref().is_ok_and(|read| {
            let end = |found: &Recovered| (found.next, found.durable, found.chain, found.epoch);
            end(read) == end(plain) && read.report.records == plain.report.records
        });
        self.verdicts.check(Rule::HonestRecovery, at, same, || {
            format!("with digests: {read:?}, and without: {plain:?}")
        });
        self.digests += read.map_or(0, |read| read.report.digests);
        pieces
    }

    /// What digests make the engine remember is what the records do.
    pub(super) fn check_digested(&mut self, plain: &Replaying, pieces: Vec<Piece>) -> Replaying {
        let mut replaying = self.replaying();
        let whole = pieces.into_iter().all(|piece| match piece {
            Piece::Record(entry) => replaying.apply(&entry).is_ok(),
            Piece::Digest(digest) => replaying.apply_digest(&digest).is_ok(),
        });
        let at = self.now;
        self.verdicts.check(Rule::ReplayEqualsLive, at, whole, || {
            "digests that stand for good records cannot be replayed".to_owned()
        });
        let (before, after) = (remembered(plain.engine()), remembered(replaying.engine()));
        self.check_replay(&before, &after);
        replaying
    }
}

impl Disk {
    /// Makes the digest of a sealed segment. `false`: it is not whole.
    fn make_digest(&mut self, identity: JournalIdentity, segment: u64) -> bool {
        let Some(bytes) = self.segments.get(&segment) else {
            return false;
        };
        let mut digester = SegmentDigester::new(identity, segment, self.segment_bytes);
        let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
        let whole = blocks
            .iter()
            .all(|block| digester.handle_block(block).is_ok());
        let made = whole.then(|| digester.finish().ok()).flatten();
        let Some(digest) = made else { return false };
        self.digests.insert(segment, digest);
        true
    }

    fn damage_digest(&mut self, draw: &mut Draw) {
        let count = self.digests.len();
        if count == 0 {
            return;
        }
        let which = draw.index(count);
        let digest = self.digests.values_mut().nth(which).expect("counted");
        if digest.is_empty() {
            // It was cut off whole, the last time.
            return;
        }
        let at = draw.index(digest.len());
        if draw.chance(300) {
            digest.truncate(at);
        } else {
            digest[at] ^= 1 << draw.below(8);
        }
    }

    /// As [`Disk::recover`], with the digests of segments that have one.
    fn recover_digested(
        &self,
        identity: JournalIdentity,
        tail: Option<TailLeft<'_>>,
        visit: &mut impl FnMut(Piece),
    ) -> Result<Recovered, Damage> {
        let mut recovery = Recovery::new(identity, self.segment_bytes);
        for (segment, bytes) in &self.segments {
            let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
            let ends = blocks.first().zip(blocks.last());
            let found = match self
                .digests
                .get(segment)
                .map(|bytes| Digest::read(bytes.clone()))
            {
                None => Err(DigestFound::Absent),
                Some(Err(BadDigest::Damaged)) => Err(DigestFound::Damaged),
                Some(Err(BadDigest::Version(_))) => Err(DigestFound::OtherVersion),
                Some(Ok(digest)) => Ok(digest),
            };
            let header = found.as_ref().map(Digest::header).map_err(|found| *found);
            if let (DigestUse::Use, Ok(digest)) = (recovery.handle_digest(header, ends), found) {
                visit(Piece::Digest(digest));
                continue;
            }
            let start = segment_start(*segment, self.segment_bytes);
            for (index, block) in (0_u64..).zip(blocks) {
                let mut visit = |entry| visit(Piece::Record(entry));
                recovery.handle_block(start.plus(index * BLOCK), block, &mut visit);
            }
        }
        recovery.finish(tail, &mut |entry| visit(Piece::Record(entry)))
    }
}

//! Open conversations with a counterparty: a request of ours, and who waits for its answer.
//!
//! An exchange is live state. It is not journalled: after a restart the transactions tell which
//! exchanges there must be.

use arrayvec::ArrayVec;
use foldhash::fast::FixedState;

use core::hash::BuildHasher;
use core::ops::Range;

use crate::engine::index::{Index, memory_of, neighbourly};
use crate::engine::timers::Timers;
use crate::model::ids::{LinkAddress, MatchKey, ParticipantIndex};
use crate::model::limits::WAITERS_MAX;
use crate::model::time::Monotonic;

/// What is being talked about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Talk {
    /// A payment request to its destination.
    Forward = 1,
    /// A reversal request (0400) to the destination.
    Reversal = 2,
    /// A reversal advice (0420) to the destination.
    ReversalAdvice = 3,
    /// A payment advice (0220) to the originator.
    PaymentAdvice = 4,
    /// A status inquiry (0100) to the destination.
    Inquiry = 5,
}

/// Names one exchange; stale names are recognised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExchangeId {
    index: u32,
    generation: u32,
}

/// A request that waits for an answer of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiter {
    /// Who asked.
    pub participant: ParticipantIndex,
    /// Over which link.
    pub link: LinkAddress,
    /// With which match key.
    pub match_key: MatchKey,
}

/// One exchange. What a look-up reads comes first, so that it touches one cache line.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Exchange {
    pub(super) match_key: MatchKey,
    /// The transaction's slot.
    pub(super) slot: u32,
    generation: u32,
    pub(super) with: ParticipantIndex,
    pub(super) talk: Talk,
    open: bool,
    /// Whether it was handed to a link at least once.
    pub(super) sent: bool,
    /// A forward whose deadline has passed; it stays to recognise a late answer.
    pub(super) expired: bool,
    /// How often it was sent since its participant signed on.
    pub(super) sends: u8,
    /// When it was handed to a link last.
    pub(super) sent_at: Monotonic,
    pub(super) waiters: ArrayVec<Waiter, WAITERS_MAX>,
}

/// All exchanges of one engine.
#[derive(Debug)]
pub(super) struct Exchanges {
    places: Vec<Exchange>,
    free: Vec<u32>,
    by_match_key: Index,
    hasher: FixedState,
    pub(super) timers: Timers,
}

impl Exchanges {
    pub(super) fn new(capacity: u32, seed: u64, intervals_ms: Vec<u32>) -> Self {
        let unused = Exchange {
            talk: Talk::Forward,
            slot: 0,
            with: ParticipantIndex(0),
            match_key: MatchKey(0),
            sent: false,
            expired: false,
            sends: 0,
            sent_at: Monotonic(0),
            waiters: ArrayVec::new(),
            generation: 0,
            open: false,
        };
        let count = usize::try_from(capacity).expect("usize holds a u32");
        Self {
            places: vec![unused; count],
            free: (0..capacity).rev().collect(),
            by_match_key: Index::new(count),
            hasher: FixedState::with_seed(seed),
            timers: Timers::new(count, intervals_ms),
        }
    }

    /// Where its memory is; first the index, which is used all over from the first key on.
    pub(super) fn memory(&self) -> [Range<usize>; 2] {
        [self.by_match_key.memory(), memory_of(&self.places)]
    }

    /// How many more can be opened.
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Opens one; the caller has made sure that there is room.
    pub(super) fn open(
        &mut self,
        talk: Talk,
        slot: u32,
        with: ParticipantIndex,
        match_key: MatchKey,
    ) -> u32 {
        let index = self
            .free
            .pop()
            .expect("room for every exchange is reserved at admission");
        let place = self.at(index);
        assert!(!place.open);
        place.open = true;
        place.generation = place.generation.wrapping_add(1);
        place.talk = talk;
        place.slot = slot;
        place.with = with;
        place.match_key = match_key;
        place.sent = false;
        place.expired = false;
        place.sends = 0;
        place.waiters.clear();
        let hash = self.hash(talk, with, match_key);
        self.by_match_key.insert(hash, index);
        index
    }

    /// The open exchange that an answer belongs to.
    pub(super) fn find(&self, talk: Talk, with: ParticipantIndex, key: MatchKey) -> Option<u32> {
        let hash = self.hash(talk, with, key);
        self.by_match_key.find(hash, |index| {
            let place = &self.places[place_of(index)];
            place.match_key == key && place.with == with && place.talk == talk
        })
    }

    /// Ends one.
    pub(super) fn close(&mut self, index: u32) {
        self.timers.cancel(index);
        let place = self.at(index);
        assert!(place.open);
        place.open = false;
        let (talk, with, key) = (place.talk, place.with, place.match_key);
        let hash = self.hash(talk, with, key);
        self.by_match_key.remove(hash, index);
        self.free.push(index);
    }

    pub(super) fn get(&self, index: u32) -> &Exchange {
        &self.places[place_of(index)]
    }

    pub(super) fn at(&mut self, index: u32) -> &mut Exchange {
        &mut self.places[place_of(index)]
    }

    /// The name of an open exchange.
    pub(super) fn id(&self, index: u32) -> ExchangeId {
        ExchangeId {
            index,
            generation: self.get(index).generation,
        }
    }

    /// The exchange with this name, if it is still open.
    pub(super) fn resolve(&self, id: ExchangeId) -> Option<u32> {
        let place = self.get(id.index);
        (place.open && place.generation == id.generation).then_some(id.index)
    }

    /// When a forward is too late, if its timer runs.
    pub(super) fn due(&self, index: u32) -> Option<Monotonic> {
        self.timers.due(index)
    }

    /// We draw match keys one after the other, and answers come about in that order.
    fn hash(&self, talk: Talk, with: ParticipantIndex, key: MatchKey) -> u32 {
        let who = (u64::from(with.0) << 8) | talk as u64;
        neighbourly(self.hasher.hash_one((key.0 >> 3, who)), key.0)
    }
}

fn place_of(index: u32) -> usize {
    usize::try_from(index).expect("usize holds a u32")
}

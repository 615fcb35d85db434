//! REFUND KEYS: with which payment each was used, known to the shard that owns the *key*.
//!
//! A refund lives with its payment, so no other shard would notice that its key is used again with
//! another payment. Therefore a refund first claims its own key where that key is at home:
//!
//! ```text
//!  link's shard -> the key's shard -+- used with another payment: 94 ---------> link's shard
//!                                   +- no room for one more claim: A1 --------> link's shard
//!                                   +- used with this one, or never: noted ---> the root's shard
//! ```
//!
//! Whatever else its originator says of the refund, a reversal or an inquiry, takes the same way,
//! so that over one link nothing overtakes the request. It goes where the claim says that the
//! refund is, whatever payment it names, as on one shard; and a reversal that comes first claims.
//! Where nothing is known of the refund there, a reversal that names another payment is 25: it is
//! not remembered with a payment that another shard owns.
//!
//! - **Not journalled.** Claims follow from the refunds that the shards' journals tell. After
//!   replay, and before anybody is served, each shard tells each other what it has met ([`Told`]).
//! - **A crash between claim and record** takes the claim with it: nothing was recorded, and the
//!   key may go with any payment. A 94 that was given for it meanwhile recorded nothing either.
//! - **Refused by the root's shard without a record** (A1, 30, 58): the claim stays until its date
//!   is far. The same request may be sent again; with another payment it is 94.
//! - **In memory mode** a loss of power takes records, and with them their claims: what is told is
//!   what is left.
//! - **A far key needs no claim**, because no shard takes it for a new one. Claims reach a day
//!   further than new keys do, because no two shards' days begin in the same instant.
//! - **Full**: a new refund is shed, a reversal goes on without a claim.
//!
//! Places come round in the order of claiming, and one is given up only when its key's date is so
//! far back that no shard takes it for a new one. Nothing is allocated after the start; the memory
//! is taken as it is used. With one shard there is no table.

use foldhash::fast::FixedState;

use crate::engine::effects::{Effects, Gate};
use crate::engine::index::Index;
use crate::engine::payments::Request;
use crate::engine::recall::refused_reversal;
use crate::engine::transactions::hash_of;
use crate::engine::{Context, Engine, Legs, Sender, replies};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::{CLAIM_DAYS_MAX, KEY_DAYS_MAX};
use crate::model::message::{RefundRequest, Reversal};
use crate::model::outcome::ResponseCode;
use crate::model::record::{Record, ShortText};
use crate::model::time::{Date, Wall};

// Two shards may not agree on the day, between a turn's beginning and its end, or on the way.
const _: () = assert!(CLAIM_DAYS_MAX > KEY_DAYS_MAX);

/// A refund's key, and the payment that it is used with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Claim {
    /// The refund's own key.
    pub key: Key,
    /// The payment's.
    pub root: Key,
}

/// What becomes of a refund that claims its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claimed {
    /// It goes on to its payment, and nothing is to be noted.
    Known,
    /// It goes on; once it has, [`Engine::note_claim`].
    New,
    /// It was answered: its key belongs to another payment.
    Refused,
    /// It is to be shed.
    Full,
}

/// How a key stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Nobody has claimed it, and there is room for it.
    Free,
    /// It is claimed for this payment.
    Same,
    /// It is claimed for another.
    Other,
    /// Nobody has claimed it, and nobody can: no shard takes it for a new one.
    Far,
    /// Nobody has claimed it, as far as is known, and there is no room.
    Full,
}

/// All claims of one shard.
#[derive(Debug)]
pub(super) struct Claims {
    places: Vec<Claim>,
    capacity: usize,
    /// The oldest place, which comes round next, once all are taken.
    oldest: usize,
    by_key: Index,
    hasher: FixedState,
    /// The latest date of a key that was told and found no place. For as long as that may be asked
    /// for as a new one, no key is known to be free.
    untold: Option<Date>,
}

impl Claims {
    /// Room for `capacity` keys. The memory is reserved, and taken as it is used.
    fn new(capacity: u32, seed: u64) -> Self {
        let capacity = usize::try_from(capacity).expect("usize holds a u32");
        Self {
            places: Vec::with_capacity(capacity),
            capacity,
            oldest: 0,
            by_key: Index::new(capacity),
            hasher: FixedState::with_seed(seed),
            untold: None,
        }
    }

    fn standing(&self, claim: &Claim, today: Date) -> Standing {
        let hash = self.hash(&claim.key);
        // Journals of before there were claims may hold a key twice: each has its repeats.
        if self.find(hash, |known| known == claim).is_some() {
            Standing::Same
        } else if self.find(hash, |known| known.key == claim.key).is_some() {
            Standing::Other
        } else if is_beyond(claim.key.local_date, today) {
            Standing::Far
        } else if self.untold.is_some_and(|date| !is_past(date, today)) || !self.has_room(today) {
            Standing::Full
        } else {
            Standing::Free
        }
    }

    /// Another shard remembers it.
    fn tell(&mut self, claim: &Claim, today: Date) {
        let known = self.standing(claim, today) == Standing::Same;
        if known || is_past(claim.key.local_date, today) {
            return;
        }
        if self.has_room(today) {
            self.note(claim);
        } else {
            self.untold = self.untold.max(Some(claim.key.local_date));
        }
    }

    /// Notes a claim for which there is room.
    fn note(&mut self, claim: &Claim) {
        let hash = self.hash(&claim.key);
        let place = if self.places.len() < self.capacity {
            self.places.push(*claim);
            self.places.len() - 1
        } else {
            let place = self.oldest;
            self.oldest = (place + 1) % self.capacity;
            let gone = self.hash(&self.places[place].key);
            self.by_key.remove(gone, slot_of(place));
            self.places[place] = *claim;
            place
        };
        self.by_key.insert(hash, slot_of(place));
    }

    /// The payment with which a key was claimed, if it was; this one, if it was with several.
    fn root(&self, claim: &Claim) -> Option<Key> {
        let hash = self.hash(&claim.key);
        let exact = self.find(hash, |known| known == claim);
        let found = exact.or_else(|| self.find(hash, |known| known.key == claim.key));
        found.map(|slot| self.at(slot).root)
    }

    fn has_room(&self, today: Date) -> bool {
        let free = self.places.len() < self.capacity;
        free || is_past(self.places[self.oldest].key.local_date, today)
    }

    fn find(&self, hash: u32, is_it: impl Fn(&Claim) -> bool) -> Option<u32> {
        self.by_key.find(hash, |slot| is_it(self.at(slot)))
    }

    fn at(&self, slot: u32) -> &Claim {
        &self.places[usize::try_from(slot).expect("usize holds a u32")]
    }

    fn hash(&self, key: &Key) -> u32 {
        hash_of(&self.hasher, &target(*key))
    }
}

/// Whether no shard takes a key of this date for a new one, whatever day it is there.
fn is_beyond(date: Date, today: Date) -> bool {
    date.days().abs_diff(today.days()) > CLAIM_DAYS_MAX.unsigned_abs()
}

/// The same, and it stays so.
fn is_past(date: Date, today: Date) -> bool {
    date.days() < today.days() - CLAIM_DAYS_MAX
}

const fn target(key: Key) -> BusinessKey {
    BusinessKey {
        key,
        class: Class::Refund,
    }
}

fn slot_of(place: usize) -> u32 {
    u32::try_from(place).expect("the capacity is a u32")
}

impl Engine {
    /// This shard is one of several: refunds claim their keys here. Before the first.
    pub fn serve_claims(&mut self) {
        let capacity = self.limits.remembered_keys_max;
        self.claims = Some(Claims::new(capacity, self.fingerprint_seed));
    }

    /// A refund whose key is ours claims it. `root_is_ours`: so is its payment.
    pub fn claim_key<L: Legs>(
        &mut self,
        request: &RefundRequest<'_>,
        root_is_ours: bool,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> Claimed {
        let Some(claims) = &self.claims else {
            return Claimed::Known;
        };
        let standing = claims.standing(&Claim::of(request), context.today);
        if standing == Standing::Same {
            return Claimed::Known;
        }
        let (asked, wall) = (Request::Refund(request), context.now.wall);
        let waiter = replies::waiter(sender, &request.header);
        match self.transactions.find(&target(request.key)) {
            // A repeat, or another body: with the payment that is decided.
            Some(_) if root_is_ours => return Claimed::Known,
            // A refund of a payment of ours, and this one's is another's.
            Some(slot) => {
                let fingerprint = request.fingerprint(self.fingerprint_seed);
                self.handle_repeat(slot, asked, fingerprint, waiter, wall, effects);
                return Claimed::Refused;
            }
            None => {}
        }
        match standing {
            Standing::Free => Claimed::New,
            Standing::Same | Standing::Far => Claimed::Known,
            Standing::Full => Claimed::Full,
            Standing::Other => {
                self.tally.conflicts += 1;
                let message = asked.refuse(ResponseCode::CONFLICT, wall);
                replies::answer(effects, &waiter, Gate::Committed, message, ShortText::EMPTY);
                Claimed::Refused
            }
        }
    }

    /// Something that claims a key has gone on to its payment.
    pub fn note_claim(&mut self, claim: &Claim, today: Date) {
        if let Some(claims) = &mut self.claims
            && claims.standing(claim, today) == Standing::Free
        {
            claims.note(claim);
        }
    }

    /// Before anybody is served: a shard remembers this refund.
    pub fn tell_claim(&mut self, claim: &Claim, today: Date) {
        if let Some(claims) = &mut self.claims {
            claims.tell(claim, today);
        }
    }

    /// Refund keys that are claimed here.
    pub fn claimed_keys(&self) -> usize {
        self.claims.as_ref().map_or(0, |claims| claims.by_key.len())
    }

    /// A reversal of a refund that is not remembered, where its payment is another shard's, is
    /// refused. `false`: it is for [`Engine::handle_reversal`].
    pub fn refuse_misled<L: Legs>(
        &mut self,
        reversal: &Reversal<'_>,
        advice: bool,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        if self.transactions.find(&reversal.target).is_some() {
            return false;
        }
        self.tally.reversals += 1;
        let code = ResponseCode::NOT_FOUND;
        let message = refused_reversal((reversal, advice), code, None, context.now.wall);
        let waiter = replies::waiter(sender, &reversal.header);
        replies::answer(effects, &waiter, Gate::Committed, message, ShortText::EMPTY);
        true
    }

    /// Where a refund is of which its originator says something: with which payment its key was
    /// claimed, or, as far as is known here, would be. None: this shard has it.
    pub fn whereabouts(&self, claim: &Claim) -> Option<Key> {
        let known = self.claims.as_ref().and_then(|claims| claims.root(claim));
        let is_here = || self.transactions.find(&target(claim.key)).is_some();
        match known {
            None if is_here() => None,
            _ => Some(known.unwrap_or(claim.root)),
        }
    }
}

impl Claim {
    /// What a request claims.
    pub fn of(request: &RefundRequest<'_>) -> Self {
        Self {
            key: request.key,
            root: request.root,
        }
    }

    /// What a record tells of a claim, if it is one of a refund's key: also where the refund was
    /// reversed before it came.
    fn told_by(record: &Record) -> Option<Self> {
        let (target, root) = record.claim()?;
        let key = target.key;
        (target.class == Class::Refund).then_some(Self { key, root })
    }
}

/// The claims that a replay has met, of whatever shard's keys, until they are told.
///
/// What was forgotten with its payment is among them: its key is no less taken. What no shard takes
/// for new any more is left out, by the day of the latest record or of now, whichever is earlier: a
/// clock that was ahead once, or is now, makes nothing old.
#[derive(Debug)]
pub struct Told {
    claims: Vec<Claim>,
    today: Date,
    /// When the latest record was written.
    newest: Wall,
}

impl Told {
    /// Nothing was read yet.
    pub fn new(today: Date) -> Self {
        Self {
            claims: Vec::new(),
            today,
            newest: Wall(0),
        }
    }

    /// A record was read, which was written at `wall`.
    #[inline]
    pub fn hear(&mut self, record: &Record, wall: Wall) {
        self.newest = self.newest.max(wall);
        if let Some(claim) = Claim::told_by(record)
            && !is_beyond(claim.key.local_date, wall.date())
        {
            if self.claims.len() == self.claims.capacity() {
                self.leave_out();
            }
            self.claims.push(claim);
        }
    }

    /// Leaves out what nobody needs; half of the room is free then, so that this is rare.
    fn leave_out(&mut self) {
        let today = self.today.min(self.newest.date());
        self.claims
            .retain(|claim| !is_past(claim.key.local_date, today));
        self.claims.reserve(self.claims.len().max(64));
    }

    /// All of them, by the shard that owns the key, of `shards`.
    pub fn by_shard(mut self, shards: u16) -> Vec<Vec<Claim>> {
        self.leave_out();
        let mut all = vec![Vec::new(); usize::from(shards)];
        for claim in self.claims {
            all[usize::from(claim.key.owner(shards).0)].push(claim);
        }
        all
    }
}

#[cfg(test)]
#[path = "tests/claims.rs"]
mod tests;

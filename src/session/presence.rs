//! Who has links on other shards, and what other shards have not yet been told of ours.
//!
//! A shard tells its peers when a participant's first link here signs on and when the last is gone,
//! nothing in between. What it could not tell at once is kept, one bit a peer, until it can: the
//! table is as large as that of participants and never grows.

use crate::model::ids::{ParticipantIndex, ShardId};
use crate::model::limits::SHARDS_MAX;

const _: () = assert!(SHARDS_MAX as u32 <= u64::BITS, "a set of shards is a u64");

/// What is known of one participant.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Shards that have a link of it.
    elsewhere: u64,
    /// Shards that do not know yet whether this one has.
    untold: u64,
    /// The shard that was chosen last.
    chosen: u16,
}

/// What one shard knows of the links of all.
#[derive(Debug)]
pub(super) struct Presence {
    places: Vec<Place>,
    /// Participants of which somebody is untold; each once.
    changed: Vec<ParticipantIndex>,
    /// Every other shard that lives.
    peers: u64,
}

impl Presence {
    pub(super) fn new(participants: usize, (shard, shards): (ShardId, u16)) -> Self {
        assert!(shard.0 < shards && shards <= SHARDS_MAX);
        let all = u64::MAX >> (u64::BITS - u32::from(shards));
        Self {
            places: vec![Place::default(); participants],
            changed: Vec::with_capacity(participants),
            peers: all & !bit(shard),
        }
    }

    /// The participant has come here or gone from here: every peer is to be told.
    pub(super) fn on_changed(&mut self, participant: ParticipantIndex) {
        if self.peers == 0 {
            return;
        }
        let place = &mut self.places[usize::from(participant.0)];
        if place.untold == 0 {
            self.changed.push(participant);
        }
        place.untold = self.peers;
    }

    /// Whether somebody is still to be told something.
    pub(super) fn is_settled(&self) -> bool {
        self.changed.is_empty()
    }

    /// Tells every peer what it does not know; `tell` says whether it could.
    pub(super) fn tell(&mut self, mut tell: impl FnMut(ParticipantIndex, ShardId) -> bool) {
        let places = &mut self.places;
        self.changed.retain(|participant| {
            let place = &mut places[usize::from(participant.0)];
            for shard in shards(place.untold) {
                if tell(*participant, shard) {
                    place.untold &= !bit(shard);
                }
            }
            place.untold != 0
        });
    }

    /// A peer says whether it has a link of the participant.
    pub(super) fn set(&mut self, participant: ParticipantIndex, shard: ShardId, up: bool) {
        let known = bit(shard) & self.peers;
        if let Some(place) = self.places.get_mut(usize::from(participant.0)) {
            if up {
                place.elsewhere |= known;
            } else {
                place.elsewhere &= !known;
            }
        }
    }

    /// A peer has ended: it has no links, and nobody tells it anything.
    pub(super) fn forget(&mut self, shard: ShardId) {
        let gone = bit(shard);
        self.peers &= !gone;
        for place in &mut self.places {
            place.elsewhere &= !gone;
            place.untold &= !gone;
        }
        let places = &self.places;
        self.changed
            .retain(|participant| places[usize::from(participant.0)].untold != 0);
    }

    /// How many other shards have a link of the participant.
    pub(super) fn count(&self, participant: ParticipantIndex) -> u32 {
        self.places
            .get(usize::from(participant.0))
            .map_or(0, |place| place.elsewhere.count_ones())
    }

    /// The shards that have one, in turn.
    pub(super) fn choose(&mut self, participant: ParticipantIndex) -> Option<ShardId> {
        let place = self.places.get_mut(usize::from(participant.0))?;
        let after = place.elsewhere & (u64::MAX << place.chosen << 1);
        let chosen = shards(after).chain(shards(place.elsewhere)).next()?;
        place.chosen = chosen.0;
        Some(chosen)
    }
}

const fn bit(shard: ShardId) -> u64 {
    1 << shard.0
}

/// The shards of a set, ascending.
fn shards(mut set: u64) -> impl Iterator<Item = ShardId> {
    core::iter::from_fn(move || {
        (set != 0).then(|| {
            let lowest = set.trailing_zeros();
            set &= set - 1;
            ShardId(u16::try_from(lowest).expect("less than 64"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: ParticipantIndex = ParticipantIndex(1);

    #[test]
    fn every_peer_is_told_once_and_who_could_not_be_is_told_later() {
        let mut presence = Presence::new(2, (ShardId(1), 3));
        presence.on_changed(WHO);
        presence.on_changed(WHO);
        let mut told = Vec::new();
        presence.tell(|participant, shard| {
            told.push((participant, shard.0));
            shard.0 == 0
        });
        assert_eq!(told, [(WHO, 0), (WHO, 2)]);
        assert!(!presence.is_settled());
        presence.tell(|_, shard| shard.0 == 2);
        assert!(presence.is_settled());
        presence.on_changed(WHO);
        presence.forget(ShardId(0));
        presence.tell(|_, shard| shard.0 == 2);
        assert!(presence.is_settled(), "who has ended need not be told");
    }

    #[test]
    fn shards_with_a_link_are_chosen_in_turn() {
        let mut presence = Presence::new(2, (ShardId(0), 64));
        assert_eq!(presence.choose(WHO), None);
        for shard in [2, 5, 63] {
            presence.set(WHO, ShardId(shard), true);
        }
        assert_eq!(presence.count(WHO), 3);
        let chosen: Vec<u16> = (0..4).map(|_| presence.choose(WHO).unwrap().0).collect();
        assert_eq!(chosen, [2, 5, 63, 2]);
        presence.set(WHO, ShardId(5), false);
        presence.forget(ShardId(2));
        assert_eq!(presence.choose(WHO), Some(ShardId(63)));
        presence.set(WHO, ShardId(2), true);
        assert_eq!(presence.count(WHO), 1, "it has ended");
        assert_eq!(presence.choose(WHO), Some(ShardId(63)));
    }

    #[test]
    fn the_only_shard_has_nobody_to_tell() {
        let mut presence = Presence::new(2, (ShardId(0), 1));
        presence.on_changed(WHO);
        assert!(presence.is_settled());
    }
}

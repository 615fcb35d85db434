//! The keys by which we find the answers to our own requests on a leg.
//!
//! A shard draws from its own block, so that the key names the shard: in SBE the upper bits of
//! `linkRef`, in ISO 8583 an equal share of the STANs. No key is drawn twice, also across restarts:
//! `linkRef` carries the epoch, and a STAN, which comes round, comes with another second of DE 7.
//! DE 7 never goes back, whatever the wall clock does.
//!
//! ```text
//! linkRef   63      56 55          40 39                                   0
//!          +----------+--------------+--------------------------------------+
//!          |  shard   | epoch mod 2^16|             counter                 |
//!          +----------+--------------+--------------------------------------+
//! ```

use crate::model::ids::{Epoch, MatchKey, ParticipantIndex, ShardId};
use crate::model::limits::STAN_MAX;
use crate::model::participant::{Participant, Protocol};
use crate::model::time::Wall;

const COUNTER_BITS: u32 = 40;
const SHARD_SHIFT: u32 = 56;
const SECOND_NS: u64 = 1_000_000_000;

/// What is drawn for one participant.
#[derive(Clone, Copy, Debug)]
enum Block {
    /// The next counter.
    LinkRef(u64),
    /// The next STAN, and how many were drawn in the current second.
    Stan { next: u32, drawn: u32, second: u64 },
}

/// All blocks of one shard.
#[derive(Debug)]
pub struct MatchKeys {
    blocks: Vec<Block>,
    shards: u16,
    link_ref_base: u64,
    stan_first: u32,
    stan_count: u32,
    /// The second of the last draw, and its DE 7. It never goes back; while the wall clock is
    /// behind it, it goes on by one in each second of that clock in which STANs are used up.
    second: u64,
    transmission: u64,
    /// The wall clock's second in which it last did so.
    moved_on: u64,
}

impl MatchKeys {
    /// Fresh blocks of `shard` of `shards`.
    pub fn new(
        participants: &[Participant],
        (shard, shards): (ShardId, u16),
        epoch: Epoch,
    ) -> Self {
        assert!(shard.0 < shards);
        let stan_count = STAN_MAX / u32::from(shards);
        let stan_first = 1 + stan_count * u32::from(shard.0);
        let blocks = participants
            .iter()
            .map(|participant| match participant.protocol {
                Protocol::Sbe => Block::LinkRef(1),
                Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Block::Stan {
                    next: stan_first,
                    drawn: 0,
                    second: 0,
                },
            })
            .collect();
        let epoch = u64::from(epoch.0) & 0xffff;
        let link_ref_base = (u64::from(shard.0) << SHARD_SHIFT) | (epoch << COUNTER_BITS);
        Self {
            blocks,
            shards,
            link_ref_base,
            stan_first,
            stan_count,
            second: 0,
            transmission: 0,
            moved_on: 0,
        }
    }

    /// The next key for a request to `participant`; none where its STANs of a second are used up.
    pub fn draw(&mut self, participant: ParticipantIndex, wall: Wall) -> Option<MatchKey> {
        let current = wall.0 / SECOND_NS;
        if current > self.second {
            self.second = current;
            self.transmission = wall.transmission();
        }
        match self.blocks.get_mut(usize::from(participant.0))? {
            Block::LinkRef(counter) => {
                let key = MatchKey(self.link_ref_base | *counter);
                *counter += 1;
                assert!(
                    *counter < 1 << COUNTER_BITS,
                    "2^40 keys are enough for years"
                );
                Some(key)
            }
            Block::Stan {
                next,
                drawn,
                second,
            } => {
                if *second != self.second {
                    *second = self.second;
                    *drawn = 0;
                }
                if *drawn >= self.stan_count {
                    if current == self.second || current == self.moved_on {
                        return None;
                    }
                    self.moved_on = current;
                    self.second += 1;
                    self.transmission = Wall(self.second * SECOND_NS).transmission();
                    (*second, *drawn) = (self.second, 0);
                }
                let stan = *next;
                *drawn += 1;
                *next += 1;
                if *next >= self.stan_first + self.stan_count {
                    *next = self.stan_first;
                }
                Some(MatchKey::from_iso(stan, self.transmission))
            }
        }
    }

    /// The shard whose block has this key; none where no block has it.
    pub fn drawn_by(&self, participant: ParticipantIndex, key: MatchKey) -> Option<ShardId> {
        let shard = match self.blocks.get(usize::from(participant.0))? {
            Block::LinkRef(_) => key.0 >> SHARD_SHIFT,
            Block::Stan { .. } => {
                u64::from(key.stan().checked_sub(1)?) / u64::from(self.stan_count)
            }
        };
        let shard = u16::try_from(shard).ok()?;
        (shard < self.shards).then_some(ShardId(shard))
    }

    /// An earlier run drew this key: continue after it.
    pub fn restore(&mut self, participant: ParticipantIndex, drawn: MatchKey) {
        let block = self.blocks.get_mut(usize::from(participant.0));
        let last = self.stan_first + self.stan_count - 1;
        if let Some(Block::Stan { next, .. }) = block
            && (self.stan_first..=last).contains(&drawn.stan())
        {
            *next = if drawn.stan() == last {
                self.stan_first
            } else {
                drawn.stan() + 1
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Institution;
    use crate::model::money::Currency;
    use crate::model::participant::Role;

    fn participant(protocol: Protocol) -> Participant {
        Participant {
            institution: Institution::new(1).unwrap(),
            name: "p".into(),
            role: Role::Wallet,
            protocol,
            country: 156,
            currency: Currency::new(156).unwrap(),
            fronted: Vec::new(),
            window_in: 1,
            window_out: 1,
            rate_per_second: 0,
            answer_timeout_ms: 1,
            repeat_ms: 1,
            echo_idle_ms: 0,
            echo_missed_max: 1,
            resolver: crate::model::participant::ResolverProfile::default(),
        }
    }

    fn keys(shard: u16, shards: u16, epoch: u32) -> MatchKeys {
        let participants = [
            participant(Protocol::Sbe),
            participant(Protocol::Iso8583Ascii),
        ];
        MatchKeys::new(&participants, (ShardId(shard), shards), Epoch(epoch))
    }

    const SBE: ParticipantIndex = ParticipantIndex(0);
    const ISO: ParticipantIndex = ParticipantIndex(1);

    #[test]
    fn stans_come_round_within_the_shards_share_and_never_twice_in_a_second() {
        let mut keys = keys(3, 64, 1);
        let wall = Wall(1_795_298_705_000_000_000);
        let share = STAN_MAX / 64;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..share {
            let key = keys.draw(ISO, wall).unwrap();
            assert!((1 + 3 * share..1 + 4 * share).contains(&key.stan()));
            assert_eq!(key.transmission(), 1_121_220_505);
            assert!(seen.insert(key));
        }
        assert_eq!(keys.draw(ISO, wall), None);
        // The wall clock jumps back an hour: DE 7 does not, and goes on by one a second.
        for passed_s in 0..3 {
            let wall = Wall(wall.0 - (3_600 - passed_s) * SECOND_NS);
            for _ in 0..share {
                let key = keys.draw(ISO, wall).unwrap();
                assert_eq!(key.transmission(), 1_121_220_506 + passed_s);
                assert!(seen.insert(key));
            }
            assert_eq!(keys.draw(ISO, wall), None);
        }
        // Meanwhile it has caught up.
        let caught_up = Wall(wall.0 + 3 * SECOND_NS);
        assert_eq!(keys.draw(ISO, caught_up), None);
        assert!(seen.insert(keys.draw(ISO, Wall(caught_up.0 + SECOND_NS)).unwrap()));
    }

    #[test]
    fn every_key_names_the_shard_that_drew_it() {
        let wall = Wall(1_795_298_705_000_000_000);
        for shards in [1, 2, 3, 7, 64] {
            for shard in 0..shards {
                let mut keys = keys(shard, shards, 1);
                let share = keys.stan_count;
                for draw in 0..=share {
                    let wall = Wall(wall.0 + u64::from(draw / share) * SECOND_NS);
                    let key = keys.draw(ISO, wall).unwrap();
                    assert_eq!(keys.drawn_by(ISO, key), Some(ShardId(shard)));
                }
                let key = keys.draw(SBE, wall).unwrap();
                assert_eq!(keys.drawn_by(SBE, key), Some(ShardId(shard)));
            }
        }
        let keys = keys(0, 2, 1);
        assert_eq!(
            keys.drawn_by(ISO, MatchKey::from_iso(STAN_MAX, 1)),
            None,
            "nobody's"
        );
        assert_eq!(keys.drawn_by(ISO, MatchKey::from_iso(0, 1)), None);
        assert_eq!(keys.drawn_by(SBE, MatchKey(2 << SHARD_SHIFT)), None);
    }

    #[test]
    fn a_restart_draws_no_key_again() {
        let wall = Wall(1_795_298_705_000_000_000);
        let mut before = keys(0, 1, 1);
        let drawn: Vec<MatchKey> = (0..5).map(|_| before.draw(ISO, wall).unwrap()).collect();
        let sbe = before.draw(SBE, wall).unwrap();
        let mut after = keys(0, 1, 2);
        drawn.iter().for_each(|key| after.restore(ISO, *key));
        assert!(!drawn.contains(&after.draw(ISO, wall).unwrap()));
        assert_ne!(after.draw(SBE, wall).unwrap(), sbe);
        let mut last = keys(0, 1, 3);
        last.restore(ISO, MatchKey::from_iso(STAN_MAX, 1));
        assert_eq!(last.draw(ISO, wall).unwrap().stan(), 1);
    }
}

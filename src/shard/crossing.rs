//! From shard to shard: the ports of one shard, and what is said through them.
//!
//! A ring from each shard to each other. What passes is no state: a frame for the owner of its
//! transaction, a body for a link of another shard, and who is there. Nothing of it is recorded
//! before the owner records it, and nothing binding passes before it is committed.
//!
//! ```text
//!   | kind 1 | flag 1 | participant 2 | slot 4 | generation 4 | body |
//! ```
//!
//! The flag of a frame: 0 where the link is the speaker's; 128 and the shard whose link it is where
//! the frame came by way of its key's shard, which has claimed the key. Before the body of a
//! payment that counts for something (`shard/holds.rs`) stands its stake.

use crate::engine::{GivenBack, Stake};
use crate::model::ids::{LinkId, ParticipantIndex, ShardId};
use crate::model::limits::{FRAME_BYTES_MAX, SHARDS_MAX};
use crate::shard::holds::{
    GIVEN_BACK_BYTES, STAKE_BYTES, read_given_back, read_stake, write_given_back, write_stake,
};
use crate::sys::spsc::{Consumer, Producer, ring};

/// Before each body.
const HEADER_BYTES: usize = 12;
/// Largest message.
pub(super) const MESSAGE_BYTES_MAX: usize = HEADER_BYTES + STAKE_BYTES + FRAME_BYTES_MAX;
/// Memory for all rings into one shard, as long as each gets enough.
const RINGS_BYTES: usize = 8 << 20;
/// Each ring at least: half of it takes the largest message, and requests leave a quarter free.
const RING_BYTES_MIN: usize = 1 << 18;
/// Each ring at most: no turn brings more.
const RING_BYTES_MAX: usize = 1 << 22;
const _: () = assert!(RING_BYTES_MIN / 2 > MESSAGE_BYTES_MAX + 64);

/// In the flag of a frame: claimed, and of that shard's link.
const CLAIMED: u8 = 0x80;
const _: () = assert!(SHARDS_MAX <= CLAIMED as u16);

/// No link is meant in particular.
const ANY_LINK: u32 = u32::MAX;

/// What one shard says to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Crossing<'b> {
    /// A participant sent this to you, the owner, over a link of mine.
    Frame {
        participant: ParticipantIndex,
        link: LinkId,
        /// Its key is claimed here, and the link is that shard's, not mine.
        claimed: Option<ShardId>,
        body: &'b [u8],
    },
    /// A payment on its way over the homes of what it counts for; the link is `home`'s.
    Staked {
        participant: ParticipantIndex,
        link: LinkId,
        home: ShardId,
        stake: Stake,
        body: &'b [u8],
    },
    /// This no longer counts with you.
    GivenBack(GivenBack),
    /// Send this over that link of yours, or over any other of the participant.
    Body {
        participant: ParticipantIndex,
        link: Option<LinkId>,
        /// How often it was passed on before.
        hops: u8,
        body: &'b [u8],
    },
    /// The participant has links here, or has none any more.
    Presence {
        participant: ParticipantIndex,
        up: bool,
    },
    /// Draining, and nothing of mine is open: no more will come of what I promised.
    Quiet,
    /// Everybody who has a link here knows that we end: no more will come of whom it surprises.
    Heard,
}

/// What becomes of a message between two shards, where somebody is between them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passage {
    /// It goes on.
    On,
    /// It is gone.
    Lost,
    /// It goes to this shard, as if its key were claimed.
    Unclaimed(ShardId),
}

impl<'b> Crossing<'b> {
    /// Its bytes in a ring.
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.extra_bytes() + self.body().len()
    }

    /// Between header and body.
    const fn extra_bytes(&self) -> usize {
        match self {
            Self::Staked { .. } => STAKE_BYTES,
            Self::GivenBack(_) => GIVEN_BACK_BYTES,
            Self::Frame { .. }
            | Self::Body { .. }
            | Self::Presence { .. }
            | Self::Quiet
            | Self::Heard => 0,
        }
    }

    fn body(&self) -> &'b [u8] {
        match *self {
            Self::Frame { body, .. } | Self::Body { body, .. } | Self::Staked { body, .. } => body,
            Self::Presence { .. } | Self::Quiet | Self::Heard | Self::GivenBack(_) => &[],
        }
    }

    /// Writes it; `room` has [`Crossing::bytes`] bytes.
    fn write(&self, room: &mut [u8]) {
        const NOBODY: ParticipantIndex = ParticipantIndex(0);
        let (kind, flag, participant, link) = match *self {
            Self::Frame {
                participant,
                link,
                claimed,
                ..
            } => (1, claimed.map_or(0, flag_of), participant, Some(link)),
            Self::Body {
                participant,
                link,
                hops,
                ..
            } => (2, hops, participant, link),
            Self::Presence { participant, up } => (3, u8::from(up), participant, None),
            Self::Quiet => (4, 0, NOBODY, None),
            Self::Staked {
                participant,
                link,
                home,
                ..
            } => (5, flag_of(home), participant, Some(link)),
            Self::GivenBack(_) => (6, 0, NOBODY, None),
            Self::Heard => (7, 0, NOBODY, None),
        };
        let (slot, generation) = link.map_or((ANY_LINK, 0), |link| (link.slot, link.generation));
        room[..2].copy_from_slice(&[kind, flag]);
        room[2..4].copy_from_slice(&participant.0.to_le_bytes());
        room[4..8].copy_from_slice(&slot.to_le_bytes());
        room[8..HEADER_BYTES].copy_from_slice(&generation.to_le_bytes());
        let (extra, body) = room[HEADER_BYTES..].split_at_mut(self.extra_bytes());
        match self {
            Self::Staked { stake, .. } => write_stake(extra, stake),
            Self::GivenBack(given_back) => write_given_back(extra, given_back),
            Self::Frame { .. }
            | Self::Body { .. }
            | Self::Presence { .. }
            | Self::Quiet
            | Self::Heard => {}
        }
        body.copy_from_slice(self.body());
    }

    /// Reads it.
    ///
    /// # Panics
    ///
    /// Where no shard of ours can have written it.
    pub(super) fn read(bytes: &'b [u8]) -> Self {
        let (header, body) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .expect("every message has a header");
        let [kind, flag, p0, p1, s0, s1, s2, s3, g0, g1, g2, g3] = *header;
        let participant = ParticipantIndex(u16::from_le_bytes([p0, p1]));
        let link = LinkId {
            slot: u32::from_le_bytes([s0, s1, s2, s3]),
            generation: u32::from_le_bytes([g0, g1, g2, g3]),
        };
        match kind {
            1 => Self::Frame {
                participant,
                link,
                claimed: (flag & CLAIMED != 0).then(|| ShardId(u16::from(flag & !CLAIMED))),
                body,
            },
            2 => Self::Body {
                participant,
                link: (link.slot != ANY_LINK).then_some(link),
                hops: flag,
                body,
            },
            3 => Self::Presence {
                participant,
                up: flag == 1,
            },
            4 => Self::Quiet,
            5 => {
                let (stake, body) = body.split_at(STAKE_BYTES);
                Self::Staked {
                    participant,
                    link,
                    home: ShardId(u16::from(flag & !CLAIMED)),
                    stake: read_stake(stake),
                    body,
                }
            }
            6 => Self::GivenBack(read_given_back(body)),
            7 => Self::Heard,
            _ => unreachable!("kind {kind} is not one of ours"),
        }
    }
}

fn flag_of(home: ShardId) -> u8 {
    CLAIMED | u8::try_from(home.0).expect("a shard's number is small")
}

/// One shard's ends of the rings to and from every other. The only shard has none.
///
/// A ring is memory and two counters: what comes out depends on what went in alone, so that a shard
/// with ports is as pure as one without, as long as one thread holds both ends or the order in
/// which its peers take their turns is given.
#[derive(Debug, Default)]
pub struct Ports {
    pub(super) outgoing: Vec<Option<Producer>>,
    pub(super) incoming: Vec<Option<Consumer>>,
}

impl Ports {
    /// The ports of `shards` shards, in order. Fails with ENOMEM.
    pub fn mesh(shards: u16) -> std::io::Result<Vec<Self>> {
        let count = usize::from(shards);
        let share = RINGS_BYTES / count.saturating_sub(1).max(1);
        let bytes = (share.next_power_of_two()).clamp(RING_BYTES_MIN, RING_BYTES_MAX);
        Self::mesh_of(count, bytes)
    }

    /// As [`Ports::mesh`], with rings of `bytes`, a power of two: half of it takes the largest
    /// message. Fails with ENOMEM.
    pub fn mesh_of(count: usize, bytes: usize) -> std::io::Result<Vec<Self>> {
        let mut mesh: Vec<Self> = Vec::new();
        mesh.resize_with(count, Self::default);
        if count < 2 {
            return Ok(mesh);
        }
        for from in 0..count {
            for to in 0..count {
                let (producer, consumer) = if from == to {
                    (None, None)
                } else {
                    let (producer, consumer) = ring(bytes)?;
                    (Some(producer), Some(consumer))
                };
                mesh[from].outgoing.push(producer);
                mesh[to].incoming.push(consumer);
            }
        }
        Ok(mesh)
    }

    /// Says something to another shard. `false`: there is none, or its ring is full; where
    /// `may_wait` is set, a quarter of the ring is left to what may not.
    pub(super) fn say(&mut self, to: ShardId, crossing: &Crossing<'_>, may_wait: bool) -> bool {
        let Some(Some(producer)) = self.outgoing.get_mut(usize::from(to.0)) else {
            return false;
        };
        let spare = if may_wait {
            producer.message_bytes_max() / 2
        } else {
            0
        };
        let bytes = crossing.bytes();
        let Some(room) = producer.room(bytes, spare) else {
            return false;
        };
        crossing.write(room);
        producer.push(bytes);
        true
    }

    /// Shows every peer what was said since the last time. Returns the set of those to be woken.
    pub(super) fn publish(&mut self) -> u64 {
        let mut spoken_to = 0;
        for (index, producer) in self.outgoing.iter_mut().enumerate() {
            if producer.as_mut().is_some_and(Producer::publish) {
                spoken_to |= 1 << index;
            }
        }
        spoken_to
    }

    /// Puts other ports between the shards of a mesh and what they hear: what one says to another
    /// goes no further than to `between`, which [`Ports::relay`] it.
    pub fn interpose(mesh: &mut [Self], between: &mut [Self]) {
        for (ports, other) in mesh.iter_mut().zip(between) {
            core::mem::swap(&mut ports.incoming, &mut other.incoming);
        }
    }

    /// Passes on, between the shards, whatever `from` has said, as `passage` says. Returns the set
    /// of those to whom something came that was said to another.
    pub fn relay(
        between: &mut [Self],
        from: usize,
        mut passage: impl FnMut(&[u8]) -> Passage,
    ) -> u64 {
        let mut misled = 0;
        for to in 0..between.len() {
            let heard = between[to].incoming.get_mut(from).and_then(Option::take);
            let Some(mut consumer) = heard else { continue };
            consumer.refresh();
            while let Some(message) = consumer.take() {
                let (to, flag) = match passage(message) {
                    Passage::On => (to, message[1]),
                    Passage::Lost => continue,
                    Passage::Unclaimed(owner) if usize::from(owner.0) == from => (to, message[1]),
                    Passage::Unclaimed(owner) => {
                        misled |= 1 << owner.0;
                        let home = ShardId(u16::try_from(from).expect("few"));
                        (usize::from(owner.0), flag_of(home))
                    }
                };
                if let Some(Some(producer)) = between[from].outgoing.get_mut(to)
                    && let Some(room) = producer.room(message.len(), 0)
                {
                    room.copy_from_slice(message);
                    room[1] = flag;
                    producer.push(message.len());
                }
            }
            consumer.release();
            between[to].incoming[from] = Some(consumer);
        }
        between[from].publish();
        misled
    }

    /// The body of a frame that has not claimed its key yet, and who sent it.
    pub fn unclaimed(message: &[u8]) -> Option<(ParticipantIndex, &[u8])> {
        match Crossing::read(message) {
            Crossing::Frame {
                participant,
                claimed: None,
                body,
                ..
            } => Some((participant, body)),
            _ => None,
        }
    }

    /// A peer has ended: nothing is said to it any more.
    pub(super) fn close(&mut self, shard: ShardId) {
        if let Some(producer) = self.outgoing.get_mut(usize::from(shard.0)) {
            *producer = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_is_heard() {
        let link = LinkId {
            slot: 7,
            generation: 9,
        };
        let participant = ParticipantIndex(300);
        let body: &[u8] = b"0200...";
        for crossing in [
            Crossing::Frame {
                participant,
                link,
                claimed: None,
                body,
            },
            Crossing::Frame {
                participant,
                link,
                claimed: Some(ShardId(0)),
                body,
            },
            Crossing::Frame {
                participant,
                link,
                claimed: Some(ShardId(SHARDS_MAX - 1)),
                body,
            },
            Crossing::Body {
                participant,
                link: Some(link),
                hops: 0,
                body,
            },
            Crossing::Body {
                participant,
                link: None,
                hops: 2,
                body: b"",
            },
            Crossing::Presence {
                participant,
                up: true,
            },
            Crossing::Presence {
                participant,
                up: false,
            },
            Crossing::Quiet,
            Crossing::Heard,
        ] {
            let mut room = vec![0; crossing.bytes()];
            crossing.write(&mut room);
            assert_eq!(Crossing::read(&room), crossing);
        }
    }

    #[test]
    fn what_is_between_two_shards_decides_what_is_heard() {
        let mut mesh = Ports::mesh_of(2, 1 << 18).unwrap();
        let mut between = Ports::mesh_of(2, 1 << 18).unwrap();
        Ports::interpose(&mut mesh, &mut between);
        let said = [true, false].map(|up| Crossing::Presence {
            participant: ParticipantIndex(1),
            up,
        });
        for crossing in &said {
            assert!(mesh[0].say(ShardId(1), crossing, false));
        }
        assert_eq!(mesh[0].publish(), 0b10);
        let mut count = 0;
        Ports::relay(&mut between, 0, |_| {
            count += 1;
            if count > 1 {
                Passage::On
            } else {
                Passage::Lost
            }
        });
        let consumer = mesh[1].incoming[0].as_mut().unwrap();
        consumer.refresh();
        assert_eq!(Crossing::read(consumer.take().unwrap()), said[1]);
        assert_eq!((count, consumer.take()), (2, None));
    }

    #[test]
    fn requests_leave_room_for_what_may_not_wait() {
        let mut mesh = Ports::mesh_of(2, 1 << 18).unwrap();
        let [first, second] = &mut mesh[..] else {
            unreachable!("two shards")
        };
        let body = vec![1; 1_000];
        let crossing = Crossing::Body {
            participant: ParticipantIndex(0),
            link: None,
            hops: 0,
            body: &body,
        };
        let mut said = 0;
        while first.say(ShardId(1), &crossing, true) {
            said += 1;
        }
        assert_eq!(said, 3 * (1 << 16) / 1_024);
        assert!(first.say(ShardId(1), &crossing, false));
        assert!(!first.say(ShardId(0), &crossing, false), "itself");
        assert_eq!((first.publish(), first.publish()), (0b10, 0));
        let consumer = second.incoming[0].as_mut().unwrap();
        consumer.refresh();
        assert_eq!(Crossing::read(consumer.take().unwrap()), crossing);
        first.close(ShardId(1));
        assert!(!first.say(ShardId(1), &crossing, false), "it has ended");
    }
}

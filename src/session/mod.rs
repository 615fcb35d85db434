//! WHO IS SIGNED ON: links, sessions over them, echoes, rates; and the match keys that we draw.
//!
//! Pure: no socket, no clock. A link is a number here, and time is an argument. A participant is up
//! while at least one of its links is signed on; any of them may carry any message.
//!
//! ```text
//!             sign-on 00                 sign-off
//! Connected ------------> SignedOn ------------------> SignedOff
//!     |  10 s                |  N echoes unanswered        |
//!     +--------------------> cut <-----------------------+  (the participant closes)
//! ```

mod match_keys;
mod presence;

use crate::model::ids::{LinkId, ParticipantIndex};
use crate::model::limits::SIGN_ON_DEADLINE_MS;
use crate::model::participant::{Participant, Protocol};
use crate::model::refusal::Fault;
use crate::model::time::{Monotonic, Now, Wall};

use crate::session::presence::Presence;

pub use match_keys::MatchKeys;

use crate::model::ids::{Epoch, MatchKey, ShardId};

/// State of the session over one link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// Nobody has signed on yet.
    Connected,
    /// Open for everything.
    SignedOn,
    /// Answers still go out; nothing new is accepted or sent.
    SignedOff,
}

/// What the table of links holds for each slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    id: LinkId,
    used: bool,
    state: LinkState,
    protocol: Protocol,
    participant: ParticipantIndex,
    connected: Monotonic,
    /// Last byte received.
    heard: Monotonic,
    /// Last echo asked for.
    asked: Monotonic,
    missed: u8,
    /// Neighbours in the ring of the participant's signed-on links, by slot.
    next: u32,
    previous: u32,
}

/// What the table of participants holds for each.
#[derive(Clone, Copy, Debug)]
struct Seat {
    /// The link that is next to be used; [`NOBODY`] while the participant is down.
    link: u32,
    links: u32,
    /// Requests that it may still send, in thousandths.
    allowance: u64,
    refilled: Monotonic,
}

const NOBODY: u32 = u32::MAX;

/// What is to be done about a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Care {
    /// It has been idle: ask for an echo.
    AskEcho(LinkId, ParticipantIndex),
    /// It did not sign on in time, or did not answer its echoes: cut it.
    Cut(LinkId, CutReason),
}

/// Why a link is cut by its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CutReason {
    /// No sign-on within the deadline.
    NoSignOn,
    /// Too many echoes without an answer.
    EchoesMissed,
}

/// Bounds of the link table.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Links in all.
    pub links_max: u32,
    /// Links that have not signed on.
    pub unsigned_links_max: u32,
}

/// All sessions of one shard.
#[derive(Debug)]
pub struct Sessions {
    links: Vec<Link>,
    seats: Vec<Seat>,
    keys: MatchKeys,
    presence: Presence,
    limits: SessionLimits,
    unsigned: u32,
    /// One more than the highest slot ever used: what a round of care looks at.
    slots_used: u32,
}

impl Sessions {
    /// An empty house. `epoch` makes the match keys of this run differ from those before it.
    pub fn new(
        limits: SessionLimits,
        participants: &[Participant],
        (shard, shards): (ShardId, u16),
        epoch: Epoch,
    ) -> Self {
        let free = Link {
            id: LinkId {
                slot: NOBODY,
                generation: 0,
            },
            used: false,
            state: LinkState::Connected,
            protocol: Protocol::Sbe,
            participant: ParticipantIndex(0),
            connected: Monotonic(0),
            heard: Monotonic(0),
            asked: Monotonic(0),
            missed: 0,
            next: NOBODY,
            previous: NOBODY,
        };
        let seat = Seat {
            link: NOBODY,
            links: 0,
            allowance: 0,
            refilled: Monotonic(0),
        };
        Self {
            links: vec![free; index(limits.links_max)],
            seats: vec![seat; participants.len()],
            keys: MatchKeys::new(participants, (shard, shards), epoch),
            presence: Presence::new(participants.len(), (shard, shards)),
            limits,
            unsigned: 0,
            slots_used: 0,
        }
    }

    /// A participant connected. `false`: too many links are waiting to sign on, cut it.
    #[must_use]
    pub fn on_accepted(&mut self, link: LinkId, protocol: Protocol, now: Monotonic) -> bool {
        if self.unsigned >= self.limits.unsigned_links_max {
            return false;
        }
        let Some(place) = self.links.get_mut(index(link.slot)) else {
            return false;
        };
        *place = Link {
            id: link,
            used: true,
            state: LinkState::Connected,
            protocol,
            participant: ParticipantIndex(0),
            connected: now,
            heard: now,
            asked: now,
            missed: 0,
            next: NOBODY,
            previous: NOBODY,
        };
        self.unsigned += 1;
        self.slots_used = self.slots_used.max(link.slot + 1);
        true
    }

    /// The link is gone.
    pub fn on_closed(&mut self, link: LinkId) {
        let Some(place) = self.find(link) else { return };
        match place.state {
            LinkState::Connected => self.unsigned -= 1,
            LinkState::SignedOn => self.leave(link.slot),
            LinkState::SignedOff => {}
        }
        self.links[index(link.slot)].used = false;
    }

    /// Bytes arrived.
    pub fn on_received(&mut self, link: LinkId, now: Monotonic) {
        if let Some(place) = self.links.get_mut(index(link.slot)) {
            place.heard = now;
            place.missed = 0;
        }
    }

    /// `participant` signs on over `link`. `permitted` is what the credentials say.
    pub fn handle_sign_on(
        &mut self,
        link: LinkId,
        (participant, known): (ParticipantIndex, &Participant),
        permitted: bool,
        now: Monotonic,
    ) -> Result<(), Fault> {
        let place = self.find(link).ok_or(Fault::NotSignedOn)?;
        if !permitted {
            return Err(Fault::ForeignInstitution);
        }
        if place.protocol != known.protocol {
            return Err(Fault::NotSupported);
        }
        match place.state {
            LinkState::Connected => self.unsigned -= 1,
            LinkState::SignedOn | LinkState::SignedOff if place.participant != participant => {
                return Err(Fault::ForeignInstitution);
            }
            LinkState::SignedOn => return Ok(()),
            LinkState::SignedOff => {}
        }
        let place = &mut self.links[index(link.slot)];
        place.state = LinkState::SignedOn;
        place.participant = participant;
        place.asked = now;
        self.join(link.slot);
        Ok(())
    }

    /// The participant takes this link out of use.
    pub fn handle_sign_off(&mut self, link: LinkId) -> Result<(), Fault> {
        let place = self.find(link).ok_or(Fault::NotSignedOn)?;
        match place.state {
            LinkState::Connected => Err(Fault::NotSignedOn),
            LinkState::SignedOn => {
                self.leave(link.slot);
                self.links[index(link.slot)].state = LinkState::SignedOff;
                Ok(())
            }
            LinkState::SignedOff => Ok(()),
        }
    }

    /// Who speaks on a link, signed on or off; none before sign-on.
    pub fn speaker(&self, link: LinkId) -> Option<(ParticipantIndex, LinkState)> {
        let place = self.find(link)?;
        match place.state {
            LinkState::Connected => None,
            LinkState::SignedOn | LinkState::SignedOff => Some((place.participant, place.state)),
        }
    }

    /// Whether a link with this identity is there.
    pub fn is_open(&self, link: LinkId) -> bool {
        self.find(link).is_some()
    }

    /// Whether a participant has a link that is signed on, here or on another shard.
    pub fn is_up(&self, participant: ParticipantIndex) -> bool {
        self.links_of(participant) > 0 || self.presence.count(participant) > 0
    }

    /// The other shards on which the participant has links, in turn.
    pub fn elsewhere(&mut self, participant: ParticipantIndex) -> Option<ShardId> {
        self.presence.choose(participant)
    }

    /// Another shard says whether it has a link of the participant.
    pub fn set_elsewhere(&mut self, participant: ParticipantIndex, shard: ShardId, up: bool) {
        self.presence.set(participant, shard, up);
    }

    /// Another shard has ended, and all its links with it.
    pub fn forget_shard(&mut self, shard: ShardId) {
        self.presence.forget(shard);
    }

    /// Tells the other shards who has come here or gone (`true`: is here); `tell` says whether it
    /// could, and is asked again where it could not. `false`: somebody is still untold.
    pub fn tell_elsewhere(
        &mut self,
        mut tell: impl FnMut(ParticipantIndex, bool, ShardId) -> bool,
    ) -> bool {
        let seats = &self.seats;
        self.presence.tell(|participant, shard| {
            let up = seats[usize::from(participant.0)].links > 0;
            tell(participant, up, shard)
        });
        self.presence.is_settled()
    }

    /// The shard that drew the key of an answer; none where nobody can have drawn it.
    pub fn drawn_by(&self, participant: ParticipantIndex, key: MatchKey) -> Option<ShardId> {
        self.keys.drawn_by(participant, key)
    }

    /// How many links of a participant are signed on here.
    pub fn links_of(&self, participant: ParticipantIndex) -> u32 {
        self.seats
            .get(usize::from(participant.0))
            .map_or(0, |seat| seat.links)
    }

    /// The participant's links in turn.
    pub fn pick(&mut self, participant: ParticipantIndex) -> Option<LinkId> {
        let seat = self.seats.get_mut(usize::from(participant.0))?;
        let link = self.links.get(index(seat.link))?;
        seat.link = link.next;
        Some(link.id)
    }

    /// Takes one request from the participant's rate, of which each shard that has links of it
    /// gives an equal share. `false`: it has sent too many, shed it.
    #[must_use]
    pub fn admit(&mut self, index: ParticipantIndex, known: &Participant, now: Monotonic) -> bool {
        let rate = u64::from(known.rate_per_second);
        if rate == 0 {
            return true;
        }
        let shards = 1 + u64::from(self.presence.count(index));
        let rate = rate.div_ceil(shards);
        let Some(seat) = self.seats.get_mut(usize::from(index.0)) else {
            return false;
        };
        // A thousandth of a request per (1,000,000 / rate) ns: a second's worth may be saved up.
        let elapsed_us = now.0.saturating_sub(seat.refilled.0) / 1_000;
        let earned = elapsed_us.saturating_mul(rate) / 1_000;
        if earned > 0 {
            seat.allowance = seat.allowance.saturating_add(earned).min(rate * 1_000);
            seat.refilled = now;
        }
        if seat.allowance < 1_000 {
            return false;
        }
        seat.allowance -= 1_000;
        true
    }

    /// Draws a match key for a request of ours to `participant`; none where this second's block is
    /// used up.
    pub fn draw(&mut self, participant: ParticipantIndex, wall: Wall) -> Option<MatchKey> {
        self.keys.draw(participant, wall)
    }

    /// Replay found a match key that an earlier run drew: it is not drawn again.
    pub fn restore(&mut self, participant: ParticipantIndex, drawn: MatchKey) {
        self.keys.restore(participant, drawn);
    }

    /// One round over all links: echoes to ask for, links to cut. Called a few times a second.
    pub fn care(&mut self, now: Now, participants: &[Participant], mut act: impl FnMut(Care)) {
        let now = now.monotonic;
        for link in self
            .links
            .iter_mut()
            .take(index(self.slots_used))
            .filter(|link| link.used)
        {
            match link.state {
                LinkState::Connected => {
                    if now >= link.connected.plus_ms(SIGN_ON_DEADLINE_MS) {
                        act(Care::Cut(link.id, CutReason::NoSignOn));
                    }
                }
                LinkState::SignedOn => {
                    let known = &participants[usize::from(link.participant.0)];
                    let idle_ms = u64::from(known.echo_idle_ms);
                    let quiet_since = link.heard.max(link.asked);
                    if idle_ms == 0 || now < quiet_since.plus_ms(idle_ms) {
                        continue;
                    }
                    if link.missed >= known.echo_missed_max {
                        act(Care::Cut(link.id, CutReason::EchoesMissed));
                        continue;
                    }
                    link.missed += 1;
                    link.asked = now;
                    act(Care::AskEcho(link.id, link.participant));
                }
                LinkState::SignedOff => {}
            }
        }
    }

    fn find(&self, link: LinkId) -> Option<&Link> {
        self.links
            .get(index(link.slot))
            .filter(|place| place.used && place.id == link)
    }

    /// Enters a link into its participant's ring.
    fn join(&mut self, slot: u32) {
        let participant = self.links[index(slot)].participant;
        let seat = &mut self.seats[usize::from(participant.0)];
        seat.links += 1;
        if seat.links == 1 {
            self.presence.on_changed(participant);
        }
        let (previous, next) = if seat.link == NOBODY {
            seat.link = slot;
            (slot, slot)
        } else {
            (self.links[index(seat.link)].previous, seat.link)
        };
        self.links[index(slot)].previous = previous;
        self.links[index(slot)].next = next;
        self.links[index(previous)].next = slot;
        self.links[index(next)].previous = slot;
    }

    /// Takes a link out of its participant's ring.
    fn leave(&mut self, slot: u32) {
        let Link {
            participant,
            previous,
            next,
            ..
        } = self.links[index(slot)];
        self.links[index(previous)].next = next;
        self.links[index(next)].previous = previous;
        let seat = &mut self.seats[usize::from(participant.0)];
        seat.links -= 1;
        if seat.links == 0 {
            seat.link = NOBODY;
            self.presence.on_changed(participant);
        } else if seat.link == slot {
            seat.link = next;
        }
    }
}

/// A slot as an index.
fn index(slot: u32) -> usize {
    usize::try_from(slot).expect("usize holds a u32")
}

#[cfg(test)]
mod tests;

//! Goodbyes: the switch signs off before it ends, and an operator may have it sign off with one
//! participant, so that nobody sends what would be refused.
//!
//! Nothing is cut that still has something to say: links end when the office says so, or with the
//! process.

use crate::model::ids::{LinkId, ParticipantIndex};
use crate::model::message::{Header, Message, Notice};
use crate::model::time::Monotonic;
use crate::session::LinkState;
use crate::shard::news::{Cut, Happened};
use crate::shard::{Pass, Shard};

/// Participants have so long to hear that we end, before what they send anew is shed.
const GOODBYE_MS: u64 = 500;

/// The switch is about to drain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goodbye {
    since: Monotonic,
    /// Links that have not acknowledged it yet.
    unheard: u32,
}

impl Shard {
    /// Says that the switch ends. What is new is taken until everybody has heard it, or does not
    /// listen; then it is shed. Accept nobody any more from now on.
    pub fn say_goodbye(&mut self, pass: &mut Pass<'_>) {
        if self.draining || self.goodbye.is_some() {
            return;
        }
        let (mut unheard, mut slot) = (0, 0);
        while let Some(standing) = self.links.standing(slot) {
            slot += 1;
            if let Some((link, participant)) = self.signed_on(standing)
                && self.send_sign_off(link, participant, pass)
            {
                unheard += 1;
            }
        }
        self.goodbye = Some(Goodbye {
            since: pass.now.monotonic,
            unheard,
        });
    }

    /// Sheds what is new once everybody has heard that the switch ends, whatever shard their links
    /// are on: any link may carry any payment.
    pub(super) fn end_goodbye(&mut self, now: Monotonic) {
        if let Some(Goodbye { since, unheard }) = self.goodbye
            && (now >= since.plus_ms(GOODBYE_MS) || unheard == 0 && self.have_peers_heard())
        {
            self.drain();
        }
    }

    /// Whether all who have a link here have heard that we end.
    pub(super) fn is_heard(&self) -> bool {
        self.goodbye.is_some_and(|goodbye| goodbye.unheard == 0)
    }

    /// A link has acknowledged our goodbye, or is gone.
    pub(super) fn hear_goodbye(&mut self, link: LinkId) {
        let place = self.links.find(link);
        if place.is_some_and(|place| core::mem::take(&mut place.told_goodbye))
            && let Some(goodbye) = &mut self.goodbye
        {
            goodbye.unheard = goodbye.unheard.saturating_sub(1);
        }
    }

    /// Signs off with one participant: nothing new is sent to it or taken from it over its links of
    /// now; what is in flight is answered.
    pub fn sign_off_with(&mut self, participant: ParticipantIndex, pass: &mut Pass<'_>) {
        let mut slot = 0;
        while let Some(standing) = self.links.standing(slot) {
            slot += 1;
            let signed_on = self.signed_on(standing);
            let Some((link, _)) = signed_on.filter(|(_, whose)| *whose == participant) else {
                continue;
            };
            self.send_sign_off(link, participant, pass);
            // It was signed on a moment ago.
            if self.sessions.handle_sign_off(link).is_ok() {
                self.note_link(link, Happened::SignedOff, pass.now.wall);
            }
        }
    }

    /// Ends every link of a participant that we signed off with, or that signed off itself.
    pub fn end_links_of(&mut self, participant: ParticipantIndex, pass: &mut Pass<'_>) {
        let (whose, mut slot) = (Some((participant, LinkState::SignedOff)), 0);
        while let Some(standing) = self.links.standing(slot) {
            slot += 1;
            if let Some(link) = standing.filter(|link| self.sessions.speaker(*link) == whose) {
                self.note_link(link, Happened::Cut(Cut::Drained), pass.now.wall);
                self.cut(link, pass);
            }
        }
    }

    /// Who is signed on over a link, if anybody is.
    fn signed_on(&self, link: Option<LinkId>) -> Option<(LinkId, ParticipantIndex)> {
        let link = link?;
        match self.sessions.speaker(link)? {
            (participant, LinkState::SignedOn) => Some((link, participant)),
            _ => None,
        }
    }

    /// Returns whether it was said.
    fn send_sign_off(
        &mut self,
        link: LinkId,
        participant: ParticipantIndex,
        pass: &mut Pass<'_>,
    ) -> bool {
        let Some(match_key) = self.sessions.draw(participant, pass.now.wall) else {
            return false;
        };
        let institution = Some(self.tables.participant(participant).institution);
        let header = Header {
            match_key,
            transmit_time: pass.now.wall,
        };
        let notice = Notice {
            header,
            institution,
            mac: b"",
        };
        self.reply(link, &Message::SignOff(notice), pass);
        let place = self.links.find(link).filter(|place| !place.closing);
        place.is_some_and(|place| {
            place.told_goodbye = true;
            true
        })
    }
}

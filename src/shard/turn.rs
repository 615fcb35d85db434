//! THE TURN: completions in, submissions out.
//!
//! ```text
//!  handle(completion) ...   bytes -> frame -> decode -> session -> engine -> journal -> gate
//!  finish()                 deadlines; release what is committed; one send a link; journal writes
//! ```
//!
//! Nothing here blocks, allocates after warm-up, or looks at a clock. What binds us waits in the
//! gate until the commit watermark has passed its record; only then it is given to a link.

use crate::engine::{Context, Effect, Effects, Engine, Room};
use crate::journal;
use crate::model::ids::{LinkId, ParticipantIndex};
use crate::model::time::{DAY_NS, Monotonic};
use crate::session::Sessions;
use crate::shard::news::{Cut, Happened};
use crate::shard::stats::{Counter, Health};
use crate::shard::{Pass, Shard};
use crate::sys::operation::{Completion, Submission};
use crate::wire::frame::Split;

/// Deadlines handled in one turn; the rest follow in the next.
const DEADLINES_PER_TURN: usize = 256;
/// Transactions that replay left open, taken up in one turn.
const RESUMED_PER_TURN: usize = 256;
/// Between two rounds over all links.
const CARE_MS: u64 = 100;
/// Between two copies of the counters for others.
const PUBLISH_MS: u64 = 50;

impl crate::engine::Legs for Sessions {
    fn is_up(&self, participant: ParticipantIndex) -> bool {
        Self::is_up(self, participant)
    }

    fn draw(
        &mut self,
        participant: ParticipantIndex,
        wall: crate::model::time::Wall,
    ) -> Option<crate::model::ids::MatchKey> {
        Self::draw(self, participant, wall)
    }
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TurnEnd {
    /// When the next turn is due though nothing happens.
    pub until: Option<Monotonic>,
    /// Whether the counters are due to be copied.
    pub publish: bool,
    /// The set of peers to whom something was said: they are to be woken.
    pub wake: u64,
    /// Drained, and all is written: nothing is left to be done.
    pub done: bool,
}

impl Shard {
    /// Something happened.
    pub fn handle(&mut self, completion: Completion<'_>, pass: &mut Pass<'_>) {
        match completion {
            Completion::Accepted {
                listener,
                link,
                peer,
            } => {
                self.stats.add(Counter::LinksAccepted, 1);
                let plan = &self.listeners[usize::from(listener.0)];
                self.links.open(link, listener, peer, plan.frame_bytes_max);
                let now = pass.now.monotonic;
                if self.draining || !self.sessions.on_accepted(link, plan.protocol, now) {
                    self.stats.add(Counter::LinksRefused, 1);
                    self.note_link(link, Happened::Cut(Cut::NoRoom), pass.now.wall);
                    self.cut(link, pass);
                }
            }
            Completion::AcceptRefused { .. } => self.stats.add(Counter::LinksRefused, 1),
            Completion::Received { link, bytes } => self.handle_received(link, bytes, pass),
            Completion::Ended { link, errno } => {
                self.note_link(link, Happened::Ended(errno), pass.now.wall);
                self.cut(link, pass);
            }
            Completion::Sent {
                link,
                buffer,
                errno,
            } => self.handle_sent(link, buffer, errno, pass),
            Completion::Closed { link } => {
                self.sessions.on_closed(link);
                self.links.close(link);
            }
            Completion::Written { write, errno } => self.journal.handle_written(write, errno),
            Completion::SegmentReady { segment, errno } => {
                self.journal.handle_segment_ready(segment, errno);
            }
            Completion::Woken => self.handle_peers(pass),
        }
    }

    /// Whether payments are taken.
    pub fn health(&self) -> Health {
        if self.draining || self.goodbye.is_some() {
            Health::Draining
        } else if self.room() == Room::Ample {
            Health::Serving
        } else {
            Health::Full
        }
    }

    /// Accept nobody any more and nothing new; what is in flight is answered.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// Everything that is due at the end of a turn.
    pub fn finish(&mut self, pass: &mut Pass<'_>) -> TurnEnd {
        self.read_calendar(pass);
        self.end_goodbye(pass.now.monotonic);
        if !self.closing {
            self.resume(pass);
            self.handle_deadlines(pass);
        }
        if pass.now.monotonic >= self.cared.plus_ms(CARE_MS) {
            self.cared = pass.now.monotonic;
            self.care_for_links(pass);
            self.engine.review_carried(pass.now.wall);
            self.expire_look_ups(pass);
        }
        self.forget_some(pass);
        // In memory mode what was appended in this turn is committed; in disk mode, what the
        // completions of this turn have brought.
        self.tell_untaken(pass);
        self.release(pass);
        if self.tell_untaken(pass) {
            self.release(pass);
        }
        let given_back = self.tell_given_back();
        let (wake, untold) = self.speak_to_peers();
        let untold = untold || !given_back;
        self.links.flush(pass.now.monotonic, pass.submissions);
        let done = self.draining && self.wind_up();
        self.journal.end_turn(pass.tail, pass.now, pass.submissions);
        self.stats.add(Counter::Turns, 1);
        let publish = pass.now.monotonic >= self.published.plus_ms(PUBLISH_MS);
        if publish {
            self.published = pass.now.monotonic;
            self.count_all();
        }
        TurnEnd {
            until: self.next_deadline(untold.then_some(pass.now.monotonic)),
            publish,
            wake,
            done,
        }
    }

    /// Whatever day it is.
    fn read_calendar(&mut self, pass: &Pass<'_>) {
        let day = pass.now.wall.0 / DAY_NS;
        if day != self.day {
            self.day = day;
            self.today = pass.now.wall.date();
        }
    }

    /// Closes the journal once nothing is open; `true` once that is done too.
    fn wind_up(&mut self) -> bool {
        let settled = self.is_settled() && self.are_peers_settled();
        if settled && self.links.is_quiet() {
            // From here on nothing is heard: whatever still comes is for the next start.
            self.closing = true;
            self.journal.close();
        }
        self.journal.is_closed()
    }

    fn next_deadline(&self, untold: Option<Monotonic>) -> Option<Monotonic> {
        // Whoever asked by way of another shard has no link here.
        let cares = self.links.count() > 0 || self.expects_look_ups();
        let care = cares.then(|| self.cared.plus_ms(CARE_MS));
        let publish = Some(self.published.plus_ms(10 * PUBLISH_MS));
        [
            self.engine.next_deadline(),
            self.journal.next_deadline(),
            care,
            publish,
            // A full ring is tried again soon: its reader is at work.
            untold.map(|now| now.plus_ms(1)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn handle_received(&mut self, link: LinkId, mut bytes: &[u8], pass: &mut Pass<'_>) {
        self.read_calendar(pass);
        let Some(place) = self.links.find(link) else {
            return;
        };
        if place.closing || self.closing {
            return;
        }
        let listener = usize::from(place.listener);
        let (framing, frame_bytes_max) = (
            self.listeners[listener].framing,
            self.listeners[listener].frame_bytes_max,
        );
        self.stats
            .add(Counter::BytesIn, u64::try_from(bytes.len()).expect("fits"));
        self.sessions.on_received(link, pass.now.monotonic);
        let mut partial = core::mem::take(&mut place.partial);
        while !partial.is_empty() && !bytes.is_empty() {
            // Only the frame that was begun is completed in the link's own memory.
            let wanted = match framing.split(&partial, frame_bytes_max) {
                Split::Partial { total: Some(total) } => total - partial.len(),
                _ => 1,
            };
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            partial.extend_from_slice(taken);
            bytes = rest;
            if !matches!(
                framing.split(&partial, frame_bytes_max),
                Split::Partial { .. }
            ) {
                self.handle_frames(link, &partial, pass);
                partial.clear();
            }
        }
        let rest = self.handle_frames(link, bytes, pass);
        if let Some(place) = self.links.find(link) {
            if partial.is_empty() && !rest.is_empty() && !place.closing {
                place.partial_since = pass.now.monotonic;
                partial.extend_from_slice(rest);
            }
            place.partial = partial;
        }
    }

    /// Whether a record found no room: what is remembered is ahead of what is written down.
    pub fn is_journal_full(&self) -> bool {
        self.journal_full
    }

    /// Gives up a link: nothing more is received, what it had not sent goes elsewhere.
    pub(super) fn cut(&mut self, link: LinkId, pass: &mut Pass<'_>) {
        let Some(place) = self.links.find(link).filter(|place| !place.closing) else {
            return;
        };
        place.closing = true;
        self.hear_goodbye(link);
        pass.submissions.push(Submission::Close { link });
        // Nothing goes over it any more, before it is asked who else could carry what it had.
        self.sessions.on_closed(link);
        self.move_waiting(link, pass.now.monotonic);
    }

    pub(super) fn cut_slow(&mut self, link: LinkId, pass: &mut Pass<'_>) {
        self.stats.add(Counter::LinksCutSlow, 1);
        self.note_link(link, Happened::Cut(Cut::Slow), pass.now.wall);
        self.cut(link, pass);
    }

    /// Lets the engine act, with all that surrounds it, and does what it asks for.
    #[inline]
    pub(super) fn engage<'a, R>(
        &mut self,
        pass: &mut Pass<'_>,
        act: impl FnOnce(&mut Engine, &mut Context<'_, Sessions>, &mut Effects<'a>) -> R,
    ) -> R {
        let mut effects = Effects::new();
        let mut context = Context {
            room: self.room(),
            now: pass.now,
            today: self.today,
            tables: &self.tables,
            legs: &mut self.sessions,
        };
        let result = act(&mut self.engine, &mut context, &mut effects);
        self.carry_out(&effects, pass);
        result
    }

    /// Does what an input asks for, in order.
    pub(super) fn carry_out(&mut self, effects: &Effects<'_>, pass: &mut Pass<'_>) {
        for effect in effects {
            match effect {
                Effect::Append(record) => {
                    // Room for what ends a payment is kept from the start: `Room` is asked before
                    // a new key is claimed. Where it is full all the same, nobody may act on what
                    // could not be written down: the shard ends.
                    match self.journal.append(pass.tail, pass.now.wall, record) {
                        Ok(lsn) => self.note_appended(lsn),
                        Err(journal::Full) => {
                            self.journal_full = true;
                            return;
                        }
                    }
                }
                Effect::Send(outgoing) => self.dispatch(outgoing, pass),
                Effect::LookUp(wanted) => self.wanted.push(*wanted),
                Effect::GiveBack(given_back, gate) => self.give_back(given_back, *gate),
            }
        }
    }

    fn handle_deadlines(&mut self, pass: &mut Pass<'_>) {
        for _ in 0..DEADLINES_PER_TURN {
            let more = self.engage(pass, |engine, context, effects| {
                engine.handle_deadline(context, effects)
            });
            if !more {
                return;
            }
        }
    }

    /// After a restart, and a few at a time: what was open is resolved.
    fn resume(&mut self, pass: &mut Pass<'_>) {
        for _ in 0..RESUMED_PER_TURN {
            if self.resumed {
                return;
            }
            self.resumed = !self.engage(pass, |engine, context, effects| {
                engine.resume(context, effects)
            });
        }
    }

    /// What the journal has room for, as the engine asks.
    pub(super) fn room(&self) -> Room {
        match self.journal.room() {
            _ if self.draining || self.journal.fence().is_some() => Room::OutcomesOnly,
            journal::Room::Ample => Room::Ample,
            journal::Room::OutcomesOnly | journal::Room::None => Room::OutcomesOnly,
        }
    }
}

//! The way out: encoded, held at the gate, framed, given to a link; and over another where one is
//! lost.

use crate::engine::{ExchangeId, Gate, Leg, Outgoing, Talk};
use crate::model::ids::{LinkAddress, LinkId, ParticipantIndex};
use crate::model::message::{Kind, Message, PaymentResult, RefundResult};
use crate::model::outcome::ResponseCode;
use crate::model::time::Monotonic;
use crate::shard::stats::{Counter, Stage};
use crate::shard::{Pass, Shard};
use crate::sys::operation::{Errno, SendBuffer, Submission};
use crate::wire::Encoded;
use crate::wire::frame::Split;

/// Messages that the engine can be told about in one turn.
pub(super) const UNTAKEN_MAX: usize = 4_096;

/// A request of ours that did not, or not wholly, leave.
#[derive(Clone, Copy, Debug)]
pub(super) enum Untaken {
    /// Its link was lost before a byte of it was taken, and no other link could carry it.
    Whole(Leg),
    /// Its link was lost when a part of it had been taken.
    Torn(Leg),
    /// Its participant has no link.
    NoLink(ExchangeId),
}

/// What a request of ours is about; none for answers.
const fn talk_of(kind: Kind) -> Option<Talk> {
    match kind {
        Kind::PaymentRequest | Kind::RefundRequest => Some(Talk::Forward),
        Kind::ReversalRequest => Some(Talk::Reversal),
        Kind::ReversalAdvice => Some(Talk::ReversalAdvice),
        Kind::PaymentAdvice => Some(Talk::PaymentAdvice),
        Kind::StatusInquiry => Some(Talk::Inquiry),
        Kind::SignOn
        | Kind::SignOnAck
        | Kind::SignOff
        | Kind::SignOffAck
        | Kind::Echo
        | Kind::EchoAck
        | Kind::KeyChange
        | Kind::KeyChangeAck
        | Kind::Cutover
        | Kind::CutoverAck
        | Kind::CodeInquiry
        | Kind::CodeResult
        | Kind::PaymentResult
        | Kind::PaymentAdviceAck
        | Kind::ReversalResult
        | Kind::ReversalAdviceAck
        | Kind::RefundResult
        | Kind::StatusResult
        | Kind::Reject => None,
    }
}

impl Shard {
    pub(super) fn handle_sent(
        &mut self,
        link: LinkId,
        buffer: SendBuffer,
        errno: Errno,
        pass: &mut Pass<'_>,
    ) {
        if errno == Errno(0) && !buffer.is_empty() {
            // A short send: the rest follows at once, unless the link is going.
            if let Some(place) = self.links.find(link)
                && !place.closing
            {
                place.sending_since = Some(pass.now.monotonic);
                return pass.submissions.push(Submission::Send { link, buffer });
            }
        }
        if !buffer.is_empty() {
            self.cut(link, pass);
            self.move_unsent(link, buffer.bytes(), buffer.sent(), pass.now.monotonic);
        }
        self.links.take_back(link, buffer);
        self.move_waiting(link, pass.now.monotonic);
    }

    /// What waits for a link that is going moves to another, once the machine has given back what
    /// it had of that link: the older goes first.
    pub(super) fn move_waiting(&mut self, link: LinkId, now: Monotonic) {
        if let Some(unsent) = self.links.take_unsent(link) {
            self.move_unsent(link, unsent.bytes(), 0, now);
            self.links.restore(link, unsent);
        }
    }

    /// Whole frames of which the kernel took not one byte go over another link of the participant.
    /// A frame that was begun may have arrived: its deadline decides.
    pub(super) fn move_unsent(&mut self, link: LinkId, bytes: &[u8], sent: usize, now: Monotonic) {
        let Some(place) = self.links.find(link) else {
            return;
        };
        let Some(participant) = place.participant else {
            return;
        };
        let listener = &self.listeners[usize::from(place.listener)];
        let (framing, frame_bytes_max) = (listener.framing, listener.frame_bytes_max);
        let mut start = 0;
        while let Split::Frame { body, total, .. } = framing.split(&bytes[start..], frame_bytes_max)
        {
            let body = &bytes[start + body.start..start + body.end];
            if start >= sent {
                self.move_body(link, participant, body, now);
            } else if start + total > sent
                && let Some(leg) = self.leg_of(participant, body)
            {
                self.note(Untaken::Torn(leg));
            }
            start += total;
        }
    }

    /// An interim answer stays behind: the advice that ends it may have gone out over another link
    /// already. So does a request that nobody waits for any more: its reversal may have. What no
    /// other link can carry the engine hears of.
    fn move_body(
        &mut self,
        link: LinkId,
        participant: ParticipantIndex,
        body: &[u8],
        now: Monotonic,
    ) {
        if self.is_interim(participant, body) {
            return self.stats.add(Counter::NoLink, 1);
        }
        let leg = self.leg_of(participant, body);
        if leg.is_some_and(|leg| !self.is_still_wanted(participant, leg, now)) {
            return self.stats.add(Counter::HeldBack, 1);
        }
        let moved = (0..self.sessions.links_of(participant)).any(|_| {
            let other = self.sessions.pick(participant);
            let other = other.filter(|other| *other != link);
            other.is_some_and(|other| self.hand_over(other, body))
        });
        if moved || self.pass_on(participant, body, 0) {
            return self.stats.add(Counter::FramesMoved, 1);
        }
        self.stats.add(Counter::NoLink, 1);
        if let Some(leg) = leg {
            self.note(Untaken::Whole(leg));
        }
    }

    /// Whether a request of ours is worth another link. Of what another shard asks it is not known
    /// here; but what that one repeats until it is answered needs no second way, on which it might
    /// come out behind what has ended it.
    fn is_still_wanted(&self, participant: ParticipantIndex, leg: Leg, now: Monotonic) -> bool {
        if self.drawn_by(participant, leg.2) == self.shard {
            return self.engine.is_wanted(leg, now);
        }
        match leg.0 {
            Talk::Forward | Talk::Reversal => true,
            Talk::ReversalAdvice | Talk::PaymentAdvice | Talk::Inquiry => false,
        }
    }

    /// Whether a body for this participant says 09 or 68 and nothing else: it is worth something
    /// over the link on which it was asked for, and nowhere else.
    pub(super) fn is_interim(&mut self, participant: ParticipantIndex, body: &[u8]) -> bool {
        let mut scratch = core::mem::take(&mut self.scratch);
        let dialect = &self.dialects[usize::from(participant.0)];
        let interim = match dialect.decode_joining(body, self.today, &mut scratch) {
            Ok(Message::PaymentResult(PaymentResult {
                outcome,
                response_code,
                ..
            }))
            | Ok(Message::RefundResult(RefundResult {
                outcome,
                response_code,
                ..
            })) => {
                let codes = [ResponseCode::PENDING, ResponseCode::NO_ANSWER];
                outcome.is_none() && codes.contains(&response_code)
            }
            Ok(_) | Err(_) => false,
        };
        self.scratch = scratch;
        interim
    }

    /// Finds out which request of ours a body was. Answers are asked for again by whoever waits for
    /// them.
    fn leg_of(&mut self, participant: ParticipantIndex, body: &[u8]) -> Option<Leg> {
        let mut scratch = core::mem::take(&mut self.scratch);
        let dialect = &self.dialects[usize::from(participant.0)];
        let found = dialect
            .decode_joining(body, self.today, &mut scratch)
            .ok()
            .and_then(|message| Some((talk_of(message.kind())?, message.header().match_key)));
        self.scratch = scratch;
        found.map(|(talk, match_key)| (talk, participant, match_key))
    }

    /// A message of ours was to leave, and nobody takes it.
    fn note_no_link(&mut self, exchange: Option<ExchangeId>) {
        self.stats.add(Counter::NoLink, 1);
        if let Some(exchange) = exchange {
            self.note(Untaken::NoLink(exchange));
        }
    }

    /// Where there is no room, the deadline of the request decides.
    fn note(&mut self, untaken: Untaken) {
        if self.untaken.len() < self.untaken.capacity() {
            self.untaken.push(untaken);
        }
    }

    /// Tells the engine what nobody took, when the gate is in its place. `false`: nothing.
    pub(super) fn tell_untaken(&mut self, pass: &mut Pass<'_>) -> bool {
        if self.untaken.is_empty() {
            return false;
        }
        let mut untaken = core::mem::take(&mut self.untaken);
        for one in untaken.drain(..) {
            self.engage(pass, |engine, context, out| match one {
                Untaken::Whole(leg) => engine.handle_not_taken(leg, context, out),
                Untaken::Torn(leg) => engine.handle_torn(leg, context, out),
                Untaken::NoLink(exchange) => engine.handle_no_link(exchange, context, out),
            });
        }
        self.untaken = untaken;
        true
    }

    /// Frames a body for a link and appends it to what waits there.
    #[must_use]
    pub(super) fn hand_over(&mut self, link: LinkId, body: &[u8]) -> bool {
        let Some(place) = self.links.find(link) else {
            return false;
        };
        let (framing, tpdu) = (
            self.listeners[usize::from(place.listener)].framing,
            place.tpdu,
        );
        let Some((header, bytes)) = framing.header(body.len(), tpdu) else {
            return false;
        };
        let total = bytes + body.len();
        if !self.links.append(link, &header[..bytes], body) {
            return false;
        }
        self.stats.add(Counter::FramesOut, 1);
        self.stats
            .add(Counter::BytesOut, u64::try_from(total).expect("fits"));
        true
    }

    fn count_losses(&mut self, encoded: Encoded) {
        self.stats
            .add(Counter::FieldsDropped, u64::from(encoded.dropped));
        self.stats
            .add(Counter::CharactersReplaced, u64::from(encoded.replaced));
    }

    /// Encodes a message and lets it go, or keeps it at the gate.
    pub(super) fn dispatch(&mut self, outgoing: &Outgoing<'_>, pass: &mut Pass<'_>) {
        match outgoing.gate {
            Gate::Free => {
                let mut body = core::mem::take(&mut self.free_body);
                let dialect = self.dialect(outgoing.to);
                match outgoing.with_message(|message| dialect.encode(message, &mut body)) {
                    Ok(encoded) => {
                        self.count_losses(encoded);
                        let link = outgoing.link;
                        if !self.send_body(outgoing.to, link, &body[..encoded.bytes], pass) {
                            self.note_no_link(None);
                        }
                    }
                    Err(refusal) => self.stats.refuse(refusal.fault),
                }
                self.free_body = body;
            }
            Gate::Committed => self.dispatch_gated(outgoing, pass),
        }
    }

    fn dispatch_gated(&mut self, outgoing: &Outgoing<'_>, pass: &mut Pass<'_>) {
        let lsn = self.journal.appended();
        let Some(room) = self.gated.room() else {
            // A forward that cannot wait never leaves: its deadline declines it. An answer is asked
            // for again by its originator.
            return self.stats.add(Counter::GateFull, 1);
        };
        let dialect = &self.dialects[usize::from(outgoing.to.0)];
        match outgoing.with_message(|message| dialect.encode(message, room)) {
            Ok(encoded) => {
                self.count_losses(encoded);
                let (to, link, exchange) = (outgoing.to, outgoing.link, outgoing.exchange);
                let body = (lsn, encoded.bytes, pass.now.monotonic);
                self.gated.push(body, to, link, exchange);
            }
            Err(refusal) => {
                self.stats.refuse(refusal.fault);
                let Some(exchange) = outgoing.exchange else {
                    return;
                };
                let code = refusal.fault.response_code();
                self.engage(pass, |engine, context, effects| {
                    engine.handle_unsendable(exchange, code, context, effects);
                });
            }
        }
    }

    /// Sends a body to a participant: over the link it was asked on, or any other. `false`: nobody
    /// takes it.
    #[must_use]
    fn send_body(
        &mut self,
        to: ParticipantIndex,
        link: Option<LinkAddress>,
        body: &[u8],
        pass: &mut Pass<'_>,
    ) -> bool {
        match link {
            Some(LinkAddress { shard, link }) if shard != self.shard => {
                self.pass_body(shard, to, Some(link), (body, 0))
                    || self.send_here(to, None, (body, 0), pass)
            }
            Some(LinkAddress { link, .. }) => self.send_here(to, Some(link), (body, 0), pass),
            None => self.send_here(to, None, (body, 0), pass),
        }
    }

    /// Sends a body over this link of ours, or another of the participant, or over another shard.
    /// `false`: nobody takes it.
    #[must_use]
    pub(super) fn send_here(
        &mut self,
        to: ParticipantIndex,
        link: Option<LinkId>,
        (body, hops): (&[u8], u8),
        pass: &mut Pass<'_>,
    ) -> bool {
        let preferred = link.filter(|link| self.sessions.is_open(*link));
        if let Some(link) = preferred.or_else(|| self.sessions.pick(to)) {
            if self.hand_over(link, body) {
                return true;
            }
            // It does not read what we say: it harms itself alone. Another link may do better.
            self.cut_slow(link, pass);
            let other = self.sessions.pick(to);
            if other.is_some_and(|other| self.hand_over(other, body)) {
                return true;
            }
        }
        self.pass_on(to, body, hops)
    }

    /// Lets go of everything that the watermark has passed.
    pub(super) fn release(&mut self, pass: &mut Pass<'_>) {
        if self.journal_full {
            return;
        }
        self.journal.check_records(pass.tail);
        let committed = self.journal.committed();
        // Nothing below comes back to the gate; taken once, not for each message.
        let mut gated = core::mem::take(&mut self.gated);
        while let Some(waiting) = gated.pop(committed) {
            if let Some(exchange) = waiting.exchange
                && !self.engine.release(exchange, pass.now.monotonic)
            {
                self.stats.add(Counter::HeldBack, 1);
                continue;
            }
            let stage = match waiting.exchange {
                Some(_) => Stage::Request,
                None => Stage::Answer,
            };
            let waited = pass.now.monotonic.0.saturating_sub(waiting.since.0);
            self.stats.note(stage, waited);
            if !self.send_body(waiting.to, waiting.link, gated.body(&waiting), pass) {
                self.note_no_link(waiting.exchange);
            }
        }
        self.gated = gated;
    }

    /// Says something over one link at once: sign-on answers, echoes, Reject.
    pub(super) fn reply(&mut self, link: LinkId, message: &Message<'_>, pass: &mut Pass<'_>) {
        let Some(place) = self.links.find(link) else {
            return;
        };
        let listener = usize::from(place.listener);
        let dialect = match self.sessions.speaker(link) {
            Some((participant, _)) => &self.dialects[usize::from(participant.0)],
            None => &self.plain[listener],
        };
        let mut body = core::mem::take(&mut self.free_body);
        match dialect.encode(message, &mut body) {
            Ok(encoded) => {
                if !self.hand_over(link, &body[..encoded.bytes]) {
                    self.cut_slow(link, pass);
                }
            }
            Err(refusal) => self.stats.refuse(refusal.fault),
        }
        self.free_body = body;
    }
}

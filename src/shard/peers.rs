//! One of many shards: whose is this message, how does it get there, and what comes back?
//!
//! A frame whose transaction another shard owns is passed on as it came; the owner decodes it in
//! its sender's dialect, decides, records and commits, and passes the answer's body back. Answers
//! find their owner by their match key, which names the shard that drew it. What an originator says
//! of a refund goes by way of the shard that owns the refund's key (`claims.rs`).

use crate::engine::Sender;
use crate::model::ids::{LinkAddress, LinkId, MatchKey, ParticipantIndex, ShardId};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::Message;
use crate::shard::crossing::{Crossing, Ports};
use crate::shard::stats::Counter;
use crate::shard::{Pass, Shard};

/// How often a body is passed on in search of a link.
const HOPS_MAX: u8 = 2;

/// What a shard knows of the others.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// The others, as a set; those that have ended are in it no more.
    all: u64,
    /// Those that have said that nothing of theirs is open.
    quiet: u64,
    /// Those that have heard this of us.
    told_quiet: u64,
    /// Those whose participants have all heard our goodbye.
    heard: u64,
    /// Those that know this of ours.
    told_heard: u64,
}

impl Shard {
    /// Gives the shard its ends of the rings. Before its first turn.
    ///
    /// # Panics
    ///
    /// Where they are not those of a mesh of as many shards.
    pub fn connect(&mut self, ports: Ports) {
        if self.shards > 1 {
            assert_eq!(ports.outgoing.len(), usize::from(self.shards));
            let all = u64::MAX >> (u64::BITS - u32::from(self.shards));
            self.peers.all = all & !bit(self.shard);
        }
        self.ports = ports;
    }

    /// The shard whose business a message is.
    pub(super) fn owner(&self, sender: ParticipantIndex, message: &Message<'_>) -> ShardId {
        if self.shards == 1 {
            return self.shard;
        }
        if let Some(claim) = self.claim_of(sender, message) {
            return claim.key.owner(self.shards);
        }
        match question(message) {
            Question::Root(key) => key.owner(self.shards),
            Question::Answer(match_key, _) => self.drawn_by(sender, match_key),
            Question::Here => self.shard,
        }
    }

    /// The shard that asked what this answers; ours where nobody can have asked: it is counted.
    pub(super) fn drawn_by(&self, sender: ParticipantIndex, match_key: MatchKey) -> ShardId {
        self.sessions
            .drawn_by(sender, match_key)
            .unwrap_or(self.shard)
    }

    /// Passes a frame on to the owner of its transaction. `false`: it has no room, or has ended.
    /// Requests can be sent again, so they leave some room to what cannot.
    pub(super) fn pass_frame(
        &mut self,
        owner: ShardId,
        (participant, link): (ParticipantIndex, LinkId),
        body: &[u8],
        is_answer: bool,
    ) -> bool {
        let frame = Crossing::Frame {
            participant,
            link,
            claimed: None,
            body,
        };
        self.say(owner, &frame, !is_answer)
    }

    /// Passes on what has claimed its key here, to the owner of its root: a request like others.
    pub(super) fn pass_claimed(&mut self, owner: ShardId, sender: Sender, body: &[u8]) -> bool {
        let LinkAddress { shard, link } = sender.link;
        let frame = Crossing::Frame {
            participant: sender.participant,
            link,
            claimed: Some(shard),
            body,
        };
        self.say(owner, &frame, true)
    }

    /// Passes a body on to a shard that has a link of the participant.
    pub(super) fn pass_body(
        &mut self,
        shard: ShardId,
        participant: ParticipantIndex,
        link: Option<LinkId>,
        (body, hops): (&[u8], u8),
    ) -> bool {
        let body = Crossing::Body {
            participant,
            link,
            hops,
            body,
        };
        self.say(shard, &body, false)
    }

    /// Looks for a link of the participant on any other shard, unless it was looked for too often.
    pub(super) fn pass_on(&mut self, to: ParticipantIndex, body: &[u8], hops: u8) -> bool {
        if hops >= HOPS_MAX {
            return false;
        }
        match self.sessions.elsewhere(to) {
            Some(shard) => self.pass_body(shard, to, None, (body, hops + 1)),
            None => false,
        }
    }

    pub(super) fn say(&mut self, to: ShardId, crossing: &Crossing<'_>, may_wait: bool) -> bool {
        let said = self.ports.say(to, crossing, may_wait);
        let counter = if said {
            Counter::Crossings
        } else {
            Counter::CrossingsRefused
        };
        self.stats.add(counter, 1);
        said
    }

    /// Handles everything that the peers have said.
    pub(super) fn handle_peers(&mut self, pass: &mut Pass<'_>) {
        let mut incoming = core::mem::take(&mut self.ports.incoming);
        for (from, consumer) in (0_u16..).zip(&mut incoming) {
            let Some(consumer) = consumer else { continue };
            consumer.refresh();
            while let Some(message) = consumer.take() {
                if !self.closing {
                    self.handle_crossing(ShardId(from), Crossing::read(message), pass);
                }
            }
            consumer.release();
        }
        self.ports.incoming = incoming;
    }

    fn handle_crossing(&mut self, from: ShardId, crossing: Crossing<'_>, pass: &mut Pass<'_>) {
        match crossing {
            Crossing::Frame {
                participant,
                link,
                claimed,
                body,
            } => {
                let shard = claimed.unwrap_or(from);
                let link = LinkAddress { shard, link };
                let sender = Sender { participant, link };
                self.handle_passed(sender, (body, claimed.is_some()), pass);
            }
            Crossing::Body {
                participant,
                link,
                hops,
                body,
            } => {
                // The advice that ends an interim answer may have overtaken it meanwhile.
                let gone = link.is_some_and(|link| !self.sessions.is_open(link));
                if gone && self.is_interim(participant, body) {
                    return self.stats.add(Counter::NoLink, 1);
                }
                // The owner's deadline decides about what nobody takes here.
                if !self.send_here(participant, link, (body, hops), pass) {
                    self.stats.add(Counter::NoLink, 1);
                }
            }
            Crossing::Presence { participant, up } => {
                let was_down = !self.sessions.is_up(participant);
                self.sessions.set_elsewhere(participant, from, up);
                if was_down && up {
                    let now = pass.now.monotonic;
                    self.engine
                        .participant_came_up(participant, &self.tables, now);
                }
            }
            Crossing::Quiet => self.peers.quiet |= bit(from),
            Crossing::Heard => self.peers.heard |= bit(from),
            Crossing::Staked {
                participant,
                link,
                home: shard,
                stake,
                body,
            } => {
                let link = LinkAddress { shard, link };
                let sender = Sender { participant, link };
                self.handle_staked(stake, sender, body, pass);
            }
            Crossing::GivenBack(given_back) => self.engine.take_back(&given_back),
        }
    }

    /// A frame that a peer received. It has seen to the session and to what can be refused at once.
    fn handle_passed(
        &mut self,
        sender: Sender,
        (body, claimed): (&[u8], bool),
        pass: &mut Pass<'_>,
    ) {
        let dialect = &self.dialects[usize::from(sender.participant.0)];
        let mut scratch = core::mem::take(&mut self.scratch);
        match dialect.decode_joining(body, self.today, &mut scratch) {
            Ok(message) if claimed => self.hand_in_order(sender, (&message, body), pass),
            Ok(message) => self.take(sender, (&message, body), pass),
            // The peer could not read it either, and knows that it is an answer.
            Err(refused) => match refused.match_key {
                Some(match_key) => {
                    self.handle_unreadable_answer(match_key, sender.participant, pass);
                }
                None => self.stats.add(Counter::Unanswerable, 1),
            },
        }
        self.scratch = scratch;
    }

    /// What is ours, because its transaction is, or its refund's key.
    pub(super) fn take(
        &mut self,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        if self.shards == 1 {
            return self.hand_to_engine(sender, message, pass);
        }
        match self.claim_of(sender.participant, message) {
            Some(claim) => self.handle_claim_of(&claim, sender, (message, body), pass),
            None => self.hand_in_order(sender, (message, body), pass),
        }
    }

    /// Hands a message of ours to the engine. An answer that nobody here waits for, though its
    /// match key is of our block, may be to a request of before a re-sharding (a reversal is
    /// repeated under the key that it was recorded with): its transaction's owner waits for it.
    pub(super) fn hand_or_look_further(
        &mut self,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        let unhandled = self.engine.tally().unhandled_answers;
        self.hand_to_engine(sender, message, pass);
        if self.engine.tally().unhandled_answers == unhandled {
            return;
        }
        let Question::Answer(match_key, answered) = question(message) else {
            return;
        };
        if self.sessions.drawn_by(sender.participant, match_key) != Some(self.shard) {
            return;
        }
        let owners = match answered {
            Answered::Payment(key) => bit(key.owner(self.shards)),
            Answered::Refund => self.peers.all,
            Answered::Nothing => 0,
        };
        for shard in (0..self.shards).map(ShardId) {
            if owners & self.peers.all & bit(shard) != 0 {
                self.pass_frame(shard, (sender.participant, sender.link.link), body, true);
            }
        }
    }

    /// At the end of a turn: tells the peers what they must know, and shows them everything.
    /// Returns the set of those to be woken, and whether somebody could not be told.
    pub(super) fn speak_to_peers(&mut self) -> (u64, bool) {
        if self.peers.all == 0 {
            return (0, false);
        }
        let is_heard = self.is_heard();
        let ports = &mut self.ports;
        let mut settled = self.sessions.tell_elsewhere(|participant, up, shard| {
            ports.say(shard, &Crossing::Presence { participant, up }, false)
        });
        if is_heard {
            for shard in (0..self.shards).map(ShardId) {
                let untold = self.peers.all & !self.peers.told_heard & bit(shard) != 0;
                if untold && self.ports.say(shard, &Crossing::Heard, false) {
                    self.peers.told_heard |= bit(shard);
                }
            }
            settled &= self.peers.all & !self.peers.told_heard == 0;
        }
        if self.is_settled() {
            for shard in (0..self.shards).map(ShardId) {
                let untold = self.peers.all & !self.peers.told_quiet & bit(shard) != 0;
                if untold && self.ports.say(shard, &Crossing::Quiet, false) {
                    self.peers.told_quiet |= bit(shard);
                }
            }
            settled &= self.peers.all & !self.peers.told_quiet == 0;
        }
        (self.ports.publish(), !settled)
    }

    /// Draining, and nothing that we own is open or waits for its commit.
    pub(super) fn is_settled(&self) -> bool {
        self.draining
            && self.engine.open_payments() == 0
            && self.engine.walking() == 0
            && self.engine.look_ups() == 0
            && self.engine.open_code_inquiries() == 0
            && self.gated.is_empty()
    }

    /// Whether every peer is settled, too, and knows that we are: nothing binding will come of them
    /// for our links, and nothing of us for theirs.
    pub(super) fn are_peers_settled(&self) -> bool {
        self.peers.all & !(self.peers.quiet & self.peers.told_quiet) == 0
    }

    /// Whether whoever has a link on any other shard has heard our goodbye.
    pub(super) fn have_peers_heard(&self) -> bool {
        self.peers.all & !self.peers.heard == 0
    }

    /// Whether a peer is there.
    pub(super) fn is_peer(&self, shard: ShardId) -> bool {
        self.peers.all & bit(shard) != 0
    }

    /// A peer has ended. What it owned is refused with A1 from now on, and its links are gone.
    pub fn handle_peer_ended(&mut self, shard: ShardId) {
        self.peers.all &= !bit(shard);
        self.ports.close(shard);
        self.sessions.forget_shard(shard);
        self.engine.end_walks_over(shard, self.shards);
    }
}

const fn bit(shard: ShardId) -> u64 {
    1 << shard.0
}

/// What decides which shard a message belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Question<'m> {
    /// It is about the transaction with this root.
    Root(&'m Key),
    /// It answers a request of ours.
    Answer(MatchKey, Answered<'m>),
    /// It is the session's.
    Here,
}

/// What an answer is about, as far as it says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answered<'m> {
    /// A payment, which lives where its key says.
    Payment(&'m Key),
    /// A refund, which lives with its payment: no answer names that, and any shard may have it.
    Refund,
    /// It names nothing. What a Reject rejects, an inquiry or a reversal, is sent again.
    Nothing,
}

fn question<'m>(message: &'m Message<'_>) -> Question<'m> {
    let answered = match message {
        Message::PaymentRequest(request) => return Question::Root(&request.key),
        Message::CodeInquiry(inquiry) => return Question::Root(&inquiry.key),
        // A refund lives with its payment, which alone knows what is left to be refunded; it goes
        // there once its key is claimed.
        Message::RefundRequest(request) => return Question::Root(&request.root),
        Message::PaymentAdvice(advice) => {
            return Question::Root(root(&advice.target, &advice.root));
        }
        Message::ReversalRequest(reversal) | Message::ReversalAdvice(reversal) => {
            return Question::Root(root(&reversal.target, &reversal.root));
        }
        Message::StatusInquiry(inquiry) => {
            return Question::Root(root(&inquiry.target, &inquiry.root));
        }
        Message::PaymentResult(result) => Answered::Payment(&result.key),
        Message::RefundResult(_) => Answered::Refund,
        Message::PaymentAdviceAck(ack) => answered(&ack.target),
        Message::ReversalResult(result) | Message::ReversalAdviceAck(result) => {
            answered(&result.target)
        }
        Message::StatusResult(result) => answered(&result.target),
        Message::CodeResult(_) | Message::Reject(_) => Answered::Nothing,
        Message::SignOn(_)
        | Message::SignOnAck(_)
        | Message::SignOff(_)
        | Message::SignOffAck(_)
        | Message::Echo(_)
        | Message::EchoAck(_)
        | Message::KeyChange(_)
        | Message::KeyChangeAck(_)
        | Message::Cutover(_)
        | Message::CutoverAck(_) => return Question::Here,
    };
    Question::Answer(message.header().match_key, answered)
}

fn answered(target: &BusinessKey) -> Answered<'_> {
    match target.class {
        Class::Payment => Answered::Payment(&target.key),
        Class::Refund => Answered::Refund,
        Class::CodeInquiry => Answered::Nothing,
    }
}

/// The root of the transaction that a request is about.
pub(super) fn root_of<'m>(message: &'m Message<'_>) -> Option<&'m Key> {
    match question(message) {
        Question::Root(key) => Some(key),
        Question::Answer(..) | Question::Here => None,
    }
}

/// A payment is its own root, whatever a message says.
fn root<'k>(target: &'k BusinessKey, root: &'k Key) -> &'k Key {
    match target.class {
        Class::Payment | Class::CodeInquiry => &target.key,
        Class::Refund => root,
    }
}

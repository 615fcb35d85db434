//! A refund on its way over the shard of its own key: what is claimed there, and where it goes.
//!
//! ```text
//!  link's shard --frame--> key's shard --claimed, for that link--> root's shard --body--> link
//! ```
//!
//! Two of the three, or all, may be one. The table of claims is the engine's (`engine/claims.rs`).
//!
//! - **A ring is full**, the first or the second: shed with A1. What did not go on claims nothing.
//! - **A shard has ended**: the same. The others drain, and shed what is new.
//! - **Draining.** What is new is shed. Nothing waits at the key's shard: what it takes from a ring
//!   is in the next ring, or answered, before its turn ends and it may say that it is settled. What
//!   reaches a shard that hears nobody any more, because all have said so, is a repeat, as it may
//!   on the way from a link's shard to an owner: its link is closed, and it is sent again. Whoever
//!   passes a request on never answers it.

use crate::engine::{Claim, Claimed, Sender, Told};
use crate::model::ids::{ParticipantIndex, ShardId};
use crate::model::keys::Class;
use crate::model::message::{Header, Message};
use crate::model::refusal::{Fault, Refusal};
use crate::model::time::Date;
use crate::shard::frames::{regarding, rejection};
use crate::shard::stats::Counter;
use crate::shard::{Pass, Replaying, Shard};

impl Replaying {
    /// Gathers what refund keys are taken, to be told to their shards. Before the first record.
    pub fn gather_claims(&mut self, today: Date) {
        self.told = Some(Told::new(today));
    }

    /// What was gathered, by the shard that owns the key.
    pub fn take_claims(&mut self, shards: u16) -> Vec<Vec<Claim>> {
        let told = self.told.take();
        told.map_or_else(Vec::new, |told| told.by_shard(shards))
    }
}

impl Shard {
    /// These keys of ours are taken, as one of the shards has read. Before anybody is served.
    pub fn tell_claims(&mut self, claims: &[Claim]) {
        for claim in claims {
            self.engine.tell_claim(claim, self.today);
        }
    }

    /// The claim of a refund's key in what its originator says of the refund: that goes to the
    /// key's shard first. Whoever else speaks of a refund was asked for it by its root's shard.
    #[inline]
    pub(super) fn claim_of(
        &self,
        sender: ParticipantIndex,
        message: &Message<'_>,
    ) -> Option<Claim> {
        let (target, root) = match message {
            Message::RefundRequest(request) => return Some(Claim::of(request)),
            Message::ReversalRequest(reversal) | Message::ReversalAdvice(reversal) => {
                (&reversal.target, reversal.root)
            }
            Message::StatusInquiry(inquiry) => (&inquiry.target, inquiry.root),
            _ => return None,
        };
        let key = target.key;
        let known = self.tables.participant(sender);
        let own = target.class == Class::Refund && known.speaks_for(key.originator);
        own.then_some(Claim { key, root })
    }

    /// Something that claims a key of ours, or asks where it is claimed, goes on.
    pub(super) fn handle_claim_of(
        &mut self,
        claim: &Claim,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        debug_assert_eq!(
            claim.key.owner(self.shards),
            self.shard,
            "it came to its key"
        );
        let named = claim.root.owner(self.shards);
        let (owner, may_be_new) = match message {
            Message::RefundRequest(_) => match self.claim(message, named, sender, pass) {
                Claimed::Refused => return,
                Claimed::Full => return self.shed_passed(sender, message, pass),
                Claimed::Known => (named, false),
                // Its payment's shard would shed it, or hear nobody any more.
                Claimed::New if self.draining => {
                    return self.shed_passed(sender, message, pass);
                }
                Claimed::New => (named, true),
            },
            _ => {
                let root = self.engine.whereabouts(claim);
                let owner = root.map_or(self.shard, |root| root.owner(self.shards));
                // A reversal may come before its refund, and is remembered like one.
                let claims = !matches!(message, Message::StatusInquiry(_));
                (owner, claims && root == Some(claim.root))
            }
        };
        if owner == self.shard {
            if may_be_new {
                self.engine.note_claim(claim, self.today);
            }
            self.hand_in_order(sender, (message, body), pass);
        } else if self.pass_claimed(owner, sender, body) {
            if may_be_new {
                self.engine.note_claim(claim, self.today);
            }
        } else {
            self.shed_passed(sender, message, pass);
        }
    }

    /// What came by way of its key's shard. A reversal comes where its refund is, whatever payment
    /// it names: it is for us only as far as the refund is.
    pub(super) fn hand_claimed(
        &mut self,
        sender: Sender,
        message: &Message<'_>,
        pass: &mut Pass<'_>,
    ) {
        let (reversal, advice) = match message {
            Message::ReversalRequest(reversal) => (reversal, false),
            Message::ReversalAdvice(reversal) => (reversal, true),
            _ => return self.hand_to_engine(sender, message, pass),
        };
        let is_elsewhere = reversal.root.owner(self.shards) != self.shard;
        let is_misled = is_elsewhere
            && self.engage(pass, |engine, context, effects| {
                engine.refuse_misled(reversal, advice, sender, context, effects)
            });
        if !is_misled {
            self.hand_to_engine(sender, message, pass);
        }
    }

    fn claim(
        &mut self,
        message: &Message<'_>,
        named: ShardId,
        sender: Sender,
        pass: &mut Pass<'_>,
    ) -> Claimed {
        let Message::RefundRequest(request) = message else {
            return Claimed::Known;
        };
        let here = named == self.shard;
        self.engage(pass, |engine, context, effects| {
            engine.claim_key(request, here, sender, context, effects)
        })
    }

    /// Refuses what cannot go on as its link's shard would, whosever link it is.
    pub(super) fn shed_passed(
        &mut self,
        sender: Sender,
        message: &Message<'_>,
        pass: &mut Pass<'_>,
    ) {
        let Sender { participant, link } = sender;
        if link.shard == self.shard {
            return self.reject(link.link, message, Fault::Shed, pass);
        }
        self.stats.refuse(Fault::Shed);
        let protocol = self.tables.participant(participant).protocol;
        let header = Header {
            match_key: message.header().match_key,
            transmit_time: pass.now.wall,
        };
        let refusal = Refusal {
            fault: Fault::Shed,
            field_id: 0,
            offset: 0,
        };
        let reject = rejection(header, regarding(message.kind(), protocol), refusal);
        let mut body = core::mem::take(&mut self.free_body);
        match self
            .dialect(participant)
            .encode(&Message::Reject(reject), &mut body)
        {
            Ok(encoded) => {
                let body = (&body[..encoded.bytes], 0);
                if !self.pass_body(link.shard, participant, Some(link.link), body) {
                    self.stats.add(Counter::NoLink, 1);
                }
            }
            Err(refusal) => self.stats.refuse(refusal.fault),
        }
        self.free_body = body;
    }
}

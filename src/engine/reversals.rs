//! Reversals, reversal advices and status inquiries from a party to the transaction.

use crate::engine::effects::{Effects, Gate};
use crate::engine::parties::PartyCount;
use crate::engine::replies::{self, Verdict};
use crate::engine::resolve::{Asked, Case};
use crate::engine::transitions::{Event, Phase};
use crate::engine::{Context, Engine, Legs, Room, Sender};
use crate::model::ids::ParticipantIndex;
use crate::model::keys::Class;
use crate::model::message::{Reversal, StatusInquiry};
use crate::model::outcome::{Outcome, Reason, ResponseCode};
use crate::model::record::{self, Actor, Record, ShortText};

/// Which side of a transaction somebody is on.
fn side(
    transaction: &super::transactions::Transaction,
    participant: ParticipantIndex,
) -> Option<Actor> {
    if transaction.originator == Some(participant) {
        Some(Actor::Originator)
    } else if transaction.destination == Some(participant) {
        Some(Actor::Destination)
    } else {
        None
    }
}

impl Engine {
    /// A party reverses: as a request (0400), or as an advice (0420) that cannot be refused.
    pub fn handle_reversal<L: Legs>(
        &mut self,
        reversal: &Reversal<'_>,
        advice: bool,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.tally.reversals += 1;
        let refuse = |code: ResponseCode, gate: Gate, effects: &mut Effects<'_>| {
            let verdict = Verdict {
                response_code: code,
                outcome: None,
            };
            let message = replies::reversal_result(reversal, advice, verdict, context.now.wall);
            let waiter = replies::waiter(sender, &reversal.header);
            replies::answer(effects, &waiter, gate, message, ShortText::EMPTY);
        };
        if reversal.target.class == Class::CodeInquiry {
            return refuse(ResponseCode::NOT_SUPPORTED, Gate::Free, effects);
        }
        let Some(slot) = self.transactions.find(&reversal.target) else {
            if self.may_be_aged(&reversal.target.key, &reversal.root, context) {
                return self.look_up_reversal((reversal, advice), sender, context, effects);
            }
            return self.handle_unknown_target(reversal, advice, sender, context, effects);
        };
        let transaction = self.transactions.get(slot);
        let Some(side) = side(transaction, sender.participant) else {
            self.tally.security_events += 1;
            return refuse(ResponseCode::NOT_PERMITTED, Gate::Free, effects);
        };
        if reversal.amount != transaction.amounts.amount() {
            return refuse(ResponseCode::INVALID_AMOUNT, Gate::Committed, effects);
        }
        if self.has_live_refunds(slot) {
            // Undoing all of it would give back twice what its refunds gave back.
            return refuse(ResponseCode::REFUND_TOO_LARGE, Gate::Committed, effects);
        }
        let event = match side {
            Actor::Destination => Event::DestinationReverses,
            Actor::Originator | Actor::Switch => Event::OriginatorReverses,
        };
        let asked = Asked {
            sender,
            reversal,
            advice,
        };
        let reason = reversal.reason.unwrap_or(Reason::Customer);
        let case = Case {
            asked: Some(asked),
            reason,
            ..Case::of(event)
        };
        self.advance(slot, &case, context, effects);
    }

    /// Whether an approved payment has refunds that are, or may yet be, approved.
    fn has_live_refunds(&self, slot: u32) -> bool {
        let transaction = self.transactions.get(slot);
        transaction.target.class == Class::Payment
            && transaction.phase == Phase::Approved
            && self.taken(slot).count > 0
    }

    /// A reversal that came before its payment: remembered, so that the payment is declined.
    pub(super) fn handle_unknown_target<L: Legs>(
        &mut self,
        reversal: &Reversal<'_>,
        advice: bool,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let wall = context.now.wall;
        let known = context.tables.participant(sender.participant);
        let number = self.transactions.next_number(wall);
        let own = known.speaks_for(reversal.target.key.originator);
        let (verdict, gate) = match number {
            _ if !own => (ResponseCode::NOT_FOUND, Gate::Committed),
            Some(number) if context.room == Room::Ample => {
                let record = record::Reversal {
                    number,
                    target: reversal.target,
                    root: reversal.root,
                    claims: true,
                    by: Actor::Originator,
                    participant: Some(known.institution),
                    advice,
                    reason: reversal.reason,
                    amount: reversal.amount,
                    match_key: None,
                };
                effects.append(Record::Reversal(record));
                let slot = self.apply(&Record::Reversal(record), wall, context.tables);
                assert!(slot.is_some(), "the record claims a place");
                self.tally.reversed += 1;
                (ResponseCode::APPROVED, Gate::Committed)
            }
            Some(_) | None => {
                self.tally.shed += 1;
                (ResponseCode::SHED, Gate::Free)
            }
        };
        let outcome = (verdict == ResponseCode::APPROVED).then_some(Outcome::Reversed);
        let verdict = Verdict {
            response_code: verdict,
            outcome,
        };
        let message = replies::reversal_result(reversal, advice, verdict, wall);
        let waiter = replies::waiter(sender, &reversal.header);
        replies::answer(effects, &waiter, gate, message, ShortText::EMPTY);
    }

    /// A party asks how a transaction is now. What it is told is committed first.
    pub fn handle_status_inquiry<L: Legs>(
        &mut self,
        inquiry: &StatusInquiry<'_>,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        self.tally.inquiries += 1;
        self.parties
            .count(sender.participant, PartyCount::Inquiries);
        let wall = context.now.wall;
        let waiter = replies::waiter(sender, &inquiry.header);
        let found = self.transactions.find(&inquiry.target);
        let class = inquiry.target.class;
        if found.is_none()
            && class != Class::CodeInquiry
            && self.may_be_aged(&inquiry.target.key, &inquiry.root, context)
        {
            return self.look_up_status(inquiry, sender, context, effects);
        }
        let (message, gate) = match found {
            None => {
                let code = match inquiry.target.class {
                    Class::Payment | Class::Refund => ResponseCode::NOT_FOUND,
                    Class::CodeInquiry => ResponseCode::NOT_SUPPORTED,
                };
                (replies::no_status(inquiry, code, wall), Gate::Committed)
            }
            Some(slot) => {
                let transaction = self.transactions.get(slot);
                if side(transaction, sender.participant).is_some() {
                    let refunded = self.refunded_so_far(slot);
                    let message = replies::status(inquiry, transaction, refunded, wall);
                    (message, Gate::Committed)
                } else {
                    self.tally.security_events += 1;
                    (
                        replies::no_status(inquiry, ResponseCode::NOT_PERMITTED, wall),
                        Gate::Free,
                    )
                }
            }
        };
        replies::answer(effects, &waiter, gate, message, ShortText::EMPTY);
    }
}

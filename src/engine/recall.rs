//! An aged payment that something is asked of: it is remembered again, on record, and what is asked
//! goes its usual way. What its refunds have taken comes with it, so that the sum never exceeds the
//! payment however often it is forgotten.

use crate::engine::aged::{Aged, LookedUp};
use crate::engine::effects::{Effects, Gate};
use crate::engine::payments::Request;
use crate::engine::replies::Verdict;
use crate::engine::transactions::{FinalAnswer, Transaction};
use crate::engine::transitions::Phase;
use crate::engine::{Context, Engine, Legs, Room, Sender, replies};
use crate::model::keys::{BusinessKey, Class};
use crate::model::message::{Message, RefundRequest, Reversal};
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::record::{Recalled, Record, ShortText};
use crate::model::time::Wall;
use crate::route::Tables;

/// The answer to a reversal that goes no further.
pub(super) fn refused_reversal(
    (reversal, advice): (&Reversal<'_>, bool),
    response_code: ResponseCode,
    outcome: Option<Outcome>,
    wall: Wall,
) -> Message<'static> {
    let verdict = Verdict {
        response_code,
        outcome,
    };
    replies::reversal_result(reversal, advice, verdict, wall)
}

impl Engine {
    /// Remembers an approved payment again. `false`: there is no room for it now.
    fn recall<L: Legs>(
        &mut self,
        aged: &Aged,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let it = &aged.transaction;
        debug_assert_eq!(
            (it.target.class, it.phase),
            (Class::Payment, Phase::Approved)
        );
        let number = self.transactions.next_number(context.now.wall);
        let has_place = aged.refunded.count == 0 || self.transactions.may_recall();
        let room = context.room == Room::Ample && has_place;
        let Some(number) = number.filter(|_| room) else {
            return false;
        };
        let institution = |participant: Option<_>| {
            participant.map(|participant| context.tables.participant(participant).institution)
        };
        let record = Recalled {
            number,
            key: it.target.key,
            fingerprint: it.fingerprint,
            received: it.received,
            originator: institution(it.originator),
            destination: institution(it.destination),
            match_key: it.match_key,
            settlement_date: it.settlement_date,
            approval_code: it.approval_code,
            amounts: it.amounts.all(),
            echoed: it.echoed,
            text: it.text,
            refunded: aged.refunded,
        };
        effects.append(Record::Recalled(record));
        self.apply_recalled(&record, context.tables);
        true
    }

    /// The payment is remembered again, as it was.
    pub(super) fn apply_recalled(&mut self, recalled: &Recalled, tables: &Tables) -> u32 {
        let speaks_for = |institution: Option<_>| {
            institution.and_then(|institution| tables.speaks_for(institution))
        };
        let target = BusinessKey {
            key: recalled.key,
            class: Class::Payment,
        };
        // Only in replay: it was forgotten, and the journal still tells of it. What is recalled
        // has its refunds in it.
        if let Some(before) = self.transactions.find(&target) {
            self.transactions.forget(before);
        }
        let (number, amounts) = (recalled.number, recalled.amounts);
        let (received, settlement_date) = (recalled.received, recalled.settlement_date);
        let slot = self.transactions.insert(Transaction {
            fingerprint: recalled.fingerprint,
            phase: Phase::Approved,
            answer: Some(FinalAnswer {
                response_code: ResponseCode::APPROVED,
                outcome: Outcome::Approved,
            }),
            originator: speaks_for(recalled.originator),
            destination: speaks_for(recalled.destination),
            echoed: recalled.echoed,
            approval_code: recalled.approval_code,
            text: recalled.text,
            match_key: recalled.match_key,
            ..Transaction::claimed(number, target, received, amounts, settlement_date)
        });
        self.transactions.at(slot).root = slot;
        if recalled.refunded.count > 0 {
            self.transactions.note_refunded(slot, recalled.refunded);
        }
        slot
    }

    /// The payment of a refund was looked up.
    pub(super) fn aged_refund<L: Legs>(
        &mut self,
        request: &RefundRequest<'static>,
        sender: Sender,
        found: &LookedUp,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let target = BusinessKey {
            key: request.key,
            class: Class::Refund,
        };
        let root = BusinessKey {
            key: request.root,
            class: Class::Payment,
        };
        if self.transactions.find(&target).is_some() {
            // Another that asked for the same came first.
            return self.handle_refund(request, sender, context, effects);
        }
        let waiter = replies::waiter(sender, &request.header);
        let wall = context.now.wall;
        let absent = match found {
            LookedUp::Unavailable => {
                let message = replies::refuse_refund(request, ResponseCode::MALFUNCTION, wall);
                return replies::answer(effects, &waiter, Gate::Free, message, ShortText::EMPTY);
            }
            LookedUp::Absent => ResponseCode::NOT_FOUND,
            // It is asked for once more, and was forgotten with its payment.
            LookedUp::Found(aged) if aged.transaction.target == target => {
                let fingerprint = request.fingerprint(self.fingerprint_seed);
                let refusal = replies::refuse_refund(request, ResponseCode::FORMAT, wall);
                let (message, text) =
                    self.aged_repeat((fingerprint, refusal), &waiter, found, wall);
                return replies::answer(effects, &waiter, Gate::Committed, message, text);
            }
            // It was recalled before.
            LookedUp::Found(_) if self.transactions.find(&root).is_some() => {
                ResponseCode::NOT_FOUND
            }
            // Nothing is written down for one who may not ask.
            LookedUp::Found(aged) if aged.transaction.refunder() != Some(sender.participant) => {
                return self.bar_refunder(request, &waiter, wall, effects);
            }
            LookedUp::Found(aged) if aged.transaction.phase == Phase::Approved => {
                if !self.recall(aged, context, effects) {
                    return self.shed(Request::Refund(request), &waiter, wall, effects);
                }
                ResponseCode::NOT_FOUND
            }
            // It is declined or reversed, and stays so.
            LookedUp::Found(_) => ResponseCode::INVALID_TRANSACTION,
        };
        self.refund(request, sender, absent, context, effects);
    }

    /// The target of a reversal was looked up.
    pub(super) fn aged_reversal<L: Legs>(
        &mut self,
        (reversal, advice): (&Reversal<'static>, bool),
        sender: Sender,
        found: &LookedUp,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        if self.transactions.find(&reversal.target).is_some() {
            return self.handle_reversal(reversal, advice, sender, context, effects);
        }
        let aged = match found {
            LookedUp::Absent => {
                return self.handle_unknown_target(reversal, advice, sender, context, effects);
            }
            LookedUp::Unavailable => None,
            LookedUp::Found(aged) => Some(aged),
        };
        let parties = aged.map(|aged| [aged.transaction.originator, aged.transaction.destination]);
        let is_party = parties.is_some_and(|parties| parties.contains(&Some(sender.participant)));
        let (code, outcome) = match aged.map(|aged| (aged, aged.transaction.phase)) {
            None => (ResponseCode::MALFUNCTION, None),
            Some(_) if !is_party => {
                self.tally.security_events += 1;
                (ResponseCode::NOT_PERMITTED, None)
            }
            // A refund as old as that is not undone any more.
            Some((aged, Phase::Approved)) if aged.transaction.target.class == Class::Refund => {
                (ResponseCode::INVALID_TRANSACTION, None)
            }
            Some((aged, Phase::Approved)) => {
                if self.recall(aged, context, effects) {
                    return self.handle_reversal(reversal, advice, sender, context, effects);
                }
                self.tally.shed += 1;
                (ResponseCode::SHED, None)
            }
            // Nothing is left to be undone.
            Some((_, Phase::Declined | Phase::Reversed)) => {
                (ResponseCode::APPROVED, Some(Outcome::Reversed))
            }
            // What is forgotten is over: the archive tells less than was written.
            Some((
                _,
                Phase::Forwarded
                | Phase::Pending
                | Phase::Inquiring
                | Phase::Unknown
                | Phase::Reversing,
            )) => (ResponseCode::MALFUNCTION, None),
        };
        let wall = context.now.wall;
        let message = refused_reversal((reversal, advice), code, outcome, wall);
        let waiter = replies::waiter(sender, &reversal.header);
        replies::answer(effects, &waiter, Gate::Committed, message, ShortText::EMPTY);
    }
}

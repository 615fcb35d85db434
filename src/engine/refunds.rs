//! Refunds: money of an approved payment is given back, in parts or whole, and never more.
//!
//! A refund is a transaction of its own, chained to its payment: the payment knows its latest
//! refund, and each refund the one before. What is reserved and what is given back follows from
//! where the refunds in the chain are, so that nothing can be released twice or forgotten: a claim
//! reserves, a decline or a reversal releases, an approval confirms.

use crate::engine::apply::begun;
use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::Waiter;
use crate::engine::parties::Fate;
use crate::engine::payments::{Request, is_far};
use crate::engine::replies;
use crate::engine::transactions::{NO_EXCHANGE, Transaction};
use crate::engine::transitions::Phase;
use crate::engine::{Context, Engine, Legs, Sender};
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{MatchKey, ParticipantIndex, TransactionNumber};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::REFUNDS_MAX;
use crate::model::message::{Amounts, Header, Message, RefundRequest};
use crate::model::money::Money;
use crate::model::outcome::{Presentation, Resolution, ResponseCode};
use crate::model::record::{Decision, Record, Refund, Refunded, ShortText};
use crate::model::time::Wall;
use crate::route::Tables;

/// Where a refund goes, and what it gives back in each currency.
#[derive(Clone, Copy, Debug)]
struct Plan {
    destination: ParticipantIndex,
    amounts: Amounts,
}

/// A refund that claims its key.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    number: TransactionNumber,
    fingerprint: Fingerprint,
    waiter: Waiter,
}

/// What the live refunds of a payment take: those that are, or may yet be, approved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Taken {
    pub(super) count: usize,
    /// Refunds in the chain, the declined among them.
    chained: usize,
    pub(super) amount_minor: i64,
    billing_minor: i64,
    settlement_minor: i64,
    /// Of the amount, what is approved.
    pub(super) approved_minor: i64,
}

impl Taken {
    /// What was taken before the payment was forgotten, where it was.
    fn before(refunded: &Refunded) -> Self {
        Self {
            count: usize::from(refunded.amount_minor > 0),
            chained: usize::from(refunded.count),
            amount_minor: refunded.amount_minor,
            billing_minor: refunded.billing_minor,
            settlement_minor: refunded.settlement_minor,
            approved_minor: refunded.amount_minor,
        }
    }

    /// The same for when it is forgotten; nothing is open then.
    pub(super) fn refunded(&self) -> Refunded {
        debug_assert_eq!(self.amount_minor, self.approved_minor);
        Refunded {
            count: u16::try_from(self.chained).unwrap_or(u16::MAX),
            amount_minor: self.amount_minor,
            billing_minor: self.billing_minor,
            settlement_minor: self.settlement_minor,
        }
    }
}

impl Transaction {
    /// Refunds go from the merchant's side to the payer's, whoever originated the payment.
    pub(super) fn refunder(&self) -> Option<ParticipantIndex> {
        match self.echoed.presentation {
            Some(Presentation::Mpm) => self.destination,
            Some(Presentation::Cpm) | None => self.originator,
        }
    }
}

impl Engine {
    /// A participant asks for a refund. Its session may speak for the originator.
    pub fn handle_refund<'a, L: Legs>(
        &mut self,
        request: &RefundRequest<'a>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let waiter = replies::waiter(sender, &request.header);
        let fingerprint = request.fingerprint(self.fingerprint_seed);
        let (asked, wall) = (Request::Refund(request), context.now.wall);
        let target = BusinessKey {
            key: request.key,
            class: Class::Refund,
        };
        if let Some(slot) = self.transactions.find(&target) {
            return self.handle_repeat(slot, asked, fingerprint, waiter, wall, effects);
        }
        // With a payment that was recalled, refunds of it from before are in the archive alone.
        let all_known = |root| self.transactions.refunded_before(root).count == 0;
        if !self.root_of(request).is_some_and(all_known)
            && !is_far(request.key.local_date, context.today)
            && self.may_be_aged(&request.key, &request.root, context)
        {
            return self.look_up_refund(request, sender, context, effects);
        }
        self.refund(request, sender, ResponseCode::NOT_FOUND, context, effects);
    }

    /// A refund with a new key. `absent` is the code where its payment is not remembered.
    pub(super) fn refund<'a, L: Legs>(
        &mut self,
        request: &RefundRequest<'a>,
        sender: Sender,
        absent: ResponseCode,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let waiter = replies::waiter(sender, &request.header);
        let fingerprint = request.fingerprint(self.fingerprint_seed);
        let (asked, wall) = (Request::Refund(request), context.now.wall);
        let root = self.root_of(request);
        if let Some(root) = root
            && self.transactions.get(root).refunder() != Some(sender.participant)
        {
            return self.bar_refunder(request, &waiter, wall, effects);
        }
        let Some(number) = self.admit(asked, sender, context, effects) else {
            return;
        };
        let planned = root
            .ok_or(absent)
            .and_then(|root| self.plan(root, request, context));
        let leg = match planned {
            Ok(plan) => match self.draw_leg(plan.destination, context) {
                Some(match_key) => Ok((plan, match_key)),
                None => return self.shed(asked, &waiter, wall, effects),
            },
            Err(code) => Err(code),
        };
        let fresh = Fresh {
            number,
            fingerprint,
            waiter,
        };
        self.claim_refund(request, fresh, leg, context, effects);
    }

    /// Claims the key, and forwards the refund or declines it.
    fn claim_refund<'a, L: Legs>(
        &mut self,
        request: &RefundRequest<'a>,
        fresh: Fresh,
        leg: Result<(Plan, MatchKey), ResponseCode>,
        context: &Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let wall = context.now.wall;
        let originator = context.tables.participant(fresh.waiter.participant);
        let timeout_ms = originator.answer_timeout_ms;
        let decision = match leg {
            Ok((plan, match_key)) => Decision::Forward {
                destination: context.tables.participant(plan.destination).institution,
                match_key,
                deadline: Wall(wall.0.saturating_add(u64::from(timeout_ms) * 1_000_000)),
            },
            Err(response_code) => Decision::Decline {
                response_code,
                check: None,
            },
        };
        let record = Refund {
            number: fresh.number,
            key: request.key,
            root: request.root,
            fingerprint: fresh.fingerprint,
            originator: originator.institution,
            match_key: request.header.match_key,
            presentation: request.presentation,
            reason: request.reason,
            amounts: leg.map_or(request.amounts, |(plan, _)| plan.amounts),
            echoed: replies::echoed_refund(request),
            settlement_date: context.today,
            table: context.tables.version(),
            decision,
        };
        effects.append(Record::Refund(record));
        let slot = self.apply_refund(&record, context.tables, wall);
        self.tally.refunds += 1;
        let (plan, match_key) = match leg {
            Ok(leg) => leg,
            Err(response_code) => {
                self.tally.declined += 1;
                self.count_ended(slot, (Fate::Declined, response_code));
                return self.answer_repeat(slot, &fresh.waiter, wall, effects);
            }
        };
        let leg = (plan.destination, match_key);
        let now = context.now.monotonic;
        let exchange = self.open_forward(slot, fresh.waiter, leg, timeout_ms, now);
        let message = Message::RefundRequest(RefundRequest {
            header: Header {
                match_key,
                transmit_time: wall,
            },
            amounts: plan.amounts,
            mac: b"",
            ..*request
        });
        let id = self.exchanges.id(exchange);
        replies::ask(effects, plan.destination, id, message, ShortText::EMPTY);
    }

    fn root_of(&self, request: &RefundRequest<'_>) -> Option<u32> {
        self.transactions.find(&BusinessKey {
            key: request.root,
            class: Class::Payment,
        })
    }

    /// Who asks for this refund may not.
    pub(super) fn bar_refunder(
        &mut self,
        request: &RefundRequest<'_>,
        waiter: &Waiter,
        wall: Wall,
        effects: &mut Effects<'_>,
    ) {
        self.tally.security_events += 1;
        let message = replies::refuse_refund(request, ResponseCode::NOT_PERMITTED, wall);
        replies::answer(effects, waiter, Gate::Free, message, ShortText::EMPTY);
    }

    fn refunded(&self, root: u32) -> Option<ParticipantIndex> {
        let payment = self.transactions.get(root);
        match payment.echoed.presentation {
            Some(Presentation::Mpm) => payment.originator,
            Some(Presentation::Cpm) | None => payment.destination,
        }
    }

    /// Whether a refund may go on, and with which amounts; or the code with which we decline it.
    fn plan<L: Legs>(
        &self,
        root: u32,
        request: &RefundRequest<'_>,
        context: &Context<'_, L>,
    ) -> Result<Plan, ResponseCode> {
        let payment = self.transactions.get(root);
        // Only what is approved, and is not being undone, can be given back.
        if payment.phase != Phase::Approved {
            return Err(ResponseCode::INVALID_TRANSACTION);
        }
        let asked = request.amounts.amount;
        if asked.currency != payment.amounts.amount().currency || asked.minor <= 0 {
            return Err(ResponseCode::INVALID_AMOUNT);
        }
        let taken = self.taken(root);
        if asked.minor > payment.amounts.amount().minor - taken.amount_minor {
            return Err(ResponseCode::REFUND_TOO_LARGE);
        }
        if taken.chained >= REFUNDS_MAX {
            return Err(ResponseCode::COUNT_LIMIT);
        }
        let amounts = shares(&payment.amounts.all(), &taken, asked);
        let agrees = |stated: Option<Money>, ours| stated.is_none() || stated == ours;
        if !agrees(request.amounts.billing, amounts.billing)
            || !agrees(request.amounts.settlement, amounts.settlement)
        {
            return Err(ResponseCode::INVALID_AMOUNT);
        }
        let destination = self.refunded(root).ok_or(ResponseCode::NO_ROUTE)?;
        if let Some(named) = request.destination {
            let named = context.tables.speaks_for(named);
            if named.ok_or(ResponseCode::NO_SUCH_INSTITUTION)? != destination {
                return Err(ResponseCode::NO_ROUTE);
            }
        }
        if !context.legs.is_up(destination) {
            return Err(ResponseCode::DESTINATION_DOWN);
        }
        Ok(Plan {
            destination,
            amounts,
        })
    }

    /// What the refunds of a payment take.
    pub(super) fn taken(&self, root: u32) -> Taken {
        let mut taken = Taken::before(&self.transactions.refunded_before(root));
        for refund in self.transactions.refunds(root) {
            taken.chained += 1;
            let approved = match refund.phase {
                Phase::Declined | Phase::Reversed => continue,
                Phase::Approved => true,
                // It was approved, and stays so until the reversal is done.
                Phase::Reversing => refund.answer.is_some(),
                Phase::Forwarded | Phase::Pending | Phase::Inquiring | Phase::Unknown => false,
            };
            let minor = |money: Option<Money>| money.map_or(0, |money| money.minor);
            let amounts = refund.amounts.all();
            taken.count += 1;
            taken.amount_minor += amounts.amount.minor;
            taken.billing_minor += minor(amounts.billing);
            taken.settlement_minor += minor(amounts.settlement);
            if approved {
                taken.approved_minor += amounts.amount.minor;
            }
        }
        taken
    }

    /// What has been given back of the payment behind a transaction, if any was asked for.
    pub(super) fn refunded_so_far(&self, slot: u32) -> Option<Money> {
        let transaction = self.transactions.get(slot);
        let root = self.transactions.root(transaction)?;
        let has_refunds = transaction.target.class == Class::Refund
            || transaction.refund != NO_EXCHANGE
            || self.transactions.refunded_before(root).count > 0;
        has_refunds.then(|| Money {
            minor: self.taken(root).approved_minor,
            currency: transaction.amounts.amount().currency,
        })
    }

    /// The key of the payment behind a transaction.
    pub(super) fn root_key(&self, transaction: &Transaction) -> Key {
        let root = self.transactions.root(transaction);
        root.map_or(transaction.target.key, |root| {
            self.transactions.get(root).target.key
        })
    }

    /// Claims a refund's key, and chains it to its payment.
    pub(super) fn apply_refund(&mut self, refund: &Refund, tables: &Tables, wall: Wall) -> u32 {
        let (phase, destination, match_key, answer) = begun(&refund.decision, tables);
        let root = self.transactions.find(&BusinessKey {
            key: refund.root,
            class: Class::Payment,
        });
        let target = BusinessKey {
            key: refund.key,
            class: Class::Refund,
        };
        let (number, amounts) = (refund.number, refund.amounts);
        let slot = self.transactions.insert(Transaction {
            fingerprint: refund.fingerprint,
            phase,
            resolution: Resolution::InquireOnly,
            answer,
            originator: tables.speaks_for(refund.originator),
            destination,
            echoed: refund.echoed,
            match_key,
            root: root.unwrap_or(NO_EXCHANGE),
            ..Transaction::claimed(number, target, wall, amounts, refund.settlement_date)
        });
        // What we decline ourselves takes nothing, and is not chained.
        let root = self.transactions.root(self.transactions.get(slot));
        if let (Some(root), Phase::Forwarded) = (root, phase) {
            self.transactions.at(slot).refund = self.transactions.get(root).refund;
            self.transactions.at(root).refund = slot;
        }
        self.total_refunds(slot);
        slot
    }

    /// A refund was answered: what has been given back so far is part of its answer.
    pub(super) fn total_refunds(&mut self, slot: u32) {
        let transaction = self.transactions.get(slot);
        if transaction.target.class == Class::Refund
            && let Some(root) = self.transactions.root(transaction)
        {
            let approved_minor = self.taken(root).approved_minor;
            self.transactions.at(slot).refunded_minor = approved_minor;
        }
    }
}

/// What a refund gives back in the currencies that its requester does not rule: the payment's own,
/// pro rata. Rounding is of the total: after each refund, what has been given back is the nearest
/// minor unit to the payment's billing (or settlement) x refunded / amount, halves up. So parts
/// never drift by more than one minor unit, and the last one takes exactly what is left.
fn shares(payment: &Amounts, taken: &Taken, asked: Money) -> Amounts {
    let (whole, sum) = (
        i128::from(payment.amount.minor),
        i128::from(taken.amount_minor) + i128::from(asked.minor),
    );
    let share = |total: Option<Money>, given_minor: i64| {
        total.map(|total| {
            let due = (i128::from(total.minor) * sum * 2 + whole) / (whole * 2);
            let due = i64::try_from(due).expect("at most the total");
            // After a decline, more may have been reserved than is due now: nothing is taken back.
            let minor = (due - given_minor).clamp(0, total.minor - given_minor);
            Money { minor, ..total }
        })
    };
    Amounts {
        amount: asked,
        billing: share(payment.billing, taken.billing_minor),
        settlement: share(payment.settlement, taken.settlement_minor),
        billing_rate: payment.billing_rate,
        settlement_rate: payment.settlement_rate,
    }
}

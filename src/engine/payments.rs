//! A payment request: is it new, where does it go, may it go there?

use crate::engine::allowed::Refused;
use crate::engine::code_inquiries::Scanned;
use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::{Talk, Waiter};
use crate::engine::holds::Stake;
use crate::engine::parties::{Fate, PartyCount};
use crate::engine::price;
use crate::engine::replies;
use crate::engine::transitions::Phase;
use crate::engine::{Context, Engine, Legs, Room, Sender};
use crate::guard::{Counted, Within};
use crate::model::fingerprint::Fingerprint;
use crate::model::hold::Hold;
use crate::model::ids::{MatchKey, ParticipantIndex, TransactionNumber};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::KEY_DAYS_MAX;
use crate::model::message::{Amounts, Header, Message, PaymentRequest, RefundRequest};
use crate::model::outcome::{Presentation, ResponseCode};
use crate::model::record::{Decision, Payment, Record, ShortText};
use crate::model::time::{Date, Monotonic, Wall};
use crate::route::{Ask, Draw, Route};

impl Engine {
    /// A participant asks for a payment. Its session may speak for the originator.
    pub fn handle_payment<'a, L: Legs>(
        &mut self,
        asked: (&PaymentRequest<'a>, &Scanned<'_>),
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        self.handle_staked_payment(asked, None, sender, context, effects);
    }

    /// The same of one that comes by way of the homes of what it counts for. What it does not take
    /// in the end is given back.
    pub fn handle_staked_payment<'a, L: Legs>(
        &mut self,
        asked: (&PaymentRequest<'a>, &Scanned<'_>),
        mut stake: Option<Stake>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let taken = self.decide_payment(asked, &mut stake, sender, context, effects);
        if let Some(stake) = stake.filter(|_| !taken) {
            self.withdraw(&stake, effects);
        }
    }

    /// `true`: it goes on, and what it has staked is taken.
    fn decide_payment<'a, L: Legs>(
        &mut self,
        (request, code): (&PaymentRequest<'a>, &Scanned<'_>),
        stake: &mut Option<Stake>,
        sender: Sender,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) -> bool {
        let waiter = replies::waiter(sender, &request.header);
        let fingerprint = request.fingerprint(self.fingerprint_seed);
        let asked = Request::Payment(request);
        if let Some(slot) = self.transactions.find(&replies::target_of(request)) {
            let wall = context.now.wall;
            self.handle_repeat(slot, asked, fingerprint, waiter, wall, effects);
            return false;
        }
        let Some(number) = self.admit(asked, sender, context, effects) else {
            return false;
        };
        match self.choose((request, code), stake, sender, context) {
            Ok(Choice::Shed) => self.shed(asked, &waiter, context.now.wall, effects),
            Ok(Choice::Forward(order)) => {
                let claim = (number, fingerprint);
                let held = stake.and_then(|it| it.hold(number, context.today, &order.within));
                self.forward(request, sender, claim, (&order, held), context, effects);
                return true;
            }
            Err(refused) => {
                self.tally_refused(refused);
                let decision = Decision::Decline {
                    response_code: refused.response_code,
                    check: refused.check,
                };
                let record = record_of(
                    request,
                    sender,
                    (number, fingerprint),
                    None,
                    decision,
                    context,
                );
                effects.append(Record::Payment(record));
                self.apply_payment(&record, context.tables, context.now.wall);
                self.tally.payments += 1;
                self.tally.declined += 1;
                let declined = (Fate::Declined, refused.response_code);
                self.parties
                    .ended((Some(sender.participant), None), declined);
                let slot = self
                    .transactions
                    .by_number(number)
                    .expect("claimed just now");
                self.answer_repeat(slot, &waiter, context.now.wall, effects);
            }
        }
        false
    }

    /// The key is known: a repeat gets what there is, anything else is refused.
    pub(super) fn handle_repeat(
        &mut self,
        slot: u32,
        request: Request<'_, '_>,
        fingerprint: Fingerprint,
        waiter: Waiter,
        wall: Wall,
        effects: &mut Effects<'_>,
    ) {
        self.parties.count(waiter.participant, PartyCount::Repeats);
        let transaction = self.transactions.get(slot);
        if transaction.claimed_by_reversal {
            // It was reversed before it came: declined, and not forwarded.
            let refusal = request.refuse(ResponseCode::INVALID_TRANSACTION, wall);
            let message = replies::barred(refusal, transaction);
            replies::answer(effects, &waiter, Gate::Committed, message, ShortText::EMPTY);
            self.tally.repeats += 1;
            return;
        }
        if transaction.fingerprint != fingerprint {
            self.tally.conflicts += 1;
            let message = request.refuse(ResponseCode::CONFLICT, wall);
            replies::answer(effects, &waiter, Gate::Committed, message, ShortText::EMPTY);
            return;
        }
        self.tally.repeats += 1;
        let waits = matches!(transaction.phase, Phase::Forwarded | Phase::Reversing)
            && transaction.answer.is_none()
            && !transaction.told_unknown;
        let forward = transaction.forward;
        if waits && forward != super::transactions::NO_EXCHANGE {
            if self.exchanges.at(forward).waiters.try_push(waiter).is_err() {
                self.shed(request, &waiter, wall, effects);
            }
            return;
        }
        self.answer_repeat(slot, &waiter, wall, effects);
    }

    /// Gives the final answer, or 09 or 68 where there is none yet.
    pub(super) fn answer_repeat(
        &self,
        slot: u32,
        waiter: &Waiter,
        wall: Wall,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let verdict = replies::verdict(transaction);
        let message = replies::result(transaction, verdict, waiter.match_key, wall);
        replies::answer(effects, waiter, Gate::Committed, message, transaction.text);
    }

    /// Whether a new key can be claimed at all. What is refused here leaves no trace.
    pub(super) fn admit<L: Legs>(
        &mut self,
        request: Request<'_, '_>,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> Option<TransactionNumber> {
        let waiter = replies::waiter(sender, request.header());
        let wall = context.now.wall;
        let (date, today) = (request.key().local_date, context.today);
        let far = is_far(date, today);
        if far
            && date.days() < today.days()
            && self.may_be_aged(request.key(), &request.root(), context)
        {
            self.look_up_repeat(request, sender, context, effects);
            return None;
        }
        if far {
            let message = request.refuse(ResponseCode::FORMAT, wall);
            replies::answer(effects, &waiter, Gate::Free, message, ShortText::EMPTY);
            return None;
        }
        let number = self.transactions.next_number(wall);
        let window = context.tables.participant(sender.participant).window_in;
        let used = self.in_flight[usize::from(sender.participant.0)].0;
        if number.is_none() || context.room != Room::Ample || used >= window || !self.has_room() {
            self.shed(request, &waiter, wall, effects);
            return None;
        }
        number
    }

    /// Whether one more payment may be open, with room for every reversal and advice to come.
    fn has_room(&self) -> bool {
        let open = usize::try_from(self.open_forwards).expect("usize holds a u32");
        // Each open forward may still need two more exchanges; this one needs three.
        self.open_forwards < self.limits.in_flight_max && self.exchanges.free() >= 2 * open + 3
    }

    /// Where it goes; or the code with which we decline it, on record.
    fn choose<L: Legs>(
        &mut self,
        (request, code): (&PaymentRequest<'_>, &Scanned<'_>),
        stake: &mut Option<Stake>,
        sender: Sender,
        context: &mut Context<'_, L>,
    ) -> Result<Choice, Refused> {
        let (tables, wall) = (context.tables, context.now.wall);
        let amount = request.amounts.amount;
        let quote = price::open_quote(request, sender.participant, context)?;
        if code.terms.amount.is_some_and(|fixed| fixed != amount) {
            return Err(ResponseCode::INVALID_AMOUNT.into());
        }
        let ask = Ask {
            originator: sender.participant,
            presentation: request.presentation,
            named: quote.map_or(request.destination, |terms| Some(terms.destination)),
            currency: Some(amount.currency),
            minor: Some(amount.minor),
            code: &code.marks,
            wall,
            draw: Draw::Of(&request.key),
        };
        let legs = &context.legs;
        let mut route = tables.choose(&ask, |index| legs.is_up(index))?.route;
        // Whom the quote is of, the destination and the guard are told, also where it is fronted.
        route.institution = route.institution.or(quote.map(|terms| terms.destination));
        let named = request.destination.map(|named| tables.speaks_for(named));
        if quote.is_some() && named.is_some_and(|named| named != Some(route.destination)) {
            return Err(ResponseCode::NO_ROUTE.into());
        }
        let wallet = match request.presentation {
            Presentation::Cpm => route.destination,
            Presentation::Mpm => sender.participant,
        };
        let wallet = tables.participant(wallet).currency;
        let amounts = price::of_payment(&request.amounts, wallet, quote.as_ref(), tables, wall)?;
        let measured = tables.in_limits_currency(amount, wall);
        *stake = stake.or_else(|| self.stake_here(request, quote.as_ref(), context));
        if stake.is_some_and(|stake| stake.is_undecided()) {
            self.tally.holds_full += 1;
            return Ok(Choice::Shed);
        }
        let counted = stake.map_or_else(Counted::default, |stake| stake.counted());
        let within = Self::allow(request, sender, &route, (measured, counted), context)?;
        Ok(match self.draw_leg(route.destination, context) {
            Some(match_key) => Choice::Forward(Order {
                route,
                match_key,
                amounts,
                is_quoted: quote.is_some(),
                within,
            }),
            None => Choice::Shed,
        })
    }

    /// Our match key for one more request to a participant; none where its window is full or this
    /// second's keys are used up.
    pub(super) fn draw_leg<L: Legs>(
        &self,
        destination: ParticipantIndex,
        context: &mut Context<'_, L>,
    ) -> Option<MatchKey> {
        let window = context.tables.participant(destination).window_out;
        if self.in_flight[usize::from(destination.0)].1 >= window {
            return None;
        }
        context.legs.draw(destination, context.now.wall)
    }

    fn forward<'a, L: Legs>(
        &mut self,
        request: &PaymentRequest<'a>,
        sender: Sender,
        claim: (TransactionNumber, Fingerprint),
        (order, held): (&Order, Option<Hold>),
        context: &mut Context<'_, L>,
        effects: &mut Effects<'a>,
    ) {
        let now = context.now;
        let (route, match_key) = (order.route, order.match_key);
        let destination = context.tables.participant(route.destination).institution;
        let timeout_ms = context
            .tables
            .participant(sender.participant)
            .answer_timeout_ms;
        let deadline = Wall(now.wall.0.saturating_add(u64::from(timeout_ms) * 1_000_000));
        let decision = Decision::Forward {
            destination,
            match_key,
            deadline,
        };
        let record = record_of(request, sender, claim, Some(order), decision, context);
        effects.append(Record::Payment(record));
        let slot = self.apply_payment(&record, context.tables, now.wall);
        if let Some(hold) = held {
            self.record_hold(hold, context, effects);
        }
        let waiter = replies::waiter(sender, &request.header);
        let leg = (route.destination, match_key);
        let exchange = self.open_forward(slot, waiter, leg, timeout_ms, now.monotonic);
        self.tally.payments += 1;
        let message = Message::PaymentRequest(PaymentRequest {
            header: Header {
                match_key,
                transmit_time: now.wall,
            },
            destination: route.institution.or(request.destination),
            scenario: route.scenario.or(request.scenario),
            amounts: order.amounts,
            // A quote of ours is between its wallet and us.
            quote: if order.is_quoted { b"" } else { request.quote },
            mac: b"",
            ..*request
        });
        let id = self.exchanges.id(exchange);
        replies::ask(effects, route.destination, id, message, ShortText::EMPTY);
    }

    /// Opens the exchange of a request, with its deadline and its first waiter.
    pub(super) fn open_forward(
        &mut self,
        slot: u32,
        waiter: Waiter,
        (destination, match_key): (ParticipantIndex, MatchKey),
        timeout_ms: u32,
        now: Monotonic,
    ) -> u32 {
        let exchange = self
            .exchanges
            .open(Talk::Forward, slot, destination, match_key);
        self.exchanges.timers.set(exchange, timeout_ms, now);
        self.exchanges.at(exchange).waiters.push(waiter);
        self.transactions.at(slot).forward = exchange;
        self.count_forward(waiter.participant, destination);
        exchange
    }

    fn count_forward(&mut self, originator: ParticipantIndex, destination: ParticipantIndex) {
        self.parties.forwarded(originator, destination);
        self.open_forwards += 1;
        self.in_flight[usize::from(originator.0)].0 += 1;
        self.in_flight[usize::from(destination.0)].1 += 1;
    }

    /// A1: nothing is recorded, and the same key may be sent again.
    pub(super) fn shed(
        &mut self,
        request: Request<'_, '_>,
        waiter: &Waiter,
        wall: Wall,
        effects: &mut Effects<'_>,
    ) {
        self.tally.shed += 1;
        let message = request.refuse(ResponseCode::SHED, wall);
        replies::answer(effects, waiter, Gate::Free, message, ShortText::EMPTY);
    }
}

/// Whether a key of this date is too far from today to be a new one.
pub(super) fn is_far(date: Date, today: Date) -> bool {
    // Nearly every payment is of today.
    date != today && date.days().abs_diff(today.days()) > KEY_DAYS_MAX.unsigned_abs()
}

/// A request that claims a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request<'r, 'm> {
    Payment(&'r PaymentRequest<'m>),
    Refund(&'r RefundRequest<'m>),
}

impl Request<'_, '_> {
    pub(super) const fn header(&self) -> &Header {
        match self {
            Self::Payment(request) => &request.header,
            Self::Refund(request) => &request.header,
        }
    }

    const fn key(&self) -> &Key {
        match self {
            Self::Payment(request) => &request.key,
            Self::Refund(request) => &request.key,
        }
    }

    /// The key that it claims.
    pub(super) const fn target(&self) -> BusinessKey {
        let class = match self {
            Self::Payment(_) => Class::Payment,
            Self::Refund(_) => Class::Refund,
        };
        BusinessKey {
            key: *self.key(),
            class,
        }
    }

    /// The payment that it is, or gives back from.
    pub(super) const fn root(&self) -> Key {
        match self {
            Self::Payment(request) => request.key,
            Self::Refund(request) => request.root,
        }
    }

    /// Tells a repeat from a conflict.
    pub(super) fn fingerprint(&self, seed: u64) -> Fingerprint {
        match self {
            Self::Payment(request) => request.fingerprint(seed),
            Self::Refund(request) => request.fingerprint(seed),
        }
    }

    /// The answer to a request of which nothing is, or will be, remembered.
    pub(super) fn refuse(&self, response_code: ResponseCode, wall: Wall) -> Message<'static> {
        match self {
            Self::Payment(request) => replies::refuse_payment(request, response_code, wall),
            Self::Refund(request) => replies::refuse_refund(request, response_code, wall),
        }
    }
}

/// What becomes of a new payment that is not declined.
enum Choice {
    Forward(Order),
    Shed,
}

/// Where a new payment goes, and what it costs in every currency.
struct Order {
    route: Route,
    match_key: MatchKey,
    amounts: Amounts,
    is_quoted: bool,
    /// The limits over time that held.
    within: Within,
}

fn record_of<L: Legs>(
    request: &PaymentRequest<'_>,
    sender: Sender,
    (number, fingerprint): (TransactionNumber, Fingerprint),
    order: Option<&Order>,
    decision: Decision,
    context: &Context<'_, L>,
) -> Payment {
    Payment {
        number,
        key: request.key,
        fingerprint,
        originator: context.tables.participant(sender.participant).institution,
        match_key: request.header.match_key,
        named_destination: request.destination,
        forwarder: request.forwarder,
        presentation: request.presentation,
        scenario: order
            .and_then(|order| order.route.scenario)
            .or(request.scenario),
        amounts: order.map_or(request.amounts, |order| order.amounts),
        echoed: replies::echoed(request),
        settlement_date: context.today,
        table: context.tables.version(),
        decision,
    }
}

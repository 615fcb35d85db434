//! THE RESOLVER: what waits for an acknowledgement is repeated until it has one, or an operator has
//! it. Deadlines, alarms, back-off, the lanes, the operator queue, and what a restart left open.

use crate::engine::effects::Effects;
use crate::engine::exchanges::{ExchangeId, Talk};
use crate::engine::lanes::{Held, Stage};
use crate::engine::operator_queue::NOT_QUEUED;
use crate::engine::replies;
use crate::engine::resolve::Case;
use crate::engine::transactions::NO_EXCHANGE;
use crate::engine::transitions::{Event, Phase};
use crate::engine::{Context, Engine, Legs};
use crate::model::ids::{MatchKey, ParticipantIndex, TransactionNumber};
use crate::model::outcome::{Reason, ResponseCode};
use crate::model::record::ShortText;
use crate::model::time::{Monotonic, Wall};
use crate::route::Tables;

/// A request of ours: what it is about, to whom, under which match key.
pub type Leg = (Talk, ParticipantIndex, MatchKey);

/// Doublings of the time between repeats.
const BACK_OFF_STEPS: u8 = 4;

/// How long a participant may be down until an operator hears of what waits for it.
fn down_ms(with: ParticipantIndex, tables: &Tables) -> u64 {
    u64::from(tables.participant(with).resolver.down_s) * 1_000
}

/// From the end of one wait for an answer to the next send, after `sends` sends.
pub(super) fn back_off_ms(repeat_ms: u32, sends: u8) -> u64 {
    let doublings = sends.saturating_sub(1).min(BACK_OFF_STEPS);
    u64::from(repeat_ms) * ((1 << doublings) - 1)
}

/// Up to a quarter of `wait_ms`, told by the transaction and the send alone: what failed together
/// does not come back together, and a replay waits as long.
fn jitter_ms(number: TransactionNumber, sends: u8, wait_ms: u64) -> u64 {
    let mixed = (number.0.wrapping_mul(256) + u64::from(sends)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (wait_ms / 4).saturating_mul(mixed >> 56) >> 8
}

impl Engine {
    /// When something is due.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let timer = self.exchanges.timers.next_due();
        let alarm = self.alarms.next_due();
        let inquiry = self.code_inquiries.next_due();
        [timer, alarm, inquiry].into_iter().flatten().min()
    }

    /// Handles one deadline that has passed, or one postponed duty. `false`: there is none.
    pub fn handle_deadline<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        if let Some(index) = self.exchanges.timers.expire(context.now.monotonic) {
            self.handle_timer(index, context, effects);
            return true;
        }
        if let Some(index) = self.alarms.expire(context.now.monotonic) {
            self.handle_alarm(index, context, effects);
            return true;
        }
        self.expire_inquiry(context, effects)
            || self.serve_lanes(context, effects)
            || self.take_up_postponed(context, effects)
    }

    fn handle_timer<L: Legs>(
        &mut self,
        index: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let open = self.exchanges.get(index);
        let (slot, sent) = (open.slot, open.sent);
        match open.talk {
            Talk::Forward if sent => {
                self.advance(slot, &Case::of(Event::Deadline), context, effects);
            }
            Talk::Forward => {
                let code = if context.legs.is_up(open.with) {
                    ResponseCode::MALFUNCTION
                } else {
                    ResponseCode::DESTINATION_DOWN
                };
                self.decline_unsent(slot, Event::DeadlineUnsent, code, context, effects);
            }
            Talk::Reversal => {
                self.advance(slot, &Case::of(Event::ReversalDeadline), context, effects);
            }
            Talk::ReversalAdvice | Talk::PaymentAdvice | Talk::Inquiry => {
                unreachable!("the resolver's exchanges have alarms")
            }
        }
    }

    /// Puts an opened exchange into its lane: at once, or after a while.
    pub(super) fn launch<L: Legs>(
        &mut self,
        index: u32,
        wait_ms: u64,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let with = self.exchanges.get(index).with;
        if wait_ms > 0 {
            self.lanes.place(index, with, Stage::Paused);
            let due = context.now.monotonic.plus_ms(wait_ms);
            return self.alarms.set(index, due);
        }
        // Nobody overtakes those who wait.
        let free = self.lanes.first(with).is_none() && context.legs.is_up(with);
        if free && self.may_send(with, context).is_ok() {
            self.send_now(index, context, effects);
        } else {
            self.wait_in_lane(index, context);
        }
    }

    fn wait_in_lane<L: Legs>(&mut self, index: u32, context: &Context<'_, L>) {
        let with = self.exchanges.get(index).with;
        self.lanes.place(index, with, Stage::Waiting);
        self.watch(index, context);
    }

    /// Whoever waits for a participant that stays down is not forgotten.
    fn watch<L: Legs>(&mut self, index: u32, context: &Context<'_, L>) {
        let with = self.exchanges.get(index).with;
        let wait_ms = down_ms(with, context.tables);
        self.alarms
            .set(index, context.now.monotonic.plus_ms(wait_ms));
    }

    /// Takes an exchange out of the window for `wait_ms` and a little more.
    pub(super) fn pause<L: Legs>(&mut self, index: u32, wait_ms: u64, context: &Context<'_, L>) {
        let open = self.exchanges.get(index);
        let (with, sends) = (open.with, open.sends);
        let number = self.transactions.get(open.slot).number;
        let wait_ms = wait_ms + jitter_ms(number, sends, wait_ms);
        self.lanes.place(index, with, Stage::Paused);
        let due = context.now.monotonic.plus_ms(wait_ms);
        self.alarms.set(index, due);
    }

    fn may_send<L: Legs>(
        &mut self,
        with: ParticipantIndex,
        context: &Context<'_, L>,
    ) -> Result<(), Held> {
        let profile = &context.tables.participant(with).resolver;
        let bounds = (profile.window, profile.per_second);
        self.lanes.may_send(with, bounds, context.now.monotonic)
    }

    /// Sends what an exchange is about, and waits for its answer.
    fn send_now<L: Legs>(
        &mut self,
        index: u32,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let with = self.exchanges.get(index).with;
        self.lanes.place(index, with, Stage::Sent);
        let repeat_ms = context.tables.participant(with).repeat_ms;
        let due = context.now.monotonic.plus_ms(u64::from(repeat_ms));
        self.alarms.set(index, due);
        let open = self.exchanges.at(index);
        open.sends = open.sends.saturating_add(1);
        match (open.talk, open.sent) {
            (Talk::Inquiry, _) => self.tally.inquiries_sent += 1,
            (_, true) => self.tally.repeats_sent += 1,
            (_, false) => {}
        }
        self.send_exchange(index, context, effects);
    }

    /// Sends, or sends again, what an exchange is about.
    pub(super) fn send_exchange<L: Legs>(
        &mut self,
        index: u32,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let open = self.exchanges.get(index);
        let transaction = self.transactions.get(open.slot);
        let root = self.root_key(transaction);
        let (key, repeat, wall) = (open.match_key, open.sent, context.now.wall);
        let message = match open.talk {
            Talk::Forward => return,
            Talk::Reversal => replies::reversal(transaction, root, key, (false, repeat), wall),
            Talk::ReversalAdvice => replies::reversal(transaction, root, key, (true, repeat), wall),
            Talk::PaymentAdvice => replies::payment_advice(transaction, root, key, repeat, wall),
            Talk::Inquiry => replies::inquiry(transaction, root, key, wall),
        };
        let id = self.exchanges.id(index);
        let text = match open.talk {
            Talk::PaymentAdvice => transaction.text,
            Talk::Forward | Talk::Reversal | Talk::ReversalAdvice | Talk::Inquiry => {
                ShortText::EMPTY
            }
        };
        replies::ask(effects, open.with, id, message, text);
    }

    fn handle_alarm<L: Legs>(
        &mut self,
        index: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        if let Some(lane) = self.lane_of_alarm(index) {
            return self.lanes.list(lane);
        }
        let open = self.exchanges.get(index);
        let (slot, with, talk) = (open.slot, open.with, open.talk);
        if talk == Talk::Forward {
            return self.advance(slot, &Case::of(Event::PendingDeadline), context, effects);
        }
        match self.lanes.stage(index) {
            Stage::Sent => self.handle_silence(index, context, effects),
            Stage::Paused => self.wait_in_lane(index, context),
            // It has a link: only the others before it hold it up.
            Stage::Waiting if context.legs.is_up(with) => self.watch(index, context),
            Stage::Waiting => {
                self.advance(slot, &Case::of(Event::ParticipantDown), context, effects);
            }
            Stage::Outside => unreachable!("only forwards have alarms outside the lanes"),
        }
    }

    /// No answer in time to something that the resolver sent.
    fn handle_silence<L: Legs>(
        &mut self,
        index: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let open = self.exchanges.get(index);
        let (slot, talk, sends, sent) = (open.slot, open.talk, open.sends, open.sent);
        let participant = context.tables.participant(open.with);
        let profile = &participant.resolver;
        // What still waits for our own disk nobody can have acknowledged.
        let is_used_up = sent && sends >= profile.sends_max;
        let event = match talk {
            Talk::Inquiry if sends >= profile.inquiries_max => Event::InquiriesExhausted,
            Talk::Inquiry => Event::InquiryDeadline,
            Talk::PaymentAdvice if is_used_up => Event::AdviceExhausted,
            Talk::ReversalAdvice if is_used_up => Event::ReversalExhausted,
            Talk::ReversalAdvice if self.is_too_late(slot, context) => Event::ReversalExhausted,
            Talk::PaymentAdvice | Talk::ReversalAdvice => {
                let wait_ms = back_off_ms(participant.repeat_ms, sends);
                return self.pause(index, wait_ms, context);
            }
            Talk::Forward | Talk::Reversal => unreachable!("not the resolver's"),
        };
        self.advance(slot, &Case::of(event), context, effects);
    }

    /// Whether the destination's profile says that it is too late to reverse.
    pub(super) fn is_too_late<L: Legs>(&self, slot: u32, context: &Context<'_, L>) -> bool {
        let transaction = self.transactions.get(slot);
        let Some(destination) = transaction.destination else {
            return false;
        };
        let within_s = context
            .tables
            .participant(destination)
            .resolver
            .reversal_within_s;
        let age_ns = context.now.wall.0.saturating_sub(transaction.received.0);
        within_s > 0 && age_ns > u64::from(within_s) * 1_000_000_000
    }

    /// Sends one message from one lane that has something to send and may. `false`: none has.
    fn serve_lanes<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        while let Some(with) = self.lanes.next_listed() {
            let waiting = self.lanes.first(with);
            let work = waiting.is_some() || self.queue.has_retries(with);
            if !work || !context.legs.is_up(with) {
                continue;
            }
            match self.may_send(with, context) {
                // It is listed again when something leaves the window.
                Err(Held::Window) => continue,
                Err(Held::Budget(due)) => {
                    self.alarms.set(self.alarm_of_lane(with), due);
                    continue;
                }
                Ok(()) => {}
            }
            // Behind the others: each lane has its turn.
            self.lanes.list(with);
            if let Some(index) = waiting {
                self.send_now(index, context, effects);
                return true;
            }
            if self.exchanges.free() == 0 {
                return false;
            }
            if let Some(slot) = self.queue.take_retry(with) {
                self.retry(slot, context, effects);
                return true;
            }
        }
        false
    }

    /// A participant signed on after it had been down: whatever waits for it is sent at once, as
    /// fast as its window and its budget allow, and what an operator has is tried again. It may go
    /// away again before its window lets all of that go: whoever still waits then is not forgotten.
    pub fn participant_came_up(
        &mut self,
        participant: ParticipantIndex,
        tables: &Tables,
        now: Monotonic,
    ) {
        let due = now.plus_ms(down_ms(participant, tables));
        let (lanes, exchanges, alarms) = (&mut self.lanes, &mut self.exchanges, &mut self.alarms);
        lanes.wake(participant, |index| {
            exchanges.at(index).sends = 0;
            alarms.set(index, due);
        });
        self.queue.retry_all(participant);
    }

    /// Tries once more what an operator has; it stays in the queue until it is settled.
    fn retry<L: Legs>(
        &mut self,
        slot: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let transaction = self.transactions.get(slot);
        let idle = transaction.reversal == NO_EXCHANGE;
        match transaction.phase {
            Phase::Inquiring if idle => self.inquire(slot, context, effects),
            Phase::Unknown if idle => self.reverse(slot, Reason::Timeout, context, effects),
            Phase::Reversing if idle => self.escalate_reversal(slot, context, effects),
            Phase::Approved | Phase::Declined | Phase::Reversed => {
                self.advise(slot, context, effects);
            }
            Phase::Forwarded
            | Phase::Pending
            | Phase::Inquiring
            | Phase::Unknown
            | Phase::Reversing => {}
        }
    }

    /// Ends an exchange, wherever it stands.
    pub(super) fn close_exchange(&mut self, index: u32) {
        let with = self.exchanges.get(index).with;
        self.alarms.cancel(index);
        self.lanes.place(index, with, Stage::Outside);
        self.exchanges.close(index);
    }

    /// A message of ours was to leave, and its participant has no link any more. A request that
    /// nobody took a byte of is declined at once; what the resolver sent waits for the next link.
    pub fn handle_no_link<L: Legs>(
        &mut self,
        exchange: ExchangeId,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        if let Some(index) = self.exchanges.resolve(exchange) {
            self.handle_unsent(index, context, effects);
        }
    }

    /// The same, for a whole message that a lost link had not begun to send.
    pub fn handle_not_taken<L: Legs>(
        &mut self,
        (talk, with, match_key): Leg,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        if let Some(index) = self.exchanges.find(talk, with, match_key) {
            self.handle_unsent(index, context, effects);
        }
    }

    /// Asked before a message of ours that waited on a lost link goes over another one: `false`
    /// where its exchange is over by now, or it is a payment or refund that is too late.
    pub fn is_wanted(&self, (talk, with, match_key): Leg, now: Monotonic) -> bool {
        let found = self.exchanges.find(talk, with, match_key);
        found.is_some_and(|index| {
            let in_time = self.exchanges.due(index).is_some_and(|due| due > now);
            talk != Talk::Forward || (!self.exchanges.get(index).expired && in_time)
        })
    }

    /// A link was lost in the middle of a message: it may have arrived.
    pub fn handle_torn<L: Legs>(
        &mut self,
        (talk, with, match_key): Leg,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let Some(index) = self.exchanges.find(talk, with, match_key) else {
            return;
        };
        if talk == Talk::Forward && !self.exchanges.get(index).expired {
            let slot = self.exchanges.get(index).slot;
            self.advance(slot, &Case::of(Event::LinkLost), context, effects);
        }
    }

    fn handle_unsent<L: Legs>(
        &mut self,
        index: u32,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let open = self.exchanges.at(index);
        let (slot, talk, expired) = (open.slot, open.talk, open.expired);
        match talk {
            Talk::Forward if expired => {}
            Talk::Forward => {
                let code = ResponseCode::DESTINATION_DOWN;
                self.decline_unsent(slot, Event::LinkLostUnsent, code, context, effects);
            }
            // Its deadline turns it into an advice.
            Talk::Reversal => {}
            Talk::ReversalAdvice | Talk::PaymentAdvice | Talk::Inquiry => {
                if self.lanes.stage(index) == Stage::Sent {
                    open.sends = open.sends.saturating_sub(1);
                    self.wait_in_lane(index, context);
                }
            }
        }
    }

    /// Tries once more what found no match key, no exchange, or no room in the operator queue.
    fn take_up_postponed<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let Some(slot) = self.postponed.pop_front() else {
            return false;
        };
        let (before, full) = (self.postponed.len(), self.tally.operator_queue_full);
        let transaction = self.transactions.get(slot);
        let idle = transaction.phase.is_settled() && transaction.payment_advice == NO_EXCHANGE
            || transaction.reversal == NO_EXCHANGE;
        if idle {
            self.retry(slot, context, effects);
        }
        // It was counted when it first found the operator queue full.
        self.tally.operator_queue_full = full;
        // Postponed again: the second is not over yet, or there is still no room.
        self.postponed.len() == before
    }

    /// After replay: takes up one transaction that an earlier run left open. `false`: none is left.
    pub fn resume<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        if let Some(number) = self.holds.unreleased.pop_first() {
            self.release_hold(number, context, effects);
            return true;
        }
        let Some(number) = self.replayed_open.pop_first() else {
            return false;
        };
        if self.exchanges.free() == 0 {
            // Later: there are more than may be open at once.
            self.replayed_open.insert(number);
            return true;
        }
        let Some(slot) = self.transactions.by_number(number) else {
            return true;
        };
        let transaction = self.transactions.get(slot);
        if transaction.queued != NOT_QUEUED {
            // It waits for an operator, for its participant, or for a late answer.
        } else if transaction.phase.is_settled() {
            self.advise(slot, context, effects);
        } else {
            self.reopen_pending(slot);
            self.advance(slot, &Case::of(Event::Restart), context, effects);
            if self.transactions.get(slot).phase == Phase::Pending {
                self.await_advice(slot, context);
            }
        }
        true
    }

    /// A pending transaction has its deadline on the exchange of its request.
    fn reopen_pending(&mut self, slot: u32) {
        let transaction = self.transactions.get(slot);
        if let (Phase::Pending, Some(destination)) = (transaction.phase, transaction.destination) {
            let key = transaction.match_key;
            let index = self.exchanges.open(Talk::Forward, slot, destination, key);
            let open = self.exchanges.at(index);
            (open.sent, open.expired) = (true, true);
            self.transactions.at(slot).forward = index;
        }
    }

    /// How many transactions an operator has to look at, and since when the oldest waits.
    pub fn operator_queue(&self) -> (usize, Option<Wall>) {
        (self.queue.depth(), self.queue.oldest())
    }

    fn alarm_of_lane(&self, with: ParticipantIndex) -> u32 {
        self.exchanges_max() + u32::from(with.0)
    }

    fn lane_of_alarm(&self, alarm: u32) -> Option<ParticipantIndex> {
        let lane = alarm.checked_sub(self.exchanges_max())?;
        Some(ParticipantIndex(
            u16::try_from(lane).expect("participants are a u16"),
        ))
    }
}

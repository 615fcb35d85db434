//! WHAT HAPPENS TO A TRANSACTION: duplicates, forwarding, deadlines, answers, reversals, advices.
//!
//! Pure: inputs and a time go in, records and messages come out as [`Effects`]. Each decision is
//! first written into a record, and the record is then applied ([`apply`]): replay applies the same
//! records and takes no decision. The engine never sees a byte of the wire, a socket or a clock.

#![deny(clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod advices;
mod aged;
mod alarms;
mod allowed;
mod answers;
mod apply;
mod claims;
mod code_inquiries;
mod effects;
mod exchanges;
mod forgetting;
mod hand_over;
mod holds;
mod index;
mod inquiries;
mod kept_amounts;
mod lanes;
mod operator_queue;
pub mod parties;
mod payments;
mod price;
mod recall;
mod refunds;
mod replies;
mod resolve;
mod resolver;
mod restore;
mod reversal_acts;
mod reversals;
mod rows;
mod rulings;
mod snapshot;
mod timers;
mod totals;
mod transactions;
pub mod transitions;
mod walks;

use core::ops::Range;

use crate::engine::aged::LookUps;
use crate::engine::alarms::Alarms;
use crate::engine::claims::Claims;
use crate::engine::code_inquiries::CodeInquiries;
use crate::engine::exchanges::Exchanges;
use crate::engine::holds::Holds;
use crate::engine::lanes::Lanes;
use crate::engine::operator_queue::OperatorQueue;
use crate::engine::parties::Parties;
use crate::engine::transactions::Transactions;
use crate::model::ids::{LinkAddress, MatchKey, ParticipantIndex, TransactionNumber};
use crate::model::keys::BusinessKey;
use crate::model::outcome::Check;
use crate::model::time::{Date, Monotonic, Now, Wall};
use crate::route::Tables;

pub use aged::{Aged, LOOK_UPS_MAX, LOOK_UPS_SHARE, LookUp, LookedUp};
pub use apply::{Drawn, ReplayError};
pub use claims::{Claim, Claimed, Told};
pub use code_inquiries::{CodeTerms, Scanned, Token};
pub use effects::{EFFECTS_MAX, Effect, Effects, Gate, Outgoing};
pub use exchanges::{ExchangeId, Talk, Waiter};
pub use forgetting::CARRIED_MAX;
pub use holds::{
    GivenBack, OrderStake, PayerStake, ReadHolds, Stake, Standing, Sum, ToldHolds, may_count,
};
pub use resolver::Leg;
pub use restore::Ask;
pub use rulings::{NotRuled, Waits};
pub use snapshot::{Pricing, Snapshot};
pub use totals::Counts;
pub use walks::SetOut;

/// What the engine must know of the legs: who is up, and our next match key on each.
pub trait Legs {
    /// Whether a participant has a link that is signed on.
    fn is_up(&self, participant: ParticipantIndex) -> bool;
    /// Draws a match key for a request of ours; none where this second's block is used up.
    fn draw(&mut self, participant: ParticipantIndex, wall: Wall) -> Option<MatchKey>;
}

/// What the journal has room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// For everything.
    Ample,
    /// For outcomes and reversals of what is open; new keys are shed.
    OutcomesOnly,
}

/// What surrounds one input.
#[derive(Debug)]
pub struct Context<'c, L: Legs> {
    /// Both clocks, read once per turn.
    pub now: Now,
    /// The date of now, in UTC.
    pub today: Date,
    /// The tables that decide.
    pub tables: &'c Snapshot,
    /// The sessions.
    pub legs: &'c mut L,
    /// The journal's.
    pub room: Room,
}

/// Whose session an input came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// Who.
    pub participant: ParticipantIndex,
    /// Over which link.
    pub link: LinkAddress,
}

/// Bounds of one engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// Payments that are open at once. Reversals and advices have room of their own.
    pub in_flight_max: u32,
    /// Keys that are remembered.
    pub remembered_keys_max: u32,
}

/// What happened, counted. Names and help texts are in `shard/stats/counter.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// New payments.
    pub payments: u64,
    /// Answered approved.
    pub approved: u64,
    /// Answered declined, by us or the destination.
    pub declined: u64,
    /// Answered 68.
    pub unknown: u64,
    /// Undone.
    pub reversed: u64,
    /// Repeats of a request.
    pub repeats: u64,
    /// Same key, another body.
    pub conflicts: u64,
    /// Shed with A1.
    pub shed: u64,
    /// Answers after the deadline.
    pub late_answers: u64,
    /// Answers that nobody waits for.
    pub unhandled_answers: u64,
    /// Answers that could not be used.
    pub malformed_answers: u64,
    /// Messages of a participant that is no party to the transaction.
    pub security_events: u64,
    /// Status inquiries.
    pub inquiries: u64,
    /// Reversals and reversal advices received.
    pub reversals: u64,
    /// Repeats of our reversals and advices.
    pub repeats_sent: u64,
    /// Answered 09.
    pub pending: u64,
    /// Payment advices received.
    pub advices: u64,
    /// New refunds.
    pub refunds: u64,
    /// Status inquiries of ours, repeats included.
    pub inquiries_sent: u64,
    /// Handed to an operator.
    pub operator_queued: u64,
    /// Not handed to an operator, because the queue was full.
    pub operator_queue_full: u64,
    /// Decisions of operators that were taken.
    pub operator_rulings: u64,
    /// Decisions of operators that could not be: it no longer waits, or not for that.
    pub operator_rulings_refused: u64,
    /// Old keys looked up in the archive.
    pub look_ups: u64,
    /// Of these, in vain: the archive could not be read.
    pub look_ups_failed: u64,
    /// New payments that were not allowed, by check as they stand in [`Check::ALL`].
    pub not_allowed: [u64; Check::ALL.len()],
    /// New payments that were shed because there is no room for their payer or order.
    pub holds_full: u64,
    /// Wallets' inquiries about codes.
    pub code_inquiries: u64,
    /// Quotes given.
    pub quotes: u64,
}

/// All transactions of one shard.
#[derive(Debug)]
pub struct Engine {
    transactions: Transactions,
    exchanges: Exchanges,
    /// Open forwards by participant: as originator, as destination.
    in_flight: Vec<(u32, u32)>,
    open_forwards: u32,
    limits: EngineLimits,
    fingerprint_seed: u64,
    /// Transactions whose reversal or advice waits for a match key.
    postponed: std::collections::VecDeque<u32>,
    /// Transactions that replay left open, oldest first; emptied by [`Engine::resume`].
    replayed_open: std::collections::BTreeSet<TransactionNumber>,
    /// Refunds in the live journal that were forgotten with their payment, which is not in it.
    replay_skipped: std::collections::BTreeSet<TransactionNumber>,
    /// What is being looked up in the archive.
    look_ups: LookUps,
    code_inquiries: CodeInquiries,
    /// Of the refund keys that this shard owns, where it is one of several.
    claims: Option<Claims>,
    /// What payments count for under other keys.
    holds: Holds,
    /// The resolver's: when to send, how much at once, and who waits for an operator.
    alarms: Alarms,
    lanes: Lanes,
    queue: OperatorQueue,
    tally: Tally,
    parties: Parties,
    /// How often each row of the transition table was taken.
    steps: StepCounts,
}

/// Rows of the transition table, by phase and event as they stand in their `ALL`.
pub type StepCounts = [[u64; transitions::Event::ALL.len()]; transitions::Phase::ALL.len()];

/// Exchanges that one payment may need at once: its forward, its reversal, its advice.
const EXCHANGES_PER_PAYMENT: u32 = 3;

impl Engine {
    /// An engine that remembers nothing yet. `seed` keys fingerprints and hash tables; it is the
    /// journal's, because fingerprints are compared across restarts.
    pub fn new(limits: EngineLimits, tables: &Tables, seed: u64) -> Self {
        let participants = tables.participants().len();
        let intervals: Vec<u32> = tables
            .participants()
            .iter()
            .map(|participant| participant.answer_timeout_ms)
            .collect();
        let exchanges = limits.in_flight_max.saturating_mul(EXCHANGES_PER_PAYMENT);
        let exchange_count = usize::try_from(exchanges).expect("usize holds a u32");
        Self {
            transactions: Transactions::new(limits.remembered_keys_max, seed),
            exchanges: Exchanges::new(exchanges, seed, intervals.clone()),
            in_flight: vec![(0, 0); participants],
            open_forwards: 0,
            limits,
            fingerprint_seed: seed,
            postponed: std::collections::VecDeque::with_capacity(exchange_count),
            alarms: Alarms::new(exchange_count + participants),
            lanes: Lanes::new(participants, exchange_count),
            queue: OperatorQueue::new(participants, limits.in_flight_max),
            replayed_open: std::collections::BTreeSet::new(),
            replay_skipped: std::collections::BTreeSet::new(),
            look_ups: LookUps::new(),
            code_inquiries: CodeInquiries::new(limits.in_flight_max, seed, intervals),
            claims: None,
            holds: Holds::default(),
            tally: Tally::default(),
            parties: Parties::new(participants),
            steps: StepCounts::default(),
        }
    }

    /// How often each row of the transition table was taken since the start.
    pub fn steps(&self) -> &StepCounts {
        &self.steps
    }

    /// Shows every remembered transaction, in no particular order, without the exchanges that are
    /// open about it: what the journal alone must bring back.
    pub fn each_remembered(&self, mut look: impl FnMut(TransactionNumber, &dyn core::fmt::Debug)) {
        for transaction in self.transactions.iter() {
            look(transaction.number, &transaction.without_exchanges());
        }
    }

    /// The addresses of its tables: large, of fixed size, and used at random.
    pub fn memory(&self) -> impl Iterator<Item = Range<usize>> {
        let tables = self.transactions.memory().into_iter();
        tables.chain(self.exchanges.memory())
    }

    /// Where the look-up of a key begins: memory that is worth being asked for ahead of the message
    /// that brings the key, because with millions of keys it is in no cache.
    #[inline]
    pub fn entry(&self, key: &BusinessKey) -> &u64 {
        self.transactions.entry(key)
    }

    /// What happened since the start.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The same by participant, corridor and response code.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// Requests that are open: of a participant, and to it.
    pub fn in_flight(&self, participant: ParticipantIndex) -> (u32, u32) {
        self.in_flight[usize::from(participant.0)]
    }

    /// Payments without an answer yet.
    pub fn open_payments(&self) -> u32 {
        self.open_forwards
    }

    /// Keys that are remembered.
    pub fn remembered_keys(&self) -> usize {
        self.transactions.count()
    }

    /// Exchanges that are open: payments, reversals and advices without an answer.
    pub fn open_exchanges(&self) -> usize {
        let most = usize::try_from(self.exchanges_max()).expect("usize holds a u32");
        most - self.exchanges.free()
    }

    const fn exchanges_max(&self) -> u32 {
        self.limits
            .in_flight_max
            .saturating_mul(EXCHANGES_PER_PAYMENT)
    }

    /// Asked once the request's record is committed, just before it leaves: `false` where it is
    /// over by now, or too late. From here on we say that it was sent.
    #[must_use]
    pub fn release(&mut self, exchange: ExchangeId, now: Monotonic) -> bool {
        let Some(index) = self.exchanges.resolve(exchange) else {
            return false;
        };
        let late = self.exchanges.due(index).is_none_or(|due| due <= now);
        let open = self.exchanges.at(index);
        if open.talk == Talk::Forward && (open.expired || late) {
            return false;
        }
        open.sent = true;
        open.sent_at = now;
        true
    }
}

#[cfg(test)]
mod tests;

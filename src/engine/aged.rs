//! Transactions that only the archive knows: what their records tell, and who waits to hear it.
//!
//! A key can be known to the archive alone only when it is old enough to be forgotten, which its
//! own date tells: a new payment's key is never looked up, and its way does not pass here. What is
//! looked up waits in a bounded table; whoever reads the archive answers at its own pace, and is
//! not waited for longer than [`LOOK_UP_MS`].

use crate::engine::apply::ReplayError;
use crate::engine::effects::{Effects, Gate};
use crate::engine::exchanges::Waiter;
use crate::engine::payments::Request;
use crate::engine::recall::refused_reversal;
use crate::engine::transactions::Transaction;
use crate::engine::{Context, Engine, EngineLimits, Legs, Sender, replies};
use crate::model::fingerprint::Fingerprint;
use crate::model::ids::{ParticipantIndex, TransactionNumber};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::KEY_DAYS_MAX;
use crate::model::message::{Message, RefundRequest, Reversal, StatusInquiry};
use crate::model::money::Money;
use crate::model::outcome::ResponseCode;
use crate::model::record::{Record, Refunded, ShortText};
use crate::model::time::{Monotonic, Wall};
use crate::route::Tables;

/// Look-ups that wait at once; more are shed.
pub const LOOK_UPS_MAX: usize = 64;
/// Of those one participant may have so many of reversals, and as many of all else.
pub const LOOK_UPS_SHARE: usize = LOOK_UPS_MAX / 4;
/// Room that is left to reversals: what they undo is wrong until they are heard.
const REVERSALS_ROOM: usize = LOOK_UPS_MAX / 4;
/// How long one may take; then it is answered 96.
const LOOK_UP_MS: u64 = 2_000;

/// What is to be looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookUp {
    /// By which the answer finds who waits.
    pub id: u64,
    /// What is asked for.
    pub target: BusinessKey,
    /// The payment behind it: itself, unless it is a refund.
    pub root: Key,
    /// Where nobody has claimed the target, the payment is asked for.
    pub or_root: bool,
    /// Segments up to this one tell all that is forgotten: they are in the archive.
    pub archived: u64,
    /// From then on nobody waits for it.
    pub due: Monotonic,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one that is found is the rule, and few are under way"
)]
pub enum LookedUp {
    /// The transaction.
    Found(Aged),
    /// The archive does not have it, and is complete.
    Absent,
    /// The archive could not be read: nobody knows.
    Unavailable,
}

/// A transaction as its records in the archive tell.
#[derive(Clone, Copy, Debug)]
pub struct Aged {
    pub(super) transaction: Transaction,
    refunded_so_far: Option<Money>,
    /// What its refunds have taken.
    pub(super) refunded: Refunded,
}

impl Aged {
    /// What the records of a transaction, and of its payment and all refunds of it, say, in order.
    /// None where none of them claims its key. A payment that was recalled is the same under
    /// another number.
    pub fn of(
        target: &BusinessKey,
        records: &[(Wall, Record)],
        tables: &Tables,
    ) -> Result<Option<Self>, ReplayError> {
        let limits = EngineLimits {
            in_flight_max: 1,
            remembered_keys_max: u32::try_from(records.len()).unwrap_or(u32::MAX).max(1),
        };
        let mut engine = Engine::new(limits, tables, 0);
        // Numbered anew: theirs may be far apart.
        let mut numbers: Vec<(TransactionNumber, TransactionNumber)> = Vec::new();
        for (wall, record) in records {
            let number = record.number();
            if let Record::Recalled(recalled) = record {
                let key = BusinessKey {
                    key: recalled.key,
                    class: Class::Payment,
                };
                if let Some(slot) = engine.transactions.find(&key) {
                    numbers.push((number, engine.transactions.get(slot).number));
                    continue;
                }
            }
            let known = numbers.iter().find(|(known, _)| *known == number);
            let anew = known.map_or_else(
                || TransactionNumber(engine.transactions.last.0 + 1),
                |(_, anew)| *anew,
            );
            if known.is_none() {
                numbers.push((number, anew));
            }
            let mut record = *record;
            record.renumber(anew);
            engine.replay(&record, *wall, tables)?;
        }
        Ok(engine.transactions.find(target).map(|slot| {
            let transaction = engine.transactions.get(slot).without_exchanges();
            let refunded = match target.class {
                Class::Payment => engine.taken(slot).refunded(),
                Class::Refund | Class::CodeInquiry => Refunded::default(),
            };
            Self {
                transaction,
                refunded_so_far: engine.refunded_so_far(slot),
                refunded,
            }
        }))
    }
}

/// Who waits for what.
#[derive(Clone, Copy, Debug)]
enum Question {
    /// A party asks how it is.
    Status(StatusInquiry<'static>),
    /// A request with a key that is too old to be new: a repeat, or nothing of ours. The message
    /// refuses it.
    Repeat(Fingerprint, Message<'static>),
    /// A refund whose payment is not remembered.
    Refund(RefundRequest<'static>),
    /// A reversal, or an advice of one, whose target is not remembered.
    Reversal(Reversal<'static>, bool),
}

impl Question {
    const fn is_reversal(&self) -> bool {
        matches!(self, Self::Reversal(..))
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: u64,
    sender: Sender,
    waiter: Waiter,
    due: Monotonic,
    question: Question,
}

/// Everything that is being looked up.
#[derive(Debug)]
pub(super) struct LookUps {
    /// Whether anybody looks things up.
    served: bool,
    waiting: Vec<Waiting>,
    next: u64,
}

impl LookUps {
    pub(super) fn new() -> Self {
        Self {
            served: false,
            waiting: Vec::with_capacity(LOOK_UPS_MAX),
            next: 1,
        }
    }

    fn has_room(&self, participant: ParticipantIndex, question: &Question) -> bool {
        let waiting = self.waiting.iter();
        let own = waiting.filter(|one| one.sender.participant == participant);
        let alike = own.filter(|one| one.question.is_reversal() == question.is_reversal());
        let most = if question.is_reversal() {
            LOOK_UPS_MAX
        } else {
            LOOK_UPS_MAX - REVERSALS_ROOM
        };
        self.waiting.len() < most && alike.count() < LOOK_UPS_SHARE
    }
}

impl Engine {
    /// From now on somebody answers look-ups.
    pub fn serve_look_ups(&mut self) {
        self.look_ups.served = true;
    }

    /// Look-ups under way.
    pub fn look_ups(&self) -> usize {
        self.look_ups.waiting.len()
    }

    /// Whether a transaction with this key and root may have been remembered and forgotten: it is
    /// with its payment, which is the older one.
    pub(super) fn may_be_aged<L: Legs>(
        &self,
        key: &Key,
        root: &Key,
        context: &Context<'_, L>,
    ) -> bool {
        let forgotten = self.transactions.memory.forgotten_day(context.now.wall);
        let oldest = key.local_date.days().min(root.local_date.days());
        // A key is accepted so many days before its own date.
        self.look_ups.served && oldest <= forgotten.days() + KEY_DAYS_MAX
    }

    /// Asks the archive about the target of a status inquiry.
    pub(super) fn look_up_status<L: Legs>(
        &mut self,
        inquiry: &StatusInquiry<'_>,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let waiter = replies::waiter(sender, &inquiry.header);
        let question = Question::Status(StatusInquiry {
            mac: b"",
            ..*inquiry
        });
        let asked = (inquiry.target, inquiry.root);
        if !self.look_up(asked, sender, waiter, question, context, effects) {
            let message = replies::no_status(inquiry, ResponseCode::SHED, context.now.wall);
            replies::answer(effects, &waiter, Gate::Free, message, ShortText::EMPTY);
        }
    }

    /// Asks the archive about the key of a request, which is too old for a new one.
    pub(super) fn look_up_repeat<L: Legs>(
        &mut self,
        request: Request<'_, '_>,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let waiter = replies::waiter(sender, request.header());
        let wall = context.now.wall;
        let refusal = request.refuse(ResponseCode::FORMAT, wall);
        let question = Question::Repeat(request.fingerprint(self.fingerprint_seed), refusal);
        let asked = (request.target(), request.root());
        if !self.look_up(asked, sender, waiter, question, context, effects) {
            self.shed(request, &waiter, wall, effects);
        }
    }

    fn look_up<L: Legs>(
        &mut self,
        (target, root): (BusinessKey, Key),
        sender: Sender,
        waiter: Waiter,
        question: Question,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        if !self.look_ups.has_room(sender.participant, &question) {
            return false;
        }
        let id = self.look_ups.next;
        let due = context.now.monotonic.plus_ms(LOOK_UP_MS);
        self.look_ups.next += 1;
        let wanted = LookUp {
            id,
            target,
            root,
            or_root: matches!(question, Question::Refund(_)),
            archived: self.transactions.memory.told_through(),
            due,
        };
        self.look_ups.waiting.push(Waiting {
            id,
            sender,
            waiter,
            due,
            question,
        });
        self.tally.look_ups += 1;
        effects.look_up(wanted);
        true
    }

    /// Asks the archive about a refund, and about its payment where the refund is new.
    pub(super) fn look_up_refund<L: Legs>(
        &mut self,
        request: &RefundRequest<'_>,
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let waiter = replies::waiter(sender, &request.header);
        let target = Request::Refund(request).target();
        let question = Question::Refund(RefundRequest {
            mac: b"",
            ..*request
        });
        let asked = (target, request.root);
        if !self.look_up(asked, sender, waiter, question, context, effects) {
            let wall = context.now.wall;
            self.shed(Request::Refund(request), &waiter, wall, effects);
        }
    }

    /// Asks the archive about the target of a reversal.
    pub(super) fn look_up_reversal<L: Legs>(
        &mut self,
        (reversal, advice): (&Reversal<'_>, bool),
        sender: Sender,
        context: &Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let waiter = replies::waiter(sender, &reversal.header);
        let question = Question::Reversal(
            Reversal {
                mac: b"",
                ..*reversal
            },
            advice,
        );
        let asked = (reversal.target, reversal.root);
        if !self.look_up(asked, sender, waiter, question, context, effects) {
            self.tally.shed += 1;
            let wall = context.now.wall;
            let message = refused_reversal((reversal, advice), ResponseCode::SHED, None, wall);
            replies::answer(effects, &waiter, Gate::Free, message, ShortText::EMPTY);
        }
    }

    /// The archive was read, or could not be.
    pub fn handle_looked_up<L: Legs>(
        &mut self,
        id: u64,
        found: &LookedUp,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) {
        let waiting = &mut self.look_ups.waiting;
        let Some(place) = waiting.iter().position(|one| one.id == id) else {
            return;
        };
        let one = waiting.swap_remove(place);
        self.tally.look_ups_failed += u64::from(matches!(found, LookedUp::Unavailable));
        let wall = context.now.wall;
        let (message, text) = match one.question {
            // It was recalled while the archive was read: that does not tell what it is now.
            Question::Status(inquiry) if self.transactions.find(&inquiry.target).is_some() => {
                return self.handle_status_inquiry(&inquiry, one.sender, context, effects);
            }
            Question::Status(inquiry) => {
                let message = self.aged_status(&inquiry, one.sender, found, wall);
                (message, ShortText::EMPTY)
            }
            Question::Repeat(fingerprint, refusal) => {
                self.aged_repeat((fingerprint, refusal), &one.waiter, found, wall)
            }
            Question::Refund(request) => {
                return self.aged_refund(&request, one.sender, found, context, effects);
            }
            Question::Reversal(reversal, advice) => {
                let asked = (&reversal, advice);
                return self.aged_reversal(asked, one.sender, found, context, effects);
            }
        };
        replies::answer(effects, &one.waiter, Gate::Committed, message, text);
    }

    /// Gives up on the archive where it takes too long. `false`: nothing is overdue.
    pub fn expire_look_up<L: Legs>(
        &mut self,
        context: &mut Context<'_, L>,
        effects: &mut Effects<'_>,
    ) -> bool {
        let now = context.now.monotonic;
        let overdue = self.look_ups.waiting.iter().find(|one| one.due <= now);
        let Some(id) = overdue.map(|one| one.id) else {
            return false;
        };
        self.handle_looked_up(id, &LookedUp::Unavailable, context, effects);
        true
    }

    fn aged_status(
        &mut self,
        inquiry: &StatusInquiry<'_>,
        sender: Sender,
        found: &LookedUp,
        wall: Wall,
    ) -> Message<'static> {
        let refuse = |code| replies::no_status(inquiry, code, wall);
        match found {
            LookedUp::Absent => refuse(ResponseCode::NOT_FOUND),
            LookedUp::Unavailable => refuse(ResponseCode::MALFUNCTION),
            LookedUp::Found(aged) => {
                let transaction = &aged.transaction;
                let parties = [transaction.originator, transaction.destination];
                if parties.contains(&Some(sender.participant)) {
                    replies::status(inquiry, transaction, aged.refunded_so_far, wall)
                } else {
                    self.tally.security_events += 1;
                    refuse(ResponseCode::NOT_PERMITTED)
                }
            }
        }
    }

    pub(super) fn aged_repeat(
        &mut self,
        (fingerprint, refusal): (Fingerprint, Message<'static>),
        waiter: &Waiter,
        found: &LookedUp,
        wall: Wall,
    ) -> (Message<'static>, ShortText) {
        let nothing = ShortText::EMPTY;
        match found {
            LookedUp::Absent => (refusal, nothing),
            LookedUp::Unavailable => (
                replies::recoded(refusal, ResponseCode::MALFUNCTION),
                nothing,
            ),
            LookedUp::Found(Aged { transaction, .. }) => {
                if transaction.claimed_by_reversal {
                    self.tally.repeats += 1;
                    let refusal = replies::recoded(refusal, ResponseCode::INVALID_TRANSACTION);
                    return (replies::barred(refusal, transaction), nothing);
                }
                if transaction.fingerprint != fingerprint {
                    self.tally.conflicts += 1;
                    return (replies::recoded(refusal, ResponseCode::CONFLICT), nothing);
                }
                self.tally.repeats += 1;
                let verdict = replies::verdict(transaction);
                let message = replies::result(transaction, verdict, waiter.match_key, wall);
                (message, transaction.text)
            }
        }
    }
}

//! What a shard writes down: every input that changed state, and the decision taken on it.
//!
//! Replay applies these decisions and takes none. No record holds a payment code, a payer token, a
//! merchant's name or a key. Byte layouts are the journal's business (`journal/layout.rs`).

use crate::model::chars::Chars;
use crate::model::fingerprint::Fingerprint;
use crate::model::hold::{Hold, Total};
use crate::model::ids::{Epoch, Institution, MatchKey, ShardId, TableVersion, TransactionNumber};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::limits::TEXT_BYTES_MAX;
use crate::model::message::{Amounts, Echoed};
use crate::model::money::Money;
use crate::model::outcome::{
    Check, Outcome, Presentation, QueueReason, Reason, Resolution, ResponseCode, Scenario, Source,
};
use crate::model::ruling::Ruled;
use crate::model::time::{Date, Wall};

/// A text short enough to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShortText {
    bytes: [u8; TEXT_BYTES_MAX],
    length: u8,
}

impl ShortText {
    /// No text.
    pub const EMPTY: Self = Self {
        bytes: [0; TEXT_BYTES_MAX],
        length: 0,
    };

    /// The text; empty where it is too long to be kept whole.
    pub fn new(text: &[u8]) -> Self {
        let mut kept = Self::EMPTY;
        if let Some(place) = kept.bytes.get_mut(..text.len()) {
            place.copy_from_slice(text);
            kept.length = u8::try_from(text.len()).expect("TEXT_BYTES_MAX fits");
        }
        kept
    }

    /// Its bytes, and zeros after them.
    pub const fn padded(&self) -> &[u8; TEXT_BYTES_MAX] {
        &self.bytes
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Who did something to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Actor {
    /// The participant that sent the payment.
    Originator = 1,
    /// The participant that answers it.
    Destination = 2,
    /// The switch itself.
    Switch = 3,
}

impl Actor {
    /// The actor of a journal byte.
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Originator),
            2 => Some(Self::Destination),
            3 => Some(Self::Switch),
            _ => None,
        }
    }

    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Originator => "originator",
            Self::Destination => "destination",
            Self::Switch => "switch",
        }
    }
}

/// The journal was opened for writing: first record of every epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Which opening this is.
    pub epoch: Epoch,
    /// Whose journal.
    pub shard: ShardId,
    /// Of how many.
    pub shards: u16,
    /// The tables it starts with.
    pub table: TableVersion,
    /// Their content hash.
    pub table_hash: u64,
}

/// What was decided about a new payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It goes to the destination.
    Forward {
        /// The participant it goes to, by its own institution.
        destination: Institution,
        /// Our match key on the destination leg.
        match_key: MatchKey,
        /// When the originator has its answer, 68 at the latest.
        deadline: Wall,
    },
    /// We decline it ourselves. This is its outcome.
    Decline {
        /// 91, 92 and the like.
        response_code: ResponseCode,
        /// What was not allowed; none where something else was in the way.
        check: Option<Check>,
    },
}

/// A business key was claimed: the payment as far as it must be remembered, and the decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payment {
    /// The number it claimed.
    pub number: TransactionNumber,
    /// Its key (the class is payment).
    pub key: Key,
    /// Tells a repeat from a conflict.
    pub fingerprint: Fingerprint,
    /// The participant whose session sent it, by its own institution.
    pub originator: Institution,
    /// The originator's match key.
    pub match_key: MatchKey,
    /// The institution that the request named as destination.
    pub named_destination: Option<Institution>,
    /// As received.
    pub forwarder: Option<Institution>,
    /// Who showed the code.
    pub presentation: Presentation,
    /// Direction x presentation, as we see it.
    pub scenario: Option<Scenario>,
    /// As forwarded.
    pub amounts: Amounts,
    /// What an ISO 8583 answer repeats.
    pub echoed: Echoed,
    /// Ours, fixed when it was received.
    pub settlement_date: Date,
    /// The tables that decided: with the hash that [`Opened`] has of them they name every rate,
    /// limit and list, each in its version.
    pub table: TableVersion,
    /// What was decided.
    pub decision: Decision,
}

/// The destination answered in time, or it is certain that it never saw the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Who decided: the destination, or the switch where nothing was sent.
    pub by: Actor,
    /// What the originator is told.
    pub response_code: ResponseCode,
    /// Approved or declined.
    pub outcome: Outcome,
    /// The destination's approval code.
    pub approval_code: Option<Chars<6>>,
    /// As answered.
    pub amounts: Amounts,
    /// As answered.
    pub text: ShortText,
}

/// Nobody knows whether the destination approved. The originator is told 68; a reversal follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unknown {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Timeout, malformed answer, link lost.
    pub reason: Reason,
}

/// A reversal was asked for, or decided by the switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reversal {
    /// Of which transaction; where the target was not known, the number it claims now.
    pub number: TransactionNumber,
    /// What is reversed.
    pub target: BusinessKey,
    /// The payment behind it.
    pub root: Key,
    /// Whether the target was unknown, and its key is claimed as reversed.
    pub claims: bool,
    /// Who asked.
    pub by: Actor,
    /// The participant that asked, by its own institution; none for the switch.
    pub participant: Option<Institution>,
    /// 0420/0421, which cannot be refused; otherwise 0400.
    pub advice: bool,
    /// Why.
    pub reason: Option<Reason>,
    /// The whole amount of the target.
    pub amount: Money,
    /// Our match key on the leg that the reversal goes out on; none where nobody needs to be told.
    pub match_key: Option<MatchKey>,
}

/// The counterparty answered a reversal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReversalAnswer {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// What it said.
    pub response_code: ResponseCode,
    /// Whether the transaction is reversed now.
    pub reversed: bool,
}

/// An unanswered reversal request (0400) goes on as advice, which is repeated until acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReversalEscalation {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Our match key of the advice.
    pub match_key: MatchKey,
}

/// A participant is told, by PaymentAdvice until it acknowledges, how a payment ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advice {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Our match key on the originator leg.
    pub match_key: MatchKey,
}

/// The PaymentAdvice was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdviceAnswer {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// With which code.
    pub response_code: ResponseCode,
}

/// An answer came after the outcome was decided without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LateAnswer {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// What it said.
    pub response_code: ResponseCode,
}

/// Nobody knows whether the destination approved, and it is asked before anything is undone. The
/// originator was told 68, or 09 before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InDoubt {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Timeout, malformed answer, link lost.
    pub reason: Reason,
    /// How it is resolved; never [`Resolution::Reverse`] alone, which is [`Unknown`].
    pub resolution: Resolution,
}

/// The destination is asked for the status, repeatedly with the same match key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inquiry {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Our match key on the destination leg.
    pub match_key: MatchKey,
}

/// The destination was asked in vain: a reversal of ours follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InquiryEnd {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// 25 where it has no record; 68 where it told nothing as often as it was asked.
    pub response_code: ResponseCode,
}

/// An outcome that was unknown or pending has been learnt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// How it was learnt.
    pub source: Source,
    /// The final answer from now on.
    pub response_code: ResponseCode,
    /// How it ended.
    pub outcome: Outcome,
    /// The destination's approval code.
    pub approval_code: Option<Chars<6>>,
    /// As told.
    pub amounts: Amounts,
    /// As told.
    pub text: ShortText,
}

/// The destination said 09, and so did we: its payment advice will tell the outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// When we stop waiting and ask.
    pub until: Wall,
}

/// What could not be settled in the bounded number of tries waits for an operator. It stays in the
/// queue until a record of its end follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queued {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Why.
    pub reason: QueueReason,
    /// The participant that it waits for, by its own institution.
    pub with: Institution,
}

/// A refund's key was claimed: as far as it must be remembered, and the decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refund {
    /// The number it claimed.
    pub number: TransactionNumber,
    /// Its key (the class is refund).
    pub key: Key,
    /// The payment that it gives back from.
    pub root: Key,
    /// Tells a repeat from a conflict.
    pub fingerprint: Fingerprint,
    /// The participant whose session sent it, by its own institution.
    pub originator: Institution,
    /// The originator's match key.
    pub match_key: MatchKey,
    /// Who showed the code of the payment.
    pub presentation: Option<Presentation>,
    /// Why it is given back.
    pub reason: Option<Reason>,
    /// As forwarded: at the payment's own rates.
    pub amounts: Amounts,
    /// What an ISO 8583 answer repeats.
    pub echoed: Echoed,
    /// Ours, fixed when it was received.
    pub settlement_date: Date,
    /// The tables that decided.
    pub table: TableVersion,
    /// What was decided.
    pub decision: Decision,
}

/// An approved payment that only the archive knew is remembered again, because something is asked
/// of it: it is as it was, under a number of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recalled {
    /// The number it has from now on.
    pub number: TransactionNumber,
    /// Its key (the class is payment).
    pub key: Key,
    /// Tells a repeat from a conflict.
    pub fingerprint: Fingerprint,
    /// When it was received.
    pub received: Wall,
    /// The participant whose session sent it, by its own institution; none where it has left.
    pub originator: Option<Institution>,
    /// The participant it went to, by its own institution; none where it has left.
    pub destination: Option<Institution>,
    /// Our match key on the destination leg.
    pub match_key: MatchKey,
    /// Ours, fixed when it was received.
    pub settlement_date: Date,
    /// The destination's approval code.
    pub approval_code: Option<Chars<6>>,
    /// As answered.
    pub amounts: Amounts,
    /// What an ISO 8583 answer repeats.
    pub echoed: Echoed,
    /// As answered.
    pub text: ShortText,
    /// What its refunds have taken so far.
    pub refunded: Refunded,
}

/// What approved refunds of a payment add up to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Refunded {
    /// Refunds that went on to the destination, those that were declined there among them.
    pub count: u16,
    /// Of the payment's amount, in its minor units.
    pub amount_minor: i64,
    /// Of its billing amount.
    pub billing_minor: i64,
    /// Of its settlement amount.
    pub settlement_minor: i64,
}

/// Any record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each is documented on its own type")]
pub enum Record {
    Opened(Opened),
    Payment(Payment),
    Answer(Answer),
    Unknown(Unknown),
    Reversal(Reversal),
    ReversalAnswer(ReversalAnswer),
    ReversalEscalation(ReversalEscalation),
    Advice(Advice),
    AdviceAnswer(AdviceAnswer),
    LateAnswer(LateAnswer),
    InDoubt(InDoubt),
    Inquiry(Inquiry),
    InquiryEnd(InquiryEnd),
    Finding(Finding),
    Pending(Pending),
    Queued(Queued),
    Ruled(Ruled),
    Refund(Refund),
    Recalled(Recalled),
    /// It counts from here on.
    Held(Hold),
    /// It no longer counts.
    Released(Hold),
    Total(Total),
}

impl Record {
    /// The transaction that it is about; zero for none.
    pub const fn number(&self) -> TransactionNumber {
        match self {
            Self::Opened(_) | Self::Total(_) => TransactionNumber(0),
            Self::Held(record) | Self::Released(record) => record.number,
            Self::Payment(record) => record.number,
            Self::Answer(record) => record.number,
            Self::Unknown(record) => record.number,
            Self::Reversal(record) => record.number,
            Self::ReversalAnswer(record) => record.number,
            Self::ReversalEscalation(record) => record.number,
            Self::Advice(record) => record.number,
            Self::AdviceAnswer(record) => record.number,
            Self::LateAnswer(record) => record.number,
            Self::InDoubt(record) => record.number,
            Self::Inquiry(record) => record.number,
            Self::InquiryEnd(record) => record.number,
            Self::Finding(record) => record.number,
            Self::Pending(record) => record.number,
            Self::Queued(record) => record.number,
            Self::Ruled(record) => record.number,
            Self::Refund(record) => record.number,
            Self::Recalled(record) => record.number,
        }
    }

    /// Whether a transaction that waited for an operator no longer does: what it waited for came,
    /// or it goes another way now.
    pub const fn ends_queue(&self) -> bool {
        match self {
            Self::Answer(_)
            | Self::Finding(_)
            | Self::InquiryEnd(_)
            | Self::ReversalAnswer(_)
            | Self::AdviceAnswer(_) => true,
            Self::Reversal(reversal) => !reversal.claims,
            Self::Ruled(ruled) => ruled.settles(),
            Self::Opened(_)
            | Self::Total(_)
            | Self::Held(_)
            | Self::Released(_)
            | Self::Payment(_)
            | Self::Refund(_)
            | Self::Recalled(_)
            | Self::Unknown(_)
            | Self::InDoubt(_)
            | Self::Inquiry(_)
            | Self::Pending(_)
            | Self::Queued(_)
            | Self::ReversalEscalation(_)
            | Self::Advice(_)
            | Self::LateAnswer(_) => false,
        }
    }

    /// Gives it another number: its transaction moves to another shard's journal.
    pub const fn renumber(&mut self, number: TransactionNumber) {
        let place = match self {
            Self::Opened(_) | Self::Total(_) => return,
            Self::Held(record) | Self::Released(record) => &mut record.number,
            Self::Payment(record) => &mut record.number,
            Self::Answer(record) => &mut record.number,
            Self::Unknown(record) => &mut record.number,
            Self::Reversal(record) => &mut record.number,
            Self::ReversalAnswer(record) => &mut record.number,
            Self::ReversalEscalation(record) => &mut record.number,
            Self::Advice(record) => &mut record.number,
            Self::AdviceAnswer(record) => &mut record.number,
            Self::LateAnswer(record) => &mut record.number,
            Self::InDoubt(record) => &mut record.number,
            Self::Inquiry(record) => &mut record.number,
            Self::InquiryEnd(record) => &mut record.number,
            Self::Finding(record) => &mut record.number,
            Self::Pending(record) => &mut record.number,
            Self::Queued(record) => &mut record.number,
            Self::Ruled(record) => &mut record.number,
            Self::Refund(record) => &mut record.number,
            Self::Recalled(record) => &mut record.number,
        };
        *place = number;
    }

    /// The key that it claims, and the root of the transaction that it begins; none where it goes
    /// on with one.
    pub fn claim(&self) -> Option<(BusinessKey, Key)> {
        let of = |key, class, root| Some((BusinessKey { key, class }, root));
        match self {
            Self::Payment(record) => of(record.key, Class::Payment, record.key),
            Self::Recalled(record) => of(record.key, Class::Payment, record.key),
            Self::Refund(record) => of(record.key, Class::Refund, record.root),
            Self::Reversal(record) if record.claims => {
                let root = match record.target.class {
                    Class::Payment | Class::CodeInquiry => record.target.key,
                    Class::Refund => record.root,
                };
                Some((record.target, root))
            }
            Self::Opened(_)
            | Self::Total(_)
            | Self::Held(_)
            | Self::Released(_)
            | Self::Answer(_)
            | Self::Unknown(_)
            | Self::Reversal(_)
            | Self::ReversalAnswer(_)
            | Self::ReversalEscalation(_)
            | Self::Advice(_)
            | Self::AdviceAnswer(_)
            | Self::LateAnswer(_)
            | Self::InDoubt(_)
            | Self::Inquiry(_)
            | Self::InquiryEnd(_)
            | Self::Finding(_)
            | Self::Pending(_)
            | Self::Queued(_)
            | Self::Ruled(_) => None,
        }
    }

    /// The key that it claims.
    pub fn claimed(&self) -> Option<BusinessKey> {
        self.claim().map(|(target, _)| target)
    }

    /// The root of the transaction that it begins, by which its shard is found.
    pub fn claimed_root(&self) -> Option<Key> {
        self.claim().map(|(_, root)| root)
    }

    /// The word for people and for JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Payment(_) => "payment",
            Self::Answer(_) => "answer",
            Self::Unknown(_) => "unknown",
            Self::Reversal(_) => "reversal",
            Self::ReversalAnswer(_) => "reversal-answer",
            Self::ReversalEscalation(_) => "reversal-escalation",
            Self::Advice(_) => "advice",
            Self::AdviceAnswer(_) => "advice-answer",
            Self::LateAnswer(_) => "late-answer",
            Self::InDoubt(_) => "in-doubt",
            Self::Inquiry(_) => "inquiry",
            Self::InquiryEnd(_) => "inquiry-end",
            Self::Finding(_) => "finding",
            Self::Pending(_) => "pending",
            Self::Queued(_) => "queued",
            Self::Ruled(_) => "ruled",
            Self::Refund(_) => "refund",
            Self::Recalled(_) => "recalled",
            Self::Held(_) => "held",
            Self::Released(_) => "released",
            Self::Total(_) => "total",
        }
    }
}

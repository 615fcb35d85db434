//! What the engine asks for: records to append and messages to send, as data.

use arrayvec::ArrayVec;

use crate::model::ids::{LinkAddress, ParticipantIndex};
use crate::model::message::{Message, PaymentAdvice, PaymentResult, RefundResult};
use crate::model::record::{Record, ShortText};

use crate::engine::aged::LookUp;
use crate::engine::exchanges::ExchangeId;
use crate::engine::holds::GivenBack;

/// Most effects of one input: a reversal's record and message, an advice's record and message, and
/// an answer to each of the requests that waited; and what no longer counts, with its record.
pub const EFFECTS_MAX: usize = 14;

/// When a message may leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// Once everything appended so far is committed.
    Committed,
    /// At once: nothing was recorded, nothing is promised.
    Free,
}

/// A message on its way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing<'a> {
    /// To whom.
    pub to: ParticipantIndex,
    /// The link on which the request came, where this is an answer: preferred while it is open.
    pub link: Option<LinkAddress>,
    /// What; see [`Outgoing::with_message`].
    pub(super) message: Message<'a>,
    /// A text that the engine remembers; empty for none.
    pub(super) text: ShortText,
    /// When.
    pub gate: Gate,
    /// For a request of ours: asked again before it leaves ([`crate::engine::Engine::release`]).
    pub exchange: Option<ExchangeId>,
}

impl Outgoing<'_> {
    /// Shows the message, with its text. Messages are large: only one with a kept text is copied.
    pub fn with_message<R>(&self, look: impl FnOnce(&Message<'_>) -> R) -> R {
        let text = self.text.bytes();
        if text.is_empty() {
            look(&self.message)
        } else if let Message::PaymentResult(result) = self.message {
            look(&Message::PaymentResult(PaymentResult { text, ..result }))
        } else if let Message::RefundResult(result) = self.message {
            look(&Message::RefundResult(RefundResult { text, ..result }))
        } else if let Message::PaymentAdvice(advice) = self.message {
            look(&Message::PaymentAdvice(PaymentAdvice { text, ..advice }))
        } else {
            look(&self.message)
        }
    }
}

/// One thing to do, in order.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'a> {
    /// Write this down.
    Append(Record),
    /// Send this.
    Send(Outgoing<'a>),
    /// Ask the archive, which answers later ([`crate::engine::Engine::handle_looked_up`]).
    LookUp(LookUp),
    /// Tell its homes, once the gate lets it pass: it no longer counts
    /// ([`crate::engine::Engine::take_back`]).
    GiveBack(GivenBack, Gate),
}

/// A bounded list of effects.
#[derive(Debug, Default)]
pub struct Effects<'a> {
    list: ArrayVec<Effect<'a>, EFFECTS_MAX>,
}

impl<'a> Effects<'a> {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn append(&mut self, record: Record) {
        self.list.push(Effect::Append(record));
    }

    pub(super) fn send(&mut self, outgoing: Outgoing<'a>) {
        self.list.push(Effect::Send(outgoing));
    }

    pub(super) fn look_up(&mut self, wanted: LookUp) {
        self.list.push(Effect::LookUp(wanted));
    }

    pub(super) fn give_back(&mut self, given_back: GivenBack, gate: Gate) {
        self.list.push(Effect::GiveBack(given_back, gate));
    }

    /// In the order in which they are to be done.
    pub fn iter(&self) -> core::slice::Iter<'_, Effect<'a>> {
        self.list.iter()
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'s, 'a> IntoIterator for &'s Effects<'a> {
    type Item = &'s Effect<'a>;
    type IntoIter = core::slice::Iter<'s, Effect<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

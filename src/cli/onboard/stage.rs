//! The three links of the conversation, and what goes over them by itself.
//!
//! ```text
//! participant <--> [here] <--> the switch <--> counterparty, which is played here
//! ```
//!
//! The participant's frames go to the switch, and the switch's to the participant, byte for byte.
//! In between, requests of our own can be put to the participant; their answers stay here. Never
//! keeps or shows a code.

use std::collections::BTreeSet;

use super::link::Link;
use super::originator::Seen;
use crate::model::chars::Chars;
use crate::model::ids::MatchKey;
use crate::model::limits::SCRATCH_BYTES;
use crate::model::message::{
    Echoed, Header, Message, NoticeAck, PaymentAdviceAck, PaymentResult, RefundResult,
    ReversalResult, StatusResult,
};
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::time::{Monotonic, Wall};
use crate::sys::clock::Clock;

/// The first system trace audit number of what is put to the participant; far from those that the
/// switch begins with.
const OWN_STAN: u32 = 900_001;

/// Who said something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaker {
    /// The participant that is onboarded.
    Participant,
    /// The switch, to the participant.
    Switch,
    /// The switch, to the counterparty that is played here.
    Gateway,
}

/// How a wait ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Waited<T> {
    /// It came.
    Came(T),
    /// Nothing came in time.
    Nothing,
    /// The participant's link is gone.
    Lost,
}

/// The links, and a number for what is put to the participant.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) participant: Link,
    pub(super) switch: Link,
    pub(super) counterparty: Link,
    /// What the participant did of its own accord, from the first moment on.
    pub(super) seen: Seen,
    own: BTreeSet<MatchKey>,
    drawn: u32,
}

impl Stage {
    pub(super) fn new(participant: Link, switch: Link, counterparty: Link) -> Self {
        Self {
            participant,
            switch,
            counterparty,
            seen: Seen::default(),
            own: BTreeSet::new(),
            drawn: 0,
        }
    }

    /// A header that nobody else has.
    pub(super) fn header(&mut self) -> Header {
        let now = Clock.now().wall;
        let stan = OWN_STAN + self.drawn % 99_000;
        self.drawn += 1;
        Header {
            match_key: MatchKey::from_iso(stan, now.transmission()),
            transmit_time: now,
        }
    }

    /// Puts a message with this header to the participant; its answer will stay here.
    pub(super) fn put(&mut self, message: &Message<'_>) -> bool {
        self.own.insert(message.header().match_key);
        self.participant.say(message)
    }

    /// Lets everything take its way until `look` has seen what it waits for.
    pub(super) fn wait<T>(
        &mut self,
        within_ms: u64,
        mut look: impl FnMut(Speaker, &Message<'_>, &[u8]) -> Option<T>,
    ) -> Waited<T> {
        let end = Clock.monotonic().0 + within_ms * 1_000_000;
        loop {
            let mut found = None;
            let mut seen = core::mem::take(&mut self.seen);
            self.pass(&mut |speaker, message, body| {
                seen.note(speaker, message);
                if found.is_none() {
                    found = look(speaker, message, body);
                }
            });
            self.seen = seen;
            if let Some(found) = found {
                return Waited::Came(found);
            }
            if !self.participant.is_open() || !self.switch.is_open() {
                return Waited::Lost;
            }
            if Clock.monotonic() >= Monotonic(end) {
                return Waited::Nothing;
            }
        }
    }

    /// One look into each link.
    fn pass(&mut self, look: &mut dyn FnMut(Speaker, &Message<'_>, &[u8])) {
        let mut scratch = vec![0; SCRATCH_BYTES];
        let today = Clock.now().wall.date();
        self.participant.look();
        while let Some(frame) = self.participant.next_frame() {
            let dialect = &self.participant.dialect;
            let decoded = dialect.decode_joining(frame.body(), today, &mut scratch);
            let own = decoded.as_ref().is_ok_and(|message| {
                message.kind().is_answer() && self.own.contains(&message.header().match_key)
            });
            if !own {
                self.switch.send(&frame.bytes);
            }
            if let Ok(message) = decoded {
                look(Speaker::Participant, &message, frame.body());
            }
        }
        self.switch.look();
        while let Some(frame) = self.switch.next_frame() {
            self.participant.send(&frame.bytes);
            let dialect = &self.switch.dialect;
            if let Ok(message) = dialect.decode_joining(frame.body(), today, &mut scratch) {
                look(Speaker::Switch, &message, frame.body());
            }
        }
        self.counterparty.look();
        while let Some(frame) = self.counterparty.next_frame() {
            let dialect = self.counterparty.dialect.clone();
            if let Ok(message) = dialect.decode_joining(frame.body(), today, &mut scratch) {
                if let Some(answer) = answer(&message) {
                    self.counterparty.say(&answer);
                }
                look(Speaker::Gateway, &message, frame.body());
            }
        }
    }
}

/// The two links of a participant that has not signed on yet.
#[derive(Debug)]
pub(super) struct Lobby {
    participant: Link,
    switch: Link,
}

impl Lobby {
    pub(super) const fn new(participant: Link, switch: Link) -> Self {
        Self {
            participant,
            switch,
        }
    }

    /// As [`Stage::wait`], and frame by frame: what follows the one that is waited for stays.
    pub(super) fn wait<T>(
        &mut self,
        within_ms: u64,
        mut look: impl FnMut(Speaker, &Message<'_>) -> Option<T>,
    ) -> Waited<T> {
        let end = Clock.monotonic().0 + within_ms * 1_000_000;
        let today = Clock.now().wall.date();
        while Clock.monotonic() < Monotonic(end) {
            for speaker in [Speaker::Participant, Speaker::Switch] {
                let (from, to) = match speaker {
                    Speaker::Participant => (&mut self.participant, &mut self.switch),
                    Speaker::Switch | Speaker::Gateway => (&mut self.switch, &mut self.participant),
                };
                from.look();
                while let Some(frame) = from.next_frame() {
                    to.send(&frame.bytes);
                    let found = match from.dialect.decode(frame.body(), today) {
                        Ok(message) => look(speaker, &message),
                        Err(_) => None,
                    };
                    if let Some(found) = found {
                        return Waited::Came(found);
                    }
                }
                if !from.is_open() {
                    return Waited::Lost;
                }
            }
        }
        Waited::Nothing
    }

    /// What its bytes look like where they could not be followed.
    pub(super) const fn looks_like(&self) -> Option<&'static str> {
        self.participant.looks_like
    }

    pub(super) fn into_links(self) -> (Link, Link) {
        (self.participant, self.switch)
    }
}

/// What a counterparty that says yes to everything answers.
#[expect(clippy::too_many_lines, reason = "one arm per message")]
fn answer<'m>(message: &Message<'m>) -> Option<Message<'m>> {
    let header = Header {
        transmit_time: Wall(0),
        ..*message.header()
    };
    let response_code = ResponseCode::APPROVED;
    Some(match message {
        Message::Echo(_) => Message::EchoAck(NoticeAck {
            header,
            response_code,
            mac: b"",
        }),
        Message::PaymentRequest(request) => Message::PaymentResult(PaymentResult {
            header,
            key: request.key,
            response_code,
            outcome: Some(Outcome::Approved),
            approval_code: Chars::padded(b"ONBOAR"),
            amounts: request.amounts,
            settlement_date: None,
            echoed: Echoed {
                local_time: request.local_time,
                presentation: Some(request.presentation),
                mcc: request.mcc,
                terminal: request.terminal,
                merchant_id: request.merchant_id,
            },
            text: b"",
            mac: b"",
        }),
        Message::RefundRequest(request) => Message::RefundResult(RefundResult {
            header,
            key: request.key,
            response_code,
            outcome: Some(Outcome::Approved),
            amounts: request.amounts,
            settlement_date: None,
            refunded_so_far: None,
            echoed: Echoed::default(),
            text: b"",
            mac: b"",
        }),
        Message::ReversalRequest(reversal) => Message::ReversalResult(ReversalResult {
            header,
            target: reversal.target,
            response_code,
            outcome: Some(Outcome::Reversed),
            amount: Some(reversal.amount),
            mac: b"",
        }),
        Message::ReversalAdvice(reversal) => Message::ReversalAdviceAck(ReversalResult {
            header,
            target: reversal.target,
            response_code,
            outcome: Some(Outcome::Reversed),
            amount: Some(reversal.amount),
            mac: b"",
        }),
        Message::PaymentAdvice(advice) => Message::PaymentAdviceAck(PaymentAdviceAck {
            header,
            target: advice.target,
            response_code,
            text: b"",
            mac: b"",
        }),
        Message::StatusInquiry(inquiry) => Message::StatusResult(StatusResult {
            header,
            target: inquiry.target,
            response_code: ResponseCode::NOT_FOUND,
            state: None,
            outcome: None,
            approval_code: None,
            amount: None,
            billing: None,
            settlement: None,
            refunded_so_far: None,
            text: b"",
            mac: b"",
        }),
        _ => return None,
    })
}

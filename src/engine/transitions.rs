//! THE TRANSITION TABLE: what happens to a transaction, phase by phase and event by event.
//!
//! Decisions are rows of [`step`]; the files beside this one only carry them out. A test walks
//! every combination.
//!
//! ```text
//!               answer 00                 reversal, or destination took it back
//!  Forwarded ---------------> Approved -------------------------------+
//!   |  |  |    declined, or                                           v
//!   |  |  +--- never sent ---> Declined          Reversing ------> Reversed
//!   |  |                                          ^     acknowledged  ^
//!   |  +--- reversal in flight -------------------+                   |
//!   +--- deadline, unreadable answer, restart ---> Unknown -----------+
//! ```

/// Where a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// The destination has it, or is about to; nothing is known yet.
    Forwarded,
    /// Approved, and answered so.
    Approved,
    /// Declined by the destination, or by us before anybody saw it.
    Declined,
    /// No usable answer: we are reversing it, and will tell the originator.
    Unknown,
    /// A reversal that the originator asked for is under way.
    Reversing,
    /// Undone. Final.
    Reversed,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 6] = [
        Self::Forwarded,
        Self::Approved,
        Self::Declined,
        Self::Unknown,
        Self::Reversing,
        Self::Reversed,
    ];

    /// Whether nothing more is awaited from the destination.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Approved | Self::Declined | Self::Reversed => true,
            Self::Forwarded | Self::Unknown | Self::Reversing => false,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    /// The destination approves.
    Approval,
    /// The destination declines.
    Decline,
    /// The destination's answer cannot be used: unreadable, another amount, an approval without
    /// code.
    Malformed,
    /// The deadline passed, and the request had been handed to a link.
    Deadline,
    /// The deadline passed, and the request never left us.
    DeadlineUnsent,
    /// We restarted: whatever was open counts as expired.
    Restart,
    /// The originator reverses.
    OriginatorReverses,
    /// The destination reverses.
    DestinationReverses,
    /// The destination acknowledged our reversal.
    ReversalAccepted,
    /// The destination refused our reversal request (0400) of a payment that it had approved.
    ReversalRefused,
    /// The destination refused our reversal request (0400), and never answered the payment.
    ReversalRefusedUnanswered,
    /// The destination did not answer our reversal request (0400) in time.
    ReversalDeadline,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 12] = [
        Self::Approval,
        Self::Decline,
        Self::Malformed,
        Self::Deadline,
        Self::DeadlineUnsent,
        Self::Restart,
        Self::OriginatorReverses,
        Self::DestinationReverses,
        Self::ReversalAccepted,
        Self::ReversalRefused,
        Self::ReversalRefusedUnanswered,
        Self::ReversalDeadline,
    ];
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Act {
    /// Record the answer, and give it to everyone who waits: it is final.
    AnswerPayment,
    /// Record that nobody knows; tell everyone who waits 68.
    TellUnknown,
    /// Send a reversal advice of our own, and repeat it until it is acknowledged.
    Reverse,
    /// Record the reversal and pass it on to the destination.
    PassReversalOn,
    /// Record the reversal; nobody else needs to hear of it from us.
    RecordReversal,
    /// Acknowledge the reversal to whoever asked: it is done, or it will be.
    AcknowledgeReversal,
    /// Wait with whoever asked before, or say 09 where nobody can wait.
    JoinReversal,
    /// Record how the reversal ended, and tell whoever waits for it.
    EndReversal,
    /// Turn the unanswered request into an advice; tell whoever waits 09.
    EscalateReversal,
    /// Tell the originator how it ended, if it was told something else before.
    Advise,
    /// Record that an answer came too late to matter.
    NoteLate,
    /// It cannot happen, or it changes nothing: count it.
    Ignore,
}

/// One row: the phase that follows, and what is to be done, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// What follows.
    pub phase: Phase,
    /// In order.
    pub acts: &'static [Act],
}

/// The table.
pub const fn step(phase: Phase, event: Event) -> Step {
    use Act::{
        AcknowledgeReversal, Advise, AnswerPayment, EndReversal, EscalateReversal, Ignore,
        JoinReversal, NoteLate, PassReversalOn, RecordReversal, Reverse, TellUnknown,
    };
    use Event::{
        Approval, Deadline, DeadlineUnsent, Decline, DestinationReverses, Malformed,
        OriginatorReverses, Restart, ReversalAccepted, ReversalDeadline, ReversalRefused,
        ReversalRefusedUnanswered,
    };
    use Phase::{Approved, Declined, Forwarded, Reversed, Reversing, Unknown};
    let (phase, acts): (Phase, &'static [Act]) = match (phase, event) {
        (Forwarded, Approval) => (Approved, &[AnswerPayment]),
        (Forwarded, Decline | DeadlineUnsent) => (Declined, &[AnswerPayment]),
        (Forwarded, Malformed | Deadline | Restart) => (Unknown, &[TellUnknown, Reverse]),
        // The payment's own answer waits for the reversal's end, or for its deadline.
        (Forwarded, OriginatorReverses) => (Reversing, &[PassReversalOn]),
        (Forwarded, DestinationReverses) => (
            Reversed,
            &[RecordReversal, AcknowledgeReversal, AnswerPayment],
        ),

        (Approved, OriginatorReverses) => (Reversing, &[PassReversalOn]),
        (Approved, DestinationReverses) => {
            (Reversed, &[RecordReversal, AcknowledgeReversal, Advise])
        }

        // Nothing was taken, so there is nothing to give back.
        (Declined, OriginatorReverses | DestinationReverses) => (Declined, &[AcknowledgeReversal]),

        // No approval after a negative: what comes late is noted, the reversal stands.
        (Unknown, Approval | Decline | Malformed) => (Unknown, &[NoteLate]),
        (Unknown, OriginatorReverses) => (Unknown, &[JoinReversal]),
        (Unknown, DestinationReverses) => {
            (Reversed, &[RecordReversal, AcknowledgeReversal, Advise])
        }
        (Unknown, ReversalAccepted) => (Reversed, &[EndReversal, Advise]),
        (Unknown, Restart) => (Unknown, &[Reverse]),

        (Reversing, Approval | Decline | Malformed) => (Reversing, &[NoteLate]),
        (Reversing, Deadline | DeadlineUnsent) => (Reversing, &[TellUnknown]),
        (Reversing, Restart) => (Reversing, &[TellUnknown, EscalateReversal]),
        (Reversing, OriginatorReverses) => (Reversing, &[JoinReversal]),
        (Reversing, DestinationReverses) => (
            Reversed,
            &[RecordReversal, AcknowledgeReversal, AnswerPayment, Advise],
        ),
        (Reversing, ReversalAccepted) => (Reversed, &[EndReversal, AnswerPayment, Advise]),
        // Back to where it was; where no answer had come, it must be a reversal of our own now.
        (Reversing, ReversalRefused) => (Approved, &[EndReversal]),
        (Reversing, ReversalRefusedUnanswered) => (Unknown, &[EndReversal, TellUnknown, Reverse]),
        (Reversing, ReversalDeadline) => (Reversing, &[EscalateReversal]),

        (Reversed, OriginatorReverses | DestinationReverses) => (Reversed, &[AcknowledgeReversal]),
        (Reversed, Approval | Decline | Malformed) => (Reversed, &[NoteLate]),

        // What the states below make impossible: no exchange is open that could bring it.
        (
            Forwarded | Approved | Declined | Reversed,
            ReversalAccepted | ReversalRefused | ReversalRefusedUnanswered | ReversalDeadline,
        )
        | (
            Approved | Declined,
            Approval | Decline | Malformed | Deadline | DeadlineUnsent | Restart,
        )
        | (Reversed, Deadline | DeadlineUnsent | Restart)
        | (
            Unknown,
            Deadline
            | DeadlineUnsent
            | ReversalRefused
            | ReversalRefusedUnanswered
            | ReversalDeadline,
        ) => (phase, &[Ignore]),
    };
    Step { phase, acts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> impl Iterator<Item = (Phase, Event, Step)> {
        Phase::ALL.into_iter().flat_map(|phase| {
            Event::ALL
                .into_iter()
                .map(move |event| (phase, event, step(phase, event)))
        })
    }

    #[test]
    fn no_approval_follows_a_negative() {
        for (phase, event, step) in rows() {
            let negative = matches!(phase, Phase::Declined | Phase::Unknown | Phase::Reversed);
            assert!(
                !(negative && step.phase == Phase::Approved),
                "{phase:?} {event:?}"
            );
        }
    }

    #[test]
    fn reversed_and_declined_are_for_ever() {
        for (phase, event, step) in rows() {
            if matches!(phase, Phase::Declined | Phase::Reversed) {
                assert_eq!(step.phase, phase, "{event:?}");
            }
        }
    }

    #[test]
    fn every_reversal_that_is_asked_for_is_answered_or_joined() {
        for (phase, event, step) in rows() {
            if matches!(
                event,
                Event::OriginatorReverses | Event::DestinationReverses
            ) {
                let answers = step.acts.iter().any(|act| {
                    matches!(
                        act,
                        Act::AcknowledgeReversal | Act::JoinReversal | Act::PassReversalOn
                    )
                });
                assert!(answers, "{phase:?} {event:?}");
            }
        }
    }

    #[test]
    fn an_open_payment_is_told_something_at_every_end() {
        for (phase, event, step) in rows() {
            let leaves = phase == Phase::Forwarded && step.phase != Phase::Forwarded;
            if leaves && step.phase != Phase::Reversing {
                let told = step
                    .acts
                    .iter()
                    .any(|act| matches!(act, Act::AnswerPayment | Act::TellUnknown));
                assert!(told, "{event:?}");
            }
        }
        for phase in [Phase::Unknown, Phase::Reversing] {
            for event in [Event::ReversalAccepted, Event::DestinationReverses] {
                assert!(
                    step(phase, event).acts.contains(&Act::Advise),
                    "{phase:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn an_unknown_outcome_is_always_being_reversed() {
        for (phase, event, step) in rows() {
            if step.phase == Phase::Unknown && phase != Phase::Unknown {
                assert!(step.acts.contains(&Act::Reverse), "{phase:?} {event:?}");
            }
        }
    }

    #[test]
    fn what_is_ignored_changes_nothing() {
        for (phase, event, step) in rows() {
            if step.acts.contains(&Act::Ignore) {
                assert_eq!((step.phase, step.acts.len()), (phase, 1), "{event:?}");
            }
        }
    }
}

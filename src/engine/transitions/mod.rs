//! THE TRANSITION TABLE: what happens to a transaction, phase by phase and event by event.
//!
//! Decisions are rows of [`step`]; the files beside this one only carry them out. A test walks
//! every combination, and another compares the drawing in `ARCHITECTURE.md` with the table.
//!
//! A cutover is no event: the settlement date is fixed when a request is accepted and nothing here
//! reads a date afterwards. Payments and refunds take the same steps.

use crate::model::outcome::Resolution;

/// Where a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// The destination has it, or is about to; nothing is known yet.
    Forwarded,
    /// The destination said 09: its payment advice will tell the outcome.
    Pending,
    /// Approved, and answered so.
    Approved,
    /// Declined by the destination, or by us before anybody saw it.
    Declined,
    /// No usable answer: we are asking the destination.
    Inquiring,
    /// No usable answer: we are reversing it, and will tell the originator.
    Unknown,
    /// A reversal that the originator asked for is under way.
    Reversing,
    /// Undone. Final.
    Reversed,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 8] = [
        Self::Forwarded,
        Self::Pending,
        Self::Approved,
        Self::Declined,
        Self::Inquiring,
        Self::Unknown,
        Self::Reversing,
        Self::Reversed,
    ];

    /// Whether nothing more is awaited from the destination.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Approved | Self::Declined | Self::Reversed => true,
            Self::Forwarded | Self::Pending | Self::Inquiring | Self::Unknown | Self::Reversing => {
                false
            }
        }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    /// The destination approves: by its answer, in time or late, or by a payment advice.
    Approval,
    /// The destination declines, in the same ways.
    Decline,
    /// The destination says 09.
    PendingAnswer,
    /// The destination's answer cannot be used: unreadable, another amount, an approval without
    /// code.
    Malformed,
    /// The deadline passed, and the request had been handed to a link.
    Deadline,
    /// The deadline passed, and the request never left us.
    DeadlineUnsent,
    /// Its link was lost before one byte of the request was taken, and no other link can carry it;
    /// or the request cannot be said in the destination's encoding.
    LinkLostUnsent,
    /// Its link was lost when a part of the request had been taken.
    LinkLost,
    /// The time that a pending transaction has is over.
    PendingDeadline,
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
    /// An inquiry of ours is answered: approved.
    InquiryApproved,
    /// An inquiry of ours is answered: declined.
    InquiryDeclined,
    /// An inquiry of ours is answered: reversed. The destination's advice may say the same.
    InquiryReversed,
    /// An inquiry of ours is answered: there is no such transaction.
    InquiryNotFound,
    /// An inquiry of ours is answered without an outcome, or refused.
    InquiryOpen,
    /// Nobody answered our inquiry in time.
    InquiryDeadline,
    /// We have asked as often as we may.
    InquiriesExhausted,
    /// Our reversal was sent as often as it may be.
    ReversalExhausted,
    /// Our payment advice was sent as often as it may be.
    AdviceExhausted,
    /// What is to be sent has waited too long for a participant that is down.
    ParticipantDown,
    /// An operator has found out that it is approved.
    OperatorApproves,
    /// An operator has found out that it is declined.
    OperatorDeclines,
    /// An operator has found out that nothing is taken: given back, or never was.
    OperatorReverses,
    /// An operator has it tried once more.
    OperatorSendsAgain,
    /// An operator has seen to it that the originator knows how it ended.
    OperatorTells,
    /// An operator has looked at a contradiction.
    OperatorNotes,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 32] = [
        Self::Approval,
        Self::Decline,
        Self::PendingAnswer,
        Self::Malformed,
        Self::Deadline,
        Self::DeadlineUnsent,
        Self::LinkLostUnsent,
        Self::LinkLost,
        Self::PendingDeadline,
        Self::Restart,
        Self::OriginatorReverses,
        Self::DestinationReverses,
        Self::ReversalAccepted,
        Self::ReversalRefused,
        Self::ReversalRefusedUnanswered,
        Self::ReversalDeadline,
        Self::InquiryApproved,
        Self::InquiryDeclined,
        Self::InquiryReversed,
        Self::InquiryNotFound,
        Self::InquiryOpen,
        Self::InquiryDeadline,
        Self::InquiriesExhausted,
        Self::ReversalExhausted,
        Self::AdviceExhausted,
        Self::ParticipantDown,
        Self::OperatorApproves,
        Self::OperatorDeclines,
        Self::OperatorReverses,
        Self::OperatorSendsAgain,
        Self::OperatorTells,
        Self::OperatorNotes,
    ];
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Act {
    /// Record the answer, and give it to everyone who waits: it is final.
    Answer,
    /// Record that it is pending; tell everyone who waits 09; wait for the destination's advice.
    TellPending,
    /// Record that nobody knows; tell everyone who waits 68.
    TellUnknown,
    /// The same, and that the destination is asked first.
    TellInDoubt,
    /// Send a status inquiry, and repeat it until it is answered with an outcome.
    Inquire,
    /// Ask again, later.
    InquireAgain,
    /// Record that asking was in vain.
    EndInquiries,
    /// Record the outcome that was learnt.
    Settle,
    /// Send a reversal advice of our own, and repeat it until it is acknowledged; where it is too
    /// late for that, hand it to an operator.
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
    /// Hand it to an operator, on record.
    Queue,
    /// Record what an operator decided.
    Rule,
    /// Repeat the payment advice no more.
    EndAdvice,
    /// Nothing: what is awaited may still come.
    Await,
    /// It changes nothing: count it.
    Ignore,
    /// No exchange is open that could bring it: count it.
    Impossible,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Where it is.
    pub from: Phase,
    /// What happened: any of these.
    pub events: &'static [Event],
    /// For which of the ways to resolve an unknown outcome; see [`step`].
    pub resolutions: &'static [Resolution],
    /// What follows.
    pub to: Phase,
    /// What is to be done, in order.
    pub acts: &'static [Act],
}

/// What a transaction does in one phase at one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// What follows.
    pub phase: Phase,
    /// In order.
    pub acts: &'static [Act],
}

const fn row(from: Phase, events: &'static [Event], to: Phase, acts: &'static [Act]) -> Row {
    let resolutions = Resolution::ALL;
    row_for(resolutions, from, events, to, acts)
}

const fn row_for(
    resolutions: &'static [Resolution],
    from: Phase,
    events: &'static [Event],
    to: Phase,
    acts: &'static [Act],
) -> Row {
    Row {
        from,
        events,
        resolutions,
        to,
        acts,
    }
}

use Act as A;
use Event as E;
use Phase as P;

const REVERSE: &[Resolution] = &[Resolution::Reverse];
const ASK: &[Resolution] = &[Resolution::Inquire, Resolution::InquireOnly];
const ASK_THEN_REVERSE: &[Resolution] = &[Resolution::Reverse, Resolution::Inquire];
const ASK_ONLY: &[Resolution] = &[Resolution::InquireOnly];
const SETTLED: &[Act] = &[A::Rule, A::Settle, A::Advise];
const TAKEN_BACK: &[Act] = &[A::RecordReversal, A::AcknowledgeReversal, A::Advise];
const TAKEN_BACK_UNANSWERED: &[Act] = &[A::RecordReversal, A::AcknowledgeReversal, A::Answer];

/// The table. What it does not name cannot come: no exchange is open that could bring it.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row(P::Forwarded, &[E::Approval], P::Approved, &[A::Answer]),
    row(P::Forwarded, &[E::Decline], P::Declined, &[A::Answer]),
    row(P::Forwarded, &[E::InquiryReversed], P::Reversed, &[A::Answer]),
    row(P::Forwarded, &[E::PendingAnswer], P::Pending, &[A::TellPending]),
    // What never left was seen by nobody.
    row(P::Forwarded, &[E::DeadlineUnsent, E::LinkLostUnsent], P::Declined, &[A::Answer]),
    // The answer may come over another link until the deadline.
    row(P::Forwarded, &[E::LinkLost], P::Forwarded, &[A::Await]),
    row_for(REVERSE, P::Forwarded, &[E::Malformed, E::Deadline, E::Restart], P::Unknown,
        &[A::TellUnknown, A::Reverse]),
    row_for(ASK, P::Forwarded, &[E::Malformed, E::Deadline, E::Restart], P::Inquiring,
        &[A::TellInDoubt, A::Inquire]),
    // The payment's own answer waits for the reversal's end, or for its deadline.
    row(P::Forwarded, &[E::OriginatorReverses], P::Reversing, &[A::PassReversalOn]),
    row(P::Forwarded, &[E::DestinationReverses], P::Reversed, TAKEN_BACK_UNANSWERED),

    row(P::Pending, &[E::Approval], P::Approved, &[A::Settle, A::Advise]),
    row(P::Pending, &[E::Decline], P::Declined, &[A::Settle, A::Advise]),
    row(P::Pending, &[E::InquiryReversed], P::Reversed, &[A::Settle, A::Advise]),
    row(P::Pending, &[E::PendingAnswer, E::Malformed], P::Pending, &[A::Ignore]),
    // Nobody reverses what is said to be on its way: it is asked about first.
    row(P::Pending, &[E::PendingDeadline], P::Inquiring, &[A::TellInDoubt, A::Inquire]),
    row(P::Pending, &[E::Restart], P::Pending, &[A::Await]),
    row(P::Pending, &[E::OriginatorReverses], P::Reversing, &[A::PassReversalOn]),
    row(P::Pending, &[E::DestinationReverses], P::Reversed, TAKEN_BACK),

    row(P::Approved, &[E::OriginatorReverses], P::Reversing, &[A::PassReversalOn]),
    row(P::Approved, &[E::DestinationReverses], P::Reversed, TAKEN_BACK),
    row(P::Approved, &[E::Approval], P::Approved, &[A::Ignore]),
    // By an advice (an answer finds no exchange any more): the destination contradicts itself, and
    // a person must look.
    row(P::Approved, &[E::Decline, E::InquiryReversed], P::Approved, &[A::NoteLate, A::Queue]),
    row(P::Approved, &[E::AdviceExhausted, E::ParticipantDown], P::Approved, &[A::Queue]),
    // Whatever an operator finds, what is final stays so.
    row(P::Approved, &[E::OperatorSendsAgain, E::OperatorNotes], P::Approved,
        &[A::Rule, A::Advise]),
    row(P::Approved, &[E::OperatorTells], P::Approved, &[A::Rule, A::EndAdvice]),

    // Nothing was taken, so there is nothing to give back.
    row(P::Declined, &[E::OriginatorReverses, E::DestinationReverses], P::Declined,
        &[A::AcknowledgeReversal]),
    // No approval after a negative; but a person must look.
    row(P::Declined, &[E::Approval], P::Declined, &[A::NoteLate, A::Queue]),
    row(P::Declined, &[E::Decline, E::InquiryReversed], P::Declined, &[A::Ignore]),
    row(P::Declined, &[E::AdviceExhausted, E::ParticipantDown], P::Declined, &[A::Queue]),
    row(P::Declined, &[E::OperatorSendsAgain, E::OperatorNotes], P::Declined,
        &[A::Rule, A::Advise]),
    row(P::Declined, &[E::OperatorTells], P::Declined, &[A::Rule, A::EndAdvice]),

    // Nothing is decided yet: what the destination says is what happened.
    row(P::Inquiring, &[E::Approval, E::InquiryApproved], P::Approved, &[A::Settle, A::Advise]),
    row(P::Inquiring, &[E::Decline, E::InquiryDeclined], P::Declined, &[A::Settle, A::Advise]),
    row(P::Inquiring, &[E::InquiryReversed], P::Reversed, &[A::Settle, A::Advise]),
    row(P::Inquiring, &[E::PendingAnswer, E::Malformed], P::Inquiring, &[A::Ignore]),
    row(P::Inquiring, &[E::InquiryOpen, E::InquiryDeadline], P::Inquiring, &[A::InquireAgain]),
    row_for(ASK_THEN_REVERSE, P::Inquiring, &[E::InquiryNotFound, E::InquiriesExhausted],
        P::Unknown, &[A::EndInquiries, A::Reverse]),
    // The request may still be on its way to it.
    row_for(ASK_ONLY, P::Inquiring, &[E::InquiryNotFound], P::Inquiring, &[A::InquireAgain]),
    row_for(ASK_ONLY, P::Inquiring, &[E::InquiriesExhausted], P::Inquiring, &[A::Queue]),
    row(P::Inquiring, &[E::ParticipantDown], P::Inquiring, &[A::Queue]),
    row(P::Inquiring, &[E::Restart], P::Inquiring, &[A::Inquire]),
    row(P::Inquiring, &[E::OriginatorReverses], P::Reversing, &[A::PassReversalOn]),
    row(P::Inquiring, &[E::DestinationReverses], P::Reversed, TAKEN_BACK),
    row(P::Inquiring, &[E::OperatorApproves], P::Approved, SETTLED),
    row(P::Inquiring, &[E::OperatorDeclines], P::Declined, SETTLED),
    row(P::Inquiring, &[E::OperatorReverses], P::Reversed, SETTLED),
    row(P::Inquiring, &[E::OperatorSendsAgain], P::Inquiring, &[A::Rule, A::Inquire]),

    // No approval after a negative: what comes late is noted, the reversal stands.
    row(P::Unknown,
        &[E::Approval, E::Decline, E::InquiryReversed, E::PendingAnswer, E::Malformed],
        P::Unknown, &[A::NoteLate]),
    row(P::Unknown, &[E::OriginatorReverses], P::Unknown, &[A::JoinReversal]),
    row(P::Unknown, &[E::DestinationReverses], P::Reversed, TAKEN_BACK),
    row(P::Unknown, &[E::ReversalAccepted], P::Reversed, &[A::EndReversal, A::Advise]),
    row(P::Unknown, &[E::Restart], P::Unknown, &[A::Reverse]),
    row(P::Unknown, &[E::ReversalExhausted, E::ParticipantDown], P::Unknown, &[A::Queue]),
    // Nobody can approve it by a word: it was said that it is undone.
    row(P::Unknown, &[E::OperatorReverses], P::Reversed, SETTLED),
    row(P::Unknown, &[E::OperatorSendsAgain], P::Unknown, &[A::Rule, A::Reverse]),

    row(P::Reversing,
        &[E::Approval, E::Decline, E::InquiryReversed, E::PendingAnswer, E::Malformed],
        P::Reversing, &[A::NoteLate]),
    row(P::Reversing, &[E::Deadline, E::DeadlineUnsent, E::LinkLostUnsent], P::Reversing,
        &[A::TellUnknown]),
    row(P::Reversing, &[E::LinkLost], P::Reversing, &[A::Await]),
    row(P::Reversing, &[E::Restart], P::Reversing, &[A::TellUnknown, A::EscalateReversal]),
    row(P::Reversing, &[E::OriginatorReverses], P::Reversing, &[A::JoinReversal]),
    row(P::Reversing, &[E::DestinationReverses], P::Reversed,
        &[A::RecordReversal, A::AcknowledgeReversal, A::Answer, A::Advise]),
    row(P::Reversing, &[E::ReversalAccepted], P::Reversed,
        &[A::EndReversal, A::Answer, A::Advise]),
    // Back to where it was; where no answer had come, it must be a reversal of our own now.
    row(P::Reversing, &[E::ReversalRefused], P::Approved, &[A::EndReversal, A::Advise]),
    row(P::Reversing, &[E::ReversalRefusedUnanswered], P::Unknown,
        &[A::EndReversal, A::TellUnknown, A::Reverse]),
    row(P::Reversing, &[E::ReversalDeadline], P::Reversing, &[A::EscalateReversal]),
    row(P::Reversing, &[E::ReversalExhausted, E::ParticipantDown], P::Reversing, &[A::Queue]),
    row(P::Reversing, &[E::OperatorReverses], P::Reversed,
        &[A::Rule, A::EndReversal, A::Answer, A::Advise]),
    row(P::Reversing, &[E::OperatorSendsAgain], P::Reversing, &[A::Rule, A::EscalateReversal]),

    row(P::Reversed, &[E::OriginatorReverses, E::DestinationReverses], P::Reversed,
        &[A::AcknowledgeReversal]),
    row(P::Reversed, &[E::Approval, E::Decline], P::Reversed, &[A::NoteLate]),
    row(P::Reversed, &[E::InquiryReversed], P::Reversed, &[A::Ignore]),
    row(P::Reversed, &[E::AdviceExhausted, E::ParticipantDown], P::Reversed, &[A::Queue]),
    row(P::Reversed, &[E::OperatorSendsAgain], P::Reversed, &[A::Rule, A::Advise]),
    row(P::Reversed, &[E::OperatorTells], P::Reversed, &[A::Rule, A::EndAdvice]),
];

/// No row: count it.
const IMPOSSIBLE: u8 = u8::MAX;

/// The row of each resolution, phase and event; the build fails where two rows claim one place.
const PLACES: [[[u8; E::ALL.len()]; P::ALL.len()]; Resolution::ALL.len()] = {
    let mut places = [[[IMPOSSIBLE; E::ALL.len()]; P::ALL.len()]; Resolution::ALL.len()];
    let mut number = 0;
    while number < ROWS.len() {
        let row = &ROWS[number];
        let mut resolution = 0;
        while resolution < row.resolutions.len() {
            let mut event = 0;
            while event < row.events.len() {
                let place = &mut places[row.resolutions[resolution] as usize - 1]
                    [row.from as usize][row.events[event] as usize];
                assert!(*place == IMPOSSIBLE, "two rows for one place");
                assert!(number < IMPOSSIBLE as usize);
                *place = number.to_le_bytes()[0];
                event += 1;
            }
            resolution += 1;
        }
        number += 1;
    }
    places
};

/// Looks a step up. `resolution` is how the destination's profile resolves what is unknown; for a
/// transaction that is being asked about, what was decided at its start.
pub const fn step(resolution: Resolution, phase: Phase, event: Event) -> Step {
    let place = PLACES[resolution as usize - 1][phase as usize][event as usize];
    if place == IMPOSSIBLE {
        return Step {
            phase,
            acts: &[Act::Impossible],
        };
    }
    let row = &ROWS[place as usize];
    Step {
        phase: row.to,
        acts: row.acts,
    }
}

#[cfg(test)]
mod tests;

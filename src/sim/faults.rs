//! What can go wrong in the fake world, as a table: each fault's name and how often it may strike.
//!
//! A seed leaves out half of them and draws a rate for each of the others (a swarm): so that seeds
//! differ in kind, and no fault hides another for ever.

use crate::sim::draw::Draw;

/// One kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
#[expect(missing_docs, reason = "TABLE has each one's name")]
pub enum Fault {
    Split,
    Lag,
    ShortSend,
    Reset,
    HalfOpen,
    SlowReader,
    Disconnect,
    SlowWrite,
    WriteError,
    NoSpace,
    Kill,
    PowerLoss,
    TornWrite,
    BitRot,
    Pause,
    ClockJump,
    Silent,
    LateAnswer,
    AnswersTwice,
    LiesAboutAmount,
    MalformedAnswer,
    WrongKey,
    Interim,
    RejectsRequest,
    OtherLink,
    Garbage,
    HangsUp,
    NoApprovalCode,
    TakesBack,
    SilentOnReversal,
    RefusesReversal,
    RefusesAdvice,
    LateReversalAnswer,
    IgnoresAdvice,
    IgnoresEcho,
    RepeatsAtOnce,
    RepeatsLater,
    RepeatsElsewhere,
    RepeatsAfterRestart,
    Conflict,
    ReversesFirst,
    ReversesInFlight,
    ReversesLater,
    ReversesByAdvice,
    RepeatsReversal,
    ReversesWrongAmount,
    Inquires,
    Stranger,
    NoSuchRoute,
    Unreadable,
    SignsOff,
    StaysAway,
    Pending,
    SilentAfterPending,
    Contradicts,
    AnswersReversed,
    SilentOnInquiry,
    OpenOnInquiry,
    LiesOnInquiry,
    RejectsInquiry,
    Refunds,
    RefundsEarly,
    RefundsInParts,
    RefundsTooMuch,
    NoDigest,
    DamagedDigest,
    ReusesRefundKey,
    OperatorDecides,
}

/// How many kinds there are.
pub const FAULTS: usize = Fault::OperatorDecides as usize + 1;

/// Each fault with its name and the highest rate that a seed may draw, in thousandths of its
/// occasions.
pub const TABLE: [(Fault, &str, u32); FAULTS] = {
    use Fault as F;
    [
        (F::Split, "net-split", 500),
        (F::Lag, "net-lag", 30),
        (F::ShortSend, "net-short-send", 200),
        (F::Reset, "net-reset", 300),
        (F::HalfOpen, "net-half-open", 200),
        (F::SlowReader, "net-slow-reader", 300),
        (F::Disconnect, "net-disconnect", 300),
        (F::SlowWrite, "disk-slow-write", 50),
        (F::WriteError, "disk-write-error", 10),
        (F::NoSpace, "disk-no-space", 300),
        (F::Kill, "kill", 200),
        (F::PowerLoss, "power-loss", 120),
        (F::TornWrite, "disk-torn-write", 700),
        (F::BitRot, "disk-bit-rot", 300),
        (F::Pause, "process-pause", 150),
        (F::ClockJump, "wall-clock-jump", 150),
        (F::Silent, "destination-silent", 150),
        (F::LateAnswer, "destination-late", 150),
        (F::AnswersTwice, "destination-answers-twice", 150),
        (F::LiesAboutAmount, "destination-lies-about-amount", 100),
        (F::MalformedAnswer, "destination-malformed-answer", 100),
        (F::WrongKey, "destination-wrong-key", 80),
        (F::Interim, "destination-interim-answer", 100),
        (F::RejectsRequest, "destination-rejects", 80),
        (F::OtherLink, "destination-answers-on-other-link", 300),
        (F::Garbage, "destination-garbage", 40),
        (F::HangsUp, "destination-hangs-up", 60),
        (F::NoApprovalCode, "destination-no-approval-code", 200),
        (F::TakesBack, "destination-takes-back", 120),
        (F::SilentOnReversal, "destination-silent-on-reversal", 300),
        (F::RefusesReversal, "destination-refuses-reversal", 250),
        (F::RefusesAdvice, "destination-refuses-advice", 200),
        (F::LateReversalAnswer, "destination-late-on-reversal", 200),
        (F::IgnoresAdvice, "originator-ignores-advice", 300),
        (F::IgnoresEcho, "participant-ignores-echo", 200),
        (F::RepeatsAtOnce, "originator-repeats-at-once", 150),
        (F::RepeatsLater, "originator-repeats-later", 250),
        (F::RepeatsElsewhere, "originator-repeats-on-other-link", 500),
        (
            F::RepeatsAfterRestart,
            "originator-repeats-after-restart",
            300,
        ),
        (F::Conflict, "originator-conflicting-repeat", 120),
        (F::ReversesFirst, "originator-reverses-first", 60),
        (F::ReversesInFlight, "originator-reverses-in-flight", 120),
        (F::ReversesLater, "originator-reverses-later", 150),
        (F::ReversesByAdvice, "originator-reverses-by-advice", 500),
        (F::RepeatsReversal, "originator-repeats-reversal", 300),
        (
            F::ReversesWrongAmount,
            "originator-reverses-wrong-amount",
            40,
        ),
        (F::Inquires, "originator-inquires", 250),
        (F::Stranger, "stranger-reverses-or-inquires", 60),
        (F::NoSuchRoute, "originator-unroutable", 60),
        (F::Unreadable, "originator-unreadable-request", 40),
        (F::SignsOff, "participant-signs-off", 100),
        (F::StaysAway, "participant-stays-away", 100),
        (F::Pending, "destination-pending", 200),
        (
            F::SilentAfterPending,
            "destination-silent-after-pending",
            300,
        ),
        (F::Contradicts, "destination-contradicts-itself", 60),
        (F::AnswersReversed, "destination-answers-reversed", 60),
        (F::SilentOnInquiry, "destination-silent-on-inquiry", 400),
        (F::OpenOnInquiry, "destination-open-on-inquiry", 400),
        (F::LiesOnInquiry, "destination-lies-on-inquiry", 200),
        (F::RejectsInquiry, "destination-rejects-inquiry", 100),
        (F::Refunds, "merchant-refunds", 500),
        (F::RefundsEarly, "merchant-refunds-early", 200),
        (F::RefundsInParts, "merchant-refunds-in-parts", 700),
        (F::RefundsTooMuch, "merchant-refunds-too-much", 400),
        (F::NoDigest, "disk-no-digest", 500),
        (F::DamagedDigest, "disk-damaged-digest", 400),
        (F::ReusesRefundKey, "merchant-reuses-refund-key", 400),
        (F::OperatorDecides, "operator-decides", 1_000),
    ]
};

impl Fault {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].1
    }
}

/// How often each fault has struck.
pub(super) type FaultCounts = [u64; FAULTS];

/// The rates of one seed, and the chance that decides by them.
#[derive(Debug)]
pub(super) struct Chance {
    /// Where everything is drawn from.
    pub(super) draw: Draw,
    rates: [u32; FAULTS],
    counts: FaultCounts,
    healed: bool,
}

impl Chance {
    /// Draws the swarm of this seed.
    pub(super) fn new(mut draw: Draw) -> Self {
        let quiet = draw.chance(60);
        let rates = TABLE.map(|(_, _, most)| {
            if quiet || draw.chance(500) {
                0
            } else {
                draw.between_u32(1, most)
            }
        });
        Self {
            draw,
            rates,
            counts: [0; FAULTS],
            healed: false,
        }
    }

    /// Whether the fault strikes on this occasion; counted if it does.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        if self.healed || !self.draw.chance(self.rates[fault as usize]) {
            return false;
        }
        self.counts[fault as usize] += 1;
        true
    }

    /// From here on nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        self.healed = true;
    }

    /// Whether that is so.
    pub(super) fn is_healed(&self) -> bool {
        self.healed
    }

    /// Makes a fault certain or impossible, for planted bugs and tests.
    pub(super) fn set_rate(&mut self, fault: Fault, per_mille: u32) {
        self.rates[fault as usize] = per_mille;
    }

    /// How often each has struck.
    pub(super) fn counts(&self) -> &FaultCounts {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_stands_in_its_place_under_a_name_of_its_own() {
        for (place, (fault, name, most)) in TABLE.iter().enumerate() {
            assert_eq!(*fault as usize, place, "{name}");
            assert!(*most > 0 && *most <= 1_000, "{name}");
            let same = TABLE.iter().filter(|(_, other, _)| other == name);
            assert_eq!(same.count(), 1, "{name}");
        }
    }
}

//! Codes and enumerations with a fixed meaning: response codes, outcomes, states, reasons.
//!
//! Numbers are those of the SBE schema; ISO 8583 carries the same as digits in DE 48 tags.

use core::fmt;

/// Two characters, the same in SBE `responseCode` and ISO 8583 DE 39.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode(pub [u8; 2]);

impl ResponseCode {
    /// Approved.
    pub const APPROVED: Self = Self(*b"00");
    /// In progress or pending: not an outcome.
    pub const PENDING: Self = Self(*b"09");
    /// Invalid transaction.
    pub const INVALID_TRANSACTION: Self = Self(*b"12");
    /// Amount.
    pub const INVALID_AMOUNT: Self = Self(*b"13");
    /// No such code or payer.
    pub const NO_SUCH_CODE: Self = Self(*b"14");
    /// No such institution.
    pub const NO_SUCH_INSTITUTION: Self = Self(*b"15");
    /// Original not found.
    pub const NOT_FOUND: Self = Self(*b"25");
    /// Format; DE 44 or Reject names field and offset.
    pub const FORMAT: Self = Self(*b"30");
    /// Not supported.
    pub const NOT_SUPPORTED: Self = Self(*b"40");
    /// Not permitted to the payer.
    pub const NOT_PERMITTED_TO_PAYER: Self = Self(*b"57");
    /// Code or quote expired.
    pub const EXPIRED: Self = Self(*b"54");
    /// Not permitted to the sender.
    pub const NOT_PERMITTED: Self = Self(*b"58");
    /// Amount limit.
    pub const AMOUNT_LIMIT: Self = Self(*b"61");
    /// Blocked.
    pub const BLOCKED: Self = Self(*b"62");
    /// A refund exceeds what is left of its payment.
    pub const REFUND_TOO_LARGE: Self = Self(*b"64");
    /// Count or yearly limit.
    pub const COUNT_LIMIT: Self = Self(*b"65");
    /// No answer in time, being resolved: not an outcome unless one is stated beside it.
    pub const NO_ANSWER: Self = Self(*b"68");
    /// Participant down or signed off.
    pub const DESTINATION_DOWN: Self = Self(*b"91");
    /// No route for this code.
    pub const NO_ROUTE: Self = Self(*b"92");
    /// Same key with another body.
    pub const CONFLICT: Self = Self(*b"94");
    /// Our fault.
    pub const MALFUNCTION: Self = Self(*b"96");
    /// Message authentication failed.
    pub const BAD_MAC: Self = Self(*b"A0");
    /// Shed: nothing was recorded, the same key may be sent again.
    pub const SHED: Self = Self(*b"A1");

    /// Two digits or capital letters.
    pub fn new(bytes: [u8; 2]) -> Option<Self> {
        bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            .then_some(Self(bytes))
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}{}",
            char::from(self.0[0]),
            char::from(self.0[1])
        )
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Declares an enumeration whose numbers are part of the wire and of the journal.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $variant:ident = $value:literal $text:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $value),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value of a wire or journal byte.
            pub const fn from_u8(value: u8) -> Option<Self> {
                match value { $($value => Some(Self::$variant),)+ _ => None }
            }

            /// The word for people and for JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

numbered! {
    /// Who shows the code.
    Presentation {
        /// The payer scans the merchant's code.
        Mpm = 1 "mpm",
        /// The merchant scans the payer's code.
        Cpm = 2 "cpm",
    }
}

numbered! {
    /// Direction x presentation.
    Scenario {
        /// A foreign wallet scans a code in China.
        InboundMpm = 1 "inbound-mpm",
        /// A foreign wallet's code is scanned in China.
        InboundCpm = 2 "inbound-cpm",
        /// A Chinese wallet scans a code abroad.
        OutboundMpm = 3 "outbound-mpm",
        /// A Chinese wallet's code is scanned abroad.
        OutboundCpm = 4 "outbound-cpm",
    }
}

numbered! {
    /// How a transaction ended.
    Outcome {
        /// The destination approved.
        Approved = 1 "approved",
        /// The destination or the switch declined.
        Declined = 2 "declined",
        /// It was, or may have been, approved, and has been reversed.
        Reversed = 3 "reversed",
    }
}

numbered! {
    /// Where a transaction is now.
    State {
        /// Recorded, not yet sent on.
        Received = 1 "received",
        /// Sent on, or about to be.
        Forwarded = 2 "forwarded",
        /// An outcome is recorded.
        Answered = 3 "answered",
        /// The destination said 09.
        Pending = 4 "pending",
        /// No answer in time.
        Unknown = 5 "unknown",
        /// A reversal is under way.
        Reversing = 6 "reversing",
        /// Waits for a person.
        OperatorQueue = 7 "operator-queue",
    }
}

numbered! {
    /// How well the wallet knows its payer.
    KycLevel {
        /// Not at all.
        None = 0 "none",
        /// By telephone number or the like.
        Basic = 1 "basic",
        /// By document.
        Verified = 2 "verified",
    }
}

numbered! {
    /// Why a reversal or refund was asked for.
    Reason {
        /// The customer asked.
        Customer = 1 "customer",
        /// No answer in time.
        Timeout = 2 "timeout",
        /// The answer could not be read.
        MalformedAnswer = 3 "malformed-answer",
        /// The link was lost.
        LinkLost = 4 "link-lost",
        /// An operator decided.
        Operator = 5 "operator",
        /// The approval came after the deadline.
        LateApproval = 6 "late-approval",
        /// Compliance.
        Compliance = 7 "compliance",
        /// The merchant asked.
        Merchant = 8 "merchant",
    }
}

numbered! {
    /// How an outcome that nobody knows is found out, or undone.
    Resolution {
        /// A reversal advice at once, repeated until it is acknowledged.
        Reverse = 1 "reverse",
        /// Status inquiries first; where they tell no outcome, a reversal advice.
        Inquire = 2 "inquire",
        /// Status inquiries only; where they tell no outcome, an operator decides.
        InquireOnly = 3 "inquire-only",
    }
}

numbered! {
    /// Why something waits for an operator.
    QueueReason {
        /// Our reversal was sent as often as it may be, and not acknowledged.
        ReversalUnacknowledged = 1 "reversal-unacknowledged",
        /// Our payment advice was sent as often as it may be, and not acknowledged.
        AdviceUnacknowledged = 2 "advice-unacknowledged",
        /// The destination was asked as often as it may be, and told no outcome.
        OutcomeUnknown = 3 "outcome-unknown",
        /// The counterparty has been down for longer than we wait for it.
        ParticipantDown = 4 "participant-down",
        /// It is too late for a reversal, by the destination's profile.
        TooLateToReverse = 5 "too-late-to-reverse",
        /// The destination told another outcome than it had told before.
        ContradictoryAnswers = 6 "contradictory-answers",
    }
}

numbered! {
    /// Where an outcome was learnt that no answer in time had told.
    Source {
        /// A status inquiry of ours was answered.
        Inquiry = 1 "inquiry",
        /// The destination told it by a payment advice.
        Advice = 2 "advice",
        /// The destination's own answer came late.
        LateAnswer = 3 "late-answer",
        /// A person has found it out, and decided so.
        Operator = 4 "operator",
    }
}

numbered! {
    /// What a person decides about a transaction that waits for an operator.
    Ruling {
        /// The destination has approved it, and it stands.
        Approved = 1 "approved",
        /// The destination has declined it, or never had it and never will.
        Declined = 2 "declined",
        /// Nothing is taken: it was given back, or never was.
        Reversed = 3 "reversed",
        /// It is tried once more, as often as the profile allows. It stays in the queue.
        SendAgain = 4 "send-again",
        /// The originator has been told how it ended: no advice is sent any more.
        Told = 5 "told",
        /// The contradiction was looked at: it leaves the queue, the outcome stays.
        Noted = 6 "noted",
    }
}

numbered! {
    /// What is looked at before a new payment may go on; kept in the journal where it fails.
    Check {
        /// The originator is suspended.
        OriginatorSuspended = 1 "originator-suspended",
        /// The destination is suspended.
        DestinationSuspended = 2 "destination-suspended",
        /// One of the two institutions is on a list.
        InstitutionListed = 3 "institution-listed",
        /// The payer is on a list.
        PayerListed = 4 "payer-listed",
        /// The merchant is on a list.
        MerchantListed = 5 "merchant-listed",
        /// The merchant's category is forbidden in this corridor.
        Category = 6 "category",
        /// The amount is below the least that may be paid.
        AmountBelow = 7 "amount-below",
        /// The amount is above the most that one payment may be.
        AmountAbove = 8 "amount-above",
        /// The payer is not known well enough for this amount.
        KycLevel = 9 "kyc-level",
        /// What the payer has paid this year, with this payment, is above what it may be.
        YearTotal = 10 "year-total",
        /// The payer has made as many payments today as there may be.
        DayCount = 11 "day-count",
        /// Limits over time hold, and the payment does not name its payer.
        PayerUnnamed = 12 "payer-unnamed",
        /// Limits on amounts hold, and no rate leads to their currency.
        AmountUnmeasured = 13 "amount-unmeasured",
        /// The order of the dynamic code is paid, or being paid, by another payment.
        OrderTaken = 14 "order-taken",
        /// The corridor is stopped for now.
        CorridorStopped = 15 "corridor-stopped",
    }
}

numbered! {
    /// What kind of code was scanned.
    CodeKind {
        /// EMV merchant-presented.
        EmvMpm = 1 "emv-mpm",
        /// A URL.
        Url = 2 "url",
        /// Digits.
        Digits = 3 "digits",
        /// EMV consumer-presented.
        EmvCpm = 4 "emv-cpm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_values_agree_both_ways() {
        assert!(
            Outcome::ALL
                .iter()
                .all(|value| Outcome::from_u8(*value as u8) == Some(*value))
        );
        assert!(
            State::ALL
                .iter()
                .all(|value| State::from_u8(*value as u8) == Some(*value))
        );
        assert!(
            Reason::ALL
                .iter()
                .all(|value| Reason::from_u8(*value as u8) == Some(*value))
        );
        assert_eq!(Outcome::from_u8(0), None);
        assert_eq!(Outcome::from_u8(255), None);
    }
}

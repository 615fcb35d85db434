//! THE RULES of an audit, numbered as the invariants of the design, each in one line.

/// One rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "each says itself in `text`")]
pub enum Rule {
    ToldIsWritten,
    OneOutcome,
    NoApprovalAfterNegative,
    NoDuplicateDebit,
    StableAnswers,
    ConflictsRefused,
    AmountsKept,
    RefundsBounded,
    AmountsConverted,
    CurrenciesBalance,
    ReversalsEnd,
    ReversedOnce,
    AnsweredInTime,
    RecordsFit,
    SingleWriter,
    MatchKeysUnique,
    OwnDestination,
    OneSettlementDate,
    JournalEqualsLedgers,
    TotalsBounded,
    OrdersPaidOnce,
    RulingsFit,
}

impl Rule {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::ToldIsWritten,
        Self::OneOutcome,
        Self::NoApprovalAfterNegative,
        Self::NoDuplicateDebit,
        Self::StableAnswers,
        Self::ConflictsRefused,
        Self::AmountsKept,
        Self::RefundsBounded,
        Self::AmountsConverted,
        Self::CurrenciesBalance,
        Self::ReversalsEnd,
        Self::ReversedOnce,
        Self::AnsweredInTime,
        Self::RecordsFit,
        Self::SingleWriter,
        Self::MatchKeysUnique,
        Self::OwnDestination,
        Self::OneSettlementDate,
        Self::JournalEqualsLedgers,
        Self::TotalsBounded,
        Self::OrdersPaidOnce,
        Self::RulingsFit,
    ];

    /// The invariant that it checks.
    pub const fn number(self) -> &'static str {
        match self {
            Self::ToldIsWritten => "I1",
            Self::OneOutcome => "I2",
            Self::NoApprovalAfterNegative => "I3",
            Self::NoDuplicateDebit => "I4",
            Self::StableAnswers => "I5",
            Self::ConflictsRefused => "I6",
            Self::AmountsKept
            | Self::RefundsBounded
            | Self::AmountsConverted
            | Self::CurrenciesBalance => "I8",
            Self::ReversalsEnd | Self::RulingsFit => "I9",
            Self::ReversedOnce => "I10",
            Self::AnsweredInTime => "I11",
            Self::RecordsFit => "I12",
            Self::SingleWriter => "I14",
            Self::MatchKeysUnique => "I15",
            Self::OwnDestination => "I16",
            Self::OneSettlementDate => "I17",
            Self::JournalEqualsLedgers => "I18",
            Self::TotalsBounded | Self::OrdersPaidOnce => "I26",
        }
    }

    /// Whether it needs participants' ledgers.
    pub const fn needs_ledgers(self) -> bool {
        matches!(
            self,
            Self::ToldIsWritten
                | Self::NoDuplicateDebit
                | Self::StableAnswers
                | Self::OwnDestination
                | Self::JournalEqualsLedgers
        )
    }

    /// What it says.
    pub const fn text(self) -> &'static str {
        match self {
            Self::ToldIsWritten => "an outcome that a participant was told is on record",
            Self::OneOutcome => "a key is claimed once and has one outcome",
            Self::NoApprovalAfterNegative => "nothing declined or being reversed is approved later",
            Self::NoDuplicateDebit => "a destination debits a key once, or gives it back",
            Self::StableAnswers => "final answers to repeats are equal",
            Self::ConflictsRefused => "no key is claimed again with another content",
            Self::AmountsKept => "answers and reversals have the amount of their payment",
            Self::RefundsBounded => "refunds never exceed their payment, in any currency",
            Self::AmountsConverted => "a stated amount is what its rate makes of the payment",
            Self::CurrenciesBalance => "payments less refunds and reversals are what stands",
            Self::ReversalsEnd => "a reversal's answer follows a reversal",
            Self::ReversedOnce => "what is reversed is reversed once, and never forwarded after",
            Self::AnsweredInTime => "answered, or known to be unanswered, by the deadline",
            Self::RecordsFit => "numbers grow, and each record is about a claimed number",
            Self::SingleWriter => "openings follow one another, each on its own shard",
            Self::MatchKeysUnique => "no match key is drawn twice for a participant",
            Self::OwnDestination => "only the destination on record has seen a payment",
            Self::OneSettlementDate => "the settlement date is that of the receipt",
            Self::JournalEqualsLedgers => "ledgers and journal agree on outcome and amount",
            Self::TotalsBounded => {
                "no payer pays more, or oftener, than the limits that held allow"
            }
            Self::OrdersPaidOnce => "an order has one payment that is open or approved",
            Self::RulingsFit => "operators decide about what waits for one, and it ends so",
        }
    }
}

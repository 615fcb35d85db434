//! What the judge found: rules that were broken, where, and by which payment.

use core::fmt;
use std::collections::BTreeMap;

/// A rule that every payment keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Rule {
    /// Every request is answered.
    Unanswered,
    /// No request is answered twice.
    AnsweredTwice,
    /// No answer comes that nobody asked for.
    Unhandled,
    /// An answer comes to the participant that asked.
    WrongParticipant,
    /// An answer is of the kind that was asked for.
    WrongKind,
    /// Keys, amounts and currencies pass unchanged.
    Changed,
    /// What the payer pays is the amount at its rate, rounded once.
    Conversion,
    /// A final answer never changes.
    AnswerChanged,
    /// The same key with another body is refused with 94.
    ConflictAccepted,
    /// A reversal is accepted, a known payment is known.
    RequestRefused,
    /// 68 and 09 are resolved by an advice.
    Unresolved,
    /// Approved to the originator means debited at the destination.
    ApprovedNotDebited,
    /// Debited at the destination means approved to the originator.
    DebitedNotApproved,
    /// What the originator took back is given back.
    NotGivenBack,
    /// What was refused without a record was not forwarded.
    RefusedButForwarded,
    /// A payment reaches one destination, the one that it names.
    WrongDestination,
    /// Of the payments of one order, one at most is debited.
    OrderPaidTwice,
    /// One payment of an order is told that another has it only if another has it.
    OrderRefused,
    /// A destination sees only what somebody sent.
    Unasked,
    /// What the switch sends can be decoded.
    Unreadable,
    /// What was answered is in the journal.
    NotInJournal,
    /// The journal can be read.
    JournalUnreadable,
    /// The journal says what the participants' ledgers say.
    JournalDisagrees,
}

impl Rule {
    /// The word for people and for JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::AnsweredTwice => "answered-twice",
            Self::Unhandled => "unhandled-answer",
            Self::WrongParticipant => "wrong-participant",
            Self::WrongKind => "wrong-kind",
            Self::Changed => "changed",
            Self::Conversion => "conversion",
            Self::AnswerChanged => "answer-changed",
            Self::ConflictAccepted => "conflict-accepted",
            Self::RequestRefused => "request-refused",
            Self::Unresolved => "unresolved",
            Self::ApprovedNotDebited => "approved-not-debited",
            Self::DebitedNotApproved => "debited-not-approved",
            Self::NotGivenBack => "not-given-back",
            Self::RefusedButForwarded => "refused-but-forwarded",
            Self::WrongDestination => "wrong-destination",
            Self::OrderPaidTwice => "order-paid-twice",
            Self::OrderRefused => "order-refused",
            Self::Unasked => "unasked",
            Self::Unreadable => "unreadable",
            Self::NotInJournal => "not-in-journal",
            Self::JournalUnreadable => "journal-unreadable",
            Self::JournalDisagrees => "journal-disagrees",
        }
    }
}

/// One broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    /// Which rule.
    pub(crate) rule: Rule,
    /// `INSTITUTION/DATE/REFERENCE`; empty where no payment is to blame.
    pub(crate) key: String,
    /// In whose books, or on whose link.
    pub(crate) place: String,
    /// What was found. Never a payment code.
    pub(crate) detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} at {}: {}",
            self.rule.name(),
            self.key,
            self.place,
            self.detail
        )
    }
}

/// All broken rules: the first ones in full, the rest counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Violations {
    listed: Vec<Violation>,
    total: u64,
    by_rule: BTreeMap<Rule, u64>,
}

impl Violations {
    /// One more. It is made only if it is listed.
    pub(crate) fn add(&mut self, rule: Rule, violation: impl FnOnce() -> Violation) {
        self.total += 1;
        *self.by_rule.entry(rule).or_default() += 1;
        if self.listed.len() < LISTED_MAX {
            let violation = violation();
            assert_eq!(violation.rule, rule, "it is counted as what it is");
            self.listed.push(violation);
        }
    }

    /// Those of one rule.
    pub(crate) fn of(&self, rule: Rule) -> u64 {
        self.by_rule.get(&rule).copied().unwrap_or(0)
    }

    /// The first ones.
    pub(crate) fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// All of them.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }
}

/// What was checked, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Payments that were asked for.
    pub(crate) payments: u64,
    /// Answers and advices that came to originators.
    pub(crate) answers: u64,
    /// Records of these payments found in the journal; `None`: no journal was read.
    pub(crate) records: Option<u64>,
    /// Broken rules.
    pub(crate) violations: Violations,
}

impl Verdict {
    /// Whether every promise held.
    pub(crate) const fn holds(&self) -> bool {
        self.violations.total() == 0
    }
}

const LISTED_MAX: usize = 50;

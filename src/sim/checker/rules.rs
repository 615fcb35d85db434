//! THE RULES: each invariant that the fake world checks, under its number, in one line.

use core::fmt;

/// One rule. Numbers are those of the project's list of invariants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
#[expect(missing_docs, reason = "TABLE has each one's text")]
pub enum Rule {
    CommittedFirst,
    OneOutcome,
    Order,
    NoLateApproval,
    NoDoubleDebit,
    StableAnswers,
    Conflicts,
    Amounts,
    ReversalsEnd,
    ReversedFirst,
    Answered,
    ReplayEqualsLive,
    NothingLost,
    KeysUnique,
    OwnAnswers,
    BusinessDate,
    Bounded,
    Confidential,
    Deadlines,
    Drained,
    HonestRecovery,
    Readable,
    Refunds,
    RefundKeys,
    OperatorQueue,
    AnsweredInTime,
    Totals,
    Orders,
    Rulings,
}

/// How many rules there are.
pub const RULES: usize = Rule::Rulings as usize + 1;

/// Each rule with its number, its word and its text.
pub const TABLE: [(Rule, &str, &str, &str); RULES] = {
    use Rule as R;
    [
        (
            R::CommittedFirst,
            "I1",
            "committed-first",
            "what binds us leaves only after its record is really committed",
        ),
        (
            R::OneOutcome,
            "I2",
            "one-outcome",
            "a key has one final outcome, the same in the journal and in every copy",
        ),
        (
            R::Order,
            "I2",
            "order",
            "68 never follows its advice over one link, nor approved the decision to undo",
        ),
        (
            R::NoLateApproval,
            "I3",
            "no-late-approval",
            "a late approval is put on record, and never becomes one",
        ),
        (
            R::NoDoubleDebit,
            "I4",
            "no-double-debit",
            "a key reaches one destination, once, and both books agree on the money",
        ),
        (
            R::StableAnswers,
            "I5",
            "stable-answers",
            "every repeat gets the same business fields",
        ),
        (
            R::Conflicts,
            "I6",
            "conflicts",
            "the same key with another body is never processed",
        ),
        (
            R::Amounts,
            "I8",
            "amounts",
            "amounts are equal at both sides and in the journal",
        ),
        (
            R::ReversalsEnd,
            "I9",
            "reversals-end",
            "every reversal and advice ends in an acknowledgement",
        ),
        (
            R::ReversedFirst,
            "I10",
            "reversed-first",
            "a reversal that came first bars its payment",
        ),
        (
            R::Answered,
            "I11",
            "answered",
            "once all is well, every request gets its answer",
        ),
        (
            R::ReplayEqualsLive,
            "I12",
            "replay-equals-live",
            "a replayed journal remembers what the live shard did",
        ),
        (
            R::NothingLost,
            "I13",
            "nothing-lost",
            "recovery finds a prefix of what was written, and all that was committed",
        ),
        (
            R::KeysUnique,
            "I15",
            "keys-unique",
            "no match key of ours is used for two transactions",
        ),
        (
            R::OwnAnswers,
            "I16",
            "own-answers",
            "an answer belongs to a request of the one who gets it, once",
        ),
        (
            R::BusinessDate,
            "I17",
            "business-date",
            "a payment keeps the settlement date of its acceptance",
        ),
        (
            R::Bounded,
            "I19",
            "bounded",
            "tables and queues stay within their bounds",
        ),
        (
            R::Confidential,
            "I22",
            "confidential",
            "no payment code stands in the journal",
        ),
        (
            R::Deadlines,
            "I23",
            "deadlines",
            "answers leave in time, and nothing is sent on too late",
        ),
        (
            R::Drained,
            "I24",
            "drained",
            "a drained shard ends with nothing open and a closed journal",
        ),
        (
            R::HonestRecovery,
            "I25",
            "honest-recovery",
            "a damaged journal is refused, with its place",
        ),
        (
            R::Readable,
            "W1",
            "readable",
            "what we send is whole and readable in the other side's protocol",
        ),
        (
            R::Refunds,
            "I21",
            "refunds",
            "never more is given back than was paid, at its rate, and nothing of what is undone",
        ),
        (
            R::RefundKeys,
            "I6",
            "refund-keys",
            "a refund's key is taken for one payment, whatever shards are asked",
        ),
        (
            R::OperatorQueue,
            "I9",
            "operator-queue",
            "what is not settled waits for a person, with a reason and an age; nothing else does",
        ),
        (
            R::AnsweredInTime,
            "I11",
            "answered-in-time",
            "what was accepted is answered in time, unless its originator's links were in trouble",
        ),
        (
            R::Totals,
            "I26",
            "totals",
            "what a payer's payments come to is within its limit, and is what its home counts",
        ),
        (
            R::Orders,
            "I26",
            "orders",
            "an order has one payment that is open or approved",
        ),
        (
            R::Rulings,
            "I9",
            "rulings",
            "what an operator hears to be done is on record as he decided, and else nothing is",
        ),
    ]
};

impl Rule {
    /// Its number among the invariants.
    pub const fn number(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Its word.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].2
    }

    /// What it says.
    pub const fn text(self) -> &'static str {
        TABLE[self as usize].3
    }
}

/// A broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// When, in nanoseconds since the world began.
    pub at_ns: u64,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.at_ns / 1_000_000_000, self.at_ns % 1_000_000_000);
        write!(
            formatter,
            "{} {} ({}) at {seconds}.{rest:09} s: {}",
            self.rule.number(),
            self.rule.name(),
            self.rule.text(),
            self.what
        )
    }
}

/// Violations kept of one seed; the first ones tell.
const VIOLATIONS_MAX: usize = 20;

/// What was checked, how often, and what was found.
#[derive(Debug)]
pub(in crate::sim) struct Verdicts {
    checked: [u64; RULES],
    violations: Vec<Violation>,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self {
            checked: [0; RULES],
            violations: Vec::new(),
        }
    }
}

impl Verdicts {
    /// Checks a rule once. `what` is asked only where it is broken.
    pub(in crate::sim) fn check(
        &mut self,
        rule: Rule,
        at_ns: u64,
        good: bool,
        what: impl FnOnce() -> String,
    ) {
        self.checked[rule as usize] += 1;
        if !good && self.violations.len() < VIOLATIONS_MAX {
            let what = what();
            self.violations.push(Violation { rule, at_ns, what });
        }
    }

    /// How often each rule was checked.
    pub(in crate::sim) fn checked(&self) -> &[u64; RULES] {
        &self.checked
    }

    /// What was found.
    pub(in crate::sim) fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_in_its_place() {
        for (place, (rule, number, name, text)) in TABLE.iter().enumerate() {
            assert_eq!(*rule as usize, place, "{name}");
            assert!(number.len() >= 2 && !text.is_empty());
        }
    }
}

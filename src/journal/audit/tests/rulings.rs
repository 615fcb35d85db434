//! What operators decide, in the books of the audit.

use super::*;
use crate::model::outcome::{QueueReason, Resolution, Ruling, Source};
use crate::model::record::{Finding, InDoubt, Queued};
use crate::model::ruling::Ruled;

impl History {
    pub(super) fn settled_by_operator(&mut self, number: u64) -> &mut Self {
        self.waiting(number).ruled(number, Ruling::Declined);
        self.found(number, Outcome::Declined)
    }

    /// A payment that waits for an operator.
    fn waiting(&mut self, number: u64) -> &mut Self {
        self.payment(number, number, number);
        self.push(Record::InDoubt(InDoubt {
            number: TransactionNumber(number),
            reason: Reason::Timeout,
            resolution: Resolution::InquireOnly,
        }));
        self.queued(number)
    }

    fn queued(&mut self, number: u64) -> &mut Self {
        self.push(Record::Queued(Queued {
            number: TransactionNumber(number),
            reason: QueueReason::OutcomeUnknown,
            with: institution(WALLET),
        }))
    }

    fn ruled(&mut self, number: u64, ruling: Ruling) -> &mut Self {
        self.push(Record::Ruled(Ruled {
            number: TransactionNumber(number),
            ruling,
            action: 9,
        }))
    }

    fn found(&mut self, number: u64, outcome: Outcome) -> &mut Self {
        self.push(Record::Finding(Finding {
            number: TransactionNumber(number),
            source: Source::Operator,
            response_code: ResponseCode::NO_ANSWER,
            outcome,
            approval_code: None,
            amounts: amounts(12_800),
            text: ShortText::EMPTY,
        }))
    }
}

#[test]
fn what_operators_may_decide_is_good_and_leaves_nothing_open() {
    type Decide = fn(&mut History) -> &mut History;
    let cases: [Decide; 5] = [
        |h| {
            h.waiting(5)
                .ruled(5, Ruling::Approved)
                .found(5, Outcome::Approved)
        },
        |h| {
            h.waiting(5)
                .ruled(5, Ruling::SendAgain)
                .ruled(5, Ruling::Declined)
                .found(5, Outcome::Declined)
        },
        |h| {
            h.payment(5, 5, 5)
                .unknown(5)
                .reversal(5, 205, 12_800)
                .queued(5);
            h.ruled(5, Ruling::Reversed).found(5, Outcome::Reversed)
        },
        |h| h.queued(1).ruled(1, Ruling::Noted),
        |h| h.queued(3).ruled(3, Ruling::Told),
    ];
    for decide in cases {
        let mut history = honest();
        decide(&mut history);
        let report = report(&history, Vec::new());
        assert_eq!(report.violations, []);
        assert_eq!(report.open, Open::default());
    }
}

#[test]
fn what_operators_may_not_decide_is_found() {
    type Change = (Rule, fn(&mut History) -> &mut History);
    let cases: [Change; 8] = [
        (Rule::RulingsFit, |h| h.ruled(1, Ruling::Noted)),
        (Rule::RulingsFit, |h| {
            h.waiting(5).found(5, Outcome::Approved)
        }),
        (Rule::RulingsFit, |h| {
            h.waiting(5)
                .ruled(5, Ruling::Declined)
                .found(5, Outcome::Approved)
        }),
        (Rule::RulingsFit, |h| h.waiting(5).ruled(5, Ruling::Told)),
        (Rule::RulingsFit, |h| h.queued(1).ruled(1, Ruling::Declined)),
        (Rule::OneOutcome, |h| {
            h.queued(1)
                .ruled(1, Ruling::Declined)
                .found(1, Outcome::Declined)
        }),
        (Rule::RulingsFit, |h| h.queued(1).ruled(1, Ruling::Reversed)),
        (Rule::NoApprovalAfterNegative, |h| {
            h.payment(5, 5, 5)
                .unknown(5)
                .reversal(5, 205, 12_800)
                .queued(5);
            h.ruled(5, Ruling::Approved).found(5, Outcome::Approved)
        }),
    ];
    for (rule, change) in cases {
        let mut history = honest();
        change(&mut history);
        let found = broken(&report(&history, Vec::new()));
        assert!(found.contains(&rule), "{rule:?}: {found:?}");
    }
}

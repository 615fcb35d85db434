//! THE JUDGE: right before fast. It keeps both parties' books and compares them, with each other
//! and with the journal. It never asks the switch what is true.

pub(crate) mod books;
pub(crate) mod compare;
mod conversion;
pub(crate) mod destinations;
pub(crate) mod journal;
mod ledger;
pub(crate) mod originators;
pub(crate) mod verdict;

#[cfg(test)]
mod tests;

use cpg_switch::model::outcome::ResponseCode;

use self::compare::Written;
use self::destinations::Destinations;
use self::journal::{Journal, JournalBook};
use self::originators::Originators;
use self::verdict::{Rule, Verdict, Violation, Violations};
use crate::cast::Cast;

/// A broken rule as a book notices it: nothing is formatted while payments run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// Which payment; none where it cannot be told.
    pub(crate) number: Option<u64>,
    /// Which rule.
    pub(crate) rule: Rule,
    /// What is wrong.
    pub(crate) what: &'static str,
    /// With which code.
    pub(crate) code: Option<ResponseCode>,
}

impl Fault {
    /// About payment `number`.
    pub(crate) const fn of(number: u64, rule: Rule, what: &'static str) -> Self {
        Self {
            number: Some(number),
            rule,
            what,
            code: None,
        }
    }

    /// The same, and the code that was seen.
    pub(crate) const fn coded(
        number: u64,
        rule: Rule,
        what: &'static str,
        code: ResponseCode,
    ) -> Self {
        Self {
            number: Some(number),
            rule,
            what,
            code: Some(code),
        }
    }

    /// About no payment of ours.
    pub(crate) const fn about_nothing(rule: Rule, what: &'static str) -> Self {
        Self {
            number: None,
            rule,
            what,
            code: None,
        }
    }
}

/// The books and what was found in them so far.
#[derive(Debug)]
pub(crate) struct Judge {
    /// What originators know.
    pub(crate) originators: Originators,
    /// What destinations did.
    pub(crate) destinations: Destinations,
    violations: Violations,
}

impl Judge {
    /// Empty books with room for `payments`.
    pub(crate) fn new(payments: usize) -> Self {
        Self {
            originators: Originators::new(payments),
            destinations: Destinations::new(payments),
            violations: Violations::default(),
        }
    }

    /// A rule was broken at `player`'s end.
    pub(crate) fn fault(&mut self, cast: &Cast, player: u8, fault: Fault) {
        let key = self.key(cast, fault.number);
        self.violations.add(fault.rule, || Violation {
            rule: fault.rule,
            key,
            place: cast.player(player).name.clone(),
            detail: fault.code.map_or_else(
                || fault.what.to_owned(),
                |code| format!("{} {code}", fault.what),
            ),
        });
    }

    /// The end: compares every payment's pages, and the journal's where it was read.
    pub(crate) fn settle(mut self, cast: &Cast, journal: &Journal) -> Verdict {
        if let Journal::Unreadable(why) = journal {
            self.violations.add(Rule::JournalUnreadable, || Violation {
                rule: Rule::JournalUnreadable,
                key: String::new(),
                place: "journal".to_owned(),
                detail: why.clone(),
            });
        }
        let journal = journal.book();
        let asked_count = self.originators.count();
        for number in asked_count..self.destinations.count() {
            if self.destinations.page(number).touched() {
                self.violations.add(Rule::Unasked, || Violation {
                    rule: Rule::Unasked,
                    key: format!("{}", cast.references().reference(number)),
                    place: "destination's book".to_owned(),
                    detail: "nobody sent it".to_owned(),
                });
            }
        }
        let refused: Vec<u64> = self.originators.refused_orders().collect();
        for number in refused {
            let key = self.key(cast, Some(number));
            self.violations.add(Rule::OrderRefused, || Violation {
                rule: Rule::OrderRefused,
                key,
                place: "originator's book".to_owned(),
                detail: "each payment of its order was told that another has it".to_owned(),
            });
        }
        for number in 0..asked_count {
            self.compare(cast, number, journal.map(|journal| journal.page(number)));
        }
        Verdict {
            payments: self.originators.sent(),
            answers: self.originators.told(),
            records: journal.map(JournalBook::records),
            violations: self.violations,
        }
    }

    fn compare(&mut self, cast: &Cast, number: u64, written: Option<Written>) {
        let (asked, seen) = (
            *self.originators.page(number),
            self.destinations.page(number),
        );
        let lane = cast.lane(asked.lane);
        if let Some(rule) = compare::books(&asked, &seen) {
            let detail = format!(
                "{} for {}, {} at {} ({} requests, {} reversals; script: {})",
                asked.standing.name(),
                cast.player(lane.originator).name,
                seen.balance.name(),
                cast.player(lane.destination).name,
                seen.requests,
                seen.reversals,
                asked.fate.name(),
            );
            let key = cast.key(number, asked.lane).to_string();
            let place = "participants' books".to_owned();
            self.violations.add(rule, || Violation {
                rule,
                key,
                place,
                detail,
            });
        }
        let destination = cast.player(lane.destination).institution.code();
        let found =
            written.and_then(|written| compare::journal(&asked, &seen, &written, destination));
        if let Some((rule, what)) = found {
            self.violations.add(rule, || Violation {
                rule,
                key: cast.key(number, asked.lane).to_string(),
                place: "journal".to_owned(),
                detail: what.to_owned(),
            });
        }
    }

    fn key(&self, cast: &Cast, number: Option<u64>) -> String {
        match number {
            Some(number) if number < self.originators.count() => cast
                .key(number, self.originators.page(number).lane)
                .to_string(),
            Some(number) => cast.references().reference(number).to_string(),
            None => String::new(),
        }
    }
}

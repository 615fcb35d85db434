//! Participants' own ledgers, held against the journal: what they were told, what they debited.
//!
//! A line is what one participant knows of one transaction at the end. The form in which it is
//! written is the command line's business.

use crate::journal::audit::pages::Page;
use crate::journal::audit::{Audit, Place, Rule};
use crate::model::ids::Institution;
use crate::model::keys::BusinessKey;
use crate::model::money::Money;
use crate::model::outcome::Outcome;

/// Whose ledger, and what it says of the transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Party {
    /// The participant that asked.
    Originator {
        /// Final outcomes that it was given in answers, in order, repeats included. 09 and 68 are
        /// none; a payment that was refused or shed has none.
        answers: Vec<Outcome>,
        /// How it stands in its books, the advices it got included; none where it does not know.
        standing: Option<Outcome>,
    },
    /// The participant that decides.
    Destination {
        /// How often it was debited.
        debits: u32,
        /// How often that was given back.
        given_back: u32,
    },
}

/// One line of a ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerLine {
    /// The participant, by its own institution.
    pub institution: Institution,
    /// Which transaction.
    pub key: BusinessKey,
    /// Its amount.
    pub amount: Money,
    /// The rest.
    pub party: Party,
}

/// What all ledgers say of one transaction.
#[derive(Debug, Default)]
pub(super) struct Told {
    lines: Vec<(Place, LedgerLine)>,
}

impl Audit {
    /// The next line of the `ledger`-th ledger. Judged at the end, when all journals were read.
    pub fn ledger(&mut self, ledger: usize, line: u64, it: LedgerLine) {
        self.ledger_lines += 1;
        let told = self.told.entry(it.key).or_default();
        told.lines.push((Place::Ledger { ledger, line }, it));
    }

    pub(super) fn judge_ledgers(&mut self) {
        let mut told: Vec<(BusinessKey, Told)> =
            core::mem::take(&mut self.told).into_iter().collect();
        // In an order of their own, so that a report does not depend on a hash.
        told.sort_unstable_by_key(|(key, _)| *key);
        for (key, told) in &told {
            let page = self
                .by_key
                .get(key)
                .and_then(|id| self.pages.get(id))
                .copied();
            for (place, line) in &told.lines {
                self.judge_line(*place, line, page.as_ref());
            }
            self.judge_together(told, page.as_ref());
        }
    }

    fn judge_line(&mut self, at: Place, line: &LedgerLine, page: Option<&Page>) {
        let key = Some(line.key);
        if let Some(page) = page {
            let same = page.by_reversal || page.amount == line.amount;
            self.check(Rule::JournalEqualsLedgers, same, at, key, || {
                format!(
                    "{} in the ledger, {} on record",
                    line.amount.minor, page.amount.minor
                )
            });
        }
        match &line.party {
            Party::Originator { answers, .. } => {
                let equal = answers.windows(2).all(|pair| pair.first() == pair.last());
                self.check(Rule::StableAnswers, equal, at, key, || {
                    let words: Vec<&str> = answers.iter().map(|it| it.name()).collect();
                    format!("it was told {}", words.join(", then "))
                });
                if let Some(last) = answers.last() {
                    let written = page.is_some_and(|page| states(page, *last));
                    self.check(Rule::ToldIsWritten, written, at, key, || {
                        format!("it was told {}, of which there is no record", last.name())
                    });
                }
            }
            Party::Destination { debits, given_back } => {
                let once = *debits <= 1 && given_back <= debits;
                self.check(Rule::NoDuplicateDebit, once, at, key, || {
                    format!("debited {debits} times, given back {given_back} times")
                });
                let destination = page.and_then(|page| page.forwarded).map(|(who, _)| who);
                let own = destination == Some(line.institution);
                self.check(Rule::OwnDestination, own, at, key, || match destination {
                    Some(who) => format!("{} has seen it, on record is {who}", line.institution),
                    None => format!("{} has seen it, on record is nobody", line.institution),
                });
            }
        }
    }

    /// The originator's standing, the destination's balance and the journal are one story.
    fn judge_together(&mut self, told: &Told, page: Option<&Page>) {
        let standing = told
            .lines
            .iter()
            .find_map(|(place, line)| match &line.party {
                Party::Originator { standing, .. } => Some((*place, *standing)),
                Party::Destination { .. } => None,
            });
        let balance = told.lines.iter().find_map(|(_, line)| match line.party {
            Party::Destination { debits, given_back } => {
                Some(i64::from(debits) - i64::from(given_back))
            }
            Party::Originator { .. } => None,
        });
        let Some((place, Some(standing))) = standing else {
            return;
        };
        let key = told.lines.first().map(|(_, line)| line.key);
        if let Some(balance) = balance {
            let wanted = i64::from(standing == Outcome::Approved);
            self.check(
                Rule::JournalEqualsLedgers,
                balance == wanted,
                place,
                key,
                || {
                    format!(
                        "{} to the originator, {balance} debits at the destination",
                        standing.name()
                    )
                },
            );
        }
        if let Some(page) = page {
            let on_record = end_of(page);
            let agrees = on_record.is_none_or(|end| end == standing);
            self.check(Rule::JournalEqualsLedgers, agrees, place, key, || {
                let words = on_record.map_or("open", Outcome::name);
                format!("{} to the originator, {words} on record", standing.name())
            });
        }
    }
}

/// Whether an answer with this outcome is covered by the records.
fn states(page: &Page, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Reversed => page.reversed,
        // What was claimed by a reversal is declined, whenever it comes.
        Outcome::Declined => page.outcome == Some(Outcome::Declined) || page.by_reversal,
        Outcome::Approved => page.outcome == Some(Outcome::Approved),
    }
}

/// How the journal says that it ended.
fn end_of(page: &Page) -> Option<Outcome> {
    if page.by_reversal {
        Some(Outcome::Declined)
    } else if page.reversed {
        Some(Outcome::Reversed)
    } else if page.reversing || page.unresolved {
        None
    } else {
        page.outcome
    }
}

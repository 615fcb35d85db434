//! The third book: what the switch wrote down, read separately from its files.
//!
//! It applies no decision and takes none: it collects, per payment of this run, what the records
//! say. Records of other runs are passed over.

use std::path::Path;

use cpg_switch::journal::reader;
use cpg_switch::model::ids::{ShardId, TransactionNumber};
use cpg_switch::model::record::{Decision, Payment, Record};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::cast::Cast;
use crate::judge::compare::Written;

/// The journal, for the judge.
#[derive(Debug)]
pub(crate) enum Journal {
    /// Nobody asked for it.
    NotRead,
    /// It is not what it must be; why.
    Unreadable(String),
    /// What it holds.
    Read(JournalBook),
}

impl Journal {
    /// Reads the journal in `data`: all of it after the switch has ended, up to the commit
    /// watermark while it runs.
    pub(crate) fn read(data: &Path, cast: &Cast) -> Self {
        let mut book = JournalBook::default();
        let read = reader::dump(data, |shard, entry| book.add(cast, shard, &entry.record));
        match read {
            Ok(()) => Self::Read(book),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    /// What it holds, where it was read.
    pub(crate) const fn book(&self) -> Option<&JournalBook> {
        match self {
            Self::Read(book) => Some(book),
            Self::NotRead | Self::Unreadable(_) => None,
        }
    }
}

/// What became of payments that nobody knew the outcome of.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub(crate) struct Unknowns {
    /// All of them.
    pub(crate) all: u64,
    /// The outcome was learnt, or undone.
    pub(crate) resolved: u64,
    /// They wait for an operator.
    pub(crate) queued: u64,
}

impl Unknowns {
    /// Neither resolved nor waiting for an operator: nobody looks after them.
    pub(crate) const fn forgotten(self) -> u64 {
        self.all - self.resolved - self.queued
    }
}

/// What a journal holds about the payments of one run.
#[derive(Debug, Default)]
pub(crate) struct JournalBook {
    pages: Vec<Written>,
    /// Numbers count the transactions of one shard.
    numbers: HashMap<(ShardId, TransactionNumber), usize, FixedState>,
    records: u64,
}

impl JournalBook {
    /// One record, in the order of the journal.
    pub(crate) fn add(&mut self, cast: &Cast, shard: ShardId, record: &Record) {
        if let Record::Payment(payment) = record {
            return self.claim(cast, shard, payment);
        }
        let Some(page) = self.numbers.get(&(shard, record.number())) else {
            return;
        };
        let page = &mut self.pages[*page];
        self.records += 1;
        page.queued &= !record.ends_queue();
        match record {
            Record::Answer(answer) => {
                page.outcome = Some(answer.outcome);
                page.code = Some(answer.response_code);
                if answer.amounts.amount.minor != page.minor {
                    page.minor = answer.amounts.amount.minor;
                }
            }
            Record::Finding(finding) => {
                page.outcome = Some(finding.outcome);
                page.code = Some(finding.response_code);
            }
            Record::Unknown(_) | Record::InDoubt(_) | Record::Pending(_) => page.unknown = true,
            Record::Reversal(_) => page.reversal = true,
            Record::ReversalAnswer(answer) => page.reversed |= answer.reversed,
            Record::Opened(_)
            | Record::Payment(_)
            | Record::ReversalEscalation(_)
            | Record::Advice(_)
            | Record::AdviceAnswer(_)
            | Record::LateAnswer(_)
            | Record::Inquiry(_)
            | Record::InquiryEnd(_)
            | Record::Ruled(_)
            | Record::Recalled(_)
            | Record::Held(_)
            | Record::Released(_)
            | Record::Total(_)
            | Record::Refund(_) => {}
            Record::Queued(_) => page.queued = true,
        }
    }

    /// What is written about payment `number`.
    pub(crate) fn page(&self, number: u64) -> Written {
        let place = usize::try_from(number).expect("addresses have 64 bits");
        self.pages.get(place).copied().unwrap_or_default()
    }

    /// What became of those that nobody knew the outcome of.
    pub(crate) fn unknowns(&self) -> Unknowns {
        let mut unknowns = Unknowns::default();
        for page in self.pages.iter().filter(|page| page.unknown) {
            let resolved = page.outcome.is_some() || page.reversed;
            unknowns.all += 1;
            unknowns.resolved += u64::from(resolved);
            unknowns.queued += u64::from(page.queued && !resolved);
        }
        unknowns
    }

    /// Records of this run.
    pub(crate) const fn records(&self) -> u64 {
        self.records
    }

    fn claim(&mut self, cast: &Cast, shard: ShardId, payment: &Payment) {
        let Some(number) = cast.number(&payment.key) else {
            return;
        };
        let place = usize::try_from(number).expect("addresses have 64 bits");
        if place >= self.pages.len() {
            self.pages.resize(place + 1, Written::default());
        }
        self.records += 1;
        self.numbers.insert((shard, payment.number), place);
        let page = &mut self.pages[place];
        page.claims = page.claims.saturating_add(1);
        page.minor = payment.amounts.amount.minor;
        match payment.decision {
            Decision::Forward { destination, .. } => page.destination = destination.code(),
            Decision::Decline { response_code, .. } => page.code = Some(response_code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::tests::two_players;
    use cpg_switch::model::fingerprint::Fingerprint;
    use cpg_switch::model::ids::{MatchKey, TableVersion};
    use cpg_switch::model::message::{Amounts, Echoed};
    use cpg_switch::model::outcome::{Outcome, Presentation, Reason, ResponseCode};
    use cpg_switch::model::record::{Actor, Answer, ShortText, Unknown};
    use cpg_switch::model::time::Wall;

    fn payment(cast: &Cast, transaction: u64, number: u64) -> Payment {
        let amount = cast.money(0, 500);
        Payment {
            number: TransactionNumber(transaction),
            key: cast.key(number, 0),
            fingerprint: Fingerprint(1),
            originator: cast.player(1).institution,
            match_key: MatchKey(1),
            named_destination: None,
            forwarder: None,
            presentation: Presentation::Cpm,
            scenario: None,
            amounts: Amounts {
                amount,
                billing: None,
                settlement: None,
                billing_rate: None,
                settlement_rate: None,
            },
            echoed: Echoed::default(),
            settlement_date: cast.local_date,
            table: TableVersion(1),
            decision: Decision::Forward {
                destination: cast.player(0).institution,
                match_key: MatchKey(2),
                deadline: Wall(0),
            },
        }
    }

    #[test]
    fn records_are_collected_by_payment_and_foreign_ones_passed_over() {
        let cast = two_players();
        let mut book = JournalBook::default();
        let first = payment(&cast, 7, 3);
        book.add(&cast, ShardId(0), &Record::Payment(first));
        book.add(
            &cast,
            ShardId(0),
            &Record::Answer(Answer {
                number: TransactionNumber(7),
                by: Actor::Destination,
                response_code: ResponseCode::APPROVED,
                outcome: Outcome::Approved,
                approval_code: None,
                amounts: first.amounts,
                text: ShortText::EMPTY,
            }),
        );
        let mut foreign = payment(&cast, 8, 4);
        foreign.key.reference = cpg_switch::model::ids::Reference::new(*b"zzzz00000001").unwrap();
        book.add(&cast, ShardId(0), &Record::Payment(foreign));
        let unknown = Unknown {
            number: TransactionNumber(8),
            reason: Reason::Timeout,
        };
        book.add(&cast, ShardId(0), &Record::Unknown(unknown));
        assert_eq!(book.records(), 2);
        let page = book.page(3);
        assert_eq!(
            (page.claims, page.minor, page.destination),
            (1, 500, 45_800_001)
        );
        assert_eq!(
            (page.outcome, page.unknown),
            (Some(Outcome::Approved), false)
        );
        assert_eq!(book.page(4), Written::default());
        book.add(&cast, ShardId(0), &Record::Payment(payment(&cast, 9, 3)));
        assert_eq!(book.page(3).claims, 2);
    }
}

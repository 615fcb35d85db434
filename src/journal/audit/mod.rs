//! Is what was written down what we promise? An offline judge over whole journals.
//!
//! It keeps its own page of every transaction, and shares no code with the engine that wrote the
//! records: a mistake there does not hide here. Where participants' ledgers are given as well, it
//! holds them against the pages. It reads records in order, allocates as it likes, prints nothing.

mod balance;
mod claims;
mod ledger;
mod pages;
mod rules;
#[cfg(test)]
mod tests;
mod totals;

use hashbrown::{HashMap, HashSet};

use crate::journal::Entry;
use crate::model::ids::{Institution, Lsn, MatchKey, ShardId, TransactionNumber};
use crate::model::keys::BusinessKey;
use crate::model::money::Exponents;
use crate::model::time::Wall;

use balance::Balance;
pub use balance::{BalanceLine, Side};
pub use ledger::{LedgerLine, Party};
use pages::Page;
pub use rules::Rule;

/// Violations that are kept with their place; the rest are counted.
const KEPT_MAX: usize = 1_000;
/// By how much an answer's record may follow its deadline: the turn that notices, and a busy host.
const LATE_MS: u64 = 1_000;

type Hasher = foldhash::fast::FixedState;

/// Where something was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// After this record of a journal, counted in the order in which journals were given.
    Record {
        /// Which journal, from 0.
        journal: usize,
        /// Whose part of it.
        shard: ShardId,
        /// Where the record ends.
        lsn: Lsn,
    },
    /// This line of a ledger.
    Ledger {
        /// Which ledger, from 0.
        ledger: usize,
        /// From 1.
        line: u64,
    },
    /// Nowhere alone: it is about all that was read.
    Whole,
}

/// A rule that was not kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// Where.
    pub place: Place,
    /// About which transaction, where it is about one.
    pub key: Option<BusinessKey>,
    /// What was found.
    pub what: String,
}

/// What has not come to its end yet, which breaks no rule: the journal ended before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Open {
    /// Payments and refunds without an answer.
    pub unanswered: u64,
    /// Outcomes being resolved.
    pub unresolved: u64,
    /// Reversals without an acknowledgement.
    pub reversals: u64,
    /// Advices without an acknowledgement.
    pub advices: u64,
    /// Transactions that wait for an operator.
    pub queued: u64,
    /// When the oldest of them was received.
    pub oldest: Option<Wall>,
}

/// What an audit found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Records read.
    pub records: u64,
    /// Business keys claimed.
    pub transactions: u64,
    /// Lines of participants' ledgers.
    pub ledger_lines: u64,
    /// How often each rule was checked, and how often it was broken, in the order of [`Rule::ALL`].
    pub rules: Vec<(Rule, u64, u64)>,
    /// The first of what was found.
    pub violations: Vec<Violation>,
    /// By currency, participant and side; what the office of each may hold against its own books.
    pub balance: Vec<BalanceLine>,
    /// What was open at the end.
    pub open: Open,
}

impl Report {
    /// Whether every rule was kept.
    pub fn is_good(&self) -> bool {
        self.rules.iter().all(|(_, _, broken)| *broken == 0)
    }
}

/// One part of one journal while it is read.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    epoch: u32,
    last_number: TransactionNumber,
    last_wall: Wall,
}

/// Names a page: the journal, the shard and the number that the key claimed there.
type PageId = (usize, ShardId, TransactionNumber);

/// An audit under way.
#[derive(Debug)]
pub struct Audit {
    /// The decimals of currencies: this room knows no list of them.
    exponents: Exponents,
    balance: Balance,
    readings: HashMap<(usize, ShardId), Reading, Hasher>,
    pages: HashMap<PageId, Page, Hasher>,
    by_key: HashMap<BusinessKey, PageId, Hasher>,
    events: totals::Events,
    match_keys: HashSet<(Institution, MatchKey), Hasher>,
    told: HashMap<BusinessKey, ledger::Told, Hasher>,
    records: u64,
    ledger_lines: u64,
    checked: [u64; Rule::ALL.len()],
    broken: [u64; Rule::ALL.len()],
    violations: Vec<Violation>,
}

impl Audit {
    /// Nothing read yet; `exponents` are the decimals of currencies.
    pub fn new(exponents: Exponents) -> Self {
        Self {
            exponents,
            balance: Balance::default(),
            readings: HashMap::default(),
            pages: HashMap::default(),
            by_key: HashMap::default(),
            events: totals::Events::default(),
            match_keys: HashSet::default(),
            told: HashMap::default(),
            records: 0,
            ledger_lines: 0,
            checked: [0; Rule::ALL.len()],
            broken: [0; Rule::ALL.len()],
            violations: Vec::new(),
        }
    }

    /// The next record of `shard` of the `journal`-th journal.
    pub fn record(&mut self, journal: usize, shard: ShardId, entry: &Entry) {
        self.records += 1;
        let place = Place::Record {
            journal,
            shard,
            lsn: entry.lsn,
        };
        self.read(journal, shard, place, entry);
        let reading = self.readings.entry((journal, shard)).or_default();
        reading.last_wall = reading.last_wall.max(entry.wall);
    }

    /// Judges what can only be judged at the end.
    pub fn finish(mut self) -> Report {
        let open = self.judge_the_end();
        self.judge_ledgers();
        self.judge_totals();
        let balance = self.trial_balance();
        let counts = self.checked.into_iter().zip(self.broken);
        Report {
            records: self.records,
            transactions: self.pages.len() as u64,
            ledger_lines: self.ledger_lines,
            rules: Rule::ALL
                .into_iter()
                .zip(counts)
                .map(|(rule, (checked, broken))| (rule, checked, broken))
                .collect(),
            violations: self.violations,
            balance,
            open,
        }
    }

    /// A transaction that was forwarded is answered, or known to be unanswered, in time.
    fn judge_the_end(&mut self) -> Open {
        let mut open = Open::default();
        let mut late = Vec::new();
        for ((journal, shard, _), page) in &self.pages {
            let reading = self.readings[&(*journal, *shard)];
            if page.waits_since(reading.epoch, reading.last_wall, LATE_MS) {
                let place = Place::Record {
                    journal: *journal,
                    shard: *shard,
                    lsn: page.lsn,
                };
                late.push((page.key, place));
            }
            page.count_open(&mut open);
        }
        for (key, place) in late {
            let what = "its deadline passed, and no record says how it was answered".to_owned();
            self.broke(Rule::AnsweredInTime, place, Some(key), what);
        }
        open
    }

    /// Counts a check; where it failed, keeps what `what` says.
    fn check(
        &mut self,
        rule: Rule,
        kept: bool,
        place: Place,
        key: Option<BusinessKey>,
        what: impl FnOnce() -> String,
    ) {
        self.checked[rule as usize] += 1;
        if !kept {
            self.broke(rule, place, key, what());
        }
    }

    fn broke(&mut self, rule: Rule, place: Place, key: Option<BusinessKey>, what: String) {
        self.broken[rule as usize] += 1;
        if self.violations.len() < KEPT_MAX {
            self.violations.push(Violation {
                rule,
                place,
                key,
                what,
            });
        }
    }
}

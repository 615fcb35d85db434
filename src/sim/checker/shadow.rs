//! THE SHADOW: every record that the shard has written, read back from its tail after each turn,
//! and what the really committed ones say about each key.
//!
//! It takes the journal's word for nothing: what is committed is told by the fake disk.

use std::collections::BTreeMap;

use crate::journal::Entry;
use crate::journal::codec;
use crate::journal::layout::{BLOCK, BLOCK_HEADER_BYTES, Records, payload, read_opening};
use crate::journal::tail::Ring;
use crate::model::hold::Hold;
use crate::model::ids::{Institution, Lsn, MatchKey, TransactionNumber};
use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::Amounts;
use crate::model::outcome::{Outcome, ResponseCode, Ruling};
use crate::model::record::{Actor, Answer, Decision, Record, Reversal};
use crate::model::time::{Date, Wall};

/// What records say about one key.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Page {
    /// Of its transaction.
    pub(in crate::sim) number: Option<TransactionNumber>,
    /// Times that the key was claimed.
    pub(in crate::sim) claims: u32,
    /// Of a refund: its payment.
    pub(in crate::sim) refund_of: Option<Key>,
    /// The first claim was a reversal.
    pub(in crate::sim) reversed_first: bool,
    /// Where it was sent, with which match key, and until when.
    pub(in crate::sim) forwards: Vec<(Institution, MatchKey, Wall)>,
    pub(in crate::sim) amounts: Option<Amounts>,
    pub(in crate::sim) settlement_date: Option<Date>,
    /// The code with which we declined it at once.
    pub(in crate::sim) declined: Option<ResponseCode>,
    pub(in crate::sim) answers: Vec<(Actor, ResponseCode, Outcome, Amounts)>,
    pub(in crate::sim) unknown: bool,
    /// The destination said 09.
    pub(in crate::sim) pending: bool,
    /// Nobody knows, and the destination is asked.
    pub(in crate::sim) in_doubt: bool,
    pub(in crate::sim) inquiries: Vec<MatchKey>,
    pub(in crate::sim) queued: bool,
    /// What it counts for.
    pub(in crate::sim) hold: Option<Hold>,
    /// A reversal that its originator asked for has not ended.
    pub(in crate::sim) reversing: bool,
    /// Its originator has heard the last that it is told.
    pub(in crate::sim) acknowledged: bool,
    pub(in crate::sim) reversals: Vec<(Actor, bool, Option<MatchKey>)>,
    /// Match keys of advices that reversal requests became.
    pub(in crate::sim) escalations: Vec<MatchKey>,
    /// How our reversals were answered: whether it is reversed since.
    pub(in crate::sim) reversal_answers: Vec<(ResponseCode, bool)>,
    pub(in crate::sim) advices: Vec<MatchKey>,
    pub(in crate::sim) advices_answered: u32,
    pub(in crate::sim) late: u32,
}

impl Page {
    /// Whether records say that it is undone.
    pub(in crate::sim) fn is_reversed(&self) -> bool {
        self.reversed_first
            || self.reversal_answers.iter().any(|(_, reversed)| *reversed)
            || self
                .reversals
                .iter()
                .any(|(by, ..)| *by == Actor::Destination)
    }

    /// The final answer that records state, if any.
    pub(in crate::sim) fn answer(&self) -> Option<(ResponseCode, Outcome)> {
        let declined = self.declined.map(|code| (code, Outcome::Declined));
        let answered = self
            .answers
            .first()
            .map(|(_, code, outcome, _)| (*code, *outcome));
        let barred = (ResponseCode::INVALID_TRANSACTION, Outcome::Declined);
        let undone = (ResponseCode::NO_ANSWER, Outcome::Reversed);
        declined
            .or(answered)
            .or(self.reversed_first.then_some(barred))
            .or(self.is_reversed().then_some(undone))
    }

    /// Whether something is left to be done about it.
    pub(in crate::sim) fn is_open(&self) -> bool {
        let Some((_, outcome)) = self.answer() else {
            return self.claims > 0;
        };
        let told = self.unknown || self.in_doubt || self.pending || !self.escalations.is_empty();
        let by_destination = self.reversals.last().map(|(by, ..)| *by) == Some(Actor::Destination);
        let taken_back = outcome == Outcome::Approved && by_destination;
        let owed = (told || taken_back) && !self.acknowledged;
        self.reversing || owed
    }

    /// What it takes of its payment's amount: nothing, unless it is approved and not undone.
    pub(in crate::sim) fn is_approved(&self) -> bool {
        let approved = self
            .answer()
            .is_some_and(|(_, told)| told == Outcome::Approved);
        approved && !self.is_reversed()
    }

    fn apply(&mut self, record: &Record) {
        self.number = Some(record.number());
        match record {
            Record::Opened(_) => {}
            Record::Payment(payment) => {
                self.claim(payment.amounts, payment.settlement_date, payment.decision);
            }
            Record::Answer(Answer {
                by,
                response_code,
                outcome,
                amounts,
                ..
            }) => self.answers.push((*by, *response_code, *outcome, *amounts)),
            Record::Unknown(_) => self.unknown = true,
            Record::Reversal(reversal) => {
                if reversal.claims {
                    self.claims += 1;
                    self.reversed_first = true;
                }
                let Reversal {
                    by,
                    advice,
                    match_key,
                    ..
                } = reversal;
                self.reversals.push((*by, *advice, *match_key));
                match by {
                    Actor::Originator => self.reversing = !reversal.claims,
                    Actor::Destination => (self.reversing, self.acknowledged) = (false, false),
                    Actor::Switch => {}
                }
            }
            Record::ReversalAnswer(answer) => {
                self.reversing = false;
                self.reversal_answers
                    .push((answer.response_code, answer.reversed));
            }
            Record::ReversalEscalation(escalation) => {
                self.escalations.push(escalation.match_key);
                self.acknowledged = false;
            }
            Record::Advice(advice) => self.advices.push(advice.match_key),
            Record::AdviceAnswer(_) => {
                self.advices_answered += 1;
                self.acknowledged = true;
            }
            Record::LateAnswer(_) => self.late += 1,
            Record::Finding(finding) => self.answers.push((
                Actor::Destination,
                finding.response_code,
                finding.outcome,
                finding.amounts,
            )),
            Record::Refund(refund) => {
                self.refund_of = Some(refund.root);
                self.claim(refund.amounts, refund.settlement_date, refund.decision);
            }
            // No archive is in this world: nothing is recalled.
            Record::Recalled(_) | Record::Total(_) => {}
            Record::Held(hold) => self.hold = Some(*hold),
            Record::Released(_) => self.hold = None,
            // Asked in vain: from here on it is to be undone.
            Record::InquiryEnd(_) => self.unknown = true,
            Record::InDoubt(_) => self.in_doubt = true,
            Record::Inquiry(inquiry) => self.inquiries.push(inquiry.match_key),
            Record::Pending(_) => self.pending = true,
            Record::Queued(_) => self.queued = true,
            Record::Ruled(ruled) => self.acknowledged |= ruled.ruling == Ruling::Told,
        }
    }

    fn claim(&mut self, amounts: Amounts, settlement_date: Date, decision: Decision) {
        self.claims += 1;
        self.amounts = Some(amounts);
        self.settlement_date = Some(settlement_date);
        match decision {
            Decision::Forward {
                destination,
                match_key,
                deadline,
            } => self.forwards.push((destination, match_key, deadline)),
            Decision::Decline { response_code, .. } => self.declined = Some(response_code),
        }
    }
}

/// The records of one shard.
#[derive(Debug, Default)]
pub(in crate::sim) struct Shadow {
    entries: Vec<Entry>,
    /// Where the tap goes on: a block, bytes of it that were read, the check of the last record.
    block: Lsn,
    walked: usize,
    chain: u32,
    /// How many entries the pages hold.
    applied: usize,
    pages: BTreeMap<BusinessKey, Page>,
    keys: BTreeMap<TransactionNumber, BusinessKey>,
}

impl Shadow {
    /// All records, in order.
    pub(in crate::sim) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// After a recovery: these are the records, and writing goes on at `next`.
    pub(in crate::sim) fn restart(&mut self, entries: Vec<Entry>, next: Lsn, chain: u32) {
        *self = Self {
            entries,
            block: next,
            chain,
            ..Self::default()
        };
    }

    /// Reads what was appended since the last call.
    pub(in crate::sim) fn tap(&mut self, tail: &[u8], ring: Ring, appended: Lsn) {
        while self.block < appended {
            let block = ring.block(tail, self.block);
            let opened = read_opening(block).is_ok_and(|opening| opening.lsn == self.block);
            assert!(opened, "what is appended stands in an open block");
            let end = appended.0.min(self.block.0 + BLOCK) - self.block.0;
            let end = usize::try_from(end).expect("a block") - BLOCK_HEADER_BYTES;
            let unread = &payload(block)[self.walked..end];
            let mut walk = Records::new(unread, self.chain);
            while let Some(bytes) = walk.step() {
                let (wall, record) = codec::decode(bytes).expect("it was written just now");
                let at = BLOCK_HEADER_BYTES + self.walked + walk.bytes_walked();
                self.entries.push(Entry {
                    lsn: self.block.plus(at as u64),
                    wall,
                    record,
                });
            }
            self.chain = walk.chain();
            self.walked += walk.bytes_walked();
            if appended.0 < self.block.0 + BLOCK {
                return;
            }
            self.block = self.block.plus(BLOCK);
            self.walked = 0;
        }
    }

    /// Everything before `committed` counts.
    pub(in crate::sim) fn commit(&mut self, committed: Lsn) {
        while let Some(entry) = self.entries.get(self.applied)
            && entry.lsn <= committed
        {
            let record = entry.record;
            let number = record.number();
            if let Some(key) = claimed(&record) {
                self.keys.insert(number, key);
            }
            if let Some(key) = self.keys.get(&number) {
                self.pages.entry(*key).or_default().apply(&record);
            }
            self.applied += 1;
        }
    }

    /// What the committed records say about a key.
    pub(in crate::sim) fn page(&self, key: &BusinessKey) -> Option<&Page> {
        self.pages.get(key)
    }

    /// What all records say about a key, committed or not.
    pub(in crate::sim) fn written(&self, key: &BusinessKey) -> Page {
        let (mut page, mut number) = (Page::default(), None);
        for entry in &self.entries {
            if claimed(&entry.record) == Some(*key) {
                number = Some(entry.record.number());
            }
            if number == Some(entry.record.number()) {
                page.apply(&entry.record);
            }
        }
        page
    }

    /// The pages of a payment's refunds, in the order of their claims.
    pub(in crate::sim) fn refunds_of(&self, root: &Key) -> Vec<&Page> {
        let pages = self.pages.values();
        let mut refunds: Vec<&Page> = pages.filter(|page| page.refund_of == Some(*root)).collect();
        refunds.sort_by_key(|page| page.number);
        refunds
    }

    /// The key of a transaction.
    pub(in crate::sim) fn key_of(&self, number: TransactionNumber) -> Option<&BusinessKey> {
        self.keys.get(&number)
    }

    /// What all records say about every key, committed or not.
    pub(in crate::sim) fn all_written(&self) -> BTreeMap<BusinessKey, Page> {
        let (mut pages, mut keys) = (BTreeMap::<_, Page>::new(), BTreeMap::new());
        for Entry { record, .. } in &self.entries {
            if let Some(key) = claimed(record) {
                keys.insert(record.number(), key);
            }
            if let Some(key) = keys.get(&record.number()) {
                pages.entry(*key).or_default().apply(record);
            }
        }
        pages
    }

    /// All pages.
    pub(in crate::sim) fn pages(&self) -> impl Iterator<Item = (&BusinessKey, &Page)> {
        self.pages.iter()
    }
}

/// The key that a record claims, if it does.
fn claimed(record: &Record) -> Option<BusinessKey> {
    match record {
        Record::Payment(payment) => Some(BusinessKey {
            key: payment.key,
            class: Class::Payment,
        }),
        Record::Refund(refund) => Some(BusinessKey {
            key: refund.key,
            class: Class::Refund,
        }),
        Record::Reversal(reversal) if reversal.claims => Some(reversal.target),
        _ => None,
    }
}

//! Which advice is the last word: once it is decided that a payment is undone, no advice that
//! approves it is sent any more.
//!
//! What counts is when an advice was *sent*, not when it arrives: what was sent before may come
//! later over a slow link. A slow link keeps it back within the shard, too: what leaves now was
//! sent after the link's buffer was seen empty for the last time, and not before. (Between shards
//! it may have gone a longer way, through the rings of one that has stood still meanwhile.)

use crate::model::ids::LinkId;
use crate::model::message::{Message, PaymentAdvice};
use crate::model::outcome::{Outcome, ResponseCode};
use crate::model::record::{Actor, Record};
use crate::sim::checker::rules::Rule;
use crate::sim::node::Node;
use crate::sim::plant::Plant;
use crate::sim::world::World;
use crate::sys::operation::Submission;

/// Whether a record decides that a payment is undone (or is to be), or that it is not after all.
const fn undoes(record: &Record) -> Option<bool> {
    match record {
        Record::Reversal(reversal) => match reversal.by {
            Actor::Originator | Actor::Destination => Some(true),
            Actor::Switch => None,
        },
        Record::ReversalAnswer(answer) => Some(answer.reversed),
        Record::Finding(finding) if matches!(finding.outcome, Outcome::Reversed) => Some(true),
        _ => None,
    }
}

impl Node {
    /// A record was written at `at`: is its payment undone from now on?
    pub(in crate::sim) fn note_undone(&mut self, record: &Record, at: u64) {
        match undoes(record) {
            Some(true) => {
                self.undone.entry(record.number()).or_insert(at);
            }
            Some(false) => {
                self.undone.remove(&record.number());
            }
            None => {}
        }
    }

    /// After a restart: decisions that are no longer in the journal were never taken.
    pub(in crate::sim) fn restore_undone(&mut self, at: u64) {
        let before = core::mem::take(&mut self.undone);
        let entries: Vec<Record> = self.shadow.entries().iter().map(|e| e.record).collect();
        for record in &entries {
            let known = before.get(&record.number()).copied();
            self.note_undone(record, known.unwrap_or(at));
        }
    }
}

impl World {
    /// After a turn that got back the buffers of `back`: those that the machine has now, and those
    /// in which it is certain that nothing waits.
    pub(in crate::sim) fn note_empty(
        &mut self,
        node: usize,
        back: &[LinkId],
        submissions: &[Submission],
    ) {
        let link_of = |id: &LinkId| self.nodes[node].link(*id);
        let (mut held, mut emptied) = (Vec::new(), Vec::new());
        for submission in submissions {
            if let Submission::Send { link, buffer } = submission {
                held.extend(link_of(link));
                if buffer.sent() == 0 {
                    emptied.extend(link_of(link));
                }
            }
        }
        let back: Vec<usize> = back.iter().filter_map(link_of).collect();
        // A shard that has a link no more passes on what it has; what it will find in its next
        // turn was sent after its last one.
        let turned = self.nodes.iter().filter(|place| place.shard.is_some());
        let since = turned.map(|place| place.turned_at).min();
        for (index, link) in self.links.iter_mut().enumerate() {
            if link.node == node {
                link.held = held.contains(&index) || (link.held && !back.contains(&index));
                if !link.held || emptied.contains(&index) {
                    link.empty_at = since.unwrap_or(self.now);
                }
            }
        }
    }

    /// An advice leaves: an approval must have been sent before it was decided that it is undone.
    pub(in crate::sim) fn check_advice(
        &mut self,
        (owner, link): (usize, usize),
        advice: &PaymentAdvice<'_>,
    ) {
        if self.void || advice.outcome != Some(Outcome::Approved) {
            return;
        }
        let (now, since) = (self.now, self.links[link].empty_at);
        let place = &self.nodes[owner];
        let page = place.shadow.page(&advice.target);
        let undone = page.and_then(|page| place.undone.get(&page.number?).copied());
        let good = undone.is_none_or(|undone| since <= undone);
        self.verdicts.check(Rule::Order, now, good, || {
            let late_ms = undone.map_or(0, |undone| (since - undone) / 1_000_000);
            let key = advice.target.key;
            format!("{key}: advised approved, at least {late_ms} ms after it was to be undone")
        });
    }

    /// A planted bug: behind each advice that says reversed, one that says approved.
    pub(in crate::sim) fn plant_stale_advice(
        &mut self,
        (node, link): (usize, usize),
        advice: &PaymentAdvice<'_>,
    ) {
        let reversed = advice.outcome == Some(Outcome::Reversed);
        if self.plant != Some(Plant::AdvisesApprovedLast) || !reversed {
            return;
        }
        let stale = PaymentAdvice {
            outcome: Some(Outcome::Approved),
            response_code: ResponseCode::APPROVED,
            ..*advice
        };
        self.planted += 1;
        self.check_message(node, link, &Message::PaymentAdvice(stale));
    }
}

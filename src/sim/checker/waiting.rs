//! The operator queue: what is not settled waits for a person, with a reason and since when, and
//! nothing else does; and whoever signs on again is served.

use crate::model::keys::Key;
use crate::model::outcome::{QueueReason, Ruling};
use crate::model::record::Record;
use crate::model::time::Wall;
use crate::sim::checker::rules::{Rule, Verdicts};
use crate::sim::checker::shadow::Page;
use crate::sim::node::Node;
use crate::sim::world::World;

/// Whether what waited for a person no longer does.
const fn ends(record: &Record) -> bool {
    match record {
        Record::Answer(_)
        | Record::Finding(_)
        | Record::InquiryEnd(_)
        | Record::ReversalAnswer(_)
        | Record::AdviceAnswer(_) => true,
        Record::Reversal(reversal) => !reversal.claims,
        Record::Ruled(ruled) => matches!(ruled.ruling, Ruling::Told | Ruling::Noted),
        _ => false,
    }
}

impl Node {
    /// A record was written: who waits now?
    pub(in crate::sim) fn note_waiting(&mut self, record: &Record, wall: Wall) {
        let number = record.number();
        if ends(record) {
            self.waiting.remove(&number);
        }
        if let Record::Queued(queued) = record {
            self.waiting.entry(number).or_insert((queued.reason, wall));
        }
    }

    /// After a restart: what the journal says.
    pub(in crate::sim) fn restore_waiting(&mut self) {
        self.waiting.clear();
        for index in 0..self.shadow.entries().len() {
            let entry = self.shadow.entries()[index];
            self.note_waiting(&entry.record, entry.wall);
        }
    }
}

impl World {
    /// Whether a transaction waits for a person.
    pub(in crate::sim) fn waits(&self, key: &Key) -> bool {
        let place = &self.nodes[self.owner(key)];
        let numbers = place.waiting.keys();
        let mut keys = numbers.filter_map(|number| place.shadow.key_of(*number));
        keys.any(|waiting| waiting.key == *key)
    }

    /// Whether a shard's queue is full: what else is not settled is tried on for ever, and takes
    /// the room of what would be new. People must clear their queue; here nobody does.
    pub(in crate::sim) fn is_overrun(&self) -> bool {
        let most = usize::try_from(self.plan.in_flight_max).expect("small");
        self.nodes.iter().any(|node| node.waiting.len() >= most)
    }

    /// After a turn: the shard's queue is what the records say.
    pub(in crate::sim) fn check_waiting(&mut self, node: usize) {
        let (at, place) = (self.now, &self.nodes[node]);
        // What found no room in the journal is remembered, and not written: the shard ends.
        let Some(shard) = place
            .shard
            .as_ref()
            .filter(|shard| !shard.is_journal_full())
        else {
            return;
        };
        let oldest = place.waiting.values().map(|(_, since)| *since).min();
        let told = shard.engine().operator_queue();
        let (depth, since) = told;
        let count = place.waiting.len();
        // A wall clock that is set back makes the first of them not the oldest.
        let same = depth == count && since.is_some() == oldest.is_some();
        self.verdicts.check(Rule::OperatorQueue, at, same, || {
            format!("shard {node} says that {depth} wait since {since:?}: {count} since {oldest:?}")
        });
    }

    /// At the end: whatever is open waits, and whatever waits is open.
    pub(in crate::sim) fn judge_waiting(&self, verdicts: &mut Verdicts) {
        let at = self.now;
        for node in &self.nodes {
            for (target, page) in node.shadow.all_written() {
                let waits = page.number.and_then(|number| node.waiting.get(&number));
                let contradictory =
                    waits.map(|waits| waits.0) == Some(QueueReason::ContradictoryAnswers);
                let good = page.is_open() == waits.is_some() || contradictory;
                let key = target.key;
                verdicts.check(Rule::OperatorQueue, at, good, || {
                    let open = page.is_open();
                    format!("{key}: open is {open}, and waiting {waits:?}: {page:?}")
                });
                let Some((reason, _)) = waits else { continue };
                let served = contradictory || self.is_beyond_help(&key, &page);
                verdicts.check(Rule::OperatorQueue, at, served, || {
                    format!("{key}: {reason:?}, and all have signed on since: {page:?}")
                });
            }
        }
    }

    /// Whether not even a destination that answers truthfully helps: it is too late to reverse, or
    /// it has no record of what we may only ask about.
    fn is_beyond_help(&self, key: &Key, page: &Page) -> bool {
        let to = page
            .forwards
            .first()
            .and_then(|(to, ..)| self.tables.speaks_for(*to));
        let Some(to) = to else { return false };
        let bounded = self.tables.participant(to).resolver.reversal_within_s > 0;
        let unseen = !self.players[usize::from(to.0)].seen.contains_key(key);
        bounded || (unseen && page.in_doubt)
    }
}

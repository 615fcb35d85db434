//! OPERATORS of the fake world: now and then somebody looks at what waits, asks both parties by
//! telephone, and decides; sometimes about what has just left the queue, or goes on by itself.
//!
//! They tell the truth as the books have it. What they are told must be on record, and what they
//! are refused must not.

use std::collections::BTreeMap;

use crate::engine::Waits;
use crate::journal::Entry;
use crate::model::ids::TransactionNumber;
use crate::model::keys::BusinessKey;
use crate::model::outcome::{Outcome, Ruling};
use crate::model::record::Record;
use crate::model::ruling::Ruled;
use crate::shard::{Reply, Said};
use crate::sim::arrivals::Arrived;
use crate::sim::checker::rules::Rule;
use crate::sim::faults::Fault;
use crate::sim::plant::Plant;
use crate::sim::player::Balance;
use crate::sim::world::{Event, Season, World};

const MS: u64 = 1_000_000;
/// At one that waits, at most.
const LOOKS: u32 = 4;

/// What they have decided.
#[derive(Debug, Default)]
pub(super) struct Operators {
    /// By ticket, which is the number of the action, too.
    asked: BTreeMap<u32, Ruled>,
    last: u32,
}

impl World {
    /// A turn was over: somebody may look at what waits since.
    pub(super) fn call_operators(&mut self, node: usize, fresh: &[Entry]) {
        for Entry { record, .. } in fresh {
            if !matches!(record, Record::Queued(_)) {
                continue;
            }
            for _ in 0..LOOKS {
                if self.chance.strikes(Fault::OperatorDecides) {
                    self.call_operator(node, record.number());
                }
            }
        }
    }

    fn call_operator(&mut self, node: usize, number: TransactionNumber) {
        let delay = self.chance.draw.between(1, 3_000) * MS;
        self.after(delay, Event::Operate(node, number));
    }

    /// Somebody looks at a transaction that waits, or did, and decides.
    pub(super) fn operate(&mut self, node: usize, number: TransactionNumber) {
        if matches!(self.season, Season::Draining | Season::Over) {
            return;
        }
        let Some(key) = self.nodes[node].shadow.key_of(number).copied() else {
            return;
        };
        let now = self.clocks();
        let Some(shard) = &mut self.nodes[node].shard else {
            return;
        };
        let mut waits = None;
        shard.each_waiting(now, |one, _| {
            waits = waits.or((one.number == number).then_some(*one));
        });
        let Some(ruling) = self.find_out(node, &key, waits.as_ref()) else {
            return;
        };
        let action = self.operators.last + 1;
        self.operators.last = action;
        let ruled = Ruled {
            number,
            ruling,
            action: u64::from(action),
        };
        self.operators.asked.insert(action, ruled);
        self.tell(|| format!("an operator decides about {number:?} of shard {node}: {ruling:?}"));
        let heard = self.plant_mishearing(ruled);
        self.arrive(node, Arrived::Ruled(action, heard));
    }

    /// What both parties say, as a decision: one that may be, or, now and then, one that may not.
    fn find_out(
        &mut self,
        node: usize,
        key: &BusinessKey,
        waits: Option<&Waits>,
    ) -> Option<Ruling> {
        let may = |ruling: Ruling| {
            let all = Ruling::ALL
                .iter()
                .zip(waits.map_or([false; 6], |waits| waits.may));
            all.into_iter().any(|(one, may)| *one == ruling && may)
        };
        let true_ones = Ruling::ALL.iter().copied();
        let true_ones = true_ones.filter(|ruling| self.is_true(node, key, *ruling));
        let (mut good, vain): (Vec<Ruling>, Vec<Ruling>) =
            true_ones.partition(|ruling| may(*ruling));
        // Who knows how it ended seldom has it sent again.
        if good.len() > 1 && self.chance.draw.chance(700) {
            good.retain(|ruling| *ruling != Ruling::SendAgain);
        }
        let in_vain = good.is_empty() || self.chance.draw.chance(100);
        let from = if in_vain { vain } else { good };
        let from: Vec<Ruling> = from
            .into_iter()
            .filter(|it| !in_vain || *it != Ruling::Told)
            .collect();
        if from.is_empty() {
            return None;
        }
        let ruling = self.chance.draw.pick(&from);
        if ruling == Ruling::Told {
            self.telephone(node, key);
        }
        Some(ruling)
    }

    /// Whether the destination's books bear it out.
    fn is_true(&self, node: usize, key: &BusinessKey, ruling: Ruling) -> bool {
        let page = self.nodes[node].shadow.page(key);
        let to = page.and_then(|page| page.forwards.first());
        let to = to.and_then(|(to, ..)| self.tables.speaks_for(*to));
        let seen = to.and_then(|to| self.players[usize::from(to.0)].seen.get(&key.key));
        let balance = seen.map(|seen| seen.balance);
        match ruling {
            Ruling::Approved => balance == Some(Balance::Debited),
            Ruling::Declined => matches!(balance, Some(Balance::Declined | Balance::Barred)),
            Ruling::Reversed => {
                matches!(
                    balance,
                    Some(Balance::Declined | Balance::Barred | Balance::Released)
                )
            }
            Ruling::Told | Ruling::SendAgain | Ruling::Noted => true,
        }
    }

    /// The originator hears by telephone how it ended.
    fn telephone(&mut self, node: usize, key: &BusinessKey) {
        let page = self.nodes[node].shadow.page(key);
        let told = page.and_then(|page| {
            let answered = page.answer().map(|(_, outcome)| outcome);
            let undone = page.is_reversed() && answered.is_some();
            if undone {
                Some(Outcome::Reversed)
            } else {
                answered
            }
        });
        let mut players = self.players.iter_mut();
        if let Some(asked) = players.find_map(|player| player.asked.get_mut(&key.key)) {
            asked.advised = told.or(asked.advised);
        }
    }

    /// A planted bug: what an operator says reaches the shard as something else.
    fn plant_mishearing(&mut self, ruled: Ruled) -> Ruled {
        if self.plant != Some(Plant::Mishears) {
            return ruled;
        }
        self.planted += 1;
        let ruling = match ruled.ruling {
            Ruling::Approved => Ruling::Declined,
            Ruling::Declined => Ruling::Reversed,
            Ruling::Reversed | Ruling::Told | Ruling::Noted => Ruling::SendAgain,
            Ruling::SendAgain => Ruling::Told,
        };
        Ruled { ruling, ..ruled }
    }

    /// What operators were told after a turn is what the records say.
    pub(super) fn hear_replies(&mut self, node: usize) {
        let at = self.now;
        while let Some(Reply { ticket, said }) = self.told_ruling(node) {
            let (Some(asked), Said::Ruled(result)) = (self.operators.asked.remove(&ticket), said)
            else {
                continue;
            };
            self.tell(|| format!("the operator is told: {result:?}"));
            let place = &self.nodes[node];
            let committed = place.committed(self.plan.mode);
            let entries = place.shadow.entries().iter().rev();
            let found = entries.filter_map(|entry| match entry.record {
                Record::Ruled(ruled) if ruled.action == asked.action => Some((ruled, entry.lsn)),
                _ => None,
            });
            let found: Vec<_> = found.collect();
            let good = match result {
                Ok(()) => found
                    .iter()
                    .any(|(ruled, lsn)| *ruled == asked && *lsn <= committed),
                Err(_) => found.is_empty(),
            };
            self.verdicts.check(Rule::Rulings, at, good, || {
                format!("{asked:?} was told {result:?}, and on record is {found:?}")
            });
        }
    }

    fn told_ruling(&mut self, node: usize) -> Option<Reply> {
        self.nodes[node].shard.as_mut()?.told_ruling()
    }
}

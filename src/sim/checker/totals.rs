//! What counts over time: no payer's payments come to more than he may pay, his home counts what
//! they come to, and no two payments of one order are open or approved.
//!
//! From the payments' own records: not from those that say what is counted.

use std::collections::BTreeMap;

use crate::model::ids::Institution;
use crate::model::keys::{Class, Key};
use crate::model::outcome::{Outcome, Presentation};
use crate::model::participant::Role;
use crate::sim::checker::rules::{Rule, Verdicts};
use crate::sim::checker::shadow::Page;
use crate::sim::plan::{YEAR_MOST, payer_of, token_of};
use crate::sim::world::World;

/// A payer: his wallet, and which of its payers.
type Payer = (Institution, u8);

impl World {
    /// After a turn, if something was written in it.
    pub(in crate::sim) fn check_totals(&mut self, written: bool) {
        // What was lost with the memory was promised, and is not on record.
        if !written || !self.plan.counts || self.void {
            return;
        }
        let (at, mut verdicts) = (self.now, core::mem::take(&mut self.verdicts));
        let (mut totals, mut orders) = (BTreeMap::new(), BTreeMap::new());
        for (key, page) in self.standing() {
            let minor = page.amounts.map_or(0, |amounts| amounts.amount.minor);
            *totals.entry((key.originator, payer_of(key))).or_insert(0) += minor;
            if let Some(order) = self.plan.order_of(key) {
                orders.entry(order).or_insert_with(Vec::new).push(*key);
            }
        }
        for (payer, total) in totals {
            verdicts.check(Rule::Totals, at, total <= YEAR_MOST, || {
                format!("{payer:?} has paid, or is paying, {total} of {YEAR_MOST}")
            });
        }
        for (order, keys) in orders {
            verdicts.check(Rule::Orders, at, keys.len() == 1, || {
                format!("order {order} is paid, or being paid, by {keys:?}")
            });
        }
        self.verdicts = verdicts;
    }

    /// At the end: what is counted is what stands.
    pub(in crate::sim) fn judge_totals(&self, verdicts: &mut Verdicts) {
        let settled = self.nodes.iter().all(|node| node.is_settled());
        if !self.plan.counts || self.void || !settled {
            return;
        }
        let mut totals: BTreeMap<Payer, i64> = BTreeMap::new();
        for (key, page) in self.standing() {
            // One whose record was torn from what it counts for never left.
            if page.hold.is_some() {
                let minor = page.amounts.map_or(0, |amounts| amounts.amount.minor);
                *totals.entry((key.originator, payer_of(key))).or_default() += minor;
            }
        }
        let today = self.clocks().wall.date();
        let wallets = self.plan.participants.iter();
        let wallets = wallets.filter(|known| known.role == Role::Wallet);
        let institutions = wallets.flat_map(|known| [known.institution, known.fronted[0]]);
        for (wallet, payer) in institutions.flat_map(|it| (0..4).map(move |payer| (it, payer))) {
            let token = token_of(payer);
            let guard = self.tables.guard();
            let hash = guard.payer(Presentation::Mpm, wallet, token.as_ref());
            let shards = self.nodes.iter().filter_map(|node| node.shard.as_ref());
            let counted = shards.filter_map(|shard| shard.engine().counted(hash?));
            let counted: i64 = counted.map(|counts| counts.on(today).0).sum();
            let standing = totals.get(&(wallet, payer)).copied().unwrap_or(0);
            verdicts.check(Rule::Totals, self.now, counted == standing, || {
                format!("payer {payer} of {wallet}: {counted} is counted, and {standing} stands")
            });
        }
    }

    /// Payments by the merchant's code that went on, and are open or approved.
    fn standing(&self) -> impl Iterator<Item = (&Key, &Page)> {
        let pages = self.nodes.iter().flat_map(|node| node.shadow.pages());
        pages.filter_map(|(target, page)| {
            let is_wallets = |known: &&crate::model::participant::Participant| {
                known.role == Role::Wallet && known.speaks_for(target.key.originator)
            };
            let mpm = self
                .plan
                .participants
                .iter()
                .any(|known| is_wallets(&known));
            let ended = page
                .answer()
                .is_some_and(|(_, outcome)| outcome != Outcome::Approved);
            let stands = mpm && target.class == Class::Payment && !page.forwards.is_empty();
            (stands && !ended && !page.is_reversed()).then_some((&target.key, page))
        })
    }
}

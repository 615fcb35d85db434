//! Refunds: never more is given back than was paid, at the payment's own rates, and nothing of what
//! is undone; and no refund's key for two payments.
//!
//! It counts what the records say is approved, and does the sums anew: nothing of the engine's.

use std::collections::BTreeMap;

use crate::model::keys::{BusinessKey, Class, Key};
use crate::model::message::Amounts;
use crate::model::money::Money;
use crate::model::outcome::Outcome;
use crate::sim::checker::rules::{Rule, Verdicts};
use crate::sim::checker::shadow::{Page, Shadow};
use crate::sim::player::Balance;
use crate::sim::world::World;

/// What one currency of a payment is, and what of each of its refunds.
type Column = fn(&Amounts) -> Option<Money>;
const COLUMNS: [Column; 3] = [
    |amounts| Some(amounts.amount),
    |amounts| amounts.billing,
    |amounts| amounts.settlement,
];

impl World {
    /// After a turn in which a refund was answered.
    pub(in crate::sim) fn check_refunds(&mut self, node: usize, roots: &[Key]) {
        let at = self.now;
        let mut verdicts = core::mem::take(&mut self.verdicts);
        for root in roots {
            judge(&self.nodes[node].shadow, root, &mut verdicts, at);
        }
        self.verdicts = verdicts;
    }

    /// After a turn in which these refunds were claimed: nobody else has one of them.
    pub(in crate::sim) fn check_refund_keys(&mut self, node: usize, keys: &[Key]) {
        let at = self.now;
        for key in keys {
            let target = refund_of(*key);
            let mut others = (0..self.nodes.len()).filter(|other| *other != node);
            let other = others.find(|other| self.nodes[*other].shadow.page(&target).is_some());
            self.verdicts
                .check(Rule::RefundKeys, at, other.is_none(), || {
                    format!("{key}: claimed on shard {node}, and before on {other:?}")
                });
        }
    }

    /// At the end: all payments of which something was refunded.
    pub(in crate::sim) fn judge_refunds(&self, verdicts: &mut Verdicts) {
        let at = self.now;
        let mut owners: BTreeMap<Key, usize> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let refunds = node.shadow.pages().map(|(target, _)| target);
            for target in refunds.filter(|target| target.class == Class::Refund) {
                let (key, owner) = (target.key, *owners.entry(target.key).or_insert(index));
                verdicts.check(Rule::RefundKeys, at, owner == index, || {
                    format!("{key}: on record at shards {owner} and {index}")
                });
            }
            let mut roots: Vec<Key> = Vec::new();
            roots.extend(node.shadow.pages().filter_map(|(_, page)| page.refund_of));
            roots.sort();
            roots.dedup();
            for root in roots {
                judge(&node.shadow, &root, verdicts, at);
                self.judge_books(&root, verdicts);
            }
        }
    }

    /// The payer's own books say so, too.
    fn judge_books(&self, root: &Key, verdicts: &mut Verdicts) {
        let at = self.now;
        let payer = |player: &&crate::sim::player::Player| {
            player.seen.values().any(|seen| seen.root == Some(*root))
        };
        let Some(payer) = self.players.iter().find(payer) else {
            return;
        };
        let refunds = payer.seen.values().filter(|seen| seen.root == Some(*root));
        if refunds.clone().any(|seen| seen.lied) {
            return;
        }
        let given = refunds.filter(|seen| seen.balance == Balance::Debited);
        let given: i64 = given.map(|seen| seen.amounts.amount.minor).sum();
        let paid = match (payer.seen.get(root), payer.asked.get(root)) {
            (Some(seen), _) => Some(seen.amounts.amount.minor),
            (None, Some(asked)) => asked.bodies.iter().copied().max(),
            (None, None) => None,
        };
        verdicts.check(
            Rule::Refunds,
            at,
            paid.is_some_and(|paid| given <= paid),
            || format!("{root}: its payer was given {given} of {paid:?}"),
        );
    }
}

const fn refund_of(key: Key) -> BusinessKey {
    let class = Class::Refund;
    BusinessKey { key, class }
}

fn judge(shadow: &Shadow, root: &Key, verdicts: &mut Verdicts, at: u64) {
    let target = BusinessKey {
        key: *root,
        class: Class::Payment,
    };
    let refunds = shadow.refunds_of(root);
    let sent: Vec<&&Page> = refunds
        .iter()
        .filter(|page| !page.forwards.is_empty())
        .collect();
    let approved: Vec<&&Page> = refunds.iter().filter(|page| page.is_approved()).collect();
    let payment = shadow.page(&target);
    let was_approved = payment.is_some_and(|page| {
        let answer = page.answer();
        answer.is_some_and(|(_, outcome)| outcome == Outcome::Approved)
    });
    verdicts.check(Rule::Refunds, at, sent.is_empty() || was_approved, || {
        format!("{root}: refunds of what was never approved were sent on")
    });
    let undone = payment.is_some_and(Page::is_reversed);
    verdicts.check(Rule::Refunds, at, approved.is_empty() || !undone, || {
        let count = approved.len();
        format!("{root}: undone, and {count} refund(s) of it approved")
    });
    let Some(paid) = payment.and_then(|page| page.amounts) else {
        return;
    };
    let sum = |column: Column| {
        approved
            .iter()
            .map(|page| minor_of(page, column))
            .sum::<i64>()
    };
    for column in COLUMNS {
        let (whole, given) = (column(&paid).map_or(0, |money| money.minor), sum(column));
        verdicts.check(Rule::Refunds, at, given <= whole, || {
            format!("{root}: {given} of {whole} were given back")
        });
        // The last part takes exactly what is left.
        let all = sum(COLUMNS[0]) == paid.amount.minor;
        verdicts.check(Rule::Refunds, at, !all || given == whole, || {
            format!("{root}: all of it was given back, and {given} of {whole}")
        });
    }
    // Where none was declined or undone, no part is more than half a minor unit off.
    if sent.len() == approved.len() {
        let good = COLUMNS.iter().all(|column| are_fair(&sent, &paid, *column));
        verdicts.check(Rule::Refunds, at, good, || {
            let amounts: Vec<_> = sent.iter().map(|page| page.amounts).collect();
            format!("{root}: not at the rate of {paid:?}: {amounts:?}")
        });
    }
}

fn minor_of(page: &Page, column: Column) -> i64 {
    let money = page.amounts.as_ref().and_then(column);
    money.map_or(0, |money| money.minor)
}

/// After each part, what was given back is the nearest minor unit to its share.
fn are_fair(parts: &[&&Page], paid: &Amounts, column: Column) -> bool {
    let whole = i128::from(paid.amount.minor);
    let total = i128::from(column(paid).map_or(0, |money| money.minor));
    let (mut asked, mut given) = (0_i128, 0_i128);
    parts.iter().all(|page| {
        asked += i128::from(minor_of(page, COLUMNS[0]));
        given += i128::from(minor_of(page, column));
        (2 * given * whole - 2 * total * asked).abs() <= whole
    })
}

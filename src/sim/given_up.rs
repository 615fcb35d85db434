//! What a start would remember if the oldest half of a journal were given up.
//!
//! Seeds run for minutes, and nothing is old in a minute: no segment is given up in the fake world.
//! Instead each restart is asked what it would be like from a later beginning. Whoever forgets what
//! may be forgotten, and whoever reads what is carried and then the later half, must remember the
//! same.

use crate::journal::Entry;
use crate::journal::store;
use crate::model::ids::TransactionNumber;
use crate::shard::Replaying;
use crate::sim::checker::rules::Rule;
use crate::sim::crash::remembered;
use crate::sim::world::World;

impl World {
    /// Compares both, for a journal in which `found` stands.
    pub(super) fn check_given_up(&mut self, found: &[Entry]) {
        let (given_up, live) = found.split_at(found.len() / 2);
        let claimed = |entry: &Entry| {
            let claims = entry.record.claimed_root().is_some();
            claims.then(|| entry.record.number())
        };
        let Some(last) = given_up.iter().filter_map(claimed).max() else {
            return;
        };
        let mut forgetful = self.replaying();
        forgetful.remember_for_ms(0);
        let replayed = found.iter().all(|entry| forgetful.apply(entry).is_ok());
        let now = self.clocks();
        let forgets = replayed && forgetful.forget_through(last, now.wall);
        let carried: Vec<TransactionNumber> = forgetful.carried().to_vec();
        let mut later = self.replaying();
        let reads = begin(&mut later, given_up, last, &carried)
            && live.iter().all(|entry| later.apply(entry).is_ok());
        let at = self.now;
        self.verdicts
            .check(Rule::ReplayEqualsLive, at, forgets && reads, || {
                format!("up to {}: forgotten {forgets}, read {reads}", last.0)
            });
        let (mut before, mut after) = (remembered(forgetful.engine()), remembered(later.engine()));
        for told in before.values_mut().chain(after.values_mut()) {
            leave_out_root(told);
        }
        self.check_replay(&before, &after);
    }
}

/// As a start does that finds `last` in the base.
fn begin(
    replaying: &mut Replaying,
    given_up: &[Entry],
    last: TransactionNumber,
    carried: &[TransactionNumber],
) -> bool {
    let is_carried = |entry: &&Entry| carried.contains(&entry.record.number());
    let opened = TransactionNumber(0);
    let mut carried = given_up
        .iter()
        .filter(|entry| entry.record.number() != opened)
        .filter(is_carried)
        .map(|entry| store::Piece::Carried((entry.wall, entry.record)));
    carried.all(|piece| replaying.apply_piece(piece).is_ok())
        && replaying.apply_piece(store::Piece::Base(last, 0)).is_ok()
}

/// A refund that was declined at once is remembered for its own sake, without its payment: where
/// that was, and what had been given back of it then, is told by the archive alone.
fn leave_out_root(told: &mut String) {
    if told.contains("class: Refund") && told.contains("phase: Declined") {
        let fields = told.split(", ").filter(|field| {
            let left_out = ["root: ", "refunded_minor: "];
            !left_out.iter().any(|name| field.starts_with(name))
        });
        *told = fields.collect::<Vec<_>>().join(", ");
    }
}

//! Late approvals: what reaches a shard after it has said 68 must be put on record.
//!
//! Checked with one shard only: between several, the answer is still on its way to its owner.

use crate::model::keys::{BusinessKey, Class};
use crate::model::message::Message;
use crate::model::outcome::ResponseCode;
use crate::sim::checker::rules::Rule;
use crate::sim::plant::Plant;
use crate::sim::world::World;
use crate::wire::Dialect;
use crate::wire::frame::Split;

/// An approval that has come too late, and over which link.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Late {
    key: BusinessKey,
    link: usize,
}

impl World {
    /// Looks at bytes on their way into a node. `true`: a planted bug takes them away.
    pub(in crate::sim) fn look_for_late(&mut self, link: usize, bytes: &[u8]) -> bool {
        if self.plan.shards != 1 {
            return false;
        }
        let today = self.clocks().wall.date();
        let place = &mut self.links[link];
        let (node, player) = (place.node, place.player);
        let (framing, dialect) = (self.plan.framings[player], Dialect::plain(place.protocol));
        let whole = place.received.is_empty();
        place.received.extend_from_slice(bytes);
        let mut received = core::mem::take(&mut place.received);
        let (mut at, mut found) = (0, Vec::new());
        while let Split::Frame { body, total, .. } = framing.split(&received[at..], 8_192) {
            let body = at + body.start..at + body.end;
            if let Ok(Message::PaymentResult(result)) = dialect.decode(&received[body], today)
                && result.response_code == ResponseCode::APPROVED
            {
                let class = Class::Payment;
                let (key, match_key) = (result.key, result.header.match_key);
                found.push((BusinessKey { key, class }, match_key));
            }
            at += total;
        }
        received.drain(..at);
        let whole = whole && received.is_empty() && found.len() == 1;
        self.links[link].received = received;
        let place = &self.nodes[node];
        let is_late = |key: &BusinessKey, match_key| {
            let page = place.shadow.written(key);
            let ours = page
                .forwards
                .iter()
                .any(|(_, drawn, _)| *drawn == match_key);
            let open = page.unknown && page.late == 0 && !page.is_reversed();
            ours && open && place.begun.contains_key(&key.key)
        };
        found.retain(|(key, match_key)| is_late(key, *match_key));
        if whole && !found.is_empty() && self.plant == Some(Plant::DiscardsLate) {
            self.planted += 1;
            self.expect_late(node, link, &found);
            self.wake(node, 5_000);
            return true;
        }
        self.expect_late(node, link, &found);
        false
    }

    fn expect_late(
        &mut self,
        node: usize,
        link: usize,
        found: &[(BusinessKey, crate::model::ids::MatchKey)],
    ) {
        let late = found.iter().map(|(key, _)| Late { key: *key, link });
        self.nodes[node].late.extend(late);
    }

    /// After a turn that has found everything: is what came late on record?
    pub(in crate::sim) fn check_late(&mut self, node: usize) {
        let at = self.now;
        for Late { key, link } in core::mem::take(&mut self.nodes[node].late) {
            if self.links[link].closing {
                continue;
            }
            let page = self.nodes[node].shadow.written(&key);
            let noted = page.late > 0 || page.is_reversed() || !page.answers.is_empty();
            self.verdicts.check(Rule::NoLateApproval, at, noted, || {
                format!(
                    "{}: an approval came after 68, and is not on record",
                    key.key
                )
            });
        }
    }
}

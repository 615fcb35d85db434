//! The merchant's side gives back: whole, in parts that race each other, or more than was paid.

use crate::model::chars::Chars;
use crate::model::keys::Key;
use crate::model::message::{Amounts, Header, RefundRequest};
use crate::model::outcome::{Presentation, Reason};
use crate::model::participant::Role;
use crate::model::time::LocalTime;
use crate::sim::faults::Fault;
use crate::sim::player::words::money;
use crate::sim::player::{Asked, Duty, Player, Stage};

impl Player {
    /// What is to be given back of a payment of `minor`, and when it is asked for.
    pub(super) fn plan_refunds(&self, root: Key, minor: i64, stage: &mut Stage<'_>) {
        if self.known.role != Role::Acquirer || !stage.chance.strikes(Fault::Refunds) {
            return;
        }
        let most = if stage.chance.strikes(Fault::RefundsEarly) {
            40
        } else {
            5_000
        };
        let begin = stage.chance.draw.below(most);
        let spread = stage.chance.draw.pick(&[1, 30, 2_500]);
        let later = |minor: i64, stage: &mut Stage<'_>| {
            let delay = begin + stage.chance.draw.below(spread);
            stage.later(delay, Duty::Refund(root, minor));
        };
        let parts = if stage.chance.strikes(Fault::RefundsInParts) {
            stage.chance.draw.between(2, 4)
        } else {
            1
        };
        let mut left = minor;
        for part in 1..=parts {
            let most = u64::try_from(left).expect("positive");
            let taken = if part == parts {
                left
            } else {
                i64::try_from(stage.chance.draw.below(most)).expect("small")
            };
            left -= taken;
            if taken > 0 {
                later(taken, stage);
            }
        }
        if stage.chance.strikes(Fault::RefundsTooMuch) {
            let most = u64::try_from(minor).expect("positive");
            let more = stage.chance.draw.between(1, most + most / 4);
            later(i64::try_from(more).expect("small"), stage);
        }
    }

    /// Begins a refund.
    pub(super) fn refund(&mut self, root: Key, minor: i64, stage: &mut Stage<'_>) {
        let destination = match self.asked.get(&root) {
            Some(payment) => payment.destination,
            None => {
                let mut known = stage.plan.participants.iter();
                let payer = known.position(|other| other.speaks_for(root.originator));
                payer.expect("whoever asked for the payment is known")
            }
        };
        if stage.chance.strikes(Fault::ReusesRefundKey) {
            self.reuse_key(root, minor, destination, stage);
        }
        let key = self.new_key(stage.wall.date(), false);
        let asked = Asked {
            roots: vec![root],
            ..Asked::new(minor, destination, false)
        };
        self.asked.insert(key, asked);
        self.begin(key, stage);
    }

    /// Asks for it under a key that another payment's refund has: the one or the other is refused.
    fn reuse_key(&mut self, root: Key, minor: i64, destination: usize, stage: &mut Stage<'_>) {
        let is_other = |asked: &Asked| {
            let once = asked.bodies.len() == 1 && asked.destination == destination;
            once && asked.roots.first().is_some_and(|other| *other != root)
        };
        let mut others = self.asked.iter_mut().filter(|(_, asked)| is_other(asked));
        let Some((key, asked)) = others.next_back() else {
            return;
        };
        asked.bodies.push(minor);
        asked.roots.push(root);
        let delay = stage.chance.draw.pick(&[1, 50, 3_000]);
        let delay = stage.chance.draw.below(delay);
        stage.later(delay, Duty::Ask(*key, 1));
    }

    pub(super) fn refund_request(
        &self,
        header: Header,
        (key, minor): (Key, i64),
        root: Key,
    ) -> RefundRequest<'static> {
        let presentation = if self.known.speaks_for(root.originator) {
            Presentation::Cpm
        } else {
            Presentation::Mpm
        };
        RefundRequest {
            header,
            key,
            local_time: LocalTime::from_hhmmss(93_015),
            root,
            destination: None,
            forwarder: None,
            presentation: Some(presentation),
            amounts: Amounts {
                amount: money(minor, 156),
                billing: None,
                settlement: None,
                billing_rate: None,
                settlement_rate: None,
            },
            mcc: Some(5_411),
            country: Some(156),
            terminal: Chars::padded(b"T0000042"),
            merchant_id: Chars::padded(b"M12345678901"),
            reason: Some(Reason::Customer),
            mac: b"",
        }
    }
}

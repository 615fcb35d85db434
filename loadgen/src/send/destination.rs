//! The destination's side: keeps the book, answers, gives back, and is silent where the script
//! says.

use cpg_switch::model::ids::MatchKey;
use cpg_switch::model::message::{
    Header, Message, PaymentRequest, PaymentResult, Reversal, ReversalResult, StatusInquiry,
    StatusResult,
};
use cpg_switch::model::outcome::{Outcome, ResponseCode, State};

use crate::cast::Cast;
use crate::judge::books::Balance;
use crate::judge::destinations::Reply;
use crate::send::delays::{Giving, Held};
use crate::send::floor::{Floor, HeldBack};
use crate::send::link::LinkState;
use crate::send::messages;

impl Floor<'_> {
    /// A payment to decide.
    pub(super) fn on_payment(&mut self, place: usize, player: u8, request: &PaymentRequest<'_>) {
        let Some(number) = self.cast.number(&request.key) else {
            self.tally.foreign += 1;
            let result = messages::payment_result(request, None);
            return self.put_result(place, result);
        };
        let script = self.mix.script(number);
        let conduct = self.conduct(player);
        let fate = conduct.fate(script.fate);
        let (reply, fault) =
            self.judge
                .destinations
                .request(self.cast, player, number, fate, script.lane, request);
        if let Some(fault) = fault {
            self.fault(player, fault);
        }
        if let Some(order) = script.order.filter(|_| self.is_scanned(&script))
            && let Some(fault) = self.judge.destinations.pay_order(number, order)
        {
            self.fault(player, fault);
        }
        let approved = Some(Cast::approval(number));
        let held = |approval| Held {
            link: place,
            giving: conduct.giving(fate),
            result: messages::payment_result(request, approval),
        };
        match reply {
            Reply::Approve => self.give(player, number, held(approved)),
            Reply::Decline => self.give(player, number, held(None)),
            Reply::Nothing => {}
            Reply::Later => {
                let result = messages::payment_result(request, approved);
                self.late.insert(
                    number,
                    HeldBack {
                        link: place,
                        result,
                    },
                );
            }
        }
    }

    /// Gives an answer, at once or after the destination's own time.
    fn give(&mut self, player: u8, number: u64, held: Held) {
        let thinking_ns = self.thinking_ns(player, number);
        if thinking_ns == 0 {
            return self.put_held(&held);
        }
        let due_ns = self.now.monotonic.0 + thinking_ns;
        if !self.delays.hold(due_ns, &held) {
            self.tally.course.answers_hurried += 1;
            self.put_held(&held);
        }
    }

    /// Gives every answer whose time has come.
    pub(super) fn give_due(&mut self) {
        while let Some(held) = self.delays.due(self.now.monotonic.0) {
            self.put_held(&held);
        }
    }

    fn put_held(&mut self, held: &Held) {
        if self.links[held.link].state == LinkState::Gone {
            self.tally.course.answers_lost += 1;
            return;
        }
        match held.giving {
            Giving::Once => self.put_result(held.link, held.result),
            Giving::Twice => {
                self.put_result(held.link, held.result);
                self.put_result(held.link, held.result);
            }
            Giving::Garbled => {
                let header = self.answering(held.result.header.match_key);
                let result = PaymentResult {
                    header,
                    ..held.result
                };
                self.put_part(held.link, &Message::PaymentResult(result), GARBLED);
            }
        }
    }

    /// A reversal: whatever it was, it is given back.
    pub(super) fn on_reversal(
        &mut self,
        place: usize,
        player: u8,
        reversal: &Reversal<'_>,
        advice: bool,
    ) {
        self.tally.reversals_seen += 1;
        let mut outcome = Outcome::Reversed;
        match self.cast.number(&reversal.target.key) {
            None => self.tally.foreign += 1,
            Some(number) => {
                self.send_late_approval(number);
                let lane = self.mix.script(number).lane;
                let (ended, fault) = self
                    .judge
                    .destinations
                    .reversal(self.cast, player, number, lane, reversal);
                outcome = ended;
                if let Some(fault) = fault {
                    self.fault(player, fault);
                }
            }
        }
        let result = ReversalResult {
            header: self.answering(reversal.header.match_key),
            target: reversal.target,
            response_code: ResponseCode::APPROVED,
            outcome: Some(outcome),
            amount: Some(reversal.amount),
            mac: b"",
        };
        let message = if advice {
            Message::ReversalAdviceAck(result)
        } else {
            Message::ReversalResult(result)
        };
        self.put(place, &message);
    }

    /// How does a payment stand here?
    pub(super) fn on_inquiry(&mut self, place: usize, player: u8, inquiry: &StatusInquiry<'_>) {
        let number = self.cast.number(&inquiry.target.key);
        let page = number.map(|number| self.judge.destinations.page(number));
        let outcome =
            page.filter(|page| page.player == player)
                .and_then(|page| match page.balance {
                    Balance::Untouched => None,
                    Balance::Debited => Some(Outcome::Approved),
                    Balance::Declined => Some(Outcome::Declined),
                    Balance::Released | Balance::Barred => Some(Outcome::Reversed),
                });
        let response_code = if outcome.is_some() {
            ResponseCode::APPROVED
        } else {
            ResponseCode::NOT_FOUND
        };
        let result = StatusResult {
            header: self.answering(inquiry.header.match_key),
            target: inquiry.target,
            response_code,
            state: outcome.map(|_| State::Answered),
            outcome,
            approval_code: number
                .filter(|_| outcome == Some(Outcome::Approved))
                .map(Cast::approval),
            amount: None,
            billing: None,
            settlement: None,
            refunded_so_far: None,
            text: b"",
            mac: b"",
        };
        self.put(place, &Message::StatusResult(result));
    }

    /// An approval that the script held back until the reversal came: it must change nothing.
    fn send_late_approval(&mut self, number: u64) {
        if let Some(late) = self.late.remove(&number)
            && self.links[late.link].state == LinkState::SignedOn
        {
            self.put_result(late.link, late.result);
        }
    }

    fn put_result(&mut self, place: usize, result: PaymentResult<'_>) {
        let header = self.answering(result.header.match_key);
        self.put(
            place,
            &Message::PaymentResult(PaymentResult { header, ..result }),
        );
    }

    const fn answering(&self, match_key: MatchKey) -> Header {
        messages::answering(match_key, self.now.wall)
    }
}

/// Of a garbled answer, so much is left.
const GARBLED: (usize, usize) = (3, 5);

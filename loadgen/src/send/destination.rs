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
        let (reply, fault) = self.judge.destinations.request(
            self.cast,
            player,
            number,
            script.fate,
            script.lane,
            request,
        );
        if let Some(fault) = fault {
            self.fault(player, fault);
        }
        let approved = Some(Cast::approval(number));
        match reply {
            Reply::Approve => self.put_result(place, messages::payment_result(request, approved)),
            Reply::Decline => self.put_result(place, messages::payment_result(request, None)),
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

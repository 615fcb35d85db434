//! What a participant does as a destination: it decides, books, answers, or fails to; it gives back
//! what is reversed, and sometimes takes back by itself.

use crate::model::chars::Chars;
use crate::model::keys::{Class, Key};
use crate::model::message::{
    Amounts, Echoed, Header, Kind, Message, PaymentRequest, PaymentResult, RefundRequest,
    RefundResult, Reject, Reversal, ReversalResult, StatusInquiry, StatusResult,
};
use crate::model::outcome::{Outcome, ResponseCode, State};
use crate::model::participant::Protocol;
use crate::sim::checker::rules::Rule;
use crate::sim::faults::Fault;
use crate::sim::player::books::{Advising, target};
use crate::sim::player::words::spoil;
use crate::sim::player::{Balance, Deed, Duty, Player, Seen, Stage, Subject};

pub(super) const FUNDS: ResponseCode = ResponseCode(*b"51");

/// A request for money: a payment, or a refund.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    header: Header,
    key: Key,
    /// Of a refund: its payment.
    root: Option<Key>,
    amounts: Amounts,
    echoed: Echoed,
}

impl From<&PaymentRequest<'_>> for Wanted {
    fn from(request: &PaymentRequest<'_>) -> Self {
        Self {
            header: request.header,
            key: request.key,
            root: None,
            amounts: request.amounts,
            echoed: Echoed {
                local_time: request.local_time,
                presentation: Some(request.presentation),
                mcc: request.mcc,
                terminal: request.terminal,
                merchant_id: request.merchant_id,
            },
        }
    }
}

impl From<&RefundRequest<'_>> for Wanted {
    fn from(request: &RefundRequest<'_>) -> Self {
        Self {
            header: request.header,
            key: request.key,
            root: Some(request.root),
            amounts: request.amounts,
            echoed: Echoed {
                local_time: request.local_time,
                presentation: request.presentation,
                mcc: request.mcc,
                terminal: request.terminal,
                merchant_id: request.merchant_id,
            },
        }
    }
}

impl Player {
    /// A request: decided once, and booked before it is answered.
    pub(super) fn on_request(&mut self, lane: usize, request: &Wanted, stage: &mut Stage<'_>) {
        let (key, match_key) = (request.key, request.header.match_key);
        let kind = request
            .root
            .map_or(Kind::PaymentRequest, |_| Kind::RefundRequest);
        self.serve(kind, match_key, key, stage);
        let before = self.seen.get(&key).map_or(0, |seen| seen.requests);
        stage.check(Rule::NoDoubleDebit, before == 0, || {
            format!("{key} was asked for once more")
        });
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.requests += 1;
            seen.amounts = request.amounts;
            seen.match_key = match_key;
            return self.answer(lane, request, ResponseCode::INVALID_TRANSACTION, stage);
        }
        let approves = stage.chance.draw.chance(850);
        let rejects = stage.chance.strikes(Fault::RejectsRequest);
        let balance = if approves && !rejects {
            Balance::Debited
        } else {
            Balance::Declined
        };
        let seen = Seen {
            requests: 1,
            match_key,
            balance,
            ..Seen::barred(request.root, request.amounts)
        };
        self.seen.insert(key, seen);
        if rejects {
            return self.reject(lane, request, stage);
        }
        let code = if approves {
            ResponseCode::APPROVED
        } else {
            FUNDS
        };
        self.answer(lane, request, code, stage);
        // Some take back even what they have declined.
        if stage.chance.strikes(Fault::TakesBack) && (approves || stage.chance.draw.chance(300)) {
            let delay = stage.chance.draw.below(3_000);
            stage.later(delay, Duty::TakeBack(key));
        }
        if request.root.is_none() {
            self.plan_refunds(key, request.amounts.amount.minor, stage);
        }
    }

    fn reject(&self, lane: usize, request: &Wanted, stage: &mut Stage<'_>) {
        let regarding = match (self.known.protocol, request.root) {
            (Protocol::Sbe, None) => Kind::PaymentRequest.template_id(),
            (Protocol::Sbe, Some(_)) => Kind::RefundRequest.template_id(),
            (Protocol::Iso8583Ascii | Protocol::Iso8583Binary, _) => 200,
        };
        self.reject_as(lane, request.header, regarding, stage);
    }

    fn reject_as(&self, lane: usize, header: Header, regarding: u16, stage: &mut Stage<'_>) {
        let reject = Reject {
            header,
            regarding,
            response_code: ResponseCode::FORMAT,
            reason: 10,
            field_id: 4,
            offset: 1,
            text: b"",
            mac: b"",
        };
        self.say(lane, &Message::Reject(reject), stage);
    }

    /// Answers, in one of many ways.
    fn answer(&mut self, lane: usize, request: &Wanted, code: ResponseCode, stage: &mut Stage<'_>) {
        let Some(link) = self.lanes[lane].link else {
            return;
        };
        if stage.chance.strikes(Fault::Silent) {
            return;
        }
        if stage.chance.strikes(Fault::Pending) {
            return self.answer_pending(lane, request, stage);
        }
        let coded = code == ResponseCode::APPROVED && !stage.chance.strikes(Fault::NoApprovalCode);
        let mut result = Reply::of(request, code, coded);
        let mut delay = stage.chance.draw.between(0, 40);
        if stage.chance.strikes(Fault::LateAnswer) {
            delay = stage.chance.draw.between(100, 4_000);
        }
        if stage.chance.strikes(Fault::Interim) {
            let codes = [ResponseCode::PENDING, ResponseCode::NO_ANSWER];
            let interim = Reply::of(request, stage.chance.draw.pick(&codes), false);
            self.say(lane, &interim.message(), stage);
        }
        if code == ResponseCode::APPROVED && stage.chance.strikes(Fault::AnswersReversed) {
            // Taken, and given back at once: whoever asks hears no other end of it.
            let seen = self.seen.get_mut(&request.key).expect("booked");
            seen.balance = Balance::Released;
            result = Reply {
                outcome: Some(Outcome::Reversed),
                ..Reply::of(request, ResponseCode::NO_ANSWER, false)
            };
        }
        if stage.chance.strikes(Fault::LiesAboutAmount) {
            result.amounts.amount.minor += 1;
        }
        if stage.chance.strikes(Fault::WrongKey) {
            let date = result.key.local_date;
            result.key.reference = self.new_key(date, false).reference;
        }
        let mut frame = self.frame(&result.message());
        if stage.chance.strikes(Fault::MalformedAnswer) {
            spoil(&mut frame, result.key.reference.bytes());
        }
        if stage.chance.strikes(Fault::Garbage) {
            let mut junk = frame.clone();
            let from = stage.chance.draw.index(junk.len() / 2);
            junk[from..].fill(0xff);
            stage.deeds.push(Deed::Say { lane, frame: junk });
        }
        if stage.chance.strikes(Fault::HangsUp) {
            stage.deeds.push(Deed::HangUp { lane });
        }
        let elsewhere = stage.chance.strikes(Fault::OtherLink);
        let link = if elsewhere { usize::MAX } else { link };
        if stage.chance.strikes(Fault::AnswersTwice) {
            let again = delay + stage.chance.draw.between(0, 2_000);
            stage.later(again, Duty::Say(link, frame.clone()));
        }
        stage.later(delay, Duty::Say(link, frame));
        if stage.chance.strikes(Fault::Contradicts) {
            let later = delay + stage.chance.draw.between(0, 2_000);
            stage.later(later, Duty::Contradict(request.key));
        }
    }

    /// 09: how it ends is told later, perhaps much later.
    fn answer_pending(&mut self, lane: usize, request: &Wanted, stage: &mut Stage<'_>) {
        let pending = Reply::of(request, ResponseCode::PENDING, false);
        self.say(lane, &pending.message(), stage);
        if stage.chance.strikes(Fault::AnswersTwice) {
            self.say(lane, &pending.message(), stage);
        }
        let seen = self.seen.get_mut(&request.key).expect("booked");
        seen.advising = Advising::Due;
        if !stage.chance.strikes(Fault::SilentAfterPending) {
            let delay = stage.chance.draw.between(5, 5_000);
            stage.later(delay, Duty::Advise(request.key));
        }
    }

    /// A reversal of the switch: given back, whatever it was; remembered where it came first.
    pub(super) fn on_reversal(
        &mut self,
        lane: usize,
        reversal: &Reversal<'_>,
        advice: bool,
        stage: &mut Stage<'_>,
    ) {
        let (key, match_key) = (reversal.target.key, reversal.header.match_key);
        let kind = if advice {
            Kind::ReversalAdvice
        } else {
            Kind::ReversalRequest
        };
        self.serve(kind, match_key, key, stage);
        let minor = reversal.amount.minor;
        if let Some(seen) = self.seen.get(&key).filter(|seen| seen.requests > 0) {
            let asked = seen.amounts.amount.minor;
            stage.check(Rule::Amounts, asked == minor, || {
                format!("{key}: asked for {asked}, reversed {minor}")
            });
        }
        if stage.chance.strikes(Fault::SilentOnReversal) {
            return;
        }
        if !advice && stage.chance.strikes(Fault::RefusesReversal) {
            return self.answer_reversal(lane, reversal, advice, FUNDS, stage);
        }
        if advice && stage.chance.strikes(Fault::RefusesAdvice) {
            let code = ResponseCode::MALFUNCTION;
            return self.answer_reversal(lane, reversal, advice, code, stage);
        }
        let unknown = !self.seen.contains_key(&key);
        let root = (reversal.target.class == Class::Refund).then_some(reversal.root);
        let amounts = Amounts {
            amount: reversal.amount,
            billing: None,
            settlement: None,
            billing_rate: None,
            settlement_rate: None,
        };
        let seen = self.seen.entry(key).or_insert(Seen::barred(root, amounts));
        seen.reversals += 1;
        if seen.balance == Balance::Debited {
            seen.balance = Balance::Released;
        }
        let code = if unknown && stage.chance.draw.chance(500) {
            ResponseCode::NOT_FOUND
        } else {
            ResponseCode::APPROVED
        };
        self.answer_reversal(lane, reversal, advice, code, stage);
    }

    fn answer_reversal(
        &self,
        lane: usize,
        reversal: &Reversal<'_>,
        advice: bool,
        code: ResponseCode,
        stage: &mut Stage<'_>,
    ) {
        let result = ReversalResult {
            header: reversal.header,
            target: reversal.target,
            response_code: code,
            outcome: None,
            amount: Some(reversal.amount),
            mac: b"",
        };
        let message = if advice {
            Message::ReversalAdviceAck(result)
        } else {
            Message::ReversalResult(result)
        };
        if stage.chance.strikes(Fault::LateReversalAnswer)
            && let Some(link) = self.lanes[lane].link
        {
            let delay = stage.chance.draw.between(50, 3_000);
            let frame = self.frame(&message);
            return stage.later(delay, Duty::Say(link, frame));
        }
        self.say(lane, &message, stage);
    }

    /// The switch asks how a payment or a refund is.
    pub(super) fn on_inquiry(
        &self,
        lane: usize,
        inquiry: &StatusInquiry<'_>,
        stage: &mut Stage<'_>,
    ) {
        if stage.chance.strikes(Fault::SilentOnInquiry) {
            return;
        }
        if stage.chance.strikes(Fault::RejectsInquiry) {
            let regarding = match self.known.protocol {
                Protocol::Sbe => Kind::StatusInquiry.template_id(),
                Protocol::Iso8583Ascii | Protocol::Iso8583Binary => 100,
            };
            return self.reject_as(lane, inquiry.header, regarding, stage);
        }
        let seen = self.seen.get(&inquiry.target.key);
        let open = stage.chance.strikes(Fault::OpenOnInquiry);
        let told = seen.filter(|seen| !open && self.is_decided(seen, stage));
        let state = match (seen, told) {
            (None, _) => None,
            (Some(_), None) => Some(State::Pending),
            (Some(_), Some(_)) => Some(State::Answered),
        };
        let code = if seen.is_some() {
            ResponseCode::APPROVED
        } else {
            ResponseCode::NOT_FOUND
        };
        let mut amount = seen.map(|seen| seen.amounts.amount);
        if let Some(amount) = &mut amount
            && stage.chance.strikes(Fault::LiesOnInquiry)
        {
            amount.minor += 1;
        }
        let result = StatusResult {
            header: Header {
                match_key: inquiry.header.match_key,
                transmit_time: stage.wall,
            },
            target: inquiry.target,
            response_code: code,
            state,
            outcome: told.map(Seen::outcome),
            approval_code: None,
            amount,
            billing: None,
            settlement: None,
            refunded_so_far: None,
            text: b"",
            mac: b"",
        };
        self.say(lane, &Message::StatusResult(result), stage);
    }

    /// What is pending is told once all is well.
    fn is_decided(&self, seen: &Seen, stage: &Stage<'_>) -> bool {
        seen.advising != Advising::Due || stage.chance.is_healed()
    }

    /// Takes a payment back by itself, or says so again.
    pub(super) fn take_back(&mut self, key: Key, stage: &mut Stage<'_>) {
        let header = self.header(stage);
        let lane = self.pick_lane(stage);
        let Some(seen) = self.seen.get_mut(&key) else {
            return;
        };
        let repeat = seen.taken_back.is_some();
        if seen.balance == Balance::Debited {
            seen.balance = Balance::Released;
        } else if !repeat && seen.balance != Balance::Declined {
            return;
        }
        seen.taken_back.get_or_insert(false);
        let minor = seen.amounts.amount.minor;
        let target = target(key, seen.root);
        if let Some(lane) = lane {
            self.note(header.match_key, key, Subject::TakeBack);
            let message = Self::reversal(header, target, minor, (true, repeat));
            self.say(lane, &message, stage);
        }
    }

    /// What was taken back, and what was pending, is said again until it is acknowledged.
    pub(super) fn settle_destination(&mut self, round: u64, stage: &mut Stage<'_>) {
        let owing = self.seen.iter().filter(|(_, seen)| seen.owes());
        let keys: Vec<(Key, bool)> = owing
            .map(|(key, seen)| (*key, seen.taken_back == Some(false)))
            .collect();
        for (key, taken_back) in keys {
            if taken_back {
                self.take_back(key, stage);
            } else if round.is_multiple_of(4) {
                self.advise(key, stage);
            }
        }
    }
}

/// What a request is answered.
#[derive(Clone, Copy, Debug)]
struct Reply {
    wanted: Wanted,
    key: Key,
    code: ResponseCode,
    outcome: Option<Outcome>,
    coded: bool,
    amounts: Amounts,
}

impl Reply {
    fn of(request: &Wanted, code: ResponseCode, coded: bool) -> Self {
        Self {
            wanted: *request,
            key: request.key,
            code,
            outcome: None,
            coded,
            amounts: request.amounts,
        }
    }

    fn message(&self) -> Message<'static> {
        let Wanted {
            header,
            echoed,
            root,
            ..
        } = self.wanted;
        if root.is_some() {
            return Message::RefundResult(RefundResult {
                header,
                key: self.key,
                response_code: self.code,
                outcome: self.outcome,
                amounts: self.amounts,
                settlement_date: None,
                refunded_so_far: None,
                echoed,
                text: b"",
                mac: b"",
            });
        }
        Message::PaymentResult(PaymentResult {
            header,
            key: self.key,
            response_code: self.code,
            outcome: self.outcome,
            approval_code: self.coded.then(|| Chars::padded(b"A1B2C3")).flatten(),
            amounts: self.amounts,
            settlement_date: None,
            echoed,
            text: b"",
            mac: b"",
        })
    }
}

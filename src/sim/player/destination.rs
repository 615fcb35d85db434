//! What a participant does as a destination: it decides, books, answers, or fails to; it gives back
//! what is reversed, and sometimes takes back by itself.

use crate::model::chars::Chars;
use crate::model::ids::MatchKey;
use crate::model::keys::Key;
use crate::model::message::{
    Echoed, Header, Kind, Message, PaymentRequest, PaymentResult, Reject, Reversal, ReversalResult,
    StatusInquiry, StatusResult,
};
use crate::model::outcome::{Outcome, ResponseCode, State};
use crate::model::participant::Protocol;
use crate::sim::checker::rules::Rule;
use crate::sim::faults::Fault;
use crate::sim::player::words::spoil;
use crate::sim::player::{Balance, Deed, Duty, Player, Seen, Stage, Subject};

const FUNDS: ResponseCode = ResponseCode(*b"51");

impl Player {
    /// A payment request: decided once, and booked before it is answered.
    pub(super) fn on_request(
        &mut self,
        lane: usize,
        request: &PaymentRequest<'_>,
        stage: &mut Stage<'_>,
    ) {
        let (key, match_key) = (request.key, request.header.match_key);
        self.serve(Kind::PaymentRequest, match_key, key, stage);
        let minor = request.amounts.amount.minor;
        let before = self.seen.get(&key).map_or(0, |seen| seen.requests);
        stage.check(Rule::NoDoubleDebit, before == 0, || {
            format!("{key} was asked for once more")
        });
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.requests += 1;
            seen.minor = minor;
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
            minor,
            requests: 1,
            match_key,
            balance,
            reversals: 0,
            taken_back: None,
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
        if approves && stage.chance.strikes(Fault::TakesBack) {
            let delay = stage.chance.draw.below(3_000);
            stage.later(delay, Duty::TakeBack(key));
        }
    }

    fn reject(&self, lane: usize, request: &PaymentRequest<'_>, stage: &mut Stage<'_>) {
        let regarding = match self.known.protocol {
            Protocol::Sbe => Kind::PaymentRequest.template_id(),
            Protocol::Iso8583Ascii | Protocol::Iso8583Binary => 200,
        };
        let reject = Reject {
            header: request.header,
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
    fn answer(
        &mut self,
        lane: usize,
        request: &PaymentRequest<'_>,
        code: ResponseCode,
        stage: &mut Stage<'_>,
    ) {
        let Some(link) = self.lanes[lane].link else {
            return;
        };
        if stage.chance.strikes(Fault::Silent) {
            return;
        }
        let coded = code == ResponseCode::APPROVED && !stage.chance.strikes(Fault::NoApprovalCode);
        let mut result = result_of(request, code, coded);
        let mut delay = stage.chance.draw.between(0, 40);
        if stage.chance.strikes(Fault::LateAnswer) {
            delay = stage.chance.draw.between(100, 4_000);
        }
        if stage.chance.strikes(Fault::Interim) {
            let codes = [ResponseCode::PENDING, ResponseCode::NO_ANSWER];
            let interim = result_of(request, stage.chance.draw.pick(&codes), false);
            self.say(lane, &Message::PaymentResult(interim), stage);
        }
        if stage.chance.strikes(Fault::LiesAboutAmount) {
            result.amounts.amount.minor += 1;
        }
        if stage.chance.strikes(Fault::WrongKey) {
            let date = result.key.local_date;
            result.key.reference = self.new_key(date, false).reference;
        }
        let mut frame = self.frame(&Message::PaymentResult(result));
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
            stage.check(Rule::Amounts, seen.minor == minor, || {
                format!("{key}: asked for {}, reversed {minor}", seen.minor)
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
        let seen = self.seen.entry(key).or_insert(Seen {
            minor,
            requests: 0,
            match_key: MatchKey(0),
            balance: Balance::Barred,
            reversals: 0,
            taken_back: None,
        });
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

    /// The switch asks how a payment is.
    pub(super) fn on_inquiry(
        &self,
        lane: usize,
        inquiry: &StatusInquiry<'_>,
        stage: &mut Stage<'_>,
    ) {
        let seen = self.seen.get(&inquiry.target.key);
        let outcome = seen.map(|seen| match seen.balance {
            Balance::Debited => Outcome::Approved,
            Balance::Declined | Balance::Barred => Outcome::Declined,
            Balance::Released => Outcome::Reversed,
        });
        let code = if seen.is_some() {
            ResponseCode::APPROVED
        } else {
            ResponseCode::NOT_FOUND
        };
        let result = StatusResult {
            header: Header {
                match_key: inquiry.header.match_key,
                transmit_time: stage.wall,
            },
            target: inquiry.target,
            response_code: code,
            state: seen.map(|_| State::Answered),
            outcome,
            approval_code: None,
            amount: None,
            billing: None,
            settlement: None,
            refunded_so_far: None,
            text: b"",
            mac: b"",
        };
        self.say(lane, &Message::StatusResult(result), stage);
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
        } else if !repeat {
            return;
        }
        seen.taken_back.get_or_insert(false);
        let minor = seen.minor;
        if let Some(lane) = lane {
            self.note(header.match_key, key, Subject::TakeBack);
            let message = Self::reversal(header, (key, minor), true, repeat);
            self.say(lane, &message, stage);
        }
    }

    /// What was taken back is said again until it is acknowledged.
    pub(super) fn settle_destination(&mut self, stage: &mut Stage<'_>) {
        let owed = |seen: &Seen| seen.taken_back == Some(false);
        let keys: Vec<Key> = self
            .seen
            .iter()
            .filter(|(_, seen)| owed(seen))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.take_back(key, stage);
        }
    }
}

fn result_of(
    request: &PaymentRequest<'_>,
    code: ResponseCode,
    coded: bool,
) -> PaymentResult<'static> {
    PaymentResult {
        header: request.header,
        key: request.key,
        response_code: code,
        outcome: None,
        approval_code: coded.then(|| Chars::padded(b"A1B2C3")).flatten(),
        amounts: request.amounts,
        settlement_date: None,
        echoed: Echoed {
            local_time: request.local_time,
            presentation: Some(request.presentation),
            mcc: request.mcc,
            terminal: request.terminal,
            merchant_id: request.merchant_id,
        },
        text: b"",
        mac: b"",
    }
}

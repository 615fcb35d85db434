//! What a destination tells by advices: how it ended what it had answered with 09, and, where it
//! contradicts itself, something else than it had answered.

use crate::model::chars::Chars;
use crate::model::keys::Key;
use crate::model::message::{Message, PaymentAdvice, PaymentAdviceAck};
use crate::model::outcome::{Outcome, ResponseCode};
use crate::sim::checker::rules::Rule;
use crate::sim::faults::Fault;
use crate::sim::player::books::{Advising, target};
use crate::sim::player::destination::FUNDS;
use crate::sim::player::{Duty, Player, Stage, Subject};

impl Player {
    /// Tells how it ended, and does so again until that is acknowledged.
    pub(super) fn advise(&mut self, key: Key, stage: &mut Stage<'_>) {
        let Some(seen) = self.seen.get(&key) else {
            return;
        };
        if seen.advising != Advising::Due {
            return;
        }
        if !stage.chance.is_healed() {
            let again = stage.chance.draw.between(200, 1_500);
            stage.later(again, Duty::Advise(key));
        }
        self.say_advice(key, seen.outcome(), stage);
    }

    /// Says what is not so.
    pub(super) fn contradict(&mut self, key: Key, stage: &mut Stage<'_>) {
        let Some(seen) = self.seen.get_mut(&key) else {
            return;
        };
        seen.lied = true;
        let others: &[Outcome] = match seen.outcome() {
            Outcome::Approved => &[Outcome::Declined, Outcome::Reversed],
            Outcome::Declined => &[Outcome::Approved, Outcome::Reversed],
            Outcome::Reversed => &[Outcome::Approved, Outcome::Declined],
        };
        let outcome = stage.chance.draw.pick(others);
        self.say_advice(key, outcome, stage);
    }

    fn say_advice(&mut self, key: Key, outcome: Outcome, stage: &mut Stage<'_>) {
        let Some(lane) = self.pick_lane(stage) else {
            return;
        };
        let header = self.header(stage);
        self.note(header.match_key, key, Subject::Advice);
        let seen = &self.seen[&key];
        let (target, root) = target(key, seen.root);
        let mut amounts = seen.amounts;
        if stage.chance.strikes(Fault::LiesAboutAmount) {
            amounts.amount.minor += 1;
        }
        let (response_code, coded) = match outcome {
            Outcome::Approved => (ResponseCode::APPROVED, true),
            Outcome::Declined => (FUNDS, false),
            Outcome::Reversed => (ResponseCode::NO_ANSWER, false),
        };
        let advice = PaymentAdvice {
            header,
            target,
            root,
            repeat: false,
            response_code,
            outcome: Some(outcome),
            approval_code: coded.then(|| Chars::padded(b"A1B2C3")).flatten(),
            amounts,
            settlement_date: None,
            text: b"",
            mac: b"",
        };
        self.say(lane, &Message::PaymentAdvice(advice), stage);
    }

    /// The switch has taken an advice of ours, or not.
    pub(super) fn on_advice_ack(&mut self, ack: &PaymentAdviceAck<'_>, stage: &mut Stage<'_>) {
        let key = ack.target.key;
        let Some(question) = self.answered(ack.header.match_key, Some(&key), stage) else {
            return;
        };
        let right = question.subject == Subject::Advice;
        stage.check(Rule::OwnAnswers, right, || {
            format!("{key}: {:?} answered as an advice", question.subject)
        });
        let code = ack.response_code;
        let strange = [ResponseCode::NOT_FOUND, ResponseCode::NOT_PERMITTED].contains(&code);
        stage.check(Rule::NothingLost, !strange, || {
            format!("{key}: {code} to an advice of what we were asked for")
        });
        let Some(seen) = self.seen.get_mut(&key) else {
            return;
        };
        if code == ResponseCode::APPROVED && seen.advising == Advising::Due {
            seen.advising = Advising::Done;
        }
    }
}

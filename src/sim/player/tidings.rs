//! What a participant makes of what it is told: answers, advices, states, refusals.

use crate::model::keys::Key;
use crate::model::message::{
    Kind, Message, PaymentAdvice, PaymentAdviceAck, Reject, ReversalResult, StatusResult,
};
use crate::model::outcome::{Outcome, ResponseCode, State};
use crate::sim::checker::rules::Rule;
use crate::sim::faults::Fault;
use crate::sim::player::books::{Final, Told};
use crate::sim::player::{Asked, Balance, Player, Stage, Subject, TakenBack};

/// Codes after which nothing is on record.
const UNRECORDED: [ResponseCode; 5] = [
    ResponseCode::SHED,
    ResponseCode::FORMAT,
    ResponseCode::NOT_PERMITTED,
    ResponseCode::NOT_SUPPORTED,
    ResponseCode::BAD_MAC,
];

impl Player {
    pub(super) fn on_result(&mut self, lane: usize, result: &Told<'_>, stage: &mut Stage<'_>) {
        let Some(question) = self.answered(result.match_key, Some(&result.key), stage) else {
            return;
        };
        let Subject::Request(body) = question.subject else {
            let fine = question.subject == Subject::Unreadable;
            return stage.check(Rule::OwnAnswers, fine, || {
                format!("{:?} was answered with a result", question.subject)
            });
        };
        let advised = self.lanes[lane].advised.contains_key(&result.key);
        let Some(asked) = self.asked.get_mut(&result.key) else {
            return;
        };
        let code = result.code;
        // The same code from the destination is final; only what is on record has a date.
        if UNRECORDED.contains(&code) && result.settlement_date.is_none() {
            asked.refused += 1;
            return;
        }
        if code == ResponseCode::CONFLICT {
            let right = asked.accepted != Some(body);
            asked.contradicted = Some(body);
            return stage.check(Rule::Conflicts, right, || {
                format!("{}: the accepted body was refused as another", result.key)
            });
        }
        // Where the reversal came first, every body is barred.
        let barred = code == ResponseCode::INVALID_TRANSACTION;
        if !barred {
            let accepted = *asked.accepted.get_or_insert(body);
            stage.check(Rule::Conflicts, accepted == body, || {
                format!("{}: two bodies were accepted", result.key)
            });
        }
        let interim = [ResponseCode::NO_ANSWER, ResponseCode::PENDING].contains(&code);
        if interim && result.outcome.is_none() {
            stage.check(Rule::Order, !advised, || {
                format!("{}: {code} after its advice, over one link", result.key)
            });
            asked.told_68 = true;
            return;
        }
        check_final(asked, body, result, stage);
    }

    pub(super) fn on_advice(
        &mut self,
        lane: usize,
        advice: &PaymentAdvice<'_>,
        stage: &mut Stage<'_>,
    ) {
        let key = advice.target.key;
        self.serve(Kind::PaymentAdvice, advice.header.match_key, key, stage);
        let known = self.asked.contains_key(&key);
        stage.check(Rule::OwnAnswers, known, || {
            format!("an advice for {key}, which is not ours")
        });
        if let Some(asked) = self.asked.get_mut(&key) {
            let before = self.lanes[lane].advised.insert(key, advice.outcome);
            check_advice(&key, asked, before.flatten(), advice, stage);
        }
        if stage.chance.strikes(Fault::IgnoresAdvice) {
            return;
        }
        let ack = PaymentAdviceAck {
            header: advice.header,
            target: advice.target,
            response_code: ResponseCode::APPROVED,
            text: b"",
            mac: b"",
        };
        self.say(lane, &Message::PaymentAdviceAck(ack), stage);
    }

    pub(super) fn on_reversal_result(
        &mut self,
        result: &ReversalResult<'_>,
        advice: bool,
        stage: &mut Stage<'_>,
    ) {
        let (match_key, key) = (result.header.match_key, result.target.key);
        let Some(question) = self.answered(match_key, Some(&key), stage) else {
            return;
        };
        let code = result.response_code;
        let approved = code == ResponseCode::APPROVED;
        match question.subject {
            Subject::Reversal {
                advice: asked_advice,
                wrong_amount,
            } => {
                stage.check(Rule::OwnAnswers, asked_advice == advice, || {
                    format!("{key}: a reversal request answered as an advice, or the reverse")
                });
                let Some(asked) = self.asked.get_mut(&key).filter(|_| !wrong_amount) else {
                    return;
                };
                let open = [ResponseCode::PENDING, ResponseCode::SHED].contains(&code);
                if approved {
                    asked.barred |= asked.sent == 0;
                    asked.taken_back = TakenBack::Accepted;
                } else if !open
                    && asked.taken_back == TakenBack::Asked
                    && asked.reversal_key == match_key
                {
                    asked.taken_back = TakenBack::Refused;
                }
            }
            Subject::TakeBack => {
                let Some(seen) = self.seen.get_mut(&key) else {
                    return;
                };
                if approved {
                    if seen.balance == Balance::Debited {
                        seen.balance = Balance::Released;
                    }
                    seen.taken_back = Some(true);
                } else if code == ResponseCode::REFUND_TOO_LARGE && seen.taken_back == Some(false) {
                    // Something of it was refunded: it cannot be taken back as a whole.
                    seen.balance = Balance::Debited;
                    seen.taken_back = None;
                }
            }
            Subject::Meddling => {
                stage.check(Rule::OwnAnswers, !approved, || {
                    format!("{key}: a stranger's reversal was accepted")
                });
            }
            Subject::Request(_) | Subject::Inquiry | Subject::Advice | Subject::Unreadable => {
                stage.check(Rule::OwnAnswers, false, || {
                    format!("{key}: {:?} answered as a reversal", question.subject)
                });
            }
        }
    }

    pub(super) fn on_status(&mut self, result: &StatusResult<'_>, stage: &mut Stage<'_>) {
        let (match_key, key) = (result.header.match_key, result.target.key);
        let Some(question) = self.answered(match_key, Some(&key), stage) else {
            return;
        };
        let right = matches!(question.subject, Subject::Inquiry | Subject::Meddling);
        stage.check(Rule::OwnAnswers, right, || {
            format!("{key}: {:?} answered as an inquiry", question.subject)
        });
        let last = self.asked.get(&key).and_then(|asked| asked.last.as_ref());
        let answered = result.state == Some(State::Answered);
        if let (true, Some(outcome), Some(last)) = (answered, result.outcome, last) {
            // What is undone may say so; what was declined or undone never becomes approved.
            let good = outcome == last.outcome || outcome == Outcome::Reversed;
            stage.check(Rule::OneOutcome, good, || {
                format!(
                    "{key}: told {:?}, and its state is {outcome:?}",
                    last.outcome
                )
            });
        }
    }

    pub(super) fn on_reject(&mut self, reject: &Reject<'_>) {
        let found = self.questions.get(&reject.header.match_key);
        let key = found.map(|question| question.key);
        if let Some(asked) = key.and_then(|key| self.asked.get_mut(&key)) {
            asked.refused += 1;
        }
    }
}

/// A final answer: the first, or equal to the first.
fn check_final(asked: &mut Asked, body: usize, result: &Told<'_>, stage: &mut Stage<'_>) {
    let code = result.code;
    let outcome = result.outcome.unwrap_or(if code == ResponseCode::APPROVED {
        Outcome::Approved
    } else {
        Outcome::Declined
    });
    let this = Final::of(result, outcome);
    let amount = result.amounts.amount.minor;
    stage.check(Rule::Amounts, amount == asked.bodies[body], || {
        let sent = asked.bodies[body];
        format!("{}: asked for {sent}, answered {amount}", result.key)
    });
    if let Some(last) = &asked.last {
        let same = (last.code, last.outcome) == (this.code, this.outcome);
        stage.check(Rule::OneOutcome, same, || {
            format!("{}: first {last:?}, then {this:?}", result.key)
        });
        let bodies = last.amounts.amount == this.amounts.amount;
        return stage.check(Rule::StableAnswers, !bodies || *last == this, || {
            format!("{}: first {last:?}, then {this:?}", result.key)
        });
    }
    let barred = asked.barred && outcome != Outcome::Declined;
    stage.check(Rule::ReversedFirst, !barred, || {
        format!("{}: reversed before it came, and {outcome:?}", result.key)
    });
    asked.last = Some(this);
}

/// `before`: what an advice has said over the same link.
fn check_advice(
    key: &Key,
    asked: &mut Asked,
    before: Option<Outcome>,
    advice: &PaymentAdvice<'_>,
    stage: &mut Stage<'_>,
) {
    let told = (asked.advised, advice.outcome);
    let (approved, reversed) = (Some(Outcome::Approved), Some(Outcome::Reversed));
    // What was approved may be taken back; and what was sent before that may arrive after it, over
    // another link. Within a link, order is kept.
    let stale = told == (reversed, approved) && before != reversed;
    let same = told.0.is_none() || told.0 == told.1 || told == (approved, reversed) || stale;
    stage.check(Rule::OneOutcome, same, || {
        format!("{key}: advised {:?}, then {:?}", told.0, told.1)
    });
    let minor = advice.amounts.amount.minor;
    stage.check(Rule::Amounts, asked.bodies.contains(&minor), || {
        format!("{key}: an advice of {minor}")
    });
    // Reversed is the last word.
    if !stale {
        asked.advised = advice.outcome;
    }
}

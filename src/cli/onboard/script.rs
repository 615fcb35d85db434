//! THE CONVERSATION, step by step: what is asked of a participant as destination, and what it is
//! seen to do as originator.

use super::report::{Step, Verdict};
use super::stage::{Speaker, Stage, Waited};
use super::words::{Roles, words};
use crate::model::chars::Chars;
use crate::model::keys::Key;
use crate::model::limits::SCRATCH_BYTES;
use crate::model::message::{Amounts, Message, Notice, PaymentRequest, PaymentResult};
use crate::model::outcome::{Outcome, Presentation, ResponseCode};
use crate::sys::clock::Clock;

/// How long an answer may take.
const ANSWER_MS: u64 = 5_000;

/// What must be the same in every answer to a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answer {
    code: ResponseCode,
    outcome: Option<Outcome>,
    approval_code: Option<Chars<6>>,
    amounts: Amounts,
}

impl Answer {
    const fn of(result: &PaymentResult<'_>) -> Self {
        Self {
            code: result.response_code,
            outcome: result.outcome,
            approval_code: result.approval_code,
            amounts: result.amounts,
        }
    }

    fn words(&self) -> String {
        words(self.code, self.outcome)
    }
}

/// A payment that went to the participant.
struct Paid {
    key: Key,
    /// As the switch forwarded it.
    forwarded: Option<Vec<u8>>,
    answer: Option<Answer>,
    verdict: Verdict,
}

/// What is asked of the participant as destination.
pub(super) fn as_destination(stage: &mut Stage, roles: &Roles) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |name, verdict| steps.push(Step { name, verdict });
    step("answers an echo", echo(stage));
    let paid = pay(stage, roles, 0);
    step("answers a payment", paid.verdict.clone());
    step("answers its repeat the same", repeat(stage, &paid));
    step("answers a status inquiry", status(stage, &paid));
    step("knows no other key", unknown_key(stage, roles));
    step("answers a refund", refund(stage, roles, &paid));
    step("acknowledges a reversal advice", reversal(stage, roles));
    steps
}

/// What became of a wait, where something else than this must have come.
fn nothing<T>(expected: &str, waited: &Waited<T>) -> Verdict {
    let came = match waited {
        Waited::Came(_) => "something else",
        Waited::Nothing => "nothing in time",
        Waited::Lost => "the end of its link",
    };
    Verdict::failed(expected, came)
}

fn echo(stage: &mut Stage) -> Verdict {
    let header = stage.header();
    stage.put(&Message::Echo(Notice {
        header,
        institution: None,
        mac: b"",
    }));
    let waited = stage.wait(ANSWER_MS, |speaker, message, _| match message {
        Message::EchoAck(ack)
            if speaker == Speaker::Participant && ack.header.match_key == header.match_key =>
        {
            Some(ack.response_code)
        }
        _ => None,
    });
    match waited {
        Waited::Came(ResponseCode::APPROVED) => Verdict::Passed("00".to_owned()),
        Waited::Came(code) => Verdict::failed("00", code.to_string()),
        other => nothing("an answer to an echo", &other),
    }
}

/// The counterparty asks for a payment; what the participant and what the switch say of it.
fn pay(stage: &mut Stage, roles: &Roles, number: u64) -> Paid {
    let key = roles.key(number);
    let (mut forwarded, mut answer) = (None, None);
    let header = stage.header();
    stage.counterparty.say(&roles.payment(header, key));
    let waited = stage.wait(2 * ANSWER_MS, |speaker, message, body| {
        match (speaker, message) {
            (Speaker::Switch, Message::PaymentRequest(request)) if request.key == key => {
                forwarded = Some(body.to_vec());
            }
            (Speaker::Participant, Message::PaymentResult(result)) if result.key == key => {
                answer = Some(Answer::of(result));
            }
            (Speaker::Gateway, Message::PaymentResult(result)) if result.key == key => {
                return Some(words(result.response_code, result.outcome));
            }
            (Speaker::Gateway, Message::Reject(reject))
                if reject.header.match_key == header.match_key =>
            {
                return Some(format!("{} from the switch", reject.response_code));
            }
            _ => {}
        }
        None
    });
    let expected = "00 approved";
    let verdict = match (&waited, &answer) {
        (Waited::Came(said), Some(answer)) if answer.code == ResponseCode::APPROVED => {
            if said == expected {
                Verdict::Passed(said.clone())
            } else {
                Verdict::failed(expected, format!("{said} to its originator"))
            }
        }
        (_, Some(answer)) => Verdict::failed(expected, answer.words()),
        (Waited::Came(said), None) if forwarded.is_some() => {
            Verdict::failed(expected, format!("no answer; its originator heard {said}"))
        }
        (Waited::Came(said), None) => {
            let said = format!("{said}: the switch did not send the payment to it");
            Verdict::failed(expected, said)
        }
        (other, None) => nothing(expected, other),
    };
    Paid {
        key,
        forwarded,
        answer,
        verdict,
    }
}

/// The same payment again, as the switch would send it, under another match key.
fn repeat(stage: &mut Stage, paid: &Paid) -> Verdict {
    let (Some(forwarded), Some(first)) = (&paid.forwarded, &paid.answer) else {
        return Verdict::Skipped("the payment was not answered".to_owned());
    };
    let mut scratch = vec![0; SCRATCH_BYTES];
    let (dialect, today) = (stage.switch.dialect.clone(), Clock.now().wall.date());
    let header = stage.header();
    match dialect.decode_joining(forwarded, today, &mut scratch) {
        Ok(Message::PaymentRequest(request)) => {
            stage.put(&Message::PaymentRequest(PaymentRequest {
                header,
                ..request
            }));
        }
        Ok(_) | Err(_) => unreachable!("it was read as a payment before"),
    }
    let waited = stage.wait(ANSWER_MS, |speaker, message, _| match message {
        Message::PaymentResult(result)
            if speaker == Speaker::Participant && result.header.match_key == header.match_key =>
        {
            Some(Answer::of(result))
        }
        _ => None,
    });
    let expected = format!("{} again", first.words());
    match waited {
        Waited::Came(again) if again == *first => Verdict::Passed(expected),
        Waited::Came(again) if again.words() == first.words() => Verdict::failed(
            expected,
            "the same code with another approval code or amount",
        ),
        Waited::Came(again) => Verdict::failed(expected, again.words()),
        other => nothing(&expected, &other),
    }
}

/// What the participant answers to a status inquiry about a payment.
fn inquire(stage: &mut Stage, key: Key) -> Waited<(ResponseCode, Option<Outcome>)> {
    let header = stage.header();
    stage.put(&Roles::status_inquiry(header, key));
    stage.wait(ANSWER_MS, |speaker, message, _| {
        if speaker != Speaker::Participant || message.header().match_key != header.match_key {
            return None;
        }
        match message {
            Message::StatusResult(result) => Some((result.response_code, result.outcome)),
            Message::Reject(reject) => Some((reject.response_code, None)),
            _ => None,
        }
    })
}

fn status(stage: &mut Stage, paid: &Paid) -> Verdict {
    let Some(first) = &paid.answer else {
        return Verdict::Skipped("the payment was not answered".to_owned());
    };
    let expected = words(ResponseCode::APPROVED, first.outcome);
    match inquire(stage, paid.key) {
        Waited::Came((ResponseCode::APPROVED, outcome)) if outcome == first.outcome => {
            Verdict::Passed(expected)
        }
        Waited::Came((code, outcome)) => Verdict::failed(expected, words(code, outcome)),
        other => nothing(&expected, &other),
    }
}

fn unknown_key(stage: &mut Stage, roles: &Roles) -> Verdict {
    match inquire(stage, roles.key(90)) {
        Waited::Came((ResponseCode::NOT_FOUND, None)) => Verdict::Passed("25".to_owned()),
        Waited::Came((code, outcome)) => Verdict::failed("25", words(code, outcome)),
        other => nothing("25", &other),
    }
}

fn refund(stage: &mut Stage, roles: &Roles, paid: &Paid) -> Verdict {
    if roles.presentation == Presentation::Mpm {
        let why = "refunds of these payments come from the participant's side";
        return Verdict::Skipped(why.to_owned());
    }
    if !matches!(paid.verdict, Verdict::Passed(_)) {
        return Verdict::Skipped("there is no approved payment".to_owned());
    }
    let key = roles.key(1);
    let header = stage.header();
    stage.counterparty.say(&roles.refund(header, key, paid.key));
    let mut answered = None;
    let waited = stage.wait(2 * ANSWER_MS, |speaker, message, _| {
        match (speaker, message) {
            (Speaker::Participant, Message::RefundResult(result)) if result.key == key => {
                answered = Some(words(result.response_code, result.outcome));
            }
            (Speaker::Gateway, Message::RefundResult(result)) if result.key == key => {
                return Some(words(result.response_code, result.outcome));
            }
            _ => {}
        }
        None
    });
    let expected = "00 approved";
    match (waited, answered) {
        (Waited::Came(said), Some(answered)) if said == expected => Verdict::Passed(answered),
        (Waited::Came(_), Some(answered)) => Verdict::failed(expected, answered),
        (Waited::Came(said), None) => {
            Verdict::failed(expected, format!("no answer; its originator heard {said}"))
        }
        (other, _) => nothing(expected, &other),
    }
}

/// Another payment, and the advice that undoes it.
fn reversal(stage: &mut Stage, roles: &Roles) -> Verdict {
    let paid = pay(stage, roles, 2);
    if !matches!(paid.verdict, Verdict::Passed(_)) {
        return Verdict::Skipped("there is no approved payment to undo".to_owned());
    }
    let header = stage.header();
    stage
        .counterparty
        .say(&roles.reversal_advice(header, paid.key));
    let waited = stage.wait(2 * ANSWER_MS, |speaker, message, _| match message {
        Message::ReversalAdviceAck(ack)
            if speaker == Speaker::Participant && ack.target.key == paid.key =>
        {
            Some(ack.response_code)
        }
        Message::Reject(reject) if speaker == Speaker::Participant => Some(reject.response_code),
        _ => None,
    });
    match waited {
        Waited::Came(ResponseCode::APPROVED) => Verdict::Passed("00".to_owned()),
        Waited::Came(code) => Verdict::failed("00", code.to_string()),
        other => nothing("00", &other),
    }
}

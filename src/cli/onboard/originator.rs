//! What the participant is seen to do as originator, of its own accord. What it does not do in time
//! is skipped, and not held against it.

use super::report::{Step, Verdict};
use super::stage::{Speaker, Stage, Waited};
use super::words::words;
use crate::model::ids::MatchKey;
use crate::model::keys::Key;
use crate::model::message::Message;
use crate::model::outcome::{Outcome, ResponseCode};
use crate::sys::clock::Clock;

/// A payment of the participant's, and what it was told of it.
#[derive(Debug)]
struct Sent {
    key: Key,
    match_key: MatchKey,
    told: Option<(ResponseCode, Option<Outcome>)>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    echo: Option<MatchKey>,
    echoed: bool,
    sent: Vec<Sent>,
    refused: bool,
}

/// How often it is asked whether all was seen.
const LOOK_MS: u64 = 20;
/// Payments that are looked at.
const SENT_MAX: usize = 100;

impl Seen {
    pub(super) fn note(&mut self, speaker: Speaker, message: &Message<'_>) {
        match (speaker, message) {
            (Speaker::Participant, Message::Echo(echo)) => self.echo = Some(echo.header.match_key),
            (Speaker::Switch, Message::EchoAck(ack)) => {
                self.echoed |= self.echo == Some(ack.header.match_key);
            }
            (Speaker::Participant, Message::PaymentRequest(request))
                if self.sent.len() < SENT_MAX =>
            {
                self.sent.push(Sent {
                    key: request.key,
                    match_key: request.header.match_key,
                    told: None,
                });
            }
            (Speaker::Switch, Message::PaymentResult(result)) => {
                let match_key = result.header.match_key;
                let of = |sent: &&mut Sent| sent.match_key == match_key && sent.told.is_none();
                if let Some(sent) = self.sent.iter_mut().find(of) {
                    sent.told = Some((result.response_code, result.outcome));
                }
                self.refused |= result.response_code == ResponseCode::FORMAT;
            }
            (Speaker::Switch, Message::Reject(reject)) => {
                self.refused |= reject.response_code == ResponseCode::FORMAT;
            }
            _ => {}
        }
    }

    /// The first payment that was answered, and the first answer to the same key after it.
    fn answered(&self) -> impl Iterator<Item = (Key, (ResponseCode, Option<Outcome>))> {
        self.sent
            .iter()
            .filter_map(|sent| Some((sent.key, sent.told?)))
            .filter(|(_, (code, _))| *code != ResponseCode::FORMAT)
    }

    fn repeated(&self) -> Option<Verdict> {
        let (key, first) = self.answered().next()?;
        let (_, again) = self.answered().skip(1).find(|(other, _)| *other == key)?;
        let (first, again) = (words(first.0, first.1), words(again.0, again.1));
        Some(if first == again {
            Verdict::Passed(format!("{first} again"))
        } else {
            Verdict::failed(format!("{first} again"), again)
        })
    }

    fn is_complete(&self) -> bool {
        self.echoed && self.refused && self.repeated().is_some()
    }
}

/// Watches for `seconds`, or until all was seen.
pub(super) fn as_originator(stage: &mut Stage, seconds: u64) -> Vec<Step> {
    let end = Clock.monotonic().0 + seconds * 1_000_000_000;
    let mut waited = Waited::Nothing;
    while !stage.seen.is_complete() && waited != Waited::Lost && Clock.monotonic().0 < end {
        waited = stage.wait(LOOK_MS, |_, _, _| None::<()>);
    }
    let seen = &stage.seen;
    let skipped = |what: &str| {
        Verdict::Skipped(match waited {
            Waited::Lost => format!("its link ended before it sent {what}"),
            Waited::Came(()) | Waited::Nothing => format!("it did not send {what} in time"),
        })
    };
    let payment = match seen.answered().next() {
        Some((_, (ResponseCode::APPROVED, outcome))) => {
            Verdict::Passed(words(ResponseCode::APPROVED, outcome))
        }
        Some((_, (code, outcome))) => Verdict::failed("00 approved", words(code, outcome)),
        None => skipped("a payment"),
    };
    let echo = if seen.echoed {
        Verdict::Passed("00".to_owned())
    } else {
        skipped("an echo")
    };
    let refused = if seen.refused {
        Verdict::Passed("30".to_owned())
    } else {
        skipped("a message with a bad field")
    };
    let repeat = seen.repeated();
    [
        ("sends an echo", echo),
        ("sends a payment", payment),
        (
            "repeats it",
            repeat.unwrap_or_else(|| skipped("a payment twice")),
        ),
        ("is told of a bad field", refused),
    ]
    .map(|(name, verdict)| Step { name, verdict })
    .into()
}

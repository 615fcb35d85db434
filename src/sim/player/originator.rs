//! What a participant does as an originator: it pays, repeats, contradicts itself, takes back,
//! inquires, meddles; and, once all is well, asks until it knows.

use crate::model::ids::MatchKey;
use crate::model::keys::Key;
use crate::model::message::Message;
use crate::sim::checker::rules::Rule;
use crate::sim::faults::Fault;
use crate::sim::player::books::{opposite, target};
use crate::sim::player::words::spoil;
use crate::sim::player::{Asked, Deed, Duty, Player, Question, Seen, Stage, Subject, TakenBack};

/// Payments that one round of settling asks for again.
const ASKED_AGAIN_MAX: usize = 6;

impl Player {
    /// Begins a payment, and whatever else is to become of it.
    pub(super) fn pay(&mut self, stage: &mut Stage<'_>) {
        let wanted = opposite(self.known.role);
        let others: Vec<usize> = (0..stage.plan.participants.len())
            .filter(|other| stage.plan.participants[*other].role == wanted)
            .collect();
        let destination = stage.chance.draw.pick(&others);
        let fronted = stage.chance.draw.chance(200);
        let key = self.new_key(stage.wall.date(), fronted);
        let minor = i64::try_from(stage.chance.draw.between(1, 1_000_000)).expect("small");
        let unroutable = stage.chance.strikes(Fault::NoSuchRoute);
        self.asked
            .insert(key, Asked::new(minor, destination, unroutable));
        self.begin(key, stage);
        self.plan_refunds(key, minor, stage);
        self.meddle(stage);
    }

    /// Asks for a payment or a refund, and whatever else is to become of it.
    pub(super) fn begin(&mut self, key: Key, stage: &mut Stage<'_>) {
        let advice = stage.chance.strikes(Fault::ReversesByAdvice);
        if stage.chance.strikes(Fault::ReversesFirst) {
            self.reverse(key, advice, false, stage);
            let delay = stage.chance.draw.between(0, 1_500);
            return stage.later(delay, Duty::Ask(key, 0));
        }
        self.ask(key, 0, stage);
        if stage.chance.strikes(Fault::RepeatsAtOnce) {
            self.ask(key, 0, stage);
        }
        if stage.chance.strikes(Fault::RepeatsLater) {
            for _ in 0..stage.chance.draw.between(1, 3) {
                let delay = stage.chance.draw.between(1, 5_000);
                stage.later(delay, Duty::Ask(key, 0));
            }
        }
        if stage.chance.strikes(Fault::Conflict) {
            let asked = self.asked.get_mut(&key).expect("just entered");
            asked.bodies.push(asked.bodies[0] + 1);
            let delay = stage.chance.draw.between(0, 3_000);
            stage.later(delay, Duty::Ask(key, 1));
        }
        Self::plan_reversals(key, advice, stage);
        if stage.chance.strikes(Fault::Inquires) {
            let delay = stage.chance.draw.below(4_000);
            stage.later(delay, Duty::Inquire(key));
        }
    }

    fn plan_reversals(key: Key, advice: bool, stage: &mut Stage<'_>) {
        for (fault, most) in [(Fault::ReversesInFlight, 60), (Fault::ReversesLater, 6_000)] {
            if !stage.chance.strikes(fault) {
                continue;
            }
            let reverse = |wrong_amount| Duty::Reverse {
                key,
                advice,
                wrong_amount,
            };
            let delay = stage.chance.draw.below(most);
            let wrong = stage.chance.strikes(Fault::ReversesWrongAmount);
            stage.later(delay, reverse(wrong));
            if stage.chance.strikes(Fault::RepeatsReversal) {
                let delay = delay + stage.chance.draw.below(2_000);
                stage.later(delay, reverse(false));
            }
        }
    }

    /// Something about a payment that is none of ours, or that cannot be read.
    fn meddle(&mut self, stage: &mut Stage<'_>) {
        if stage.chance.strikes(Fault::Stranger)
            && let Some(mut foreign) = self.last_payment_seen()
        {
            // A payment that there is not, or that is another's.
            let inquires = stage.chance.draw.chance(500);
            let other = &stage.plan.participants[usize::from(self.index == 0)];
            if stage.chance.draw.chance(500) {
                foreign.local_date = stage.wall.date();
                foreign.originator = other.institution;
            }
            let header = self.header(stage);
            self.note(header.match_key, foreign, Subject::Meddling);
            let target = target(foreign, None);
            let message = if inquires {
                Self::inquiry(header, target)
            } else {
                Self::reversal(header, target, 2_000_000, (false, false))
            };
            if let Some(lane) = self.pick_lane(stage) {
                self.say(lane, &message, stage);
            }
        }
        if stage.chance.strikes(Fault::Unreadable) {
            let key = self.new_key(stage.wall.date(), false);
            let header = self.header(stage);
            self.note(header.match_key, key, Subject::Unreadable);
            let code = Self::code(&key, 0, true);
            let request = self.request(header, (key, 1), (0, true), (&code, b""), stage.plan);
            let mut frame = self.frame(&Message::PaymentRequest(request));
            spoil(&mut frame, key.reference.bytes());
            if let Some(lane) = self.pick_lane(stage) {
                stage.deeds.push(Deed::Say { lane, frame });
            }
        }
    }

    fn last_payment_seen(&self) -> Option<Key> {
        let mut payments = self.seen.iter().rev();
        let last = payments.find(|(_, seen)| seen.root.is_none());
        last.map(|(key, _)| *key)
    }

    pub(super) fn note(&mut self, match_key: MatchKey, key: Key, subject: Subject) {
        let question = self.questions.entry(match_key).or_insert(Question {
            key,
            subject,
            sent: 0,
            answered: 0,
        });
        question.sent += 1;
    }

    /// Asks for a payment, again or for the first time.
    pub(super) fn ask(&mut self, key: Key, body: usize, stage: &mut Stage<'_>) {
        let Some(lane) = self.pick_lane(stage) else {
            if !stage.chance.is_healed() {
                stage.later(120, Duty::Ask(key, body));
            }
            return;
        };
        let header = self.header(stage);
        let asked = self.asked.get_mut(&key).expect("entered when it began");
        asked.sent += 1;
        let (minor, root) = (asked.bodies[body], asked.root(body));
        let to = (asked.destination, asked.unroutable);
        self.note(header.match_key, key, Subject::Request(body));
        let code = Self::code(&key, to.0, to.1);
        let quote = self.quote(&key, to, &code, stage.plan);
        let request = match root {
            None => {
                let said = (code.as_slice(), quote.as_slice());
                let request = self.request(header, (key, minor), to, said, stage.plan);
                Message::PaymentRequest(request)
            }
            Some(root) => {
                let request = self.refund_request(header, (key, minor), root);
                Message::RefundRequest(request)
            }
        };
        self.say(lane, &request, stage);
        // The very same message over another link, as a client does that is not sure.
        if stage.chance.strikes(Fault::RepeatsElsewhere)
            && let Some(lane) = self.pick_lane(stage)
        {
            self.note(header.match_key, key, Subject::Request(body));
            self.say(lane, &request, stage);
        }
    }

    pub(super) fn reverse(
        &mut self,
        key: Key,
        advice: bool,
        wrong_amount: bool,
        stage: &mut Stage<'_>,
    ) {
        let Some(lane) = self.pick_lane(stage) else {
            return;
        };
        let header = self.header(stage);
        let asked = self.asked.get_mut(&key).expect("entered when it began");
        let repeat = asked.taken_back != TakenBack::No;
        let minor = asked.bodies[asked.body()] + i64::from(wrong_amount);
        let settled = [TakenBack::No, TakenBack::Refused].contains(&asked.taken_back);
        if !wrong_amount && settled {
            asked.taken_back = TakenBack::Asked;
        }
        if !wrong_amount {
            asked.reversal_key = header.match_key;
        }
        asked.reversal_advised |= advice && !wrong_amount;
        let subject = Subject::Reversal {
            advice,
            wrong_amount,
        };
        let target = asked.target(key);
        self.note(header.match_key, key, subject);
        let message = Self::reversal(header, target, minor, (advice, repeat));
        self.say(lane, &message, stage);
    }

    pub(super) fn inquire(&mut self, key: Key, stage: &mut Stage<'_>) {
        if let Some(lane) = self.pick_lane(stage) {
            let header = self.header(stage);
            let target = self.asked[&key].target(key);
            self.note(header.match_key, key, Subject::Inquiry);
            self.say(lane, &Self::inquiry(header, target), stage);
        }
    }

    /// After a restart of the switch, some ask again.
    pub(in crate::sim) fn on_restart(&mut self, stage: &mut Stage<'_>) {
        let keys: Vec<Key> = self.asked.keys().copied().collect();
        for key in keys {
            if stage.chance.strikes(Fault::RepeatsAfterRestart) {
                let delay = stage.chance.draw.between(50, 1_500);
                stage.later(delay, Duty::Ask(key, 0));
            }
        }
    }

    /// Everything is healed: what is open is asked for again, now and then and in turn, unless
    /// nothing comes of it.
    pub(in crate::sim) fn settle(&mut self, round: u64, resting: &[Key], stage: &mut Stage<'_>) {
        let mut open: Vec<(Key, Asked)> = self
            .asked
            .iter()
            .filter(|(key, asked)| !asked.is_settled() && !resting.contains(key))
            .map(|(key, asked)| (*key, asked.clone()))
            .collect();
        if open.len() > ASKED_AGAIN_MAX {
            let turn = usize::try_from(round).expect("few") * ASKED_AGAIN_MAX;
            let turn = turn % open.len();
            open.rotate_left(turn);
        }
        for (key, asked) in open.into_iter().take(ASKED_AGAIN_MAX) {
            if asked.taken_back == TakenBack::Asked {
                self.reverse(key, asked.reversal_advised, false, stage);
            }
            if !asked.is_answered() && (!asked.told_68 || round.is_multiple_of(8)) {
                self.ask(key, asked.body(), stage);
            }
        }
        self.settle_destination(round, stage);
    }

    /// Whether nothing is open in either book, but for what `rests`.
    pub(in crate::sim) fn is_settled(&self, rests: impl Fn(&Key, &Asked) -> bool) -> bool {
        let settled = |(key, asked): (&Key, &Asked)| asked.is_settled() || rests(key, asked);
        self.asked.iter().all(settled) && !self.seen.values().any(Seen::owes)
    }

    /// The question that an answer belongs to; counted.
    pub(super) fn answered(
        &mut self,
        match_key: MatchKey,
        key: Option<&Key>,
        stage: &mut Stage<'_>,
    ) -> Option<Question> {
        let found = self.questions.get_mut(&match_key);
        stage.check(Rule::OwnAnswers, found.is_some(), || {
            format!("an answer with match key {:x}: nobody asked", match_key.0)
        });
        let question = found?;
        question.answered += 1;
        let question = *question;
        stage.check(Rule::OwnAnswers, question.answered <= question.sent, || {
            format!("{} was answered more often than asked", question.key)
        });
        let same = key.is_none_or(|key| *key == question.key);
        stage.check(Rule::OwnAnswers, same, || {
            format!("asked for {} and answered for {key:?}", question.key)
        });
        same.then_some(question)
    }
}

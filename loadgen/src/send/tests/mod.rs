//! The stage against a switch that forgets everything when it stops, and cheats where it is told
//! to.

mod faults;

use cpg_switch::model::ids::{Institution, LinkId, MatchKey};
use cpg_switch::model::keys::Key;
use cpg_switch::model::message::{
    Header, Message, NoticeAck, PaymentRequest, PaymentResult, Reversal, ReversalResult, SignOnAck,
    StatusResult,
};
use cpg_switch::model::outcome::{Outcome, Presentation, ResponseCode, State};
use cpg_switch::model::time::{Date, Wall};
use cpg_switch::sys::operation::{Completion, SendBuffer};
use cpg_switch::wire::Dialect;
use cpg_switch::wire::frame::{Framing, Split};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::*;
use crate::cast::tests::two_players;
use crate::health::Course;
use crate::judge::journal::Journal;
use crate::judge::verdict::Rule;
use crate::mix::reference::References;
use crate::mix::{Fate, Mix, PLAIN};
use crate::plan::design::Design;
use crate::plan::{Late, Schedule, Source, Spacing};
use crate::record::latency::Latency;

/// What the switch does wrong, to the payment with this number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cheat {
    Nothing,
    LosesAnswer(u64),
    AnswersTwice(u64),
    ForwardsAnotherAmount(u64),
    AnswersAnotherAmount(u64),
    ApprovesByItself(u64),
    ForgetsReversals,
    PassesOnAgain,
}

struct Known {
    answer: Option<PaymentResult<'static>>,
    /// Repeats that came before the answer.
    waiters: Vec<(LinkId, MatchKey)>,
    amount_minor: i64,
    reversed: bool,
    destination: Institution,
}

/// A participant's link: what has arrived of a frame, what waits to be sent.
struct Wire {
    id: LinkId,
    institution: Option<Institution>,
    input: Vec<u8>,
    output: Vec<u8>,
}

struct Switch {
    machine: Machine,
    references: References,
    date: Date,
    wallet: Institution,
    cheat: Cheat,
    links: Vec<Wire>,
    sending: Vec<LinkId>,
    waiting: HashMap<u64, (LinkId, MatchKey), FixedState>,
    known: HashMap<Key, Known, FixedState>,
    next: u64,
    cut: bool,
}

impl Wire {
    fn new(id: LinkId) -> Self {
        Self {
            id,
            institution: None,
            input: Vec::new(),
            output: Vec::new(),
        }
    }
}

impl Switch {
    fn new(cheat: Cheat) -> (Self, Cast) {
        let mut machine = Machine::new(MachineConfig::default()).unwrap();
        let (_, address) = machine.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut players = two_players().players().to_vec();
        for player in &mut players {
            player.address = address;
        }
        let cast = Cast::new(players, Presentation::ALL, Clock.now().wall).unwrap();
        let switch = Self {
            machine,
            references: *cast.references(),
            date: cast.local_date,
            wallet: cast.player(0).institution,
            cheat,
            links: Vec::new(),
            sending: Vec::new(),
            waiting: HashMap::default(),
            known: HashMap::default(),
            next: 1,
            cut: false,
        };
        (switch, cast)
    }

    fn turn(&mut self) {
        let mut arrived = Vec::new();
        let mut ended = Vec::new();
        let (links, sending) = (&mut self.links, &mut self.sending);
        self.machine.drain(|completion| match completion {
            Completion::Accepted { link, .. } => links.push(Wire::new(link)),
            Completion::Received { link, bytes } => arrived.push((link, bytes.to_vec())),
            Completion::Sent { link, .. } => sending.retain(|busy| *busy != link),
            Completion::Ended { link, .. } => {
                links.retain(|wire| wire.id != link);
                ended.push(link);
            }
            _ => {}
        });
        for (id, bytes) in arrived {
            let Some(place) = self.links.iter().position(|link| link.id == id) else {
                continue;
            };
            let mut input = std::mem::take(&mut self.links[place].input);
            input.extend_from_slice(&bytes);
            let mut used = 0;
            while let Split::Frame { body, total, .. } = Framing::Sofh.split(&input[used..], 8_192)
            {
                let body = input[used + body.start..used + body.end].to_vec();
                let message = Dialect::Sbe.decode(&body, self.date).unwrap();
                self.handle(place, &message);
                used += total;
            }
            self.links[place].input = input[used..].to_vec();
        }
        let close = |link| Submission::Close { link };
        let mut submissions: Vec<_> = ended.into_iter().map(close).collect();
        for link in &mut self.links {
            if !link.output.is_empty() && !self.sending.contains(&link.id) {
                let mut buffer = SendBuffer::with_capacity(link.output.len());
                assert!(buffer.append(&link.output));
                link.output.clear();
                self.sending.push(link.id);
                submissions.push(Submission::Send {
                    link: link.id,
                    buffer,
                });
            }
        }
        if self.cut {
            for link in self.links.drain(..) {
                submissions.push(Submission::Close { link: link.id });
            }
            self.cut = false;
        }
        self.machine.submit(&mut submissions);
        self.machine
            .enter(Idle::Spin, None, Clock.monotonic())
            .unwrap();
    }

    fn put(&mut self, to: LinkId, message: &Message<'_>) {
        let Some(link) = self.links.iter_mut().find(|link| link.id == to) else {
            return;
        };
        let mut frame = [0; 2_048];
        let bytes = Dialect::Sbe.encode(message, &mut frame[6..]).unwrap().bytes;
        Framing::Sofh.write_header(&mut frame, bytes, None).unwrap();
        link.output.extend_from_slice(&frame[..6 + bytes]);
    }

    fn link_of(&self, institution: Institution) -> LinkId {
        self.links
            .iter()
            .find(|link| link.institution == Some(institution))
            .unwrap()
            .id
    }

    fn handle(&mut self, place: usize, message: &Message<'_>) {
        let from = self.links[place].id;
        let header = *message.header();
        match message {
            Message::SignOn(sign_on) => {
                self.links[place].institution = Some(sign_on.institution);
                let ack = SignOnAck {
                    header,
                    response_code: ResponseCode::APPROVED,
                    shards: Some(1),
                    shard: Some(0),
                    heartbeat_seconds: None,
                    business_date: None,
                    mac: b"",
                };
                self.put(from, &Message::SignOnAck(ack));
            }
            Message::Echo(_) => {
                let ack = NoticeAck {
                    header,
                    response_code: ResponseCode::APPROVED,
                    mac: b"",
                };
                self.put(from, &Message::EchoAck(ack));
            }
            Message::PaymentRequest(request) => self.payment(from, request),
            Message::PaymentResult(result) => self.result(result),
            Message::ReversalRequest(reversal) => self.reversal(from, reversal, false),
            Message::ReversalAdvice(reversal) => self.reversal(from, reversal, true),
            Message::StatusInquiry(inquiry) => {
                let known = &self.known[&inquiry.target.key];
                let outcome = known.answer.map(|answer| match answer.response_code {
                    ResponseCode::APPROVED if !known.reversed => Outcome::Approved,
                    ResponseCode::APPROVED => Outcome::Reversed,
                    _ => Outcome::Declined,
                });
                let result = StatusResult {
                    header,
                    target: inquiry.target,
                    response_code: ResponseCode::APPROVED,
                    state: Some(State::Answered),
                    outcome,
                    approval_code: None,
                    amount: None,
                    billing: None,
                    settlement: None,
                    refunded_so_far: None,
                    text: b"",
                    mac: b"",
                };
                self.put(from, &Message::StatusResult(result));
            }
            Message::ReversalAdviceAck(_) => {}
            Message::SignOff(_) => {
                let ack = NoticeAck {
                    header,
                    response_code: ResponseCode::APPROVED,
                    mac: b"",
                };
                self.put(from, &Message::SignOffAck(ack));
            }
            other => unreachable!("players do not say {:?}", other.kind()),
        }
    }

    fn payment(&mut self, from: LinkId, request: &PaymentRequest<'_>) {
        let number = self.references.number(&request.key.reference).unwrap();
        let amount_minor = request.amounts.amount.minor;
        let fresh = messages::payment_result(request, None);
        if let Some(known) = self.known.get_mut(&request.key) {
            let answer = if known.amount_minor == amount_minor {
                known.answer
            } else {
                Some(PaymentResult {
                    response_code: ResponseCode::CONFLICT,
                    outcome: None,
                    ..fresh
                })
            };
            let Some(answer) = answer else {
                known.waiters.push((from, request.header.match_key));
                return;
            };
            let answer = PaymentResult {
                header: request.header,
                ..answer
            };
            return self.put(from, &Message::PaymentResult(answer));
        }
        let destination = match request.presentation {
            Presentation::Cpm => self.wallet,
            Presentation::Mpm => request.destination.unwrap(),
        };
        let known = Known {
            answer: None,
            waiters: Vec::new(),
            amount_minor,
            reversed: false,
            destination,
        };
        self.known.insert(request.key, known);
        if self.cheat == Cheat::ApprovesByItself(number) {
            let approval = Some(Cast::approval(number));
            let result = messages::payment_result(request, approval);
            return self.put(from, &Message::PaymentResult(result));
        }
        self.next += 1;
        self.waiting
            .insert(self.next, (from, request.header.match_key));
        let mut forwarded = *request;
        forwarded.header = Header {
            match_key: MatchKey(self.next),
            transmit_time: Wall(1),
        };
        if self.cheat == Cheat::ForwardsAnotherAmount(number) {
            forwarded.amounts.amount.minor += 1;
        }
        let link = self.link_of(destination);
        self.put(link, &Message::PaymentRequest(forwarded));
    }

    fn result(&mut self, result: &PaymentResult<'_>) {
        let key = result.header.match_key.0;
        let waiting = if self.cheat == Cheat::PassesOnAgain {
            self.waiting.get(&key).copied()
        } else {
            self.waiting.remove(&key)
        };
        // A second answer: it has done its work.
        let Some((to, match_key)) = waiting else {
            return;
        };
        let number = self.references.number(&result.key.reference).unwrap();
        let mut answer = PaymentResult {
            text: b"",
            mac: b"",
            ..*result
        };
        answer.header.match_key = match_key;
        if self.cheat == Cheat::AnswersAnotherAmount(number) {
            answer.amounts.amount.minor -= 1;
        }
        let known = self.known.get_mut(&result.key).unwrap();
        known.answer = Some(answer);
        let waiters = std::mem::take(&mut known.waiters);
        for (to, match_key) in waiters {
            let mut answer = answer;
            answer.header.match_key = match_key;
            self.put(to, &Message::PaymentResult(answer));
        }
        if self.cheat == Cheat::LosesAnswer(number) {
            return;
        }
        self.put(to, &Message::PaymentResult(answer));
        if self.cheat == Cheat::AnswersTwice(number) {
            self.put(to, &Message::PaymentResult(answer));
        }
    }

    fn reversal(&mut self, from: LinkId, reversal: &Reversal<'_>, advice: bool) {
        let known = self.known.get_mut(&reversal.target.key).unwrap();
        known.reversed = true;
        let destination = known.destination;
        let result = ReversalResult {
            header: reversal.header,
            target: reversal.target,
            response_code: ResponseCode::APPROVED,
            outcome: Some(Outcome::Reversed),
            amount: None,
            mac: b"",
        };
        let answer = if advice {
            Message::ReversalAdviceAck(result)
        } else {
            Message::ReversalResult(result)
        };
        self.put(from, &answer);
        if self.cheat != Cheat::ForgetsReversals {
            self.next += 1;
            let header = Header {
                match_key: MatchKey(self.next),
                transmit_time: Wall(1),
            };
            let link = self.link_of(destination);
            self.put(
                link,
                &Message::ReversalAdvice(Reversal {
                    header,
                    ..*reversal
                }),
            );
        }
    }
}

/// Both turn by turn, on one thread, until `done` or ten seconds have passed.
fn together<'a>(
    stage: &mut Stage<'a>,
    switch: &mut Switch,
    plan: Option<&mut Plan>,
    done: impl FnMut(&mut Floor<'a>) -> bool,
) -> bool {
    together_for(10_000, stage, switch, plan, done)
}

fn together_for<'a>(
    ms: u64,
    stage: &mut Stage<'a>,
    switch: &mut Switch,
    mut plan: Option<&mut Plan>,
    mut done: impl FnMut(&mut Floor<'a>) -> bool,
) -> bool {
    let give_up = Clock.monotonic().plus_ms(ms);
    while Clock.monotonic() < give_up {
        stage.turn(plan.as_deref_mut()).unwrap();
        switch.turn();
        if done(&mut stage.floor) {
            return true;
        }
    }
    false
}

fn connected<'a>(cast: &'a Cast, mix: &'a Mix, switch: &mut Switch) -> Stage<'a> {
    let sizes = Sizes {
        links: 4,
        open_max: 4_000,
        payments: 1_000,
    };
    let mut stage = Stage::new(cast, mix, sizes, Idle::Spin).unwrap();
    stage.dial(&[2, 2]).unwrap();
    assert!(together(&mut stage, switch, None, |floor| floor
        .signed_on()
        == 4));
    let now_ns = Clock.monotonic().0;
    stage.floor.measure_between(now_ns, now_ns + 60_000_000_000);
    stage
}

fn open_loop(rate: u64) -> Plan {
    let start_ns = Clock.monotonic().0;
    Plan::Open(Schedule::constant(
        start_ns,
        100,
        rate,
        Spacing::Constant,
        1,
    ))
}

/// A thousand payments past a switch that cheats; the rules that the judge finds broken.
fn judged(cheat: Cheat, shares: &[(Fate, u32)]) -> Vec<Rule> {
    let (mut switch, cast) = Switch::new(cheat);
    let mix = Mix::new(11, cast.lanes().to_vec(), shares);
    let mut stage = connected(&cast, &mix, &mut switch);
    let mut plan = open_loop(10_000);
    let all = |floor: &mut Floor<'_>| floor.judge.originators.count() == 1_000;
    assert!(together(&mut stage, &mut switch, Some(&mut plan), all));
    let losing = matches!(cheat, Cheat::LosesAnswer(_) | Cheat::ForgetsReversals);
    let ms = if losing { 300 } else { 10_000 };
    let settled = together_for(ms, &mut stage, &mut switch, None, Floor::is_settled);
    assert_eq!(settled, !losing);
    let (judge, record, _) = stage.floor.into_judge();
    assert_eq!(record.whole().lag.count(), 1_000);
    let verdict = judge.settle(&cast, &Journal::NotRead);
    assert_eq!(verdict.payments, 1_000);
    verdict
        .violations
        .listed()
        .iter()
        .map(|violation| violation.rule)
        .collect()
}

#[test]
fn an_honest_switch_passes_with_everything_that_it_can_be_asked() {
    let shares = [
        (Fate::Decline, 1_000),
        (Fate::RepeatAtOnce, 500),
        (Fate::RepeatLater, 500),
        (Fate::Conflict, 500),
        (Fate::Inquire, 500),
        (Fate::ReverseByRequest, 500),
        (Fate::ReverseByAdvice, 500),
    ];
    assert_eq!(judged(Cheat::Nothing, &shares), []);
}

#[test]
fn every_cheat_is_found() {
    assert_eq!(judged(Cheat::LosesAnswer(7), &PLAIN), [Rule::Unanswered]);
    assert_eq!(
        judged(Cheat::AnswersTwice(8), &PLAIN),
        [Rule::AnsweredTwice]
    );
    assert_eq!(
        judged(Cheat::ApprovesByItself(9), &PLAIN),
        [Rule::ApprovedNotDebited]
    );
    // The destination answers with the amount that it saw, so both sides notice.
    let forwarded = judged(Cheat::ForwardsAnotherAmount(10), &PLAIN);
    assert_eq!(forwarded, [Rule::Changed, Rule::Changed]);
    let answered = judged(Cheat::AnswersAnotherAmount(11), &PLAIN);
    assert_eq!(answered, [Rule::Changed, Rule::Unanswered]);
    let forgotten = judged(Cheat::ForgetsReversals, &[(Fate::ReverseByAdvice, 30)]);
    assert!(!forgotten.is_empty());
    assert!(
        forgotten.iter().all(|rule| *rule == Rule::NotGivenBack),
        "{forgotten:?}"
    );
}

#[test]
fn requests_that_lost_their_links_are_sent_again_under_the_same_keys() {
    let (mut switch, cast) = Switch::new(Cheat::LosesAnswer(5));
    let mix = Mix::new(11, cast.lanes().to_vec(), &PLAIN);
    let mut stage = connected(&cast, &mix, &mut switch);
    let mut plan = open_loop(1_000);
    let all =
        |floor: &mut Floor<'_>| floor.judge.originators.count() == 100 && floor.in_flight() == 1;
    assert!(together(&mut stage, &mut switch, Some(&mut plan), all));
    switch.cut = true;
    assert!(together(&mut stage, &mut switch, None, |floor| floor
        .links()
        == 0));
    assert_eq!(
        (stage.floor.lost_payments(), stage.floor.in_flight()),
        (1, 0)
    );
    switch.cheat = Cheat::Nothing;
    stage.dial(&[1, 1]).unwrap();
    assert!(together(&mut stage, &mut switch, None, |floor| floor
        .signed_on()
        == 2));
    assert!(together(
        &mut stage,
        &mut switch,
        None,
        Floor::send_lost_again
    ));
    assert_eq!(stage.floor.ask_once_more(10), 10);
    assert!(together(&mut stage, &mut switch, None, Floor::is_settled));
    let (judge, ..) = stage.floor.into_judge();
    assert_eq!(judge.originators.page(5).sent, 2);
    assert!(judge.settle(&cast, &Journal::NotRead).holds());
}

#[test]
fn a_switch_that_stands_still_shows_in_the_response_times_of_all_that_were_due() {
    let (mut switch, cast) = Switch::new(Cheat::Nothing);
    let mix = Mix::new(11, cast.lanes().to_vec(), &PLAIN);
    let mut stage = connected(&cast, &mix, &mut switch);
    // The plan has been running for 100 ms before anybody sends: everything is overdue.
    let mut plan = open_loop(1_000);
    let resume = Clock.monotonic().plus_ms(100);
    while Clock.monotonic() < resume {}
    let all = |floor: &mut Floor<'_>| floor.judge.originators.count() == 100 && floor.is_settled();
    assert!(together(&mut stage, &mut switch, Some(&mut plan), all));
    let (_, record, _) = stage.floor.into_judge();
    let record = record.whole();
    // They were intended 0 to 99 ms before anything was sent: the median waited 50 ms at least.
    let at_least = |latency: &Latency, ns: u64| latency.quantile_ns(0.5).unwrap() >= ns;
    assert!(at_least(&record.response, 49_000_000) && at_least(&record.lag, 49_000_000));
    assert!(record.response.longest_ns().unwrap() >= 99_000_000);
    assert!(record.service.quantile_ns(0.5) < record.response.quantile_ns(0.5));
}

/// A plan of 100 payments that has been running for 100 ms before anybody sends.
fn overdue(cast: &Cast, switch: &mut Switch, late: Late, in_flight_max: u32) -> (Course, u64) {
    let mix = Mix::new(11, cast.lanes().to_vec(), &PLAIN);
    let mut stage = connected(cast, &mix, switch);
    let mut plan = open_loop(1_000);
    let source = Source::Trace(Vec::new().into());
    let design = Design {
        late,
        late_after_ns: 50_000_000,
        in_flight_max,
        ..Design::of(source, 100)
    };
    stage.floor.keep_to(&design, 0);
    let resume = Clock.monotonic().plus_ms(100);
    while Clock.monotonic() < resume {}
    let over = |floor: &mut Floor<'_>| {
        floor.judge.originators.count() == 100 || floor.tally.course.aborted
    };
    assert!(together(&mut stage, switch, Some(&mut plan), over));
    assert!(together(&mut stage, switch, None, Floor::is_settled));
    let course = stage.floor.tally.course;
    let (judge, ..) = stage.floor.into_judge();
    let asked = judge.originators.sent();
    assert!(judge.settle(cast, &Journal::NotRead).holds());
    (course, asked)
}

#[test]
fn what_is_overdue_is_sent_left_out_or_the_end_as_was_said() {
    let (mut switch, cast) = Switch::new(Cheat::Nothing);
    let (course, asked) = overdue(&cast, &mut switch, Late::Send, 1_000);
    assert_eq!((asked, course.missed_late, course.aborted), (100, 0, false));
    let (mut switch, cast) = Switch::new(Cheat::Nothing);
    let (course, asked) = overdue(&cast, &mut switch, Late::Skip, 1_000);
    // The first fifty were more than 50 ms behind, at least.
    assert!(course.missed_late >= 50, "{course:?}");
    assert_eq!((asked + course.missed_late, course.missed_full), (100, 0));
    let (mut switch, cast) = Switch::new(Cheat::Nothing);
    let (course, asked) = overdue(&cast, &mut switch, Late::Abort, 1_000);
    assert_eq!((asked, course.aborted), (0, true));
}

#[test]
fn a_bound_on_what_is_in_flight_holds_and_what_waits_for_it_is_sent_late() {
    let (mut switch, cast) = Switch::new(Cheat::Nothing);
    let (course, asked) = overdue(&cast, &mut switch, Late::Send, 3);
    assert_eq!((asked, course.in_flight_max), (100, 3));
    assert!(course.in_flight_full > 0);
}

//! The originator's side: issues what is due, does what the script says next, hears the answers.

use cpg_switch::model::ids::MatchKey;
use cpg_switch::model::message::{
    Kind, Message, PaymentAdvice, PaymentAdviceAck, PaymentRequest, PaymentResult,
};
use cpg_switch::model::outcome::ResponseCode;

use crate::judge::Fault;
use crate::judge::books::Standing;
use crate::judge::originators::has_follow_up;
use crate::judge::verdict::Rule;
use crate::mix::{Fate, Script};
use crate::pair::{Match, Purpose, Request};
use crate::plan::{Late, Plan, Schedule};
use crate::record::series::Answered;
use crate::send::floor::Floor;
use crate::send::messages;

impl Floor<'_> {
    /// Sends what is due; the next intended instant, if the plan has one and it can be waited for.
    pub(super) fn issue(&mut self, plan: &mut Plan) -> Option<u64> {
        match plan {
            Plan::Open(schedule) => self.issue_due(schedule),
            Plan::Closed { window, end_ns } => {
                let now_ns = self.now.monotonic.0;
                while now_ns < *end_ns && self.in_flight < *window && self.issue_next(now_ns) {}
                None
            }
        }
    }

    fn issue_due(&mut self, schedule: &mut Schedule) -> Option<u64> {
        let now_ns = self.now.monotonic.0;
        for _ in 0..ISSUED_PER_TURN_MAX {
            let Some(intended_ns) = schedule.due(now_ns) else {
                self.waited_for_room = false;
                return schedule.next_ns();
            };
            let number = self.judge.originators.count();
            let script = self.mix.script(number);
            let player = self.cast.lane(script.lane).originator;
            if self.conduct(player).is_away() {
                self.tally.course.missed_absent += 1;
                self.judge.originators.leave_out(&script);
                schedule.advance();
                continue;
            }
            if now_ns - intended_ns > self.manner.late_after_ns {
                match self.manner.late {
                    Late::Send => {}
                    Late::Skip => {
                        self.tally.course.missed_full += u64::from(self.waited_for_room);
                        self.tally.course.missed_late += u64::from(!self.waited_for_room);
                        self.judge.originators.leave_out(&script);
                        schedule.advance();
                        continue;
                    }
                    Late::Abort => {
                        self.tally.course.aborted = true;
                        return None;
                    }
                }
            }
            if self.in_flight >= self.manner.in_flight_max {
                self.tally.course.in_flight_full += 1;
                self.waited_for_room = true;
                return None;
            }
            if !self.issue_one(intended_ns, number, &script) {
                self.tally.held += 1;
                self.waited_for_room = true;
                return None;
            }
            self.tally.course.waited += u64::from(self.waited_for_room);
            schedule.advance();
        }
        schedule.next_ns()
    }

    fn issue_next(&mut self, intended_ns: u64) -> bool {
        let number = self.judge.originators.count();
        let script = self.mix.script(number);
        let player = self.cast.lane(script.lane).originator;
        // Who heeds a goodbye begins nothing; a window has no instants that could be missed.
        !self.conduct(player).told_goodbye && self.issue_one(intended_ns, number, &script)
    }

    fn issue_one(&mut self, intended_ns: u64, number: u64, script: &Script) -> bool {
        let player = self.cast.lane(script.lane).originator;
        let scanned = self.is_scanned(script);
        let (kind, purpose) = if scanned {
            (Kind::CodeInquiry, Purpose::Code)
        } else {
            (Kind::PaymentRequest, Purpose::Payment)
        };
        let request = Request {
            kind,
            purpose,
            number,
            intended_ns,
            sent_ns: 0,
        };
        let asked = if scanned {
            self.ask_code(player, number, script, request)
        } else {
            self.ask_payment(player, number, script, request)
        };
        if !asked {
            return false;
        }
        let counted = self.judge.originators.ask(script);
        assert_eq!(counted, number, "numbers count payments");
        if scanned {
            self.judge.originators.scanned(number, script.order);
        }
        self.in_flight += 1;
        self.tally.course.in_flight_max = self.tally.course.in_flight_max.max(self.in_flight);
        let now_ns = self.now.monotonic.0;
        self.record
            .series
            .started(script.lane, now_ns, self.in_flight);
        if script.fate == Fate::RepeatAtOnce {
            self.repeat(player, number, script);
        }
        true
    }

    /// Sends payment `number`, or the same again.
    pub(super) fn ask_payment(
        &mut self,
        player: u8,
        number: u64,
        script: &Script,
        request: Request,
    ) -> bool {
        let Some(place) = self.pick(player) else {
            return false;
        };
        let code = messages::code(self.cast, script);
        let mut payment = messages::payment(self.cast, number, script, &code);
        let quoted = self.quotes.get(&number).cloned();
        if let Some(quoted) = &quoted {
            (payment.quote, payment.code, payment.amounts.billing) = quoted.parts();
        }
        self.ask_on(place, request, |header| {
            Message::PaymentRequest(PaymentRequest { header, ..payment })
        })
    }

    pub(super) fn ask_reversal(
        &mut self,
        player: u8,
        number: u64,
        script: &Script,
        request: Request,
        repeat: bool,
    ) -> bool {
        let mut reversal = messages::reversal(self.cast, number, script, repeat);
        let advice = request.kind == Kind::ReversalAdvice;
        self.ask(player, request, |header| {
            reversal.header = header;
            if advice {
                Message::ReversalAdvice(reversal)
            } else {
                Message::ReversalRequest(reversal)
            }
        })
    }

    /// What scripts ask for after the answer.
    pub(super) fn follow_up(&mut self) {
        let mut stuck = 0;
        for _ in 0..self.follow_ups.len() {
            let Some(number) = self.follow_ups.pop_front() else {
                return;
            };
            if !self.follow_up_one(number) {
                // Its participant may be away, and others are not.
                self.follow_ups.push_back(number);
                stuck += 1;
                if stuck == STUCK_PER_TURN_MAX {
                    return;
                }
            }
        }
    }

    fn follow_up_one(&mut self, number: u64) -> bool {
        let script = self.mix.script(number);
        let player = self.cast.lane(script.lane).originator;
        let request = |kind, purpose, now_ns| Request {
            kind,
            purpose,
            number,
            intended_ns: now_ns,
            sent_ns: 0,
        };
        let now_ns = self.now.monotonic.0;
        match script.fate {
            Fate::RepeatLater => self.repeat(player, number, &script),
            Fate::Conflict => {
                let other = Script {
                    minor: script.minor + 1,
                    ..script
                };
                let request = request(Kind::PaymentRequest, Purpose::Conflict, now_ns);
                let sent = self.ask_payment(player, number, &other, request);
                self.tally.conflicts += u64::from(sent);
                sent
            }
            Fate::Inquire => {
                let mut inquiry = messages::inquiry(self.cast, number, script.lane);
                let request = request(Kind::StatusInquiry, Purpose::Inquiry, now_ns);
                let sent = self.ask(player, request, |header| {
                    inquiry.header = header;
                    Message::StatusInquiry(inquiry)
                });
                self.tally.inquiries += u64::from(sent);
                sent
            }
            Fate::ReverseByRequest | Fate::ReverseByAdvice => {
                let advice = script.fate == Fate::ReverseByAdvice;
                let kind = if advice {
                    Kind::ReversalAdvice
                } else {
                    Kind::ReversalRequest
                };
                let request = request(kind, Purpose::Reversal, now_ns);
                let sent = self.ask_reversal(player, number, &script, request, false);
                if sent {
                    self.judge.originators.take_back(number);
                    self.tally.reversal_advices += u64::from(advice);
                    self.tally.reversal_requests += u64::from(!advice);
                }
                sent
            }
            Fate::Approve
            | Fate::Decline
            | Fate::RepeatAtOnce
            | Fate::Silent
            | Fate::Deaf
            | Fate::Late
            | Fate::Quote
            | Fate::Twice
            | Fate::Garbled
            | Fate::Order
            | Fate::OrderAgain => true,
        }
    }

    pub(super) fn repeat(&mut self, player: u8, number: u64, script: &Script) -> bool {
        let request = Request {
            kind: Kind::PaymentRequest,
            purpose: Purpose::Repeat,
            number,
            intended_ns: self.now.monotonic.0,
            sent_ns: 0,
        };
        let sent = self.ask_payment(player, number, script, request);
        self.tally.repeats += u64::from(sent);
        sent
    }

    /// An answer came, and the table has said what it answers.
    pub(super) fn answered(
        &mut self,
        place: usize,
        player: u8,
        found: Match,
        key: MatchKey,
        message: &Message<'_>,
    ) {
        let request = match found {
            Match::Answers(request) => request,
            Match::Again(request) => {
                let what = "a second answer to one request";
                return self.fault(player, Fault::of(request.number, Rule::AnsweredTwice, what));
            }
            Match::WrongKind(request) => {
                let what = "an answer of another kind";
                return self.fault(player, Fault::of(request.number, Rule::WrongKind, what));
            }
            Match::AfterCut(request) => {
                if let Err(fault) = self.on_answer_after_cut(&request, message) {
                    self.fault(player, fault);
                }
                return;
            }
            Match::Unhandled => {
                let elsewhere = self.tables.iter().any(|table| table.is_open(key));
                let fault = if elsewhere {
                    Fault::about_nothing(Rule::WrongParticipant, "another participant asked")
                } else {
                    Fault::about_nothing(Rule::Unhandled, "nobody asked")
                };
                return self.fault(player, fault);
            }
        };
        if request.purpose.is_in_flight() {
            self.flow.leave(request.sent_ns, self.now.monotonic.0);
        }
        let told = match message {
            Message::PaymentResult(result) => self.on_payment_result(&request, result),
            Message::CodeResult(result) => self.on_code_result(player, &request, result),
            Message::StatusResult(result) => self
                .judge
                .originators
                .inquiry_answered(request.number, result),
            Message::ReversalResult(result) | Message::ReversalAdviceAck(result) => {
                self.on_reversal_answered(request.number, result.response_code)
            }
            Message::SignOnAck(ack) => {
                self.on_sign_on_ack(place, player, ack);
                Ok(())
            }
            Message::Reject(reject) => {
                self.on_reject(place, player, &request, reject.response_code)
            }
            _ => Ok(()),
        };
        if let Err(fault) = told {
            self.fault(player, fault);
        }
    }

    fn on_payment_result(
        &mut self,
        request: &Request,
        result: &PaymentResult<'_>,
    ) -> Result<(), Fault> {
        let number = request.number;
        match request.purpose {
            Purpose::Conflict => {
                let refused = result.response_code == ResponseCode::CONFLICT;
                self.tally.conflicts_refused += u64::from(refused);
                self.judge
                    .originators
                    .conflict_answered(number, result.response_code)
            }
            Purpose::Repeat => self
                .judge
                .originators
                .answered(self.cast, number, true, result),
            Purpose::Payment => {
                self.payment_done(request, result.response_code);
                self.judge
                    .originators
                    .answered(self.cast, number, false, result)?;
                let page = self.judge.originators.page(number);
                if has_follow_up(page.fate, page.standing) && page.answers == 1 {
                    self.follow_ups.push_back(number);
                }
                Ok(())
            }
            Purpose::Code | Purpose::Inquiry | Purpose::Reversal | Purpose::Network => {
                Err(Fault::of(
                    number,
                    Rule::WrongKind,
                    "a payment's answer to something else",
                ))
            }
        }
    }

    /// Times a payment that was answered.
    fn payment_done(&mut self, request: &Request, code: ResponseCode) {
        self.in_flight -= 1;
        let now_ns = self.now.monotonic.0;
        let standing = Standing::told(code, None);
        self.record.answered(&Answered {
            lane: self.judge.originators.page(request.number).lane,
            standing,
            intended_ns: request.intended_ns,
            sent_ns: request.sent_ns,
            now_ns,
        });
        // To refuse is quick: it is neither throughput nor a response time.
        let refused = standing == Standing::Refused;
        self.tally.refused += u64::from(refused);
        self.tally.measured += u64::from(!refused && self.record.series.contains(now_ns));
    }

    fn on_reversal_answered(&mut self, number: u64, code: ResponseCode) -> Result<(), Fault> {
        self.judge.originators.take_back_answered(number, code)?;
        if code != ResponseCode::SHED {
            self.releases.push(number);
        }
        Ok(())
    }

    /// The message itself was refused.
    fn on_reject(
        &mut self,
        place: usize,
        player: u8,
        request: &Request,
        code: ResponseCode,
    ) -> Result<(), Fault> {
        let number = request.number;
        match request.purpose {
            Purpose::Payment => {
                self.payment_done(request, code);
                self.judge.originators.rejected(number, false, code);
                Ok(())
            }
            Purpose::Code => {
                self.in_flight -= 1;
                self.judge.originators.not_quoted(number, code)
            }
            Purpose::Repeat => {
                self.judge.originators.rejected(number, true, code);
                Ok(())
            }
            Purpose::Conflict => self.judge.originators.conflict_answered(number, code),
            Purpose::Reversal => self.on_reversal_answered(number, code),
            Purpose::Inquiry => Err(Fault::coded(
                number,
                Rule::RequestRefused,
                "an inquiry was refused with",
                code,
            )),
            Purpose::Network => {
                if request.kind == Kind::SignOn {
                    self.sign_on_answered(place, player, code);
                }
                Ok(())
            }
        }
    }

    /// How a payment ended that was answered 68: noted and acknowledged.
    pub(super) fn on_advice(&mut self, place: usize, player: u8, advice: &PaymentAdvice<'_>) {
        self.tally.advices_seen += 1;
        let number = self.cast.number(&advice.target.key);
        match number.filter(|number| *number < self.judge.originators.count()) {
            None => self.tally.foreign += 1,
            Some(number) => {
                let lane = self.cast.lane(self.judge.originators.page(number).lane);
                let told = if lane.originator == player {
                    self.judge.originators.advised(self.cast, number, advice)
                } else {
                    let what = "an advice to another participant";
                    Err(Fault::of(number, Rule::WrongParticipant, what))
                };
                if let Err(fault) = told {
                    self.fault(player, fault);
                }
            }
        }
        let ack = PaymentAdviceAck {
            header: messages::answering(advice.header.match_key, self.now.wall),
            target: advice.target,
            response_code: ResponseCode::APPROVED,
            text: b"",
            mac: b"",
        };
        self.put(place, &Message::PaymentAdviceAck(ack));
    }
}

/// So that answers are read in time even when the plan is far behind.
const ISSUED_PER_TURN_MAX: u32 = 256;
/// Follow-ups that find no room in a turn, before the others wait for the next.
const STUCK_PER_TURN_MAX: u32 = 16;

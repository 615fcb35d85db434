//! One body: decoded, checked against its session, and handed to whom it concerns.
//!
//! Nothing is recorded here, so nothing said here waits for a commit.

use crate::engine::Sender;
use crate::model::ids::{Institution, LinkAddress, LinkId, MatchKey, ParticipantIndex};
use crate::model::message::{
    CodeInquiry, Header, Kind, Message, Notice, NoticeAck, PaymentRequest, RefundRequest, Reject,
    SignOn, SignOnAck,
};
use crate::model::outcome::ResponseCode;
use crate::model::participant::Protocol;
use crate::model::refusal::{Fault, Refusal, Refused};
use crate::session::LinkState;
use crate::shard::codes::scan;
use crate::shard::news::Happened;
use crate::shard::stats::Counter;
use crate::shard::{Pass, Shard};

/// Whose session a message came over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker<'f> {
    pub(super) participant: ParticipantIndex,
    pub(super) link: LinkId,
    pub(super) state: LinkState,
    /// The message as it came.
    pub(super) body: &'f [u8],
}

impl Shard {
    /// A whole frame's body arrived.
    pub(super) fn handle_body(&mut self, link: LinkId, body: &[u8], pass: &mut Pass<'_>) {
        let Some(place) = self.links.find(link) else {
            return;
        };
        let listener = usize::from(place.listener);
        let speaker = self.sessions.speaker(link);
        let dialect = match speaker {
            Some((participant, _)) => &self.dialects[usize::from(participant.0)],
            None => &self.plain[listener],
        };
        let mut scratch = core::mem::take(&mut self.scratch);
        match dialect.decode_joining(body, self.today, &mut scratch) {
            Err(refused) => self.handle_refused(link, speaker, (&refused, body), pass),
            Ok(message) => match speaker {
                None => self.handle_before_sign_on(link, &message, pass),
                Some((participant, state)) => {
                    let from = Speaker {
                        participant,
                        link,
                        state,
                        body,
                    };
                    self.handle_message(from, &message, pass);
                }
            },
        }
        self.scratch = scratch;
    }

    fn handle_before_sign_on(&mut self, link: LinkId, message: &Message<'_>, pass: &mut Pass<'_>) {
        match message {
            Message::SignOn(sign_on) => self.handle_sign_on(link, sign_on, pass),
            other => self.reject(link, other, Fault::NotSignedOn, pass),
        }
    }

    fn handle_sign_on(&mut self, link: LinkId, sign_on: &SignOn<'_>, pass: &mut Pass<'_>) {
        let peer = self.links.find(link).and_then(|place| place.peer);
        let verdict = match self.tables.speaks_for(sign_on.institution) {
            // A session is the participant's own, also where it fronts others.
            Some(index) if self.tables.participant(index).institution == sign_on.institution => {
                let permitted =
                    peer.is_some_and(|peer| (self.credentials[usize::from(index.0)].0)(peer.ip()));
                let known = self.tables.participant(index);
                let now = pass.now.monotonic;
                let was_down = !self.sessions.is_up(index);
                let signed_on = self
                    .sessions
                    .handle_sign_on(link, (index, known), permitted, now);
                if was_down && signed_on.is_ok() {
                    self.engine.participant_came_up(index, &self.tables, now);
                }
                signed_on.map(|()| index)
            }
            Some(_) | None => Err(Fault::ForeignInstitution),
        };
        let (response_code, heartbeat_ms) = match verdict {
            Ok(index) => {
                self.stats.add(Counter::SignOns, 1);
                if let Some(place) = self.links.find(link) {
                    place.participant = Some(index);
                }
                let first = self.sessions.links_of(index) == 1;
                self.note_link(link, Happened::SignedOn { first }, pass.now.wall);
                (
                    ResponseCode::APPROVED,
                    self.tables.participant(index).echo_idle_ms,
                )
            }
            Err(fault) => {
                self.stats.refuse(fault);
                self.note_link(link, Happened::SignOnRefused(fault), pass.now.wall);
                self.foreign_messages += u64::from(fault == Fault::ForeignInstitution);
                (fault.response_code(), 0)
            }
        };
        let ack = SignOnAck {
            header: answer_header(&sign_on.header, pass),
            response_code,
            shards: Some(self.shards),
            shard: Some(self.shard.0),
            heartbeat_seconds: u16::try_from(heartbeat_ms.div_ceil(1_000)).ok(),
            business_date: Some(self.today),
            mac: b"",
        };
        self.reply(link, &Message::SignOnAck(ack), pass);
    }

    /// A message over a link that is, or was, signed on.
    pub(super) fn handle_message(
        &mut self,
        from: Speaker<'_>,
        message: &Message<'_>,
        pass: &mut Pass<'_>,
    ) {
        if from.state == LinkState::SignedOff && !allowed_after_sign_off(message) {
            return self.reject(from.link, message, Fault::NotSignedOn, pass);
        }
        match message {
            Message::SignOn(sign_on) => self.handle_sign_on(from.link, sign_on, pass),
            Message::SignOff(notice) => {
                let code = match self.sessions.handle_sign_off(from.link) {
                    Ok(()) => {
                        self.note_link(from.link, Happened::SignedOff, pass.now.wall);
                        ResponseCode::APPROVED
                    }
                    Err(fault) => fault.response_code(),
                };
                self.acknowledge(from.link, Message::SignOffAck, &notice.header, code, pass);
            }
            Message::Echo(Notice { header, .. }) => {
                let code = ResponseCode::APPROVED;
                self.acknowledge(from.link, Message::EchoAck, header, code, pass);
            }
            // Whatever arrives shows that the link lives; the answer has done its work.
            Message::EchoAck(_) => {}
            Message::SignOffAck(_) => self.hear_goodbye(from.link),
            Message::KeyChange(change) => {
                let code = ResponseCode::NOT_SUPPORTED;
                self.acknowledge(from.link, Message::KeyChangeAck, &change.header, code, pass);
            }
            Message::Cutover(cutover) => {
                let code = ResponseCode::NOT_SUPPORTED;
                self.acknowledge(from.link, Message::CutoverAck, &cutover.header, code, pass);
            }
            Message::PaymentRequest(PaymentRequest { key, forwarder, .. })
            | Message::RefundRequest(RefundRequest { key, forwarder, .. }) => {
                self.handle_claim(from, message, (key.originator, *forwarder), pass);
            }
            Message::ReversalRequest(_)
            | Message::ReversalAdvice(_)
            | Message::PaymentAdvice(_)
            | Message::StatusInquiry(_) => {
                let known = self.tables.participant(from.participant);
                if self
                    .sessions
                    .admit(from.participant, known, pass.now.monotonic)
                {
                    self.hand_to_owner(from, message, pass);
                } else {
                    self.reject(from.link, message, Fault::Shed, pass);
                }
            }
            Message::PaymentResult(_)
            | Message::PaymentAdviceAck(_)
            | Message::ReversalResult(_)
            | Message::ReversalAdviceAck(_)
            | Message::RefundResult(_)
            | Message::StatusResult(_)
            | Message::CodeResult(_)
            | Message::Reject(_) => self.hand_to_owner(from, message, pass),
            Message::CodeInquiry(CodeInquiry { key, .. }) => {
                self.handle_claim(from, message, (key.originator, None), pass);
            }
            Message::SignOnAck(_) | Message::KeyChangeAck(_) | Message::CutoverAck(_) => {
                self.stats.add(Counter::Unanswerable, 1);
            }
        }
    }

    /// A payment, a refund or an inquiry about a code: in the session's own name, or of one that it
    /// fronts.
    fn handle_claim(
        &mut self,
        from: Speaker<'_>,
        message: &Message<'_>,
        (originator, forwarder): (Institution, Option<Institution>),
        pass: &mut Pass<'_>,
    ) {
        let known = self.tables.participant(from.participant);
        let own = known.speaks_for(originator);
        let named = forwarder.is_none_or(|forwarder| forwarder == known.institution);
        if !own || !named {
            self.foreign_messages += 1;
            return self.reject(from.link, message, Fault::ForeignInstitution, pass);
        }
        if !self
            .sessions
            .admit(from.participant, known, pass.now.monotonic)
        {
            return self.reject(from.link, message, Fault::Shed, pass);
        }
        self.hand_to_owner(from, message, pass);
    }

    /// Hands a message to the shard whose business it is: most often, with one shard always, us.
    fn hand_to_owner(&mut self, from: Speaker<'_>, message: &Message<'_>, pass: &mut Pass<'_>) {
        let (participant, link) = (from.participant, from.link);
        let owner = self.owner(participant, message);
        if owner == self.shard {
            let link = LinkAddress {
                shard: self.shard,
                link,
            };
            return self.take(Sender { participant, link }, (message, from.body), pass);
        }
        let is_answer = message.kind().is_answer();
        if !self.pass_frame(owner, (participant, link), from.body, is_answer) && !is_answer {
            self.reject(link, message, Fault::Shed, pass);
        }
    }

    pub(super) fn hand_to_engine(
        &mut self,
        sender: Sender,
        message: &Message<'_>,
        pass: &mut Pass<'_>,
    ) {
        match message {
            Message::CodeInquiry(inquiry) => return self.hand_code_inquiry(sender, inquiry, pass),
            Message::CodeResult(result) => return self.hand_code_result(sender, result, pass),
            _ => {}
        }
        self.engage(pass, |engine, context, out| match message {
            Message::PaymentRequest(request) => {
                scan(request.code.expose(), context.tables, |scanned| {
                    engine.handle_payment((request, scanned), sender, context, out);
                });
            }
            Message::PaymentResult(result) => {
                engine.handle_payment_result(result, sender, context, out);
            }
            Message::RefundRequest(request) => {
                engine.handle_refund(request, sender, context, out);
            }
            Message::RefundResult(result) => {
                engine.handle_refund_result(result, sender, context, out);
            }
            Message::StatusResult(result) => {
                engine.handle_status_result(result, sender, context, out);
            }
            Message::PaymentAdvice(advice) => {
                engine.handle_payment_advice(advice, sender, context, out);
            }
            Message::PaymentAdviceAck(ack) => engine.handle_payment_advice_ack(ack, sender, out),
            Message::ReversalRequest(reversal) => {
                engine.handle_reversal(reversal, false, sender, context, out);
            }
            Message::ReversalAdvice(reversal) => {
                engine.handle_reversal(reversal, true, sender, context, out);
            }
            Message::ReversalResult(result) => {
                engine.handle_reversal_result(result, false, sender, context, out);
            }
            Message::ReversalAdviceAck(result) => {
                engine.handle_reversal_result(result, true, sender, context, out);
            }
            Message::StatusInquiry(inquiry) => {
                engine.handle_status_inquiry(inquiry, sender, context, out);
            }
            Message::Reject(reject) => engine.handle_reject(reject, sender, context, out),
            other => unreachable!("{:?} is not the engine's", other.kind()),
        });
    }

    /// A body that cannot be used: answered where that is possible, counted in any case.
    fn handle_refused(
        &mut self,
        link: LinkId,
        speaker: Option<(ParticipantIndex, LinkState)>,
        (refused, body): (&Refused, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        self.stats.refuse(refused.refusal.fault);
        self.note_link(link, Happened::Refused(refused.refusal), pass.now.wall);
        let is_answer = refused.kind.map_or_else(
            || self.looks_like_answer(link, refused),
            |kind| kind.is_answer(),
        );
        match (is_answer, refused.match_key, speaker) {
            (true, Some(match_key), Some((participant, _))) => {
                let owner = self.drawn_by(participant, match_key);
                if owner == self.shard {
                    self.handle_unreadable_answer(match_key, participant, pass);
                } else {
                    // Where it cannot pass, the deadline of what it answers decides.
                    self.pass_frame(owner, (participant, link), body, true);
                }
            }
            (false, Some(match_key), _) => {
                let header = Header {
                    match_key,
                    transmit_time: pass.now.wall,
                };
                self.send_reject(link, header, refused.regarding, refused.refusal, pass);
            }
            (true, ..) | (false, None, _) => self.stats.add(Counter::Unanswerable, 1),
        }
    }

    /// Where the kind is not known, an ISO 8583 MTI still tells: its third digit is odd in answers.
    fn looks_like_answer(&mut self, link: LinkId, refused: &Refused) -> bool {
        let Some(place) = self.links.find(link) else {
            return false;
        };
        match self.listeners[usize::from(place.listener)].protocol {
            Protocol::Sbe => false,
            Protocol::Iso8583Ascii | Protocol::Iso8583Binary => {
                refused.regarding / 10 % 10 % 2 == 1
            }
        }
    }

    pub(super) fn handle_unreadable_answer(
        &mut self,
        match_key: MatchKey,
        participant: ParticipantIndex,
        pass: &mut Pass<'_>,
    ) {
        self.engage(pass, |engine, context, effects| {
            engine.handle_unreadable_answer(match_key, participant, context, effects);
        });
    }

    fn acknowledge(
        &mut self,
        link: LinkId,
        kind: fn(NoticeAck<'static>) -> Message<'static>,
        header: &Header,
        response_code: ResponseCode,
        pass: &mut Pass<'_>,
    ) {
        let ack = NoticeAck {
            header: answer_header(header, pass),
            response_code,
            mac: b"",
        };
        self.reply(link, &kind(ack), pass);
    }

    /// Refuses a message that was understood.
    pub(super) fn reject(
        &mut self,
        link: LinkId,
        message: &Message<'_>,
        fault: Fault,
        pass: &mut Pass<'_>,
    ) {
        if message.kind().is_answer() {
            return self.stats.add(Counter::Unanswerable, 1);
        }
        self.stats.refuse(fault);
        let refusal = Refusal {
            fault,
            field_id: 0,
            offset: 0,
        };
        // Shedding is quick, and counted.
        if fault != Fault::Shed {
            self.note_link(link, Happened::Refused(refusal), pass.now.wall);
        }
        let Some(place) = self.links.find(link) else {
            return;
        };
        let protocol = self.listeners[usize::from(place.listener)].protocol;
        let regarding = regarding(message.kind(), protocol);
        let header = answer_header(message.header(), pass);
        self.send_reject(link, header, regarding, refusal, pass);
    }

    fn send_reject(
        &mut self,
        link: LinkId,
        header: Header,
        regarding: u16,
        refusal: Refusal,
        pass: &mut Pass<'_>,
    ) {
        let reject = rejection(header, regarding, refusal);
        self.reply(link, &Message::Reject(reject), pass);
    }
}

/// What a refusal says.
pub(super) fn rejection(header: Header, regarding: u16, refusal: Refusal) -> Reject<'static> {
    Reject {
        header,
        regarding,
        response_code: refusal.fault.response_code(),
        reason: refusal.fault as u16,
        field_id: refusal.field_id,
        offset: refusal.offset,
        text: refusal.fault.name().as_bytes(),
        mac: b"",
    }
}

/// How a protocol calls the kind of request that is refused.
pub(super) fn regarding(kind: Kind, protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Sbe => kind.template_id(),
        Protocol::Iso8583Ascii | Protocol::Iso8583Binary => mti(kind),
    }
}

fn answer_header(header: &Header, pass: &Pass<'_>) -> Header {
    Header {
        match_key: header.match_key,
        transmit_time: pass.now.wall,
    }
}

/// After sign-off answers still arrive, and the session itself may be ended or begun again.
fn allowed_after_sign_off(message: &Message<'_>) -> bool {
    message.kind().is_answer()
        || matches!(message.kind(), Kind::SignOn | Kind::SignOff | Kind::Echo)
}

/// The MTI of a request, as a number.
const fn mti(kind: Kind) -> u16 {
    match kind {
        Kind::CodeInquiry | Kind::StatusInquiry => 100,
        Kind::PaymentRequest | Kind::RefundRequest => 200,
        Kind::PaymentAdvice => 220,
        Kind::ReversalRequest => 400,
        Kind::ReversalAdvice => 420,
        Kind::SignOn
        | Kind::SignOnAck
        | Kind::SignOff
        | Kind::SignOffAck
        | Kind::Echo
        | Kind::EchoAck
        | Kind::KeyChange
        | Kind::KeyChangeAck
        | Kind::Cutover
        | Kind::CutoverAck
        | Kind::CodeResult
        | Kind::PaymentResult
        | Kind::PaymentAdviceAck
        | Kind::ReversalResult
        | Kind::ReversalAdviceAck
        | Kind::RefundResult
        | Kind::StatusResult
        | Kind::Reject => 800,
    }
}

//! Links come and go: dialling, sign-on, echoes, what is lost with a link, and what is sent again.

use core::net::SocketAddr;

use cpg_switch::model::ids::{LinkId, MatchKey};
use cpg_switch::model::message::{Kind, Message, NoticeAck, SignOnAck};
use cpg_switch::model::outcome::ResponseCode;

use crate::judge::books::TakenBack;
use crate::pair::{Purpose, Request};
use crate::send::floor::Floor;
use crate::send::link::LinkState;
use crate::send::messages;

impl Floor<'_> {
    /// Where `player` dials.
    pub(crate) fn address(&self, player: u8) -> SocketAddr {
        self.addresses[usize::from(player)]
    }

    /// After a restart listeners have other ports.
    pub(crate) fn move_to(&mut self, addresses: Vec<SocketAddr>) {
        assert_eq!(addresses.len(), self.addresses.len(), "one for each player");
        self.addresses = addresses;
    }

    /// A link is connected: it signs on.
    pub(super) fn dialled(&mut self, id: LinkId, player: u8) {
        self.read_clock();
        let place = self.seat(id, player);
        let institution = self.cast.player(player).institution;
        let request = self.network_request(Kind::SignOn);
        let asked = self.ask_on(place, request, |header| {
            messages::sign_on(header, institution)
        });
        assert!(asked, "a new link has room for its sign-on");
    }

    /// A link on which nobody signs on: there is no switch between the players.
    pub(super) fn seat_signed_on(&mut self, id: LinkId, player: u8) {
        let place = self.seat(id, player);
        self.links[place].state = LinkState::SignedOn;
        self.signed_on += 1;
    }

    /// Links that are not gone.
    pub(crate) fn links(&self) -> usize {
        self.links
            .iter()
            .filter(|link| link.state != LinkState::Gone)
            .count()
    }

    /// Links that are signed on.
    pub(crate) const fn signed_on(&self) -> usize {
        self.signed_on
    }

    /// Who was refused, with which code.
    pub(crate) fn sign_on_refused(&self) -> Option<(String, String)> {
        self.refused
            .as_ref()
            .map(|(player, code)| (self.cast.player(*player).name.clone(), code.clone()))
    }

    pub(super) fn on_sign_on_ack(&mut self, place: usize, player: u8, ack: &SignOnAck<'_>) {
        self.sign_on_answered(place, player, ack.response_code);
    }

    pub(super) fn sign_on_answered(&mut self, place: usize, player: u8, code: ResponseCode) {
        if code == ResponseCode::APPROVED {
            self.links[place].state = LinkState::SignedOn;
            self.signed_on += 1;
            self.on_back(player);
        } else {
            self.refused = Some((player, code.to_string()));
        }
    }

    /// The switch asks whether we are there.
    pub(super) fn on_echo(&mut self, place: usize, key: MatchKey) {
        self.tally.echoes_answered += 1;
        let ack = NoticeAck {
            header: messages::answering(key, self.now.wall),
            response_code: ResponseCode::APPROVED,
            mac: b"",
        };
        self.put(place, &Message::EchoAck(ack));
    }

    /// The switch signs off: it hears that we know, and nothing new of this player until it is
    /// back. What was asked before is still answered.
    pub(super) fn on_goodbye(&mut self, place: usize, player: u8, key: MatchKey) {
        self.tally.goodbyes += 1;
        self.faults.conducts[usize::from(player)].told_goodbye = true;
        let ack = NoticeAck {
            header: messages::answering(key, self.now.wall),
            response_code: ResponseCode::APPROVED,
            mac: b"",
        };
        self.put(place, &Message::SignOffAck(ack));
    }

    /// One echo a second for each player.
    pub(super) fn care(&mut self) {
        if self.now.monotonic.0 < self.next_echo_ns {
            return;
        }
        self.next_echo_ns = self.now.monotonic.0 + ECHO_NS;
        let request = self.network_request(Kind::Echo);
        for player in 0..u8::try_from(self.tables.len()).expect("at most 255 players") {
            if self.ask(player, request, messages::echo) {
                self.tally.echoes += 1;
            }
        }
    }

    /// A link is gone. Once a player has none left, no answer can come: its requests are lost.
    pub(super) fn ended(&mut self, place: usize) {
        let link = &mut self.links[place];
        if link.state == LinkState::Gone {
            return;
        }
        if link.state == LinkState::SignedOn {
            self.signed_on -= 1;
        }
        link.state = LinkState::Gone;
        link.partial.clear();
        link.staged.clear();
        let player = link.player;
        let ring = &mut self.rings[usize::from(player)];
        ring.0.retain(|kept| *kept != place);
        ring.1 = 0;
        if !ring.0.is_empty() {
            return;
        }
        let (lost, in_flight) = (&mut self.lost, &mut self.in_flight);
        let (flow, now_ns) = (&mut self.flow, self.now.monotonic.0);
        let answers = self.faults.are_planned();
        self.tables[usize::from(player)].cut(answers, |request| {
            if request.purpose.is_in_flight() {
                *in_flight -= 1;
                if request.sent_ns > 0 {
                    flow.leave(request.sent_ns, now_ns);
                }
            }
            lost.push((player, request));
        });
        self.on_all_ended(player);
    }

    /// Payments and reversals that lost their links before the answer.
    pub(crate) fn lost_count(&self) -> usize {
        self.lost
            .iter()
            .filter(|(_, request)| is_sent_again(request))
            .count()
    }

    /// Payments that lost their links before the answer.
    pub(crate) fn lost_payments(&self) -> u32 {
        let payments = self
            .lost
            .iter()
            .filter(|(_, request)| matches!(request.purpose, Purpose::Payment | Purpose::Code))
            .count();
        u32::try_from(payments).expect("at most what is in flight")
    }

    /// Follow-ups that were not sent before the switch was gone.
    pub(crate) fn forget_follow_ups(&mut self) {
        if self.links() == 0 {
            self.follow_ups.clear();
        }
    }

    /// Repeats up to `count` of the last answered payments: their answers may not have changed.
    pub(crate) fn ask_once_more(&mut self, count: u32) -> u32 {
        let mut asked = 0;
        let mut number = self.judge.originators.count();
        while asked < count && number > 0 {
            number -= 1;
            let page = *self.judge.originators.page(number);
            if !page.standing.is_final() || page.taken_back == TakenBack::Asked {
                continue;
            }
            let script = self.mix.script(number);
            let player = self.cast.lane(script.lane).originator;
            if !self.repeat(player, number, &script) {
                break;
            }
            asked += 1;
        }
        asked
    }

    /// Sends lost payments and reversals again, under the same keys; `false` while some still wait.
    pub(crate) fn send_lost_again(&mut self) -> bool {
        while let Some((player, request)) = self.lost.pop() {
            if is_sent_again(&request) && !self.send_again(player, request) {
                self.lost.push((player, request));
                return false;
            }
        }
        true
    }

    fn send_again(&mut self, player: u8, lost: Request) -> bool {
        let number = lost.number;
        let script = self.mix.script(number);
        // Where its links were cut on purpose, the payer has waited ever since it was due; after an
        // inquiry about a code, it is timed from the quote.
        let intended_ns = if self.faults.are_planned() && lost.purpose != Purpose::Code {
            lost.intended_ns
        } else {
            self.now.monotonic.0
        };
        let request = Request {
            intended_ns,
            sent_ns: 0,
            ..lost
        };
        match lost.purpose {
            Purpose::Reversal => self.ask_reversal(player, number, &script, request, true),
            Purpose::Code => {
                let sent = self.ask_code(player, number, &script, request);
                self.in_flight += u32::from(sent);
                sent
            }
            Purpose::Payment
            | Purpose::Repeat
            | Purpose::Conflict
            | Purpose::Inquiry
            | Purpose::Network => {
                let sent = self.ask_payment(player, number, &script, request);
                if sent {
                    self.judge.originators.ask_again(number);
                    self.tally.course.sent_again += 1;
                    self.in_flight += 1;
                }
                sent
            }
        }
    }

    pub(super) const fn network_request(&self, kind: Kind) -> Request {
        Request {
            kind,
            purpose: Purpose::Network,
            number: 0,
            intended_ns: self.now.monotonic.0,
            sent_ns: 0,
        }
    }
}

/// Repeats and inquiries that were lost are not missed.
fn is_sent_again(request: &Request) -> bool {
    matches!(
        request.purpose,
        Purpose::Payment | Purpose::Code | Purpose::Reversal
    )
}

const ECHO_NS: u64 = 1_000_000_000;

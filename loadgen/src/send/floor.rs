//! Players, their links and their books: everything that a completion may touch.

use core::net::SocketAddr;
use std::collections::VecDeque;

use cpg_switch::model::ids::{LinkId, MatchKey};
use cpg_switch::model::message::{Header, Message, PaymentResult};
use cpg_switch::model::time::{Monotonic, Now};
use cpg_switch::sys::clock::Clock;
use cpg_switch::sys::operation::{Completion, Submission};
use cpg_switch::wire::frame::Split;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::cast::Cast;
use crate::health::{Course, Flow};
use crate::judge::verdict::Rule;
use crate::judge::{Fault, Judge};
use crate::mix::Mix;
use crate::pair::{Purpose, Request, Table};
use crate::plan::design::Manner;
use crate::record::Record;
use crate::record::corridors::Corridors;
use crate::send::codes::Quoted;
use crate::send::delays::Delays;
use crate::send::faults::Faults;
use crate::send::link::{FRAME_BYTES, Link, LinkState};

/// What a stage reserves memory for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Links of all players.
    pub(crate) links: u32,
    /// Requests of one player that are open at once.
    pub(crate) open_max: u32,
    /// Payments of the whole run, roughly.
    pub(crate) payments: usize,
}

impl Sizes {
    pub(super) const fn links_max(self) -> u32 {
        // A restart dials anew before the old slots are free.
        self.links.saturating_mul(2).saturating_add(8)
    }
}

/// What was counted besides the books.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Payments answered in the measured part of the run.
    pub(crate) measured: u64,
    /// Payments that were shed or refused: not measured.
    pub(crate) refused: u64,
    /// Same key and body, sent again.
    pub(crate) repeats: u64,
    /// Same key, another body.
    pub(crate) conflicts: u64,
    /// Of these, answered 94.
    pub(crate) conflicts_refused: u64,
    /// Status inquiries.
    pub(crate) inquiries: u64,
    /// Inquiries about codes.
    pub(crate) code_inquiries: u64,
    /// Of these, answered with a quote.
    pub(crate) quotes: u64,
    /// Reversals by request.
    pub(crate) reversal_requests: u64,
    /// Reversals by advice.
    pub(crate) reversal_advices: u64,
    /// Reversals that reached a destination.
    pub(crate) reversals_seen: u64,
    /// Advices of outcomes that reached an originator.
    pub(crate) advices_seen: u64,
    /// Echoes that we asked for.
    pub(crate) echoes: u64,
    /// Echoes that the switch asked for.
    pub(crate) echoes_answered: u64,
    /// Goodbyes of the switch.
    pub(crate) goodbyes: u64,
    /// Messages about payments of other runs.
    pub(crate) foreign: u64,
    /// Times at which a payment was due and no link had room.
    pub(crate) held: u64,
    /// What became of the plan.
    pub(crate) course: Course,
}

/// An approval that is sent only when the reversal comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldBack {
    pub(super) link: usize,
    pub(super) result: PaymentResult<'static>,
}

/// Everything that happens on a stage.
#[derive(Debug)]
pub(crate) struct Floor<'a> {
    pub(super) cast: &'a Cast,
    pub(super) mix: &'a Mix,
    /// The books.
    pub(crate) judge: Judge,
    /// The histograms.
    pub(crate) record: Record,
    /// The counts.
    pub(crate) tally: Tally,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) tables: Vec<Table>,
    pub(super) links: Vec<Link>,
    /// The places of each player's links, and which is next.
    pub(super) rings: Vec<(Vec<usize>, usize)>,
    by_slot: Vec<usize>,
    /// Who answers on our own listeners, in their order.
    pub(super) hosts: Vec<u8>,
    dirty: Vec<usize>,
    flushing: Vec<usize>,
    scratch: Vec<u8>,
    pub(super) now: Now,
    transmission: (u64, u64),
    pub(super) follow_ups: VecDeque<u64>,
    /// Payments taken back, until the destination has given them back.
    pub(super) releases: Vec<u64>,
    pub(super) late: HashMap<u64, HeldBack, FixedState>,
    /// Payments under a quote: by number, what was quoted.
    pub(super) quotes: HashMap<u64, Quoted, FixedState>,
    /// Requests that lost their links before the answer.
    pub(super) lost: Vec<(u8, Request)>,
    pub(super) in_flight: u32,
    pub(super) manner: Manner,
    pub(super) faults: Faults,
    pub(super) delays: Delays,
    /// A payment that was due has waited for room, and the plan has not caught up since.
    pub(super) waited_for_room: bool,
    /// What is in flight, and for how long.
    pub(crate) flow: Flow,
    pub(super) refused: Option<(u8, String)>,
    pub(super) signed_on: usize,
    pub(super) next_echo_ns: u64,
}

impl<'a> Floor<'a> {
    pub(super) fn new(cast: &'a Cast, mix: &'a Mix, sizes: Sizes) -> Self {
        let players = cast.players();
        let slots = usize::try_from(sizes.links_max()).expect("addresses have 64 bits");
        let now = Clock.now();
        let table = |(place, player): (u64, &crate::cast::Player)| {
            // A later run, and another player, draws other keys.
            let first = (now.wall.0 / 1_000_000_000) << 32 | place << 26;
            Table::new(player.protocol, sizes.open_max, first)
        };
        Self {
            cast,
            mix,
            judge: Judge::new(sizes.payments),
            record: Record::new(Corridors::new(cast)),
            tally: Tally::default(),
            addresses: players.iter().map(|player| player.address).collect(),
            tables: (0_u64..).zip(players).map(table).collect(),
            links: Vec::with_capacity(slots),
            rings: vec![(Vec::new(), 0); players.len()],
            by_slot: vec![usize::MAX; slots],
            dirty: Vec::with_capacity(slots),
            flushing: Vec::with_capacity(slots),
            hosts: Vec::new(),
            scratch: vec![0; FRAME_BYTES],
            now,
            transmission: (u64::MAX, 0),
            follow_ups: VecDeque::with_capacity(FOLLOW_UPS),
            releases: Vec::with_capacity(FOLLOW_UPS),
            late: HashMap::with_capacity_and_hasher(FOLLOW_UPS, FixedState::default()),
            quotes: HashMap::with_hasher(FixedState::default()),
            lost: Vec::with_capacity(FOLLOW_UPS),
            in_flight: 0,
            manner: Manner::UNBOUNDED,
            faults: Faults::none(players.len()),
            delays: Delays::new(0),
            waited_for_room: false,
            flow: Flow::between(0, u64::MAX),
            refused: None,
            signed_on: 0,
            next_echo_ns: now.monotonic.0,
        }
    }

    /// Only what is intended in this span is measured; everything is judged.
    pub(crate) fn measure_between(&mut self, from_ns: u64, to_ns: u64) {
        self.record.series.measure_between(from_ns, to_ns);
        self.flow = Flow::between(from_ns, to_ns);
    }

    /// What is done with what cannot be sent when it is due.
    pub(crate) const fn manner(&self) -> Manner {
        self.manner
    }

    /// Payments in flight.
    pub(crate) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// The time of this turn.
    pub(crate) const fn now(&self) -> Monotonic {
        self.now.monotonic
    }

    /// Whether every request is answered, every 68 resolved and everything taken back is given
    /// back.
    pub(crate) fn is_settled(&mut self) -> bool {
        let destinations = &self.judge.destinations;
        self.releases
            .retain(|number| destinations.page(*number).balance.is_debited());
        self.releases.is_empty()
            && self.follow_ups.is_empty()
            && self.judge.originators.unresolved() == 0
            && self.tables.iter().all(|table| table.open_count() == 0)
    }

    /// Whether no link has anything left to send.
    pub(crate) fn is_quiet(&self) -> bool {
        self.links
            .iter()
            .all(|link| link.state == LinkState::Gone || link.is_quiet())
    }

    /// The end of the run: requests that are still open, payments apart, break a rule.
    pub(crate) fn into_judge(mut self) -> (Judge, Record, Tally) {
        for (player, table) in (0_u8..).zip(&self.tables) {
            for request in table
                .requests()
                .filter(|request| request.purpose != Purpose::Payment)
            {
                let fault = match request.purpose {
                    Purpose::Network => Fault::about_nothing(Rule::Unanswered, "a network message"),
                    Purpose::Payment | Purpose::Repeat => {
                        Fault::of(request.number, Rule::Unanswered, "a repeat")
                    }
                    Purpose::Conflict => {
                        Fault::of(request.number, Rule::Unanswered, "a conflicting repeat")
                    }
                    Purpose::Inquiry => {
                        Fault::of(request.number, Rule::Unanswered, "a status inquiry")
                    }
                    Purpose::Code => {
                        Fault::of(request.number, Rule::Unanswered, "an inquiry about a code")
                    }
                    Purpose::Reversal => Fault::of(request.number, Rule::Unanswered, "a reversal"),
                };
                self.judge.fault(self.cast, player, fault);
            }
        }
        (self.judge, self.record, self.tally)
    }

    pub(super) fn read_clock(&mut self) {
        self.now = Clock.now();
        self.record
            .series
            .turn(self.now.monotonic.0, self.in_flight);
        let second = self.now.wall.0 / 1_000_000_000;
        if self.transmission.0 != second {
            self.transmission = (second, self.now.wall.transmission());
        }
    }

    /// One completion of the machine.
    pub(super) fn handle(&mut self, completion: Completion<'_>, submissions: &mut Vec<Submission>) {
        match completion {
            Completion::Received { link, bytes } => {
                let place = self.place(link);
                if let Some(place) =
                    place.filter(|place| self.links[*place].state != LinkState::Gone)
                {
                    self.now.monotonic = Clock.monotonic();
                    self.received(place, bytes);
                }
            }
            Completion::Sent { link, buffer, .. } => {
                let Some(place) = self.place(link) else {
                    return;
                };
                match self.links[place].on_sent(buffer) {
                    Some(buffer) => submissions.push(Submission::Send { link, buffer }),
                    None if self.links[place].wants_flush() => self.dirty.push(place),
                    None => {}
                }
            }
            Completion::Ended { link, .. } => {
                if let Some(place) = self.place(link) {
                    self.ended(place);
                    submissions.push(Submission::Close { link });
                }
            }
            Completion::Closed { link } => {
                let slot = usize::try_from(link.slot).expect("addresses have 64 bits");
                self.by_slot[slot] = usize::MAX;
            }
            Completion::Accepted { listener, link, .. } => {
                let player = self.hosts[usize::from(listener.0)];
                self.seat_signed_on(link, player);
            }
            Completion::AcceptRefused { .. }
            | Completion::Written { .. }
            | Completion::SegmentReady { .. }
            | Completion::Woken => {}
        }
    }

    /// Sends `message` of `player` as a request on any of its links; `false` where none has room.
    pub(super) fn ask(
        &mut self,
        player: u8,
        request: Request,
        message: impl FnOnce(Header) -> Message<'static>,
    ) -> bool {
        let Some(place) = self.pick(player) else {
            return false;
        };
        self.ask_on(place, request, message)
    }

    /// Sends `message` as a request on the link at `place`.
    pub(super) fn ask_on<'m>(
        &mut self,
        place: usize,
        request: Request,
        message: impl FnOnce(Header) -> Message<'m>,
    ) -> bool {
        let player = usize::from(self.links[place].player);
        let Some(match_key) = self.tables[player].open(request, self.transmission.1) else {
            return false;
        };
        let header = Header {
            match_key,
            transmit_time: self.now.wall,
        };
        self.put(place, &message(header));
        self.links[place].staged.push(match_key);
        true
    }

    /// A link of `player` that is signed on and has room; they take turns.
    pub(super) fn pick(&mut self, player: u8) -> Option<usize> {
        let (ring, next) = &mut self.rings[usize::from(player)];
        for _ in 0..ring.len() {
            let place = ring[*next % ring.len()];
            *next = (*next + 1) % ring.len();
            let link = &self.links[place];
            if link.state == LinkState::SignedOn && link.has_room() {
                return Some(place);
            }
        }
        None
    }

    /// Encodes `message` in the link's own dialect and queues it.
    pub(super) fn put(&mut self, place: usize, message: &Message<'_>) {
        self.put_part(place, message, (1, 1));
    }

    /// The same with only so many of so many parts of its body: nobody can read it.
    pub(super) fn put_part(&mut self, place: usize, message: &Message<'_>, part: (usize, usize)) {
        let link = &mut self.links[place];
        let player = self.cast.player(link.player);
        let header_bytes = player.framing.header_bytes();
        let encoded = player
            .dialect
            .encode(message, &mut self.scratch[header_bytes..])
            .expect("players say only what every dialect of theirs can carry");
        let bytes = encoded.bytes * part.0 / part.1;
        let total = header_bytes + bytes;
        player
            .framing
            .write_header(&mut self.scratch[..total], bytes, None)
            .expect("the frame fits: it was written");
        if link.put(&self.scratch[..total]) {
            self.dirty.push(place);
        }
    }

    /// Every link that has something to send sends it, at once.
    pub(super) fn flush(&mut self, submissions: &mut Vec<Submission>) {
        let now_ns = Clock.monotonic().0;
        // Links that become dirty meanwhile wait for the next turn; both lists keep their memory.
        core::mem::swap(&mut self.dirty, &mut self.flushing);
        while let Some(place) = self.flushing.pop() {
            let Some(buffer) = self.links[place].flush() else {
                continue;
            };
            let id = self.links[place].id;
            submissions.push(Submission::Send { link: id, buffer });
            self.stamp(place, now_ns);
            if self.links[place].wants_flush() {
                self.dirty.push(place);
            }
        }
    }

    pub(super) fn fault(&mut self, player: u8, fault: Fault) {
        self.judge.fault(self.cast, player, fault);
    }

    /// The real send of every request in the buffer that leaves now.
    fn stamp(&mut self, place: usize, now_ns: u64) {
        let link = &mut self.links[place];
        let table = &mut self.tables[usize::from(link.player)];
        for key in link.staged.drain(..) {
            let Some(request) = table.sent(key, now_ns) else {
                continue;
            };
            if request.purpose.is_in_flight() {
                self.flow.enter(now_ns);
            }
            // What follows a quote was not planned: the inquiry was. Nor is what is sent again.
            let planned = match request.purpose {
                Purpose::Payment => {
                    let again = self.judge.originators.is_again(request.number);
                    !again && !self.quotes.contains_key(&request.number)
                }
                Purpose::Code => true,
                Purpose::Repeat
                | Purpose::Conflict
                | Purpose::Inquiry
                | Purpose::Reversal
                | Purpose::Network => false,
            };
            if planned {
                self.record.sent(request.intended_ns, now_ns);
            }
        }
    }

    fn place(&self, link: LinkId) -> Option<usize> {
        let slot = usize::try_from(link.slot).expect("addresses have 64 bits");
        let place = *self.by_slot.get(slot)?;
        (place != usize::MAX && self.links[place].id == link).then_some(place)
    }

    pub(super) fn seat(&mut self, id: LinkId, player: u8) -> usize {
        let place = self.links.len();
        let slot = usize::try_from(id.slot).expect("addresses have 64 bits");
        self.by_slot[slot] = place;
        self.rings[usize::from(player)].0.push(place);
        self.links.push(Link::new(id, player));
        place
    }

    /// Splits what arrived into frames; the start of an unfinished one is kept.
    fn received(&mut self, place: usize, bytes: &[u8]) {
        let mut partial = core::mem::take(&mut self.links[place].partial);
        if partial.is_empty() {
            let used = self.frames(place, bytes);
            partial.extend_from_slice(&bytes[used..]);
        } else {
            partial.extend_from_slice(bytes);
            let used = self.frames(place, &partial);
            partial.drain(..used);
        }
        self.links[place].partial = partial;
    }

    /// Handles every whole frame; how many bytes they were.
    fn frames(&mut self, place: usize, bytes: &[u8]) -> usize {
        let player = self.links[place].player;
        let framing = self.cast.player(player).framing;
        let mut used = 0;
        loop {
            match framing.split(&bytes[used..], FRAME_BYTES) {
                Split::Partial { .. } => return used,
                Split::Frame { body, total, .. } => {
                    self.frame(place, player, &bytes[used + body.start..used + body.end]);
                    used += total;
                }
                Split::KeepAlive { total } => used += total,
                Split::Lost(_) => {
                    self.fault(
                        player,
                        Fault::about_nothing(Rule::Unreadable, "framing is lost"),
                    );
                    return bytes.len();
                }
            }
        }
    }

    fn frame(&mut self, place: usize, player: u8, body: &[u8]) {
        let cast = self.cast;
        let today = self.cast.local_date;
        match cast.player(player).dialect.decode(body, today) {
            Ok(message) => self.message(place, player, &message),
            Err(_) => {
                let what = "a message of the switch cannot be decoded";
                self.fault(player, Fault::about_nothing(Rule::Unreadable, what));
            }
        }
    }

    fn message(&mut self, place: usize, player: u8, message: &Message<'_>) {
        let key = message.header().match_key;
        match message {
            Message::PaymentRequest(request) => self.on_payment(place, player, request),
            Message::ReversalRequest(reversal) => self.on_reversal(place, player, reversal, false),
            Message::ReversalAdvice(reversal) => self.on_reversal(place, player, reversal, true),
            Message::StatusInquiry(inquiry) => self.on_inquiry(place, player, inquiry),
            Message::CodeInquiry(inquiry) => self.on_code_inquiry(place, inquiry),
            Message::PaymentAdvice(advice) => self.on_advice(place, player, advice),
            Message::Echo(_) => self.on_echo(place, key),
            Message::SignOnAck(_)
            | Message::SignOffAck(_)
            | Message::EchoAck(_)
            | Message::KeyChangeAck(_)
            | Message::CutoverAck(_)
            | Message::CodeResult(_)
            | Message::PaymentResult(_)
            | Message::PaymentAdviceAck(_)
            | Message::ReversalResult(_)
            | Message::ReversalAdviceAck(_)
            | Message::RefundResult(_)
            | Message::StatusResult(_)
            | Message::Reject(_) => self.on_answer(place, player, key, message),
            Message::SignOff(_) => self.on_goodbye(place, player, key),
            Message::SignOn(_)
            | Message::KeyChange(_)
            | Message::Cutover(_)
            | Message::RefundRequest(_) => {
                let what = "a message that the switch does not send yet";
                self.fault(player, Fault::about_nothing(Rule::Unasked, what));
            }
        }
    }

    fn on_answer(&mut self, place: usize, player: u8, key: MatchKey, message: &Message<'_>) {
        let found = self.tables[usize::from(player)].close(message.kind(), key);
        self.answered(place, player, found, key, message);
    }
}

/// Follow-ups that wait at once, before their queue grows.
const FOLLOW_UPS: usize = 4_096;

//! The fake network: links between participants and nodes, each a stream of bytes each way, cut
//! into pieces at any place, with latency, bounded sockets, silence and resets.

use std::collections::VecDeque;

use crate::model::ids::{LinkId, ListenerIndex};
use crate::model::participant::Protocol;
use crate::sim::arrivals::Arrived;
use crate::sim::faults::Fault;
use crate::sim::player::{Deed, Duty};
use crate::sim::world::{Event, World};
use crate::sys::operation::{Errno, SendBuffer};

const ECONNRESET: Errno = Errno(104);
const ECANCELED: Errno = Errno(125);
const MS: u64 = 1_000_000;

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) node: usize,
    pub(super) id: LinkId,
    pub(super) player: usize,
    lane: usize,
    pub(super) protocol: Protocol,
    latency: u64,
    /// The participant's end is open.
    up: bool,
    /// The node has been told of its end, or has closed it.
    pub(super) ended: bool,
    pub(super) closing: bool,
    half_open: bool,
    slow_until: u64,
    pub(super) sending: Option<SendBuffer>,
    /// The machine has one of the shard's buffers for it.
    pub(super) held: bool,
    /// When nothing waited in the other one for the last time.
    pub(super) empty_at: u64,
    /// It had to wait for its reader at least once.
    pub(super) stalled: bool,
    in_socket: usize,
    to_player: VecDeque<Vec<u8>>,
    to_node: VecDeque<Vec<u8>>,
    to_player_at: u64,
    to_node_at: u64,
    /// What the node has received of the next frame.
    pub(super) received: Vec<u8>,
}

impl World {
    /// A participant connects, if somebody listens.
    pub(super) fn dial(&mut self, player: usize, lane: usize) {
        if self.players[player].link_of(lane).is_some() {
            return;
        }
        let away = self.away_until[player].saturating_sub(self.now);
        if away > 0 {
            return self.after(away, Event::Duty(player, Duty::Dial(lane)));
        }
        let node = self.chance.draw.index(self.nodes.len());
        let Some(id) = self.nodes[node].take_slot(self.links.len()) else {
            let delay = self.chance.draw.between(20, 400) * MS;
            return self.after(delay, Event::Duty(player, Duty::Dial(lane)));
        };
        let protocol = self.plan.participants[player].protocol;
        let latency = self.chance.draw.between(10, self.plan.latency_us) * 1_000;
        let index = self.links.len();
        self.links.push(Link {
            node,
            id,
            player,
            lane,
            protocol,
            latency,
            up: true,
            ended: false,
            closing: false,
            half_open: false,
            slow_until: 0,
            sending: None,
            held: false,
            empty_at: self.now,
            stalled: false,
            in_socket: 0,
            to_player: VecDeque::new(),
            to_node: VecDeque::new(),
            to_player_at: 0,
            to_node_at: 0,
            received: Vec::new(),
        });
        let place = Protocol::ALL
            .iter()
            .position(|other| *other == protocol)
            .expect("one of them");
        let listener = ListenerIndex(u16::try_from(place).expect("three"));
        self.arrive(node, Arrived::Accepted(listener, id));
        self.with_player(player, |player, stage| {
            player.on_dialled(lane, index, stage);
        });
    }

    /// A participant sends bytes.
    pub(super) fn player_says(&mut self, link: usize, bytes: &[u8]) {
        let split = self.chance.strikes(Fault::Split);
        let place = &mut self.links[link];
        if !place.up || place.half_open {
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = rest.len();
            let length = if split {
                self.chance.draw.index(most.min(200)) + 1
            } else {
                most
            };
            let (piece, after) = rest.split_at(length);
            rest = after;
            let place = &mut self.links[link];
            place.to_node.push_back(piece.to_vec());
            let jitter = self.chance.draw.below(50_000);
            place.to_node_at = place.to_node_at.max(self.now + place.latency) + jitter;
            let delay = place.to_node_at - self.now;
            self.after(delay, Event::ToNode(link));
        }
    }

    /// The next bytes of a link reach its node; none: the participant's end.
    pub(super) fn reach_node(&mut self, link: usize) {
        let place = &mut self.links[link];
        let Some(bytes) = place.to_node.pop_front() else {
            return;
        };
        if place.ended || place.closing || place.half_open {
            return;
        }
        let (node, id) = (place.node, place.id);
        if bytes.is_empty() {
            place.ended = true;
            return self.arrive(node, Arrived::Ended(id, Errno(0)));
        }
        if !self.look_for_late(link, &bytes) {
            self.arrive(node, Arrived::Received(id, bytes));
        }
    }

    /// The shard sends.
    pub(super) fn node_sends(&mut self, link: usize, buffer: SendBuffer) {
        let place = &mut self.links[link];
        assert!(place.sending.is_none(), "at most one send per link");
        place.sending = Some(buffer);
        let delay = self.chance.draw.between(1, 50) * 1_000;
        self.after(delay, Event::Kernel(link));
    }

    /// The kernel takes what there is room for.
    pub(super) fn kernel(&mut self, link: usize) {
        let short = self.chance.strikes(Fault::ShortSend);
        let split = self.chance.strikes(Fault::Split);
        let place = &mut self.links[link];
        let Some(mut buffer) = place.sending.take() else {
            return;
        };
        let (node, id) = (place.node, place.id);
        if !place.up && !place.half_open {
            return self.arrive(node, Arrived::Sent(id, buffer, ECONNRESET));
        }
        let room = self.plan.socket_bytes.saturating_sub(place.in_socket);
        let mut taken = buffer.remaining().len().min(room);
        if taken == 0 {
            self.troubled_at[place.player] = u64::MAX;
            place.stalled = true;
            place.sending = Some(buffer);
            return;
        }
        if short {
            taken = self.chance.draw.index(taken) + 1;
        }
        place.in_socket += taken;
        let mut rest = &buffer.remaining()[..taken];
        let mut pieces = Vec::new();
        while !rest.is_empty() && !place.half_open {
            let length = if split {
                self.chance.draw.index(rest.len().min(200)) + 1
            } else {
                rest.len()
            };
            let (piece, after) = rest.split_at(length);
            pieces.push(piece.to_vec());
            rest = after;
        }
        buffer.advance(taken);
        self.arrive(node, Arrived::Sent(id, buffer, Errno(0)));
        for piece in pieces {
            self.queue_to_player(link, piece);
        }
    }

    fn queue_to_player(&mut self, link: usize, piece: Vec<u8>) {
        let jitter = self.chance.draw.below(50_000);
        let lag = self.chance.strikes(Fault::Lag);
        let lag = if lag {
            self.chance.draw.between(1, 1_500) * MS
        } else {
            0
        };
        let place = &mut self.links[link];
        place.to_player.push_back(piece);
        place.to_player_at = place.to_player_at.max(self.now + place.latency) + jitter + lag;
        let delay = place.to_player_at - self.now;
        self.after(delay, Event::ToPlayer(link));
    }

    /// The next bytes of a link reach its participant; none: the node's end.
    pub(super) fn reach_player(&mut self, link: usize) {
        let place = &mut self.links[link];
        if !place.up || place.half_open {
            return;
        }
        if self.now < place.slow_until {
            let delay = place.slow_until - self.now;
            place.to_player_at = place.to_player_at.max(place.slow_until);
            return self.after(delay, Event::ToPlayer(link));
        }
        let Some(bytes) = place.to_player.pop_front() else {
            return;
        };
        let (player, lane) = (place.player, place.lane);
        place.in_socket = place.in_socket.saturating_sub(bytes.len());
        if place.sending.is_some() {
            self.after(10_000, Event::Kernel(link));
        }
        if bytes.is_empty() {
            return self.lose(link);
        }
        self.note(link as u64, &bytes);
        self.with_player(player, |player, stage| player.on_bytes(lane, &bytes, stage));
    }

    /// The shard closes a link.
    pub(super) fn node_closes(&mut self, link: usize) {
        let gentle = self.chance.draw.chance(600);
        let place = &mut self.links[link];
        if place.closing {
            return;
        }
        place.closing = true;
        place.ended = true;
        self.troubled_at[place.player] = self.troubled_at[place.player].max(self.now);
        let (node, id) = (place.node, place.id);
        if let Some(buffer) = place.sending.take() {
            self.arrive(node, Arrived::Sent(id, buffer, ECANCELED));
        }
        self.arrive(node, Arrived::Closed(id));
        let place = &mut self.links[link];
        if !place.up || place.half_open {
            return;
        }
        if !gentle {
            place.to_player.clear();
        }
        self.queue_to_player(link, Vec::new());
    }

    /// Both ends learn that the link is gone.
    fn reset(&mut self, link: usize) {
        let place = &mut self.links[link];
        if !place.up {
            return;
        }
        place.half_open = false;
        self.end_at_node(link, ECONNRESET);
        self.lose(link);
    }

    fn end_at_node(&mut self, link: usize, errno: Errno) {
        let place = &mut self.links[link];
        let (node, id) = (place.node, place.id);
        let sending = place.sending.take();
        let told = core::mem::replace(&mut place.ended, true);
        let send_first = self.chance.draw.chance(500);
        let mut events = Vec::new();
        if let Some(buffer) = sending {
            events.push(Arrived::Sent(id, buffer, ECONNRESET));
        }
        if !told {
            events.push(Arrived::Ended(id, errno));
        }
        if !send_first {
            events.reverse();
        }
        for event in events {
            self.arrive(node, event);
        }
    }

    /// The participant's end is gone: it dials again.
    fn lose(&mut self, link: usize) {
        let place = &mut self.links[link];
        self.troubled_at[place.player] = self.troubled_at[place.player].max(self.now);
        place.up = false;
        place.to_player.clear();
        place.to_node.clear();
        let (player, lane) = (place.player, place.lane);
        if self.players[player].link_of(lane) == Some(link) {
            self.players[player].on_lost(lane);
            let delay = self.chance.draw.between(1, 300) * MS;
            self.after(delay, Event::Duty(player, Duty::Dial(lane)));
        }
    }

    /// The participant closes its end in order.
    pub(super) fn hang_up(&mut self, player: usize, lane: usize) {
        let Some(link) = self.players[player].link_of(lane) else {
            return;
        };
        let place = &mut self.links[link];
        let waiting = core::mem::take(&mut place.to_node);
        let half_open = place.half_open;
        self.lose(link);
        if half_open {
            return;
        }
        let place = &mut self.links[link];
        place.to_node = waiting;
        place.to_node.push_back(Vec::new());
        place.to_node_at = place.to_node_at.max(self.now + place.latency);
        let delay = place.to_node_at - self.now;
        self.after(delay, Event::ToNode(link));
    }

    /// The node is gone, and with it its ends of all links.
    pub(super) fn drop_links(&mut self, node: usize) {
        for link in 0..self.links.len() {
            let place = &mut self.links[link];
            if place.node != node || (place.ended && place.closing && !place.up) {
                continue;
            }
            place.ended = true;
            place.closing = true;
            place.sending = None;
            if place.up && !place.half_open {
                self.queue_to_player(link, Vec::new());
            }
        }
    }

    /// Now and then: does something go wrong with a link?
    pub(super) fn trouble_links(&mut self) {
        let open: Vec<usize> = (0..self.links.len())
            .filter(|link| self.links[*link].up)
            .collect();
        if open.is_empty() {
            return;
        }
        if self.chance.strikes(Fault::Reset) {
            // What stands in the middle of a message tears best.
            let torn = open
                .iter()
                .copied()
                .filter(|link| self.links[*link].sending.is_some());
            let torn: Vec<usize> = torn.collect();
            let from = if torn.is_empty() || self.chance.draw.chance(400) {
                &open
            } else {
                &torn
            };
            let link = self.chance.draw.pick(from);
            self.reset(link);
        }
        if self.chance.strikes(Fault::Disconnect) {
            let link = self.chance.draw.pick(&open);
            let (player, lane) = (self.links[link].player, self.links[link].lane);
            if self.players[player].link_of(lane) == Some(link) {
                self.perform_hang_up(player, lane);
            }
        }
        if self.chance.strikes(Fault::HalfOpen) {
            let link = self.chance.draw.pick(&open);
            let place = &mut self.links[link];
            place.half_open = true;
            self.troubled_at[place.player] = u64::MAX;
            let duty = Duty::GiveUp(place.lane, link);
            let player = place.player;
            let delay = self.chance.draw.between(200, 6_000) * MS;
            self.after(delay, Event::Duty(player, duty));
        }
        if self.chance.strikes(Fault::SlowReader) {
            let link = self.chance.draw.pick(&open);
            let length = self.chance.draw.between(10, 7_000) * MS;
            self.links[link].slow_until = self.now + length;
        }
        if self.chance.strikes(Fault::SignsOff) {
            let link = self.chance.draw.pick(&open);
            let (player, lane) = (self.links[link].player, self.links[link].lane);
            self.troubled_at[player] = self.troubled_at[player].max(self.now);
            self.with_player(player, |player, stage| player.sign_off(lane, stage));
        }
        if self.chance.strikes(Fault::StaysAway) {
            let player = self.chance.draw.index(self.players.len());
            let length = self.chance.draw.between(300, 5_000);
            self.stay_away(player, length);
        }
    }

    /// A participant hangs up, and opens no link for a while.
    pub(super) fn stay_away(&mut self, player: usize, length_ms: u64) {
        self.away_until[player] = self.now + length_ms * MS;
        for lane in 0..self.plan.links[player] {
            self.hang_up(player, lane);
        }
    }

    fn perform_hang_up(&mut self, player: usize, lane: usize) {
        let deed = Deed::HangUp { lane };
        self.with_player(player, |_, stage| stage.deeds.push(deed));
    }

    /// Readers read again, and links without a word are given up.
    pub(super) fn heal_links(&mut self) {
        for link in 0..self.links.len() {
            self.links[link].slow_until = 0;
            if self.links[link].half_open {
                if self.links[link].up {
                    self.reset(link);
                } else {
                    self.links[link].half_open = false;
                    if !self.links[link].closing {
                        self.end_at_node(link, ECONNRESET);
                    }
                }
            }
        }
    }
}

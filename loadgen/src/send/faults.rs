//! Faults begin and end: a destination stops answering, a participant's links are cut or signed
//! off.
//!
//! What an absent participant would have sent is left out, and its page says so: the judge holds
//! the switch to it that nobody sent it. What was asked over a cut link may be answered once over
//! the next one, and is held to what it says. No other rule is relaxed.

use core::net::SocketAddr;

use cpg_switch::model::ids::LinkId;
use cpg_switch::model::message::{Kind, Message};
use cpg_switch::sys::operation::Submission;

use crate::judge::Fault;
use crate::mix::Fate;
use crate::pair::{Purpose, Request};
use crate::plan::design::Design;
use crate::plan::faults::FaultKind;
use crate::relay::Stills;
use crate::send::delays::{Delays, Giving};
use crate::send::floor::Floor;
use crate::send::link::LinkState;
use crate::send::messages;

/// How one player behaves now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Conduct {
    silent: bool,
    declining: bool,
    twice: bool,
    garbled: bool,
    slow_ns: u64,
    /// Its links are cut or signed off: it sends no payments.
    pub(super) absent: bool,
    /// The switch has signed off with it: it begins no payment before it has signed on anew.
    pub(super) told_goodbye: bool,
}

/// Every player's conduct, and what is still to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) conducts: Vec<Conduct>,
    entries: Vec<Entry>,
    /// Players whose lines stand still at times, and what tells the relays on them when.
    pub(super) stills: Vec<(u8, Stills)>,
    /// Players that dial again, with so many links.
    pub(super) to_dial: Vec<(u8, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    player: u8,
    kind: FaultKind,
    from_ns: u64,
    to_ns: u64,
    stage: Phase,
    /// Links that were cut.
    links: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Waiting,
    Going,
    Over,
}

impl Conduct {
    /// Whether it sends no payments.
    pub(super) const fn is_away(self) -> bool {
        self.absent || self.told_goodbye
    }

    /// What becomes of a payment with this script at such a destination.
    pub(super) const fn fate(self, scripted: Fate) -> Fate {
        if !scripted.answers() {
            return scripted;
        }
        if self.declining {
            Fate::Decline
        } else if self.silent {
            Fate::Silent
        } else if self.garbled {
            Fate::Garbled
        } else if self.twice && !matches!(scripted, Fate::Decline) {
            Fate::Twice
        } else {
            scripted
        }
    }

    /// How a decision with this fate is given.
    pub(super) const fn giving(self, fate: Fate) -> Giving {
        match fate {
            Fate::Garbled => Giving::Garbled,
            Fate::Twice => Giving::Twice,
            _ if self.twice => Giving::Twice,
            _ => Giving::Once,
        }
    }

    fn set(&mut self, kind: FaultKind, on: bool) {
        match kind {
            FaultKind::Silent => self.silent = on,
            FaultKind::Declining => self.declining = on,
            FaultKind::Twice => self.twice = on,
            FaultKind::Garbled => self.garbled = on,
            FaultKind::Slow(delay_ms) => self.slow_ns = if on { delay_ms * 1_000_000 } else { 0 },
            FaultKind::Cut | FaultKind::SignedOff => self.absent = on,
            // The relay on its lines does it.
            FaultKind::Stalled => {}
        }
    }
}

impl Faults {
    /// Everybody behaves.
    pub(super) fn none(players: usize) -> Self {
        Self {
            conducts: vec![Conduct::default(); players],
            ..Self::default()
        }
    }

    /// Whether somebody misbehaves on purpose in this run: a link that ends is then no end of the
    /// switch.
    pub(super) const fn are_planned(&self) -> bool {
        !self.entries.is_empty()
    }

    /// The links of a player whose lines stood still so long that the switch ended them.
    fn stalled_links(&self, player: u8) -> Option<usize> {
        let stalled = |entry: &&Entry| {
            entry.player == player
                && entry.kind == FaultKind::Stalled
                && entry.stage != Phase::Waiting
        };
        let entry = self.entries.iter().rev().find(stalled)?;
        Some(entry.links)
    }

    /// Whether none is going on or to come.
    fn are_over(&self) -> bool {
        self.to_dial.is_empty() && self.entries.iter().all(|entry| entry.stage == Phase::Over)
    }

    /// When the next one begins or ends.
    pub(super) fn next_ns(&self) -> Option<u64> {
        let next = |entry: &Entry| match entry.stage {
            Phase::Waiting => Some(entry.from_ns),
            Phase::Going => Some(entry.to_ns),
            Phase::Over => None,
        };
        self.entries.iter().filter_map(next).min()
    }
}

impl Floor<'_> {
    /// What the design says about the overdue, about how many may be in flight, and about what goes
    /// wrong when; the plan starts at `start_ns`.
    pub(crate) fn keep_to(&mut self, design: &Design, start_ns: u64) {
        self.manner = design.manner();
        let players = self.cast.players();
        for fault in design.faults.iter() {
            let place = players
                .iter()
                .position(|player| player.name == fault.participant);
            let Some(place) = place else { continue };
            let from_ns = start_ns + fault.at_ms * 1_000_000;
            self.faults.entries.push(Entry {
                player: u8::try_from(place).expect("at most 255 play"),
                kind: fault.kind,
                from_ns,
                to_ns: from_ns + fault.for_ms * 1_000_000,
                stage: Phase::Waiting,
                links: 0,
            });
        }
        for (player, stills) in &self.faults.stills {
            let of_it =
                |entry: &&Entry| entry.player == *player && entry.kind == FaultKind::Stalled;
            let entries = self.faults.entries.iter().filter(of_it);
            stills.are(entries.map(|entry| (entry.from_ns, entry.to_ns)).collect());
        }
        let is_slow = |entry: &Entry| matches!(entry.kind, FaultKind::Slow(_));
        if self.mix.has_answer_times() || self.faults.entries.iter().any(is_slow) {
            self.delays = Delays::new(DELAYED_MAX);
        }
    }

    /// Whether nobody has a link, and nobody will dial again: the switch is gone.
    pub(crate) fn is_deserted(&self) -> bool {
        let away = self.faults.conducts.iter().any(|conduct| conduct.absent);
        self.links() == 0 && !away
    }

    /// Has the links of `player` lead through a relay at `address`, which stands still when
    /// `stills` says so.
    pub(crate) fn lead_through(&mut self, player: u8, address: SocketAddr, stills: Stills) {
        self.addresses[usize::from(player)] = address;
        self.faults.stills.push((player, stills));
    }

    /// The last link of `player` has ended: it dials again where its lines had stood still.
    pub(super) fn on_all_ended(&mut self, player: u8) {
        if self.conduct(player).absent {
            return;
        }
        if let Some(links) = self.faults.stalled_links(player) {
            self.faults.conducts[usize::from(player)].absent = true;
            self.faults.to_dial.push((player, links));
        }
    }

    /// Nobody answers where `player` dials again.
    pub(super) fn on_no_way_back(&mut self, player: u8) {
        self.faults.conducts[usize::from(player)].absent = false;
    }

    /// Whether all faults are over and everybody is back.
    pub(crate) fn is_whole(&self) -> bool {
        self.faults.are_over()
            && self.lost.is_empty()
            && self.faults.conducts.iter().all(|conduct| !conduct.absent)
    }

    /// How `player` behaves now.
    pub(super) fn conduct(&self, player: u8) -> Conduct {
        self.faults.conducts[usize::from(player)]
    }

    /// How long the destination `player` thinks about payment `number`.
    pub(super) fn thinking_ns(&self, player: u8, number: u64) -> u64 {
        self.mix.answer_ns(player, number) + self.conduct(player).slow_ns
    }

    /// Faults whose time has come begin or end; who is back sends again what it lost.
    pub(super) fn tend_faults(&mut self, submissions: &mut Vec<Submission>) {
        if self.faults.entries.is_empty() {
            return;
        }
        let now_ns = self.now.monotonic.0;
        for place in 0..self.faults.entries.len() {
            let entry = self.faults.entries[place];
            match entry.stage {
                Phase::Waiting if entry.from_ns <= now_ns => self.begin(place, submissions),
                Phase::Going if entry.to_ns <= now_ns => self.end(place),
                Phase::Waiting | Phase::Going | Phase::Over => {}
            }
        }
        if !self.lost.is_empty() && self.faults.conducts.iter().all(|it| !it.absent) {
            self.send_lost_again();
        }
    }

    fn begin(&mut self, place: usize, submissions: &mut Vec<Submission>) {
        let Entry { player, kind, .. } = self.faults.entries[place];
        self.faults.entries[place].stage = Phase::Going;
        self.faults.conducts[usize::from(player)].set(kind, true);
        match kind {
            FaultKind::Cut => {
                let links: Vec<usize> = self.rings[usize::from(player)].0.clone();
                self.faults.entries[place].links = links.len();
                for link in links {
                    let id: LinkId = self.links[link].id;
                    self.ended(link);
                    submissions.push(Submission::Close { link: id });
                }
            }
            FaultKind::SignedOff => self.for_each_link(player, Kind::SignOff),
            FaultKind::Stalled => {
                self.faults.entries[place].links = self.rings[usize::from(player)].0.len();
            }
            FaultKind::Silent
            | FaultKind::Declining
            | FaultKind::Twice
            | FaultKind::Garbled
            | FaultKind::Slow(_) => {}
        }
    }

    /// It is over; who was away is back once a link has signed on again.
    fn end(&mut self, place: usize) {
        let Entry {
            player,
            kind,
            links,
            ..
        } = self.faults.entries[place];
        self.faults.entries[place].stage = Phase::Over;
        match kind {
            FaultKind::Cut => self.faults.to_dial.push((player, links)),
            FaultKind::SignedOff => self.for_each_link(player, Kind::SignOn),
            FaultKind::Silent
            | FaultKind::Declining
            | FaultKind::Twice
            | FaultKind::Garbled
            | FaultKind::Stalled
            | FaultKind::Slow(_) => {
                self.faults.conducts[usize::from(player)].set(kind, false);
            }
        }
    }

    /// An answer over a new link to what was asked over one that was cut: whatever it says must
    /// agree with all else that was said about the payment, as the answer to a repeat must.
    pub(super) fn on_answer_after_cut(
        &mut self,
        request: &Request,
        message: &Message<'_>,
    ) -> Result<(), Fault> {
        self.tally.course.answers_after_cut += 1;
        let (number, cast) = (request.number, self.cast);
        let originators = &mut self.judge.originators;
        match (message, request.purpose) {
            (Message::PaymentResult(result), Purpose::Conflict) => {
                originators.conflict_answered(number, result.response_code)
            }
            (Message::PaymentResult(result), _) => originators.answered(cast, number, true, result),
            (Message::StatusResult(result), _) => originators.inquiry_answered(number, result),
            (Message::ReversalResult(result) | Message::ReversalAdviceAck(result), _) => {
                originators.take_back_answered(number, result.response_code)
            }
            (Message::Reject(reject), Purpose::Payment | Purpose::Repeat) => {
                originators.rejected(number, true, reject.response_code);
                Ok(())
            }
            // Echoes, and a code that is asked about once more.
            _ => Ok(()),
        }
    }

    /// A link of `player` has signed on.
    pub(super) fn on_back(&mut self, player: u8) {
        let conduct = &mut self.faults.conducts[usize::from(player)];
        conduct.absent = false;
        conduct.told_goodbye = false;
    }

    /// Signs off or on over each of the player's links.
    fn for_each_link(&mut self, player: u8, kind: Kind) {
        let institution = self.cast.player(player).institution;
        for link in self.rings[usize::from(player)].0.clone() {
            let request = self.network_request(kind);
            let asked = self.ask_on(link, request, |header| match kind {
                Kind::SignOff => messages::sign_off(header),
                _ => messages::sign_on(header, institution),
            });
            assert!(asked, "there is always room for a network message");
            if kind == Kind::SignOff && self.links[link].state == LinkState::SignedOn {
                self.links[link].state = LinkState::Dialled;
                self.signed_on -= 1;
            }
        }
    }
}

/// Answers that wait for their time at once; more are given at once.
const DELAYED_MAX: u32 = 65_536;

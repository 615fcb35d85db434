//! How a node ends, and how it starts again: the real recovery over the fake disk's bytes, the real
//! replay, and the comparison with what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::{Claim, EngineLimits, ToldHolds};
use crate::journal::recovery::{Recovered, TailLeft};
use crate::journal::{CommitMode, Entry, Journal, JournalConfig};
use crate::model::ids::{Lsn, ShardId, TransactionNumber};
use crate::model::participant::Protocol;
use crate::session::SessionLimits;
use crate::shard::plan::{Credential, ListenerPlan};
use crate::shard::{Pass, Ports, Replaying, Shard, ShardParts};
use crate::sim::arrivals::Arrived;
use crate::sim::checker::rules::Rule;
use crate::sim::digests::Piece;
use crate::sim::faults::Fault;
use crate::sim::node::Node;
use crate::sim::plan::Plan;
use crate::sim::plant::Plant;
use crate::sim::world::{Event, Season, World};
use crate::wire::Dialect;
use crate::wire::frame::Framing;

const MS: u64 = 1_000_000;

/// What a shard's recovery found.
#[derive(Debug)]
struct Found {
    /// Every record.
    entries: Vec<Entry>,
    recovered: Recovered,
    /// The same, with digests where they can be used.
    pieces: Vec<Piece>,
}

impl World {
    /// kill -9: the tails survive, writes in flight land whole or not at all.
    pub(super) fn kill(&mut self) {
        if !self.is_up() {
            return;
        }
        self.tell(|| "the switch is killed".to_owned());
        for node in 0..self.nodes.len() {
            self.end(node);
            self.nodes[node].disk.kill(&mut self.chance.draw);
        }
        self.start_later();
    }

    /// A shard ends by itself: its journal is fenced or full. The others go on for a while.
    pub(super) fn end_shard(&mut self, node: usize) {
        self.tell(|| format!("shard {node} ends: its journal takes no more"));
        self.end(node);
        let process = self.process;
        let told = self.chance.draw.below(20 * MS);
        self.after(told, Event::Ended(node, process));
        let most = if self.nodes.len() > 1 { 2_000 * MS } else { 1 };
        let given_up = self.chance.draw.below(most);
        self.after(given_up, Event::GiveUp(process));
    }

    /// A shard has ended: its peers close their rings to it.
    pub(super) fn tell_peers(&mut self, node: usize, process: u64) {
        if self.process != process {
            return;
        }
        let shard = self.nodes[node].identity.shard;
        for peer in (0..self.nodes.len()).filter(|peer| *peer != node) {
            self.arrive(peer, Arrived::PeerEnded(shard));
        }
    }

    /// The power goes: the tails are lost, and writes in flight land in pieces or not.
    pub(super) fn lose_power(&mut self) {
        if !self.is_up() {
            return;
        }
        self.tell(|| "the power goes".to_owned());
        if self.plan.mode == CommitMode::Memory {
            // What was committed in memory alone is lost, and that is what was promised.
            self.void = true;
        }
        for node in 0..self.nodes.len() {
            self.end(node);
            let torn = self.chance.strikes(Fault::TornWrite);
            let place = &mut self.nodes[node];
            place.disk.lose_power(&mut self.chance.draw, torn);
            place.tail = None;
            place.boot = place.boot.wrapping_add(1);
            place.remembered = None;
            if self.plant == Some(Plant::AcceptsTornTail) {
                self.planted += u64::from(Plant::forge(&mut self.nodes[node]));
            }
            if self.plant == Some(Plant::LosesRecord) {
                self.planted += u64::from(self.nodes[node].disk.lose_last());
            }
        }
        self.start_later();
    }

    /// Whether there is a process, even if some of its shards have ended.
    fn is_up(&self) -> bool {
        self.process > 0 && !self.down
    }

    fn end(&mut self, node: usize) {
        let place = &mut self.nodes[node];
        let Some(shard) = place.shard.take() else {
            return;
        };
        self.crashes += 1;
        add_steps(&mut place.steps, shard.engine().steps());
        place.remembered = (!shard.is_journal_full()).then(|| remembered(shard.engine()));
        place.life += 1;
        place.inbox.clear();
        place.late.clear();
        place.turn_at = None;
        place.begun.clear();
        place.clear_slots();
        self.drop_links(node);
    }

    fn start_later(&mut self) {
        self.down = true;
        for node in 0..self.nodes.len() {
            self.damage_digests(node);
            if !self.chance.strikes(Fault::BitRot) {
                continue;
            }
            let place = &mut self.nodes[node];
            let below = place.disk.watermark();
            if below > Lsn(0) {
                let (at, bit) = (self.chance.draw.below(below.0), self.chance.draw.below(8));
                let bit = u8::try_from(bit).expect("below eight");
                if self.plant == Some(Plant::HidesRot) {
                    self.planted += 1;
                } else {
                    place.disk.flip(Lsn(at), bit);
                }
                place.rot = Some((Lsn(at), bit));
            }
        }
        let delay = self.chance.draw.between(1, 900) * MS;
        self.after(delay, Event::Restart);
    }

    /// Nothing stands still any more.
    pub(super) fn heal_nodes(&mut self) {
        for node in &mut self.nodes {
            node.paused_until = 0;
        }
    }

    /// The switch starts: every shard's recovery and replay, and on it goes.
    pub(super) fn restart(&mut self) {
        if self.is_up() {
            return;
        }
        let mut opened = Vec::new();
        for node in 0..self.nodes.len() {
            match self.recover(node) {
                Some(found) => opened.push(found),
                None => return,
            }
        }
        self.process += 1;
        self.down = false;
        let mesh = Ports::mesh_of(self.nodes.len(), self.plan.crossing_bytes)
            .expect("memory for the rings");
        let mut mesh = mesh;
        if self.plant.is_some_and(Plant::is_between) {
            let bytes = self.plan.crossing_bytes;
            self.between = Ports::mesh_of(self.nodes.len(), bytes).expect("memory for the rings");
            Ports::interpose(&mut mesh, &mut self.between);
        }
        let (mut told, mut held) = (Vec::new(), Vec::new());
        for (node, (found, ports)) in opened.into_iter().zip(mesh).enumerate() {
            if self.process > 1 {
                self.compare(node, &found.entries, &found.recovered);
            }
            let Some((claims, holds)) = self.start(node, found, ports) else {
                self.season = Season::Over;
                return;
            };
            told.push(claims);
            held.push(holds);
        }
        self.tell_claims(&told);
        self.tell_holds(&held);
        if self.process > 1 {
            for player in 0..self.players.len() {
                self.with_player(player, |player, stage| player.on_restart(stage));
            }
        }
    }

    /// Each shard hears which refund keys of its own are taken, as each has read.
    fn tell_claims(&mut self, told: &[Vec<Vec<Claim>>]) {
        for claims in told {
            for (node, claims) in self.nodes.iter_mut().zip(claims) {
                match &mut node.shard {
                    _ if self.plant == Some(Plant::ForgetsClaims) => {
                        self.planted += u64::from(!claims.is_empty());
                    }
                    Some(shard) => shard.tell_claims(claims),
                    None => {}
                }
            }
        }
    }

    /// And what is counted at it, likewise.
    fn tell_holds(&mut self, told: &[Vec<ToldHolds>]) {
        for holds in told {
            for (node, holds) in self.nodes.iter_mut().zip(holds) {
                match &mut node.shard {
                    _ if self.plant == Some(Plant::ForgetsTotals) => {
                        self.planted += u64::from(!holds.is_empty());
                    }
                    Some(shard) => shard.tell_holds(holds),
                    None => {}
                }
            }
        }
    }

    /// One shard's recovery; none: it refuses, and is tried again or never.
    fn recover(&mut self, node: usize) -> Option<Found> {
        let at = self.now;
        let place = &mut self.nodes[node];
        let mut kept = place.tail.clone();
        let boot_id = [place.boot; 16];
        let mut found = Vec::new();
        let left = place.tail.as_mut().map(|bytes| TailLeft { bytes, boot_id });
        let recovered = place
            .disk
            .recover(place.identity, left, &mut |entry| found.push(entry));
        match (recovered, place.rot.take()) {
            (Err(damage), Some((lsn, bit))) => {
                // A person restores the segment from a copy, and starts it again.
                place.disk.flip(lsn, bit);
                let near = damage.lsn.0 <= lsn.0 && lsn.0 < damage.lsn.0 + 4_096;
                self.verdicts.check(Rule::HonestRecovery, at, near, || {
                    format!("bit {bit} of LSN {} was flipped: {damage}", lsn.0)
                });
                self.tell(|| format!("shard {node} refuses to start: {damage}"));
                self.after(MS, Event::Restart);
                None
            }
            (Err(damage), None) => {
                self.verdicts.check(Rule::NothingLost, at, false, || {
                    format!("the journal is refused, and nobody harmed it: {damage}")
                });
                self.season = Season::Over;
                None
            }
            (Ok(recovered), rot) => {
                self.verdicts
                    .check(Rule::HonestRecovery, at, rot.is_none(), || {
                        format!("started with a flipped bit below its watermark: {rot:?}")
                    });
                let left = kept.as_mut().map(|bytes| TailLeft { bytes, boot_id });
                let pieces = self.read_digested(node, left, &recovered);
                Some(Found {
                    entries: found,
                    recovered,
                    pieces,
                })
            }
        }
    }

    /// Is what was found a prefix of what was written, with all that was committed?
    fn compare(&mut self, node: usize, found: &[Entry], recovered: &Recovered) {
        let (at, mode) = (self.now, self.plan.mode);
        let place = &self.nodes[node];
        let written = place.shadow.entries();
        let same = written
            .iter()
            .zip(found)
            .take_while(|(a, b)| a == b)
            .count();
        let prefix = same == found.len();
        let survives = place.tail.is_some();
        let landed = place.disk.landed();
        let safe = written.iter().filter(|entry| entry.lsn <= landed).count();
        let promised = if survives { written.len() } else { safe };
        self.verdicts.check(Rule::NothingLost, at, prefix, || {
            format!("record {same} that was found is not the one that was written")
        });
        self.verdicts
            .check(Rule::NothingLost, at, found.len() >= promised, || {
                format!("{} records of {promised} were found", found.len())
            });
        // Where not one block had landed, the journal looks as if it were new: nobody can tell.
        let lost = !survives && found.len() < written.len() && landed > Lsn(0);
        if mode == CommitMode::Memory && lost {
            let told = recovered.report.loss_window;
            self.verdicts.check(Rule::HonestRecovery, at, told, || {
                "records were lost with the memory, and nobody was told".to_owned()
            });
        }
    }

    /// Returns the refund keys that it has read of, by owner, and what is counted, by home; none:
    /// its records cannot be replayed.
    fn start(
        &mut self,
        node: usize,
        Found {
            entries: found,
            recovered,
            pieces,
        }: Found,
        ports: Ports,
    ) -> Option<(Vec<Vec<Claim>>, Vec<ToldHolds>)> {
        let mut replaying = self.replay(node, &found, pieces)?;
        let claims = replaying.take_claims(self.plan.shards);
        let holds = replaying.take_holds(self.plan.shards);
        let epoch_again = self.plant == Some(Plant::ReusesKeys) && recovered.epoch.0 > 0;
        self.planted += u64::from(epoch_again);
        let now = self.clocks();
        let plan = &self.plan;
        let place = &mut self.nodes[node];
        let mut start = recovered.start_point(
            [place.boot; 16],
            plan.segment_bytes,
            place.disk.last_segment(),
        );
        if epoch_again {
            start.epoch = recovered.epoch;
        }
        let config = JournalConfig {
            identity: place.identity,
            mode: plan.mode,
            ring_bytes: plan.ring_bytes,
            segment_bytes: plan.segment_bytes,
            segments_max: plan.segments_max,
            reserve_bytes: plan.reserve_bytes,
            pace: plan.pace,
        };
        place.disk.settle(recovered.durable);
        place.shadow.restart(found, recovered.next, recovered.chain);
        place.entries_seen = place.shadow.entries().len();
        place.restore_waiting();
        place.restore_undone(now.monotonic.0.saturating_sub(crate::model::time::DAY_NS));
        let mut tail = place
            .tail
            .take()
            .unwrap_or_else(|| vec![0; place.ring.tail_bytes()]);
        let mut journal = Journal::new(config, start);
        journal.start_tail(&mut tail);
        let mut shard = Shard::new(parts(plan, place.identity.shard), replaying, journal, now);
        shard.connect(ports);
        let mut submissions = Vec::new();
        shard.open_journal(&mut Pass {
            now,
            tail: &mut tail,
            submissions: &mut submissions,
        });
        place.tail = Some(tail);
        place.shard = Some(shard);
        let lost = self.lost();
        self.observe(node, lost);
        self.tell(|| format!("shard {node} starts, epoch {}", start.epoch.0));
        self.wake(node, 1_000);
        Some((claims, holds))
    }

    /// Replays what was found; none: it cannot be replayed.
    fn replay(&mut self, node: usize, found: &[Entry], pieces: Vec<Piece>) -> Option<Replaying> {
        let at = self.now;
        let mut replaying = self.replaying();
        let mut refunds = BTreeSet::new();
        for entry in found {
            if self
                .plant
                .is_some_and(|plant| plant.skips(entry, &mut refunds))
            {
                self.planted += 1;
                continue;
            }
            if let Err(error) = replaying.apply(entry) {
                self.verdicts.check(Rule::ReplayEqualsLive, at, false, || {
                    format!("replay: {error}")
                });
                return None;
            }
        }
        if let Some(live) = self.nodes[node].remembered.take() {
            self.check_replay(&live, &remembered(replaying.engine()));
        }
        if self.plant.is_none() {
            replaying = self.check_digested(&replaying, pieces);
            self.check_given_up(found);
        }
        Some(replaying)
    }

    /// An engine that is to read a journal.
    pub(super) fn replaying(&self) -> Replaying {
        let mut limits = limits(&self.plan);
        if self.plant == Some(Plant::TakesTooMuch) {
            limits.in_flight_max *= 4;
        }
        let mut replaying = Replaying::new(limits, Arc::clone(&self.tables), 5);
        replaying.gather_claims(self.clocks().wall.date());
        replaying
    }

    /// Replay equals live, transaction by transaction.
    pub(super) fn check_replay(
        &mut self,
        live: &BTreeMap<TransactionNumber, String>,
        replayed: &BTreeMap<TransactionNumber, String>,
    ) {
        let at = self.now;
        self.verdicts.check(
            Rule::ReplayEqualsLive,
            at,
            live.len() == replayed.len(),
            || {
                format!(
                    "{} transactions live, {} replayed",
                    live.len(),
                    replayed.len()
                )
            },
        );
        for (number, before) in live {
            let after = replayed.get(number);
            self.verdicts
                .check(Rule::ReplayEqualsLive, at, after == Some(before), || {
                    format!(
                        "transaction {}: live {before}, replayed {after:?}",
                        number.0
                    )
                });
        }
    }

    /// Nothing new is taken, and what is open is answered.
    pub(super) fn drain(&mut self) {
        for node in 0..self.nodes.len() {
            self.arrive(node, Arrived::Drain);
        }
    }

    /// A node has drained: what it leaves behind must be all there was.
    pub(super) fn drained(&mut self, node: usize) {
        let at = self.now;
        let place = &mut self.nodes[node];
        let Some(shard) = place.shard.take() else {
            return;
        };
        add_steps(&mut place.steps, shard.engine().steps());
        let quiet = shard.open_payments() == 0 && shard.journal().is_closed();
        self.verdicts.check(Rule::Drained, at, quiet, || {
            "a drained shard has payments open, or an open journal".to_owned()
        });
        let live = remembered(shard.engine());
        drop(shard);
        let place = &mut self.nodes[node];
        place.tail = None;
        if self.plant == Some(Plant::ClosesEarly) {
            self.planted += u64::from(place.disk.lose_last());
        }
        let mut found = Vec::new();
        let read = place
            .disk
            .recover(place.identity, None, &mut |entry| found.push(entry));
        let whole = read.is_ok_and(|read| !read.report.loss_window);
        let all = found.as_slice() == place.shadow.entries();
        self.verdicts.check(Rule::Drained, at, whole && all, || {
            "the segments of a drained shard do not hold all that was written".to_owned()
        });
        let mut replaying = self.replaying();
        let replays = found.iter().all(|entry| replaying.apply(entry).is_ok());
        self.verdicts
            .check(Rule::ReplayEqualsLive, at, replays, || {
                "the journal of a drained shard does not replay".to_owned()
            });
        self.check_replay(&live, &remembered(replaying.engine()));
        let canary = self.nodes[node].disk.holds(crate::sim::player::CANARY);
        self.verdicts.check(Rule::Confidential, at, !canary, || {
            "a payment code stands in a segment".to_owned()
        });
        self.nodes[node].life += 1;
        let process = self.process;
        self.after(MS, Event::Ended(node, process));
        if self.nodes.iter().all(|node| node.shard.is_none()) {
            self.season = Season::Over;
        }
    }
}

/// What an engine remembers, in words, by number.
pub(super) fn remembered(engine: &crate::engine::Engine) -> BTreeMap<TransactionNumber, String> {
    let mut all = BTreeMap::new();
    engine.each_remembered(|number, transaction| {
        all.insert(number, format!("{transaction:?}"));
    });
    all
}

pub(super) fn add_steps(sum: &mut crate::engine::StepCounts, more: &crate::engine::StepCounts) {
    for (row, more) in sum.iter_mut().zip(more) {
        for (count, more) in row.iter_mut().zip(more) {
            *count += more;
        }
    }
}

fn limits(plan: &Plan) -> EngineLimits {
    EngineLimits {
        in_flight_max: plan.in_flight_max,
        remembered_keys_max: plan.remembered_keys_max,
    }
}

fn parts(plan: &Plan, shard: ShardId) -> ShardParts {
    let listener = |protocol: &Protocol| ListenerPlan {
        name: protocol.name().to_owned(),
        protocol: *protocol,
        framing: match protocol {
            Protocol::Sbe => Framing::Sofh,
            Protocol::Iso8583Ascii | Protocol::Iso8583Binary => Framing::LEN2,
        },
        address: core::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        frame_bytes_max: 8_192,
    };
    ShardParts {
        shard,
        shards: plan.shards,
        listeners: Protocol::ALL.iter().map(listener).collect(),
        dialects: plan
            .participants
            .iter()
            .map(|known| Dialect::plain(known.protocol))
            .collect(),
        credentials: plan
            .participants
            .iter()
            .map(|_| Credential(Box::new(|ip| ip.is_loopback())))
            .collect(),
        sessions: SessionLimits {
            links_max: plan.links_max,
            unsigned_links_max: plan.links_max,
        },
        in_flight_max: plan.in_flight_max,
    }
}

/// Used where a node is looked at from outside.
impl Node {
    /// Adds the rows taken by the shard that is still running.
    pub(super) fn all_steps(&self) -> crate::engine::StepCounts {
        let mut steps = self.steps;
        if let Some(shard) = &self.shard {
            add_steps(&mut steps, shard.engine().steps());
        }
        steps
    }
}

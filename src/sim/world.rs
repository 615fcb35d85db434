//! THE WORLD: a clock that jumps from event to event, nodes, participants, links between them.
//!
//! ```text
//!   next event -> a turn of a shard      -> submissions -> events
//!              -> bytes reach a participant -> its deeds -> events
//!              -> a fault                   -> events
//! ```
//!
//! Everything that happens is drawn from the seed, in the order of the events; there is no other
//! source of chance, so that a seed replays exactly.

use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::Snapshot;
use crate::model::ids::TransactionNumber;
use crate::model::keys::Key;
use crate::model::time::{DAY_NS, Monotonic, Now, Wall};
use crate::route::Tables;
use crate::shard::Ports;
use crate::sim::checker::rules::{Rule, Verdicts};
use crate::sim::draw::Draw;
use crate::sim::faults::{Chance, Fault};
use crate::sim::network::Link;
use crate::sim::node::Node;
use crate::sim::operators::Operators;
use crate::sim::plan::Plan;
use crate::sim::plant::Plant;
use crate::sim::player::{Asked, Deed, Duty, Player, Stage};

/// 2026-11-21T09:05:05Z: far enough from midnight for most seeds.
const START: u64 = 1_795_251_905_000_000_000;
/// After the last payment was begun, this much more before everything is healed.
const AFTERMATH_MS: u64 = 1_500;
/// Between two looks at whether all is settled.
const SETTLE_ROUND_MS: u64 = 250;
/// Looks before giving up.
const SETTLE_ROUNDS_MAX: u64 = 400;
/// Looks while the operator queue is full.
const OVERRUN_ROUNDS: u64 = 60;
/// How long nobody has a link, before all sign on again.
const CALLED_BACK_MS: u64 = 500;
/// Looks from when all sign on again to the judgement.
const CALLED_BACK_ROUNDS: u64 = 12;
const MS: u64 = 1_000_000;

/// What happens at a time.
#[derive(Debug)]
pub(super) enum Event {
    /// A node's turn is due.
    Turn(usize),
    /// The kernel looks at what a link has to send.
    Kernel(usize),
    /// The next bytes of a link reach its participant.
    ToPlayer(usize),
    /// The next bytes of a link reach its node.
    ToNode(usize),
    /// A write ends: node, its life, the write, and how.
    Written(usize, u64, u64, i32),
    /// A segment is made, or not.
    SegmentMade(usize, u64, u64, i32),
    /// A sealed segment's digest is made.
    Digested(usize, u64, u64),
    /// A participant does what it meant to do.
    Duty(usize, Duty),
    /// A shard has ended, and the others hear of it.
    Ended(usize, u64),
    /// The process that had this number ends, whatever it does.
    GiveUp(u64),
    /// The switch starts again.
    Restart,
    /// Something may go wrong.
    Trouble,
    /// Somebody looks at what waits for a person, and decides.
    Operate(usize, TransactionNumber),
    /// Is all settled?
    Settle(u64),
}

/// How the world stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Season {
    /// Faults strike.
    Trouble,
    /// Everything is healed, and what is open is to be settled.
    Settling,
    /// Shards drain.
    Draining,
    /// Nothing more happens.
    Over,
}

/// The world of one seed.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) wall_offset: i64,
    pub(super) plan: Plan,
    pub(super) tables: Arc<Snapshot>,
    pub(super) chance: Chance,
    pub(super) nodes: Vec<Node>,
    pub(super) players: Vec<Player>,
    pub(super) links: Vec<Link>,
    pub(super) verdicts: Verdicts,
    pub(super) season: Season,
    /// The next look of [`World::settle`] is a first one again.
    settles_anew: bool,
    /// Counts the processes of the switch.
    pub(super) process: u64,
    /// There is none just now.
    pub(super) down: bool,
    pub(super) plant: Option<Plant>,
    pub(super) planted: u64,
    pub(super) steps: u64,
    pub(super) turns: u64,
    pub(super) crashes: u64,
    /// Segments that starts took from their digests.
    pub(super) digests: u64,
    pub(super) hash: u64,
    pub(super) trace: Option<Vec<String>>,
    /// The longest that anything has stood still: what deadlines allow for.
    pub(super) stall_ns: u64,
    /// A power loss in memory mode: what was promised then no longer counts.
    pub(super) void: bool,
    /// When a link of each participant was in trouble for the last time: the end of time where one
    /// was half open or had to wait for its reader.
    pub(super) troubled_at: Vec<u64>,
    /// Between the shards, where a planted bug is to lose what they say.
    pub(super) between: Vec<Ports>,
    /// Until when each participant opens no link.
    pub(super) away_until: Vec<u64>,
    pub(super) operators: Operators,
    /// In which round what waited for people was tried once more.
    called_back: Option<u64>,
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
}

impl World {
    pub(super) fn new(seed: u64, plant: Option<Plant>, traced: bool) -> Self {
        let mut draw = Draw::new(seed);
        let mut plan = Plan::draw(&mut draw);
        let mut chance = Chance::new(Draw::new(draw.bits()));
        if let Some(plant) = plant {
            plant.prepare(&mut plan, &mut chance);
        }
        let tables = Tables::new(
            crate::model::ids::TableVersion(1),
            plan.keys_seed,
            plan.participants.clone(),
            plan.prefixes(),
        )
        .expect("institutions differ");
        let tables = Snapshot::new(tables);
        let tables = match plan.pricing() {
            Some(pricing) => tables.with_pricing(pricing),
            None => tables,
        };
        let tables = tables.with_guard(plan.guard());
        let players = (0..plan.participants.len())
            .map(|index| Player::new(index, &plan))
            .collect();
        let mut world = Self {
            now: 0,
            wall_offset: 0,
            tables: Arc::new(tables),
            chance,
            nodes: (0..plan.shards)
                .map(|shard| Node::new(&plan, shard))
                .collect(),
            players,
            links: Vec::new(),
            verdicts: Verdicts::default(),
            season: Season::Trouble,
            settles_anew: false,
            process: 0,
            down: false,
            plant,
            planted: 0,
            steps: 0,
            turns: 0,
            crashes: 0,
            digests: 0,
            hash: seed,
            trace: traced.then(Vec::new),
            stall_ns: 0,
            void: false,
            troubled_at: vec![0; plan.participants.len()],
            between: Vec::new(),
            away_until: vec![0; plan.participants.len()],
            operators: Operators::default(),
            called_back: None,
            events: BTreeMap::new(),
            sequence: 0,
            plan,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.restart();
        for player in 0..self.players.len() {
            for lane in 0..self.plan.links[player] {
                let delay = self.chance.draw.below(50 * MS);
                self.after(delay, Event::Duty(player, Duty::Dial(lane)));
            }
        }
        for _ in 0..self.plan.payments {
            let at = self.chance.draw.below(self.plan.duration_ms * MS) + 60 * MS;
            let player = self.chance.draw.index(self.players.len());
            self.after(at, Event::Duty(player, Duty::Pay));
        }
        self.after(100 * MS, Event::Trouble);
        let end = (self.plan.duration_ms + AFTERMATH_MS) * MS;
        self.after(end, Event::Settle(0));
    }

    /// Both clocks.
    pub(super) fn clocks(&self) -> Now {
        Now {
            monotonic: Monotonic(self.now + DAY_NS),
            wall: Wall((START + self.now).saturating_add_signed(self.wall_offset)),
        }
    }

    /// Something happens later.
    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + delay, self.sequence), event);
    }

    /// Lets one event happen. `false`: the world is over.
    pub(super) fn step(&mut self) -> bool {
        if self.season == Season::Over {
            return false;
        }
        let Some(((at, sequence), event)) = self.events.pop_first() else {
            return false;
        };
        self.now = at;
        self.steps += 1;
        self.note(at ^ sequence.rotate_left(32), b"");
        match event {
            Event::Turn(node) => self.turn(node),
            Event::Kernel(link) => self.kernel(link),
            Event::ToPlayer(link) => self.reach_player(link),
            Event::ToNode(link) => self.reach_node(link),
            Event::Written(node, life, write, errno) => self.written(node, life, write, errno),
            Event::SegmentMade(node, life, segment, errno) => {
                self.segment_made(node, life, segment, errno);
            }
            Event::Digested(node, life, segment) => self.digested(node, life, segment),
            Event::Duty(player, duty) => self.duty(player, duty),
            Event::Ended(node, process) => self.tell_peers(node, process),
            Event::GiveUp(process) => {
                if self.process == process {
                    // A shard that ends while it drains leaves work: the next process has it.
                    if self.season == Season::Draining {
                        self.season = Season::Settling;
                        self.settles_anew = true;
                    }
                    self.kill();
                }
            }
            Event::Restart => self.restart(),
            Event::Trouble => self.trouble(),
            Event::Operate(node, number) => self.operate(node, number),
            Event::Settle(round) => self.settle(round),
        }
        true
    }

    /// Adds to the hash of all that happened.
    pub(super) fn note(&mut self, what: u64, bytes: &[u8]) {
        self.hash = xxh3_64_with_seed(bytes, self.hash ^ what);
    }

    /// A line for people, where they asked for it.
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        let (seconds, rest) = (self.now / 1_000_000_000, self.now % 1_000_000_000);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{seconds}.{rest:09} {}", line()));
        }
    }

    /// Lets a participant act.
    pub(super) fn with_player<R>(
        &mut self,
        player: usize,
        act: impl FnOnce(&mut Player, &mut Stage<'_>) -> R,
    ) -> R {
        let clocks = self.clocks();
        let mut stage = Stage {
            at_ns: self.now,
            wall: clocks.wall,
            plan: &self.plan,
            chance: &mut self.chance,
            verdicts: &mut self.verdicts,
            void: self.void,
            plant: self.plant,
            planted: &mut self.planted,
            deeds: Vec::new(),
            lines: self.trace.is_some().then(Vec::new),
        };
        let result = act(&mut self.players[player], &mut stage);
        let (deeds, lines) = (stage.deeds, stage.lines);
        for line in lines.unwrap_or_default() {
            self.tell(|| format!("participant {player} {line}"));
        }
        for deed in deeds {
            self.perform(player, deed);
        }
        result
    }

    fn perform(&mut self, player: usize, deed: Deed) {
        match deed {
            Deed::Say { lane, frame } => {
                if let Some(link) = self.players[player].link_of(lane) {
                    self.player_says(link, &frame);
                }
            }
            Deed::Later { delay, duty } => self.after(delay, Event::Duty(player, duty)),
            Deed::HangUp { lane } => self.hang_up(player, lane),
        }
    }

    fn duty(&mut self, player: usize, duty: Duty) {
        match duty {
            Duty::Dial(lane) => self.dial(player, lane),
            Duty::GiveUp(lane, link) => {
                if self.players[player].link_of(lane) == Some(link) {
                    self.hang_up(player, lane);
                }
            }
            other => self.with_player(player, |player, stage| player.act(other, stage)),
        }
    }

    /// Now and then: does something go wrong with the machine, the network or the clock?
    fn trouble(&mut self) {
        if self.chance.is_healed() {
            return;
        }
        let node = self.chance.draw.index(self.nodes.len());
        if self.chance.strikes(Fault::Kill) {
            self.kill();
        }
        if self.chance.strikes(Fault::PowerLoss) {
            self.lose_power();
        }
        if self.chance.strikes(Fault::Pause) {
            let length = self.chance.draw.between(1, 3_000) * MS;
            self.pause(node, length);
        }
        if self.chance.strikes(Fault::ClockJump) {
            let length = self.chance.draw.between(1, 3_600_000) * MS;
            let length = i64::try_from(length).expect("an hour");
            let forward = self.chance.draw.chance(500);
            self.wall_offset += if forward { length } else { -length };
        }
        self.trouble_links();
        let pause = self.chance.draw.between(50, 900) * MS;
        self.after(pause, Event::Trouble);
    }

    /// Heals everything, then waits until all is settled, then drains.
    fn settle(&mut self, round: u64) {
        let anew = core::mem::take(&mut self.settles_anew);
        let round = if anew { 1 } else { round };
        if round == 0 {
            self.tell(|| "everything is healed".to_owned());
            self.chance.heal();
            self.season = Season::Settling;
            self.away_until.fill(0);
            self.heal_links();
            self.heal_nodes();
        }
        match self.season {
            Season::Settling if self.is_settled(round) || round >= self.rounds_max() => {
                if !self.call_back(round) {
                    self.judge();
                    self.season = Season::Draining;
                    self.drain();
                }
            }
            Season::Settling => {
                for player in 0..self.players.len() {
                    let asked = self.players[player].asked.iter();
                    let rest = asked.filter(|(key, asked)| self.rests(key, asked));
                    let waiting: Vec<Key> = rest.map(|(key, _)| *key).collect();
                    self.with_player(player, |player, stage| {
                        player.settle(round, &waiting, stage);
                    });
                }
            }
            Season::Draining if round >= 2 * SETTLE_ROUNDS_MAX => {
                let now = self.now;
                self.verdicts.check(Rule::Drained, now, false, || {
                    "the shard was told to drain and never ended".to_owned()
                });
                self.season = Season::Over;
            }
            Season::Draining | Season::Trouble | Season::Over => {}
        }
        if self.season != Season::Over {
            self.after(SETTLE_ROUND_MS * MS, Event::Settle(round + 1));
        }
    }

    fn is_settled(&self, round: u64) -> bool {
        if self.is_overrun() && round >= OVERRUN_ROUNDS {
            return true;
        }
        let nodes = self.nodes.iter().all(Node::is_settled);
        let rests = |key: &Key, asked: &Asked| self.rests(key, asked);
        nodes && self.players.iter().all(|player| player.is_settled(rests))
    }

    /// Looks before giving up; all begin anew when everybody has signed on again.
    fn rounds_max(&self) -> u64 {
        let again = |before| before + SETTLE_ROUNDS_MAX / 2;
        self.called_back.map_or(SETTLE_ROUNDS_MAX, again)
    }

    /// Whether nothing comes of asking again: it waits for a person; or it was shed, and its
    /// owner's table is full.
    fn rests(&self, key: &Key, asked: &Asked) -> bool {
        let keys_max = usize::try_from(self.plan.remembered_keys_max).expect("small");
        let shard = self.nodes[self.owner(key)].shard.as_ref();
        let full = shard.is_some_and(|shard| shard.engine().remembered_keys() >= keys_max);
        // Or its key's shard has no room for its claim.
        let claims = self.nodes[usize::from(key.owner(self.plan.shards).0)]
            .shard
            .as_ref();
        let full = full || claims.is_some_and(|shard| shard.engine().claimed_keys() >= keys_max);
        let (target, _) = asked.target(*key);
        let unknown = self.nodes[self.owner(key)].shadow.page(&target).is_none();
        self.waits(key) || (full && unknown && asked.refused > 0)
    }

    /// Everybody hangs up, and signs on again: whatever waits for them is tried once more. `false`:
    /// that was done a while ago, or nothing waits.
    fn call_back(&mut self, round: u64) -> bool {
        if self.nodes.iter().all(|node| node.waiting.is_empty()) {
            return false;
        }
        if let Some(before) = self.called_back {
            return round < before + CALLED_BACK_ROUNDS;
        }
        if !self.players.iter().all(Player::is_signed_on) && round < SETTLE_ROUNDS_MAX {
            return true;
        }
        self.called_back = Some(round);
        self.tell(|| "all sign on again".to_owned());
        for player in 0..self.players.len() {
            self.stay_away(player, CALLED_BACK_MS);
        }
        true
    }
}

impl World {
    /// What it came to.
    pub(super) fn finish(self, seed: u64) -> crate::sim::Outcome {
        let mut coverage = crate::sim::Coverage {
            faults: *self.chance.counts(),
            checked: *self.verdicts.checked(),
            events: self.steps,
            turns: self.turns,
            crashes: self.crashes,
            digests: self.digests,
            payments: self.plan.payments,
            ..crate::sim::Coverage::default()
        };
        for node in &self.nodes {
            crate::sim::crash::add_steps(&mut coverage.steps, &node.all_steps());
        }
        crate::sim::Outcome {
            seed,
            hash: self.hash,
            lasted_ns: self.now,
            violations: self.verdicts.violations().to_vec(),
            coverage,
            planted: self.planted,
            trace: self.trace.unwrap_or_default(),
        }
    }
}

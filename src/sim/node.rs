//! A node: one shard, its journal's tail and disk, and the machine that carries out its turns.

use std::collections::{BTreeMap, VecDeque};

use crate::journal::tail::Ring;
use crate::journal::{CommitMode, Entry, JournalIdentity};
use crate::model::ids::{Institution, LinkId, Lsn, ShardId, TransactionNumber};
use crate::model::keys::Key;
use crate::model::message::Message;
use crate::model::outcome::QueueReason;
use crate::model::record::Record;
use crate::model::time::{Date, Wall};
use crate::shard::stats::Counter;
use crate::shard::{Pass, Passage, Ports, Shard};
use crate::sim::arrivals::{Arrived, hand};
use crate::sim::checker::late::Late;
use crate::sim::checker::rules::Rule;
use crate::sim::checker::shadow::Shadow;
use crate::sim::checker::{gate, judge};
use crate::sim::disk::Disk;
use crate::sim::faults::Fault;
use crate::sim::network::Link;
use crate::sim::plan::Plan;
use crate::sim::plant::Plant;
use crate::sim::world::{Event, Season, World};
use crate::sys::operation::{Errno, SendBuffer, Submission};
use crate::wire::Dialect;
use crate::wire::frame::Split;

const MS: u64 = 1_000_000;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// Completions that one turn may find.
const DRAINED_MAX: usize = 64;

/// A payment that was written down in this life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) at_ns: u64,
    pub(super) originator: Institution,
    /// Messages lost before the turn that wrote it: its answer may be among the next, at once.
    pub(super) lost: u64,
    /// Whether its first answer has left.
    pub(super) told: bool,
    /// Whether its time passed without one.
    pub(super) missed: bool,
}

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    /// None while it is down.
    pub(super) shard: Option<Shard>,
    /// Survives the process, not the power.
    pub(super) tail: Option<Vec<u8>>,
    pub(super) ring: Ring,
    pub(super) disk: Disk,
    pub(super) shadow: Shadow,
    pub(super) identity: JournalIdentity,
    /// Counts processes: what an earlier one asked for does not reach a later one.
    pub(super) life: u64,
    pub(super) boot: u8,
    pub(super) inbox: VecDeque<Arrived>,
    pub(super) turn_at: Option<u64>,
    /// When it had its last turn in which it has heard everything.
    pub(super) turned_at: u64,
    pub(super) paused_until: u64,
    /// The payments of this life.
    pub(super) begun: BTreeMap<Key, Begun>,
    pub(super) entries_seen: usize,
    /// Approvals that came too late, and that the next turn must put on record.
    pub(super) late: Vec<Late>,
    /// Transactions that are undone, or to be undone, and since when that is decided.
    pub(super) undone: BTreeMap<TransactionNumber, u64>,
    /// What waits for a person: why, and since when.
    pub(super) waiting: BTreeMap<TransactionNumber, (QueueReason, Wall)>,
    /// A flipped bit that recovery must notice.
    pub(super) rot: Option<(Lsn, u8)>,
    /// What the shard remembered when it was killed.
    pub(super) remembered: Option<BTreeMap<TransactionNumber, String>>,
    pub(super) steps: crate::engine::StepCounts,
    slots: Vec<Option<usize>>,
    generations: Vec<u32>,
}

impl Node {
    pub(super) fn new(plan: &Plan, shard: u16) -> Self {
        let slots = usize::try_from(plan.links_max).expect("few");
        Self {
            shard: None,
            tail: None,
            ring: Ring::new(plan.ring_bytes),
            disk: Disk::new(plan.segment_bytes),
            shadow: Shadow::default(),
            identity: JournalIdentity {
                uuid: plan.uuid,
                shard: ShardId(shard),
                shards: plan.shards,
            },
            life: 0,
            boot: 1,
            inbox: VecDeque::new(),
            turn_at: None,
            turned_at: 0,
            paused_until: 0,
            begun: BTreeMap::new(),
            entries_seen: 0,
            late: Vec::new(),
            undone: BTreeMap::new(),
            waiting: BTreeMap::new(),
            rot: None,
            remembered: None,
            steps: crate::engine::StepCounts::default(),
            slots: vec![None; slots],
            generations: vec![0; slots],
        }
    }

    /// A free slot for link `link`; none while the node is down or full.
    pub(super) fn take_slot(&mut self, link: usize) -> Option<LinkId> {
        self.shard.as_ref()?;
        let slot = self.slots.iter().position(Option::is_none)?;
        self.slots[slot] = Some(link);
        self.generations[slot] += 1;
        Some(LinkId {
            slot: u32::try_from(slot).expect("few"),
            generation: self.generations[slot],
        })
    }

    /// Which of the world's links this is.
    pub(super) fn link(&self, id: LinkId) -> Option<usize> {
        let slot = usize::try_from(id.slot).expect("few");
        (self.generations[slot] == id.generation)
            .then_some(self.slots[slot])
            .flatten()
    }

    /// All slots are free again.
    pub(super) fn clear_slots(&mut self) {
        self.slots.fill(None);
    }

    /// Up to where records are really committed.
    pub(super) fn committed(&self, mode: CommitMode) -> Lsn {
        match (mode, &self.shard) {
            (CommitMode::Memory, Some(shard)) => shard.journal().appended(),
            (CommitMode::Memory, None) | (CommitMode::Disk, _) => self.disk.landed(),
        }
    }

    /// The payment whose refund a record settles.
    fn refunded_by(&self, record: &Record) -> Option<Key> {
        let settles = matches!(record, Record::Answer(_) | Record::Finding(_));
        let key = self.shadow.key_of(record.number()).filter(|_| settles)?;
        self.shadow.page(key)?.refund_of
    }

    pub(super) fn is_settled(&self) -> bool {
        self.shard.as_ref().is_some_and(|shard| {
            // One that was held since its start knows of nothing open yet (seed 5012802).
            shard.has_resumed()
                && shard.open_payments() == 0
                && shard.engine().open_exchanges() == 0
        })
    }
}

impl World {
    /// The node that has a key, or would have it.
    pub(super) fn owner(&self, key: &Key) -> usize {
        let mut asked = self
            .players
            .iter()
            .filter_map(|player| player.asked.get(key));
        let (target, root) = asked.next().map_or((None, *key), |asked| {
            let (target, root) = asked.target(*key);
            (Some(target), root)
        });
        // Where it was asked for with two payments, one of them has it.
        let mut nodes = self.nodes.iter();
        let has = |node: &Node| target.is_some_and(|it| node.shadow.page(&it).is_some());
        let known = nodes.position(has);
        known.unwrap_or_else(|| usize::from(root.owner(self.plan.shards).0))
    }

    /// Messages that found no link, or no room to wait or to pass.
    pub(super) fn lost(&self) -> u64 {
        let shards = self.nodes.iter().filter_map(|node| node.shard.as_ref());
        let lost = shards.map(|shard| {
            let counters = [
                Counter::NoLink,
                Counter::GateFull,
                Counter::CrossingsRefused,
            ];
            counters
                .map(|counter| shard.stats().get(counter))
                .iter()
                .sum::<u64>()
        });
        lost.sum()
    }

    /// Something happened at a node: its next turn sees it.
    pub(super) fn arrive(&mut self, node: usize, arrived: Arrived) {
        if self.nodes[node].shard.is_none() {
            return;
        }
        self.nodes[node].inbox.push_back(arrived);
        let delay = self.chance.draw.below(100_000);
        self.wake(node, delay);
    }

    pub(super) fn wake(&mut self, node: usize, delay: u64) {
        let place = &mut self.nodes[node];
        let at = (self.now + delay).max(place.paused_until);
        if place.turn_at.is_none_or(|due| at < due) {
            place.turn_at = Some(at);
            self.after(at - self.now, Event::Turn(node));
        }
    }

    pub(super) fn pause(&mut self, node: usize, length: u64) {
        self.stall_ns = self.stall_ns.max(length);
        let place = &mut self.nodes[node];
        place.paused_until = self.now + length;
        place.turn_at = None;
        self.wake(node, length);
    }

    /// One turn.
    pub(super) fn turn(&mut self, node: usize) {
        let place = &mut self.nodes[node];
        if place.turn_at != Some(self.now) {
            return;
        }
        place.turn_at = None;
        let (now, lost) = (self.clocks(), self.lost());
        let now = self.plant.map_or(now, |plant| plant.clock(now));
        let place = &mut self.nodes[node];
        let (Some(shard), Some(tail)) = (&mut place.shard, &mut place.tail) else {
            return;
        };
        self.turns += 1;
        let mut submissions = Vec::new();
        let mut pass = Pass {
            now,
            tail,
            submissions: &mut submissions,
        };
        let count = place.inbox.len().min(DRAINED_MAX);
        let (mut closed, mut back) = (Vec::new(), Vec::new());
        for arrived in place.inbox.drain(..count) {
            match &arrived {
                Arrived::Closed(id) => closed.push(*id),
                Arrived::Sent(id, ..) => back.push(*id),
                _ => {}
            }
            hand(shard, arrived, &mut pass);
        }
        let end = shard.finish(&mut pass);
        for id in closed {
            place.slots[usize::try_from(id.slot).expect("few")] = None;
        }
        let more = !place.inbox.is_empty();
        if !more {
            place.turned_at = self.now;
        }
        let misled = self.relay(node);
        self.observe(node, lost);
        self.hear_replies(node);
        self.check_submissions(node, &submissions);
        self.note_empty(node, &back, &submissions);
        for submission in submissions {
            self.carry_out(node, submission);
        }
        if self.must_end(node) {
            return self.end_shard(node);
        }
        if !more {
            self.check_late(node);
        }
        if end.done {
            return self.drained(node);
        }
        let wake = end.wake | misled;
        for peer in (0..self.nodes.len()).filter(|peer| wake & 1 << peer != 0) {
            self.arrive(peer, Arrived::Woken);
        }
        if let Some(until) = end.until {
            let until = until.0.saturating_sub(self.clocks().monotonic.0);
            self.wake(node, until.max(5_000));
        }
        if more {
            self.wake(node, 5_000);
        }
    }

    /// A planted bug: one in eight frames and bodies gets lost between the shards, or refunds go
    /// straight to their payments. Returns the set of shards that hear of it.
    fn relay(&mut self, node: usize) -> u64 {
        let Some(plant) = self.plant.filter(|plant| plant.is_between()) else {
            return 0;
        };
        let (today, plan) = (self.clocks().wall.date(), &self.plan);
        let (draw, planted) = (&mut self.chance.draw, &mut self.planted);
        Ports::relay(&mut self.between, node, |message| {
            let passage = match plant {
                Plant::DropsCrossing if message.len() > 40 && draw.chance(125) => Passage::Lost,
                Plant::ClaimsAtRoot => unclaimed_refund(plan, message, today),
                _ => Passage::On,
            };
            *planted += u64::from(passage != Passage::On);
            passage
        })
    }

    /// Looks at what the turn has written, and at the bounds; `lost`: by its beginning.
    pub(super) fn observe(&mut self, node: usize, lost: u64) {
        let (at, mode) = (self.now, self.plan.mode);
        let (in_flight, keys) = (
            self.plan.in_flight_max,
            self.plan.remembered_keys_max as usize,
        );
        let place = &mut self.nodes[node];
        let (Some(shard), Some(tail)) = (&place.shard, &place.tail) else {
            return;
        };
        let appended = shard.journal().appended();
        place.shadow.tap(tail, place.ring, appended);
        let committed = place.committed(mode);
        place.shadow.commit(committed);
        let fresh: Vec<Entry> = place.shadow.entries()[place.entries_seen..].to_vec();
        let (mut roots, mut refunds) = (Vec::new(), Vec::new());
        for Entry { record, wall, .. } in &fresh {
            place.note_undone(record, at);
            place.note_waiting(record, *wall);
            roots.extend(place.refunded_by(record));
            let (key, originator) = match record {
                Record::Payment(payment) => (payment.key, payment.originator),
                Record::Refund(refund) => {
                    refunds.push(refund.key);
                    (refund.key, refund.originator)
                }
                _ => continue,
            };
            let begun = Begun {
                at_ns: at,
                originator,
                lost,
                told: false,
                missed: false,
            };
            place.begun.insert(key, begun);
        }
        place.entries_seen = place.shadow.entries().len();
        self.call_operators(node, &fresh);
        self.check_refunds(node, &roots);
        self.check_refund_keys(node, &refunds);
        self.check_totals(!fresh.is_empty());
        self.check_waiting(node);
        judge::answered_in_time(self, node);
        let Some(shard) = &self.nodes[node].shard else {
            return;
        };
        let engine = shard.engine();
        let good = engine.open_payments() <= in_flight
            && engine.remembered_keys() <= keys
            && engine.claimed_keys() <= keys
            && engine.held_here().0.max(engine.held_here().1) <= keys
            && engine.open_exchanges() <= 3 * in_flight as usize;
        self.verdicts.check(Rule::Bounded, at, good, || {
            format!(
                "{} payments of {in_flight}, {} keys of {keys}, {} exchanges",
                engine.open_payments(),
                engine.remembered_keys(),
                engine.open_exchanges()
            )
        });
    }

    fn must_end(&self, node: usize) -> bool {
        let shard = self.nodes[node].shard.as_ref();
        shard.is_some_and(|shard| shard.journal().fence().is_some() || shard.is_journal_full())
    }

    fn carry_out(&mut self, node: usize, submission: Submission) {
        match submission {
            Submission::Send { link, buffer } => {
                let Some(link) = self.nodes[node].link(link) else {
                    return;
                };
                if self.links[link].closing || self.links[link].sending.is_some() {
                    let id = self.links[link].id;
                    return self.arrive(node, Arrived::Sent(id, buffer, Errno(107)));
                }
                self.node_sends(link, buffer);
            }
            Submission::Close { link } => {
                if let Some(link) = self.nodes[node].link(link) {
                    self.node_closes(link);
                }
            }
            Submission::Write {
                write,
                segment,
                segment_offset,
                tail_offset,
                bytes,
            } => {
                let place = &mut self.nodes[node];
                let at = usize::try_from(tail_offset).expect("small");
                let length = usize::try_from(bytes).expect("small");
                let tail = place.tail.as_ref().expect("a running node has a tail");
                let taken = &tail[at..at + length];
                place.disk.begin(write, segment, segment_offset, taken);
                self.write(node, write);
            }
            Submission::PrepareSegment { segment } => {
                let full = self.chance.strikes(Fault::NoSpace);
                if full {
                    self.stall_ns = self.stall_ns.max(60_000 * MS);
                }
                let errno = if full { ENOSPC } else { 0 };
                let delay = self.chance.draw.between(50, 20_000) * 1_000;
                let life = self.nodes[node].life;
                self.after(delay, Event::SegmentMade(node, life, segment, errno));
            }
            Submission::SealSegment { segment } => self.digest_later(node, segment),
        }
    }

    fn write(&mut self, node: usize, write: u64) {
        let slow = self.chance.strikes(Fault::SlowWrite);
        let most = if slow { 1_500_000 } else { self.plan.write_us };
        let delay = self.chance.draw.between(20, most) * 1_000;
        self.stall_ns = self.stall_ns.max(delay);
        let errno = if self.chance.strikes(Fault::WriteError) {
            EIO
        } else {
            0
        };
        let life = self.nodes[node].life;
        if self.plant == Some(Plant::AcknowledgesEarly) {
            // The disk says that it is there, and it is not, yet.
            self.planted += 1;
            self.arrive(node, Arrived::Written(write, Errno(0)));
        }
        self.after(delay, Event::Written(node, life, write, errno));
    }

    pub(super) fn written(&mut self, node: usize, life: u64, write: u64, errno: i32) {
        let place = &mut self.nodes[node];
        if place.life != life {
            return;
        }
        if errno == 0 {
            place.disk.land(write);
        } else {
            place.disk.lose(write);
        }
        let committed = place.committed(self.plan.mode);
        place.shadow.commit(committed);
        if self.plant != Some(Plant::AcknowledgesEarly) {
            self.arrive(node, Arrived::Written(write, Errno(errno)));
        }
    }

    pub(super) fn segment_made(&mut self, node: usize, life: u64, segment: u64, errno: i32) {
        let place = &mut self.nodes[node];
        if place.life != life {
            return;
        }
        if errno == 0 {
            place.disk.make_segment(segment);
        }
        self.arrive(node, Arrived::SegmentReady(segment, Errno(errno)));
    }

    /// Checks everything that leaves for the first time.
    fn check_submissions(&mut self, node: usize, submissions: &[Submission]) {
        for submission in submissions {
            if let Submission::Send { link, buffer } = submission
                && buffer.sent() == 0
                && let Some(link) = self.nodes[node].link(*link)
            {
                self.check_sent(node, link, buffer);
            }
        }
    }

    /// Checks every frame that leaves: is it whole, readable, committed, in time?
    fn check_sent(&mut self, node: usize, link: usize, buffer: &SendBuffer) {
        let place = &self.links[link];
        let (protocol, player) = (place.protocol, place.player);
        let (framing, dialect) = (self.plan.framings[player], Dialect::plain(protocol));
        let today = self.clocks().wall.date();
        let mut rest = buffer.remaining();
        while !rest.is_empty() {
            let Split::Frame { body, total, .. } = framing.split(rest, 65_536) else {
                let at = self.now;
                return self.verdicts.check(Rule::Readable, at, false, || {
                    format!("{} bytes to participant {player} are no frame", rest.len())
                });
            };
            let decoded = dialect.decode(&rest[body], today);
            let at = self.now;
            self.verdicts
                .check(Rule::Readable, at, decoded.is_ok(), || {
                    format!("a frame to participant {player} cannot be read: {decoded:?}")
                });
            if let Ok(message) = decoded {
                self.check_message(node, link, &message);
            }
            rest = &rest[total..];
        }
    }

    pub(super) fn check_message(&mut self, node: usize, link: usize, message: &Message<'_>) {
        let (at, player) = (self.now, self.links[link].player);
        self.tell(|| {
            let shown = crate::wire::redact::Redacted(message);
            format!("switch -> participant {player} link {link}: {shown}")
        });
        let owner = gate::subject(message).map_or(node, |key| self.owner(key));
        let unfounded = gate::unfounded(&self.nodes[owner].shadow, message);
        let good = unfounded.is_none();
        self.verdicts.check(Rule::CommittedFirst, at, good, || {
            let what = unfounded.unwrap_or_default();
            format!("to participant {player}: {what}: {:?}", message.kind())
        });
        if let Message::PaymentAdvice(advice) = message {
            self.check_advice((owner, link), advice);
            self.plant_stale_advice((node, link), advice);
        }
        let stalled = |link: &Link| link.player == player && link.stalled;
        if self.season != Season::Draining && !self.links.iter().any(stalled) {
            judge::in_time(self, owner, message);
        }
    }
}

/// A refund on its way to its key's shard goes to its payment's.
fn unclaimed_refund(plan: &Plan, message: &[u8], today: Date) -> Passage {
    let Some((participant, body)) = Ports::unclaimed(message) else {
        return Passage::On;
    };
    let known = &plan.participants[usize::from(participant.0)];
    match Dialect::plain(known.protocol).decode(body, today) {
        Ok(Message::RefundRequest(request)) => Passage::Unclaimed(request.root.owner(plan.shards)),
        _ => Passage::On,
    }
}

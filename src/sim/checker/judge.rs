//! THE JUDGEMENT: when all is settled, the books of both parties and the journal are laid side by
//! side.

use crate::model::keys::Key;
use crate::model::message::Message;
use crate::model::outcome::{Outcome, ResponseCode};
use crate::sim::checker::rules::{Rule, Verdicts};
use crate::sim::checker::shadow::Page;
use crate::sim::player::{Asked, Balance, Player, Seen, TakenBack};
use crate::sim::world::{Season, World};

const MS: u64 = 1_000_000;
/// What turns, links and rounds may add to a deadline.
const GRACE_NS: u64 = 150 * MS;

/// What is known of one payment.
struct Case<'w> {
    key: &'w Key,
    asked: &'w Asked,
    seen: Option<&'w Seen>,
    page: Option<&'w Page>,
    /// It waits for a person, or for room in the queue of those who do.
    waits: bool,
    /// Other participants that have seen it.
    strangers: usize,
}

impl World {
    /// Judges everything, once all is settled or should be.
    pub(in crate::sim) fn judge(&mut self) {
        let at = self.now;
        let mut verdicts = core::mem::take(&mut self.verdicts);
        if !self.void {
            for player in &self.players {
                for (key, asked) in &player.asked {
                    let case = self.case(key, asked);
                    case.judge(&mut verdicts, at);
                }
            }
            self.judge_ends(&mut verdicts);
            self.judge_refunds(&mut verdicts);
            self.judge_totals(&mut verdicts);
            if !self.is_overrun() {
                self.judge_waiting(&mut verdicts);
            }
        }
        self.verdicts = verdicts;
    }

    fn case<'w>(&'w self, key: &'w Key, asked: &'w Asked) -> Case<'w> {
        let (target, _) = asked.target(*key);
        let touched = |player: &&Player| player.seen.contains_key(key);
        let strangers = self.players.iter().filter(touched);
        let strangers = strangers.filter(|player| player.index != asked.destination);
        Case {
            key,
            asked,
            seen: self.players[asked.destination].seen.get(key),
            page: self.nodes[self.owner(key)].shadow.page(&target),
            waits: self.is_overrun() || self.waits(key),
            strangers: strangers.count(),
        }
    }

    fn judge_ends(&self, verdicts: &mut Verdicts) {
        let at = self.now;
        for (index, node) in self.nodes.iter().enumerate() {
            let engine = node.shard.as_ref().map(crate::shard::Shard::engine);
            verdicts.check(Rule::Answered, at, engine.is_some(), || {
                format!("node {index} is not running")
            });
            let open = engine.map_or(0, |engine| engine.open_exchanges());
            let ended = open == 0 || self.is_overrun();
            verdicts.check(Rule::ReversalsEnd, at, ended, || {
                format!("node {index} has {open} exchanges open")
            });
        }
        for player in &self.players {
            for (key, seen) in &player.seen {
                let ended = !seen.owes() || self.is_overrun();
                verdicts.check(Rule::ReversalsEnd, at, ended, || {
                    format!("{key}: told by its destination, and never acknowledged: {seen:?}")
                });
            }
        }
        for (key, page) in self.nodes.iter().flat_map(|node| node.shadow.pages()) {
            let key = &key.key;
            let once = page.claims == 1 && page.answers.len() <= 1 && page.forwards.len() <= 1;
            verdicts.check(Rule::OneOutcome, at, once, || {
                let (claims, answers) = (page.claims, page.answers.len());
                format!("{key}: claimed {claims} times, answered {answers} times")
            });
            let approved = page
                .answers
                .iter()
                .any(|(_, _, outcome, _)| *outcome == Outcome::Approved);
            verdicts.check(
                Rule::NoLateApproval,
                at,
                !(page.unknown && approved),
                || format!("{key}: unknown, and approved"),
            );
            let same = page
                .answers
                .iter()
                .all(|(.., amounts)| page.amounts.is_none_or(|a| a.amount == amounts.amount));
            verdicts.check(Rule::Amounts, at, same, || {
                format!("{key}: answered with another amount than it was recorded with")
            });
        }
    }
}

impl Case<'_> {
    fn judge(&self, verdicts: &mut Verdicts, at: u64) {
        let Self { key, asked, .. } = self;
        let answered = asked.is_settled() || (asked.refused > 0 && self.page.is_none());
        let answered = answered || asked.sent == 0 || self.waits;
        verdicts.check(Rule::Answered, at, answered, || {
            format!("{key}: sent {} times, {asked:?}", asked.sent)
        });
        let elsewhere = self.strangers;
        verdicts.check(Rule::NoDoubleDebit, at, elsewhere == 0, || {
            format!("{key}: seen by {elsewhere} others than its destination")
        });
        self.judge_money(verdicts, at);
        self.judge_journal(verdicts, at);
    }

    /// Both books say the same of the money.
    fn judge_money(&self, verdicts: &mut Verdicts, at: u64) {
        let Self { key, asked, .. } = self;
        // What waits for a person is not settled; and lies are for people to find out.
        if !asked.is_settled() || self.waits || self.seen.is_some_and(|seen| seen.lied) {
            return;
        }
        let told = asked.last.as_ref().map(|last| last.outcome);
        let told = told.or(asked.advised);
        let undone =
            asked.taken_back == TakenBack::Accepted || asked.advised == Some(Outcome::Reversed);
        let paid = told == Some(Outcome::Approved) && !undone;
        let balance = self.seen.map(|seen| seen.balance);
        let debited = balance == Some(Balance::Debited);
        verdicts.check(Rule::NoDoubleDebit, at, paid == debited, || {
            format!("{key}: {asked:?} and {:?}", self.seen)
        });
        let sent = self.seen.filter(|seen| seen.requests > 0);
        if let Some(seen) = sent {
            let minor = seen.amounts.amount.minor;
            verdicts.check(Rule::Amounts, at, asked.is_of(minor), || {
                format!("{key}: sent {:?}, seen {minor}", asked.bodies)
            });
            let recorded = self.page.and_then(|page| page.amounts);
            let same = recorded.is_none_or(|amounts| {
                (amounts.billing, amounts.settlement)
                    == (seen.amounts.billing, seen.amounts.settlement)
            });
            verdicts.check(Rule::Amounts, at, same, || {
                format!("{key}: seen {:?}, recorded {recorded:?}", seen.amounts)
            });
        }
        verdicts.check(
            Rule::ReversedFirst,
            at,
            !(asked.barred && sent.is_some()),
            || format!("{key}: reversed before it came, and forwarded"),
        );
    }

    /// The journal says what the originator was told.
    fn judge_journal(&self, verdicts: &mut Verdicts, at: u64) {
        let Self { key, asked, .. } = self;
        let Some(last) = &asked.last else { return };
        let Some(page) = self.page else {
            return verdicts.check(Rule::NothingLost, at, false, || {
                format!("{key}: answered, and not in the journal")
            });
        };
        verdicts.check(Rule::NothingLost, at, true, String::new);
        let same = page.answer() == Some((last.code, last.outcome));
        verdicts.check(Rule::OneOutcome, at, same, || {
            format!(
                "{key}: told {last:?}, and the journal says {:?}",
                page.answer()
            )
        });
        let late = page.unknown && last.outcome == Outcome::Approved;
        verdicts.check(Rule::NoLateApproval, at, !late, || {
            format!("{key}: approved, and the journal says that nobody knew")
        });
        if let (Some(told), Some(kept)) = (last.settlement_date, page.settlement_date) {
            verdicts.check(Rule::BusinessDate, at, told == kept, || {
                format!("{key}: told {told}, recorded {kept}")
            });
        }
        let both = page.amounts.map(|amounts| amounts.amount.minor);
        let same = both.is_none_or(|minor| asked.is_of(minor));
        verdicts.check(Rule::Amounts, at, same, || {
            format!("{key}: sent {:?}, recorded {both:?}", asked.bodies)
        });
    }
}

/// An answer leaves within its originator's time, and a request before its deadline.
pub(in crate::sim) fn in_time(world: &mut World, node: usize, message: &Message<'_>) {
    let key = match message {
        Message::PaymentRequest(request) => request.key,
        Message::RefundRequest(request) => request.key,
        Message::PaymentResult(result) if result.response_code != ResponseCode::CONFLICT => {
            result.key
        }
        Message::RefundResult(result) if result.response_code != ResponseCode::CONFLICT => {
            result.key
        }
        _ => return,
    };
    let at = world.now;
    let allowed = GRACE_NS + 6 * world.stall_ns;
    let lost = world.lost();
    let Some(begun) = world.nodes[node].begun.get_mut(&key) else {
        return;
    };
    let answer = message.kind().is_answer();
    let later = answer && core::mem::replace(&mut begun.told, true);
    if answer && !later {
        world
            .verdicts
            .check(Rule::AnsweredInTime, at, true, String::new);
    }
    let begun = *begun;
    let Some(known) = world.tables.speaks_for(begun.originator) else {
        return;
    };
    if later || lost != begun.lost {
        return;
    }
    let timeout_ms = world.tables.participant(known).answer_timeout_ms;
    let due = begun.at_ns + u64::from(timeout_ms) * MS + allowed;
    world.verdicts.check(Rule::Deadlines, at, at <= due, || {
        let (late, kind) = ((at - begun.at_ns) / MS, message.kind());
        format!("{key}: {kind:?} left {late} ms after it came, of {timeout_ms} ms")
    });
}

/// What was accepted, and is past its time, has been answered; unless its originator's links were
/// in trouble meanwhile, or something found no room or no link.
pub(in crate::sim) fn answered_in_time(world: &mut World, node: usize) {
    let (at, lost) = (world.now, world.lost());
    if world.season == Season::Draining {
        return;
    }
    let allowed = GRACE_NS + 6 * world.stall_ns;
    let World {
        nodes,
        verdicts,
        tables,
        troubled_at,
        ..
    } = world;
    for (key, begun) in &mut nodes[node].begun {
        let waits = !begun.told && !begun.missed;
        let known = tables.speaks_for(begun.originator).filter(|_| waits);
        let Some(known) = known else { continue };
        let timeout_ms = tables.participant(known).answer_timeout_ms;
        if at <= begun.at_ns + u64::from(timeout_ms) * MS + allowed {
            continue;
        }
        begun.missed = true;
        if lost == begun.lost && troubled_at[usize::from(known.0)] < begun.at_ns {
            verdicts.check(Rule::AnsweredInTime, at, false, || {
                format!(
                    "{key}: not answered {} ms after it came",
                    (at - begun.at_ns) / MS
                )
            });
        }
    }
}

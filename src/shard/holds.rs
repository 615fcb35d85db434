//! A payment on its way over the homes of what it counts for: its payer's totals, its order.
//!
//! What is counted, where, and why nothing is recorded here says `engine/holds.rs`; what is about a
//! payment on its way, and goes behind it, `engine/walks.rs`.
//!
//! - **A ring is full, or a shard has ended**: shed with A1. What was taken before is given back.
//! - **Draining.** Nobody sets out any more. No owner is settled while a payment of it is on its
//!   way, and so none of the homes ends.
//! - **What is to be given back** waits in a queue of fixed size until the record of its end is
//!   committed, and its ring has room. Where the queue is full, it counts until the next start,
//!   which is counted: a total is too high then, and never too low.
//! - **A frame that cannot be read where it arrives**, as none can be that was read before: what it
//!   had taken is given back.

use crate::engine::{
    Gate, GivenBack, OrderStake, PayerStake, ReadHolds, Sender, SetOut, Stake, Standing, Sum,
    ToldHolds, may_count,
};
use crate::model::hold::{OrderHash, PayerHash};
use crate::model::ids::{Institution, LinkAddress, Lsn, Reference, ShardId};
use crate::model::keys::Key;
use crate::model::message::Message;
use crate::model::money::{Currency, Money};
use crate::model::time::Date;
use crate::shard::codes::scan;
use crate::shard::crossing::Crossing;
use crate::shard::peers::root_of;
use crate::shard::stats::Counter;
use crate::shard::{Pass, Replaying, Shard};

/// What may wait to be given back.
pub(super) const GIVEN_BACK_MAX: usize = 1_024;

/// Bytes of a stake on its way, and of what is given back.
pub(super) const STAKE_BYTES: usize = KEY + (4 + 1) + (16 + 10 + 1 + 16) + (16 + 1);
pub(super) const GIVEN_BACK_BYTES: usize = KEY + 4 + (16 + 4 + 8) + 16;
const KEY: usize = 8 + 4 + 12;

impl Replaying {
    /// What was read of holds, by the shard that is their home.
    pub fn take_holds(&mut self, shards: u16) -> Vec<ToldHolds> {
        let currency = self.tables.guard().currency();
        let read = core::mem::replace(&mut self.read_holds, ReadHolds::new(currency));
        read.by_home(&self.engine, shards)
    }
}

impl Shard {
    /// What one of the shards has read of what is counted here. Before anybody is served.
    pub fn tell_holds(&mut self, told: &ToldHolds) {
        self.engine.tell_holds(told, self.today);
    }

    /// What is ours, and has claimed what it had to: where it must go first, it goes there, and
    /// where its payment is on its way, behind that.
    pub(super) fn hand_in_order(
        &mut self,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        match self.way_of(sender, message, pass) {
            SetOut::Stays if self.claim_of(sender.participant, message).is_some() => {
                self.hand_claimed(sender, message, pass);
            }
            SetOut::Stays => self.hand_or_look_further(sender, (message, body), pass),
            SetOut::Goes(stake) => self.walk(stake, sender, (message, body), pass),
            SetOut::Full => self.shed_passed(sender, message, pass),
        }
    }

    /// Where a message that is ours must go first.
    fn way_of(&mut self, sender: Sender, message: &Message<'_>, pass: &mut Pass<'_>) -> SetOut {
        if self.engine.walking() > 0
            && let Some(key) = root_of(message)
            && let Some(behind) = self.engine.behind(key)
        {
            return SetOut::Goes(behind);
        }
        match message {
            Message::PaymentRequest(request)
                if !self.draining && may_count(request, &self.tables) =>
            {
                self.engage(pass, |engine, context, _| {
                    engine.set_out(request, sender.participant, context)
                })
            }
            _ => SetOut::Stays,
        }
    }

    /// Something of ours sets out.
    fn walk(
        &mut self,
        mut stake: Stake,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        let next = self.step(&mut stake);
        if next == self.shard {
            self.hand_walked(stake, sender, (message, body), pass);
        } else if !self.say_staked(next, stake, sender, body) {
            self.stop(&stake, pass);
            self.shed_passed(sender, message, pass);
        }
    }

    /// A peer passes something on.
    pub(super) fn handle_staked(
        &mut self,
        mut stake: Stake,
        sender: Sender,
        body: &[u8],
        pass: &mut Pass<'_>,
    ) {
        let next = self.step(&mut stake);
        if next != self.shard && self.say_staked(next, stake, sender, body) {
            return;
        }
        let dialect = &self.dialects[usize::from(sender.participant.0)];
        let mut scratch = core::mem::take(&mut self.scratch);
        match dialect.decode_joining(body, self.today, &mut scratch) {
            Ok(message) if next == self.shard => {
                self.hand_walked(stake, sender, (&message, body), pass);
            }
            Ok(message) => {
                self.stop(&stake, pass);
                self.shed_passed(sender, &message, pass);
            }
            Err(_) => {
                self.stats.add(Counter::Unanswerable, 1);
                self.stop(&stake, pass);
            }
        }
        self.scratch = scratch;
    }

    /// As far as we are its home it counts; who is next, its owner at the end.
    fn step(&mut self, stake: &mut Stake) -> ShardId {
        self.engine
            .put_stake(stake, self.shards, self.shard, self.today);
        let home = stake.next_home(self.shards);
        home.unwrap_or_else(|| stake.key.owner(self.shards))
    }

    fn say_staked(&mut self, next: ShardId, stake: Stake, sender: Sender, body: &[u8]) -> bool {
        let LinkAddress { shard, link } = sender.link;
        let frame = Crossing::Staked {
            participant: sender.participant,
            link,
            home: shard,
            stake,
            body,
        };
        self.say(next, &frame, true)
    }

    /// All homes were asked, and what comes is ours.
    fn hand_walked(
        &mut self,
        stake: Stake,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        // Behind it nothing of this way is left, also where its payment was shed.
        self.engine.end_walk(&stake.key, stake.ticket);
        if stake.follows {
            return self.hand_in_order(sender, (message, body), pass);
        }
        let Message::PaymentRequest(request) = message else {
            return self.stop(&stake, pass);
        };
        self.engage(pass, |engine, context, out| {
            scan(request.code.expose(), context.tables, |scanned| {
                let asked = (request, scanned);
                engine.handle_staked_payment(asked, Some(stake), sender, context, out);
            });
        });
    }

    /// It goes no further: what it has taken is given back, and its owner waits no longer.
    fn stop(&mut self, stake: &Stake, pass: &mut Pass<'_>) {
        if stake.follows {
            return;
        }
        self.engage(pass, |engine, _, effects| engine.withdraw(stake, effects));
        let over = GivenBack {
            key: stake.key,
            ticket: stake.ticket,
            payer: None,
            order: None,
        };
        match stake.key.owner(self.shards) {
            owner if owner == self.shard => self.engine.take_back(&over),
            owner => self.tell_later(Lsn(0), owner, over),
        }
    }

    /// Something no longer counts: its homes are told once `gate` lets it pass.
    pub(super) fn give_back(&mut self, given_back: &GivenBack, gate: Gate) {
        let after = match gate {
            Gate::Committed => self.journal.appended(),
            Gate::Free => Lsn(0),
        };
        for (home, part) in given_back.parts(self.shards) {
            self.tell_later(after, home, part);
        }
    }

    fn tell_later(&mut self, after: Lsn, home: ShardId, part: GivenBack) {
        if self.untold.len() < GIVEN_BACK_MAX {
            self.untold.push_back((after, home, part));
        } else {
            self.stats.add(Counter::HoldsLost, 1);
        }
    }

    /// Says what is to be given back, in order. `false`: some of it found a full ring.
    pub(super) fn tell_given_back(&mut self) -> bool {
        while let Some((after, home, part)) = self.untold.front().copied() {
            if after > self.journal.committed() {
                return true;
            }
            if home == self.shard {
                self.engine.take_back(&part);
            } else if self.is_peer(home) && !self.say(home, &Crossing::GivenBack(part), false) {
                return false;
            }
            self.untold.pop_front();
        }
        true
    }
}

/// Writes into a place of known size, from its start.
struct Writer<'b>(&'b mut [u8]);

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let (place, rest) = core::mem::take(&mut self.0).split_at_mut(bytes.len());
        place.copy_from_slice(bytes);
        self.0 = rest;
    }

    fn key(&mut self, key: &Key) {
        self.put(&key.originator.code().to_le_bytes());
        self.put(&key.local_date.yyyymmdd().to_le_bytes());
        self.put(key.reference.bytes());
    }
}

/// Reads what [`Writer`] wrote: no other shard's bytes come here.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.0.split_first_chunk().expect("a shard wrote all of it");
        self.0 = rest;
        *bytes
    }

    fn date(&mut self) -> Option<Date> {
        Date::from_yyyymmdd(u32::from_le_bytes(self.take()))
    }

    fn key(&mut self) -> Key {
        let originator = Institution::new(u64::from_le_bytes(self.take()));
        let date = self.date();
        let reference = Reference::new(self.take());
        Key {
            originator: originator.expect("it was one"),
            local_date: date.expect("it was one"),
            reference: reference.expect("it was one"),
        }
    }

    fn hash(&mut self) -> Option<[u8; 16]> {
        let hash = self.take();
        (hash != [0; 16]).then_some(hash)
    }
}

/// Writes a stake, [`STAKE_BYTES`] long.
pub(super) fn write_stake(place: &mut [u8], stake: &Stake) {
    let mut writer = Writer(place);
    writer.key(&stake.key);
    writer.put(&stake.ticket.to_le_bytes());
    writer.put(&[u8::from(stake.follows)]);
    let payer = stake.payer;
    let amount = payer.and_then(|it| it.amount);
    let (state, sum) = match payer.map(|it| it.standing) {
        Some(Standing::Taken(sum)) => (1, Some(sum)),
        Some(Standing::Full) => (2, None),
        Some(Standing::Known) => (3, None),
        Some(Standing::Unasked | Standing::Refused) | None => (0, None),
    };
    writer.put(&payer.map_or([0; 16], |it| it.payer.0));
    writer.put(&amount.map_or(0, |it| it.minor).to_le_bytes());
    writer.put(&amount.map_or(0, |it| it.currency.numeric()).to_le_bytes());
    writer.put(&[state]);
    writer.put(&sum.map_or(0, |it| it.date.yyyymmdd()).to_le_bytes());
    writer.put(&sum.map_or(0, |it| it.year_minor).to_le_bytes());
    writer.put(&sum.map_or(0, |it| it.day_count).to_le_bytes());
    let order = stake.order;
    let state = match order.map(|it| it.standing) {
        Some(Standing::Taken(())) => 1,
        Some(Standing::Full) => 2,
        Some(Standing::Known) => 3,
        Some(Standing::Refused) => 4,
        Some(Standing::Unasked) | None => 0,
    };
    writer.put(&order.map_or([0; 16], |it| it.order.0));
    writer.put(&[state]);
    assert!(writer.0.is_empty(), "the place is as large as a stake");
}

/// Reads a stake.
pub(super) fn read_stake(bytes: &[u8]) -> Stake {
    let mut reader = Reader(bytes);
    let key = reader.key();
    let ticket = u32::from_le_bytes(reader.take());
    let [follows] = reader.take();
    let payer = reader.hash();
    let minor = i64::from_le_bytes(reader.take());
    let currency = Currency::new(u16::from_le_bytes(reader.take()));
    let [state] = reader.take();
    let date = reader.date();
    let year_minor = i64::from_le_bytes(reader.take());
    let day_count = u32::from_le_bytes(reader.take());
    let standing = match state {
        0 => Standing::Unasked,
        1 => Standing::Taken(Sum {
            date: date.expect("it counts on a day"),
            year_minor,
            day_count,
        }),
        3 => Standing::Known,
        _ => Standing::Full,
    };
    let order = reader.hash();
    let [state] = reader.take();
    let order = order.map(|order| OrderStake {
        order: OrderHash(order),
        standing: match state {
            0 => Standing::Unasked,
            1 => Standing::Taken(()),
            3 => Standing::Known,
            4 => Standing::Refused,
            _ => Standing::Full,
        },
    });
    Stake {
        key,
        ticket,
        follows: follows == 1,
        payer: payer.map(|payer| PayerStake {
            payer: PayerHash(payer),
            amount: currency.map(|currency| Money { minor, currency }),
            standing,
        }),
        order,
    }
}

/// Writes what is given back, [`GIVEN_BACK_BYTES`] long.
pub(super) fn write_given_back(place: &mut [u8], it: &GivenBack) {
    let mut writer = Writer(place);
    writer.key(&it.key);
    writer.put(&it.ticket.to_le_bytes());
    writer.put(&it.payer.map_or([0; 16], |(payer, ..)| payer.0));
    let date = it.payer.map_or(0, |(_, date, _)| date.yyyymmdd());
    writer.put(&date.to_le_bytes());
    writer.put(&it.payer.map_or(0, |(.., minor)| minor).to_le_bytes());
    writer.put(&it.order.map_or([0; 16], |order| order.0));
    assert!(writer.0.is_empty(), "the place is as large as that");
}

/// Reads what is given back.
pub(super) fn read_given_back(bytes: &[u8]) -> GivenBack {
    let mut reader = Reader(bytes);
    let key = reader.key();
    let ticket = u32::from_le_bytes(reader.take());
    let payer = reader.hash();
    let date = reader.date();
    let minor = i64::from_le_bytes(reader.take());
    let order = reader.hash();
    GivenBack {
        key,
        ticket,
        payer: payer.map(|payer| (PayerHash(payer), date.expect("it had one"), minor)),
        order: order.map(OrderHash),
    }
}

//! A payment on its way over the homes of what it counts for: its payer's totals, its order.
//!
//! What is counted, where, and why nothing is recorded here says `engine/holds.rs`.
//!
//! - **A ring is full, or a shard has ended**: shed with A1. What was taken before is given back.
//! - **What is to be given back** waits in a queue of fixed size until the record of its end is
//!   committed, and its ring has room. Where the queue is full, it counts until the next start,
//!   which is counted: a total is too high then, and never too low.
//! - **A frame that cannot be read where it arrives**, as none can be that was read before: what it
//!   had taken is given back.

use crate::engine::{
    Gate, GivenBack, OrderStake, PayerStake, ReadHolds, Sender, Stake, Standing, Sum, ToldHolds,
    may_count,
};
use crate::model::hold::{OrderHash, PayerHash};
use crate::model::ids::{Institution, LinkAddress, Lsn, Reference};
use crate::model::keys::Key;
use crate::model::message::Message;
use crate::model::money::{Currency, Money};
use crate::model::time::Date;
use crate::shard::codes::scan;
use crate::shard::crossing::Crossing;
use crate::shard::stats::Counter;
use crate::shard::{Pass, Replaying, Shard};

/// What may wait to be given back.
pub(super) const GIVEN_BACK_MAX: usize = 1_024;

/// Bytes of a stake on its way, and of what is given back.
pub(super) const STAKE_BYTES: usize = KEY + (16 + 10 + 1 + 16) + (16 + 1);
pub(super) const GIVEN_BACK_BYTES: usize = KEY + (16 + 4 + 8) + 16;
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

    /// What a payment that comes over a link of ours counts for; none where nothing is asked.
    pub(super) fn stake_of(
        &mut self,
        sender: Sender,
        message: &Message<'_>,
        pass: &mut Pass<'_>,
    ) -> Option<Stake> {
        let Message::PaymentRequest(request) = message else {
            return None;
        };
        if !may_count(request, &self.tables) {
            return None;
        }
        self.engage(pass, |engine, context, _| {
            engine.stake(request, sender.participant, context)
        })
    }

    /// A payment goes on to the next home of what it counts for, or, once all were asked, to the
    /// shard that owns it.
    pub(super) fn walk(
        &mut self,
        mut stake: Stake,
        sender: Sender,
        (message, body): (&Message<'_>, &[u8]),
        pass: &mut Pass<'_>,
    ) {
        self.engine
            .put_stake(&mut stake, self.shards, self.shard, self.today);
        let next = stake.next_home(self.shards);
        let next = next.unwrap_or_else(|| stake.key.owner(self.shards));
        if next == self.shard {
            return self.hand_staked(stake, sender, message, pass);
        }
        let LinkAddress { shard, link } = sender.link;
        let frame = Crossing::Staked {
            participant: sender.participant,
            link,
            home: shard,
            stake,
            body,
        };
        if !self.say(next, &frame, true) {
            self.engage(pass, |engine, _, effects| engine.withdraw(&stake, effects));
            self.shed_passed(sender, message, pass);
        }
    }

    /// All homes were asked, and the payment is ours.
    fn hand_staked(
        &mut self,
        stake: Stake,
        sender: Sender,
        message: &Message<'_>,
        pass: &mut Pass<'_>,
    ) {
        let Message::PaymentRequest(request) = message else {
            return self.engage(pass, |engine, _, effects| engine.withdraw(&stake, effects));
        };
        self.engage(pass, |engine, context, out| {
            scan(request.code.expose(), context.tables, |scanned| {
                let asked = (request, scanned);
                engine.handle_staked_payment(asked, Some(stake), sender, context, out);
            });
        });
    }

    /// A peer passes a payment on.
    pub(super) fn handle_staked(
        &mut self,
        stake: Stake,
        sender: Sender,
        body: &[u8],
        pass: &mut Pass<'_>,
    ) {
        let dialect = &self.dialects[usize::from(sender.participant.0)];
        let mut scratch = core::mem::take(&mut self.scratch);
        match dialect.decode_joining(body, self.today, &mut scratch) {
            Ok(message) => self.walk(stake, sender, (&message, body), pass),
            Err(_) => {
                self.stats.add(Counter::Unanswerable, 1);
                self.engage(pass, |engine, _, effects| engine.withdraw(&stake, effects));
            }
        }
        self.scratch = scratch;
    }

    /// Something no longer counts: its homes are told once `gate` lets it pass.
    pub(super) fn give_back(&mut self, given_back: &GivenBack, gate: Gate) {
        let after = match gate {
            Gate::Committed => self.journal.appended(),
            Gate::Free => Lsn(0),
        };
        for (home, part) in given_back.parts(self.shards) {
            if self.untold.len() < GIVEN_BACK_MAX {
                self.untold.push_back((after, home, part));
            } else {
                self.stats.add(Counter::HoldsLost, 1);
            }
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
    let payer = stake.payer;
    let amount = payer.and_then(|it| it.amount);
    let (state, sum) = match payer.map(|it| it.standing) {
        Some(Standing::Taken(sum)) => (1, Some(sum)),
        Some(Standing::Full) => (2, None),
        _ => (0, None),
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
    let payer = reader.hash();
    let date = reader.date();
    let minor = i64::from_le_bytes(reader.take());
    let order = reader.hash();
    GivenBack {
        key,
        payer: payer.map(|payer| (PayerHash(payer), date.expect("it had one"), minor)),
        order: order.map(OrderHash),
    }
}

//! PAYMENTS ON THEIR WAY over the homes of what they count for, as their owner remembers them.
//!
//! ```text
//!  link's shard --payment, inquiry--> owner --payment--> payer's home --payment--> order's home -+
//!                                     |  ^ --inquiry----------- the same way, behind it -------+ |
//!                                     v  +---------------------------------------------------+-+
//! ```
//!
//! Whoever sends a payment and right behind it an inquiry, a reversal or a repeat must not be told
//! that there is no such payment. So whatever is about a payment that is on its way takes the same
//! way: rings keep their order, and so it comes back behind the payment.
//!
//! - **Bounded**: there is a place for each payment that may be open; where there is none, it is
//!   shed.
//! - **Shed on its way**, because a ring is full: the owner is told. What follows and comes back
//!   before that is heard knows as well that nobody is ahead of it.
//! - **A home that has ended** lets nobody come back: what went there is not waited for.

use crate::engine::holds::{Stake, Standing, home_of, stake_of};
use crate::engine::replies::target_of;
use crate::engine::totals::{Entry, Places};
use crate::engine::{Context, Engine, Legs, OrderStake, PayerStake, price};
use crate::model::hold::{OrderHash, PayerHash};
use crate::model::ids::{ParticipantIndex, ShardId};
use crate::model::keys::Key;
use crate::model::message::PaymentRequest;
use crate::model::time::Date;

/// Where a payment that counts for something goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetOut {
    /// Nowhere: it is decided here and now.
    Stays,
    /// To the homes of this.
    Goes(Stake),
    /// Too many are on their way: it is to be shed.
    Full,
}

/// One payment on its way.
#[derive(Debug)]
struct Walk {
    key: Key,
    ticket: u32,
    payer: Option<PayerHash>,
    order: Option<OrderHash>,
}

impl Entry for Walk {
    fn hash(&self) -> u32 {
        hash(&self.key)
    }

    fn may_go(&self, _today: Date) -> bool {
        false
    }
}

fn hash(key: &Key) -> u32 {
    let [a, b, c, d, ..] = key.hash(WALK_SEED).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Another one than says who owns a key: all keys here have the same owner.
const WALK_SEED: u64 = 0x7761_6c6b;

/// All payments of this shard that are on their way.
#[derive(Debug)]
pub(super) struct Walks {
    places: Places<Walk>,
    /// The last one's.
    ticket: u32,
}

impl Walks {
    pub(super) fn new(capacity: u32) -> Self {
        let (places, ticket) = (Places::new(capacity), 0);
        Self { places, ticket }
    }

    fn find(&self, key: &Key) -> Option<u32> {
        self.places.find(hash(key), |walk| walk.key == *key)
    }

    /// `false`: there is no place.
    fn insert(&mut self, stake: &mut Stake, today: Date) -> bool {
        // Zero is no ticket.
        self.ticket = self.ticket.checked_add(1).unwrap_or(1);
        stake.ticket = self.ticket;
        let walk = Walk {
            key: stake.key,
            ticket: stake.ticket,
            payer: stake.payer.map(|it| it.payer),
            order: stake.order.map(|it| it.order),
        };
        self.places.insert(walk, today)
    }
}

impl Engine {
    /// Payments of this shard that are on their way over homes.
    #[inline]
    pub fn walking(&self) -> usize {
        let walks = self.holds.walks.as_ref();
        walks.map_or(0, |walks| walks.places.len())
    }

    /// Where a payment of this shard, which is one of several, goes first. What is known is a
    /// repeat, and counts for nothing.
    pub fn set_out<L: Legs>(
        &mut self,
        request: &PaymentRequest<'_>,
        sender: ParticipantIndex,
        context: &Context<'_, L>,
    ) -> SetOut {
        if self.transactions.find(&target_of(request)).is_some() {
            return SetOut::Stays;
        }
        let for_order = super::holds::is_of_order(request, context.tables);
        // What cannot be opened is refused where it is decided.
        let quote = if for_order {
            price::open_quote(request, sender, context).ok().flatten()
        } else {
            None
        };
        let Some(mut stake) = stake_of(request, quote.as_ref(), context) else {
            return SetOut::Stays;
        };
        let walks = self.holds.walks.as_mut();
        if walks.is_some_and(|walks| walks.insert(&mut stake, context.today)) {
            SetOut::Goes(stake)
        } else {
            self.tally.holds_full += 1;
            SetOut::Full
        }
    }

    /// The way on which whatever is about this payment goes behind it; none: it is not on its way.
    pub fn behind(&mut self, key: &Key) -> Option<Stake> {
        let walks = self.holds.walks.as_mut()?;
        let slot = walks.find(key)?;
        let walk = walks.places.at(slot);
        let payer = walk.payer.map(|payer| PayerStake {
            payer,
            amount: None,
            standing: Standing::Unasked,
        });
        let order = walk.order.map(|order| OrderStake {
            order,
            standing: Standing::Unasked,
        });
        Some(Stake {
            key: *key,
            ticket: walk.ticket,
            follows: true,
            payer,
            order,
        })
    }

    /// A payment of this shard is back, or never will be.
    pub fn end_walk(&mut self, key: &Key, ticket: u32) {
        if let Some(walks) = &mut self.holds.walks
            && let Some(slot) = walks.find(key)
            && walks.places.at(slot).ticket == ticket
        {
            walks.places.remove(slot);
        }
    }

    /// A home has ended: nobody comes back from there.
    pub fn end_walks_over(&mut self, home: ShardId, shards: u16) {
        if let Some(walks) = &mut self.holds.walks {
            walks.places.remove_where(|walk| {
                let payer = walk.payer.map(|it| home_of(&it.0, shards));
                let order = walk.order.map(|it| home_of(&it.0, shards));
                payer == Some(home) || order == Some(home)
            });
        }
    }
}

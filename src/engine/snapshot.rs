//! One immutable generation of all tables that decide: participants and routes, rates, limits and
//! lists. Built and checked elsewhere; a shard swaps its whole snapshot, never a part of it.

use core::ops::Deref;
use std::sync::Arc;

use crate::fx::{QuoteKeys, Rates};
use crate::guard::Guard;
use crate::model::money::{Currency, Money};
use crate::model::time::Wall;
use crate::route::Tables;

/// How amounts are converted and quoted.
#[derive(Debug)]
pub struct Pricing {
    /// At which rates.
    pub rates: Rates,
    /// What seals quotes.
    pub keys: QuoteKeys,
    /// How long a quote holds, in seconds.
    pub quote_valid_s: u32,
    /// What the switch settles in; none: amounts for settlement are the participants' to state.
    pub settlement: Option<Currency>,
}

impl Pricing {
    /// When a quote of now is over: never later than its rates, and on a whole second, because ISO
    /// 8583 carries no more.
    pub(super) fn expiry(&self, now: Wall, rates_until: Wall) -> Wall {
        let own = u64::from(self.quote_valid_s) * SECOND_NS;
        let end = now.0.saturating_add(own).min(rates_until.0);
        Wall(end / SECOND_NS * SECOND_NS)
    }
}

const SECOND_NS: u64 = 1_000_000_000;

/// All tables of one version.
#[derive(Debug)]
pub struct Snapshot {
    routes: Tables,
    guard: Arc<Guard>,
    pricing: Option<Pricing>,
}

impl Snapshot {
    /// Participants and routes alone: nothing is limited or converted, and amounts and quotes pass
    /// as they come.
    pub fn new(routes: Tables) -> Self {
        Self {
            routes,
            guard: Arc::default(),
            pricing: None,
        }
    }

    /// The same with limits and lists.
    #[must_use]
    pub fn with_guard(self, guard: impl Into<Arc<Guard>>) -> Self {
        let guard = guard.into();
        Self { guard, ..self }
    }

    /// The same with rates and quotes.
    #[must_use]
    pub fn with_pricing(self, pricing: Pricing) -> Self {
        Self {
            pricing: Some(pricing),
            ..self
        }
    }

    /// What is allowed.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// How amounts are converted; none where they are not.
    pub const fn pricing(&self) -> Option<&Pricing> {
        self.pricing.as_ref()
    }

    /// The decimals of a currency, where amounts are converted.
    pub fn exponent(&self, currency: Currency) -> Option<u8> {
        self.pricing.as_ref()?.rates.exponents().of(currency)
    }

    /// What an amount counts in the currency of the limits; none where no rate leads there.
    pub(super) fn measured(&self, amount: Money, wall: Wall) -> Option<Money> {
        if self.guard.currency() == Some(amount.currency) {
            return Some(amount);
        }
        self.in_limits_currency(amount, wall)
    }

    /// An amount in the currency of the limits; none where no rate leads there.
    pub(super) fn in_limits_currency(&self, amount: Money, wall: Wall) -> Option<Money> {
        let to = self.guard.currency()?;
        let rates = &self.pricing.as_ref()?.rates;
        let applied = rates.find(amount.currency, to, wall).ok()?;
        rates.convert(amount, &applied, to).ok()
    }
}

impl From<Tables> for Snapshot {
    fn from(routes: Tables) -> Self {
        Self::new(routes)
    }
}

/// Participants and routes are what nearly everybody asks for.
impl Deref for Snapshot {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.routes
    }
}

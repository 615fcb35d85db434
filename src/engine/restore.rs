//! A payment and its answer at once, as a digest of the journal holds them: applied like the two
//! records, in one step.

use crate::engine::Engine;
use crate::engine::apply::{Drawn, ReplayError, answered, claimed};
use crate::model::chars::Chars;
use crate::model::record::{Answer, Decision, Payment};
use crate::model::time::Wall;
use crate::route::Tables;

/// Asks for memory that is needed soon, and waits for nothing.
pub trait Ask {
    /// All cache lines of `place`, which may hold nothing yet.
    fn ask<T>(&self, place: &T);
}

impl Engine {
    /// As [`Engine::replay`] of a payment, written at `wall`, and then of its answer. Returns the
    /// match key that the payment drew, if it did. `merchant` is the payment's where that was only
    /// shown; `None` leaves what `payment` says.
    ///
    /// Nothing can be looked up until [`Engine::restored`]: a key's look-up begins in memory that
    /// is in no cache, and whoever `asks` for it early does not wait for it.
    #[inline(always)]
    pub fn restore(
        &mut self,
        (wall, payment): (Wall, &Payment),
        merchant: Option<&[u8; 15]>,
        answer: Option<(Wall, &Answer)>,
        tables: &Tables,
        ask: &impl Ask,
    ) -> Result<Option<Drawn>, ReplayError> {
        let number = payment.number;
        if number.0 == 0 || self.transactions.by_number(number).is_some() {
            return Err(ReplayError {
                record: "payment",
                number: number.0,
            });
        }
        let mut transaction = claimed(payment, tables, wall);
        if let Some((_, answer)) = answer {
            debug_assert_eq!(answer.number, number);
            answered(&mut transaction, answer);
        }
        if !transaction.is_over() {
            self.replayed_open.insert(number);
        }
        let destination = transaction.destination;
        let slot = self.transactions.insert_late(transaction, ask);
        let transaction = self.transactions.at(slot);
        transaction.root = slot;
        if let Some(merchant) = merchant {
            transaction.echoed.merchant_id = Chars::read(merchant);
        }
        Ok(match payment.decision {
            Decision::Forward { match_key, .. } => destination.map(|to| (to, match_key)),
            Decision::Decline { .. } => None,
        })
    }

    /// What was restored can be looked up.
    pub fn restored(&mut self) {
        self.transactions.catch_up();
    }

    /// What replay has left open so far.
    #[cfg(test)]
    pub(crate) fn open_at_replay(&self) -> Vec<crate::model::ids::TransactionNumber> {
        self.replayed_open.iter().copied().collect()
    }
}

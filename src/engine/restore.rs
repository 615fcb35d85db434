//! A payment and its answer at once, as a digest of the journal holds them: applied like the two
//! records, in one step.

use crate::engine::Engine;
use crate::engine::apply::{Drawn, ReplayError};
use crate::model::record::{Answer, Decision, Payment, Record};
use crate::model::time::Wall;
use crate::route::Tables;

impl Engine {
    /// As [`Engine::replay`] of a payment, written at `wall`, and then of its answer. Returns the
    /// match key that the payment drew, if it did.
    pub fn restore(
        &mut self,
        (wall, payment): (Wall, &Payment),
        answer: Option<(Wall, &Answer)>,
        tables: &Tables,
    ) -> Result<Option<Drawn>, ReplayError> {
        let number = payment.number;
        if number.0 == 0 || self.transactions.by_number(number).is_some() {
            return Err(ReplayError {
                record: "payment",
                number: number.0,
            });
        }
        let slot = self.apply_payment(payment, tables, wall);
        if let Some((wall, answer)) = answer {
            debug_assert_eq!(answer.number, number);
            self.apply(&Record::Answer(*answer), wall, tables);
        }
        let transaction = self.transactions.get(slot);
        if !transaction.is_over() {
            self.replayed_open.insert(number);
        }
        Ok(match payment.decision {
            Decision::Forward { match_key, .. } => {
                transaction.destination.map(|to| (to, match_key))
            }
            Decision::Decline { .. } => None,
        })
    }

    /// What replay has left open so far.
    #[cfg(test)]
    pub(crate) fn open_at_replay(&self) -> Vec<crate::model::ids::TransactionNumber> {
        self.replayed_open.iter().copied().collect()
    }
}

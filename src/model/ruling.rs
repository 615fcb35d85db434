//! What an operator decides about a transaction that waits for one, as it is written down.

use crate::model::ids::TransactionNumber;
use crate::model::outcome::Ruling;

/// An operator has decided about what waited for one. An outcome stands in the record behind it:
/// where that was torn off, the transaction waits as before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruled {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// What was decided.
    pub ruling: Ruling,
    /// The line of the record of actions (`admin.journal`) that says who, why and on what evidence.
    pub action: u64,
}

impl Ruled {
    /// Whether the transaction waits no more by this record alone.
    pub const fn settles(&self) -> bool {
        match self.ruling {
            Ruling::Told | Ruling::Noted => true,
            // The outcome is in the record behind it.
            Ruling::Approved | Ruling::Declined | Ruling::Reversed | Ruling::SendAgain => false,
        }
    }
}

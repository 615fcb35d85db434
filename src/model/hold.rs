//! What a payment counts for beside itself: towards its payer's totals, and as the payment of its
//! order. Hashes stand for both: no token and no code is ever here.

use crate::model::ids::TransactionNumber;
use crate::model::money::Money;
use crate::model::time::Date;

/// Stands for a payer at its wallet: a keyed hash, of which nobody learns the payer's token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PayerHash(pub [u8; 16]);

/// Stands for the order behind a dynamic code: a keyed hash of the code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderHash(pub [u8; 16]);

impl core::fmt::Display for PayerHash {
    /// 32 hexadecimal digits, as `cpg-switch list hash` prints them.
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hexadecimal(&self.0, formatter)
    }
}

impl core::fmt::Display for OrderHash {
    /// 32 hexadecimal digits.
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hexadecimal(&self.0, formatter)
    }
}

fn hexadecimal(bytes: &[u8], formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    let mut bytes = bytes.iter();
    bytes.try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

/// What a payment that goes on counts for beside itself: towards what its payer may pay in a year
/// and how often in a day, and as the one payment of its order. It counts from its own record on,
/// and no longer from the record on that takes it back: when the payment is declined or reversed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// Of which transaction.
    pub number: TransactionNumber,
    /// Towards whose totals; none where no total holds.
    pub payer: Option<PayerHash>,
    /// The UTC day, and by it the year, in which it counts.
    pub date: Date,
    /// With how much, in the currency of the limits; none where it was not measured.
    pub amount: Option<Money>,
    /// What all payments of the payer may come to in that year, in the same currency, by the rules
    /// that held; none: no such rule did.
    pub year_most_minor: Option<i64>,
    /// How many there may be on that day, by the rules that held.
    pub day_count_most: Option<u32>,
    /// Which order it pays.
    pub order: Option<OrderHash>,
}

/// What payments that are not told by the live journal any more count for. Only a base has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Total {
    /// Towards whose totals.
    pub payer: PayerHash,
    /// In which calendar year.
    pub year: u16,
    /// What they come to.
    pub amount: Money,
}

//! Round trips, refusals, and what an encoding cannot carry.

mod builder;
mod charsets;
mod losses;
mod pieces;
mod refusals;
mod round_trip;
mod samples;

use crate::model::time::Date;

/// The date of receipt in these tests.
pub(super) fn today() -> Date {
    Date::from_yyyymmdd(20_261_121).unwrap()
}

//! AT WHAT RATE: rate tables, conversion with one rounding, and quotes as sealed tokens.
//!
//! `rust_decimal` says what a written rate is; what runs hot is exact integer arithmetic, proven
//! equal to it. A rate is never inverted, and never changes once it is stated. This room holds no
//! clock, no file and no randomness: the time and the keys come in as arguments.
//!
//! ```text
//! rates file -> StatedRate .. Rates::build -> find(from, to, at) -> Applied -> convert -> Money
//!                                                                      |
//!                                      QuoteTerms -> seal -> token .. open -> QuoteTerms
//! ```

mod build;
pub mod convert;
pub mod exponents;
pub mod quotes;
pub mod rates;
pub mod rounding;

#[cfg(test)]
mod tests;

pub use convert::{NoConversion, convert, share};
pub use quotes::{QuoteFault, QuoteKey, QuoteKeys, QuoteTerms};
pub use rates::{Applied, NoRate, Rates, Settings, StatedRate};
pub use rounding::Rounding;

//! The one integration binary: house rules, golden bytes, and the switch from outside.
#![cfg(test)]

mod golden_sbe;
mod tidy;

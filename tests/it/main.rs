//! The one integration binary: house rules, golden bytes, and the switch from outside.
#![cfg(test)]

mod cli;
mod formats;
mod golden_iso8583;
mod golden_sbe;
mod life;
mod onboard;
mod operate;
mod queue;
mod shards;
mod tables;
mod tidy;

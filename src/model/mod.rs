//! THE WORDS: what every room of the house speaks of. Plain data and the small pure rules that
//! belong to it.
//!
//! It imports nothing of ours, and holds no clock, no socket, no file, no thread and no randomness.

pub mod chars;
pub mod fingerprint;
pub mod hold;
pub mod ids;
pub mod keys;
pub mod kind;
pub mod limits;
pub mod mark;
pub mod message;
pub mod metric;
pub mod money;
pub mod outcome;
pub mod participant;
pub mod record;
pub mod refusal;
pub mod ruling;
pub mod time;

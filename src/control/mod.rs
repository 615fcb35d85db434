//! THE OFFICE: configuration, admin API, metrics; on its own thread.
//!
//! It reaches a shard only through its mailbox, its counters and table snapshots, and never touches
//! a payment.

pub mod api;
pub mod configuration;
pub mod dashboard;
pub mod life;
pub mod log;
pub mod metrics;
pub mod monitor;
pub mod news;
pub mod office;
pub mod publish;
pub mod readings;
pub mod ready_file;
pub mod story;
pub mod tables;
pub mod threads;

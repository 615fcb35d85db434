//! `cpg-loadgen`: plays every participant of a switch, measures, and judges. Right before fast.

mod cast;
mod cli;
mod drive;
mod environment;
mod health;
mod judge;
mod machine;
mod mix;
mod pair;
mod plan;
mod play;
mod players;
mod profile;
mod proxy;
mod record;
mod relay;
mod report;
mod scratch;
mod search;
mod self_test;
mod send;
mod statistics;
mod target;
mod watch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}

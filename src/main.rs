//! `cpg-switch`: the command. All of it is in `cli`; here are only the allocator and the exit.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cpg_switch::cli::main()
}

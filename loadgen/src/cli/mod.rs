//! THE COMMAND LINE of the load generator.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where people are told"
)]

mod arguments;
mod bench;
mod compare;
mod crash;
mod demo;
mod drill;
pub(crate) mod exit;
mod find_max;
mod outputs;
mod planning;
mod profile;
mod publishing;
mod run;
mod self_test;
mod trial;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::arguments::{Arguments, Command};
use self::exit::Exit;

/// Parses the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(arguments) => demo::execute(&arguments),
        Command::Run(arguments) => run::execute(&arguments),
        Command::Bench(arguments) => bench::execute(&arguments),
        Command::Compare(arguments) => compare::execute(&arguments),
        Command::FindMax(arguments) => find_max::execute(&arguments),
        Command::Crash(arguments) => crash::execute(&arguments),
        Command::Drill(arguments) => drill::execute(&arguments),
        Command::Profile { what } => profile::execute(&what),
        Command::SelfTest(arguments) => self_test::execute(&arguments),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "cpg-loadgen", &mut std::io::stdout());
            Ok(Exit::Good)
        }
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            Exit::Environment.into()
        }
    }
}

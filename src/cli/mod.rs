//! THE COMMAND LINE: what people and their scripts type.
//!
//! A command reads its arguments, writes to the [`Console`] it is given and returns how it ended;
//! nothing here prints or exits by itself, so that tests call commands as functions.

mod archive;
mod arguments;
mod audit;
mod check;
mod code;
mod completions;
mod console;
mod ctl;
mod exit;
mod journal;
mod list;
mod man;
mod message;
mod onboard;
mod route;
mod run;
mod sim;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use console::Console;
use exit::{Ended, Exit};

use crate::control::configuration::SANDBOX;
use crate::wire::sbe::SCHEMA_XML;

/// Runs the process's own command line.
pub fn main() -> ExitCode {
    let mut console = Console::of_process();
    execute(std::env::args_os(), &mut console).into()
}

/// Runs one command line, the program's name included.
fn execute(words: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> Exit {
    let ended = match Arguments::try_parse_from(words) {
        Ok(arguments) => dispatch(arguments.command, console),
        Err(error) => return console.usage(&error),
    };
    match ended {
        Ok(exit) => exit,
        Err(failure) => console.failure(&failure),
    }
}

fn dispatch(command: Command, console: &mut Console<'_>) -> Ended {
    match command {
        Command::Run(arguments) => run::execute(&arguments, console),
        Command::Ctl(arguments) => ctl::execute(&arguments, console),
        Command::Check(arguments) => check::execute(&arguments, console),
        Command::Sandbox => shown(SANDBOX, console),
        Command::Schema => shown(SCHEMA_XML, console),
        Command::Onboard(arguments) => onboard::execute(&arguments, console),
        Command::Message(command) => message::execute(&command, console),
        Command::Code(command) => code::execute(&command, console),
        Command::Route(command) => route::execute(&command, console),
        Command::List(command) => list::execute(&command, console),
        Command::Journal(command) => journal::execute(&command, console),
        Command::Sim(arguments) => sim::execute(&arguments, console),
        Command::Audit(arguments) => audit::execute(&arguments, console),
        Command::Completions(arguments) => completions::execute(&arguments, console),
        Command::Man(arguments) => man::execute(&arguments, console),
    }
}

fn shown(text: &str, console: &mut Console<'_>) -> Ended {
    console.print(text)?;
    Ok(Exit::Good)
}

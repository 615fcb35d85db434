//! `completions`: a script that completes this command line.

use clap::CommandFactory;

use super::arguments::{Arguments, Completions};
use super::console::Console;
use super::exit::{Ended, Exit};

pub(super) fn execute(arguments: &Completions, console: &mut Console<'_>) -> Ended {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "cpg-switch", &mut script);
    console.write(&script)?;
    Ok(Exit::Good)
}

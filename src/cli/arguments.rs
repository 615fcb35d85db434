//! The words of the command line. Other programs rely on them: add, never rename.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  failed: the answer is no
  2  the command line or the configuration is wrong
  3  the machine does not let it (port, disk, core, io_uring)
  4  the journal is not what it must be";

/// The switch of a cross-border QR payment gateway.
///
/// Participants dial in and speak FIX SBE or ISO 8583; the switch translates, routes, records and
/// answers each payment once.
#[derive(Parser, Debug)]
#[command(name = "cpg-switch", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Check a configuration file
    Check(Check),
    /// Print the sandbox's configuration: a start for your own
    #[command(after_help = "\
Examples:
  cpg-switch sandbox > switch.toml
  cpg-switch run --config switch.toml")]
    Sandbox,
    /// Print a completion script for your shell
    Completions(Completions),
}

/// Check a configuration file.
///
/// Reports everything that is wrong, each with file, line, column and remedy. The machine is not
/// looked at: whether a port is free or a core exists is seen when the switch starts.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-switch check switch.toml
  cpg-switch check switch.toml --json | jq '.errors[].problem'")]
pub(super) struct Check {
    /// The configuration
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Write JSON to standard output, good or not
    #[arg(long)]
    pub(super) json: bool,
}

/// Print a completion script for your shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-switch completions bash > /etc/bash_completion.d/cpg-switch
  cpg-switch completions fish > ~/.config/fish/completions/cpg-switch.fish")]
pub(super) struct Completions {
    /// Which
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

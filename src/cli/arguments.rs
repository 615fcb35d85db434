//! The words of the command line. Other programs rely on them: add, never rename.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::model::participant::Protocol;
use crate::model::time::Date;

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
    /// Print the FIX SBE schema, for generators of codecs
    #[command(after_help = "\
Examples:
  cpg-switch schema > cpg-switch.xml")]
    Schema,
    /// Turn one message into JSON, or JSON into a message
    #[command(subcommand, after_help = MESSAGE_EXAMPLES)]
    Message(Message),
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

#[derive(Subcommand, Debug)]
pub(super) enum Message {
    /// Bytes on standard input to JSON on standard output
    #[command(after_help = MESSAGE_EXAMPLES)]
    Decode(Decode),
    /// JSON on standard input, as `decode` writes it, to bytes on standard output
    #[command(after_help = MESSAGE_EXAMPLES)]
    Encode(Encode),
}

const MESSAGE_EXAMPLES: &str = "\
Examples:
  cpg-switch message decode --protocol iso8583-ascii --json < message.bin
  echo 0000001eeb50... | cpg-switch message decode --protocol sbe --hex
  cpg-switch message decode --protocol sbe --unmask < message.bin |
      jq '.fields.mcc = 5411' | cpg-switch message encode --protocol sbe --hex";

/// Bytes on standard input to JSON on standard output.
///
/// Takes one message, framed or bare: the framing is recognised. SBE fields are under their names,
/// ISO 8583 fields under their numbers. Payment codes, tokens, account numbers and MACs are masked.
/// A message that a participant would see refused is shown as far as it can be read, with the
/// refusal, and the exit code is 1.
#[derive(Args, Debug)]
pub(super) struct Decode {
    /// What the message is encoded in
    #[arg(long, value_parser = protocol())]
    pub(super) protocol: Protocol,
    /// The input is hexadecimal text; blanks may be anywhere
    #[arg(long)]
    pub(super) hex: bool,
    /// Write JSON, which is also the default
    #[arg(long)]
    pub(super) json: bool,
    /// Show what is masked: only where nobody else can see it
    #[arg(long)]
    pub(super) unmask: bool,
    /// The date of receipt, which tells the year of ISO 8583 dates [default: today]
    #[arg(long, value_name = "YYYYMMDD", value_parser = date)]
    pub(super) date: Option<Date>,
}

/// JSON on standard input, as `decode` writes it, to bytes on standard output.
///
/// The framing is the one that the JSON names, or none. What the fields mean is not checked: a
/// message that a participant would see refused can be written too, for tests.
#[derive(Args, Debug)]
pub(super) struct Encode {
    /// What the message is to be encoded in
    #[arg(long, value_parser = protocol())]
    pub(super) protocol: Protocol,
    /// Write hexadecimal text
    #[arg(long)]
    pub(super) hex: bool,
    /// Read JSON, which is also the default
    #[arg(long)]
    pub(super) json: bool,
}

fn protocol() -> impl TypedValueParser<Value = Protocol> {
    PossibleValuesParser::new(Protocol::ALL.map(Protocol::name))
        .map(|name| Protocol::from_name(&name).expect("one of the names"))
}

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .ok()
        .and_then(Date::from_yyyymmdd)
        .ok_or_else(|| "write it as 20261121".to_owned())
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

//! The words of the command line. Other programs rely on them: add, never rename.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::ctl::{self, Ctl};
use super::list::{self, List};
use super::route::arguments as route;
use crate::control::configuration::{CommitMode, Idle};
use crate::model::ids::{Institution, Reference};
use crate::model::keys::Key;
use crate::model::participant::Protocol;
use crate::model::time::Date;
use crate::sim::{PLANT_TABLE, Plant};
use crate::sys::faults::Fault;

/// How long `--idle adaptive` polls: the default of `shard.spin_us`.
const SPIN_US: u32 = 50;

const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  failed: the answer is no
  2  the command line or the configuration is wrong
  3  the machine does not let it (port, disk, core, io_uring)
  4  the journal is not what it must be, or `sim` or `audit` saw a rule broken";

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
    /// Run the switch
    Run(Run),
    /// Check a configuration file
    Check(Check),
    /// Look at a running switch, stop and start what it serves, publish its tables, drain it
    #[command(after_help = ctl::EXAMPLES)]
    Ctl(Ctl),
    /// Try a participant against a switch of its own, and say what passed
    Onboard(Onboard),
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
    /// Say what a QR code or payment code is, whose it is, and what is wrong with it
    #[command(subcommand, after_help = CODE_EXAMPLES)]
    Code(Code),
    /// Say where payments go, and why
    #[command(subcommand, after_help = route::EXAMPLES)]
    Route(route::Route),
    /// Make lines for lists of who and what is blocked, from values on standard input
    #[command(subcommand, after_help = list::EXAMPLES)]
    List(List),
    /// Verify, dump, explain, digest or re-shard a journal, or list what waits for an operator
    #[command(subcommand, after_help = JOURNAL_EXAMPLES)]
    Journal(Journal),
    /// Run the switch in a fake world, from a seed, and check what must hold
    Sim(Sim),
    /// Check whole journals, and participants' ledgers, against what is promised
    Audit(Audit),
    /// Print a completion script for your shell
    Completions(Completions),
    /// Print the manual page, or write the pages of all commands
    Man(Man),
}

/// Run the switch.
///
/// Without a configuration it is the sandbox: four wallets, three acquirers and all protocols on
/// loopback, on ports that the ready file names. SIGTERM or Ctrl-C drains: nothing new is accepted,
/// what is in flight is answered, and the exit code is 0. A second one stops at once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-switch run
  cpg-switch run --shards 2 --core 2,3
  cpg-switch run --ready-file /run/cpg-switch/ready.json --data /var/lib/cpg-switch
  cpg-switch run --config switch.toml --log info,cpg_switch::shard=debug")]
pub(super) struct Run {
    /// The configuration [default: the embedded sandbox]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Write JSON with process, addresses and journal here once ready; removed at the end
    #[arg(long, value_name = "FILE")]
    pub(super) ready_file: Option<PathBuf>,
    /// Directory of the journal, instead of `journal.data` [default in the sandbox: ./data]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Instead of `journal.commit`
    #[arg(long, value_name = "MODE", value_parser = commit())]
    pub(super) commit: Option<CommitMode>,
    /// Instead of `shard.idle`
    #[arg(long, value_name = "HOW", value_parser = idle())]
    pub(super) idle: Option<Idle>,
    /// How many shards, instead of `shard.count`
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) shards: Option<u16>,
    /// Pin the shards to these cores, one for each, instead of `shard.cores`
    #[arg(long, value_name = "CORE", value_delimiter = ',')]
    pub(super) core: Vec<usize>,
    /// How much is logged to standard error: a level, or a level for each module
    #[arg(long, value_name = "FILTER", default_value = "info")]
    pub(super) log: String,
    /// For tests alone: die at a named point, fail there, or move the wall clock
    #[arg(long, value_name = "FAULT", hide = true)]
    pub(super) fault: Vec<Fault>,
}

fn commit() -> impl TypedValueParser<Value = CommitMode> {
    PossibleValuesParser::new(["disk", "memory"]).map(|word| match word.as_str() {
        "memory" => CommitMode::Memory,
        _ => CommitMode::Disk,
    })
}

fn idle() -> impl TypedValueParser<Value = Idle> {
    PossibleValuesParser::new(["spin", "park", "adaptive"]).map(|word| match word.as_str() {
        "spin" => Idle::Spin,
        "park" => Idle::Park,
        _ => Idle::Adaptive { spin_us: SPIN_US },
    })
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

/// Try a participant against a switch of its own.
///
/// Starts a switch from the configuration, on loopback and in a temporary directory: the journal
/// that the configuration names is never opened. It says where the participant must dial, waits for
/// its sign-on, and plays the other side: echoes, a payment, the same again, status inquiries, a
/// refund and a reversal advice. Then it watches what the participant sends of its own accord; what
/// it does not send is skipped. The table on standard output says what passed; payment codes and
/// tokens are never shown. The exit code is 1 where a step failed, or nobody came.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-switch onboard kakao-pay --config switch.toml
  cpg-switch onboard 41000001 --config switch.toml --listen 0.0.0.0:7101 --wait 600
  cpg-switch onboard sgqr --config switch.toml --json | jq '.steps[].result'")]
pub(super) struct Onboard {
    /// Its name or institution code in the configuration
    #[arg(value_name = "PARTICIPANT")]
    pub(super) participant: String,
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Where it dials [default: the address of the listener]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// Which listener it dials [default: the first that speaks its protocol]
    #[arg(long, value_name = "NAME")]
    pub(super) listener: Option<String>,
    /// Seconds to wait for its sign-on
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) wait: u64,
    /// Seconds to watch what it sends of its own accord
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(super) originate: u64,
    /// Write JSON to standard output
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

#[derive(Subcommand, Debug)]
pub(super) enum Code {
    /// Its kind, scheme, fields and owners, and every fault with its place
    #[command(after_help = CODE_EXAMPLES)]
    Inspect(Inspect),
    /// The same for a person: what it means, why it is whose, what would be right, where it goes
    #[command(after_help = CODE_EXAMPLES)]
    Explain(ExplainCode),
}

const CODE_EXAMPLES: &str = "\
Examples:
  cpg-switch code inspect 281000123456789012345678
  cpg-switch code inspect - --json < code.txt | jq '.faults[].message'
  cpg-switch code explain https://qr.95516.com/00010000/62218665561638921293902872223251
  cpg-switch code explain - --config switch.toml < code.txt

A code on a command line is seen by whoever may list processes: a real one belongs on standard
input. Exit codes: 0 the code is good; 1 something is wrong with it.";

/// One code: EMV merchant-presented or consumer-presented, a URL, or digits.
///
/// Payment codes, account numbers and what names a person are masked.
#[derive(Args, Debug)]
pub(super) struct Inspect {
    /// What the QR code or bar code holds; `-`: standard input, without its last line feed
    #[arg(value_name = "PAYLOAD")]
    pub(super) payload: OsString,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Show what is masked: only where nobody else can see it
    #[arg(long)]
    pub(super) unmask: bool,
}

/// One code, told for a person, with the rules of the tables of routes that it meets.
#[derive(Args, Debug)]
pub(super) struct ExplainCode {
    #[command(flatten)]
    pub(super) inspect: Inspect,
    /// Whose participants [default: the embedded sandbox]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(super) enum Journal {
    /// Read every block and record, and say what is not as it was written
    #[command(after_help = JOURNAL_EXAMPLES)]
    Verify(JournalFolder),
    /// Write every committed record as a line of JSON
    #[command(after_help = JOURNAL_EXAMPLES)]
    Dump(JournalFolder),
    /// Make the digests that are missing: a start reads them in place of sealed segments
    #[command(after_help = JOURNAL_EXAMPLES)]
    Digest(JournalFolder),
    /// Tell every step of one payment or refund, with times
    #[command(after_help = JOURNAL_EXAMPLES)]
    Explain(Explain),
    /// Make a journal for another number of shards
    #[command(after_help = RESHARD_EXAMPLES)]
    Reshard(Reshard),
    /// List the operator queue: what could not be settled, why, and since when
    #[command(after_help = JOURNAL_EXAMPLES)]
    Queue(JournalFolder),
    /// List, verify or search the archive, where sealed segments are kept for ever
    #[command(subcommand, after_help = ARCHIVE_EXAMPLES)]
    Archive(Archive),
}

const ARCHIVE_EXAMPLES: &str = "\
Examples:
  cpg-switch journal archive list /var/lib/cpg-switch
  cpg-switch journal archive verify /var/lib/cpg-switch
  cpg-switch journal archive find WX2026112101 /var/lib/cpg-switch --json
  cpg-switch journal archive find --match-key 1234567890 /var/lib/cpg-switch

A switch may be running meanwhile. Where the archive is not in DIR, DIR says where it is.";

#[derive(Subcommand, Debug)]
pub(super) enum Archive {
    /// One line for each segment: what was claimed in it, when, and what it takes
    #[command(after_help = ARCHIVE_EXAMPLES)]
    List(JournalFolder),
    /// Read all of it, and say what is not as it was written
    #[command(after_help = ARCHIVE_EXAMPLES)]
    Verify(JournalFolder),
    /// Tell every step of each payment and refund with a reference
    #[command(after_help = ARCHIVE_EXAMPLES)]
    Find(FindArchived),
}

/// What is looked for, and in which archive.
#[derive(Args, Debug)]
pub(super) struct FindArchived {
    /// The reference: twelve letters and digits
    #[arg(value_name = "REFERENCE")]
    pub(super) reference: String,
    /// The directory that `journal.data` names
    #[arg(value_name = "DIR", default_value = "data")]
    pub(super) data: PathBuf,
    /// REFERENCE is the number by which the destination knows the request, as `dump` shows it
    #[arg(long)]
    pub(super) match_key: bool,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
}

const RESHARD_EXAMPLES: &str = "\
Examples:
  cpg-switch journal reshard /var/lib/cpg-switch --shards 4 --out /var/lib/cpg-switch-4
  cpg-switch run --shards 4 --data /var/lib/cpg-switch-4";

const JOURNAL_EXAMPLES: &str = "\
Examples:
  cpg-switch journal verify /var/lib/cpg-switch
  cpg-switch journal dump data | jq 'select(.record == \"unknown\")'
  cpg-switch journal explain 15600021/20261121/WX2026112101 data
  cpg-switch journal queue data --json | jq '.waiting[].key'
  cpg-switch journal digest data

A switch may be running meanwhile: what it has committed is read, and nothing is changed. `digest`
writes files of its own beside the segments; a running switch makes them too.";

/// A journal's directory.
#[derive(Args, Debug)]
pub(super) struct JournalFolder {
    /// The directory that `journal.data` names
    #[arg(value_name = "DIR", default_value = "data")]
    pub(super) data: PathBuf,
    /// Write JSON, which `dump` does always
    #[arg(long)]
    pub(super) json: bool,
}

/// Make a journal for another number of shards.
///
/// Every transaction moves to the shard that owns it then, with its whole history; what is open is
/// resolved at the next start. The old journal is not changed, and no switch may be running on it.
/// The new one is read back and compared before the command says that it is good.
#[derive(Args, Debug)]
pub(super) struct Reshard {
    /// The journal's directory
    #[arg(value_name = "DIR")]
    pub(super) data: PathBuf,
    /// How many shards the new one has
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) shards: u16,
    /// The new journal's directory, which must not hold one
    #[arg(long, value_name = "NEWDIR")]
    pub(super) out: PathBuf,
}

/// Which payment or refund, and in which journal.
#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The originating institution, its local date, its reference
    #[arg(value_name = "INSTITUTION/YYYYMMDD/REFERENCE", value_parser = key)]
    pub(super) key: Key,
    /// The key is a refund's
    #[arg(long)]
    pub(super) refund: bool,
    /// The directory that `journal.data` names
    #[arg(value_name = "DIR", default_value = "data")]
    pub(super) data: PathBuf,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn key(text: &str) -> Result<Key, String> {
    let mut parts = text.split('/');
    let (Some(institution), Some(date), Some(reference), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it has three parts, as in 15600021/20261121/WX2026112101".to_owned());
    };
    let institution = institution.parse().ok().and_then(Institution::new);
    let reference = reference
        .as_bytes()
        .try_into()
        .ok()
        .and_then(Reference::new);
    Ok(Key {
        originator: institution.ok_or("the institution has 1 to 11 digits")?,
        local_date: self::date(date).map_err(|_| "the date is not a day, such as 20261121")?,
        reference: reference.ok_or("the reference has exactly 12 letters and digits")?,
    })
}

/// Check whole journals, and participants' ledgers, against what is promised.
///
/// Reads every record of every directory, keeps books of its own, and says for each rule how often
/// it was checked and broken; each violation with its place. With ledgers, what participants were
/// told and debited is held against the journal. A ledger has one line of JSON for each transaction
/// that a participant knows:
///
///   {"party": "originator", "institution": 48000702, "class": "payment",
///    "key": "48000702/20261121/A00000000001", "minor": 12800, "currency": 156,
///    "answers": ["approved"], "standing": "approved"}
///   {"party": "destination", ..., "debits": 1, "given_back": 0}
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  cpg-switch audit /var/lib/cpg-switch
  cpg-switch audit beijing shanghai --ledger wallet.jsonl --ledger acquirer.jsonl
  cpg-switch audit data --json | jq '.violations'

Exit codes: 0 every rule was kept; 4 one was not; 3 something could not be read."
)]
pub(super) struct Audit {
    /// Directories that `journal.data` names; several are judged together
    #[arg(value_name = "DIR", default_value = "data")]
    pub(super) data: Vec<PathBuf>,
    /// A participant's own ledger; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(super) ledger: Vec<PathBuf>,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Run the switch in a fake world, from a seed, and check what must hold.
///
/// The shard, its journal's recovery and its replay are the real ones; clock, network, disk and
/// participants are made from the seed, and so is what goes wrong. A seed replays exactly. Exit
/// code 0: nothing broke; 4: a rule was broken.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-switch sim --seeds 1000
  cpg-switch sim --seed 42 --trace
  cpg-switch sim --seed 42 --seeds 200 --plant drops-reversal")]
pub(super) struct Sim {
    /// The seed, or the first of several
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many seeds, one after the other
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = count())]
    pub(super) seeds: u64,
    /// Events of one seed at most
    #[arg(long, value_name = "COUNT", default_value_t = crate::sim::STEPS_MAX)]
    pub(super) steps: u64,
    /// Plant a bug, and see whether it is found
    #[arg(long, value_name = "BUG", value_parser = plant())]
    pub(super) plant: Option<Plant>,
    /// Tell every message and every fault, secrets masked
    #[arg(long)]
    pub(super) trace: bool,
    /// Write JSON
    #[arg(long)]
    pub(super) json: bool,
}

fn count() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..)
}

fn plant() -> impl TypedValueParser<Value = Plant> {
    PossibleValuesParser::new(PLANT_TABLE.map(|(_, name, ..)| name))
        .map(|name| Plant::from_name(&name).expect("one of the names"))
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

/// Print the manual page, or write the pages of all commands.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cpg-switch man | man -l -
  cpg-switch man --out /usr/local/share/man/man1")]
pub(super) struct Man {
    /// A folder: a page for each command is written into it
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
}

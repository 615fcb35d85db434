//! `ctl`: the admin API of a running switch, from the command line. A client over its Unix socket,
//! or over TCP with a token: knows no more than the API says, and changes nothing by itself.

mod ask;
mod bundle;
mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use ask::{Question, Way};

pub(super) const EXAMPLES: &str = "\
Examples:
  cpg-switch ctl status
  cpg-switch ctl --socket /var/lib/cpg-switch/admin.socket publish rates rates.tsv --dry-run
  cpg-switch ctl corridors stop 'MY->CN' --reason 'rates are wrong'
  cpg-switch ctl --url http://10.0.0.7:9464 --token-file ann.token approve 41 --reason 'as agreed'";

/// What is asked of which switch.
#[derive(Args, Debug)]
pub(super) struct Ctl {
    /// The Unix socket of the switch's admin API: the ready file names it
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "data/admin.socket"
    )]
    socket: PathBuf,
    /// Over TCP instead: http://HOST:PORT
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// The file with your token
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Say whether payments are taken, by which tables, and who you are to the switch
    #[command(after_help = "Examples:\n  cpg-switch ctl status")]
    Status,
    /// Say how each shard is
    #[command(after_help = "Examples:\n  cpg-switch ctl shards")]
    Shards,
    /// List what is not as usual, with the numbers that say so, and what to do
    #[command(after_help = "Examples:\n  cpg-switch ctl alerts\n  cpg-switch ctl alerts --json")]
    Alerts,
    /// List participants, or suspend, resume or drain one
    #[command(subcommand, after_help = PARTICIPANTS)]
    Participants(Participants),
    /// List stopped corridors, or stop or start one
    #[command(subcommand, after_help = CORRIDORS)]
    Corridors(Corridors),
    /// List what waits for an operator, or decide about it
    #[command(subcommand, after_help = QUEUE)]
    Queue(Queue),
    /// Say which tables are in force
    #[command(after_help = "Examples:\n  cpg-switch ctl tables")]
    Tables,
    /// Print a table that is in force, as its file would be
    #[command(after_help = "Examples:\n  cpg-switch ctl show rates > rates.tsv")]
    Show(Table),
    /// Publish a table: the whole text of its file, or nothing if a line is bad
    #[command(after_help = "\
Examples:
  cpg-switch ctl publish rates rates.tsv --dry-run
  cpg-switch ctl publish rates rates.tsv --reason 'morning rates'")]
    Publish(Publish),
    /// List what was published, the newest first
    #[command(after_help = "Examples:\n  cpg-switch ctl history")]
    History,
    /// Publish once more what was published as a version; what is stopped stays stopped
    #[command(after_help = "\
Examples:
  cpg-switch ctl rollback 7 --reason 'a slip in 8'
  cpg-switch ctl rollback 0 --reason 'back to the files' --dry-run")]
    Rollback(Rollback),
    /// List what waits for a second person
    #[command(after_help = "Examples:\n  cpg-switch ctl proposals")]
    Proposals,
    /// Do what another person has proposed
    #[command(after_help = "Examples:\n  cpg-switch ctl approve 41 --reason 'as agreed'")]
    Approve(Numbered),
    /// End a proposal: another's, or your own
    #[command(after_help = "Examples:\n  cpg-switch ctl refuse 41 --reason 'wrong day'")]
    Refuse(Numbered),
    /// Print the last lines of the log, or log more for a while
    #[command(after_help = "\
Examples:
  cpg-switch ctl log
  cpg-switch ctl log --filter debug --for 600 --reason 'links come and go'")]
    Log(Log),
    /// Say what the system says of the process: memory, limits, threads, room on the disk
    #[command(after_help = "Examples:\n  cpg-switch ctl process")]
    Process,
    /// Write all that can be asked into one file, for whoever helps from afar
    #[command(after_help = "Examples:\n  cpg-switch ctl bundle --out switch.tar")]
    Bundle(Bundle),
    /// Take nothing new, answer what is in flight, and end the switch
    #[command(after_help = "Examples:\n  cpg-switch ctl drain --reason 'a new kernel'")]
    Drain(Why),
}

const PARTICIPANTS: &str = "\
Examples:
  cpg-switch ctl participants list
  cpg-switch ctl participants suspend kakao-pay --reason 'it approves and does not debit'
  cpg-switch ctl participants resume kakao-pay --reason 'mended, tried with 20 payments'";

#[derive(Subcommand, Debug)]
enum Participants {
    /// Every participant: open or suspended, its links, what is in flight
    #[command(after_help = PARTICIPANTS)]
    List,
    /// Refuse new payments from it and to it; what exists is finished
    #[command(after_help = PARTICIPANTS)]
    Suspend(Participant),
    /// Take its payments again
    #[command(after_help = PARTICIPANTS)]
    Resume(Participant),
    /// Suspend it, sign off with it, and end its links once nothing is in flight
    #[command(after_help = PARTICIPANTS)]
    Drain(Participant),
}

#[derive(Args, Debug)]
struct Participant {
    /// Its name in the configuration
    name: String,
    #[command(flatten)]
    why: Why,
}

const CORRIDORS: &str = "\
Examples:
  cpg-switch ctl corridors list
  cpg-switch ctl corridors stop 'MY->CN' --reason 'rates are wrong'
  cpg-switch ctl corridors stop '*->*' --reason 'all payments: see the incident'
  cpg-switch ctl corridors start 'MY->CN' --reason 'new rates are published'";

#[derive(Subcommand, Debug)]
enum Corridors {
    /// Which are stopped
    #[command(after_help = CORRIDORS)]
    List,
    /// Refuse new payments from one country to another; `*` is any country
    #[command(after_help = CORRIDORS)]
    Stop(Corridor),
    /// Take them again; what a wider line stops stays stopped
    #[command(after_help = CORRIDORS)]
    Start(Corridor),
}

#[derive(Args, Debug)]
struct Corridor {
    /// From the payer's wallet to the merchant: MY->CN
    corridor: String,
    #[command(flatten)]
    why: Why,
}

const QUEUE: &str = "\
Examples:
  cpg-switch ctl queue list
  cpg-switch ctl queue settle 0 4711 --decision reversed \\
      --evidence 'their statement of today, line 12' --reason 'nobody acknowledged the reversal'
  cpg-switch ctl queue settle 0 4711 --decision send-again --reason 'they are back'";

#[derive(Subcommand, Debug)]
enum Queue {
    /// What waits, the oldest first: why, for whom, and what may be decided about it
    #[command(after_help = QUEUE)]
    List,
    /// Decide: what was found out, once more, or that it is settled otherwise
    #[command(after_help = QUEUE)]
    Settle(Settle),
}

#[derive(Args, Debug)]
struct Settle {
    /// Of which shard, as `queue list` says
    shard: u16,
    /// Its transaction number
    number: u64,
    /// What: `queue list` says what may be decided
    #[arg(long, value_parser = DECISIONS)]
    decision: String,
    /// Where it is known from: all but send-again need it
    #[arg(long, default_value = "")]
    evidence: String,
    #[command(flatten)]
    why: Why,
}

const DECISIONS: [&str; 6] = [
    "approved",
    "declined",
    "reversed",
    "send-again",
    "told",
    "noted",
];

#[derive(Args, Debug)]
struct Table {
    /// rates, routes, limits, lists or standing
    #[arg(value_parser = ["rates", "routes", "limits", "lists", "standing"])]
    table: String,
    /// Which file, where there are several: as the configuration has it
    #[arg(long)]
    name: Option<String>,
}

#[derive(Args, Debug)]
struct Publish {
    #[command(flatten)]
    table: Table,
    /// The new text
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    tried: Tried,
}

#[derive(Args, Debug)]
struct Rollback {
    /// Which: 0 is what the configuration's files had at the start
    version: u32,
    #[command(flatten)]
    tried: Tried,
}

#[derive(Args, Debug)]
struct Tried {
    /// Why: for the record
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
struct Numbered {
    /// Its number: `proposals` lists them
    number: u64,
    #[command(flatten)]
    why: Why,
}

#[derive(Args, Debug)]
struct Log {
    /// How many lines
    #[arg(long, default_value_t = 50)]
    lines: u32,
    /// Log so much from now on, for a while: a level, or levels for modules
    #[arg(long, requires = "reason")]
    filter: Option<String>,
    /// For how many seconds
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 900)]
    for_s: u32,
    /// Why: for the record
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args, Debug)]
struct Bundle {
    /// The file to be written; it must not be there yet
    #[arg(long, value_name = "FILE", default_value = "cpg-switch-bundle.tar")]
    out: PathBuf,
}

#[derive(Args, Debug)]
struct Why {
    /// Why: for the record
    #[arg(long)]
    reason: String,
}

pub(super) fn execute(arguments: &Ctl, console: &mut Console<'_>) -> Ended {
    let mut way = match &arguments.url {
        Some(url) => Way::network(url)?,
        None => Way::socket(&arguments.socket),
    };
    if let Some(file) = &arguments.token_file {
        way = way.with_token(file)?;
    }
    if let Command::Bundle(bundle) = &arguments.command {
        return bundle::execute(&way, &bundle.out, console);
    }
    let (status, body) = way.ask(question(&arguments.command)?)?;
    if !status.is_success() {
        return Err(refusal(status, &body));
    }
    let verbatim = matches!(arguments.command, Command::Show(_));
    match serde_json::from_slice::<Value>(&body) {
        Ok(answer) if !verbatim && arguments.json => {
            console.print_line(&format!("{answer:#}"))?;
        }
        Ok(answer) if !verbatim => console.print(&show::text(&answer))?,
        Ok(_) | Err(_) => console.write(&body)?,
    }
    Ok(Exit::Good)
}

fn question(command: &Command) -> Result<Question, Failure> {
    Ok(match command {
        Command::Status => Question::get("/v1/status"),
        Command::Shards => Question::get("/v1/shards"),
        Command::Alerts => Question::get("/v1/alerts"),
        Command::Tables => Question::get("/v1/tables"),
        Command::History => Question::get("/v1/generations"),
        Command::Proposals => Question::get("/v1/proposals"),
        Command::Process => Question::get("/v1/process"),
        Command::Bundle(_) => Question::get("/v1/openapi.json"),
        Command::Show(table) => Question::get(table_path(table, None)),
        Command::Drain(why) => act("/v1/switch/drain", why),
        Command::Approve(it) => act(&format!("/v1/proposals/{}/approve", it.number), &it.why),
        Command::Refuse(it) => act(&format!("/v1/proposals/{}/refuse", it.number), &it.why),
        Command::Participants(participants) => of_participants(participants),
        Command::Corridors(corridors) => of_corridors(corridors),
        Command::Queue(queue) => of_queue(queue),
        Command::Log(log) => of_log(log),
        Command::Rollback(rollback) => {
            let (version, tried) = (rollback.version, &rollback.tried);
            let dry_run = tried.dry_run;
            let path = format!("/v1/generations/{version}/restore?dry_run={dry_run}");
            post(&path, tried.reason.as_deref().unwrap_or("a dry run"))
        }
        Command::Publish(publish) => Question {
            method: Method::PUT,
            path: table_path(&publish.table, Some(&publish.tried)),
            body: read(&publish.file)?,
        },
    })
}

fn of_participants(participants: &Participants) -> Question {
    let (verb, one) = match participants {
        Participants::List => return Question::get("/v1/participants"),
        Participants::Suspend(one) => ("suspend", one),
        Participants::Resume(one) => ("resume", one),
        Participants::Drain(one) => ("drain", one),
    };
    // A name that is none of a participant must not become another path.
    let pairs = serde_urlencoded::to_string([("", &one.name)]);
    let name = pairs.expect("pairs of texts are a query");
    let name = name.trim_start_matches('=').replace('+', "%20");
    act(&format!("/v1/participants/{name}/{verb}"), &one.why)
}

fn of_corridors(corridors: &Corridors) -> Question {
    let (verb, one) = match corridors {
        Corridors::List => return Question::get("/v1/corridors"),
        Corridors::Stop(one) => ("stop", one),
        Corridors::Start(one) => ("start", one),
    };
    let query = query(&[("corridor", &one.corridor)]);
    act(&format!("/v1/corridors/{verb}?{query}"), &one.why)
}

fn of_queue(queue: &Queue) -> Question {
    let one = match queue {
        Queue::List => return Question::get("/v1/queue"),
        Queue::Settle(one) => one,
    };
    let (shard, number) = (one.shard, one.number);
    let query = query(&[("decision", &one.decision), ("evidence", &one.evidence)]);
    act(
        &format!("/v1/queue/{shard}/{number}/settle?{query}"),
        &one.why,
    )
}

fn of_log(log: &Log) -> Question {
    match (&log.filter, &log.reason) {
        (Some(filter), Some(reason)) => {
            let query = query(&[("filter", filter), ("for_s", &log.for_s.to_string())]);
            post(&format!("/v1/log?{query}"), reason)
        }
        _ => Question::get(format!("/v1/log?lines={}", log.lines)),
    }
}

fn act(path: &str, why: &Why) -> Question {
    post(path, &why.reason)
}

fn post(path: &str, reason: &str) -> Question {
    Question {
        method: Method::POST,
        path: path.to_owned(),
        body: json!({ "reason": reason }).to_string().into_bytes(),
    }
}

fn query(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).expect("pairs of texts are a query")
}

fn table_path(table: &Table, tried: Option<&Tried>) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    pairs.extend(table.name.as_deref().map(|name| ("name", name)));
    if let Some(tried) = tried {
        let reason = tried.reason.as_deref();
        pairs.extend(reason.map(|reason| ("reason", reason)));
        pairs.push(("dry_run", if tried.dry_run { "true" } else { "false" }));
    }
    format!("/v1/tables/{}?{}", table.table, query(&pairs))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let problem = format!("cannot read {}: {error}", path.display());
        Failure::new(Exit::Usage, problem).hint("name a file that this user may read")
    })
}

/// What the API said, as far as it said it in its own words.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |member: &str| problem[member].as_str().map(str::to_owned);
    let mut message = text("detail").unwrap_or_else(|| format!("it said {status}"));
    for error in problem["errors"].as_array().into_iter().flatten() {
        let part = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
        let line = error["line"].as_u64().unwrap_or_default();
        message.push_str(&format!("\n  {}:{line}: {}", part("file"), part("problem")));
    }
    let failure = Failure::new(Exit::Failed, message);
    match text("remedy") {
        Some(remedy) => failure.hint(remedy),
        None => failure,
    }
}

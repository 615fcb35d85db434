//! `ctl`: the admin API of a running switch, from the command line. A client over its Unix socket:
//! knows no more than the API says, and changes nothing by itself.

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes, to_bytes};
use clap::{Args, Subcommand};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::console::Console;
use super::exit::{Ended, Exit, Failure};

pub(super) const EXAMPLES: &str = "\
Examples:
  cpg-switch ctl status
  cpg-switch ctl --socket /var/lib/cpg-switch/admin.socket publish rates rates.tsv --dry-run
  cpg-switch ctl publish rates rates.tsv --reason 'morning rates'";

/// Largest answer: a table.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

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
    /// Publish once more what was published as a version
    #[command(after_help = "\
Examples:
  cpg-switch ctl rollback 7 --reason 'a slip in 8'
  cpg-switch ctl rollback 0 --reason 'back to the files' --dry-run")]
    Rollback(Rollback),
    /// Take nothing new, answer what is in flight, and end the switch
    #[command(after_help = "Examples:\n  cpg-switch ctl drain --reason 'a new kernel'")]
    Drain(Why),
}

#[derive(Args, Debug)]
struct Table {
    /// rates, routes, limits or lists
    #[arg(value_parser = ["rates", "routes", "limits", "lists"])]
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
struct Why {
    /// Why: for the record
    #[arg(long)]
    reason: String,
}

/// What is sent.
struct Question {
    method: Method,
    path: String,
    body: Vec<u8>,
}

pub(super) fn execute(arguments: &Ctl, console: &mut Console<'_>) -> Ended {
    let question = question(&arguments.command)?;
    let (status, body) = ask(&arguments.socket, question).map_err(|problem| {
        let socket = arguments.socket.display();
        let problem = format!("no answer over {socket}: {problem}");
        Failure::new(Exit::Environment, problem)
            .hint("is the switch running, and yours? Its ready file names the socket: --socket")
    })?;
    if !status.is_success() {
        return Err(refusal(status, &body));
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(answer) if !matches!(arguments.command, Command::Show(_)) => {
            console.print_line(&format!("{answer:#}"))?;
        }
        Ok(_) | Err(_) => console.write(&body)?,
    }
    Ok(Exit::Good)
}

fn question(command: &Command) -> Result<Question, Failure> {
    let get = |path: &str| Question {
        method: Method::GET,
        path: path.to_owned(),
        body: Vec::new(),
    };
    let post = |path: String, reason: &str| Question {
        method: Method::POST,
        path,
        body: json!({ "reason": reason }).to_string().into_bytes(),
    };
    Ok(match command {
        Command::Status => get("/v1/status"),
        Command::Shards => get("/v1/shards"),
        Command::Tables => get("/v1/tables"),
        Command::History => get("/v1/generations"),
        Command::Show(table) => get(&table_path(table, None)),
        Command::Drain(why) => post("/v1/switch/drain".to_owned(), &why.reason),
        Command::Rollback(rollback) => {
            let (version, tried) = (rollback.version, &rollback.tried);
            let path = format!(
                "/v1/generations/{version}/restore?dry_run={}",
                tried.dry_run
            );
            post(path, tried.reason.as_deref().unwrap_or_default())
        }
        Command::Publish(publish) => Question {
            method: Method::PUT,
            path: table_path(&publish.table, Some(&publish.tried)),
            body: read(&publish.file)?,
        },
    })
}

fn table_path(table: &Table, tried: Option<&Tried>) -> String {
    let mut query: Vec<(&str, &str)> = Vec::new();
    query.extend(table.name.as_deref().map(|name| ("name", name)));
    if let Some(tried) = tried {
        let reason = tried.reason.as_deref();
        query.extend(reason.map(|reason| ("reason", reason)));
        query.push(("dry_run", if tried.dry_run { "true" } else { "false" }));
    }
    let query = serde_urlencoded::to_string(query).expect("pairs of texts are a query");
    format!("/v1/tables/{}?{query}", table.table)
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

/// One question over the socket, and its answer.
fn ask(socket: &Path, question: Question) -> Result<(StatusCode, Bytes), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let link = tokio::net::UnixStream::connect(socket);
        let link = TokioIo::new(link.await.map_err(|error| error.to_string())?);
        let (mut sender, connection) = http1::handshake(link)
            .await
            .map_err(|error| error.to_string())?;
        let carried = tokio::spawn(connection);
        let request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header("host", "switch")
            .body(Body::from(question.body))
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
        carried.abort();
        Ok((status, body.map_err(|error| error.to_string())?))
    })
}

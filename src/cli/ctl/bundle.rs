//! `ctl bundle`: what somebody who has to help from afar needs, in one file: every answer of the
//! admin API that takes nothing but asking, metrics and health. The document of the interface says
//! what there is, so nothing is forgotten.
//!
//! Never holds keys, tokens, payment codes, or the text of a configuration or a table.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hyper::StatusCode;
use serde_json::Value;

use super::ask::{Question, Way};
use crate::cli::console::Console;
use crate::cli::exit::{Ended, Exit, Failure};

/// Asked with more than the path.
const MORE: &[(&str, &str)] = &[("/v1/log", "/v1/log?lines=2000")];

pub(super) fn execute(way: &Way, out: &Path, console: &mut Console<'_>) -> Ended {
    let (status, body) = way.ask(Question::get("/v1/openapi.json"))?;
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status != StatusCode::OK {
        return Err(super::refusal(status, &body));
    }
    // Names, addresses and the log are in it: for its owner alone.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .map_err(|error| failed(out, &error))?;
    let mut archive = tar::Builder::new(std::io::BufWriter::new(file));
    let office = ["/metrics", "/healthz", "/readyz"];
    let mut kept = 0;
    for path in paths(&document).chain(office.map(str::to_owned)) {
        let more = MORE.iter().find(|(known, _)| *known == path);
        let asked = more.map_or(path.as_str(), |(_, more)| more);
        let (status, answer) = way.ask(Question::get(asked))?;
        let ending = if path.starts_with("/v1/") {
            ".json"
        } else {
            ".txt"
        };
        let name = path
            .trim_start_matches("/v1")
            .trim_matches('/')
            .replace('/', "-");
        let name = format!("{}{ending}", name.trim_end_matches(".json"));
        // Who may not see something says so in the file.
        let note = match status {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => "",
            _ => ".refused",
        };
        let name = format!("cpg-switch/{name}{note}");
        append(&mut archive, &name, &answer).map_err(|error| failed(out, &error))?;
        kept += 1;
    }
    let ended = archive.into_inner().and_then(|mut file| file.flush());
    ended.map_err(|error| failed(out, &error))?;
    let size = std::fs::metadata(out).map_or(0, |it| it.len());
    console.print_line(&format!("{}: {kept} answers, {size} bytes", out.display()))?;
    Ok(Exit::Good)
}

/// Every path that can be read without more, and ends.
fn paths(document: &Value) -> impl Iterator<Item = String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.filter_map(|(path, operations)| {
        let read = operations.get("get")?;
        let parameters = read["parameters"].as_array()?;
        let needed = parameters
            .iter()
            .any(|parameter| parameter["required"] == true);
        let ends = read["responses"]["200"]["content"]
            .get("application/json")
            .is_some();
        (!needed && ends).then(|| path.clone())
    })
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, bytes)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    let problem = format!("cannot write {}: {error}", path.display());
    Failure::new(Exit::Environment, problem)
        .hint("name a file that is not there yet, in a folder that this user may write")
}

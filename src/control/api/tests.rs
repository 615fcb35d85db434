//! The doors from outside: over a real office, TCP and a Unix socket.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, mpsc};

use serde_json::Value;
use tempfile::TempDir;

use super::authority::token_lines;
use super::document::document;
use super::open::{SocketName, TOKEN_FILE, open};
use super::{BODY_BYTES_MAX, Facts, Role, Verb, doors, record, serve};
use crate::control::configuration::Configuration;
use crate::control::office::{Feed, Office, Order};
use crate::control::publish::{shown, tests::publisher};
use crate::shard::stats::{Counters, Health};

/// What `printf %s view-token | sha256sum` says, and of `operate-token`.
const TOKENS: &str = "\
view ann 5e17bb983b1ff3b4acbcaa8451a4173faa5575c682e7cf8615e2ed5e50fad7bd
operate bob 2de8e6cbdda43d8f8c4f33e79b7296ad4159d03cf42dbdf39c1e48ba6547fc61
";

pub(super) struct Served {
    /// What the record says while an order is given.
    meanwhile: mpsc::Receiver<Vec<Value>>,
    pub(super) office: Office,
    folder: TempDir,
    name: SocketName,
}

fn served(tokens: Option<&str>) -> Served {
    served_to(tokens, false)
}

pub(super) fn served_to(tokens: Option<&str>, two_people: bool) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let mut admin = Configuration::sandbox().admin;
    admin.two_people = two_people;
    admin.tokens = tokens.map(|text| token_lines(text).unwrap());
    let office = Office::start(admin.address).unwrap();
    let facts = Facts {
        pid: 7,
        commit: "disk",
        data: folder.path().to_owned(),
        log: crate::control::log::Log::default(),
    };
    let counters = Arc::new(Counters::default());
    counters.set_health(Health::Serving);
    let publisher = publisher(folder.path());
    let opening = open(&admin, facts, vec![counters], publisher).unwrap();
    let (told, meanwhile) = mpsc::channel();
    let path = folder.path().to_owned();
    office.open(Feed {
        samples: Box::new(|_| {}),
        subject: None,
        shards: Vec::new(),
        unready: Box::new(|| None),
        order: Box::new(move |_| told.send(recorded(&path)).unwrap()),
    });
    office.admit(opening.api, opening.socket.listener);
    Served {
        meanwhile,
        office,
        folder,
        name: opening.socket.name,
    }
}

/// The status, and all that comes after the head.
type Heard = (u16, String);

fn ask(mut link: impl Read + Write, request: &str, token: Option<&str>, body: &str) -> Heard {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let text = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}Content-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.unwrap_or_default(),
        body.len()
    );
    // Who is refused at once may not get all of it off, nor be told to the end.
    drop(link.write_all(text.as_bytes()));
    let mut answer = Vec::new();
    drop(link.read_to_end(&mut answer));
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

impl Served {
    pub(super) fn network(&self, request: &str, token: Option<&str>, body: &str) -> Heard {
        let link = TcpStream::connect(self.office.address()).unwrap();
        ask(link, request, token, body)
    }

    pub(super) fn socket(&self, request: &str, body: &str) -> Heard {
        let link = UnixStream::connect(self.name.path()).unwrap();
        ask(link, request, None, body)
    }

    pub(super) fn record(&self) -> Vec<Value> {
        recorded(self.folder.path())
    }
}

fn recorded(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(record::FILE)).unwrap();
    text.lines().map(json).collect()
}

pub(super) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn over_tcp_a_token_says_who_it_is_and_over_the_socket_the_kernel_does() {
    let served = served(Some(TOKENS));
    let status = "GET /v1/status";
    for (token, code) in [
        (None, 401),
        (Some("view-tokeN"), 401),
        (Some(""), 401),
        (Some("view-token"), 200),
        (Some("operate-token"), 200),
    ] {
        let (found, body) = served.network(status, token, "");
        assert_eq!(found, code, "{token:?}: {body}");
        assert!(code == 200 || json(&body)["remedy"].is_string(), "{body}");
    }
    let (_, body) = served.network(status, Some("view-token"), "");
    assert_eq!(json(&body)["caller"]["name"], "ann");
    let hash = shown(Configuration::sandbox().table_hash);
    assert_eq!(json(&body)["tables"]["hash"], hash);
    let (code, body) = served.socket(status, "");
    assert_eq!(code, 200, "{body}");
    let caller = &json(&body)["caller"];
    let own = rustix::process::geteuid().as_raw();
    assert_eq!(caller["name"], format!("uid {own}"));
    assert_eq!(caller["roles"].as_array().unwrap().len(), 3);
    let mode = std::fs::metadata(served.name.path()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    served.office.close();
}

#[test]
fn health_asks_nobody_who_he_is() {
    let served = served(Some(TOKENS));
    for (path, code) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200)] {
        assert_eq!(served.network(&format!("GET {path}"), None, "").0, code);
    }
    served.office.close();
}

#[test]
fn every_door_is_locked_and_in_the_document_and_the_document_has_no_other() {
    let served = served(Some(TOKENS));
    let (code, text) = served.network("GET /v1/openapi.json", Some("view-token"), "");
    assert_eq!(code, 200);
    assert_eq!(json(&text), document());
    let mut documented = BTreeSet::new();
    for (path, operations) in json(&text)["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            let role = operation["x-role"].as_str().unwrap().to_owned();
            documented.insert((path.clone(), verb.clone(), role));
        }
    }
    let served_here: BTreeSet<_> = doors()
        .map(|door| {
            let (verb, role) = (door.verb.name().to_owned(), door.role.name().to_owned());
            (door.path.to_owned(), verb, role)
        })
        .collect();
    assert_eq!(documented, served_here);
    assert_eq!(doors().count(), served_here.len(), "a door is there twice");
    for door in doors() {
        let request = format!("{} {}", door.verb.name().to_uppercase(), door.path);
        // 404 and 405 would say that the router has no such door.
        let (code, _) = served.network(&request, None, "{}");
        assert_eq!(code, 401, "{request}");
        let (code, _) = served.network(&request, Some("view-token"), "{}");
        let expected = door.role == Role::View;
        assert_eq!(code != 403, expected, "{request}: {code}");
        assert!(door.path.starts_with("/v1/"), "{request}");
        assert!(door.verb == Verb::Get || door.role != Role::View);
    }
    served.office.close();
}

#[test]
fn an_action_needs_a_reason_and_is_on_record_before_it_takes_effect() {
    let served = served(Some(TOKENS));
    let drain = "POST /v1/switch/drain";
    let token = Some("operate-token");
    for body in ["{}", "{\"reason\":\"  \"}"] {
        assert_eq!(served.network(drain, token, body).0, 400, "{body}");
    }
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(1_001));
    assert_eq!(served.network(drain, token, &long).0, 400);
    assert_eq!(served.network(drain, Some("view-token"), "{}").0, 403);
    assert_eq!(served.record(), [] as [Value; 0]);
    assert_eq!(served.office.ordered(), None);

    let (code, body) = served.network(drain, token, "{\"reason\":\"a new kernel\"}");
    assert_eq!(code, 200, "{body}");
    assert_eq!(served.office.ordered(), Some(Order::Drain));
    let record = served.record();
    assert_eq!(record.len(), 2);
    assert_eq!(served.meanwhile.try_recv().unwrap(), record[..1]);
    assert_eq!(record[0]["who"], "bob");
    assert_eq!(record[0]["via"], "network");
    assert_eq!(record[0]["action"], "drain switch");
    assert_eq!(record[0]["reason"], "a new kernel");
    assert_eq!(record[1]["of"], record[0]["number"]);
    assert_eq!(record[1]["outcome"], "done");
    // A second time it does not stop what is being answered.
    served.network(drain, token, "{\"reason\":\"again\"}");
    assert_eq!(served.office.ordered(), Some(Order::Drain));
    served.office.close();
}

#[test]
fn a_drawn_token_is_its_owners_alone_and_another_at_each_start() {
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let served = served(None);
        let path = served.folder.path().join(TOKEN_FILE);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let token = std::fs::read_to_string(&path).unwrap();
        let (code, body) = served.network("GET /v1/status", Some(token.trim_end()), "");
        assert_eq!(code, 200, "{body}");
        assert!(seen.insert(token));
        served.office.close();
    }
}

#[test]
fn what_is_too_large_or_too_much_is_refused_in_words() {
    let served = served(Some(TOKENS));
    let large = format!("{{\"reason\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    let drain = "POST /v1/switch/drain";
    assert_eq!(served.network(drain, Some("operate-token"), &large).0, 413);
    let address = served.office.address();
    let held: Vec<_> = (0..serve::CONNECTIONS_MAX)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let (code, body) = served.network("GET /healthz", None, "");
    assert_eq!((code, body.as_str()), (503, "too many connections"));
    // The socket has places of its own.
    assert_eq!(served.socket("GET /v1/status", "").0, 200);
    drop(held);
    served.office.close();
}

#[test]
fn nobody_is_let_in_before_the_shards_are_there() {
    let office = Office::start("127.0.0.1:0".parse().unwrap()).unwrap();
    let link = TcpStream::connect(office.address()).unwrap();
    let (code, body) = ask(link, "GET /v1/status", Some("any"), "");
    assert_eq!(code, 503, "{body}");
    office.close();
}

#[test]
fn a_table_is_tried_published_told_of_and_taken_back() {
    let served = served(Some(TOKENS));
    let operate = Some("operate-token");
    let (code, text) = served.network("GET /v1/tables/rates", operate, "");
    assert_eq!(code, 200);
    let lines: Vec<_> = text.trim_end().lines().collect();
    let short = lines[..lines.len() - 1].join("\n");
    let put = "PUT /v1/tables/rates";

    let (code, body) = served.network(&format!("{put}?dry_run=true"), operate, &short);
    assert_eq!(code, 200, "{body}");
    assert_eq!(json(&body)["difference"][0]["removed"], 1);
    let (code, body) = served.network(put, operate, &short);
    assert_eq!(code, 400, "without a reason: {body}");
    let (code, body) = served.network(&format!("{put}?reason=x"), operate, "bad\n");
    assert_eq!(code, 422, "{body}");
    assert!(json(&body)["errors"][0]["problem"].is_string(), "{body}");
    assert_eq!(served.record(), [] as [Value; 0]);
    let version = |served: &Served| json(&served.socket("GET /v1/tables", "").1)["version"].clone();
    assert_eq!(version(&served), 1);

    let (code, body) = served.network(&format!("{put}?reason=a%20new%20day"), operate, &short);
    assert_eq!(code, 200, "{body}");
    assert_eq!(json(&body)["outcome"], "published");
    assert_eq!(version(&served), 2);
    assert_eq!(served.record()[0]["reason"], "a new day");
    assert_eq!(served.record()[0]["details"]["before"]["version"], 1);
    let restore = "POST /v1/generations/0/restore";
    let (code, body) = served.network(restore, operate, "{\"reason\":\"too early\"}");
    assert_eq!(code, 200, "{body}");
    assert_eq!(version(&served), 3);
    assert_eq!(served.network("GET /v1/tables/rates", operate, "").1, text);
    let (_, body) = served.network("GET /v1/generations", operate, "");
    assert_eq!(json(&body)["generations"][0]["who"], "bob");
    assert_eq!(json(&body)["all"], 2);
    for (request, code) in [
        ("GET /v1/tables/routs", 404),
        ("PUT /v1/tables/lists?reason=x", 404),
        ("PUT /v1/tables/rates?reson=x", 400),
    ] {
        assert_eq!(served.network(request, operate, "").0, code, "{request}");
    }
    served.office.close();
}

#[test]
fn whatever_is_wrong_with_a_request_it_is_told_as_a_problem_with_a_remedy() {
    let served = served(Some(TOKENS));
    let operate = Some("operate-token");
    for (request, body, code) in [
        ("GET /v1/nothing", "", 404),
        ("DELETE /v1/status", "", 405),
        ("PUT /v1/tables/rates?dry_run=perhaps", "", 400),
        ("PUT /v1/tables/rates?reson=x", "", 400),
        (
            "POST /v1/generations/0.1/restore",
            "{\"reason\":\"x\"}",
            404,
        ),
        (
            "POST /v1/participants/nobody/suspend",
            "{\"reason\":\"x\"}",
            404,
        ),
        (
            "POST /v1/corridors/stop?corridor=MY",
            "{\"reason\":\"x\"}",
            400,
        ),
        ("POST /v1/corridors/stop", "{\"reason\":\"x\"}", 400),
        ("POST /v1/log?filter=a=b=c", "{\"reason\":\"x\"}", 400),
        (
            "POST /v1/log?filter=info&for_s=0",
            "{\"reason\":\"x\"}",
            400,
        ),
        ("POST /v1/log?filter=info", "{\"reason\":\"x\"}", 409),
    ] {
        let (found, answer) = served.network(request, operate, body);
        assert_eq!(found, code, "{request}: {answer}");
        let problem = json(&answer);
        assert_eq!(problem["status"], code, "{request}: {answer}");
        assert!(problem["remedy"].is_string(), "{request}: {answer}");
    }
    let large = format!("{{\"reason\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    let (code, answer) = served.network("POST /v1/switch/drain", operate, &large);
    assert_eq!(
        (code, &json(&answer)["status"]),
        (413, &413.into()),
        "{answer}"
    );
    served.office.close();
}

//! Tables that change while a switch of two shards works: published over the Unix socket, under
//! load from real links, and found again by the next start.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;
use serde_json::Value as Json;

use cpg_switch::model::ids::{Institution, Reference};
use cpg_switch::model::keys::Key;

use super::cli::{ENVIRONMENT, FAILED, GOOD, Switch, USAGE, errors, folder, output, refused};
use super::shards::{WALLET, listener, refund, sign_on, today};

const PUBLICATIONS: u32 = 300;

/// What the admin API answers over the socket.
pub(super) fn ask(switch: &Switch, request: &str, body: &str) -> (u16, String) {
    let mut link = UnixStream::connect(switch.ready["socket"].as_str().unwrap()).unwrap();
    let length = body.len();
    let head = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length:";
    write!(link, "{request} {head} {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    link.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

pub(super) fn json(switch: &Switch, request: &str, body: &str) -> Json {
    let (code, answer) = ask(switch, request, body);
    assert_eq!(code, 200, "{request}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

fn key(number: u32, letter: char) -> Key {
    let reference = format!("{letter}{number:011}").into_bytes();
    Key {
        originator: Institution::new(WALLET).unwrap(),
        local_date: today(),
        reference: Reference::new(reference.try_into().unwrap()).unwrap(),
    }
}

/// Asks for refunds of payments that there are not, one after the other, until it is told to end.
/// Each is decided, recorded and answered with 25; returns how many were.
fn load(switch: &Switch, over: &AtomicBool) -> u32 {
    let (mut link, ..) = sign_on(listener(switch));
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let root = key(answered, 'P');
        assert_eq!(&refund(&mut link, key(answered, 'K'), root), b"25");
        answered += 1;
    }
    answered
}

/// Publishes the rates with and without their last line, in turn.
fn publish(switch: &Switch, rates: &str) {
    let short = rates.trim_end().rsplit_once('\n').unwrap().0;
    for publication in 0..PUBLICATIONS {
        let text = if publication % 2 == 0 { short } else { rates };
        let answer = json(switch, "PUT /v1/tables/rates?reason=a%20test", text);
        assert_eq!(answer["outcome"], "published", "{answer}");
        assert_eq!(answer["after"]["version"], publication + 2, "{answer}");
        assert_eq!(answer["shards_behind"], serde_json::json!([]), "{answer}");
    }
}

#[test]
fn hundreds_of_publications_under_load_lose_nothing_and_the_last_outlives_a_kill() {
    let folder = folder();
    let data = folder.path().join("data");
    let switch = Switch::start_on(folder.path(), &data, &["--shards", "2"]);
    let (code, rates) = ask(&switch, "GET /v1/tables/rates", "");
    assert_eq!(code, 200);
    let over = AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        let load = scope.spawn(|| load(&switch, &over));
        let published = std::panic::catch_unwind(|| publish(&switch, &rates));
        over.store(true, Ordering::Relaxed);
        let answered = load.join().unwrap();
        published.unwrap();
        answered
    });
    assert!(answered > 0);
    let tables = json(&switch, "GET /v1/tables", "");
    assert_eq!(tables["version"], PUBLICATIONS + 1);
    // The one that shards started with, for who looks into the archive, and the one in force.
    assert!(tables["held"].as_u64().unwrap() <= 2, "{tables}");
    switch.signal(Signal::KILL);
    assert_eq!(switch.end(), None);

    let switch = Switch::start_on(folder.path(), &data, &["--shards", "2"]);
    let again = json(&switch, "GET /v1/tables", "");
    for member in ["version", "hash", "files"] {
        assert_eq!(again[member], tables[member]);
    }
    // All that was answered is known: repeats get the same answer.
    let (mut link, ..) = sign_on(listener(&switch));
    for number in [0, answered / 2, answered - 1] {
        assert_eq!(
            &refund(&mut link, key(number, 'K'), key(number, 'Q')),
            b"94"
        );
    }
    switch.signal(Signal::TERM);
    assert_eq!(switch.end(), GOOD);

    // Somebody changes the files under what was published: no start guesses which counts.
    let config = folder.path().join("small.toml");
    let text = fs::read_to_string(&config).unwrap();
    let changed = text.replacen("rates = \"sandbox:rates\"", "rates = \"rates.tsv\"", 1);
    fs::write(&config, changed).unwrap();
    let short = rates.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(folder.path().join("rates.tsv"), short).unwrap();
    let (code, said) = refused(folder.path(), &["--config", config.to_str().unwrap()]);
    assert_eq!(code, USAGE, "{said}");
    assert!(said.contains("set `table_version` above"), "{said}");
}

#[test]
fn an_operator_publishes_goes_back_and_drains_from_the_command_line() {
    let folder = folder();
    let switch = Switch::start_on(folder.path(), &folder.path().join("data"), &[]);
    let socket = switch.ready["socket"].as_str().unwrap().to_owned();
    let ctl = |words: &[&str]| {
        let done = output(
            &[&["ctl", "--json", "--socket", &socket], words].concat(),
            b"",
        );
        let said = String::from_utf8(done.stdout.clone()).unwrap();
        (done.status.code(), said, errors(&done))
    };
    let (code, rates, _) = ctl(&["show", "rates"]);
    assert_eq!(code, GOOD);
    let file = folder.path().join("rates.tsv");
    let name = file.to_str().unwrap();
    fs::write(&file, rates.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    let (code, said, _) = ctl(&["publish", "rates", name, "--dry-run"]);
    assert_eq!(code, GOOD);
    assert!(said.contains("dry run"), "{said}");
    assert_eq!(
        ctl(&["publish", "rates", name]).0,
        USAGE,
        "without a reason"
    );
    let (code, said, _) = ctl(&["publish", "rates", name, "--reason", "a & b"]);
    assert_eq!(code, GOOD);
    assert!(said.contains("\"published\""), "{said}");
    let (code, said, _) = ctl(&["history"]);
    assert_eq!(code, GOOD);
    assert!(said.contains("\"reason\": \"a & b\""), "{said}");
    fs::write(&file, format!("{rates}bad\n")).unwrap();
    let (code, _, said) = ctl(&["publish", "rates", name, "--reason", "x"]);
    assert_eq!(code, FAILED);
    assert!(
        said.contains("1 lines are bad") && said.contains("hint:"),
        "{said}"
    );
    assert_eq!(ctl(&["rollback", "0", "--reason", "back"]).0, GOOD);
    assert_eq!(ctl(&["show", "rates"]).1, rates);
    let (code, said, _) = ctl(&["shards"]);
    assert_eq!(code, GOOD);
    assert!(said.contains("\"tables\": 3"), "{said}");
    assert_eq!(ctl(&["drain", "--reason", "the end"]).0, GOOD);
    assert_eq!(switch.end(), GOOD);
    let (code, _, said) = ctl(&["status"]);
    assert_eq!(code, ENVIRONMENT, "{said}");
}

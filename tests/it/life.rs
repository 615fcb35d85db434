//! A switch under a service manager: what it is told from start to end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use super::cli::{GOOD, PATIENCE_TICKS, Switch, folder, wait};
use super::shards::{listener, sign_on};
use super::tables::{ask, json};

/// What the manager has heard until a line of it begins with `word`.
fn heard(manager: &UnixDatagram, lines: &mut Vec<String>, word: &str) {
    while !lines.iter().any(|line| line.starts_with(word)) {
        let mut bytes = [0; 4_096];
        let count = manager.recv(&mut bytes).unwrap();
        let text = core::str::from_utf8(&bytes[..count]).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
}

#[test]
fn the_service_manager_hears_that_it_is_ready_that_it_lives_and_that_it_ends() {
    let folder = folder();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let patience = Some(Duration::from_secs(60));
    manager.set_read_timeout(patience).unwrap();
    let data = folder.path().join("data");
    let environment = [
        ("NOTIFY_SOCKET", path.as_os_str()),
        ("WATCHDOG_USEC", "1500000".as_ref()),
    ];
    let switch = Switch::start_in(folder.path(), &data, &[], &environment);
    assert!(switch.get("/healthz").ends_with("alive\n"));
    let mut lines = Vec::new();
    heard(&manager, &mut lines, "READY=1");
    heard(&manager, &mut lines, "STATUS=taking payments");
    for _ in 0..3 {
        lines.clear();
        heard(&manager, &mut lines, "WATCHDOG=1");
        assert!(!lines.iter().any(|line| line == "READY=1"), "{lines:?}");
    }
    switch.signal(Signal::TERM);
    heard(&manager, &mut lines, "STOPPING=1");
    assert_eq!(switch.end(), GOOD);
}

/// Waits until a line of the log has all of these words, and returns it.
fn logged(switch: &Switch, words: &[&str]) -> String {
    for _ in 0..PATIENCE_TICKS {
        let log = json(switch, "GET /v1/log?lines=2000", "");
        let lines = log["lines"].as_array().unwrap();
        let texts = lines.iter().map(ToString::to_string);
        let mut latest = texts.rev();
        if let Some(line) = latest.find(|line| words.iter().all(|word| line.contains(word))) {
            return line;
        }
        wait();
    }
    panic!("nothing in the log has {words:?}");
}

#[test]
fn what_happens_to_links_is_in_the_log_and_more_of_it_for_a_while() {
    let folder = folder();
    let data = folder.path().join("data");
    let switch = Switch::start_in(folder.path(), &data, &[], &[]);
    // As much as a test of others sees: warnings.
    let mut rubbish = TcpStream::connect(listener(&switch)).unwrap();
    let address = rubbish.local_addr().unwrap().to_string();
    rubbish.write_all(&[0xff; 64]).unwrap();
    // Cut, with or without what it had not read.
    drop(rubbish.read(&mut [0; 64]));
    let line = logged(&switch, &[&address, "no frames"]);
    assert!(line.contains("WARN") && !line.contains("ffff"), "{line}");

    let change = "POST /v1/log?filter=info&for_s=600";
    let (code, answer) = ask(&switch, "POST /v1/log?filter=a=b=c", r#"{"reason":"why"}"#);
    assert_eq!(code, 400, "{answer}");
    assert_eq!(ask(&switch, change, "{}").0, 400);
    let told = json(&switch, change, r#"{"reason":"a link comes and goes"}"#);
    assert_eq!(
        (&told["before"], &told["after"]),
        (&"warn".into(), &"info".into())
    );
    let (link, ..) = sign_on(listener(&switch));
    let address = link.local_addr().unwrap().to_string();
    let line = logged(&switch, &[&address, "signed on"]);
    assert!(line.contains("\"participant\":\"touch-n-go\""), "{line}");
    drop(link);
    logged(&switch, &[&address, "closed by the other side"]);

    let process = json(&switch, "GET /v1/process", "");
    let threads = process["threads"].as_array().unwrap();
    let has = |name: &str| threads.iter().any(|thread| thread["Name"] == name);
    assert!(has("shard-00") && has("office"), "{threads:?}");
    switch.signal(Signal::TERM);
    assert_eq!(switch.end(), GOOD);
}

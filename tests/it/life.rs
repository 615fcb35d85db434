//! A switch under a service manager: what it is told from start to end.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use super::cli::{GOOD, Switch, folder};

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

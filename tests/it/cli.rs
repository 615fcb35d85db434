//! The program from outside: exit codes, errors with their remedy, start and end.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use tempfile::TempDir;

pub(crate) const GOOD: Option<i32> = Some(0);
pub(crate) const FAILED: Option<i32> = Some(1);
pub(crate) const USAGE: Option<i32> = Some(2);
pub(crate) const ENVIRONMENT: Option<i32> = Some(3);
pub(crate) const INTEGRITY: Option<i32> = Some(4);

/// How long a switch may take to start or to end.
pub(super) const PATIENCE_TICKS: u32 = 600;
const TICK: Duration = Duration::from_millis(50);

fn cpg_switch(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpg-switch"));
    command.args(words);
    command
}

pub(crate) fn output(words: &[&str], input: &[u8]) -> Output {
    let mut child = cpg_switch(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn sandbox() -> String {
    String::from_utf8(output(&["sandbox"], b"").stdout).unwrap()
}

/// The sandbox with a journal that is quickly made, and leaves nothing outside its folder.
pub(super) fn small_sandbox(folder: &Path) -> String {
    let small = "[journal]\ntail_bytes = \"4 MiB\"\nsegment_bytes = \"4 MiB\"";
    let small = format!("{small}\ntail_dir = {:?}", folder.to_str().unwrap());
    sandbox().replacen("[journal]", &small, 1)
}

/// A switch on the sandbox, in a folder of its own.
pub(crate) struct Switch {
    child: Child,
    pub(crate) ready: Json,
    ready_file: PathBuf,
}

impl Switch {
    fn start(folder: &Path) -> Self {
        Self::start_on(folder, &folder.join("data"), &[])
    }

    /// With its journal somewhere else, and more words.
    pub(crate) fn start_on(folder: &Path, data: &Path, words: &[&str]) -> Self {
        Self::start_in(folder, data, words, &[])
    }

    /// With another configuration.
    pub(super) fn start_as(folder: &Path, config: &str) -> Self {
        Self::start_any(folder, config, &folder.join("data"), &[], &[])
    }

    /// In such an environment, too.
    pub(crate) fn start_in(
        folder: &Path,
        data: &Path,
        words: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Self {
        Self::start_any(folder, &small_sandbox(folder), data, words, environment)
    }

    fn start_any(
        folder: &Path,
        text: &str,
        data: &Path,
        words: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Self {
        let ready_file = folder.join("ready.json");
        let config = folder.join("small.toml");
        fs::write(&config, text).unwrap();
        let child = cpg_switch(&["run", "--commit", "memory", "--log", "warn"])
            .args(["--config".as_ref(), config.as_os_str()])
            .args(["--ready-file".as_ref(), ready_file.as_os_str()])
            .args(["--data".as_ref(), data.as_os_str()])
            .args(words)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut switch = Self {
            child,
            ready: Json::Null,
            ready_file,
        };
        for _ in 0..PATIENCE_TICKS {
            if let Ok(text) = fs::read_to_string(&switch.ready_file) {
                switch.ready = serde_json::from_str(&text).unwrap();
                // A switch that was killed leaves its file behind.
                if switch.ready["pid"] == switch.child.id() {
                    return switch;
                }
            }
            assert_eq!(
                switch.child.try_wait().unwrap(),
                None,
                "{}",
                switch.errors()
            );
            wait();
        }
        panic!("not ready in time");
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let stream = self.child.stderr.as_mut().unwrap();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        for _ in 0..PATIENCE_TICKS {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            wait();
        }
        panic!("did not end in time");
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let admin: SocketAddr = self.ready["admin"].as_str().unwrap().parse().unwrap();
        let mut link = TcpStream::connect(admin).unwrap();
        write!(
            link,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        link.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // Only where a test has failed before the end.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test may wait for another process"
)]
pub(super) fn wait() {
    std::thread::sleep(TICK);
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs a switch that cannot start: how it ends, and what it says.
pub(crate) fn refused(folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let data = folder.join("data");
    let data = ["--data", data.to_str().unwrap(), "--log", "off"];
    let output = output(&[&["run"], &data[..], words].concat(), b"");
    (output.status.code(), errors(&output))
}

#[test]
fn exit_codes_tell_a_slip_from_a_failure() {
    for (words, code) in [
        (&["--help"][..], GOOD),
        (&["--version"][..], GOOD),
        (&["run", "--help"][..], GOOD),
        (&["schema"][..], GOOD),
        (&[][..], USAGE),
        (&["run", "--fast"][..], USAGE),
        (&["run", "--log", "shard=loud"][..], USAGE),
        (&["run", "--config", "/nowhere.toml"][..], USAGE),
        (&["check", "/nowhere.toml"][..], USAGE),
        (&["message", "decode", "--protocol", "sbe"][..], USAGE),
        (&["journal", "verify", "/nowhere"][..], ENVIRONMENT),
        (&["journal", "explain", "1/2/3"][..], USAGE),
    ] {
        let output = output(words, b"");
        assert_eq!(output.status.code(), code, "{words:?}: {}", errors(&output));
    }
}

#[test]
fn check_points_at_line_and_column() {
    let folder = folder();
    let path = folder.path().join("switch.toml");
    let sandbox = sandbox();
    fs::write(&path, &sandbox).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(output(&["check", path], b"").status.code(), GOOD);
    fs::write(
        path,
        sandbox.replace("role = \"wallet\"", "role = \"walet\""),
    )
    .unwrap();
    let wrong = output(&["check", path], b"");
    assert_eq!(wrong.status.code(), USAGE);
    let said = errors(&wrong);
    for expected in [":8 ", "^^^^^^^", "did you mean `wallet`?", "4 errors"] {
        assert!(
            said.replace('\n', " ").contains(expected),
            "{expected} not in {said}"
        );
    }
}

#[test]
fn a_message_goes_through_json_and_back() {
    let hex = "0000002ceb50 1e000300 50430000 0100000000000000 0200000000000000 0300000000000000";
    let decode = [
        "message",
        "decode",
        "--protocol",
        "sbe",
        "--hex",
        "--json",
        "--unmask",
    ];
    let wrong = output(&decode, hex.as_bytes());
    assert_eq!(wrong.status.code(), FAILED, "{}", errors(&wrong));

    let hex =
        "00000028eb50 18000300 50430000 0100000000000000 0200000000000000 0300000000000000 0000";
    let json = output(&decode, hex.as_bytes());
    assert_eq!(json.status.code(), GOOD, "{}", errors(&json));
    let encode = ["message", "encode", "--protocol", "sbe", "--hex", "--json"];
    let again = output(&encode, &json.stdout);
    assert_eq!(again.status.code(), GOOD, "{}", errors(&again));
    let again = String::from_utf8(again.stdout).unwrap();
    assert_eq!(again.trim_end(), hex.replace(' ', ""));
}

#[test]
fn a_closed_output_is_no_failure() {
    let mut child = cpg_switch(&["schema"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), GOOD);
}

#[test]
fn a_switch_tells_where_it_is_drains_and_leaves_a_whole_journal() {
    let folder = folder();
    let switch = Switch::start(folder.path());
    let ready = &switch.ready;
    assert_eq!(ready["pid"], switch.child.id());
    assert_eq!(ready["commit"], "memory");
    assert_eq!(ready["data"], folder.path().join("data").to_str().unwrap());
    let listeners = ready["listeners"].as_array().unwrap();
    let names = |key: &str| -> Vec<&str> {
        listeners
            .iter()
            .map(|listener| listener[key].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        names("protocol"),
        ["sbe", "iso8583-ascii", "iso8583-binary"]
    );
    assert_eq!(names("framing"), ["sofh", "len2", "len2"]);
    let links: Vec<TcpStream> = names("address")
        .into_iter()
        .map(|address| TcpStream::connect(address).unwrap())
        .collect();

    assert!(switch.get("/healthz").ends_with("alive\n"));
    assert!(switch.get("/readyz").ends_with("ready\n"));
    assert!(
        switch
            .get("/metrics")
            .contains("# TYPE cpg_switch_payments counter")
    );

    // Another one may not write beside it; reading is allowed.
    let config = folder.path().join("small.toml");
    let (code, said) = refused(folder.path(), &["--config", config.to_str().unwrap()]);
    assert_eq!(code, ENVIRONMENT, "{said}");
    assert!(said.contains("hint:"), "{said}");
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert_eq!(
        output(&["journal", "verify", data], b"").status.code(),
        GOOD
    );

    switch.signal(Signal::TERM);
    let ready_file = switch.ready_file.clone();
    assert_eq!(switch.end(), GOOD);
    drop(links);
    assert!(!ready_file.exists());

    let verified = output(&["journal", "verify", data, "--json"], b"");
    assert_eq!(verified.status.code(), GOOD, "{}", errors(&verified));
    let verified: Json = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(
        (&verified["good"], &verified["live"]),
        (&true.into(), &false.into())
    );
    let dumped = String::from_utf8(output(&["journal", "dump", data], b"").stdout).unwrap();
    let first: Json = serde_json::from_str(dumped.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["record"], &first["epoch"]),
        (&"opened".into(), &1.into())
    );
    let explained = output(
        &["journal", "explain", "45800001/20261121/ABCDEF123456", data],
        b"",
    );
    assert_eq!(explained.status.code(), FAILED);
}

#[test]
fn a_switch_that_was_killed_starts_again() {
    let folder = folder();
    let switch = Switch::start(folder.path());
    switch.signal(Signal::KILL);
    assert_eq!(switch.end(), None);
    let switch = Switch::start(folder.path());
    switch.signal(Signal::INT);
    assert_eq!(switch.end(), GOOD);
    let data = folder.path().join("data");
    let dumped = output(&["journal", "dump", data.to_str().unwrap()], b"");
    let dumped = String::from_utf8(dumped.stdout).unwrap();
    let epochs = dumped
        .lines()
        .filter(|line| line.contains("\"opened\""))
        .count();
    assert_eq!(epochs, 2, "{dumped}");
}

#[test]
fn a_machine_that_does_not_let_it_is_told_with_the_remedy() {
    let folder = folder();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = holder.local_addr().unwrap().to_string();
    let sandbox = small_sandbox(folder.path());
    let small = folder.path().join("small.toml");
    fs::write(&small, &sandbox).unwrap();
    let small = small.to_str().unwrap();
    let (head, tail) = sandbox.split_once("[[listeners]]").unwrap();
    let tail = tail.replacen("127.0.0.1:0", &busy, 1);
    for (name, text) in [
        ("admin.toml", sandbox.replacen("127.0.0.1:0", &busy, 1)),
        ("listener.toml", format!("{head}[[listeners]]{tail}")),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let (code, said) = refused(folder.path(), &["--config", path.to_str().unwrap()]);
        assert_eq!(code, ENVIRONMENT, "{said}");
        assert!(said.contains(&busy) && said.contains("hint:"), "{said}");
    }

    let (code, said) = refused(folder.path(), &["--config", small, "--core", "4000"]);
    assert_eq!(code, ENVIRONMENT, "{said}");
    assert!(
        said.contains("core 4000") && said.contains("hint:"),
        "{said}"
    );

    // A file where the folder would be, which not even root can write into.
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, said) = refused(&file, &["--config", small]);
    assert_eq!(code, ENVIRONMENT, "{said}");
    assert!(said.contains("hint:") && said.contains("file"), "{said}");

    let ready_file = file.join("ready.json");
    let (code, said) = refused(
        folder.path(),
        &[
            "--config",
            small,
            "--ready-file",
            ready_file.to_str().unwrap(),
        ],
    );
    assert_eq!(code, ENVIRONMENT, "{said}");
    assert!(
        said.contains("ready file") && said.contains("hint:"),
        "{said}"
    );
}

#[test]
fn a_disk_without_room_is_told_at_the_start() {
    let folder = folder();
    let sandbox = small_sandbox(folder.path());
    let large = sandbox.replacen("segment_bytes = \"4 MiB\"", "segment_bytes = \"64 MiB\"", 1);
    let path = folder.path().join("large.toml");
    fs::write(&path, large).unwrap();
    // Files of 8 or 16 MiB at most, by the shell's unit: the tail finds room, a segment does not.
    let script = "trap '' XFSZ; ulimit -f 16384; exec \"$0\" run --data \"$1\" --config \"$2\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_cpg-switch")])
        .args([&folder.path().join("data"), &path])
        .output()
        .unwrap();
    let said = errors(&output);
    assert_eq!(output.status.code(), ENVIRONMENT, "{said}");
    assert!(said.contains("no room") && said.contains("hint:"), "{said}");
    assert!(!said.contains("ready"), "{said}");
}

#[test]
fn a_damaged_journal_is_an_integrity_error_and_names_the_place() {
    let folder = folder();
    let switch = Switch::start(folder.path());
    switch.signal(Signal::TERM);
    assert_eq!(switch.end(), GOOD);
    let data = folder.path().join("data");
    let shard = data.join("shard-00");
    let mut segments: Vec<PathBuf> = fs::read_dir(&shard)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "cpgj")
        })
        .collect();
    segments.sort();
    let mut bytes = fs::read(&segments[0]).unwrap();
    bytes[200] ^= 0x40;
    fs::write(&segments[0], bytes).unwrap();

    let verified = output(&["journal", "verify", data.to_str().unwrap()], b"");
    assert_eq!(verified.status.code(), INTEGRITY, "{}", errors(&verified));
    let config = folder.path().join("small.toml");
    let (code, said) = refused(folder.path(), &["--config", config.to_str().unwrap()]);
    assert_eq!(code, INTEGRITY, "{said}");
    for expected in ["segment 1", "offset 0", "hint:"] {
        assert!(said.contains(expected), "{expected} not in {said}");
    }
}

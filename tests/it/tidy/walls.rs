//! Who may import whom, and what a pure room may not know: the machine, the clock, chance.

use super::source::{code_only, paths, without_tests};
use super::{File, Finding, assert_clean, assert_finds, files};

/// A room and the paths under `crate::` it may name, itself apart. A room that is not listed has no
/// rule yet and is a finding: whoever builds it decides its directions here.
const DIRECTIONS: [(&str, &[&str]); 14] = [
    ("model", &[]),
    ("wire", &["model"]),
    ("qr", &["model"]),
    ("session", &["model"]),
    ("guard", &["model"]),
    ("route", &["model"]),
    ("fx", &["model"]),
    ("engine", &["model", "route", "guard", "fx"]),
    ("journal", &["model", "sys::operation"]),
    ("sys", &["model::ids", "model::limits", "model::time"]),
    (
        "control",
        &[
            "model", "wire", "qr", "route", "fx", "guard", "sys", "shard", "journal",
        ],
    ),
    ("shard", ANY),
    ("sim", ANY),
    ("cli", ANY),
];

/// The rooms that wire stages together.
const ANY: &[&str] = &[""];

/// Files that may name more than their room.
const DOORS: [(&str, &[&str]); 7] = [
    ("src/journal/archive/files.rs", &["sys"]),
    ("src/journal/digest/files.rs", &["sys"]),
    ("src/journal/digest/maker.rs", &["sys"]),
    ("src/journal/first.rs", &["sys"]),
    ("src/journal/keeper.rs", &["sys"]),
    ("src/journal/scan.rs", &["sys"]),
    ("src/journal/store.rs", &["sys"]),
];

/// What another package of the workspace may name of ours.
const LOADGEN: &[&str] = &["model", "wire", "sys", "control::configuration", "journal"];

/// Rooms without clock, socket, file, thread or chance; of `shard`, the files of the turn.
const PURE: [&str; 9] = [
    "model", "wire", "qr", "session", "guard", "route", "fx", "engine", "journal",
];

/// What only the machine knows.
const MACHINE: [(&str, &[&str]); 7] = [
    (
        "std::",
        &["net", "fs", "thread", "time", "env", "process", "os"],
    ),
    ("rand::", ANY),
    ("libc::", ANY),
    ("rustix::", ANY),
    ("io_uring::", ANY),
    ("tokio::", ANY),
    ("tokio_uring::", ANY),
];

fn may_name(allowed: &[&str], path: &str) -> bool {
    allowed.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with("::"))
    })
}

/// Imports against the table of directions.
fn directions(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() && !file.is_test())
    {
        let code = without_tests(&code_only(&file.text));
        if file.path.starts_with("loadgen/") {
            named(file, &code, "cpg_switch::", LOADGEN, &mut findings);
        }
        let Some(room) = file.room() else { continue };
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(name, _)| *name == room) else {
            findings.push(Finding::new(
                &file.path,
                0,
                format!("no directions for `{room}`"),
            ));
            continue;
        };
        let mut allowed = allowed.to_vec();
        allowed.push(room);
        for (_, more) in DOORS.iter().filter(|(path, _)| *path == file.path) {
            allowed.extend(*more);
        }
        named(file, &code, "crate::", &allowed, &mut findings);
        if code.contains("super::super") {
            findings.push(Finding::new(
                &file.path,
                0,
                "write crate:: instead of super::super",
            ));
        }
    }
    findings
}

fn named(file: &File, code: &str, root: &str, allowed: &[&str], findings: &mut Vec<Finding>) {
    for (line, path) in paths(code, root) {
        if !may_name(allowed, &path) {
            findings.push(Finding::new(
                &file.path,
                line,
                format!("may not name {root}{path}"),
            ));
        }
    }
}

fn is_pure(file: &File) -> bool {
    let turn = file.path.starts_with("src/shard/turn");
    let door = DOORS.iter().any(|(path, _)| *path == file.path);
    let room = file.room().is_some_and(|room| PURE.contains(&room));
    file.is_rust() && !file.is_test() && !door && (room || turn)
}

/// The machine in a pure file.
fn purity(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_pure(file)) {
        let code = without_tests(&code_only(&file.text));
        for (root, parts) in MACHINE {
            for (line, path) in paths(&code, root) {
                if may_name(parts, &path) {
                    let note = format!("a pure file names {root}{path}");
                    findings.push(Finding::new(&file.path, line, note));
                }
            }
        }
    }
    findings
}

#[test]
fn rooms_import_only_in_the_directions_of_the_house() {
    assert_clean(&directions(&files()));
}

#[test]
fn a_forbidden_import_is_found() {
    let bad = [
        File::sample(
            "src/wire/frame.rs",
            "use crate::{model::ids, engine::Engine};\n",
        ),
        File::sample("src/engine/mod.rs", "fn f() { crate::wire::decode() }\n"),
        File::sample("src/journal/layout.rs", "use crate::sys::clock;\n"),
        File::sample("src/sys/ring.rs", "use crate::model::message::Message;\n"),
        File::sample("src/kitchen/mod.rs", ""),
        File::sample("src/route/deep/mod.rs", "use super::super::engine;\n"),
        File::sample("loadgen/src/main.rs", "use cpg_switch::engine::Engine;\n"),
    ];
    let expected = [
        "may not name crate::engine::Engine",
        "may not name crate::wire::decode",
        "may not name crate::sys::clock",
        "may not name crate::model::message::Message",
        "no directions for `kitchen`",
        "write crate::",
        "may not name cpg_switch::engine::Engine",
    ];
    assert_finds(&directions(&bad), &expected);
    let good = [
        File::sample("src/journal/store.rs", "use crate::sys::map::Map;\n"),
        File::sample(
            "src/wire/sbe/mod.rs",
            "use crate::wire::frame;\n// crate::engine\n",
        ),
        File::sample(
            "src/wire/a.rs",
            "#[cfg(test)]\nmod tests {\n use crate::engine;\n}\n",
        ),
    ];
    assert_clean(&directions(&good));
}

#[test]
fn pure_rooms_and_the_turn_know_no_machine() {
    assert_clean(&purity(&files()));
}

#[test]
fn the_machine_in_a_pure_room_is_found() {
    let bad = [
        File::sample("src/model/time.rs", "use std::time::Instant;\n"),
        File::sample("src/shard/turn.rs", "use std::{fs::File, mem};\n"),
        File::sample("src/engine/mod.rs", "fn f() -> u8 { rand::random() }\n"),
    ];
    let expected = [
        "a pure file names std::time::Instant",
        "a pure file names std::fs::File",
        "a pure file names rand::random",
    ];
    assert_finds(&purity(&bad), &expected);
    let good = [
        File::sample("src/sys/clock.rs", "use std::time::Instant;\n"),
        File::sample("src/sys/operation.rs", "use core::net::SocketAddr;\n"),
        File::sample("src/shard/run.rs", "use std::thread;\n"),
    ];
    assert_clean(&purity(&good));
}

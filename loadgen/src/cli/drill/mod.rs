//! `drill`: what the emergency page says, done on a sandbox of its own, with payments in between
//! that see what participants see. It measures nothing.

mod payer;

use std::path::{Path, PathBuf};
use std::process::Command;

use cpg_switch::model::participant::Protocol;

use self::payer::Payers;
use crate::cli::arguments::{Commit, Drill};
use crate::cli::demo;
use crate::cli::exit::{Exit, Failure};
use crate::scratch::Scratch;
use crate::target::{Launch, Target};

/// What is done in a step.
#[derive(Clone, Copy, Debug)]
enum Done {
    /// Words after `cpg-switch ctl`, as on the page.
    Ctl(&'static [&'static str]),
    /// SIGKILL, and a start on the same data.
    KilledAndStarted,
    /// Nothing: how it is before.
    Nothing,
}

/// One step, and what a Malaysian and a Chinese wallet see at a Chinese acquirer after it.
struct Step {
    title: &'static str,
    done: Done,
    malaysian: &'static str,
    chinese: &'static str,
}

const fn step(
    title: &'static str,
    done: Done,
    malaysian: &'static str,
    chinese: &'static str,
) -> Step {
    Step {
        title,
        done,
        malaysian,
        chinese,
    }
}

/// The name that the page calls `NAME`.
const NAME: &str = "touch-n-go";

/// The drill. Each command is on the page.
const STEPS: &[Step] = &[
    step("before", Done::Nothing, "00", "00"),
    step(
        "one participant",
        Done::Ctl(&["participants", "suspend", NAME]),
        "58",
        "00",
    ),
    step(
        "it comes back",
        Done::Ctl(&["participants", "resume", NAME]),
        "00",
        "00",
    ),
    step(
        "one corridor",
        Done::Ctl(&["corridors", "stop", "MY->CN"]),
        "92",
        "00",
    ),
    step(
        "everything",
        Done::Ctl(&["corridors", "stop", "*->*"]),
        "92",
        "92",
    ),
    step("the process dies", Done::KilledAndStarted, "92", "92"),
    step(
        "everything comes back",
        Done::Ctl(&["corridors", "start", "*->*"]),
        "92",
        "00",
    ),
    step(
        "the corridor, too",
        Done::Ctl(&["corridors", "start", "MY->CN"]),
        "00",
        "00",
    ),
];

/// Payments of each wallet in a step.
const PAYMENTS: usize = 20;

pub(super) fn execute(arguments: &Drill) -> Result<Exit, Failure> {
    let scratch = Scratch::new("drill")?;
    let (launch, _) = demo::launch(&scratch, Commit::Disk, arguments.shards)?;
    let mut target = launch.start()?;
    let mut payers = Payers::at(address(&target)?)?;
    let mut good = true;
    println!(
        "{:24} {:44} {:>9} {:>9}",
        "step", "command", "MY pays", "CN pays"
    );
    for step in STEPS {
        match step.done {
            Done::Nothing => {}
            Done::Ctl(words) => ctl(&launch, &socket(&target)?, words)?,
            Done::KilledAndStarted => {
                target.kill()?;
                target = launch.start()?;
                payers = payers.moved_to(address(&target)?)?;
            }
        }
        let seen = payers.pay(PAYMENTS)?;
        let expected = (step.malaysian.to_owned(), step.chinese.to_owned());
        let holds = seen == expected;
        good &= holds;
        println!(
            "{:24} {:44} {:>9} {:>9}  {}",
            step.title,
            command(step.done),
            seen.0,
            seen.1,
            if holds {
                "as the page says".to_owned()
            } else {
                format!("NOT AS THE PAGE SAYS: {} and {}", expected.0, expected.1)
            }
        );
    }
    ctl(&launch, &socket(&target)?, &["drain"])?;
    let ended = target.ended_within(END_MS)?;
    let drained = ended.is_some_and(|ended| ended.status.success());
    let goodbyes = payers.goodbyes()?;
    good &= drained && goodbyes > 0;
    println!(
        "{:24} {:44} {goodbyes} goodbyes heard, {}",
        "the machine must go",
        command(Done::Ctl(&["drain"])),
        if drained {
            "exit 0"
        } else {
            "IT DID NOT END WELL"
        }
    );
    println!(
        "repeats of what was answered before got the same answers: {}",
        payers.repeated()
    );
    Ok(if good { Exit::Good } else { Exit::Broken })
}

/// It ends within this once it is drained.
const END_MS: u64 = 20_000;

fn command(done: Done) -> String {
    match done {
        Done::Ctl(words) => {
            let quoted = |word: &&str| {
                if word.contains('>') {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            };
            let words: Vec<_> = words.iter().map(quoted).collect();
            format!("ctl {}", words.join(" "))
        }
        Done::KilledAndStarted => "kill -9, and a start".to_owned(),
        Done::Nothing => String::new(),
    }
}

/// As an operator would type it.
fn ctl(launch: &Launch, socket: &Path, words: &[&str]) -> Result<(), Failure> {
    let done = Command::new(&launch.program)
        .arg("ctl")
        .arg("--socket")
        .arg(socket)
        .args(words)
        .args(["--reason", "a drill"])
        .output()
        .map_err(Failure::file("run `cpg-switch ctl`"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Failure::Missing(format!(
        "`ctl {}`: {said}",
        words.join(" ")
    )))
}

fn socket(target: &Target) -> Result<PathBuf, Failure> {
    let socket = target.ready.socket.clone();
    socket.ok_or_else(|| Failure::Missing("the switch names no admin socket".to_owned()))
}

fn address(target: &Target) -> Result<std::net::SocketAddr, Failure> {
    let listeners = &target.ready.listeners;
    let sbe = listeners
        .iter()
        .find(|listener| listener.protocol == Protocol::Sbe.name());
    sbe.map(|listener| listener.address)
        .ok_or_else(|| Failure::Missing("the switch speaks no SBE".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not on the page is not drilled, and what can be drilled of the page is.
    #[test]
    fn every_step_is_a_command_of_the_emergency_page() {
        let page = include_str!("../../../../tuning/EMERGENCY.md").replace("NAME", NAME);
        let mut drilled = vec![Done::Ctl(&["drain"])];
        drilled.extend(STEPS.iter().map(|step| step.done));
        for done in &drilled {
            if let Done::Ctl(_) = done {
                let command = format!("cpg-switch {} --reason", command(*done));
                assert!(page.contains(&command), "{command}");
            }
        }
        assert!(page.contains("kill -9"));
        for verb in ["suspend", "resume", "stop", "start", "drain"] {
            let is_drilled =
                |done: &Done| matches!(done, Done::Ctl(words) if words.contains(&verb));
            assert!(drilled.iter().any(is_drilled), "{verb}");
        }
    }
}

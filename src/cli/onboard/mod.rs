//! `onboard`: a participant and a switch from the same configuration, on trial.
//!
//! It starts a switch of its own in a temporary directory, waits for the participant to sign on,
//! plays the other side of its payments and says what passed. It never opens the journal that the
//! configuration names, and never shows a payment code or token.

mod link;
mod originator;
mod report;
mod script;
mod stage;
mod trial;
mod words;

use core::time::Duration;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;

use link::Link;
use report::{Step, Verdict};
use stage::{Speaker, Stage, Waited};
use trial::Trial;
use words::{CODE_DIGITS, Roles};

use super::arguments::Onboard;
use super::check::load_failure;
use super::console::Console;
use super::exit::{Ended, Exit, Failure};
use crate::control::configuration::{Configuration, Listener, ParticipantEntry};
use crate::model::ids::Institution;
use crate::model::message::{Header, Message, SignOn};
use crate::model::outcome::{Presentation, ResponseCode};
use crate::model::participant::Role;
use crate::sys::clock::Clock;

/// How often the door is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long one link may take from its connection to its sign-on.
const SIGN_ON_MS: u64 = 10_000;

pub(super) fn execute(arguments: &Onboard, console: &mut Console<'_>) -> Ended {
    let configuration = Configuration::load(&arguments.config).map_err(load_failure)?;
    let entry = participant(&configuration, &arguments.participant)?;
    let other = counterparty(&configuration, entry)?;
    let listener = listener(&configuration, entry, arguments.listener.as_deref())?;
    let trial = Trial::start(&configuration)?;
    let ended = converse(
        arguments,
        &Sides {
            entry,
            other,
            listener,
            trial: &trial,
            configuration: &configuration,
        },
        console,
    );
    trial.end();
    ended
}

/// Who takes part, and where.
struct Sides<'a> {
    entry: &'a ParticipantEntry,
    other: &'a ParticipantEntry,
    listener: &'a Listener,
    trial: &'a Trial,
    configuration: &'a Configuration,
}

fn converse(arguments: &Onboard, sides: &Sides<'_>, console: &mut Console<'_>) -> Ended {
    let address = arguments.listen.unwrap_or(sides.listener.address);
    let door = open(address)?;
    let name = &sides.entry.participant.name;
    let dialect = report::dialect_words(sides.listener, sides.entry);
    let dialled = door.local_addr().unwrap_or(address);
    console.complain(&format!(
        "{name}: dial {dialled} ({dialect}) and sign on as {}, within {} s\n\
         this is a trial: nothing of it is in the journal of a switch\n",
        sides.entry.participant.institution, arguments.wait,
    ));
    let counterparty = sign_on_counterparty(sides)?;
    let (participant, switch) = welcome(arguments.wait, sides, &door, console)?;
    let mut stage = Stage::new(participant, switch, counterparty);
    let mut steps = vec![Step {
        name: "signs on",
        verdict: Verdict::Passed(format!(
            "as {}: {dialect}",
            sides.entry.participant.institution
        )),
    }];
    console.complain(&format!("{name} has signed on; now it is asked\n"));
    let roles = Roles::new(sides.other, sides.entry);
    steps.extend(script::as_destination(&mut stage, &roles));
    console.complain(&asked_to_send(sides, arguments.originate));
    steps.extend(originator::as_originator(&mut stage, arguments.originate));
    report::print(sides.entry, sides.listener, &steps, arguments.json, console)?;
    Ok(if report::is_good(&steps) {
        Exit::Good
    } else {
        Exit::Failed
    })
}

/// What a participant may do of its own accord. Of a code only its beginning is said.
fn asked_to_send(sides: &Sides<'_>, seconds: u64) -> String {
    let (entry, other) = (sides.entry, sides.other);
    let pays = match words::presentation(entry, other) {
        Presentation::Cpm => match other.code_prefixes.first() {
            Some(prefix) => format!("for a code of {CODE_DIGITS} digits that begins with {prefix}"),
            None => format!("to institution {}", other.participant.institution),
        },
        Presentation::Mpm => format!("to institution {}", other.participant.institution),
    };
    format!(
        "now send, within {seconds} s: an echo, a payment {pays}, the same payment again under \
         another match key, and a message with a bad field\n"
    )
}

fn participant<'c>(
    configuration: &'c Configuration,
    name: &str,
) -> Result<&'c ParticipantEntry, Failure> {
    let institution = name.parse().ok().and_then(Institution::new);
    let of_name = |entry: &&ParticipantEntry| {
        entry.participant.name == name || Some(entry.participant.institution) == institution
    };
    configuration
        .participants
        .iter()
        .find(of_name)
        .ok_or_else(|| {
            let names: Vec<_> = configuration
                .participants
                .iter()
                .map(|entry| entry.participant.name.as_str())
                .collect();
            let problem = format!("the configuration has no participant `{name}`");
            Failure::new(Exit::Usage, problem).hint(format!("it has {}", names.join(", ")))
        })
}

/// The first participant that holds what this one does not.
fn counterparty<'c>(
    configuration: &'c Configuration,
    entry: &ParticipantEntry,
) -> Result<&'c ParticipantEntry, Failure> {
    let suits = |other: &&ParticipantEntry| {
        let roles = (entry.participant.role, other.participant.role);
        let same = other.participant.institution == entry.participant.institution;
        !same
            && !matches!(
                roles,
                (Role::Wallet, Role::Wallet) | (Role::Acquirer, Role::Acquirer)
            )
    };
    configuration
        .participants
        .iter()
        .find(suits)
        .ok_or_else(|| {
            let name = &entry.participant.name;
            let problem = format!("nobody in the configuration pays through `{name}`, or is paid");
            Failure::new(Exit::Usage, problem)
                .hint("add a participant of the other role for the trial")
        })
}

fn listener<'c>(
    configuration: &'c Configuration,
    entry: &ParticipantEntry,
    name: Option<&str>,
) -> Result<&'c Listener, Failure> {
    let protocol = entry.participant.protocol;
    let suits = |listener: &&Listener| {
        listener.protocol == protocol && name.is_none_or(|name| listener.name == name)
    };
    configuration.listeners.iter().find(suits).ok_or_else(|| {
        let problem = format!(
            "no listener `{}` speaks {}",
            name.unwrap_or_default(),
            protocol.name()
        );
        Failure::new(Exit::Usage, problem).hint("name one of the configuration's, or none")
    })
}

fn open(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .and_then(|door| door.set_nonblocking(true).map(|()| door))
        .map_err(|error| {
            Failure::new(
                Exit::Environment,
                format!("cannot listen on {address}: {error}"),
            )
            .hint("name another address, such as --listen 0.0.0.0:0")
        })
}

fn sign_on_counterparty(sides: &Sides<'_>) -> Result<Link, Failure> {
    let refused = |problem: String| {
        let name = &sides.other.participant.name;
        Failure::new(Exit::Failed, format!("cannot play `{name}`: {problem}"))
            .hint("`cpg-switch check` looks at the configuration alone; see its limits")
    };
    let listener = listener(sides.configuration, sides.other, None)?;
    let address = sides.trial.address(&listener.name);
    let mut link = Link::dial(address, listener, sides.other.dialect.clone())
        .map_err(|error| refused(error.to_string()))?;
    let now = Clock.now().wall;
    link.say(&Message::SignOn(SignOn {
        header: Header {
            match_key: crate::model::ids::MatchKey::from_iso(1, now.transmission()),
            transmit_time: now,
        },
        institution: sides.other.participant.institution,
        protocol_version: None,
        business_date: None,
        nonce: None,
        mac: b"",
    }));
    let end = Clock.monotonic().0 + SIGN_ON_MS * 1_000_000;
    while link.is_open() && Clock.monotonic().0 < end {
        link.look();
        let Some(frame) = link.next_frame() else {
            continue;
        };
        return match link.dialect.decode(frame.body(), now.date()) {
            Ok(Message::SignOnAck(ack)) if ack.response_code == ResponseCode::APPROVED => Ok(link),
            Ok(Message::SignOnAck(ack)) => Err(refused(ack.response_code.to_string())),
            Ok(_) | Err(_) => Err(refused("its sign-on was not understood".to_owned())),
        };
    }
    Err(refused("no answer to its sign-on".to_owned()))
}

/// Waits until the participant has signed on: its link, and the one to the switch for it.
fn welcome(
    seconds: u64,
    sides: &Sides<'_>,
    door: &TcpListener,
    console: &mut Console<'_>,
) -> Result<(Link, Link), Failure> {
    // Nobody ever says anything in it: it is a way to wait.
    let (_alive, pause) = channel::<()>();
    let end = Clock.monotonic().0 + seconds * 1_000_000_000;
    let name = &sides.entry.participant.name;
    while Clock.monotonic().0 < end {
        let (stream, peer) = match door.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let spoken = pause.recv_timeout(LOOK);
                debug_assert!(spoken.is_err(), "nobody speaks in it");
                continue;
            }
            Err(error) => {
                return Err(Failure::new(
                    Exit::Environment,
                    format!("cannot take a connection: {error}"),
                )
                .hint("see the limits of this process"));
            }
        };
        if !sides.entry.admits(peer.ip()) {
            console.complain(&format!(
                "{peer} dialled, which is in no network of `credentials.addresses` of {name}\n"
            ));
            continue;
        }
        console.complain(&format!("{peer} dialled\n"));
        match sign_on(sides, stream) {
            Ok(links) => return Ok(links),
            Err(problem) => console.complain(&format!("{peer}: {problem}\n")),
        }
    }
    let problem = format!("nobody has signed on as {name} within {seconds} s");
    Err(Failure::new(Exit::Failed, problem).hint("wait longer with --wait SECONDS"))
}

/// Lets one link sign on through the switch; why it did not.
fn sign_on(sides: &Sides<'_>, stream: TcpStream) -> Result<(Link, Link), String> {
    let dialect = &sides.entry.dialect;
    let links = || {
        let participant = Link::new(stream, sides.listener, dialect.clone())?;
        let address = sides.trial.address(&sides.listener.name);
        let switch = Link::dial(address, sides.listener, dialect.clone())?;
        Ok((participant, switch))
    };
    let (participant, switch) = links().map_err(|error: std::io::Error| error.to_string())?;
    let mut asked = None;
    let mut lobby = stage::Lobby::new(participant, switch);
    let waited = lobby.wait(SIGN_ON_MS, |speaker, message| match (speaker, message) {
        (Speaker::Participant, Message::SignOn(sign_on)) => {
            asked = Some(sign_on.institution);
            None
        }
        (Speaker::Switch, Message::SignOnAck(ack)) => Some(ack.response_code),
        (Speaker::Switch, Message::Reject(reject)) => Some(reject.response_code),
        _ => None,
    });
    let expected = sides.entry.participant.institution;
    match waited {
        Waited::Came(ResponseCode::APPROVED) if asked == Some(expected) => Ok(lobby.into_links()),
        Waited::Came(code) => {
            let asked = asked.map_or_else(|| "nobody".to_owned(), |asked| asked.to_string());
            Err(format!(
                "its sign-on as {asked} was answered {code}; it is {expected}"
            ))
        }
        Waited::Nothing => Err("it has not signed on in time".to_owned()),
        Waited::Lost => Err(match lobby.looks_like() {
            Some(looks) => format!(
                "it speaks {looks}, and must speak {}",
                report::dialect_words(sides.listener, sides.entry)
            ),
            None => "it hung up before it had signed on".to_owned(),
        }),
    }
}

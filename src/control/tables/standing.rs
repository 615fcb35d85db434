//! The standing: which participants are suspended and which corridors are stopped, for now. It
//! exists, empty, without a file, so that there is always something to change while the switch
//! works.
//!
//! What is said of a participant goes before its own `status`. Knows no participant that the
//! configuration does not have.

use core::fmt;

use super::Taken;
use super::sheet::{Column, Form, Needed, Row, Sheet, Wrong};
use crate::control::configuration::{
    ParticipantEntry, country_letters, country_of, did_you_mean, known_countries,
};
use crate::model::limits::STANDING_ROWS_MAX;

/// The columns of a standing file.
pub const FORM: Form = Form {
    key: "standing",
    columns: &[
        Column {
            name: "state",
            takes: "`suspended` or `open` for a participant, `stopped` for a corridor",
            needed: Needed::Always,
            meaning: "`suspended`: its new payments are refused with 58, and those to it with 91. \
                `open`: they are not, whatever its `status` says. `stopped`: new payments of the \
                corridor are refused with 92.",
        },
        Column {
            name: "participant",
            takes: "the name of a participant",
            needed: Needed::Else("a corridor"),
            meaning: "Whose line it is; once at most.",
        },
        Column {
            name: "payer_country",
            takes: "two letters or three digits of ISO 3166-1",
            needed: Needed::Else("any country"),
            meaning: "Where the corridor begins: the country of the payer's wallet.",
        },
        Column {
            name: "merchant_country",
            takes: "two letters or three digits of ISO 3166-1",
            needed: Needed::Else("any country"),
            meaning: "Where the corridor ends: the merchant's country. With neither country, all \
                corridors are stopped.",
        },
    ],
    rows_max: STANDING_ROWS_MAX,
};

/// The name of the standing where the configuration names no file.
pub const WITHOUT_FILE: &str = "switch:standing";

/// What it holds there.
pub(super) const EMPTY: &str = "state\tparticipant\tpayer_country\tmerchant_country\n";

/// From where to where; zero: any country.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Stopped {
    /// The payer's.
    pub payer: u16,
    /// The merchant's.
    pub merchant: u16,
}

impl fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}->{}",
            Country(self.payer),
            Country(self.merchant)
        )
    }
}

struct Country(u16);

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, country_letters(self.0)) {
            (0, _) => formatter.write_str("*"),
            (_, Some(letters)) => formatter.write_str(letters),
            (number, None) => write!(formatter, "{number:03}"),
        }
    }
}

impl core::str::FromStr for Stopped {
    type Err = String;

    /// `MY->CN`, with `*` for any country.
    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text.split_once("->");
        let (payer, merchant) =
            ends.ok_or("it is not COUNTRY->COUNTRY, such as MY->CN or *->CN")?;
        let end = |text: &str| match text {
            "*" => Ok(0),
            code => country_of(code).ok_or_else(|| format!("\"{code}\" is no country known here")),
        };
        Ok(Self {
            payer: end(payer)?,
            merchant: end(merchant)?,
        })
    }
}

/// What a standing file amounts to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// Of whom something is said, by name: whether it is suspended.
    pub participants: Vec<(String, bool)>,
    /// What is stopped, and in which line.
    pub stopped: Vec<(Stopped, u32)>,
}

impl Standing {
    /// Whether a participant is suspended, if that is said.
    pub fn of(&self, participant: &str) -> Option<bool> {
        let mut said = self.participants.iter();
        said.find(|(name, _)| name == participant)
            .map(|(_, suspended)| *suspended)
    }

    /// The same with something else said of a participant.
    #[must_use]
    pub fn with(mut self, participant: &str, suspended: bool) -> Self {
        self.participants.retain(|(name, _)| name != participant);
        self.participants.push((participant.to_owned(), suspended));
        self
    }

    /// The same with a corridor stopped, or not. What is stopped by a wider line stays so.
    #[must_use]
    pub fn with_corridor(mut self, corridor: Stopped, stopped: bool) -> Self {
        self.stopped.retain(|(known, _)| *known != corridor);
        if stopped {
            self.stopped.push((corridor, 0));
        }
        self
    }

    /// A file that says so. Comments of the one that it came from are gone.
    pub fn text(&self) -> String {
        let mut text = EMPTY.to_owned();
        for (name, suspended) in &self.participants {
            let state = if *suspended { "suspended" } else { "open" };
            text.push_str(&format!("{state}\t{name}\t-\t-\n"));
        }
        for (Stopped { payer, merchant }, _) in &self.stopped {
            let cell = |country: u16| match country {
                0 => "-".to_owned(),
                country => Country(country).to_string(),
            };
            text.push_str(&format!(
                "stopped\t-\t{}\t{}\n",
                cell(*payer),
                cell(*merchant)
            ));
        }
        text
    }
}

/// The lines of a standing file about `participants`; `name` is what diagnostics call it.
pub(in crate::control) fn read(
    name: &str,
    text: &str,
    participants: &[ParticipantEntry],
) -> Taken<Standing> {
    let mut sheet = Sheet::open(&FORM, name, text);
    let mut standing = Standing::default();
    while let Some(row) = sheet.next_row() {
        take(&mut sheet, &row, participants, &mut standing);
    }
    let tally = sheet.finish()?;
    Ok((standing, tally))
}

/// Takes one row in; `None` where something was noted.
fn take(
    sheet: &mut Sheet<'_>,
    row: &Row,
    participants: &[ParticipantEntry],
    standing: &mut Standing,
) -> Option<()> {
    let state = sheet.read(row, "state", state);
    let names = || {
        participants
            .iter()
            .map(|entry| entry.participant.name.as_str())
    };
    let participant = sheet.read_or(row, "participant", None, |name| {
        let known = names().find(|known| *known == name);
        known.map(|name| Some(name.to_owned())).ok_or_else(|| {
            let remedy = did_you_mean(name, names());
            let remedy = remedy.unwrap_or_else(|| "name one of the configuration".to_owned());
            Wrong::new(format!("there is no participant \"{name}\""), remedy)
        })
    });
    let payer = sheet.read_or(row, "payer_country", 0, country);
    let merchant = sheet.read_or(row, "merchant_country", 0, country);
    let (state, participant) = (state?, participant?);
    let corridor = Stopped {
        payer: payer?,
        merchant: merchant?,
    };
    let problem = match (state, participant) {
        (State::Stopped, None) if !standing.stopped.iter().any(|(it, _)| *it == corridor) => {
            let line = u32::try_from(row.line).expect("a table file is not that long");
            standing.stopped.push((corridor, line));
            return Some(());
        }
        (State::Stopped, None) => "the corridor is there twice",
        (State::Stopped, Some(_)) => "a participant is `suspended` or `open`",
        (State::Suspended | State::Open, None) => "it names no participant",
        (State::Suspended | State::Open, Some(_)) if corridor != Stopped::default() => {
            "a participant's line names no country"
        }
        (_, Some(name)) if standing.of(&name).is_some() => "the participant is there twice",
        (state, Some(name)) => {
            let suspended = state == State::Suspended;
            standing.participants.push((name, suspended));
            return Some(());
        }
    };
    sheet.note_row(row, problem.to_owned(), "correct the line, or remove it");
    None
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Suspended,
    Open,
    Stopped,
}

fn state(text: &str) -> Result<State, Wrong> {
    match text {
        "suspended" => Ok(State::Suspended),
        "open" => Ok(State::Open),
        "stopped" => Ok(State::Stopped),
        other => Err(Wrong::new(
            format!("\"{other}\" is none"),
            "use `suspended`, `open` or `stopped`",
        )),
    }
}

fn country(text: &str) -> Result<u16, Wrong> {
    country_of(text).ok_or_else(|| {
        let remedy = did_you_mean(text, known_countries());
        let remedy = remedy.unwrap_or_else(|| "use its three digits of ISO 3166-1".to_owned());
        Wrong::new(
            format!("\"{text}\" is not a country that is known here"),
            remedy,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::configuration::Configuration;

    fn taken(text: &str) -> Result<Standing, String> {
        let participants = Configuration::sandbox().participants;
        let taken = read("standing.tsv", text, &participants);
        taken
            .map(|(standing, _)| standing)
            .map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn what_is_said_is_read_and_written_alike() {
        assert_eq!(taken(EMPTY).unwrap(), Standing::default());
        let standing = Standing::default()
            .with("kakao-pay", true)
            .with("touch-n-go", true)
            .with("touch-n-go", false)
            .with_corridor("MY->CN".parse().unwrap(), true)
            .with_corridor("*->CN".parse().unwrap(), true)
            .with_corridor("*->*".parse().unwrap(), true)
            .with_corridor("MY->CN".parse().unwrap(), false);
        let text = standing.text();
        let read = taken(&text).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!(read.of("kakao-pay"), Some(true));
        assert_eq!(read.of("touch-n-go"), Some(false));
        assert_eq!(read.of("gcash"), None);
        let stopped: Vec<_> = read.stopped.iter().map(|(it, _)| it.to_string()).collect();
        assert_eq!(stopped, ["*->CN", "*->*"]);
        assert_eq!(read.stopped[0].1, 4);
        for bad in ["MY", "MY-CN", "XX->CN", "->", "MY->"] {
            assert!(bad.parse::<Stopped>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_bad_line_is_named() {
        let lines = "\
suspended\tkakao-pai\t-\t-
suspended\t-\t-\t-
stopped\tkakao-pay\t-\t-
closed\tkakao-pay\t-\t-
open\tkakao-pay\tMY\t-
stopped\t-\tMY\tQQ
open\tkakao-pay\t-\t-
suspended\tkakao-pay\t-\t-
stopped\t-\tMY\tCN
stopped\t-\t458\t156
";
        let wrong = taken(&format!("{EMPTY}{lines}")).unwrap_err();
        for (line, words) in [
            (2, "there is no participant \"kakao-pai\""),
            (3, "names no participant"),
            (4, "`suspended` or `open`"),
            (5, "\"closed\" is none"),
            (6, "names no country"),
            (7, "\"QQ\" is not a country"),
            (9, "participant is there twice"),
            (11, "corridor is there twice"),
        ] {
            assert!(
                wrong.contains(&format!("standing.tsv:{line}:")),
                "{line}: {wrong}"
            );
            assert!(wrong.contains(words), "{words}: {wrong}");
        }
        assert!(!wrong.contains("standing.tsv:8:") && !wrong.contains("standing.tsv:10:"));
    }
}

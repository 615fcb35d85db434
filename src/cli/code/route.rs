//! Which participants of a configuration a code leads to, by what the tables of routes have today:
//! the first digits of payment codes.

use std::path::Path;

use serde::Serialize;

use crate::cli::check::load_failure;
use crate::cli::exit::Failure;
use crate::control::configuration::Configuration;
use crate::qr::{Code, Kind};

/// Where a payment with the code would go.
#[derive(Serialize)]
pub(super) struct Route {
    /// The file, or the sandbox.
    pub(super) configuration: String,
    pub(super) table_version: u32,
    /// Participants whose prefixes fit, the longest first: that one takes it.
    pub(super) participants: Vec<Destination>,
    pub(super) note: &'static str,
}

/// One of them.
#[derive(Serialize)]
pub(super) struct Destination {
    pub(super) name: String,
    pub(super) institution: String,
    pub(super) prefix: String,
    /// Whether the tables of routes choose it.
    pub(super) chosen: bool,
}

/// The configuration of `file`, or the sandbox.
pub(super) fn configuration(file: Option<&Path>) -> Result<(String, Configuration), Failure> {
    match file {
        Some(path) => {
            let loaded = Configuration::load(path).map_err(load_failure)?;
            Ok((path.display().to_string(), loaded))
        }
        None => Ok(("the embedded sandbox".to_owned(), Configuration::sandbox())),
    }
}

impl Route {
    pub(super) fn of(code: &Code<'_>, name: String, configuration: &Configuration) -> Self {
        let mut participants = Vec::new();
        for entry in &configuration.participants {
            let fitting = |prefix: &&String| code.payload().starts_with(prefix.as_bytes());
            for prefix in entry.code_prefixes.iter().filter(fitting) {
                participants.push(Destination {
                    name: entry.participant.name.clone(),
                    institution: entry.participant.institution.to_string(),
                    prefix: prefix.clone(),
                    chosen: false,
                });
            }
        }
        participants.sort_by_key(|destination| std::cmp::Reverse(destination.prefix.len()));
        if let Some(longest) = participants.first_mut() {
            longest.chosen = true;
        }
        let note = note(code.kind(), participants.is_empty());
        Self {
            configuration: name,
            table_version: configuration.table_version,
            participants,
            note,
        }
    }
}

const fn note(kind: Kind, is_nobodys: bool) -> &'static str {
    match (kind, is_nobodys) {
        (_, false) => "the longest prefix takes it, in payments where the merchant scans",
        (Kind::Number, true) => {
            "no participant has a prefix that it begins with: a payment with it is refused with 92"
        }
        (Kind::Merchant(_) | Kind::Url, true) => {
            "no participant has a prefix that it begins with; where the payer scans, the payment \
             itself names the institution that it goes to"
        }
        (Kind::Consumer, true) => {
            "no participant has a prefix that it begins with, and routes know no application \
             identifiers yet: a payment with it is refused with 92"
        }
        (Kind::Unknown, true) => "no participant has a prefix that it begins with",
    }
}

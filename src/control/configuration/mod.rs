//! What an operator decides: listeners, participants, shards, journal, limits. Plain data, valid by
//! construction: whoever holds a [`Configuration`] need not check it again.
//!
//! Text becomes a configuration in three passes, and each reports all it finds: the TOML grammar,
//! the shape ([`keys`] is the table of all keys; `CONFIGURATION.md` documents the same), and what
//! the values mean, alone and together. Never reads a clock, opens a socket or changes a file.

mod admin;
mod allowed;
mod build;
mod codes;
mod cross;
mod diagnostic;
mod dialect;
mod fx;
pub mod keys;
pub mod network;
mod participants;
mod section;
mod shape;
mod source;
mod table_files;

#[cfg(test)]
mod dialect_tests;
#[cfg(test)]
mod tests;

use core::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::control::api::authority::{Role, TokenLine};
use crate::control::tables::standing::Standing;
use crate::control::tables::{self, Reader, TableFile};
use crate::guard::Guard;
use crate::model::ids::{Institution, ParticipantIndex};
use crate::model::participant::{Participant, Protocol};
use crate::route::{CodePrefixes, Rule};
use crate::wire::Dialect;
use crate::wire::frame::Framing;

pub use codes::country_letters;
pub(in crate::control) use codes::{country as country_of, known_countries};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use fx::{FxConfiguration, QuotesConfiguration};
pub use network::Network;
pub use shape::did_you_mean;
pub use source::{Source, Texts};

pub use crate::journal::CommitMode;
pub use crate::sys::machine::Idle;

/// The sandbox: what `run` uses where it is given no file.
pub const SANDBOX: &str = include_str!("../sandbox.toml");

/// All of it.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Where participants dial, in the order of the file: [`crate::model::ids::ListenerIndex`].
    pub listeners: Vec<Listener>,
    /// Who may sign on, in the order of the file: [`crate::model::ids::ParticipantIndex`].
    pub participants: Vec<ParticipantEntry>,
    /// What is allowed: limits, lists, and who is suspended.
    pub guard: Arc<Guard>,
    /// How many shards.
    pub shards: u16,
    /// The core of each shard; empty: not pinned.
    pub cores: Vec<usize>,
    /// What a shard does while it has nothing to do.
    pub idle: Idle,
    /// The shards' journals.
    pub journal: JournalConfiguration,
    /// What each shard reserves memory for.
    pub limits: Limits,
    /// Where the office is, and who may do what there.
    pub admin: AdminConfiguration,
    /// Names this generation of the tables.
    pub table_version: u32,
    /// xxh64 of the tables' canonical text: equal tables have equal hashes, whatever the file's
    /// order of keys, spaces and comments. What table files hold is part of it.
    pub table_hash: u64,
    /// The rules of the routes file.
    pub routes: Vec<Rule>,
    /// Who is suspended and what is stopped for now.
    pub standing: Standing,
    /// The table files that were read, in the order of [`tables::FORMS`].
    pub table_files: Vec<TableFile>,
    /// At what rate.
    pub fx: FxConfiguration,
    /// What a quote promises for how long.
    pub quotes: QuotesConfiguration,
    /// What it was read from.
    pub source: Source,
}

/// One place where participants dial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// In the ready file, metrics and logs.
    pub name: String,
    /// What its links speak.
    pub protocol: Protocol,
    /// How frames are delimited.
    pub framing: Framing,
    /// Where it listens; port 0 takes any free one.
    pub address: SocketAddr,
    /// Largest frame, header included.
    pub frame_bytes_max: usize,
}

/// One participant, with what only its links and routes need.
#[derive(Clone, Debug)]
pub struct ParticipantEntry {
    /// What the shard's rooms see.
    pub participant: Participant,
    /// What its links speak, in detail.
    pub dialect: Dialect,
    /// Credential: its links come from one of these.
    pub addresses: Vec<Network>,
    /// Payment codes that begin so are its payers' (longest prefix wins); digits.
    pub code_prefixes: Vec<String>,
    /// Whether new payments from it and to it are refused, as far as the standing says nothing.
    pub suspended: bool,
    /// Whether it keeps limits over time for its payers itself.
    pub self_counting: bool,
}

impl ParticipantEntry {
    /// Whether a link from `address` may sign on as this participant.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|network| network.contains(address))
    }

    /// Whether new payments from it and to it are refused.
    pub fn is_suspended(&self, standing: &Standing) -> bool {
        standing
            .of(&self.participant.name)
            .unwrap_or(self.suspended)
    }
}

/// The word for a commit mode in configuration and in the ready file.
pub const fn commit_name(commit: CommitMode) -> &'static str {
    match commit {
        CommitMode::Disk => "disk",
        CommitMode::Memory => "memory",
    }
}

/// Where and how the journals are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalConfiguration {
    /// The directory; a relative one starts at the working directory.
    pub data: PathBuf,
    /// When a record counts as committed.
    pub commit: CommitMode,
    /// Size of the mapped tail.
    pub tail_bytes: u64,
    /// Size of one preallocated segment file.
    pub segment_bytes: u64,
    /// Space that all segments of a shard may take.
    pub bytes_max: u64,
    /// Where the mapped tail is, if not where the journal chooses: memory, such as `/dev/shm`.
    pub tail_dir: Option<PathBuf>,
    /// Where the archive is, if not in `data`.
    pub archive: Option<PathBuf>,
}

/// What each shard reserves memory for at start. All are bounds; nothing grows past them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Links at once.
    pub links_max: u32,
    /// Links at once that have not signed on yet.
    pub unsigned_links_max: u32,
    /// Transactions at once that wait for something; more are shed.
    pub in_flight_max: u32,
    /// Business keys that are remembered.
    pub remembered_keys_max: u32,
}

/// Where the office is, and who may do what there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminConfiguration {
    /// Where `/healthz`, `/readyz`, `/metrics` and, for those with a token, the API are served.
    pub address: SocketAddr,
    /// The Unix socket of the API, if not in the data directory.
    pub socket: Option<PathBuf>,
    /// Who comes with which token; none: a token is drawn at the start.
    pub tokens: Option<Vec<TokenLine>>,
    /// Users of this machine who have roles over the socket.
    pub users: Vec<(Role, u32)>,
    /// Whether what moves money takes two people.
    pub two_people: bool,
}

/// Why there is no configuration.
#[derive(thiserror::Error, Debug)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It can be read, and is wrong.
    #[error("{0}")]
    Invalid(Diagnostics),
}

impl Configuration {
    /// The embedded sandbox.
    pub fn sandbox() -> Self {
        Self::from_text("sandbox.toml", SANDBOX).expect("a test checks the embedded sandbox")
    }

    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let name = path.display().to_string();
        Self::from_text_and_tables(&name, &text, &tables::beside(path)).map_err(LoadError::Invalid)
    }

    /// Reads `text`, which names no table files but those that come with the switch; `name` is what
    /// diagnostics call the file.
    pub fn from_text(name: &str, text: &str) -> Result<Self, Diagnostics> {
        Self::from_text_and_tables(name, text, &tables::only_embedded)
    }

    /// The same with table files, of which `reader` finds the text by the names that `text` gives
    /// them.
    pub fn from_text_and_tables(
        name: &str,
        text: &str,
        reader: Reader<'_>,
    ) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new(name, text);
        let (document, errors) = toml::de::DeTable::parse_recoverable(text);
        for error in &errors {
            diagnostics.grammar(error);
        }
        if diagnostics.is_empty() {
            shape::check(&document, &mut diagnostics);
            let source = RefCell::new(Source::new(name, text));
            let kept = |file: &str| Source::read(&source, reader, file);
            let built = build::configuration(name, &document, &kept, &mut diagnostics);
            if let (true, Some(mut built)) = (diagnostics.is_empty(), built) {
                built.source = source.into_inner();
                return Ok(built);
            }
        }
        assert!(!diagnostics.is_empty(), "a refusal says why");
        Err(diagnostics.sorted())
    }

    /// The same with the tables of `other`, which has the same participants: routes, rates, limits
    /// and lists. Keys, versions and all else stay.
    #[must_use]
    pub fn with_tables_of(self, other: Self) -> Self {
        Self {
            table_hash: other.table_hash,
            routes: other.routes,
            table_files: other.table_files,
            guard: other.guard,
            standing: other.standing,
            fx: other.fx,
            ..self
        }
    }

    /// All rules of the tables of routes: participants' own prefixes, and the routes file.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = prefix_rules(&self.participants);
        rules.extend_from_slice(&self.routes);
        rules
    }

    /// The participant that signs on as `institution`.
    pub fn participant(&self, institution: Institution) -> Option<&ParticipantEntry> {
        self.participants
            .iter()
            .find(|entry| entry.participant.institution == institution)
    }
}

/// The rules that participants' own prefixes are.
pub(in crate::control) fn prefix_rules(participants: &[ParticipantEntry]) -> Vec<Rule> {
    let mut prefixes = CodePrefixes::default();
    for (index, entry) in (0_u16..).zip(participants) {
        for prefix in &entry.code_prefixes {
            // One that is malformed or there twice was noted where it was read.
            prefixes.insert(prefix, ParticipantIndex(index)).ok();
        }
    }
    prefixes.into_rules().collect()
}

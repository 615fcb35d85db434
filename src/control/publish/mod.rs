//! Live change of tables: what is tried, kept on the disk, handed to every shard, and held until
//! none has it any more.
//!
//! A candidate is the whole configuration with other texts in the place of some, read by what reads
//! it at the start: nothing is taken if one line is bad. A shard swaps a pointer between two turns;
//! the last hold on an old generation is let go here, never on a shard. Never changes participants,
//! keys, or what an engine has set up its memory for: that takes a start.

mod generations;

#[cfg(test)]
pub(in crate::control) mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::control::configuration::{Configuration, Diagnostics, Texts};
use xxhash_rust::xxh64::Xxh64;

use crate::control::tables::standing;
use crate::shard::stats::Counters;
use crate::shard::{Command, Handed, Mailbox};

pub use generations::{Generation, Generations};

/// What a start goes on with.
#[derive(Debug)]
pub struct Restored {
    /// With the published texts, if any, and the version of that generation.
    pub configuration: Configuration,
    /// What was published.
    pub generations: Generations,
    texts: Texts,
    base: u64,
}

/// Why nothing can be started or published.
#[derive(thiserror::Error, Debug)]
pub enum PublishError {
    /// The list of generations, or a text of one.
    #[error("the published tables cannot be read: {0}")]
    Unreadable(io::Error),
    /// The disk does not take it.
    #[error("the generation cannot be kept: {0}")]
    NotKept(io::Error),
    /// Two truths, and nobody has said which.
    #[error(
        "generation {published} was published over other files than the configuration names now"
    )]
    Diverged {
        /// The published version.
        published: u32,
    },
    /// A line is bad.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// It would change what only a start can.
    #[error("{0}")]
    NeedsStart(&'static str),
    /// There is no such file to stand in for.
    #[error("{0}")]
    Unknown(String),
}

impl PublishError {
    /// What the operator can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable(_) => "restore `tables` in the data directory from a copy".to_owned(),
            Self::NotKept(_) => {
                "nothing is changed now: free space in the data directory, and look whether the \
                 list of generations has it"
                    .to_owned()
            }
            Self::Diverged { published } => format!(
                "to take the files, set `table_version` above {published}; to take what was \
                 published, restore the files that it was published over"
            ),
            Self::Invalid(_) => "correct every line that is named, and publish again".to_owned(),
            Self::NeedsStart(_) => "change the file, and start again".to_owned(),
            Self::Unknown(_) => "`GET /v1/tables` names what can be published".to_owned(),
        }
    }
}

/// What a switch with this configuration and data directory starts with: the last published
/// generation as long as the files are as they were under it; the files once their `table_version`
/// is above it; otherwise nothing.
///
/// # Errors
/// The files have changed since, or what was published cannot be read.
pub fn restore(configuration: Configuration, data: &Path) -> Result<Restored, PublishError> {
    let generations = Generations::read(data).map_err(PublishError::Unreadable)?;
    let base = configuration.table_hash;
    let last = generations.known().last();
    let Some(last) = last.filter(|last| last.version >= configuration.table_version) else {
        return Ok(Restored {
            configuration,
            generations,
            texts: Texts::new(),
            base,
        });
    };
    if last.base != shown(base) {
        let published = last.version;
        return Err(PublishError::Diverged { published });
    }
    let texts = generations.texts(last).map_err(PublishError::Unreadable)?;
    let tables = configuration
        .source
        .with(&texts)
        .map_err(PublishError::Invalid)?;
    let configuration = Configuration {
        table_version: last.version,
        ..configuration.with_tables_of(tables)
    };
    Ok(Restored {
        configuration,
        generations,
        texts,
        base,
    })
}

/// A hash as people see it.
pub fn shown(hash: u64) -> String {
    format!("{hash:016x}")
}

/// Makes a snapshot of a configuration's tables, with the keys of this start.
pub type Build = Box<dyn Fn(&Configuration) -> Handed + Send + Sync>;

/// Publishes.
pub struct Publisher {
    current: Configuration,
    texts: Texts,
    base: u64,
    generations: Generations,
    build: Build,
    mailboxes: Vec<Mailbox>,
    counters: Vec<Arc<Counters>>,
    /// The version that each shard was last told.
    told: Vec<u32>,
    /// Every generation that a shard may still have; the last is in force.
    held: Vec<Handed>,
}

impl fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Publisher({})", self.current.table_version)
    }
}

/// A generation that could be published.
#[derive(Debug)]
pub struct Candidate {
    configuration: Configuration,
    texts: Texts,
}

impl Candidate {
    /// Its hash.
    pub fn hash(&self) -> u64 {
        self.configuration.table_hash
    }
}

/// What becomes of the lines of one table.
#[derive(Clone, PartialEq, Eq, serde::Serialize, Debug)]
pub struct Difference {
    /// The table's name.
    pub name: String,
    /// Lines that come.
    pub added: usize,
    /// Lines that go.
    pub removed: usize,
    /// The first of them, with `+` or `-` before each.
    pub lines: Vec<String>,
    /// Of all of them: two differences that begin alike are not the same.
    pub digest: String,
}

/// Stands for the configuration's own files among the versions to go back to: no table has it.
pub const FILES: u32 = 0;

/// Lines of a difference that are shown.
const SHOWN_MAX: usize = 200;

impl Publisher {
    /// Goes on from what a start has restored; shards hold `first`.
    pub fn new(
        restored: Restored,
        first: Handed,
        build: Build,
        mailboxes: Vec<Mailbox>,
        counters: Vec<Arc<Counters>>,
    ) -> Self {
        Self {
            told: vec![restored.configuration.table_version; mailboxes.len()],
            current: restored.configuration,
            texts: restored.texts,
            base: restored.base,
            generations: restored.generations,
            build,
            mailboxes,
            counters,
            held: vec![first],
        }
    }

    /// What is in force.
    pub fn current(&self) -> &Configuration {
        &self.current
    }

    /// What was published.
    pub fn generations(&self) -> &Generations {
        &self.generations
    }

    /// The name of the file under `key`; `name` says which where there are several.
    ///
    /// # Errors
    /// The configuration names none, or several and `name` is not one of them.
    pub fn name_of(&self, key: &str, name: Option<&str>) -> Result<String, PublishError> {
        let files = &self.current.table_files;
        let own: Vec<&str> = files
            .iter()
            .filter(|file| file.key == key && name.is_none_or(|name| file.name == name))
            .map(|file| file.name.as_str())
            .collect();
        match own.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => Err(PublishError::Unknown(format!(
                "the configuration names no such file under `tables.{key}`: only what stands in \
                 for a file can be published"
            ))),
            many => Err(PublishError::Unknown(format!(
                "`tables.{key}` names {} files: say which with `name`",
                many.len()
            ))),
        }
    }

    /// Whether a published text stands in the place of the file `name`.
    pub fn is_published(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }

    /// The text of a table that is in force.
    pub fn text(&self, name: &str) -> Option<String> {
        let published = self.texts.get(name).map(|text| text.as_ref().to_owned());
        published.or_else(|| self.current.source.text(name))
    }

    /// What is in force with `text` in the place of the table `name`.
    ///
    /// # Errors
    /// Every bad line; or a change that takes a start.
    pub fn candidate(&self, name: &str, text: &str) -> Result<Candidate, PublishError> {
        let mut texts = self.texts.clone();
        texts.insert(name.to_owned(), Arc::from(text));
        self.checked(texts)
    }

    /// What was published as `version`; [`FILES`]: the files as they were at the start.
    ///
    /// # Errors
    /// There is no such generation, it cannot be read, or it does not go with the files any more.
    pub fn candidate_of(&self, version: u32) -> Result<Candidate, PublishError> {
        if version == FILES {
            return self.checked(self.with_standing(Texts::new()));
        }
        let unknown = || PublishError::Unknown(format!("there is no generation {version}"));
        let generation = self.generations.of(version).ok_or_else(unknown)?;
        let texts = self.generations.texts(generation);
        self.checked(self.with_standing(texts.map_err(PublishError::Unreadable)?))
    }

    /// With the standing of now: who goes back to the rates of yesterday does not open what was
    /// stopped since.
    fn with_standing(&self, mut texts: Texts) -> Texts {
        for file in &self.current.table_files {
            if file.key == standing::FORM.key {
                texts.remove(&file.name);
                let now = self.texts.get(&file.name).cloned();
                texts.extend(now.map(|text| (file.name.clone(), text)));
            }
        }
        texts
    }

    fn checked(&self, texts: Texts) -> Result<Candidate, PublishError> {
        let tables = self
            .current
            .source
            .with(&texts)
            .map_err(PublishError::Invalid)?;
        let (old, new) = (&self.current.guard, &tables.guard);
        if old.currency() != new.currency() {
            return Err(PublishError::NeedsStart(
                "the currency of the limits would change, and payers are counted in it",
            ));
        }
        if old.counts() != new.counts() {
            return Err(PublishError::NeedsStart(
                "limits over time would come or go, and the memory for payers with them",
            ));
        }
        Ok(Candidate {
            configuration: self.current.clone().with_tables_of(tables),
            texts,
        })
    }

    /// What a candidate would change.
    pub fn difference(&self, candidate: &Candidate) -> Vec<Difference> {
        let names = self.texts.keys().chain(candidate.texts.keys());
        let mut names: Vec<&String> = names.collect();
        names.sort();
        names.dedup();
        let of = |texts: &Texts, name: &str| {
            let text = texts.get(name).map(|text| text.as_ref().to_owned());
            text.or_else(|| self.current.source.text(name))
                .unwrap_or_default()
        };
        let differences = names
            .into_iter()
            .map(|name| difference(name, &of(&self.texts, name), &of(&candidate.texts, name)));
        differences
            .filter(|difference| difference.added + difference.removed > 0)
            .collect()
    }

    /// The version that the next generation has.
    pub fn next_version(&self) -> Option<u32> {
        let known = self.generations.known().iter().map(|known| known.version);
        known
            .max()
            .unwrap_or(0)
            .max(self.current.table_version)
            .checked_add(1)
    }

    /// Keeps a candidate, and hands it to every shard. Returns its version.
    ///
    /// # Errors
    /// The disk does not take it; then nothing has changed.
    pub fn publish(
        &mut self,
        candidate: Candidate,
        who: &str,
        reason: &str,
    ) -> Result<u32, PublishError> {
        let none_left = || PublishError::NeedsStart("there is no version above this one");
        let version = self.next_version().ok_or_else(none_left)?;
        let configuration = Configuration {
            table_version: version,
            ..candidate.configuration
        };
        // Built before it is kept: what cannot be built is never found by a start.
        let handed = (self.build)(&configuration);
        let generation = Generation {
            version,
            hash: shown(configuration.table_hash),
            base: shown(self.base),
            texts: BTreeMap::new(),
            time: String::new(),
            who: who.to_owned(),
            reason: reason.to_owned(),
        };
        let kept = self.generations.keep(generation, &candidate.texts);
        kept.map_err(PublishError::NotKept)?;
        self.current = configuration;
        self.texts = candidate.texts;
        self.held.push(handed);
        Ok(version)
    }

    /// Hands what is in force to every shard that has not got it yet, and lets go what none has any
    /// more. A shard is told the next once it has taken the one before: a mailbox never holds two.
    /// Returns the shards that have not taken it yet.
    pub fn deliver(&mut self) -> Vec<usize> {
        let version = self.current.table_version;
        let newest = self.held.last().expect("one is always in force");
        let mut behind = Vec::new();
        let shards = self
            .counters
            .iter()
            .zip(&self.mailboxes)
            .zip(&mut self.told);
        for (shard, ((counters, mailbox), told)) in shards.enumerate() {
            let taken = counters.tables();
            if taken == version {
                continue;
            }
            behind.push(shard);
            if *told == taken && mailbox.send(Command::Tables(newest.clone())) {
                *told = version;
            }
        }
        self.let_go();
        behind
    }

    /// Whatever only we have is over; what is in force is never.
    fn let_go(&mut self) {
        let last = self.held.len() - 1;
        let mut place = 0;
        self.held.retain(|held| {
            place += 1;
            place > last || !held.is_sole()
        });
    }

    /// Where shards are told.
    pub fn mailboxes(&self) -> &[Mailbox] {
        &self.mailboxes
    }

    /// Generations that are held in memory.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

/// Lines as a bag: where a line stands has no meaning in a table.
fn difference(name: &str, old: &str, new: &str) -> Difference {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for line in old.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    for line in new.lines() {
        *counts.entry(line).or_default() += 1;
    }
    let mut found = Difference {
        name: name.to_owned(),
        added: 0,
        removed: 0,
        lines: Vec::new(),
        digest: String::new(),
    };
    let mut digest = Xxh64::new(0);
    for (line, count) in counts {
        let (sign, sum) = if count < 0 {
            ('-', &mut found.removed)
        } else {
            ('+', &mut found.added)
        };
        digest.update(format!("{count} {line}\n").as_bytes());
        for _ in 0..count.unsigned_abs() {
            *sum += 1;
            if found.lines.len() < SHOWN_MAX {
                found.lines.push(format!("{sign}{line}"));
            }
        }
    }
    found.digest = shown(digest.digest());
    found
}

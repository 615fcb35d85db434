//! `[tables]`: files with many rows, read through [`crate::control::tables`] and taken as a whole.

use std::fmt::Write;
use std::io;

use xxhash_rust::xxh64::xxh64;

use super::diagnostic::Diagnostics;
use super::fx::FxConfiguration;
use super::section::{Found, Section};
use crate::control::tables::{self, Reader, TableFile, Taken};

/// The table files of one configuration, as far as they were read.
pub(super) struct TableFiles<'a> {
    /// What diagnostics call the configuration.
    configuration: &'a str,
    section: Section<'a>,
    reader: Reader<'a>,
    taken: Vec<TableFile>,
}

impl<'a> TableFiles<'a> {
    pub(super) fn new(configuration: &'a str, section: Section<'a>, reader: Reader<'a>) -> Self {
        Self {
            configuration,
            section,
            reader,
            taken: Vec::new(),
        }
    }

    /// What `take` makes of the file under `key`, from what diagnostics call it and its text;
    /// `None` where no file is named, or something was noted.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
        take: impl FnOnce(&str, &str) -> Taken<T>,
    ) -> Option<T> {
        let found = self.section.text(key)?;
        self.take_file(key, found, diagnostics, take)
    }

    /// The same of the file under `key`, or of what comes with the switch as `otherwise`.
    pub(super) fn take_or<T>(
        &mut self,
        key: &'static str,
        otherwise: &str,
        diagnostics: &mut Diagnostics,
        take: impl FnOnce(&str, &str) -> Taken<T>,
    ) -> Option<T> {
        let found = self.section.text(key).unwrap_or_else(|| Found {
            value: otherwise.to_owned(),
            span: self.section.span.clone(),
        });
        self.take_file(key, found, diagnostics, take)
    }

    /// The same of each file that the list under `key` names.
    pub(super) fn take_each<T>(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
        take: impl Fn(&str, &str) -> Taken<T>,
    ) -> Vec<T> {
        let files = self.section.texts(key);
        let taken = files
            .into_iter()
            .filter_map(|found| self.take_file(key, found, diagnostics, &take));
        taken.collect()
    }

    fn take_file<T>(
        &mut self,
        key: &'static str,
        found: Found<String>,
        diagnostics: &mut Diagnostics,
        take: impl FnOnce(&str, &str) -> Taken<T>,
    ) -> Option<T> {
        let text = match tables::text(&found.value, self.reader) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("cannot read the table \"{}\": {error}", found.value);
                diagnostics.note(&found.span, problem, remedy(error.kind()));
                return None;
            }
        };
        match take(&tables::shown(self.configuration, &found.value), &text) {
            Ok((value, tally)) => {
                self.taken.push(TableFile {
                    key,
                    name: found.value,
                    tally,
                });
                Some(value)
            }
            Err(wrong) => {
                diagnostics.absorb(wrong);
                None
            }
        }
    }

    /// What was read, and the hash of all tables: the participants', and what is made of the files
    /// by `fx`.
    pub(super) fn finish(self, participants: u64, fx: &FxConfiguration) -> (Vec<TableFile>, u64) {
        // What exists without a file, and says nothing, is not there: hashes stay what they were.
        let told = || {
            let nothing = |file: &TableFile| file.key == "standing" && file.tally.rows == 0;
            self.taken.iter().filter(move |file| !nothing(file))
        };
        if told().next().is_none() && fx.settlement.is_none() {
            return (self.taken, participants);
        }
        let (settings, settlement) = (fx.settings, fx.settlement);
        let mut text = format!("{participants:016x} {settings:?} {settlement:?}");
        for file in told() {
            write!(text, " {} {:016x}", file.key, file.tally.hash)
                .expect("a string takes all that is written");
        }
        (self.taken, xxh64(text.as_bytes(), 0))
    }
}

/// What to do about a file that cannot be read.
pub(super) fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "the path starts at the configuration's own folder: correct it",
        io::ErrorKind::InvalidData => "the file must be UTF-8 text",
        io::ErrorKind::FileTooLarge => "name a smaller file",
        _ => "let this user read the file",
    }
}

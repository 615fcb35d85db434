//! The files in which operators write what is too long for a configuration: rates, limits,
//! lists. `[tables]` names them, `CONFIGURATION.md` documents their columns.
//!
//! A file is taken as a whole or not at all: one bad line, and the configuration is refused with
//! every bad line named. Nothing here opens a file: whoever loads a configuration says how a name
//! becomes text.

pub mod limits;
pub mod lists;
pub mod rates;
pub mod routes;
pub mod sheet;
pub mod standing;

use std::io;
use std::path::Path;

use sheet::{Form, Tally};

use crate::control::configuration::Diagnostics;

/// How the text of a table file is found by the name that the configuration writes.
pub type Reader<'a> = &'a dyn Fn(&str) -> io::Result<String>;

/// Every kind of table file, in the order in which they are told and hashed.
pub const FORMS: &[&Form] = &[
    &rates::FORM,
    &routes::FORM,
    &limits::FORM,
    &lists::FORM,
    &standing::FORM,
];

/// A table file that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableFile {
    /// What it holds: its key under `[tables]`.
    pub key: &'static str,
    /// Its name as the configuration writes it.
    pub name: String,
    /// How much it holds.
    pub tally: Tally,
}

/// Largest table file.
pub const TABLE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What comes with the switch, by the name that a configuration may give it.
const EMBEDDED: &[(&str, &str)] = &[
    ("sandbox:rates", include_str!("../sandbox-rates.tsv")),
    ("sandbox:routes", include_str!("../sandbox-routes.tsv")),
    ("sandbox:limits", include_str!("../sandbox-limits.tsv")),
    (standing::WITHOUT_FILE, standing::EMPTY),
];

/// The text of the table `name`: what `reader` finds, or else one that comes with the switch.
pub(in crate::control) fn text(name: &str, reader: Reader<'_>) -> io::Result<String> {
    let embedded = EMBEDDED.iter().find(|(known, _)| *known == name);
    match (reader(name), embedded) {
        (Err(_), Some((_, text))) => Ok((*text).to_owned()),
        (read, _) => read,
    }
}

/// What diagnostics call a table that `configuration` names.
pub(in crate::control) fn shown(configuration: &str, name: &str) -> String {
    if EMBEDDED.iter().any(|(known, _)| *known == name) {
        return name.to_owned();
    }
    let folder = Path::new(configuration).parent().unwrap_or(Path::new(""));
    folder.join(name).display().to_string()
}

/// A reader that finds nothing but what comes with the switch.
pub(in crate::control) fn only_embedded(_: &str) -> io::Result<String> {
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "no files are at hand here",
    ))
}

/// A reader of files, by names relative to the folder of the configuration `path`.
pub(in crate::control) fn beside(path: &Path) -> impl Fn(&str) -> io::Result<String> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    move |name| {
        if EMBEDDED.iter().any(|(known, _)| *known == name) {
            return only_embedded(name);
        }
        let path = folder.join(name);
        let length = std::fs::metadata(&path)?.len();
        if length > TABLE_BYTES_MAX {
            let problem = format!("it has {length} bytes, and {TABLE_BYTES_MAX} are read at most");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        std::fs::read_to_string(path)
    }
}

/// A table, taken from its text.
pub(in crate::control) type Taken<T> = Result<(T, Tally), Diagnostics>;

//! Published generations on the disk: `tables/` in the data directory.
//!
//! ```text
//! tables/generations        a line of JSON for each generation, in their order
//! tables/SHA-256            a text of a table by the hash of its content
//! ```
//!
//! A text is synced before the line that names it, and a line before anybody sees its generation.
//! A line that a crash cut short is no generation. Knows nothing of what the texts mean.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::control::configuration::Texts;
use crate::sys::clock::Clock;

const FOLDER: &str = "tables";
const LIST: &str = "generations";

/// Generations that are kept, at least; when there are twice as many, the older half is forgotten.
const KEPT: usize = 1_000;

/// One published generation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Generation {
    /// Above all before it, and above that of the files it stands over.
    pub version: u32,
    /// Of all tables, in hexadecimal digits.
    pub hash: String,
    /// The hash of the tables in the configuration's own files, over which it was published.
    pub base: String,
    /// Which texts stand in the place of files: names, and hashes of contents.
    pub texts: BTreeMap<String, String>,
    /// When.
    pub time: String,
    /// By whom.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// All of them.
#[derive(Debug)]
pub struct Generations {
    folder: PathBuf,
    known: Vec<Generation>,
    kept: usize,
    /// Open once there is something to write.
    list: Option<File>,
}

impl Generations {
    /// Reads what was published with the data directory `data`. Changes nothing.
    ///
    /// # Errors
    /// The list is there and cannot be read.
    pub fn read(data: &Path) -> io::Result<Self> {
        let folder = data.join(FOLDER);
        let text = match fs::read_to_string(folder.join(LIST)) {
            // A data directory that is none is the journal's to tell of.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                String::new()
            }
            read => read?,
        };
        let known = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Ok(Self {
            folder,
            known,
            kept: KEPT,
            list: None,
        })
    }

    /// All, the oldest first.
    pub fn known(&self) -> &[Generation] {
        &self.known
    }

    /// The one of this version.
    pub fn of(&self, version: u32) -> Option<&Generation> {
        self.known
            .iter()
            .rev()
            .find(|known| known.version == version)
    }

    /// The texts that a generation names, each checked against its hash.
    ///
    /// # Errors
    /// One cannot be read, or is not what it was.
    pub fn texts(&self, generation: &Generation) -> io::Result<Texts> {
        let mut texts = Texts::new();
        for (name, hash) in &generation.texts {
            let path = self.folder.join(hash);
            let text = fs::read_to_string(&path)?;
            if hash_of(&text) != *hash {
                let problem = format!("{} is not what was published", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            texts.insert(name.clone(), Arc::from(text));
        }
        Ok(texts)
    }

    /// Keeps a generation. Once this returns, the next start finds it.
    ///
    /// # Errors
    /// The disk does not take it; then it is not published.
    pub fn keep(&mut self, mut generation: Generation, texts: &Texts) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        generation.texts = BTreeMap::new();
        for (name, text) in texts {
            let hash = hash_of(text);
            self.keep_text(&hash, text)?;
            generation.texts.insert(name.clone(), hash);
        }
        generation.time = Clock.now().wall.to_string();
        let mut line = serde_json::to_vec(&generation)?;
        line.push(b'\n');
        if self.list.is_none() {
            self.list = Some(self.open_list()?);
        }
        let list = self.list.as_mut().expect("it was opened just now");
        if let Err(error) = list.write_all(&line).and_then(|()| list.sync_data()) {
            // What there is of the line ends where it is opened again.
            self.list = None;
            return Err(error);
        }
        self.known.push(generation);
        if self.known.len() >= self.kept.saturating_mul(2)
            && let Err(error) = self.forget()
        {
            tracing::warn!(%error, "old generations are not forgotten, tried again later");
        }
        Ok(())
    }

    /// Keeps the newer half, and the texts that it names. The list is there whole or as it was.
    fn forget(&mut self) -> io::Result<()> {
        let newest = self.known.split_off(self.known.len() - self.kept);
        let forgotten = core::mem::replace(&mut self.known, newest);
        let mut text = Vec::new();
        for generation in &self.known {
            serde_json::to_writer(&mut text, generation)?;
            text.push(b'\n');
        }
        self.list = None;
        let new = self.folder.join("generations.new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, self.folder.join(LIST))?;
        File::open(&self.folder)?.sync_all()?;
        let named = |hash: &String| {
            let mut known = self.known.iter().flat_map(|known| known.texts.values());
            known.any(|known| known == hash)
        };
        for hash in forgotten.iter().flat_map(|old| old.texts.values()) {
            if !named(hash) {
                // The same text may have been in many of them.
                drop(fs::remove_file(self.folder.join(hash)));
            }
        }
        Ok(())
    }

    fn open_list(&self) -> io::Result<File> {
        let path = self.folder.join(LIST);
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o600).open(&path)?;
        if fs::read(&path)?.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n")?;
        }
        // The name of the folder, and those in it.
        File::open(&self.folder)?.sync_all()?;
        self.folder
            .parent()
            .map_or(Ok(()), |data| File::open(data)?.sync_all())?;
        Ok(file)
    }

    fn keep_text(&self, hash: &str, text: &str) -> io::Result<()> {
        let path = self.folder.join(hash);
        if path.exists() {
            return Ok(());
        }
        let new = self.folder.join(format!("{hash}.new"));
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// SHA-256 in hexadecimal digits.
fn hash_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(version: u32) -> Generation {
        Generation {
            version,
            hash: format!("{version:016x}"),
            base: String::new(),
            texts: BTreeMap::new(),
            time: String::new(),
            who: "ann".to_owned(),
            reason: "a test".to_owned(),
        }
    }

    fn texts(text: &str) -> Texts {
        Texts::from([("routes.tsv".to_owned(), Arc::from(text))])
    }

    #[test]
    fn what_was_kept_is_found_again_and_a_torn_line_is_no_generation() {
        let data = tempfile::tempdir().unwrap();
        let mut generations = Generations::read(data.path()).unwrap();
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
        generations.keep(generation(2), &texts("one")).unwrap();
        generations.keep(generation(3), &texts("two")).unwrap();
        let list = data.path().join(FOLDER).join(LIST);
        let mut torn = fs::read(&list).unwrap();
        torn.extend_from_slice(b"{\"version\":4,");
        fs::write(&list, torn).unwrap();
        let mut again = Generations::read(data.path()).unwrap();
        assert_eq!(again.known(), generations.known());
        again.keep(generation(4), &texts("one")).unwrap();
        let third = Generations::read(data.path()).unwrap();
        let versions: Vec<_> = third.known().iter().map(|known| known.version).collect();
        assert_eq!(versions, [2, 3, 4]);
        for (version, text) in [(2, "one"), (3, "two"), (4, "one")] {
            let known = third.of(version).unwrap();
            assert_eq!(third.texts(known).unwrap(), texts(text), "{version}");
        }
        assert!(third.of(5).is_none());
        // Two texts and the list: what is the same is kept once.
        assert_eq!(fs::read_dir(data.path().join(FOLDER)).unwrap().count(), 3);
    }

    #[test]
    fn the_older_half_is_forgotten_with_the_texts_that_only_it_had() {
        let data = tempfile::tempdir().unwrap();
        let mut generations = Generations::read(data.path()).unwrap();
        generations.kept = 3;
        generations.keep(generation(2), &texts("first")).unwrap();
        for version in 3..=7 {
            let text = if version % 2 == 0 { "even" } else { "odd" };
            generations.keep(generation(version), &texts(text)).unwrap();
        }
        let read = Generations::read(data.path()).unwrap();
        assert_eq!(read.known(), generations.known());
        assert!(read.of(4).is_none());
        for version in 5..=7 {
            read.texts(read.of(version).unwrap()).unwrap();
        }
        // "even", "odd", the list.
        assert_eq!(fs::read_dir(data.path().join(FOLDER)).unwrap().count(), 3);
        generations.keep(generation(8), &texts("even")).unwrap();
        assert_eq!(Generations::read(data.path()).unwrap().known().len(), 4);
    }

    #[test]
    fn a_text_that_was_changed_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let mut generations = Generations::read(data.path()).unwrap();
        generations.keep(generation(2), &texts("one")).unwrap();
        let known = generations.known()[0].clone();
        let path = data.path().join(FOLDER).join(&known.texts["routes.tsv"]);
        fs::write(path, "other").unwrap();
        let error = generations.texts(&known).unwrap_err().to_string();
        assert!(error.contains("not what was published"), "{error}");
    }
}

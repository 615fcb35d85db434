//! The record of what operators did: `admin.journal` in the data directory, a line of JSON for each
//! intention before it takes effect, and one for what became of it, each synced before anything
//! goes on. Nothing is ever removed from it; an operator moves it away when it is full.
//!
//! Never holds payment data, tokens or the text of a table.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sys::clock::Clock;

/// Its name in the data directory.
pub const FILE: &str = "admin.journal";

/// When it is so long, nothing is done any more until somebody moves it away: some hundred
/// thousand actions.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Of one reason, in bytes.
pub const REASON_BYTES_MAX: usize = 1_000;

/// What is about to be done.
#[derive(Clone, Debug)]
pub struct Intention<'a> {
    /// Who.
    pub who: &'a str,
    /// The way that it came.
    pub via: &'static str,
    /// What, in one word and its object.
    pub action: &'a str,
    /// Why, in the operator's words.
    pub reason: &'a str,
    /// What is in force before, and what shall be after it.
    pub details: Value,
}

/// The open file.
#[derive(Debug)]
pub struct ActionRecord {
    path: PathBuf,
    file: File,
    bytes: u64,
    next: u64,
}

impl ActionRecord {
    /// Opens the record in the directory `data`, or begins it.
    pub fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(FILE);
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        let text = std::fs::read(&path)?;
        let mut record = Self {
            path,
            bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
            next: text.iter().filter(|byte| **byte == b'\n').count() as u64 + 1,
            file,
        };
        // A line that a crash cut short ends here; what follows is a line of its own.
        if text.last().is_some_and(|last| *last != b'\n') {
            record.append(b"\n")?;
            record.next += 1;
        }
        record.file.sync_all()?;
        Ok(record)
    }

    /// Writes what is about to be done. Once this returns, it is on the disk, and may be done.
    /// Returns its number, for [`ActionRecord::end`].
    pub fn begin(&mut self, intention: &Intention<'_>) -> io::Result<u64> {
        let number = self.next;
        self.line(&json!({
            "number": number,
            "time": Clock.now().wall.to_string(),
            "who": intention.who,
            "via": intention.via,
            "action": intention.action,
            "reason": intention.reason,
            "details": intention.details,
        }))?;
        Ok(number)
    }

    /// Writes what became of it.
    pub fn end(&mut self, of: u64, outcome: &str) -> io::Result<()> {
        let number = self.next;
        self.line(&json!({
            "number": number,
            "of": of,
            "time": Clock.now().wall.to_string(),
            "outcome": outcome,
        }))
    }

    fn line(&mut self, value: &Value) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        if self.bytes.saturating_add(line.len() as u64) > BYTES_MAX {
            let full = format!(
                "{} is full: move it away, and start again",
                self.path.display()
            );
            return Err(io::Error::new(io::ErrorKind::StorageFull, full));
        }
        self.append(&line)?;
        self.next += 1;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intention() -> Intention<'static> {
        Intention {
            who: "ann",
            via: "socket",
            action: "drain switch",
            reason: "a new kernel\nis due",
            details: Value::Null,
        }
    }

    #[test]
    fn lines_are_numbered_on_over_starts_and_a_torn_one_hurts_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = ActionRecord::open(folder.path()).unwrap();
        assert_eq!(record.begin(&intention()).unwrap(), 1);
        record.end(1, "done").unwrap();
        drop(record);
        let path = folder.path().join(FILE);
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"number\":3,\"ti");
        std::fs::write(&path, torn).unwrap();
        let mut record = ActionRecord::open(folder.path()).unwrap();
        assert_eq!(record.begin(&intention()).unwrap(), 4);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Option<Value>> = text
            .lines()
            .map(|line| serde_json::from_str(line).ok())
            .collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[2].is_none());
        for (line, number) in [(0, 1), (1, 2), (3, 4)] {
            assert_eq!(lines[line].as_ref().unwrap()["number"], number);
        }
        assert_eq!(lines[1].as_ref().unwrap()["of"], 1);
        assert_eq!(lines[0].as_ref().unwrap()["reason"], "a new kernel\nis due");
    }

    #[test]
    fn a_full_record_takes_no_intention() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = ActionRecord::open(folder.path()).unwrap();
        record.bytes = BYTES_MAX - 10;
        let error = record.begin(&intention()).unwrap_err().to_string();
        assert!(error.contains("move it away"), "{error}");
    }
}

//! `journal.json`: what makes a folder a journal. Written once, before the first segment.
//!
//! ```json
//! {"format":1,"uuid":"0123...ef","shards":4,"segment_bytes":67108864,"seed":"0123456789abcdef"}
//! ```
//!
//! UUID and seed are hexadecimal. The seed keys the fingerprints of requests: without it, the codes
//! behind them could be found by trying.

use core::fmt;

use serde_json::{Value, json};

use crate::journal::layout::{BLOCK, FORMAT_VERSION, JournalIdentity};
use crate::model::ids::ShardId;
use crate::model::limits::SHARDS_MAX;

/// The file's name.
pub const IDENTITY_FILE: &str = "journal.json";

/// What a folder's shards have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FolderIdentity {
    /// Drawn when the folder was made.
    pub uuid: [u8; 16],
    /// How many shards share the keys.
    pub shards: u16,
    /// Size of every segment.
    pub segment_bytes: u64,
    /// Keys the fingerprints.
    pub seed: u64,
}

impl fmt::Debug for FolderIdentity {
    /// Without the seed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FolderIdentity")
            .field("uuid", &hex(&self.uuid))
            .field("shards", &self.shards)
            .field("segment_bytes", &self.segment_bytes)
            .finish_non_exhaustive()
    }
}

/// Why the file is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadIdentity {
    /// A later format.
    Newer(u64),
    /// Not what was written.
    Damaged(&'static str),
}

impl fmt::Display for BadIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(format) => write!(
                formatter,
                "it has format {format} and this program reads {FORMAT_VERSION} at most"
            ),
            Self::Damaged(name) => {
                write!(formatter, "`{name}` is missing or not as it was written")
            }
        }
    }
}

impl FolderIdentity {
    /// Whose a shard's blocks are.
    pub fn shard(&self, shard: ShardId) -> JournalIdentity {
        assert!(shard.0 < self.shards);
        JournalIdentity {
            uuid: self.uuid,
            shard,
            shards: self.shards,
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let value = json!({
            "format": FORMAT_VERSION,
            "uuid": hex(&self.uuid),
            "shards": self.shards,
            "segment_bytes": self.segment_bytes,
            "seed": hex(&self.seed.to_be_bytes()),
        });
        format!("{value}\n")
    }

    /// Reads the file's text.
    pub fn read(text: &str) -> Result<Self, BadIdentity> {
        let value: Value =
            serde_json::from_str(text).map_err(|_| BadIdentity::Damaged("journal.json"))?;
        let number = |name| value.get(name).and_then(Value::as_u64);
        let format = number("format").ok_or(BadIdentity::Damaged("format"))?;
        if format > u64::from(FORMAT_VERSION) {
            return Err(BadIdentity::Newer(format));
        }
        let seed = bytes_of(&value, "seed")?;
        Ok(Self {
            uuid: bytes_of(&value, "uuid")?,
            shards: number("shards")
                .and_then(|shards| u16::try_from(shards).ok())
                .filter(|shards| (1..=SHARDS_MAX).contains(shards))
                .ok_or(BadIdentity::Damaged("shards"))?,
            segment_bytes: number("segment_bytes")
                .filter(|bytes| *bytes > 0 && bytes.is_multiple_of(BLOCK))
                .ok_or(BadIdentity::Damaged("segment_bytes"))?,
            seed: u64::from_be_bytes(seed),
        })
    }
}

fn bytes_of<const N: usize>(value: &Value, name: &'static str) -> Result<[u8; N], BadIdentity> {
    value
        .get(name)
        .and_then(Value::as_str)
        .and_then(from_hex)
        .ok_or(BadIdentity::Damaged(name))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of 2 N hexadecimal digits, hyphens left out.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut digits = text.chars().filter(|digit| *digit != '-');
    let mut digit = || digits.next().and_then(|digit| digit.to_digit(16));
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
    }
    digit().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: FolderIdentity = FolderIdentity {
        uuid: *b"0123456789abcdef",
        shards: 4,
        segment_bytes: 65_536,
        seed: 0xfeed,
    };

    #[test]
    fn what_is_written_is_read_and_everything_else_named() {
        let text = IDENTITY.text();
        assert_eq!(FolderIdentity::read(&text), Ok(IDENTITY));
        for (from, to, expected) in [
            ("\"format\":1", "\"format\":2", BadIdentity::Newer(2)),
            (
                "\"shards\":4",
                "\"shards\":0",
                BadIdentity::Damaged("shards"),
            ),
            ("65536", "65537", BadIdentity::Damaged("segment_bytes")),
            ("30313233", "3031323", BadIdentity::Damaged("uuid")),
            ("{", "", BadIdentity::Damaged("journal.json")),
        ] {
            assert_eq!(
                FolderIdentity::read(&text.replacen(from, to, 1)),
                Err(expected)
            );
        }
        assert!(!format!("{IDENTITY:?}").contains("feed"));
    }
}

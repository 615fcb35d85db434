//! The header that digests and indexes have: what it is, of which version and of which segment
//! stands first, then what the kind alone knows, and last the check of all before it. Pure bytes.
#![deny(clippy::indexing_slicing)]

use crate::journal::layout::{Reader, Writer, checksum};
use crate::model::ids::ShardId;

/// Size of such a header.
pub(super) const FILE_HEADER_BYTES: usize = 128;
const CHECKED_BYTES: usize = FILE_HEADER_BYTES - 4;

/// Why a file is none that can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadFile {
    /// Another version of the format.
    Version(u16),
    /// No magic, a wrong size, or a check that fails.
    Damaged,
}

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileKind {
    pub(super) magic: [u8; 4],
    /// What this build writes, and the only one that it reads.
    pub(super) version: u16,
}

/// Of which segment a file is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose {
    pub(super) shard: ShardId,
    pub(super) uuid: [u8; 16],
    pub(super) segment: u64,
}

impl FileKind {
    /// A header's bytes; `fill` writes what the kind alone knows, and zeros stay behind it.
    pub(super) fn encode(
        self,
        whose: &Whose,
        fill: impl FnOnce(&mut Writer<'_>),
    ) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        let (checked, check) = bytes.split_at_mut(CHECKED_BYTES);
        let mut writer = Writer::new(checked);
        writer.put(self.magic);
        writer.put(self.version.to_le_bytes());
        writer.put(whose.shard.0.to_le_bytes());
        writer.put(whose.uuid);
        writer.put(whose.segment.to_le_bytes());
        fill(&mut writer);
        check.copy_from_slice(&checksum(0, checked).to_le_bytes());
        bytes
    }

    /// Judges a header; what follows it in `bytes` is not looked at. What the kind alone knows is
    /// read next.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<(Whose, Reader<'_>), BadFile> {
        let bytes: &[u8; FILE_HEADER_BYTES] = bytes.first_chunk().ok_or(BadFile::Damaged)?;
        let (checked, check) = bytes
            .split_first_chunk::<CHECKED_BYTES>()
            .expect("it is part of the header");
        let mut reader = Reader::new(checked);
        let magic: [u8; 4] = reader.take();
        let version = u16::from_le_bytes(reader.take());
        if magic != self.magic {
            return Err(BadFile::Damaged);
        }
        if version != self.version {
            return Err(BadFile::Version(version));
        }
        if checksum(0, checked).to_le_bytes() != check {
            return Err(BadFile::Damaged);
        }
        let whose = Whose {
            shard: ShardId(u16::from_le_bytes(reader.take())),
            uuid: reader.take(),
            segment: u64::from_le_bytes(reader.take()),
        };
        Ok((whose, reader))
    }
}

//! THE LOSS OF POWER, played on the files of a switch that was killed: what it had not been told to
//! be on the disk is kept, lost, torn or what stood there before, and its memory is gone.
//!
//! The switch's own word on what is on the disk is the `durable` in its tail's header, written
//! before anything that it releases leaves. Below it nothing is touched.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cpg_switch::journal::layout::{TAIL_HEADER_BYTES, read_tail_header};
use cpg_switch::model::ids::Lsn;
use cpg_switch::model::limits::BLOCK_BYTES;
use cpg_switch::sys::segments::{list_segments, open_segment};

use crate::cli::exit::Failure;
use crate::mix::random::Draw;

/// What became of the blocks that nobody vouched for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub(crate) struct Lost {
    /// They had made it.
    pub(crate) kept: u64,
    /// Zeros.
    pub(crate) zeroed: u64,
    /// Some of their sectors.
    pub(crate) torn: u64,
    /// What another block of the file says.
    pub(crate) old: u64,
    /// Segments without a block whose names were lost.
    pub(crate) unnamed: u64,
}

impl Lost {
    pub(super) const fn add(&mut self, other: Self) {
        self.kept += other.kept;
        self.zeroed += other.zeroed;
        self.torn += other.torn;
        self.old += other.old;
        self.unnamed += other.unnamed;
    }
}

/// The shards' folders in `data`.
pub(super) fn shards(data: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(data)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("shard-") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    };
    read().map_err(Failure::file("list the journal's folders"))
}

/// Where a shard's tail is, and up to where it says that the disk has the journal. None where there
/// is no tail.
pub(super) fn tail_of(shard: &Path) -> Result<Option<(PathBuf, Lsn)>, Failure> {
    let Ok(place) = fs::read_to_string(shard.join("tail.path")) else {
        return Ok(None);
    };
    let path = PathBuf::from(place.trim_end());
    if !path.is_file() {
        return Ok(None);
    }
    let mut page = vec![0; TAIL_HEADER_BYTES];
    File::open(&path)
        .and_then(|file| file.read_exact_at(&mut page, 0))
        .map_err(Failure::file("read the tail's header"))?;
    let durable = read_tail_header(&page).map_or(Lsn(0), |(_, header)| header.durable);
    Ok(Some((path, durable)))
}

/// Cuts the power of every shard.
pub(super) fn cut(data: &Path, segment_bytes: u64, draw: &mut Draw) -> Result<Lost, Failure> {
    let mut lost = Lost::default();
    for shard in shards(data)? {
        let Some((tail, durable)) = tail_of(&shard)? else {
            continue;
        };
        for (segment, path) in list_segments(&shard)? {
            // Its lock tells that the dead process's writes have ended.
            drop(open_segment(&path, LOCK_WAIT_MS)?);
            let start = (segment - 1) * segment_bytes;
            let doing = format!("tamper with {}", path.display());
            let fate = tamper(&path, start, durable.0, draw).map_err(Failure::file(doing))?;
            lost.add(fate);
        }
        fs::remove_file(&tail).map_err(Failure::file("remove the tail"))?;
    }
    Ok(lost)
}

/// The segment at `path`, which starts at `start` in the stream.
fn tamper(path: &Path, start: u64, durable: u64, draw: &mut Draw) -> io::Result<Lost> {
    let mut lost = Lost::default();
    let bytes = fs::read(path)?;
    let from = usize::try_from(durable.saturating_sub(start)).map_err(io::Error::other)?;
    let blocks = bytes.as_chunks::<BLOCK_BYTES>().0;
    let first = from.div_ceil(BLOCK_BYTES);
    if first >= blocks.len() {
        return Ok(lost);
    }
    let blank = |block: &[u8; BLOCK_BYTES]| block.iter().all(|byte| *byte == 0);
    if first == 0 && blocks.iter().all(blank) {
        if draw.below(3) == 0 {
            fs::remove_file(path)?;
            lost.unnamed += 1;
        }
        return Ok(lost);
    }
    let file = File::options().write(true).open(path)?;
    for (place, block) in (0_u64..).zip(blocks).skip(first) {
        if blank(block) {
            continue;
        }
        let mut now = *block;
        match draw.below(5) {
            0 | 1 => lost.kept += 1,
            2 => {
                now = [0; BLOCK_BYTES];
                lost.zeroed += 1;
            }
            3 => {
                tear(&mut now, draw);
                lost.torn += 1;
            }
            _ => {
                let other = draw.below(u32::try_from(blocks.len()).unwrap_or(u32::MAX));
                now = blocks[other as usize];
                lost.old += 1;
            }
        }
        if now != *block {
            file.write_all_at(&now, place * BLOCK_BYTES as u64)?;
        }
    }
    file.sync_all()?;
    Ok(lost)
}

/// Each sector is there or not; at least one is not.
fn tear(block: &mut [u8; BLOCK_BYTES], draw: &mut Draw) {
    let sectors = block.chunks_mut(SECTOR_BYTES).count();
    let gone = draw.below(u32::try_from(sectors).expect("a few")) as usize;
    for (place, sector) in block.chunks_mut(SECTOR_BYTES).enumerate() {
        if place == gone || draw.below(2) == 0 {
            sector.fill(0);
        }
    }
}

/// Kills the switch in the middle of a copy of the tail's header: of the newest one only a part was
/// written. Stricter than life, where nothing that the newest copy released had left.
pub(super) fn tear_headers(data: &Path, draw: &mut Draw) -> Result<u64, Failure> {
    let mut torn = 0;
    for shard in shards(data)? {
        let Some((tail, _)) = tail_of(&shard)? else {
            continue;
        };
        let doing = format!("tear the header of {}", tail.display());
        torn += tear_header(&tail, draw).map_err(Failure::file(doing))?;
    }
    Ok(torn)
}

fn tear_header(path: &Path, draw: &mut Draw) -> io::Result<u64> {
    let file = File::options().read(true).write(true).open(path)?;
    let mut page = vec![0; TAIL_HEADER_BYTES];
    file.read_exact_at(&mut page, 0)?;
    let Some((newest, _)) = read_tail_header(&page) else {
        return Ok(0);
    };
    // The copy without which the other one is the newest.
    let starts = page.windows(TAIL_MAGIC.len()).enumerate();
    let starts = starts.filter(|(_, bytes)| *bytes == TAIL_MAGIC);
    for (start, _) in starts {
        let mut torn = page.clone();
        let from = start + TAIL_MAGIC.len() + draw.below(TORN_WITHIN_BYTES) as usize;
        torn[from..from + TORN_BYTES].fill(0xa5);
        if read_tail_header(&torn).is_some_and(|(count, _)| count < newest) {
            file.write_all_at(&torn, 0)?;
            return Ok(1);
        }
    }
    Ok(0)
}

const LOCK_WAIT_MS: u64 = 10_000;
/// What disks write whole, at the least.
const SECTOR_BYTES: usize = 512;
/// How a copy of the tail's header begins; `journal/layout.rs` draws it.
const TAIL_MAGIC: &[u8] = b"CPGT";
/// Behind it, well inside the copy.
const TORN_WITHIN_BYTES: u32 = 60;
const TORN_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_what_is_durable_nothing_is_touched_and_above_it_everything_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment-0000000002.cpgj");
        let before: Vec<u8> = (1..=64_u8).flat_map(|block| [block; BLOCK_BYTES]).collect();
        let start = 64 * BLOCK_BYTES as u64;
        let durable = start + 10 * BLOCK_BYTES as u64;
        let mut draw = Draw::new(3, 3);
        let mut lost = Lost::default();
        for _ in 0..10 {
            fs::write(&path, &before).unwrap();
            lost.add(tamper(&path, start, durable, &mut draw).unwrap());
            let after = fs::read(&path).unwrap();
            assert_eq!(after[..10 * BLOCK_BYTES], before[..10 * BLOCK_BYTES]);
            assert_eq!(after.len(), before.len());
            assert_ne!(after, before);
        }
        let tried = [lost.kept, lost.zeroed, lost.torn, lost.old];
        assert!(tried.iter().all(|count| *count > 0), "{lost:?}");
        assert_eq!(tried.iter().sum::<u64>(), 540);
    }

    #[test]
    fn a_torn_block_lacks_a_sector() {
        let mut draw = Draw::new(1, 1);
        for _ in 0..100 {
            let mut block = [7; BLOCK_BYTES];
            tear(&mut block, &mut draw);
            assert!(
                block
                    .chunks(SECTOR_BYTES)
                    .any(|sector| sector == [0; SECTOR_BYTES])
            );
        }
    }
}

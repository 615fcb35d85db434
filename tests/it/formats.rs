//! Journals of formats before this one: read as they are, or refused in words. Never half read.

use std::fs;
use std::path::Path;

use cpg_switch::journal::layout::FORMAT_VERSION;
use cpg_switch::model::limits::BLOCK_BYTES;
use serde_json::Value as Json;

use crate::cli::{GOOD, INTEGRITY, errors, output};

/// One segment's first blocks, kept since the first format.
const FORMAT_1: &str = include_str!("data/journal-format-1.json");

/// Puts the kept journal into `data`.
fn unpack(kept: &str, data: &Path) {
    let kept: Json = serde_json::from_str(kept).unwrap();
    let shard = data.join("shard-00");
    fs::create_dir_all(&shard).unwrap();
    fs::write(data.join("journal.json"), kept["identity"].to_string()).unwrap();
    let bytes = kept["identity"]["segment_bytes"].as_u64().unwrap();
    let mut segment = vec![0; usize::try_from(bytes).unwrap()];
    let blocks = kept["blocks"].as_array().unwrap();
    for (block, place) in blocks.iter().zip(segment.chunks_mut(BLOCK_BYTES)) {
        let digits = block.as_str().unwrap().as_bytes();
        for (pair, byte) in digits.chunks(2).zip(place) {
            let pair = str::from_utf8(pair).unwrap();
            *byte = u8::from_str_radix(pair, 16).unwrap();
        }
    }
    fs::write(shard.join("segment-0000000001.cpgj"), segment).unwrap();
}

#[test]
fn a_journal_of_the_first_format_is_read_or_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    unpack(FORMAT_1, &data);
    let data = data.to_str().unwrap();
    let before = fs::read(folder.path().join("data/shard-00/segment-0000000001.cpgj")).unwrap();
    for words in [
        &["journal", "verify", data][..],
        &["journal", "dump", data],
        &["run", "--data", data],
    ] {
        if FORMAT_VERSION == 1 {
            if words[0] == "journal" {
                assert_eq!(output(words, b"").status.code(), GOOD, "{words:?}");
            }
            continue;
        }
        let refused = output(words, b"");
        let told = errors(&refused) + &String::from_utf8_lossy(&refused.stdout);
        assert_eq!(refused.status.code(), INTEGRITY, "{words:?}: {told}");
        for expected in ["segment-0000000001.cpgj", "format 1", "start the version"] {
            assert!(
                told.contains(expected),
                "{words:?} lacks `{expected}`: {told}"
            );
        }
    }
    let after = fs::read(folder.path().join("data/shard-00/segment-0000000001.cpgj")).unwrap();
    assert_eq!(before, after, "nothing is changed");
}

//! A digest as a fuzzer's input: one byte, then the file. Where the byte is odd, sizes and checks
//! are made right first; offsets are those that `src/journal/digest/mod.rs` draws.

use cpg_switch::journal::digest::{Digest, DIGEST_HEADER_BYTES};
use cpg_switch::journal::layout::checksum;

/// Reads a digest, and all its entries, twice.
///
/// # Panics
///
/// Where what was found whole is not.
pub fn check(input: &[u8]) {
    let Some((flags, bytes)) = input.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if flags & 1 == 1 && bytes.len() >= DIGEST_HEADER_BYTES {
        repair(&mut bytes);
    }
    let Ok(digest) = Digest::read(bytes) else {
        return;
    };
    let (mut items, mut count) = (digest.items().expect("it was read"), 0);
    while let Some(_item) = items.next_item().expect("every entry was looked at") {
        count += 1;
    }
    let header = digest.header();
    assert_eq!(header.settled + header.loose, count);
}

fn repair(bytes: &mut [u8]) {
    let (header, body) = bytes.split_at_mut(DIGEST_HEADER_BYTES);
    header[112..120].copy_from_slice(&(body.len() as u64).to_le_bytes());
    header[120..124].copy_from_slice(&checksum(0, body).to_le_bytes());
    let check = checksum(0, &header[..124]);
    header[124..].copy_from_slice(&check.to_le_bytes());
}

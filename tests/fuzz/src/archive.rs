//! What leads into an archive, as a fuzzer's input: one byte, then the file. Where the byte is odd,
//! the check of a base's header is made right first; offsets are those that `src/journal/base.rs`
//! draws.

use cpg_switch::journal::archive::index::IndexHeader;
use cpg_switch::journal::base::{BASE_BYTES, Base};
use cpg_switch::journal::layout::{JournalIdentity, checksum};
use cpg_switch::model::ids::ShardId;

/// Reads a base and the header of an index; what is read is written again.
///
/// # Panics
///
/// Where it is not the same.
pub fn check(input: &[u8]) {
    let Some((flags, bytes)) = input.split_first() else {
        return;
    };
    if let Ok(header) = IndexHeader::decode(bytes) {
        assert_eq!(IndexHeader::decode(&header.encode()), Ok(header));
    }
    if bytes.len() < BASE_BYTES {
        return;
    }
    let mut bytes = bytes.to_vec();
    if flags & 1 == 1 {
        let check = checksum(0, &bytes[..BASE_BYTES - 4]);
        bytes[BASE_BYTES - 4..BASE_BYTES].copy_from_slice(&check.to_le_bytes());
    }
    let identity = JournalIdentity {
        uuid: bytes[8..24].try_into().expect("sixteen bytes"),
        shard: ShardId(u16::from_le_bytes([bytes[6], bytes[7]])),
        shards: 1,
    };
    if let Ok((base, carried)) = Base::decode(&bytes, &identity) {
        assert_eq!(base.encode(&identity, &carried), bytes);
    }
}

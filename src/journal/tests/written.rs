//! Segments with given records in them, block by block, for tests of what reads them.

use crate::journal::codec;
use crate::journal::layout::{
    BLOCK, BLOCK_HEADER_BYTES, JournalIdentity, Opening, Sealing, check_records, open_block,
    seal_block,
};
use crate::journal::segments::segment_of;
use crate::model::ids::{Epoch, Lsn};
use crate::model::limits::BLOCK_BYTES;
use crate::model::record::Record;
use crate::model::time::Wall;

/// Whole segments: the last is filled with blocks that hold nothing.
pub(crate) fn segments(
    identity: JournalIdentity,
    segment_bytes: u64,
    records: &[(Wall, Record)],
) -> Vec<Vec<u8>> {
    let (mut bytes, mut chain, mut rest) = (Vec::new(), identity.chain(), records);
    while !rest.is_empty() || !(bytes.len() as u64).is_multiple_of(segment_bytes) {
        let lsn = Lsn(bytes.len() as u64);
        let mut block = [0; BLOCK_BYTES];
        let opening = Opening {
            journal: identity.journal(),
            shard: identity.shard,
            epoch: Epoch(1),
            chain,
            segment: segment_of(lsn, segment_bytes),
            lsn,
        };
        open_block(&mut block, &opening);
        let mut end = BLOCK_HEADER_BYTES;
        while let Some(((wall, record), after)) = rest.split_first()
            && end + codec::record_bytes(record) <= BLOCK_BYTES
        {
            let place = &mut block[end..end + codec::record_bytes(record)];
            codec::encode(place, *wall, record);
            chain = check_records(place, chain);
            end += place.len();
            rest = after;
        }
        let sealing = Sealing {
            used: u16::try_from(end - BLOCK_HEADER_BYTES).unwrap(),
            closing: false,
            memory: false,
            watermark: lsn,
        };
        seal_block(&mut block, &sealing, chain);
        bytes.extend_from_slice(&block);
    }
    assert!((bytes.len() as u64).is_multiple_of(BLOCK));
    let segment = usize::try_from(segment_bytes).unwrap();
    bytes.chunks(segment).map(<[u8]>::to_vec).collect()
}

/// The same record about transaction `number`, which is the first field of every kind that has one.
pub(crate) fn numbered(record: &Record, number: u64) -> Record {
    let mut bytes = vec![0; codec::record_bytes(record)];
    codec::encode(&mut bytes, Wall(0), record);
    if !matches!(record, Record::Opened(_) | Record::Total(_)) {
        bytes[16..24].copy_from_slice(&number.to_le_bytes());
    }
    codec::decode(&bytes).unwrap().1
}

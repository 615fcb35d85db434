//! The tail: a header page and a ring of blocks, in memory that survives the process.
//!
//! It is lent to whoever needs it, call by call; nobody here owns it. A block's place in the ring
//! is its LSN modulo the ring's size: blocks never straddle the ring's end, nothing is looked up.

use crate::journal::layout::{BLOCK, TAIL_HEADER_BYTES};
use crate::model::ids::Lsn;
use crate::model::limits::BLOCK_BYTES;

/// The geometry of a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ring {
    bytes: u64,
}

impl Ring {
    /// A ring of `bytes` bytes, a multiple of the block size.
    pub const fn new(bytes: u64) -> Self {
        assert!(bytes > 0 && bytes.is_multiple_of(BLOCK));
        Self { bytes }
    }

    /// Its size.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// The size of the whole tail: header page and ring.
    pub fn tail_bytes(self) -> usize {
        TAIL_HEADER_BYTES + usize::try_from(self.bytes).expect("64-bit machines only")
    }

    /// Where `lsn` lies in the tail: its header page comes first.
    pub const fn offset(self, lsn: Lsn) -> u64 {
        TAIL_HEADER_BYTES as u64 + lsn.0 % self.bytes
    }

    /// The first LSN after `lsn` that lies at the ring's start.
    pub const fn lap_end(self, lsn: Lsn) -> Lsn {
        lsn.plus(self.bytes - lsn.0 % self.bytes)
    }

    /// The block that starts at `lsn`.
    pub fn block(self, tail: &[u8], lsn: Lsn) -> &[u8; BLOCK_BYTES] {
        tail.get(self.index(lsn)..)
            .and_then(<[u8]>::first_chunk)
            .expect("the tail was made as large as its ring")
    }

    /// The block that starts at `lsn`, to write to it.
    pub fn block_mut(self, tail: &mut [u8], lsn: Lsn) -> &mut [u8; BLOCK_BYTES] {
        tail.get_mut(self.index(lsn)..)
            .and_then(<[u8]>::first_chunk_mut)
            .expect("the tail was made as large as its ring")
    }

    fn index(self, lsn: Lsn) -> usize {
        debug_assert!(lsn.0.is_multiple_of(BLOCK));
        usize::try_from(self.offset(lsn)).expect("64-bit machines only")
    }
}

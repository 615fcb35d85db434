//! Where one message ends and the next begins: SOFH, two- and four-byte length headers, TPDU.
//!
//! Never reads a body.

use core::ops::Range;

use crate::model::refusal::Fault;

/// How frames are delimited on a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// FIX SOFH 1.0: u32 big-endian length *including* these six bytes, then 0xEB50 (SBE 1.0,
    /// little-endian).
    Sofh,
    /// u16 big-endian length, excluding itself; with `tpdu`, five bytes of TPDU count as body
    /// length.
    Len2 {
        /// Whether a five-byte TPDU follows the length.
        tpdu: bool,
    },
    /// Four ASCII digits, excluding themselves; `0000` is a keep-alive and is echoed.
    Len4 {
        /// Whether a five-byte TPDU follows the length.
        tpdu: bool,
    },
}

/// What the next bytes of a stream are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Split {
    /// Not a whole frame yet. `total` is its length where the header is complete.
    Partial {
        /// Length of the whole frame, if known.
        total: Option<usize>,
    },
    /// A whole frame.
    Frame {
        /// Where its body is.
        body: Range<usize>,
        /// Its TPDU, if the framing has one.
        tpdu: Option<[u8; 5]>,
        /// Its length with header.
        total: usize,
    },
    /// A keep-alive of `total` bytes: send the same bytes back.
    KeepAlive {
        /// Its length.
        total: usize,
    },
    /// The header makes no sense (`FramingLost`) or announces more than the listener allows
    /// (`Oversize`): the stream cannot be followed any more.
    Lost(Fault),
}

impl Framing {
    /// Bytes before the body, TPDU included.
    pub const fn header_bytes(self) -> usize {
        match self {
            Self::Sofh => 6,
            Self::Len2 { tpdu } => 2 + if tpdu { 5 } else { 0 },
            Self::Len4 { tpdu } => 4 + if tpdu { 5 } else { 0 },
        }
    }
}
